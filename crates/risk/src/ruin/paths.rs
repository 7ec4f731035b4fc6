//! Ruin probability of many rules by one paired stationary bootstrap of whole days.
//!
//! A draw strings resampled days together and follows each rule's equity through them. A rule is
//! ruined on the first day whose worst intraday equity, or close, is at or below `1 - drawdown`
//! of the running peak of the closes. Every rule sees the same days. The paths are *fixed*: the
//! sizes are those of the history, not decided again along the resampled one.
//!
//! Two errors are kept apart. `monte_carlo_low/high` is the Wilson interval for the number of
//! draws; `low/high` says how far another history of the same length could move the answer.

use rayon::prelude::*;
use serde::Serialize;

use crate::check;
use crate::error::{Result, RiskError};
use crate::proportion::wilson_interval;
use crate::resample::bootstrap::{StationaryBootstrap, percentile_interval};

/// Fewest blocks in the history that make a block bootstrap meaningful.
pub const RUIN_BLOCKS_MIN: f64 = 10.0;

/// What the estimate is called until sizes are decided again on every path.
pub const FIXED_PATH: &str = "fixed-path";

/// Draws that one task works through; a constant, so that results do not depend on threads.
const DRAWS_PER_TASK: u64 = 50;
/// Days between two looks whether every rule is already ruined.
const DAYS_BETWEEN_LOOKS: usize = 32;
/// Random streams of the outer and inner draws of the sampling error, apart from those of the
/// estimate itself.
const OUTER_STREAM: u64 = 1 << 40;
const INNER_STREAM: u64 = 1 << 41;

/// One rule's history by UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct DailyPath {
    /// Equity at the end of the day over equity at its start, `1 + r`.
    pub growth: Vec<f64>,
    /// Lowest equity of the day over equity at its start.
    pub worst: Vec<f64>,
}

/// Settings of [`estimate_ruin`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuinConfig {
    /// Drawdown from the running peak that counts as ruin, above 0 and at most 1.
    pub drawdown: f64,
    /// Length of a path in days.
    pub horizon_days: usize,
    /// Paths drawn for the estimate.
    pub draws: u64,
    /// Mean block length in days, at least 1; see
    /// [`common_block_length`](crate::resample::block_length::common_block_length).
    pub mean_block: f64,
    /// Seed of every random number.
    pub seed: u64,
    /// Resampled histories for the sampling error.
    pub outer_draws: u64,
    /// Paths drawn from each of them.
    pub inner_draws: u64,
}

impl Default for RuinConfig {
    /// Half the equity within a year, 5,000 draws, 200 x 200 for the sampling error, independent
    /// days.
    fn default() -> Self {
        Self {
            drawdown: 0.5,
            horizon_days: 365,
            draws: 5_000,
            mean_block: 1.0,
            seed: 0,
            outer_draws: 200,
            inner_draws: 200,
        }
    }
}

/// Ruin probability of one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuinEstimate {
    /// Share of the draws that were ruined within the horizon.
    pub probability: f64,
    /// Lower end of the 95 % Wilson interval for the number of draws.
    pub monte_carlo_low: f64,
    /// Upper end of the same; above 0 even where no draw was ruined.
    pub monte_carlo_high: f64,
    /// 2.5 % percentile over resampled histories (sampling error). The Monte Carlo noise of the
    /// inner draws is not removed, so the interval is a little too wide.
    pub low: f64,
    /// 97.5 % percentile of the same.
    pub high: f64,
    /// Days of history.
    pub days: usize,
    /// Mean block length in days.
    pub mean_block: f64,
    /// Paths drawn.
    pub draws: u64,
    /// How the paths were made: [`FIXED_PATH`].
    pub label: &'static str,
}

