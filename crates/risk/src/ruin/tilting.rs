//! Small probabilities of ruin by exponential tilting.
//!
//! Plain simulation needs a hundred over the probability draws for ten per cent of accuracy. Here
//! paths are drawn from a distribution under which ruin is common, and each ruined path counts with
//! its likelihood ratio at the moment of ruin (Siegmund 1976; Asmussen & Glynn 2007, ch. VI). The
//! estimate is unbiased for **every** tilt; a good tilt makes it precise.
//!
//! **What is tilted.** The stationary bootstrap of the log returns `l`: a block is drawn with its
//! probability times `exp(theta * sum of the block)`. At a mean block of 1 that is drawing periods
//! with weights `exp(theta l - psi(theta))`. The likelihood ratio of a path ruined at time `t`
//! with log wealth `S_t` is `exp(-theta S_t + t psi(theta))`, times a factor for the block in which
//! the path stands.
//!
//! **Which theta.** For "ever", Siegmund's `theta* < 0` with `psi(theta*) = 0`. Within a horizon the
//! lower of `theta*` and the `theta` under which wealth drifts to the level at the horizon; 0, plain
//! simulation, where it drifts there anyway.
//!
//! **Drawdowns.** A fall may start at any peak, so that tilting from the start would miss late
//! falls, or find them with enormous weights. Each path begins its tilt at a period `K` drawn
//! uniformly from the horizon and keeps it until ruin; its likelihood ratio is taken against the
//! mixture over all `K`. That is unbiased whatever the path, and bounds the weight of a path that
//! falls by the depth `D` in logs by about `horizon * exp(theta D)`.
//!
//! ```
//! use plimsoll_risk::ruin::discrete_bet::DiscreteBet;
//! use plimsoll_risk::ruin::tilting::{Ruin, TiltSettings, tilted_ruin};
//!
//! // Two per cent of wealth at even money, won six times in ten: half of it gone within 500 bets?
//! let bet = DiscreteBet::new(vec![1.0, -1.0], vec![0.6, 0.4])?.at_stake(0.02)?;
//! let settings = TiltSettings {
//!     ruin: Ruin::Drawdown(0.5),
//!     horizon: Some(500),
//!     theta: None,
//!     draws: 2_000,
//!     seed: 1,
//!     level: 0.95,
//! };
//! let estimate = tilted_ruin(&bet, &settings)?;
//! let exact = bet.max_drawdown_probability(0.5, 500)?;
//! assert!((2.8e-5..2.9e-5).contains(&exact.low));
//! assert!((estimate.probability - exact.low).abs() < 4.0 * estimate.standard_error);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::numeric::distribution::{bisect, normal_quantile};
use crate::proportion::clopper_pearson_interval;
use crate::ruin::discrete_bet::DiscreteBet;
use crate::ruin::tilted_chain::{Chain, TiltedChain, uniform};

const METRIC: &str = "tilted_ruin";
/// Draws that one task works through.
const DRAWS_PER_TASK: u64 = 256;
/// Periods after which a path without a horizon is given up.
const PERIODS_MAX: usize = 20_000_000;
/// Ruined paths below which the central limit theorem is not trusted.
const HITS_MIN: u64 = 30;
/// A level missed by less than this share of its log counts as reached, as exact arithmetic would
/// have it.
const ROUNDING: f64 = 1e-12;

/// What counts as ruin, seen at the end of each period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ruin {
    /// Wealth at or below this fraction of its start, above 0 and below 1.
    WealthBelow(f64),
    /// A drawdown from the running peak, the start included, of at least this fraction, above 0
    /// and below 1.
    Drawdown(f64),
}

/// Settings of [`tilted_ruin`] and [`tilted_ruin_of_series`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TiltSettings {
    /// What counts as ruin.
    pub ruin: Ruin,
    /// Periods within which it counts; `None` is for ever, which only a wealth level can have.
    pub horizon: Option<usize>,
    /// The tilt, at most 0; `None` chooses it.
    pub theta: Option<f64>,
    /// Paths drawn.
    pub draws: u64,
    /// Seed of every random number.
    pub seed: u64,
    /// Two-sided level of the interval, such as 0.95.
    pub level: f64,
}

