//! The program from outside: lines, totals and exit codes on folders made by hand, and on the
//! real one where it lies beside the repository.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

fn run(arguments: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll-conformance"));
    command.args(arguments).output().unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/folders").join(name)
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_sound_folder_passes() {
    let output = run(&[&folder("sound")]);
    let lines = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    // Twelve adopted cases and five published items; the case of another convention is not run.
    assert_eq!(lines.len(), 17);
    for line in &lines {
        assert_eq!(line["verdict"], "pass", "{line}");
        let keys: Vec<&String> = line.as_object().unwrap().keys().take(6).collect();
        assert_eq!(keys, ["file", "id", "metric", "value", "expected", "verdict"]);
    }
    let find = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap();
    assert_eq!(find("kelly")["file"], "sound.json");
    let kelly = find("kelly")["value"].as_object().unwrap();
    assert!((kelly["f_raw"].as_f64().unwrap() - 0.25).abs() < 1e-12);
    assert_eq!(kelly.len(), 3, "in the shape of what is expected");
    let undefined = find("no losses: nothing finite to expect");
    assert!(undefined["value"].is_null() && undefined["reason"].is_string());
    let totals = errors(&output);
    assert!(totals.contains("sound.json") && totals.contains("total"), "{totals}");
    assert!(!totals.contains("notes.json"), "a file without cases is left out: {totals}");
}

#[test]
fn every_kind_of_bad_case_is_a_verdict() {
    let output = run(&[&folder("mixed")]);
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines.len(), 22);
    let expect = [
        ("right", "pass", ""),
        ("wrong number", "fail", "expected 0.5"),
        ("wrong key", "fail", "no `leverage` was computed"),
        ("wrong length", "fail", "1 expected"),
        ("null for a number", "fail", "expected null"),
        ("undefined for a number", "fail", "no losses"),
        ("no such metric", "unknown metric", ""),
        ("no such column", "fail", "no column `x`, only date, r, gain"),
        ("no such file", "fail", "cannot read series/none.csv"),
        ("outside the folder", "fail", "not a file in the folder"),
        ("a gap in the series", "fail", "row 2, `r`: \"\" is not a number"),
        ("no input", "fail", "not a file in the folder"),
        ("no parameter", "fail", "`params` has no `b`"),
        ("not a number", "fail", "`p` is \"high\", not a number"),
        ("out of range", "fail", "`win_probability` is 1.5"),
        ("far too many", "fail", "a whole number from 0 to"),
        ("no metric", "fail", "the case has no `metric`"),
        ("no expectation", "fail", "the case has no `expected`"),
        ("walk_on_the_beach", "unknown metric", ""),
    ];
    for (id, verdict, reason) in expect {
        let line = lines.iter().find(|line| line["id"] == id).unwrap();
        assert_eq!(line["verdict"], verdict, "{line}");
        let found = line["reason"].as_str().unwrap_or_default();
        assert!(found.contains(reason), "{id}: {found:?} does not say {reason:?}");
    }
    let broken = lines.iter().find(|line| line["file"] == "broken.json").unwrap();
    assert_eq!(broken["verdict"], "fail");
    let totals = errors(&output);
    let unknown = "not computed yet: phase_of_the_moon (1), walk_on_the_beach (1)";
    assert!(totals.contains(unknown), "{totals}");
}

#[test]
fn wrong_usage_and_unreadable_folders() {
    let nowhere = folder("nowhere");
    let empty = tempfile::tempdir().unwrap();
    let option = Path::new("--fast");
    let series = folder("sound/series");
    let bad: [&[&Path]; 5] = [&[], &[&nowhere, &nowhere], &[option], &[&nowhere], &[empty.path()]];
    for arguments in bad.into_iter().chain([[series.as_path()].as_slice()]) {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && errors(&output).starts_with("error: "));
    }
    let help = run(&[Path::new("--help")]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("Usage: plimsoll-conformance DIR"));
}

#[test]
fn same_folder_same_bytes() {
    let golden = folder("sound");
    assert_eq!(run(&[&golden]).stdout, run(&[&golden]).stdout);
}

#[test]
fn the_golden_folder() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if !golden.is_dir() {
        eprintln!("skipped: no golden folder beside the repository");
        return;
    }
    let output = run(&[&golden]);
    let lines = lines(&output);
    let failed: Vec<&Value> = lines.iter().filter(|line| line["verdict"] == "fail").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let passed = lines.iter().filter(|line| line["verdict"] == "pass").count();
    assert!(passed >= 437, "only {passed} cases pass");
    // Cascades and contagion between markets have no crate yet.
    let later = ["microstructure.json", "r_connectedness.json", "published.json"];
    let missing: Vec<&Value> = lines
        .iter()
        .filter(|line| line["verdict"] == "unknown metric")
        .filter(|line| !later.iter().any(|file| line["file"] == *file))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
