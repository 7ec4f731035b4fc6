//! `forecasts.parquet`: every risk forecast beside what came.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema};
use plimsoll_study::result::{ForecastSeries, MadeForecasts, RuleForecasts, StudyResult};

use super::{field, numbers, time_type, times, words, write};
use crate::error::ReportError;

/// `forecasts.parquet`: `rule, horizon, time` (end of the period that is forecast)`, model, side,
/// alpha, value_at_risk, expected_shortfall` (losses positive, fractions of the equity at the
/// period's start)`, expectile` (a return, signed)`, realised_return`. Each forecast was made before
/// its period began; a loss beyond the value at risk is `realised_return < -value_at_risk`.
///
/// # Errors
/// Whatever Arrow or Parquet refuse.
pub fn parquet(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let schema = Schema::new(vec![
        field("rule", DataType::Utf8, false),
        field("horizon", DataType::Utf8, false),
        field("time", time_type(), false),
        field("model", DataType::Utf8, false),
        field("side", DataType::Utf8, false),
        field("alpha", DataType::Float64, false),
        field("value_at_risk", DataType::Float64, false),
        field("expected_shortfall", DataType::Float64, false),
        field("expectile", DataType::Float64, false),
        field("realised_return", DataType::Float64, false),
    ]);
    let shared = Arc::new(schema.clone());
    let batches = result.forecasts.iter().filter_map(|of_rule| {
        let made = of_rule.made.as_ref().ok()?;
        Some((Arc::clone(&shared), columns(of_rule, made)))
    });
    write(schema, batches)
}

fn columns(of_rule: &RuleForecasts, made: &MadeForecasts) -> Vec<ArrayRef> {
    let series = &made.rolling.series;
    let first = made.rolling.first;
    let (ends, returns) = (&of_rule.ends[first..], &of_rule.returns[first..]);
    let rows = series.len() * returns.len();
    let each = |of: fn(&ForecastSeries) -> &'static str| {
        let column: Vec<&str> =
            series.iter().flat_map(|one| repeat_n(of(one), returns.len())).collect();
        words(column.into_iter())
    };
    vec![
        words(repeat_n(of_rule.rule.as_str(), rows)),
        words(repeat_n(of_rule.horizon.name(), rows)),
        times(series.iter().flat_map(|_| ends.iter().map(|end| end.0))),
        each(|one| one.model.name()),
        each(|one| one.side.name()),
        numbers(series.iter().flat_map(|one| repeat_n(one.alpha, returns.len()))),
        numbers(series.iter().flat_map(|one| one.value_at_risk.iter().copied())),
        numbers(series.iter().flat_map(|one| one.expected_shortfall.iter().copied())),
        numbers(series.iter().flat_map(|one| one.expectile.iter().copied())),
        numbers(series.iter().flat_map(|_| returns.iter().copied())),
    ]
}
