//! Were the forecasts of risk any good? Tests of value at risk, expected shortfall and expectiles
//! against the returns that came.
//!
//! Forecasts stand on the side of the **returns**, as in this literature: `quantiles[t]` is the
//! forecast of the `alpha` quantile of `returns[t]`, usually negative, made before that return was
//! known; a positive value at risk has to be turned round. A violation is `r < quantile`, strictly.
//!
//! | question | module |
//! |---|---|
//! | Are there as many violations as promised? | [`coverage`] |
//! | Do they come in clusters? | [`independence`] |
//! | Could they have been foreseen? | [`dynamic_quantile`] |
//! | Are the losses beyond the quantile as large as promised? | [`shortfall`] |
//! | Is an expectile where it should be? | [`expectile_moment`] |
//! | How good is a forecast, as a number? | [`score`] |
//! | Is one forecast better than another? | [`diebold_mariano`] |
//!
//! No test proves a forecast right. With the few violations of a year, the tests of coverage keep
//! many a wrong model: [`coverage::nonrejection_region`] says how many.
//!
//! ```
//! use plimsoll_risk::forecast_test::coverage::Coverage;
//! use plimsoll_risk::forecast_test::violations;
//!
//! let returns = [0.01, -0.05, 0.02, -0.01, 0.00, 0.01, -0.02, 0.03, 0.01, -0.04];
//! let quantiles = [-0.03; 10];
//! let hits = violations(&returns, &quantiles)?;
//! let test = Coverage::of(&hits, 0.05)?;
//!
//! assert_eq!(test.violations, 2);
//! assert!(test.likelihood_ratio.p_value > 0.05);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

pub mod coverage;
pub mod diebold_mariano;
pub mod dynamic_quantile;
mod dynamic_quantile_draws;
pub mod expectile_moment;
pub mod independence;
pub mod score;
pub mod shortfall;

use serde::Serialize;

use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::numeric::{chi_squared, distribution};

/// A statistic that is chi-squared where the forecasts are right; only large values speak
/// against them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquaredTest {
    /// The statistic, at least 0.
    pub statistic: f64,
    /// Degrees of freedom.
    pub degrees_of_freedom: usize,
    /// `P(chi-squared > statistic)`.
    pub p_value: f64,
}

impl ChiSquaredTest {
    pub(crate) fn new(
        metric: &'static str,
        statistic: f64,
        degrees_of_freedom: usize,
    ) -> Result<Self> {
        // Rounding may leave a zero just below zero.
        let statistic = defined(metric, statistic)?.max(0.0);
        let p_value = chi_squared::chi_squared_sf(statistic, degrees_of_freedom as f64);
        Ok(Self { statistic, degrees_of_freedom, p_value })
    }
}

/// A statistic that is normal where the forecasts are right, or Student-t where the test says so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TwoSidedTest {
    /// The statistic, signed.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

impl TwoSidedTest {
    pub(crate) fn normal(metric: &'static str, statistic: f64) -> Result<Self> {
        let statistic = defined(metric, statistic)?;
        Ok(Self { statistic, p_value: 2.0 * distribution::normal_cdf(-statistic.abs()) })
    }

    pub(crate) fn student_t(metric: &'static str, statistic: f64, df: f64) -> Result<Self> {
        let statistic = defined(metric, statistic)?;
        let p_value = 2.0 * distribution::student_t_cdf(-statistic.abs(), df);
        Ok(Self { statistic, p_value: p_value.min(1.0) })
    }
}

/// Where a return fell strictly below its forecast quantile.
///
/// # Errors
/// Slices of different length, none, or a value that is not finite.
pub fn violations(returns: &[f64], quantiles: &[f64]) -> Result<Vec<bool>> {
    paired(returns, "quantiles", quantiles)?;
    Ok(returns.iter().zip(quantiles).map(|(r, quantile)| r < quantile).collect())
}

/// The `x` with `P(X <= x) = probability` of the chi-squared distribution: the critical value of a
/// test at the level `1 - probability`.
///
/// # Errors
/// `probability` outside (0, 1), or no degree of freedom.
pub fn chi_squared_quantile(probability: f64, degrees_of_freedom: usize) -> Result<f64> {
    check::open_unit("probability", probability)?;
    let df = degrees_of_freedom as f64;
    check::positive("degrees_of_freedom", df)?;
    Ok(chi_squared::chi_squared_quantile(probability, df))
}

/// `P(X > statistic)` of the chi-squared distribution: the p-value of a statistic.
///
/// # Errors
/// A statistic that is negative or not finite, or no degree of freedom.
pub fn chi_squared_p_value(statistic: f64, degrees_of_freedom: usize) -> Result<f64> {
    let rule = "finite and at least 0";
    check::require(statistic >= 0.0 && statistic.is_finite(), "statistic", statistic, rule)?;
    let df = degrees_of_freedom as f64;
    check::positive("degrees_of_freedom", df)?;
    Ok(chi_squared::chi_squared_sf(statistic, df))
}

/// Lags for a Newey-West variance of `n` observations: `floor(4 (n / 100)^(2/9))`.
pub fn newey_west_lags(n: usize) -> usize {
    (4.0 * (n as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize
}

/// Finite returns, at least one, and a finite forecast for each.
pub(crate) fn paired(returns: &[f64], name: &'static str, forecasts: &[f64]) -> Result<()> {
    check::series(returns, 1)?;
    if forecasts.len() != returns.len() {
        let (length, expected) = (forecasts.len(), returns.len());
        return Err(RiskError::LengthMismatch { name, index: 0, length, expected });
    }
    match forecasts.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(RiskError::NonFiniteForecast { name, index, value: forecasts[index] }),
        None => Ok(()),
    }
}

/// The largest absolute value: the unit in which squares neither overflow nor vanish.
pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |so_far: f64, value| so_far.max(value.abs()))
}
