//! Reading signal rows from CSV and Parquet files.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_market::Timestamp;

use crate::error::SignalError;
use crate::rows::SignalRow;

/// Reads a signal file: `time, symbol, direction` and, if wanted, `stop`, in any order.
///
/// `time` is an instant (`2025-10-10T21:00:00Z`, a Parquet timestamp; without a zone it is UTC) or
/// a whole number of UTC milliseconds; `direction` is -1, 0 or 1; `stop` is a price or empty. The
/// ending, `.csv` or `.parquet`, says which form the file has.
///
/// # Errors
/// [`SignalError::Io`]; [`SignalError::BadFile`] for another ending, an unreadable file, a missing
/// or an unknown column; [`SignalError::BadValue`] with file, line, value and rule.
pub fn read_signal_file(path: &Path) -> Result<Vec<SignalRow>, SignalError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    match ending.as_deref() {
        Some("csv") => read_csv(path),
        Some("parquet") => read_parquet(path),
        _ => Err(bad_file(path, "the name of a signal file ends in .csv or .parquet".to_owned())),
    }
}

const COLUMNS: [&str; 4] = ["time", "symbol", "direction", "stop"];

/// Where each of [`COLUMNS`] stands in a file; only `stop` may be absent.
fn positions(path: &Path, header: &[&str]) -> Result<[Option<usize>; 4], SignalError> {
    for (idx, name) in header.iter().enumerate() {
        if !COLUMNS.contains(name) {
            let columns = COLUMNS.join(", ");
            let reason = format!("unknown column `{name}`; a signal file has {columns}");
            return Err(bad_file(path, reason));
        }
        if header[..idx].contains(name) {
            return Err(bad_file(path, format!("column `{name}` stands twice")));
        }
    }
    let positions = COLUMNS.map(|column| header.iter().position(|name| *name == column));
    match COLUMNS.iter().zip(positions).find(|(name, at)| at.is_none() && **name != "stop") {
        Some((name, _)) => Err(bad_file(path, format!("column `{name}` is missing"))),
        None => Ok(positions),
    }
}

fn read_csv(path: &Path) -> Result<Vec<SignalRow>, SignalError> {
    let file = open(path)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let unreadable = |error: csv::Error| bad_file(path, error.to_string());
    let header = reader.headers().map_err(unreadable)?.clone();
    let positions = positions(path, &header.iter().collect::<Vec<_>>())?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let [time, symbol, direction, stop] =
            positions.map(|at| at.and_then(|at| record.get(at)).unwrap_or_default());
        let place = Place { path, line };
        rows.push(SignalRow {
            time: place.time_of_text(time)?,
            symbol: place.symbol(symbol)?,
            direction: place.direction_of_text(direction)?,
            stop: place.stop_of_text(stop)?,
        });
    }
    Ok(rows)
}

fn read_parquet(path: &Path) -> Result<Vec<SignalRow>, SignalError> {
    let unreadable = |error: &dyn std::error::Error| bad_file(path, error.to_string());
    let reader = ParquetRecordBatchReaderBuilder::try_new(open(path)?)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| unreadable(&error))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(&error))?;
        push_batch(path, &batch, &mut rows)?;
    }
    Ok(rows)
}

