//! The Sharpe ratio, its standard error, and what multiple testing leaves of it.
//!
//! Everything statistical works per period; only the functions named `_annual` annualise.
//! Moments are those of the population (divisor n) and the kurtosis is raw: 3 for the normal
//! distribution. Using excess kurtosis here is a common error.

use serde::Serialize;

use crate::check::{self, defined, ratio, undefined};
use crate::compare::sharpe_difference::Standardised;
use crate::error::{Result, RiskError};
use crate::moments::{Moments, sum};
use crate::numeric::distribution::{normal_cdf, normal_quantile};
use crate::numeric::parzen::{parzen_bandwidth, parzen_long_run_variance};

/// Euler's constant, of the expected maximum of normal variables.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// Sharpe ratio per period and the moments its sampling error depends on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SharpeMoments {
    /// Mean over standard deviation (divisor n - 1), per period, not annualised.
    pub sharpe: f64,
    /// Skewness of the returns, divisor n.
    pub skewness: f64,
    /// Raw kurtosis of the returns, divisor n.
    pub kurtosis: f64,
    /// Number of returns.
    pub n: usize,
}

impl SharpeMoments {
    /// Sharpe ratio and moments of simple returns, risk-free rate 0.
    ///
    /// # Errors
    /// Fewer than two returns, one that is not finite, or a constant series.
    pub fn of(returns: &[f64]) -> Result<Self> {
        check::series(returns, 2)?;
        let moments = Moments::of(returns)?;
        Ok(Self {
            sharpe: sharpe_of(&moments)?,
            skewness: moments.skewness_population()?,
            kurtosis: moments.kurtosis_population()?,
            n: moments.n,
        })
    }

    /// Sampling variance of the Sharpe ratio (Mertens 2002), divisor n - 1 as in Bailey & Lopez
    /// de Prado (2012): `(1 - skewness SR + (kurtosis - 1) / 4 SR^2) / (n - 1)`.
    ///
    /// # Errors
    /// Fewer than two returns, or moments that no distribution can have.
    pub fn variance(&self) -> Result<f64> {
        if self.n < 2 {
            return Err(RiskError::TooFewObservations { n: self.n, n_min: 2 });
        }
        Ok(self.variance_factor()? / (self.n - 1) as f64)
    }

    /// Root of [`SharpeMoments::variance`], per period; times the root of the periods per year
    /// it is the error of the annual ratio.
    ///
    /// # Errors
    /// As [`SharpeMoments::variance`].
    pub fn standard_error(&self) -> Result<f64> {
        self.variance().map(f64::sqrt)
    }

    /// Probabilistic Sharpe ratio: the probability that the true ratio exceeds `benchmark` (per
    /// period), with the variance at the observed ratio (Bailey & Lopez de Prado 2012).
    ///
    /// # Errors
    /// As [`SharpeMoments::variance`], or a variance of zero.
    pub fn probabilistic(&self, benchmark: f64) -> Result<f64> {
        check::finite_parameter("benchmark", benchmark)?;
        let distance = ratio(
            "psr",
            self.sharpe - benchmark,
            self.standard_error()?,
            "the standard error of the Sharpe ratio is zero",
        )?;
        Ok(normal_cdf(distance))
    }

    /// Deflated Sharpe ratio (Bailey & Lopez de Prado 2014): [`SharpeMoments::probabilistic`]
    /// against the best of `trials` worthless strategies, see [`expected_max_sharpe`].
    ///
    /// # Errors
    /// As [`SharpeMoments::probabilistic`] and [`expected_max_sharpe`].
    pub fn deflated(&self, trials: f64, variance_across_trials: f64) -> Result<f64> {
        self.probabilistic(expected_max_sharpe(trials, variance_across_trials)?)
    }

    /// Number of observations needed to say with `confidence` that the ratio exceeds
    /// `benchmark` (per period): `1 + (variance factor) (z / (SR - benchmark))^2`.
    ///
    /// # Errors
    /// A ratio not above the benchmark, or a confidence outside (0, 1).
    pub fn min_track_record_length(&self, benchmark: f64, confidence: f64) -> Result<f64> {
        check::open_unit("confidence", confidence)?;
        check::finite_parameter("benchmark", benchmark)?;
        let excess = self.sharpe - benchmark;
        if excess <= 0.0 {
            return Err(undefined(
                "min_track_record_length",
                "the Sharpe ratio does not exceed the benchmark",
            ));
        }
        let scaled = normal_quantile(confidence) / excess;
        defined("min_track_record_length", 1.0 + self.variance_factor()? * scaled * scaled)
    }

    fn variance_factor(&self) -> Result<f64> {
        let factor =
            1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe.powi(2);
        check::require(
            factor >= 0.0,
            "kurtosis",
            self.kurtosis,
            "at least 1 + skewness^2, as it is for every distribution",
        )?;
        defined("sharpe_variance", factor)
    }
}

/// Sharpe ratio per period: mean excess over `risk_free` (per period) divided by the standard
/// deviation with divisor n - 1 (Sharpe 1994, arithmetic mean).
///
/// # Errors
/// Fewer than two returns, one that is not finite, or a constant series.
pub fn sharpe(returns: &[f64], risk_free: f64) -> Result<f64> {
    check::series(returns, 2)?;
    check::finite_parameter("risk_free", risk_free)?;
    let mut moments = Moments::of(returns)?;
    moments.mean -= risk_free;
    sharpe_of(&moments)
}

/// [`sharpe`] times the root of `periods_per_year`.
///
/// # Errors
/// As [`sharpe`].
pub fn sharpe_annual(returns: &[f64], risk_free: f64, periods_per_year: f64) -> Result<f64> {
    check::positive("periods_per_year", periods_per_year)?;
    let per_period = sharpe(returns, risk_free)?;
    defined("sharpe_annual", per_period * periods_per_year.sqrt())
}

