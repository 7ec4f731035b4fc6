//! The assessment of one series: sections that agree with each other, and odd input.

use plimsoll_risk::RiskError;
use plimsoll_risk::assessment::plots::{ExceedancePlot, QuantilePlot, TailPlot};
use plimsoll_risk::assessment::{Assessment, AssessmentSettings};
use plimsoll_risk::forecast::{ForecastSettings, Side, TailModel};
use plimsoll_risk::summary::ReturnStatistics;
use serde_json::Value;

/// Returns of up to 5 % either way that repeat after a while.
fn returns(n: u64) -> Vec<f64> {
    (0..n).map(|t| ((t * t * 37 + t * 11) % 101) as f64 / 1000.0 - 0.05).collect()
}

fn settings() -> AssessmentSettings {
    AssessmentSettings {
        draws: 100,
        outer_draws: 10,
        horizon_periods: 50,
        forecasts: Some(ForecastSettings {
            models: vec![TailModel::Historical, TailModel::EwmaNormal],
            window: 100,
            refit_every: 20,
            draws: 100,
            ..ForecastSettings::default()
        }),
        ..AssessmentSettings::default()
    }
}

/// Every `value` of a document that is null has a `reason`; nothing is a NaN, which would be null.
fn check_reasons(value: &Value, path: &str) {
    match value {
        Value::Object(fields) => {
            if fields.get("value").is_some_and(Value::is_null) {
                assert!(fields["reason"].is_string(), "{path}: a value is missing without a word");
            }
            for (name, field) in fields {
                let may_be_absent = [
                    "value",
                    "reason",
                    "note",
                    "recovered",
                    "first",
                    "forecasts",
                    "from_hessian",
                    "robust",
                    "alpha",
                    "lundberg_bound",
                    "xi_standard_error",
                    "xi_beta_covariance",
                    "beta_standard_error",
                    "modified_scale_standard_error",
                    "value_at_risk",
                    "expected_shortfall",
                ];
                assert!(
                    !field.is_null() || may_be_absent.contains(&name.as_str()),
                    "{path}.{name}"
                );
                check_reasons(field, &format!("{path}.{name}"));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                assert!(!item.is_null(), "{path}[{at}]");
                check_reasons(item, &format!("{path}[{at}]"));
            }
        }
        _ => {}
    }
}

fn assessed(returns: &[f64]) -> (Assessment, Value) {
    let assessment = Assessment::of(returns, &settings()).unwrap();
    let document = serde_json::to_value(&assessment).unwrap();
    check_reasons(&document, "");
    (assessment, document)
}

