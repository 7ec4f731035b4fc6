//! The calculators: answers against worked examples, JSON on stdout, words on stderr.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::assert_text;
use crate::program::{folder, plimsoll, plimsoll_with, refusal, refusal_with};

pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The JSON of a call without quoted words.
pub(crate) fn answer(words: &str) -> Value {
    answer_to(&words.split_whitespace().collect::<Vec<_>>(), "")
}

/// The JSON of a call, which has to be the same however it is asked for.
pub(crate) fn answer_to(words: &[&str], stdin: &str) -> Value {
    let line = [&["calc"], words].concat();
    let ran = plimsoll_with(here(), &line, stdin).good();
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    let answer = ran.json();
    let unbroken = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unbroken.contains(answer["formula"].as_str().unwrap()), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nanswer    "), "{}", ran.stderr);
    for only in ["--json", "--quiet"] {
        let ran_only = plimsoll_with(here(), &[&line[..], &[only]].concat(), stdin).good();
        assert_eq!((&ran_only.stdout, ran_only.stderr.as_str()), (&ran.stdout, ""));
    }
    answer
}

/// What people see of a call.
pub(crate) fn words(line: &[&str], stdin: &str) -> String {
    let ran = plimsoll_with(here(), &[&["calc"], line].concat(), stdin).good();
    format!("$ plimsoll calc {}\n{}\nstdout: {}", line.join(" "), ran.stderr, ran.stdout)
}

pub(crate) fn is_near(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() <= 1e-12 * expected.abs()
}

#[test]
fn kelly_of_a_bet() {
    let found = answer("kelly --win-rate 0.55 --payoff 1.5");
    assert!(is_near(&found["kelly_fraction"], 0.25), "{found}");
    assert!(is_near(&found["fractional"], 0.0625), "{found}");
    assert_eq!(found["reason"], Value::Null);

    let half = answer("kelly --win-rate 0.6 --payoff 1 --fraction 0.5 --stop-distance 0.05");
    assert!(is_near(&half["fractional"], 0.1) && is_near(&half["leverage"], 2.0), "{half}");
    // 0.6 ln 1.2 + 0.4 ln 0.8, the growth of full Kelly by hand.
    assert!(is_near(&half["growth_full"], 0.020_135_513_550_688_88), "{half}");

    // 0.55 / 0.1 - 0.45 / 1.5.
    let large = answer("kelly --win-rate 0.55 --payoff 1.5 --loss 0.1");
    assert!(is_near(&large["kelly_fraction"], 5.2), "{large}");
    assert!(large["warnings"][0].as_str().unwrap().contains("more than there is"), "{large}");

    let none = answer("kelly --win-rate 0.3 --payoff 1");
    assert_eq!((&none["kelly_fraction"], &none["fractional"]), (&json!(0.0), &json!(0.0)));
    assert!(is_near(&none["kelly_fraction_raw"], -0.4));
    assert_eq!(none["reason"], "the bet has no edge: no trade");
}

#[test]
fn liquidation_price_at_a_given_rate() {
    let call = "liquidation-price --entry 100000 --quantity 1 --mmr 0.025";
    // W + P - E = P mmr for a long, W + E - P = P mmr for a short.
    let long = answer(&format!("{call} --side long --wallet 5000"));
    assert!(is_near(&long["liquidation_price"], 95_000.0 / 0.975), "{long}");
    assert_eq!(long["bankruptcy_price"], 95_000.0);
    assert_eq!(long["bracket"], Value::Null);
    let short = answer(&format!("{call} --side short --leverage 20"));
    assert!(is_near(&short["liquidation_price"], 105_000.0 / 1.025), "{short}");
    assert!(is_near(&short["distance_fraction"], 105_000.0 / 102_500.0 - 1.0), "{short}");

    let cross = answer(&format!(
        "{call} --side long --wallet 5000 --mode cross --other-maintenance 200 --other-upnl -300"
    ));
    assert!(is_near(&cross["liquidation_price"], 95_500.0 / 0.975), "{cross}");
    let isolated = answer(&format!("{call} --side long --wallet 5000 --other-upnl -300"));
    assert_eq!(isolated["liquidation_price"], long["liquidation_price"]);

    let thin = answer(&format!("{call} --side long --wallet 2000"));
    assert_eq!(thin["liquidatable_at_entry"], true);
    assert_eq!(long["liquidatable_at_entry"], false);
}

