//! What is printed: a JSON line a case, and the totals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::case::Case;
use crate::compare;
use crate::question::{Answer, Failure};

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    UnknownMetric,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::UnknownMetric => "unknown metric",
        }
    }
}

/// A judged case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) value: Value,
    pub(crate) verdict: Verdict,
    /// What differs, or why there is no value.
    pub(crate) reason: Option<String>,
}

impl Outcome {
    /// Judges an answer by a comparison of its value with the expectation. An undefined value is
    /// `null`, which only an expected `null` agrees with.
    pub(crate) fn of(answer: Answer, compare: impl Fn(&Value) -> Result<(), String>) -> Self {
        let (value, undefined) = match answer {
            Ok(value) => (value, None),
            Err(Failure::UnknownMetric) => {
                let verdict = Verdict::UnknownMetric;
                return Self { value: Value::Null, verdict, reason: None };
            }
            Err(Failure::Undefined(why)) => (Value::Null, Some(why)),
            Err(Failure::Input(why)) => return Self::failed(why),
        };
        match compare(&value) {
            Ok(()) => Self { value, verdict: Verdict::Pass, reason: undefined },
            Err(differs) => {
                let reason = Some(undefined.unwrap_or(differs));
                Self { value, verdict: Verdict::Fail, reason }
            }
        }
    }

    /// A case that has no value because it could not be read or computed.
    pub(crate) fn failed(why: String) -> Self {
        Self { value: Value::Null, verdict: Verdict::Fail, reason: Some(why) }
    }

    /// The line of standard output.
    pub(crate) fn line(&self, file: &str, case: &Case) -> String {
        let mut line = json!({
            "file": file,
            "id": case.id,
            "metric": case.metric,
            "value": compare::in_shape_of(&self.value, &case.expected),
            "expected": case.expected,
            "verdict": self.verdict.name(),
        });
        if let (Some(reason), Some(fields)) = (&self.reason, line.as_object_mut()) {
            fields.insert("reason".to_owned(), json!(reason));
        }
        line.to_string()
    }
}

/// Counts per file, and the metrics nothing computes yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    files: Vec<(String, [usize; 3])>,
    unknown: BTreeMap<String, usize>,
}

impl Totals {
    pub(crate) fn begin(&mut self, file: &str) {
        self.files.push((file.to_owned(), [0; 3]));
    }

    pub(crate) fn add(&mut self, metric: &str, verdict: Verdict) {
        if let Some((_, counts)) = self.files.last_mut() {
            counts[verdict as usize] += 1;
        }
        if verdict == Verdict::UnknownMetric {
            *self.unknown.entry(metric.to_owned()).or_default() += 1;
        }
    }

    /// True where every case passed.
    pub(crate) fn all_passed(&self) -> bool {
        self.files.iter().all(|(_, [_, fail, unknown])| fail + unknown == 0)
    }

    /// The table of standard error.
    pub(crate) fn table(&self) -> String {
        let width = self.files.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(5);
        let mut sum = [0; 3];
        let mut table =
            format!("{:width$}  {:>5}  {:>5}  {:>7}\n", "file", "pass", "fail", "unknown");
        let mut row = |name: &str, [pass, fail, unknown]: [usize; 3]| {
            let _ = writeln!(table, "{name:width$}  {pass:>5}  {fail:>5}  {unknown:>7}");
        };
        for (name, counts) in &self.files {
            row(name, *counts);
            for (total, count) in sum.iter_mut().zip(counts) {
                *total += count;
            }
        }
        row("total", sum);
        if !self.unknown.is_empty() {
            let names: Vec<String> =
                self.unknown.iter().map(|(name, count)| format!("{name} ({count})")).collect();
            let _ = writeln!(table, "not computed yet: {}", names.join(", "));
        }
        table
    }
}
