//! Data that are damaged, missing or out of the tables' reach: exit code 1, and the lake as it was.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::assert_text;
use crate::program::{differences, folder, plimsoll, refusal, tree};
use crate::scene::{archive, archives, outside_the_tables, strategy_in};

/// Two days of bars from 2025-09-01, whose line 20 is the bar of 18:00.
fn bars() -> String {
    let mut text = String::from("open_time,open,high,low,close,volume,quote_volume\n");
    for hour in 0..48_i64 {
        let time = 1_756_684_800_000 + hour * 3_600_000;
        writeln!(text, "{time},100,101,99,100,5,500").unwrap();
    }
    text
}

fn with_row(text: &str, line: usize, row: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[line - 1] = row;
    lines.join("\n")
}

/// Ingests files of `place` into a lake that holds something: the words, the lake unchanged.
fn refused(place: &Path, words: &[&str]) -> String {
    let zip = archive("klines", "2025-08");
    plimsoll(place, &["ingest", zip.to_str().unwrap()]).good();
    let before = tree(&place.join("data"));
    assert_eq!(before.len(), 1);
    let mut line = vec!["ingest"];
    line.extend(words);
    let ran = plimsoll(place, &line);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(differences(&before, &tree(&place.join("data"))), [] as [&Path; 0]);
    assert!(!ran.stdout.contains(" added"), "{}", ran.stdout);
    format!("$ plimsoll {}\n{}exit code {}", line.join(" "), ran.stderr, ran.code)
}

#[test]
fn a_truncated_zip_leaves_the_lake_as_it_was() {
    let place = folder("truncated");
    let whole = fs::read(archive("klines", "2025-09")).unwrap();
    for (name, bytes) in [
        ("BTCUSDT-1h-2025-09.zip", &whole[..whole.len() / 2]),
        ("ETHUSDT-1h-2025-09.zip", &whole[..10]),
        ("SOLUSDT-1h-2025-09.zip", &[][..]),
    ] {
        fs::write(place.join(name), bytes).unwrap();
    }
    let files = ["BTCUSDT-1h-2025-09.zip", "ETHUSDT-1h-2025-09.zip", "SOLUSDT-1h-2025-09.zip"];
    let text = refused(&place, &files);
    assert_eq!(text.matches("error: ").count(), 3, "{text}");
    assert_eq!(text.matches("hint: ").count(), 3, "{text}");
    assert!(text.contains("error: BTCUSDT-1h-2025-09.zip: damaged or cut off"), "{text}");
}

#[test]
fn a_broken_row_is_named_with_its_line() {
    let text = bars();
    let broken = [
        ("high_below_low", with_row(&text, 20, "1756749600000,100,98,99,100,5,500")),
        ("not_a_number", with_row(&text, 20, "1756749600000,100,abc,99,100,5,500")),
        ("not_finite", with_row(&text, 20, "1756749600000,100,NaN,99,100,5,500")),
        ("row_cut_off", with_row(&text, 20, "1756749600000,100,101")),
        ("negative_volume", with_row(&text, 20, "1756749600000,100,101,99,100,-5,500")),
        ("off_the_grid", with_row(&text, 20, "1756749600001,100,101,99,100,5,500")),
        ("second_row_of_a_time", with_row(&text, 20, "1756746000000,100,101,99,100,6,500")),
    ];
    for (name, text) in broken {
        let place = folder(&format!("broken-{name}"));
        fs::write(place.join("bars.csv"), text).unwrap();
        let words = [
            "bars.csv",
            "--venue",
            "binance-usdm",
            "--symbol",
            "BTCUSDT",
            "--kind",
            "candles",
            "--interval",
            "1h",
        ];
        let text = refused(&place, &words);
        assert!(text.contains("error: bars.csv:20: "), "{text}");
        assert_text!(format!("row_{name}"), text);
    }
}

