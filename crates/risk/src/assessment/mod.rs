//! All that the crate can say about one series of returns, section by section.
//!
//! [`Assessment::of`] is what `plimsoll risk` prints. Nothing in it is a NaN and nothing is left
//! out without a word: a figure is a number or the typed reason why there is none. Under serde a
//! figure becomes `{"value": 0.031}` or `{"value": null, "reason": "..."}`.
//!
//! Costly fits look at the last [`AssessmentSettings::fit_observations_max`] returns only;
//! everything else at all of them.
//!
//! ```
//! use plimsoll_risk::assessment::{Assessment, AssessmentSettings};
//!
//! let returns: Vec<f64> = (0..120).map(|t| 0.001 + 0.02 * f64::from(t * 7 % 11 - 5) / 5.0).collect();
//! let settings = AssessmentSettings { draws: 200, outer_draws: 10, ..AssessmentSettings::default() };
//! let assessment = Assessment::of(&returns, &settings)?;
//! assert_eq!(assessment.statistics.n, 120);
//! assert!(assessment.worst_drawdowns[0].depth > 0.0);
//! // 120 returns are too few for a volatility model, and it says so.
//! assert!(assessment.volatility.iter().all(|row| row.fit.is_err()));
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

mod dependence;
mod expectiles;
mod extremes;
mod forecasts;
mod intervals;
mod outcome;
pub mod plots;
mod ruin;
mod several_periods;
mod sharpe;
mod tails;
mod volatility;

use serde::Serialize;

use outcome::outcome;

use crate::check;
use crate::drawdown::{Drawdowns, Episode};
use crate::error::Result;
use crate::forecast::{ForecastSettings, Side};
use crate::summary::{ReturnStatistics, Statistic, TailFits};

pub use dependence::{Autocorrelation, Dependence, SerialTest};
pub use expectiles::{CareMeasure, CareSummary, ExpectileMeasure};
pub use extremes::ThresholdMeasure;
pub use forecasts::ForecastAssessment;
pub use intervals::{TailInterval, TailQuantity};
pub use ruin::{DrawdownPassage, DrawdownProbability, MaxDrawdownToCome};
pub use several_periods::{SeveralPeriods, SeveralPeriodsTail};
pub use sharpe::SharpeTrials;
pub use tails::TailMeasure;
pub use volatility::{NextTail, VolatilityFit, VolatilityMeasure};

/// How many of the worst drawdowns are listed.
const WORST_DRAWDOWNS: usize = 5;

/// What to compute and how carefully.
#[derive(Clone, Debug, PartialEq)]
pub struct AssessmentSettings {
    /// Periods in a year, above 0.
    pub periods_per_year: f64,
    /// Tail probabilities, each above 0 and below 1.
    pub alphas: Vec<f64>,
    /// The last so many returns are what volatility and autoregressive expectiles are fitted to.
    pub fit_observations_max: usize,
    /// Drawdowns whose probability is asked for, each above 0 and at most 1.
    pub drawdowns: Vec<f64>,
    /// Within so many periods.
    pub horizon_periods: usize,
    /// Bootstrap paths for them.
    pub draws: u64,
    /// Resampled histories for their sampling error.
    pub outer_draws: u64,
    /// Seed of every random number.
    pub seed: u64,
    /// Strategies that were tried before this one was chosen; `None` where the choice is not to be
    /// corrected for.
    pub trials: Option<SharpeTrials>,
    /// Walk-forward forecasts to make and to test; `None` for none.
    pub forecasts: Option<ForecastSettings>,
}

impl Default for AssessmentSettings {
    /// Daily returns of a market that never closes: 365 periods a year, tails of 1 and 5 %,
    /// drawdowns of 20 and 50 % within a year from 2,000 paths, no walk-forward forecasts.
    fn default() -> Self {
        Self {
            periods_per_year: 365.0,
            alphas: vec![0.01, 0.05],
            fit_observations_max: 2_500,
            drawdowns: vec![0.2, 0.5],
            horizon_periods: 365,
            draws: 2_000,
            outer_draws: 100,
            seed: 0,
            trials: None,
            forecasts: None,
        }
    }
}

