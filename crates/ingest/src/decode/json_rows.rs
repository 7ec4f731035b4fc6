//! What the decoders of JSON have in common: the values of a file with their places, columns
//! filled field by field, and an order of time where an API answers newest first.

use plimsoll_market::Kind;
use serde_json::Value;

use crate::csv::{self, TimeUnit, Values};
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};

/// Gives every value of a file in order, with its row: the line of JSON lines, the element of a
/// document that is an array, or the only one.
pub(super) fn each(
    json: &Json,
    mut take: impl FnMut(usize, &Value) -> Result<(), Problem>,
) -> Result<(), RowProblem> {
    let at = |row: usize| move |problem: Problem| RowProblem::at(row, problem);
    match json {
        Json::Lines(text) => {
            for (line, value) in json::lines(text) {
                let row = line - 1;
                let value = value.map_err(at(row))?;
                take(row, &value).map_err(at(row))?;
            }
        }
        Json::Document(Value::Array(items)) => {
            for (row, value) in items.iter().enumerate() {
                take(row, value).map_err(at(row))?;
            }
        }
        Json::Document(value) => take(0, value)?,
    }
    Ok(())
}

/// The first row of a page: a document of rows gives one of them, everything else itself.
pub(super) fn first_of(value: &Value) -> &Value {
    match value {
        Value::Array(items)
            if items.first().is_some_and(|item| item.is_array() || item.is_object()) =>
        {
            &items[0]
        }
        other => other,
    }
}

/// Whether an object has all of these fields.
pub(super) fn has_fields(value: &Value, fields: &[&str]) -> bool {
    fields.iter().all(|field| value.get(field).is_some())
}

/// Whether an array has so many elements, all of them texts or numbers.
pub(super) fn is_row_of(value: &Value, width: usize) -> bool {
    value.as_array().is_some_and(|row| {
        row.len() == width && row.iter().all(|field| field.is_string() || field.is_number())
    })
}

/// A time in milliseconds, from a number or a text.
pub(super) fn time_ms(value: &Value, column: &'static str) -> Result<i64, Problem> {
    let bad = || Problem::NotATime { column: column.to_owned(), value: value.to_string() };
    let text = json::text(value).ok_or_else(bad)?;
    csv::time(text.trim().as_bytes(), column, &mut Some(TimeUnit::Milliseconds))
}

/// A field of an object that has to be there.
pub(super) fn field<'a>(row: &'a Value, column: &'static str) -> Result<&'a Value, Problem> {
    row.get(column).ok_or_else(|| {
        let have: Vec<&str> =
            row.as_object().map(|o| o.keys().map(String::as_str).collect()).unwrap_or_default();
        Problem::MissingColumn { column, have: have.join(", ") }
    })
}

/// Text of a field that may be absent or empty.
pub(super) fn word(row: &Value, column: &str) -> Option<String> {
    row.get(column).and_then(json::text).filter(|word| !word.is_empty())
}

/// The kind that an option asks of bars.
///
/// # Errors
/// Where they are none, or have no volume where candles are asked for.
pub(super) fn price_kind(kind: Kind, has_volume: bool, rows: &str) -> Result<Kind, Problem> {
    if !kind.has_prices() {
        return Err(Problem::Unsupported { what: format!("bars as {kind}") });
    }
    if kind == Kind::Candles && !has_volume {
        return Err(Problem::MissingColumn { column: "volume", have: rows.to_owned() });
    }
    Ok(kind)
}

