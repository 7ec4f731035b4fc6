//! Recorded streams of liquidations.
//!
//! The messages as they come, one a line, of the topic that has every liquidation (pushed every
//! 500 ms), and of the one before it, which showed at most one a second for a symbol:
//!
//! ```json
//! {"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1739502303204,"data":[{"T":1739502302929,"s":"BTCUSDT","S":"Sell","v":"0.003","p":"43511.70"}]}
//! {"topic":"liquidation.BTCUSDT","type":"snapshot","ts":1703485237953,"data":{"updatedTime":1703485237953,"symbol":"BTCUSDT","side":"Sell","size":"0.003","price":"43511.70"}}
//! ```
//!
//! and the lines of the public recorder `BybitMarketData` (2024-02-12 to 2024-05, topic
//! `liquidation`), which wrote one every second whether or not there was anything:
//!
//! ```json
//! {"t":1707752085000,"d":[{"updateTime":1707752083964,"symbol":"BTCUSDT","side":"Buy","size":"0.003","price":"49407.90"}]}
//! ```
//!
//! The side is the POSITION's: Buy is a long that was liquidated, by Bybit's documentation of
//! both topics and the recorder's README; Binance and OKX mean the order's. The price is the
//! bankruptcy price. There is no archive, so what a recorder missed is missing: see
//! [`recorded`](crate::decode::recorded) for what counts as covered. A file of several symbols
//! covers each from its own first to its own last liquidation, since nothing tells when it was
//! subscribed to.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::{Kind, Timestamp};
use serde_json::Value;

use super::{Category, is_bybit_path};
use crate::archive::{Archive, Content};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{Gathered, each, field, has_fields, in_file, time_ms, word};
use crate::decode::liquidations::{self, Quantity};
use crate::decode::recorded::{
    EVENT_SILENCE_MS, HEARTBEAT_SILENCE_MS, Runs, clip, flag_all, note_silences, repeated, runs,
    without,
};
use crate::decode::trade_ids::fnv;
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};
use crate::policy::Rule;

pub(super) const STREAM: Format = Format {
    name: "bybit-liquidation-stream/1",
    source: SourceFormat::Bybit,
    recognise: recognise_stream,
    decode: |archive, options| decode(archive, options, Recorder::Messages),
};
pub(super) const EVERY_SECOND: Format = Format {
    name: "bybit-liquidations-every-second/1",
    source: SourceFormat::Bybit,
    recognise: recognise_every_second,
    decode: |archive, options| decode(archive, options, Recorder::EverySecond),
};

/// Who wrote the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorder {
    /// Somebody who keeps the messages as they come.
    Messages,
    /// `BybitMarketData`.
    EverySecond,
}

/// Periods in which `BybitMarketData` kept writing empty lines though its connection was lost, by
/// its own README.
const LOST: [(Timestamp, Timestamp); 4] = [
    (Timestamp(1_707_772_970_001), Timestamp(1_707_773_030_021)),
    (Timestamp(1_708_827_432_002), Timestamp(1_708_828_412_001)),
    (Timestamp(1_709_099_834_000), Timestamp(1_709_100_721_002)),
    (Timestamp(1_709_512_392_001), Timestamp(1_709_512_967_002)),
];

/// How the two topics name the fields of a liquidation: time, symbol, side, size, price.
const ALL: [&str; 5] = ["T", "s", "S", "v", "p"];
const OLD: [&str; 5] = ["updatedTime", "symbol", "side", "size", "price"];
/// As `BybitMarketData` writes the time.
const OLD_RECORDED: [&str; 5] = ["updateTime", "symbol", "side", "size", "price"];

fn recognise_stream(clues: &Clues) -> Option<Vec<String>> {
    let sample = clues.json.as_ref()?;
    match topic(sample) {
        Some(topic) if is_liquidations(topic) => {
            Some(vec![format!("messages of Bybit's stream {topic}")])
        }
        None if is_protocol(sample) && is_bybit_path(clues) => {
            let says_so = clues.file_name.to_ascii_lowercase().contains("liquidation");
            says_so.then(|| {
                vec!["a subscription to a stream, and a name that says liquidations".to_owned()]
            })
        }
        _ => None,
    }
}

