//! The rules against each other: ruin probabilities and paired differences, all from the same
//! draws of the same days.

use plimsoll_risk::compare::paired::{BootstrapMetrics, ComparisonMetric, PairedDifference};
use plimsoll_risk::moments::Moments;
use plimsoll_risk::resample::block_length::common_block_length;
use plimsoll_risk::ruin::paths::{DailyPath, RuinConfig, estimate_ruin};

use crate::limit_worth::limit_worth;
use crate::metrics::DAYS_PER_YEAR;
use crate::parse::Study;
use crate::result::{ComparisonRow, LimitWorth, Metric, RuleResult};

/// What a comparison of one scope found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    /// Rows of `comparison.csv`.
    pub(crate) rows: Vec<ComparisonRow>,
    /// Mean block length of the draws.
    pub(crate) mean_block_days: Option<f64>,
    /// Share of draws in which each rule grew fastest, in rule order; empty if undefined.
    pub(crate) probability_best: Vec<f64>,
    /// What each limit is worth.
    pub(crate) limit_worth: Vec<LimitWorth>,
}

/// Why a rule is not resampled.
const RUINED: &str = "ruined in the sample itself";

/// Adds ruin probabilities to the accounts of one scope and compares them with the baseline's.
/// A rule that was ruined in the sample is reported as such and takes no part.
pub(crate) fn compare_scope(
    study: &Study,
    rules: &mut [RuleResult],
    scope_idx: usize,
    scope: &str,
) -> Compared {
    let alive: Vec<usize> =
        (0..rules.len()).filter(|&rule| !rules[rule].accounts[scope_idx].is_ruined()).collect();
    let returns: Vec<Vec<f64>> =
        alive.iter().map(|&rule| rules[rule].accounts[scope_idx].daily.returns.clone()).collect();
    let columns: Vec<&[f64]> = returns.iter().map(Vec::as_slice).collect();
    let mean_block = mean_block(&columns);
    add_ruin(study, rules, scope_idx, &mean_block);
    let mut compared =
        Compared { mean_block_days: mean_block.as_ref().ok().copied(), ..Compared::default() };
    let Ok(block) = mean_block else {
        return compared;
    };
    let bootstrap = |columns: &[&[f64]]| {
        let settings = &study.compare.bootstrap;
        BootstrapMetrics::of(columns, block, settings.draws as u64, settings.seed, DAYS_PER_YEAR)
    };
    let metrics = bootstrap(&columns);
    if let Ok(metrics) = &metrics {
        compared.probability_best = vec![0.0; rules.len()];
        for (&rule, share) in alive.iter().zip(metrics.probability_best().probability) {
            compared.probability_best[rule] = share;
        }
        compared.limit_worth = limit_worth(&study.rules, scope, &alive, metrics);
    }
    for group in groups(study) {
        let members: Vec<usize> =
            (0..alive.len()).filter(|&i| group.rules.contains(&alive[i])).collect();
        let own: Vec<usize> = members.iter().map(|&i| alive[i]).collect();
        let table = Rows { study, scope, group: &group, alive: &own };
        let own_columns: Vec<&[f64]> = members.iter().map(|&i| columns[i]).collect();
        if let Ok(metrics) = &metrics {
            compared.rows.extend(table.of("as_set", &metrics.of_rules(&members)));
        }
        // Scaling is worth its time on the whole account only.
        if scope_idx == 0
            && let Some(baseline) = own.iter().position(|&rule| rule == group.baseline)
        {
            let scaled = matched_volatility(&own_columns, baseline);
            let columns: Vec<&[f64]> = scaled.iter().map(Vec::as_slice).collect();
            if let Ok(metrics) = bootstrap(&columns) {
                compared.rows.extend(table.of("matched_volatility", &metrics));
            }
        }
    }
    compared
}

/// Rules that are compared with each other: those of one equity. A capacity study has several.
struct Group {
    /// Positions among all rules.
    rules: Vec<usize>,
    /// The baseline's table at this equity.
    baseline: usize,
}

