//! Kelly: the table of a strategy file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::window::{BarWindow, Before, TradeWindow};

/// Fractional Kelly: `leverage = fraction x shrinkage x full Kelly`.
///
/// Full Kelly is estimated at unit leverage from trades and bars that had closed by the decision.
/// Returns and R multiples are net of fees, half spread and funding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kelly {
    /// Share of full Kelly, above 0 and at most 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// What the edge is estimated from.
    pub estimator: KellyEstimator,
    /// What the estimate is a fraction of: `risk` (the default of `trades`) or `margin` for
    /// `trades`; `growth`, their only one, for `mean_variance` and `log_growth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<KellyBasis>,
    /// For `trades` and `log_growth`: how many trailing closed trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<usize>,
    /// For `mean_variance`: how many trailing bars of unit-leverage returns. For the other two:
    /// only trades that ended in so many trailing bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<usize>,
    /// Exponential weight: an observation counts half as much as one that is so much younger. In
    /// trades; in bars for `mean_variance` and where `bars` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<f64>,
    /// For `trades` and `log_growth`: fewest closed trades before the limit is defined; without
    /// it as many as `trades`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_trades: Option<usize>,
    /// For `mean_variance`: fewest bars before the limit is defined; without it as many as `bars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bars: Option<usize>,
    /// Leverage of full Kelly where no trade of the sample loses; without it such a sample has no
    /// answer. For `mean_variance` and `log_growth` also the largest leverage of full Kelly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage_max: Option<f64>,
    /// What holds before the estimate exists: `"no_trade"`, or `{ leverage = 0.5 }`.
    #[serde(default)]
    pub before: Before,
    /// How far the estimate is shrunk for its own error, before `fraction`.
    #[serde(default, skip_serializing_if = "KellyShrinkage::is_none")]
    pub shrinkage: KellyShrinkage,
    /// Settings of `shrinkage = "bayesian_lower_bound"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bayesian: Option<BayesianBound>,
    /// Settings of `shrinkage = "bootstrap"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<KellyBootstrap>,
    /// For `log_growth`: counts a trade as liquidated where its position would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<KellyLiquidation>,
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

/// What an estimate of Kelly is a fraction of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KellyBasis {
    /// Equity lost at the stop: payoffs are R multiples, leverage is `fraction f / s`.
    #[default]
    Risk,
    /// Notional at unit leverage, which is what a margin stake comes to at any leverage: payoffs
    /// are returns on notional, leverage is `fraction f`.
    Margin,
    /// Nothing more: the estimate is the leverage at which wealth grows fastest.
    Growth,
}

/// How far an estimate of Kelly is shrunk: a factor from 0 to 1 that multiplies it before the
/// rule's fraction does. Kelly of an estimated edge bets too much on average, because growth falls
/// off on both sides of the true optimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KellyShrinkage {
    /// Not at all.
    #[default]
    None,
    /// For `trades`: by the standard error of the win rate, Baker & McHale (2013) in its quadratic
    /// approximation, extended to partial losses.
    BakerMchale,
    /// By the squared t statistic of the mean payoff, `t^2 / (1 + t^2)`: Baker & McHale (2013)
    /// for Gaussian returns of known volatility.
    TStatistic,
    /// `max(0, 1 - 1 / t^2)`: the same with the bias of `t^2` removed; 0 within the noise.
    TStatisticDebiased,
    /// For `trades`: the win rate is replaced by a lower quantile of its Beta posterior.
    BayesianLowerBound,
    /// The factor that would have grown fastest over what resamples of the sample ask for.
    Bootstrap,
}

impl KellyShrinkage {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes what it skips by reference"
    )]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// The posterior of the win rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BayesianBound {
    /// Probability that the true win rate lies below the bound, between 0 and 1.
    #[serde(default = "default_level")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub level: f64,
    /// Wins and losses that count as seen before the first trade: the parameters of the Beta
    /// prior. `[1, 1]` is uniform, `[0.5, 0.5]` that of Jeffreys.
    #[serde(default = "default_prior")]
    pub prior: [f64; 2],
}

/// The bound's default level: the true rate is above it with 75 %.
pub const DEFAULT_BAYESIAN_LEVEL: f64 = 0.25;

fn default_level() -> f64 {
    DEFAULT_BAYESIAN_LEVEL
}

fn default_prior() -> [f64; 2] {
    [1.0, 1.0]
}

impl Default for BayesianBound {
    fn default() -> Self {
        Self { level: default_level(), prior: default_prior() }
    }
}

/// Resampling of an estimate's sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KellyBootstrap {
    /// How many resamples, 1 to 10,000.
    #[serde(default = "default_resamples")]
    #[schemars(range(min = 1, max = 10_000))]
    pub resamples: usize,
    /// Seed; the same at every decision, so that only the samples differ.
    #[serde(default)]
    pub seed: u64,
}

/// The default number of resamples.
pub const DEFAULT_RESAMPLES: usize = 200;

