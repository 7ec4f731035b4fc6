//! Candles, mark candles, index candles and premium index candles.

use plimsoll_market::{Column, Interval, Kind, Table, Timestamp};

use super::rows::{check, first_failure, order, usual_spacing};
use super::{Checked, note};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::policy::Policies;
use crate::raw::Raw;

/// Checked bars and their interval.
pub(super) struct Bars {
    pub(super) checked: Checked,
    pub(super) interval: Interval,
}

/// Checks every bar: finite, positive, low <= open, close <= high, volume not negative, opening
/// on the grid of its interval. Rows are sorted, equal repetitions dropped.
///
/// `interval` is what name or option say; without it the rows' own spacing counts. Where the
/// file has close times, a last bar that closes early was still forming and is dropped; where it
/// has none nothing can be known, and the last bar yields to a longer archive that differs.
pub(super) fn build(
    mut raw: Raw,
    kind: Kind,
    interval: Option<Interval>,
    _policies: &Policies,
) -> Result<Bars, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let times = raw.take_times()?;
    let close_times = match raw.columns.remove("close_time") {
        Some(Values::Times(times)) => Some(times),
        _ => None,
    };
    let open = raw.need_numbers("open")?;
    let high = raw.need_numbers("high")?;
    let low = raw.need_numbers("low")?;
    let close = raw.need_numbers("close")?;
    check_prices(kind, &open, &high, &low, &close)?;
    let mut derived = Vec::new();
    let columns = if kind == Kind::Candles {
        let volume = raw.need_numbers("volume")?;
        let quote_volume = match raw.take_numbers("quote_volume") {
            Some(recorded) if !recorded.iter().any(|v| v.is_nan()) => recorded,
            _ => {
                derived.push("quote_volume".to_owned());
                let rows = volume.iter().zip(&high).zip(&low).zip(&close);
                rows.map(|(((volume, high), low), close)| volume * (high + low + close) / 3.0)
                    .collect()
            }
        };
        let trades = raw.take_numbers("trades");
        let taker_buy_volume = raw.take_numbers("taker_buy_volume");
        let not_negative =
            |name, values: &[f64]| check(name, values, "is negative or no number", is_amount);
        let or_absent = |value: f64| value.is_nan() || is_amount(value);
        first_failure([
            not_negative("volume", &volume),
            not_negative("quote_volume", &quote_volume),
            check("trades", trades.as_deref().unwrap_or_default(), "is no count", |value| {
                value.is_nan() || is_amount(value) && value.fract().abs() <= 0.0
            }),
            check(
                "taker_buy_volume",
                taker_buy_volume.as_deref().unwrap_or_default(),
                "is negative",
                or_absent,
            ),
        ])?;
        let n = times.len();
        let present = |value: f64| (!value.is_nan()).then_some(value);
        let trades = trades.map_or(vec![None; n], |values| {
            values.into_iter().map(|value| present(value).map(|v| v as i64)).collect()
        });
        let taker_buy_volume = taker_buy_volume
            .map_or(vec![None; n], |values| values.into_iter().map(present).collect());
        vec![
            Column::Time(times),
            Column::F64(open),
            Column::F64(high),
            Column::F64(low),
            Column::F64(close),
            Column::F64(volume),
            Column::F64(quote_volume),
            Column::I64OrNull(trades),
            Column::F64OrNull(taker_buy_volume),
        ]
    } else {
        vec![
            Column::Time(times),
            Column::F64(open),
            Column::F64(high),
            Column::F64(low),
            Column::F64(close),
        ]
    };
    let table = Table::new(kind, columns);
    let spacing = usual_spacing_of(&table);
    let interval = match (interval, spacing) {
        (Some(interval), _) => interval,
        (None, Some(spacing)) => spacing,
        (None, None) => return Err(Problem::Unknown { what: "interval" }.into()),
    };
    check_grid(table.times(), interval, spacing)?;
    let (table, forming) = match close_times {
        Some(close_times) => drop_forming(table, &close_times, interval)?,
        None => (table, None),
    };
    let ordered = order(table)?;
    let mut checked = Checked::new(ordered.table);
    checked.duplicates = ordered.duplicates;
    checked.repairs = ordered.repairs;
    checked.derived = derived;
    checked.last_may_be_forming = true;
    if let Some(time) = forming {
        checked.repairs.push(note("forming_bar_dropped", 1, time, "the last bar was not over"));
        checked.last_may_be_forming = false;
    }
    Ok(Bars { checked, interval })
}

fn check_prices(
    kind: Kind,
    open: &[f64],
    high: &[f64],
    low: &[f64],
    close: &[f64],
) -> Result<(), RowProblem> {
    // A premium is a fraction of either sign, or none.
    let positive = |name, values: &[f64]| match kind {
        Kind::PremiumIndexCandles => check(name, values, "is not a number", f64::is_finite),
        _ => check(name, values, "is not a positive number", is_positive),
    };
    first_failure([
        positive("open", open),
        positive("high", high),
        positive("low", low),
        positive("close", close),
        contradiction("high", high, "below", "low", low),
        contradiction("high", high, "below", "open", open),
        contradiction("high", high, "below", "close", close),
        contradiction("low", low, "above", "open", open),
        contradiction("low", low, "above", "close", close),
    ])
}

fn contradiction(
    column: &'static str,
    values: &[f64],
    relation: &'static str,
    other: &'static str,
    others: &[f64],
) -> Result<(), RowProblem> {
    let broken = |(value, other): (&f64, &f64)| match relation {
        "below" => value < other,
        _ => value > other,
    };
    let Some(row) = values.iter().zip(others).position(broken) else { return Ok(()) };
    let (value, other_value) = (values[row], others[row]);
    let problem = Problem::Contradiction { column, value, relation, other, other_value };
    Err(RowProblem::at(row, problem))
}

fn usual_spacing_of(table: &Table) -> Option<Interval> {
    let times = table.times();
    let spacing = if times.is_sorted() {
        usual_spacing(times)
    } else {
        let mut times = times.to_vec();
        times.sort_unstable();
        usual_spacing(&times)
    };
    spacing.and_then(Interval::from_ms)
}

fn check_grid(
    times: &[i64],
    interval: Interval,
    spacing: Option<Interval>,
) -> Result<(), RowProblem> {
    if let Some(row) = times.iter().position(|&time| !interval.is_on_grid(Timestamp(time))) {
        let problem = Problem::OffGrid { time: Timestamp(times[row]), interval };
        return Err(RowProblem::at(row, problem));
    }
    match spacing {
        Some(spacing) if spacing != interval && times.len() > 3 => {
            Err(Problem::OtherSpacing { spacing, interval }.into())
        }
        _ => Ok(()),
    }
}

/// Drops a last bar that closes before its interval ends; anywhere else that is an error.
fn drop_forming(
    table: Table,
    close_times: &[i64],
    interval: Interval,
) -> Result<(Table, Option<i64>), RowProblem> {
    let times = table.times();
    let early = |row: usize| close_times[row] < times[row].saturating_add(interval.ms() - 1);
    let Some(row) = (0..times.len()).find(|&row| early(row)) else { return Ok((table, None)) };
    let time = times[row];
    if Some(&time) == times.iter().max() {
        let keep: Vec<usize> = (0..table.len()).filter(|&r| r != row).collect();
        return Ok((table.gather(&keep), Some(time)));
    }
    let close = Timestamp(close_times[row]);
    Err(RowProblem::at(row, Problem::ClosesEarly { time: Timestamp(time), close, interval }))
}

fn is_positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
