//! Distributions of standardised innovations: mean 0, variance 1.

use serde::Serialize;

use super::density::{Density, NormalInverseGaussian, SkewT, VarianceGamma};
use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::numeric::distribution::{
    bisect, ln_gamma_half_step, normal_cdf, normal_density, normal_quantile, student_t_cdf,
    student_t_log_density, student_t_quantile,
};
use crate::numeric::quadrature::{half_line_moments, interval_moments};

/// Largest `nu` of a variance gamma law: beyond it nearly all of the mass lies closer to the pole
/// than a double can tell.
const VARIANCE_GAMMA_NU_MAX: f64 = 20.0;
/// Smallest `nu` of one, and largest `zeta` of a normal inverse Gaussian law: beyond both the law is
/// the normal one to seven digits, while its density is a difference of numbers that grow without
/// limit.
const VARIANCE_GAMMA_NU_MIN: f64 = 1e-6;
const ZETA_MAX: f64 = 1e8;
/// Farthest that a quantile is sought.
const QUANTILE_SIZE_MAX: f64 = 1e15;

/// A distribution of mean 0 and variance 1.
///
/// Constructed freely; every method refuses parameters outside their range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Innovation {
    /// The standard normal distribution.
    Normal,
    /// Student-t with `nu > 2` degrees of freedom, times `sqrt((nu - 2) / nu)`.
    StudentT {
        /// Degrees of freedom.
        nu: f64,
    },
    /// The skew-t of Hansen (1994), `eta > 2`, `|lambda| < 1`; `lambda < 0` has the longer tail on
    /// the left. Not the two-piece t of Fernandez & Steel (1998).
    SkewT {
        /// Degrees of freedom.
        eta: f64,
        /// Skewness parameter.
        lambda: f64,
    },
    /// Normal inverse Gaussian (Barndorff-Nielsen 1997), `|beta| < alpha`, with
    /// `zeta = (alpha^2 - beta^2)^2 / alpha^2` at most 1e8.
    NormalInverseGaussian {
        /// Steepness of the tails.
        alpha: f64,
        /// Asymmetry.
        beta: f64,
    },
    /// Variance gamma (Madan, Carr & Chang 1998), `1e-6 <= nu <= 20`, `nu theta^2 < 1`. The density is
    /// infinite at `-theta` for `nu >= 2`.
    VarianceGamma {
        /// Drift of the Brownian motion in gamma time: the sign of the skewness.
        theta: f64,
        /// Variance of the gamma time.
        nu: f64,
    },
}

