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

/// Passes after which the search by weighted means is left for the one over sorted returns.
const PASSES_MAX: usize = 100;
/// Above this, sums of returns could leave the range of a double.
const LARGE: f64 = 1e280;
/// A power of two that brings such returns back.
const SHRINK: f64 = 1.0 / 18_446_744_073_709_551_616.0;

/// Exact sample expectile: the segment between two order statistics where the balance changes
/// sign, solved linearly.
///
/// The segment is found by weighted means, each with the weights of the one before, which end
/// after some ten passes whatever the order of the returns; nothing is sorted.
///
/// # Errors
/// A value that is not finite, an empty sample, or `tau` outside (0, 1).
pub fn expectile(returns: &[f64], tau: f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    check::series(returns, 1)?;
    let largest = returns.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
    if largest > LARGE {
        let shrunk: Vec<f64> = returns.iter().map(|r| r * SHRINK).collect();
        return defined("expectile", expectile_in_range(&shrunk, tau) / SHRINK);
    }
    defined("expectile", expectile_in_range(returns, tau))
}

fn expectile_in_range(returns: &[f64], tau: f64) -> f64 {
    // Newton's method on the balance, which is piecewise linear: it stops at a point that has the
    // same returns at or below it as the one before.
    let mut e = fast_sum(returns) / returns.len() as f64;
    let mut n_before = usize::MAX;
    for _ in 0..PASSES_MAX {
        let (n_below, below, total) = sums_about(returns, e);
        if n_below == n_before {
            return polished(returns, tau, e);
        }
        n_before = n_below;
        let above = total - below;
        let n_above = returns.len() - n_below;
        let weight = (1.0 - tau) * n_below as f64 + tau * n_above as f64;
        e += ((1.0 - tau) * below + tau * above) / weight;
    }
    // Ties and rounding can send it in circles.
    segment_of(&sorted(returns), tau)
}

/// The exact solution on the segment about `e`, in sums of full accuracy.
fn polished(returns: &[f64], tau: f64, e: f64) -> f64 {
    // Largest return at or below, smallest above.
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for r in returns {
        if *r <= e {
            low = low.max(*r);
        } else {
            high = high.min(*r);
        }
    }
    if low.is_finite() {
        let solution = solution_from(returns, tau, low);
        // The balance at both ends says that it is the segment; rounding may have left another.
        if low <= solution && solution <= high {
            return solution;
        }
    }
    segment_of(&sorted(returns), tau)
}

/// The expectile where the returns at or below `base` have the weight of those below it.
fn solution_from(returns: &[f64], tau: f64, base: f64) -> f64 {
    let n_below = returns.iter().filter(|r| **r <= base).count();
    let below = sum(returns.iter().map(|r| (r - base).min(0.0)));
    let above = sum(returns.iter().map(|r| (r - base).max(0.0)));
    let weight = (1.0 - tau) * n_below as f64 + tau * (returns.len() - n_below) as f64;
    base + (tau * above + (1.0 - tau) * below) / weight
}

/// The expectile by bisection of the order statistics.
fn segment_of(ascending: &[f64], tau: f64) -> f64 {
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
    solution_from(ascending, tau, ascending[low])
}

/// Number of returns at or below `e`, the sum of their distances from it (none above zero) and
/// that of all distances, in sums of eight parts that a processor makes side by side.
fn sums_about(returns: &[f64], e: f64) -> (usize, f64, f64) {
    let mut count = [0_u64; 8];
    let (mut below, mut total) = ([0.0; 8], [0.0; 8]);
    let mut chunks = returns.chunks_exact(8);
    for chunk in &mut chunks {
        for lane in 0..8 {
            let distance = chunk[lane] - e;
            count[lane] += u64::from(distance <= 0.0);
            below[lane] += distance.min(0.0);
            total[lane] += distance;
        }
    }
    for (lane, r) in chunks.remainder().iter().enumerate() {
        let distance = r - e;
        count[lane] += u64::from(distance <= 0.0);
        below[lane] += distance.min(0.0);
        total[lane] += distance;
    }
    (count.iter().sum::<u64>() as usize, below.iter().sum(), total.iter().sum())
}

fn fast_sum(returns: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let mut chunks = returns.chunks_exact(8);
    for chunk in &mut chunks {
        for lane in 0..8 {
            parts[lane] += chunk[lane];
        }
    }
    parts.iter().sum::<f64>() + chunks.remainder().iter().sum::<f64>()
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
/// Computed in the equivalent form `-q + E(q - r)+ / alpha`, which has no pole at `tau = 0.5`. It
/// is the mean of the worst `alpha n` returns where `alpha n` is whole. In between it is larger,
/// because the quantile is interpolated, and with `alpha n` below 1 it lies beyond the largest
/// loss, as [`historical_es`](crate::tail::value_at_risk::historical_es) never does.
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
        let below = if e < 0.05 {
            // 1 / 2 - e / 6 + e^2 / 24 - ..., up to e^8 / 10!.
            let series = (3..=10).rev().fold(1.0, |rest, k| 1.0 - e / f64::from(k) * rest);
            0.5 * e * e * series
        } else {
            e + (-e).exp_m1()
        };
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
