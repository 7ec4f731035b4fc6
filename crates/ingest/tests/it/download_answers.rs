//! Answers of interfaces that lack rows, change, belong to another question or come too early;
//! servers that give more than was listed or show the key.

use std::fs;
use std::sync::{Arc, Mutex};

use plimsoll_ingest::download::Status::{Changed, Failed, Fetched, Hole, There, Wanted};
use plimsoll_ingest::download::{DownloadError, DownloadKind, DownloadSource, Plan, Request};
use plimsoll_market::Timestamp;
use serde_json::{Value, json};

use crate::download::{MONTHLY, Scene, archive_server, archives};
use crate::server::{Reply, Server};
use crate::time;

const HOUR: i64 = 3_600_000;
const FILE: &str = "v5/market/kline/BTCUSDT/1h/BTCUSDT-1h-2024-12.jsonl";

/// Opening times and closes.
type Bars = Vec<(i64, &'static str)>;

/// A server that answers every question with the hourly bars that it is told to have.
fn bybit(category: &'static str) -> (Arc<Mutex<Bars>>, Server) {
    let bars = Arc::new(Mutex::new(Vec::new()));
    let told: Arc<Mutex<Bars>> = Arc::clone(&bars);
    let server = Server::misbehaving([], move |_| {
        let row = |&(time, close): &(i64, &str)| {
            json!([time.to_string(), "100", "103", "99", close, "2", "201"])
        };
        let list: Vec<Value> = told.lock().unwrap().iter().map(row).collect();
        let result = json!({"category": category, "symbol": "BTCUSDT", "list": list});
        // The venue's clock is in each answer: no two are the same.
        let text = json!({"retCode": 0, "result": result, "time": list.len()}).to_string();
        Some(Reply::json(text))
    });
    (bars, server)
}

fn hours(from: i64, to: i64, close: &'static str) -> Bars {
    let first = time("2024-12-01");
    (from..to).map(|hour| (first + hour * HOUR, close)).collect()
}

fn scene(server: &Server) -> Scene {
    let mut scene = Scene::new(server);
    "bybit-linear".clone_into(&mut scene.request.venue);
    scene
}

#[test]
fn rows_that_lack_inside_are_told_and_asked_for_again() {
    let (bars, server) = bybit("linear");
    let scene = scene(&server);
    *bars.lock().unwrap() = [hours(0, 100, "101"), hours(600, 744, "101")].concat();
    let file = scene.one();
    assert_eq!(file.status, Fetched);
    let lack = "lacks rows in one place, first after 2024-12-05T03:00:00Z";
    assert_eq!(file.note.as_deref(), Some(lack));
    let old = scene.named();

    // Nothing new, and then less than before: the file stays as it is, to the byte.
    assert_eq!((scene.one().status, scene.one().note.as_deref()), (There, Some(lack)));
    *bars.lock().unwrap() = hours(700, 744, "101");
    let file = scene.one();
    assert_eq!(file.status, There);
    assert!(file.note.unwrap().contains("gives 44 of its 244 rows only"));
    bars.lock().unwrap().clear();
    let report = scene.run();
    assert_eq!(report.with(Hole).count(), 0);
    assert!(report.files[0].note.as_deref().unwrap().contains("no rows of it any more"));
    assert_eq!(report.on_disk, [FILE], "it goes into the lake as before");
    assert_eq!(scene.named(), old);

    // All of it takes the place of a part, and is finished.
    *bars.lock().unwrap() = hours(0, 744, "101");
    let file = scene.one();
    assert_eq!((file.status, file.note), (Fetched, None));
    assert_eq!(scene.named().len(), 1);
    server.forget();
    assert_eq!(scene.one().status, There);
    assert_eq!(server.asked().len(), 0);
    assert!(scene.leftovers().is_empty());
}

#[test]
fn rows_that_are_others_than_before_are_kept_beside() {
    let (bars, server) = bybit("linear");
    let scene = scene(&server);
    *bars.lock().unwrap() = hours(0, 500, "101");
    scene.run();
    let old = scene.named();
    // The window has moved on: neither holds the other, and both are of use.
    *bars.lock().unwrap() = hours(300, 700, "101");
    let report = scene.run();
    assert_eq!(report.files[0].status, Changed);
    assert!(report.files[0].note.as_deref().unwrap().contains("the old file stays as"));
    assert_eq!(report.on_disk.len(), 2);
    // Another price at a time that was told before.
    *bars.lock().unwrap() = hours(0, 744, "102");
    let report = scene.run();
    assert_eq!(report.files[0].status, Changed);
    assert_eq!(report.on_disk.len(), 1);
    let named = scene.named();
    assert_eq!(named.len(), 3);
    assert!(old.iter().all(|(path, bytes)| named[path] == *bytes));
    assert_eq!(scene.one().status, There);
}

#[test]
fn answers_where_somebody_put_another_file_do_not_overwrite_it() {
    let (bars, server) = bybit("linear");
    let scene = scene(&server);
    *bars.lock().unwrap() = hours(0, 744, "101");
    let path = scene.folder.path().join("raw/bybit-linear").join(FILE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"notes of mine\n").unwrap();
    assert_eq!(scene.one().status, Changed);
    assert_eq!(fs::read(&path).unwrap(), b"notes of mine\n");
    assert_eq!(scene.named().len(), 2);
}

#[test]
fn a_period_that_is_not_over_is_not_finished() {
    let (bars, server) = bybit("linear");
    let mut scene = scene(&server);
    // The bar of noon is still forming, and is not kept.
    scene.settings.now = Some(Timestamp(time("2024-12-10T12:30:00Z")));
    *bars.lock().unwrap() = hours(0, 9 * 24 + 13, "101");
    let file = scene.one();
    assert_eq!(file.note.as_deref(), Some("has rows to 2024-12-10T11:00:00Z only"));
    // Its close is another one in the end: no contradiction.
    *bars.lock().unwrap() = [hours(0, 9 * 24 + 12, "101"), hours(9 * 24 + 12, 744, "102")].concat();
    scene.settings.now = Some(Timestamp(time("2025-01-01T00:10:00Z")));
    let file = scene.one();
    assert_eq!((file.status, file.note), (Fetched, None));
    assert_eq!(scene.named().len(), 1);
    // All rows are there, but the last may come late: asked for once more.
    for (now, questions) in
        [("2025-01-01T00:20:00Z", 1), ("2025-01-01T02:00:00Z", 1), ("2025-02-01", 0)]
    {
        server.forget();
        scene.settings.now = Some(Timestamp(time(now)));
        assert_eq!(scene.one().status, There);
        assert_eq!(server.asked().len(), questions, "{now}");
    }
}

#[test]
fn without_a_connection_an_unfinished_file_still_goes_into_the_lake() {
    let (bars, server) = bybit("linear");
    let mut scene = scene(&server);
    scene.settings.tries = 1;
    *bars.lock().unwrap() = hours(0, 100, "101");
    scene.run();
    drop(server);
    let report = scene.run();
    assert_eq!(report.files[0].status, Failed);
    assert_eq!(report.on_disk, [FILE]);
}

#[test]
fn funding_that_lacks_hours_is_told_whatever_the_interval() {
    for (stamps, lack) in [
        ((0..744).collect::<Vec<i64>>(), None),
        ((0..744).filter(|hour| hour % 8 == 0 || *hour > 400).collect(), None),
        ((0..744).filter(|hour| hour % 8 == 0 && *hour != 80).collect(), Some("one place")),
        ((0..744).filter(|hour| !(200..203).contains(hour)).collect(), Some("one place")),
        ((0..738).collect(), Some("has rows to")),
    ] {
        let server = Server::misbehaving([], move |asked| {
            let bound = |name: &str| asked.value(name)?.parse::<i64>().ok();
            let window = bound("startTime")?..=bound("endTime")?;
            let rows: Vec<Value> = stamps
                .iter()
                .map(|hour| time("2024-12-01") + hour * HOUR + hour * 37 % 200)
                .filter(|time| window.contains(time))
                .map(|time| json!({"symbol": "BTCUSD_PERP", "fundingRate": "0.0001", "fundingTime": time}))
                .collect();
            Some(Reply::json(Value::Array(rows).to_string()))
        });
        let mut scene = Scene::new(&server);
        scene.request.venue = "binance-coinm".to_owned();
        scene.request.symbols = vec!["BTCUSD_PERP".to_owned()];
        scene.request.kinds = vec![DownloadKind::Funding];
        let note = scene.one().note;
        assert_eq!(note.is_some(), lack.is_some(), "{note:?}");
        assert!(note.as_deref().unwrap_or_default().contains(lack.unwrap_or_default()), "{note:?}");
    }
}

#[test]
fn answers_of_another_market_are_refused() {
    let (bars, server) = bybit("inverse");
    *bars.lock().unwrap() = hours(0, 744, "101");
    let reason = scene(&server).failure();
    assert_eq!(reason, "answers for `inverse`, asked for `linear`");
}

#[test]
fn days_of_okx_trades_begin_at_16_hours_the_day_before() {
    let server = Server::of([]);
    let mut scene = Scene::new(&server);
    scene.request.venue = "okx-swap".to_owned();
    scene.request.kinds = vec![DownloadKind::Trades];
    scene.request.symbols = vec!["BTC-USDT-SWAP".to_owned()];
    scene.request.to = "2024-12-03".parse().unwrap();
    let plan = Plan::new(&scene.request).unwrap();
    let days: Vec<&str> =
        plan.items.iter().map(|item| &item.file[item.file.len() - 14..]).collect();
    assert_eq!(days, ["2024-12-01.zip", "2024-12-02.zip", "2024-12-03.zip"]);
    assert_eq!(plan.items[0].from, "2024-11-30T16:00:00Z".parse().unwrap());
    assert_eq!(plan.items[2].to, "2024-12-03T16:00:00Z".parse().unwrap());
}

#[test]
fn a_zip_without_checksum_is_read_to_its_end() {
    let mut damaged = archives()[MONTHLY].clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let path = "cdn/okex/traderecords/trades/daily/20241202/BTC-USDT-SWAP-trades-2024-12-02.zip";
    let server = Server::of([(path.to_owned(), damaged)]);
    let mut scene = Scene::new(&server);
    scene.request.venue = "okx-swap".to_owned();
    scene.request.kinds = vec![DownloadKind::Trades];
    scene.request.symbols = vec!["BTC-USDT-SWAP".to_owned()];
    scene.request.from = "2024-12-02".parse().unwrap();
    scene.request.to = "2024-12-02T10:00:00Z".parse().unwrap();
    let reason = scene.failure();
    assert!(reason.contains("damaged or cut off"), "{reason}");
}

#[test]
fn a_body_without_end_is_cut_at_what_the_listing_says() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        asked.is_for("12.zip").then_some(Reply::Endless(head))
    });
    let scene = Scene::new(&server);
    let reason = scene.failure();
    assert!(reason.contains("goes on after 1048576 bytes"), "{reason}");
    assert!(scene.leftovers().is_empty());
}

