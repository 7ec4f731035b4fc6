//! Coinalyze's liquidation history: `GET /v1/liquidation-history`.
//!
//! ```json
//! [{"symbol": "BTCUSDT_PERP.A", "history": [{"t": 1733270400, "l": 12.5, "s": 3.25}]}]
//! ```
//!
//! `t` is the bar's open in seconds, `l` the longs that were liquidated and `s` the shorts. Whether
//! they are in US dollars (`convert_to_usd=true`) or not is told by the request only, so that the
//! unit has to be given. Without conversion `/future-markets` says what is counted
//! (`oi_lq_vol_denominated_in`): the base currency for contracts in USDT, the quote currency for
//! Binance's coin-margined ones; of others it is not documented.
//!
//! The letter behind the point is the exchange (`/exchanges`): `A` is Binance, `6` Bybit, `3` OKX.
//! `symbol_on_exchange` of `BTCUSDT_PERP.A` is `BTCUSDT`, of `ETHUSD_PERP.A` it is `ETHUSD_PERP`;
//! Bybit's perpetuals have no `_PERP` (`BTCUSDT.6`). Other exchanges' spellings are asked for.
//! Other histories (`o`, `h`, `l`, `c`) do not say of what they are, and are refused.

use plimsoll_market::Kind;
use serde_json::{Map, Value};

use super::identity::Identity;
use super::{Clues, Format, PartProblem, Parts, liquidation_volume};
use crate::archive::{Archive, Content};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::json::{self, Json};
use crate::options::{LiquidationUnit, Options, SourceFormat};
use crate::raw::Raw;

const DECODER: &str = "coinalyze-liquidations/1";

pub(super) const FORMATS: &[Format] =
    &[Format { name: DECODER, source: SourceFormat::Coinalyze, recognise, decode }];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let json = clues.json.as_ref()?;
    let first = json.as_array().map_or(Some(json), |entries| entries.first())?;
    let symbol = first.get("symbol")?.as_str()?;
    let history = first.get("history")?.as_array()?;
    let has_time = |row: &Value| row.get("t").is_some();
    let fits = market(symbol).is_some() && history.first().is_none_or(has_time);
    fits.then(|| vec![format!("JSON of symbol and history with `t`; symbol {symbol}")])
}

/// Symbol and history of one market.
struct Entry {
    symbol: String,
    history: Vec<Value>,
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let entries = entries(archive)?;
    let many = entries.len() > 1;
    let mut parts: Parts = Vec::new();
    let mut first_row = 0;
    for Entry { symbol, history } in entries {
        let identity = Identity::new(archive, options);
        let n_rows = history.len();
        let excluded = many && options.symbol.as_ref().is_some_and(|wanted| *wanted != symbol);
        if !excluded {
            parts.push(part(archive, &identity, &symbol, &history, many).map_err(
                |RowProblem { row, problem }| PartProblem {
                    series: many.then(|| format!("{symbol} {}", Kind::LiquidationVolume)),
                    row: RowProblem { row: row.map(|row| first_row + row), problem },
                },
            ));
        }
        first_row += n_rows;
    }
    if parts.is_empty() {
        let reason = "an answer without any market asked for".to_owned();
        return Err(Problem::NothingForTheLake { reason }.into());
    }
    Ok(parts)
}

fn part(
    archive: &Archive,
    identity: &Identity,
    name: &str,
    history: &[Value],
    many: bool,
) -> Result<super::Decoded, RowProblem> {
    let options = identity.options;
    let known = market(name).and_then(|(market, exchange)| venue_and_symbol(market, exchange));
    let (venue, symbol) = match (known, &options.venue, &options.symbol) {
        (_, Some(venue), Some(symbol)) if !many => (venue.clone(), symbol.clone()),
        (Some((venue, symbol)), ..) => (venue.to_owned(), symbol),
        (None, None, _) => return Err(Problem::Unknown { what: "venue" }.into()),
        (None, ..) => return Err(Problem::Unknown { what: "symbol" }.into()),
    };
    let unit = options.liquidation_unit.ok_or(Problem::Unknown { what: "liquidation unit" })?;
    let raw = columns(history, unit, &venue)?;
    let bars = liquidation_volume::build(raw, identity.interval(), &options.policies)?;
    let series = Identity::series(Kind::LiquidationVolume, venue, symbol, Some(bars.interval));
    Ok(bars.checked.into_decoded(archive, DECODER, series, identity))
}

