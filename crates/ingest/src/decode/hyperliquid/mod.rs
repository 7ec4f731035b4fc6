//! Hyperliquid: what its info API returns, its archive, and the files of its nodes.
//!
//! | shape | gives |
//! |---|---|
//! | [`candles`]: `candleSnapshot` | candles |
//! | [`funding`]: `fundingHistory` | funding, hourly |
//! | [`contexts`]: `asset_ctxs/YYYYMMDD.csv.lz4` | mark, index and premium bars, open interest |
//! | [`fills`]: `node_fills`, `node_fills_by_block` | liquidations and auto-deleveraging |
//! | [`derived`]: lists that others made from the chain | auto-deleveraging, or nothing |
//!
//! Symbols are coins (`BTC`, `kPEPE`). Spot pairs (`@107`, `PURR/USDC`), outcome markets (`#...`)
//! and the markets of builders (`xyz:GOLD`, each under the rules of its own deployer) are not
//! taken.
//!
//! Sources: Hyperliquid's documentation, "Historical data" and "Info endpoint"; its repository
//! `hyperliquid-dex/historical_data`; for the node files the README of `hypercandle` (shapes and
//! their dates) and ConejoCapital's `HyperMultiAssetedADL` (a whole row of a fill).

mod candles;
mod contexts;
mod derived;
mod fill;
mod fills;
mod funding;

use plimsoll_market::{Kind, Series};
use serde_json::Value;

use super::identity::Identity;
use super::several::Several;
use super::{Clues, Format};
use crate::archive::{Archive, Content};
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};
use crate::options::{Options, SourceFormat};

const VENUE: &str = "hyperliquid";

const fn format(
    name: &'static str,
    recognise: fn(&Clues) -> Option<Vec<String>>,
    decode: fn(&Archive, &Options) -> Result<super::Parts, RowProblem>,
) -> Format {
    Format { name, source: SourceFormat::Hyperliquid, recognise, decode }
}

pub(super) const FORMATS: &[Format] = &[
    format(candles::NAME, candles::recognise, candles::decode),
    format(funding::NAME, funding::recognise, funding::decode),
    format(contexts::NAME, contexts::recognise, contexts::decode),
    format(fills::NAME, fills::recognise, fills::decode),
    format(derived::ADL_LIST, derived::recognise_adl_list, derived::decode_adl_list),
    format(derived::NOTHING, derived::recognise_nothing, derived::decode_nothing),
];

/// Whether a coin is a perpetual of Hyperliquid's own.
fn is_perpetual(coin: &str) -> bool {
    !coin.is_empty() && !coin.contains(['@', '/', '#', ':'])
}

fn series(kind: Kind, coin: &str, options: &Options) -> Series {
    let venue = options.venue.clone().unwrap_or_else(|| VENUE.to_owned());
    Identity::series(kind, venue, coin.to_owned(), None)
}

/// Says of coins that they are not taken.
fn note_other_markets(several: &mut Several, coins: usize) {
    if coins > 0 {
        several.assume(format!(
            "{coins} spot pairs and markets of builders left out; only Hyperliquid's own perpetuals are taken"
        ));
    }
}

/// Whether a JSON file holds objects with all of `keys` and none of `others`: a list of them, or
/// one a line.
fn holds_objects(clues: &Clues, keys: &[&str], others: &[&str]) -> bool {
    let first = match &clues.json {
        Some(Value::Array(values)) => values.first(),
        Some(value) => Some(value),
        None => None,
    };
    first.and_then(Value::as_object).is_some_and(|object| {
        keys.iter().all(|&key| object.contains_key(key))
            && !others.iter().any(|&key| object.contains_key(key))
    })
}

/// Hands over every value of a list, or of lines that are values or lists, with its row.
fn each_value(
    archive: &Archive,
    mut take: impl FnMut(usize, &Value) -> Result<(), Problem>,
) -> Result<(), RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "no JSON, in which Hyperliquid's API answers".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    match json {
        Json::Document(Value::Array(values)) => {
            for (row, value) in values.iter().enumerate() {
                take(row, value).map_err(|problem| RowProblem::at(row, problem))?;
            }
        }
        Json::Document(value) => take(0, value).map_err(|problem| RowProblem::at(0, problem))?,
        Json::Lines(text) => {
            for (line, value) in json::lines(text) {
                let at = |problem| RowProblem::at(line - 1, problem);
                match value.map_err(at)? {
                    Value::Array(values) => {
                        for value in &values {
                            take(line - 1, value).map_err(at)?;
                        }
                    }
                    value => take(line - 1, &value).map_err(at)?,
                }
            }
        }
    }
    Ok(())
}

/// A field that has to be there.
fn field<'a>(value: &'a Value, column: &'static str) -> Result<&'a Value, Problem> {
    value.get(column).ok_or_else(|| {
        let keys = value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>().join(", "));
        Problem::MissingColumn { column, have: keys.unwrap_or_else(|| value.to_string()) }
    })
}

fn number(value: &Value, column: &'static str) -> Result<f64, Problem> {
    json::number(field(value, column)?, column)
}

fn word<'a>(value: &'a Value, column: &'static str) -> Result<&'a str, Problem> {
    let found = field(value, column)?;
    found.as_str().ok_or_else(|| Problem::BadWord {
        column,
        value: found.to_string(),
        expected: "text",
    })
}

/// Milliseconds since 1970.
fn time(value: &Value, column: &'static str) -> Result<i64, Problem> {
    let found = field(value, column)?;
    found
        .as_i64()
        .ok_or_else(|| Problem::NotATime { column: column.to_owned(), value: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_perpetuals_of_its_own_are_taken() {
        for (coin, own) in [
            ("BTC", true),
            ("kPEPE", true),
            ("2Z", true),
            ("@107", false),
            ("PURR/USDC", false),
            ("xyz:GOLD", false),
            ("#7501", false),
            ("", false),
        ] {
            assert_eq!(is_perpetual(coin), own, "{coin}");
        }
    }
}
