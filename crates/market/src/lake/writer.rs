//! The way into the lake: one writer at a time, all months checked before any is written.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::merge::{MonthState, Part, PartOutcome};
use super::receipt::{Note, Receipt, SourceReceipt};
use super::rows::compare_rows;
use super::series::{Month, Series};
use super::{Lake, coverage, file, key_times, versions};
use crate::error::MarketError;
use crate::table::{Kind, Table};
use crate::time::Timestamp;

/// Where rows come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Path of the archive, relative to what the user named; never an absolute one.
    pub name: String,
    /// SHA-256 of the archive's bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The decoder and its version, as `binance-klines/1`.
    pub decoder: String,
}

/// The rows of one archive on their way into one series.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where they come from.
    pub source: Source,
    /// The rows, in any order.
    pub table: Table,
    /// Half-open periods that the archive accounts for whether or not it has rows in them.
    /// Not used for bars and funding, whose rows say it themselves.
    pub covered: Vec<(Timestamp, Timestamp)>,
    /// Whether the last bar may have been still forming when the archive was made.
    pub last_may_be_forming: bool,
    /// Columns that were derived, not recorded; `quote_volume` or `interval_minutes`.
    pub derived: Vec<String>,
    /// Equal rows that the decoder dropped.
    pub duplicates: usize,
    /// What the decoder mended.
    pub repairs: Vec<Note>,
    /// What a reader should know.
    pub flags: Vec<Note>,
}

impl Incoming {
    /// Rows of which nothing is to be said but where they come from.
    pub fn new(source: Source, table: Table) -> Self {
        Self {
            source,
            table,
            covered: Vec::new(),
            last_may_be_forming: false,
            derived: Vec::new(),
            duplicates: 0,
            repairs: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// The months that it goes into: those in which it has rows or accounts for time.
    pub fn months(&self) -> Vec<Month> {
        let mut months = BTreeSet::new();
        let mut current: Option<(Timestamp, Timestamp)> = None;
        for &time in key_times(&self.table) {
            let time = Timestamp(time);
            if current.is_none_or(|(start, end)| time < start || time >= end) {
                let month = Month::of(time);
                current = Some((month.start(), month.end()));
                months.insert(month);
            }
        }
        if !series_covers_by_rows(self.table.kind()) {
            for &(from, to) in &self.covered {
                let mut month = Month::of(from);
                while from < to && month.start() < to {
                    months.insert(month);
                    month = month.next();
                }
            }
        }
        months.into_iter().collect()
    }
}

/// How a merge treats what the lake already holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeOptions {
    /// Rows that differ replace those of the lake, where they would otherwise be refused.
    pub replace: bool,
    /// The lake's rows stay where new ones differ, and the archive's receipt says so.
    pub keep: bool,
}

/// What a merge did.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeOutcome {
    /// The series.
    pub series: Series,
    /// Rows that the lake did not hold.
    pub rows_added: usize,
    /// Rows that it held already.
    pub rows_known: usize,
    /// Rows that took the place of different ones.
    pub rows_replaced: usize,
    /// Rows that stayed, where different ones were offered; counted among the known.
    pub rows_kept: usize,
    /// Months whose file was written.
    pub months_written: Vec<Month>,
    /// Archives that came under a known name with other bytes than before.
    pub changed: Vec<ChangedSource>,
    /// Still-forming bars where the more complete version was kept.
    pub completed_bars: Vec<Timestamp>,
}

impl MergeOutcome {
    /// A merge that did nothing.
    pub fn nothing(series: Series) -> Self {
        Self {
            series,
            rows_added: 0,
            rows_known: 0,
            rows_replaced: 0,
            rows_kept: 0,
            months_written: Vec::new(),
            changed: Vec::new(),
            completed_bars: Vec::new(),
        }
    }
}

/// An archive whose bytes differ from those last seen under its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedSource {
    /// Name of the archive.
    pub name: String,
    /// SHA-256 of the bytes seen before.
    pub old_sha256: String,
    /// SHA-256 of the bytes seen now.
    pub new_sha256: String,
}

/// The right to write to a lake. Only one exists at a time on a machine; it ends when dropped or
/// when the process ends, however it ends.
#[derive(Debug)]
pub struct LakeWriter {
    lake: Lake,
    /// Merges of one process take turns: two of them could share a month.
    turn: Mutex<()>,
    _lock: File,
}

