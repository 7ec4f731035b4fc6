//! Tests of forecasts against scipy and statsmodels on a short deterministic sample, published
//! values, and simulation under right forecasts.

use plimsoll_risk::RiskError;
use plimsoll_risk::forecast_test::coverage::{
    BaselZone, Coverage, binomial_exact_p, kupiec, nonrejection_region,
};
use plimsoll_risk::forecast_test::diebold_mariano::{diebold_mariano, diebold_mariano_newey_west};
use plimsoll_risk::forecast_test::dynamic_quantile::{
    DynamicQuantileRegressor, DynamicQuantileSettings, DynamicQuantileTest,
};
use plimsoll_risk::forecast_test::expectile_moment::{ExpectileMomentTest, expectile_wald_test};
use plimsoll_risk::forecast_test::independence::{Christoffersen, TransitionCounts, monte_carlo};
use plimsoll_risk::forecast_test::score::{asymmetric_squared, fz0, pinball};
use plimsoll_risk::forecast_test::shortfall::{ExceedanceResidualTest, acerbi_szekely_z2};
use plimsoll_risk::forecast_test::{
    chi_squared_p_value, chi_squared_quantile, newey_west_lags, violations,
};
use plimsoll_risk::moments::mean;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assert_close;

const ALPHA: f64 = 0.1;

/// Forty returns and quantiles from sines: seven violations, none after another.
fn sample() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let times = (0..40).map(f64::from);
    let r = times.clone().map(|t| 0.02 * (1.7 * t + 0.3 * t * t).sin() + 0.001 * (5.0 * t).cos());
    let q: Vec<f64> = times.map(|t| -0.012 - 0.004 * (0.5 * t).sin()).collect();
    let shortfalls = q.iter().map(|q| 1.3 * q).collect();
    (r.collect(), q, shortfalls)
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

/// scipy `xlogy` sums; MATLAB `varbacktest` prints 0.46147 and 0.49694 for the first.
#[test]
fn coverage_agrees_with_scipy() {
    let test = kupiec(57, 1043, 0.05).unwrap();
    assert_close(test.statistic, 0.461_466_395_328_997_7, 1e-12);
    assert_close(test.p_value, 0.496_94, 5e-6);
    assert_close(kupiec(17, 1043, 0.01).unwrap().statistic, 3.511_812_860_706_897, 1e-12);
    // No violation: -2 n ln(1 - alpha).
    assert_close(kupiec(0, 255, 0.01).unwrap().statistic, -2.0 * 255.0 * f64::ln_1p(-0.01), 1e-14);
    assert_close(kupiec(255, 255, 0.01).unwrap().statistic, -2.0 * 255.0 * f64::ln(0.01), 1e-14);
    assert_eq!(kupiec(50, 1000, 0.05).unwrap().statistic, 0.0);
    assert_eq!(kupiec(50, 1000, 0.05).unwrap().p_value, 1.0);
    // A sample whose likelihood underflows: 2 n times the divergence of 2 % from 1 %.
    let divergence = 0.02 * 2.0_f64.ln() + 0.98 * (0.98_f64 / 0.99).ln();
    let long = kupiec(2_000_000, 100_000_000, 0.01).unwrap();
    assert_close(long.statistic / (2e8 * divergence), 1.0, 1e-10);
    assert_eq!(long.p_value, 0.0);
}

/// scipy `binomtest`.
#[test]
fn exact_binomial_agrees_with_scipy() {
    for (x, n, alpha, expected) in [
        (57, 1043, 0.05, 0.477_179_984_425_567_97),
        (0, 250, 0.01, 0.188_870_889_258_556_33),
        (9, 250, 0.01, 0.001_056_532_497_356_826_5),
        (1, 100, 0.05, 0.065_269_503_490_771_18),
        (70, 100, 0.5, 7.850_139_645_593_67e-5),
        (30, 100, 0.5, 7.850_139_645_593_67e-5),
        (5, 10, 0.5, 1.0),
    ] {
        let got = binomial_exact_p(x, n, alpha).unwrap();
        assert!((got / expected - 1.0).abs() < 1e-10, "{x} of {n}: {got}, not {expected}");
    }
}

