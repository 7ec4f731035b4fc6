//! Downloads from a server of real layouts: what comes, what is there, what has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use plimsoll_ingest::download::{
    ApiKey, DownloadError, DownloadKind, DownloadSource, FileResult, Plan, Report, Request,
    Settings, Status, download,
};
use plimsoll_ingest::{NoProgress, Options, ingest_below};
use plimsoll_market::synthetic::{
    ArchiveOptions, SimulatedSymbol, SimulatorConfig, simulate, write_binance_archives,
};
use plimsoll_market::{Interval, Kind, Lake};

use crate::server::{Reply, Server};

/// November and December 2024 of a simulated market, as the venue would archive them: path on the
/// server and bytes.
pub(crate) fn archives() -> &'static BTreeMap<String, Vec<u8>> {
    static ARCHIVES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let config = SimulatorConfig {
            start: "2024-11-01".parse().unwrap(),
            n_days: 61,
            interval: Interval::HOUR,
            step: Interval::HOUR,
            symbols: vec![SimulatedSymbol::bitcoin()],
            ..SimulatorConfig::calm(5)
        };
        let kinds = vec![Kind::Candles, Kind::MarkCandles, Kind::Funding, Kind::OpenInterest];
        let options = ArchiveOptions { checksums: true, kinds, ..ArchiveOptions::default() };
        write_binance_archives(&simulate(&config).unwrap(), folder.path(), &options).unwrap();
        crate::bytes(folder.path())
            .into_iter()
            .map(|(path, bytes)| {
                let path = path.strip_prefix(folder.path()).unwrap();
                (format!("data/{}", path.to_str().unwrap()), bytes)
            })
            .collect()
    })
}

pub(crate) const MONTHLY: &str = "data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.zip";
pub(crate) const NOVEMBER: &str =
    "data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-11.zip";

/// A folder to download into, and how.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) settings: Settings,
    pub(crate) request: Request,
    pub(crate) key: Option<&'static str>,
}

impl Scene {
    /// December's hourly candles from a server.
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            settings: Settings {
                time_scale: 0.001,
                connect_timeout: Duration::from_secs(5),
                answer_timeout: Duration::from_millis(700),
                read_timeout: Duration::from_millis(700),
                total_timeout: Duration::from_secs(5),
                ..Settings::default()
            },
            request: Request {
                venue: "binance-usdm".to_owned(),
                source: DownloadSource::Auto,
                symbols: vec!["BTCUSDT".to_owned()],
                kinds: vec![DownloadKind::Candles],
                from: "2024-12-01".parse().unwrap(),
                to: "2025-01-01".parse().unwrap(),
                interval: Interval::HOUR,
                base_url: Some(server.url()),
                has_key: false,
            },
            key: None,
        }
    }

    pub(crate) fn run(&self) -> Report {
        self.run_as(false)
    }

    pub(crate) fn run_as(&self, is_dry: bool) -> Report {
        let plan = Plan::new(&Request { has_key: self.key.is_some(), ..self.request.clone() });
        let key = self.key.and_then(ApiKey::new);
        download(plan.unwrap(), self.folder.path(), &self.settings, key, is_dry, &NoProgress)
            .unwrap()
    }

    /// The only file of the plan.
    pub(crate) fn one(&self) -> FileResult {
        let report = self.run();
        assert_eq!(report.files.len(), 1, "{:?}", report.files);
        report.files[0].clone()
    }

    /// The reason of the only file's failure; nothing of it is left under a final name.
    pub(crate) fn failure(&self) -> String {
        let file = self.one();
        assert_eq!(file.status, Status::Failed, "{file:?}");
        assert!(self.named().is_empty(), "{:?}", self.named());
        file.note.unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("raw/binance-usdm")
    }

    /// Every file under its final name, by its path below the folder, with its bytes.
    pub(crate) fn named(&self) -> BTreeMap<String, Vec<u8>> {
        let raw = self.folder.path().join("raw");
        let mut files = BTreeMap::new();
        for (path, bytes) in crate::bytes(&raw) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.starts_with('.') {
                let below = path.strip_prefix(&raw).unwrap();
                let below: PathBuf = below.components().skip(1).collect();
                files.insert(below.to_str().unwrap().to_owned(), bytes);
            }
        }
        files
    }

    /// What is hidden and not the journal or its lock.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let hidden = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with('.') && !name.starts_with(".downloads")
        };
        crate::bytes(self.folder.path()).into_iter().map(|f| f.0).filter(|f| hidden(f)).collect()
    }

    /// The file is there, whole, with its checksum, and nothing else is.
    pub(crate) fn assert_whole(&self, path: &str) {
        let named = self.named();
        assert!(named[path] == archives()[path], "{path} differs");
        let checksum = format!("{path}.CHECKSUM");
        assert!(named[&checksum] == archives()[&checksum]);
        assert_eq!(named.len(), 2, "{:?}", named.keys());
        assert_eq!(self.leftovers(), Vec::<PathBuf>::new());
    }
}

