//! Is the difference of two Sharpe ratios more than chance?
//!
//! Three tests of the same hypothesis, from the most assumptions to the fewest:
//!
//! | test | assumes |
//! |---|---|
//! | [`sharpe_difference`] (Jobson & Korkie 1981, Memmel 2003) | normal and independent returns |
//! | [`sharpe_difference_hac`] (Ledoit & Wolf 2008) | a sample large for its autocorrelation |
//! | [`sharpe_difference_bootstrap`](super::sharpe_bootstrap::sharpe_difference_bootstrap) (the same) | the least; the choice for a few hundred periods |
//!
//! Returns that cluster or trend, as those of most strategies, can turn the verdict of the first
//! round: of two hedge funds in Ledoit & Wolf's data it says p = 0.010, the second 0.158.
//!
//! None of them is for rules that only rescale the exposure of the same trades: twice the returns
//! have the same Sharpe ratio, whatever they do to growth and to the risk of ruin. Such rules are
//! compared by log growth and drawdown ([`super::paired`]).

use serde::Serialize;

use super::binary_scale;
use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, sum};
use crate::numeric::distribution::normal_cdf;
use crate::numeric::parzen::{parzen_bandwidth, parzen_long_run_variance};

/// What a ratio to a standard deviation lacks where nothing varies.
const CONSTANT: &str = "the series is constant";
/// What a difference of ratios lacks where one column is the other times a number.
const PROPORTIONAL: &str = "the two columns are proportional";
/// Observations for a long-run variance: the correction divides by n - 4.
const HAC_OBSERVATIONS_MIN: usize = 10;

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

/// The same with a standard error that allows for autocorrelation and heavy tails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HacSharpeDifference {
    /// First minus second, per period, standard deviations with divisor n.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// The difference over its standard error.
    pub z: f64,
    /// Two-sided p-value of no difference, by the normal distribution.
    pub p_value: f64,
    /// Bandwidth of the Parzen kernel: lags from it on have no weight.
    pub bandwidth_periods: f64,
}

/// Up to which lag autocovariances count towards the long-run variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bandwidth {
    /// By the rule of Andrews (1991) from a first-order autoregression of the series whose mean
    /// the difference is (its influence function). Does not depend on the unit of the returns.
    OfDifference,
    /// By the same rule from autoregressions of the two returns and of their squares with equal
    /// weights, as Ledoit & Wolf publish it. Depends on the unit: theirs are per cent a month.
    OfMoments,
    /// Given, in periods: 0 for independence over time.
    Periods(f64),
}

/// Test of two Sharpe ratios being equal (Jobson & Korkie 1981, corrected by Memmel 2003): the
/// variance of the difference is
/// `(2 - 2 rho + (SR_1^2 + SR_2^2 - 2 SR_1 SR_2 rho^2) / 2) / n`.
///
/// It assumes returns that are normal and independent over time.
///
/// # Errors
/// Columns of different length, fewer than two returns, one that is not finite, a constant
/// column, or columns whose difference has no variance.
pub fn sharpe_difference(first: &[f64], second: &[f64]) -> Result<SharpeDifference> {
    let [a, b] = standardised(first, second, 2)?;
    let n = first.len() as f64;
    let rho = (sum(a.scores.iter().zip(&b.scores).map(|(x, y)| x * y)) / n).clamp(-1.0, 1.0);
    let squares = a.ratio * a.ratio + b.ratio * b.ratio - 2.0 * a.ratio * b.ratio * rho * rho;
    let variance = (2.0 - 2.0 * rho + 0.5 * squares) / n;
    // Of proportional columns the two parts cancel but for their rounding.
    if variance <= 1e-14 / n {
        return Err(undefined("sharpe_difference", PROPORTIONAL));
    }
    let difference = a.ratio - b.ratio;
    let z = defined("sharpe_difference", difference / variance.sqrt())?;
    Ok(SharpeDifference { difference, z, p_value: (2.0 * normal_cdf(-z.abs())).min(1.0) })
}

