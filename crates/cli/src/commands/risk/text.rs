//! The sections as text for a terminal.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_report::risk::{RiskCell, RiskSection, RiskTable};

use crate::output::{aligned, wrapped};

/// Longest line of running text.
const WIDTH: usize = 100;

/// Everything that is printed.
pub(super) fn all(heading: &str, sections: &[RiskSection]) -> String {
    let mut parts = vec![heading.to_owned()];
    for section in sections {
        let underline = "-".repeat(section.title.chars().count());
        parts.push(format!("{}\n{underline}", section.title));
        let texts = std::iter::once(&section.lead).chain(&section.texts).chain(&section.notes);
        parts.extend(texts.filter(|text| !text.is_empty()).map(|text| wrapped(text, WIDTH)));
        let mut said = Vec::new();
        parts.extend(section.tables.iter().map(|one| table(one, &mut said)));
    }
    parts.join("\n\n")
}

/// A table; `said` has the meanings of columns that tables above it explained.
fn table(table: &RiskTable, said: &mut Vec<String>) -> String {
    let mut parts = Vec::new();
    if !table.caption.is_empty() {
        parts.push(wrapped(&table.caption, WIDTH));
    }
    let remarks = remarks(table);
    if !is_empty(table) {
        parts.push(grid(table));
        let meanings: Vec<String> =
            meanings(table).into_iter().filter(|meaning| !said.contains(meaning)).collect();
        if !meanings.is_empty() {
            parts.push(wrapped(&meanings.join("; "), WIDTH));
            said.extend(meanings);
        }
    }
    parts.extend(remarks.into_iter().map(|remark| wrapped(&remark, WIDTH)));
    parts.join("\n")
}

/// What the columns mean, those of one meaning together: `var 1 %, var 5 %: value at risk`.
fn meanings(table: &RiskTable) -> Vec<String> {
    let mut meanings: Vec<(&str, Vec<String>)> = Vec::new();
    for heading in &table.headings {
        let Some((_, meaning)) = heading.split_once('|') else { continue };
        match meanings.iter_mut().find(|(known, _)| *known == meaning) {
            Some((_, labels)) => labels.push(label(heading)),
            None => meanings.push((meaning, vec![label(heading)])),
        }
    }
    let uncapital = |text: &str| {
        let mut letters = text.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_lowercase().collect::<String>() + letters.as_str()
        })
    };
    meanings
        .into_iter()
        .map(|(meaning, labels)| format!("{}: {}", labels.join(", "), uncapital(meaning)))
        .collect()
}

/// The name of a column as the terminal shows it.
fn label(heading: &str) -> String {
    heading.split('|').next().unwrap_or_default().trim_start_matches('#').trim().to_lowercase()
}

fn grid(table: &RiskTable) -> String {
    let mut grid = Table::new();
    grid.load_preset(presets::NOTHING)
        .set_header(table.headings.iter().map(|heading| label(heading)));
    for (idx, column) in grid.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if table.headings[idx].starts_with('#') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &table.rows {
        grid.add_row(row.iter().map(|cell| match cell {
            RiskCell::Text(text) => text.as_str(),
            RiskCell::Number { text, .. } => text,
            RiskCell::Undefined { .. } => "n/a",
        }));
    }
    aligned(&grid)
}

/// Whether there is nothing but one reason in all cells of numbers.
fn is_empty(table: &RiskTable) -> bool {
    let cells = || table.rows.iter().flatten();
    cells().any(|cell| matches!(cell, RiskCell::Undefined { .. }))
        && !cells().any(|cell| matches!(cell, RiskCell::Number { .. }))
        && remarks(table).len() == 1
}

/// Each reason and caveat once, with the rows that it is about; none where a column has them.
fn remarks(table: &RiskTable) -> Vec<String> {
    if table.headings.last().is_some_and(|heading| heading == "Note") {
        return Vec::new();
    }
    let mut remarks: Vec<(String, Vec<&str>)> = Vec::new();
    for row in &table.rows {
        let name = match row.first() {
            Some(RiskCell::Text(text) | RiskCell::Number { text, .. }) => text.as_str(),
            _ => "",
        };
        for cell in row {
            let remark = match cell {
                RiskCell::Undefined { reason } => format!("n/a: {reason}"),
                RiskCell::Number { note, .. } if !note.is_empty() => note.clone(),
                _ => continue,
            };
            match remarks.iter_mut().find(|(known, _)| *known == remark) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name),
                None => remarks.push((remark, vec![name])),
            }
        }
    }
    let all = table.rows.len();
    remarks
        .into_iter()
        .map(|(remark, names)| {
            if names.len() == all || names.iter().all(|name| name.is_empty()) {
                format!("  {remark}")
            } else {
                format!("  {}: {remark}", names.join(", "))
            }
        })
        .collect()
}
