//! A feature after its keys have been checked, and the checks themselves.

use plimsoll_market::Interval;

use crate::error::SpecProblem;
use crate::spec::{
    AtrSmoothing, FeatureSpec, FundingValue, LiquidatedSide, OpenInterestUnit, PremiumOver,
};

/// Longest window, lag or number of periods: nineteen years of ten-minute bars.
pub(crate) const BARS_MAX: usize = 1_000_000;

/// A feature whose keys are consistent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) function: Function,
    pub(crate) interval: Option<Interval>,
    pub(crate) lag: usize,
}

/// What a feature computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Function {
    Windowed { statistic: Statistic, column: String, bars: usize },
    Atr { bars: usize },
    Funding(FundingColumn),
    Premium { over: &'static str },
    Value { column: String },
}

/// A statistic of one column over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    Max,
    Min,
    Mean,
    Std,
    Sum,
    Ema,
    Rsi,
    Return,
    Change,
    Zscore,
}

/// A column made from the funding record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FundingColumn {
    Last,
    MeanOf { periods: usize },
}

impl FundingColumn {
    /// A name that no feature can have.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Last => "funding_rate_8h.last".to_owned(),
            Self::MeanOf { periods } => format!("funding_rate_8h.mean.{periods}"),
        }
    }

    /// Settlements that the value needs.
    pub(crate) fn periods(self) -> usize {
        match self {
            Self::Last => 1,
            Self::MeanOf { periods } => periods,
        }
    }
}

impl Feature {
    /// Checks the keys of `[features]` entry `name`, all but the columns it refers to.
    pub(crate) fn from_spec(name: &str, spec: &FeatureSpec) -> Result<Self, Vec<SpecProblem>> {
        let path = format!("features.{name}");
        let mut problems = Vec::new();
        let interval = parse_interval(&path, spec.interval.as_deref(), &mut problems);
        let lag = spec.lag.unwrap_or(0);
        if lag > BARS_MAX {
            problems.push(too_long(&path, "lag", lag));
        }
        let function = the_function(&path, spec, &mut problems);
        match function {
            Some(function) if problems.is_empty() => {
                Ok(Self { name: name.to_owned(), function, interval, lag })
            }
            _ => Err(problems),
        }
    }

    /// The columns and features it reads, with the key that names each.
    pub(crate) fn inputs(&self) -> Vec<&str> {
        match &self.function {
            Function::Windowed { column, .. } | Function::Value { column } => vec![column],
            Function::Atr { .. } => vec!["high", "low", "close"],
            Function::Funding(_) => Vec::new(),
            Function::Premium { over } => vec!["mark_close", over],
        }
    }

    /// Bars, of its interval, from the first that the value depends on to the last.
    pub(crate) fn window_bars(&self) -> usize {
        match self.function {
            Function::Windowed { statistic, bars, .. } => match statistic {
                Statistic::Rsi | Statistic::Return | Statistic::Change => bars + 1,
                _ => bars,
            },
            Function::Atr { bars } => bars + 1,
            Function::Funding(_) | Function::Premium { .. } | Function::Value { .. } => 1,
        }
    }
}

/// The column that a feature's function key names, with the key.
pub(crate) fn named_column(spec: &FeatureSpec) -> Option<(&'static str, &str)> {
    WINDOWED
        .iter()
        .map(|&(key, _, column)| (key, column))
        .chain([("value", VALUE)])
        .find_map(|(key, column)| Some((key, column(spec)?)))
}

/// Reads an interval, or notes why it is none.
pub(crate) fn parse_interval(
    path: &str,
    text: Option<&str>,
    problems: &mut Vec<SpecProblem>,
) -> Option<Interval> {
    match text?.parse() {
        Ok(interval) => Some(interval),
        Err(error) => {
            problems.push(SpecProblem::new(format!("{path}.interval"), error.to_string()));
            None
        }
    }
}

/// Checks a number of bars.
pub(crate) fn check_bars(
    path: &str,
    key: &str,
    bars: usize,
    bars_min: usize,
    problems: &mut Vec<SpecProblem>,
) {
    if bars < bars_min {
        problems.push(SpecProblem::new(
            format!("{path}.{key}"),
            format!("`{key}` is {bars} but must be at least {bars_min}"),
        ));
    } else if bars > BARS_MAX {
        problems.push(too_long(path, key, bars));
    }
}

type ColumnOf = fn(&FeatureSpec) -> Option<&str>;

/// The function keys that take a column and a window.
const WINDOWED: [(&str, Statistic, ColumnOf); 10] = [
    ("rolling_max", Statistic::Max, |spec| spec.rolling_max.as_deref()),
    ("rolling_min", Statistic::Min, |spec| spec.rolling_min.as_deref()),
    ("rolling_mean", Statistic::Mean, |spec| spec.rolling_mean.as_deref()),
    ("rolling_std", Statistic::Std, |spec| spec.rolling_std.as_deref()),
    ("rolling_sum", Statistic::Sum, |spec| spec.rolling_sum.as_deref()),
    ("ema", Statistic::Ema, |spec| spec.ema.as_deref()),
    ("rsi", Statistic::Rsi, |spec| spec.rsi.as_deref()),
    ("return", Statistic::Return, |spec| spec.simple_return.as_deref()),
    ("change", Statistic::Change, |spec| spec.change.as_deref()),
    ("zscore", Statistic::Zscore, |spec| spec.zscore.as_deref()),
];