pub(crate) fn archive_server() -> Server {
    Server::of(archives().clone())
}

#[test]
fn everything_of_a_period_comes_and_goes_into_the_lake() {
    let server = archive_server();
    let mut scene = Scene::new(&server);
    scene.request.from = "2024-11-01".parse().unwrap();
    scene.request.kinds = vec![
        DownloadKind::Candles,
        DownloadKind::MarkCandles,
        DownloadKind::Funding,
        DownloadKind::OpenInterest,
    ];
    let report = scene.run();
    assert_eq!(report.files.len(), 2 + 2 + 2 + 61);
    assert!(report.files.iter().all(|file| file.status == Status::Fetched), "{:?}", report.files);
    assert_eq!(scene.named(), *archives());
    assert_eq!(scene.leftovers(), Vec::<PathBuf>::new());

    let lake = Lake::new(scene.folder.path());
    let summary =
        ingest_below(&report.root, &report.on_disk, &Options::default(), &lake, &NoProgress)
            .unwrap();
    assert_eq!(summary.files, 67);
    let series: Vec<String> = lake.series().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(series.len(), 4, "{series:?}");
    assert!(series.iter().all(|name| name.contains("binance-usdm")), "{series:?}");
    let candles = summary.merges.iter().find(|merge| merge.series.kind == Kind::Candles).unwrap();
    assert_eq!(candles.rows_added, 61 * 24);

    // Again: only checksums are asked for.
    server.forget();
    let again = scene.run();
    assert!(again.files.iter().all(|file| file.status == Status::There));
    assert_eq!(again.on_disk, report.on_disk);
    assert_eq!(server.count("GET", ".zip"), 0);
    let before = crate::bytes(scene.folder.path());
    scene.run();
    assert_eq!(crate::bytes(scene.folder.path()), before);
}

#[test]
fn a_dry_run_tells_sizes_and_writes_nothing() {
    let server = archive_server();
    let mut scene = Scene::new(&server);
    scene.request.from = "2024-11-01".parse().unwrap();
    scene.request.to = "2025-02-01".parse().unwrap();
    let report = scene.run_as(true);
    let told: Vec<(&str, Status, Option<u64>)> =
        report.files.iter().map(|f| (f.file.as_str(), f.status, f.bytes)).collect();
    let size = |path: &str| Some(archives()[path].len() as u64);
    assert_eq!(told[0], (NOVEMBER, Status::Wanted, size(NOVEMBER)));
    assert_eq!(told[1], (MONTHLY, Status::Wanted, size(MONTHLY)));
    // January is not archived, by month nor by day.
    assert_eq!(told.len(), 2 + 31);
    assert!(told[2..].iter().all(|(_, status, bytes)| (*status, *bytes) == (Status::Hole, None)));
    assert_eq!(crate::bytes(scene.folder.path()), Vec::new());
    assert!(server.asked().iter().all(|asked| asked.path.is_empty()), "only the listing is read");

    scene.request.to = "2025-01-01".parse().unwrap();
    scene.run();
    let report = scene.run_as(true);
    assert!(report.files.iter().all(|file| file.status == Status::There), "{:?}", report.files);
}

