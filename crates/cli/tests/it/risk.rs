//! `plimsoll risk`: columns found or asked for, values against statistics made by hand.

use std::fmt::Write;
use std::fs;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::assert_text;
use crate::program::{folder, plimsoll, refusal};

const RETURNS: [f64; 4] = [0.1, -0.2, 0.05, 0.1];

#[test]
fn statistics_of_a_column_made_by_hand() {
    let place = folder("risk-by-hand");
    let mut csv = "day,r\n".to_owned();
    for (day, value) in RETURNS.iter().enumerate() {
        writeln!(csv, "day {day},{value}").unwrap();
    }
    fs::write(place.join("r.csv"), csv).unwrap();
    let batch = RecordBatch::try_from_iter([
        ("day", Arc::new(StringArray::from(vec!["a", "b", "c", "d"])) as ArrayRef),
        ("r", Arc::new(Float64Array::from(RETURNS.to_vec())) as ArrayRef),
    ])
    .unwrap();
    let file = File::create(place.join("r.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let of = |file: &str| plimsoll(&place, &["risk", file, "--json", "--alpha", "0.25"]).good();
    let ran = of("r.csv");
    assert_eq!(ran.stderr, "");
    let document = ran.json();
    assert_eq!(document, of("r.parquet").json());
    let statistics = &document["statistics"];
    let is_near = |name: &str, expected: f64| {
        let value = statistics[name].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-12, "{name}: {value}, by hand {expected}");
    };
    assert_eq!((&document["n"], &document["column"]), (&4.into(), &"r".into()));
    is_near("total_return", 1.1 * 0.8 * 1.05 * 1.1 - 1.0);
    // Losses are positive: the peak is after the first period, the trough after the second.
    is_near("max_drawdown", 0.2);
    is_near("cdar_0.95", 0.2);
    // Gains of 0.25 against losses of 0.20.
    is_near("profit_factor", 1.25);
    // Deviations 0.0875, -0.2125, 0.0375, 0.0875 from the mean 0.0125.
    is_near("volatility_annual", ((0.061_875_f64) / 3.0 * 365.0).sqrt());
    assert!(statistics["gpd_var_0.25"].is_null());
    assert!(document["reasons"]["gpd_var_0.25"].is_string(), "an undefined value has a reason");
    for (name, value) in statistics.as_object().unwrap() {
        assert!(value.is_f64() || value.is_i64() || value.is_null(), "{name}: {value}");
    }

    let text = plimsoll(&place, &["risk", "r.csv"]).good().stdout;
    assert!(text.starts_with("4 returns of column `r`, 365 periods a year; losses are positive\n"));
    let row = text.lines().find(|line| line.starts_with("max_drawdown")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["max_drawdown", "0.2"]);
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn what_is_wrong_with_a_column_is_named() {
    let place = folder("risk-errors");
    for (name, text) in [
        ("two.csv", "time,a,b\n2025-01-01,0.1,0.2\n2025-01-02,0.3,0.1\n"),
        ("nan.csv", "r\n0.01\n-0.02\nNaN\n"),
        ("word.csv", "r\n0.01\nhalt\n"),
        ("none.csv", "day\nmonday\n"),
        ("empty.csv", "r\n"),
        ("short.csv", "r,q\n1,2\n3\n"),
    ] {
        fs::write(place.join(name), text).unwrap();
    }
    fs::write(place.join("bad.parquet"), "no parquet").unwrap();
    for (name, words, code) in [
        ("column_unknown", &["risk", "two.csv", "--column", "c"][..], 2),
        ("column_ambiguous", &["risk", "two.csv"], 2),
        ("value_nan", &["risk", "nan.csv"], 1),
        ("value_word", &["risk", "word.csv"], 1),
        ("no_numbers", &["risk", "none.csv"], 1),
        ("no_rows", &["risk", "empty.csv"], 1),
        ("row_too_short", &["risk", "short.csv"], 1),
        ("bad_parquet", &["risk", "bad.parquet"], 1),
    ] {
        let text = refusal(&place, words);
        assert!(text.ends_with(&format!("exit code {code}")), "{text}");
        assert!(text.contains("  hint: "), "{text}");
        assert_text!(format!("risk_{name}"), text);
    }
    let chosen = plimsoll(&place, &["risk", "two.csv", "--column", "b", "--json"]).good();
    assert_eq!(chosen.json()["column"], "b");
}
