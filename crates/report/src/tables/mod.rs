//! The CSV files: one function a file, full precision, an undefined value empty.

pub mod ablation;
pub mod comparison;
pub mod forecasts;
pub mod gates;
pub mod liquidations;
pub mod monthly;
pub mod refusals;
pub mod sensitivity;
pub mod sizes;
pub mod summary;
pub mod trades;

use crate::error::ReportError;

/// Shortest decimal that reads back as the same number; zero has no sign.
pub fn full_precision(value: f64) -> String {
    let size = value.abs();
    if size <= 0.0 {
        "0".to_owned()
    } else if (1e-7..1e17).contains(&size) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// As [`full_precision`]; empty where undefined.
pub fn optional(value: Option<f64>) -> String {
    value.map(full_precision).unwrap_or_default()
}

/// Rows under a heading as CSV.
pub(crate) fn to_csv<R>(
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<Vec<u8>, ReportError>
where
    R: IntoIterator<Item = String>,
{
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_short_and_unsigned_at_zero() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-123_456.75, "-123456.75"),
            (1e-9, "1e-9"),
            (2.5e20, "2.5e20"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(full_precision(value), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_themselves(value in proptest::num::f64::NORMAL) {
            prop_assert_eq!(full_precision(value).parse::<f64>().unwrap(), value);
        }
    }
}
