//! The column of returns or prices: a CSV file, a Parquet file, or a folder of Parquet files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::CliError;
use crate::output::counted;

/// What the column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Simple returns per period.
    Returns,
    /// Prices or equity at the end of each period.
    Prices,
}

impl Content {
    /// A value that can be used, from what stands in a row.
    fn accept(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Returns || value > 0.0)
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Returns => "not a finite number",
            Self::Prices => "not a finite number above 0",
        }
    }

    fn mend(self) -> &'static str {
        match self {
            Self::Returns => "every row needs a return: mend the row or leave it out",
            Self::Prices => "every row needs a price: mend the row or leave it out",
        }
    }
}

/// The column's name and the returns in it or between its prices.
pub(super) fn returns(
    path: &Path,
    wanted: Option<&str>,
    content: Content,
) -> Result<(String, Vec<f64>), CliError> {
    let (name, values) = read(path, wanted, content)?;
    if content == Content::Returns {
        return Ok((name, values));
    }
    if values.len() < 2 {
        return Err(CliError::failed(
            format!(
                "{}: {} of `{name}`, no return between",
                path.display(),
                counted(values.len(), "price")
            ),
            "give at least two prices",
        ));
    }
    let mut returns = Vec::with_capacity(values.len() - 1);
    for (row, pair) in values.windows(2).enumerate() {
        let change = pair[1] / pair[0] - 1.0;
        if !change.is_finite() {
            return Err(CliError::failed(
                format!(
                    "{}: row {}: `{name}` goes from {:?} to {:?}, a return beyond the range of a double",
                    path.display(),
                    row + 2,
                    pair[0],
                    pair[1]
                ),
                Content::Prices.mend(),
            ));
        }
        returns.push(change);
    }
    Ok((name, returns))
}

/// The column's name and values.
fn read(
    file: &Path,
    wanted: Option<&str>,
    content: Content,
) -> Result<(String, Vec<f64>), CliError> {
    if file.is_dir() {
        return read_folder(file, wanted, content);
    }
    // Whether it is there comes before what it is.
    fs::metadata(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => {
            let mut values = Vec::new();
            let name = read_parquet(file, wanted, content, &mut values)?;
            if values.is_empty() {
                return Err(no_rows(file));
            }
            Ok((name, values))
        }
        Some("csv") => read_csv(file, wanted, content),
        _ => Err(CliError::usage(
            format!("{}: not a .csv or .parquet file", file.display()),
            "give a file of one of these kinds, with a header in a CSV file, or a folder of Parquet files",
        )),
    }
}

/// The Parquet files of a folder, at any depth, one after the other in the order of their paths.
fn read_folder(
    folder: &Path,
    wanted: Option<&str>,
    content: Content,
) -> Result<(String, Vec<f64>), CliError> {
    let mut files = Vec::new();
    collect_parquet(folder, &mut files)?;
    files.sort();
    let mut values = Vec::new();
    let mut name = wanted.map(str::to_owned);
    for file in &files {
        // The first file says which column; the others must have it too.
        name = Some(read_parquet(file, name.as_deref(), content, &mut values)?);
    }
    match name {
        Some(name) if !values.is_empty() => Ok((name, values)),
        Some(_) if !files.is_empty() => Err(no_rows(folder)),
        _ => Err(CliError::usage(
            format!("{}: there is no .parquet file in this folder", folder.display()),
            "name a folder that holds Parquet files at any depth, such as a series of the lake",
        )),
    }
}

fn collect_parquet(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let broken = |source| CliError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.is_dir() {
            collect_parquet(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

fn no_rows(path: &Path) -> CliError {
    CliError::failed(format!("{}: there is no row", path.display()), "give a return a row")
}

fn read_csv(
    file: &Path,
    wanted: Option<&str>,
    content: Content,
) -> Result<(String, Vec<f64>), CliError> {
    let broken = |error: csv::Error| csv_error(file, &error);
    let bytes = fs::read(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let names: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(|name| name.trim().to_owned()).collect();
    let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(broken)?;
    if names.is_empty() {
        return Err(CliError::failed(
            format!("{}: the file is empty", file.display()),
            "give a line of column names, and a return a row below it",
        ));
    }
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(CliError::failed(
            format!("{}:1: the first line is numbers, not a heading", file.display()),
            "begin the file with a line of column names, such as r",
        ));
    }
    if records.is_empty() {
        return Err(CliError::failed(
            format!("{}: there is no row below the heading", file.display()),
            "give a return a row",
        ));
    }
    // Returns often begin with a row that has none; such a column is one of numbers all the same.
    let is_number = |column: usize| {
        let mut cells = records.iter().filter_map(|record| record.get(column));
        cells.any(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite))
    };
    let numbers: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(column, _)| is_number(*column))
        .map(|(_, name)| name.as_str())
        .collect();
    let name = choose(file, &names, &numbers, wanted)?;
    let column = names.iter().position(|other| *other == name).unwrap_or_default();
    let lines = Lines::of(&bytes);
    let mut returns = Vec::with_capacity(records.len());
    for record in &records {
        let text = record.get(column).unwrap_or_default().trim();
        let line = lines.of_record(record.position());
        // In a table a blank line is no row; in a single column it is a row without a value.
        if let Some(blank) = lines.blank_before(record.position()).filter(|_| names.len() == 1) {
            return Err(CliError::failed(
                format!(
                    "{}:{blank}: the line is blank, there is no value of `{name}`",
                    file.display()
                ),
                content.mend(),
            ));
        }
        let value = text.parse::<f64>().ok().filter(|value| content.accept(*value));
        returns.push(value.ok_or_else(|| {
            CliError::failed(
                format!("{}:{line}: `{name}` is `{text}`, {}", file.display(), content.rule()),
                content.mend(),
            )
        })?);
    }
    Ok((name, returns))
}

/// Where the lines of a text begin.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    /// Byte after each line's end.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Of a text whose lines end with LF, CR LF or CR.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Self { bytes, starts: ends.map(|(at, _)| at + 1).collect() }
    }

    /// The line, from 1, that a record begins in. The reader's position may be that of the end of
    /// the line before, or of blank lines between.
    pub(crate) fn of_record(&self, position: Option<&csv::Position>) -> usize {
        self.line(self.content(position))
    }

    /// The first of the blank lines above a record.
    fn blank_before(&self, position: Option<&csv::Position>) -> Option<usize> {
        let content = self.content(position);
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let above = &self.bytes[..content];
        let text = above.iter().rposition(|byte| !is_end(byte))?;
        let blank = self.line(text) + 1;
        (blank < self.line(content)).then_some(blank)
    }

    /// Where the text of a record begins.
    fn content(&self, position: Option<&csv::Position>) -> usize {
        let from = position.map_or(0, |at| at.byte() as usize).min(self.bytes.len());
        let ends = self.bytes[from..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        from + ends.count()
    }

    fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }
}