const RESAMPLES_MAX: usize = 10_000;

fn default_resamples() -> usize {
    DEFAULT_RESAMPLES
}

impl Default for KellyBootstrap {
    fn default() -> Self {
        Self { resamples: default_resamples(), seed: 0 }
    }
}

/// How `log_growth` reckons liquidation: by the worst move of the mark during each trade, at one
/// maintenance margin rate whatever the size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KellyLiquidation {
    /// What stands behind a position.
    pub margin: KellyMargin,
    /// Maintenance margin over notional, such as 0.01. Brackets are not read.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub maintenance_margin_rate: f64,
    /// For `isolated`: share of equity that is posted whatever the size. Without it the margin is
    /// notional over the account's leverage, as in the replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub posted: Option<f64>,
    /// What a liquidated isolated position costs beyond its margin, a fraction of the notional.
    #[serde(default = "default_liquidation_fee")]
    #[schemars(range(min = 0.0))]
    pub fee: f64,
    /// Adverse move of the stress scenario, in units of the worst of the sample, at least 1.
    #[serde(default = "default_stress")]
    #[schemars(range(min = 1.0))]
    pub stress: f64,
    /// How many trades the scenario counts as. At 0 it only bounds the leverage of cross margin.
    #[serde(default = "default_stress_trades")]
    #[schemars(range(min = 0.0))]
    pub stress_trades: f64,
}

/// What stands behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KellyMargin {
    /// The whole account: liquidation takes everything, so its leverage is never reached.
    Cross,
    /// The position's own margin: a liquidated trade loses it and the fee, no more and no less.
    Isolated,
}

/// The default of `liquidation.fee`: the taker fee of the entry, 5 basis points.
pub const DEFAULT_LIQUIDATION_FEE: f64 = 0.0005;
/// The default of `liquidation.stress`.
pub const DEFAULT_STRESS: f64 = 1.5;

fn default_liquidation_fee() -> f64 {
    DEFAULT_LIQUIDATION_FEE
}

fn default_stress() -> f64 {
    DEFAULT_STRESS
}

fn default_stress_trades() -> f64 {
    1.0
}

impl Kelly {
    /// Fractional Kelly by an estimator, every other key at its default.
    pub fn new(fraction: f64, estimator: KellyEstimator) -> Self {
        Self {
            fraction,
            estimator,
            basis: None,
            trades: None,
            bars: None,
            half_life: None,
            min_trades: None,
            min_bars: None,
            leverage_max: None,
            before: Before::NoTrade,
            shrinkage: KellyShrinkage::None,
            bayesian: None,
            bootstrap: None,
            liquidation: None,
        }
    }

    /// The basis that holds: as stated, or the estimator's default.
    pub fn basis(&self) -> KellyBasis {
        self.basis.unwrap_or(match self.estimator {
            KellyEstimator::Trades => KellyBasis::Risk,
            KellyEstimator::MeanVariance | KellyEstimator::LogGrowth => KellyBasis::Growth,
        })
    }

    /// The trades that `trades` and `log_growth` count.
    pub fn trade_window(&self) -> TradeWindow {
        let Self { trades, bars, half_life, min_trades, .. } = *self;
        TradeWindow { trades, bars, half_life, min_trades }
    }

    /// The bars that `mean_variance` counts.
    pub fn bar_window(&self) -> BarWindow {
        let Self { bars, half_life, min_bars, .. } = *self;
        BarWindow { bars, half_life, min_bars }
    }

    pub(super) fn check(&self, check: &mut Check) {
        check_fraction("kelly", self.fraction, "0.25", check);
        if let Some(leverage) = self.leverage_max {
            check.above_zero("kelly.leverage_max", leverage);
        }
        self.before.check("kelly", check);
        self.check_window(check);
        self.check_basis(check);
        self.check_shrinkage(check);
        self.check_liquidation(check);
    }

    fn check_window(&self, check: &mut Check) {
        let foreign: &[(&str, bool, &str)] = match self.estimator {
            KellyEstimator::Trades | KellyEstimator::LogGrowth => {
                self.trade_window().check("kelly", check);
                &[("min_bars", self.min_bars.is_some(), "use `min_trades` here")]
            }
            KellyEstimator::MeanVariance => {
                self.bar_window().check("kelly", check);
                let hint = "use `bars` and `min_bars` here, or estimator = \"trades\"";
                &[
                    ("trades", self.trades.is_some(), hint),
                    ("min_trades", self.min_trades.is_some(), hint),
                ]
            }
        };
        for (key, is_given, hint) in foreign {
            if *is_given {
                let counted = match self.estimator {
                    KellyEstimator::MeanVariance => "trades are not what mean_variance counts",
                    _ => "`min_bars` belongs to the estimator mean_variance",
                };
                check.add(&format!("kelly.{key}"), counted.to_owned(), hint);
            }
        }
    }

