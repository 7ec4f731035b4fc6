//! Every CSV of the fixture as it stands.

use plimsoll_report::report_bytes;
use plimsoll_report::tables::{monthly, summary};

use crate::fixture::study;

fn text(name: &str) -> String {
    let files = report_bytes(&study()).unwrap();
    let (_, bytes) = files.into_iter().find(|(file, _)| *file == name).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The columns of a CSV, by name.
fn columns(csv: &str) -> Vec<(String, Vec<String>)> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut columns: Vec<(String, Vec<String>)> =
        reader.headers().unwrap().iter().map(|name| (name.to_owned(), vec![])).collect();
    for row in reader.records() {
        for (column, value) in columns.iter_mut().zip(row.unwrap().iter()) {
            column.1.push(value.to_owned());
        }
    }
    columns
}

fn column(csv: &str, name: &str) -> Vec<String> {
    columns(csv).into_iter().find(|(column, _)| column == name).unwrap().1
}

macro_rules! snapshot {
    ($($test:ident: $file:literal),* $(,)?) => {$(
        #[test]
        fn $test() {
            insta::assert_snapshot!($file, text($file));
        }
    )*};
}

snapshot! {
    summary_is_as_it_was: "summary.csv",
    comparison_is_as_it_was: "comparison.csv",
    monthly_is_as_it_was: "monthly.csv",
    trades_are_as_they_were: "trades.csv",
    refusals_are_as_they_were: "refusals.csv",
    liquidations_are_as_they_were: "liquidations.csv",
    sensitivity_is_as_it_was: "sensitivity.csv",
    gates_are_as_they_were: "gates.csv",
    sizes_are_as_they_were: "sizes.csv",
    ablation_is_as_it_was: "ablation.csv",
    receipt_is_as_it_was: "receipt.json",
}

#[test]
fn summary_has_the_promised_columns_first_and_in_order() {
    let text = text("summary.csv");
    let heading: Vec<String> = columns(&text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(heading[..summary::COLUMNS.len()], summary::COLUMNS);
    assert_eq!(heading[heading.len() - 2..], ["ruined_at", "notes"]);
    assert_eq!(column(&text, "symbol"), ["portfolio", "BTCUSDT", "ETHUSDT"].repeat(2));
    assert!(column(&text, "gpd_var_0.01").iter().all(String::is_empty));
    assert!(column(&text, "notes")[0].contains("gpd_var_0.01: 60 days are too few"));
}

#[test]
fn months_chain_to_the_total_return_and_add_up_to_the_ledger() {
    let result = study();
    let rows = monthly::monthly(&result).unwrap();
    for rule in &result.rules {
        for account in &rule.accounts {
            let months: Vec<_> = rows
                .iter()
                .filter(|row| row.rule == rule.name && row.scope == account.scope)
                .collect();
            let names: Vec<String> = months.iter().map(|row| row.month.to_string()).collect();
            assert_eq!(names, ["2024-01", "2024-02", "2024-03"]);
            let growth: f64 = months.iter().map(|row| 1.0 + row.month_return.unwrap()).product();
            let last = account.outcome.equity.last().unwrap();
            assert!((growth - last / account.outcome.initial_equity).abs() < 1e-12);
            let booked: f64 = months.iter().map(|row| row.pnl).sum();
            assert!((booked - (last - account.outcome.initial_equity)).abs() < 1e-6);
            let fees: f64 = months.iter().map(|row| row.fees).sum();
            assert!((fees - account.value("fees_paid").unwrap()).abs() < 1e-9);
            assert_eq!(months.iter().map(|row| row.trades).sum::<u32>(), 2);
            let forced: u32 = months.iter().map(|row| row.liquidations).sum();
            assert_eq!(forced as usize, account.outcome.liquidations.len());
        }
    }
}

#[test]
fn refusals_name_the_market_once_and_each_rule_by_itself() {
    let text = text("refusals.csv");
    assert_eq!(column(&text, "rule").iter().filter(|rule| *rule == "*").count(), 1);
    assert_eq!(
        column(&text, "stage"),
        ["cancelled", "refused_at_fill", "no_size", "no_size", "refused_at_fill"]
    );
    assert_eq!(column(&text, "kind"), ["entry", "entry", "entry", "resize", "entry"]);
    assert_eq!(column(&text, "reason")[2], "too_few_trades");
}
