//! `plimsoll data show`

use std::process::ExitCode;

use comfy_table::{CellAlignment, Table as TextTable, presets};
use plimsoll_market::lake::{Note, Receipt};
use plimsoll_market::{Column, ColumnType, Lake, Series, Table, Timestamp};
use serde_json::{Value, json};

use super::{chosen, named, time_or_dash};
use crate::args::ShowArguments;
use crate::error::CliError;
use crate::output::{Output, aligned, counted, grouped};

pub(super) fn run(
    arguments: &ShowArguments,
    lake: &Lake,
    output: Output,
) -> Result<ExitCode, CliError> {
    let selection = arguments.selection.selection();
    let (from, to) = selection.period();
    let mut documents = Vec::new();
    for (idx, series) in chosen(lake, &selection)?.iter().enumerate() {
        if idx > 0 {
            output.text("");
        }
        let receipts: Vec<Receipt> = lake
            .months(series)?
            .iter()
            .zip(lake.receipts(series)?)
            .filter(|((month, _), _)| month.start() < to && month.end() > from)
            .map(|(_, receipt)| receipt)
            .collect();
        let rows = some_rows(lake, series, (from, to), arguments)?;
        let total: usize = receipts.iter().map(|receipt| receipt.rows).sum();
        let months = counted(receipts.len(), "month");
        output.text(&format!("{series}: {} in {months}", counted(total, "row")));
        if !rows.is_empty() {
            output.text(&aligned(&text_table(&rows)));
        } else if arguments.rows > 0 {
            output.text("  no rows in this period");
        }
        if arguments.receipts {
            for receipt in &receipts {
                output.text(&receipt_text(receipt));
            }
        }
        let mut members = named(series);
        members.insert("rows".to_owned(), json!(documents_of(&rows)));
        if arguments.receipts {
            members.insert("receipts".to_owned(), json!(receipts));
        }
        documents.push(Value::Object(members));
    }
    output.document(&documents);
    Ok(ExitCode::SUCCESS)
}

/// The first or last rows of a period; only the months that they are in are read.
fn some_rows(
    lake: &Lake,
    series: &Series,
    (from, to): (Timestamp, Timestamp),
    arguments: &ShowArguments,
) -> Result<Table, CliError> {
    let mut months = lake.months(series)?;
    months.retain(|(month, _)| month.start() < to && month.end() > from);
    if arguments.tail {
        months.reverse();
    }
    let mut found = Table::empty(series.kind);
    for (month, _) in months {
        if found.len() >= arguments.rows {
            break;
        }
        let mut part = lake.read(series, from.max(month.start()), to.min(month.end()))?;
        if arguments.tail {
            part.append(found);
            found = part;
        } else {
            found.append(part);
        }
    }
    let n = found.len().min(arguments.rows);
    let start = if arguments.tail { found.len() - n } else { 0 };
    Ok(found.slice(start, start + n))
}

fn text_table(rows: &Table) -> TextTable {
    let mut table = TextTable::new();
    table.load_preset(presets::NOTHING);
    table.set_header(rows.kind().columns().iter().map(|&(name, _)| name));
    for (column, &(_, column_type)) in table.column_iter_mut().zip(rows.kind().columns()) {
        column.set_padding((2, 0));
        if !matches!(column_type, ColumnType::Time | ColumnType::Text) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in 0..rows.len() {
        table.add_row(rows.columns().iter().map(|column| match column.text(row).as_str() {
            "null" => "-".to_owned(),
            text => text.to_owned(),
        }));
    }
    table
}

fn documents_of(rows: &Table) -> Vec<Value> {
    let names = rows.kind().columns();
    let document = |row: usize| {
        let members = rows.columns().iter().zip(names).map(|(column, &(name, _))| {
            let value = match column {
                Column::Time(values) => json!(Timestamp(values[row])),
                Column::F64(values) => json!(values[row]),
                Column::F64OrNull(values) => json!(values[row]),
                Column::I32(values) => json!(values[row]),
                Column::I64OrNull(values) => json!(values[row]),
                Column::Text(values) => json!(values[row]),
            };
            (name.to_owned(), value)
        });
        Value::Object(members.collect())
    };
    (0..rows.len()).map(document).collect()
}

/// A receipt in words.
fn receipt_text(receipt: &Receipt) -> String {
    let mut lines = vec![format!(
        "  receipt of {}: {}, {} to {}, {} missing",
        receipt.month,
        counted(receipt.rows, "row"),
        time_or_dash(receipt.first),
        time_or_dash(receipt.last),
        grouped(&receipt.gaps.missing.to_string()),
    )];
    for source in &receipt.sources {
        lines.push(format!(
            "    {} ({}): {}, sha256 {}",
            source.name,
            source.decoder,
            counted(source.rows, "row"),
            source.sha256
        ));
        if source.duplicates > 0 {
            lines.push(format!("      {} dropped", counted(source.duplicates, "repeated row")));
        }
        if !source.derived.is_empty() {
            lines.push(format!("      derived, not recorded: {}", source.derived.join(", ")));
        }
        let notes = |word: &str, notes: &[Note]| -> Vec<String> {
            notes.iter().map(|note| format!("      {word}: {}", note_text(note))).collect()
        };
        lines.extend(notes("mended", &source.repairs));
        lines.extend(notes("flagged", &source.flags));
    }
    if !receipt.completed_bars.is_empty() {
        let bars: Vec<String> = receipt.completed_bars.iter().map(ToString::to_string).collect();
        lines.push(format!("    completed by a later archive: {}", bars.join(", ")));
    }
    lines.join("\n")
}

/// A note of a receipt in words.
pub(super) fn note_text(note: &Note) -> String {
    let first = note.first.map(|time| format!(", first at {time}")).unwrap_or_default();
    let example =
        if note.example.is_empty() { String::new() } else { format!(": {}", note.example) };
    format!(
        "{} ({}, {}{first}){example}",
        note.message,
        note.name,
        grouped(&note.count.to_string())
    )
}
