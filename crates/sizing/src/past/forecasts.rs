//! What models say of the day in progress, each forecast made from the days closed before it.
//!
//! One column a symbol and setting, for those settings that a rule uses. A column is walked
//! forward over each stretch of days without a gap: the first fit is made when the window is full
//! for the first time, the next ones every so many days after it. So the schedule follows from
//! where the data begin, and data that end earlier give the same forecasts up to their end.

use std::collections::BTreeMap;
use std::ops::Range;

use plimsoll_market::{DAY_MS, Side};
use plimsoll_risk::forecast::{self, ForecastSettings, TailModel, rolling_forecasts};
use plimsoll_risk::garch::{GarchFilter, GarchFit};
use plimsoll_risk::{Result as RiskResult, RiskError};
use rayon::prelude::*;

use super::columns::LimitInputs;
use crate::formulas::SizingError;
use crate::rule::{
    GarchForecast, SizingRule, TailFigure, TailForecast, TailMeasure, VolatilityTarget,
};

/// Forecasts by model, for every symbol.
#[derive(Debug)]
pub(super) struct DailyForecasts {
    tails: BTreeMap<TailKey, Vec<Column<TailLosses>>>,
    volatilities: BTreeMap<GarchForecast, Vec<Column<f64>>>,
}

/// A model, the bits of the tail probability and the side whose losses are forecast. Each has a
/// walk of its own, so that what one rule asks for does not change another's answer.
type TailKey = (TailForecast, u64, forecast::Side);

/// One symbol's forecasts: element `i` is about the day after day `i`, at whose close it is made.
type Column<T> = Vec<Result<T, SizingError>>;

/// Losses of one unit of notional over a day; a gain is negative.
#[derive(Clone, Copy, Debug, PartialEq)]
struct TailLosses {
    value_at_risk: f64,
    expected_shortfall: f64,
    expectile: f64,
}

impl DailyForecasts {
    /// Computes every column that any of the rules reads, from the close time and log return of
    /// each symbol's days.
    pub(super) fn new(daily: &[Vec<(i64, f64)>], rules: &[SizingRule]) -> Self {
        let tail_keys = rules.iter().flat_map(SizingRule::tail_figures).flat_map(|figure| {
            forecast::Side::ALL.map(|side| (figure.forecast.clone(), figure.alpha.to_bits(), side))
        });
        let targets = rules.iter().filter_map(|rule| rule.volatility_target.as_ref());
        let garch_keys = targets.filter_map(VolatilityTarget::garch_forecast);
        Self {
            tails: columns(tail_keys.collect(), daily, |(forecast, alpha, side), days| {
                let asked = (f64::from_bits(*alpha), *side);
                by_stretch(days, forecast.window_days, |window_days, log_returns| {
                    tail_walk(&TailForecast { window_days, ..forecast.clone() }, asked, log_returns)
                })
            }),
            volatilities: columns(garch_keys.collect(), daily, |forecast, days| {
                by_stretch(days, forecast.window_days, |window_days, log_returns| {
                    garch_walk(&GarchForecast { window_days, ..*forecast }, log_returns)
                })
            }),
        }
    }
}

