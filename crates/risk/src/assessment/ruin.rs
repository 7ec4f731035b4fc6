//! Drawdowns to come: how probable, how soon and how deep, by resampling and in closed form.
//!
//! One set of bootstrap draws answers for probability, passage times and depths, so that they agree.

use serde::Serialize;

use super::AssessmentSettings;
use super::outcome::outcome;
use crate::check::undefined;
use crate::error::{Result, RiskError};
use crate::moments::Moments;
use crate::numeric::distribution::bisect;
use crate::quantile::quantile_sorted;
use crate::resample::block_length::common_block_length;
use crate::ruin::brownian_drawdown::BrownianMotion;
use crate::ruin::constrained_bound::adjustment_coefficient;
use crate::ruin::discrete_bet::DiscreteBet;
use crate::ruin::first_passage::{Barriers, FirstPassage, FirstPassageSettings, first_passage};
use crate::ruin::paths::{DailyPath, FIXED_PATH, RuinConfig, RuinEstimate, sampling_interval};
use crate::ruin::resampled_depths::resampled_max_drawdowns;
use crate::ruin::tilting::{
    Ruin, TiltSettings, TiltedEstimate, lundberg_bounds_of_series, tilted_ruin_of_series,
};

/// Two-sided level of the intervals.
const LEVEL: f64 = 0.95;
/// With so many paths or more at the drawdown, plain draws are enough.
const HITS_ENOUGH: u64 = 20;

/// Probability that wealth falls by so much from its peak within the horizon.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrawdownProbability {
    /// The drawdown.
    pub drawdown: f64,
    /// Within so many periods.
    pub horizon_periods: usize,
    /// By a stationary bootstrap with the longer block length of returns and their sizes.
    #[serde(serialize_with = "outcome")]
    pub estimate: Result<RuinEstimate>,
    /// When the paths of [`DrawdownProbability::estimate`] get there.
    #[serde(serialize_with = "outcome")]
    pub passage: Result<DrawdownPassage>,
    /// The same probability by exponential tilting, where fewer than twenty paths get there.
    #[serde(serialize_with = "outcome")]
    pub tilted: Result<TiltedEstimate>,
    /// The same probability for a Brownian motion with the mean and volatility of the log returns,
    /// watched at every moment.
    #[serde(serialize_with = "outcome")]
    pub brownian_probability: Result<f64>,
    /// Upper bound of the probability that wealth is ever at or below `1 - drawdown` times its start
    /// when every period is an independent draw from the series (Busseti, Ryu & Boyd 2016).
    #[serde(serialize_with = "outcome")]
    pub ever_below_bound: Result<f64>,
    /// The same for the blocks of the bootstrap: Lundberg's bound at Siegmund's tilt.
    #[serde(serialize_with = "outcome")]
    pub ever_below_bound_blocks: Result<f64>,
}

impl DrawdownProbability {
    /// Whether so few paths get there that [`DrawdownProbability::tilted`] is the one to look at.
    pub fn is_rare(&self) -> bool {
        let paths = |estimate: &RuinEstimate| estimate.probability * estimate.draws as f64;
        self.estimate.as_ref().is_ok_and(|estimate| paths(estimate) + 0.5 < HITS_ENOUGH as f64)
    }
}

/// Periods until a drawdown is reached, of the paths that reach it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DrawdownPassage {
    /// Paths that reach it.
    pub paths: usize,
    /// One in twenty of them has reached it after so many periods.
    pub periods_5_percent: u32,
    /// Half of them.
    pub periods_median: u32,
}

/// How deep the deepest drawdown within the horizon will be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaxDrawdownToCome {
    /// Within so many periods.
    pub horizon_periods: usize,
    /// Median of the resampled paths.
    #[serde(serialize_with = "outcome")]
    pub median: Result<f64>,
    /// 95 % quantile of the resampled paths.
    #[serde(serialize_with = "outcome")]
    pub quantile_95_percent: Result<f64>,
    /// Median for a Brownian motion with the mean and volatility of the log returns.
    #[serde(serialize_with = "outcome")]
    pub brownian_median: Result<f64>,
    /// Its expected maximum drawdown as a difference of logs (Magdon-Ismail et al. 2004).
    #[serde(serialize_with = "outcome")]
    pub brownian_expected_log: Result<f64>,
}

