//! Open interest snapshots.

use plimsoll_market::{Column, Kind, Table, Timestamp};

use super::rows::{check, first_failure, order, usual_spacing};
use super::{Checked, note};
use crate::error::{Problem, RowProblem};
use crate::policy::Policies;
use crate::raw::Raw;

/// Checks open interest, in base units, by value, or both. Rows of zero are feed failures, no
/// market has none; they are dropped and flagged. A snapshot accounts for the time to the next one, if that comes when it should.
pub(super) fn build(mut raw: Raw, _policies: &Policies) -> Result<Checked, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let times = raw.take_times()?;
    let open_interest = raw.take_numbers("open_interest");
    let value = raw.take_numbers("open_interest_value");
    if open_interest.is_none() && value.is_none() {
        return Err(raw.missing("open_interest").into());
    }
    let n = times.len();
    let numbers = |values: Option<Vec<f64>>| values.unwrap_or_else(|| vec![f64::NAN; n]);
    let (open_interest, value) = (numbers(open_interest), numbers(value));
    let amount = |v: f64| v.is_nan() || v.is_finite() && v >= 0.0;
    let neither = (0..n).find(|&row| open_interest[row].is_nan() && value[row].is_nan());
    first_failure([
        check("open_interest", &open_interest, "is negative or no number", amount),
        check("open_interest_value", &value, "is negative or no number", amount),
        neither.map_or(Ok(()), |row| {
            let (column, value, rule) = ("open_interest", f64::NAN, "is negative or no number");
            Err(RowProblem::at(row, Problem::BadValue { column, value, rule }))
        }),
    ])?;
    let is_zero = |row: usize| open_interest[row] <= 0.0 || value[row] <= 0.0;
    let known: Vec<usize> = (0..n).filter(|&row| !is_zero(row)).collect();
    let zero = (0..n).find(|&row| is_zero(row)).map(|row| times[row]);
    let n_zero = n - known.len();
    let some = |values: Vec<f64>| {
        Column::F64OrNull(values.into_iter().map(|v| (!v.is_nan()).then_some(v)).collect())
    };
    let columns = vec![Column::Time(times), some(open_interest), some(value)];
    let ordered = order(Table::new(Kind::OpenInterest, columns).gather(&known)).map_err(
        |RowProblem { row, problem }| RowProblem { row: row.map(|row| known[row]), problem },
    )?;
    let mut checked = Checked::new(ordered.table);
    checked.duplicates = ordered.duplicates;
    checked.repairs = ordered.repairs;
    checked.covered = covered(checked.table.times());
    if let Some(first) = zero {
        let message = "rows of zero open interest dropped as feed failures";
        checked.flags.push(note("zero_open_interest", n_zero, first, message));
    }
    Ok(checked)
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
