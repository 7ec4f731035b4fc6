//! Series of the lake as files for other programs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use plimsoll_market::{Column, Lake, MarketError, Series, Table, Timestamp};

/// How times stand in CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2025-10-10T21:00:00Z`.
    #[default]
    Rfc3339,
    /// UTC milliseconds since 1970.
    Milliseconds,
}

/// The kind of file written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Text with a header.
    Csv(TimeFormat),
    /// Parquet with the lake's columns.
    Parquet,
}

impl ExportFormat {
    /// The ending of such a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Why an export did not go through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] MarketError),
    /// The file could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A value is no number, which no file for other programs should hold.
    #[error("{series}: the {column} of {time} is {value}, which is no number")]
    NotFinite {
        /// The series.
        series: Series,
        /// Time of the row.
        time: Timestamp,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: f64,
    },
    /// The file is there already.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

/// The file name of a series among others: `binance-usdm_BTCUSDT_candles_1h.csv`.
pub fn file_name(series: &Series, format: ExportFormat) -> String {
    let interval = series.interval.map(|interval| format!("_{interval}")).unwrap_or_default();
    format!("{}_{}_{}{interval}.{}", series.venue, series.symbol, series.kind, format.ending())
}

/// Writes the rows of a series with `from <= time < to` into a file, a month at a time, and
/// returns their number. The columns are `venue`, `symbol` and those of the kind, so that the
/// file can be ingested again. It appears under its name when it is complete.
///
/// # Errors
/// A lake that cannot be read, a file that cannot be written, or one that is there already unless
/// `overwrite` is set.
pub fn export(
    lake: &Lake,
    series: &Series,
    (from, to): (Timestamp, Timestamp),
    format: ExportFormat,
    path: &Path,
    overwrite: bool,
) -> Result<usize, ExportError> {
    if path.exists() && !overwrite {
        return Err(ExportError::Exists { path: path.to_owned() });
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let io = |source: io::Error| ExportError::Io { path: part.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let written = File::create(&part).map_err(io).and_then(|file| {
        let mut file = BufWriter::new(file);
        let rows = match format {
            ExportFormat::Csv(times) => write_csv(lake, series, (from, to), times, &mut file),
            ExportFormat::Parquet => write_parquet(lake, series, (from, to), &mut file, &part),
        }?;
        file.into_inner().map_err(|error| io(error.into_error()))?.sync_all().map_err(io)?;
        Ok(rows)
    });
    match written {
        Ok(rows) => fs::rename(&part, path).map(|()| rows).map_err(io),
        Err(error) => {
            let _ = fs::remove_file(&part);
            Err(error)
        }
    }
}

/// Writes the rows of a series as CSV, a month at a time, and returns their number.
///
/// # Errors
/// A lake that cannot be read, or a writer that fails.
pub fn write_csv(
    lake: &Lake,
    series: &Series,
    period: (Timestamp, Timestamp),
    times: TimeFormat,
    writer: &mut dyn Write,
) -> Result<usize, ExportError> {
    let failed = |source| ExportError::Io { path: PathBuf::from("output"), source };
    let names: Vec<&str> = series.kind.columns().iter().map(|&(name, _)| name).collect();
    writeln!(writer, "venue,symbol,{}", names.join(",")).map_err(failed)?;
    let mut n_rows = 0;
    let mut line = String::new();
    for table in by_month(lake, series, period)? {
        let table = table?;
        finite(series, &table)?;
        for row in 0..table.len() {
            line.clear();
            line.push_str(&series.venue);
            line.push(',');
            line.push_str(&series.symbol);
            for column in table.columns() {
                line.push(',');
                push_value(&mut line, column, row, times);
            }
            line.push('\n');
            writer.write_all(line.as_bytes()).map_err(failed)?;
        }
        n_rows += table.len();
    }
    writer.flush().map_err(failed)?;
    Ok(n_rows)
}

fn push_value(line: &mut String, column: &Column, row: usize, times: TimeFormat) {
    use std::fmt::Write;
    let written = match column {
        Column::Time(values) => match times {
            TimeFormat::Rfc3339 => write!(line, "{}", Timestamp(values[row])),
            TimeFormat::Milliseconds => write!(line, "{}", values[row]),
        },
        Column::F64(values) => write!(line, "{}", values[row]),
        Column::F64OrNull(values) => values[row].map_or(Ok(()), |value| write!(line, "{value}")),
        Column::I32(values) => write!(line, "{}", values[row]),
        Column::I64OrNull(values) => values[row].map_or(Ok(()), |value| write!(line, "{value}")),
        Column::Text(values) => write!(line, "{}", values[row]),
    };
    debug_assert!(written.is_ok(), "text grows");
}

fn write_parquet(
    lake: &Lake,
    series: &Series,
    period: (Timestamp, Timestamp),
    writer: &mut (dyn Write + Send),
    path: &Path,
) -> Result<usize, ExportError> {
    let failed = |error: &dyn std::fmt::Display| ExportError::Io {
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    };
    let mut fields: Vec<Arc<Field>> = ["venue", "symbol"]
        .map(|name| Arc::new(Field::new(name, DataType::Utf8, false)))
        .into_iter()
        .collect();
    fields.extend(series.kind.schema().fields().iter().cloned());
    let schema = Arc::new(Schema::new(fields));
    let level = ZstdLevel::try_new(1).map_err(|error| failed(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by("plimsoll".to_owned())
        .build();
    let mut parquet = ArrowWriter::try_new(writer, schema.clone(), Some(properties))
        .map_err(|error| failed(&error))?;
    let mut n_rows = 0;
    for table in by_month(lake, series, period)? {
        let table = table?;
        finite(series, &table)?;
        let batch = table.to_batch().map_err(|error| failed(&error))?;
        let words = |word: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(word, table.len())))
        };
        let mut columns = vec![words(&series.venue), words(&series.symbol)];
        columns.extend(batch.columns().iter().cloned());
        let batch =
            RecordBatch::try_new(schema.clone(), columns).map_err(|error| failed(&error))?;
        parquet.write(&batch).map_err(|error| failed(&error))?;
        n_rows += table.len();
    }
    parquet.close().map_err(|error| failed(&error))?;
    Ok(n_rows)
}

/// Refuses a table with a number that is none.
fn finite(series: &Series, table: &Table) -> Result<(), ExportError> {
    for (&(column, _), values) in series.kind.columns().iter().zip(table.columns()) {
        let is_none = |value: &f64| !value.is_finite();
        let found = match values {
            Column::F64(values) => values.iter().position(is_none).map(|row| (row, values[row])),
            Column::F64OrNull(values) => values
                .iter()
                .enumerate()
                .find_map(|(row, value)| value.filter(is_none).map(|value| (row, value))),
            _ => None,
        };
        if let Some((row, value)) = found {
            let (series, time) = (series.clone(), Timestamp(table.times()[row]));
            return Err(ExportError::NotFinite { series, time, column, value });
        }
    }
    Ok(())
}

/// The rows of a period, a month at a time.
fn by_month<'a>(
    lake: &'a Lake,
    series: &'a Series,
    (from, to): (Timestamp, Timestamp),
) -> Result<impl Iterator<Item = Result<Table, MarketError>> + use<'a>, MarketError> {
    let months = lake.months(series)?;
    let wanted = months.into_iter().filter(move |(m, _)| m.start() < to && m.end() > from);
    Ok(wanted.map(move |(m, _)| lake.read(series, from.max(m.start()), to.min(m.end()))))
}
