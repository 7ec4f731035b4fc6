//! What was binding, and when.

use std::collections::BTreeMap;

use plimsoll_engine::Decision;

use super::blocks::{Block, Cell, Column, Table};
use super::{Context, Section, entries, gates};
use crate::chart::bars::{self, Bar};
use crate::error::ReportError;
use crate::words;

/// Fill patterns that the page has.
const PATTERNS: usize = 12;

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let result = context.result;
    let limits = binding_limits(context);
    let mut blocks = vec![Block::Text(
        "Every rule gives several limits on leverage at each decision; the smallest one sets the \
         size. A rule that the venue's limits bind most of the time is not the rule that you think \
         you are testing."
            .to_owned(),
    )];
    let decided: usize = result.rules.iter().map(|rule| entries(rule.account()).count()).sum();
    if decided == 0 {
        blocks.push(Block::Note("No rule took any decision in the compared period.".to_owned()));
    } else {
        let drawn: Vec<Bar<'_>> = context
            .keys
            .drawn
            .iter()
            .filter(|&&rule| entries(result.rules[rule].account()).next().is_some())
            .map(|&rule| Bar {
                key: context.keys.key(rule),
                name: &result.rules[rule].name,
                parts: shares(entries(result.rules[rule].account()), &limits)
                    .into_iter()
                    .enumerate()
                    .map(|(index, share)| (index % PATTERNS, limits[index], share))
                    .collect(),
            })
            .collect();
        let title = "Share of decisions by the limit that was binding".to_owned();
        blocks.push(Block::Figure {
            figure: bars::figure(&title, &drawn)?,
            title,
            caption: "All entry decisions of the whole account, refused ones included.".to_owned(),
            cursor: "",
        });
        let patterns = limits.iter().enumerate();
        blocks.push(Block::Patterns(
            patterns.map(|(index, name)| (index % PATTERNS, label(name))).collect(),
        ));
        blocks.push(Block::Folded(
            "The same shares as numbers".to_owned(),
            share_table(context, &limits),
        ));
        blocks.push(Block::Folded(
            "The same shares by quarter".to_owned(),
            quarter_table(context, &limits),
        ));
    }
    blocks.push(Block::Table(leverage_table(context)));
    blocks.extend(gates::blocks(context));
    Ok(Section {
        id: "binding",
        title: "What was binding, and when",
        short: "Binding limits",
        blocks,
    })
}

/// Limits that were binding anywhere, in the order in which they first were.
fn binding_limits(context: &Context<'_>) -> Vec<&'static str> {
    let mut limits = Vec::new();
    let rules = context.result.rules.iter();
    for decision in rules.flat_map(|rule| entries(rule.account())) {
        if !limits.contains(&decision.binding_limit) {
            limits.push(decision.binding_limit);
        }
    }
    limits
}

fn label(limit: &str) -> String {
    if limit.is_empty() { "none".to_owned() } else { limit.replace('_', " ") }
}

/// Share of the decisions that each limit bound; zeros where there is no decision.
fn shares<'a>(decisions: impl Iterator<Item = &'a Decision>, limits: &[&str]) -> Vec<f64> {
    let mut counts = vec![0usize; limits.len()];
    for decision in decisions {
        if let Some(index) = limits.iter().position(|limit| *limit == decision.binding_limit) {
            counts[index] += 1;
        }
    }
    let total = counts.iter().sum::<usize>().max(1);
    counts.into_iter().map(|count| count as f64 / total as f64).collect()
}

fn share_table(context: &Context<'_>, limits: &[&str]) -> Table {
    let mut table = Table::new("Share of decisions by binding limit", &["Rule", "#Decisions"]);
    table.columns.extend(limits.iter().map(|limit| Column::numbers(label(limit))));
    for (rule, found) in context.result.rules.iter().enumerate() {
        let decisions = || entries(found.account());
        let n = decisions().count() as f64;
        let mut cells = vec![Cell::rule(context, rule), Cell::number(words::count(n), n)];
        cells.extend(shares(decisions(), limits).into_iter().map(share_cell));
        table.rows.push(cells);
    }
    table
}

fn quarter_table(context: &Context<'_>, limits: &[&str]) -> Table {
    let mut table = Table::new(
        "Share of decisions by binding limit and quarter",
        &["Quarter", "Rule", "#Decisions"],
    );
    table.columns.extend(limits.iter().map(|limit| Column::numbers(label(limit))));
    let mut by_quarter: BTreeMap<(String, usize), Vec<&Decision>> = BTreeMap::new();
    for &rule in &context.keys.drawn {
        for decision in entries(context.result.rules[rule].account()) {
            let quarter = context.timeline.month(decision.bar).quarter();
            by_quarter.entry((quarter, rule)).or_default().push(decision);
        }
    }
    for ((quarter, rule), decisions) in by_quarter {
        let n = decisions.len() as f64;
        let mut cells =
            vec![Cell::text(quarter), Cell::rule(context, rule), Cell::number(words::count(n), n)];
        cells.extend(shares(decisions.into_iter(), limits).into_iter().map(share_cell));
        table.rows.push(cells);
    }
    table
}

fn share_cell(share: f64) -> Cell {
    if share > 0.0 { Cell::share(share) } else { Cell::number("\u{2013}", 0.0) }
}

fn leverage_table(context: &Context<'_>) -> Table {
    let mut table = Table::new(
        "Leverage",
        &[
            "Rule",
            "#Median at entry|Notional over equity at the entry fill",
            "#90 % below|Nine of ten entries had less",
            "#Largest|Gross notional over equity at any close or fill",
            "#Average over time|Gross notional over equity, mean over all bars",
            "#Turnover|Notional of all fills over mean equity, a year",
        ],
    );
    for (rule, found) in context.result.rules.iter().enumerate() {
        let account = found.account();
        let mut leverage: Vec<f64> =
            account.outcome.trades.iter().map(|trade| trade.leverage).collect();
        leverage.sort_by(f64::total_cmp);
        let quantile = |share: f64| -> Cell {
            let index = (share * leverage.len().saturating_sub(1) as f64).round() as usize;
            Cell::optional(leverage.get(index).copied(), words::leverage, Some("no trade"))
        };
        table.rows.push(vec![
            Cell::rule(context, rule),
            quantile(0.5),
            quantile(0.9),
            Cell::metric(account, "max_leverage"),
            Cell::metric(account, "average_leverage"),
            Cell::metric(account, "turnover"),
        ]);
    }
    table
}
