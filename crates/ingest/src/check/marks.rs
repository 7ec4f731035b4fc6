//! Mark candles against trade prices.
//!
//! A mark price is an average that is built not to follow every trade, so its bars are narrower
//! than those of the last price. In every month of 2019-12 to 2026-07 of Binance's and Bybit's
//! BTC, ETH and SOL, hours and eight hours, the mark's bar is the narrower one in 68 to 100 % of
//! the bars, and its ranges sum up to 86 to 99 % of the last price's. Exchanged files turn that
//! round, which a sign test over a month's bars sees without doubt.

use std::cmp::Ordering;

use plimsoll_market::lake::Month;
use plimsoll_market::{Interval, Kind, Lake, MarketError, Series, Table, Timestamp};

use super::cases::{Cases, Report, median};
use super::files::month_rows;
use super::resample::{Whole, resample};
use crate::policy::Rule;

/// The mark may close this fraction away from the last price on any day ...
const FAR_FRACTION: f64 = 0.02;

/// ... and so many times as far as in the median of the month, ...
const FAR_FACTOR: f64 = 25.0;

/// ... but never further than this without a word.
const FAR_CAP_FRACTION: f64 = 0.1;

/// Nor may half of a month be further than this away: on real hours the median is at most 0.1 %
/// (in the worst hour, 2020-03-13, BTC closed 2.6 % away), so that something is wrong with one of
/// the prices.
const WRONG_MEDIAN_FRACTION: f64 = 0.02;

/// One price so many times the other is wrong in every single bar.
const WRONG_RATIO: f64 = 1.5;

/// So many standard deviations of a fair coin must the wider bars be ahead of the narrower.
const SWAPPED_SIGMA: f64 = 4.0;

/// The least number of moving bars in a month that says anything.
const LEAST_BARS: usize = 12;

/// A month more than this part of whose moving bars are the last price's is a copy.
const COPIED_FRACTION: f64 = 0.9;

/// Candles of a derivative that have no mark candle of their length.
pub(super) struct Unmarked<'a> {
    lake: &'a Lake,
    series: &'a Series,
    marks: Series,
    cases: Cases,
}

impl<'a> Unmarked<'a> {
    pub(super) fn new(lake: &'a Lake, series: &'a Series) -> Self {
        let marks = Series { kind: Kind::MarkCandles, ..series.clone() };
        Self { lake, series, marks, cases: Cases::default() }
    }