#[test]
fn sections_agree_with_each_other() {
    let r = returns(300);
    let (assessment, document) = assessed(&r);
    assert_eq!(assessment.statistics, ReturnStatistics::compute(&r, 365.0, &[0.01, 0.05]).unwrap());
    let tail = |side, method: &str| {
        assessment
            .tails
            .iter()
            .find(|row| row.side == side && row.method == method && row.alpha == 0.05)
            .unwrap()
    };
    let lower = tail(Side::Lower, "historical");
    assert_eq!(lower.value_at_risk.clone().ok(), assessment.statistics.value("hist_var_0.05"));
    assert_eq!(lower.expected_shortfall.clone().ok(), assessment.statistics.value("hist_es_0.05"));

    // The lower tail of the mirrored returns is the upper tail of these, method by method.
    let mirrored: Vec<f64> = r.iter().map(|r| -r).collect();
    let (other, _) = assessed(&mirrored);
    for row in assessment.tails.iter().filter(|row| row.side == Side::Upper) {
        let same = other
            .tails
            .iter()
            .find(|o| o.side == Side::Lower && o.method == row.method && o.alpha == row.alpha)
            .unwrap();
        for (a, b) in [
            (&row.value_at_risk, &same.value_at_risk),
            (&row.expected_shortfall, &same.expected_shortfall),
        ] {
            match (a, b) {
                (Ok(a), Ok(b)) => {
                    assert!((a - b).abs() < 1e-6 * a.abs(), "{}: {a}, {b}", row.method);
                }
                (a, b) => assert_eq!(a.is_err(), b.is_err(), "{}", row.method),
            }
        }
    }
    for row in &assessment.tails {
        if let (Ok(value_at_risk), Ok(shortfall)) = (&row.value_at_risk, &row.expected_shortfall) {
            assert!(shortfall >= value_at_risk, "{row:?}");
        }
    }
    let depths: Vec<f64> = assessment.worst_drawdowns.iter().map(|one| one.depth).collect();
    assert_eq!(depths.first().copied(), assessment.statistics.value("max_drawdown"));
    assert!(depths.is_sorted_by(|a, b| a >= b), "{depths:?}");

    assert_eq!(assessment.volatility.len(), 10);
    let fitted = assessment.volatility.iter().filter_map(|row| row.fit.as_ref().ok());
    for fit in fitted {
        assert!(fit.sigma_next > 0.0 && fit.bic > fit.aic);
        assert!(fit.next.iter().all(|tail| tail.side != Side::Lower || tail.value_at_risk.is_ok()));
    }
    assert_eq!(assessment.care.len(), 12);
    assert!(assessment.care.iter().all(|row| row.fit.is_ok()), "{:?}", assessment.care);
    assert!(
        assessment.ruin[0].estimate.as_ref().unwrap().probability
            >= assessment.ruin[1].estimate.as_ref().unwrap().probability
    );

    let forecasts = assessment.forecasts.as_ref().unwrap();
    let rows = forecasts.evaluations.as_ref().unwrap();
    assert_eq!(rows.len(), 2 * 2 * 2);
    assert!(rows.iter().all(|row| row.n == 200));
    let best = forecasts.best(Side::Lower, 0.05).unwrap();
    assert!(forecasts.diagnostics(best).unwrap().refits > 0);
    assert_eq!(document["forecasts"]["evaluations"]["value"].as_array().unwrap().len(), 8);
}

#[test]
fn dependence_is_that_of_statsmodels() {
    let (assessment, _) = assessed(&returns(200));
    let dependence = &assessment.dependence;
    // statsmodels 0.15: acf(nlags=10) and acorr_ljungbox(lags=[10, 20]) of r and |r|.
    let expected = [
        (1, -0.022_649_714_306_684_537, -0.000_488_413_313_585_335_3),
        (5, 0.020_146_519_162_849_097, -0.097_615_788_593_718_79),
        (10, -0.029_212_255_445_739_22, -0.015_912_144_075_786_07),
    ];
    for (lag, of_returns, of_sizes) in expected {
        let row = dependence.autocorrelations.iter().find(|row| row.lag == lag).unwrap();
        assert!((row.returns.clone().unwrap() - of_returns).abs() < 1e-12, "{row:?}");
        assert!((row.absolute.clone().unwrap() - of_sizes).abs() < 1e-12, "{row:?}");
    }
    let expected = [
        (10, 0.159_175_510_466_362_94, 0.442_310_657_898_421_4),
        (20, 0.000_466_041_891_141_663_6, 0.617_070_866_665_723_5),
    ];
    for ((lags, of_returns, of_sizes), row) in expected.into_iter().zip(&dependence.tests) {
        assert_eq!(row.lags, lags);
        assert!((row.returns_p.clone().unwrap() - of_returns).abs() < 1e-10, "{row:?}");
        assert!((row.absolute_p.clone().unwrap() - of_sizes).abs() < 1e-10, "{row:?}");
    }
}

