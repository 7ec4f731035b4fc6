//! Probabilities of drawdowns within a horizon, with both of their errors.

use serde::Serialize;

use super::AssessmentSettings;
use super::outcome::outcome;
use crate::error::{Result, RiskError};
use crate::resample::block_length::common_block_length;
use crate::ruin::paths::{DailyPath, RuinConfig, RuinEstimate, estimate_ruin};

/// Probability that wealth falls by so much from its peak within the horizon.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrawdownProbability {
    /// The drawdown.
    pub drawdown: f64,
    /// Within so many periods.
    pub horizon_periods: usize,
    /// By a stationary bootstrap with the longer block length of returns and their sizes.
    #[serde(serialize_with = "outcome")]
    pub estimate: Result<RuinEstimate>,
}

pub(super) fn measures(returns: &[f64], settings: &AssessmentSettings) -> Vec<DrawdownProbability> {
    let mean_block = common_block_length(&[returns]);
    settings
        .drawdowns
        .iter()
        .map(|&drawdown| DrawdownProbability {
            drawdown,
            horizon_periods: settings.horizon_periods,
            estimate: mean_block
                .clone()
                .and_then(|mean_block| estimate(returns, drawdown, mean_block, settings)),
        })
        .collect()
}

fn estimate(
    returns: &[f64],
    drawdown: f64,
    mean_block: f64,
    settings: &AssessmentSettings,
) -> Result<RuinEstimate> {
    if let Some(index) = returns.iter().position(|r| *r <= -1.0) {
        return Err(RiskError::Ruined { index });
    }
    let growth: Vec<f64> = returns.iter().map(|r| 1.0 + r).collect();
    let path = DailyPath { worst: growth.clone(), growth };
    let config = RuinConfig {
        drawdown,
        horizon_days: settings.horizon_periods,
        draws: settings.draws,
        mean_block,
        seed: settings.seed,
        outer_draws: settings.outer_draws,
        inner_draws: settings.outer_draws,
    };
    let mut estimates = estimate_ruin(&[path], &config)?;
    estimates.pop().unwrap_or(Err(RiskError::TooFewObservations { n: 0, n_min: 1 }))
}
