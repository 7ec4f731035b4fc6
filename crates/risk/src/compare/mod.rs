//! Is one rule better than another, or only luckier?
//!
//! - [`paired`]: each rule against one baseline, in growth, drawdown and the rest.
//! - [`superior_predictive_ability`]: does *any* of many rules beat a benchmark?
//! - [`model_confidence_set`]: which rules cannot be told from the best?
//! - [`overfitting`]: does choosing the best rule in sample choose a good one out of sample?
//! - [`sharpe_difference`], [`sharpe_bootstrap`]: two Sharpe ratios. Not for rules that only rescale the exposure of the
//!   same trades: their Sharpe ratios are equal by construction, whatever their risk of ruin.

mod loss_table;
pub mod model_confidence_set;
pub mod overfitting;
pub mod paired;
pub mod sharpe_bootstrap;
pub mod sharpe_difference;
pub mod superior_predictive_ability;

use serde::Serialize;

use crate::error::{Result, RiskError};

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

/// The power of two below the largest size of the values: dividing by it changes no digit, and
/// squares and fourth powers stay within the range of a double.
fn binary_scale(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()));
    // The exponent without the digits; what has none (zero, and what is nearly so) is a limit.
    let power = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
    if power >= f64::MIN_POSITIVE { power } else { f64::MIN_POSITIVE }
}

/// Columns of one length and of finite values; at least one column.
fn check_columns(columns: &[&[f64]], n: usize) -> Result<()> {
    for (column, values) in columns.iter().enumerate() {
        if values.len() != n {
            let length = values.len();
            let name = "column";
            return Err(RiskError::LengthMismatch { name, index: column, length, expected: n });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let value = values[index];
            return Err(RiskError::NonFiniteInColumn { column, index, value });
        }
    }
    Ok(())
}
