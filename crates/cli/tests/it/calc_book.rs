//! Heat and exposure of a list of positions, from every source.

use std::fs;

use serde_json::{Value, json};

use crate::assert_text;
use crate::calc::{answer, answer_to, here, is_near, words};
use crate::program::{folder, plimsoll, refusal, refusal_with};

const BOOK: &str = "heat --equity 10000 \
                    --position BTCUSDT,long,notional=20000,entry=50000,stop=48500 \
                    --position ETHUSDT,long,notional=8000,entry=3000,stop=2850";

fn exceeded(found: &Value) -> Vec<&str> {
    let levels = found["levels"].as_array().unwrap().iter();
    levels.filter(|l| l["exceeded"] == true).map(|l| l["name"].as_str().unwrap()).collect()
}

fn has_note(found: &Value, text: &str) -> bool {
    found["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains(text))
}

/// The published case: 20,000 * 3 % + 8,000 * 5 % of 10,000.
#[test]
fn heat_of_the_published_book() {
    let found = answer(BOOK);
    assert!(is_near(&found["heat"], 0.1) && is_near(&found["at_risk"], 1_000.0), "{found}");
    assert_eq!(exceeded(&found), ["conservative"]);
    assert!(is_near(&found["positions"][0]["heat"], 0.06), "{found}");
    assert!(is_near(&found["levels"][2]["room"], 0.05), "{found}");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/sizing.json");
    let Ok(text) = fs::read_to_string(path) else {
        eprintln!("skipped: no {path}");
        return;
    };
    let golden: Value = serde_json::from_str(&text).unwrap();
    let cases = golden["cases"].as_array().or(golden.as_array()).unwrap();
    let heats: Vec<&Value> = cases.iter().filter(|c| c["metric"] == "portfolio_heat").collect();
    assert!(!heats.is_empty());
    for case in heats {
        let mut positions = case["params"]["positions"].clone();
        for position in positions.as_array_mut().unwrap() {
            position["symbol"] = json!("X");
            position["side"] = json!("long");
        }
        let object = json!({ "equity": case["params"]["equity"], "positions": positions });
        let found = answer_to(&["heat", "--stdin"], &object.to_string());
        assert!(is_near(&found["heat"], case["expected"]["heat"].as_f64().unwrap()), "{case}");
    }
}

#[test]
fn leverage_multiplies_margin_only() {
    let line = |size: &str, flags: &str| {
        answer(&format!(
            "heat --equity 10000 {flags} --position BTCUSDT,short,{size},entry=50000,stop=51500"
        ))
    };
    let expected = line("notional=20000,leverage=10", "");
    assert!(is_near(&expected["heat"], 0.06), "{expected}");
    for (size, flags) in [
        ("quantity=0.4", ""),
        ("margin=2000,leverage=10", ""),
        ("margin=2000,leverage=10", "--size-is-margin"),
        ("size=20000,leverage=10", ""),
        ("size=2000,leverage=10", "--size-is-margin"),
    ] {
        assert!(is_near(&line(size, flags)["heat"], 0.06), "{size} {flags}");
    }
}

#[test]
fn without_a_stop_the_loss_ends_at_liquidation() {
    let line = |values: &str| {
        answer(&format!("heat --equity 10000 --position BTCUSDT,long,notional=10000,{values}"))
    };
    let given = line("entry=100,liquidation=90");
    assert!(is_near(&given["heat"], 0.1), "{given}");
    assert_eq!(given["positions"][0]["stop_is"], "liquidation");
    // 10x: (1 - 0.1) / (1 - 0.025).
    let at_rate = line("entry=100,leverage=10,mmr=0.025");
    assert!(is_near(&at_rate["heat"], 1.0 - 0.9 / 0.975), "{at_rate}");
    // A margin of the whole notional: everything may be lost, and no price liquidates before.
    let whole = line("entry=100,leverage=1,mmr=0.025");
    assert!(is_near(&whole["heat"], 1.0), "{whole}");
    // The venue's brackets: rate 0.4 % up to 300,000.
    let venue = answer(
        "heat --equity 10000 --at 2025-10-10 \
         --position BTCUSDT,long,notional=10000,entry=100000,leverage=20,venue=binance-usdm",
    );
    assert!(is_near(&venue["heat"], 1.0 - 0.95 / 0.996), "{venue}");
    assert!(has_note(&venue, "no stop") && has_note(&venue, "up to 7 days"), "{venue}");
    assert_eq!(venue["tables"][0]["name"], "BTCUSDT brackets");
    let source = venue["tables"][0]["text"].as_str().unwrap();
    assert!(source.starts_with("from 2025-08-21 (captured"), "{source}");
    assert!(!has_note(&venue, "last looked at"), "{venue}");
    let later = answer(
        "heat --equity 10000 --at 2026-10-10 \
         --position BTCUSDT,long,notional=10000,entry=100000,leverage=20,venue=binance-usdm",
    );
    assert!(has_note(&later, "last looked at on 2026-03-01"), "{later}");
}

/// A quantity is worth its entry where a loss is counted, whatever the price is by now.
#[test]
fn a_loss_counts_from_the_entry() {
    let found = answer(
        "heat --equity 10000 --position BTC,long,quantity=1,price=60000,entry=50000,stop=49000",
    );
    assert!(is_near(&found["at_risk"], 1_000.0) && is_near(&found["heat"], 0.1), "{found}");
    assert_eq!(found["positions"][0]["notional"], 50_000.0);
}

/// 20,000 US dollars from 50,000 are 0.4 coins; a long at 10x holds 0.04 of them as margin.
#[test]
fn an_inverse_contract_has_its_quantity_in_us_dollars() {
    let line = |values: &str| answer(&format!("heat --equity 10000 {values}"));
    // 0.04 + 20,000 (1/50,000 - 1/P) = 20,000/P * 0.01: P = 20,000 * 1.01 / 0.44.
    let price = 20_200.0 / 0.44;
    let long = line(
        "--position BTCUSD,long,contract=inverse,quantity=20000,entry=50000,leverage=10,mmr=0.01",
    );
    assert!((long["positions"][0]["stop"].as_f64().unwrap() / price - 1.0).abs() < 1e-12);
    assert_eq!(long["positions"][0]["notional"], 20_000.0);
    // 0.4 - 20,000/P coins fewer, each worth P.
    let coins = 20_000.0 / price - 0.4;
    assert!((long["at_risk"].as_f64().unwrap() / (coins * price) - 1.0).abs() < 1e-12, "{long}");
    assert!(has_note(&long, "inverse contract"), "{long}");
    // The venue's tables say it too, by the name of its tables or of the venue.
    for (venue, symbol) in
        [("okx", "BTC-USD-SWAP"), ("okx-swap", "BTC-USD-SWAP"), ("bybit", "BTCUSD")]
    {
        let found = line(&format!(
            "--at 2025-10-10 --position {symbol},short,quantity=20000,entry=50000,leverage=10,\
             venue={venue}"
        ));
        assert_eq!(found["positions"][0]["contract"], "inverse", "{found}");
        let table = if venue == "bybit" { "bybit-inverse" } else { "okx-swap" };
        let price = answer(&format!(
            "liquidation-price --side short --entry 50000 --quantity 20000 --leverage 10 \
             --venue {table} --symbol {symbol} --at 2025-10-10"
        ));
        assert_eq!(found["positions"][0]["stop"], price["liquidation_price"], "{found}");
        let exposure = answer(&format!(
            "exposure --collateral 10000 --position {symbol},long,quantity=20000,venue={venue},\
             tier=cex1"
        ));
        assert_eq!(
            (&exposure["exposure"], &exposure["gross_notional"]),
            (&json!(2.0), &json!(2e4))
        );
    }
    let linear = line(
        "--at 2025-10-10 --position BTCUSDT,long,quantity=1,entry=50000,leverage=10,venue=bybit",
    );
    assert_eq!(linear["positions"][0]["contract"], "linear", "{linear}");
}

#[test]
fn exposure_and_venue_shares_by_hand() {
    let found = answer(
        "exposure --collateral 10000 \
         --position BTCUSDT,long,notional=20000,venue=binance,tier=cex1 \
         --position ETHUSDT,short,quantity=2,entry=2900,price=3000,venue=binance,tier=cex1 \
         --position BTC,short,notional=8000,venue=hyperliquid,tier=dex1",
    );
    assert!(is_near(&found["exposure"], 3.4) && is_near(&found["net_notional"], 6_000.0));
    assert_eq!(exceeded(&found), ["conservative"]);
    let venues = found["venues"].as_array().unwrap();
    assert_eq!((&venues[0]["venue"], &venues[0]["exceeded"]), (&json!("binance"), &json!(true)));
    assert!(is_near(&venues[0]["share"], 26.0 / 34.0));
    // (26,000 - n) / (34,000 - n) = 0.4.
    assert!(is_near(&venues[0]["reduce_by"], 12_400.0 / 0.6), "{found}");
    assert_eq!((&venues[1]["limit"], &venues[1]["exceeded"]), (&json!(0.3), &json!(false)));
    let unnamed = answer("exposure --collateral 10000 --position BTCUSDT,long,notional=60000");
    assert_eq!(exceeded(&unnamed), ["conservative", "maximum"]);
    assert_eq!(unnamed["venues"], Value::Null);
    assert!(unnamed["reason"].as_str().unwrap().contains("venue"), "{unnamed}");
}

#[test]
fn every_source_gives_the_same_answer() {
    let folder = folder("calc_book");
    let csv = "symbol,side,notional,entry,stop\nBTCUSDT,long,20000,50000,48500\n\
               ETHUSDT,long,8000,3000,2850\n";
    let list = r#"[{"symbol": "BTCUSDT", "side": "long", "notional": 20000, "entry": 50000,
        "stop": 48500}, {"symbol": "ETHUSDT", "side": "long", "notional": "8000", "entry": 3000,
        "stop": 2850}]"#;
    fs::write(folder.join("book.csv"), csv).unwrap();
    fs::write(folder.join("book.json"), list).unwrap();
    fs::write(folder.join("object.json"), format!("{{\"positions\": {list}}}")).unwrap();
    let expected = answer(BOOK);
    for file in ["book.csv", "book.json", "object.json"] {
        let line = ["calc", "heat", "--equity", "10000", "--file", file];
        assert_eq!(plimsoll(&folder, &line).good().json(), expected, "{file}");
    }
    assert_eq!(answer_to(&["heat", "--equity", "10000", "--stdin"], list), expected);
    let object = format!("{{\"equity\": 10000, \"positions\": {list}}}");
    assert_eq!(answer_to(&["heat", "--stdin"], &object), expected);
    let margin = r#"{"equity": 10000, "size_is_margin": true, "positions": [{"symbol": "BTCUSDT",
        "side": "long", "size": 2000, "leverage": 10, "entry": 50000, "stop": 48500}]}"#;
    assert!(is_near(&answer_to(&["heat", "--stdin"], margin)["heat"], 0.06));
}

