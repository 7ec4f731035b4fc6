//! tardis.dev's CSV files: `<exchange>/<type>/<YYYY>/<MM>/<DD>/<SYMBOL>.csv.gz`, recorded from the
//! exchanges' streams and brought to one form. Microseconds, UTC; empty fields are absent.
//!
//! | shape | gives |
//! |---|---|
//! | [`trades`] | candles |
//! | [`ticker`]: `derivative_ticker` | mark and index bars, open interest, funding |
//! | [`liquidations`] | liquidations |
//!
//! A file has what **arrived** (`local_timestamp`) on its day; `timestamp` is the exchange's.
//! Only the first day of each month is free.
//!
//! Trades and liquidations have the same columns; folder or file name tell which it is. Amounts
//! are as the exchange counts them: coins, or contracts, which are taken where their size is
//! known from the symbol (inverse contracts of Binance, Bybit, Deribit and `XBTUSD`).
//!
//! Sources: docs.tardis.dev, "Downloadable CSV files"; tardis-dev/tardis-node, `src/mappers`
//! (what each column is made of); its users' inspection of free samples (liquidations: the
//! columns of trades, `id` empty, sides `buy` and `sell` only).

mod liquidations;
mod ticker;
mod trades;

use plimsoll_market::{DAY_MS, Series, Timestamp};

use super::identity::Identity;
use super::liquidations::Quantity;
use super::{Clues, Format, Parts};
use crate::archive::Archive;
use crate::csv::Want;
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};

const COLUMNS: [&str; 8] =
    ["exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"];

const fn format(
    name: &'static str,
    recognise: fn(&Clues) -> Option<Vec<String>>,
    decode: fn(&Archive, &Options) -> Result<Parts, RowProblem>,
) -> Format {
    Format { name, source: SourceFormat::Tardis, recognise, decode }
}

pub(super) const FORMATS: &[Format] = &[
    format(ticker::NAME, ticker::recognise, ticker::decode),
    format(liquidations::NAME, liquidations::recognise, liquidations::decode),
    format(trades::NAME, trades::recognise, trades::decode),
    format("tardis/1", recognise_either, decode_either),
];

/// Whether columns are those of trades and liquidations, in a file that path and name say to be
/// of such a type.
fn recognise_type(clues: &Clues, of_type: &str) -> Option<Vec<String>> {
    let by_name = clues.stem.split('_').any(|word| word == of_type);
    (clues.columns == COLUMNS && (clues.is_in(of_type) || by_name)).then(|| {
        let place = if by_name { "named" } else { "in a folder" };
        vec![format!("columns {}", COLUMNS.join(", ")), format!("{place} {of_type}")]
    })
}

fn recognise_either(clues: &Clues) -> Option<Vec<String>> {
    (clues.columns == COLUMNS)
        .then(|| vec![format!("columns {}, of trades or liquidations", COLUMNS.join(", "))])
}

fn decode_either(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    use plimsoll_market::Kind;
    match options.kind {
        Some(Kind::Candles) => trades::decode(archive, options),
        Some(Kind::Liquidations) => liquidations::decode(archive, options),
        _ => Err(Problem::Unknown { what: "kind" }.into()),
    }
}

/// A text and the columns wanted of it: their positions by the names in `wanted`.
struct Layout<'a, const N: usize> {
    archive: &'a Archive,
    columns: Vec<(String, Want)>,
    positions: [usize; N],
}

fn layout<'a, const N: usize>(
    archive: &'a Archive,
    wanted: [(&'static str, Want); N],
) -> Result<Layout<'a, N>, Problem> {
    if archive.head().is_none() {
        let reason = "tardis.dev's files are CSV text".to_owned();
        return Err(Problem::NotRecognised { reason });
    }
    let names = crate::raw::names(archive)?;
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    let mut positions = [0; N];
    for (position, (column, want)) in positions.iter_mut().zip(wanted) {
        let found = names.iter().position(|name| name == column);
        *position =
            found.ok_or_else(|| Problem::MissingColumn { column, have: names.join(", ") })?;
        columns[*position].1 = want;
    }
    Ok(Layout { archive, columns, positions })
}

/// An instrument of a file. Files of `PERPETUALS` and the like hold many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Instrument {
    exchange: String,
    symbol: String,
}

