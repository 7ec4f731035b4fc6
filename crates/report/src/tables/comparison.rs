//! `comparison.csv`: paired differences from the baseline.

use plimsoll_study::result::StudyResult;

use super::{optional, to_csv};
use crate::error::ReportError;

/// `comparison.csv`: rule minus baseline on the same resampled days, with its 95 % interval, the
/// two-sided bootstrap p-value and the same after Holm's adjustment; `reason` where one of them is
/// undefined.
///
/// The interval is that of the draws' percentiles, the p-value counts draws that lie as far from the
/// difference as it lies from zero: for drawdowns, whose draws are skewed, the two can disagree.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &[
            "symbol",
            "rule",
            "baseline",
            "basis",
            "metric",
            "difference",
            "low",
            "high",
            "p_value",
            "p_value_adjusted",
            "reason",
        ],
        result.comparisons.iter().map(|row| {
            [
                row.symbol.clone(),
                row.rule.clone(),
                row.baseline.clone(),
                row.basis.to_owned(),
                row.metric.clone(),
                optional(row.difference),
                optional(row.low),
                optional(row.high),
                optional(row.p_value),
                optional(row.p_value_adjusted),
                row.reason.clone().unwrap_or_default(),
            ]
        }),
    )
}
