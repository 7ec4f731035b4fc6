//! The probability of backtest overfitting.

use plimsoll_risk::RiskError;
use plimsoll_risk::compare::overfitting::{BacktestOverfitting, Performance};
use proptest::prelude::*;

use super::{assert_close, noise, slices};

const BOTH: [Performance; 2] = [Performance::Sharpe, Performance::MeanLogGrowth];

/// Two periods a block, both with the log return given, in per cent.
fn rule(by_block: &[f64]) -> Vec<f64> {
    by_block.iter().flat_map(|log| [(log / 100.0).exp_m1(); 2]).collect()
}

/// Four blocks, six splits, two rules; the second earns nothing. By the blocks in sample:
///
/// | in sample | first in, out | chosen | rank out of sample |
/// |---|---|---|---|
/// | 0 1 | 2, -1 | first | 1 |
/// | 0 2 | 1.5, -0.5 | first | 1 |
/// | 1 2 | 0.5, 0.5 | first | 2 |
/// | 0 3 | 0.5, 0.5 | first | 2 |
/// | 1 3 | -0.5, 1.5 | second | 1 |
/// | 2 3 | -1, 2 | second | 1 |
#[test]
fn four_blocks_by_hand() {
    let (first, second) = (rule(&[3.0, 1.0, 0.0, -2.0]), rule(&[0.0; 4]));
    let result =
        BacktestOverfitting::of(&[&first, &second], 4, Performance::MeanLogGrowth).unwrap();
    assert_eq!(result.splits.len(), 6);
    let chosen: Vec<usize> = result.splits.iter().map(|split| split.chosen[0]).collect();
    assert_eq!(chosen, [0, 0, 0, 0, 1, 1]);
    let expected = [
        (2.0, -1.0, 1.0),
        (1.5, -0.5, 1.0),
        (0.5, 0.5, 2.0),
        (0.5, 0.5, 2.0),
        (0.0, 0.0, 1.0),
        (0.0, 0.0, 1.0),
    ];
    for (split, (inside, outside, rank)) in result.splits.iter().zip(expected) {
        assert_close(split.in_sample * 100.0, inside, 1e-12);
        assert_close(split.out_of_sample * 100.0, outside, 1e-12);
        assert_close(split.relative_rank, rank / 3.0, 1e-15);
        assert_close(split.logit, (rank / (3.0 - rank)).ln(), 1e-15);
    }
    assert_close(result.probability, 4.0 / 6.0, 1e-15);
    assert_close(result.probability_of_loss, 2.0 / 6.0, 1e-15);
    // Sums of squares and products about the means: 3.375, -1.875 and 41 / 24.
    let line = result.degradation().unwrap();
    assert_close(line.slope, -1.875 / 3.375, 1e-11);
    assert_close(line.intercept * 100.0, 1.0 / 3.0, 1e-11);
    assert_close(line.r_squared, 1.875 * 1.875 / (3.375 * 41.0 / 24.0), 1e-11);
}

#[test]
fn equal_rules_are_never_above_the_median() {
    let base: Vec<f64> = noise(5, 64).into_iter().map(|u| (u - 0.45) / 10.0).collect();
    // Three times the exposure: the same Sharpe ratio but for its rounding.
    let scaled: Vec<f64> = base.iter().map(|r| 3.0 * r).collect();
    let result = BacktestOverfitting::of(&[&base, &scaled, &base], 8, Performance::Sharpe).unwrap();
    assert_eq!(result.probability, 1.0);
    for split in &result.splits {
        assert_eq!(split.chosen, [0, 1, 2]);
        assert_eq!(split.logit, 0.0);
    }
    // By growth they differ.
    let growth = BacktestOverfitting::of(&[&base, &scaled], 8, Performance::MeanLogGrowth).unwrap();
    assert!(growth.splits.iter().all(|split| split.chosen.len() == 1));
}

#[test]
fn noise_is_overfitted_and_an_edge_is_not() {
    let mut probabilities = Vec::new();
    for seed in 0..40 {
        let rules: Vec<Vec<f64>> = (0..10)
            .map(|rule| {
                let seed = seed * 7_919 + rule * 104_729 + 1;
                noise(seed, 160).into_iter().map(|u| (u - 0.5) / 10.0).collect()
            })
            .collect();
        let result = BacktestOverfitting::of(&slices(&rules), 8, Performance::Sharpe).unwrap();
        probabilities.push(result.probability);
        let mut better = rules.clone();
        better[3].iter_mut().for_each(|r| *r += 0.05);
        let result = BacktestOverfitting::of(&slices(&better), 8, Performance::Sharpe).unwrap();
        assert_eq!(result.probability, 0.0, "seed {seed}");
        assert!(result.splits.iter().all(|split| split.chosen == [3]));
    }
    // Its mean over samples is a half; one sample's has a standard deviation of about 0.25.
    let mean = probabilities.iter().sum::<f64>() / 40.0;
    assert!((0.35..0.65).contains(&mean), "{mean}");
}

#[test]
fn every_scale_and_block_length() {
    let rules: Vec<Vec<f64>> = (0..3).map(|rule| noise(rule + 1, 75)).collect();
    let centred: Vec<Vec<f64>> =
        rules.iter().map(|rule| rule.iter().map(|u| u - 0.5).collect()).collect();
    let expected = BacktestOverfitting::of(&slices(&centred), 6, Performance::Sharpe).unwrap();
    for scale in [1e-300, 1e-150, 1e150, 1e300] {
        let scaled: Vec<Vec<f64>> =
            centred.iter().map(|rule| rule.iter().map(|r| r * scale).collect()).collect();
        let got = BacktestOverfitting::of(&slices(&scaled), 6, Performance::Sharpe).unwrap();
        assert_eq!(got.probability, expected.probability);
        for (got, expected) in got.splits.iter().zip(&expected.splits) {
            assert_close(got.in_sample, expected.in_sample, 1e-12);
        }
    }
    let all = BacktestOverfitting::of(&slices(&centred), 16, Performance::MeanLogGrowth).unwrap();
    assert_eq!(all.splits.len(), 12_870);
    let two = BacktestOverfitting::of(&slices(&centred), 2, Performance::Sharpe).unwrap();
    assert_eq!(two.splits.len(), 2);
}