#[test]
fn people_see_formula_and_answer() {
    for (name, line) in [
        (
            "heat",
            format!("{BOOK} --position SOLUSDT,short,margin=500,leverage=5,entry=150,mmr=0.02"),
        ),
        (
            "exposure",
            "exposure --collateral 10000 --position BTCUSDT,long,notional=20000,venue=a,tier=cex1 \
             --position BTC,short,notional=8000,venue=b,tier=new"
                .to_owned(),
        ),
    ] {
        let line: Vec<&str> = line.split_whitespace().collect();
        assert_text!(format!("words_{name}"), words(&line, ""));
    }
}

#[test]
fn wrong_positions_are_named() {
    let heat = "heat --equity 10000 --position BTCUSDT,long";
    let exposure = "exposure --collateral 10000 --position BTCUSDT,long";
    for (name, line) in [
        ("no_position", "heat --equity 10000".to_owned()),
        ("no_equity", "heat --position BTCUSDT,long,notional=1,entry=5,stop=4".to_owned()),
        ("no_collateral", "exposure --position BTCUSDT,long,notional=1".to_owned()),
        ("no_size", format!("{heat},entry=5,stop=4")),
        ("two_sizes", format!("{heat},notional=5,quantity=1,entry=5,stop=4")),
        ("no_entry", format!("{heat},notional=5,stop=4")),
        ("no_stop", format!("{heat},notional=5,entry=5")),
        (
            "no_row",
            format!("{heat},notional=5,entry=5,leverage=5,venue=binance-usdm --at 2020-01-01"),
        ),
        ("at_once_rate", format!("{heat},notional=2e4,entry=5e4,leverage=500,mmr=0.01")),
        (
            "at_once_brackets",
            format!(
                "{heat},notional=2e4,entry=5e4,leverage=500,venue=binance-usdm --at 2025-10-10"
            ),
        ),
        (
            "at_once_given",
            "heat --equity 1 --position BTC,short,notional=2e4,entry=5e4,liquidation=40000"
                .to_owned(),
        ),
        (
            "no_liquidation",
            format!("{heat},contract=inverse,quantity=5,entry=5,leverage=1,mmr=0.01")
                .replace("long", "short"),
        ),
        ("contract", format!("{heat},contract=quanto,quantity=5,entry=5,stop=4")),
        ("too_large", format!("{exposure},notional=1e308 --position BTC,long,notional=1e308")),
        ("sum_too_large", format!("{exposure},notional=6e299 --position BTC,long,notional=6e299")),
        (
            "heat_too_large",
            format!("{heat},notional=1e300,entry=5,stop=4").replace("10000", "1e-9"),
        ),
        ("side", "heat --equity 10000 --position BTCUSDT,up,notional=5,entry=5,stop=4".to_owned()),
        ("number", format!("{heat},notional=-5,entry=5,stop=4")),
        ("name", format!("{heat},notional=5,entry=5,stopp=4")),
        ("unnamed", format!("{heat},5,4")),
        (
            "twice_leveraged",
            format!("{heat},notional=5,leverage=2,entry=5,stop=4 --size-is-margin"),
        ),
        ("margin_alone", format!("{heat},margin=5,entry=5,stop=4")),
        ("no_price", format!("{exposure},quantity=5")),
        ("no_tier", format!("{exposure},notional=5,venue=a")),
        ("tier", format!("{exposure},notional=5,venue=a,tier=best")),
        (
            "some_venues",
            format!("{exposure},notional=5,venue=a,tier=new --position ETHUSDT,long,notional=5"),
        ),
        (
            "two_tiers",
            format!(
                "{exposure},notional=5,venue=a,tier=new \
                 --position ETHUSDT,long,notional=5,venue=a,tier=cex1"
            ),
        ),
    ] {
        let line: Vec<&str> = ["calc"].into_iter().chain(line.split_whitespace()).collect();
        let text = refusal(here(), &line);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("book_{name}"), text);
    }
}