/// A row of another length or no text at all, with its line.
pub(crate) fn csv_error(file: &Path, error: &csv::Error) -> CliError {
    let hint = "mend the file or fetch it again";
    let line = error.position().map_or(String::new(), |at| {
        // The reader counts a line too few after CR LF and blank lines.
        let line =
            fs::read(file).map_or(at.line(), |bytes| Lines::of(&bytes).of_record(Some(at)) as u64);
        format!(":{line}")
    });
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{} where {expected_len} are expected", counted(*len as usize, "field"))
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    CliError::failed(format!("{}{line}: {message}", file.display()), hint)
}

/// Adds the values of one file; gives the column's name.
fn read_parquet(
    file: &Path,
    wanted: Option<&str>,
    content: Content,
    values: &mut Vec<f64>,
) -> Result<String, CliError> {
    let broken = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("{}: {error}", file.display()), "mend the file or fetch it again")
    };
    let open = File::open(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| broken(&error))?;
    let schema = builder.schema().clone();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let numbers: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_numeric())
        .map(|field| field.name().as_str())
        .collect();
    let name = choose(file, &names, &numbers, wanted)?;
    let mut rows = 0;
    for batch in builder.build().map_err(|error| broken(&error))? {
        let batch = batch.map_err(|error| broken(&error))?;
        let column = batch
            .column_by_name(&name)
            .ok_or_else(|| broken(&format!("column `{name}` is missing")))?;
        let column = cast(column, &DataType::Float64).map_err(|error| broken(&error))?;
        let column = column.as_primitive::<Float64Type>();
        for row in 0..column.len() {
            rows += 1;
            let value = column.is_valid(row).then(|| column.value(row));
            values.push(value.filter(|value| content.accept(*value)).ok_or_else(|| {
                CliError::failed(
                    format!("{}: row {rows}: `{name}` is {}", file.display(), content.rule()),
                    content.mend(),
                )
            })?);
        }
    }
    Ok(name)
}

/// The column asked for, or the only one of numbers.
fn choose(
    file: &Path,
    names: &[String],
    numbers: &[&str],
    wanted: Option<&str>,
) -> Result<String, CliError> {
    let named = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    if wanted.is_none()
        && let Some(twice) = numbers.iter().find(|name| named(name) > 1)
    {
        return Err(CliError::failed(
            format!("{}: {} columns are called `{twice}`", file.display(), named(twice)),
            "give each column a name of its own",
        ));
    }
    match (wanted, numbers) {
        (Some(wanted), _) if named(wanted) == 1 => Ok(wanted.to_owned()),
        (Some(wanted), _) if named(wanted) > 1 => Err(CliError::failed(
            format!("{}: {} columns are called `{wanted}`", file.display(), named(wanted)),
            "give each column a name of its own",
        )),
        (Some(wanted), _) => Err(CliError::usage(
            format!("{}: there is no column `{wanted}`", file.display()),
            format!("the columns are {}", names.join(", ")),
        )),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err(CliError::failed(
            format!("{}: no column holds numbers", file.display()),
            format!("the columns are {}", names.join(", ")),
        )),
        (None, several) => Err(CliError::usage(
            format!("{}: several columns hold numbers", file.display()),
            format!("name one with --column: {}", several.join(", ")),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for (text, lines, blanks) in [
            ("r\n1\n2\n", vec![2, 3], vec![None, None]),
            ("r\r\n1\r\n2\r\n", vec![2, 3], vec![None, None]),
            ("r\r1\r2", vec![2, 3], vec![None, None]),
            ("\n\nr\n1\n\n\n2\n\n", vec![4, 7], vec![None, Some(5)]),
            ("r\r\n\r\n1\r\n\r\n2\r\n\r\n", vec![3, 5], vec![Some(2), Some(4)]),
            ("\"r\n\"\n1\n2\n", vec![3, 4], vec![None, None]),
        ] {
            let counted = Lines::of(text.as_bytes());
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let records: Vec<_> = reader.records().map(Result::unwrap).collect();
            let of = |record: &csv::StringRecord| counted.of_record(record.position());
            let above = |record: &csv::StringRecord| counted.blank_before(record.position());
            assert_eq!(records.iter().map(of).collect::<Vec<_>>(), lines, "{text:?}");
            assert_eq!(records.iter().map(above).collect::<Vec<_>>(), blanks, "{text:?}");
        }
    }
}
