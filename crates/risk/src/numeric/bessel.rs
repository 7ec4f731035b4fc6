//! The modified Bessel function of the second kind, of any real order, as a logarithm.
//!
//! Densities of the normal inverse Gaussian and variance gamma laws need it at arguments where
//! the function itself underflows, and likelihoods need its derivatives. All come from one sum:
//! the trapezoidal rule on `K_v(x) = 1/2 int exp(v t - x cosh t) dt` over the real line, centred on
//! the peak of the integrand, whose error falls like `exp(-pi^2 / step)`. (puruspe has `K_v(x)`
//! itself, which is zero beyond `x = 745`, and panics where its continued fraction needs more than
//! ten thousand terms.)

/// `K_v(x)` and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BesselK {
    /// `ln K_v(x)`.
    pub(crate) log: f64,
    /// `K_{v-1}(x) / K_v(x)`; the derivative of `log` in `x` is `-ratio_below - v / x`.
    pub(crate) ratio_below: f64,
    /// Derivative of `log` in the order `v`.
    pub(crate) order_derivative: f64,
}

/// The step with which the rule reaches the last digits of a double: `exp(-pi^2 / 0.25) = 7e-18`.
const STEP_MAX: f64 = 0.25;
/// Terms below `exp(-40)` of the largest are left out.
const NEGLIGIBLE: f64 = -40.0;

/// `ln K_v(x)` for `x > 0` and any finite `order`, to about 14 digits of `K` itself.
pub(crate) fn bessel_k(order: f64, x: f64) -> BesselK {
    // The integrand peaks where sinh t = order / x; its width there is 1 / sqrt(width).
    let peak = (order / x).asinh();
    let width = x.hypot(order);
    // `x / 2` times e to the peak and to minus the peak: their sum is the width.
    let (rising, falling) = (0.5 * x * peak.exp(), 0.5 * x * (-peak).exp());
    let step = STEP_MAX.min(0.7 / width.sqrt()).min(0.45 / order.abs().sqrt());
    let growth = (0.5 * step).exp();
    let (mut half, mut total, mut shifted, mut moment) = (1.0_f64, 1.0, 1.0, 0.0);
    let mut distance = 0.0;
    loop {
        half *= growth;
        distance += step;
        let inverse = 1.0 / half;
        let sine = 0.5 * (half - inverse);
        // Both exponents relative to the peak, in the form that loses no digits.
        let (right, left) = if order.abs() < x {
            let fall = -2.0 * width * sine * sine;
            let skew = order * (sine * (half + inverse) - distance);
            (fall - skew, fall + skew)
        } else {
            (
                order * distance - 2.0 * sine * (rising * half - falling * inverse),
                -order * distance - 2.0 * sine * (falling * half - rising * inverse),
            )
        };
        if right.max(left) < NEGLIGIBLE {
            break;
        }
        let (right, left) = (right.exp(), left.exp());
        total += right + left;
        shifted += right * inverse * inverse + left * half * half;
        moment += distance * (right - left);
    }
    BesselK {
        log: order * peak - width + (0.5 * step * total).ln(),
        ratio_below: (-peak).exp() * shifted / total,
        order_derivative: peak + moment / total,
    }
}

/// Nodes of one rule, at multiples of its step.
const NODES: usize = 64;
/// Steps of the rules, each with the largest `x + 3 |v|` that it serves to the last digits.
const RULES: [(f64, f64); 3] = [(0.25, 7.8), (0.125, 31.0), (0.0625, 125.0)];
/// Arguments below leave the nodes.
const ARGUMENT_MIN: f64 = 0.01;
/// Orders beyond have terms that leave the range of a double.
const ORDER_MAX: f64 = 12.0;

/// `K_v` of one order at many arguments: what a likelihood asks for.
///
/// The trapezoidal rule on `K_v(x) = int_0^inf cosh(v t) exp(-x cosh t) dt`, whose hyperbolic
/// factors are computed once, so that a term costs one exponential. Arguments and orders that it
/// does not reach are left to [`bessel_k`].
pub(crate) struct BesselKOfOrder {
    order: f64,
    rules: [[Node; NODES]; RULES.len()],
}

/// The factors of one term.
#[derive(Clone, Copy)]
struct Node {
    /// `cosh t - 1`.
    fall: f64,
    /// `cosh(v t)`, `cosh((v - 1) t)` and `t sinh(v t)`, half of each at `t = 0`.
    factors: [f64; 3],
}

