//! Which bars of a longer interval have closed at each bar of the market.

use plimsoll_market::{Interval, Market, SymbolColumns};

/// The closed bars of a longer interval, as positions in the market's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HigherGrid {
    /// Base bars in one higher bar.
    pub(crate) factor: usize,
    /// For each higher bar that closes inside the market: the base bar that it ends with, or
    /// nothing where one of its base bars is missing.
    pub(crate) last_bar: Vec<Option<u32>>,
    /// For each base bar: the last higher bar closed at or before its close.
    pub(crate) closed: Vec<Option<u32>>,
}

impl HigherGrid {
    /// The grid of an interval that is a multiple of the market's.
    pub(crate) fn new(market: &Market, symbol: &SymbolColumns, interval: Interval) -> Self {
        let factor = (interval.ms() / market.interval.ms()).max(1) as usize;
        let mut last_bar = Vec::with_capacity(market.n_bars / factor + 1);
        let mut closed = Vec::with_capacity(market.n_bars);
        let mut present_bars = 0;
        for bar in 0..market.n_bars {
            present_bars = if symbol.has_bar(bar) { present_bars + 1 } else { 0 };
            if interval.is_on_grid(market.close_time(bar)) {
                last_bar.push((present_bars >= factor).then_some(bar as u32));
            }
            closed.push(last_bar.len().checked_sub(1).map(|idx| idx as u32));
        }
        Self { factor, last_bar, closed }
    }
}
