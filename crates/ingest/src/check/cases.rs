//! Findings in the making: cases of one rule, collected while rows are walked.

use plimsoll_market::lake::Gap;
use plimsoll_market::{Series, Timestamp};

use super::{Finding, Span, severity};
use crate::policy::{Policies, Rule};

/// The findings of one series.
pub(super) struct Report<'a> {
    series: &'a Series,
    policies: &'a Policies,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(series: &'a Series, policies: &'a Policies) -> Self {
        Self { series, policies, findings: Vec::new() }
    }

    /// Whether there is a finding of that name already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule.name() == name)
    }

    /// Adds what was collected about a rule, if anything was.
    pub(super) fn add(&mut self, rule: Rule, cases: Cases, message: impl Into<String>) {
        if cases.count == 0 {
            return;
        }
        let policy = self.policies.of(rule);
        self.findings.push(Finding {
            rule,
            series: self.series.clone(),
            count: cases.count,
            first: cases.first.map(Timestamp),
            last: cases.last.map(Timestamp),
            example: cases.example,
            message: message.into(),
            spans: cases.spans,
            policy,
            severity: severity(rule, policy),
        });
    }
}

/// Cases of one rule in order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Cases {
    pub(super) count: usize,
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    pub(super) example: String,
    pub(super) spans: Vec<Span>,
    /// The size of the example, where cases have one.
    pub(super) largest: f64,
}

impl Cases {
    /// A case that lasts from `time` for `length` milliseconds. The example is that of the first.
    pub(super) fn add(&mut self, time: i64, length: i64, example: impl FnOnce() -> String) {
        self.add_span(time, time + length, 1, example);
    }

    /// A case that has a size. The example is that of the largest.
    pub(super) fn add_sized(
        &mut self,
        time: i64,
        length: i64,
        size: f64,
        example: impl FnOnce() -> String,
    ) {
        if self.count == 0 || size > self.largest {
            self.largest = size;
            self.example = example();
        }
        let example = std::mem::take(&mut self.example);
        self.add(time, length, String::new);
        self.example = example;
    }

    pub(super) fn add_span(
        &mut self,
        from: i64,
        to: i64,
        count: usize,
        example: impl FnOnce() -> String,
    ) {
        if self.first.is_none() {
            self.first = Some(from);
            self.example = example();
        }
        self.count += count;
        self.last = self.last.max(Some(from));
        match self.spans.last_mut() {
            Some(span) if span.to.0 >= from && span.from.0 <= from => {
                span.to = Timestamp(span.to.0.max(to));
                span.count += count;
            }
            _ => self.spans.push(Span { from: Timestamp(from), to: Timestamp(to), count }),
        }
    }

    /// A gap, which is never joined with another.
    pub(super) fn add_gap(&mut self, gap: Gap, example: impl FnOnce() -> String) {
        self.add_span(gap.from.0, gap.to.0, gap.missing, example);
    }
}

/// The middle of some numbers, the lower of two; `None` of none. The order is lost.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}
