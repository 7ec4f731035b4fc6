//! What was compared, and what changed.

use std::collections::BTreeMap;

use plimsoll_market::{Market, Timestamp};
use plimsoll_sizing::SizingError;
use serde::Serialize;

use super::compare::{Cut, Later};

/// What a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A feature at a bar.
    Feature,
    /// A signal column at a bar: entry, exits, stops, take-profit prices.
    Signal,
    /// An entry that had filled by the cut, and its end if it had ended.
    Trade,
    /// A rule's limit at a decision, and what else it plans there.
    Limit,
    /// A rule's multiplier at a decision.
    Multiplier,
    /// A decision of the replayed account.
    Decision,
}

impl Subject {
    /// Every subject, in the order in which they follow from one another.
    pub const ALL: [Self; 6] =
        [Self::Feature, Self::Signal, Self::Trade, Self::Limit, Self::Multiplier, Self::Decision];

    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::Signal => "signal",
            Self::Trade => "trade",
            Self::Limit => "limit",
            Self::Multiplier => "multiplier",
            Self::Decision => "decision",
        }
    }
}

/// A number of values of each subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Values of features.
    pub features: usize,
    /// Values of signal columns.
    pub signals: usize,
    /// Values of size-free trades.
    pub trades: usize,
    /// Limits, and what else a rule plans.
    pub limits: usize,
    /// Multipliers.
    pub multipliers: usize,
    /// Values of decisions.
    pub decisions: usize,
}

impl Compared {
    /// The number of one subject.
    pub fn of(&self, subject: Subject) -> usize {
        let mut copy = *self;
        *copy.entry(subject)
    }

    fn entry(&mut self, subject: Subject) -> &mut usize {
        match subject {
            Subject::Feature => &mut self.features,
            Subject::Signal => &mut self.signals,
            Subject::Trade => &mut self.trades,
            Subject::Limit => &mut self.limits,
            Subject::Multiplier => &mut self.multipliers,
            Subject::Decision => &mut self.decisions,
        }
    }
}

/// Something that differs once later data do: it reads them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it belongs to.
    pub subject: Subject,
    /// The rule, of a limit, a multiplier or a decision.
    pub rule: Option<String>,
    /// Name of the feature, column, limit or field.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// How many values changed, over all cuts.
    pub values: usize,
    /// How many bars beyond its own it reads, at least: the farthest seen.
    pub bars_ahead: usize,
    /// Close of the bar at which that value should have been known.
    pub time: Timestamp,
    /// The cut: data up to this instant are the same.
    pub cut: Timestamp,
    /// What became of the data behind the cut.
    pub later: Later,
    /// The value on the data as they are.
    pub value: String,
    /// The value on the other data.
    pub other_value: String,
}

/// Counts what is compared and keeps what changed.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many values were compared.
    pub compared: Compared,
    /// How many of them changed.
    pub changed: Compared,
    found: BTreeMap<Named, Found>,
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) subject: Subject,
    /// Place of the rule among the rules, and its name.
    pub(super) rule: Option<(usize, String)>,
    pub(super) symbol_idx: usize,
    pub(super) name: String,
}

#[derive(Debug)]
struct Found {
    values: usize,
    bar: usize,
    cut: Cut,
    value: String,
    other_value: String,
}

impl Findings {
    /// Compares one value at a bar; `named` is asked only where it differs.
    pub(super) fn value<T: Comparable + ?Sized>(
        &mut self,
        subject: Subject,
        cut: Cut,
        bar: usize,
        (value, other): (&T, &T),
        named: impl FnOnce() -> Named,
    ) {
        *self.compared.entry(subject) += 1;
        if value.is_same(other) {
            return;
        }
        *self.changed.entry(subject) += 1;
        let found = self.found.entry(named()).or_insert_with(|| Found {
            values: 0,
            bar,
            cut,
            value: value.shown(),
            other_value: other.shown(),
        });
        found.values += 1;
        if cut.bar - bar > found.cut.bar - found.bar {
            (found.bar, found.cut) = (bar, cut);
            (found.value, found.other_value) = (value.shown(), other.shown());
        }
    }

    /// What changed, subject by subject.
    pub(super) fn changes(self, market: &Market) -> Vec<Change> {
        let change = |(named, found): (Named, Found)| Change {
            subject: named.subject,
            rule: named.rule.map(|(_, name)| name),
            name: named.name,
            symbol: market.symbols[named.symbol_idx].symbol.clone(),
            values: found.values,
            bars_ahead: found.cut.bar - found.bar,
            time: market.close_time(found.bar),
            cut: market.open_time(found.cut.bar),
            later: found.cut.later,
            value: found.value,
            other_value: found.other_value,
        };
        self.found.into_iter().map(change).collect()
    }
}

/// A value that is the same or is not.
pub(super) trait Comparable {
    /// Whether it is the same bit for bit; one missing value is like another.
    fn is_same(&self, other: &Self) -> bool;
    /// The value in words.
    fn shown(&self) -> String;
}

impl Comparable for f64 {
    fn is_same(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits() || (self.is_nan() && other.is_nan())
    }

    fn shown(&self) -> String {
        if self.is_nan() { "undefined".to_owned() } else { format!("{self:?}") }
    }
}

impl Comparable for bool {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Comparable for str {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn shown(&self) -> String {
        if self.is_empty() { "none".to_owned() } else { self.to_owned() }
    }
}

impl<T: Comparable> Comparable for Option<T> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            _ => false,
        }
    }

    fn shown(&self) -> String {
        self.as_ref().map_or("none".to_owned(), Comparable::shown)
    }
}

impl Comparable for Result<f64, SizingError> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Ok(one), Ok(other)) => one.is_same(other),
            // As text, in which a missing value inside is like another.
            (Err(one), Err(other)) => one == other || one.to_string() == other.to_string(),
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Ok(value) => value.shown(),
            Err(error) => error.to_string(),
        }
    }
}
