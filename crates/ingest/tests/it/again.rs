//! Archives that come again: under other settings, changed, or from the lake itself.

use std::fmt::Write;

use plimsoll_ingest::{IngestError, Options, Policy, Rule};

use crate::{Bench, bytes, failures, time};

const HOUR: i64 = 3_600_000;

fn options(policies: &[(Rule, Policy)]) -> Options {
    let mut options = Options {
        venue: Some("binance-usdm".into()),
        symbol: Some("BTCUSDT".into()),
        ..Options::default()
    };
    for &(rule, policy) in policies {
        options.policies.set(rule, policy).unwrap();
    }
    options
}

/// Hourly bars that close at the given prices.
fn hours(closes: &[f64]) -> String {
    let mut text = "open_time,open,high,low,close,volume\n".to_owned();
    for (hour, close) in (0..).zip(closes) {
        let open_time = time("2024-12-01") + hour * HOUR;
        writeln!(text, "{open_time},100,200,50,{close},2").unwrap();
    }
    text
}

#[test]
fn other_settings_make_another_reading() {
    let bench = Bench::new();
    let mut text = "time,rate,interval_hours\n".to_owned();
    for i in 0..60 {
        let rate = 0.8 + 0.01 * f64::from(i % 7);
        writeln!(text, "{},{rate},8", time("2024-12-01") + i64::from(i) * 8 * HOUR).unwrap();
    }
    let path = bench.write("BTCUSDT_funding.csv", text);
    bench.ingest(&path, &options(&[(Rule::PercentRate, Policy::Flag)])).unwrap();
    let divided = options(&[(Rule::PercentRate, Policy::Repair)]);
    let refused = failures(bench.ingest(&path, &divided));
    assert!(refused[0].to_string().contains("60 row(s) differ"), "{}", refused[0]);
    assert_eq!(bench.only().1.f64("rate")[0], 0.8);

    bench.ingest(&path, &Options { replace: true, ..divided.clone() }).unwrap();
    let (series, table) = bench.only();
    assert_eq!(table.f64("rate")[0], 0.8 / 100.0);
    let sources = bench.lake.receipts(&series).unwrap().remove(0).sources;
    assert_eq!(sources.len(), 1);
    assert!(sources[0].repairs.iter().any(|note| note.name == "percent_rate"));
    assert!(sources[0].flags.iter().all(|note| note.name != "percent_rate"));
    let before = bytes(bench.lake.root());
    bench.ingest(&path, &divided).unwrap();
    assert_eq!(bytes(bench.lake.root()), before, "the same again changes nothing");
}

#[test]
fn repair_wins_every_time_as_replace_does() {
    let bench = Bench::new();
    let a = bench.write("A.csv", hours(&[100.0, 101.0, 102.0]));
    let b = bench.write("B.csv", hours(&[100.0, 109.0, 102.0]));
    let repair = options(&[(Rule::LakeConflict, Policy::Repair)]);
    for (path, close) in [(&a, 101.0), (&b, 109.0), (&a, 101.0), (&b, 109.0), (&a, 101.0)] {
        bench.ingest(path, &repair).unwrap();
        assert_eq!(bench.only().1.f64("close"), [100.0, close, 102.0]);
    }
    // Known, but not all of it is what the lake has; told however often it is asked.
    for _ in 0..2 {
        let merge = bench.ingest(&b, &options(&[])).unwrap().merges.remove(0);
        assert_eq!((merge.rows_known, merge.rows_kept, merge.rows_added), (3, 1, 0));
    }
}

#[test]
fn a_row_that_was_flagged_is_refused_once_the_policy_says_so() {
    let bench = Bench::new();
    let a = bench.write("A.csv", hours(&[100.0, 101.0, 102.0]));
    let b = bench.write("B.csv", hours(&[100.0, 109.0, 102.0]));
    let flag = options(&[(Rule::LakeConflict, Policy::Flag)]);
    bench.ingest(&a, &options(&[])).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.ingest(&b, &flag).unwrap().merges[0].rows_kept, 1);
    }
    let refused = failures(bench.ingest(&b, &options(&[])));
    assert!(refused[0].to_string().contains("`close` is 109 in B.csv, 101 in the lake"));
}

#[test]
fn the_lake_is_no_source_of_itself() {
    let bench = Bench::new();
    bench.write("BTCUSDT_1h.csv", hours(&[100.0, 101.0]));
    let data = bench.folder.path();
    bench.ingest(data, &options(&[])).unwrap();
    let before = bytes(bench.lake.root());
    let summary = bench.ingest(data, &options(&[])).unwrap();
    assert_eq!((summary.files, summary.left_out.len()), (1, 1));
    assert_eq!(summary.left_out[0].file, "data/lake");
    assert_eq!(bytes(bench.lake.root()), before);
    let none = bench.ingest(bench.lake.root(), &options(&[]));
    assert!(matches!(none, Err(IngestError::NoFiles { .. })));
}
