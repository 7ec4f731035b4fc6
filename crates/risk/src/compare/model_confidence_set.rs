//! Which models cannot be told from the best one (Hansen, Lunde & Nason 2011, "The Model
//! Confidence Set", Econometrica 79, 453-497).
//!
//! Models are removed one after the other, the worst first, as long as equal performance of those
//! left is tested; what a test at level `alpha` would not have removed is the confidence set. It
//! holds the best model with a probability of at least `1 - alpha`, and uninformative data give a
//! large set rather than a wrong winner.
//!
//! ```
//! use plimsoll_risk::compare::Resampling;
//! use plimsoll_risk::compare::model_confidence_set::{McsStatistic, ModelConfidenceSet};
//!
//! // Two models that differ by noise, and one that is worse by 1 on every day.
//! let noise = |seed: u32| move |t: u32| f64::from((t * t * 31 + t * seed) % 101) / 101.0;
//! let good: Vec<f64> = (0..200).map(noise(7)).collect();
//! let same: Vec<f64> = (0..200).map(noise(13)).collect();
//! let worse: Vec<f64> = good.iter().map(|loss| loss + 1.0).collect();
//!
//! let resampling = Resampling { mean_block: 5.0, draws: 999, seed: 1 };
//! let losses = [&good[..], &same, &worse];
//! let set = ModelConfidenceSet::of(&losses, McsStatistic::Range, &resampling)?;
//! assert_eq!(set.included(0.10), [0, 1]);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use serde::Serialize;

use super::Resampling;
use super::loss_table::{LossTable, bootstrap_p_value};
use crate::check;
use crate::error::Result;

/// By what the models that are left are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum McsStatistic {
    /// `T_R`: the largest t statistic between any two models. The model with the largest against
    /// any other goes.
    Range,
    /// `T_max`: the largest t statistic of a model against the mean of all. That model goes.
    Max,
}

/// One round of the elimination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elimination {
    /// What went, by position: one model, or several that tie exactly.
    pub models: Vec<usize>,
    /// The statistic of equal performance of all that were left.
    pub statistic: f64,
    /// p-value of that statistic alone, without the rounds before.
    pub p_value: f64,
}

/// The p-value of every model, and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelConfidenceSet {
    /// MCS p-value of each model, in the order given: the largest p-value of the rounds up to its
    /// removal, 1 for the one that remains. A model is in the set of every level below it.
    pub p_values: Vec<f64>,
    /// Mean loss of each model.
    pub mean_losses: Vec<f64>,
    /// The rounds in order.
    pub eliminations: Vec<Elimination>,
}

impl ModelConfidenceSet {
    /// Tests columns of losses (lower is better), one a model, over the same periods in order.
    ///
    /// Standard errors are those of the bootstrap itself. Columns whose difference does not vary
    /// are ranked by that difference with certainty; equal columns stay or go together. For the
    /// losses of returns take their negatives.
    ///
    /// # Errors
    /// Fewer than two columns, columns of different length, a value that is not finite, fewer than
    /// ten blocks, a mean block below 1, or no draw.
    pub fn of(losses: &[&[f64]], statistic: McsStatistic, resampling: &Resampling) -> Result<Self> {
        let k = losses.len();
        check::require(k >= 2, "models", k as f64, "at least 2")?;
        let table = LossTable::of(losses)?;
        let draws = table.resampled_means(resampling)?;
        let mut p_values = vec![1.0; k];
        let mut eliminations = Vec::new();
        let mut left: Vec<usize> = (0..k).collect();
        let mut largest_p_value = 0.0_f64;
        let pairs = match statistic {
            McsStatistic::Range => Some(Pairs::of(&table, &draws)),
            McsStatistic::Max => None,
        };
        while left.len() > 1 {
            let round = match &pairs {
                Some(pairs) => pairs.round(&left, &draws),
                None => round_against_mean(&table, &left, &draws),
            };
            let p_value = bootstrap_p_value(round.at_least_as_large, resampling.draws);
            largest_p_value = largest_p_value.max(p_value);
            for &model in &round.worst {
                p_values[model] = largest_p_value;
            }
            left.retain(|model| !round.worst.contains(model));
            let statistic = round.statistic;
            eliminations.push(Elimination { models: round.worst, statistic, p_value });
        }
        Ok(Self { p_values, mean_losses: table.means_unscaled()?, eliminations })
    }

    /// Positions of the models in the confidence set of level `alpha`: those whose p-value is
    /// above it.
    pub fn included(&self, alpha: f64) -> Vec<usize> {
        (0..self.p_values.len()).filter(|&model| self.p_values[model] > alpha).collect()
    }
}

/// Test of the models that are left.
struct Round {
    worst: Vec<usize>,
    statistic: f64,
    at_least_as_large: usize,
}

