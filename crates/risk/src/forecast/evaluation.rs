//! Violations, tests and scores of forecasts.

use rayon::prelude::*;
use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::compare::Resampling;
use crate::compare::model_confidence_set::{McsStatistic, ModelConfidenceSet};
use crate::error::{Result, RiskError};
use crate::forecast_test::coverage::kupiec;
use crate::forecast_test::dynamic_quantile::{DynamicQuantileSettings, DynamicQuantileTest};
use crate::forecast_test::expectile_moment::ExpectileMomentTest;
use crate::forecast_test::independence::{Christoffersen, monte_carlo};
use crate::forecast_test::score::{asymmetric_squared, fz0, pinball};
use crate::forecast_test::shortfall::ExceedanceResidualTest;
use crate::forecast_test::{newey_west_lags, violations};
use crate::moments::sum;
use crate::resample::block_length::politis_white;

use super::model::{Side, TailModel};
use super::rolling::{ForecastSeries, ForecastSettings, RollingForecasts};

/// Level of the tests that decide whether a model holds.
const LEVEL: f64 = 0.05;
/// Violations from which the chi-squared distribution is taken for conditional coverage.
const ASYMPTOTIC_FROM: usize = 5;
/// Draws of its distribution below that.
const COVERAGE_DRAWS: usize = 9_999;
/// Expected violations from which it is taken for the dynamic quantile statistic.
const DYNAMIC_ASYMPTOTIC_FROM: f64 = 20.0;
/// Draws of its distribution below that.
const DYNAMIC_DRAWS: usize = 999;

/// What the models of a confidence set are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedBy {
    /// The FZ0 score of value at risk and expected shortfall.
    Fz0,
    /// The pinball score of the value at risk: where the FZ0 score of a model is undefined, as for
    /// a forecast of no loss.
    Quantile,
}

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
    /// Conditional coverage of Christoffersen: their number, and whether one follows another. With
    /// fewer than five violations the p-value is drawn (Dufour 2006), not that of the chi-squared
    /// distribution.
    pub christoffersen_p: Result<f64>,
    /// Dynamic quantile test of Engle & Manganelli, four lags: can they be foretold? With fewer than
    /// twenty violations promised the p-value is drawn.
    pub dynamic_quantile_p: Result<f64>,
    /// Is the moment that defines the expectile zero on average? Newey-West variance and the normal
    /// distribution, which rejects a right forecast too often where `tau n` is small: at the level
    /// 5 % and `tau` 1 % of heavy-tailed returns, in 19 % of cases at 230 forecasts, 11.5 % at 730,
    /// 5.4 % at 6,000.
    pub expectile_moment_p: Result<f64>,
    /// Are losses beyond the value at risk larger than the expected shortfall says? Exceedance
    /// residuals of McNeil & Frey as shares of the expected shortfall, one-sided, by bootstrap. Slow
    /// to reject with few violations.
    pub shortfall_p: Result<f64>,
    /// Pinball score of the value at risk.
    pub quantile_score: f64,
    /// FZ0 score of value at risk and expected shortfall together (Patton, Ziegel & Chen 2019).
    pub fz0_score: Result<f64>,
    /// Asymmetric squared score of the expectile.
    pub expectile_score: f64,
    /// p-value in the model confidence set over the models of this side and tail probability.
    pub mcs_p: Result<f64>,
    /// What that set compares the models by, the same for all of them.
    pub mcs_compared_by: ComparedBy,
    /// None of Kupiec's, Christoffersen's and the dynamic quantile test rejects at 5 %; one that is
    /// undefined does not.
    ///
    /// With few violations a wrong model holds as well. And a right one may not, each test being
    /// at 5 %: of 730 right forecasts the three together reject one series in thirteen at an
    /// `alpha` of 1 %, one in ten at 5 %.
    pub holds: bool,
}

