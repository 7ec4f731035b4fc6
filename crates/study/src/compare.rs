//! The rules against each other: ruin probabilities and paired differences, all from the same
//! draws of the same days.

use plimsoll_risk::block_length::common_block_length;
use plimsoll_risk::comparison::{BootstrapMetrics, ComparisonMetric};
use plimsoll_risk::moments::Moments;
use plimsoll_risk::ruin_paths::{DailyPath, RuinConfig, estimate_ruin};

use crate::metrics::DAYS_PER_YEAR;
use crate::parse::Study;
use crate::result::{ComparisonRow, Metric, RuleResult};

/// What a comparison of one scope found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    /// Rows of `comparison.csv`.
    pub(crate) rows: Vec<ComparisonRow>,
    /// Mean block length of the draws.
    pub(crate) mean_block_days: Option<f64>,
    /// Share of draws in which each rule grew fastest, in rule order; empty if undefined.
    pub(crate) probability_best: Vec<f64>,
}

/// Adds ruin probabilities to the accounts of one scope and compares them with the baseline's.
pub(crate) fn compare_scope(
    study: &Study,
    rules: &mut [RuleResult],
    scope_idx: usize,
    scope: &str,
) -> Compared {
    let returns: Vec<Vec<f64>> =
        rules.iter().map(|rule| rule.accounts[scope_idx].daily.returns.clone()).collect();
    let columns: Vec<&[f64]> = returns.iter().map(Vec::as_slice).collect();
    let mean_block = mean_block(&columns);
    add_ruin(study, rules, scope_idx, &mean_block);
    let mut compared =
        Compared { mean_block_days: mean_block.as_ref().ok().copied(), ..Compared::default() };
    let Ok(block) = mean_block else {
        return compared;
    };
    let baseline = study.rules.iter().position(|rule| rule.name == study.baseline).unwrap_or(0);
    let bootstrap = |columns: &[&[f64]]| {
        let settings = &study.compare.bootstrap;
        BootstrapMetrics::of(columns, block, settings.draws as u64, settings.seed, DAYS_PER_YEAR)
    };
    if let Ok(metrics) = bootstrap(&columns) {
        compared.probability_best = metrics.probability_best().probability;
        compared.rows.extend(rows(study, scope, "as_set", baseline, &metrics));
    }
    // Scaling is worth its time on the whole account only.
    if scope_idx == 0 {
        let scaled = matched_volatility(&returns, baseline);
        let columns: Vec<&[f64]> = scaled.iter().map(Vec::as_slice).collect();
        if let Ok(metrics) = bootstrap(&columns) {
            compared.rows.extend(rows(study, scope, "matched_volatility", baseline, &metrics));
        }
    }
    compared
}

/// The largest block length over the rules that moved at all and were not ruined.
fn mean_block(columns: &[&[f64]]) -> Result<f64, String> {
    let moving: Vec<&[f64]> = columns
        .iter()
        .copied()
        .filter(|returns| {
            returns.iter().all(|r| *r > -1.0)
                && Moments::of(returns).is_ok_and(|moments| !moments.is_constant())
        })
        .collect();
    if moving.is_empty() {
        return Err("no rule has returns that could be resampled".to_owned());
    }
    common_block_length(&moving).map_err(|error| error.to_string())
}

/// Adds `ruin_probability` and its intervals to each account of the scope.
fn add_ruin(
    study: &Study,
    rules: &mut [RuleResult],
    scope_idx: usize,
    mean_block: &Result<f64, String>,
) {
    let paths: Vec<DailyPath> = rules
        .iter()
        .map(|rule| {
            let daily = &rule.accounts[scope_idx].daily;
            DailyPath {
                growth: daily.returns.iter().map(|r| 1.0 + r).collect(),
                worst: daily.worst.clone(),
            }
        })
        .collect();
    let estimates = mean_block.clone().and_then(|mean_block| {
        let config = RuinConfig {
            drawdown: study.compare.ruin.drawdown,
            horizon_days: study.compare.ruin.horizon_days,
            draws: study.compare.bootstrap.draws as u64,
            mean_block,
            seed: study.compare.bootstrap.seed,
            ..RuinConfig::default()
        };
        estimate_ruin(&paths, &config).map_err(|error| error.to_string())
    });
    for (index, rule) in rules.iter_mut().enumerate() {
        let account = &mut rule.accounts[scope_idx];
        let estimate = match &estimates {
            Err(reason) => Err(reason.clone()),
            Ok(_) if account.is_ruined() => Err("ruined in the sample itself".to_owned()),
            Ok(estimates) => estimates[index].as_ref().map_err(ToString::to_string),
        };
        let value = |pick: fn(&plimsoll_risk::ruin_paths::RuinEstimate) -> f64| {
            estimate.as_ref().ok().map(|estimate| pick(estimate))
        };
        let reason = estimate.as_ref().err().cloned();
        for (name, value) in [
            ("ruin_probability", value(|e| e.probability)),
            ("ruin_probability_low", value(|e| e.low)),
            ("ruin_probability_high", value(|e| e.high)),
            ("ruin_probability_monte_carlo_low", value(|e| e.monte_carlo_low)),
            ("ruin_probability_monte_carlo_high", value(|e| e.monte_carlo_high)),
        ] {
            account.metrics.push(Metric { name: name.to_owned(), value, reason: reason.clone() });
        }
    }
}

/// Every rule's returns scaled to the baseline's volatility; those that never moved stay.
fn matched_volatility(returns: &[Vec<f64>], baseline: usize) -> Vec<Vec<f64>> {
    let deviation = |returns: &[f64]| {
        Moments::of(returns)
            .ok()
            .filter(|moments| !moments.is_constant())
            .and_then(|moments| moments.standard_deviation_sample().ok())
    };
    let Some(target) = deviation(&returns[baseline]) else {
        return returns.to_vec();
    };
    returns
        .iter()
        .map(|column| match deviation(column) {
            Some(own) => column.iter().map(|r| r * target / own).collect(),
            None => column.clone(),
        })
        .collect()
}

fn rows(
    study: &Study,
    scope: &str,
    basis: &'static str,
    baseline: usize,
    metrics: &BootstrapMetrics,
) -> Vec<ComparisonRow> {
    let mut rows = Vec::new();
    for metric in ComparisonMetric::ALL {
        // Volatility is what was matched.
        if basis == "matched_volatility" && metric == ComparisonMetric::VolatilityAnnual {
            continue;
        }
        let differences = metrics.against_baseline(baseline, metric);
        for (index, named) in study.rules.iter().enumerate().filter(|(i, _)| *i != baseline) {
            let difference = match &differences {
                Ok(differences) => differences[index].as_ref().map_err(ToString::to_string),
                Err(error) => Err(error.to_string()),
            };
            let found = difference.as_ref().ok();
            rows.push(ComparisonRow {
                symbol: scope.to_owned(),
                rule: named.name.clone(),
                baseline: study.baseline.clone(),
                basis,
                metric: metric.name().to_owned(),
                difference: found.map(|d| d.difference),
                low: found.map(|d| d.low),
                high: found.map(|d| d.high),
                p_value: found.map(|d| d.p_value),
                p_value_adjusted: found.map(|d| d.p_value_adjusted),
                reason: difference.as_ref().err().cloned(),
            });
        }
    }
    rows
}
