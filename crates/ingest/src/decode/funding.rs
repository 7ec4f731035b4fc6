//! Settled funding rates.

use plimsoll_market::{Column, Kind, Table, Timestamp};

use super::rows::{check, first_failure, order};
use super::{Checked, note};
use crate::error::{Problem, RowProblem};
use crate::policy::Policies;
use crate::raw::Raw;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A stamp this close to a settlement belongs to it: exchanges write it some milliseconds late.
const JITTER_MS: i64 = 15_000;

/// Hyperliquid writes an hour's settlement up to a quarter of an hour late.
const HYPERLIQUID_DELAY_MS: i64 = 15 * MINUTE_MS;

/// No venue allows a rate of 5 % per interval, so more means that the unit is another.
const RATE_MAX: f64 = 0.05;

/// Checks funding rates and finds the settlement that each belongs to.
///
/// The raw time is kept. The settlement is the full hour within 15 s (Hyperliquid: the hour that
/// began up to 15 minutes before); other stamps are flagged and stay where they are. Without a
/// recorded interval it is derived from the spacing.
pub(super) fn build(
    mut raw: Raw,
    venue: &str,
    _policies: &Policies,
) -> Result<Checked, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let times = raw.take_times()?;
    let rates = raw.need_numbers("rate")?;
    check("rate", &rates, "is not a number", f64::is_finite)?;
    check_unit(&rates)?;
    let hours = raw.take_numbers("interval_hours");
    let minutes = raw.take_numbers("interval_minutes");
    let recorded = minutes.or(hours.map(|h| h.iter().map(|hours| hours * 60.0).collect()));
    let marks = raw.take_numbers("mark_price").unwrap_or_else(|| vec![f64::NAN; times.len()]);
    first_failure([
        check("interval_minutes", recorded.as_deref().unwrap_or_default(), RULE, is_interval),
        check("mark_price", &marks, "is not a positive number", |mark| {
            mark.is_nan() || mark.is_finite() && mark >= 0.0
        }),
    ])?;
    let is_recorded = recorded.is_some();
    let minutes: Vec<i32> = match recorded {
        Some(minutes) => minutes.iter().map(|&minutes| minutes as i32).collect(),
        None => vec![0; times.len()],
    };
    // Exchanges write 0 or nothing where they have no mark price.
    let marks = marks.iter().map(|&mark| (mark > 0.0).then_some(mark)).collect();
    let columns = vec![
        Column::Time(times.clone()),
        Column::Time(times),
        Column::F64(rates),
        Column::I32(minutes),
        Column::F64OrNull(marks),
    ];
    let ordered = order(Table::new(Kind::Funding, columns))?;
    let mut checked = settle(&ordered.table, venue, is_recorded)?;
    checked.duplicates += ordered.duplicates;
    checked.repairs = ordered.repairs;
    Ok(checked)
}

/// Fills in settlement times, and intervals where none are recorded, of sorted rows.
fn settle(table: &Table, venue: &str, is_recorded: bool) -> Result<Checked, RowProblem> {
    let mut settlements: Vec<i64> = Vec::with_capacity(table.len());
    let mut keep: Vec<usize> = Vec::with_capacity(table.len());
    let mut adrift = Vec::new();
    let mut duplicates = 0;
    let rates = table.f64("rate");
    for (row, &time) in table.times().iter().enumerate() {
        let settlement = match (settlement_of(time, venue), settlements.last()) {
            // A second row of one settlement: the same again, or one that has to stand alone.
            (Some(settlement), Some(&last)) if settlement <= last => {
                let before = keep.last().map_or(rates[row], |&before| rates[before]);
                if rates[row].total_cmp(&before).is_eq() {
                    duplicates += 1;
                    continue;
                }
                if (time - settlement).abs() <= JITTER_MS {
                    let problem = Problem::Repeated {
                        time: Timestamp(settlement),
                        column: "rate",
                        first: before.to_string(),
                        second: rates[row].to_string(),
                    };
                    return Err(RowProblem::at(row, problem));
                }
                None
            }
            (settlement, _) => settlement,
        };
        if settlement.is_none() {
            adrift.push(time);
        }
        settlements.push(settlement.unwrap_or(time));
        keep.push(row);
    }
    let table = table.gather(&keep);
    let mut columns = table.columns().to_vec();
    if !is_recorded {
        columns[3] = Column::I32(intervals(&settlements));
    }
    columns[1] = Column::Time(settlements);
    let mut checked = Checked::new(Table::new(Kind::Funding, columns));
    checked.duplicates = duplicates;
    if !is_recorded {
        checked.derived.push("interval_minutes".to_owned());
    }
    if let Some(&first) = adrift.first() {
        let message = "stamped away from any settlement; kept at their own time";
        checked.flags.push(note("off_settlement", adrift.len(), first, message));
    }
    Ok(checked)
}

