//! How deep do resampled paths fall? The maximum drawdown of every one of them.
//!
//! The draws are those of [`first_passage`](crate::ruin::first_passage) with the same seed, block
//! and horizon: the share of these depths at or beyond a drawdown is the probability found there.

use crate::check;
use crate::error::{Result, RiskError};
use crate::resample::bootstrap::StationaryBootstrap;
use crate::ruin::paths::check_blocks;

/// Maximum drawdowns from the running peak, the start included, of `draws` stationary bootstraps of
/// simple per-period returns, each `horizon` periods long. Ascending fractions from 0 to 1.
///
/// # Errors
/// A value that is not finite, [`RiskError::Ruined`] for a return of -1 or below, a mean block
/// below 1, `horizon` or `draws` outside 1 to 2^32 - 2, or a history of fewer than ten blocks.
pub fn resampled_max_drawdowns(
    returns: &[f64],
    horizon: usize,
    draws: u64,
    mean_block: f64,
    seed: u64,
) -> Result<Vec<f64>> {
    check::series(returns, 1)?;
    for (name, value) in [("horizon", horizon as u64), ("draws", draws)] {
        let inside = value > 0 && value < u64::from(u32::MAX);
        check::require(inside, name, value as f64, "at least 1 and below 2^32")?;
    }
    if let Some(index) = returns.iter().position(|r| *r <= -1.0) {
        return Err(RiskError::Ruined { index });
    }
    let bootstrap = StationaryBootstrap::new(returns.len(), mean_block, seed)?;
    check_blocks(returns.len(), mean_block)?;
    let mut depths = bootstrap.map_draws(draws, horizon, |positions| depth(returns, positions));
    depths.sort_unstable_by(f64::total_cmp);
    Ok(depths)
}

fn depth(returns: &[f64], positions: &[u32]) -> f64 {
    let (mut level, mut lowest) = (1.0_f64, 1.0_f64);
    for &position in positions {
        level = (level * (1.0 + returns[position as usize])).min(1.0);
        lowest = lowest.min(level);
    }
    1.0 - lowest
}
