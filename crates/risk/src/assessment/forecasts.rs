//! Walk-forward forecasts of one series, tested and ranked.

use serde::Serialize;

use super::outcome::{outcome, reason};
use crate::error::{Result, RiskError};
use crate::forecast::{
    ComparedBy, ExcludedModel, ForecastEvaluation, ForecastSettings, RefitDiagnostics,
    RollingForecasts, Side, TailModel, evaluate, rolling_forecasts,
};

/// Forecasts of every model, each made from the returns before its own.
#[derive(Clone, Debug, Serialize)]
pub struct ForecastAssessment {
    /// Returns that each fit sees.
    pub window: usize,
    /// Periods from one fit to the next.
    pub refit_every: usize,
    /// Position of the first return that was forecast.
    pub first: Option<usize>,
    /// One row a model, side and tail probability.
    #[serde(serialize_with = "rows")]
    pub evaluations: Result<Vec<ForecastEvaluation>>,
    /// Models that gave no forecast, with their reasons.
    #[serde(serialize_with = "excluded")]
    pub excluded: Vec<ExcludedModel>,
    /// The forecasts themselves; `None` where there are none.
    #[serde(skip)]
    pub forecasts: Option<RollingForecasts>,
}

impl ForecastAssessment {
    pub(super) fn of(returns: &[f64], settings: &ForecastSettings) -> Self {
        let forecasts = rolling_forecasts(returns, settings);
        let evaluations =
            forecasts.clone().and_then(|forecasts| evaluate(returns, &forecasts, settings));
        let forecasts = forecasts.ok();
        Self {
            window: settings.window,
            refit_every: settings.refit_every,
            first: forecasts.as_ref().map(|forecasts| forecasts.first),
            evaluations,
            excluded: forecasts.as_ref().map(|f| f.excluded.clone()).unwrap_or_default(),
            forecasts,
        }
    }

    /// How the fits behind one row went.
    pub fn diagnostics(&self, row: &ForecastEvaluation) -> Option<RefitDiagnostics> {
        let series = &self.forecasts.as_ref()?.series;
        let found = series.iter().find(|series| {
            (series.model, series.side) == (row.model, row.side)
                && series.alpha.total_cmp(&row.alpha).is_eq()
        });
        found.map(|series| series.diagnostics)
    }

    /// The model of one side and tail probability to look at first: of those whose violations no
    /// test rejects, if there are any, the one with the lowest mean of the score that the
    /// confidence set compares ([`ForecastEvaluation::compared_score`]).
    pub fn best(&self, side: Side, alpha: f64) -> Option<&ForecastEvaluation> {
        let rows = self.evaluations.as_ref().ok()?;
        let score = ForecastEvaluation::compared_score;
        rows.iter()
            .filter(|row| row.side == side && row.alpha.total_cmp(&alpha).is_eq())
            .min_by(|a, b| b.holds.cmp(&a.holds).then(score(a).total_cmp(&score(b))))
    }
}

fn rows<S: serde::Serializer>(
    rows: &Result<Vec<ForecastEvaluation>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let rows = rows.as_ref().map_err(Clone::clone);
    outcome(&rows.map(|rows| rows.iter().map(Row::of).collect::<Vec<_>>()), serializer)
}

/// One row of the evaluation with its reasons.
#[derive(Serialize)]
struct Row {
    model: TailModel,
    side: Side,
    alpha: f64,
    n: usize,
    expected_violations: f64,
    violations: usize,
    #[serde(serialize_with = "outcome")]
    kupiec_p: Result<f64>,
    #[serde(serialize_with = "outcome")]
    christoffersen_p: Result<f64>,
    #[serde(serialize_with = "outcome")]
    dynamic_quantile_p: Result<f64>,
    #[serde(serialize_with = "outcome")]
    expectile_moment_p: Result<f64>,
    #[serde(serialize_with = "outcome")]
    shortfall_p: Result<f64>,
    quantile_score: f64,
    #[serde(serialize_with = "outcome")]
    fz0_score: Result<f64>,
    expectile_score: f64,
    #[serde(serialize_with = "outcome")]
    mcs_p: Result<f64>,
    mcs_compared_by: ComparedBy,
    holds: bool,
}

impl Row {
    fn of(row: &ForecastEvaluation) -> Self {
        Self {
            model: row.model,
            side: row.side,
            alpha: row.alpha,
            n: row.n,
            expected_violations: row.expected_violations,
            violations: row.violations,
            kupiec_p: row.kupiec_p.clone(),
            christoffersen_p: row.christoffersen_p.clone(),
            dynamic_quantile_p: row.dynamic_quantile_p.clone(),
            expectile_moment_p: row.expectile_moment_p.clone(),
            shortfall_p: row.shortfall_p.clone(),
            quantile_score: row.quantile_score,
            fz0_score: row.fz0_score.clone(),
            expectile_score: row.expectile_score,
            mcs_p: row.mcs_p.clone(),
            mcs_compared_by: row.mcs_compared_by,
            holds: row.holds,
        }
    }
}

fn excluded<S: serde::Serializer>(
    models: &[ExcludedModel],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Excluded<'a> {
        model: TailModel,
        #[serde(serialize_with = "reason")]
        reason: &'a RiskError,
    }
    serializer
        .collect_seq(models.iter().map(|one| Excluded { model: one.model, reason: &one.error }))
}
