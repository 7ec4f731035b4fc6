//! Settled funding rates.

use plimsoll_market::{Column as TableColumn, Kind, Table, Timestamp};

use super::Checked;
use super::findings::{Case, Findings};
use super::rows::{Column, FileRows, Kept, check, mends_columns, order, usual_spacing};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};
use crate::raw::Raw;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A stamp this close to a settlement belongs to it: exchanges write it some milliseconds late.
const JITTER_MS: i64 = 15_000;

/// Hyperliquid writes an hour's settlement up to a quarter of an hour late.
const HYPERLIQUID_DELAY_MS: i64 = 15 * MINUTE_MS;

/// No venue allows a rate of 5 % per interval, so more means that the unit is another.
const RATE_MAX: f64 = 0.05;

/// Over a month no perpetual of five years of Binance's has a median above 0.13 % per 8 hours, in
/// either direction; the same rates as percentages are above 0.2 % in every month.
const MEDIAN_MAX: f64 = 0.002;

/// Fewer rates have no median worth the name.
const MEDIAN_ROWS_MIN: usize = 30;

/// Checks funding rates and finds the settlement that each belongs to.
///
/// The raw time is kept. The settlement is the full hour within 15 s (Hyperliquid: the hour that
/// began up to 15 minutes before, which is flagged); other stamps are flagged and stay where they
/// are. Without a recorded interval it is derived from the spacing.
pub(super) fn build(mut raw: Raw, venue: &str, policies: &Policies) -> Result<Checked, RowProblem> {
    if raw.n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let mut findings = Findings::new(policies);
    let mut kept = Kept::all(raw.n_rows);
    let times = raw.take_times()?;
    let mut rates = raw.need_numbers("rate")?;
    check("rate", &rates, "is not a number", f64::is_finite)?;
    let hours = raw.take_numbers("interval_hours");
    let minutes = raw.take_numbers("interval_minutes");
    let recorded = minutes.or(hours.map(|h| h.iter().map(|hours| hours * 60.0).collect()));
    let marks = raw.take_numbers("mark_price").unwrap_or_else(|| vec![f64::NAN; times.len()]);
    check("interval_minutes", recorded.as_deref().unwrap_or_default(), RULE, is_interval)?;
    check_unit(&mut rates, &times, recorded.as_deref(), &mut findings)?;
    let mark = Column {
        name: "mark_price",
        values: &marks,
        rule: "is not a positive number",
        holds: |mark| mark.is_nan() || mark.is_finite() && mark >= 0.0,
    };
    mends_columns(Rule::PriceNotPositive, &[mark], &mut kept, &times, &mut findings);
    let is_recorded = recorded.is_some();
    let minutes: Vec<i32> = match recorded {
        Some(minutes) => minutes.iter().map(|&minutes| minutes as i32).collect(),
        None => vec![0; times.len()],
    };
    // Exchanges write 0 or nothing where they have no mark price.
    let marks = marks.iter().map(|&mark| (mark > 0.0).then_some(mark)).collect();
    let columns = vec![
        TableColumn::Time(times.clone()),
        TableColumn::Time(times),
        TableColumn::F64(rates),
        TableColumn::I32(minutes),
        TableColumn::F64OrNull(marks),
    ];
    let file_rows = kept.rows();
    let table = file_rows.apply(Table::new(Kind::Funding, columns));
    let ordered = order(table, file_rows, &mut findings);
    findings.check()?;
    let mut checked = settle(&ordered.table, &ordered.file_rows, venue, is_recorded, &mut findings);
    checked.duplicates += ordered.duplicates;
    findings.finish(&mut checked)?;
    Ok(checked)
}

