//! Expectiles of the sample and the tail measures that follow from them.

use rayon::prelude::*;
use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::error::Result;
use crate::expectile::care::CareModel;
use crate::expectile::care_fit::CareSettings;
use crate::expectile::care_tail::CareTail;
use crate::expectile::sample::{expectile, expectile_es, expectile_tau_for_quantile};
use crate::forecast::Side;

/// Expectiles at one side and tail probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectileMeasure {
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// Expectile at level `alpha` as a positive loss: the capital at which expected gains are
    /// `(1 - alpha) / alpha` times expected losses.
    #[serde(serialize_with = "outcome")]
    pub expectile_value_at_risk: Result<f64>,
    /// Level whose expectile is the quantile at `alpha`.
    #[serde(serialize_with = "outcome")]
    pub tau_of_quantile: Result<f64>,
    /// Expected shortfall at `alpha` from that expectile (Taylor 2008).
    #[serde(serialize_with = "outcome")]
    pub expected_shortfall: Result<f64>,
}

/// Models of conditional autoregressive expectiles, in the order of tables.
const CARE_MODELS: [(CareModel, &str); 3] = [
    (CareModel::SymmetricAbsoluteValue, "symmetric_absolute_value"),
    (CareModel::AsymmetricSlope, "asymmetric_slope"),
    (CareModel::KuanYehHsu, "kuan_yeh_hsu"),
];
/// Candidates and improvements of each search: a tenth of those of a fit that stands alone.
const CARE_CANDIDATES: usize = 1_000;
const CARE_POLISHED: usize = 5;

/// One model of an expectile that follows the returns, fitted to the latest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CareMeasure {
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// The model.
    pub model: &'static str,
    /// Returns it was fitted to.
    pub n: usize,
    /// What came out.
    #[serde(serialize_with = "outcome")]
    pub fit: Result<CareSummary>,
}

/// A fitted expectile model and how the fit went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CareSummary {
    /// Level of the expectile, matched so that a share alpha lies below.
    pub tau: f64,
    /// Names of the coefficients.
    pub coefficient_names: Vec<&'static str>,
    /// The coefficients, of the side's returns.
    pub coefficients: Vec<f64>,
    /// Share of the returns below their expectile.
    pub coverage_fraction: f64,
    /// Loss over that of the best constant: 1 where the past says nothing.
    pub loss_ratio: f64,
    /// Whether the search ended at an optimum.
    pub converged: bool,
    /// Whether the coefficient of the lag is at the edge of its range.
    pub at_boundary: bool,
    /// Starts that were improved, and how many of them agree with the best.
    pub starts: usize,
    /// See [`CareSummary::starts`].
    pub starts_agreeing: usize,
    /// Value at risk of the next period, a positive loss.
    pub value_at_risk_next: f64,
    /// Expected shortfall of the next period, a positive loss; undefined where the expectile is no
    /// loss.
    #[serde(serialize_with = "outcome")]
    pub expected_shortfall_next: Result<f64>,
}

pub(super) fn care_measures(
    latest: &[f64],
    latest_short: &[f64],
    settings: &AssessmentSettings,
) -> Vec<CareMeasure> {
    let mut cases = Vec::new();
    for (side, gains) in sides(latest, latest_short) {
        for &alpha in &settings.alphas {
            cases.extend(CARE_MODELS.map(|(model, name)| (side, gains, alpha, model, name)));
        }
    }
    let search = CareSettings {
        seed: settings.seed,
        candidates: CARE_CANDIDATES,
        polished: CARE_POLISHED,
        ..CareSettings::default()
    };
    // Collected in order: the same at any number of threads.
    cases
        .into_par_iter()
        .map(|(side, gains, alpha, model, name)| CareMeasure {
            side,
            alpha,
            model: name,
            n: gains.len(),
            fit: CareTail::of(gains, model, alpha, &search).map(|tail| summary(&tail)),
        })
        .collect()
}

fn summary(tail: &CareTail) -> CareSummary {
    let (care, next) = (&tail.fit.care, tail.next());
    CareSummary {
        tau: care.tau(),
        coefficient_names: care.model().coefficient_names().to_vec(),
        coefficients: care.coefficients().to_vec(),
        coverage_fraction: tail.fit.coverage_fraction,
        loss_ratio: tail.fit.loss_ratio,
        converged: tail.fit.diagnostics.converged,
        at_boundary: tail.fit.diagnostics.at_boundary,
        starts: tail.fit.diagnostics.starts,
        starts_agreeing: tail.fit.diagnostics.starts_agreeing,
        value_at_risk_next: next.value_at_risk,
        expected_shortfall_next: next.shortfall_of_loss(),
    }
}

pub(super) fn measures(
    returns: &[f64],
    short: &[f64],
    settings: &AssessmentSettings,
) -> Vec<ExpectileMeasure> {
    let mut rows = Vec::new();
    for (side, gains) in sides(returns, short) {
        for &alpha in &settings.alphas {
            rows.push(ExpectileMeasure {
                side,
                alpha,
                expectile_value_at_risk: expectile(gains, alpha).map(|value| -value),
                tau_of_quantile: expectile_tau_for_quantile(gains, alpha),
                expected_shortfall: expectile_es(gains, alpha),
            });
        }
    }
    rows
}
