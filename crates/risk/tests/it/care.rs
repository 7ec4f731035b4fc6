//! Conditional autoregressive expectiles: values by hand and of other programs, recovery of a
//! simulated process, what must not depend on scale or on the future, and what is refused.

use plimsoll_risk::RiskError;
use plimsoll_risk::expectile::care::{Care, CareModel};
use plimsoll_risk::expectile::care_fit::{CareFit, CareSettings};
use plimsoll_risk::expectile::care_tail::{CareTail, expectile_shortfall};
use plimsoll_risk::expectile::sample::{expectile, expectile_es, normal_expectile};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assert_close;

const MODELS: [CareModel; 3] =
    [CareModel::SymmetricAbsoluteValue, CareModel::AsymmetricSlope, CareModel::KuanYehHsu];

/// A series with clusters of volatility by a linear congruential generator, so that a reference
/// program can make the same one.
pub(crate) fn clustered(n: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let (mut size, mut last) = (1.0_f64, 0.0_f64);
    (0..n)
        .map(|_| {
            let mut total = 0.0;
            for _ in 0..4 {
                state = (1_664_525 * state + 1_013_904_223) % (1 << 32);
                total += state as f64 / 4_294_967_296.0;
            }
            let z = (total - 2.0) * 1.732_050_807_568_877_2;
            size = 0.05 + 0.8 * size + 0.1 * last.abs() + 0.15 * (-last).max(0.0);
            last = size * z;
            last
        })
        .collect()
}

fn fit(returns: &[f64], model: CareModel, tau: f64) -> CareFit {
    CareFit::of(returns, model, tau, &CareSettings::default()).unwrap()
}

fn refused(returns: &[f64], model: CareModel, tau: f64) -> RiskError {
    CareFit::of(returns, model, tau, &CareSettings::default()).unwrap_err()
}

/// e = -1, then -0.1 - 0.5 - 0.2 = -0.8, then -0.1 - 0.4 - 0.8 = -1.3, then -0.1 - 0.65 - 0.4;
/// residuals 1.5 and -1.2 and 2.3 with weights 0.2, 0.8, 0.2.
#[test]
fn the_symmetric_recursion_by_hand() {
    let model = CareModel::SymmetricAbsoluteValue;
    let care = Care::new(model, 0.2, vec![-0.1, 0.5, -0.4], -1.0).unwrap();
    let returns = [0.5, -2.0, 1.0];
    let path = care.filter(&returns).unwrap();
    for (got, expected) in path.expectiles.iter().zip([-1.0, -0.8, -1.3]) {
        assert_close(*got, expected, 1e-15);
    }
    assert_close(path.next, -1.15, 1e-15);
    let loss = (0.2 * 2.25 + 0.8 * 1.44 + 0.2 * 5.29) / 3.0;
    assert_close(care.loss(&returns).unwrap(), loss, 1e-15);
    assert_close(care.step(-0.8, -2.0).unwrap(), -1.3, 1e-15);
}

/// A gain of 0.5 lowers by 0.05, a loss of 2 by 1.2: e = -1, -0.65, -1.625; and next after a
/// gain of 1: -0.1 - 0.8125 - 0.1.
#[test]
fn the_asymmetric_recursion_by_hand() {
    let model = CareModel::AsymmetricSlope;
    let care = Care::new(model, 0.1, vec![-0.1, 0.5, -0.1, -0.6], -1.0).unwrap();
    let path = care.filter(&[0.5, -2.0, 1.0]).unwrap();
    for (got, expected) in path.expectiles.iter().zip([-1.0, -0.65, -1.625]) {
        assert_close(*got, expected, 1e-15);
    }
    assert_close(path.next, -1.0125, 1e-15);
    let loss = (0.1 * 2.25 + 0.9 * 1.35 * 1.35 + 0.1 * 2.625 * 2.625) / 3.0;
    assert_close(care.loss(&[0.5, -2.0, 1.0]).unwrap(), loss, 1e-15);
}