/// Fills in settlement times, and intervals where none are recorded, of sorted rows.
fn settle(
    table: &Table,
    file_rows: &FileRows,
    venue: &str,
    is_recorded: bool,
    findings: &mut Findings,
) -> Checked {
    let times = table.times();
    let rates = table.f64("rate");
    let mut settlements: Vec<i64> = Vec::with_capacity(table.len());
    let mut keep: Vec<usize> = Vec::with_capacity(table.len());
    let mut found = Stamps::default();
    for (row, &time) in times.iter().enumerate() {
        let settlement = match (settlement_of(time, venue), settlements.last(), keep.last()) {
            // A second row of one settlement: the same again, or one that has to stand alone.
            (Some(settlement), Some(&last), Some(&before)) if settlement <= last => {
                if rates[row].total_cmp(&rates[before]).is_eq() {
                    found.repeated.push(row);
                    continue;
                }
                if (time - settlement).abs() <= JITTER_MS {
                    found.different.push((row, before));
                    continue;
                }
                None
            }
            (settlement, ..) => settlement,
        };
        match settlement {
            None => found.adrift.push(row),
            Some(settlement) if time - settlement > JITTER_MS => found.late.push(row),
            Some(_) => {}
        }
        settlements.push(settlement.unwrap_or(time));
        keep.push(row);
    }
    found.apply(table, file_rows, venue, findings);
    let duplicates = found.repeated.len() + found.different.len();
    let table = table.gather(&keep);
    let mut columns = table.columns().to_vec();
    if !is_recorded {
        columns[3] = TableColumn::I32(intervals(&settlements));
    }
    columns[1] = TableColumn::Time(settlements);
    let mut checked = Checked::new(Table::new(Kind::Funding, columns));
    checked.file_rows = file_rows.gather(&keep);
    checked.duplicates = duplicates;
    if !is_recorded {
        checked.derived.push("interval_minutes".to_owned());
    }
    checked
}

/// Rows whose stamp says something, by their place in the sorted table.
#[derive(Default)]
struct Stamps {
    repeated: Vec<usize>,
    /// Each with the row that is kept.
    different: Vec<(usize, usize)>,
    late: Vec<usize>,
    adrift: Vec<usize>,
}

