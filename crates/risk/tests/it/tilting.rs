//! Tilted probabilities of ruin against closed forms, exact recursions and plain simulation.

use plimsoll_risk::RiskError;
use plimsoll_risk::ruin::closed_form::{BinaryBet, gamblers_ruin};
use plimsoll_risk::ruin::constrained_bound::{
    adjustment_coefficient, ensures_ever_below, ever_below_bound, log_moment,
};
use plimsoll_risk::ruin::discrete_bet::DiscreteBet;
use plimsoll_risk::ruin::first_passage::{Barriers, FirstPassageSettings, first_passage};
use plimsoll_risk::ruin::tilting::{
    Ruin, TiltSettings, TiltedEstimate, tilted_ruin, tilted_ruin_of_series,
};
use proptest::prelude::*;

use crate::assert_close;

/// A bet whose log return is `units` times 1 % with the given probabilities.
fn lattice(units: &[f64], probabilities: &[f64]) -> DiscreteBet {
    let returns = units.iter().map(|unit| (0.01 * unit).exp_m1()).collect();
    DiscreteBet::new(returns, probabilities.to_vec()).unwrap()
}

fn below(units: f64) -> Ruin {
    Ruin::WealthBelow((-0.01 * units).exp())
}

fn settings(ruin: Ruin, horizon: Option<usize>) -> TiltSettings {
    TiltSettings { ruin, horizon, theta: None, draws: 20_000, seed: 5, level: 0.95 }
}

fn show(name: &str, got: &TiltedEstimate, expected: f64) {
    eprintln!(
        "{name}: {:.6e} +- {:.1e}, expected {expected:.6e}, theta {:.3}, effective sample {:.0} of {} hits in {} draws",
        got.probability,
        got.standard_error,
        got.theta,
        got.effective_sample_size,
        got.hits,
        got.draws
    );
}

/// Agreement within four standard errors.
#[track_caller]
fn assert_unbiased(name: &str, got: &TiltedEstimate, expected: f64) {
    show(name, got, expected);
    let rounding = 1e-9 * expected;
    let error = (got.probability - expected).abs();
    assert!(error <= 4.0 * got.standard_error + rounding, "{name}: {got:?}, expected {expected}");
    assert!(got.low <= got.probability && got.probability <= got.high);
}

/// Probability that a walk of whole steps falls to `-units` within `steps`, by recursion.
fn exact_walk(moves: &[(i64, f64)], units: i64, steps: usize) -> f64 {
    let top = units + moves.iter().map(|m| m.0).max().unwrap() * steps as i64;
    let mut now = vec![0.0; top as usize + 1];
    now[units as usize] = 1.0;
    let mut hit = 0.0;
    for _ in 0..steps {
        let mut next = vec![0.0; now.len()];
        for (wealth, probability) in now.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for (step, p) in moves {
                match wealth as i64 + step {
                    to if to <= 0 => hit += p * probability,
                    to => next[to as usize] += p * probability,
                }
            }
        }
        now = next;
    }
    hit
}

/// Without overshoot every weight is the same: the closed form to rounding, down to 1e-9 and far
/// beyond.
#[test]
fn gamblers_ruin_is_reproduced() {
    for (p, units) in [(0.6, 5.0), (0.6, 51.0), (0.55, 103.0), (0.7, 300.0)] {
        let game = lattice(&[1.0, -1.0], &[p, 1.0 - p]);
        let exact = gamblers_ruin(p, units, None).unwrap();
        let got = tilted_ruin(&game, &settings(below(units), None)).unwrap();
        assert_unbiased("gambler for ever", &got, exact);
        assert_close(got.probability / exact, 1.0, 1e-9);
        assert_eq!(got.hits, 20_000);
        // Lundberg's bound is attained where wealth meets the level exactly.
        assert_close(got.lundberg_bound.unwrap() / exact, 1.0, 1e-9);
        assert_close(
            ever_below_bound(&game, (-0.01 * units).exp()).unwrap().probability / exact,
            1.0,
            1e-9,
        );
    }
    // About 1e-9 within a horizon that cuts some paths off.
    for (p, units, steps) in [(0.6, 51, 200), (0.6, 51, 300), (0.55, 90, 400), (0.5, 120, 400)] {
        let exact = exact_walk(&[(1, p), (-1, 1.0 - p)], units, steps);
        let game = lattice(&[1.0, -1.0], &[p, 1.0 - p]);
        let got = tilted_ruin(&game, &settings(below(units as f64), Some(steps))).unwrap();
        assert_unbiased("gambler within a horizon", &got, exact);
        assert!(got.standard_error < 0.03 * exact, "{got:?}");
    }
    assert!((exact_walk(&[(1, 0.6), (-1, 0.4)], 51, 300) / 1e-9 - 1.0).abs() < 0.25);
}

