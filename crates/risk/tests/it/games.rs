//! Exact games: closed forms, and games small enough to be counted by hand.

use plimsoll_risk::RiskError;
use plimsoll_risk::ruin::closed_form::gamblers_ruin;
use plimsoll_risk::ruin::games::{CappedGame, fixed_stake_ruin};
use proptest::prelude::*;

use crate::assert_close;

/// At a payoff of 1 it is the gambler's ruin; at 2 the root is `(sqrt(1 + 4 q / p) - 1) / 2`.
#[test]
fn fixed_stakes_agree_with_closed_forms() {
    for (p, units) in [(0.55, 10.0), (0.6, 3.0), (0.9, 1.0), (0.5, 4.0), (0.3, 2.0)] {
        let gambler = gamblers_ruin(p, units, None).unwrap();
        assert_close(fixed_stake_ruin(p, 1.0, units).unwrap(), gambler, 1e-12);
        let root = ((1.0 + 4.0 * (1.0 - p) / p).sqrt() - 1.0) / 2.0;
        let expected = root.min(1.0).powf(units);
        assert_close(fixed_stake_ruin(p, 2.0, units).unwrap(), expected, 1e-12);
    }
    // A fair game at any payoff.
    for payoff in [1.0, 3.0, 4.0, 9.0] {
        assert_eq!(fixed_stake_ruin(1.0 / (1.0 + payoff), payoff, 5.0).unwrap(), 1.0);
    }
    assert_eq!(fixed_stake_ruin(0.0, 2.0, 5.0).unwrap(), 1.0);
    assert_eq!(fixed_stake_ruin(1.0, 2.0, 5.0).unwrap(), 0.0);
    assert_eq!(fixed_stake_ruin(0.9, 2.0, 0.0).unwrap(), 1.0);
    for (p, payoff, units) in [(1.1, 1.0, 1.0), (0.5, 0.0, 1.0), (0.5, 1.0, -1.0)] {
        let refused = fixed_stake_ruin(p, payoff, units);
        assert!(matches!(refused, Err(RiskError::OutOfRange { .. })));
    }
}

/// One unit, cap 3, p = 1/2, one unit a round, two rounds: bust 1/2, then from 2 units to the cap
/// or back to 1, a quarter each.
#[test]
fn a_short_game_by_hand() {
    let game = CappedGame { win_probability: 0.5, start: 1, cap: 3, rounds: 2 };
    let outcome = game.play(|_| 1).unwrap();
    assert_eq!((outcome.bust, outcome.reach_cap, outcome.mean_wealth), (0.5, 0.25, 1.0));
    // The whole purse: cut to what is missing, 1 to 2, then 2 to 3 or 1.
    assert_eq!(game.play(|wealth| wealth).unwrap(), outcome);
    let idle = game.play(|_| 0).unwrap();
    assert_eq!((idle.bust, idle.reach_cap, idle.mean_wealth), (0.0, 0.0, 1.0));
    for bad in [
        CappedGame { win_probability: f64::NAN, ..game },
        CappedGame { cap: 0, start: 0, ..game },
        CappedGame { start: 4, ..game },
        CappedGame { cap: u64::MAX, ..game },
    ] {
        assert!(matches!(bad.play(|_| 1), Err(RiskError::OutOfRange { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Played long enough at one unit a round it is the gambler's ruin.
    #[test]
    fn a_long_game_is_gamblers_ruin(p in 0.2..0.8_f64, cap in 2..12_u64, share in 0.0..1.0_f64) {
        let start = (share * cap as f64) as u64;
        let game = CappedGame { win_probability: p, start, cap, rounds: 4000 };
        let outcome = game.play(|_| 1).unwrap();
        let ruin = gamblers_ruin(p, start as f64, Some(cap as f64)).unwrap();
        prop_assert!((outcome.bust - ruin).abs() < 1e-9);
        prop_assert!((outcome.bust + outcome.reach_cap - 1.0).abs() < 1e-9);
        let mean = outcome.reach_cap * cap as f64;
        prop_assert!((outcome.mean_wealth - mean).abs() < 1e-7);
    }

    /// A fair game keeps its mean whatever is staked.
    #[test]
    fn a_fair_game_stays_fair(cap in 1..60_u64, share in 0.0..=1.0_f64, stake in 0..70_u64, rounds in 0..40_usize) {
        let start = (share * cap as f64) as u64;
        let game = CappedGame { win_probability: 0.5, start, cap, rounds };
        let outcome = game.play(|wealth| stake.max(wealth / 3)).unwrap();
        prop_assert!((outcome.mean_wealth - start as f64).abs() < 1e-9);
    }
}
