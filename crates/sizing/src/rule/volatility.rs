//! Sizes from volatility and tails: tables of a strategy file.

use plimsoll_risk::forecast::{TailModel, WINDOW_MIN};
use plimsoll_risk::garch::{GARCH_OBSERVATIONS_MIN, GarchSpec, InnovationFamily, Volatility};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SizingRule;
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
    /// How the symbol's volatility is estimated.
    #[serde(default)]
    pub estimator: VolatilityEstimator,
    /// For `rolling` and `realised`: days that are looked back on. For `ewma`: the fewest.
    #[serde(default = "default_volatility_days")]
    pub days: usize,
    /// For `ewma`: weight of yesterday's variance.
    #[serde(default = "default_lambda")]
    pub lambda: f64,
    /// For `garch`: which model and how it is fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garch: Option<GarchForecast>,
}

/// How volatility is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolatilityEstimator {
    /// Daily returns, exponentially weighted, RiskMetrics.
    #[default]
    Ewma,
    /// Sample standard deviation of the daily returns of the last `days`.
    Rolling,
    /// Sum of squared bar returns over the last `days` times 24 hours.
    Realised,
    /// Forecast of a GARCH model for the day in progress, fitted on closed days only.
    Garch,
}

/// A walk-forward GARCH(1,1) forecast of the next day's volatility.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields, default)]
pub struct GarchForecast {
    /// How the variance moves.
    pub recursion: GarchRecursion,
    /// What the standardised returns are taken to follow while the model is fitted.
    pub innovation: GarchInnovation,
    /// Days that a fit sees.
    pub window_days: usize,
    /// Days between fits, counted from the first; the parameters stay in between.
    pub refit_days: usize,
}

impl Default for GarchForecast {
    fn default() -> Self {
        Self {
            recursion: GarchRecursion::Symmetric,
            innovation: GarchInnovation::Normal,
            window_days: 500,
            refit_days: 28,
        }
    }
}

/// How the variance of a GARCH model moves.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GarchRecursion {
    /// Rises and falls count alike (Bollerslev 1986).
    Symmetric,
    /// Falls may count more (Glosten, Jagannathan & Runkle 1993).
    Gjr,
}

/// Innovations of a GARCH model.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GarchInnovation {
    /// Normal: quasi maximum likelihood, whatever the law of the returns.
    Normal,
    /// Student-t.
    StudentT,
    /// Skewed Student-t (Hansen 1994).
    SkewT,
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TailForecast {
    /// Model of the tail, as in `compare.forecasts.models`.
    pub model: String,
    /// Days that a fit sees.
    pub window_days: usize,
    /// Days between fits, counted from the first; the parameters stay in between.
    pub refit_days: usize,
}

impl Default for TailForecast {
    fn default() -> Self {
        Self { model: "filtered_historical".to_owned(), window_days: 250, refit_days: 28 }
    }
}

/// Which figure of which forecast tail a limit reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailFigure<'a> {
    /// Which tail figure.
    pub measure: TailMeasure,
    /// Tail probability.
    pub alpha: f64,
    /// How the tail is forecast.
    pub forecast: &'a TailForecast,
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
///
/// Between two decisions the floor holds while `multiplier` times the worst move of the price stays
/// under 1: at a multiplier of 5 a move of 20 % uses the cushion up, and a larger one goes through.
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
        match self.estimator {
            VolatilityEstimator::Realised => check.count("volatility_target.days", self.days),
            _ if self.days < 2 => check.add(
                "volatility_target.days",
                format!("`days` is {}", self.days),
                "a standard deviation needs at least 2 days",
            ),
            _ => {}
        }
        check.open_unit("volatility_target.lambda", self.lambda, "0.94");
        let Some(garch) = &self.garch else { return };
        if self.estimator != VolatilityEstimator::Garch {
            check.add(
                "volatility_target.garch",
                "`garch` is given and `estimator` is another".to_owned(),
                "write estimator = \"garch\", or leave `garch` out",
            );
        }
        let window = garch.window_days;
        check_window("volatility_target.garch", window, GARCH_OBSERVATIONS_MIN, check);
        check.count("volatility_target.garch.refit_days", garch.refit_days);
    }

    /// The model that is asked for, if one is.
    pub(crate) fn garch_forecast(&self) -> Option<GarchForecast> {
        (self.estimator == VolatilityEstimator::Garch).then(|| self.garch.unwrap_or_default())
    }
}

