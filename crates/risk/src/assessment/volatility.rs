//! Volatility models of the latest returns, each with its forecast for the next period.

use rayon::prelude::*;
use serde::Serialize;

use super::AssessmentSettings;
use super::outcome::outcome;
use crate::error::Result;
use crate::forecast::Side;
use crate::garch::{
    Boundary, Exposure, GarchFit, GarchParameters, GarchSpec, InnovationFamily, StandardErrors,
    Volatility, filtered_historical_tail,
};

/// Recursions and innovations that are fitted, in the order of tables.
const RECURSIONS: [(Volatility, &str); 2] =
    [(Volatility::Symmetric, "garch"), (Volatility::Gjr, "gjr_garch")];
const INNOVATIONS: [(InnovationFamily, &str); 5] = [
    (InnovationFamily::Normal, "normal"),
    (InnovationFamily::StudentT, "student_t"),
    (InnovationFamily::SkewT, "skew_t"),
    (InnovationFamily::NormalInverseGaussian, "normal_inverse_gaussian"),
    (InnovationFamily::VarianceGamma, "variance_gamma"),
];

/// One model fitted by maximum likelihood.
#[derive(Clone, Debug, Serialize)]
pub struct VolatilityMeasure {
    /// `garch` or `gjr_garch`.
    pub volatility: &'static str,
    /// The innovations' distribution.
    pub innovation: &'static str,
    /// Returns it was fitted to: the latest.
    pub n: usize,
    /// What came out.
    #[serde(serialize_with = "outcome")]
    pub fit: Result<VolatilityFit>,
}

/// A fitted volatility model and how the fit went.
#[derive(Clone, Debug, Serialize)]
pub struct VolatilityFit {
    /// Estimates, in the unit of the returns.
    pub parameters: GarchParameters,
    /// Their standard errors.
    #[serde(serialize_with = "outcome")]
    pub standard_errors: Result<StandardErrors>,
    /// How much of a shock to the variance is left after a period.
    #[serde(serialize_with = "outcome")]
    pub persistence: Result<f64>,
    /// Log-likelihood at the optimum.
    pub log_likelihood: f64,
    /// Akaike's criterion, the lower the better.
    pub aic: f64,
    /// Schwarz's criterion, the lower the better.
    pub bic: f64,
    /// Whether the search ended at an optimum.
    pub converged: bool,
    /// Norm of the gradient there.
    pub gradient_norm: f64,
    /// Starts of the search.
    pub starts: usize,
    /// Bounds that the optimum lies on.
    pub boundaries: Vec<Boundary>,
    /// Forecast of the next period's standard deviation.
    pub sigma_next: f64,
    /// Forecasts of the next period's tails.
    pub next: Vec<NextTail>,
    /// The fit itself, for plots.
    #[serde(skip)]
    pub(crate) garch: GarchFit,
}

/// The tail of the next period. Losses are positive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTail {
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// Value at risk by the fitted distribution.
    #[serde(serialize_with = "outcome")]
    pub value_at_risk: Result<f64>,
    /// Expected shortfall by the fitted distribution.
    #[serde(serialize_with = "outcome")]
    pub expected_shortfall: Result<f64>,
    /// Value at risk by the residuals as they were (filtered historical simulation).
    #[serde(serialize_with = "outcome")]
    pub filtered_value_at_risk: Result<f64>,
    /// Expected shortfall likewise.
    #[serde(serialize_with = "outcome")]
    pub filtered_expected_shortfall: Result<f64>,
}

impl VolatilityMeasure {
    /// The name of both parts, such as `gjr_garch skew_t`.
    pub fn name(&self) -> String {
        format!("{} {}", self.volatility, self.innovation)
    }
}

pub(super) fn measures(latest: &[f64], settings: &AssessmentSettings) -> Vec<VolatilityMeasure> {
    let specs: Vec<_> = RECURSIONS
        .into_iter()
        .flat_map(|recursion| INNOVATIONS.map(|innovation| (recursion, innovation)))
        .collect();
    // Collected in order: the same at any number of threads.
    specs
        .into_par_iter()
        .map(|((volatility, volatility_name), (innovation, innovation_name))| VolatilityMeasure {
            volatility: volatility_name,
            innovation: innovation_name,
            n: latest.len(),
            fit: fit(latest, GarchSpec::new(volatility, innovation), settings),
        })
        .collect()
}

/// The converged fit with the lowest criterion of Schwarz.
pub(super) fn best(measures: &[VolatilityMeasure]) -> Option<(&VolatilityMeasure, &VolatilityFit)> {
    measures
        .iter()
        .filter_map(|measure| Some((measure, measure.fit.as_ref().ok()?)))
        .filter(|(_, fit)| fit.converged)
        .min_by(|(_, a), (_, b)| a.bic.total_cmp(&b.bic))
}

fn fit(latest: &[f64], spec: GarchSpec, settings: &AssessmentSettings) -> Result<VolatilityFit> {
    let garch = GarchFit::of(latest, spec)?;
    let forecast = garch.forecast();
    let mut next = Vec::new();
    for (side, exposure) in [(Side::Lower, Exposure::Long), (Side::Upper, Exposure::Short)] {
        for &alpha in &settings.alphas {
            let filtered = filtered_historical_tail(&garch, alpha, exposure);
            next.push(NextTail {
                side,
                alpha,
                value_at_risk: forecast.value_at_risk(alpha, exposure),
                expected_shortfall: forecast.expected_shortfall(alpha, exposure),
                filtered_value_at_risk: filtered.clone().map(|tail| tail.value_at_risk),
                filtered_expected_shortfall: filtered.map(|tail| tail.expected_shortfall),
            });
        }
    }
    Ok(VolatilityFit {
        parameters: garch.parameters()?,
        standard_errors: garch.standard_errors(),
        persistence: garch.persistence(),
        log_likelihood: garch.log_likelihood,
        aic: garch.aic(),
        bic: garch.bic(),
        converged: garch.converged,
        gradient_norm: garch.gradient_norm,
        starts: garch.starts,
        boundaries: garch.boundaries.clone(),
        sigma_next: garch.sigma_next(),
        next,
        garch,
    })
}
