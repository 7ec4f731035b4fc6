//! Average true range and stop against TA-Lib.

use std::path::{Path, PathBuf};

use plimsoll_market::{Market, SymbolColumns};
use serde_json::Value;

use crate::markets::{market_of, spec};

/// The folder of golden values, if it lies beside the repository.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if folder.join("sizing.json").exists() {
        return Some(folder);
    }
    eprintln!("skipped: no golden values at {}", folder.display());
    None
}

fn ohlc(folder: &Path) -> Market {
    let mut symbol = SymbolColumns { symbol: "BTCUSDT".into(), ..Default::default() };
    let mut reader = csv::Reader::from_path(folder.join("series/ohlcv.csv")).unwrap();
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>()[1..5],
        ["open", "high", "low", "close"]
    );
    for record in reader.records() {
        let record = record.unwrap();
        let number = |at: usize| record[at].parse::<f64>().unwrap();
        symbol.open.push(number(1));
        symbol.high.push(number(2));
        symbol.low.push(number(3));
        symbol.close.push(number(4));
    }
    let n_bars = symbol.close.len();
    market_of(vec![symbol], n_bars)
}

fn cases(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("sizing.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let all = all.as_array().or_else(|| all["cases"].as_array()).unwrap().clone();
    all.into_iter().filter(|case| case["input"] == "series/ohlcv.csv").collect()
}

fn close_to(got: f64, expect: &Value, case: &Value) {
    let expect = expect.as_f64().unwrap();
    let tolerance = case["tol"]["rel"].as_f64().unwrap() * expect.abs();
    assert!((got - expect).abs() <= tolerance, "{}: {got} for {expect}", case["id"]);
}

fn atr(market: &Market, bars: u64) -> Vec<f64> {
    let text =
        format!("[features]\na = {{ atr = 'wilder', bars = {bars} }}\n[signal]\nlong = 'a > 0'");
    spec(&text).features(market).unwrap().remove(0).values
}

#[test]
fn average_true_range_is_talibs() {
    let Some(folder) = folder() else { return };
    let market = ohlc(&folder);
    let mut n_checked = 0;
    for case in cases(&folder) {
        let expect = &case["expected"];
        match case["metric"].as_str().unwrap() {
            "atr" => {
                let values = atr(&market, case["params"]["n"].as_u64().unwrap());
                let first = expect["first_index"].as_u64().unwrap() as usize;
                assert!(values[..first].iter().all(|value| value.is_nan()));
                for (idx, value) in expect["first5"].as_array().unwrap().iter().enumerate() {
                    close_to(values[first + idx], value, &case);
                }
                close_to(*values.last().unwrap(), &expect["last"], &case);
                let n_valid = values.iter().filter(|value| !value.is_nan()).count();
                assert_eq!(n_valid as u64, expect["n_valid"].as_u64().unwrap());
            }
            // A mean of one true range is that range.
            "true_range" => {
                let values = atr(&market, 1);
                assert!(values[0].is_nan());
                for (idx, value) in expect["first5_from_1"].as_array().unwrap().iter().enumerate() {
                    close_to(values[1 + idx], value, &case);
                }
                close_to(*values.last().unwrap(), &expect["last"], &case);
            }
            "atr_position_size" => {
                let params = &case["params"];
                let text = format!(
                    "[signal]\nlong = 'TRUE'\n[stop]\natr = {{ bars = {}, multiple = {} }}",
                    params["n"], params["k"]
                );
                let columns = spec(&text).evaluate(&market).unwrap();
                close_to(*columns[0].stop_long.last().unwrap(), &expect["stop_long"], &case);
            }
            _ => continue,
        }
        n_checked += 1;
    }
    assert_eq!(n_checked, 4);
}
