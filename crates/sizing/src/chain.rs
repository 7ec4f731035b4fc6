//! From limits to a size: the order in which they act.
//!
//! The smallest of a rule's limits is its wish; the multipliers of its gates follow; then the limits
//! of the account, the book, the venue and the market's depth, in this order, each of which only
//! reduces. Whatever first leaves nothing is what bound: a gate that shuts on a wish above zero is
//! named even if a later limit is zero as well. What the rule plans ([`PlannedSize`]) follows from the market's past alone, what it
//! meets ([`AccountState`]) from the account that is replayed; [`decide`] brings them together.

use crate::formulas::{
    Limit, SizingError, composite, cushion_exposure, drawdown_floor, exposure_room, heat_room,
    settle,
};
use crate::rule::{DrawdownControl, FloorOf, SizingBase};

/// A rule's limits at one decision, as far as they follow from the market's past.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSize {
    /// Limits on leverage in the order in which ties are broken.
    pub limits: Vec<Limit<'static>>,
    /// Fixed notional in quote currency, a limit that needs the equity to become a leverage.
    pub notional: Option<f64>,
    /// Adverse move, a fraction of the price, that has to stay inside the liquidation price.
    pub liquidation_distance: Option<Result<f64, SizingError>>,
    /// Factors applied after the smallest limit is taken, in order.
    pub multipliers: Vec<Multiplier>,
    /// Limits that act after the multipliers and need the account.
    pub caps: AccountCaps,
    /// What the rule's shares are shares of.
    pub sizing_base: SizingBase,
    /// The position is closed at the open after so many bars, if nothing has closed it before.
    pub holding_bars_max: Option<usize>,
}

/// A factor from 0 to 1 by name, or why it is undefined, which counts as 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Multiplier {
    /// Name of the gate.
    pub name: &'static str,
    /// The factor.
    pub value: Result<f64, SizingError>,
}

/// Limits that act after the multipliers; an absent one does not apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountCaps {
    /// Exposure as a multiple of the cushion above a floor.
    pub drawdown_control: Option<DrawdownControl>,
    /// Heat that is allowed, and the share of its notional that the position loses at its stop,
    /// costs not counted; `NoStop` stands for [`AccountState::unstopped_distance`].
    pub heat: Option<(f64, Result<f64, SizingError>)>,
    /// Gross exposure that is allowed, a multiple of equity.
    pub exposure: Option<f64>,
    /// Gross exposure that is allowed at this venue, a multiple of equity.
    pub venue_share: Option<f64>,
    /// Notional that the market's depth allows, quote currency.
    pub liquidity: Option<Result<f64, SizingError>>,
}

impl AccountCaps {
    /// The share of its notional that a position adds to the heat; `None` where heat is not capped.
    pub fn heat_distance(&self, account: &AccountState<'_>) -> Option<Result<f64, SizingError>> {
        let (_, distance) = self.heat.as_ref()?;
        Some(match distance {
            Err(SizingError::NoStop) => account.unstopped_distance.clone(),
            known => known.clone(),
        })
    }

