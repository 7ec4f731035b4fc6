//! Lag weights of mixed-data sampling (MIDAS): many lags of a fast column by two parameters.
//!
//! A daily or weekly tail is often explained by a long run of finer observations. Instead of a
//! coefficient for each lag the regression takes one weighted mean of them, its weights the
//! shape of a beta density (Ghysels, Sinko & Valkanov 2007).

use crate::check::{self, undefined};
use crate::error::Result;
use crate::moments::sum;

/// Where the beta density is read off for lag `k` of `K`, `k` from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LagGrid {
    /// `k / (K + 1)`: inside (0, 1), so that no weight is lost or infinite.
    Interior,
    /// `(k - 1) / (K - 1)`, the ends moved inwards by 2^-52: the grid of Ghysels' programs.
    EndToEnd,
}

/// Weights of `lags` lags, the latest first: proportional to
/// `u^(theta_1 - 1) (1 - u)^(theta_2 - 1)`, none negative, with a sum of 1.
///
/// `theta_1 = 1` and `theta_2 > 1` make them fall with the lag; both at 1 make them equal.
///
/// # Errors
/// No lag, or a parameter that is not finite and above 0.
pub fn midas_beta_weights(
    theta_1: f64,
    theta_2: f64,
    lags: usize,
    grid: LagGrid,
) -> Result<Vec<f64>> {
    check::positive("theta_1", theta_1)?;
    check::positive("theta_2", theta_2)?;
    check::require(lags > 0, "lags", lags as f64, "at least 1")?;
    if lags == 1 {
        return Ok(vec![1.0]);
    }
    let logs: Vec<f64> = grid_points(lags, grid)
        .iter()
        .map(|u| (theta_1 - 1.0) * u.ln() + (theta_2 - 1.0) * (-u).ln_1p())
        .collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return Err(undefined("midas_beta_weights", "the parameters are too large"));
    }
    let shape: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
    let total = sum(shape.iter().copied());
    Ok(shape.iter().map(|weight| weight / total).collect())
}

/// Where the density is read off for each lag; all of them inside (0, 1).
pub(crate) fn grid_points(lags: usize, grid: LagGrid) -> Vec<f64> {
    let point = |k: usize| match grid {
        LagGrid::EndToEnd if lags > 1 => {
            ((k - 1) as f64 / (lags - 1) as f64).clamp(f64::EPSILON, 1.0 - f64::EPSILON)
        }
        _ => k as f64 / (lags as f64 + 1.0),
    };
    (1..=lags).map(point).collect()
}
