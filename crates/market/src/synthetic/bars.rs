//! Gathers the steps of the model into the bars of a market.

use super::config::Grids;
use crate::market::{PriceBar, PriceColumns, SymbolColumns};

/// What one step publishes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepRecord {
    pub(crate) last: PriceBar,
    pub(crate) mark: PriceBar,
    pub(crate) index: PriceBar,
    pub(crate) volume: f64,
    pub(crate) quote_volume: f64,
    pub(crate) taker_buy_volume: f64,
    pub(crate) liquidated_long_notional: f64,
    pub(crate) liquidated_short_notional: f64,
    pub(crate) open_interest: f64,
    pub(crate) open_interest_value: f64,
    pub(crate) depth_notional: f64,
    pub(crate) half_spread_bps: f64,
}

/// The order book of one symbol, a value a bar, as thin as it was at the worst step of the bar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BookColumns {
    /// Smallest notional resting near the best price on one side.
    pub depth_notional: Vec<f64>,
    /// Largest half bid-ask spread, basis points of the price.
    pub half_spread_bps: Vec<f64>,
}

/// Columns under construction.
pub(crate) struct Bars {
    grids: Grids,
    steps_per_bar: usize,
    steps_in_bar: usize,
    last: PriceColumns,
    mark: PriceColumns,
    index: PriceColumns,
    book: BookColumns,
    columns: SymbolColumns,
}

impl Bars {
    pub(crate) fn new(grids: Grids, steps_per_bar: usize, n_bars: usize) -> Self {
        let column = || Vec::with_capacity(n_bars);
        let price =
            || PriceColumns { open: column(), high: column(), low: column(), close: column() };
        let columns = SymbolColumns {
            volume: column(),
            quote_volume: column(),
            taker_buy_volume: column(),
            liquidated_long_notional: column(),
            liquidated_short_notional: column(),
            open_interest: column(),
            open_interest_value: column(),
            ..SymbolColumns::default()
        };
        let book = BookColumns { depth_notional: column(), half_spread_bps: column() };
        let (last, mark, index) = (price(), price(), price());
        Self { grids, steps_per_bar, steps_in_bar: 0, last, mark, index, book, columns }
    }

    pub(crate) fn push(&mut self, step: &StepRecord) {
        let is_first = self.steps_in_bar == 0;
        self.steps_in_bar = (self.steps_in_bar + 1) % self.steps_per_bar;
        let is_last = self.steps_in_bar == 0;

        merge_price(&mut self.last, step.last, is_first);
        merge_price(&mut self.mark, step.mark, is_first);
        merge_price(&mut self.index, step.index, is_first);

        let (columns, Grids { quantity, value, .. }) = (&mut self.columns, self.grids);
        for (column, amount, grid) in [
            (&mut columns.volume, step.volume, quantity),
            (&mut columns.quote_volume, step.quote_volume, value),
            (&mut columns.taker_buy_volume, step.taker_buy_volume, quantity),
            (&mut columns.liquidated_long_notional, step.liquidated_long_notional, value),
            (&mut columns.liquidated_short_notional, step.liquidated_short_notional, value),
        ] {
            merge(column, amount, is_first, |sum, more| sum + more);
            if is_last && let Some(sum) = column.last_mut() {
                *sum = grid.snap(*sum);
            }
        }
        merge(&mut columns.open_interest, step.open_interest, is_first, |_, new| new);
        merge(&mut columns.open_interest_value, step.open_interest_value, is_first, |_, new| new);
        merge(&mut self.book.depth_notional, step.depth_notional, is_first, f64::min);
        merge(&mut self.book.half_spread_bps, step.half_spread_bps, is_first, f64::max);
    }

    /// The finished columns; an unfinished bar at the end is dropped.
    pub(crate) fn finish(self, n_bars: usize) -> (SymbolColumns, BookColumns) {
        let Self { last, mark, index, mut book, mut columns, .. } = self;
        (columns.open, columns.high) = (last.open, last.high);
        (columns.low, columns.close) = (last.low, last.close);
        (columns.mark, columns.index) = (Some(mark), Some(index));
        let prices = |p: &mut PriceColumns| {
            for column in [&mut p.open, &mut p.high, &mut p.low, &mut p.close] {
                column.truncate(n_bars);
            }
        };
        columns.mark.iter_mut().chain(&mut columns.index).for_each(prices);
        for column in [
            &mut columns.open,
            &mut columns.high,
            &mut columns.low,
            &mut columns.close,
            &mut columns.volume,
            &mut columns.quote_volume,
            &mut columns.taker_buy_volume,
            &mut columns.liquidated_long_notional,
            &mut columns.liquidated_short_notional,
            &mut columns.open_interest,
            &mut columns.open_interest_value,
            &mut book.depth_notional,
            &mut book.half_spread_bps,
        ] {
            column.truncate(n_bars);
        }
        (columns, book)
    }
}

fn merge_price(columns: &mut PriceColumns, step: PriceBar, is_first: bool) {
    merge(&mut columns.open, step.open, is_first, |open, _| open);
    merge(&mut columns.high, step.high, is_first, f64::max);
    merge(&mut columns.low, step.low, is_first, f64::min);
    merge(&mut columns.close, step.close, is_first, |_, close| close);
}

/// Starts a bar's value, or joins a step's to it.
fn merge(column: &mut Vec<f64>, new: f64, is_first: bool, join: impl Fn(f64, f64) -> f64) {
    match column.last_mut() {
        Some(value) if !is_first => *value = join(*value, new),
        _ => column.push(new),
    }
}
