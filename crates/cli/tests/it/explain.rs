//! One trade's size, retold from a report's folder.

use std::fs;

use serde_json::{Value, json};

use crate::assert_text;
use crate::explain_folder::{all_rows, report, write_decisions};
use crate::program::{plimsoll, refusal};
use crate::scene::{lake, strategy_in};

fn call(words: &str) -> Vec<&str> {
    ["explain", "report"].into_iter().chain(words.split_whitespace()).collect()
}

#[test]
fn one_trade_is_retold_from_the_limits_to_its_end() {
    let folder = report("explain_story", |_| {});
    for (name, words) in [
        ("story", "--trade 4 --rule all"),
        ("story_undefined", "--trade 4 --rule kelly[fraction=0.25]"),
        ("story_refused", "--trade 4 --rule kelly[fraction=1.0]"),
        ("story_ruined", "--trade 7 --rule all"),
        ("side_by_side", "--trade 4"),
        ("side_by_side_sweep", "--trade 7 --rule kelly"),
        ("list", ""),
        ("list_symbol", "--symbol ETHUSDT"),
    ] {
        let ran = plimsoll(&folder, &call(words)).good();
        assert_eq!(ran.stderr, "", "{words}");
        assert_text!(format!("explain_{name}"), ran.stdout);
    }
}

#[test]
fn programs_get_every_number() {
    let folder = report("explain_json", |_| {});
    let found = plimsoll(&folder, &call("--trade 4 --json")).good().json();
    assert_eq!((&found["trade"], &found["symbol"]), (&json!(4), &json!("BTCUSDT")));
    assert_eq!((&found["price"], &found["stop_price"]), (&json!(100.0), &json!(97.5)));
    let entry = &found["rules"][0]["entry"];
    assert_eq!((&entry["smallest"], &entry["next"]), (&json!("risk_cap"), &json!("kelly")));
    assert_eq!(entry["next_is_larger_by"], json!(0.25));
    // Limits stand in the order in which they act, whatever the order of the columns.
    let names: Vec<&str> =
        entry["steps"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["funding_cut", "oracle_health", "heat", "venue_margin"]);
    let after: Vec<&Value> =
        entry["steps"].as_array().unwrap().iter().map(|step| &step["after"]).collect();
    assert_eq!(after, [&json!(0.4), &json!(0.4), &json!(0.3), &json!(0.3)]);
    assert_eq!(entry["limits"][0]["name"], "kelly");
    assert_eq!(entry["holding_bars_max"], json!(96));
    assert_eq!(found["rules"][0]["resizes"][0]["holding_bars_max"], Value::Null);
    assert_eq!(found["rules"][0]["resizes"].as_array().unwrap().len(), 2);
    assert_eq!(found["rules"][0]["position"]["pnl"], json!(-310.5));
    let undefined = &found["rules"][1];
    assert_eq!(undefined["entry"]["limits"][0]["reason"], "too_few_observations");
    assert_eq!((&undefined["position"], &undefined["entry"]["next"]), (&Value::Null, &Value::Null));
    let second = plimsoll(&folder, &call("--trade 7 --rule all --json")).good().json();
    assert_eq!(second["rules"][0]["entry"], Value::Null);
    assert_eq!(second["rules"][0]["ruined_at"], "2025-10-11T00:00:00Z");
    let list = plimsoll(&folder, &call("--json")).good().json();
    assert_eq!(list["trades"][1]["trade"], 7);
    assert_eq!(
        (&list["trades"][0]["rules_decided"], &list["trades"][0]["rules_filled"]),
        (&json!(3), &json!(1))
    );
}

#[test]
fn what_is_not_there_is_named() {
    let folder = report("explain_errors", |_| {});
    for (name, words) in [
        ("out_of_range", "--trade 99"),
        ("hole", "--trade 5"),
        ("not_a_number", "--trade -1"),
        ("rule_unknown", "--trade 4 --rule al"),
        ("rule_alone", "--rule all"),
        ("symbol_unknown", "--trade 4 --symbol BTCUSDC"),
        ("symbol_other", "--trade 4 --symbol ETHUSDT"),
    ] {
        let text = refusal(&folder, &call(words));
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(format!("explain_{name}"), text);
    }
    assert_text!("explain_no_folder", refusal(&folder, &["explain", "reports", "--trade", "4"]));
    fs::create_dir(folder.join("empty")).unwrap();
    assert_text!("explain_no_report", refusal(&folder, &["explain", "empty", "--trade", "4"]));
    let dir = folder.join("report");
    for column in ["kind", "initial_equity"] {
        write_decisions(&dir.join("decisions.parquet"), &all_rows(), &[column]);
        let text = refusal(&folder, &call("--trade 4"));
        assert!(text.ends_with("exit code 1"), "{text}");
        assert_text!(format!("explain_older_{column}"), text);
    }
    write_decisions(&dir.join("decisions.parquet"), &all_rows(), &[]);
    let trades = fs::read_to_string(dir.join("trades.csv")).unwrap();
    fs::write(dir.join("trades.csv"), trades.replace(",trade,", ",number,")).unwrap();
    assert_text!("explain_older_trades", refusal(&folder, &call("--trade 4")));
    fs::write(dir.join("trades.csv"), trades.replace(",100.5,", ",much,")).unwrap();
    assert_text!("explain_no_number", refusal(&folder, &call("--trade 4")));
    fs::write(dir.join("trades.csv"), trades).unwrap();
    fs::write(dir.join("decisions.parquet"), "cut off").unwrap();
    let text = refusal(&folder, &call("--trade 4"));
    assert!(text.contains("decisions.parquet cannot be read"), "{text}");
    write_decisions(&dir.join("decisions.parquet"), &[], &[]);
    assert_text!("explain_no_trade", refusal(&folder, &call("--trade 4")));
    fs::write(dir.join("receipt.json"), "{").unwrap();
    assert_text!("explain_broken_receipt", refusal(&folder, &call("--trade 4")));
}

