//! Statistics of a list of closed trades.
//!
//! The inputs are profits per trade: money for [`win_rate`], [`payoff_ratio`] and the money
//! [`expectancy`]; R multiples (net profit over initial stop risk) for the R expectancy and
//! [`system_quality_number`].

use crate::check::{self, ratio, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{Moments, in_unit, mean, sum};

/// Share of trades with a profit above zero, 0 to 1.
///
/// # Errors
/// A value that is not finite, or no trade.
pub fn win_rate(profits: &[f64]) -> Result<f64> {
    check::series(profits, 1)?;
    let wins = profits.iter().filter(|profit| **profit > 0.0).count();
    Ok(wins as f64 / profits.len() as f64)
}

/// Mean winning profit over mean losing loss, above 0.
///
/// # Errors
/// [`RiskError::NoLosses`] where trades win and none loses, [`RiskError::Undefined`] where none
/// wins.
pub fn payoff_ratio(profits: &[f64]) -> Result<f64> {
    check::series(profits, 1)?;
    let wins: Vec<f64> = profits.iter().copied().filter(|p| *p > 0.0).collect();
    let losses: Vec<f64> = profits.iter().copied().filter(|p| *p < 0.0).collect();
    if wins.is_empty() {
        return Err(undefined("payoff_ratio", "no trade won"));
    }
    if losses.is_empty() {
        return Err(RiskError::NoLosses);
    }
    ratio("payoff_ratio", mean(&wins)?, -mean(&losses)?, "the mean loss is zero")
}

/// Mean profit per trade, in the unit of the input (money, or R multiples).
///
/// # Errors
/// A value that is not finite, or no trade.
pub fn expectancy(profits: &[f64]) -> Result<f64> {
    mean(profits)
}

/// Sum of gains over the absolute sum of losses; on trade profits or on period returns.
///
/// # Errors
/// [`RiskError::NoLosses`] where there are gains and no loss, [`RiskError::Undefined`] where
/// there is neither.
pub fn profit_factor(profits: &[f64]) -> Result<f64> {
    check::series(profits, 1)?;
    let (profits, _) = in_unit(profits);
    let gains = sum(profits.iter().map(|profit| profit.max(0.0)));
    let losses = sum(profits.iter().map(|profit| (-profit).max(0.0)));
    gain_loss_ratio("profit_factor", gains, losses)
}

/// System quality number `sqrt(n) mean(R) / sd(R)`, the one-sample t statistic (sd with divisor
/// n - 1).
///
/// # Errors
/// Fewer than two trades, or all R multiples equal.
pub fn system_quality_number(r_multiples: &[f64]) -> Result<f64> {
    system_quality_number_capped(r_multiples, usize::MAX)
}

/// System quality number with the trade count in the root capped (Van Tharp: 100), so that a
/// long list of mediocre trades does not look excellent.
///
/// # Errors
/// Fewer than two trades, or all R multiples equal.
pub fn system_quality_number_capped(r_multiples: &[f64], trades_max: usize) -> Result<f64> {
    check::series(r_multiples, 2)?;
    let moments = Moments::of(r_multiples)?;
    if moments.is_constant() {
        return Err(undefined("sqn", "all R multiples are equal"));
    }
    ratio(
        "sqn",
        moments.mean * (moments.n.min(trades_max) as f64).sqrt(),
        moments.standard_deviation_sample()?,
        "all R multiples are equal",
    )
}

/// Gains over losses, both at least 0, with the two typed reasons for no value.
pub(crate) fn gain_loss_ratio(metric: &'static str, gains: f64, losses: f64) -> Result<f64> {
    if losses <= 0.0 {
        return Err(if gains > 0.0 {
            RiskError::NoLosses
        } else {
            undefined(metric, "the sample has neither gains nor losses")
        });
    }
    check::defined(metric, gains / losses)
}
