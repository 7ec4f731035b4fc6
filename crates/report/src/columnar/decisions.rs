//! `decisions.parquet`: every decision with every limit.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use plimsoll_engine::{Decision, LimitValue};
use plimsoll_study::result::StudyResult;

use super::{field, numbers, time_type, times, words, write};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `decisions.parquet`: one row a decision of the whole account, `time` being the close at which it
/// was taken.
///
/// Each limit that any rule has is a column `limit_<name>`: the largest leverage that it allows,
/// infinite where it allows any, 0 with the reason in `limit_<name>_reason` where it is undefined,
/// null where the rule does not have it.
///
/// # Errors
/// Whatever Arrow or Parquet refuse.
pub fn parquet(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let limits = limit_names(result);
    let schema = Schema::new(fields(&limits));
    let shared = Arc::new(schema.clone());
    let batches = result.rules.iter().map(|rule| {
        let rows = &rule.account().outcome.decisions;
        let mut columns: Vec<ArrayRef> = vec![
            words(repeat_n(rule.name.as_str(), rows.len())),
            words(rows.iter().map(|row| result.symbols[row.symbol_idx].as_str())),
            times(rows.iter().map(|row| timeline.close(row.bar).0)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.trade_idx as i64))),
            words(rows.iter().map(|row| row.side.name())),
            numbers(rows.iter().map(|row| row.equity)),
            numbers(rows.iter().map(|row| row.price)),
            Arc::new(rows.iter().map(|row| row.stop_price).collect::<Float64Array>()),
        ];
        for name in &limits {
            let found: Vec<Option<&LimitValue>> = rows.iter().map(|row| limit(row, name)).collect();
            let leverage = found.iter().map(|limit| limit.map(|limit| limit.leverage));
            let reason = found
                .iter()
                .map(|limit| limit.map(|limit| limit.reason).filter(|reason| !reason.is_empty()));
            columns.push(Arc::new(leverage.collect::<Float64Array>()));
            columns.push(Arc::new(reason.collect::<StringArray>()));
        }
        columns.extend([
            words(rows.iter().map(|row| row.binding_limit)),
            numbers(rows.iter().map(|row| row.multiplier)),
            numbers(rows.iter().map(|row| row.leverage)),
            numbers(rows.iter().map(|row| row.quantity_raw)),
            numbers(rows.iter().map(|row| row.quantity)),
            words(rows.iter().map(|row| row.outcome.name())),
            words(rows.iter().map(|row| row.reason)),
        ]);
        (Arc::clone(&shared), columns)
    });
    write(schema, batches)
}

/// Names of all limits, in the order in which the rules first have them.
pub(crate) fn limit_names(result: &StudyResult) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let decisions = result.rules.iter().flat_map(|rule| &rule.account().outcome.decisions);
    for limit in decisions.flat_map(|decision| &decision.limits) {
        if !names.contains(&limit.name) {
            names.push(limit.name);
        }
    }
    names
}

fn limit<'a>(decision: &'a Decision, name: &str) -> Option<&'a LimitValue> {
    decision.limits.iter().find(|limit| limit.name == name)
}

fn fields(limits: &[&str]) -> Vec<Field> {
    let mut fields = vec![
        field("rule", DataType::Utf8, false),
        field("symbol", DataType::Utf8, false),
        field("time", time_type(), false),
        field("trade", DataType::Int64, false),
        field("side", DataType::Utf8, false),
        field("equity", DataType::Float64, false),
        field("price", DataType::Float64, false),
        field("stop_price", DataType::Float64, true),
    ];
    for name in limits {
        fields.push(field(&format!("limit_{name}"), DataType::Float64, true));
        fields.push(field(&format!("limit_{name}_reason"), DataType::Utf8, true));
    }
    fields.extend([
        field("binding_limit", DataType::Utf8, false),
        field("multiplier", DataType::Float64, false),
        field("leverage", DataType::Float64, false),
        field("quantity_raw", DataType::Float64, false),
        field("quantity", DataType::Float64, false),
        field("outcome", DataType::Utf8, false),
        field("reason", DataType::Utf8, false),
    ]);
    fields
}
