//! Expectiles: the tail measure that is both coherent and elicitable.
//!
//! The `tau` expectile `e` balances `tau E(r - e)+ = (1 - tau) E(e - r)+` (Newey & Powell 1987).
//! It is signed, on the side of the returns: at a small `tau` it is a negative number, and
//! `-expectile(returns, tau)` is the expectile value at risk, coherent for `tau <= 0.5`.

use crate::check::{self, defined, ratio, undefined};
use crate::error::Result;
use crate::moments::{in_unit, sum};
use crate::numeric::distribution::{
    bisect, normal_cdf, normal_density, normal_quantile, student_t_cdf, student_t_log_density,
};
use crate::quantile::{quantile, sorted};

/// Exact sample expectile: the segment between two order statistics where the balance changes
/// sign, solved linearly, O(n log n) without iteration.
///
/// # Errors
/// A value that is not finite, an empty sample, or `tau` outside (0, 1).
pub fn expectile(returns: &[f64], tau: f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    check::series(returns, 1)?;
    let (returns, unit) = in_unit(returns);
    let ascending = sorted(&returns);
    // tau * gains above e minus (1 - tau) * losses below e; falls as e rises.
    let balance = |e: f64| {
        let above = sum(ascending.iter().map(|r| (r - e).max(0.0)));
        let below = sum(ascending.iter().map(|r| (e - r).max(0.0)));
        tau * above - (1.0 - tau) * below
    };
    // Number of order statistics at or below the expectile; the first always is.
    let mut low = 0;
    let mut high = ascending.len();
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if balance(ascending[middle]) >= 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (below, above) = ascending.split_at(low + 1);
    let base = ascending[low];
    let numerator = tau * sum(above.iter().map(|r| r - base))
        + (1.0 - tau) * sum(below.iter().map(|r| r - base));
    let weight = tau * above.len() as f64 + (1.0 - tau) * below.len() as f64;
    defined("expectile", (base + numerator / weight) * unit)
}

/// The `tau` whose expectile is the type 7 quantile `q` at `alpha`:
/// `E(q - r)+ / E|r - q|` (Jones 1994).
///
/// # Errors
/// A value that is not finite, an empty sample, `alpha` outside (0, 1), or a constant series.
pub fn expectile_tau_for_quantile(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 1)?;
    let (returns, _) = in_unit(returns);
    let q = quantile(&returns, alpha)?;
    let below = sum(returns.iter().map(|r| (q - r).max(0.0)));
    let distance = sum(returns.iter().map(|r| (r - q).abs()));
    ratio("expectile_tau_for_quantile", below, distance, "all returns are equal")
}

/// Expected shortfall (a positive loss) by way of the expectile that equals the type 7 quantile
/// (Taylor 2008): `-((1 + k) e - k mean)` with `k = tau / ((1 - 2 tau) alpha)`.
///
/// Computed in the equivalent form `-q + E(q - r)+ / alpha`, which has no pole at `tau = 0.5`.
///
/// # Errors
/// A value that is not finite, an empty sample, or `alpha` outside (0, 1).
pub fn expectile_es(returns: &[f64], alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    check::series(returns, 1)?;
    let (returns, unit) = in_unit(returns);
    let q = quantile(&returns, alpha)?;
    let shortfall = sum(returns.iter().map(|r| (q - r).max(0.0))) / returns.len() as f64;
    defined("expectile_es", (shortfall / alpha - q) * unit)
}

/// Expectile of the standard normal distribution.
///
/// # Errors
/// `tau` outside (0, 1).
pub fn normal_expectile(tau: f64) -> Result<f64> {
    symmetric_expectile(tau, normal_shortfall)
}

/// Expectile of the Student-t distribution with `nu` degrees of freedom, not scaled to unit
/// variance.
///
/// # Errors
/// `tau` outside (0, 1), or `nu` not above 1: no mean.
pub fn student_t_expectile(tau: f64, nu: f64) -> Result<f64> {
    check::require(nu > 1.0 && nu.is_finite(), "nu", nu, "finite and above 1")?;
    symmetric_expectile(tau, |e| {
        let density = student_t_log_density(e, nu).exp();
        e * student_t_cdf(e, nu) + density * (nu + e * e) / (nu - 1.0)
    })
}

/// Expectile of the uniform distribution on [0, 1]: `1 / (1 + sqrt((1 - tau) / tau))`.
///
/// # Errors
/// `tau` outside (0, 1).
pub fn uniform_expectile(tau: f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    Ok(1.0 / (1.0 + ((1.0 - tau) / tau).sqrt()))
}

/// Expectile of the exponential distribution with mean 1.
///
/// # Errors
/// `tau` outside (0, 1).
pub fn exponential_expectile(tau: f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    let positive = |e: f64| {
        // e - 1 + exp(-e), by its series where that cancels.
        let below =
            if e < 1e-3 { e * e * (0.5 - e / 6.0 + e * e / 24.0) } else { e + (-e).exp_m1() };
        tau * (-e).exp() > (1.0 - tau) * below
    };
    Ok(bisect(0.0, 800.0, positive))
}

/// The `tau` whose expectile of the normal distribution is its `alpha` quantile; 0.145 % for
/// 1 %.
///
/// # Errors
/// `alpha` outside (0, 1).
pub fn normal_expectile_tau_for_quantile(alpha: f64) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    let q = normal_quantile(alpha);
    let below = normal_shortfall(q);
    defined("expectile_tau_for_quantile_normal", below / (2.0 * below - q))
}

/// `E(e - X)+` of the standard normal distribution.
fn normal_shortfall(e: f64) -> f64 {
    e * normal_cdf(e) + normal_density(e)
}

/// Expectile of a distribution symmetric about 0, from `shortfall(e) = E(e - X)+`.
fn symmetric_expectile(tau: f64, shortfall: impl Fn(f64) -> f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    if tau > 0.5 {
        return Ok(-lower_expectile(1.0 - tau, shortfall)?);
    }
    lower_expectile(tau, shortfall)
}

fn lower_expectile(tau: f64, shortfall: impl Fn(f64) -> f64) -> Result<f64> {
    // Of a mean of zero, E(X - e)+ = E(e - X)+ - e.
    let below_root = |e: f64| {
        let below = shortfall(e);
        tau * (below - e) > (1.0 - tau) * below
    };
    let mut low = -1.0;
    while !below_root(low) {
        low *= 2.0;
        if low < -1e300 {
            return Err(undefined("expectile", "`tau` is too small"));
        }
    }
    Ok(bisect(low, 0.0, below_root))
}