/// What has been gathered by instrument, in the order of the names.
#[derive(Default)]
struct Instruments<T> {
    found: std::collections::BTreeMap<Instrument, T>,
}

impl<T: Default> Instruments<T> {
    fn of(&mut self, exchange: &str, symbol: &str) -> &mut T {
        let key = Instrument { exchange: exchange.to_owned(), symbol: symbol.to_owned() };
        self.found.entry(key).or_default()
    }
}

/// The venue that an exchange's identifier and a symbol stand for.
fn venue(instrument: &Instrument, options: &Options) -> Result<String, Problem> {
    if let Some(venue) = &options.venue {
        return Ok(venue.clone());
    }
    let symbol = instrument.symbol.as_str();
    let venue = match instrument.exchange.as_str() {
        "binance-futures" => "binance-usdm",
        "binance-delivery" => "binance-coinm",
        "binance" => "binance-spot",
        "bybit" if is_inverse_bybit(symbol) => "bybit-inverse",
        "bybit" => "bybit-linear",
        "bybit-spot" => "bybit-spot",
        "okex-swap" => "okx-swap",
        "okex-futures" => "okx-futures",
        "okex" => "okx-spot",
        "hyperliquid" => "hyperliquid",
        "deribit" => "deribit",
        "bitmex" => "bitmex",
        other => {
            let what = format!("the exchange `{other}` without --venue");
            return Err(Problem::Unsupported { what });
        }
    };
    Ok(venue.to_owned())
}

/// `BTCUSD` and `BTCUSDH25`; linear are `BTCUSDT`, `BTCPERP`, `BTC-27DEC24`.
fn is_inverse_bybit(symbol: &str) -> bool {
    let Some((_, after)) = symbol.split_once("USD") else { return false };
    after.is_empty() || after.len() == 3 && after.ends_with(|c: char| c.is_ascii_digit())
}

/// What an amount is worth: so many base units or contracts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    scale: f64,
    quantity: Quantity,
}

/// How an exchange counts amounts and open interest, by option or where the symbol tells.
fn unit(venue: &str, symbol: &str, options: &Options) -> Result<Unit, Problem> {
    match (known_unit(venue, symbol), options.contract_size) {
        (_, Some(size)) if !(size.is_finite() && size > 0.0) => {
            let rule = "is not a positive number";
            Err(Problem::BadValue { column: "contract-size", value: size, rule })
        }
        (Ok(quantity), _) => Ok(Unit { scale: 1.0, quantity }),
        // Among these are contracts worth a share of a third currency.
        (Err(problem), _) if ["bitmex", "deribit"].contains(&venue) => Err(problem),
        (Err(_), Some(size)) if is_coin_margined(symbol) => {
            Ok(Unit { scale: 1.0, quantity: Quantity::Contracts(size) })
        }
        (Err(_), Some(size)) => Ok(Unit { scale: size, quantity: Quantity::Base }),
        (Err(_), None) => Err(Problem::Unknown { what: "contract-size" }),
    }
}

/// Whether a contract whose size is not known is one of US dollars: `BTC-USD-SWAP`, `ETHUSD`.
fn is_coin_margined(symbol: &str) -> bool {
    symbol.split('-').nth(1).is_some_and(|quote| quote == "USD")
        || !symbol.contains('-') && symbol.ends_with("USD")
}

fn known_unit(venue: &str, symbol: &str) -> Result<Quantity, Problem> {
    let by_btc = |btc: f64, other: f64| if symbol.starts_with("BTC") { btc } else { other };
    match venue {
        "binance-usdm" | "binance-spot" | "bybit-linear" | "bybit-spot" | "okx-spot"
        | "hyperliquid" => Ok(Quantity::Base),
        "binance-coinm" => Ok(Quantity::Contracts(by_btc(100.0, 10.0))),
        "bybit-inverse" => Ok(Quantity::Contracts(1.0)),
        // Its amounts are dollars already, whatever the size of a contract.
        "deribit" if symbol.contains("_USDC") || symbol.contains("_USDT") => Ok(Quantity::Base),
        "deribit" if symbol.split('-').count() == 2 => Ok(Quantity::Contracts(1.0)),
        "bitmex" if symbol == "XBTUSD" => Ok(Quantity::Contracts(1.0)),
        _ => {
            let what = format!(
                "amounts of {venue} {symbol}, contracts of a size that the file does not tell,"
            );
            Err(Problem::Unsupported { what })
        }
    }
}