/// Standard error of [`sharpe_annual`] at risk-free rate 0 (Mertens 2002), see
/// [`SharpeMoments::variance`].
///
/// # Errors
/// As [`SharpeMoments::of`].
pub fn sharpe_standard_error_annual(returns: &[f64], periods_per_year: f64) -> Result<f64> {
    check::positive("periods_per_year", periods_per_year)?;
    let per_period = SharpeMoments::of(returns)?.standard_error()?;
    defined("sharpe_standard_error", per_period * periods_per_year.sqrt())
}

/// Sampling variance of the Sharpe ratio for independent normal returns (Lo 2002):
/// `(1 + SR^2 / 2) / n`.
///
/// # Errors
/// No observation, or a ratio that is not finite.
pub fn sharpe_variance_normal(sharpe: f64, n: usize) -> Result<f64> {
    check::finite_parameter("sharpe", sharpe)?;
    if n == 0 {
        return Err(RiskError::TooFewObservations { n, n_min: 1 });
    }
    defined("sharpe_variance", (1.0 + sharpe * sharpe / 2.0) / n as f64)
}

/// Standard error of the per-period Sharpe ratio of returns that are autocorrelated and of any
/// distribution: Lo (2002, equations 12 to 15) with the Parzen kernel, the bandwidth of Andrews
/// (1991) and the correction `n / (n - 4)` of Ledoit & Wolf (2008). Without autocorrelation it
/// is that of Mertens ([`SharpeMoments::standard_error`]) but for the divisor.
///
/// # Errors
/// Fewer than ten returns, one that is not finite, or a constant series.
pub fn sharpe_standard_error_autocorrelated(returns: &[f64]) -> Result<f64> {
    const OBSERVATIONS_MIN: usize = 10;
    check::series(returns, OBSERVATIONS_MIN)?;
    let influence: Vec<f64> = Standardised::of(returns)?.influence().collect();
    let bandwidth = parzen_bandwidth(&[(&influence, 0.0)]);
    let variance = parzen_long_run_variance(&influence, bandwidth);
    if variance <= 0.0 {
        return Err(undefined("sharpe_standard_error", "the long-run variance is zero"));
    }
    defined("sharpe_standard_error", (variance / (returns.len() as f64 - 4.0)).sqrt())
}

/// Factor that annualises a per-period Sharpe ratio of autocorrelated returns (Lo 2002,
/// equation 20): `q / sqrt(q + 2 sum (q - k) rho_k)`, k from 1 to q - 1, in place of `sqrt(q)`.
///
/// # Errors
/// `periods` of 0 or not below the number of returns, a constant series, or autocorrelations so
/// negative that the annual variance is not positive.
pub fn sharpe_annualisation_factor(returns: &[f64], periods: usize) -> Result<f64> {
    check::series(returns, periods.saturating_add(1).max(2))?;
    check::require(periods > 0, "periods", periods as f64, "at least 1")?;
    let moments = Moments::of(returns)?;
    if moments.is_constant() {
        return Err(undefined("sharpe_annualisation_factor", CONSTANT));
    }
    let n = returns.len();
    let deviation = moments.standard_deviation_population();
    let scores: Vec<f64> = returns.iter().map(|r| (r - moments.mean) / deviation).collect();
    let correlation = |lag: usize| sum((lag..n).map(|t| scores[t] * scores[t - lag])) / n as f64;
    let q = periods as f64;
    let weighted = sum((1..periods).map(|lag| (q - lag as f64) * correlation(lag)));
    let variance = q + 2.0 * weighted;
    if variance <= 0.0 {
        return Err(undefined(
            "sharpe_annualisation_factor",
            "the autocorrelations leave no positive variance",
        ));
    }
    defined("sharpe_annualisation_factor", q / variance.sqrt())
}

/// Expected largest Sharpe ratio of `trials` independent strategies without skill, given the
/// variance of the (per-period) ratio across trials (Bailey & Lopez de Prado 2014):
/// `sqrt(V) ((1 - g) z(1 - 1/N) + g z(1 - 1/(N e)))`, g Euler's constant.
///
/// `trials` is the effective number and need not be whole. One trial has no maximum to expect:
/// the value is 0, as it is wherever the approximation (poor below 2 trials) turns negative.
///
/// # Errors
/// Fewer than one trial, or a negative variance.
pub fn expected_max_sharpe(trials: f64, variance_across_trials: f64) -> Result<f64> {
    check::require(trials >= 1.0 && trials.is_finite(), "trials", trials, "finite and at least 1")?;
    check::require(
        variance_across_trials >= 0.0 && variance_across_trials.is_finite(),
        "variance_across_trials",
        variance_across_trials,
        "finite and at least 0",
    )?;
    if trials <= 1.0 {
        return Ok(0.0);
    }
    // z(1 - p) = -z(p): the small probability itself keeps its digits.
    let first = -normal_quantile(1.0 / trials);
    let second = -normal_quantile(1.0 / (trials * std::f64::consts::E));
    let maximum = (1.0 - EULER_GAMMA) * first + EULER_GAMMA * second;
    // As many trials as a double holds have no finite maximum.
    let maximum = defined("expected_max_sharpe", maximum)?.max(0.0);
    defined("expected_max_sharpe", variance_across_trials.sqrt() * maximum)
}

const CONSTANT: &str = "all returns are equal";

fn sharpe_of(moments: &Moments) -> Result<f64> {
    if moments.is_constant() {
        return Err(undefined("sharpe", CONSTANT));
    }
    ratio("sharpe", moments.mean, moments.standard_deviation_sample()?, CONSTANT)
}
