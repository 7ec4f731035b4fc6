//! Walk-forward forecasts: nothing but the past, the same bits at any number of threads, every
//! unit, and typed reasons for what cannot be forecast.

use plimsoll_risk::RiskError;
use plimsoll_risk::assessment::ForecastAssessment;
use plimsoll_risk::forecast::{
    ComparedBy, ForecastEvaluation, ForecastSeries, ForecastSettings, RefitDiagnostics,
    RollingForecasts, Side, TailModel, evaluate, rolling_forecasts,
};
use plimsoll_risk::forecast_test::dynamic_quantile::{
    DynamicQuantileSettings, DynamicQuantileTest,
};
use plimsoll_risk::forecast_test::independence::{Christoffersen, monte_carlo};
use plimsoll_risk::forecast_test::violations;
use plimsoll_risk::tail::value_at_risk::{historical_es, historical_var};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::assert_close;

/// Returns with clusters of volatility and heavier losses than gains, from a seed.
pub(crate) fn clustered(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || {
        let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut variance = 1e-4_f64;
    (0..n)
        .map(|_| {
            let shock = normal();
            let z = if shock < -1.5 { 1.4 * shock } else { shock };
            let r = variance.sqrt() * z;
            let leverage = if r < 0.0 { 0.12 } else { 0.04 };
            variance = 4e-6 + leverage * r * r + 0.86 * variance;
            r
        })
        .collect()
}

fn settings(models: &[TailModel], window: usize, refit_every: usize) -> ForecastSettings {
    ForecastSettings {
        models: models.to_vec(),
        window,
        refit_every,
        alphas: vec![0.01, 0.05],
        ..ForecastSettings::default()
    }
}

/// Every forecast of `shorter` is the one of `longer`, bit for bit.
#[track_caller]
fn assert_prefix(shorter: &RollingForecasts, longer: &RollingForecasts) {
    assert_eq!(shorter.first, longer.first);
    assert_eq!(shorter.series.len(), longer.series.len());
    assert_eq!(shorter.excluded, longer.excluded);
    for (short, long) in shorter.series.iter().zip(&longer.series) {
        let n = short.value_at_risk.len();
        let name = format!("{} {} {}", short.model, short.side, short.alpha);
        assert_eq!(short.value_at_risk, long.value_at_risk[..n], "{name}");
        assert_eq!(short.expected_shortfall, long.expected_shortfall[..n], "{name}");
        assert_eq!(short.expectile, long.expectile[..n], "{name}");
    }
}

#[test]
fn cutting_the_series_short_changes_no_earlier_forecast() {
    let returns = clustered(340, 3);
    let settings = settings(&TailModel::ALL, 260, 2);
    let whole = rolling_forecasts(&returns, &settings).unwrap();
    for n in [262, 325] {
        assert_prefix(&rolling_forecasts(&returns[..n], &settings).unwrap(), &whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What comes later has no say, however large it is.
    #[test]
    fn later_returns_have_no_say(
        seed in 0_u64..1000, cut in 101_usize..160, later in -1e6_f64..1e6, every in 1_usize..5,
    ) {
        let models = [TailModel::Historical, TailModel::EwmaNormal];
        let settings = settings(&models, 100, every);
        let mut returns = clustered(160, seed);
        let before = rolling_forecasts(&returns[..cut], &settings).unwrap();
        returns[cut..].fill(later);
        assert_prefix(&before, &rolling_forecasts(&returns, &settings).unwrap());
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let returns = clustered(330, 5);
    let settings = settings(&TailModel::ALL, 260, 2);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let forecasts = rolling_forecasts(&returns, &settings).unwrap();
            let rows = evaluate(&returns, &forecasts, &settings).unwrap();
            (forecasts, rows)
        })
    };
    let one = with(1);
    assert!(one.0.excluded.is_empty(), "{:?}", one.0.excluded);
    assert!(one == with(3));
}

/// Forecasts scale with the returns: exactly by a power of two, over the whole range of a double,
/// and by other factors as far as the searches end at the same optimum. Those of the recursive
/// expectiles may not: their loss has several next to each other.
#[test]
fn forecasts_scale_with_the_returns() {
    const SEVERAL_OPTIMA: [TailModel; 2] = [TailModel::CareSymmetric, TailModel::CareAsymmetric];
    let returns = clustered(330, 9);
    let settings = settings(&TailModel::ALL, 300, 10);
    let base = rolling_forecasts(&returns, &settings).unwrap();
    for factor in [2.0_f64.powi(900), 100.0, 1e-300, 1e300] {
        let scaled: Vec<f64> = returns.iter().map(|r| r * factor).collect();
        let forecasts = rolling_forecasts(&scaled, &settings).unwrap();
        assert_eq!(forecasts.series.len(), base.series.len());
        let exact = factor.log2().fract().abs() <= 0.0;
        for (series, expected) in forecasts.series.iter().zip(&base.series) {
            if !exact && SEVERAL_OPTIMA.contains(&series.model) {
                continue;
            }
            for (got, expected) in [
                (&series.value_at_risk, &expected.value_at_risk),
                (&series.expected_shortfall, &expected.expected_shortfall),
                (&series.expectile, &expected.expectile),
            ] {
                for (got, expected) in got.iter().zip(expected) {
                    if exact {
                        assert_eq!(*got, expected * factor);
                    } else {
                        let name = format!("{} {} {factor:e}", series.model, series.side);
                        let ratio = got / factor / expected;
                        assert!((ratio - 1.0).abs() < 1e-3, "{name}: {got} is {ratio} of it");
                    }
                }
            }
        }
    }
}

/// The window is forecast as it was: an independent computation of each step.
#[test]
fn historical_forecasts_are_those_of_each_window() {
    let returns = clustered(260, 1);
    let short: Vec<f64> = returns.iter().map(|r| -r).collect();
    let settings = settings(&[TailModel::Historical], 120, 9);
    let forecasts = rolling_forecasts(&returns, &settings).unwrap();
    for series in &forecasts.series {
        let gains = if series.side == Side::Lower { &returns } else { &short };
        for (step, got) in series.value_at_risk.iter().enumerate() {
            let window = &gains[step..step + 120];
            assert_close(*got, historical_var(window, series.alpha).unwrap(), 1e-14);
            let shortfall = historical_es(window, series.alpha).unwrap();
            assert_close(series.expected_shortfall[step], shortfall, 1e-14);
            let expectile = plimsoll_risk::expectile::sample::expectile(window, series.alpha);
            assert_close(series.expectile[step], expectile.unwrap(), 1e-14);
        }
    }
}

/// Forecasts of all models are ordered: the expected shortfall is at least the value at risk, and
/// a smaller tail probability has a larger loss. Expectiles of different levels are fitted apart
/// and may cross, as regression quantiles may, so they are held to the first rule only.
#[test]
fn forecasts_are_ordered() {
    const APART: [TailModel; 3] =
        [TailModel::ExpectileKyh, TailModel::CareSymmetric, TailModel::CareAsymmetric];
    let returns = clustered(360, 21);
    let settings = settings(&TailModel::ALL, 300, 20);
    let forecasts = rolling_forecasts(&returns, &settings).unwrap();
    assert!(forecasts.excluded.is_empty(), "{:?}", forecasts.excluded);
    assert_eq!(forecasts.series.len(), TailModel::ALL.len() * 4);
    for pair in forecasts.series.chunks_exact(2) {
        let (rare, common) = (&pair[0], &pair[1]);
        assert_eq!((rare.alpha, common.alpha), (0.01, 0.05));
        for step in 0..60 {
            let name = format!("{} {} step {step}", rare.model, rare.side);
            assert!(rare.expected_shortfall[step] >= rare.value_at_risk[step], "{name}");
            assert!(common.expected_shortfall[step] >= common.value_at_risk[step], "{name}");
            if !APART.contains(&rare.model) {
                assert!(common.value_at_risk[step] > 0.0, "{name}");
                assert!(rare.value_at_risk[step] > common.value_at_risk[step], "{name}");
                assert!(rare.expectile[step] < common.expectile[step], "{name}");
            }
        }
    }
}

/// A rule that stands aside for weeks has returns of exactly zero.
#[test]
fn runs_of_zeros_are_coped_with_or_refused_with_a_reason() {
    let busy = clustered(500, 13);
    let weeks: Vec<f64> =
        busy.iter().enumerate().map(|(t, r)| if t / 21 % 3 == 0 { 0.0 } else { *r }).collect();
    let settings = settings(&TailModel::ALL, 300, 100);
    let forecasts = rolling_forecasts(&weeks, &settings).unwrap();
    // A third of the returns are equal: no likelihood of a peaked or heavy-tailed law is fitted.
    let refused =
        [TailModel::StudentT, TailModel::GjrSkewT, TailModel::GjrNig, TailModel::GjrVarianceGamma];
    assert_eq!(forecasts.excluded.iter().map(|out| out.model).collect::<Vec<_>>(), refused);
    for out in &forecasts.excluded {
        assert!(matches!(out.error, RiskError::Undefined { .. }), "{out:?}");
        assert!(out.error.to_string().contains("a third or more"), "{out:?}");
    }

    // Never a trade: the loss is forecast as zero, or there is a reason for no forecast.
    let flat = vec![0.0; 420];
    let forecasts = rolling_forecasts(&flat, &settings).unwrap();
    for series in &forecasts.series {
        assert!(series.value_at_risk.iter().all(|loss| loss.abs() <= 0.0), "{}", series.model);
    }
    for row in evaluate(&flat, &forecasts, &settings).unwrap() {
        assert_eq!(row.violations, 0, "{}", row.model);
    }
    let kept = [TailModel::Historical, TailModel::EwmaNormal];
    assert!(kept.iter().all(|model| forecasts.series.iter().any(|s| s.model == *model)));
}

/// A strategy that stands aside in three weeks of five: the hybrids filter by a likelihood that
/// zeros leave bounded, treat both sides alike and do not fall far behind the sample as it was.
#[test]
fn hybrids_forecast_a_strategy_that_is_mostly_flat() {
    let hybrids = [TailModel::FilteredHistorical, TailModel::ConditionalEvt];
    let models = [TailModel::Historical, hybrids[0], hybrids[1]];
    let settings = ForecastSettings { alphas: vec![0.05], ..settings(&models, 500, 50) };
    let busy = clustered(1_000, 17);
    let mut rng = ChaCha8Rng::seed_from_u64(29);
    let singly = busy.iter().map(|r| if rng.random::<f64>() < 0.6 { 0.0 } else { *r }).collect();
    let in_weeks =
        busy.iter().enumerate().map(|(t, r)| if t / 7 % 5 < 3 { 0.0 } else { *r }).collect();
    for (name, returns) in [("singly", singly), ("in weeks", in_weeks)] {
        let returns: Vec<f64> = returns;
        let forecasts = rolling_forecasts(&returns, &settings).unwrap();
        assert!(forecasts.excluded.is_empty(), "{name} {:?}", forecasts.excluded);
        let mirrored: Vec<f64> = returns.iter().map(|r| -r).collect();
        let mirrored = rolling_forecasts(&mirrored, &settings).unwrap();
        let largest = returns.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
        for series in &forecasts.series {
            let other = |s: &&ForecastSeries| s.model == series.model && s.side != series.side;
            let other = mirrored.series.iter().find(other).unwrap();
            let what = format!("{name} {} {}", series.model, series.side);
            for step in 0..series.value_at_risk.len() {
                let shortfall = series.expected_shortfall[step];
                assert!(series.value_at_risk[step] > 0.0, "{what} {step}");
                assert!(shortfall < 3.0 * largest, "{what} {step}: {shortfall}");
                let apart = (shortfall - other.expected_shortfall[step]).abs();
                assert!(apart < 1e-3 * shortfall, "{what} {step}: {apart} of {shortfall}");
            }
        }
        let rows = evaluate(&returns, &forecasts, &settings).unwrap();
        for row in &rows {
            let (model, side, got) = (row.model, row.side, row.fz0_score.clone().unwrap());
            let plain = rows.iter().find(|r| r.model == models[0] && r.side == side).unwrap();
            let plain = plain.fz0_score.clone().unwrap();
            assert!(got < plain + 0.3, "{name} {model} {side}: {got} {plain}");
        }
    }
}

#[test]
fn models_that_need_a_longer_window_are_left_out_with_the_reason() {
    let returns = clustered(120, 2);
    let models = [TailModel::Historical, TailModel::GjrSkewT];
    let forecasts = rolling_forecasts(&returns, &settings(&models, 100, 5)).unwrap();
    assert_eq!(forecasts.series.len(), 4);
    assert_eq!(forecasts.excluded.len(), 1);
    assert_eq!(forecasts.excluded[0].model, TailModel::GjrSkewT);
    assert!(matches!(forecasts.excluded[0].error, RiskError::TooFewObservations { n: 100, .. }));
}

#[test]
fn settings_and_returns_are_checked() {
    let returns = clustered(120, 2);
    let good = settings(&[TailModel::Historical], 100, 5);
    let refused = |change: &dyn Fn(&mut ForecastSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        rolling_forecasts(&returns, &settings).unwrap_err()
    };
    let out_of_range = |error: RiskError, parameter: &str| matches!(error, RiskError::OutOfRange { name, .. } if name == parameter);
    assert!(out_of_range(refused(&|s| s.models.clear()), "models"));
    assert!(out_of_range(refused(&|s| s.models.push(TailModel::Historical)), "models"));
    assert!(out_of_range(refused(&|s| s.sides.clear()), "sides"));
    assert!(out_of_range(refused(&|s| s.alphas = vec![0.01, 0.01]), "alphas"));
    assert!(out_of_range(refused(&|s| s.alphas = vec![0.5]), "alpha"));
    assert!(out_of_range(refused(&|s| s.alphas = vec![f64::NAN]), "alpha"));
    assert!(out_of_range(refused(&|s| s.window = 49), "window"));
    assert!(out_of_range(refused(&|s| s.refit_every = 0), "refit_every"));
    assert!(out_of_range(refused(&|s| s.draws = 0), "draws"));
    assert_eq!(refused(&|s| s.window = 120), RiskError::TooFewObservations { n: 120, n_min: 121 });
    let mut broken = returns.clone();
    broken[110] = f64::INFINITY;
    let error = rolling_forecasts(&broken, &good).unwrap_err();
    assert_eq!(error, RiskError::NonFinite { index: 110, value: f64::INFINITY });
}

#[test]
fn names_are_read_as_they_are_written() {
    for model in TailModel::ALL {
        assert_eq!(model.name().parse(), Ok(model));
        assert_eq!(serde_json::to_value(model).unwrap(), model.name());
        assert!(!model.describe().is_empty());
    }
    for side in Side::ALL {
        assert_eq!(side.name().parse(), Ok(side));
    }
    let error = "garch".parse::<TailModel>().unwrap_err().to_string();
    assert!(error.starts_with("`garch` is no tail model; known are historical, "), "{error}");
}

/// A model that always says the same.
fn constant(model: TailModel, side: Side, n: usize, var: f64, es: f64) -> ForecastSeries {
    ForecastSeries {
        model,
        side,
        alpha: 0.05,
        value_at_risk: vec![var; n],
        expected_shortfall: vec![es; n],
        expectile: vec![-0.5 * var; n],
        diagnostics: RefitDiagnostics::default(),
    }
}

/// 200 returns after a first window, 10 of them losses of 3 % spread evenly, 10 gains of 5 %.
fn made_by_hand() -> Vec<f64> {
    (0..260_u32)
        .map(|t| match t % 20 {
            7 => -0.03,
            11 => 0.05,
            other => (f64::from(other) - 9.5) * 1e-3,
        })
        .collect()
}

#[test]
fn rows_count_test_and_score_by_hand() {
    let returns = made_by_hand();
    let (first, n) = (60, 200);
    let settings = ForecastSettings {
        models: vec![TailModel::Historical, TailModel::EwmaNormal],
        alphas: vec![0.05],
        window: first,
        ..ForecastSettings::default()
    };
    let series = vec![
        constant(TailModel::Historical, Side::Lower, n, 0.02, 0.03),
        constant(TailModel::Historical, Side::Upper, n, 0.02, 0.05),
        constant(TailModel::EwmaNormal, Side::Lower, n, 0.04, 0.05),
        constant(TailModel::EwmaNormal, Side::Upper, n, 0.0, 0.0),
    ];
    let forecasts = RollingForecasts { first, series, excluded: Vec::new() };
    let rows = evaluate(&returns, &forecasts, &settings).unwrap();

    let right = &rows[0];
    assert_eq!((right.n, right.violations), (200, 10));
    assert_close(right.expected_violations, 10.0, 1e-12);
    // As many as promised: the likelihood ratio is 0.
    assert_close(right.kupiec_p.clone().unwrap(), 1.0, 1e-12);
    assert!(right.holds || right.dynamic_quantile_p.clone().unwrap() < 0.05);
    // 10 losses of 3 % cost 0.95 * 1 %, the others 5 % of their distance from -2 %.
    let realised = &returns[first..];
    let quantile: f64 = realised
        .iter()
        .map(|r| if *r < -0.02 { 0.95 * (-0.02 - r) } else { 0.05 * (r + 0.02) })
        .sum();
    assert_close(right.quantile_score, quantile / 200.0, 1e-14);
    let fz0: f64 = realised
        .iter()
        .map(|r| {
            let beyond = if *r <= -0.02 { (-0.02 - r) / (0.05 * 0.03) } else { 0.0 };
            beyond + 0.02 / 0.03 + 0.03_f64.ln() - 1.0
        })
        .sum();
    assert_close(right.fz0_score.clone().unwrap(), fz0 / 200.0, 1e-12);
    let expectile: f64 = realised
        .iter()
        .map(|r| (if *r < -0.01 { 0.95 } else { 0.05 }) * (r + 0.01) * (r + 0.01))
        .sum();
    assert_close(right.expectile_score, expectile / 200.0, 1e-14);

    // The upper side counts gains: 10 of 5 % beyond 2 %.
    assert_eq!(rows[1].violations, 10);
    // No violation where 10 were promised: 2 * 200 ln(1 / 0.95) = 20.5.
    assert_eq!(rows[2].violations, 0);
    assert!(rows[2].kupiec_p.clone().unwrap() < 1e-5 && !rows[2].holds);
    assert!(rows[2].shortfall_p.is_err());
    // A forecast of no loss: every gain is a violation, and there is no FZ0 score to compare by.
    assert_eq!(rows[3].violations, realised.iter().filter(|r| **r > 0.0).count());
    assert!(matches!(rows[3].fz0_score, Err(RiskError::ForecastOrder { .. })));
    assert_eq!(rows[0].mcs_compared_by, ComparedBy::Fz0);
    assert_eq!(rows[1].mcs_compared_by, ComparedBy::Quantile);
    assert_eq!(rows[3].mcs_compared_by, ComparedBy::Quantile);
    // The better of two is in every set.
    assert_close(rows[0].mcs_p.clone().unwrap(), 1.0, 0.0);
    assert!(rows[2].mcs_p.clone().unwrap() < 1.0);
}

#[test]
fn forecasts_of_another_length_are_refused() {
    let returns = made_by_hand();
    let settings = ForecastSettings { window: 60, alphas: vec![0.05], ..Default::default() };
    let mut series = constant(TailModel::Historical, Side::Lower, 200, 0.02, 0.03);
    series.expected_shortfall.pop();
    let forecasts =
        RollingForecasts { first: 60, series: vec![series.clone()], excluded: Vec::new() };
    let error = evaluate(&returns, &forecasts, &settings).unwrap_err();
    assert!(matches!(
        error,
        RiskError::LengthMismatch { name: "expected_shortfall", length: 199, expected: 200, .. }
    ));
    series.expected_shortfall.push(f64::NAN);
    let forecasts = RollingForecasts { first: 60, series: vec![series], excluded: Vec::new() };
    assert!(evaluate(&returns, &forecasts, &settings).is_err());
}

/// The score that models are compared by is the one that they are ranked by: a right quantile with
/// an absurd shortfall does not make a model the best.
#[test]
fn the_best_model_has_the_best_of_the_scores_compared() {
    let returns = made_by_hand();
    let settings = ForecastSettings {
        models: vec![TailModel::Historical, TailModel::EwmaNormal],
        window: 60,
        alphas: vec![0.05],
        ..ForecastSettings::default()
    };
    let series = vec![
        constant(TailModel::Historical, Side::Lower, 200, 0.02, 2.0),
        constant(TailModel::EwmaNormal, Side::Lower, 200, 0.035, 0.05),
    ];
    let forecasts = RollingForecasts { first: 60, series, excluded: Vec::new() };
    let mut rows = evaluate(&returns, &forecasts, &settings).unwrap();
    // No violation where ten were promised is rejected; here the scores alone are to decide.
    rows[1].holds = true;
    assert_eq!(rows[0].mcs_compared_by, ComparedBy::Fz0);
    assert!(rows[0].holds && rows[0].quantile_score < rows[1].quantile_score);
    assert!(rows[0].compared_score() > rows[1].compared_score());
    let mut assessed = ForecastAssessment {
        window: 60,
        refit_every: 1,
        first: Some(60),
        evaluations: Ok(rows.clone()),
        excluded: Vec::new(),
        forecasts: None,
    };
    let best = |assessed: &ForecastAssessment| {
        assessed.best(Side::Lower, 0.05).map(|row| row.model).unwrap()
    };
    assert_eq!(best(&assessed), TailModel::EwmaNormal);

    // One without a joint score: all are compared by the quantile score.
    let by_quantile = |row: &ForecastEvaluation| ForecastEvaluation {
        mcs_compared_by: ComparedBy::Quantile,
        ..row.clone()
    };
    assessed.evaluations = Ok(rows.iter().map(by_quantile).collect());
    assert_eq!(best(&assessed), TailModel::Historical);
}

/// What is said of the level of the tests holds: 730 right forecasts of a variance that moves.
#[test]
fn right_forecasts_hold_as_often_as_is_said() {
    let (n, samples) = (730_usize, 150_u64);
    for (alpha, quantile, shortfall, expectile, rejected_low, rejected_high) in [
        // Of the normal distribution, by scipy.
        (0.01, -2.326_347_874, -2.665_214_220, -1.717_436_860, 0.02, 0.16),
        (0.05, -1.644_853_627, -2.062_712_808, -1.140_171_146, 0.04, 0.20),
    ] {
        let settings = ForecastSettings {
            window: 50,
            alphas: vec![alpha],
            draws: 19,
            ..ForecastSettings::default()
        };
        let (mut rejected, mut runs, mut foretold) = (0.0, 0.0, 0.0);
        for sample in 0..samples {
            let mut rng = ChaCha8Rng::seed_from_u64(sample);
            let mut deviation = 0.01_f64;
            let mut returns = vec![0.0; 50];
            let mut series = constant(TailModel::Historical, Side::Lower, 0, 0.0, 0.0);
            series.alpha = alpha;
            for _ in 0..n {
                let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
                let z = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
                returns.push(deviation * z);
                series.value_at_risk.push(-deviation * quantile);
                series.expected_shortfall.push(-deviation * shortfall);
                series.expectile.push(deviation * expectile);
                let scaled = deviation * z;
                deviation = (5e-6 + 0.1 * scaled * scaled + 0.85 * deviation * deviation).sqrt();
            }
            let forecasts =
                RollingForecasts { first: 50, series: vec![series], excluded: Vec::new() };
            let row = evaluate(&returns, &forecasts, &settings).unwrap().remove(0);
            rejected += f64::from(u8::from(!row.holds)) / samples as f64;
            let foretold_p = row.dynamic_quantile_p.unwrap();
            foretold += f64::from(u8::from(foretold_p < 0.05)) / samples as f64;
            runs += f64::from(u8::from(row.christoffersen_p.unwrap() < 0.05)) / samples as f64;
        }
        assert!((rejected_low..rejected_high).contains(&rejected), "{alpha}: {rejected}");
        assert!((0.005..0.09).contains(&runs), "{alpha}: {runs}");
        assert!((0.005..0.12).contains(&foretold), "{alpha}: {foretold}");
    }
}

/// With fewer than five violations the distribution of Christoffersen's statistic is drawn.
#[test]
fn few_violations_are_judged_by_their_own_distribution() {
    let mut returns = vec![0.001; 260];
    for at in [100, 150] {
        returns[at] = -0.05;
    }
    let settings =
        ForecastSettings { window: 60, alphas: vec![0.05], ..ForecastSettings::default() };
    let forecasts = RollingForecasts {
        first: 60,
        series: vec![constant(TailModel::Historical, Side::Lower, 200, 0.02, 0.03)],
        excluded: Vec::new(),
    };
    let row = evaluate(&returns, &forecasts, &settings).unwrap().remove(0);
    assert_eq!(row.violations, 2);
    let quantiles = vec![-0.02; 200];
    let hits = violations(&returns[60..], &quantiles).unwrap();
    let drawn = monte_carlo(&hits, 0.05, 9_999, settings.seed).unwrap();
    assert_eq!(row.christoffersen_p, Ok(drawn.conditional.p_value));
    let asymptotic = Christoffersen::of(&hits, 0.05).unwrap().conditional.p_value;
    assert!((drawn.conditional.p_value - asymptotic).abs() > 1e-4);

    // So is the dynamic quantile statistic where fewer than twenty were promised.
    let gains = &returns[60..];
    let four = DynamicQuantileSettings::default();
    let drawn = DynamicQuantileTest::monte_carlo(gains, &quantiles, 0.05, four, 999, settings.seed)
        .unwrap();
    assert_eq!(row.dynamic_quantile_p, Ok(drawn.p_value));
    let settings = ForecastSettings { alphas: vec![0.1], ..settings };
    let mut series = constant(TailModel::Historical, Side::Lower, 200, 0.02, 0.03);
    series.alpha = 0.1;
    let forecasts = RollingForecasts { first: 60, series: vec![series], excluded: Vec::new() };
    let row = evaluate(&returns, &forecasts, &settings).unwrap().remove(0);
    let asymptotic = DynamicQuantileTest::of(gains, &quantiles, 0.1, four).unwrap().test.p_value;
    assert_eq!(row.dynamic_quantile_p, Ok(asymptotic));
}
