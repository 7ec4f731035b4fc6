//! The columns of a file under the names that this crate knows, before they mean anything.

mod columns;
mod objects;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::record_batch::RecordBatchReader;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use plimsoll_market::Kind;
use serde_json::{Map, Value};

use crate::archive::{Archive, Content};
use crate::csv::{self, TimeUnit, Values, Want};
use crate::error::{Problem, RowProblem};
use crate::json::Json;
use columns::Budget;

/// A column's name here, what it holds, and the names it has in files, best first.
struct Known {
    name: &'static str,
    want: Want,
    aliases: &'static [&'static str],
}

const fn known(name: &'static str, want: Want, aliases: &'static [&'static str]) -> Known {
    Known { name, want, aliases }
}

const TIME: Known = known(
    "time",
    Want::Time,
    &["open_time", "calc_time", "create_time", "fundingtime", "funding_time", "settlement_time"],
);
/// Names that could be any time; taken where no better one is there.
const ANY_TIME: [&str; 6] = ["timestamp", "time", "date", "datetime", "timestamp_ms", "ts"];
const SYMBOL: Known =
    known("symbol", Want::Word, &["symbol", "coin", "ticker", "instrument", "instid"]);
const VENUE: Known = known("venue", Want::Word, &["venue", "exchange"]);

const BARS: &[Known] = &[
    known("open", Want::Number, &["open", "o"]),
    known("high", Want::Number, &["high", "h"]),
    known("low", Want::Number, &["low", "l"]),
    known("close", Want::Number, &["close", "c"]),
    known("volume", Want::NumberOrEmpty, &["volume", "vol", "v", "base_volume"]),
    known(
        "quote_volume",
        Want::NumberOrEmpty,
        &["quote_volume", "quote_asset_volume", "turnover", "quotevolume"],
    ),
    known("trades", Want::NumberOrEmpty, &["trades", "count", "number_of_trades", "num_trades"]),
    known(
        "taker_buy_volume",
        Want::NumberOrEmpty,
        &[
            "taker_buy_volume",
            "taker_buy_base_asset_volume",
            "taker_buy_base_volume",
            "taker_base_volume",
        ],
    ),
    known("close_time", Want::Time, &["close_time"]),
];
const FUNDING: &[Known] = &[
    known(
        "rate",
        Want::Number,
        &["last_funding_rate", "funding_rate", "fundingrate", "realizedrate", "rate"],
    ),
    known("interval_hours", Want::Number, &["funding_interval_hours", "interval_hours"]),
    known("interval_minutes", Want::Number, &["interval_minutes", "funding_interval_minutes"]),
    known("mark_price", Want::NumberOrEmpty, &["mark_price", "markprice"]),
];
const LIQUIDATIONS: &[Known] = &[
    known("liquidated_side", Want::Word, &["liquidated_side"]),
    known("side", Want::Word, &["side"]),
    known("price", Want::Number, &["average_price", "avg_price", "price"]),
    known(
        "quantity",
        Want::Number,
        &["accumulated_fill_quantity", "quantity", "qty", "size", "amount"],
    ),
    known(
        "notional",
        Want::Number,
        &["notional", "size_usd", "notional_usd", "value_usd", "usd_value"],
    ),
    known("kind", Want::Word, &["kind"]),
];
const LIQUIDATION_VOLUME: &[Known] = &[
    known("long_quantity", Want::NumberOrEmpty, &["long_quantity"]),
    known("short_quantity", Want::NumberOrEmpty, &["short_quantity"]),
    known(
        "long_notional",
        Want::NumberOrEmpty,
        &[
            "long_notional",
            "long_usd",
            "aggregated_long_liquidation_usd",
            "long_liquidation_usd",
            "long_liquidations_usd",
        ],
    ),
    known(
        "short_notional",
        Want::NumberOrEmpty,
        &[
            "short_notional",
            "short_usd",
            "aggregated_short_liquidation_usd",
            "short_liquidation_usd",
            "short_liquidations_usd",
        ],
    ),
    known("total_notional", Want::NumberOrEmpty, &["total_notional", "total_usd"]),
    known("count", Want::NumberOrEmpty, &["count", "liq_count"]),
];
const OPEN_INTEREST: &[Known] = &[
    known(
        "open_interest",
        Want::NumberOrEmpty,
        &["sum_open_interest", "sumopeninterest", "open_interest", "openinterest", "oi"],
    ),
    known(
        "open_interest_value",
        Want::NumberOrEmpty,
        &[
            "sum_open_interest_value",
            "sumopeninterestvalue",
            "open_interest_value",
            "open_interest_usd",
            "oi_value",
            "oi_usd",
        ],
    ),
];

/// Names of a file, each with the name that others have for what it holds.
pub(crate) type Renamed<'a> = &'a [(&'a str, &'a str)];

fn rename(names: &[String], renamed: Renamed) -> Vec<String> {
    let new = |name: &String| renamed.iter().find(|(old, _)| old == name).map(|(_, new)| *new);
    names.iter().map(|name| new(name).map_or_else(|| name.clone(), str::to_owned)).collect()
}

fn knowns(kind: Kind) -> &'static [Known] {
    match kind {
        Kind::Candles | Kind::MarkCandles | Kind::IndexCandles | Kind::PremiumIndexCandles => BARS,
        Kind::Funding => FUNDING,
        Kind::Liquidations => LIQUIDATIONS,
        Kind::LiquidationVolume => LIQUIDATION_VOLUME,
        Kind::OpenInterest => OPEN_INTEREST,
    }
}