/// A probability of ruin and how well it is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TiltedEstimate {
    /// Mean weight of the paths.
    pub probability: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end; above 0 even where no path was ruined. With fewer than thirty ruined paths it is
    /// the exact binomial limit of their number times the largest possible weight.
    pub high: f64,
    /// Ruined paths that equal weights would need to know as much: `(sum w)^2 / sum w^2`.
    pub effective_sample_size: f64,
    /// The tilt.
    pub theta: f64,
    /// Log of the mean growth of `exp(theta l)` per period; 0 at Siegmund's tilt.
    pub psi: f64,
    /// Ruined paths.
    pub hits: u64,
    /// Paths drawn.
    pub draws: u64,
    /// Lundberg's upper bound of "ever", where wealth grows in logs and the level is one of
    /// wealth. It holds for the resampled world, not for the market.
    pub lundberg_bound: Option<f64>,
}

/// Ruin of independent periods, each an outcome of `bet`.
///
/// # Errors
/// A setting outside its range, a return of -1 that can happen, returns among which there is no
/// loss or too small a one for the level, or a result beyond the range of a double.
pub fn tilted_ruin(bet: &DiscreteBet, settings: &TiltSettings) -> Result<TiltedEstimate> {
    let (logs, start): (Vec<f64>, Vec<f64>) = bet.log_outcomes().unzip();
    if logs.iter().any(|l| l.is_infinite()) {
        let index = bet.returns().iter().position(|r| *r <= -1.0).unwrap_or(0);
        return Err(RiskError::Ruined { index });
    }
    Problem::new(&Chain::new(logs, start, 1.0), settings)?.estimate()
}

/// Ruin under the stationary bootstrap of `returns` in time order, in geometric blocks of mean
/// length `mean_block` (see
/// [`common_block_length`](crate::resample::block_length::common_block_length)).
///
/// # Errors
/// As [`tilted_ruin`], and a mean block below 1 or a value that is not finite.
pub fn tilted_ruin_of_series(
    returns: &[f64],
    mean_block: f64,
    settings: &TiltSettings,
) -> Result<TiltedEstimate> {
    Problem::new(&chain_of_series(returns, mean_block)?, settings)?.estimate()
}

/// Lundberg's upper bounds of "wealth is ever at or below this fraction of its start" under the
/// stationary bootstrap of `returns`, one for each of `levels`; see [`tilted_ruin_of_series`]. At a
/// mean block of 1 they are those of
/// [`constrained_bound`](crate::ruin::constrained_bound::ever_below_bound). 1 where wealth does not
/// grow in logs, 0 where no return is a loss.
///
/// # Errors
/// A level outside (0, 1), a return of -1 or below, one that is not finite, a mean block below 1, or
/// a result beyond the range of a double.
pub fn lundberg_bounds_of_series(
    returns: &[f64],
    mean_block: f64,
    levels: &[f64],
) -> Result<Vec<f64>> {
    for &level in levels {
        check::open_unit("wealth level", level)?;
    }
    let chain = chain_of_series(returns, mean_block)?;
    if chain.log_returns().iter().all(|l| *l >= 0.0) {
        return Ok(vec![0.0; levels.len()]);
    }
    let Some(theta) = siegmund(&chain)? else {
        return Ok(vec![1.0; levels.len()]);
    };
    let tilted = chain.tilted(theta);
    let bound = |level: &f64| defined(METRIC, lundberg(&tilted, level.ln()));
    levels.iter().map(bound).collect()
}

