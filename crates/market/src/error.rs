//! What can go wrong with market data, with the place and the values.

use std::path::{Path, PathBuf};

use crate::table::Kind;
use crate::time::{Interval, Timestamp};

/// An error of the lake, of loading, or of a value's text form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MarketError {
    /// A text that is no instant.
    #[error("`{text}` is not a time; write 2025-10-10 or 2025-10-10T21:00:00Z (UTC)")]
    BadTime {
        /// The text as given.
        text: String,
    },
    /// A text that is no bar length.
    #[error("`{text}` is not an interval; write a count and a unit, as in 1m, 15m, 1h, 8h, 1d, 1w")]
    BadInterval {
        /// The text as given.
        text: String,
    },
    /// A text that names no record kind.
    #[error("`{text}` is not a kind of record; the kinds are {}", Kind::names())]
    BadKind {
        /// The text as given.
        text: String,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A Parquet file of the lake could not be decoded or does not have the lake's schema.
    #[error("{}: {reason}", path.display())]
    BadLakeFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Two sources disagree about the same row.
    #[error(
        "{}: {count} row(s) differ from what the lake holds, first at {first}: `{column}` is {new} in {source_name}, {old} in the lake",
        path.display()
    )]
    Conflict {
        /// The lake file.
        path: PathBuf,
        /// The archive that disagrees.
        source_name: String,
        /// How many rows disagree.
        count: usize,
        /// Time of the first of them.
        first: Timestamp,
        /// The first column that differs there.
        column: &'static str,
        /// The lake's value.
        old: Box<str>,
        /// The archive's value.
        new: Box<str>,
    },
    /// A venue, symbol or interval that the lake has no folder for.
    #[error("{what} `{name}` cannot be stored: {rule}")]
    BadName {
        /// `venue`, `symbol` or `interval`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Somebody else is writing to the lake.
    #[error("{}: another process is writing to this lake; try again when it has finished", path.display())]
    Locked {
        /// The lake's lock file.
        path: PathBuf,
    },
    /// The lake holds no such data for the period asked for.
    #[error(
        "no {kind} of {venue} {symbol}{} between {from} and {to} in the lake at {}{}",
        interval.map(|i| format!(" at {i}")).unwrap_or_default(),
        lake.display(),
        have.as_ref().map(|h| format!("; it holds {h}")).unwrap_or_default()
    )]
    NoData {
        /// Where the lake is.
        lake: Box<Path>,
        /// Kind of record.
        kind: Kind,
        /// Venue asked for.
        venue: String,
        /// Symbol asked for.
        symbol: String,
        /// Bar length asked for.
        interval: Option<Interval>,
        /// Start of the period, inclusive.
        from: Timestamp,
        /// End of the period, exclusive.
        to: Timestamp,
        /// What the lake holds of it instead, if anything.
        have: Option<Box<str>>,
    },
    /// A reference venue does not name one symbol for each of the study's.
    #[error(
        "{venue} as a reference names {have} symbol(s) for {need}; name one for each, in their order"
    )]
    ReferenceSymbols {
        /// The reference venue.
        venue: String,
        /// Symbols named.
        have: usize,
        /// Symbols asked for.
        need: usize,
    },
    /// A loaded column breaks a rule that ingestion guarantees.
    #[error("{symbol} at {time}: `{column}` is {value}, which breaks the rule: {rule}")]
    BrokenRule {
        /// Symbol.
        symbol: String,
        /// Time of the row.
        time: Timestamp,
        /// Column.
        column: &'static str,
        /// The value.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
}

impl MarketError {
    /// Attaches a path to an operating-system error.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
