//! JSON lists of objects as columns: `[{"timestamp": 1704067200000, "fundingRate": "0.0001"}, ...]`,
//! alone, as the one list of a document, or an object a line.

use std::collections::BTreeMap;

use plimsoll_market::Kind;
use serde_json::{Map, Value};

use super::{Raw, Renamed, choose, rename};
use crate::csv::{self, Values, Want};
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};

/// The rows of a document or of lines; an error names the row that is none.
pub(super) fn of(json: &Json) -> Result<Vec<Map<String, Value>>, RowProblem> {
    let not_a_row = |row: usize| {
        let reason = "a row of this JSON is no object with named values".to_owned();
        RowProblem::at(row, Problem::NotRecognised { reason })
    };
    json.fits_in_memory()?;
    let mut rows = Vec::new();
    match json {
        Json::Document(value) => {
            for row in list(value).map(Vec::as_slice).unwrap_or_default() {
                rows.push(row.as_object().ok_or_else(|| not_a_row(rows.len()))?.clone());
            }
        }
        Json::Lines(text) => {
            for (_, value) in json::lines(text) {
                let value = value.map_err(|problem| RowProblem::at(rows.len(), problem))?;
                match value {
                    Value::Object(row) => rows.push(row),
                    _ => return Err(not_a_row(rows.len())),
                }
            }
        }
    }
    Ok(rows)
}

/// The names in the first row of a document, or in a line, in lower case.
pub(super) fn names(sample: &Value) -> Vec<String> {
    let row = list(sample).map_or(Some(sample), |rows| rows.first());
    let row = row.and_then(Value::as_object);
    row.map(|row| row.keys().map(|key| key.to_ascii_lowercase()).collect()).unwrap_or_default()
}

/// The list of rows: the document itself, or the only list among its members.
fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(rows) => Some(rows),
        Value::Object(members) => {
            let mut lists = members.values().filter_map(Value::as_array);
            lists.next().filter(|_| lists.next().is_none())
        }
        _ => None,
    }
}

impl Raw {
    /// The columns of JSON objects under the names of this crate.
    pub(super) fn from_objects(
        rows: &[Map<String, Value>],
        kind: Kind,
        renamed: Renamed,
    ) -> Result<Self, RowProblem> {
        let Some(first) = rows.first() else { return Err(Problem::Empty.into()) };
        let keys: Vec<&String> = first.keys().collect();
        let names: Vec<String> = keys.iter().map(|key| key.to_ascii_lowercase()).collect();
        let mut columns = BTreeMap::new();
        let mut time_unit = None;
        for (position, known) in choose(&rename(&names, renamed), kind) {
            let key = keys[position].as_str();
            let mut unit = None;
            let mut values = match known.want {
                Want::Time => Values::Times(Vec::with_capacity(rows.len())),
                Want::Word => Values::Words(Vec::with_capacity(rows.len())),
                _ => Values::Numbers(Vec::with_capacity(rows.len())),
            };
            for (row, object) in rows.iter().enumerate() {
                let value = object.get(key).unwrap_or(&Value::Null);
                append(&mut values, value, known.want, key, &mut unit)
                    .map_err(|problem| RowProblem::at(row, problem))?;
            }
            time_unit = time_unit.or(unit);
            columns.insert(known.name, values);
        }
        Ok(Self { names, n_rows: rows.len(), columns, time_unit, file_rows: None })
    }
}

fn append(
    values: &mut Values,
    value: &Value,
    want: Want,
    key: &str,
    unit: &mut Option<csv::TimeUnit>,
) -> Result<(), Problem> {
    match values {
        Values::Skipped => {}
        Values::Times(times) => {
            let text = json::text(value).unwrap_or_else(|| value.to_string());
            times.push(csv::time(text.as_bytes(), key, unit)?);
        }
        Values::Numbers(numbers) => {
            let is_empty = value.is_null() || value.as_str().is_some_and(|s| s.trim().is_empty());
            let absent = is_empty && want == Want::NumberOrEmpty;
            numbers.push(if absent { f64::NAN } else { json::number(value, key)? });
        }
        Values::Words(words) => words.push(json::text(value).unwrap_or_default()),
    }
    Ok(())
}