fn groups(study: &Study) -> Vec<Group> {
    let named = study.rules.iter().position(|rule| rule.name == study.baseline).unwrap_or(0);
    let mut groups: Vec<Group> = Vec::new();
    for (index, rule) in study.rules.iter().enumerate() {
        let is_equal = |other: usize| study.rules[other].equity.total_cmp(&rule.equity).is_eq();
        if let Some(group) = groups.iter_mut().find(|group| is_equal(group.rules[0])) {
            group.rules.push(index);
            continue;
        }
        let same_rule = |other: &usize| study.rules[*other].rule == study.rules[named].rule;
        let baseline = (0..study.rules.len())
            .filter(|&other| is_equal(other))
            .find(same_rule)
            .unwrap_or(named);
        groups.push(Group { rules: vec![index], baseline });
    }
    groups
}

/// The largest block length over the rules that moved at all.
fn mean_block(columns: &[&[f64]]) -> Result<f64, String> {
    let moving: Vec<&[f64]> = columns
        .iter()
        .copied()
        .filter(|returns| Moments::of(returns).is_ok_and(|moments| !moments.is_constant()))
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
            Ok(_) if account.is_ruined() => Err(RUINED.to_owned()),
            Ok(estimates) => estimates[index].as_ref().map_err(ToString::to_string),
        };
        let value = |pick: fn(&plimsoll_risk::ruin::paths::RuinEstimate) -> f64| {
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
fn matched_volatility(returns: &[&[f64]], baseline: usize) -> Vec<Vec<f64>> {
    let deviation = |returns: &[f64]| {
        Moments::of(returns)
            .ok()
            .filter(|moments| !moments.is_constant())
            .and_then(|moments| moments.standard_deviation_sample().ok())
    };
    let Some(target) = deviation(returns[baseline]) else {
        return returns.iter().map(|column| column.to_vec()).collect();
    };
    returns
        .iter()
        .map(|column| match deviation(column) {
            Some(own) => column.iter().map(|r| r * target / own).collect(),
            None => column.to_vec(),
        })
        .collect()
}

/// What the rows of one scope share.
struct Rows<'a> {
    study: &'a Study,
    scope: &'a str,
    /// The rules and their baseline.
    group: &'a Group,
    /// Those that were resampled, in the order of the columns.
    alive: &'a [usize],
}

impl Rows<'_> {
    /// The rows of one basis, metric by metric.
    fn of(&self, basis: &'static str, metrics: &BootstrapMetrics) -> Vec<ComparisonRow> {
        let mut rows = Vec::new();
        let column = |rule: usize| self.alive.iter().position(|&alive| alive == rule);
        for metric in ComparisonMetric::ALL {
            // Volatility is what was matched.
            if basis == "matched_volatility" && metric == ComparisonMetric::VolatilityAnnual {
                continue;
            }
            let differences = match column(self.group.baseline) {
                Some(baseline) => {
                    metrics.against_baseline(baseline, metric).map_err(|error| error.to_string())
                }
                None => Err(format!("{} was {RUINED}", self.baseline_name())),
            };
            for &rule in self.group.rules.iter().filter(|&&rule| rule != self.group.baseline) {
                let difference = match (&differences, column(rule)) {
                    (Err(reason), _) => Err(reason.clone()),
                    (_, None) => Err(RUINED.to_owned()),
                    (Ok(found), Some(column)) => {
                        found[column].as_ref().map_err(ToString::to_string)
                    }
                };
                rows.push(self.row(basis, metric, rule, &difference));
            }
        }
        rows
    }

    fn baseline_name(&self) -> &str {
        &self.study.rules[self.group.baseline].name
    }

    fn row(
        &self,
        basis: &'static str,
        metric: ComparisonMetric,
        rule: usize,
        difference: &Result<&PairedDifference, String>,
    ) -> ComparisonRow {
        let found = difference.as_ref().ok();
        ComparisonRow {
            symbol: self.scope.to_owned(),
            rule: self.study.rules[rule].name.clone(),
            baseline: self.baseline_name().to_owned(),
            basis,
            metric: metric.name().to_owned(),
            difference: found.map(|d| d.difference),
            low: found.map(|d| d.low),
            high: found.map(|d| d.high),
            p_value: found.map(|d| d.p_value),
            p_value_adjusted: found.map(|d| d.p_value_adjusted),
            reason: difference.as_ref().err().cloned(),
        }
    }
}
