//! `plimsoll data`

mod rules;

use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_ingest::{Severity, check, ls};
use plimsoll_market::Lake;
use serde_json::json;

use crate::args::{DataArguments, DataCommand, Global};
use crate::error::{CliError, FAILED};
use crate::output::{Output, aligned, counted, grouped};

pub(crate) fn run(
    arguments: &DataArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let lake = Lake::new(&global.data);
    match &arguments.command {
        DataCommand::Ls => list(&lake, output),
        DataCommand::Check => check_all(&lake, output),
        DataCommand::Rules(settings) => rules::run(settings, global, output),
    }
}

/// What to do about an empty lake.
const INGEST_HINT: &str = "`plimsoll ingest PATH` takes archives in";

fn empty(lake: &Lake) -> String {
    format!("the lake at {} is empty", lake.root().display())
}

fn list(lake: &Lake, output: Output) -> Result<ExitCode, CliError> {
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

fn check_all(lake: &Lake, output: Output) -> Result<ExitCode, CliError> {
    let findings = check(lake)?;
    for finding in &findings {
        output.text(&format!(
            "{}: {}: {} ({} from {})",
            finding.severity,
            finding.series,
            finding.message,
            finding.rule,
            finding.first.map_or("the beginning".to_owned(), |time| time.to_string())
        ));
    }
    let count = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let n_series = lake.series()?.len();
    if n_series > 0 {
        output.text(&format!(
            "{}, {}, {} in {n_series} series",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(count(Severity::Note), "note"),
        ));
    }
    output.document(&json!(
        findings
            .iter()
            .map(|finding| json!({
                "severity": finding.severity.to_string(),
                "rule": finding.rule,
                "kind": finding.series.kind.name(),
                "venue": finding.series.venue,
                "symbol": finding.series.symbol,
                "interval": finding.series.interval,
                "count": finding.count,
                "first": finding.first,
                "message": finding.message,
            }))
            .collect::<Vec<_>>()
    ));
    if n_series == 0 {
        return Err(CliError::failed(empty(lake), INGEST_HINT));
    }
    Ok(if errors > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}
