//! Differences of two Sharpe ratios.

use std::path::PathBuf;

use plimsoll_risk::RiskError;
use plimsoll_risk::compare::sharpe_bootstrap::{
    BlockCalibration, SharpeBootstrap, calibrate_block, sharpe_difference_bootstrap,
};
use plimsoll_risk::compare::sharpe_difference::{
    Bandwidth, sharpe_difference, sharpe_difference_hac,
};
use plimsoll_risk::resample::circular::CircularBlockBootstrap;
use plimsoll_risk::sharpe::{SharpeMoments, sharpe_standard_error_autocorrelated};
use proptest::prelude::*;

use super::{assert_close, noise};

/// Two columns with a common part; their Sharpe ratios differ by -0.11.
fn pair() -> (Vec<f64>, Vec<f64>) {
    let (one, two) = (noise(1, 120), noise(2, 120));
    let second = one.iter().zip(&two).map(|(one, two)| 0.5 * two + 0.5 * one - 0.43).collect();
    (one.iter().map(|one| one - 0.45).collect(), second)
}

/// Two columns of a file without a header in the golden folder; `None` where that is absent.
fn golden_pair(file: &str) -> Option<(Vec<f64>, Vec<f64>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/data");
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: the golden folder has no data/{file}");
        return None;
    };
    let number = |text: &str| text.trim().parse::<f64>().unwrap();
    let row = |line: &str| {
        let (first, second) = line.split_once(',').unwrap();
        (number(first), number(second))
    };
    Some(text.lines().map(row).unzip())
}

/// The data of Ledoit & Wolf (2008): autocorrelation turns the verdict on the hedge funds round.
/// p-values of the bootstrap: a program in numpy with their 4 x 4 matrices, 40,000 draws.
#[test]
fn published_data_of_ledoit_and_wolf() {
    for (file, hac, block, bootstrap) in [
        ("lw2008_hedge.csv", 0.158_228_08, 6, 0.2024),
        ("lw2008_mutual.csv", 0.064_621_86, 4, 0.0795),
    ] {
        let Some((first, second)) = golden_pair(file) else { continue };
        let independent = sharpe_difference(&first, &second).unwrap();
        assert!(independent.p_value < 0.05, "{file} {independent:?}");
        let test = sharpe_difference_hac(&first, &second, Bandwidth::OfMoments).unwrap();
        assert_close(test.p_value, hac, 2e-8);
        assert_close(test.difference, independent.difference, 1e-12);
        let settings =
            SharpeBootstrap { block, draws: 20_000, seed: 1, bandwidth: Bandwidth::OfMoments };
        let resampled = sharpe_difference_bootstrap(&first, &second, &settings).unwrap();
        assert!((resampled.p_value - bootstrap).abs() < 0.015, "{file} {}", resampled.p_value);
        assert!(resampled.low < 0.0 && resampled.high > 0.0);
    }
}

