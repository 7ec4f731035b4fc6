//! Bars of summed forced orders: what aggregators publish in place of the single ones.

use plimsoll_market::{Column as TableColumn, Interval, Kind, Table, Timestamp};

use super::Checked;
use super::findings::Findings;
use super::rows::{Column, Kept, is_amount, mends_columns, order, usual_spacing};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};
use crate::raw::Raw;

/// Checked bars and their interval.
pub(super) struct VolumeBars {
    pub(super) checked: Checked,
    pub(super) interval: Interval,
}

/// A total may differ from the sum of its parts by so much of it, for rounding.
const ROUNDING: f64 = 1e-6;

/// Checks every bar: amounts and counts not negative, on the grid of its interval, each time once.
/// Either the two quantities or the two notionals are there. What lies between two bars is
/// unknown: an aggregator leaves out what it does not have, and says nothing of why.
///
/// `interval` is what name or option say; without it the rows' own spacing counts.
pub(super) fn build(
    mut raw: Raw,
    interval: Option<Interval>,
    policies: &Policies,
) -> Result<VolumeBars, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let times = raw.take_times()?;
    let mut findings = Findings::new(policies);
    let mut kept = Kept::all(times.len());
    let sums = Sums::checked(&mut raw, &mut kept, &times, &mut findings)?;
    let interval =
        interval.or_else(|| spacing(&times)).ok_or(Problem::Unknown { what: "interval" })?;
    let off_grid = kept.breaking(|row| interval.is_on_grid(Timestamp(times[row])));
    let problem = |row: usize| Problem::OffGrid { time: Timestamp(times[row]), interval };
    if findings.mends(Rule::OffGrid, &off_grid, &times, problem) {
        kept.drop(&off_grid);
    }
    let file_rows = kept.rows();
    let mut columns = vec![TableColumn::Time(times)];
    columns.extend(sums.into_columns());
    let table = file_rows.apply(Table::new(Kind::LiquidationVolume, columns));
    let ordered = order(table, file_rows, &mut findings);
    let mut checked = Checked::new(ordered.table);
    checked.file_rows = ordered.file_rows;
    checked.duplicates = ordered.duplicates;
    checked.last_may_be_forming = true;
    findings.finish(&mut checked)?;
    Ok(VolumeBars { checked, interval })
}

const NAMES: [&str; 4] = ["long_quantity", "short_quantity", "long_notional", "short_notional"];

/// The columns of [`NAMES`] and the count, as far as there are such.
struct Sums {
    sums: [Option<Vec<f64>>; 4],
    count: Option<Vec<f64>>,
    n_rows: usize,
}

impl Sums {
    fn checked(
        raw: &mut Raw,
        kept: &mut Kept,
        times: &[i64],
        findings: &mut Findings,
    ) -> Result<Self, RowProblem> {
        let sums = NAMES.map(|name| raw.take_numbers(name));
        let has = |long: usize| sums[long].is_some() && sums[long + 1].is_some();
        if !has(0) && !has(2) {
            return Err(raw.missing("long_notional").into());
        }
        let count = raw.take_numbers("count");
        let total = raw.take_numbers("total_notional");
        let given = sums.each_ref().map(|values| values.as_deref().unwrap_or_default());
        let mut columns: Vec<Column> = NAMES
            .iter()
            .zip(given)
            .map(|(&name, values)| Column {
                name,
                values,
                rule: "is negative or no number",
                holds: |value| value.is_nan() || is_amount(value),
            })
            .collect();
        columns.push(Column {
            name: "count",
            values: count.as_deref().unwrap_or_default(),
            rule: "is no count",
            holds: |value| value.is_nan() || is_amount(value) && value.fract().abs() <= 0.0,
        });
        mends_columns(Rule::InvalidVolume, &columns, kept, times, findings);
        if let Some(total) = &total {
            let (long, short) = (given[2], given[3]);
            let differing = differing_totals(total, long, short);
            findings.mends(Rule::TotalDiffers, &differing, times, |row| Problem::Broken {
                rule: Rule::TotalDiffers,
                what: format!("the total {} is not {} + {}", total[row], long[row], short[row]),
            });
        }
        findings.check()?;
        Ok(Self { sums, count, n_rows: times.len() })
    }

    fn into_columns(self) -> Vec<TableColumn> {
        let n_rows = self.n_rows;
        let numbers = |values: Option<Vec<f64>>| -> Vec<Option<f64>> {
            let present = |value: f64| (!value.is_nan()).then_some(value);
            values.map_or(vec![None; n_rows], |v| v.into_iter().map(present).collect())
        };
        let count = numbers(self.count).into_iter().map(|count| count.map(|count| count as i64));
        let mut columns: Vec<TableColumn> =
            self.sums.into_iter().map(|sum| TableColumn::F64OrNull(numbers(sum))).collect();
        columns.push(TableColumn::I64OrNull(count.collect()));
        columns
    }
}

/// The usual spacing of bars, as far as it is a bar length.
fn spacing(times: &[i64]) -> Option<Interval> {
    let mut times = times.to_vec();
    times.sort_unstable();
    usual_spacing(&times).and_then(Interval::from_ms)
}

/// Rows whose total is not the sum of longs and shorts. Unknown parts leave the sum unknown.
fn differing_totals(total: &[f64], long: &[f64], short: &[f64]) -> Vec<usize> {
    let sums = long.iter().zip(short).map(|(long, short)| long + short);
    let pairs = total.iter().zip(sums).enumerate();
    let differing = pairs.filter(|&(_, (&total, sum))| {
        !sum.is_nan() && !total.is_nan() && (total - sum).abs() > ROUNDING * total.abs().max(sum)
    });
    differing.map(|(row, _)| row).collect()
}
