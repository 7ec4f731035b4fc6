//! Real files, where they are at hand. They are no part of the repository.

use std::path::PathBuf;

use plimsoll_ingest::{Options, Selection, check, ls};
use plimsoll_market::{Column, Kind, Series, Timestamp};

use crate::{Bench, time};

/// A folder or file of the shared real data, if it is there.
fn real(name: &str) -> Option<PathBuf> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not at hand");
    None
}

fn series(kind: Kind, symbol: &str, interval: Option<&str>) -> Series {
    Series {
        kind,
        venue: "binance-usdm".into(),
        symbol: symbol.into(),
        interval: interval.map(|i| i.parse().unwrap()),
    }
}

#[test]
fn full_history_of_freqtrade() {
    let Some(folder) = real("binance-usdm/full-history-1h") else { return };
    let bench = Bench::new();
    let summary = bench.ingest(&folder, &Options::default()).unwrap();
    assert_eq!(summary.files, 8);
    let rows: Vec<(String, usize)> = ls(&bench.lake, &Selection::default())
        .unwrap()
        .iter()
        .map(|c| (c.series.to_string(), c.rows))
        .collect();
    let expected = [
        ("binance-usdm BTCUSDT candles 1h", 58_623),
        ("binance-usdm ETHUSDT candles 1h", 56_713),
        ("binance-usdm XRPUSDT candles 1h", 55_780),
        ("binance-usdm BTCUSDT mark_candles 1h", 56_084),
        ("binance-usdm ETHUSDT mark_candles 1h", 56_084),
        ("binance-usdm BTCUSDT funding", 7_323),
        ("binance-usdm ETHUSDT funding", 7_089),
        ("binance-usdm XRPUSDT funding", 6_973),
    ];
    assert_eq!(rows, expected.map(|(name, rows)| (name.to_owned(), rows)));

    let hour = Timestamp(time("2025-10-10T21:00:00Z"));
    let next = Timestamp(time("2025-10-10T22:00:00Z"));
    let candles = series(Kind::Candles, "BTCUSDT", Some("1h"));
    let bar = bench.lake.read(&candles, hour, next).unwrap();
    assert_eq!(bar.f64("low"), [101_516.5]);
    let mark = series(Kind::MarkCandles, "BTCUSDT", Some("1h"));
    let low = bench.lake.read(&mark, hour, next).unwrap().f64("low")[0];
    assert_eq!(format!("{low:.2}"), "101877.69");

    let funding = series(Kind::Funding, "BTCUSDT", None);
    let (from, to) = (time("2025-10-10T08:00:00Z"), time("2025-10-11T08:00:00Z"));
    let table = bench.lake.read(&funding, Timestamp(from), Timestamp(to)).unwrap();
    let eight = 8 * 3_600_000;
    let settlements = vec![from, from + eight, from + 2 * eight];
    assert_eq!(table.column("settlement_time"), Some(&Column::Time(settlements)));
    assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![480; 3])));
    let rounded: Vec<String> = table.f64("rate").iter().map(|rate| format!("{rate:.6}")).collect();
    assert_eq!(rounded, ["0.000039", "0.000010", "0.000100"]);

    let zero: usize = check(&bench.lake)
        .unwrap()
        .iter()
        .filter(|f| f.rule == "zero_volume" && f.series == candles)
        .map(|f| f.count)
        .sum();
    assert_eq!(zero, 3, "halts are bars without volume");
}

#[test]
fn two_sources_of_the_same_hours_agree() {
    let (Some(long), Some(other)) = (
        real("binance-usdm/full-history-1h/BTC_USDT_USDT-1h-funding_rate.feather"),
        real("binance-usdm/15m-2023-01_2025-12/BTC_USDT_USDT-8h-funding_rate.feather"),
    ) else {
        return;
    };
    let bench = Bench::new();
    bench.ingest(long, &Options::default()).unwrap();
    let summary = bench.ingest(other, &Options::default()).unwrap();
    let merge = &summary.merges[0];
    assert_eq!((merge.rows_added, merge.rows_known), (0, 3_212));
}

#[test]
fn futures_and_spot_archives_of_binance() {
    let Some(path) = real("binance-vision-um/monthly-klines-1m/NEARUSDT-1m-2024-11.zip") else {
        return;
    };
    let bench = Bench::new();
    bench.ingest(path, &Options::default()).unwrap();
    let (near, table) = bench.only();
    assert_eq!(near, series(Kind::Candles, "NEARUSDT", Some("1m")));
    assert_eq!(table.len(), 43_200);
    assert_eq!(table.f64("open")[0], 4.052);
    assert_eq!(table.f64("quote_volume")[0], 122_385.507);
    assert_eq!(table.times()[0], time("2024-11-01"));

    let spot = real("binance-vision-spot/monthly-klines-1m/BTCUSDT-1m-2026-04.zip").unwrap();
    let bench = Bench::new();
    bench.ingest(spot, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-spot BTCUSDT candles 1m");
    assert_eq!((table.len(), table.times()[0]), (43_200, time("2026-04-01")));
    assert_eq!(table.f64("low")[0], 68_218.35);
}

#[test]
fn folders_of_compressed_csv() {
    for name in [
        "binance-usdm/csv-5m-2025-07_12",
        "binance-usdm/csv-klines-2024_2026",
        "binance-spot/csv-5m",
    ] {
        let Some(folder) = real(name) else { return };
        let bench = Bench::new();
        let summary = bench.ingest(&folder, &Options::default()).unwrap();
        let rows: usize = summary.merges.iter().map(|m| m.rows_added).sum();
        assert!(rows > 1000, "{name}: {rows}");
        assert!(bench.lake.series().unwrap().iter().all(|s| name.contains(s.venue.as_str())));
    }
}

#[test]
fn other_venues() {
    for (name, venue) in [
        ("bybit-linear/5m-2025-09_2026-07", "bybit-linear"),
        ("hyperliquid/1h-2025-05_08", "hyperliquid"),
    ] {
        let Some(folder) = real(name) else { return };
        let bench = Bench::new();
        bench.ingest(&folder, &Options::default()).unwrap();
        let series = bench.lake.series().unwrap();
        assert!(series.iter().all(|s| s.venue == venue), "{series:?}");
        let funding = series.iter().find(|s| s.kind == Kind::Funding).unwrap();
        let table = bench.all(funding);
        let minutes = if venue == "hyperliquid" { 60 } else { 480 };
        let Some(Column::I32(found)) = table.column("interval_minutes") else { panic!() };
        assert!(found.iter().all(|&m| m == minutes));
        let Some(Column::Time(settlements)) = table.column("settlement_time") else { panic!() };
        assert!(settlements.iter().all(|time| time % 3_600_000 == 0), "late rows find their hour");
    }
}