/// Steps that jump past the level, at about 1 %, 1e-6 and 1e-9.
#[test]
fn overshoot_is_weighed() {
    let moves = [(1, 0.7), (-1, 0.2), (-3, 0.1)];
    let game = lattice(&[1.0, -1.0, -3.0], &[0.7, 0.2, 0.1]);
    for (units, steps) in [(20, 150), (60, 300), (90, 2_000)] {
        let exact = exact_walk(&moves, units, steps);
        let got = tilted_ruin(&game, &settings(below(units as f64), Some(steps))).unwrap();
        assert_unbiased("with overshoot", &got, exact);
        assert!(exact < got.lundberg_bound.unwrap());
        // The tilt is free: another one gives the same, only less well.
        let other = TiltSettings {
            theta: Some(1.3 * got.theta),
            ..settings(below(units as f64), Some(steps))
        };
        assert_unbiased("another tilt", &tilted_ruin(&game, &other).unwrap(), exact);
    }
    // Never: the recursion over a horizon that leaves nothing out.
    let exact = exact_walk(&moves, 40, 3_000);
    let got = tilted_ruin(&game, &settings(below(40.0), None)).unwrap();
    assert_unbiased("for ever, with overshoot", &got, exact);
}

/// Drawdowns: falls that start at any peak, against the exact recursion.
#[test]
fn drawdowns_from_any_peak() {
    for (p, fraction, drawdown, bets) in [
        (0.6, 0.02, 0.2, 100),
        (0.6, 0.02, 0.35, 250),
        (0.6, 0.02, 0.5, 500),
        (0.55, 0.01, 0.25, 300),
    ] {
        let exact =
            BinaryBet::even_money(p, fraction).max_drawdown_probability(drawdown, bets).unwrap();
        let game = DiscreteBet::new(vec![1.0, -1.0], vec![p, 1.0 - p]).unwrap();
        let game = game.at_stake(fraction).unwrap();
        let got = tilted_ruin(&game, &settings(Ruin::Drawdown(drawdown), Some(bets))).unwrap();
        assert_unbiased("drawdown", &got, exact);
        assert!(got.effective_sample_size > 200.0, "{got:?}");
        assert!(got.standard_error < 0.1 * exact, "{got:?}");
    }
}

/// A skewed sample with runs of bad luck, at about one per cent: the block version, the plain
/// simulation of the same blocks, and the version of independent periods.
#[test]
fn plain_simulation_agrees_at_one_per_cent() {
    let returns: Vec<f64> = (0..300)
        .map(|t| {
            let wave = if (t / 15) % 4 == 3 { -0.004 } else { 0.0045 };
            let jitter = f64::from((t * 7_919 + 13) % 101) / 101.0 - 0.5;
            wave + 0.02 * jitter - if t % 67 == 0 { 0.02 } else { 0.0 }
        })
        .collect();
    let draws = 200_000;
    for (mean_block, ruin, barriers) in [
        (
            1.0,
            Ruin::WealthBelow(0.94),
            Barriers { wealth_below: Some(0.94), ..Barriers::default() },
        ),
        (
            12.0,
            Ruin::WealthBelow(0.90),
            Barriers { wealth_below: Some(0.90), ..Barriers::default() },
        ),
        (1.0, Ruin::Drawdown(0.11), Barriers { drawdown: Some(0.11), ..Barriers::default() }),
        (12.0, Ruin::Drawdown(0.18), Barriers { drawdown: Some(0.18), ..Barriers::default() }),
    ] {
        let plain = FirstPassageSettings {
            barriers,
            horizon: 250,
            draws,
            mean_block: Some(mean_block),
            seed: 3,
            level: 0.95,
        };
        let plain = first_passage(&returns, &plain).unwrap().any;
        eprintln!("plain {ruin:?} {mean_block} {}", plain.probability);
        let tilted =
            tilted_ruin_of_series(&returns, mean_block, &settings(ruin, Some(250))).unwrap();
        show("block", &tilted, plain.probability);
        let p = plain.probability;
        assert!(p > 0.002 && p < 0.05, "{plain:?}");
        let error = (tilted.standard_error.powi(2) + p * (1.0 - p) / draws as f64).sqrt();
        assert!((tilted.probability - p).abs() < 4.0 * error, "{tilted:?}, plain {plain:?}");
        // A third of the draws, and still the better estimate.
        assert!(tilted.standard_error.powi(2) * 20_000.0 < p * (1.0 - p), "{tilted:?}");
        if mean_block <= 1.0 {
            let sample = DiscreteBet::of_sample(&returns).unwrap();
            let same = tilted_ruin(&sample, &settings(ruin, Some(250))).unwrap();
            assert_close(same.probability / tilted.probability, 1.0, 1e-9);
        }
        // No tilt at all is plain simulation, with the exact binomial interval.
        let untilted = TiltSettings { theta: Some(0.0), ..settings(ruin, Some(250)) };
        let untilted = tilted_ruin_of_series(&returns, mean_block, &untilted).unwrap();
        assert_close(untilted.probability, untilted.hits as f64 / 20_000.0, 1e-13);
        assert_close(untilted.effective_sample_size, untilted.hits as f64, 1e-9);
        let error = (p * (1.0 - p) * (1.0 / draws as f64 + 1.0 / 20_000.0)).sqrt();
        assert!((untilted.probability - p).abs() < 4.0 * error);
    }
}

