//! CSV text to typed columns, in one pass over the bytes.
//!
//! What archives write is plain: no quoted line breaks, a field a number or a word. The reader
//! knows by column what to expect, so nothing is split first and parsed later.

use std::borrow::Cow;

use plimsoll_market::Timestamp;

use crate::archive::shown;
use crate::decimal;
use crate::error::{Problem, RowProblem};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Not looked at.
    Skip,
    /// A time, as a number since 1970 or as text; kept in UTC milliseconds.
    Time,
    /// A number.
    Number,
    /// A number, or empty; kept as NaN where empty.
    NumberOrEmpty,
    /// A word.
    Word,
}

/// Values of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Skipped,
    Times(Vec<i64>),
    Numbers(Vec<f64>),
    Words(Vec<String>),
}

/// The unit of times that are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl TimeUnit {
    /// The unit in which a number is a time between 1973 and 5138.
    fn of(value: i64) -> Self {
        match value.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    fn to_ms(self, value: i64) -> i64 {
        match self {
            Self::Seconds => value * 1000,
            Self::Milliseconds => value,
            Self::Microseconds => value.div_euclid(1000),
            Self::Nanoseconds => value.div_euclid(1_000_000),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        }
    }
}

/// The columns of a text, in the order asked for.
pub(crate) struct Rows {
    pub(crate) columns: Vec<Values>,
    pub(crate) len: usize,
    /// Unit of the first time column, where its times are numbers.
    pub(crate) time_unit: Option<TimeUnit>,
}

impl Rows {
    /// Adds the rows of the next block, read with the same columns.
    pub(crate) fn append(&mut self, more: Self) {
        for (values, more) in self.columns.iter_mut().zip(more.columns) {
            match (values, more) {
                (Values::Times(values), Values::Times(more)) => values.extend(more),
                (Values::Numbers(values), Values::Numbers(more)) => values.extend(more),
                (Values::Words(values), Values::Words(more)) => values.extend(more),
                _ => {}
            }
        }
        self.len += more.len;
        self.time_unit = self.time_unit.or(more.time_unit);
    }
}

/// The names in the first line, in lower case, if it is a header and not a row: a row begins with
/// a number or a date, or has a number among its fields, as `BTC-USDT-SWAP,SWAP,0.0001` does.
pub(crate) fn header(text: &[u8]) -> Option<Vec<String>> {
    let line = first_line(text)?;
    let first = line.first().copied().unwrap_or(b' ');
    let is_number = |field: &[u8]| decimal::parse(unquoted(field)).is_some_and(f64::is_finite);
    if first.is_ascii_digit() || first == b'-' || line.split(|&byte| byte == b',').any(is_number) {
        return None;
    }
    let names = line
        .split(|&byte| byte == b',')
        .map(|name| String::from_utf8_lossy(unquoted(name)).to_ascii_lowercase());
    Some(names.collect())
}

/// The fields of the first line.
pub(crate) fn first_row(text: &[u8]) -> Vec<String> {
    let fields = first_line(text).unwrap_or_default().split(|&byte| byte == b',');
    fields.map(|field| String::from_utf8_lossy(unquoted(field)).into_owned()).collect()
}

/// Number of fields in the first line.
pub(crate) fn width(text: &[u8]) -> usize {
    first_line(text).map_or(0, |line| 1 + commas(line))
}

fn first_line(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())
}

/// Reads every row; `columns` are name and content by position, and every row has as many.
pub(crate) fn read(
    text: &[u8],
    has_header: bool,
    columns: &[(String, Want)],
) -> Result<Rows, RowProblem> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let line_length = memchr::memchr(b'\n', text).unwrap_or(text.len()).max(16);
    let capacity = text.len() / line_length + 1;
    let mut values: Vec<Values> = columns
        .iter()
        .map(|(_, want)| match want {
            Want::Skip => Values::Skipped,
            Want::Time => Values::Times(Vec::with_capacity(capacity)),
            Want::Number | Want::NumberOrEmpty => Values::Numbers(Vec::with_capacity(capacity)),
            Want::Word => Values::Words(Vec::with_capacity(capacity)),
        })
        .collect();
    let mut units: Vec<Option<TimeUnit>> = vec![None; columns.len()];
    let mut n_rows = 0;
    let mut header_left = has_header;
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.trim_ascii().is_empty() {
            continue;
        }
        if header_left {
            header_left = false;
            continue;
        }
        read_row(line, columns, &mut values, &mut units)
            .map_err(|problem| RowProblem::at(n_rows, problem))?;
        n_rows += 1;
    }
    let time_unit = units.into_iter().flatten().next();
    Ok(Rows { columns: values, len: n_rows, time_unit })
}