/// Columns by their names here.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    /// The names in the file, in lower case.
    names: Vec<String>,
    pub(crate) n_rows: usize,
    pub(crate) columns: BTreeMap<&'static str, Values>,
    pub(crate) time_unit: Option<TimeUnit>,
    /// By row: its row in the file, where that is not the same.
    pub(crate) file_rows: Option<Vec<usize>>,
}

impl Raw {
    /// Reads from a file what a kind of record needs. `headerless` names the columns of a text
    /// that has no header.
    pub(crate) fn read(
        archive: &Archive,
        kind: Kind,
        headerless: &[&str],
    ) -> Result<Self, RowProblem> {
        Self::read_renamed(archive, kind, headerless, &[])
    }

    /// The same for files that mean something else by a name than others do: each is paired with
    /// the name that others have for what it holds.
    pub(crate) fn read_renamed(
        archive: &Archive,
        kind: Kind,
        headerless: &[&str],
        renamed: Renamed,
    ) -> Result<Self, RowProblem> {
        match &archive.content {
            Content::Text(_) | Content::LongText(_) => {
                Self::from_csv(archive, kind, headerless, renamed)
            }
            Content::Json(json) => Self::from_objects(&objects::of(json)?, kind, renamed),
            Content::Feather(bytes) => {
                let budget = Budget::new(bytes.len() as u64, &archive.limits);
                Ok(guarded(|| {
                    let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(damaged)?;
                    let schema = reader.schema();
                    Self::from_batches(reader, &schema, kind, renamed, budget)
                })?)
            }
            Content::Parquet(path) => {
                let budget =
                    Budget::new(path.metadata().map_err(Problem::Io)?.len(), &archive.limits);
                Ok(guarded(|| {
                    let reader = parquet_reader(path)?.with_batch_size(1 << 14);
                    let reader = reader.build().map_err(damaged)?;
                    let schema = reader.schema();
                    Self::from_batches(reader, &schema, kind, renamed, budget)
                })?)
            }
        }
    }