/// e after 0.5: -1 + 0.1 - 0.025; after -2: -1 - 0.4 - 1.2. The first return has no forecast and
/// no part in the loss.
#[test]
fn the_linear_model_by_hand() {
    let model = CareModel::KuanYehHsu;
    let care = Care::new(model, 0.1, vec![-1.0, 0.2, -0.1, -0.3], -7.0).unwrap();
    let path = care.filter(&[0.5, -2.0]).unwrap();
    assert_close(path.expectiles[0], -7.0, 0.0);
    assert_close(path.expectiles[1], -0.925, 1e-15);
    assert_close(path.next, -2.6, 1e-15);
    assert_close(care.loss(&[0.5, -2.0]).unwrap(), 0.9 * 1.075 * 1.075, 1e-15);
    assert_eq!(care.loss(&[0.5]).unwrap_err(), RiskError::TooFewObservations { n: 1, n_min: 2 });
}

/// scipy 1.17: differential evolution, its best point improved by Nelder-Mead, for the recursions;
/// normal equations of iterated weighted least squares in numpy for the linear model.
#[test]
fn estimates_agree_with_other_programs() {
    let returns = clustered(600);
    assert_close(returns[0], -0.272_583_625_006_326_6, 1e-14);
    assert_close(returns[599], -0.583_326_954_841_489_1, 1e-12);
    let known: [(&[f64], f64); 3] = [
        (&[-0.099_981_01, 0.780_936_85, -0.284_409_216], 0.078_233_513_264_579_64),
        (&[-0.073_916_087, 0.805_008_02, -0.183_788_018, -0.360_193_374], 0.077_075_124_012_779_72),
        (
            &[
                -1.357_635_858_490_98,
                0.401_454_428_754_15,
                -0.229_464_690_033_68,
                0.074_335_953_747_28,
            ],
            0.083_080_000_353_726_87,
        ),
    ];
    for (model, (coefficients, loss)) in MODELS.into_iter().zip(known) {
        let fit = fit(&returns, model, 0.02);
        for (got, expected) in fit.care.coefficients().iter().zip(coefficients) {
            assert_close(*got, *expected, 3e-8);
        }
        assert_close(fit.care.loss(&returns).unwrap(), loss, 1e-13);
        assert_close(fit.care.start(), expectile(&returns[..60], 0.02).unwrap(), 1e-14);
        let diagnostics = fit.diagnostics;
        assert!(diagnostics.converged && !diagnostics.at_boundary, "{diagnostics:?}");
        assert_eq!(diagnostics.starts, diagnostics.starts_agreeing);
        let expected = if model == CareModel::KuanYehHsu { 599.0 } else { 600.0 };
        assert_close(fit.coverage_fraction, diagnostics.n_below as f64 / expected, 1e-15);
    }
    assert_close(fit(&returns, MODELS[0], 0.02).care.start(), -1.388_746_095_326_989_2, 1e-13);
}