#[test]
fn without_a_listing_files_are_asked_for_by_name_and_days_fill_missing_months() {
    let day = "data/futures/um/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-05.zip";
    let (zip, sum) = (&archives()[MONTHLY], &archives()[&format!("{MONTHLY}.CHECKSUM")]);
    let sum = String::from_utf8(sum.clone()).unwrap().replace("2024-12.zip", "2024-12-05.zip");
    let files = [(day.to_owned(), zip.clone()), (format!("{day}.CHECKSUM"), sum.into_bytes())];
    let server = Server::misbehaving(files, |asked| {
        asked.path.is_empty().then(|| {
            let page = b"<html>A page for people</html>".to_vec();
            Reply::Plain(200, Vec::new(), page)
        })
    });
    let scene = Scene::new(&server);
    let report = scene.run();
    assert!(report.notes.iter().any(|note| note.contains("could not be listed")));
    assert_eq!(report.files.len(), 31);
    let fetched: Vec<&str> = report.with(Status::Fetched).map(|f| f.file.as_str()).collect();
    assert_eq!(fetched, [day]);
    assert_eq!(report.with(Status::Hole).count(), 30);
    // A hole is no failure, is asked for once, and is noted: the month's file and thirty days.
    assert_eq!(server.count("GET", "BTCUSDT-1h-2024-12-06.zip"), 1);
    let journal = fs::read_to_string(scene.root().join(".downloads.jsonl")).unwrap();
    assert_eq!(journal.lines().filter(|line| line.contains("\"missing\":true")).count(), 31);
    let dry = scene.run_as(true);
    assert_eq!(dry.with(Status::There).count(), 1);
    assert_eq!(dry.with(Status::Hole).count(), 30);
}

#[test]
fn a_listing_of_thousands_is_read_page_by_page() {
    let path = |day: usize| {
        let date = plimsoll_market::Timestamp(day as i64 * plimsoll_market::DAY_MS).date_string();
        format!("data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-{date}.zip")
    };
    // 2020-09-01 to 2025-06-30, with one day left out.
    let mut files = BTreeMap::new();
    for day in 18_506..20_270 {
        if day != 19_000 {
            files.insert(path(day), vec![b'x'; day % 7 + 1]);
            files.insert(format!("{}.CHECKSUM", path(day)), Vec::new());
        }
    }
    assert!(files.len() > 3_000);
    let server = Server::of(files);
    let mut scene = Scene::new(&server);
    scene.request.kinds = vec![DownloadKind::OpenInterest];
    scene.request.from = "2020-09-01".parse().unwrap();
    scene.request.to = "2025-07-01".parse().unwrap();
    let report = scene.run_as(true);
    assert_eq!(report.files.len(), 20_270 - 18_506);
    assert_eq!(
        report.with(Status::Hole).map(|f| f.file.clone()).collect::<Vec<_>>(),
        [path(19_000)]
    );
    let wanted: u64 = report.with(Status::Wanted).filter_map(|file| file.bytes).sum();
    let expected: usize = (18_506..20_270).filter(|&d| d != 19_000).map(|d| d % 7 + 1).sum();
    assert_eq!(wanted, expected as u64);
    assert_eq!(server.count("GET", ""), 4);

    // Of a short period one page is enough, wherever it lies.
    server.forget();
    scene.request.from = "2025-06-01".parse().unwrap();
    assert_eq!(scene.run_as(true).with(Status::Wanted).count(), 30);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn listings_that_go_round_or_never_end_are_given_up() {
    let page = |key: &str| {
        format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>{key}</Key><Size>1</Size></Contents></ListBucketResult>"
        )
    };
    let same = page("data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.a");
    let server = Server::misbehaving(archives().clone(), move |asked| {
        asked.path.is_empty().then(|| Reply::Plain(200, Vec::new(), same.clone().into_bytes()))
    });
    let report = Scene::new(&server).run();
    assert!(report.notes[0].contains("repeats the one before"), "{:?}", report.notes);
    assert_eq!(report.files[0].status, Status::Fetched);

    let server = Server::misbehaving(archives().clone(), |asked| {
        asked.path.is_empty().then(|| {
            Reply::Endless(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n".to_vec())
        })
    });
    let report = Scene::new(&server).run();
    assert!(report.notes[0].contains("longer than 8388608 bytes"), "{:?}", report.notes);
    assert_eq!(report.files[0].status, Status::Fetched);
}

#[test]
fn a_changed_archive_is_kept_beside_the_old_one() {
    let server = archive_server();
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    let old = scene.named();

    // December's file is replaced by November's, under December's name.
    let (zip, sum) = (&archives()[NOVEMBER], &archives()[&format!("{NOVEMBER}.CHECKSUM")]);
    let sum = String::from_utf8(sum.clone()).unwrap().replace("2024-11", "2024-12");
    server.put(MONTHLY, zip);
    server.put(&format!("{MONTHLY}.CHECKSUM"), sum.as_bytes());
    let changed = scene.one();
    assert_eq!(changed.status, Status::Changed);
    let beside = MONTHLY.replace(".zip", &format!(".{}.zip", &sum[..12]));
    assert_eq!(changed.file, beside);
    assert!(changed.note.as_deref().unwrap().contains("the old one stays as"), "{changed:?}");
    let named = scene.named();
    assert!(old.iter().all(|(path, bytes)| named[path] == *bytes), "the old one is as it was");
    assert_eq!(named.len(), 4);
    assert!(named[&beside] == *zip);

    // From then on the new one is the one known.
    let again = scene.one();
    assert_eq!((again.status, again.file), (Status::There, beside.clone()));
    assert_eq!(scene.named(), named);

    // If it is lost, it comes back without touching the old one.
    fs::remove_file(scene.root().join(&beside)).unwrap();
    let back = scene.one();
    assert_eq!((back.status, back.file), (Status::Fetched, beside));
    assert_eq!(scene.named(), named);
}

#[test]
fn a_file_on_disk_that_is_another_than_was_downloaded_is_not_overwritten() {
    let server = archive_server();
    let scene = Scene::new(&server);
    scene.run();
    let path = scene.root().join(MONTHLY);
    fs::write(&path, b"edited").unwrap();
    let file = scene.one();
    assert_eq!(file.status, Status::Failed);
    assert!(file.note.unwrap().contains("is not the file that was downloaded"));
    assert_eq!(fs::read(&path).unwrap(), b"edited");

    // A file that somebody put there is compared, and noted if it is the right one.
    let scene = Scene::new(&server);
    let path = scene.root().join(MONTHLY);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &archives()[MONTHLY]).unwrap();
    assert_eq!(scene.one().status, Status::There);
    scene.assert_whole(MONTHLY);
    fs::write(&path, b"something else").unwrap();
    fs::remove_file(scene.root().join(".downloads.jsonl")).unwrap();
    assert_eq!(scene.one().status, Status::Changed);
    assert_eq!(fs::read(&path).unwrap(), b"something else");
}

