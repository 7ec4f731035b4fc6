//! JSON of API dumps and recorders: what a document looks like, and numbers that may be text.

use serde_json::Value;

use crate::decimal;
use crate::error::Problem;

/// Larger documents are refused: they have to be in memory at once, many times their size.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// So many elements of a list say what the list is.
const SAMPLE_ELEMENTS: usize = 16;

/// What a JSON file holds.
pub(crate) enum Json {
    /// One value a line, read line by line.
    Lines(Vec<u8>),
    /// One value.
    Document(Value),
}

impl Json {
    /// Text whose first character is `{` or `[`.
    pub(crate) fn is_json(text: &[u8]) -> bool {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
    }

    pub(crate) fn parse(text: Vec<u8>) -> Result<Self, Problem> {
        let mut lines = text.split(|&byte| byte == b'\n').filter(|l| !l.trim_ascii().is_empty());
        let first = lines.next().unwrap_or_default();
        let is_lines = lines.next().is_some() && serde_json::from_slice::<Value>(first).is_ok();
        if is_lines {
            return Ok(Self::Lines(text));
        }
        if text.len() > DOCUMENT_BYTES_MAX {
            let what =
                format!("a JSON document of {} bytes (JSON lines can be longer)", text.len());
            return Err(Problem::Unsupported { what });
        }
        let bad = |error: serde_json::Error| Problem::Damaged { reason: error.to_string() };
        Ok(Self::Document(serde_json::from_slice(&text).map_err(bad)?))
    }

    /// The document with the beginnings of its lists, or the first line.
    pub(crate) fn sample(&self) -> Option<Value> {
        match self {
            Self::Document(value) => Some(pruned(value)),
            Self::Lines(text) => lines(text).next()?.1.ok(),
        }
    }

    /// Refuses more lines than can be in memory as values at once.
    pub(crate) fn fits_in_memory(&self) -> Result<(), Problem> {
        match self {
            Self::Lines(text) if text.len() > DOCUMENT_BYTES_MAX => {
                let what = format!("{} bytes of JSON lines of objects", text.len());
                Err(Problem::Unsupported { what })
            }
            _ => Ok(()),
        }
    }
}

/// A value with the first elements of every list in it.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.iter().take(SAMPLE_ELEMENTS).map(pruned).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), pruned(value))).collect())
        }
        value => value.clone(),
    }
}

/// The values of JSON lines with their line numbers (from 1).
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Result<Value, Problem>)> {
    text.split(|&byte| byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| {
            let bad = |error: serde_json::Error| Problem::Damaged { reason: error.to_string() };
            (index + 1, serde_json::from_slice(line).map_err(bad))
        })
}

/// A number, which exchanges often write as text.
pub(crate) fn number(value: &Value, column: &str) -> Result<f64, Problem> {
    let found = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => decimal::parse(text.trim().as_bytes()),
        _ => None,
    };
    found.ok_or_else(|| Problem::NotANumber { column: column.to_owned(), value: value.to_string() })
}

/// Text, or a number in its text form.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