impl BesselKOfOrder {
    pub(crate) fn new(order: f64) -> Self {
        let mut rules = [[Node { fall: 0.0, factors: [0.0; 3] }; NODES]; RULES.len()];
        if order.abs() <= ORDER_MAX {
            for (rule, (step, _)) in rules.iter_mut().zip(RULES) {
                for (k, node) in rule.iter_mut().enumerate() {
                    let t = step * k as f64;
                    let weight = if k == 0 { 0.5 } else { 1.0 };
                    let sine = (0.5 * t).sinh();
                    node.fall = 2.0 * sine * sine;
                    let grown = (order * t).exp();
                    let fallen = 1.0 / grown;
                    let (rising, falling) = (grown * (-t).exp(), fallen * t.exp());
                    let pairs = [grown + fallen, rising + falling, t * (grown - fallen)];
                    node.factors = pairs.map(|pair| 0.5 * weight * pair);
                }
            }
        }
        Self { order, rules }
    }

    /// `ln K_v(x)` for `x > 0`, with its derivatives.
    pub(crate) fn at(&self, x: f64) -> BesselK {
        let reach = x + 3.0 * self.order.abs();
        let rule = RULES.iter().position(|(_, reach_max)| reach <= *reach_max);
        let inside = x >= ARGUMENT_MIN && self.order.abs() <= ORDER_MAX;
        let (Some(rule), true) = (rule, inside) else {
            return bessel_k(self.order, x);
        };
        let [mut total, mut below, mut moment] = [0.0_f64; 3];
        let mut complete = false;
        for Node { fall, factors } in &self.rules[rule] {
            let decay = (-x * fall).exp();
            let term = decay * factors[0];
            total += term;
            below += decay * factors[1];
            moment += decay * factors[2];
            // The terms rise to one peak and fall from there on.
            if term < 1e-18 * total {
                complete = true;
                break;
            }
        }
        if !complete {
            return bessel_k(self.order, x);
        }
        BesselK {
            log: (RULES[rule].0 * total).ln() - x,
            ratio_below: below / total,
            order_derivative: moment / total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nodes of one order against the sum that is centred anew for every argument.
    #[test]
    fn nodes_of_one_order_agree_with_the_centred_sum() {
        for order in [-0.4, 0.02, 0.3, 0.5, 1.0, 1.7, 7.9, 12.0, 40.0] {
            let nodes = BesselKOfOrder::new(order);
            for k in -40..40_i32 {
                let x = f64::from(k).mul_add(0.25, 0.1).exp();
                let (got, expected) = (nodes.at(x), bessel_k(order, x));
                close(got.log, expected.log, 1e-13 * (1.0 + expected.log.abs()));
                close(got.ratio_below / expected.ratio_below, 1.0, 1e-12);
                let scale = 1.0 + expected.order_derivative.abs();
                close(got.order_derivative, expected.order_derivative, 1e-12 * scale);
            }
        }
    }

    #[track_caller]
    fn close(got: f64, expected: f64, tolerance: f64) {
        assert!((got - expected).abs() <= tolerance, "{got} is not {expected}");
    }

    /// Half-integer orders are elementary: `K_1/2 = sqrt(pi / 2x) e^-x`, `K_3/2 = K_1/2 (1 + 1/x)`.
    #[test]
    fn half_orders_are_elementary() {
        for x in [1e-8, 1e-3, 0.5, 2.0, 30.0, 2e3, 1e6] {
            let half = 0.5 * (std::f64::consts::FRAC_PI_2 / x).ln() - x;
            close(bessel_k(0.5, x).log, half, 1e-14 * (1.0 + half.abs()));
            close(bessel_k(-0.5, x).log, half, 1e-14 * (1.0 + half.abs()));
            close(bessel_k(1.5, x).log, half + (1.0 / x).ln_1p(), 1e-13 * (1.0 + half.abs()));
            close(bessel_k(1.5, x).ratio_below, x / (1.0 + x), 1e-13);
        }
    }

    /// Abramowitz & Stegun table 9.8: `e^x K_0`, `e^x K_1`.
    #[test]
    fn whole_orders_agree_with_the_table() {
        for (x, zero, one) in
            [(1.0, 1.144_463_079_8, 1.636_153_486_3), (5.0, 0.547_807_564_3, 0.600_273_858_8)]
        {
            close((bessel_k(0.0, x).log + x).exp(), zero, 1e-9);
            close((bessel_k(1.0, x).log + x).exp(), one, 1e-9);
            close(bessel_k(1.0, x).ratio_below, zero / one, 1e-9);
        }
    }

    /// The recurrence `K_{v+1} = K_{v-1} + 2 v / x K_v`, and the derivative in the order by
    /// differences.
    #[test]
    fn orders_hang_together() {
        for order in [0.1, 0.9, 2.7, 40.0, 300.0] {
            for x in [1e-6, 0.3, 7.0, 90.0, 1e4] {
                let here = bessel_k(order, x);
                let above = (bessel_k(order + 1.0, x).log - here.log).exp();
                let expected = here.ratio_below + 2.0 * order / x;
                close(above / expected, 1.0, 1e-11 * (1.0 + order));
                let difference =
                    (bessel_k(order + 1e-5, x).log - bessel_k(order - 1e-5, x).log) / 2e-5;
                close(here.order_derivative, difference, 1e-6 * (1.0 + difference.abs()));
            }
        }
    }
}
