//! Figures as cells of a table.

use plimsoll_report::risk::{RiskCell, RiskTable};
use plimsoll_risk::RiskError;
use plimsoll_risk::summary::Statistic;

use super::words;

/// A figure or its reason.
pub(super) fn figure(
    value: &Result<f64, RiskError>,
    write: impl FnOnce(f64) -> String,
    note: Option<&str>,
) -> RiskCell {
    match value {
        Ok(value) => RiskCell::Number {
            text: write(*value),
            value: *value,
            note: note.unwrap_or_default().to_owned(),
        },
        Err(error) => RiskCell::Undefined { reason: error.to_string() },
    }
}

/// A number that is there.
pub(super) fn number(value: f64, write: impl FnOnce(f64) -> String) -> RiskCell {
    RiskCell::Number { text: write(value), value, note: String::new() }
}

/// A whole number.
pub(super) fn count(value: usize) -> RiskCell {
    number(value as f64, |_| value.to_string())
}

/// A table of statistics by name, with their notes in words.
pub(super) fn statistics<'a>(
    caption: &str,
    rows: impl Iterator<Item = &'a Statistic>,
) -> RiskTable {
    let row = |statistic: &Statistic| {
        let note = match &statistic.value {
            Err(error) => error.to_string(),
            Ok(_) => statistic.note.unwrap_or_default().to_owned(),
        };
        vec![
            RiskCell::text(&statistic.name),
            figure(&statistic.value, words::short, None),
            RiskCell::text(note),
        ]
    };
    table(caption, &["Statistic", "#Value", "Note"], rows.map(row).collect())
}

/// A table under `label` or `label|meaning` headings.
pub(super) fn table(caption: &str, headings: &[&str], rows: Vec<Vec<RiskCell>>) -> RiskTable {
    RiskTable {
        caption: caption.to_owned(),
        headings: headings.iter().map(|heading| (*heading).to_owned()).collect(),
        rows,
    }
}
