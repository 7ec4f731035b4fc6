//! JSON as users write it: an object that names a member twice is refused, since one of the two
//! values would be dropped without a word.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Any JSON value of a text.
///
/// # Errors
/// What is wrong with the text and where, a member given twice included.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    // A mark of the byte order is no part of the text.
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str::<Strict>(text).map(|Strict(value)| value)
}

/// A value without members given twice, at any depth.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
            }
            let Strict(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn any_value_is_read_as_it_is() {
        for text in
            [r#"{"b": [1, -2, 0.1, 1e300, null, true, "a\"b"], "a": {"b": {}}}"#, "[]", "5", "\"\""]
        {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text).unwrap(), plain);
            assert_eq!(parse(text).unwrap().to_string(), plain.to_string());
        }
    }

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"a": 1, "b": 2, "a": 1}"#, "[{\"c\": {\n\"a\": 1,\n\"a\": null}}]"] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with("`a` is given twice at line "), "{message}");
        }
        assert!(parse("[1").is_err());
        assert!(parse("1 2").is_err());
    }
}
