//! The limits of `plimsoll calc size` that look at the account, the book and the liquidation price,
//! and its gates.

use serde_json::{Value, json};

use crate::assert_text;
use crate::calc::{answer_to, here, is_near, words};
use crate::program::refusal;

const BASE: &str = "--equity 10000 --price 100 --stop 97.5 --side long";

fn line<'a>(rules: &[&'a str], flags: &'a str) -> Vec<&'a str> {
    let rules = rules.iter().flat_map(|rule| ["--sizing", rule]);
    ["size"].into_iter().chain(rules).chain(flags.split_whitespace()).collect()
}

fn size(rules: &[&str], flags: &str) -> Value {
    answer_to(&line(rules, &format!("{BASE} {flags}")), "")
}

fn limit(found: &Value, name: &str) -> f64 {
    let limits = found["limits"].as_array().unwrap();
    limits.iter().find(|limit| limit["name"] == name).unwrap()["leverage"].as_f64().unwrap()
}

#[test]
fn limits_of_the_book_by_hand() {
    let near = |found: &Value, name, expected: f64| {
        assert!((limit(found, name) - expected).abs() < 1e-12, "{name}: {found}");
        assert_eq!(found["binding"], name, "{found}");
    };
    // 2 % at a stop 2.5 % away is 0.8; of a heat of 6 % five are used up, so that 1 % is left.
    let risk = "risk_cap = 0.02";
    near(&size(&[risk, "heat = 0.06"], "--heat 0.05"), "heat", 0.4);
    near(&size(&[risk, "heat = \"conservative\""], "--heat 0.055"), "heat", 0.2);
    near(&size(&[risk, "exposure = 3.0"], "--exposure-now 2.5"), "exposure", 0.5);
    let venue = "venue_share = { share = 0.4, exposure = 3.0 }";
    near(&size(&[risk, venue], "--exposure-now 0.5"), "venue_share", 0.7);
    // Floor 80 % of 11,000, a cushion of 12 %, three times of it, and a tenth is in use.
    let peak = "drawdown_control = { floor_of = \"peak\", floor = 0.8, multiplier = 3 }";
    let found = size(&[risk, peak], "--peak-equity 11000 --exposure-now 0.1");
    near(&found, "drawdown_control", 0.26);
    let start = "drawdown_control = { floor_of = \"initial\", floor = 0.9, multiplier = 3 }";
    let found = size(&[risk, start], "--initial-equity 10500 --exposure-now 0");
    near(&found, "drawdown_control", 0.165);
    let depth = "liquidity = { share_of_daily_value = 0.01 }";
    near(&size(&[risk, depth], "--daily-value 500000"), "liquidity", 0.5);
    // Shares of twice the equity.
    let base = size(&[risk, "sizing_base = \"initial\""], "--initial-equity 20000");
    near(&base, "risk_cap", 1.6);
    let tail = "tail_target = { budget = 0.02, measure = \"expected_shortfall\", alpha = 0.01 }";
    near(&size(&[risk, tail], "--tail-loss 0.04"), "tail_target", 0.5);
    let margin = "margin_allocation = { share = 0.1 }";
    let found = size(&[risk, margin], "--leverage 10 --volatility 0.8 --reference-volatility 0.4");
    near(&found, "margin_allocation", 0.5);
}

