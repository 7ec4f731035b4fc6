//! Value at risk and expected shortfall by every method that needs no model of time.

use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::error::Result;
use crate::forecast::Side;
use crate::summary::TailFits;
use crate::tail::extreme_value::GpdFit;
use crate::tail::student_t::StudentTFit;
use crate::tail::value_at_risk as var;

/// One method at one side and tail probability. Losses are positive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TailMeasure {
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// Name of the method.
    pub method: &'static str,
    /// Value at risk.
    #[serde(serialize_with = "outcome")]
    pub value_at_risk: Result<f64>,
    /// Expected shortfall.
    #[serde(serialize_with = "outcome")]
    pub expected_shortfall: Result<f64>,
    /// What must be known beside the numbers.
    pub note: Option<&'static str>,
}

/// Names of the methods, in the order of tables: order statistics with a quantile of type 7 and of
/// type 1, the normal distribution, its quantile bent by skewness and kurtosis, a Student-t
/// distribution, a generalised Pareto tail, and the bound of both measures by the exponential
/// moment.
const METHODS: [&str; 7] = [
    "historical",
    "historical_inverted_cdf",
    "gaussian",
    "cornish_fisher",
    "student_t",
    "gpd",
    "entropic",
];

pub(super) fn measures(
    returns: &[f64],
    short: &[f64],
    settings: &AssessmentSettings,
    fits: &TailFits,
) -> Vec<TailMeasure> {
    let mut rows = Vec::new();
    for (side, gains) in sides(returns, short) {
        let student_t = match side {
            Side::Lower => fits.student_t.clone(),
            // The likelihood is the same from both sides.
            Side::Upper => {
                fits.student_t.clone().map(|fit| StudentTFit { location: -fit.location, ..fit })
            }
        };
        let gpd = match side {
            Side::Lower => fits.gpd.clone(),
            Side::Upper => GpdFit::of_returns(gains),
        };
        for &alpha in &settings.alphas {
            rows.extend(
                METHODS.map(|method| measure(side, alpha, method, gains, &student_t, &gpd)),
            );
        }
    }
    rows
}

fn measure(
    side: Side,
    alpha: f64,
    method: &'static str,
    gains: &[f64],
    student_t: &Result<StudentTFit>,
    gpd: &Result<GpdFit>,
) -> TailMeasure {
    let sparse =
        (alpha * (gains.len() as f64) < 10.0).then_some("fewer than 10 observations in the tail");
    let (value_at_risk, expected_shortfall, note) = match method {
        "historical" => {
            (var::historical_var(gains, alpha), var::historical_es(gains, alpha), sparse)
        }
        "historical_inverted_cdf" => (
            var::historical_var_inverted_cdf(gains, alpha),
            var::historical_es(gains, alpha),
            sparse,
        ),
        "gaussian" => (var::gaussian_var(gains, alpha), var::gaussian_es(gains, alpha), None),
        "cornish_fisher" => {
            let expansion = var::cornish_fisher(gains, alpha);
            let outside = expansion.as_ref().is_ok_and(|expansion| !expansion.domain.valid);
            (
                expansion.clone().map(|expansion| expansion.value_at_risk),
                expansion.map(|expansion| expansion.expected_shortfall),
                outside.then_some("outside the domain of the expansion: do not use alone"),
            )
        }
        "student_t" => (
            student_t.clone().and_then(|fit| fit.value_at_risk(alpha)),
            student_t.clone().and_then(|fit| fit.expected_shortfall(alpha)),
            None,
        ),
        "gpd" => (
            gpd.clone().and_then(|fit| fit.value_at_risk(alpha)),
            gpd.clone().and_then(|fit| fit.expected_shortfall(alpha)),
            None,
        ),
        _ => {
            let bound = var::entropic_var(gains, alpha);
            (bound.clone(), bound, Some("an upper bound of both"))
        }
    };
    TailMeasure { side, alpha, method, value_at_risk, expected_shortfall, note }
}
