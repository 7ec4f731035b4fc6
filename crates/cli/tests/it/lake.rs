//! `ingest`, `data ls`, `data check` of archives that are right.

use crate::program::{differences, folder, plimsoll, tree};
use crate::scene::{archive, archives};

#[test]
fn archives_go_in_once_and_the_lake_tells_of_them() {
    let place = folder("ingest");
    let archives = archives().to_str().unwrap();
    let ran = plimsoll(&place, &["ingest", archives]).good();
    assert_eq!(ran.stderr, "");
    let last = ran.stdout.lines().last().unwrap();
    // Three months of two symbols: bars of three kinds every hour, and three fundings a day.
    assert_eq!(last, format!("24 files, {} rows", grouped(2 * 92 * (3 * 24 + 3))));
    assert_eq!(ran.stdout.lines().count(), 8 + 1);
    assert!(ran.stdout.contains("binance-usdm BTCUSDT candles 1h: 2,208 rows added, 0 known"));

    let before = tree(&place.join("data"));
    assert_eq!(before.len(), 24);
    let again = plimsoll(&place, &["ingest", archives, "--json", "--threads", "1"]).good();
    assert_eq!(again.stderr, "");
    for series in again.json()["series"].as_array().unwrap() {
        assert_eq!(series["rows_added"], 0, "{series}");
    }
    assert!(differences(&before, &tree(&place.join("data"))).is_empty());

    let listed = plimsoll(&place, &["data", "ls", "--json"]).good().json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 8);
    for series in listed {
        assert_eq!(series["missing"], 0, "{series}");
        assert_eq!(series["months"].as_array().unwrap().len(), 3, "{series}");
    }
    let text = plimsoll(&place, &["data", "ls", "--long"]).good().stdout;
    assert_eq!(text.lines().count(), 9);
    assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    let row = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        row[..8],
        [
            "candles",
            "binance-usdm",
            "BTCUSDT",
            "1h",
            "2025-08-01T00:00:00Z",
            "2025-10-31T23:00:00Z",
            "2,208",
            "0"
        ]
    );
    // The crash is a jump, in every price.
    let checked = plimsoll(&place, &["data", "check"]).good();
    assert_eq!(checked.stdout.lines().last(), Some("0 errors, 0 warnings, 6 notes in 8 series"));
    let found = plimsoll(&place, &["data", "check", "--json"]).good().json();
    let rules = found.as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap());
    let rules: std::collections::BTreeSet<&str> = rules.collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["jump"]);
}

#[test]
fn a_lake_is_the_same_at_any_number_of_threads_and_in_any_order() {
    let archives = archives().to_str().unwrap();
    let lakes = ["1", "2", "7"].map(|threads| {
        let place = folder(&format!("ingest-threads-{threads}"));
        plimsoll(&place, &["ingest", archives, "--threads", threads, "--quiet"]).good();
        tree(&place)
    });
    assert!(differences(&lakes[0], &lakes[1]).is_empty());
    assert!(differences(&lakes[0], &lakes[2]).is_empty());
}

#[test]
fn a_gap_is_found() {
    let place = folder("gap");
    for month in ["2025-08", "2025-10"] {
        plimsoll(&place, &["ingest", archive("klines", month).to_str().unwrap()]).good();
    }
    let listed = plimsoll(&place, &["data", "ls", "--json"]).good().json();
    assert_eq!(listed[0]["missing"], 30 * 24);
    assert_eq!(listed[0]["gaps"], 1);
    let ran = plimsoll(&place, &["data", "check", "--json"]);
    assert_eq!(ran.code, 1, "a study would be misled");
    let findings = ran.json();
    let of = |rule: &str| findings.as_array().unwrap().iter().find(|f| f["rule"] == rule);
    assert!(of("missing_month").is_some(), "{findings}");
    let gap = of("gap");
    assert_eq!(
        gap.map(|gap| gap["first"].clone()),
        Some("2025-09-01T00:00:00Z".into()),
        "{findings}"
    );
}

fn grouped(rows: usize) -> String {
    format!("{},{:03}", rows / 1000, rows % 1000)
}