/// Table 2 of the Basel Committee's framework (1996): 250 days at 99 %.
#[test]
fn zones_of_the_basel_committee() {
    for (violations, zone) in [
        (0, BaselZone::Green),
        (4, BaselZone::Green),
        (5, BaselZone::Yellow),
        (9, BaselZone::Yellow),
        (10, BaselZone::Red),
        (250, BaselZone::Red),
    ] {
        assert_eq!(BaselZone::of(violations, 250, 0.01), Ok(zone), "{violations}");
    }
}

/// The region is what it says for every count.
#[test]
fn the_nonrejection_region_is_where_the_ratio_is_small() {
    let critical = chi_squared_quantile(0.95, 1).unwrap();
    for n in [1, 2, 10, 100, 255, 510, 1000] {
        for alpha in [1e-6, 0.001, 0.01, 0.05, 0.5, 0.97] {
            let kept = |x: &usize| kupiec(*x, n, alpha).unwrap().statistic < critical;
            let first = (0..=n).find(kept);
            let last = (0..=n).rev().find(kept);
            let region = nonrejection_region(n, alpha, 0.95);
            assert_eq!(region.ok(), first.zip(last), "{n} {alpha}");
        }
    }
    assert!(matches!(nonrejection_region(3, 0.5, 0.01), Err(RiskError::Undefined { .. })));
}

/// scipy `chi2_contingency(.., lambda_="log-likelihood")` of the table of transitions.
#[test]
fn independence_agrees_with_scipy() {
    let (r, q, _) = sample();
    let hits = violations(&r, &q).unwrap();
    let test = Christoffersen::of(&hits, ALPHA).unwrap();
    assert_eq!(test.transitions, TransitionCounts { n00: 25, n01: 7, n10: 7, n11: 0 });
    assert_close(test.independence.statistic, 3.087_404_083_157_460_7, 1e-12);
    assert_close(test.independence.p_value, 0.078_900_587_614_126_72, 1e-12);
    assert_eq!(
        test.conditional.statistic,
        test.unconditional.statistic + test.independence.statistic
    );
    assert_close(test.conditional.p_value, (-0.5 * test.conditional.statistic).exp(), 1e-12);
    assert_eq!(test.transitions.probability_after_violation(), Some(0.0));
    assert_eq!(test.transitions.probability_after_none(), Some(7.0 / 32.0));
    for constant in [vec![false; 50], vec![true; 50]] {
        let test = Christoffersen::of(&constant, ALPHA).unwrap();
        assert_eq!((test.independence.statistic, test.independence.p_value), (0.0, 1.0));
    }
}

/// All orders of two violations among six periods, counted.
#[test]
fn simulated_independence_agrees_with_counting() {
    let statistic = |hits: &[bool]| Christoffersen::of(hits, 0.3).unwrap().independence.statistic;
    let orders: Vec<[bool; 6]> = (0..6)
        .flat_map(|first| (first + 1..6).map(move |second| (first, second)))
        .map(|(first, second)| std::array::from_fn(|t| t == first || t == second))
        .collect();
    let mut exact_values = Vec::new();
    for observed in &orders {
        let least = statistic(observed) - 1e-12;
        let as_large = orders.iter().filter(|hits| statistic(&hits[..]) >= least).count();
        let exact = as_large as f64 / 15.0;
        let simulated = monte_carlo(observed, 0.3, 4_999, 7).unwrap().independence;
        let error = (exact * (1.0 - exact) / 4_999.0).sqrt();
        assert!((simulated.p_value_conservative - exact).abs() <= 4.0 * error, "{observed:?}");
        assert!(simulated.p_value <= simulated.p_value_conservative);
        exact_values.push(exact);
    }
    assert!(exact_values.iter().any(|p| *p < 0.3) && exact_values.contains(&1.0));
}