const VALUE: ColumnOf = |spec| spec.value.as_deref();

const FUNCTION_KEYS: &str = "rolling_max, rolling_min, rolling_mean, rolling_std, rolling_sum, \
     ema, atr, rsi, return, change, zscore, funding_rate_8h, liquidated_notional, open_interest, \
     premium, value";

/// Which of `bars` and `periods` a function takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    Bars { bars_min: usize },
    BarsOrOne,
    Periods,
    None,
}

/// The one function that the keys name.
fn the_function(
    path: &str,
    spec: &FeatureSpec,
    problems: &mut Vec<SpecProblem>,
) -> Option<Function> {
    let mut given = functions(spec);
    if given.is_empty() {
        problems.push(
            SpecProblem::new(path, "the feature has no function")
                .hint(format!("give it one of {FUNCTION_KEYS}")),
        );
    } else if given.len() > 1 {
        let keys: Vec<&str> = given.iter().map(|(key, ..)| *key).collect();
        problems.push(
            SpecProblem::new(path, format!("the feature has {} functions", keys.join(" and ")))
                .hint("write one feature for each"),
        );
        return None;
    }
    let (key, window, function) = given.pop()?;
    check_window(path, key, window, spec, problems);
    Some(function)
}

/// Every function that the keys name, with its key; windows not given are 1.
fn functions(spec: &FeatureSpec) -> Vec<(&'static str, Window, Function)> {
    let bars = spec.bars.unwrap_or(1);
    let value = |column: &str| Function::Value { column: column.to_owned() };
    let mut given = Vec::new();
    for (key, statistic, column) in WINDOWED {
        if let Some(column) = column(spec) {
            let bars_min = match statistic {
                Statistic::Std | Statistic::Zscore => 2,
                _ => 1,
            };
            let column = column.to_owned();
            let function = Function::Windowed { statistic, column, bars };
            given.push((key, Window::Bars { bars_min }, function));
        }
    }
    if let Some(AtrSmoothing::Wilder) = spec.atr {
        given.push(("atr", Window::Bars { bars_min: 1 }, Function::Atr { bars }));
    }
    if let Some(funding) = spec.funding_rate_8h {
        let (window, column) = match funding {
            FundingValue::Last => (Window::None, FundingColumn::Last),
            FundingValue::Mean => {
                (Window::Periods, FundingColumn::MeanOf { periods: spec.periods.unwrap_or(1) })
            }
        };
        given.push(("funding_rate_8h", window, Function::Funding(column)));
    }
    if let Some(side) = spec.liquidated_notional {
        let column = match side {
            LiquidatedSide::Long => "liquidated_long_notional",
            LiquidatedSide::Short => "liquidated_short_notional",
        };
        let column = column.to_owned();
        let function = Function::Windowed { statistic: Statistic::Sum, column, bars };
        given.push(("liquidated_notional", Window::BarsOrOne, function));
    }
    if let Some(unit) = spec.open_interest {
        let function = value(match unit {
            OpenInterestUnit::Value => "open_interest_value",
            OpenInterestUnit::Quantity => "open_interest",
        });
        given.push(("open_interest", Window::None, function));
    }
    if let Some(over) = spec.premium {
        let over = match over {
            PremiumOver::MarkIndex => "index_close",
            PremiumOver::MarkLast => "close",
        };
        given.push(("premium", Window::None, Function::Premium { over }));
    }
    if let Some(column) = VALUE(spec) {
        given.push(("value", Window::None, value(column)));
    }
    given
}

fn check_window(
    path: &str,
    key: &str,
    window: Window,
    spec: &FeatureSpec,
    problems: &mut Vec<SpecProblem>,
) {
    let without = |name: &str| {
        SpecProblem::new(format!("{path}.{name}"), format!("`{key}` takes no `{name}` here"))
            .hint(format!("leave `{name}` out"))
    };
    let missing = |name: &str| {
        SpecProblem::new(path, format!("`{key}` needs `{name}`"))
            .hint(format!("add `{name} = 20`, say"))
    };
    match (window, spec.bars) {
        (Window::Bars { bars_min }, Some(bars)) => {
            check_bars(path, "bars", bars, bars_min, problems);
        }
        (Window::BarsOrOne, Some(bars)) => check_bars(path, "bars", bars, 1, problems),
        (Window::Bars { .. }, None) => problems.push(missing("bars")),
        (Window::Periods | Window::None, Some(_)) => problems.push(without("bars")),
        (Window::BarsOrOne | Window::Periods | Window::None, None) => {}
    }
    match (window, spec.periods) {
        (Window::Periods, Some(periods)) => check_bars(path, "periods", periods, 1, problems),
        (Window::Periods, None) => problems.push(missing("periods")),
        (_, Some(_)) => problems.push(without("periods")),
        (_, None) => {}
    }
}

fn too_long(path: &str, key: &str, bars: usize) -> SpecProblem {
    SpecProblem::new(
        format!("{path}.{key}"),
        format!("`{key}` is {bars} but must be at most {BARS_MAX}"),
    )
    .hint("use a longer `interval`")
}
