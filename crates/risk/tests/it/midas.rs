//! Mixed-frequency expectiles and the likelihood of expectiles: values of other programs, recovery
//! of a simulated process, scale, and what is refused.

use plimsoll_risk::RiskError;
use plimsoll_risk::expectile::asymmetric_normal::{
    AsymmetricNormal, asymmetric_normal_log_likelihood,
};
use plimsoll_risk::expectile::midas_regression::{
    MidasExpectile, MidasExpectileFit, MidasLags, MidasSettings, MidasShape,
};
use plimsoll_risk::expectile::midas_weights::{LagGrid, midas_beta_weights};
use plimsoll_risk::expectile::sample::normal_expectile;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assert_close;
use crate::care::clustered;

const FREE: MidasSettings = MidasSettings { grid: LagGrid::Interior, shape: MidasShape::Free };

/// Sums of ten fast returns, each by the sizes of the thirty before them.
fn sums_of_ten() -> (Vec<f64>, MidasLags) {
    let fast = clustered(3000);
    let ends: Vec<usize> = (3..300).map(|period| 10 * period).collect();
    let slow = ends.iter().map(|end| fast[*end..end + 10].iter().sum()).collect();
    let sizes: Vec<f64> = fast.iter().map(|r| r.abs()).collect();
    (slow, MidasLags::of(&sizes, &ends, 30).unwrap())
}

fn fit(y: &[f64], lags: &MidasLags, tau: f64) -> MidasExpectileFit {
    MidasExpectileFit::of(y, lags, tau, &MidasSettings::default()).unwrap()
}

/// numpy and scipy 1.17: iterated weighted least squares within a bounded search, standard errors
/// from numerical derivatives.
#[test]
fn estimates_agree_with_other_programs() {
    let (y, lags) = sums_of_ten();
    let fitted = fit(&y, &lags, 0.05);
    assert_close(fitted.model.constant, -2.713_270_155_744_295_3, 1e-6);
    assert_close(fitted.model.slope, -1.435_304_164_432_056, 1e-6);
    assert_close(fitted.model.theta_2, 14.501_861_459_159_123, 1e-5);
    assert_close(fitted.model.loss(&y, &lags).unwrap(), 1.764_898_237_408_932_8, 1e-12);
    let errors = fitted.standard_errors.unwrap();
    assert_close(errors.constant, 0.738_930_925, 1e-5);
    assert_close(errors.slope, 0.984_961_616, 1e-5);
    assert_close(errors.theta_2, 16.584_897, 1e-4);
    assert_eq!(errors.theta_1, None);
    let likelihood = fitted.likelihood.unwrap();
    assert_close(likelihood.log_likelihood, -806.130_185_633_274_3, 1e-11);
    assert_close(likelihood.aic, 1_620.260_371_266_548_6, 1e-11);
    assert_close(likelihood.bic, 1_635.035_299_821_759_5, 1e-11);
    assert_close(likelihood.scale, 1.878_775_259_262_763_8, 1e-11);
    let diagnostics = fitted.diagnostics;
    assert!(diagnostics.converged && !diagnostics.at_boundary, "{diagnostics:?}");
    assert_eq!(diagnostics.n, 297);
}

/// With both parameters free the second runs to its bound on this series.
#[test]
fn a_bound_is_reported() {
    let (y, lags) = sums_of_ten();
    let free = MidasExpectileFit::of(&y, &lags, 0.05, &FREE).unwrap();
    assert!(free.diagnostics.at_boundary && free.diagnostics.converged, "{:?}", free.diagnostics);
    assert_close(free.model.theta_2, 300.0, 1e-9);
    assert!((free.model.loss(&y, &lags).unwrap() - 1.704_386_947).abs() < 1e-8);
    assert!(free.standard_errors.unwrap_err().to_string().contains("bound"));
    assert!(free.loss_ratio < fit(&y, &lags, 0.05).loss_ratio);
}

