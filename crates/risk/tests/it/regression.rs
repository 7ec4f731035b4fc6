//! Expectile regression and lag weights: values by hand, laws, and what is refused.

use plimsoll_risk::RiskError;
use plimsoll_risk::expectile::midas_weights::{LagGrid, midas_beta_weights};
use plimsoll_risk::expectile::regression::ExpectileRegression;
use plimsoll_risk::expectile::sample::expectile;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::assert_close;

fn ones(n: usize) -> Vec<f64> {
    vec![1.0; n]
}

fn fit(y: &[f64], columns: &[&[f64]], tau: f64) -> ExpectileRegression {
    ExpectileRegression::fit(y, columns, tau).unwrap()
}

/// y = 1 + 2 x with errors 1, -1, -1, 1 orthogonal to 1 and x: least squares sees the line.
#[test]
fn least_squares_by_hand() {
    let x = [-3.0, -1.0, 1.0, 3.0];
    let y = [1.0 - 6.0 + 1.0, 1.0 - 2.0 - 1.0, 1.0 + 2.0 - 1.0, 1.0 + 6.0 + 1.0];
    let ols = fit(&y, &[&ones(4), &x], 0.5);
    assert_close(ols.coefficients[0], 1.0, 1e-14);
    assert_close(ols.coefficients[1], 2.0, 1e-14);
    // Half of a mean square of 1.
    assert_close(ols.objective, 0.5, 1e-14);
    // All squared errors are 1, so the sandwich is (X'X)^-1 = diag(1 / 4, 1 / 20).
    assert_close(ols.covariance[0][0], 0.25, 1e-14);
    assert_close(ols.covariance[1][1], 0.05, 1e-14);
    assert_close(ols.covariance[0][1], 0.0, 1e-14);
    assert_close(ols.standard_errors()[0], 0.5, 1e-14);
    assert_close(ols.predict(&[1.0, 10.0]).unwrap(), 21.0, 1e-14);
    assert_eq!((ols.n, ols.n_below, ols.steps), (4, 2, 1));
}

/// Residuals -1.5 and 2.5 with weights 0.75 and 0.25 of {0, 4}: e = 1 balances
/// 0.75 * 1 = 0.25 * 3, the loss is (0.75 + 0.25 * 9) / 2, the variance of the constant
/// (0.75^2 + (0.25 * 3)^2) / (0.75 + 0.25)^2.
#[test]
fn an_expectile_by_hand() {
    let constant = fit(&[0.0, 4.0], &[&ones(2)], 0.25);
    assert_close(constant.coefficients[0], 1.0, 1e-14);
    assert_close(constant.objective, 1.5, 1e-14);
    assert_close(constant.covariance[0][0], 1.125, 1e-14);
    assert_eq!(constant.n_below, 1);
}

/// Two groups by a dummy have the expectiles of the groups.
#[test]
fn a_dummy_separates_two_samples() {
    let (calm, wild) = ([0.1, -0.2, 0.3, 0.15, -0.05], [2.0, -3.0, 1.0, -1.5, 0.5]);
    let y: Vec<f64> = calm.iter().chain(&wild).copied().collect();
    let dummy: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i >= 5))).collect();
    for tau in [0.01, 0.2, 0.7] {
        let groups = fit(&y, &[&ones(10), &dummy], tau);
        let (low, high) = (expectile(&calm, tau).unwrap(), expectile(&wild, tau).unwrap());
        assert_close(groups.coefficients[0], low, 1e-13);
        assert_close(groups.coefficients[0] + groups.coefficients[1], high, 1e-13);
    }
}

