//! Archives to lake, end to end: unzip, parse, check, merge, encode, sync.
//!
//! Makes a year of one-minute zip archives of a random walk in a temporary folder, ingests them
//! into an empty lake again and again, and prints megabytes of CSV a second beside a hash of the
//! resulting files, so that a faster run that changed a byte is seen.
//!
//! `cargo bench -p plimsoll-ingest`; under `cargo test` a small size, once.

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use plimsoll_ingest::{NoProgress, Options, ingest};
use plimsoll_market::{Lake, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

const MINUTE_MS: i64 = 60_000;
const MINUTE_STEP: usize = 60_000;

fn main() {
    let test = !std::env::args().any(|arg| arg == "--bench");
    let (symbols, months) = if test { (1, 2) } else { (2, 12) };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archives = folder.path().join("archives");
    let mut csv_bytes = 0;
    for symbol in 0..symbols {
        for month in 1..=months {
            csv_bytes += write_archive(&archives, symbol, month);
        }
    }
    let mut hashes = Vec::new();
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Bytes(csv_bytes)).measurement_time(Duration::from_secs(20));
    group.bench_function("binance_klines_zip_to_parquet", |bencher| {
        bencher.iter(|| {
            let data = tempfile::tempdir().expect("a temporary folder");
            let lake = Lake::new(data.path());
            let summary =
                ingest(std::slice::from_ref(&archives), &Options::default(), &lake, &NoProgress)
                    .expect("archives of our own making are good");
            hashes.push(hash(lake.root()));
            summary.rows
        });
    });
    group.finish();
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "every run gives the same bytes");
    eprintln!("{csv_bytes} bytes of CSV, lake {}", hashes[0]);
}

/// Writes one month of one symbol and returns the size of its text.
fn write_archive(folder: &Path, symbol: u64, month: u32) -> u64 {
    let name = format!("S{symbol}USDT-1m-2024-{month:02}");
    let start = Timestamp::from_date(2024, month, 1).expect("a month");
    let end = start.next_month_start();
    let mut rng = ChaCha8Rng::seed_from_u64(20_240_101);
    rng.set_stream(symbol * 100 + u64::from(month));
    let mut text = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n".to_owned();
    let mut ticks: i64 = 600_000;
    for open_time in (start.0..end.0).step_by(MINUTE_STEP) {
        let open = ticks;
        ticks = (ticks + rng.random_range(-300_i64..=300)).max(10_000);
        let high = open.max(ticks) + rng.random_range(0_i64..200);
        let low = open.min(ticks) - rng.random_range(0_i64..200);
        let [open, high, low, close] = [open, high, low, ticks].map(|t| t as f64 / 10.0);
        let volume = rng.random_range(1_u32..500_000);
        let taker = f64::from(volume / 2) / 1000.0;
        let volume = f64::from(volume) / 1000.0;
        let close_time = open_time + MINUTE_MS - 1;
        let (quote, count) = (volume * close, rng.random_range(1_u32..9000));
        writeln!(
            text,
            "{open_time},{open:.2},{high:.2},{low:.2},{close:.2},{volume:.3},{close_time},{quote:.5},{count},{taker:.3},{:.5},0",
            taker * close
        )
        .expect("text grows");
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(format!("{name}.csv"), SimpleFileOptions::default()).expect("a zip entry");
    zip.write_all(text.as_bytes()).expect("a zip entry");
    let bytes = zip.finish().expect("a zip archive").into_inner();
    let folder = folder.join("futures/um/monthly/klines");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.zip")), bytes).expect("a file");
    text.len() as u64
}

/// SHA-256 over every Parquet file below a folder, in order of path.
fn hash(folder: &Path) -> String {
    let mut hasher = Sha256::new();
    add(folder, &mut hasher);
    let digest = hasher.finalize();
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text grows");
        text
    })
}

fn add(folder: &Path, hasher: &mut Sha256) {
    let entries = fs::read_dir(folder).expect("a folder of the lake");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add(&path, hasher);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            hasher.update(fs::read(&path).expect("a file of the lake"));
        }
    }
}