#[test]
fn a_margin_that_outlasts_every_price_gives_null_and_a_reason() {
    for wallet in ["100000", "500000"] {
        for rule in ["--mmr 0.025", "--venue binance-usdm --symbol BTCUSDT --at 2025-10-10"] {
            let found = answer(&format!(
                "liquidation-price --side long --entry 100000 --quantity 1 --wallet {wallet} {rule}"
            ));
            assert_eq!(found["liquidation_price"], Value::Null, "{found}");
            assert_eq!(found["distance_fraction"], Value::Null, "{found}");
            assert!(found["reason"].as_str().unwrap().len() > 10, "{found}");
        }
    }
}

#[test]
fn liquidation_price_in_the_brackets_of_the_day() {
    let call = "liquidation-price --venue binance-usdm --symbol BTCUSDT --side long --entry 100000";
    let found = answer(&format!("{call} --at 2025-10-10 --quantity 1 --leverage 20"));
    // Bracket 1 at 0.4 %: (100000 - 5000) / (1 - 0.004).
    assert!(is_near(&found["liquidation_price"], 95_000.0 / 0.996), "{found}");
    assert!(is_near(&found["distance_fraction"], 1.0 - 0.95 / 0.996), "{found}");
    assert_eq!((&found["bracket"], &found["wallet"]), (&json!(1), &json!(5_000.0)));
    assert_eq!(found["table_from"], "2025-08-21T00:00:00Z");

    // At 310 000 of notional at entry but fewer at the liquidation price, the bracket depends on
    // where it is looked up.
    let at = |place: &str| {
        answer(&format!("{call} --at 2025-10-10 --quantity 3.1 --leverage 10 --bracket-at {place}"))
    };
    let (entry, exact) = (at("entry"), at("liquidation"));
    assert_eq!((&entry["bracket"], &exact["bracket"]), (&json!(2), &json!(1)));
    assert_ne!(entry["liquidation_price"], exact["liquidation_price"]);

    let early = answer(&format!("{call} --at 2021-10-10 --quantity 1 --leverage 20"));
    assert_eq!(early["liquidation_price"], Value::Null);
    assert!(early["reason"].as_str().unwrap().contains("begin at 2023-01-13"), "{early}");
    let other = call.replace("BTCUSDT", "NOSUCHUSDT");
    let unknown = answer(&format!("{other} --at 2025-10-10 --quantity 1 --leverage 20"));
    assert_eq!(unknown["liquidation_price"], Value::Null);
    assert!(unknown["reason"].as_str().unwrap().contains("NOSUCHUSDT"), "{unknown}");
}

#[test]
fn the_seed_numbers() {
    // 100,000 at 20x and a rate of 2.5 %: exact, not the first-order 97,500 and 102,500.
    for (side, expected) in [("long", 95_000.0 / 0.975), ("short", 105_000.0 / 1.025)] {
        let found = answer(&format!(
            "liquidation-price --side {side} --entry 100000 --quantity 0.1 --leverage 20 --mmr 0.025"
        ));
        assert!(is_near(&found["liquidation_price"], expected), "{found}");
    }
    // At 50x the buffer of 2 % is less than that rate, and 1.0101 % at a rate of 1 %.
    let call = "liquidation-price --side long --entry 100000 --quantity 1 --leverage 50 --mmr";
    assert_eq!(answer(&format!("{call} 0.025"))["liquidatable_at_entry"], true);
    let held = answer(&format!("{call} 0.01"));
    assert!(is_near(&held["distance_fraction"], 1.0 - 0.98 / 0.99), "{held}");
}

