//! Integration tests: whole files through [`plimsoll_ingest::ingest`] into a lake on disk.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::format_push_string,
    clippy::result_large_err,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod again;
mod aggregators;
mod bad_data;
mod binance;
mod bybit;
mod bybit_recorded;
mod check;
mod columns;
mod containers;
mod download;
mod download_answers;
mod download_pages;
mod download_server;
mod formats;
mod fuzz;
mod hostile;
mod hyperliquid;
mod hyperliquid_fills;
mod killed;
mod neighbours;
mod okx;
mod real;
mod real_all;
mod rules;
mod runs;
mod server;
mod tardis;

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_ingest::{FileFailure, IngestError, NoProgress, Options, Summary, ingest};
use plimsoll_market::{Lake, Series, Table, Timestamp};

/// A folder for archives and a lake, gone at the end of the test.
struct Bench {
    folder: tempfile::TempDir,
    lake: Lake,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::new(folder.path().join("data"));
        Self { folder, lake }
    }

    /// Writes an archive; folders of its name are made.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("archives").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn ingest(&self, path: impl AsRef<Path>, options: &Options) -> Result<Summary, IngestError> {
        ingest(&[path.as_ref().to_owned()], options, &self.lake, &NoProgress)
    }

    /// The only series of the lake and all of its rows.
    fn only(&self) -> (Series, Table) {
        let series = self.lake.series().unwrap();
        assert_eq!(series.len(), 1, "{series:?}");
        let table = self.all(&series[0]);
        (series[0].clone(), table)
    }

    fn all(&self, series: &Series) -> Table {
        self.lake.read(series, Timestamp(i64::MIN), Timestamp(i64::MAX)).unwrap()
    }
}

/// The failures of a run that must have some.
fn failures(result: Result<Summary, IngestError>) -> Vec<FileFailure> {
    match result {
        Err(IngestError::BadFiles { failures, .. }) => failures,
        other => panic!("no file was refused: {other:?}"),
    }
}

fn time(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().0
}

/// Every file below a folder with its bytes, in order of path; not the list of archives that are
/// known, which depends on where they lie.
fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes(&path));
        } else if !path.ends_with(".archives.jsonl") {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
