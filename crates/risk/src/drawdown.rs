//! The drawdown family.
//!
//! With the running peak `M_t = max(W_0, .., W_t)`, which includes the start, the drawdown is
//! `D_t = 1 - W_t / M_t`, between 0 and 1, a positive loss. It compounds and never restarts.

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::moments::sum;
use crate::numeric::entropic::entropic_bound;
use crate::quantile::lower_tail_mean;

/// The drawdown series of a sample, and every statistic of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawdowns {
    series: Vec<f64>,
    under_water: Vec<bool>,
}

impl Drawdowns {
    /// Drawdowns of simple per-period returns, from `W_0 = 1`. Wealth is absorbed at 0.
    ///
    /// # Errors
    /// A value that is not finite, an empty sample, or wealth beyond the range of a double.
    pub fn of_returns(returns: &[f64]) -> Result<Self> {
        Self::of_wealth(1.0, &wealth_path(returns)?)
    }

    /// Drawdowns of a wealth curve `W_1 .. W_n` that began at `initial`. Wealth of 0 or below
    /// counts as 0, for good.
    ///
    /// # Errors
    /// A value that is not finite, an empty curve, or a start not above 0.
    pub fn of_wealth(initial: f64, wealth: &[f64]) -> Result<Self> {
        check::positive("initial", initial)?;
        check::series(wealth, 1)?;
        let mut peak = initial;
        let mut ruined = false;
        let mut series = Vec::with_capacity(wealth.len());
        let mut under_water = Vec::with_capacity(wealth.len());
        for &value in wealth {
            ruined |= value <= 0.0;
            let value = if ruined { 0.0 } else { value };
            peak = peak.max(value);
            // Compared exactly: a tolerance would merge episodes.
            under_water.push(value < peak);
            series.push((peak - value) / peak);
        }
        Ok(Self { series, under_water })
    }

    /// `D_1 .. D_n`.
    pub fn series(&self) -> &[f64] {
        &self.series
    }

    /// Largest drawdown.
    pub fn max(&self) -> f64 {
        self.series.iter().copied().fold(0.0, f64::max)
    }

    /// Mean drawdown over all periods, zeros included (pain index).
    pub fn average(&self) -> f64 {
        sum(self.series.iter().copied()) / self.series.len() as f64
    }

    /// Root mean squared drawdown, divisor n (Martin & McCann 1989).
    pub fn ulcer_index(&self) -> f64 {
        (sum(self.series.iter().map(|d| d * d)) / self.series.len() as f64).sqrt()
    }

    /// Conditional drawdown at risk (Chekhlov, Uryasev & Zabarankin 2005): mean of the worst
    /// `1 - beta` share of the drawdowns, a fractional last one counted in part.
    ///
    /// # Errors
    /// `beta` outside (0, 1).
    pub fn conditional(&self, beta: f64) -> Result<f64> {
        check::open_unit("beta", beta)?;
        let negated: Vec<f64> = self.series.iter().map(|d| -d).collect();
        // Subtracted from zero, so that no drawdown is 0, not -0.
        Ok(0.0 - lower_tail_mean(&negated, 1.0 - beta)?)
    }

    /// Entropic drawdown at risk: `inf over z > 0 of z ln(mean exp(D / z) / (1 - beta))`, at
    /// least [`Drawdowns::conditional`] and at most [`Drawdowns::max`].
    ///
    /// # Errors
    /// `beta` outside (0, 1).
    pub fn entropic(&self, beta: f64) -> Result<f64> {
        check::open_unit("beta", beta)?;
        entropic_bound("edar", &self.series, 1.0 - beta)
    }

    /// Every maximal run of periods below the running peak, in order of time.
    pub fn episodes(&self) -> Vec<Episode> {
        let mut episodes: Vec<Episode> = Vec::new();
        let mut open = false;
        for (index, (&depth, &under)) in self.series.iter().zip(&self.under_water).enumerate() {
            match (open, under) {
                (false, true) => episodes.push(Episode {
                    start: index,
                    trough: index,
                    recovered: None,
                    depth,
                    length: 1,
                }),
                (true, true) => {
                    if let Some(episode) = episodes.last_mut() {
                        episode.length += 1;
                        if depth > episode.depth {
                            episode.depth = depth;
                            episode.trough = index;
                        }
                    }
                }
                (true, false) => {
                    if let Some(episode) = episodes.last_mut() {
                        episode.recovered = Some(index);
                    }
                }
                (false, false) => {}
            }
            open = under;
        }
        episodes
    }

    /// Mean depth of the episodes.
    ///
    /// # Errors
    /// A sample without drawdown.
    pub fn average_of_episodes(&self) -> Result<f64> {
        let episodes = self.episodes();
        if episodes.is_empty() {
            return Err(undefined("average_drawdown_episodes", "the sample has no drawdown"));
        }
        let depths = sum(episodes.iter().map(|episode| episode.depth));
        Ok(depths / episodes.len() as f64)
    }

    /// Longest run of periods under water.
    pub fn longest_under_water(&self) -> usize {
        let lengths = self.episodes().into_iter().map(|episode| episode.length);
        lengths.max().unwrap_or(0)
    }

    /// Share of periods under water, 0 to 1.
    pub fn share_under_water(&self) -> f64 {
        let periods = self.under_water.iter().filter(|under| **under).count();
        periods as f64 / self.series.len() as f64
    }
}

/// One stay below the running peak. Positions are 0-based positions of returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Episode {
    /// First period under water.
    pub start: usize,
    /// Period of the deepest drawdown.
    pub trough: usize,
    /// First period back at the peak; `None` where the sample ends first.
    pub recovered: Option<usize>,
    /// Deepest drawdown, positive.
    pub depth: f64,
    /// Periods under water.
    pub length: usize,
}

/// Largest drawdown of simple per-period returns, 0 to 1.
///
/// # Errors
/// As [`Drawdowns::of_returns`].
pub fn max_drawdown(returns: &[f64]) -> Result<f64> {
    Ok(Drawdowns::of_returns(returns)?.max())
}

/// `W_1 .. W_n` from `W_0 = 1`; 0 from the first return of -100 % or worse.
///
/// # Errors
/// A value that is not finite, an empty sample, or wealth beyond the range of a double.
pub fn wealth_path(returns: &[f64]) -> Result<Vec<f64>> {
    check::series(returns, 1)?;
    let mut wealth = 1.0;
    let path = returns.iter().map(|r| {
        wealth *= (1.0 + r).max(0.0);
        defined("wealth", wealth)
    });
    path.collect()
}
