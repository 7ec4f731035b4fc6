//! Candles, of the public archive and of the API's answers and messages.
//!
//! Archive, `BTC-USDT-SWAP-candlesticks-2025-12.zip`, one minute, newest or oldest first:
//!
//! ```csv
//! instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm
//! ETH-USDT-SWAP,3839.44,3843.58,3836.71,3838.16,23503.2,2350.32,9024127.30277,1761148800000,1
//! ```
//!
//! Answers of `candles` and `history-candles`, newest first, and messages of `candle1m`:
//!
//! ```json
//! {"code":"0","data":[["1697026383085","3.721","3.743","3.677","3.708","8422410","22698348","12698348","1"]]}
//! {"arg":{"channel":"candle1m","instId":"BTC-USDT-SWAP"},"data":[[…]]}
//! ```
//!
//! Nine values: start, open, high, low, close, volume in contracts (spot: base units), in base
//! units (spot: quote), in quote units, and whether the bar is over. Mark and index candles have
//! six: no volumes. An answer names no instrument, so the file's name has to. A bar whose
//! `confirm` is 0 was still forming: it is dropped, and so is every earlier state of a bar that
//! a recorded stream has finished later. In an archive in which every bar says so, the column
//! says nothing, and the bars are kept with a note. Bars of `6H` and longer open at 16:00 UTC
//! unless they are asked for as `1Dutc`; those lie on no grid of UTC and are refused.

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind, Timestamp};
use serde_json::Value;

use super::{
    Market, channel, instrument, is_envelope, is_okx_path, is_protocol, refuse_error, shortened,
};
use crate::archive::{Archive, Content};
use crate::csv::{self, Values, Want};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{
    Gathered, each, field, first_of, in_file, is_row_of, price_kind, time_ms, word,
};
use crate::decode::rows::usual_spacing;
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts, bars, note};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};
use crate::policy::{Policy, Rule};

pub(super) const ARCHIVE: Format = Format {
    name: "okx-candlesticks/1",
    source: SourceFormat::Okx,
    recognise: recognise_archive,
    decode: decode_archive,
};
pub(super) const ANSWERS: Format = Format {
    name: "okx-candles/1",
    source: SourceFormat::Okx,
    recognise: recognise_answers,
    decode: decode_answers,
};

const ARCHIVE_COLUMNS: [&str; 10] = [
    "instrument_name",
    "open",
    "high",
    "low",
    "close",
    "vol",
    "vol_ccy",
    "vol_quote",
    "open_time",
    "confirm",
];
const NUMBERS: [&str; 6] = ["open", "high", "low", "close", "volume", "quote_volume"];

fn recognise_archive(clues: &Clues) -> Option<Vec<String>> {
    clues.has_columns(&ARCHIVE_COLUMNS).then(|| {
        vec![
            "columns of OKX's candlesticks: instrument_name, vol_ccy, vol_quote, confirm"
                .to_owned(),
        ]
    })
}

fn recognise_answers(clues: &Clues) -> Option<Vec<String>> {
    let sample = first_of(clues.json.as_ref()?);
    if let Some(channel) = channel(sample).filter(|channel| channel.contains("candle")) {
        return Some(vec![format!("messages of OKX's channel {channel}")]);
    }
    if is_envelope(sample) {
        let rows = sample["data"].as_array()?;
        // An answer without rows or an error is OKX's, of whatever kind.
        let is_bars = rows.first().map_or(rows.is_empty() && sample.get("msg").is_some(), is_bar);
        return is_bars
            .then(|| vec!["an answer of OKX's API: code, data, rows of nine or six".to_owned()]);
    }
    let is_confirmed = |row: &Value| {
        row.as_array().and_then(|row| row.last()).and_then(Value::as_str).is_some_and(is_flag)
    };
    let is_rows = is_bar(sample) && is_confirmed(sample) && is_okx_path(clues);
    is_rows.then(|| vec!["rows of OKX's candles: nine or six texts, the last 0 or 1".to_owned()])
}

