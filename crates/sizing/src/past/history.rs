//! The strategy's closed trades and its bar returns at unit leverage.

use plimsoll_market::{SizeFreeTrade, TradeExit};

/// The strategy's past at unit leverage.
#[derive(Debug)]
pub struct History<'a> {
    trades: &'a [SizeFreeTrade],
    /// Closed trades, by exit bar.
    closed: Vec<&'a SizeFreeTrade>,
    /// Decision bar and symbol of entries that the market did not allow in the end.
    cancelled: Vec<(usize, usize)>,
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
        Self { trades, closed, cancelled: Vec::new(), unit_returns }
    }

    /// Adds entries by decision bar and symbol that were decided and then cancelled: at their
    /// decision nobody knew that, so they count as entries there.
    #[must_use]
    pub fn with_cancelled(mut self, entries: impl IntoIterator<Item = (usize, usize)>) -> Self {
        self.cancelled.extend(entries);
        self.cancelled.sort_unstable();
        self
    }

    /// The last `count` trades of any symbol that had ended by the close of `bar`.
    pub(super) fn last_trades(&self, bar: usize, count: usize) -> &[&'a SizeFreeTrade] {
        let end = self.closed_by(bar);
        &self.closed[end.saturating_sub(count)..end]
    }

    /// Those that ended in the last `bars` bars up to and including `bar`.
    pub(super) fn trades_of_bars(&self, bar: usize, bars: usize) -> &[&'a SizeFreeTrade] {
        let before = (bar + 1).checked_sub(bars).and_then(|first| first.checked_sub(1));
        let start = before.map_or(0, |before| self.closed_by(before));
        &self.closed[start..self.closed_by(bar)]
    }

    fn closed_by(&self, bar: usize) -> usize {
        self.closed.partition_point(|trade| trade.exit_bar <= bar)
    }

    /// The unit-leverage returns of the last `count` bars up to and including `bar`, the latest
    /// last, each with its age in bars; without bars that are missing.
    pub(super) fn last_returns(
        &self,
        symbol_idx: usize,
        bar: usize,
        count: usize,
    ) -> impl Iterator<Item = (usize, f64)> {
        let start = (bar + 1).saturating_sub(count);
        let returns = &self.unit_returns[symbol_idx][start..=bar];
        let aged = returns.iter().enumerate().map(move |(i, &r)| (bar - start - i, r));
        aged.filter(|(_, r)| !r.is_nan())
    }

    /// Sum of the unit-leverage returns of the bars from `start` to before `end`, all of them
    /// closed; `None` where no bar exists.
    pub(super) fn return_of_bars(
        &self,
        symbol_idx: usize,
        start: usize,
        end: usize,
    ) -> Option<f64> {
        let known = || self.unit_returns[symbol_idx][start..end].iter().filter(|r| !r.is_nan());
        known().next()?;
        Some(known().sum())
    }

    /// Symbols with a position at the close of `bar` or an entry decided there, in order. Only what
    /// was known then: when a trade ends later, and whether an entry fills, is not asked.
    pub(super) fn symbols_in_play(&self, bar: usize) -> Vec<usize> {
        // A trade that the end of the data cut off has not ended.
        let is_open = |trade: &&SizeFreeTrade| {
            trade.decision_bar <= bar && (trade.exit_bar > bar || trade.exit == TradeExit::End)
        };
        let open = self.trades.iter().filter(is_open).map(|trade| trade.symbol_idx);
        let decided = self.cancelled.partition_point(|&(decision_bar, _)| decision_bar < bar);
        let entered = self.cancelled[decided..].iter().take_while(|&&(at, _)| at == bar);
        let mut symbols: Vec<usize> = open.chain(entered.map(|&(_, symbol)| symbol)).collect();
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    }
}
