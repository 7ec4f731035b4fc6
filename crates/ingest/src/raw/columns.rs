//! Arrow columns to typed values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit as ArrowUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

use crate::csv::{self, TimeUnit, Values};
use crate::error::Problem;

/// Appends an array's values, in milliseconds where they are times.
pub(super) fn append(
    values: &mut Values,
    array: &ArrayRef,
    name: &str,
    unit: &mut Option<TimeUnit>,
) -> Result<(), Problem> {
    match values {
        Values::Skipped => {}
        Values::Numbers(numbers) => {
            let array = cast(array, &DataType::Float64).map_err(|e| unsupported(name, &e))?;
            let array = array.as_primitive::<Float64Type>();
            numbers.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
        }
        Values::Words(words) => {
            let array = cast(array, &DataType::Utf8).map_err(|e| unsupported(name, &e))?;
            let array = array.as_string::<i32>();
            words.extend(array.iter().map(|value| value.unwrap_or_default().to_owned()));
        }
        Values::Times(times) => append_times(times, array, name, unit)?,
    }
    Ok(())
}

fn append_times(
    times: &mut Vec<i64>,
    array: &ArrayRef,
    name: &str,
    unit: &mut Option<TimeUnit>,
) -> Result<(), Problem> {
    let not_a_time = |value: &str| Problem::NotATime { column: name.into(), value: value.into() };
    if array.null_count() > 0 {
        return Err(not_a_time("null"));
    }
    match array.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => {
            let array = array.as_primitive::<TimestampSecondType>();
            times.extend(array.values().iter().map(|t| t.saturating_mul(1000)));
        }
        DataType::Timestamp(ArrowUnit::Millisecond, _) => {
            times.extend(array.as_primitive::<TimestampMillisecondType>().values());
        }
        DataType::Timestamp(ArrowUnit::Microsecond, _) => {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            times.extend(array.values().iter().map(|t| t.div_euclid(1000)));
        }
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => {
            let array = array.as_primitive::<TimestampNanosecondType>();
            times.extend(array.values().iter().map(|t| t.div_euclid(1_000_000)));
        }
        data_type if data_type.is_integer() => {
            let array = cast(array, &DataType::Int64).map_err(|e| unsupported(name, &e))?;
            for value in array.as_primitive::<Int64Type>().values() {
                times.push(csv::time(value.to_string().as_bytes(), name, unit)?);
            }
        }
        _ => {
            let array = cast(array, &DataType::Utf8).map_err(|e| unsupported(name, &e))?;
            for value in array.as_string::<i32>().iter().flatten() {
                times.push(csv::time(value.as_bytes(), name, unit)?);
            }
        }
    }
    Ok(())
}

fn unsupported(name: &str, error: &ArrowError) -> Problem {
    Problem::Unsupported { what: format!("column `{name}` ({error})") }
}
