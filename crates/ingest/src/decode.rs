//! From a file to the rows of series: what it is, by name and columns, and what its columns mean.

mod bars;
mod binance;
mod bybit;
mod ccxt;
mod checked_trades;
mod coinalyze;
mod coinglass;
mod exact_sum;
mod findings;
mod freqtrade;
mod funding;
mod funding_size;
mod generic;
mod hyperliquid;
mod identity;
mod json_rows;
mod liquidation_volume;
mod liquidations;
mod okx;
mod open_interest;
mod pairs;
mod recorded;
mod rows;
mod sampled;
mod several;
#[cfg(test)]
mod shapes;
mod tardis;
#[cfg(test)]
mod tests;
mod trade_bars;
mod trade_ids;

use plimsoll_market::lake::{Note, Source};
use plimsoll_market::{Incoming, Series, Table, Timestamp};

use crate::archive::{Archive, Content};
use crate::csv;
use crate::error::{FileFailure, Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::raw;
use identity::Identity;
use rows::FileRows;

/// Rows of one series, checked.
pub(crate) struct Decoded {
    pub(crate) series: Series,
    pub(crate) incoming: Incoming,
    /// What was assumed where the file does not say.
    pub(crate) assumptions: Vec<String>,
}

/// Rows on their way to [`Decoded`]: all but the series and the source.
pub(crate) struct Checked {
    table: Table,
    covered: Vec<(Timestamp, Timestamp)>,
    last_may_be_forming: bool,
    derived: Vec<String>,
    duplicates: usize,
    repairs: Vec<Note>,
    flags: Vec<Note>,
    /// By row, its row in the file; for what is found later.
    file_rows: FileRows,
}

impl Checked {
    fn new(table: Table) -> Self {
        Self {
            table,
            covered: Vec::new(),
            last_may_be_forming: false,
            derived: Vec::new(),
            duplicates: 0,
            repairs: Vec::new(),
            flags: Vec::new(),
            file_rows: FileRows::default(),
        }
    }

    /// Keeps these rows, in this order.
    fn keep(&mut self, rows: &[usize]) {
        self.table = self.table.gather(rows);
        self.file_rows = self.file_rows.gather(rows);
    }

    fn into_decoded(
        self,
        archive: &Archive,
        decoder: &str,
        series: Series,
        identity: &Identity,
    ) -> Decoded {
        let source = Source {
            name: archive.name.clone(),
            sha256: archive.sha256.clone(),
            decoder: decoder.to_owned(),
        };
        let incoming = Incoming {
            source,
            table: self.table,
            covered: self.covered,
            last_may_be_forming: self.last_may_be_forming,
            derived: self.derived,
            duplicates: self.duplicates,
            repairs: self.repairs,
            flags: self.flags,
        };
        Decoded { series, incoming, assumptions: identity.assumptions() }
    }
}

/// A series of a file that does not go in, while others of it may.
#[derive(Debug)]
pub(crate) struct PartProblem {
    /// The series, as `lighter DOGE funding`; `None` where it is the file as a whole.
    pub(crate) series: Option<String>,
    pub(crate) row: RowProblem,
}

/// Every series of a file, each decoded or refused by itself.
pub(crate) type Parts = Vec<Result<Decoded, PartProblem>>;

/// One shape of file that is understood. The first in [`FORMATS`] that recognises a file has it.
pub(crate) struct Format {
    /// Name and version, as receipts have it: `binance-klines/1`.
    pub(crate) name: &'static str,
    /// What `--source` calls its origin.
    pub(crate) source: SourceFormat,
    /// The evidence, a clause each, if a file is of this shape.
    pub(crate) recognise: fn(&Clues) -> Option<Vec<String>>,
    pub(crate) decode: fn(&Archive, &Options) -> Result<Parts, RowProblem>,
}

/// Every format, the most particular first.
const FORMATS: &[&[Format]] = &[
    hyperliquid::FORMATS,
    tardis::FORMATS,
    coinalyze::FORMATS,
    coinglass::FORMATS,
    bybit::FORMATS,
    okx::FORMATS,
    binance::FORMATS,
    freqtrade::FORMATS,
    ccxt::FORMATS,
    generic::FORMATS,
];

/// The name of every format, with its version.
pub(crate) fn format_names() -> Vec<&'static str> {
    FORMATS.iter().copied().flatten().map(|format| format.name).collect()
}

/// What is known of a file before its rows are read.
pub(crate) struct Clues {
    /// File name without folders and endings.
    pub(crate) stem: String,
    /// File name with all endings.
    pub(crate) file_name: String,
    /// The folders that it is in.
    pub(crate) folders: Vec<String>,
    /// Names of its columns in lower case; empty for text without a header, and for JSON.
    pub(crate) columns: Vec<String>,
    /// The fields of the first line of a text without a header.
    pub(crate) first_row: Vec<String>,
    /// A JSON document, or the first of its lines.
    pub(crate) json: Option<serde_json::Value>,
    /// Whether it is an Arrow file.
    pub(crate) is_feather: bool,
}

