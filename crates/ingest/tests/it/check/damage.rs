//! What other hands do to a lake: months removed, days doubled, files exchanged or cut off.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use plimsoll_ingest::check::strays;
use plimsoll_ingest::{
    ExportFormat, Options, Policies, Policy, Rule, Severity, TimeFormat, check, check_with, export,
    why,
};
use plimsoll_market::lake::RECEIPT_KEY;
use plimsoll_market::{Interval, Kind, Lake, Series, Timestamp};

use super::{Market, as_mark, market, of, put, rules, series, sound, with_volume};
use crate::{Bench, time};

fn file(lake: &Lake, series: &Series, month: &str) -> PathBuf {
    let months = lake.months(series).unwrap();
    months.into_iter().find(|(found, _)| found.to_string() == month).unwrap().1
}

/// Rewrites a month file with the rows of one more day behind its own.
fn double_day(path: &Path, first_row: usize, keep_receipt: bool) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&schema, &batches).unwrap();
    let end = first_row + 24;
    let parts =
        [rows.slice(0, end), rows.slice(first_row, 24), rows.slice(end, rows.num_rows() - end)];
    let doubled = concat_batches(&schema, &parts).unwrap();
    let receipt: Vec<KeyValue> =
        pairs.unwrap().into_iter().filter(|pair| pair.key == RECEIPT_KEY && keep_receipt).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(receipt)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    writer.write(&doubled).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_sound_lake_has_no_findings() {
    let bench = Bench::new();
    sound(&bench.lake);
    assert_eq!(check(&bench.lake).unwrap(), []);
    assert!(strays(&bench.lake).unwrap().is_empty());
}

#[test]
fn a_removed_month_a_doubled_day_and_exchanged_files_are_named() {
    let bench = Bench::new();
    let lake = &bench.lake;
    sound(lake);
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    let marks = series(Kind::MarkCandles, "BTCUSDT", Some("1h"));
    let funding = series(Kind::Funding, "BTCUSDT", None);
    fs::remove_file(file(lake, &funding, "2025-03")).unwrap();
    double_day(&file(lake, &candles, "2025-02"), 4 * 24, true);

    // April's files: the one of marks taken for candles, the one of candles for marks.
    let (from, to) = (Timestamp(time("2025-04-01")), Timestamp(time("2025-05-01")));
    let april = lake.read(&candles, from, to).unwrap();
    let april_mark = lake.read(&marks, from, to).unwrap();
    fs::remove_file(file(lake, &candles, "2025-04")).unwrap();
    fs::remove_file(file(lake, &marks, "2025-04")).unwrap();
    put(lake, &candles, with_volume(&april_mark, &vec![0.0; april_mark.len()]));
    put(lake, &marks, as_mark(&april));

    let findings = check(lake).unwrap();
    let mut errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{} {} {}", finding.rule, finding.series, finding.example))
        .collect();
    // The measure of the ranges is that of these bars; the rest must be said word for word.
    let ranges = errors.remove(3);
    let exchanged = "mark_swapped binance-usdm BTCUSDT mark_candles 1h 2025-04: the mark's bar is the wider one 679 times";
    assert!(ranges.starts_with(exchanged), "{ranges}");
    let first = (april_mark.f64("high")[0], april_mark.f64("low")[0]);
    assert_eq!(
        errors,
        [
            "repeated_time binance-usdm BTCUSDT candles 1h 2025-02-05T00:00:00Z: equal rows",
            &format!(
                "mark_swapped binance-usdm BTCUSDT candles 1h 2025-04-01T00:00:00Z: high {}, low {}, volume 0",
                first.0, first.1
            ),
            "receipt_mismatch binance-usdm BTCUSDT candles 1h 2025-02: it has 696 rows, its receipt says 672",
            "missing_month binance-usdm BTCUSDT funding 2025-03",
        ]
    );
    let doubled = findings.iter().find(|f| f.rule == Rule::RepeatedTime).unwrap();
    assert_eq!(doubled.message, "rows stand more than once, on 2025-02-05; all equal to the first");
    assert_eq!((doubled.count, doubled.spans.len()), (24, 1));
    assert_eq!(doubled.spans[0].to.to_string(), "2025-02-06T00:00:00Z");
    let gap = ["binance-usdm BTCUSDT funding: 93 2025-03-01T00:00:00Z .. 2025-03-01T00:00:00Z"];
    assert_eq!(of(&findings, Rule::Gap), gap);
    assert!(lake.read(&candles, from, to).is_ok());
    let february = lake.read(&candles, Timestamp(time("2025-02-01")), from);
    assert!(february.is_err(), "nothing studies a month with a doubled day");
}