fn recognise_every_second(clues: &Clues) -> Option<Vec<String>> {
    let sample = clues.json.as_ref()?.as_object()?;
    let events = sample.get("d")?.as_array().filter(|_| sample.len() == 2)?;
    sample.get("t")?.as_i64()?;
    let is_named = clues.file_name.to_ascii_lowercase().starts_with("liquidations_");
    let is_liquidation = match events.first() {
        Some(event) => {
            [ALL, OLD, OLD_RECORDED].iter().any(|names| has_fields(event, names))
            // Trades have the fields of the newer topic, and more.
            && event.get("L").is_none()
        }
        None => is_named,
    };
    is_liquidation.then(|| {
        vec!["lines of the recorder BybitMarketData: t and d, a line every second".to_owned()]
    })
}

fn topic(message: &Value) -> Option<&str> {
    message.get("topic").and_then(Value::as_str)
}

fn is_liquidations(topic: &str) -> bool {
    topic.starts_with("allLiquidation.") || topic.starts_with("liquidation.")
}

/// Answers to subscriptions and pings.
fn is_protocol(message: &Value) -> bool {
    message.get("op").is_some() || message.get("success").is_some()
}

/// What a file holds.
#[derive(Default)]
struct Recording {
    symbols: BTreeMap<String, Symbol>,
    /// When anything was recorded at all.
    times: Vec<i64>,
    /// Messages with liquidations by their time and hash, to know repeated ones.
    seen: BTreeSet<(i64, u64)>,
}

struct Symbol {
    rows: Gathered,
    /// Of messages that came a second time.
    n_repeated: usize,
    /// Whether any came by the topic that shows only one a second.
    is_sampled: bool,
}

fn decode(archive: &Archive, options: &Options, recorder: Recorder) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "recorded streams are JSON lines".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let mut recording = Recording::default();
    each(json, |place, value| match recorder {
        Recorder::Messages => recording.take_message(place, value),
        Recorder::EverySecond => recording.take_second(place, value),
    })?;
    if recording.times.is_empty() {
        return Err(Problem::Empty.into());
    }
    recording.times.sort_unstable();
    recording.into_parts(archive, options, recorder)
}

impl Recording {
    fn take_message(&mut self, place: usize, message: &Value) -> Result<(), Problem> {
        let Some(topic) = topic(message) else {
            if is_protocol(message) {
                return Ok(());
            }
            return Err(Problem::MissingColumn {
                column: "topic",
                have: message.to_string().chars().take(80).collect(),
            });
        };
        let time = time_ms(field(message, "ts")?, "ts")?;
        self.times.push(time);
        if !is_liquidations(topic) {
            return Ok(());
        }
        let is_repeated = self.is_repeated(time, message);
        let events = match field(message, "data")? {
            Value::Array(events) => events.as_slice(),
            event => std::slice::from_ref(event),
        };
        events.iter().try_for_each(|event| self.take(place, event, is_repeated))
    }

    /// Whether the same message stands in the file before, wherever: a recording that was appended to
    /// itself, or two of one stream.
    fn is_repeated(&mut self, time: i64, message: &Value) -> bool {
        !self.seen.insert((time, fnv(&[message.to_string().as_bytes()])))
    }

    fn take_second(&mut self, place: usize, line: &Value) -> Result<(), Problem> {
        self.times.push(time_ms(field(line, "t")?, "t")?);
        let events = field(line, "d")?;
        let events = events.as_array().ok_or_else(|| Problem::BadWord {
            column: "d",
            value: events.to_string().chars().take(80).collect(),
            expected: "an array of liquidations",
        })?;
        events.iter().try_for_each(|event| self.take(place, event, false))
    }

    fn take(&mut self, place: usize, event: &Value, is_repeated: bool) -> Result<(), Problem> {
        let known = [ALL, OLD, OLD_RECORDED];
        let names = known.iter().find(|names| event.get(names[0]).is_some()).unwrap_or(&ALL);
        let [time, symbol, side, size, price] = *names;
        let time = time_ms(field(event, time)?, time)?;
        let name = word(event, symbol).ok_or_else(|| Problem::MissingColumn {
            column: symbol,
            have: event.to_string().chars().take(80).collect(),
        })?;
        let liquidated = match field(event, side)?.as_str() {
            Some("Buy") => "long",
            Some("Sell") => "short",
            _ => {
                return Err(Problem::BadWord {
                    column: side,
                    value: event[side].to_string(),
                    expected: "Buy or Sell, the side of the position",
                });
            }
        };
        let numbers = [number(field(event, price)?, price)?, number(field(event, size)?, size)?];
        let symbol = self.symbols.entry(name).or_insert_with(|| Symbol {
            rows: Gathered::new(&["price", "quantity"], &["liquidated_side"]),
            n_repeated: 0,
            is_sampled: false,
        });
        symbol.is_sampled |= *names != ALL;
        if is_repeated {
            symbol.n_repeated += 1;
        } else {
            symbol.rows.push(place, time, &numbers, &[liquidated]);
        }
        Ok(())
    }