/// Ruin probabilities of every rule, from the same draws.
///
/// The outer result is for the call, the inner one for a rule: a rule whose own history ends in
/// ruin (`growth <= 0`) is [`RiskError::Ruined`] and not resampled.
///
/// # Errors
/// Columns of different length or with a value that is not finite, a setting outside its range,
/// or [`RiskError::TooFewBlocks`].
pub fn estimate_ruin(
    rules: &[DailyPath],
    config: &RuinConfig,
) -> Result<Vec<Result<RuinEstimate>>> {
    let days = check_input(rules, config)?;
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let lanes = Lanes::new(rules, days);
    let bootstrap = StationaryBootstrap::new(days, config.mean_block, config.seed)?;
    let ruined = count_ruined(&lanes, &bootstrap, config);
    let resampled = resampled_probabilities(&lanes, &bootstrap, config);
    let estimates = rules.iter().enumerate().map(|(rule, path)| {
        if let Some(index) = path.growth.iter().position(|growth| *growth <= 0.0) {
            return Err(RiskError::Ruined { index });
        }
        let (monte_carlo_low, monte_carlo_high) =
            wilson_interval(ruined[rule], config.draws, 0.95)?;
        let outer: Vec<f64> = resampled.iter().map(|by_rule| by_rule[rule]).collect();
        let (low, high) = percentile_interval(&outer, 0.95)?;
        Ok(RuinEstimate {
            probability: ruined[rule] as f64 / config.draws as f64,
            monte_carlo_low,
            monte_carlo_high,
            low,
            high,
            days,
            mean_block: config.mean_block,
            draws: config.draws,
            label: FIXED_PATH,
        })
    });
    Ok(estimates.collect())
}

/// Sampling error of one rule alone: `low` and `high` of its [`RuinEstimate`], without the
/// estimate itself.
///
/// # Errors
/// As [`estimate_ruin`], the rule's own ruin included.
pub fn sampling_interval(rule: DailyPath, config: &RuinConfig) -> Result<(f64, f64)> {
    let rules = [rule];
    let days = check_input(&rules, config)?;
    if let Some(index) = rules[0].growth.iter().position(|growth| *growth <= 0.0) {
        return Err(RiskError::Ruined { index });
    }
    let lanes = Lanes::new(&rules, days);
    let bootstrap = StationaryBootstrap::new(days, config.mean_block, config.seed)?;
    let resampled = resampled_probabilities(&lanes, &bootstrap, config);
    percentile_interval(&resampled.concat(), 0.95)
}

/// Draws in which each rule was ruined.
fn count_ruined(lanes: &Lanes, bootstrap: &StationaryBootstrap, config: &RuinConfig) -> Vec<u64> {
    let floor = 1.0 - config.drawdown;
    let counts: Vec<Vec<u64>> = (0..config.draws.div_ceil(DRAWS_PER_TASK))
        .into_par_iter()
        .map(|task| {
            let mut path = PathState::new(lanes.rules, floor);
            let mut days = vec![0; config.horizon_days];
            let mut count = vec![0; lanes.rules];
            let first = task * DRAWS_PER_TASK;
            for draw in first..(first + DRAWS_PER_TASK).min(config.draws) {
                bootstrap.fill(draw, &mut days);
                path.walk(lanes, &days);
                path.add_ruined(&mut count);
            }
            count
        })
        .collect();
    let mut total = vec![0; lanes.rules];
    for count in counts {
        for (sum, part) in total.iter_mut().zip(count) {
            *sum += part;
        }
    }
    total
}

/// The estimate repeated on resampled histories: one row of probabilities per outer draw.
fn resampled_probabilities(
    lanes: &Lanes,
    bootstrap: &StationaryBootstrap,
    config: &RuinConfig,
) -> Vec<Vec<f64>> {
    let floor = 1.0 - config.drawdown;
    (0..config.outer_draws)
        .into_par_iter()
        .map(|outer| {
            let history = bootstrap.draw(OUTER_STREAM + outer, lanes.days);
            let mut path = PathState::new(lanes.rules, floor);
            let mut days = vec![0; config.horizon_days];
            let mut count = vec![0; lanes.rules];
            for inner in 0..config.inner_draws {
                bootstrap.fill(INNER_STREAM + outer * config.inner_draws + inner, &mut days);
                for day in &mut days {
                    *day = history[*day as usize];
                }
                path.walk(lanes, &days);
                path.add_ruined(&mut count);
            }
            let draws = config.inner_draws as f64;
            count.into_iter().map(|ruined| ruined as f64 / draws).collect()
        })
        .collect()
}

