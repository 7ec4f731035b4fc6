//! Volatility models of the latest returns, each with its forecast for the next period.

use rayon::prelude::*;
use serde::Serialize;

use super::outcome::outcome;
use super::{Assessment, AssessmentSettings};
use crate::check::undefined;
use crate::error::Result;
use crate::forecast::Side;
use crate::garch::{
    Boundary, Exposure, GarchFit, GarchParameters, GarchSpec, InnovationFamily, ParameterError,
    StandardErrors, Volatility, filtered_historical_tail,
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
    /// Their standard errors. Under serde a parameter without them says why.
    #[serde(serialize_with = "standard_errors")]
    pub standard_errors: Result<StandardErrors>,
    /// How much of a shock to the variance is left after a period.
    #[serde(serialize_with = "outcome")]
    pub persistence: Result<f64>,
    /// Log-likelihood at the optimum; not comparable where a fit cannot be ranked.
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

impl VolatilityFit {
    /// Whether the fit can be ranked: it converged, and neither `omega` nor a shape is at a limit.
    ///
    /// With many equal returns the likelihood grows without bound towards such a limit, where the
    /// density becomes a spike; criteria then say nothing. A shape at its harmless limit is the
    /// normal distribution, which has a row of its own.
    pub fn can_be_ranked(&self) -> bool {
        let is_limit = |boundary: &Boundary| {
            matches!(boundary, Boundary::Omega | Boundary::FirstShape | Boundary::SecondShape)
        };
        self.converged && !self.boundaries.iter().any(is_limit)
    }
}

impl Assessment {
    /// The volatility model with the lowest criterion of Schwarz among those that can be ranked
    /// ([`VolatilityFit::can_be_ranked`]).
    ///
    /// # Errors
    /// The reason of the first failed fit where every model failed, or that none can be ranked.
    pub fn best_volatility(&self) -> Result<(&VolatilityMeasure, &VolatilityFit)> {
        best(&self.volatility)
    }
}

pub(super) fn best(measures: &[VolatilityMeasure]) -> Result<(&VolatilityMeasure, &VolatilityFit)> {
    let fits = || measures.iter().filter_map(|row| Some((row, row.fit.as_ref().ok()?)));
    let ranked = fits().filter(|(_, fit)| fit.can_be_ranked());
    ranked.min_by(|(_, a), (_, b)| a.bic.total_cmp(&b.bic)).ok_or_else(|| {
        let failed = measures.iter().find_map(|row| row.fit.as_ref().err());
        let reason = "every fit is unconverged or has omega or a shape at a limit";
        match failed {
            Some(error) if fits().next().is_none() => error.clone(),
            _ => undefined("best_volatility", reason),
        }
    })
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

/// As [`outcome`], with a reason beside the errors of a parameter that has none.
fn standard_errors<S: serde::Serializer>(
    errors: &Result<StandardErrors>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Rows {
        parameters: Vec<Row>,
    }
    #[derive(Serialize)]
    struct Row {
        #[serde(flatten)]
        error: ParameterError,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    }
    let row = |error: &ParameterError| {
        Row {
        error: *error,
        reason: (error.from_hessian.is_none() || error.robust.is_none())
            .then_some("the parameter, or another one of the shape, is on a bound, where no standard error holds"),
    }
    };
    let rows = errors.as_ref().map_err(Clone::clone);
    let rows = rows.map(|errors| Rows { parameters: errors.parameters.iter().map(row).collect() });
    outcome(&rows, serializer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn returns() -> Vec<f64> {
        (0..400_u64).map(|t| ((t * t * 37 + t * 11) % 101) as f64 / 1000.0 - 0.05).collect()
    }

    fn row(innovation: InnovationFamily) -> VolatilityMeasure {
        let spec = GarchSpec::new(Volatility::Symmetric, innovation);
        let fit = fit(&returns(), spec, &AssessmentSettings::default());
        VolatilityMeasure { volatility: "garch", innovation: "any", n: 400, fit }
    }

    #[test]
    fn a_fit_at_a_limit_is_not_the_best() {
        let plain = row(InnovationFamily::Normal);
        let mut spike = plain.clone();
        let fit = spike.fit.as_mut().unwrap();
        (fit.converged, fit.bic) = (true, -1e9);
        fit.boundaries = vec![Boundary::FirstShape];
        let mut sound = plain;
        let fit = sound.fit.as_mut().unwrap();
        fit.converged = true;
        fit.boundaries = vec![Boundary::Alpha];
        let rows = [spike, sound];
        let (best_row, _) = best(&rows).unwrap();
        assert!(std::ptr::eq(best_row, &raw const rows[1]));
        let reason = best(&rows[..1]).unwrap_err().to_string();
        assert!(reason.contains("at a limit"), "{reason}");
    }

    #[test]
    fn a_failed_fit_says_why() {
        let spec = GarchSpec::new(Volatility::Symmetric, InnovationFamily::Normal);
        let fit = fit(&[0.0; 10], spec, &AssessmentSettings::default());
        let row = VolatilityMeasure { volatility: "garch", innovation: "normal", n: 10, fit };
        assert_eq!(best(std::slice::from_ref(&row)).unwrap_err(), *row.fit.as_ref().unwrap_err());
    }

    #[test]
    fn a_parameter_without_a_standard_error_has_its_reason() {
        #[derive(Serialize)]
        struct One(#[serde(serialize_with = "standard_errors")] Result<StandardErrors>);
        let error = |name, from_hessian| ParameterError {
            name,
            estimate: 0.5,
            from_hessian,
            robust: from_hessian,
        };
        let errors =
            StandardErrors { parameters: vec![error("mu", Some(0.1)), error("beta", None)] };
        let json = serde_json::to_value(One(Ok(errors))).unwrap();
        let rows = &json["value"]["parameters"];
        assert!(rows[0].get("reason").is_none() && rows[0]["robust"] == 0.1, "{json}");
        assert!(rows[1]["reason"].is_string() && rows[1]["robust"].is_null(), "{json}");
    }
}