    /// The gross exposure of all positions together that each cap allows, as a multiple of equity.
    pub fn exposures_allowed(
        &self,
        account: &AccountState<'_>,
    ) -> [(&'static str, Option<Result<f64, SizingError>>); 3] {
        let cushion = self.drawdown_control.as_ref().map(|control| {
            let of = match control.floor_of {
                FloorOf::Initial => account.initial_equity,
                FloorOf::Peak => account.peak_equity,
            };
            let floor = drawdown_floor(control.floor, of)?;
            cushion_exposure(control.multiplier, floor, account.equity)
        });
        [
            ("drawdown_control", cushion),
            ("exposure", self.exposure.map(Ok)),
            ("venue_share", self.venue_share.map(Ok)),
        ]
    }
}

/// The account at one decision.
pub struct AccountState<'a> {
    /// Equity at the decision.
    pub equity: f64,
    /// Equity at the start.
    pub initial_equity: f64,
    /// Running maximum of equity at closes.
    pub peak_equity: f64,
    /// Share of equity lost if every other position is stopped out, pending entries included.
    pub heat: Result<f64, SizingError>,
    /// Gross notional of every other position and pending entry over equity.
    pub exposure: f64,
    /// For heat, where the trade has no stop: the share of its notional that the position loses by
    /// the time it is liquidated.
    pub unstopped_distance: Result<f64, SizingError>,
    /// Largest leverage at which an adverse move of this share of the price does not liquidate.
    pub leverage_inside_liquidation: &'a dyn Fn(f64) -> Result<f64, SizingError>,
    /// The venue's own limits: bracket and free margin.
    pub venue: Vec<Limit<'static>>,
}

/// How a size came about.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeDecision {
    /// Every limit as a multiple of the equity at the decision, in the order in which they act.
    pub limits: Vec<LimitValue>,
    /// Every multiplier, in the order in which they act.
    pub multipliers: Vec<MultiplierValue>,
    /// Name of the limit that decided, or of the first gate that shut (a factor of 0, or an
    /// undefined one) on what the limits before it allowed; empty where none did.
    pub binding_limit: &'static str,
    /// Product of the multipliers.
    pub multiplier: f64,
    /// Notional over equity, 0 where there is no trade.
    pub leverage: f64,
    /// Why the leverage is 0; empty where it is not.
    pub reason: &'static str,
}

/// One limit's value at a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitValue {
    /// Name of the limit.
    pub name: &'static str,
    /// Largest leverage it allows.
    pub leverage: f64,
    /// Why it is zero although defined as a limit; empty otherwise.
    pub reason: &'static str,
}

/// One multiplier's value at a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplierValue {
    /// Name of the gate.
    pub name: &'static str,
    /// The factor, from 0 to 1.
    pub factor: f64,
    /// Why it is 0 although the gate is not shut; empty otherwise.
    pub reason: &'static str,
}

impl PlannedSize {
    /// A plan of these limits and nothing else.
    pub fn of_limits(limits: Vec<Limit<'static>>) -> Self {
        Self {
            limits,
            notional: None,
            liquidation_distance: None,
            multipliers: Vec::new(),
            caps: AccountCaps::default(),
            sizing_base: SizingBase::Current,
            holding_bars_max: None,
        }
    }

    /// Whether an estimate still lacks observations.
    pub fn is_warming_up(&self) -> bool {
        let caps = &self.caps;
        self.limits
            .iter()
            .map(|limit| limit.value.as_ref().err())
            .chain(self.multipliers.iter().map(|multiplier| multiplier.value.as_ref().err()))
            .chain([
                self.liquidation_distance.as_ref().and_then(|found| found.as_ref().err()),
                caps.liquidity.as_ref().and_then(|found| found.as_ref().err()),
            ])
            .any(|error| matches!(error, Some(SizingError::TooFewObservations { .. })))
    }
}

