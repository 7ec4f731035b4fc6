//! Archives that come again: read another way, or with other bytes under the same name.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::receipt::SourceReceipt;
use crate::table::{Column, Kind, Table};
use crate::time::Timestamp;

/// Digest of what a decoder made of an archive in one month: the rows and all that its receipt
/// says of them. The same bytes under other settings give another.
pub(super) fn reading(table: &Table, source: &SourceReceipt) -> String {
    let mut hasher = Sha256::new();
    let mut bytes = Vec::new();
    for column in table.columns() {
        bytes.clear();
        match column {
            Column::Time(values) => values.iter().for_each(|v| bytes.extend(v.to_le_bytes())),
            Column::F64(values) => values.iter().for_each(|v| bytes.extend(v.to_le_bytes())),
            Column::I32(values) => values.iter().for_each(|v| bytes.extend(v.to_le_bytes())),
            // Of what may be absent: first which values are there, then those.
            Column::F64OrNull(values) => {
                bytes.extend(values.iter().map(|v| u8::from(v.is_some())));
                values.iter().flatten().for_each(|v| bytes.extend(v.to_le_bytes()));
            }
            Column::I64OrNull(values) => {
                bytes.extend(values.iter().map(|v| u8::from(v.is_some())));
                values.iter().flatten().for_each(|v| bytes.extend(v.to_le_bytes()));
            }
            Column::Text(values) => values.iter().for_each(|v| {
                bytes.extend((v.len() as u64).to_le_bytes());
                bytes.extend(v.as_bytes());
            }),
        }
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    let SourceReceipt { covered, maybe_forming, derived, duplicates, repairs, flags, .. } = source;
    // Debug output of these is as good as any encoding: it is compared, never read.
    let said = format!("{covered:?}{maybe_forming:?}{derived:?}{duplicates}{repairs:?}{flags:?}");
    hasher.update(said);
    let mut hex = String::with_capacity(32);
    for byte in &hasher.finalize()[..16] {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Whether two archives are the same bytes about the same time, read in the same way.
pub(super) fn is_same_reading(a: &SourceReceipt, b: &SourceReceipt) -> bool {
    is_same_archive(a, b) && a.decoder == b.decoder && a.reading == b.reading
}

/// Whether two archives are the same bytes, however they were read. Files of quiet days are all
/// alike and not the same.
pub(super) fn is_same_archive(a: &SourceReceipt, b: &SourceReceipt) -> bool {
    let has_rows = a.rows + b.rows > 0;
    a.sha256 == b.sha256 && (a.covered == b.covered || has_rows && a.name == b.name)
}

/// Whether an archive spans all that another did in this month.
pub(super) fn spans_all_of(new: &SourceReceipt, old: &SourceReceipt) -> bool {
    let rows = old.rows == 0
        || new.rows > 0 && new.first <= old.first && old.last <= new.last && new.rows >= old.rows;
    let time = old
        .covered
        .iter()
        .all(|&(from, to)| new.covered.iter().any(|&(start, end)| start <= from && to <= end));
    rows && time
}

/// The time for which an archive answers against what the lake has from an earlier version of
/// it: a row of the lake in it that the archive does not have is a difference.
pub(super) struct Answers {
    /// Half-open.
    periods: Vec<(i64, i64)>,
    /// Rows in these may be from somebody else.
    others: Vec<(i64, i64)>,
}

impl Answers {
    /// The same bytes read in another way answer for all rows that the earlier reading gave.
    /// Other bytes under the same name answer only for liquidations, of which two versions would
    /// count double, and only where both account for the time.
    pub(super) fn of(new: &SourceReceipt, sources: &[SourceReceipt], kind: Kind) -> Self {
        let mut answers = Self { periods: Vec::new(), others: Vec::new() };
        for known in sources.iter().filter(|known| !is_same_reading(known, new)) {
            let Some(rows) = rows_of(known) else { continue };
            if is_same_archive(known, new) {
                answers.periods.push(rows);
            } else if known.name == new.name && !kind.has_unique_time() {
                let time = new.covered.iter().map(|&(from, to)| (from.0, to.0));
                let shared = time
                    .chain(rows_of(new))
                    .map(|(from, to)| (from.max(rows.0), to.min(rows.1)))
                    .filter(|(from, to)| from < to);
                answers.periods.extend(shared);
            } else {
                answers.others.push(rows);
            }
        }
        answers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.periods.is_empty()
    }

    /// Whether an earlier version had its say about this time.
    pub(super) fn include(&self, time: i64) -> bool {
        is_in(&self.periods, time)
    }

    /// Whether a row of the lake at this time can only be from an earlier version.
    pub(super) fn withdraw(&self, time: i64) -> bool {
        self.include(time) && !is_in(&self.others, time)
    }
}

fn rows_of(source: &SourceReceipt) -> Option<(i64, i64)> {
    match (source.first, source.last) {
        (Some(Timestamp(first)), Some(Timestamp(last))) => Some((first, last + 1)),
        _ => None,
    }
}

fn is_in(periods: &[(i64, i64)], time: i64) -> bool {
    periods.iter().any(|&(from, to)| from <= time && time < to)
}
