//! Generalised Pareto fits over a run of thresholds: an estimate that can be believed moves little
//! between them.

use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::error::Result;
use crate::forecast::Side;
use crate::tail::extreme_value::GpdFit;

/// Shares of the sample above the threshold.
const SHARES: [f64; 7] = [0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2];

/// The tail above one threshold. Losses are positive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdMeasure {
    /// Whose losses.
    pub side: Side,
    /// Share of the sample that was asked to lie above the threshold.
    pub share: f64,
    /// The fit.
    #[serde(serialize_with = "outcome")]
    pub fit: Result<GpdFit>,
    /// Smallest of the tail probabilities asked for; `None` where none was.
    pub alpha: Option<f64>,
    /// Value at risk at it.
    #[serde(serialize_with = "outcome")]
    pub value_at_risk: Result<f64>,
    /// Expected shortfall at it.
    #[serde(serialize_with = "outcome")]
    pub expected_shortfall: Result<f64>,
}

pub(super) fn measures(
    returns: &[f64],
    short: &[f64],
    settings: &AssessmentSettings,
) -> Vec<ThresholdMeasure> {
    let alpha = settings.alphas.iter().copied().min_by(f64::total_cmp);
    let level = alpha.unwrap_or(0.01);
    let mut rows = Vec::new();
    // The losses of one side are the gains of the other.
    for ((side, _), (_, losses)) in sides(returns, short).into_iter().zip(sides(short, returns)) {
        for share in SHARES {
            let fit = GpdFit::of_largest(losses, (share * losses.len() as f64) as usize);
            rows.push(ThresholdMeasure {
                side,
                share,
                alpha,
                value_at_risk: fit.clone().and_then(|fit| fit.value_at_risk(level)),
                expected_shortfall: fit.clone().and_then(|fit| fit.expected_shortfall(level)),
                fit,
            });
        }
    }
    rows
}
