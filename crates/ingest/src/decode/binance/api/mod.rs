//! What Binance's REST API returns and its streams send, saved as JSON: one document, one answer
//! a line, or one message a line.
//!
//! | shape | from |
//! | --- | --- |
//! | arrays of 12 | klines, markPriceKlines, indexPriceKlines, premiumIndexKlines |
//! | `symbol, fundingTime, fundingRate` | fundingRate |
//! | `sumOpenInterest, sumOpenInterestValue, timestamp` | openInterestHist |
//! | `{"e": "forceOrder", "o": {...}}` | the liquidation order streams |
//! | `symbol, averagePrice, executedQty, side, time` | allForceOrders, withdrawn in 2021 |

mod force_orders;
mod funding;
mod klines;
mod open_interest;

pub(super) use force_orders::FORMAT as FORCE_ORDERS;
pub(super) use funding::FORMAT as FUNDING_RATE;
pub(super) use klines::FORMAT as KLINES;
pub(super) use open_interest::FORMAT as OPEN_INTEREST;

use plimsoll_market::Kind;
use serde_json::Value;

use super::File;
use crate::archive::{Archive, Content};
use crate::csv::{self, TimeUnit};
use crate::decode::identity::Identity;
use crate::decode::{Checked, PartProblem, Parts};
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};
use crate::raw::Raw;

/// Hands every record of a file to `each` with its position. An array of records is opened,
/// whether it is the document or one of several lines; so is the `data` of a combined stream.
/// `is_record` tells a record that is itself an array.
fn records(
    archive: &Archive,
    is_record: fn(&Value) -> bool,
    mut each: impl FnMut(usize, &Value) -> Result<(), Problem>,
) -> Result<usize, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "no JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let mut row = 0;
    let mut open = |value: &Value| -> Result<(), RowProblem> {
        let items = match value {
            Value::Array(items) if !is_record(value) => items.as_slice(),
            value => std::slice::from_ref(value),
        };
        for item in items {
            let item = item.get("data").filter(|data| data.is_object()).unwrap_or(item);
            each(row, item).map_err(|problem| RowProblem::at(row, problem))?;
            row += 1;
        }
        Ok(())
    };
    match json {
        Json::Document(value) => open(value)?,
        Json::Lines(text) => {
            for (_, value) in json::lines(text) {
                match value {
                    Ok(value) => open(&value)?,
                    Err(problem) => return Err(RowProblem::at(row, problem)),
                }
            }
        }
    }
    if row == 0 { Err(Problem::Empty.into()) } else { Ok(row) }
}

/// The first record of a sample, to recognise it by.
fn first_record(sample: &Value, is_record: fn(&Value) -> bool) -> Option<&Value> {
    let item = match sample {
        Value::Array(items) if !is_record(sample) => items.first()?,
        value => value,
    };
    Some(item.get("data").filter(|data| data.is_object()).unwrap_or(item))
}

/// A field that has to be there.
fn field<'a>(record: &'a Value, name: &'static str) -> Result<&'a Value, Problem> {
    record.get(name).ok_or_else(|| {
        let names = record.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>().join(", "));
        Problem::MissingColumn { column: name, have: names.unwrap_or_else(|| record.to_string()) }
    })
}

fn number(record: &Value, name: &'static str) -> Result<f64, Problem> {
    json::number(field(record, name)?, name)
}

/// A number that may be missing or empty, as NaN then.
fn number_or_nan(record: &Value, name: &'static str) -> Result<f64, Problem> {
    match record.get(name) {
        None | Some(Value::Null) => Ok(f64::NAN),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(f64::NAN),
        Some(value) => json::number(value, name),
    }
}

fn word(record: &Value, name: &'static str) -> Result<String, Problem> {
    let value = field(record, name)?;
    json::text(value).ok_or_else(|| {
        let expected = "text";
        Problem::BadWord { column: name, value: value.to_string(), expected }
    })
}

fn time(value: &Value, name: &str, unit: &mut Option<TimeUnit>) -> Result<i64, Problem> {
    let text = json::text(value)
        .ok_or_else(|| Problem::NotATime { column: name.to_owned(), value: value.to_string() })?;
    csv::time(text.as_bytes(), name, unit)
}

fn has_fields(record: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| record.get(name).is_some())
}

/// Builds every symbol of a file by itself.
fn by_symbol(
    file: &File,
    raw: Raw,
    kind: Kind,
    decoder: &str,
    build: impl Fn(Raw, &str, &str) -> Result<Checked, RowProblem>,
) -> Result<Parts, RowProblem> {
    let groups = raw.split();
    let many = groups.len() > 1;
    let mut parts: Parts = Vec::new();
    for (_, word, raw) in groups {
        let wanted = &file.options.symbol;
        if many && wanted.is_some() && *wanted != word {
            continue;
        }
        let Some(symbol) = wanted.clone().or(word) else {
            return Err(Problem::Unknown { what: "symbol" }.into());
        };
        file.check_venue(&symbol)?;
        // Funding, open interest and forced orders are of futures, so of the two kinds the symbol
        // tells which.
        let venue = file.told_venue(&symbol).unwrap_or_else(|| super::USDM.to_owned());
        let file_rows = raw.file_rows.clone();
        parts.push(match build(raw, &venue, &symbol) {
            Ok(checked) => {
                let series = Identity::series(kind, venue, symbol, None);
                Ok(checked.into_decoded(file.archive, decoder, series, &file.identity))
            }
            Err(RowProblem { row, problem }) => {
                let in_file = |row: usize| file_rows.as_ref().map_or(row, |rows| rows[row]);
                let row = RowProblem { row: row.map(in_file), problem };
                Err(PartProblem { series: many.then(|| format!("{venue} {symbol} {kind}")), row })
            }
        });
    }
    if parts.is_empty() {
        let reason = "no record of the symbol asked for".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    Ok(parts)
}
