//! Fills as nodes write them: forced closes among all others, each with its account.
//!
//! - `node_fills_by_block` (from 2025-07-27): a block a line, `{"block_time": "...", "events":
//!   [[account, fill], ...]}`.
//! - `node_fills` (2025-05-25 to 2025-07-27): a line each, `[account, fill]`.
//! - Fills without an account, as `userFills` returns them for one.
//!
//! A trade is two fills, one of each account, with one `tid`. In a forced trade **both** carry
//! `liquidation: {liquidatedUser, markPx, method}`; only the fill of the liquidated account is
//! counted. Its `dir` is `Close Long` where the order book took the position (`method: market`),
//! `Liquidated Cross Long` and the like where the backstop did. `dir: Auto-Deleveraging` is the
//! fill of an account that was in profit and was closed against a liquidated one: kind `adl`. The
//! position closed is long where the fill sells (`side: A`), short where it buys (`B`); `dir` and
//! the position before the fill have to agree.
//!
//! What the backstop takes over stands in the vaults of [`BACKSTOP`]. Where these cannot close it,
//! they are liquidated in turn, mostly by auto-deleveraging of others: the same position a second
//! time. Fills by which these vaults are liquidated are left out, and counted in the notes. Of the
//! 480 fills of 2025-10-10 that HyperReplay lists, 386 are against one of them.
//!
//! A file of an hour accounts for that hour, for every coin that was traded in it, but for
//! silences of more than a minute between two blocks, which come several a second. A fill that
//! stands in a file a second time, as in a recording that was appended to itself, counts once.
//! Trades are not
//! made into bars: liquidations that never met the order book are among them, and whether the
//! venue's own candles have these is not known.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use plimsoll_market::{Kind, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::super::liquidations::Quantity;
use super::super::recorded::{Runs, clip, note_silences, runs};
use super::super::several::Several;
use super::super::trade_ids::fnv;
use super::super::{Clues, Parts, liquidations};
use super::fill::{Block, Event, Fill, event, plain};
use super::{is_perpetual, note_other_markets, series};
use crate::archive::{Archive, Content};
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::json::Json;
use crate::options::Options;
use crate::policy::{Policy, Rule};
use crate::raw::Raw;

pub(super) const NAME: &str = "hyperliquid-fills/1";

/// The venue's backstop: HLP's liquidators 1 to 4, and the older Liquidator. Source: the venue's
/// own `vaultDetails`, as gathered with their names in tradingstrategy-ai's `eth_defi`.
const BACKSTOP: [&str; 5] = [
    "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
    "0xb0a55f13d22f66e6d495ac98113841b2326e9540",
    "0x5e177e5e39c0f4e421f5865a6d8beed8d921cb70",
    "0x2ed5c4484ea3ff8b57d5f2fb152a40d9f2b68308",
    "0x63c621a33714ec48660e32f2374895c8026a3a00",
];

const HOUR_MS: i64 = 3_600_000;

/// Blocks come several a second: the first and last of a whole hour are no further from its ends,
/// and no two further from each other.
const EDGE_MS: i64 = 60_000;

/// How lines, or the entries of a document, are built.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Block,
    Pair,
    Bare,
}

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let (shape, _) = shape_of(clues.json.as_ref()?)?;
    let what = match shape {
        Shape::Block => "blocks with their events, as node_fills_by_block has them",
        Shape::Pair => "pairs of account and fill, as node_fills has them",
        Shape::Bare => "fills of coin, px, sz, side, dir, tid",
    };
    let mut evidence = vec![what.to_owned()];
    let folders = ["node_fills_by_block", "node_fills"];
    let folder = folders.into_iter().find(|folder| clues.is_in(folder));
    evidence.extend(folder.map(|folder| format!("in a folder {folder}")));
    Some(evidence)
}

