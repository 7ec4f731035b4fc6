//! When a resampled path touches a barrier first: a level of wealth from above or from below, or a
//! drawdown from the running peak.
//!
//! Paths are stationary bootstraps of the history, each from a random stream of its own. The
//! intervals speak of the number of draws only; that another history would have given another
//! answer is the business of the outer bootstrap of [`paths`](crate::ruin::paths).

use serde::Serialize;

use crate::check;
use crate::error::{Result, RiskError};
use crate::proportion::{clopper_pearson_interval, wilson_interval};
use crate::resample::block_length::common_block_length;
use crate::resample::bootstrap::StationaryBootstrap;
use crate::ruin::paths::{DailyPath, check_blocks};

/// A barrier missed by less than this share counts as touched, as exact arithmetic would have it.
const ROUNDING: f64 = 1e-12;

/// The barriers; each may be absent, not all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Barriers {
    /// Wealth at or below this multiple of its start, above 0 and below 1.
    pub wealth_below: Option<f64>,
    /// Wealth at or above this multiple of its start, above 1.
    pub wealth_above: Option<f64>,
    /// Drawdown from the running peak of the closes, the start included, of at least this
    /// fraction, above 0 and at most 1.
    pub drawdown: Option<f64>,
}

/// Settings of [`first_passage`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstPassageSettings {
    /// What is watched for.
    pub barriers: Barriers,
    /// Length of a path in periods.
    pub horizon: usize,
    /// Paths drawn.
    pub draws: u64,
    /// Mean block length in periods, at least 1; `None` takes the longer of those that the
    /// returns and their sizes ask for.
    pub mean_block: Option<f64>,
    /// Seed of every random number.
    pub seed: u64,
    /// Two-sided level of the intervals, such as 0.95.
    pub level: f64,
}

/// A share of the draws, with its intervals for their number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DrawShare {
    /// Draws that belong to it.
    pub count: u64,
    /// Their share.
    pub probability: f64,
    /// Wilson interval: near its nominal coverage on average.
    pub wilson: (f64, f64),
    /// Clopper-Pearson interval: never below its nominal coverage. Its upper end is above 0 even
    /// where no draw belongs.
    pub exact: (f64, f64),
}

/// The first passages of all draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirstPassage {
    /// Paths that touch a barrier within the horizon.
    pub any: DrawShare,
    /// Paths that touch the lower level first. A path that touches two barriers in the same period
    /// counts for both.
    pub wealth_below: Option<DrawShare>,
    /// Paths that touch the upper level first.
    pub wealth_above: Option<DrawShare>,
    /// Paths that reach the drawdown first.
    pub drawdown: Option<DrawShare>,
    /// Paths drawn.
    pub draws: u64,
    /// Mean block length in periods.
    pub mean_block: f64,
    /// Periods to the first passage, counted from 1, in ascending order: one for each path that
    /// touches a barrier.
    #[serde(skip)]
    pub times: Vec<u32>,
}

impl FirstPassage {
    /// Periods until the share `probability` of all paths, above 0 and at most 1, has touched a
    /// barrier; `None` where fewer do within the horizon.
    ///
    /// # Errors
    /// A share outside (0, 1].
    pub fn time_quantile(&self, probability: f64) -> Result<Option<u32>> {
        Self::check_share(probability)?;
        let rank = crate::quantile::tail_count(probability, self.draws as usize).ceil() as usize;
        Ok(self.times.get(rank.max(1) - 1).copied())
    }

    /// The same of those paths alone that touch a barrier; `None` where none does.
    ///
    /// # Errors
    /// A share outside (0, 1].
    pub fn time_quantile_of_touched(&self, probability: f64) -> Result<Option<u32>> {
        Self::check_share(probability)?;
        let rank = crate::quantile::tail_count(probability, self.times.len()).ceil() as usize;
        Ok(self.times.get(rank.max(1) - 1).copied())
    }

    fn check_share(probability: f64) -> Result<()> {
        let inside = probability > 0.0 && probability <= 1.0;
        check::require(inside, "probability", probability, "above 0 and at most 1")
    }
}

/// First passages of resampled simple per-period returns, barriers looked at after each period.
///
/// # Errors
/// A value that is not finite, [`RiskError::Ruined`] for a return of -1 or below, a setting outside
/// its range, no barrier, or a history of fewer than ten blocks.
pub fn first_passage(returns: &[f64], settings: &FirstPassageSettings) -> Result<FirstPassage> {
    check::series(returns, 1)?;
    let growth: Vec<f64> = returns.iter().map(|r| 1.0 + r).collect();
    simulate(returns, &growth, &growth, settings)
}

/// First passages of resampled days, the lower barriers looked at against the worst equity of each
/// day, the upper one at its close.
///
/// # Errors
/// As [`first_passage`], and columns of different length.
pub fn first_passage_of_days(
    path: &DailyPath,
    settings: &FirstPassageSettings,
) -> Result<FirstPassage> {
    check::series(&path.growth, 1)?;
    check::finite(&path.worst)?;
    if path.worst.len() != path.growth.len() {
        return Err(RiskError::LengthMismatch {
            name: "worst",
            index: 0,
            length: path.worst.len(),
            expected: path.growth.len(),
        });
    }
    let low: Vec<f64> = path.growth.iter().zip(&path.worst).map(|(g, w)| g.min(*w)).collect();
    let returns: Vec<f64> = path.growth.iter().map(|growth| growth - 1.0).collect();
    simulate(&returns, &path.growth, &low, settings)
}