impl Clues {
    pub(crate) fn of(archive: &Archive) -> Result<Self, Problem> {
        let columns = raw::names(archive)?;
        let first_row = match archive.head() {
            Some(text) if columns.is_empty() => csv::first_row(text),
            _ => Vec::new(),
        };
        let json = match &archive.content {
            Content::Json(json) => json.sample(),
            _ => None,
        };
        Ok(Self {
            stem: archive.stem.clone(),
            file_name: archive.file_name(),
            folders: archive.folders(),
            columns,
            first_row,
            json,
            is_feather: matches!(archive.content, Content::Feather(_)),
        })
    }

    /// Names of its columns in lower case, and of JSON those in its first row.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.json {
            Some(json) => raw::object_names(json),
            None => self.columns.clone(),
        }
    }

    /// Whether every one of these columns is there.
    pub(crate) fn has_columns(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.columns.iter().any(|column| column == name))
    }

    /// Whether the file lies in a folder of that name.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.folders.iter().any(|f| f == folder)
    }
}

/// What a file was taken for.
pub(crate) struct Recognised {
    pub(crate) format: &'static Format,
    pub(crate) evidence: Vec<String>,
}

/// Finds the format of a file.
pub(crate) fn recognise(archive: &Archive, options: &Options) -> Result<Recognised, Problem> {
    if let Some(problem) = archive.head().and_then(unlike_csv) {
        return Err(problem);
    }
    let clues = Clues::of(archive)?;
    let wanted =
        |format: &&Format| options.source == SourceFormat::Auto || format.source == options.source;
    for format in FORMATS.iter().copied().flatten().filter(wanted) {
        if let Some(evidence) = (format.recognise)(&clues) {
            return Ok(Recognised { format, evidence });
        }
    }
    let reason = match options.source {
        _ if clues.json.is_some() => "JSON of no known shape".to_owned(),
        SourceFormat::Auto | SourceFormat::Generic => "no header that names the columns".to_owned(),
        source => format!("neither name nor columns are those of a {source} file"),
    };
    Err(Problem::NotRecognised { reason })
}

/// What keeps a text from being read as CSV at all.
fn unlike_csv(text: &[u8]) -> Option<Problem> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let line = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty());
    let Some(line) = line else {
        return Some(Problem::Damaged { reason: "the file is empty".to_owned() });
    };
    let count = |wanted: u8| memchr::memchr_iter(wanted, line).count();
    let separators = [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "vertical bars")];
    let (_, found) =
        separators.into_iter().find(|&(byte, _)| count(byte) >= 2 && count(byte) > count(b','))?;
    Some(Problem::NotAsItStands {
        reason: format!("its fields are separated by {found}, where commas are expected"),
        mend: "save it with commas between the fields, and a point in decimals",
    })
}

/// The other formats that would have taken a file, with their evidence.
pub(crate) fn also_recognised(
    clues: &Clues,
    taken: &'static str,
) -> Vec<(&'static str, Vec<String>)> {
    let others = FORMATS.iter().copied().flatten().filter(|format| format.name != taken);
    others.filter_map(|format| Some((format.name, (format.recognise)(clues)?))).collect()
}

/// Decodes a file into the series that it holds.
#[expect(clippy::result_large_err, reason = "a failure is rare, and one a series")]
pub(crate) fn decode(
    archive: &Archive,
    options: &Options,
) -> (Option<Recognised>, Vec<Result<Decoded, FileFailure>>) {
    let failed = |series: Option<String>, RowProblem { row, problem }: RowProblem| FileFailure {
        file: archive.path.display().to_string(),
        place: archive.place_of(row),
        series,
        problem,
    };
    let recognised = match recognise(archive, options) {
        Ok(recognised) => recognised,
        Err(problem) => return (None, vec![Err(failed(None, problem.into()))]),
    };
    let parts = match (recognised.format.decode)(archive, options) {
        Ok(parts) => parts
            .into_iter()
            .map(|part| part.map_err(|PartProblem { series, row }| failed(series, row)))
            .collect(),
        Err(problem) => vec![Err(failed(None, problem))],
    };
    (Some(recognised), parts)
}

/// Decodes a file by the format of that name, and gives the series that are good.
pub(crate) fn decode_as(
    name: &str,
    archive: &Archive,
    options: &Options,
) -> Result<Vec<Decoded>, String> {
    let format = FORMATS.iter().copied().flatten().find(|format| format.name == name);
    let format = format.ok_or_else(|| format!("no format is called {name}"))?;
    let parts = (format.decode)(archive, options).map_err(|row| {
        // Finding the line is part of refusing a file.
        format!("{}{}", archive.place_of(row.row), row.problem)
    })?;
    Ok(parts.into_iter().filter_map(Result::ok).collect())
}

fn note(name: &str, count: usize, first: i64, message: impl Into<String>) -> Note {
    Note {
        name: name.to_owned(),
        count,
        first: Some(Timestamp(first)),
        message: message.into(),
        example: String::new(),
    }
}
