//! Sizes from volatility and from the cushion above a floor: tables of a strategy file.

use plimsoll_risk::garch::{GARCH_OBSERVATIONS_MIN, GarchSpec, InnovationFamily, Volatility};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// Size by average true range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Atr {
    /// Share of equity that a move of `multiple` average true ranges costs.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub risk_fraction: f64,
    /// Length of Wilder's average in bars.
    #[schemars(range(min = 1))]
    pub bars: usize,
    /// Multiple of the average true range.
    #[schemars(range(min = 0.0))]
    pub multiple: f64,
}

/// Volatility target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolatilityTarget {
    /// Annual volatility aimed at (365 days), 0.4 is 40 %.
    #[schemars(range(min = 0.0))]
    pub annual: f64,
    /// How the symbol's volatility is estimated.
    #[serde(default)]
    pub estimator: VolatilityEstimator,
    /// For `rolling` and `realised`: days that are looked back on. For `ewma`: the fewest.
    /// 20 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<usize>,
    /// For `ewma`: weight of yesterday's variance; 0.94 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lambda: Option<f64>,
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
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
    /// Leverage per share of equity above the floor.
    #[schemars(range(min = 0.0))]
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
        if let Some(days) = self.days {
            match self.estimator {
                VolatilityEstimator::Garch => check.add(
                    "volatility_target.days",
                    "`days` has no effect on the estimator garch".to_owned(),
                    "write garch = { window_days = 500 }, or leave `days` out",
                ),
                VolatilityEstimator::Realised => check.count("volatility_target.days", days),
                _ if days < 2 => check.add(
                    "volatility_target.days",
                    format!("`days` is {days}"),
                    "a standard deviation needs at least 2 days",
                ),
                _ => {}
            }
        }
        if let Some(lambda) = self.lambda {
            check.open_unit("volatility_target.lambda", lambda, "0.94");
            if self.estimator != VolatilityEstimator::Ewma {
                check.add(
                    "volatility_target.lambda",
                    "`lambda` has no effect: it belongs to the estimator ewma".to_owned(),
                    "write estimator = \"ewma\", or leave `lambda` out",
                );
            }
        }
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

    /// Days that are looked back on.
    pub fn days(&self) -> usize {
        self.days.unwrap_or(DEFAULT_VOLATILITY_DAYS)
    }

    /// Weight of yesterday's variance.
    pub fn lambda(&self) -> f64 {
        self.lambda.unwrap_or(DEFAULT_LAMBDA)
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

/// A window that a model can be fitted to.
pub(super) fn check_window(path: &str, window_days: usize, need: usize, check: &mut Check) {
    if window_days < need {
        check.add(
            &format!("{path}.window_days"),
            format!("`window_days` is {window_days}"),
            &format!("the model needs at least {need} days"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::SizingRule;

    fn paths(rule: &SizingRule) -> Vec<String> {
        rule.problems().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn what_a_volatility_and_a_floor_may_be() {
        let target = |estimator, days, garch| SizingRule {
            volatility_target: Some(VolatilityTarget {
                annual: 0.4,
                estimator,
                days,
                lambda: None,
                garch,
            }),
            ..SizingRule::default()
        };
        let short = GarchForecast { window_days: 249, refit_days: 0, ..GarchForecast::default() };
        for (rule, expected) in [
            (target(VolatilityEstimator::Realised, Some(1), None), vec![]),
            (target(VolatilityEstimator::Realised, Some(0), None), vec!["volatility_target.days"]),
            (target(VolatilityEstimator::Rolling, Some(1), None), vec!["volatility_target.days"]),
            (target(VolatilityEstimator::Garch, None, None), vec![]),
            (target(VolatilityEstimator::Garch, Some(20), None), vec!["volatility_target.days"]),
            (target(VolatilityEstimator::Garch, None, Some(GarchForecast::default())), vec![]),
            (
                target(VolatilityEstimator::Ewma, Some(20), Some(GarchForecast::default())),
                vec!["volatility_target.garch"],
            ),
            (
                target(VolatilityEstimator::Garch, None, Some(short)),
                vec!["volatility_target.garch.window_days", "volatility_target.garch.refit_days"],
            ),
        ] {
            assert_eq!(paths(&rule), expected, "{rule:?}");
        }
        for (estimator, lambda, expected) in [
            (VolatilityEstimator::Ewma, 0.5, vec![]),
            (VolatilityEstimator::Ewma, 1.0, vec!["volatility_target.lambda"]),
            (VolatilityEstimator::Rolling, 0.5, vec!["volatility_target.lambda"]),
            (VolatilityEstimator::Realised, 0.5, vec!["volatility_target.lambda"]),
            (VolatilityEstimator::Garch, 0.5, vec!["volatility_target.lambda"]),
        ] {
            let mut rule = target(estimator, None, None);
            if let Some(target) = &mut rule.volatility_target {
                target.lambda = Some(lambda);
            }
            assert_eq!(paths(&rule), expected, "{rule:?}");
        }
        for (floor, multiplier, expected) in [
            (0.8, 3.0, vec![]),
            (0.0, 3.0, vec!["drawdown_control.floor"]),
            (1.0, 3.0, vec!["drawdown_control.floor"]),
            (0.8, 0.0, vec!["drawdown_control.multiplier"]),
            (0.8, f64::INFINITY, vec!["drawdown_control.multiplier"]),
        ] {
            let floor_of = FloorOf::Peak;
            let control = DrawdownControl { floor_of, floor, multiplier };
            let rule = SizingRule { drawdown_control: Some(control), ..SizingRule::default() };
            assert_eq!(paths(&rule), expected, "{floor} {multiplier}");
        }
    }
}
