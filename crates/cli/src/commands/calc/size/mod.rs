//! `plimsoll calc size`: a sizing rule at one moment.
//!
//! The limits are those of a replay, read from numbers given by hand. Chosen here: the venue's
//! limits hold at the price given, without the room for slippage that a replay leaves between a
//! close and the next open, and the round trip costs nothing unless a flag or a strategy file says
//! what it costs.

mod account;
mod setting;

use plimsoll_market::Side;
use plimsoll_report::limits::{Stage, meaning};
use plimsoll_sizing::formulas::{Limit, Stop};
use plimsoll_sizing::{
    AccountState, Moment, PlannedSize, SizeDecision, SizingError, decide, plan_at,
};
use plimsoll_venue::{initial_margin, meets_min_notional, meets_min_quantity, round_quantity_down};
use serde_json::{Value, json};

use super::answer::{Answer, figure, in_range, percent, plain, times};
use super::tables;
use crate::args::SizeArguments;

use crate::error::CliError;
use crate::output::counted;
use setting::{Setting, Venue, check_missing, check_peak, check_stop};

pub(super) fn answer(arguments: &SizeArguments) -> Result<Answer, CliError> {
    let mut setting = setting::setting(arguments)?;
    let venue = setting::venue(arguments, &setting)?;
    check_missing(arguments, &setting, venue.is_some())?;
    check_stop(arguments, &setting.moment)?;
    let (Some(equity), Some(price)) = (setting.equity, setting.moment.price) else {
        return Err(CliError::usage("--equity or --price is missing", "give both"));
    };

    let mut answer = Answer::new(
        format!("size by {}", setting.name),
        "leverage = the smallest limit, times the gates' factors, then cut to the limits of the \
         account, the book and the venue; quantity = leverage equity / price, rounded down to the \
         lot; an undefined limit is 0",
    );
    for key in ["leverage", "notional", "quantity", "binding"] {
        answer.set(key, Value::Null);
    }
    check_peak(&setting, equity)?;
    answer.input("equity", plain(equity));
    answer.input("price", plain(price));
    let mut limits = Vec::new();
    let mut no_row = None;
    if let Some(venue) = &venue {
        let fee = costs(&mut answer, arguments, &mut setting, venue);
        match fee.and_then(|fee| venue_limits(&mut answer, arguments, &setting, venue, fee, equity))
        {
            Ok(found) => limits = found,
            Err(error) => no_row = Some(error.to_string()),
        }
    } else if arguments.round_trip_cost.is_none() {
        setting.moment.round_trip_cost_fraction = 2.0 * strategy_cost(&setting);
        if setting.half_spread.is_some() && setting.taker_fee.is_none() {
            answer.warn(
                "the round trip holds the half spread only: the venue's fee is known with --symbol \
                 and --at, or give --round-trip-cost",
            );
        }
    }
    describe(&mut answer, arguments, &setting);
    setting.account.describe(&mut answer);

    let plan = plan_at(&setting.rule, &setting.moment);
    let (account, moment) = (&setting.account, &setting.moment);
    let ladder = account::ladder(venue.as_ref());
    let state = AccountState {
        equity,
        initial_equity: account.initial_equity(equity),
        peak_equity: account.peak_equity(equity),
        heat: account.heat(),
        exposure: account.exposure(),
        unstopped_distance: Err(SizingError::NotGiven { name: "stop_price" }),
        leverage_inside_liquidation: &|distance| {
            account.leverage_inside_liquidation(ladder, moment, equity, distance)
        },
        venue: limits,
    };
    let sized = decide(&plan, &state);
    for limit in &sized.limits {
        in_range(limit.name, limit.leverage)?;
    }
    show_limits(&mut answer, &plan, &sized);
    if let Some(reason) = no_row {
        answer.result("quantity", format!("none: {reason}"));
        answer.set("reason", reason);
        return Ok(answer);
    }
    let leverage = sized.leverage;
    in_range("notional", leverage * equity)?;
    let quantity_raw = in_range("quantity", leverage * equity / price)?;
    let (quantity, too_small) = rounded(&mut answer, venue.as_ref(), quantity_raw, price);
    let reason = match sized.reason {
        "" => too_small,
        reason => Some(reason),
    };
    answer.set("quantity_raw", quantity_raw);
    answer.set("leverage_before_rounding", leverage);
    let quantity = if reason.is_some() { 0.0 } else { quantity };
    let notional = quantity * price;
    answer.set("quantity", quantity);
    answer.set("notional", notional);
    answer.set("leverage", notional / equity);
    if let Some(reason) = reason {
        answer.set("reason", reason);
        answer.result("quantity", format!("0: no trade ({reason})"));
    } else {
        let raw = figure(quantity_raw);
        answer.result("quantity", format!("{} (before rounding {raw})", plain(quantity)));
        let leverage = times(notional / equity);
        answer.result("notional", format!("{}, {leverage} the equity", figure(notional)));
    }
    consequences(&mut answer, &setting, notional, equity)?;
    Ok(answer)
}

