//! `gates.csv`: how often each limit and gate acted.

use plimsoll_study::result::StudyResult;

use super::to_csv;
use crate::error::ReportError;

/// `gates.csv`: one row a rule and limit or gate (`kind`: `limit` or `multiplier`), counted over the
/// entry decisions of the whole account: `decisions` at which it was asked, `refused`, and
/// `undefined`, which refuses too. Of gates alone, `cut` counts the decisions that they made smaller
/// and did not refuse, and `closed` the positions that they ended (`funding_budget`, whose longest
/// holding time was over); of limits alone, `set_the_size` counts those whose size they set, which a
/// rule's only limit always does. `gate` is the pre-trade gate that the limit or gate belongs to,
/// empty if to none.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    to_csv(
        &[
            "rule",
            "name",
            "kind",
            "gate",
            "decisions",
            "cut",
            "refused",
            "undefined",
            "set_the_size",
            "closed",
        ],
        result.gate_counts.iter().map(|row| {
            let of_gate = |n: usize| if row.is_multiplier { n.to_string() } else { String::new() };
            let of_limit = |n: usize| if row.is_multiplier { String::new() } else { n.to_string() };
            [
                row.rule.clone(),
                row.name.to_owned(),
                if row.is_multiplier { "multiplier" } else { "limit" }.to_owned(),
                row.gate.to_owned(),
                row.decisions.to_string(),
                of_gate(row.cut),
                row.refused.to_string(),
                row.undefined.to_string(),
                of_limit(row.set_the_size),
                of_gate(row.closed),
            ]
        }),
    )
}
