//! What a lake holds.

use std::collections::BTreeSet;
use std::fs;

use plimsoll_market::lake::Gaps;
use plimsoll_market::{Lake, MarketError, Series, Timestamp};

/// One series of a lake.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// The series.
    pub series: Series,
    /// Time of the first row; `None` where only quiet periods are known.
    pub first: Option<Timestamp>,
    /// Time of the last row.
    pub last: Option<Timestamp>,
    /// Number of rows.
    pub rows: usize,
    /// Number of month files.
    pub months: usize,
    /// Missing bars or settlements.
    pub gaps: Gaps,
    /// Known periods, half-open, in order.
    pub covered: Vec<(Timestamp, Timestamp)>,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// Names of the archives that the rows come from, sorted.
    pub sources: Vec<String>,
}

/// Every series of a lake with what is known of it, sorted.
///
/// # Errors
/// A folder or file of the lake that cannot be read.
pub fn ls(lake: &Lake) -> Result<Vec<Coverage>, MarketError> {
    lake.series()?.into_iter().map(|series| coverage(lake, series)).collect()
}

fn coverage(lake: &Lake, series: Series) -> Result<Coverage, MarketError> {
    let receipts = lake.receipts(&series)?;
    let months = lake.months(&series)?;
    let mut bytes = 0;
    for (_, path) in &months {
        bytes += fs::metadata(path).map_err(MarketError::io(path))?.len();
    }
    let sources: BTreeSet<String> =
        receipts.iter().flat_map(|r| &r.sources).map(|source| source.name.clone()).collect();
    Ok(Coverage {
        first: receipts.iter().find_map(|receipt| receipt.first),
        last: receipts.iter().rev().find_map(|receipt| receipt.last),
        rows: receipts.iter().map(|receipt| receipt.rows).sum(),
        months: months.len(),
        gaps: lake.gaps(&series)?,
        covered: lake.coverage(&series)?,
        bytes,
        sources: sources.into_iter().collect(),
        series,
    })
}
