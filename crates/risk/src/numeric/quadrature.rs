//! Integrals over a half-line by the double-exponential rule.

/// Relative accuracy asked for.
const TOLERANCE: f64 = 1e-14;
/// The finest step is `2^-HALVINGS_MAX` of the first.
const HALVINGS_MAX: usize = 5;
const STEP_FIRST: f64 = 0.125;
/// Range of the transformed variable: from `e^-600` to `e^4.6` scales.
const LOW: f64 = -6.4;
const HIGH: f64 = 4.6;

/// `int_0^inf y^k f(y) dy` for k = 0, 1, 2, of a density that falls off exponentially over a length
/// of about `scale` and may have an integrable pole at zero or change over much shorter lengths
/// next to it.
///
/// The map `y = scale exp(t - exp(-t))` of Takahasi & Mori (1974); the step is halved until all
/// three integrals stand still.
pub(crate) fn half_line_moments(scale: f64, mut f: impl FnMut(f64) -> f64) -> [f64; 3] {
    let mut at = |t: f64| {
        let fall = (-t).exp();
        let y = scale * (t - fall).exp();
        let weight = y * (1.0 + fall) * f(y);
        // Under the smallest double the density of a pole times its weight is 0 times infinity.
        if weight.is_finite() { [weight, y * weight, y * y * weight] } else { [0.0; 3] }
    };
    let mut step = STEP_FIRST;
    let mut sums = [0.0; 3];
    let mut add_grid = |sums: &mut [f64; 3], first: f64, step: f64| {
        let mut t = first;
        while t <= HIGH {
            for (sum, term) in sums.iter_mut().zip(at(t)) {
                *sum += term;
            }
            t += step;
        }
    };
    add_grid(&mut sums, LOW, step);
    let mut integrals = sums.map(|sum| sum * step);
    for _ in 0..HALVINGS_MAX {
        add_grid(&mut sums, LOW + 0.5 * step, step);
        step *= 0.5;
        let finer = sums.map(|sum| sum * step);
        let still = integrals.iter().zip(&finer).all(|(a, b)| (a - b).abs() <= TOLERANCE * b.abs());
        integrals = finer;
        if still {
            break;
        }
    }
    integrals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gamma integrals: `int y^(a-1+k) e^-y dy = Gamma(a + k)`, with a pole for `a < 1`, and a
    /// scale that is wrong by a factor.
    #[test]
    fn gamma_integrals() {
        for (shape, gamma) in [(1.0, 1.0), (0.5, std::f64::consts::PI.sqrt()), (3.0, 2.0)] {
            for scale in [1.0, 4.0] {
                let got = half_line_moments(scale, |y| y.powf(shape - 1.0) * (-y).exp());
                let expected = [gamma, gamma * shape, gamma * shape * (shape + 1.0)];
                for (got, expected) in got.iter().zip(expected) {
                    assert!((got / expected - 1.0).abs() < 1e-13, "{got} is not {expected}");
                }
            }
        }
    }
}