impl Stamps {
    fn apply(&self, table: &Table, file_rows: &FileRows, venue: &str, findings: &mut Findings) {
        let times = table.times();
        let settlement =
            |row: usize| Timestamp(settlement_of(times[row], venue).unwrap_or(times[row]));
        let mut apply = |rule: Rule, rows: &[usize], what: &dyn Fn(usize) -> Problem| {
            let Some(&row) = rows.first() else { return };
            let case =
                Case { count: rows.len(), row: Some(file_rows.of(row)), time: Some(times[row]) };
            findings.mends_case(rule, case, || what(row));
        };
        let broken = |rule, what| Problem::Broken { rule, what };
        apply(Rule::RepeatedRow, &self.repeated, &|row| {
            let what = format!("the settlement of {} stands there a second time", settlement(row));
            broken(Rule::RepeatedRow, what)
        });
        let different: Vec<usize> = self.different.iter().map(|&(row, _)| row).collect();
        apply(Rule::RepeatedRowDiffers, &different, &|row| {
            let before =
                self.different.iter().find(|pair| pair.0 == row).map_or(row, |pair| pair.1);
            let rates = table.f64("rate");
            Problem::Repeated {
                time: settlement(row),
                column: "rate",
                first: rates[before].to_string(),
                second: rates[row].to_string(),
            }
        });
        apply(Rule::LateSettlement, &self.late, &|row| {
            let (time, settlement) = (Timestamp(times[row]), settlement(row));
            let seconds = (time.0 - settlement.0) / 1000;
            let what = format!("{time} is {seconds} s behind the settlement of {settlement}");
            broken(Rule::LateSettlement, what)
        });
        apply(Rule::OffSettlement, &self.adrift, &|row| {
            let what =
                format!("{} is not near a full hour, when rates settle", Timestamp(times[row]));
            broken(Rule::OffSettlement, what)
        });
        if self.adrift.len() * 2 > table.len() {
            let n_rows = table.len();
            apply(Rule::FundingEstimates, &self.adrift, &|_| {
                let what = format!(
                    "{} of {n_rows} rates are not stamped near a full hour, when rates settle: these look like estimates",
                    self.adrift.len()
                );
                broken(Rule::FundingEstimates, what)
            });
        }
    }
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

/// Interval of every settlement in minutes, from the distance to the one before.
///
/// A distance is an interval if it is one that venues use (1, 2, 4, 8 hours) or the file's most
/// frequent one; a longer distance than before only if the next one is as long. Any other is a
/// gap, and the interval goes on.
fn intervals(settlements: &[i64]) -> Vec<i32> {
    const DEFAULT_HOURS: i64 = 8;
    let hours = |from: i64, to: i64| (to - from + HOUR_MS / 2) / HOUR_MS;
    let rounded: Vec<i64> =
        settlements.iter().map(|&time| (time + HOUR_MS / 2) / HOUR_MS).collect();
    let usual = usual_spacing(&rounded).filter(|usual| (1..=24).contains(usual));
    // By settlement but the first: hours since the one before, where that is an interval.
    let distances: Vec<Option<i64>> = settlements
        .windows(2)
        .map(|pair| hours(pair[0], pair[1]))
        .map(|hours| ([1, 2, 4, 8].contains(&hours) || Some(hours) == usual).then_some(hours))
        .collect();
    let first = distances.iter().flatten().next().copied().or(usual).unwrap_or(DEFAULT_HOURS);
    let mut found = Vec::with_capacity(settlements.len());
    let mut interval = first;
    for row in 0..settlements.len() {
        let before = row.checked_sub(1).and_then(|before| distances[before]);
        let after = distances.get(row).copied().flatten();
        if let Some(before) = before.filter(|&hours| hours <= interval || after == Some(hours)) {
            interval = before;
        }
        found.push((interval * 60) as i32);
    }
    found
}

/// Applies the rule that rates are fractions to the file as a whole: one unit for all rows.
fn check_unit(
    rates: &mut [f64],
    times: &[i64],
    minutes: Option<&[f64]>,
    findings: &mut Findings,
) -> Result<(), RowProblem> {
    let n_rows = rates.len();
    let is_too_high = |rate: f64| rate.abs() > RATE_MAX;
    let Some(row) = rates.iter().position(|&rate| is_too_high(rate)) else {
        check_median(rates, times, minutes, findings);
        return Ok(());
    };
    let too_high = rates.iter().filter(|&&rate| is_too_high(rate)).count();
    let problem = |rate: f64, count: usize| {
        let percent = (rate * 100.0 * 1e6).round() / 1e6;
        Problem::PercentRates { rate, percent, count, rows: n_rows }
    };
    let mends = findings.policy(Rule::PercentRate) == Policy::Repair;
    // All rates are in one unit, so all are mended.
    let count = if mends { n_rows } else { too_high };
    let case = Case { count, row: Some(row), time: Some(times[row]) };
    let rate = rates[row];
    if findings.mends_case(Rule::PercentRate, case, || problem(rate, too_high)) {
        for rate in rates.iter_mut() {
            *rate /= 100.0;
        }
        // Above 500 %: no percentages either.
        if let Some(row) = rates.iter().position(|&rate| is_too_high(rate)) {
            return Err(RowProblem::at(row, problem(rates[row] * 100.0, too_high)));
        }
    }
    Ok(())
}

/// The same by the median, for months in which no rate is beyond what a fraction can be.
fn check_median(
    rates: &mut [f64],
    times: &[i64],
    minutes: Option<&[f64]>,
    findings: &mut Findings,
) {
    const EIGHT_HOURS: f64 = 480.0;
    if rates.len() < MEDIAN_ROWS_MIN {
        return;
    }
    let mut hours: Vec<i64> = times.iter().map(|time| (time + HOUR_MS / 2) / HOUR_MS).collect();
    hours.sort_unstable();
    let usual = usual_spacing(&hours).unwrap_or(8).clamp(1, 8) as f64 * 60.0;
    let minutes_of = |row: usize| minutes.map_or(usual, |minutes| minutes[row]);
    let by_size = |row: usize| rates[row] * EIGHT_HOURS / minutes_of(row);
    let mut rows: Vec<usize> = (0..rates.len()).collect();
    rows.sort_by(|&a, &b| by_size(a).total_cmp(&by_size(b)));
    let median = by_size(rows[rows.len() / 2]);
    if median.abs() <= MEDIAN_MAX {
        return;
    }
    let case = Case { count: rates.len(), row: None, time: times.first().copied() };
    let n_rows = rates.len();
    let percent = (median * 100.0 * 1e4).round() / 1e4;
    let mends = findings.mends_case(Rule::PercentRate, case, || Problem::Broken {
        rule: Rule::PercentRate,
        what: format!(
            "the median of {n_rows} rates is {percent} % of the notional per 8 hours, and that of no market's fractions is above 0.2 %: these look like percentages"
        ),
    });
    if mends {
        for rate in rates.iter_mut() {
            *rate /= 100.0;
        }
    }
}

const RULE: &str = "is not a whole number of minutes up to a day";

fn is_interval(minutes: f64) -> bool {
    (1.0..=1440.0).contains(&minutes) && minutes.fract().abs() <= 0.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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

    /// A month of one venue's, as fractions and as percentages none of which is above 5 %.
    #[test]
    fn percentages_are_told_by_their_median() {
        let times: Vec<i64> = (0..90).map(|row| row * 8 * HOUR_MS).collect();
        for (rate, hours, rows, holds) in [
            (0.0001, 8, 90, true),
            (0.0019, 8, 90, true),
            (-0.0021, 8, 90, false),
            (0.01, 8, 90, false),
            (0.01, 8, 29, true),
            (0.00026, 1, 90, false),
            (0.00024, 1, 90, true),
        ] {
            let times: Vec<i64> = times[..rows].iter().map(|time| time * hours / 8).collect();
            for recorded in [None, Some(vec![hours as f64 * 60.0; rows])] {
                let mut rates = vec![rate; rows];
                // One settlement was missed.
                rates[0] = 0.03;
                let mut policies = Policies::default();
                let mut findings = Findings::new(&policies);
                check_unit(&mut rates, &times, recorded.as_deref(), &mut findings).unwrap();
                assert_eq!(findings.check().is_ok(), holds, "{rate} every {hours} h");
                policies.set(Rule::PercentRate, Policy::Repair).unwrap();
                let mut findings = Findings::new(&policies);
                check_unit(&mut rates, &times, recorded.as_deref(), &mut findings).unwrap();
                let expected = if holds { rate } else { rate / 100.0 };
                assert!((rates[1] - expected).abs() < 1e-12, "{rate} every {hours} h");
            }
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
            (&[0, 16, 24, 32], &[8, 8, 8, 8]),
            (&[0, 24, 32, 40], &[8, 8, 8, 8]),
            (&[0, 4, 8, 24, 32, 40], &[4, 4, 4, 4, 8, 8]),
            (&[0, 1, 2, 4, 5, 6], &[1, 1, 1, 1, 1, 1]),
            (&[0, 8, 9, 10, 11], &[8, 8, 1, 1, 1]),
            (&[0, 6, 12, 18, 30, 36], &[6, 6, 6, 6, 6, 6]),
            (&[0, 72], &[8, 8]),
            (&[0], &[8]),
        ] {
            let settlements: Vec<i64> = hours.iter().map(|hour| hour * HOUR_MS).collect();
            let expected: Vec<i32> = expected.iter().map(|hours| hours * 60).collect();
            assert_eq!(intervals(&settlements), expected, "{hours:?}");
        }
    }
}