/// Test of two Sharpe ratios being equal with a heteroskedasticity and autocorrelation consistent
/// standard error (Ledoit & Wolf 2008, "Robust Performance Hypothesis Testing with the Sharpe
/// Ratio", Journal of Empirical Finance 15, 850-859, section 3.1): Parzen kernel, correction
/// `n / (n - 4)`.
///
/// # Errors
/// Columns of different length, fewer than ten returns, one that is not finite, a constant
/// column, proportional columns, or a bandwidth that is negative or not finite.
pub fn sharpe_difference_hac(
    first: &[f64],
    second: &[f64],
    bandwidth: Bandwidth,
) -> Result<HacSharpeDifference> {
    let [a, b] = standardised(first, second, HAC_OBSERVATIONS_MIN)?;
    let influence = influence(&a, &b);
    let n = first.len() as f64;
    let mean_square = sum(influence.iter().map(|u| u * u)) / n;
    let size = 1.0 + a.ratio * a.ratio + b.ratio * b.ratio;
    if mean_square.sqrt() <= 1e-12 * size {
        return Err(undefined("sharpe_difference_hac", PROPORTIONAL));
    }
    let bandwidth_periods = match bandwidth {
        Bandwidth::Periods(periods) => {
            let holds = periods >= 0.0 && periods.is_finite();
            check::require(holds, "bandwidth", periods, "finite and at least 0")?;
            periods
        }
        Bandwidth::OfDifference => parzen_bandwidth(&[(&influence, 0.0)]),
        Bandwidth::OfMoments => {
            let (x2, y2) = (a.deviations_of_squares(), b.deviations_of_squares());
            // Fourth powers of the unit of each series.
            let (unit_a, unit_b) = (4.0 * a.log2_unit, 4.0 * b.log2_unit);
            parzen_bandwidth(&[
                (&a.scores, unit_a),
                (&b.scores, unit_b),
                (&x2, 2.0 * unit_a),
                (&y2, 2.0 * unit_b),
            ])
        }
    };
    let variance = parzen_long_run_variance(&influence, bandwidth_periods) * n / (n - 4.0);
    if variance <= 0.0 {
        let reason = "the long-run variance of the difference is zero";
        return Err(undefined("sharpe_difference_hac", reason));
    }
    let difference = a.ratio - b.ratio;
    let standard_error = (variance / n).sqrt();
    let z = defined("sharpe_difference_hac", difference / standard_error)?;
    let p_value = (2.0 * normal_cdf(-z.abs())).min(1.0);
    Ok(HacSharpeDifference { difference, standard_error, z, p_value, bandwidth_periods })
}

/// A column of returns in units of its own standard deviation.
#[derive(Debug, Clone)]
pub(crate) struct Standardised {
    /// Sharpe ratio per period.
    pub(crate) ratio: f64,
    /// Returns less their mean, over their standard deviation.
    pub(super) scores: Vec<f64>,
    /// Logarithm to base 2 of the standard deviation in the unit of the returns.
    log2_unit: f64,
}

impl Standardised {
    /// # Errors
    /// An empty or a constant column, or a value that is not finite.
    pub(crate) fn of(returns: &[f64]) -> Result<Self> {
        // By a power of two, which changes no digit but keeps the squares in range.
        let scale = binary_scale(returns);
        let scaled: Vec<f64> = returns.iter().map(|r| r / scale).collect();
        let moments = Moments::of(&scaled)?;
        if moments.is_constant() {
            return Err(undefined("sharpe_difference", CONSTANT));
        }
        let deviation = moments.standard_deviation_population();
        let ratio = defined("sharpe_difference", moments.mean / deviation)?;
        let scores = scaled.iter().map(|r| (r - moments.mean) / deviation).collect();
        Ok(Self { ratio, scores, log2_unit: scale.log2() + deviation.log2() })
    }

    /// The influence of each period on the ratio, `z - SR (z^2 - 1) / 2`: its mean is zero and
    /// its long-run variance that of the ratio times n.
    pub(crate) fn influence(&self) -> impl Iterator<Item = f64> {
        self.scores.iter().map(|z| z - 0.5 * self.ratio * (z * z - 1.0))
    }

    /// Squared returns less their mean, over the variance.
    fn deviations_of_squares(&self) -> Vec<f64> {
        self.scores.iter().map(|z| z * z - 1.0 + 2.0 * self.ratio * z).collect()
    }
}

/// Both columns checked and in units of their standard deviations.
pub(super) fn standardised(
    first: &[f64],
    second: &[f64],
    n_min: usize,
) -> Result<[Standardised; 2]> {
    check::series(first, n_min)?;
    check::series(second, n_min)?;
    if first.len() != second.len() {
        return Err(RiskError::LengthMismatch {
            name: "column",
            index: 1,
            length: second.len(),
            expected: first.len(),
        });
    }
    Ok([Standardised::of(first)?, Standardised::of(second)?])
}

/// The influence of each period on the difference: its mean is zero and its long-run variance
/// that of the difference times n. It is the gradient of Ledoit & Wolf's equation 4 times their
/// moments.
fn influence(a: &Standardised, b: &Standardised) -> Vec<f64> {
    a.influence().zip(b.influence()).map(|(a, b)| a - b).collect()
}