fn series(
    kind: plimsoll_market::Kind,
    instrument: &Instrument,
    options: &Options,
) -> Result<Series, Problem> {
    let venue = venue(instrument, options)?;
    Ok(Identity::series(kind, venue, instrument.symbol.clone(), None))
}

/// The day that a file is of: folders `YYYY/MM/DD`, or a date in its name.
fn day_of(archive: &Archive) -> Option<(Timestamp, Timestamp)> {
    day_by_words(&archive.folders(), &archive.stem)
}

fn day_by_words(folders: &[String], stem: &str) -> Option<(Timestamp, Timestamp)> {
    let day = |year: &str, month: &str, day: &str| {
        let sizes = (year.len(), month.len(), day.len()) == (4, 2, 2);
        let date = Timestamp::from_date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        date.filter(|_| sizes)
    };
    let by_name = stem.split('_').find_map(|word| {
        let mut parts = word.split('-');
        let found = day(parts.next()?, parts.next()?, parts.next()?);
        found.filter(|_| parts.next().is_none())
    });
    let by_folders = || match folders {
        [.., year, month, date] => day(year, month, date),
        _ => None,
    };
    let start = by_name.or_else(by_folders)?;
    Some((start, Timestamp(start.0 + DAY_MS)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exchanges_and_symbols_are_venues_with_their_units() {
        let base = Some(Quantity::Base);
        let dollars = |size| Some(Quantity::Contracts(size));
        for (exchange, symbol, venue_name, counted) in [
            ("binance-futures", "BTCUSDT", "binance-usdm", base),
            ("binance-delivery", "BTCUSD_PERP", "binance-coinm", dollars(100.0)),
            ("binance-delivery", "ETHUSD_PERP", "binance-coinm", dollars(10.0)),
            ("binance", "BTCUSDT", "binance-spot", base),
            ("bybit", "BTCUSDT", "bybit-linear", base),
            ("bybit", "BTCPERP", "bybit-linear", base),
            ("bybit", "BTCUSD", "bybit-inverse", dollars(1.0)),
            ("bybit", "BTCUSDH25", "bybit-inverse", dollars(1.0)),
            ("okex-swap", "BTC-USDT-SWAP", "okx-swap", None),
            ("hyperliquid", "kPEPE", "hyperliquid", base),
            ("deribit", "BTC-PERPETUAL", "deribit", dollars(1.0)),
            ("deribit", "SOL_USDC-PERPETUAL", "deribit", base),
            ("deribit", "BTC-27DEC24-60000-C", "deribit", None),
            ("bitmex", "XBTUSD", "bitmex", dollars(1.0)),
            ("bitmex", "ETHUSD", "bitmex", None),
        ] {
            let instrument = Instrument { exchange: exchange.into(), symbol: symbol.into() };
            let venue = venue(&instrument, &Options::default()).unwrap();
            assert_eq!(venue, venue_name, "{exchange} {symbol}");
            assert_eq!(known_unit(&venue, symbol).ok(), counted, "{exchange} {symbol}");
        }
        let other = Instrument { exchange: "phemex".into(), symbol: "BTCUSD".into() };
        let problem = venue(&other, &Options::default()).unwrap_err();
        assert_eq!(problem.to_string(), "the exchange `phemex` without --venue cannot be ingested");
    }

    #[test]
    fn the_day_is_told_by_folders_or_name() {
        let day = "2025-03-01".parse::<Timestamp>().unwrap();
        for (folders, stem, is_day) in [
            (&["trades", "2025", "03", "01"][..], "BTCUSDT", true),
            (&["downloads"], "bybit_liquidations_2025-03-01_BTCUSDT", true),
            (&["downloads"], "deribit_trades_2025-03-01_BTC-PERPETUAL", true),
            (&["2025", "03"], "BTCUSDT", false),
            (&["2025", "3", "1"], "BTCUSDT", false),
            (&["downloads"], "BTC-PERPETUAL", false),
        ] {
            let folders: Vec<String> = folders.iter().map(|&f| f.to_owned()).collect();
            let found = day_by_words(&folders, stem).map(|(from, _)| from);
            assert_eq!(found, is_day.then_some(day), "{folders:?} {stem}");
        }
    }
}
