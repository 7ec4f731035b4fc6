//! The rules that are compared where no strategy file names others.

use crate::parse::{NamedRule, parse_rule};

/// The rule that the others are compared with.
pub const BASELINE: &str = "quarter_kelly";

/// Tables of a strategy file by name. Written down before the first run, and not changed after it.
const TABLES: [(&str, &str); 12] = [
    (
        "quarter_kelly",
        "kelly = { fraction = 0.25, estimator = 'trades', trades = 100, min_trades = 30 }",
    ),
    (
        "half_kelly",
        "kelly = { fraction = 0.5, estimator = 'trades', trades = 100, min_trades = 30 }",
    ),
    (
        "full_kelly",
        "kelly = { fraction = 1.0, estimator = 'trades', trades = 100, min_trades = 30 }",
    ),
    // A window without an end: every trade of the past.
    (
        "quarter_kelly_growing",
        "kelly = { fraction = 0.25, estimator = 'trades', trades = 1_000_000, min_trades = 30 }",
    ),
    (
        "full_kelly_growing",
        "kelly = { fraction = 1.0, estimator = 'trades', trades = 1_000_000, min_trades = 30 }",
    ),
    (
        "quarter_log_growth",
        "kelly = { fraction = 0.25, estimator = 'log_growth', trades = 100, min_trades = 30 }",
    ),
    (
        "full_log_growth",
        "kelly = { fraction = 1.0, estimator = 'log_growth', trades = 100, min_trades = 30 }",
    ),
    (
        "quarter_kelly_capped",
        "risk_cap = 0.02\nkelly = { fraction = 0.25, estimator = 'trades', trades = 100, min_trades = 30 }",
    ),
    ("risk_half_percent", "risk_fraction = 0.005"),
    ("risk_one_percent", "risk_fraction = 0.01"),
    ("risk_two_percent", "risk_fraction = 0.02"),
    ("risk_five_percent", "risk_fraction = 0.05"),
];

/// The built-in rules.
pub fn default_rules() -> Vec<NamedRule> {
    let rule = |(name, table): &(&str, &str)| {
        let mut rules = parse_rule(name, table).expect("a built-in table is right");
        assert_eq!(rules.len(), 1, "{name}: a built-in table is one rule");
        NamedRule { name: (*name).to_owned(), ..rules.swap_remove(0) }
    };
    TABLES.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_right_and_told_apart() {
        let rules = default_rules();
        assert!(rules.iter().any(|rule| rule.name == BASELINE));
        for (index, rule) in rules.iter().enumerate() {
            assert!(rule.rule.problems().is_empty(), "{}", rule.name);
            for other in &rules[..index] {
                assert!(other.name != rule.name && other.rule != rule.rule, "{}", rule.name);
            }
        }
    }
}
