//! One trade under one rule, in words and numbers.

use std::fmt::Write as _;

use plimsoll_market::Timestamp;
use plimsoll_report::limits::{self, meaning};
use serde_json::Value;

use super::Part;
use super::chain::{Chain, Step};
use super::folder::{Decision, Head, Named, Position, Report, Rule};
use crate::commands::calc::answer::{figure, percent, plain, times};
use crate::output::{counted, wrapped};

/// Width that the words are broken at, their headings left out.
const WIDTH: usize = 86;
/// Chains that agree with the file to this share are the same.
const TOLERANCE: f64 = 1e-9;
/// Marks that differ by a smaller share are read as the same number.
const SAME_MARK: f64 = 1e-6;

/// What all rules have in common.
pub(super) fn heading(report: &Report, trade: i64, head: &Head) -> String {
    let mut text = format!("trade {trade} of {}: {} {}", report.name, head.symbol, head.side);
    if let Some(label) = &report.data_label {
        let _ = write!(text, "\n{label}");
    }
    let _ = write!(
        text,
        "\n\ndecided at the close of {} at {}{}",
        minute(head.time),
        plain(head.price),
        stop(head)
    );
    text
}

fn stop(head: &Head) -> String {
    head.stop_price.map_or_else(
        || "; the strategy has no stop".to_owned(),
        |stop| {
            let distance = (stop / head.price - 1.0).abs();
            format!("; the stop at {} is {} away", figure(stop), percent(distance))
        },
    )
}

/// The whole story.
pub(super) fn text(report: &Report, trade: i64, head: &Head, part: &Part<'_>) -> String {
    let mut text = heading(report, trade, head);
    let _ = write!(text, "\nby rule {}\n", part.rule.name);
    let Some(entry) = part.entry else {
        section(&mut text, "size", &[no_decision(part.rule)]);
        return text.trim_end().to_owned();
    };
    let currency = &report.currency;
    section(&mut text, "equity", &[equity(entry, currency)]);
    let chain = Chain::of(entry);
    section(&mut text, "limits", &limit_lines(&chain, entry, part.rule));
    section(&mut text, "size", &size_lines(&chain, entry, part.rule));
    section(&mut text, "order", &order_lines(entry, currency));
    if let Some(position) = part.position {
        section(&mut text, "fill", &[fill(position, entry, head, currency)]);
    }
    if !part.resizes.is_empty() {
        let lines: Vec<String> = part.resizes.iter().map(|resize| resized(resize)).collect();
        section(&mut text, "later", &lines);
    }
    if let Some(position) = part.position {
        let mut lines = end(position, currency);
        lines.extend(account_gave_out(position, report.is_isolated));
        section(&mut text, "end", &lines);
    }
    text.trim_end().to_owned()
}

fn no_decision(rule: &Rule) -> String {
    match &rule.ruined_at {
        Some(time) => format!(
            "no decision: the account could no longer carry any position from {} on",
            clock(time)
        ),
        None => "no decision: the rule was not asked".to_owned(),
    }
}

fn equity(entry: &Decision, currency: &str) -> String {
    let mut text = format!(
        "{} {currency} at that close, {} at the start",
        figure(entry.equity),
        figure(entry.initial_equity)
    );
    if entry.sizing_base == "initial" {
        text.push_str("; the rule's shares are of the latter");
    }
    text
}