fn is_bar(row: &Value) -> bool {
    is_row_of(row, 9) || is_row_of(row, 6)
}

fn is_flag(word: &str) -> bool {
    word == "0" || word == "1"
}

/// Bars of one instrument and price, and which of them were over.
struct Bars {
    rows: Gathered,
    is_over: Vec<bool>,
    /// By the channel of a message.
    interval: Option<Interval>,
}

impl Bars {
    fn new(interval: Option<Interval>) -> Self {
        Self { rows: Gathered::new(&NUMBERS, &[]), is_over: Vec::new(), interval }
    }

    fn push(&mut self, place: usize, time: i64, numbers: &[f64; 6], is_over: bool) {
        self.rows.push(place, time, numbers, &[]);
        self.is_over.push(is_over);
    }

    fn keep(&mut self, rows: &[usize]) {
        self.is_over = rows.iter().map(|&row| self.is_over[row]).collect();
        self.rows.keep(rows);
    }

    /// Drops bars that were still forming, under their policy. Gives how many and the first.
    fn drop_forming(&mut self, policy: Policy) -> Result<Option<(usize, i64)>, RowProblem> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| (self.rows.times[row], self.is_over[row]));
        self.keep(&order);
        // A state that the same recording has overtaken is no bar at all.
        let is_last_of_time =
            |row: usize| self.rows.times.get(row + 1) != Some(&self.rows.times[row]);
        let current: Vec<usize> =
            (0..self.rows.len()).filter(|&row| self.is_over[row] || is_last_of_time(row)).collect();
        self.keep(&current);
        let forming: Vec<usize> = (0..self.rows.len()).filter(|&row| !self.is_over[row]).collect();
        let Some(&first) = forming.first() else { return Ok(None) };
        let time = self.rows.times[first];
        match policy {
            Policy::Refuse => {
                let interval = self.interval.unwrap_or(Interval::MINUTE);
                let at = Timestamp(time);
                let problem = Problem::ClosesEarly { time: at, close: at, interval };
                return Err(RowProblem::at(self.rows.places[first], problem));
            }
            Policy::Flag => {}
            Policy::Repair => {
                let over: Vec<usize> =
                    (0..self.rows.len()).filter(|&row| self.is_over[row]).collect();
                self.keep(&over);
            }
        }
        Ok(Some((forming.len(), time)))
    }

    fn into_part(
        mut self,
        archive: &Archive,
        identity: &Identity,
        format: &str,
        symbol: String,
        kind: Kind,
    ) -> Result<Decoded, RowProblem> {
        let options = identity.options;
        let policy = options.policies.of(Rule::FormingBar);
        let forming = self.drop_forming(policy)?;
        let by_name = identity.interval().or_else(|| utc_interval(&archive.stem));
        let spacing = || usual_spacing(&self.rows.times).and_then(Interval::from_ms);
        let interval = options.interval.or(self.interval).or(by_name).or_else(spacing);
        let market = Market::need(&symbol)?;
        let (raw, places) = self.rows.into_raw();
        let bars = bars::build(raw, kind, interval, &options.policies)
            .map_err(|row| in_file(row, &places))?;
        let mut checked = bars.checked;
        checked.last_may_be_forming = forming.is_some() && policy == Policy::Flag;
        if let Some((count, time)) = forming {
            let about = Rule::FormingBar.about();
            let note = note(about.name, count, time, about.what);
            let notes = match policy {
                Policy::Repair => &mut checked.repairs,
                _ => &mut checked.flags,
            };
            notes.push(note);
        }
        // An index has no instrument of its own; it is kept with the swaps that follow it.
        let market = match (market, kind) {
            (Market::Spot, Kind::IndexCandles | Kind::MarkCandles) => Market::Swap,
            (market, _) => market,
        };
        let venue = options.venue.clone().unwrap_or_else(|| market.venue().to_owned());
        let series = Identity::series(kind, venue, symbol, Some(bars.interval));
        Ok(checked.into_decoded(archive, format, series, identity))
    }
}

