//! `trades.csv`: every position of every rule's whole account.

use plimsoll_study::result::StudyResult;

use super::{full_precision, optional, to_csv};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `trades.csv`: one row a position of the whole account, in order of its exit. Times are the open
/// times of the bars of entry and exit; `funding`, `fees` and `slippage` are what was paid;
/// `return_on_equity` is `pnl` over the equity at the entry decision; `trade` is the number of the
/// size-free trade, as in `decisions.parquet`, `resizes` how often the size was changed while the
/// position was held, and `quantity_max` the most that was held.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let rows = result.rules.iter().flat_map(|rule| {
        rule.account().outcome.trades.iter().map(move |trade| {
            let on_equity =
                (trade.equity_at_entry > 0.0).then(|| trade.pnl / trade.equity_at_entry);
            [
                rule.name.clone(),
                result.symbols[trade.symbol_idx].clone(),
                trade.side.name().to_owned(),
                timeline.open(trade.entry_bar).to_string(),
                full_precision(trade.entry_price),
                timeline.open(trade.exit_bar).to_string(),
                full_precision(trade.exit_price),
                full_precision(trade.quantity),
                full_precision(trade.notional),
                full_precision(trade.leverage),
                trade.binding_limit.to_owned(),
                optional(trade.stop_price),
                optional(trade.liquidation_price),
                trade.exit_reason.name().to_owned(),
                full_precision(trade.pnl),
                full_precision(trade.funding),
                full_precision(trade.fees),
                full_precision(trade.slippage),
                optional(on_equity),
                optional(trade.r_multiple),
                trade.trade_idx.to_string(),
                trade.resizes.to_string(),
                full_precision(trade.quantity_max),
            ]
        })
    });
    to_csv(
        &[
            "rule",
            "symbol",
            "side",
            "entry_time",
            "entry_price",
            "exit_time",
            "exit_price",
            "quantity",
            "notional",
            "leverage",
            "binding_limit",
            "stop_price",
            "liquidation_price",
            "exit_reason",
            "pnl",
            "funding",
            "fees",
            "slippage",
            "return_on_equity",
            "r_multiple",
            "trade",
            "resizes",
            "quantity_max",
        ],
        rows,
    )
}
