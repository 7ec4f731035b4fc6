//! What can be wrong with an archive, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use plimsoll_market::{Interval, MarketError, Timestamp};

use crate::policy::{Policy, Rule};
use crate::summary::Summary;

/// Why a run of [`ingest`](crate::ingest) did not go through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Nothing to read at the paths given.
    #[error("no csv, zip, gz, zst, feather or parquet file at {}", list(paths))]
    NoFiles {
        /// The paths as given.
        paths: Vec<PathBuf>,
    },
    /// A file or folder could not be listed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The lake could not be written.
    #[error(transparent)]
    Lake(#[from] MarketError),
    /// Some files were refused. Nothing of them is in the lake; all others are.
    #[error("{} of {} files refused, first {}", failures.len(), summary.files, first(failures))]
    BadFiles {
        /// Every refused file.
        failures: Vec<FileFailure>,
        /// What was done with the others.
        summary: Box<Summary>,
    },
}

/// One refused file, or one refused series of it. Prints as `file:line: problem`.
#[derive(Debug, thiserror::Error)]
#[error("{file}{place}: {}{problem}", series.as_ref().map(|s| format!("{s}: ")).unwrap_or_default())]
pub struct FileFailure {
    /// The file, as the user named it.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// The series that is refused, where the file holds others; as `lighter DOGE funding`.
    pub series: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl FileFailure {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of text, from 1.
    Line(usize),
    /// A row of a column file, from 1.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, ":{line}"),
            Self::Row(row) => write!(f, ": row {row}"),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It ends too early or its compression is damaged.
    #[error("damaged or cut off: {reason}")]
    Damaged {
        /// What the decompressor said.
        reason: String,
    },
    /// It is not the file that its `.CHECKSUM` file describes.
    #[error("its SHA-256 is {actual}, the checksum file says {expected}")]
    Checksum {
        /// As the checksum file says.
        expected: String,
        /// As computed.
        actual: String,
    },
    /// Larger, or of a larger part, than the settings allow.
    #[error("{found} {what}, where at most {limit} are allowed")]
    TooLarge {
        /// What is counted, as `rows declared`.
        what: &'static str,
        /// How many there are; at least so many where counting stopped.
        found: u64,
        /// How many there may be.
        limit: u64,
        /// Field of [`Limits`](crate::Limits).
        setting: &'static str,
    },
    /// A zip entry that no honest archive has.
    #[error("its entry `{name}` {why}")]
    UnsafeEntry {
        /// Name of the entry.
        name: String,
        /// As in `is a link`.
        why: &'static str,
    },
    /// Text in another encoding than UTF-8.
    #[error("is {found} where UTF-8 is expected")]
    Encoding {
        /// The encoding found.
        found: &'static str,
    },
    /// A pipe, a device, a folder.
    #[error("is {what}, no regular file")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// A zip archive must hold one CSV file.
    #[error("holds {count} CSV files where one is expected")]
    ZipEntries {
        /// How many it holds.
        count: usize,
    },
    /// Neither name nor columns tell what it is.
    #[error("cannot tell what this is: {reason}")]
    NotRecognised {
        /// What was looked for.
        reason: String,
    },
    /// It is read and understood, and holds nothing that the lake could.
    #[error("holds nothing for the lake: {reason}")]
    NothingForTheLake {
        /// Why.
        reason: String,
    },
    /// It is plain what it is, but it cannot be read as it stands.
    #[error("{reason}")]
    NotAsItStands {
        /// Why.
        reason: String,
        /// What the user can do about it.
        mend: &'static str,
    },
    /// The format is known, but cannot be taken in.
    #[error("{what} cannot be ingested")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// Something that neither name nor rows tell.
    #[error("its {what} is told neither by its name nor by its rows")]
    Unknown {
        /// `kind`, `venue`, `symbol`, `interval` or `liquidation unit`.
        what: &'static str,
    },
    /// A column that the kind of record needs is missing.
    #[error("no column for `{column}` among {have}")]
    MissingColumn {
        /// The column.
        column: &'static str,
        /// The columns there are.
        have: String,
    },
    /// No row at all.
    #[error("has no rows")]
    Empty,
    /// A row of another length than the first.
    #[error("{found} fields where {expected} are expected")]
    Fields {
        /// Fields of the first row.
        expected: usize,
        /// Fields of this one.
        found: usize,
    },
    /// A field that is no number.
    #[error("`{column}` is `{value}`, which is not a number")]
    NotANumber {
        /// The column.
        column: String,
        /// The text.
        value: String,
    },
    /// A field that is no time.
    #[error("`{column}` is `{value}`, which is not a time")]
    NotATime {
        /// The column.
        column: String,
        /// The text.
        value: String,
    },
    /// A time that no market can have.
    #[error("the time {time_ms} ms is not between 1970 and 2200")]
    TimeOutOfRange {
        /// Milliseconds since 1970.
        time_ms: i64,
    },
    /// Seconds, milliseconds and microseconds in one column.
    #[error("`{column}` is {value} in {unit}, while the rows before are in {expected}")]
    MixedTimeUnits {
        /// The column.
        column: String,
        /// The value.
        value: i64,
        /// Its unit, from its size.
        unit: &'static str,
        /// The unit of the first row.
        expected: &'static str,
    },
    /// A value that breaks a rule of its own.
    #[error("`{column}` {value} {rule}")]
    BadValue {
        /// The column.
        column: &'static str,
        /// The value.
        value: f64,
        /// The rule, as in `is not positive`.
        rule: &'static str,
    },
    /// Two values of a row that contradict each other.
    #[error("`{column}` {value} is {relation} `{other}` {other_value}")]
    Contradiction {
        /// The first column.
        column: &'static str,
        /// Its value.
        value: f64,
        /// `below` or `above`.
        relation: &'static str,
        /// The second column.
        other: &'static str,
        /// Its value.
        other_value: f64,
    },
    /// A bar that does not open where its interval says.
    #[error("{time} is not the open time of a {interval} bar")]
    OffGrid {
        /// The time.
        time: Timestamp,
        /// The interval.
        interval: Interval,
    },
    /// Rows that are further apart than the interval named.
    #[error("its rows are {spacing} apart, though the interval is said to be {interval}")]
    OtherSpacing {
        /// The most frequent spacing.
        spacing: Interval,
        /// The interval by name or option.
        interval: Interval,
    },
    /// A bar, not the last, that closes before its interval ends.
    #[error("the bar of {time} closes at {close}, before its {interval} are over")]
    ClosesEarly {
        /// Open time.
        time: Timestamp,
        /// Close time.
        close: Timestamp,
        /// The interval.
        interval: Interval,
    },
    /// Two rows of one time that differ.
    #[error("a second row of {time} has `{column}` {second}, the first has {first}")]
    Repeated {
        /// The time.
        time: Timestamp,
        /// The first column that differs.
        column: &'static str,
        /// Value of the first row.
        first: String,
        /// Value of the second row.
        second: String,
    },
    /// Funding rates that look like percentages.
    #[error(
        "`rate` {rate} is {percent} % of the notional per interval, and {count} of {rows} rates are above 5 %: these look like percentages, not fractions"
    )]
    PercentRates {
        /// The first such rate.
        rate: f64,
        /// The same as a percentage.
        percent: f64,
        /// How many rates are above 5 %.
        count: usize,
        /// How many rates there are.
        rows: usize,
    },
    /// Funding rates that are about a hundred times those of the same coin at other venues.
    #[error(
        "rates are {ratio:.0} times those of {coin} at {others} (median {median_bps:.3} bps an hour beside {others_bps:.4}): these look like percentages, not fractions"
    )]
    PercentBesideOthers {
        /// The coin, as the file spells it.
        coin: Box<str>,
        /// The other venues of the file.
        others: Box<str>,
        /// How many times as large.
        ratio: f64,
        /// Median of the absolute rate an hour in basis points.
        median_bps: f64,
        /// The same at the others.
        others_bps: f64,
    },
    /// What a server answers when it has no data.
    #[error("is no data but the answer of a server: {message}")]
    ErrorDocument {
        /// Its code and message.
        message: String,
    },
    /// A word that is not one of those expected.
    #[error("`{column}` is `{value}`; expected {expected}")]
    BadWord {
        /// The column.
        column: &'static str,
        /// The word.
        value: String,
        /// The words there may be.
        expected: &'static str,
    },
    /// A rule that is broken, where no other problem says it better.
    #[error("{what}")]
    Broken {
        /// The rule.
        rule: Rule,
        /// What breaks it, with its values.
        what: String,
    },
    /// The lake refuses it.
    #[error("{0}")]
    Lake(Box<MarketError>),
}

