//! Which time a series accounts for, and what is missing inside it.

use super::key_times;
use super::receipt::{Gaps, Receipt};
use super::series::Series;
use crate::table::{Column, Kind, Table};
use crate::time::{Interval, Timestamp};

const MINUTE_MS: i64 = 60_000;

/// Sorts half-open periods and joins those that overlap or touch.
pub(super) fn union(mut periods: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    periods.retain(|(from, to)| from < to);
    periods.sort();
    let mut joined: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(periods.len());
    for (from, to) in periods {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Coverage of every kind but funding, from the receipts alone.
pub(super) fn of_receipts(series: &Series, receipts: &[Receipt]) -> Vec<(Timestamp, Timestamp)> {
    let mut periods = Vec::new();
    for source in receipts.iter().flat_map(|receipt| &receipt.sources) {
        match (series.interval, source.first, source.last) {
            (Some(interval), Some(first), Some(last)) => {
                periods.push((first, Timestamp(last.0 + interval.ms())));
            }
            _ => periods.extend(&source.covered),
        }
    }
    union(periods)
}

/// Runs of settlements, each from its first settlement to the next one due after its last.
pub(super) fn of_funding(table: &Table) -> Vec<(Timestamp, Timestamp)> {
    let times = key_times(table);
    let minutes = interval_minutes(table);
    let mut runs: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (row, (&time, &minutes)) in times.iter().zip(minutes).enumerate() {
        let end = Timestamp(time + i64::from(minutes) * MINUTE_MS);
        match runs.last_mut() {
            Some(run) if !is_gap(times[row - 1], time, minutes) => run.1 = end,
            _ => runs.push((Timestamp(time), end)),
        }
    }
    runs
}

/// Gaps between the rows of one table.
pub(super) fn gaps_of_table(interval: Option<Interval>, table: &Table) -> Gaps {
    let mut gaps = Gaps::default();
    let times = key_times(table);
    if let Some(interval) = interval {
        for pair in times.windows(2) {
            add(&mut gaps, bar_gap(interval, pair[0], pair[1]));
        }
    } else if table.kind() == Kind::Funding {
        for (pair, &minutes) in times.windows(2).zip(interval_minutes(table).iter().skip(1)) {
            add(&mut gaps, funding_gap(minutes, pair[0], pair[1]));
        }
    }
    gaps
}

/// Gaps inside the months, and for bars those between one month and the next.
pub(super) fn gaps_of_receipts(series: &Series, receipts: &[Receipt]) -> Gaps {
    let mut gaps = Gaps::default();
    let mut previous: Option<Timestamp> = None;
    for receipt in receipts {
        if let (Some(interval), Some(last), Some(first)) =
            (series.interval, previous, receipt.first)
        {
            add(&mut gaps, bar_gap(interval, last.0, first.0));
        }
        gaps.extend(receipt.gaps);
        previous = receipt.last.or(previous);
    }
    gaps
}

/// The first of the bars missing between two, and their number.
pub(super) fn bar_gap(interval: Interval, before: i64, after: i64) -> Option<(Timestamp, usize)> {
    let missing = (after - before) / interval.ms() - 1;
    (missing > 0).then(|| (Timestamp(before + interval.ms()), missing as usize))
}

/// The first of the settlements missing between two, and their number.
pub(super) fn funding_gap(
    interval_minutes: i32,
    before: i64,
    after: i64,
) -> Option<(Timestamp, usize)> {
    // A file of other hands can hold any number; the check names it.
    if interval_minutes <= 0 || !is_gap(before, after, interval_minutes) {
        return None;
    }
    let step = i64::from(interval_minutes) * MINUTE_MS;
    let missing = (after - before + step / 2) / step - 1;
    Some((Timestamp(before + step), missing as usize))
}

fn add(gaps: &mut Gaps, gap: Option<(Timestamp, usize)>) {
    if let Some((first, missing)) = gap {
        gaps.add(first, missing);
    }
}

/// Whether two neighbouring settlements are more than 1.5 intervals apart.
fn is_gap(before: i64, after: i64, interval_minutes: i32) -> bool {
    2 * (after - before) > 3 * i64::from(interval_minutes) * MINUTE_MS
}

fn interval_minutes(table: &Table) -> &[i32] {
    match table.column("interval_minutes") {
        Some(Column::I32(minutes)) => minutes,
        _ => unreachable!("funding has a column of interval minutes"),
    }
}