#[test]
fn refuses_what_it_cannot_use() {
    let good: Vec<f64> = noise(1, 40).into_iter().map(|u| u - 0.5).collect();
    let mut broken = good.clone();
    broken[3] = f64::NAN;
    let mut ruined = good.clone();
    ruined[9] = -1.0;
    let mut flat = good.clone();
    flat[..20].fill(0.01);
    for performance in BOTH {
        let of = |rules: &[&[f64]], blocks| BacktestOverfitting::of(rules, blocks, performance);
        assert!(matches!(of(&[], 4), Err(RiskError::OutOfRange { name: "rules", .. })));
        assert!(matches!(of(&[&good], 4), Err(RiskError::OutOfRange { name: "rules", .. })));
        for blocks in [0, 1, 3, 18, usize::MAX] {
            let result = of(&[&good, &good], blocks);
            assert!(matches!(result, Err(RiskError::OutOfRange { name: "blocks", .. })));
        }
        assert!(matches!(
            of(&[&good, &good[1..]], 4),
            Err(RiskError::LengthMismatch { index: 1, .. })
        ));
        assert!(matches!(
            of(&[&good, &broken], 4),
            Err(RiskError::NonFiniteInColumn { column: 1, index: 3, .. })
        ));
        assert!(matches!(
            of(&[&good[..7], &good[..7]], 4),
            Err(RiskError::TooFewObservations { n: 7, n_min: 8 })
        ));
        assert!(of(&[&[], &[]], 4).is_err());
    }
    let growth = BacktestOverfitting::of(&[&good, &ruined], 4, Performance::MeanLogGrowth);
    assert_eq!(growth, Err(RiskError::Ruined { index: 9 }));
    let sharpe = BacktestOverfitting::of(&[&good, &flat], 4, Performance::Sharpe);
    assert!(matches!(sharpe, Err(RiskError::Undefined { metric: "sharpe", .. })));
    let flat = BacktestOverfitting::of(&[&[0.0; 40], &[0.0; 40]], 4, Performance::MeanLogGrowth);
    let flat = flat.unwrap();
    assert_eq!((flat.probability, flat.probability_of_loss), (1.0, 0.0));
    assert!(matches!(flat.degradation(), Err(RiskError::Undefined { .. })));
}

/// The definition, from the joined returns of each half and without regard to ties.
fn by_definition(rules: &[Vec<f64>], blocks: usize) -> Vec<f64> {
    let n = rules[0].len();
    let sharpe = |rule: &Vec<f64>, half: u32| {
        let chosen: Vec<f64> = (0..blocks)
            .filter(|block| half & (1 << block) != 0)
            .flat_map(|block| rule[block * n / blocks..(block + 1) * n / blocks].to_vec())
            .collect();
        let mean = chosen.iter().sum::<f64>() / chosen.len() as f64;
        let squares: f64 = chosen.iter().map(|r| (r - mean).powi(2)).sum();
        mean / (squares / (chosen.len() - 1) as f64).sqrt()
    };
    let mut logits = Vec::new();
    for half in 0..1_u32 << blocks {
        if half.count_ones() as usize != blocks / 2 {
            continue;
        }
        let other = !half & ((1 << blocks) - 1);
        let inside: Vec<f64> = rules.iter().map(|rule| sharpe(rule, half)).collect();
        let outside: Vec<f64> = rules.iter().map(|rule| sharpe(rule, other)).collect();
        let best = (0..rules.len()).max_by(|a, b| inside[*a].total_cmp(&inside[*b])).unwrap();
        let rank = outside.iter().filter(|value| **value <= outside[best]).count() as f64;
        let share = rank / (rules.len() + 1) as f64;
        logits.push((share / (1.0 - share)).ln());
    }
    logits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn follows_the_definition_and_the_order_of_the_rules(
        seed in 0_u64..1_000_000, n in 24_usize..80, half_of_blocks in 1_usize..5,
        count in 2_usize..7, turn in 0_usize..6, shift in -0.6..0.6_f64,
    ) {
        let blocks = 2 * half_of_blocks;
        let mut rules: Vec<Vec<f64>> = (0..count)
            .map(|rule| {
                let numbers = noise(seed + rule as u64 * 7_919, n);
                numbers.into_iter().map(|u| u - 0.5 + shift * u).collect()
            })
            .collect();
        let result = BacktestOverfitting::of(&slices(&rules), blocks, Performance::Sharpe).unwrap();
        let expected = by_definition(&rules, blocks);
        prop_assert_eq!(result.splits.len(), expected.len());
        for (split, expected) in result.splits.iter().zip(&expected) {
            prop_assert!((split.logit - expected).abs() < 1e-9, "{split:?} {expected}");
        }
        prop_assert!((0.0..=1.0).contains(&result.probability));
        rules.rotate_left(turn % count);
        let turned = BacktestOverfitting::of(&slices(&rules), blocks, Performance::Sharpe).unwrap();
        prop_assert_eq!(turned.probability, result.probability);
        prop_assert_eq!(turned.probability_of_loss, result.probability_of_loss);
    }
}
