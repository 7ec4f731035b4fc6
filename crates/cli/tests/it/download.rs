//! `plimsoll download` against a server on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::assert_text;
use crate::program::{Ran, command, differences, folder, plimsoll, refusal, tree};
use crate::scene::archives;
use crate::server::{Asked, Reply, Server};

/// The simulated archives by their paths on the venue's server, with checksum files.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (path, bytes) in tree(archives()) {
        let path = format!("data/{}", path.to_str().unwrap());
        if Path::new(&path).extension().is_some_and(|ending| ending == "zip") {
            files.insert(format!("{path}.CHECKSUM"), checksum(&path, &bytes));
            files.insert(path, bytes);
        }
    }
    assert!(files.len() >= 24, "{:?}", files.keys());
    files
}

/// As `sha256sum` writes it.
fn checksum(path: &str, bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    format!("{}  {}\n", digits.concat(), path.rsplit('/').next().unwrap()).into_bytes()
}

fn words<'a>(server: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec![
        "download",
        "--venue",
        "binance-usdm",
        "--symbols",
        "BTCUSDT",
        "--interval",
        "1h",
        "--backoff-ms",
        "1",
        "--timeout",
        "1",
        "--base-url",
        server,
    ];
    words.extend(more);
    words
}

const TWO_MONTHS: [&str; 4] = ["--from", "2025-09-01", "--to", "2025-11-01"];
const BARS: [&str; 2] = ["--kinds", "candles,mark,funding"];

fn shown(ran: &Ran) -> String {
    format!("{}--- stderr\n{}exit code {}", ran.stdout, ran.stderr, ran.code)
}

#[test]
fn archives_come_and_go_into_the_lake() {
    let server = Server::of(files());
    let (place, url) = (folder("download"), server.url());
    let whole = words(&url, &[&BARS[..], &TWO_MONTHS].concat());
    let mut dry = whole.clone();
    dry.push("--dry-run");
    assert_text!("download_dry_run", shown(&plimsoll(&place, &dry).good()));
    assert!(tree(&place).is_empty(), "a dry run writes nothing");

    assert_text!("download", shown(&plimsoll(&place, &whole).good()));
    let kept = tree(&place.join("data/raw/binance-usdm/data"));
    assert_eq!(kept.len(), 12);
    let served = files();
    for (path, bytes) in &kept {
        assert!(served[&format!("data/{}", path.to_str().unwrap())] == *bytes);
    }
    let listed = plimsoll(&place, &["data", "ls", "--json"]).good().json();
    assert_eq!(
        listed.as_array().or(listed["series"].as_array()).map(Vec::len),
        Some(3),
        "{listed}"
    );

    let before = tree(&place);
    assert_text!("download_again", shown(&plimsoll(&place, &whole).good()));
    assert!(differences(&before, &tree(&place)).is_empty(), "again changes nothing");

    let mut json = whole.clone();
    json.push("--json");
    let document = plimsoll(&place, &json).good().json();
    assert_eq!(document["files"].as_array().unwrap().len(), 6);
    assert!(document["files"].as_array().unwrap().iter().all(|file| file["status"] == "there"));
    assert_eq!(document["ingest"]["files"], 6);
}

#[test]
fn holes_and_failures_are_told_apart() {
    // October's candles are not there, the mark price of September is refused.
    let mut served = files();
    served.retain(|path, _| !path.contains("/klines/BTCUSDT/1h/BTCUSDT-1h-2025-10"));
    let server = Server::misbehaving(served, |asked| {
        let is_refused = asked.path.contains("markPriceKlines") && asked.is_for("2025-09.zip");
        is_refused.then(|| Reply::status(403))
    });
    let (place, url) = (folder("download-holes"), server.url());
    let ran = plimsoll(&place, &words(&url, &[&BARS[..], &TWO_MONTHS].concat()));
    assert_eq!(ran.code, 1);
    assert_text!("download_holes", shown(&ran));
    // The others are in the lake.
    let listed = plimsoll(&place, &["data", "ls"]).good().stdout;
    assert!(listed.contains("mark_candles") && listed.contains("funding"), "{listed}");
}

