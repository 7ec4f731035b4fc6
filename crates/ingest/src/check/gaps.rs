//! What is missing between rows: bars, settlements, whole months, snapshots of open interest.

use std::collections::BTreeMap;

use plimsoll_market::lake::{Gap, Month, gaps_in, key_times};
use plimsoll_market::{DAY_MS, Interval, Kind, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use crate::policy::Rule;

/// Snapshots further apart than this many times their usual distance have a hole between them.
const HOLE_FACTOR: f64 = 2.5;

/// Bars and settlements of so long a time missing are an error: a study carries its positions
/// over them.
const LONG_MS: i64 = 7 * DAY_MS;

/// Bars whose distances are these parts of one length are of that length, ...
const LENGTH_FRACTION: f64 = 0.9;

/// ... if there are so many of them.
const LEAST_STEPS: usize = 12;

/// The length that one row of a series stands for, in milliseconds; 1 where it is an instant.
pub(super) fn step_of(series: &Series) -> i64 {
    series.interval.map_or(1, Interval::ms)
}

/// Gaps of a series whose months are walked in order.
pub(super) struct Gaps<'a> {
    series: &'a Series,
    previous: Option<Timestamp>,
    rows: Cases,
    /// Those of a week or more, unless they hold a whole month.
    long: Cases,
    first: Option<i64>,
    /// How often neighbouring bars are so far apart.
    steps: BTreeMap<i64, usize>,
    /// Times of snapshots, for open interest only: its rhythm is known when all are there.
    snapshots: Vec<i64>,
}

impl<'a> Gaps<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self {
            series,
            previous: None,
            rows: Cases::default(),
            long: Cases::default(),
            first: None,
            steps: BTreeMap::new(),
            snapshots: Vec::new(),
        }
    }

    pub(super) fn month(&mut self, table: &Table) {
        for gap in gaps_in(table, self.series.interval, self.previous) {
            // A missing month is an error of its own, but for bars of more than a day; a summed
            // day without a forced order may simply not be written.
            let has_months = self.series.interval.is_none_or(|interval| interval <= Interval::DAY);
            let is_long = gap.to.0 - gap.from.0 >= LONG_MS
                && !(has_months && holds_month(gap))
                && self.series.kind != Kind::LiquidationVolume;
            let found = if is_long { &mut self.long } else { &mut self.rows };
            found.add_gap(gap, || show(gap));
        }
        let times = key_times(table);
        if self.series.kind.has_prices() {
            for pair in times.windows(2) {
                *self.steps.entry(pair[1] - pair[0]).or_default() += 1;
            }
            self.first = self.first.or(times.first().copied());
        }
        if self.series.kind == Kind::OpenInterest {
            self.snapshots.extend(times);
        }
        self.previous = times.last().copied().map(Timestamp).or(self.previous);
    }

    pub(super) fn finish(self, report: &mut Report<'_>) {
        if let Some(cases) = self.other_length() {
            let message = "the bars are of another length than their folder says";
            report.add(Rule::BrokenBar, cases, message);
            return;
        }
        let noun = if self.series.kind == Kind::Funding { "settlements" } else { "bars" };
        let message = format!("{noun} are missing, in {} gap(s)", self.rows.spans.len());
        report.add(Rule::Gap, self.rows, message);
        let message = format!(
            "{noun} are missing for a week or more at a time, in {} gap(s)",
            self.long.spans.len()
        );
        report.add(Rule::LongGap, self.long, message);
        holes(&self.snapshots, report);
    }

    /// All bars, if nearly all of them stand at another distance than their interval.
    fn other_length(&self) -> Option<Cases> {
        let interval = self.series.interval?;
        let n_steps: usize = self.steps.values().sum();
        let (&step, &count) = self.steps.iter().max_by_key(|&(_, &count)| count)?;
        let is_clear = n_steps >= LEAST_STEPS && count as f64 > LENGTH_FRACTION * n_steps as f64;
        if step == interval.ms() || !is_clear {
            return None;
        }
        let (first, last) = (self.first?, self.previous?.0);
        let mut cases = Cases::default();
        cases.add_span(first, last + step, n_steps + 1, || {
            let step =
                Interval::from_ms(step).map_or(format!("{step} ms"), |step| step.to_string());
            format!("{count} of {n_steps} bars stand {step} apart, not {interval}")
        });
        cases.last = Some(last);
        Some(cases)
    }
}

/// Reports months without a file between those that have one.
pub(super) fn missing_months(series: &Series, files: &[Month], report: &mut Report<'_>) {
    let has_rhythm = series.interval.is_some() || series.kind == Kind::Funding;
    // A bar of more than a day can pass over a whole month.
    if !has_rhythm || series.interval.is_some_and(|interval| interval > Interval::DAY) {
        return;
    }
    let mut cases = Cases::default();
    for month in files.windows(2).flat_map(|pair| pair[0].between(pair[1])) {
        let (start, end) = (month.start().0, month.end().0);
        cases.add(start, end - start, || month.to_string());
    }
    let message = "whole months between others are missing";
    report.add(Rule::MissingMonth, cases, message);
}

/// Whether a whole calendar month lies in a gap.
fn holds_month(gap: Gap) -> bool {
    let month = Month::of(gap.from);
    let month = if month.start() < gap.from { month.next() } else { month };
    month.end() <= gap.to
}

fn show(gap: Gap) -> String {
    format!("{} from {} to before {}", gap.missing, gap.from, gap.to)
}

/// Holes in snapshots that come at a rhythm of their own: the most frequent distance.
fn holes(times: &[i64], report: &mut Report<'_>) {
    let mut frequency: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in times.windows(2) {
        // Stamps jitter by seconds, rhythms are of minutes.
        let minutes = (pair[1] - pair[0] + 30_000) / 60_000;
        *frequency.entry(minutes.max(1) * 60_000).or_default() += 1;
    }
    let usual = frequency.iter().max_by_key(|&(&step, &count)| (count, -step));
    let Some((&step, _)) = usual else { return };
    let mut cases = Cases::default();
    for pair in times.windows(2) {
        if (pair[1] - pair[0]) as f64 > HOLE_FACTOR * step as f64 {
            let gap = Gap {
                from: Timestamp(pair[0] + step),
                to: Timestamp(pair[1]),
                missing: ((pair[1] - pair[0] + step / 2) / step - 1) as usize,
            };
            cases.add_gap(gap, || show(gap));
        }
    }
    let every = Interval::from_ms(step).map_or(String::new(), |step| step.to_string());
    let message = format!("snapshots that come every {every} are missing");
    report.add(Rule::OpenInterestHole, cases, message);
}
