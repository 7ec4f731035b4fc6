//! Could the violations have been foreseen? The dynamic quantile test of Engle & Manganelli (2004).

use serde::Serialize;

use super::{ChiSquaredTest, largest, violations};
use crate::check;
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::numeric::least_squares::{Design, dot};

/// What the violations are regressed on, beside a constant and the forecast itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DynamicQuantileSettings {
    /// Lags of the violations.
    pub lags: usize,
    /// Whether the squared return of the period before is a regressor too, as in the R package
    /// GAS.
    pub squared_return: bool,
}

impl Default for DynamicQuantileSettings {
    /// Engle & Manganelli's usual six regressors: four lags, no squared return.
    fn default() -> Self {
        Self { lags: 4, squared_return: false }
    }
}

/// A regressor of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicQuantileRegressor {
    /// One throughout.
    Constant,
    /// The forecast of the same period.
    Quantile,
    /// The violation, less `alpha`, so many periods before.
    HitLag(usize),
    /// The squared return of the period before.
    SquaredReturn,
}

/// The dynamic quantile test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DynamicQuantileTest {
    /// Periods regressed: those that have all lags.
    pub n: usize,
    /// `Hit' X (X'X)^-1 X' Hit / (alpha (1 - alpha))`, chi-squared with as many degrees of freedom
    /// as regressors remain.
    pub test: ChiSquaredTest,
    /// Regressors left out: zero, or a combination of those before them. A constant forecast is a
    /// multiple of the constant.
    pub dropped: Vec<DynamicQuantileRegressor>,
}

impl DynamicQuantileTest {
    /// Regresses `1(r < quantile) - alpha` on a constant, the quantile and the lags.
    ///
    /// # Errors
    /// Slices of different length, a value that is not finite, `alpha` outside (0, 1), or no more
    /// periods with all lags than regressors.
    pub fn of(
        returns: &[f64],
        quantiles: &[f64],
        alpha: f64,
        settings: DynamicQuantileSettings,
    ) -> Result<Self> {
        check::open_unit("alpha", alpha)?;
        let hits = violations(returns, quantiles)?;
        let first = settings.lags.max(usize::from(settings.squared_return));
        let n_regressors = settings.lags.saturating_add(2 + usize::from(settings.squared_return));
        let n_min = first.saturating_add(n_regressors).saturating_add(1);
        if hits.len() < n_min {
            return Err(RiskError::TooFewObservations { n: hits.len(), n_min });
        }
        let hits: Vec<f64> =
            hits.into_iter().map(|hit| if hit { 1.0 - alpha } else { -alpha }).collect();
        let mut regressors = regressors(returns, quantiles, &hits, settings, first);
        let response = &hits[first..];
        let n = response.len();
        let mut dropped = Vec::new();
        let design = loop {
            let columns: Vec<&[f64]> =
                regressors.iter().map(|(_, column)| column.as_slice()).collect();
            match Design::new(&columns, n) {
                Err(RiskError::SingularDesign { column }) if regressors.len() > 1 => {
                    dropped.push(regressors.remove(column).0);
                }
                other => break other?,
            }
        };
        let coefficients = design.factor(&vec![1.0; n])?.solve(response);
        // The squared length of the projection.
        let explained = sum(design.rows().iter().map(|row| dot(row, &coefficients).powi(2)));
        let statistic = explained / (alpha * (1.0 - alpha));
        let test = ChiSquaredTest::new("dynamic_quantile", statistic, regressors.len())?;
        Ok(Self { n, test, dropped })
    }
}

fn regressors(
    returns: &[f64],
    quantiles: &[f64],
    hits: &[f64],
    settings: DynamicQuantileSettings,
    first: usize,
) -> Vec<(DynamicQuantileRegressor, Vec<f64>)> {
    let end = hits.len();
    let mut regressors = vec![
        (DynamicQuantileRegressor::Constant, vec![1.0; end - first]),
        (DynamicQuantileRegressor::Quantile, quantiles[first..].to_vec()),
    ];
    for lag in 1..=settings.lags {
        let column = hits[first - lag..end - lag].to_vec();
        regressors.push((DynamicQuantileRegressor::HitLag(lag), column));
    }
    if settings.squared_return {
        // In units of the largest return a square neither overflows nor vanishes.
        let before = &returns[first - 1..end - 1];
        let unit = largest(before).max(f64::MIN_POSITIVE);
        let squares = before.iter().map(|r| (r / unit).powi(2)).collect();
        regressors.push((DynamicQuantileRegressor::SquaredReturn, squares));
    }
    regressors
}
