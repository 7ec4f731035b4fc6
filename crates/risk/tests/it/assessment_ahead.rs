//! What an assessment says of the future is what the functions behind it say.

use plimsoll_risk::assessment::{Assessment, AssessmentSettings, SharpeTrials, TailQuantity};
use plimsoll_risk::forecast::Side;
use plimsoll_risk::garch::{
    Aggregation, Exposure, FilteredSimulation, GarchFit, GarchParameters, GarchSpec, Innovation,
    InnovationFamily, Volatility, simulate,
};
use plimsoll_risk::resample::block_length::common_block_length;
use plimsoll_risk::ruin::brownian_drawdown::BrownianMotion;
use plimsoll_risk::ruin::constrained_bound::ever_below_bound;
use plimsoll_risk::ruin::discrete_bet::DiscreteBet;
use plimsoll_risk::ruin::first_passage::{Barriers, FirstPassageSettings, first_passage};
use plimsoll_risk::ruin::paths::{DailyPath, RuinConfig, estimate_ruin};
use plimsoll_risk::ruin::resampled_depths::resampled_max_drawdowns;
use plimsoll_risk::ruin::tilting::{
    Ruin, TiltSettings, lundberg_bounds_of_series, tilted_ruin_of_series,
};
use plimsoll_risk::sharpe::{
    SharpeMoments, sharpe_standard_error_autocorrelated, sharpe_variance_normal,
};
use plimsoll_risk::tail::extreme_value::threshold_of_largest;
use plimsoll_risk::tail::profile_interval::GpdProfile;

/// Four hundred returns with volatility that clusters and a mean that pays.
fn clustered() -> Vec<f64> {
    let parameters = GarchParameters {
        mu: 0.001,
        omega: 4e-6,
        alpha: 0.1,
        gamma: 0.0,
        beta: 0.86,
        innovation: Innovation::StudentT { nu: 6.0 },
    };
    simulate(Volatility::Symmetric, &parameters, 400, 11).unwrap()
}

fn settings() -> AssessmentSettings {
    AssessmentSettings {
        drawdowns: vec![0.02, 0.1, 0.4, 1.0],
        horizon_periods: 60,
        draws: 400,
        outer_draws: 20,
        seed: 5,
        ..AssessmentSettings::default()
    }
}

fn assessed() -> (Vec<f64>, Assessment) {
    let returns = clustered();
    let assessment = Assessment::of(&returns, &settings()).unwrap();
    (returns, assessment)
}

#[test]
fn one_set_of_draws_answers_for_probability_time_and_depth() {
    let (returns, assessment) = assessed();
    let mean_block = common_block_length(&[&returns]).unwrap();
    let depths = resampled_max_drawdowns(&returns, 60, 400, mean_block, 5).unwrap();
    let growth: Vec<f64> = returns.iter().map(|r| 1.0 + r).collect();
    for row in &assessment.ruin {
        let config = RuinConfig {
            drawdown: row.drawdown,
            horizon_days: 60,
            draws: 400,
            mean_block,
            seed: 5,
            outer_draws: 20,
            inner_draws: 20,
        };
        let path = DailyPath { growth: growth.clone(), worst: growth.clone() };
        let expected = estimate_ruin(&[path], &config).unwrap().remove(0).unwrap();
        let estimate = row.estimate.as_ref().unwrap();
        assert_eq!(*estimate, expected);
        let deep = depths.iter().filter(|depth| **depth >= row.drawdown).count();
        assert_eq!(estimate.probability, deep as f64 / 400.0, "{}", row.drawdown);

        let barriers = Barriers { drawdown: Some(row.drawdown), ..Barriers::default() };
        let settings = FirstPassageSettings {
            barriers,
            horizon: 60,
            draws: 400,
            mean_block: Some(mean_block),
            seed: 5,
            level: 0.95,
        };
        let touched = first_passage(&returns, &settings).unwrap();
        match &row.passage {
            Ok(passage) => {
                assert_eq!(passage.paths, deep);
                let at = |share| touched.time_quantile_of_touched(share).unwrap();
                assert_eq!(at(0.05), Some(passage.periods_5_percent));
                assert_eq!(at(0.5), Some(passage.periods_median));
                assert!(passage.periods_5_percent <= passage.periods_median);
            }
            Err(error) => assert_eq!((deep, error.to_string().contains("no path")), (0, true)),
        }
    }
    let deepest = &assessment.max_drawdown_to_come;
    let median = deepest.median.clone().unwrap();
    assert!(depths[199] <= median && median <= depths[200]);
    assert!(deepest.quantile_95_percent.clone().unwrap() > median);
}

