//! Odd input: a value or a typed reason, never NaN and never a panic.

use plimsoll_risk::RiskError;
use plimsoll_risk::drawdown::{Drawdowns, max_drawdown};
use plimsoll_risk::expectile::sample::{expectile, expectile_es, expectile_tau_for_quantile};
use plimsoll_risk::performance as perf;
use plimsoll_risk::resample::block_length::{common_block_length, politis_white};
use plimsoll_risk::resample::bootstrap::{
    StationaryBootstrap, stationary_bootstrap_variance_of_mean,
};
use plimsoll_risk::sharpe::{SharpeMoments, sharpe};
use plimsoll_risk::summary::ReturnStatistics;
use plimsoll_risk::tail::extreme_value::{GpdFit, gpd_log_likelihood, hill_tail_index};
use plimsoll_risk::tail::student_t::StudentTFit;
use plimsoll_risk::tail::value_at_risk as var;
use plimsoll_risk::trade_statistics as trades;

#[test]
fn every_statistic_of_odd_columns_is_finite_or_a_reason() {
    let heavy: Vec<f64> = (0..200).map(|i| f64::from(i).powi(9) * 1e-15 - 0.5).collect();
    let columns: Vec<Vec<f64>> = vec![
        vec![0.01],
        vec![-0.5, 0.5],
        vec![0.02, -0.01, 0.03],
        vec![0.0; 100],
        vec![0.01; 100],
        vec![-0.01; 100],
        vec![-0.3; 2000],
        vec![1e-300, -1e-300, 2e-300],
        vec![1e300, -0.5, 1e300],
        vec![0.01, -1.0, 0.02],
        vec![0.01, -1.5, 0.02, 0.5],
        (0..60).map(|i| f64::from(i % 2) * 0.02 - 0.01).collect(),
        (0..500).map(|i| f64::from(i % 7 / 6) * -0.03).collect(),
        (1..=400).map(|i| f64::from(i) * 1e-4).collect(),
        (1..=400).map(|i| f64::from(i) * -1e-4).collect(),
        heavy,
    ];
    for column in columns {
        let statistics = ReturnStatistics::compute(&column, 365.0, &[0.001, 0.01, 0.5]).unwrap();
        assert_eq!(statistics.n, column.len());
        for statistic in &statistics.statistics {
            match &statistic.value {
                Ok(value) => {
                    assert!(value.is_finite(), "{} of {:?}..", statistic.name, &column[..1]);
                }
                Err(reason) => assert!(!reason.to_string().is_empty()),
            }
        }
        for name in ["max_drawdown", "cdar_0.95", "edar_0.95", "ulcer_index"] {
            if let Some(value) = statistics.value(name) {
                assert!((0.0..=1.0).contains(&value), "{name} {value}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_named() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let column = [0.01, 0.02, bad];
        for error in [
            perf::total_return(&column).unwrap_err(),
            sharpe(&column, 0.0).unwrap_err(),
            max_drawdown(&column).unwrap_err(),
            var::historical_var(&column, 0.1).unwrap_err(),
            expectile(&column, 0.1).unwrap_err(),
            GpdFit::of_returns(&column).unwrap_err(),
            StudentTFit::of(&column).unwrap_err(),
            politis_white(&column).unwrap_err(),
            trades::win_rate(&column).unwrap_err(),
            ReturnStatistics::compute(&column, 365.0, &[]).unwrap_err(),
        ] {
            assert!(matches!(error, RiskError::NonFinite { index: 2, .. }), "{error}");
        }
    }
}

#[test]
fn empty_columns_are_too_short() {
    let too_few = RiskError::TooFewObservations { n: 0, n_min: 1 };
    assert_eq!(perf::total_return(&[]), Err(too_few.clone()));
    assert_eq!(max_drawdown(&[]), Err(too_few.clone()));
    assert_eq!(var::historical_es(&[], 0.1), Err(too_few.clone()));
    assert_eq!(expectile(&[], 0.1), Err(too_few.clone()));
    assert_eq!(trades::profit_factor(&[]), Err(too_few));
    assert_eq!(sharpe(&[0.1], 0.0), Err(RiskError::TooFewObservations { n: 1, n_min: 2 }));
}

#[test]
fn ruin_is_absorbing() {
    for last in [-1.0, -3.0] {
        let returns = [0.1, last, 0.5, 0.5];
        assert_eq!(perf::first_ruin(&returns), Some(1));
        assert_eq!(perf::total_return(&returns), Ok(-1.0));
        assert_eq!(perf::cagr(&returns, 365.0), Ok(-1.0));
        assert_eq!(perf::log_return_sum(&returns), Err(RiskError::Ruined { index: 1 }));
        let drawdowns = Drawdowns::of_returns(&returns).unwrap();
        assert_eq!(drawdowns.series(), &[0.0, 1.0, 1.0, 1.0]);
        assert_eq!(drawdowns.longest_under_water(), 3);
        assert_eq!(perf::calmar(&returns, 365.0), Ok(-1.0));
        let statistics = ReturnStatistics::compute(&returns, 365.0, &[]).unwrap();
        assert_eq!(statistics.ruined_at, Some(1));
    }
    // Negative equity in a curve is ruin as well, even if it comes back.
    let curve = Drawdowns::of_wealth(1.0, &[0.5, -0.1, 2.0]).unwrap();
    assert_eq!(curve.series(), &[0.5, 1.0, 1.0]);
}

#[test]
fn constant_series_have_no_ratios() {
    let constant = [0.01; 30];
    let undefined = |result: plimsoll_risk::Result<f64>| {
        assert!(matches!(result, Err(RiskError::Undefined { .. })), "{result:?}");
    };
    undefined(sharpe(&constant, 0.0));
    undefined(SharpeMoments::of(&constant).map(|moments| moments.sharpe));
    undefined(perf::sortino(&constant, 0.0));
    undefined(perf::calmar(&constant, 365.0));
    undefined(trades::system_quality_number(&constant));
    undefined(expectile_tau_for_quantile(&constant, 0.1));
    undefined(var::cornish_fisher(&constant, 0.1).map(|cf| cf.value_at_risk));
    undefined(StudentTFit::of(&[0.01; 60]).map(|fit| fit.scale));
    undefined(politis_white(&constant).map(|length| length.stationary));
    // Levels exist: the tail of a constant gain is that gain.
    assert!((var::historical_es(&constant, 0.1).unwrap() + 0.01).abs() < 1e-15);
    assert!((var::entropic_var(&constant, 0.1).unwrap() + 0.01).abs() < 1e-15);
    assert!((expectile(&constant, 0.1).unwrap() - 0.01).abs() < 1e-15);
    assert!((expectile_es(&constant, 0.1).unwrap() + 0.01).abs() < 1e-15);
    assert_eq!(max_drawdown(&constant), Ok(0.0));
    assert!(Drawdowns::of_returns(&constant).unwrap().episodes().is_empty());
}

#[test]
fn ratios_without_losses_say_so() {
    let gains = [0.01, 0.02, 0.0];
    assert_eq!(trades::profit_factor(&gains), Err(RiskError::NoLosses));
    assert_eq!(trades::payoff_ratio(&gains), Err(RiskError::NoLosses));
    assert_eq!(perf::omega(&gains, 0.0), Err(RiskError::NoLosses));
    let nothing = [0.0, 0.0];
    for result in [
        trades::profit_factor(&nothing),
        trades::payoff_ratio(&nothing),
        perf::omega(&nothing, 0.0),
    ] {
        assert!(matches!(result, Err(RiskError::Undefined { .. })));
    }
    assert_eq!(trades::profit_factor(&[-1.0, -2.0]), Ok(0.0));
    assert_eq!(trades::win_rate(&[-1.0, 0.0, 2.0]), Ok(1.0 / 3.0));
    assert!(matches!(trades::payoff_ratio(&[-1.0]), Err(RiskError::Undefined { .. })));
}

#[test]
fn parameters_outside_their_range_are_named() {
    let returns = [0.01, -0.02, 0.03];
    for alpha in [0.0, 1.0, -0.1, f64::NAN] {
        for result in [
            var::historical_var(&returns, alpha),
            var::historical_es(&returns, alpha),
            var::gaussian_var(&returns, alpha),
            var::entropic_var(&returns, alpha),
            expectile_es(&returns, alpha),
        ] {
            assert!(matches!(result, Err(RiskError::OutOfRange { name: "alpha", .. })));
        }
    }
    assert!(perf::cagr(&returns, 0.0).is_err());
    assert!(perf::cagr(&returns, f64::INFINITY).is_err());
    assert!(stationary_bootstrap_variance_of_mean(&returns, 0.5).is_err());
    assert!(StationaryBootstrap::new(0, 2.0, 1).is_err());
    assert!(StationaryBootstrap::new(5, f64::NAN, 1).is_err());
    assert!(gpd_log_likelihood(&[1.0, 5.0], -0.5, 2.0).is_err());
    assert!(gpd_log_likelihood(&[-1.0], 0.1, 2.0).is_err());
    assert!(hill_tail_index(&[0.1, 0.2], 2).is_err());
    assert!(hill_tail_index(&[0.1, 0.2], 0).is_err());
    assert!(hill_tail_index(&[0.1, -0.2], 1).is_err());
    assert!(hill_tail_index(&[0.1, 0.1, 0.1], 1).is_err());
}

/// A strategy that is mostly out of the market has many returns of exactly zero.
#[test]
fn ties_at_the_threshold_are_not_exceedances() {
    let mut returns = vec![0.0; 900];
    returns.extend((1..=40).map(|i| -0.001 * f64::from(i)));
    let fit = GpdFit::of_returns(&returns).unwrap();
    assert_eq!((fit.n, fit.n_exceed), (940, 40));
    assert_eq!(fit.threshold, 0.0);
    assert!(matches!(StudentTFit::of(&returns), Err(RiskError::Undefined { .. })));
    returns.truncate(920);
    assert!(matches!(
        GpdFit::of_returns(&returns),
        Err(RiskError::TooFewObservations { n: 20, n_min: 30 })
    ));
}

#[test]
fn a_common_block_passes_over_idle_rules() {
    let idle = vec![0.0; 200];
    let busy: Vec<f64> = (0..200).map(|i| (f64::from(i) / 9.0).sin() * 0.01).collect();
    let alone = common_block_length(&[&busy]).unwrap();
    assert_eq!(common_block_length(&[&idle, &busy]), Ok(alone));
    assert_eq!(common_block_length(&[&idle]), Ok(1.0));
    assert_eq!(common_block_length(&[]), Ok(1.0));
    assert!(matches!(
        common_block_length(&[&busy, &idle[..100]]),
        Err(RiskError::LengthMismatch { index: 1, .. })
    ));
}

#[test]
fn messages_name_position_value_and_rule() {
    let message = |error: RiskError| error.to_string();
    assert_eq!(
        message(perf::total_return(&[0.1, f64::NAN]).unwrap_err()),
        "value NaN at position 1 is not finite; remove it or fill the gap before"
    );
    assert_eq!(
        message(var::historical_var(&[0.1], 1.5).unwrap_err()),
        "`alpha` is 1.5, it must be above 0 and below 1"
    );
    assert_eq!(message(sharpe(&[0.1], 0.0).unwrap_err()), "1 observation, at least 2 are needed");
}

#[test]
fn no_loss_is_zero_without_a_sign() {
    let flat = [0.0; 20];
    let losses = [
        var::historical_var(&flat, 0.1).unwrap(),
        var::historical_var_inverted_cdf(&flat, 0.1).unwrap(),
        var::historical_es(&flat, 0.1).unwrap(),
        Drawdowns::of_returns(&[0.01; 20]).unwrap().conditional(0.9).unwrap(),
    ];
    for loss in losses {
        assert_eq!(loss.to_bits(), 0, "{loss}");
    }
}

#[test]
fn expectile_shortfall_of_a_part_of_an_observation_is_above_the_historical_one() {
    let returns: Vec<f64> = (0..50).map(|i| f64::from(i * i) * 1e-4 - 0.1).collect();
    for (alpha, whole) in [(0.04, true), (0.2, true), (0.05, false), (0.01, false)] {
        let by_expectile = expectile_es(&returns, alpha).unwrap();
        let historical = var::historical_es(&returns, alpha).unwrap();
        if whole {
            assert!((by_expectile - historical).abs() < 1e-15, "{alpha}");
        } else {
            assert!(by_expectile > historical + 1e-6, "{alpha}");
        }
    }
}
