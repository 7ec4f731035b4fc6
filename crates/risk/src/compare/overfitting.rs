//! The probability of backtest overfitting (Bailey, Borwein, López de Prado & Zhu 2017, "The
//! Probability of Backtest Overfitting", Journal of Computational Finance 20, 39-69).
//!
//! Whoever tries many rules and keeps the best has a rule that fits the sample. How much that is
//! worth is measured by doing it again and again: the periods are cut into `S` blocks, every
//! choice of half of them is a sample to choose the best rule in, the other half is the future
//! that it was chosen for (combinatorially symmetric cross-validation). The probability of
//! overfitting is the share of splits in which the chosen rule is at or below the median of all
//! rules out of sample.
//!
//! ```
//! use plimsoll_risk::compare::overfitting::{BacktestOverfitting, Performance};
//!
//! // One rule earns 0.1 % a day more than the others, which are noise.
//! let noise = |seed: u32| move |t: u32| f64::from((t * t * 31 + t * seed) % 101) / 5050.0 - 0.01;
//! let rule = |seed: u32| (0..400).map(noise(seed)).collect::<Vec<f64>>();
//! let good: Vec<f64> = rule(7).iter().map(|r| r + 0.01).collect();
//! let rules = [&good[..], &rule(13), &rule(29), &rule(43)];
//!
//! let result = BacktestOverfitting::of(&rules, 8, Performance::Sharpe)?;
//! assert_eq!(result.splits.len(), 70);
//! assert_eq!(result.probability, 0.0);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use rayon::prelude::*;
use serde::Serialize;

use super::binary_scale;
use crate::check::{self, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// Most blocks: 16 have 12,870 splits.
pub const BLOCKS_MAX: usize = 16;
/// Part of a value within which two performances are one: rounding separates what is equal.
const TIE: f64 = 1e-12;

/// By what rules are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Performance {
    /// Mean return over its standard deviation (divisor n - 1), per period. Rules that only
    /// rescale the exposure of the same trades all tie.
    Sharpe,
    /// Mean of `ln(1 + r)`, per period: what sizing rules are told apart by.
    MeanLogGrowth,
}

/// One split: the best rule of one half, and how it did in the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// The rules that are best in sample, by position: one, or several that tie.
    pub chosen: Vec<usize>,
    /// Their performance in sample.
    pub in_sample: f64,
    /// Their performance out of sample (the mean where several tie).
    pub out_of_sample: f64,
    /// Their rank out of sample over the number of rules plus one, from 0 (worst) to 1 (best);
    /// equal rules share the mean of their ranks.
    pub relative_rank: f64,
    /// `ln(relative_rank / (1 - relative_rank))`: 0 at the median.
    pub logit: f64,
}

/// The probability of backtest overfitting and what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestOverfitting {
    /// Share of splits whose logit is at most zero. Near 0: the best rule in sample is a good one
    /// out of sample. Near 0.5 or above: choosing by the backtest is no better than drawing lots,
    /// which equal rules say with a probability of 1.
    pub probability: f64,
    /// Share of splits in which the chosen rule's performance out of sample is below zero.
    pub probability_of_loss: f64,
    /// Every split, by the blocks in sample: the first blocks first.
    pub splits: Vec<Split>,
}

/// The line through the performances in and out of sample over all splits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Degradation {
    /// Out of sample per unit in sample. A rule that is chosen in every split has a slope near -1,
    /// good or not: what one half of its periods gains the other lacks. So a slope below 0 is
    /// overfitting only together with a high [`BacktestOverfitting::probability`].
    pub slope: f64,
    /// Out of sample at zero in sample.
    pub intercept: f64,
    /// Share of the variance that the line explains.
    pub r_squared: f64,
}

impl BacktestOverfitting {
    /// Cross-validates columns of simple returns per period, one a rule, in `blocks` consecutive
    /// blocks. Where the number of periods is not a multiple of the blocks, their lengths differ
    /// by one.
    ///
    /// The matrix must hold **all** rules that were tried: leaving out those that failed makes
    /// the survivors look chosen well.
    ///
    /// # Errors
    /// Fewer than two rules, columns of different length, a value that is not finite, blocks that
    /// are not an even number from 2 to 16, fewer than two periods a block, a return of -100 % or
    /// worse with [`Performance::MeanLogGrowth`], or a rule that is constant over one half of a
    /// split with [`Performance::Sharpe`].
    pub fn of(rules: &[&[f64]], blocks: usize, performance: Performance) -> Result<Self> {
        check::require(rules.len() >= 2, "rules", rules.len() as f64, "at least 2")?;
        let holds = blocks.is_multiple_of(2) && (2..=BLOCKS_MAX).contains(&blocks);
        check::require(holds, "blocks", blocks as f64, "an even number from 2 to 16")?;
        let n = rules[0].len();
        super::check_columns(rules, n)?;
        if n < 2 * blocks {
            return Err(RiskError::TooFewObservations { n, n_min: 2 * blocks });
        }
        let rules: Vec<Rule> = rules
            .iter()
            .map(|returns| Rule::of(returns, blocks, performance))
            .collect::<Result<_>>()?;
        let splits: Vec<Split> = halves(blocks)
            .into_par_iter()
            .map(|half| split(&rules, half, performance))
            .collect::<Result<_>>()?;
        let share = |holds: &dyn Fn(&Split) -> bool| {
            splits.iter().filter(|split| holds(split)).count() as f64 / splits.len() as f64
        };
        Ok(Self {
            probability: share(&|split| split.logit <= 0.0),
            probability_of_loss: share(&|split| split.out_of_sample < 0.0),
            splits,
        })
    }

