//! How sure a fitted tail is: standard errors, profile-likelihood intervals and tables of
//! thresholds, against scipy (Nelder-Mead, numerical Hessian, brentq on the profile).

use plimsoll_risk::RiskError;
use plimsoll_risk::tail::extreme_value::{GpdFit, threshold_of_largest};
use plimsoll_risk::tail::profile_interval::{GpdProfile, ProfileInterval};
use plimsoll_risk::tail::threshold::{mean_excess, threshold_stability};
use plimsoll_risk::tail::value_at_risk::{CornishFisherDomain, cornish_fisher};

use crate::assert_close;

/// Uniform below 0.9, Pareto with shape 0.3 above, rippled by a sine.
fn losses() -> Vec<f64> {
    (1..=800_u32)
        .map(|i| {
            let p = (f64::from(i) - 0.5) / 800.0;
            let tail = 0.9 + 0.5 * (((1.0 - p) / 0.1).powf(-0.3) - 1.0) / 0.3;
            let loss = if p < 0.9 { p } else { tail };
            loss * (1.0 + 0.02 * (7.0 * f64::from(i)).sin())
        })
        .collect()
}

fn profile(count: usize) -> GpdProfile {
    let losses = losses();
    GpdProfile::above(&losses, threshold_of_largest(&losses, count).unwrap()).unwrap()
}

#[track_caller]
fn assert_interval(got: ProfileInterval, low: f64, high: Option<f64>) {
    assert_close(got.low.unwrap(), low, 1e-6);
    assert_eq!(got.high.is_some(), high.is_some(), "{got:?}");
    if let (Some(got), Some(expected)) = (got.high, high) {
        assert_close(got, expected, 1e-6);
    }
    assert!(got.low.unwrap() < got.estimate && got.high.is_none_or(|high| high > got.estimate));
}

#[test]
fn standard_errors_agree_with_a_numerical_hessian() {
    let profile = profile(80);
    let fit = profile.fit();
    assert_close(fit.threshold, 0.911_161_516_743_152_7, 1e-12);
    assert_close(fit.xi, 0.315_412_457_997, 1e-6);
    assert_close(fit.beta, 0.478_983_538_822, 1e-6);
    assert_close(fit.log_likelihood, -46.345_871_990_467_53, 1e-10);
    assert_close(fit.xi_standard_error.unwrap(), 0.154_733_47, 1e-5);
    assert_close(fit.beta_standard_error.unwrap(), 0.089_863_85, 1e-5);
    assert_close(fit.xi_beta_covariance.unwrap(), -0.008_983_924_8, 1e-6);
    assert_close(fit.value_at_risk(0.01).unwrap(), 2.532_021_860_5, 1e-6);
    assert_close(fit.value_at_risk_standard_error(0.01).unwrap().unwrap(), 0.264_537_40, 1e-5);
    assert_close(fit.expected_shortfall(0.01).unwrap(), 3.978_473_955, 1e-6);
    assert_close(fit.expected_shortfall_standard_error(0.01).unwrap().unwrap(), 0.907_278, 1e-4);
    let at_threshold = fit.value_at_risk_standard_error(0.1).unwrap();
    assert_eq!(at_threshold, Some(0.0), "the threshold is taken as known");
}

#[test]
fn profile_intervals_agree_with_scipy() {
    let heavy = profile(80);
    assert_interval(heavy.xi_interval(0.95).unwrap(), 0.070_846_223, Some(0.692_006_580_4));
    assert_interval(
        heavy.value_at_risk_interval(0.01, 0.95).unwrap(),
        2.126_179_406_1,
        Some(3.321_781_275_4),
    );
    assert_interval(
        heavy.expected_shortfall_interval(0.01, 0.95).unwrap(),
        2.936_549_636_6,
        Some(9.394_337_927_7),
    );
    // Half of these excesses are not of the tail: a shape above 1 is not excluded, so the
    // shortfall has no upper limit.
    let mixed = profile(150);
    assert_interval(mixed.xi_interval(0.95).unwrap(), 0.544_460_969_1, Some(1.199_546_281_5));
    assert_interval(
        mixed.value_at_risk_interval(0.005, 0.95).unwrap(),
        2.839_879_845_3,
        Some(9.251_166_488_9),
    );
    assert_interval(mixed.expected_shortfall_interval(0.005, 0.95).unwrap(), 5.842_302_903_6, None);
    // More confidence, wider.
    let (narrow, wide) = (heavy.xi_interval(0.5).unwrap(), heavy.xi_interval(0.99).unwrap());
    assert!(wide.low < narrow.low && narrow.high < wide.high);
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(heavy.xi_interval(confidence).is_err());
    }
    assert!(matches!(
        heavy.value_at_risk_interval(0.1, 0.95),
        Err(RiskError::Undefined { metric: "gpd_var", .. })
    ));
    assert!(heavy.value_at_risk_interval(0.2, 0.95).is_err());
}

/// A tail with an end point: uniform losses have a shape of -1, beyond what is fitted.
#[test]
fn a_short_tail_is_open_below() {
    let losses: Vec<f64> = (0..400).map(f64::from).collect();
    let profile = GpdProfile::above(&losses, 299.0).unwrap();
    let interval = profile.xi_interval(0.95).unwrap();
    assert_eq!((interval.estimate, interval.low), (-0.5, None));
    assert!(interval.high.is_some_and(|high| high < 0.0));
    assert_eq!(profile.fit().value_at_risk_standard_error(0.01), Ok(None));
    let loss = profile.value_at_risk_interval(0.01, 0.95).unwrap();
    assert!(loss.low.unwrap() < loss.estimate && loss.estimate < loss.high.unwrap());
}

