//! `refusals.csv`: every entry that did not become a position, and why.

use plimsoll_engine::DecisionOutcome;
use plimsoll_study::result::StudyResult;

use super::{full_precision, to_csv};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `refusals.csv`: entries that the market itself did not allow once, under the rule `*` and with
/// the stage `cancelled`; then each rule's decisions that ended without a position, with the stage
/// `no_size` or `refused_at_fill`. Times are those of the decision, the close of its bar. Of the
/// `kind` `resize` are later decisions on a position: one of no size closed it, one refused at the
/// fill left it as it was.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let cancelled = result.cancelled.iter().map(|entry| {
        [
            "*".to_owned(),
            result.symbols[entry.symbol_idx].clone(),
            timeline.close(entry.decision_bar).to_string(),
            entry.side.name().to_owned(),
            "cancelled".to_owned(),
            entry.reason.to_owned(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            "entry".to_owned(),
        ]
    });
    let refused = result.rules.iter().flat_map(|rule| {
        let decisions = rule.account().outcome.decisions.iter();
        decisions.filter(|decision| decision.outcome != DecisionOutcome::Filled).map(|decision| {
            [
                rule.name.clone(),
                result.symbols[decision.symbol_idx].clone(),
                timeline.close(decision.bar).to_string(),
                decision.side.name().to_owned(),
                decision.outcome.name().to_owned(),
                decision.reason.to_owned(),
                decision.binding_limit.to_owned(),
                full_precision(decision.leverage),
                full_precision(decision.quantity_raw),
                full_precision(decision.equity),
                full_precision(decision.price),
                decision.kind.name().to_owned(),
            ]
        })
    });
    to_csv(
        &[
            "rule",
            "symbol",
            "time",
            "side",
            "stage",
            "reason",
            "binding_limit",
            "leverage",
            "quantity_raw",
            "equity",
            "price",
            "kind",
        ],
        cancelled.chain(refused),
    )
}
