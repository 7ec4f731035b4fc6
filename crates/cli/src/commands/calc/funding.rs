//! `plimsoll calc funding`.

use plimsoll_market::Side;
use plimsoll_venue::{FundedPosition, HoldingLimit, VenueError};
use serde_json::Value;

use super::answer::{Answer, figure, in_range, percent, plain};
use super::tables;
use crate::args::FundingArguments;
use crate::error::CliError;

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
    let position = FundedPosition {
        side,
        notional,
        margin: arguments.margin,
        rate,
        interval_minutes: arguments.interval_minutes,
    };
    let refused = |error: VenueError| {
        CliError::usage(error.to_string(), "notional, margin and interval are above 0")
    };
    let cost = position.cost().map_err(refused)?;
    in_range("cost per settlement", cost.per_settlement)?;
    in_range("cost per day", cost.per_day)?;
    in_range("rate per year", cost.rate_annual)?;
    if let Some(share) = cost.margin_fraction_per_day {
        in_range("cost per day of the margin", share)?;
    }

    let mut answer = Answer::new(
        "cost of funding",
        "cost per settlement = s N r (s +1 long, -1 short), a day has 1440 / minutes of them; \
         holding time = budget / cost per day",
    );
    tables::warn_of_rate(&mut answer, rate);
    answer.input("notional N", plain(notional));
    answer.input("rate r", format!("{} every {} minutes", percent(rate), plain(minutes)));
    let chosen = if arguments.side.is_none() { ", the side that pays" } else { "" };
    answer.input("side s", format!("{side}{chosen}"));
    answer.set("cost_per_settlement", cost.per_settlement);
    answer.set("cost_per_day", cost.per_day);
    answer.set("apr", cost.rate_annual);
    answer.set("rate_8h", cost.rate_8h);
    answer.set("side", side.name());
    answer.set("notional", notional);
    answer.set("rate", rate);
    answer.set("interval_minutes", arguments.interval_minutes);
    let earns = if cost.per_day < 0.0 { " (negative: received)" } else { "" };
    answer.result("per settlement", format!("{}{earns}", figure(cost.per_settlement)));
    answer.result("per day", format!("{}{earns}", figure(cost.per_day)));
    answer.result("rate per 8 hours", percent(cost.rate_8h));
    answer.result(
        "rate per year",
        format!("{}, 365 days, not compounded", percent(cost.rate_annual)),
    );
    if let (Some(margin), Some(share)) = (arguments.margin, cost.margin_fraction_per_day) {
        answer.input("margin", plain(margin));
        answer.set("cost_per_day_of_margin", share);
        answer.result("per day, of margin", percent(share));
    }
    let budget = match (arguments.budget, arguments.budget_share, arguments.margin) {
        (Some(budget), ..) => budget,
        (None, Some(share), Some(margin)) => share * margin,
        _ => return Ok(answer),
    };
    in_range("budget", budget)?;
    if arguments.budget_share.is_some_and(|share| share > 1.0) {
        answer.warn("the budget is more than the margin: 1 is the whole of it, 0.1 a tenth");
    }
    let origin = arguments
        .budget_share
        .map_or_else(String::new, |share| format!(", {} of the margin", percent(share)));
    answer.input("budget", format!("{}{origin}", figure(budget)));
    answer.set("budget", budget);
    match position.holding_limit(budget).map_err(refused)? {
        HoldingLimit::Days { days, settlements } => {
            in_range("holding time", days)?;
            in_range("number of settlements", settlements)?;
            answer.set("max_hold_days", days);
            answer.set("max_hold_settlements", settlements);
            answer.result(
                "budget lasts",
                format!(
                    "{} days; {} whole settlements are covered",
                    figure(days),
                    figure(settlements)
                ),
            );
        }
        HoldingLimit::Unlimited(reason) => {
            let reason = format!("{reason}: it sets no end to holding the position");
            answer.set("max_hold_days", Value::Null);
            answer.set("max_hold_settlements", Value::Null);
            answer.result("budget lasts", format!("without end: {reason}"));
            answer.set("reason", reason);
        }
    }
    Ok(answer)
}
