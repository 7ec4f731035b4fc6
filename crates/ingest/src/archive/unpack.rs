//! From packed bytes to text: zip, gzip, zstd and lz4, one inside another up to two layers deep.
//!
//! Nothing is allocated and nothing trusted because a header declares it: bytes are counted as
//! they come out, against [`Limits::unpacked_bytes`] and [`Limits::ratio`].

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use lz4_flex::frame::FrameDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::has_data_ending;
use super::text::too_large;
use crate::error::Problem;
use crate::limits::{Limits, RATIO_FROM};

/// An archive of an archive is known to be published; a third layer is not.
const LAYERS_MAX: usize = 2;

/// A zip archive inside another archive is unpacked in memory, up to so many bytes.
const INNER_ZIP_BYTES_MAX: u64 = 64 << 20;

/// A file as it lies on disk: short ones in memory, long ones read as they are needed.
#[derive(Clone)]
pub(crate) enum Source {
    Memory(Arc<Vec<u8>>),
    Disk(PathBuf, u64),
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    fn bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(_, bytes) => *bytes,
        }
    }

    fn reader(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(Cursor::new(Shared(Arc::clone(bytes)))),
            Self::Disk(path, _) => Box::new(BufReader::with_capacity(1 << 18, File::open(path)?)),
        })
    }
}

/// Bytes that several readers share.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How bytes are packed, by how they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Zip,
    Gzip,
    Zstd,
    Lz4,
}

impl Packing {
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            _ => return None,
        })
    }

    /// What the ending of a file's name says.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let packings =
            [(".zip", Self::Zip), (".gz", Self::Gzip), (".zst", Self::Zstd), (".lz4", Self::Lz4)];
        packings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, packing)| packing)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

/// The text of a file, from its first byte. `expected` is what the file's name says of its
/// packing; bytes that begin otherwise are damaged.
pub(super) fn stream(
    source: &Source,
    expected: Option<Packing>,
    limits: &Limits,
) -> Result<Box<dyn BufRead + Send>, Problem> {
    let mut reader = source.reader()?;
    let mut start = [0; 4];
    let length = read_up_to(&mut reader, &mut start)?;
    reader.seek(SeekFrom::Start(0))?;
    let found = Packing::of(&start[..length]);
    // Any packing will do where there is one; names are easily wrong about which.
    if let (Some(expected), None) = (expected, found) {
        let reason = format!("it does not begin as {} does", expected.name());
        return Err(Problem::Damaged { reason });
    }
    let mut layers = 0;
    let mut current: Box<dyn BufRead + Send> = match found {
        None => return Ok(Box::new(BufReader::with_capacity(1 << 18, reader))),
        Some(Packing::Zip) => zip_entry(reader, limits)?.read(source, limits)?,
        Some(packing) => {
            counted(unpack(packing, Box::new(BufReader::new(reader)))?, source, limits)
        }
    };
    layers += 1;
    while let Some(packing) = Packing::of(current.fill_buf().map_err(problem_of)?) {
        layers += 1;
        if layers > LAYERS_MAX {
            let what = format!("an archive in {LAYERS_MAX} others");
            return Err(Problem::Unsupported { what });
        }
        current = if packing == Packing::Zip {
            let mut inner = Vec::new();
            current.take(INNER_ZIP_BYTES_MAX + 1).read_to_end(&mut inner).map_err(problem_of)?;
            if inner.len() as u64 > INNER_ZIP_BYTES_MAX {
                let what = "a large zip archive inside another archive".to_owned();
                return Err(Problem::Unsupported { what });
            }
            let inner = Source::Memory(Arc::new(inner));
            let entry = zip_entry(inner.reader()?, limits)?;
            // Counted against the file on disk, not against the inner archive.
            counted(entry.read(&inner, limits)?, source, limits)
        } else {
            counted(unpack(packing, current)?, source, limits)
        };
    }
    Ok(current)
}