/// `1Dutc` in a name, which is the day that the lake has.
fn utc_interval(name: &str) -> Option<Interval> {
    let mut words = name.split(['_', '-', '.']);
    words.find_map(|word| word.strip_suffix("utc")?.parse().ok())
}

fn decode_archive(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Some(text) = archive.head() else {
        let reason = "candlesticks are CSV".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let names = csv::header(text).ok_or(Problem::Empty)?;
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    let mut at = [0; ARCHIVE_COLUMNS.len()];
    for (slot, wanted) in at.iter_mut().zip(ARCHIVE_COLUMNS) {
        let missing = || Problem::MissingColumn { column: wanted, have: names.join(", ") };
        *slot = names.iter().position(|name| name == wanted).ok_or_else(missing)?;
        columns[*slot].1 = match wanted {
            "instrument_name" | "confirm" => Want::Word,
            "open_time" => Want::Time,
            _ => Want::Number,
        };
    }
    let rows = archive.read_rows(true, &columns)?;
    let words = |column: usize| match &rows.columns[at[column]] {
        Values::Words(words) => Ok(words),
        _ => Err(Problem::Empty),
    };
    let numbers = |column: usize| match &rows.columns[at[column]] {
        Values::Numbers(numbers) => Ok(numbers),
        _ => Err(Problem::Empty),
    };
    let (instruments, confirms) = (words(0)?, words(9)?);
    let Values::Times(times) = &rows.columns[at[8]] else { return Err(Problem::Empty.into()) };
    let prices = [numbers(1)?, numbers(2)?, numbers(3)?, numbers(4)?];
    let (volume, in_base, in_quote) = (numbers(5)?, numbers(6)?, numbers(7)?);
    let says_nothing = confirms.iter().all(|confirm| confirm == "0");
    let mut found: BTreeMap<&str, Bars> = BTreeMap::new();
    for row in 0..rows.len {
        let name = instruments[row].as_str();
        let confirm = confirms[row].as_str();
        if !is_flag(confirm) {
            let value = confirm.to_owned();
            let problem = Problem::BadWord { column: "confirm", value, expected: "0 or 1" };
            return Err(RowProblem::at(row, problem));
        }
        if options.symbol.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let base = if Market::of(name) == Some(Market::Spot) { volume[row] } else { in_base[row] };
        let [open, high, low, close] = prices.map(|column| column[row]);
        let bars = found.entry(name).or_insert_with(|| Bars::new(Some(Interval::MINUTE)));
        let values = [open, high, low, close, base, in_quote[row]];
        bars.push(row, times[row], &values, says_nothing || confirm == "1");
    }
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let parts = found.into_iter().map(|(name, mut bars)| {
        let identity = Identity::new(archive, options);
        if says_nothing {
            identity.assume("every bar says that it is not over; they are taken for bars that are");
        }
        if identity.interval().is_some() {
            bars.interval = None;
        }
        let series = many.then(|| format!("okx {name} candles"));
        let symbol = name.to_owned();
        let part = bars.into_part(archive, &identity, ARCHIVE.name, symbol, Kind::Candles);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

/// Which bars a row belongs to: the instrument and channel of its message, and whether it has
/// volumes.
type Key = (Option<String>, Option<String>, bool);

fn decode_answers(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "answers of OKX's API are JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let is_lines = matches!(json, crate::json::Json::Lines(_));
    let mut found: BTreeMap<Key, Vec<(usize, Value)>> = BTreeMap::new();
    let mut n_rows = 0;
    each(json, |place, value| {
        if is_protocol(value) {
            return Ok(());
        }
        let mut add = |place: usize, key: Key, row: &Value| {
            n_rows += 1;
            found.entry(key).or_default().push((place, row.clone()));
        };
        if !is_envelope(value) {
            add(place, (None, None, is_row_of(value, 9)), value);
            return Ok(());
        }
        refuse_error(value)?;
        let rows = field(value, "data")?;
        let rows = rows.as_array().ok_or_else(|| Problem::BadWord {
            column: "data",
            value: shortened(rows),
            expected: "an array of rows",
        })?;
        let named = value.get("arg").and_then(|arg| word(arg, "instId"));
        for (row, values) in rows.iter().enumerate() {
            let place = if is_lines { place } else { row };
            let key = (named.clone(), channel(value).map(str::to_owned), is_row_of(values, 9));
            add(place, key, values);
        }
        Ok(())
    })?;
    if n_rows == 0 {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let parts = found.into_iter().map(|((named, channel, has_volume), rows)| {
        let what = named.clone().unwrap_or_default();
        let series =
            many.then(|| format!("okx {what} {}", channel.as_deref().unwrap_or("candles")));
        let part = answered(archive, options, named, channel.as_deref(), has_volume, &rows);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

/// The rows of one instrument and channel.
fn answered(
    archive: &Archive,
    options: &Options,
    named: Option<String>,
    channel: Option<&str>,
    has_volume: bool,
    rows: &[(usize, Value)],
) -> Result<Decoded, RowProblem> {
    let identity = Identity::new(archive, options);
    let symbol = match options.symbol.clone().or(named) {
        Some(symbol) => symbol,
        None => instrument(&identity, &archive.stem)?,
    };
    let market = Market::need(&symbol)?;
    let mut bars = Bars::new(channel.and_then(channel_interval));
    for (place, row) in rows {
        let problem = |problem: Problem| RowProblem::at(*place, problem);
        let (time, numbers, is_over) = read_row(row, has_volume, market).map_err(problem)?;
        bars.push(*place, time, &numbers, is_over);
    }
    let kind = match (options.kind, has_volume) {
        (Some(kind), _) => price_kind(kind, has_volume, "rows of six values")?,
        (None, true) => Kind::Candles,
        (None, false) => {
            let by_channel = channel.and_then(|channel| {
                let of = |word: &str, kind: Kind| channel.starts_with(word).then_some(kind);
                of("mark", Kind::MarkCandles).or_else(|| of("index", Kind::IndexCandles))
            });
            let kind = by_channel.or_else(|| identity.price_kind());
            kind.ok_or(Problem::Unknown { what: "kind" })?
        }
    };
    bars.into_part(archive, &identity, ANSWERS.name, symbol, kind)
}

/// `candle1m`, `mark-price-candle1H`, `index-candle1Dutc`.
fn channel_interval(channel: &str) -> Option<Interval> {
    let (_, interval) = channel.split_once("candle")?;
    interval.strip_suffix("utc").unwrap_or(interval).parse().ok()
}

fn read_row(
    row: &Value,
    has_volume: bool,
    market: Market,
) -> Result<(i64, [f64; 6], bool), Problem> {
    let width = if has_volume { 9 } else { 6 };
    let fields =
        row.as_array().filter(|_| is_row_of(row, width)).ok_or_else(|| Problem::BadWord {
            column: "row",
            value: shortened(row),
            expected: "a row of nine or six values",
        })?;
    let mut numbers = [f64::NAN; 6];
    for (at, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
        numbers[at] = number(&fields[at + 1], name)?;
    }
    if has_volume {
        let (at, name) = if market == Market::Spot { (5, "vol") } else { (6, "volCcy") };
        numbers[4] = number(&fields[at], name)?;
        numbers[5] = number(&fields[7], "volCcyQuote")?;
    }
    let confirm = crate::json::text(&fields[width - 1]).unwrap_or_default();
    if !is_flag(&confirm) {
        return Err(Problem::BadWord { column: "confirm", value: confirm, expected: "0 or 1" });
    }
    Ok((time_ms(&fields[0], "ts")?, numbers, confirm == "1"))
}
