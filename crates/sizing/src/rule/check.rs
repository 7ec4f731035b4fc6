//! What the values of a rule must satisfy.

use super::RuleProblem;

/// Collects what is wrong with a rule.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<RuleProblem>,
}

impl Check {
    pub(super) fn add(&mut self, path: &str, message: String, hint: &str) {
        self.problems.push(RuleProblem { path: path.to_owned(), message, hint: hint.to_owned() });
    }

    pub(super) fn share(&mut self, path: &str, value: f64) {
        if !(value > 0.0 && value <= 1.0) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(
                path,
                format!("`{key}` is {value}"),
                "write a share of equity above 0 and at most 1; 0.02 is 2 %",
            );
        }
    }

    /// From 0 to 1: a factor that only ever reduces.
    pub(super) fn factor(&mut self, path: &str, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(
                path,
                format!("`{key}` is {value}"),
                "write a number from 0 to 1: the cut only ever reduces a size",
            );
        }
    }

    /// Between 0 and 1, both excluded.
    pub(super) fn open_unit(&mut self, path: &str, value: f64, example: &str) {
        if !(value > 0.0 && value < 1.0) {
            let key = path.rsplit('.').next().unwrap_or(path);
            let hint = format!("write a number between 0 and 1, such as {example}");
            self.add(path, format!("`{key}` is {value}"), &hint);
        }
    }

    pub(super) fn above_zero(&mut self, path: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is {value}"), "write a number above 0");
        }
    }

    pub(super) fn not_negative(&mut self, path: &str, value: f64) {
        if !(value >= 0.0 && value.is_finite()) {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is {value}"), "write a number of at least 0");
        }
    }

    pub(super) fn count(&mut self, path: &str, value: usize) {
        if value == 0 {
            let key = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("`{key}` is 0"), "write a whole number of at least 1");
        }
    }
}