#[test]
fn intervals_have_the_unit_of_the_losses() {
    let losses = losses();
    let threshold = threshold_of_largest(&losses, 80).unwrap();
    let base = GpdProfile::above(&losses, threshold).unwrap();
    for unit in [2.0_f64.powi(-900), 1e-6, 2.0_f64.powi(900)] {
        let scaled: Vec<f64> = losses.iter().map(|loss| loss * unit).collect();
        let other = GpdProfile::above(&scaled, threshold * unit).unwrap();
        let (xi, scaled_xi) = (base.xi_interval(0.9).unwrap(), other.xi_interval(0.9).unwrap());
        assert_close(scaled_xi.low.unwrap(), xi.low.unwrap(), 1e-6);
        let es = base.expected_shortfall_interval(0.01, 0.9).unwrap();
        let scaled_es = other.expected_shortfall_interval(0.01, 0.9).unwrap();
        assert_close(scaled_es.low.unwrap() / unit, es.low.unwrap(), 1e-6);
        assert_close(scaled_es.high.unwrap() / unit, es.high.unwrap(), 1e-5);
        let error = |fit: &GpdFit| fit.value_at_risk_standard_error(0.01).unwrap().unwrap();
        assert_close(error(other.fit()) / unit, error(base.fit()), 1e-5);
    }
}

#[test]
fn tables_of_thresholds() {
    let losses = losses();
    let rows = threshold_stability(&losses, &[80, 150, 10], 0.01).unwrap();
    let first = rows[0].as_ref().unwrap();
    assert_close(first.modified_scale, 0.191_591_845, 1e-6);
    assert_close(first.modified_scale_standard_error.unwrap(), 0.210_533_87, 1e-4);
    assert_eq!(first.fit, GpdFit::of_largest(&losses, 80).unwrap());
    assert_eq!(first.value_at_risk, first.fit.value_at_risk(0.01).ok());
    let second = rows[1].as_ref().unwrap();
    assert_close(second.modified_scale, -0.523_333_8, 1e-5);
    assert!(matches!(rows[2], Err(RiskError::TooFewObservations { n: 10, n_min: 30 })));
    assert!(threshold_stability(&[f64::NAN], &[1], 0.01).is_err());
    assert!(threshold_stability(&losses, &[80], 1.0).is_err());

    // By hand: excesses 1, 2, 3 over 1 with sd 1; one over 3; none over 4.
    let rows = mean_excess(&[4.0, 1.0, 3.0, 2.0, -5.0], &[1.0, 3.0, 4.0]).unwrap();
    let row = rows[0].as_ref().unwrap();
    assert_eq!((row.n_exceed, row.mean), (3, 2.0));
    assert_close(row.standard_error.unwrap(), 1.0 / 3.0_f64.sqrt(), 1e-15);
    let row = rows[1].as_ref().unwrap();
    assert_eq!((row.n_exceed, row.mean, row.standard_error), (1, 1.0, None));
    assert_eq!(rows[2], Err(RiskError::TooFewObservations { n: 0, n_min: 1 }));
    assert!(mean_excess(&[1.0], &[f64::INFINITY]).is_err());
    assert!(mean_excess(&[], &[0.0]).is_err());
}

/// scipy `quad` of the expansion over the normal density.
#[test]
fn the_shortfall_of_the_expansion_is_its_integral() {
    const PARTS: u32 = 2_000;
    let sample: Vec<f64> = (0..500)
        .map(|i| (f64::from(i) * 0.37).sin().powi(3) - 0.1 * (f64::from(i)).cos())
        .collect();
    for alpha in [0.01, 0.05, 0.3] {
        let expansion = cornish_fisher(&sample, alpha).unwrap();
        // The mean of value at risk over smaller tail probabilities, by the midpoint rule.
        let mean = (0..PARTS)
            .map(|i| {
                let smaller = alpha * (f64::from(i) + 0.5) / f64::from(PARTS);
                cornish_fisher(&sample, smaller).unwrap().value_at_risk
            })
            .sum::<f64>()
            / f64::from(PARTS);
        assert_close(expansion.expected_shortfall, mean, 5e-4);
        assert!(expansion.expected_shortfall > expansion.value_at_risk || !expansion.domain.valid);
    }
    let domain = CornishFisherDomain::new(-0.4, 1.2);
    for (alpha, expected) in [
        (0.01, -3.550_127_430_305_805),
        (0.05, -2.424_366_697_972_530_5),
        (0.3, -1.159_798_097_341_615),
    ] {
        assert_close(domain.tail_mean(alpha).unwrap(), expected, 1e-10);
    }
}

/// One loss beyond all measure: estimates and the profile by scipy, or a reason.
#[test]
fn an_outlier_of_any_size_is_fitted_or_refused() {
    let losses = |outlier: f64| -> Vec<f64> {
        (1..=60_u32).map(|i| 0.001 * f64::from(i)).chain([outlier]).collect()
    };
    for (outlier, xi, beta, log_likelihood, low, high) in [
        (1e30, 2.619_204_69, 0.021_297_407_6, 14.027_879_051_7, 1.946_192_69, 3.597_232_83),
        (1e150, 8.270_121_40, 0.017_067_201_8, -317.171_008_107, 6.386_266_19, 10.934_674_42),
    ] {
        let profile = GpdProfile::above(&losses(outlier), 0.0).unwrap();
        let fit = profile.fit();
        assert_close(fit.xi / xi, 1.0, 1e-6);
        assert_close(fit.beta / beta, 1.0, 1e-6);
        assert_close(fit.log_likelihood, log_likelihood, 1e-9);
        assert_interval(profile.xi_interval(0.95).unwrap(), low, Some(high));
    }
    let error = GpdFit::above(&losses(1e308), 0.0).unwrap_err();
    assert!(matches!(error, RiskError::Undefined { metric: "gpd_fit", .. }), "{error}");
}
