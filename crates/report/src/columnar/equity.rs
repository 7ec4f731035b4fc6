//! `equity.parquet`: the equity path of every account.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use plimsoll_study::result::StudyResult;

use super::{field, numbers, time_type, times, words, write};
use crate::error::ReportError;
use crate::tables::summary::accounts;
use crate::timeline::{Timeline, drawdowns};

/// `equity.parquet`: `rule, symbol` (`portfolio` or a symbol)`, time` (close of the bar)`, equity,
/// equity_low` (every position at its adverse mark extreme)`, drawdown` (from the running peak of
/// closes, positive).
///
/// # Errors
/// Whatever Arrow or Parquet refuse.
pub fn parquet(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let schema = Schema::new(vec![
        field("rule", DataType::Utf8, false),
        field("symbol", DataType::Utf8, false),
        field("time", time_type(), false),
        field("equity", DataType::Float64, false),
        field("equity_low", DataType::Float64, false),
        field("drawdown", DataType::Float64, false),
    ]);
    let shared = Arc::new(schema.clone());
    let batches = accounts(result).map(|(rule, account)| {
        let outcome = &account.outcome;
        let bars = outcome.equity.len();
        let columns = vec![
            words(repeat_n(rule, bars)),
            words(repeat_n(account.scope.as_str(), bars)),
            times((outcome.from_bar..outcome.from_bar + bars).map(|bar| timeline.close(bar).0)),
            numbers(outcome.equity.iter().copied()),
            numbers(outcome.equity_low.iter().copied()),
            numbers(drawdowns(outcome.initial_equity, &outcome.equity)),
        ];
        (Arc::clone(&shared), columns)
    });
    write(schema, batches)
}
