//! Mean block length of a block bootstrap, chosen from the data.
//!
//! Politis & White (2004) with the correction of Patton, Politis & White (2009): the block that
//! minimises the mean squared error of the variance of the mean. Volatility clusters while
//! returns hardly do, so [`common_block_length`] asks both r and |r|: from r alone a bootstrap
//! would tear the clusters apart, and with them the drawdowns.

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, sum};

/// Fewest observations from which a block length can be chosen.
pub const BLOCK_LENGTH_OBSERVATIONS_MIN: usize = 11;

/// Optimal block lengths in observations, not rounded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlockLength {
    /// Mean of the geometric blocks of the stationary bootstrap.
    pub stationary: f64,
    /// Fixed length of the circular block bootstrap.
    pub circular: f64,
}

/// Optimal block length of `values`; may be below 1 for a series without memory.
///
/// Autocorrelations count as significant outside `2 sqrt(log10(n) / n)`; the flat-top window
/// ends at twice the smallest lag that starts `K = max(5, floor(log10 n))` insignificant ones in
/// a row (counted from lag 0), at most `ceil(sqrt n) + K`. Lengths are capped at
/// `ceil(min(3 sqrt n, n / 3))`.
///
/// # Errors
/// Fewer than [`BLOCK_LENGTH_OBSERVATIONS_MIN`] values, one that is not finite, or a constant
/// series.
pub fn politis_white(values: &[f64]) -> Result<BlockLength> {
    check::series(values, BLOCK_LENGTH_OBSERVATIONS_MIN)?;
    let moments = Moments::of(values)?;
    if moments.is_constant() {
        return Err(undefined("politis_white_block", "all values are equal"));
    }
    let n = values.len();
    let size = n as f64;
    // Unit variance: the length does not depend on scale, and nothing underflows.
    let deviation = moments.standard_deviation_population();
    let centred: Vec<f64> = values.iter().map(|value| (value - moments.mean) / deviation).collect();
    let run_needed = (size.log10().floor() as usize).max(5);
    let lag_max = (size.sqrt().ceil() as usize) + run_needed;
    let band = 2.0 * (size.log10() / size).sqrt();

    let product = |lag: usize| sum((lag..n).map(|t| centred[t] * centred[t - lag]));
    let correlation = |lag: usize| {
        let late = sum(centred[lag + 1..].iter().map(|c| c * c));
        let early = sum(centred[..n - lag - 1].iter().map(|c| c * c));
        let scale = (late * early).sqrt();
        // A window without variation has no correlation to speak of.
        if scale > 0.0 { product(lag).abs() / scale } else { 0.0 }
    };
    let mut run = 0;
    let mut first_quiet = None;
    for lag in 0..lag_max {
        run = if correlation(lag) < band { run + 1 } else { 0 };
        if run == run_needed {
            first_quiet = Some((lag + 1 - run_needed).max(1));
            break;
        }
    }
    let window = first_quiet.map_or(lag_max, |lag| (2 * lag).min(lag_max));

    let mut slope = 0.0;
    let mut long_run_variance = product(0) / size;
    for lag in 1..=window {
        let share = lag as f64 / window as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        let covariance = product(lag) / size;
        slope += 2.0 * weight * lag as f64 * covariance;
        long_run_variance += 2.0 * weight * covariance;
    }
    let cap = (3.0 * size.sqrt()).min(size / 3.0).ceil();
    let length = |factor: f64| {
        let denominator = factor * long_run_variance * long_run_variance;
        let squared = 2.0 * slope * slope;
        if squared <= 0.0 {
            return 0.0;
        }
        // A long-run variance of zero asks for blocks without end: the cap.
        (squared / denominator * size).cbrt().min(cap)
    };
    Ok(BlockLength {
        stationary: defined("politis_white_block", length(2.0))?,
        circular: defined("politis_white_block", length(4.0 / 3.0))?,
    })
}

/// One mean block length for several columns that are resampled together: the largest
/// stationary length over the columns for r and for |r|, at least 1.
///
/// Constant columns (a rule that never traded) have no dependence to keep and are passed over.
///
/// # Errors
/// Columns of different length, a value that is not finite, or fewer than
/// [`BLOCK_LENGTH_OBSERVATIONS_MIN`].
pub fn common_block_length(columns: &[&[f64]]) -> Result<f64> {
    let mut longest = 1.0_f64;
    for (index, column) in columns.iter().enumerate() {
        if column.len() != columns[0].len() {
            return Err(RiskError::LengthMismatch {
                name: "column",
                index,
                length: column.len(),
                expected: columns[0].len(),
            });
        }
        let sizes: Vec<f64> = column.iter().map(|r| r.abs()).collect();
        for values in [column, sizes.as_slice()] {
            match politis_white(values) {
                Ok(length) => longest = longest.max(length.stationary),
                Err(RiskError::Undefined { .. }) => {}
                Err(other) => return Err(other),
            }
        }
    }
    Ok(longest)
}
