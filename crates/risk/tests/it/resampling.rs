//! The bootstrap, the ruin probability and the paired comparison against slow plain versions,
//! exact probabilities and closed forms; and the same bits at any number of threads.

use plimsoll_risk::RiskError;
use plimsoll_risk::compare::paired::{BootstrapMetrics, ComparisonMetric};
use plimsoll_risk::drawdown::Drawdowns;
use plimsoll_risk::performance as perf;
use plimsoll_risk::resample::block_length::politis_white;
use plimsoll_risk::resample::bootstrap::{
    StationaryBootstrap, percentile_interval, stationary_bootstrap_variance_of_mean,
};
use plimsoll_risk::ruin::closed_form::BinaryBet;
use plimsoll_risk::ruin::paths::{DailyPath, RuinConfig, estimate_ruin};
use plimsoll_risk::sharpe::sharpe_annual;

use crate::assert_close;

/// Returns of a small generator: clustered, with a crash now and then.
fn sample_returns(n: usize, seed: u64, mean: f64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 9_007_199_254_740_992.0
    };
    (0..n)
        .map(|i| {
            let spread = if i / 40 % 3 == 0 { 0.09 } else { 0.03 };
            mean + spread * (uniform() + uniform() - 1.0)
        })
        .collect()
}

fn path(returns: &[f64]) -> DailyPath {
    DailyPath {
        growth: returns.iter().map(|r| 1.0 + r).collect(),
        worst: returns.iter().map(|r| (1.0 + r).min(1.0) - 0.01).collect(),
    }
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

#[test]
fn blocks_are_geometric_and_wrap() {
    let bootstrap = StationaryBootstrap::new(50, 8.0, 3).unwrap();
    let (mut continued, mut total, mut seen) = (0, 0, [0_u32; 50]);
    for draw in 0..400 {
        let positions = bootstrap.draw(draw, 100);
        assert_eq!(positions, bootstrap.draw(draw, 100));
        // A longer path begins with the shorter one.
        assert_eq!(positions[..20], bootstrap.draw(draw, 20)[..]);
        for pair in positions.windows(2) {
            continued += u32::from(pair[1] == (pair[0] + 1) % 50);
            total += 1;
        }
        for position in positions {
            seen[position as usize] += 1;
        }
    }
    // 7/8 continue; of the new starts, one in fifty does by chance.
    let expected = 7.0 / 8.0 + 1.0 / 8.0 / 50.0;
    assert!((f64::from(continued) / f64::from(total) - expected).abs() < 0.01);
    assert!(seen.iter().all(|count| (500..1200).contains(count)));
    let independent = StationaryBootstrap::new(2, 1.0, 3).unwrap().draw(0, 1000);
    let ones = independent.iter().filter(|position| **position == 1).count();
    assert!((400..600).contains(&ones));
    assert_eq!(StationaryBootstrap::new(1, 5.0, 0).unwrap().draw(7, 3), [0; 3]);
}

/// The Monte Carlo variance of the mean against its closed form, within its own error.
#[test]
fn variance_of_the_mean_has_its_closed_form() {
    let returns = sample_returns(200, 9, 0.0);
    let bootstrap = StationaryBootstrap::new(200, 8.0, 5).unwrap();
    let draws = 4000;
    let means: Vec<f64> = (0..draws)
        .map(|draw| {
            let positions = bootstrap.draw(draw, 200);
            positions.iter().map(|&i| returns[i as usize]).sum::<f64>() / 200.0
        })
        .collect();
    let centre = means.iter().sum::<f64>() / draws as f64;
    let spread = means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / draws as f64;
    let exact = stationary_bootstrap_variance_of_mean(&returns, 8.0).unwrap();
    assert!((spread / exact - 1.0).abs() < 4.0 * (2.0 / draws as f64).sqrt());
    // Independent draws: the population variance over n.
    let moments = plimsoll_risk::moments::Moments::of(&returns).unwrap();
    assert_close(
        stationary_bootstrap_variance_of_mean(&returns, 1.0).unwrap() * 200.0 / moments.m2,
        1.0,
        1e-12,
    );
}

#[test]
fn ruin_equals_the_plain_loop() {
    let rules: Vec<DailyPath> = (0..5)
        .map(|rule| path(&sample_returns(120, 40 + rule, 0.001 - 0.0008 * rule as f64)))
        .collect();
    let config = RuinConfig {
        drawdown: 0.3,
        horizon_days: 90,
        draws: 333,
        mean_block: 6.0,
        seed: 11,
        outer_draws: 20,
        inner_draws: 30,
    };
    let estimates = estimate_ruin(&rules, &config).unwrap();
    let bootstrap = StationaryBootstrap::new(120, 6.0, 11).unwrap();
    for (rule, estimate) in rules.iter().zip(&estimates) {
        let estimate = estimate.as_ref().unwrap();
        let ruined = (0..333)
            .filter(|&draw| plain_path_is_ruined(rule, &bootstrap.draw(draw, 90), 0.3))
            .count();
        assert_eq!(estimate.probability, ruined as f64 / 333.0);
        assert!(estimate.monte_carlo_low <= estimate.probability);
        assert!(estimate.probability <= estimate.monte_carlo_high);
        assert!(estimate.low <= estimate.high);
        assert_eq!((estimate.days, estimate.label), (120, "fixed-path"));
    }
    let shares: Vec<f64> =
        estimates.iter().map(|estimate| estimate.as_ref().unwrap().probability).collect();
    assert!(shares[4] > shares[0], "{shares:?}");
    // A rule's number does not depend on its company.
    let alone = estimate_ruin(&rules[2..3], &config).unwrap();
    assert_eq!(alone[0], estimates[2]);
}

fn plain_path_is_ruined(rule: &DailyPath, days: &[u32], drawdown: f64) -> bool {
    let (mut wealth, mut peak) = (1.0_f64, 1.0_f64);
    for &day in days {
        let (growth, worst) = (rule.growth[day as usize], rule.worst[day as usize]);
        let floor = (1.0 - drawdown) * peak;
        if wealth * worst <= floor || wealth * growth <= floor || wealth * growth <= 0.0 {
            return true;
        }
        wealth *= growth;
        peak = peak.max(wealth);
    }
    false
}

/// Fair samples of a coin, resampled independently: the exact probability is a recursion.
#[test]
fn ruin_of_a_coin_is_exact() {
    let bet = BinaryBet::even_money(0.55, 0.0625);
    let exact = bet.max_drawdown_probability(0.5, 250).unwrap();
    let growth: Vec<f64> = (0..100).map(|i| if i < 55 { 1.0625 } else { 0.9375 }).collect();
    let rule = DailyPath { worst: growth.clone(), growth };
    let config = RuinConfig {
        horizon_days: 250,
        draws: 20_000,
        seed: 2,
        outer_draws: 20,
        inner_draws: 20,
        ..RuinConfig::default()
    };
    let estimate = estimate_ruin(&[rule], &config).unwrap().remove(0).unwrap();
    // 99.9 % interval of the Monte Carlo error.
    let error = 3.29 * (exact * (1.0 - exact) / 20_000.0).sqrt();
    assert!((estimate.probability - exact).abs() < error, "{estimate:?}");
    assert!(estimate.low < exact && exact < estimate.high);
}

#[test]
fn results_do_not_depend_on_threads() {
    let columns: Vec<Vec<f64>> = (0..3).map(|i| sample_returns(100, i, 0.001)).collect();
    let rules: Vec<DailyPath> = columns.iter().map(|column| path(column)).collect();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let config = RuinConfig {
        drawdown: 0.3,
        draws: 200,
        mean_block: 4.0,
        outer_draws: 10,
        inner_draws: 10,
        ..RuinConfig::default()
    };
    let run = || {
        (
            estimate_ruin(&rules, &config).unwrap(),
            BootstrapMetrics::of(&slices, 4.0, 120, 1, 365.0).unwrap(),
        )
    };
    let one = with_threads(1, run);
    assert_eq!(with_threads(2, run), one);
    assert_eq!(with_threads(7, run), one);
}

#[test]
fn a_part_of_the_rules_is_what_resampling_it_alone_gives() {
    let columns: Vec<Vec<f64>> = (0..4).map(|i| sample_returns(80, i, 0.001)).collect();
    let of = |part: &[usize]| {
        let slices: Vec<&[f64]> = part.iter().map(|&i| columns[i].as_slice()).collect();
        BootstrapMetrics::of(&slices, 4.0, 60, 3, 365.0).unwrap()
    };
    let whole = of(&[0, 1, 2, 3]);
    for part in [&[0, 1, 2, 3][..], &[3, 1], &[2]] {
        assert_eq!(whole.of_rules(part), of(part));
    }
    assert_eq!(whole.of_rules(&[1, 9]).rules(), 1);
    assert_eq!(whole.of_rules(&[]).rules(), 0);
}

#[test]
fn what_cannot_be_resampled_says_why() {
    let rule = path(&sample_returns(60, 1, 0.0));
    let config = RuinConfig {
        draws: 50,
        outer_draws: 5,
        inner_draws: 5,
        mean_block: 6.1,
        ..RuinConfig::default()
    };
    assert!(matches!(
        estimate_ruin(std::slice::from_ref(&rule), &config),
        Err(RiskError::TooFewBlocks { n: 60, .. })
    ));
    let config = RuinConfig { mean_block: 6.0, ..config };
    let mut broke = rule.clone();
    broke.growth[7] = -0.2;
    let estimates = estimate_ruin(&[rule.clone(), broke], &config).unwrap();
    assert!(estimates[0].is_ok());
    assert_eq!(estimates[1], Err(RiskError::Ruined { index: 7 }));
    let mut short = rule.clone();
    short.worst.pop();
    assert!(matches!(
        estimate_ruin(&[rule.clone(), short], &config),
        Err(RiskError::LengthMismatch { name: "worst", index: 1, .. })
    ));
    for bad in [0.0, 1.1, f64::NAN] {
        let config = RuinConfig { drawdown: bad, ..config };
        assert!(estimate_ruin(std::slice::from_ref(&rule), &config).is_err());
    }
    assert_eq!(estimate_ruin(&[], &config), Ok(Vec::new()));
}

#[test]
fn comparison_metrics_are_those_of_the_other_modules() {
    let returns = sample_returns(203, 4, 0.002);
    let metrics = BootstrapMetrics::of(&[&returns], 5.0, 40, 6, 365.0).unwrap();
    let bootstrap = StationaryBootstrap::new(203, 5.0, 6).unwrap();
    let check = |values: &[f64], got: &dyn Fn(ComparisonMetric) -> Option<f64>| {
        let drawdowns = Drawdowns::of_returns(values).unwrap();
        let growth = perf::log_return_sum(values).unwrap();
        let expected = [
            growth / 203.0 * 365.0,
            perf::volatility_annual(values, 365.0).unwrap(),
            sharpe_annual(values, 0.0, 365.0).unwrap(),
            drawdowns.max(),
            drawdowns.conditional(0.95).unwrap(),
            growth,
        ];
        for (metric, expected) in ComparisonMetric::ALL.into_iter().zip(expected) {
            assert_close(got(metric).unwrap(), expected, 1e-12);
        }
    };
    check(&returns, &|metric| metrics.point(0, metric));
    for draw in 0..40 {
        let resampled: Vec<f64> =
            bootstrap.draw(draw, 203).iter().map(|&i| returns[i as usize]).collect();
        check(&resampled, &|metric| metrics.draws(0, metric).nth(draw as usize).unwrap());
    }
}

#[test]
fn differences_are_paired() {
    let base = sample_returns(300, 8, 0.001);
    let better: Vec<f64> = base.iter().map(|r| r + 0.002).collect();
    let same = base.clone();
    let other = sample_returns(300, 77, -0.002);
    let metrics =
        BootstrapMetrics::of(&[&base, &better, &same, &other], 3.0, 500, 1, 365.0).unwrap();
    let differences = metrics.against_baseline(0, ComparisonMetric::MeanLogGrowth).unwrap();
    let [itself, better, same, other] = [0, 1, 2, 3].map(|i| differences[i].clone().unwrap());
    for nothing in [itself, same] {
        assert_eq!((nothing.difference, nothing.p_value), (0.0, 1.0));
        assert_eq!((nothing.low, nothing.high), (0.0, 0.0));
    }
    // The market cancels: a constant advantage has a narrow interval and the smallest p-value.
    assert!(better.low > 0.6 && better.high < 0.85, "{better:?}");
    assert_close(better.p_value, 1.0 / 501.0, 1e-12);
    assert_close(better.p_value_adjusted, 3.0 / 501.0, 1e-12);
    assert!(other.high - other.low > 10.0 * (better.high - better.low));
    assert!(other.p_value_adjusted >= other.p_value);
    let (low, high) = metrics.interval(1, ComparisonMetric::MaxDrawdown).unwrap();
    assert!(low < high);
    assert!(metrics.against_baseline(4, ComparisonMetric::Cdar95).is_err());
    let best = metrics.probability_best();
    assert_close(best.probability.iter().sum::<f64>(), 1.0, 1e-12);
    // The copy and the baseline are beaten in every draw by the same days plus 0.2 %.
    assert_eq!(best.probability[0] + best.probability[2], 0.0);
    let growth = ComparisonMetric::MeanLogGrowth;
    let ahead = metrics.draws(1, growth).zip(metrics.draws(3, growth));
    let ahead = ahead.filter(|(better, other)| better > other).count();
    assert!(ahead > 0 && ahead < 500);
    assert_close(best.probability[1], ahead as f64 / 500.0, 1e-12);
}

#[test]
fn ruined_and_idle_rules_stay_undefined() {
    let base = sample_returns(100, 8, 0.001);
    let mut ruined = base.clone();
    ruined[50] = -1.2;
    let idle = vec![0.0; 100];
    let metrics = BootstrapMetrics::of(&[&base, &ruined, &idle], 2.0, 200, 1, 365.0).unwrap();
    let growth = ComparisonMetric::MeanLogGrowth;
    assert_eq!(metrics.point(1, growth), None);
    assert_eq!(metrics.point(1, ComparisonMetric::MaxDrawdown), Some(1.0));
    let differences = metrics.against_baseline(0, growth).unwrap();
    assert!(matches!(differences[1], Err(RiskError::Undefined { .. })));
    assert!(differences[2].is_ok());
    assert!(matches!(metrics.interval(1, growth), Err(RiskError::TooManyUndefinedDraws { .. })));
    let undefined = metrics.draws(1, growth).filter(Option::is_none).count();
    // The day is missed by a draw with probability of about 1/e.
    assert!((90..160).contains(&undefined), "{undefined}");
    assert_eq!(metrics.point(2, ComparisonMetric::SharpeAnnual), None);
    assert_eq!(metrics.point(2, growth), Some(0.0));
    let sharpe = metrics.against_baseline(0, ComparisonMetric::SharpeAnnual).unwrap();
    assert!(sharpe[2].is_err());
    let best = metrics.probability_best();
    assert_close(best.probability.iter().sum::<f64>(), 1.0, 1e-12);
    let empty = BootstrapMetrics::of(&[], 2.0, 10, 1, 365.0).unwrap();
    assert!(empty.probability_best().probability.is_empty());
    let mixed = BootstrapMetrics::of(&[&base, &idle[..99]], 2.0, 10, 1, 365.0);
    assert!(matches!(mixed, Err(RiskError::LengthMismatch { index: 1, .. })));
}

#[test]
fn percentiles_of_draws() {
    let draws: Vec<f64> = (0..=1000).map(f64::from).collect();
    let (low, high) = percentile_interval(&draws, 0.95).unwrap();
    assert_close(low, 25.0, 1e-12);
    assert_close(high, 975.0, 1e-12);
    assert!(percentile_interval(&[], 0.95).is_err());
}

/// A column whose long-run variance is zero asks for blocks without end: the cap, a third of a
/// short sample (the same by `arch.bootstrap.optimal_block_length`).
#[test]
fn blocks_of_a_short_sample_are_capped() {
    for (n, cap) in [(24, 8.0), (45, 15.0)] {
        let alternating: Vec<f64> = (0..n).map(|t| f64::from(1 - 2 * (t % 2))).collect();
        let length = politis_white(&alternating).unwrap();
        assert_close(length.stationary, cap, 1e-12);
        assert_close(length.circular, cap, 1e-12);
    }
}