/// As many observations as coefficients, or a response on the line: nothing is left over.
#[test]
fn a_perfect_line() {
    let x = [0.3, 1.7, -2.0, 5.5];
    let y: Vec<f64> = x.iter().map(|x| 0.7 - 0.31 * x).collect();
    for n in [2, 4] {
        for tau in [0.001, 0.3, 0.5, 0.999] {
            let line = fit(&y[..n], &[&ones(n), &x[..n]], tau);
            assert_close(line.coefficients[0], 0.7, 1e-12);
            assert_close(line.coefficients[1], -0.31, 1e-12);
            assert!(line.objective < 1e-28 && line.covariance[1][1] < 1e-20);
        }
    }
    let zero = fit(&[0.0; 4], &[&ones(4), &x], 0.05);
    assert_eq!((zero.coefficients, zero.objective), (vec![0.0, 0.0], 0.0));
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let y = [0.1, 0.2, -0.3, 0.4];
    let (one, x) = (ones(4), [1.0, 2.0, 3.0, 4.0]);
    let combined: Vec<f64> = x.iter().map(|x| 3.0 * x - 1.0).collect();
    let zeros = [0.0; 4];
    let gap = [1.0, 2.0, f64::NAN, 4.0];
    let at = |columns: &[&[f64]], tau| ExpectileRegression::fit(&y, columns, tau).unwrap_err();
    assert_eq!(at(&[&one, &x, &combined], 0.1), RiskError::SingularDesign { column: 2 });
    assert_eq!(at(&[&one, &zeros, &x], 0.1), RiskError::SingularDesign { column: 1 });
    assert_eq!(at(&[&x, &x], 0.1), RiskError::SingularDesign { column: 1 });
    assert!(matches!(at(&[&one, &x[..3]], 0.1), RiskError::LengthMismatch { index: 1, .. }));
    assert!(matches!(
        at(&[&one, &gap], 0.1),
        RiskError::NonFiniteRegressor { column: 1, index: 2, .. }
    ));
    assert!(matches!(at(&[], 0.1), RiskError::OutOfRange { name: "regressors", .. }));
    for tau in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(at(&[&one], tau), RiskError::OutOfRange { name: "tau", .. }));
    }
    let few = ExpectileRegression::fit(&y[..1], &[&one[..1], &x[..1]], 0.1).unwrap_err();
    assert_eq!(few, RiskError::TooFewObservations { n: 1, n_min: 2 });
    let bad = ExpectileRegression::fit(&gap, &[&one], 0.1).unwrap_err();
    assert!(matches!(bad, RiskError::NonFinite { index: 2, .. }));
    let line = fit(&y, &[&one, &x], 0.1);
    assert!(matches!(line.predict(&[1.0]), Err(RiskError::LengthMismatch { .. })));
    assert!(matches!(line.predict(&[1.0, f64::INFINITY]), Err(RiskError::NonFinite { .. })));
}

/// u = 1/4, 2/4, 3/4 with (1 - u)^2: 9 : 4 : 1. End to end the last is all but nothing.
#[test]
fn lag_weights_by_hand() {
    let interior = midas_beta_weights(1.0, 3.0, 3, LagGrid::Interior).unwrap();
    for (weight, expected) in interior.iter().zip([9.0 / 14.0, 4.0 / 14.0, 1.0 / 14.0]) {
        assert_close(*weight, expected, 1e-15);
    }
    let ends = midas_beta_weights(1.0, 3.0, 3, LagGrid::EndToEnd).unwrap();
    for (weight, expected) in ends.iter().zip([0.8, 0.2, 0.0]) {
        assert_close(*weight, expected, 1e-15);
    }
    for grid in [LagGrid::Interior, LagGrid::EndToEnd] {
        assert_eq!(midas_beta_weights(2.0, 5.0, 1, grid).unwrap(), [1.0]);
        assert_eq!(midas_beta_weights(1.0, 1.0, 4, grid).unwrap(), [0.25; 4]);
        for (theta_1, theta_2, lags) in [
            (0.0, 1.0, 3),
            (1.0, -1.0, 3),
            (1.0, f64::NAN, 3),
            (1.0, f64::INFINITY, 3),
            (1.0, 1.0, 0),
        ] {
            let refused = midas_beta_weights(theta_1, theta_2, lags, grid);
            assert!(matches!(refused, Err(RiskError::OutOfRange { .. })), "{refused:?}");
        }
    }
}

/// Rows of a response and two regressors.
fn rows() -> impl Strategy<Value = Vec<(f64, f64, f64)>> {
    vec((-1.0..1.0_f64, -1.0..1.0_f64, -2.0..2.0_f64), 6..60)
}

fn columns(rows: &[(f64, f64, f64)]) -> [Vec<f64>; 4] {
    let column = |take: fn(&(f64, f64, f64)) -> f64| rows.iter().map(take).collect();
    [column(|row| row.0), ones(rows.len()), column(|row| row.1), column(|row| row.2)]
}

