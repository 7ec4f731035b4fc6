//! Funding: rates that are out of the ordinary, and candles at which none is known.

use plimsoll_market::lake::{funding_coverage, key_times};
use plimsoll_market::{Column, Interval, Kind, Lake, MarketError, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use super::files::month_rows;
use crate::policy::Rule;

/// A rate above this fraction of the notional per interval is pointed out.
const EXTREME_FRACTION: f64 = 0.01;

/// A stamp further from its settlement than this is pointed out; a few seconds are usual.
const LATE_MS: i64 = 60_000;

/// Rates of one series whose months are walked in order.
#[derive(Default)]
pub(super) struct Rates {
    extreme: Cases,
    broken: Cases,
    late: Cases,
}

impl Rates {
    pub(super) fn month(&mut self, table: &Table) {
        let rates = table.f64("rate");
        let Some(Column::I32(minutes)) = table.column("interval_minutes") else { return };
        let rows = key_times(table).iter().zip(table.times()).zip(rates).zip(minutes);
        for (((&time, &stamp), &rate), &minutes) in rows {
            let length = i64::from(minutes.max(1)) * 60_000;
            if (stamp - time).abs() >= LATE_MS {
                self.late.add(time, length, || {
                    format!("{} for the settlement of {}", Timestamp(stamp), Timestamp(time))
                });
            }
            let example = || format!("{}: {rate}", Timestamp(time));
            if minutes <= 0 {
                self.broken.add(time, 1, || format!("{}: {minutes} minutes", Timestamp(time)));
            } else if !rate.is_finite() {
                self.broken.add(time, 1, example);
            } else if rate.abs() > EXTREME_FRACTION {
                self.extreme.add(time, length, example);
            }
        }
    }

    pub(super) fn finish(self, report: &mut Report<'_>) {
        report.add(
            Rule::BrokenBar,
            self.broken,
            "rates that are no numbers, or intervals that are no time",
        );
        let message = "funding above 1 % of the notional per interval";
        report.add(Rule::ExtremeFunding, self.extreme, message);
        let message = "settlements stamped a minute or more away; they count at their own hour";
        report.add(Rule::LateSettlement, self.late, message);
    }
}

/// All funding of a series that can be read.
pub(super) fn read_all(lake: &Lake, series: &Series) -> Result<Table, MarketError> {
    let mut table = Table::empty(Kind::Funding);
    for (month, _) in lake.months(series)? {
        if let Some(rows) = month_rows(lake, series, month)? {
            table.append(rows);
        }
    }
    Ok(table)
}

/// Candles of a derivative at which funding is unknown.
pub(super) struct Unfunded {
    known: Vec<(Timestamp, Timestamp)>,
    interval: i64,
    cases: Cases,
}

impl Unfunded {
    pub(super) fn new(lake: &Lake, series: &Series) -> Result<Self, MarketError> {
        let funding = Series { kind: Kind::Funding, interval: None, ..series.clone() };
        Ok(Self {
            known: funding_coverage(&read_all(lake, &funding)?),
            interval: series.interval.map_or(0, Interval::ms),
            cases: Cases::default(),
        })
    }

    pub(super) fn month(&mut self, candles: &Table) {
        for &open in candles.times() {
            let after = self.known.partition_point(|&(from, _)| from.0 < open + self.interval);
            if after == 0 || self.known[after - 1].1.0 <= open {
                self.cases.add(open, self.interval, || Timestamp(open).to_string());
            }
        }
    }

    pub(super) fn finish(self, report: &mut Report<'_>) {
        report.add(Rule::FundingMissing, self.cases, "candles at which funding is unknown");
    }
}
