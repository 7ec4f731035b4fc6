//! Intervals for a probability that was estimated as a share of independent trials.

use crate::check::{self, undefined};
use crate::error::Result;
use crate::numeric::distribution::{beta_quantile, normal_quantile};

/// Wilson (1927) score interval of a proportion at two-sided `level`, without continuity
/// correction.
///
/// # Errors
/// No trial, more successes than trials, or a level outside (0, 1).
pub fn wilson_interval(successes: u64, trials: u64, level: f64) -> Result<(f64, f64)> {
    check_proportion(successes, trials, level)?;
    let n = trials as f64;
    let share = successes as f64 / n;
    let z = -normal_quantile(0.5 * (1.0 - level));
    let square = z * z;
    let centre = share + square / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    let low = if successes == 0 { 0.0 } else { ((centre - half) / scale).max(0.0) };
    let high = if successes == trials { 1.0 } else { ((centre + half) / scale).min(1.0) };
    Ok((low, high))
}

/// Clopper & Pearson (1934) interval of a proportion at two-sided `level`: exact, conservative.
///
/// # Errors
/// No trial, more successes than trials, or a level outside (0, 1).
pub fn clopper_pearson_interval(successes: u64, trials: u64, level: f64) -> Result<(f64, f64)> {
    check_proportion(successes, trials, level)?;
    let tail = 0.5 * (1.0 - level);
    let (x, n) = (successes as f64, trials as f64);
    let low = if successes == 0 { 0.0 } else { beta_quantile(tail, x, n - x + 1.0) };
    let high = if successes == trials {
        1.0
    } else {
        // The upper limit is one minus the lower limit of the failures.
        1.0 - beta_quantile(tail, n - x, x + 1.0)
    };
    Ok((low, high))
}

/// Quantile of the Beta distribution: what a proportion with so many successes and failures,
/// prior included, falls below with `probability`.
///
/// # Errors
/// A probability outside (0, 1), a parameter that is not above 0, or more than 10^9 of both.
pub fn posterior_quantile(probability: f64, successes: f64, failures: f64) -> Result<f64> {
    check::open_unit("probability", probability)?;
    for (name, value) in [("successes", successes), ("failures", failures)] {
        check::require(value > 0.0 && value <= 1e9, name, value, "above 0 and at most 10^9")?;
    }
    Ok(beta_quantile(probability, successes, failures))
}

fn check_proportion(successes: u64, trials: u64, level: f64) -> Result<()> {
    check::open_unit("level", level)?;
    if trials == 0 {
        return Err(undefined("proportion", "there are no trials"));
    }
    check::require(
        successes <= trials,
        "successes",
        successes as f64,
        "at most the number of trials",
    )
}
