//! Values that no record of their kind can have, beside prices, volumes and rates.

use plimsoll_market::lake::key_times;
use plimsoll_market::{Column, Kind, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use super::gaps::step_of;
use crate::policy::Rule;

/// Values of one series whose months are walked in order.
pub(super) struct Values {
    kind: Kind,
    step: i64,
    broken: Cases,
    zero: Cases,
}

impl Values {
    pub(super) fn new(series: &Series) -> Self {
        Self {
            kind: series.kind,
            step: step_of(series),
            broken: Cases::default(),
            zero: Cases::default(),
        }
    }

    pub(super) fn month(&mut self, table: &Table) {
        let times = key_times(table);
        // Row by row, so that the cases come in order of time.
        for (row, &time) in times.iter().enumerate() {
            let values = self.kind.columns().iter().zip(table.columns());
            let numbers = values.filter_map(|(&(name, _), column)| {
                number(column, row).filter(|_| !is_looked_at_elsewhere(name)).map(|v| (name, v))
            });
            let example = |(name, value)| format!("{}: {name} {value}", Timestamp(time));
            for number in numbers {
                let (name, value) = number;
                let is_price = name == "price";
                if !value.is_finite() || value < 0.0 || (is_price && value <= 0.0) {
                    self.broken.add(time, self.step, || example(number));
                    break;
                } else if self.kind == Kind::OpenInterest && value <= 0.0 {
                    self.zero.add(time, self.step, || example(number));
                    break;
                }
            }
        }
    }

    pub(super) fn finish(self, report: &mut Report<'_>) {
        let message = "values that are negative or no numbers";
        report.add(Rule::BrokenBar, self.broken, message);
        let message = "open interest of zero, which is a failure of the feed";
        report.add(Rule::ZeroOpenInterest, self.zero, message);
    }
}

/// Columns that the rules of bars and of funding look at, with words of their own.
fn is_looked_at_elsewhere(name: &str) -> bool {
    matches!(name, "open" | "high" | "low" | "close" | "volume" | "rate")
}

/// The number that stands in a row, if the column has numbers and the row has one. A count past
/// 2^53 loses its last digits, not its sign.
fn number(column: &Column, row: usize) -> Option<f64> {
    match column {
        Column::F64(values) => Some(values[row]),
        Column::F64OrNull(values) => values[row],
        Column::I64OrNull(values) => values[row].map(|value| value as f64),
        Column::Time(_) | Column::I32(_) | Column::Text(_) => None,
    }
}
