//! Violations, tests and scores of forecasts.

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

use super::model::{Side, TailModel};
use super::rolling::{ForecastSeries, ForecastSettings, RollingForecasts};

/// How the forecasts of one model held for one side at one tail probability.
///
/// p-values are of the hypothesis that the forecast is right: a small one speaks against it.
/// Scores are means per forecast, the lower the better.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastEvaluation {
    /// The model.
    pub model: TailModel,
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// Forecasts.
    pub n: usize,
    /// `alpha n`.
    pub expected_violations: f64,
    /// Returns strictly beyond the value at risk.
    pub violations: usize,
    /// Are there too many or too few violations? Kupiec's likelihood ratio.
    pub kupiec_p: Result<f64>,
    /// Conditional coverage of Christoffersen: their number and whether they come in runs.
    pub christoffersen_p: Result<f64>,
    /// Dynamic quantile test of Engle & Manganelli, four lags: can they be foretold?
    pub dynamic_quantile_p: Result<f64>,
    /// Is the moment that defines the expectile zero on average?
    pub expectile_moment_p: Result<f64>,
    /// Are losses beyond the value at risk as large as the expected shortfall says? Exceedance
    /// residuals of McNeil & Frey.
    pub shortfall_p: Result<f64>,
    /// Pinball score of the value at risk.
    pub quantile_score: f64,
    /// FZ0 score of value at risk and expected shortfall together (Patton, Ziegel & Chen 2019).
    pub fz0_score: Result<f64>,
    /// Asymmetric squared score of the expectile.
    pub expectile_score: f64,
    /// p-value in the model confidence set over the models of this side and tail probability.
    pub mcs_p: Result<f64>,
    /// None of Kupiec's, Christoffersen's and the dynamic quantile test rejects at 5 %.
    pub holds: bool,
}

/// Tests and ranks forecasts against the returns that they were made for.
///
/// One row for each series of the forecasts, in their order.
///
/// # Errors
/// Settings out of range, a return or forecast that is not finite, or as many forecasts as there
/// are not returns.
pub fn evaluate(
    returns: &[f64],
    forecasts: &RollingForecasts,
    settings: &ForecastSettings,
) -> Result<Vec<ForecastEvaluation>> {
    settings.check()?;
    check::series(returns, forecasts.first.saturating_add(1))?;
    forecasts
        .series
        .iter()
        .enumerate()
        .map(|(index, series)| evaluate_series(&returns[forecasts.first..], series, index))
        .collect()
}

fn evaluate_series(
    realised: &[f64],
    series: &ForecastSeries,
    index: usize,
) -> Result<ForecastEvaluation> {
    let n = realised.len();
    for (name, values) in [
        ("value_at_risk", &series.value_at_risk),
        ("expected_shortfall", &series.expected_shortfall),
        ("expectile", &series.expectile),
    ] {
        if values.len() != n {
            return Err(RiskError::LengthMismatch {
                name,
                index,
                length: values.len(),
                expected: n,
            });
        }
        check::finite(values)?;
    }
    let gains: Vec<f64> = realised.iter().map(|r| series.side.sign() * r).collect();
    let quantiles: Vec<f64> = series.value_at_risk.iter().map(|var| -var).collect();
    let shortfalls: Vec<f64> = series.expected_shortfall.iter().map(|es| -es).collect();
    let alpha = series.alpha;
    let mean = |losses: Vec<f64>| sum(losses) / n as f64;
    let quantile_losses =
        losses(&gains, &quantiles, |r, q| (alpha - if r < q { 1.0 } else { 0.0 }) * (r - q));
    let expectile_losses = losses(&gains, &series.expectile, |r, e| {
        if r < e { (1.0 - alpha) * (r - e) * (r - e) } else { alpha * (r - e) * (r - e) }
    });
    let waiting = || Err(undefined("forecast test", "not available"));
    Ok(ForecastEvaluation {
        model: series.model,
        side: series.side,
        alpha,
        n,
        expected_violations: alpha * n as f64,
        violations: gains.iter().zip(&quantiles).filter(|(r, q)| r < q).count(),
        kupiec_p: waiting(),
        christoffersen_p: waiting(),
        dynamic_quantile_p: waiting(),
        expectile_moment_p: waiting(),
        shortfall_p: waiting(),
        quantile_score: defined("quantile_score", mean(quantile_losses))?,
        fz0_score: fz0(&gains, &quantiles, &shortfalls, alpha).map(mean),
        expectile_score: defined("expectile_score", mean(expectile_losses))?,
        mcs_p: waiting(),
        holds: false,
    })
}

fn losses(gains: &[f64], forecasts: &[f64], loss: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    gains.iter().zip(forecasts).map(|(r, forecast)| loss(*r, *forecast)).collect()
}

fn fz0(gains: &[f64], quantiles: &[f64], shortfalls: &[f64], alpha: f64) -> Result<Vec<f64>> {
    (gains.iter().zip(quantiles.iter().zip(shortfalls)))
        .map(|(&r, (&v, &e))| {
            if !(e <= v && v < 0.0) {
                return Err(undefined(
                    "fz0",
                    "it needs an expected shortfall of at least the value at risk, above 0",
                ));
            }
            let beyond = if r <= v { v - r } else { 0.0 };
            defined("fz0", -beyond / (alpha * e) + v / e + (-e).ln() - 1.0)
        })
        .collect()
}
