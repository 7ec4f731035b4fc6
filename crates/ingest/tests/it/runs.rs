//! Runs: what is merged, repeated, refused, and what the lake looks like afterwards.

use std::fmt::Write;
use std::sync::Mutex;

use plimsoll_ingest::{
    IngestError, NoProgress, Options, Progress, Severity, SourceFormat, check, ingest, ls,
    ls_readable,
};
use plimsoll_market::{Column, Kind, MarketError, Timestamp};

use crate::{Bench, bytes, failures, time};

const HOUR: i64 = 3_600_000;

fn usdm() -> Options {
    Options { venue: Some("binance-usdm".into()), ..Options::default() }
}

/// Hourly bars from `start`, closing at the given prices.
fn hours(start: &str, closes: &[f64]) -> String {
    let mut text = "open_time,open,high,low,close,volume\n".to_owned();
    for (open_time, close) in (time(start)..).step_by(HOUR as usize).zip(closes) {
        writeln!(text, "{open_time},100,{},50,{close},2", close + 100.0).unwrap();
    }
    text
}

#[test]
fn the_same_archives_again_change_nothing() {
    let bench = Bench::new();
    bench.write("um/BTCUSDT_1h.csv", hours("2024-11-30T20:00:00Z", &[100.0; 9]));
    let folder = bench.folder.path().join("archives");
    let first = bench.ingest(&folder, &usdm()).unwrap();
    assert_eq!((first.rows, first.merges[0].rows_added), (9, 9));
    assert_eq!(first.merges[0].months_written.len(), 2);
    let before = bytes(bench.lake.root());
    let again = bench.ingest(&folder, &usdm()).unwrap();
    assert_eq!((again.merges[0].rows_added, again.merges[0].rows_known), (0, 9));
    assert!(again.merges[0].months_written.is_empty());
    assert_eq!(bytes(bench.lake.root()), before);
}

