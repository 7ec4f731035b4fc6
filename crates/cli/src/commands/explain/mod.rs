//! `plimsoll explain`: how one trade's size came about, from a report's folder alone.

mod chain;
mod folder;
mod json;
mod story;
mod tables;

use std::process::ExitCode;

use plimsoll_study::keys_hint;

use crate::args::ExplainArguments;
use crate::error::CliError;
use crate::output::Output;
use folder::{Decision, Head, Position, Report, Rule};

/// One rule's part in a trade.
struct Part<'a> {
    rule: &'a Rule,
    /// The decision on the entry; `None` where the rule took none.
    entry: Option<&'a Decision>,
    /// Later decisions on the position.
    resizes: Vec<&'a Decision>,
    position: Option<&'a Position>,
}

pub(crate) fn run(arguments: &ExplainArguments, output: Output) -> Result<ExitCode, CliError> {
    let report = folder::read(&arguments.report, arguments.trade)?;
    let rules = chosen(&report, arguments.rule.as_deref())?;
    if let Some(symbol) = &arguments.symbol {
        check_symbol(&report, symbol)?;
    }
    let Some(trade) = arguments.trade else {
        list(&report, arguments, output)?;
        return Ok(ExitCode::SUCCESS);
    };
    let head = head(&report, trade, arguments.symbol.as_deref())?;
    let parts: Vec<Part<'_>> = rules.iter().map(|rule| part(&report, rule)).collect();
    output.document(&json::document(&report, trade, head, &parts));
    match parts.as_slice() {
        [part] if arguments.rule.is_some() || report.rules.len() == 1 => {
            output.text(&story::text(&report, trade, head, part));
        }
        _ => output.text(&tables::side_by_side(&report, trade, head, &parts)),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(report: &Report, arguments: &ExplainArguments, output: Output) -> Result<(), CliError> {
    if arguments.rule.is_some() {
        return Err(CliError::usage(
            "--rule needs --trade: the trades are the same under every rule",
            "give --trade N, or leave --rule out for the list",
        ));
    }
    let symbol = arguments.symbol.as_deref();
    let of_symbol = |head: &Head| symbol.is_none_or(|symbol| head.symbol == symbol);
    let trades: Vec<(i64, &Head)> = report
        .trades
        .iter()
        .filter(|(_, head)| of_symbol(head))
        .map(|(number, head)| (*number, head))
        .collect();
    output.document(&json::list(report, &trades));
    output.text(&tables::list(report, &trades));
    Ok(())
}

/// The rules of that name, or of that table of a sweep; all of them without a name.
fn chosen<'a>(report: &'a Report, name: Option<&str>) -> Result<Vec<&'a Rule>, CliError> {
    let Some(name) = name else {
        return Ok(report.rules.iter().collect());
    };
    if let Some(rule) = report.rules.iter().find(|rule| rule.name == name) {
        return Ok(vec![rule]);
    }
    let table = |rule: &&Rule| rule.name.split('[').next() == Some(name);
    let swept: Vec<&Rule> = report.rules.iter().filter(table).collect();
    if swept.is_empty() {
        let names: Vec<&str> = report.rules.iter().map(|rule| rule.name.as_str()).collect();
        return Err(CliError::usage(
            format!("the report has no rule `{name}`"),
            keys_hint("the rules", name, &names),
        ));
    }
    Ok(swept)
}

fn check_symbol(report: &Report, symbol: &str) -> Result<(), CliError> {
    let mut symbols: Vec<&str> = report.trades.values().map(|head| head.symbol.as_str()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    if symbols.contains(&symbol) {
        return Ok(());
    }
    Err(CliError::usage(
        format!("the report has no trade of `{symbol}`"),
        keys_hint("the symbols", symbol, &symbols),
    ))
}

/// What all rules have in common at the trade.
fn head<'a>(report: &'a Report, trade: i64, symbol: Option<&str>) -> Result<&'a Head, CliError> {
    let Some(head) = report.trades.get(&trade) else {
        let mut numbers = report.trades.keys();
        let (Some(first), Some(last)) = (numbers.next(), report.trades.keys().next_back()) else {
            return Err(CliError::usage(
                "the report has no trade: no rule took any decision",
                "run a study over a period in which the signal fires",
            ));
        };
        let near =
            report.trades.range(..trade).next_back().zip(report.trades.range(trade..).next());
        let hint = match near {
            // A hole: nobody could decide any more, or the number is of a trade before the period.
            Some(((below, _), (above, _))) => {
                format!("no rule decided on it; the nearest are {below} and {above}")
            }
            None => format!("the numbers go from {first} to {last}; --trade left out lists them"),
        };
        return Err(CliError::usage(format!("the report has no trade {trade}"), hint));
    };
    match symbol {
        Some(symbol) if symbol != head.symbol => {
            let of_symbol =
                |(number, head): (&i64, &Head)| (head.symbol == symbol).then_some(*number);
            let above = report.trades.range(trade..).find_map(of_symbol);
            let below = report.trades.range(..trade).rev().find_map(of_symbol);
            let near: Vec<String> = below.into_iter().chain(above).map(|n| n.to_string()).collect();
            Err(CliError::usage(
                format!("trade {trade} is of {}, not of {symbol}", head.symbol),
                format!("the nearest of {symbol}: {}", near.join(", ")),
            ))
        }
        _ => Ok(head),
    }
}

fn part<'a>(report: &'a Report, rule: &'a Rule) -> Part<'a> {
    let of_rule = || report.decisions.iter().filter(|decision| decision.rule == rule.name);
    Part {
        rule,
        entry: of_rule().find(|decision| !decision.is_resize),
        resizes: of_rule().filter(|decision| decision.is_resize).collect(),
        position: report.positions.iter().find(|position| position.rule == rule.name),
    }
}
