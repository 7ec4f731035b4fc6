//! Equity and drawdown over time.

use serde_json::json;

use super::blocks::{Block, Cell, Column, Legend, Table};
use super::{Context, Section};
use crate::chart::curves::{self, Curve, Scale};
use crate::error::ReportError;
use crate::tables::monthly::MonthRow;
use crate::timeline::{Month, drawdowns};
use crate::words;

/// Liquidations marked on one rule's curve; more would hide it.
const MARKED_MAX: usize = 30;

/// Instants at which the cursor shows values.
const CURSOR_SAMPLES: usize = 500;

pub(super) fn section(context: &Context<'_>) -> Result<Section, ReportError> {
    let mut blocks = vec![
        Block::Text(
            "The same trades under each rule, marked at each bar's close. Letters at the right \
             edge name the rules; pressing a rule in the list hides it in every chart, and \
             pointing at a chart shows the values."
                .to_owned(),
        ),
        Block::Legend(Legend::of(context)),
    ];
    let drawdown: Vec<Vec<f64>> = context
        .keys
        .drawn
        .iter()
        .map(|&rule| {
            let outcome = &context.result.rules[rule].account().outcome;
            drawdowns(outcome.initial_equity, &outcome.equity)
        })
        .collect();
    let equity: Vec<Curve<'_>> = context
        .keys
        .drawn()
        .map(|(rule, style)| {
            let outcome = &context.result.rules[rule].account().outcome;
            let mut curve = curve(context, rule, style, &outcome.equity);
            curve.marked =
                outcome.liquidations.iter().take(MARKED_MAX).map(|row| row.bar).collect();
            curve
        })
        .collect();
    let drawdown: Vec<Curve<'_>> = context
        .keys
        .drawn()
        .zip(&drawdown)
        .map(|((rule, style), values)| curve(context, rule, style, values))
        .collect();
    let has_marks = equity.iter().any(|curve| !curve.marked.is_empty());
    blocks.push(figure(
        context,
        format!("Equity in {}, logarithmic", context.result.currency),
        &equity,
        Scale::Equity,
        if has_marks {
            "Equal heights are equal percentages. Markers on a curve are liquidations."
        } else {
            "Equal heights are equal percentages."
        },
    )?);
    blocks.push(Block::Folded(
        "Equity at the end of each month".to_owned(),
        by_month(context, "Equity at the end of each month", |row| {
            Cell::number(words::money(row.equity_end), row.equity_end)
        }),
    ));
    blocks.push(figure(
        context,
        "Drawdown from the running peak".to_owned(),
        &drawdown,
        Scale::Drawdown,
        "Distance of each close from the highest close before it.",
    )?);
    blocks.push(Block::Folded(
        "Largest drawdown of each month".to_owned(),
        by_month(context, "Largest drawdown of each month", |row| {
            Cell::number(words::percent(row.max_drawdown), row.max_drawdown)
        }),
    ));
    Ok(Section { id: "equity", title: "Equity and drawdown", short: "Equity and drawdown", blocks })
}

/// What the page's cursor shows: times and values of every drawn rule at evenly spaced bars, and
/// where the plots lie inside their drawings.
pub(super) fn cursor_data(context: &Context<'_>) -> Result<String, ReportError> {
    let drawn = || context.keys.drawn().map(|(rule, _)| rule);
    let outcome = |rule: usize| &context.result.rules[rule].account().outcome;
    let first = drawn().map(|rule| outcome(rule).from_bar).min().unwrap_or(0);
    let end = drawn().map(|rule| outcome(rule).from_bar + outcome(rule).equity.len()).max();
    let last = end.unwrap_or(0).saturating_sub(1).max(first);
    let samples = CURSOR_SAMPLES.min(last - first + 1);
    let bars: Vec<usize> =
        (0..samples).map(|sample| first + sample * (last - first) / (samples - 1).max(1)).collect();
    let at = |from_bar: usize, values: &[f64], scale: f64| -> Vec<Option<f64>> {
        let value = |bar: &usize| Some(*values.get(bar.checked_sub(from_bar)?)?);
        bars.iter().map(|bar| value(bar).map(|value| (value * scale).round() / scale)).collect()
    };
    let rules: Vec<_> = drawn()
        .map(|rule| {
            let outcome = outcome(rule);
            let drawdown = drawdowns(outcome.initial_equity, &outcome.equity);
            // Cents where the account is small enough for them to matter.
            let scale = if outcome.initial_equity < 10_000.0 { 100.0 } else { 1.0 };
            json!({
                "key": context.keys.key(rule),
                "name": context.result.rules[rule].name,
                "equity": at(outcome.from_bar, &outcome.equity, scale),
                "drawdown": at(outcome.from_bar, &drawdown, 1e4),
            })
        })
        .collect();
    let data = json!({
        "times": bars
            .iter()
            .map(|&bar| words::minute(context.timeline.close(bar)))
            .collect::<Vec<_>>(),
        "bars": bars.iter().map(|bar| bar - first).collect::<Vec<_>>(),
        "plots": [curves::wide_plot(), curves::narrow_plot()],
        "rules": rules,
    });
    // Inside a script element, only `<` could end it early.
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

fn curve<'a>(context: &'a Context<'_>, rule: usize, style: usize, values: &'a [f64]) -> Curve<'a> {
    Curve {
        style,
        key: context.keys.key(rule),
        from_bar: context.result.rules[rule].account().outcome.from_bar,
        values,
        marked: Vec::new(),
    }
}

fn figure(
    context: &Context<'_>,
    title: String,
    drawn: &[Curve<'_>],
    scale: Scale,
    caption: &str,
) -> Result<Block, ReportError> {
    Ok(Block::Figure {
        figure: curves::figure(&title, drawn, scale, context.timeline)?,
        title,
        caption: caption.to_owned(),
        cursor: if scale == Scale::Equity { "equity" } else { "drawdown" },
    })
}

/// Months as rows, drawn rules as columns.
fn by_month(context: &Context<'_>, caption: &str, cell: impl Fn(&MonthRow) -> Cell) -> Table {
    let mut table = Table::new(caption, &["Month"]);
    let mut months: Vec<Month> = Vec::new();
    let mut columns: Vec<Vec<&MonthRow>> = Vec::new();
    for &rule in &context.keys.drawn {
        let found = &context.result.rules[rule];
        table.columns.push(Column::numbers(format!("{} {}", context.keys.key(rule), found.name)));
        let scope = &found.account().scope;
        let rows: Vec<&MonthRow> = context
            .monthly
            .iter()
            .filter(|row| row.rule == found.name && row.scope == *scope)
            .collect();
        months.extend(rows.iter().map(|row| row.month));
        columns.push(rows);
    }
    months.sort_unstable();
    months.dedup();
    for month in months {
        let mut cells = vec![Cell::text(month.to_string())];
        cells.extend(columns.iter().map(|rows| {
            rows.iter().find(|row| row.month == month).map_or_else(
                || Cell::optional(None, words::number, Some("no bar")),
                |row| cell(row),
            )
        }));
        table.rows.push(cells);
    }
    table
}
