//! A run that is killed at any moment is completed by the next, to the same bytes.
//!
//! `PLIMSOLL_KILLS` sets how often (200 for a thorough run) and `PLIMSOLL_BIN` the program that is
//! killed; without it, this crate's example `ingest_folder`.

use std::fmt::Write;
use std::fs;
use std::io::Cursor;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use plimsoll_ingest::{Options, ingest};
use plimsoll_market::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zip::write::SimpleFileOptions;

use crate::{Bench, bytes};

/// Fifty archives: five symbols, ten months of hourly bars each.
fn write_archives(bench: &Bench) -> PathBuf {
    for symbol in ["AAUSDT", "BBUSDT", "CCUSDT", "DDUSDT", "EEUSDT"] {
        for month in 1..=10 {
            let stem = format!("{symbol}-1h-2024-{month:02}");
            let start = Timestamp::from_date(2024, month, 1).unwrap();
            let mut text = String::new();
            for time in (start.0..start.next_month_start().0).step_by(3_600_000) {
                let close_time = time + 3_599_999;
                let price = 100 + time / 3_600_000 % 97;
                writeln!(text, "{time},{price},{price},{price},{price},2,{close_time},9,1,1,1,0")
                    .unwrap();
            }
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            zip.start_file(format!("{stem}.csv"), SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
            let name = format!("futures/um/monthly/klines/{stem}.zip");
            bench.write(&name, zip.finish().unwrap().into_inner());
        }
    }
    bench.folder.path().join("archives")
}

/// The example of this crate that was built beside these tests.
fn example() -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent()?.parent()?.join("examples/ingest_folder");
    path.exists().then_some(path)
}

fn start(data: &Path, archives: &Path) -> Option<Child> {
    let mut command = if let Some(program) = std::env::var_os("PLIMSOLL_BIN") {
        let mut command = Command::new(program);
        command.args(["ingest".as_ref(), archives.as_os_str(), "--data".as_ref()]).arg(data);
        command
    } else {
        let mut command = Command::new(example()?);
        command.arg(data).arg(archives);
        command
    };
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command.spawn().unwrap())
}

/// Every file of a lake with its bytes, named from the lake's root.
fn lake_files(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let root = data.join("lake");
    let mut files = bytes(&root);
    if let Ok(known) = fs::read(root.join(".archives.jsonl")) {
        files.push((root.join(".archives.jsonl"), known));
    }
    let name = |path: PathBuf| path.strip_prefix(&root).unwrap().to_owned();
    files.into_iter().map(|(path, bytes)| (name(path), bytes)).collect()
}

#[test]
fn killed_at_any_moment_and_resumed_the_lake_is_the_same() {
    let kills: u64 = std::env::var("PLIMSOLL_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let bench = Bench::new();
    let archives = write_archives(&bench);
    let place = |name: &str| bench.folder.path().join(name);
    let began = Instant::now();
    let Some(mut child) = start(&place("whole"), &archives) else {
        eprintln!("skipped: the example ingest_folder is not built");
        return;
    };
    assert!(child.wait().unwrap().success());
    let whole_run = began.elapsed();
    let whole = lake_files(&place("whole"));
    assert_eq!(whole.len(), 52, "fifty months, the lock, the list of known archives");

    let mut random = ChaCha8Rng::seed_from_u64(20_241_010);
    let mut interrupted = 0;
    for kill in 0..kills {
        let data = place(&format!("killed-{kill}"));
        // One to three kills, at moments from the first to beyond the last.
        for _ in 0..random.random_range(1..=3) {
            let moment = whole_run.mul_f64(random.random_range(0.0..1.1));
            let mut child = start(&data, &archives).unwrap();
            sleep(moment);
            child.kill().unwrap();
            interrupted += usize::from(!child.wait().unwrap().success());
            for (name, bytes) in lake_files(&data) {
                if name.extension().is_some_and(|ending| ending == "parquet") {
                    let same = whole.iter().any(|file| file.0 == name && file.1 == bytes);
                    assert!(same, "kill {kill}: {} is half a file", name.display());
                }
            }
        }
        assert!(start(&data, &archives).unwrap().wait().unwrap().success(), "kill {kill}");
        assert!(lake_files(&data) == whole, "kill {kill}: the resumed lake differs");
        fs::remove_dir_all(&data).unwrap();
    }
    eprintln!("{kills} ingestions, {interrupted} kills that found a run at work");
    assert!(interrupted > 0);
}

#[test]
fn of_two_processes_one_waits_its_turn_and_readers_see_whole_files() {
    let bench = Bench::new();
    let archives = write_archives(&bench);
    let data = bench.folder.path().join("data");
    let Some(mut first) = start(&data, &archives) else {
        eprintln!("skipped: the example ingest_folder is not built");
        return;
    };
    let mut reads = 0;
    let mut refusals = 0;
    while first.try_wait().unwrap().is_none() {
        // A reader needs no lock, and never sees half a month.
        for series in bench.lake.series().unwrap() {
            let table = bench.all(&series);
            assert!(table.len() >= 29 * 24, "{series} has {} rows", table.len());
            reads += 1;
        }
        match ingest(
            std::slice::from_ref(&archives),
            &Options::default(),
            &bench.lake,
            &plimsoll_ingest::NoProgress,
        ) {
            Ok(_) => break,
            Err(error) => {
                let text = error.to_string();
                let said = text.ends_with(
                    "another process is writing to this lake; try again when it has finished",
                );
                assert!(said, "{text}");
                refusals += 1;
            }
        }
    }
    first.wait().unwrap();
    bench.ingest(&archives, &Options::default()).unwrap();
    assert_eq!(bench.lake.series().unwrap().len(), 5);
    eprintln!("{reads} reads and {refusals} refusals while another process wrote");
}

#[test]
fn known_archives_are_not_decoded_again() {
    let bench = Bench::new();
    let archives = write_archives(&bench);
    let first = bench.ingest(&archives, &Options::default()).unwrap();
    let before = lake_files(&bench.folder.path().join("data"));
    // Whoever decodes an archive looks at its entry; one byte less and it is another archive.
    let again = bench.ingest(&archives, &Options::default()).unwrap();
    assert_eq!(again.rows, first.rows);
    assert_eq!(again.reports, first.reports);
    assert_eq!(again.notes, first.notes);
    let rows = |merges: &[plimsoll_market::MergeOutcome]| {
        let sum = |(added, known), m: &plimsoll_market::MergeOutcome| {
            (added + m.rows_added, known + m.rows_known)
        };
        merges.iter().fold((0, 0), sum)
    };
    assert_eq!(rows(&again.merges), (0, first.rows));
    assert!(lake_files(&bench.folder.path().join("data")) == before);

    // A month that is gone comes back, and so does one of another archive's making.
    let series = bench.lake.series().unwrap().remove(0);
    let (_, path) = bench.lake.months(&series).unwrap().remove(3);
    fs::remove_file(&path).unwrap();
    let mended = bench.ingest(&archives, &Options::default()).unwrap();
    assert_eq!(rows(&mended.merges).0, 30 * 24);
    assert!(lake_files(&bench.folder.path().join("data")) == before);
}
