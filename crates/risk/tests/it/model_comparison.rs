//! Comparisons of many models: the model confidence set and superior predictive ability.

use plimsoll_risk::RiskError;
use plimsoll_risk::compare::Resampling;
use plimsoll_risk::compare::model_confidence_set::{McsStatistic, ModelConfidenceSet};
use plimsoll_risk::compare::superior_predictive_ability::{
    SpaStatistic, SuperiorPredictiveAbility,
};
use proptest::prelude::*;

use super::{assert_close, noise, slices};

const STATISTICS: [McsStatistic; 2] = [McsStatistic::Range, McsStatistic::Max];

fn resampling(draws: u64) -> Resampling {
    Resampling { mean_block: 5.0, draws, seed: 11 }
}

/// Five models of 400 losses, shifted by 0, 0, 0.02, 0.05 and 0.08.
fn five_models() -> Vec<Vec<f64>> {
    let shifts = [0.0, 0.0, 0.02, 0.05, 0.08];
    let common = noise(99, 400);
    let one = |(index, shift): (usize, f64)| {
        let own = noise(index as u64 + 1, 400);
        common.iter().zip(own).map(|(all, own)| all + 0.5 * own + shift).collect()
    };
    shifts.into_iter().enumerate().map(one).collect()
}

#[test]
fn confidence_set_removes_the_worst_first() {
    let losses = five_models();
    for statistic in STATISTICS {
        let set = ModelConfidenceSet::of(&slices(&losses), statistic, &resampling(2000)).unwrap();
        eprintln!("{statistic:?} {:?} {:?}", set.p_values, set.eliminations);
        assert_eq!(set.eliminations.len(), 4);
        assert_eq!(set.eliminations[0].models, [4]);
        assert_eq!(set.eliminations[1].models, [3]);
        for pair in set.eliminations.windows(2) {
            let (before, after) = (pair[0].models[0], pair[1].models[0]);
            assert!(set.p_values[before] <= set.p_values[after]);
        }
        assert_eq!(set.p_values.iter().filter(|p| **p >= 1.0).count(), 1);
    }
}

#[test]
fn equal_models_stay_together() {
    let one = noise(3, 100);
    for statistic in STATISTICS {
        let all_equal = [&one[..], &one, &one, &one];
        let set = ModelConfidenceSet::of(&all_equal, statistic, &resampling(200)).unwrap();
        assert_eq!(set.p_values, [1.0; 4]);
        assert_eq!(set.included(0.10), [0, 1, 2, 3]);

        // Two equal ones and one that is worse on every day by the same: beyond doubt.
        let worse: Vec<f64> = one.iter().map(|loss| loss + 1.0).collect();
        let losses = [&worse[..], &one, &one];
        let set = ModelConfidenceSet::of(&losses, statistic, &resampling(199)).unwrap();
        assert_eq!(set.p_values, [1.0 / 200.0, 1.0, 1.0]);
        assert!(set.eliminations[0].statistic.is_finite());

        // Constant losses are ranked as they are.
        let (low, high) = ([0.25; 100], [0.5; 100]);
        let losses = [&low[..], &high, &low];
        let set = ModelConfidenceSet::of(&losses, statistic, &resampling(199)).unwrap();
        assert_eq!(set.included(0.05), [0, 2]);
    }
}

#[test]
fn confidence_set_at_every_scale() {
    let base = five_models();
    for statistic in STATISTICS {
        let expected =
            ModelConfidenceSet::of(&slices(&base), statistic, &resampling(300)).unwrap().p_values;
        for scale in [1e-300, 1e-150, 1e-9, 1e9, 1e150, 1e300] {
            let scaled: Vec<Vec<f64>> =
                base.iter().map(|column| column.iter().map(|x| x * scale).collect()).collect();
            let set =
                ModelConfidenceSet::of(&slices(&scaled), statistic, &resampling(300)).unwrap();
            for (got, expected) in set.p_values.iter().zip(&expected) {
                assert_close(*got, *expected, 0.01);
            }
            assert!(set.mean_losses.iter().all(|mean| mean.is_finite() && *mean > 0.0));
        }
    }
}