#[test]
fn inverse_contracts_by_hand() {
    // 100,000 dollars long at 8,000 and 10x: W + n/E = 13.75 = n/P (1 + mmr).
    let call = "liquidation-price --contract inverse --entry 8000 --quantity 100000 --mmr 0.005";
    let long = answer(&format!("{call} --side long --leverage 10"));
    assert!(is_near(&long["liquidation_price"], 100_000.0 * 1.005 / 13.75), "{long}");
    assert!(is_near(&long["bankruptcy_price"], 100_000.0 / 13.75), "{long}");
    assert_eq!((&long["wallet"], &long["contract"]), (&json!(1.25), &json!("inverse")));
    // n/P (1 - mmr) = n/E - W for a short.
    let short = answer(&format!("{call} --side short --leverage 10"));
    assert!(is_near(&short["liquidation_price"], 100_000.0 * 0.995 / 11.25), "{short}");
    // A short of no more than its margin's worth is a claim to dollars: no price takes it.
    let covered = answer(&format!("{call} --side short --leverage 1"));
    assert_eq!(covered["liquidation_price"], Value::Null);
    assert_eq!(covered["reason"], "no price above zero liquidates the position");
}

#[test]
fn leverage_beyond_the_bracket_is_said() {
    let call = "liquidation-price --venue binance-usdm --symbol BTCUSDT --at 2025-10-10 --side long \
                --entry 100000";
    let found = answer(&format!("{call} --quantity 10 --leverage 150"));
    assert_eq!(
        (&found["leverage_max"], &found["exceeds_leverage_max"]),
        (&json!(75.0), &json!(true))
    );
    let warning = found["warnings"][0].as_str().unwrap();
    assert!(warning.contains("up to bracket 1, a notional of 300,000"), "{warning}");
    let none = answer(&format!("{call} --quantity 1 --leverage 200"));
    assert!(none["warnings"][0].as_str().unwrap().contains("the most is 150x"), "{none}");
    // The margin says the leverage just as well.
    let margin = answer(&format!("{call} --quantity 10 --wallet 10000"));
    assert_eq!(margin["exceeds_leverage_max"], true);
    let good = answer(&format!("{call} --quantity 10 --leverage 75"));
    assert_eq!((&good["exceeds_leverage_max"], &good["warnings"]), (&json!(false), &Value::Null));
}

#[test]
fn brackets_that_may_have_changed_already_are_said() {
    // The snapshot of 2025-08-21 has other brackets; the change lies in the week before it.
    let call = "liquidation-price --venue binance-usdm --symbol BTCUSDT --side long --entry 100000 \
                --quantity 8 --leverage 20";
    for (day, next) in [
        ("2025-08-13", Value::Null),
        ("2025-08-14", json!("2025-08-21T00:00:00Z")),
        ("2025-08-20", json!("2025-08-21T00:00:00Z")),
        ("2025-08-21", Value::Null),
    ] {
        let found = answer(&format!("{call} --at {day}"));
        assert_eq!(found["next_table_from"], next, "{day}: {found}");
    }
    let found = answer(&format!("{call} --at 2025-08-20"));
    let after = answer(&format!("{call} --at 2025-08-21"));
    assert_eq!(found["next_table_liquidation_price"], after["liquidation_price"]);
    // Hyperliquid's tiers are dated themselves.
    let exact = answer(
        "liquidation-price --venue hyperliquid --symbol BTC --at 2025-10-10 --side long \
         --entry 100000 --quantity 1 --leverage 20",
    );
    assert_eq!(exact["table_lag_days"], Value::Null);
}

