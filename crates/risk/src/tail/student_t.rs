//! Student-t distribution fitted by maximum likelihood, and its tail measures.

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::moments::{Moments, sum};
use crate::numeric::distribution::{
    normal_density, normal_quantile, student_t_log_constant, student_t_log_density,
    student_t_quantile,
};

/// Fewest observations for a fit.
pub const STUDENT_T_OBSERVATIONS_MIN: usize = 50;

const NU_MIN: f64 = 0.5;
const NU_MAX: f64 = 200.0;

/// A fitted location-scale Student-t distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StudentTFit {
    /// Degrees of freedom, 0.5 to 200; `None` where the likelihood still rises at 200: then
    /// location and scale are mean and standard deviation (divisor n) of a normal distribution.
    pub nu: Option<f64>,
    /// Location, in units of the returns.
    pub location: f64,
    /// Scale, in units of the returns; not the standard deviation.
    pub scale: f64,
    /// Log-likelihood at the optimum.
    pub log_likelihood: f64,
}

impl StudentTFit {
    /// Fits by a one-dimensional search over the degrees of freedom; location and scale at each
    /// follow from the EM algorithm (parameter-expanded, Kent, Tyler & Vardi 1994).
    ///
    /// # Errors
    /// Fewer than [`STUDENT_T_OBSERVATIONS_MIN`] returns, one that is not finite, a constant
    /// series, or so many identical returns that the likelihood has no maximum.
    pub fn of(returns: &[f64]) -> Result<Self> {
        check::series(returns, STUDENT_T_OBSERVATIONS_MIN)?;
        let moments = Moments::of(returns)?;
        if moments.is_constant() {
            return Err(undefined("t_mle", "all returns are equal"));
        }
        check::few_identical("t_mle", returns)?;
        let deviation = moments.standard_deviation_population();
        let standardised: Vec<f64> =
            returns.iter().map(|r| (r - moments.mean) / deviation).collect();
        let mut search = ProfileSearch { values: &standardised, location: 0.0, scale_squared: 0.5 };
        let (nu, standardised_likelihood) = search.maximise();
        let n = returns.len() as f64;
        let normal_likelihood =
            -0.5 * n * ((2.0 * std::f64::consts::PI).ln() + 1.0 + 2.0 * deviation.ln());
        let log_likelihood = standardised_likelihood - n * deviation.ln();
        if nu >= 0.999 * NU_MAX || log_likelihood <= normal_likelihood {
            return Ok(Self {
                nu: None,
                location: moments.mean,
                scale: deviation,
                log_likelihood: defined("t_mle", normal_likelihood)?,
            });
        }
        Ok(Self {
            nu: Some(nu),
            location: defined("t_mle", moments.mean + deviation * search.location)?,
            scale: defined("t_mle", deviation * search.scale_squared.sqrt())?,
            log_likelihood: defined("t_mle", log_likelihood)?,
        })
    }

    /// Value at risk at tail probability `alpha`, a positive loss.
    ///
    /// # Errors
    /// `alpha` outside (0, 1).
    pub fn value_at_risk(&self, alpha: f64) -> Result<f64> {
        check::open_unit("alpha", alpha)?;
        let quantile = match self.nu {
            Some(nu) => student_t_quantile(alpha, nu),
            None => normal_quantile(alpha),
        };
        defined("t_var", -(self.location + self.scale * quantile))
    }

    /// Expected shortfall at tail probability `alpha`, a positive loss:
    /// `-location + scale f(q) / alpha (nu + q^2) / (nu - 1)`.
    ///
    /// # Errors
    /// `alpha` outside (0, 1), or degrees of freedom of at most 1: the tail has no mean.
    pub fn expected_shortfall(&self, alpha: f64) -> Result<f64> {
        check::open_unit("alpha", alpha)?;
        let tail = match self.nu {
            None => normal_density(normal_quantile(alpha)) / alpha,
            Some(nu) if nu <= 1.0 => {
                return Err(undefined(
                    "t_es",
                    "with at most one degree of freedom the tail has no mean",
                ));
            }
            Some(nu) => {
                let q = student_t_quantile(alpha, nu);
                student_t_log_density(q, nu).exp() / alpha * (nu + q * q) / (nu - 1.0)
            }
        };
        defined("t_es", self.scale * tail - self.location)
    }
}

