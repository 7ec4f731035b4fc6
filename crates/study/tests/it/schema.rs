//! The JSON Schema of the strategy file.

use plimsoll_study::schema;
use serde_json::{Map, Value};

use crate::scene::good_but;

/// The keys of a rule as an editor completes them.
#[test]
fn the_table_of_a_rule() {
    let schema = schema();
    let rule = &schema["$defs"]["SizingRule"];
    assert_eq!(rule["additionalProperties"], Value::Bool(false));
    insta::assert_snapshot!(serde_json::to_string_pretty(rule).unwrap());
}

#[test]
fn every_key_of_every_table_is_described() {
    let schema = schema();
    let mut tables: Vec<(&str, &Value)> = vec![("the file", &schema)];
    let definitions = schema["$defs"].as_object().unwrap();
    tables.extend(definitions.iter().map(|(name, table)| (name.as_str(), table)));
    let mut keys = 0;
    for (name, table) in tables {
        for (key, property) in table["properties"].as_object().into_iter().flatten() {
            let words = property["description"].as_str().unwrap_or_default();
            assert!(words.len() > 5, "{name}.{key}: {property}");
            keys += 1;
        }
    }
    assert!(keys > 80, "{keys}");
}

/// Where a number or a word stands in a rule, a list of them may; a table stays one.
#[test]
fn values_of_a_rule_may_be_lists() {
    let schema = schema();
    let either = &schema["$defs"]["Kelly"]["properties"]["fraction"]["anyOf"];
    assert_eq!(either[0]["type"], "number");
    assert_eq!(either[1]["items"]["type"], "number");
    let words = &schema["$defs"]["TailTarget"]["properties"]["measure"]["anyOf"];
    assert_eq!(words[0]["$ref"], "#/$defs/TailMeasure");
    assert_eq!(words[1]["items"]["$ref"], "#/$defs/TailMeasure");
    let levels = &schema["$defs"]["SizingRule"]["properties"]["heat"]["anyOf"];
    assert_eq!(levels[1]["type"], "array");
    let table = &schema["$defs"]["SizingRule"]["properties"]["atr"]["anyOf"];
    assert_eq!(table[0]["$ref"], "#/$defs/Atr");
    assert_eq!(table[1]["type"], "null");
    let pair = &schema["$defs"]["BayesianBound"]["properties"]["prior"];
    assert_eq!(pair["anyOf"][0]["maxItems"], 2);
    assert_eq!(pair["anyOf"][1]["items"]["maxItems"], 2);
    let account = &schema["$defs"]["AccountTable"]["properties"]["leverage"];
    assert_eq!(account["type"], "number");
}

/// An editor that checks files against the schema finds nothing wrong with the ones that are here.
#[test]
fn strategy_files_fit_the_schema() {
    let schema = schema();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../strategies");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(misfits(&schema, &text), [""; 0], "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 3, "{files}");
}

#[test]
fn what_the_reader_takes_or_refuses_the_schema_does_too() {
    let schema = schema();
    let rule = |keys: &str| good_but(&[("notional_fraction = 1.0", keys)]);
    let bound = |prior: &str| {
        rule(&format!(
            "kelly = {{ fraction = 1, estimator = \"trades\", trades = 50, shrinkage = \
             \"bayesian_lower_bound\", bayesian = {{ prior = {prior} }} }}"
        ))
    };
    for (text, fits) in [
        (good_but(&[]), true),
        (good_but(&[("fees     = \"venue\"", "fees     = 0.0005")]), true),
        (good_but(&[("fees     = \"venue\"", "fees     = 5")]), false),
        (good_but(&[("fees     = \"venue\"", "fees     = \"Venue\"")]), false),
        (good_but(&[("leverage = 10", "leverage = 0.5")]), false),
        (bound("[1.0, 1.0]"), true),
        (bound("[[1.0, 1.0], [2.0, 2.0]]"), true),
        (bound("1.0"), false),
        (rule("risk_cap = [0.01, 0.02]"), true),
        (rule("risk_cap = 2.0"), false),
        (rule("heat = [\"moderate\", 0.06]"), true),
        (rule("heat = \"bold\""), false),
        (rule("preset = \"six_gates\"\nwithout = \"each\""), true),
        (rule("preset = \"six_gates\"\nwithout = [\"funding\", \"each\"]"), true),
        (rule("preset = \"six_gates\"\nwithout = []"), false),
        (rule("preset = \"six_gates\"\nwithout = [\"sise\"]"), false),
        (rule("optimal_f = { trades = 50, before = { leverage = 0.5 } }"), true),
        (rule("optimal_f = { trades = 50, before = \"leverage\" }"), false),
    ] {
        assert_eq!(misfits(&schema, &text).is_empty(), fits, "{text}");
        assert_eq!(crate::scene::parse_with(&text, &[]).is_ok(), fits, "{text}");
    }
}

/// Places of a TOML text that do not fit the schema.
fn misfits(schema: &Value, text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap();
    let mut found = Vec::new();
    check(schema, schema, &json_of(&toml::Value::Table(table)), "", &mut found);
    found
}

fn json_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), json_of(value))).collect())
        }
        toml::Value::Array(elements) => Value::Array(elements.iter().map(json_of).collect()),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(word) => (*word).into(),
    }
}

/// JSON Schema 2020-12 as far as the schema of the strategy file uses it.
fn check(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            found.push(format!("{path}: nothing may stand here"));
        }
        return;
    };
    let fits = |one: &Value| {
        let mut inner = Vec::new();
        check(root, one, value, path, &mut inner);
        inner.is_empty()
    };
    let number = value.as_f64();
    let elements = value.as_array();
    for (keyword, rule) in keywords {
        let bound = rule.as_f64().unwrap_or(f64::NAN);
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => fits(root.pointer(&rule.as_str().unwrap()[1..]).unwrap()),
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => rule.as_array().unwrap().iter().any(fits),
            "oneOf" => rule.as_array().unwrap().iter().filter(|one| fits(one)).count() == 1,
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
                kind => is_of(kind, value),
            },
            "minimum" => number.is_none_or(|number| number >= bound),
            "maximum" => number.is_none_or(|number| number <= bound),
            "exclusiveMaximum" => number.is_none_or(|number| number < bound),
            "minItems" => elements.is_none_or(|elements| elements.len() as f64 >= bound),
            "maxItems" => elements.is_none_or(|elements| elements.len() as f64 <= bound),
            "items" => {
                for (index, element) in elements.into_iter().flatten().enumerate() {
                    check(root, rule, element, &format!("{path}[{index}]"), found);
                }
                true
            }
            "required" => value.as_object().is_none_or(|table| {
                rule.as_array().unwrap().iter().all(|key| table.contains_key(key.as_str().unwrap()))
            }),
            "properties" | "additionalProperties" => {
                let none = Map::new();
                let known = keywords.get("properties").and_then(Value::as_object);
                let known = known.unwrap_or(&none);
                for (key, inner) in value.as_object().into_iter().flatten() {
                    let of_key = match keyword.as_str() {
                        "properties" => known.get(key),
                        _ => (!known.contains_key(key)).then_some(rule),
                    };
                    if let Some(of_key) = of_key {
                        check(root, of_key, inner, &format!("{path}.{key}"), found);
                    }
                }
                true
            }
            other => panic!("{path}: the keyword {other} is not known here"),
        };
        if !holds {
            found.push(format!("{path}: {keyword}"));
        }
    }
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the type {other} is not known here"),
    }
}
