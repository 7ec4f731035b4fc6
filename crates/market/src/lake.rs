//! The lake: checked market history in Parquet files, one a month, each with its receipt.
//!
//! ```text
//! <data>/lake/<kind>/venue=<venue>/symbol=<symbol>/[interval=<i>/]year=<yyyy>/month=<mm>.parquet
//! ```
//!
//! A Hive-partitioned set, so DuckDB, polars and Spark read it as it is. Rows are sorted and
//! unique. [`Lake::read`] gives rows, [`Lake::coverage`] tells which time is known at all, and
//! [`LakeWriter::merge`] is the only way in.

mod coverage;
mod file;
mod inspect;
mod merge;
mod receipt;
mod rows;
mod series;
#[cfg(test)]
mod tests;
mod versions;
mod writer;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use file::RECEIPT_KEY;
pub use inspect::{Gap, MonthFile, funding_coverage, gaps_in, in_order, receipt_coverage};
pub use receipt::{Gaps, Note, Receipt, SourceReceipt};
pub use series::{Month, Series};
pub use writer::{ChangedSource, Incoming, LakeWriter, MergeOptions, MergeOutcome, Source};

use crate::error::MarketError;
use crate::table::{Column, Kind, Table};
use crate::time::Timestamp;

/// Market history on disk. Opening it touches nothing; a lake that is not there yet is empty.
#[derive(Clone, Debug)]
pub struct Lake {
    root: PathBuf,
}

impl Lake {
    /// The lake of a data folder: `<data_dir>/lake`.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self { root: data_dir.as_ref().join("lake") }
    }

    /// Folder that holds every file of the lake.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Rows of a series with `from <= time < to`, sorted. The time is the first column; funding
    /// is chosen by `settlement_time`. No rows, or no such series: an empty table.
    ///
    /// # Errors
    /// A file that cannot be read or is not what the lake writes.
    pub fn read(
        &self,
        series: &Series,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Table, MarketError> {
        let months = self.months(series)?;
        let wanted: Vec<_> =
            months.into_iter().filter(|(m, _)| m.start() < to && m.end() > from).collect();
        let parts: Result<Vec<Table>, MarketError> = wanted
            .par_iter()
            .map(|(month, path)| {
                let (table, _) = file::read(path, series.kind)?;
                let whole = from <= month.start() && month.end() <= to;
                Ok(if whole { table } else { within(&table, from, to) })
            })
            .collect();
        let mut table = Table::empty(series.kind);
        for part in parts? {
            table.append(part);
        }
        Ok(table)
    }

    /// Every series of the lake, sorted.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn series(&self) -> Result<Vec<Series>, MarketError> {
        series::all_series(&self.root)
    }

    /// The month files of a series, oldest first.
    ///
    /// # Errors
    /// A folder that cannot be listed, or a series that cannot be a folder.
    pub fn months(&self, series: &Series) -> Result<Vec<(Month, PathBuf)>, MarketError> {
        series::month_files(&self.root.join(series.folder()?))
    }

    /// The receipts of a series, oldest month first.
    ///
    /// # Errors
    /// A file that cannot be read or has no receipt.
    pub fn receipts(&self, series: &Series) -> Result<Vec<Receipt>, MarketError> {
        self.months(series)?.iter().map(|(_, path)| file::read_receipt(path)).collect()
    }

    /// The receipt of one month, if the series has that month.
    ///
    /// # Errors
    /// A file that cannot be read or has no receipt, or a series that cannot be a folder.
    pub fn receipt(&self, series: &Series, month: Month) -> Result<Option<Receipt>, MarketError> {
        let path = self.root.join(series.folder()?).join(month.file());
        if path.exists() { file::read_receipt(&path).map(Some) } else { Ok(None) }
    }

    /// The periods in which the series is known, half-open, merged and in order. Outside them
    /// nothing is known: an absent row there does not mean that nothing happened.
    ///
    /// Bars: from an archive's first bar to the end of its last; bars missing in between are in
    /// [`Receipt::gaps`]. Liquidations and open interest: what the archives account for, quiet
    /// days included. Funding: runs of settlements at most 1.5 intervals apart.
    ///
    /// # Errors
    /// A file that cannot be read or is not what the lake writes.
    pub fn coverage(&self, series: &Series) -> Result<Vec<(Timestamp, Timestamp)>, MarketError> {
        if series.kind == Kind::Funding {
            let table = self.read(series, Timestamp(i64::MIN), Timestamp(i64::MAX))?;
            return Ok(coverage::of_funding(&table));
        }
        Ok(coverage::of_receipts(series, &self.receipts(series)?))
    }

    /// Missing bars or settlements of the whole series, those between months included. Kinds
    /// without a rhythm have none.
    ///
    /// # Errors
    /// A file that cannot be read or has no receipt.
    pub fn gaps(&self, series: &Series) -> Result<Gaps, MarketError> {
        if series.kind == Kind::Funding {
            let table = self.read(series, Timestamp(i64::MIN), Timestamp(i64::MAX))?;
            return Ok(coverage::gaps_of_table(None, &table));
        }
        Ok(coverage::gaps_of_receipts(series, &self.receipts(series)?))
    }
}

/// The times that rows are chosen, keyed and filed by: settlement times for funding, whose raw
/// times jitter from source to source, and the first column for everything else.
pub fn key_times(table: &Table) -> &[i64] {
    match (table.kind(), table.column("settlement_time")) {
        (Kind::Funding, Some(Column::Time(times))) => times,
        _ => table.times(),
    }
}

/// The rows with `from <= key time < to`.
fn within(table: &Table, from: Timestamp, to: Timestamp) -> Table {
    let times = key_times(table);
    let start = times.partition_point(|&time| time < from.0);
    let end = times.partition_point(|&time| time < to.0);
    table.slice(start, end.max(start))
}
