//! Whether unpacked bytes are text that may be read at all.

use crate::error::Problem;
use crate::json::DOCUMENT_BYTES_MAX;
use crate::limits::Limits;

/// Refuses text in UTF-16 or UTF-32, text with NUL bytes, and lines and fields without end.
///
/// `is_json` lifts the limits of lines and fields: a JSON document is one line.
pub(super) fn check(text: &[u8], is_json: bool, limits: &Limits) -> Result<(), Problem> {
    check_encoding(text)?;
    if is_json {
        return Ok(());
    }
    let mut start = 0;
    let mut rows: u64 = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        rows += 1;
        let line = &text[start..end];
        // A line that is short enough for a field has no longer field.
        if line.len() as u64 > limits.field_bytes {
            check_line(line, limits)?;
        }
        start = end + 1;
    }
    if rows > limits.rows.saturating_add(2) {
        return Err(too_large("lines", rows, limits.rows, "rows"));
    }
    Ok(())
}

fn check_encoding(text: &[u8]) -> Result<(), Problem> {
    let found = if text.starts_with(b"\xff\xfe\0\0") || text.starts_with(b"\0\0\xfe\xff") {
        "UTF-32"
    } else if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        "UTF-16"
    } else if memchr::memchr(0, text).is_some() {
        "text with NUL bytes, perhaps UTF-16"
    } else {
        return Ok(());
    };
    Err(Problem::Encoding { found })
}

fn check_line(line: &[u8], limits: &Limits) -> Result<(), Problem> {
    if line.len() as u64 > limits.line_bytes {
        return Err(too_large(
            "bytes of a line",
            line.len() as u64,
            limits.line_bytes,
            "line_bytes",
        ));
    }
    let longest = line.split(|&byte| byte == b',').map(<[u8]>::len).max().unwrap_or(0) as u64;
    if longest > limits.field_bytes {
        return Err(too_large("bytes of a field", longest, limits.field_bytes, "field_bytes"));
    }
    Ok(())
}

/// Refuses JSON that is nested too deeply, has more values than `rows` or would take too much
/// memory, before it is parsed.
pub(super) fn check_json(text: &[u8], limits: &Limits) -> Result<(), Problem> {
    let mut depth: u64 = 0;
    let mut values: u64 = 0;
    let mut weight: u64 = 0;
    // Longer texts are read line by line, or not at all.
    let is_at_once = text.len() <= DOCUMENT_BYTES_MAX;
    let mut in_string = false;
    let mut escaped = false;
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                values += 1;
                weight += if byte == b'{' { OBJECT_BYTES } else { LIST_BYTES };
                if depth > limits.nesting {
                    return Err(too_large("levels of JSON", depth, limits.nesting, "nesting"));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => {
                values += 1;
                weight += VALUE_BYTES;
            }
            b'\n' if depth == 0 && !is_at_once => weight = 0,
            _ => {}
        }
        if weight > JSON_MEMORY_BYTES_MAX {
            let what = format!(
                "JSON that would take more than {JSON_MEMORY_BYTES_MAX} bytes of memory (split it)"
            );
            return Err(Problem::Unsupported { what });
        }
    }
    if values > limits.rows {
        return Err(too_large("values of a JSON document", values, limits.rows, "rows"));
    }
    Ok(())
}

/// What parsed JSON may take of memory, by the three weights below.
const JSON_MEMORY_BYTES_MAX: u64 = 1 << 30;

/// An object's first node has room for eleven names and values.
const OBJECT_BYTES: u64 = 700;

/// A list's first allocation has room for four values.
const LIST_BYTES: u64 = 160;

/// A value after the first of its list or object, with its short text or name.
const VALUE_BYTES: u64 = 64;

pub(super) fn too_large(
    what: &'static str,
    found: u64,
    limit: u64,
    setting: &'static str,
) -> Problem {
    Problem::TooLarge { what, found, limit, setting }
}
