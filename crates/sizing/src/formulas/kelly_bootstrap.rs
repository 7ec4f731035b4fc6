//! How far to shrink a Kelly stake, by resampling what it was estimated from.
//!
//! The sample stands for the truth, and each resample for another history that the truth could have
//! produced. The stakes that the resamples ask for scatter as the estimate itself does, and the
//! factor `k` that would have served them best on the truth, `argmax mean_b g(k x_b)`, is how far
//! the estimate is to be taken. Baker & McHale (2013), with the expectation taken by the bootstrap
//! of Efron (1979) instead of a quadratic approximation.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::SizingError;
use super::check::not_negative;
use super::empirical_kelly::maximum;

const TWO_TO_53: f64 = 9_007_199_254_740_992.0;

/// Resamples of a weighted sample: positions drawn independently, each with its weight.
///
/// The same seed draws the same positions from a sample of the same weights, whatever its values,
/// so that estimates at two decisions differ by their samples only.
#[derive(Clone, Debug)]
pub struct Resamples {
    /// Running sums of the weights.
    cumulative: Vec<f64>,
    /// Draws a resample.
    size: usize,
    seed: u64,
}

impl Resamples {
    /// Resamples of as many draws as the weights are worth, `(sum w)^2 / sum w^2`, rounded up.
    ///
    /// # Errors
    /// `TooFewObservations` where no weight is above 0.
    pub fn new(weights: &[f64], seed: u64) -> Result<Self, SizingError> {
        super::empirical_kelly::check_weights(weights, weights.len())?;
        let mut total = 0.0;
        let cumulative = weights.iter().map(|weight| {
            total += weight;
            total
        });
        let cumulative: Vec<f64> = cumulative.collect();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let size = (total * total / squares).ceil().min(weights.len() as f64) as usize;
        Ok(Self { cumulative, size: size.max(1), seed })
    }

    /// The positions of resample `index`.
    pub fn draw(&self, index: u64) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(index);
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let last = self.cumulative.partition_point(|sum| *sum < total);
        (0..self.size)
            .map(|_| {
                let at = (random.next_u64() >> 11) as f64 / TWO_TO_53 * total;
                self.cumulative.partition_point(|sum| *sum <= at).min(last)
            })
            .collect()
    }
}

/// The factor from 0 to 1 that maximises the mean growth at `k` times each estimate.
///
/// `slope` gives the first and second derivative of growth by the stake, falling in it, and
/// `bound` the stake at which growth is minus infinity. Where no estimate asks for a stake the
/// factor is 0.
///
/// # Errors
/// An estimate that is negative or not finite, `NotConverged`.
pub fn bootstrap_shrinkage(
    estimates: &[f64],
    slope: impl Fn(f64) -> (f64, f64),
    bound: Option<f64>,
) -> Result<f64, SizingError> {
    let mut largest = 0.0_f64;
    for estimate in estimates {
        largest = largest.max(not_negative("estimate", *estimate)?);
    }
    if largest <= 0.0 {
        return Ok(0.0);
    }
    let mean_slope = |k: f64| {
        let (mut first, mut second) = (0.0, 0.0);
        for estimate in estimates.iter().filter(|estimate| **estimate > 0.0) {
            let (by_stake, curvature) = slope(k * estimate);
            first += estimate * by_stake;
            second += estimate * estimate * curvature;
        }
        (first, second)
    };
    if mean_slope(0.0).0 <= 0.0 {
        return Ok(0.0);
    }
    let edge = bound.map_or(f64::INFINITY, |bound| bound / largest);
    if edge > 1.0 && mean_slope(1.0).0 >= 0.0 {
        return Ok(1.0);
    }
    Ok(maximum(0.0, edge.min(1.0), mean_slope)?.min(1.0))
}
