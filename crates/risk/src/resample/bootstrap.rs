//! The stationary bootstrap (Politis & Romano 1994).
//!
//! Blocks start anywhere, have geometric lengths and wrap around the end of the sample, so the
//! resampled series is stationary. Each draw has a random stream of its own: draw 17 is the same
//! whatever the number of draws or threads.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::check;
use crate::error::{Result, RiskError};
use crate::moments::{mean, sum};
use crate::quantile::{quantile_sorted, sorted};

/// Draws that one task works through.
const DRAWS_PER_TASK: u64 = 64;

/// Generator of resampled positions.
#[derive(Debug, Clone)]
pub struct StationaryBootstrap {
    n: u32,
    /// A new block starts where a random 64-bit number is at most this.
    restart: u64,
    origin: ChaCha8Rng,
}

impl StationaryBootstrap {
    /// Bootstrap of `n` observations in blocks of mean length `mean_block` (1 resamples
    /// independently).
    ///
    /// # Errors
    /// No observation, more than 2^32 - 1, or a mean block below 1.
    pub fn new(n: usize, mean_block: f64, seed: u64) -> Result<Self> {
        if n == 0 {
            return Err(RiskError::TooFewObservations { n, n_min: 1 });
        }
        check::mean_block(mean_block)?;
        let Ok(positions) = u32::try_from(n) else {
            return Err(RiskError::OutOfRange { name: "n", value: n as f64, rule: "below 2^32" });
        };
        Ok(Self {
            n: positions,
            // Saturates at u64::MAX for mean_block = 1: every position is a new start.
            restart: (18_446_744_073_709_551_616.0 / mean_block) as u64,
            origin: ChaCha8Rng::seed_from_u64(seed),
        })
    }

    /// What `of_draw` makes of the positions of each of `draws` draws of one length, in the order of
    /// the draws whatever the number of threads.
    pub(crate) fn map_draws<T: Send>(
        &self,
        draws: u64,
        length: usize,
        of_draw: impl Fn(&[u32]) -> T + Sync,
    ) -> Vec<T> {
        let tasks: Vec<Vec<T>> = (0..draws.div_ceil(DRAWS_PER_TASK))
            .into_par_iter()
            .map(|task| {
                let mut positions = vec![0; length];
                let first = task * DRAWS_PER_TASK;
                (first..(first + DRAWS_PER_TASK).min(draws))
                    .map(|draw| {
                        self.fill(draw, &mut positions);
                        of_draw(&positions)
                    })
                    .collect()
            })
            .collect();
        tasks.into_iter().flatten().collect()
    }

    /// Fills `positions` (0-based) with draw number `draw`.
    pub fn fill(&self, draw: u64, positions: &mut [u32]) {
        let mut random = self.origin.clone();
        random.set_stream(draw);
        let mut position = 0;
        for (index, slot) in positions.iter_mut().enumerate() {
            if index == 0 || random.next_u64() <= self.restart {
                let scaled = u128::from(random.next_u64()) * u128::from(self.n);
                position = (scaled >> 64) as u32;
            } else {
                position += 1;
                if position == self.n {
                    position = 0;
                }
            }
            *slot = position;
        }
    }

    /// Draw number `draw`: `length` positions (0-based).
    pub fn draw(&self, draw: u64, length: usize) -> Vec<u32> {
        let mut positions = vec![0; length];
        self.fill(draw, &mut positions);
        positions
    }
}

/// Variance of the bootstrapped mean in closed form (Politis & Romano 1994):
/// `(C_0 + 2 sum (1 - i / n) (1 - 1 / mean_block)^i C_i) / n` with circular autocovariances.
///
/// # Errors
/// A value that is not finite, an empty sample, or a mean block below 1.
pub fn stationary_bootstrap_variance_of_mean(values: &[f64], mean_block: f64) -> Result<f64> {
    check::require(
        mean_block >= 1.0 && mean_block.is_finite(),
        "mean_block",
        mean_block,
        "finite and at least 1",
    )?;
    let centre = mean(values)?;
    let n = values.len();
    let size = n as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - centre).collect();
    let covariance = |lag: usize| {
        let (start, end) = centred.split_at(lag);
        sum(centred.iter().zip(end.iter().chain(start)).map(|(a, b)| a * b)) / size
    };
    let mut terms = vec![covariance(0)];
    let keep = 1.0 - 1.0 / mean_block;
    let mut weight = 1.0;
    for lag in 1..n {
        weight *= keep;
        // What follows is below the last bit of the sum.
        if weight < 1e-20 {
            break;
        }
        terms.push(2.0 * (1.0 - lag as f64 / size) * weight * covariance(lag));
    }
    check::defined("stationary_bootstrap_variance_of_mean", sum(terms) / size)
}

/// Percentile interval of bootstrap draws at a two-sided `level` such as 0.95.
///
/// # Errors
/// No draw, one that is not finite, or a level outside (0, 1).
pub fn percentile_interval(draws: &[f64], level: f64) -> Result<(f64, f64)> {
    check::open_unit("level", level)?;
    check::series(draws, 1)?;
    let ascending = sorted(draws);
    let tail = 0.5 * (1.0 - level);
    Ok((quantile_sorted(&ascending, tail), quantile_sorted(&ascending, 1.0 - tail)))
}

/// p-values adjusted for their number (Holm 1979), in the order given; they control the chance
/// of one false discovery among all.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        let scaled = p_values[index] * (p_values.len() - rank) as f64;
        largest = largest.max(scaled.min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}
