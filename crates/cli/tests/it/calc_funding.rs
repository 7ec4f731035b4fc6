//! What funding costs and how long a budget lasts.

use serde_json::{Value, json};

use crate::assert_text;
use crate::calc::{answer, answer_to, here, is_near, words};
use crate::program::{refusal, refusal_with};

#[test]
fn the_seed_numbers() {
    // 100,000 at 0.03 % every 8 hours: 90 a day; 10 % of 2,000 lasts 2.22 days.
    let found = answer("funding --notional 100000 --rate 0.0003 --budget-share 0.1 --margin 2000");
    for (key, expected) in [
        ("cost_per_settlement", 30.0),
        ("cost_per_day", 90.0),
        ("apr", 0.3285),
        ("rate_8h", 0.0003),
        ("budget", 200.0),
        ("max_hold_days", 200.0 / 90.0),
        ("cost_per_day_of_margin", 0.045),
        ("max_hold_settlements", 6.0),
    ] {
        assert!(is_near(&found[key], expected), "{key}: {found}");
    }
    assert_eq!((&found["side"], &found["reason"]), (&json!("long"), &Value::Null));
    let same = answer("funding --notional 100000 --rate 0.0003 --budget 200");
    assert_eq!(same["max_hold_days"], found["max_hold_days"]);
    // A budget of whole settlements is not short of the last by rounding.
    let whole = answer("funding --notional 100000 --rate 0.0003 --budget 90");
    assert_eq!(whole["max_hold_settlements"], 3.0);
}

#[test]
fn intervals_and_thresholds() {
    // 0.05 % per 8 hours is 54.75 % a year; hourly, an eighth of it is the same.
    for (rate, minutes) in [("0.0005", "480"), ("0.0000625", "60"), ("0.00025", "240")] {
        let found =
            answer(&format!("funding --notional 1000 --rate {rate} --interval-minutes {minutes}"));
        assert!(is_near(&found["rate_8h"], 0.0005), "{found}");
        assert!(is_near(&found["apr"], 0.5475), "{found}");
        assert!(is_near(&found["cost_per_day"], 1.5), "{found}");
        assert_eq!(found["max_hold_days"], Value::Null);
    }
}

#[test]
fn who_pays_follows_from_side_and_sign() {
    let call = "funding --notional 1000 --budget 10";
    let short = answer(&format!("{call} --rate -0.0001"));
    assert_eq!(short["side"], "short");
    assert!(is_near(&short["cost_per_day"], 0.3), "{short}");
    for line in ["--rate 0.0001 --side short", "--rate -0.0001 --side long"] {
        let found = answer(&format!("{call} {line}"));
        assert!(is_near(&found["cost_per_day"], -0.3), "{found}");
        assert_eq!(found["max_hold_days"], Value::Null);
        assert!(found["reason"].as_str().unwrap().contains("paid to the position"), "{found}");
    }
    let none = answer(&format!("{call} --rate 0"));
    assert!(none["reason"].as_str().unwrap().contains("rate is 0"), "{none}");
}

#[test]
fn numbers_that_look_like_percentages_are_asked_about() {
    let found = answer("funding --notional 100 --rate 0.3 --budget-share 2 --margin 10");
    let warnings = found["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{found}");
    assert!(warnings[0].as_str().unwrap().contains("not per cent?"), "{found}");
    assert!(warnings[1].as_str().unwrap().contains("more than the margin"), "{found}");
    let usual = answer("funding --notional 100 --rate -0.05 --budget-share 1 --margin 10");
    assert_eq!(usual["warnings"], Value::Null);
}

#[test]
fn people_see_formula_and_answer() {
    for (name, line) in [
        ("funding", "funding --notional 100000 --rate 0.0003 --budget-share 0.1 --margin 2000"),
        ("funding_received", "funding --notional 1000 --rate 0.0001 --side short --budget 10"),
    ] {
        let line: Vec<&str> = line.split_whitespace().collect();
        assert_text!(format!("words_{name}"), words(&line, ""));
    }
}

#[test]
fn wrong_flags_are_named() {
    for (name, line) in [
        ("without_flags", "funding"),
        ("rate", "funding --notional 5 --rate x"),
        ("interval", "funding --notional 5 --rate 0.1 --interval-minutes 0"),
        ("too_large", "funding --notional 1e308 --rate 1"),
        ("share_of_margin_too_large", "funding --notional 1e200 --rate 1 --margin 1e-200"),
        ("share_alone", "funding --notional 5 --rate 0.1 --budget-share 0.1"),
        ("two_budgets", "funding --notional 5 --rate 0.1 --budget 1 --budget-share 0.1 --margin 5"),
    ] {
        let line: Vec<&str> = ["calc"].into_iter().chain(line.split_whitespace()).collect();
        let text = refusal(here(), &line);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("funding_{name}"), text);
    }
    let text = refusal_with(here(), &["calc", "funding", "--stdin"], r#"{"notional": 5}"#);
    assert_text!("funding_stdin", text);
    let found = answer_to(
        &["funding", "--stdin"],
        r#"{"notional": 100000, "rate": 0.0003, "budget": 200, "side": "long"}"#,
    );
    assert!(is_near(&found["max_hold_days"], 200.0 / 90.0), "{found}");
}
