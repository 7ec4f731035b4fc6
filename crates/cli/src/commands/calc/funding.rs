//! `plimsoll calc funding`.

use plimsoll_market::Side;
use plimsoll_venue::{funding_payment, lots_down, rate_8h, rate_annual};

use super::answer::{Answer, figure, percent, plain};
use crate::args::FundingArguments;
use crate::error::CliError;

const DAY_MINUTES: f64 = 1440.0;

pub(super) fn answer(arguments: &FundingArguments) -> Result<Answer, CliError> {
    let (Some(notional), Some(rate)) = (arguments.notional, arguments.rate) else {
        return Err(CliError::usage(
            "--notional or --rate is missing",
            "give both, as in --notional 100000 --rate 0.0003",
        ));
    };
    let minutes = f64::from(arguments.interval_minutes);
    // Without a side, the one that pays.
    let side = arguments.side.map_or(if rate < 0.0 { Side::Short } else { Side::Long }, Side::from);
    let cost = -funding_payment(side, notional, 1.0, rate);
    let cost_per_day = cost * (DAY_MINUTES / minutes);
    let annual = rate_annual(rate, minutes);

    let mut answer = Answer::new(
        "cost of funding",
        "cost per settlement = s N r (s +1 long, -1 short), a day has 1440 / minutes of them; \
         holding time = budget / cost per day",
    );
    answer.input("notional N", plain(notional));
    answer.input("rate r", format!("{} every {} minutes", percent(rate), plain(minutes)));
    let chosen = if arguments.side.is_none() { ", the side that pays" } else { "" };
    answer.input("side s", format!("{side}{chosen}"));
    answer.set("cost_per_settlement", cost);
    answer.set("cost_per_day", cost_per_day);
    answer.set("apr", annual);
    answer.set("rate_8h", rate_8h(rate, minutes));
    answer.set("side", side.name());
    answer.set("notional", notional);
    answer.set("rate", rate);
    answer.set("interval_minutes", arguments.interval_minutes);
    let earns = if cost < 0.0 { " (negative: received)" } else { "" };
    answer.result("per settlement", format!("{}{earns}", figure(cost)));
    answer.result("per day", format!("{}{earns}", figure(cost_per_day)));
    answer.result("rate per 8 hours", percent(rate_8h(rate, minutes)));
    answer.result("rate per year", format!("{}, 365 days, not compounded", percent(annual)));
    if let Some(margin) = arguments.margin {
        answer.input("margin", plain(margin));
        answer.set("cost_per_day_of_margin", cost_per_day / margin);
        answer.result("per day, of margin", percent(cost_per_day / margin));
    }
    let budget = match (arguments.budget, arguments.budget_share, arguments.margin) {
        (Some(budget), ..) => budget,
        (None, Some(share), Some(margin)) => share * margin,
        _ => return Ok(answer),
    };
    let origin = arguments
        .budget_share
        .map_or_else(String::new, |share| format!(", {} of the margin", percent(share)));
    answer.input("budget", format!("{}{origin}", figure(budget)));
    answer.set("budget", budget);
    let held = holding_time(budget, cost, minutes);
    answer.set("max_hold_days", held.map(|held| held.days));
    answer.set("max_hold_settlements", held.map(|held| held.settlements));
    if let Some(held) = held {
        answer.result(
            "budget lasts",
            format!(
                "{} days; {} whole settlements are covered",
                figure(held.days),
                figure(held.settlements)
            ),
        );
    } else {
        let reason = if cost < 0.0 {
            "the rate is in the position's favour: funding sets no end to holding it"
        } else {
            "the rate is zero: funding sets no end to holding the position"
        };
        answer.set("reason", reason);
        answer.result("budget lasts", format!("without end: {reason}"));
    }
    Ok(answer)
}

/// How long a budget pays for funding.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HoldingTime {
    /// Days until it is used up at a constant rate.
    days: f64,
    /// Settlements that it covers wholly.
    settlements: f64,
}

/// The holding time that a budget pays for, `budget / cost`; `None` where funding costs nothing.
fn holding_time(
    budget: f64,
    cost_per_settlement: f64,
    interval_minutes: f64,
) -> Option<HoldingTime> {
    let is_paid = cost_per_settlement > 0.0;
    is_paid.then(|| HoldingTime {
        days: budget / cost_per_settlement * interval_minutes / DAY_MINUTES,
        settlements: lots_down(budget, cost_per_settlement),
    })
}
