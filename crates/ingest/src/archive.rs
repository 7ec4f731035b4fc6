//! Files on disk: found, read, checked and unpacked.

mod columns;
mod find;
mod long_text;
mod text;
mod unpack;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub(crate) use find::{Found, find};
pub(crate) use long_text::LongText;
use unpack::{Packing, Source};

use crate::csv::{self, Rows, Want};
use crate::error::{Place, Problem, RowProblem};
use crate::json::Json;
use crate::limits::Limits;

/// Longer files stay on disk while they are read.
const SHORT_FILE_BYTES: u64 = 32 << 20;

/// Longer texts are read in blocks.
const LONG_TEXT_BYTES: usize = 48 << 20;

/// JSON lines are in memory at once.
const JSON_LINES_BYTES_MAX: u64 = 1 << 30;

/// Arrow files are in memory at once.
const FEATHER_BYTES_MAX: u64 = 2 << 30;

const TEXT_ENDINGS: [&str; 5] = [".csv", ".txt", ".json", ".jsonl", ".ndjson"];

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

/// What a file holds after unpacking.
pub(crate) enum Content {
    /// CSV text.
    Text(Vec<u8>),
    /// CSV text that is too long to be in memory at once.
    LongText(LongText),
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
    /// For what is only found out while the content is decoded.
    pub(crate) limits: Limits,
}

impl Archive {
    /// Reads and unpacks a file. A `.CHECKSUM` file beside it is held against it.
    pub(crate) fn open(input: &Input, limits: &Limits) -> Result<Self, Problem> {
        RawFile::read(input, limits)?.unpack(limits)
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

    /// A text, or how it begins where it is long.
    pub(crate) fn head(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::LongText(text) => Some(text.head()),
            _ => None,
        }
    }

    /// Reads a text in blocks of whole lines, so that only one block's columns are in memory; see
    /// [`csv::read_blocks`].
    pub(crate) fn read_blocks(
        &self,
        has_header: bool,
        columns: &[(String, Want)],
        mut each: impl FnMut(usize, Rows) -> Result<(), RowProblem>,
    ) -> Result<(), RowProblem> {
        match &self.content {
            Content::Text(text) => csv::read_blocks(text, has_header, columns, each),
            Content::LongText(text) => {
                let mut before = 0;
                let mut header_left = has_header;
                text.blocks(|block| {
                    let mut rows = 0;
                    csv::read_blocks(block, header_left, columns, |within, block_rows| {
                        rows += block_rows.len;
                        each(before + within, block_rows)
                    })
                    .map_err(|problem| problem.after(before))?;
                    header_left = false;
                    before += rows;
                    Ok(())
                })
            }
            _ => Err(Problem::Unsupported { what: "columns where text is expected".into() }.into()),
        }
    }

    /// Every row of a text, however long; see [`csv::read`].
    pub(crate) fn read_rows(
        &self,
        has_header: bool,
        columns: &[(String, Want)],
    ) -> Result<Rows, RowProblem> {
        if let Content::Text(text) = &self.content {
            return csv::read(text, has_header, columns);
        }
        let mut all: Option<Rows> = None;
        self.read_blocks(has_header, columns, |_, rows| {
            match &mut all {
                Some(all) => all.append(rows),
                None => all = Some(rows),
            }
            Ok(())
        })?;
        all.ok_or_else(|| Problem::Empty.into())
    }

    /// Where a row (from 0) stands in the file. Blank lines and a header are counted.
    pub(crate) fn place_of(&self, row: Option<usize>) -> Place {
        let Some(row) = row else { return Place::File };
        let Some(head) = self.head() else { return Place::Row(row + 1) };
        let mut left = row + usize::from(csv::header(head).is_some());
        let mut line = 0;
        let mut find = |text: &[u8]| {
            let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n');
            for text in lines {
                line += 1;
                if !text.trim_ascii().is_empty() {
                    if left == 0 {
                        return true;
                    }
                    left -= 1;
                }
            }
            false
        };
        let found = match &self.content {
            Content::LongText(text) => {
                let mut found = false;
                // A text that could be read once can be read again, or the place stays unknown.
                let _ = text.blocks(|block| {
                    found = found || find(block);
                    Ok::<(), Problem>(())
                });
                found
            }
            _ => find(head),
        };
        Place::Line(if found { line } else { 1 })
    }
}

/// A file with its hash, before it is unpacked.
pub(crate) struct RawFile<'a> {
    input: &'a Input,
    source: Source,
    pub(crate) sha256: String,
}

impl<'a> RawFile<'a> {
    /// Reads a file, a long one only to hash it. A `.CHECKSUM` file beside it is held against it.
    pub(crate) fn read(input: &'a Input, limits: &Limits) -> Result<Self, Problem> {
        let raw = Self::hashed(input, limits)?;
        raw.check_sum()?;
        Ok(raw)
    }

    /// A file that is in memory.
    pub(crate) fn of_bytes(input: &'a Input, bytes: Vec<u8>) -> Self {
        let sha256 = hex(&Sha256::digest(&bytes));
        Self { input, source: Source::Memory(Arc::new(bytes)), sha256 }
    }

