//! How sure is a fitted tail? Profile-likelihood intervals of the shape, of value at risk and of
//! expected shortfall.
//!
//! The likelihood of a tail is lopsided: a loss far larger than the estimate is much easier to
//! believe than one far smaller. An interval of all values whose likelihood, with the other
//! parameter at its best, is within half the chi-squared quantile of the maximum shows it; one of
//! plus and minus two standard errors does not (Coles 2001, section 2.6.6; McNeil, Frey &
//! Embrechts 2015, section 5.2).
//!
//! The threshold and the share of losses above it are taken as known.

use serde::Serialize;

use crate::check::{self, undefined};
use crate::error::Result;
use crate::moments::sum;
use crate::numeric::chi_squared::chi_squared_quantile;
use crate::numeric::distribution::bisect;
use crate::tail::extreme_value::{GpdFit, XI_MIN, excesses_above, gpd_log_likelihood, tail_growth};
use crate::tail::student_t::golden_section;

/// Largest shape that is looked at, where the estimate is not near it; daily returns are near 0.3.
const XI_MAX: f64 = 5.0;
/// The same in estimates, for those that are.
const XI_MAX_FACTOR: f64 = 4.0;

/// A tail whose likelihood is at hand.
#[derive(Debug, Clone)]
pub struct GpdProfile {
    fit: GpdFit,
    /// In units of their mean.
    excesses: Vec<f64>,
    mean: f64,
    /// Of the excesses in these units.
    log_likelihood: f64,
}

/// An interval, open to the side on which the likelihood stays high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProfileInterval {
    /// The maximum-likelihood estimate.
    pub estimate: f64,
    /// Lower limit; `None` where the sample does not bound it: a shape down to -0.5.
    pub low: Option<f64>,
    /// Upper limit; `None` where the sample does not bound it: a shape up to 5 or four times the
    /// estimate, or a shortfall that may be infinite because a shape of 1 is not excluded.
    pub high: Option<f64>,
}

impl GpdProfile {
    /// Fits the losses strictly above `threshold`.
    ///
    /// # Errors
    /// As [`GpdFit::above`].
    pub fn above(losses: &[f64], threshold: f64) -> Result<Self> {
        let fit = GpdFit::above(losses, threshold)?;
        let excesses = excesses_above(losses, threshold);
        // The fit has found both finite and the mean above zero.
        let mean = sum(excesses.iter().copied()) / excesses.len() as f64;
        let excesses: Vec<f64> = excesses.into_iter().map(|y| y / mean).collect();
        let log_likelihood = gpd_log_likelihood(&excesses, fit.xi, fit.beta / mean)?;
        Ok(Self { fit, excesses, mean, log_likelihood })
    }

    /// The fit.
    pub fn fit(&self) -> &GpdFit {
        &self.fit
    }

    /// Interval of the shape at a two-sided `confidence` such as 0.95.
    ///
    /// # Errors
    /// `confidence` outside (0, 1).
    pub fn xi_interval(&self, confidence: f64) -> Result<ProfileInterval> {
        let least = self.least_likelihood(confidence)?;
        let inside = |xi: f64| self.at_shape(xi) >= least;
        let xi = self.fit.xi;
        let low = (!inside(XI_MIN)).then(|| bisect(XI_MIN, xi, |xi| !inside(xi)));
        let xi_max = self.xi_max();
        let high = (!inside(xi_max)).then(|| bisect(xi, xi_max, inside));
        Ok(ProfileInterval { estimate: xi, low, high })
    }

    /// Interval of [`GpdFit::value_at_risk`] at tail probability `alpha`.
    ///
    /// # Errors
    /// As that, or an `alpha` at the threshold itself, which is known; `confidence` outside
    /// (0, 1).
    pub fn value_at_risk_interval(&self, alpha: f64, confidence: f64) -> Result<ProfileInterval> {
        let estimate = self.fit.value_at_risk(alpha)?;
        let reach = self.fit.log_reach(alpha)?;
        self.interval("gpd_var", estimate, confidence, self.xi_max(), &|xi| tail_growth(xi, reach))
    }

