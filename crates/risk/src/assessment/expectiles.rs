//! Expectiles of the sample and the tail measures that follow from them.

use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::error::Result;
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
