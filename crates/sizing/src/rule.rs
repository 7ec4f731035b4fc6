//! A sizing rule as a strategy file states it: one table, each key one limit on leverage.
//!
//! An absent key is a limit that does not apply. The rule's size is the smallest of those present,
//! so that a single limit and a composite are the same thing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One sizing rule: the limits that apply together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizingRule {
    /// Fractional Kelly from an edge estimated on the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kelly: Option<Kelly>,
    /// A move of so many average true ranges costs a fixed share of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<Atr>,
    /// Largest share of equity lost at the stop (hard cap), costs included. 0.02 is 2 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_cap: Option<f64>,
    /// Largest share of equity in one position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concentration: Option<Concentration>,
    /// Notional that brings the volatility of the position to a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility_target: Option<VolatilityTarget>,
    /// Fixed notional as a multiple of equity. 1.0 is once the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional_fraction: Option<f64>,
    /// Fixed notional in quote currency, whatever the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional: Option<f64>,
    /// Fixed share of equity lost at the stop (fixed fractional), costs included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_fraction: Option<f64>,
    /// Largest notional as a multiple of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage_cap: Option<f64>,
    /// Smaller size while funding is extreme; applied after the smallest limit is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_cut: Option<FundingCutRule>,
}

/// Fractional Kelly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kelly {
    /// Share of full Kelly, above 0 and at most 1.
    pub fraction: f64,
    /// What the edge is estimated from.
    pub estimator: KellyEstimator,
    /// For `trades`: what the binary formula's fraction is a fraction of.
    #[serde(default)]
    pub basis: KellyBasis,
    /// For `trades` and `log_growth`: how many trailing closed trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<usize>,
    /// For `trades` and `log_growth`: fewest closed trades before the limit is defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_trades: Option<usize>,
    /// For `mean_variance`: how many trailing bars of unit-leverage returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<usize>,
    /// Leverage allowed where no trade of the sample loses; without it such a sample has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage_max: Option<f64>,
    /// What holds before the estimate exists.
    #[serde(default)]
    pub before: Before,
}

/// What Kelly's edge is estimated from. Every estimate is made at unit leverage, from closed
/// trades and closed bars only, so that sizes feed nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KellyEstimator {
    /// Win rate and payoff of trailing trades: the binary formula with partial losses.
    Trades,
    /// Mean over variance of the strategy's unit-leverage bar returns: continuous Kelly.
    MeanVariance,
    /// The leverage that would have grown fastest over the trailing trades' returns.
    LogGrowth,
}

/// What the binary formula's stake is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KellyBasis {
    /// Equity lost at the stop: payoffs are R multiples, leverage is `fraction f / s`.
    #[default]
    Risk,
    /// Notional at unit leverage, which is what a margin stake comes to at any leverage: payoffs
    /// are returns on notional, leverage is `fraction f`.
    Margin,
}

/// What holds before an estimate exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// No trade.
    #[default]
    NoTrade,
}

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

/// A cap on one position's share of equity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concentration {
    /// The share, 0.20 to 0.25 is usual.
    pub share: f64,
    /// Whether the share is of equity posted as margin (times the account's leverage) or of
    /// notional.
    #[serde(default)]
    pub of: ConcentrationBasis,
}

/// What a concentration share is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcentrationBasis {
    /// Of equity posted as initial margin.
    #[default]
    Margin,
    /// Of equity as notional.
    Notional,
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
/// Default of [`FundingCutRule::periods`]: the extreme has to last three settlements.
pub const DEFAULT_FUNDING_PERIODS: usize = 3;

fn default_volatility_days() -> usize {
    DEFAULT_VOLATILITY_DAYS
}

fn default_lambda() -> f64 {
    DEFAULT_LAMBDA
}

fn default_funding_periods() -> usize {
    DEFAULT_FUNDING_PERIODS
}

/// Smaller size while funding is extreme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundingCutRule {
    /// Size is cut where |rate| per 8 hours is strictly above this. 0.0005 is 0.05 %.
    pub above_8h: f64,
    /// What size is multiplied by, 0 to 1.
    pub multiply: f64,
    /// For how many published settlements in a row the rate must have been extreme.
    #[serde(default = "default_funding_periods")]
    pub periods: usize,
}

/// A value of a rule that cannot hold.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleProblem {
    /// Key inside the rule's table, such as `kelly.fraction`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

