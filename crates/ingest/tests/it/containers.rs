//! What a venue's archive holds means the same in every container, or is refused; and what plain
//! named columns may be taken for.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use plimsoll_ingest::{Options, Policy, Rule, SourceFormat};
use plimsoll_market::{Column, Kind, Table, Timestamp};

use crate::{Bench, failures, time};

/// The columns of a CSV text as pandas would type them.
fn batch(text: &str) -> RecordBatch {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let columns = names.iter().enumerate().map(|(at, &name)| {
        let cells = || rows.iter().map(|row| row[at]);
        let integers: Option<Vec<i64>> = cells().map(|cell| cell.parse().ok()).collect();
        let floats: Option<Vec<f64>> = cells().map(|cell| cell.parse().ok()).collect();
        let array: ArrayRef = match (integers, floats) {
            (Some(values), _) => Arc::new(Int64Array::from(values)),
            (None, Some(values)) => Arc::new(Float64Array::from(values)),
            (None, None) => Arc::new(StringArray::from_iter_values(cells())),
        };
        (name, array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The same rows as JSON objects.
fn json(text: &str) -> String {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows = lines.map(|line| {
        let cells = names.iter().zip(line.split(','));
        let members = cells.map(|(name, cell)| match cell.parse::<f64>() {
            Ok(_) => format!("\"{name}\":{cell}"),
            Err(_) => format!("\"{name}\":\"{cell}\""),
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    });
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

/// Writes a CSV text in the container of an ending.
fn write(bench: &Bench, stem: &str, ending: &str, text: &str) -> std::path::PathBuf {
    let name = format!("{stem}.{ending}");
    match ending {
        "csv" => bench.write(&name, text),
        "json" => bench.write(&name, json(text)),
        _ => {
            let path = bench.write(&name, "");
            let (file, batch) = (File::create(&path).unwrap(), batch(text));
            if ending == "parquet" {
                let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
            } else {
                let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
                writer.write(&batch).unwrap();
                writer.finish().unwrap();
            }
            path
        }
    }
}

const ENDINGS: [&str; 4] = ["csv", "parquet", "feather", "json"];

const METRICS: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value\n2024-12-01 00:00:00,BTCUSDT,10,960000\n2024-12-01 00:05:00,BTCUSDT,11,1056000\n";
const METRICS_SUBSET: &str =
    "create_time,sum_open_interest\n2024-12-01 00:00:00,10\n2024-12-01 00:05:00,11\n";
const SNAPSHOT: &str = "time,side,average_price,accumulated_fill_quantity\n1727740800926,SELL,62500,1\n1727740800926,SELL,62500,1\n";
const COIN_M: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n1733011200000,105,105,105,105,1050,1733011259999,1000,7,525,500,0\n1733011260000,105,105,105,105,2100,1733011319999,2000,7,525,500,0\n";

/// File stem, rows, the series that they are, and what holds for it.
type Case<'a> = (&'a str, &'a str, &'a str, &'a dyn Fn(&Table) -> bool);

#[test]
fn archives_mean_the_same_in_every_container() {
    let shift = time("2024-12-01T00:05:00Z");
    let known = |table: &Table| table.times() == [shift, shift + 300_000];
    let halved = |table: &Table| {
        table.f64("notional") == [100.0] && table.f64("quantity") == [100.0 / 62_500.0]
    };
    let dollars = |table: &Table| {
        table.f64("volume") == [1000.0, 2000.0]
            && table.f64("quote_volume") == [105_000.0, 210_000.0]
    };
    let cases: [Case; 5] = [
        ("BTCUSDT-metrics-2024-12-01", METRICS, "binance-usdm BTCUSDT open_interest", &known),
        ("metrics", METRICS, "binance-usdm BTCUSDT open_interest", &known),
        (
            "BTCUSDT-metrics-2024-12-01",
            METRICS_SUBSET,
            "binance-usdm BTCUSDT open_interest",
            &known,
        ),
        (
            "BTCUSD_PERP-liquidationSnapshot-2024-10-01",
            SNAPSHOT,
            "binance-coinm BTCUSD_PERP liquidations",
            &halved,
        ),
        ("BTCUSD_PERP-1m-2024-12", COIN_M, "binance-coinm BTCUSD_PERP candles 1m", &dollars),
    ];
    for (stem, text, expected, holds) in cases {
        for ending in ENDINGS {
            let bench = Bench::new();
            bench.ingest(write(&bench, stem, ending, text), &Options::default()).unwrap();
            let (series, table) = bench.only();
            assert_eq!(series.to_string(), expected, "{stem}.{ending}");
            assert!(holds(&table), "{stem}.{ending}: {table:?}");
            if series.kind == Kind::Candles {
                assert_eq!(
                    table.column("taker_buy_volume"),
                    Some(&Column::F64OrNull(vec![Some(500.0); 2])),
                    "{ending}"
                );
            }
        }
    }
}

fn generic(venue: &str, symbol: &str, kind: Kind) -> Options {
    Options {
        source: SourceFormat::Generic,
        venue: Some(venue.into()),
        symbol: Some(symbol.into()),
        kind: Some(kind),
        ..Options::default()
    }
}

#[test]
fn archives_do_not_go_in_as_plain_columns() {
    let subset = "open_time,open,high,low,close,volume,close_time\n1733011200000,105,105,105,105,1050,1733011259999\n";
    let snapshot = "time,side,price,original_quantity\n1727740800926,SELL,62500,1\n";
    for (stem, text, symbol, kind, wanted) in [
        (
            "BTCUSDT-metrics-2024-12-01",
            METRICS,
            "BTCUSDT",
            Kind::OpenInterest,
            "five minutes early",
        ),
        ("m", METRICS_SUBSET, "BTCUSDT", Kind::OpenInterest, "five minutes early"),
        ("l", SNAPSHOT, "BTCUSDT", Kind::Liquidations, "every row twice"),
        ("l", snapshot, "BTCUSDT", Kind::Liquidations, "every row twice"),
        ("k", COIN_M, "BTCUSD_PERP", Kind::Candles, "counts contracts"),
        ("k", subset, "BTCUSD_PERP", Kind::Candles, "counts contracts"),
    ] {
        let venue = if symbol.contains('_') { "binance-coinm" } else { "binance-usdm" };
        for ending in ENDINGS {
            let bench = Bench::new();
            let path = write(&bench, stem, ending, text);
            let failed = failures(bench.ingest(path, &generic(venue, symbol, kind)));
            let message = failed[0].problem.to_string();
            assert!(message.contains(wanted), "{stem}.{ending}: {message}");
            assert!(failed[0].hint().unwrap().contains("archive"), "{:?}", failed[0].hint());
        }
    }
    // COIN-M bars that have lost the column in which their base units are.
    let bench = Bench::new();
    let path = bench.write("BTCUSD_PERP-1m-2024-12.csv", subset);
    let failed = failures(bench.ingest(path, &Options::default()));
    assert!(failed[0].to_string().contains("without `quote_volume`"), "{}", failed[0]);
}

#[test]
fn the_innermost_folder_tells_the_venue() {
    for (folder, venue) in [
        ("binance-usdm/data/futures/cm/daily", Some("binance-coinm")),
        ("cm/binance-coinm", Some("binance-coinm")),
        ("binance-coinm/data/futures/um", None),
    ] {
        let bench = Bench::new();
        let path = bench.write(&format!("{folder}/BTCUSD_PERP-1m-2024-12.csv"), COIN_M);
        if let Some(venue) = venue {
            bench.ingest(&path, &Options::default()).unwrap();
            assert_eq!(bench.only().0.venue, venue, "{folder}");
        } else {
            let failed = failures(bench.ingest(&path, &Options::default()));
            assert!(failed[0].to_string().contains("is a COIN-M contract"), "{}", failed[0]);
        }
        let options = Options { venue: Some("binance-usdm".into()), ..Options::default() };
        let failed = failures(bench.ingest(&path, &options));
        let hint = "pass --venue binance-coinm if the symbol is right";
        assert_eq!(failed[0].hint().as_deref(), Some(hint));
    }
}

#[test]
fn bare_sides_and_contracts_are_asked_about() {
    let list = "time,side,price,quantity\n1727740800926,Buy,50000,13\n";
    let bench = Bench::new();
    let path = bench.write("l.csv", list);
    let mut options = generic("bybit-linear", "BTCUSDT", Kind::Liquidations);
    let failed = failures(bench.ingest(&path, &options));
    assert_eq!(failed[0].problem.rule(), Some(Rule::UnknownSide));
    assert!(failed[0].hint().unwrap().contains("`liquidated_side`"), "{:?}", failed[0].hint());
    options.policies.set(Rule::UnknownSide, Policy::Flag).unwrap();
    bench.ingest(&path, &options).unwrap();
    let unknown = Column::Text(vec!["unknown".into()]);
    assert_eq!(bench.only().1.column("liquidated_side"), Some(&unknown));

    for (venue, symbol, size, notional) in [
        ("okx-swap", "BTC-USDT-SWAP", 0.01, 6500.0),
        ("okx-swap", "BTC-USD-SWAP", 100.0, 1300.0),
        ("binance-coinm", "BTCUSD_PERP", 100.0, 1300.0),
    ] {
        let bench = Bench::new();
        let path = bench.write("l.csv", list);
        let mut options = generic(venue, symbol, Kind::Liquidations);
        let failed = failures(bench.ingest(&path, &options));
        assert!(failed[0].hint().unwrap().contains("--contract-size"), "{:?}", failed[0].hint());
        options.contract_size = Some(size);
        let summary = bench.ingest(&path, &options).unwrap();
        assert!(summary.notes.iter().any(|note| note.message.contains("order's")), "{summary:?}");
        let (_, table) = bench.only();
        assert_eq!(table.f64("notional"), [notional], "{symbol}");
        assert!((table.f64("quantity")[0] - notional / 50_000.0).abs() < 1e-12, "{symbol}");
    }
    let bench = Bench::new();
    let with_notional = "time,liquidated_side,price,quantity,notional\n1727740800926,long,50000,13,1300\n1727740801926,long,50000,26,2600\n";
    let path = bench.write("l.csv", with_notional);
    bench.ingest(&path, &generic("bybit-inverse", "BTCUSD", Kind::Liquidations)).unwrap();
    assert_eq!(bench.only().1.f64("quantity"), [0.026, 0.052]);
}

#[test]
fn silence_between_named_liquidations_is_unknown() {
    let list = "time,liquidated_side,price,quantity\n1704067200000,long,50000,1\n1704067260000,long,50000,1\n1735603200000,short,50000,1\n";
    let bench = Bench::new();
    let options = generic("hyperliquid", "BTC", Kind::Liquidations);
    let summary = bench.ingest(bench.write("l.csv", list), &options).unwrap();
    let expected = [(1_704_067_200_000, 1_704_067_260_001), (1_735_603_200_000, 1_735_603_200_001)];
    let expected = expected.map(|(from, to)| (Timestamp(from), Timestamp(to)));
    assert_eq!(bench.lake.coverage(&bench.only().0).unwrap(), expected);
    let silence = Some("recorder_silence");
    assert!(summary.notes.iter().any(|note| note.rule.as_deref() == silence), "{summary:?}");

    let bench = Bench::new();
    let days = "time,side,average_price,accumulated_fill_quantity\n1704067200000,SELL,50000,1\n1704067200000,SELL,50000,1\n1704585600000,SELL,50000,1\n1704585600000,SELL,50000,1\n";
    bench.ingest(bench.write("BTCUSDT_liquidations.csv", days), &Options::default()).unwrap();
    assert_eq!(bench.lake.coverage(&bench.only().0).unwrap().len(), 2);
}

#[test]
fn text_that_is_no_csv_and_trades_without_a_name_are_never_left_out() {
    let agg_trades = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n1,96000,0.5,10,12,1733011200000,true\n";
    let bybit = "timestamp,symbol,side,size,price,tickDirection,trdMatchID\n1733011200.1,BTCUSDT,Buy,1,2,PlusTick,x\n";
    let flagged = "time,price,qty,side,is_liquidation\n1733011200000,1,2,BUY,false\n";
    for (name, text, wanted, hint) in [
        ("a.csv", "open_time;open;high;low;close;volume\n1;2;3;4;5;6\n", "semicolons", "commas"),
        ("b.csv", "1733011200000\t1\t2\t0,5\t1,5\t9\n", "tabs", "commas"),
        ("c.csv", agg_trades, "looks like single trades", "aggTrades"),
        ("d.csv", bybit, "looks like single trades", "aggTrades"),
        ("liquidations/e.csv", flagged, "says by row whether", "keep the rows"),
        ("f.csv", flagged, "looks like single trades", "--kind liquidations"),
        ("g.csv", "", "is empty", "fetch"),
        ("h.csv", "\n\n", "is empty", "fetch"),
    ] {
        let bench = Bench::new();
        bench.write(name, text);
        let folder = bench.folder.path().join("archives");
        let failed = failures(bench.ingest(folder, &Options::default()));
        assert!(failed[0].to_string().contains(wanted), "{name}: {}", failed[0]);
        assert!(failed[0].hint().unwrap().contains(hint), "{name}: {:?}", failed[0].hint());
    }
}

#[test]
fn only_whole_words_and_near_folders_tell_the_price() {
    let bars = r#"{"code":"0","msg":"","data":[["1733011200000","1","2","0.5","1.5","1"],["1733011260000","1","2","0.5","1.5","1"]]}"#;
    for (folder, kind) in [
        ("markus/data", None),
        ("mark/a/b/c", None),
        ("indexes", None),
        ("mark-price-candles/BTC-USDT-SWAP", Some(Kind::MarkCandles)),
        ("indexPriceKlines", Some(Kind::IndexCandles)),
    ] {
        let bench = Bench::new();
        let path = bench.write(&format!("{folder}/BTC-USDT-SWAP_1m.json"), bars);
        let result = bench.ingest(&path, &Options::default());
        if let Some(kind) = kind {
            result.unwrap();
            assert_eq!(bench.only().0.kind, kind, "{folder}");
        } else {
            let failed = failures(result);
            assert_eq!(failed[0].hint().as_deref(), Some("pass --kind"), "{folder}");
        }
    }
}
