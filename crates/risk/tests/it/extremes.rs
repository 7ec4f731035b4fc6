//! Every statistic of one column at the ends of the range of a double and on odd columns: a value
//! or a typed reason, never NaN and never a panic; and the same answer in any unit where its
//! definition says so.

use plimsoll_risk::compare::paired::{BootstrapMetrics, ComparisonMetric};
use plimsoll_risk::compare::sharpe_difference::sharpe_difference;
use plimsoll_risk::drawdown::Drawdowns;
use plimsoll_risk::expectile::regression::ExpectileRegression;
use plimsoll_risk::expectile::sample as expectiles;
use plimsoll_risk::forecast_test::coverage::Coverage;
use plimsoll_risk::forecast_test::diebold_mariano as dm;
use plimsoll_risk::forecast_test::dynamic_quantile::{
    DynamicQuantileSettings, DynamicQuantileTest,
};
use plimsoll_risk::forecast_test::expectile_moment::{ExpectileMomentTest, expectile_wald_test};
use plimsoll_risk::forecast_test::independence::{Christoffersen, monte_carlo};
use plimsoll_risk::forecast_test::score;
use plimsoll_risk::forecast_test::shortfall::{ExceedanceResidualTest, acerbi_szekely_z2};
use plimsoll_risk::forecast_test::{chi_squared_p_value, chi_squared_quantile, violations};
use plimsoll_risk::moments::{Moments, mean};
use plimsoll_risk::performance as perf;
use plimsoll_risk::quantile as quantiles;
use plimsoll_risk::resample::block_length::politis_white;
use plimsoll_risk::resample::bootstrap::stationary_bootstrap_variance_of_mean;
use plimsoll_risk::ruin::closed_form as ruin;
use plimsoll_risk::ruin::games::fixed_stake_ruin;
use plimsoll_risk::ruin::paths::{DailyPath, RuinConfig, estimate_ruin};
use plimsoll_risk::sharpe as ratios;
use plimsoll_risk::tail::extreme_value::{
    GpdFit, gpd_log_likelihood, hill_tail_index, threshold_of_largest,
};
use plimsoll_risk::tail::profile_interval::GpdProfile;
use plimsoll_risk::tail::student_t::{StudentTFit, student_t_log_likelihood};
use plimsoll_risk::tail::threshold::{mean_excess, threshold_stability};
use plimsoll_risk::tail::value_at_risk::{self as var, CornishFisherDomain};
use plimsoll_risk::trade_statistics as trades;
use plimsoll_risk::{Result, RiskError};
use proptest::prelude::*;

/// How a statistic changes with the unit of the column: not at all, in proportion, with the
/// square; or in another way, as growth does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Free,
    Same,
    Square,
    Own,
}

type Statistic = fn(&[f64]) -> Result<f64>;

/// A quantile forecast that moves, in the unit of the column.
fn forecast(r: &[f64]) -> Result<Vec<f64>> {
    let level = quantiles::quantile(r, 0.2)?;
    Ok((0..r.len()).map(|t| level * (1.0 + 0.1 * (t as f64).sin())).collect())
}

/// The same moved below the column's scale, for scores that need negative forecasts.
fn negative_forecasts(r: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    let q: Vec<f64> = forecast(r)?.iter().map(|q| -q.abs()).collect();
    let shortfalls = q.iter().map(|q| 1.3 * q).collect();
    Ok((q, shortfalls))
}

fn losses(r: &[f64]) -> Vec<f64> {
    r.iter().map(|r| -r).collect()
}

fn lagged_regression(r: &[f64]) -> Result<ExpectileRegression> {
    let lag = &r[..r.len().saturating_sub(1)];
    let ones = vec![1.0; lag.len()];
    ExpectileRegression::fit(r.get(1..).unwrap_or_default(), &[&ones, lag], 0.1)
}

fn dynamic_quantile(r: &[f64]) -> Result<f64> {
    let settings = DynamicQuantileSettings { lags: 2, squared_return: true };
    Ok(DynamicQuantileTest::of(r, &forecast(r)?, 0.2, settings)?.test.statistic)
}

fn profile(r: &[f64]) -> Result<GpdProfile> {
    let losses = losses(r);
    GpdProfile::above(&losses, threshold_of_largest(&losses, losses.len() / 5)?)
}

