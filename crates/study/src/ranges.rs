//! What numbers of a strategy file may be. They are checked where they stand, so that a mistake
//! elsewhere in the same table hides none of them.

use toml::de::DeValue;

use crate::document::{Value, scalar_text, span_of, value_at};
use crate::error::Problem;

/// A number's place in the file and what it may be.
struct Range {
    path: &'static str,
    holds: fn(f64) -> bool,
    hint: &'static str,
}

const RANGES: [Range; 13] = [
    Range {
        path: "account.equity",
        holds: |v| v > 0.0 && v.is_finite(),
        hint: "write an amount of money above 0",
    },
    Range {
        path: "account.leverage",
        holds: |v| (1.0..=1000.0).contains(&v),
        hint: "write a number from 1 to 1000",
    },
    Range {
        path: "costs.slippage.half_spread_bps",
        holds: |v| (0.0..=1000.0).contains(&v),
        hint: "write basis points of the price from 0 to 1000; 0.5 is 0.005 %",
    },
    Range {
        path: "costs.slippage.impact.y",
        holds: |v| (0.0..=100.0).contains(&v),
        hint: "write a number of order one, from 0",
    },
    Range {
        path: "costs.stop_slippage",
        holds: |v| (0.0..=1.0).contains(&v),
        hint: "write a share from 0 to 1",
    },
    Range {
        path: "compare.bootstrap.draws",
        holds: |v| (100.0..=1_000_000.0).contains(&v),
        hint: "write a number from 100 to 1000000",
    },
    Range {
        path: "compare.ruin.drawdown",
        holds: |v| v > 0.0 && v <= 1.0,
        hint: "write a fraction above 0 and at most 1; 0.5 is half the equity",
    },
    Range {
        path: "compare.ruin.horizon_days",
        holds: |v| (1.0..=36_500.0).contains(&v),
        hint: "write days from 1 to 36500",
    },
    Range {
        path: "compare.alpha",
        holds: |v| v > 0.0 && v < 0.5,
        hint: "alpha is the tail probability, between 0 and 0.5: 0.01 is \"99 %\"",
    },
    Range {
        path: "compare.forecasts.window_days",
        holds: |v| (50.0..=10_000.0).contains(&v),
        hint: "write days from 50 to 10000; fewer cannot carry a fit of a tail",
    },
    Range {
        path: "compare.forecasts.refit_days",
        holds: |v| (1.0..=3_650.0).contains(&v),
        hint: "write days from 1 to 3650",
    },
    Range {
        path: "compare.forecasts.alpha",
        holds: |v| v > 0.0 && v < 0.5,
        hint: "alpha is the tail probability, between 0 and 0.5: 0.01 is \"99 %\"",
    },
    Range {
        path: "compare.forecasts.rules_max",
        holds: |v| (1.0..=10_000.0).contains(&v),
        hint: "write a number of rules from 1 to 10000",
    },
];

/// Lists of which each element stands once, and at least one does.
const LISTS: [&str; 3] =
    ["compare.forecasts.models", "compare.forecasts.horizons", "compare.forecasts.alpha"];

/// Every number that cannot stand where it does. Of a list, each element is looked at.
pub(crate) fn problems(root: &Value<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for range in &RANGES {
        let Some(value) = value_at(root, range.path) else {
            continue;
        };
        let key = range.path.rsplit('.').next().unwrap_or(range.path);
        let elements: Vec<&Value<'_>> = match value.get_ref() {
            DeValue::Array(elements) => elements.iter().collect(),
            _ => vec![value],
        };
        for element in elements {
            if let Some(number) = number(element)
                && !(range.holds)(number)
            {
                let message = format!("`{key}` is {number}");
                problems.push(Problem::at(element.span(), message).hint(range.hint));
            }
        }
    }
    for path in LISTS {
        if let Some(DeValue::Array(elements)) = value_at(root, path).map(toml::Spanned::get_ref) {
            problems.extend(list_problems(root, path, elements));
        }
    }
    problems
}

/// What is wrong with a list as a whole.
fn list_problems<'t>(root: &Value<'t>, path: &str, elements: &[Value<'t>]) -> Vec<Problem> {
    if elements.is_empty() {
        let key = path.rsplit('.').next().unwrap_or(path);
        let problem = Problem::at(span_of(root, path), format!("`{key}` is an empty list"));
        return vec![problem.hint("leave it out for the default, or write enabled = false")];
    }
    let stands_before = |index: usize| {
        let text = scalar_text(&elements[index]);
        elements[..index].iter().any(|other| scalar_text(other) == text)
    };
    (0..elements.len())
        .filter(|&index| stands_before(index))
        .map(|index| {
            let text = scalar_text(&elements[index]);
            Problem::at(elements[index].span(), format!("`{text}` stands twice"))
                .hint("name each value of a list once")
        })
        .collect()
}

/// The value as a number; `None` for what is none, which reading the table reports.
fn number(value: &Value<'_>) -> Option<f64> {
    match value.get_ref() {
        DeValue::Integer(_) | DeValue::Float(_) => scalar_text(value).replace('_', "").parse().ok(),
        _ => None,
    }
}