/// Every limit with its value and what it means.
fn limit_lines(chain: &Chain<'_>, entry: &Decision, rule: &Rule) -> Vec<String> {
    let width = chain.wishes.iter().map(|limit| limit.name.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for limit in &chain.wishes {
        let is_smallest = chain.smallest.is_some_and(|smallest| smallest.name == limit.name);
        let mark = if is_smallest { "  <- the smallest" } else { "" };
        let notional = limit.value * entry.equity;
        let name = &limit.name;
        lines.push(match &limit.reason {
            Some(reason) => {
                format!("{name:width$}  undefined, so nothing: {}{mark}", limits::reason(reason))
            }
            None if !notional.is_finite() => format!("{name:width$}  any{mark}"),
            None => format!("{name:width$}  {}, {}{mark}", times(limit.value), figure(notional)),
        });
        let indent = " ".repeat(width + 2);
        let said = format!("{}{}", means(limit, "the largest size "), keys(rule, name));
        for line in wrapped(&said, WIDTH - indent.len()).lines() {
            lines.push(format!("{indent}{line}"));
        }
    }
    if lines.is_empty() {
        lines.push("the rule has none of its own: only those of the account apply".to_owned());
    }
    lines
}

fn means(limit: &Named, before: &str) -> String {
    meaning(&limit.name).map_or_else(String::new, |meaning| format!("{before}{}", meaning.meaning))
}

/// The rule's keys for a limit, as the file has them.
fn keys(rule: &Rule, name: &str) -> String {
    match &rule.sizing[name] {
        Value::Null => String::new(),
        value => format!(" ({})", inline(value)),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| match value {
                Value::Object(_) => format!("{key} = {{ {} }}", inline(value)),
                value => format!("{key} = {}", inline(value)),
            })
            .collect::<Vec<String>>()
            .join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// From the smallest limit to the size.
fn size_lines(chain: &Chain<'_>, entry: &Decision, rule: &Rule) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(smallest) = chain.smallest {
        let next = chain.next.map_or_else(String::new, |next| {
            let more = match chain.room_to_next() {
                Some(room) if room > 0.0 => format!("{} more", percent(room)),
                Some(_) => "the same".to_owned(),
                None => times(next.value),
            };
            format!("; the next, {}, allows {more}", next.name)
        });
        let value = match smallest.reason {
            Some(_) => "0 because it is undefined".to_owned(),
            None => times(smallest.value),
        };
        lines.push(format!("{} is the smallest, {value}{next}", smallest.name));
    }
    lines.extend(chain.steps.iter().map(|step| step_line(step, rule)));
    let ended = chain.leverage();
    if (ended - entry.leverage).abs() > TOLERANCE * entry.leverage.abs().max(1.0) {
        lines.push(format!(
            "these steps end with {}, the file says {}: it was written by another version",
            times(ended),
            times(entry.leverage)
        ));
    }
    lines.push(if entry.leverage > 0.0 {
        let of = if entry.binding_limit.is_empty() {
            String::new()
        } else {
            format!(", set by {}", entry.binding_limit)
        };
        format!("= {} the equity{of}", times(entry.leverage))
    } else {
        format!("= no size{}: {}", by(entry), limits::reason(&entry.reason))
    });
    if let Some(bars) = entry.holding_bars_max.filter(|_| entry.leverage > 0.0) {
        let bars = counted(usize::try_from(bars).unwrap_or_default(), "bar");
        lines.push(format!(
            "funding_budget lets it be held for {bars} at most{}",
            keys(rule, "funding_budget")
        ));
    }
    lines
}

/// What left no size, unless the reason names it.
fn by(decision: &Decision) -> String {
    match decision.binding_limit.as_str() {
        "" => String::new(),
        name if name == decision.reason => String::new(),
        name => format!(" by {name}"),
    }
}

fn step_line(step: &Step<'_>, rule: &Rule) -> String {
    let name = &step.named.name;
    let why = step.named.reason.as_ref().map(|reason| limits::reason(reason));
    if step.is_multiplier {
        let factor = step.named.value;
        return match why {
            Some(why) => format!("{name} is undefined, so nothing is left: {why}"),
            None if factor >= 1.0 => format!("{name} leaves it as it is"),
            None => format!(
                "{name} multiplies by {}{}{}: {}",
                plain(factor),
                means(step.named, ", which cuts "),
                keys(rule, name),
                from_to(step)
            ),
        };
    }
    let allowed = if step.named.value.is_finite() {
        format!("allows {}", times(step.named.value))
    } else {
        "allows any size".to_owned()
    };
    match why {
        Some(why) => format!("{name} is undefined, so nothing is left: {why}"),
        None if step.after < step.before => format!(
            "{name} {allowed}{}{}: {}",
            means(step.named, ", the largest size "),
            keys(rule, name),
            from_to(step)
        ),
        None => format!("{name} {allowed}, takes nothing off"),
    }
}

fn from_to(step: &Step<'_>) -> String {
    if step.before.is_finite() {
        format!("{} becomes {}", times(step.before), times(step.after))
    } else {
        times(step.after)
    }
}

fn order_lines(entry: &Decision, currency: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of {} is {} {currency}, at {} a quantity of {} before rounding",
        times(entry.leverage),
        figure(entry.equity),
        figure(entry.leverage * entry.equity),
        plain(entry.price),
        figure(entry.quantity_raw)
    )];
    if entry.leverage <= 0.0 {
        lines.clear();
    }
    if entry.quantity > 0.0 {
        let lost = 1.0 - entry.quantity / entry.quantity_raw;
        let lost = if lost > 0.0 { format!(", {} less", percent(lost)) } else { String::new() };
        lines.push(format!("{} after rounding down to the lot{lost}", plain(entry.quantity)));
    }
    match entry.outcome.as_str() {
        "filled" => {}
        "refused_at_fill" => {
            lines.push(format!("refused at the next open: {}", limits::reason(&entry.reason)));
        }
        _ => lines.push(format!("no order: {}", limits::reason(&entry.reason))),
    }
    lines
}

