//! freqtrade's data folder: Arrow files such as `BTC_USDT_USDT-1h-futures.feather`,
//! `-mark` and `-funding_rate`, with the columns date, open, high, low, close, volume.
//!
//! Names carry no venue. The time frame in the name of a funding file says nothing about its
//! rows, and the rate stands in `open`.

use plimsoll_market::Kind;

use super::identity::{Identity, interval_word};
use super::{Clues, Format, Parts, bars, funding};
use crate::archive::Archive;
use crate::error::{Problem, RowProblem};
use crate::raw::Raw;
use crate::run::{Options, SourceFormat};

pub(super) const FORMATS: &[Format] =
    &[Format { name: "freqtrade/1", source: SourceFormat::Freqtrade, recognise, decode }];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let (pair, interval, candle_type) = parse_name(&clues.stem).filter(|_| clues.is_feather)?;
    Some(vec![
        "an Arrow file".to_owned(),
        format!("named as freqtrade does: pair {}, {interval}, {candle_type}", pair.join("/")),
    ])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let identity = Identity::new(archive, options);
    let Some((pair, interval, candle_type)) = parse_name(&archive.stem) else {
        let reason = format!(
            "`{}` is no file name of freqtrade's, as BTC_USDT_USDT-1h-futures is",
            archive.stem
        );
        return Err(Problem::NotRecognised { reason }.into());
    };
    let kind = match candle_type {
        "futures" | "" => Kind::Candles,
        "mark" => Kind::MarkCandles,
        "index" => Kind::IndexCandles,
        "funding_rate" => Kind::Funding,
        other => {
            return Err(Problem::Unsupported { what: format!("candle type `{other}`") }.into());
        }
    };
    let default = if candle_type.is_empty() { "binance-spot" } else { "binance-usdm" };
    let venue = identity.venue_or(default);
    let symbol = options.symbol.clone().unwrap_or_else(|| symbol(&pair, &venue));
    let mut raw =
        Raw::read(archive, if kind == Kind::Funding { Kind::Candles } else { kind }, &[])?;
    if kind == Kind::Funding {
        if let Some(rates) = raw.columns.remove("open") {
            raw.columns.insert("rate", rates);
        }
        let checked = funding::build(raw, &venue, &options.policies)?;
        let series = Identity::series(kind, venue, symbol, None);
        return Ok(vec![Ok(checked.into_decoded(
            archive,
            "freqtrade-funding/1",
            series,
            &identity,
        ))]);
    }
    let interval = options.interval.or(interval_word(interval));
    let bars = bars::build(raw, kind, interval, &options.policies)?;
    let series = Identity::series(kind, venue, symbol, Some(bars.interval));
    Ok(vec![Ok(bars.checked.into_decoded(archive, "freqtrade-bars/1", series, &identity))])
}

/// `BTC_USDT_USDT-1h-futures`: the pair's words, the time frame, the candle type.
fn parse_name(stem: &str) -> Option<(Vec<&str>, &str, &str)> {
    let mut words = stem.split('-');
    let pair: Vec<&str> = words.next()?.split('_').collect();
    let interval = words.next()?;
    let candle_type = words.next().unwrap_or_default();
    let well_formed = matches!(pair.len(), 2 | 3)
        && pair.iter().all(|word| !word.is_empty())
        && interval_word(interval).is_some()
        && words.next().is_none();
    well_formed.then_some((pair, interval, candle_type))
}

/// The venue's spelling of a pair.
fn symbol(pair: &[&str], venue: &str) -> String {
    match venue {
        "hyperliquid" => pair[0].to_owned(),
        "okx-swap" => format!("{}-{}-SWAP", pair[0], pair[1]),
        _ => format!("{}{}", pair[0], pair[1]),
    }
}