#[test]
fn a_doubled_day_without_a_receipt_is_still_named() {
    let bench = Bench::new();
    sound(&bench.lake);
    let marks = series(Kind::MarkCandles, "BTCUSDT", Some("1h"));
    double_day(&file(&bench.lake, &marks, "2025-03"), 0, false);
    let findings = check(&bench.lake).unwrap();
    let rows =
        "binance-usdm BTCUSDT mark_candles 1h: 24 2025-03-01T00:00:00Z .. 2025-03-01T23:00:00Z";
    assert_eq!(of(&findings, Rule::RepeatedTime), [rows]);
    let mismatch = findings.iter().find(|f| f.rule == Rule::ReceiptMismatch).unwrap();
    assert!(mismatch.example.contains("it has no receipt"), "{}", mismatch.example);
}

#[test]
fn prices_exchanged_under_the_right_volumes_are_seen() {
    let bench = Bench::new();
    let Market { candles, mark } = market("2025-01-01", Interval::HOUR, 59 * 24, 3);
    let volume = candles.f64("volume").to_vec();
    put(&bench.lake, &series(Kind::Candles, "BTCUSDT", Some("1h")), with_volume(&mark, &volume));
    put(&bench.lake, &series(Kind::MarkCandles, "BTCUSDT", Some("1h")), as_mark(&candles));
    let findings = check(&bench.lake).unwrap();
    let swapped: Vec<_> = findings.iter().filter(|f| f.rule == Rule::MarkSwapped).collect();
    assert_eq!(swapped.len(), 1);
    assert_eq!(swapped[0].series.kind, Kind::MarkCandles);
    assert_eq!(swapped[0].spans[0].to.to_string(), "2025-03-01T00:00:00Z", "both months");
}

#[test]
fn exchanged_files_are_named_as_exchanged() {
    let bench = Bench::new();
    sound(&bench.lake);
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    let marks = series(Kind::MarkCandles, "BTCUSDT", Some("1h"));
    for month in ["2025-02", "2025-03"] {
        let (candle, mark) = (file(&bench.lake, &candles, month), file(&bench.lake, &marks, month));
        let bytes = fs::read(&candle).unwrap();
        fs::copy(&mark, &candle).unwrap();
        fs::write(&mark, bytes).unwrap();
    }
    let findings = check(&bench.lake).unwrap();
    let examples: Vec<&str> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| {
            assert_eq!((f.rule, f.count), (Rule::MarkSwapped, 2));
            assert_eq!(f.spans[0].to.to_string(), "2025-04-01T00:00:00Z");
            f.example.as_str()
        })
        .collect();
    assert_eq!(
        examples,
        [
            "2025-02: the file of candles holds no volume, as marks do; the file of mark_candles of that month is the one exchanged with it",
            "2025-02: the file of mark_candles holds volume, as candles do; the file of candles of that month is the one exchanged with it",
        ]
    );
}

#[test]
fn bars_of_another_length_are_no_gaps() {
    let bench = Bench::new();
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 31 * 24, 3);
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("15m")) };
    put(&bench.lake, &spot, candles);
    let findings = check(&bench.lake).unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].rule, findings[0].count), (Rule::BrokenBar, 744));
    assert_eq!(findings[0].example, "743 of 743 bars stand 1h apart, not 15m");
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding_and_the_others_are_looked_through() {
    let bench = Bench::new();
    sound(&bench.lake);
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    let path = file(&bench.lake, &candles, "2025-02");
    let bytes = fs::read(&path).unwrap();
    for damaged in [&b"PAR1"[..], &bytes[..bytes.len() / 2], b""] {
        fs::write(&path, damaged).unwrap();
        let findings = check(&bench.lake).unwrap();
        assert_eq!((findings[0].rule, findings[0].severity), (Rule::Unreadable, Severity::Error));
        assert!(findings[0].example.contains("month=02.parquet"), "{}", findings[0].example);
        let rest: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rest, [Rule::Unreadable, Rule::Gap]);
    }
}

