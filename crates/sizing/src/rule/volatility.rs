//! Sizes from volatility and tails: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// Size by average true range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Atr {
    /// Share of equity that a move of `multiple` average true ranges costs.
    pub risk_fraction: f64,
    /// Length of Wilder's average in bars.
    pub bars: usize,
    /// Multiple of the average true range.
    pub multiple: f64,
}

/// Volatility target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolatilityTarget {
    /// Annual volatility aimed at (365 days), 0.4 is 40 %.
    pub annual: f64,
    /// How the symbol's volatility is estimated from its daily closes.
    #[serde(default)]
    pub estimator: VolatilityEstimator,
    /// For `rolling`: days of the sample standard deviation.
    #[serde(default = "default_volatility_days")]
    pub days: usize,
    /// For `ewma`: weight of yesterday's variance.
    #[serde(default = "default_lambda")]
    pub lambda: f64,
}

/// How daily volatility is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolatilityEstimator {
    /// Exponentially weighted, RiskMetrics.
    #[default]
    Ewma,
    /// Sample standard deviation of the last `days`.
    Rolling,
}

/// Default of [`VolatilityTarget::days`].
pub const DEFAULT_VOLATILITY_DAYS: usize = 20;
/// Default of [`VolatilityTarget::lambda`].
pub const DEFAULT_LAMBDA: f64 = 0.94;

fn default_volatility_days() -> usize {
    DEFAULT_VOLATILITY_DAYS
}

fn default_lambda() -> f64 {
    DEFAULT_LAMBDA
}

/// Size whose forecast tail loss over the horizon stays inside a budget: the largest leverage at
/// which `leverage x tail loss of the symbol` is at most `budget`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TailTarget {
    /// Which tail figure is held to the budget.
    pub measure: TailMeasure,
    /// Tail probability, 0.01 is 1 %.
    pub alpha: f64,
    /// Largest forecast loss as a share of equity, over one day.
    pub budget: f64,
    /// How the tail is forecast.
    #[serde(default)]
    pub forecast: TailForecast,
}

/// Which figure of the tail.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TailMeasure {
    /// Value at risk: the loss exceeded with probability `alpha`.
    ValueAtRisk,
    /// Expected shortfall: the mean loss beyond it.
    ExpectedShortfall,
    /// Expectile at level `alpha`.
    Expectile,
}

/// A walk-forward forecast of the symbol's daily tail, from closed days only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TailForecast {
    /// Model of the tail, as in `compare.forecasts.models`.
    pub model: String,
    /// Days that a fit sees.
    pub window_days: usize,
    /// Days between fits.
    pub refit_days: usize,
}

impl Default for TailForecast {
    fn default() -> Self {
        Self { model: "filtered_historical".to_owned(), window_days: 250, refit_days: 28 }
    }
}

/// Largest leverage at which an adverse move of this size stays inside the liquidation price.
/// Of several moves the largest counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiquidationDistance {
    /// A move of so many average true ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<AtrMove>,
    /// A forecast tail loss of one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<TailMove>,
    /// The move to the stop: the stop lies on the near side of the liquidation price.
    #[serde(default)]
    pub stop: bool,
}

/// A move of so many average true ranges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtrMove {
    /// Length of Wilder's average in bars.
    pub bars: usize,
    /// Multiple of the average true range.
    pub multiple: f64,
}

/// A forecast tail loss of one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TailMove {
    /// Which tail figure.
    pub measure: TailMeasure,
    /// Tail probability, 0.01 is 1 %.
    pub alpha: f64,
    /// How the tail is forecast.
    #[serde(default)]
    pub forecast: TailForecast,
}

/// Exposure as a multiple of the cushion above a floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawdownControl {
    /// What the floor is a share of.
    pub floor_of: FloorOf,
    /// The floor as that share, 0.8 is 80 %.
    pub floor: f64,
    /// Leverage per share of equity above the floor.
    pub multiplier: f64,
}

/// What a floor of equity is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FloorOf {
    /// Of the equity at the start (constant-proportion portfolio insurance).
    Initial,
    /// Of the running maximum of equity (Grossman and Zhou).
    Peak,
}

impl Atr {
    pub(super) fn check(&self, check: &mut Check) {
        check.share("atr.risk_fraction", self.risk_fraction);
        check.above_zero("atr.multiple", self.multiple);
        check.count("atr.bars", self.bars);
    }
}

impl VolatilityTarget {
    pub(super) fn check(&self, check: &mut Check) {
        check.above_zero("volatility_target.annual", self.annual);
        if self.days < 2 {
            check.add(
                "volatility_target.days",
                format!("`days` is {}", self.days),
                "a standard deviation needs at least 2 days",
            );
        }
        check.open_unit("volatility_target.lambda", self.lambda, "0.94");
    }
}