/// Under right forecasts each simulated p-value is at most 10 % in 10 % of samples, also with
/// two violations expected; the chi-squared p-values are not held to it.
#[test]
fn simulated_p_values_have_their_level() {
    const SAMPLES: u64 = 600;
    let mut rejected = [0_usize; 3];
    let mut random = ChaCha8Rng::seed_from_u64(41);
    for seed in 0..SAMPLES {
        let hits: Vec<bool> = (0..100).map(|_| uniform(&mut random) < 0.02).collect();
        let test = monte_carlo(&hits, 0.02, 99, seed).unwrap();
        for (count, p) in
            rejected.iter_mut().zip([test.unconditional, test.independence, test.conditional])
        {
            *count += usize::from(p.p_value <= 0.1);
        }
    }
    // Four standard errors of a share of 10 % among 600.
    for count in rejected {
        assert!((count as f64 / 600.0 - 0.1).abs() < 4.0 * 0.0123, "{rejected:?}");
    }
}

/// Right forecasts of normal returns whose volatility moves: every test rejects about as often as
/// its level says, here 10 %.
#[test]
fn right_forecasts_are_rejected_at_the_level() {
    const SAMPLES: u64 = 400;
    const N: usize = 1_000;
    // Quantile, shortfall and expectile of the standard normal distribution, by scipy.
    const QUANTILE: f64 = -1.281_551_565_544_600_4;
    const SHORTFALL: f64 = -1.754_983_319_324_868;
    let expectile = plimsoll_risk::expectile::sample::normal_expectile(ALPHA).unwrap();
    let mut rejected = [0_usize; 7];
    let mut z2_sum = 0.0;
    for sample in 0..SAMPLES {
        let mut random = ChaCha8Rng::seed_from_u64(1_000 + sample);
        let volatility: Vec<f64> =
            (0..N).map(|t| 0.02 * (1.0 + 0.5 * (0.05 * t as f64).sin())).collect();
        let normal = |random: &mut ChaCha8Rng| {
            let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
            radius * (std::f64::consts::TAU * uniform(random)).cos()
        };
        let r: Vec<f64> = volatility.iter().map(|v| v * normal(&mut random)).collect();
        let times = |level: f64| volatility.iter().map(|v| v * level).collect::<Vec<f64>>();
        let (q, shortfalls, e) = (times(QUANTILE), times(SHORTFALL), times(expectile));
        let hits = violations(&r, &q).unwrap();
        let coverage = Christoffersen::of(&hits, ALPHA).unwrap();
        let settings = DynamicQuantileSettings { lags: 4, squared_return: true };
        let residuals =
            ExceedanceResidualTest::of(&r, &q, &shortfalls, Some(&volatility), 199, sample);
        let ones = [1.0; N];
        // Two forecasts that are wrong alike, on independent noise.
        let mut noisy =
            || -> Vec<f64> { q.iter().map(|q| q * (1.0 + 0.2 * normal(&mut random))).collect() };
        let (first, second) = (noisy(), noisy());
        let scores = (pinball(&r, &first, ALPHA).unwrap(), pinball(&r, &second, ALPHA).unwrap());
        let p_values = [
            coverage.unconditional.p_value,
            coverage.conditional.p_value,
            DynamicQuantileTest::of(&r, &q, ALPHA, settings).unwrap().test.p_value,
            residuals.unwrap().p_value,
            ExpectileMomentTest::of(&r, &e, ALPHA, 0).unwrap().t.p_value,
            expectile_wald_test(&r, &e, ALPHA, &[&ones, &volatility], 2).unwrap().p_value,
            diebold_mariano(&scores.0, &scores.1, 1).unwrap().test.p_value,
        ];
        for (count, p_value) in rejected.iter_mut().zip(p_values) {
            *count += usize::from(p_value <= 0.1);
        }
        z2_sum += acerbi_szekely_z2(&r, &q, &shortfalls, ALPHA).unwrap();
    }
    // Four standard errors of a share of 10 % among 400 are 6 %.
    for count in rejected {
        assert!((count as f64 / 400.0 - 0.1).abs() < 0.06, "{rejected:?}");
    }
    assert!((z2_sum / 400.0).abs() < 0.03, "{z2_sum}");
}

