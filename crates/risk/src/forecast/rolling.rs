//! Walk-forward forecasts of many models on one series.

use rayon::prelude::*;
use serde::Serialize;

use crate::check;
use crate::error::{Result, RiskError};
use crate::expectile::care::CareModel;
use crate::garch::{InnovationFamily, Volatility};

use super::conditional::Conditional;
use super::expectile_models::ExpectileModels;
use super::model::{Side, TailModel};
use super::simple::{EwmaNormal, Historical, StudentT};
use super::tail::Asked;
use super::walk::{Schedule, Walk, walk};

/// Shortest window, in observations. Most models ask for more and are left out with their reason
/// where the window is shorter.
pub const WINDOW_MIN: usize = 50;

/// What to forecast, by what, and how often to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastSettings {
    /// Models, in the order of the results.
    pub models: Vec<TailModel>,
    /// Observations that a model is fitted to: those right before the forecast.
    pub window: usize,
    /// Observations from one refit to the next. Between them the parameters stay and the filter
    /// takes in every return.
    pub refit_every: usize,
    /// Tail probabilities of value at risk and expected shortfall, above 0 and below 0.5. The
    /// expectile forecast has the level `tau = alpha`.
    pub alphas: Vec<f64>,
    /// Sides, in the order of the results.
    pub sides: Vec<Side>,
    /// Seed of the searches that draw their starts, and of the model confidence set.
    pub seed: u64,
    /// Bootstrap draws of the model confidence set.
    pub draws: u64,
}

impl Default for ForecastSettings {
    /// Six models, both sides, 1 % and 5 %, refitted every week on 500 daily returns.
    fn default() -> Self {
        Self {
            models: TailModel::DEFAULT.to_vec(),
            window: 500,
            refit_every: 7,
            alphas: vec![0.01, 0.05],
            sides: Side::ALL.to_vec(),
            seed: 7,
            draws: 1_000,
        }
    }
}

impl ForecastSettings {
    /// Checks every range.
    ///
    /// # Errors
    /// An empty list, a value that stands twice in one, a window below [`WINDOW_MIN`], no
    /// observation between refits, or a tail probability that is not above 0 and below 0.5.
    pub fn check(&self) -> Result<()> {
        distinct("models", &self.models)?;
        distinct("sides", &self.sides)?;
        distinct("alphas", &self.alphas)?;
        let window = self.window as f64;
        check::require(self.window >= WINDOW_MIN, "window", window, "at least 50")?;
        let every = self.refit_every as f64;
        check::require(self.refit_every >= 1, "refit_every", every, "at least 1")?;
        check::require(self.draws >= 1, "draws", self.draws as f64, "at least 1")?;
        for &alpha in &self.alphas {
            check::require(alpha > 0.0 && alpha < 0.5, "alpha", alpha, "above 0 and below 0.5")?;
        }
        Ok(())
    }

    /// Every side at every tail probability, in the order of the results.
    fn asked(&self) -> Vec<Asked> {
        let of_side = |side: &Side| self.alphas.iter().map(|alpha| (*side, *alpha)).collect();
        self.sides.iter().flat_map(|side| -> Vec<Asked> { of_side(side) }).collect()
    }
}

fn distinct<T: PartialEq>(name: &'static str, values: &[T]) -> Result<()> {
    check::require(!values.is_empty(), name, 0.0, "a list of at least one")?;
    let repeated = (1..values.len()).find(|index| values[..*index].contains(&values[*index]));
    match repeated {
        Some(index) => check::require(false, name, index as f64, "a list without repetition"),
        None => Ok(()),
    }
}

/// Forecasts of every model, side and tail probability.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingForecasts {
    /// Position in the returns of the first forecast: the length of the window.
    pub first: usize,
    /// By model, then side, then tail probability, each in the order of the settings.
    pub series: Vec<ForecastSeries>,
    /// Models that could not be fitted to the first window, or that gave a forecast beyond the
    /// range of a double later on: those have no series either, since a series has no gaps.
    pub excluded: Vec<ExcludedModel>,
}

/// A model without forecasts.
#[derive(Clone, Debug, PartialEq)]
pub struct ExcludedModel {
    /// The model.
    pub model: TailModel,
    /// Why.
    pub error: RiskError,
}

/// Forecasts of one model for one side at one tail probability, one for each return from
/// [`RollingForecasts::first`] on, made from returns before it only.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastSeries {
    /// The model.
    pub model: TailModel,
    /// Whose losses.
    pub side: Side,
    /// Tail probability.
    pub alpha: f64,
    /// A positive loss per period.
    pub value_at_risk: Vec<f64>,
    /// A positive loss per period.
    pub expected_shortfall: Vec<f64>,
    /// At the level `tau = alpha`, signed, on the side's returns (`-r` for the upper side).
    pub expectile: Vec<f64>,
    /// How the refits of the model went.
    pub diagnostics: RefitDiagnostics,
}

/// How the refits of a model went, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefitDiagnostics {
    /// Refits tried.
    pub refits: usize,
    /// Those that gave no parameters: the last good ones were kept.
    pub failed_refits: usize,
    /// Those whose search did not meet its test of convergence.
    pub unconverged: usize,
    /// Those with a parameter at the edge of its range.
    pub at_boundary: usize,
}