#[test]
fn odd_series_have_reasons_and_no_panic() {
    let mut ruined = returns(150);
    ruined[70] = -1.5;
    let cases: Vec<(&str, Vec<f64>)> = vec![
        ("one", vec![0.01]),
        ("two", vec![0.01, -0.02]),
        ("constant", vec![0.001; 300]),
        ("zeros", vec![0.0; 300]),
        ("gains", returns(200).iter().map(|r| r + 0.06).collect()),
        ("losses", returns(200).iter().map(|r| r - 0.06).collect()),
        ("ruin", ruined),
        ("tiny", returns(300).iter().map(|r| r * 1e-300).collect()),
        ("huge", returns(300).iter().map(|r| r.abs() * 1e300).collect()),
        ("flat with two moves", (0..300).map(|t| if t % 150 == 7 { 0.1 } else { 0.0 }).collect()),
    ];
    for (name, series) in cases {
        let (assessment, _) = assessed(&series);
        assert_eq!(assessment.statistics.n, series.len(), "{name}");
        let points = TailPlot::of(&series, &assessment);
        for (x, p) in points.iter().flat_map(|plot| plot.observed.iter().chain(&plot.student_t)) {
            assert!(x.is_finite() && *x > 0.0 && *p > 0.0 && *p < 1.0, "{name}: {x}, {p}");
        }
        for plot in QuantilePlot::of(&series, &assessment) {
            assert!(plot.points.iter().all(|(x, y)| x.is_finite() && y.is_finite()), "{name}");
        }
        if name == "ruin" {
            assert_eq!(assessment.statistics.ruined_at, Some(70));
            let estimate = assessment.ruin[0].estimate.as_ref();
            assert_eq!(estimate.unwrap_err(), &RiskError::Ruined { index: 70 });
        }
        if name == "constant" {
            assert!(assessment.volatility.iter().all(|row| row.fit.is_err()));
            assert!(assessment.dependence.block_length.is_err());
        }
    }
}

type Breaking = fn(&mut AssessmentSettings);

#[test]
fn bad_input_is_refused_with_its_position() {
    let mut broken = returns(50);
    broken[13] = f64::NAN;
    let error = Assessment::of(&broken, &settings()).unwrap_err();
    assert!(matches!(error, RiskError::NonFinite { index: 13, .. }), "{error}");
    let error = Assessment::of(&[], &settings()).unwrap_err();
    assert_eq!(error, RiskError::TooFewObservations { n: 0, n_min: 1 });
    let bad: [(&str, Breaking); 6] = [
        ("periods_per_year", |s| s.periods_per_year = 0.0),
        ("alpha", |s| s.alphas = vec![0.05, 1.0]),
        ("drawdown", |s| s.drawdowns = vec![1.5]),
        ("horizon_periods", |s| s.horizon_periods = 0),
        ("draws", |s| s.draws = 0),
        ("fit_observations_max", |s| s.fit_observations_max = 0),
    ];
    for (expected, break_it) in bad {
        let mut settings = settings();
        break_it(&mut settings);
        let error = Assessment::of(&returns(50), &settings).unwrap_err();
        assert!(matches!(error, RiskError::OutOfRange { name, .. } if name == expected), "{error}");
    }
}

#[test]
fn plots_show_what_the_assessment_says() {
    let r = returns(300);
    let (assessment, _) = assessed(&r);
    let plots = TailPlot::of(&r, &assessment);
    let losses = r.iter().filter(|r| **r < 0.0).count();
    assert_eq!(plots[0].observed.len(), losses);
    assert_eq!(plots[0].observed[0].0, 0.05, "the largest loss first");
    assert_eq!(plots[0].observed[0].1, 0.5 / 300.0);

    let plot = ExceedancePlot::of(&r, &assessment, 0.05).unwrap();
    assert_eq!((plot.first, plot.returns.len()), (100, 200));
    let forecasts = assessment.forecasts.as_ref().unwrap();
    let violations: usize =
        Side::ALL.into_iter().map(|side| forecasts.best(side, 0.05).unwrap().violations).sum();
    assert_eq!(plot.violations.len(), violations);
    for at in &plot.violations {
        let beyond = |(side, _, bound): &(Side, TailModel, Vec<f64>)| {
            side.sign() * r[*at] < side.sign() * bound[at - plot.first]
        };
        assert!(plot.bounds.iter().any(beyond), "{at}");
    }
    assert!(ExceedancePlot::of(&r, &assessment, 0.02).is_none());
}

#[test]
fn results_do_not_depend_on_threads() {
    let r = returns(260);
    let document = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_string(&Assessment::of(&r, &settings()).unwrap()).unwrap())
    };
    assert_eq!(document(1), document(3));
}
