//! Checks of arguments and results shared by the modules.

use crate::error::{Result, RiskError};
use crate::quantile::sorted;

/// Every value finite, and at least `n_min` of them.
pub(crate) fn series(values: &[f64], n_min: usize) -> Result<()> {
    finite(values)?;
    if values.len() < n_min {
        return Err(RiskError::TooFewObservations { n: values.len(), n_min });
    }
    Ok(())
}

/// Every value finite.
pub(crate) fn finite(values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(RiskError::NonFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

/// Share of identical values from which on the likelihood of a Student-t distribution with half a
/// degree of freedom has no maximum: with `nu` of them the share is `nu / (1 + nu)`.
const IDENTICAL_SHARE_MAX: f64 = 1.0 / 3.0;

/// Fewer identical values than a density with a peak or heavy tails can be fitted to: it would
/// rise at them without end, or as far as the range of its parameters lets it.
pub(crate) fn few_identical(metric: &'static str, values: &[f64]) -> Result<()> {
    let ascending = sorted(values);
    let mut longest = 1_usize;
    let mut run = 1;
    for pair in ascending.windows(2) {
        run = if pair[0] < pair[1] { 1 } else { run + 1 };
        longest = longest.max(run);
    }
    if longest as f64 >= IDENTICAL_SHARE_MAX * values.len() as f64 {
        let reason = "a third or more of the returns are identical: the likelihood is unbounded, or has its maximum at them";
        return Err(undefined(metric, reason));
    }
    Ok(())
}

/// A probability strictly inside (0, 1).
pub(crate) fn open_unit(name: &'static str, value: f64) -> Result<()> {
    require(value > 0.0 && value < 1.0, name, value, "above 0 and below 1")
}

/// A finite value above zero.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<()> {
    require(value > 0.0 && value.is_finite(), name, value, "finite and above 0")
}

/// A mean block of the stationary bootstrap, in periods.
pub(crate) fn mean_block(value: f64) -> Result<()> {
    require(value >= 1.0 && value.is_finite(), "mean_block", value, "finite and at least 1")
}

/// A finite value.
pub(crate) fn finite_parameter(name: &'static str, value: f64) -> Result<()> {
    require(value.is_finite(), name, value, "finite")
}

/// `Ok` where the rule holds.
pub(crate) fn require(
    holds: bool,
    name: &'static str,
    value: f64,
    rule: &'static str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(RiskError::OutOfRange { name, value, rule }) }
}

/// The last line of defence: a finite result or a typed error, never NaN or infinity.
pub(crate) fn defined(metric: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(undefined(metric, "the result is beyond the range of a double"))
    }
}

/// The same for a mean of squares: one that `vanishes` by right may be 0, but no other may have
/// left the range of a double at its lower end, where the digits go.
pub(crate) fn defined_square(metric: &'static str, value: f64, vanishes: bool) -> Result<f64> {
    if value < f64::MIN_POSITIVE && !vanishes {
        return Err(undefined(metric, "the result is beyond the range of a double"));
    }
    defined(metric, value)
}

/// Shorthand for [`RiskError::Undefined`].
pub(crate) fn undefined(metric: &'static str, reason: &'static str) -> RiskError {
    RiskError::Undefined { metric, reason }
}

/// `numerator / denominator` with a typed error for a zero denominator.
pub(crate) fn ratio(
    metric: &'static str,
    numerator: f64,
    denominator: f64,
    zero_reason: &'static str,
) -> Result<f64> {
    if denominator.abs() > 0.0 {
        defined(metric, numerator / denominator)
    } else {
        Err(undefined(metric, zero_reason))
    }
}