#[test]
fn a_dry_run_tells_what_has_changed() {
    let server = archive_server();
    let scene = Scene::new(&server);
    scene.run();
    let longer = [archives()[MONTHLY].as_slice(), b"more"].concat();
    server.put(MONTHLY, &longer);
    let report = scene.run_as(true);
    assert_eq!(report.files[0].status, Wanted);
    assert_eq!(report.files[0].bytes, Some(longer.len() as u64));
    assert!(report.files[0].note.as_deref().unwrap().contains("has changed on the server"));
}

#[test]
fn several_kinds_of_one_file_are_all_reported_and_it_is_fetched_once() {
    let server = Server::of([]);
    let mut scene = Scene::new(&server);
    scene.request.source = DownloadSource::Tardis;
    let kinds = [DownloadKind::MarkCandles, DownloadKind::Funding, DownloadKind::OpenInterest];
    scene.request.kinds = kinds.to_vec();
    scene.request.to = "2024-12-02".parse().unwrap();
    let report = scene.run();
    assert_eq!(report.files.iter().map(|file| file.kind).collect::<Vec<_>>(), kinds);
    assert!(report.files.iter().all(|file| file.file == report.files[0].file));
    assert_eq!(server.asked().len(), 1);
}

const KEY: &str = "TD.qX7-secret_words";

