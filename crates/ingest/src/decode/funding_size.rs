//! Funding rates held against those of the same coin at the other venues of a file.
//!
//! Rates of one coin differ between venues by some times, never by a hundred: the hourly median of
//! one venue's that is about a hundred times the others' is a percentage among fractions.

use std::collections::BTreeMap;

use plimsoll_market::lake::Note;

use super::rows::usual_spacing;
use super::{Checked, note};
use crate::csv::Values;
use crate::error::Problem;
use crate::policy::{Policies, Policy, Rule};
use crate::raw::Raw;

/// A file's rows by venue and symbol, as [`Raw::split`] gives them.
type Groups = [(Option<String>, Option<String>, Raw)];

/// About a hundred times: within this factor of it.
const RATIO: std::ops::RangeInclusive<f64> = 25.0..=400.0;

/// Fewer other venues, or rates of them, are no evidence.
const VENUES_MIN: usize = 2;
const RATES_MIN: usize = 24;

const HOUR_MS: f64 = 3_600_000.0;

/// Why the rates of a series are taken for percentages.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    coin: String,
    others: String,
    ratio: f64,
    median_bps: f64,
    others_bps: f64,
}

impl Evidence {
    pub(super) fn to_problem(&self) -> Problem {
        Problem::PercentBesideOthers {
            coin: self.coin.clone(),
            others: self.others.clone(),
            ratio: self.ratio,
            median_bps: self.median_bps,
            others_bps: self.others_bps,
        }
    }
}

/// What is to be recorded of a series that goes in.
#[derive(Clone, Debug)]
pub(super) enum Size {
    Flagged(Note),
    Repaired(Note),
}

/// The series whose rates look like percentages beside the others, by index: refused with the
/// evidence, or with what is to be recorded. Where the policy is to repair, the rates are divided
/// by 100 here.
pub(super) fn suspects(
    groups: &mut Groups,
    policies: &Policies,
) -> BTreeMap<usize, Result<Size, Evidence>> {
    let medians: Vec<Option<f64>> = groups.iter().map(|(_, _, raw)| hourly_median(raw)).collect();
    let mut found = BTreeMap::new();
    for index in 0..groups.len() {
        let Some(evidence) = evidence(groups, &medians, index) else { continue };
        let policy = policies.of(Rule::PercentRate);
        if policy == Policy::Refuse {
            found.insert(index, Err(evidence));
            continue;
        }
        let raw = &mut groups[index].2;
        let first = match raw.columns.get("time") {
            Some(Values::Times(times)) => times.iter().copied().min().unwrap_or_default(),
            _ => 0,
        };
        let about = Rule::PercentRate.about();
        let mut note = note(about.name, raw.n_rows, first, about.what);
        note.example = evidence.to_problem().to_string();
        if policy == Policy::Repair {
            if let Some(Values::Numbers(rates)) = raw.columns.get_mut("rate") {
                rates.iter_mut().for_each(|rate| *rate /= 100.0);
            }
            note.message = format!("{}; {}", about.what, about.repair);
            found.insert(index, Ok(Size::Repaired(note)));
        } else {
            found.insert(index, Ok(Size::Flagged(note)));
        }
    }
    found
}

/// Enters the finding in what goes to the receipt.
pub(super) fn record(checked: &mut Checked, size: Option<&Size>) {
    match size {
        Some(Size::Flagged(note)) => checked.flags.push(note.clone()),
        Some(Size::Repaired(note)) => checked.repairs.push(note.clone()),
        None => {}
    }
}

fn evidence(groups: &Groups, medians: &[Option<f64>], index: usize) -> Option<Evidence> {
    let (venue, coin, _) = &groups[index];
    let median = medians[index]?;
    let mut others: Vec<(f64, &str)> = Vec::new();
    for (other, (other_venue, other_coin, _)) in groups.iter().enumerate() {
        if other != index
            && other_coin == coin
            && other_venue != venue
            && let (Some(median), Some(name)) = (medians[other], other_venue)
        {
            others.push((median, name));
        }
    }
    if others.len() < VENUES_MIN {
        return None;
    }
    let mut names: Vec<&str> = others.iter().map(|&(_, name)| name).collect();
    names.sort_unstable();
    let others_median = median_of(others.iter().map(|&(median, _)| median).collect());
    let ratio = median / others_median;
    RATIO.contains(&ratio).then(|| Evidence {
        coin: coin.clone().unwrap_or_default(),
        others: names.join(", "),
        ratio,
        median_bps: median * 1e4,
        others_bps: others_median * 1e4,
    })
}

/// The median of the absolute rate an hour, of rates enough.
fn hourly_median(raw: &Raw) -> Option<f64> {
    let (Some(Values::Times(times)), Some(Values::Numbers(rates))) =
        (raw.columns.get("time"), raw.columns.get("rate"))
    else {
        return None;
    };
    let mut times = times.clone();
    times.sort_unstable();
    // Stamps jitter by milliseconds.
    times.iter_mut().for_each(|time| *time = (*time + 30_000).div_euclid(60_000) * 60_000);
    let hours = usual_spacing(&times)? as f64 / HOUR_MS;
    let enough = rates.len() >= RATES_MIN && rates.iter().all(|rate| rate.is_finite());
    let median = median_of(rates.iter().map(|rate| rate.abs()).collect()) / hours;
    (enough && median > 0.0).then_some(median)
}

/// The median of some numbers; not of none.
fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}
