//! The studentised bootstrap of a difference of Sharpe ratios, and the choice of its blocks.
//!
//! Ledoit & Wolf (2008, sections 3.2 and 3.3): resample pairs of returns in circular blocks,
//! measure each resampled difference in units of its own standard error, and compare with the
//! data. Where the standard error of [`super::sharpe_difference::sharpe_difference_hac`] rejects
//! too often, as it does on samples of a few hundred periods, this keeps its level.
//!
//! ```
//! use plimsoll_risk::compare::sharpe_bootstrap::{SharpeBootstrap, sharpe_difference_bootstrap};
//!
//! let noise = |seed: u32| move |t: u32| f64::from((t * t * 31 + t * seed) % 101) / 101.0 - 0.5;
//! let first: Vec<f64> = (0..120).map(noise(7)).collect();
//! let second: Vec<f64> = (0..120).map(noise(13)).map(|r| r + 0.4).collect();
//!
//! let settings = SharpeBootstrap { block: 5, draws: 999, ..SharpeBootstrap::default() };
//! let test = sharpe_difference_bootstrap(&first, &second, &settings)?;
//! assert!(test.p_value < 0.01 && test.high < 0.0);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use rayon::prelude::*;
use serde::Serialize;

use super::sharpe_difference::{Bandwidth, Standardised, sharpe_difference_hac, standardised};
use crate::check;
use crate::error::{Result, RiskError};
use crate::numeric::least_squares::Design;
use crate::resample::bootstrap::StationaryBootstrap;
use crate::resample::circular::CircularBlockBootstrap;

/// Blocks that the standard error of a resampled difference is taken from, at least.
const BLOCKS_MIN: f64 = 5.0;
/// Share of draws that may have no standard error.
const UNDEFINED_DRAWS_SHARE_MAX: f64 = 0.05;
/// Confidence level of the interval.
const LEVEL: f64 = 0.95;
const METRIC: &str = "sharpe_difference_bootstrap";

/// How the bootstrap is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SharpeBootstrap {
    /// Length of the blocks in periods; [`calibrate_block`] chooses one.
    pub block: usize,
    /// Number of draws, at least 19.
    pub draws: u64,
    /// Seed of the draws.
    pub seed: u64,
    /// Bandwidth of the standard error on the data.
    pub bandwidth: Bandwidth,
}

impl Default for SharpeBootstrap {
    fn default() -> Self {
        Self { block: 5, draws: 4_999, seed: 1, bandwidth: Bandwidth::OfDifference }
    }
}

/// The difference of two Sharpe ratios, tested by the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BootstrapSharpeDifference {
    /// First minus second, per period, standard deviations with divisor n.
    pub difference: f64,
    /// Its standard error on the data (HAC).
    pub standard_error: f64,
    /// Lower end of the symmetric 95 % interval.
    pub low: f64,
    /// Upper end of the same.
    pub high: f64,
    /// Two-sided p-value of no difference, `(1 + count) / (draws + 1)`.
    pub p_value: f64,
    /// Draws without a standard error (a column resampled constant); left out.
    pub undefined_draws: usize,
}

/// Test of two Sharpe ratios being equal by the studentised circular block bootstrap.
///
/// # Errors
/// As [`sharpe_difference_hac`]; fewer than five blocks; fewer than 19 draws; or
/// [`RiskError::TooManyUndefinedDraws`] where more than 5 % of the draws have no standard error.
pub fn sharpe_difference_bootstrap(
    first: &[f64],
    second: &[f64],
    settings: &SharpeBootstrap,
) -> Result<BootstrapSharpeDifference> {
    let hac = sharpe_difference_hac(first, second, settings.bandwidth)?;
    let columns = standardised(first, second, 2)?;
    let sizes = studentised_draws(&columns, hac.difference, settings)?;
    let draws = sizes.len();
    let sizes: Vec<f64> = sizes.into_iter().flatten().collect();
    let undefined_draws = draws - sizes.len();
    if undefined_draws as f64 > UNDEFINED_DRAWS_SHARE_MAX * draws as f64 {
        let undefined = undefined_draws;
        return Err(RiskError::TooManyUndefinedDraws { metric: METRIC, undefined, draws });
    }
    let as_large = sizes.iter().filter(|size| **size >= hac.z.abs()).count();
    let half_width = hac.standard_error * critical_value(sizes.clone(), LEVEL);
    Ok(BootstrapSharpeDifference {
        difference: hac.difference,
        standard_error: hac.standard_error,
        low: check::defined(METRIC, hac.difference - half_width)?,
        high: check::defined(METRIC, hac.difference + half_width)?,
        p_value: (1 + as_large) as f64 / (sizes.len() + 1) as f64,
        undefined_draws,
    })
}