#[test]
fn a_key_that_the_server_shows_is_masked() {
    let server = Server::misbehaving([], |asked| match asked {
        asked if asked.is_for("01/BTCUSDT.csv.gz") => {
            Some(Reply::redirect(format!("ftp://127.0.0.1/{KEY}")))
        }
        asked if asked.is_for("02/BTCUSDT.csv.gz") => {
            let headers = vec![("ETag", format!("\"{KEY}\""))];
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packer, b"exchange\n").unwrap();
            Some(Reply::Plain(200, headers, packer.finish().unwrap()))
        }
        _ => {
            let long = ("Retry-After", "9".repeat(30));
            Some(Reply::Plain(503, vec![long], Vec::new()))
        }
    });
    let mut scene = Scene::new(&server);
    scene.request.source = DownloadSource::Tardis;
    scene.request.kinds = vec![DownloadKind::Liquidations];
    scene.request.to = "2024-12-04".parse().unwrap();
    scene.key = Some(KEY);
    let report = scene.run();
    let statuses: Vec<_> = report.files.iter().map(|file| file.status).collect();
    assert_eq!(statuses, [Failed, Fetched, Failed]);
    let note = report.files[0].note.as_deref().unwrap();
    assert!(note.contains("ftp://127.0.0.1/[the key]"), "{note}");
    // A wait longer than can be counted is longer than anybody waits.
    let note = report.files[2].note.as_deref().unwrap();
    assert!(note.contains("asks to wait"), "{note}");
    assert!(!format!("{report:?}").contains("secret"));
    for (path, bytes) in crate::bytes(scene.folder.path()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "{}", path.display());
    }
}

#[test]
fn a_key_is_not_sent_in_the_open() {
    let server = Server::of([]);
    let request = Request {
        source: DownloadSource::Tardis,
        kinds: vec![DownloadKind::Liquidations],
        base_url: Some("http://archive.example/tardis".to_owned()),
        has_key: true,
        ..Scene::new(&server).request
    };
    let error = Plan::new(&request).unwrap_err();
    assert!(matches!(&error, DownloadError::BadUrl { reason } if reason.contains("in the open")));
    for base in ["https://archive.example/tardis", "http://127.0.0.1:8080"] {
        assert!(Plan::new(&Request { base_url: Some(base.to_owned()), ..request.clone() }).is_ok());
    }
    let fooled = "http://127.evil.example".to_owned();
    assert!(Plan::new(&Request { base_url: Some(fooled), ..request.clone() }).is_err());
    assert!(Plan::new(&Request { has_key: false, ..request }).is_ok());
}
