//! What can go wrong with a signal, with the place and the values.

use std::fmt;
use std::path::PathBuf;

use plimsoll_market::Timestamp;

/// One thing wrong in a strategy's `[features]`, `[signal]` or `[stop]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecProblem {
    /// Keys from the top of the strategy file, joined by dots: `features.upper.bars`.
    pub path: String,
    /// What is wrong, with the value.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl SpecProblem {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// An error of evaluating a signal or of reading one from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The strategy's tables break rules; every one is listed.
    #[error("{}", join(problems))]
    InvalidSpec {
        /// All problems: of features, of rules, of stops, and of intervals beside the bar.
        problems: Vec<SpecProblem>,
    },
    /// The long and the short rule are true at the same close.
    #[error(
        "{symbol} at the close of {time}: `long` ({long}) and `short` ({short}) are both true; \
         add to one rule what excludes the other"
    )]
    BothSides {
        /// Symbol.
        symbol: String,
        /// The instant at which the bar closes.
        time: Timestamp,
        /// Text of the long rule.
        long: String,
        /// Text of the short rule.
        short: String,
    },
    /// A market column has another length than the market's grid.
    #[error("{symbol}: column `{column}` has {len} values where the market has {n_bars} bars")]
    ColumnLength {
        /// Symbol.
        symbol: String,
        /// Column.
        column: &'static str,
        /// Values it has.
        len: usize,
        /// Bars of the market.
        n_bars: usize,
    },
    /// The column engine failed on a checked expression.
    #[error("{symbol}: the features and rules could not be evaluated: {message}")]
    Evaluation {
        /// Symbol.
        symbol: String,
        /// What polars said.
        message: String,
    },
    /// A signal row breaks a rule of the row's values or of the rows' order.
    #[error("signal row {row} ({symbol} at {time}): `{column}` is {value}: {rule}")]
    BadRow {
        /// Index of the row, from 0.
        row: usize,
        /// Symbol of the row.
        symbol: String,
        /// Time of the row.
        time: Timestamp,
        /// Column.
        column: &'static str,
        /// The value.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// No signal row is about any of the market's symbols.
    #[error("no signal row names a symbol of the study ({}); the rows name {}", symbols.join(", "), found.join(", "))]
    NoRow {
        /// Symbols of the market.
        symbols: Vec<String>,
        /// Symbols named by the rows, at most ten.
        found: Vec<String>,
    },
    /// A signal file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A signal file as a whole is not of the expected form.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A value in a signal file breaks a rule.
    #[error("{}:{line}: `{column}` is `{value}`; {rule}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Line of a CSV file (the header is line 1), row of a Parquet file (from 1).
        line: u64,
        /// Column.
        column: &'static str,
        /// The value as it stands.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
}

fn join(problems: &[SpecProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