/// The settlement that a stamp belongs to, if it is near enough to one. All venues settle on
/// full hours, whatever their interval.
fn settlement_of(time: i64, venue: &str) -> Option<i64> {
    let hour = time.div_euclid(HOUR_MS) * HOUR_MS;
    let late = time - hour;
    let late_max = if venue.starts_with("hyperliquid") { HYPERLIQUID_DELAY_MS } else { JITTER_MS };
    if late <= late_max {
        Some(hour)
    } else if HOUR_MS - late <= JITTER_MS {
        Some(hour + HOUR_MS)
    } else {
        None
    }
}

/// Interval of every settlement in minutes, from the distance to the one before. A longer
/// distance is a new interval only if the next one is as long; otherwise something is missing.
fn intervals(settlements: &[i64]) -> Vec<i32> {
    const DEFAULT_MINUTES: i32 = 480;
    let minutes = |a: i64, b: i64| {
        let hours = (b - a + HOUR_MS / 2) / HOUR_MS;
        (hours.clamp(1, 24 * 365) * 60) as i32
    };
    let before = |row: usize| minutes(settlements[row - 1], settlements[row]);
    let mut found: Vec<i32> = Vec::with_capacity(settlements.len());
    for row in 0..settlements.len() {
        let after = (row + 1 < settlements.len()).then(|| before(row + 1));
        let interval = match found.last() {
            None => after.unwrap_or(DEFAULT_MINUTES),
            Some(&previous) if before(row) <= previous || after == Some(before(row)) => before(row),
            Some(&previous) => previous,
        };
        found.push(interval);
    }
    found
}

fn check_unit(rates: &[f64]) -> Result<(), RowProblem> {
    let Some(row) = rates.iter().position(|rate| rate.abs() > RATE_MAX) else { return Ok(()) };
    let rate = rates[row];
    let count = rates.iter().filter(|rate| rate.abs() > RATE_MAX).count();
    let percent = (rate * 100.0 * 1e6).round() / 1e6;
    let problem = Problem::PercentRates { rate, percent, count, rows: rates.len() };
    Err(RowProblem::at(row, problem))
}

const RULE: &str = "is not a whole number of minutes up to a day";

fn is_interval(minutes: f64) -> bool {
    (1.0..=1440.0).contains(&minutes) && minutes.fract().abs() <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_find_their_settlement() {
        for (venue, time, expected) in [
            ("binance-usdm", 8 * HOUR_MS + 8, Some(8 * HOUR_MS)),
            ("binance-usdm", 8 * HOUR_MS - 3, Some(8 * HOUR_MS)),
            ("binance-usdm", 8 * HOUR_MS + 15_000, Some(8 * HOUR_MS)),
            ("binance-usdm", 8 * HOUR_MS + 15_001, None),
            ("hyperliquid", 10 * HOUR_MS + 14 * MINUTE_MS + 47_645, Some(10 * HOUR_MS)),
            ("hyperliquid", 10 * HOUR_MS + 16 * MINUTE_MS, None),
        ] {
            assert_eq!(settlement_of(time, venue), expected, "{venue} {time}");
        }
    }

    #[test]
    fn intervals_follow_a_change_but_not_a_gap() {
        for (hours, expected) in [
            (&[0, 8, 16, 24][..], &[8, 8, 8, 8][..]),
            (&[0, 8, 24, 32], &[8, 8, 8, 8]),
            (&[0, 8, 12, 16], &[8, 8, 4, 4]),
            (&[0, 4, 8, 16, 24], &[4, 4, 4, 8, 8]),
            (&[0, 1, 2, 10, 11], &[1, 1, 1, 1, 1]),
            (&[0], &[8]),
        ] {
            let settlements: Vec<i64> = hours.iter().map(|hour| hour * HOUR_MS).collect();
            let expected: Vec<i32> = expected.iter().map(|hours| hours * 60).collect();
            assert_eq!(intervals(&settlements), expected, "{hours:?}");
        }
    }
}
