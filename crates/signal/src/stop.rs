//! Protective prices: the `[stop]` table checked, and its price columns.
//!
//! Every price is known at the close at which an entry is decided and hangs on that close alone.
//! A distance that is undefined (average true range in warm-up) or zero, and a price that is not
//! positive, give an undefined price: an entry without a defined stop is refused downstream, never
//! taken unprotected.

use plimsoll_market::{Interval, SignalColumns};

use crate::error::SpecProblem;
use crate::feature::{Feature, Function, check_bars, parse_interval};
use crate::spec::{AtrDistance, StopSpec};

/// The `[stop]` table after its values have been checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StopPlan {
    initial: Option<Distance>,
    trailing: Option<Distance>,
    take_profit: Option<Target>,
    bars_max: Option<usize>,
    /// The average true ranges that the distances need.
    pub(crate) features: Vec<Feature>,
}

/// A distance from the close.
#[derive(Clone, Debug, PartialEq)]
enum Distance {
    /// So many times the feature of this position in [`StopPlan::features`].
    Atr { feature_idx: usize, multiple: f64 },
    /// This fraction of the close.
    Fraction(f64),
}

/// Where the gain is taken.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    At(Distance),
    RMultiple(f64),
}

impl StopPlan {
    /// Checks a `[stop]` table.
    pub(crate) fn from_spec(spec: &StopSpec, problems: &mut Vec<SpecProblem>) -> Self {
        let mut plan = Self { bars_max: spec.time_bars, ..Self::default() };
        if spec == &StopSpec::default() {
            problems.push(
                SpecProblem::new("stop", "the table is empty")
                    .hint("leave [stop] out for no stop, or add `atr` or `fraction`"),
            );
        }
        if let Some(bars) = spec.time_bars {
            check_bars("stop", "time_bars", bars, 1, problems);
        }
        plan.initial = plan.distance("stop", spec.atr.as_ref(), spec.fraction, 1.0, problems);
        if spec.atr.is_some() && spec.fraction.is_some() {
            problems.push(
                SpecProblem::new("stop", "the initial stop has both `atr` and `fraction`")
                    .hint("keep one"),
            );
        }
        if let Some(trailing) = &spec.trailing {
            let path = "stop.trailing";
            let n_given =
                usize::from(trailing.atr.is_some()) + usize::from(trailing.fraction.is_some());
            exactly_one(path, n_given, "`atr` and `fraction`", problems);
            plan.trailing =
                plan.distance(path, trailing.atr.as_ref(), trailing.fraction, 1.0, problems);
        }
        if let Some(target) = &spec.take_profit {
            let path = "stop.take_profit";
            let n_given = usize::from(target.atr.is_some())
                + usize::from(target.fraction.is_some())
                + usize::from(target.r_multiple.is_some());
            exactly_one(path, n_given, "`atr`, `fraction` and `r_multiple`", problems);
            let no_limit = f64::INFINITY;
            plan.take_profit = plan
                .distance(path, target.atr.as_ref(), target.fraction, no_limit, problems)
                .map(Target::At);
            if let Some(r_multiple) = target.r_multiple {
                check_positive(path, "r_multiple", r_multiple, no_limit, problems);
                if spec.atr.is_none() && spec.fraction.is_none() && spec.trailing.is_none() {
                    problems.push(
                        SpecProblem::new(
                            format!("{path}.r_multiple"),
                            "a multiple of the stop distance needs a stop",
                        )
                        .hint("add `atr`, `fraction` or `trailing` to [stop]"),
                    );
                }
                plan.take_profit = Some(Target::RMultiple(r_multiple));
            }
        }
        plan
    }

    fn distance(
        &mut self,
        path: &str,
        atr: Option<&AtrDistance>,
        fraction: Option<f64>,
        fraction_below: f64,
        problems: &mut Vec<SpecProblem>,
    ) -> Option<Distance> {
        if let Some(fraction) = fraction {
            check_positive(path, "fraction", fraction, fraction_below, problems);
        }
        let Some(atr) = atr else { return fraction.map(Distance::Fraction) };
        let path = format!("{path}.atr");
        check_bars(&path, "bars", atr.bars, 1, problems);
        check_positive(&path, "multiple", atr.multiple, f64::INFINITY, problems);
        let interval = parse_interval(&path, atr.interval.as_deref(), problems);
        let function = Function::Atr { bars: atr.bars };
        // A name with dots cannot be a user's.
        self.features.push(Feature { name: path, function, interval, lag: 0 });
        Some(Distance::Atr { feature_idx: self.features.len() - 1, multiple: atr.multiple })
    }

