//! How one period depends on those before it: what independent draws would forget.

use serde::Serialize;

use super::outcome::outcome;
use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, sum};
use crate::numeric::chi_squared::chi_squared_sf;
use crate::resample::block_length::politis_white;

/// Lags whose autocorrelations are listed.
const LAGS: [usize; 6] = [1, 2, 3, 5, 10, 20];
/// Lags of the joint tests.
const TEST_LAGS: [usize; 2] = [10, 20];

/// Memory of returns and of their sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependence {
    /// Best mean block of a stationary bootstrap of the returns, in periods.
    #[serde(serialize_with = "outcome")]
    pub block_length: Result<f64>,
    /// The same of their absolute values; usually much longer, since volatility clusters.
    #[serde(serialize_with = "outcome")]
    pub block_length_absolute: Result<f64>,
    /// Autocorrelations.
    pub autocorrelations: Vec<Autocorrelation>,
    /// Whether several of them together may be zero.
    pub tests: Vec<SerialTest>,
}

/// Autocorrelation at one lag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Autocorrelation {
    /// Lag in periods.
    pub lag: usize,
    /// Of the returns.
    #[serde(serialize_with = "outcome")]
    pub returns: Result<f64>,
    /// Of their absolute values.
    #[serde(serialize_with = "outcome")]
    pub absolute: Result<f64>,
}

/// Test of Ljung & Box (1978) that the first autocorrelations are all zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SerialTest {
    /// So many of them.
    pub lags: usize,
    /// p-value for the returns; volatility clustering alone makes it too small.
    #[serde(serialize_with = "outcome")]
    pub returns_p: Result<f64>,
    /// p-value for their absolute values.
    #[serde(serialize_with = "outcome")]
    pub absolute_p: Result<f64>,
}

impl Dependence {
    pub(super) fn of(returns: &[f64]) -> Self {
        let absolute: Vec<f64> = returns.iter().map(|r| r.abs()).collect();
        let block = |values: &[f64]| politis_white(values).map(|length| length.stationary);
        let of_returns = correlations(returns);
        let of_absolute = correlations(&absolute);
        let at = |all: &Result<Vec<f64>>, lag: usize| {
            let all = all.clone()?;
            let n_min = lag + 2;
            all.get(lag - 1)
                .copied()
                .ok_or(RiskError::TooFewObservations { n: returns.len(), n_min })
        };
        Self {
            block_length: block(returns),
            block_length_absolute: block(&absolute),
            autocorrelations: LAGS
                .into_iter()
                .map(|lag| Autocorrelation {
                    lag,
                    returns: at(&of_returns, lag),
                    absolute: at(&of_absolute, lag),
                })
                .collect(),
            tests: TEST_LAGS
                .into_iter()
                .map(|lags| SerialTest {
                    lags,
                    returns_p: ljung_box(&of_returns, returns.len(), lags),
                    absolute_p: ljung_box(&of_absolute, returns.len(), lags),
                })
                .collect(),
        }
    }
}

/// Autocorrelations at lags 1, 2, ... up to 20 and `n - 2`, with the divisor n throughout.
fn correlations(values: &[f64]) -> Result<Vec<f64>> {
    check::series(values, 3)?;
    let moments = Moments::of(values)?;
    if moments.is_constant() {
        return Err(undefined("autocorrelation", "all values are equal"));
    }
    let deviation = moments.standard_deviation_population();
    let scaled: Vec<f64> = values.iter().map(|value| (value - moments.mean) / deviation).collect();
    let n = scaled.len();
    let lags = 1..=(n - 2).min(20);
    lags.map(|lag| {
        let products = sum((lag..n).map(|t| scaled[t] * scaled[t - lag]));
        defined("autocorrelation", products / n as f64)
    })
    .collect()
}

fn ljung_box(correlations: &Result<Vec<f64>>, n: usize, lags: usize) -> Result<f64> {
    let correlations = correlations.clone()?;
    let n_min = 5 * lags;
    if n < n_min || correlations.len() < lags {
        return Err(RiskError::TooFewObservations { n, n_min });
    }
    let size = n as f64;
    let terms =
        correlations[..lags].iter().zip(1..).map(|(rho, lag)| rho * rho / (size - f64::from(lag)));
    let statistic = size * (size + 2.0) * sum(terms);
    defined("ljung_box_p", chi_squared_sf(statistic, lags as f64))
}
