//! Bybit's archive and API, each with the traps that are known of it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_ingest::{FileNote, Options, Place, Policy, Rule};
use plimsoll_market::{Column, Kind, Table, Timestamp};

use crate::{Bench, failures, time};

const CONTRACTS: &str = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional";

pub(crate) fn gzipped(text: &str) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

pub(crate) fn has_note(notes: &[FileNote], text: &str) -> bool {
    notes.iter().any(|note| note.message.contains(text))
}

pub(crate) fn strings(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).unwrap();
    (0..table.len()).map(|row| column.text(row)).collect()
}

pub(crate) fn options() -> Options {
    Options::default()
}

#[test]
fn trades_become_bars_with_or_without_the_late_column() {
    // 2026-07-24 00:00 UTC is 1784851200. Prices of the first minute: 100 101 99; of the third: 98.
    let rows = [
        ("1784851200.0547", "Buy", "0.5", "100"),
        ("1784851230", "Sell", "1", "101"),
        ("1784851259.9999", "Sell", "2", "99"),
        ("1784851320.123", "Buy", "4", "98"),
    ];
    for rpi in [false, true] {
        let bench = Bench::new();
        let mut text = CONTRACTS.to_owned() + if rpi { ",RPI\n" } else { "\n" };
        for (time, side, size, price) in rows {
            let quote = size.parse::<f64>().unwrap() * price.parse::<f64>().unwrap();
            let tail = if rpi { ",0" } else { "" };
            text += &format!(
                "{time},BTCUSDT,{side},{size},{price},ZeroPlusTick,d6b9a5ac,2.4725004e+11,{size},{quote}{tail}\n"
            );
        }
        let path = bench.write("trading/BTCUSDT/BTCUSDT2026-07-24.csv.gz", gzipped(&text));
        let summary = bench.ingest(path, &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("bybit-trades/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "bybit-linear BTCUSDT candles 1m");
        let start = time("2026-07-24");
        assert_eq!(table.len(), 3, "nothing shows that the rest of the day was quiet");
        assert!(has_note(&summary.notes, "no trade for longer than a market surely is quiet"));
        assert_eq!(table.times()[..3], [start, start + 60_000, start + 120_000]);
        assert_eq!(table.f64("open")[..3], [100.0, 99.0, 98.0]);
        assert_eq!(table.f64("high")[..3], [101.0, 99.0, 98.0]);
        assert_eq!(table.f64("low")[..3], [99.0, 99.0, 98.0]);
        assert_eq!(table.f64("close")[..3], [99.0, 99.0, 98.0]);
        assert_eq!(table.f64("volume")[..3], [3.5, 0.0, 4.0], "the quiet minute is flat");
        assert_eq!(table.f64("quote_volume")[..3], [349.0, 0.0, 392.0]);
        let Some(Column::F64OrNull(taker)) = table.column("taker_buy_volume") else { panic!() };
        assert_eq!(taker[..3], [Some(0.5), Some(0.0), Some(4.0)]);
        let receipt = &bench.lake.receipts(&series).unwrap()[0];
        assert_eq!(receipt.sources[0].maybe_forming, None, "the day is over");
    }
}

#[test]
fn a_trade_that_stands_there_again_counts_once() {
    let row = |at: &str, id: &str| {
        format!("{at},BTCUSDT,Buy,1,100,ZeroPlusTick,{id},2.4725004e+11,1,100\n")
    };
    let rows = row("1784851200.1", "a") + &row("1784851200.1", "b") + &row("1784851260.5", "c");
    let bench = Bench::new();
    let text = format!("{CONTRACTS}\n{rows}{rows}");
    let path = bench.write("trading/BTCUSDT/BTCUSDT2026-07-24.csv", text);
    let summary = bench.ingest(path, &options()).unwrap();
    assert_eq!(bench.only().1.f64("volume"), [2.0, 1.0]);
    assert!(has_note(&summary.notes, "kept once (3"), "{:?}", summary.notes);
}

#[test]
fn trades_newest_first_open_and_close_where_they_did() {
    // Rows of 2020 are newest first, also among those of one stamp.
    let bench = Bench::new();
    let oldest_first = [
        ("1585180800.1", "100"),
        ("1585180800.1", "105"),
        ("1585180810.25", "103"),
        ("1585180859.5", "90"),
        ("1585180859.5", "95"),
        ("1585180860", "96"),
        ("1585180860", "97"),
    ];
    let mut text = CONTRACTS.to_owned() + "\n";
    for (time, price) in oldest_first.iter().rev() {
        text += &format!("{time},BTCUSDT,Sell,1,{price},MinusTick,b7026545,1,1,{price}\n");
    }
    let path = bench.write("BTCUSDT2020-03-26.csv.gz", gzipped(&text));
    let summary = bench.ingest(path, &options()).unwrap();
    let (_, table) = bench.only();
    assert_eq!(table.times()[..2], [time("2020-03-26"), time("2020-03-26T00:01:00Z")]);
    assert_eq!(table.f64("open")[..2], [100.0, 96.0]);
    assert_eq!(table.f64("close")[..2], [95.0, 97.0]);
    assert_eq!(table.f64("low")[..2], [90.0, 96.0]);
    assert!(!has_note(&summary.notes, "order of time"), "{:?}", summary.notes);
}

#[test]
fn inverse_trades_count_dollars() {
    let bench = Bench::new();
    let text = format!(
        "{CONTRACTS}\n1651449601,BTCUSD,Sell,258,38458.00,MinusTick,a0dd4504,670861.7192781736,258,0.006708617192781736\n"
    );
    let path = bench.write("BTCUSD2022-05-02.csv", text);
    bench.ingest(path, &options()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-inverse BTCUSD candles 1m");
    assert_eq!(table.f64("volume"), [258.0 / 38458.0]);
    assert_eq!(table.f64("quote_volume"), [258.0]);
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert!(source.maybe_forming.is_some(), "an unpacked file may have been cut off");
}

#[test]
fn broken_trades_are_refused_with_line_and_rule() {
    let row = "1784851200.05,BTCUSDT,Buy,2,100,ZeroPlusTick,d,1,2,200";
    for (name, broken, line, message) in [
        (
            "BTCUSDT2026-07-24.csv",
            row.replace("200.05", "20x"),
            3,
            "`timestamp` is `178485120x`, which is not a number",
        ),
        ("BTCUSDT2026-07-24.csv", row.replace("Buy", "Kauf"), 3, "`side` is `Kauf`"),
        (
            "BTCUSDT2026-07-24.csv",
            row.replace("BTCUSDT", "ETHUSDT"),
            3,
            "`symbol` is `ETHUSDT`; expected one symbol a file",
        ),
        (
            "BTCUSDT2026-07-24.csv",
            row.replace(",2,100,", ",0,100,"),
            3,
            "`size` 0 is not a positive number",
        ),
        (
            "BTCUSDT2026-07-24.csv",
            row.replace("1784851200.05", "1784851200050"),
            3,
            "is not between 1970 and 2200",
        ),
        ("BTCUSDT2026-07-24.csv", row.replace(",2,200", ""), 3, "8 fields where 10 are expected"),
    ] {
        let bench = Bench::new();
        let path = bench.write(name, format!("{CONTRACTS}\n{row}\n{broken}\n"));
        let failure = &failures(bench.ingest(&path, &options()))[0];
        assert_eq!(failure.place, Place::Line(line), "{failure}");
        assert!(failure.problem.to_string().contains(message), "{failure}");
        assert!(bench.lake.series().unwrap().is_empty());
    }
    // A linear symbol whose own columns say that its sizes are dollars.
    let bench = Bench::new();
    let path = bench.write(
        "BTCUSDT2026-07-24.csv",
        format!("{CONTRACTS}\n1784851200.05,BTCUSDT,Buy,200,100,ZeroPlusTick,d,1,200,2\n"),
    );
    let failure = &failures(bench.ingest(&path, &options()))[0];
    assert!(failure.to_string().contains("is size / price, though the symbol"), "{failure}");
}

#[test]
fn trades_of_another_day_follow_their_policy() {
    let text = format!(
        "{CONTRACTS}\n1784851199.5,BTCUSDT,Buy,2,100,P,d,1,2,200\n1784851200.5,BTCUSDT,Buy,2,100,P,d,1,2,200\n"
    );
    // A bar of some trades of another day would be wrong, so they stay out in any case.
    for policy in [Policy::Flag, Policy::Repair] {
        let bench = Bench::new();
        let path = bench.write("BTCUSDT2026-07-24.csv", &text);
        let mut options = options();
        options.policies.set(Rule::OutsidePeriod, policy).unwrap();
        let summary = bench.ingest(path, &options).unwrap();
        assert_eq!(bench.only().1.times(), [time("2026-07-24")], "{policy}");
        assert!(has_note(&summary.notes, "rows lie outside the period"), "{:?}", summary.notes);
    }
    let bench = Bench::new();
    let path = bench.write("BTCUSDT2026-07-24.csv", &text);
    let mut options = options();
    options.policies.set(Rule::OutsidePeriod, Policy::Refuse).unwrap();
    assert_eq!(failures(bench.ingest(path, &options))[0].place, Place::Line(2));
}

#[test]
fn spot_trades_of_a_day_and_of_a_month() {
    for (name, header) in [
        ("BTCUSDT_2025-05-19.csv.gz", "id,timestamp,price,volume,side,rpi"),
        ("BTCUSDT-2025-05.csv.gz", "id,timestamp,price,volume,side"),
    ] {
        let bench = Bench::new();
        let tail = if header.ends_with("rpi") { ",1" } else { "" };
        let text = format!(
            "{header}\n1,1747612800074,100.5,2,sell{tail}\n2,1747612800150,101,4,buy{tail}\n"
        );
        let path = bench.write(&format!("spot/BTCUSDT/{name}"), gzipped(&text));
        let options = Options { interval: Some("5m".parse().unwrap()), ..options() };
        let summary = bench.ingest(path, &options).unwrap();
        assert_eq!(summary.reports[0].format, Some("bybit-spot-trades/1"));
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "bybit-spot BTCUSDT candles 5m");
        assert_eq!(table.times()[0], time("2025-05-19"));
        assert_eq!((table.f64("open")[0], table.f64("close")[0]), (100.5, 101.0));
        assert_eq!(table.f64("volume")[0], 6.0);
    }
}

#[test]
fn metatrader_exports_run_three_hours_ahead() {
    let bench = Bench::new();
    let mut text = String::new();
    for minute in ["03:00", "03:15", "03:30", "03:45"] {
        text += &format!("2024.01.01 {minute},100,102,99,101,2\n");
    }
    let path = bench.write(
        "kline_for_metatrader4/BTCUSDT/2024/BTCUSDT_15_2024-01-01_2024-01-31.csv.gz",
        gzipped(&text),
    );
    let summary = bench.ingest(path, &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("bybit-metatrader/1"));
    assert!(has_note(&summary.notes, "UTC+3"), "{:?}", summary.notes);
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-linear BTCUSDT candles 15m");
    assert_eq!(table.times()[0], time("2024-01-01T00:00:00Z"), "neither three hours off nor six");
    assert_eq!(table.times()[3], time("2024-01-01T00:45:00Z"));
    assert_eq!(table.f64("volume"), [2.0; 4]);
    let derived = &bench.lake.receipts(&series).unwrap()[0].sources[0].derived;
    assert_eq!(derived, &["quote_volume"]);
}

#[test]
fn metatrader_exports_belong_to_the_days_of_their_own_clock() {
    // Midnight by the export's clock is nine in the evening before, and inside the period.
    let bench = Bench::new();
    let inside = "2024.01.01 00:00,100,102,99,101,2\n2024.01.01 00:15,100,102,99,101,2\n";
    let path = bench.write("BTCUSDT_15_2024-01-01_2024-01-31.csv", inside);
    let summary = bench.ingest(path, &options()).unwrap();
    assert!(!has_note(&summary.notes, "outside the period"), "{:?}", summary.notes);
    assert_eq!(bench.only().1.times()[0], time("2023-12-31T21:00:00Z"));

    let bench = Bench::new();
    let outside = "2023.12.31 23:45,100,102,99,101,2\n2024.01.01 00:00,100,102,99,101,2\n";
    let path = bench.write("BTCUSDT_15_2024-01-01_2024-01-31.csv", outside);
    let summary = bench.ingest(path, &options()).unwrap();
    assert!(has_note(&summary.notes, "rows lie outside the period"), "{:?}", summary.notes);
    for (policy, rows) in [(Policy::Repair, Some(1)), (Policy::Refuse, None)] {
        let bench = Bench::new();
        let path = bench.write("BTCUSDT_15_2024-01-01_2024-01-31.csv", outside);
        let mut options = options();
        options.policies.set(Rule::OutsidePeriod, policy).unwrap();
        match rows {
            Some(rows) => {
                bench.ingest(path, &options).unwrap();
                assert_eq!(bench.only().1.len(), rows);
            }
            None => assert_eq!(failures(bench.ingest(path, &options))[0].place, Place::Line(1)),
        }
    }
}

#[test]
fn trades_of_a_day_make_no_bar_that_is_cut_in_two() {
    let bench = Bench::new();
    let text = format!("{CONTRACTS}\n1784851200.5,BTCUSDT,Buy,2,100,P,d,1,2,200\n");
    let path = bench.write("BTCUSDT2026-07-24.csv", text);
    let week = Options { interval: Some("1w".parse().unwrap()), ..options() };
    let failure = &failures(bench.ingest(path, &week))[0];
    assert!(failure.to_string().contains("1w bars from trades of 2026-07-24"), "{failure}");
}

#[test]
fn metatrader_days_lie_on_no_grid_of_utc() {
    let bench = Bench::new();
    let text = "2024.01.01 00:00,100,102,99,101,2\n2024.01.01 04:00,100,102,99,101,2\n";
    let path = bench.write("BTCUSDT_240_2024-01-01_2024-01-31.csv", text);
    let failure = &failures(bench.ingest(path, &options()))[0];
    let message = "2023-12-31T21:00:00Z is not the open time of a 4h bar";
    assert!(failure.to_string().contains(message), "{failure}");

    let bench = Bench::new();
    let path = bench.write(
        "BTCUSDT_15_2024-01-01_2024-01-31.csv",
        "2024.01.01 00:00,100,102,99,101,2\n2024.01.01 24:15,100,102,99,101,2\n",
    );
    let failure = &failures(bench.ingest(path, &options()))[0];
    assert_eq!(failure.place, Place::Line(2));
    assert!(failure.to_string().contains("`2024.01.01 24:15`, which is not a time"), "{failure}");
}

#[test]
fn metatrader_volume_of_inverse_contracts_is_in_dollars() {
    let bench = Bench::new();
    let text = "2024.01.01 00:00,100,120,90,90,300\n2024.01.01 00:01,100,100,100,100,50\n";
    let path = bench.write("BTCUSD_1_2024-01-01_2024-01-31.csv", text);
    bench.ingest(path, &options()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.venue, "bybit-inverse");
    assert_eq!(table.f64("volume"), [3.0, 0.5], "at the typical prices 100 and 100");
    assert_eq!(table.f64("quote_volume"), [300.0, 50.0]);
    assert_eq!(bench.lake.receipts(&series).unwrap()[0].sources[0].derived, ["volume"]);
}

fn answer(category: &str, symbol: &str, rows: &str, time: i64) -> String {
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"{category}","symbol":"{symbol}","list":[{rows}]}},"retExtInfo":{{}},"time":{time}}}"#
    )
}