/// Reads a long text in blocks of whole lines, so that only one block's columns are in memory.
/// `each` gets the number of rows before the block, and the block's rows.
pub(crate) fn read_blocks(
    text: &[u8],
    has_header: bool,
    columns: &[(String, Want)],
    mut each: impl FnMut(usize, Rows) -> Result<(), RowProblem>,
) -> Result<(), RowProblem> {
    const BLOCK_BYTES: usize = 4 << 20;
    let mut rest = text;
    let mut n_rows = 0;
    let mut header_left = has_header;
    while !rest.is_empty() {
        let end = if rest.len() > BLOCK_BYTES {
            let more = memchr::memchr(b'\n', &rest[BLOCK_BYTES..]);
            more.map_or(rest.len(), |more| BLOCK_BYTES + more + 1)
        } else {
            rest.len()
        };
        let rows =
            read(&rest[..end], header_left, columns).map_err(|problem| problem.after(n_rows))?;
        rest = &rest[end..];
        header_left = false;
        let before = n_rows;
        n_rows += rows.len;
        each(before, rows)?;
    }
    Ok(())
}

fn read_row(
    line: &[u8],
    columns: &[(String, Want)],
    values: &mut [Values],
    units: &mut [Option<TimeUnit>],
) -> Result<(), Problem> {
    let mut rest = Some(line);
    for (index, (name, want)) in columns.iter().enumerate() {
        let Some(bytes) = rest else {
            return Err(Problem::Fields { expected: columns.len(), found: index });
        };
        if let Some(length) = read_plain(bytes, *want, &mut values[index], units[index]) {
            rest = bytes.get(length + 1..);
            continue;
        }
        let (field, after) = split_field(bytes);
        rest = after;
        match &mut values[index] {
            Values::Skipped => {}
            Values::Times(times) => times.push(time(field, name, &mut units[index])?),
            Values::Numbers(numbers) => {
                let field = unquoted(field);
                let empty = *want == Want::NumberOrEmpty && is_empty_word(field);
                let number = if empty { Some(f64::NAN) } else { decimal::parse(field) };
                numbers.push(number.ok_or_else(|| Problem::NotANumber {
                    column: name.clone(),
                    value: shown(&String::from_utf8_lossy(field)),
                })?);
            }
            Values::Words(words) => {
                words.push(String::from_utf8_lossy(unquoted(field)).into_owned());
            }
        }
    }
    if let Some(extra) = rest {
        let found = columns.len() + 1 + commas(extra);
        return Err(Problem::Fields { expected: columns.len(), found });
    }
    Ok(())
}

/// Reads a field as archives write nearly all: a plain decimal, or a time in the unit of those
/// before. `None` where it is anything else, and nothing is read; else the field's length.
fn read_plain(
    bytes: &[u8],
    want: Want,
    values: &mut Values,
    unit: Option<TimeUnit>,
) -> Option<usize> {
    let ends_at = |length: usize| matches!(bytes.get(length), None | Some(b','));
    match (want, values) {
        (Want::Number | Want::NumberOrEmpty, Values::Numbers(numbers)) => {
            let (number, length) =
                decimal::leading(bytes).filter(|&(_, length)| ends_at(length))?;
            numbers.push(number);
            Some(length)
        }
        (Want::Time, Values::Times(times)) => {
            let unit = unit?;
            let length = bytes.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
            // Eighteen digits always fit.
            if !(1..=18).contains(&length) || !ends_at(length) {
                return None;
            }
            let digits = bytes[..length].iter();
            let value = digits.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            if TimeUnit::of(value) != unit {
                return None;
            }
            times.push(unit.to_ms(value));
            Some(length)
        }
        (Want::Skip, _) if bytes.first() != Some(&b'"') => {
            Some(bytes.iter().position(|&byte| byte == b',').unwrap_or(bytes.len()))
        }
        _ => None,
    }
}

/// A field and what follows its comma; `None` where it was the last.
fn split_field(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from = if bytes.first() == Some(&b'"') {
        memchr::memchr(b'"', &bytes[1..]).map_or(0, |quote| quote + 2)
    } else {
        0
    };
    match memchr::memchr(b',', &bytes[from..]) {
        Some(comma) => (&bytes[..from + comma], Some(&bytes[from + comma + 1..])),
        None => (bytes, None),
    }
}

fn commas(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b',', bytes).count()
}

fn unquoted(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(field).trim_ascii()
}

fn is_empty_word(field: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"", b"nan", b"null", b"none", b"na"];
    WORDS.iter().any(|word| field.eq_ignore_ascii_case(word))
}

