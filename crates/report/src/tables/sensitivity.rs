//! `sensitivity.csv`: what other assumptions would have given.

use plimsoll_study::result::StudyResult;

use super::{full_precision, optional, to_csv};
use crate::error::ReportError;

/// `sensitivity.csv`: each rule's whole account under each variant of the assumptions.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &["variant", "rule", "final_equity", "max_drawdown", "liquidations", "is_ruined"],
        result.sensitivity.iter().map(|row| {
            [
                row.variant.clone(),
                row.rule.clone(),
                full_precision(row.final_equity),
                optional(row.max_drawdown),
                row.liquidations.to_string(),
                row.is_ruined.to_string(),
            ]
        }),
    )
}
