//! How to reproduce the result.

use super::blocks::{Block, Cell, Table};
use super::{Context, Section};

pub(super) fn section(context: &Context<'_>) -> Section {
    let result = context.result;
    let receipt = &result.receipt;
    let block_days = result
        .bootstrap
        .mean_block_days
        .map_or_else(|| "not estimated".to_owned(), |days| format!("{days:.2} days"));
    let mut table = Table::new("Receipt", &["What", "Value"]);
    for (what, value) in [
        ("Program version", receipt.version.clone()),
        ("Data, SHA-256 of the columns read", receipt.data_hash.clone()),
        ("Strategy file, SHA-256", receipt.config_hash.clone()),
        ("Venue tables, SHA-256", receipt.tables_hash.clone()),
        ("Result, SHA-256", receipt.result_hash.clone()),
        ("Seed of every random draw", receipt.seed.to_string()),
        ("Bootstrap draws", result.bootstrap.draws.to_string()),
        ("Bootstrap mean block", block_days),
    ] {
        table.rows.push(vec![Cell::text(what), Cell::text(value)]);
    }
    Section {
        id: "reproduce",
        title: "How to reproduce this",
        short: "Reproduce",
        blocks: vec![
            Block::Text(
                "The same data, file, seed and version give the same bytes, on any number of \
                 threads. Save the file below and run:"
                    .to_owned(),
            ),
            Block::Verbatim(format!("plimsoll study {}.toml", result.name)),
            Block::Table(table),
            Block::Heading("The strategy file as it was run".to_owned()),
            Block::Verbatim(result.strategy_text.clone()),
        ],
    }
}
