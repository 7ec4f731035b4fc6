//! What a file is taken for, and why, without taking it in.

use std::path::Path;

use plimsoll_market::lake::Note;
use plimsoll_market::{Kind, Series, Timestamp};

use crate::archive::{Archive, Content, Input, find};
use crate::csv;
use crate::decode::{self, Clues, Decoded};
use crate::error::{FileFailure, IngestError, Place};
use crate::json::Json;
use crate::options::Options;

/// What a file is taken for.
#[derive(Debug)]
pub struct Why {
    /// The file, as the user named it.
    pub file: String,
    /// SHA-256 of its bytes; `None` if it cannot be read.
    pub sha256: Option<String>,
    /// What it is made of: `CSV text, 12 columns named in its first line`.
    pub content: Option<String>,
    /// The format that it was taken for, as `binance-klines/1`.
    pub format: Option<&'static str>,
    /// Why: a clause each.
    pub evidence: Vec<String>,
    /// Other formats that would have taken it, in order, with their evidence.
    pub others: Vec<(&'static str, Vec<String>)>,
    /// Its series.
    pub parts: Vec<WhyPart>,
    /// What would be refused.
    pub failures: Vec<FileFailure>,
}

/// One series of the file.
#[derive(Clone, Debug)]
pub struct WhyPart {
    /// The series.
    pub series: Series,
    /// Where venue, symbol, kind and interval come from: (what, value, origin).
    pub origins: Vec<(&'static str, String, &'static str)>,
    /// Rows that would go in.
    pub rows: usize,
    /// Time of the first row.
    pub first: Option<Timestamp>,
    /// Time of the last row.
    pub last: Option<Timestamp>,
    /// Columns that are derived, not recorded.
    pub derived: Vec<String>,
    /// What the file does not say and is assumed.
    pub assumptions: Vec<String>,
    /// Equal rows that would be dropped.
    pub duplicates: usize,
    /// What would be mended.
    pub repairs: Vec<Note>,
    /// What would be flagged.
    pub flags: Vec<Note>,
}

/// Reads a file, or every file of a folder, as [`ingest`](crate::ingest) would, and tells what
/// each was taken for.
///
/// # Errors
/// [`IngestError::Io`] if there is no such file, [`IngestError::NoFiles`] if the folder has none
/// that could be an archive. What is wrong with a file that is there stands in [`Why::failures`].
pub fn why(path: &Path, options: &Options) -> Result<Vec<Why>, IngestError> {
    let inputs = find(&[path.to_owned()], None)?.inputs;
    if inputs.is_empty() {
        return Err(IngestError::NoFiles { paths: vec![path.to_owned()] });
    }
    Ok(inputs.iter().map(|input| why_file(input, options)).collect())
}

fn why_file(input: &Input, options: &Options) -> Why {
    let file = input.path.display().to_string();
    let mut why = Why {
        file: file.clone(),
        sha256: None,
        content: None,
        format: None,
        evidence: Vec::new(),
        others: Vec::new(),
        parts: Vec::new(),
        failures: Vec::new(),
    };
    let archive = match Archive::open(input, &options.limits) {
        Ok(archive) => archive,
        Err(problem) => {
            why.failures.push(FileFailure { file, place: Place::File, series: None, problem });
            return why;
        }
    };
    why.sha256 = Some(archive.sha256.clone());
    let clues = Clues::of(&archive);
    if let Ok(clues) = &clues {
        why.content = Some(content(&archive, clues));
    }
    let (recognised, parts) = decode::decode(&archive, options);
    if let Some(recognised) = recognised {
        why.format = Some(recognised.format.name);
        why.evidence = recognised.evidence;
        if let Ok(clues) = &clues {
            why.others = decode::also_recognised(clues, recognised.format.name);
        }
    }
    for part in parts {
        match part {
            Ok(decoded) => why.parts.push(part_of(decoded, &archive, options)),
            Err(failure) => why.failures.push(failure),
        }
    }
    why
}

fn part_of(decoded: Decoded, archive: &Archive, options: &Options) -> WhyPart {
    let Decoded { series, incoming, assumptions } = decoded;
    let times = incoming.table.times();
    WhyPart {
        origins: origins(&series, archive, options, &assumptions),
        rows: times.len(),
        first: times.first().copied().map(Timestamp),
        last: times.last().copied().map(Timestamp),
        derived: incoming.derived,
        assumptions,
        duplicates: incoming.duplicates,
        repairs: incoming.repairs,
        flags: incoming.flags,
        series,
    }
}

/// Where each part of a series' name comes from.
fn origins(
    series: &Series,
    archive: &Archive,
    options: &Options,
    assumptions: &[String],
) -> Vec<(&'static str, String, &'static str)> {
    let folders = archive.folders();
    let in_folder = |value: &str| folders.iter().any(|folder| folder == value);
    let in_name = |value: &str| !value.is_empty() && archive.stem.contains(value);
    let origin = |what: &str, value: &str, is_option: bool| {
        if is_option {
            "the option"
        } else if assumptions.iter().any(|text| text.starts_with(what)) {
            "an assumption"
        } else if in_folder(value) {
            "a folder's name"
        } else if in_name(value) {
            "the file's name"
        } else {
            "the format and the rows"
        }
    };
    let kind = series.kind.name();
    let mut origins = vec![
        ("kind", kind.to_owned(), origin("kind", kind_folder(series.kind), options.kind.is_some())),
        ("venue", series.venue.clone(), origin("venue", &series.venue, options.venue.is_some())),
        (
            "symbol",
            series.symbol.clone(),
            origin("symbol", &series.symbol, options.symbol.is_some()),
        ),
    ];
    if let Some(interval) = series.interval {
        let text = interval.to_string();
        let from = origin("interval", &text, options.interval.is_some());
        origins.push(("interval", text, from));
    }
    origins
}

/// The folder by which Binance's archive tells a kind.
fn kind_folder(kind: Kind) -> &'static str {
    match kind {
        Kind::Candles => "klines",
        Kind::MarkCandles => "markPriceKlines",
        Kind::IndexCandles => "indexPriceKlines",
        Kind::PremiumIndexCandles => "premiumIndexKlines",
        _ => kind.name(),
    }
}

fn content(archive: &Archive, clues: &Clues) -> String {
    match &archive.content {
        Content::Text(_) | Content::LongText(_) => {
            let text = archive.head().unwrap_or_default();
            match csv::header(text) {
                Some(_) => format!("CSV text, columns {}", clues.columns.join(", ")),
                None => format!("CSV text without a header, {} fields a row", csv::width(text)),
            }
        }
        Content::Json(Json::Lines(_)) => "JSON lines".to_owned(),
        Content::Json(Json::Document(_)) => "a JSON document".to_owned(),
        Content::Feather(_) => format!("an Arrow file, columns {}", clues.columns.join(", ")),
        Content::Parquet(_) => format!("a Parquet file, columns {}", clues.columns.join(", ")),
    }
}
