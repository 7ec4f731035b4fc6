//! The funding rate, by Binance's published rule, from premiums sampled once a step.

use super::config::SimulatedSymbol;
use super::grid::Grid;
use crate::market::FundingEvent;
use crate::time::Timestamp;

/// Interest of eight hours, the rate that a calm market pays.
const INTEREST_8H: f64 = 0.0001;

/// How far interest may pull the average premium back, per eight hours.
const INTEREST_CLAMP: f64 = 0.0005;

const HOUR_MS: i64 = 3_600_000;

/// Premium of the perpetual over its index as a fraction of the index: the impact bid where it
/// stands above the index, the impact ask where it stands below, else 0.
pub(crate) fn premium_index(last: f64, index: f64, half_spread_bps: f64) -> f64 {
    let impact_bid = last * (1.0 - half_spread_bps * 1e-4);
    let impact_ask = last * (1.0 + half_spread_bps * 1e-4);
    ((impact_bid - index).max(0.0) - (index - impact_ask).max(0.0)) / index
}

/// Rate of one interval from the average premium: interest pulls it back within a clamp, the
/// eight-hour rate is divided by `8 / interval_hours`, and the venue's cap bounds it.
pub(crate) fn funding_rate(average_premium: f64, interval_hours: i32, cap: f64) -> f64 {
    let pull = (INTEREST_8H - average_premium).clamp(-INTEREST_CLAMP, INTEREST_CLAMP);
    let rate = (average_premium + pull) * f64::from(interval_hours) / 8.0;
    Grid::from_decimals(8).snap(rate.clamp(-cap, cap))
}

/// Averages the premium of an interval and settles at its end.
#[derive(Clone, Debug)]
pub(crate) struct FundingClock {
    interval_hours: i32,
    cap: f64,
    next_settlement: Timestamp,
    last_rate: f64,
    n_samples: f64,
    weighted_sum: f64,
    weights: f64,
}

impl FundingClock {
    /// A clock and, where the simulation starts on a settlement, that settlement: it has no
    /// premiums before it and carries the interest alone.
    pub(crate) fn new(
        symbol: &SimulatedSymbol,
        start: Timestamp,
        mark_price: f64,
    ) -> (Self, Option<FundingEvent>) {
        let hours = symbol.funding_interval_hours;
        let interval_ms = i64::from(hours) * HOUR_MS;
        let last_rate = funding_rate(0.0, hours, symbol.funding_rate_cap);
        let clock = Self {
            interval_hours: hours,
            cap: symbol.funding_rate_cap,
            next_settlement: Timestamp((start.0.div_euclid(interval_ms) + 1) * interval_ms),
            last_rate,
            n_samples: 0.0,
            weighted_sum: 0.0,
            weights: 0.0,
        };
        let first = (start.0.rem_euclid(interval_ms) == 0)
            .then(|| clock.settle(start, last_rate, mark_price));
        (clock, first)
    }

    /// What holding to the settlement costs a long at this time, as a fraction: the last rate
    /// in proportion to the time left.
    pub(crate) fn expected_cost(&self, time: Timestamp) -> f64 {
        let left_ms = (self.next_settlement.0 - time.0).max(0) as f64;
        self.last_rate * left_ms / (i64::from(self.interval_hours) * HOUR_MS) as f64
    }

    /// Takes the premium at the end of a step and settles if the interval ends there.
    ///
    /// Weights grow linearly through the interval; an hourly interval weighs equally.
    pub(crate) fn step(
        &mut self,
        close: Timestamp,
        premium: f64,
        mark_price: f64,
    ) -> Option<FundingEvent> {
        self.n_samples += 1.0;
        let weight = if self.interval_hours == 1 { 1.0 } else { self.n_samples };
        self.weighted_sum += weight * premium;
        self.weights += weight;
        if close < self.next_settlement {
            return None;
        }
        let average = self.weighted_sum / self.weights;
        self.last_rate = funding_rate(average, self.interval_hours, self.cap);
        let event = self.settle(self.next_settlement, self.last_rate, mark_price);
        self.next_settlement.0 += i64::from(self.interval_hours) * HOUR_MS;
        (self.n_samples, self.weighted_sum, self.weights) = (0.0, 0.0, 0.0);
        Some(event)
    }

    fn settle(&self, settlement_time: Timestamp, rate: f64, mark_price: f64) -> FundingEvent {
        let interval_minutes = 60 * self.interval_hours;
        FundingEvent { settlement_time, rate, interval_minutes, mark_price: Some(mark_price) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn premium_is_zero_while_the_index_is_inside_the_spread() {
        for (last, index, half_spread_bps, expect) in [
            (100.0, 100.0, 5.0, 0.0),
            (100.04, 100.0, 5.0, 0.0),
            (101.0, 100.0, 0.0, 0.01),
            (101.0, 100.0, 10.0, 0.008_99),
            (99.0, 100.0, 10.0, -0.009_01),
        ] {
            let premium = premium_index(last, index, half_spread_bps);
            assert!((premium - expect).abs() < 1e-12, "{last}: {premium}");
        }
    }

    #[test]
    fn rate_has_a_dead_zone_and_a_cap() {
        // Inside [-0.04 %, 0.06 %] the rate is the interest; 1 % pays 0.95 %, by Hyperliquid's
        // published example of the same rule.
        for (average, hours, expect) in [
            (0.0, 8, 0.0001),
            (0.0006, 8, 0.0001),
            (-0.0004, 8, 0.0001),
            (0.0010, 8, 0.0005),
            (-0.0010, 8, -0.0005),
            (0.01, 8, 0.0095),
            (0.01, 1, 0.001_187_5),
            (0.01, 4, 0.00475),
            (0.5, 8, 0.02),
            (-0.5, 8, -0.02),
        ] {
            let rate = funding_rate(average, hours, 0.02);
            assert!((rate - expect).abs() < 1e-12, "{average} over {hours} h: {rate}");
        }
    }
}