/// No hit is not a probability of zero.
#[test]
fn no_hit_has_an_upper_limit() {
    let game = lattice(&[1.0, -1.0], &[0.6, 0.4]);
    let few = TiltSettings { theta: Some(0.0), draws: 100, ..settings(below(51.0), Some(300)) };
    let got = tilted_ruin(&game, &few).unwrap();
    assert_eq!((got.hits, got.probability, got.effective_sample_size), (0, 0.0, 0.0));
    // 1 - 0.025^(1 / 100)
    assert_close(got.high, 0.036_216_7, 1e-6);
    let weak = TiltSettings { theta: Some(-0.5), draws: 100, ..few };
    let got = tilted_ruin(&game, &weak).unwrap();
    assert!(got.hits < 30 && got.high > 1e-9 && got.high <= 1.0, "{got:?}");
    // Twenty paths, all ruined: the limit of the share is 1, and every weight is the probability.
    let short = TiltSettings { draws: 20, ..settings(below(51.0), None) };
    let got = tilted_ruin(&game, &short).unwrap();
    let exact = gamblers_ruin(0.6, 51.0, None).unwrap();
    assert_eq!((got.hits, got.low), (20, 0.0));
    assert_close(got.high / exact, 1.0, 1e-9);
}

#[test]
fn odd_questions_have_typed_answers() {
    let game = lattice(&[1.0, -1.0], &[0.6, 0.4]);
    let plain = settings(below(5.0), Some(50));
    for bad in [
        TiltSettings { draws: 1, ..plain },
        TiltSettings { horizon: Some(0), ..plain },
        TiltSettings { theta: Some(0.1), ..plain },
        TiltSettings { theta: Some(f64::NAN), ..plain },
        TiltSettings { level: 1.0, ..plain },
        TiltSettings { ruin: Ruin::WealthBelow(1.0), ..plain },
        TiltSettings { ruin: Ruin::WealthBelow(f64::NAN), ..plain },
        TiltSettings { ruin: Ruin::Drawdown(0.0), ..plain },
        // Without a horizon wealth must fall under the tilt.
        TiltSettings { theta: Some(-0.1), horizon: None, ..plain },
    ] {
        assert!(matches!(tilted_ruin(&game, &bad), Err(RiskError::OutOfRange { .. })), "{bad:?}");
    }
    let undefined = |result| matches!(result, Err(RiskError::Undefined { .. }));
    assert!(undefined(tilted_ruin(&game, &settings(below(51.0), Some(50)))));
    assert!(undefined(tilted_ruin(&game, &settings(Ruin::Drawdown(0.5), None))));
    assert!(undefined(tilted_ruin(&lattice(&[1.0, 0.0], &[0.5, 0.5]), &plain)));
    assert!(undefined(tilted_ruin_of_series(&[0.0; 20], 3.0, &plain)));
    assert!(tilted_ruin_of_series(&[], 1.0, &plain).is_err());
    assert!(tilted_ruin_of_series(&[0.1, f64::NAN], 1.0, &plain).is_err());
    assert!(tilted_ruin_of_series(&[0.1, -0.1], 0.5, &plain).is_err());
    let gone = tilted_ruin_of_series(&[0.1, -1.0], 1.0, &plain);
    assert_eq!(gone, Err(RiskError::Ruined { index: 1 }));
    // One observation, all losses, tiny and huge returns.
    let losing = tilted_ruin_of_series(&[-0.1], 1.0, &settings(Ruin::WealthBelow(0.5), Some(10)));
    assert_eq!(losing.unwrap().probability, 1.0);
    let losing = tilted_ruin_of_series(&[-0.1, -0.2], 4.0, &settings(Ruin::WealthBelow(0.5), None));
    assert_eq!(losing.unwrap().probability, 1.0);
    assert!(undefined(tilted_ruin_of_series(&[1e-300, -2e-300], 1.0, &plain)));
    let huge = tilted_ruin_of_series(&[1e300, -0.99], 2.0, &settings(Ruin::Drawdown(0.9), Some(5)));
    let huge = huge.unwrap();
    assert!(huge.probability > 0.5 && huge.probability <= 1.0, "{huge:?}");
}

