//! `sizes.csv`: how large each rule would have been on the eve of the days named.

use plimsoll_sizing::SizeDecision;
use plimsoll_study::result::{SizeOn, StudyResult};

use super::{full_precision, optional, to_csv};
use crate::error::ReportError;
use crate::limits::position;

/// `sizes.csv`: one row a day, rule, symbol and side, decided at the last close before the day in an
/// account that is flat and holds its equity of the start, before rounding. `ratio` is `leverage`
/// over `median_leverage`, the rule's median over the days of the compared period (of more than 120
/// days over a spread sample of them), empty where that is 0. The limits and gates are columns
/// `limit_<name>` and `multiplier_<name>` with their reasons, as in `decisions.parquet`, and
/// `binding_limit` is a gate's name where that refused; `reason` says why there is no size.
///
/// # Errors
/// A row that CSV cannot hold.
pub fn csv(result: &StudyResult) -> Result<Vec<u8>, ReportError> {
    let rows = &result.sizes_on;
    let decided = || rows.iter().filter_map(|row| row.decision.as_ref().ok());
    let limits = names(decided().flat_map(|found| found.limits.iter().map(|limit| limit.name)));
    let gates = names(decided().flat_map(|found| found.multipliers.iter().map(|gate| gate.name)));
    let mut heading: Vec<String> = [
        "date",
        "rule",
        "symbol",
        "side",
        "time",
        "price",
        "stop_price",
        "leverage",
        "median_leverage",
        "ratio",
        "binding_limit",
        "multiplier",
        "reason",
    ]
    .map(str::to_owned)
    .to_vec();
    for (prefix, names) in [("limit", &limits), ("multiplier", &gates)] {
        for name in names {
            heading.push(format!("{prefix}_{name}"));
            heading.push(format!("{prefix}_{name}_reason"));
        }
    }
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    to_csv(&heading, rows.iter().map(|row| cells(row, &limits, &gates)))
}

fn cells(row: &SizeOn, limits: &[&'static str], gates: &[&'static str]) -> Vec<String> {
    let decision = row.decision.as_ref().ok();
    let reason = match &row.decision {
        Ok(found) => found.reason.to_owned(),
        Err(reason) => reason.clone(),
    };
    let mut cells = vec![
        row.date.date_string(),
        row.rule.clone(),
        row.symbol.clone(),
        row.side.name().to_owned(),
        row.time.to_string(),
        optional(row.price),
        optional(row.stop_price),
        optional(decision.map(|found| found.leverage)),
        optional(row.median_leverage),
        optional(ratio(row)),
        decision.map(|found| found.binding_limit.to_owned()).unwrap_or_default(),
        optional(decision.map(|found| found.multiplier)),
        reason,
    ];
    let limit = |found: &SizeDecision, name: &str| {
        let limit = found.limits.iter().find(|limit| limit.name == name)?;
        Some((limit.leverage, limit.reason))
    };
    let gate = |found: &SizeDecision, name: &str| {
        let gate = found.multipliers.iter().find(|gate| gate.name == name)?;
        Some((gate.factor, gate.reason))
    };
    let found = limits
        .iter()
        .map(|name| decision.and_then(|found| limit(found, name)))
        .chain(gates.iter().map(|name| decision.and_then(|found| gate(found, name))));
    for value in found {
        let (value, reason) =
            value.map_or((String::new(), ""), |(value, reason)| (full_precision(value), reason));
        cells.extend([value, reason.to_owned()]);
    }
    cells
}

/// The size over the rule's median size, where that is not 0.
pub(crate) fn ratio(row: &SizeOn) -> Option<f64> {
    let leverage = row.decision.as_ref().ok()?.leverage;
    row.median_leverage.filter(|median| *median > 0.0).map(|median| leverage / median)
}

/// Each name once, in the order in which limits act.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in all {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| position(name));
    names
}
