//! What a lake holds.

use std::collections::BTreeSet;
use std::fs;

use plimsoll_market::lake::{Gaps, Month, Receipt};
use plimsoll_market::{Interval, Kind, Lake, MarketError, Series, Timestamp};

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
    /// Missing bars or settlements.
    pub gaps: Gaps,
    /// Known periods, half-open, in order.
    pub covered: Vec<(Timestamp, Timestamp)>,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// Names of the archives that the rows come from, sorted.
    pub sources: Vec<String>,
    /// The months that have a file, oldest first.
    pub months: Vec<MonthCoverage>,
}

/// One month of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthCoverage {
    /// The month.
    pub month: Month,
    /// Number of rows.
    pub rows: usize,
    /// Rows that a month without holes has; `None` for kinds without a rhythm.
    pub expected_rows: Option<usize>,
    /// Share of the month that is known, 0 to 1: of bars by their number, of other kinds by time.
    pub covered_fraction: f64,
    /// Missing bars or settlements between the first and the last.
    pub gaps: Gaps,
    /// Time of the first row.
    pub first: Option<Timestamp>,
    /// Time of the last row.
    pub last: Option<Timestamp>,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// Names of the archives, sorted.
    pub sources: Vec<String>,
}

/// Which series, and which months of them, are asked for. What is `None` is not looked at.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Venue identifier.
    pub venue: Option<String>,
    /// Symbol in the venue's spelling.
    pub symbol: Option<String>,
    /// Kind of record.
    pub kind: Option<Kind>,
    /// Bar length.
    pub interval: Option<Interval>,
    /// Start of the period, inclusive.
    pub from: Option<Timestamp>,
    /// End of the period, exclusive.
    pub to: Option<Timestamp>,
}

impl Selection {
    /// Whether a series is among those asked for.
    pub fn holds(&self, series: &Series) -> bool {
        self.venue.as_ref().is_none_or(|venue| *venue == series.venue)
            && self.symbol.as_ref().is_none_or(|symbol| *symbol == series.symbol)
            && self.kind.is_none_or(|kind| kind == series.kind)
            && (self.interval.is_none() || self.interval == series.interval)
    }

    /// The period asked for, half-open.
    pub fn period(&self) -> (Timestamp, Timestamp) {
        (self.from.unwrap_or(Timestamp(i64::MIN)), self.to.unwrap_or(Timestamp(i64::MAX)))
    }
}

/// The series of a lake that a selection holds, with what is known of their months, sorted.
/// A month is listed whole where any of it lies in the selection's period; a series without such
/// a month is not listed.
///
/// # Errors
/// A folder or file of the lake that cannot be read.
pub fn ls(lake: &Lake, selection: &Selection) -> Result<Vec<Coverage>, MarketError> {
    let mut found = Vec::new();
    for series in lake.series()?.into_iter().filter(|series| selection.holds(series)) {
        found.extend(coverage(lake, series, selection.period())?);
    }
    Ok(found)
}

/// Series of a lake that cannot be read, and why.
pub type Unreadable = Vec<(Series, MarketError)>;

/// What [`ls`] gives, with what cannot be read beside what can: a damaged file hides its own series only.
///
/// # Errors
/// A folder of the lake that cannot be listed.
pub fn ls_readable(
    lake: &Lake,
    selection: &Selection,
) -> Result<(Vec<Coverage>, Unreadable), MarketError> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for series in lake.series()?.into_iter().filter(|series| selection.holds(series)) {
        match coverage(lake, series.clone(), selection.period()) {
            Ok(one) => found.extend(one),
            Err(error) => unreadable.push((series, error)),
        }
    }
    Ok((found, unreadable))
}

fn coverage(
    lake: &Lake,
    series: Series,
    (from, to): (Timestamp, Timestamp),
) -> Result<Option<Coverage>, MarketError> {
    let covered = lake.coverage(&series)?;
    let receipts = lake.receipts(&series)?;
    let mut months = Vec::new();
    for ((month, path), receipt) in lake.months(&series)?.into_iter().zip(&receipts) {
        if month.end() <= from || to <= month.start() {
            continue;
        }
        let bytes = fs::metadata(&path).map_err(MarketError::io(&path))?.len();
        months.push(month_coverage(&series, month, receipt, &covered, bytes));
    }
    if months.is_empty() {
        return Ok(None);
    }
    let whole = from.0 == i64::MIN && to.0 == i64::MAX;
    let sources: BTreeSet<&String> = months.iter().flat_map(|month| &month.sources).collect();
    Ok(Some(Coverage {
        first: months.iter().find_map(|month| month.first),
        last: months.iter().rev().find_map(|month| month.last),
        rows: months.iter().map(|month| month.rows).sum(),
        // What is missing between two months belongs to neither.
        gaps: if whole { lake.gaps(&series)? } else { gaps_of(&months) },
        covered: covered
            .into_iter()
            .map(|(a, b)| (a.max(from), b.min(to)))
            .filter(|(a, b)| a < b)
            .collect(),
        bytes: months.iter().map(|month| month.bytes).sum(),
        sources: sources.into_iter().cloned().collect(),
        months,
        series,
    }))
}

fn month_coverage(
    series: &Series,
    month: Month,
    receipt: &Receipt,
    covered: &[(Timestamp, Timestamp)],
    bytes: u64,
) -> MonthCoverage {
    let (start, end) = (month.start(), month.end());
    let length = end.0 - start.0;
    let sources: BTreeSet<&String> = receipt.sources.iter().map(|source| &source.name).collect();
    let expected_rows = series.interval.map(|interval| {
        let first = interval.floor(Timestamp(start.0 + interval.ms() - 1));
        ((end.0 - first.0 + interval.ms() - 1) / interval.ms()) as usize
    });
    let known: i64 =
        covered.iter().map(|&(from, to)| (to.min(end).0 - from.max(start).0).max(0)).sum();
    let covered_fraction = match expected_rows {
        Some(expected) if expected > 0 => (receipt.rows as f64 / expected as f64).min(1.0),
        _ => known as f64 / length as f64,
    };
    MonthCoverage {
        month,
        rows: receipt.rows,
        expected_rows,
        covered_fraction,
        gaps: receipt.gaps,
        first: receipt.first,
        last: receipt.last,
        bytes,
        sources: sources.into_iter().cloned().collect(),
    }
}

fn gaps_of(months: &[MonthCoverage]) -> Gaps {
    let mut gaps = Gaps::default();
    for month in months {
        gaps.count += month.gaps.count;
        gaps.missing += month.gaps.missing;
        gaps.first = gaps.first.or(month.gaps.first);
    }
    gaps
}