pub(crate) fn time(field: &[u8], name: &str, unit: &mut Option<TimeUnit>) -> Result<i64, Problem> {
    let field = unquoted(field);
    let bad = || Problem::NotATime {
        column: name.to_owned(),
        value: shown(&String::from_utf8_lossy(field)),
    };
    if let Some(value) = decimal::integer(field) {
        let found = TimeUnit::of(value);
        let expected = *unit.get_or_insert(found);
        // A time of 0 is 1970 in any unit.
        if found != expected && value != 0 {
            return Err(Problem::MixedTimeUnits {
                column: name.to_owned(),
                value,
                unit: found.name(),
                expected: expected.name(),
            });
        }
        return Ok(expected.to_ms(value));
    }
    if let Some(seconds) = decimal::parse(field) {
        let in_range = seconds.is_finite() && seconds.abs() < 1e11;
        return if in_range { Ok((seconds * 1000.0).floor() as i64) } else { Err(bad()) };
    }
    let text = std::str::from_utf8(field).map_err(|_| bad())?;
    // `2024-10-01 00:00:00+00:00` is what pandas prints; RFC 3339 wants a `T`.
    let text = match text.as_bytes().get(10) {
        Some(b' ') if text.len() > 19 => Cow::Owned(text.replacen(' ', "T", 1)),
        _ => Cow::Borrowed(text),
    };
    text.parse::<Timestamp>().map(|time| time.0).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn columns(wants: &[Want]) -> Vec<(String, Want)> {
        wants.iter().enumerate().map(|(i, &want)| (format!("c{i}"), want)).collect()
    }

    #[test]
    fn rows_are_read_by_type() {
        let text =
            b"t,x,skip,word\r\n1704067200000,1.5,\"a,b\",SELL\r\n\r\n1704067200001,-2e3,,\"buy\"";
        let wants = columns(&[Want::Time, Want::Number, Want::Skip, Want::Word]);
        let rows = read(text, true, &wants).unwrap();
        assert_eq!(rows.len, 2);
        assert_eq!(rows.columns[0], Values::Times(vec![1_704_067_200_000, 1_704_067_200_001]));
        assert_eq!(rows.columns[1], Values::Numbers(vec![1.5, -2000.0]));
        assert_eq!(rows.columns[3], Values::Words(vec!["SELL".into(), "buy".into()]));
        assert_eq!(rows.time_unit, Some(TimeUnit::Milliseconds));
    }

    #[test]
    fn blocks_give_the_rows_of_the_whole() {
        let line = "1704067200000,1.5,some word of no use to anybody\n";
        let n = (9 << 20) / line.len();
        let text = format!("t,x,w\n{}1704067200000,zwei,w\n", line.repeat(n));
        let wants = columns(&[Want::Time, Want::Number, Want::Skip]);
        let mut blocks = Vec::new();
        let error = read_blocks(text.as_bytes(), true, &wants, |before, rows| {
            blocks.push((before, rows.len));
            Ok(())
        });
        assert_eq!(error.unwrap_err().row, Some(n));
        assert!(blocks.len() == 2 && blocks[1].0 == blocks[0].1, "{blocks:?}");
    }

    #[test]
    fn times_in_every_form_are_milliseconds() {
        for (text, ms) in [
            ("1704067200", 1_704_067_200_000),
            ("1704067200000", 1_704_067_200_000),
            ("1704067200000999", 1_704_067_200_000),
            ("1704067200000000000", 1_704_067_200_000),
            ("1704067200.5", 1_704_067_200_500),
            ("2024-01-01", 1_704_067_200_000),
            ("2024-01-01 00:00:00", 1_704_067_200_000),
            ("2024-01-01 00:00:00+00:00", 1_704_067_200_000),
            ("2024-01-01 00:04:59.999000+00:00", 1_704_067_499_999),
            ("2024-01-01T00:00:00Z", 1_704_067_200_000),
            ("\"2024-01-01T02:00:00+02:00\"", 1_704_067_200_000),
        ] {
            assert_eq!(time(text.as_bytes(), "t", &mut None).unwrap(), ms, "{text}");
        }
    }

    #[test]
    fn broken_rows_say_what_and_where() {
        let wants = columns(&[Want::Time, Want::Number]);
        for (text, row, message) in [
            ("1,2\n1", 1, "1 fields where 2 are expected"),
            ("1,2,3,4", 0, "4 fields where 2 are expected"),
            ("1,x", 0, "`c1` is `x`, which is not a number"),
            ("then,1", 0, "`c0` is `then`, which is not a time"),
            (
                "1704067200000,1\n1704067200000000,1",
                1,
                "`c0` is 1704067200000000 in microseconds, while the rows before are in milliseconds",
            ),
        ] {
            let error = read(text.as_bytes(), false, &wants).err().unwrap();
            assert_eq!(error.row, Some(row), "{text}");
            assert_eq!(error.problem.to_string(), message);
        }
    }

    #[test]
    fn a_header_is_told_from_a_row() {
        assert_eq!(header(b"\xef\xbb\xbfOpen_Time, \"Open\"\n1,2").unwrap(), ["open_time", "open"]);
        assert_eq!(header(b"1704067200000,2"), None);
        assert_eq!(header(b"BTC-USDT-SWAP,SWAP,0.0001,0.0002,1704067200000\n"), None);
        assert_eq!(header(b"rate/\xd4\xa4,inf,nan").unwrap()[1..], ["inf", "nan"]);
        assert_eq!(header(b""), None);
    }
}