fn chain_of_series(returns: &[f64], mean_block: f64) -> Result<Chain> {
    check::series(returns, 1)?;
    check::mean_block(mean_block)?;
    if let Some(index) = returns.iter().position(|r| *r <= -1.0) {
        return Err(RiskError::Ruined { index });
    }
    let logs = returns.iter().map(|r| r.ln_1p()).collect();
    let start = vec![1.0 / returns.len() as f64; returns.len()];
    Ok(Chain::new(logs, start, mean_block))
}

/// A checked question about a chain.
struct Problem<'a> {
    chain: &'a Chain,
    settings: &'a TiltSettings,
    /// Log of the level, below 0: of wealth, or of wealth over its peak.
    barrier: f64,
    from_peak: bool,
    /// Mean log return per period.
    drift: f64,
}

impl<'a> Problem<'a> {
    fn new(chain: &'a Chain, settings: &'a TiltSettings) -> Result<Self> {
        check::open_unit("level", settings.level)?;
        check::require(
            settings.draws >= 2 && settings.draws < u64::from(u32::MAX),
            "draws",
            settings.draws as f64,
            "at least 2 and below 2^32",
        )?;
        if let Some(theta) = settings.theta {
            check::require(
                theta <= 0.0 && theta.is_finite(),
                "theta",
                theta,
                "finite and at most 0",
            )?;
        }
        let (barrier, from_peak) = match settings.ruin {
            Ruin::WealthBelow(level) => {
                check::open_unit("wealth level", level)?;
                (level.ln(), false)
            }
            Ruin::Drawdown(depth) => {
                check::open_unit("drawdown", depth)?;
                ((-depth).ln_1p(), true)
            }
        };
        if let Some(horizon) = settings.horizon {
            check::require(
                (1..PERIODS_MAX).contains(&horizon),
                "horizon",
                horizon as f64,
                "from 1 to twenty million",
            )?;
        } else if from_peak {
            return Err(undefined(METRIC, "any drawdown happens in the end: give a horizon"));
        }
        Ok(Self { chain, settings, barrier, from_peak, drift: chain.drift() })
    }

    fn estimate(&self) -> Result<TiltedEstimate> {
        let worst = self.chain.log_returns().iter().copied().fold(f64::INFINITY, f64::min);
        let periods = self.settings.horizon.map_or(f64::INFINITY, |horizon| horizon as f64);
        if worst >= 0.0 {
            return Err(undefined(METRIC, "no return is a loss: wealth cannot fall"));
        }
        if worst * periods > self.barrier * (1.0 - ROUNDING) {
            let reason = "the worst return in every period does not reach the level";
            return Err(undefined(METRIC, reason));
        }
        let siegmund = siegmund(self.chain)?;
        if self.settings.horizon.is_none() && siegmund.is_none() {
            // Without growth in logs every level is reached in the end.
            return Ok(self.certain());
        }
        let theta = match self.settings.theta {
            Some(theta) => theta,
            None => self.choose(siegmund)?,
        };
        let tilted = self.chain.tilted(theta);
        let falls = tilted.psi >= -1e-9 && theta < 0.0;
        if self.settings.horizon.is_none() && !falls {
            return Err(RiskError::OutOfRange {
                name: "theta",
                value: theta,
                rule: "so low that wealth falls (psi(theta) >= 0) where there is no horizon",
            });
        }
        let bound = match siegmund {
            Some(theta) if !self.from_peak => {
                Some(lundberg(&self.chain.tilted(theta), self.barrier))
            }
            _ => None,
        };
        let weights = self.weights(&tilted)?;
        self.summarise(&tilted, &weights, bound)
    }

