//! Archive files parse back, by a parser that knows nothing of the writer.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use plimsoll_market::synthetic::{
    ArchiveOptions, SimulatedMarket, SimulatedSymbol, SimulatorConfig, simulate,
    write_binance_archives,
};
use plimsoll_market::{Column, Interval, Kind, PriceColumns};

use super::{hex, time};

/// 40 days over two month ends and the change of the metrics' stamps.
fn market() -> SimulatedMarket {
    let config = SimulatorConfig {
        start: time("2024-01-28"),
        n_days: 40,
        interval: Interval::HOUR,
        step: "5m".parse().unwrap(),
        symbols: vec![SimulatedSymbol::bitcoin(), SimulatedSymbol::solana()],
        ..SimulatorConfig::calm(17)
    };
    simulate(&config).unwrap()
}

/// Text of every data file by path below the folder, unpacked.
fn files(folder: &Path, paths: &[std::path::PathBuf]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        let bytes = std::fs::read(path).unwrap();
        let text = if path.extension().is_some_and(|extension| extension == "zip") {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            assert_eq!(zip.len(), 1);
            let mut entry = zip.by_index(0).unwrap();
            let stem = name.rsplit('/').next().unwrap().replace(".zip", ".csv");
            assert_eq!(entry.name().unwrap(), stem);
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            text
        } else {
            String::from_utf8(bytes).unwrap()
        };
        assert!(text.ends_with('\n'));
        assert!(texts.insert(name, text).is_none(), "a file twice");
    }
    texts
}

