//! A scripted liquidation cascade: when the price falls, how thin the book gets, what returns.

use super::config::Bound;
use crate::time::Timestamp;

const MINUTE_MS: f64 = 60_000.0;

/// A crash like the one of 10 October 2025, as a script laid over the random market.
///
/// The fall begins `fall_minutes` before [`Cascade::at`], accelerates, is steepest right after
/// `at`, and reaches its low `capitulation_minutes` after it. Then part of it is regained. While
/// it lasts the book is thin, the last price overshoots mark and index, and volume and noise
/// are multiples of their normal size; these fade with `calm_half_life_minutes`.
///
/// A symbol makes `cascade_beta` times the log moves given here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cascade {
    /// When forced selling is at its worst.
    pub at: Timestamp,
    /// Minutes of falling before `at`.
    pub fall_minutes: f64,
    /// Minutes from `at` to the low.
    pub capitulation_minutes: f64,
    /// Fall of the index from begin to low, as a fraction of the price.
    pub drop_fraction: f64,
    /// How far the last price falls below the index at the low and for some minutes after, as a
    /// fraction of the price.
    pub overshoot_fraction: f64,
    /// How far the premium of last over index stays depressed after the low, as a fraction of the
    /// price: those who are left are short or out, and funding collapses.
    pub discount_fraction: f64,
    /// Time in which half of that discount is gone.
    pub discount_half_life_minutes: f64,
    /// Share of the log fall that is regained.
    pub rebound_fraction: f64,
    /// Time in which half of the regained part is regained.
    pub rebound_half_life_minutes: f64,
    /// Share of the resting orders that is gone at the worst.
    pub depth_thinning_fraction: f64,
    /// Traded volume at the worst, multiple of normal.
    pub volume_multiple: f64,
    /// Volatility of the noise around the script at the worst, multiple of normal.
    pub volatility_multiple: f64,
    /// Share of the open interest that is closed, besides what the simulated liquidations close.
    pub open_interest_drop_fraction: f64,
    /// Time in which depth, volume and noise come half-way back to normal.
    pub calm_half_life_minutes: f64,
}

/// The script over one step, for one symbol. Log moves already carry its `cascade_beta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stress {
    /// Log move of the index over the step.
    pub(crate) log_move: f64,
    /// Log move from the step's open to the script's lowest point inside the step, at most 0.
    pub(crate) log_worst: f64,
    /// Premium of last over index at the close, at most 0.
    pub(crate) premium_close: f64,
    /// Lowest premium inside the step.
    pub(crate) premium_worst: f64,
    /// Share of the normal depth that is left at the worst moment of the step.
    pub(crate) depth: f64,
    /// Multiple of the normal volume.
    pub(crate) volume: f64,
    /// Multiple of the normal volatility.
    pub(crate) volatility: f64,
    /// Log change of the open interest.
    pub(crate) open_interest_log_move: f64,
}

impl Stress {
    pub(crate) const NONE: Self = Self {
        log_move: 0.0,
        log_worst: 0.0,
        premium_close: 0.0,
        premium_worst: 0.0,
        depth: 1.0,
        volume: 1.0,
        volatility: 1.0,
        open_interest_log_move: 0.0,
    };
}

impl Cascade {
    /// 10 October 2025 in proportions: from 20:50 UTC, worst at 21:15, low at 21:20; the index
    /// falls 13.5 % and the last price another 0.6 % below it, with 95 % of the depth gone
    /// (reports say 90 to 98 %) and about 30 % of the open interest closed.
    pub fn october_2025() -> Self {
        Self {
            at: Timestamp(1_760_130_900_000),
            fall_minutes: 25.0,
            capitulation_minutes: 5.0,
            drop_fraction: 0.135,
            overshoot_fraction: 0.006,
            discount_fraction: 0.001,
            discount_half_life_minutes: 720.0,
            rebound_fraction: 0.55,
            rebound_half_life_minutes: 40.0,
            depth_thinning_fraction: 0.95,
            volume_multiple: 15.0,
            volatility_multiple: 4.0,
            open_interest_drop_fraction: 0.27,
            calm_half_life_minutes: 90.0,
        }
    }

    /// First instant of the fall.
    pub fn begin(&self) -> Timestamp {
        Timestamp(self.at.0 - (self.fall_minutes * MINUTE_MS) as i64)
    }

    /// Instant of the low.
    pub fn low(&self) -> Timestamp {
        Timestamp(self.at.0 + (self.capitulation_minutes * MINUTE_MS) as i64)
    }

    /// The script between two instants for a symbol of the given beta.
    pub(crate) fn between(&self, open: Timestamp, close: Timestamp, beta: f64) -> Stress {
        if close <= self.begin() {
            return Stress::NONE;
        }
        let open = self.minutes_after_at(open);
        let close = self.minutes_after_at(close);
        let low = self.capitulation_minutes;
        let worst = low.clamp(open, close);
        let log_drop = beta * (1.0 - self.drop_fraction).ln();
        let stress = self.stress(0.0_f64.clamp(open, close)).max(self.stress(worst));
        Stress {
            log_move: log_drop * (self.level(close) - self.level(open)),
            log_worst: (log_drop * (self.level(worst) - self.level(open))).min(0.0),
            premium_close: beta * self.premium(close),
            premium_worst: beta * self.premium(worst),
            depth: 1.0 - self.depth_thinning_fraction * stress,
            volume: 1.0 + (self.volume_multiple - 1.0) * stress,
            volatility: 1.0 + (self.volatility_multiple - 1.0) * stress,
            open_interest_log_move: (1.0 - self.open_interest_drop_fraction).ln()
                * (self.fallen(close) - self.fallen(open)),
        }
    }

