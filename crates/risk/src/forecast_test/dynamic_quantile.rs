//! Could the violations have been foreseen? The dynamic quantile test of Engle & Manganelli (2004).
//!
//! Its chi-squared distribution is one of many violations. With few, two of them close together
//! make the statistic large: 730 right forecasts at `alpha` 1 % are rejected at the level 5 % in one
//! case of eight. [`DynamicQuantileTest::monte_carlo`] draws the distribution instead.

use serde::Serialize;

use super::dynamic_quantile_draws::HitStatistic;
use super::independence::MonteCarloP;
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
        let first = settings.first(hits.len())?;
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

    /// p-value of the statistic among those of independent violations of probability `alpha` at the
    /// same forecasts, for samples that promise fewer than some twenty violations. 999 draws or
    /// more, such that the level times `draws + 1` is a whole number.
    ///
    /// The forecasts are taken as given, and the squared returns where they are asked for: a draw
    /// has violations of its own, but no returns. Each draw has a random stream of its own: the
    /// result depends on `seed` and `draws`, not on threads.
    ///
    /// # Errors
    /// As [`DynamicQuantileTest::of`], or no draw.
    pub fn monte_carlo(
        returns: &[f64],
        quantiles: &[f64],
        alpha: f64,
        settings: DynamicQuantileSettings,
        draws: usize,
        seed: u64,
    ) -> Result<MonteCarloP> {
        check::require(draws > 0, "draws", 0.0, "at least 1")?;
        let statistic = statistic_of_hits(returns, quantiles, alpha, settings)?;
        let hits = violations(returns, quantiles)?;
        let positions: Vec<usize> = (0..hits.len()).filter(|t| hits[*t]).collect();
        Ok(statistic.p_value(&positions, draws, seed))
    }
}

impl DynamicQuantileSettings {
    /// First of `n` periods that has all lags.
    fn first(self, n: usize) -> Result<usize> {
        let squared_return = usize::from(self.squared_return);
        let first = self.lags.max(squared_return);
        let n_regressors = self.lags.saturating_add(2 + squared_return);
        let n_min = first.saturating_add(n_regressors).saturating_add(1);
        if n < n_min {
            return Err(RiskError::TooFewObservations { n, n_min });
        }
        Ok(first)
    }
}

fn statistic_of_hits(
    returns: &[f64],
    quantiles: &[f64],
    alpha: f64,
    settings: DynamicQuantileSettings,
) -> Result<HitStatistic> {
    check::open_unit("alpha", alpha)?;
    let n = violations(returns, quantiles)?.len();
    let first = settings.first(n)?;
    let squares = settings.squared_return.then(|| squared_returns(&returns[first - 1..n - 1]));
    let fixed: Vec<&[f64]> = [&quantiles[first..]].into_iter().chain(squares.as_deref()).collect();
    Ok(HitStatistic::new(&fixed, n, first, settings.lags, alpha))
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
        let squares = squared_returns(&returns[first - 1..end - 1]);
        regressors.push((DynamicQuantileRegressor::SquaredReturn, squares));
    }
    regressors
}

/// In units of the largest return: no square overflows or vanishes.
fn squared_returns(returns: &[f64]) -> Vec<f64> {
    let unit = largest(returns).max(f64::MIN_POSITIVE);
    returns.iter().map(|r| (r / unit).powi(2)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// From the positions of the violations comes the statistic of the regression.
    #[test]
    fn the_statistic_of_positions_is_that_of_the_regression() {
        let mut state = 12_345_u64;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for case in 0..400_usize {
            let alpha = [0.01, 0.05, 0.3, 0.9][case % 4];
            let n = 20 + (case * 37) % 800;
            let settings =
                DynamicQuantileSettings { lags: case % 6, squared_return: case % 5 == 0 };
            let scale = [1.0, 1e-200, 1e200][case % 3];
            let quantiles: Vec<f64> = (0..n)
                .map(|_| -scale * if case % 7 == 0 { 1.0 } else { 1.0 + uniform() })
                .collect();
            let returns: Vec<f64> = quantiles
                .iter()
                .map(|quantile| {
                    let factor = if uniform() < alpha { 1.1 + uniform() } else { 0.5 * uniform() };
                    quantile * factor
                })
                .collect();
            let test = DynamicQuantileTest::of(&returns, &quantiles, alpha, settings).unwrap();
            let hits = violations(&returns, &quantiles).unwrap();
            let positions: Vec<usize> = (0..n).filter(|t| hits[*t]).collect();
            let statistic =
                statistic_of_hits(&returns, &quantiles, alpha, settings).unwrap().at(&positions);
            let expected = test.test.statistic;
            let distance = (statistic - expected).abs();
            assert!(distance <= 1e-9 * expected.max(1.0), "{case}: {statistic} {expected}");
        }
    }
}