impl Lake {
    /// Takes the right to write.
    ///
    /// # Errors
    /// [`MarketError::Locked`] while another process has it; an error of the operating system.
    pub fn writer(&self) -> Result<LakeWriter, MarketError> {
        fs::create_dir_all(&self.root).map_err(MarketError::io(&self.root))?;
        let path = self.root.join(".lock");
        let lock = File::create(&path).map_err(MarketError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(LakeWriter { lake: self.clone(), turn: Mutex::new(()), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(MarketError::Locked { path }),
            Err(TryLockError::Error(source)) => Err(MarketError::Io { path, source }),
        }
    }
}

impl LakeWriter {
    /// The lake that is written to.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Merges archives into a series. Every month is read, merged and checked before the first
    /// is written, so a refused merge leaves the series as it was. An archive whose bytes the
    /// lake has seen, read as they were then, changes nothing; those of its rows that another
    /// archive has replaced since are counted as kept.
    ///
    /// Rows are unique by time (funding: by settlement time). Equal rows are kept once; rows that
    /// differ are refused, except that
    /// - a value that was recorded wins over one that was derived, and any value over none;
    /// - of a bar that was the last of its archive, and so may have been still forming, the
    ///   version of an archive that goes on longer wins;
    /// - with [`MergeOptions::replace`] the new row wins, with [`MergeOptions::keep`] the lake's.
    ///
    /// Liquidations can be equal and yet several: of equal rows the larger count is kept.
    ///
    /// An archive can come again: the same bytes read under other settings, or, for liquidations,
    /// other bytes under the same name about the same time. What the lake has from the earlier
    /// version, and from no other archive, and the new one has no more, is a difference as any
    /// other: refused, taken out with `replace`, and left with `keep` (new liquidations of that
    /// time then stay out, which would count double). An archive with other bytes that holds less
    /// than the one before it under its name stands beside that one in the receipt.
    ///
    /// # Errors
    /// [`MarketError::Conflict`] for rows that differ, [`MarketError::BadName`] for a series that
    /// cannot be a folder, [`MarketError::BadLakeFile`] and [`MarketError::Io`] for the disk.
    ///
    /// # Panics
    /// If a table is of another kind than the series.
    pub fn merge(
        &self,
        series: &Series,
        incoming: Vec<Incoming>,
        options: MergeOptions,
    ) -> Result<MergeOutcome, MarketError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.lake.root.join(series.folder()?);
        let mut months: BTreeMap<Month, Vec<Part>> = BTreeMap::new();
        let mut receipts: BTreeMap<Month, Option<Receipt>> = BTreeMap::new();
        for archive in incoming {
            assert_eq!(archive.table.kind(), series.kind, "kind of the rows for {series}");
            let source = archive.source.clone();
            let parts = split(archive);
            let own: BTreeSet<Month> = parts.iter().map(|(month, _)| *month).collect();
            for month in own.iter().flat_map(|month| [month.previous(), month.next()]) {
                let receipt = match receipts.entry(month) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(self.lake.receipt(series, month)?),
                };
                if !own.contains(&month) && receipt.as_ref().is_some_and(|r| names(r, &source)) {
                    months.entry(month).or_default().push(nothing_of(&source, series.kind));
                }
            }
            for (month, part) in parts {
                months.entry(month).or_default().push(part);
            }
        }
        let months: Vec<(Month, Vec<Part>)> = months.into_iter().collect();
        let merged: Result<Vec<MergedMonth>, MarketError> = months
            .into_par_iter()
            .map(|(month, parts)| merge_month(series, &folder, month, parts, options))
            .collect();
        let merged = merged?;
        let mut outcome = MergeOutcome::nothing(series.clone());
        let mut to_write = Vec::new();
        for MergedMonth { month, path, outcome: part, state } in merged {
            if let Some((table, receipt)) = state.finish() {
                outcome.months_written.push(month);
                to_write.push((path, table, receipt));
            }
            outcome.rows_added += part.rows_added;
            outcome.rows_known += part.rows_known;
            outcome.rows_replaced += part.rows_replaced;
            outcome.rows_kept += part.rows_kept;
            outcome.changed.extend(part.changed);
            outcome.completed_bars.extend(part.completed_bars);
        }
        write_all(to_write)?;
        outcome.changed.sort();
        outcome.changed.dedup();
        Ok(outcome)
    }
}

/// Months to be written at a time, which bounds how many encoded files are in memory.
const WRITTEN_TOGETHER: usize = 16;

