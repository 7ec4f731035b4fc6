//! Costs, funding, refusals, and what other assumptions would have given.

use std::collections::BTreeMap;

use plimsoll_engine::DecisionOutcome;

use super::blocks::{Block, Cell, Table};
use super::{Context, Section, entries};
use crate::words;

pub(super) fn section(context: &Context<'_>) -> Section {
    let mut blocks = vec![Block::Text(assumptions(context)), Block::Table(cost_table(context))];
    blocks.push(Block::Heading("Refusals".to_owned()));
    blocks.extend(refusals(context));
    blocks.push(Block::Heading("Other assumptions".to_owned()));
    blocks.extend(sensitivity(context));
    Section {
        id: "costs",
        title: "Costs, funding, refusals and other assumptions",
        short: "Costs and assumptions",
        blocks,
    }
}

fn assumptions(context: &Context<'_>) -> String {
    let result = context.result;
    let costs = &result.settings.costs;
    let fee = result.taker_fee.map_or_else(
        || "fees of the venue's own table".to_owned(),
        |fee| format!("a taker fee of {}", words::percent(fee)),
    );
    let impact = if costs.impact_y > 0.0 {
        format!("square-root impact with factor {}", words::number(costs.impact_y))
    } else {
        "no market impact".to_owned()
    };
    format!(
        "Assumed: {fee}, half a spread of {} basis points, {impact}, and a stop that slips {} of \
         the way to the bar's adverse extreme. Funding is charged at each settlement on the \
         position held into it.",
        words::number(costs.half_spread_bps),
        words::percent(result.settings.stop_slippage())
    )
}

fn cost_table(context: &Context<'_>) -> Table {
    let mut table = Table::new(
        format!("What was paid, in {}", context.result.currency),
        &[
            "Rule",
            "#Fees|Liquidation fees and forfeited margin included",
            "#Slippage|Half spread and impact",
            "#Funding|Negative if received",
            "#Together",
            "#Together over start|Share of the equity at the start",
            "#Turnover|Notional of all fills over mean equity, a year",
        ],
    );
    for (rule, found) in context.result.rules.iter().enumerate() {
        let account = found.account();
        let paid = ["fees_paid", "slippage_paid", "funding_paid"];
        let together: Option<f64> = paid.iter().map(|name| account.value(name)).sum();
        let share = together.filter(|_| found.equity > 0.0).map(|together| together / found.equity);
        let mut cells = vec![Cell::rule(context, rule)];
        cells.extend(paid.map(|name| Cell::metric(account, name)));
        cells.push(Cell::optional(together, words::money, Some("a part of it is undefined")));
        cells.push(Cell::optional(share, words::percent, Some("a part of it is undefined")));
        cells.push(Cell::metric(account, "turnover"));
        table.rows.push(cells);
    }
    table
}

fn refusals(context: &Context<'_>) -> Vec<Block> {
    let result = context.result;
    let mut cancelled: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &result.cancelled {
        *cancelled.entry(entry.reason).or_default() += 1;
    }
    let mut refused: BTreeMap<(usize, &str, &str), usize> = BTreeMap::new();
    for (rule, found) in result.rules.iter().enumerate() {
        for decision in entries(found.account()) {
            if decision.outcome != DecisionOutcome::Filled {
                let stage = decision.outcome.name();
                *refused.entry((rule, stage, decision.reason)).or_default() += 1;
            }
        }
    }
    if cancelled.is_empty() && refused.is_empty() {
        return vec![Block::Text("Every entry became a position under every rule.".to_owned())];
    }
    let mut table = Table::new(
        "Entries that did not become a position",
        &["Rule", "Stage", "Reason", "#Entries", "#Share of decisions"],
    );
    for (reason, count) in cancelled {
        let n = count as f64;
        let mut share = Cell::text("\u{2013}");
        "before any rule decided".clone_into(&mut share.title);
        table.rows.push(vec![
            Cell::text("every rule"),
            Cell::text("cancelled by the market"),
            Cell::text(reason.replace('_', " ")),
            Cell::number(words::count(n), n),
            share,
        ]);
    }
    for ((rule, stage, reason), count) in refused {
        let n = count as f64;
        let decisions = entries(result.rules[rule].account()).count() as f64;
        table.rows.push(vec![
            Cell::rule(context, rule),
            Cell::text(stage.replace('_', " ")),
            Cell::text(reason.replace('_', " ")),
            Cell::number(words::count(n), n),
            Cell::share(n / decisions),
        ]);
    }
    vec![Block::Table(table)]
}

const AS_SET: &str = "as_set";

fn sensitivity(context: &Context<'_>) -> Vec<Block> {
    let rows = &context.result.sensitivity;
    if rows.is_empty() {
        return vec![Block::Text("No other assumption was tried.".to_owned())];
    }
    let mut table = Table::new(
        "What each rule would have ended with",
        &[
            "Assumption",
            "Rule",
            "#Final equity",
            "#Against as set|Change of the final equity",
            "#Max drawdown",
            "#Liquidations",
            "Ruined",
        ],
    );
    for row in rows {
        let as_set = rows
            .iter()
            .find(|other| other.variant == AS_SET && other.rule == row.rule)
            .map(|other| other.final_equity)
            .filter(|equity| *equity > 0.0);
        let change = as_set.map(|equity| row.final_equity / equity - 1.0);
        let liquidations = row.liquidations as f64;
        table.rows.push(vec![
            Cell::text(variant_label(&row.variant)),
            Cell::rule_named(context, &row.rule),
            Cell::number(words::money(row.final_equity), row.final_equity),
            Cell::optional(change, words::percent, Some("nothing was left as set")),
            Cell::optional(row.max_drawdown, words::percent, Some("too few days")),
            Cell::number(words::count(liquidations), liquidations),
            Cell::text(if row.is_ruined { "yes" } else { "no" }),
        ]);
    }
    vec![
        Block::Text(
            "The same trades under assumptions that the data cannot decide: the order of prices \
             inside a bar, how far stops slip, and the margin mode. A verdict that changes here \
             rests on the assumption, not on the data."
                .to_owned(),
        ),
        Block::Table(table),
    ]
}

fn variant_label(variant: &str) -> String {
    if variant == AS_SET {
        "as set".to_owned()
    } else {
        variant.replace('_', " ").replace('=', ": ")
    }
}