fn first_row<T: Copy>(rows: Vec<Result<T>>) -> Result<T> {
    rows.into_iter().next().unwrap()
}

const STATISTICS: [(&str, Unit, Statistic); 62] = [
    ("mean", Unit::Same, mean),
    ("variance", Unit::Square, |r| Moments::of(r)?.variance_sample()),
    ("sd", Unit::Same, |r| Moments::of(r)?.standard_deviation_sample()),
    ("skewness", Unit::Free, |r| Moments::of(r)?.skewness_unbiased()),
    ("kurtosis", Unit::Free, |r| Moments::of(r)?.kurtosis_excess_unbiased()),
    ("total_return", Unit::Own, perf::total_return),
    ("log_return_sum", Unit::Own, perf::log_return_sum),
    ("cagr", Unit::Own, |r| perf::cagr(r, 365.0)),
    ("calmar", Unit::Own, |r| perf::calmar(r, 365.0)),
    ("sterling", Unit::Own, |r| perf::sterling(r, 365.0, 0.1)),
    ("volatility", Unit::Same, |r| perf::volatility_annual(r, 365.0)),
    ("downside", Unit::Same, |r| perf::downside_deviation(r, 0.0)),
    ("sortino", Unit::Free, |r| perf::sortino_annual(r, 0.0, 365.0)),
    ("omega", Unit::Free, |r| perf::omega(r, 0.0)),
    ("tail_ratio", Unit::Free, perf::tail_ratio),
    ("sharpe", Unit::Free, |r| ratios::sharpe_annual(r, 0.0, 365.0)),
    ("sharpe_se", Unit::Free, |r| ratios::sharpe_standard_error_annual(r, 365.0)),
    ("psr", Unit::Free, |r| ratios::SharpeMoments::of(r)?.probabilistic(0.0)),
    ("dsr", Unit::Free, |r| ratios::SharpeMoments::of(r)?.deflated(10.0, 0.01)),
    ("min_trl", Unit::Free, |r| ratios::SharpeMoments::of(r)?.min_track_record_length(0.0, 0.95)),
    ("annualisation", Unit::Free, |r| ratios::sharpe_annualisation_factor(r, 7)),
    ("sharpe_difference", Unit::Free, |r| {
        let reversed: Vec<f64> = r.iter().rev().map(|r| r.abs()).collect();
        Ok(sharpe_difference(r, &reversed)?.z)
    }),
    ("max_drawdown", Unit::Own, |r| Ok(Drawdowns::of_returns(r)?.max())),
    ("average_drawdown", Unit::Own, |r| Ok(Drawdowns::of_returns(r)?.average())),
    ("ulcer", Unit::Own, |r| Ok(Drawdowns::of_returns(r)?.ulcer_index())),
    ("cdar", Unit::Own, |r| Drawdowns::of_returns(r)?.conditional(0.95)),
    ("edar", Unit::Own, |r| Drawdowns::of_returns(r)?.entropic(0.95)),
    ("episodes", Unit::Own, |r| Drawdowns::of_returns(r)?.average_of_episodes()),
    ("under_water", Unit::Own, |r| Ok(Drawdowns::of_returns(r)?.share_under_water())),
    ("win_rate", Unit::Free, trades::win_rate),
    ("payoff", Unit::Free, trades::payoff_ratio),
    ("expectancy", Unit::Same, trades::expectancy),
    ("profit_factor", Unit::Free, trades::profit_factor),
    ("sqn", Unit::Free, |r| trades::system_quality_number_capped(r, 100)),
    ("hist_var", Unit::Same, |r| var::historical_var(r, 0.05)),
    ("hist_var_inverted", Unit::Same, |r| var::historical_var_inverted_cdf(r, 0.05)),
    ("hist_es", Unit::Same, |r| var::historical_es(r, 0.05)),
    ("gauss_var", Unit::Same, |r| var::gaussian_var(r, 0.05)),
    ("gauss_es", Unit::Same, |r| var::gaussian_es(r, 0.05)),
    ("evar", Unit::Same, |r| var::entropic_var(r, 0.05)),
    ("cf_var", Unit::Same, |r| Ok(var::cornish_fisher(r, 0.05)?.value_at_risk)),
    ("cf_es", Unit::Same, |r| Ok(var::cornish_fisher(r, 0.05)?.expected_shortfall)),
    ("t_scale", Unit::Same, |r| Ok(StudentTFit::of(r)?.scale)),
    ("t_var", Unit::Same, |r| StudentTFit::of(r)?.value_at_risk(0.01)),
    ("gpd_xi", Unit::Free, |r| Ok(GpdFit::of_largest(&losses(r), r.len() / 5)?.xi)),
    ("gpd_es", Unit::Same, |r| {
        GpdFit::of_largest(&losses(r), r.len() / 5)?.expected_shortfall(0.01)
    }),
    ("gpd_profile", Unit::Same, |r| {
        let interval = profile(r)?.value_at_risk_interval(0.02, 0.9)?;
        Ok(interval.high.unwrap_or(0.0))
    }),
    ("modified_scale", Unit::Same, |r| {
        Ok(first_row(threshold_stability(&losses(r), &[r.len() / 5], 0.01)?)?.modified_scale)
    }),
    ("mean_excess", Unit::Same, |r| {
        Ok(first_row(mean_excess(&losses(r), &[var::historical_var(r, 0.3)?])?)?.mean)
    }),
    ("hill", Unit::Free, |r| hill_tail_index(&losses(r), r.len() / 5)),
    ("expectile", Unit::Same, |r| expectiles::expectile(r, 0.05)),
    ("expectile_tau", Unit::Free, |r| expectiles::expectile_tau_for_quantile(r, 0.05)),
    ("expectile_es", Unit::Same, |r| expectiles::expectile_es(r, 0.05)),
    ("block_length", Unit::Free, |r| Ok(politis_white(r)?.stationary)),
    ("sb_variance", Unit::Square, |r| stationary_bootstrap_variance_of_mean(r, 5.0)),
    ("regression", Unit::Same, |r| Ok(lagged_regression(r)?.coefficients[0])),
    ("regression_se", Unit::Same, |r| Ok(lagged_regression(r)?.standard_errors()[0])),
    ("pinball", Unit::Same, |r| mean(&score::pinball(r, &forecast(r)?, 0.2)?)),
    ("dynamic_quantile", Unit::Free, dynamic_quantile),
    ("expectile_t", Unit::Free, |r| {
        Ok(ExpectileMomentTest::of(r, &forecast(r)?, 0.1, 2)?.t.statistic)
    }),
    ("diebold_mariano", Unit::Free, |r| {
        let flat = vec![quantiles::quantile(r, 0.1)?; r.len()];
        let first = score::pinball(r, &forecast(r)?, 0.2)?;
        Ok(dm::diebold_mariano(&first, &score::pinball(r, &flat, 0.2)?, 3)?.test.statistic)
    }),
    ("z2", Unit::Free, |r| {
        let (q, shortfalls) = negative_forecasts(r)?;
        acerbi_szekely_z2(r, &q, &shortfalls, 0.2)
    }),
];