/// Writes month files, each in one step; the processors encode while the disk is waited for.
fn write_all(months: Vec<(PathBuf, Table, Receipt)>) -> Result<(), MarketError> {
    let folders: BTreeSet<PathBuf> =
        months.iter().filter_map(|(path, ..)| path.parent().map(Path::to_owned)).collect();
    for folder in &folders {
        file::prepare(folder)?;
    }
    let mut months = months.into_iter();
    loop {
        let some: Vec<_> = months.by_ref().take(WRITTEN_TOGETHER).collect();
        if some.is_empty() {
            break;
        }
        std::thread::scope(|scope| {
            let encoded: Result<Vec<_>, MarketError> = some
                .into_par_iter()
                .map(|(path, table, receipt)| {
                    let bytes = file::encode(&path, &table, &receipt)?;
                    Ok(scope.spawn(move || file::write(&path, &bytes)))
                })
                .collect();
            let written = encoded?.into_iter().map(|writer| match writer.join() {
                Ok(written) => written,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            written.collect::<Result<(), MarketError>>()
        })?;
    }
    folders.iter().try_for_each(|folder| file::sync_folder(folder))
}

struct MergedMonth {
    month: Month,
    path: PathBuf,
    outcome: PartOutcome,
    state: MonthState,
}

fn merge_month(
    series: &Series,
    folder: &Path,
    month: Month,
    parts: Vec<Part>,
    options: MergeOptions,
) -> Result<MergedMonth, MarketError> {
    let path = folder.join(month.file());
    let old = if path.exists() { Some(file::read(&path, series.kind)?) } else { None };
    let mut state = MonthState::new(series, month, path.clone(), old);
    let mut outcome = PartOutcome::default();
    for part in parts {
        outcome.add(state.absorb(part, options)?);
    }
    Ok(MergedMonth { month, path, outcome, state })
}

/// Cuts an archive into its months: those in which it has rows or accounts for time.
fn split(archive: Incoming) -> Vec<(Month, Part)> {
    let months = archive.months();
    let Incoming { source, table, covered, last_may_be_forming, derived, .. } = archive;
    let table = sorted(table);
    let times = key_times(&table).to_vec();
    let covered =
        if series_covers_by_rows(table.kind()) { Vec::new() } else { coverage::union(covered) };
    let maybe_forming =
        times.last().filter(|_| last_may_be_forming && table.kind().has_interval()).copied();
    months
        .into_iter()
        .map(|month| {
            let (month_start, month_end) = (month.start(), month.end());
            let start = times.partition_point(|&time| time < month_start.0);
            let end = times.partition_point(|&time| time < month_end.0);
            let mut receipt = SourceReceipt {
                name: source.name.clone(),
                sha256: source.sha256.clone(),
                decoder: source.decoder.clone(),
                reading: String::new(),
                rows: end - start,
                first: times[start..end].first().copied().map(Timestamp),
                last: times[start..end].last().copied().map(Timestamp),
                covered: covered
                    .iter()
                    .map(|&(from, to)| (from.max(month_start), to.min(month_end)))
                    .filter(|(from, to)| from < to)
                    .collect(),
                maybe_forming: maybe_forming
                    .map(Timestamp)
                    .filter(|&time| month_start <= time && time < month_end),
                derived: derived.clone(),
                duplicates: archive.duplicates,
                repairs: archive.repairs.clone(),
                flags: archive.flags.clone(),
            };
            let table = table.slice(start, end);
            receipt.reading = versions::reading(&table, &receipt);
            (month, Part { table, source: receipt })
        })
        .collect()
}

/// Whether a month has rows of these very bytes.
fn names(receipt: &Receipt, source: &Source) -> bool {
    let is_it = |known: &SourceReceipt| known.name == source.name && known.sha256 == source.sha256;
    receipt.sources.iter().any(|known| known.rows > 0 && is_it(known))
}

/// An archive's part in a month in which an earlier reading of it had rows and this one has none:
/// other settings can move rows over the end of a month.
fn nothing_of(source: &Source, kind: Kind) -> Part {
    let table = Table::empty(kind);
    let Source { name, sha256, decoder } = source.clone();
    let mut source = SourceReceipt { name, sha256, decoder, ..SourceReceipt::default() };
    source.reading = versions::reading(&table, &source);
    Part { table, source }
}

fn series_covers_by_rows(kind: Kind) -> bool {
    kind.has_interval() || kind == Kind::Funding
}

/// Rows in the order of their key. Liquidations, which have none, in the order of all columns.
fn sorted(table: Table) -> Table {
    let times = key_times(&table);
    if table.kind().has_unique_time() {
        if times.is_sorted() {
            return table;
        }
        let mut rows: Vec<usize> = (0..table.len()).collect();
        rows.sort_by_key(|&row| times[row]);
        return table.gather(&rows);
    }
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by(|&a, &b| compare_rows(&table, a, &table, b));
    table.gather(&rows)
}