/// A difference of means in units of its bootstrap standard error. Where that is below what the
/// arithmetic resolves, the difference is zero or beyond doubt.
#[derive(Clone, Copy)]
struct Standardised {
    value: f64,
    /// Zero where the difference does not vary.
    inverse_standard_error: f64,
}

impl Standardised {
    /// `draws` are the same difference in the draws, centred.
    fn of(difference: f64, draws: impl Iterator<Item = f64>, resolution: f64) -> Self {
        if resolution < f64::MIN_POSITIVE {
            return Self { value: 0.0, inverse_standard_error: 0.0 };
        }
        // In units of the resolution: squares of small losses do not vanish.
        let (mut squares, mut count) = (0.0, 0.0);
        for draw in draws {
            squares += (draw / resolution) * (draw / resolution);
            count += 1.0;
        }
        let standard_error = (squares / count).sqrt();
        let in_units = difference / resolution;
        if standard_error > 1.0 {
            let inverse_standard_error = 1.0 / standard_error / resolution;
            Self { value: in_units / standard_error, inverse_standard_error }
        } else {
            let value = if in_units.abs() > 1.0 { in_units } else { 0.0 };
            Self { value, inverse_standard_error: 0.0 }
        }
    }
}

/// Every model against every other.
struct Pairs {
    k: usize,
    /// First less second, for each first and second.
    standardised: Vec<Standardised>,
}

impl Pairs {
    fn of(table: &LossTable, draws: &[f64]) -> Self {
        let k = table.n_columns();
        let means = table.means();
        let pair = |first: usize, second: usize| {
            let resolution = table.resolution(first).max(table.resolution(second));
            let in_draws = draws.chunks_exact(k).map(|draw| draw[first] - draw[second]);
            Standardised::of(means[first] - means[second], in_draws, resolution)
        };
        let all = (0..k).flat_map(|first| (0..k).map(move |second| (first, second)));
        Self { k, standardised: all.map(|(first, second)| pair(first, second)).collect() }
    }

    fn round(&self, left: &[usize], draws: &[f64]) -> Round {
        let against_best = |&first: &usize| {
            let others = left.iter().map(|second| self.standardised[first * self.k + second].value);
            others.fold(f64::NEG_INFINITY, f64::max)
        };
        let values: Vec<f64> = left.iter().map(against_best).collect();
        let statistic = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let in_draw = |draw: &[f64]| {
            let mut largest = 0.0_f64;
            for (index, &first) in left.iter().enumerate() {
                for &second in &left[..index] {
                    let pair = self.standardised[first * self.k + second];
                    let size = (draw[first] - draw[second]).abs() * pair.inverse_standard_error;
                    largest = if size > largest { size } else { largest };
                }
            }
            largest
        };
        let at_least_as_large =
            draws.chunks_exact(self.k).filter(|draw| in_draw(draw) >= statistic).count();
        Round { worst: attaining(left, &values, statistic), statistic, at_least_as_large }
    }
}

/// Every model against the mean of those left.
fn round_against_mean(table: &LossTable, left: &[usize], draws: &[f64]) -> Round {
    let k = table.n_columns();
    let mean_of =
        |values: &[f64]| left.iter().map(|&model| values[model]).sum::<f64>() / left.len() as f64;
    let mean_in_draws: Vec<f64> = draws.chunks_exact(k).map(mean_of).collect();
    let mean_of_all = mean_of(table.means());
    let resolution = left.iter().map(|&model| table.resolution(model)).fold(0.0, f64::max);
    let standardised: Vec<Standardised> = left
        .iter()
        .map(|&model| {
            let in_draws = draws.chunks_exact(k).zip(&mean_in_draws);
            let in_draws = in_draws.map(|(draw, mean)| draw[model] - mean);
            Standardised::of(table.means()[model] - mean_of_all, in_draws, resolution)
        })
        .collect();
    let values: Vec<f64> = standardised.iter().map(|standardised| standardised.value).collect();
    let statistic = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let in_draw = |(draw, mean): (&[f64], &f64)| {
        let sizes = left.iter().zip(&standardised);
        let sizes = sizes.map(|(&model, one)| (draw[model] - mean) * one.inverse_standard_error);
        sizes.fold(f64::NEG_INFINITY, f64::max)
    };
    let in_draws = draws.chunks_exact(k).zip(&mean_in_draws);
    let at_least_as_large = in_draws.filter(|pair| in_draw(*pair) >= statistic).count();
    Round { worst: attaining(left, &values, statistic), statistic, at_least_as_large }
}

/// The models whose value is the largest.
fn attaining(left: &[usize], values: &[f64], largest: f64) -> Vec<usize> {
    left.iter()
        .zip(values)
        .filter(|(_, value)| **value >= largest)
        .map(|(model, _)| *model)
        .collect()
}
