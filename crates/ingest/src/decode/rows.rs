//! What is checked of every kind of row: order, repetition, spacing, period.

use std::collections::BTreeMap;

use plimsoll_market::{Table, Timestamp};

use super::Checked;
use super::findings::{Case, Findings};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};

/// Which rows of a file are still in.
#[derive(Clone)]
pub(super) struct Kept {
    n_rows: usize,
    /// By row, once one has been dropped.
    kept: Option<Vec<bool>>,
}

impl Kept {
    pub(super) fn all(n_rows: usize) -> Self {
        Self { n_rows, kept: None }
    }

    pub(super) fn has(&self, row: usize) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept[row])
    }

    pub(super) fn drop(&mut self, rows: &[usize]) {
        let kept = self.kept.get_or_insert_with(|| vec![true; self.n_rows]);
        for &row in rows {
            kept[row] = false;
        }
    }

    /// The rows that are in and do not hold.
    pub(super) fn breaking(&self, holds: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.n_rows).filter(|&row| !holds(row) && self.has(row)).collect()
    }

    pub(super) fn rows(&self) -> FileRows {
        let rows = |kept: &Vec<bool>| (0..self.n_rows).filter(|&row| kept[row]).collect();
        FileRows(self.kept.as_ref().map(rows))
    }
}

/// By row of a table, its row in the file; `None` where the two are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct FileRows(Option<Vec<usize>>);

impl FileRows {
    pub(super) fn of(&self, row: usize) -> usize {
        self.0.as_ref().map_or(row, |rows| rows[row])
    }

    pub(super) fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// The rows in the file, of a table of so many rows.
    pub(super) fn iter(&self, n_rows: usize) -> impl Iterator<Item = usize> {
        let n_rows = self.0.as_ref().map_or(n_rows, Vec::len);
        (0..n_rows).map(|row| self.of(row))
    }

    /// The table without the rows that were dropped.
    pub(super) fn apply(&self, table: Table) -> Table {
        match &self.0 {
            Some(rows) => table.gather(rows),
            None => table,
        }
    }

    pub(super) fn gather(&self, rows: &[usize]) -> Self {
        Self(Some(rows.iter().map(|&row| self.of(row)).collect()))
    }
}

/// Rows in order of time, each time once.
pub(super) struct Ordered {
    pub(super) table: Table,
    pub(super) file_rows: FileRows,
    pub(super) duplicates: usize,
}

/// Sorts rows and keeps those that occur several times once.
pub(super) fn order(table: Table, file_rows: FileRows, findings: &mut Findings) -> Ordered {
    let times = table.times();
    if times.is_sorted_by(|a, b| a < b) {
        return Ordered { table, file_rows, duplicates: 0 };
    }
    let rows = sorted_rows(times, &file_rows, findings);
    let mut keep: Vec<usize> = Vec::with_capacity(rows.len());
    let mut equal = Vec::new();
    let mut different = Vec::new();
    for row in rows {
        match keep.last() {
            Some(&kept) if times[kept] == times[row] => {
                match table.first_difference(kept, &table, row) {
                    None => equal.push(row),
                    Some(column) => different.push((row, kept, column)),
                }
            }
            _ => keep.push(row),
        }
    }
    if let Some(&row) = equal.iter().min() {
        let case =
            Case { count: equal.len(), row: Some(file_rows.of(row)), time: Some(times[row]) };
        findings.mends_case(Rule::RepeatedRow, case, || Problem::Broken {
            rule: Rule::RepeatedRow,
            what: format!("the row of {} stands there a second time", Timestamp(times[row])),
        });
    }
    if let Some(&(row, kept, column)) = different.iter().min() {
        let case =
            Case { count: different.len(), row: Some(file_rows.of(row)), time: Some(times[row]) };
        findings.mends_case(Rule::RepeatedRowDiffers, case, || Problem::Repeated {
            time: Timestamp(times[row]),
            column: table.kind().columns()[column].0,
            first: table.columns()[column].text(kept),
            second: table.columns()[column].text(row),
        });
    }
    let duplicates = table.len() - keep.len();
    Ordered { table: table.gather(&keep), file_rows: file_rows.gather(&keep), duplicates }
}

/// The rows in order of time; of one time in the order of the file.
pub(super) fn sorted_rows(
    times: &[i64],
    file_rows: &FileRows,
    findings: &mut Findings,
) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..times.len()).collect();
    let backwards: Vec<usize> =
        (1..times.len()).filter(|&row| times[row] < times[row - 1]).collect();
    if let Some(&row) = backwards.first() {
        let case =
            Case { count: backwards.len(), row: Some(file_rows.of(row)), time: Some(times[row]) };
        findings.mends_case(Rule::Unsorted, case, || {
            let (time, before) = (Timestamp(times[row]), Timestamp(times[row - 1]));
            Problem::Broken {
                rule: Rule::Unsorted,
                what: format!("the row of {time} stands behind that of {before}"),
            }
        });
        rows.sort_by_key(|&row| times[row]);
    }
    rows
}

/// Applies the rule that rows lie in the period that their file is named for.
pub(super) fn keep_period(
    checked: &mut Checked,
    period: Option<(Timestamp, Timestamp)>,
    policies: &Policies,
) -> Result<(), RowProblem> {
    let Some((from, to)) = period else { return Ok(()) };
    let mut findings = Findings::new(policies);
    let times = checked.table.times();
    let is_inside = |row: usize| from.0 <= times[row] && times[row] < to.0;
    let outside: Vec<usize> = (0..times.len()).filter(|&row| !is_inside(row)).collect();
    let Some(&first) = outside.first() else { return Ok(()) };
    let case = Case {
        count: outside.len(),
        row: Some(checked.file_rows.of(first)),
        time: Some(times[first]),
    };
    let mends = findings.mends_case(Rule::OutsidePeriod, case, || Problem::Broken {
        rule: Rule::OutsidePeriod,
        what: format!(
            "the row of {} is outside the file's period from {from} to {to}",
            Timestamp(times[first])
        ),
    });
    if mends {
        let inside: Vec<usize> = (0..times.len()).filter(|&row| is_inside(row)).collect();
        checked.keep(&inside);
    }
    findings.finish(checked)
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

/// Refuses the first value that breaks a rule which has no other policy.
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

/// Of several columns, each with what it is said to break and what holds for it, the first that
/// breaks its rule in a row.
pub(super) struct Column<'a> {
    pub(super) name: &'static str,
    pub(super) values: &'a [f64],
    pub(super) rule: &'static str,
    pub(super) holds: fn(f64) -> bool,
}

impl Column<'_> {
    fn breaks(&self, row: usize) -> bool {
        self.values.get(row).is_some_and(|&value| !(self.holds)(value))
    }
}

/// Applies a rule to several columns: a row breaks it where any of them does.
pub(super) fn mends_columns(
    rule: Rule,
    columns: &[Column],
    kept: &mut Kept,
    times: &[i64],
    findings: &mut Findings,
) {
    // Nearly every file is clean, and a scan of one column at a time is fast.
    if columns.iter().all(|column| column.values.iter().all(|&value| (column.holds)(value))) {
        return;
    }
    let broken = kept.breaking(|row| !columns.iter().any(|column| column.breaks(row)));
    let problem = |row: usize| {
        let column = columns.iter().find(|column| column.breaks(row)).unwrap_or(&columns[0]);
        Problem::BadValue { column: column.name, value: column.values[row], rule: column.rule }
    };
    if findings.mends(rule, &broken, times, problem) {
        kept.drop(&broken);
    }
}

pub(super) fn is_positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

pub(super) fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
