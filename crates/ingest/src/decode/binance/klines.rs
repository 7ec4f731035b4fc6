//! klines, markPriceKlines, indexPriceKlines and premiumIndexKlines of the archive.
//!
//! All four have the same file name and the same twelve columns; those of an index have volumes of
//! zero. The `count` of mark, index and premium index bars is no count of trades and is left out.
//! COIN-M bars hold contracts in `volume` and base units in `quote_volume`.

use plimsoll_market::Kind;

use super::name::What;
use super::{COINM, File, SPOT, contract_size, csv_evidence, has_all};
use crate::archive::Archive;
use crate::csv::{TimeUnit, Values};
use crate::decode::identity::Identity;
use crate::decode::rows::keep_period;
use crate::decode::{Clues, Format, Parts, bars};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(super) const FORMAT: Format =
    Format { name: "binance-klines/1", source: SourceFormat::Binance, recognise, decode };

const COLUMNS: [&str; 12] = [
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
];

/// What the columns of COIN-M bars really hold: contracts stand where others have base units, and
/// base units where others have the quote currency. Contracts become US dollars by their size.
const COIN_MARGINED: [(&str, &str); 4] = [
    ("volume", "quote_volume"),
    ("quote_volume", "volume"),
    ("taker_buy_volume", "taker_buy_contracts"),
    ("taker_buy_quote_volume", "taker_buy_volume"),
];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let is_klines = |what: &What| matches!(what, What::Klines(_) | What::MonthKlines);
    let names = clues.names();
    if names.len() == COLUMNS.len() && has_all(&names, &COLUMNS) {
        return csv_evidence(clues, is_klines, &COLUMNS, &[]);
    }
    if let Some(evidence) = csv_evidence(clues, is_klines, &[], &[COLUMNS.len()]) {
        return Some(evidence);
    }
    let bars = ["open_time", "open", "high", "low", "close"];
    let named = super::name::parse(&clues.stem).is_some_and(|name| is_klines(&name.what));
    if named && has_all(&names, &bars) {
        return csv_evidence(clues, is_klines, &bars, &[]);
    }
    closes_itself(&clues.first_row)
        .then(|| vec!["no header, 12 fields a row, of which the 7th closes the bar".to_owned()])
}

/// Whether a row without a header is a bar of the archive: its close time is the last instant
/// of an interval that its open time starts.
fn closes_itself(row: &[String]) -> bool {
    let time = |field: &str| field.parse::<i64>().ok().filter(|time| *time > 100_000_000_000);
    let times = (row.len() == COLUMNS.len()).then(|| (time(&row[0]), time(&row[6])));
    let Some((Some(open), Some(close))) = times else { return false };
    let second = if open < 100_000_000_000_000 { 1000 } else { 1_000_000 };
    close > open && (close + 1 - open) % second == 0 && open % second == 0
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let what = file.name.as_ref().map(|name| name.what);
    if what == Some(What::MonthKlines) {
        let reason = "bars of calendar months, which have no fixed length".to_owned();
        return Err(Problem::NothingForTheLake { reason }.into());
    }
    let symbol = file.symbol()?;
    let folder_kind = kind(&file.identity)?;
    let read_as = folder_kind.unwrap_or(Kind::Candles);
    let coin_margined = file.is_coin_margined(&symbol);
    let mut raw = if coin_margined && read_as == Kind::Candles {
        read_coin_margined(archive, &symbol)?
    } else {
        Raw::read(archive, read_as, &COLUMNS)?
    };
    let kind = match folder_kind {
        Some(kind) => kind,
        None if has_volume(&raw) => Kind::Candles,
        None => file.identity.bar_kind().ok_or(Problem::Unknown { what: "kind" })?,
    };
    if kind != Kind::Candles {
        raw.columns.retain(|&name, _| name != "volume" && name != "trades");
    }
    let microseconds = raw.time_unit == Some(TimeUnit::Microseconds);
    let by_name = match what {
        Some(What::Klines(interval)) => Some(interval),
        _ => file.identity.interval(),
    };
    let interval = options.interval.or(by_name);
    let bars = bars::build(raw, kind, interval, &options.policies)?;
    let mut checked = bars.checked;
    // The archive is published after its period is over.
    checked.last_may_be_forming &= !(archive.zipped && what.is_some());
    keep_period(&mut checked, file.period(), &options.policies)?;
    let venue = match file.told_venue(&symbol) {
        Some(venue) => venue,
        // The archive writes only spot files in microseconds.
        None if microseconds => file.identity.venue_or(SPOT),
        None => file.venue(&symbol),
    };
    Ok(file.one(checked, FORMAT.name, (kind, venue, symbol), Some(bars.interval)))
}

/// Which price the bars are of, by option or folder.
pub(super) fn kind(identity: &Identity) -> Result<Option<Kind>, Problem> {
    if let Some(kind) = identity.options.kind {
        if kind.has_prices() {
            return Ok(Some(kind));
        }
        return Err(Problem::Unsupported { what: format!("klines as {kind}") });
    }
    let by_folder = |folder: &String| match folder.as_str() {
        "klines" => Some(Kind::Candles),
        "markPriceKlines" => Some(Kind::MarkCandles),
        "indexPriceKlines" => Some(Kind::IndexCandles),
        "premiumIndexKlines" => Some(Kind::PremiumIndexCandles),
        _ => None,
    };
    Ok(identity.folders.iter().rev().find_map(by_folder))
}

/// Bars of a mark price or an index have no volume at all.
pub(super) fn has_volume(raw: &Raw) -> bool {
    matches!(raw.columns.get("volume"), Some(Values::Numbers(v)) if v.iter().any(|&v| v > 0.0))
}

fn read_coin_margined(archive: &Archive, symbol: &str) -> Result<Raw, RowProblem> {
    let mut raw = Raw::read_renamed(archive, Kind::Candles, &COLUMNS, &COIN_MARGINED)?;
    if raw.columns.contains_key("quote_volume") && !raw.columns.contains_key("volume") {
        let reason = format!("{COINM} bars without `quote_volume`, which holds their base units");
        let mend = "keep all the columns that the archive has";
        return Err(Problem::NotAsItStands { reason, mend }.into());
    }
    contracts_to_dollars(&mut raw, "quote_volume", contract_size(symbol));
    Ok(raw)
}

/// Turns a column of contracts into one of US dollars.
pub(super) fn contracts_to_dollars(raw: &mut Raw, column: &str, contract_size: f64) {
    if let Some(Values::Numbers(values)) = raw.columns.get_mut(column) {
        for contracts in values {
            *contracts *= contract_size;
        }
    }
}
