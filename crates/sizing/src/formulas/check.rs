//! The input checks that the formulas share.

use super::SizingError;

/// `value`, if it is finite.
pub(super) fn finite(name: &'static str, value: f64) -> Result<f64, SizingError> {
    if value.is_finite() { Ok(value) } else { Err(SizingError::NotFinite { name, value }) }
}

/// `value`, if it is finite and above 0.
pub(super) fn positive(name: &'static str, value: f64) -> Result<f64, SizingError> {
    within(name, value, value > 0.0, "above 0")
}

/// `value`, if it is finite and not below 0. -0.0 becomes 0.
pub(super) fn not_negative(name: &'static str, value: f64) -> Result<f64, SizingError> {
    within(name, value, value >= 0.0, "at least 0").map(f64::abs)
}

/// `value`, if it lies in \[0, 1\].
pub(super) fn probability(name: &'static str, value: f64) -> Result<f64, SizingError> {
    let inside = (0.0..=1.0).contains(&value);
    within(name, value, inside, "from 0 to 1")
}

/// `value`, if it lies in (0, 1\].
pub(super) fn share(name: &'static str, value: f64) -> Result<f64, SizingError> {
    within(name, value, value > 0.0 && value <= 1.0, "above 0 and at most 1")
}

/// `value`, if it lies strictly between 0 and 1.
pub(super) fn open_unit(name: &'static str, value: f64) -> Result<f64, SizingError> {
    let inside = value > 0.0 && value < 1.0;
    within(name, value, inside, "above 0 and below 1")
}

/// `equity`, if there is any.
pub(super) fn equity(value: f64) -> Result<f64, SizingError> {
    if finite("equity", value)? > 0.0 {
        Ok(value)
    } else {
        Err(SizingError::Ruined { equity: value })
    }
}

/// Every element of `values` is finite.
pub(super) fn all_finite(name: &'static str, values: &[f64]) -> Result<(), SizingError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let value = values[index];
            Err(SizingError::BadElement { name, index, value, rule: "a finite number" })
        }
    }
}

/// `value`, if it is finite and `inside` holds.
pub(super) fn within(
    name: &'static str,
    value: f64,
    inside: bool,
    rule: &'static str,
) -> Result<f64, SizingError> {
    finite(name, value)?;
    if inside { Ok(value) } else { Err(SizingError::OutOfRange { name, value, rule }) }
}
