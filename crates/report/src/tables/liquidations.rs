//! `liquidations.csv`: every forced close.

use plimsoll_study::result::StudyResult;

use super::{full_precision, to_csv};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `liquidations.csv`: one row a forced close of the whole account, partial ones included. `time`
/// is the open time of the bar in which the mark price reached the liquidation price.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let rows = result.rules.iter().flat_map(|rule| {
        rule.account().outcome.liquidations.iter().map(move |row| {
            [
                rule.name.clone(),
                result.symbols[row.symbol_idx].clone(),
                timeline.open(row.bar).to_string(),
                row.side.name().to_owned(),
                row.trade_idx.to_string(),
                full_precision(row.mark_price),
                full_precision(row.mark_extreme),
                row.mark_is_last.to_string(),
                full_precision(row.fill_price),
                full_precision(row.bankruptcy_price),
                full_precision(row.quantity),
                full_precision(row.quantity_left),
                row.bracket_tier.to_string(),
                full_precision(row.maintenance_margin_rate),
                full_precision(row.bracket_leverage_max),
                full_precision(row.fee),
                full_precision(row.insurance_delta),
                full_precision(row.equity_after),
            ]
        })
    });
    to_csv(
        &[
            "rule",
            "symbol",
            "time",
            "side",
            "trade",
            "mark_price",
            "mark_extreme",
            "mark_is_last",
            "fill_price",
            "bankruptcy_price",
            "quantity",
            "quantity_left",
            "bracket_tier",
            "maintenance_margin_rate",
            "bracket_leverage_max",
            "fee",
            "insurance_delta",
            "equity_after",
        ],
        rows,
    )
}