impl LimitInputs<'_> {
    /// Volatility forecast for the day in progress at a bar's close.
    pub(super) fn forecast_volatility(
        &self,
        symbol_idx: usize,
        forecast: &GarchForecast,
        bar: usize,
    ) -> Result<f64, SizingError> {
        let columns = self.forecasts.volatilities.get(forecast);
        let columns = columns.ok_or(SizingError::NotGiven { name: "volatility" })?;
        self.latest(symbol_idx, columns, forecast.window_days, bar)
    }

    /// Tail loss forecast for the day in progress at a bar's close.
    pub(super) fn tail_loss(
        &self,
        symbol_idx: usize,
        figure: TailFigure<'_>,
        side: Side,
        bar: usize,
    ) -> Result<f64, SizingError> {
        let side = match side {
            Side::Long => forecast::Side::Lower,
            Side::Short => forecast::Side::Upper,
        };
        let key = (figure.forecast.clone(), figure.alpha.to_bits(), side);
        let columns = self.forecasts.tails.get(&key);
        let columns = columns.ok_or(SizingError::NotGiven { name: "tail_loss" })?;
        let losses = self.latest(symbol_idx, columns, figure.forecast.window_days, bar)?;
        let value = match figure.measure {
            TailMeasure::ValueAtRisk => losses.value_at_risk,
            TailMeasure::ExpectedShortfall => losses.expected_shortfall,
            TailMeasure::Expectile => losses.expectile,
        };
        if value > 0.0 {
            Ok(value)
        } else {
            Err(SizingError::OutOfRange { name: "tail_loss", value, rule: "above 0" })
        }
    }

    /// What was forecast at the last midnight.
    fn latest<T: Copy>(
        &self,
        symbol_idx: usize,
        columns: &[Column<T>],
        window_days: usize,
        bar: usize,
    ) -> Result<T, SizingError> {
        let now = self.market.close_time(bar).0;
        let midnight = now - now.rem_euclid(DAY_MS);
        self.daily[symbol_idx]
            .binary_search_by_key(&midnight, |&(close_time, _)| close_time)
            .map_err(|_| SizingError::TooFewObservations { have: 0, need: window_days })
            .and_then(|day| columns[symbol_idx][day].clone())
    }
}

/// For each key its columns of all symbols, computed at once: every one is the same at any number
/// of threads.
fn columns<K: Ord + Sync, T: Send>(
    mut keys: Vec<K>,
    daily: &[Vec<(i64, f64)>],
    column: impl Fn(&K, &[(i64, f64)]) -> Column<T> + Sync,
) -> BTreeMap<K, Vec<Column<T>>> {
    keys.sort();
    keys.dedup();
    let tasks: Vec<(&K, &Vec<(i64, f64)>)> =
        keys.iter().flat_map(|key| daily.iter().map(move |days| (key, days))).collect();
    let computed: Vec<Column<T>> =
        tasks.into_par_iter().map(|(key, days)| column(key, days)).collect();
    let mut computed = computed.into_iter();
    let of_key = |_: &K| computed.by_ref().take(daily.len()).collect::<Vec<Column<T>>>();
    let columns: Vec<Vec<Column<T>>> = keys.iter().map(of_key).collect();
    keys.into_iter().zip(columns).collect()
}

/// A column of stretches of days, each walked on its own: `walk` gives a forecast after each of
/// the days that end a full window.
fn by_stretch<T>(
    days: &[(i64, f64)],
    window_days: usize,
    walk: impl Fn(usize, &[f64]) -> Column<T>,
) -> Column<T> {
    // No model is fitted to nothing: the shortest window fails with the model's own reason.
    let window_days = window_days.max(1);
    let mut column = Vec::with_capacity(days.len());
    for stretch in stretches(days) {
        let log_returns: Vec<f64> = days[stretch].iter().map(|&(_, r)| r).collect();
        column.extend(
            (1..window_days.min(log_returns.len() + 1))
                .map(|have| Err(SizingError::TooFewObservations { have, need: window_days })),
        );
        if log_returns.len() >= window_days {
            column.extend(walk(window_days, &log_returns));
        }
    }
    column
}