    fn check_basis(&self, check: &mut Check) {
        let (message, hint) = match (self.estimator, self.basis()) {
            (KellyEstimator::Trades, KellyBasis::Growth) => (
                "`growth` is not a basis of the estimator trades",
                "write basis = \"risk\" or \"margin\", or estimator = \"log_growth\"",
            ),
            (
                KellyEstimator::MeanVariance | KellyEstimator::LogGrowth,
                KellyBasis::Risk | KellyBasis::Margin,
            ) => (
                "mean_variance and log_growth know the basis growth only",
                "leave `basis` out: these estimators give leverage directly",
            ),
            _ => return,
        };
        check.add("kelly.basis", message.to_owned(), hint);
    }

    fn check_shrinkage(&self, check: &mut Check) {
        let is_binary = self.estimator == KellyEstimator::Trades;
        if !is_binary && self.shrinkage == KellyShrinkage::BakerMchale {
            check.add(
                "kelly.shrinkage",
                "`baker_mchale` is for the estimator trades".to_owned(),
                "write shrinkage = \"t_statistic\", which is its form for returns",
            );
        }
        if !is_binary && self.shrinkage == KellyShrinkage::BayesianLowerBound {
            check.add(
                "kelly.shrinkage",
                "`bayesian_lower_bound` is for the estimator trades: returns have no win rate"
                    .to_owned(),
                "write shrinkage = \"t_statistic_debiased\" or \"bootstrap\"",
            );
        }
        for (key, is_given, shrinkage) in [
            ("bayesian", self.bayesian.is_some(), KellyShrinkage::BayesianLowerBound),
            ("bootstrap", self.bootstrap.is_some(), KellyShrinkage::Bootstrap),
        ] {
            if is_given && self.shrinkage != shrinkage {
                let name = if key == "bayesian" { "bayesian_lower_bound" } else { key };
                check.add(
                    &format!("kelly.{key}"),
                    format!("`{key}` is given without the shrinkage that reads it"),
                    &format!("write shrinkage = \"{name}\", or leave `{key}` out"),
                );
            }
        }
        if let Some(bound) = &self.bayesian {
            check.open_unit("kelly.bayesian.level", bound.level, "0.25");
            if !bound.prior.iter().all(|count| *count > 0.0 && *count <= 1e6) {
                let [wins, losses] = bound.prior;
                check.add(
                    "kelly.bayesian.prior",
                    format!("`prior` is [{wins}, {losses}]"),
                    "write wins and losses that count as seen, above 0 and at most a million: [1, 1]",
                );
            }
        }
        if let Some(bootstrap) = &self.bootstrap
            && !(1..=RESAMPLES_MAX).contains(&bootstrap.resamples)
        {
            check.add(
                "kelly.bootstrap.resamples",
                format!("`resamples` is {}", bootstrap.resamples),
                "write a number from 1 to 10000, such as 200",
            );
        }
    }

    fn check_liquidation(&self, check: &mut Check) {
        let Some(liquidation) = &self.liquidation else {
            return;
        };
        if self.estimator != KellyEstimator::LogGrowth {
            check.add(
                "kelly.liquidation",
                "`liquidation` belongs to the estimator log_growth".to_owned(),
                "write estimator = \"log_growth\", or leave it out",
            );
        }
        let rate = liquidation.maintenance_margin_rate;
        check.open_unit("kelly.liquidation.maintenance_margin_rate", rate, "0.01");
        check.not_negative("kelly.liquidation.fee", liquidation.fee);
        check.not_negative("kelly.liquidation.stress_trades", liquidation.stress_trades);
        if !(liquidation.stress >= 1.0 && liquidation.stress.is_finite()) {
            check.add(
                "kelly.liquidation.stress",
                format!("`stress` is {}", liquidation.stress),
                "write a multiple of the worst move of the sample, at least 1, such as 1.5",
            );
        }
        let Some(posted) = liquidation.posted else {
            return;
        };
        check.open_unit("kelly.liquidation.posted", posted, "0.2");
        if liquidation.margin == KellyMargin::Cross {
            check.add(
                "kelly.liquidation.posted",
                "`posted` belongs to isolated margin".to_owned(),
                "write margin = \"isolated\", or leave it out: cross margin posts the account",
            );
        }
        if self.shrinkage == KellyShrinkage::Bootstrap {
            check.add(
                "kelly.shrinkage",
                "`bootstrap` needs a growth with one peak, which `posted` margin does not have"
                    .to_owned(),
                "leave `posted` out, or write shrinkage = \"t_statistic\"",
            );
        }
    }
}

pub(super) fn check_fraction(table: &str, fraction: f64, example: &str, check: &mut Check) {
    if !(fraction > 0.0 && fraction <= 1.0) {
        check.add(
            &format!("{table}.fraction"),
            format!("`fraction` is {fraction}"),
            &format!("write a share of full Kelly above 0 and at most 1, such as {example}"),
        );
    }
}
