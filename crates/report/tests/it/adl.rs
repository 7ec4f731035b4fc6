//! The comparison of auto-deleveraging policies as tables and a page.

use plimsoll_report::ReportError;
use plimsoll_report::adl::{
    AccountRow, AccountsReport, PolicyRow, WavePolicy, WavesReport, accounts_bytes, waves_bytes,
    write_accounts,
};

/// So many winners of 100 and a queue that takes half of them.
fn accounts(n: usize) -> AccountsReport {
    let account = |at: usize| AccountRow {
        name: format!("<account {at}>"),
        equity: 150.0,
        endowment: 100.0,
        rank: Some(at + 1),
    };
    let policy = |name: &str, haircuts: Vec<f64>| PolicyRow {
        name: name.to_owned(),
        meaning: "a & b".to_owned(),
        taken: 50.0 * n as f64,
        profit_tail_survival: Some(0.5),
        seized: haircuts.iter().map(|haircut| 100.0 * haircut).collect(),
        churn_probabilities: vec![0.25; n],
        haircuts,
        ..PolicyRow::default()
    };
    let cliff = (0..n).map(|at| if at < n / 2 { 1.0 } else { 0.0 }).collect();
    AccountsReport {
        name: "test".to_owned(),
        deficit: 50.0 * n as f64,
        budget: 50.0 * n as f64,
        budget_rule: "severity 1".to_owned(),
        endowment_rule: "pnl".to_owned(),
        queue_rule: "as given".to_owned(),
        notes: vec!["a note".to_owned()],
        accounts: (0..n).map(account).collect(),
        policies: vec![policy("queue", cliff), policy("pro_rata", vec![0.5; n])],
        version: "0".to_owned(),
    }
}

fn text(files: &[(&str, Vec<u8>)], name: &str) -> String {
    let (_, bytes) = files.iter().find(|(other, _)| *other == name).unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn accounts_become_tables_and_a_page() {
    let files = accounts_bytes(&accounts(4)).unwrap();
    assert_eq!(
        text(&files, "adl_policies.csv").lines().nth(1).unwrap(),
        "queue,200,0,0,0.5,0,0,0,0,0,0"
    );
    let table = text(&files, "adl_accounts.csv");
    assert_eq!(table.lines().count(), 9);
    assert_eq!(table.lines().nth(1).unwrap(), "<account 0>,queue,1,150,100,1,100,50,0.25");
    assert_eq!(table.lines().nth(5).unwrap(), "<account 0>,pro_rata,1,150,100,0.5,50,100,0.25");
    let page = text(&files, "adl.html");
    for part in ["Haircut by place in the queue", "a note", "a &#38; b", "&#60;account 3&#62;"] {
        assert!(page.contains(part), "missing: {part}");
    }
    for part in ["http", "src=", "<link", "NaN", "<account"] {
        assert!(!page.contains(part), "found {part}");
    }
    assert_eq!(page.matches("<section ").count(), 4);
    // Both widths of every drawing.
    assert_eq!(page.matches("<svg viewBox=\"0 0 960").count(), 5);
    assert_eq!(page.matches("<svg viewBox=\"0 0 360").count(), 5);
}

#[test]
fn many_accounts_stay_a_page() {
    let page = text(&accounts_bytes(&accounts(50_000)).unwrap(), "adl.html");
    assert!(page.len() < 400_000, "{}", page.len());
    assert!(page.contains("Shown are the first 200"));
}

#[test]
fn no_winners_and_no_ranking_are_said() {
    let mut report = accounts(2);
    for account in &mut report.accounts {
        account.rank = None;
    }
    let page = text(&accounts_bytes(&report).unwrap(), "adl.html");
    assert!(page.contains("Haircut by endowment") && page.contains("no ranking is known"));
    for account in &mut report.accounts {
        account.endowment = 0.0;
    }
    let page = text(&accounts_bytes(&report).unwrap(), "adl.html");
    assert!(page.contains("No account has anything to take."));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut report = accounts(2);
    report.policies[1].seized.pop();
    let error = accounts_bytes(&report).unwrap_err();
    assert!(matches!(error, ReportError::Inconsistent { field: "seized", .. }), "{error}");
    let mut report = accounts(2);
    report.policies[0].haircuts[1] = f64::NAN;
    let error = accounts_bytes(&report).unwrap_err();
    assert!(matches!(error, ReportError::Inconsistent { position: 1, .. }), "{error}");
}

#[test]
fn waves_become_tables_and_a_page() {
    let policy = WavePolicy {
        name: "queue".to_owned(),
        total: 8.0,
        overshoot_signed: 2.0,
        overshoot_positive: 5.0,
        undershoot: 3.0,
        regret_absolute: 8.0,
        ratio_to_needed: Some(1.25),
        taken: vec![1.0, 7.0],
        ..WavePolicy::default()
    };
    let report = WavesReport {
        name: "waves".to_owned(),
        waves: vec![("1".to_owned(), 4.0), ("4".to_owned(), 2.0)],
        policies: vec![policy],
        notes: vec!["counted again".to_owned()],
        version: "0".to_owned(),
    };
    let files = waves_bytes(&report).unwrap();
    assert_eq!(text(&files, "adl_policies.csv").lines().nth(1).unwrap(), "queue,8,2,5,3,8,1.25,,");
    let rows: Vec<String> = text(&files, "adl_waves.csv").lines().map(str::to_owned).collect();
    assert_eq!(rows[1..], ["1,queue,4,1,-3,", "4,queue,2,7,5,"]);
    let page = text(&files, "adl.html");
    for part in ["queue took 8.00 where 6.00 was needed", "counted again", "Wave by wave"] {
        assert!(page.contains(part), "missing: {part}");
    }
}

#[test]
fn files_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_accounts(&accounts(2), folder.path()).unwrap();
    assert_eq!(files.page(), folder.path().join("adl.html"));
    assert!(files.paths().iter().all(|path| path.is_file()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}