/// The shape of a value, and whether the value is a list of such.
fn shape_of(value: &Value) -> Option<(Shape, bool)> {
    let is_fill = |value: &Value| {
        ["coin", "px", "sz", "side", "time", "tid"].iter().all(|key| value.get(key).is_some())
    };
    let is_pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([account, fill]) => account.is_string() && is_fill(fill),
        _ => false,
    };
    let is_block = |value: &Value| {
        // Nodes write other things in the same frame: orders, book changes, ledger updates.
        let events = value.get("events").and_then(Value::as_array);
        value.get("block_time").is_some() && events.is_some_and(|e| e.first().is_none_or(is_pair))
    };
    let one = |value: &Value| {
        if is_block(value) {
            Some(Shape::Block)
        } else if is_pair(value) {
            Some(Shape::Pair)
        } else {
            // Public trades are the same without a direction.
            (is_fill(value) && value.get("dir").is_some()).then_some(Shape::Bare)
        }
    };
    match one(value) {
        Some(shape) => Some((shape, false)),
        None => Some((one(value.as_array()?.first()?)?, true)),
    }
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "no JSON, which fills are written in".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let Some((shape, is_list)) = json.sample().as_ref().and_then(shape_of) else {
        let reason = "neither blocks nor fills of Hyperliquid".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let keeps_unknown = options.policies.of(Rule::UnknownSide) == Policy::Flag;
    let mut forced = Forced { keeps_unknown, ..Forced::default() };
    match json {
        // A file of an hour has gigabytes: a line at a time, without a tree of values.
        Json::Lines(text) => {
            let lines = text.split(|&byte| byte == b'\n').enumerate();
            for (row, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
                let mut reader = serde_json::Deserializer::from_slice(line);
                forced.read(&mut reader, shape, is_list, row)?;
                reader.end().map_err(|error| RowProblem::at(row, damaged(&error)))?;
            }
        }
        Json::Document(Value::Array(values)) if is_list => {
            for (row, value) in values.iter().enumerate() {
                forced.read(value, shape, false, row)?;
            }
        }
        Json::Document(value) => forced.read(value, shape, is_list, 0)?,
    }
    forced.resolve_pairs()?;
    forced.hand_over(archive, options)
}

fn damaged(error: &serde_json::Error) -> Problem {
    Problem::Damaged { reason: error.to_string() }
}

/// Forced closes of one coin.
#[derive(Default)]
struct Coin {
    times: Vec<i64>,
    sides: Vec<String>,
    prices: Vec<f64>,
    quantities: Vec<f64>,
    kinds: Vec<String>,
    rows: Vec<usize>,
}

/// A fill of a forced trade, of which only both sides together tell whose it was.
struct Unsettled {
    event: Event,
    closes: bool,
    taker: bool,
}

#[derive(Default)]
struct Forced {
    /// Whether a fill that contradicts itself is kept, with its side unknown.
    keeps_unknown: bool,
    /// Every coin that was traded.
    coins: BTreeMap<String, Coin>,
    unsettled: BTreeMap<u64, Vec<Unsettled>>,
    /// Trades that are settled without their other side.
    settled: Vec<u64>,
    /// Times of the blocks.
    blocks: Vec<i64>,
    fills: Option<(i64, i64)>,
    /// Forced fills by all that they say, and how many of them came again.
    seen: BTreeSet<(u64, u64)>,
    n_repeated: usize,
    /// Fills by which the backstop's vaults were liquidated.
    n_backstop: usize,
    /// Those that are no perpetual of the venue's own.
    others: BTreeSet<String>,
}