/// A program in numpy with Ledoit & Wolf's moments, gradient and 4 x 4 matrices.
#[test]
fn agrees_with_the_matrices_of_the_paper() {
    let (first, second) = pair();
    for (periods, standard_error) in
        [(0.0, 0.077_442_163_893_918_61), (5.0, 0.092_615_239_264_858_28)]
    {
        let test = sharpe_difference_hac(&first, &second, Bandwidth::Periods(periods)).unwrap();
        assert_close(test.difference, -0.111_571_920_377_869_06, 1e-12);
        assert_close(test.standard_error, standard_error, 1e-12);
        assert_close(test.z, test.difference / standard_error, 1e-10);
    }
    let hac = |bandwidth| sharpe_difference_hac(&first, &second, bandwidth).unwrap();
    assert_close(hac(Bandwidth::OfDifference).bandwidth_periods, 5.636_520_508_146_101, 1e-9);
    assert_close(hac(Bandwidth::OfMoments).bandwidth_periods, 2.080_895_405_664_711, 1e-9);
    // The published rule depends on the unit.
    let per_cent = |column: &[f64]| column.iter().map(|r| 100.0 * r).collect::<Vec<f64>>();
    let scaled = (per_cent(&first), per_cent(&second));
    let hac = |bandwidth| sharpe_difference_hac(&scaled.0, &scaled.1, bandwidth).unwrap();
    assert_close(hac(Bandwidth::OfMoments).bandwidth_periods, 1.524_626_429_529_434_3, 1e-9);
    assert_close(hac(Bandwidth::OfDifference).bandwidth_periods, 5.636_520_508_146_101, 1e-9);

    for (block, p_value, critical) in [(1, 0.2296, 1.9725), (5, 0.2528, 2.1301)] {
        let bandwidth = Bandwidth::Periods(5.0);
        let settings = SharpeBootstrap { block, draws: 20_000, seed: 4, bandwidth };
        let test = sharpe_difference_bootstrap(&first, &second, &settings).unwrap();
        // Five standard errors of 20,000 draws.
        assert!((test.p_value - p_value).abs() < 0.017, "block {block}: {}", test.p_value);
        let half_width = 0.5 * (test.high - test.low) / test.standard_error;
        assert!((half_width - critical).abs() < 0.06, "block {block}: {half_width}");
        assert_eq!(test.undefined_draws, 0);
    }
}

/// The same program on one column; and without autocorrelation, Mertens' variance.
#[test]
fn one_ratio_with_autocorrelation() {
    let (first, second) = pair();
    for (column, expected) in
        [(&first, 0.092_750_616_461_206_08), (&second, 0.094_708_956_242_709_61)]
    {
        let got = sharpe_standard_error_autocorrelated(column).unwrap();
        assert_close(got, expected, 1e-12);
    }
    // 1, -1, -1, 1 about the mean has no first autocorrelation.
    let returns: Vec<f64> = (0..400).map(|t| [1.2, -0.8, -0.8, 1.2][t % 4]).collect();
    let moments = SharpeMoments::of(&returns).unwrap();
    let sharpe = moments.sharpe * (400.0_f64 / 399.0).sqrt();
    let mertens = SharpeMoments { sharpe, ..moments }.variance().unwrap() * 399.0 / 396.0;
    let got = sharpe_standard_error_autocorrelated(&returns).unwrap();
    assert_close(got, mertens.sqrt(), 1e-3);
    // Moving sums of eight: the mean varies by nearly the root of eight more than it seems to.
    let sums: Vec<f64> =
        noise(6, 1000).windows(8).map(|eight| eight.iter().sum::<f64>() - 3.9).collect();
    let apparent = SharpeMoments::of(&sums).unwrap().standard_error().unwrap();
    let ratio = sharpe_standard_error_autocorrelated(&sums).unwrap() / apparent;
    assert!((2.0..3.5).contains(&ratio), "{ratio}");

    assert!(sharpe_standard_error_autocorrelated(&first[..9]).is_err());
    assert!(sharpe_standard_error_autocorrelated(&[0.5; 50]).is_err());
    assert!(sharpe_standard_error_autocorrelated(&[f64::NAN; 50]).is_err());
    for scale in [1e-300, 1e300] {
        let scaled: Vec<f64> = first.iter().map(|r| r * scale).collect();
        let got = sharpe_standard_error_autocorrelated(&scaled).unwrap();
        assert_close(got, 0.092_750_616_461_206_08, 1e-9);
    }
}

