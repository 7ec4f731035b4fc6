//! The same legs in isolated, cross and portfolio margin.

use std::fs;

use serde_json::{Value, json};

use crate::assert_text;
use crate::calc::{answer, answer_to, here, is_near, words};
use crate::program::{folder, plimsoll, refusal, refusal_with};

/// Spot long, perpetual short, with every figure that no page states given.
const PAIR: &str = "margin --venue okx --at 2025-10-10 --wallet 20000 --taker-fee 0.0005 \
                    --haircut BTC=0.05 --initial-margin-factor 1.3 --basis-tenor-years 0.12 \
                    --minimum-charge 0.0045 --leg spot,BTC,long,quantity=1,price=100000 \
                    --leg perp,BTC-USDT-SWAP,short,quantity=1,price=100000,leverage=10,mmr=0.004,\
                    leverage_max=100";
const BINANCE: &str = "margin --venue binance-usdm --at 2025-10-10 --wallet 8000 \
                       --leg perp,BTCUSDT,long,quantity=1,price=100000,leverage=20 \
                       --leg perp,ETHUSDT,short,quantity=10,price=4000,mark=4100,leverage=10";

fn capital(found: &Value, mode: &str) -> f64 {
    found[mode]["capital_required"].as_f64().unwrap()
}

#[test]
fn a_hedged_pair_takes_least_in_portfolio_margin() {
    let found = answer(PAIR);
    // The coin rises with its short: 20,000 + 100,000 - 0.05 P = 0.0045 P.
    let short = &found["legs"][1];
    assert!(is_near(&short["cross_liquidation_price"], 120_000.0 / 0.0545), "{found}");
    assert_eq!(short["cross_liquidation_price_below"], Value::Null);
    assert_eq!(found["underlyings"][0]["underlying"], "BTC");
    assert!(is_near(&found["underlyings"][0]["net_exposure"], -5_000.0), "{found}");
    // 10,000 of initial margin and the whole coin; 5 % of it; a basis of 5 % a year over 0.12
    // years on 100,000, times 1.3, since no move of the price loses anything.
    for (mode, expected) in [("isolated", 110_000.0), ("cross", 15_000.0), ("portfolio", 5_780.0)] {
        assert!((capital(&found, mode) - expected).abs() < 1e-6, "{mode}: {found}");
    }
    assert!(is_near(&found["gross_notional"], 200_000.0), "{found}");
    let unit = &found["units"][0];
    assert_eq!((&unit["underlying"], &unit["binding"]), (&json!("BTC"), &json!("basis risk")));
    for scenario in unit["scenarios"].as_array().unwrap() {
        assert!(scenario["loss"].as_f64().unwrap().abs() < 1e-6, "{scenario}");
    }
    assert_eq!(found["legs"][0]["reason"], "spot is not liquidated");
    // Alone, the perpetual loses up to its worst move.
    let naked = PAIR.replace("--leg spot,BTC,long,quantity=1,price=100000 ", "");
    let naked = answer(&naked);
    let worst = naked["units"][0]["scenarios"].as_array().unwrap().iter();
    let worst = worst.map(|s| s["loss"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(capital(&naked, "portfolio") > 10_000.0 && worst > 20_000.0, "{naked}");
}

#[test]
fn brackets_come_from_the_tables_of_the_day() {
    let found = answer(BINANCE);
    // 100,000 at 20x and 41,000 at 10x; a rate of 0.4 % in the first bracket of both.
    assert!(is_near(&json!(capital(&found, "isolated")), 9_100.0), "{found}");
    assert!(is_near(&found["cross"]["maintenance_margin"], 564.0), "{found}");
    assert!(is_near(&found["accounts"]["cross"]["equity"], 7_000.0), "{found}");
    let (bitcoin, ether) = (&found["legs"][0], &found["legs"][1]);
    assert!(is_near(&bitcoin["isolated_liquidation_price"], 95_000.0 / 0.996), "{found}");
    // Behind bitcoin stand 8,000 less the 1,000 lost on ether and the 164 that it needs.
    assert!(is_near(&bitcoin["cross_liquidation_price"], (100_000.0 - 6_836.0) / 0.996), "{found}");
    assert!(is_near(&ether["unrealised_pnl"], -1_000.0), "{found}");
    assert_eq!(found["portfolio"], Value::Null);
    assert!(found["reason"].as_str().unwrap().contains("no portfolio margin"), "{found}");
    assert!(found["warnings"][0].as_str().unwrap().contains("2,100 are lacking"), "{found}");
}

/// Equity of a hedge is 10,000, or 14,000 + 0.1 P: no fall uses it up.
#[test]
fn legs_of_a_hedge_move_together() {
    let base = "margin --venue binance-usdm --at 2025-10-10 --leg \
                perp,BTCUSDT,long,quantity=1,price=100000,leverage=20,mmr=0.004,leverage_max=125";
    let even = format!(
        "{base} --wallet 10000 --leg \
         perp,BTCUSDT,short,quantity=1,price=100000,leverage=20,mmr=0.004,leverage_max=125"
    );
    let found = answer(&even);
    for leg in found["legs"].as_array().unwrap() {
        assert_eq!(leg["cross_liquidation_price_below"], Value::Null, "{found}");
        assert!(is_near(&leg["cross_liquidation_price_above"], 1_250_000.0), "{found}");
    }
    let uneven = format!(
        "{base} --wallet 15000 --leg perp,BTCUSDT,short,quantity=0.9,price=110000,mark=100000,\
         leverage=20"
    );
    let found = answer(&uneven);
    for leg in found["legs"].as_array().unwrap() {
        assert_eq!(leg["cross_liquidation_price"], Value::Null, "{found}");
        assert_eq!(leg["reason"], "no fall to above zero liquidates the account");
    }
    let line: Vec<&str> = even.split_whitespace().collect();
    let told = words(&line, "");
    assert!(told.contains("all legs of BTC moved together"), "{told}");
}

/// Bybit before 2025-09-02: 20,000 - (400 - 100), whichever calculator is asked.
#[test]
fn both_calculators_take_maintenance_at_the_same_price() {
    for (at, mode, expected) in [
        ("2025-01-10", "isolated", 19_700.0),
        ("2025-01-10", "cross", 19_700.0),
        ("2025-10-10", "isolated", 19_600.0 / 0.995),
    ] {
        let margin = answer(&format!(
            "margin --venue bybit-linear --at {at} --wallet 400 \
             --leg perp,BTCUSDT,long,quantity=1,price=20000,leverage=50"
        ));
        let price = answer(&format!(
            "liquidation-price --venue bybit-linear --symbol BTCUSDT --at {at} --side long \
             --entry 20000 --quantity 1 --leverage 50 --mode {mode}"
        ));
        let of_margin = &margin["legs"][0][format!("{mode}_liquidation_price")];
        assert!(is_near(&price["liquidation_price"], expected), "{price}");
        assert!(is_near(of_margin, expected), "{margin}");
        let formula = price["formula"].as_str().unwrap();
        assert_eq!(formula.contains("margin at the entry"), at == "2025-01-10", "{formula}");
        let at_rate = answer(&format!(
            "liquidation-price --venue bybit-linear --symbol BTCUSDT --at {at} --side long \
             --entry 20000 --quantity 1 --leverage 50 --mode {mode} --mmr 0.005"
        ));
        assert!(is_near(&at_rate["liquidation_price"], expected), "{at_rate}");
    }
}

#[test]
fn a_coin_has_many_names() {
    let expected = answer(PAIR);
    for (spot, perpetual) in
        [("BTC-USDT", "BTC-USDT-SWAP"), ("BTCUSDT", "BTC-26DEC25"), ("btc", "BTC-USDT-251226")]
    {
        let line = PAIR
            .replace("spot,BTC,", &format!("spot,{spot},"))
            .replace("BTC-USDT-SWAP", perpetual)
            .replace("BTC=0.05", "btc=0.05");
        let found = answer(&line);
        assert_eq!(found["units"], expected["units"], "{spot} {perpetual}");
        assert_eq!(found["cross"], expected["cross"], "{spot} {perpetual}");
        assert_eq!(found["legs"][0]["underlying"], "BTC");
    }
    let line = PAIR.replace("BTC-USDT-SWAP,short,", "X,short,underlying=btcusdt,");
    assert_eq!(answer(&line)["units"], expected["units"]);
}

#[test]
fn missing_figures_name_their_flags() {
    let base = "margin --venue bybit --at 2025-10-10 --wallet 20000 --leg \
                perp,BTCUSDT,short,quantity=0.1,price=100000,leverage=10";
    let mut line = base.to_owned();
    for (flag, value) in [
        ("--contingency", "0.004"),
        ("--basis-tenor-years", "0.01"),
        ("--initial-margin-factor", "1.2"),
    ] {
        let reason = answer(&line)["reason"].clone();
        assert!(reason.as_str().unwrap().contains(flag), "{reason} lacks {flag}");
        line = format!("{line} {flag} {value}");
    }
    assert!(answer(&line)["portfolio"].is_object());
}

#[test]
fn brackets_of_snapshots_are_dated_as_such() {
    let found = answer(BINANCE);
    assert!(found["table_lag_days"].as_u64().is_some_and(|days| days > 0), "{found}");
    let notes = |found: &Value| found["notes"].to_string();
    assert_eq!(notes(&found).matches("come from snapshots").count(), 1, "{found}");
    assert!(!notes(&found).contains("last looked at"), "{found}");
    let late = answer(&BINANCE.replace("2025-10-10", "2026-06-01"));
    assert_eq!(notes(&late).matches("Brackets were last looked at on").count(), 1, "{late}");
}

#[test]
fn an_account_kept_in_a_coin() {
    // 100,000 dollars short against the coin at 8,000 and 10x: 1.25 coins of margin.
    let found = answer(
        "margin --venue bybit --at 2025-10-10 --wallet 2 --currency BTC --taker-fee 0 \
         --leg perp,BTCUSD,short,contract=inverse,quantity=100000,price=8000,leverage=10,mmr=0.005,\
         leverage_max=100",
    );
    assert!(is_near(&found["isolated"]["initial_margin"], 1.25), "{found}");
    assert!(is_near(&found["legs"][0]["notional"], 12.5), "{found}");
    assert!(found["reason"].as_str().unwrap().contains("no portfolio margin"), "{found}");
}

#[test]
fn every_source_gives_the_same_answer() {
    let folder = folder("calc_margin");
    let csv = "kind,symbol,side,quantity,price,mark,leverage\n\
               perp,BTCUSDT,long,1,100000,,20\nperp,ETHUSDT,short,10,4000,4100,10\n";
    fs::write(folder.join("legs.csv"), csv).unwrap();
    let expected = answer(BINANCE);
    let line = "calc margin --venue binance-usdm --at 2025-10-10 --wallet 8000 --file legs.csv";
    let line: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(plimsoll(&folder, &line).good().json(), expected);
    let object = json!({
        "venue": "binance-usdm", "at": "2025-10-10", "wallet": 8000,
        "legs": [
            { "kind": "perp", "symbol": "BTCUSDT", "side": "long", "quantity": 1, "price": 100_000,
              "leverage": 20 },
            { "kind": "perp", "symbol": "ETHUSDT", "side": "short", "quantity": 10, "price": 4000,
              "mark": 4100, "leverage": 10 },
        ],
    });
    assert_eq!(answer_to(&["margin", "--stdin"], &object.to_string()), expected);
}

#[test]
fn people_see_formula_and_answer() {
    for (name, line) in [("margin_pair", PAIR), ("margin", BINANCE)] {
        let line: Vec<&str> = line.split_whitespace().collect();
        assert_text!(format!("words_{name}"), words(&line, ""));
    }
}

#[test]
fn wrong_legs_are_named() {
    let base = "margin --at 2025-10-10 --wallet 5";
    let binance = format!("{base} --venue binance-usdm --leg");
    let bybit = format!("{base} --venue bybit --leg");
    for (name, line) in [
        ("no_flags", "margin".to_owned()),
        ("no_leg", format!("{base} --venue okx")),
        ("venue", format!("{base} --venue x --leg spot,BTC,long,quantity=1,price=5")),
        ("kind", format!("{binance} option,BTC,long,quantity=1,price=5")),
        ("missing", format!("{binance} perp,BTCUSDT,long")),
        ("leverage", format!("{binance} perp,BTCUSDT,long,quantity=1,price=5,leverage=0.5")),
        ("contract", format!("{binance} perp,BTCUSDT,long,quantity=1,price=5,contract=quanto")),
        ("inverse", {
            format!(
                "{binance} perp,BTCUSD,long,quantity=1,price=5,contract=inverse,mmr=0.01,leverage_max=5"
            )
        }),
        ("spot_short", format!("{binance} spot,BTC,short,quantity=1,price=5")),
        ("symbol", format!("{binance} perp,NOSUCHUSDT,long,quantity=1,price=5")),
        ("half_a_ladder", format!("{bybit} perp,BTCUSDT,long,quantity=1,price=5,mmr=0.01")),
        ("ladder", {
            format!("{bybit} perp,BTCUSDT,long,quantity=1,price=5,mmr=0.5,leverage_max=100")
        }),
        ("no_years", format!("{bybit} future,BTCZ25,long,quantity=1,price=5")),
        ("haircut", format!("{binance} spot,BTC,long,quantity=1,price=5 --haircut BTC=2")),
        ("haircut_twice", {
            format!("{bybit} spot,BTC,long,quantity=1,price=5 --haircut BTC=0.1 --haircut btc=0.2")
        }),
        ("haircut_no_coin", { format!("{bybit} spot,BTC,long,quantity=1,price=5 --haircut =0.1") }),
        ("haircut_other_coin", {
            format!("{bybit} spot,BTC,long,quantity=1,price=5 --haircut ETH=0.1")
        }),
        ("factor", {
            format!("{bybit} spot,BTC,long,quantity=1,price=5 --initial-margin-factor 0.5")
        }),
        (
            "date",
            "margin --venue binance-usdm --at 2020-01-01 --wallet 5 \
             --leg perp,BTCUSDT,long,quantity=1,price=5"
                .to_owned(),
        ),
    ] {
        let line: Vec<&str> = ["calc"].into_iter().chain(line.split_whitespace()).collect();
        let text = refusal(here(), &line);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("margin_{name}"), text);
    }
    let object = r#"{"venue": "okx", "at": "2025-10-10", "wallet": 5, "legs": [
        {"kind": "spot", "symbol": "BTC", "side": "long", "quantity": 1, "price": 5},
        {"kind": "spot", "symbol": "ETH", "side": "long", "quantity": 0, "price": 5}]}"#;
    let text = refusal_with(here(), &["calc", "margin", "--stdin"], object);
    assert_text!("margin_stdin", text);
}
