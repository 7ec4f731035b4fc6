//! The rules that are compared where no strategy file names others.

use crate::parse::{NamedRule, parse_rule};

/// The rule that the others are compared with.
pub const BASELINE: &str = "quarter_kelly";

/// Names and tables of a strategy file. The list was complete before the first full run, and not
/// changed after it.
///
/// Edges are estimated from the last 100 trades, from 30 on, unless the name says otherwise.
const TABLES: [(&str, &str); 25] = [
    ("quarter_kelly", "kelly = { fraction = 0.25, estimator = 'trades', WINDOW }"),
    ("half_kelly", "kelly = { fraction = 0.5, estimator = 'trades', WINDOW }"),
    ("full_kelly", "kelly = { fraction = 1.0, estimator = 'trades', WINDOW }"),
    ("quarter_kelly_growing", "kelly = { fraction = 0.25, estimator = 'trades', GROWING }"),
    ("full_kelly_growing", "kelly = { fraction = 1.0, estimator = 'trades', GROWING }"),
    ("quarter_log_growth", "kelly = { fraction = 0.25, estimator = 'log_growth', WINDOW }"),
    ("full_log_growth", "kelly = { fraction = 1.0, estimator = 'log_growth', WINDOW }"),
    (
        "full_log_growth_stressed",
        "kelly = { fraction = 1.0, estimator = 'log_growth', WINDOW, liquidation = { margin = \
         'cross', maintenance_margin_rate = 0.005 } }",
    ),
    ("quarter_mean_variance", "kelly = { fraction = 0.25, estimator = 'mean_variance', BARS }"),
    ("full_mean_variance", "kelly = { fraction = 1.0, estimator = 'mean_variance', BARS }"),
    ("full_baker_mchale", "kelly = { FULL, shrinkage = 'baker_mchale' }"),
    ("full_t_statistic", "kelly = { FULL, shrinkage = 't_statistic' }"),
    ("full_t_debiased", "kelly = { FULL, shrinkage = 't_statistic_debiased' }"),
    ("full_bayesian_bound", "kelly = { FULL, shrinkage = 'bayesian_lower_bound' }"),
    ("full_bootstrap", "kelly = { FULL, shrinkage = 'bootstrap' }"),
    (
        "quarter_t_statistic",
        "kelly = { fraction = 0.25, estimator = 'trades', WINDOW, shrinkage = 't_statistic' }",
    ),
    (
        "quarter_bayesian_bound",
        "kelly = { fraction = 0.25, estimator = 'trades', WINDOW, shrinkage = \
         'bayesian_lower_bound' }",
    ),
    ("risk_constrained", "risk_constrained_kelly = { drawdown = 0.5, chance = 0.1, WINDOW }"),
    (
        "risk_constrained_quadratic",
        "risk_constrained_kelly = { drawdown = 0.5, chance = 0.1, WINDOW, form = 'quadratic' }",
    ),
    ("optimal_f", "optimal_f = { fraction = 1.0, WINDOW }"),
    (
        "quarter_kelly_capped",
        "risk_cap = 0.02\nkelly = { fraction = 0.25, estimator = 'trades', WINDOW }",
    ),
    ("risk_half_percent", "risk_fraction = 0.005"),
    ("risk_one_percent", "risk_fraction = 0.01"),
    ("risk_two_percent", "risk_fraction = 0.02"),
    ("risk_five_percent", "risk_fraction = 0.05"),
];

/// What the capitals in the tables stand for.
const WORDS: [(&str, &str); 4] = [
    ("FULL", "fraction = 1.0, estimator = 'trades', WINDOW"),
    ("WINDOW", "trades = 100, min_trades = 30"),
    // Every trade of the past.
    ("GROWING", "trades = 1_000_000, min_trades = 30"),
    ("BARS", "bars = 100, min_bars = 30"),
];

/// The built-in rules.
pub fn default_rules() -> Vec<NamedRule> {
    let rule = |(name, table): &(&str, &str)| {
        let table =
            WORDS.iter().fold((*table).to_owned(), |text, (word, keys)| text.replace(word, keys));
        let mut rules = parse_rule(name, &table).expect("a built-in table is right");
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