#[test]
fn simulated_p_values_depend_on_the_seed_alone() {
    let (r, q, _) = sample();
    let hits = violations(&r, &q).unwrap();
    let first = monte_carlo(&hits, ALPHA, 499, 3).unwrap();
    let pool = |threads| rayon_free(threads, || monte_carlo(&hits, ALPHA, 499, 3).unwrap());
    assert_eq!(first, pool(1));
    assert_ne!(first, monte_carlo(&hits, ALPHA, 499, 4).unwrap());
}

/// Runs on as many threads at once; each must come to the same.
fn rayon_free<T: Send + PartialEq + std::fmt::Debug>(
    threads: usize,
    run: impl Fn() -> T + Sync,
) -> T {
    let mut results = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..=threads).map(|_| scope.spawn(&run)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<T>>()
    });
    let first = results.remove(0);
    assert!(results.iter().all(|other| *other == first));
    first
}

/// numpy `lstsq`.
#[test]
fn dynamic_quantile_agrees_with_numpy() {
    let (r, q, _) = sample();
    let run = |lags, squared_return| {
        let settings = DynamicQuantileSettings { lags, squared_return };
        DynamicQuantileTest::of(&r, &q, ALPHA, settings).unwrap()
    };
    let usual = run(4, false);
    assert_close(usual.test.statistic, 5.165_023_683_110_826, 1e-11);
    assert_close(usual.test.p_value, 0.522_828_689_673_709_5, 1e-11);
    assert_eq!((usual.n, usual.test.degrees_of_freedom), (36, 6));
    let squared = run(4, true);
    assert_close(squared.test.statistic, 6.489_292_032_173_607, 1e-11);
    assert_eq!(squared.test.degrees_of_freedom, 7);
    assert_close(run(1, false).test.statistic, 5.943_445_897_655_605, 1e-11);
    // A constant quantile is a multiple of the constant.
    let constant = [-0.012; 40];
    let test = DynamicQuantileTest::of(&r, &constant, ALPHA, DynamicQuantileSettings::default());
    let test = test.unwrap();
    assert_eq!(test.dropped, [DynamicQuantileRegressor::Quantile]);
    assert_eq!(test.test.degrees_of_freedom, 5);
    assert_close(test.test.statistic, 3.343_185_550_082_112, 1e-11);
    // Without a violation all that remains is the constant: n alpha / (1 - alpha).
    let never = [-1.0; 40];
    let test = DynamicQuantileTest::of(&r, &never, ALPHA, DynamicQuantileSettings::default());
    let test = test.unwrap();
    assert_eq!((test.dropped.len(), test.test.degrees_of_freedom), (5, 1));
    assert_close(test.test.statistic, 36.0 * 0.1 / 0.9, 1e-12);
}

