//! What each limit of a rule is worth: the rule with it against the rule without it, from the draws
//! that the rules are compared with.

use plimsoll_risk::compare::paired::{BootstrapMetrics, ComparisonMetric, PairedDifference};

use crate::parse::NamedRule;
use crate::result::LimitWorth;

/// What is asked of a limit.
const METRICS: [ComparisonMetric; 2] =
    [ComparisonMetric::MeanLogGrowth, ComparisonMetric::MaxDrawdown];

/// Rows of one scope. `alive` are the rules that were resampled, in the order of the columns.
pub(crate) fn limit_worth(
    rules: &[NamedRule],
    scope: &str,
    alive: &[usize],
    metrics: &BootstrapMetrics,
) -> Vec<LimitWorth> {
    let mut rows = Vec::new();
    for (full, named) in rules.iter().enumerate() {
        let without: Vec<usize> = (0..rules.len())
            .filter(|&rule| {
                rules[rule].ablation.as_ref().is_some_and(|a| a.of.contains(&named.name))
            })
            .collect();
        if without.is_empty() {
            continue;
        }
        // The rule first, then those without one of its limits: the adjustment is over these.
        let family: Vec<usize> = std::iter::once(full).chain(without.iter().copied()).collect();
        let living: Vec<usize> =
            family.iter().copied().filter(|rule| alive.contains(rule)).collect();
        let column = |rule: usize| living.iter().position(|&other| other == rule);
        let columns: Vec<usize> =
            living.iter().filter_map(|rule| alive.iter().position(|a| a == rule)).collect();
        let part = metrics.of_rules(&columns);
        for metric in METRICS {
            let differences = match column(full) {
                Some(baseline) => {
                    part.against_baseline(baseline, metric).map_err(|error| error.to_string())
                }
                None => Err(ruined(&named.name)),
            };
            for &rule in &without {
                let difference = match (&differences, column(rule)) {
                    (Err(reason), _) => Err(reason.clone()),
                    (_, None) => Err(ruined(&rules[rule].name)),
                    (Ok(found), Some(column)) => {
                        found[column].as_ref().map_err(ToString::to_string)
                    }
                };
                rows.push(row(scope, named, &rules[rule], metric, &difference));
            }
        }
    }
    rows
}

fn ruined(rule: &str) -> String {
    format!("{rule} was ruined in the sample itself")
}

/// The difference is of the rule without the limit; its worth is the opposite.
fn row(
    scope: &str,
    full: &NamedRule,
    without: &NamedRule,
    metric: ComparisonMetric,
    difference: &Result<&PairedDifference, String>,
) -> LimitWorth {
    let found = difference.as_ref().ok();
    LimitWorth {
        symbol: scope.to_owned(),
        rule: full.name.clone(),
        limit: without.ablation.as_ref().map(|a| a.limit.clone()).unwrap_or_default(),
        rule_without: without.name.clone(),
        metric: metric.name(),
        difference: found.map(|d| 0.0 - d.difference),
        low: found.map(|d| 0.0 - d.high),
        high: found.map(|d| 0.0 - d.low),
        p_value: found.map(|d| d.p_value),
        p_value_adjusted: found.map(|d| d.p_value_adjusted),
        reason: difference.as_ref().err().cloned(),
    }
}
