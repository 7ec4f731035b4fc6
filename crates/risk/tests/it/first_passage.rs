//! First passages against a plain loop, closed forms and hand-made histories.

use plimsoll_risk::RiskError;
use plimsoll_risk::resample::block_length::common_block_length;
use plimsoll_risk::resample::bootstrap::StationaryBootstrap;
use plimsoll_risk::ruin::closed_form::{BinaryBet, gamblers_ruin};
use plimsoll_risk::ruin::first_passage::{
    Barriers, FirstPassageSettings, first_passage, first_passage_of_days,
};
use plimsoll_risk::ruin::paths::{DailyPath, RuinConfig, estimate_ruin};
use proptest::prelude::*;

use crate::assert_close;

/// Returns of a mean of 0.1 % between -2.9 % and 3.1 %, the same in every run.
fn sample(n: usize) -> Vec<f64> {
    let mut state = 12_345_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| 0.001 + 0.06 * (uniform() - 0.5)).collect()
}

fn settings(barriers: Barriers) -> FirstPassageSettings {
    FirstPassageSettings {
        barriers,
        horizon: 120,
        draws: 2_000,
        mean_block: Some(5.0),
        seed: 9,
        level: 0.95,
    }
}

const ALL: Barriers =
    Barriers { wealth_below: Some(0.8), wealth_above: Some(1.3), drawdown: Some(0.22) };

#[test]
fn the_plain_loop_agrees() {
    let returns = sample(200);
    let got = first_passage(&returns, &settings(ALL)).unwrap();
    let bootstrap = StationaryBootstrap::new(200, 5.0, 9).unwrap();
    let (mut times, mut below, mut above, mut deep) = (Vec::new(), 0, 0, 0);
    for draw in 0..2_000 {
        let (mut wealth, mut peak) = (1.0_f64, 1.0_f64);
        for (time, position) in bootstrap.draw(draw, 120).into_iter().enumerate() {
            wealth *= 1.0 + returns[position as usize];
            peak = peak.max(wealth);
            let touched = [wealth <= 0.8, wealth >= 1.3, wealth <= 0.78 * peak];
            if touched.contains(&true) {
                times.push(time as u32 + 1);
                below += u64::from(touched[0]);
                above += u64::from(touched[1]);
                deep += u64::from(touched[2]);
                break;
            }
        }
    }
    times.sort_unstable();
    assert_eq!(got.times, times);
    assert_eq!(got.any.count, times.len() as u64);
    assert_eq!(got.wealth_below.unwrap().count, below);
    assert_eq!(got.wealth_above.unwrap().count, above);
    assert_eq!(got.drawdown.unwrap().count, deep);
    assert!(below > 30 && above > 30 && deep > 30, "{got:?}");
    // Quantiles of all paths and of those that touch.
    let median = got.time_quantile(0.5).unwrap();
    assert_eq!(median, times.get(999).copied());
    let median = got.time_quantile_of_touched(0.5).unwrap().unwrap();
    assert_eq!(median, times[times.len().div_ceil(2) - 1]);
    assert!(got.time_quantile(0.0).is_err());
    let share = got.any;
    assert!(share.exact.0 <= share.wilson.0 && share.wilson.1 <= share.exact.1 + 1e-3);
    // A barrier that nothing reaches still has an upper limit.
    let far = Barriers { wealth_above: Some(1e6), ..Barriers::default() };
    let far = first_passage(&returns, &settings(far)).unwrap();
    assert_eq!((far.any.count, far.time_quantile(0.5).unwrap()), (0, None));
    assert_eq!(far.time_quantile_of_touched(0.5).unwrap(), None);
    assert_close(far.any.exact.1, 1.0 - 0.025_f64.powf(1.0 / 2_000.0), 1e-12);
}

/// Independent coins: the gambler between two levels, and the exact drawdown recursion; within
/// four standard errors.
#[test]
fn coins_agree_with_exact_values() {
    let draws = 20_000;
    let close = |got: f64, exact: f64| {
        let error = (exact * (1.0 - exact) / draws as f64).sqrt();
        assert!((got - exact).abs() < 4.0 * error, "{got} is not {exact}");
    };
    let step = 0.02_f64;
    let coin: Vec<f64> =
        (0..100).map(|i| if i < 55 { step.exp_m1() } else { (-step).exp_m1() }).collect();
    let between = Barriers {
        wealth_below: Some((-5.0 * step).exp()),
        wealth_above: Some((15.0 * step).exp()),
        drawdown: None,
    };
    let config =
        FirstPassageSettings { draws, horizon: 3_000, mean_block: Some(1.0), ..settings(between) };
    let got = first_passage(&coin, &config).unwrap();
    assert_eq!(got.any.count, draws);
    close(got.wealth_below.unwrap().probability, gamblers_ruin(0.55, 5.0, Some(20.0)).unwrap());

    let coin: Vec<f64> = (0..100).map(|i| if i < 60 { 0.02 } else { -0.02 }).collect();
    let exact = BinaryBet::even_money(0.6, 0.02).max_drawdown_probability(0.2, 100).unwrap();
    let deep = Barriers { drawdown: Some(0.2), ..Barriers::default() };
    let config =
        FirstPassageSettings { draws, horizon: 100, mean_block: Some(1.0), ..settings(deep) };
    close(first_passage(&coin, &config).unwrap().any.probability, exact);
}

