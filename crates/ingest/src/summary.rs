//! What a run did.

use plimsoll_market::{MergeOutcome, Series, Timestamp};

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
    /// The rule that it is about; `None` for an assumption.
    pub rule: Option<String>,
    /// One sentence.
    pub message: String,
}
