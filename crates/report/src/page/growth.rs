//! Growth against drawdown and ruin.

use plimsoll_study::result::AccountResult;

use super::blocks::{Block, Cell, Column, Table};
use super::{Context, Section};
use crate::chart::scatter::{self, Point};
use crate::error::ReportError;
use crate::words;

const HEADINGS: [&str; 13] = [
    "Rule",
    "#Final equity",
    "#CAGR|Growth a year, compound",
    "#Max drawdown|Largest distance of a daily close from the running peak",
    "#Ruin probability|Probability of ruin as defined above, along the fixed path",
    "#from|Lower end of the interval of sampling error",
    "#to|Upper end of the interval of sampling error",
    "#Sharpe|Annual, risk-free rate 0",
    "#± se|Standard error of the Sharpe ratio",
    "#Volatility|Annual",
    "#Liquidations|Forced closes, partial ones included",
    "#Trades",
    "Ruined at",
];

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let result = context.result;
    let points: Vec<Point<'_>> = context
        .keys
        .drawn()
        .filter_map(|(rule, style)| {
            let found = &result.rules[rule];
            Some(Point {
                style,
                key: context.keys.key(rule),
                name: &found.name,
                drawdown: found.account().value("max_drawdown")?,
                growth: found.account().value("cagr")?,
            })
        })
        .collect();
    let mut blocks = vec![Block::Text(format!(
        "Ruin is a drawdown of {} from the running peak within {} days, or an account that can no \
         longer carry a position. Its probability comes from resampling whole days of each rule's \
         own path (fixed-path: sizes are not decided anew on the resampled paths); the interval is \
         the sampling error of the data.",
        words::percent(result.ruin.drawdown),
        result.ruin.horizon_days
    ))];
    if !points.is_empty() {
        let title = "Growth against drawdown".to_owned();
        blocks.push(Block::Figure {
            figure: scatter::figure(&title, &points, result.ruin.drawdown)?,
            title,
            caption: "Up is more growth, right is deeper drawdown: of two rules at the same \
                      height, the left one bought its growth cheaper."
                .to_owned(),
            cursor: "",
        });
    }
    let mut table = Table::new(
        format!("Growth, drawdown and ruin, {}", scope_label(&result.rules[0].account().scope)),
        &HEADINGS,
    );
    for rule in 0..result.rules.len() {
        table.rows.push(row(context, rule, result.rules[rule].account()));
    }
    blocks.push(Block::Table(table));
    blocks.extend(by_symbol(context));
    blocks.push(Block::Folded("Every metric of the whole account".to_owned(), metrics(context)));
    Ok(Section {
        id: "growth",
        title: "Growth against drawdown and ruin",
        short: "Growth and ruin",
        blocks,
    })
}

/// The same table for each symbol in an account of its own.
fn by_symbol(context: &Context<'_>) -> Option<Block> {
    let mut headings = vec!["Symbol"];
    headings.extend(HEADINGS);
    let mut table = Table::new("Each symbol in an account of its own", &headings);
    for &rule in &context.keys.drawn {
        for account in context.result.rules[rule].accounts.iter().skip(1) {
            let mut cells = vec![Cell::text(account.scope.clone())];
            cells.extend(row(context, rule, account));
            table.rows.push(cells);
        }
    }
    (!table.rows.is_empty())
        .then(|| Block::Folded("Each symbol in an account of its own".to_owned(), table))
}

/// Every metric as rows, drawn rules as columns.
fn metrics(context: &Context<'_>) -> Table {
    let mut table = Table::new("Every metric, by the names of summary.csv", &["Metric"]);
    let mut names: Vec<&str> = Vec::new();
    for &rule in &context.keys.drawn {
        let found = &context.result.rules[rule];
        table.columns.push(Column::numbers(format!("{} {}", context.keys.key(rule), found.name)));
        for metric in &found.account().metrics {
            if !names.contains(&metric.name.as_str()) {
                names.push(&metric.name);
            }
        }
    }
    for name in names {
        let mut cells = vec![Cell::text(name)];
        cells.extend(
            context
                .keys
                .drawn
                .iter()
                .map(|&rule| Cell::metric(context.result.rules[rule].account(), name)),
        );
        table.rows.push(cells);
    }
    table
}

fn row(context: &Context<'_>, rule: usize, account: &AccountResult) -> Vec<Cell> {
    let ruined_at = account
        .outcome
        .ruined_at
        .map_or_else(|| "\u{2013}".to_owned(), |bar| words::minute(context.timeline.close(bar)));
    let mut cells = vec![Cell::rule(context, rule)];
    cells.extend(
        [
            "final_equity",
            "cagr",
            "max_drawdown",
            "ruin_probability",
            "ruin_probability_low",
            "ruin_probability_high",
            "sharpe_annual",
            "sharpe_standard_error",
            "volatility_annual",
            "liquidations",
            "trades",
        ]
        .map(|name| Cell::metric(account, name)),
    );
    cells.push(Cell::text(ruined_at));
    cells
}

fn scope_label(scope: &str) -> &str {
    if scope == "portfolio" { "all symbols in one account" } else { scope }
}
