//! When the next settlement is: the interval that a capped rate makes shorter, and the intervals
//! that recorded settlements show.
//!
//! Since 2025 a settlement at the cap or floor makes the next interval one hour, and a run of
//! small rates makes it longer again. The dates and figures are columns of `tables/funding.csv`.
//! (Binance notices of 2025-05-02, 2025-09-01 and 2026-01-02; Bybit press release of 2025-10-29.)
//! For what-if: recorded settlements have had their own spacing, see [`observed_intervals`].
//!
//! Chosen here, because no page says it: only an interval that a capped rate made shorter grows
//! again, and to the interval that the rule names even where it was longer before; the run of
//! small rates begins after the last one at a bound, or with the first that is not small, and
//! goes on when a new rule comes into force; after a change the next settlement is the next full
//! interval of the UTC day. Bybit's way back depends on "market conditions": under its rule the
//! interval stays at one hour.

use plimsoll_market::{DAY_MS, Timestamp};

use crate::error::{VenueError, check_finite};
use crate::funding::{FundingRule, RateCap, check_interval};
use crate::rules::VenueRules;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// When a venue changes the interval of an instrument by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalSwitch {
    /// The interval after a settlement at the cap or floor.
    pub interval_minutes: u32,
    /// The way back to a longer one; `None` where no source gives it.
    pub revert: Option<IntervalRevert>,
    /// Symbols that are left out.
    pub except: Vec<String>,
}

/// When an interval that was made shorter becomes longer again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalRevert {
    /// So many settlements in a row.
    pub cycles: u32,
    /// Each with a rate of at most this, up or down, a fraction.
    pub rate_max_fraction: f64,
    /// The interval afterwards.
    pub interval_minutes: u32,
}

/// Where an instrument's interval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingSchedule {
    /// Minutes from the last settlement to the next.
    pub interval_minutes: u32,
    /// Whether a capped rate has made the interval shorter.
    pub is_switched: bool,
    /// Settlements in a row with a small rate since then.
    pub calm_cycles: u32,
}

impl FundingSchedule {
    /// An instrument at its usual interval.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for an interval of 0.
    pub fn new(interval_minutes: u32) -> Result<Self, VenueError> {
        check_interval(interval_minutes)?;
        Ok(Self { interval_minutes, is_switched: false, calm_cycles: 0 })
    }

    /// The schedule after a settlement at `rate`, of an instrument bound by `cap`; without a
    /// switch it stays as it is.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a rate that is not finite.
    pub fn next_interval(
        self,
        switch: Option<&IntervalSwitch>,
        rate: f64,
        cap: RateCap,
    ) -> Result<Self, VenueError> {
        check_finite("rate", rate)?;
        let Some(switch) = switch else { return Ok(self) };
        if cap.is_reached(rate) {
            let is_shorter = switch.interval_minutes < self.interval_minutes;
            return Ok(Self {
                interval_minutes: self.interval_minutes.min(switch.interval_minutes),
                is_switched: self.is_switched || is_shorter,
                calm_cycles: 0,
            });
        }
        let Some(revert) = switch.revert.filter(|_| self.is_switched) else { return Ok(self) };
        if rate.abs() > revert.rate_max_fraction {
            return Ok(Self { calm_cycles: 0, ..self });
        }
        let calm_cycles = self.calm_cycles + 1;
        if calm_cycles < revert.cycles {
            return Ok(Self { calm_cycles, ..self });
        }
        Self::new(revert.interval_minutes)
    }

    /// The same by the rule that is in force at the settlement.
    ///
    /// # Errors
    /// [`VenueError::BeforeTable`] for a time before the venue's rules; otherwise as
    /// [`FundingSchedule::next_interval`].
    pub fn after_settlement(
        self,
        rules: &VenueRules,
        symbol: &str,
        settlement: Timestamp,
        rate: f64,
        cap: RateCap,
    ) -> Result<Self, VenueError> {
        let switch = rules.funding_rule(settlement)?.interval_switch_of(symbol);
        self.next_interval(switch, rate, cap)
    }