#[test]
fn every_scale() {
    let (first, second) = pair();
    let bandwidths = [Bandwidth::OfDifference, Bandwidth::OfMoments, Bandwidth::Periods(4.0)];
    let expected = sharpe_difference(&first, &second).unwrap();
    for (one, two) in [(1e-300, 1e300), (1e300, 1e300), (1e-300, 1e-300), (1e-12, 1.0)] {
        let scaled_first: Vec<f64> = first.iter().map(|r| r * one).collect();
        let scaled_second: Vec<f64> = second.iter().map(|r| r * two).collect();
        let test = sharpe_difference(&scaled_first, &scaled_second).unwrap();
        assert_close(test.z, expected.z, 1e-10);
        for bandwidth in bandwidths {
            let unscaled = sharpe_difference_hac(&first, &second, bandwidth).unwrap();
            let test = sharpe_difference_hac(&scaled_first, &scaled_second, bandwidth).unwrap();
            assert_close(test.difference, unscaled.difference, 1e-10);
            assert!(test.p_value > 0.0 && test.p_value < 1.0);
            if bandwidth != Bandwidth::OfMoments {
                assert_close(test.z, unscaled.z, 1e-9);
            }
        }
        let settings = SharpeBootstrap { draws: 99, ..SharpeBootstrap::default() };
        let test = sharpe_difference_bootstrap(&scaled_first, &scaled_second, &settings).unwrap();
        let unscaled = sharpe_difference_bootstrap(&first, &second, &settings).unwrap();
        assert_close(test.p_value, unscaled.p_value, 0.011);
    }
}

#[test]
fn calibration_chooses_the_block_nearest_to_the_level() {
    let (first, second) = pair();
    let calibration = BlockCalibration {
        candidates: vec![10, 1, 5],
        samples: 100,
        draws: 99,
        ..BlockCalibration::default()
    };
    let choice = calibrate_block(&first, &second, &calibration).unwrap();
    assert_eq!(choice.rejection_rates.len(), 3);
    let off = |rate: &f64| (rate - 0.05).abs();
    let nearest = choice.rejection_rates.iter().map(off).fold(1.0, f64::min);
    let chosen = calibration.candidates.iter().position(|block| *block == choice.block).unwrap();
    assert_eq!(off(&choice.rejection_rates[chosen]), nearest);
    // Independent data: every candidate is near its level, binomial(100, 0.05) below 20 %.
    assert!(choice.rejection_rates.iter().all(|rate| *rate < 0.2), "{choice:?}");
    assert_eq!(choice, calibrate_block(&first, &second, &calibration).unwrap());
}

/// Sharpe ratios that are equal, of returns with a first autocorrelation of a half.
#[test]
fn bootstrap_keeps_its_level_where_the_normal_test_does_not() {
    let samples = 200;
    let smooth = |seed: u64| {
        let numbers = noise(seed, 125);
        let sums = numbers.windows(4).map(|four| four.iter().sum::<f64>() - 1.8);
        sums.take(120).collect::<Vec<f64>>()
    };
    let (mut normal, mut resampled) = (0, 0);
    for sample in 0..samples {
        let (first, second) = (smooth(sample * 7_919 + 3), smooth(sample * 104_729 + 11));
        normal += usize::from(sharpe_difference(&first, &second).unwrap().p_value <= 0.10);
        let settings = SharpeBootstrap { block: 8, draws: 199, seed: sample, ..Default::default() };
        let test = sharpe_difference_bootstrap(&first, &second, &settings).unwrap();
        resampled += usize::from(test.p_value <= 0.10);
    }
    eprintln!("of {samples}, {normal} by the normal test, {resampled} by the bootstrap");
    // Binomial(200, 0.1) lies between 6 and 38 with a probability above 0.9999.
    assert!(normal > 50, "{normal}");
    assert!((6..=44).contains(&resampled), "{resampled}");
}

