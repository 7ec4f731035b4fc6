//! The Parquet files: times as `TIMESTAMP(ms, UTC)`, one row group a rule and account, zstd.

pub mod decisions;
pub mod equity;
pub mod forecasts;
pub mod ledger;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::ReportError;

/// A column's name, type and whether it may be null.
pub(crate) fn field(name: &str, kind: DataType, nullable: bool) -> Field {
    Field::new(name, kind, nullable)
}

/// UTC milliseconds.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// A column of times.
pub(crate) fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(values).with_timezone("UTC"))
}

/// A column of numbers without nulls.
pub(crate) fn numbers(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

/// A column of words without nulls.
pub(crate) fn words<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Writes batches of one schema, each as a row group.
pub(crate) fn write(
    schema: Schema,
    batches: impl Iterator<Item = (SchemaRef, Vec<ArrayRef>)>,
) -> Result<Vec<u8>, ReportError> {
    let schema = Arc::new(schema);
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties(&schema)?))?;
    for (schema, columns) in batches {
        writer.write(&RecordBatch::try_new(schema, columns)?)?;
        writer.flush()?;
    }
    Ok(writer.into_inner()?)
}

/// Numbers and times repeat too seldom for a dictionary; words do nothing else.
fn properties(schema: &Schema) -> Result<WriterProperties, ReportError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by(concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in schema.fields() {
        let encoding = match field.data_type() {
            DataType::Float64 => Encoding::BYTE_STREAM_SPLIT,
            DataType::Timestamp(..) | DataType::Int64 => Encoding::DELTA_BINARY_PACKED,
            _ => continue,
        };
        let column = ColumnPath::from(field.name().as_str());
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    Ok(properties.build())
}
