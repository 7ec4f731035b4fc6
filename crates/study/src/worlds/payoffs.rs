//! The payoffs of one world's trades, and the prior that worlds are drawn from.
//!
//! Payoffs are finitely many R multiples with known probabilities, so that the true growth at any
//! leverage, the true Kelly leverage and the true probability of ruin are sums, not simulations.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::Serialize;

use super::Growth;

// The prior. Written down before the first run, and not changed after it.

/// Mean of the expected R multiple of a trade over the worlds.
pub const EXPECTANCY_MEAN: f64 = 0.06;
/// Its standard deviation: with these two, 27 % of the worlds have no edge.
pub const EXPECTANCY_SD: f64 = 0.10;
/// Range of the winners' mean R multiple, drawn evenly in logs.
pub const PAYOFF_RANGE: (f64, f64) = (0.8, 3.0);
/// Distance from entry to stop, a fraction of the price: one R.
pub const STOP_DISTANCE: f64 = 0.02;
/// With fat tails, the share of losers that gap through the stop.
pub const GAP_SHARE: f64 = 0.05;
/// What a gap costs in R, with its probability given a gap. The worst is a move of 16 %.
pub const GAPS: [(f64, f64); 5] = [(1.5, 0.40), (2.0, 0.30), (3.0, 0.18), (5.0, 0.08), (8.0, 0.04)];
/// With fat tails, winners are exponential, at this many equally likely points.
pub const WINNER_POINTS: usize = 10;
/// Maintenance margin rate of the position, cross margin.
pub const MAINTENANCE_MARGIN_RATE: f64 = 0.005;
/// The most that the venue lends.
pub const ACCOUNT_LEVERAGE: f64 = 20.0;

/// The shape of a world's payoffs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Two outcomes: the payoff, or one R lost at the stop.
    Binary,
    /// Exponential winners, and losers of which some gap far through the stop.
    FatTailed,
}

impl Family {
    /// Both, in the order of the output.
    pub const ALL: [Self; 2] = [Self::Binary, Self::FatTailed];

    /// The word used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::FatTailed => "fat_tailed",
        }
    }

    /// The R multiples of losers with their probabilities given a loss.
    fn losers(self) -> Vec<(f64, f64)> {
        match self {
            Self::Binary => vec![(-1.0, 1.0)],
            Self::FatTailed => std::iter::once((-1.0, 1.0 - GAP_SHARE))
                .chain(GAPS.iter().map(|&(loss, share)| (-loss, GAP_SHARE * share)))
                .collect(),
        }
    }

    /// The R multiples of winners of mean `payoff` with their probabilities given a win.
    fn winners(self, payoff: f64) -> Vec<(f64, f64)> {
        match self {
            Self::Binary => vec![(payoff, 1.0)],
            Self::FatTailed => {
                let n = WINNER_POINTS as f64;
                let at = |i: usize| -(1.0 - (i as f64 + 0.5) / n).ln();
                let mean = (0..WINNER_POINTS).map(at).sum::<f64>() / n;
                (0..WINNER_POINTS).map(|i| (payoff * at(i) / mean, 1.0 / n)).collect()
            }
        }
    }
}

/// A distribution of R multiples on finitely many values.
#[derive(Clone, Debug, PartialEq)]
pub struct Payoffs {
    /// R multiple and probability.
    outcomes: Vec<(f64, f64)>,
    /// Mean R multiple.
    expectancy: f64,
}

impl Payoffs {
    /// Trades whose mean R multiple is `expectancy` and whose winners make `payoff` R on average;
    /// the win rate follows.
    pub fn of(family: Family, expectancy: f64, payoff: f64) -> Self {
        let losers = family.losers();
        let mean_loss: f64 = -losers.iter().map(|(r, p)| r * p).sum::<f64>();
        let win_rate = ((expectancy + mean_loss) / (payoff + mean_loss)).clamp(0.0, 1.0);
        let winners = family.winners(payoff).into_iter().map(|(r, p)| (r, win_rate * p));
        let losers = losers.into_iter().map(|(r, p)| (r, (1.0 - win_rate) * p));
        let outcomes: Vec<(f64, f64)> = winners.chain(losers).collect();
        let expectancy = outcomes.iter().map(|(r, p)| r * p).sum();
        Self { outcomes, expectancy }
    }

    /// Draws a world from the prior.
    pub fn draw(family: Family, random: &mut ChaCha8Rng) -> Self {
        let noise: f64 = random.sample(StandardNormal);
        let position: f64 = random.random();
        let (low, high) = PAYOFF_RANGE;
        let payoff = low * (high / low).powf(position);
        Self::of(family, EXPECTANCY_MEAN + EXPECTANCY_SD * noise, payoff)
    }

    /// Mean R multiple of a trade.
    pub fn expectancy(&self) -> f64 {
        self.expectancy
    }

    /// The R multiple of one trade.
    pub fn draw_r_multiple(&self, random: &mut ChaCha8Rng) -> f64 {
        let mut left: f64 = random.random();
        for &(r, p) in &self.outcomes {
            if left < p {
                return r;
            }
            left -= p;
        }
        // Rounding of the sum: the last outcome that can happen.
        self.outcomes.iter().rev().find(|(_, p)| *p > 0.0).map_or(0.0, |&(r, _)| r)
    }

    /// True log growth per trade at a leverage; minus infinity where one outcome liquidates.
    pub fn growth(&self, leverage: f64) -> Growth {
        let mut growth = 0.0;
        for &(r, p) in self.outcomes.iter().filter(|(_, p)| *p > 0.0) {
            match wealth_factor(leverage, r) {
                Some(factor) => growth += p * factor.ln(),
                None => return Growth::MinusInfinity,
            }
        }
        Growth::Finite(growth)
    }