    /// The tilt described at the head of the module.
    fn choose(&self, siegmund: Option<f64>) -> Result<f64> {
        let Some(horizon) = self.settings.horizon else {
            return siegmund.ok_or_else(|| undefined(METRIC, "wealth does not grow"));
        };
        let slope = self.barrier / horizon as f64;
        if self.drift <= slope {
            return Ok(0.0);
        }
        // Lowest point of the convex psi(theta) - slope theta: its slope to the left falls.
        let scale = self.chain.log_returns().iter().map(|l| l.abs()).fold(0.0, f64::max);
        let falls = |theta: f64| {
            let step = 1e-4 * theta.abs().max(1.0 / scale);
            let excess = |theta: f64| self.chain.psi(theta) - slope * theta;
            excess(theta + step) < excess(theta - step)
        };
        let mut low = -1.0 / scale;
        // Beyond a few hundred spreads of the returns all weight is on the worst ones.
        while !falls(low) && low > -200.0 / scale {
            low *= 2.0;
        }
        let (mut below, mut above) = (low, 0.0);
        for _ in 0..40 {
            let middle = 0.5 * (below + above);
            if falls(middle) { below = middle } else { above = middle }
        }
        Ok(siegmund.map_or(above, |theta| theta.min(above)))
    }

    /// Weights of the ruined paths, in the order of the draws; 0 for the others.
    fn weights(&self, tilted: &TiltedChain<'_>) -> Result<Vec<f64>> {
        let draws = self.settings.draws;
        let origin = ChaCha8Rng::seed_from_u64(self.settings.seed);
        let tasks: Vec<Option<Vec<f64>>> = (0..draws.div_ceil(DRAWS_PER_TASK))
            .into_par_iter()
            .map(|task| {
                let first = task * DRAWS_PER_TASK;
                (first..(first + DRAWS_PER_TASK).min(draws))
                    .map(|draw| {
                        let mut random = origin.clone();
                        random.set_stream(draw);
                        self.weight(tilted, &mut random)
                    })
                    .collect()
            })
            .collect();
        let weights: Option<Vec<Vec<f64>>> = tasks.into_iter().collect();
        weights
            .map(|weights| weights.concat())
            .ok_or_else(|| undefined(METRIC, "a path takes more than twenty million periods"))
    }

    /// Weight of one path; `None` where it was given up.
    fn weight(&self, tilted: &TiltedChain<'_>, random: &mut ChaCha8Rng) -> Option<f64> {
        let horizon = self.settings.horizon;
        // Periods before the tilt begins, and the share of the mixture of each such number.
        let (before, share) = match horizon {
            Some(horizon) if self.from_peak => {
                ((uniform(random) * horizon as f64) as usize, 1.0 / horizon as f64)
            }
            _ => (0, 1.0),
        };
        let barrier = self.barrier * (1.0 - ROUNDING);
        let mut position = None;
        let (mut fallen, mut log_wealth) = (0.0_f64, 0.0);
        // Density of the tilts begun so far over that of the chain, but for the eigenvector.
        let mut begun = 0.0;
        for period in 0..horizon.unwrap_or(PERIODS_MAX) {
            if self.from_peak {
                begun += share / tilted.right(position);
            }
            let next = tilted.step(random, position, period >= before);
            position = Some(next);
            let log_return = self.chain.log_return(next);
            if self.from_peak {
                begun *= (tilted.theta * log_return - tilted.psi).exp();
                fallen = (fallen + log_return).min(0.0);
            } else {
                log_wealth += log_return;
                fallen = log_wealth;
            }
            if fallen <= barrier {
                let right = tilted.right(position);
                let periods = (period + 1) as f64;
                return Some(if self.from_peak {
                    let still_plain = horizon.map_or(0.0, |horizon| 1.0 - periods / horizon as f64);
                    1.0 / (right * begun + still_plain)
                } else {
                    let exponent = -tilted.theta * log_wealth + periods * tilted.psi;
                    exponent.exp() * tilted.right(None) / right
                });
            }
        }
        horizon.map(|_| 0.0)
    }

    /// The largest weight that a ruined path can have, `psi` per period on top.
    fn weight_max(&self, tilted: &TiltedChain<'_>, psi: f64) -> f64 {
        let (low, high) = tilted.right_range();
        let periods = self.settings.horizon.map_or(1.0, |horizon| horizon as f64);
        let growth = if psi > 0.0 { (psi * periods).exp() } else { 1.0 };
        let fall = (-tilted.theta * self.barrier).exp() * growth;
        if self.from_peak { fall * periods * high / low } else { fall * tilted.right(None) / low }
    }

