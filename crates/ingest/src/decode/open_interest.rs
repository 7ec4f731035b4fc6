//! Open interest snapshots.

use plimsoll_market::{Column, Kind, Table, Timestamp};

use super::rows::{check, first_failure, order, usual_spacing};
use super::{Checked, note};
use crate::error::{Problem, RowProblem};
use crate::policy::Policies;
use crate::raw::Raw;

/// Checks open interest. Rows of zero are feed failures, no market has none; they are dropped
/// and flagged. A snapshot accounts for the time to the next one, if that comes when it should.
pub(super) fn build(mut raw: Raw, _policies: &Policies) -> Result<Checked, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let times = raw.take_times()?;
    let open_interest = raw.need_numbers("open_interest")?;
    let value = raw.need_numbers("open_interest_value")?;
    let amount = |v: f64| v.is_finite() && v >= 0.0;
    first_failure([
        check("open_interest", &open_interest, "is negative or no number", amount),
        check("open_interest_value", &value, "is negative or no number", amount),
    ])?;
    let known: Vec<usize> = (0..times.len()).filter(|&row| open_interest[row] > 0.0).collect();
    let zero = (0..times.len()).find(|&row| open_interest[row] <= 0.0).map(|row| times[row]);
    let n_zero = times.len() - known.len();
    let some = |values: Vec<f64>| Column::F64OrNull(values.into_iter().map(Some).collect());
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
