//! Is the difference of two Sharpe ratios more than chance?

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, sum};
use crate::numeric::distribution::normal_cdf;

/// What a ratio to a standard deviation lacks where nothing varies.
const CONSTANT: &str = "the series is constant";

/// The difference of two Sharpe ratios measured over the same periods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpeDifference {
    /// First minus second, per period, standard deviations with divisor n.
    pub difference: f64,
    /// The difference over its standard error.
    pub z: f64,
    /// Two-sided p-value of no difference, by the normal distribution.
    pub p_value: f64,
}

/// Test of two Sharpe ratios being equal (Jobson & Korkie 1981, corrected by Memmel 2003): the
/// variance of the difference is
/// `(2 - 2 rho + (SR_1^2 + SR_2^2 - 2 SR_1 SR_2 rho^2) / 2) / n`.
///
/// It assumes returns that are normal and independent over time. Autocorrelation can turn its
/// verdict round: the paired bootstrap of [`crate::compare::paired`] does not assume either.
///
/// # Errors
/// Columns of different length, fewer than two returns, one that is not finite, a constant
/// column, or columns whose difference has no variance.
pub fn sharpe_difference(first: &[f64], second: &[f64]) -> Result<SharpeDifference> {
    check::series(first, 2)?;
    check::series(second, 2)?;
    if first.len() != second.len() {
        return Err(RiskError::LengthMismatch {
            name: "column",
            index: 1,
            length: second.len(),
            expected: first.len(),
        });
    }
    let (a, b) = (Moments::of(first)?, Moments::of(second)?);
    let ratio_of = |moments: &Moments| {
        if moments.is_constant() {
            return Err(undefined("sharpe_difference", CONSTANT));
        }
        defined("sharpe_difference", moments.mean / moments.standard_deviation_population())
    };
    let (ratio_a, ratio_b) = (ratio_of(&a)?, ratio_of(&b)?);
    let n = first.len() as f64;
    let (unit_a, unit_b) = (a.standard_deviation_population(), b.standard_deviation_population());
    let score = |(x, y): (&f64, &f64)| (x - a.mean) / unit_a * ((y - b.mean) / unit_b);
    let rho = (sum(first.iter().zip(second).map(score)) / n).clamp(-1.0, 1.0);
    let squares = ratio_a * ratio_a + ratio_b * ratio_b - 2.0 * ratio_a * ratio_b * rho * rho;
    let variance = (2.0 - 2.0 * rho + 0.5 * squares) / n;
    // Of proportional columns the two parts cancel but for their rounding.
    if variance <= 1e-14 / n {
        return Err(undefined("sharpe_difference", "the two columns are proportional"));
    }
    let difference = ratio_a - ratio_b;
    let z = defined("sharpe_difference", difference / variance.sqrt())?;
    Ok(SharpeDifference { difference, z, p_value: (2.0 * normal_cdf(-z.abs())).min(1.0) })
}