/// Stretches of days that follow each other.
fn stretches(days: &[(i64, f64)]) -> Vec<Range<usize>> {
    let breaks = (1..days.len()).filter(|&day| days[day].0 - days[day - 1].0 != DAY_MS);
    let mut starts: Vec<usize> = std::iter::once(0).chain(breaks).collect();
    starts.push(days.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Tail losses after each full window.
///
/// Where a model cannot be fitted to begin with, it is tried again after as many days as lie
/// between fits. Where it breaks down later, which leaves a walk without any forecast, those made
/// before stay, and a new walk begins.
fn tail_walk(
    forecast: &TailForecast,
    (alpha, side): (f64, forecast::Side),
    log_returns: &[f64],
) -> Column<TailLosses> {
    let name = || forecast.model.clone();
    let model: TailModel = match forecast.model.parse() {
        Ok(model) => model,
        Err(error) => {
            let failed = SizingError::NoForecast { model: name(), error };
            return vec![Err(failed); log_returns.len() + 1 - forecast.window_days];
        }
    };
    let settings = ForecastSettings {
        models: vec![model],
        window: forecast.window_days,
        refit_every: forecast.refit_days,
        alphas: vec![alpha],
        sides: vec![side],
        ..ForecastSettings::default()
    };
    // A walk forecasts each return that follows a window: the one of the day in progress, which
    // no forecast looks at, is still to come.
    let returns: Vec<f64> =
        log_returns.iter().map(|r| r.exp_m1()).chain(std::iter::once(0.0)).collect();
    let n_forecasts = returns.len() - settings.window;
    let first = |rest: &[f64], count: usize| rolled(&rest[..settings.window + count], &settings);

    let mut column: Column<TailLosses> = Vec::with_capacity(n_forecasts);
    while column.len() < n_forecasts {
        let rest = &returns[column.len()..];
        let left = n_forecasts - column.len();
        if let Err(error) = first(rest, 1) {
            let failed = SizingError::NoForecast { model: name(), error };
            column.extend(vec![Err(failed); settings.refit_every.clamp(1, left)]);
            continue;
        }
        let walked = first(rest, left).or_else(|_| {
            let (mut good, mut bad) = (1, left);
            while bad - good > 1 {
                let count = good + (bad - good) / 2;
                if first(rest, count).is_ok() { good = count } else { bad = count }
            }
            first(rest, good)
        });
        // The first forecast is known to be there.
        column.extend(walked.unwrap_or_default().into_iter().map(Ok));
    }
    column
}

/// The forecasts of one model, if it has one for every return after the window.
fn rolled(returns: &[f64], settings: &ForecastSettings) -> RiskResult<Vec<TailLosses>> {
    let mut forecasts = rolling_forecasts(returns, settings)?;
    if let Some(excluded) = forecasts.excluded.pop() {
        return Err(excluded.error);
    }
    let series = forecasts.series.iter().flat_map(|series| {
        let figures = series.value_at_risk.iter().zip(&series.expected_shortfall);
        figures.zip(&series.expectile).map(|((value_at_risk, expected_shortfall), expectile)| {
            TailLosses {
                value_at_risk: *value_at_risk,
                expected_shortfall: *expected_shortfall,
                // That of the returns, a loss being negative.
                expectile: -expectile,
            }
        })
    });
    Ok(series.collect())
}

/// Standard deviation forecast for the day after each full window: fitted on schedule, filtered
/// in between. Each fit is searched for anew, so that it follows from its window alone. A fit that
/// fails leaves the last good parameters.
fn garch_walk(forecast: &GarchForecast, log_returns: &[f64]) -> Column<f64> {
    let mut filter: Result<GarchFilter, RiskError> =
        Err(RiskError::TooFewObservations { n: 0, n_min: forecast.window_days });
    let mut column = Vec::with_capacity(log_returns.len() + 1 - forecast.window_days);
    for end in forecast.window_days..=log_returns.len() {
        let window = &log_returns[end - forecast.window_days..end];
        let refitted = (end - forecast.window_days)
            .is_multiple_of(forecast.refit_days)
            .then(|| GarchFit::of(window, forecast.spec()));
        match (refitted, &mut filter) {
            (Some(Ok(found)), _) => filter = Ok(found.filter()),
            (_, Ok(running)) => {
                if let Err(error) = running.observe(window[window.len() - 1]) {
                    filter = Err(error);
                }
            }
            (Some(Err(error)), _) => filter = Err(error),
            (None, Err(_)) => {}
        }
        column.push(match &filter {
            Ok(running) => Ok(running.sigma_next()),
            Err(error) => {
                Err(SizingError::NoForecast { model: "garch".to_owned(), error: error.clone() })
            }
        });
    }
    column
}
