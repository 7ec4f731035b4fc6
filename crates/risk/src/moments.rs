//! Sums, mean, variance, skewness and kurtosis.
//!
//! Sums are compensated (Neumaier 1974) and central moments are taken about the mean in a
//! second pass, so a large mean does not eat a small variance. Values near either end of the range
//! of a double are taken in units of a power of two, so that no square overflows or vanishes.

use std::borrow::Cow;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};

/// Central moments of a sample.
///
/// `m2`, `m3`, `m4` are the mean second, third and fourth powers of the deviation from the mean
/// (divisor n), in powers of `unit`. Ratios and standard deviations are in units of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of observations.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Mean squared deviation, in units of `unit^2`.
    pub m2: f64,
    /// Mean cubed deviation, in units of `unit^3`.
    pub m3: f64,
    /// Mean fourth power of the deviation, in units of `unit^4`.
    pub m4: f64,
    /// 1, but for values whose largest is beyond `2^-200 .. 2^200`: a power of two near it.
    pub unit: f64,
    /// In units of `unit`.
    largest: f64,
}

impl Moments {
    /// Moments of `values`.
    ///
    /// # Errors
    /// A value that is not finite, or an empty slice.
    pub fn of(values: &[f64]) -> Result<Self> {
        check::series(values, 1)?;
        let n_values = values.len();
        let (values, unit) = in_unit(values);
        let n = n_values as f64;
        let mean = defined("mean", sum(values.iter().copied()) / n)?;
        let power = |k: i32| sum(values.iter().map(|value| (value - mean).powi(k))) / n;
        let largest = values.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()));
        Ok(Self {
            n: n_values,
            mean: defined("mean", mean * unit)?,
            m2: defined("variance", power(2))?,
            m3: defined("third moment", power(3))?,
            m4: defined("fourth moment", power(4))?,
            unit,
            largest,
        })
    }

    /// True where the standard deviation is at most `1e-15 * max |value|`: a constant series.
    pub fn is_constant(&self) -> bool {
        self.m2.sqrt() <= 1e-15 * self.largest
    }

    /// Variance with divisor n - 1.
    ///
    /// # Errors
    /// Fewer than two observations, or a variance beyond the range of a double.
    pub fn variance_sample(&self) -> Result<f64> {
        defined("variance", self.scaled_variance()? * self.unit * self.unit)
    }

    /// Standard deviation with divisor n - 1.
    ///
    /// # Errors
    /// Fewer than two observations, or a deviation beyond the range of a double.
    pub fn standard_deviation_sample(&self) -> Result<f64> {
        defined("standard deviation", self.scaled_variance()?.sqrt() * self.unit)
    }

    /// Standard deviation with divisor n.
    pub fn standard_deviation_population(&self) -> f64 {
        self.m2.sqrt() * self.unit
    }

    /// Skewness `m3 / m2^1.5`, divisor n (0 for a symmetric sample).
    ///
    /// # Errors
    /// A constant series.
    pub fn skewness_population(&self) -> Result<f64> {
        let standard_deviation = self.spread("skewness")?;
        defined("skewness", self.m3 / self.m2 / standard_deviation)
    }

    /// Raw kurtosis `m4 / m2^2`, divisor n (3 for the normal distribution).
    ///
    /// # Errors
    /// A constant series.
    pub fn kurtosis_population(&self) -> Result<f64> {
        self.spread("kurtosis")?;
        defined("kurtosis", self.m4 / self.m2 / self.m2)
    }

    /// Unbiased skewness G1 (Joanes & Gill 1998).
    ///
    /// # Errors
    /// Fewer than three observations, or a constant series.
    pub fn skewness_unbiased(&self) -> Result<f64> {
        self.at_least(3)?;
        let n = self.n as f64;
        Ok(self.skewness_population()? * (n * (n - 1.0)).sqrt() / (n - 2.0))
    }

    /// Unbiased excess kurtosis G2 (Joanes & Gill 1998; 0 for the normal distribution).
    ///
    /// # Errors
    /// Fewer than four observations, or a constant series.
    pub fn kurtosis_excess_unbiased(&self) -> Result<f64> {
        self.at_least(4)?;
        let n = self.n as f64;
        let excess = self.kurtosis_population()? - 3.0;
        Ok((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0))
    }

    fn scaled_variance(&self) -> Result<f64> {
        self.at_least(2)?;
        let n = self.n as f64;
        Ok(self.m2 * (n / (n - 1.0)))
    }

    fn at_least(&self, n_min: usize) -> Result<()> {
        if self.n < n_min {
            Err(RiskError::TooFewObservations { n: self.n, n_min })
        } else {
            Ok(())
        }
    }

    /// The standard deviation in units of `unit`, above zero.
    fn spread(&self, metric: &'static str) -> Result<f64> {
        if self.is_constant() {
            Err(undefined(metric, "all values are equal"))
        } else {
            Ok(self.m2.sqrt())
        }
    }
}

/// Arithmetic mean.
///
/// # Errors
/// A value that is not finite, or an empty slice.
pub fn mean(values: &[f64]) -> Result<f64> {
    check::series(values, 1)?;
    let (values, unit) = in_unit(values);
    defined("mean", sum(values.iter().copied()) / values.len() as f64 * unit)
}

/// The values in units of a power of two that is near the largest, and that unit: 1, and the
/// values as they are, unless the largest is beyond `2^-200 .. 2^200`. Such a division is exact
/// but for values that are nothing beside the largest.
pub(crate) fn in_unit(values: &[f64]) -> (Cow<'_, [f64]>, f64) {
    const ORDINARY: std::ops::RangeInclusive<i32> = -200..=200;
    let largest = values.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()));
    let exponent = if largest > 0.0 { largest.log2().floor() as i32 } else { 0 };
    if ORDINARY.contains(&exponent) {
        return (Cow::Borrowed(values), 1.0);
    }
    let unit = 2.0_f64.powi(exponent.clamp(-1022, 1022));
    (Cow::Owned(values.iter().map(|value| value / unit).collect()), unit)
}

/// Compensated sum (Neumaier 1974).
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut total = 0.0_f64;
    let mut lost = 0.0_f64;
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    total + lost
}
