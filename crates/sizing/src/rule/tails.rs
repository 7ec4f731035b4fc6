//! Sizes from the forecast tail and from the way to liquidation: tables of a strategy file.

use plimsoll_risk::forecast::{TailModel, WINDOW_MIN};
use plimsoll_risk::garch::GARCH_OBSERVATIONS_MIN;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SizingRule;
use super::check::Check;
use super::volatility::check_window;

/// Size whose forecast tail loss over the horizon stays inside a budget: the largest leverage at
/// which `leverage x tail loss of the symbol` is at most `budget`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TailTarget {
    /// Which tail figure is held to the budget.
    pub measure: TailMeasure,
    /// Tail probability, 0.01 is 1 %.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub alpha: f64,
    /// Largest forecast loss as a share of equity, over one day.
    #[schemars(range(min = 0.0, max = 1.0))]
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
    #[schemars(range(min = 0.0, max = 0.5))]
    pub alpha: f64,
    /// How the tail is forecast.
    #[serde(default)]
    pub forecast: TailForecast,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(rule: &SizingRule) -> Vec<String> {
        rule.problems().into_iter().map(|problem| problem.path).collect()
    }

    fn tail_target(alpha: f64, budget: f64, model: &str, window_days: usize) -> SizingRule {
        let forecast = TailForecast { model: model.to_owned(), window_days, refit_days: 7 };
        let measure = TailMeasure::Expectile;
        let target = TailTarget { measure, alpha, budget, forecast };
        SizingRule { tail_target: Some(target), ..SizingRule::default() }
    }

    #[test]
    fn what_a_tail_may_ask_for() {
        let window = "tail_target.forecast.window_days";
        for (alpha, budget, model, days, expected) in [
            (0.01, 0.02, "filtered_historical", 250, None),
            (0.01, 0.02, "historical", 50, None),
            (0.05, 0.02, "care_symmetric", 50, None),
            (0.5, 0.02, "historical", 50, Some("tail_target.alpha")),
            (f64::NAN, 0.02, "historical", 50, Some("tail_target.alpha")),
            (0.01, 0.0, "historical", 50, Some("tail_target.budget")),
            (0.01, 1.5, "historical", 50, Some("tail_target.budget")),
            (0.01, 0.02, "filtered_historical", 249, Some(window)),
            (0.01, 0.02, "historical", 49, Some(window)),
            (0.01, 0.02, "care_symmetric", 50, Some(window)),
            (0.01, 0.02, "prophecy", 50, Some("tail_target.forecast.model")),
        ] {
            let found = paths(&tail_target(alpha, budget, model, days));
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(found, expected, "{alpha} {budget} {model} {days}");
        }
        let mut rule = tail_target(0.01, 0.02, "historical", 50);
        if let Some(target) = &mut rule.tail_target {
            target.forecast.refit_days = 0;
        }
        assert_eq!(paths(&rule), ["tail_target.forecast.refit_days"]);
        let unknown = tail_target(0.01, 0.02, "prophecy", 50).problems();
        assert!(unknown[0].message.contains("conditional_evt"), "{}", unknown[0].message);
    }

    #[test]
    fn what_a_distance_may_ask_for() {
        let rule =
            |distance| SizingRule { liquidation_distance: Some(distance), ..SizingRule::default() };
        let none = LiquidationDistance::default();
        assert_eq!(paths(&rule(none.clone())), ["liquidation_distance"]);
        let stop = rule(LiquidationDistance { stop: true, ..none.clone() });
        assert!(paths(&stop).is_empty() && stop.needs_stop());
        let atr = Some(AtrMove { bars: 0, multiple: -1.0 });
        let forecast = TailForecast::default();
        let tail = Some(TailMove { measure: TailMeasure::ValueAtRisk, alpha: 0.0, forecast });
        let wrong = rule(LiquidationDistance { atr, tail, ..none });
        assert_eq!(
            paths(&wrong),
            [
                "liquidation_distance.atr.multiple",
                "liquidation_distance.atr.bars",
                "liquidation_distance.tail.alpha",
            ]
        );
        assert!(!wrong.needs_stop());
    }
}