    /// The next settlement after an instant: the next multiple of the interval from midnight UTC.
    pub fn next_settlement(self, after: Timestamp) -> Timestamp {
        let midnight = after.day() * DAY_MS;
        let interval = i64::from(self.interval_minutes) * MINUTE_MS;
        let passed = (after.0 - midnight) / interval;
        // Intervals that do not divide a day begin anew at midnight.
        let next = (passed + 1).saturating_mul(interval).min(DAY_MS);
        Timestamp(midnight.saturating_add(next))
    }
}

impl FundingRule {
    /// The rule by which the symbol's interval changes, if it does.
    pub fn interval_switch_of(&self, symbol: &str) -> Option<&IntervalSwitch> {
        self.interval_switch.as_ref().filter(|switch| !switch.except.iter().any(|s| s == symbol))
    }
}

/// The interval that a recorded settlement belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedInterval {
    /// Minutes, whole hours.
    pub interval_minutes: u32,
    /// Whether settlements seem to be missing just before this one.
    pub is_after_gap: bool,
}

/// Intervals from the spacing of recorded settlements, to the nearest hour. A longer spacing is a
/// new interval only if the next one is as long; otherwise something is missing. The first
/// settlement has the interval of the second.
///
/// An interval that grows begins with a spacing that only leads to its grid: after 03:00, 04:00 and
/// 05:00 the next settlement of every four hours is at 08:00, and its rate is one of four hours,
/// not of the three passed. So a longer spacing that ends on the grid, from midnight UTC, of the two
/// that follow, both longer and alike, has their interval, as
/// [`FundingSchedule::next_settlement`] spaces them. Where it ends there after no more than the
/// interval before (07:00, then 08:00 and 12:00), nothing tells, and it keeps that interval.
///
/// # Errors
/// [`VenueError::BadInput`] for fewer than two settlements, [`VenueError::BadElement`] where one
/// is less than half an hour after the one before.
pub fn observed_intervals(settlements: &[Timestamp]) -> Result<Vec<ObservedInterval>, VenueError> {
    let n = settlements.len();
    if n < 2 {
        return Err(VenueError::BadInput {
            name: "settlements",
            value: n as f64,
            rule: "2 or more: a spacing needs two",
        });
    }
    let mut spacings = Vec::with_capacity(n - 1);
    for (before, pair) in settlements.windows(2).enumerate() {
        let distance = pair[1].0.saturating_sub(pair[0].0);
        let hours = distance.saturating_add(HOUR_MS / 2) / HOUR_MS;
        if distance < HOUR_MS / 2 {
            return Err(VenueError::BadElement {
                list: "settlements",
                index: before + 1,
                name: "milliseconds since the one before",
                value: distance as f64,
                rule: "at least half an hour",
            });
        }
        spacings.push(u32::try_from(hours.saturating_mul(60)).unwrap_or(u32::MAX));
    }
    let first = ObservedInterval { interval_minutes: spacings[0], is_after_gap: false };
    let mut found = vec![first];
    let mut previous = spacings[0];
    for (idx, &spacing) in spacings.iter().enumerate() {
        if spacing > previous
            && let Some(longer) = longer_interval(&spacings[idx..], settlements[idx + 1])
        {
            previous = longer;
            found.push(ObservedInterval { interval_minutes: longer, is_after_gap: false });
            continue;
        }
        let is_after_gap = spacing > previous && spacings.get(idx + 1) != Some(&spacing);
        if !is_after_gap {
            previous = spacing;
        }
        found.push(ObservedInterval { interval_minutes: previous, is_after_gap });
    }
    Ok(found)
}

/// The interval whose grid a first, shorter spacing leads to, if the two after it are alike and
/// the settlement lies on their grid.
fn longer_interval(spacings: &[u32], settlement: Timestamp) -> Option<u32> {
    let &[first, second, third, ..] = spacings else { return None };
    let interval = i64::from(second) * MINUTE_MS;
    let since_midnight = settlement.0 - settlement.day() * DAY_MS;
    let hours = (since_midnight + HOUR_MS / 2) / HOUR_MS;
    let is_on_grid = (hours * HOUR_MS) % interval == 0;
    (second > first && third == second && is_on_grid).then_some(second)
}
