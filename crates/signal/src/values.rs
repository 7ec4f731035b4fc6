//! The column engine: one polars frame a symbol, from bar columns through features to rules.

use plimsoll_market::{Interval, Market, SymbolColumns};
use polars::prelude::*;

use crate::column::{BarColumn, bar_column};
use crate::error::SignalError;
use crate::expression::{higher_interval, on_base, on_higher};
use crate::feature::{Feature, Function, FundingColumn};
use crate::funding::funding_rate_8h;
use crate::grid::HigherGrid;
use crate::plan::Plan;
use crate::rule::Rule;

/// Features, stop distances and rules of one symbol, one value a bar.
pub(crate) struct Values {
    /// The plan's features in order; `NaN` where undefined.
    pub(crate) features: Vec<Vec<f64>>,
    /// The average true ranges of the plan's stop, as the features.
    pub(crate) stop_atr: Vec<Vec<f64>>,
    /// The plan's rules in order. Undefined is false, and so is a rule that is not given.
    pub(crate) rules: [Vec<bool>; 4],
}

impl Values {
    /// Evaluates a plan's features and stop, and the given rules of it.
    pub(crate) fn of(
        plan: &Plan,
        market: &Market,
        symbol: &SymbolColumns,
        rules: &[Option<Rule>],
    ) -> Result<Self, SignalError> {
        let columns = Input::of(plan)
            .into_iter()
            .map(|input| input.column(market, symbol))
            .collect::<Result<Vec<Column>, SignalError>>()?;
        let grids = Grids::of(plan, market, symbol);
        evaluate(plan, market, &grids, rules, columns).map_err(|error| {
            let message = error.to_string();
            SignalError::Evaluation { symbol: symbol.symbol.clone(), message }
        })
    }
}

/// The bar columns in use that are undefined at every bar.
pub(crate) fn undefined_columns(
    plan: &Plan,
    market: &Market,
    symbol: &SymbolColumns,
) -> Result<Vec<String>, SignalError> {
    let mut names = Vec::new();
    for input in Input::of(plan) {
        if let Input::Bar(column) = input
            && input.column(market, symbol)?.null_count() == market.n_bars
        {
            names.push(column.name.to_owned());
        }
    }
    Ok(names)
}

fn evaluate(
    plan: &Plan,
    market: &Market,
    grids: &Grids,
    rules: &[Option<Rule>],
    columns: Vec<Column>,
) -> PolarsResult<Values> {
    let mut frame = DataFrame::new(market.n_bars, columns)?.lazy();
    let mut wanted = Vec::new();
    for feature in plan.all_features() {
        let expr = match grids.get(feature) {
            None => on_base(feature)?,
            Some(grid) => on_higher(feature, grid)?,
        };
        let name = feature.name.as_str();
        frame = frame.with_column(expr.alias(name));
        wanted.push(col(name));
    }
    for (idx, rule) in rules.iter().enumerate() {
        if let Some(rule) = rule {
            wanted.push(rule.expr.clone().fill_null(lit(false)).alias(rule_column(idx)));
        }
    }
    // A rule of constants alone has one value; beside a column it is repeated for every bar.
    wanted.push(col("close"));
    let results = frame.select(wanted).collect()?;

    let numbers = |feature: &Feature| -> PolarsResult<Vec<f64>> {
        let values = results.column(&feature.name)?.f64()?;
        Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let mut truths = [const { Vec::new() }; 4];
    for (idx, truth) in truths.iter_mut().enumerate() {
        *truth = if rules.get(idx).is_some_and(Option::is_some) {
            let values = results.column(&rule_column(idx))?.bool()?;
            values.iter().map(|value| value.unwrap_or(false)).collect()
        } else {
            vec![false; market.n_bars]
        };
    }
    Ok(Values {
        features: plan.features.iter().map(numbers).collect::<PolarsResult<_>>()?,
        stop_atr: plan.stop.features.iter().map(numbers).collect::<PolarsResult<_>>()?,
        rules: truths,
    })
}

/// A name that no feature can have.
fn rule_column(idx: usize) -> String {
    format!("rule.{idx}")
}

/// The longer grids that a plan's features need.
struct Grids {
    bar: Interval,
    grids: Vec<(Interval, HigherGrid)>,
}

impl Grids {
    fn of(plan: &Plan, market: &Market, symbol: &SymbolColumns) -> Self {
        let bar = market.interval;
        let mut intervals: Vec<Interval> =
            plan.all_features().filter_map(|feature| higher_interval(feature, bar)).collect();
        intervals.sort_unstable();
        intervals.dedup();
        let grids = intervals
            .into_iter()
            .map(|interval| (interval, HigherGrid::new(market, symbol, interval)))
            .collect();
        Self { bar, grids }
    }

    fn get(&self, feature: &Feature) -> Option<&HigherGrid> {
        let interval = higher_interval(feature, self.bar)?;
        self.grids.iter().find(|(known, _)| *known == interval).map(|(_, grid)| grid)
    }
}

/// A column that the frame begins with.
#[derive(Clone, Copy)]
enum Input {
    Bar(&'static BarColumn),
    Funding(FundingColumn),
}

impl Input {
    /// What features, rules and stops read, each once, and the close.
    fn of(plan: &Plan) -> Vec<Self> {
        let mut inputs: Vec<Self> = Vec::new();
        let mut add = |input: Self| {
            if !inputs.iter().any(|known| known.name() == input.name()) {
                inputs.push(input);
            }
        };
        bar_column("close").map(Self::Bar).into_iter().for_each(&mut add);
        for feature in plan.all_features() {
            if let Function::Funding(column) = feature.function {
                add(Self::Funding(column));
            }
            feature.inputs().into_iter().filter_map(bar_column).map(Self::Bar).for_each(&mut add);
        }
        for rule in plan.rules.iter().flatten() {
            let names = rule.names.iter();
            names.filter_map(|name| bar_column(name)).map(Self::Bar).for_each(&mut add);
        }
        inputs
    }

    fn name(self) -> String {
        match self {
            Self::Bar(column) => column.name.to_owned(),
            Self::Funding(column) => column.name(),
        }
    }

    /// The values with everything that is not finite as null.
    fn column(self, market: &Market, symbol: &SymbolColumns) -> Result<Column, SignalError> {
        let defined = |values: &[f64]| -> Float64Chunked {
            values.iter().map(|value| value.is_finite().then_some(*value)).collect()
        };
        let values = match self {
            Self::Bar(column) => match column.values(market, symbol)? {
                Some(values) => defined(values),
                None => Float64Chunked::full_null(PlSmallStr::EMPTY, market.n_bars),
            },
            Self::Funding(column) => defined(&funding_rate_8h(market, symbol, column.periods())),
        };
        Ok(values.with_name(self.name().into()).into_column())
    }
}
