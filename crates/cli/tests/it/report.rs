//! Reads the tables of a report.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A CSV file: its heading and its rows.
pub(crate) struct CsvTable {
    pub(crate) heading: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl CsvTable {
    pub(crate) fn read(file: &Path) -> Self {
        let mut reader = csv::Reader::from_path(file).unwrap();
        let heading = reader.headers().unwrap().iter().map(str::to_owned).collect();
        Self { heading, rows: reader.records().map(Result::unwrap).collect() }
    }

    /// The values of a column in the rows where `key` is `value`.
    pub(crate) fn where_is(&self, key: &str, value: &str, column: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| &row[self.idx(key)] == value);
        rows.map(|row| &row[self.idx(column)]).collect()
    }

    /// A number of the whole account of a rule in `summary.csv`.
    pub(crate) fn portfolio(&self, rule: &str, column: &str) -> f64 {
        let row = self.rows.iter().find(|row| &row[0] == rule && &row[1] == "portfolio").unwrap();
        row[self.idx(column)].parse().unwrap()
    }

    pub(crate) fn column(&self, column: &str) -> Vec<&str> {
        self.rows.iter().map(|row| &row[self.idx(column)]).collect()
    }

    fn idx(&self, column: &str) -> usize {
        self.heading.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"))
    }
}

/// A Parquet file as one batch.
pub(crate) fn parquet(file: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// A column of numbers.
pub(crate) fn numbers(batch: &RecordBatch, column: &str) -> Vec<f64> {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

/// A column of words.
pub(crate) fn words<'a>(batch: &'a RecordBatch, column: &str) -> Vec<&'a str> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.iter().map(Option::unwrap).collect()
}

/// A column of times, milliseconds since 1970.
pub(crate) fn times(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = batch.column_by_name(column).unwrap();
    column.as_primitive::<TimestampMillisecondType>().values().to_vec()
}