/// Statistics that do not fit the table: they need more than one number to be looked at.
fn several(r: &[f64]) -> Vec<Result<f64>> {
    let hits = forecast(r).and_then(|q| violations(r, &q));
    let hits = hits.as_deref();
    let of_hits = |test: fn(&[bool]) -> Result<f64>| hits.map_err(|e| (*e).clone()).and_then(test);
    vec![
        of_hits(|hits| Ok(Coverage::of(hits, 0.2)?.binomial_exact_p)),
        of_hits(|hits| Ok(Christoffersen::of(hits, 0.2)?.conditional.p_value)),
        of_hits(|hits| Ok(monte_carlo(hits, 0.2, 9, 1)?.conditional.p_value)),
        forecast(r).and_then(|q| {
            let ones = vec![1.0; r.len()];
            Ok(expectile_wald_test(r, &q, 0.1, &[&ones, r], 1)?.statistic)
        }),
        negative_forecasts(r)
            .and_then(|(q, shortfalls)| mean(&score::fz0(r, &q, &shortfalls, 0.2)?)),
        negative_forecasts(r).and_then(|(q, shortfalls)| {
            Ok(ExceedanceResidualTest::of(r, &q, &shortfalls, None, 19, 1)?.p_value)
        }),
        forecast(r).and_then(|q| mean(&score::asymmetric_squared(r, &q, 0.2)?)),
        ruin_of_paths(r),
        BootstrapMetrics::of(&[r], 2.0, 8, 1, 365.0).map(|metrics| {
            let values = ComparisonMetric::ALL.map(|metric| metrics.point(0, metric));
            values.into_iter().flatten().fold(
                0.0,
                |worst, value| {
                    if value.is_finite() { worst } else { value }
                },
            )
        }),
    ]
}

