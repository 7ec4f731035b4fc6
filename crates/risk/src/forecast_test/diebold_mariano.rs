//! Is one forecast better than another? The test of Diebold & Mariano (1995).

use serde::Serialize;

use super::TwoSidedTest;
use super::expectile_moment::{check_lags, t_statistic};
use crate::check;
use crate::error::{Result, RiskError};

/// The test of equal predictive accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DieboldMariano {
    /// Number of periods.
    pub n: usize,
    /// Mean of first minus second score; negative where the first forecast is better.
    pub mean_difference: f64,
    /// Autocovariances that entered the variance.
    pub lags: usize,
    /// The statistic and its two-sided p-value.
    pub test: TwoSidedTest,
}

/// Scores of two forecasts made `horizon` periods ahead, with the correction for small samples of
/// Harvey, Leybourne & Newbold (1997) and the Student-t distribution with n - 1 degrees of freedom.
/// The variance of the difference has Bartlett weights `1 - k / horizon` (plain at 1).
///
/// # Errors
/// Scores of different length, fewer than two, one that is not finite, a horizon of 0 or not below
/// the number of periods, or scores whose difference does not vary.
pub fn diebold_mariano(first: &[f64], second: &[f64], horizon: usize) -> Result<DieboldMariano> {
    let differences = differences(first, second)?;
    let n = differences.len();
    check::require(horizon >= 1, "horizon", horizon as f64, "at least 1")?;
    check::require(horizon < n.max(2), "horizon", horizon as f64, "below the number of periods")?;
    let lags = horizon - 1;
    check_lags(n, lags)?;
    let (mean_difference, plain) = t_statistic("diebold_mariano", &differences, lags)?;
    let (size, h) = (n as f64, horizon as f64);
    let correction = ((size + 1.0 - 2.0 * h + h * (h - 1.0) / size) / size).sqrt();
    let test = TwoSidedTest::student_t("diebold_mariano", plain * correction, size - 1.0)?;
    Ok(DieboldMariano { n, mean_difference, lags, test })
}

/// The same with the variance of Newey & West (1987) over `lags` autocovariances, weights
/// `1 - k / (lags + 1)`, without correction, and the normal distribution.
///
/// # Errors
/// Scores of different length, fewer than two, one that is not finite, `lags` not below the number
/// of periods, or scores whose difference does not vary.
pub fn diebold_mariano_newey_west(
    first: &[f64],
    second: &[f64],
    lags: usize,
) -> Result<DieboldMariano> {
    let differences = differences(first, second)?;
    let n = differences.len();
    check_lags(n, lags)?;
    let (mean_difference, statistic) = t_statistic("diebold_mariano", &differences, lags)?;
    let test = TwoSidedTest::normal("diebold_mariano", statistic)?;
    Ok(DieboldMariano { n, mean_difference, lags, test })
}

fn differences(first: &[f64], second: &[f64]) -> Result<Vec<f64>> {
    check::series(first, 2)?;
    check::series(second, 2)?;
    if first.len() != second.len() {
        return Err(RiskError::LengthMismatch {
            name: "scores",
            index: 1,
            length: second.len(),
            expected: first.len(),
        });
    }
    first.iter().zip(second).map(|(a, b)| check::defined("diebold_mariano", a - b)).collect()
}
