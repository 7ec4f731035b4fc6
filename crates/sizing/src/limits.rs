//! A rule's limits at one moment, whatever the moment's numbers come from.
//!
//! A replay reads them from closed bars and trades, a calculator is handed them. Both go through
//! [`plan_at`], so that each limit's formula is applied in one place.

use plimsoll_market::Side;

use crate::chain::{AccountCaps, Multiplier, PlannedSize};
use crate::estimate::joint::joint_leverage;
use crate::estimate::kelly::{
    kelly_leverage, optimal_f_leverage, or_before, risk_constrained_leverage,
};
use crate::estimate::{Edge, JointReturns, Payoff, Sample};
use crate::formulas::{
    AtrSize, ConcentrationOf, FundingCut, Limit, SizingError, Stop, concentration_cap,
    leverage_from_risk, volatility_target,
};
use crate::rule::{
    ConcentrationBasis, JointKelly, Kelly, SizingRule, TradeWindow, VolatilityTarget,
};

/// What the limits read at one decision. An error is why a number is unknown there.
pub trait Moment {
    /// The price that the decision is taken at.
    fn price(&self) -> Result<f64, SizingError>;
    /// Direction of the position that would be opened.
    fn side(&self) -> Result<Side, SizingError> {
        Err(SizingError::NotGiven { name: "side" })
    }
    /// Entry, stop and the costs of the round trip.
    fn stop(&self) -> Result<Stop, SizingError>;
    /// The leverage that the exchange is told.
    fn account_leverage(&self) -> Result<f64, SizingError>;
    /// What is known of the strategy's edge, in the shape that the rule's estimator takes.
    fn edge(&self, kelly: &Kelly) -> Result<Edge, SizingError>;
    /// The closed trades of a window.
    fn trade_sample(&self, _window: &TradeWindow, payoff: Payoff) -> Result<Sample, SizingError> {
        Err(SizingError::NotGiven {
            name: match payoff {
                Payoff::RMultiple => "r_multiples",
                Payoff::UnitReturn => "trade_returns",
            },
        })
    }
    /// Days of the positions that are held at once.
    fn joint_returns(&self, _joint: &JointKelly) -> Result<JointReturns, SizingError> {
        Err(SizingError::NotGiven { name: "joint_returns" })
    }
    /// Average true range over so many bars, in quote currency.
    fn average_true_range(&self, bars: usize) -> Result<f64, SizingError>;
    /// Annual volatility of the symbol.
    fn annual_volatility(&self, target: &VolatilityTarget) -> Result<f64, SizingError>;
    /// The last published funding rates per 8 hours, oldest first.
    fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError>;
}

/// Evaluates a rule's limits at one moment.
pub fn plan_at(rule: &SizingRule, moment: &impl Moment) -> PlannedSize {
    let stop_distance = || moment.stop().and_then(|stop| stop.distance());
    let mut limits = Vec::with_capacity(8);
    let mut add = |name, value| limits.push(Limit { name, value });
    if let Some(kelly) = &rule.kelly {
        add("kelly", or_before(kelly_leverage(kelly, moment), kelly.before));
    }
    if let Some(kelly) = &rule.risk_constrained_kelly {
        let value = risk_constrained_leverage(kelly, moment);
        add("risk_constrained_kelly", or_before(value, kelly.before));
    }
    if let Some(joint) = &rule.joint_kelly {
        let value = moment.joint_returns(joint).and_then(|returns| joint_leverage(joint, &returns));
        add("joint_kelly", or_before(value, joint.before));
    }
    if let Some(optimal) = &rule.optimal_f {
        add("optimal_f", or_before(optimal_f_leverage(optimal, moment), optimal.before));
    }
    if let Some(atr) = &rule.atr {
        let size = || {
            AtrSize {
                risk_fraction: atr.risk_fraction,
                multiple: atr.multiple,
                average_true_range: moment.average_true_range(atr.bars)?,
                price: moment.price()?,
            }
            .leverage()
        };
        add("atr", size());
    }
    if let Some(risk) = rule.risk_cap {
        add("risk_cap", stop_distance().and_then(|s| leverage_from_risk(risk, s)));
    }
    if let Some(concentration) = &rule.concentration {
        let of = match concentration.of {
            ConcentrationBasis::Margin => {
                moment.account_leverage().map(|leverage| ConcentrationOf::Margin { leverage })
            }
            ConcentrationBasis::Notional => Ok(ConcentrationOf::Notional),
        };
        add("concentration", of.and_then(|of| concentration_cap(concentration.share, of)));
    }
    if let Some(target) = &rule.volatility_target {
        add(
            "volatility_target",
            moment
                .annual_volatility(target)
                .and_then(|sigma| volatility_target(target.annual, sigma, f64::INFINITY)),
        );
    }
    if let Some(leverage) = rule.notional_fraction {
        add("notional_fraction", Ok(leverage));
    }
    if let Some(risk) = rule.risk_fraction {
        add("risk_fraction", stop_distance().and_then(|s| leverage_from_risk(risk, s)));
    }
    if let Some(leverage) = rule.leverage_cap {
        add("leverage_cap", Ok(leverage));
    }
    PlannedSize {
        limits,
        notional: rule.notional,
        liquidation_distance: None,
        multipliers: multipliers(rule, moment),
        caps: AccountCaps::default(),
        sizing_base: rule.sizing_base,
        holding_bars_max: None,
    }
}

/// Factors applied after the minimum, in order.
fn multipliers(rule: &SizingRule, moment: &impl Moment) -> Vec<Multiplier> {
    let mut multipliers = Vec::new();
    if let Some(cut) = &rule.funding_cut {
        let value = moment.funding_rates_8h(cut.periods).and_then(|rates| {
            FundingCut { above_8h: cut.above_8h, multiply: cut.multiply }
                .multiplier_sustained(&rates, cut.periods)
        });
        multipliers.push(Multiplier { name: "funding_cut", value });
    }
    multipliers
}
