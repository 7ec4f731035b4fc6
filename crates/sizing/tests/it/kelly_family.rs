//! Weights, liquidation, shrinkage and joint positions, against values from numpy and scipy.

use plimsoll_sizing::formulas::*;
use proptest::prelude::*;

const RETURNS: [f64; 10] = [0.04, -0.02, 0.03, -0.025, 0.06, -0.03, 0.015, -0.01, 0.05, -0.045];
const STRONG: [f64; 10] = [0.08, -0.02, 0.06, -0.025, 0.12, -0.03, 0.03, -0.01, 0.10, -0.045];
const EXCURSIONS: [f64; 10] = [0.01, 0.05, 0.02, 0.04, 0.005, 0.035, 0.06, 0.02, 0.01, 0.05];
const SIDES: [f64; 10] = [1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0];

/// Weights that halve over four observations, the latest last.
fn weights() -> Vec<f64> {
    (0..10).map(|i| (-f64::from(9 - i) / 4.0).exp2()).collect()
}

fn near(got: f64, expect: f64, tolerance: f64) {
    assert!((got - expect).abs() <= tolerance * expect.abs().max(1.0), "got {got}, not {expect}");
}

#[test]
fn weighted_kelly_agrees_with_scipy() {
    let weights = weights();
    let sample = WeightedReturns { returns: &RETURNS, weights: &weights };
    let best = empirical_kelly_weighted(sample, EmpiricalKellySettings::default()).unwrap();
    // scipy.optimize.brentq on the derivative.
    near(best.leverage, 1.780_936_730_809_887_6, 1e-12);
    near(best.growth, 0.002_158_124_182_212_988_6, 1e-12);
    let lambda = risk_aversion(0.7, 0.1).unwrap();
    let exact = risk_constrained_sample(sample, lambda, f64::INFINITY).unwrap();
    near(exact, 0.476_312_305_183_903, 1e-12);
    let quadratic = risk_constrained_quadratic_sample(sample, lambda, f64::INFINITY).unwrap();
    near(quadratic, 0.468_452_965_554_280_4, 1e-12);
    // Only ratios of weights matter; without weight an observation is not there.
    let doubled: Vec<f64> = weights.iter().map(|weight| 2.0 * weight).collect();
    let twice = WeightedReturns { returns: &RETURNS, weights: &doubled };
    assert_eq!(empirical_kelly_weighted(twice, EmpiricalKellySettings::default()), Ok(best));
    let with_outlier: Vec<f64> = RETURNS.iter().copied().chain([-0.99]).collect();
    let with_nothing: Vec<f64> = weights.iter().copied().chain([0.0]).collect();
    let sample = WeightedReturns { returns: &with_outlier, weights: &with_nothing };
    assert_eq!(empirical_kelly_weighted(sample, EmpiricalKellySettings::default()), Ok(best));
}

#[test]
fn bad_weights_are_named() {
    let of = |returns: &[f64], weights: &[f64]| {
        let sample = WeightedReturns { returns, weights };
        empirical_kelly_weighted(sample, EmpiricalKellySettings::default()).unwrap_err().reason()
    };
    assert_eq!(of(&[0.1, -0.1], &[1.0]), "length_mismatch");
    assert_eq!(of(&[0.1, -0.1], &[1.0, -1.0]), "bad_element");
    assert_eq!(of(&[0.1, -0.1], &[1.0, f64::NAN]), "bad_element");
    assert_eq!(of(&[0.1, -0.1], &[0.0, 0.0]), "too_few_observations");
    assert_eq!(of(&[], &[]), "too_few_observations");
}

fn trades() -> Vec<TradeOutcome> {
    (0..10)
        .map(|i| TradeOutcome {
            unit_return: STRONG[i],
            adverse_excursion: EXCURSIONS[i],
            side: SIDES[i],
            weight: weights()[i],
        })
        .collect()
}

fn terms(backing: Backing, stress_trades: f64) -> LiquidationTerms {
    LiquidationTerms {
        backing,
        maintenance_margin_rate: 0.01,
        fee: 0.0005,
        stress: 1.5,
        stress_trades,
    }
}