impl Forced {
    fn read<'de, D>(
        &mut self,
        from: D,
        shape: Shape,
        is_list: bool,
        row: usize,
    ) -> Result<(), RowProblem>
    where
        D: serde::Deserializer<'de, Error = serde_json::Error>,
    {
        let at = |problem| RowProblem::at(row, problem);
        let bad = |error: serde_json::Error| at(damaged(&error));
        match (shape, is_list) {
            (Shape::Block, false) => {
                self.take_block(&Block::deserialize(from).map_err(bad)?, row).map_err(at)?;
            }
            (Shape::Pair, false) => {
                let (account, fill) = <(Cow<str>, Fill)>::deserialize(from).map_err(bad)?;
                self.take(&fill, Some(&account), row).map_err(at)?;
            }
            (Shape::Bare, false) => {
                let fill = Fill::deserialize(from).map_err(bad)?;
                self.take(&fill, fill.user.as_deref(), row).map_err(at)?;
            }
            (Shape::Block, true) => {
                for block in Vec::<Block>::deserialize(from).map_err(bad)? {
                    self.take_block(&block, row).map_err(at)?;
                }
            }
            (Shape::Pair, true) => {
                for (account, fill) in Vec::<(Cow<str>, Fill)>::deserialize(from).map_err(bad)? {
                    self.take(&fill, Some(&account), row).map_err(at)?;
                }
            }
            (Shape::Bare, true) => {
                for fill in Vec::<Fill>::deserialize(from).map_err(bad)? {
                    self.take(&fill, fill.user.as_deref(), row).map_err(at)?;
                }
            }
        }
        Ok(())
    }

    fn take_block(&mut self, block: &Block, row: usize) -> Result<(), Problem> {
        let time = block_time(&block.block_time)?;
        self.blocks.push(time);
        for (account, fill) in &block.events {
            self.take(fill, Some(account), row)?;
        }
        Ok(())
    }

    fn take(&mut self, fill: &Fill, account: Option<&str>, row: usize) -> Result<(), Problem> {
        self.fills = Some(widened(self.fills, fill.time));
        if !is_perpetual(&fill.coin) {
            if !self.others.contains(&*fill.coin) {
                self.others.insert(fill.coin.clone().into_owned());
            }
            return Ok(());
        }
        if !self.coins.contains_key(&*fill.coin) {
            self.coins.insert(fill.coin.clone().into_owned(), Coin::default());
        }
        let liquidated = fill.liquidation.as_ref().and_then(|l| l.liquidated_user.as_deref());
        let is_adl = fill.dir == "Auto-Deleveraging";
        let is_liquidated = fill.dir.starts_with("Liquidated")
            || matches!((account, liquidated), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
        if is_liquidated && liquidated.or(account).is_some_and(is_backstop) {
            self.n_backstop += 1;
            self.settled.extend(fill.tid);
            return Ok(());
        }
        if (is_liquidated || is_adl || fill.liquidation.is_some())
            && self.is_repeated(fill, account)
        {
            return Ok(());
        }
        let kind = if is_liquidated { "liquidation" } else { "adl" };
        if is_liquidated || is_adl {
            let event = match event(fill, kind, row) {
                Err(Problem::BadWord { .. }) if self.keeps_unknown => {
                    Event { side: "unknown", ..plain(fill, kind, row)? }
                }
                event => event?,
            };
            self.settled.extend(fill.tid);
            self.add(&event);
        } else if let (Some(_), None, Some(tid)) = (&fill.liquidation, account, fill.tid) {
            let closes = fill.dir.starts_with("Close") || fill.dir.contains('>');
            let mut event = event(fill, "liquidation", row);
            if let (Err(_), false) = (&event, closes) {
                // What opens is the other side's, and need not make sense as a close.
                event = plain(fill, "liquidation", row);
            }
            let unsettled = Unsettled { event: event?, closes, taker: fill.crossed };
            self.unsettled.entry(tid).or_default().push(unsettled);
        }
        Ok(())
    }

    /// Whether the same fill of the same account was there before. Without a trade's id nothing
    /// tells two fills apart.
    fn is_repeated(&mut self, fill: &Fill, account: Option<&str>) -> bool {
        let Some(tid) = fill.tid else { return false };
        let time = fill.time.to_le_bytes();
        let words: [&str; 7] = [
            account.unwrap_or_default(),
            &fill.coin,
            &fill.side,
            &fill.px,
            &fill.sz,
            &fill.start_position,
            &fill.dir,
        ];
        let mut parts: Vec<&[u8]> = vec![&time];
        for word in words {
            parts.extend([word.as_bytes(), b"\0"]);
        }
        let is_repeated = !self.seen.insert((tid, fnv(&parts)));
        self.n_repeated += usize::from(is_repeated);
        is_repeated
    }

    /// Of the two sides of a trade without accounts, the liquidated one closes a position; where
    /// both do, it is the taker.
    fn resolve_pairs(&mut self) -> Result<(), RowProblem> {
        self.settled.sort_unstable();
        for (tid, sides) in std::mem::take(&mut self.unsettled) {
            if self.settled.binary_search(&tid).is_ok() {
                continue;
            }
            let row = sides[0].event.row;
            let is_pair = sides.len() == 2;
            let closing = |side: &&Unsettled| side.closes;
            let all_close = sides.iter().filter(closing).count() == 2;
            let mut liquidated =
                sides.into_iter().filter(|side| side.closes && (!all_close || side.taker));
            match (liquidated.next(), liquidated.next()) {
                (Some(side), None) if is_pair => self.add(&side.event),
                _ => {
                    let what = format!(
                        "the liquidation of trade {tid}, of which the file has neither the accounts nor both sides,"
                    );
                    return Err(RowProblem::at(row, Problem::Unsupported { what }));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, event: &Event) {
        let Some(coin) = self.coins.get_mut(&event.coin) else { return };
        coin.times.push(event.time);
        coin.sides.push(event.side.to_owned());
        coin.prices.push(event.price);
        coin.quantities.push(event.quantity);
        coin.kinds.push(event.kind.to_owned());
        coin.rows.push(event.row);
    }

    fn hand_over(mut self, archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
        self.blocks.sort_unstable();
        let Runs { covered, silences } = self.covered(archive);
        let mut several = Several::new(archive, options, NAME);
        several.assume(match (covered.first(), covered.last()) {
            (Some((from, _)), Some((_, to))) => {
                format!("every fill from {from} to {to} assumed to be in the file")
            }
            _ => "neither path nor blocks tell which time the file accounts for: it covers none"
                .to_owned(),
        });
        note_other_markets(&mut several, self.others.len());
        if self.n_backstop > 0 {
            several.assume(format!(
                "{} fills of the backstop's own vaults left out: their positions were liquidated when the vaults took them over",
                self.n_backstop
            ));
        }
        if self.n_repeated > 0 && options.policies.of(Rule::RepeatedRow) == Policy::Refuse {
            let what = format!("{} forced fills stand there a second time", self.n_repeated);
            return Err(Problem::Broken { rule: Rule::RepeatedRow, what }.into());
        }
        if self.n_repeated > 0 {
            let about = Rule::RepeatedRow.about();
            several.assume(format!(
                "{}: {} forced fills; {}",
                about.what, self.n_repeated, about.repair
            ));
        }
        for (word, coin) in self.coins {
            let rows = coin.rows.clone();
            let raw = coin.into_raw();
            let built = liquidations::build(raw, Quantity::Base, &options.policies);
            let built = built.map(|mut checked| {
                checked.covered.extend(covered.iter().copied());
                note_silences(&mut checked.flags, &silences);
                checked
            });
            several.push(series(Kind::Liquidations, &word, options), built, &rows, &[]);
        }
        several.finish()
    }

    /// The hour that the path names, as far as blocks or fills reach to its ends; without one the
    /// time from the first block to the last. Longer silences between blocks are none of it.
    fn covered(&self, archive: &Archive) -> Runs {
        let mut found = runs(&self.blocks, EDGE_MS);
        let Some(hour) = hour_of(&archive.folders(), &archive.stem) else { return found };
        let end = hour + HOUR_MS;
        if let (true, Some((first, last))) = (found.covered.is_empty(), self.fills) {
            found.covered.push((Timestamp(first), Timestamp(last.saturating_add(1))));
        }
        if let Some((first, _)) = found.covered.first_mut()
            && first.0 <= hour + EDGE_MS
        {
            first.0 = hour;
        }
        if let Some((_, last)) = found.covered.last_mut()
            && last.0 > end - EDGE_MS
        {
            last.0 = end;
        }
        found.covered = clip(&found.covered, (Timestamp(i64::MIN), Timestamp(i64::MAX)));
        found
    }
}

impl Coin {
    fn into_raw(self) -> Raw {
        Raw::from_columns(
            self.times.len(),
            vec![
                ("time", Values::Times(self.times)),
                ("liquidated_side", Values::Words(self.sides)),
                ("price", Values::Numbers(self.prices)),
                ("quantity", Values::Numbers(self.quantities)),
                ("kind", Values::Words(self.kinds)),
            ],
        )
    }
}

fn is_backstop(account: &str) -> bool {
    BACKSTOP.iter().any(|vault| account.eq_ignore_ascii_case(vault))
}

fn widened(span: Option<(i64, i64)>, time: i64) -> (i64, i64) {
    span.map_or((time, time), |(first, last)| (first.min(time), last.max(time)))
}

/// Nanoseconds, mostly without a zone, which is UTC.
fn block_time(text: &str) -> Result<i64, Problem> {
    text.parse::<Timestamp>()
        .map(|time| time.0)
        .map_err(|_| Problem::NotATime { column: "block_time".to_owned(), value: text.to_owned() })
}

/// `hourly/20251010/21.lz4`, or a date and an hour in the file's name: `node_fills_20251010_21`.
fn hour_of(folders: &[String], stem: &str) -> Option<i64> {
    let hour = |word: &str| match word.len() {
        1 | 2 => word.parse::<i64>().ok().filter(|hour| (0..24).contains(hour)),
        _ => None,
    };
    let date = |word: &str| {
        let digits = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = (word.get(..4)?.parse().ok()?, word.get(4..6)?.parse().ok()?);
        let start = Timestamp::from_date(year, month, word.get(6..)?.parse().ok()?);
        start.filter(|_| digits)
    };
    let words: Vec<&str> = stem.split(['_', '-', '.']).collect();
    let by_name = words.windows(2).find_map(|pair| Some((date(pair[0])?, hour(pair[1])?)));
    let by_folder = || Some((date(folders.last()?)?, hour(words[0])?));
    let (day, hour) = by_name.or_else(by_folder)?;
    Some(day.0 + hour * HOUR_MS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_hour_of_a_file_is_told_by_its_path() {
        let hour = "2025-10-10T21:00:00Z".parse::<Timestamp>().unwrap().0;
        for (folder, stem, expected) in [
            ("20251010", "21", Some(hour)),
            ("20251010", "9", Some(hour - 12 * HOUR_MS)),
            ("raw", "node_fills_20251010_21", Some(hour)),
            ("20251010", "21_fills", Some(hour)),
            ("20251010", "24", None),
            ("20251310", "21", None),
            ("raw", "21", None),
        ] {
            let folders = [folder.to_owned()];
            assert_eq!(hour_of(&folders, stem), expected, "{folder}/{stem}");
        }
    }
}
