//! Trades to bars, for archives that hold trades.
//!
//! Sums are exact ([`super::exact_sum`]): bars do not depend on the order of the trades or on the
//! blocks that a file is read in, and equal those that the exchange made of the same trades.

use std::collections::BTreeMap;

use plimsoll_market::{Column, DAY_MS, Interval, Kind, Table, Timestamp};

use super::Checked;
use super::exact_sum::{Sum, units};
use super::findings::{Case, rule_note};
use super::trade_ids::Hole;
use crate::error::Problem;
use crate::policy::{Policies, Policy, Rule};

/// The longest silence that is taken for a quiet market where ids show that no trade is missing.
const QUIET_MAX_MS: i64 = DAY_MS;

/// The same where nothing shows it: a file may have been cut, or its recorder have been down.
const QUIET_UNPROVEN_MAX_MS: i64 = 10 * 60_000;

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

impl Trade {
    /// Whether all values are the same.
    pub(super) fn is_same(self, other: Self) -> bool {
        let values =
            |t: Self| (t.time_ms, t.price.to_bits(), t.quantity.to_bits(), t.taker_buys, t.trades);
        values(self) == values(other)
    }
}

/// The trades of one millisecond, in the order in which they came.
#[derive(Clone, Copy, Debug)]
struct Instant {
    time_ms: i64,
    first_price: f64,
    last_price: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bar {
    open_time: i64,
    earliest: Instant,
    latest: Instant,
    high: f64,
    low: f64,
    volume: Sum,
    quote_volume: Sum,
    /// The quote currency of trades that tell it themselves.
    quote_told: Sum,
    trades: i64,
    taker_buy_volume: Sum,
}

impl Bar {
    /// A bar in which nothing has happened yet.
    fn quiet(open_time: i64, time_ms: i64, price: f64) -> Self {
        let instant = Instant { time_ms, first_price: price, last_price: price };
        Self {
            open_time,
            earliest: instant,
            latest: instant,
            high: price,
            low: price,
            volume: Sum::default(),
            quote_volume: Sum::default(),
            quote_told: Sum::default(),
            trades: 0,
            taker_buy_volume: Sum::default(),
        }
    }

    fn add(&mut self, trade: Trade, quote: Option<f64>) {
        let Trade { time_ms, price, quantity, .. } = trade;
        if time_ms < self.earliest.time_ms {
            self.earliest = Instant { time_ms, first_price: price, last_price: price };
        } else if time_ms == self.earliest.time_ms {
            self.earliest.last_price = price;
        }
        if time_ms > self.latest.time_ms {
            self.latest = Instant { time_ms, first_price: price, last_price: price };
        } else if time_ms == self.latest.time_ms {
            self.latest.last_price = price;
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        let quantity_units = units(quantity);
        self.volume.add(quantity, quantity_units);
        match quote {
            Some(quote) => self.quote_told.add(quote, units(quote)),
            None => {
                self.quote_volume.add_product((price, units(price)), (quantity, quantity_units));
            }
        }
        self.trades = self.trades.saturating_add(trade.trades);
        if trade.taker_buys {
            self.taker_buy_volume.add(quantity, quantity_units);
        }
    }
}

/// Gathers trades into bars. Trades come in order of time, or wholly in reverse; of trades of one
/// millisecond the order in the file decides, which a reversed file has backwards too.
pub(super) struct TradeBars {
    interval: Interval,
    /// By open time, without the current one.
    bars: BTreeMap<i64, Bar>,
    /// The bar of the last trade, which is nearly always that of the next.
    current: Option<Bar>,
    previous_ms: Option<i64>,
    forward_steps: usize,
    /// How often a trade is earlier than the one before, and the first such time.
    backward_steps: usize,
    first_backward_ms: i64,
    known_until: Option<Timestamp>,
    /// Whether ids show where trades are missing, and where.
    is_proven: bool,
    /// From one open time to another, both of bars that missing trades may belong to; sorted.
    holed: Vec<(i64, i64)>,
}

impl TradeBars {
    pub(super) fn new(interval: Interval) -> Self {
        Self {
            interval,
            bars: BTreeMap::new(),
            current: None,
            previous_ms: None,
            forward_steps: 0,
            backward_steps: 0,
            first_backward_ms: 0,
            known_until: None,
            is_proven: false,
            holed: Vec::new(),
        }
    }

    /// Says that trades are missing in these holes and, between the first and the last, nowhere
    /// else.
    pub(super) fn missing(mut self, holes: &[Hole]) -> Self {
        self.is_proven = true;
        let floor = |time_ms| self.interval.floor(Timestamp(time_ms)).0;
        let mut spans: Vec<(i64, i64)> =
            holes.iter().map(|hole| (floor(hole.from_ms), floor(hole.to_ms))).collect();
        spans.sort_unstable();
        for (from, to) in spans {
            match self.holed.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => self.holed.push((from, to)),
            }
        }
        self
    }

    /// Says that the archive accounts for all trades up to a time, so that intervals without
    /// trades are quiet up to there.
    pub(super) fn until(mut self, end: Timestamp) -> Self {
        self.known_until = Some(end);
        self
    }

    pub(super) fn push(&mut self, trade: Trade) {
        self.push_any(trade, None);
    }

    /// Adds a trade that tells its amount of quote currency, as contracts of fixed value do.
    pub(super) fn push_with_quote(&mut self, trade: Trade, quote: f64) {
        self.push_any(trade, Some(quote));
    }

