//! A binary bet of known edge: growth, the depth of wealth and its drawdown against exact values.

use plimsoll_risk::ruin::closed_form;
use plimsoll_sizing::formulas::BinaryBet;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Check, KELLY_MULTIPLES, Stream, random};

/// The bet: 55 % winners that make 1.5 times what losers lose.
pub const BET: BinaryBet = BinaryBet { win_probability: 0.55, win: 1.5, loss: 1.0 };
/// Bets of one path.
pub const BETS: usize = 300;
/// Paths.
pub const PATHS: usize = 20_000;
/// Levels of wealth, a share of the start.
pub const LEVELS: [f64; 2] = [0.75, 0.5];
/// Drawdown from the running peak.
pub const DRAWDOWN: f64 = 0.5;

/// Plays full, half and quarter Kelly and sets the outcome beside the closed forms.
pub fn checks(seed: u64) -> Vec<Check> {
    let kelly = BET.kelly_fraction().expect("the stated bet is one");
    // The same wins and losses for every stake.
    let paths: Vec<Vec<Played>> = (0..PATHS)
        .into_par_iter()
        .map(|path| {
            let mut random = random(seed, Stream::Binary, path);
            let is_win: Vec<bool> =
                (0..BETS).map(|_| random_bool(&mut random, BET.win_probability)).collect();
            KELLY_MULTIPLES.iter().map(|multiple| play(&is_win, multiple * kelly)).collect()
        })
        .collect();
    let mut checks = Vec::new();
    for (index, &multiple) in KELLY_MULTIPLES.iter().enumerate() {
        let played: Vec<&Played> = paths.iter().map(|path| &path[index]).collect();
        let stake = multiple * kelly;
        let growth: Vec<f64> = played.iter().map(|path| path.log_wealth / BETS as f64).collect();
        let expected = BET.growth(stake).expect("no stake here can lose everything");
        checks.push(Check::of_mean("binary bet", multiple, "growth per bet", expected, &growth));
        for level in LEVELS {
            let hits = played.iter().filter(|path| path.lowest <= level * TOUCH).count();
            let expected = ever_at_or_below(stake, level, BETS);
            let quantity = format!("P(wealth <= {level} within {BETS} bets)");
            checks.push(Check::of_share("binary bet", multiple, &quantity, expected, hits, PATHS));
        }
        let hits = played.iter().filter(|path| path.drawdown >= DRAWDOWN / TOUCH).count();
        let bet = closed_form::BinaryBet {
            win_probability: BET.win_probability,
            gain_fraction: BET.win * stake,
            loss_fraction: BET.loss * stake,
        };
        let expected = bet.max_drawdown_probability(DRAWDOWN, BETS).expect("the stated bet is one");
        let quantity = format!("P(drawdown >= {DRAWDOWN} within {BETS} bets)");
        checks.push(Check::of_share("binary bet", multiple, &quantity, expected, hits, PATHS));
    }
    checks
}

/// Wealth this close above a level has reached it, as exact arithmetic would have it.
const TOUCH: f64 = 1.0 + 1e-12;

/// What one path came to.
struct Played {
    log_wealth: f64,
    /// Lowest wealth, a share of the start.
    lowest: f64,
    /// Largest loss from the running peak.
    drawdown: f64,
}

fn play(is_win: &[bool], stake: f64) -> Played {
    let (mut wealth, mut peak) = (1.0_f64, 1.0_f64);
    let mut played = Played { log_wealth: 0.0, lowest: 1.0, drawdown: 0.0 };
    for &win in is_win {
        wealth *= if win { 1.0 + BET.win * stake } else { 1.0 - BET.loss * stake };
        peak = peak.max(wealth);
        played.lowest = played.lowest.min(wealth);
        played.drawdown = played.drawdown.max(1.0 - wealth / peak);
    }
    played.log_wealth = wealth.ln();
    played
}

fn random_bool(random: &mut ChaCha8Rng, probability: f64) -> bool {
    random.random::<f64>() < probability
}

/// Exact probability that wealth falls to `level` of its start within a number of bets: a
/// recursion over the number of wins.
pub fn ever_at_or_below(stake: f64, level: f64, bets: usize) -> f64 {
    let (up, down) = ((BET.win * stake).ln_1p(), (-BET.loss * stake).ln_1p());
    let barrier = level.ln() + 1e-12;
    let p = BET.win_probability;
    // Probability of so many wins without ever having been at the level.
    let mut alive = vec![1.0];
    let mut hit = 0.0;
    for bet in 1..=bets {
        let mut next = vec![0.0; bet + 1];
        for (wins, &probability) in alive.iter().enumerate() {
            next[wins + 1] += p * probability;
            next[wins] += (1.0 - p) * probability;
        }
        for (wins, probability) in next.iter_mut().enumerate() {
            if wins as f64 * up + (bet - wins) as f64 * down <= barrier {
                hit += *probability;
                *probability = 0.0;
            }
        }
        alive = next;
    }
    hit
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_risk::ruin::constrained_bound::ever_below_bound;
    use plimsoll_risk::ruin::discrete_bet::DiscreteBet;

    use super::*;

    #[test]
    fn depth_of_wealth_by_hand() {
        // At a stake of a half one loss halves wealth: 45 %. Or a win to 1.75 and two losses to
        // 0.4375 in a row: 0.55 * 0.45^2.
        assert!((ever_at_or_below(0.5, 0.5, 1) - 0.45).abs() < 1e-15);
        assert!((ever_at_or_below(0.5, 0.5, 2) - 0.45).abs() < 1e-15);
        assert!((ever_at_or_below(0.5, 0.5, 3) - (0.45 + 0.55 * 0.2025)).abs() < 1e-15);
    }

    #[test]
    fn depth_of_wealth_stays_below_the_bound() {
        for multiple in KELLY_MULTIPLES {
            let stake = 0.25 * multiple;
            let bet = DiscreteBet::new(vec![1.5 * stake, -stake], vec![0.55, 0.45]).unwrap();
            for level in LEVELS {
                let exact = ever_at_or_below(stake, level, BETS);
                let bound = ever_below_bound(&bet, level).unwrap().probability;
                // It is as tight as the overshoot of one loss allows.
                assert!(exact < bound && exact > 0.3 * bound, "{multiple} {level} {exact} {bound}");
            }
        }
    }

    #[test]
    fn simulated_bets_agree_with_the_closed_forms() {
        let checks = checks(11);
        assert_eq!(checks.len(), 12);
        for check in &checks {
            assert!(check.z.abs() < 4.0, "{check:?}");
        }
        // The bars are tight enough to tell a wrong formula: full Kelly's growth is 4.6 % a bet.
        let full = &checks[0];
        assert!((full.expected - 0.045_693).abs() < 1e-4, "{full:?}");
        assert!(full.standard_error < 0.01 * full.expected, "{full:?}");
    }
}
