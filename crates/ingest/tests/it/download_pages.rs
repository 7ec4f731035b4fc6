//! Interfaces asked page by page, archives without checksums, and tardis.dev with and without a
//! key.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use plimsoll_ingest::download::Status::{self, Changed, Fetched, Hole, There};
use plimsoll_ingest::download::{
    DownloadError, DownloadKind, DownloadKind as K, DownloadSource, Plan,
};
use plimsoll_market::{Interval, Timestamp};
use serde_json::{Value, json};

use crate::download::Scene;
use crate::server::{Asked, Reply, Server};
use crate::time;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// What a venue answers about minute bars: those of the window that it has, at most `limit`.
fn bars(first: i64, last: i64, limit: i64) -> Vec<i64> {
    let from = first.div_euclid(MINUTE) + i64::from(first.rem_euclid(MINUTE) > 0);
    (from..=last.div_euclid(MINUTE)).take(limit as usize).map(|minute| minute * MINUTE).collect()
}

fn number(asked: &Asked, name: &str) -> i64 {
    asked.value(name).unwrap().parse().unwrap()
}

fn bybit(asked: &Asked) -> Option<Reply> {
    if asked.path != "v5/market/kline" {
        return None;
    }
    assert_eq!(asked.value("category"), Some("linear"));
    assert_eq!(asked.value("interval"), Some("1"));
    let mut list: Vec<Value> = bars(number(asked, "start"), number(asked, "end"), 1000)
        .into_iter()
        .map(|time| json!([time.to_string(), "100", "101", "99", "100.5", "2", "201"]))
        .collect();
    list.reverse();
    let result = json!({"category": "linear", "symbol": "BTCUSDT", "list": list});
    // Written over several lines, as some servers do.
    let answer = json!({"retCode": 0, "retMsg": "OK", "result": result, "time": 1});
    Some(Reply::json(serde_json::to_string_pretty(&answer).unwrap()))
}

/// The rows of all answers of a file.
fn rows(text: &[u8], of: impl Fn(&Value) -> Value) -> Vec<Value> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .flat_map(|line| of(&serde_json::from_slice(line).unwrap()).as_array().unwrap().clone())
        .collect()
}

#[test]
fn bars_of_bybit_come_window_by_window() {
    let server = Server::misbehaving([], bybit);
    let mut scene = Scene::new(&server);
    scene.request.venue = "bybit-linear".to_owned();
    scene.request.interval = Interval::MINUTE;
    scene.request.from = "2024-11-29".parse().unwrap();
    scene.request.to = "2024-12-02T12:00:00Z".parse().unwrap();
    let report = scene.run();
    assert!(report.files.iter().all(|f| f.status == Status::Fetched && f.note.is_none()));
    let folder = "v5/market/kline/BTCUSDT/1m";
    let named = scene.named();
    let names: Vec<&String> = named.keys().collect();
    assert_eq!(
        names,
        [
            &format!("{folder}/BTCUSDT-1m-2024-11-29_to_2024-12-01.jsonl"),
            &format!("{folder}/BTCUSDT-1m-2024-12-01_to_2024-12-02T120000Z.jsonl"),
        ]
    );
    let mut times: Vec<i64> = named
        .values()
        .flat_map(|text| rows(text, |page| page["result"]["list"].clone()))
        .map(|row| row[0].as_str().unwrap().parse().unwrap())
        .collect();
    times.sort_unstable();
    let expected = bars(time("2024-11-29"), time("2024-12-02T11:59:00Z"), i64::MAX);
    assert_eq!(times, expected, "every minute once");
    // 2,880 bars in three questions, 2,160 in three.
    assert_eq!(server.asked().len(), 6);

    server.forget();
    assert!(scene.run().files.iter().all(|file| file.status == Status::There));
    assert_eq!(server.asked().len(), 0, "what is finished is not asked for again");
}