/// Even money: `E[w^-lambda] = 1` at a hand-computed exponent, and the constraint of Busseti et al.
#[test]
fn adjustment_coefficients() {
    // A gambler's ruin in logs: exp(-lambda 0.01) = q / p.
    let game = lattice(&[1.0, -1.0], &[0.6, 0.4]);
    let lambda = adjustment_coefficient(&game).unwrap().unwrap();
    assert_close(lambda, 100.0 * 1.5_f64.ln(), 1e-12);
    assert_close(log_moment(&game, lambda).unwrap(), 0.0, 1e-13);
    assert!(ensures_ever_below(&game, 0.7, 0.7_f64.powf(lambda) * 1.001).unwrap());
    assert!(!ensures_ever_below(&game, 0.7, 0.7_f64.powf(lambda) * 0.999).unwrap());
    // Kelly at even money: lambda = 1, since E[1 / w] = 1 at the growth optimum.
    let kelly = DiscreteBet::new(vec![0.2, -0.2], vec![0.6, 0.4]).unwrap();
    let bound = ever_below_bound(&kelly, 0.5).unwrap();
    assert_close(bound.lambda.unwrap(), 1.0, 1e-12);
    assert_close(bound.probability, 0.5, 1e-12);
    // No growth, no loss, and the loss of all.
    let fair = lattice(&[1.0, -1.0], &[0.5, 0.5]);
    assert_eq!(ever_below_bound(&fair, 0.5).unwrap().probability, 1.0);
    let gains = DiscreteBet::of_sample(&[0.1, 0.0]).unwrap();
    let bound = ever_below_bound(&gains, 0.5).unwrap();
    assert_eq!((bound.lambda, bound.probability), (None, 0.0));
    let all = DiscreteBet::new(vec![9.0, -1.0], vec![0.99, 0.01]).unwrap();
    assert_eq!(ever_below_bound(&all, 0.5).unwrap().probability, 1.0);
    assert!(!ensures_ever_below(&all, 0.5, 0.9).unwrap());
    // A return of -1 that cannot happen is none.
    let never = DiscreteBet::new(vec![0.2, -0.2, -1.0], vec![0.6, 0.4, 0.0]).unwrap();
    assert_close(ever_below_bound(&never, 0.5).unwrap().probability, 0.5, 1e-12);
    let tiny = DiscreteBet::of_sample(&[2e-200, -1e-200]).unwrap();
    assert!(adjustment_coefficient(&tiny).unwrap().unwrap() > 1e199);
    for (returns, probabilities) in [
        (vec![], vec![]),
        (vec![0.1], vec![0.5]),
        (vec![0.1, -0.1], vec![1.0]),
        (vec![0.1, -0.1], vec![1.5, -0.5]),
        (vec![0.1, -1.1], vec![0.5, 0.5]),
        (vec![f64::NAN], vec![1.0]),
    ] {
        assert!(DiscreteBet::new(returns, probabilities).is_err());
    }
}

