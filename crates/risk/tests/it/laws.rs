//! Laws that hold for every sample.

use plimsoll_risk::drawdown::Drawdowns;
use plimsoll_risk::expectile::sample::{expectile, expectile_es, expectile_tau_for_quantile};
use plimsoll_risk::moments::Moments;
use plimsoll_risk::performance::{omega, total_return, volatility_annual};
use plimsoll_risk::proportion::{clopper_pearson_interval, wilson_interval};
use plimsoll_risk::sharpe::sharpe;
use plimsoll_risk::summary::ReturnStatistics;
use plimsoll_risk::tail::extreme_value::{GpdFit, gpd_log_likelihood};
use plimsoll_risk::tail::value_at_risk as var;
use plimsoll_risk::trade_statistics::profit_factor;
use proptest::collection::vec;
use proptest::prelude::*;

type Measure = fn(&[f64], f64) -> plimsoll_risk::Result<f64>;

/// Daily returns from a crash to a rally.
fn returns() -> impl Strategy<Value = Vec<f64>> {
    vec(-0.6..0.8_f64, 2..120)
}

fn alpha() -> impl Strategy<Value = f64> {
    0.001..0.6_f64
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn tail_measures_are_ordered(r in returns(), alpha in alpha()) {
        let order_statistic = var::historical_var_inverted_cdf(&r, alpha).unwrap();
        let shortfall = var::historical_es(&r, alpha).unwrap();
        let entropic = var::entropic_var(&r, alpha).unwrap();
        let worst = r.iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert!(shortfall >= order_statistic - 1e-12);
        prop_assert!(entropic >= shortfall - 1e-9);
        prop_assert!(entropic <= -worst + 1e-12);
        prop_assert!(var::gaussian_es(&r, alpha).unwrap() >= var::gaussian_var(&r, alpha).unwrap());
    }

    #[test]
    fn tail_measures_translate_and_scale(r in returns(), alpha in alpha(), c in 0.1..5.0_f64) {
        let moved: Vec<f64> = r.iter().map(|r| c * r + 0.01).collect();
        let measures: [Measure; 6] = [
            var::historical_var,
            var::historical_es,
            var::gaussian_var,
            var::gaussian_es,
            var::entropic_var,
            expectile_es,
        ];
        for measure in measures {
            let (before, after) = (measure(&r, alpha).unwrap(), measure(&moved, alpha).unwrap());
            prop_assert!(near(after, c * before - 0.01), "{before} {after}");
        }
        let before = expectile(&r, alpha).unwrap();
        prop_assert!(near(expectile(&moved, alpha).unwrap(), c * before + 0.01));
    }

    #[test]
    fn shortfall_is_subadditive(pairs in vec((-0.5..0.5_f64, -0.5..0.5_f64), 2..80), alpha in alpha()) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let both: Vec<f64> = pairs.iter().map(|(a, b)| a + b).collect();
        let es = |r: &[f64]| var::historical_es(r, alpha).unwrap();
        prop_assert!(es(&both) <= es(&a) + es(&b) + 1e-12);
    }

    #[test]
    fn expectiles_balance_and_rise(r in returns(), tau in 0.001..0.999_f64) {
        let e = expectile(&r, tau).unwrap();
        let above: f64 = r.iter().map(|r| (r - e).max(0.0)).sum();
        let below: f64 = r.iter().map(|r| (e - r).max(0.0)).sum();
        prop_assert!(near(tau * above, (1.0 - tau) * below));
        prop_assert!(expectile(&r, tau * 0.9).unwrap() <= e + 1e-12);
        let mean = Moments::of(&r).unwrap().mean;
        prop_assert!(near(expectile(&r, 0.5).unwrap(), mean));
    }

    #[test]
    fn the_tau_of_a_quantile_leads_back_to_it(r in returns(), alpha in 0.05..0.5_f64) {
        let q = -var::historical_var(&r, alpha).unwrap();
        let tau = expectile_tau_for_quantile(&r, alpha).unwrap();
        prop_assume!(tau > 1e-6 && tau < 1.0 - 1e-6 && (1.0 - 2.0 * tau).abs() > 1e-3);
        prop_assert!((expectile(&r, tau).unwrap() - q).abs() < 1e-8);
        // The form of Taylor (2008) with its pole.
        let k = tau / ((1.0 - 2.0 * tau) * alpha);
        let mean = Moments::of(&r).unwrap().mean;
        prop_assert!((expectile_es(&r, alpha).unwrap() + (1.0 + k) * q - k * mean).abs() < 1e-6);
    }

    #[test]
    fn drawdowns_are_ordered(r in returns(), beta in 0.01..0.99_f64) {
        let drawdowns = Drawdowns::of_returns(&r).unwrap();
        let conditional = drawdowns.conditional(beta).unwrap();
        let entropic = drawdowns.entropic(beta).unwrap();
        let (average, max) = (drawdowns.average(), drawdowns.max());
        prop_assert!((0.0..=1.0).contains(&max));
        prop_assert!(average <= drawdowns.ulcer_index() + 1e-12);
        prop_assert!(average <= conditional + 1e-12);
        prop_assert!(conditional <= entropic + 1e-9);
        prop_assert!(entropic <= max + 1e-12);
        let under: usize = drawdowns.episodes().iter().map(|episode| episode.length).sum();
        prop_assert!(near(under as f64 / r.len() as f64, drawdowns.share_under_water()));
        prop_assert!(total_return(&r).unwrap() >= -max - 1e-12);
    }

    #[test]
    fn ratios_follow_their_scaling(r in returns(), c in 0.1..3.0_f64) {
        prop_assume!(r.iter().any(|r| *r < 0.0));
        let scaled: Vec<f64> = r.iter().map(|r| c * r).collect();
        prop_assert!(near(sharpe(&scaled, 0.0).unwrap(), sharpe(&r, 0.0).unwrap()));
        prop_assert!(near(omega(&r, 0.0).unwrap(), profit_factor(&r).unwrap()));
        let volatility = volatility_annual(&r, 365.0).unwrap();
        prop_assert!(near(volatility_annual(&scaled, 365.0).unwrap(), c * volatility));
        let moments = Moments::of(&r).unwrap();
        let skewness = moments.skewness_population().unwrap();
        prop_assert!(moments.kurtosis_population().unwrap() >= 1.0 + skewness * skewness - 1e-9);
    }

    #[test]
    fn the_gpd_optimum_is_one(
        excesses in vec(1e-4..1.0_f64, 40..120),
        factors in (0.8..1.25_f64, -0.2..0.2_f64),
    ) {
        let fit = GpdFit::above(&excesses, 0.0).unwrap();
        prop_assert!(fit.xi >= -0.5);
        let beside = (fit.xi + factors.1, fit.beta * factors.0);
        let beside = (beside.0.max(-0.5), beside.1);
        if let Ok(other) = gpd_log_likelihood(&excesses, beside.0, beside.1) {
            prop_assert!(other <= fit.log_likelihood + 1e-7, "{other} {fit:?}");
        }
    }

    #[test]
    fn intervals_contain_the_share(n in 1_u64..5000, share in 0.0..1.0_f64) {
        let x = (share * n as f64) as u64;
        let observed = x as f64 / n as f64;
        let wilson = wilson_interval(x, n, 0.95).unwrap();
        let exact = clopper_pearson_interval(x, n, 0.95).unwrap();
        for (low, high) in [wilson, exact] {
            prop_assert!(0.0 <= low && low <= observed + 1e-12);
            prop_assert!(observed <= high + 1e-12 && high <= 1.0);
        }
    }

    /// Numbers of any size and sign: a finite value or a reason, never a panic.
    #[test]
    fn no_input_breaks_a_statistic(
        r in vec(prop_oneof![
            8 => -0.9..0.9_f64,
            1 => proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL,
            2 => Just(0.0),
            1 => Just(-1.0),
        ], 1..90),
        alpha in 1e-12..0.999_999_f64,
        threshold in -0.5..0.5_f64,
    ) {
        let statistics = ReturnStatistics::compute(&r, 365.0, &[alpha]).unwrap();
        for statistic in &statistics.statistics {
            if let Ok(value) = statistic.value {
                prop_assert!(value.is_finite(), "{}", statistic.name);
            }
        }
        if let Ok(fit) = GpdFit::above(&r, threshold) {
            prop_assert!(fit.xi.is_finite() && fit.beta > 0.0 && fit.log_likelihood.is_finite());
        }
    }
}
