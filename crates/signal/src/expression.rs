//! Features as polars expressions.
//!
//! Every column reaches polars with undefined values as nulls and with no NaN. Windows ask for as
//! many values as they are long, so that a window with a gap gives null.

use plimsoll_market::Interval;
use polars::lazy::dsl::{max_horizontal, min_horizontal};
use polars::prelude::*;

use crate::column::{Aggregate, bar_column};
use crate::feature::{Feature, Function, Statistic};
use crate::form::finite;
use crate::grid::HigherGrid;

/// The expression of a feature on the market's own bars.
pub(crate) fn on_base(feature: &Feature) -> PolarsResult<Expr> {
    let values = function(&feature.function, &|name| col(name))?;
    Ok(finite(lagged(values, feature.lag)))
}

/// The expression of a feature on longer bars: inputs are taken at the closes of those bars, and
/// each base bar gets the value of the last one closed.
pub(crate) fn on_higher(feature: &Feature, grid: &HigherGrid) -> PolarsResult<Expr> {
    let positions = |positions: &[Option<u32>]| {
        let positions: IdxCa = positions.iter().copied().collect();
        lit(positions.into_series())
    };
    let last_bar = positions(&grid.last_bar);
    let closed = positions(&grid.closed);
    let input = |name: &str| aggregated(name, grid.factor).gather(last_bar.clone(), false);
    let values = function(&feature.function, &input)?;
    Ok(finite(lagged(values, feature.lag).gather(closed, false)))
}

/// Whether a feature is evaluated on longer bars than the market's.
pub(crate) fn higher_interval(feature: &Feature, bar: Interval) -> Option<Interval> {
    feature.interval.filter(|interval| *interval > bar)
}

/// The value that a bar of `factor` base bars would have, at each base bar as if it were the last.
fn aggregated(name: &str, factor: usize) -> Expr {
    let column = col(name);
    match bar_column(name).map(|column| column.aggregate) {
        Some(Aggregate::First) => column.shift(lit(factor as i64 - 1)),
        Some(Aggregate::Max) => column.rolling_max(window(factor)),
        Some(Aggregate::Min) => column.rolling_min(window(factor)),
        Some(Aggregate::Sum) => rolling_sum(&column, factor),
        // The last value; so too of features and of the funding columns.
        Some(Aggregate::Last) | None => column,
    }
}

fn function(function: &Function, input: &dyn Fn(&str) -> Expr) -> PolarsResult<Expr> {
    Ok(match function {
        Function::Windowed { statistic, column, bars } => {
            windowed(*statistic, &input(column), *bars)
        }
        Function::Atr { bars } => {
            let range = true_range(&input("high"), &input("low"), &input("close"))?;
            seeded_ewm(range, *bars, 1.0 / *bars as f64)
        }
        Function::Funding(column) => input(&column.name()),
        Function::Premium { over } => input("mark_close") / input(over) - lit(1.0),
        Function::Value { column } => input(column),
    })
}

fn windowed(statistic: Statistic, x: &Expr, bars: usize) -> Expr {
    let previous = || x.clone().shift(lit(bars as i64));
    let max = || x.clone().rolling_max(window(bars));
    let min = || x.clone().rolling_min(window(bars));
    // Whether the window and the value before it hold no gap.
    let is_whole = || x.clone().rolling_min(window(bars + 1)).is_not_null();
    match statistic {
        Statistic::Max => max(),
        Statistic::Min => min(),
        Statistic::Mean => rolling_mean(x, bars),
        Statistic::Std => x.clone().rolling_std(window(bars)),
        Statistic::Sum => rolling_sum(x, bars),
        Statistic::Ema => seeded_ewm(x.clone(), bars, 2.0 / (bars as f64 + 1.0)),
        Statistic::Rsi => {
            let change = x.clone() - x.clone().shift(lit(1));
            // Half of |d| + d is the gain and half of |d| - d the loss, exactly; null stays null.
            let gain = (change.clone().abs() + change.clone()) / lit(2.0);
            let loss = (change.clone().abs() - change) / lit(2.0);
            let alpha = 1.0 / bars as f64;
            let gain = seeded_ewm(gain, bars, alpha);
            let loss = seeded_ewm(loss, bars, alpha);
            lit(100.0) * gain.clone() / (gain + loss)
        }
        Statistic::Return => when(previous().gt(lit(0.0)).and(is_whole()))
            .then(x.clone() / previous() - lit(1.0))
            .otherwise(lit(NULL)),
        Statistic::Change => when(is_whole()).then(x.clone() - previous()).otherwise(lit(NULL)),
        Statistic::Zscore => {
            let distance = x.clone() - rolling_mean(x, bars);
            when(max().gt(min()))
                .then(distance / x.clone().rolling_std(window(bars)))
                .otherwise(lit(NULL))
        }
    }
}