/// Rows of one series on their way to the builders, each with its place in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    pub(super) places: Vec<usize>,
    pub(super) times: Vec<i64>,
    /// By name: a value a row.
    pub(super) numbers: Vec<(&'static str, Vec<f64>)>,
    pub(super) words: Vec<(&'static str, Vec<String>)>,
}

impl Gathered {
    pub(super) fn new(numbers: &[&'static str], words: &[&'static str]) -> Self {
        Self {
            places: Vec::new(),
            times: Vec::new(),
            numbers: numbers.iter().map(|&name| (name, Vec::new())).collect(),
            words: words.iter().map(|&name| (name, Vec::new())).collect(),
        }
    }

    /// Adds a row; numbers and words in the order of the names given at the start.
    pub(super) fn push(&mut self, place: usize, time: i64, numbers: &[f64], words: &[&str]) {
        self.places.push(place);
        self.times.push(time);
        for ((_, column), &number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        for ((_, column), &word) in self.words.iter_mut().zip(words) {
            column.push(word.to_owned());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Keeps the rows that are asked for, in that order.
    pub(super) fn keep(&mut self, rows: &[usize]) {
        self.places = rows.iter().map(|&row| self.places[row]).collect();
        self.times = rows.iter().map(|&row| self.times[row]).collect();
        for (_, column) in &mut self.numbers {
            *column = rows.iter().map(|&row| column[row]).collect();
        }
        for (_, column) in &mut self.words {
            *column = rows.iter().map(|&row| column[row].clone()).collect();
        }
    }

    /// Rows in order of time. Both venues document their answers as newest first, so this mends
    /// nothing that a receipt had to mention.
    pub(super) fn sort(&mut self) {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| self.times[row]);
        self.keep(&rows);
    }

    /// The columns for the builders, without those of numbers that no row has.
    pub(super) fn into_raw(self) -> (crate::raw::Raw, Vec<usize>) {
        let n_rows = self.times.len();
        let mut columns = vec![("time", Values::Times(self.times))];
        for (name, numbers) in self.numbers {
            if !numbers.iter().all(|number| number.is_nan()) {
                columns.push((name, Values::Numbers(numbers)));
            }
        }
        columns.extend(self.words.into_iter().map(|(name, words)| (name, Values::Words(words))));
        (crate::raw::Raw::from_columns(n_rows, columns), self.places)
    }
}

/// A problem of a row under its place in the file.
pub(super) fn in_file(problem: RowProblem, places: &[usize]) -> RowProblem {
    let row = problem.row.map(|row| places.get(row).copied().unwrap_or(row));
    RowProblem { row, problem: problem.problem }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_keep_their_places() {
        let lines = Json::parse(b"{\"a\":1}\n\n{\"a\":2}\n".to_vec()).unwrap();
        let places = |json: &Json| {
            let mut places = Vec::new();
            each(json, |row, _| {
                places.push(row);
                Ok(())
            })
            .map(|()| places)
        };
        assert_eq!(places(&lines).unwrap(), [0, 2]);
        let broken = Json::parse(b"{\"a\":1}\n{\"a\":\n".to_vec()).unwrap();
        assert_eq!(places(&broken).unwrap_err().row, Some(1));
        let document = Json::parse(b"[[1],[2]]".to_vec()).unwrap();
        assert_eq!(places(&document).unwrap(), [0, 1]);
    }

    #[test]
    fn rows_are_sorted_with_their_places() {
        let mut rows = Gathered::new(&["x", "y"], &["w"]);
        rows.push(0, 20, &[2.0, f64::NAN], &["b"]);
        rows.push(1, 10, &[1.0, f64::NAN], &["a"]);
        rows.sort();
        let (mut raw, places) = rows.into_raw();
        assert_eq!(raw.take_times().unwrap(), [10, 20]);
        assert_eq!(raw.take_numbers("x").unwrap(), [1.0, 2.0]);
        assert_eq!(raw.take_numbers("y"), None, "a column that no row has");
        assert_eq!(raw.take_words("w").unwrap(), ["a", "b"]);
        assert_eq!(in_file(RowProblem::at(0, Problem::Empty), &places).row, Some(1));
    }

    #[test]
    fn times_are_milliseconds_in_text_or_number() {
        assert_eq!(time_ms(&serde_json::json!("1709884800000"), "t").unwrap(), 1_709_884_800_000);
        assert_eq!(
            time_ms(&serde_json::json!(1_709_884_800_000_i64), "t").unwrap(),
            1_709_884_800_000
        );
        for bad in
            [serde_json::json!("1709884800"), serde_json::json!(null), serde_json::json!("x")]
        {
            assert!(time_ms(&bad, "t").is_err(), "{bad}");
        }
    }
}
