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
use crate::limits::{Limits, RATIO_FROM};

/// Appends an array's values, in milliseconds where they are times.
pub(super) fn append(
    values: &mut Values,
    array: &ArrayRef,
    name: &str,
    unit: &mut Option<TimeUnit>,
    budget: &mut Budget,
) -> Result<(), Problem> {
    match values {
        Values::Skipped => {}
        Values::Numbers(numbers) => {
            let array = cast(array, &DataType::Float64).map_err(|e| unsupported(name, &e))?;
            let array = array.as_primitive::<Float64Type>();
            numbers.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
        }
        Values::Words(words) => {
            each_word(array, name, |word| {
                let word = word.unwrap_or_default();
                budget.take(word)?;
                words.push(word.to_owned());
                Ok(())
            })?;
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
        _ => each_word(array, name, |word| {
            let word = word.ok_or_else(|| not_a_time("null"))?;
            times.push(csv::time(word.as_bytes(), name, unit)?);
            Ok(())
        })?,
    }
    Ok(())
}

/// Every value as text. Words that rows share, as a dictionary's, are not copied for each row.
fn each_word(
    array: &ArrayRef,
    name: &str,
    mut each: impl FnMut(Option<&str>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cast_to = |array: &dyn Array, to| cast(array, &to).map_err(|e| unsupported(name, &e));
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let words = cast_to(dictionary.values(), DataType::Utf8)?;
        let words = words.as_string::<i32>();
        let keys = cast_to(dictionary.keys(), DataType::Int64)?;
        for key in keys.as_primitive::<Int64Type>() {
            let key = key.and_then(|key| usize::try_from(key).ok());
            each(key.filter(|&key| !words.is_null(key)).map(|key| words.value(key)))?;
        }
    } else if let Some(views) = array.as_string_view_opt() {
        views.iter().try_for_each(each)?;
    } else {
        let words = cast_to(array, DataType::Utf8)?;
        words.as_string::<i32>().iter().try_for_each(each)?;
    }
    Ok(())
}

/// How many bytes of words a file may still give.
pub(super) struct Budget {
    on_disk: u64,
    taken: u64,
    limits: Limits,
}

impl Budget {
    pub(super) fn new(on_disk: u64, limits: &Limits) -> Self {
        Self { on_disk: on_disk.max(1), taken: 0, limits: *limits }
    }

    fn take(&mut self, word: &str) -> Result<(), Problem> {
        let too_large =
            |what, found, limit, setting| Err(Problem::TooLarge { what, found, limit, setting });
        let length = word.len() as u64;
        if length > self.limits.field_bytes {
            return too_large("bytes of a field", length, self.limits.field_bytes, "field_bytes");
        }
        self.taken = self.taken.saturating_add(length);
        let ratio = self.taken / self.on_disk;
        if self.taken > RATIO_FROM && ratio > self.limits.ratio {
            return too_large("times its size when unpacked", ratio, self.limits.ratio, "ratio");
        }
        Ok(())
    }
}

fn unsupported(name: &str, error: &ArrowError) -> Problem {
    Problem::Unsupported { what: format!("column `{name}` ({error})") }
}