/// Under cross margin it is the account that gives out, at a mark of its own.
#[test]
fn a_liquidation_at_another_mark_is_the_accounts() {
    let folder = report("explain_liquidation", |_| {});
    let dir = folder.join("report");
    let trades = fs::read_to_string(dir.join("trades.csv")).unwrap();
    fs::write(dir.join("trades.csv"), trades.replace(",stop,", ",liquidation,")).unwrap();
    let said = |mark: &str, margin: &str| {
        let rows =
            format!("rule,trade,mark_price\nkelly[fraction=1.0],4,90\nall,4,{mark}\nall,4,40\n");
        fs::write(dir.join("liquidations.csv"), rows).unwrap();
        let mut receipt: Value =
            serde_json::from_slice(&fs::read(dir.join("receipt.json")).unwrap()).unwrap();
        receipt["settings"]["margin"] = margin.into();
        fs::write(dir.join("receipt.json"), receipt.to_string()).unwrap();
        let ran = plimsoll(&folder, &call("--trade 4 --rule all")).good();
        ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let found = said("60", "cross");
    assert!(found.contains("liquidated at a mark of 60, not at the 51.25 reckoned"), "{found}");
    assert!(found.contains("the account gave out") && found.contains("not this position alone"));
    for (mark, margin) in [("51.25", "cross"), ("60", "isolated")] {
        let found = said(mark, margin);
        assert!(found.contains("by liquidation at") && !found.contains("gave out"), "{found}");
    }
}

#[test]
fn a_row_that_does_not_add_up_is_not_retold_as_if_it_did() {
    let folder = report("explain_wrong", |rows| rows[0].leverage = 0.25);
    let ran = plimsoll(&folder, &call("--trade 4 --rule all")).good();
    assert!(
        ran.stdout.contains("these steps end with 0.3x, the file says 0.25x"),
        "{}",
        ran.stdout
    );
}

/// Of a study as it runs, every row retells its own size: steps, equity, price and quantity.
#[test]
fn every_size_of_a_study_follows_from_its_row() {
    let folder = strategy_in("explain_study", &[]);
    let done = plimsoll(&folder, &["study", "autumn.toml", "--data", lake(), "--out", "report"]);
    done.good();
    let list = plimsoll(&folder, &call("--json")).good().json();
    let trades = list["trades"].as_array().unwrap();
    assert!(trades.len() > 5, "{list}");
    let (mut retold, mut filled) = (0, 0);
    for trade in trades {
        let number = trade["trade"].to_string();
        let found = plimsoll(&folder, &["explain", "report", "--trade", &number, "--json"]);
        let found = found.good().json();
        for rule in found["rules"].as_array().unwrap() {
            let Some(entry) = rule["entry"].as_object() else {
                assert!(rule["ruined_at"].is_string(), "{rule}");
                continue;
            };
            let number = |key: &str| entry[key].as_f64().unwrap();
            let last = entry["steps"].as_array().unwrap().last().unwrap();
            assert_eq!(last["after"].as_f64().unwrap(), number("leverage"), "{rule}");
            let raw = number("leverage") * number("equity") / number("price");
            assert!((number("quantity_raw") - raw).abs() <= 1e-9 * raw, "{rule}");
            assert!(number("quantity") <= number("quantity_raw"), "{rule}");
            let is_filled = entry["outcome"] == "filled";
            assert_eq!(rule["position"].is_object(), is_filled, "{rule}");
            if is_filled {
                assert_eq!(rule["position"]["quantity"], entry["quantity"], "{rule}");
                filled += 1;
            }
            retold += 1;
        }
    }
    assert!(retold > 20 && filled > 5, "{retold} {filled}");
}