/// Returns `e_t / c z_t` with `c` the expectile of the normal `z` have the expectile `e_t`.
#[test]
fn a_simulated_process_is_recovered() {
    let (tau, b) = (0.05, [-0.05, 0.88, -0.12]);
    let c = normal_expectile(tau).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut normal = || {
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut e: f64 = -1.0;
    let mut expectiles = Vec::new();
    let returns: Vec<f64> = (0..6000)
        .map(|_| {
            expectiles.push(e);
            let r = e / c * normal();
            e = b[0] + b[1] * e + b[2] * r.abs();
            r
        })
        .collect();
    let symmetric = fit(&returns, CareModel::SymmetricAbsoluteValue, tau);
    let got = symmetric.care.coefficients();
    for (index, width) in [0.03, 0.04, 0.04].into_iter().enumerate() {
        assert!((got[index] - b[index]).abs() < width, "{got:?}");
    }
    // The nested asymmetric model sees about the same slope on both sides.
    let asymmetric = fit(&returns, CareModel::AsymmetricSlope, tau);
    let got = asymmetric.care.coefficients();
    assert!((got[2] - b[2]).abs() < 0.06 && (got[3] - b[2]).abs() < 0.06, "{got:?}");
    assert!(asymmetric.loss_ratio <= symmetric.loss_ratio + 1e-9);
    // And the filtered expectiles lie on those that were simulated.
    let mean_error = (symmetric.path.expectiles.iter().zip(&expectiles))
        .skip(1000)
        .map(|(got, e)| ((got - e) / e).abs())
        .sum::<f64>()
        / 5000.0;
    assert!(mean_error < 0.05, "{mean_error}");
}

/// No point nearby has a lower loss, whichever model, level and start of the search.
#[test]
fn estimates_are_a_minimum() {
    let returns = clustered(400);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for model in MODELS {
        for tau in [0.002, 0.05, 0.6] {
            let fit = fit(&returns, model, tau);
            let least = fit.care.loss(&returns).unwrap();
            for _ in 0..200 {
                let size = 10_f64.powf(-5.0 * rng.random::<f64>());
                let moved: Vec<f64> = (fit.care.coefficients().iter())
                    .map(|b| b + size * (rng.random::<f64>() - 0.5))
                    .collect();
                let Ok(other) = Care::new(model, tau, moved, fit.care.start()) else { continue };
                assert!(other.loss(&returns).unwrap() >= least * (1.0 - 1e-10));
            }
            let settings = CareSettings { seed: 99, ..CareSettings::default() };
            let again = CareFit::of(&returns, model, tau, &settings).unwrap();
            assert_close(again.loss_ratio, fit.loss_ratio, 1e-9);
        }
    }
}

#[test]
fn a_window_that_moves_on_is_fitted_as_from_nothing() {
    let returns = clustered(700);
    let settings = CareSettings::default();
    for model in MODELS {
        let earlier = fit(&returns[..600], model, 0.02);
        let moved = CareFit::from_earlier(&returns[20..620], &earlier.care, 0.02, &settings);
        let (moved, cold) = (moved.unwrap(), fit(&returns[20..620], model, 0.02));
        assert!(moved.diagnostics.converged);
        assert_close(moved.loss_ratio, cold.loss_ratio, 1e-9);
        assert!(moved.diagnostics.evaluations < 200);
    }
}

/// Powers of two change no digit, other factors only the rounding.
#[test]
fn scale_changes_only_the_unit() {
    let returns = clustered(300);
    for model in MODELS {
        let plain = fit(&returns, model, 0.03);
        for factor in [2.0_f64.powi(-40), 2.0_f64.powi(700), 1e-300, 1e300, 0.01] {
            let scaled: Vec<f64> = returns.iter().map(|r| factor * r).collect();
            let fit = fit(&scaled, model, 0.03);
            assert_close(fit.path.next / factor, plain.path.next, 1e-6);
            assert_close(fit.loss_ratio, plain.loss_ratio, 1e-9);
            let tail = CareTail::of(&scaled, model, 0.05, &CareSettings::default()).unwrap();
            let next = tail.next();
            assert!(next.value_at_risk / factor > 0.5 && next.expected_shortfall.is_finite());
        }
        let doubled: Vec<f64> = returns.iter().map(|r| 2.0 * r).collect();
        assert_eq!(fit(&doubled, model, 0.03).path.next, 2.0 * plain.path.next);
    }
    let large = fit(&returns.iter().map(|r| 1e300 * r).collect::<Vec<_>>(), MODELS[0], 0.03);
    assert!(large.care.loss(&[1e300]).is_err(), "its square is beyond a double");
    let tiny: Vec<f64> = returns.iter().map(|r| 1e-300 * r).collect();
    let small = fit(&tiny, MODELS[0], 0.03);
    assert!(small.care.loss(&tiny).is_err(), "its square is below one");
}

/// The coverage is that of `alpha`, and the expected shortfall that of Taylor's relation.
#[test]
fn the_tail_matches_its_probability() {
    let returns = clustered(1000);
    let settings = CareSettings::default();
    for model in MODELS {
        for alpha in [0.01, 0.025, 0.1] {
            let tail = CareTail::of(&returns, model, alpha, &settings).unwrap();
            let n = (1000 - model.n_without_forecast()) as f64;
            let below = tail.fit.diagnostics.n_below as f64;
            assert!((below - alpha * n).abs() <= 0.5 + 1e-9, "{model:?} {alpha} {below}");
            let (next, tau) = (tail.next(), tail.fit.care.tau());
            assert_close(next.value_at_risk, -tail.fit.path.next, 0.0);
            let k = tau / ((1.0 - 2.0 * tau) * alpha);
            let mean = returns.iter().sum::<f64>() / 1000.0;
            let shortfall = -((1.0 + k) * tail.fit.path.next - k * mean);
            assert_close(next.expected_shortfall, shortfall, 1e-12);
            let same = expectile_shortfall(tail.fit.path.next, tail.mean, tau, alpha).unwrap();
            assert_close(next.expected_shortfall, same, 1e-14);
            assert!(next.expected_shortfall > next.value_at_risk);
            let moved = CareTail::from_earlier(&returns[1..], &tail, &settings).unwrap();
            assert!(moved.fits <= 3, "{}", moved.fits);
        }
    }
}

/// Of a constant expectile the relation is the one of the sample: with the level of the quantile it
/// gives the expected shortfall of [`expectile_es`].
#[test]
fn the_relation_of_shortfall_agrees_with_the_sample() {
    let returns = clustered(400);
    let (alpha, mean) = (0.05, returns.iter().sum::<f64>() / 400.0);
    let tau =
        plimsoll_risk::expectile::sample::expectile_tau_for_quantile(&returns, alpha).unwrap();
    let e = expectile(&returns, tau).unwrap();
    let shortfall = expectile_shortfall(e, mean, tau, alpha).unwrap();
    assert_close(shortfall, expectile_es(&returns, alpha).unwrap(), 1e-12);
    for (tau, alpha) in [(0.5, 0.05), (0.0, 0.05), (f64::NAN, 0.05), (0.01, 0.0), (0.01, 1.0)] {
        assert!(expectile_shortfall(-1.0, 0.0, tau, alpha).is_err());
    }
    assert!(expectile_shortfall(-1e308, 1e308, 0.4, 0.01).is_err());
}

/// A strategy that is flat for weeks.
#[test]
fn runs_of_zeros_are_fitted() {
    let mut returns = clustered(500);
    returns[..120].fill(0.0);
    returns[300..360].fill(0.0);
    let settings = CareSettings::default();
    for model in MODELS {
        let tail = CareTail::of(&returns, model, 0.02, &settings).unwrap();
        assert!(tail.fit.diagnostics.converged, "{model:?} {:?}", tail.fit.diagnostics);
        assert!(tail.next().expected_shortfall > 0.0);
    }
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let returns = clustered(100);
    for model in MODELS {
        let short = RiskError::TooFewObservations { n: 49, n_min: 50 };
        assert_eq!(refused(&returns[..49], model, 0.1), short);
        assert_eq!(refused(&[], model, 0.1), RiskError::TooFewObservations { n: 0, n_min: 50 });
        for constant in [0.0, -3.0, 1e300] {
            assert!(matches!(refused(&[constant; 60], model, 0.1), RiskError::Undefined { .. }));
        }
        let mut hole = returns.clone();
        hole[7] = f64::NAN;
        assert!(matches!(refused(&hole, model, 0.1), RiskError::NonFinite { index: 7, .. }));
        for tau in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(
                refused(&returns, model, tau),
                RiskError::OutOfRange { name: "tau", .. }
            ));
        }
        let settings = CareSettings::default();
        let few = CareTail::of(&returns, model, 0.005, &settings).unwrap_err();
        assert_eq!(few, RiskError::TooFewObservations { n: 100, n_min: 200 });
        assert!(CareTail::of(&returns, model, 0.5, &settings).is_err());
    }
    // One size only: the constant and the slope cannot be told apart.
    let coin: Vec<f64> = (0..80).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
    assert_eq!(refused(&coin, MODELS[0], 0.1), RiskError::SingularDesign { column: 1 });
    assert_eq!(refused(&coin, MODELS[1], 0.1), RiskError::SingularDesign { column: 2 });
    // Whose first return alone differs.
    let mut jump = [0.25; 60];
    jump[0] = 1.0;
    assert!(refused(&jump, MODELS[2], 0.1).to_string().contains("first"));
    // Losses only: nothing is known of the answer to a gain.
    let losses: Vec<f64> = returns.iter().map(|r| -r.abs() - 0.1).collect();
    assert_eq!(refused(&losses, MODELS[1], 0.1), RiskError::SingularDesign { column: 1 });
    assert_eq!(refused(&losses, MODELS[2], 0.1), RiskError::SingularDesign { column: 2 });
    assert!(fit(&losses, MODELS[0], 0.1).path.next < 0.0);
}