impl Problem {
    /// What the user can do about it. Where a rule is broken that has other policies, that is
    /// offered too.
    pub fn hint(&self) -> Option<String> {
        let mend = self.mend()?;
        let softer = self.rule().and_then(|rule| {
            let about = rule.about();
            let allowed = |policy: Policy| about.allowed.contains(&policy);
            let policy = |policy: Policy| format!("--policy {rule}={policy}");
            if allowed(Policy::Repair) {
                Some(format!("{}: {}", policy(Policy::Repair), about.repair))
            } else {
                allowed(Policy::Flag).then(|| format!("{} takes it as it is", policy(Policy::Flag)))
            }
        });
        Some(match softer {
            Some(softer) => format!("{mend}; or {softer}"),
            None => mend,
        })
    }

    /// The rule that is broken, where a setting could change what is done about it.
    pub fn rule(&self) -> Option<Rule> {
        let rule = match self {
            Self::Broken { rule, .. } => *rule,
            Self::Contradiction { .. } => Rule::OhlcOrder,
            Self::OffGrid { .. } => Rule::OffGrid,
            Self::ClosesEarly { .. } => Rule::ClosesEarly,
            Self::Repeated { .. } => Rule::RepeatedRowDiffers,
            Self::PercentRates { .. } | Self::PercentBesideOthers { .. } => Rule::PercentRate,
            Self::BadWord { column: "side" | "liquidated_side", .. } => Rule::UnknownSide,
            Self::BadValue { column, .. } => match *column {
                "open" | "high" | "low" | "close" | "price" | "mark_price" => {
                    Rule::PriceNotPositive
                }
                "volume"
                | "quote_volume"
                | "trades"
                | "taker_buy_volume"
                | "quantity"
                | "notional"
                | "long_quantity"
                | "short_quantity"
                | "long_notional"
                | "short_notional"
                | "count"
                | "open_interest"
                | "open_interest_value" => Rule::InvalidVolume,
                _ => return None,
            },
            _ => return None,
        };
        Some(rule)
    }

