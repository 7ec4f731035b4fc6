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
    let step = STEP_MAX.min(0.7 / width.sqrt());
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

#[cfg(test)]
mod tests {
    use super::*;

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
