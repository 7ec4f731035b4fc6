//! How large each rule would have been on given days, and what each limit is worth.

use std::fmt::Write as _;

use plimsoll_market::{Side, Timestamp};
use plimsoll_study::result::{LimitWorth, SizeOn};

use super::blocks::{Block, Cell, Column, Table};
use super::rules::{DRAWN_MAX, letters};
use super::{Context, Section};
use crate::chart::forest::{self, Difference};
use crate::error::ReportError;
use crate::limits;
use crate::tables::sizes::ratio;
use crate::words;

/// The section; `None` where the study asked for neither.
pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    let mut blocks = on_days(context);
    blocks.extend(worth(context)?);
    if blocks.is_empty() {
        return Ok(None);
    }
    Ok(Some(Section {
        id: "sizes",
        title: "Sizes before given days, and what each limit is worth",
        short: "Sizes",
        blocks,
    }))
}

fn on_days(context: &Context<'_>) -> Vec<Block> {
    let rows = &context.result.sizes_on;
    if rows.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![
        Block::Heading("How large on the eve".to_owned()),
        Block::Text(
            "The size that each rule would have given to an entry decided at the last close before \
             the day, in an account that is flat and holds its equity of the start, before rounding. \
             Beside it the rule's median over the days of the compared period, of a longer one over \
             a sample of at most 120 days spread evenly: a ratio below 1 is a rule that \
             had become smaller before the day. Pointing at a size names the limit that set it."
                .to_owned(),
        ),
        Block::List(dates(rows).into_iter().map(|date| shrunk(rows, date)).collect()),
    ];
    blocks.extend(not_counted(rows).map(Block::Text));
    for symbol in &context.result.symbols {
        for side in [Side::Long, Side::Short] {
            let Some(table) = day_table(context, symbol, side) else { continue };
            blocks.push(if side == Side::Long {
                Block::Table(table)
            } else {
                Block::Folded(table.caption.clone(), table)
            });
        }
    }
    blocks
}

fn dates(rows: &[SizeOn]) -> Vec<Timestamp> {
    let mut dates: Vec<Timestamp> = rows.iter().map(|row| row.date).collect();
    dates.sort_unstable();
    dates.dedup();
    dates
}

/// How many sizes of longs were below their median on a day's eve, of those that can be.
fn shrunk(rows: &[SizeOn], date: Timestamp) -> String {
    let of_day = rows.iter().filter(|row| row.date == date && row.side == Side::Long);
    let mut ratios: Vec<f64> =
        of_day.filter(|row| why_not_counted(row).is_none()).filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let (n, day) = (ratios.len(), date.date_string());
    if n == 0 {
        return format!("{day}: no rule had a size to compare.");
    }
    let below = ratios.iter().filter(|ratio| **ratio < 1.0).count();
    let halved = ratios.iter().filter(|ratio| **ratio <= 0.5).count();
    let middle = f64::midpoint(ratios[(n - 1) / 2], ratios[n / 2]);
    format!(
        "{day}: of {} long {} {} {} below {} rule's median, {} at half of it or less; the middle \
         ratio is {}.",
        words::count(n as f64),
        if n == 1 { "size" } else { "sizes" },
        words::count(below as f64),
        if below == 1 { "was" } else { "were" },
        if n == 1 { "its" } else { "their" },
        words::count(halved as f64),
        words::fixed(middle, 2)
    )
}

/// Why a size says nothing of a day: it is a copy of another rule's, or has no median to be below.
fn why_not_counted(row: &SizeOn) -> Option<&'static str> {
    if row.is_ablation {
        Some("with one limit left out")
    } else if row.median_leverage.is_some_and(|median| median <= 0.0) {
        Some("a median of 0")
    } else if !row.moves {
        Some("the same size on every day of the median")
    } else {
        None
    }
}

