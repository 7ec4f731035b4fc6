//! Quantile regression: values by linear programming, the least of all vertices, and what is
//! refused.

use plimsoll_risk::RiskError;
use plimsoll_risk::tail::quantile_regression::QuantileRegression;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::assert_close;
use crate::care::clustered;

fn fit(y: &[f64], columns: &[&[f64]], tau: f64) -> QuantileRegression {
    QuantileRegression::fit(y, columns, tau).unwrap()
}

fn check_loss(y: &[f64], columns: &[&[f64]], b: &[f64], tau: f64) -> f64 {
    (0..y.len())
        .map(|i| {
            let u = y[i] - columns.iter().zip(b).map(|(x, b)| x[i] * b).sum::<f64>();
            if u < 0.0 { (tau - 1.0) * u } else { tau * u }
        })
        .sum()
}

/// Of a constant the line is an order statistic: the third of ten at 0.25, with a loss by hand of
/// 0.75 (2 + 1) + 0.25 (1 + .. + 7).
#[test]
fn a_constant_gives_the_quantile() {
    let y: Vec<f64> = (1..=10).map(f64::from).collect();
    let ones = [1.0; 10];
    let line = fit(&y, &[&ones], 0.25);
    assert_close(line.coefficients[0], 3.0, 1e-15);
    assert_close(line.objective, 0.75 * 3.0 + 0.25 * 28.0, 1e-14);
    assert_eq!((line.basis.as_slice(), line.n_below, line.n), ([2].as_slice(), 2, 10));
    assert_close(line.predict(&[1.0]).unwrap(), 3.0, 1e-15);
}

/// scipy 1.17, `linprog` by HiGHS' dual simplex.
#[test]
fn coefficients_agree_with_linear_programming() {
    let returns = clustered(600);
    let (y, lag) = (&returns[1..], &returns[..599]);
    let size: Vec<f64> = lag.iter().map(|x| x.abs()).collect();
    let ones = vec![1.0; 599];
    for (tau, b, loss) in [
        (
            0.01,
            [-1.716_669_199_059_040_8, -0.726_458_220_623_793_7, 0.163_554_942_751_013_98],
            15.118_733_380_509_134,
        ),
        (
            0.05,
            [-0.861_015_467_911_215_2, -0.919_256_941_806_314_9, 0.168_867_137_687_471_52],
            58.590_291_947_946_63,
        ),
        (
            0.5,
            [-0.026_068_168_632_618_72, 0.047_059_874_996_852_87, -0.005_508_248_613_948_917],
            201.858_919_067_818_73,
        ),
        (
            0.9,
            [0.717_018_638_203_788_4, 0.586_485_498_278_670_5, 0.077_829_138_892_999_9],
            90.258_501_306_758_3,
        ),
    ] {
        let line = fit(y, &[&ones, &size, lag], tau);
        for (got, expected) in line.coefficients.iter().zip(b) {
            assert_close(*got, expected, 1e-12);
        }
        assert_close(line.objective, loss, 1e-12);
        let below = line.n_below as f64;
        assert!(below <= tau * 599.0 && below + 3.0 >= tau * 599.0);
        assert!(line.steps < 100, "{}", line.steps);
    }
}

/// Returns rounded to halves: a third of them are zero, most rows stand many times. The vertex is
/// not unique, the loss is.
#[test]
fn ties_do_not_stop_the_walk() {
    let halves: Vec<f64> = clustered(600).iter().map(|r| (r * 2.0).round() / 2.0).collect();
    let (y, lag) = (&halves[1..], &halves[..599]);
    let exact = clustered(600);
    let size: Vec<f64> = exact[..599].iter().map(|x| (x.abs() * 2.0).round() / 2.0).collect();
    let ones = vec![1.0; 599];
    for (tau, loss) in
        [(0.01, 15.435), (0.05, 59.525), (0.25, 168.875), (0.5, 198.0), (0.9, 92.475)]
    {
        let line = fit(y, &[&ones, &size, lag], tau);
        assert_close(line.objective, loss, 1e-12);
    }
    let zeros = fit(&[0.0; 599], &[&ones, &size], 0.05);
    assert_eq!((zeros.coefficients, zeros.objective, zeros.n_below), (vec![0.0, 0.0], 0.0, 0));
}