/// Every statistic of one series of simple per-period returns.
#[derive(Clone, Debug, Serialize)]
pub struct Assessment {
    /// Performance, drawdown and tail in one list: what a study prints for each rule.
    #[serde(skip)]
    pub statistics: ReturnStatistics,
    /// How sure the Sharpe ratio is.
    pub sharpe: Vec<Statistic>,
    /// The deepest drawdowns, deepest first. Positions are those of returns, from 0.
    pub worst_drawdowns: Vec<Episode>,
    /// Value at risk and expected shortfall by method, side and tail probability.
    pub tails: Vec<TailMeasure>,
    /// Generalised Pareto fits over a run of thresholds.
    pub thresholds: Vec<ThresholdMeasure>,
    /// Profile-likelihood intervals of the tail above the largest tenth of the losses.
    pub tail_intervals: Vec<TailInterval>,
    /// Volatility models fitted, each with its forecast for the next period.
    pub volatility: Vec<VolatilityMeasure>,
    /// Tails of several periods together, by the best of them.
    #[serde(serialize_with = "outcome")]
    pub several_periods: Result<SeveralPeriods>,
    /// Expectiles and what follows from them.
    pub expectiles: Vec<ExpectileMeasure>,
    /// Expectiles that move with the market.
    pub care: Vec<CareMeasure>,
    /// How one period depends on those before it.
    pub dependence: Dependence,
    /// Probabilities of drawdowns within the horizon.
    pub ruin: Vec<DrawdownProbability>,
    /// How deep the deepest of them will be.
    pub max_drawdown_to_come: MaxDrawdownToCome,
    /// Walk-forward forecasts, tested and ranked; `None` where none were asked for.
    pub forecasts: Option<ForecastAssessment>,
    /// Fits behind the sections, for plots.
    #[serde(skip)]
    pub(crate) fits: TailFits,
}

impl Assessment {
    /// Computes everything.
    ///
    /// # Errors
    /// A value that is not finite, an empty series, or a setting outside its range. What merely
    /// cannot be computed from this series is an error of the single figure.
    pub fn of(returns: &[f64], settings: &AssessmentSettings) -> Result<Self> {
        Self::of_observed(returns, settings, &mut |_| ())
    }

    /// The same; `observe` hears the name of each part before its work begins.
    ///
    /// # Errors
    /// As [`Assessment::of`].
    pub fn of_observed(
        returns: &[f64],
        settings: &AssessmentSettings,
        observe: &mut dyn FnMut(&'static str),
    ) -> Result<Self> {
        settings.check()?;
        check::series(returns, 1)?;
        observe("tails");
        let fits = TailFits::of(returns);
        let statistics = ReturnStatistics::with_fits(
            returns,
            settings.periods_per_year,
            &settings.alphas,
            &fits,
        )?;
        let short: Vec<f64> = returns.iter().map(|r| -r).collect();
        let tails = tails::measures(returns, &short, settings, &fits);
        let thresholds = extremes::measures(returns, &short, settings);
        let tail_intervals = intervals::measures(returns, &short, settings);
        observe("volatility");
        let latest = returns.len().saturating_sub(settings.fit_observations_max)..;
        let volatility = volatility::measures(&returns[latest.clone()], settings);
        let several_periods = several_periods::measure(&volatility, settings);
        observe("expectiles");
        let care = expectiles::care_measures(&returns[latest.clone()], &short[latest], settings);
        let expectiles = expectiles::measures(returns, &short, settings);
        observe("dependence");
        let dependence = Dependence::of(returns);
        observe("drawdowns");
        let (ruin, max_drawdown_to_come) = ruin::measures(returns, settings);
        let forecasts = match &settings.forecasts {
            Some(forecast) => {
                observe("forecasts");
                Some(ForecastAssessment::of(returns, forecast))
            }
            None => None,
        };
        Ok(Self {
            sharpe: sharpe::statistics(returns, settings),
            worst_drawdowns: worst_drawdowns(returns),
            statistics,
            tails,
            thresholds,
            tail_intervals,
            volatility,
            several_periods,
            expectiles,
            care,
            dependence,
            ruin,
            max_drawdown_to_come,
            forecasts,
            fits,
        })
    }
}

impl AssessmentSettings {
    fn check(&self) -> Result<()> {
        check::positive("periods_per_year", self.periods_per_year)?;
        if let Some(trials) = &self.trials {
            trials.check()?;
        }
        for &alpha in &self.alphas {
            check::open_unit("alpha", alpha)?;
        }
        for &drawdown in &self.drawdowns {
            let holds = drawdown > 0.0 && drawdown <= 1.0;
            check::require(holds, "drawdown", drawdown, "above 0 and at most 1")?;
        }
        for (name, value) in [
            ("fit_observations_max", self.fit_observations_max as u64),
            ("horizon_periods", self.horizon_periods as u64),
            ("draws", self.draws),
            ("outer_draws", self.outer_draws),
        ] {
            check::require(value > 0, name, value as f64, "at least 1")?;
        }
        Ok(())
    }
}

/// Both sides with their returns: gains of the holder, gains of one who is short.
fn sides<'a>(returns: &'a [f64], short: &'a [f64]) -> [(Side, &'a [f64]); 2] {
    [(Side::Lower, returns), (Side::Upper, short)]
}

fn worst_drawdowns(returns: &[f64]) -> Vec<Episode> {
    let mut episodes =
        Drawdowns::of_returns(returns).map(|drawdowns| drawdowns.episodes()).unwrap_or_default();
    episodes.sort_by(|a, b| b.depth.total_cmp(&a.depth).then(a.start.cmp(&b.start)));
    episodes.truncate(WORST_DRAWDOWNS);
    episodes
}