fn ruin_of_paths(r: &[f64]) -> Result<f64> {
    let growth: Vec<f64> = r.iter().map(|r| 1.0 + r).collect();
    let path = DailyPath { worst: growth.clone(), growth };
    let config = RuinConfig {
        draws: 20,
        outer_draws: 4,
        inner_draws: 4,
        horizon_days: 20,
        ..RuinConfig::default()
    };
    first_row(estimate_ruin(&[path], &config)?.into_iter().map(|row| Ok(row?.high)).collect())
}

/// A column of ordinary shape: both signs, no ties, one heavy side.
fn ordinary(n: u32) -> Vec<f64> {
    (0..n)
        .map(|t| {
            let t = f64::from(t);
            let wave = (0.7 * t + 0.05 * t * t).sin();
            0.03 * wave.powi(3) - 0.004 * (1.3 * t).cos().powi(8) + 0.002
        })
        .collect()
}

fn odd_columns() -> Vec<(&'static str, Vec<f64>)> {
    let scaled = |unit: f64| ordinary(300).iter().map(|r| r * unit).collect::<Vec<f64>>();
    let mut ruined = ordinary(300);
    ruined[150] = -1.0;
    let mut below_ruin = ordinary(300);
    below_ruin[0] = -7.5;
    let mut spike = vec![0.0; 300];
    spike[7] = 1e300;
    let mut mixed = ordinary(300);
    (mixed[3], mixed[4]) = (1e300, 1e-300);
    let alternating =
        |size: f64| (0..300).map(|t| if t % 2 == 0 { size } else { -size }).collect::<Vec<f64>>();
    vec![
        ("empty", vec![]),
        ("one", vec![0.01]),
        ("one of nothing", vec![0.0]),
        ("one subnormal", vec![5e-324]),
        ("two", vec![0.01, -0.02]),
        ("ten", ordinary(10)),
        ("ordinary", ordinary(300)),
        ("1e-300", scaled(1e-300)),
        ("1e-320", scaled(1e-320)),
        ("1e300", scaled(1e300)),
        ("largest", alternating(f64::MAX)),
        ("smallest", alternating(5e-324)),
        ("zero", vec![0.0; 300]),
        ("minus zero", vec![-0.0; 300]),
        ("constant gain", vec![0.01; 300]),
        ("constant loss", vec![-0.01; 300]),
        ("constant 1e300", vec![1e300; 300]),
        ("constant -1e300", vec![-1e300; 300]),
        ("constant 1e-300", vec![1e-300; 300]),
        ("all gains", ordinary(300).iter().map(|r| r.abs() + 1e-6).collect()),
        ("all losses", ordinary(300).iter().map(|r| -r.abs() - 1e-6).collect()),
        ("all losses 1e-300", scaled(1e-300).iter().map(|r| -r.abs()).collect()),
        ("ruin", ruined),
        ("below ruin", below_ruin),
        ("spike", spike),
        ("mixed scales", mixed),
        ("large mean", ordinary(300).iter().map(|r| 1e9 + r).collect()),
    ]
}

#[test]
fn odd_columns_give_a_value_or_a_reason() {
    for (column, r) in odd_columns() {
        for (name, _, statistic) in STATISTICS {
            match statistic(&r) {
                Ok(value) => assert!(value.is_finite(), "{name} of {column} is {value}"),
                Err(reason) => assert!(!reason.to_string().contains("NaN"), "{name}: {reason}"),
            }
        }
        for (position, result) in several(&r).into_iter().enumerate() {
            assert!(result.as_ref().map_or(true, |v| v.is_finite()), "{position} of {column}");
        }
    }
}

