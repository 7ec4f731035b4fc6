//! Liquidation prices, maintenance deductions and the cost of funding.

use plimsoll_market::Side;
use plimsoll_venue::{
    FundedPosition, Ladder, LiquidationInputs, linearised_liquidation_price, liquidatable_at_entry,
    liquidation_price_at_rate, maintenance_deductions,
};
use serde_json::{Value, json};

use crate::question::{Answer, Failure, Question, numbers_of};

pub(crate) fn compute(question: &Question<'_>) -> Answer {
    match question.metric {
        "liquidation_price" => liquidation_price(question),
        "liquidation_price_binance" => liquidation_price_binance(question),
        "maintenance_amount" => {
            let list = |name: &str| {
                let missing = || Failure::Input(format!("`params` has no `{name}`"));
                numbers_of(name, question.params.get(name).ok_or_else(missing)?)
            };
            Ok(json!({"cum": maintenance_deductions(&list("floors")?, &list("mmr")?)?}))
        }
        "funding_cost" => funding_cost(question),
        _ => Err(Failure::UnknownMetric),
    }
}

fn liquidation_price(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    let (entry, rate) = (number("entry")?, number("mmr")?);
    let inputs =
        LiquidationInputs::isolated(side(question)?, number("qty")?, entry, number("margin")?);
    let exact = liquidation_price_at_rate(&inputs, rate, question.number_or("cum", 0.0)?)?;
    let linear = linearised_liquidation_price(&inputs, rate)?;
    // A ladder of one bracket has no deduction; with a rate of 0 there is nothing to maintain.
    let at_entry = if rate > 0.0 {
        liquidatable_at_entry(&inputs, &Ladder::flat(rate, 1.0)?)
    } else {
        inputs.wallet_balance < 0.0
    };
    Ok(json!({
        "exact": exact,
        "seed_formula": linear,
        "exact_move": exact / entry - 1.0,
        "seed_move": linear / entry - 1.0,
        "liquidatable_at_entry": at_entry,
    }))
}

fn liquidation_price_binance(question: &Question<'_>) -> Answer {
    let number = |name| question.number(name);
    let inputs = LiquidationInputs {
        side: side(question)?,
        quantity: number("qty")?,
        entry_price: number("entry")?,
        wallet_balance: number("wallet")?,
        other_maintenance_margin: question.number_or("tmm_other", 0.0)?,
        other_unrealised_pnl: question.number_or("upnl_other", 0.0)?,
    };
    let cum = question.number_or("cum", 0.0)?;
    let exact = liquidation_price_at_rate(&inputs, number("mmr")?, cum)?;
    Ok(json!({"exact": exact, "printed": (exact * 100.0).round() / 100.0}))
}

/// A long position at a constant rate of eight hours.
fn funding_cost(question: &Question<'_>) -> Answer {
    let margin = question.number("margin")?;
    let position = FundedPosition {
        side: Side::Long,
        notional: margin * question.number("leverage")?,
        margin: Some(margin),
        rate: question.number("rate_8h")?,
        interval_minutes: 480,
    };
    let cost = position.cost()?;
    let budget = question.number_or("budget_share", 0.1)? * margin;
    // A rate in the position's favour is never used up.
    let days = position.holding_limit(budget)?.days();
    Ok(json!({
        "notional": position.notional,
        "per_day": cost.per_day,
        "share_of_margin_per_day": cost.margin_fraction_per_day,
        "max_hold_days": days,
        "max_hold_days_10pct_budget": days,
    }))
}

/// `1` or `"long"`, `-1` or `"short"`.
fn side(question: &Question<'_>) -> Result<Side, Failure> {
    if let Some(text) = question.params.get("side").and_then(Value::as_str) {
        return match text {
            "long" => Ok(Side::Long),
            "short" => Ok(Side::Short),
            other => Err(Failure::Input(format!("`side` is {other:?}, not long or short"))),
        };
    }
    let sign = question.number("side")?;
    if (sign.abs() - 1.0).abs() > 0.0 {
        return Err(Failure::Input(format!("`side` is {sign}, not 1 or -1")));
    }
    Ok(if sign > 0.0 { Side::Long } else { Side::Short })
}
