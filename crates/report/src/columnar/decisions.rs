//! `decisions.parquet`: every decision with every limit.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use plimsoll_engine::Decision;
use plimsoll_sizing::rule::SizingBase;
use plimsoll_study::result::StudyResult;

use super::{field, numbers, time_type, times, words, write};
use crate::error::ReportError;
use crate::timeline::Timeline;

/// `decisions.parquet`: one row a decision of the whole account, `time` being the close at which it
/// was taken.
///
/// A row alone retells its size. Each limit that any rule has is a column `limit_<name>`: the largest
/// leverage that it allows as a multiple of `equity`, infinite where it allows any, 0 with the reason
/// in `limit_<name>_reason` where it is undefined, null where the rule does not have it. Each gate is
/// a column `multiplier_<name>`, a factor from 0 to 1, with its reason in the same way. The smallest
/// of the rule's limits times `multiplier`, the product of the factors, and then the limits that act
/// after it, give `leverage`; times `equity` over `price` it is `quantity_raw`, and rounded down to
/// the lot `quantity`. `trade` is the number of the size-free trade, the same under every rule;
/// `kind` is `entry` or, of a position that was decided again, `resize`, for which `held_quantity` is
/// what was held; `sizing_base` says whether the rule's shares are of the `current` equity or of
/// `initial_equity`. `binding_limit` is the limit that set the size, or the first gate that shut on it;
/// `holding_bars_max`, of an entry alone, the bars after which `funding_budget` closes the position,
/// null where it sets no such time.
///
/// # Errors
/// Whatever Arrow or Parquet refuse.
pub fn parquet(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let timeline = Timeline::of(result);
    let limits = limit_names(result);
    let gates = gate_names(result);
    let schema = Schema::new(fields(&limits, &gates));
    let shared = Arc::new(schema.clone());
    let batches = result.rules.iter().map(|rule| {
        let outcome = &rule.account().outcome;
        let rows = &outcome.decisions;
        let mut columns: Vec<ArrayRef> = vec![
            words(repeat_n(rule.name.as_str(), rows.len())),
            words(rows.iter().map(|row| result.symbols[row.symbol_idx].as_str())),
            times(rows.iter().map(|row| timeline.close(row.bar).0)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.trade_idx as i64))),
            words(rows.iter().map(|row| row.kind.name())),
            words(rows.iter().map(|row| row.side.name())),
            numbers(rows.iter().map(|row| row.equity)),
            numbers(repeat_n(outcome.initial_equity, rows.len())),
            words(repeat_n(base_name(rule.rule.sizing_base), rows.len())),
            numbers(rows.iter().map(|row| row.price)),
            Arc::new(rows.iter().map(|row| row.stop_price).collect::<Float64Array>()),
        ];
        for name in &limits {
            let found = |row: &Decision| {
                let limit = row.limits.iter().find(|limit| limit.name == *name)?;
                Some((limit.leverage, limit.reason))
            };
            columns.extend(value_and_reason(rows, found));
        }
        columns.push(words(rows.iter().map(|row| row.binding_limit)));
        for name in &gates {
            let found = |row: &Decision| {
                let gate = row.multipliers.iter().find(|gate| gate.name == *name)?;
                Some((gate.factor, gate.reason))
            };
            columns.extend(value_and_reason(rows, found));
        }
        columns.extend([
            numbers(rows.iter().map(|row| row.multiplier)),
            numbers(rows.iter().map(|row| row.leverage)),
            numbers(rows.iter().map(|row| row.held_quantity)),
            numbers(rows.iter().map(|row| row.quantity_raw)),
            numbers(rows.iter().map(|row| row.quantity)),
            words(rows.iter().map(|row| row.outcome.name())),
            words(rows.iter().map(|row| row.reason)),
            Arc::new(
                rows.iter()
                    .map(|row| row.holding_bars_max.map(|bars| bars as i64))
                    .collect::<Int64Array>(),
            ),
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

/// Names of all gates, in the order in which the rules first have them.
fn gate_names(result: &StudyResult) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let decisions = result.rules.iter().flat_map(|rule| &rule.account().outcome.decisions);
    for gate in decisions.flat_map(|decision| &decision.multipliers) {
        if !names.contains(&gate.name) {
            names.push(gate.name);
        }
    }
    names
}

/// A column of values and one of their reasons, null where the rule does not have them.
fn value_and_reason(
    rows: &[Decision],
    found: impl Fn(&Decision) -> Option<(f64, &'static str)>,
) -> [ArrayRef; 2] {
    let found: Vec<Option<(f64, &str)>> = rows.iter().map(found).collect();
    let values = found.iter().map(|found| found.map(|(value, _)| value));
    let reasons = found
        .iter()
        .map(|found| found.map(|(_, reason)| reason).filter(|reason| !reason.is_empty()));
    [Arc::new(values.collect::<Float64Array>()), Arc::new(reasons.collect::<StringArray>())]
}

fn base_name(base: SizingBase) -> &'static str {
    match base {
        SizingBase::Current => "current",
        SizingBase::Initial => "initial",
    }
}

fn fields(limits: &[&str], gates: &[&str]) -> Vec<Field> {
    let mut fields = vec![
        field("rule", DataType::Utf8, false),
        field("symbol", DataType::Utf8, false),
        field("time", time_type(), false),
        field("trade", DataType::Int64, false),
        field("kind", DataType::Utf8, false),
        field("side", DataType::Utf8, false),
        field("equity", DataType::Float64, false),
        field("initial_equity", DataType::Float64, false),
        field("sizing_base", DataType::Utf8, false),
        field("price", DataType::Float64, false),
        field("stop_price", DataType::Float64, true),
    ];
    for name in limits {
        fields.push(field(&format!("limit_{name}"), DataType::Float64, true));
        fields.push(field(&format!("limit_{name}_reason"), DataType::Utf8, true));
    }
    fields.push(field("binding_limit", DataType::Utf8, false));
    for name in gates {
        fields.push(field(&format!("multiplier_{name}"), DataType::Float64, true));
        fields.push(field(&format!("multiplier_{name}_reason"), DataType::Utf8, true));
    }
    fields.extend([
        field("multiplier", DataType::Float64, false),
        field("leverage", DataType::Float64, false),
        field("held_quantity", DataType::Float64, false),
        field("quantity_raw", DataType::Float64, false),
        field("quantity", DataType::Float64, false),
        field("outcome", DataType::Utf8, false),
        field("reason", DataType::Utf8, false),
        field("holding_bars_max", DataType::Int64, true),
    ]);
    fields
}