    fn summarise(
        &self,
        tilted: &TiltedChain<'_>,
        weights: &[f64],
        lundberg_bound: Option<f64>,
    ) -> Result<TiltedEstimate> {
        let (draws, level) = (self.settings.draws, self.settings.level);
        let count = draws as f64;
        let hits = weights.iter().filter(|weight| **weight > 0.0).count() as u64;
        let total = sum(weights.iter().copied());
        let probability = defined(METRIC, total / count)?;
        // In units of the largest weight, so that squares do not underflow.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let squares = sum(weights.iter().map(|weight| (weight / unit).powi(2)));
        let spread = sum(weights.iter().map(|weight| ((weight - probability) / unit).powi(2)));
        let standard_error = unit * (spread / (count - 1.0) / count).sqrt();
        let effective = if hits > 0 { (total / unit).powi(2) / squares } else { 0.0 };
        let (exact_low, exact_high) = clopper_pearson_interval(hits, draws, level)?;
        let (low, high) = if tilted.theta.abs() <= 0.0 {
            (exact_low, exact_high)
        } else if hits < HITS_MIN {
            (0.0, exact_high * self.weight_max(tilted, tilted.psi))
        } else {
            let half = -normal_quantile(0.5 * (1.0 - level)) * standard_error;
            // Weights that are all alike do not tell how many paths the horizon may cut off.
            let share = hits as f64 / count;
            let (fewer, more) = match self.settings.horizon {
                Some(_) => (exact_low / share, exact_high / share),
                None => (1.0, 1.0),
            };
            (
                (probability - half).min(probability * fewer),
                (probability + half).max(probability * more),
            )
        };
        Ok(TiltedEstimate {
            probability: probability.min(1.0),
            standard_error,
            low: low.clamp(0.0, 1.0),
            high: high.clamp(f64::MIN_POSITIVE, 1.0),
            effective_sample_size: effective,
            theta: tilted.theta,
            psi: tilted.psi,
            hits,
            draws,
            lundberg_bound,
        })
    }

    fn certain(&self) -> TiltedEstimate {
        let draws = self.settings.draws;
        TiltedEstimate {
            probability: 1.0,
            standard_error: 0.0,
            low: 1.0,
            high: 1.0,
            effective_sample_size: draws as f64,
            theta: 0.0,
            psi: 0.0,
            hits: draws,
            draws,
            lundberg_bound: None,
        }
    }
}

/// `theta* < 0` with `psi(theta*) = 0`; `None` where wealth does not grow in logs.
fn siegmund(chain: &Chain) -> Result<Option<f64>> {
    let scale = chain.log_returns().iter().map(|l| l.abs()).fold(0.0, f64::max);
    if chain.drift() <= 4.0 * f64::EPSILON * scale {
        return Ok(None);
    }
    let mut low = defined(METRIC, -1.0 / scale)?;
    while chain.psi(low) <= 0.0 {
        low = defined(METRIC, 2.0 * low)?;
    }
    let mut high = 0.5 * low;
    // psi is convex, 0 at 0 and below 0 from there down to theta*.
    while chain.psi(high) >= 0.0 {
        high *= 0.5;
        if high >= -f64::MIN_POSITIVE {
            return Ok(None);
        }
    }
    Ok(Some(bisect(low, high, |theta| chain.psi(theta) > 0.0)))
}

/// The largest weight at Siegmund's tilt of a path that falls to `barrier` in logs.
fn lundberg(tilted: &TiltedChain<'_>, barrier: f64) -> f64 {
    let (low, _) = tilted.right_range();
    ((-tilted.theta * barrier).exp() * tilted.right(None) / low).min(1.0)
}