fn simulate(
    returns: &[f64],
    growth: &[f64],
    low: &[f64],
    settings: &FirstPassageSettings,
) -> Result<FirstPassage> {
    check_settings(settings)?;
    if let Some(index) = growth.iter().position(|growth| *growth <= 0.0) {
        return Err(RiskError::Ruined { index });
    }
    let mean_block = settings.mean_block.map_or_else(|| common_block_length(&[returns]), Ok)?;
    let bootstrap = StationaryBootstrap::new(growth.len(), mean_block, settings.seed)?;
    check_blocks(growth.len(), mean_block)?;
    let periods: Vec<Period> =
        growth.iter().zip(low).map(|(growth, low)| Period { growth: *growth, low: *low }).collect();
    let watch = Watch::new(&settings.barriers);
    let draws = settings.draws;
    let first_touch = |positions: &[u32]| watch.first_touch(&periods, positions);
    let touches = bootstrap.map_draws(draws, settings.horizon, first_touch);
    let touches: Vec<Touch> = touches.into_iter().flatten().collect();
    let share = |count: usize| -> Result<DrawShare> {
        let count = count as u64;
        Ok(DrawShare {
            count,
            probability: count as f64 / draws as f64,
            wilson: wilson_interval(count, draws, settings.level)?,
            exact: clopper_pearson_interval(count, draws, settings.level)?,
        })
    };
    let of_barrier = |barrier: Option<f64>, touched: fn(&Touch) -> bool| {
        barrier.map(|_| share(touches.iter().filter(|touch| touched(touch)).count())).transpose()
    };
    let mut times: Vec<u32> = touches.iter().map(|touch| touch.time).collect();
    times.sort_unstable();
    Ok(FirstPassage {
        any: share(touches.len())?,
        wealth_below: of_barrier(settings.barriers.wealth_below, |touch| touch.below)?,
        wealth_above: of_barrier(settings.barriers.wealth_above, |touch| touch.above)?,
        drawdown: of_barrier(settings.barriers.drawdown, |touch| touch.drawdown)?,
        draws,
        mean_block,
        times,
    })
}

/// What a period does to wealth: its close and its lowest point over its start.
#[derive(Debug, Clone, Copy)]
struct Period {
    growth: f64,
    low: f64,
}

/// The first passage of one path.
#[derive(Debug, Clone, Copy)]
struct Touch {
    time: u32,
    below: bool,
    above: bool,
    drawdown: bool,
}

/// Thresholds; an absent one is never met.
struct Watch {
    below: f64,
    above: f64,
    /// Wealth over its running peak.
    floor: f64,
}

impl Watch {
    fn new(barriers: &Barriers) -> Self {
        let lower = |level: Option<f64>| level.map_or(f64::NEG_INFINITY, |l| l * (1.0 + ROUNDING));
        Self {
            below: lower(barriers.wealth_below),
            above: barriers.wealth_above.map_or(f64::INFINITY, |l| l * (1.0 - ROUNDING)),
            floor: lower(barriers.drawdown.map(|drawdown| 1.0 - drawdown)),
        }
    }

    fn first_touch(&self, periods: &[Period], positions: &[u32]) -> Option<Touch> {
        let (mut wealth, mut level) = (1.0_f64, 1.0_f64);
        for (time, &position) in positions.iter().enumerate() {
            let Period { growth, low } = periods[position as usize];
            let below = wealth * low <= self.below;
            let drawdown = level * low <= self.floor;
            // Beyond the range of a double wealth stays at its end.
            wealth = (wealth * growth).min(f64::MAX);
            let above = wealth >= self.above;
            if below | drawdown | above {
                return Some(Touch { time: time as u32 + 1, below, above, drawdown });
            }
            level = (level * growth).min(1.0);
        }
        None
    }
}

fn check_settings(settings: &FirstPassageSettings) -> Result<()> {
    let Barriers { wealth_below, wealth_above, drawdown } = settings.barriers;
    if let Some(level) = wealth_below {
        check::open_unit("wealth_below", level)?;
    }
    if let Some(level) = wealth_above {
        let inside = level > 1.0 && level.is_finite();
        check::require(inside, "wealth_above", level, "finite and above 1")?;
    }
    if let Some(depth) = drawdown {
        let inside = depth > 0.0 && depth <= 1.0;
        check::require(inside, "drawdown", depth, "above 0 and at most 1")?;
    }
    if wealth_below.is_none() && wealth_above.is_none() && drawdown.is_none() {
        return Err(check::undefined("first_passage", "no barrier is given"));
    }
    check::open_unit("level", settings.level)?;
    for (name, value) in [("horizon", settings.horizon as u64), ("draws", settings.draws)] {
        let inside = value > 0 && value < u64::from(u32::MAX);
        check::require(inside, name, value as f64, "at least 1 and below 2^32")?;
    }
    Ok(())
}