#[test]
fn good_files_beside_a_bad_one_are_taken() {
    let place = folder("beside");
    fs::create_dir(place.join("files")).unwrap();
    fs::copy(archive("klines", "2025-08"), place.join("files/BTCUSDT-1h-2025-08.zip")).unwrap();
    fs::write(place.join("files/BTCUSDT-1h-2025-09.zip"), "no zip").unwrap();
    let ran = plimsoll(&place, &["ingest", "files", "--json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["series"][0]["rows_added"], 744);
    assert!(ran.stderr.contains("error: files/BTCUSDT-1h-2025-09.zip: "), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_recognised_is_asked_for() {
    let place = folder("unrecognised");
    fs::write(place.join("weird.csv"), "time,a,b\n1,2,3\n").unwrap();
    assert_text!("unrecognised", refused(&place, &["weird.csv"]));
}

#[test]
fn an_archive_that_contradicts_the_lake_is_refused() {
    let place = folder("contradiction");
    let text = "open_time,open,high,low,close,volume,quote_volume\n\
                1754006400000,1,2,0.5,1.5,10,15\n1754010000000,1.5,2,1,1.5,10,15\n";
    fs::write(place.join("BTCUSDT-1h-2025-08.csv"), text).unwrap();
    let text = refused(&place, &["BTCUSDT-1h-2025-08.csv"]);
    // The last bar of a file may not have been complete, so that of the lake stands.
    assert!(text.contains("1 row(s) differ") && text.contains("--replace"), "{text}");
}

#[test]
fn a_study_without_its_data_says_what_there_is() {
    let place = strategy_in("without-data", &[]);
    assert_text!("empty_lake", refusal(&place, &["study", "autumn.toml"]));
    assert_text!("check_of_an_empty_lake", refusal(&place, &["data", "check"]));
    let ran = plimsoll(&place, &["data", "ls"]).good();
    assert_eq!((ran.stdout.as_str(), ran.stderr.contains("empty")), ("", true));
    let ran = plimsoll(&place, &["data", "ls", "--json"]).good();
    assert_eq!(ran.json(), serde_json::json!([]));

    plimsoll(&place, &["ingest", archives().to_str().unwrap(), "--data", "full"]).good();
    let period = ["study", "autumn.toml", "--data", "full", "--set", "data.from=2026-02-01"];
    let words = [&period[..], &["--set", "data.to=2026-03-01"]].concat();
    assert_text!("period_without_data", refusal(&place, &words));
    let words = ["study", "autumn.toml", "--data", "full", "--set", "data.symbols=[\"SOLUSDT\"]"];
    assert_text!("symbol_without_data", refusal(&place, &words));
    for text in [refusal(&place, &words), refusal(&place, &["study", "autumn.toml"])] {
        assert!(text.ends_with("exit code 1"), "{text}");
    }
    assert!(!place.join("reports").exists());
}

#[test]
fn what_the_tables_do_not_reach_is_refused() {
    let place = strategy_in("outside-the-tables", &[]);
    let lake = outside_the_tables();
    let base = ["study", "autumn.toml", "--data", lake];
    let run = |set: &[&str]| {
        let text = refusal(&place, &[&base[..], set].concat());
        // The lake lies where the build is.
        let text = text.split_once('\n').unwrap().1.to_owned();
        assert!(text.ends_with("exit code 1") && !text.contains(lake), "{text}");
        text
    };
    let unknown = ["--set", "data.symbols=[\"NOSUCHUSDT\"]", "--set", "data.to=2025-09-08"];
    assert_text!("symbol_without_brackets", run(&unknown));
    let early = [
        "--set",
        "data.symbols=[\"BTCUSDT\"]",
        "--set",
        "data.from=2023-01-03",
        "--set",
        "data.to=2023-01-09",
    ];
    assert_text!("before_the_brackets", run(&early));
    assert!(!place.join("reports").exists());
}

#[test]
fn missing_funding_is_a_flag_and_no_error() {
    let place = strategy_in("funding-gap", &[("\"BTCUSDT\", \"ETHUSDT\"", "\"BTCUSDT\"")]);
    let mut words = vec!["ingest".to_owned()];
    for month in ["2025-08", "2025-09", "2025-10"] {
        for kind in ["klines", "markPriceKlines", "fundingRate"] {
            if (kind, month) != ("fundingRate", "2025-10") {
                words.push(archive(kind, month).to_str().unwrap().to_owned());
            }
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    plimsoll(&place, &words).good();

    let checked = plimsoll(&place, &["data", "check"]).good();
    assert!(
        checked.stdout.contains("funding_missing: 744 cases from 2025-10-01"),
        "{}",
        checked.stdout
    );

    let ran = plimsoll(&place, &["study", "autumn.toml"]).good();
    assert!(ran.stdout.contains("  funding_missing: "), "{}", ran.stdout);
    let ran = plimsoll(&place, &["study", "autumn.toml", "--json"]).good();
    let flags = ran.json()["flags"].clone();
    let flag = flags.as_array().unwrap().iter().find(|flag| flag["name"] == "funding_missing");
    assert_eq!(flag.unwrap()["first"].as_str().unwrap()[..10], *"2025-10-01", "{flags}");
}
