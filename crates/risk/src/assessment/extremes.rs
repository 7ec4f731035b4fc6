//! Generalised Pareto fits over a run of thresholds: an estimate that can be believed moves little
//! between them.

use serde::Serialize;

use super::outcome::outcome;
use super::{AssessmentSettings, sides};
use crate::error::Result;
use crate::forecast::Side;
use crate::tail::threshold::{ThresholdFit, threshold_stability};

/// Shares of the sample above the threshold.
const SHARES: [f64; 7] = [0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2];

/// The tail above one threshold. Losses are positive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdMeasure {
    /// Whose losses.
    pub side: Side,
    /// Share of the sample that was asked to lie above the threshold.
    pub share: f64,
    /// The fit with its tail measures at [`ThresholdMeasure::alpha`].
    #[serde(serialize_with = "outcome")]
    pub fit: Result<ThresholdFit>,
    /// Smallest of the tail probabilities asked for, 1 % where none was.
    pub alpha: f64,
}

pub(super) fn measures(
    returns: &[f64],
    short: &[f64],
    settings: &AssessmentSettings,
) -> Vec<ThresholdMeasure> {
    let alpha = settings.alphas.iter().copied().min_by(f64::total_cmp).unwrap_or(0.01);
    let mut rows = Vec::new();
    // The losses of one side are the gains of the other.
    for ((side, _), (_, losses)) in sides(returns, short).into_iter().zip(sides(short, returns)) {
        let counts = SHARES.map(|share| (share * losses.len() as f64) as usize);
        let fits = threshold_stability(losses, &counts, alpha);
        for (at, share) in SHARES.into_iter().enumerate() {
            let fit = fits.clone().and_then(|mut fits| fits.swap_remove(at));
            rows.push(ThresholdMeasure { side, share, fit, alpha });
        }
    }
    rows
}
