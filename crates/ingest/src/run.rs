//! One run: files found, decoded in parallel, merged series by series.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use plimsoll_market::lake::LakeWriter;
use plimsoll_market::{
    Incoming, Interval, Kind, Lake, MarketError, MergeOptions, MergeOutcome, Series, Timestamp,
};
use rayon::prelude::*;

use crate::archive::{Archive, Input, find};
use crate::decode::{Decoded, Recognised, decode};
use crate::error::{FileFailure, IngestError, Place, Problem};
use crate::policy::Policies;

/// Files are decoded and merged in groups of about so many bytes on disk, which bounds memory.
const GROUP_BYTES: u64 = 96 << 20;

/// Which program or exchange wrote the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceFormat {
    /// Told by name and columns, file by file.
    #[default]
    Auto,
    /// Binance's public archive and API.
    Binance,
    /// Bybit's public archive, API and recorded streams.
    Bybit,
    /// OKX's public archive, API and recorded streams.
    Okx,
    /// Hyperliquid's archive, node files and API.
    Hyperliquid,
    /// tardis.dev's CSV files.
    Tardis,
    /// Coinalyze's liquidation history.
    Coinalyze,
    /// CoinGlass's liquidation history.
    Coinglass,
    /// freqtrade's data folder.
    Freqtrade,
    /// What CCXT's methods return.
    Ccxt,
    /// Named columns of any origin.
    Generic,
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [Self; 11] = [
        Self::Auto,
        Self::Binance,
        Self::Bybit,
        Self::Okx,
        Self::Hyperliquid,
        Self::Tardis,
        Self::Coinalyze,
        Self::Coinglass,
        Self::Freqtrade,
        Self::Ccxt,
        Self::Generic,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Binance => "binance",
            Self::Bybit => "bybit",
            Self::Okx => "okx",
            Self::Hyperliquid => "hyperliquid",
            Self::Tardis => "tardis",
            Self::Coinalyze => "coinalyze",
            Self::Coinglass => "coinglass",
            Self::Freqtrade => "freqtrade",
            Self::Ccxt => "ccxt",
            Self::Generic => "generic",
        }
    }
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SourceFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| {
            format!(
                "`{text}` is not a source; the sources are {}",
                Self::ALL.map(Self::name).join(", ")
            )
        })
    }
}

/// Settings of a run. What is `None` is told by the files or asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which program or exchange wrote the files.
    pub source: SourceFormat,
    /// Venue identifier, such as `binance-usdm`.
    pub venue: Option<String>,
    /// Symbol in the venue's spelling.
    pub symbol: Option<String>,
    /// Kind of record.
    pub kind: Option<Kind>,
    /// Bar length.
    pub interval: Option<Interval>,
    /// What is done where a rule is broken.
    pub policies: Policies,
    /// Rows that differ from the lake's replace them, where they would otherwise be refused.
    pub replace: bool,
}

/// Told what a run is doing. The library itself prints nothing. Calls come from any thread.
pub trait Progress: Sync {
    /// So many bytes in so many files are to be read.
    fn start(&self, total_bytes: u64, files: usize);
    /// A file of so many bytes has been read.
    fn advance(&self, bytes: u64, file: &str);
    /// Something to be shown to the user.
    fn message(&self, text: &str);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start(&self, _total_bytes: u64, _files: usize) {}
    fn advance(&self, _bytes: u64, _file: &str) {}
    fn message(&self, _text: &str) {}
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Files read, refused ones included.
    pub files: usize,
    /// Their size on disk in bytes.
    pub bytes: u64,
    /// Rows decoded.
    pub rows: usize,
    /// What was merged, one entry a series, sorted.
    pub merges: Vec<MergeOutcome>,
    /// What was done with each file of a known ending, in the order of reading.
    pub reports: Vec<FileReport>,
    /// Files in the folders that hold nothing for the lake, each with the reason.
    pub left_out: Vec<FileNote>,
    /// What was assumed, mended or flagged.
    pub notes: Vec<FileNote>,
}

/// What was done with one file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileReport {
    /// Name of the file, relative to what the user named.
    pub file: String,
    /// What it was taken for, as `binance/1`; `None` where nothing recognised it.
    pub format: Option<&'static str>,
    /// What became of it.
    pub outcome: Outcome,
    /// The series that it holds; not those that were refused.
    pub parts: Vec<TakenPart>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is in the lake.
    Taken,
    /// Some of its series are, others were refused.
    Partly,
    /// Nothing of it is.
    Refused,
    /// It holds nothing for the lake.
    LeftOut,
}

