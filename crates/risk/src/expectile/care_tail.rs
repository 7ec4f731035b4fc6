//! Value at risk and expected shortfall by way of conditional expectiles.
//!
//! The expectile level whose expectiles are undercut by a share `alpha` of the returns makes the
//! expectile a quantile; Taylor (2008) reads the expected shortfall off the same expectile.
//!
//! ```
//! use plimsoll_risk::expectile::care::CareModel;
//! use plimsoll_risk::expectile::care_fit::CareSettings;
//! use plimsoll_risk::expectile::care_tail::CareTail;
//!
//! let returns: Vec<f64> = (0..500)
//!     .map(|t| {
//!         let size = if (t / 50) % 2 == 0 { 0.01 } else { 0.03 };
//!         size * (f64::from(t * t % 101) / 50.5 - 1.0)
//!     })
//!     .collect();
//! let settings = CareSettings::default();
//! let tail = CareTail::of(&returns, CareModel::KuanYehHsu, 0.05, &settings)?;
//! let next = tail.next();
//!
//! assert!((tail.fit.coverage_fraction - 0.05).abs() < 0.01);
//! assert!(0.0 < next.value_at_risk && next.value_at_risk < next.expected_shortfall);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::expectile::care::CareModel;
use crate::expectile::care_fit::{CareFit, CareSettings, N_MIN};
use crate::expectile::sample::expectile_tau_for_quantile;
use crate::moments::sum;

/// Smallest level that is tried, relative to the tail probability, and the largest.
const TAU_SHARE_MIN: f64 = 1e-3;
const TAU_MAX: f64 = 0.499;
/// Levels tried on the way to the coverage.
const FITS_MAX: usize = 40;

/// A conditional expectile model whose level matches a tail probability.
#[derive(Debug, Clone, PartialEq)]
pub struct CareTail {
    /// The tail probability.
    pub alpha: f64,
    /// The model at the matching level, its coverage and diagnostics.
    pub fit: CareFit,
    /// Mean of the returns, which the expected shortfall takes part of.
    pub mean: f64,
    /// Fits made to find the level.
    pub fits: usize,
}

/// A forecast of the tail, as positive losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TailForecast {
    /// The loss that is exceeded with probability `alpha`.
    pub value_at_risk: f64,
    /// The mean of the losses beyond it.
    pub expected_shortfall: f64,
}

impl TailForecast {
    /// The expected shortfall where it can be believed: both forecasts losses, the shortfall not
    /// the smaller. Taylor's relation scales the distance of the expectile from the mean, and has
    /// no sense where the expectile of a quiet or lucky period is above the mean or a gain.
    ///
    /// # Errors
    /// [`crate::RiskError::Undefined`] where that is so.
    pub fn shortfall_of_loss(&self) -> Result<f64> {
        if self.value_at_risk > 0.0 && self.expected_shortfall >= self.value_at_risk {
            return Ok(self.expected_shortfall);
        }
        let reason =
            "the expectile is a gain or above the mean return, Taylor's relation needs a loss";
        Err(undefined("expectile_shortfall", reason))
    }
}

impl CareTail {
    /// Fits `model` at the level where a share `alpha` of the returns lies below the expectile.
    ///
    /// The level begins at that of the sample quantile and is bisected, on a logarithmic scale,
    /// until the number of returns below is within a half of `alpha n`. Where no level does it, the
    /// nearest is kept and the coverage of the fit says so: returns may be tied, and a model of `p`
    /// coefficients has about `p` returns below it at the smallest level, which is more than
    /// `alpha n` in a short series.
    ///
    /// # Errors
    /// `alpha` outside (0, 0.5), fewer returns than [`N_MIN`] or `1 / alpha`, and what
    /// [`CareFit::of`] refuses.
    pub fn of(
        returns: &[f64],
        model: CareModel,
        alpha: f64,
        settings: &CareSettings,
    ) -> Result<Self> {
        Self::check(returns, alpha)?;
        let tau = expectile_tau_for_quantile(returns, alpha)?.clamp(TAU_SHARE_MIN * alpha, TAU_MAX);
        let fit = CareFit::of(returns, model, tau, settings)?;
        Self::matched(returns, alpha, fit, settings)
    }