#[test]
fn without_a_connection_what_is_there_stays_known() {
    let server = archive_server();
    let mut scene = Scene::new(&server);
    scene.run();
    drop(server);
    scene.settings.tries = 2;
    let file = scene.one();
    assert_eq!(file.status, Status::There);
    assert!(file.note.unwrap().starts_with("not compared: "));
}

#[test]
fn two_downloads_into_one_folder_are_told_apart() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        asked.is_for("12.zip").then(|| Reply::Silence(Duration::from_millis(600)))
    });
    let mut scene = Scene::new(&server);
    scene.settings.tries = 1;
    std::thread::scope(|scope| {
        let first = scope.spawn(|| scene.run());
        while server.count("GET", "12.zip") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let plan = Plan::new(&scene.request).unwrap();
        let second = download(plan, scene.folder.path(), &scene.settings, None, false, &NoProgress);
        assert!(matches!(second, Err(DownloadError::Locked { .. })));
        assert_eq!(first.join().unwrap().files[0].status, Status::Failed);
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_a_reason() {
    let server = archive_server();
    let scene = Scene::new(&server);
    fs::create_dir_all(scene.root()).unwrap();
    fs::write(scene.root().join("data"), b"a file where a folder should be").unwrap();
    let file = scene.one();
    assert_eq!(file.status, Status::Failed);
    assert!(file.note.unwrap().contains("BTCUSDT-1h-2024-12.zip"));
    assert_eq!(scene.named().len(), 1);
}

#[test]
fn what_the_listing_lost_is_still_there() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        asked.path.is_empty().then(|| Reply::Plain(200, Vec::new(), empty.as_bytes().to_vec()))
    });
    let good = archive_server();
    let mut scene = Scene::new(&good);
    scene.request.kinds = vec![DownloadKind::OpenInterest];
    scene.request.to = "2024-12-02".parse().unwrap();
    assert_eq!(scene.one().status, Status::Fetched);
    scene.request.base_url = Some(server.url());
    let file = scene.one();
    assert_eq!(file.status, Status::There);
    assert!(file.note.unwrap().contains("does not list it any more"));
    assert_eq!(scene.run().on_disk.len(), 1);
}

#[test]
fn a_listing_that_breaks_off_without_a_key_is_no_listing() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        let empty = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        asked.path.is_empty().then(|| Reply::Plain(200, Vec::new(), empty.as_bytes().to_vec()))
    });
    let report = Scene::new(&server).run();
    assert!(report.notes[0].contains("is empty though more should follow"), "{:?}", report.notes);
    assert_eq!(report.files[0].status, Status::Fetched);
}
