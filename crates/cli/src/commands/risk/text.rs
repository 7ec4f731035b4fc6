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
        parts.extend(section.tables.iter().map(table));
    }
    parts.join("\n\n")
}

fn table(table: &RiskTable) -> String {
    let mut parts = Vec::new();
    if !table.caption.is_empty() {
        parts.push(wrapped(&table.caption, WIDTH));
    }
    let remarks = remarks(table);
    if !is_empty(table) {
        parts.push(grid(table));
    }
    parts.extend(remarks.into_iter().map(|remark| wrapped(&remark, WIDTH)));
    parts.join("\n")
}

fn grid(table: &RiskTable) -> String {
    let mut grid = Table::new();
    let label = |heading: &String| {
        heading.split('|').next().unwrap_or_default().trim_start_matches('#').to_lowercase()
    };
    grid.load_preset(presets::NOTHING).set_header(table.headings.iter().map(label));
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