    /// Fits the model again to other returns, as a window that moved on: from the level and the
    /// coefficients of `earlier`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn from_earlier(returns: &[f64], earlier: &Self, settings: &CareSettings) -> Result<Self> {
        Self::check(returns, earlier.alpha)?;
        let care = &earlier.fit.care;
        let fit = CareFit::from_earlier(returns, care, care.tau(), settings)?;
        Self::matched(returns, earlier.alpha, fit, settings)
    }

    /// The tail of the return that follows those that were fitted.
    pub fn next(&self) -> TailForecast {
        self.at(self.fit.path.next)
    }

    /// The tail of a return whose expectile, by [`crate::expectile::care::Care::step`] or
    /// [`crate::expectile::care::Care::filter`], is `expectile`.
    pub fn at(&self, expectile: f64) -> TailForecast {
        let share = shortfall_share(self.fit.care.tau(), self.alpha);
        TailForecast {
            value_at_risk: -expectile,
            expected_shortfall: share * (self.mean - expectile) - expectile,
        }
    }

    fn check(returns: &[f64], alpha: f64) -> Result<()> {
        check::require(alpha > 0.0 && alpha < 0.5, "alpha", alpha, "above 0 and below 0.5")?;
        check::series(returns, N_MIN.max((1.0 / alpha - 1e-9).ceil() as usize))
    }

    fn matched(
        returns: &[f64],
        alpha: f64,
        first: CareFit,
        settings: &CareSettings,
    ) -> Result<Self> {
        let n = (returns.len() - first.care.model().n_without_forecast()) as f64;
        let excess = |fit: &CareFit| fit.diagnostics.n_below as f64 - alpha * n;
        let (mut low, mut high) = ((TAU_SHARE_MIN * alpha).ln(), TAU_MAX.ln());
        let mut found = (false, false);
        let mut best = first.clone();
        let mut last = first;
        let mut fits = 1;
        while excess(&best).abs() > 0.5 + 1e-9 && fits < FITS_MAX {
            let at = last.care.tau().ln();
            // Away from the first level in steps that grow, then by halves.
            let reach = 0.25 * 2.0_f64.powi(fits.min(8) as i32 - 1);
            let next = if excess(&last) > 0.0 {
                (high, found.1) = (at, true);
                if found.0 { 0.5 * (low + high) } else { (at - reach).max(low) }
            } else {
                (low, found.0) = (at, true);
                if found.1 { 0.5 * (low + high) } else { (at + reach).min(high) }
            };
            if (next - at).abs() <= 1e-6 {
                break;
            }
            last = CareFit::from_earlier(returns, &last.care, next.exp(), settings)?;
            fits += 1;
            if excess(&last).abs() < excess(&best).abs() {
                best = last.clone();
            }
        }
        let mean = mean(returns)?;
        Ok(Self { alpha, fit: best, mean, fits })
    }
}

/// Expected shortfall at `alpha` (a positive loss) where the `tau` expectile is the `alpha`
/// quantile: `-((1 + k) expectile - k mean)` with `k = tau / ((1 - 2 tau) alpha)` (Taylor 2008,
/// equation 7 with a mean other than zero).
///
/// # Errors
/// `alpha` outside (0, 1), `tau` outside (0, 0.5), a value that is not finite, or a result beyond
/// the range of a double.
pub fn expectile_shortfall(expectile: f64, mean: f64, tau: f64, alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::require(tau > 0.0 && tau < 0.5, "tau", tau, "above 0 and below 0.5")?;
    check::finite_parameter("expectile", expectile)?;
    check::finite_parameter("mean", mean)?;
    let share = shortfall_share(tau, alpha);
    defined("expectile_shortfall", share * (mean - expectile) - expectile)
}

fn shortfall_share(tau: f64, alpha: f64) -> f64 {
    tau / ((1.0 - 2.0 * tau) * alpha)
}

/// The mean, of returns so large too that their sum is beyond the range of a double.
fn mean(returns: &[f64]) -> Result<f64> {
    let n = returns.len() as f64;
    defined("mean", sum(returns.iter().map(|r| r / n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortfall_is_shown_of_a_loss_only() {
        for (value_at_risk, expected_shortfall, is_shown) in
            [(0.02, 0.03, true), (0.02, 0.02, true), (0.02, 0.01, false), (-0.01, -0.005, false)]
        {
            let shown = TailForecast { value_at_risk, expected_shortfall }.shortfall_of_loss();
            assert_eq!(shown.is_ok(), is_shown, "{value_at_risk}: {shown:?}");
            if let Err(error) = shown {
                assert!(error.to_string().contains("needs a loss"), "{error}");
            }
        }
    }
}
