//! What is checked of every kind of row: order, repetition, spacing.

use std::collections::BTreeMap;

use plimsoll_market::lake::Note;
use plimsoll_market::{Table, Timestamp};

use super::note;
use crate::error::{Problem, RowProblem};

/// Rows in order of time, each time once.
pub(super) struct Ordered {
    pub(super) table: Table,
    pub(super) duplicates: usize,
    pub(super) repairs: Vec<Note>,
}

/// Sorts rows and drops those that occur twice. Two different rows of one time are refused.
pub(super) fn order(table: Table) -> Result<Ordered, RowProblem> {
    let times = table.times();
    if times.is_sorted_by(|a, b| a < b) {
        return Ok(Ordered { table, duplicates: 0, repairs: Vec::new() });
    }
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by_key(|&row| times[row]);
    let backwards = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let mut repairs = Vec::new();
    if backwards > 0 {
        let first = times.windows(2).find(|pair| pair[1] < pair[0]).map_or(0, |pair| pair[1]);
        repairs.push(note("sorted", backwards, first, "rows were not in order of time"));
    }
    let mut keep: Vec<usize> = Vec::with_capacity(rows.len());
    for row in rows {
        match keep.last() {
            Some(&kept) if times[kept] == times[row] => {
                if let Some(column) = table.first_difference(kept, &table, row) {
                    let problem = Problem::Repeated {
                        time: Timestamp(times[row]),
                        column: table.kind().columns()[column].0,
                        first: table.columns()[column].text(kept),
                        second: table.columns()[column].text(row),
                    };
                    return Err(RowProblem::at(row, problem));
                }
            }
            _ => keep.push(row),
        }
    }
    let duplicates = table.len() - keep.len();
    Ok(Ordered { table: table.gather(&keep), duplicates, repairs })
}

/// The most frequent distance between neighbouring times, of equally frequent ones the shortest.
/// `None` for fewer than two times.
pub(super) fn usual_spacing(times: &[i64]) -> Option<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in times.windows(2).filter(|pair| pair[1] > pair[0]) {
        *counts.entry(pair[1] - pair[0]).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|&(_, count)| count == most).map(|(spacing, _)| spacing)
}

/// Refuses the first value that breaks a rule.
pub(super) fn check(
    column: &'static str,
    values: &[f64],
    rule: &'static str,
    holds: impl Fn(f64) -> bool,
) -> Result<(), RowProblem> {
    match values.iter().position(|&value| !holds(value)) {
        Some(row) => {
            Err(RowProblem::at(row, Problem::BadValue { column, value: values[row], rule }))
        }
        None => Ok(()),
    }
}

/// Of several checks of a file, the failure that stands first in it.
pub(super) fn first_failure(
    checks: impl IntoIterator<Item = Result<(), RowProblem>>,
) -> Result<(), RowProblem> {
    let failures = checks.into_iter().filter_map(Result::err);
    failures.min_by_key(|failure| failure.row).map_or(Ok(()), Err)
}
