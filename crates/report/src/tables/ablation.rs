//! `ablation.csv`: what each limit of a rule is worth.

use plimsoll_study::result::StudyResult;

use super::{optional, to_csv};
use crate::error::ReportError;

/// `ablation.csv`: the rule with all its limits minus the same without one, on the same resampled
/// days, with the 95 % interval, the two-sided bootstrap p-value and the same after Holm's adjustment
/// over the rule's limits; `reason` where one of them is undefined.
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
            "limit",
            "rule_without",
            "metric",
            "difference",
            "low",
            "high",
            "p_value",
            "p_value_adjusted",
            "reason",
        ],
        result.limit_worth.iter().map(|row| {
            [
                row.symbol.clone(),
                row.rule.clone(),
                row.limit.clone(),
                row.rule_without.clone(),
                row.metric.to_owned(),
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
