//! Arrow and Parquet files, held against what they declare before any of it is allocated.
//!
//! The readers of both formats allocate what a header asks for. A failed allocation ends the
//! process and cannot be caught, so lengths are checked here against the bytes that there are.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use arrow::ipc::{Block, CompressionType, RecordBatch, root_as_footer, root_as_message};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaDataReader;

use super::text::too_large;
use super::unpack::damaged;
use crate::error::Problem;
use crate::limits::{Limits, RATIO_FROM};

/// Checks an Arrow IPC file.
pub(super) fn check_arrow(bytes: &[u8], limits: &Limits) -> Result<(), Problem> {
    const END: usize = 10;
    let cut = || damaged("an Arrow file without its end");
    let tail = bytes.len().checked_sub(END).and_then(|at| bytes.get(at..)).ok_or_else(cut)?;
    let (length, magic) = tail.split_at(4);
    if magic != b"ARROW1" || !bytes.starts_with(b"ARROW1") {
        return Err(damaged("it does not begin and end as an Arrow file does"));
    }
    let length = length.try_into().map_or(usize::MAX, |l| u32::from_le_bytes(l) as usize);
    let start = (bytes.len() - END).checked_sub(length).ok_or_else(cut)?;
    let footer = root_as_footer(&bytes[start..bytes.len() - END]).map_err(damaged)?;
    if footer.schema().is_none() {
        return Err(damaged("an Arrow file without a schema"));
    }
    let mut totals = Totals::default();
    for block in footer.dictionaries().iter().flatten() {
        let batch = message(bytes, block)?.header_as_dictionary_batch();
        let batch = batch.and_then(|batch| batch.data());
        check_batch(bytes, block, batch, &mut totals)?;
    }
    for block in footer.recordBatches().iter().flatten() {
        let batch = message(bytes, block)?.header_as_record_batch();
        check_batch(bytes, block, batch, &mut totals)?;
    }
    totals.check(bytes.len() as u64, limits)
}

/// What all batches declare together.
#[derive(Default)]
struct Totals {
    rows: u64,
    bytes: u64,
}

impl Totals {
    fn check(&self, on_disk: u64, limits: &Limits) -> Result<(), Problem> {
        if self.rows > limits.rows {
            return Err(too_large("rows declared", self.rows, limits.rows, "rows"));
        }
        if self.bytes > limits.unpacked_bytes {
            let limit = limits.unpacked_bytes;
            return Err(too_large("bytes unpacked", self.bytes, limit, "unpacked_bytes"));
        }
        let ratio = self.bytes / on_disk.max(1);
        if self.bytes > RATIO_FROM && ratio > limits.ratio {
            return Err(too_large("times its size when unpacked", ratio, limits.ratio, "ratio"));
        }
        Ok(())
    }
}

fn message<'a>(bytes: &'a [u8], block: &Block) -> Result<arrow::ipc::Message<'a>, Problem> {
    let bad = || damaged("a block of an Arrow file lies outside of it");
    let start = usize::try_from(block.offset()).map_err(|_| bad())?;
    let length = usize::try_from(block.metaDataLength()).map_err(|_| bad())?;
    let body = usize::try_from(block.bodyLength()).map_err(|_| bad())?;
    let end = start.checked_add(length).ok_or_else(bad)?;
    if end.checked_add(body).is_none_or(|end| end > bytes.len()) {
        return Err(bad());
    }
    // Since 2019 a marker of four bytes stands before the length of the message.
    let head = bytes[start..end].strip_prefix(&[0xff; 4]).unwrap_or(&bytes[start..end]);
    root_as_message(head.get(4..).ok_or_else(bad)?).map_err(damaged)
}

fn check_batch(
    bytes: &[u8],
    block: &Block,
    batch: Option<RecordBatch<'_>>,
    totals: &mut Totals,
) -> Result<(), Problem> {
    let batch = batch.ok_or_else(|| damaged("a block of an Arrow file is no batch of rows"))?;
    let rows = u64::try_from(batch.length()).map_err(|_| damaged("a negative number of rows"))?;
    for node in batch.nodes().iter().flatten() {
        if node.length() < 0 || node.null_count() < 0 || node.null_count() > node.length() {
            return Err(damaged("a column of an Arrow file has an impossible length"));
        }
        // Columns of nulls take no bytes, however long they say they are.
        totals.bytes = totals.bytes.saturating_add(node.length() as u64);
    }
    totals.rows = totals.rows.saturating_add(rows);
    let body_start = block.offset() as usize + block.metaDataLength() as usize;
    let body = &bytes[body_start..body_start + block.bodyLength() as usize];
    let packed = batch.compression().is_some_and(|compression| {
        matches!(compression.codec(), CompressionType::LZ4_FRAME | CompressionType::ZSTD)
    });
    for buffer in batch.buffers().iter().flatten() {
        let outside = || damaged("a buffer of an Arrow file lies outside its block");
        let start = usize::try_from(buffer.offset()).map_err(|_| outside())?;
        let length = usize::try_from(buffer.length()).map_err(|_| outside())?;
        let end = start.checked_add(length).filter(|&end| end <= body.len()).ok_or_else(outside)?;
        let unpacked = match body[start..end].first_chunk::<8>() {
            Some(declared) if packed => match i64::from_le_bytes(*declared) {
                // Not packed after all.
                -1 => length as u64,
                declared => u64::try_from(declared).map_err(|_| outside())?,
            },
            _ => length as u64,
        };
        totals.bytes = totals.bytes.saturating_add(unpacked);
    }
    Ok(())
}

