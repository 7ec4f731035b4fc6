//! Sizes on given days, what each limit is worth, counts of gates: made by hand, and what the report
//! says of them.

use plimsoll_market::{Side, Timestamp};
use plimsoll_report::report_bytes;
use plimsoll_sizing::{LimitValue, MultiplierValue, SizeDecision};
use plimsoll_study::result::{GateCount, LimitWorth, SizeOn, StudyResult};

use crate::fixture::study;

pub(crate) fn gate_counts(rules: &[String]) -> Vec<GateCount> {
    let count = |name, gate, is_multiplier, acted, refused, undefined| GateCount {
        rule: rules[rules.len() - 1].clone(),
        name,
        gate,
        is_multiplier,
        decisions: 4,
        set_the_size: if is_multiplier { 0 } else { acted },
        cut: if is_multiplier { acted } else { 0 },
        refused,
        undefined,
        closed: usize::from(name == "funding_budget") * 2,
    };
    vec![
        count("kelly", "size", false, 1, 0, 1),
        count("notional_fraction", "", false, 1, 0, 0),
        count("funding_cut", "funding", true, 1, 0, 0),
        count("oracle_health", "oracle_health", true, 0, 0, 0),
        count("funding_budget", "funding_budget", true, 0, 0, 0),
        count("venue_leverage", "", false, 0, 0, 0),
        count("venue_margin", "", false, 1, 0, 0),
    ]
}

pub(crate) fn sizes_on(rules: &[String]) -> Vec<SizeOn> {
    let mut rows = Vec::new();
    for (day, factor) in [("2024-01-31", 0.4), ("2024-02-20", 1.0)] {
        let date: Timestamp = day.parse().unwrap();
        for (index, rule) in rules.iter().take(2).enumerate() {
            for side in [Side::Long, Side::Short] {
                let size = if index == 0 { 1.0 } else { 2.0 * factor };
                let limit = |name, leverage, reason| LimitValue { name, leverage, reason };
                let mut decision = SizeDecision {
                    limits: vec![limit("notional_fraction", 2.0, "")],
                    multipliers: Vec::new(),
                    binding_limit: "notional_fraction",
                    multiplier: 1.0,
                    leverage: size,
                    reason: "",
                };
                if index == 1 {
                    decision.limits.insert(0, limit("atr", 2.0 * size, ""));
                    decision.binding_limit = "atr";
                    decision.multipliers =
                        vec![MultiplierValue { name: "funding_cut", factor: 0.5, reason: "" }];
                    decision.multiplier = 0.5;
                }
                let is_missing = side == Side::Short && day == "2024-02-20";
                rows.push(SizeOn {
                    date,
                    rule: rule.clone(),
                    symbol: "BTCUSDT".to_owned(),
                    side,
                    time: date,
                    price: (!is_missing).then_some(43_000.5),
                    stop_price: None,
                    decision: if is_missing { Err("no bar".to_owned()) } else { Ok(decision) },
                    median_leverage: Some(if index == 0 { 1.0 } else { 2.0 }),
                    moves: index == 1,
                    is_ablation: false,
                });
            }
        }
    }
    rows
}

pub(crate) fn limit_worth(rules: &[String]) -> Vec<LimitWorth> {
    let rule = &rules[0];
    let mut rows = Vec::new();
    for (index, limit) in ["kelly", "atr"].iter().enumerate() {
        let shift = 0.1 - 0.3 * index as f64;
        rows.push(LimitWorth {
            symbol: "portfolio".to_owned(),
            rule: rule.clone(),
            limit: (*limit).to_owned(),
            rule_without: format!("{rule}[without={limit}]"),
            metric: "mean_log_growth",
            difference: Some(shift),
            low: Some(shift - 0.25),
            high: Some(shift + 0.2),
            p_value: Some(0.25),
            p_value_adjusted: Some(0.5),
            reason: None,
        });
        rows.push(LimitWorth {
            metric: "max_drawdown",
            difference: Some(-0.125),
            low: None,
            high: None,
            p_value: None,
            p_value_adjusted: None,
            reason: Some("fewer than ten blocks".to_owned()),
            ..rows[rows.len() - 1].clone()
        });
    }
    // A rule that is ruined without its limit has no growth to compare.
    rows.push(LimitWorth {
        limit: "risk_cap".to_owned(),
        difference: None,
        reason: Some("ruined".to_owned()),
        ..rows[1].clone()
    });
    rows
}

fn page(result: &StudyResult) -> String {
    let files = report_bytes(result).unwrap();
    String::from_utf8(files.into_iter().next().unwrap().1).unwrap()
}

#[test]
fn the_page_shows_the_sizes_the_limits_worth_and_the_gates() {
    let page = page(&study());
    for part in [
        "How often each limit and gate acted",
        // A gate that never acted stays in sight, a limit that never did is only counted.
        "<td>oracle health</td>",
        "One limit never acted; it is in gates.csv.",
        "Sizes before given days, and what each limit is worth</h2>",
        "2024-01-31: of 1 long size 1 was below its rule&#39;s median, 1 at half of it or less; the \
         middle ratio is 0.40.",
        "Not counted: fixed (the same size on every day of the median).",
        "<td>funding budget</td>",
        "title=\"atr binds; atr 1.60×; notional fraction 2.00×; funding cut 0.5\"",
        ">0.80×</td>",
        ">0.40</td>",
        "title=\"no bar\"><span class=\"na\">n/a</span>",
        "Notional over equity of a short of BTCUSDT on the eve",
        "fixed: mean log growth a year with each limit minus without it",
        "fixed: max drawdown with each limit minus without it",
        "To the left of zero the limit made the largest drawdown smaller.",
        "<b class=\"key r1\">B</b> atr",
        "Not drawn: risk_cap (ruined).",
    ] {
        assert!(page.contains(part), "missing: {part}");
    }
}

#[test]
fn a_study_that_asked_for_none_of_it_has_no_such_section() {
    let mut result = study();
    (result.sizes_on, result.limit_worth, result.gate_counts) = Default::default();
    let page = page(&result);
    for part in ["id=\"sizes\"", "How often each limit", "on the eve"] {
        assert!(!page.contains(part), "found: {part}");
    }
    // The tables keep their headings.
    for (name, bytes) in report_bytes(&result).unwrap() {
        if ["gates.csv", "sizes.csv", "ablation.csv"].contains(&name) {
            assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 1, "{name}");
        }
    }
}

#[test]
fn a_worth_or_a_size_that_is_no_number_is_refused() {
    let mut result = study();
    result.limit_worth[1].low = Some(f64::NAN);
    let error = report_bytes(&result).unwrap_err().to_string();
    assert!(error.contains("`limit_worth`[1] is NaN"), "{error}");
    let mut result = study();
    result.sizes_on[2].median_leverage = Some(f64::INFINITY);
    let error = report_bytes(&result).unwrap_err().to_string();
    assert!(error.contains("`sizes_on`[2] is inf"), "{error}");
}
