//! `ledger.parquet`: every change of money with its cause.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Schema};
use plimsoll_study::result::StudyResult;

use super::{field, numbers, time_type, times, words, write};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `ledger.parquet`: `rule, symbol, time` (open of the bar)`, trade` (index of the size-free
/// trade)`, cause, amount` (into the account, negative out of it)`, quantity, price, wallet`. Whole
/// account only; the amounts of a rule add up to its change of equity.
///
/// # Errors
/// Whatever Arrow or Parquet refuse.
pub fn parquet(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let schema = Schema::new(vec![
        field("rule", DataType::Utf8, false),
        field("symbol", DataType::Utf8, false),
        field("time", time_type(), false),
        field("trade", DataType::Int64, false),
        field("cause", DataType::Utf8, false),
        field("amount", DataType::Float64, false),
        field("quantity", DataType::Float64, false),
        field("price", DataType::Float64, false),
        field("wallet", DataType::Float64, false),
    ]);
    let shared = Arc::new(schema.clone());
    let batches = result.rules.iter().map(|rule| {
        let rows = &rule.account().outcome.ledger;
        let trade = rows.iter().map(|row| row.trade_idx as i64);
        let columns: Vec<ArrayRef> = vec![
            words(repeat_n(rule.name.as_str(), rows.len())),
            words(rows.iter().map(|row| result.symbols[row.symbol_idx].as_str())),
            times(rows.iter().map(|row| timeline.open(row.bar).0)),
            Arc::new(Int64Array::from_iter_values(trade)),
            words(rows.iter().map(|row| row.cause.name())),
            numbers(rows.iter().map(|row| row.amount)),
            numbers(rows.iter().map(|row| row.quantity)),
            numbers(rows.iter().map(|row| row.price)),
            numbers(rows.iter().map(|row| row.wallet)),
        ];
        (Arc::clone(&shared), columns)
    });
    write(schema, batches)
}
