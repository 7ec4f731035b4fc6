//! Lists of positions: from repeated flags, a CSV file, a JSON file or stdin, one reader for all.
//!
//! Every mistake names its place (flag, or file and line), the value, the rule and the mend.

use std::path::Path;

use plimsoll_market::Side;
use serde_json::Value;

use crate::error::CliError;
use crate::json;

/// One item of a list: named values, as text, and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// Where it stands, as the start of a message.
    pub(super) place: String,
    values: Vec<(String, String)>,
}

/// What the items of a list may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// What one item is called.
    pub(super) noun: &'static str,
    /// What the list is called in a JSON object.
    pub(super) list: &'static str,
    /// Values that stand first in a flag, without their names.
    pub(super) leading: &'static [&'static str],
    /// All names.
    pub(super) names: &'static [&'static str],
    /// Names without which nothing can be said.
    pub(super) required: &'static [&'static str],
}

/// The records of a list, wherever they are given, in that order: flags, file, stdin.
pub(super) fn read(
    shape: &Shape,
    flags: &[String],
    file: Option<&Path>,
    from_stdin: Vec<Record>,
) -> Result<Vec<Record>, CliError> {
    let mut records = Vec::new();
    for (idx, text) in flags.iter().enumerate() {
        records.push(from_flag(shape, idx + 1, text)?);
    }
    if let Some(path) = file {
        let found = from_file(shape, path)?;
        if found.is_empty() {
            let message = format!("{}: there is no {}", path.display(), shape.noun);
            return Err(CliError::usage(message, format!("write at least one {}", shape.noun)));
        }
        records.extend(found);
    }
    records.extend(from_stdin);
    if records.is_empty() {
        let parts = shape.leading.join(",").to_uppercase();
        return Err(CliError::usage(
            format!("there is no {}", shape.noun),
            format!("give --{} {parts},NAME=VALUE,..., --file FILE or --stdin", shape.noun),
        ));
    }
    for record in &records {
        record.check_names(shape)?;
    }
    Ok(records)
}

/// `BTCUSDT,long,quantity=1`: the leading values, then named ones.
fn from_flag(shape: &Shape, number: usize, text: &str) -> Result<Record, CliError> {
    let mut record = Record { place: format!("{} {number}", shape.noun), values: Vec::new() };
    let example = format!("write it as {},name=value", shape.leading.join(",").to_uppercase());
    for (idx, part) in text.split(',').map(str::trim).enumerate() {
        let (name, value) = match (part.split_once('='), shape.leading.get(idx)) {
            (Some((name, value)), _) => (name.trim(), value.trim()),
            (None, Some(name)) => (*name, part),
            (None, None) => {
                let message = format!("{}: `{part}` has no name", record.place);
                return Err(CliError::usage(message, example));
            }
        };
        record.add(name, value)?;
    }
    Ok(record)
}

fn from_file(shape: &Shape, path: &Path) -> Result<Vec<Record>, CliError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| CliError::Io { path: path.to_owned(), source })?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if !is_json {
        return from_csv(&file, &text);
    }
    let list = shape.list;
    let hint = format!("write a list of objects, or an object with the list `{list}`");
    let refused = |message: String| CliError::usage(format!("{file}: {message}"), hint.clone());
    let items = match json::parse(&text).map_err(|error| refused(error.to_string()))? {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove(list) {
            Some(Value::Array(items)) if object.is_empty() => items,
            Some(_) if !object.is_empty() => {
                let keys: Vec<&String> = object.keys().collect();
                return Err(refused(format!("`{}` is not `{list}`", keys[0])));
            }
            _ => return Err(refused(format!("there is no list `{list}`"))),
        },
        _ => return Err(refused("this is no list".to_owned())),
    };
    from_json(shape, &file, &text, items)
}

fn from_csv(file: &str, text: &str) -> Result<Vec<Record>, CliError> {
    let refused = |error: csv::Error| {
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { pos: Some(place), expected_len, len } => {
                format!("{file}:{}: {len} values under a header of {expected_len}", place.line())
            }
            _ => format!("{file}: {error}"),
        };
        CliError::usage(message, "write a header of names and as many values in every row")
    };
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(refused)?.clone();
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(refused)?;
        let line = row.position().map_or(0, csv::Position::line);
        let mut record = Record { place: format!("{file}:{line}"), values: Vec::new() };
        for (name, value) in header.iter().zip(&row).filter(|(_, value)| !value.is_empty()) {
            record.add(name, value)?;
        }
        records.push(record);
    }
    Ok(records)
}

/// The objects of a JSON list, each with its line of the text.
pub(super) fn from_json(
    shape: &Shape,
    file: &str,
    text: &str,
    items: Vec<Value>,
) -> Result<Vec<Record>, CliError> {
    let lines = object_lines(text);
    let mut records = Vec::with_capacity(items.len());
    for (idx, item) in items.into_iter().enumerate() {
        let place = match lines.get(idx) {
            Some(line) => format!("{file}:{line}"),
            None => format!("{file}: {} {}", shape.noun, idx + 1),
        };
        let Value::Object(members) = item else {
            return Err(CliError::usage(
                format!("{place}: `{item}` is not an object"),
                format!(
                    "write every {} as an object, such as {{\"symbol\": \"BTCUSDT\"}}",
                    shape.noun
                ),
            ));
        };
        let mut record = Record { place, values: Vec::new() };
        for (name, value) in members {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                other => {
                    let message = format!(
                        "{}: `{name}` is {other}, neither a number nor a text",
                        record.place
                    );
                    return Err(CliError::usage(message, "write a number or a text"));
                }
            };
            record.add(&name, &value)?;
        }
        records.push(record);
    }
    Ok(records)
}