    pub(crate) fn bounds(&self) -> [Bound; 13] {
        let fraction = |name, value: f64| (name, value, "in [0, 1)", (0.0..1.0).contains(&value));
        let minutes = |name, value: f64| {
            (name, value, "from 1 to 10000 minutes", (1.0..=10_000.0).contains(&value))
        };
        let multiple =
            |name, value: f64| (name, value, "from 1 to 1000", (1.0..=1000.0).contains(&value));
        [
            minutes("fall_minutes", self.fall_minutes),
            minutes("capitulation_minutes", self.capitulation_minutes),
            fraction("drop_fraction", self.drop_fraction),
            ("overshoot_fraction", self.overshoot_fraction, "in [0, 0.05]", {
                (0.0..=0.05).contains(&self.overshoot_fraction)
            }),
            ("discount_fraction", self.discount_fraction, "in [0, 0.05]", {
                (0.0..=0.05).contains(&self.discount_fraction)
            }),
            minutes("discount_half_life_minutes", self.discount_half_life_minutes),
            fraction("rebound_fraction", self.rebound_fraction),
            minutes("rebound_half_life_minutes", self.rebound_half_life_minutes),
            fraction("depth_thinning_fraction", self.depth_thinning_fraction),
            multiple("volume_multiple", self.volume_multiple),
            multiple("volatility_multiple", self.volatility_multiple),
            fraction("open_interest_drop_fraction", self.open_interest_drop_fraction),
            minutes("calm_half_life_minutes", self.calm_half_life_minutes),
        ]
    }

    fn minutes_after_at(&self, time: Timestamp) -> f64 {
        (time.0 - self.at.0) as f64 / MINUTE_MS
    }

    /// Share of the log fall that is done, from 0 to 1, never going back. `minute` counts from
    /// `at`. A slow third before it, then two thirds with the steepest slope first.
    fn fallen(&self, minute: f64) -> f64 {
        if minute < 0.0 {
            let share = (1.0 + minute / self.fall_minutes).max(0.0);
            0.35 * share * share
        } else {
            let left = (1.0 - minute / self.capitulation_minutes).max(0.0);
            1.0 - 0.65 * left * left
        }
    }

    /// Share of the log fall that the price stands below its start: falls, then recovers.
    fn level(&self, minute: f64) -> f64 {
        let regained = 1.0 - self.half_lives(minute, self.rebound_half_life_minutes);
        self.fallen(minute) - self.rebound_fraction * regained
    }

    /// 0 in calm, 1 between `at` and the low.
    fn stress(&self, minute: f64) -> f64 {
        let build_up = (1.0 + minute / self.fall_minutes).clamp(0.0, 1.0);
        build_up * build_up * self.half_lives(minute, self.calm_half_life_minutes)
    }

    /// Premium of last over index, at most 0: the overshoot, gone some minutes after the low, and
    /// the discount that stays for longer.
    fn premium(&self, minute: f64) -> f64 {
        let fallen = self.fallen(minute).powi(2);
        let overshoot = self.half_lives(minute, 1.2 * self.capitulation_minutes);
        let discount = self.half_lives(minute, self.discount_half_life_minutes);
        -fallen * (self.overshoot_fraction * overshoot + self.discount_fraction * discount)
    }

    /// What is left of something that fades from the low on.
    fn half_lives(&self, minute: f64, half_life: f64) -> f64 {
        0.5_f64.powf((minute - self.capitulation_minutes).max(0.0) / half_life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_falls_as_far_as_it_says_and_rebounds() {
        let cascade = Cascade::october_2025();
        assert_eq!(cascade.at.to_string(), "2025-10-10T21:15:00Z");
        assert_eq!(cascade.begin().to_string(), "2025-10-10T20:50:00Z");
        assert_eq!(cascade.low().to_string(), "2025-10-10T21:20:00Z");

        let day_later = Timestamp(cascade.at.0 + 86_400_000);
        for (beta, expect) in [(1.0, 0.865_f64), (2.0, 0.865 * 0.865)] {
            let fall = cascade.between(cascade.begin(), cascade.low(), beta);
            assert!((fall.log_move - expect.ln()).abs() < 1e-12);
            let all = cascade.between(cascade.begin(), day_later, beta);
            assert!((all.log_worst - expect.ln()).abs() < 1e-12, "the low is inside the step");
            assert!((all.log_move / expect.ln() - 0.45).abs() < 1e-6, "55 % is regained");
            assert!((all.open_interest_log_move - 0.73_f64.ln()).abs() < 1e-12);
            assert!((all.depth - 0.05).abs() < 1e-12);
        }
        assert_eq!(cascade.between(Timestamp(0), cascade.begin(), 1.0), Stress::NONE);
    }

    #[test]
    fn steps_add_up_to_the_whole() {
        let cascade = Cascade::october_2025();
        let (begin, n) = (cascade.begin().0, 300);
        let at = |minute: i64| Timestamp(begin + minute * 60_000);
        let sum: f64 = (0..n).map(|m| cascade.between(at(m), at(m + 1), 1.3).log_move).sum();
        let whole = cascade.between(at(0), at(n), 1.3).log_move;
        assert!((sum - whole).abs() < 1e-12);
        let steepest = (0..n)
            .min_by(|&a, &b| {
                let fall = |m| cascade.between(at(m), at(m + 1), 1.0).log_move;
                fall(a).total_cmp(&fall(b))
            })
            .expect("some minute");
        assert_eq!(at(steepest), cascade.at);
    }
}
