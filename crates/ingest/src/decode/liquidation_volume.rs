//! Bars of summed forced orders: what aggregators publish in place of the single ones.

use plimsoll_market::{Column, Interval, Kind, Table, Timestamp};

use super::rows::{check, first_failure, order, usual_spacing};
use super::{Checked, note};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};
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
    let names = ["long_quantity", "short_quantity", "long_notional", "short_notional"];
    let given = names.map(|name| raw.take_numbers(name));
    let has = |long: usize| given[long].is_some() && given[long + 1].is_some();
    if !has(0) && !has(2) {
        return Err(raw.missing("long_notional").into());
    }
    let count = raw.take_numbers("count");
    let total = raw.take_numbers("total_notional");
    let columns = given.each_ref().map(|values| values.as_deref().unwrap_or_default());
    let absent_or_amount = |v: f64| v.is_nan() || v.is_finite() && v >= 0.0;
    let rule = "is negative or no number";
    first_failure([
        check(names[0], columns[0], rule, absent_or_amount),
        check(names[1], columns[1], rule, absent_or_amount),
        check(names[2], columns[2], rule, absent_or_amount),
        check(names[3], columns[3], rule, absent_or_amount),
        check("count", count.as_deref().unwrap_or_default(), "is no count", |v| {
            v.is_nan() || v.is_finite() && v >= 0.0 && v.fract().abs() <= 0.0
        }),
    ])?;
    let differs = differing_totals(total.as_deref(), columns[2], columns[3]);
    if let Some(&row) = differs.first()
        && policies.of(Rule::TotalDiffers) == Policy::Refuse
    {
        let value = total.as_ref().map_or(f64::NAN, |total| total[row]);
        let rule = "is not the sum of longs and shorts";
        return Err(RowProblem::at(
            row,
            Problem::BadValue { column: "total_notional", value, rule },
        ));
    }
    let spacing = spacing(&times);
    let interval = interval.or(spacing).ok_or(Problem::Unknown { what: "interval" })?;
    if let Some(row) = times.iter().position(|&time| !interval.is_on_grid(Timestamp(time))) {
        let problem = Problem::OffGrid { time: Timestamp(times[row]), interval };
        return Err(RowProblem::at(row, problem));
    }
    let flag = differs.first().map(|&row| {
        let about = Rule::TotalDiffers.about();
        let total = total.as_ref().map_or(f64::NAN, |total| total[row]);
        let (long, short) = (columns[2][row], columns[3][row]);
        let mut flag = note(about.name, differs.len(), times[row], about.what);
        flag.example = format!("{total} is not {long} + {short}");
        flag
    });
    let n = times.len();
    let numbers = |values: Option<Vec<f64>>| {
        values.map_or(vec![None; n], |values| values.into_iter().map(present).collect())
    };
    let [long_quantity, short_quantity, long_notional, short_notional] = given;
    let count = numbers(count).into_iter().map(|count| count.map(|count| count as i64)).collect();
    let columns = vec![
        Column::Time(times),
        Column::F64OrNull(numbers(long_quantity)),
        Column::F64OrNull(numbers(short_quantity)),
        Column::F64OrNull(numbers(long_notional)),
        Column::F64OrNull(numbers(short_notional)),
        Column::I64OrNull(count),
    ];
    let ordered = order(Table::new(Kind::LiquidationVolume, columns))?;
    let mut checked = Checked::new(ordered.table);
    checked.duplicates = ordered.duplicates;
    checked.repairs = ordered.repairs;
    checked.flags.extend(flag);
    checked.last_may_be_forming = true;
    Ok(VolumeBars { checked, interval })
}

/// The usual spacing of bars, as far as it is a bar length.
fn spacing(times: &[i64]) -> Option<Interval> {
    let mut times = times.to_vec();
    times.sort_unstable();
    usual_spacing(&times).and_then(Interval::from_ms)
}

/// Rows whose total is not the sum of longs and shorts.
fn differing_totals(total: Option<&[f64]>, long: &[f64], short: &[f64]) -> Vec<usize> {
    let sums = long.iter().zip(short).map(|(long, short)| long + short);
    let pairs = total.unwrap_or_default().iter().zip(sums).enumerate();
    let differing = pairs.filter(|&(_, (&total, sum))| {
        // Unknown parts leave the sum unknown.
        !sum.is_nan() && !total.is_nan() && (total - sum).abs() > ROUNDING * total.abs().max(sum)
    });
    differing.map(|(row, _)| row).collect()
}

fn present(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}