#[test]
fn a_model_is_checked() {
    let model = CareModel::AsymmetricSlope;
    let made = |b: &[f64], tau, start| Care::new(model, tau, b.to_vec(), start);
    assert!(matches!(
        made(&[0.0; 3], 0.1, 0.0).unwrap_err(),
        RiskError::LengthMismatch { length: 3, expected: 4, .. }
    ));
    for b1 in [1.0, -1.0, 1.5] {
        let error = made(&[0.0, b1, 0.0, 0.0], 0.1, 0.0).unwrap_err();
        assert!(matches!(error, RiskError::OutOfRange { name: "b1", .. }));
    }
    assert!(made(&[f64::NAN, 0.0, 0.0, 0.0], 0.1, 0.0).is_err());
    assert!(made(&[0.0; 4], 0.1, f64::INFINITY).is_err());
    assert!(made(&[0.0; 4], 1.0, 0.0).is_err());
    let care = made(&[0.0, 0.5, 1e300, 0.0], 0.1, 0.0).unwrap();
    assert!(matches!(care.filter(&[1e300]).unwrap_err(), RiskError::Undefined { .. }));
    assert!(care.filter(&[]).is_err() && care.step(f64::NAN, 0.0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What follows a return does not change its expectile.
    #[test]
    fn later_returns_change_nothing(
        returns in vec(-5.0..5.0_f64, 2..60),
        b in vec(-0.9..0.9_f64, 4),
        kept in 1..60_usize,
    ) {
        let kept = kept.min(returns.len());
        for model in MODELS {
            let b = b[..model.coefficient_names().len()].to_vec();
            let care = Care::new(model, 0.1, b, -1.0).unwrap();
            let (all, part) = (care.filter(&returns).unwrap(), care.filter(&returns[..kept]).unwrap());
            prop_assert_eq!(&all.expectiles[..kept], &part.expectiles[..]);
            if kept < returns.len() {
                prop_assert_eq!(all.expectiles[kept], part.next);
            }
            let stepped = care.step(part.expectiles[kept - 1], returns[kept - 1]).unwrap();
            prop_assert_eq!(stepped, part.next);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any series gives a finite result or a typed reason.
    #[test]
    fn odd_series_never_panic(
        values in vec(prop_oneof![Just(0.0), -1.0..1.0_f64, -1e8..1e8_f64, Just(-1.0)], 50..90),
        tau in 1e-5..0.99999_f64,
    ) {
        let settings = CareSettings { candidates: 200, polished: 2, ..CareSettings::default() };
        for model in MODELS {
            if let Ok(fit) = CareFit::of(&values, model, tau, &settings) {
                prop_assert!(fit.path.next.is_finite() && fit.loss_ratio.is_finite());
                prop_assert!(fit.diagnostics.gradient_norm >= 0.0);
            }
            if let Ok(tail) = CareTail::of(&values, model, 0.1, &settings) {
                prop_assert!(tail.next().expected_shortfall.is_finite());
            }
        }
    }
}
