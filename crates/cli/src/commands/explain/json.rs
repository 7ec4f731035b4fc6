//! The same as one JSON document.

use plimsoll_report::limits::meaning;
use serde_json::{Map, Value, json};

use super::Part;
use super::chain::Chain;
use super::folder::{Decision, Head, Named, Position, Report};

/// A trade under each of the rules.
pub(super) fn document(report: &Report, trade: i64, head: &Head, parts: &[Part<'_>]) -> Value {
    let rules: Vec<Value> = parts.iter().map(rule).collect();
    json!({
        "study": report.name,
        "data_label": report.data_label,
        "currency": report.currency,
        "trade": trade,
        "symbol": head.symbol,
        "side": head.side,
        "time": head.time,
        "price": head.price,
        "stop_price": head.stop_price,
        "rules": rules,
    })
}

/// The trades with their numbers.
pub(super) fn list(report: &Report, trades: &[(i64, &Head)]) -> Value {
    let trades: Vec<Value> = trades
        .iter()
        .map(|(number, head)| {
            json!({
                "trade": number,
                "symbol": head.symbol,
                "side": head.side,
                "time": head.time,
                "price": head.price,
                "stop_price": head.stop_price,
                "rules_decided": head.decided,
                "rules_filled": head.filled,
            })
        })
        .collect();
    json!({ "study": report.name, "data_label": report.data_label, "trades": trades })
}

fn rule(part: &Part<'_>) -> Value {
    let resizes: Vec<Value> = part.resizes.iter().map(|resize| decision(resize)).collect();
    json!({
        "rule": part.rule.name,
        "sizing": part.rule.sizing,
        "ruined_at": part.rule.ruined_at,
        "entry": part.entry.map(decision),
        "resizes": resizes,
        "position": part.position.map(position),
    })
}

fn decision(decision: &Decision) -> Value {
    let chain = Chain::of(decision);
    let steps: Vec<Value> = chain
        .steps
        .iter()
        .map(|step| {
            let mut row = named(step.named, if step.is_multiplier { "factor" } else { "leverage" });
            row.insert(
                "kind".to_owned(),
                if step.is_multiplier { "multiplier" } else { "limit" }.into(),
            );
            row.insert("before".to_owned(), finite(step.before));
            row.insert("after".to_owned(), finite(step.after));
            Value::Object(row)
        })
        .collect();
    let limits: Vec<Value> =
        chain.wishes.iter().map(|limit| Value::Object(named(limit, "leverage"))).collect();
    json!({
        "time": decision.time,
        "equity": decision.equity,
        "initial_equity": decision.initial_equity,
        "sizing_base": decision.sizing_base,
        "price": decision.price,
        "limits": limits,
        "smallest": chain.smallest.map(|limit| &limit.name),
        "next": chain.next.map(|limit| &limit.name),
        "next_is_larger_by": chain.room_to_next(),
        "steps": steps,
        "binding_limit": some(&decision.binding_limit),
        "multiplier": decision.multiplier,
        "holding_bars_max": decision.holding_bars_max,
        "leverage": decision.leverage,
        "held_quantity": decision.held_quantity,
        "quantity_raw": decision.quantity_raw,
        "quantity": decision.quantity,
        "outcome": decision.outcome,
        "reason": some(&decision.reason),
    })
}

fn named(named: &Named, key: &str) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(named.name));
    row.insert(key.to_owned(), finite(named.value));
    row.insert("reason".to_owned(), json!(named.reason));
    row.insert("meaning".to_owned(), json!(meaning(&named.name).map(|limit| limit.meaning)));
    row
}

fn position(position: &Position) -> Value {
    json!({
        "entry_time": position.entry_time,
        "entry_price": position.entry_price,
        "quantity": position.quantity,
        "notional": position.notional,
        "leverage": position.leverage,
        "liquidation_price": position.liquidation_price,
        "liquidated_at_mark": position.liquidated_at_mark,
        "resizes": position.resizes,
        "exit_time": position.exit_time,
        "exit_price": position.exit_price,
        "exit_reason": position.exit_reason,
        "pnl": position.pnl,
        "fees": position.fees,
        "funding": position.funding,
        "slippage": position.slippage,
        "return_on_equity": position.return_on_equity,
        "r_multiple": position.r_multiple,
    })
}

/// `null` where nothing bounds the value.
fn finite(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