impl Innovation {
    /// Refuses parameters outside their range.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::Normal => Ok(()),
            Self::StudentT { nu } => {
                check::require(nu > 2.0 && nu.is_finite(), "nu", nu, "finite and above 2")
            }
            Self::SkewT { eta, lambda } => {
                check::require(eta > 2.0 && eta.is_finite(), "eta", eta, "finite and above 2")?;
                check::require(lambda.abs() < 1.0, "lambda", lambda, "above -1 and below 1")
            }
            Self::NormalInverseGaussian { alpha, beta } => {
                check::positive("alpha", alpha)?;
                let rule = "smaller than alpha in size";
                check::require(beta.abs() < alpha, "beta", beta, rule)?;
                let zeta = ((alpha - beta) * (1.0 + beta / alpha)).powi(2);
                let rule = "such that (alpha^2 - beta^2)^2 / alpha^2 is at most 1e8: \
                    the law is normal beyond it";
                check::require(zeta <= ZETA_MAX, "alpha", alpha, rule)
            }
            Self::VarianceGamma { theta, nu } => {
                let inside = (VARIANCE_GAMMA_NU_MIN..=VARIANCE_GAMMA_NU_MAX).contains(&nu);
                check::require(inside, "nu", nu, "from 1e-6 to 20")?;
                let rule = "such that nu theta^2 is below 1";
                check::require(nu * theta * theta < 1.0, "theta", theta, rule)
            }
        }
    }

    /// Log density at `z`.
    ///
    /// # Errors
    /// Parameters out of range, `z` not finite, or `z` at the pole of a variance gamma density.
    pub fn log_density(&self, z: f64) -> Result<f64> {
        self.check()?;
        check::finite_parameter("z", z)?;
        defined("innovation density", Density::of(*self).log(z))
    }

    /// Density at `z`.
    ///
    /// # Errors
    /// As [`Self::log_density`].
    pub fn density(&self, z: f64) -> Result<f64> {
        self.log_density(z).map(f64::exp)
    }

    /// `P(Z <= z)`; small probabilities keep their relative accuracy.
    ///
    /// # Errors
    /// Parameters out of range or `z` not finite.
    pub fn cdf(&self, z: f64) -> Result<f64> {
        self.check()?;
        check::finite_parameter("z", z)?;
        Ok(self.lower_moments(z)[0])
    }

    /// The `z` with `P(Z <= z) = probability`.
    ///
    /// # Errors
    /// Parameters out of range, a probability outside (0, 1), or a quantile beyond 1e15 in size of a
    /// law without a closed form.
    pub fn quantile(&self, probability: f64) -> Result<f64> {
        self.check()?;
        check::open_unit("probability", probability)?;
        defined("innovation quantile", self.quantile_unchecked(probability))
    }

    /// `E[Z 1(Z <= z)]`, never above 0: divided by `P(Z <= z)` it is the mean of the tail.
    ///
    /// # Errors
    /// Parameters out of range or `z` not finite.
    pub fn lower_partial_mean(&self, z: f64) -> Result<f64> {
        self.check()?;
        check::finite_parameter("z", z)?;
        defined("partial mean of an innovation", self.lower_moments(z)[1].min(0.0))
    }

    /// `E[Z^2 1(Z < z)]`, between 0 and 1.
    ///
    /// # Errors
    /// Parameters out of range or `z` not finite.
    pub fn lower_partial_square(&self, z: f64) -> Result<f64> {
        self.check()?;
        check::finite_parameter("z", z)?;
        defined("partial square of an innovation", self.lower_moments(z)[2])
    }

    /// `E[Z^2 1(Z < 0)]`: the weight that a leverage term has in the persistence of volatility;
    /// one half for a symmetric law.
    ///
    /// # Errors
    /// Parameters out of range.
    pub fn negative_share_of_variance(&self) -> Result<f64> {
        self.check()?;
        match self {
            Self::Normal | Self::StudentT { .. } => Ok(0.5),
            _ => self.lower_partial_square(0.0),
        }
    }

    /// The expectile at `tau`: the `e` with `tau E(Z - e)+ = (1 - tau) E(e - Z)+`.
    ///
    /// # Errors
    /// Parameters out of range, or `tau` outside (0, 1).
    pub fn expectile(&self, tau: f64) -> Result<f64> {
        self.check()?;
        check::open_unit("tau", tau)?;
        if tau > 0.5 {
            return self.mirrored().expectile(1.0 - tau).map(|e| -e);
        }
        // (1 - 2 tau) E(e - Z)+ + tau e = 0 has a convex rising left side, so that Newton's
        // method comes down to its root from 0 without overshooting.
        let mut e = 0.0;
        for _ in 0..200 {
            let [mass, mean, _] = self.lower_moments(e);
            let below = (e * mass - mean).max(0.0);
            let step = ((1.0 - 2.0 * tau) * below + tau * e) / ((1.0 - 2.0 * tau) * mass + tau);
            e -= step;
            if step.abs() <= 4.0 * f64::EPSILON * e.abs() || !e.is_finite() {
                break;
            }
        }
        defined("innovation expectile", e)
    }

    /// Skewness.
    ///
    /// # Errors
    /// Parameters out of range, or at most 3 degrees of freedom: it does not exist.
    pub fn skewness(&self) -> Result<f64> {
        self.check()?;
        let value = match *self {
            Self::Normal => 0.0,
            Self::StudentT { nu } if nu > 3.0 => 0.0,
            Self::SkewT { eta, lambda } if eta > 3.0 => {
                let law = SkewT::of(eta, lambda);
                let third = student_t_third_absolute(eta) * stretched(lambda, 3);
                let (a, second) = (law.shift, 1.0 + 3.0 * lambda * lambda);
                (third - 3.0 * a * second + 2.0 * a * a * a) / law.spread.powi(3)
            }
            Self::NormalInverseGaussian { alpha, beta } => {
                // delta gamma is gamma^4 / alpha^2.
                3.0 * beta / ((alpha - beta) * (alpha + beta))
            }
            Self::VarianceGamma { theta, nu } => {
                let variance = 1.0 - nu * theta * theta;
                theta * nu * (3.0 * variance + 2.0 * nu * theta * theta)
            }
            _ => {
                let reason = "with at most 3 degrees of freedom it does not exist";
                return Err(undefined("skewness of an innovation", reason));
            }
        };
        defined("skewness of an innovation", value)
    }

    /// Kurtosis minus 3.
    ///
    /// # Errors
    /// Parameters out of range, or at most 4 degrees of freedom: it does not exist.
    pub fn excess_kurtosis(&self) -> Result<f64> {
        self.check()?;
        let value = match *self {
            Self::Normal => 0.0,
            Self::StudentT { nu } if nu > 4.0 => 6.0 / (nu - 4.0),
            Self::SkewT { eta, lambda } if eta > 4.0 => {
                let law = SkewT::of(eta, lambda);
                let (a, second) = (law.shift, 1.0 + 3.0 * lambda * lambda);
                let third = student_t_third_absolute(eta) * stretched(lambda, 3);
                let fourth = 3.0 * (eta - 2.0) / (eta - 4.0) * stretched(lambda, 4);
                let central = fourth - 4.0 * a * third + 6.0 * a * a * second - 3.0 * a * a * a * a;
                central / law.spread.powi(4) - 3.0
            }
            Self::NormalInverseGaussian { alpha, beta } => {
                let square = (alpha - beta) * (alpha + beta);
                let tilt = beta / alpha;
                3.0 * (1.0 + 4.0 * tilt * tilt) * (alpha / square) * (alpha / square)
            }
            Self::VarianceGamma { theta, nu } => {
                let drift = nu * theta * theta;
                let variance = 1.0 - drift;
                3.0 * nu * (variance * variance + 4.0 * variance * drift + 2.0 * drift * drift)
            }
            _ => {
                let reason = "with at most 4 degrees of freedom it does not exist";
                return Err(undefined("kurtosis of an innovation", reason));
            }
        };
        defined("kurtosis of an innovation", value)
    }

    /// The distribution of `-Z`.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        match *self {
            Self::SkewT { eta, lambda } => Self::SkewT { eta, lambda: -lambda },
            Self::NormalInverseGaussian { alpha, beta } => {
                Self::NormalInverseGaussian { alpha, beta: -beta }
            }
            Self::VarianceGamma { theta, nu } => Self::VarianceGamma { theta: -theta, nu },
            symmetric => symmetric,
        }
    }

    /// `E[Z^k 1(Z < z)]` for k = 0, 1, 2.
    fn lower_moments(&self, z: f64) -> [f64; 3] {
        match *self {
            Self::Normal => {
                let density = normal_density(z);
                let mass = normal_cdf(z);
                [mass, -density, mass - z * density]
            }
            Self::StudentT { nu } => student_t_moments(z, nu),
            Self::SkewT { eta, lambda } => skew_t_moments(z, eta, lambda),
            Self::NormalInverseGaussian { alpha, beta } => {
                let law = NormalInverseGaussian::of(alpha, beta);
                let rates = [alpha + beta, alpha - beta];
                of_tail(z, law.mu, rates, |x| law.log_at_distance(x).exp())
            }
            Self::VarianceGamma { theta, nu } => {
                let law = VarianceGamma::of(theta, nu);
                let rates = [(law.root + theta) / law.variance, (law.root - theta) / law.variance];
                of_tail(z, -theta, rates, |x| law.log_at_distance(x).exp())
            }
        }
    }

    fn quantile_unchecked(&self, probability: f64) -> f64 {
        match *self {
            Self::Normal => normal_quantile(probability),
            Self::StudentT { nu } => student_t_quantile(probability, nu) * ((nu - 2.0) / nu).sqrt(),
            Self::SkewT { eta, lambda } => {
                let law = SkewT::of(eta, lambda);
                let below = 0.5 * (1.0 - lambda);
                let (stretch, share) = if probability < below {
                    (1.0 - lambda, probability / (1.0 - lambda))
                } else {
                    let beyond = (1.0 - probability) / (1.0 + lambda);
                    (-(1.0 + lambda), beyond)
                };
                let t = if share < 0.5 { student_t_quantile(share, eta) } else { 0.0 };
                (t * ((eta - 2.0) / eta).sqrt() * stretch - law.shift) / law.spread
            }
            _ => self.search_quantile(probability),
        }
    }

    /// Newton's method on the logarithm of the distribution function, inside a bracket.
    fn search_quantile(&self, probability: f64) -> f64 {
        let mut low = -1.0;
        while self.lower_moments(low)[0] > probability && low > -QUANTILE_SIZE_MAX {
            low *= 2.0;
        }
        let mut high = 1.0;
        while self.lower_moments(high)[0] < probability && high < QUANTILE_SIZE_MAX {
            high *= 2.0;
        }
        if low <= -QUANTILE_SIZE_MAX || high >= QUANTILE_SIZE_MAX {
            return f64::NAN;
        }
        let density = Density::of(*self);
        let mut z = 0.5 * (low + high);
        for _ in 0..60 {
            let mass = self.lower_moments(z)[0];
            if mass < probability {
                low = z;
            } else {
                high = z;
            }
            let step = (mass / probability).ln() * mass / density.log(z).exp();
            let next = z - step;
            let inside = next > low && next < high;
            let next = if inside { next } else { 0.5 * (low + high) };
            let moved = (next - z).abs();
            z = next;
            if moved <= 4.0 * f64::EPSILON * z.abs().max(1e-3) {
                return z;
            }
        }
        // Newton's steps still wander next to a pole: halve to the end.
        bisect(low, high, |z| self.lower_moments(z)[0] < probability)
    }
}