/// Probabilities of drawdowns, and how deep the deepest will be.
pub(super) fn measures(
    returns: &[f64],
    settings: &AssessmentSettings,
) -> (Vec<DrawdownProbability>, MaxDrawdownToCome) {
    let ahead = Ahead::of(returns, settings);
    let rows = settings.drawdowns.iter().map(|&drawdown| ahead.row(drawdown)).collect();
    (rows, ahead.deepest())
}

/// What all drawdowns share.
struct Ahead<'a> {
    returns: &'a [f64],
    settings: &'a AssessmentSettings,
    mean_block: Result<f64>,
    brownian: Result<BrownianMotion>,
    /// Exponent of the bound for independent periods; `None` where there is no loss.
    exponent: Result<Option<f64>>,
    /// Levels of wealth that drawdowns leave, each with its bound for the blocks.
    blocks: Result<Vec<(f64, f64)>>,
}

impl<'a> Ahead<'a> {
    fn of(returns: &'a [f64], settings: &'a AssessmentSettings) -> Self {
        let alive = match returns.iter().position(|r| *r <= -1.0) {
            Some(index) => Err(RiskError::Ruined { index }),
            None => Ok(()),
        };
        let mean_block = alive.clone().and_then(|()| common_block_length(&[returns]));
        let levels = settings.drawdowns.iter().map(|drawdown| 1.0 - drawdown);
        let levels: Vec<f64> = levels.filter(|level| *level > 0.0 && *level < 1.0).collect();
        // The tilt is the same for all levels, and the costly part.
        let blocks = mean_block.clone().and_then(|mean_block| {
            let bounds = lundberg_bounds_of_series(returns, mean_block, &levels)?;
            Ok(levels.iter().copied().zip(bounds).collect())
        });
        Self {
            returns,
            settings,
            mean_block,
            brownian: alive.clone().and_then(|()| brownian(returns, settings.horizon_periods)),
            exponent: alive
                .and_then(|()| adjustment_coefficient(&DiscreteBet::of_sample(returns)?)),
            blocks,
        }
    }

    fn row(&self, drawdown: f64) -> DrawdownProbability {
        let touched = self.mean_block.clone().and_then(|block| self.first_passage(drawdown, block));
        let level = 1.0 - drawdown;
        let motion = self.brownian.clone();
        let of_exponent = |exponent: Option<f64>| {
            let bound = exponent.map_or(0.0, |lambda| level.powf(lambda));
            if level > 0.0 && level < 1.0 { Ok(bound) } else { Err(no_level()) }
        };
        let of_blocks = |blocks: &Vec<(f64, f64)>| {
            let found = blocks.iter().find(|(of, _)| of.total_cmp(&level).is_eq());
            found.map(|(_, bound)| *bound).ok_or_else(no_level)
        };
        DrawdownProbability {
            drawdown,
            horizon_periods: self.settings.horizon_periods,
            passage: touched.as_ref().map_err(Clone::clone).and_then(passage),
            tilted: touched.as_ref().map_err(Clone::clone).and_then(|t| self.tilted(drawdown, t)),
            estimate: touched.and_then(|touched| self.estimate(drawdown, &touched)),
            brownian_probability: motion
                .and_then(|motion| motion.max_drawdown_probability(-(-drawdown).ln_1p())),
            ever_below_bound: self.exponent.clone().and_then(of_exponent),
            ever_below_bound_blocks: self.blocks.as_ref().map_err(Clone::clone).and_then(of_blocks),
        }
    }

    fn first_passage(&self, drawdown: f64, mean_block: f64) -> Result<FirstPassage> {
        let settings = FirstPassageSettings {
            barriers: Barriers { drawdown: Some(drawdown), ..Barriers::default() },
            horizon: self.settings.horizon_periods,
            draws: self.settings.draws,
            mean_block: Some(mean_block),
            seed: self.settings.seed,
            level: LEVEL,
        };
        first_passage(self.returns, &settings)
    }