#[test]
fn rare_drawdowns_are_tilted_and_bounds_are_those_of_their_functions() {
    let (returns, assessment) = assessed();
    let mean_block = common_block_length(&[&returns]).unwrap();
    let tilt = |ruin, horizon| TiltSettings {
        ruin,
        horizon,
        theta: None,
        draws: 400,
        seed: 5,
        level: 0.95,
    };
    let by_drawdown = |drawdown: f64| {
        assessment.ruin.iter().find(|row| row.drawdown.total_cmp(&drawdown).is_eq()).unwrap()
    };
    assert!(!by_drawdown(0.02).is_rare() && by_drawdown(0.4).is_rare());
    assert!(by_drawdown(0.02).tilted.as_ref().unwrap_err().to_string().contains("plain draws"));
    let settings = tilt(Ruin::Drawdown(0.4), Some(60));
    let expected = tilted_ruin_of_series(&returns, mean_block, &settings).unwrap();
    assert_eq!(by_drawdown(0.4).tilted.as_ref(), Ok(&expected));
    assert!(expected.probability > 0.0 && expected.probability < 0.05, "{expected:?}");

    let bet = DiscreteBet::of_sample(&returns).unwrap();
    for drawdown in [0.02, 0.1, 0.4] {
        let row = by_drawdown(drawdown);
        let level = 1.0 - drawdown;
        let bound = row.ever_below_bound.clone().unwrap();
        assert!((bound - ever_below_bound(&bet, level).unwrap().probability).abs() < 1e-12);
        // A block of one period is an independent draw.
        let same = lundberg_bounds_of_series(&returns, 1.0, &[level]).unwrap()[0];
        assert!((bound - same).abs() < 1e-9, "{bound}, {same}");
        let settings = tilt(Ruin::WealthBelow(level), None);
        let simulated = tilted_ruin_of_series(&returns, mean_block, &settings).unwrap();
        let of_blocks = row.ever_below_bound_blocks.clone().unwrap();
        assert_eq!(Some(of_blocks), simulated.lundberg_bound);
        assert!(simulated.low <= of_blocks, "{simulated:?}");
    }
    let whole = by_drawdown(1.0);
    assert!(whole.ever_below_bound.is_err() && whole.ever_below_bound_blocks.is_err());
    assert!(whole.tilted.is_err() && whole.brownian_probability.is_err());
}

#[test]
fn the_brownian_yardstick_has_the_moments_of_the_logs() {
    let (returns, assessment) = assessed();
    let logs: Vec<f64> = returns.iter().map(|r| r.ln_1p()).collect();
    let n = logs.len() as f64;
    let drift = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|l| (l - drift).powi(2)).sum::<f64>() / (n - 1.0);
    let motion = BrownianMotion { drift, volatility: variance.sqrt(), horizon: 60.0 };
    for row in assessment.ruin.iter().filter(|row| row.drawdown < 1.0) {
        let expected = motion.max_drawdown_probability(-(1.0 - row.drawdown).ln()).unwrap();
        let probability = row.brownian_probability.clone().unwrap();
        assert!((probability - expected).abs() < 1e-9, "{probability}, {expected}");
    }
    let deepest = &assessment.max_drawdown_to_come;
    let expected = motion.expected_max_drawdown().unwrap();
    assert!((deepest.brownian_expected_log.clone().unwrap() - expected).abs() < 1e-9);
    let median = deepest.brownian_median.clone().unwrap();
    let half = motion.max_drawdown_probability(-(1.0 - median).ln()).unwrap();
    assert!((half - 0.5).abs() < 1e-6, "{half}");
}

