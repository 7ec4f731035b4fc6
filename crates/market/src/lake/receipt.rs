//! What a month file says about where its rows come from.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The account of one month file: where its rows come from and what is known to be wrong or
/// missing. It is stored inside the file, so data and receipt are written in one step.
///
/// Nothing in it depends on when, where or by whom the file was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of the lake's file format.
    pub format: u32,
    /// The month, as `2024-12`.
    pub month: String,
    /// Number of rows.
    pub rows: usize,
    /// Time of the first row (funding: its settlement time).
    pub first: Option<Timestamp>,
    /// Time of the last row (funding: its settlement time).
    pub last: Option<Timestamp>,
    /// Bars or settlements missing between first and last.
    pub gaps: Gaps,
    /// Rows whose derivable column was derived and not recorded: `quote_volume` of candles,
    /// `interval_minutes` of funding. Spans of consecutive rows, both ends inclusive.
    pub derived: Vec<(Timestamp, Timestamp)>,
    /// Every archive that delivered rows of this month or covers part of it, by name.
    pub sources: Vec<SourceReceipt>,
    /// Still-forming bars that a later archive completed.
    pub completed_bars: Vec<Timestamp>,
}

/// One archive's part in a month file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceReceipt {
    /// Path of the archive, relative to what the user named.
    pub name: String,
    /// SHA-256 of the archive's bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The decoder and its version, as `binance-klines/1`.
    pub decoder: String,
    /// Digest of what was decoded for this month: rows and notes. It tells one reading of the same
    /// bytes from another, under other settings. Empty in files of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reading: String,
    /// Rows of this month that it delivered.
    pub rows: usize,
    /// Time of the first of them.
    pub first: Option<Timestamp>,
    /// Time of the last of them.
    pub last: Option<Timestamp>,
    /// Periods of this month that the archive accounts for, half-open, whether or not anything
    /// happened in them.
    pub covered: Vec<(Timestamp, Timestamp)>,
    /// Time of the archive's last bar, where that bar may have been still forming.
    pub maybe_forming: Option<Timestamp>,
    /// Columns that were derived, not recorded.
    pub derived: Vec<String>,
    /// Equal rows that occurred more than once, each counted after its first.
    pub duplicates: usize,
    /// What was mended on the way in.
    pub repairs: Vec<Note>,
    /// What a reader should know.
    pub flags: Vec<Note>,
}

/// Something that was mended or noticed in an archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Short stable name: `sorted`, `zero_open_interest`, `odd_row_count`, ...
    pub name: String,
    /// How many rows it is about, in the whole archive.
    pub count: usize,
    /// Time of the first of them.
    pub first: Option<Timestamp>,
    /// One sentence.
    pub message: String,
    /// The first case in the file's own values, where it can be shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub example: String,
}

/// Missing bars or settlements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Number of gaps.
    pub count: usize,
    /// Bars or settlements missing in all of them.
    pub missing: usize,
    /// Start of the first: the first bar or settlement that is missing.
    pub first: Option<Timestamp>,
}

impl Gaps {
    /// Adds a gap that starts at `first`; gaps are added in time order.
    pub fn add(&mut self, first: Timestamp, missing: usize) {
        self.count += 1;
        self.missing += missing;
        self.first = self.first.or(Some(first));
    }

    /// Adds the gaps of a later stretch.
    pub fn extend(&mut self, later: Self) {
        self.count += later.count;
        self.missing += later.missing;
        self.first = self.first.or(later.first);
    }
}

impl Receipt {
    /// Whether the derivable column of the row at `time` was derived.
    pub fn is_derived(&self, time: Timestamp) -> bool {
        let after = self.derived.partition_point(|&(first, _)| first <= time);
        after > 0 && time <= self.derived[after - 1].1
    }
}
