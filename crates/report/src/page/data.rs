//! Data coverage, flags and notes.

use plimsoll_engine::MarginMode;

use super::blocks::{Block, Cell, Table};
use super::{Context, Section, counted};
use crate::tables::summary::accounts;
use crate::words;

pub(super) fn section(context: &Context<'_>) -> Section {
    let result = context.result;
    let mut blocks = Vec::new();
    if let Some(label) = &result.data_label {
        blocks.push(Block::Note(label.clone()));
    }
    blocks.push(Block::Text(compared_period(context)));
    if result.settings.margin == MarginMode::Isolated {
        blocks.push(Block::Note(
            "Isolated margin with a fixed leverage: the liquidation distance follows from the \
             leverage and the venue's bracket alone, so all rules share one liquidation distance \
             per bracket. What the rules differ in is how much stands behind it."
                .to_owned(),
        ));
    }
    blocks.push(Block::Table(coverage_table(context)));
    blocks.extend(flags(context));
    blocks.extend(run_flags(context));
    if !result.notes.is_empty() {
        blocks.push(Block::Heading("Notes".to_owned()));
        blocks.push(Block::List(result.notes.clone()));
    }
    blocks.extend(undefined(context));
    Section { id: "data", title: "Data coverage, flags and notes", short: "Data and flags", blocks }
}

fn compared_period(context: &Context<'_>) -> String {
    let (result, timeline) = (context.result, context.timeline);
    let excluded = if result.trades_excluded == 0 {
        "which excludes no trade of the period".to_owned()
    } else {
        format!(
            "which excludes {} of the period before it",
            counted(result.trades_excluded, "trade", "trades")
        )
    };
    format!(
        "The study asks for {} to {}. Rules are compared from {} on, the first decision at which \
         every one of them is defined, {excluded}.",
        result.from.date_string(),
        result.to.date_string(),
        words::minute(timeline.close(result.compare_from_bar)),
    )
}

fn coverage_table(context: &Context<'_>) -> Table {
    let mut table = Table::new(
        "What the data cover",
        &[
            "Symbol",
            "#Bars",
            "First",
            "Last",
            "#With mark price|Bars of the period with a mark price",
            "#Funding settlements",
            "#Liquidation feed|Bars for which the exchange's liquidation feed is known",
            "#Open interest|Bars for which open interest is known",
        ],
    );
    for row in &context.result.coverage {
        let n = |count: usize| Cell::number(words::count(count as f64), count as f64);
        let time = |time: Option<plimsoll_market::Timestamp>| {
            time.map_or_else(
                || Cell::optional(None, words::number, Some("no bar in the period")),
                |time| Cell::text(words::minute(time)),
            )
        };
        table.rows.push(vec![
            Cell::text(row.symbol.clone()),
            n(row.bars),
            time(row.first),
            time(row.last),
            n(row.mark_bars),
            n(row.funding_settlements),
            n(row.liquidation_bars),
            n(row.open_interest_bars),
        ]);
    }
    table
}

fn flags(context: &Context<'_>) -> Vec<Block> {
    let mut table = Table::new(
        "Flags raised on loading the data",
        &["Symbol", "Record", "Flag", "#Count", "First", "What it means"],
    );
    for symbol in &context.result.coverage {
        for flag in &symbol.flags {
            let count = flag.count as f64;
            table.rows.push(vec![
                Cell::text(symbol.symbol.clone()),
                Cell::text(flag.kind.name().replace('_', " ")),
                Cell::text(flag.name.replace('_', " ")),
                Cell::number(words::count(count), count),
                Cell::text(words::minute(flag.first)),
                Cell::text(flag.message.clone()),
            ]);
        }
    }
    vec![if table.rows.is_empty() {
        Block::Text("Loading the data raised no flag.".to_owned())
    } else {
        Block::Table(table)
    }]
}

/// What happened in the replays that a reader has to know.
fn run_flags(context: &Context<'_>) -> Option<Block> {
    let mut table = Table::new(
        "Flags raised in the replays",
        &[
            "Rule",
            "#No mark price|Bars with a position for which the last price stood in for the mark",
            "#Joint extreme only|Bars at which only all positions at their adverse extreme \
             together called for a liquidation",
            "#Funding price estimated|Settlements charged at a price that the source did not record",
            "#Above top bracket|Bars with a position above what the venue's last bracket covers",
        ],
    );
    for (rule, found) in context.result.rules.iter().enumerate() {
        let outcome = &found.account().outcome;
        let counts = [
            outcome.mark_fallback_bars,
            outcome.joint_extreme_bars,
            outcome.funding_price_estimated,
            outcome.above_top_bracket_bars,
        ];
        if counts.iter().any(|&count| count > 0) {
            let mut cells = vec![Cell::rule(context, rule)];
            cells
                .extend(counts.map(|count| Cell::number(words::count(count as f64), count as f64)));
            table.rows.push(cells);
        }
    }
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

/// Every undefined metric with its reason, and every remark on a defined one.
fn undefined(context: &Context<'_>) -> Option<Block> {
    let mut table = Table::new(
        "Undefined metrics and remarks",
        &["Rule", "Account", "Metric", "Defined", "Why"],
    );
    for (rule, account) in accounts(context.result) {
        for metric in &account.metrics {
            if let Some(reason) = &metric.reason {
                table.rows.push(vec![
                    Cell::rule_named(context, rule),
                    Cell::text(account.scope.clone()),
                    Cell::text(metric.name.clone()),
                    Cell::text(if metric.value.is_some() { "yes" } else { "no" }),
                    Cell::text(reason.clone()),
                ]);
            }
        }
    }
    let line = counted(
        table.rows.len(),
        "metric is undefined or has a remark",
        "metrics are undefined or have a remark",
    );
    (!table.rows.is_empty()).then_some(Block::Folded(line, table))
}
