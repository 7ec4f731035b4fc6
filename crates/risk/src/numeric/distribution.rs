//! Normal, Student-t and beta distribution functions, to near machine precision.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc_inv;
use statrs::function::gamma::ln_gamma;

/// Density of the standard normal distribution.
pub(crate) fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Distribution function of the standard normal distribution.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    if x < 0.0 { upper_tail(-x) } else { 1.0 - upper_tail(x) }
}

/// `P(X > x)` of the standard normal distribution, `x >= 0`, to a few units of the last place
/// (the complementary error function of statrs is good to eleven digits only).
fn upper_tail(x: f64) -> f64 {
    if x < 2.0 {
        // P(0 < X < x) = density(x) (x + x^3 / 3 + x^5 / (3 5) + ..), all terms positive.
        let mut term = x;
        let mut total = x;
        let mut odd = 3.0;
        while term > 1e-18 * total {
            term *= x * x / odd;
            total += term;
            odd += 2.0;
        }
        return 0.5 - normal_density(x) * total;
    }
    // Continued fraction of Laplace, from its tail forwards; 150 terms suffice from 2 on.
    let fraction = (1..=150).rev().fold(x, |rest, k| x + f64::from(k) / rest);
    normal_density(x) / fraction
}

/// Quantile of the standard normal distribution, `0 < probability < 1`.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    if probability > 0.5 {
        return -normal_quantile(1.0 - probability);
    }
    let start = -SQRT_2 * erfc_inv(2.0 * probability);
    // Halley steps take the rational approximation to the last digits.
    (0..2).fold(start, |x, _| {
        let density = normal_density(x);
        if density <= 0.0 || !x.is_finite() {
            return x;
        }
        let step = (normal_cdf(x) - probability) / density;
        x - step / (1.0 + 0.5 * x * step)
    })
}

/// Log density of the Student-t distribution with `nu` degrees of freedom, unscaled.
pub(crate) fn student_t_log_density(x: f64, nu: f64) -> f64 {
    student_t_log_constant(nu) - 0.5 * (nu + 1.0) * (x * x / nu).ln_1p()
}

/// The part of [`student_t_log_density`] that does not depend on `x`.
pub(crate) fn student_t_log_constant(nu: f64) -> f64 {
    ln_gamma_half_step(0.5 * nu) - 0.5 * (nu * PI).ln()
}

/// `ln Gamma(x + 1/2) - ln Gamma(x)`, `x > 0`; the difference of the two would lose the digits of a
/// large `x`.
pub(crate) fn ln_gamma_half_step(mut x: f64) -> f64 {
    // Up to where the series holds by `Gamma(x + 1) = x Gamma(x)`.
    let mut product = 1.0;
    while x < 25.0 {
        product *= 1.0 + 0.5 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        1.0 / 8.0 - (1.0 / 192.0 - (1.0 / 640.0 - 17.0 / 14_336.0 * square) * square) * square;
    0.5 * x.ln() - series / x - f64::ln(product)
}

/// Distribution function of the Student-t distribution, unscaled.
pub(crate) fn student_t_cdf(x: f64, nu: f64) -> f64 {
    const NEARLY_NORMAL: f64 = 1e6;
    let square = x * x;
    if nu > NEARLY_NORMAL {
        // Wallace's normal deviate: its error is of the order of nu^-2.
        let deviate = (nu * (square / nu).ln_1p()).sqrt() * ((8.0 + 1.0 / nu) / (8.0 + 3.0 / nu));
        return normal_cdf(deviate.copysign(x));
    }
    let tail = if square < 3.0 {
        // Near the centre the complementary argument keeps the digits.
        0.5 * (1.0 - beta_cdf(square / (nu + square), 0.5, 0.5 * nu))
    } else {
        // Here the continued fraction converges as it stands, and both of its arguments are exact.
        let share = nu / (nu + square);
        if share > 0.0 {
            0.5 * beta_lower(share, 1.0 / (1.0 + nu / square), 0.5 * nu, 0.5)
        } else {
            0.0
        }
    };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Quantile of the Student-t distribution, unscaled, `0 < probability < 1`.
pub(crate) fn student_t_quantile(probability: f64, nu: f64) -> f64 {
    if probability > 0.5 {
        return -student_t_quantile(1.0 - probability, nu);
    }
    let mut low = -1.0;
    while student_t_cdf(low, nu) > probability && low > -1e300 {
        low *= 2.0;
    }
    bisect(low, 0.0, |x| student_t_cdf(x, nu) < probability)
}

/// Quantile of the beta distribution, `0 < probability < 1`, `a, b > 0`.
pub(crate) fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(x, a, b) < probability)
}

/// Regularised incomplete beta function `I_x(a, b)`: continued fraction by Lentz's method, its
/// factor in the saddle-point form of Loader (2000), which keeps its digits for large `a`, `b`.
pub(crate) fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_lower(1.0 - x, x, b, a);
    }
    beta_lower(x, 1.0 - x, a, b)
}