#[test]
fn refuses_what_it_cannot_use() {
    let (first, second) = pair();
    let hac = |a: &[f64], b: &[f64]| sharpe_difference_hac(a, b, Bandwidth::OfDifference);
    let doubled: Vec<f64> = first.iter().map(|r| 2.0 * r).collect();
    for column in [&doubled[..], &first, &[0.5; 120]] {
        assert!(matches!(hac(&first, column), Err(RiskError::Undefined { .. })));
        let all = sharpe_difference_bootstrap(&first, column, &SharpeBootstrap::default());
        assert!(matches!(all, Err(RiskError::Undefined { .. })));
    }
    assert!(matches!(hac(&first[..9], &second[..9]), Err(RiskError::TooFewObservations { .. })));
    assert!(matches!(hac(&first, &second[1..]), Err(RiskError::LengthMismatch { .. })));
    assert!(matches!(hac(&[f64::NAN; 20], &[0.1; 20]), Err(RiskError::NonFinite { index: 0, .. })));
    for periods in [-1.0, f64::NAN, f64::INFINITY] {
        let test = sharpe_difference_hac(&first, &second, Bandwidth::Periods(periods));
        assert!(matches!(test, Err(RiskError::OutOfRange { name: "bandwidth", .. })));
    }
    let with = |settings: SharpeBootstrap| sharpe_difference_bootstrap(&first, &second, &settings);
    let usual = SharpeBootstrap { draws: 19, ..SharpeBootstrap::default() };
    assert!(with(usual).is_ok());
    assert!(matches!(
        with(SharpeBootstrap { block: 25, ..usual }),
        Err(RiskError::TooFewBlocks { .. })
    ));
    assert!(with(SharpeBootstrap { block: 0, ..usual }).is_err());
    assert!(with(SharpeBootstrap { draws: 18, ..usual }).is_err());

    let calibrate = |change: &dyn Fn(&mut BlockCalibration)| {
        let mut calibration = BlockCalibration { samples: 10, draws: 19, ..Default::default() };
        change(&mut calibration);
        calibrate_block(&first, &second, &calibration)
    };
    assert!(calibrate(&|_| {}).is_ok());
    assert!(calibrate(&|c| c.candidates.clear()).is_err());
    assert!(calibrate(&|c| c.candidates.push(60)).is_err());
    assert!(calibrate(&|c| c.samples = 0).is_err());
    assert!(calibrate(&|c| c.alpha = 1.0).is_err());
    assert!(calibrate(&|c| c.residual_block = 0.5).is_err());
    assert!(calibrate_block(&first, &first, &BlockCalibration::default()).is_err());
}

#[test]
fn circular_blocks_wrap_around() {
    let bootstrap = CircularBlockBootstrap::new(7, 3, 5).unwrap();
    let (mut seen, mut starts) = (false, [0; 7]);
    for draw in 0..700 {
        let mut positions = [0; 8];
        bootstrap.fill(draw, &mut positions);
        for block in positions.chunks(3) {
            starts[block[0] as usize] += 1;
            for pair in block.windows(2) {
                assert_eq!(pair[1], (pair[0] + 1) % 7);
                seen |= pair[1] == 0;
            }
        }
    }
    assert!(seen);
    // 2,100 starts over seven positions: 300 each, standard deviation 16.
    assert!(starts.iter().all(|count| (220..380).contains(count)), "{starts:?}");
    for (n, block) in [(0, 1), (7, 0), (7, 8)] {
        assert!(CircularBlockBootstrap::new(n, block, 1).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn differences_turn_round(
        pairs in proptest::collection::vec((-0.5..0.5_f64, -0.5..0.5_f64), 12..80),
        c in 0.1..9.0_f64,
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let scaled: Vec<f64> = a.iter().map(|a| c * a).collect();
        let one = sharpe_difference_hac(&a, &b, Bandwidth::OfDifference).unwrap();
        let other = sharpe_difference_hac(&b, &scaled, Bandwidth::OfDifference).unwrap();
        prop_assert!((one.z + other.z).abs() < 1e-7 * (1.0 + one.z.abs()));
        prop_assert!((0.0..=1.0).contains(&one.p_value));
        let settings = SharpeBootstrap { block: 2, draws: 39, ..SharpeBootstrap::default() };
        let one = sharpe_difference_bootstrap(&a, &b, &settings).unwrap();
        let other = sharpe_difference_bootstrap(&b, &scaled, &settings).unwrap();
        prop_assert!((one.p_value - other.p_value).abs() <= 0.026);
        prop_assert!((one.low + other.high).abs() < 1e-6 * (1.0 + one.low.abs()));
    }
}
