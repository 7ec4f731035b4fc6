//! What CCXT's methods return, saved as a JSON document or as JSON lines.
//!
//! - `fetchOHLCV`: arrays `[ms, open, high, low, close, volume]` of numbers. Volume is in the base
//!   currency for linear contracts; for coin-margined ones it may be contracts, which are refused.
//! - `fetchFundingRateHistory`: `{symbol: "BTC/USDT:USDT", fundingRate, timestamp, datetime, info}`.
//! - `fetchOpenInterestHistory`: `{symbol, openInterestAmount, openInterestValue, timestamp}`. The
//!   amount is in contracts, which are base units at Binance's and Bybit's linear markets and at
//!   Hyperliquid; elsewhere only the value is taken.
//! - `fetchLiquidations`: `{symbol, contracts, contractSize, price, baseValue, quoteValue,
//!   timestamp, side}`. CCXT hands on the `side` that the exchange writes: the order's at Binance,
//!   the position's at Bybit, as `parseWsLiquidation` of its sources does. Elsewhere, and where
//!   there is none, it cannot be told.
//!
//! No document names its venue: an option or a folder does, for bars also the symbol.

use std::collections::BTreeMap;

use plimsoll_market::Kind;
use serde_json::{Map, Value};

use super::identity::Identity;
use super::liquidations::{self, Quantity};
use super::pairs::Pair;
use super::{Checked, Clues, Format, PartProblem, Parts, bars, funding, open_interest};
use crate::archive::{Archive, Content};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};
use crate::options::{Options, SourceFormat};
use crate::raw::{self, Raw};

pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "ccxt-ohlcv/1",
        source: SourceFormat::Ccxt,
        recognise: recognise_bars,
        decode: decode_bars,
    },
    Format {
        name: "ccxt-records/1",
        source: SourceFormat::Ccxt,
        recognise: recognise_records,
        decode: decode_records,
    },
];

/// The first row of a document that is a list, or a line.
fn first(clues: &Clues) -> Option<&Value> {
    let json = clues.json.as_ref()?;
    match json.as_array() {
        Some(rows) if rows.first().is_some_and(|row| row.is_array() || row.is_object()) => {
            rows.first()
        }
        _ => Some(json),
    }
}

/// Whether a JSON value is a bar as CCXT and freqtrade write it: numbers, where exchanges write
/// text, the first of them a time in milliseconds.
pub(super) fn is_bar(row: &Value) -> bool {
    let Some(fields) = row.as_array().filter(|fields| fields.len() == 6) else { return false };
    let is_time =
        fields[0].as_i64().is_some_and(|ms| (100_000_000_000..100_000_000_000_000).contains(&ms));
    is_time && fields[1..].iter().all(|field| field.is_number() || field.is_null())
}

fn recognise_bars(clues: &Clues) -> Option<Vec<String>> {
    let is_it = is_bar(first(clues)?);
    is_it.then(|| vec!["JSON arrays of a time in milliseconds and five numbers".to_owned()])
}

fn decode_bars(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let identity = Identity::new(archive, options);
    let venue = identity.venue().ok_or(Problem::Unknown { what: "venue" })?;
    let symbol = identity.symbol()?;
    let kind = options.kind.or_else(|| identity.bar_kind()).unwrap_or(Kind::Candles);
    let counts_contracts = ["binance-coinm", "bybit-inverse", "bitmex", "deribit"];
    if kind == Kind::Candles && counts_contracts.contains(&venue.as_str()) {
        let what = format!("CCXT's volume of {venue}, which may be in contracts,");
        return Err(Problem::Unsupported { what }.into());
    }
    let bars = bars::build(raw_bars(archive)?, kind, identity.interval(), &options.policies)?;
    let series = Identity::series(kind, venue, symbol, Some(bars.interval));
    Ok(vec![Ok(bars.checked.into_decoded(archive, "ccxt-ohlcv/1", series, &identity))])
}

