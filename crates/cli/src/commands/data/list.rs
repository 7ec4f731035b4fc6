//! `plimsoll data ls`

use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_ingest::ls;
use plimsoll_market::Lake;
use serde_json::json;

use super::{INGEST_HINT, empty};
use crate::error::CliError;
use crate::output::{Output, aligned, grouped};

pub(super) fn run(lake: &Lake, output: Output) -> Result<ExitCode, CliError> {
    let series = ls(lake)?;
    if series.is_empty() {
        output.message(&format!("{}; {INGEST_HINT}", empty(lake)));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "kind", "venue", "symbol", "interval", "first", "last", "rows", "missing", "kB", "sources",
    ]);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if idx >= 6 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let time =
        |time: Option<plimsoll_market::Timestamp>| time.map_or("-".into(), |t| t.to_string());
    for one in &series {
        table.add_row([
            one.series.kind.name().to_owned(),
            one.series.venue.clone(),
            one.series.symbol.clone(),
            one.series.interval.map_or("-".into(), |interval| interval.to_string()),
            time(one.first),
            time(one.last),
            grouped(&one.rows.to_string()),
            grouped(&one.gaps.missing.to_string()),
            grouped(&one.bytes.div_ceil(1000).to_string()),
            grouped(&one.sources.len().to_string()),
        ]);
    }
    if !series.is_empty() {
        output.text(&aligned(&table));
    }
    output.document(&json!(
        series
            .iter()
            .map(|one| json!({
                "kind": one.series.kind.name(),
                "venue": one.series.venue,
                "symbol": one.series.symbol,
                "interval": one.series.interval,
                "first": one.first,
                "last": one.last,
                "rows": one.rows,
                "months": one.months,
                "missing": one.gaps.missing,
                "gaps": one.gaps.count,
                "first_gap": one.gaps.first,
                "covered": one.covered,
                "bytes": one.bytes,
                "sources": one.sources,
            }))
            .collect::<Vec<_>>()
    ));
    Ok(ExitCode::SUCCESS)
}
