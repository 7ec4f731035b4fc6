//! Figures and their reasons under serde.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::error::{Result, RiskError};
use crate::summary::Statistic;

/// `{"value": v}` or `{"value": null, "reason": text}`.
pub(super) fn outcome<S: Serializer, T: Serialize>(
    value: &Result<T>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    match value {
        Ok(value) => {
            let mut fields = serializer.serialize_struct("Figure", 1)?;
            fields.serialize_field("value", value)?;
            fields.end()
        }
        Err(error) => {
            let mut fields = serializer.serialize_struct("Figure", 2)?;
            fields.serialize_field("value", &None::<f64>)?;
            fields.serialize_field("reason", &error.to_string())?;
            fields.end()
        }
    }
}

/// The reason as text.
pub(super) fn reason<S: Serializer>(
    error: &RiskError,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Statistic", 4)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("value", &self.value.as_ref().ok())?;
        let reason = self.value.as_ref().err().map(ToString::to_string);
        fields.serialize_field("reason", &reason)?;
        fields.serialize_field("note", &self.note)?;
        fields.end()
    }
}
