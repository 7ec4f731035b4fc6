//! One venue's funding against that of the others on the same coin.
//!
//! Arbitrage keeps the venues' rates of one coin within a few times each other, taken over weeks.
//! Rates written in percent stand out by a factor of one hundred.

use std::collections::BTreeMap;

use plimsoll_market::lake::key_times;
use plimsoll_market::{Column, Kind, Lake, MarketError, Series, Table, Timestamp};
use rayon::prelude::*;

use super::cases::{Cases, median};
use super::funding::read_all;
use crate::coins::coin;

/// Rates more than so many times those of the other venues are of another unit.
const UNIT_FACTOR: f64 = 20.0;

/// Hours that two venues must have in common for a comparison.
const LEAST_HOURS: usize = 48;

const HOUR_MS: i64 = 3_600_000;

/// What was found about the unit of each series, in the order of the series.
type Found = Vec<Option<(Cases, String)>>;

/// Funding a hour, size only, by the hour's number.
type Hourly = BTreeMap<i64, f64>;

/// Compares the funding of every coin between venues.
pub(super) fn funding_units(lake: &Lake, all: &[Series]) -> Result<Found, MarketError> {
    let mut found: Found = all.iter().map(|_| None).collect();
    let mut coins: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, series) in all.iter().enumerate() {
        if series.kind == Kind::Funding
            && let Some(coin) = coin(&series.symbol)
        {
            coins.entry(coin).or_default().push(at);
        }
    }
    for (coin, members) in coins.iter().filter(|(_, members)| members.len() > 1) {
        let rates: Result<Vec<(Table, Hourly)>, MarketError> = members
            .par_iter()
            .map(|&at| read_all(lake, &all[at]).map(|table| (hourly(&table), table)))
            .map(|read| read.map(|(hourly, table)| (table, hourly)))
            .collect();
        let rates = rates?;
        for (one, &at) in members.iter().enumerate() {
            let others = (0..members.len()).filter(|&other| other != one);
            let mut ratios: Vec<f64> =
                others.filter_map(|other| ratio(&rates[one].1, &rates[other].1)).collect();
            let n_others = ratios.len();
            if let Some(ratio) = median(&mut ratios).filter(|&ratio| ratio > UNIT_FACTOR) {
                let message = format!(
                    "rates are {ratio:.0} times those of {n_others} other venue(s) for {coin} at the same hours: percent where fractions are expected?"
                );
                found[at] = Some((cases(&rates[one].0), message));
            }
        }
    }
    Ok(found)
}

/// Every settlement is a case; the first that is not zero is the example.
fn cases(table: &Table) -> Cases {
    let mut cases = Cases::default();
    let (times, rates) = (key_times(table), table.f64("rate"));
    let shown = rates.iter().position(|rate| rate.abs() > 0.0).unwrap_or_default();
    if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
        cases.add_span(first, last + 1, times.len(), || {
            format!("{}: {}", Timestamp(times[shown]), rates[shown])
        });
        cases.last = Some(last);
    }
    cases
}

/// Spreads each rate over the hours that it was paid for, as a size per hour.
fn hourly(table: &Table) -> Hourly {
    let Some(Column::I32(minutes)) = table.column("interval_minutes") else {
        return Hourly::new();
    };
    let mut hours = Hourly::new();
    for ((&time, &rate), &minutes) in key_times(table).iter().zip(table.f64("rate")).zip(minutes) {
        let n_hours = i64::from(minutes / 60).max(1);
        let last = time.div_euclid(HOUR_MS);
        for hour in last - n_hours + 1..=last {
            hours.insert(hour, rate.abs() / n_hours as f64);
        }
    }
    hours
}

/// The ratio of two venues' median rates over the hours that both know, if they are enough.
fn ratio(one: &Hourly, other: &Hourly) -> Option<f64> {
    let common: Vec<(f64, f64)> =
        one.iter().filter_map(|(hour, &a)| other.get(hour).map(|&b| (a, b))).collect();
    if common.len() < LEAST_HOURS {
        return None;
    }
    let (mut ones, mut others): (Vec<f64>, Vec<f64>) = common.into_iter().unzip();
    let (one, other) = (median(&mut ones)?, median(&mut others)?);
    (other > 0.0).then(|| one / other)
}
