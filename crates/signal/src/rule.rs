//! Entry and exit rules: SQL text to a checked polars expression.

use polars::prelude::*;
use polars_sql::sql_expr;

use crate::form::{CheckedForm, Kind};
use crate::stack::on_deep_stack;

/// Longest text of a rule, in bytes.
pub(crate) const RULE_BYTES_MAX: usize = 4096;

/// A rule that may be evaluated.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) text: String,
    /// Boolean; null where undefined.
    pub(crate) expr: Expr,
    /// Names that the rule uses, each once, in order of appearance.
    pub(crate) names: Vec<String>,
}

/// Why a rule's text is no rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RuleFault {
    TooLong { bytes: usize },
    Syntax { message: String },
    Refused { what: &'static str, hint: &'static str },
    UnknownName { name: String },
    TooDeep,
    NotBoolean { gives: Kind },
    Mixed { operation: &'static str, wants: &'static str },
    Failed { message: String },
}

impl Rule {
    /// Reads a rule over columns of the given names, all of them numbers.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self, RuleFault> {
        if text.len() > RULE_BYTES_MAX {
            return Err(RuleFault::TooLong { bytes: text.len() });
        }
        on_deep_stack(|| Self::parse_here(text, known))
    }

    fn parse_here(text: &str, known: &[&str]) -> Result<Self, RuleFault> {
        let parsed =
            sql_expr(text).map_err(|error| RuleFault::Syntax { message: plain(&error) })?;
        let CheckedForm { expr, names, gives } = CheckedForm::of(parsed)?;
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(RuleFault::UnknownName { name: name.clone() });
        }
        if gives != Kind::Boolean {
            return Err(RuleFault::NotBoolean { gives });
        }
        try_out(&expr, &names)?;
        Ok(Self { text: text.to_owned(), expr, names })
    }
}

/// Whether a feature of this name can be written in a rule.
pub(crate) fn is_usable_name(name: &str) -> bool {
    let mut chars = name.chars();
    let is_word = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    // Some keywords read as names in some places only.
    let reads_as_name = |text: String| {
        let form = sql_expr(text).ok().and_then(|expr| CheckedForm::of(expr).ok());
        form.is_some_and(|form| form.names == [name])
    };
    is_word && reads_as_name(name.to_owned()) && reads_as_name(format!("{name} > 0 AND 0 < {name}"))
}

/// Evaluates the expression on three made-up bars, one of them undefined.
fn try_out(expr: &Expr, names: &[String]) -> Result<(), RuleFault> {
    let failed = |error: PolarsError| RuleFault::Failed { message: plain(&error) };
    let mut columns: Vec<Column> = names
        .iter()
        .map(|name| Column::new(name.as_str().into(), [Some(1.0), None, Some(2.0)]))
        .collect();
    columns.push(Column::new(HEIGHT_COLUMN.into(), [1.0; 3]));
    let frame = DataFrame::new(3, columns).map_err(failed)?;
    let rule = expr.clone().alias(RESULT_COLUMN);
    let result = frame.lazy().select([col(HEIGHT_COLUMN), rule]).collect().map_err(failed)?;
    result.column(RESULT_COLUMN).and_then(|column| column.bool().map(|_| ())).map_err(failed)
}

/// Names that no feature can have.
const HEIGHT_COLUMN: &str = "rule.height";
const RESULT_COLUMN: &str = "rule.result";

