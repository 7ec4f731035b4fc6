//! `plimsoll study` on simulated archives: the files, their sums, the same bytes at every call.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::assert_text;
use crate::program::{differences, folder, plimsoll, tree};
use crate::report::{CsvTable, numbers, parquet, words};
use crate::scene::{edited, lake, strategy_in};

const FILES: [&str; 16] = [
    "ablation.csv",
    "gates.csv",
    "sizes.csv",
    "comparison.csv",
    "decisions.parquet",
    "equity.parquet",
    "forecasts.csv",
    "forecasts.parquet",
    "ledger.parquet",
    "liquidations.csv",
    "monthly.csv",
    "receipt.json",
    "refusals.csv",
    "report.html",
    "sensitivity.csv",
    "summary.csv",
];

/// The columns that scripts may rely on, in their order.
const SUMMARY: &str = "rule,symbol,trades,total_return,cagr,volatility_annual,sharpe_annual,\
    sharpe_standard_error,sortino_annual,calmar,max_drawdown,cdar_0.95,ulcer_index,hist_var_0.01,\
    hist_es_0.01,gpd_var_0.01,gpd_es_0.01,expectile_0.01,ruin_probability,ruin_probability_low,\
    ruin_probability_high,liquidations,funding_paid,fees_paid,slippage_paid,turnover,\
    average_leverage,max_leverage,final_equity";
const COMPARISON: &str =
    "symbol,rule,baseline,basis,metric,difference,low,high,p_value,p_value_adjusted";
const TRADES: &str = "rule,symbol,side,entry_time,entry_price,exit_time,exit_price,quantity,\
    notional,leverage,binding_limit,stop_price,liquidation_price,exit_reason,pnl,funding,fees,\
    slippage,return_on_equity,r_multiple,trade,resizes,quantity_max";
const GATES: &str = "rule,name,kind,gate,decisions,cut,refused,undefined,set_the_size,closed";
const SIZES: &str = "date,rule,symbol,side,time,price,stop_price,leverage,median_leverage,ratio,\
    binding_limit,multiplier,reason";
const ABLATION: &str = "symbol,rule,limit,rule_without,metric,difference,low,high,p_value,\
    p_value_adjusted,reason";

const RULES: [&str; 5] =
    ["fixed", "kelly[fraction=0.25]", "kelly[fraction=1.0]", "min_of_all", "over_leveraged"];

/// One call of the study, shared by the tests: the folder in which it was made, and what it said.
fn ran() -> &'static (PathBuf, String) {
    static RAN: OnceLock<(PathBuf, String)> = OnceLock::new();
    RAN.get_or_init(|| {
        let place = strategy_in("study", &[]);
        let ran = plimsoll(&place, &["study", "autumn.toml", "--data", lake()]).good();
        assert_eq!(ran.stderr, "");
        (place, ran.stdout)
    })
}

fn report() -> PathBuf {
    ran().0.join("reports/autumn")
}

fn table(name: &str) -> CsvTable {
    CsvTable::read(&report().join(name))
}

#[test]
fn every_file_is_there_with_the_columns_of_the_contract() {
    let files = tree(&ran().0.join("reports"));
    let mut expected: Vec<PathBuf> =
        FILES.iter().chain(&["trades.csv"]).map(|name| Path::new("autumn").join(name)).collect();
    expected.sort();
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(files.values().all(|bytes| !bytes.is_empty()));
    for (name, columns) in [
        ("summary.csv", SUMMARY),
        ("comparison.csv", COMPARISON),
        ("trades.csv", TRADES),
        ("gates.csv", GATES),
        ("sizes.csv", SIZES),
        ("ablation.csv", ABLATION),
    ] {
        let text = String::from_utf8(files[&Path::new("autumn").join(name)].clone()).unwrap();
        let heading = text.lines().next().unwrap();
        assert!(heading == columns || heading.starts_with(&format!("{columns},")), "{heading}");
        assert!(!text.contains("NaN") && !text.contains("inf,"), "{name}");
    }
    let summary = table("summary.csv");
    let mut rules = summary.column("rule");
    rules.dedup();
    assert_eq!(rules, RULES);
    assert_eq!(summary.where_is("rule", "fixed", "symbol"), ["portfolio", "BTCUSDT", "ETHUSDT"]);
}

#[test]
fn the_ledger_adds_up_to_the_summary() {
    let summary = table("summary.csv");
    let ledger = parquet(&report().join("ledger.parquet"));
    let (rules, causes) = (words(&ledger, "rule"), words(&ledger, "cause"));
    let amounts = numbers(&ledger, "amount");
    let mut totals: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for ((rule, cause), amount) in rules.iter().zip(&causes).zip(&amounts) {
        *totals.entry((rule, "all")).or_default() += amount;
        *totals.entry((rule, cause)).or_default() += amount;
    }
    for rule in RULES {
        let total = totals.get(&(rule, "all")).copied().unwrap_or(0.0);
        let change = summary.portfolio(rule, "final_equity") - 100_000.0;
        assert!((total - change).abs() < 1e-6, "{rule}: {total} in the ledger, {change} of equity");
        let funding = totals.get(&(rule, "funding")).copied().unwrap_or(0.0);
        let paid = summary.portfolio(rule, "funding_paid");
        assert!((funding + paid).abs() < 1e-6, "{rule}: {funding} in the ledger, {paid} paid");
    }
    assert!(summary.portfolio("fixed", "trades") > 5.0);
    assert!(summary.portfolio("over_leveraged", "liquidations") >= 1.0);
    let liquidations = table("liquidations.csv");
    let n = liquidations.where_is("rule", "over_leveraged", "mark_price").len();
    assert_eq!(n as f64, summary.portfolio("over_leveraged", "liquidations"));
}

