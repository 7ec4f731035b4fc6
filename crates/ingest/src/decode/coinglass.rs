//! CoinGlass: liquidation history and liquidation orders of API v4, and its stream.
//!
//! - `/api/futures/liquidation/aggregated-history`: `{"code": "0", "msg": "success", "data":
//!   [{"time": 1733270400000, "aggregated_long_liquidation_usd": 1.5,
//!   "aggregated_short_liquidation_usd": 0.5}]}`, sums over exchanges; `/liquidation/history` of
//!   one pair has `long_liquidation_usd` and `short_liquidation_usd`. Neither names the market.
//! - `/api/futures/liquidation/order`: `exchange_name`, `symbol`, `price`, `usd_value`, `side`,
//!   `time`; the stream's channel `liquidationOrders` has `exName`, `symbol`, `price`, `volUsd`,
//!   `side`, `time`. CoinGlass's own documentation of the former calls `side` the direction of the
//!   order: 1 buy, 2 sell. That the stream's is the same is assumed, and noted.
//!
//! The orders are those above an amount that the request names, 200 at most: they cover no time.
//! A `code` that is not 0 is an error; a contract's name in the place of a coin's gives no rows.

use std::collections::BTreeMap;

use plimsoll_market::Kind;
use serde_json::Value;

use super::generic::error_message;
use super::identity::Identity;
use super::liquidations::{self, Quantity};
use super::{Clues, Format, PartProblem, Parts, liquidation_volume};
use crate::archive::{Archive, Content};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "coinglass-history/1",
        source: SourceFormat::Coinglass,
        recognise: recognise_history,
        decode: decode_history,
    },
    Format {
        name: "coinglass-orders/1",
        source: SourceFormat::Coinglass,
        recognise: recognise_orders,
        decode: decode_orders,
    },
];

const AGGREGATED: [&str; 3] =
    ["time", "aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd"];
const PAIR: [&str; 3] = ["time", "long_liquidation_usd", "short_liquidation_usd"];

/// The names of an order's values by the API, and by the stream.
struct Names {
    exchange: &'static str,
    value: &'static str,
}
const API: Names = Names { exchange: "exchange_name", value: "usd_value" };
const STREAM: Names = Names { exchange: "exName", value: "volUsd" };

fn rows(json: &Value) -> Option<&Vec<Value>> {
    json.get("data").and_then(Value::as_array)
}

fn has(row: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| row.get(name).is_some())
}

fn recognise_history(clues: &Clues) -> Option<Vec<String>> {
    let json = clues.json.as_ref()?;
    let rows = rows(json)?;
    match rows.first() {
        Some(row) if has(row, &AGGREGATED) => {
            Some(vec!["JSON rows of aggregated_long_liquidation_usd".to_owned()])
        }
        Some(row) if has(row, &PAIR) => {
            Some(vec!["JSON rows of time and long_liquidation_usd".to_owned()])
        }
        // Others write an empty message.
        None if json.get("code").and_then(Value::as_str) == Some("0")
            && json.get("msg").and_then(Value::as_str) == Some("success") =>
        {
            Some(vec!["an answer with msg `success` and no rows".to_owned()])
        }
        _ => None,
    }
}