/// The first line of what polars says: the rest is about its query plan.
fn plain(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The rule's value (`t`, `f`, `-` for undefined) on bars of (a, b):
    /// (1, 2), (2, 2), (3, undefined), (undefined, undefined), (0, 0).
    fn truth(text: &str) -> String {
        let rule = Rule::parse(text, &["a", "b"]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let a = [Some(1.0), Some(2.0), Some(3.0), None, Some(0.0)];
        let b = [Some(2.0), Some(2.0), None, None, Some(0.0)];
        let columns = vec![Column::new("a".into(), a), Column::new("b".into(), b)];
        let frame = DataFrame::new(5, columns).unwrap().lazy();
        let frame = frame.select([col("a"), rule.expr.alias("rule")]).collect().unwrap();
        let values = frame.column("rule").unwrap().bool().unwrap().clone();
        values.iter().map(|v| v.map_or('-', |v| if v { 't' } else { 'f' })).collect()
    }

    #[test]
    fn sql_forms() {
        for (text, expect) in [
            ("a > 1", "ftt-f"),
            ("a = b", "ft--t"),
            ("a != b", "tf--f"),
            ("a <> b", "tf--f"),
            ("a < b AND a > 0", "tf--f"),
            ("a < b OR a = 3", "tft-f"),
            ("NOT a < b", "ft--t"),
            ("NOT (a < b) AND TRUE", "ft--t"),
            ("a BETWEEN 1 AND 2", "ttf-f"),
            ("a NOT BETWEEN 1 AND 2", "fft-t"),
            ("b IS NULL", "ffttf"),
            ("b IS NOT NULL AND a IS NOT NULL", "ttfft"),
            ("a + b * 2 - 1 >= 4", "tt--f"),
            ("a / b > 0.5", "ft---"),
            ("b / a IS NULL", "ffttt"),
            ("-a < -1", "ftt-f"),
            ("ABS(a - b) < 1", "ft--t"),
            ("ABS(a - 2) <= 1", "ttt-f"),
            ("a % 2 = 1", "tft-f"),
            ("SQRT(a) > 1.5", "fft-f"),
            ("LN(a) IS NULL", "ffftt"),
            ("LOG(a, 2) = 1", "ftf--"),
            ("EXP(a) > 2", "ttt-f"),
            ("POW(a, 2) > 3", "ftt-f"),
            ("SIGN(a - 1.5) = 1", "ftt-f"),
            ("FLOOR(a / 2) = 1 OR CEIL(a / 2) = 1", "ttt-f"),
            ("ROUND(a / 3, 1) = 0.7", "ftf-f"),
            ("CASE WHEN b IS NULL THEN a > 2 ELSE a = b END", "ftt-t"),
            ("CASE WHEN a > b THEN a ELSE b END > 1", "tt--f"),
            ("CASE a WHEN 1 THEN TRUE WHEN 2 THEN FALSE ELSE TRUE END", "tfttt"),
            ("COALESCE(b, 9) = 9", "ffttf"),
            ("IF(a > 1, b = 2, TRUE)", "tt-tt"),
            ("a > 1 IS TRUE", "ftt-f"),
            ("TRUE", "ttttt"),
            ("1 / 2 < 0.6", "ttttt"),
            ("\"a\" > 1", "ftt-f"),
            ("a > 1.0e0 and a < 2.5E0", "ftf-f"),
        ] {
            assert_eq!(truth(text), expect, "{text}");
        }
    }

    #[test]
    fn refused() {
        let parse = |text: &str| Rule::parse(text, &["a", "b"]).err();
        for text in [
            "a > MAX(a)",
            "SUM(a) > 1",
            "COUNT(*) > 1",
            "a > LAG(a) OVER (ORDER BY b)",
            "AVG(a) OVER (PARTITION BY b) > 1",
            "a > 'x'",
            "CAST(a AS INT) > 1",
            "a // 2 = 1",
            "a::int > 1",
            "GREATEST(a, b) > 1",
            "a IN (1, 2)",
            "UPPER('x') = 'X'",
            "DATE '2024-01-01' > a",
            "*",
            "SIN(a) > 0",
            "a || b = 'x'",
            "FIRST(a) > 1",
            "a > 1e999",
            "REVERSE(a) > 1",
        ] {
            let fault = parse(text);
            assert!(
                matches!(fault, Some(RuleFault::Refused { .. } | RuleFault::Syntax { .. })),
                "{text}: {fault:?}"
            );
        }
        for text in ["", "a >", "a > 1;", "a > 1 FROM b", "SELECT a", "(a > 1", "a b c", "nope(a)"]
        {
            let fault = parse(text);
            assert!(matches!(fault, Some(RuleFault::Syntax { .. })), "{text}: {fault:?}");
        }
        for text in ["a", "a + b", "1", "NULL"] {
            let fault = parse(text);
            assert!(matches!(fault, Some(RuleFault::NotBoolean { .. })), "{text}: {fault:?}");
        }
        for text in [
            "a > 1 AND b",
            "NOT a",
            "a + (b > 1) > 0",
            "a = TRUE",
            "CASE WHEN a THEN TRUE END",
            "CASE WHEN a > 1 THEN TRUE ELSE b END",
            "COALESCE(a, TRUE)",
            "ABS(a > 1) > 0",
            "-(a > 1) < 0",
        ] {
            let fault = parse(text);
            assert!(matches!(fault, Some(RuleFault::Mixed { .. })), "{text}: {fault:?}");
        }
        let unknown = RuleFault::UnknownName { name: "c".to_owned() };
        assert_eq!(parse("a > c"), Some(unknown));
    }

    #[test]
    fn long_and_deep_texts_do_not_overflow_the_stack() {
        for link in ["a+", "a>0 OR "] {
            let chain = |n: usize| format!("{}a>0", link.repeat(n));
            assert!(Rule::parse(&chain(90), &["a"]).is_ok(), "{link}");
            let longest = chain((RULE_BYTES_MAX - 3) / link.len());
            assert_eq!(Rule::parse(&longest, &["a"]).err(), Some(RuleFault::TooDeep), "{link}");
        }
        let nested = format!("{}a{} > 0", "(".repeat(1000), ")".repeat(1000));
        assert!(Rule::parse(&nested, &["a"]).is_err());
        let negated = format!("{}a > 0", "NOT ".repeat(1000));
        let _ = Rule::parse(&negated, &["a"]);
        let long = " ".repeat(RULE_BYTES_MAX + 1);
        assert!(matches!(Rule::parse(&long, &["a"]), Err(RuleFault::TooLong { .. })));
    }

    #[test]
    fn names() {
        for name in ["upper", "funding", "ma_20", "x", "Trend"] {
            assert!(is_usable_name(name), "{name}");
        }
        for name in ["", "my-feature", "2x", "a b", "null", "true", "a.b", "ä"] {
            assert!(!is_usable_name(name), "{name}");
        }
    }
}