/// What the size means: loss at the stop, margin.
fn consequences(
    answer: &mut Answer,
    setting: &Setting,
    notional: f64,
    equity: f64,
) -> Result<(), CliError> {
    let distance = setting.moment.stop().and_then(|stop: Stop| stop.distance());
    if let (Some(_), Ok(distance)) = (setting.moment.stop_price, distance) {
        let loss = in_range("loss at the stop", notional * distance)?;
        in_range("loss at the stop over equity", loss / equity)?;
        answer.set("stop_distance", distance);
        answer.set("loss_at_stop", loss);
        answer.result(
            "loss at the stop",
            format!("{}, {} of equity, costs included", figure(loss), percent(loss / equity)),
        );
    }
    if let Some(leverage) = setting.moment.account_leverage {
        let margin = in_range("initial margin", initial_margin(notional, leverage))?;
        in_range("initial margin over equity", margin / equity)?;
        answer.set("initial_margin", margin);
        answer.result(
            "initial margin",
            format!("{}, {} of equity", figure(margin), percent(margin / equity)),
        );
    }
    Ok(())
}

/// Fee and half spread of one fill by the strategy file.
fn strategy_cost(setting: &Setting) -> f64 {
    setting.taker_fee.unwrap_or(0.0) + setting.half_spread.unwrap_or(0.0)
}

/// The taker fee, and with it the round trip of a strategy file.
fn costs(
    answer: &mut Answer,
    arguments: &SizeArguments,
    setting: &mut Setting,
    venue: &Venue,
) -> Result<f64, plimsoll_venue::VenueError> {
    let fee = if let Some(fee) = setting.taker_fee {
        fee
    } else {
        let fees = venue.rules.fees(venue.at)?;
        let origin = tables::provenance(fees.from, fees.status, &fees.source);
        answer.table("taker fee", format!("{}, {origin}", percent(fees.taker_fee_fraction)));
        fees.taker_fee_fraction
    };
    if let (None, Some(half_spread)) = (arguments.round_trip_cost, setting.half_spread) {
        setting.moment.round_trip_cost_fraction = 2.0 * (fee + half_spread);
    }
    Ok(fee)
}

/// The venue's own limits: its brackets at the leverage told to it, and the free margin.
fn venue_limits(
    answer: &mut Answer,
    arguments: &SizeArguments,
    setting: &Setting,
    venue: &Venue,
    fee: f64,
    equity: f64,
) -> Result<Vec<Limit<'static>>, plimsoll_venue::VenueError> {
    let (Some(leverage), Some(price)) = (setting.moment.account_leverage, setting.moment.price)
    else {
        return Ok(Vec::new());
    };
    let dated = venue.rules.dated_ladder(&venue.symbol, venue.at)?;
    venue.rules.instrument_at(&venue.symbol, venue.at)?;
    tables::show_brackets(answer, "brackets", &venue.rules, &venue.symbol, venue.at)?;
    let mut limits = Vec::new();
    let cap = dated.ladder.notional_cap_for_leverage(leverage, price);
    if cap.is_finite() {
        limits.push(Limit { name: "venue_leverage", value: Ok(cap / equity) });
    }
    let free = arguments.free_margin.unwrap_or(equity);
    let margin_per_notional = initial_margin(1.0, leverage) + fee;
    limits.push(Limit { name: "venue_margin", value: Ok(free / equity / margin_per_notional) });
    Ok(limits)
}

/// The quantity in whole lots and why it is too small to trade, if it is.
fn rounded(
    answer: &mut Answer,
    venue: Option<&Venue>,
    quantity: f64,
    price: f64,
) -> (f64, Option<&'static str>) {
    let instrument =
        venue.and_then(|venue| venue.rules.instrument_at(&venue.symbol, venue.at).ok());
    let Some(instrument) = instrument else {
        answer.note("the quantity is not rounded: --venue, --symbol and --at give the lot");
        return (quantity, None);
    };
    let mark = |column: &str| {
        let is_unverified = instrument.unverified.iter().any(|c| c == column);
        if is_unverified { " (unverified)" } else { "" }
    };
    answer.table(
        "lot",
        format!(
            "{}{}, at least {}{} and a notional of {}{}, {}",
            plain(instrument.quantity_step),
            mark("quantity_step"),
            plain(instrument.minimum_quantity),
            mark("minimum_quantity"),
            plain(instrument.minimum_notional),
            mark("minimum_notional"),
            tables::provenance(instrument.from, instrument.status, &instrument.source)
        ),
    );
    let rounded = round_quantity_down(quantity, instrument.quantity_step);
    let is_enough = rounded > 0.0
        && meets_min_quantity(rounded, instrument.minimum_quantity)
        && meets_min_notional(rounded, price, instrument.minimum_notional);
    (rounded, (!is_enough).then_some("below_min_notional"))
}

