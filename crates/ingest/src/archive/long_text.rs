//! Texts too long to be in memory at once: months of trades.

use std::io::Read;

use super::text;
use super::unpack::{Packing, Source, problem_of, stream};
use crate::error::Problem;
use crate::limits::Limits;

/// Bytes of a block. The last line of a block is always whole.
const BLOCK_BYTES: usize = 4 << 20;

/// A text that is unpacked again each time it is read, a block at a time.
pub(crate) struct LongText {
    source: Source,
    packing: Option<Packing>,
    limits: Limits,
    /// The first lines, whole.
    head: Vec<u8>,
}

impl LongText {
    /// `start` is how the text begins, as far as it has been read.
    pub(super) fn new(
        source: Source,
        packing: Option<Packing>,
        limits: Limits,
        start: &[u8],
    ) -> Self {
        let start = &start[..start.len().min(BLOCK_BYTES / 4)];
        let end = memchr::memrchr(b'\n', start).map_or(start.len(), |end| end + 1);
        Self { source, packing, limits, head: start[..end].to_vec() }
    }

    /// The first lines, whole.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Gives the text in blocks of whole lines.
    pub(crate) fn blocks<E: From<Problem>>(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = stream(&self.source, self.packing, &self.limits)?;
        let mut block = Vec::with_capacity(BLOCK_BYTES + (1 << 16));
        let mut rows: u64 = 0;
        loop {
            let wanted = BLOCK_BYTES.max(block.len() + 1) - block.len();
            let read = reader.by_ref().take(wanted as u64).read_to_end(&mut block);
            let is_end = read.map_err(problem_of)? < wanted;
            let last_line_end = memchr::memrchr(b'\n', &block).map(|end| end + 1);
            let end = if is_end { Some(block.len()) } else { last_line_end };
            let Some(end) = end else {
                // Not one line end in a whole block.
                let (found, limit) = (block.len() as u64, self.limits.line_bytes);
                return Err(text::too_large("bytes of a line", found, limit, "line_bytes").into());
            };
            text::check(&block[..end], false, &self.limits)?;
            rows += memchr::memchr_iter(b'\n', &block[..end]).count() as u64;
            if rows > self.limits.rows.saturating_add(2) {
                return Err(text::too_large("lines", rows, self.limits.rows, "rows").into());
            }
            if end > 0 {
                each(&block[..end])?;
            }
            if is_end {
                return Ok(());
            }
            block.drain(..end);
        }
    }
}