#[test]
fn an_archive_that_changed_is_reported_and_the_lake_keeps_the_old_rows() {
    let server = Server::of(files());
    let (place, url) = (folder("download-changed"), server.url());
    let month = ["--kinds", "candles", "--from", "2025-09-01", "--to", "2025-10-01"];
    let line = words(&url, &month);
    plimsoll(&place, &line).good();
    let before = tree(&place);
    let path = "data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-09.zip";
    let ether = path.replace("BTCUSDT", "ETHUSDT");
    let new = &files()[&ether];
    server.put(path, new);
    server.put(&format!("{path}.CHECKSUM"), &checksum(path, new));
    let ran = plimsoll(&place, &line);
    assert_eq!(ran.code, 1, "{}", shown(&ran));
    let text = &ran.stderr;
    assert!(text.contains("has changed on the server; the old one stays as"), "{text}");
    let after = tree(&place);
    let archive = Path::new("data/raw/binance-usdm").join(path);
    assert!(before[&archive] == after[&archive], "the old archive");
    let lake = |tree: &BTreeMap<PathBuf, Vec<u8>>| {
        let rows = tree.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "parquet"));
        rows.map(|(path, bytes)| (path.clone(), bytes.clone())).collect::<Vec<_>>()
    };
    assert!(lake(&before) == lake(&after), "the lake's rows");
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let place = folder("download-refused");
    let with = |changes: &[&'static str]| {
        let mut words: Vec<&str> = vec!["download"];
        let usual = [
            ("--venue", "binance-usdm"),
            ("--symbols", "BTCUSDT"),
            ("--kinds", "candles"),
            ("--from", "2024-12-01"),
            ("--to", "2025-01-01"),
        ];
        for (flag, value) in usual {
            let changed = changes.chunks(2).find(|pair| pair[0] == flag).map(|pair| pair[1]);
            words.extend([flag, changed.unwrap_or(value)]);
        }
        for pair in changes.chunks(2).filter(|pair| !usual.iter().any(|(f, _)| *f == pair[0])) {
            words.extend(pair);
        }
        words
    };
    let cases: [&[&'static str]; 9] = [
        &["--venue", "mtgox"],
        &["--kinds", "candles,order_book"],
        &["--venue", "hyperliquid", "--kinds", "liquidations"],
        &["--venue", "bybit-linear", "--kinds", "liquidations"],
        &["--symbols", "../../etc"],
        &["--to", "2024-12-01"],
        &["--interval", "7m"],
        &["--base-url", "http://me:word@archive.example"],
        &["--source", "kaiko"],
    ];
    let texts: Vec<String> = cases.iter().map(|case| refusal(&place, &with(case))).collect();
    assert!(texts.iter().all(|text| text.ends_with("exit code 2")));
    assert_text!("download_refused", texts.join("\n\n"));
    assert!(tree(&place).is_empty());
}

#[test]
fn a_mistyped_symbol_is_no_success() {
    let server = Server::of(files());
    let (place, url) = (folder("download-nothing"), server.url());
    let line: Vec<&str> = words(&url, &[&["--kinds", "candles"][..], &TWO_MONTHS].concat())
        .into_iter()
        .map(|word| if word == "BTCUSDT" { "BTCUSDTT" } else { word })
        .collect();
    let ran = plimsoll(&place, &line);
    assert_eq!(ran.code, 1, "{}", shown(&ran));
    assert!(ran.stderr.contains("nothing of it is on the server"), "{}", shown(&ran));
}

#[test]
fn a_period_far_ahead_is_refused() {
    let server = Server::of([]);
    let (place, url) = (folder("download-ahead"), server.url());
    let line = words(&url, &["--kinds", "candles", "--from", "2024-12-01", "--to", "9999-01-01"]);
    let text = refusal(&place, &line);
    assert!(text.contains("more than a day from now"), "{text}");
    assert!(server.asked().is_empty());
}

