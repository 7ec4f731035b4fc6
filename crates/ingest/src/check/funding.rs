//! Funding: rates that are out of the ordinary, and candles at which none is known.

use plimsoll_market::lake::{funding_coverage, key_times};
use plimsoll_market::{Interval, Kind, Lake, MarketError, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use super::files::month_rows;
use crate::policy::Rule;

/// A rate above this fraction of the notional per interval is pointed out.
const EXTREME_FRACTION: f64 = 0.01;

/// Rates of one series whose months are walked in order.
#[derive(Default)]
pub(super) struct Rates {
    extreme: Cases,
    broken: Cases,
}

impl Rates {
    pub(super) fn month(&mut self, table: &Table) {
        let rates = table.f64("rate");
        for (&time, &rate) in key_times(table).iter().zip(rates) {
            let example = || format!("{}: {rate}", Timestamp(time));
            if !rate.is_finite() {
                self.broken.add(time, 1, example);
            } else if rate.abs() > EXTREME_FRACTION {
                self.extreme.add(time, 1, example);
            }
        }
    }

    pub(super) fn finish(self, report: &mut Report<'_>) {
        report.add(Rule::BrokenBar, self.broken, "rates that are no numbers");
        let message = "funding above 1 % of the notional per interval";
        report.add(Rule::ExtremeFunding, self.extreme, message);
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

/// Reports the candles of a derivative at which funding is unknown.
pub(super) fn missing(
    lake: &Lake,
    series: &Series,
    report: &mut Report<'_>,
) -> Result<(), MarketError> {
    let funding = Series { kind: Kind::Funding, interval: None, ..series.clone() };
    let known = funding_coverage(&read_all(lake, &funding)?);
    let interval = series.interval.map_or(0, Interval::ms);
    let mut cases = Cases::default();
    for (month, _) in lake.months(series)? {
        let Some(candles) = month_rows(lake, series, month)? else { continue };
        for &open in candles.times() {
            // A settlement at the very start of what is known is known too, so a bar may reach
            // up to it.
            let after = known.partition_point(|&(from, _)| from.0 < open + interval);
            if after == 0 || known[after - 1].1.0 <= open {
                cases.add(open, interval, || Timestamp(open).to_string());
            }
        }
    }
    report.add(Rule::FundingMissing, cases, "candles at which funding is unknown");
    Ok(())
}