/// Rows of all files below a folder in order of their names, without the header lines.
fn rows(texts: &BTreeMap<String, String>, folder: &str) -> Vec<Vec<String>> {
    let lines = texts.iter().filter(|(name, _)| name.starts_with(folder));
    lines
        .flat_map(|(_, text)| text.lines())
        .filter(|line| line.as_bytes()[0].is_ascii_digit())
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

fn numbers(rows: &[Vec<String>], field: usize) -> Vec<f64> {
    rows.iter().map(|row| row[field].parse().unwrap()).collect()
}

fn check_all(simulated: &SimulatedMarket, texts: &BTreeMap<String, String>) {
    let market = &simulated.market;
    for (s, symbol) in market.symbols.iter().enumerate() {
        let name = &symbol.symbol;
        let candles = rows(texts, &format!("futures/um/monthly/klines/{name}/1h/"));
        assert_eq!(candles.len(), market.n_bars);
        for (field, column) in [
            (1, &symbol.open),
            (2, &symbol.high),
            (3, &symbol.low),
            (4, &symbol.close),
            (5, &symbol.volume),
            (7, &symbol.quote_volume),
            (9, &symbol.taker_buy_volume),
        ] {
            assert_eq!(&numbers(&candles, field), column, "field {field} of {name}");
        }
        for (bar, row) in candles.iter().enumerate() {
            assert_eq!(row.len(), 12);
            assert_eq!(row[0], market.open_time(bar).0.to_string());
            assert_eq!(row[6], (market.close_time(bar).0 - 1).to_string());
            assert!(row[8].parse::<u64>().unwrap() > 0);
        }
        let prices = |kind: &str, columns: &Option<PriceColumns>| {
            let rows = rows(texts, &format!("futures/um/monthly/{kind}/{name}/1h/"));
            let columns = columns.as_ref().unwrap();
            assert_eq!(numbers(&rows, 1), columns.open);
            assert_eq!(numbers(&rows, 2), columns.high);
            assert_eq!(numbers(&rows, 3), columns.low);
            assert_eq!(numbers(&rows, 4), columns.close);
        };
        prices("markPriceKlines", &symbol.mark);
        prices("indexPriceKlines", &symbol.index);

        let funding = rows(texts, &format!("futures/um/monthly/fundingRate/{name}/"));
        assert_eq!(funding.len(), symbol.funding.len());
        for (row, event) in funding.iter().zip(&symbol.funding) {
            let delay = row[0].parse::<i64>().unwrap() - event.settlement_time.0;
            assert!((0..15_000).contains(&delay));
            assert_eq!(row[1], "8");
            assert_eq!(row[2].parse::<f64>().unwrap(), event.rate);
        }
        check_liquidations(simulated, texts, s);
        check_open_interest(simulated, texts, s);
    }
}

fn check_liquidations(simulated: &SimulatedMarket, texts: &BTreeMap<String, String>, s: usize) {
    let table = &simulated.liquidations[s];
    let name = &simulated.market.symbols[s].symbol;
    let doubled = rows(texts, &format!("futures/um/daily/liquidationSnapshot/{name}/"));
    assert!(table.len() > 50);
    assert_eq!(doubled.len(), 2 * table.len());
    let Some(Column::Text(sides)) = table.column("liquidated_side") else { panic!("no side") };
    for (row, pair) in doubled.chunks(2).enumerate() {
        assert_eq!(pair[0], pair[1], "every row twice");
        assert_eq!(pair[0][0], table.times()[row].to_string());
        assert_eq!(pair[0][1], if sides[row] == "long" { "SELL" } else { "BUY" });
        assert_eq!(pair[0][4].parse::<f64>().unwrap(), table.f64("quantity")[row]);
        assert_eq!(pair[0][6].parse::<f64>().unwrap(), table.f64("price")[row]);
    }
}

fn check_open_interest(simulated: &SimulatedMarket, texts: &BTreeMap<String, String>, s: usize) {
    let table = &simulated.open_interest[s];
    let name = &simulated.market.symbols[s].symbol;
    let change = time("2024-03-04").0;
    let mut expect: BTreeMap<i64, f64> =
        table.times().iter().copied().zip(table.f64_or_nan("open_interest")).collect();
    assert!(expect.remove(&change).is_some(), "the snapshot that no stamp can express");
    let mut found = BTreeMap::new();
    for row in rows(texts, &format!("futures/um/daily/metrics/{name}/")) {
        assert_eq!((row.len(), &row[1]), (8, name));
        let stamp = time(&row[0]).0;
        let snapshot = if stamp >= change { stamp + 300_000 } else { stamp };
        assert!(found.insert(snapshot, row[2].parse().unwrap()).is_none());
    }
    assert_eq!(found, expect);
}

#[test]
fn files_parse_back_to_equal_columns() {
    let simulated = market();
    for (zipped, header) in [(true, true), (false, false)] {
        let folder = tempfile::tempdir().unwrap();
        let options = ArchiveOptions { zipped, header, ..ArchiveOptions::default() };
        let paths = write_binance_archives(&simulated, folder.path(), &options).unwrap();
        let texts = files(folder.path(), &paths);
        check_all(&simulated, &texts);

        let extension = if zipped { "zip" } else { "csv" };
        let bars = format!("futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.{extension}");
        let starts_with_header = texts[&bars].starts_with("open_time,open,high,low,close,volume,");
        assert_eq!(starts_with_header, header);
        let day = "2024-01-28";
        for (kind, header) in [
            ("metrics", "create_time,symbol,sum_open_interest,sum_open_interest_value,count_"),
            ("liquidationSnapshot", "time,side,order_type,time_in_force,original_quantity,price,"),
        ] {
            let name = format!("futures/um/daily/{kind}/SOLUSDT/SOLUSDT-{kind}-{day}.{extension}");
            assert!(texts[&name].starts_with(header), "{name}");
        }
        // Two symbols, four kinds by month over 3 months, two by day over 40 days.
        assert_eq!(paths.len(), 2 * (4 * 3 + 2 * 40));
    }
}

#[test]
fn equal_markets_give_equal_bytes_and_right_checksums() {
    let simulated = market();
    let options = ArchiveOptions {
        checksums: true,
        kinds: vec![Kind::Candles, Kind::Funding],
        ..ArchiveOptions::default()
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let paths =
        folders.each_ref().map(|f| write_binance_archives(&simulated, f.path(), &options).unwrap());
    assert_eq!(paths[0].len(), 2 * 2 * 3);
    for (a, b) in paths[0].iter().zip(&paths[1]) {
        let bytes = std::fs::read(a).unwrap();
        assert_eq!(bytes, std::fs::read(b).unwrap());
        let name = a.file_name().unwrap().to_str().unwrap();
        let checksum = std::fs::read_to_string(format!("{}.CHECKSUM", a.display())).unwrap();
        assert_eq!(checksum, format!("{}  {name}\n", hex(&Sha256::digest(&bytes))));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let simulated = market();
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = write_binance_archives(&simulated, file.path(), &ArchiveOptions::default());
    let message = error.expect_err("a file is no folder").to_string();
    assert!(message.contains(file.path().to_str().unwrap()), "{message}");
}