    /// The plain estimate; only the error of the history needs draws of its own.
    fn estimate(&self, drawdown: f64, touched: &FirstPassage) -> Result<RuinEstimate> {
        let growth: Vec<f64> = self.returns.iter().map(|r| 1.0 + r).collect();
        let config = RuinConfig {
            drawdown,
            horizon_days: self.settings.horizon_periods,
            draws: self.settings.draws,
            mean_block: touched.mean_block,
            seed: self.settings.seed,
            outer_draws: self.settings.outer_draws,
            inner_draws: self.settings.outer_draws,
        };
        let (low, high) = sampling_interval(DailyPath { worst: growth.clone(), growth }, &config)?;
        let (monte_carlo_low, monte_carlo_high) = touched.any.wilson;
        Ok(RuinEstimate {
            probability: touched.any.probability,
            monte_carlo_low,
            monte_carlo_high,
            low,
            high,
            days: self.returns.len(),
            mean_block: touched.mean_block,
            draws: touched.draws,
            label: FIXED_PATH,
        })
    }

    fn tilted(&self, drawdown: f64, touched: &FirstPassage) -> Result<TiltedEstimate> {
        if touched.any.count >= HITS_ENOUGH {
            let reason = "twenty paths or more get there, plain draws are enough";
            return Err(undefined("tilted_ruin", reason));
        }
        let settings = TiltSettings {
            ruin: Ruin::Drawdown(drawdown),
            horizon: Some(self.settings.horizon_periods),
            theta: None,
            draws: self.settings.draws.max(2),
            seed: self.settings.seed,
            level: LEVEL,
        };
        tilted_ruin_of_series(self.returns, touched.mean_block, &settings)
    }

    fn deepest(&self) -> MaxDrawdownToCome {
        let depths = self.mean_block.clone().and_then(|mean_block| {
            let AssessmentSettings { horizon_periods, draws, seed, .. } = *self.settings;
            resampled_max_drawdowns(self.returns, horizon_periods, draws, mean_block, seed)
        });
        let at = |p: f64| depths.as_ref().map_err(Clone::clone).map(|d| quantile_sorted(d, p));
        MaxDrawdownToCome {
            horizon_periods: self.settings.horizon_periods,
            median: at(0.5),
            quantile_95_percent: at(0.95),
            brownian_median: self.brownian.clone().and_then(|motion| brownian_median(&motion)),
            brownian_expected_log: self
                .brownian
                .clone()
                .and_then(|motion| motion.expected_max_drawdown()),
        }
    }
}

fn passage(touched: &FirstPassage) -> Result<DrawdownPassage> {
    let at = |share| {
        let reason = "no path gets there";
        touched.time_quantile_of_touched(share)?.ok_or_else(|| undefined("passage", reason))
    };
    Ok(DrawdownPassage {
        paths: touched.times.len(),
        periods_5_percent: at(0.05)?,
        periods_median: at(0.5)?,
    })
}

/// A drawdown of everything, or one lost in rounding.
fn no_level() -> RiskError {
    undefined("ever_below_bound", "what the drawdown leaves of wealth must be above 0 and below 1")
}

/// Of the log returns.
fn brownian(returns: &[f64], horizon: usize) -> Result<BrownianMotion> {
    let logs: Vec<f64> = returns.iter().map(|r| r.ln_1p()).collect();
    let moments = Moments::of(&logs)?;
    let volatility = moments.standard_deviation_sample()?;
    if moments.is_constant() {
        return Err(undefined("brownian_drawdown", "all returns are equal"));
    }
    Ok(BrownianMotion { drift: moments.mean, volatility, horizon: horizon as f64 })
}

/// The depth that is reached with probability one half, as a fraction of the peak.
fn brownian_median(motion: &BrownianMotion) -> Result<f64> {
    let is_reached = |depth| motion.max_drawdown_probability(depth).is_ok_and(|p| p > 0.5);
    let mut high = motion.expected_max_drawdown()?;
    while is_reached(high) {
        high = crate::check::defined("brownian_median", 2.0 * high)?;
    }
    let depth = bisect(0.0, high, is_reached);
    // Every probability up to it must have had a value.
    motion.max_drawdown_probability(depth)?;
    Ok(-(-depth).exp_m1())
}