/// The columns of arrays of `[ms, open, high, low, close, volume]`.
pub(super) fn raw_bars(archive: &Archive) -> Result<Raw, RowProblem> {
    const NAMES: [&str; 5] = ["open", "high", "low", "close", "volume"];
    let mut times = Vec::new();
    let mut columns: [Vec<f64>; 5] = Default::default();
    let mut take = |row: &Value| {
        let at = |problem| RowProblem::at(times.len(), problem);
        let fields = row.as_array().map(Vec::as_slice).unwrap_or_default();
        if fields.len() != 6 {
            return Err(at(Problem::Fields { expected: 6, found: fields.len() }));
        }
        let time = fields[0].as_i64().ok_or_else(|| {
            let value = fields[0].to_string();
            at(Problem::NotATime { column: "timestamp".to_owned(), value })
        })?;
        let mut numbers = [f64::NAN; 5];
        for ((field, name), number) in fields[1..].iter().zip(NAMES).zip(&mut numbers) {
            // Prices of no volume are whole; a missing one is found by its rule.
            if !field.is_null() {
                *number = json::number(field, name).map_err(at)?;
            }
        }
        times.push(time);
        columns.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        Ok(())
    };
    match &archive.content {
        Content::Json(Json::Document(Value::Array(rows))) => rows.iter().try_for_each(&mut take)?,
        Content::Json(Json::Lines(text)) => {
            for (_, row) in json::lines(text) {
                take(&row?)?;
            }
        }
        _ => {
            let reason = "no JSON list of bars".to_owned();
            return Err(Problem::NotRecognised { reason }.into());
        }
    }
    let n_rows = times.len();
    let mut named = vec![("time", Values::Times(times))];
    named.extend(NAMES.into_iter().zip(columns).map(|(name, c)| (name, Values::Numbers(c))));
    Ok(Raw::from_columns(n_rows, named))
}

/// The kind of a unified object by its members.
fn kind_of(row: &Map<String, Value>) -> Option<Kind> {
    let pair = row.get("symbol")?.as_str()?;
    Pair::parse(pair)?;
    let has = |name: &str| row.contains_key(name);
    if !has("timestamp") {
        None
    } else if has("fundingRate") {
        Some(Kind::Funding)
    } else if has("openInterestAmount") || has("openInterestValue") {
        Some(Kind::OpenInterest)
    } else if has("price") && (has("contracts") || has("baseValue")) {
        Some(Kind::Liquidations)
    } else {
        None
    }
}

fn recognise_records(clues: &Clues) -> Option<Vec<String>> {
    let kind = kind_of(first(clues)?.as_object()?)?;
    Some(vec![format!("JSON objects of {kind} with a pair such as BTC/USDT:USDT")])
}

fn decode_records(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "no JSON objects".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let rows = raw::objects(json)?;
    let kind = rows.first().and_then(kind_of).ok_or(Problem::Unknown { what: "kind" })?;
    let venue =
        Identity::new(archive, options).venue().ok_or(Problem::Unknown { what: "venue" })?;
    let mut by_pair: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let pair = row.get("symbol").and_then(Value::as_str).unwrap_or_default();
        by_pair.entry(pair.to_owned()).or_default().push(index);
    }
    let many = by_pair.len() > 1;
    let mut parts: Parts = Vec::new();
    for (text, indices) in by_pair {
        let excluded = many && options.symbol.as_ref().is_some_and(|wanted| *wanted != text);
        if excluded {
            continue;
        }
        let identity = Identity::new(archive, options);
        let part = || -> Result<_, RowProblem> {
            let pair = Pair::parse(&text).ok_or(Problem::Unknown { what: "symbol" })?;
            let symbol = match &options.symbol {
                Some(symbol) if !many => symbol.clone(),
                _ => pair.symbol(&venue)?,
            };
            let rows: Vec<&Map<String, Value>> =
                indices.iter().map(|&index| &rows[index]).collect();
            Ok((symbol, build(&rows, kind, &venue, &identity)?))
        };
        parts.push(match part() {
            Ok((symbol, checked)) => {
                let series = Identity::series(kind, venue.clone(), symbol, None);
                Ok(checked.into_decoded(archive, "ccxt-records/1", series, &identity))
            }
            Err(RowProblem { row, problem }) => Err(PartProblem {
                series: many.then(|| format!("{venue} {text} {kind}")),
                row: RowProblem { row: row.map(|row| indices[row]), problem },
            }),
        });
    }
    if parts.is_empty() {
        let reason = "no row of the symbol asked for".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    Ok(parts)
}