impl Outcome {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Partly => "partly",
            Self::Refused => "refused",
            Self::LeftOut => "left_out",
        }
    }
}

/// A series of a file, as decoded: after repairs, before merging.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenPart {
    /// The series.
    pub series: Series,
    /// Number of rows.
    pub rows: usize,
    /// Time of the first row, as the file has it.
    pub first: Option<Timestamp>,
    /// Time of the last row.
    pub last: Option<Timestamp>,
}

/// Something about a file that the user should see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNote {
    /// Name of the file, relative to what the user named.
    pub file: String,
    /// One sentence.
    pub message: String,
}

/// Takes files, and folders of files, into the lake.
///
/// # Errors
/// [`IngestError::BadFiles`] if any file was refused, with every failure and the summary of what
/// went in; nothing of a refused file is in the lake. Other errors end the run at once, and what
/// was merged until then stays.
pub fn ingest(
    paths: &[PathBuf],
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let (inputs, other_endings) = find(paths)?;
    if inputs.is_empty() {
        return Err(IngestError::NoFiles { paths: paths.to_vec() });
    }
    ingest_inputs(&inputs, other_endings, options, lake, progress)
}

/// [`ingest`] for some of the files of a folder, as if they were all that it holds: receipts name
/// them by their paths below it, with `/` between folders.
///
/// # Errors
/// As for [`ingest`].
pub fn ingest_below(
    folder: &Path,
    files: &[String],
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let mut inputs = Vec::new();
    for name in files {
        let path = folder.join(name);
        let metadata = std::fs::metadata(&path)
            .map_err(|source| IngestError::Io { path: path.clone(), source })?;
        inputs.push(Input { path, name: name.clone(), bytes: metadata.len(), is_named: false });
    }
    if inputs.is_empty() {
        return Err(IngestError::NoFiles { paths: vec![folder.to_owned()] });
    }
    ingest_inputs(&inputs, Vec::new(), options, lake, progress)
}

fn ingest_inputs(
    inputs: &[Input],
    other_endings: Vec<String>,
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let writer = lake.writer()?;
    let mut summary = Summary {
        files: inputs.len(),
        bytes: inputs.iter().map(|input| input.bytes).sum(),
        left_out: other_endings.into_iter().map(by_ending).collect(),
        ..Summary::default()
    };
    progress.start(summary.bytes, inputs.len());
    let mut failures = Vec::new();
    let mut merges: BTreeMap<Series, MergeOutcome> = BTreeMap::new();
    for group in groups(inputs) {
        let decoded: Vec<FileParts> = group
            .par_iter()
            .map(|input| {
                let decoded = open_and_decode(input, options);
                progress.advance(input.bytes, &input.name);
                decoded
            })
            .collect();
        let mut files = Vec::new();
        for (input, decoded) in group.iter().zip(decoded) {
            let good = sort_out(input, decoded, &mut summary, &mut failures, progress);
            files.push((input, good));
        }
        note_all(&files, &mut summary);
        for outcome in merge_group(&writer, files, options, &mut failures, progress)? {
            match merges.get_mut(&outcome.series) {
                Some(sum) => add(sum, outcome),
                None => {
                    merges.insert(outcome.series.clone(), outcome);
                }
            }
        }
    }
    summary.merges = merges.into_values().collect();
    if failures.is_empty() {
        return Ok(summary);
    }
    Err(IngestError::BadFiles { failures, summary: Box::new(summary) })
}

/// A file's format and series.
type FileParts = (Option<Recognised>, Vec<Result<Decoded, FileFailure>>);

fn open_and_decode(input: &Input, options: &Options) -> FileParts {
    match Archive::open(input) {
        Ok(archive) => decode(&archive, options),
        Err(problem) => (None, vec![Err(failure(input, problem))]),
    }
}

fn by_ending(file: String) -> FileNote {
    FileNote { file, message: "it is no market data by its ending".to_owned() }
}