#[test]
fn killed_at_any_time_nothing_is_half_written_and_the_next_call_goes_on() {
    let slowly = |asked: &Asked| {
        let served = files();
        let body = served.get(&asked.path).filter(|_| asked.method == "GET")?;
        if asked.headers.contains_key("range") {
            return None;
        }
        let tag = crate::server::etag(body);
        let head =
            format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n", body.len());
        let pieces = body.chunks(body.len() / 10 + 1).map(<[u8]>::to_vec).collect();
        Some(Reply::Pieces(head.into_bytes(), pieces, Duration::from_millis(15)))
    };
    let server = Server::misbehaving(files(), slowly);
    let url = server.url();
    let line = words(&url, &[&BARS[..], &TWO_MONTHS, &["--no-ingest"]].concat());
    let whole = folder("download-whole");
    plimsoll(&whole, &line).good();
    let whole = without_journal(&whole);
    for delay in [10, 40, 80, 120, 160, 220, 300] {
        let place = folder(&format!("download-killed-{delay}"));
        let mut child =
            command(&place, &line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        for (path, bytes) in without_journal(&place) {
            let is_hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
            assert!(is_hidden || whole[&path] == bytes, "{} after {delay} ms", path.display());
        }
        plimsoll(&place, &line).good();
        assert!(differences(&whole, &without_journal(&place)).is_empty(), "after {delay} ms");
    }
}

/// The journal has its lines in the order in which files came.
fn without_journal(place: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = tree(place);
    files.retain(|path, _| !path.file_name().unwrap().to_str().unwrap().starts_with(".downloads"));
    files
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_a_reason_and_leaves_nothing_half_written() {
    let server = Server::of(files());
    let (place, url) = (folder("download-full"), server.url());
    let line = words(&url, &["--kinds", "candles", "--no-ingest"]);
    // No file may grow beyond a few blocks, and the program is told instead of ended.
    let program =
        format!("trap '' XFSZ; ulimit -f 8; exec \"{}\" \"$@\"", env!("CARGO_BIN_EXE_plimsoll"));
    let output = Command::new("sh")
        .current_dir(&place)
        .args(["-c", &program, "sh"])
        .args(&line)
        .args(TWO_MONTHS)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: ") && text.contains("File too large"), "{text}");
    let named: Vec<PathBuf> = without_journal(&place).into_keys().collect();
    assert!(named.is_empty(), "{named:?}");
    plimsoll(&place, &[&line[..], &TWO_MONTHS].concat()).good();
    assert_eq!(without_journal(&place).len(), 4);
}

#[test]
fn a_key_is_sent_and_shown_nowhere() {
    const KEY: &str = "TD.qX7secretWords";
    let server = Server::misbehaving([], |asked| {
        let is_right = asked.headers.get("authorization") == Some(&format!("Bearer {KEY}"));
        Some(if is_right { Reply::status(403) } else { Reply::status(401) })
    });
    let (place, url) = (folder("download-key"), server.url());
    let line = |more: &[&'static str]| {
        let mut line = vec![
            "download",
            "--venue",
            "deribit",
            "--symbols",
            "BTC-PERPETUAL",
            "--kinds",
            "liquidations",
            "--from",
            "2024-12-01",
            "--to",
            "2024-12-03",
        ];
        line.extend(more);
        line
    };
    for more in [&[][..], &["--json"], &["--dry-run"], &["--quiet"]] {
        let mut words = line(more);
        words.extend(["--base-url", &url]);
        let mut call = command(&place, &words);
        let output = call.env("TARDIS_API_KEY", KEY).output().unwrap();
        for text in [output.stdout, output.stderr] {
            assert!(!String::from_utf8(text).unwrap().contains("secret"));
        }
    }
    assert!(server.asked().iter().all(|asked| asked.headers.contains_key("authorization")));
    for asked in server.asked() {
        assert!(!format!("{}?{}{}", asked.path, asked.question, asked.body).contains("secret"));
    }
    for (path, bytes) in tree(&place) {
        assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "{}", path.display());
    }

    // A key that no header may hold is not shown either.
    let mut words = line(&[]);
    words.extend(["--base-url", &url]);
    let output = command(&place, &words).env("TARDIS_API_KEY", "secret\r\nX: 1").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("TARDIS_API_KEY holds no key") && !text.contains("secret"), "{text}");
}