    /// Replaces intervals equal to the study's by none.
    pub(crate) fn set_bar(&mut self, bar: Interval) {
        for feature in &mut self.features {
            feature.interval = feature.interval.filter(|interval| *interval != bar);
        }
    }

    /// Fills the stop and take-profit columns of one symbol.
    ///
    /// `atr` holds the values of [`StopPlan::features`], one vector each.
    pub(crate) fn fill(&self, close: &[f64], atr: &[Vec<f64>], columns: &mut SignalColumns) {
        columns.bars_max = self.bars_max;
        if let Some(trailing) = &self.trailing {
            let distance = trailing.of_each(close, atr);
            columns.trailing_stop_long = below(close, &distance);
            columns.trailing_stop_short = above(close, &distance);
            columns.stop_long.clone_from(&columns.trailing_stop_long);
            columns.stop_short.clone_from(&columns.trailing_stop_short);
        }
        if let Some(initial) = &self.initial {
            let distance = initial.of_each(close, atr);
            columns.stop_long = below(close, &distance);
            columns.stop_short = above(close, &distance);
        }
        match &self.take_profit {
            None => {}
            Some(Target::At(target)) => {
                let distance = target.of_each(close, atr);
                columns.take_profit_long = above(close, &distance);
                columns.take_profit_short = below(close, &distance);
            }
            Some(Target::RMultiple(multiple)) => {
                let scaled = |risk: Vec<f64>| -> Vec<f64> {
                    risk.iter().map(|distance| multiple * distance).collect()
                };
                columns.take_profit_long = above(close, &scaled(risk_long(close, columns)));
                columns.take_profit_short = below(close, &scaled(risk_short(close, columns)));
            }
        }
    }
}

impl Distance {
    fn of_each(&self, close: &[f64], atr: &[Vec<f64>]) -> Vec<f64> {
        match self {
            Self::Atr { feature_idx, multiple } => {
                atr[*feature_idx].iter().map(|atr| multiple * atr).collect()
            }
            Self::Fraction(fraction) => close.iter().map(|close| fraction * close).collect(),
        }
    }
}

fn below(close: &[f64], distance: &[f64]) -> Vec<f64> {
    price(close, distance, -1.0)
}

fn above(close: &[f64], distance: &[f64]) -> Vec<f64> {
    price(close, distance, 1.0)
}

fn price(close: &[f64], distance: &[f64], sign: f64) -> Vec<f64> {
    let prices = close.iter().zip(distance).map(|(close, distance)| {
        let price = close + sign * distance;
        if *distance > 0.0 && price > 0.0 && price.is_finite() { price } else { f64::NAN }
    });
    prices.collect()
}

/// Distance from the close to the tighter of the initial and the trailing stop of a long.
fn risk_long(close: &[f64], columns: &SignalColumns) -> Vec<f64> {
    risk(close, &columns.stop_long, &columns.trailing_stop_long)
}

/// As [`risk_long`], of a short.
fn risk_short(close: &[f64], columns: &SignalColumns) -> Vec<f64> {
    risk(close, &columns.stop_short, &columns.trailing_stop_short)
}

fn risk(close: &[f64], stop: &[f64], trailing: &[f64]) -> Vec<f64> {
    let distances = close.iter().enumerate().map(|(bar, close)| {
        let initial = (close - stop[bar]).abs();
        match trailing.get(bar).map(|trailing| (close - trailing).abs()) {
            // Undefined if either is: `min` alone would drop a NaN.
            Some(trailing) if trailing.is_nan() || trailing < initial => trailing,
            _ => initial,
        }
    });
    distances.collect()
}

fn check_positive(path: &str, key: &str, value: f64, below: f64, problems: &mut Vec<SpecProblem>) {
    if !(value > 0.0 && value < below) {
        let rule = if below.is_finite() {
            format!("must lie between 0 and {below}, both excluded")
        } else {
            "must be a finite number above 0".to_owned()
        };
        problems.push(SpecProblem::new(
            format!("{path}.{key}"),
            format!("`{key}` is {value} but {rule}"),
        ));
    }
}

fn exactly_one(path: &str, n_given: usize, keys: &str, problems: &mut Vec<SpecProblem>) {
    if n_given != 1 {
        let message = format!("exactly one of {keys} is needed, {n_given} are given");
        problems.push(SpecProblem::new(path, message));
    }
}