/// Sum of `w u x` for each regressor, zero at the minimum.
fn gradient(y: &[f64], x: &[&[f64]], b: &[f64], tau: f64) -> Vec<f64> {
    let line = |i: usize| x.iter().zip(b).map(|(column, b)| column[i] * b).sum::<f64>();
    let pull = |i: usize| {
        let u = y[i] - line(i);
        if u < 0.0 { (1.0 - tau) * u } else { tau * u }
    };
    x.iter().map(|column| (0..y.len()).map(|i| pull(i) * column[i]).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_gradient_vanishes(rows in rows(), tau in 0.0005..0.9995_f64) {
        let [y, one, a, b] = columns(&rows);
        let x: [&[f64]; 3] = [&one, &a, &b];
        let best = fit(&y, &x, tau);
        for slope in gradient(&y, &x, &best.coefficients, tau) {
            prop_assert!(slope.abs() < 1e-10 * rows.len() as f64, "{slope}");
        }
        prop_assert!(best.objective >= 0.0);
        for (j, row) in best.covariance.iter().enumerate() {
            prop_assert!(row[j] >= 0.0);
            for (k, entry) in row.iter().enumerate() {
                prop_assert!((entry - best.covariance[k][j]).abs() <= 1e-12 * (1.0 + entry.abs()));
                prop_assert!(entry.abs() <= (row[j] * best.covariance[k][k]).sqrt() * (1.0 + 1e-9));
            }
        }
    }

    /// At one half the normal equations hold, which is least squares.
    #[test]
    fn one_half_is_least_squares(rows in rows()) {
        let [y, one, a, b] = columns(&rows);
        let x: [&[f64]; 3] = [&one, &a, &b];
        let ols = fit(&y, &x, 0.5);
        prop_assert_eq!(ols.steps, 1);
        for column in x {
            let left: f64 = (0..y.len()).map(|i| {
                let line: f64 = x.iter().zip(&ols.coefficients).map(|(x, b)| x[i] * b).sum();
                (y[i] - line) * column[i]
            }).sum();
            prop_assert!(left.abs() < 1e-10 * y.len() as f64);
        }
    }

    #[test]
    fn a_constant_alone_is_the_sample_expectile(
        y in vec(-0.6..0.8_f64, 1..80),
        tau in 0.0005..0.9995_f64,
    ) {
        let constant = fit(&y, &[&ones(y.len())], tau);
        let sample = expectile(&y, tau).unwrap();
        prop_assert!((constant.coefficients[0] - sample).abs() < 1e-11);
    }

    /// A line added to the response is added to the fit; scales go through; a negative one turns
    /// tau round.
    #[test]
    fn fits_translate_and_scale(
        rows in rows(),
        tau in 0.005..0.995_f64,
        shift in -3.0..3.0_f64,
        c in 0.1..5.0_f64,
    ) {
        let [y, one, a, b] = columns(&rows);
        let base = fit(&y, &[&one, &a, &b], tau);
        let near = |got: f64, wanted: f64| (got - wanted).abs() < 1e-8 * (1.0 + wanted.abs());

        let moved: Vec<f64> = y.iter().zip(&a).map(|(y, a)| c * y + shift - 2.0 * a).collect();
        let wide: Vec<f64> = b.iter().map(|b| 1000.0 * b).collect();
        let after = fit(&moved, &[&one, &a, &wide], tau);
        prop_assert!(near(after.coefficients[0], c * base.coefficients[0] + shift));
        prop_assert!(near(after.coefficients[1], c * base.coefficients[1] - 2.0));
        prop_assert!(near(1000.0 * after.coefficients[2], c * base.coefficients[2]));
        prop_assert!(near(after.objective, c * c * base.objective));
        prop_assert!(near(after.covariance[0][1], c * c * base.covariance[0][1]));

        let mirrored: Vec<f64> = y.iter().map(|y| -y).collect();
        let other = fit(&mirrored, &[&one, &a, &b], 1.0 - tau);
        for (one, minus) in base.coefficients.iter().zip(&other.coefficients) {
            prop_assert!(near(*one, -minus));
        }
    }

    #[test]
    fn lag_weights_are_a_mean(theta_1 in 0.2..8.0_f64, theta_2 in 0.2..8.0_f64, lags in 1..60_usize) {
        for grid in [LagGrid::Interior, LagGrid::EndToEnd] {
            let weights = midas_beta_weights(theta_1, theta_2, lags, grid).unwrap();
            prop_assert_eq!(weights.len(), lags);
            prop_assert!(weights.iter().all(|weight| *weight >= 0.0));
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-13);
            // The parameters exchanged read the lags backwards.
            let backwards = midas_beta_weights(theta_2, theta_1, lags, grid).unwrap();
            for (one, other) in weights.iter().zip(backwards.iter().rev()) {
                prop_assert!((one - other).abs() < 1e-12);
            }
        }
        let falling = midas_beta_weights(1.0, 1.0 + theta_2, lags, LagGrid::Interior).unwrap();
        prop_assert!(falling.windows(2).all(|pair| pair[0] > pair[1]));
    }
}

/// The loss is in squared units: it leaves the range of a double at both ends.
#[test]
fn a_loss_beyond_a_double_has_a_reason() {
    let x: Vec<f64> = (0..40_u32).map(f64::from).collect();
    let fit = |unit: f64| {
        let y: Vec<f64> = x.iter().map(|x| unit * (0.1 * x + (7.0 * x).sin())).collect();
        ExpectileRegression::fit(&y, &[&[1.0; 40], &x], 0.1)
    };
    assert!(fit(1e-140).unwrap().objective > 0.0);
    for unit in [1e-300, 1e-155, 1e160, 1e300] {
        let error = fit(unit).unwrap_err();
        assert!(matches!(error, RiskError::Undefined { .. }), "{unit}: {error}");
    }
    // A line through every point has no loss at any scale.
    let line = ExpectileRegression::fit(&[0.0; 40], &[&[1.0; 40], &x], 0.1).unwrap();
    assert_eq!(line.objective, 0.0);
}
