//! Tests of risk forecasts: coverage, scores, moments and the comparison of two forecasts.
//!
//! `input` names several columns of one file, `file:r,quantile,..`: the returns, then the
//! forecasts on their side.

use plimsoll_risk::forecast_test::coverage::{Coverage, kupiec, nonrejection_region};
use plimsoll_risk::forecast_test::diebold_mariano::{diebold_mariano, diebold_mariano_newey_west};
use plimsoll_risk::forecast_test::dynamic_quantile::{
    DynamicQuantileSettings, DynamicQuantileTest,
};
use plimsoll_risk::forecast_test::expectile_moment::ExpectileMomentTest;
use plimsoll_risk::forecast_test::independence::Christoffersen;
use plimsoll_risk::forecast_test::score::{fz0, pinball};
use plimsoll_risk::forecast_test::{chi_squared_quantile, violations};
use plimsoll_risk::moments::mean;
use serde_json::json;

use crate::question::{Answer, Failure, Question, object, or_null};

/// Degrees of freedom of a table of quantiles.
const DEGREES_OF_FREEDOM_MAX: usize = 30;

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.metric {
        "kupiec_pof" | "christoffersen" | "var_backtest" => of_violations(question),
        "dynamic_quantile" => {
            let [returns, quantiles] = columns(question)?;
            let lags = question.optional_count("lags")?.unwrap_or(4);
            let settings = DynamicQuantileSettings { lags, squared_return: false };
            let alpha = question.parameter(&["alpha"])?;
            let test = DynamicQuantileTest::of(&returns, &quantiles, alpha, settings)?.test;
            Ok(json!({
                "stat": test.statistic,
                "df": test.degrees_of_freedom,
                "p": test.p_value,
            }))
        }
        "quantile_loss_mean" => {
            let [returns, quantiles] = columns(question)?;
            let alpha = question.parameter(&["alpha", "tau"])?;
            Ok(json!(mean(&pinball(&returns, &quantiles, alpha)?)?))
        }
        "fz0" => {
            let [returns, quantiles, shortfalls] = columns(question)?;
            let alpha = question.parameter(&["alpha"])?;
            let scores = fz0(&returns, &quantiles, &shortfalls, alpha)?;
            Ok(json!({"mean": mean(&scores)?, "first3": scores[..scores.len().min(3)]}))
        }
        "diebold_mariano" | "diebold_mariano_newey_west" => of_two_forecasts(question),
        "expectile_moment_test" => {
            let [returns] = columns(question)?;
            let expectiles = vec![question.number("e")?; returns.len()];
            let test =
                ExpectileMomentTest::of(&returns, &expectiles, question.parameter(&["tau"])?, 0)?;
            Ok(json!({"mean": test.mean, "t_hac0": test.t.statistic, "p": test.t.p_value}))
        }
        "kupiec_nonrejection_region" => {
            let confidence = question.number_or("confidence", 0.95)?;
            let alpha = question.parameter(&["p", "alpha"])?;
            let (low, high) = nonrejection_region(question.count("n")?, alpha, confidence)?;
            Ok(json!([low, high]))
        }
        "chi2_quantile" => {
            let probability = question.parameter(&["q", "p"])?;
            let quantile = |df| (format!("df{df}"), or_null(chi_squared_quantile(probability, df)));
            Ok(object((1..=DEGREES_OF_FREEDOM_MAX).map(quantile)))
        }
        _ => Err(Failure::UnknownMetric),
    }
}

fn of_violations(question: &Question<'_>) -> Answer {
    let [returns, quantiles] = columns(question)?;
    let alpha = question.parameter(&["alpha"])?;
    let hits = violations(&returns, &quantiles)?;
    let coverage = Coverage::of(&hits, alpha)?;
    if question.metric == "kupiec_pof" {
        let (n, x, test) = (coverage.n, coverage.violations, coverage.likelihood_ratio);
        return Ok(json!({"n": n, "x": x, "lr": test.statistic, "p": test.p_value}));
    }
    let test = Christoffersen::of(&hits, alpha)?;
    if question.metric == "christoffersen" {
        return Ok(json!({
            "n00": test.transitions.n00,
            "n01": test.transitions.n01,
            "n10": test.transitions.n10,
            "n11": test.transitions.n11,
            "lr_ind": test.independence.statistic,
            "p_ind": test.independence.p_value,
            "lr_cc": test.conditional.statistic,
            "p_cc": test.conditional.p_value,
        }));
    }
    let settings = DynamicQuantileSettings { squared_return: true, ..Default::default() };
    let dynamic = DynamicQuantileTest::of(&returns, &quantiles, alpha, settings)?.test;
    Ok(json!({
        "x": coverage.violations,
        "AE": coverage.actual_over_expected,
        "lr_uc": test.unconditional.statistic,
        "p_uc": test.unconditional.p_value,
        "lr_cc": test.conditional.statistic,
        "p_cc": test.conditional.p_value,
        "dq_stat": dynamic.statistic,
        "dq_p": dynamic.p_value,
        "dq_regressors": dynamic.degrees_of_freedom,
        "quantile_loss": mean(&pinball(&returns, &quantiles, alpha)?)?,
    }))
}

fn of_two_forecasts(question: &Question<'_>) -> Answer {
    let [returns, first, second] = columns(question)?;
    let alpha = question.parameter(&["alpha"])?;
    let (first, second) = (pinball(&returns, &first, alpha)?, pinball(&returns, &second, alpha)?);
    if question.metric == "diebold_mariano" {
        let horizon = question.optional_count("h")?.unwrap_or(1);
        let test = diebold_mariano(&first, &second, horizon)?;
        let (mean, stat, p) = (test.mean_difference, test.test.statistic, test.test.p_value);
        return Ok(json!({"mean": mean, "stat": stat, "p": p}));
    }
    let test = diebold_mariano_newey_west(&first, &second, question.count("lags")?)?;
    let (mean, stat, p) = (test.mean_difference, test.test.statistic, test.test.p_value);
    Ok(json!({"mean": mean, "stat": stat, "p_normal": p}))
}

/// The published example of both tests of a count of failures.
pub(super) fn failures_of_bank(question: &Question<'_>) -> Answer {
    let (n, failures) = (question.count("observations")?, question.count("failures")?);
    let alpha = 1.0 - question.number("level")?;
    let coverage = Coverage::of_count(failures, n, alpha)?;
    let likelihood_ratio = kupiec(failures, n, alpha)?;
    Ok(json!({
        "lr_pof": likelihood_ratio.statistic,
        "p_pof": likelihood_ratio.p_value,
        "z_bin": coverage.binomial_z.statistic,
        "p_bin_two_sided": coverage.binomial_z.p_value,
        "observed_level": 1.0 - failures as f64 / n as f64,
        "expected": coverage.expected,
    }))
}

/// The columns that `input` names, as many as the metric needs.
fn columns<const N: usize>(question: &Question<'_>) -> Result<[Vec<f64>; N], Failure> {
    let names = question.input.split_once(':').map_or("r", |(_, names)| names);
    let columns = names.split(',').map(|name| question.sibling(name.trim()));
    let columns = columns.collect::<Result<Vec<Vec<f64>>, Failure>>()?;
    let found = columns.len();
    columns
        .try_into()
        .map_err(|_| Failure::Input(format!("`input` names {found} columns, the metric needs {N}")))
}
