//! Kelly's kin: with a bound on the drawdown, for positions held at once, and optimal f.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::kelly::{KellyBasis, check_fraction};
use super::window::{Before, TradeWindow};

/// Kelly with a bound on the chance of a drawdown, from the trailing sample of closed trades:
/// the largest leverage up to Kelly with `mean (1 + x r)^-lambda <= 1`,
/// `lambda = ln chance / ln (1 - drawdown)`. Busseti, Ryu & Boyd (2016).
///
/// Were the trades to come independent draws of that sample, all at this leverage, wealth would
/// ever fall by `drawdown` from its start with a probability under `chance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskConstrainedKelly {
    /// Share of the start that wealth is not to lose, between 0 and 1: 0.3 is a fall to 70 %.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub drawdown: f64,
    /// Largest chance that it ever does, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub chance: f64,
    /// The constraint as it is, or its quadratic approximation.
    #[serde(default)]
    pub form: RiskForm,
    /// `growth` (the default): returns on notional, the answer is leverage. `risk`: R multiples,
    /// the answer is the share of equity lost at the stop.
    #[serde(default = "default_growth")]
    pub basis: KellyBasis,
    /// Share of the answer that is taken, above 0 and at most 1.
    #[serde(default = "default_whole")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// How many trailing closed trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<usize>,
    /// Only trades that ended in so many trailing bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<usize>,
    /// The weight of a trade halves over so many trades, or bars where `bars` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<f64>,
    /// Fewest closed trades before the limit is defined; without it as many as `trades`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_trades: Option<usize>,
    /// Leverage where no trade of the sample loses, and the largest of full Kelly with the basis
    /// `growth`; without it a sample without losses has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage_max: Option<f64>,
    /// What holds before the estimate exists: `"no_trade"`, or `{ leverage = 0.5 }`.
    #[serde(default)]
    pub before: Before,
}

/// How the bound on a drawdown is reckoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskForm {
    /// By the sample itself.
    #[default]
    Exact,
    /// By its mean and second moment: `min(mu / S, 2 mu / ((lambda + 1) S))`.
    Quadratic,
}

/// Kelly for the positions that are held at once: those open at the decision's close and the
/// entries decided there, by the joint daily returns of the strategy at unit leverage in each
/// symbol. The limit is this symbol's part.
///
/// Days are UTC; a day's return is the sum of its bars' returns, zero while flat. No part is
/// negative, and all together are at most `leverage_max`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JointKelly {
    /// Share of full Kelly, above 0 and at most 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// How many trailing complete days.
    pub days: usize,
    /// Fewest days before the limit is defined; without it as many as `days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_days: Option<usize>,
    /// The weight of a day halves over so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<f64>,
    /// Largest leverage of all positions together, before `fraction`.
    pub leverage_max: f64,
    /// With `chance`: share of the start that wealth is not to lose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub drawdown: Option<f64>,
    /// With `drawdown`: largest chance that it ever does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub chance: Option<f64>,
    /// Growth and the bound on the drawdown as they are, or their quadratic approximation.
    #[serde(default)]
    pub form: RiskForm,
    /// What holds before the estimate exists: `"no_trade"`, or `{ leverage = 0.5 }`.
    #[serde(default)]
    pub before: Before,
}

/// Optimal f of Vince (1990): the share of equity that the worst trade of the sample is to cost,
/// `f = argmax sum ln(1 + f r / |worst|)`; leverage is `fraction f / |worst|`.
///
/// The optimum of `log_growth`, told in units of one extreme. For comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimalFRule {
    /// Share of optimal f, above 0 and at most 1.
    #[serde(default = "default_whole")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// How many trailing closed trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<usize>,
    /// Only trades that ended in so many trailing bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<usize>,
    /// Fewest closed trades before the limit is defined; without it as many as `trades`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_trades: Option<usize>,
    /// Leverage where no trade of the sample loses; without it such a sample has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage_max: Option<f64>,
    /// What holds before the estimate exists: `"no_trade"`, or `{ leverage = 0.5 }`.
    #[serde(default)]
    pub before: Before,
}

fn default_growth() -> KellyBasis {
    KellyBasis::Growth
}

fn default_whole() -> f64 {
    1.0
}

impl RiskConstrainedKelly {
    /// The trades that count.
    pub fn trade_window(&self) -> TradeWindow {
        let Self { trades, bars, half_life, min_trades, .. } = *self;
        TradeWindow { trades, bars, half_life, min_trades }
    }

    pub(super) fn check(&self, check: &mut Check) {
        let table = "risk_constrained_kelly";
        check_drawdown(table, self.drawdown, self.chance, check);
        check_fraction(table, self.fraction, "1.0", check);
        if self.basis == KellyBasis::Margin {
            check.add(
                "risk_constrained_kelly.basis",
                "`margin` is not a basis of this limit".to_owned(),
                "write \"growth\", which takes returns on notional, or \"risk\"",
            );
        }
        self.trade_window().check(table, check);
        self.before.check(table, check);
        if let Some(leverage) = self.leverage_max {
            check.above_zero("risk_constrained_kelly.leverage_max", leverage);
        }
    }
}

impl JointKelly {
    /// Fewest days that make an estimate.
    pub fn need(&self) -> usize {
        self.min_days.unwrap_or(self.days)
    }

    pub(super) fn check(&self, check: &mut Check) {
        let table = "joint_kelly";
        check_fraction(table, self.fraction, "0.25", check);
        check.above_zero("joint_kelly.leverage_max", self.leverage_max);
        if self.days < 2 {
            check.add(
                "joint_kelly.days",
                format!("`days` is {}", self.days),
                "an edge needs at least 2 days, better 180",
            );
        }
        if let Some(min) = self.min_days
            && (min < 2 || min > self.days)
        {
            check.add(
                "joint_kelly.min_days",
                format!("`min_days` is {min}"),
                "write a number from 2 to `days`",
            );
        }
        if let Some(half_life) = self.half_life {
            check.above_zero("joint_kelly.half_life", half_life);
        }
        match (self.drawdown, self.chance) {
            (Some(drawdown), Some(chance)) => check_drawdown(table, drawdown, chance, check),
            (None, None) => {}
            (given, _) => {
                let (have, miss) =
                    if given.is_some() { ("drawdown", "chance") } else { ("chance", "drawdown") };
                check.add(
                    &format!("joint_kelly.{have}"),
                    format!("`{have}` is given without `{miss}`"),
                    "the bound needs both: drawdown = 0.3, chance = 0.1",
                );
            }
        }
        self.before.check(table, check);
    }
}

impl OptimalFRule {
    /// The trades that count.
    pub fn trade_window(&self) -> TradeWindow {
        let Self { trades, bars, min_trades, .. } = *self;
        TradeWindow { trades, bars, half_life: None, min_trades }
    }

    pub(super) fn check(&self, check: &mut Check) {
        check_fraction("optimal_f", self.fraction, "0.25", check);
        self.trade_window().check("optimal_f", check);
        self.before.check("optimal_f", check);
        if let Some(leverage) = self.leverage_max {
            check.above_zero("optimal_f.leverage_max", leverage);
        }
    }
}

fn check_drawdown(table: &str, drawdown: f64, chance: f64, check: &mut Check) {
    check.open_unit(&format!("{table}.drawdown"), drawdown, "0.3");
    check.open_unit(&format!("{table}.chance"), chance, "0.1");
}
