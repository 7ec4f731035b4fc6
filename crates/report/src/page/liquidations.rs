//! Liquidations and tail risk.

use plimsoll_study::result::RuleResult;

use super::blocks::{Block, Cell, Table};
use super::{Context, Section, counted};
use crate::tables::full_precision;
use crate::words;

/// Rows that the page shows; all of them are in `liquidations.csv`.
const SHOWN_MAX: usize = 200;

pub(super) fn section(context: &Context<'_>) -> Section {
    let mut blocks = liquidations(context);
    blocks.push(Block::Heading("Tail risk of daily returns".to_owned()));
    blocks.push(Block::Text(
        "Value at risk (VaR) is the daily loss exceeded with the tail probability given; expected \
         shortfall (ES) is the mean loss beyond it. Historical values read the sample, Gaussian \
         ones assume a normal law, GPD ones fit the tail beyond a threshold (extreme value \
         theory), the expectile weighs losses against gains. All are shares of equity, losses \
         positive."
            .to_owned(),
    ));
    blocks.push(Block::Table(tail_table(context)));
    Section {
        id: "liquidations",
        title: "Liquidations and tail risk",
        short: "Liquidations and tails",
        blocks,
    }
}

fn liquidations(context: &Context<'_>) -> Vec<Block> {
    let result = context.result;
    let forced = |rule: &RuleResult| rule.account().outcome.liquidations.len();
    let total: usize = result.rules.iter().map(forced).sum();
    if total == 0 {
        return vec![Block::Lead("No rule was liquidated.".to_owned())];
    }
    let hit = result.rules.iter().filter(|rule| forced(rule) > 0).count();
    let mut blocks = vec![Block::Lead(format!(
        "{hit} of {} {} liquidated, {} in all.",
        counted(result.rules.len(), "rule", "rules"),
        if hit == 1 { "was" } else { "were" },
        counted(total, "forced close", "forced closes")
    ))];
    if total > SHOWN_MAX {
        blocks.push(Block::Note(format!(
            "Shown are the first {SHOWN_MAX}; liquidations.csv has all of them."
        )));
    }
    let mut table = Table::new(
        "Forced closes of the whole account",
        &[
            "Rule",
            "Time (UTC)|Open of the bar in which the mark price reached the liquidation price",
            "Symbol",
            "Side",
            "#Mark price|At which the margin no longer sufficed",
            "#Mark extreme|Adverse extreme of the mark in that bar",
            "#Fill price",
            "#Bankruptcy price|At which the margin would have been used up",
            "#Quantity closed",
            "#Left open",
            "#Bracket|Tier of the venue's maintenance margin table",
            "#Maintenance rate|Maintenance margin rate of that tier",
            "#Max leverage|Largest leverage of that tier",
            "#Fee|Liquidation fee and forfeited margin",
            "#Equity after",
        ],
    );
    let rows = result.rules.iter().enumerate().flat_map(|(rule, found)| {
        found.account().outcome.liquidations.iter().map(move |r| (rule, r))
    });
    for (rule, row) in rows.take(SHOWN_MAX) {
        let time = context.timeline.open(row.bar);
        let price = |value: f64| Cell::number(words::price(value), value);
        let mut mark = price(row.mark_price);
        if row.mark_is_last {
            mark.text.push('*');
            "the mark price was unknown; the last price stood in for it"
                .clone_into(&mut mark.title);
        }
        let tier = f64::from(row.bracket_tier);
        table.rows.push(vec![
            Cell::rule(context, rule),
            Cell::text(words::minute(time)),
            Cell::text(result.symbols[row.symbol_idx].clone()),
            Cell::text(row.side.name()),
            mark,
            price(row.mark_extreme),
            price(row.fill_price),
            price(row.bankruptcy_price),
            Cell::number(words::number(row.quantity), row.quantity),
            Cell::number(words::number(row.quantity_left), row.quantity_left),
            Cell::number(words::count(tier), tier),
            Cell::number(words::percent(row.maintenance_margin_rate), row.maintenance_margin_rate),
            Cell::number(words::times(row.bracket_leverage_max), row.bracket_leverage_max),
            Cell::number(words::money(row.fee), row.fee),
            Cell::number(words::money(row.equity_after), row.equity_after),
        ]);
    }
    blocks.push(Block::Table(table));
    let fell_back =
        |rule: &RuleResult| rule.account().outcome.liquidations.iter().any(|row| row.mark_is_last);
    if result.rules.iter().any(fell_back) {
        blocks.push(Block::Text(
            "* The mark price was unknown in that bar; the last price stood in for it.".to_owned(),
        ));
    }
    blocks
}

fn tail_table(context: &Context<'_>) -> Table {
    let mut table = Table::new(
        "Daily value at risk and expected shortfall",
        &[
            "Rule",
            "#Tail probability",
            "#VaR historical",
            "#ES historical",
            "#VaR Gaussian",
            "#ES Gaussian",
            "#VaR GPD",
            "#ES GPD",
            "#Expectile",
        ],
    );
    for (rule, found) in context.result.rules.iter().enumerate() {
        for &alpha in &context.result.alphas {
            let name = full_precision(alpha);
            let mut cells =
                vec![Cell::rule(context, rule), Cell::number(words::percent(alpha), alpha)];
            cells.extend(
                ["hist_var", "hist_es", "gauss_var", "gauss_es", "gpd_var", "gpd_es", "expectile"]
                    .map(|metric| Cell::metric(found.account(), &format!("{metric}_{name}"))),
            );
            table.rows.push(cells);
        }
    }
    table
}