/// The lines on which the objects directly inside a list begin.
fn object_lines(text: &str) -> Vec<usize> {
    let (mut lines, mut open, mut line) = (Vec::new(), Vec::new(), 1);
    let (mut in_text, mut escaped) = (false, false);
    for c in text.chars() {
        if c == '\n' {
            line += 1;
        }
        if in_text {
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => in_text = true,
            '{' | '[' => {
                if c == '{' && open.last() == Some(&'[') {
                    lines.push(line);
                }
                open.push(c);
            }
            '}' | ']' => {
                open.pop();
            }
            _ => {}
        }
    }
    lines
}

impl Record {
    fn add(&mut self, name: &str, value: &str) -> Result<(), CliError> {
        if self.text(name).is_some() {
            let message = format!("{}: `{name}` is given twice", self.place);
            return Err(CliError::usage(message, "give each value once"));
        }
        self.values.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn check_names(&self, shape: &Shape) -> Result<(), CliError> {
        let Self { place, values } = self;
        let names = shape.names.join(", ");
        if let Some((name, _)) =
            values.iter().find(|(name, _)| !shape.names.contains(&name.as_str()))
        {
            let message = format!("{place}: there is no `{name}` of a {}", shape.noun);
            return Err(CliError::usage(message, format!("the names are {names}")));
        }
        let missing: Vec<String> = shape
            .required
            .iter()
            .filter(|name| self.text(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let verb = if missing.len() == 1 { "is" } else { "are" };
        Err(CliError::usage(
            format!("{place}: {} {verb} missing", missing.join(", ")),
            format!("a {} needs {}", shape.noun, shape.required.join(", ")),
        ))
    }

    /// A value as it is written.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A value that is needed; its absence was refused with the names.
    pub(super) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A number above 0, if it is given.
    pub(super) fn above_zero(&self, name: &str) -> Result<Option<f64>, CliError> {
        self.number(name, "a number above 0", |value| value > 0.0)
    }

    /// A number of the range that the rule states, if it is given.
    pub(super) fn number(
        &self,
        name: &str,
        rule: &str,
        holds: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, CliError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let value = text.parse().ok().filter(|&value: &f64| value.is_finite() && holds(value));
        value.map(Some).ok_or_else(|| self.bad(name, rule))
    }

    /// The direction.
    pub(super) fn side(&self) -> Result<Side, CliError> {
        match self.required("side").to_ascii_lowercase().as_str() {
            "long" => Ok(Side::Long),
            "short" => Ok(Side::Short),
            _ => Err(self.bad("side", "long or short")),
        }
    }

    /// A value that breaks a rule.
    pub(super) fn bad(&self, name: &str, rule: &str) -> CliError {
        let Self { place, .. } = self;
        let value = self.required(name);
        CliError::usage(format!("{place}: `{name}` is `{value}`"), format!("write {rule}"))
    }

    /// Something wrong with the record as a whole.
    pub(super) fn refused(&self, message: &str, hint: impl Into<String>) -> CliError {
        CliError::usage(format!("{}: {message}", self.place), hint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SHAPE: Shape = Shape {
        noun: "position",
        list: "positions",
        leading: &["symbol", "side"],
        names: &["symbol", "side", "entry", "stop"],
        required: &["symbol", "side"],
    };

    #[test]
    fn every_source_gives_the_same_values() {
        let flag = from_flag(&SHAPE, 1, "BTCUSDT, long, entry=5, stop = 4").unwrap();
        let csv = "# a comment\nsymbol,side,entry,stop\nBTCUSDT,long,5,4\nETHUSDT,short,5,\n";
        let csv = from_csv("p.csv", csv).unwrap();
        let text = r#"[
            {"symbol": "BTCUSDT", "side": "long", "entry": 5, "stop": "4"},

            {"symbol": "a \"{[", "side": null}, {"symbol": "c"}]"#;
        let Value::Array(items) = serde_json::from_str(text).unwrap() else { unreachable!() };
        let json = from_json(&SHAPE, "p.json", text, items).unwrap();
        assert_eq!((&flag.values, &flag.values), (&csv[0].values, &json[0].values));
        assert_eq!((csv[0].place.as_str(), csv[1].place.as_str()), ("p.csv:3", "p.csv:4"));
        let places: Vec<&str> = json.iter().map(|record| record.place.as_str()).collect();
        assert_eq!(places, ["p.json:2", "p.json:4", "p.json:4"]);
        assert_eq!((csv[1].text("stop"), json[1].text("side")), (None, None));
        assert_eq!(
            (flag.above_zero("entry").unwrap(), flag.side().unwrap()),
            (Some(5.0), Side::Long)
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        let of = |text: &str| {
            let record = from_flag(&SHAPE, 2, text)?;
            record.check_names(&SHAPE)?;
            record.above_zero("entry")?;
            record.side().map(|_| ())
        };
        for (text, expected) in [
            ("BTC,long,5", "position 2: `5` has no name"),
            ("BTC,long,entry=5,entry=6", "position 2: `entry` is given twice"),
            ("BTC,long,price=5", "position 2: there is no `price` of a position"),
            ("BTC", "position 2: `side` is missing"),
            ("entry=5", "position 2: `symbol`, `side` are missing"),
            ("BTC,up", "position 2: `side` is `up`"),
            ("BTC,long,entry=-5", "position 2: `entry` is `-5`"),
            ("BTC,long,entry=NaN", "position 2: `entry` is `NaN`"),
        ] {
            let error = of(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(error.hint().is_some());
        }
        assert!(from_csv("p.csv", "symbol,side\nBTC\n").unwrap_err().to_string().contains("p.csv"));
    }
}
