//! What was binding, and when.

use std::collections::BTreeMap;

use plimsoll_engine::Decision;

use super::blocks::{Block, Cell, Column, Table};
use super::{Context, Section, entries, gates};
use crate::chart::bars::{self, Bar};
use crate::error::ReportError;
use crate::words;

/// Fill patterns that the page has, the last of them for all that is left over.
const PATTERNS: usize = 12;
/// Name of what is left over.
const OTHER: &str = "other";

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let result = context.result;
    let limits = binding_limits(context);
    let mut blocks = vec![Block::Text(
        "Every rule gives several limits on leverage at each decision; the smallest one sets the \
         size, unless a gate shuts, which is named in its place. A rule that the venue's limits bind \
         most of the time is not the rule that you think you are testing. Rules with several limits \
         of their own come first; a rule's only limit binds always, unless something of the account \
         or the venue is smaller."
            .to_owned(),
    )];
    let decided: usize = result.rules.iter().map(|rule| entries(rule.account()).count()).sum();
    if decided == 0 {
        blocks.push(Block::Note("No rule took any decision in the compared period.".to_owned()));
    } else {
        let drawn = drawn_rules(context);
        let (shown, rest) = shown_limits(context, &drawn, &limits);
        let drawn: Vec<Bar<'_>> = drawn
            .into_iter()
            .map(|rule| Bar {
                key: context.keys.key(rule),
                name: &result.rules[rule].name,
                parts: parts(
                    &shares(entries(result.rules[rule].account()), &limits),
                    &limits,
                    &shown,
                ),
            })
            .collect();
        let title = "Share of decisions by the limit that was binding".to_owned();
        blocks.push(Block::Figure {
            figure: bars::figure(&title, &drawn)?,
            title,
            caption: match rest.as_slice() {
                [] => "All entry decisions of the whole account, refused ones included.".to_owned(),
                rest => format!(
                    "All entry decisions of the whole account, refused ones included. Other: {}.",
                    rest.iter().map(|name| label(name)).collect::<Vec<_>>().join(", ")
                ),
            },
            cursor: "",
        });
        let mut patterns: Vec<(usize, String)> =
            shown.iter().enumerate().map(|(index, name)| (index, label(name))).collect();
        if !rest.is_empty() {
            patterns.push((PATTERNS - 1, OTHER.to_owned()));
        }
        blocks.push(Block::Patterns(patterns));
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

/// The drawn rules that decided anything, those with several limits of their own first.
fn drawn_rules(context: &Context<'_>) -> Vec<usize> {
    let account = |rule: usize| context.result.rules[rule].account();
    let mut drawn: Vec<usize> = context
        .keys
        .drawn
        .iter()
        .copied()
        .filter(|&rule| entries(account(rule)).next().is_some())
        .collect();
    let is_single = |rule: usize| {
        entries(account(rule)).all(|decision| {
            let is_venue = |name: &str| name.starts_with("venue_") && name != "venue_share";
            let own = decision.limits.iter().filter(|limit| !is_venue(limit.name)).count();
            own + decision.multipliers.len() <= 1
        })
    };
    drawn.sort_by_key(|&rule| is_single(rule));
    drawn
}

/// The limits that get a pattern of their own, and those that share one: where there are too many,
/// the ones that bound least over all the bars.
fn shown_limits(
    context: &Context<'_>,
    drawn: &[usize],
    limits: &[&'static str],
) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut totals = vec![0.0; limits.len()];
    for &rule in drawn {
        let found = shares(entries(context.result.rules[rule].account()), limits);
        for (total, share) in totals.iter_mut().zip(found) {
            *total += share;
        }
    }
    split(limits, &totals)
}

/// Splits limits by how much they bound, keeping their order; one that bound in no bar needs no
/// pattern.
fn split(limits: &[&'static str], totals: &[f64]) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut order: Vec<usize> = (0..limits.len()).filter(|&index| totals[index] > 0.0).collect();
    order.sort_by(|&a, &b| totals[b].total_cmp(&totals[a]));
    let own = if order.len() > PATTERNS { PATTERNS - 1 } else { order.len() };
    let (shown, rest) = order.split_at_mut(own);
    shown.sort_unstable();
    rest.sort_unstable();
    let named = |indices: &[usize]| indices.iter().map(|&index| limits[index]).collect();
    (named(shown), named(rest))
}

/// The parts of a bar: a limit each, and the rest together.
fn parts<'a>(shares: &[f64], limits: &[&'a str], shown: &[&'a str]) -> Vec<(usize, &'a str, f64)> {
    let share_of = |name: &&str| {
        limits.iter().position(|limit| limit == name).map_or(0.0, |index| shares[index])
    };
    let mut parts: Vec<(usize, &str, f64)> =
        shown.iter().enumerate().map(|(index, name)| (index, *name, share_of(name))).collect();
    let rest = limits.iter().filter(|name| !shown.contains(name)).map(share_of).sum();
    parts.push((PATTERNS - 1, OTHER, rest));
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 14] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];

    #[test]
    fn no_two_limits_share_a_pattern() {
        // As many as there are patterns; one that never bound takes none.
        let mut totals = [0.1; 14];
        (totals[0], totals[7]) = (0.0, 0.0);
        let (shown, rest) = split(&NAMES, &totals);
        assert_eq!((shown.len(), rest.len()), (12, 0));
        assert!(!shown.contains(&"a") && !shown.contains(&"h"));
        // Of more, those that bound least are one.
        (totals[0], totals[7], totals[9]) = (0.3, 0.05, 0.02);
        totals[13] = 0.01;
        let (shown, rest) = split(&NAMES, &totals);
        assert_eq!((shown.len(), rest), (11, vec!["h", "j", "n"]));
        let parts = parts(&totals, &NAMES, &shown);
        let mut patterns: Vec<usize> = parts.iter().map(|part| part.0).collect();
        patterns.dedup();
        assert_eq!(patterns, (0..12).collect::<Vec<_>>());
        let (pattern, name, rest) = parts[11];
        assert_eq!((pattern, name), (11, "other"));
        assert!((rest - 0.08).abs() < 1e-12);
        let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
        let whole = sum(&mut totals.iter().copied());
        assert!((sum(&mut parts.iter().map(|part| part.2)) - whole).abs() < 1e-12);
    }
}
