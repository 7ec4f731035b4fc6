//! A sizing rule as a strategy file states it: one table, each key one limit on leverage.
//!
//! An absent key is a limit that does not apply. The rule's size is the smallest of those present,
//! so that a single limit and a composite are the same thing.

mod caps;
mod check;
mod gates;
mod growth;
mod kelly;
mod keys;
mod tails;
mod volatility;
mod window;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use caps::{
    Concentration, ConcentrationBasis, DEFAULT_LIQUIDITY_DAYS, ExposureCap, ExposureLevel, HeatCap,
    HeatLevel, LiquidityCap, Resize, SizingBase, VenueShare, VenueShareOf,
};
pub use gates::{
    DEFAULT_FUNDING_PERIODS, FundingBudget, FundingBudgetOf, FundingCutRule, FundingSide, GATES,
    Gate, LiquidatedSide, LiquidationCluster, LiquidationSource, LiquidationsRelativeTo,
    MarginAllocation, OracleHealth,
};
pub use growth::{JointKelly, OptimalFRule, RiskConstrainedKelly, RiskForm};
pub use kelly::{
    BayesianBound, DEFAULT_BAYESIAN_LEVEL, DEFAULT_LIQUIDATION_FEE, DEFAULT_RESAMPLES,
    DEFAULT_STRESS, Kelly, KellyBasis, KellyBootstrap, KellyEstimator, KellyLiquidation,
    KellyMargin, KellyShrinkage,
};
pub use tails::{
    AtrMove, LiquidationDistance, TailFigure, TailForecast, TailMeasure, TailMove, TailTarget,
};
pub use volatility::{
    Atr, DEFAULT_LAMBDA, DEFAULT_VOLATILITY_DAYS, DrawdownControl, FloorOf, GarchForecast,
    GarchInnovation, GarchRecursion, VolatilityEstimator, VolatilityTarget,
};
pub use window::{BarWindow, Before, TradeWindow};

use check::Check;

/// One sizing rule: the limits that apply together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizingRule {
    /// Fractional Kelly from an edge estimated on the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kelly: Option<Kelly>,
    /// Kelly with a bound on the chance of a drawdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_constrained_kelly: Option<RiskConstrainedKelly>,
    /// Kelly for the positions that are held at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint_kelly: Option<JointKelly>,
    /// Optimal f, for comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimal_f: Option<OptimalFRule>,
    /// A move of so many average true ranges costs a fixed share of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<Atr>,
    /// Largest share of equity lost at the stop (hard cap), costs included. 0.02 is 2 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub risk_cap: Option<f64>,
    /// Largest share of equity in one position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concentration: Option<Concentration>,
    /// Share of equity as margin that shrinks while volatility is high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_allocation: Option<MarginAllocation>,
    /// Notional that brings the volatility of the position to a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility_target: Option<VolatilityTarget>,
    /// Size whose forecast tail loss stays inside a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_target: Option<TailTarget>,
    /// Keeps an adverse move inside the liquidation price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation_distance: Option<LiquidationDistance>,
    /// Fixed notional as a multiple of equity. 1.0 is once the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub notional_fraction: Option<f64>,
    /// Fixed notional in quote currency, whatever the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub notional: Option<f64>,
    /// Fixed share of equity lost at the stop (fixed fractional), costs included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub risk_fraction: Option<f64>,
    /// Largest notional as a multiple of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub leverage_cap: Option<f64>,
    /// Smaller size while funding is extreme; applied after the smallest limit is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_cut: Option<FundingCutRule>,
    /// Smaller size, or none, after a cluster of liquidations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation_cluster: Option<LiquidationCluster>,
    /// No trade, or a smaller one, while prices are not to be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oracle_health: Option<OracleHealth>,
    /// Longest time that a position is held, by what funding costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_budget: Option<FundingBudget>,
    /// Exposure as a multiple of the cushion above a floor of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawdown_control: Option<DrawdownControl>,
    /// Largest share of equity that all stops together may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heat: Option<HeatCap>,
    /// Largest gross notional of all positions as a multiple of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureCap>,
    /// Largest share of the exposure at this venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_share: Option<VenueShare>,
    /// Largest order against the market's daily traded value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity: Option<LiquidityCap>,
    /// What the rule's shares are shares of.
    #[serde(default, skip_serializing_if = "SizingBase::is_current")]
    pub sizing_base: SizingBase,
    /// Decides the size again while a position is held; without it the quantity stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
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
        let without_limits = Self {
            funding_cut: self.funding_cut.clone(),
            liquidation_cluster: self.liquidation_cluster.clone(),
            oracle_health: self.oracle_health.clone(),
            funding_budget: self.funding_budget.clone(),
            sizing_base: self.sizing_base,
            resize: self.resize.clone(),
            ..Self::default()
        };
        if *self == without_limits {
            check.add(
                "",
                "the rule has no limit".to_owned(),
                &format!("give at least one of {}", Self::limits_alone().join(", ")),
            );
        }
        if let Some(kelly) = &self.kelly {
            kelly.check(&mut check);
        }
        if let Some(kelly) = &self.risk_constrained_kelly {
            kelly.check(&mut check);
        }
        if let Some(kelly) = &self.joint_kelly {
            kelly.check(&mut check);
        }
        if let Some(optimal) = &self.optimal_f {
            optimal.check(&mut check);
        }
        if let Some(atr) = &self.atr {
            atr.check(&mut check);
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
            concentration.check(&mut check);
        }
        if let Some(target) = &self.volatility_target {
            target.check(&mut check);
        }
        if let Some(target) = &self.tail_target {
            target.check(&mut check);
        }
        if let Some(distance) = &self.liquidation_distance {
            distance.check(&mut check);
        }
        if let Some(control) = &self.drawdown_control {
            control.check(&mut check);
        }
        if let Some(cut) = &self.funding_cut {
            cut.check(&mut check);
        }
        if let Some(heat) = self.heat {
            heat.check(&mut check);
        }
        if let Some(exposure) = self.exposure {
            exposure.check("exposure", &mut check);
        }
        if let Some(venue_share) = &self.venue_share {
            venue_share.check(self.exposure, &mut check);
        }
        if let Some(liquidity) = &self.liquidity {
            liquidity.check(&mut check);
        }
        if let Some(resize) = &self.resize {
            resize.check(&mut check);
        }
        if let Some(allocation) = &self.margin_allocation {
            allocation.check(&mut check);
        }
        if let Some(cluster) = &self.liquidation_cluster {
            cluster.check(&mut check);
        }
        if let Some(health) = &self.oracle_health {
            health.check(&mut check);
        }
        if let Some(budget) = &self.funding_budget {
            budget.check(&mut check);
        }
        check.problems
    }

    /// Whether any limit needs the strategy to have a stop.
    pub fn needs_stop(&self) -> bool {
        self.risk_cap.is_some()
            || self.risk_fraction.is_some()
            || self.liquidation_distance.as_ref().is_some_and(|distance| distance.stop)
            || self.kelly.as_ref().is_some_and(|kelly| {
                kelly.estimator == KellyEstimator::Trades && kelly.basis() == KellyBasis::Risk
            })
            || self
                .risk_constrained_kelly
                .as_ref()
                .is_some_and(|kelly| kelly.basis == KellyBasis::Risk)
    }
}