#[test]
fn tail_intervals_are_those_of_the_profile() {
    let (returns, assessment) = assessed();
    // A shape, and two figures at two probabilities, on both sides.
    assert_eq!(assessment.tail_intervals.len(), 2 * (1 + 2 * 2));
    for row in &assessment.tail_intervals {
        let losses: Vec<f64> = returns.iter().map(|r| -row.side.sign() * r).collect();
        let threshold = threshold_of_largest(&losses, losses.len() / 10).unwrap();
        let profile = GpdProfile::above(&losses, threshold).unwrap();
        let expected = match (row.quantity, row.alpha) {
            (TailQuantity::ValueAtRisk, Some(alpha)) => profile.value_at_risk_interval(alpha, 0.95),
            (TailQuantity::ExpectedShortfall, Some(alpha)) => {
                profile.expected_shortfall_interval(alpha, 0.95)
            }
            (_, alpha) => {
                assert_eq!((row.quantity, alpha), (TailQuantity::Xi, None));
                profile.xi_interval(0.95)
            }
        }
        .unwrap();
        assert_eq!(row.estimate, Ok(expected.estimate));
        assert_eq!((row.low.clone().ok(), row.high.clone().ok()), (expected.low, expected.high));
        for limit in [&row.low, &row.high] {
            if let Err(error) = limit {
                assert!(error.to_string().contains("does not bound"), "{error}");
            }
        }
    }
    let of_table = |side| {
        let mut rows = assessment.tails.iter();
        let row = rows.find(|r| r.side == side && r.method == "gpd" && r.alpha < 0.02).unwrap();
        row.value_at_risk.clone().unwrap()
    };
    for side in Side::ALL {
        let mut rows = assessment.tail_intervals.iter();
        let is_it = |alpha: f64| alpha < 0.02;
        let found = rows.find(|row| {
            row.side == side
                && row.quantity == TailQuantity::ValueAtRisk
                && row.alpha.is_some_and(is_it)
        });
        assert_eq!(found.unwrap().estimate, Ok(of_table(side)));
    }
}

#[test]
fn several_periods_are_simulated_by_the_best_model() {
    let (returns, assessment) = assessed();
    let several = assessment.several_periods.as_ref().unwrap();
    let best = assessment
        .volatility
        .iter()
        .filter(|row| row.fit.as_ref().is_ok_and(|fit| fit.converged))
        .min_by(|a, b| a.fit.as_ref().unwrap().bic.total_cmp(&b.fit.as_ref().unwrap().bic))
        .unwrap();
    assert_eq!(several.model, best.name());
    let volatility =
        if best.volatility == "garch" { Volatility::Symmetric } else { Volatility::Gjr };
    let innovation = match best.innovation {
        "normal" => InnovationFamily::Normal,
        "student_t" => InnovationFamily::StudentT,
        "skew_t" => InnovationFamily::SkewT,
        "normal_inverse_gaussian" => InnovationFamily::NormalInverseGaussian,
        _ => InnovationFamily::VarianceGamma,
    };
    let fit = GarchFit::of(&returns, GarchSpec::new(volatility, innovation)).unwrap();
    let simulation = FilteredSimulation {
        steps: several.periods,
        paths: several.paths,
        seed: 5,
        aggregation: Aggregation::Compound,
    };
    assert_eq!((several.periods, several.tails.len()), (10, 4));
    for row in &several.tails {
        let exposure = match row.side {
            Side::Lower => Exposure::Long,
            Side::Upper => Exposure::Short,
        };
        assert_eq!(row.tail, simulation.tail(&fit, row.alpha, exposure), "{row:?}");
    }
    let persistence = several.persistence.clone().unwrap();
    let periods = several.half_life_periods.clone().unwrap();
    assert!((persistence.powf(periods) - 0.5).abs() < 1e-12);
}