#[test]
fn a_table_of_ones_own_goes_first() {
    let folder = folder("calc_rules");
    let table = folder.join("mine.csv");
    let header = "venue,symbol,from,tier,notional_floor,notional_cap,maintenance_margin_rate,\
                  leverage_max,maintenance_deduction,status,source";
    fs::write(
        &table,
        format!("{header}\nbinance-usdm,BTCUSDT,2025-09-01,1,0,,0.01,50,0,user,mine\n"),
    )
    .unwrap();
    let line = |file: &str| -> Vec<String> {
        let call = "liquidation-price --venue binance-usdm --symbol BTCUSDT --at 2025-10-10 \
                    --side long --entry 100000 --quantity 1 --leverage 20 --rules";
        call.split_whitespace().map(str::to_owned).chain([file.to_owned()]).collect()
    };
    let mine = line(table.to_str().unwrap());
    let found = answer_to(&mine.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert!(is_near(&found["liquidation_price"], 95_000.0 / 0.99), "{found}");
    assert_eq!((&found["table_status"], &found["table_lag_days"]), (&json!("user"), &Value::Null));

    fs::write(
        &table,
        format!("{header}\nbinance-usdm,BTCUSDT,2025-09-01,1,0,,1.5,50,0,user,mine\n"),
    )
    .unwrap();
    let mut bad: Vec<&str> = vec!["calc"];
    let words = line("mine.csv");
    bad.extend(words.iter().map(String::as_str));
    assert_text!("calc_rules_bad_row", refusal(&folder, &bad));
    bad.pop();
    bad.push("no.csv");
    assert_text!("calc_rules_missing", refusal(&folder, &bad));
}

#[test]
fn people_see_formula_tables_and_answer() {
    for (name, line) in [
        ("kelly", "kelly --win-rate 0.6 --payoff 1 --stop-distance 0.05"),
        ("no_edge", "kelly --win-rate 0.3 --payoff 1"),
        (
            "price",
            "liquidation-price --venue binance-usdm --symbol BTCUSDT --at 2025-08-18 --side long \
             --entry 100000 --quantity 8 --leverage 100",
        ),
        (
            "price_cross",
            "liquidation-price --side short --entry 100 --quantity 5 --wallet 50 --mmr 0.01 \
             --mode cross --other-maintenance 4 --other-upnl -2",
        ),
        (
            "price_inverse",
            "liquidation-price --contract inverse --side long --entry 8000 --quantity 100000 \
             --leverage 10 --mmr 0.005",
        ),
        (
            "price_none",
            "liquidation-price --venue binance-usdm --symbol BTCUSDT --at 2021-10-10 --side long \
             --entry 100000 --quantity 1 --leverage 20",
        ),
    ] {
        let line: Vec<&str> = line.split_whitespace().collect();
        assert_text!(format!("words_{name}"), words(&line, ""));
    }
}

#[test]
fn flags_come_from_stdin_too() {
    let same = |words: &[&str], object: &str| {
        let command = words[1];
        let flags = plimsoll(here(), words).good();
        let stdin = plimsoll_with(here(), &["calc", command, "--stdin"], object).good();
        assert_eq!((flags.stdout, flags.stderr), (stdin.stdout, stdin.stderr));
    };
    // What the line says beside --stdin holds too.
    let both = answer_to(&["kelly", "--stdin", "--payoff", "1.5"], r#"{"win_rate": 0.55}"#);
    assert!(is_near(&both["kelly_fraction"], 0.25), "{both}");
    same(
        &["calc", "kelly", "--win-rate", "0.55", "--payoff", "1.5"],
        r#"{"win_rate": 0.55, "payoff": 1.5, "stop_distance": null}"#,
    );
    same(
        &[
            "calc",
            "liquidation-price",
            "--side",
            "short",
            "--entry",
            "5",
            "--quantity",
            "2",
            "--leverage",
            "4",
            "--mmr",
            "0.01",
            "--other-upnl",
            "-1",
            "--mode",
            "cross",
        ],
        r#"{"side": "short", "entry": 5, "quantity": "2", "leverage": 4, "mmr": 0.01,
            "other_upnl": -1, "mode": "cross"}"#,
    );
}

#[test]
fn wrong_flags_are_named() {
    let price = |words: &'static str| -> Vec<&'static str> {
        ["calc", "liquidation-price"].into_iter().chain(words.split_whitespace()).collect()
    };
    let kelly = |words: &'static str| -> Vec<&'static str> {
        ["calc", "kelly"].into_iter().chain(words.split_whitespace()).collect()
    };
    for (name, words) in [
        ("kelly_without_flags", kelly("")),
        ("kelly_win_rate", kelly("--win-rate 1.55 --payoff 1.5")),
        ("kelly_payoff", kelly("--win-rate 0.5 --payoff NaN")),
        ("kelly_fraction", kelly("--win-rate 0.5 --payoff 2 --fraction 2")),
        ("kelly_stop", kelly("--win-rate 0.6 --payoff 2 --stop-distance 0")),
        ("price_without_flags", price("")),
        ("price_without_margin", price("--side long --entry 5 --quantity 1 --mmr 0.01")),
        ("price_two_margins", price("--side long --entry 5 --quantity 1 --wallet 1 --leverage 5")),
        ("price_without_rate", price("--side long --entry 5 --quantity 1 --wallet 1")),
        ("price_side", price("--side up --entry 5 --quantity 1 --wallet 1 --mmr 0.01")),
        ("price_entry", price("--side long --entry -5 --quantity 1 --wallet 1 --mmr 0.01")),
        ("price_leverage", price("--side long --entry 5 --quantity 1 --leverage inf --mmr 0.01")),
        ("price_rate", price("--side long --entry 5 --quantity 1 --wallet 1 --mmr 1")),
        ("price_day", price("--side long --entry 5 --quantity 1 --wallet 1 --at 10.10.2025")),
        (
            "price_contract",
            price("--side long --entry 5 --quantity 1 --wallet 1 --contract quanto"),
        ),
        (
            "price_venue",
            price(
                "--side long --entry 5 --quantity 1 --wallet 1 --venue x --symbol Y --at 2025-10-10",
            ),
        ),
    ] {
        let text = refusal(here(), &words);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("calc_{name}"), text);
    }
}

