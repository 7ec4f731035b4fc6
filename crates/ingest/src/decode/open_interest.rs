//! Open interest snapshots.

use std::collections::VecDeque;

use plimsoll_market::{Column as TableColumn, DAY_MS, Kind, Table, Timestamp};

use super::Checked;
use super::findings::{Case, Findings};
use super::rows::{Column, Kept, is_amount, mends_columns, order, usual_spacing};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};
use crate::raw::Raw;

/// Rows below this part of what is usual before and after them are those of a restarted feed.
const RESTART_FRACTION: f64 = 0.5;
/// So many rows have to stand on each side to say what is usual.
const RESTART_ROWS: usize = 6;

/// Checks open interest, in base units or quote currency or both. Rows of zero are feed failures,
/// no market has none; they are dropped, and that is recorded. A snapshot accounts for the time
/// to the next one, if that comes when it should.
pub(super) fn build(mut raw: Raw, policies: &Policies) -> Result<Checked, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let mut findings = Findings::new(policies);
    let mut kept = Kept::all(raw.n_rows);
    let times = raw.take_times()?;
    let absent = || vec![f64::NAN; times.len()];
    let (quantity, value) =
        match (raw.take_numbers("open_interest"), raw.take_numbers("open_interest_value")) {
            (None, None) => return Err(raw.missing("open_interest").into()),
            (quantity, value) => (quantity.unwrap_or_else(absent), value.unwrap_or_else(absent)),
        };
    let (rule, holds): (_, fn(f64) -> bool) =
        ("is negative or no number", |value| value.is_nan() || is_amount(value));
    let columns = [
        Column { name: "open_interest", values: &quantity, rule, holds },
        Column { name: "open_interest_value", values: &value, rule, holds },
    ];
    mends_columns(Rule::InvalidVolume, &columns, &mut kept, &times, &mut findings);
    // Of two values one may be absent, but not both.
    let either: Vec<f64> =
        quantity.iter().zip(&value).map(|(&q, &v)| if q.is_nan() { v } else { q }).collect();
    let column = Column { name: "open_interest", values: &either, rule, holds: |v| !v.is_nan() };
    mends_columns(Rule::InvalidVolume, &[column], &mut kept, &times, &mut findings);
    let zero = kept.breaking(|row| either[row].is_nan() || either[row] > 0.0);
    let problem = |_| Problem::Broken {
        rule: Rule::ZeroOpenInterest,
        what: "`open_interest` is 0".to_owned(),
    };
    if findings.mends(Rule::ZeroOpenInterest, &zero, &times, problem) {
        kept.drop(&zero);
    }
    let some = |values: Vec<f64>| {
        TableColumn::F64OrNull(values.into_iter().map(|v| (!v.is_nan()).then_some(v)).collect())
    };
    let columns = vec![TableColumn::Time(times), some(quantity), some(value)];
    let file_rows = kept.rows();
    let table = file_rows.apply(Table::new(Kind::OpenInterest, columns));
    let ordered = order(table, file_rows, &mut findings);
    findings.check()?;
    let mut checked = Checked::new(ordered.table);
    checked.file_rows = ordered.file_rows;
    checked.duplicates = ordered.duplicates;
    drop_restarts(&mut checked, &mut findings);
    checked.covered = covered(checked.table.times());
    findings.finish(&mut checked)?;
    Ok(checked)
}

/// After an outage a feed counts up from near zero for 20 to 30 minutes. Its rows lie below half
/// of the median of the day before and of the day after; a real fall stays down, a listing or the
/// first rows of a file have nothing before them, and neither is found.
fn drop_restarts(checked: &mut Checked, findings: &mut Findings) {
    let table = &checked.table;
    let times = table.times();
    let mut values = table.f64_or_nan("open_interest");
    for (value, other) in values.iter_mut().zip(table.f64_or_nan("open_interest_value")) {
        if value.is_nan() {
            *value = other;
        }
    }
    let restart = restarts(times, &values);
    let Some(&first) = restart.first() else { return };
    let case = Case {
        count: restart.len(),
        row: Some(checked.file_rows.of(first)),
        time: Some(times[first]),
    };
    let mends = findings.mends_case(Rule::FeedRestart, case, || Problem::Broken {
        rule: Rule::FeedRestart,
        what: format!(
            "open interest {} is less than half of what is usual before and after it",
            values[first]
        ),
    });
    if mends {
        let mut keep = Kept::all(times.len());
        keep.drop(&restart);
        let rows: Vec<usize> = keep.rows().iter(times.len()).collect();
        checked.keep(&rows);
    }
}

/// Rows below [`RESTART_FRACTION`] of the median of the day before them and of the day after.
fn restarts(times: &[i64], values: &[f64]) -> Vec<usize> {
    // A row far below the median is also far below the highest, which is quickly found.
    let before = highest_before(times, values);
    let reversed: Vec<i64> = times.iter().rev().map(|time| -time).collect();
    let backwards: Vec<f64> = values.iter().rev().copied().collect();
    let after = highest_before(&reversed, &backwards);
    let n_rows = times.len();
    (0..n_rows)
        .filter(|&row| {
            let low = |highest: f64| values[row] < RESTART_FRACTION * highest;
            low(before[row]) && low(after[n_rows - 1 - row])
        })
        .filter(|&row| {
            let start = times.partition_point(|&time| time < times[row] - DAY_MS);
            let end = times.partition_point(|&time| time <= times[row] + DAY_MS);
            let sides = [&values[start..row], &values[row + 1..end]];
            sides.iter().all(|side| {
                median(side).is_some_and(|median| values[row] < RESTART_FRACTION * median)
            })
        })
        .collect()
}

/// By row, the highest value of the day before it; 0 where there is none.
fn highest_before(times: &[i64], values: &[f64]) -> Vec<f64> {
    let mut highest = Vec::with_capacity(times.len());
    // Rows of the day, each higher than all behind it.
    let mut window: VecDeque<usize> = VecDeque::new();
    for (row, &time) in times.iter().enumerate() {
        while window.front().is_some_and(|&first| times[first] < time - DAY_MS) {
            window.pop_front();
        }
        highest.push(window.front().map_or(0.0, |&first| values[first]));
        while window.back().is_some_and(|&last| values[last] <= values[row]) {
            window.pop_back();
        }
        window.push_back(row);
    }
    highest
}

/// The upper median, of enough values.
fn median(values: &[f64]) -> Option<f64> {
    if values.len() < RESTART_ROWS {
        return None;
    }
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Runs of snapshots at most 1.5 times their usual spacing apart, each until its next is due.
fn covered(times: &[i64]) -> Vec<(Timestamp, Timestamp)> {
    let spacing = usual_spacing(times).unwrap_or(1);
    let mut runs: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut previous = i64::MIN;
    for &time in times {
        let end = Timestamp(time + spacing);
        match runs.last_mut() {
            Some(run) if 2 * (time - previous) <= 3 * spacing => run.1 = end,
            _ => runs.push((Timestamp(time), end)),
        }
        previous = time;
    }
    runs
}