/// Checks a Parquet file by its metadata.
pub(super) fn check_parquet(path: &Path, limits: &Limits) -> Result<(), Problem> {
    const END: u64 = 8;
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let cut = || damaged("a Parquet file without its end");
    let mut tail = [0; END as usize];
    file.seek(SeekFrom::Start(bytes.checked_sub(END).ok_or_else(cut)?))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    if &magic != b"PAR1" {
        return Err(damaged("it does not end as a Parquet file does"));
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let start = (bytes - END).checked_sub(length).ok_or_else(cut)?;
    file.seek(SeekFrom::Start(start))?;
    let mut metadata = Vec::new();
    file.by_ref().take(length).read_to_end(&mut metadata)?;
    thrift::check(&metadata).ok_or_else(|| damaged("the metadata of a Parquet file"))?;

    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(damaged)?;
    let mut totals = Totals::default();
    for group in metadata.row_groups() {
        let impossible = || damaged("a row group of a Parquet file has an impossible size");
        let rows = u64::try_from(group.num_rows()).map_err(|_| impossible())?;
        totals.rows = totals.rows.saturating_add(rows);
        for column in group.columns() {
            if let Compression::BROTLI(_) | Compression::GZIP(_) | Compression::LZO =
                column.compression()
            {
                let name = column.compression().to_string();
                let name = name.split('(').next().unwrap_or_default();
                let what =
                    format!("a Parquet file packed with {name} (write it with zstd or snappy)");
                return Err(Problem::Unsupported { what });
            }
            let unpacked = u64::try_from(column.uncompressed_size()).map_err(|_| impossible())?;
            let values = u64::try_from(column.num_values()).map_err(|_| impossible())?;
            let packed = u64::try_from(column.compressed_size()).map_err(|_| impossible())?;
            if packed > bytes || column.data_page_offset() < 0 {
                return Err(impossible());
            }
            // Runs of equal values take next to nothing in the file, and eight bytes each read.
            let read = unpacked.max(values.saturating_mul(8));
            totals.bytes = totals.bytes.saturating_add(read);
        }
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(totals.rows) {
        return Err(damaged("a Parquet file whose row groups have not the rows that it declares"));
    }
    totals.check(bytes, limits)
}

/// Thrift's compact protocol, as far as it takes to see that every length fits the bytes.
mod thrift {
    const DEPTH_MAX: usize = 32;

    /// `None` where a list or text is longer than what is left, or the nesting has no end.
    pub(super) fn check(bytes: &[u8]) -> Option<()> {
        Walk { rest: bytes }.structure(0)
    }

    struct Walk<'a> {
        rest: &'a [u8],
    }

    impl Walk<'_> {
        fn structure(&mut self, depth: usize) -> Option<()> {
            if depth > DEPTH_MAX {
                return None;
            }
            loop {
                let head = self.byte()?;
                if head == 0 {
                    return Some(());
                }
                // No difference to the field before: the field's number follows.
                if head >> 4 == 0 {
                    self.number()?;
                }
                // A truth value is in the type itself.
                if !matches!(head & 15, 1 | 2) {
                    self.value(head & 15, depth)?;
                }
            }
        }

        fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
            match kind {
                1..=3 => self.skip(1),
                4..=6 => self.number().map(|_| ()),
                7 => self.skip(8),
                8 => {
                    let length = self.number()?;
                    self.skip(usize::try_from(length).ok()?)
                }
                9 | 10 => {
                    let head = self.byte()?;
                    let short = u64::from(head >> 4);
                    let length = if short == 15 { self.number()? } else { short };
                    self.list(length, head & 15, depth)
                }
                12 => self.structure(depth + 1),
                // Parquet has no maps.
                _ => None,
            }
        }

        fn list(&mut self, length: u64, kind: u8, depth: usize) -> Option<()> {
            if length > self.rest.len() as u64 || depth > DEPTH_MAX {
                return None;
            }
            (0..length).try_for_each(|_| self.value(kind, depth + 1))
        }

        fn number(&mut self) -> Option<u64> {
            let mut number: u64 = 0;
            for shift in (0..64).step_by(7) {
                let byte = self.byte()?;
                number |= u64::from(byte & 127) << shift;
                if byte < 128 {
                    return Some(number);
                }
            }
            None
        }

        fn byte(&mut self) -> Option<u8> {
            let (&first, rest) = self.rest.split_first()?;
            self.rest = rest;
            Some(first)
        }

        fn skip(&mut self, length: usize) -> Option<()> {
            self.rest = self.rest.get(length..)?;
            Some(())
        }
    }
}