#[test]
fn a_sharpe_ratio_has_its_standard_errors_and_what_trials_leave_of_it() {
    let (returns, assessment) = assessed();
    let value = |assessment: &Assessment, name: &str| {
        let row = assessment.sharpe.iter().find(|row| row.name == name);
        row.map(|row| row.value.clone().unwrap())
    };
    let moments = SharpeMoments::of(&returns).unwrap();
    let year = 365_f64.sqrt();
    let normal = sharpe_variance_normal(moments.sharpe, 400).unwrap().sqrt() * year;
    assert_eq!(value(&assessment, "sharpe_standard_error_normal"), Some(normal));
    let correlated = sharpe_standard_error_autocorrelated(&returns).unwrap() * year;
    assert_eq!(value(&assessment, "sharpe_standard_error_autocorrelation"), Some(correlated));
    assert_eq!(value(&assessment, "deflated_sharpe"), None, "no trials were named");

    let trials = SharpeTrials { count: 50.0, variance: 0.002 };
    let with_trials = AssessmentSettings { trials: Some(trials), ..settings() };
    let deflated = Assessment::of(&returns, &with_trials).unwrap();
    assert_eq!(value(&deflated, "deflated_sharpe"), moments.deflated(50.0, 0.002).ok());
    for trials in [
        SharpeTrials { count: 0.0, variance: 0.002 },
        SharpeTrials { count: 50.0, variance: -1.0 },
        SharpeTrials { count: f64::NAN, variance: 0.002 },
    ] {
        let settings = AssessmentSettings { trials: Some(trials), ..settings() };
        assert!(Assessment::of(&returns, &settings).is_err(), "{trials:?}");
    }
}

#[test]
fn depths_and_bounds_refuse_bad_input() {
    let returns = clustered();
    let depths = |returns: &[f64], horizon, draws, block| {
        resampled_max_drawdowns(returns, horizon, draws, block, 1)
    };
    assert_eq!(depths(&[0.01; 20], 30, 5, 1.0), Ok(vec![0.0; 5]));
    // Every path loses a tenth a period.
    let fallen = depths(&[-0.1; 20], 3, 2, 1.0).unwrap();
    assert!(fallen.iter().all(|depth| (depth - (1.0 - 0.729)).abs() < 1e-12), "{fallen:?}");
    for (values, horizon, draws, block) in [
        (&[][..], 10, 10, 1.0),
        (&[0.1, f64::NAN], 10, 10, 1.0),
        (&[0.1, -1.0, 0.1], 10, 10, 1.0),
        (&returns, 0, 10, 1.0),
        (&returns, 10, 0, 1.0),
        (&returns, 10, 10, 0.5),
        (&returns, 10, 10, 100.0),
    ] {
        assert!(depths(values, horizon, draws, block).is_err(), "{horizon}, {draws}, {block}");
    }
    let bounds = |returns: &[f64], levels: &[f64]| lundberg_bounds_of_series(returns, 2.0, levels);
    assert_eq!(bounds(&[0.01, 0.0, 0.02], &[0.5, 0.9]), Ok(vec![0.0, 0.0]), "no loss");
    assert_eq!(bounds(&[0.01, -0.02], &[0.5]), Ok(vec![1.0]), "no growth");
    assert!(bounds(&returns, &[1.0]).is_err() && bounds(&returns, &[0.0]).is_err());
    assert!(bounds(&[0.1, -1.0], &[0.5]).is_err());
    assert!(lundberg_bounds_of_series(&returns, f64::NAN, &[0.5]).is_err());
    assert_eq!(bounds(&returns, &[]), Ok(vec![]));
}