#[test]
fn kelly_with_liquidation_agrees_with_a_search_over_a_grid() {
    // numpy: 200,001 leverages up to the cap, then scipy.optimize.minimize_scalar around the best.
    let isolated = |leverage| Backing::Isolated { leverage };
    let posted = |share| Backing::Posted { share };
    let cases = [
        (Backing::Cross, 1.0, 30.0, 2.649_840_4, 0.013_585_254_103_182),
        (isolated(10.0), 1.0, 10.0, 2.244_381_25, 0.010_546_920_982_662),
        (isolated(15.0), 1.0, 15.0, 0.564_299_33, 0.000_668_258_053_948),
        (isolated(25.0), 1.0, 25.0, 1.576_477_4, 0.004_286_528_942_194),
        (posted(0.3), 1.0, 6.0, 4.249_291_77, 0.019_723_676_686),
        (posted(0.5), 1.0, 15.0, 2.649_840_46, 0.013_585_254_103_182),
        (posted(0.1), 1.0, 4.0, 3.355_704_64, 0.021_293_561_135),
        (Backing::Cross, 0.0, 30.0, 7.525_245_85, 0.069_971_434_907_923),
        (isolated(15.0), 0.0, 15.0, 2.430_969_59, 0.010_958_669_740_516),
        (posted(0.5), 0.0, 15.0, 7.082_152_945, 0.069_748_950_36),
    ];
    for (backing, stress_trades, cap, leverage, growth) in cases {
        let sample = LiquidationSample::new(&trades(), &terms(backing, stress_trades)).unwrap();
        let best = sample.best(cap).unwrap();
        near(best.leverage, leverage, 1e-7);
        near(best.growth, growth, 1e-8);
        near(sample.log_growth(best.leverage), growth, 1e-8);
    }
}

#[test]
fn past_the_liquidation_limit_growth_is_minus_infinity() {
    // A winner that was 20 % under water, at 1 % maintenance: 1 / (0.2 + 0.01 * 0.8) = 4.8077.
    let trade = |unit_return, adverse_excursion| TradeOutcome {
        unit_return,
        adverse_excursion,
        side: 1.0,
        weight: 1.0,
    };
    let trades = [trade(0.3, 0.2), trade(0.3, 0.0), trade(-0.01, 0.01)];
    let survived = LiquidationTerms { stress: 1.0, ..terms(Backing::Cross, 0.0) };
    let sample = LiquidationSample::new(&trades, &survived).unwrap();
    let limit = 1.0 / 0.208;
    near(sample.bound().unwrap(), limit, 1e-14);
    assert_eq!(sample.log_growth(limit * (1.0 + 1e-12)), f64::NEG_INFINITY);
    assert!(sample.log_growth(limit * (1.0 - 1e-12)).is_finite());
    // Growth rises up to the limit: the answer stays just under it.
    let best = sample.best(f64::INFINITY).unwrap();
    assert_eq!(best.outcome, EmpiricalKellyOutcome::Liquidation);
    assert!(best.leverage < limit && best.leverage > limit * (1.0 - 1e-12));
    // A scenario half as bad again: 30 % have to be survived, 1 / (0.3 + 0.01 * 0.7).
    let sample = LiquidationSample::new(&trades, &terms(Backing::Cross, 0.0)).unwrap();
    near(sample.best(f64::INFINITY).unwrap().leverage, 1.0 / 0.307, 1e-12);
    // A smaller cap holds.
    let capped = sample.best(2.0).unwrap();
    assert_eq!((capped.leverage, capped.outcome), (2.0, EmpiricalKellyOutcome::Capped));
}