/// numpy, from the formulas in the papers.
#[test]
fn scores_agree_with_numpy() {
    let (r, q, es) = sample();
    let average = |scores: Vec<f64>| mean(&scores).unwrap();
    let pinball = average(pinball(&r, &q, ALPHA).unwrap());
    assert_close(pinball / 0.002_504_557_585_726_762_4, 1.0, 1e-12);
    let als = average(asymmetric_squared(&r, &q, ALPHA).unwrap());
    assert_close(als / 5.116_108_681_806_521_5e-5, 1.0, 1e-12);
    assert_close(average(fz0(&r, &q, &es, ALPHA).unwrap()), -3.708_087_202_565_165, 1e-12);
    let mut wrong = es.clone();
    wrong[5] = 0.5 * q[5];
    let order = |error| matches!(error, RiskError::ForecastOrder { index: 5, .. });
    assert!(order(fz0(&r, &q, &wrong, ALPHA).unwrap_err()));
    assert!(order(acerbi_szekely_z2(&r, &q, &wrong, ALPHA).unwrap_err()));
    let mut positive = q.clone();
    positive[5] = 0.0;
    assert!(order(fz0(&r, &positive, &es, ALPHA).unwrap_err()));
}

/// statsmodels `OLS(..).fit(cov_type="HAC", use_correction=False)` and `S_hac_simple`.
#[test]
fn moment_tests_agree_with_statsmodels() {
    let (r, e, _) = sample();
    for (lags, t, p) in [
        (0, -0.006_572_143_550_559_027, 0.994_756_225_878_773_9),
        (3, -0.007_943_119_076_905_215, 0.993_662_374_567_437_6),
    ] {
        let test = ExpectileMomentTest::of(&r, &e, 0.05, lags).unwrap();
        assert_close(test.mean / -2.978_367_423_728_191_5e-6, 1.0, 1e-9);
        assert_close(test.t.statistic / t, 1.0, 1e-9);
        assert_close(test.t.p_value, p, 1e-11);
    }
    let ones = [1.0; 40];
    let mut size = vec![0.0];
    size.extend(r[..39].iter().map(|r| r.abs()));
    for (lags, wald, p) in [
        (0, 4.517_873_279_989_85, 0.104_461_505_904_027_25),
        (3, 4.242_754_865_149_412, 0.119_866_406_853_320_17),
    ] {
        let test = expectile_wald_test(&r, &e, 0.05, &[&ones, &size], lags).unwrap();
        assert_close(test.statistic, wald, 1e-10);
        assert_close(test.p_value, p, 1e-10);
        assert_eq!(test.degrees_of_freedom, 2);
    }
    // One instrument that is constant: the square of t.
    let t = ExpectileMomentTest::of(&r, &e, 0.3, 2).unwrap().t.statistic;
    let wald = expectile_wald_test(&r, &e, 0.3, &[&ones], 2).unwrap();
    assert_close(wald.statistic, t * t, 1e-12);
    let twice = expectile_wald_test(&r, &e, 0.3, &[&ones, &size, &ones], 2);
    assert_eq!(twice, Err(RiskError::SingularDesign { column: 2 }));
    let zero = expectile_wald_test(&r, &e, 0.3, &[&[0.0; 40]], 2);
    assert_eq!(zero, Err(RiskError::SingularDesign { column: 0 }));
}

/// statsmodels for the Newey-West statistic, the correction and Student-t by scipy.
#[test]
fn diebold_mariano_agrees_with_statsmodels() {
    let (r, q, _) = sample();
    let first = pinball(&r, &q, ALPHA).unwrap();
    let second = pinball(&r, &[-0.015; 40], ALPHA).unwrap();
    for (lags, statistic, p, corrected, corrected_p) in [
        (
            0,
            0.442_280_126_829_229_85,
            0.658_286_509_953_544_9,
            0.436_716_633_325_750_06,
            0.664_725_316_752_536,
        ),
        (
            4,
            0.636_278_294_267_859_9,
            0.524_595_049_841_860_6,
            0.564_640_972_971_479_1,
            0.575_551_487_423_355_6,
        ),
    ] {
        let plain = diebold_mariano_newey_west(&first, &second, lags).unwrap();
        assert_close(plain.mean_difference / 0.000_104_571_360_327_902_31, 1.0, 1e-10);
        assert_close(plain.test.statistic, statistic, 1e-10);
        assert_close(plain.test.p_value, p, 1e-10);
        let test = diebold_mariano(&first, &second, lags + 1).unwrap();
        assert_close(test.test.statistic, corrected, 1e-10);
        assert_close(test.test.p_value, corrected_p, 1e-10);
    }
    let same = diebold_mariano(&first, &first, 1);
    assert!(matches!(same, Err(RiskError::Undefined { .. })), "{same:?}");
}

