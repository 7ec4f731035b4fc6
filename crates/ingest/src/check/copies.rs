//! A day written over another: bars that repeat those of the day before, value by value.

use std::collections::VecDeque;

use plimsoll_market::{DAY_MS, Interval, Kind, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use crate::policy::Rule;

/// So many bars that move, one after the other, do not repeat themselves to the last digit.
const LEAST_BARS: usize = 12;

/// One bar: its time, and the bits of its prices and volume.
type Bar = (i64, [u64; 5]);

/// Bars of one series whose months are walked in order, the last day of them in memory.
pub(super) struct Copies {
    /// Length of a bar; `None` where a day is too short to tell, or prices may rest.
    interval: Option<i64>,
    day: VecDeque<Bar>,
    /// First and last time of the bars that repeat, and their number.
    run: Option<(i64, i64, usize)>,
    cases: Cases,
}

impl Copies {
    pub(super) fn new(series: &Series) -> Self {
        let is_price = series.kind.has_prices() && series.kind != Kind::PremiumIndexCandles;
        let interval = series.interval.map(Interval::ms);
        let is_short = |ms: &i64| *ms > 0 && DAY_MS / ms >= LEAST_BARS as i64;
        Self {
            interval: interval.filter(is_short).filter(|_| is_price),
            day: VecDeque::new(),
            run: None,
            cases: Cases::default(),
        }
    }

    pub(super) fn month(&mut self, table: &Table) {
        let Some(interval) = self.interval else { return };
        let prices = ["open", "high", "low", "close"].map(|name| table.f64(name));
        let volume = table.column("volume").map(|_| table.f64("volume"));
        for (row, &time) in table.times().iter().enumerate() {
            let [open, high, low, close] = prices.map(|values| values[row]);
            let traded = volume.map_or(0.0, |volume| volume[row]);
            let bar = [open, high, low, close, traded].map(f64::to_bits);
            while self.day.front().is_some_and(|&(before, _)| before < time - DAY_MS) {
                self.day.pop_front();
            }
            let moves = high > low && (volume.is_none() || traded > 0.0);
            let repeats = self.day.front() == Some(&(time - DAY_MS, bar)) && moves;
            self.run = match self.run.take() {
                Some((first, last, count)) if repeats && last + interval == time => {
                    Some((first, time, count + 1))
                }
                ended => {
                    self.end(ended, interval);
                    repeats.then_some((time, time, 1))
                }
            };
            self.day.push_back((time, bar));
        }
    }

    fn end(&mut self, run: Option<(i64, i64, usize)>, interval: i64) {
        let Some((first, last, count)) = run.filter(|&(_, _, count)| count >= LEAST_BARS) else {
            return;
        };
        self.cases.add_span(first, last + interval, count, || {
            let (from, before) = (Timestamp(first), Timestamp(first - DAY_MS));
            format!("{count} bars from {from} are those from {before}")
        });
        self.cases.last = Some(last);
    }

    pub(super) fn finish(mut self, report: &mut Report<'_>) {
        let run = self.run.take();
        self.end(run, self.interval.unwrap_or_default());
        let message = "bars repeat those of the day before in every value: a day written twice";
        report.add(Rule::BrokenBar, self.cases, message);
    }
}