impl SizingRule {
    /// Every value that cannot hold, all at once.
    pub fn problems(&self) -> Vec<RuleProblem> {
        let mut check = Check::default();
        if *self == Self::default()
            || *self == (Self { funding_cut: self.funding_cut.clone(), ..Self::default() })
        {
            check.add(
                "",
                "the rule has no limit".to_owned(),
                "give at least one of kelly, atr, risk_cap, concentration, volatility_target, \
                 notional_fraction, notional, risk_fraction, leverage_cap",
            );
        }
        if let Some(kelly) = &self.kelly {
            check.kelly(kelly);
        }
        if let Some(atr) = &self.atr {
            check.share("atr.risk_fraction", atr.risk_fraction);
            check.above_zero("atr.multiple", atr.multiple);
            check.count("atr.bars", atr.bars);
        }
        for (path, value) in [("risk_cap", self.risk_cap), ("risk_fraction", self.risk_fraction)] {
            if let Some(value) = value {
                check.share(path, value);
            }
        }
        for (path, value) in [
            ("notional_fraction", self.notional_fraction),
            ("notional", self.notional),
            ("leverage_cap", self.leverage_cap),
        ] {
            if let Some(value) = value {
                check.above_zero(path, value);
            }
        }
        if let Some(concentration) = &self.concentration {
            check.share("concentration.share", concentration.share);
        }
        if let Some(target) = &self.volatility_target {
            check.above_zero("volatility_target.annual", target.annual);
            if target.days < 2 {
                check.add(
                    "volatility_target.days",
                    format!("`days` is {}", target.days),
                    "a standard deviation needs at least 2 days",
                );
            }
            if !(target.lambda > 0.0 && target.lambda < 1.0) {
                check.add(
                    "volatility_target.lambda",
                    format!("`lambda` is {}", target.lambda),
                    "write a number between 0 and 1, such as 0.94",
                );
            }
        }
        if let Some(cut) = &self.funding_cut {
            check.not_negative("funding_cut.above_8h", cut.above_8h);
            if !(0.0..=1.0).contains(&cut.multiply) {
                check.add(
                    "funding_cut.multiply",
                    format!("`multiply` is {}", cut.multiply),
                    "write a number from 0 to 1: the cut only ever reduces a size",
                );
            }
            check.count("funding_cut.periods", cut.periods);
        }
        check.problems
    }

    /// Whether any limit needs the strategy to have a stop.
    pub fn needs_stop(&self) -> bool {
        self.risk_cap.is_some()
            || self.risk_fraction.is_some()
            || self.kelly.as_ref().is_some_and(|kelly| {
                kelly.estimator == KellyEstimator::Trades && kelly.basis == KellyBasis::Risk
            })
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<RuleProblem>,
}

impl Check {
    fn add(&mut self, path: &str, message: String, hint: &str) {
        self.problems.push(RuleProblem { path: path.to_owned(), message, hint: hint.to_owned() });
    }

    fn share(&mut self, path: &str, value: f64) {
        if !(value > 0.0 && value <= 1.0) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(
                path,
                format!("`{key}` is {value}"),
                "write a share of equity above 0 and at most 1; 0.02 is 2 %",
            );
        }
    }

    fn above_zero(&mut self, path: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is {value}"), "write a number above 0");
        }
    }

    fn not_negative(&mut self, path: &str, value: f64) {
        if !(value >= 0.0 && value.is_finite()) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is {value}"), "write a number of at least 0");
        }
    }

    fn count(&mut self, path: &str, value: usize) {
        if value == 0 {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is 0"), "write a whole number of at least 1");
        }
    }

    fn kelly(&mut self, kelly: &Kelly) {
        if !(kelly.fraction > 0.0 && kelly.fraction <= 1.0) {
            self.add(
                "kelly.fraction",
                format!("`fraction` is {}", kelly.fraction),
                "write a share of full Kelly above 0 and at most 1, such as 0.25",
            );
        }
        if let Some(leverage) = kelly.leverage_max {
            self.above_zero("kelly.leverage_max", leverage);
        }
        match kelly.estimator {
            KellyEstimator::Trades | KellyEstimator::LogGrowth => {
                match (kelly.trades, kelly.min_trades) {
                    (Some(trades), min_trades) => {
                        if trades < 2 {
                            self.add(
                                "kelly.trades",
                                format!("`trades` is {trades}"),
                                "an edge needs at least 2 closed trades, better 100",
                            );
                        }
                        if min_trades.is_some_and(|min| min < 2 || min > trades) {
                            self.add(
                                "kelly.min_trades",
                                format!("`min_trades` is {}", min_trades.unwrap_or_default()),
                                "write a number from 2 to `trades`",
                            );
                        }
                    }
                    (None, _) => self.add(
                        "kelly",
                        "`trades` is missing".to_owned(),
                        "say over how many closed trades the edge is estimated: trades = 100",
                    ),
                }
                if kelly.bars.is_some() {
                    self.add(
                        "kelly.bars",
                        "`bars` belongs to the estimator mean_variance".to_owned(),
                        "use `trades` here, or estimator = \"mean_variance\"",
                    );
                }
            }
            KellyEstimator::MeanVariance => {
                if kelly.bars.is_none_or(|bars| bars < 2) {
                    self.add(
                        "kelly",
                        "`bars` is missing or below 2".to_owned(),
                        "say over how many bars mean and variance are estimated: bars = 2160",
                    );
                }
                for (path, given) in [
                    ("kelly.trades", kelly.trades.is_some()),
                    ("kelly.min_trades", kelly.min_trades.is_some()),
                ] {
                    if given {
                        self.add(
                            path,
                            "trades are not what the estimator mean_variance counts".to_owned(),
                            "use `bars` here, or estimator = \"trades\"",
                        );
                    }
                }
            }
        }
        if kelly.basis == KellyBasis::Margin && kelly.estimator != KellyEstimator::Trades {
            self.add(
                "kelly.basis",
                "`basis` belongs to the estimator trades".to_owned(),
                "leave it out: mean_variance and log_growth give leverage directly",
            );
        }
    }
}