/// Responses `e_t / c z_t` with `c` the expectile of the normal `z` have the expectile `e_t`.
#[test]
fn a_simulated_process_is_recovered() {
    let (tau, n, k) = (0.1, 4000, 12);
    let c = normal_expectile(tau).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let fast: Vec<f64> = (0..4 * n + k).map(|_| rng.random::<f64>().powi(4)).collect();
    let mut normal = || {
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let ends: Vec<usize> = (0..n).map(|t| k + 4 * t).collect();
    let lags = MidasLags::of(&fast, &ends, k).unwrap();
    for (theta_1, theta_2, shape) in [(1.0, 5.0, MidasShape::Decay), (3.0, 6.0, MidasShape::Free)] {
        let settings = MidasSettings { grid: LagGrid::Interior, shape };
        let truth = MidasExpectile {
            tau,
            constant: -0.2,
            slope: -4.0,
            theta_1,
            theta_2,
            grid: LagGrid::Interior,
        };
        let expectiles = truth.expectiles(&lags).unwrap();
        let y: Vec<f64> = expectiles.iter().map(|e| e / c * normal()).collect();
        let fitted = MidasExpectileFit::of(&y, &lags, tau, &settings).unwrap();
        assert!(fitted.diagnostics.converged, "{:?}", fitted.diagnostics);
        let errors = fitted.standard_errors.clone().unwrap();
        let near = |got: f64, expected: f64, error: f64| {
            assert!((got - expected).abs() < 3.5 * error, "{got} +- {error}, true {expected}");
            assert!(error < 0.4 * expected.abs());
        };
        near(fitted.model.constant, -0.2, errors.constant);
        near(fitted.model.slope, -4.0, errors.slope);
        near(fitted.model.theta_2, theta_2, errors.theta_2);
        match shape {
            MidasShape::Decay => assert_eq!(errors.theta_1, None),
            MidasShape::Free => near(fitted.model.theta_1, theta_1, errors.theta_1.unwrap()),
        }
        // On the second half, the model of the first passes and one that is too high fails.
        let half: Vec<usize> = ends[n / 2..].to_vec();
        let later = MidasLags::of(&fast, &half, k).unwrap();
        let right = fitted.model.coverage_test(&y[n / 2..], &later, 0).unwrap();
        assert!(right.t.p_value > 0.001, "{right:?}");
        let high = MidasExpectile { constant: 0.3, ..fitted.model };
        let wrong = high.coverage_test(&y[n / 2..], &later, 3).unwrap();
        assert!(wrong.t.p_value < 1e-6 && wrong.mean < 0.0, "{wrong:?}");
    }
}

/// Two lags with weights by hand: of theta = (1, 2) at 1/3 and 2/3 they are 2/3 and 1/3.
#[test]
fn lags_and_forecast_by_hand() {
    let fast = [1.0, 2.0, 4.0, 8.0];
    let lags = MidasLags::of(&fast, &[2, 4], 2).unwrap();
    let rows: Vec<&[f64]> = lags.rows().collect();
    assert_eq!(rows, [[2.0, 1.0], [8.0, 4.0]]);
    assert_eq!((lags.n(), lags.lags()), (2, 2));
    let grid = LagGrid::Interior;
    let model =
        MidasExpectile { tau: 0.1, constant: 1.0, slope: -3.0, theta_1: 1.0, theta_2: 2.0, grid };
    let expectiles = model.expectiles(&lags).unwrap();
    assert_close(expectiles[0], 1.0 - 5.0, 1e-14);
    assert_close(expectiles[1], 1.0 - 20.0, 1e-14);
    assert_close(model.predict(&fast[2..]).unwrap(), -19.0, 1e-14);
    // Residuals 5 above and 1 below.
    let loss = 0.5 * (0.1 * 25.0 + 0.9);
    assert_close(model.loss(&[1.0, -20.0], &lags).unwrap(), loss, 1e-13);
}

#[test]
fn scale_changes_only_the_unit() {
    let (y, lags) = sums_of_ten();
    let plain = fit(&y, &lags, 0.05);
    for (of_response, of_fast) in [(1e-300, 1.0), (1e300, 1e300), (3.0, 1e-200)] {
        let scaled: Vec<f64> = y.iter().map(|y| of_response * y).collect();
        let fast: Vec<f64> = clustered(3000).iter().map(|r| of_fast * r.abs()).collect();
        let ends: Vec<usize> = (3..300).map(|period| 10 * period).collect();
        let lags = MidasLags::of(&fast, &ends, 30).unwrap();
        let fitted = fit(&scaled, &lags, 0.05);
        assert_close(fitted.model.theta_2, plain.model.theta_2, 1e-5);
        assert_close(fitted.model.constant / of_response, plain.model.constant, 1e-6);
        assert_close(fitted.loss_ratio, plain.loss_ratio, 1e-10);
        let (error, expected) =
            (fitted.standard_errors.unwrap(), plain.standard_errors.clone().unwrap());
        assert_close(error.constant / of_response, expected.constant, 1e-5);
        let shift = fitted.likelihood.unwrap().log_likelihood
            - plain.likelihood.clone().unwrap().log_likelihood;
        assert!((shift + 297.0 * of_response.ln()).abs() < 1e-6 * shift.abs().max(1.0));
    }
}

#[test]
fn the_other_grid_is_fitted_too() {
    let (y, lags) = sums_of_ten();
    let settings = MidasSettings { grid: LagGrid::EndToEnd, shape: MidasShape::Decay };
    let fitted = MidasExpectileFit::of(&y, &lags, 0.05, &settings).unwrap();
    assert!(fitted.diagnostics.converged && fitted.loss_ratio < 1.0);
    let weights = midas_beta_weights(1.0, fitted.model.theta_2, 30, LagGrid::EndToEnd).unwrap();
    assert!(weights[0] > weights[1]);
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let (y, lags) = sums_of_ten();
    let settings = MidasSettings::default();
    let refused = |y: &[f64], lags: &MidasLags, tau| {
        MidasExpectileFit::of(y, lags, tau, &settings).unwrap_err()
    };
    assert!(matches!(refused(&y[1..], &lags, 0.1), RiskError::LengthMismatch { .. }));
    assert!(matches!(refused(&y[..10], &lags, 0.1), RiskError::TooFewObservations { .. }));
    assert!(matches!(refused(&y, &lags, 0.0), RiskError::OutOfRange { name: "tau", .. }));
    for constant in [0.0, 0.1, -1e300] {
        assert!(matches!(refused(&[constant; 297], &lags, 0.1), RiskError::Undefined { .. }));
    }
    let mut hole = y.clone();
    hole[3] = f64::NAN;
    assert!(matches!(refused(&hole, &lags, 0.1), RiskError::NonFinite { index: 3, .. }));
    let ends: Vec<usize> = (3..300).map(|period| 10 * period).collect();
    let still = MidasLags::of(&vec![0.7; 3000], &ends, 30).unwrap();
    assert_eq!(refused(&y, &still, 0.1), RiskError::SingularDesign { column: 1 });
    let dead = MidasLags::of(&vec![0.0; 3000], &ends, 30).unwrap();
    assert_eq!(refused(&y, &dead, 0.1), RiskError::SingularDesign { column: 1 });

    assert!(MidasLags::of(&[1.0; 5], &[3], 0).is_err());
    assert!(matches!(
        MidasLags::of(&[1.0; 5], &[3, 6], 2).unwrap_err(),
        RiskError::OutOfRange { name: "ends", .. }
    ));
    assert!(MidasLags::of(&[1.0; 5], &[1], 2).is_err());
    assert!(MidasLags::of(&[1.0, f64::NAN], &[2], 2).is_err());
}

/// A response on the line of its lags has no residual, no likelihood and no panic.
#[test]
fn a_perfect_line() {
    let fast = clustered(400);
    let ends: Vec<usize> = (5..400).collect();
    let lags = MidasLags::of(&fast, &ends, 5).unwrap();
    let grid = LagGrid::Interior;
    let truth =
        MidasExpectile { tau: 0.2, constant: 0.5, slope: 2.0, theta_1: 1.0, theta_2: 3.0, grid };
    let y = truth.expectiles(&lags).unwrap();
    let fitted = fit(&y, &lags, 0.2);
    assert_close(fitted.model.theta_2, 3.0, 1e-3);
    assert_close(fitted.model.slope, 2.0, 1e-3);
    assert!(fitted.loss_ratio < 1e-6);
}

/// At 0.5 the distribution is the normal one with the scale as standard deviation; at any level
/// its density has the area one.
#[test]
fn the_likelihood_is_one() {
    let residuals = [0.3, -1.2, 2.0, 0.0];
    let normal: f64 = (residuals.iter())
        .map(|u: &f64| -0.5 * (u / 1.5).powi(2) - (1.5 * (2.0 * std::f64::consts::PI).sqrt()).ln())
        .sum();
    assert_close(asymmetric_normal_log_likelihood(&residuals, 0.5, 1.5).unwrap(), normal, 1e-14);
    for tau in [0.01, 0.3, 0.9] {
        let density = |u: f64| asymmetric_normal_log_likelihood(&[u], tau, 0.7).unwrap().exp();
        let step = 1e-3;
        let area: f64 =
            (-40_000..40_000).map(|i| density((f64::from(i) + 0.5) * step) * step).sum();
        assert_close(area, 1.0, 1e-6);
        // The best scale is the one that is found.
        let best = AsymmetricNormal::of(&residuals, &[0.0; 4], tau, 0).unwrap();
        let at = |scale: f64| asymmetric_normal_log_likelihood(&residuals, tau, scale).unwrap();
        assert_close(at(best.scale), best.log_likelihood, 1e-13);
        assert!(at(best.scale * 1.01) < best.log_likelihood);
        assert!(at(best.scale * 0.99) < best.log_likelihood);
    }
    assert!(AsymmetricNormal::of(&[1.0], &[1.0], 0.1, 1).is_err());
    assert!(AsymmetricNormal::of(&[1.0, 2.0], &[1.0], 0.1, 1).is_err());
    assert!(AsymmetricNormal::of(&[], &[], 0.1, 1).is_err());
    assert!(asymmetric_normal_log_likelihood(&[1.0], 0.1, 0.0).is_err());
    assert!(asymmetric_normal_log_likelihood(&[1e300], 0.1, 1e-300).is_err());
}
