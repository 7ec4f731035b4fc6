//! Sums, mean, variance, skewness and kurtosis.
//!
//! Sums are compensated (Neumaier 1974) and central moments are taken about the mean in a
//! second pass, so a large mean does not eat a small variance.

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};

/// Central moments of a sample.
///
/// `m2`, `m3`, `m4` are the mean second, third and fourth powers of the deviation from the mean
/// (divisor n).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of observations.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Mean squared deviation.
    pub m2: f64,
    /// Mean cubed deviation.
    pub m3: f64,
    /// Mean fourth power of the deviation.
    pub m4: f64,
    largest: f64,
}

impl Moments {
    /// Moments of `values`.
    ///
    /// # Errors
    /// A value that is not finite, an empty slice, or values so large that a moment overflows.
    pub fn of(values: &[f64]) -> Result<Self> {
        check::series(values, 1)?;
        let n = values.len() as f64;
        let mean = defined("mean", sum(values.iter().copied()) / n)?;
        let power = |k: i32| sum(values.iter().map(|value| (value - mean).powi(k))) / n;
        let largest = values.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()));
        Ok(Self {
            n: values.len(),
            mean,
            m2: defined("variance", power(2))?,
            m3: defined("third moment", power(3))?,
            m4: defined("fourth moment", power(4))?,
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
    /// Fewer than two observations.
    pub fn variance_sample(&self) -> Result<f64> {
        self.at_least(2)?;
        let n = self.n as f64;
        Ok(self.m2 * (n / (n - 1.0)))
    }

    /// Standard deviation with divisor n - 1.
    ///
    /// # Errors
    /// Fewer than two observations.
    pub fn standard_deviation_sample(&self) -> Result<f64> {
        self.variance_sample().map(f64::sqrt)
    }

    /// Standard deviation with divisor n.
    pub fn standard_deviation_population(&self) -> f64 {
        self.m2.sqrt()
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

    fn at_least(&self, n_min: usize) -> Result<()> {
        if self.n < n_min {
            Err(RiskError::TooFewObservations { n: self.n, n_min })
        } else {
            Ok(())
        }
    }

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
    defined("mean", sum(values.iter().copied()) / values.len() as f64)
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
