//! Bars by themselves: do they contradict themselves, do they jump, was anything traded?

use std::collections::VecDeque;

use plimsoll_market::lake::Month;
use plimsoll_market::{DAY_MS, Interval, Kind, Series, Table, Timestamp};

use super::cases::{Cases, Report, median};
use crate::policy::Rule;

/// The usual move is the median of three blocks of so many bars around the one looked at.
const BLOCK_BARS: usize = 256;

/// Fewer bars have no usual move.
const LEAST_BARS: usize = 64;

/// A move of more than so many times the usual one is pointed out. On hours of six years this
/// is one bar in four thousand, on five minutes of two years one in ten thousand: the cascades of
/// 2020-03-12, 2023-08-17, 2024-12-05 and 2025-10-10 are among them, and they should be. Nothing
/// in a bar tells a crash from a slip of the feed; who studies the bars must know where they are.
const JUMP_FACTOR: f64 = 25.0;

/// Smaller moves are never pointed out, however calm the market was.
const JUMP_FRACTION: f64 = 0.02;

/// Bars without trades that run to the end of a series are filler from this length on.
const TAIL_MS: i64 = DAY_MS;

/// Fewer bars in a month tell nothing about what kind of price they are.
const LEAST_MOVING: usize = 12;

/// Bars of one series whose months are walked in order.
pub(super) struct Bars<'a> {
    series: &'a Series,
    interval: i64,
    broken: Cases,
    zero: Cases,
    jumps: Jumps,
    /// Months most of whose bars move although nothing was traded.
    untraded: Cases,
    /// The last bar that moves although nothing was traded in it.
    last_moving: Option<i64>,
    last_time: Option<i64>,
}

impl<'a> Bars<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self {
            series,
            interval: series.interval.map_or(1, Interval::ms),
            broken: Cases::default(),
            zero: Cases::default(),
            jumps: Jumps::default(),
            untraded: Cases::default(),
            last_moving: None,
            last_time: None,
        }
    }

    pub(super) fn month(&mut self, month: Month, table: &Table) {
        let Some(interval) = self.series.interval else { return };
        let times = table.times();
        if let Some(&time) = times.iter().find(|&&time| !interval.is_on_grid(Timestamp(time))) {
            self.broken.add(time, self.interval, || {
                format!("{} is not on the grid of {interval}", Timestamp(time))
            });
        }
        if !self.series.kind.has_prices() {
            return;
        }
        self.prices(table);
        if self.series.kind == Kind::Candles {
            self.volumes(month, table);
        }
        self.last_time = times.last().copied().or(self.last_time);
    }

    fn prices(&mut self, table: &Table) {
        let times = table.times();
        let [open, high, low, close] = ["open", "high", "low", "close"].map(|name| table.f64(name));
        let may_be_negative = self.series.kind == Kind::PremiumIndexCandles;
        for (row, &time) in times.iter().enumerate() {
            let is_price = may_be_negative || low[row] > 0.0;
            let is_ordered = low[row] <= open[row].min(close[row])
                && open[row].max(close[row]) <= high[row]
                && [open, high, low, close].iter().all(|price| price[row].is_finite());
            if !(is_price && is_ordered) {
                self.broken.add(time, self.interval, || {
                    format!(
                        "{}: open {}, high {}, low {}, close {}",
                        Timestamp(time),
                        open[row],
                        high[row],
                        low[row],
                        close[row]
                    )
                });
                self.jumps.forget();
            } else if !may_be_negative {
                self.jumps.bar(time, self.interval, [high[row], low[row], close[row]]);
            }
        }
    }

    fn volumes(&mut self, month: Month, table: &Table) {
        let [high, low, volume] = ["high", "low", "volume"].map(|name| table.f64(name));
        let mut moving = Cases::default();
        for (row, &time) in table.times().iter().enumerate() {
            if !volume[row].is_finite() || volume[row] < 0.0 {
                let example = || format!("{}: volume {}", Timestamp(time), volume[row]);
                self.broken.add(time, self.interval, example);
            } else if volume[row] <= 0.0 {
                self.zero.add(time, self.interval, || format!("{}: volume 0", Timestamp(time)));
                if high[row] > low[row] {
                    self.last_moving = Some(time);
                    moving.add(time, self.interval, || {
                        format!(
                            "{}: high {}, low {}, volume 0",
                            Timestamp(time),
                            high[row],
                            low[row]
                        )
                    });
                }
            }
        }
        if moving.count >= LEAST_MOVING && 2 * moving.count > table.len() {
            let (start, end) = (month.start().0, month.end().0);
            self.untraded.add_span(start, end, moving.count, || moving.example);
        }
    }

    pub(super) fn finish(mut self, report: &mut Report<'_>) {
        let message = if self.series.kind.has_prices() {
            "bars that are not low <= open, close <= high on their grid"
        } else {
            "bars that are not on their grid"
        };
        report.add(Rule::BrokenBar, self.broken, message);
        let message = format!(
            "moves of more than {JUMP_FACTOR} times the median move around them, and more than 2 %"
        );
        report.add(Rule::Jump, self.jumps.finish(self.interval), message);
        let message = "prices move in months in which nothing was traded: mark or index prices in the place of trade prices";
        report.add(Rule::MarkSwapped, self.untraded, message);
        let end = self.last_time.map(|time| time + self.interval);
        let is_tail = |span: &super::Span| {
            let is_flat = self.last_moving.is_none_or(|time| time < span.from.0);
            let is_long = span.to.0 - span.from.0 >= TAIL_MS && span.count > 1;
            Some(span.to.0) == end && is_long && is_flat
        };
        if let Some(tail) = self.zero.spans.pop_if(|span| is_tail(span)) {
            let mut filler = Cases::default();
            let last = self.zero.last;
            filler.add_span(tail.from.0, tail.to.0, tail.count, || {
                format!("{}: volume 0", tail.from)
            });
            filler.last = last;
            self.zero.count -= tail.count;
            self.zero.last = self.zero.spans.last().map(|span| span.to.0 - self.interval);
            let message =
                "bars without trades run to the end of the series, as filler after a delisting";
            report.add(Rule::ZeroVolume, filler, message);
        }
        let message = format!("bars without trades, in {} halt(s)", self.zero.spans.len());
        report.add(Rule::ZeroVolume, self.zero, message);
    }
}

