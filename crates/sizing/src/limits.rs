//! A rule's limits at one moment, whatever the moment's numbers come from.
//!
//! A replay reads them from closed bars and trades, a calculator is handed them. Both go through
//! [`plan_at`], so that each limit's formula is applied in one place.

use plimsoll_market::Side;

use crate::chain::{AccountCaps, PlannedSize};
use crate::estimate::joint::joint_leverage;
use crate::estimate::kelly::{
    kelly_leverage, optimal_f_leverage, or_before, risk_constrained_leverage,
};
use crate::estimate::{Edge, JointReturns, Payoff, Sample};
use crate::formulas::{
    AtrSize, ConcentrationOf, Limit, Liquidated, OracleReading, SizingError, Stop, adverse_move,
    atr_move, concentration_cap, leverage_from_risk, tail_target, volatility_target,
};
use crate::gates::{Gates, allocated_leverage};
use crate::rule::{
    ConcentrationBasis, ExposureCap, JointKelly, Kelly, LiquidationCluster, LiquidationDistance,
    MarginAllocation, OracleHealth, SizingRule, TailFigure, TradeWindow, VenueShare,
    VolatilityTarget,
};

/// What the limits read at one decision. An error is why a number is unknown there.
pub trait Moment {
    /// The price that the decision is taken at.
    fn price(&self) -> Result<f64, SizingError>;
    /// Direction of the position that would be opened.
    fn side(&self) -> Result<Side, SizingError> {
        Err(SizingError::NotGiven { name: "side" })
    }
    /// Entry at this moment, stop and the costs of the round trip.
    fn stop(&self) -> Result<Stop, SizingError>;
    /// Price that a position held now was entered at; `None`: it would be opened now.
    fn held_from(&self) -> Option<f64> {
        None
    }
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
    /// Forecast loss of one unit of notional on the side of the trade over a day, positive.
    fn tail_loss(&self, _figure: TailFigure<'_>) -> Result<f64, SizingError> {
        Err(SizingError::NotGiven { name: "tail_loss" })
    }
    /// The last published funding rates per 8 hours, oldest first.
    fn funding_rates_8h(&self, periods: usize) -> Result<Vec<f64>, SizingError>;
    /// Mean value traded in a day over so many days, in quote currency.
    fn daily_traded_value(&self, _days: usize) -> Result<f64, SizingError> {
        Err(SizingError::NotGiven { name: "daily_traded_value" })
    }

    /// Bars in a day.
    fn bars_per_day(&self) -> Result<f64, SizingError> {
        Err(SizingError::NotGiven { name: "bars_per_day" })
    }
    /// What has been liquidated, and what the rule holds it against.
    fn liquidated(&self, _cluster: &LiquidationCluster) -> Result<Liquidated, SizingError> {
        Err(SizingError::NotGiven { name: "liquidation_ratio" })
    }
    /// The prices whose health the rule checks.
    fn oracle_reading(&self, _health: &OracleHealth) -> Result<OracleReading, SizingError> {
        Err(SizingError::NotGiven { name: "mark_price" })
    }
    /// Current volatility of the symbol and its reference, per the same period.
    fn volatility_and_reference(
        &self,
        _allocation: &MarginAllocation,
    ) -> Result<(f64, f64), SizingError> {
        Err(SizingError::NotGiven { name: "reference_volatility" })
    }
}

/// Evaluates a rule's limits at one moment.
pub fn plan_at(rule: &SizingRule, moment: &impl Moment) -> PlannedSize {
    let stop_distance = || stop_distance(moment, moment.stop()?);
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
    if let Some(allocation) = &rule.margin_allocation {
        add("margin_allocation", allocated_leverage(allocation, moment));
    }
    if let Some(target) = &rule.volatility_target {
        add(
            "volatility_target",
            moment
                .annual_volatility(target)
                .and_then(|sigma| volatility_target(target.annual, sigma, f64::INFINITY)),
        );
    }
    if let Some(target) = &rule.tail_target {
        let loss = moment.tail_loss(target.figure());
        add("tail_target", loss.and_then(|loss| tail_target(target.budget, loss)));
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
    let gates = Gates::at(rule, moment);
    PlannedSize {
        limits,
        notional: rule.notional,
        liquidation_distance: (rule.liquidation_distance.as_ref())
            .map(|asked| distance_to_keep(asked, moment)),
        multipliers: gates.multipliers,
        caps: account_caps(rule, moment),
        sizing_base: rule.sizing_base,
        holding_bars_max: gates.holding_bars_max,
    }
}

/// What one unit of notional loses at the stop: of a position that is held, on the way from its
/// entry, whatever the price now. From that price a position would be the larger the nearer it is
/// to its stop.
pub(crate) fn stop_distance(moment: &impl Moment, stop: Stop) -> Result<f64, SizingError> {
    let Some(entry_price) = moment.held_from() else {
        return stop.distance();
    };
    Stop { entry_price, ..stop }.distance_at(stop.entry_price)
}

/// What of the rule acts after the multipliers, as far as the account is not needed.
fn account_caps(rule: &SizingRule, moment: &impl Moment) -> AccountCaps {
    // Heat is what the stops cost, without the costs of getting in and out.
    let to_the_stop =
        || stop_distance(moment, Stop { round_trip_cost_fraction: 0.0, ..moment.stop()? });
    let exposure = rule.exposure.map(ExposureCap::multiple);
    let over_all_venues =
        |share: VenueShare| share.exposure.map(ExposureCap::multiple).or(exposure).unwrap_or(0.0);
    AccountCaps {
        drawdown_control: rule.drawdown_control.clone(),
        heat: rule.heat.map(|cap| (cap.share(), to_the_stop())),
        exposure,
        venue_share: rule.venue_share.map(|cap| cap.share.share() * over_all_venues(cap)),
        liquidity: rule.liquidity.as_ref().map(|cap| {
            let value = moment.daily_traded_value(cap.days)?;
            Ok(cap.share_of_daily_value * value)
        }),
    }
}

/// The adverse move that has to stay inside the liquidation price.
fn distance_to_keep(asked: &LiquidationDistance, moment: &impl Moment) -> Result<f64, SizingError> {
    let mut moves = Vec::with_capacity(3);
    if let Some(atr) = &asked.atr {
        let range = moment.average_true_range(atr.bars)?;
        moves.push(atr_move(atr.multiple, range, moment.price()?)?);
    }
    if let Some(tail) = &asked.tail {
        moves.push(moment.tail_loss(tail.figure())?);
    }
    let stop = moment.stop()?;
    if asked.stop {
        moves.push(Stop { round_trip_cost_fraction: 0.0, ..stop }.distance()?);
    }
    adverse_move(&moves, stop.round_trip_cost_fraction)
}
