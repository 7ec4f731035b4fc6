//! Bounds on "wealth ever falls below a level" that need no simulation.
//!
//! For independent periods with wealth factors `w`, `E[w^-lambda] <= 1` implies
//! `P(wealth is ever below x) < x^lambda` for every level `x` and over every horizon (Busseti, Ryu
//! & Boyd 2016). The largest such `lambda` is the adjustment coefficient of Lundberg's inequality
//! and the exponent of Siegmund's tilt ([`tilting`](crate::ruin::tilting)). The bound is
//! conservative by as much as wealth jumps past the level.

use serde::Serialize;

use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::numeric::distribution::bisect;
use crate::ruin::discrete_bet::DiscreteBet;

/// A bound on the probability that wealth is ever below a level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EverBelowBound {
    /// Largest `lambda` with `E[w^-lambda] <= 1`; 0 where wealth does not grow on average in
    /// logs, `None` where no outcome is a loss and every `lambda` will do.
    pub lambda: Option<f64>,
    /// `level^lambda`: 1 where wealth does not grow, 0 where it cannot fall.
    pub probability: f64,
}

/// The tightest bound of this kind on "wealth is ever below `level` times its start".
///
/// # Errors
/// A level outside (0, 1), or a `lambda` beyond the range of a double.
pub fn ever_below_bound(bet: &DiscreteBet, level: f64) -> Result<EverBelowBound> {
    check::open_unit("level", level)?;
    let lambda = adjustment_coefficient(bet)?;
    let probability = lambda.map_or(0.0, |lambda| level.powf(lambda));
    Ok(EverBelowBound { lambda, probability })
}

/// Whether `P(wealth is ever below level) < chance` is ensured by the bound, that is
/// `E[w^-lambda] <= 1` at `lambda = ln(chance) / ln(level)`.
///
/// # Errors
/// A level or chance outside (0, 1).
pub fn ensures_ever_below(bet: &DiscreteBet, level: f64, chance: f64) -> Result<bool> {
    check::open_unit("level", level)?;
    check::open_unit("chance", chance)?;
    match log_moment(bet, chance.ln() / level.ln()) {
        // What lies above 1 by the rounding of one sum only is not above it.
        Ok(log_moment) => Ok(log_moment <= 4.0 * f64::EPSILON),
        Err(RiskError::Undefined { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// `ln E[w^-lambda]` for `lambda >= 0`, the left side of the constraint: at most 0 where it holds.
///
/// # Errors
/// A negative or non-finite `lambda`, or an infinite moment: a return of -1 that can happen.
pub fn log_moment(bet: &DiscreteBet, lambda: f64) -> Result<f64> {
    check::require(lambda >= 0.0 && lambda.is_finite(), "lambda", lambda, "finite and at least 0")?;
    if lambda <= 0.0 {
        return Ok(0.0);
    }
    let outcomes: Vec<(f64, f64)> = bet.log_outcomes().collect();
    defined("log_moment", log_mean_exp(&outcomes, -lambda))
}

/// The largest `lambda` with `E[w^-lambda] <= 1`; `None` where no outcome is a loss.
///
/// # Errors
/// A coefficient beyond the range of a double.
pub fn adjustment_coefficient(bet: &DiscreteBet) -> Result<Option<f64>> {
    let outcomes: Vec<(f64, f64)> = bet.log_outcomes().collect();
    let worst = outcomes.iter().map(|(l, _)| *l).fold(f64::INFINITY, f64::min);
    if worst >= 0.0 {
        return Ok(None);
    }
    let scale = outcomes.iter().map(|(l, _)| l.abs()).fold(0.0, f64::max);
    let drift = sum(outcomes.iter().map(|(l, p)| p * (l / scale)));
    // The rounding of the sum must not turn a fair game into a favourable one.
    if worst.is_infinite() || drift <= 4.0 * f64::EPSILON {
        return Ok(Some(0.0));
    }
    let mut high = defined("adjustment_coefficient", 1.0 / scale)?;
    while log_mean_exp(&outcomes, -high) <= 0.0 {
        high = defined("adjustment_coefficient", 2.0 * high)?;
    }
    // The moment is convex, 1 at 0 and falling there.
    let lambda = bisect(0.0, high, |lambda| log_mean_exp(&outcomes, -lambda) <= 0.0);
    defined("adjustment_coefficient", lambda).map(Some)
}

/// `ln sum p exp(theta l)`, without overflow and exact where `theta l` is small.
fn log_mean_exp(outcomes: &[(f64, f64)], theta: f64) -> f64 {
    let exponents = || outcomes.iter().map(|(l, p)| (theta * l, *p));
    let top = exponents().map(|(exponent, _)| exponent).fold(f64::NEG_INFINITY, f64::max);
    if top < 1.0 {
        return sum(exponents().map(|(exponent, p)| p * exponent.exp_m1())).ln_1p();
    }
    top + sum(exponents().map(|(exponent, p)| p * (exponent - top).exp())).ln()
}
