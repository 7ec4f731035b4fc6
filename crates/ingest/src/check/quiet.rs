//! Liquidations: time that no archive accounts for is unknown, which is not the same as quiet.

use plimsoll_market::lake::receipt_coverage;
use plimsoll_market::{DAY_MS, Kind, Receipt, Series, Table, Timestamp};

use super::cases::{Cases, Report};
use crate::policy::Rule;

/// The days of a series on which there was an event.
pub(super) struct Quiet<'a> {
    series: &'a Series,
    eventful_days: usize,
    last_day: Option<i64>,
}

impl<'a> Quiet<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self { series, eventful_days: 0, last_day: None }
    }

    pub(super) fn month(&mut self, table: &Table) {
        if self.series.kind != Kind::Liquidations {
            return;
        }
        for &time in table.times() {
            let day = Timestamp(time).day();
            if self.last_day != Some(day) {
                self.eventful_days += 1;
                self.last_day = Some(day);
            }
        }
    }

    pub(super) fn finish(self, receipts: &[Receipt], report: &mut Report<'_>) {
        if self.series.kind != Kind::Liquidations {
            return;
        }
        let known = receipt_coverage(self.series, receipts);
        let mut cases = Cases::default();
        for pair in known.windows(2) {
            let (from, to) = (pair[0].1, pair[1].0);
            cases.add(from.0, to.0 - from.0, || format!("from {from} to {to}"));
        }
        let known_days = known.iter().map(|(from, to)| to.0 - from.0).sum::<i64>() / DAY_MS;
        let message = format!(
            "stretches between archives in which liquidations are unknown, not quiet; of about {known_days} known day(s), {} had an event",
            self.eventful_days
        );
        report.add(Rule::LiquidationUnknown, cases, message);
    }
}
