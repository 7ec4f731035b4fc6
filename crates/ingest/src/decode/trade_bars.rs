//! Trades to bars, for archives that hold trades.

use plimsoll_market::{Column, DAY_MS, Interval, Kind, Table, Timestamp};

use super::{Checked, note};
use crate::policy::{Policies, Policy, Rule};

/// The longest silence that is taken for a quiet market.
const QUIET_MAX_MS: i64 = DAY_MS;

/// One trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) time_ms: i64,
    pub(super) price: f64,
    /// In base units.
    pub(super) quantity: f64,
    /// Whether the taker bought.
    pub(super) taker_buys: bool,
    /// How many trades the row stands for: an aggregate is several.
    pub(super) trades: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bar {
    open_time: i64,
    /// Time and sequence of the first and last trade, so that files in any order give one bar.
    first: (i64, f64),
    last: (i64, f64),
    high: f64,
    low: f64,
    volume: f64,
    quote_volume: f64,
    trades: i64,
    taker_buy_volume: f64,
}

/// Gathers trades into bars. Trades come in order of time, or wholly in reverse.
pub(super) struct TradeBars {
    interval: Interval,
    bars: Vec<Bar>,
}

impl TradeBars {
    pub(super) fn new(interval: Interval) -> Self {
        Self { interval, bars: Vec::new() }
    }

    pub(super) fn push(&mut self, trade: Trade) {
        let open_time = self.interval.floor(Timestamp(trade.time_ms)).0;
        let at = match self.bars.last() {
            Some(bar) if bar.open_time == open_time => self.bars.len() - 1,
            Some(bar) if bar.open_time < open_time => self.bars.len(),
            None => 0,
            // Rare: a trade that is out of order, or a file from new to old.
            Some(_) => self.bars.partition_point(|bar| bar.open_time < open_time),
        };
        if self.bars.get(at).is_none_or(|bar| bar.open_time != open_time) {
            let point = (trade.time_ms, trade.price);
            let bar = Bar {
                open_time,
                first: point,
                last: point,
                high: trade.price,
                low: trade.price,
                volume: 0.0,
                quote_volume: 0.0,
                trades: 0,
                taker_buy_volume: 0.0,
            };
            self.bars.insert(at, bar);
        }
        let bar = &mut self.bars[at];
        if trade.time_ms < bar.first.0 {
            bar.first = (trade.time_ms, trade.price);
        }
        if trade.time_ms >= bar.last.0 {
            bar.last = (trade.time_ms, trade.price);
        }
        bar.high = bar.high.max(trade.price);
        bar.low = bar.low.min(trade.price);
        bar.volume += trade.quantity;
        bar.quote_volume += trade.quantity * trade.price;
        bar.trades += trade.trades;
        if trade.taker_buys {
            bar.taker_buy_volume += trade.quantity;
        }
    }

    /// The bars. Between the first and last trade an interval without trades is known to be
    /// quiet: it gets a flat bar of no volume at the price before, as venues write it themselves.
    pub(super) fn finish(self, policies: &Policies) -> Checked {
        let fills = policies.of(Rule::QuietBars) == Policy::Repair;
        let mut bars: Vec<Bar> = Vec::with_capacity(self.bars.len());
        let mut quiet = Vec::new();
        for bar in self.bars {
            if let Some(before) = bars.last().copied() {
                let mut open_time = before.open_time + self.interval.ms();
                // A longer silence is a hole in the archive, no quiet market.
                let is_hole = bar.open_time - before.open_time > QUIET_MAX_MS;
                while open_time < bar.open_time && !is_hole {
                    quiet.push(open_time);
                    if fills {
                        let price = before.last.1;
                        bars.push(Bar {
                            open_time,
                            first: (open_time, price),
                            last: (open_time, price),
                            high: price,
                            low: price,
                            volume: 0.0,
                            quote_volume: 0.0,
                            trades: 0,
                            taker_buy_volume: 0.0,
                        });
                    }
                    open_time += self.interval.ms();
                }
            }
            bars.push(bar);
        }
        let of = |value: fn(&Bar) -> f64| Column::F64(bars.iter().map(value).collect());
        let columns = vec![
            Column::Time(bars.iter().map(|bar| bar.open_time).collect()),
            of(|bar| bar.first.1),
            of(|bar| bar.high),
            of(|bar| bar.low),
            of(|bar| bar.last.1),
            of(|bar| bar.volume),
            of(|bar| bar.quote_volume),
            Column::I64OrNull(bars.iter().map(|bar| Some(bar.trades)).collect()),
            Column::F64OrNull(bars.iter().map(|bar| Some(bar.taker_buy_volume)).collect()),
        ];
        let mut checked = Checked::new(Table::new(Kind::Candles, columns));
        if let Some(&first) = quiet.first() {
            let about = Rule::QuietBars.about();
            let notes = if fills { &mut checked.repairs } else { &mut checked.flags };
            notes.push(note(about.name, quiet.len(), first, about.what));
        }
        checked
    }
}
