//! freqtrade's data folder: files such as `BTC_USDT_USDT-1h-futures.feather`, `-mark`, `-index`,
//! `-premiumIndex`, `-funding_rate`, spot's `BTC_USDT-5m.feather` and `-trades`, with the columns
//! date, open, high, low, close, volume; as Arrow, Parquet, or JSON arrays (also gz).
//!
//! Names carry no venue. The time frame in the name of a funding file says nothing about its
//! rows, and the rate stands in `open`.

use plimsoll_market::{Interval, Kind};

use super::identity::{Identity, interval_word};
use super::pairs::Pair;
use super::rows::{check, is_positive};
use super::trade_bars::{Trade, TradeBars};
use super::{Clues, Decoded, Format, Parts, bars, ccxt, funding};
use crate::archive::{Archive, Content};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(super) const FORMATS: &[Format] =
    &[Format { name: "freqtrade/1", source: SourceFormat::Freqtrade, recognise, decode }];

/// What a file name says.
#[derive(Debug, PartialEq)]
struct Name<'a> {
    pair: Vec<&'a str>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Bars(Kind, Interval),
    Funding,
    Trades,
}

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let name = parse_name(&clues.stem)?;
    let bars = clues.has_columns(&["date", "open", "high", "low", "close"]);
    let trades = clues.has_columns(&["timestamp", "side", "price", "amount"]);
    let row = clues.json.as_ref().and_then(|json| json.as_array()?.first());
    let evidence = match name.what {
        _ if clues.is_feather => "an Arrow file",
        What::Bars(..) | What::Funding if bars => "columns date, open, high, low, close",
        What::Bars(..) | What::Funding if row.is_some_and(ccxt::is_bar) => "JSON arrays of bars",
        What::Trades if trades => "columns timestamp, side, price, amount",
        _ => return None,
    };
    let pair = name.pair.join("/");
    Some(vec![evidence.to_owned(), format!("named as freqtrade does: pair {pair}")])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let identity = Identity::new(archive, options);
    let Some(Name { pair, what }) = parse_name(&archive.stem) else {
        let reason = format!(
            "`{}` is no file name of freqtrade's, as BTC_USDT_USDT-1h-futures is",
            archive.stem
        );
        return Err(Problem::NotRecognised { reason }.into());
    };
    let default = if pair.len() == 2 { "binance-spot" } else { "binance-usdm" };
    let venue = identity.venue_or(default);
    let word = |index: usize| pair.get(index).map(|word| (*word).to_owned());
    let symbol = match (&options.symbol, word(0), word(1)) {
        (Some(symbol), ..) => symbol.clone(),
        (None, Some(base), Some(quote)) => Pair { base, quote, settle: word(2) }.symbol(&venue)?,
        _ => return Err(Problem::Unknown { what: "symbol" }.into()),
    };
    let part = match what {
        What::Bars(kind, interval) => {
            let interval = options.interval.unwrap_or(interval);
            let bars =
                bars::build(columns(archive, kind)?, kind, Some(interval), &options.policies)?;
            let series = Identity::series(kind, venue, symbol, Some(bars.interval));
            bars.checked.into_decoded(archive, "freqtrade-bars/1", series, &identity)
        }
        What::Funding => {
            let mut raw = columns(archive, Kind::Candles)?;
            if let Some(rates) = raw.columns.remove("open") {
                raw.columns.insert("rate", rates);
            }
            let checked = funding::build(raw, &venue, &options.policies)?;
            let series = Identity::series(Kind::Funding, venue, symbol, None);
            checked.into_decoded(archive, "freqtrade-funding/1", series, &identity)
        }
        What::Trades => trades(archive, venue, symbol, &identity)?,
    };
    Ok(vec![Ok(part)])
}

fn columns(archive: &Archive, kind: Kind) -> Result<Raw, RowProblem> {
    match &archive.content {
        Content::Json(_) => ccxt::raw_bars(archive),
        _ => Raw::read(archive, kind, &[]),
    }
}