    fn push_any(&mut self, trade: Trade, quote: Option<f64>) {
        match self.previous_ms {
            Some(previous) if trade.time_ms > previous => self.forward_steps += 1,
            Some(previous) if trade.time_ms < previous => {
                if self.backward_steps == 0 {
                    self.first_backward_ms = trade.time_ms;
                }
                self.backward_steps += 1;
            }
            _ => {}
        }
        self.previous_ms = Some(trade.time_ms);
        let open_time = self.interval.floor(Timestamp(trade.time_ms)).0;
        if self.current.is_none_or(|bar| bar.open_time != open_time) {
            let before = self.current.replace(match self.bars.remove(&open_time) {
                Some(bar) => bar,
                None => Bar::quiet(open_time, trade.time_ms, trade.price),
            });
            self.bars.extend(before.map(|bar| (bar.open_time, bar)));
        }
        if let Some(bar) = &mut self.current {
            bar.add(trade, quote);
        }
    }

    /// Whether the file goes from new to old.
    fn is_reversed(&self) -> bool {
        self.backward_steps > self.forward_steps
    }

    /// How many trades are out of order in a file that is neither sorted nor wholly reversed, and
    /// the time of the first.
    pub(super) fn out_of_order(&self) -> Option<(usize, i64)> {
        let count = self.backward_steps.min(self.forward_steps);
        (count > 0).then_some((count, self.first_backward_ms))
    }

    /// Whether missing trades may belong to the bar of a time.
    fn is_holed(&self, open_time: i64) -> bool {
        let behind = self.holed.partition_point(|span| span.1 < open_time);
        self.holed.get(behind).is_some_and(|span| span.0 <= open_time)
    }

    /// The bars. Between the first and last trade an interval without trades is quiet where ids
    /// show that none is missing, or where the silence is short: it gets a flat bar of no volume
    /// at the price before, as venues write it themselves. A bar that missing trades may belong
    /// to is not made.
    pub(super) fn finish(mut self, policies: &Policies) -> Checked {
        let fills = policies.of(Rule::QuietBars) == Policy::Repair;
        let reversed = self.is_reversed();
        let out_of_order = self.out_of_order();
        let pick = |instant: Instant, first: bool| {
            if first { instant.first_price } else { instant.last_price }
        };
        let open = |bar: &Bar| pick(bar.earliest, !reversed);
        let close = |bar: &Bar| pick(bar.latest, reversed);
        let step = self.interval.ms();
        self.bars.extend(self.current.map(|bar| (bar.open_time, bar)));
        let mut bars: Vec<Bar> = Vec::with_capacity(self.bars.len());
        let mut quiet = Vec::new();
        let mut silences: Vec<(i64, i64)> = Vec::new();
        let mut fill = |bars: &mut Vec<Bar>, next: i64, is_proven: bool| {
            let Some(before) = bars.last().copied() else { return };
            let mut open_time = before.open_time + step;
            let silence_max = if is_proven { QUIET_MAX_MS } else { QUIET_UNPROVEN_MAX_MS };
            if next - open_time > silence_max {
                silences.push((open_time, (next - open_time) / step));
                return;
            }
            while open_time + step <= next {
                quiet.push(open_time);
                if fills {
                    bars.push(Bar::quiet(open_time, open_time, close(&before)));
                }
                open_time += step;
            }
        };
        let mut is_behind_hole = false;
        for bar in std::mem::take(&mut self.bars).into_values() {
            if !is_behind_hole {
                fill(&mut bars, bar.open_time, self.is_proven);
            }
            is_behind_hole = self.is_holed(bar.open_time);
            if !is_behind_hole {
                bars.push(bar);
            }
        }
        if let Some(end) = self.known_until.filter(|_| !is_behind_hole) {
            fill(&mut bars, end.0, false);
        }
        let of = |value: &dyn Fn(&Bar) -> f64| Column::F64(bars.iter().map(value).collect());
        let columns = vec![
            Column::Time(bars.iter().map(|bar| bar.open_time).collect()),
            of(&open),
            of(&|bar| bar.high),
            of(&|bar| bar.low),
            of(&close),
            of(&|bar| bar.volume.total()),
            of(&|bar| bar.quote_volume.total_of_products() + bar.quote_told.total()),
            Column::I64OrNull(bars.iter().map(|bar| Some(bar.trades)).collect()),
            Column::F64OrNull(bars.iter().map(|bar| Some(bar.taker_buy_volume.total())).collect()),
        ];
        let mut checked = Checked::new(Table::new(Kind::Candles, columns));
        if let Some((count, first)) = out_of_order {
            let case = Case { count, row: None, time: Some(first) };
            let what = format!("the trade of {} stands behind a later one", Timestamp(first));
            let example = Problem::Broken { rule: Rule::Unsorted, what };
            checked.repairs.push(rule_note(Rule::Unsorted, true, case, &example));
        }
        if let Some(&first) = quiet.first() {
            let case = Case { count: quiet.len(), row: None, time: Some(first) };
            let what = format!("no trade in the {} of {}", self.interval, Timestamp(first));
            let example = Problem::Broken { rule: Rule::QuietBars, what };
            let notes = if fills { &mut checked.repairs } else { &mut checked.flags };
            notes.push(rule_note(Rule::QuietBars, fills, case, &example));
        }
        if let Some(&(first, _)) = silences.first() {
            let count = silences.iter().map(|silence| silence.1 as usize).sum();
            let case = Case { count, row: None, time: Some(first) };
            let example = Problem::Broken {
                rule: Rule::TradeSilence,
                what: format!("no trade from {} on", Timestamp(first)),
            };
            checked.flags.push(rule_note(Rule::TradeSilence, false, case, &example));
        }
        checked
    }
}

#[cfg(test)]
mod tests;