#[test]
fn files_that_are_not_the_lakes_are_listed() {
    let bench = Bench::new();
    sound(&bench.lake);
    let root = bench.lake.root();
    let folder = root.join("candles/venue=binance-usdm/symbol=BTCUSDT/interval=1h/year=2025");
    // What the ingestion and the lake itself keep there is no stray.
    for name in [".archives.jsonl", ".lock"] {
        fs::write(root.join(name), b"").unwrap();
    }
    for name in
        [".month=03.parquet.tmp", "month=13.parquet", "month=2.parquet", "month=02.parquet.bak"]
    {
        fs::write(folder.join(name), b"x").unwrap();
    }
    fs::create_dir_all(root.join("candles/venue=x/symbol=Y/interval=soon/year=2025")).unwrap();
    let misnamed = root.join("candles/venue=x/symbol=Y/interval=soon/year=2025/month=01.parquet");
    fs::write(misnamed, b"x").unwrap();
    let found: Vec<String> = strays(&bench.lake)
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        found,
        [
            ".month=03.parquet.tmp",
            "month=02.parquet.bak",
            "month=13.parquet",
            "month=2.parquet",
            "month=01.parquet"
        ]
    );
    assert!(rules(&bench.lake).is_empty());
}

#[test]
fn policies_make_errors_of_warnings_and_back() {
    let bench = Bench::new();
    sound(&bench.lake);
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    fs::remove_file(file(&bench.lake, &candles, "2025-02")).unwrap();
    let mut policies = Policies::default();
    policies.set(Rule::MissingMonth, Policy::Flag).unwrap();
    policies.set(Rule::Gap, Policy::Refuse).unwrap();
    let found: Vec<(Rule, Severity)> = check_with(&bench.lake, &policies)
        .unwrap()
        .iter()
        .map(|finding| (finding.rule, finding.severity))
        .collect();
    assert_eq!(found, [(Rule::MissingMonth, Severity::Warning), (Rule::Gap, Severity::Error)]);
}

#[test]
fn findings_are_the_same_at_any_number_of_threads() {
    let bench = Bench::new();
    sound(&bench.lake);
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    fs::remove_file(file(&bench.lake, &candles, "2025-02")).unwrap();
    double_day(&file(&bench.lake, &candles, "2025-03"), 24, true);
    let found = [1, 2, 7].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(&bench.lake).unwrap())
    });
    assert!(found[0].len() >= 4);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn numbers_that_are_none_are_not_exported() {
    let bench = Bench::new();
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 48, 3);
    let mut volume = candles.f64("volume").to_vec();
    volume[30] = f64::NAN;
    let candle = series(Kind::Candles, "BTCUSDT", Some("1h"));
    put(&bench.lake, &candle, with_volume(&candles, &volume));
    let path = bench.lake.root().with_file_name("out");
    let (from, to) = (Timestamp(time("2025-01-01")), Timestamp(time("2025-02-01")));
    for format in [ExportFormat::Csv(TimeFormat::Rfc3339), ExportFormat::Parquet] {
        let error = export(&bench.lake, &candle, (from, to), format, &path, false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "binance-usdm BTCUSDT candles 1h: the volume of 2025-01-02T06:00:00Z is NaN, which is no number"
        );
        assert!(!path.exists());
    }
    let before = Timestamp(candles.times()[30]);
    let rows = export(&bench.lake, &candle, (from, before), ExportFormat::Parquet, &path, false);
    assert_eq!(rows.unwrap(), 30);
}

#[test]
fn every_file_of_a_folder_is_told_what_it_is_taken_for() {
    let bench = Bench::new();
    let first = bench.write("a.csv", "what,is,this\n1,2,3\n");
    bench.write("b/c.csv", "nor,this\n4,5\n");
    let of_folder = why(first.parent().unwrap(), &Options::default()).unwrap();
    let files: Vec<bool> = of_folder.iter().map(|why| why.file.ends_with("a.csv")).collect();
    assert_eq!(files, [true, false]);
    assert!(of_folder[1].file.ends_with("c.csv") && of_folder[1].failures.len() == 1);
    assert_eq!(why(&first, &Options::default()).unwrap().len(), 1);
}