/// Text of a short zip archive in one go, which is twice as fast as in blocks. `None` where that
/// does not apply.
pub(super) fn short_zip(
    bytes: &Arc<Vec<u8>>,
    longest: u64,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Problem> {
    let source = Source::Memory(Arc::clone(bytes));
    let entry = zip_entry(source.reader()?, limits)?;
    let most = longest.min(limits.unpacked_bytes);
    // Deflate cannot make more than 1032 bytes of one.
    let possible = entry.packed_bytes.saturating_mul(1032).saturating_add(64);
    let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(entry.packed_bytes).unwrap_or(usize::MAX));
    if entry.method != CompressionMethod::Deflated || entry.bytes > most {
        return Ok(None);
    }
    if entry.bytes > possible {
        return Err(damaged("a zip entry declares more bytes than it can hold"));
    }
    if entry.bytes > RATIO_FROM && entry.bytes / limits.ratio.max(1) > source.bytes() {
        return Err(ratio(entry.bytes, source.bytes(), limits));
    }
    let packed = bytes.get(start..end).ok_or_else(|| damaged("a zip entry is cut off"))?;
    let mut text = vec![0; entry.bytes as usize];
    let length = libdeflater::Decompressor::new().deflate_decompress(packed, &mut text);
    let length = length.map_err(damaged)?;
    if length != text.len() {
        return Err(damaged("a zip entry is shorter than declared"));
    }
    if libdeflater::crc32(&text) != entry.crc32 {
        return Err(damaged("a zip entry does not have its checksum"));
    }
    Ok(Some(text))
}

fn unpack(
    packing: Packing,
    packed: Box<dyn BufRead + Send>,
) -> Result<Box<dyn Read + Send>, Problem> {
    Ok(match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(packed).map_err(damaged)?),
        Packing::Lz4 => Box::new(Lz4 { frames: FrameDecoder::new(packed) }),
        Packing::Zip => unreachable!("zip archives are read from their end"),
    })
}

/// All frames of an lz4 file, where the decoder stops after each.
struct Lz4 {
    frames: FrameDecoder<Box<dyn BufRead + Send>>,
}

impl Read for Lz4 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.frames.read(buffer)?;
            if length > 0 || buffer.is_empty() || self.frames.get_mut().fill_buf()?.is_empty() {
                return Ok(length);
            }
        }
    }
}

/// The one data file of a zip archive.
struct ZipEntry {
    reader: Box<dyn ReadSeek + Send>,
    start: u64,
    packed_bytes: u64,
    /// As declared.
    bytes: u64,
    crc32: u32,
    method: CompressionMethod,
}

fn zip_entry(mut reader: Box<dyn ReadSeek + Send>, limits: &Limits) -> Result<ZipEntry, Problem> {
    check_directory(&mut reader, limits)?;
    let mut zip = ZipArchive::new(reader).map_err(damaged)?;
    let mut data_files = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let why = if entry.is_symlink() {
            Some("is a link")
        } else if climbs(&name) {
            Some("points out of the archive")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Problem::UnsafeEntry { name: shortened(&name), why });
        }
        if !name.ends_with('/') && has_data_ending(&name) {
            data_files.push(index);
        }
    }
    let [index] = data_files.as_slice() else {
        return Err(Problem::ZipEntries { count: data_files.len() });
    };
    let entry = zip.by_index_raw(*index).map_err(damaged)?;
    if entry.encrypted() {
        return Err(Problem::Unsupported { what: "an encrypted zip entry".to_owned() });
    }
    let (packed_bytes, bytes, crc32) = (entry.compressed_size(), entry.size(), entry.crc32());
    let method = entry.compression();
    let start = entry.data_start().ok_or_else(|| damaged("a zip entry has no data"))?;
    drop(entry);
    Ok(ZipEntry { reader: zip.into_inner(), start, packed_bytes, bytes, crc32, method })
}

impl ZipEntry {
    fn read(
        mut self,
        source: &Source,
        limits: &Limits,
    ) -> Result<Box<dyn BufRead + Send>, Problem> {
        self.reader.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::with_capacity(1 << 18, self.reader.take(self.packed_bytes));
        let text: Box<dyn Read + Send> = match self.method {
            CompressionMethod::Stored => Box::new(packed),
            CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
            method => {
                let what = format!("a zip entry packed by {method}");
                return Err(Problem::Unsupported { what });
            }
        };
        let summed = Summed { inner: text, crc: Crc::new(), crc32: self.crc32, bytes: self.bytes };
        Ok(counted(Box::new(summed), source, limits))
    }
}