/// numpy for the statistics.
#[test]
fn shortfall_statistics_agree_with_numpy() {
    let (r, q, es) = sample();
    let test = ExceedanceResidualTest::of(&r, &q, &es, None, 999, 5).unwrap();
    assert_eq!((test.violations, test.draws), (7, 999));
    assert_close(test.mean / 0.001_585_082_662_492_408_6, 1.0, 1e-10);
    assert_close(test.statistic, 0.851_916_415_163_928_7, 1e-10);
    assert!(test.p_value > 0.05 && test.p_value < 0.5, "{}", test.p_value);
    assert_close(acerbi_szekely_z2(&r, &q, &es, ALPHA).unwrap(), -1.051_293_102_177_068, 1e-12);
    // In units of a constant volatility the mean is scaled, the test is not.
    let scaled = ExceedanceResidualTest::of(&r, &q, &es, Some(&[0.5; 40]), 999, 5).unwrap();
    assert_eq!(scaled.p_value, test.p_value);
    assert_close(scaled.mean, 2.0 * test.mean, 1e-12);
    // Shortfalls far too small are found out.
    let test = ExceedanceResidualTest::of(&r, &q, &q, None, 999, 5).unwrap();
    assert!(test.p_value < 0.02, "{}", test.p_value);
    let calm = ExceedanceResidualTest::of(&r, &[-1.0; 40], &es, None, 99, 5);
    assert_eq!(calm, Err(RiskError::TooFewObservations { n: 0, n_min: 2 }));
}

