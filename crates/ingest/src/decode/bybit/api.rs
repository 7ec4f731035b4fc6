//! Answers of the version 5 API: kline, mark, index and premium index kline, funding history and
//! open interest.
//!
//! ```json
//! {"retCode":0,"result":{"category":"linear","symbol":"BTCUSDT","list":[
//!   ["1709891679000","27450","27460","27440","27455","123.45","3390000"]]},"time":1709891700000}
//! ```
//!
//! A file holds one answer, an array of them, or one a line; or only the rows of their lists.
//! Answers are newest first. Rows of seven are start, open, high, low, close, volume, turnover;
//! rows of five lack the last two and are of a mark, index or premium index price, which only
//! folder, name or `--kind` tell. Volume is in base units and turnover in quote units, for
//! inverse contracts the other way round. A bar that was still forming when the answer was given
//! is known by the answer's own time. Funding has no interval: it is told by the spacing.
//!
//! Open interest is in base units (inverse: US dollars), and by Bybit's documentation the sum of
//! both sides. Its stamps are taken for the moment of the count, which no documentation says.

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind};
use serde_json::Value;

use super::{Category, category, is_bybit_path};
use crate::archive::{Archive, Content};
use crate::decode::identity::Identity;
use crate::decode::json_rows::{
    Gathered, each, field, first_of, has_fields, in_file, is_row_of, price_kind, time_ms, word,
};
use crate::decode::rows::usual_spacing;
use crate::decode::{
    Checked, Clues, Decoded, Format, PartProblem, Parts, bars, funding, note, open_interest,
};
use crate::error::{Problem, RowProblem};
use crate::json::number;
use crate::options::{Options, SourceFormat};
use crate::policy::{Policy, Rule};

pub(super) const KLINE: Format = Format {
    name: "bybit-kline/1",
    source: SourceFormat::Bybit,
    recognise: |clues| recognise(clues, Shape::Bars),
    decode: |archive, options| decode(archive, options, Shape::Bars),
};
pub(super) const FUNDING: Format = Format {
    name: "bybit-funding/1",
    source: SourceFormat::Bybit,
    recognise: |clues| recognise(clues, Shape::Funding),
    decode: |archive, options| decode(archive, options, Shape::Funding),
};
pub(super) const OPEN_INTEREST: Format = Format {
    name: "bybit-open-interest/1",
    source: SourceFormat::Bybit,
    recognise: |clues| recognise(clues, Shape::OpenInterest),
    decode: |archive, options| decode(archive, options, Shape::OpenInterest),
};

/// What the rows of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bars,
    Funding,
    OpenInterest,
}

impl Shape {
    fn of_row(row: &Value) -> Option<Self> {
        if is_row_of(row, 7) || is_row_of(row, 5) {
            Some(Self::Bars)
        } else if has_fields(row, &["fundingRate", "fundingRateTimestamp"]) {
            Some(Self::Funding)
        } else if has_fields(row, &["openInterest", "timestamp"]) {
            Some(Self::OpenInterest)
        } else {
            None
        }
    }

    fn format(self) -> &'static Format {
        match self {
            Self::Bars => &KLINE,
            Self::Funding => &FUNDING,
            Self::OpenInterest => &OPEN_INTEREST,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Bars => "a row of seven or five values, as in the rows before",
            Self::Funding => "an object with fundingRate and fundingRateTimestamp",
            Self::OpenInterest => "an object with openInterest and timestamp",
        }
    }
}

fn recognise(clues: &Clues, shape: Shape) -> Option<Vec<String>> {
    let sample = first_of(clues.json.as_ref()?);
    if is_answer(sample) {
        let first = sample["result"]["list"].as_array().and_then(|list| list.first());
        let found = match first {
            Some(row) => Shape::of_row(row)?,
            // An answer without rows, or an error, does not say what was asked.
            None => Shape::Bars,
        };
        return (found == shape).then(|| {
            vec!["an answer of Bybit's API: retCode, result.category, result.list".to_owned()]
        });
    }
    // Funding rows have names that no other venue uses; numbers in a row say little by themselves.
    let found = Shape::of_row(sample).filter(|&found| found == shape)?;
    let is_named = found == Shape::Funding || is_bybit_path(clues);
    is_named.then(|| vec![format!("rows of Bybit's API: {}", found.expected())])
}

fn is_answer(value: &Value) -> bool {
    let has_list = value.get("result").is_some_and(|result| {
        has_fields(result, &["category", "list"]) || has_fields(result, &["symbol", "list"])
    });
    value.get("retCode").is_some() && (has_list || value.get("retMsg").is_some())
}

/// Which series a row is of: category and symbol, where the answer says so, and whether it has
/// a volume.
type Key = (Option<String>, Option<String>, bool);

