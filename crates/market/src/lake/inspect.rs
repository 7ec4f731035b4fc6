//! Looking at a lake that other hands may have been in: files as they stand, files that do not
//! belong, and every gap.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::coverage::{self, bar_gap, funding_gap};
use super::receipt::Receipt;
use super::series::Series;
use super::{Lake, Month, file, key_times};
use crate::error::MarketError;
use crate::table::{Column, Kind, Table};
use crate::time::{Interval, Timestamp};

/// Bars or settlements that are missing between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first that is missing.
    pub from: Timestamp,
    /// The next one that is there.
    pub to: Timestamp,
    /// How many are missing.
    pub missing: usize,
}

/// A month file as it stands, whether or not its rows are in order and its receipt is right.
#[derive(Clone, Debug)]
pub struct MonthFile {
    /// The rows, in the order of the file.
    pub rows: Table,
    /// The receipt, or why there is none to be read.
    pub receipt: Result<Receipt, String>,
}

impl Lake {
    /// Every gap of a series, in order of time, those between months included; kinds without a
    /// rhythm have none. The counts are those of [`Lake::gaps`].
    ///
    /// # Errors
    /// A file that cannot be read or is not what the lake writes.
    pub fn gap_list(&self, series: &Series) -> Result<Vec<Gap>, MarketError> {
        let mut gaps = Vec::new();
        let mut previous = None;
        for (_, path) in self.months(series)? {
            let (table, _) = file::read(&path, series.kind)?;
            gaps.extend(gaps_in(&table, series.interval, previous));
            previous = key_times(&table).last().copied().map(Timestamp).or(previous);
        }
        Ok(gaps)
    }

    /// Reads a month file as it stands: rows that are not sorted or not unique, and a receipt
    /// that is missing or does not fit, are for the caller to find.
    ///
    /// # Errors
    /// A file that is no Parquet file of the kind's columns.
    pub fn read_as_it_stands(path: &Path, kind: Kind) -> Result<MonthFile, MarketError> {
        let (rows, receipt) = file::read_as_it_stands(path, kind)?;
        Ok(MonthFile { rows, receipt: receipt.map_err(|error| error.to_string()) })
    }

    /// The names of the columns that a month file has, whatever its kind should have.
    ///
    /// # Errors
    /// A file that is no Parquet file.
    pub fn column_names(path: &Path) -> Result<Vec<String>, MarketError> {
        file::column_names(path)
    }

    /// Files below the lake's folder that the lake does not know: files of other names, months
    /// that do not exist, what an interrupted writer left. Nothing reads them. The lock and the
    /// ingestion's record of the archives that it has seen are the lake's own.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn strays(&self) -> Result<Vec<PathBuf>, MarketError> {
        let mut known = Vec::new();
        for series in self.series()? {
            known.extend(self.months(&series)?.into_iter().map(|(_, path)| path));
        }
        known.sort();
        let mut strays = Vec::new();
        walk(self.root(), &mut strays)?;
        // The lock, and what ingestion keeps for itself, lie hidden at the root.
        let is_hidden = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.parent() == Some(self.root()) && name.starts_with('.')
        };
        strays.retain(|path| known.binary_search(path).is_err() && !is_hidden(path));
        strays.sort();
        Ok(strays)
    }
}

/// The gaps between the rows of a table, which are sorted, and before its first row where the
/// time of the row `previous` to it is known. Kinds without a rhythm have none.
pub fn gaps_in(table: &Table, interval: Option<Interval>, previous: Option<Timestamp>) -> Vec<Gap> {
    let times = key_times(table);
    let minutes = match table.column("interval_minutes") {
        Some(Column::I32(minutes)) if table.kind() == Kind::Funding => Some(minutes),
        _ => None,
    };
    let mut before = previous.map(|time| time.0);
    let mut gaps = Vec::new();
    for (row, &time) in times.iter().enumerate() {
        let gap = before.and_then(|before| match (interval, minutes) {
            (Some(interval), _) => bar_gap(interval, before, time),
            (None, Some(minutes)) => funding_gap(minutes[row], before, time),
            (None, None) => None,
        });
        gaps.extend(gap.map(|(from, missing)| Gap { from, to: Timestamp(time), missing }));
        before = Some(time);
    }
    gaps
}

/// The periods in which funding is known, half-open: runs of settlements at most 1.5 intervals
/// apart, each to the settlement due after its last.
pub fn funding_coverage(table: &Table) -> Vec<(Timestamp, Timestamp)> {
    coverage::of_funding(table)
}

/// The periods that receipts account for, half-open, as [`Lake::coverage`] gives them for every
/// kind but funding.
pub fn receipt_coverage(series: &Series, receipts: &[Receipt]) -> Vec<(Timestamp, Timestamp)> {
    coverage::of_receipts(series, receipts)
}

/// The rows of a month file that a well-kept lake would hold: in order of time, the first of
/// those that share a time where a time can stand only once.
#[must_use]
pub fn in_order(table: Table) -> Table {
    let times = key_times(&table);
    let unique = table.kind().has_unique_time();
    if times.is_sorted_by(|a, b| if unique { a < b } else { a <= b }) {
        return table;
    }
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by_key(|&row| times[row]);
    if unique {
        rows.dedup_by_key(|row| times[*row]);
    }
    table.gather(&rows)
}

impl Month {
    /// The months strictly between this one and a later one.
    pub fn between(self, later: Self) -> Vec<Self> {
        let mut months = Vec::new();
        let mut month = self.next();
        while month < later {
            months.push(month);
            month = month.next();
        }
        months
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), MarketError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(MarketError::io(folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(MarketError::io(folder))?;
        let is_folder = entry.file_type().map_err(MarketError::io(folder))?.is_dir();
        if is_folder {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}
