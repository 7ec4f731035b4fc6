//! Liquidity-adjusted, lognormal and discrete tails, and the difference of two Sharpe ratios.

use plimsoll_risk::RiskError;
use plimsoll_risk::compare::sharpe_difference::sharpe_difference;
use plimsoll_risk::tail::discrete::DiscreteReturns;
use plimsoll_risk::tail::liquidity::{LiquidityAdjustedVar, LiquiditySettings};
use plimsoll_risk::tail::value_at_risk::{historical_es, lognormal_tail};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::assert_close;

const SETTINGS: LiquiditySettings =
    LiquiditySettings { alpha: 0.01, tail_correction: 1.0, spread_deviations: 2.0 };

/// Log returns of ln 2 and -ln 2 have sd sqrt(2) ln 2; spreads 0.01 and 0.03 mean 0.02 and
/// sd sqrt(2) / 100.
#[test]
fn liquidity_by_hand() {
    let var = LiquidityAdjustedVar::of(&[100.0, 200.0, 100.0], &[0.01, 0.03], &SETTINGS).unwrap();
    let root = 2.0_f64.sqrt();
    let price = 1.0 - (-2.326_347_874_040_841 * root * 2.0_f64.ln()).exp();
    assert_close(var.price_fraction, price, 1e-13);
    assert_close(var.spread_fraction, 0.5 * (0.02 + 2.0 * root / 100.0), 1e-13);
    assert_close(var.total_fraction, var.price_fraction + var.spread_fraction, 1e-15);
    assert_close(var.total_per_unit, 100.0 * var.total_fraction, 1e-15);
    let fatter = LiquiditySettings { tail_correction: 1.5, ..SETTINGS };
    let fat = LiquidityAdjustedVar::of(&[100.0, 200.0, 100.0], &[0.01, 0.03], &fatter).unwrap();
    assert!(fat.price_fraction > var.price_fraction);
    assert_close(fat.spread_fraction, var.spread_fraction, 1e-15);
}

#[test]
fn liquidity_refuses_odd_input() {
    let closes = [100.0, 101.0, 99.0];
    let of = |closes: &[f64], spreads: &[f64], settings| {
        LiquidityAdjustedVar::of(closes, spreads, &settings).unwrap_err()
    };
    let spreads = [0.01, 0.02];
    for (settings, name) in [
        (LiquiditySettings { alpha: 1.0, ..SETTINGS }, "alpha"),
        (LiquiditySettings { tail_correction: 0.9, ..SETTINGS }, "tail_correction"),
        (LiquiditySettings { spread_deviations: -1.0, ..SETTINGS }, "spread_deviations"),
    ] {
        let error = of(&closes, &spreads, settings);
        assert!(matches!(error, RiskError::OutOfRange { name: found, .. } if found == name));
    }
    let error = of(&[100.0, 0.0, 99.0], &spreads, SETTINGS);
    assert!(matches!(error, RiskError::OutOfRange { name: "close", .. }));
    let error = of(&closes, &[0.01, -0.01], SETTINGS);
    assert!(matches!(error, RiskError::OutOfRange { name: "relative_spread", .. }));
    let error = of(&closes[..2], &spreads, SETTINGS);
    assert_eq!(error, RiskError::TooFewObservations { n: 2, n_min: 3 });
    let error = of(&closes, &[0.01, f64::NAN], SETTINGS);
    assert!(matches!(error, RiskError::NonFinite { index: 1, .. }));
}

/// exp(z sigma) by hand, and the mean of the tail by the midpoint rule.
#[test]
fn lognormal_tails_by_quadrature() {
    let (sigma, alpha) = (0.05, 0.05);
    let tail = lognormal_tail(sigma, alpha).unwrap();
    let z: f64 = -1.644_853_626_951_472_7;
    assert_close(tail.long_var, 1.0 - (z * sigma).exp(), 1e-14);
    assert_close(tail.short_var, (-z * sigma).exp() - 1.0, 1e-14);
    let (steps, low) = (200_000, -12.0);
    let width = (z - low) / f64::from(steps);
    let (mut down, mut up) = (0.0, 0.0);
    for step in 0..steps {
        let x = low + (f64::from(step) + 0.5) * width;
        let mass = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() * width;
        down += mass * (1.0 - (sigma * x).exp());
        up += mass * ((-sigma * x).exp() - 1.0);
    }
    assert_close(tail.long_es, down / alpha, 1e-8);
    assert_close(tail.short_es, up / alpha, 1e-8);
    assert!(matches!(lognormal_tail(0.0, 0.05), Err(RiskError::OutOfRange { name: "sigma", .. })));
    assert!(matches!(lognormal_tail(0.1, 0.0), Err(RiskError::OutOfRange { name: "alpha", .. })));
    assert!(matches!(lognormal_tail(1e3, 0.01), Err(RiskError::Undefined { .. })));
}