#[test]
fn scale_changes_only_the_unit() {
    let returns = clustered(200);
    let (y, lag, ones) = (&returns[1..], &returns[..199], vec![1.0; 199]);
    let plain = fit(y, &[&ones, lag], 0.1);
    for factor in [1e-300, 1e-9, 1e12, 1e300] {
        let scaled: Vec<f64> = y.iter().map(|r| factor * r).collect();
        let column: Vec<f64> = lag.iter().map(|r| factor * r).collect();
        let line = fit(&scaled, &[&ones, &column], 0.1);
        assert_close(line.coefficients[0] / factor, plain.coefficients[0], 1e-11);
        assert_close(line.coefficients[1], plain.coefficients[1], 1e-11);
        assert_close(line.objective / factor, plain.objective, 1e-11);
        assert_eq!(line.basis, plain.basis);
    }
    // Mirrored, the upper quantile is the lower one.
    let turned: Vec<f64> = y.iter().map(|r| -r).collect();
    let mirrored = fit(&turned, &[&ones, lag], 0.9);
    assert_close(mirrored.coefficients[0], -plain.coefficients[0], 1e-12);
    assert_close(mirrored.objective, plain.objective, 1e-12);
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let (y, ones, x) = ([1.0, 2.0, 4.0, 3.0], [1.0; 4], [0.5, -1.0, 2.0, 0.0]);
    let refused =
        |y: &[f64], columns: &[&[f64]], tau| QuantileRegression::fit(y, columns, tau).unwrap_err();
    let double: Vec<f64> = x.iter().map(|x| 3.0 * x + 1.0).collect();
    let dependent = refused(&y, &[&ones, &x, &double], 0.1);
    assert_eq!(dependent, RiskError::SingularDesign { column: 2 });
    assert_eq!(refused(&y, &[&[0.0; 4]], 0.1), RiskError::SingularDesign { column: 0 });
    assert_eq!(refused(&[], &[&[]], 0.1), RiskError::TooFewObservations { n: 0, n_min: 1 });
    assert_eq!(
        refused(&y[..1], &[&ones[..1], &x[..1]], 0.1),
        RiskError::TooFewObservations { n: 1, n_min: 2 }
    );
    assert!(matches!(refused(&y, &[&ones[..3]], 0.1), RiskError::LengthMismatch { .. }));
    assert!(matches!(refused(&y, &[], 0.1), RiskError::OutOfRange { .. }));
    for tau in [0.0, 1.0, f64::NAN] {
        assert!(matches!(refused(&y, &[&ones], tau), RiskError::OutOfRange { name: "tau", .. }));
    }
    let hole = [1.0, f64::INFINITY, 0.0, 0.0];
    assert!(matches!(refused(&hole, &[&ones], 0.1), RiskError::NonFinite { index: 1, .. }));
    let error = refused(&y, &[&ones, &hole], 0.1);
    assert!(matches!(error, RiskError::NonFiniteRegressor { column: 1, index: 1, .. }));
    assert!(fit(&y, &[&ones], 0.5).predict(&[1.0, 2.0]).is_err());
}

/// A search that rounding keeps from settling is put down to the column that is at fault.
#[test]
fn a_column_that_is_nearly_dependent_is_named() {
    let n = 300_u32;
    let noise = |i: u32, k: f64| (f64::from(i) * k).sin();
    let ones = vec![1.0; n as usize];
    let x: Vec<f64> = (0..n).map(|i| noise(i, 12.9)).collect();
    let y: Vec<f64> = (0..n).map(|i| noise(i, 78.2) + 0.5 * noise(i, 12.9)).collect();
    for part in [1e-9, 1e-10] {
        let near: Vec<f64> = (0..n).map(|i| noise(i, 12.9) + part * noise(i, 3.7)).collect();
        for tau in [0.05, 0.5] {
            match QuantileRegression::fit(&y, &[&ones, &x, &near], tau) {
                Ok(line) => {
                    let without = fit(&y, &[&ones, &x], tau).objective;
                    assert!(line.objective <= without * (1.0 + 1e-9), "{part} {tau}");
                }
                Err(error) => assert_eq!(error, RiskError::SingularDesign { column: 2 }),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No line through two observations has a lower loss; whole numbers make many ties.
    #[test]
    fn the_loss_is_the_least_of_all_vertices(
        points in vec((-4..=4_i32, -3..=3_i32), 2..14),
        exact in vec(-1.0..1.0_f64, 14),
        rounded in any::<bool>(),
        tau in prop_oneof![Just(0.5), Just(0.25), 0.01..0.99_f64],
    ) {
        let part = if rounded { 0.0 } else { 1.0 };
        let y: Vec<f64> =
            points.iter().zip(&exact).map(|((y, _), e)| f64::from(*y) + part * e).collect();
        let x: Vec<f64> = points.iter().map(|(_, x)| f64::from(*x)).collect();
        let ones = vec![1.0; y.len()];
        let columns: [&[f64]; 2] = [&ones, &x];
        let mut least = f64::INFINITY;
        for i in 0..y.len() {
            for j in (0..i).filter(|j| x[*j] != x[i]) {
                let slope = (y[i] - y[j]) / (x[i] - x[j]);
                least = least.min(check_loss(&y, &columns, &[y[i] - slope * x[i], slope], tau));
            }
        }
        match QuantileRegression::fit(&y, &columns, tau) {
            Ok(line) => {
                prop_assert!((line.objective - least).abs() <= 1e-9 * (1.0 + least));
                let loss = check_loss(&y, &columns, &line.coefficients, tau);
                prop_assert!((line.objective - loss).abs() <= 1e-12 * (1.0 + least));
            }
            Err(error) => prop_assert!(least.is_infinite(), "{error}"),
        }
    }
}
