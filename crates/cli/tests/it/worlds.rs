//! `plimsoll worlds`: the three parts, their files, strategy files, what is wrong with a call.

use std::fs;

use serde_json::Value;

use crate::program::{folder, plimsoll, refusal};
use crate::report::CsvTable;

const STRATEGY: &str = r#"
name = "two"
[data]
venue = "binance-usdm"
symbols = ["BTCUSDT"]
bar = "1d"
from = 2024-01-01
to = 2025-01-01
[signal]
long = "close > open"
exit_long = "close < open"
[stop]
atr = { bars = 14, multiple = 3.0 }
[account]
equity = 100_000
margin = "cross"
leverage = 5
[costs]
fees = "venue"
slippage = { half_spread_bps = 0.5 }
[sizing.small]
risk_fraction = 0.001
[sizing.reckless]
notional_fraction = 15.0
[sizing.waiting]
kelly = { fraction = 0.25, estimator = "trades", trades = 300 }
[sizing.funded]
notional_fraction = 1.0
funding_cut = { above_8h = 0.0005, multiply = 0.5 }
[compare]
baseline = "small"
"#;

fn table<'a>(document: &'a Value, family: &str, history: u64) -> &'a Value {
    let tables = document["estimated_edge"].as_array().unwrap();
    tables.iter().find(|of| of["family"] == family && of["history"] == history).unwrap()
}

fn rule<'a>(table: &'a Value, name: &str) -> &'a Value {
    let rules = table["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"] == name).unwrap()
}

#[test]
fn worlds_are_the_same_at_any_number_of_threads() {
    let place = folder("worlds-threads");
    let words = ["worlds", "--worlds", "20", "--json", "--quiet", "--threads"];
    let of = |threads: &str| plimsoll(&place, &[&words[..], &[threads]].concat()).good();
    let (one, three) = (of("1"), of("3"));
    assert_eq!(one.stdout, three.stdout);
    assert_eq!(one.stderr, "");
    let document = one.json();
    assert_eq!(document["known_edge"].as_array().unwrap().len(), 21);
    for check in document["known_edge"].as_array().unwrap() {
        assert!(check["z"].as_f64().unwrap().abs() < 4.0, "{check}");
    }
    assert_eq!(document["estimated_edge"].as_array().unwrap().len(), 4);
    assert_eq!(document["baseline"], "quarter_kelly");
    // Another seed is another laboratory.
    let other = plimsoll(&place, &["worlds", "--worlds", "20", "--json", "--seed", "8"]).good();
    assert_ne!(other.json()["past_limit"], Value::Null);
    assert_ne!(other.json()["estimated_edge"], document["estimated_edge"]);
}

#[test]
fn a_strategy_file_gives_the_rules() {
    let place = folder("worlds-strategy");
    fs::write(place.join("two.toml"), STRATEGY).unwrap();
    let words = ["worlds", "two.toml", "--worlds", "20", "--out", "found", "--json"];
    let document = plimsoll(&place, &words).good().json();
    let fat = table(&document, "fat_tailed", 50);
    let names: Vec<&str> = fat["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["rule"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["true_kelly", "small", "reckless", "waiting", "funded"]);
    // Fifteen times the equity is liquidated by a gap of 10 %, whether it came or not.
    let reckless = rule(fat, "reckless");
    assert_eq!(reckless["true_growth_mean"], "minus infinity");
    assert_eq!(reckless["ruin_risked"]["of_worlds"], 1.0);
    assert!(reckless["oracle_share"].is_null());
    assert_eq!(reckless["leverage_mean"], 15.0);
    // Where ruin was possible no interval and no difference is told, whether it came or not.
    for table in document["estimated_edge"].as_array().unwrap() {
        for rule in table["rules"].as_array().unwrap() {
            let is_at_risk = rule["ruin_risked"]["of_worlds"].as_f64().unwrap() > 0.0;
            assert_eq!(rule["growth_interval"].is_null(), is_at_risk, "{rule}");
            assert!(!is_at_risk || rule["difference_mean"].is_null(), "{rule}");
            let survived = is_at_risk && rule["growth_mean"].is_f64();
            let of = if survived { "surviving_worlds" } else { "all_worlds" };
            assert_eq!(rule["growth_mean_of"], of, "{rule}");
        }
    }
    // In worlds of two outcomes the worst is a loss of 30 %.
    let binary = rule(table(&document, "binary", 50), "reckless");
    assert!(binary["true_growth_mean"].is_f64() && binary["ruined"]["of_worlds"] == 0.0);
    // A rule that needs what worlds do not have takes no trade, and says why.
    let funded = rule(fat, "funded");
    assert_eq!(funded["traded_share"], 0.0);
    assert_eq!(funded["no_trade_reason"], "too_few_observations");
    assert!(rule(fat, "small")["difference_mean"].is_null(), "it is the baseline");

    let csv = CsvTable::read(&place.join("found/estimated_edge.csv"));
    assert_eq!(csv.column("rule").len(), 20);
    assert_eq!(csv.column("rule")[..4], ["true_kelly", "small", "reckless", "waiting"]);
    assert_eq!(csv.column("true_growth_mean")[12], "minus infinity");
    assert_eq!(csv.column("growth_mean_of")[0], "all_worlds");
    let limits = CsvTable::read(&place.join("found/past_limit.csv"));
    assert_eq!(limits.column("growth_per_trade")[6], "minus infinity");
    assert_eq!(limits.column("expected_trades_to_ruin")[0], "");
    assert_eq!(CsvTable::read(&place.join("found/known_edge.csv")).column("z").len(), 21);
    let written: Value =
        serde_json::from_slice(&fs::read(place.join("found/worlds.json")).unwrap()).unwrap();
    assert_eq!(written, document);
}

#[test]
fn the_tables_say_minus_infinity_in_words() {
    let place = folder("worlds-text");
    fs::write(place.join("two.toml"), STRATEGY).unwrap();
    let text = plimsoll(&place, &["worlds", "two.toml", "--worlds", "20"]).good().stdout;
    for words in [
        "20 worlds of each family, seed 7",
        "Known edge",
        "0.25 Kelly",
        "Estimated edge, fat tails: 250 trades of history, then 200 out of sample",
        "minus infinity",
        "funded took no trade: too_few_observations.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // With 50 trades of history it never has the 300 it waits for; with 250 it has in the end.
    assert!(!text.contains("waiting took no trade"), "{text}");
    for line in text.lines() {
        assert!(!line.contains("NaN") && !line.contains("inf "), "{line}");
    }
}

#[test]
fn a_call_that_cannot_be_is_refused() {
    let place = folder("worlds-bad");
    fs::write(place.join("file"), "").unwrap();
    fs::write(place.join("bad.toml"), "name = \"bad\"").unwrap();
    for (words, expected) in [
        (&["worlds", "--worlds", "19"][..], "write a whole number of at least 20"),
        (&["worlds", "--out", "file"][..], "file is a file, no folder for tables"),
        (&["worlds", "missing.toml"][..], "missing.toml"),
        (&["worlds", "bad.toml"][..], "bad.toml:1:1"),
        (&["worlds", "--seed", "x"][..], "--seed"),
    ] {
        let text = refusal(&place, words);
        assert!(text.contains(expected) && text.ends_with("exit code 2"), "{text}");
    }
}