/// How [`calibrate_block`] chooses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockCalibration {
    /// Block lengths to choose from.
    pub candidates: Vec<usize>,
    /// Samples simulated.
    pub samples: u64,
    /// Bootstrap draws in each.
    pub draws: u64,
    /// Mean block of the stationary bootstrap of the residuals.
    pub residual_block: f64,
    /// Level of the test whose rejections are counted.
    pub alpha: f64,
    /// Seed of samples and draws.
    pub seed: u64,
    /// Bandwidth of the standard error of each sample.
    pub bandwidth: Bandwidth,
}

impl Default for BlockCalibration {
    /// The choices of Ledoit & Wolf (2008) with fewer samples.
    fn default() -> Self {
        Self {
            candidates: vec![1, 3, 6, 10, 15],
            samples: 500,
            draws: 199,
            residual_block: 5.0,
            alpha: 0.05,
            seed: 1,
            bandwidth: Bandwidth::OfDifference,
        }
    }
}

/// The block chosen, and by what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibratedBlock {
    /// The candidate whose rejection rate is nearest to `alpha`; the shorter of two.
    pub block: usize,
    /// For each candidate, in the order given, the share of the samples in which the test rejects
    /// the difference that they were simulated with.
    pub rejection_rates: Vec<f64>,
}

/// Chooses the block length at which the test has its level (Ledoit & Wolf 2008, algorithm 3.1):
/// fits a first-order vector autoregression to the two columns, simulates samples from it with
/// residuals from a stationary bootstrap, and counts how often each candidate rejects the
/// difference of the data.
///
/// # Errors
/// As [`sharpe_difference_bootstrap`]; no candidate; no sample; `alpha` outside (0, 1); a block of
/// residuals below 1; columns that an autoregression cannot tell apart; or more than 5 % of the
/// samples without a result.
pub fn calibrate_block(
    first: &[f64],
    second: &[f64],
    calibration: &BlockCalibration,
) -> Result<CalibratedBlock> {
    let BlockCalibration { candidates, samples, draws, alpha, seed, bandwidth, .. } = calibration;
    check::open_unit("alpha", *alpha)?;
    check::require(!candidates.is_empty(), "candidates", 0.0, "at least 1")?;
    check::require(*samples > 0, "samples", *samples as f64, "at least 1")?;
    let hac = sharpe_difference_hac(first, second, *bandwidth)?;
    let model = Autoregression::fit(first, second)?;
    let residuals =
        StationaryBootstrap::new(model.residuals.len(), calibration.residual_block, *seed)?;
    // Each sample's draws have a seed of their own, apart from that of the residuals.
    let settings = |block: usize, sample: u64| SharpeBootstrap {
        block,
        draws: *draws,
        seed: seed.wrapping_add(1 + sample),
        bandwidth: *bandwidth,
    };
    for block in candidates {
        check_settings(first.len(), &settings(*block, 0))?;
    }
    let rejections: Vec<Option<Vec<bool>>> = (0..*samples)
        .into_par_iter()
        .map(|sample| {
            let (x, y) = model.simulate(&residuals, sample);
            let ours = sharpe_difference_hac(&x, &y, *bandwidth).ok()?;
            let columns = standardised(&x, &y, 2).ok()?;
            let distance = (ours.difference - hac.difference).abs() / ours.standard_error;
            let rejects = |block: &usize| {
                let settings = settings(*block, sample);
                let sizes = studentised_draws(&columns, ours.difference, &settings).ok()?;
                let sizes: Vec<f64> = sizes.into_iter().flatten().collect();
                let as_large = sizes.iter().filter(|size| **size >= distance).count();
                Some((1 + as_large) as f64 <= alpha * (sizes.len() + 1) as f64)
            };
            candidates.iter().map(rejects).collect()
        })
        .collect();
    let defined: Vec<Vec<bool>> = rejections.into_iter().flatten().collect();
    let undefined = *samples as usize - defined.len();
    if defined.is_empty() || undefined as f64 > UNDEFINED_DRAWS_SHARE_MAX * *samples as f64 {
        let draws = *samples as usize;
        return Err(RiskError::TooManyUndefinedDraws {
            metric: "calibrate_block",
            undefined,
            draws,
        });
    }
    let rate = |candidate: usize| {
        defined.iter().filter(|rejected| rejected[candidate]).count() as f64 / defined.len() as f64
    };
    let rejection_rates: Vec<f64> = (0..candidates.len()).map(rate).collect();
    let off = |candidate: &usize| (rejection_rates[*candidate] - alpha).abs();
    let best = (0..candidates.len())
        .min_by(|a, b| off(a).total_cmp(&off(b)).then(candidates[*a].cmp(&candidates[*b])))
        .unwrap_or(0);
    Ok(CalibratedBlock { block: candidates[best], rejection_rates })
}

fn check_settings(n: usize, settings: &SharpeBootstrap) -> Result<()> {
    let draws = settings.draws;
    check::require(draws >= 19, "draws", draws as f64, "at least 19")?;
    check::require(settings.block >= 1, "block", settings.block as f64, "at least 1")?;
    let mean_block = settings.block as f64;
    let blocks = n as f64 / mean_block;
    if blocks < BLOCKS_MIN {
        return Err(RiskError::TooFewBlocks { n, mean_block, blocks, blocks_min: BLOCKS_MIN });
    }
    Ok(())
}

