//! The tail of several periods together, by filtered historical simulation of the best volatility
//! model.

use serde::Serialize;

use super::AssessmentSettings;
use super::outcome::outcome;
use super::volatility::{VolatilityFit, VolatilityMeasure, best};
use crate::check::{self, undefined};
use crate::error::Result;
use crate::forecast::Side;
use crate::garch::{Aggregation, Exposure, FilteredSimulation, SimulatedTail};

/// Periods of a path.
const PERIODS: usize = 10;
/// Paths: a hundred of them lie in a tail of 1 %.
const PATHS: usize = 10_000;

/// Value at risk and expected shortfall of the return over several periods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeveralPeriods {
    /// The best volatility model ([`super::Assessment::best_volatility`]), such as `gjr_garch skew_t`.
    pub model: String,
    /// Periods of a path.
    pub periods: usize,
    /// Paths, compounded.
    pub paths: usize,
    /// Share of a shock to the variance that is left after a period.
    #[serde(serialize_with = "outcome")]
    pub persistence: Result<f64>,
    /// Periods until half of it is gone.
    #[serde(serialize_with = "outcome")]
    pub half_life_periods: Result<f64>,
    /// One row a side and tail probability.
    pub tails: Vec<SeveralPeriodsTail>,
}

/// The tail of one side. Losses are positive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeveralPeriodsTail {
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// Value at risk and expected shortfall.
    #[serde(serialize_with = "outcome")]
    pub tail: Result<SimulatedTail>,
}

pub(super) fn measure(
    volatility: &[VolatilityMeasure],
    settings: &AssessmentSettings,
) -> Result<SeveralPeriods> {
    let (row, fit) = best(volatility)?;
    Ok(SeveralPeriods {
        model: row.name(),
        periods: PERIODS,
        paths: PATHS,
        persistence: fit.persistence.clone(),
        half_life_periods: fit.persistence.clone().and_then(half_life),
        tails: tails(fit, settings),
    })
}

fn tails(fit: &VolatilityFit, settings: &AssessmentSettings) -> Vec<SeveralPeriodsTail> {
    let simulation = FilteredSimulation {
        steps: PERIODS,
        paths: PATHS,
        seed: settings.seed,
        aggregation: Aggregation::Compound,
    };
    // One set of paths for every row.
    let totals = simulation.totals(&fit.garch);
    let mut tails = Vec::new();
    for (side, exposure) in [(Side::Lower, Exposure::Long), (Side::Upper, Exposure::Short)] {
        for &alpha in &settings.alphas {
            let tail = totals
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|totals| SimulatedTail::of(totals, alpha, exposure));
            tails.push(SeveralPeriodsTail { side, alpha, tail });
        }
    }
    tails
}

fn half_life(persistence: f64) -> Result<f64> {
    if persistence >= 1.0 {
        let reason = "the persistence is 1 or more: a shock stays";
        return Err(undefined("half_life", reason));
    }
    if persistence <= 0.0 {
        return Err(undefined("half_life", "nothing of a shock is left after a period"));
    }
    check::defined("half_life", 0.5_f64.ln() / persistence.ln())
}