#[test]
fn mistakes_of_files_name_file_and_line() {
    let folder = folder("calc_bad_book");
    let good = r#"{"symbol": "A", "side": "long", "notional": 1, "entry": 5, "stop": 4}"#;
    for (name, text) in [
        ("value.csv", "symbol,side,notional,entry,stop\nA,long,1,5,4\nB,long,x,5,4\n".to_owned()),
        ("column.csv", "symbol,side,size,price_of_entry\nA,long,1,5\n".to_owned()),
        ("row.csv", "symbol,side,notional,entry,stop\nA,long,1\n".to_owned()),
        ("empty.csv", "symbol,side,notional,entry,stop\n".to_owned()),
        ("value.json", format!("[\n  {good},\n  {}\n]", good.replace("long", "flat"))),
        ("cut.json", format!("[{good}")),
        ("key.json", format!("{{\"positions\": [{good}], \"equity\": 5}}")),
        ("number.json", "5".to_owned()),
        ("item.json", "[5]".to_owned()),
        ("twice.json", format!("[\n{}]", good.replace('{', "{\"notional\": 20000, "))),
        ("deep.json", "[{\"symbol\": [1]}]".to_owned()),
    ] {
        fs::write(folder.join(name), text).unwrap();
        let line = ["calc", "heat", "--equity", "10000", "--file", name];
        let text = refusal(&folder, &line);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("book_file_{}", name.replace('.', "_")), text);
    }
    let line = ["calc", "heat", "--equity", "10000", "--file", "none.csv"];
    assert_text!("book_file_missing", refusal(&folder, &line));
    for (name, text) in [
        ("list", "{\"equity\": 5, \"positions\": 5}".to_owned()),
        ("side", format!("{{\"equity\": 5, \"positions\":\n[{}]}}", good.replace("long", "flat"))),
        ("no_equity", format!("[{good}]")),
        ("twice", format!("[{}]", good.replace('{', "{\"notional\": 20000, "))),
        ("flag_twice", format!("{{\"equity\": 5, \"equity\": 6, \"positions\": [{good}]}}")),
    ] {
        let text = refusal_with(here(), &["calc", "heat", "--stdin"], &text);
        assert_text!(format!("book_stdin_{name}"), text);
    }
}