#[test]
fn isolated_margin_loses_what_is_posted() {
    let trade = |unit_return, adverse_excursion| TradeOutcome {
        unit_return,
        adverse_excursion,
        side: 1.0,
        weight: 1.0,
    };
    // Both trades end well, the second one after a fall of 30 %.
    let trades = [trade(0.5, 0.0), trade(0.5, 0.3)];
    let terms = |backing| LiquidationTerms { stress: 1.0, fee: 0.01, ..terms(backing, 0.0) };
    // At leverage 5 the second is liquidated (20 % < 30 %): a loss of 0.2 + 0.01 a unit. The root
    // of 0.5 / (1 + 0.5 x) = 0.21 / (1 - 0.21 x) is (0.5 - 0.21) / (2 * 0.105).
    let isolated = LiquidationSample::new(&trades, &terms(Backing::Isolated { leverage: 5.0 }));
    near(isolated.unwrap().best(5.0).unwrap().leverage, 0.29 / 0.21, 1e-12);
    // At leverage 3 it is not (33 % less 0.7 % maintenance > 30 %), and nothing loses.
    let isolated = LiquidationSample::new(&trades, &terms(Backing::Isolated { leverage: 3.0 }));
    assert_eq!(isolated.unwrap().best(3.0).unwrap().leverage, 3.0);
    // Half of equity posted: up to 0.5 / 0.307 both win; beyond, one wins and one leaves
    // 0.5 - 0.01 x. The second peak is higher: growth has two.
    let posted = LiquidationSample::new(&trades, &terms(Backing::Posted { share: 0.5 })).unwrap();
    let first = 0.5 / 0.307;
    let before = posted.log_growth(first * (1.0 - 1e-12));
    near(before, (1.0 + 0.5 * first).ln(), 1e-9);
    let after = posted.log_growth(first * (1.0 + 1e-12));
    near(after, f64::midpoint((1.0 + 0.5 * first).ln(), (0.5 - 0.01 * first).ln()), 1e-9);
    assert!(after < before);
    // 0.5 / (1 + 0.5 x) = 0.01 / (0.5 - 0.01 x): x = (0.25 - 0.01) / 0.01 = 24.
    let best = posted.best(100.0).unwrap();
    near(best.leverage, 24.0, 1e-9);
    near(best.growth, f64::midpoint(13.0_f64.ln(), 0.26_f64.ln()), 1e-12);
    near(posted.best(5.0).unwrap().leverage, first, 1e-9);
}

#[test]
fn liquidation_begins_at_the_bound_and_a_short_has_no_lowest_price() {
    let of = |excursion: f64, side: f64, stress: f64, backing: Backing| {
        let trade = |unit_return| TradeOutcome {
            unit_return,
            adverse_excursion: excursion,
            side,
            weight: 1.0,
        };
        let terms = LiquidationTerms {
            backing,
            maintenance_margin_rate: 0.0,
            fee: 0.0,
            stress,
            stress_trades: 0.0,
        };
        LiquidationSample::new(&[trade(0.05)], &terms).unwrap()
    };
    // An eighth of the price is all of the margin at a leverage of 8: 1 - 1 / 8 is left.
    let at_the_bound = of(0.125, 1.0, 1.0, Backing::Isolated { leverage: 8.0 });
    near(at_the_bound.log_growth(1.0), 0.875_f64.ln(), 1e-15);
    let below = of(0.125, 1.0, 1.0, Backing::Isolated { leverage: 7.999 });
    near(below.log_growth(1.0), 1.05_f64.ln(), 1e-15);
    // Twice 80 % is 160 % of the price for a short; a long loses no more than the price.
    near(of(0.8, -1.0, 2.0, Backing::Cross).bound().unwrap(), 1.0 / 1.6, 1e-15);
    near(of(0.8, 1.0, 2.0, Backing::Cross).bound().unwrap(), 1.0, 1e-15);
}

#[test]
fn samples_that_cannot_be_liquidated_are_refused() {
    let good = trades()[0];
    let reason = |trade: TradeOutcome, terms: LiquidationTerms| {
        LiquidationSample::new(&[trade], &terms).unwrap_err().reason()
    };
    let cross = terms(Backing::Cross, 1.0);
    for trade in [
        TradeOutcome { unit_return: f64::NAN, ..good },
        TradeOutcome { adverse_excursion: -0.1, ..good },
        TradeOutcome { adverse_excursion: 1.1, ..good },
        TradeOutcome { weight: f64::INFINITY, ..good },
    ] {
        assert_eq!(reason(trade, cross), "bad_element");
    }
    assert_eq!(reason(TradeOutcome { side: 0.5, ..good }, cross), "out_of_range");
    assert_eq!(reason(TradeOutcome { weight: 0.0, ..good }, cross), "too_few_observations");
    for terms in [
        LiquidationTerms { stress: 0.9, ..cross },
        LiquidationTerms { maintenance_margin_rate: -0.1, ..cross },
        terms(Backing::Posted { share: 1.0 }, 1.0),
        terms(Backing::Isolated { leverage: 0.0 }, 1.0),
    ] {
        assert_eq!(reason(good, terms), "out_of_range");
    }
    let winner = TradeOutcome { adverse_excursion: 0.0, ..good };
    let sample = LiquidationSample::new(&[winner], &cross).unwrap();
    assert_eq!(sample.best(f64::INFINITY), Err(SizingError::NoLossObserved));
    assert_eq!(sample.best(7.0).unwrap().leverage, 7.0);
}