    /// Interval of [`GpdFit::expected_shortfall`] at tail probability `alpha`, over shapes below 1.
    ///
    /// # Errors
    /// As that; `confidence` outside (0, 1).
    pub fn expected_shortfall_interval(
        &self,
        alpha: f64,
        confidence: f64,
    ) -> Result<ProfileInterval> {
        let estimate = self.fit.expected_shortfall(alpha)?;
        let reach = self.fit.log_reach(alpha)?;
        let growth = |xi: f64| (tail_growth(xi, reach) + 1.0) / (1.0 - xi);
        self.interval("gpd_es", estimate, confidence, 1.0 - 1e-9, &growth)
    }

    /// Interval of a loss `u + beta growth(xi)`.
    fn interval(
        &self,
        metric: &'static str,
        estimate: f64,
        confidence: f64,
        xi_max: f64,
        growth: &dyn Fn(f64) -> f64,
    ) -> Result<ProfileInterval> {
        let least = self.least_likelihood(confidence)?;
        let beyond = self.fit.beta / self.mean * growth(self.fit.xi);
        if beyond <= 0.0 {
            return Err(undefined(metric, "at the threshold itself it is known"));
        }
        // In logarithms: the loss is above the threshold.
        let inside = |log: f64| self.at_loss(log.exp(), xi_max, growth) >= least;
        let limit = |step: f64| {
            let (mut near, mut far) = (beyond.ln(), beyond.ln() + step);
            // Beyond a factor of a million the limit says nothing.
            for _ in 0..8 {
                if !inside(far) {
                    let log = root(near, far, inside);
                    let value = self.fit.threshold + log.exp() * self.mean;
                    return Some(value).filter(|value| value.is_finite());
                }
                (near, far) = (far, beyond.ln() + 2.0 * (far - beyond.ln()));
                if (far - beyond.ln()).abs() > 14.0 {
                    break;
                }
            }
            None
        };
        Ok(ProfileInterval { estimate, low: limit(-0.125), high: limit(0.125) })
    }

    /// Largest shape that is looked at.
    fn xi_max(&self) -> f64 {
        XI_MAX.max(XI_MAX_FACTOR * self.fit.xi)
    }

    /// Log-likelihood at the limits of an interval.
    fn least_likelihood(&self, confidence: f64) -> Result<f64> {
        check::open_unit("confidence", confidence)?;
        Ok(self.log_likelihood - 0.5 * chi_squared_quantile(confidence, 1.0))
    }

    /// Log-likelihood at a shape with the best scale: the root of the score
    /// `(1 + xi) sum y / (beta + xi y) - k`, which falls in the scale and is not positive at the
    /// largest excess.
    fn at_shape(&self, xi: f64) -> f64 {
        let largest = self.excesses.iter().copied().fold(0.0, f64::max);
        let k = self.excesses.len() as f64;
        let lowest = (-xi * largest).max(0.0);
        let beta = bisect(lowest, largest, |beta| {
            let terms = self.excesses.iter().map(|y| y / (beta + xi * y));
            (1.0 + xi) * sum(terms) > k
        });
        self.likelihood(xi, beta)
    }

    /// The best log-likelihood of all shapes at which the loss lies `beyond` the threshold.
    fn at_loss(&self, beyond: f64, xi_max: f64, growth: &dyn Fn(f64) -> f64) -> f64 {
        const STEPS: u32 = 60;
        let value = |xi: f64| self.likelihood(xi, beyond / growth(xi));
        // Finer at small shapes, where the fits are.
        let shape = |i: u32| {
            let share = f64::from(i) / f64::from(STEPS);
            XI_MIN + (xi_max - XI_MIN) * share * share
        };
        let mut best = (0, f64::NEG_INFINITY);
        for i in 0..=STEPS {
            let at = value(shape(i));
            if at > best.1 {
                best = (i, at);
            }
        }
        let (low, high) = (shape(best.0.saturating_sub(1)), shape((best.0 + 1).min(STEPS)));
        best.1.max(value(golden_section(low, high, value)))
    }

    /// Minus infinity where the largest excess is beyond the end point.
    fn likelihood(&self, xi: f64, beta: f64) -> f64 {
        gpd_log_likelihood(&self.excesses, xi, beta).unwrap_or(f64::NEG_INFINITY)
    }
}

/// Where `inside` ends between a point inside and one outside, on either side, to twelve digits.
fn root(mut inside_at: f64, mut outside_at: f64, inside: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..40 {
        let middle = 0.5 * (inside_at + outside_at);
        if inside(middle) {
            inside_at = middle;
        } else {
            outside_at = middle;
        }
    }
    0.5 * (inside_at + outside_at)
}