pub(crate) const MINUTE: i64 = 60_000;
/// 2024-03-08 09:54 UTC.
pub(crate) const START: i64 = 1_709_891_640_000;

fn bar(at: i64, price: f64) -> String {
    format!(r#"["{at}","{price}","{price}","{price}","{price}","2","{}"]"#, 2.0 * price)
}

#[test]
fn kline_answers_are_turned_and_their_forming_bar_dropped() {
    let bench = Bench::new();
    let first: Vec<String> = (0..4).rev().map(|i| bar(START + i * MINUTE, 100.0)).collect();
    let older: Vec<String> = (-3..1).rev().map(|i| bar(START + i * MINUTE, 100.0)).collect();
    // Asked 30 seconds into the last bar; the second page repeats one bar of the first.
    let asked = START + 3 * MINUTE + 30_000;
    let pages = format!(
        "{}\n{}\n",
        answer("linear", "BTCUSDT", &first.join(","), asked),
        answer("linear", "BTCUSDT", &older.join(","), asked + 200)
    );
    let summary = bench.ingest(bench.write("klines.jsonl", pages), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("bybit-kline/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-linear BTCUSDT candles 1m");
    let expected: Vec<i64> = (-3..3).map(|i| START + i * MINUTE).collect();
    assert_eq!(table.times(), expected);
    assert_eq!(table.f64("quote_volume"), [200.0; 6]);
    assert!(has_note(&summary.notes, "the last bar was not over"), "{:?}", summary.notes);
    assert!(!has_note(&summary.notes, "order of time"), "newest first is as documented");
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert_eq!(source.maybe_forming, None, "the answer's time says what was over");
}

#[test]
fn a_forming_bar_follows_its_policy() {
    let rows: Vec<String> = (0..3).rev().map(|i| bar(START + i * MINUTE, 100.0)).collect();
    let text = answer("linear", "BTCUSDT", &rows.join(","), START + 2 * MINUTE + 1);
    let mut options = options();
    options.policies.set(Rule::FormingBar, Policy::Flag).unwrap();
    let bench = Bench::new();
    bench.ingest(bench.write("k.json", &text), &options).unwrap();
    let (series, table) = bench.only();
    assert_eq!(table.len(), 3);
    let source = &bench.lake.receipts(&series).unwrap()[0].sources[0];
    assert_eq!(source.maybe_forming, Some(Timestamp(START + 2 * MINUTE)));
    options.policies.set(Rule::FormingBar, Policy::Refuse).unwrap();
    let bench = Bench::new();
    let failure = &failures(bench.ingest(bench.write("k.json", &text), &options))[0];
    assert!(failure.to_string().contains("before its 1m are over"), "{failure}");
    assert_eq!(failure.place, Place::Row(1), "where it stands in the file");
}

#[test]
fn inverse_and_spot_klines_by_category() {
    for (category, venue, volume, quote) in [
        ("linear", "bybit-linear", 2.0, 200.0),
        ("spot", "bybit-spot", 2.0, 200.0),
        // Volume in dollars, turnover in coins.
        ("inverse", "bybit-inverse", 200.0, 2.0),
    ] {
        let bench = Bench::new();
        let rows = [bar(START + MINUTE, 100.0), bar(START, 100.0)].join(",");
        let text = answer(category, "BTCUSD", &rows, START + 9 * MINUTE);
        bench.ingest(bench.write("k.json", text), &options()).unwrap();
        let (series, table) = bench.only();
        assert_eq!(series.venue, venue);
        assert_eq!(table.f64("volume"), [volume; 2]);
        assert_eq!(table.f64("quote_volume"), [quote; 2]);
    }
    let bench = Bench::new();
    let text = answer("option", "BTC-1-C", &bar(START, 100.0), START + 9 * MINUTE);
    let failure = &failures(bench.ingest(bench.write("k.json", text), &options()))[0];
    assert!(failure.to_string().contains("`category` is `option`"), "{failure}");
}

#[test]
fn bars_of_five_values_are_asked_about_unless_a_word_tells() {
    let row = |at: i64| format!(r#"["{at}","100","100","100","100"]"#);
    let text = answer("linear", "BTCUSDT", &[row(START + MINUTE), row(START)].join(","), START * 2);
    for (name, kind) in [
        ("market_data/mark-price-kline/BTCUSDT.json", Kind::MarkCandles),
        ("BTCUSDT_index_1m.json", Kind::IndexCandles),
        ("premium-index-price-kline/BTCUSDT.json", Kind::PremiumIndexCandles),
    ] {
        let bench = Bench::new();
        bench.ingest(bench.write(name, &text), &options()).unwrap();
        assert_eq!(bench.only().0.kind, kind, "{name}");
    }
    let bench = Bench::new();
    let path = bench.write("market/BTCUSDT.json", &text);
    let failure = &failures(bench.ingest(&path, &options()))[0];
    assert_eq!(failure.hint().unwrap(), "pass --kind", "{failure}");
    let asked = Options { kind: Some(Kind::MarkCandles), ..options() };
    bench.ingest(&path, &asked).unwrap();
    let candles = Options { kind: Some(Kind::Candles), ..options() };
    assert!(
        failures(bench.ingest(&path, &candles))[0].to_string().contains("no column for `volume`")
    );
    let funding = Options { kind: Some(Kind::Funding), ..options() };
    assert!(failures(bench.ingest(&path, &funding))[0].to_string().contains("bars as funding"));
}

#[test]
fn bare_rows_need_a_path_that_says_bybit() {
    let rows = format!("[{},{}]", bar(START + MINUTE, 100.0), bar(START, 100.0));
    let bench = Bench::new();
    let summary = bench.ingest(bench.write("bybit/BTCUSDT_1m.json", &rows), &options()).unwrap();
    assert_eq!(bench.only().0.to_string(), "bybit-linear BTCUSDT candles 1m");
    assert!(has_note(&summary.notes, "venue bybit-linear assumed"), "{:?}", summary.notes);
    let source = &bench.lake.receipts(&bench.only().0).unwrap()[0].sources[0];
    assert!(source.maybe_forming.is_some(), "nothing says when it was asked");

    let bench = Bench::new();
    let error = failures(bench.ingest(bench.write("BTCUSDT_1m.json", &rows), &options()));
    assert!(error[0].to_string().contains("cannot tell what this is"), "{}", error[0]);
}

#[test]
fn an_error_among_the_pages_is_a_page_that_is_missing() {
    let good = answer("linear", "BTCUSDT", &bar(START, 100.0), START * 2);
    let bad = r#"{"retCode":10006,"retMsg":"Too many visits!","result":{},"time":1}"#;
    let bench = Bench::new();
    let path = bench.write("k.jsonl", format!("{good}\n{bad}\n"));
    let failure = &failures(bench.ingest(path, &options()))[0];
    assert_eq!(failure.place, Place::Row(2));
    assert!(failure.to_string().contains("error 10006: Too many visits!"), "{failure}");
    let bench = Bench::new();
    let failure = &failures(bench.ingest(bench.write("k.json", bad), &options()))[0];
    assert!(failure.to_string().contains("error 10006"), "{failure}");
}

#[test]
fn one_file_of_two_symbols_gives_two_series() {
    let bench = Bench::new();
    let good = [bar(START + MINUTE, 100.0), bar(START, 100.0)].join(",");
    let broken = [bar(START + MINUTE, 100.0), bar(START, -1.0)].join(",");
    let pages = format!(
        "[{},{}]",
        answer("linear", "BTCUSDT", &good, START * 2),
        answer("linear", "ETHUSDT", &broken, START * 2)
    );
    let failures = failures(bench.ingest(bench.write("k.json", pages), &options()));
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].series.as_deref(), Some("linear ETHUSDT"));
    assert_eq!(bench.only().0.symbol, "BTCUSDT");
}

#[test]
fn funding_history_and_its_intervals() {
    let bench = Bench::new();
    let eight = 8 * 3_600_000;
    let start = time("2024-03-08");
    let rows: Vec<String> = (0..4)
        .rev()
        .map(|i| {
            format!(
                r#"{{"symbol":"ETHPERP","fundingRate":"0.000{i}","fundingRateTimestamp":"{}"}}"#,
                start + i * eight
            )
        })
        .collect();
    let text = answer("linear", "", &rows.join(","), start * 2);
    let summary = bench.ingest(bench.write("funding.json", text), &options()).unwrap();
    assert_eq!(summary.reports[0].format, Some("bybit-funding/1"));
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "bybit-linear ETHPERP funding");
    assert_eq!(table.f64("rate"), [0.0, 0.0001, 0.0002, 0.0003]);
    assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![480; 4])));
    assert_eq!(bench.lake.receipts(&series).unwrap()[0].sources[0].derived, ["interval_minutes"]);
}

#[test]
fn open_interest_in_coins_or_dollars() {
    for (category, symbol, coins, dollars) in
        [("linear", "BTCUSDT", "5", "null"), ("inverse", "BTCUSD", "null", "5")]
    {
        let bench = Bench::new();
        let row = |at: i64| format!(r#"{{"openInterest":"5.0","timestamp":"{at}"}}"#);
        let rows = [row(START + 5 * MINUTE), row(START)].join(",");
        let text = answer(category, symbol, &rows, START * 2);
        let summary = bench.ingest(bench.write("oi.json", text), &options()).unwrap();
        assert_eq!(summary.reports[0].format, Some("bybit-open-interest/1"));
        assert!(has_note(&summary.notes, "sum of both sides"), "{:?}", summary.notes);
        let (series, table) = bench.only();
        assert_eq!(series.symbol, symbol);
        assert_eq!(table.times(), [START, START + 5 * MINUTE]);
        assert_eq!(strings(&table, "open_interest"), [coins; 2]);
        assert_eq!(strings(&table, "open_interest_value"), [dollars; 2]);
    }
}
