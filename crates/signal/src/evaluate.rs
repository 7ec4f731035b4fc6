//! From a market and a checked strategy to signal columns.

use plimsoll_market::{Interval, Market, SignalColumns, SymbolColumns};
use rayon::prelude::*;

use crate::error::{SignalError, SpecProblem};
use crate::plan::Plan;
use crate::rows::{RowSignal, SignalRow, signal_from_rows_with};
use crate::rule::Rule;
use crate::spec::SignalSpec;
use crate::stack::on_deep_stack;
use crate::values::{Values, undefined_columns};

/// A feature's values for one symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureColumn {
    /// Position of the symbol in the market.
    pub symbol_idx: usize,
    /// The feature's name.
    pub name: String,
    /// Values at each close; `NaN` where undefined.
    pub values: Vec<f64>,
}

/// A bar column or a feature that is undefined at every bar of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndefinedInput {
    /// Position of the symbol in the market.
    pub symbol_idx: usize,
    /// The column's or feature's name.
    pub name: String,
}

impl SignalSpec {
    /// Everything that is wrong with the tables, whatever the data; empty if nothing is.
    pub fn validate(&self) -> Vec<SpecProblem> {
        Plan::new(self, None).err().unwrap_or_default()
    }

    /// As [`validate`](Self::validate), and that each `interval` is a multiple of the study's bar.
    pub fn validate_for(&self, bar: Interval) -> Vec<SpecProblem> {
        Plan::new(self, Some(bar)).err().unwrap_or_default()
    }

    /// How many bars before the first decision the market has to hold, so that without gaps every
    /// feature and stop is defined there and at the bar before (an entry needs both).
    ///
    /// An average with a memory beyond its window (`ema`, `atr`, `rsi`) is defined then, though
    /// still in part its seed. Funding counts eight hours a settlement.
    ///
    /// # Errors
    /// [`SignalError::InvalidSpec`].
    pub fn warm_up_bars(&self, bar: Interval) -> Result<usize, SignalError> {
        Ok(self.plan(bar)?.defined_after_bars(bar))
    }

    /// Evaluates the rules and stops: one [`SignalColumns`] a symbol, in the market's order.
    ///
    /// With `signal.file` there is no rule to evaluate and no entry fires: see
    /// [`evaluate_rows`](Self::evaluate_rows).
    ///
    /// # Errors
    /// [`SignalError::InvalidSpec`]; [`SignalError::BothSides`] for the first such bar of the first
    /// such symbol; [`SignalError::ColumnLength`].
    pub fn evaluate(&self, market: &Market) -> Result<Vec<SignalColumns>, SignalError> {
        let plan = self.plan(market.interval)?;
        each_symbol(market, |symbol| signal_of(&plan, market, symbol))
    }

    /// Evaluates the stops of the tables for a signal that comes as rows; a row's own stop price
    /// goes before the table's.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate) and [`signal_from_rows`](crate::signal_from_rows).
    pub fn evaluate_rows(
        &self,
        market: &Market,
        rows: &[SignalRow],
    ) -> Result<RowSignal, SignalError> {
        let plan = self.plan(market.interval)?;
        let stops = each_symbol(market, |symbol| {
            let values = Values::of(&plan, market, symbol, &[])?;
            let mut columns = empty_columns(market.n_bars);
            plan.stop.fill(&symbol.close, &values.stop_atr, &mut columns);
            Ok(columns)
        })?;
        signal_from_rows_with(market, rows, stops)
    }

