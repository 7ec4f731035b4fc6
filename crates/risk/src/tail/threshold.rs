//! Where the tail begins: thresholds of the peaks-over-threshold fit and what to choose them by.
//!
//! Too low a threshold and the excesses are not yet Pareto, too high and they are few. Above a
//! threshold that is high enough the mean excess is linear in it, and `xi` and the modified scale
//! `beta - xi u` no longer depend on it (Coles 2001, section 4.3): [`mean_excess`] and
//! [`threshold_stability`] are the tables to look at. Hill's estimate needs no scale, only a heavy
//! tail.

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, mean, sum};
use crate::tail::extreme_value::GpdFit;

/// Losses above a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanExcess {
    /// Threshold u, in units of the losses.
    pub threshold: f64,
    /// Losses strictly above it.
    pub n_exceed: usize,
    /// Mean of `loss - u` over them.
    pub mean: f64,
    /// Its standard error, divisor n - 1; `None` for a single loss.
    pub standard_error: Option<f64>,
}

/// The mean excess over each threshold: for a GPD `(beta + xi u) / (1 - xi)`, a rising line where
/// the tail is heavier than exponential.
///
/// # Errors
/// The outer error is a loss or threshold that is not finite, or no loss. Per threshold: no loss
/// above it, or an excess beyond the range of a double.
pub fn mean_excess(losses: &[f64], thresholds: &[f64]) -> Result<Vec<Result<MeanExcess>>> {
    check::series(losses, 1)?;
    for &threshold in thresholds {
        check::finite_parameter("threshold", threshold)?;
    }
    let above = |&threshold: &f64| {
        let excesses = excesses_above(losses, threshold);
        if excesses.is_empty() {
            return Err(RiskError::TooFewObservations { n: 0, n_min: 1 });
        }
        if excesses.iter().any(|excess| excess.is_infinite()) {
            return Err(undefined("mean_excess", "an excess is beyond the range of a double"));
        }
        let mean = mean(&excesses)?;
        let n_exceed = excesses.len();
        let standard_error = if n_exceed < 2 {
            None
        } else {
            let deviation = Moments::of(&excesses)?.standard_deviation_sample()?;
            Some(deviation / (n_exceed as f64).sqrt())
        };
        Ok(MeanExcess { threshold, n_exceed, mean, standard_error })
    };
    Ok(thresholds.iter().map(above).collect())
}

/// The fit over one of several thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdFit {
    /// Losses that were asked for above the threshold; ties at it leave fewer in the fit.
    pub count: usize,
    /// The fit, with the standard errors of its parameters.
    pub fit: GpdFit,
    /// `beta - xi u`, which does not depend on a threshold that is high enough.
    pub modified_scale: f64,
    /// Its standard error; `None` where the fit has none.
    pub modified_scale_standard_error: Option<f64>,
    /// Value at risk; `None` where `alpha` lies below the threshold.
    pub value_at_risk: Option<f64>,
    /// Expected shortfall; `None` as well where the tail has no mean.
    pub expected_shortfall: Option<f64>,
}

/// Fits the `count` largest losses for each of `counts`: a threshold to trust lies where the rows
/// agree within their standard errors.
///
/// # Errors
/// The outer error is a loss that is not finite, or `alpha` outside (0, 1). Per row: as
/// [`GpdFit::of_largest`].
pub fn threshold_stability(
    losses: &[f64],
    counts: &[usize],
    alpha: f64,
) -> Result<Vec<Result<ThresholdFit>>> {
    check::finite(losses)?;
    check::open_unit("alpha", alpha)?;
    let row = |&count: &usize| {
        let fit = GpdFit::of_largest(losses, count)?;
        let modified_scale = defined("modified_scale", fit.beta - fit.xi * fit.threshold)?;
        Ok(ThresholdFit {
            count,
            fit,
            modified_scale,
            modified_scale_standard_error: fit.delta_method(-fit.threshold, 1.0),
            value_at_risk: fit.value_at_risk(alpha).ok(),
            expected_shortfall: fit.expected_shortfall(alpha).ok(),
        })
    };
    Ok(counts.iter().map(row).collect())
}

/// Hill's estimate of the tail index: the inverse mean of `ln(L_(i) / L_(count + 1))` over the
/// `count` largest losses (Hill 1975). About 2 to 4 for daily crypto returns; small is heavy.
///
/// # Errors
/// A value that is not finite, `count` of 0 or not below the number of losses, a threshold not
/// above 0, or `count` losses all equal to it.
pub fn hill_tail_index(losses: &[f64], count: usize) -> Result<f64> {
    let threshold = threshold_of_largest(losses, count)?;
    check::require(count > 0, "count", count as f64, "at least 1")?;
    if threshold <= 0.0 {
        return Err(undefined(
            "hill_alpha",
            "the threshold is not a loss: fewer losses than asked for",
        ));
    }
    // Losses tied with the threshold add ln 1 = 0.
    let logs = losses.iter().filter(|loss| **loss > threshold).map(|loss| (loss / threshold).ln());
    check::ratio("hill_alpha", count as f64, sum(logs), "all losses in the tail are equal")
}

/// The `(count + 1)`-th largest loss.
///
/// # Errors
/// A value that is not finite, or not more than `count` losses.
pub fn threshold_of_largest(losses: &[f64], count: usize) -> Result<f64> {
    check::series(losses, count.saturating_add(1))?;
    let mut work = losses.to_vec();
    let (_, threshold, _) = work.select_nth_unstable_by(count, |a, b| b.total_cmp(a));
    Ok(*threshold)
}

/// `loss - threshold` of every loss strictly above the threshold, in the order of the sample.
pub fn excesses_above(losses: &[f64], threshold: f64) -> Vec<f64> {
    losses.iter().filter(|loss| **loss > threshold).map(|loss| loss - threshold).collect()
}
