//! Holding a computed value against the expected one.

use serde_json::Value;

/// Metrics found by maximum likelihood, compared by [`likelihood`] first.
const BY_LIKELIHOOD: [&str; 3] = ["garch_mle", "gpd_fit", "t_mle"];
/// How far below the expected optimum a log-likelihood may lie.
const LIKELIHOOD_SHORTFALL_MAX: f64 = 1e-3;
/// A log-likelihood higher by more than this is another, better optimum.
const LIKELIHOOD_BETTER: f64 = 0.05;

/// How far a number may lie from the expected one: `abs + rel * |expected|`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tolerance {
    abs: f64,
    rel: f64,
}

impl Tolerance {
    /// From `{"abs": .., "rel": ..}`. A case that states neither is held to rounding.
    fn of(value: &Value) -> Self {
        let part = |name: &str| value.get(name).and_then(Value::as_f64);
        match (part("abs"), part("rel")) {
            (None, None) => Self { abs: 1e-12, rel: 1e-9 },
            (abs, rel) => Self { abs: abs.unwrap_or(0.0), rel: rel.unwrap_or(0.0) },
        }
    }

    fn allows(self, got: f64, expected: f64) -> bool {
        (got - expected).abs() <= self.abs + self.rel * expected.abs()
    }
}

/// Every key of `expected` against `got`; `Err` names the first that differs.
pub(crate) fn compare(
    metric: &str,
    got: &Value,
    expected: &Value,
    tolerance: &Value,
) -> Result<(), String> {
    let tolerance = Tolerance::of(tolerance);
    if BY_LIKELIHOOD.contains(&metric)
        && let Some((name, got_likelihood, expected_likelihood)) = likelihood(got, expected)
    {
        if got_likelihood < expected_likelihood - LIKELIHOOD_SHORTFALL_MAX {
            return Err(format!(
                "log-likelihood {got_likelihood} is below the expected {expected_likelihood}"
            ));
        }
        if got_likelihood > expected_likelihood + LIKELIHOOD_BETTER {
            return Ok(());
        }
        return walk(got, expected, "", &|path, got, expected| {
            path == name || tolerance.allows(got, expected)
        });
    }
    walk(got, expected, "", &|_, got, expected| tolerance.allows(got, expected))
}

/// A published item, whose tolerance may be a number, one for each kind of key, or words such as
/// "printed digits". A `null` was not printed by the source and is not compared.
///
/// A number always may differ by the rounding of its printed digits where four decimals or more
/// are printed, and where the tolerance says no more than that they count. Words that speak of
/// the last printed digit hold each number to its own: its list was not printed alike. A kind that
/// ends in `_rel` is a share of the number, on top of the rounding of its own digits; it holds for
/// the keys that end in that kind. A formula where a number was computed is not compared; any other
/// text is.
pub(crate) fn compare_published(
    got: &Value,
    expected: &Value,
    tolerance: &Value,
) -> Result<(), String> {
    let printed = without_unprinted(got, expected);
    let each_its_own = tolerance.as_str().is_some_and(|words| words.contains("last printed digit"));
    let decimals = decimals_by_path(expected, !each_its_own);
    walk(&printed, expected, "", &|path, got, expected| {
        let digits = decimals.iter().find(|(start, _)| start == path).map_or(0, |found| found.1);
        let rounding = 0.5 * 10_f64.powi(-digits) * (1.0 + 1e-9);
        let relative = relative_tolerance(tolerance, path);
        let stated = match tolerance {
            Value::Number(number) => number.as_f64(),
            Value::Object(kinds) => kinds
                .iter()
                .find(|(kind, _)| path.split('/').any(|part| part.starts_with(kind.as_str())))
                .and_then(|(_, value)| value.as_f64()),
            _ => None,
        };
        let allowed = match (relative, stated) {
            (Some(share), _) => share * expected.abs() + own_rounding(expected),
            (None, Some(stated)) if digits >= 4 => stated.max(rounding),
            (None, Some(stated)) => stated,
            (None, None) => rounding,
        };
        (got - expected).abs() <= allowed
    })
}