/// Members of the rows of one pair.
struct Members<'a> {
    rows: &'a [&'a Map<String, Value>],
}

impl Members<'_> {
    fn times(&self) -> Result<Values, RowProblem> {
        let time = |(row, members): (usize, &&Map<String, Value>)| {
            let value = members.get("timestamp").unwrap_or(&Value::Null);
            let bad =
                || Problem::NotATime { column: "timestamp".to_owned(), value: value.to_string() };
            value.as_i64().ok_or_else(|| RowProblem::at(row, bad()))
        };
        self.rows.iter().enumerate().map(time).collect::<Result<_, _>>().map(Values::Times)
    }

    /// Numbers, absent ones unknown; none where no row has any.
    fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, RowProblem> {
        let number = |(row, members): (usize, &&Map<String, Value>)| match members.get(name) {
            None | Some(Value::Null) => Ok(f64::NAN),
            Some(value) => json::number(value, name).map_err(|p| RowProblem::at(row, p)),
        };
        let values: Vec<f64> =
            self.rows.iter().enumerate().map(number).collect::<Result<_, _>>()?;
        Ok(values.iter().any(|value| !value.is_nan()).then_some(values))
    }

    fn words(&self, name: &str) -> Values {
        let word =
            |row: &&Map<String, Value>| row.get(name).and_then(json::text).unwrap_or_default();
        Values::Words(self.rows.iter().map(word).collect())
    }
}

fn build(
    rows: &[&Map<String, Value>],
    kind: Kind,
    venue: &str,
    identity: &Identity,
) -> Result<Checked, RowProblem> {
    let policies = &identity.options.policies;
    let members = Members { rows };
    let mut columns = vec![("time", members.times()?)];
    let mut add = |name: &'static str, values: Option<Vec<f64>>| {
        columns.extend(values.map(|values| (name, Values::Numbers(values))));
    };
    match kind {
        Kind::Funding => {
            add("rate", members.numbers("fundingRate")?);
            funding::build(Raw::from_columns(rows.len(), columns), venue, policies)
        }
        Kind::OpenInterest => {
            let amount = members.numbers("openInterestAmount")?;
            let counts_base = ["binance-usdm", "bybit-linear", "hyperliquid"].contains(&venue);
            add("open_interest", amount.filter(|_| counts_base));
            add("open_interest_value", members.numbers("openInterestValue")?);
            if !counts_base {
                identity
                    .assume("the amount is in contracts of unknown size: only the value is taken");
            }
            open_interest::build(Raw::from_columns(rows.len(), columns), policies)
        }
        _ => {
            let contracts = members.numbers("contracts")?;
            let size = members.numbers("contractSize")?;
            let product = |contracts: Vec<f64>| match &size {
                Some(size) => contracts.iter().zip(size).map(|(c, size)| c * size).collect(),
                None => contracts,
            };
            let linear_of_one = size.is_some() || ["binance-usdm", "bybit-linear"].contains(&venue);
            let quantity = match members.numbers("baseValue")? {
                Some(quantity) => Some(quantity),
                None => contracts.filter(|_| linear_of_one).map(product),
            };
            add("quantity", quantity);
            add("price", members.numbers("price")?);
            add("notional", members.numbers("quoteValue")?);
            columns.push(("side", sides(&members, venue)));
            let raw = Raw::from_columns(rows.len(), columns);
            identity.assume("liquidations that were asked for once: they account for no time");
            liquidations::build(raw, Quantity::Base, policies)
        }
    }
}

/// Sides as the builder understands them: the order's, or `long` and `short` for the position's.
fn sides(members: &Members, venue: &str) -> Values {
    let Values::Words(words) = members.words("side") else { return Values::Skipped };
    let side = |word: String| match (word.as_str(), venue) {
        ("long" | "short", _) | ("buy" | "sell", "binance-usdm" | "binance-coinm") => word,
        ("buy", "bybit-linear" | "bybit-inverse") => "long".to_owned(),
        ("sell", "bybit-linear" | "bybit-inverse") => "short".to_owned(),
        ("", _) => "none".to_owned(),
        (word, venue) => format!("{word}, of which CCXT does not say what it is at {venue}"),
    };
    Values::Words(words.into_iter().map(side).collect())
}