#[test]
fn discrete_tails_refuse_odd_input() {
    let of = |returns: &[f64], masses: &[f64]| DiscreteReturns::new(returns, masses).unwrap_err();
    assert!(matches!(of(&[0.1], &[0.5, 0.5]), RiskError::LengthMismatch { length: 2, .. }));
    assert!(matches!(of(&[0.1, 0.2], &[0.5, 0.4]), RiskError::OutOfRange { .. }));
    assert!(matches!(of(&[0.1, 0.2], &[1.5, -0.5]), RiskError::OutOfRange { .. }));
    assert!(matches!(of(&[0.1, f64::NAN], &[0.5, 0.5]), RiskError::NonFinite { index: 1, .. }));
    assert!(matches!(of(&[0.1], &[f64::NAN]), RiskError::NonFinite { index: 0, .. }));
    assert!(matches!(of(&[], &[]), RiskError::TooFewObservations { .. }));
    let coin = DiscreteReturns::new(&[0.1, -0.2, -9.0], &[0.5, 0.5, 0.0]).unwrap();
    assert_eq!(coin.value_at_risk(0.0).unwrap(), 0.2, "an outcome without probability");
    assert_eq!(coin.value_at_risk(0.5).unwrap(), -0.1, "the upper quantile");
    assert!(matches!(coin.value_at_risk(1.0), Err(RiskError::OutOfRange { .. })));
    assert!(matches!(coin.expected_shortfall(0.0), Err(RiskError::OutOfRange { .. })));
    assert_close(coin.expected_shortfall(1.0).unwrap(), 0.05, 1e-15);
}

/// Two columns without correlation, ratios 1 and 0: the variance is (2 + 1 / 2) / 4.
#[test]
fn sharpe_difference_by_hand() {
    let first = [2.0, 2.0, 0.0, 0.0];
    let second = [1.0, -1.0, 1.0, -1.0];
    let test = sharpe_difference(&first, &second).unwrap();
    assert_close(test.difference, 1.0, 1e-15);
    assert_close(test.z, 1.0 / 0.625_f64.sqrt(), 1e-14);
    assert_close(test.p_value, 0.205_903_210_732_068, 1e-12);
    let doubled = first.map(|r| 2.0 * r);
    for (a, b) in [(&first[..], &doubled[..]), (&first[..], &[1.0; 4][..])] {
        assert!(matches!(sharpe_difference(a, b), Err(RiskError::Undefined { .. })));
    }
    let short = sharpe_difference(&first, &second[..3]);
    assert!(matches!(short, Err(RiskError::LengthMismatch { index: 1, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Equal masses are a sample, and sorting or splitting an outcome changes nothing.
    #[test]
    fn equal_masses_are_a_sample(r in vec(-0.6..0.8_f64, 1..40), alpha in 0.01..0.99_f64) {
        let mass = 1.0 / r.len() as f64;
        let sample = DiscreteReturns::new(&r, &vec![mass; r.len()]).unwrap();
        let split: Vec<f64> = r.iter().chain(&r).copied().collect();
        let halves = DiscreteReturns::new(&split, &vec![mass / 2.0; split.len()]).unwrap();
        let shortfall = sample.expected_shortfall(alpha).unwrap();
        prop_assert!((shortfall - historical_es(&r, alpha).unwrap()).abs() < 1e-11);
        prop_assert!((shortfall - halves.expected_shortfall(alpha).unwrap()).abs() < 1e-11);
        let var = sample.value_at_risk(alpha).unwrap();
        prop_assert_eq!(var, halves.value_at_risk(alpha).unwrap());
        prop_assert!(shortfall >= var - 1e-12);
    }

    #[test]
    fn a_short_position_loses_more(sigma in 0.001..0.5_f64, alpha in 0.001..0.4_f64) {
        let tail = lognormal_tail(sigma, alpha).unwrap();
        prop_assert!(tail.short_var > tail.long_var && tail.short_es > tail.long_es);
        prop_assert!(tail.long_es > tail.long_var && tail.short_es > tail.short_var);
        prop_assert!(tail.long_es < 1.0);
    }

    #[test]
    fn sharpe_differences_turn_round(pairs in vec((-0.5..0.5_f64, -0.5..0.5_f64), 4..80), c in 0.1..9.0_f64) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let scaled: Vec<f64> = a.iter().map(|a| c * a).collect();
        let (one, other) = (sharpe_difference(&a, &b).unwrap(), sharpe_difference(&b, &scaled).unwrap());
        prop_assert!((one.z + other.z).abs() < 1e-8 * (1.0 + one.z.abs()));
        prop_assert!((0.0..=1.0).contains(&one.p_value));
    }
}