/// The size that a plan comes to in an account, before rounding.
pub fn decide(plan: &PlannedSize, account: &AccountState<'_>) -> SizeDecision {
    let mut limits = wishes(plan, account);
    let n_wishes = limits.len();
    let (mut leverage, mut binding_limit, mut reason) = match composite(&limits) {
        // Only limits of the account and the venue: they are the size.
        _ if limits.is_empty() => (f64::INFINITY, "", None),
        chosen => {
            let name = chosen.binding.map_or("", |index| limits[index].name);
            (chosen.leverage, name, chosen.reason)
        }
    };
    let mut multiplier = 1.0;
    let mut multipliers = Vec::with_capacity(plan.multipliers.len());
    for planned in &plan.multipliers {
        let (factor, undefined) = settle(&planned.value);
        // An undefined factor names its own reason, a shut gate itself.
        if factor <= 0.0 && leverage > 0.0 && multiplier > 0.0 {
            (binding_limit, reason) = (planned.name, Some(undefined.unwrap_or(planned.name)));
        }
        multiplier *= factor.min(1.0);
        let reason = undefined.unwrap_or("");
        multipliers.push(MultiplierValue { name: planned.name, factor, reason });
    }
    leverage = if multiplier > 0.0 { leverage * multiplier } else { 0.0 };

    limits.extend(caps(plan, account));
    for limit in &limits[n_wishes..] {
        let (value, undefined) = settle(&limit.value);
        if value < leverage {
            (leverage, binding_limit, reason) = (value, limit.name, undefined);
        }
    }
    if leverage.is_infinite() {
        (leverage, binding_limit, reason) = (0.0, "", Some("no_limits"));
    }
    let reason = if leverage > 0.0 { "" } else { reason.unwrap_or(zero_reason(binding_limit)) };
    let value_of = |limit: &Limit<'static>| {
        let (leverage, reason) = settle(&limit.value);
        LimitValue { name: limit.name, leverage, reason: reason.unwrap_or("") }
    };
    SizeDecision {
        limits: limits.iter().map(value_of).collect(),
        multipliers,
        binding_limit,
        multiplier,
        leverage,
        reason,
    }
}

/// Why a defined limit of zero is zero.
fn zero_reason(binding_limit: &str) -> &'static str {
    match binding_limit {
        "kelly" | "risk_constrained_kelly" | "joint_kelly" | "optimal_f" => "no_edge",
        "venue_margin" => "no_free_margin",
        "venue_leverage" => "leverage_not_offered",
        _ => "zero_limit",
    }
}

/// The limits whose smallest is the rule's wish, as multiples of the current equity.
fn wishes(plan: &PlannedSize, account: &AccountState<'_>) -> Vec<Limit<'static>> {
    let base = match plan.sizing_base {
        SizingBase::Current => 1.0,
        SizingBase::Initial => account.initial_equity / account.equity,
    };
    let mut limits = plan.limits.clone();
    for limit in &mut limits {
        limit.value = limit.value.clone().map(|leverage| leverage * base);
    }
    if let Some(notional) = plan.notional {
        limits.push(Limit { name: "notional", value: Ok(notional / account.equity) });
    }
    if let Some(distance) = &plan.liquidation_distance {
        let value = distance.clone().and_then(|d| (account.leverage_inside_liquidation)(d));
        limits.push(Limit { name: "liquidation_distance", value });
    }
    limits
}

/// The limits that act after the multipliers, in order; one without a bound is left out.
fn caps(plan: &PlannedSize, account: &AccountState<'_>) -> Vec<Limit<'static>> {
    let caps = &plan.caps;
    let mut limits = Vec::with_capacity(account.venue.len() + 5);
    let [cushion, exposure, venue_share] = caps.exposures_allowed(account);
    if let (name, Some(most)) = cushion {
        // The cushion carries all positions together; without one there is no room.
        let room = most.map(|most| (most - account.exposure).max(0.0));
        limits.push(Limit { name, value: room });
    }
    if let Some((limit, _)) = caps.heat {
        let value = account.heat.clone().and_then(|heat| {
            let distance = caps.heat_distance(account).unwrap_or(Err(SizingError::NoStop))?;
            heat_room(limit, heat, distance)
        });
        limits.push(Limit { name: "heat", value });
    }
    for (name, most) in [exposure, venue_share] {
        if let Some(most) = most {
            let value = most.and_then(|most| exposure_room(most, account.exposure));
            limits.push(Limit { name, value });
        }
    }
    limits.extend(account.venue.iter().cloned());
    if let Some(notional) = &caps.liquidity {
        let value = notional.clone().map(|notional| notional / account.equity);
        limits.push(Limit { name: "liquidity", value });
    }
    limits
}