    fn into_parts(
        mut self,
        archive: &Archive,
        options: &Options,
        recorder: Recorder,
    ) -> Result<Parts, RowProblem> {
        let silence_max_ms = match recorder {
            Recorder::Messages => EVENT_SILENCE_MS,
            Recorder::EverySecond => HEARTBEAT_SILENCE_MS,
        };
        let Runs { mut covered, mut silences } = runs(&self.times, silence_max_ms);
        if recorder == Recorder::EverySecond {
            for lost in LOST {
                if !clip(&covered, lost).is_empty() {
                    covered = without(&covered, lost);
                    silences.push((lost.0.0, lost.1.0 - 1));
                }
            }
        }
        let identity = Identity::new(archive, options);
        if self.symbols.is_empty() {
            let symbol = silent_symbol(archive, &identity)?;
            let rows = Gathered::new(&["price", "quantity"], &["liquidated_side"]);
            self.symbols.insert(symbol, Symbol { rows, n_repeated: 0, is_sampled: false });
        }
        let is_one_stream = self.symbols.len() == 1;
        if let Some(wanted) = options.symbol.as_ref().filter(|_| self.symbols.len() > 1) {
            self.symbols.retain(|symbol, _| symbol == wanted);
            if self.symbols.is_empty() {
                let reason = format!("no liquidation of {wanted}");
                return Err(Problem::NotRecognised { reason }.into());
            }
        }
        let only = self.symbols.len() == 1;
        let mut parts: Parts = Vec::new();
        for (name, symbol) in self.symbols {
            let own = match (symbol.rows.times.iter().min(), symbol.rows.times.iter().max()) {
                (Some(&first), Some(&last)) if !is_one_stream => {
                    clip(&covered, (Timestamp(first), Timestamp(last + 1)))
                }
                _ => covered.clone(),
            };
            let series = (!only).then(|| format!("bybit {name} liquidations"));
            let format = match recorder {
                Recorder::Messages => STREAM.name,
                Recorder::EverySecond => EVERY_SECOND.name,
            };
            let part = symbol.into_part(archive, &identity, format, name).map(|mut part| {
                part.incoming.covered = own;
                part
            });
            parts.push(part.map_err(|row| PartProblem { series, row }));
        }
        for part in parts.iter_mut().flatten() {
            note_silences(&mut part.incoming.flags, &silences);
        }
        Ok(parts)
    }
}

impl Symbol {
    fn into_part(
        self,
        archive: &Archive,
        identity: &Identity,
        format: &str,
        name: String,
    ) -> Result<Decoded, RowProblem> {
        let options = identity.options;
        let category = identity.venue().as_deref().and_then(Category::of_venue);
        let category = category.unwrap_or_else(|| Category::of_contract(&name));
        // A contract of an inverse future is one US dollar.
        let unit = match category {
            Category::Inverse => Quantity::Contracts(1.0),
            _ => Quantity::Base,
        };
        let (raw, places) = self.rows.into_raw();
        let mut checked = liquidations::build(raw, unit, &options.policies)
            .map_err(|row| in_file(row, &places))?;
        repeated(&mut checked, self.n_repeated, &options.policies)?;
        flag_all(&mut checked, Rule::BankruptcyPrice, &options.policies)?;
        if self.is_sampled {
            flag_all(&mut checked, Rule::LowerBound, &options.policies)?;
        }
        let venue = options.venue.clone().unwrap_or_else(|| category.venue().to_owned());
        let symbol = options.symbol.clone().unwrap_or(name);
        let series = Identity::series(Kind::Liquidations, venue, symbol, None);
        Ok(checked.into_decoded(archive, format, series, identity))
    }
}

/// The symbol of a recording in which nothing was liquidated: by option, else by the coin in the
/// name, `liquidations_BTC_2024-02-13`.
fn silent_symbol(archive: &Archive, identity: &Identity) -> Result<String, Problem> {
    if let Some(symbol) = &identity.options.symbol {
        return Ok(symbol.clone());
    }
    let coin = archive.stem.strip_prefix("liquidations_").and_then(|rest| rest.split('_').next());
    let coin = coin.filter(|coin| !coin.is_empty() && coin.chars().all(|c| c.is_ascii_uppercase()));
    let coin = coin.ok_or(Problem::Unknown { what: "symbol" })?;
    identity.assume(format!("the symbol is taken for {coin}USDT by the file's name"));
    Ok(format!("{coin}USDT"))
}