    /// Probability that one trade at a leverage liquidates the account.
    pub fn ruin_per_trade(&self, leverage: f64) -> f64 {
        let is_ruin = |&&(r, _): &&(f64, f64)| wealth_factor(leverage, r).is_none();
        self.outcomes.iter().filter(is_ruin).map(|(_, p)| p).sum()
    }

    /// True Kelly: the leverage of the largest growth that no outcome liquidates.
    pub fn kelly_leverage(&self) -> f64 {
        let worst = self
            .outcomes
            .iter()
            .filter(|(_, p)| *p > 0.0)
            .fold(0.0_f64, |worst, &(r, _)| worst.min(r * STOP_DISTANCE));
        let safe = (1.0 - 1e-9) / (-worst + MAINTENANCE_MARGIN_RATE * (1.0 + worst));
        let (mut low, mut high) = (0.0, safe.min(ACCOUNT_LEVERAGE));
        let slope = |x: f64| -> f64 {
            let term = |&(r, p): &(f64, f64)| p * r * STOP_DISTANCE / (1.0 + x * r * STOP_DISTANCE);
            self.outcomes.iter().map(term).sum()
        };
        if slope(high) >= 0.0 {
            return high;
        }
        // Growth is concave: halve the interval in which its slope changes sign.
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// What one trade of `r_multiple` makes of wealth at a leverage; `None` where it liquidates the
/// account, which under cross margin leaves nothing: `1 + x r <= mmr x (1 + r)`.
pub fn wealth_factor(leverage: f64, r_multiple: f64) -> Option<f64> {
    let r = r_multiple * STOP_DISTANCE;
    let factor = 1.0 + leverage * r;
    (factor > MAINTENANCE_MARGIN_RATE * leverage * (1.0 + r)).then_some(factor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_sizing::formulas::{BinaryBet, max_leverage_without_liquidation};
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn two_outcomes_are_the_textbook_bet() {
        // 55 % at 1.5 R: an expectancy of 0.375 R, Kelly a quarter of equity at risk.
        let world = Payoffs::of(Family::Binary, 0.375, 1.5);
        let bet = BinaryBet::full_loss(0.55, 1.5);
        assert!((world.expectancy() - 0.375).abs() < 1e-15);
        assert!((world.kelly_leverage() * STOP_DISTANCE - 0.25).abs() < 1e-12);
        for risk in [0.0625, 0.125, 0.25, 0.3] {
            let Growth::Finite(growth) = world.growth(risk / STOP_DISTANCE) else { panic!() };
            assert!((growth - bet.growth(risk).unwrap()).abs() < 1e-14, "{risk}");
        }
        // Without an edge the best leverage is none.
        assert_eq!(Payoffs::of(Family::Binary, -0.01, 1.5).kelly_leverage(), 0.0);
    }

    #[test]
    fn fat_tails_keep_the_mean_and_bound_the_leverage() {
        let world = Payoffs::of(Family::FatTailed, 0.15, 1.5);
        assert!((world.expectancy() - 0.15).abs() < 1e-14);
        let total: f64 = world.outcomes.iter().map(|(_, p)| p).sum();
        assert!((total - 1.0).abs() < 1e-14);
        // The worst gap of 8 R is a fall of 16 %.
        let bound = max_leverage_without_liquidation(-0.16, 1.0, MAINTENANCE_MARGIN_RATE);
        let bound = bound.unwrap().unwrap();
        assert!(matches!(world.growth(bound * (1.0 - 1e-9)), Growth::Finite(_)));
        assert_eq!(world.growth(bound * (1.0 + 1e-9)), Growth::MinusInfinity);
        assert_eq!(world.ruin_per_trade(bound * (1.0 - 1e-9)), 0.0);
        let loss = world.outcomes.last().unwrap();
        assert_eq!(loss.0, -8.0);
        assert!((world.ruin_per_trade(bound * (1.0 + 1e-9)) - loss.1).abs() < 1e-15);
        // The optimum beats its neighbours, and never risks the account.
        let best = world.kelly_leverage();
        let growth = |x| if let Growth::Finite(g) = world.growth(x) { g } else { f64::MIN };
        assert!(growth(best) > growth(best * 0.99) && growth(best) > growth(best * 1.01));
        let rich = Payoffs::of(Family::FatTailed, 1.2, 3.0);
        assert!(rich.kelly_leverage() < bound && growth(rich.kelly_leverage()) > f64::MIN);
    }

    #[test]
    fn draws_have_the_stated_frequencies_and_prior() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let world = Payoffs::of(Family::FatTailed, 0.15, 1.5);
        let n = 200_000;
        let drawn: Vec<f64> = (0..n).map(|_| world.draw_r_multiple(&mut random)).collect();
        for &(r, p) in &world.outcomes {
            let share = drawn.iter().filter(|&&d| d == r).count() as f64 / f64::from(n);
            let error = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!((share - p).abs() < 4.5 * error, "{r}: {share} for {p}");
        }
        let worlds: Vec<Payoffs> =
            (0..5_000).map(|_| Payoffs::draw(Family::Binary, &mut random)).collect();
        let mean = worlds.iter().map(Payoffs::expectancy).sum::<f64>() / 5_000.0;
        assert!((mean - EXPECTANCY_MEAN).abs() < 4.0 * EXPECTANCY_SD / 5_000.0_f64.sqrt());
        // P(N(0.06, 0.1) <= 0) = 0.2743.
        let without = worlds.iter().filter(|world| world.expectancy() <= 0.0).count() as f64;
        assert!((without / 5_000.0 - 0.2743).abs() < 4.0 * (0.2743 * 0.7257 / 5_000.0_f64).sqrt());
    }
}