    pub(super) fn month(&mut self, month: Month, candles: &Table) -> Result<(), MarketError> {
        let Some(interval) = self.series.interval else { return Ok(()) };
        let marks = month_rows(self.lake, &self.marks, month)?;
        let marks = marks.as_ref().map_or(&[][..], Table::times);
        for &time in candles.times() {
            if marks.binary_search(&time).is_err() {
                self.cases.add(time, interval.ms(), || Timestamp(time).to_string());
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, all: &[Series], report: &mut Report<'_>) {
        let of_other_length = |other: &&Series| {
            (other.kind, &other.venue, &other.symbol)
                == (Kind::MarkCandles, &self.series.venue, &self.series.symbol)
                && other.interval != self.series.interval
        };
        let others: Vec<String> = all
            .iter()
            .filter(of_other_length)
            .filter_map(|other| other.interval.map(|interval| interval.to_string()))
            .collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("; there are some of {}", others.join(", ")),
        };
        let message = format!("candles without a mark candle of the same length{others}");
        report.add(Rule::MarkMissing, self.cases, message);
    }
}

/// Compares mark candles with candles of their length, or with the longest shorter ones that
/// add up to it.
pub(super) fn compare(
    lake: &Lake,
    all: &[Series],
    series: &Series,
    report: &mut Report<'_>,
) -> Result<(), MarketError> {
    let Some(interval) = series.interval else { return Ok(()) };
    let candles = all
        .iter()
        .filter(|other| {
            (other.kind, &other.venue, &other.symbol)
                == (Kind::Candles, &series.venue, &series.symbol)
        })
        .filter_map(|other| other.interval.map(|length| (length, other)))
        .filter(|(length, _)| *length <= interval && interval.ms() % length.ms() == 0)
        .max_by_key(|(length, _)| *length);
    let Some((length, candles)) = candles else { return Ok(()) };
    let mut found = Found::default();
    for (month, _) in lake.months(series)? {
        let (Some(mark), Some(last)) =
            (month_rows(lake, series, month)?, month_rows(lake, candles, month)?)
        else {
            continue;
        };
        let last = resample(&last, length, interval);
        let mark = resample(&mark, interval, interval);
        found.month(month, interval, &pairs(&mark, &last));
    }
    let message = format!(
        "the mark closes more than 2 % from the last price, and more than {FAR_FACTOR} times as far as in the median of the month or 10 %"
    );
    report.add(Rule::MarkFar, found.far, message);
    let message = "the mark closes more than 1.5 times as high or low as the last price, or 2 % away in half of a month: one of them is of another market or unit";
    report.add(Rule::MarkWrong, found.wrong, message);
    let message = "the mark's bars are wider than those of the last price, month by month: mark and last price look exchanged";
    report.add(Rule::MarkSwapped, found.swapped, message);
    let message = "months of mark candles are copies of trade prices";
    report.add(Rule::MarkCopied, found.copied, message);
    Ok(())
}

#[derive(Default)]
struct Found {
    far: Cases,
    wrong: Cases,
    swapped: Cases,
    copied: Cases,
}

impl Found {
    fn month(&mut self, month: Month, interval: Interval, pairs: &[(Whole, Whole)]) {
        let distance = |(mark, last): &(Whole, Whole)| (mark.close / last.close - 1.0).abs();
        let mut distances: Vec<f64> = pairs.iter().map(distance).collect();
        let usual = median(&mut distances).unwrap_or_default();
        let is_wrong_month = distances.len() >= LEAST_BARS && usual > WRONG_MEDIAN_FRACTION;
        let bound = if is_wrong_month {
            FAR_FRACTION
        } else {
            (FAR_FACTOR * usual).clamp(FAR_FRACTION, FAR_CAP_FRACTION)
        };
        for pair in pairs.iter().filter(|pair| distance(pair) > bound) {
            let (mark, last) = pair;
            let size = (mark.close / last.close).ln().abs();
            let is_wrong = is_wrong_month || size > WRONG_RATIO.ln();
            let found = if is_wrong { &mut self.wrong } else { &mut self.far };
            found.add_sized(mark.time, interval.ms(), size, || {
                let percent = 100.0 * distance(pair);
                let time = Timestamp(mark.time);
                format!("{time}: mark {}, last {}, {percent:.1} %", mark.close, last.close)
            });
        }
        let moving: Vec<&(Whole, Whole)> =
            pairs.iter().filter(|(_, last)| last.high > last.low).collect();
        if moving.len() < LEAST_BARS {
            return;
        }
        let ranges = Ranges::of(&moving);
        let (start, end) = (month.start().0, month.end().0);
        if ranges.equal as f64 > COPIED_FRACTION * moving.len() as f64 {
            self.copied.add_span(start, end, ranges.equal, || {
                format!("{month}: {} of {} bars are equal", ranges.equal, moving.len())
            });
        } else if ranges.are_exchanged() {
            self.swapped.add_span(start, end, ranges.wider, || {
                format!(
                    "{month}: the mark's bar is the wider one {} times, the narrower one {} times; its ranges are {:.1} % of the last price's",
                    ranges.wider,
                    ranges.narrower,
                    100.0 * ranges.mark / ranges.last
                )
            });
        }
    }
}

/// How wide the bars of two prices are, in logarithms.
#[derive(Debug, Default)]
struct Ranges {
    wider: usize,
    narrower: usize,
    equal: usize,
    mark: f64,
    last: f64,
}

impl Ranges {
    fn of(pairs: &[&(Whole, Whole)]) -> Self {
        let mut ranges = Self::default();
        for (mark, last) in pairs {
            let range = |bar: &Whole| (bar.high / bar.low).ln();
            ranges.mark += range(mark);
            ranges.last += range(last);
            match range(mark).total_cmp(&range(last)) {
                Ordering::Greater => ranges.wider += 1,
                Ordering::Less => ranges.narrower += 1,
                Ordering::Equal => {}
            }
            let same = |a: f64, b: f64| a.total_cmp(&b).is_eq();
            let is_equal = same(mark.open, last.open)
                && same(mark.high, last.high)
                && same(mark.low, last.low)
                && same(mark.close, last.close);
            ranges.equal += usize::from(is_equal);
        }
        ranges
    }

    fn are_exchanged(&self) -> bool {
        let (wider, narrower) = (self.wider as f64, self.narrower as f64);
        wider - narrower > SWAPPED_SIGMA * (wider + narrower).sqrt() && self.mark > self.last
    }
}

/// Bars of the same time, both sides in order.
fn pairs(mark: &[Whole], last: &[Whole]) -> Vec<(Whole, Whole)> {
    let found = |bar: &Whole| last.binary_search_by_key(&bar.time, |other| other.time);
    mark.iter().filter_map(|bar| found(bar).ok().map(|at| (*bar, last[at]))).collect()
}
