//! Value at risk with the cost of getting out: the liquidity-adjusted form of Bangia, Diebold,
//! Schuermann & Stroughair (1999).
//!
//! A position is marked at the mid price but left at the bid. The form adds half of a wide
//! spread to the loss of a bad day, both at once. The spread is that of a small order: the
//! impact of one's own size is not in it.

use serde::Serialize;

use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::moments::Moments;
use crate::numeric::distribution::normal_quantile;

/// The settings of [`LiquidityAdjustedVar::of`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiquiditySettings {
    /// Tail probability, between 0 and 1: 0.01 for "99 %".
    pub alpha: f64,
    /// What the volatility is multiplied by for fat tails; 1 for none, never below.
    pub tail_correction: f64,
    /// Standard deviations of the spread above its mean; 2 to 4.5 in the paper, at least 0.
    pub spread_deviations: f64,
}

/// A liquidity-adjusted value at risk, its parts as fractions of the position's value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LiquidityAdjustedVar {
    /// `1 - exp(z_alpha theta sigma)`, sigma of log returns: the loss by price.
    pub price_fraction: f64,
    /// `(mean + a sd) / 2` of the relative spread: the cost of leaving.
    pub spread_fraction: f64,
    /// The sum of both.
    pub total_fraction: f64,
    /// The total for one unit at the last close, in the currency of the price.
    pub total_per_unit: f64,
}

impl LiquidityAdjustedVar {
    /// From closing prices, in order of time, and bid-ask spreads relative to the mid price.
    ///
    /// Losses over one bar of a long position; both standard deviations have divisor n - 1.
    ///
    /// # Errors
    /// A setting outside its range, fewer than three closes or two spreads, one that is not
    /// finite, a close not above 0, or a negative spread.
    pub fn of(
        closes: &[f64],
        relative_spreads: &[f64],
        settings: &LiquiditySettings,
    ) -> Result<Self> {
        let LiquiditySettings { alpha, tail_correction, spread_deviations } = *settings;
        check::open_unit("alpha", alpha)?;
        let rule = "finite and at least 1";
        let theta = tail_correction;
        check::require(theta >= 1.0 && theta.is_finite(), "tail_correction", theta, rule)?;
        let (a, rule) = (spread_deviations, "finite and at least 0");
        check::require(a >= 0.0 && a.is_finite(), "spread_deviations", a, rule)?;
        check::series(closes, 3)?;
        check::series(relative_spreads, 2)?;
        for close in closes {
            check::positive("close", *close)?;
        }
        for spread in relative_spreads {
            check::require(*spread >= 0.0, "relative_spread", *spread, "at least 0")?;
        }
        let log_returns: Vec<f64> =
            closes.windows(2).map(|pair| pair[1].ln() - pair[0].ln()).collect();
        let sigma = Moments::of(&log_returns)?.standard_deviation_sample()?;
        let spread = Moments::of(relative_spreads)?;
        let price_fraction = -(normal_quantile(alpha) * theta * sigma).exp_m1();
        let spread_fraction = 0.5 * (spread.mean + a * spread.standard_deviation_sample()?);
        let total_fraction = defined("lvar", price_fraction + spread_fraction)?;
        let last =
            closes.last().copied().ok_or(RiskError::TooFewObservations { n: 0, n_min: 3 })?;
        let total_per_unit = defined("lvar", total_fraction * last)?;
        Ok(Self { price_fraction, spread_fraction, total_fraction, total_per_unit })
    }
}
