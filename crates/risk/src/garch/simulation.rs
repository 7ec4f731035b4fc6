//! Filtered historical simulation: the model's volatility with the sample's own residuals.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::fit::GarchFit;
use super::forecast::Exposure;
use super::model::{GarchParameters, Recursion, Volatility};
use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::quantile::{lower_tail_mean, quantile};

/// Fewest and most paths of a simulation.
pub const PATHS_MIN: usize = 100;
/// See [`PATHS_MIN`].
pub const PATHS_MAX: usize = 10_000_000;
const STEPS_MAX: usize = 10_000;

/// Steps before the first return of a simulated series.
const BURN_IN: usize = 1_000;
/// Longest simulated series.
const SIMULATED_MAX: usize = 100_000_000;

/// A series of `n` returns of a model, by inversion of the innovations' distribution function, after
/// a burn-in of 1,000 steps from the unconditional variance (from `omega` where that is infinite).
///
/// # Errors
/// Parameters out of range, `n` outside 1..=100,000,000, or a path that leaves the range of a
/// double.
pub fn simulate(
    volatility: Volatility,
    parameters: &GarchParameters,
    n: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    parameters.check(volatility)?;
    let rule = "from 1 to 100,000,000";
    check::require((1..=SIMULATED_MAX).contains(&n), "n", n as f64, rule)?;
    let recursion = Recursion { volatility, parameters: *parameters };
    let mut state = match parameters.unconditional_variance(volatility) {
        Ok(variance) => recursion.of_variance(variance),
        Err(_) => parameters.omega,
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut returns = Vec::with_capacity(n);
    for step in 0..BURN_IN + n {
        // The middle of one of 2^52 cells: never 0 or 1.
        let uniform = ((random.next_u64() >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0;
        let residual = recursion.sigma(state) * parameters.innovation.quantile(uniform)?;
        state = defined("simulated variance", recursion.step(state, residual))?;
        if step >= BURN_IN {
            returns.push(defined("simulated return", parameters.mu + residual)?);
        }
    }
    Ok(returns)
}

/// How the returns of a path make its total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Aggregation {
    /// Simple returns as fractions: `prod (1 + r) - 1`; a path at -1 has lost everything and stays
    /// there.
    Compound,
    /// Log returns, or profits of a constant position: the sum.
    Sum,
}

/// Value at risk and expected shortfall of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SimulatedTail {
    /// Quantile of the losses (type 7), a positive loss.
    pub value_at_risk: f64,
    /// Mean of the worst share of the losses, a positive loss.
    pub expected_shortfall: f64,
}

impl SimulatedTail {
    /// The tail of returns or totals of paths.
    ///
    /// # Errors
    /// `alpha` outside (0, 1), no value, or one that is not finite.
    pub fn of(totals: &[f64], alpha: f64, exposure: Exposure) -> Result<Self> {
        check::open_unit("alpha", alpha)?;
        check::series(totals, 1)?;
        let gains: Vec<f64> = match exposure {
            Exposure::Long => totals.to_vec(),
            Exposure::Short => totals.iter().map(|total| -total).collect(),
        };
        Ok(Self {
            value_at_risk: defined("value at risk", -quantile(&gains, alpha)?)?,
            expected_shortfall: defined("expected shortfall", -lower_tail_mean(&gains, alpha)?)?,
        })
    }
}

/// One-day tail by filtered historical simulation (Barone-Adesi, Giannopoulos & Vosper 1999):
/// `mu + sigma_next z` over the standardised residuals of the sample, which are neither centred
/// nor rescaled: their mean and variance are 0 and 1 only as nearly as the fit makes them.
///
/// # Errors
/// `alpha` outside (0, 1), or a return beyond the range of a double.
pub fn filtered_historical_tail(
    fit: &GarchFit,
    alpha: f64,
    exposure: Exposure,
) -> Result<SimulatedTail> {
    let (mu, sigma) = (fit.mu(), fit.sigma_next());
    let returns: Vec<f64> = fit.residuals().iter().map(|z| mu + sigma * z).collect();
    SimulatedTail::of(&returns, alpha, exposure)
}

/// Paths of several days: residuals drawn with replacement, the recursion run on each path. The
/// residuals are taken as they are, neither centred nor rescaled to variance 1, so that a mean or
/// variance of theirs other than 0 and 1 adds up over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FilteredSimulation {
    /// Days of a path.
    pub steps: usize,
    /// Number of paths.
    pub paths: usize,
    /// Seed; a path has a random stream of its own.
    pub seed: u64,
    /// How a path's returns make its total.
    pub aggregation: Aggregation,
}

impl FilteredSimulation {
    /// The total return of every path, in the order of the paths, whatever the number of threads.
    ///
    /// # Errors
    /// `steps` outside 1..=10,000, `paths` outside [`PATHS_MIN`]..=[`PATHS_MAX`], or a path that
    /// leaves the range of a double (an explosive model over many steps).
    pub fn totals(&self, fit: &GarchFit) -> Result<Vec<f64>> {
        let whole = |name, value: usize, most: usize, least: usize, rule| {
            check::require((least..=most).contains(&value), name, value as f64, rule)
        };
        whole("steps", self.steps, STEPS_MAX, 1, "from 1 to 10,000")?;
        whole("paths", self.paths, PATHS_MAX, PATHS_MIN, "from 100 to 10,000,000")?;
        let residuals = fit.residuals();
        let walk = Walk {
            recursion: fit.recursion(),
            state: fit.states[fit.n],
            mu: fit.mu(),
            unit: fit.unit,
            residuals: &residuals,
        };
        let totals: Vec<f64> =
            (0..self.paths).into_par_iter().map(|path| walk.total(self, path as u64)).collect();
        match totals.iter().position(|total| !total.is_finite()) {
            None => Ok(totals),
            Some(index) => Err(RiskError::NonFinite { index, value: totals[index] }),
        }
    }

    /// Value at risk and expected shortfall of the totals.
    ///
    /// # Errors
    /// As [`FilteredSimulation::totals`]; `alpha` outside (0, 1).
    pub fn tail(&self, fit: &GarchFit, alpha: f64, exposure: Exposure) -> Result<SimulatedTail> {
        check::open_unit("alpha", alpha)?;
        SimulatedTail::of(&self.totals(fit)?, alpha, exposure)
    }
}

/// What every path starts from.
struct Walk<'a> {
    recursion: Recursion,
    state: f64,
    mu: f64,
    unit: f64,
    residuals: &'a [f64],
}

impl Walk<'_> {
    fn total(&self, settings: &FilteredSimulation, path: u64) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        random.set_stream(path);
        let mut state = self.state;
        let (mut wealth, mut total) = (1.0_f64, 0.0);
        for _ in 0..settings.steps {
            let z = self.residuals[random.random_range(0..self.residuals.len())];
            let residual = self.recursion.sigma(state) * z;
            let value = self.mu + self.unit * residual;
            total += value;
            wealth *= (1.0 + value).max(0.0);
            state = self.recursion.step(state, residual);
        }
        match settings.aggregation {
            Aggregation::Sum => total,
            Aggregation::Compound => wealth - 1.0,
        }
    }
}
