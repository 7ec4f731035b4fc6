//! How large a file may be, and what of it may be how large: against archives that are broken or
//! made to exhaust the machine.

/// What a file may not exceed. All are checked while reading, none by what the file declares of
/// itself; the defaults are far above anything that a venue publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file on disk.
    pub file_bytes: u64,
    /// Bytes of a file unpacked.
    pub unpacked_bytes: u64,
    /// Unpacked bytes by bytes on disk, looked at from 16 MiB of unpacked bytes on.
    pub ratio: u64,
    /// Rows of a file: lines of a text, rows of a column file, values of a JSON document.
    pub rows: u64,
    /// Entries of a zip archive.
    pub entries: u64,
    /// Bytes of one field of a text.
    pub field_bytes: u64,
    /// Bytes of one line of a CSV text.
    pub line_bytes: u64,
    /// Depth of a JSON document.
    pub nesting: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 30,
            unpacked_bytes: 512 << 30,
            ratio: 250,
            rows: 4_000_000_000,
            entries: 10_000,
            field_bytes: 4 << 10,
            line_bytes: 64 << 10,
            nesting: 32,
        }
    }
}

/// Up to so many unpacked bytes the ratio is not looked at: a short text can shrink to anything.
pub(crate) const RATIO_FROM: u64 = 16 << 20;
