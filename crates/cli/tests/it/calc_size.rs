//! A sizing rule at one moment.

use std::fs;

use serde_json::{Value, json};

use crate::assert_text;
use crate::calc::{answer_to, here, is_near, words};
use crate::program::{folder, plimsoll, refusal, refusal_with};

const KELLY: &str = "kelly = { fraction = 0.25, estimator = \"trades\", trades = 100 }";
const ATR: &str = "atr = { risk_fraction = 0.01, bars = 14, multiple = 2 }";
const FUNDING: &str = "funding_cut = { above_8h = 0.0005, multiply = 0.5 }";
const EVERYTHING: &str = "kelly = { fraction = 0.25, estimator = \"trades\", trades = 100 }\n\
                          atr = { risk_fraction = 0.01, bars = 14, multiple = 2 }\n\
                          risk_cap = 0.02\n\
                          concentration = { share = 0.25 }\n\
                          volatility_target = { annual = 0.4 }\n\
                          funding_cut = { above_8h = 0.0005, multiply = 0.5 }";

const TOO_FEW: &str = "too_few_observations";

fn line<'a>(rules: &[&'a str], flags: &'a str) -> Vec<&'a str> {
    let rules = rules.iter().flat_map(|rule| ["--sizing", rule]);
    ["size"].into_iter().chain(rules).chain(flags.split_whitespace()).collect()
}

fn size(rules: &[&str], flags: &str) -> Value {
    answer_to(&line(rules, flags), "")
}

fn limit(found: &Value, name: &str) -> f64 {
    let limits = found["limits"].as_array().unwrap();
    limits.iter().find(|limit| limit["name"] == name).unwrap()["leverage"].as_f64().unwrap()
}

#[test]
fn quarter_kelly_at_a_tight_stop_is_capped_by_the_risk() {
    // 0.0625 / 0.625 % = 10, the cap 2 % / 0.625 % = 3.2.
    let flags = "--equity 10000 --price 100 --stop 99.375 --win-rate 0.55 --payoff 1.5 --loss 1";
    let found = size(&[KELLY, "risk_cap = 0.02"], flags);
    assert!((limit(&found, "kelly") - 10.0).abs() < 1e-9, "{found}");
    assert!((limit(&found, "risk_cap") - 3.2).abs() < 1e-12, "{found}");
    assert_eq!(found["binding"], "risk_cap");
    assert!(is_near(&found["quantity"], 320.0) && is_near(&found["loss_at_stop"], 200.0));
    assert!(found["notes"][0].as_str().unwrap().contains("not rounded"), "{found}");
    let distance = flags.replace("--stop 99.375", "--stop-distance 0.00625");
    let same = size(&[KELLY, "risk_cap = 0.02"], &distance);
    assert!(is_near(&same["leverage"], 3.2), "{same}");
    // Costs lengthen the distance.
    let costly = size(&[KELLY, "risk_cap = 0.02"], &format!("{flags} --round-trip-cost 0.00175"));
    assert!(is_near(&costly["leverage"], 2.5), "{costly}");
}