/// The ruin estimate of many rules is the first passage of one, draw for draw.
#[test]
fn it_agrees_with_the_paired_estimate() {
    let growth: Vec<f64> = sample(150).into_iter().map(|r| 1.0 + r).collect();
    let worst: Vec<f64> = growth.iter().map(|g| g.min(1.0) - 0.01).collect();
    let path = DailyPath { growth, worst };
    let config = RuinConfig {
        drawdown: 0.25,
        horizon_days: 90,
        draws: 1_000,
        mean_block: 6.0,
        seed: 4,
        outer_draws: 2,
        inner_draws: 2,
    };
    let paired = estimate_ruin(std::slice::from_ref(&path), &config).unwrap().remove(0).unwrap();
    let single = FirstPassageSettings {
        barriers: Barriers { drawdown: Some(0.25), ..Barriers::default() },
        horizon: 90,
        draws: 1_000,
        mean_block: Some(6.0),
        seed: 4,
        level: 0.95,
    };
    let single = first_passage_of_days(&path, &single).unwrap();
    assert_eq!(single.any.probability, paired.probability);
    assert_eq!(single.any.wilson, (paired.monte_carlo_low, paired.monte_carlo_high));
}

#[test]
fn odd_questions_have_typed_answers() {
    let returns = sample(100);
    let plain = settings(ALL);
    let refused = |config: &FirstPassageSettings| first_passage(&returns, config).unwrap_err();
    for bad in [
        FirstPassageSettings { horizon: 0, ..plain },
        FirstPassageSettings { draws: 0, ..plain },
        FirstPassageSettings { level: 0.0, ..plain },
        FirstPassageSettings { mean_block: Some(0.5), ..plain },
        settings(Barriers { wealth_below: Some(1.0), ..ALL }),
        settings(Barriers { wealth_above: Some(1.0), ..ALL }),
        settings(Barriers { drawdown: Some(f64::NAN), ..ALL }),
    ] {
        assert!(matches!(refused(&bad), RiskError::OutOfRange { .. }), "{bad:?}");
    }
    assert!(matches!(refused(&settings(Barriers::default())), RiskError::Undefined { .. }));
    let long = FirstPassageSettings { mean_block: Some(11.0), ..plain };
    assert!(matches!(refused(&long), RiskError::TooFewBlocks { .. }));
    assert!(matches!(
        first_passage(&[0.1, f64::NAN], &plain),
        Err(RiskError::NonFinite { index: 1, .. })
    ));
    assert_eq!(first_passage(&[0.1, -1.0], &plain), Err(RiskError::Ruined { index: 1 }));
    assert!(matches!(first_passage(&[], &plain), Err(RiskError::TooFewObservations { .. })));
    // Constant, tiny and huge returns.
    let flat =
        first_passage(&[0.0; 50], &FirstPassageSettings { mean_block: None, ..plain }).unwrap();
    assert_eq!((flat.any.count, flat.mean_block), (0, 1.0));
    assert_eq!(first_passage(&[1e-300; 60], &plain).unwrap().any.count, 0);
    let huge = first_passage(&[1e300; 60], &plain).unwrap();
    assert_eq!(
        (huge.wealth_above.unwrap().count, huge.time_quantile(1.0).unwrap()),
        (2_000, Some(1))
    );
    let drawdown = settings(Barriers { drawdown: Some(0.5), ..Barriers::default() });
    assert_eq!(first_passage(&[1e300; 60], &drawdown).unwrap().any.count, 0);
    let losing = first_passage(&[-0.1; 60], &drawdown).unwrap();
    assert_eq!((losing.any.probability, losing.time_quantile(0.9).unwrap()), (1.0, Some(7)));
    // The block length follows from the data where none is given.
    let automatic = first_passage(&returns, &FirstPassageSettings { mean_block: None, ..plain });
    assert_eq!(automatic.unwrap().mean_block, common_block_length(&[&returns]).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A nearer barrier is touched by every path that touches the farther one, and no later.
    #[test]
    fn nearer_barriers_come_first(seed in 0..1_000_u64, near in 0.05..0.3_f64, further in 0.0..0.3_f64) {
        let returns = sample(120);
        let at = |drawdown: f64| {
            let barriers = Barriers { drawdown: Some(drawdown), ..Barriers::default() };
            let config = FirstPassageSettings { seed, draws: 200, ..settings(barriers) };
            first_passage(&returns, &config).unwrap()
        };
        let (near, far) = (at(near), at(near + further));
        prop_assert!(near.any.count >= far.any.count);
        for (a, b) in near.times.iter().zip(&far.times) {
            prop_assert!(a <= b);
        }
    }

    /// The same bits at any number of threads.
    #[test]
    fn threads_do_not_matter(seed in 0..100_u64) {
        let returns = sample(80);
        let config = FirstPassageSettings { seed, draws: 300, ..settings(ALL) };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = pool(1).install(|| first_passage(&returns, &config).unwrap());
        let seven = pool(7).install(|| first_passage(&returns, &config).unwrap());
        prop_assert_eq!(one, seven);
    }
}
