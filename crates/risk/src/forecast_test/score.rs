//! Scores of forecasts: a loss per period whose mean is smallest for the right forecast. Lower is
//! better; two series of scores are compared by [`super::diebold_mariano`].

use super::paired;
use crate::check;
use crate::error::{Result, RiskError};

/// Pinball (tick, quantile) loss of each period: `(alpha - 1(r < q)) (r - q)`, in units of the
/// returns, at least 0 (Koenker & Bassett 1978).
///
/// # Errors
/// Slices of different length, none, a value that is not finite, `alpha` outside (0, 1), or a
/// distance beyond the range of a double.
pub fn pinball(returns: &[f64], quantiles: &[f64], alpha: f64) -> Result<Vec<f64>> {
    check::open_unit("alpha", alpha)?;
    paired(returns, "quantiles", quantiles)?;
    each(returns, quantiles, "pinball", |r, quantile| {
        let weight = if r < quantile { alpha - 1.0 } else { alpha };
        weight * (r - quantile)
    })
}

/// Asymmetric squared loss of each period: `|tau - 1(r < e)| (r - e)^2`, in squared units of the
/// returns, the score of an expectile (Newey & Powell 1987).
///
/// # Errors
/// Slices of different length, none, a value that is not finite, `tau` outside (0, 1), or a
/// square beyond the range of a double.
pub fn asymmetric_squared(returns: &[f64], expectiles: &[f64], tau: f64) -> Result<Vec<f64>> {
    check::open_unit("tau", tau)?;
    paired(returns, "expectiles", expectiles)?;
    each(returns, expectiles, "asymmetric_squared", |r, expectile| {
        let distance = r - expectile;
        let weight = if r < expectile { 1.0 - tau } else { tau };
        weight * distance * distance
    })
}

/// Joint score FZ0 of a quantile `v` and the mean `e` of the returns beyond it (Fissler & Ziegel
/// 2016; Patton, Ziegel & Chen 2019, eq. 6):
/// `-1(r <= v) (v - r) / (alpha e) + v / e + ln(-e) - 1`.
///
/// `shortfalls` are on the side of the returns: minus the expected shortfall. Differences of
/// scores do not depend on the unit of the returns; the level does.
///
/// # Errors
/// Slices of different length, none, a value that is not finite, `alpha` outside (0, 1),
/// [`RiskError::ForecastOrder`] where `e <= v < 0` does not hold, or a score beyond the range of a
/// double.
pub fn fz0(returns: &[f64], quantiles: &[f64], shortfalls: &[f64], alpha: f64) -> Result<Vec<f64>> {
    check::open_unit("alpha", alpha)?;
    paired(returns, "quantiles", quantiles)?;
    paired(returns, "shortfalls", shortfalls)?;
    let mut scores = Vec::with_capacity(returns.len());
    for (index, ((&r, &quantile), &shortfall)) in
        returns.iter().zip(quantiles).zip(shortfalls).enumerate()
    {
        if !(shortfall <= quantile && quantile < 0.0) {
            return Err(RiskError::ForecastOrder { index, quantile, shortfall });
        }
        // The distance over the shortfall, not their product: alpha e may be subnormal.
        let beyond =
            if r <= quantile { (quantile / shortfall - r / shortfall) / alpha } else { 0.0 };
        let score = quantile / shortfall - beyond + (-shortfall).ln() - 1.0;
        scores.push(check::defined("fz0", score)?);
    }
    Ok(scores)
}

fn each(
    returns: &[f64],
    forecasts: &[f64],
    metric: &'static str,
    loss: impl Fn(f64, f64) -> f64,
) -> Result<Vec<f64>> {
    returns.iter().zip(forecasts).map(|(r, f)| check::defined(metric, loss(*r, *f))).collect()
}