/// Log-likelihood of returns under a Student-t distribution at given parameters.
///
/// # Errors
/// A value that is not finite, an empty sample, or `nu` or `scale` not above 0.
pub fn student_t_log_likelihood(
    returns: &[f64],
    nu: f64,
    location: f64,
    scale: f64,
) -> Result<f64> {
    check::series(returns, 1)?;
    check::positive("nu", nu)?;
    check::finite_parameter("location", location)?;
    check::positive("scale", scale)?;
    let terms = returns.iter().map(|r| student_t_log_density((r - location) / scale, nu));
    defined("t_loglik", sum(terms) - returns.len() as f64 * scale.ln())
}

/// Search over the degrees of freedom; location and scale are kept from one evaluation to the
/// next as the start of the inner iteration.
struct ProfileSearch<'a> {
    values: &'a [f64],
    location: f64,
    scale_squared: f64,
}

impl ProfileSearch<'_> {
    /// The best degrees of freedom and the log-likelihood there; location and scale are left at
    /// the optimum.
    fn maximise(&mut self) -> (f64, f64) {
        const POINTS: usize = 16;
        let (low, high) = (NU_MIN.ln(), NU_MAX.ln());
        let step = (high - low) / (POINTS - 1) as f64;
        let mut best = (0, f64::NEG_INFINITY);
        // From the Gaussian end down: the inner iteration converges fastest there.
        for point in (0..POINTS).rev() {
            // The grid only brackets the peak.
            let value = self.profile((low + step * point as f64).exp(), 1e-6);
            if value > best.1 {
                best = (point, value);
            }
        }
        let centre = low + step * best.0 as f64;
        let log_nu = golden_section((centre - step).max(low), (centre + step).min(high), |x| {
            self.profile(x.exp(), 1e-12)
        });
        let nu = log_nu.exp();
        let value = self.profile(nu, 1e-12);
        (nu, value)
    }

    /// Log-likelihood at `nu` with the best location and scale, to a relative `tolerance`.
    fn profile(&mut self, nu: f64, tolerance: f64) -> f64 {
        for _ in 0..2000 {
            let (mut weights, mut weighted) = (0.0, 0.0);
            for x in self.values {
                let distance = x - self.location;
                let weight = (nu + 1.0) / (nu + distance * distance / self.scale_squared);
                weights += weight;
                weighted += weight * x;
            }
            let location = weighted / weights;
            let mut squares = 0.0;
            for x in self.values {
                let old = x - self.location;
                let new = x - location;
                squares += (nu + 1.0) / (nu + old * old / self.scale_squared) * new * new;
            }
            let scale_squared = (squares / weights).max(1e-30);
            let moved = (location - self.location).abs() / scale_squared.sqrt()
                + (scale_squared / self.scale_squared - 1.0).abs();
            self.location = location;
            self.scale_squared = scale_squared;
            if moved < tolerance {
                break;
            }
        }
        let kernel = self.values.iter().map(|x| {
            let distance = x - self.location;
            (distance * distance / (self.scale_squared * nu)).ln_1p()
        });
        let n = self.values.len() as f64;
        n * (student_t_log_constant(nu) - 0.5 * self.scale_squared.ln())
            - 0.5 * (nu + 1.0) * sum(kernel)
    }
}

/// Maximum of a function with one peak between `low` and `high`.
pub(crate) fn golden_section(
    mut low: f64,
    mut high: f64,
    mut value: impl FnMut(f64) -> f64,
) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let mut left = high - RATIO * (high - low);
    let mut right = low + RATIO * (high - low);
    let (mut at_left, mut at_right) = (value(left), value(right));
    for _ in 0..80 {
        if (high - low).abs() <= 1e-9 * (1.0 + low.abs() + high.abs()) {
            break;
        }
        if at_left >= at_right {
            high = right;
            (right, at_right) = (left, at_left);
            left = high - RATIO * (high - low);
            at_left = value(left);
        } else {
            low = left;
            (left, at_left) = (right, at_right);
            right = low + RATIO * (high - low);
            at_right = value(right);
        }
    }
    0.5 * (low + high)
}