#[test]
fn shrinkage_by_hand() {
    // Full loss: 0.9 (Baker & McHale with f = 0.25, b = 1.5, sd = 0.05).
    let near = |got: f64, expect: f64| near(got, expect, 1e-12);
    near(shrinkage_binary(&BinaryBet::full_loss(0.55, 1.5), 0.05).unwrap(), 0.9);
    // Partial loss: f = 0.55 / 0.8 - 0.45 / 1.2 = 0.3125, its error (2 / 0.96) 0.05 = 0.104167,
    // 1 / (1 + (1/3)^2) = 0.9.
    let partial = BinaryBet { win_probability: 0.55, win: 1.2, loss: 0.8 };
    near(shrinkage_binary(&partial, 0.05).unwrap(), 0.9);
    // Risk and stake in other units give the same factor.
    let scaled = BinaryBet { win: 0.012, loss: 0.008, ..partial };
    near(shrinkage_binary(&scaled, 0.05).unwrap(), 0.9);
    assert_eq!(shrinkage_binary(&BinaryBet::full_loss(0.4, 1.0), 0.05), Ok(0.0));
    for (t_squared, factor, debiased) in [(0.0, 0.0, 0.0), (1.0, 0.5, 0.0), (4.0, 0.8, 0.75)] {
        let found = shrinkage_of(t_squared).unwrap();
        assert_eq!((found.factor, found.factor_debiased), (factor, debiased));
    }
    assert!(shrinkage_of(f64::NAN).is_err());
}

#[test]
fn the_posterior_of_the_win_rate_agrees_with_scipy() {
    // scipy.stats.beta.ppf(0.25, 56, 46) and (0.05, 13, 7.75).
    let bet = BinaryBet::full_loss(0.55, 1.5);
    let lower = bayesian_lower_bound(&bet, 100.0, [1.0, 1.0], 0.25).unwrap();
    near(lower.win_probability, 0.515_920_560_228_096_3, 1e-12);
    let bet = BinaryBet { win_probability: 12.5 / 19.75, win: 1.0, loss: 0.7 };
    let lower = bayesian_lower_bound(&bet, 19.75, [0.5, 0.5], 0.05).unwrap();
    near(lower.win_probability, 0.448_646_712_922_211_4, 1e-12);
    assert_eq!((lower.win, lower.loss), (1.0, 0.7));
    assert!(bayesian_lower_bound(&bet, 1e12, [1.0, 1.0], 0.05).is_err());
    assert!(bayesian_lower_bound(&bet, 10.0, [0.0, 1.0], 0.05).is_err());
    assert!(bayesian_lower_bound(&bet, 10.0, [1.0, 1.0], 1.0).is_err());
}

#[test]
fn shrinkage_by_resamples_agrees_with_scipy() {
    // scipy.optimize.brentq on mean_b x_b mean(r / (1 + k x_b r)).
    let returns = [0.08, -0.05, 0.06, -0.06, 0.04];
    let estimates = [0.5, 4.0, 7.5, 0.0, 3.2, 12.0, 5.2];
    let slope = |x: f64| {
        let ratio = returns.map(|r| r / (1.0 + x * r));
        (ratio.iter().sum::<f64>() / 5.0, -ratio.iter().map(|q| q * q).sum::<f64>() / 5.0)
    };
    let k = bootstrap_shrinkage(&estimates, slope, Some(1.0 / 0.06)).unwrap();
    near(k, 0.516_238_943_585_884_5, 1e-12);
    // An estimate beyond the ruin of the truth bounds the factor below its own share of it.
    let wild = bootstrap_shrinkage(&[4.0, 400.0], slope, Some(1.0 / 0.06)).unwrap();
    assert!(wild > 0.0 && wild < 1.0 / 0.06 / 400.0);
    // Small estimates are not enlarged, and none is none.
    assert_eq!(bootstrap_shrinkage(&[0.1, 0.2], slope, Some(1.0 / 0.06)), Ok(1.0));
    assert_eq!(bootstrap_shrinkage(&[0.0, 0.0], slope, None), Ok(0.0));
    assert!(bootstrap_shrinkage(&[f64::NAN], slope, None).is_err());
}