fn fill(position: &Position, entry: &Decision, head: &Head, currency: &str) -> String {
    let moved = position.entry_price / entry.price - 1.0;
    let worse = if head.side == "short" { -moved } else { moved };
    let worse = match worse {
        worse if worse > 0.0 => format!("{} worse than the close", percent(worse)),
        worse if worse < 0.0 => format!("{} better than the close", percent(-worse)),
        _ => "the close".to_owned(),
    };
    let liquidation = position.liquidation_price.map_or_else(
        || "no mark price would liquidate it".to_owned(),
        |price| {
            let distance = (price / position.entry_price - 1.0).abs();
            format!("liquidated at a mark of {}, {} away", figure(price), percent(distance))
        },
    );
    format!(
        "at the open of {} at {}, {worse}: {} or {} {currency}, {} the equity; {liquidation}",
        clock(&position.entry_time),
        figure(position.entry_price),
        plain(position.quantity),
        figure(position.notional),
        times(position.leverage)
    )
}

fn resized(resize: &Decision) -> String {
    let chain = Chain::of(resize);
    let set_by = match resize.binding_limit.as_str() {
        "" => String::new(),
        name => format!(" by {name}"),
    };
    let cut: Vec<String> = chain
        .steps
        .iter()
        .filter(|step| step.is_multiplier && step.named.value < 1.0)
        .map(|step| format!(" times {} {}", step.named.name, plain(step.named.value)))
        .collect();
    let size = if resize.leverage > 0.0 {
        format!("{}{set_by}{}", times(resize.leverage), cut.concat())
    } else {
        format!("no size{}, {}", by(resize), limits::reason(&resize.reason))
    };
    let became = match resize.outcome.as_str() {
        "refused_at_fill" => format!("refused: {}", limits::reason(&resize.reason)),
        _ if resize.quantity <= 0.0 => "closed".to_owned(),
        _ => format!("from {} to {}", plain(resize.held_quantity), plain(resize.quantity)),
    };
    format!(
        "{}  at {} with an equity of {}: {size}; {became}",
        minute(resize.time),
        plain(resize.price),
        figure(resize.equity)
    )
}

fn end(position: &Position, currency: &str) -> Vec<String> {
    let reason = match position.exit_reason.as_str() {
        "signal" => "the exit signal",
        "stop" => "the stop",
        "take_profit" => "the take-profit price",
        "liquidation" => "liquidation",
        "adl" => "auto-deleveraging",
        "end" => "the end of the data",
        "resized_to_zero" => "a later size of zero",
        "holding_limit" => "the longest holding time of the rule",
        other => other,
    };
    let mut result = format!("{} {currency}", figure(position.pnl));
    if let Some(share) = position.return_on_equity {
        let _ = write!(result, ", {} of the equity at the decision", percent(share));
    }
    if let Some(r) = position.r_multiple {
        let _ = write!(result, ", {} times the risk at the stop", figure(r));
    }
    let funding = if position.funding < 0.0 {
        format!("funding received {}", figure(-position.funding))
    } else {
        format!("funding {}", figure(position.funding))
    };
    vec![
        format!("{} by {reason} at {}", clock(&position.exit_time), figure(position.exit_price)),
        result,
        format!(
            "paid in it: fees {}, {funding}, slippage {}",
            figure(position.fees),
            figure(position.slippage)
        ),
    ]
}

/// Why a liquidation came at another mark than the one reckoned at the entry, where the whole
/// account stands behind the position.
fn account_gave_out(position: &Position, is_isolated: bool) -> Option<String> {
    let mark = position.liquidated_at_mark.filter(|_| !is_isolated)?;
    let reckoned = match position.liquidation_price {
        Some(price) if (mark / price - 1.0).abs() < SAME_MARK => return None,
        Some(price) => format!("not at the {} reckoned at the entry", figure(price)),
        None => "although at the entry no mark would have".to_owned(),
    };
    Some(format!(
        "liquidated at a mark of {}, {reckoned}: the account gave out, with all that it holds and has \
         paid, not this position alone",
        figure(mark)
    ))
}

/// `2025-10-10 21:00 UTC`.
pub(super) fn minute(time: Timestamp) -> String {
    clock(&time.to_string())
}

/// A time of a file as people read it.
fn clock(text: &str) -> String {
    format!("{} UTC", text.get(..16).unwrap_or(text).replace('T', " "))
}

/// Lines under a heading that stands before the first of them.
fn section(text: &mut String, heading: &str, lines: &[String]) {
    let mut heading = heading;
    text.push('\n');
    for line in lines {
        // What is indented is broken already.
        let broken = if line.starts_with(' ') { line.clone() } else { wrapped_keeping(line) };
        for line in broken.lines() {
            let _ = writeln!(text, "{}", format!("{heading:8}  {line}").trim_end());
            heading = "";
        }
    }
}

/// Breaks only what is too long, so that aligned columns stay.
fn wrapped_keeping(line: &str) -> String {
    if line.chars().count() <= WIDTH { line.to_owned() } else { wrapped(line, WIDTH) }
}