/// The histories of all rules, day by day, a lane per rule.
struct Lanes {
    rules: usize,
    days: usize,
    growth: Vec<f64>,
    /// The lower of worst and closing equity.
    low: Vec<f64>,
}

impl Lanes {
    fn new(rules: &[DailyPath], days: usize) -> Self {
        let by_day = |value: &dyn Fn(&DailyPath, usize) -> f64| {
            (0..days)
                .flat_map(|day| rules.iter().map(move |rule| (rule, day)))
                .map(|(rule, day)| value(rule, day))
                .collect()
        };
        Self {
            rules: rules.len(),
            days,
            growth: by_day(&|rule, day| rule.growth[day]),
            low: by_day(&|rule, day| rule.growth[day].min(rule.worst[day])),
        }
    }
}

/// Equity of all rules along one draw.
struct PathState {
    floor: f64,
    /// Equity over its running peak, at the close.
    level: Vec<f64>,
    /// Lowest intraday value of the same so far: at or below the floor is ruin. Carrying the
    /// lowest value instead of a flag leaves the inner loop without a branch.
    lowest: Vec<f64>,
}

impl PathState {
    fn new(rules: usize, floor: f64) -> Self {
        Self { floor, level: vec![1.0; rules], lowest: vec![1.0; rules] }
    }

    fn walk(&mut self, lanes: &Lanes, days: &[u32]) {
        self.level.fill(1.0);
        self.lowest.fill(f64::INFINITY);
        for stretch in days.chunks(DAYS_BETWEEN_LOOKS) {
            for &day in stretch {
                let start = day as usize * lanes.rules;
                let growth = &lanes.growth[start..start + lanes.rules];
                let low = &lanes.low[start..start + lanes.rules];
                let state = self.level.iter_mut().zip(&mut self.lowest);
                for ((level, lowest), (growth, low)) in state.zip(growth.iter().zip(low)) {
                    let trough = *level * low;
                    *lowest = if trough < *lowest { trough } else { *lowest };
                    let close = *level * growth;
                    *level = if close < 1.0 { close } else { 1.0 };
                }
            }
            if self.lowest.iter().all(|lowest| *lowest <= self.floor) {
                break;
            }
        }
    }

    fn add_ruined(&self, count: &mut [u64]) {
        for (count, lowest) in count.iter_mut().zip(&self.lowest) {
            *count += u64::from(*lowest <= self.floor);
        }
    }
}

/// Checks everything and returns the number of days.
fn check_input(rules: &[DailyPath], config: &RuinConfig) -> Result<usize> {
    check::require(
        config.drawdown > 0.0 && config.drawdown <= 1.0,
        "drawdown",
        config.drawdown,
        "above 0 and at most 1",
    )?;
    check::require(
        config.mean_block >= 1.0 && config.mean_block.is_finite(),
        "mean_block",
        config.mean_block,
        "finite and at least 1",
    )?;
    for (name, value) in [
        ("horizon_days", config.horizon_days as u64),
        ("draws", config.draws),
        ("outer_draws", config.outer_draws),
        ("inner_draws", config.inner_draws),
    ] {
        check::require(
            value > 0 && value < u64::from(u32::MAX),
            name,
            value as f64,
            "at least 1 and below 2^32",
        )?;
    }
    let Some(first) = rules.first() else {
        return Ok(0);
    };
    let days = first.growth.len();
    for (index, rule) in rules.iter().enumerate() {
        for (name, column) in [("growth", &rule.growth), ("worst", &rule.worst)] {
            if column.len() != days {
                return Err(RiskError::LengthMismatch {
                    name,
                    index,
                    length: column.len(),
                    expected: days,
                });
            }
            check::finite(column)?;
        }
    }
    check_blocks(days, config.mean_block)?;
    Ok(days)
}

/// Whether `n` observations hold enough blocks.
pub(super) fn check_blocks(n: usize, mean_block: f64) -> Result<()> {
    let blocks = n as f64 / mean_block;
    if blocks < RUIN_BLOCKS_MIN {
        return Err(RiskError::TooFewBlocks { n, mean_block, blocks, blocks_min: RUIN_BLOCKS_MIN });
    }
    Ok(())
}