/// The size at which the stop is the liquidation price, by the exact calculator.
#[test]
fn a_move_that_must_not_liquidate_is_that_to_the_liquidation_price() {
    let tables = "--venue binance-usdm --symbol BTCUSDT --at 2025-10-10";
    for (equity, price, stop, side, other) in [
        ("10000", "120000", "117000", "long", "0"),
        ("30000000", "120000", "123000", "short", "0"),
        ("30000000", "120000", "108000", "long", "1000000"),
    ] {
        let flags = format!(
            "--equity {equity} --price {price} --stop {stop} --side {side} --leverage 20 \
             --mode cross --other-maintenance {other} {tables}"
        );
        let rule = "liquidation_distance = { stop = true }";
        let found = answer_to(&line(&[rule], &flags), "");
        let allowed = limit(&found, "liquidation_distance");
        assert!(allowed > 1.0, "{found}");
        let quantity = allowed * equity.parse::<f64>().unwrap() / price.parse::<f64>().unwrap();
        let flags = format!(
            "liquidation-price {tables} --side {side} --entry {price} --quantity {quantity} \
             --wallet {equity} --mode cross --other-maintenance {other}"
        );
        let exact = answer_to(&flags.split_whitespace().collect::<Vec<_>>(), "");
        let at = exact["liquidation_price"].as_f64().unwrap();
        let stop: f64 = stop.parse().unwrap();
        assert!((at / stop - 1.0).abs() < 1e-9, "{at} against {stop}: {found}");
    }
    // At 50x the margin is gone before the stop, whatever the size; at 20x it is not.
    let isolated = |leverage: &str| {
        let flags = format!(
            "--equity 10000 --price 120000 --stop 117000 --side long --mode isolated \
             --leverage {leverage} {tables}"
        );
        let rule = "liquidation_distance = { stop = true }";
        let found = answer_to(&line(&[rule, "leverage_cap = 2"], &flags), "");
        (found["binding"].clone(), found["leverage_before_rounding"].as_f64().unwrap())
    };
    assert_eq!(isolated("20"), (json!("leverage_cap"), 2.0));
    assert_eq!(isolated("50"), (json!("liquidation_distance"), 0.0));
}

#[test]
fn gates_show_by_name_and_refuse_by_name() {
    let cap = "leverage_cap = 2";
    let cluster = "liquidation_cluster = { above = 0.01 }";
    let shut = size(&[cap, cluster], "--liquidation-ratio 0.02");
    assert_eq!((&shut["quantity"], &shut["reason"]), (&json!(0.0), &json!("liquidation_cluster")));
    assert_eq!(
        shut["multipliers"],
        json!([{ "name": "liquidation_cluster", "factor": 0.0, "reason": null }])
    );
    let open = size(&[cap, cluster], "--liquidation-ratio 0.01");
    assert!(is_near(&open["leverage"], 2.0), "{open}");
    let oracle = size(&[cap, "oracle_health = {}"], "--mark 102 --index 100");
    assert_eq!(oracle["reason"], "oracle_health");
    let halved = "oracle_health = { multiply = 0.5 }";
    let found = size(&[cap, halved], "--mark 100 --reference-price 90");
    assert!(is_near(&found["leverage"], 1.0) && found["multiplier"] == 0.5, "{found}");
    // A tenth of the margin pays 0.03 % three times a day on ten times it for 11 1/9 days.
    let budget = "funding_budget = { budget = 0.1 }";
    let found = size(&[cap, budget], "--leverage 10 --funding-8h 0.0003 --bar 1h");
    assert_eq!(found["holding_bars_max"], 266, "{found}");
    let none = size(&[cap, budget], "--leverage 10 --funding-8h -0.0003 --bar 1h");
    assert_eq!(none["holding_bars_max"], Value::Null, "{none}");
}

#[test]
fn a_preset_is_a_rule_like_any_other() {
    let flags = "--win-rate 0.55 --payoff 1.5 --loss 1 --atr 1 --leverage 10 --funding-8h 0.0001";
    let found = size(&["preset = \"min_of_all\""], flags);
    let names: Vec<&str> = found["limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| limit["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["kelly", "atr", "risk_cap", "concentration"]);
    let fewer = size(&["preset = \"min_of_all\"", "without = [\"kelly\"]"], flags);
    assert_eq!(fewer["limits"].as_array().unwrap().len(), 3, "{fewer}");
}