#[test]
fn wrong_json_on_stdin_is_named() {
    for (name, object) in [
        ("cut_off", r#"{"win_rate": 0.55"#),
        ("list", "[1]"),
        ("empty", ""),
        ("given_twice", r#"{"win_rate": 0.55, "win_rate": 0.6, "payoff": 1}"#),
        ("too_large", r#"{"win_rate": 0.9, "payoff": 1e300, "loss": 1e-300}"#),
        ("unknown_flag", r#"{"win_rate": 0.55, "pay": 1}"#),
        ("missing_flag", r#"{"win_rate": 0.55}"#),
        ("value_is_a_list", r#"{"win_rate": 0.55, "payoff": [1]}"#),
        ("out_of_range", r#"{"win_rate": 55, "payoff": 1}"#),
        ("stdin_again", r#"{"stdin": true}"#),
    ] {
        let text = refusal_with(here(), &["calc", "kelly", "--stdin"], object);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("stdin_{name}"), text);
    }
    let text = refusal_with(here(), &["calc", "liquidation-price", "--stdin"], "{}");
    assert_text!("stdin_price_empty", text);
}

/// 12,000 + 2 (P - 120,000) = 0.45 % of 2 P: the rate of the first tier and the closing fee.
#[test]
fn what_okx_requires_includes_the_closing_fee() {
    let line = "liquidation-price --venue okx-swap --symbol BTC-USDT-SWAP --at 2025-10-10 \
                --side long --entry 120000 --quantity 2 --leverage 20";
    let found = answer(line);
    let price = found["liquidation_price"].as_f64().unwrap();
    assert!((price - 228_000.0 / (2.0 * 0.9955)).abs() < 1e-6, "{found}");
    let formula = found["formula"].as_str().unwrap();
    assert!(formula.contains("closing fee") && formula.contains("quantity"), "{formula}");
}