/// The rules that those counts leave out; of a rule that they leave out in part, the symbols.
fn not_counted(rows: &[SizeOn]) -> Option<String> {
    let longs = || rows.iter().filter(|row| row.side == Side::Long);
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for row in longs() {
        let Some(why) = why_not_counted(row) else { continue };
        let mut of_rule = longs().filter(|other| other.rule == row.rule);
        let name = if of_rule.all(|other| why_not_counted(other) == Some(why)) {
            row.rule.clone()
        } else {
            format!("{} in {}", row.rule, row.symbol)
        };
        match groups.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => groups.push((why, vec![name])),
        }
    }
    let groups: Vec<String> =
        groups.iter().map(|(why, names)| format!("{} ({why})", names.join(", "))).collect();
    (!groups.is_empty()).then(|| format!("Not counted: {}.", groups.join("; ")))
}

/// A row a rule, a size and its ratio a day.
fn day_table(context: &Context<'_>, symbol: &str, side: Side) -> Option<Table> {
    let rows: Vec<&SizeOn> = context
        .result
        .sizes_on
        .iter()
        .filter(|row| row.symbol == symbol && row.side == side)
        .collect();
    let first = rows.first()?;
    let dates = dates(&context.result.sizes_on);
    let mut table = Table::new(
        format!("Notional over equity of a {side} of {} on the eve", first.symbol),
        &["Rule", "#Median|Of the rule over days of the compared period"],
    );
    for date in &dates {
        table.columns.push(Column::numbers(date.date_string()));
        table.columns.push(Column {
            meaning: "The size over the rule's median".to_owned(),
            ..Column::numbers("ratio")
        });
    }
    for rule in &context.result.rules {
        let of_rule: Vec<&&SizeOn> = rows.iter().filter(|row| row.rule == rule.name).collect();
        let Some(any) = of_rule.first() else { continue };
        let mut cells = vec![
            Cell::rule_named(context, &rule.name),
            Cell::optional(any.median_leverage, words::leverage, Some("no day has a bar")),
        ];
        for date in &dates {
            let on_day = of_rule.iter().find(|row| row.date == *date);
            cells.push(on_day.map_or_else(Cell::default, |row| size_cell(row)));
            let why = Some("there is no size, or the rule's median is 0");
            let ratio = on_day.and_then(|row| ratio(row));
            cells.push(Cell::optional(ratio, |ratio| words::fixed(ratio, 2), why));
        }
        table.rows.push(cells);
    }
    Some(table)
}

/// The size, with every limit on pointing at it.
fn size_cell(row: &SizeOn) -> Cell {
    let found = match &row.decision {
        Ok(found) => found,
        Err(reason) => return Cell::optional(None, words::leverage, Some(reason)),
    };
    let mut title = if found.binding_limit.is_empty() {
        String::new()
    } else {
        let is_gate = found.multipliers.iter().any(|gate| gate.name == found.binding_limit);
        let verb = if is_gate { "refuses" } else { "binds" };
        format!("{} {verb}", found.binding_limit.replace('_', " "))
    };
    if !found.reason.is_empty() {
        let _ = write!(title, ", no size: {}", limits::reason(found.reason));
    }
    let values = found.limits.iter().map(|limit| (limit.name, words::leverage(limit.leverage)));
    let factors = found.multipliers.iter().map(|gate| (gate.name, words::number(gate.factor)));
    for (name, value) in values.chain(factors) {
        let _ = write!(title, "; {} {value}", name.replace('_', " "));
    }
    Cell { title, ..Cell::number(words::leverage(found.leverage), found.leverage) }
}

