//! The JSON Schema of the strategy file, for editors.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::presets::PresetKeys;
use crate::strategy::Strategy;

/// JSON Schema 2020-12 of the strategy file.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    // Its keys stand in the same table as those of the rule.
    let preset_keys = PresetKeys::json_schema(&mut generator).to_value();
    let mut schema = generator.into_root_schema_for::<Strategy>().to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        let as_written = definitions.clone();
        for name in tables_of(definitions, "SizingRule") {
            if let Some(properties) = properties_of(definitions, &name) {
                allow_lists(properties, &as_written);
            }
        }
        if let Some(properties) = properties_of(definitions, "SizingRule")
            && let Some(keys) = preset_keys.get("properties").and_then(Value::as_object)
        {
            properties.extend(keys.clone());
        }
    }
    schema
}

fn properties_of<'a>(
    definitions: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    definitions.get_mut(name)?.get_mut("properties")?.as_object_mut()
}

/// A definition and all that it refers to: those in which a list may stand where a number may.
fn tables_of(definitions: &Map<String, Value>, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(&name)
            && found.insert(name)
        {
            collect_references(definition, &mut open);
        }
    }
    found
}

fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                found.extend(name.strip_prefix("#/$defs/").map(str::to_owned));
            }
            for inner in object.values() {
                collect_references(inner, found);
            }
        }
        Value::Array(elements) => {
            for inner in elements {
                collect_references(inner, found);
            }
        }
        _ => {}
    }
}

/// Lets every value of a table that is no table itself be a list of such values.
fn allow_lists(properties: &mut Map<String, Value>, definitions: &Map<String, Value>) {
    for property in properties.values_mut() {
        let Some(element) = swept(property, definitions) else {
            continue;
        };
        let mut single = property.clone();
        let description = single.as_object_mut().and_then(|single| single.remove("description"));
        let mut either = json!({
            "anyOf": [single, { "type": "array", "items": element, "minItems": 1 }],
        });
        if let Some(description) = description {
            either["description"] = description;
        }
        *property = either;
    }
}

/// What an element of a list in place of the value is, a pair for a pair; `None` for a table.
fn swept(property: &Value, definitions: &Map<String, Value>) -> Option<Value> {
    const PLAIN: [&str; 5] = ["number", "integer", "string", "boolean", "array"];
    if let Some(alternatives) = property.get("anyOf").and_then(Value::as_array) {
        // An optional value stands beside null.
        let value = alternatives.iter().find(|one| one.get("type") != Some(&json!("null")))?;
        return swept(value, definitions);
    }
    let mut element = property.clone();
    let fields = element.as_object_mut()?;
    fields.remove("description");
    fields.remove("default");
    if let Some(name) = property.get("$ref").and_then(Value::as_str) {
        let definition = definitions.get(name.strip_prefix("#/$defs/")?)?;
        let is_table = definition.get("type").is_some_and(|kind| kind == "object");
        return (!is_table).then_some(element);
    }
    let kind = match property.get("type")? {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null")?.clone(),
        one => one.clone(),
    };
    PLAIN.contains(&kind.as_str()?).then(|| {
        element["type"] = kind;
        element
    })
}