/// Several outcomes: against the bet of two outcomes, by hand, and enclosed on a grid.
#[test]
fn drawdowns_of_several_outcomes() {
    for (p, fraction, drawdown, bets) in
        [(0.55, 0.1, 0.3, 50), (0.5, 0.05, 0.2, 100), (0.6, 0.02, 0.2, 100)]
    {
        let exact =
            BinaryBet::even_money(p, fraction).max_drawdown_probability(drawdown, bets).unwrap();
        let game = DiscreteBet::new(vec![1.0, -1.0], vec![p, 1.0 - p]).unwrap();
        let got =
            game.at_stake(fraction).unwrap().max_drawdown_probability(drawdown, bets).unwrap();
        assert_close(got.low, exact, 1e-12);
        assert_eq!(got.low, got.high);
    }
    // Three outcomes, two bets, 30 % down: the worst at once, or 20 % twice.
    let game = DiscreteBet::new(vec![0.5, -0.2, -0.3], vec![0.5, 0.3, 0.2]).unwrap();
    let got = game.max_drawdown_probability(0.3, 2).unwrap();
    assert_close(got.low, 0.2 + 0.8 * 0.2 + 0.3 * 0.3, 1e-14);
    // All of it goes only at once.
    let all = DiscreteBet::new(vec![0.5, -1.0], vec![0.9, 0.1]).unwrap();
    assert_close(all.max_drawdown_probability(1.0, 3).unwrap().low, 1.0 - 0.9_f64.powi(3), 1e-15);
    assert_eq!(all.max_drawdown_probability(0.5, 0).unwrap().high, 0.0);
    // Without a common measure, too many states to tell apart: an enclosure, and a narrow one.
    let returns: Vec<f64> = (0..40).map(|i| 0.003 + 0.02 * f64::from(i).sin()).collect();
    let sample = DiscreteBet::of_sample(&returns).unwrap();
    let got = sample.max_drawdown_probability(0.15, 250).unwrap();
    eprintln!("enclosed: {got:?}");
    assert!(got.low < got.high && got.high - got.low < 0.02 * got.high, "{got:?}");
    let tilted = tilted_ruin(&sample, &settings(Ruin::Drawdown(0.15), Some(250))).unwrap();
    assert!(tilted.probability + 4.0 * tilted.standard_error > got.low);
    assert!(tilted.probability - 4.0 * tilted.standard_error < got.high);
    assert!(sample.max_drawdown_probability(0.1, 100_000_000).is_err());
    assert!(sample.max_drawdown_probability(f64::NAN, 10).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Unbiased for any steps, level and horizon.
    #[test]
    fn unbiased_everywhere(
        up in 1..4_i64, down in 1..4_i64, p in 0.3..0.8_f64, units in 2..25_i64,
        steps in 10..120_usize, seed in 0..1_000_u64,
    ) {
        prop_assume!(steps as i64 * down >= units);
        let game = lattice(&[up as f64, -down as f64], &[p, 1.0 - p]);
        let exact = exact_walk(&[(up, p), (-down, 1.0 - p)], units, steps);
        let config = TiltSettings { seed, draws: 4_000, ..settings(below(units as f64), Some(steps)) };
        let got = tilted_ruin(&game, &config).unwrap();
        // Five standard errors: the cases are many.
        let unseen = if got.theta < 0.0 { exact } else { 1.0 } * 10.0 / 4_000.0;
        let slack = 5.0 * got.standard_error + unseen;
        prop_assert!((got.probability - exact).abs() <= slack, "{got:?} exact {exact}");
        prop_assert!(got.hits > 0 || got.high > 0.0);
    }

    /// The bound holds: no horizon has a higher probability.
    #[test]
    fn lundberg_bounds_every_horizon(p in 0.5..0.9_f64, gain in 0.01..0.5_f64, loss in 0.01..0.5_f64, level in 0.2..0.9_f64) {
        let game = DiscreteBet::new(vec![gain, -loss], vec![p, 1.0 - p]).unwrap();
        let bound = ever_below_bound(&game, level).unwrap();
        prop_assert!((0.0..=1.0).contains(&bound.probability));
        if let Some(lambda) = bound.lambda && lambda > 0.0 {
            prop_assert!(log_moment(&game, lambda).unwrap().abs() < 1e-9);
            let drawn = TiltSettings { draws: 500, ..settings(Ruin::WealthBelow(level), None) };
            let got = tilted_ruin(&game, &drawn).unwrap();
            prop_assert!(got.probability <= bound.probability * (1.0 + 1e-9));
        }
    }
}

/// Returns so small that one over them is beyond a double once sent the search for a tilt in
/// circles.
#[test]
fn returns_near_the_smallest_double_give_a_reason() {
    let returns: Vec<f64> = (0..60).map(|t| if t % 3 == 0 { -1e-312 } else { 1e-312 }).collect();
    for mean_block in [1.0, 4.0] {
        let forever = settings(Ruin::WealthBelow(0.5), None);
        let got = tilted_ruin_of_series(&returns, mean_block, &forever);
        assert!(matches!(got, Err(RiskError::Undefined { .. })), "{got:?}");
    }
    let bet = DiscreteBet::of_sample(&returns).unwrap();
    let got = adjustment_coefficient(&bet);
    assert!(matches!(got, Err(RiskError::Undefined { .. })), "{got:?}");
}