fn decode_history(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let identity = Identity::new(archive, options);
    let Content::Json(json) = &archive.content else {
        let reason = "CoinGlass answers in JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let sample = json.sample().unwrap_or_default();
    if let Some(message) = error_message(&sample) {
        return Err(Problem::ErrorDocument { message }.into());
    }
    let Some(first) = rows(&sample).and_then(|rows| rows.first()) else {
        let message =
            "success, and no rows: the market is not known there under the name asked for";
        return Err(Problem::ErrorDocument { message: message.to_owned() }.into());
    };
    let venue = if has(first, &AGGREGATED) {
        options.venue.clone().unwrap_or_else(|| "aggregate".to_owned())
    } else {
        identity.venue().ok_or(Problem::Unknown { what: "venue" })?
    };
    let symbol = identity.symbol()?;
    let raw = Raw::read(archive, Kind::LiquidationVolume, &[])?;
    let bars = liquidation_volume::build(raw, identity.interval(), &options.policies)?;
    let series = Identity::series(Kind::LiquidationVolume, venue, symbol, Some(bars.interval));
    Ok(vec![Ok(bars.checked.into_decoded(archive, "coinglass-history/1", series, &identity))])
}

fn recognise_orders(clues: &Clues) -> Option<Vec<String>> {
    let row = rows(clues.json.as_ref()?)?.first()?;
    let names = |names: &Names| [names.exchange, "symbol", "price", names.value, "side", "time"];
    [API, STREAM].iter().find(|found| has(row, &names(found))).map(|found| {
        vec![format!("JSON rows of {}, {}, side and time", found.exchange, found.value)]
    })
}

/// Orders of one exchange's symbol.
#[derive(Default)]
struct Orders {
    times: Vec<i64>,
    sides: Vec<String>,
    prices: Vec<f64>,
    notionals: Vec<f64>,
    rows: Vec<usize>,
}

fn decode_orders(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let mut found: BTreeMap<(String, String), Orders> = BTreeMap::new();
    let mut n_rows = 0;
    let mut is_stream = false;
    let mut take = |document: &Value| -> Result<(), RowProblem> {
        if let Some(message) = error_message(document) {
            return Err(RowProblem::at(n_rows, Problem::ErrorDocument { message }));
        }
        // A stream also holds answers to pings and subscriptions.
        for row in rows(document).map(Vec::as_slice).unwrap_or_default() {
            let names = if row.get(STREAM.value).is_some() { STREAM } else { API };
            is_stream |= names.value == STREAM.value;
            push(&mut found, row, n_rows, &names).map_err(|p| RowProblem::at(n_rows, p))?;
            n_rows += 1;
        }
        Ok(())
    };
    match &archive.content {
        Content::Json(Json::Document(document)) => take(document)?,
        Content::Json(Json::Lines(text)) => {
            for (_, document) in json::lines(text) {
                take(&document?)?;
            }
        }
        _ => {
            let reason = "CoinGlass answers in JSON".to_owned();
            return Err(Problem::NotRecognised { reason }.into());
        }
    }
    let many = found.len() > 1;
    let mut parts: Parts = Vec::new();
    for ((exchange, symbol), orders) in found {
        let identity = Identity::new(archive, options);
        let venue = options.venue.clone().or_else(|| venue(&exchange, &symbol));
        let rows = orders.rows.clone();
        let refuse = |RowProblem { row, problem }: RowProblem| PartProblem {
            series: many.then(|| format!("{exchange} {symbol} {}", Kind::Liquidations)),
            row: RowProblem { row: row.map(|row| rows[row]), problem },
        };
        let Some(venue) = venue else {
            parts.push(Err(refuse(Problem::Unknown { what: "venue" }.into())));
            continue;
        };
        if is_stream {
            identity
                .assume("side 1 taken for buy orders, 2 for sell orders, as in CoinGlass's API");
        }
        identity.assume("orders above an amount that the request named: they account for no time");
        let built = liquidations::build(orders.into_raw(), Quantity::Base, &options.policies);
        parts.push(match built {
            Ok(checked) => {
                let symbol = options.symbol.clone().filter(|_| !many).unwrap_or(symbol.clone());
                let series = Identity::series(Kind::Liquidations, venue, symbol, None);
                Ok(checked.into_decoded(archive, "coinglass-orders/1", series, &identity))
            }
            Err(problem) => Err(refuse(problem)),
        });
    }
    if parts.is_empty() {
        return Err(Problem::Empty.into());
    }
    Ok(parts)
}

fn push(
    found: &mut BTreeMap<(String, String), Orders>,
    row: &Value,
    index: usize,
    names: &Names,
) -> Result<(), Problem> {
    let value = |name: &'static str| {
        let value = row.get(name).filter(|value| !value.is_null());
        value.ok_or_else(|| {
            let have = row.as_object().map(|row| row.keys().cloned().collect::<Vec<_>>());
            Problem::MissingColumn { column: name, have: have.unwrap_or_default().join(", ") }
        })
    };
    let text = |name| Ok::<_, Problem>(json::text(value(name)?).unwrap_or_default());
    let time = value("time")?;
    let time = time
        .as_i64()
        .or_else(|| time.as_str().and_then(|text| text.parse().ok()))
        .ok_or_else(|| Problem::NotATime { column: "time".to_owned(), value: time.to_string() })?;
    let side = text("side")?;
    let orders = found.entry((text(names.exchange)?, text("symbol")?)).or_default();
    orders.times.push(time);
    orders.sides.push(match side.as_str() {
        "1" => "buy".to_owned(),
        "2" => "sell".to_owned(),
        _ => side,
    });
    orders.prices.push(json::number(value("price")?, "price")?);
    orders.notionals.push(json::number(value(names.value)?, names.value)?);
    orders.rows.push(index);
    Ok(())
}

impl Orders {
    fn into_raw(self) -> Raw {
        Raw::from_columns(
            self.times.len(),
            vec![
                ("time", Values::Times(self.times)),
                ("side", Values::Words(self.sides)),
                ("price", Values::Numbers(self.prices)),
                ("notional", Values::Numbers(self.notionals)),
            ],
        )
    }
}

/// The venue of an exchange's symbol, where the symbol's form tells its market.
fn venue(exchange: &str, symbol: &str) -> Option<String> {
    let is_linear = symbol.ends_with("USDT") || symbol.ends_with("USDC");
    let found = match exchange.to_ascii_lowercase().as_str() {
        "binance" if is_linear => "binance-usdm",
        "binance" if symbol.ends_with("USD_PERP") => "binance-coinm",
        "bybit" if symbol.ends_with("USDT") => "bybit-linear",
        "bybit" if symbol.ends_with("USD") => "bybit-inverse",
        "okx" if symbol.ends_with("-SWAP") => "okx-swap",
        "hyperliquid" => "hyperliquid",
        "deribit" => "deribit",
        "bitmex" => "bitmex",
        _ => return None,
    };
    Some(found.to_owned())
}
