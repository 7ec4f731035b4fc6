//! Liquidations, by request and by stream.
//!
//! ```json
//! {"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"0.4162","ccy":"","posSide":"short","side":"buy","sz":"2137","ts":"1789669898955"}],"instFamily":"CNPY-USDT","instId":"CNPY-USDT-SWAP","instType":"SWAP","uly":"CNPY-USDT"}]}
//! ```
//!
//! `posSide` is the position: a short is bought back. In net mode it says `net`, and the order's
//! side tells: a forced sale closed a long. Where the two contradict each other the row is
//! refused. `sz` is in contracts, `bkPx` is the bankruptcy price. Stream and request show at most
//! one order a second for an instrument, so sums are lower bounds.
//!
//! An answer holds the last days only, so people ask again and again: answers overlap. Equal rows
//! of one answer are different liquidations, equal rows of two answers are the same, so of each
//! as many are kept as the answer with most of them has. Messages of the stream are added up, but
//! for those that stand in the file before, as in a recording that was appended to itself.
//! What counts as covered: see [`recorded`](crate::decode::recorded). A file of several
//! instruments covers each from its own first to its own last liquidation.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::{Kind, Timestamp};
use serde_json::Value;

use super::{ContractSize, Market, channel, is_envelope, is_protocol, refuse_error, shortened};
use crate::archive::{Archive, Content};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{
    Gathered, each, field, first_of, has_fields, in_file, time_ms, word,
};
use crate::decode::liquidations::{self, Quantity};
use crate::decode::recorded::{
    EVENT_SILENCE_MS, Runs, clip, flag_all, note_silences, repeated, runs,
};
use crate::decode::trade_ids::fnv;
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};
use crate::policy::Rule;

pub(super) const LIQUIDATIONS: Format =
    Format { name: "okx-liquidation-orders/1", source: SourceFormat::Okx, recognise, decode };

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let sample = first_of(clues.json.as_ref()?);
    if channel(sample) == Some("liquidation-orders") {
        return Some(vec!["messages of OKX's channel liquidation-orders".to_owned()]);
    }
    let row = if is_envelope(sample) { sample["data"].as_array()?.first()? } else { sample };
    let detail = row.get("details")?.as_array()?;
    let is_liquidation =
        detail.first().is_none_or(|detail| has_fields(detail, &["bkPx", "posSide", "side", "sz"]));
    (is_liquidation && row.get("instId").is_some()).then(|| {
        vec!["rows of OKX's liquidation-orders: instId, details with posSide, bkPx, sz".to_owned()]
    })
}

/// One liquidation, as far as it can be told from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: i64,
    liquidated: &'static str,
    price: String,
    contracts: String,
}

/// Liquidations of one instrument: how many of each, and where the first stands.
#[derive(Default)]
struct Instrument {
    events: BTreeMap<Event, (usize, usize)>,
    n_repeated: usize,
}

/// What rows came in.
#[derive(Clone, Copy, Default)]
struct Page {
    /// A message of the stream, and no answer to a request.
    is_stream: bool,
    /// A message that was there before.
    is_repeated: bool,
}

#[derive(Default)]
struct Recording {
    instruments: BTreeMap<String, Instrument>,
    times: Vec<i64>,
    /// Messages of the stream by their hashes.
    seen: BTreeSet<u64>,
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "answers of OKX's API are JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let mut recording = Recording::default();
    each(json, |place, value| {
        if is_protocol(value) {
            return Ok(());
        }
        if !is_envelope(value) {
            return recording.take(place, std::slice::from_ref(value), Page::default());
        }
        refuse_error(value)?;
        if channel(value).is_some_and(|channel| channel != "liquidation-orders") {
            return Ok(());
        }
        let rows = field(value, "data")?.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_stream = channel(value).is_some();
        let is_repeated = is_stream && !recording.seen.insert(fnv(&[value.to_string().as_bytes()]));
        recording.take(place, rows, Page { is_stream, is_repeated })
    })?;
    if recording.instruments.is_empty() {
        return Err(Problem::Empty.into());
    }
    recording.times.sort_unstable();
    recording.into_parts(archive, options)
}