impl ForecastEvaluation {
    /// Mean of the score that the confidence set compares the models by, the lower the better:
    /// what models of one side and tail probability are ranked by.
    pub fn compared_score(&self) -> f64 {
        match (&self.fz0_score, self.mcs_compared_by) {
            (Ok(joint), ComparedBy::Fz0) => *joint,
            _ => self.quantile_score,
        }
    }
}

/// Tests and ranks forecasts against the returns that they were made for.
///
/// One row for each series of the forecasts, in their order. The model confidence set is that of
/// Hansen, Lunde & Nason (2011) by the range statistic, with [`ForecastSettings::draws`] draws of
/// the stationary bootstrap; its blocks have the longest length that Politis & White's rule finds
/// among the columns of losses.
///
/// # Errors
/// Settings out of range, a return or forecast that is not finite, as many forecasts as there
/// are not returns, or a score beyond the range of a double.
pub fn evaluate(
    returns: &[f64],
    forecasts: &RollingForecasts,
    settings: &ForecastSettings,
) -> Result<Vec<ForecastEvaluation>> {
    settings.check()?;
    check::series(returns, forecasts.first.saturating_add(1))?;
    let realised = &returns[forecasts.first..];
    let evaluated: Vec<Result<Evaluated>> = (forecasts.series.par_iter().enumerate())
        .map(|(index, series)| evaluate_series(realised, series, index, settings))
        .collect();
    let mut evaluated = evaluated.into_iter().collect::<Result<Vec<Evaluated>>>()?;
    for group in groups(&forecasts.series) {
        compare(&mut evaluated, &group, settings);
    }
    Ok(evaluated.into_iter().map(|evaluated| evaluated.row).collect())
}

