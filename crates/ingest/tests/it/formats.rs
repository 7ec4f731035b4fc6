//! Each format, with the traps that are known of it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_ingest::{IngestError, Options, Place, SourceFormat};
use plimsoll_market::{Column, Kind, Timestamp};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use crate::{Bench, failures, time};

pub(crate) fn zipped(name: &str, text: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

pub(crate) fn kline(open_time: i64, unit: i64, price: f64, volume: f64) -> String {
    let close_time = (open_time + 60_000) * unit - 1;
    let (open_time, quote) = (open_time * unit, price * volume);
    format!(
        "{open_time},{price},{price},{price},{price},{volume},{close_time},{quote},7,{},1,0\n",
        volume / 2.0
    )
}

pub(crate) const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";

#[test]
fn klines_are_told_apart_by_their_folder() {
    let bench = Bench::new();
    let start = time("2024-12-01");
    let rows: String = (0..4).map(|i| kline(start + i * 60_000, 1, 100.0, 2.0)).collect();
    let marks: String = (0..4).map(|i| kline(start + i * 60_000, 1, 101.0, 0.0)).collect();
    let file = "BTCUSDT-1m-2024-12";
    for (folder, text) in [
        ("klines", format!("{HEADER}{rows}")),
        ("markPriceKlines", marks.clone()),
        ("indexPriceKlines", marks),
    ] {
        let zip = zipped(&format!("{file}.csv"), &text);
        bench.write(&format!("futures/um/monthly/{folder}/BTCUSDT/1m/{file}.zip"), zip);
    }
    let summary = bench.ingest(bench.folder.path().join("archives"), &Options::default()).unwrap();
    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
    let series: Vec<String> =
        bench.lake.series().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        series,
        [
            "binance-usdm BTCUSDT candles 1m",
            "binance-usdm BTCUSDT mark_candles 1m",
            "binance-usdm BTCUSDT index_candles 1m"
        ]
    );
    let table = bench.all(&bench.lake.series().unwrap()[0]);
    assert_eq!(table.times()[0], start);
    assert_eq!(table.f64("quote_volume"), [200.0; 4]);
    assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(7); 4])));
    assert_eq!(table.column("taker_buy_volume"), Some(&Column::F64OrNull(vec![Some(1.0); 4])));
    let source = &bench.lake.receipts(&bench.lake.series().unwrap()[0]).unwrap()[0].sources[0];
    assert_eq!(source.decoder, "binance-klines/1");
    assert_eq!(source.maybe_forming, None);
}

#[test]
fn klines_without_a_telling_folder_or_volume_are_asked_about() {
    let bench = Bench::new();
    let start = time("2024-12-01");
    let text: String = (0..4).map(|i| kline(start + i * 60_000, 1, 100.0, 0.0)).collect();
    let path = bench.write("BTCUSDT-1m-2024-12.csv", text);
    assert_eq!(
        failures(bench.ingest(&path, &Options::default()))[0].hint().unwrap(),
        "pass --kind"
    );
    let options = Options { kind: Some(Kind::MarkCandles), ..Options::default() };
    let summary = bench.ingest(&path, &options).unwrap();
    assert_eq!(
        summary.notes[0].message,
        "venue binance-usdm assumed; pass --venue if it is another"
    );
    assert_eq!(bench.only().0.kind, Kind::MarkCandles);
}

#[test]
fn spot_klines_in_microseconds() {
    let bench = Bench::new();
    let start = time("2026-04-01");
    let text: String = (0..4).map(|i| kline(start + i * 60_000, 1000, 100.0, 2.0)).collect();
    let zip = zipped("BTCUSDT-1m-2026-04.csv", &text);
    bench.ingest(bench.write("BTCUSDT-1m-2026-04.zip", zip), &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.venue, "binance-spot");
    assert_eq!(table.times(), [start, start + 60_000, start + 120_000, start + 180_000]);
}

