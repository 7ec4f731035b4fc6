//! The JSON Schema of the strategy file.

use plimsoll_study::schema;
use serde_json::Value;

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