/// `((1 + lambda)^(k+1) + (-1)^k (1 - lambda)^(k+1)) / 2`: what Hansen's stretching makes of the
/// absolute moment of order `k`.
fn stretched(lambda: f64, k: i32) -> f64 {
    let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
    0.5 * ((1.0 + lambda).powi(k + 1) + sign * (1.0 - lambda).powi(k + 1))
}

/// `E|T|^3` of a t with variance 1.
fn student_t_third_absolute(nu: f64) -> f64 {
    let log =
        1.5 * (nu - 2.0).ln() - ln_gamma_half_step(0.5 * (nu - 1.0)) - (0.5 * (nu - 3.0)).ln();
    log.exp() / std::f64::consts::PI.sqrt()
}

/// Lower partial moments of a t with variance 1, all in closed form.
fn student_t_moments(z: f64, nu: f64) -> [f64; 3] {
    let scale = ((nu - 2.0) / nu).sqrt();
    let x = z / scale;
    let mass = student_t_cdf(x, nu);
    // (nu + x^2) f(x), finite however large x is.
    let edge = (student_t_log_density(x, nu) + nu.ln() + (x * x / nu).ln_1p()).exp();
    [mass, -scale * edge / (nu - 1.0), mass - x * edge / nu]
}

/// The same of Hansen's skew-t, by its two halves.
fn skew_t_moments(z: f64, eta: f64, lambda: f64) -> [f64; 3] {
    let law = SkewT::of(eta, lambda);
    let y = law.spread * z + law.shift;
    // Moments of the stretched variable below y: density t(y / s) on either side of zero.
    let below = |y: f64, stretch: f64| {
        let [mass, mean, square] = student_t_moments(y / stretch, eta);
        [stretch * mass, stretch * stretch * mean, stretch.powi(3) * square]
    };
    let [mass, mean, square] = if y < 0.0 {
        below(y, 1.0 - lambda)
    } else {
        let left = below(0.0, 1.0 - lambda);
        let (right, start) = (below(y, 1.0 + lambda), below(0.0, 1.0 + lambda));
        std::array::from_fn(|k| left[k] + (right[k] - start[k]))
    };
    // z = (y - A) / B.
    let (a, b) = (law.shift, law.spread);
    [mass, (mean - a * mass) / b, (square - 2.0 * a * mean + a * a * mass) / (b * b)]
}