    /// The values of every feature, symbol by symbol and in file order.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn features(&self, market: &Market) -> Result<Vec<FeatureColumn>, SignalError> {
        let plan = self.plan(market.interval)?;
        let values = each_symbol(market, |symbol| Values::of(&plan, market, symbol, &[]))?;
        let mut columns = Vec::new();
        for (symbol_idx, values) in values.into_iter().enumerate() {
            for (feature, values) in plan.features.iter().zip(values.features) {
                columns.push(FeatureColumn { symbol_idx, name: feature.name.clone(), values });
            }
        }
        Ok(columns)
    }

    /// Which bar columns in use and which features are undefined at every bar: rules that need
    /// them are never true, so a report should say so.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn undefined_inputs(&self, market: &Market) -> Result<Vec<UndefinedInput>, SignalError> {
        let plan = self.plan(market.interval)?;
        let names = each_symbol(market, |symbol| {
            let mut names = undefined_columns(&plan, market, symbol)?;
            let values = Values::of(&plan, market, symbol, &[])?;
            for (feature, values) in plan.features.iter().zip(values.features) {
                if values.iter().all(|value| value.is_nan()) {
                    names.push(feature.name.clone());
                }
            }
            Ok(names)
        })?;
        let inputs = names.into_iter().enumerate().flat_map(|(symbol_idx, names)| {
            names.into_iter().map(move |name| UndefinedInput { symbol_idx, name })
        });
        Ok(inputs.collect())
    }

    fn plan(&self, bar: Interval) -> Result<Plan, SignalError> {
        Plan::new(self, Some(bar)).map_err(|problems| SignalError::InvalidSpec { problems })
    }
}

/// Columns without an entry, an exit or a stop.
pub(crate) fn empty_columns(n_bars: usize) -> SignalColumns {
    SignalColumns {
        entry: vec![0; n_bars],
        exit_long: vec![false; n_bars],
        exit_short: vec![false; n_bars],
        ..SignalColumns::default()
    }
}

/// Symbols in parallel, results and the first error in the market's order.
fn each_symbol<T: Send>(
    market: &Market,
    of_symbol: impl Fn(&SymbolColumns) -> Result<T, SignalError> + Send + Sync,
) -> Result<Vec<T>, SignalError> {
    let results: Vec<Result<T, SignalError>> =
        market.symbols.par_iter().map(|symbol| on_deep_stack(|| of_symbol(symbol))).collect();
    results.into_iter().collect()
}

fn signal_of(
    plan: &Plan,
    market: &Market,
    symbol: &SymbolColumns,
) -> Result<SignalColumns, SignalError> {
    let mut values = Values::of(plan, market, symbol, &plan.rules)?;
    let mut columns = empty_columns(market.n_bars);
    plan.stop.fill(&symbol.close, &values.stop_atr, &mut columns);
    let [long, short, exit_long, exit_short] = &mut values.rules;
    columns.entry = entries(plan, market, symbol, long, short)?;
    columns.exit_long = std::mem::take(exit_long);
    columns.exit_short = std::mem::take(exit_short);
    for bar in (0..market.n_bars).filter(|bar| !symbol.has_bar(*bar)) {
        columns.exit_long[bar] = false;
        columns.exit_short[bar] = false;
    }
    Ok(columns)
}

/// Where a rule turns from false to true between one bar that exists and the next that does.
fn entries(
    plan: &Plan,
    market: &Market,
    symbol: &SymbolColumns,
    long: &[bool],
    short: &[bool],
) -> Result<Vec<i8>, SignalError> {
    let mut entry = vec![0; market.n_bars];
    let (mut was_long, mut was_short) = (false, false);
    for bar in (0..market.n_bars).filter(|bar| symbol.has_bar(*bar)) {
        let fires_long = long[bar] && !was_long;
        let fires_short = short[bar] && !was_short;
        if long[bar] && short[bar] && (fires_long || fires_short) {
            let [long, short, ..] = &plan.rules;
            let text =
                |rule: &Option<Rule>| rule.as_ref().map_or(String::new(), |rule| rule.text.clone());
            return Err(SignalError::BothSides {
                symbol: symbol.symbol.clone(),
                time: market.close_time(bar),
                long: text(long),
                short: text(short),
            });
        }
        entry[bar] = i8::from(fires_long) - i8::from(fires_short);
        (was_long, was_short) = (long[bar], short[bar]);
    }
    Ok(entry)
}
