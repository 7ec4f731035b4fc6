//! `plimsoll data ls`

use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_ingest::{Coverage, Rule, check, ls_readable};
use plimsoll_market::Lake;
use serde_json::{Value, json};

use super::{INGEST_HINT, calendar, empty, named, time_or_dash};
use crate::args::ListArguments;
use crate::error::CliError;
use crate::output::{Output, aligned, failure, grouped, terminal_width};

pub(super) fn run(
    arguments: &ListArguments,
    lake: &Lake,
    output: Output,
) -> Result<ExitCode, CliError> {
    let (series, unreadable) = ls_readable(lake, &arguments.selection.selection())?;
    if series.is_empty() && unreadable.is_empty() {
        let is_empty = lake.series()?.is_empty();
        let text = if is_empty {
            format!("{}; {INGEST_HINT}", empty(lake))
        } else {
            "no series is as asked for; without options all are listed".to_owned()
        };
        output.message(&text);
    }
    if arguments.csv {
        output.text(csv(&series).trim_end());
    } else if arguments.long && !series.is_empty() {
        output.text(&aligned(&table(&series)));
    } else if !series.is_empty() {
        output.text(&calendar::draw(&series, terminal_width()));
    }
    output.document(&series.iter().map(document).collect::<Vec<_>>());
    for (one, error) in &unreadable {
        let hint = check::hint(Rule::Unreadable).unwrap_or_default();
        failure(&format!("{one} is not listed: {error}; {hint}"));
    }
    Ok(if unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(series: &[Coverage]) -> Table {
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
    for one in series {
        table.add_row([
            one.series.kind.name().to_owned(),
            one.series.venue.clone(),
            one.series.symbol.clone(),
            one.series.interval.map_or("-".into(), |interval| interval.to_string()),
            time_or_dash(one.first),
            time_or_dash(one.last),
            grouped(&one.rows.to_string()),
            grouped(&one.gaps.missing.to_string()),
            grouped(&one.bytes.div_ceil(1000).to_string()),
            grouped(&one.sources.len().to_string()),
        ]);
    }
    table
}

/// A row a series and month. Sources are separated by `;`.
fn csv(series: &[Coverage]) -> String {
    let mut text = "kind,venue,symbol,interval,month,rows,expected_rows,covered_fraction,gaps,\
                    missing,first,last,bytes,sources\n"
        .to_owned();
    for one in series {
        for month in &one.months {
            let time = |time: Option<plimsoll_market::Timestamp>| {
                time.map(|time| time.to_string()).unwrap_or_default()
            };
            let fields = [
                one.series.kind.name().to_owned(),
                one.series.venue.clone(),
                one.series.symbol.clone(),
                one.series.interval.map(|interval| interval.to_string()).unwrap_or_default(),
                month.month.to_string(),
                month.rows.to_string(),
                month.expected_rows.map(|rows| rows.to_string()).unwrap_or_default(),
                month.covered_fraction.to_string(),
                month.gaps.count.to_string(),
                month.gaps.missing.to_string(),
                time(month.first),
                time(month.last),
                month.bytes.to_string(),
                quoted(&month.sources.join(";")),
            ];
            text.push_str(&fields.join(","));
            text.push('\n');
        }
    }
    text
}

/// A field of CSV; file names may hold commas and quotes.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn document(one: &Coverage) -> Value {
    let mut members = named(&one.series);
    let months: Vec<Value> = one
        .months
        .iter()
        .map(|month| {
            json!({
                "month": month.month.to_string(),
                "rows": month.rows,
                "expected_rows": month.expected_rows,
                "covered_fraction": month.covered_fraction,
                "gaps": month.gaps.count,
                "missing": month.gaps.missing,
                "first_gap": month.gaps.first,
                "first": month.first,
                "last": month.last,
                "bytes": month.bytes,
                "sources": month.sources,
            })
        })
        .collect();
    let more = json!({
        "first": one.first,
        "last": one.last,
        "rows": one.rows,
        "missing": one.gaps.missing,
        "gaps": one.gaps.count,
        "first_gap": one.gaps.first,
        "covered": one.covered,
        "bytes": one.bytes,
        "sources": one.sources,
        "months": months,
    });
    if let Value::Object(more) = more {
        members.extend(more);
    }
    Value::Object(members)
}