fn push_batch(
    path: &Path,
    batch: &RecordBatch,
    rows: &mut Vec<SignalRow>,
) -> Result<(), SignalError> {
    let schema = batch.schema();
    let header: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let positions = positions(path, &header)?;
    let [time, symbol, direction, stop] = positions.map(|at| at.map(|at| batch.column(at)));
    let column = |name: &str, column: Option<&ArrayRef>, to: &DataType| {
        column.map(|column| cast(path, name, column, to)).transpose()
    };
    let is_text = |column: Option<&ArrayRef>| {
        column.is_some_and(|column| {
            matches!(column.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        })
    };
    let time_is_text = is_text(time);
    let time_is_integer = time.is_some_and(|time| time.data_type().is_integer());
    let time_type = match (time_is_text, time_is_integer) {
        (true, _) => DataType::Utf8,
        (_, true) => DataType::Int64,
        // A zone changes how an instant is shown, not the instant.
        _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
    };
    let time = column("time", time, &time_type)?;
    let symbol = column("symbol", symbol, &DataType::Utf8)?;
    let direction = column("direction", direction, &DataType::Float64)?;
    let stop = column("stop", stop, &DataType::Float64)?;
    let (Some(time), Some(symbol), Some(direction)) = (time, symbol, direction) else {
        return Ok(());
    };
    let symbols = symbol.as_string::<i32>();
    let directions = direction.as_primitive::<Float64Type>();
    for idx in 0..batch.num_rows() {
        let place = Place { path, line: rows.len() as u64 + 1 };
        let known_time = if time.is_null(idx) {
            return Err(place.bad_time("null".to_owned()));
        } else if time_is_text {
            place.time_of_text(time.as_string::<i32>().value(idx))?
        } else if time_is_integer {
            place.time_of_integer(time.as_primitive::<Int64Type>().value(idx))?
        } else {
            // Rounded up: known before it is known would be look-ahead.
            let nanoseconds = time.as_primitive::<TimestampNanosecondType>().value(idx);
            Timestamp(nanoseconds.div_euclid(1_000_000) + i64::from(nanoseconds % 1_000_000 != 0))
        };
        let symbol = if symbols.is_null(idx) { "" } else { symbols.value(idx) };
        let direction = if directions.is_null(idx) { f64::NAN } else { directions.value(idx) };
        let stop = stop
            .as_ref()
            .map(AsArray::as_primitive::<Float64Type>)
            .filter(|stop| !stop.is_null(idx))
            .map(|stop| stop.value(idx))
            .filter(|stop| !stop.is_nan());
        rows.push(SignalRow {
            time: known_time,
            symbol: place.symbol(symbol)?,
            direction: place.direction(direction, || direction.to_string())?,
            stop: stop.map(|stop| place.stop(stop, || stop.to_string())).transpose()?,
        });
    }
    Ok(())
}

fn cast(
    path: &Path,
    name: &str,
    column: &ArrayRef,
    to: &DataType,
) -> Result<ArrayRef, SignalError> {
    // Not `safe`: a value that does not fit is an error, not a null.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, to, &options).map_err(|error| {
        let from = column.data_type();
        bad_file(path, format!("column `{name}` of type {from} cannot be read: {error}"))
    })
}

/// Where a value stands, for the error.
struct Place<'a> {
    path: &'a Path,
    line: u64,
}

impl Place<'_> {
    fn time_of_text(&self, text: &str) -> Result<Timestamp, SignalError> {
        if let Ok(ms) = text.parse::<i64>() {
            return self.time_of_integer(ms);
        }
        let time: Timestamp = text.parse().map_err(|_| self.bad_time(text.to_owned()))?;
        Ok(Timestamp(time.0 + i64::from(has_part_of_millisecond(text))))
    }

    /// Milliseconds between 1973 and 5138: seconds and microseconds of our days lie outside.
    fn time_of_integer(&self, ms: i64) -> Result<Timestamp, SignalError> {
        if (100_000_000_000..100_000_000_000_000).contains(&ms) {
            Ok(Timestamp(ms))
        } else {
            Err(self.bad_time(ms.to_string()))
        }
    }

    fn bad_time(&self, value: String) -> SignalError {
        let rule = "write 2025-10-10T21:00:00Z or UTC milliseconds";
        self.bad_value("time", value, rule)
    }

    fn symbol(&self, text: &str) -> Result<String, SignalError> {
        if text.is_empty() {
            return Err(self.bad_value("symbol", String::new(), "a symbol is never empty"));
        }
        Ok(text.to_owned())
    }

    fn direction_of_text(&self, text: &str) -> Result<i8, SignalError> {
        self.direction(text.parse().unwrap_or(f64::NAN), || text.to_owned())
    }

    fn direction(&self, value: f64, text: impl Fn() -> String) -> Result<i8, SignalError> {
        [-1_i8, 0, 1]
            .into_iter()
            .find(|direction| (f64::from(*direction) - value).abs() <= 0.0)
            .ok_or_else(|| self.bad_value("direction", text(), "a direction is -1, 0 or 1"))
    }

    fn stop_of_text(&self, text: &str) -> Result<Option<f64>, SignalError> {
        if text.is_empty() {
            return Ok(None);
        }
        self.stop(text.parse().unwrap_or(f64::NAN), || text.to_owned()).map(Some)
    }

    fn stop(&self, value: f64, text: impl Fn() -> String) -> Result<f64, SignalError> {
        if value > 0.0 && value.is_finite() {
            Ok(value)
        } else {
            Err(self.bad_value("stop", text(), "a stop is a price above 0, or empty"))
        }
    }

    fn bad_value(&self, column: &'static str, value: String, rule: &'static str) -> SignalError {
        SignalError::BadValue { path: self.path.to_owned(), line: self.line, column, value, rule }
    }
}

fn open(path: &Path) -> Result<File, SignalError> {
    File::open(path).map_err(|source| SignalError::Io { path: path.to_owned(), source })
}

fn bad_file(path: &Path, reason: String) -> SignalError {
    SignalError::BadFile { path: path.to_owned(), reason }
}

/// Whether a time has a digit other than 0 beyond its milliseconds, which parsing cuts off.
fn has_part_of_millisecond(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = fraction.chars().take_while(char::is_ascii_digit);
    digits.skip(3).any(|digit| digit != '0')
}