impl Recording {
    /// Takes the rows of one answer or message.
    fn take(&mut self, place: usize, rows: &[Value], page: Page) -> Result<(), Problem> {
        let mut counts: BTreeMap<(String, Event), usize> = BTreeMap::new();
        for row in rows {
            let name = word(row, "instId")
                .ok_or_else(|| Problem::MissingColumn { column: "instId", have: shortened(row) })?;
            let details = field(row, "details")?;
            let details = details.as_array().ok_or_else(|| Problem::BadWord {
                column: "details",
                value: shortened(details),
                expected: "an array of liquidations",
            })?;
            for detail in details {
                let event = Event::read(detail)?;
                self.times.push(event.time);
                *counts.entry((name.clone(), event)).or_default() += 1;
            }
        }
        for ((name, event), count) in counts {
            let instrument = self.instruments.entry(name).or_default();
            let known = instrument.events.entry(event).or_insert((0, place));
            if page.is_repeated {
                instrument.n_repeated += count;
            } else if page.is_stream {
                known.0 += count;
            } else {
                instrument.n_repeated += known.0.min(count);
                known.0 = known.0.max(count);
            }
        }
        Ok(())
    }

    fn into_parts(self, archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
        let Runs { covered, silences } = runs(&self.times, EVENT_SILENCE_MS);
        let many = self.instruments.len() > 1;
        let mut parts: Parts = Vec::new();
        for (name, instrument) in self.instruments {
            if many && options.symbol.as_ref().is_some_and(|wanted| *wanted != name) {
                continue;
            }
            let series = many.then(|| format!("okx {name} liquidations"));
            let times = || instrument.events.keys().map(|event| event.time);
            let own = match (times().min(), times().max()) {
                (Some(first), Some(last)) => {
                    clip(&covered, (Timestamp(first), Timestamp(last + 1)))
                }
                _ => Vec::new(),
            };
            let part = instrument.into_part(archive, options, &name).map(|mut part| {
                part.incoming.covered = own;
                note_silences(&mut part.incoming.flags, &silences);
                part
            });
            parts.push(part.map_err(|row| PartProblem { series, row }));
        }
        if parts.is_empty() {
            let reason = "no liquidation of the symbol asked for".to_owned();
            return Err(Problem::NotRecognised { reason }.into());
        }
        Ok(parts)
    }
}

impl Event {
    fn read(detail: &Value) -> Result<Self, Problem> {
        let side = word(detail, "side").unwrap_or_default();
        let position = word(detail, "posSide").unwrap_or_default();
        let liquidated = match (position.as_str(), side.as_str()) {
            ("long" | "net", "sell") => "long",
            ("short" | "net", "buy") => "short",
            ("long" | "short", "") => {
                if position == "long" {
                    "long"
                } else {
                    "short"
                }
            }
            _ => {
                return Err(Problem::BadWord {
                    column: "posSide, side",
                    value: format!("{position}, {side}"),
                    expected: "long or net with sell, short or net with buy",
                });
            }
        };
        let text = |name: &'static str| {
            let value = field(detail, name)?;
            number(value, name)?;
            Ok::<String, Problem>(crate::json::text(value).unwrap_or_default())
        };
        Ok(Self {
            time: time_ms(field(detail, "ts")?, "ts")?,
            liquidated,
            price: text("bkPx")?,
            contracts: text("sz")?,
        })
    }
}

impl Instrument {
    fn into_part(
        self,
        archive: &Archive,
        options: &Options,
        name: &str,
    ) -> Result<Decoded, RowProblem> {
        let identity = Identity::new(archive, options);
        let market = Market::need(name)?;
        let size = ContractSize::of(name, &identity)?;
        let mut rows = Gathered::new(&["price", "quantity"], &["liquidated_side"]);
        for (event, (count, place)) in &self.events {
            let parsed = |text: &str, column: &'static str| {
                number(&Value::String(text.to_owned()), column)
                    .map_err(|problem| RowProblem::at(*place, problem))
            };
            let price = parsed(&event.price, "bkPx")?;
            let contracts = parsed(&event.contracts, "sz")?;
            for _ in 0..*count {
                rows.push(
                    *place,
                    event.time,
                    &[price, size.to_base(contracts, price)],
                    &[event.liquidated],
                );
            }
        }
        let (raw, places) = rows.into_raw();
        let mut checked = liquidations::build(raw, Quantity::Base, &options.policies)
            .map_err(|row| in_file(row, &places))?;
        repeated(&mut checked, self.n_repeated, &options.policies)?;
        flag_all(&mut checked, Rule::BankruptcyPrice, &options.policies)?;
        flag_all(&mut checked, Rule::LowerBound, &options.policies)?;
        let venue = options.venue.clone().unwrap_or_else(|| market.venue().to_owned());
        let series = Identity::series(Kind::Liquidations, venue, name.to_owned(), None);
        Ok(checked.into_decoded(archive, LIQUIDATIONS.name, series, &identity))
    }
}
