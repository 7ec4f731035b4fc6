//! Are the losses beyond the quantile as large as promised?

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::expectile_moment::t_statistic;
use super::{paired, violations};
use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// The exceedance residuals of McNeil & Frey (2000), tested for a mean of zero against a positive
/// one: losses beyond the quantile larger than the shortfall promised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ExceedanceResidualTest {
    /// Returns below their quantile, each of which gives a residual.
    pub violations: usize,
    /// Mean residual; positive where the shortfall was understated. In units of the returns, or of
    /// their volatility where volatilities are given.
    pub mean: f64,
    /// `mean / (standard deviation / sqrt(violations))`, divisor n.
    pub statistic: f64,
    /// One-sided p-value by the bootstrap: share of resampled, centred residuals with a statistic
    /// as large, `(1 + count) / (draws + 1)`.
    pub p_value: f64,
    /// Number of draws.
    pub draws: usize,
}

impl ExceedanceResidualTest {
    /// Residuals `(shortfall - r) / volatility` of the periods with a violation, all on the side of
    /// the returns; `volatilities` of `None` leaves them in units of the returns, which takes
    /// periods of calm and of storm together.
    ///
    /// With few violations the test is conservative: at the level 5 % it rejects right forecasts at
    /// `alpha` 1 % in 1.0 to 1.5 % of cases where there are 230 or 730, at `alpha` 5 % in 4.1 %
    /// where there are 730.
    ///
    /// The bootstrap is that of Efron & Tibshirani (1993, section 16.4): it assumes residuals that
    /// are independent and alike, not that they are normal.
    ///
    /// # Errors
    /// Slices of different length, a value that is not finite, a volatility not above 0, no draw,
    /// fewer than two violations, or residuals that do not vary.
    pub fn of(
        returns: &[f64],
        quantiles: &[f64],
        shortfalls: &[f64],
        volatilities: Option<&[f64]>,
        draws: usize,
        seed: u64,
    ) -> Result<Self> {
        const METRIC: &str = "exceedance_residuals";
        let hits = violations(returns, quantiles)?;
        paired(returns, "shortfalls", shortfalls)?;
        check::require(draws > 0, "draws", 0.0, "at least 1")?;
        if let Some(volatilities) = volatilities {
            paired(returns, "volatilities", volatilities)?;
            if let Some(&volatility) = volatilities.iter().find(|volatility| **volatility <= 0.0) {
                check::positive("volatility", volatility)?;
            }
        }
        let residual = |t: usize| {
            let unit = volatilities.map_or(1.0, |volatilities| volatilities[t]);
            defined(METRIC, shortfalls[t] / unit - returns[t] / unit)
        };
        let residuals =
            (0..hits.len()).filter(|&t| hits[t]).map(residual).collect::<Result<Vec<f64>>>()?;
        let n = residuals.len();
        if n < 2 {
            return Err(RiskError::TooFewObservations { n, n_min: 2 });
        }
        let (mean, statistic) = t_statistic(METRIC, &residuals, 0)?;
        let centred: Vec<f64> = residuals.iter().map(|value| value - mean).collect();
        let origin = ChaCha8Rng::seed_from_u64(seed);
        let as_large: Vec<bool> = (0..draws as u64)
            .into_par_iter()
            .map(|draw| {
                let mut random = origin.clone();
                random.set_stream(draw);
                let resampled: Vec<f64> = (0..n)
                    .map(|_| {
                        let position = (u128::from(random.next_u64()) * n as u128) >> 64;
                        centred[position as usize]
                    })
                    .collect();
                // A draw of one value throughout is as extreme as its side says.
                match t_statistic(METRIC, &resampled, 0) {
                    Ok((_, resampled)) => resampled >= statistic,
                    Err(_) => resampled[0] > 0.0,
                }
            })
            .collect();
        let count = as_large.into_iter().filter(|as_large| *as_large).count();
        let p_value = (count + 1) as f64 / (draws + 1) as f64;
        Ok(Self { violations: n, mean, statistic: defined(METRIC, statistic)?, p_value, draws })
    }
}

/// Second statistic of Acerbi & Szekely (2014): `1 - sum of 1(r < v) r / e / (alpha n)`, `e` the
/// forecast mean return beyond the quantile `v`, both below 0.
///
/// Its mean is 0 for a right forecast and below 0 where the shortfall is understated, by too many
/// violations or too large ones. It needs the distribution of the returns for a p-value; at
/// `alpha` 2.5 % and 250 days, -0.70 is close to the 5 % and -1.8 to the 0.01 % point for normal
/// and Student-t returns alike (their table 4).
///
/// # Errors
/// Slices of different length, none, a value that is not finite, `alpha` outside (0, 1), or
/// [`RiskError::ForecastOrder`] where `e <= v < 0` does not hold.
pub fn acerbi_szekely_z2(
    returns: &[f64],
    quantiles: &[f64],
    shortfalls: &[f64],
    alpha: f64,
) -> Result<f64> {
    check::open_unit("alpha", alpha)?;
    let hits = violations(returns, quantiles)?;
    paired(returns, "shortfalls", shortfalls)?;
    let wrong = |t: &usize| !(shortfalls[*t] <= quantiles[*t] && quantiles[*t] < 0.0);
    if let Some(index) = (0..hits.len()).find(wrong) {
        let (quantile, shortfall) = (quantiles[index], shortfalls[index]);
        return Err(RiskError::ForecastOrder { index, quantile, shortfall });
    }
    let ratios = (0..hits.len()).filter(|&t| hits[t]).map(|t| returns[t] / shortfalls[t]);
    defined("acerbi_szekely_z2", 1.0 - sum(ratios) / (alpha * hits.len() as f64))
}