#[test]
fn coin_margined_klines_count_contracts() {
    let bench = Bench::new();
    // Open interest, volume and liquidations of BTCUSD_PERP are in contracts of 100 USD.
    let row = "1698364800000,34161.6,34182.5,33977.4,34024.2,409953,1698368399999,1202.97118037,15095,192220,564.12041453,0\n1698368400000,34024.2,34182.5,33977.4,34024.2,10,1698371999999,0.029,15095,192220,564.12041453,0\n";
    let path =
        bench.write("futures/cm/monthly/klines/BTCUSD_PERP/1h/BTCUSD_PERP-1h-2023-10.csv", row);
    bench.ingest(path, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!((series.venue.as_str(), series.symbol.as_str()), ("binance-coinm", "BTCUSD_PERP"));
    assert_eq!(table.f64("volume")[0], 1_202.971_180_37);
    assert_eq!(table.f64("quote_volume")[0], 40_995_300.0);
}

#[test]
fn a_forming_bar_shows_in_its_close_time() {
    let bench = Bench::new();
    let start = time("2024-12-01");
    let last = kline(start + 120_000, 1, 100.0, 2.0)
        .replace(&(start + 179_999).to_string(), &(start + 150_000).to_string());
    let text = kline(start, 1, 100.0, 2.0) + &kline(start + 60_000, 1, 100.0, 2.0) + &last;
    let path = bench.write("klines/BTCUSDT-1m-2024-12.csv", text);
    let summary = bench.ingest(path, &Options::default()).unwrap();
    assert_eq!(bench.only().1.len(), 2);
    assert!(summary.notes.iter().any(|n| n.message.starts_with("the last bar was not over")));
}

#[test]
fn funding_rates_find_their_settlement() {
    let bench = Bench::new();
    let eight = time("2024-12-01T08:00:00Z");
    let text = format!(
        "calc_time,funding_interval_hours,last_funding_rate\n{},8,0.00010000\n{},8,-0.00020000\n{},4,0.0003\n",
        eight + 8,
        eight + 8 * 3_600_000,
        eight + 12 * 3_600_000 + 40_000,
    );
    let path = bench.write(
        "um/fundingRate/HYPEUSDT-fundingRate-2024-12.zip",
        zipped("HYPEUSDT-fundingRate-2024-12.csv", &text),
    );
    let summary = bench.ingest(path, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-usdm HYPEUSDT funding");
    assert_eq!(table.times()[0], eight + 8);
    let settlements = [eight, eight + 8 * 3_600_000, eight + 12 * 3_600_000 + 40_000];
    assert_eq!(table.column("settlement_time"), Some(&Column::Time(settlements.to_vec())));
    assert_eq!(table.f64("rate"), [0.0001, -0.0002, 0.0003]);
    assert_eq!(table.column("interval_minutes"), Some(&Column::I32(vec![480, 480, 240])));
    assert_eq!(
        summary.notes[0].message,
        "stamped away from any settlement; kept at their own time (1, first at 2024-12-01T20:00:40Z)"
    );
    let receipt = &bench.lake.receipts(&series).unwrap()[0];
    assert!(receipt.derived.is_empty());
    assert_eq!(receipt.sources[0].flags[0].name, "off_settlement");
}

#[test]
fn liquidation_snapshots_are_halved() {
    let bench = Bench::new();
    let header = "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,accumulated_fill_quantity\n";
    let buy = "1727740800926,BUY,LIMIT,IOC,7,30741.3,30631.6,FILLED,6,7\n";
    let sell = "1727740862145,SELL,LIMIT,IOC,1,62246.2,62472.0,FILLED,1,1\n";
    // Four equal rows are two liquidations; three are two of which one row is missing.
    let text = format!("{header}{buy}{buy}{buy}{buy}{sell}{sell}{sell}");
    let name = |day: u32| {
        format!(
            "cm/liquidationSnapshot/BTCUSD_PERP/BTCUSD_PERP-liquidationSnapshot-2024-10-{day:02}.csv"
        )
    };
    bench.write(&name(1), text);
    bench.write(&name(2), header);
    bench.write(&name(4), header);
    let folder = bench.folder.path().join("archives");
    let summary = bench.ingest(&folder, &Options::default()).unwrap();
    let (series, table) = bench.only();
    assert_eq!(series.to_string(), "binance-coinm BTCUSD_PERP liquidations");
    let sides = ["short", "short", "long", "long"].map(str::to_owned);
    assert_eq!(table.column("liquidated_side"), Some(&Column::Text(sides.to_vec())));
    assert_eq!(table.f64("price"), [30_631.6, 30_631.6, 62_472.0, 62_472.0]);
    assert_eq!(table.f64("notional"), [700.0, 700.0, 100.0, 100.0]);
    assert_eq!(table.f64("quantity")[0], 700.0 / 30_631.6);
    assert!(summary.notes.iter().any(|n| n.message.contains("not written twice")));
    let day = |day: u32| Timestamp::from_date(2024, 10, day).unwrap();
    assert_eq!(bench.lake.coverage(&series).unwrap(), [(day(1), day(3)), (day(4), day(5))]);
}

#[test]
fn compressed_csv_with_other_names_and_iso_times() {
    let text = "Timestamp,Open,High,Low,Close,Volume\n\
        2024-10-01 00:00:00+00:00,63327.6,63510.2,63280.7,63340.01,204.7538\n\
        2024-10-01 00:05:00+00:00,63340.0,63510.2,63280.7,63340.01,1e2";
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let options = Options::default();
    for (file, bytes) in [
        ("binance-spot/BTCUSDT_5m_2024Q4.csv.gz", gz.finish().unwrap()),
        ("binance-spot/BTCUSDT.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("binance-spot/BTCUSDT.csv.zip", zipped("any.csv", text)),
    ] {
        let bench = Bench::new();
        bench.ingest(bench.write(file, bytes), &options).unwrap();
        let (series, table) = bench.only();
        assert_eq!(series.to_string(), "binance-spot BTCUSDT candles 5m", "{file}");
        assert_eq!(table.f64("volume"), [204.7538, 100.0]);
        assert_eq!(table.times()[0], time("2024-10-01"));
    }
}

#[test]
fn a_file_of_many_symbols_is_split_and_rows_keep_their_line() {
    let bench = Bench::new();
    let text = "timestamp,symbol,funding_rate\n0,BTCUSDT,0.0001\n0,ETHUSDT,0.0002\n28800000,BTCUSDT,0.0003\n";
    let path = bench.write("funding.csv", text);
    let options = Options { venue: Some("binance-usdm".into()), ..Options::default() };
    bench.ingest(&path, &options).unwrap();
    let series = bench.lake.series().unwrap();
    let rates: Vec<_> = series.iter().map(|s| bench.all(s).f64("rate").to_vec()).collect();
    assert_eq!(rates, [vec![0.0001, 0.0003], vec![0.0002]]);

    let path = bench.write("more.csv", text.replace("0.0003", "0.3"));
    let refused = failures(bench.ingest(&path, &options));
    assert_eq!(refused[0].place, Place::Line(4));
    let only_eth = Options { symbol: Some("ETHUSDT".into()), ..options };
    bench.ingest(&path, &only_eth).unwrap();
}

#[test]
fn a_liquidation_list_with_named_columns() {
    let bench = Bench::new();
    let text = "time,liquidated_side,price,quantity,kind\n1727740800926,long,100,2,liquidation\n1727740800926,short,101,1,adl\n";
    let options = Options {
        source: SourceFormat::Generic,
        venue: Some("hyperliquid".into()),
        symbol: Some("BTC".into()),
        kind: Some(Kind::Liquidations),
        ..Options::default()
    };
    bench.ingest(bench.write("l.csv", text), &options).unwrap();
    let (series, table) = bench.only();
    assert_eq!(table.f64("notional"), [200.0, 101.0]);
    assert_eq!(
        bench.lake.coverage(&series).unwrap(),
        [(Timestamp(1_727_740_800_926), Timestamp(1_727_740_800_927))]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is done to the bytes of a file, it is refused or what goes in obeys the rules.
    #[test]
    fn damage_is_refused_or_harmless(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        printable in any::<bool>(),
        length in any::<prop::sample::Index>(),
        form in 0..4_usize,
    ) {
        let start = time("2024-12-01");
        let rows: String = (0..8).map(|i| kline(start + i * 60_000, 1, 100.5, 2.25)).collect();
        let text = format!("{HEADER}{rows}");
        let mut bytes = match form {
            0 | 1 => text.into_bytes(),
            2 => zipped("BTCUSDT-1m-2024-12.csv", &text),
            _ => zstd::encode_all(text.as_bytes(), 1).unwrap(),
        };
        for (index, byte) in &damage {
            let at = index.index(bytes.len());
            bytes[at] = if printable { b"0123456789.,-\ne\""[usize::from(*byte) % 16] } else { *byte };
        }
        if form == 1 {
            bytes.truncate(length.index(bytes.len()));
        }
        let ending = ["csv", "csv", "zip", "csv.zst"][form];
        let bench = Bench::new();
        let path = bench.write(&format!("um/klines/BTCUSDT-1m-2024-12.{ending}"), bytes);
        match bench.ingest(path, &Options::default()) {
            Ok(_) => {
                let findings = plimsoll_ingest::check(&bench.lake).unwrap();
                prop_assert!(findings.iter().all(|f| f.rule != "broken_rule" && f.rule != "unreadable"));
            }
            Err(IngestError::BadFiles { failures, .. }) => {
                prop_assert_eq!(failures.len(), 1);
                prop_assert!(bench.lake.series().unwrap().is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
