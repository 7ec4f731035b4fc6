//! Flags, and lists of positions, as JSON on stdin.

use std::ffi::OsString;
use std::io::Read;

use clap::Parser;
use serde_json::{Map, Value};

use super::records::{self, Record};
use super::{book, margin};
use crate::args::{Arguments, CalcArguments, Command};
use crate::error::CliError;
use crate::json;

/// Flags that may be given as a list.
const LISTS: [&str; 7] = [
    "trade_returns",
    "r_multiples",
    "adverse_excursions",
    "funding_8h",
    "sizing",
    "rules",
    "haircut",
];

/// The calculator's flags from a JSON object on stdin beside those of the command line, and the
/// positions that stdin held.
pub(super) fn read(command: &str) -> Result<(CalcArguments, Vec<Record>), CliError> {
    let hint = hint(command);
    let refused = |message: String| CliError::usage(format!("stdin: {message}"), hint);
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
    let shape = match command {
        "heat" | "exposure" => Some(&book::SHAPE),
        "margin" => Some(&margin::SHAPE),
        _ => None,
    };
    let document = json::parse(&text).map_err(|error| refused(error.to_string()))?;
    let (object, items) = match document {
        Value::Array(_) if shape.is_some() => (Map::new(), Some(document)),
        Value::Object(mut object) => {
            let items = shape.and_then(|shape| object.shift_remove(shape.list));
            (object, items)
        }
        _ => return Err(refused("this is no object of flags".to_owned())),
    };
    let records = match (shape, items) {
        (Some(shape), Some(Value::Array(items))) => {
            records::from_json(shape, "stdin", &text, items)?
        }
        (Some(shape), Some(other)) => {
            return Err(refused(format!("`{}` is {other}, not a list", shape.list)));
        }
        _ => Vec::new(),
    };
    let mut words: Vec<OsString> =
        std::env::args_os().filter(|word| word.to_str() != Some("--stdin")).collect();
    for (key, value) in object {
        if key == "stdin" {
            return Err(refused("`stdin` is no flag here".to_owned()));
        }
        let flag = format!("--{}", key.replace('_', "-"));
        let values = match value {
            Value::Null | Value::Bool(false) => continue,
            Value::Bool(true) => {
                words.push(flag.into());
                continue;
            }
            Value::Array(values) if LISTS.contains(&key.as_str()) => values,
            Value::Object(_) if key == "sizing" => vec![Value::String(toml_lines(&value))],
            value => vec![value],
        };
        for value in values {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                other => {
                    return Err(refused(format!(
                        "`{key}` is {other}, neither a number nor a text"
                    )));
                }
            };
            words.push(format!("{flag}={value}").into());
        }
    }
    let parsed = Arguments::try_parse_from(words).map_err(|error| {
        // The first paragraph says what is wrong, the others repeat how flags are written.
        let text = error.to_string();
        let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let message = lines.collect::<Vec<_>>().join(" ");
        refused(message.trim_start_matches("error: ").to_owned())
    })?;
    match parsed.command {
        Command::Calc(arguments) => Ok((*arguments, records)),
        _ => Err(refused("not the flags of a calculator".to_owned())),
    }
}

fn hint(command: &str) -> &'static str {
    match command {
        "kelly" => "write an object of flags, such as {\"win_rate\": 0.55, \"payoff\": 1.5}",
        "size" => {
            "write an object of flags, such as {\"equity\": 10000, \"price\": 60000, \
             \"stop\": 58500, \"sizing\": {\"risk_cap\": 0.02}}"
        }
        "funding" => "write an object of flags, such as {\"notional\": 100000, \"rate\": 0.0003}",
        "heat" => {
            "write {\"equity\": 10000, \"positions\": [{\"symbol\": \"BTCUSDT\", \
             \"side\": \"long\", \"notional\": 20000, \"entry\": 50000, \"stop\": 48500}]}"
        }
        "margin" => {
            "write {\"venue\": \"binance-usdm\", \"at\": \"2025-10-10\", \"wallet\": 5000, \"legs\": \
             [{\"kind\": \"perp\", \"symbol\": \"BTCUSDT\", \"side\": \"long\", \"quantity\": 1, \
             \"price\": 100000, \"leverage\": 20}]}"
        }
        "exposure" => {
            "write {\"collateral\": 10000, \"positions\": [{\"symbol\": \"BTCUSDT\", \
             \"side\": \"long\", \"notional\": 20000}]}"
        }
        _ => {
            "write an object of flags, such as {\"side\": \"long\", \"entry\": 100000, \
             \"quantity\": 1, \"wallet\": 5000, \"mmr\": 0.025}"
        }
    }
}

/// The members of a JSON object as lines of TOML.
fn toml_lines(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let lines: Vec<String> =
        members.map(|(key, value)| format!("{key} = {}", toml_value(value))).collect();
    lines.join("\n")
}

/// A JSON value in TOML; a null, which TOML has not, as the word, so that it is refused by name.
fn toml_value(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml_value(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml_value).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::toml_lines;

    #[test]
    fn a_json_object_becomes_a_sizing_table() {
        let value = json!({
            "risk_cap": 0.02,
            "kelly": { "fraction": 0.25, "estimator": "trades", "trades": 100 },
            "leverage_cap": [1, 2],
        });
        assert_eq!(
            toml_lines(&value),
            "risk_cap = 0.02\n\
             kelly = { fraction = 0.25, estimator = \"trades\", trades = 100 }\n\
             leverage_cap = [1, 2]"
        );
    }
}