/// How far a bar went from the close before it.
#[derive(Clone, Copy, Debug)]
struct Move {
    time: i64,
    before: f64,
    furthest: f64,
    size: f64,
}

/// Finds moves far beyond those around them, with three blocks of bars in memory.
#[derive(Default)]
struct Jumps {
    /// Time and close of the bar before.
    before: Option<(i64, f64)>,
    moves: VecDeque<Move>,
    /// How many of `moves` have been judged.
    judged: usize,
    far: Vec<(Move, f64)>,
}

impl Jumps {
    fn forget(&mut self) {
        self.before = None;
    }

    fn bar(&mut self, time: i64, interval: i64, [high, low, close]: [f64; 3]) {
        if let Some((time_before, before)) = self.before
            && time - time_before == interval
        {
            let (up, down) = ((high / before).ln(), (before / low).ln());
            let furthest = if up >= down { high } else { low };
            self.moves.push_back(Move { time, before, furthest, size: up.max(down) });
            if self.moves.len() == 3 * BLOCK_BARS {
                self.judge(2 * BLOCK_BARS);
                self.moves.drain(..BLOCK_BARS);
                self.judged -= BLOCK_BARS;
            }
        }
        self.before = Some((time, close));
    }

    /// Judges the moves up to `end` by the median of all that are in memory.
    fn judge(&mut self, end: usize) {
        let mut sizes: Vec<f64> = self.moves.iter().map(|one| one.size).collect();
        let usual = median(&mut sizes).unwrap_or_default();
        let bound = (JUMP_FACTOR * usual).max(JUMP_FRACTION);
        let new = self.moves.range(self.judged..end).filter(|one| one.size > bound);
        self.far.extend(new.map(|one| (*one, usual)));
        self.judged = end;
    }

    fn finish(mut self, interval: i64) -> Cases {
        if self.moves.len() >= LEAST_BARS {
            self.judge(self.moves.len());
        }
        let mut cases = Cases::default();
        for (far, usual) in self.far {
            cases.add_sized(far.time, interval, far.size, || {
                format!(
                    "{}: from {} to {}, {:.1} % where {:.2} % is usual",
                    Timestamp(far.time),
                    far.before,
                    far.furthest,
                    100.0 * (far.furthest / far.before - 1.0).abs(),
                    100.0 * usual.exp_m1(),
                )
            });
        }
        cases
    }
}
