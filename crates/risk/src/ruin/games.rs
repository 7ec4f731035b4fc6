//! Exact ruin of stylised games whose stakes are amounts, not fractions of wealth.
//!
//! Under a fixed fraction wealth never reaches zero; under a fixed amount it does. A probability
//! of ruin says little without saying which of the two it is of: [`crate::ruin::closed_form::BinaryBet`] bets
//! fractions, the games here bet units.

use crate::check::{self, defined};
use crate::error::Result;
use crate::numeric::distribution::bisect;

/// Largest cap of a [`CappedGame`]: one number is kept for each amount of wealth.
const CAP_MAX: u64 = 10_000_000;

/// Probability that a player with `units`, who loses one unit or wins `payoff` units a game and
/// plays on for ever, is ruined: `z^units`, with `z` the root below 1 of
/// `p z^(payoff + 1) - z + 1 - p`; 1 where a game does not pay on average.
///
/// Exact for a whole payoff (Feller 1968, XIV.8), where losses meet zero without overshoot.
///
/// # Errors
/// A probability outside [0, 1], a payoff not above 0, or a negative or non-finite number of
/// units.
pub fn fixed_stake_ruin(win_probability: f64, payoff: f64, units: f64) -> Result<f64> {
    let p = win_probability;
    check::require((0.0..=1.0).contains(&p), "win_probability", p, "from 0 to 1")?;
    check::positive("payoff", payoff)?;
    check::require(units >= 0.0 && units.is_finite(), "units", units, "finite and at least 0")?;
    // The rounding of p * payoff must not turn a fair game into a favourable one.
    if p * payoff - (1.0 - p) <= 4.0 * f64::EPSILON {
        return Ok(1.0);
    }
    // Positive from 0 to the root, negative from there to the other root, 1. It is lowest where
    // its slope is zero, between the two.
    let lowest = (p * (payoff + 1.0)).powf(-1.0 / payoff);
    let root = bisect(0.0, lowest, |z| p * z.powf(payoff + 1.0) - z + 1.0 - p > 0.0);
    defined("fixed_stake_ruin", root.powf(units))
}

/// A game at even money that ends at zero, at a cap, or after a number of rounds, played in whole
/// units (Haghani & Dewey 2016).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CappedGame {
    /// Probability of winning a round, 0 to 1.
    pub win_probability: f64,
    /// Wealth at the start, in units, at most the cap.
    pub start: u64,
    /// Wealth at which the game ends, in units.
    pub cap: u64,
    /// Rounds played at most.
    pub rounds: usize,
}

/// How a [`CappedGame`] ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CappedGameOutcome {
    /// Probability of ending at the cap.
    pub reach_cap: f64,
    /// Probability of ending at zero.
    pub bust: f64,
    /// Expected wealth at the end, in units.
    pub mean_wealth: f64,
}

impl CappedGame {
    /// The exact outcome when `stake(wealth)` units are bet each round; a stake is cut to what
    /// wealth allows and to what is missing to the cap.
    ///
    /// # Errors
    /// A probability outside [0, 1], a cap of 0 or above ten million, or a start above the cap.
    pub fn play(&self, stake: impl Fn(u64) -> u64) -> Result<CappedGameOutcome> {
        let Self { win_probability: p, start, cap, rounds } = *self;
        check::require((0.0..=1.0).contains(&p), "win_probability", p, "from 0 to 1")?;
        check::require((1..=CAP_MAX).contains(&cap), "cap", cap as f64, "from 1 to ten million")?;
        check::require(start <= cap, "start", start as f64, "at most the cap")?;
        let stakes: Vec<usize> =
            (0..=cap).map(|wealth| stake(wealth).min(wealth).min(cap - wealth) as usize).collect();
        let mut now = vec![0.0; stakes.len()];
        now[start as usize] = 1.0;
        for _ in 0..rounds {
            let mut next = vec![0.0; stakes.len()];
            for (wealth, probability) in now.iter().enumerate() {
                // Most amounts are never reached.
                if *probability > 0.0 {
                    next[wealth + stakes[wealth]] += p * probability;
                    next[wealth - stakes[wealth]] += (1.0 - p) * probability;
                }
            }
            now = next;
        }
        let mean_wealth = now.iter().enumerate().map(|(wealth, share)| wealth as f64 * share);
        Ok(CappedGameOutcome {
            reach_cap: now[cap as usize],
            bust: now[0],
            mean_wealth: crate::moments::sum(mean_wealth),
        })
    }
}