/// A window that needs all of its values.
fn window(bars: usize) -> RollingOptionsFixedWindow {
    RollingOptionsFixedWindow { window_size: bars, min_periods: bars, ..Default::default() }
}

/// Polars adds what enters a window and takes off what leaves it, so that a rest of earlier, larger
/// values can remain. Held within its bounds, the sum of zeros is zero.
fn rolling_sum(x: &Expr, bars: usize) -> Expr {
    let bound = |extreme: Expr| extreme * lit(bars as f64);
    x.clone().rolling_sum(window(bars)).clip(
        bound(x.clone().rolling_min(window(bars))),
        bound(x.clone().rolling_max(window(bars))),
    )
}

/// As [`rolling_sum`]: the mean of equal values is that value.
fn rolling_mean(x: &Expr, bars: usize) -> Expr {
    x.clone()
        .rolling_mean(window(bars))
        .clip(x.clone().rolling_min(window(bars)), x.clone().rolling_max(window(bars)))
}

/// `max(high - low, |high - previous close|, |low - previous close|)`; needs a previous close.
fn true_range(high: &Expr, low: &Expr, close: &Expr) -> PolarsResult<Expr> {
    let previous = close.clone().shift(lit(1));
    let is_whole = high
        .clone()
        .is_not_null()
        .and(low.clone().is_not_null())
        .and(previous.clone().is_not_null());
    let top = max_horizontal([high.clone(), previous.clone()])?;
    let bottom = min_horizontal([low.clone(), previous])?;
    Ok(when(is_whole).then(top - bottom).otherwise(lit(NULL)))
}

/// An exponentially weighted mean that starts, `bars` values into each stretch without a gap, from
/// the mean of those values.
fn seeded_ewm(x: Expr, bars: usize, alpha: f64) -> Expr {
    x.apply(
        move |column| {
            let values = column.f64()?;
            let smoothed = seeded_ewm_of(values, bars, alpha)?;
            Ok(smoothed.with_name(column.name().clone()).into_column())
        },
        |_, field| Ok(field.clone()),
    )
}

fn seeded_ewm_of(values: &Float64Chunked, bars: usize, alpha: f64) -> PolarsResult<Float64Chunked> {
    let values: Vec<Option<f64>> = values.iter().collect();
    let options = EWMOptions { alpha, adjust: false, min_periods: 1, ..Default::default() };
    let mut smoothed: Vec<Option<f64>> = Vec::with_capacity(values.len());
    for stretch in values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let known: Vec<f64> = stretch.iter().copied().flatten().collect();
        let n_before_seed = (bars - 1).min(stretch.len());
        smoothed.extend(std::iter::repeat_n(None, n_before_seed));
        if known.len() < bars {
            smoothed.extend(std::iter::repeat_n(None, stretch.len() - n_before_seed));
            continue;
        }
        let mut seeded = known[bars - 1..].to_vec();
        seeded[0] = known[..bars].iter().sum::<f64>() / bars as f64;
        let ewm = ewm_mean(&Series::from_vec(PlSmallStr::EMPTY, seeded), options)?;
        smoothed.extend(ewm.f64()?.iter());
    }
    Ok(smoothed.into_iter().collect())
}

fn lagged(x: Expr, lag: usize) -> Expr {
    if lag == 0 { x } else { x.shift(lit(lag as i64)) }
}
