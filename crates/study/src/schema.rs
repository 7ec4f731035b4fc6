//! The JSON Schema of the strategy file, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::strategy::Strategy;

/// Definitions in which a list may stand where a number may: the sweep of a sizing rule.
const SWEPT: [&str; 6] =
    ["SizingRule", "Kelly", "Atr", "Concentration", "VolatilityTarget", "FundingCutRule"];

/// JSON Schema 2020-12 of the strategy file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Strategy>().to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for name in SWEPT {
            if let Some(properties) = definitions
                .get_mut(name)
                .and_then(|definition| definition.get_mut("properties"))
                .and_then(Value::as_object_mut)
            {
                allow_lists(properties);
            }
        }
    }
    schema
}

/// Lets every number of a table be a list of numbers.
fn allow_lists(properties: &mut Map<String, Value>) {
    for property in properties.values_mut() {
        let Some(kind) = property.get("type").cloned() else {
            continue;
        };
        let kinds: Vec<Value> = match kind {
            Value::Array(kinds) => kinds,
            one => vec![one],
        };
        if !kinds.iter().any(|kind| kind == "number" || kind == "integer") {
            continue;
        }
        let mut single = property.clone();
        let description = single.as_object_mut().and_then(|single| single.remove("description"));
        let mut element = single.clone();
        element["type"] = kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or(Value::Null);
        let mut either = json!({
            "anyOf": [single, { "type": "array", "items": element, "minItems": 1 }],
        });
        if let Some(description) = description {
            either["description"] = description;
        }
        *property = either;
    }
}
