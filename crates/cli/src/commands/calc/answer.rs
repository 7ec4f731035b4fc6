//! What a calculator says: to a program as one JSON object, to people as a few aligned lines.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::output::{self, Output, grouped, wrapped};

/// Width that the words are broken at.
const WIDTH: usize = 96;

/// An answer being put together.
#[derive(Debug, Default)]
pub(super) struct Answer {
    title: String,
    formula: String,
    inputs: Vec<(String, String)>,
    tables: Vec<(String, String)>,
    results: Vec<(String, String)>,
    warnings: Vec<String>,
    notes: Vec<String>,
    json: Map<String, Value>,
}

impl Answer {
    pub(super) fn new(title: impl Into<String>, formula: impl Into<String>) -> Self {
        Self { title: title.into(), formula: formula.into(), ..Self::default() }
    }

    /// Says what else holds for the formula.
    pub(super) fn extend_formula(&mut self, text: &str) {
        self.formula.push_str(text);
    }

    /// A number that was given.
    pub(super) fn input(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.inputs.push((label.into(), value.into()));
    }

    /// A figure that was looked up, with its date, status and source; for programs too.
    pub(super) fn table(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.tables.push((label.into(), value.into()));
    }

    /// A line of the answer.
    pub(super) fn result(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.results.push((label.into(), value.into()));
    }

    /// Something that makes the answer unfit to act on as it is; for programs too.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// Something to know about the answer, once; for programs too.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// As [`Answer::note`], unless it was said already.
    pub(super) fn note_once(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// A value for programs.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.json.insert(key.to_owned(), without_negative_zero(value.into()));
    }

    /// The answer on stdout, and on stderr in words unless only one of them is wanted.
    pub(super) fn print(&self, output: Output) {
        if !output.json {
            output.message(&self.text());
        }
        output::line(&Value::Object(self.document()).to_string());
    }

    /// The values for programs, with formula, tables, warnings and notes at the end.
    fn document(&self) -> Map<String, Value> {
        let mut document = self.json.clone();
        document.insert("formula".to_owned(), json!(self.formula));
        if !self.tables.is_empty() {
            let named = |(name, text): &(String, String)| json!({ "name": name, "text": text });
            let tables: Vec<Value> = self.tables.iter().map(named).collect();
            document.insert("tables".to_owned(), json!(tables));
        }
        for (key, texts) in [("warnings", &self.warnings), ("notes", &self.notes)] {
            if !texts.is_empty() {
                document.insert(key.to_owned(), json!(texts));
            }
        }
        document
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        section(&mut text, "formula", std::slice::from_ref(&self.formula));
        for (heading, rows) in
            [("inputs", &self.inputs), ("tables", &self.tables), ("answer", &self.results)]
        {
            let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
            let room = WIDTH.saturating_sub(width + 12);
            let lines: Vec<String> = rows
                .iter()
                .map(|(label, value)| {
                    let broken = wrapped(value, room);
                    let indent = format!("\n{}", " ".repeat(width + 2));
                    format!("{label:width$}  {}", broken.replace('\n', &indent))
                })
                .collect();
            section_of_lines(&mut text, heading, &lines);
        }
        section(&mut text, "warning", &self.warnings);
        section(&mut text, "note", &self.notes);
        text
    }
}

/// The value with 0 for every -0.0: no sum has a direction where it is nothing.
fn without_negative_zero(value: Value) -> Value {
    match value {
        Value::Number(number)
            if number.as_f64().is_some_and(|n| n.abs() <= 0.0 && n.is_sign_negative()) =>
        {
            json!(0.0)
        }
        Value::Array(values) => values.into_iter().map(without_negative_zero).collect(),
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(key, value)| (key, without_negative_zero(value))).collect(),
        ),
        other => other,
    }
}

/// Paragraphs under a heading that stands before the first of their lines.
fn section(text: &mut String, heading: &str, paragraphs: &[String]) {
    let lines: Vec<String> = paragraphs.iter().map(|text| wrapped(text, WIDTH - 10)).collect();
    section_of_lines(text, heading, &lines);
}

fn section_of_lines(text: &mut String, heading: &str, lines: &[String]) {
    let mut heading = heading;
    for line in lines.iter().flat_map(|line| line.split('\n')) {
        let line = format!("{heading:8}  {line}");
        let _ = write!(text, "\n{}", line.trim_end());
        heading = "";
    }
    if !lines.is_empty() {
        text.push('\n');
    }
}

/// The largest number that an answer holds: room for sums, percentages and ratios of it.
const LARGEST: f64 = 1e300;

/// The value, if it is a number that an answer can hold.
pub(super) fn in_range(name: &str, value: f64) -> Result<f64, CliError> {
    if value.abs() <= LARGEST {
        return Ok(value);
    }
    Err(CliError::usage(
        format!("the {name} is out of range: it is beyond {LARGEST:e}"),
        "give numbers of the size that accounts have",
    ))
}

/// A number for people: as it is written, thousands apart.
pub(in crate::commands) fn plain(value: f64) -> String {
    grouped(&value.to_string())
}

/// A computed number for people: two decimals from a thousand up, else six significant digits.
pub(in crate::commands) fn figure(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1_000.0 {
        return grouped(&trimmed(format!("{value:.2}")));
    }
    significant(value, 6)
}

/// A fraction as a percentage of four significant digits.
pub(in crate::commands) fn percent(fraction: f64) -> String {
    with_unit(fraction * 100.0, " %")
}

/// Leverage of four significant digits, as in `3.2x`.
pub(in crate::commands) fn times(leverage: f64) -> String {
    with_unit(leverage, "x")
}

fn with_unit(value: f64, unit: &str) -> String {
    let unit = if value.is_finite() { unit } else { "" };
    format!("{}{unit}", significant(value, 4))
}

/// A number of so many significant digits, more where it has more before the point.
fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "out of range".to_owned();
    }
    if value.abs() < 1e-12 {
        return "0".to_owned();
    }
    let whole_digits = value.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from(digits - whole_digits).unwrap_or(0);
    grouped(&trimmed(format!("{value:.decimals$}")))
}

/// A decimal number without the zeros at its end.
fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{figure, percent, plain, times};

    #[test]
    fn numbers_read_well() {
        for (value, expected) in [
            (0.0, "0"),
            (97_435.897_435_9, "97,435.9"),
            (-97_435.897_435_9, "-97,435.9"),
            (1_000.0, "1,000"),
            (999.999_999, "1,000"),
            (0.25, "0.25"),
            (2.222_222_2, "2.22222"),
            (0.000_123_456_789, "0.000123457"),
        ] {
            assert_eq!(figure(value), expected);
        }
        assert_eq!(percent(0.0256), "2.56 %");
        assert_eq!(percent(0.137_108_4), "13.71 %");
        assert_eq!(times(3.2), "3.2x");
        assert_eq!(plain(1_234_567.89), "1,234,567.89");
        // More than a number holds, and nothing that reads as one.
        for text in [percent(1e307), times(f64::INFINITY), figure(f64::NEG_INFINITY)] {
            assert_eq!(text, "out of range");
        }
    }
}
