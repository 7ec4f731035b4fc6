//! One decoder on one file in memory, for fuzzing. No part of the interface.

use std::path::{Path, PathBuf};

use plimsoll_market::{Series, Table};

use crate::archive::{Input, RawFile};
use crate::decode::{self, Clues};
use crate::limits::Limits;
use crate::options::{LiquidationUnit, Options};

/// The name of every format.
pub fn formats() -> Vec<&'static str> {
    decode::format_names()
}

/// The format that a file is taken for.
pub fn recognised(path: &Path, bytes: Vec<u8>) -> Option<&'static str> {
    let input = input(path, bytes.len());
    let options = options(Limits::default());
    let archive = RawFile::of_bytes(&input, bytes).unpack(&options.limits).ok()?;
    decode::recognise(&archive, &options).ok().map(|found| found.format.name)
}

/// Unpacks a file, asks every format whether it is its own, and decodes it by the named one,
/// whether or not that recognises it. Nothing is read from disk but Parquet files.
///
/// # Errors
/// Every way in which the file is refused, as text.
pub fn decode(
    format: &str,
    path: &Path,
    bytes: Vec<u8>,
    limits: Limits,
) -> Result<Vec<(Series, Table)>, String> {
    let input = input(path, bytes.len());
    let options = options(limits);
    let archive = RawFile::of_bytes(&input, bytes).unpack(&limits).map_err(|e| e.to_string())?;
    let clues = Clues::of(&archive).map_err(|e| e.to_string())?;
    let _ = decode::also_recognised(&clues, "");
    let parts = decode::decode_as(format, &archive, &options)?;
    Ok(parts.into_iter().map(|part| (part.series, part.incoming.table)).collect())
}

/// What the seeds themselves do not say.
fn options(limits: Limits) -> Options {
    Options { limits, liquidation_unit: Some(LiquidationUnit::Base), ..Options::default() }
}

fn input(path: &Path, bytes: usize) -> Input {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Input { path: PathBuf::from(path), name, bytes: bytes as u64, is_named: true }
}