/// Bars of the trades; `amount` is in base units.
fn trades(
    archive: &Archive,
    venue: String,
    symbol: String,
    identity: &Identity,
) -> Result<Decoded, RowProblem> {
    // A trade has the columns of a forced one: time, side, price and quantity.
    let mut raw = Raw::read(archive, Kind::Liquidations, &[])?;
    let times = raw.take_times()?;
    let price = raw.need_numbers("price")?;
    let quantity = raw.need_numbers("quantity")?;
    let sides = raw.take_words("side").ok_or_else(|| raw.missing("side"))?;
    check("price", &price, "is not a positive number", is_positive)?;
    check("amount", &quantity, "is not a positive number", is_positive)?;
    if let Some(row) = sides.iter().position(|side| side != "buy" && side != "sell") {
        let (value, expected) = (sides[row].clone(), "buy or sell");
        return Err(RowProblem::at(row, Problem::BadWord { column: "side", value, expected }));
    }
    if times.is_empty() {
        return Err(Problem::Empty.into());
    }
    let options = identity.options;
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    let mut gathered = TradeBars::new(interval);
    for (row, &time_ms) in times.iter().enumerate() {
        gathered.push(Trade {
            time_ms,
            price: price[row],
            quantity: quantity[row],
            taker_buys: sides[row] == "buy",
            trades: 1,
        });
    }
    let mut checked = gathered.finish(&options.policies);
    // The first and last bar lack the trades before and after the file's.
    checked.last_may_be_forming = true;
    identity.assume("the first and the last bar may lack trades that the file does not hold");
    let series = Identity::series(Kind::Candles, venue, symbol, Some(interval));
    Ok(checked.into_decoded(archive, "freqtrade-trades/1", series, identity))
}

/// `BTC_USDT_USDT-1h-futures`: the pair's words, the time frame, the candle type.
fn parse_name(stem: &str) -> Option<Name<'_>> {
    let mut words = stem.split('-');
    let pair: Vec<&str> = words.next()?.split('_').collect();
    let word = words.next()?;
    let candle_type = words.next().unwrap_or_default();
    if !matches!(pair.len(), 2 | 3)
        || pair.iter().any(|word| word.is_empty())
        || words.next().is_some()
    {
        return None;
    }
    if word == "trades" && candle_type.is_empty() {
        return Some(Name { pair, what: What::Trades });
    }
    let interval = interval_word(word)?;
    let what = match candle_type {
        "futures" | "spot" | "" => What::Bars(Kind::Candles, interval),
        "mark" => What::Bars(Kind::MarkCandles, interval),
        "index" => What::Bars(Kind::IndexCandles, interval),
        "premiumIndex" => What::Bars(Kind::PremiumIndexCandles, interval),
        "funding_rate" => What::Funding,
        _ => return None,
    };
    Some(Name { pair, what })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_tell_pair_time_frame_and_price() {
        let hour = interval_word("1h").unwrap();
        for (stem, pair, what) in [
            ("BTC_USDT_USDT-1h-futures", "BTC/USDT/USDT", What::Bars(Kind::Candles, hour)),
            ("BTC_USDT-1h", "BTC/USDT", What::Bars(Kind::Candles, hour)),
            ("BTC_USDT_USDT-1h-mark", "BTC/USDT/USDT", What::Bars(Kind::MarkCandles, hour)),
            ("BTC_USDT_USDT-1h-index", "BTC/USDT/USDT", What::Bars(Kind::IndexCandles, hour)),
            (
                "BTC_USDT_USDT-1h-premiumIndex",
                "BTC/USDT/USDT",
                What::Bars(Kind::PremiumIndexCandles, hour),
            ),
            ("BTC_USDT_USDT-1h-funding_rate", "BTC/USDT/USDT", What::Funding),
            ("BTC_USDT_USDT-trades", "BTC/USDT/USDT", What::Trades),
        ] {
            let name = parse_name(stem).unwrap();
            assert_eq!((name.pair.join("/").as_str(), name.what), (pair, what), "{stem}");
        }
        for stem in [
            "BTCUSDT-1h-2024-12",
            "BTCUSDT-1h",
            "BTC_USDT-1h-spread",
            "BTC_USDT-2024",
            "_USDT-1h",
            "BTC_USDT_USDT-1h-futures-2",
            "cross-venue",
        ] {
            assert_eq!(parse_name(stem), None, "{stem}");
        }
    }
}