impl GarchForecast {
    /// What is fitted.
    pub(crate) fn spec(&self) -> GarchSpec {
        let volatility = match self.recursion {
            GarchRecursion::Symmetric => Volatility::Symmetric,
            GarchRecursion::Gjr => Volatility::Gjr,
        };
        let innovation = match self.innovation {
            GarchInnovation::Normal => InnovationFamily::Normal,
            GarchInnovation::StudentT => InnovationFamily::StudentT,
            GarchInnovation::SkewT => InnovationFamily::SkewT,
        };
        GarchSpec::new(volatility, innovation)
    }
}

impl TailTarget {
    pub(super) fn check(&self, check: &mut Check) {
        check.share("tail_target.budget", self.budget);
        self.figure().check("tail_target", check);
    }

    /// The tail figure that is held to the budget.
    pub fn figure(&self) -> TailFigure<'_> {
        TailFigure { measure: self.measure, alpha: self.alpha, forecast: &self.forecast }
    }
}

impl LiquidationDistance {
    pub(super) fn check(&self, check: &mut Check) {
        if self.atr.is_none() && self.tail.is_none() && !self.stop {
            check.add(
                "liquidation_distance",
                "no move is given".to_owned(),
                "give at least one of atr = { bars = 14, multiple = 3.0 }, \
                 tail = { measure = \"expected_shortfall\", alpha = 0.01 }, stop = true",
            );
        }
        if let Some(atr) = &self.atr {
            check.above_zero("liquidation_distance.atr.multiple", atr.multiple);
            check.count("liquidation_distance.atr.bars", atr.bars);
        }
        if let Some(tail) = &self.tail {
            tail.figure().check("liquidation_distance.tail", check);
        }
    }
}

impl TailMove {
    /// The tail figure that is the move.
    pub fn figure(&self) -> TailFigure<'_> {
        TailFigure { measure: self.measure, alpha: self.alpha, forecast: &self.forecast }
    }
}

impl TailFigure<'_> {
    fn check(&self, path: &str, check: &mut Check) {
        if !(self.alpha > 0.0 && self.alpha < 0.5) {
            check.add(
                &format!("{path}.alpha"),
                format!("`alpha` is {}", self.alpha),
                "write a tail probability above 0 and below 0.5; 0.01 is 1 %",
            );
        }
        let path = format!("{path}.forecast");
        match self.forecast.model.parse::<TailModel>() {
            Ok(model) => {
                let need = days_needed(model, self.alpha);
                check_window(&path, self.forecast.window_days, need, check);
            }
            Err(error) => check.add(
                &format!("{path}.model"),
                error.to_string(),
                "write the name of a model, such as \"filtered_historical\"",
            ),
        }
        check.count(&format!("{path}.refit_days"), self.forecast.refit_days);
    }
}

impl DrawdownControl {
    pub(super) fn check(&self, check: &mut Check) {
        check.open_unit("drawdown_control.floor", self.floor, "0.8");
        if !(self.multiplier > 0.0 && self.multiplier.is_finite()) {
            check.add(
                "drawdown_control.multiplier",
                format!("`multiplier` is {}", self.multiplier),
                "write a number above 0; times the worst move of the price between two decisions \
                 it must stay under 1, or a jump goes through the floor",
            );
        }
    }
}

impl SizingRule {
    /// Every tail figure that a limit of the rule reads.
    pub(crate) fn tail_figures(&self) -> impl Iterator<Item = TailFigure<'_>> {
        let distance =
            self.liquidation_distance.as_ref().and_then(|distance| distance.tail.as_ref());
        let target = self.tail_target.as_ref().map(TailTarget::figure);
        target.into_iter().chain(distance.map(TailMove::figure))
    }
}

/// Fewest days that a model can be fitted to.
fn days_needed(model: TailModel, alpha: f64) -> usize {
    match model {
        TailModel::Historical | TailModel::EwmaNormal | TailModel::StudentT => WINDOW_MIN,
        TailModel::GarchNormal
        | TailModel::GjrSkewT
        | TailModel::GjrNig
        | TailModel::GjrVarianceGamma
        | TailModel::FilteredHistorical
        | TailModel::ConditionalEvt => GARCH_OBSERVATIONS_MIN,
        TailModel::ExpectileKyh | TailModel::CareSymmetric | TailModel::CareAsymmetric => {
            WINDOW_MIN.max((1.0 / alpha).ceil() as usize)
        }
    }
}

fn check_window(path: &str, window_days: usize, need: usize, check: &mut Check) {
    if window_days < need {
        check.add(
            &format!("{path}.window_days"),
            format!("`window_days` is {window_days}"),
            &format!("the model needs at least {need} days"),
        );
    }
}
