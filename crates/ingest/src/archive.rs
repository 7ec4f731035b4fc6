//! Files on disk: found, read, checked and unpacked.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::csv;
use crate::error::{IngestError, Place, Problem};
use crate::json::Json;

/// One file that a run is to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    /// As the user named it, or below the folder that the user named.
    pub(crate) path: PathBuf,
    /// For receipts: relative to what the user named, with `/` between folders.
    pub(crate) name: String,
    /// Size on disk.
    pub(crate) bytes: u64,
    /// Whether the user named the file itself, and not a folder that it is in.
    pub(crate) is_named: bool,
}

/// The files at the given paths, folders walked in order of name, and the names of those in
/// folders that are no market data by their ending.
pub(crate) fn find(paths: &[PathBuf]) -> Result<(Vec<Input>, Vec<String>), IngestError> {
    let mut found = Vec::new();
    let mut skipped = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(io(path))?;
        if metadata.is_dir() {
            walk(path, "", &mut found, &mut skipped)?;
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Input { path: path.clone(), name, bytes: metadata.len(), is_named: true });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|input| seen.insert(input.path.clone()));
    Ok((found, skipped))
}

fn walk(
    folder: &Path,
    prefix: &str,
    found: &mut Vec<Input>,
    skipped: &mut Vec<String>,
) -> Result<(), IngestError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        entries.push(entry.map_err(io(folder))?.path());
    }
    entries.sort();
    for path in entries {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        let metadata = fs::metadata(&path).map_err(io(&path))?;
        if metadata.is_dir() {
            walk(&path, &format!("{name}/"), found, skipped)?;
        } else if has_data_ending(&file_name) {
            found.push(Input { path, name, bytes: metadata.len(), is_named: false });
        } else if !file_name.ends_with(".CHECKSUM") {
            skipped.push(name);
        }
    }
    Ok(())
}

fn has_data_ending(name: &str) -> bool {
    const TEXT: [&str; 4] = [".csv", ".json", ".jsonl", ".ndjson"];
    const PACKED: [&str; 5] = ["", ".gz", ".zst", ".lz4", ".zip"];
    let name = name.to_ascii_lowercase();
    let is_text = TEXT.iter().any(|text| {
        PACKED.iter().any(|packed| name.strip_suffix(packed).is_some_and(|n| n.ends_with(text)))
    });
    // Hyperliquid's node files have no other ending.
    is_text || [".zip", ".lz4", ".feather", ".parquet"].iter().any(|ending| name.ends_with(ending))
}

/// Unpacked text: JSON by its first character, else CSV.
fn text(text: Vec<u8>) -> Result<Content, Problem> {
    if Json::is_json(&text) {
        Json::parse(text).map(Content::Json)
    } else {
        Ok(Content::Text(text))
    }
}

/// What a file holds after unpacking.
pub(crate) enum Content {
    /// CSV text.
    Text(Vec<u8>),
    /// A JSON document or JSON lines.
    Json(Json),
    /// An Arrow IPC file.
    Feather(Vec<u8>),
    /// A Parquet file, which is read from disk column by column.
    Parquet(PathBuf),
}

/// A file read, with the hash of its bytes on disk.
pub(crate) struct Archive {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    /// File name without folders and endings, such as `BTCUSDT-1h-2024-12`.
    pub(crate) stem: String,
    pub(crate) sha256: String,
    pub(crate) zipped: bool,
    pub(crate) content: Content,
}

impl Archive {
    /// Reads and unpacks a file. A `.CHECKSUM` file beside it is held against it.
    pub(crate) fn open(input: &Input) -> Result<Self, Problem> {
        let bytes = fs::read(&input.path)?;
        let sha256 = hex(&Sha256::digest(&bytes));
        check_sum(&input.path, &sha256)?;
        let file_name = input.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lower = file_name.to_ascii_lowercase();
        let ends = |ending: &str| lower.ends_with(ending);
        let content = if ends(".zip") {
            text(unzip(&bytes)?)?
        } else if ends(".gz") {
            let mut inner = Vec::new();
            MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inner).map_err(damaged)?;
            text(inner)?
        } else if ends(".zst") {
            text(zstd::decode_all(bytes.as_slice()).map_err(damaged)?)?
        } else if ends(".lz4") {
            let mut inner = Vec::new();
            let mut decoder = lz4_flex::frame::FrameDecoder::new(bytes.as_slice());
            decoder.read_to_end(&mut inner).map_err(damaged)?;
            text(inner)?
        } else if ends(".feather") {
            Content::Feather(bytes)
        } else if ends(".parquet") {
            Content::Parquet(input.path.clone())
        } else if [".csv", ".txt", ".json", ".jsonl", ".ndjson"].iter().any(|e| ends(e)) {
            text(bytes)?
        } else {
            let reason =
                "its name ends in none of csv, json, jsonl, zip, gz, zst, lz4, feather, parquet"
                    .to_owned();
            return Err(Problem::NotRecognised { reason });
        };
        let stem = file_name.split('.').next().unwrap_or_default().to_owned();
        let zipped = ends(".zip");
        Ok(Self {
            path: input.path.clone(),
            name: input.name.clone(),
            stem,
            sha256,
            zipped,
            content,
        })
    }

    /// The file's name with all endings.
    pub(crate) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The names of the folders that the file is in, as far as the user's path says.
    pub(crate) fn folders(&self) -> Vec<String> {
        let parent = self.path.parent().unwrap_or(Path::new(""));
        parent.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect()
    }

    /// Where a row (from 0) stands in the file. Blank lines and a header are counted.
    pub(crate) fn place_of(&self, row: Option<usize>) -> Place {
        match (row, &self.content) {
            (None, _) => Place::File,
            (Some(row), Content::Text(text)) => {
                let wanted = row + usize::from(csv::header(text).is_some());
                let line = text
                    .split(|&byte| byte == b'\n')
                    .enumerate()
                    .filter(|(_, line)| !line.trim_ascii().is_empty())
                    .nth(wanted)
                    .map_or(1, |(index, _)| index + 1);
                Place::Line(line)
            }
            (Some(row), _) => Place::Row(row + 1),
        }
    }
}

fn unzip(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let names: Result<Vec<String>, _> =
        zip.file_names().map(|name| name.map(std::borrow::Cow::into_owned)).collect();
    let mut csv = names.map_err(damaged)?;
    csv.retain(|name| !name.ends_with('/') && has_data_ending(name));
    let [name] = csv.as_slice() else {
        return Err(Problem::ZipEntries { count: csv.len() });
    };
    let mut entry = zip.by_name(name).map_err(damaged)?;
    let mut text = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or(0).min(1 << 30));
    entry.read_to_end(&mut text).map_err(damaged)?;
    Ok(text)
}

fn check_sum(path: &Path, actual: &str) -> Result<(), Problem> {
    let mut checksum = path.as_os_str().to_owned();
    checksum.push(".CHECKSUM");
    let Ok(text) = fs::read_to_string(PathBuf::from(checksum)) else { return Ok(()) };
    let expected = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if expected == actual {
        Ok(())
    } else {
        Err(Problem::Checksum { expected, actual: actual.to_owned() })
    }
}

fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::Damaged { reason: error.to_string() }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> IngestError + use<> {
    let path = path.to_owned();
    move |source| IngestError::Io { path, source }
}