/// Positions of the series of one side and tail probability, for each of them.
fn groups(series: &[ForecastSeries]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, one) in series.iter().enumerate() {
        let alike = |other: &ForecastSeries| {
            other.side == one.side && (other.alpha - one.alpha).abs() <= 0.0
        };
        match groups.iter_mut().find(|group| alike(&series[group[0]])) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// A row, and the losses of each forecast that models are compared by.
struct Evaluated {
    row: ForecastEvaluation,
    quantile_losses: Vec<f64>,
    fz0_losses: Option<Vec<f64>>,
}

fn evaluate_series(
    realised: &[f64],
    series: &ForecastSeries,
    index: usize,
    settings: &ForecastSettings,
) -> Result<Evaluated> {
    let n = realised.len();
    for (name, values) in [
        ("value_at_risk", &series.value_at_risk),
        ("expected_shortfall", &series.expected_shortfall),
        ("expectile", &series.expectile),
    ] {
        if values.len() != n {
            let length = values.len();
            return Err(RiskError::LengthMismatch { name, index, length, expected: n });
        }
        check::finite(values)?;
    }
    let alpha = series.alpha;
    let gains: Vec<f64> = realised.iter().map(|r| series.side.sign() * r).collect();
    let quantiles: Vec<f64> = series.value_at_risk.iter().map(|var| -var).collect();
    let hits = violations(&gains, &quantiles)?;
    let count = hits.iter().filter(|hit| **hit).count();

    let quantile_losses = pinball(&gains, &quantiles, alpha)?;
    let expectile_losses = asymmetric_squared(&gains, &series.expectile, alpha)?;
    let shortfalls: Vec<f64> = series.expected_shortfall.iter().map(|es| -es).collect();
    let fz0_losses = fz0(&gains, &quantiles, &shortfalls, alpha);
    let mean = |losses: &[f64]| sum(losses.iter().map(|loss| loss / n as f64));

    let kupiec_p = kupiec(count, n, alpha).map(|test| test.p_value);
    let christoffersen_p = if count < ASYMPTOTIC_FROM {
        monte_carlo(&hits, alpha, COVERAGE_DRAWS, settings.seed)
            .map(|test| test.conditional.p_value)
    } else {
        Christoffersen::of(&hits, alpha).map(|test| test.conditional.p_value)
    };
    let dynamic = DynamicQuantileSettings::default();
    let dynamic_quantile_p = if alpha * (n as f64) < DYNAMIC_ASYMPTOTIC_FROM {
        let (draws, seed) = (DYNAMIC_DRAWS, settings.seed);
        DynamicQuantileTest::monte_carlo(&gains, &quantiles, alpha, dynamic, draws, seed)
            .map(|drawn| drawn.p_value)
    } else {
        DynamicQuantileTest::of(&gains, &quantiles, alpha, dynamic)
            .map(|dynamic| dynamic.test.p_value)
    };
    let keeps = |p_value: &Result<f64>| p_value.as_ref().map_or(true, |p| *p >= LEVEL);
    let holds = [&kupiec_p, &christoffersen_p, &dynamic_quantile_p].into_iter().all(keeps);
    let row = ForecastEvaluation {
        model: series.model,
        side: series.side,
        alpha,
        n,
        expected_violations: alpha * n as f64,
        violations: count,
        holds,
        kupiec_p,
        christoffersen_p,
        dynamic_quantile_p,
        expectile_moment_p: expectile_moment(&gains, &series.expectile, alpha),
        shortfall_p: shortfall_p(&gains, &quantiles, &shortfalls, settings),
        quantile_score: defined("quantile_score", mean(&quantile_losses))?,
        fz0_score: fz0_losses.as_ref().map(|losses| mean(losses)).map_err(RiskError::clone),
        expectile_score: defined("expectile_score", mean(&expectile_losses))?,
        mcs_p: Err(undefined("mcs", "the models were not compared")),
        mcs_compared_by: ComparedBy::Quantile,
    };
    Ok(Evaluated { row, quantile_losses, fz0_losses: fz0_losses.ok() })
}

fn expectile_moment(gains: &[f64], expectiles: &[f64], tau: f64) -> Result<f64> {
    let lags = newey_west_lags(gains.len());
    Ok(ExpectileMomentTest::of(gains, expectiles, tau, lags)?.t.p_value)
}

/// The residuals as shares of the expected shortfall, which moves with the volatility; in units of
/// the returns where it is not a loss throughout.
fn shortfall_p(
    gains: &[f64],
    quantiles: &[f64],
    shortfalls: &[f64],
    settings: &ForecastSettings,
) -> Result<f64> {
    let sizes: Vec<f64> = shortfalls.iter().map(|shortfall| -shortfall).collect();
    let relative = sizes.iter().all(|size| *size > 0.0).then_some(sizes.as_slice());
    let draws = usize::try_from(settings.draws).unwrap_or(usize::MAX);
    let test =
        ExceedanceResidualTest::of(gains, quantiles, shortfalls, relative, draws, settings.seed)?;
    Ok(test.p_value)
}

/// Sets the p-values in the model confidence set of the rows of one side and tail probability.
fn compare(evaluated: &mut [Evaluated], group: &[usize], settings: &ForecastSettings) {
    let fz0: Option<Vec<&[f64]>> =
        group.iter().map(|index| evaluated[*index].fz0_losses.as_deref()).collect();
    let (compared_by, losses) = match fz0 {
        Some(losses) => (ComparedBy::Fz0, losses),
        None => (
            ComparedBy::Quantile,
            group.iter().map(|index| evaluated[*index].quantile_losses.as_slice()).collect(),
        ),
    };
    // A column that does not vary, or is too short, has no block length of its own.
    let lengths = losses.iter().filter_map(|column| politis_white(column).ok());
    let mean_block = lengths.map(|length| length.stationary).fold(1.0, f64::max);
    let resampling = Resampling { mean_block, draws: settings.draws, seed: settings.seed };
    let set = ModelConfidenceSet::of(&losses, McsStatistic::Range, &resampling);
    for (position, index) in group.iter().enumerate() {
        let row = &mut evaluated[*index].row;
        row.mcs_compared_by = compared_by;
        row.mcs_p = set.as_ref().map(|set| set.p_values[position]).map_err(RiskError::clone);
    }
}