    /// Columns that a decoder has made itself, under the names of this crate.
    pub(crate) fn from_columns(n_rows: usize, columns: Vec<(&'static str, Values)>) -> Self {
        Self {
            names: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            n_rows,
            columns: columns.into_iter().collect(),
            time_unit: None,
            file_rows: None,
        }
    }

    fn from_csv(
        archive: &Archive,
        kind: Kind,
        headerless: &[&str],
        renamed: Renamed,
    ) -> Result<Self, RowProblem> {
        let text = archive.head().unwrap_or_default();
        let header = csv::header(text);
        let has_header = header.is_some();
        let names = match header {
            Some(names) => names,
            None if csv::width(text) == 0 => return Err(Problem::Empty.into()),
            None if headerless.len() == csv::width(text) => {
                headerless.iter().map(|&name| name.to_owned()).collect()
            }
            None => {
                let reason = format!("no header and {} fields a row", csv::width(text));
                return Err(Problem::NotRecognised { reason }.into());
            }
        };
        let chosen = choose(&rename(&names, renamed), kind);
        let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
        for &(position, known) in &chosen {
            columns[position].1 = known.want;
        }
        let mut rows = archive.read_rows(has_header, &columns)?;
        let columns = chosen
            .into_iter()
            .map(|(position, known)| {
                let values = std::mem::replace(&mut rows.columns[position], Values::Skipped);
                (known.name, values)
            })
            .collect();
        Ok(Self { names, n_rows: rows.len, columns, time_unit: rows.time_unit, file_rows: None })
    }

    /// Takes batches in one by one: all of them at once can be many times as large as the file.
    fn from_batches(
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        schema: &Schema,
        kind: Kind,
        renamed: Renamed,
        mut budget: Budget,
    ) -> Result<Self, Problem> {
        let names: Vec<String> =
            schema.fields().iter().map(|f| f.name().to_ascii_lowercase()).collect();
        let mut raw = Self {
            names: names.clone(),
            n_rows: 0,
            columns: BTreeMap::new(),
            time_unit: None,
            file_rows: None,
        };
        let mut chosen: Vec<_> = choose(&rename(&names, renamed), kind)
            .into_iter()
            .map(|(position, known)| {
                let values = match known.want {
                    Want::Time => Values::Times(Vec::new()),
                    Want::Word => Values::Words(Vec::new()),
                    _ => Values::Numbers(Vec::new()),
                };
                (position, known.name, values, None)
            })
            .collect();
        let mut is_empty = true;
        for batch in batches {
            let batch = batch.map_err(damaged)?;
            is_empty = false;
            raw.n_rows += batch.num_rows();
            for (position, _, values, unit) in &mut chosen {
                let array = batch.column(*position);
                columns::append(values, array, &names[*position], unit, &mut budget)?;
            }
        }
        if is_empty {
            return Err(Problem::Empty);
        }
        for (_, name, values, unit) in chosen {
            raw.time_unit = raw.time_unit.or(unit);
            raw.columns.insert(name, values);
        }
        Ok(raw)
    }

    /// Takes the times; every kind needs them. No market is older than 1970, and a time after
    /// 2200 is a mistaken unit.
    pub(crate) fn take_times(&mut self) -> Result<Vec<i64>, RowProblem> {
        const END: i64 = 7_258_118_400_000;
        let Some(Values::Times(times)) = self.columns.remove("time") else {
            return Err(self.missing("time").into());
        };
        match times.iter().position(|time| !(0..END).contains(time)) {
            Some(row) => Err(RowProblem::at(row, Problem::TimeOutOfRange { time_ms: times[row] })),
            None => Ok(times),
        }
    }

    /// Takes a column of numbers, if it is there.
    pub(crate) fn take_numbers(&mut self, name: &str) -> Option<Vec<f64>> {
        match self.columns.remove(name) {
            Some(Values::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Takes a column of numbers that has to be there.
    pub(crate) fn need_numbers(&mut self, name: &'static str) -> Result<Vec<f64>, Problem> {
        self.take_numbers(name).ok_or_else(|| self.missing(name))
    }

    /// Takes a column of words, if it is there.
    pub(crate) fn take_words(&mut self, name: &str) -> Option<Vec<String>> {
        match self.columns.remove(name) {
            Some(Values::Words(words)) => Some(words),
            _ => None,
        }
    }

    /// The rows of one kind of instrument each: split by the columns `venue` and `symbol`, as
    /// far as there are such columns.
    pub(crate) fn split(mut self) -> Vec<(Option<String>, Option<String>, Self)> {
        let venues = self.take_words("venue");
        let symbols = self.take_words("symbol");
        let value = |words: &Option<Vec<String>>, row: usize| {
            words.as_ref().map(|words| words[row].clone())
        };
        let one = |words: &Option<Vec<String>>| {
            words.as_ref().is_none_or(|w| w.windows(2).all(|pair| pair[0] == pair[1]))
        };
        if self.n_rows == 0 {
            return vec![(None, None, self)];
        }
        if one(&venues) && one(&symbols) {
            return vec![(value(&venues, 0), value(&symbols, 0), self)];
        }
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for row in 0..self.n_rows {
            let key = (value(&venues, row), value(&symbols, row));
            groups.entry(key).or_default().push(row);
        }
        groups
            .into_iter()
            .map(|((venue, symbol), rows)| (venue, symbol, self.gather(rows)))
            .collect()
    }

    fn gather(&self, rows: Vec<usize>) -> Self {
        let columns = self
            .columns
            .iter()
            .map(|(&name, values)| {
                let values = match values {
                    Values::Skipped => Values::Skipped,
                    Values::Times(v) => Values::Times(rows.iter().map(|&row| v[row]).collect()),
                    Values::Numbers(v) => Values::Numbers(rows.iter().map(|&row| v[row]).collect()),
                    Values::Words(v) => {
                        Values::Words(rows.iter().map(|&row| v[row].clone()).collect())
                    }
                };
                (name, values)
            })
            .collect();
        Self {
            names: self.names.clone(),
            n_rows: rows.len(),
            columns,
            time_unit: self.time_unit,
            file_rows: Some(rows),
        }
    }

    pub(crate) fn missing(&self, column: &'static str) -> Problem {
        Problem::MissingColumn { column, have: self.names.join(", ") }
    }
}

/// Whether a kind has a column of that name here among the names of a file.
pub(crate) fn has(names: &[String], kind: Kind, name: &str) -> bool {
    let known = knowns(kind).iter().find(|known| known.name == name);
    known.is_some_and(|known| names.iter().any(|n| known.aliases.contains(&n.as_str())))
}

/// Whether any column could be a time.
pub(crate) fn has_time(names: &[String]) -> bool {
    names.iter().any(|n| TIME.aliases.contains(&n.as_str()) || ANY_TIME.contains(&n.as_str()))
}

/// The names of the columns of a file, in lower case; none for text without a header, and for
/// JSON.
pub(crate) fn names(archive: &Archive) -> Result<Vec<String>, Problem> {
    let fields = |schema: &arrow::datatypes::Schema| {
        schema.fields().iter().map(|f| f.name().to_ascii_lowercase()).collect()
    };
    match &archive.content {
        Content::Text(_) | Content::LongText(_) => {
            Ok(csv::header(archive.head().unwrap_or_default()).unwrap_or_default())
        }
        Content::Json(_) => Ok(Vec::new()),
        Content::Feather(bytes) => {
            let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(damaged)?;
            Ok(fields(&reader.schema()))
        }
        Content::Parquet(path) => Ok(fields(parquet_reader(path)?.schema())),
    }
}

/// The names in the first row of a JSON document or in a line of JSON, in lower case; none where
/// it holds no rows with names.
pub(crate) fn object_names(sample: &Value) -> Vec<String> {
    objects::names(sample)
}

/// The rows of a JSON document or of JSON lines, each with named values.
pub(crate) fn objects(json: &Json) -> Result<Vec<Map<String, Value>>, RowProblem> {
    objects::of(json)
}

/// For each column that a kind can use, its position among the file's names.
fn choose(names: &[String], kind: Kind) -> Vec<(usize, &'static Known)> {
    let find = |known: &'static Known, more: &[&str]| {
        let mut aliases = known.aliases.iter().chain(more);
        let position = aliases.find_map(|alias| names.iter().position(|name| name == alias));
        position.map(|position| (position, known))
    };
    // Our own exports have both; `time` is the one that was recorded.
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let is_own_export = has("time") && has("settlement_time");
    let recorded = names.iter().position(|name| is_own_export && name == "time");
    let time = recorded.map(|position| (position, &TIME)).or_else(|| find(&TIME, &ANY_TIME));
    let mut chosen: Vec<_> = time.into_iter().collect();
    for known in knowns(kind).iter().chain([&SYMBOL, &VENUE]) {
        if let Some((position, known)) = find(known, &[])
            && chosen.iter().all(|&(taken, _)| taken != position)
        {
            chosen.push((position, known));
        }
    }
    chosen
}

/// Reads a foreign format. Its reader may panic on a file that contradicts itself, which is then
/// that file's damage.
fn guarded<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(damaged("its reader gave up on what the file says of itself")))
}

fn parquet_reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, Problem> {
    let file = File::open(path)?;
    let options = ArrowReaderOptions::new();
    let found = ArrowReaderMetadata::load(&file, options.clone()).map_err(damaged)?;
    // Views share a long word among all rows that have it.
    let fields = found.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        }
        _ => Arc::clone(field),
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let options = options.with_schema(Arc::new(schema));
    let shared = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options);
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, shared.map_err(damaged)?))
}

fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::Damaged { reason: error.to_string() }
}