#[test]
fn the_words_on_the_terminal_fit_it() {
    let (_, stdout) = ran();
    assert!(stdout.lines().all(|line| line.chars().count() <= 110), "{stdout}");
    assert!(stdout.lines().all(|line| line == line.trim_end()), "{stdout}");
    for rule in RULES {
        assert_eq!(
            stdout.lines().filter(|line| line.starts_with(&format!("{rule}  "))).count(),
            1,
            "{rule}\n{stdout}"
        );
    }
    assert!(stdout.ends_with("report: reports/autumn/report.html\n"), "{stdout}");
    let heading = stdout.lines().take(5).collect::<Vec<_>>().join(
        "
",
    );
    assert_text!("study_heading", heading);
}

#[test]
fn the_same_bytes_at_every_call_and_any_number_of_threads() {
    let first = tree(&report());
    for threads in ["1", "2", "7"] {
        let place = strategy_in(&format!("study-threads-{threads}"), &[]);
        let words = ["study", "autumn.toml", "--data", lake(), "--threads", threads, "--quiet"];
        let ran = plimsoll(&place, &words).good();
        assert_eq!(ran.stderr, "");
        let differ = differences(&first, &tree(&place.join("reports/autumn")));
        assert_eq!(differ, [] as [&Path; 0], "{threads} threads");
    }
    for (name, bytes) in &first {
        let text = String::from_utf8_lossy(bytes);
        let temporary = env!("CARGO_TARGET_TMPDIR");
        assert!(!text.contains(temporary), "{} names a folder of this machine", name.display());
    }
}

#[test]
fn json_is_one_document_with_the_numbers_of_the_tables() {
    let place = strategy_in("study-json", &[]);
    let ran = plimsoll(&place, &["study", "autumn.toml", "--data", lake(), "--json"]).good();
    assert_eq!(ran.stderr, "");
    let document = ran.json();
    assert_eq!(document["report"], "reports/autumn/report.html");
    let summary = table("summary.csv");
    for row in document["rules"].as_array().unwrap() {
        let rule = row["rule"].as_str().unwrap();
        if row["symbol"] == "portfolio" {
            for column in ["final_equity", "max_drawdown", "fees_paid"] {
                assert_eq!(
                    row[column].as_f64().unwrap(),
                    summary.portfolio(rule, column),
                    "{rule}"
                );
            }
        }
        for (name, value) in row.as_object().unwrap() {
            let has_reason = row["reasons"][name].is_string();
            assert!(!value.is_null() || has_reason, "{rule}: {name} is null without a reason");
        }
    }
    assert_eq!(document["rules"].as_array().unwrap().len(), 3 * RULES.len());
}

#[test]
fn values_of_the_file_can_be_set() {
    let place = strategy_in("study-set", &[]);
    let words = [
        "study",
        "autumn.toml",
        "--data",
        lake(),
        "--set",
        "account.margin=isolated",
        "--set",
        "compare.bootstrap.draws=100",
        "--out",
        "isolated",
    ];
    let ran = plimsoll(&place, &words).good();
    assert!(ran.stdout.contains(", isolated margin, "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("report: isolated/report.html\n"));
    assert!(!place.join("reports").exists());
    let (isolated, cross) =
        (CsvTable::read(&place.join("isolated/summary.csv")), table("summary.csv"));
    let rule = "over_leveraged";
    assert_ne!(isolated.portfolio(rule, "final_equity"), cross.portfolio(rule, "final_equity"));
    let receipt = fs::read_to_string(place.join("isolated/receipt.json")).unwrap();
    assert!(receipt.contains("isolated"));
}

#[test]
fn several_files_have_a_folder_each() {
    let place = folder("study-several");
    let draws = ("draws = 200", "draws = 100");
    fs::write(place.join("a.toml"), edited(&[draws])).unwrap();
    fs::write(place.join("b.toml"), edited(&[draws, ("\"autumn\"", "\"winter\"")])).unwrap();
    let words = ["study", "a.toml", "b.toml", "--data", lake(), "--out", "both", "--json"];
    let ran = plimsoll(&place, &words).good();
    let document = ran.json();
    let names: Vec<&str> =
        document.as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["autumn", "winter"]);
    let (a, b) = (tree(&place.join("both/autumn")), tree(&place.join("both/winter")));
    assert_eq!(a.len(), FILES.len() + 1);
    assert_eq!(a[Path::new("summary.csv")], b[Path::new("summary.csv")]);
}