/// Distance of each resampled difference from that of the data in its own standard errors; `None`
/// where it has none.
fn studentised_draws(
    columns: &[Standardised; 2],
    difference: f64,
    settings: &SharpeBootstrap,
) -> Result<Vec<Option<f64>>> {
    let n = columns[0].scores.len();
    check_settings(n, settings)?;
    let bootstrap = CircularBlockBootstrap::new(n, settings.block, settings.seed)?;
    let sizes = (0..settings.draws)
        .into_par_iter()
        .map_init(
            || (vec![0; n], vec![0.0; n]),
            |(positions, influence), draw| {
                bootstrap.fill(draw, positions);
                influence.fill(0.0);
                let first = add_influence(&columns[0], positions, 1.0, influence)?;
                let second = add_influence(&columns[1], positions, -1.0, influence)?;
                // Of the block sums, which are independent: no kernel is needed. An incomplete
                // last block is left out.
                let blocks = influence.chunks_exact(settings.block);
                let used = (blocks.len() * settings.block) as f64;
                let squares: f64 = blocks.map(|block| block.iter().sum::<f64>().powi(2)).sum();
                let standard_error = (squares / used / n as f64).sqrt();
                let size = ((first - second) - difference).abs() / standard_error;
                size.is_finite().then_some(size)
            },
        )
        .collect();
    Ok(sizes)
}

/// Adds the influence of each resampled period on the Sharpe ratio, times `sign`; the ratio.
fn add_influence(
    column: &Standardised,
    positions: &[u32],
    sign: f64,
    influence: &mut [f64],
) -> Option<f64> {
    let n = positions.len() as f64;
    let scores = || positions.iter().map(|&position| column.scores[position as usize]);
    let mean = scores().sum::<f64>() / n;
    let deviation = (scores().map(|z| (z - mean) * (z - mean)).sum::<f64>() / n).sqrt();
    if deviation <= 1e-12 {
        return None;
    }
    // Scores are (r - m) / s: the resampled mean return is m + s mean, in units of s.
    let ratio = (column.ratio + mean) / deviation;
    for (slot, z) in influence.iter_mut().zip(scores()) {
        let z = (z - mean) / deviation;
        *slot += sign * (z - 0.5 * ratio * (z * z - 1.0));
    }
    Some(ratio)
}

/// The value that a share `level` of the draws, and the data among them, does not exceed.
fn critical_value(mut sizes: Vec<f64>, level: f64) -> f64 {
    sizes.sort_by(f64::total_cmp);
    let rank = (level * (sizes.len() + 1) as f64 - 1e-9).ceil() as usize;
    sizes[rank.clamp(1, sizes.len()) - 1]
}

/// A first-order vector autoregression of two columns in units of their standard deviations.
struct Autoregression {
    start: [f64; 2],
    /// Constant, slope on the first and on the second, for each.
    coefficients: [Vec<f64>; 2],
    residuals: Vec<[f64; 2]>,
}

impl Autoregression {
    fn fit(first: &[f64], second: &[f64]) -> Result<Self> {
        let [a, b] = standardised(first, second, 4)?;
        // Returns over their standard deviation: what the ratios depend on.
        let x: Vec<f64> = a.scores.iter().map(|z| z + a.ratio).collect();
        let y: Vec<f64> = b.scores.iter().map(|z| z + b.ratio).collect();
        let n = x.len() - 1;
        let ones = vec![1.0; n];
        let design = Design::new(&[&ones, &x[..n], &y[..n]], n)?;
        let factor = design.factor(&ones)?;
        let fit = |column: &[f64]| -> Vec<f64> {
            let scaled = factor.solve(&column[1..]);
            scaled.iter().enumerate().map(|(j, value)| value / design.scale(j)).collect()
        };
        let coefficients = [fit(&x), fit(&y)];
        let residuals = (0..n)
            .map(|t| {
                let [next_x, next_y] = next(&coefficients, [x[t], y[t]]);
                [x[t + 1] - next_x, y[t + 1] - next_y]
            })
            .collect();
        Ok(Self { start: [x[0], y[0]], coefficients, residuals })
    }

    /// Sample number `sample`, as long as the data.
    fn simulate(&self, residuals: &StationaryBootstrap, sample: u64) -> (Vec<f64>, Vec<f64>) {
        let mut state = self.start;
        let (mut x, mut y) = (vec![state[0]], vec![state[1]]);
        for position in residuals.draw(sample, self.residuals.len()) {
            let [next_x, next_y] = next(&self.coefficients, state);
            let [residual_x, residual_y] = self.residuals[position as usize];
            state = [next_x + residual_x, next_y + residual_y];
            x.push(state[0]);
            y.push(state[1]);
        }
        (x, y)
    }
}

fn next(coefficients: &[Vec<f64>; 2], [x, y]: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|j| coefficients[j][0] + coefficients[j][1] * x + coefficients[j][2] * y)
}