fn beta_lower(x: f64, complement: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    // Near its mean it takes about sqrt(max(a, b)) steps.
    let iterations = (200.0 + 10.0 * a.max(b).sqrt()).min(1e7);
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    let mut m = 1.0;
    while m < iterations {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
        m += 1.0;
    }
    // x^a (1-x)^b / (a B(a, b)), by way of the binomial probability it is a multiple of.
    let n = a + b;
    let exponent = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * complement);
    exponent.exp() * (b / (2.0 * PI * a * n)).sqrt() * a * fraction / a
}

/// `ln Gamma(x + 1)` minus Stirling's approximation to it.
pub(super) fn stirling_error(x: f64) -> f64 {
    if x > 15.0 {
        let square = 1.0 / (x * x);
        return (1.0 / 12.0
            - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - square / 1188.0) * square) * square)
                * square)
            / x;
    }
    ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * (2.0 * PI).ln()
}

/// `x ln(x / mean) + mean - x`, without cancellation where both are close; `x >= 0`, `mean > 0`.
pub(crate) fn deviance(x: f64, mean: f64) -> f64 {
    if x <= 0.0 {
        return mean;
    }
    let distance = x - mean;
    if distance.abs() < 0.1 * (x + mean) {
        let v = distance / (x + mean);
        let mut total = distance * v;
        let mut term = 2.0 * x * v;
        let mut odd = 3.0;
        while odd < 200.0 {
            term *= v * v;
            let next = total + term / odd;
            if (next - total).abs() <= 0.0 {
                break;
            }
            total = next;
            odd += 2.0;
        }
        return total;
    }
    x * (x / mean).ln() - distance
}

/// The point of `[low, high]` where `below` turns from true to false, to the last bit.
pub(crate) fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..1100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::excessive_precision)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64, relative: f64) {
        assert!((got - expected).abs() <= relative * expected.abs(), "{got} is not {expected}");
    }

    /// Printed values of common tables (Abramowitz & Stegun 26; R 4).
    #[test]
    fn quantiles_agree_with_tables() {
        close(normal_quantile(0.01), -2.326_347_874_040_841, 3e-15);
        close(normal_quantile(0.975), 1.959_963_984_540_054, 3e-15);
        close(normal_quantile(1e-10), -6.361_340_902_404_056, 1e-14);
        // Closed forms for nu = 1 and nu = 2.
        close(student_t_quantile(0.01, 1.0), -1.0 / (0.01 * PI).tan(), 1e-13);
        let p: f64 = 0.01;
        let exact = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
        close(student_t_quantile(p, 2.0), exact, 1e-13);
        close(student_t_quantile(0.05, 1e7), normal_quantile(0.05), 1e-6);
        close(student_t_quantile(0.05, 1e300), normal_quantile(0.05), 1e-14);
        // scipy `t.cdf`.
        close(student_t_cdf(-6.0, 2e6), 9.867_562_631_966_133e-10, 1e-9);
        assert!(student_t_quantile(0.5, 3.0).abs() < 1e-12);
        // scipy: small tails keep their digits also for many degrees of freedom.
        close(student_t_cdf(-6.2, 127.0), 3.651_305_965_552_615_8e-9, 1e-12);
        close(student_t_cdf(-1.7, 3.0), 0.093_845_320_776_705_02, 1e-14);
        close(student_t_cdf(-1.8, 3.0), 0.084_839_964_450_629_11, 1e-14);
        assert!(student_t_cdf(-1e200, 3.0) <= 0.0 && student_t_cdf(1e200, 3.0) >= 1.0);
    }

    /// mpmath at 40 digits on either side of where the series sets in; far beyond, its first term.
    #[test]
    fn half_steps_of_the_gamma_function_keep_their_digits() {
        for (x, expected) in [
            (0.75, -0.301_552_787_853_108_53),
            (24.5, 1.594_234_871_943_053_7),
            (25.5, 1.614_437_579_260_573_2),
            (400.0, 2.995_419_773_635_371),
            (1e6, 6.907_755_153_982_137_1),
        ] {
            close(ln_gamma_half_step(x), expected, 2e-14);
        }
        close(ln_gamma_half_step(1e300), 150.0 * 10_f64.ln(), 1e-15);
        // A t with so many degrees of freedom is normal.
        close(student_t_log_density(1.0, 1e300), normal_density(1.0).ln(), 1e-12);
    }

    /// I_x(a, 1) = x^a and I_x(1, b) = 1 - (1-x)^b; symmetric at one half for a = b.
    #[test]
    fn beta_agrees_with_closed_forms() {
        close(beta_cdf(0.3, 4.0, 1.0), 0.3_f64.powi(4), 1e-13);
        close(beta_cdf(0.3, 1.0, 4.0), 1.0 - 0.7_f64.powi(4), 1e-13);
        close(beta_cdf(0.5, 50_000.0, 50_000.0), 0.5, 1e-12);
        close(beta_cdf(0.5, 1e9, 1e9), 0.5, 1e-9);
        close(beta_cdf(0.2, 2.0, 3.0), 0.1808, 1e-13);
    }
}
