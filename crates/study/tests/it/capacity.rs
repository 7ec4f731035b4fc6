//! A list of equities is a capacity study: each equity has a baseline of its own.

use crate::lakes::{AUTUMN, autumn, try_run};

/// What stands behind `equity=` in a rule's name.
fn equity_of(rule: &str) -> &str {
    rule.rsplit("equity=").next().unwrap().trim_end_matches(']')
}

#[test]
fn rules_are_compared_within_their_equity() {
    let set = ["account.equity=[20_000, 50_000_000]"];
    let result = try_run(AUTUMN, &set, autumn()).unwrap();
    let single = try_run(AUTUMN, &["account.equity=20_000"], autumn()).unwrap();
    assert_eq!(result.rules.len(), 2 * single.rules.len());
    assert!(result.comparisons.len() > single.comparisons.len());
    for row in &result.comparisons {
        assert_eq!(equity_of(&row.rule), equity_of(&row.baseline), "{row:?}");
        assert_ne!(row.rule, row.baseline);
    }
    // A larger account pays more impact for the same trades.
    for rule in &single.rules {
        let small = result
            .rules
            .iter()
            .find(|other| other.rule == rule.rule && equity_of(&other.name) == "20000");
        let small = small.unwrap();
        assert_eq!(small.account().outcome, rule.account().outcome, "{}", rule.name);
    }
    let costs = |equity: &str| {
        let fixed = result
            .rules
            .iter()
            .find(|rule| rule.name.starts_with("fixed[") && equity_of(&rule.name) == equity);
        let account = fixed.unwrap().account();
        account.value("slippage_paid").unwrap() / account.outcome.traded_notional
    };
    assert!(costs("50000000") > 2.0 * costs("20000"));
}
