//! Return, growth and gain-to-pain ratios of a column of simple per-period returns.
//!
//! Returns compound: `W_t = W_{t-1} (1 + r_t)`, `W_0 = 1`. A return of -1 or worse is ruin:
//! wealth stays at 0 from there on, so the total return and the CAGR are -1 while the sum of
//! log returns is [`RiskError::Ruined`]. `periods_per_year` is explicit: 365 for daily data of a
//! market that never closes. The Sharpe family has a module of its own, [`crate::sharpe`].

use crate::check::{self, defined, ratio, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, in_unit, mean, sum};
use crate::quantile::{quantile_sorted, sorted};
use crate::trade_statistics::gain_loss_ratio;

/// Fewest observations at which [`tail_ratio`] says something about a tail.
pub const TAIL_RATIO_OBSERVATIONS_ADVISED: usize = 20;

/// Position of the first return of -100 % or worse, if there is one.
pub fn first_ruin(returns: &[f64]) -> Option<usize> {
    returns.iter().position(|r| *r <= -1.0)
}

/// Compounded return of the whole sample; -1 after ruin.
///
/// # Errors
/// A value that is not finite, or an empty sample.
pub fn total_return(returns: &[f64]) -> Result<f64> {
    match log_return_sum(returns) {
        Ok(growth) => defined("total_return", growth.exp_m1()),
        Err(RiskError::Ruined { .. }) => Ok(-1.0),
        Err(other) => Err(other),
    }
}

/// Sum of `ln(1 + r)`.
///
/// # Errors
/// A value that is not finite, an empty sample, or [`RiskError::Ruined`].
pub fn log_return_sum(returns: &[f64]) -> Result<f64> {
    check::series(returns, 1)?;
    match first_ruin(returns) {
        Some(index) => Err(RiskError::Ruined { index }),
        None => Ok(sum(returns.iter().map(|r| r.ln_1p()))),
    }
}

/// Compound annual growth rate `(W_n / W_0)^(periods_per_year / n) - 1`, n the number of
/// returns; -1 after ruin.
///
/// # Errors
/// A value that is not finite, an empty sample, or a rate beyond the range of a double.
pub fn cagr(returns: &[f64], periods_per_year: f64) -> Result<f64> {
    check::positive("periods_per_year", periods_per_year)?;
    match log_return_sum(returns) {
        Ok(growth) => {
            let years = returns.len() as f64 / periods_per_year;
            defined("cagr", (growth / years).exp_m1())
        }
        Err(RiskError::Ruined { .. }) => Ok(-1.0),
        Err(other) => Err(other),
    }
}

/// Annualised standard deviation, divisor n - 1.
///
/// # Errors
/// A value that is not finite, or fewer than two.
pub fn volatility_annual(returns: &[f64], periods_per_year: f64) -> Result<f64> {
    check::positive("periods_per_year", periods_per_year)?;
    check::series(returns, 2)?;
    let deviation = Moments::of(returns)?.standard_deviation_sample()?;
    defined("volatility_annual", deviation * periods_per_year.sqrt())
}

/// Root mean squared shortfall below `minimum_return` (per period), divisor all n.
///
/// # Errors
/// A value that is not finite, or an empty sample.
pub fn downside_deviation(returns: &[f64], minimum_return: f64) -> Result<f64> {
    check::series(returns, 1)?;
    check::finite_parameter("minimum_return", minimum_return)?;
    let shortfalls: Vec<f64> = returns.iter().map(|r| (r - minimum_return).min(0.0)).collect();
    let (shortfalls, unit) = in_unit(&shortfalls);
    let mean_square = sum(shortfalls.iter().map(|d| d * d)) / returns.len() as f64;
    defined("downside_deviation", mean_square.sqrt() * unit)
}

/// Sortino ratio per period: mean excess over `minimum_return`, divided by
/// [`downside_deviation`] (Sortino & Price 1994).
///
/// # Errors
/// Fewer than two returns, or none below the minimum.
pub fn sortino(returns: &[f64], minimum_return: f64) -> Result<f64> {
    check::series(returns, 2)?;
    let deviation = downside_deviation(returns, minimum_return)?;
    let largest = returns.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
    if deviation <= 1e-15 * largest {
        return Err(undefined("sortino", "no return is below the minimum"));
    }
    ratio("sortino", mean(returns)? - minimum_return, deviation, "no return is below the minimum")
}

/// [`sortino`] times the root of `periods_per_year`; `minimum_return` stays per period.
///
/// # Errors
/// Fewer than two returns, or none below the minimum.
pub fn sortino_annual(returns: &[f64], minimum_return: f64, periods_per_year: f64) -> Result<f64> {
    check::positive("periods_per_year", periods_per_year)?;
    let per_period = sortino(returns, minimum_return)?;
    defined("sortino_annual", per_period * periods_per_year.sqrt())
}

/// CAGR over maximum drawdown of the same window (Young 1991, without his 36 months).
///
/// # Errors
/// Fewer than two returns, or a sample without drawdown.
pub fn calmar(returns: &[f64], periods_per_year: f64) -> Result<f64> {
    check::series(returns, 2)?;
    ratio(
        "calmar",
        cagr(returns, periods_per_year)?,
        crate::drawdown::max_drawdown(returns)?,
        "the sample has no drawdown",
    )
}

/// Sterling ratio: CAGR over maximum drawdown plus `excess` (customarily 0.10).
///
/// # Errors
/// Fewer than two returns, a negative `excess`, or a zero denominator.
pub fn sterling(returns: &[f64], periods_per_year: f64, excess: f64) -> Result<f64> {
    check::series(returns, 2)?;
    check::require(excess >= 0.0 && excess.is_finite(), "excess", excess, "finite and at least 0")?;
    ratio(
        "sterling",
        cagr(returns, periods_per_year)?,
        crate::drawdown::max_drawdown(returns)? + excess,
        "drawdown and excess are both zero",
    )
}

/// Omega (Keating & Shadwick 2002): sum of returns above `threshold` (per period) over the sum
/// below. At 0 it is the profit factor of the periods.
///
/// # Errors
/// [`RiskError::NoLosses`] where nothing lies below the threshold and something above;
/// [`RiskError::Undefined`] where every return equals it.
pub fn omega(returns: &[f64], threshold: f64) -> Result<f64> {
    check::series(returns, 1)?;
    check::finite_parameter("threshold", threshold)?;
    let distances: Vec<f64> = returns.iter().map(|r| r - threshold).collect();
    let (distances, _) = in_unit(&distances);
    let gains = sum(distances.iter().map(|d| d.max(0.0)));
    let losses = sum(distances.iter().map(|d| (-d).max(0.0)));
    gain_loss_ratio("omega", gains, losses)
}

/// `|95 % quantile| / |5 % quantile|`, type 7. Says little below
/// [`TAIL_RATIO_OBSERVATIONS_ADVISED`] observations.
///
/// # Errors
/// A value that is not finite, an empty sample, or a 5 % quantile of zero.
pub fn tail_ratio(returns: &[f64]) -> Result<f64> {
    check::series(returns, 1)?;
    let ascending = sorted(returns);
    ratio(
        "tail_ratio",
        quantile_sorted(&ascending, 0.95).abs(),
        quantile_sorted(&ascending, 0.05).abs(),
        "the 5 % quantile is zero",
    )
}