#[test]
fn an_empty_column_is_too_short_for_everything() {
    for (name, _, statistic) in STATISTICS {
        let result = statistic(&[]);
        assert!(
            matches!(result, Err(RiskError::TooFewObservations { n: 0, .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn what_is_not_finite_is_named_with_its_position() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for position in [0, 137, 299] {
            let mut r = ordinary(300);
            r[position] = bad;
            for (name, _, statistic) in STATISTICS {
                // A regressor is named as such, and the sign of a loss is turned.
                match statistic(&r) {
                    Err(RiskError::NonFinite { index, value }) => {
                        assert!(!value.is_finite(), "{name}");
                        let shifted = name.starts_with("regression") && position > 0;
                        assert_eq!(index + usize::from(shifted), position, "{name}");
                    }
                    Err(RiskError::NonFiniteRegressor { column: 1, index, .. }) => {
                        assert_eq!((name.starts_with("regression"), index), (true, 0), "{name}");
                    }
                    other => panic!("{name}: {other:?}"),
                }
            }
            for result in several(&r) {
                assert!(matches!(result, Err(RiskError::NonFinite { .. })), "{result:?}");
            }
        }
    }
}

/// One observation has a level but no spread.
#[test]
fn one_observation_has_no_spread() {
    let needs_more = [
        "sd",
        "variance",
        "skewness",
        "kurtosis",
        "sharpe",
        "sortino",
        "volatility",
        "gauss_var",
        "cf_var",
        "t_scale",
        "gpd_xi",
        "block_length",
        "sqn",
        "expectile_t",
        "diebold_mariano",
    ];
    for (name, _, statistic) in STATISTICS {
        let result = statistic(&[0.01]);
        if needs_more.contains(&name) {
            assert!(
                matches!(result, Err(RiskError::TooFewObservations { n: 0..=1, .. })),
                "{name}: {result:?}"
            );
        }
        if ["mean", "hist_var", "hist_es", "expectile", "evar"].contains(&name) {
            assert!((result.unwrap().abs() - 0.01).abs() < 1e-15, "{name}");
        }
    }
}

/// The ends of the range: in a unit of 2^-996 or 2^996 each statistic is what it is in the unit
/// of one, but for squares that no double holds.
#[test]
fn the_unit_of_the_column_does_not_matter() {
    let base = ordinary(300);
    for exponent in [-960, -530, -300, 300, 530, 960] {
        let unit = 2.0_f64.powi(exponent);
        let r: Vec<f64> = base.iter().map(|r| r * unit).collect();
        for (name, kind, statistic) in STATISTICS {
            let Ok(expected) = statistic(&base) else {
                panic!("{name} of an ordinary column");
            };
            let got = statistic(&r);
            let got = match kind {
                Unit::Own => continue,
                Unit::Square if exponent > 510 => {
                    assert!(matches!(got, Err(RiskError::Undefined { .. })), "{name}: {got:?}");
                    continue;
                }
                // Its loss is such a square.
                Unit::Same if exponent.abs() > 510 && name.starts_with("regression") => {
                    assert!(matches!(got, Err(RiskError::Undefined { .. })), "{name}: {got:?}");
                    continue;
                }
                // Below the range a square is rounded to zero.
                Unit::Square if exponent < -500 => continue,
                Unit::Square => got.map(|value| value / unit / unit),
                Unit::Same => got.map(|value| value / unit),
                Unit::Free => got,
            };
            let got = got.unwrap_or_else(|error| panic!("{name} at 2^{exponent}: {error}"));
            let tolerance =
                if name.starts_with("gpd") || name.starts_with("t_") { 1e-6 } else { 1e-9 };
            let allowed = tolerance * expected.abs().max(1e-9);
            assert!((got - expected).abs() <= allowed, "{name} at 2^{exponent}: {got}, {expected}");
        }
    }
}

/// The paired bootstrap of tiny returns is that of ordinary ones where the unit is free.
#[test]
fn the_paired_bootstrap_keeps_small_returns() {
    let base = ordinary(300);
    let sharpe = |unit: f64| {
        let r: Vec<f64> = base.iter().map(|r| r * unit).collect();
        let metrics = BootstrapMetrics::of(&[&r], 3.0, 20, 1, 365.0).unwrap();
        metrics.point(0, ComparisonMetric::SharpeAnnual).unwrap()
    };
    assert!((sharpe(1.0) - sharpe(2.0_f64.powi(-960))).abs() < 1e-9);
    assert!((sharpe(1.0) - sharpe(2.0_f64.powi(960))).abs() < 1e-9);
}

#[test]
fn ruin_is_named_where_growth_is_asked_for() {
    for loss in [-1.0, -1.5, -1e300] {
        let mut r = ordinary(300);
        r[42] = loss;
        assert_eq!(perf::log_return_sum(&r), Err(RiskError::Ruined { index: 42 }));
        assert_eq!(perf::cagr(&r, 365.0), Ok(-1.0));
        assert_eq!(Drawdowns::of_returns(&r).unwrap().max(), 1.0);
        assert_eq!(ruin_of_paths(&r), Err(RiskError::Ruined { index: 42 }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Columns of any doubles.
    #[test]
    fn any_column_gives_a_value_or_a_reason(
        r in prop::collection::vec(any::<f64>(), 0..60),
        unit in -300_i32..300,
    ) {
        // Whole columns of random bits span every scale at once; these keep to one as well.
        let near: Vec<f64> =
            r.iter().map(|x| (x.to_bits() % 2001) as f64 / 1000.0 - 1.0).collect();
        let scaled: Vec<f64> = near.iter().map(|x| x * 10.0_f64.powi(unit)).collect();
        for column in [r, near, scaled] {
            for (name, _, statistic) in STATISTICS {
                if let Ok(value) = statistic(&column) {
                    prop_assert!(value.is_finite(), "{} is {}", name, value);
                }
            }
            for result in several(&column) {
                prop_assert!(result.map_or(true, f64::is_finite));
            }
        }
    }
}

/// Parameters from the ends of the range and beyond it.
const ODD_PARAMETERS: [f64; 20] = [
    0.0,
    5e-324,
    1e-300,
    1e-17,
    1e-9,
    0.01,
    0.3,
    0.5,
    0.500_000_001,
    1.0 - 1e-16,
    1.0,
    2.0,
    37.0,
    1e9,
    1e300,
    f64::MAX,
    -0.3,
    -1e300,
    f64::NAN,
    f64::INFINITY,
];

/// Every formula of two or three parameters, at every combination of odd ones.
#[test]
fn formulas_of_odd_parameters_give_a_value_or_a_reason() {
    let check = |name: &str, parameters: &[f64], result: Result<f64>| {
        if let Ok(value) = result {
            assert!(value.is_finite(), "{name} of {parameters:?} is {value}");
        }
    };
    for a in ODD_PARAMETERS {
        check("normal_expectile", &[a], expectiles::normal_expectile(a));
        check("uniform_expectile", &[a], expectiles::uniform_expectile(a));
        check("exponential_expectile", &[a], expectiles::exponential_expectile(a));
        check("normal_tau", &[a], expectiles::normal_expectile_tau_for_quantile(a));
        check("chi_squared", &[a], chi_squared_quantile(a, 3));
        check("chi_squared_p", &[a], chi_squared_p_value(a, 7));
        for b in ODD_PARAMETERS {
            let pair = [a, b];
            check("t_expectile", &pair, expectiles::student_t_expectile(a, b));
            check(
                "lognormal",
                &pair,
                var::lognormal_tail(a, b).map(|tail| {
                    tail.long_var + tail.long_es + tail.short_var / 2.0 + tail.short_es / 2.0
                }),
            );
            check("max_sharpe", &pair, ratios::expected_max_sharpe(a, b));
            check("kelly", &pair, ruin::ever_below_fractional_kelly(a, b));
            check("driftless", &pair, ruin::expected_max_drawdown_driftless(a, b));
            check("gambler", &pair, ruin::gamblers_ruin(a, b, None));
            let domain = CornishFisherDomain::new(a, b);
            check("cf", &pair, domain.tail_mean(0.01));
            for (x, n) in [(0, 1), (1, 1), (3, 250), (0, 1_000_000), (999_999, 1_000_000)] {
                check(
                    "coverage",
                    &pair,
                    Coverage::of_count(x, n, a).map(|coverage| {
                        coverage.binomial_exact_p + coverage.likelihood_ratio.p_value
                    }),
                );
            }
            for c in ODD_PARAMETERS {
                let three = [a, b, c];
                check("gambler", &three, ruin::gamblers_ruin(a, b, Some(c)));
                check("fixed_stake", &three, fixed_stake_ruin(a, b, c));
                check("gpd", &three, gpd_log_likelihood(&[1e-300, 1.0, 1e300], a, b));
                check("t", &three, student_t_log_likelihood(&[-1e300, 0.0, 1e-300], a, b, c));
                let moments = ratios::SharpeMoments { sharpe: a, skewness: b, kurtosis: c, n: 100 };
                check("psr", &three, moments.probabilistic(0.1));
                check("min_trl", &three, moments.min_track_record_length(0.0, 0.95));
            }
        }
    }
}