/// Lower partial moments of a density given by its distance from `centre`, where it may have a
/// pole. `rates` are the exponential rates of both tails.
///
/// The tail on the side of `z` is what is integrated, so that small ones keep their digits. A skewed
/// law can have its centre in that tail: then up to the centre and from it.
fn of_tail(z: f64, centre: f64, rates: [f64; 2], density: impl Fn(f64) -> f64) -> [f64; 3] {
    let lower = z <= 0.0;
    let (side, rate) = if lower { (-1.0, rates[0]) } else { (1.0, rates[1]) };
    let scale = (1.0 / rate).max(1.0);
    let distance = z - centre;
    // Moments of the distance from `from`, beyond it on the side of the tail.
    let beyond = |from: f64| half_line_moments(scale, |y| density(from + side * y));
    let [mass, mean, square] = if distance * side >= 0.0 {
        about(z, side, beyond(distance))
    } else {
        let far = about(centre, side, beyond(0.0));
        let near = interval_moments(distance.abs(), |y| density(-side * y));
        let near = about(centre, -side, near);
        std::array::from_fn(|k| far[k] + near[k])
    };
    if lower { [mass, mean, square] } else { [1.0 - mass, -mean, 1.0 - square] }
}

/// Moments of `from + side y` from those of `y`.
fn about(from: f64, side: f64, [mass, first, second]: [f64; 3]) -> [f64; 3] {
    let square = from * from * mass + 2.0 * side * from * first + second;
    [mass, from * mass + side * first, square]
}
