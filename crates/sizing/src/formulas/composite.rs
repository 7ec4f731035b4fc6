//! The composite: the smallest of the limits present, and which one it was.

use super::SizingError;

/// One limit on leverage, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit<'a> {
    /// Name of the rule, as decision records show it.
    pub name: &'a str,
    /// Notional over equity that the rule allows, or why it has no answer.
    pub value: Result<f64, SizingError>,
}

/// The outcome of a list of limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composite {
    /// Notional over equity: the smallest limit, never negative, 0 where any limit is undefined.
    pub leverage: f64,
    /// Position in the list of the limit that decided; `None` for an empty list.
    pub binding: Option<usize>,
    /// Why the leverage is 0, where the binding limit is undefined.
    pub reason: Option<&'static str>,
}

/// The smallest of `limits`; among equals the first listed is named.
///
/// A limit that is an error, NaN, infinite, negative or -0.0 counts as 0 with its reason, so it
/// stops the trade; it is never dropped from the minimum, as `f64::min` would drop a NaN. A rule
/// that is absent is left out of the list, not given as infinity. An empty list allows nothing.
pub fn composite(limits: &[Limit<'_>]) -> Composite {
    let mut smallest = Composite { leverage: 0.0, binding: None, reason: Some("no_limits") };
    for (index, limit) in limits.iter().enumerate() {
        let (leverage, reason) = settle(&limit.value);
        if smallest.binding.is_none() || leverage < smallest.leverage {
            smallest = Composite { leverage, binding: Some(index), reason };
        }
    }
    smallest
}

/// The leverage that a limit stands for: its value, or 0 with a reason.
pub fn settle(limit: &Result<f64, SizingError>) -> (f64, Option<&'static str>) {
    match limit {
        Err(error) => (0.0, Some(error.reason())),
        Ok(value) if !value.is_finite() => (0.0, Some("not_finite")),
        Ok(value) if *value < 0.0 => (0.0, Some("negative_limit")),
        Ok(value) if value.is_sign_negative() => (0.0, Some("negative_zero")),
        Ok(value) => (*value, None),
    }
}
