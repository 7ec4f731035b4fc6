//! Order statistics: the interpolated quantile and the inverted distribution function.

use crate::check::{self, undefined};
use crate::error::Result;

/// Quantile of Hyndman & Fan (1996) type 7, the default of R and numpy: with
/// `h = (n - 1) probability`, linear between the order statistics around `h`.
///
/// # Errors
/// A value that is not finite, an empty slice, or a probability outside [0, 1].
pub fn quantile(values: &[f64], probability: f64) -> Result<f64> {
    check::series(values, 1)?;
    check::require((0.0..=1.0).contains(&probability), "probability", probability, "from 0 to 1")?;
    Ok(quantile_sorted(&sorted(values), probability))
}

/// Quantile of Hyndman & Fan (1996) type 1: the smallest value whose empirical distribution
/// function reaches `probability`, the order statistic `ceil(n * probability)`.
///
/// # Errors
/// A value that is not finite, an empty slice, or a probability outside [0, 1].
pub fn quantile_inverted_cdf(values: &[f64], probability: f64) -> Result<f64> {
    check::series(values, 1)?;
    check::require((0.0..=1.0).contains(&probability), "probability", probability, "from 0 to 1")?;
    let ascending = sorted(values);
    let rank = tail_count(probability, ascending.len()).ceil() as usize;
    Ok(ascending[rank.clamp(1, ascending.len()) - 1])
}

/// Mean of the `probability * n` smallest values, a fractional last one counted in part:
/// `(sum of the k smallest + (probability n - k) * next) / (probability n)` with
/// `k = floor(probability n)`.
///
/// # Errors
/// A value that is not finite, an empty slice, or a probability outside (0, 1].
pub fn lower_tail_mean(values: &[f64], probability: f64) -> Result<f64> {
    check::series(values, 1)?;
    check::require(
        probability > 0.0 && probability <= 1.0,
        "probability",
        probability,
        "above 0 and at most 1",
    )?;
    lower_tail_mean_sorted(&sorted(values), probability)
}

/// [`lower_tail_mean`] of values already in ascending order.
pub(crate) fn lower_tail_mean_sorted(ascending: &[f64], probability: f64) -> Result<f64> {
    let count = tail_count(probability, ascending.len());
    if count <= 0.0 {
        return Err(undefined("tail mean", "the tail probability is too small"));
    }
    let whole = (count.floor() as usize).min(ascending.len());
    let smallest = ascending[0];
    // Summing distances from the smallest value keeps the mean between the extremes exactly.
    let mut total = crate::moments::sum(ascending[..whole].iter().map(|value| value - smallest));
    if whole < ascending.len() {
        total += (count - whole as f64) * (ascending[whole] - smallest);
    }
    check::defined("tail mean", smallest + total / count)
}

/// Type 7 quantile of values already in ascending order.
pub(crate) fn quantile_sorted(ascending: &[f64], probability: f64) -> f64 {
    let position = probability * (ascending.len() - 1) as f64;
    let below = (position.floor() as usize).min(ascending.len() - 1);
    let above = (below + 1).min(ascending.len() - 1);
    let weight = position - below as f64;
    let (low, high) = (ascending[below], ascending[above]);
    // The two-sided form cannot overflow where the difference of the neighbours would.
    if weight > 0.0 && low < high { low * (1.0 - weight) + high * weight } else { low }
}

/// `probability * n`, moved to the nearest integer where rounding alone keeps it away.
pub(crate) fn tail_count(probability: f64, n: usize) -> f64 {
    let count = probability * n as f64;
    let nearest = count.round();
    if (count - nearest).abs() <= 1e-12 * count.max(1.0) && nearest > 0.0 { nearest } else { count }
}

/// The values in ascending order; ties and signed zeros in a fixed order.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut ascending = values.to_vec();
    ascending.sort_unstable_by(f64::total_cmp);
    ascending
}