#[test]
fn every_limit_by_hand_and_the_lot() {
    let flags = "--equity 10000 --price 60000 --stop 58500 --side long --leverage 10 \
                 --win-rate 0.55 --payoff 1.5 --loss 1 --atr 900 --volatility 0.5 \
                 --funding-8h 0.0006 --venue binance-usdm --symbol BTCUSDT --at 2025-10-10";
    let found = size(&[EVERYTHING], flags);
    for (name, expected) in [
        ("kelly", 0.0625 / 0.025),
        ("atr", 0.01 * 60_000.0 / 1_800.0),
        ("risk_cap", 0.8),
        ("concentration", 2.5),
        ("volatility_target", 0.8),
        // 230 million at 10x; a tenth and a fee of 0.05 % per unit of notional.
        ("venue_leverage", 23_000.0),
        ("venue_margin", 1.0 / 0.1005),
    ] {
        assert!((limit(&found, name) / expected - 1.0).abs() < 1e-12, "{name}: {found}");
    }
    let notes = found["notes"].to_string();
    assert!(notes.contains("up to 7 days before"), "{found}");
    let names: Vec<&str> = found["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["taker fee", "brackets", "lot"]);
    let later = size(&[EVERYTHING], &flags.replace("2025-10-10", "2026-10-10"));
    assert!(later["notes"].to_string().contains("last looked at on 2026-03-01"), "{later}");
    assert_eq!((&found["binding"], &found["multiplier"]), (&json!("atr"), &json!(0.5)));
    // A sixth of the equity is 0.02777 coins, 27 lots of 0.001.
    assert_eq!(found["quantity"], 0.027);
    assert!(is_near(&found["quantity_raw"], 1_666.666_666_666_666_7 / 60_000.0), "{found}");
    assert!(is_near(&found["initial_margin"], 162.0), "{found}");
    // Below the smallest order of 100: no trade, and why.
    let small = size(&[EVERYTHING], &flags.replace("--equity 10000", "--equity 500"));
    assert_eq!((&small["quantity"], &small["reason"]), (&json!(0.0), &json!("below_min_notional")));
    // Free margin may bind.
    let tight = size(&["leverage_cap = 3"], &format!("{flags} --free-margin 1005"));
    assert_eq!(tight["binding"], "venue_margin");
    assert!(is_near(&tight["leverage_before_rounding"], 1.0), "{tight}");
}

#[test]
fn zero_sizes_say_why() {
    let flags = "--equity 10000 --price 100 --stop 95 --payoff 1 --loss 1 --win-rate 0.4";
    let none = size(&[KELLY], flags);
    assert_eq!((&none["quantity"], &none["reason"]), (&json!(0.0), &json!("no_edge")));
    let base = "--equity 10000 --price 100 --atr 0";
    let flat = size(&[ATR], base);
    assert_eq!((&flat["leverage"], &flat["reason"]), (&json!(0.0), &json!("zero_volatility")));
    let cut = size(
        &["leverage_cap = 2", "funding_cut = { above_8h = 0.0005, multiply = 0 }"],
        "--equity 10000 --price 100 --funding-8h 0.001",
    );
    assert_eq!(cut["reason"], "funding_cut");
    // Two rates where the rule asks for three: undefined, so nothing.
    let few =
        size(&["leverage_cap = 2", FUNDING], "--equity 10000 --price 100 --funding-8h 0.001,0.001");
    assert_eq!((&few["quantity"], &few["reason"]), (&json!(0.0), &json!("too_few_observations")));
    let calm = size(
        &["leverage_cap = 2", FUNDING],
        "--equity 10000 --price 100 --funding-8h 0.001,0.0004,0.001",
    );
    assert!(is_near(&calm["leverage"], 2.0), "{calm}");
}

#[test]
fn other_estimators_and_fixed_sizes() {
    let flags = "--equity 10000 --price 100 --mean 0.01 --variance 0.02 \
                 --trade-returns 0.03,0.03,0.03,-0.02,-0.02";
    let drift =
        size(&["kelly = { fraction = 0.25, estimator = \"mean_variance\", bars = 100 }"], flags);
    assert!(is_near(&drift["leverage"], 0.125), "{drift}");
    let growth =
        size(&["kelly = { fraction = 0.25, estimator = \"log_growth\", trades = 5 }"], flags);
    assert!((growth["leverage"].as_f64().unwrap() - 0.25 * 50.0 / 3.0).abs() < 1e-6, "{growth}");
    let fixed = size(&["notional = 5000"], "--equity 10000 --price 100");
    assert!(is_near(&fixed["quantity"], 50.0) && fixed["binding"] == "notional", "{fixed}");
}

/// A replay takes no trade before it has `min_trades` of them, or all `trades`.
#[test]
fn too_few_returns_give_no_trade() {
    let size_of = |few: &str| {
        let rule = format!("kelly = {{ fraction = 0.25, estimator = \"log_growth\", {few} }}");
        size(&[&rule], "--equity 10000 --price 100 --trade-returns -0.1,0.2")
    };
    for few in ["trades = 100, min_trades = 30", "trades = 3"] {
        let found = size_of(few);
        assert_eq!((&found["quantity"], &found["reason"]), (&json!(0.0), &json!(TOO_FEW)));
        assert_eq!(found["limits"][0]["reason"], TOO_FEW, "{found}");
    }
    // The mean of the two is 0.05; half of ln(1 - 0.1 f) + ln(1 + 0.2 f) is steepest at f = 2.5.
    let enough = size_of("trades = 100, min_trades = 2");
    assert!((enough["leverage"].as_f64().unwrap() - 0.25 * 2.5).abs() < 1e-6, "{enough}");
}

/// The numbers by numpy and scipy: the last of the returns, or all of them fading.
#[test]
fn a_window_takes_its_part_of_the_returns() {
    let flags = "--equity 10000 --price 100 --side long \
                 --trade-returns 0.03,-0.02,0.05,-0.02,0.04,-0.01,0.02,-0.02";
    let rule = |window: &str| {
        format!("kelly = {{ fraction = 1.0, estimator = \"log_growth\", {window} }}")
    };
    for (window, expected) in
        [("trades = 8", 13.322), ("trades = 4", 15.027), ("half_life = 1.0, min_trades = 8", 0.0)]
    {
        let found = limit(&size(&[&rule(window)], flags), "kelly");
        assert!((found - expected).abs() < 5e-4, "{window}: {found}");
    }
    let before = size(&[&rule("trades = 9, before = { leverage = 0.5 }")], flags);
    assert!(is_near(&before["leverage"], 0.5), "{before}");
    let by_bars = rule("bars = 500, min_trades = 2");
    let text = refusal(here(), &[&["calc"], &line(&[&by_bars], flags)[..]].concat());
    assert!(text.contains("`kelly.bars` counts trades by the bars since they ended"), "{text}");
    let unequal = size(&[&rule("trades = 8")], &format!("{flags} --adverse-excursions 0.01,0.02"));
    assert_eq!(unequal["reason"], "length_mismatch", "{unequal}");
}

/// A study whose trades never lost has no estimate; a win rate of 1 is the same.
#[test]
fn a_win_rate_of_one_is_no_estimate() {
    let flags = "--equity 10000 --price 100 --stop 99 --win-rate 1 --payoff 1.5 --loss 1";
    let found = size(&[KELLY], flags);
    assert_eq!((&found["quantity"], &found["reason"]), (&json!(0.0), &json!("no_loss_observed")));
    let capped = KELLY.replace("trades = 100", "trades = 100, leverage_max = 8");
    assert!(is_near(&size(&[&capped], flags)["leverage"], 2.0));
}

#[test]
fn rates_may_begin_with_a_minus() {
    let found = size(
        &["leverage_cap = 2", FUNDING],
        "--equity 10000 --price 100 --funding-8h -0.0004,0.1,0.0007",
    );
    assert!(is_near(&found["leverage"], 2.0), "{found}");
    assert!(found["warnings"][0].as_str().unwrap().contains("not per cent?"), "{found}");
}

#[test]
fn venue_names_without_the_contract_are_known() {
    for (venue, table, symbol) in
        [("okx", "okx-swap", "BTC-USDT-SWAP"), ("bybit", "bybit-linear", "BTCUSDT")]
    {
        let of = |venue: &str| {
            let flags = format!(
                "--equity 10000 --price 60000 --leverage 10 --venue {venue} --symbol {symbol} \
                 --at 2025-10-10"
            );
            size(&["leverage_cap = 1"], &flags)
        };
        assert_eq!(of(venue), of(table));
        assert_eq!(of(venue)["tables"][1]["name"], "brackets");
    }
}

#[test]
fn a_date_without_a_row_gives_null_and_a_reason() {
    let flags = "--equity 10000 --price 100 --leverage 10 --venue binance-usdm --symbol BTCUSDT \
                 --at 2021-01-01";
    let found = size(&["leverage_cap = 2"], flags);
    assert_eq!((&found["quantity"], &found["leverage"]), (&Value::Null, &Value::Null));
    assert!(found["reason"].as_str().unwrap().contains("begin at 2023-01-"), "{found}");
}

const STRATEGY: &str = r#"
name = "example"
[data]
venue = "binance-usdm"
symbols = ["BTCUSDT"]
bar = "1h"
from = 2024-01-01
to = 2025-01-01
[signal]
long = "close > open"
exit_long = "close < open"
[stop]
fraction = 0.02
[account]
equity = 50_000
margin = "cross"
leverage = 5
[costs]
fees = 0.0004
slippage = { half_spread_bps = 1.0 }
[sizing.caps]
risk_cap = 0.02
concentration = { share = 0.2 }
[sizing.swept]
leverage_cap = [1.0, 2.0]
"#;

#[test]
fn a_rule_of_a_strategy_file_brings_its_account() {
    let folder = folder("calc_size");
    fs::write(folder.join("s.toml"), STRATEGY).unwrap();
    let call = |words: &'static str| -> Vec<&'static str> {
        let head = ["calc", "size", "--strategy", "s.toml", "--price", "100"];
        head.into_iter().chain(words.split_whitespace()).collect()
    };
    let found = plimsoll(&folder, &call("--rule caps --stop 99")).good().json();
    // The stop is 1 % away and the round trip costs 2 * (0.04 % + 0.01 %).
    assert!(is_near(&json!(limit(&found, "risk_cap")), 0.02 / 0.011), "{found}");
    assert!(is_near(&json!(limit(&found, "concentration")), 1.0), "{found}");
    assert!(is_near(&found["notional"], 50_000.0), "{found}");
    let more = plimsoll(&folder, &call("--rule caps --stop 99 --leverage 10 --equity 1000"));
    assert!(is_near(&more.good().json()["notional"], 20.0 / 0.011));
    let dated = call("--rule caps --stop 99 --at 2024-06-01 --symbol BTCUSDT");
    let dated = plimsoll(&folder, &dated).good().json();
    assert!(is_near(&json!(limit(&dated, "venue_margin")), 1.0 / 0.2004), "{dated}");
    let one = plimsoll(&folder, &call("--rule swept[leverage_cap=2.0]")).good().json();
    assert!(is_near(&one["leverage"], 2.0), "{one}");
    // The venue's fee needs its tables: a round trip without it says so.
    let venue_fees = STRATEGY.replace("fees = 0.0004", "fees = \"venue\"");
    fs::write(folder.join("s.toml"), venue_fees).unwrap();
    let unknown = plimsoll(&folder, &call("--rule caps --stop 99")).good().json();
    assert!(is_near(&json!(limit(&unknown, "risk_cap")), 0.02 / 0.0102), "{unknown}");
    assert!(unknown["warnings"][0].as_str().unwrap().contains("half spread only"), "{unknown}");
    let known = plimsoll(&folder, &call("--rule caps --stop 99 --at 2024-06-01")).good().json();
    assert!(is_near(&json!(limit(&known, "risk_cap")), 0.02 / 0.0112), "{known}");
    fs::write(folder.join("s.toml"), STRATEGY).unwrap();
    for (name, words) in [
        ("rule_unknown", "--rule other --stop 99"),
        ("rule_swept", "--rule swept"),
        ("rule_unnamed", "--stop 99"),
        ("rule_needs", "--rule caps"),
    ] {
        assert_text!(format!("size_{name}"), refusal(&folder, &call(words)));
    }
    fs::write(folder.join("s.toml"), STRATEGY.replace("risk_cap", "risk_cp")).unwrap();
    assert_text!("size_rule_misspelt", refusal(&folder, &call("--rule caps --stop 99")));
}

#[test]
fn the_rule_may_be_an_object_on_stdin() {
    let object = json!({
        "equity": 10000, "price": 100, "stop": 99.375, "win_rate": 0.55, "payoff": 1.5, "loss": 1,
        "funding_8h": [0.001, 0.001, 0.001],
        "sizing": {
            "kelly": { "fraction": 0.25, "estimator": "trades", "trades": 100 },
            "risk_cap": 0.02,
            "funding_cut": { "above_8h": 0.0005, "multiply": 0.5 },
        },
    });
    let found = answer_to(&["size", "--stdin"], &object.to_string());
    assert!(is_near(&found["leverage"], 1.6), "{found}");
    let text = refusal_with(here(), &["calc", "size", "--stdin"], r#"{"sizing": {"risk": 1}}"#);
    assert_text!("size_stdin_key", text);
}

#[test]
fn people_see_the_limits_and_which_binds() {
    let flags = "--equity 10000 --price 60000 --stop 58500 --side long --leverage 10 \
                 --win-rate 0.55 --payoff 1.5 --loss 1 --atr 900 --volatility 0.5 \
                 --funding-8h 0.0006 --venue binance-usdm --symbol ETHUSDT --at 2025-10-10";
    assert_text!("words_size", words(&line(&[KELLY, ATR, "risk_cap = 0.02", FUNDING], flags), ""));
    let flat = line(&[ATR, "leverage_cap = 2"], "--equity 10000 --price 100 --atr 0");
    assert_text!("words_size_undefined", words(&flat, ""));
}

#[test]
fn wrong_rules_and_missing_numbers_are_named() {
    let flags = "--equity 10000 --price 100";
    for (name, line) in [
        ("no_rule", line(&[], flags)),
        ("everything_missing", line(&[EVERYTHING], "")),
        ("no_leverage", {
            line(&["leverage_cap = 2"], "--equity 1 --price 1 --venue a --symbol b --at 2025-01-01")
        }),
        ("venue_alone", line(&["leverage_cap = 2"], "--equity 1 --price 1 --venue hyperliquid")),
        ("no_leverage_told", {
            line(
                &["leverage_cap = 2"],
                "--equity 1 --price 1 --venue hyperliquid --symbol BTC --at 2025-10-10",
            )
        }),
        ("rule_syntax", line(&["risk_cap = "], flags)),
        ("rule_key", line(&["leverage_cap = 2", "risk_cup = 0.02"], flags)),
        ("rule_range", line(&["risk_cap = 2"], flags)),
        ("rule_table", line(&["[sizing.kelly]"], flags)),
        ("rule_table_elsewhere", line(&["leverage_cap = 2", "[data]"], flags)),
        ("rule_list", line(&["leverage_cap = [1, 2]"], flags)),
        ("rule_empty", line(&[""], flags)),
        ("stop_side", line(&["risk_cap = 0.02"], "--equity 1 --price 5 --stop 6 --side long")),
        ("inverse", {
            line(
                &["leverage_cap = 1"],
                "--equity 10000 --price 60000 --leverage 10 --venue okx-swap \
                 --symbol BTC-USD-SWAP --at 2025-10-10",
            )
        }),
        ("too_large", line(&["leverage_cap = 2"], "--equity 1e308 --price 1e-300")),
        ("margin_too_large", {
            line(&["leverage_cap = 2"], "--equity 1e200 --price 1 --leverage 1e-200")
        }),
        ("stop_twice", line(&["risk_cap = 0.02"], "--stop 6 --stop-distance 0.1")),
        ("rule_twice", line(&["risk_cap = 0.02"], "--strategy s.toml --rule a")),
    ] {
        let line = [&["calc"], &line[..]].concat();
        let text = refusal(here(), &line);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("size_{name}"), text);
    }
}