    fn mend(&self) -> Option<String> {
        let text = match self {
            Self::Io(_) | Self::Empty | Self::NotAFile { .. } => return None,
            Self::TooLarge { setting, .. } => {
                return Some(format!(
                    "leave the file out; if it is to be trusted, raise `{setting}` of the settings' [limits]"
                ));
            }
            Self::UnsafeEntry { .. } => "do not trust this file; fetch it from the venue itself",
            Self::Encoding { .. } => "save it as UTF-8",
            Self::Damaged { .. } | Self::Checksum { .. } => "fetch the file again",
            Self::ZipEntries { .. } => "unpack it and ingest the files one by one",
            Self::NotRecognised { .. } => {
                "name the columns in a header and pass --source generic with --kind, --venue, --symbol and --interval"
            }
            Self::NotAsItStands { mend, .. } => mend,
            Self::Broken { rule: Rule::UnknownSide, .. } => {
                "name the column `liquidated_side`, and write long or short in it"
            }
            Self::Unsupported { .. } | Self::NothingForTheLake { .. } => "leave the file out",
            Self::Unknown { what } => {
                return Some(format!("pass --{}", what.replace(' ', "-")));
            }
            Self::ErrorDocument { .. } => "ask the server again",
            Self::MissingColumn { .. } => "add the column to the header, or pass another --kind",
            Self::MixedTimeUnits { .. } => "bring all times to milliseconds",
            Self::OffGrid { .. } | Self::OtherSpacing { .. } => {
                "pass the --interval that the rows have; times are the bars' open times in UTC"
            }
            Self::Repeated { .. } => "keep the row that is right",
            Self::PercentRates { .. } | Self::PercentBesideOthers { .. } => {
                "divide the rates by 100"
            }
            Self::Lake(error) => match error.as_ref() {
                MarketError::Conflict { .. } => {
                    "find out which source is right; --replace lets this one win"
                }
                _ => return None,
            },
            _ => "fetch the file again, or mend the row",
        };
        Some(text.to_owned())
    }
}

/// A problem and the row (from 0) that has it, before the row's place in the file is known.
#[derive(Debug)]
pub(crate) struct RowProblem {
    pub(crate) row: Option<usize>,
    pub(crate) problem: Problem,
}

impl RowProblem {
    pub(crate) fn at(row: usize, problem: Problem) -> Self {
        Self { row: Some(row), problem }
    }

    /// The same, with so many rows before.
    pub(crate) fn after(self, rows: usize) -> Self {
        Self { row: self.row.map(|row| row + rows), problem: self.problem }
    }
}

impl From<Problem> for RowProblem {
    fn from(problem: Problem) -> Self {
        Self { row: None, problem }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn first(failures: &[FileFailure]) -> String {
    failures.first().map(ToString::to_string).unwrap_or_default()
}
