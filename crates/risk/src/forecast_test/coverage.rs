//! As many violations as promised? The likelihood ratio of Kupiec (1995), the binomial tests and
//! the zones of the Basel Committee.

use std::cmp::Ordering;

use serde::Serialize;

use super::{ChiSquaredTest, TwoSidedTest, chi_squared_quantile};
use crate::check::{self, undefined};
use crate::error::{Result, RiskError};
use crate::numeric::chi_squared::{binomial_cdf, binomial_pmf, binomial_upper};
use crate::numeric::distribution::deviance;

/// Cumulative probabilities at which the yellow and the red zone begin (Basel Committee 1996).
const YELLOW_FROM: f64 = 0.95;
const RED_FROM: f64 = 0.9999;

/// The unconditional coverage of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Periods with a forecast.
    pub n: usize,
    /// Returns below their quantile.
    pub violations: usize,
    /// Violations promised: `alpha n`.
    pub expected: f64,
    /// Violations over those promised ("actual over expected"); above 1 the risk was understated.
    pub actual_over_expected: f64,
    /// Kupiec's likelihood ratio, one degree of freedom.
    pub likelihood_ratio: ChiSquaredTest,
    /// `(x - alpha n) / sqrt(alpha (1 - alpha) n)` against the normal distribution.
    pub binomial_z: TwoSidedTest,
    /// Two-sided exact binomial p-value: the chance of a count no more likely than this one.
    pub binomial_exact_p: f64,
    /// Zone of the Basel Committee.
    pub zone: BaselZone,
}

impl Coverage {
    /// Coverage of the violations at tail probability `alpha`.
    ///
    /// # Errors
    /// No period, or `alpha` outside (0, 1).
    pub fn of(violations: &[bool], alpha: f64) -> Result<Self> {
        Self::of_count(violations.iter().filter(|hit| **hit).count(), violations.len(), alpha)
    }

    /// The same for a count of violations among `n` periods.
    ///
    /// # Errors
    /// No period, more violations than periods, or `alpha` outside (0, 1).
    pub fn of_count(violations: usize, n: usize, alpha: f64) -> Result<Self> {
        let expected = alpha * n as f64;
        Ok(Self {
            n,
            violations,
            expected,
            likelihood_ratio: kupiec(violations, n, alpha)?,
            actual_over_expected: check::defined(
                "actual_over_expected",
                violations as f64 / expected,
            )?,
            binomial_z: binomial_z(violations, n, alpha)?,
            binomial_exact_p: binomial_exact_p(violations, n, alpha)?,
            zone: BaselZone::of(violations, n, alpha)?,
        })
    }
}

/// Zones of the supervisory framework for backtesting (Basel Committee 1996). At 250 days and
/// `alpha` 1 %: green up to 4 violations, yellow up to 9, red from 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselZone {
    /// A right forecast has so few violations or fewer with a probability below 95 %.
    Green,
    /// From 95 % to 99.99 %.
    Yellow,
    /// 99.99 % and more: almost surely wrong.
    Red,
}

impl BaselZone {
    /// Zone of a count of violations.
    ///
    /// # Errors
    /// No period, more violations than periods, or `alpha` outside (0, 1).
    pub fn of(violations: usize, n: usize, alpha: f64) -> Result<Self> {
        check_counts(violations, n, alpha)?;
        let cumulative = binomial_cdf(violations as f64, n as f64, alpha);
        Ok(if cumulative < YELLOW_FROM {
            Self::Green
        } else if cumulative < RED_FROM {
            Self::Yellow
        } else {
            Self::Red
        })
    }
}

/// Likelihood ratio of unconditional coverage (Kupiec 1995):
/// `2 (x ln(pi / alpha) + (n - x) ln((1 - pi) / (1 - alpha)))`, `pi = x / n`, chi-squared with one
/// degree of freedom.
///
/// Both terms are taken as deviances, in logarithms, so that a long sample does not underflow and
/// a coverage near `alpha` loses no digits.
///
/// # Errors
/// No period, more violations than periods, or `alpha` outside (0, 1).
pub fn kupiec(violations: usize, n: usize, alpha: f64) -> Result<ChiSquaredTest> {
    check_counts(violations, n, alpha)?;
    ChiSquaredTest::new("kupiec", likelihood_ratio(violations, n, alpha), 1)
}

