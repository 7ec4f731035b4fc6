//! The strategy's closed trades and its bar returns at unit leverage.

use plimsoll_market::{SizeFreeTrade, SymbolColumns, Timestamp, TradeExit};

use super::LimitInputs;

/// The strategy's past at unit leverage.
#[derive(Debug)]
pub struct History<'a> {
    trades: &'a [SizeFreeTrade],
    /// Closed trades, by the bar at whose close they were known to have ended.
    closed: Vec<&'a SizeFreeTrade>,
    /// That bar, for each of them.
    ended: Vec<usize>,
    /// Per symbol, the bar at whose close its delisting was known; empty where none is.
    delisted: Vec<Option<usize>>,
    /// Decision bar and symbol of entries that the market did not allow in the end.
    cancelled: Vec<(usize, usize)>,
    /// Per symbol, the bar returns of one unit of notional.
    unit_returns: &'a [Vec<f64>],
}

impl<'a> History<'a> {
    /// Sorts the trades by the bar in which they ended. A trade that the end of the data cut off
    /// never closed and is left out.
    pub fn new(trades: &'a [SizeFreeTrade], unit_returns: &'a [Vec<f64>]) -> Self {
        let mut history = Self {
            trades,
            closed: Vec::new(),
            ended: Vec::new(),
            delisted: Vec::new(),
            cancelled: Vec::new(),
            unit_returns,
        };
        history.sort();
        history
    }

    /// Takes from the market which symbols were delisted and when. The exchange settles what is
    /// held then, so a trade marked out at the end of such a symbol's data did close; it counts
    /// from the first close at which the delisting was known.
    #[must_use]
    pub fn with_delistings(mut self, inputs: &LimitInputs<'_>) -> Self {
        let market = inputs.market();
        let known_at = |time: Timestamp| {
            (0..market.n_bars).find(|&bar| market.close_time(bar) >= time).unwrap_or(usize::MAX)
        };
        let bar = |symbol: &SymbolColumns| symbol.delisted_at.map(known_at);
        self.delisted = market.symbols.iter().map(bar).collect();
        self.sort();
        self
    }

    fn sort(&mut self) {
        let ended = |trade: &'a SizeFreeTrade| Some((self.ended_bar(trade)?, trade));
        let mut closed: Vec<(usize, &SizeFreeTrade)> =
            self.trades.iter().filter_map(ended).collect();
        closed.sort_by_key(|(bar, trade)| (*bar, trade.decision_bar, trade.symbol_idx));
        (self.ended, self.closed) = closed.into_iter().unzip();
    }

    /// The bar at whose close a trade was known to have ended; `None`: the end of the data cut it
    /// off.
    fn ended_bar(&self, trade: &SizeFreeTrade) -> Option<usize> {
        match trade.exit {
            TradeExit::End => {
                let delisted = self.delisted.get(trade.symbol_idx).copied().flatten()?;
                Some(delisted.max(trade.exit_bar))
            }
            _ => Some(trade.exit_bar),
        }
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
        self.ended.partition_point(|ended| *ended <= bar)
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
        let is_open = |trade: &&SizeFreeTrade| {
            trade.decision_bar <= bar && self.ended_bar(trade).is_none_or(|ended| ended > bar)
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
