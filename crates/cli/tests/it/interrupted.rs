//! A call that is killed leaves nothing half-written, and the next one completes the work.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::program::{command, differences, folder, plimsoll, tree};
use crate::scene::{archives, lake, strategy_in};

/// Milliseconds after which a call is killed: early, in the middle, late.
const DELAYS: [u64; 6] = [5, 20, 60, 150, 400, 1_000];

#[test]
fn killed_while_ingesting() {
    let archives = archives().to_str().unwrap();
    let whole = folder("whole-ingest");
    plimsoll(&whole, &["ingest", archives]).good();
    let whole = tree(&whole);
    for delay in DELAYS {
        let place = folder(&format!("killed-ingest-{delay}"));
        kill_after(delay, &place, &["ingest", archives]);
        if place.join("data").exists() {
            for (name, bytes) in tree(&place) {
                let is_lake_file = name.extension().is_some_and(|end| end == "parquet");
                assert!(!is_lake_file || whole.get(&name) == Some(&bytes), "{}", name.display());
            }
        }
        plimsoll(&place, &["ingest", archives]).good();
        assert!(differences(&whole, &tree(&place)).is_empty(), "after {delay} ms");
    }
}

#[test]
fn killed_while_studying() {
    let place = strategy_in("killed-study", &[]);
    let words = ["study", "autumn.toml", "--data", lake(), "--out"];
    plimsoll(&place, &[&words[..], &["whole"]].concat()).good();
    let whole = tree(&place.join("whole"));
    for delay in DELAYS {
        let out = format!("out-{delay}");
        kill_after(delay, &place, &[&words[..], &[&out]].concat());
        let out_dir = place.join(&out);
        if out_dir.join("receipt.json").exists() {
            assert!(differences(&whole, &tree(&out_dir)).is_empty(), "a receipt marks the whole");
        }
        plimsoll(&place, &[&words[..], &[&out]].concat()).good();
        assert!(differences(&whole, &tree(&out_dir)).is_empty(), "after {delay} ms");
    }
}

fn kill_after(delay: u64, place: &std::path::Path, words: &[&str]) {
    let mut child = command(place, words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(Duration::from_millis(delay));
    child.kill().unwrap();
    child.wait().unwrap();
}
