//! The one document of `--json`.

use plimsoll_risk::assessment::Assessment;
use serde_json::{Map, Value, json};

use super::Series;
use crate::error::CliError;

/// `statistics` by name with their `reasons`, then a key for each section of the assessment.
pub(super) fn document(series: &Series<'_>, assessment: &Assessment) -> Result<Value, CliError> {
    let mut values = Map::new();
    let mut reasons = Map::new();
    for statistic in &assessment.statistics.statistics {
        let value = statistic.value.as_ref().ok().copied();
        let note = match &statistic.value {
            Err(error) => Some(error.to_string()),
            Ok(_) => statistic.note.map(str::to_owned),
        };
        values.insert(statistic.name.clone(), json!(value));
        if let Some(note) = note {
            reasons.insert(statistic.name.clone(), json!(note));
        }
    }
    let mut document = json!({
        "column": series.column,
        "n": assessment.statistics.n,
        "periods_per_year": series.settings.periods_per_year,
        "alphas": series.settings.alphas,
        "seed": series.settings.seed,
        "ruined_at": assessment.statistics.ruined_at,
        "statistics": Value::Object(values),
        "reasons": Value::Object(reasons),
    });
    let sections = serde_json::to_value(assessment).map_err(|error| {
        CliError::failed(format!("the result as JSON: {error}"), "leave out --json")
    })?;
    if let (Value::Object(document), Value::Object(sections)) = (&mut document, sections) {
        document.extend(sections);
    }
    no_negative_zero(&mut document);
    Ok(document)
}

/// Nothing lost is no gain either: 0, never -0.
fn no_negative_zero(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let is_it = |value: f64| value.to_bits() == (-0.0_f64).to_bits();
            if number.as_f64().is_some_and(is_it) {
                *value = json!(0.0);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(no_negative_zero),
        Value::Object(fields) => fields.values_mut().for_each(no_negative_zero),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        let mut value = json!({"a": [-0.0, 1.5, {"b": -0.0}], "c": -2, "d": null});
        no_negative_zero(&mut value);
        assert_eq!(value.to_string(), r#"{"a":[0.0,1.5,{"b":0.0}],"c":-2,"d":null}"#);
    }
}