fn decode(archive: &Archive, options: &Options, shape: Shape) -> Result<Parts, RowProblem> {
    let Content::Json(json) = &archive.content else {
        let reason = "answers of Bybit's API are JSON".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    let mut n_rows = 0;
    let is_lines = matches!(json, crate::json::Json::Lines(_));
    each(json, |place, value| {
        if !is_answer(value) {
            let row = Origin { place, category: None, symbol: None, answered: None };
            n_rows += 1;
            return add(&mut groups, shape, &row, value);
        }
        refuse_error(value)?;
        let result = &value["result"];
        let list = field(result, "list")?;
        let list = list.as_array().ok_or_else(|| Problem::BadWord {
            column: "result.list",
            value: list.to_string(),
            expected: "an array of rows",
        })?;
        for row in list {
            let place = if is_lines { place } else { n_rows };
            let category = word(result, "category");
            let symbol = word(row, "symbol").or_else(|| word(result, "symbol"));
            let answered = value.get("time").map(|time| time_ms(time, "time")).transpose()?;
            n_rows += 1;
            add(&mut groups, shape, &Origin { place, category, symbol, answered }, row)?;
        }
        Ok(())
    })?;
    if groups.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = groups.len() > 1;
    let mut parts: Parts = Vec::new();
    for ((category, symbol, _), group) in groups {
        let series = many.then(|| {
            let symbol = symbol.clone().unwrap_or_default();
            format!("{} {symbol}", category.as_deref().unwrap_or("bybit"))
        });
        let part = group.into_part(archive, options, shape, category.as_deref(), symbol);
        parts.push(part.map_err(|row| PartProblem { series, row }));
    }
    Ok(parts)
}

/// A venue answers errors in the same form; a page of them is a page that is missing.
fn refuse_error(answer: &Value) -> Result<(), Problem> {
    match number(&answer["retCode"], "retCode") {
        Ok(code) if code.abs() <= 0.0 => Ok(()),
        _ => {
            let message = word(answer, "retMsg").unwrap_or_default();
            let code = &answer["retCode"];
            Err(Problem::Damaged { reason: format!("Bybit answered with error {code}: {message}") })
        }
    }
}

/// Where a row stands and what its answer says of it.
struct Origin {
    place: usize,
    category: Option<String>,
    symbol: Option<String>,
    answered: Option<i64>,
}

/// Rows of one series, and when each was answered.
struct Group {
    rows: Gathered,
    answered: Vec<Option<i64>>,
}

fn add(
    groups: &mut BTreeMap<Key, Group>,
    shape: Shape,
    origin: &Origin,
    row: &Value,
) -> Result<(), Problem> {
    let bad =
        || Problem::BadWord { column: "row", value: shortened(row), expected: shape.expected() };
    if Shape::of_row(row) != Some(shape) {
        return Err(bad());
    }
    let symbol = word(row, "symbol").or_else(|| origin.symbol.clone());
    let has_volume = shape == Shape::Bars && is_row_of(row, 7);
    let key = (origin.category.clone(), symbol, has_volume);
    let group = groups.entry(key).or_insert_with(|| Group {
        rows: match shape {
            Shape::Bars => {
                Gathered::new(&["open", "high", "low", "close", "volume", "quote_volume"], &[])
            }
            Shape::Funding => Gathered::new(&["rate"], &[]),
            Shape::OpenInterest => Gathered::new(&["open_interest"], &[]),
        },
        answered: Vec::new(),
    });
    let (time, numbers) = match shape {
        Shape::Bars => {
            const NAMES: [&str; 6] = ["open", "high", "low", "close", "volume", "turnover"];
            let fields = row.as_array().ok_or_else(bad)?;
            let mut numbers = [f64::NAN; 6];
            for ((slot, value), name) in numbers.iter_mut().zip(&fields[1..]).zip(NAMES) {
                *slot = number(value, name)?;
            }
            (time_ms(&fields[0], "start")?, numbers.to_vec())
        }
        Shape::Funding => {
            let time = time_ms(field(row, "fundingRateTimestamp")?, "fundingRateTimestamp")?;
            (time, vec![number(field(row, "fundingRate")?, "fundingRate")?])
        }
        Shape::OpenInterest => {
            let time = time_ms(field(row, "timestamp")?, "timestamp")?;
            (time, vec![number(field(row, "openInterest")?, "openInterest")?])
        }
    };
    group.rows.push(origin.place, time, &numbers, &[]);
    group.answered.push(origin.answered);
    Ok(())
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

impl Group {
    fn into_part(
        self,
        archive: &Archive,
        options: &Options,
        shape: Shape,
        category_word: Option<&str>,
        symbol: Option<String>,
    ) -> Result<Decoded, RowProblem> {
        let identity = Identity::new(archive, options);
        let symbol = match options.symbol.clone().or(symbol) {
            Some(symbol) => symbol,
            None => identity.symbol()?,
        };
        let category = category(category_word, &symbol, &identity)?;
        let venue = options.venue.clone().unwrap_or_else(|| category.venue().to_owned());
        let policies = &options.policies;
        let (checked, kind, interval) = match shape {
            Shape::Bars => self.bars(&identity, category)?,
            Shape::Funding => {
                let (raw, places) = self.sorted().rows.into_raw();
                let checked = funding::build(raw, &venue, policies);
                (checked.map_err(|row| in_file(row, &places))?, Kind::Funding, None)
            }
            Shape::OpenInterest => {
                let mut rows = self.sorted().rows;
                if category == Category::Inverse {
                    rows.numbers[0].0 = "open_interest_value";
                }
                identity.assume(
                    "open interest is the sum of both sides, as Bybit counts it, at its stamp",
                );
                let (raw, places) = rows.into_raw();
                let checked = open_interest::build(raw, policies);
                (checked.map_err(|row| in_file(row, &places))?, Kind::OpenInterest, None)
            }
        };
        let series = Identity::series(kind, venue, symbol, interval);
        Ok(checked.into_decoded(archive, shape.format().name, series, &identity))
    }

    fn sorted(mut self) -> Self {
        let mut rows: Vec<usize> = (0..self.rows.len()).collect();
        rows.sort_by_key(|&row| self.rows.times[row]);
        self.keep(&rows);
        self
    }

    fn keep(&mut self, rows: &[usize]) {
        self.answered = rows.iter().map(|&row| self.answered[row]).collect();
        self.rows.keep(rows);
    }

    fn bars(
        mut self,
        identity: &Identity,
        category: Category,
    ) -> Result<(Checked, Kind, Option<Interval>), RowProblem> {
        let options = identity.options;
        let has_volume = self.rows.numbers[4].1.iter().all(|volume| !volume.is_nan());
        let kind = bar_kind(identity, has_volume)?;
        if category == Category::Inverse {
            self.rows.numbers[4].0 = "quote_volume";
            self.rows.numbers[5].0 = "volume";
        }
        self = self.sorted();
        let spacing = usual_spacing(&self.rows.times).and_then(Interval::from_ms);
        let interval = identity.interval().or(spacing);
        let forming = interval.map_or_else(Vec::new, |interval| self.forming(interval));
        let policy = options.policies.of(Rule::FormingBar);
        let first = forming.first().map(|&row| (row, self.rows.times[row]));
        if let (Some((row, time)), Policy::Refuse) = (first, policy) {
            let interval = interval.unwrap_or(Interval::MINUTE);
            let close = plimsoll_market::Timestamp(self.answered[row].unwrap_or(time));
            let time = plimsoll_market::Timestamp(time);
            let place = self.rows.places[row];
            return Err(RowProblem::at(place, Problem::ClosesEarly { time, close, interval }));
        }
        let knows_answer_time = self.answered.iter().all(Option::is_some);
        if policy == Policy::Repair && !forming.is_empty() {
            let kept: Vec<usize> =
                (0..self.rows.len()).filter(|row| forming.binary_search(row).is_err()).collect();
            self.keep(&kept);
        }
        let (raw, places) = self.rows.into_raw();
        let bars = bars::build(raw, kind, interval, &options.policies)
            .map_err(|row| in_file(row, &places))?;
        let mut checked = bars.checked;
        let drops = policy == Policy::Repair;
        checked.last_may_be_forming &= !knows_answer_time || !drops && !forming.is_empty();
        if let Some((_, time)) = first {
            let about = Rule::FormingBar.about();
            let note = note(about.name, forming.len(), time, about.what);
            if drops { checked.repairs.push(note) } else { checked.flags.push(note) }
        }
        Ok((checked, kind, Some(bars.interval)))
    }

    /// Rows whose bar was not over when it was answered.
    fn forming(&self, interval: Interval) -> Vec<usize> {
        let is_forming = |&row: &usize| {
            self.answered[row].is_some_and(|at| self.rows.times[row] + interval.ms() > at)
        };
        (0..self.rows.len()).filter(is_forming).collect()
    }
}

/// Which price the bars are of: by option, else candles where there is a volume, else by a word
/// of folders or name.
fn bar_kind(identity: &Identity, has_volume: bool) -> Result<Kind, Problem> {
    if let Some(kind) = identity.options.kind {
        return price_kind(kind, has_volume, "rows of five values");
    }
    if has_volume {
        return Ok(Kind::Candles);
    }
    identity.price_kind().ok_or(Problem::Unknown { what: "kind" })
}