    fn hashed(input: &'a Input, limits: &Limits) -> Result<Self, Problem> {
        let metadata = fs::metadata(&input.path)?;
        // Opening a pipe would wait for somebody to write to it.
        if let Some(what) = find::irregular(&metadata) {
            return Err(Problem::NotAFile { what });
        }
        if metadata.len() > limits.file_bytes {
            let (found, limit) = (metadata.len(), limits.file_bytes);
            return Err(text::too_large("bytes on disk", found, limit, "file_bytes"));
        }
        let mut file = File::open(&input.path)?;
        if metadata.len() <= SHORT_FILE_BYTES {
            let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
            file.take(SHORT_FILE_BYTES + 1).read_to_end(&mut bytes)?;
            let sha256 = hex(&Sha256::digest(&bytes));
            return Ok(Self { input, source: Source::Memory(Arc::new(bytes)), sha256 });
        }
        let mut hasher = Sha256::new();
        let mut block = vec![0; 1 << 20];
        loop {
            let length = file.read(&mut block)?;
            if length == 0 {
                break;
            }
            hasher.update(&block[..length]);
        }
        let source = Source::Disk(input.path.clone(), metadata.len());
        Ok(Self { input, source, sha256: hex(&hasher.finalize()) })
    }

    fn check_sum(&self) -> Result<(), Problem> {
        let mut path = self.input.path.as_os_str().to_owned();
        path.push(".CHECKSUM");
        let path = PathBuf::from(path);
        // Opening a pipe would wait for somebody to write to it.
        if let Ok(metadata) = fs::metadata(&path)
            && let Some(what) = find::irregular(&metadata)
        {
            return Err(Problem::Unsupported { what: format!("a .CHECKSUM that is {what}") });
        }
        let Ok(file) = File::open(path) else { return Ok(()) };
        let mut text = Vec::new();
        // A checksum file is one line.
        file.take(1 << 16).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let expected = text.split_whitespace().next().unwrap_or("nothing").to_ascii_lowercase();
        if expected == self.sha256 {
            Ok(())
        } else {
            Err(Problem::Checksum { expected: shown(&expected), actual: self.sha256.clone() })
        }
    }

    pub(crate) fn unpack(self, limits: &Limits) -> Result<Archive, Problem> {
        let path = &self.input.path;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lower = file_name.to_ascii_lowercase();
        let packing = Packing::of_name(&lower);
        let content = if lower.ends_with(".feather") {
            let bytes = self.in_memory()?;
            columns::check_arrow(&bytes, limits)?;
            Content::Feather(bytes)
        } else if lower.ends_with(".parquet") {
            columns::check_parquet(path, limits)?;
            Content::Parquet(path.clone())
        } else if packing.is_some() || TEXT_ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            self.text(packing, limits)?
        } else {
            let reason =
                "its name ends in none of csv, json, jsonl, zip, gz, zst, lz4, feather, parquet"
                    .to_owned();
            return Err(Problem::NotRecognised { reason });
        };
        Ok(Archive {
            path: path.clone(),
            name: self.input.name.clone(),
            stem: file_name.split('.').next().unwrap_or_default().to_owned(),
            sha256: self.sha256,
            zipped: packing == Some(Packing::Zip),
            content,
            limits: *limits,
        })
    }

    /// Text or JSON, unpacked. Long text stays where it is, to be read in blocks.
    fn text(&self, packing: Option<Packing>, limits: &Limits) -> Result<Content, Problem> {
        if let Source::Memory(bytes) = &self.source
            && packing == Some(Packing::Zip)
            && Packing::of(bytes) == packing
            && let Some(text) = unpack::short_zip(bytes, LONG_TEXT_BYTES as u64, limits)?
            && Packing::of(&text).is_none()
        {
            return short_text(text, limits);
        }
        let mut reader = unpack::stream(&self.source, packing, limits)?;
        let mut text = Vec::new();
        let read = reader.by_ref().take(LONG_TEXT_BYTES as u64 + 1).read_to_end(&mut text);
        if read.map_err(unpack::problem_of)? <= LONG_TEXT_BYTES {
            return short_text(text, limits);
        }
        if Json::is_json(&text) {
            let rest = JSON_LINES_BYTES_MAX - text.len() as u64;
            reader.take(rest + 1).read_to_end(&mut text).map_err(unpack::problem_of)?;
            if text.len() as u64 > JSON_LINES_BYTES_MAX {
                let what = format!("JSON of more than {JSON_LINES_BYTES_MAX} bytes");
                return Err(Problem::Unsupported { what });
            }
            return short_text(text, limits);
        }
        text::check(&text[..1 << 20], false, limits)?;
        Ok(Content::LongText(LongText::new(self.source.clone(), packing, *limits, &text)))
    }

    fn in_memory(&self) -> Result<Vec<u8>, Problem> {
        match &self.source {
            Source::Memory(bytes) => Ok(bytes.to_vec()),
            Source::Disk(_, bytes) if *bytes > FEATHER_BYTES_MAX => {
                let what = format!("an Arrow file of more than {FEATHER_BYTES_MAX} bytes");
                Err(Problem::Unsupported { what })
            }
            Source::Disk(path, _) => Ok(fs::read(path)?),
        }
    }
}

/// Unpacked text: JSON by its first character, else CSV.
fn short_text(text: Vec<u8>, limits: &Limits) -> Result<Content, Problem> {
    let is_json = Json::is_json(&text);
    text::check(&text, is_json, limits)?;
    if is_json {
        text::check_json(&text, limits)?;
        Json::parse(text).map(Content::Json)
    } else {
        Ok(Content::Text(text))
    }
}

/// Text of somebody else's making, cut where it has no end.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
