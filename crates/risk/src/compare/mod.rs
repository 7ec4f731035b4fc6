//! Is one rule better than another, or only luckier?
//!
//! - [`paired`]: each rule against one baseline, in growth, drawdown and the rest.
//! - [`superior_predictive_ability`]: does *any* of many rules beat a benchmark?
//! - [`model_confidence_set`]: which rules cannot be told from the best?
//! - [`sharpe_difference`]: two Sharpe ratios. Not for rules that only rescale the exposure of the
//!   same trades: their Sharpe ratios are equal by construction, whatever their risk of ruin.

mod loss_table;
pub mod model_confidence_set;
pub mod paired;
pub mod sharpe_difference;
pub mod superior_predictive_ability;

use serde::Serialize;

/// How the draws of a test by the stationary bootstrap are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resampling {
    /// Mean length of the blocks, in periods, at least 1. See
    /// [`crate::resample::block_length::politis_white`]: the longest over the columns compared.
    pub mean_block: f64,
    /// Number of draws, at least 1. A p-value near 0.1 has a Monte Carlo error of 0.003 with
    /// 10,000.
    pub draws: u64,
    /// Seed of the draws: the same seed gives the same result at any number of threads.
    pub seed: u64,
}