/// Normal approximation to the count: `(x - alpha n) / sqrt(alpha (1 - alpha) n)`. Poor where
/// `alpha n` is below about 10.
///
/// # Errors
/// No period, more violations than periods, or `alpha` outside (0, 1).
pub fn binomial_z(violations: usize, n: usize, alpha: f64) -> Result<TwoSidedTest> {
    check_counts(violations, n, alpha)?;
    let expected = alpha * n as f64;
    let deviation = (expected * (1.0 - alpha)).sqrt();
    TwoSidedTest::normal("binomial_z", (violations as f64 - expected) / deviation)
}

/// Exact two-sided binomial p-value: the total probability of the counts that are no more likely
/// than the one observed.
///
/// # Errors
/// No period, more violations than periods, or `alpha` outside (0, 1).
pub fn binomial_exact_p(violations: usize, n: usize, alpha: f64) -> Result<f64> {
    check_counts(violations, n, alpha)?;
    let (x, trials) = (violations as f64, n as f64);
    // Equal probabilities may differ in their last digits.
    let threshold = binomial_pmf(x, trials, alpha) * (1.0 + 1e-7);
    let as_rare = |count: usize| binomial_pmf(count as f64, trials, alpha) <= threshold;
    // The probabilities rise up to the mode and fall after it.
    let mode = ((trials + 1.0) * alpha).floor().min(trials) as usize;
    let p_value = match violations.cmp(&mode) {
        Ordering::Less => {
            let first = partition_point(mode, n + 1, |count| !as_rare(count));
            binomial_cdf(x, trials, alpha) + binomial_upper(first as f64, trials, alpha)
        }
        Ordering::Greater => {
            let end = partition_point(0, mode, as_rare);
            binomial_cdf(end as f64 - 1.0, trials, alpha) + binomial_upper(x, trials, alpha)
        }
        Ordering::Equal => 1.0,
    };
    Ok(p_value.min(1.0))
}

/// Smallest and largest count of violations that Kupiec's test keeps at the `confidence` level
/// (0.95: the likelihood ratio stays below 3.84).
///
/// # Errors
/// No period, `alpha` or `confidence` outside (0, 1), or no count that is kept.
pub fn nonrejection_region(n: usize, alpha: f64, confidence: f64) -> Result<(usize, usize)> {
    check_counts(0, n, alpha)?;
    let critical = chi_squared_quantile(confidence, 1)?;
    let kept = |count: usize| likelihood_ratio(count, n, alpha) < critical;
    // The ratio falls up to `alpha n` and rises after it.
    let below = (alpha * n as f64).floor().min(n as f64) as usize;
    let above = (below + 1).min(n);
    match (kept(below), kept(above)) {
        (false, false) => {
            Err(undefined("kupiec_nonrejection_region", "every count of violations is rejected"))
        }
        (at_below, at_above) => {
            let (start, end) =
                (if at_below { below } else { above }, if at_above { above } else { below });
            let first = partition_point(0, start, |count| !kept(count));
            let last = partition_point(end, n + 1, kept) - 1;
            Ok((first, last))
        }
    }
}

/// Kupiec's statistic of counts already checked.
pub(super) fn likelihood_ratio(violations: usize, n: usize, alpha: f64) -> f64 {
    let (x, size) = (violations as f64, n as f64);
    2.0 * (deviance(x, size * alpha) + deviance(size - x, size * (1.0 - alpha)))
}

pub(super) fn check_counts(violations: usize, n: usize, alpha: f64) -> Result<()> {
    check::open_unit("alpha", alpha)?;
    if n == 0 {
        return Err(RiskError::TooFewObservations { n, n_min: 1 });
    }
    check::require(
        violations <= n,
        "violations",
        violations as f64,
        "at most the number of periods",
    )
}

/// The first of `[low, high)` for which `before` is false, or `high`; `before` turns once.
fn partition_point(mut low: usize, mut high: usize, before: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
