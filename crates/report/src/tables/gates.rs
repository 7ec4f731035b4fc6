//! `gates.csv`: how often each limit and gate acted.

use plimsoll_study::result::StudyResult;

use super::to_csv;
use crate::error::ReportError;

/// `gates.csv`: one row a rule and limit or gate (`kind`: `limit` or `multiplier`), counted over the
/// decisions of the whole account: `decisions` at which it was asked, `cut` (made smaller, not
/// refused), `refused`, and `undefined`, which refuses too. `gate` is the pre-trade gate that it
/// belongs to, empty if to none.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &["rule", "name", "kind", "gate", "decisions", "cut", "refused", "undefined"],
        result.gate_counts.iter().map(|row| {
            [
                row.rule.clone(),
                row.name.to_owned(),
                if row.is_multiplier { "multiplier" } else { "limit" }.to_owned(),
                row.gate.to_owned(),
                row.decisions.to_string(),
                row.cut.to_string(),
                row.refused.to_string(),
                row.undefined.to_string(),
            ]
        }),
    )
}