/// `got` without the keys that nothing was expected for, which makes the two easy to read side by
/// side.
pub(crate) fn in_shape_of(got: &Value, expected: &Value) -> Value {
    match (got, expected) {
        (Value::Object(_), Value::Object(wanted)) => Value::Object(
            wanted
                .iter()
                .filter_map(|(name, wanted)| {
                    Some((name.clone(), in_shape_of(field(got, name)?, wanted)))
                })
                .collect(),
        ),
        (Value::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => Value::Array(
            items.iter().zip(wanted).map(|(item, wanted)| in_shape_of(item, wanted)).collect(),
        ),
        _ => got.clone(),
    }
}

/// The log-likelihoods on both sides, oriented upwards, and the key they stand under.
fn likelihood(got: &Value, expected: &Value) -> Option<(&'static str, f64, f64)> {
    [("loglik", 1.0), ("nllh", -1.0)].into_iter().find_map(|(name, sign)| {
        let side = |value: &Value| value.get(name).and_then(Value::as_f64).map(|v| sign * v);
        Some((name, side(got)?, side(expected)?))
    })
}

/// The share that a kind ending in `_rel` allows at `path`.
fn relative_tolerance(tolerance: &Value, path: &str) -> Option<f64> {
    tolerance.as_object()?.iter().find_map(|(kind, share)| {
        let kind = kind.strip_suffix("_rel")?;
        let here = path.split('/').any(|part| part.ends_with(kind));
        if here { share.as_f64() } else { None }
    })
}

/// Walks `expected`; numbers are judged by `agree(path, got, expected)`.
fn walk(
    got: &Value,
    expected: &Value,
    path: &str,
    agree: &dyn Fn(&str, f64, f64) -> bool,
) -> Result<(), String> {
    let at = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
    match (expected, got) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                let found =
                    field(got, name).ok_or_else(|| format!("{at}no `{name}` was computed"))?;
                walk(found, value, &join(path, name), agree)?;
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if wanted.len() != found.len() {
                let (found, wanted) = (found.len(), wanted.len());
                return Err(format!("{at}{found} values, {wanted} expected"));
            }
            for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                walk(found, wanted, &join(path, &index.to_string()), agree)?;
            }
            Ok(())
        }
        (Value::Number(wanted), Value::Number(found)) => {
            let both = found.as_f64().zip(wanted.as_f64());
            if both.is_some_and(|(found, wanted)| agree(path, found, wanted)) {
                Ok(())
            } else {
                Err(format!("{at}{found}, expected {wanted}"))
            }
        }
        (wanted, found) if wanted == found => Ok(()),
        (wanted, found) => Err(format!("{at}{found}, expected {wanted}")),
    }
}

/// A field by name, or by value where names are numbers: `1` finds `1.0`.
fn field<'a>(got: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = got.as_object()?;
    fields.get(name).or_else(|| {
        let wanted: f64 = name.parse().ok()?;
        let same = |key: &str| key.parse::<f64>().is_ok_and(|key| (key - wanted).abs() <= 0.0);
        fields.iter().find(|(key, _)| same(key)).map(|(_, value)| value)
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// `got` with `null` wherever `expected` has one.
fn without_unprinted(got: &Value, expected: &Value) -> Value {
    match (got, expected) {
        (_, Value::Null) => Value::Null,
        (Value::Number(_), Value::String(words)) if is_formula(words) => {
            Value::from(words.as_str())
        }
        (Value::Object(fields), Value::Object(wanted)) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let known = wanted.get(name).map(|wanted| without_unprinted(value, wanted));
                    (name.clone(), known.unwrap_or_else(|| value.clone()))
                })
                .collect(),
        ),
        (Value::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => Value::Array(
            items
                .iter()
                .zip(wanted)
                .map(|(item, wanted)| without_unprinted(item, wanted))
                .collect(),
        ),
        _ => got.clone(),
    }
}

/// Whether a text says how to compute a number: a name or a date does not.
fn is_formula(words: &str) -> bool {
    words.contains(['+', '*', '/', '^', '('])
}

/// Printed decimals of every number, by path. Where the numbers of one list were printed alike the
/// longest counts for all: JSON drops trailing zeros.
fn decimals_by_path(expected: &Value, lists_alike: bool) -> Vec<(String, i32)> {
    fn collect(value: &Value, path: &str, alike: bool, into: &mut Vec<(String, i32)>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    collect(value, &join(path, name), alike, into);
                }
            }
            Value::Array(items) => {
                let first = into.len();
                for (index, item) in items.iter().enumerate() {
                    collect(item, &join(path, &index.to_string()), alike, into);
                }
                if alike && items.iter().all(|item| item.is_number() || item.is_null()) {
                    let most = into[first..].iter().map(|found| found.1).max().unwrap_or(0);
                    for found in &mut into[first..] {
                        found.1 = most;
                    }
                }
            }
            Value::Number(number) => into.push((path.to_owned(), decimals(&number.to_string()))),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(expected, "", lists_alike, &mut found);
    found
}

/// Half a unit of the last digit that a number is printed with, where those are four or more.
fn own_rounding(number: f64) -> f64 {
    let digits = decimals(&number.to_string());
    if digits >= 4 { 0.5 * 10_f64.powi(-digits) } else { 0.0 }
}

