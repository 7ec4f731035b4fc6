//! Kelly: tables of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;

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

impl Kelly {
    pub(super) fn check(&self, check: &mut Check) {
        let kelly = self;
        if !(kelly.fraction > 0.0 && kelly.fraction <= 1.0) {
            check.add(
                "kelly.fraction",
                format!("`fraction` is {}", kelly.fraction),
                "write a share of full Kelly above 0 and at most 1, such as 0.25",
            );
        }
        if let Some(leverage) = kelly.leverage_max {
            check.above_zero("kelly.leverage_max", leverage);
        }
        match kelly.estimator {
            KellyEstimator::Trades | KellyEstimator::LogGrowth => {
                match (kelly.trades, kelly.min_trades) {
                    (Some(trades), min_trades) => {
                        if trades < 2 {
                            check.add(
                                "kelly.trades",
                                format!("`trades` is {trades}"),
                                "an edge needs at least 2 closed trades, better 100",
                            );
                        }
                        if min_trades.is_some_and(|min| min < 2 || min > trades) {
                            check.add(
                                "kelly.min_trades",
                                format!("`min_trades` is {}", min_trades.unwrap_or_default()),
                                "write a number from 2 to `trades`",
                            );
                        }
                    }
                    (None, _) => check.add(
                        "kelly",
                        "`trades` is missing".to_owned(),
                        "say over how many closed trades the edge is estimated: trades = 100",
                    ),
                }
                if kelly.bars.is_some() {
                    check.add(
                        "kelly.bars",
                        "`bars` belongs to the estimator mean_variance".to_owned(),
                        "use `trades` here, or estimator = \"mean_variance\"",
                    );
                }
            }
            KellyEstimator::MeanVariance => {
                if kelly.bars.is_none_or(|bars| bars < 2) {
                    check.add(
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
                        check.add(
                            path,
                            "trades are not what the estimator mean_variance counts".to_owned(),
                            "use `bars` here, or estimator = \"trades\"",
                        );
                    }
                }
            }
        }
        if kelly.basis == KellyBasis::Margin && kelly.estimator != KellyEstimator::Trades {
            check.add(
                "kelly.basis",
                "`basis` belongs to the estimator trades".to_owned(),
                "leave it out: mean_variance and log_growth give leverage directly",
            );
        }
    }
}