#[test]
fn the_same_archives_elsewhere_give_the_same_bytes() {
    let lakes = [1, 4].map(|threads| {
        let bench = Bench::new();
        for month in 1..=6_u32 {
            let start = format!("2024-{month:02}-03T00:00:00Z");
            bench.write(
                &format!("BTCUSDT_1h_{month}.csv"),
                hours(&start, &[100.0 + f64::from(month); 50]),
            );
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = bench.folder.path().join("archives");
        pool.install(|| bench.ingest(&folder, &usdm())).unwrap();
        let root = bench.lake.root().to_owned();
        bytes(&root)
            .into_iter()
            .map(|(path, b)| (path.strip_prefix(&root).unwrap().to_owned(), b))
            .collect::<Vec<_>>()
    });
    assert_eq!(lakes[0].len(), 7, "six months and the lock");
    assert!(lakes[0] == lakes[1]);
    let text = lakes[0].iter().map(|(_, b)| String::from_utf8_lossy(b).into_owned());
    let temporary = std::env::temp_dir().to_string_lossy().into_owned();
    assert!(text.into_iter().all(|t| !t.contains(&temporary)), "no absolute path in any file");
}

#[test]
fn a_conflicting_file_stays_out_and_the_others_go_in() {
    let bench = Bench::new();
    bench.write("a/BTCUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0, 102.0]));
    bench.write("b/BTCUSDT_1h.csv", hours("2024-12-01T01:00:00Z", &[109.0, 102.0, 103.0]));
    bench.write("c/BTCUSDT_1h.csv", hours("2024-12-01T02:00:00Z", &[102.0, 104.0, 105.0, 106.0]));
    let folder = bench.folder.path().join("archives");
    let refused = failures(bench.ingest(&folder, &usdm()));
    assert_eq!(refused.len(), 1);
    let text = refused[0].to_string();
    assert!(
        text.contains("b/BTCUSDT_1h.csv") && text.contains("first at 2024-12-01T01:00:00Z"),
        "{text}"
    );
    assert!(text.ends_with("`high` is 209 in b/BTCUSDT_1h.csv, 201 in the lake"), "{text}");
    assert_eq!(
        refused[0].hint().unwrap(),
        "find out which source is right; --replace lets this one win"
    );
    let (_, table) = bench.only();
    assert_eq!(table.f64("close"), [100.0, 101.0, 102.0, 104.0, 105.0, 106.0]);

    let replace = Options { replace: true, ..usdm() };
    let summary = bench.ingest(folder.join("b/BTCUSDT_1h.csv"), &replace).unwrap();
    assert_eq!(summary.merges[0].rows_replaced, 2);
    assert_eq!(bench.only().1.f64("close"), [100.0, 109.0, 102.0, 103.0, 105.0, 106.0]);
}

#[test]
fn a_forming_last_bar_is_completed_by_a_longer_file() {
    let bench = Bench::new();
    let short = bench.write("old/ETHUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0]));
    let long =
        bench.write("new/ETHUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 104.0, 99.0]));
    bench.ingest(short, &usdm()).unwrap();
    let summary = bench.ingest(long, &usdm()).unwrap();
    let bar = Timestamp(time("2024-12-01T01:00:00Z"));
    assert_eq!(summary.merges[0].completed_bars, [bar]);
    assert_eq!(summary.merges[0].changed.len(), 1, "same name, other bytes");
    assert_eq!(bench.only().1.f64("close"), [100.0, 104.0, 99.0]);
}

#[test]
fn order_and_repetition_are_mended_and_recorded() {
    let bench = Bench::new();
    let text = hours("2024-12-01T00:00:00Z", &[100.0, 101.0, 102.0]);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    lines.push(lines[1]);
    let path = bench.write("BTCUSDT_1h.csv", lines.join("\r\n"));
    let summary = bench.ingest(path, &usdm()).unwrap();
    let messages: Vec<_> = summary.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "rows are not in order of time; sorted (2, first at 2024-12-01T01:00:00Z)",
            "a row stands there more than once; kept once (1, first at 2024-12-01T02:00:00Z)",
        ]
    );
    let (series, table) = bench.only();
    assert_eq!(table.f64("close"), [100.0, 101.0, 102.0]);
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert_eq!((source.duplicates, source.repairs[0].name.as_str()), (1, "unsorted"));
}

#[test]
fn what_is_not_told_is_asked_for() {
    let bench = Bench::new();
    let path = bench.write("prices.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0]));
    let options = Options { source: SourceFormat::Generic, ..Options::default() };
    let refused = failures(bench.ingest(&path, &options));
    assert_eq!(refused[0].hint().unwrap(), "pass --venue");
    let refused = failures(bench.ingest(&path, &usdm()));
    assert_eq!(refused[0].hint().unwrap(), "pass --symbol");
    let options = Options { symbol: Some("BTCUSDT".into()), ..usdm() };
    bench.ingest(&path, &options).unwrap();
    assert_eq!(bench.only().0.to_string(), "binance-usdm BTCUSDT candles 1h");

    let none = ingest(&[bench.folder.path().join("nothing")], &usdm(), &bench.lake, &NoProgress);
    assert!(matches!(none, Err(IngestError::Io { .. })));
    std::fs::create_dir(bench.folder.path().join("empty")).unwrap();
    let none = bench.ingest(bench.folder.path().join("empty"), &usdm());
    assert!(matches!(none, Err(IngestError::NoFiles { .. })));
}

#[test]
fn a_second_writer_is_told_so() {
    let bench = Bench::new();
    let path = bench.write("BTCUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0]));
    let _writer = bench.lake.writer().unwrap();
    let error = bench.ingest(path, &usdm()).unwrap_err();
    assert!(matches!(error, IngestError::Lake(MarketError::Locked { .. })));
    assert!(
        error
            .to_string()
            .ends_with("another process is writing to this lake; try again when it has finished")
    );
}

#[test]
fn progress_hears_of_every_byte() {
    #[derive(Default)]
    struct Log(Mutex<(u64, u64, usize)>);
    impl Progress for Log {
        fn start(&self, total_bytes: u64, files: usize) {
            let mut log = self.0.lock().unwrap();
            (log.0, log.2) = (total_bytes, files);
        }
        fn advance(&self, bytes: u64, _file: &str) {
            self.0.lock().unwrap().1 += bytes;
        }
        fn message(&self, _text: &str) {}
    }
    let bench = Bench::new();
    let one = bench.write("BTCUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0]));
    let two = bench.write("ETHUSDT_1h.csv", hours("2024-12-01T00:00:00Z", &[100.0, 101.0, 102.0]));
    bench.write("README.txt", "words");
    let log = Log::default();
    let folder = bench.folder.path().join("archives");
    let summary = ingest(&[folder], &usdm(), &bench.lake, &log).unwrap();
    let size = |path| std::fs::metadata(path).unwrap().len();
    let total = size(one) + size(two);
    assert_eq!(log.0.into_inner().unwrap(), (total, total, 2));
    assert_eq!((summary.bytes, summary.files), (total, 2));
    let left_out: Vec<_> = summary.left_out.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(left_out, ["README.txt"]);
}

#[test]
fn ls_and_check_say_what_is_there_and_what_is_not() {
    let bench = Bench::new();
    let mut text = hours("2024-12-01T00:00:00Z", &[100.0, 101.0, 102.0, 30.0]);
    let quiet = hours("2024-12-01T06:00:00Z", &[100.0]);
    text += quiet.trim_end().lines().last().unwrap().strip_suffix('2').unwrap();
    text += "0
";
    bench.write("BTCUSDT_1h.csv", &text);
    let mark = hours("2024-12-01T00:00:00Z", &[100.0, 108.0]);
    bench.write("futures/um/markPriceKlines/BTCUSDT-1h-2024-12.csv", binance_bars(&mark));
    bench.write(
        "BTCUSDT_funding.csv",
        format!("funding_time,funding_rate\n{},0.0001\n", time("2024-12-01T00:00:00Z")),
    );
    let refused = bench.ingest(bench.folder.path().join("archives"), &usdm());
    // 30 lies below the low of 50.
    assert_eq!(
        failures(refused)[0].to_string().split(": ").last().unwrap(),
        "`low` 50 is above `close` 30"
    );
    bench.write("BTCUSDT_1h.csv", text.replace(",50,30,", ",25,30,"));
    bench.ingest(bench.folder.path().join("archives"), &usdm()).unwrap();

    let listed = ls(&bench.lake, &plimsoll_ingest::Selection::default()).unwrap();
    let (readable, unreadable) =
        ls_readable(&bench.lake, &plimsoll_ingest::Selection::default()).unwrap();
    assert_eq!((&readable, unreadable.len()), (&listed, 0));
    let lines: Vec<String> = listed
        .iter()
        .map(|c| {
            format!(
                "{} {} rows {} missing {}",
                c.series,
                c.rows,
                c.gaps.missing,
                c.sources.join(" ")
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "binance-usdm BTCUSDT candles 1h 5 rows 2 missing BTCUSDT_1h.csv",
            "binance-usdm BTCUSDT mark_candles 1h 2 rows 0 missing futures/um/markPriceKlines/BTCUSDT-1h-2024-12.csv",
            "binance-usdm BTCUSDT funding 1 rows 0 missing BTCUSDT_funding.csv",
        ]
    );
    assert!(listed.iter().all(|c| c.bytes > 0 && c.months.len() == 1 && c.covered.len() == 1));

    let findings = check(&bench.lake).unwrap();
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("{} {} {} {}", f.severity, f.rule, f.count, f.first.unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            "warning gap 2 2024-12-01T04:00:00Z",
            "warning mark_missing 3 2024-12-01T02:00:00Z",
            "note zero_volume 1 2024-12-01T06:00:00Z",
            "warning mark_far 1 2024-12-01T01:00:00Z",
        ]
    );
    assert!(findings.iter().all(|f| f.severity != Severity::Error));

    // A file that cannot be read is a finding, not the end of the check.
    let candles = &listed[0].series;
    let (_, path) = bench.lake.months(candles).unwrap().remove(0);
    std::fs::write(path, b"PAR1").unwrap();
    let findings = check(&bench.lake).unwrap();
    assert_eq!((findings[0].rule.name(), findings[0].severity), ("unreadable", Severity::Error));
}

/// Generic hours in the twelve columns of Binance, without volume and header.
fn binance_bars(text: &str) -> String {
    let mut bars = String::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let close_time = fields[0].parse::<i64>().unwrap() + HOUR - 1;
        writeln!(bars, "{},0,{close_time},0,0,0,0,0", fields[..5].join(",")).unwrap();
    }
    bars
}

#[test]
fn quote_volume_is_derived_and_gives_way_to_a_recorded_one() {
    let bench = Bench::new();
    let path = bench.write(
        "a/BTCUSDT_1h.csv",
        "time,open,high,low,close,volume\n0,10,12,8,10,3\n3600000,10,12,9,12,2\n",
    );
    bench.ingest(path, &usdm()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(table.f64("quote_volume"), [30.0, 22.0]);
    let path = bench.write(
        "b/BTCUSDT_1h.csv",
        "time,open,high,low,close,volume,quote_volume,trades\n0,10,12,8,10,3,31.5,4\n3600000,10,12,9,12,2,23.5,\n",
    );
    bench.ingest(path, &usdm()).unwrap();
    let table = bench.all(&series);
    assert_eq!(table.f64("quote_volume"), [31.5, 23.5]);
    assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(4), None])));
    assert!(bench.lake.receipts(&series).unwrap()[0].derived.is_empty());
    assert_eq!(series.kind, Kind::Candles);
}
