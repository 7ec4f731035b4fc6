//! The Parquet files, read back by an Arrow reader.

use std::io::Write;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_report::columnar::{decisions, equity, ledger};

use crate::fixture::study;

pub(crate) fn read(bytes: &[u8]) -> RecordBatch {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn schema(batch: &RecordBatch) -> Vec<String> {
    let fields = batch.schema();
    fields
        .fields()
        .iter()
        .map(|field| {
            let null = if field.is_nullable() { " or null" } else { "" };
            format!("{} {}{null}", field.name(), field.data_type())
        })
        .collect()
}

pub(crate) fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn words(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|word| word.map(str::to_owned)).collect()
}

#[test]
fn equity_holds_every_account_at_every_close() {
    let result = study();
    let batch = read(&equity::parquet(&result).unwrap());
    insta::assert_debug_snapshot!("equity_schema", schema(&batch));
    assert_eq!(batch.num_rows(), 2 * 3 * 180);
    let time = batch.column_by_name("time").unwrap().as_primitive::<TimestampMillisecondType>();
    // Bar 12 of 8 hours from 2024-01-11 opens on the 15th and closes eight hours later.
    assert_eq!(
        time.value(0),
        "2024-01-15T08:00:00Z".parse::<plimsoll_market::Timestamp>().unwrap().0
    );
    let values = numbers(&batch, "equity");
    for (index, (rule, account)) in result
        .rules
        .iter()
        .flat_map(|rule| rule.accounts.iter().map(move |a| (rule, a)))
        .enumerate()
    {
        let rows = index * 180..(index + 1) * 180;
        let found: Vec<f64> = values[rows.clone()].iter().map(|value| value.unwrap()).collect();
        assert_eq!(found, account.outcome.equity, "{}", rule.name);
        assert!(
            words(&batch, "symbol")[rows].iter().all(|word| *word == Some(account.scope.clone()))
        );
    }
    assert!(numbers(&batch, "drawdown").iter().all(|value| (0.0..1.0).contains(&value.unwrap())));
}

#[test]
fn ledger_adds_up_to_the_change_of_equity() {
    let result = study();
    let batch = read(&ledger::parquet(&result).unwrap());
    insta::assert_debug_snapshot!("ledger_schema", schema(&batch));
    for rule in &result.rules {
        let booked: f64 = words(&batch, "rule")
            .iter()
            .zip(numbers(&batch, "amount"))
            .filter(|(name, _)| name.as_deref() == Some(&rule.name))
            .map(|(_, amount)| amount.unwrap())
            .sum();
        let outcome = &rule.account().outcome;
        let change = outcome.equity.last().unwrap() - outcome.initial_equity;
        assert!((booked - change).abs() < 1e-6, "{}: {booked} against {change}", rule.name);
    }
}

#[test]
fn decisions_hold_every_limit() {
    let batch = read(&decisions::parquet(&study()).unwrap());
    insta::assert_debug_snapshot!("decisions_schema", schema(&batch));
    assert_eq!(batch.num_rows(), 3 + 5);
    // The first rule has no Kelly limit: null, not zero. The second rule's warm-up is zero with
    // its reason; a limit that allows anything is infinite.
    let kelly = numbers(&batch, "limit_kelly");
    assert_eq!(kelly, [None, None, None, Some(0.0), Some(1.5), Some(1.5), None, None]);
    let reasons = words(&batch, "limit_kelly_reason");
    assert_eq!(reasons[3].as_deref(), Some("too_few_trades"));
    assert_eq!(reasons.iter().flatten().count(), 1);
    assert!(
        numbers(&batch, "limit_venue_leverage").iter().all(|limit| limit.unwrap().is_infinite())
    );
    // The gates in the same way.
    let cut = numbers(&batch, "multiplier_funding_cut");
    assert_eq!(cut, [None, None, None, None, Some(0.5), Some(0.0), None, None]);
    let reasons = words(&batch, "multiplier_funding_cut_reason");
    assert_eq!(reasons[5].as_deref(), Some("too_few_observations"));
    assert_eq!(reasons.iter().flatten().count(), 1);
    let kinds = words(&batch, "kind");
    let resizes = kinds.iter().map(|kind| kind.as_deref() == Some("resize")).collect::<Vec<_>>();
    assert_eq!(resizes, [false, false, false, false, false, true, false, false]);
    assert_eq!(numbers(&batch, "held_quantity")[5], numbers(&batch, "quantity")[4]);
    assert!(numbers(&batch, "initial_equity").iter().all(|value| *value == Some(100_000.0)));
    assert!(words(&batch, "sizing_base").iter().all(|base| base.as_deref() == Some("current")));
}
