//! The folder: whole or not at all, and the same bytes every time.

use std::fs;
use std::path::Path;

use plimsoll_report::{ReportError, report_bytes, write_report};

use crate::fixture::{scaled, study};

fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_same_result_gives_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("deep/b"));
    let written = write_report(&study(), &a).unwrap();
    write_report(&study(), &b).unwrap();
    assert_eq!(content(&a), content(&b));
    let mut names: Vec<&str> = written.names.clone();
    names.sort_unstable();
    assert_eq!(content(&a).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    assert!(written.paths().iter().all(|path| path.is_file()));
    assert!(written.page().is_file());
}

#[test]
fn an_earlier_report_is_replaced_and_other_files_are_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    fs::write(dir.join("notes.md"), "mine").unwrap();
    fs::write(dir.join("summary.csv"), "old").unwrap();
    // What an interrupted call left behind.
    fs::create_dir(dir.join(".partial")).unwrap();
    fs::write(dir.join(".partial/summary.csv"), "half").unwrap();
    let written = write_report(&study(), dir).unwrap();
    assert_eq!(content(dir).len(), written.names.len() + 1);
    assert_eq!(fs::read_to_string(dir.join("notes.md")).unwrap(), "mine");
    assert!(fs::read_to_string(dir.join("summary.csv")).unwrap().starts_with("rule,symbol"));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write_report(&study(), &file).unwrap_err();
    assert!(matches!(error, ReportError::Io { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn a_result_that_contradicts_itself_is_refused() {
    type Break = fn(&mut plimsoll_study::result::StudyResult);
    let cases: [(Break, &str); 9] = [
        (|result| result.rules.clear(), "a study has at least one rule"),
        (|result| result.rules[1].accounts.clear(), "a rule has at least the whole account"),
        (|result| result.rules[0].accounts[0].outcome.equity[3] = f64::NAN, "`equity`[3] is NaN"),
        (
            |result| {
                result.rules[0].accounts[1].outcome.equity_low.pop();
            },
            "`equity_low`[179] is absent",
        ),
        (
            |result| result.rules[0].accounts[0].outcome.trades[1].symbol_idx = 2,
            "`trades.symbol_idx`[1]",
        ),
        (
            |result| result.rules[0].accounts[0].metrics[1].value = Some(f64::INFINITY),
            "`metrics`[1] is inf",
        ),
        (|result| result.comparisons[2].low = Some(f64::NAN), "`comparisons`[2] is NaN"),
        (|result| result.sensitivity[1].final_equity = f64::NAN, "`sensitivity`[1] is NaN"),
        (|result| result.cancelled[0].symbol_idx = 9, "`cancelled.symbol_idx`[0] is 9"),
    ];
    for (spoil, expected) in cases {
        let mut result = study();
        spoil(&mut result);
        let error = report_bytes(&result).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected} in {error}");
    }
}

#[test]
fn two_years_of_hours_make_a_page_that_a_phone_can_load() {
    let rules: Vec<String> = (0..10).map(|i| format!("rule_{i}[fraction={}]", i + 1)).collect();
    let names: Vec<&str> = rules.iter().map(String::as_str).collect();
    let files = report_bytes(&scaled(&names, 17_520, "1h")).unwrap();
    let page = files.iter().find(|(name, _)| *name == "report.html").unwrap();
    assert!(page.1.len() < 1_500_000, "{} bytes", page.1.len());
}
