//! Walk-forward forecasts of the tail of the next return, by many models, and their evaluation.
//!
//! Which tail model is to be trusted on this series? [`rolling_forecasts`] lets each
//! [`TailModel`] forecast every return after a first window from the returns before it, refitted
//! on schedule as it would have been used; [`evaluate`] counts the violations, tests them and
//! ranks the models by scores that a forecaster cannot improve by saying other than what he
//! believes.
//!
//! A distribution gives value at risk, expected shortfall and expectile alike. A model of the
//! expectile gives the value at risk as the expectile at the level matched to `alpha` in the
//! window, and the expected shortfall by Taylor's relation (2008). Filters start anew at each
//! refit, from the window alone. GARCH models are searched anew at every refit, because the optimum
//! before can lie on what has become a lesser hill; expectile recursions start from the parameters
//! of the refit before, and cold at every 32nd or where that start is not good enough.
//!
//! What a refit costs differs by three orders of magnitude: the window and the weights next to
//! nothing, a normal or Student-t filter on 500 returns about a millisecond, an expectile
//! recursion ten, normal inverse Gaussian and variance gamma innovations tens to hundreds.
//!
//! ```
//! use plimsoll_risk::forecast::{ForecastSettings, TailModel, evaluate, rolling_forecasts};
//!
//! let returns: Vec<f64> = (0..400_u32).map(|i| f64::from(i * 7919 % 401) / 1e4 - 0.02).collect();
//! let settings = ForecastSettings {
//!     models: vec![TailModel::Historical, TailModel::EwmaNormal],
//!     window: 250,
//!     alphas: vec![0.05],
//!     ..ForecastSettings::default()
//! };
//! let forecasts = rolling_forecasts(&returns, &settings)?;
//! assert_eq!(forecasts.series[0].value_at_risk.len(), 150);
//!
//! let rows = evaluate(&returns, &forecasts, &settings)?;
//! assert!((rows[0].expected_violations - 7.5).abs() < 1e-12);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

mod conditional;
mod evaluation;
mod expectile_models;
mod model;
mod rolling;
mod simple;
mod spliced;
mod tail;
mod walk;

pub use evaluation::{ComparedBy, ForecastEvaluation, evaluate};
pub use model::{Side, TailModel};
pub use rolling::{
    ExcludedModel, ForecastSeries, ForecastSettings, RefitDiagnostics, RollingForecasts,
    WINDOW_MIN, rolling_forecasts,
};