    /// How performance in sample carries over, by least squares.
    ///
    /// # Errors
    /// All splits have the same performance in sample.
    pub fn degradation(&self) -> Result<Degradation> {
        let n = self.splits.len() as f64;
        let mean = |of: &dyn Fn(&Split) -> f64| sum(self.splits.iter().map(of)) / n;
        let (x_mean, y_mean) = (mean(&|split| split.in_sample), mean(&|split| split.out_of_sample));
        let xx = mean(&|split| (split.in_sample - x_mean).powi(2));
        let yy = mean(&|split| (split.out_of_sample - y_mean).powi(2));
        let xy = mean(&|split| (split.in_sample - x_mean) * (split.out_of_sample - y_mean));
        let largest = self.splits.iter().fold(0.0_f64, |far, split| far.max(split.in_sample.abs()));
        if xx.sqrt() <= TIE * largest {
            let reason = "every split has the same performance in sample";
            return Err(undefined("degradation", reason));
        }
        let slope = check::defined("degradation", xy / xx)?;
        let r_squared = if yy > 0.0 { (slope * xy / yy).clamp(0.0, 1.0) } else { 1.0 };
        let intercept = check::defined("degradation", y_mean - slope * x_mean)?;
        Ok(Degradation { slope, intercept, r_squared })
    }
}

/// One rule's periods, block by block.
struct Rule {
    blocks: Vec<Block>,
    /// Largest size of a value.
    largest: f64,
}

/// Number, mean and sum of squared deviations of a block's values.
#[derive(Clone, Copy)]
struct Block {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Rule {
    fn of(returns: &[f64], blocks: usize, performance: Performance) -> Result<Self> {
        let values: Vec<f64> = match performance {
            Performance::Sharpe => {
                // A ratio does not depend on the unit; a power of two changes no digit.
                let scale = binary_scale(returns);
                returns.iter().map(|r| r / scale).collect()
            }
            Performance::MeanLogGrowth => {
                if let Some(index) = returns.iter().position(|r| *r <= -1.0) {
                    return Err(RiskError::Ruined { index });
                }
                returns.iter().map(|r| r.ln_1p()).collect()
            }
        };
        let n = values.len();
        let block = |index: usize| {
            let block = &values[index * n / blocks..(index + 1) * n / blocks];
            let n = block.len() as f64;
            let mean = sum(block.iter().copied()) / n;
            Block { n, mean, squares: sum(block.iter().map(|x| (x - mean) * (x - mean))) }
        };
        let largest = values.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()));
        Ok(Self { blocks: (0..blocks).map(block).collect(), largest })
    }

    /// Performance over the blocks whose bit is set.
    fn over(&self, half: u32, performance: Performance) -> Result<f64> {
        let chosen =
            || self.blocks.iter().enumerate().filter(|(i, _)| (half >> i) & 1 == 1).map(|(_, b)| b);
        let n: f64 = chosen().map(|block| block.n).sum();
        let mean = chosen().map(|block| block.n * block.mean).sum::<f64>() / n;
        if performance == Performance::MeanLogGrowth {
            return Ok(mean);
        }
        let about_mean = |block: &Block| block.squares + block.n * (block.mean - mean).powi(2);
        let deviation = (chosen().map(about_mean).sum::<f64>() / (n - 1.0)).sqrt();
        if deviation <= 1e-15 * self.largest {
            let reason = "a rule's returns are constant over one half of the blocks; use fewer \
                          blocks or mean log growth";
            return Err(undefined("sharpe", reason));
        }
        Ok(mean / deviation)
    }
}

/// Chooses over the blocks of `half` and ranks over the others.
fn split(rules: &[Rule], half: u32, performance: Performance) -> Result<Split> {
    let over = |half: u32| -> Result<Vec<f64>> {
        rules.iter().map(|rule| rule.over(half, performance)).collect()
    };
    let (inside, outside) = (over(half)?, over(!half)?);
    let in_sample = inside.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let chosen: Vec<usize> =
        (0..rules.len()).filter(|&rule| ties(inside[rule], in_sample)).collect();
    let rank = |rule: usize| {
        let ours = outside[rule];
        let tied = outside.iter().filter(|value| ties(**value, ours)).count() as f64;
        let below =
            outside.iter().filter(|value| **value < ours && !ties(**value, ours)).count() as f64;
        below + 0.5 * (tied + 1.0)
    };
    let count = chosen.len() as f64;
    let mean_rank = chosen.iter().map(|&rule| rank(rule)).sum::<f64>() / count;
    let out_of_sample = chosen.iter().map(|&rule| outside[rule]).sum::<f64>() / count;
    let of_rules = rules.len() as f64 + 1.0;
    // Of the two ranks rather than of their ratio: exactly zero at the median.
    let logit = (mean_rank / (of_rules - mean_rank)).ln();
    Ok(Split { chosen, in_sample, out_of_sample, relative_rank: mean_rank / of_rules, logit })
}

fn ties(a: f64, b: f64) -> bool {
    (a - b).abs() <= TIE * a.abs().max(b.abs())
}

/// Every choice of half of the blocks as a set of bits, the first blocks first.
fn halves(blocks: usize) -> Vec<u32> {
    (0..1_u32 << blocks).filter(|set| set.count_ones() as usize == blocks / 2).collect()
}