#[test]
fn resamples_follow_their_seed_and_their_weights() {
    let equal = Resamples::new(&[1.0; 50], 7).unwrap();
    let draw = equal.draw(3);
    assert_eq!((draw.len(), &draw), (50, &Resamples::new(&[2.0; 50], 7).unwrap().draw(3)));
    assert!(draw.iter().all(|&at| at < 50));
    assert_ne!(draw, equal.draw(4));
    assert_ne!(draw, Resamples::new(&[1.0; 50], 8).unwrap().draw(3));
    // Three quarters of the weight: 3:1 over 2,000 draws of 2, and nothing without weight.
    let uneven = Resamples::new(&[3.0, 0.0, 1.0, 0.0], 1).unwrap();
    let drawn: Vec<usize> = (0..1_000).flat_map(|index| uneven.draw(index)).collect();
    assert_eq!(drawn.len(), 2_000); // 16 / 10, rounded up.
    assert!(drawn.iter().all(|&at| at == 0 || at == 2));
    let share = drawn.iter().filter(|&&at| at == 0).count() as f64 / 2_000.0;
    assert!((share - 0.75).abs() < 4.0 * (0.75_f64 * 0.25 / 2_000.0).sqrt());
}

const DAYS: [[f64; 2]; 12] = [
    [0.031, -0.012],
    [0.012, -0.011],
    [0.028, 0.045],
    [-0.025, -0.009],
    [0.057, 0.014],
    [-0.021, 0.027],
    [0.026, -0.051],
    [-0.034, 0.030],
    [-0.008, 0.012],
    [0.005, -0.016],
    [0.011, 0.030],
    [-0.018, 0.022],
];

#[test]
fn joint_positions_agree_with_scipy() {
    let days: Vec<Vec<f64>> = DAYS.iter().map(|row| row.to_vec()).collect();
    let equal = [1.0; 12];
    let aged: Vec<f64> = (0..12).map(|i| (-f64::from(11 - i) / 6.0).exp2()).collect();
    let lambda = risk_aversion(0.7, 0.1).unwrap();
    // scipy.optimize.minimize(method="SLSQP") on the same problem.
    for (weights, leverage, lambda, expect, growth) in [
        (&equal[..], 20.0, 0.0, [9.701_071, 10.298_929], 0.074_107_959_525),
        (&equal[..], 20.0, lambda, [4.044_637, 3.933_271], 0.039_677_423_699),
        (&equal[..], 3.0, 0.0, [0.668_965, 2.331_035], 0.017_421_696_817),
        (&aged[..], 20.0, 0.0, [7.479_206, 12.520_794], 0.071_405_506_688),
        (&aged[..], 20.0, lambda, [3.460_883, 4.398_493], 0.036_606_939_969),
        (&aged[..], 3.0, lambda, [0.0, 3.0], 0.022_994_093_440),
    ] {
        let outcomes = Outcomes::levered(weights, &days, leverage).unwrap();
        let best = outcomes.risk_constrained_kelly(lambda).unwrap();
        near(best.growth, growth, 1e-8);
        for (weight, expect) in best.weights.iter().zip(expect) {
            near(leverage * weight, expect, 2e-5);
        }
    }
    let outcomes = Outcomes::levered(&equal, &days, 20.0).unwrap();
    let best = outcomes.risk_constrained_quadratic(lambda).unwrap();
    near(20.0 * best.weights[0], 2.473_523, 2e-5);
    near(20.0 * best.weights[1], 2.928_787, 2e-5);
    // A scale at which equal parts would be ruined still finds the inner optimum.
    let wide = Outcomes::levered(&equal, &days, 500.0).unwrap();
    let wide = wide.risk_constrained_kelly(lambda).unwrap();
    near(500.0 * wide.weights[0], 4.044_637, 1e-3);
}

#[test]
fn levered_outcomes_are_checked() {
    let rows = vec![vec![0.1, -0.1], vec![0.2, 0.0]];
    let reason = |weights: &[f64], rows: &[Vec<f64>], leverage| {
        Outcomes::levered(weights, rows, leverage).unwrap_err().reason()
    };
    assert_eq!(reason(&[1.0], &rows, 2.0), "length_mismatch");
    assert_eq!(reason(&[1.0, 1.0], &[vec![0.1], vec![0.1, 0.2]], 2.0), "length_mismatch");
    assert_eq!(reason(&[1.0, 1.0], &[vec![f64::NAN], vec![0.1]], 2.0), "bad_element");
    assert_eq!(reason(&[1.0, 1.0], &rows, 0.0), "out_of_range");
    assert_eq!(reason(&[], &[], 2.0), "too_few_observations");
}