#[test]
fn a_period_that_is_not_over_is_asked_for_again() {
    let now = Arc::new(Mutex::new(time("2024-12-10")));
    let until = Arc::clone(&now);
    let server = Server::misbehaving([], move |asked| {
        let question: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "info"));
        assert_eq!(question["type"], "fundingHistory");
        assert_eq!(question["coin"], "BTC");
        let from = question["startTime"].as_i64().unwrap();
        let to = question["endTime"].as_i64().unwrap().min(*until.lock().unwrap());
        let hours = (from.div_euclid(HOUR)..=to.div_euclid(HOUR)).take(500);
        let rows: Vec<Value> = hours
            .map(|hour| json!({"coin": "BTC", "fundingRate": "0.0000125", "premium": "0.0001", "time": hour * HOUR + 64}))
            .collect();
        Some(Reply::json(Value::Array(rows).to_string()))
    });
    let mut scene = Scene::new(&server);
    scene.request.venue = "hyperliquid".to_owned();
    scene.request.symbols = vec!["BTC".to_owned()];
    scene.request.kinds = vec![DownloadKind::Funding];
    let file = scene.one();
    assert_eq!(file.status, Status::Fetched);
    assert_eq!(file.note.as_deref(), Some("has rows to 2024-12-10T00:00:00.064Z only"));
    *now.lock().unwrap() = time("2025-02-01");
    let file = scene.one();
    assert_eq!((file.status, file.note), (Status::Fetched, None));
    let named = scene.named();
    assert_eq!(
        named.keys().collect::<Vec<_>>(),
        ["info/fundingHistory/BTC/BTC-funding-2024-12.jsonl"]
    );
    assert_eq!(rows(named.values().next().unwrap(), Value::clone).len(), 31 * 24);
    assert_eq!(scene.one().status, Status::There);
}

#[test]
fn months_that_the_archive_lacks_come_from_the_interface() {
    // USD-M funding of November is archived, that of December not yet.
    let server = Server::misbehaving(crate::download::archives().clone(), |asked| {
        if asked.is_for("2024-12.zip") || asked.is_for("2024-12.zip.CHECKSUM") {
            return Some(Reply::status(404));
        }
        if asked.path.is_empty() {
            return Some(Reply::status(403));
        }
        if asked.path != "fapi/v1/fundingRate" {
            return None;
        }
        let (from, to) = (number(asked, "startTime"), number(asked, "endTime"));
        let stamps = (from.div_euclid(8 * HOUR)..=to.div_euclid(8 * HOUR)).map(|n| n * 8 * HOUR);
        let rows: Vec<Value> = stamps
            .map(|time| json!({"symbol": "BTCUSDT", "fundingTime": time, "fundingRate": "0.0001", "markPrice": "96000.1"}))
            .collect();
        Some(Reply::json(Value::Array(rows).to_string()))
    });
    let mut scene = Scene::new(&server);
    scene.request.kinds = vec![DownloadKind::Funding];
    scene.request.from = "2024-11-01".parse().unwrap();
    let report = scene.run();
    let files: Vec<(&str, Status)> =
        report.files.iter().map(|file| (file.file.as_str(), file.status)).collect();
    assert_eq!(
        files,
        [
            (
                "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-11.zip",
                Status::Fetched
            ),
            ("fapi/v1/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-12.jsonl", Status::Fetched),
        ]
    );
    let text = &scene.named()[files[1].0];
    assert_eq!(rows(text, Value::clone).len(), 31 * 3);
}