impl RefitDiagnostics {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            refits: self.refits + other.refits,
            failed_refits: self.failed_refits + other.failed_refits,
            unconverged: self.unconverged + other.unconverged,
            at_boundary: self.at_boundary + other.at_boundary,
        }
    }
}

/// One-step forecasts of value at risk, expected shortfall and expectile for every return after
/// the first window.
///
/// The forecast for `returns[t]` rests on `returns[..t]` alone: fitted to the window that ended
/// at the last refit, filtered up to `t - 1`. Cutting the series short leaves all earlier
/// forecasts as they were, bit for bit, and so does the number of threads. What a later return can
/// do is leave a model without any: see [`RollingForecasts::excluded`].
///
/// A refit that fails leaves the last good parameters in force and is counted. A model whose very
/// first refit fails has no forecast to begin with: it is in [`RollingForecasts::excluded`], with
/// the error.
///
/// # Errors
/// Settings out of range, a return that is not finite, or no return after the first window.
pub fn rolling_forecasts(returns: &[f64], settings: &ForecastSettings) -> Result<RollingForecasts> {
    settings.check()?;
    check::series(returns, settings.window.saturating_add(1))?;
    let unit = unit_of(returns, settings.window);
    let scaled: Vec<f64> = returns.iter().map(|r| r / unit).collect();
    check::finite(&scaled)?;
    let asked = settings.asked();

    let walks: Vec<Result<Walk>> = settings
        .models
        .par_iter()
        .map(|model| walk_model(*model, &scaled, &asked, settings))
        .collect();
    let mut forecasts =
        RollingForecasts { first: settings.window, series: Vec::new(), excluded: Vec::new() };
    for (&model, walk) in settings.models.iter().zip(walks) {
        match walk.and_then(|walk| series_of(model, &walk, &asked, unit)) {
            Ok(series) => forecasts.series.extend(series),
            Err(error) => forecasts.excluded.push(ExcludedModel { model, error }),
        }
    }
    Ok(forecasts)
}

fn walk_model(
    model: TailModel,
    returns: &[f64],
    asked: &[Asked],
    settings: &ForecastSettings,
) -> Result<Walk> {
    let schedule = Schedule { window: settings.window, refit_every: settings.refit_every };
    let expectile = |model: CareModel| {
        walk(returns, schedule, || Ok(ExpectileModels::new(model, asked, settings.seed)))
    };
    let garch = |volatility: Volatility, innovation: InnovationFamily| {
        walk(returns, schedule, || Ok(Conditional::parametric(volatility, innovation, asked)))
    };
    match model {
        TailModel::Historical => walk(returns, schedule, || Ok(Historical::new(asked))),
        TailModel::EwmaNormal => walk(returns, schedule, || EwmaNormal::new(asked)),
        TailModel::StudentT => walk(returns, schedule, || Ok(StudentT::new(asked))),
        TailModel::ExpectileKyh => expectile(CareModel::KuanYehHsu),
        TailModel::CareSymmetric => expectile(CareModel::SymmetricAbsoluteValue),
        TailModel::CareAsymmetric => expectile(CareModel::AsymmetricSlope),
        TailModel::GarchNormal => garch(Volatility::Symmetric, InnovationFamily::Normal),
        TailModel::GjrSkewT => garch(Volatility::Gjr, InnovationFamily::SkewT),
        TailModel::GjrNig => garch(Volatility::Gjr, InnovationFamily::NormalInverseGaussian),
        TailModel::GjrVarianceGamma => garch(Volatility::Gjr, InnovationFamily::VarianceGamma),
        TailModel::FilteredHistorical => {
            walk(returns, schedule, || Ok(Conditional::filtered_historical(asked)))
        }
        TailModel::ConditionalEvt => {
            walk(returns, schedule, || Ok(Conditional::extreme_value(asked)))
        }
    }
}

fn series_of(
    model: TailModel,
    walk: &Walk,
    asked: &[Asked],
    unit: f64,
) -> Result<Vec<ForecastSeries>> {
    asked
        .iter()
        .enumerate()
        .map(|(column, &(side, alpha))| {
            let n = walk.steps.len();
            let mut series = ForecastSeries {
                model,
                side,
                alpha,
                value_at_risk: Vec::with_capacity(n),
                expected_shortfall: Vec::with_capacity(n),
                expectile: Vec::with_capacity(n),
                diagnostics: walk.diagnostics,
            };
            for step in &walk.steps {
                let tail = step[column].times(unit).checked()?;
                series.value_at_risk.push(tail.value_at_risk);
                series.expected_shortfall.push(tail.expected_shortfall);
                series.expectile.push(tail.expectile);
            }
            Ok(series)
        })
        .collect()
}

/// The power of two next to the largest return of the first window that holds any but zeros: all
/// models work in these units, so that no square leaves the range of a double. Division by a
/// power of two is exact, and no return after the first forecast has a say.
fn unit_of(returns: &[f64], window: usize) -> f64 {
    let moved = returns.iter().position(|r| r.abs() > 0.0).map_or(0, |first| first + 1);
    let known = &returns[..window.max(moved).min(returns.len())];
    let largest = known.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
    if largest > 0.0 {
        2.0_f64.powi((largest.log2().floor() as i32).clamp(-1021, 1022))
    } else {
        1.0
    }
}