/// More trades behind the same edge shrink it less; never beyond what is not shrunk at all.
#[test]
fn samples_behind_an_edge_are_read() {
    let kelly = |extra: &str| {
        format!("kelly = {{ fraction = 0.5, estimator = \"trades\", trades = 30{extra} }}")
    };
    let edge = "--win-rate 0.55 --payoff 1.5 --loss 1";
    let shrunk = kelly(", shrinkage = \"t_statistic\"");
    let of = |n: &str| {
        let found = size(&[&shrunk], &format!("{edge} --observations {n}"));
        limit(&found, "kelly")
    };
    let few = size(&[&shrunk], &format!("{edge} --observations 29"));
    assert_eq!(few["reason"], "too_few_observations", "{few}");
    let plain = limit(&size(&[&kelly("")], edge), "kelly");
    assert!(0.0 < of("30") && of("30") < of("300") && of("300") < plain, "{plain}");
    // The worst trades went 20 % against the position: with 1 % of maintenance no leverage of
    // 1 / (0.2 + 0.01 * 0.8) = 4.81 and more survives it, while growth alone wants more.
    let growth = |extra: &str| {
        let rule =
            format!("kelly = {{ fraction = 1.0, estimator = \"log_growth\", trades = 16{extra} }}");
        let flags = format!(
            "--trade-returns {}-0.02 --adverse-excursions {}0.02",
            "0.05,".repeat(15),
            "0.2,".repeat(15)
        );
        limit(&size(&[&rule], &flags), "kelly")
    };
    let survivable =
        growth(", liquidation = { margin = \"cross\", maintenance_margin_rate = 0.01 }");
    assert!(survivable > 0.0 && survivable < 4.81 && growth("") > 5.0, "{survivable}");
}

#[test]
fn people_see_the_account_and_the_gates() {
    let rules = [
        "risk_cap = 0.02",
        "heat = 0.06",
        "exposure = 3.0",
        "liquidation_distance = { stop = true }",
        "oracle_health = { multiply = 0.5 }",
        "funding_budget = { budget = 0.1 }",
    ];
    let flags = "--equity 10000 --price 120000 --stop 117000 --side long --leverage 10 \
                 --heat 0.05 --exposure-now 1.5 --mode cross --other-maintenance 60 \
                 --mark 122000 --index 120000 --funding-8h 0.0003 --bar 1h \
                 --venue binance-usdm --symbol BTCUSDT --at 2025-10-10";
    assert_text!("words_size_account", words(&line(&rules, flags), ""));
}

#[test]
fn no_number_is_assumed() {
    let everything = [
        "heat = 0.06",
        "exposure = 3.0",
        "venue_share = { share = \"cex1\" }",
        "drawdown_control = { floor_of = \"peak\", floor = 0.8, multiplier = 3 }",
        "liquidation_distance = { atr = { bars = 14, multiple = 3 } }",
        "liquidity = { share_of_daily_value = 0.01 }",
        "tail_target = { budget = 0.02, measure = \"expected_shortfall\", alpha = 0.01 }",
        "margin_allocation = { share = 0.1 }",
        "liquidation_cluster = { above = 0.01 }",
        "oracle_health = {}",
        "funding_budget = { budget = 0.1 }",
        "sizing_base = \"initial\"",
    ];
    let peak = "drawdown_control = { floor_of = \"peak\", floor = 0.8, multiplier = 3 }";
    let start = "drawdown_control = { floor_of = \"initial\", floor = 0.8, multiplier = 3 }";
    let distance = "liquidation_distance = { stop = true }";
    let cases = [
        ("everything", line(&everything, "")),
        ("start", line(&[start], "--equity 1 --price 5")),
        ("other_maintenance", {
            line(&["leverage_cap = 1", distance], "--equity 1 --price 5 --stop 4 --mode cross")
        }),
        ("peak_below", {
            line(&[peak], "--equity 100 --price 5 --peak-equity 90 --exposure-now 0")
        }),
        ("heat_below_zero", line(&["heat = 0.06"], "--equity 1 --price 5 --heat -0.1")),
        ("mode", line(&[distance], "--mode portfolio")),
        ("shrinkage", {
            let shrunk = "kelly = { fraction = 0.5, estimator = \"trades\", trades = 100, \
                          shrinkage = \"t_statistic\" }";
            line(&[shrunk], "--equity 1 --price 5")
        }),
        ("survival", {
            let survivable = "kelly = { fraction = 0.5, estimator = \"log_growth\", trades = 100, \
                              liquidation = { margin = \"cross\", \
                              maintenance_margin_rate = 0.01 } }";
            line(&[survivable], "--equity 1 --price 5")
        }),
        (
            "joint",
            line(
                &["joint_kelly = { fraction = 0.25, days = 100, leverage_max = 3.0 }"],
                "--equity 1 --price 5",
            ),
        ),
    ];
    for (name, line) in cases {
        let text = refusal(here(), &[&["calc"], &line[..]].concat());
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("size_account_{name}"), text);
    }
}