fn decimals(text: &str) -> i32 {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let after_point = digits.split_once('.').map_or(0, |(_, after)| after.len() as i32);
    after_point - exponent.parse::<i32>().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn tolerances() {
        let tol = json!({"abs": 0.01, "rel": 0.1});
        for (got, expected, agrees) in [
            (json!(1.1), json!(1.0), true),
            (json!(1.12), json!(1.0), false),
            (json!(null), json!(1.0), false),
            (json!(1.0), json!(null), false),
            (json!(null), json!(null), true),
            (json!({"a": 1.0, "more": 2.0}), json!({"a": 1.0}), true),
            (json!({"b": 1.0}), json!({"a": 1.0}), false),
            (json!({"1.0": 3.0}), json!({"1": 3.0}), true),
            (json!([1.0, 2.0]), json!([1.0]), false),
            (json!([1.0]), json!([1]), true),
            (json!(true), json!(false), false),
            (json!("atr"), json!("atr"), true),
        ] {
            let verdict = compare("m", &got, &expected, &tol);
            assert_eq!(verdict.is_ok(), agrees, "{got} against {expected}: {verdict:?}");
        }
        // A case that states no tolerance is held to rounding.
        assert!(compare("m", &json!(1.000_000_000_1), &json!(1.0), &Value::Null).is_ok());
        assert!(compare("m", &json!(1.000_001), &json!(1.0), &Value::Null).is_err());
    }

    #[test]
    fn values_are_shown_in_the_shape_of_the_expectation() {
        let got = json!({"a": 1.0, "2.0": [{"x": 1, "y": 2}], "more": 3});
        let expected = json!({"2": [{"y": 5}], "missing": 1});
        assert_eq!(in_shape_of(&got, &expected), json!({"2": [{"y": 2}]}));
        assert_eq!(in_shape_of(&json!(null), &expected), json!(null));
    }

    #[test]
    fn likelihood_comes_first() {
        let tol = json!({"rel": 1e-9});
        let expected = json!({"loglik": 100.0, "nu": 4.0});
        for (loglik, nu, agrees) in [
            (100.0, 4.0, true),
            (99.9995, 4.0, true),
            (99.99, 4.0, false),
            (100.01, 5.0, false),
            (100.1, 5.0, true),
        ] {
            let got = json!({"loglik": loglik, "nu": nu});
            assert_eq!(compare("t_mle", &got, &expected, &tol).is_ok(), agrees, "{got}");
        }
        let lower_is_better = json!({"nllh": -100.0, "xi": 0.1});
        let got = json!({"nllh": -100.2, "xi": 0.5});
        assert!(compare("gpd_fit", &got, &lower_is_better, &tol).is_ok());
        assert!(compare("other", &got, &lower_is_better, &tol).is_err());
    }

    #[test]
    fn published_numbers_are_held_to_their_printed_digits() {
        let words = json!("printed digits");
        let expected = json!({"psr": [0.982, 1.0, null]});
        let ok = json!({"psr": [0.9824, 0.9996, 0.3]});
        assert!(compare_published(&ok, &expected, &words).is_ok());
        let off = json!({"psr": [0.9824, 0.999, 0.3]});
        assert!(compare_published(&off, &expected, &words).is_err());
        let mixed = json!({"ruin": [60.9, 3.53, null]});
        let got = json!({"ruin": [60.88, 3.5284, 0.01]});
        assert!(compare_published(&got, &mixed, &words).is_err());
        let own_digits = json!("half a unit in the last printed digit");
        assert!(compare_published(&got, &mixed, &own_digits).is_ok());
        let off = json!({"ruin": [60.84, 3.5284, 0.01]});
        assert!(compare_published(&off, &mixed, &own_digits).is_err());
        let relative = json!({"table_rel": 0.004});
        let expected = json!({"q_table": [2.0, 0.25], "other": 0.25, "limit": "sqrt(x)"});
        for (table, other, agrees) in [
            ([2.007, 0.2509], 0.25, true),
            ([2.009, 0.25], 0.25, false),
            ([2.0, 0.25], 0.256, false),
        ] {
            let got = json!({"q_table": table, "other": other, "limit": 0.5});
            assert_eq!(compare_published(&got, &expected, &relative).is_ok(), agrees, "{got}");
        }
        let name = json!({"first": "D"});
        assert!(compare_published(&json!({"first": 0.5}), &name, &words).is_err());
        assert!(compare_published(&name, &name, &words).is_ok());
        let kinds = json!({"growth": 0.1});
        let rows = json!({"rows": [{"growth_mc": 1.0}]});
        let got = json!({"rows": [{"growth_mc": 1.09}]});
        assert!(compare_published(&got, &rows, &kinds).is_ok());
        assert!(
            compare_published(&json!({"x": 2.33333}), &json!({"x": 2.3333}), &json!(1e-6)).is_ok()
        );
    }
}
