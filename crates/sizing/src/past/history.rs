//! The strategy's closed trades and its bar returns at unit leverage.

use plimsoll_market::{SizeFreeTrade, TradeExit};

/// The strategy's past at unit leverage.
#[derive(Debug)]
pub struct History<'a> {
    /// Closed trades, by exit bar.
    closed: Vec<&'a SizeFreeTrade>,
    /// Per symbol, the bar returns of one unit of notional.
    unit_returns: &'a [Vec<f64>],
}

impl<'a> History<'a> {
    /// Sorts the trades by the bar in which they ended. A trade that the end of the data cut off
    /// never closed and is left out.
    pub fn new(trades: &'a [SizeFreeTrade], unit_returns: &'a [Vec<f64>]) -> Self {
        let mut closed: Vec<&SizeFreeTrade> =
            trades.iter().filter(|trade| trade.exit != TradeExit::End).collect();
        closed.sort_by_key(|trade| (trade.exit_bar, trade.decision_bar, trade.symbol_idx));
        Self { closed, unit_returns }
    }

    /// The last `count` trades of any symbol that had ended by the close of `bar`.
    pub(super) fn last_trades(&self, bar: usize, count: usize) -> &[&'a SizeFreeTrade] {
        let end = self.closed.partition_point(|trade| trade.exit_bar <= bar);
        &self.closed[end.saturating_sub(count)..end]
    }

    /// The unit-leverage returns of the last `count` bars up to and including `bar`, without bars
    /// that are missing.
    pub(super) fn last_returns(&self, symbol_idx: usize, bar: usize, count: usize) -> Vec<f64> {
        let start = (bar + 1).saturating_sub(count);
        self.unit_returns[symbol_idx][start..=bar].iter().copied().filter(|r| !r.is_nan()).collect()
    }
}