fn sample() -> impl Strategy<Value = Vec<TradeOutcome>> {
    let trade = (-0.2..0.3_f64, 0.0..0.3_f64, prop::bool::ANY, 0.01..1.0_f64).prop_map(
        |(unit_return, more, is_long, weight)| TradeOutcome {
            unit_return,
            adverse_excursion: (more - unit_return).max(0.0),
            side: if is_long { 1.0 } else { -1.0 },
            weight,
        },
    );
    prop::collection::vec(trade, 1..25)
}

fn backing() -> impl Strategy<Value = Backing> {
    prop_oneof![
        Just(Backing::Cross),
        (1.0..50.0_f64).prop_map(|leverage| Backing::Isolated { leverage }),
        (0.01..0.99_f64).prop_map(|share| Backing::Posted { share }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_leverage_grows_faster_than_the_best(
        trades in sample(),
        backing in backing(),
        stress_trades in prop_oneof![Just(0.0), Just(1.0)],
        cap in 0.1..40.0_f64,
    ) {
        let terms = terms(backing, stress_trades);
        let sample = LiquidationSample::new(&trades, &terms).unwrap();
        let best = sample.best(cap).unwrap();
        prop_assert!((0.0..=cap).contains(&best.leverage));
        prop_assert!(best.growth >= 0.0 && best.growth.is_finite());
        for step in 1..=200 {
            let growth = sample.log_growth(cap * f64::from(step) / 200.0);
            prop_assert!(growth <= best.growth + 1e-12, "{growth} above {best:?}");
        }
    }

    #[test]
    fn liquidation_never_allows_more_than_its_absence_under_cross(trades in sample()) {
        let returns: Vec<f64> = trades.iter().map(|trade| trade.unit_return).collect();
        let weights: Vec<f64> = trades.iter().map(|trade| trade.weight).collect();
        let free = empirical_kelly_weighted(
            WeightedReturns { returns: &returns, weights: &weights },
            EmpiricalKellySettings { cost: 0.0, cap: 30.0 },
        ).unwrap();
        for stress_trades in [0.0, 1.0] {
            let sample = LiquidationSample::new(&trades, &terms(Backing::Cross, stress_trades));
            let sample = sample.unwrap();
            let bound = sample.best(30.0).unwrap();
            prop_assert!(bound.leverage <= free.leverage * (1.0 + 1e-9));
            prop_assert!(sample.bound().is_none_or(|limit| bound.leverage < limit));
        }
    }

    #[test]
    fn nothing_is_nan_however_odd_the_numbers(
        values in prop::collection::vec(
            prop_oneof![
                Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e-300), Just(-1e-300),
                Just(1e300), Just(-1e300), Just(f64::MAX), Just(-0.5), -1.0..1.0_f64,
            ],
            0..6,
        ),
        weight in prop_oneof![Just(1.0), Just(0.0), Just(1e-300), Just(1e300), Just(f64::NAN)],
        lambda in prop_oneof![Just(0.0), Just(6.5), Just(1e300), Just(f64::NAN)],
        cap in prop_oneof![Just(f64::INFINITY), Just(5.0), Just(1e-300), Just(f64::NAN)],
    ) {
        let fine = |found: Result<f64, SizingError>| found.is_err() || found.unwrap().is_finite();
        let weights = vec![weight; values.len()];
        let sample = WeightedReturns { returns: &values, weights: &weights };
        let settings = EmpiricalKellySettings { cost: 0.0, cap };
        prop_assert!(fine(empirical_kelly_weighted(sample, settings).map(|best| best.leverage)));
        prop_assert!(fine(risk_constrained_sample(sample, lambda, cap)));
        prop_assert!(fine(risk_constrained_quadratic_sample(sample, lambda, cap)));
        prop_assert!(fine(optimal_f(&values).map(|found| found.fraction)));
        let trades: Vec<TradeOutcome> = values.iter().map(|&value| TradeOutcome {
            unit_return: value, adverse_excursion: value.abs(), side: -1.0, weight,
        }).collect();
        for backing in [
            Backing::Cross, Backing::Isolated { leverage: 10.0 }, Backing::Posted { share: 0.5 },
        ] {
            let best = LiquidationSample::new(&trades, &terms(backing, 1.0))
                .and_then(|sample| sample.best(cap));
            prop_assert!(fine(best.map(|best| best.leverage)));
        }
        let rows: Vec<Vec<f64>> = values.iter().map(|&value| vec![value, -value / 2.0]).collect();
        let joint = Outcomes::levered(&weights, &rows, 3.0)
            .and_then(|outcomes| outcomes.risk_constrained_kelly(lambda));
        prop_assert!(fine(joint.map(|best| best.weights[0])));
    }
}