#[test]
fn answers_that_are_none_leave_nothing() {
    for (answer, word, tries) in [
        (Reply::json(r#"{"retCode":10001,"retMsg":"params error"}"#), "10001: params error", 1),
        (Reply::json(r#"{"retCode":10006,"retMsg":"Too many visits!"}"#), "tried 6 times", 6),
        (Reply::json(r#"{"retCode":0,"result":{"list":[["soon"]]}}"#), "row without a time", 1),
        (Reply::json("{\"retCode\":0,\"result\":{\"li"), "no whole JSON", 6),
        (Reply::json("<html>\u{1b}[31mblocked</html>"), "no whole JSON", 6),
        (Reply::json("[]"), "is no answer of the venue", 1),
    ] {
        let Reply::Plain(status, headers, body) = answer else { continue };
        let server = Server::misbehaving([], move |_| {
            Some(Reply::Plain(status, headers.clone(), body.clone()))
        });
        let mut scene = Scene::new(&server);
        scene.request.venue = "bybit-linear".to_owned();
        let reason = scene.failure();
        assert!(reason.contains(word) && !reason.contains('\u{1b}'), "{reason}");
        assert_eq!(server.asked().len(), tries, "{word}");
    }
    // An answer without a row is a hole, not an empty file.
    let empty = r#"{"code":"0","msg":"","data":[]}"#;
    let server = Server::misbehaving([], move |asked| {
        asked.path.starts_with("api/").then(|| Reply::json(empty))
    });
    let mut scene = Scene::new(&server);
    scene.request.venue = "okx-swap".to_owned();
    scene.request.symbols = vec!["BTC-USDT-SWAP".to_owned()];
    assert_eq!(scene.one().status, Status::Hole);
    assert!(scene.named().is_empty());
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn archives_without_checksums_are_compared_by_version() {
    let path = |day: u32| format!("trading/BTCUSDT/BTCUSDT2024-12-{day:02}.csv.gz");
    let text = |n: usize| gzipped(&"timestamp,symbol,side,size,price\n".repeat(n));
    let server = Server::of([(path(1), text(5)), (path(2), text(6)), (path(3), text(7))]);
    let mut scene = Scene::new(&server);
    scene.request.venue = "bybit-linear".to_owned();
    scene.request.kinds = vec![DownloadKind::Trades];
    scene.request.to = "2024-12-05".parse().unwrap();
    let statuses = |report: &plimsoll_ingest::download::Report| {
        report.files.iter().map(|file| file.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&scene.run()), [Fetched, Fetched, Fetched, Hole]);
    assert_eq!(statuses(&scene.run()), [There, There, There, Hole]);
    server.put(&path(2), &text(8));
    server.put(&path(4), &text(9));
    assert_eq!(statuses(&scene.run()), [There, Changed, There, Fetched]);
    assert_eq!(statuses(&scene.run()), [There, There, There, There]);
    let named = scene.named();
    assert_eq!(named.len(), 5);
    assert!(named[&path(2)] == text(6), "the old one stays");

    // A length that is wrong from the start shows in the packing.
    let server = Server::misbehaving([], move |asked| {
        asked.is_for(".csv.gz").then(|| {
            let whole = gzipped(&"timestamp,symbol,side,size,price\n".repeat(5));
            Reply::Plain(200, Vec::new(), whole[..whole.len() - 4].to_vec())
        })
    });
    scene = Scene::new(&server);
    scene.request.venue = "bybit-linear".to_owned();
    scene.request.kinds = vec![DownloadKind::Trades];
    scene.request.to = "2024-12-02".parse().unwrap();
    let reason = scene.failure();
    assert!(reason.contains("damaged or cut off"), "{reason}");
}

const KEY: &str = "TD.qX7-secret_words";

fn tardis(server: &Server) -> Scene {
    let mut scene = Scene::new(server);
    scene.request.source = DownloadSource::Tardis;
    scene.request.kinds = vec![DownloadKind::Liquidations];
    scene.request.from = "2024-12-01".parse().unwrap();
    scene.request.to = "2024-12-04".parse().unwrap();
    scene
}

fn tardis_file(day: u32) -> String {
    format!("v1/binance-futures/liquidations/2024/12/{day:02}/BTCUSDT.csv.gz")
}

#[test]
fn without_a_key_only_first_days_are_asked_for() {
    let server = Server::of([(tardis_file(1), gzipped("exchange\n"))]);
    let scene = tardis(&server);
    let report = scene.run();
    assert_eq!(report.files.len(), 1);
    assert_eq!(report.files[0].status, Status::Fetched);
    assert!(
        report.notes[0].contains("first day of each month only: 2 files"),
        "{:?}",
        report.notes
    );
    assert!(server.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
    assert!(report.root.ends_with("raw/tardis"));
    assert_eq!(scene.named().keys().collect::<Vec<_>>(), [&tardis_file(1)]);
}

#[test]
fn the_key_goes_to_its_host_and_nowhere_else() {
    let other = Server::of((1..4).map(|day| (tardis_file(day), gzipped("exchange\n"))));
    let elsewhere = other.other_url();
    let server = Server::misbehaving([], move |asked| match asked {
        asked if asked.headers.get("authorization") != Some(&format!("Bearer {KEY}")) => {
            Some(Reply::status(401))
        }
        asked if asked.is_for("02/BTCUSDT.csv.gz") => {
            Some(Reply::redirect(format!("{elsewhere}/{}", asked.path)))
        }
        asked if asked.is_for("03/BTCUSDT.csv.gz") => Some(Reply::status(403)),
        asked if asked.path == "moved" => {
            Some(Reply::Plain(200, Vec::new(), gzipped("exchange\n")))
        }
        _ => Some(Reply::redirect("/moved")),
    });
    let mut scene = tardis(&server);
    scene.key = Some(KEY);
    let report = scene.run();
    let statuses: Vec<Status> = report.files.iter().map(|file| file.status).collect();
    assert_eq!(statuses, [Status::Fetched, Status::Fetched, Status::Failed]);
    let note = report.files[2].note.as_deref().unwrap();
    assert!(note.contains("the key in TARDIS_API_KEY does not open it"), "{note}");
    assert!(!other.asked().is_empty());
    assert!(other.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
    for asked in server.asked().iter().chain(&other.asked()) {
        assert!(!format!("{}{}", asked.path, asked.question).contains("secret"), "{asked:?}");
    }
    assert!(!format!("{report:?}{:?}", scene.settings).contains("secret"));
    for (path, bytes) in crate::bytes(scene.folder.path()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("secret") && !path.to_string_lossy().contains("secret"));
    }
}

#[test]
fn a_file_behind_a_key_says_so() {
    let server = Server::misbehaving([], |_| Some(Reply::status(401)));
    let report = tardis(&server).run();
    let note = report.files[0].note.as_deref().unwrap();
    assert!(note.contains("it needs a key in TARDIS_API_KEY"), "{note}");
}

#[test]
fn plans_are_the_layouts_of_the_venues() {
    let server = Server::of([]);
    let mut scene = Scene::new(&server);
    scene.request.base_url = None;
    let mut files = |venue: &str, symbol: &str, kind: DownloadKind, from: &str, to: &str| {
        scene.request.venue = venue.to_owned();
        scene.request.symbols = vec![symbol.to_owned(), symbol.to_owned()];
        scene.request.kinds = vec![kind];
        (scene.request.from, scene.request.to) = (from.parse().unwrap(), to.parse().unwrap());
        let plan = Plan::new(&scene.request).unwrap();
        plan.items.into_iter().map(|item| item.file).collect::<Vec<_>>()
    };
    let um = "data/futures/um";
    for (venue, symbol, kind, (from, to), expected) in [
        ("binance-usdm", "BTCUSDT", K::Candles, ("2024-11-29", "2025-01-02T01:00:00Z"), vec![
            format!("{um}/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11-29.zip"),
            format!("{um}/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11-30.zip"),
            format!("{um}/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.zip"),
            format!("{um}/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-01.zip"),
            format!("{um}/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-02.zip"),
        ]),
        ("binance-usdm", "BTCUSDT", K::MarkCandles, ("2024-02-01", "2024-03-01"), vec![
            format!("{um}/monthly/markPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip"),
        ]),
        ("binance-usdm", "BTCUSDT", K::PremiumIndexCandles, ("2024-02-01", "2024-03-01"), vec![
            format!("{um}/monthly/premiumIndexKlines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip"),
        ]),
        ("binance-usdm", "BTCUSDT", K::AggregateTrades, ("2024-02-01", "2024-03-01"), vec![
            format!("{um}/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02.zip"),
        ]),
        ("binance-usdm", "BTCUSDT", K::OpenInterest, ("2024-02-29", "2024-03-01"), vec![
            format!("{um}/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-02-29.zip"),
        ]),
        ("binance-coinm", "BTCUSD_PERP", K::IndexCandles, ("2024-02-01", "2024-03-01"), vec![
            "data/futures/cm/monthly/indexPriceKlines/BTCUSD/1h/BTCUSD-1h-2024-02.zip".to_owned(),
        ]),
        ("binance-coinm", "BTCUSD_PERP", K::Liquidations, ("2024-02-01", "2024-02-02"), vec![
            "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/BTCUSD_PERP-liquidationSnapshot-2024-02-01.zip".to_owned(),
        ]),
        ("binance-spot", "BTCUSDT", K::Trades, ("2024-02-01", "2024-03-01"), vec![
            "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip".to_owned(),
        ]),
        ("bybit-inverse", "BTCUSD", K::Trades, ("2024-02-01", "2024-02-02"), vec![
            "trading/BTCUSD/BTCUSD2024-02-01.csv.gz".to_owned(),
        ]),
        ("bybit-spot", "BTCUSDT", K::Trades, ("2024-01-31", "2024-03-01"), vec![
            "spot/BTCUSDT/BTCUSDT_2024-01-31.csv.gz".to_owned(),
            "spot/BTCUSDT/BTCUSDT-2024-02.csv.gz".to_owned(),
        ]),
        ("okx-swap", "BTC-USDT-SWAP", K::Trades, ("2024-02-01", "2024-02-02"), vec![
            "cdn/okex/traderecords/trades/daily/20240201/BTC-USDT-SWAP-trades-2024-02-01.zip".to_owned(),
            "cdn/okex/traderecords/trades/daily/20240202/BTC-USDT-SWAP-trades-2024-02-02.zip".to_owned(),
        ]),
        ("okx-swap", "BTC-USDT-SWAP", K::Funding, ("2024-02-10", "2024-02-12"), vec![
            "cdn/okex/traderecords/swaprates/monthly/202402/BTC-USDT-SWAP-fundingrates-2024-02.zip".to_owned(),
        ]),
        ("deribit", "BTC-PERPETUAL", K::Funding, ("2024-02-01", "2024-02-03"), vec![
            "v1/deribit/derivative_ticker/2024/02/01/BTC-PERPETUAL.csv.gz".to_owned(),
        ]),
        ("hyperliquid", "kPEPE", K::Candles, ("2024-02-01", "2024-03-01"), vec![
            "info/candleSnapshot/kPEPE/1h/kPEPE-1h-2024-02.jsonl".to_owned(),
        ]),
    ] {
        assert_eq!(files(venue, symbol, kind, from, to), expected, "{venue} {kind}");
    }
}

#[test]
fn what_cannot_be_planned_is_told_why() {
    let server = Server::of([]);
    let mut scene = Scene::new(&server);
    let check = |change: &dyn Fn(&mut plimsoll_ingest::download::Request), word: &str| {
        let mut request = scene.request.clone();
        change(&mut request);
        let error: DownloadError = Plan::new(&request).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    check(
        &|r| r.venue = "mtgox".to_owned(),
        "`mtgox` is no venue with public archives; those are binance-usdm",
    );
    check(&|r| r.to = r.from, "is empty");
    check(&|r| r.to = Timestamp(0), "is empty");
    for symbol in ["", "..", ".hidden", "a/b", "BTC USDT", "BTC\u{0}", "BTC&x=1", "B\u{e4}"] {
        check(&|r| r.symbols = vec![symbol.to_owned()], "is no symbol");
    }
    check(&|r| r.interval = "7m".parse().unwrap(), "binance-usdm offers no 7m bars; it has 1m, 3m");
    check(&|r| r.interval = "1s".parse().unwrap(), "no 1s bars");
    for (venue, kind, word) in [
        ("binance-spot", DownloadKind::Funding, "a spot market has none"),
        ("bybit-linear", DownloadKind::Liquidations, "keeps no history"),
        ("okx-swap", DownloadKind::Liquidations, "last days only"),
        ("hyperliquid", DownloadKind::OpenInterest, "buckets whose readers pay"),
        ("deribit", DownloadKind::PremiumIndexCandles, "no such files"),
    ] {
        check(&|r| (r.venue, r.kinds) = (venue.to_owned(), vec![kind]), word);
    }
    for url in
        ["", "data.binance.vision", "ftp://archive/", "http://u:p@archive/", "http://archive/?a=1"]
    {
        let error = {
            let mut request = scene.request.clone();
            request.base_url = Some(url.to_owned());
            Plan::new(&request).unwrap_err()
        };
        assert!(matches!(error, DownloadError::BadUrl { .. }), "{error}");
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
    scene.request.kinds.clear();
    assert!(Plan::new(&scene.request).unwrap().items.is_empty());
}
