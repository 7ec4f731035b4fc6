//! A table of text cells from CSV, JSON or Parquet, each row with its place in the file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::commands::risk::{Lines, csv_error};
use crate::error::CliError;

/// Columns by name, rows by place.
pub(super) struct DataTable {
    file: PathBuf,
    names: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    /// Line of a CSV file, or number of the row, from 1.
    place: String,
    cells: Vec<String>,
}

impl DataTable {
    /// Reads a file by its kind.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        let table = match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => read_csv(file)?,
            Some("json") => read_json(file)?,
            Some("parquet") => read_parquet(file)?,
            _ => {
                return Err(CliError::usage(
                    format!("{}: not a .csv, .json or .parquet file", file.display()),
                    "give a table of accounts or of waves of one of these kinds",
                ));
            }
        };
        if table.rows.is_empty() {
            return Err(CliError::failed(
                format!("{}: there is no row", file.display()),
                "give each account or wave a row",
            ));
        }
        Ok(table)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    /// The cells of a column; `None` without that column.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let column = self.names.iter().position(|other| other == name)?;
        Some(self.rows.iter().map(|row| row.cells[column].as_str()).collect())
    }

    /// The numbers of a column; `None` without that column.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, CliError> {
        let Some(texts) = self.texts(name) else { return Ok(None) };
        let number = |(row, text): (usize, &str)| {
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| {
                let what = if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") };
                let message = format!("`{name}` is {what}, not a finite number");
                self.bad_row(row, message, "mend the cell, or take the column out of the file")
            })
        };
        texts.into_iter().enumerate().map(number).collect::<Result<_, _>>().map(Some)
    }

    /// The numbers of a column, none below 0; `None` without that column.
    pub(super) fn amounts(&self, name: &str) -> Result<Option<Vec<f64>>, CliError> {
        let numbers = self.numbers(name)?;
        let below = numbers.iter().flatten().position(|number| *number < 0.0);
        let Some(row) = below else { return Ok(numbers) };
        Err(self.bad_row(row, format!("`{name}` is below 0"), "mend the cell"))
    }

    /// An error of the table as a whole.
    pub(super) fn bad(&self, message: impl std::fmt::Display, hint: impl Into<String>) -> CliError {
        CliError::failed(format!("{}: {message}", self.file.display()), hint)
    }

    /// An error of one row.
    pub(super) fn bad_row(
        &self,
        row: usize,
        message: impl std::fmt::Display,
        hint: impl Into<String>,
    ) -> CliError {
        let place = self.rows.get(row).map_or("", |row| &row.place);
        CliError::failed(format!("{}{place}: {message}", self.file.display()), hint)
    }
}

const MEND: &str = "mend the file or fetch it again";

fn read_csv(file: &Path) -> Result<DataTable, CliError> {
    let broken = |error: csv::Error| csv_error(file, &error);
    let bytes =
        std::fs::read(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let lines = Lines::of(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let names = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = lines.of_record(record.position());
        let cells = record.iter().map(str::to_owned).collect();
        rows.push(Row { place: format!(":{line}"), cells });
    }
    checked(file, names, rows)
}

/// A list of objects, or an object that holds one such list.
fn read_json(file: &Path) -> Result<DataTable, CliError> {
    let bad = |message: String| {
        let hint = "write a list of objects, one an account: [{\"equity\": 10, \"pnl\": 8}, ...]";
        CliError::failed(format!("{}: {message}", file.display()), hint)
    };
    let text = std::fs::read_to_string(file)
        .map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let document = crate::json::parse(&text).map_err(|error| bad(error.to_string()))?;
    let list = match &document {
        Value::Array(list) => list,
        Value::Object(fields) => {
            let mut lists = fields.values().filter_map(Value::as_array);
            match (lists.next(), lists.next()) {
                (Some(list), None) => list,
                _ => return Err(bad("the object does not hold exactly one list".to_owned())),
            }
        }
        _ => return Err(bad("neither a list nor an object".to_owned())),
    };
    let mut names: Vec<String> = Vec::new();
    for (idx, row) in list.iter().enumerate() {
        let Value::Object(fields) = row else {
            return Err(bad(format!("row {} is no object", idx + 1)));
        };
        for name in fields.keys() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    let mut rows = Vec::with_capacity(list.len());
    for (idx, row) in list.iter().enumerate() {
        let cell = |name: &String| match row.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.trim().to_owned()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => Err(bad(format!(
                "row {}: `{name}` is {other}, neither a number nor a text",
                idx + 1
            ))),
        };
        let cells = names.iter().map(cell).collect::<Result<_, _>>()?;
        rows.push(Row { place: format!(": row {}", idx + 1), cells });
    }
    checked(file, names, rows)
}

fn read_parquet(file: &Path) -> Result<DataTable, CliError> {
    let broken = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("{}: {error}", file.display()), MEND)
    };
    let open = File::open(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| broken(&error))?;
    let fields = builder.schema().fields().clone();
    let names = fields.iter().map(|field| field.name().clone()).collect();
    let mut rows: Vec<Row> = Vec::new();
    for batch in builder.build().map_err(|error| broken(&error))? {
        let batch = batch.map_err(|error| broken(&error))?;
        let mut columns = Vec::with_capacity(fields.len());
        for column in batch.columns() {
            columns.push(cast(column, &DataType::Utf8).map_err(|error| broken(&error))?);
        }
        for at in 0..batch.num_rows() {
            let text = |column: &arrow::array::ArrayRef| {
                let column = column.as_string::<i32>();
                if column.is_valid(at) { column.value(at).to_owned() } else { String::new() }
            };
            let cells = columns.iter().map(text).collect();
            rows.push(Row { place: format!(": row {}", rows.len() + 1), cells });
        }
    }
    checked(file, names, rows)
}

fn checked(file: &Path, names: Vec<String>, rows: Vec<Row>) -> Result<DataTable, CliError> {
    let twice = names.iter().enumerate().find(|(idx, name)| names[..*idx].contains(name));
    if let Some((_, name)) = twice {
        return Err(CliError::failed(
            format!("{}: the column `{name}` stands twice", file.display()),
            "keep one of them",
        ));
    }
    Ok(DataTable { file: file.to_owned(), names, rows })
}