/// The numbers of the moment, those that are given.
fn describe(answer: &mut Answer, arguments: &SizeArguments, setting: &Setting) {
    let moment = &setting.moment;
    if let Some(side) = arguments.side {
        answer.input("side", Side::from(side).name());
    }
    if let Some(stop) = moment.stop_price {
        answer.input("stop", figure(stop));
        let cost = moment.round_trip_cost_fraction;
        let is_assumed = arguments.round_trip_cost.is_none() && setting.half_spread.is_none();
        let origin = if is_assumed { " (assumed)" } else { "" };
        answer.input("round trip", format!("{}{origin}", percent(cost)));
    }
    if let Some(leverage) = moment.account_leverage {
        let origin = if arguments.leverage.is_none() { ", of the strategy file" } else { "" };
        answer.input("leverage", format!("{}{origin}", times(leverage)));
    }
    let numbers = [
        ("win rate", moment.win_rate),
        ("payoff", moment.win),
        ("loss", moment.loss),
        ("mean return", moment.mean),
        ("variance", moment.variance),
        ("average true range", moment.average_true_range),
        ("annual volatility", moment.volatility),
        ("tail loss of a day", moment.tail_loss),
        ("value traded in a day", moment.daily_traded_value),
        ("liquidation ratio", moment.liquidation_ratio),
        ("mark price", moment.mark_price),
        ("index price", moment.index_price),
        ("reference price", moment.reference_price),
        ("reference volatility", moment.reference_volatility),
    ];
    for (label, value) in numbers {
        if let Some(value) = value {
            answer.input(label, plain(value));
        }
    }
    if let Some(rates) = &moment.funding_rates_8h {
        let rates: Vec<String> = rates.iter().map(|&rate| percent(rate)).collect();
        answer.input("funding per 8 hours", rates.join(", "));
    }
    for &rate in &arguments.funding_8h {
        tables::warn_of_rate(answer, rate);
    }
}

/// Limits and gates in the order in which they act.
fn show_limits(answer: &mut Answer, plan: &PlannedSize, sized: &SizeDecision) {
    let mut rows: Vec<Value> = Vec::with_capacity(sized.limits.len());
    let mut has_gates = false;
    for limit in &sized.limits {
        let acts_after = meaning(limit.name).is_some_and(|meaning| meaning.stage == Stage::Account);
        if acts_after && !has_gates {
            show_gates(answer, plan, sized);
            has_gates = true;
        }
        let planned = plan.limits.iter().find(|planned| planned.name == limit.name);
        let value = match limit.name {
            "liquidity" => plan.caps.liquidity.as_ref(),
            "liquidation_distance" => plan.liquidation_distance.as_ref(),
            _ => planned.map(|planned| &planned.value),
        };
        let why = match value {
            Some(Err(error)) => format!(", undefined: {error}"),
            _ if limit.reason.is_empty() => String::new(),
            _ => format!(", {}", limit.reason),
        };
        let mark = if limit.name == sized.binding_limit { "  <- binds" } else { "" };
        answer.result(limit.name, format!("{}{why}{mark}", times(limit.leverage)));
        let reason = Some(limit.reason).filter(|reason| !reason.is_empty());
        rows.push(json!({ "name": limit.name, "leverage": limit.leverage, "reason": reason }));
    }
    if !has_gates {
        show_gates(answer, plan, sized);
    }
    if let Some(bars) = plan.holding_bars_max {
        answer.set("holding_bars_max", bars);
        answer.result("held at most", counted(bars, "bar"));
    }
    let binding = Some(sized.binding_limit).filter(|name| !name.is_empty());
    answer.set("binding", binding);
    answer.set("limits", rows);
}

/// The gates by name with their factors.
fn show_gates(answer: &mut Answer, plan: &PlannedSize, sized: &SizeDecision) {
    let mut rows: Vec<Value> = Vec::with_capacity(sized.multipliers.len());
    for (gate, planned) in sized.multipliers.iter().zip(&plan.multipliers) {
        let why = match &planned.value {
            Err(error) => format!(", undefined: {error}"),
            Ok(_) if gate.reason.is_empty() => String::new(),
            Ok(_) => format!(", {}", gate.reason),
        };
        let mark = if gate.name == sized.binding_limit { "  <- refuses" } else { "" };
        answer.result(gate.name, format!("times {}{why}{mark}", figure(gate.factor)));
        let reason = Some(gate.reason).filter(|reason| !reason.is_empty());
        rows.push(json!({ "name": gate.name, "factor": gate.factor, "reason": reason }));
    }
    answer.set("multiplier", sized.multiplier);
    if !rows.is_empty() {
        answer.set("multipliers", rows);
    }
}