fn columns(history: &[Value], unit: LiquidationUnit, venue: &str) -> Result<Raw, RowProblem> {
    let mut times = Vec::with_capacity(history.len());
    let mut long = Vec::with_capacity(history.len());
    let mut short = Vec::with_capacity(history.len());
    for (row, bar) in history.iter().enumerate() {
        let at = |problem| RowProblem::at(row, problem);
        let seconds = bar.get("t").and_then(Value::as_i64).ok_or_else(|| {
            let value = bar.get("t").unwrap_or(&Value::Null).to_string();
            at(Problem::NotATime { column: "t".to_owned(), value })
        })?;
        times.push(seconds.saturating_mul(1000));
        for (key, values) in [("l", &mut long), ("s", &mut short)] {
            let Some(value) = bar.get(key) else {
                let keys = bar.as_object().map(|bar| bar.keys().cloned().collect::<Vec<_>>());
                let keys = keys.unwrap_or_default().join(", ");
                let what = format!("a Coinalyze history of {keys}, which is not of liquidations,");
                return Err(at(Problem::Unsupported { what }));
            };
            values.push(if value.is_null() {
                f64::NAN
            } else {
                json::number(value, key).map_err(at)?
            });
        }
    }
    let by_quantity = match unit {
        LiquidationUnit::Usd => false,
        // Coin-margined contracts are counted in their quote currency, which is the dollar.
        LiquidationUnit::Base => venue != "binance-coinm",
    };
    let names = if by_quantity {
        ["long_quantity", "short_quantity"]
    } else {
        ["long_notional", "short_notional"]
    };
    let n_rows = times.len();
    Ok(Raw::from_columns(
        n_rows,
        vec![
            ("time", Values::Times(times)),
            (names[0], Values::Numbers(long)),
            (names[1], Values::Numbers(short)),
        ],
    ))
}

/// `BTCUSDT_PERP.A` as `BTCUSDT_PERP` and `A`.
fn market(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(market, exchange)| !market.is_empty() && exchange.len() == 1)
}

/// The venue and its own symbol, as far as they are documented.
fn venue_and_symbol(market: &str, exchange: &str) -> Option<(&'static str, String)> {
    let is_linear = |market: &str| market.ends_with("USDT") || market.ends_with("USDC");
    match (exchange, market.strip_suffix("_PERP")) {
        ("A", Some(pair)) if is_linear(pair) => Some(("binance-usdm", pair.to_owned())),
        ("A", Some(pair)) if pair.ends_with("USD") => Some(("binance-coinm", market.to_owned())),
        ("6", None) if market.ends_with("USDT") => Some(("bybit-linear", market.to_owned())),
        _ => None,
    }
}

fn entries(archive: &Archive) -> Result<Vec<Entry>, RowProblem> {
    let not_an_entry = || {
        let reason = "an entry without symbol and history".to_owned();
        RowProblem::from(Problem::NotRecognised { reason })
    };
    let entry = |value: &Value| {
        let members: &Map<String, Value> = value.as_object().ok_or_else(not_an_entry)?;
        let symbol = members.get("symbol").and_then(Value::as_str).ok_or_else(not_an_entry)?;
        let history = members.get("history").and_then(Value::as_array).ok_or_else(not_an_entry)?;
        Ok(Entry { symbol: symbol.to_owned(), history: history.clone() })
    };
    let Content::Json(json) = &archive.content else { return Err(not_an_entry()) };
    match json {
        Json::Document(Value::Array(values)) => values.iter().map(entry).collect(),
        Json::Document(value) => Ok(vec![entry(value)?]),
        Json::Lines(text) => {
            let mut found = Vec::new();
            for (_, line) in json::lines(text) {
                match line? {
                    Value::Array(values) => {
                        for value in &values {
                            found.push(entry(value)?);
                        }
                    }
                    value => found.push(entry(&value)?),
                }
            }
            Ok(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_markets_have_a_venue() {
        for (name, expected) in [
            ("BTCUSDT_PERP.A", Some(("binance-usdm", "BTCUSDT"))),
            ("ETHUSD_PERP.A", Some(("binance-coinm", "ETHUSD_PERP"))),
            ("BTCUSDT.6", Some(("bybit-linear", "BTCUSDT"))),
            ("BTCUSDT_PERP.3", None),
            ("BTC.H", None),
            ("BTCUSDT.A", None),
        ] {
            let found =
                market(name).and_then(|(market, exchange)| venue_and_symbol(market, exchange));
            let found = found.as_ref().map(|(venue, symbol)| (*venue, symbol.as_str()));
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(market("BTCUSDT"), None);
        assert_eq!(market("BTCUSDT.USD"), None);
    }
}