fn worth(context: &Context<'_>) -> Result<Vec<Block>, ReportError> {
    let result = context.result;
    let of_account = |row: &&LimitWorth| {
        result.rules.first().is_some_and(|rule| row.symbol == rule.account().scope)
    };
    let rows: Vec<&LimitWorth> = result.limit_worth.iter().filter(of_account).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut blocks = vec![
        Block::Heading("What each limit is worth".to_owned()),
        Block::Text(
            "The rule with all its limits minus the same rule without the one named, on the same \
             resampled days: a limit is worth having where it adds growth or takes away drawdown. \
             An interval across zero means that the data do not tell; a limit that never binds is \
             worth nothing here and may still be worth its keep in a history that did not happen."
                .to_owned(),
        ),
    ];
    let mut rules: Vec<&str> = Vec::new();
    for row in &rows {
        if !rules.contains(&row.rule.as_str()) {
            rules.push(&row.rule);
        }
    }
    blocks.push(Block::Text(super::verdict::HOW_TESTED.to_owned()));
    for rule in rules {
        let of_rule: Vec<&LimitWorth> =
            rows.iter().filter(|row| row.rule == rule).copied().collect();
        let names = limit_names(&of_rule);
        for metric in metrics(&of_rule) {
            blocks.extend(forest_plot(rule, metric, &of_rule, &names)?);
        }
        let line = format!("What each limit of {rule} is worth, with intervals and p-values");
        blocks.push(Block::Folded(line, worth_table(rule, &of_rule, &names)));
    }
    Ok(blocks)
}

fn limit_names<'a>(rows: &[&'a LimitWorth]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.limit.as_str()) {
            names.push(&row.limit);
        }
    }
    names
}

fn metrics(rows: &[&LimitWorth]) -> Vec<&'static str> {
    let mut metrics = Vec::new();
    for row in rows {
        if !metrics.contains(&row.metric) {
            metrics.push(row.metric);
        }
    }
    metrics
}

fn forest_plot(
    rule: &str,
    metric: &str,
    rows: &[&LimitWorth],
    names: &[&str],
) -> Result<Option<Block>, ReportError> {
    let keys: Vec<String> = (0..names.len()).map(letters).collect();
    let drawn: Vec<Difference<'_>> = rows
        .iter()
        .filter(|row| row.metric == metric)
        .filter_map(|row| {
            let index = names.iter().position(|name| *name == row.limit)?;
            Some(Difference {
                style: index % DRAWN_MAX,
                key: &keys[index],
                name: &row.limit,
                value: row.difference?,
                interval: row.low.zip(row.high),
            })
        })
        .collect();
    if drawn.is_empty() {
        return Ok(None);
    }
    let missing: Vec<String> = rows
        .iter()
        .filter(|row| row.metric == metric && row.difference.is_none())
        .map(|row| {
            let reason = row.reason.as_deref().unwrap_or("it is undefined");
            format!(" Not drawn: {} ({reason}).", row.limit)
        })
        .collect();
    let label = words::metric_label(metric);
    let title = format!("{rule}: {label} with each limit minus without it");
    let figure = forest::figure(&title, &drawn, |value| words::metric_tick(metric, value))?;
    let better = if metric == "max_drawdown" {
        "To the left of zero the limit made the largest drawdown smaller."
    } else {
        "To the right of zero the limit added growth."
    };
    Ok(Some(Block::Figure {
        title,
        caption: format!(
            "{better} 95 % intervals; the letters are those of the table below.{}",
            missing.concat()
        ),
        figure,
        cursor: "",
    }))
}

fn worth_table(rule: &str, rows: &[&LimitWorth], names: &[&str]) -> Table {
    let mut table = Table::new(
        format!("{rule} minus {rule} without the limit"),
        &[
            "Limit",
            "Metric",
            "#Difference",
            "#95 % from",
            "#to",
            "#p|Two-sided bootstrap p-value",
            "#p adjusted|After Holm's adjustment for the number of limits",
        ],
    );
    for row in rows {
        let index = names.iter().position(|name| *name == row.limit).unwrap_or_default();
        let reason = row.reason.as_deref();
        let value = |value| Cell::optional(value, |value| words::metric(row.metric, value), reason);
        table.rows.push(vec![
            Cell {
                key: Some((letters(index), Some(index % DRAWN_MAX))),
                ..Cell::text(row.limit.replace('_', " "))
            },
            Cell::text(words::metric_label(row.metric)),
            value(row.difference),
            value(row.low),
            value(row.high),
            Cell::optional(row.p_value, words::p_value, reason),
            Cell::optional(row.p_value_adjusted, words::p_value, reason),
        ]);
    }
    table
}