/// Enters a file in the summary and gives what goes on to the lake.
fn sort_out(
    input: &Input,
    (recognised, parts): FileParts,
    summary: &mut Summary,
    failures: &mut Vec<FileFailure>,
    progress: &dyn Progress,
) -> Vec<Decoded> {
    let mut good = Vec::new();
    let mut n_refused = 0;
    let mut left_out = false;
    for part in parts {
        match part {
            Ok(decoded) => good.push(decoded),
            // A folder may hold other things than market data; a file that was named may not.
            Err(FileFailure { problem: Problem::NothingForTheLake { reason }, .. })
                if !input.is_named =>
            {
                left_out = true;
                summary.left_out.push(FileNote { file: input.name.clone(), message: reason });
            }
            Err(failure) => {
                n_refused += 1;
                progress.message(&failure.to_string());
                failures.push(failure);
            }
        }
    }
    let outcome = match (good.is_empty(), n_refused > 0, left_out) {
        (false, false, _) => Outcome::Taken,
        (false, true, _) => Outcome::Partly,
        (true, true, _) => Outcome::Refused,
        (true, false, true) => Outcome::LeftOut,
        (true, false, false) => Outcome::Taken,
    };
    let parts = good.iter().map(|part| {
        let times = part.incoming.table.times();
        TakenPart {
            series: part.series.clone(),
            rows: times.len(),
            first: times.first().copied().map(Timestamp),
            last: times.last().copied().map(Timestamp),
        }
    });
    summary.reports.push(FileReport {
        file: input.name.clone(),
        format: recognised.map(|recognised| recognised.format.name),
        outcome,
        parts: parts.collect(),
    });
    good
}

/// Consecutive files up to [`GROUP_BYTES`], at least one each.
fn groups(inputs: &[Input]) -> Vec<&[Input]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, input) in inputs.iter().enumerate() {
        if index > start && bytes + input.bytes > GROUP_BYTES {
            groups.push(&inputs[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += input.bytes;
    }
    groups.push(&inputs[start..]);
    groups
}

/// Merges the files of a group, all of a series at once. Where the lake refuses that, they are
/// merged one by one, so that only the file that is at fault stays out.
fn merge_group(
    writer: &LakeWriter,
    files: Vec<(&Input, Vec<Decoded>)>,
    options: &Options,
    failures: &mut Vec<FileFailure>,
    progress: &dyn Progress,
) -> Result<Vec<MergeOutcome>, IngestError> {
    let mut by_series: BTreeMap<Series, Vec<(&Input, Incoming)>> = BTreeMap::new();
    for (input, decoded) in files {
        for part in decoded {
            by_series.entry(part.series).or_default().push((input, part.incoming));
        }
    }
    let merge_options = MergeOptions { replace: options.replace };
    let mut outcomes = Vec::new();
    for (series, parts) in by_series {
        let alone = parts.len() == 1;
        let together = parts.iter().map(|(_, incoming)| incoming.clone()).collect();
        match writer.merge(&series, together, merge_options) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) if !is_refusal(&error) => return Err(error.into()),
            Err(error) if alone => {
                let failure = failure(parts[0].0, Problem::Lake(Box::new(error)));
                progress.message(&failure.to_string());
                failures.push(failure);
            }
            Err(_) => {
                for (input, incoming) in parts {
                    match writer.merge(&series, vec![incoming], merge_options) {
                        Ok(outcome) => outcomes.push(outcome),
                        Err(error) if is_refusal(&error) => {
                            let failure = failure(input, Problem::Lake(Box::new(error)));
                            progress.message(&failure.to_string());
                            failures.push(failure);
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }
    Ok(outcomes)
}

/// Whether the lake objects to the rows, and not to the disk.
fn is_refusal(error: &MarketError) -> bool {
    matches!(error, MarketError::Conflict { .. } | MarketError::BadName { .. })
}

fn note_all(files: &[(&Input, Vec<Decoded>)], summary: &mut Summary) {
    for (input, decoded) in files {
        for part in decoded {
            let incoming = &part.incoming;
            summary.rows += incoming.table.len();
            let mut messages = part.assumptions.clone();
            if incoming.duplicates > 0 {
                messages.push(format!("{} repeated rows dropped", incoming.duplicates));
            }
            for note in incoming.repairs.iter().chain(&incoming.flags) {
                let first = note.first.map(|time| format!(", first at {time}"));
                let first = first.unwrap_or_default();
                messages.push(format!("{} ({}{first})", note.message, note.count));
            }
            let file = || input.name.clone();
            summary
                .notes
                .extend(messages.into_iter().map(|message| FileNote { file: file(), message }));
        }
    }
}

fn add(sum: &mut MergeOutcome, more: MergeOutcome) {
    sum.rows_added += more.rows_added;
    sum.rows_known += more.rows_known;
    sum.rows_replaced += more.rows_replaced;
    sum.months_written.extend(more.months_written);
    sum.months_written.sort();
    sum.months_written.dedup();
    sum.changed.extend(more.changed);
    sum.changed.sort();
    sum.changed.dedup();
    sum.completed_bars.extend(more.completed_bars);
}

fn failure(input: &Input, problem: Problem) -> FileFailure {
    FileFailure {
        file: input.path.display().to_string(),
        place: Place::File,
        series: None,
        problem,
    }
}