#[test]
fn confidence_set_refuses_what_it_cannot_use() {
    let (good, short) = (noise(1, 100), noise(2, 99));
    let mut broken = good.clone();
    broken[7] = f64::NAN;
    let of = |losses: &[&[f64]], resampling: &Resampling| {
        ModelConfidenceSet::of(losses, McsStatistic::Range, resampling)
    };
    let usual = resampling(10);
    assert!(matches!(of(&[], &usual), Err(RiskError::OutOfRange { name: "models", .. })));
    assert!(matches!(of(&[&good], &usual), Err(RiskError::OutOfRange { name: "models", .. })));
    assert_eq!(
        of(&[&good, &short], &usual),
        Err(RiskError::LengthMismatch { name: "column", index: 1, length: 99, expected: 100 })
    );
    assert!(matches!(
        of(&[&good, &broken], &usual),
        Err(RiskError::NonFiniteInColumn { column: 1, index: 7, .. })
    ));
    let few = Resampling { mean_block: 11.0, ..usual };
    assert!(matches!(of(&[&good, &good], &few), Err(RiskError::TooFewBlocks { n: 100, .. })));
    let none = Resampling { draws: 0, ..usual };
    assert!(matches!(of(&[&good, &good], &none), Err(RiskError::OutOfRange { name: "draws", .. })));
    let block = Resampling { mean_block: f64::NAN, ..usual };
    assert!(of(&[&good, &good], &block).is_err());
    assert!(of(&[&[], &[]], &usual).is_err());
    assert!(of(&[&[1.0], &[2.0]], &usual).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn confidence_set_follows_the_order_of_the_models(
        seed in 0_u64..1_000_000, shift in 0.0..0.2_f64, turn in 1_usize..4, max in any::<bool>(),
    ) {
        let mut losses: Vec<Vec<f64>> =
            (0..4).map(|index| noise(seed + index * 7919, 60)).collect();
        for loss in &mut losses[2] {
            *loss += shift;
        }
        let statistic = if max { McsStatistic::Max } else { McsStatistic::Range };
        let of = |losses: &[Vec<f64>]| {
            ModelConfidenceSet::of(&slices(losses), statistic, &resampling(99)).unwrap()
        };
        let before = of(&losses);
        losses.rotate_left(turn);
        let mut after = of(&losses).p_values;
        after.rotate_right(turn);
        // Sums over models in another order differ in the last bit, which can turn a draw.
        for (before, after) in before.p_values.iter().zip(&after) {
            prop_assert!((before - after).abs() <= 0.011, "{before} {after}");
        }
        prop_assert!(before.p_values.iter().all(|p| (0.01..=1.0).contains(p)));
        prop_assert!(!before.included(0.5).is_empty());
    }
}

#[test]
fn p_values_of_the_confidence_set_agree_with_arch() {
    // arch 8.0 MCS on the same losses: block_size=5, reps=100_000, seed=1.
    let losses = five_models();
    for (statistic, expected) in [
        (McsStatistic::Range, [1.0, 0.97983, 0.06527, 2e-5, 0.0]),
        (McsStatistic::Max, [1.0, 0.97983, 0.01779, 0.0, 0.0]),
    ] {
        let set = ModelConfidenceSet::of(&slices(&losses), statistic, &resampling(20_000)).unwrap();
        for (model, (got, expected)) in set.p_values.iter().zip(expected).enumerate() {
            let error = (expected * (1.0 - expected) / 20_000.0_f64).sqrt();
            assert!(
                (got - expected).abs() <= 5.0 * error + 2e-4,
                "{statistic:?} model {model}: {got}, arch has {expected}"
            );
        }
    }
}

fn spa(
    losses: &[Vec<f64>],
    benchmark: usize,
    statistic: SpaStatistic,
    draws: u64,
) -> SuperiorPredictiveAbility {
    let models: Vec<&[f64]> = (0..losses.len())
        .filter(|&model| model != benchmark)
        .map(|model| &losses[model][..])
        .collect();
    SuperiorPredictiveAbility::of(&losses[benchmark], &models, statistic, &resampling(draws))
        .unwrap()
}

#[test]
fn superior_predictive_ability_agrees_with_arch() {
    // arch 8.0 SPA on the same losses, which compares advantages as they are whatever its option
    // `studentize` says: block_size=5, reps=100_000, seed=2.
    let losses = five_models();
    for (benchmark, expected) in
        [(4, [0.0, 0.0, 0.0]), (2, [0.02649, 0.02649, 0.04687]), (0, [0.50267, 0.51222, 0.79707])]
    {
        let test = spa(&losses, benchmark, SpaStatistic::Raw, 20_000);
        let got = [test.p_lower, test.p_consistent, test.p_upper];
        for (got, expected) in got.into_iter().zip(expected) {
            let error = (expected * (1.0 - expected) / 20_000.0_f64).sqrt();
            assert!(
                (got - expected).abs() <= 5.0 * error + 2e-4,
                "benchmark {benchmark}: {got}, arch has {expected}"
            );
        }
        // The differences have much the same variance: studentising changes little.
        let studentised = spa(&losses, benchmark, SpaStatistic::Studentised, 20_000);
        assert!((studentised.p_consistent - test.p_consistent).abs() < 0.02);
    }
}

#[test]
fn one_model_is_a_test_of_one_mean() {
    // With one model and independent draws the standard error is that of a mean, divisor n.
    let (benchmark, model) = (noise(1, 200), noise(2, 200));
    let resampling = Resampling { mean_block: 1.0, draws: 4_000, seed: 5 };
    let test = SuperiorPredictiveAbility::of(
        &benchmark,
        &[&model],
        SpaStatistic::Studentised,
        &resampling,
    )
    .unwrap();
    let differences: Vec<f64> = benchmark.iter().zip(&model).map(|(a, b)| a - b).collect();
    let mean = differences.iter().sum::<f64>() / 200.0;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 200.0;
    assert_close(test.mean_differences[0], mean, 1e-12);
    assert_close(test.statistic, mean / (variance / 200.0).sqrt(), 1e-9);
    assert_close(test.t_statistics[0], test.statistic, 1e-12);
    // One-sided normal p-value of the statistic.
    let swapped = SuperiorPredictiveAbility::of(
        &model,
        &[&benchmark],
        SpaStatistic::Studentised,
        &resampling,
    )
    .unwrap();
    assert_close(swapped.statistic, -test.statistic, 1e-12);
    assert_close(swapped.p_upper + test.p_upper, 1.0, 0.03);
}

#[test]
fn benchmark_that_equals_its_models() {
    let one = noise(4, 100);
    for statistic in [SpaStatistic::Studentised, SpaStatistic::Raw] {
        let equal = vec![one.clone(), one.clone(), one.clone()];
        let test = spa(&equal, 0, statistic, 100);
        assert_eq!([test.p_lower, test.p_consistent, test.p_upper], [1.0; 3]);
        assert_eq!(test.statistic, 0.0);

        // Better by the same on every day: beyond doubt, and finite.
        let better: Vec<f64> = one.iter().map(|loss| loss - 0.5).collect();
        let test = spa(&[one.clone(), better.clone()], 0, statistic, 99);
        assert_eq!([test.p_lower, test.p_consistent, test.p_upper], [0.01; 3]);
        assert!(test.statistic.is_finite());
        let test = spa(&[better, one.clone()], 0, statistic, 99);
        assert_eq!(test.p_upper, 1.0);
        assert_eq!(test.relevant, [false]);

        // Nothing but zeros.
        let test = spa(&[vec![0.0; 50], vec![0.0; 50]], 0, statistic, 99);
        assert_eq!(test.p_consistent, 1.0);
    }
}

#[test]
fn superior_predictive_ability_at_every_scale() {
    let base = five_models();
    let expected = spa(&base, 2, SpaStatistic::Studentised, 300);
    for scale in [1e-300, 1e-150, 1e-9, 1e9, 1e150, 1e300] {
        let scaled: Vec<Vec<f64>> =
            base.iter().map(|column| column.iter().map(|x| x * scale).collect()).collect();
        let got = spa(&scaled, 2, SpaStatistic::Studentised, 300);
        assert_close(got.statistic, expected.statistic, 1e-9);
        assert_close(got.p_consistent, expected.p_consistent, 0.01);
        let got = spa(&scaled, 2, SpaStatistic::Raw, 300);
        assert!(got.statistic.is_finite() && got.statistic > 0.0);
    }
}

#[test]
fn superior_predictive_ability_refuses_what_it_cannot_use() {
    let (good, short) = (noise(1, 100), noise(2, 99));
    let mut broken = good.clone();
    broken[7] = f64::INFINITY;
    let of = |models: &[&[f64]], draws: u64| {
        let resampling = resampling(draws);
        SuperiorPredictiveAbility::of(&good, models, SpaStatistic::Studentised, &resampling)
    };
    assert!(matches!(of(&[], 10), Err(RiskError::OutOfRange { name: "models", .. })));
    assert!(matches!(of(&[&good], 0), Err(RiskError::OutOfRange { name: "draws", .. })));
    assert!(matches!(of(&[&short], 10), Err(RiskError::LengthMismatch { index: 1, .. })));
    assert!(matches!(
        of(&[&good, &broken], 10),
        Err(RiskError::NonFiniteInColumn { column: 2, index: 7, .. })
    ));
    let one = SuperiorPredictiveAbility::of(
        &[1.0],
        &[&[2.0]],
        SpaStatistic::Raw,
        &Resampling { mean_block: 1.0, draws: 5, seed: 0 },
    );
    assert!(matches!(one, Err(RiskError::TooFewBlocks { n: 1, .. })));
}

/// Share of samples without any difference in which the test rejects at 10 %.
#[test]
fn tests_have_their_level_where_nothing_differs() {
    let samples = 300;
    let (mut spa_rejected, mut set_lost_one) = (0, 0);
    for sample in 0..samples {
        let losses: Vec<Vec<f64>> =
            (0..4).map(|model| noise(sample * 31 + model * 104_729 + 17, 120)).collect();
        let resampling = Resampling { mean_block: 2.0, draws: 199, seed: sample };
        let models: Vec<&[f64]> = losses[1..].iter().map(Vec::as_slice).collect();
        let test = SuperiorPredictiveAbility::of(
            &losses[0],
            &models,
            SpaStatistic::Studentised,
            &resampling,
        )
        .unwrap();
        spa_rejected += usize::from(test.p_consistent <= 0.10);
        let set = ModelConfidenceSet::of(&slices(&losses), McsStatistic::Max, &resampling).unwrap();
        set_lost_one += usize::from(set.included(0.10).len() < 4);
    }
    // Binomial(300, 0.1) lies between 10 and 52 with a probability above 0.9999; the tests of
    // small samples are somewhat liberal.
    eprintln!("{spa_rejected} and {set_lost_one} of {samples} rejected at 10 %");
    assert!((10..=60).contains(&spa_rejected), "{spa_rejected}");
    assert!((10..=60).contains(&set_lost_one), "{set_lost_one}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hopeless_models_change_only_the_reality_check(
        seed in 0_u64..1_000_000, worse_by in 1.0..100.0_f64, raw in any::<bool>(),
    ) {
        let mut losses: Vec<Vec<f64>> =
            (0..4).map(|index| noise(seed + index * 7919, 60)).collect();
        let statistic = if raw { SpaStatistic::Raw } else { SpaStatistic::Studentised };
        let without = spa(&losses, 0, statistic, 99);
        prop_assert!(without.p_lower <= without.p_consistent);
        prop_assert!(without.p_consistent <= without.p_upper);
        let hopeless: Vec<f64> =
            noise(seed + 5, 60).into_iter().map(|loss| loss + worse_by + 1.0).collect();
        losses.push(hopeless);
        let with = spa(&losses, 0, statistic, 99);
        prop_assert_eq!(with.best, without.best);
        prop_assert!((with.p_lower - without.p_lower).abs() <= 0.011);
        prop_assert!((with.p_consistent - without.p_consistent).abs() <= 0.011);
        prop_assert!(with.p_upper >= without.p_upper - 0.011);
        prop_assert!(!with.relevant[3]);
    }
}

/// Hansen (2005, section 3.2): a model counts unless it is worse by more than the root of
/// `2 ln ln n` standard errors, 1.826 at 200 periods.
#[test]
fn a_model_counts_up_to_the_law_of_the_iterated_logarithm() {
    let noise = |seed: u32| move |t: u32| f64::from((t * t * 31 + t * seed) % 101) / 101.0;
    let benchmark: Vec<f64> = (0..200).map(noise(7)).collect();
    let worse = |by: u32| -> Vec<f64> {
        (0..200).map(noise(13)).map(|loss| loss + f64::from(by) * 2e-3).collect()
    };
    let models: Vec<Vec<f64>> = (0..80).map(worse).collect();
    let columns: Vec<&[f64]> = models.iter().map(Vec::as_slice).collect();
    let resampling = Resampling { mean_block: 5.0, draws: 19, seed: 1 };
    let test =
        SuperiorPredictiveAbility::of(&benchmark, &columns, SpaStatistic::Studentised, &resampling)
            .unwrap();
    let between =
        |low: f64, high: f64| test.t_statistics.iter().filter(|t| (low..high).contains(t)).count();
    assert!(between(-1.8, -1.3) > 0 && between(-3.0, -1.85) > 0);
    for (t, relevant) in test.t_statistics.iter().zip(&test.relevant) {
        assert_eq!(*relevant, *t >= -1.826_137_613_730_936_4, "{t}");
    }
}