#[test]
fn bad_arguments_are_named() {
    let (r, q, es) = sample();
    let short = &q[..39];
    assert_eq!(
        violations(&r, short),
        Err(RiskError::LengthMismatch { name: "quantiles", index: 0, length: 39, expected: 40 })
    );
    let mut gap = q.clone();
    gap[3] = f64::INFINITY;
    let expected =
        RiskError::NonFiniteForecast { name: "quantiles", index: 3, value: f64::INFINITY };
    assert_eq!(violations(&r, &gap), Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "`quantiles` at position 3 is inf; leave out the periods without a forecast"
    );
    assert_eq!(pinball(&r, &gap, 0.1), Err(expected));
    assert!(fz0(&r, &q, &es[..3], 0.1).is_err());
    for alpha in [0.0, 1.0, -0.5, f64::NAN] {
        let outside = |error| matches!(error, RiskError::OutOfRange { name: "alpha", .. });
        assert!(outside(Coverage::of_count(1, 10, alpha).unwrap_err()));
        assert!(outside(pinball(&r, &q, alpha).unwrap_err()));
        assert!(outside(Christoffersen::of(&[true, false], alpha).unwrap_err()));
        assert!(outside(acerbi_szekely_z2(&r, &q, &es, alpha).unwrap_err()));
    }
    assert_eq!(kupiec(0, 0, 0.1), Err(RiskError::TooFewObservations { n: 0, n_min: 1 }));
    assert!(matches!(kupiec(4, 3, 0.1), Err(RiskError::OutOfRange { name: "violations", .. })));
    let default = DynamicQuantileSettings::default();
    assert_eq!(
        DynamicQuantileTest::of(&r[..10], &q[..10], 0.1, default),
        Err(RiskError::TooFewObservations { n: 10, n_min: 11 })
    );
    let many = DynamicQuantileSettings { lags: usize::MAX, squared_return: true };
    assert!(DynamicQuantileTest::of(&r, &q, 0.1, many).is_err());
    assert!(diebold_mariano(&r, &q, 0).is_err());
    assert!(diebold_mariano(&r, &q, 40).is_err());
    assert!(diebold_mariano_newey_west(&r, &q, 40).is_err());
    assert!(diebold_mariano(&r[..1], &q[..1], 1).is_err());
    assert!(monte_carlo(&[true, false], 0.1, 0, 1).is_err());
    assert!(ExceedanceResidualTest::of(&r, &q, &es, Some(&[0.0; 40]), 9, 1).is_err());
    assert!(expectile_wald_test(&r, &q, 0.1, &[], 0).is_err());
    assert!(chi_squared_quantile(1.0, 2).is_err());
    assert!(chi_squared_p_value(-1.0, 2).is_err());
    assert_eq!(newey_west_lags(100), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every statistic is finite, every p-value a probability, whatever the violations.
    #[test]
    fn tests_of_any_violations_are_probabilities(
        hits in prop::collection::vec(any::<bool>(), 2..300),
        alpha in 1e-9_f64..0.999_999,
    ) {
        let coverage = Coverage::of(&hits, alpha).unwrap();
        let test = Christoffersen::of(&hits, alpha).unwrap();
        for test in [coverage.likelihood_ratio, test.independence, test.conditional] {
            prop_assert!(test.statistic >= 0.0 && test.statistic.is_finite());
            prop_assert!((0.0..=1.0).contains(&test.p_value));
        }
        prop_assert!((0.0..=1.0).contains(&coverage.binomial_exact_p));
        prop_assert!((0.0..=1.0).contains(&coverage.binomial_z.p_value));
        let counts = test.transitions;
        prop_assert_eq!(counts.n00 + counts.n01 + counts.n10 + counts.n11, hits.len() - 1);
        // Time runs backwards: the table is transposed, the statistic is the same.
        let backwards: Vec<bool> = hits.iter().rev().copied().collect();
        let reverse = Christoffersen::of(&backwards, alpha).unwrap().independence.statistic;
        prop_assert!((reverse - test.independence.statistic).abs() < 1e-9);
    }

    /// Scores and tests do not depend on the unit of the returns, but where their unit says so.
    #[test]
    fn the_unit_of_the_returns_does_not_matter(
        returns in prop::collection::vec(-0.2_f64..0.2, 30..80),
        exponent in -290_i32..290,
    ) {
        let unit = 2.0_f64.powi(exponent);
        let by_unit = |values: &[f64]| values.iter().map(|x| x * unit).collect::<Vec<f64>>();
        let quantiles: Vec<f64> =
            (0..returns.len()).map(|t| -0.05 - 0.01 * (t as f64).sin()).collect();
        let (scaled, scaled_quantiles) = (by_unit(&returns), by_unit(&quantiles));
        let loss = pinball(&returns, &quantiles, 0.1).unwrap();
        let scaled_loss = pinball(&scaled, &scaled_quantiles, 0.1).unwrap();
        prop_assert_eq!(by_unit(&loss), scaled_loss);
        let settings = DynamicQuantileSettings { lags: 4, squared_return: true };
        let test = DynamicQuantileTest::of(&returns, &quantiles, 0.1, settings).unwrap();
        let other = DynamicQuantileTest::of(&scaled, &scaled_quantiles, 0.1, settings).unwrap();
        prop_assert!((test.test.statistic - other.test.statistic).abs() < 1e-9);
        prop_assert_eq!(test.dropped, other.dropped);
        let test = ExpectileMomentTest::of(&returns, &quantiles, 0.1, 3);
        let other = ExpectileMomentTest::of(&scaled, &scaled_quantiles, 0.1, 3);
        match (test, other) {
            (Ok(test), Ok(other)) => {
                prop_assert!((test.t.statistic - other.t.statistic).abs() < 1e-9);
            }
            (test, other) => prop_assert_eq!(test.is_err(), other.is_err()),
        }
    }
}

/// Violations of 730 forecasts of one size at `alpha` 1 %.
fn dynamic_quantile_p(hits: &[usize], draws: usize, seed: u64) -> f64 {
    let quantiles: Vec<f64> = (0..730_u32).map(|t| -1.0 - 0.2 * f64::from(t).sin()).collect();
    let mut returns = vec![0.0; 730];
    for hit in hits {
        returns[*hit] = -2.0;
    }
    let settings = DynamicQuantileSettings::default();
    DynamicQuantileTest::monte_carlo(&returns, &quantiles, 0.01, settings, draws, seed)
        .unwrap()
        .p_value
}

/// Seven violations, two of them two days apart: the chi-squared distribution rejects what one right
/// forecast in nine has. Drawn p-values by numpy, 40,000 draws and least squares for each.
#[test]
fn few_violations_near_one_another_are_no_proof() {
    let near = [50, 150, 152, 300, 420, 555, 700];
    let apart = [50, 150, 250, 350, 450, 550, 700];
    assert!(chi_squared_p_value(13.433_854_186_193_503, 6).unwrap() < 0.04);
    assert!((dynamic_quantile_p(&near, 9_999, 3) - 0.1171).abs() < 0.014);
    assert!((dynamic_quantile_p(&apart, 9_999, 3) - 0.3970).abs() < 0.02);
    // One a day for a week says it all.
    assert_close(dynamic_quantile_p(&[300, 301, 302, 303, 304, 305, 306], 999, 3), 0.001, 1e-15);
    let again = [dynamic_quantile_p(&near, 999, 3), dynamic_quantile_p(&near, 999, 3)];
    assert_close(again[0], again[1], 0.0);
}

/// With many violations the drawn distribution is the chi-squared one.
#[test]
fn many_violations_have_the_chi_squared_distribution() {
    let (n, alpha) = (3_000, 0.2);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let quantiles: Vec<f64> = (0..n).map(|_| -1.0 - rng.random::<f64>()).collect();
    for _ in 0..3 {
        let returns: Vec<f64> =
            (0..n).map(|_| if rng.random::<f64>() < alpha { -3.0 } else { 0.0 }).collect();
        let settings = DynamicQuantileSettings::default();
        let asymptotic =
            DynamicQuantileTest::of(&returns, &quantiles, alpha, settings).unwrap().test.p_value;
        let drawn =
            DynamicQuantileTest::monte_carlo(&returns, &quantiles, alpha, settings, 1_999, 1);
        assert!((drawn.unwrap().p_value - asymptotic).abs() < 0.05, "{asymptotic}");
    }
}

/// No violation, nothing but violations, too few periods, no draw.
#[test]
fn drawn_dynamic_quantiles_of_odd_samples() {
    let settings = DynamicQuantileSettings::default();
    let drawn = |returns: &[f64], alpha: f64, draws: usize| {
        let quantiles = vec![-1e-300; returns.len()];
        DynamicQuantileTest::monte_carlo(returns, &quantiles, alpha, settings, draws, 1)
    };
    for value in [1e300, 0.0, -1e300] {
        for alpha in [1e-300, 0.01, 0.5, 1.0 - 1e-15] {
            let drawn = drawn(&[value; 40], alpha, 99).unwrap();
            let (p, conservative) = (drawn.p_value, drawn.p_value_conservative);
            assert!(0.0 < p && p <= conservative && conservative <= 1.0, "{value} {alpha}: {p}");
        }
    }
    assert_eq!(
        drawn(&[0.0; 10], 0.01, 99),
        Err(RiskError::TooFewObservations { n: 10, n_min: 11 })
    );
    assert!(matches!(drawn(&[0.0; 40], 0.01, 0), Err(RiskError::OutOfRange { .. })));
    assert!(matches!(drawn(&[f64::NAN; 40], 0.01, 9), Err(RiskError::NonFinite { .. })));
}