/// Holds a zip entry against its declared length and checksum when it ends.
struct Summed {
    inner: Box<dyn Read + Send>,
    crc: Crc,
    crc32: u32,
    bytes: u64,
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.crc.update(&buffer[..length]);
        // The checksum counts modulo 2^32.
        let all = u64::from(self.crc.amount()) == self.bytes & 0xffff_ffff;
        if length == 0 && !buffer.is_empty() && (!all || self.crc.sum() != self.crc32) {
            return Err(io::Error::other("a zip entry does not have its length or checksum"));
        }
        Ok(length)
    }
}

/// Looks at the end of a zip archive: how many entries it declares, and that nothing follows.
fn check_directory(reader: &mut (dyn ReadSeek + Send), limits: &Limits) -> Result<(), Problem> {
    /// An end record without comment, and the longest comment.
    const END: u64 = 22;
    const COMMENT_MAX: u64 = 0xffff;
    let length = reader.seek(SeekFrom::End(0))?;
    let tail_from = length.saturating_sub(END + COMMENT_MAX);
    reader.seek(SeekFrom::Start(tail_from))?;
    let mut tail = vec![0; (length - tail_from) as usize];
    reader.read_exact(&mut tail)?;
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06")
        .filter(|&at| tail.len() - at >= END as usize)
        .ok_or_else(|| damaged("a zip archive without its end"))?;
    let record = &tail[end..];
    let number = |at: usize| u64::from(u16::from_le_bytes([record[at], record[at + 1]]));
    if record.len() as u64 != END + number(20) {
        return Err(damaged("bytes after the end of a zip archive"));
    }
    let mut entries = number(10);
    if entries == 0xffff
        && let Some(at) = memchr::memmem::rfind(&tail[..end], b"PK\x06\x06")
        && let Some(count) = tail.get(at + 32..at + 40)
    {
        entries = count.try_into().map_or(u64::MAX, u64::from_le_bytes);
    }
    if entries > limits.entries {
        return Err(too_large("entries of a zip archive", entries, limits.entries, "entries"));
    }
    reader.seek(SeekFrom::Start(0))?;
    Ok(())
}

/// Whether a name, taken for a path, could leave the folder it is unpacked in. Nothing is ever
/// unpacked to disk here; but who names a file so means harm.
fn climbs(name: &str) -> bool {
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    let parts = || name.split(['/', '\\']);
    has_drive
        || name.starts_with(['/', '\\'])
        || parts().any(|part| part == "..")
        || name.contains('\0')
}

fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(80).flat_map(char::escape_default).collect();
    if name.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// Counts what comes out of a decoder.
struct Counted {
    inner: Box<dyn Read + Send>,
    bytes: u64,
    on_disk: u64,
    limits: Limits,
}

fn counted(
    inner: impl Read + Send + 'static,
    source: &Source,
    limits: &Limits,
) -> Box<dyn BufRead + Send> {
    let counted =
        Counted { inner: Box::new(inner), bytes: 0, on_disk: source.bytes(), limits: *limits };
    Box::new(BufReader::with_capacity(1 << 18, counted))
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes += length as u64;
        let limit = self.limits.unpacked_bytes;
        if self.bytes > limit {
            let problem = too_large("bytes unpacked", self.bytes, limit, "unpacked_bytes");
            return Err(io::Error::other(problem));
        }
        if self.bytes > RATIO_FROM && self.bytes / self.limits.ratio.max(1) > self.on_disk {
            return Err(io::Error::other(ratio(self.bytes, self.on_disk, &self.limits)));
        }
        Ok(length)
    }
}

fn ratio(bytes: u64, on_disk: u64, limits: &Limits) -> Problem {
    too_large("times its size when unpacked", bytes / on_disk.max(1), limits.ratio, "ratio")
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// The problem that a reader of this module found, or what a decompressor said.
pub(super) fn problem_of(error: io::Error) -> Problem {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    // The operating system's own errors are no fault of the bytes.
    if error.raw_os_error().is_some() { Problem::Io(error) } else { damaged(error) }
}

pub(super) fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::Damaged { reason: error.to_string() }
}
