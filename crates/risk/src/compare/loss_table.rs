//! The losses of several models over the same periods, and the resampling of their means.

use rayon::prelude::*;

use super::Resampling;
use crate::check;
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::resample::bootstrap::StationaryBootstrap;

/// Blocks that a sample must hold for its bootstrap to say something.
const BLOCKS_MIN: f64 = 10.0;
/// Draws that one task works through.
const DRAWS_PER_TASK: u64 = 25;
/// What the arithmetic resolves of a mean, relative to the largest loss.
const RESOLUTION: f64 = 1e-14;

/// Centred columns, all divided by one number so that no square leaves the range of a double.
#[derive(Debug, Clone)]
pub(super) struct LossTable {
    n: usize,
    /// Mean of each column, scaled.
    means: Vec<f64>,
    /// Largest size of what each column is made of, scaled.
    largest: Vec<f64>,
    /// Deviations from the means, a row a period.
    rows: Vec<f64>,
    scale: f64,
}

impl LossTable {
    /// The columns as they are.
    pub(super) fn of(columns: &[&[f64]]) -> Result<Self> {
        let n = columns.first().map_or(0, |column| column.len());
        check_columns(columns, n)?;
        let scale = scale_of(columns);
        let scaled = columns.iter().map(|x| x.iter().map(|value| value / scale).collect());
        let largest = columns.iter().map(|column| largest(column) / scale).collect();
        Ok(Self::centred(n, &scaled.collect::<Vec<_>>(), largest, scale))
    }

    /// What each model loses less than the benchmark.
    pub(super) fn of_differences(benchmark: &[f64], models: &[&[f64]]) -> Result<Self> {
        let n = benchmark.len();
        let mut columns = vec![benchmark];
        columns.extend(models);
        check_columns(&columns, n)?;
        let scale = scale_of(&columns);
        let less = |ours: &f64, theirs: &f64| ours / scale - theirs / scale;
        let difference = |model: &&[f64]| -> Vec<f64> {
            benchmark.iter().zip(*model).map(|(ours, theirs)| less(ours, theirs)).collect()
        };
        let scaled: Vec<Vec<f64>> = models.iter().map(difference).collect();
        let largest =
            models.iter().map(|model| largest(model).max(largest(benchmark)) / scale).collect();
        Ok(Self::centred(n, &scaled, largest, scale))
    }

    fn centred(n: usize, columns: &[Vec<f64>], largest: Vec<f64>, scale: f64) -> Self {
        let mean = |column: &Vec<f64>| sum(column.iter().copied()) / n as f64;
        let means: Vec<f64> = columns.iter().map(mean).collect();
        let rows = (0..n)
            .flat_map(|t| columns.iter().zip(&means).map(move |(column, mean)| column[t] - mean))
            .collect();
        Self { n, means, largest, rows, scale }
    }

    /// Number of periods.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    pub(super) fn n_columns(&self) -> usize {
        self.means.len()
    }

    /// Mean of each column, scaled.
    pub(super) fn means(&self) -> &[f64] {
        &self.means
    }

    /// Mean of each column in the unit of the losses.
    pub(super) fn means_unscaled(&self) -> Result<Vec<f64>> {
        self.means.iter().map(|mean| check::defined("mean loss", mean * self.scale)).collect()
    }

    /// Deviations of a column from its mean, scaled.
    pub(super) fn column(&self, column: usize) -> Vec<f64> {
        self.rows.iter().skip(column).step_by(self.n_columns()).copied().collect()
    }

    /// The least that a difference of means which holds `column` can be told from zero by.
    pub(super) fn resolution(&self, column: usize) -> f64 {
        RESOLUTION * self.largest[column]
    }

    /// Means of resampled columns less the means of the columns, scaled: a row a draw.
    pub(super) fn resampled_means(&self, resampling: &Resampling) -> Result<Vec<f64>> {
        let Resampling { mean_block, draws, seed } = *resampling;
        check::require(draws > 0, "draws", draws as f64, "at least 1")?;
        let bootstrap = StationaryBootstrap::new(self.n, mean_block, seed)?;
        let blocks = self.n as f64 / mean_block;
        if blocks < BLOCKS_MIN {
            let n = self.n;
            return Err(RiskError::TooFewBlocks { n, mean_block, blocks, blocks_min: BLOCKS_MIN });
        }
        let k = self.n_columns();
        let tasks: Vec<Vec<f64>> = (0..draws.div_ceil(DRAWS_PER_TASK))
            .into_par_iter()
            .map(|task| {
                let first = task * DRAWS_PER_TASK;
                let last = (first + DRAWS_PER_TASK).min(draws);
                let mut positions = vec![0; self.n];
                let mut means = vec![0.0; (last - first) as usize * k];
                for (draw, sums) in (first..last).zip(means.chunks_exact_mut(k)) {
                    bootstrap.fill(draw, &mut positions);
                    for &position in &positions {
                        let row = &self.rows[position as usize * k..][..k];
                        for (sum, deviation) in sums.iter_mut().zip(row) {
                            *sum += deviation;
                        }
                    }
                    for sum in sums {
                        *sum /= self.n as f64;
                    }
                }
                means
            })
            .collect();
        Ok(tasks.concat())
    }
}

/// Share of the draws at least as large as the statistic, the data counting as one draw: never
/// zero, and a test of the level that it says (Davison & Hinkley 1997, section 4.2).
pub(super) fn bootstrap_p_value(at_least_as_large: usize, draws: u64) -> f64 {
    (1 + at_least_as_large) as f64 / (draws as f64 + 1.0)
}

/// Columns of one length and of finite values; at least one column.
fn check_columns(columns: &[&[f64]], n: usize) -> Result<()> {
    for (column, values) in columns.iter().enumerate() {
        if values.len() != n {
            let length = values.len();
            let name = "column";
            return Err(RiskError::LengthMismatch { name, index: column, length, expected: n });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let value = values[index];
            return Err(RiskError::NonFiniteInColumn { column, index, value });
        }
    }
    Ok(())
}

fn scale_of(columns: &[&[f64]]) -> f64 {
    let scale = columns.iter().fold(0.0_f64, |so_far, column| so_far.max(largest(column)));
    if scale > 0.0 { scale } else { 1.0 }
}

fn largest(column: &[f64]) -> f64 {
    column.iter().fold(0.0_f64, |so_far, value| so_far.max(value.abs()))
}
