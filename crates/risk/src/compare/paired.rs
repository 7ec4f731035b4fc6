//! Rules against each other: the paired stationary bootstrap of their daily returns.
//!
//! Every draw resamples the same days for every rule, so what the market did cancels in the
//! differences. An undefined value (a ruined path has no log growth, a path that never moves no
//! Sharpe ratio) stays undefined: it is counted, never replaced.

use std::borrow::Cow;

use rayon::prelude::*;
use serde::Serialize;

use crate::check;
use crate::error::{Result, RiskError};
use crate::moments::in_unit;
use crate::resample::bootstrap::{StationaryBootstrap, holm, percentile_interval};

/// Share of draws that may be undefined before an interval is refused.
pub const UNDEFINED_DRAWS_SHARE_MAX: f64 = 0.05;

/// Draws that one task works through.
const DRAWS_PER_TASK: u64 = 25;
/// Confidence level of the conditional drawdown.
const CDAR_BETA: f64 = 0.95;

/// A statistic computed in every draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonMetric {
    /// Mean of `ln(1 + r)` times the periods per year.
    MeanLogGrowth,
    /// Annualised standard deviation, divisor n - 1.
    VolatilityAnnual,
    /// Annualised Sharpe ratio, risk-free rate 0.
    SharpeAnnual,
    /// Maximum drawdown, positive.
    MaxDrawdown,
    /// Conditional drawdown at risk at 0.95, positive.
    #[serde(rename = "cdar_0.95")]
    Cdar95,
    /// Sum of `ln(1 + r)`.
    FinalLogWealth,
}

impl ComparisonMetric {
    /// All metrics, in the order of the results.
    pub const ALL: [Self; 6] = [
        Self::MeanLogGrowth,
        Self::VolatilityAnnual,
        Self::SharpeAnnual,
        Self::MaxDrawdown,
        Self::Cdar95,
        Self::FinalLogWealth,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanLogGrowth => "mean_log_growth",
            Self::VolatilityAnnual => "volatility_annual",
            Self::SharpeAnnual => "sharpe_annual",
            Self::MaxDrawdown => "max_drawdown",
            Self::Cdar95 => "cdar_0.95",
            Self::FinalLogWealth => "final_log_wealth",
        }
    }
}

type Values = [Option<f64>; ComparisonMetric::ALL.len()];

/// Every metric of every rule, on the data and in every draw.
#[derive(Debug, Clone, PartialEq)]
pub struct BootstrapMetrics {
    point: Vec<Values>,
    /// One row of rules per draw.
    draws: Vec<Vec<Values>>,
}

/// The difference of one metric between a rule and the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedDifference {
    /// Rule minus baseline, on the data.
    pub difference: f64,
    /// Lower end of the 95 % percentile interval.
    pub low: f64,
    /// Upper end of the same.
    pub high: f64,
    /// Two-sided p-value of no difference: draws, centred at the difference, at least as far
    /// from zero as the difference is; `(1 + count) / (draws + 1)`.
    pub p_value: f64,
    /// The same, adjusted for the number of rules compared on this metric (Holm 1979).
    pub p_value_adjusted: f64,
    /// Draws in which the metric is undefined for either rule; left out.
    pub undefined_draws: usize,
}

/// How often each rule grew fastest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbabilityBest {
    /// Share of the draws in which the rule has the highest mean log growth; ties are shared
    /// equally, a ruined rule is never best.
    pub probability: Vec<f64>,
    /// Draws in which every rule is ruined; left out.
    pub undefined_draws: usize,
}

impl BootstrapMetrics {
    /// Resamples the return columns of all rules, `draws` times, each draw as long as the data.
    ///
    /// # Errors
    /// Columns of different length, fewer than two returns, one that is not finite, no draw, or
    /// a mean block below 1.
    pub fn of(
        columns: &[&[f64]],
        mean_block: f64,
        draws: u64,
        seed: u64,
        periods_per_year: f64,
    ) -> Result<Self> {
        check::positive("periods_per_year", periods_per_year)?;
        check::require(draws > 0, "draws", draws as f64, "at least 1")?;
        for (index, column) in columns.iter().enumerate() {
            check::series(column, 2)?;
            if column.len() != columns[0].len() {
                return Err(RiskError::LengthMismatch {
                    name: "column",
                    index,
                    length: column.len(),
                    expected: columns[0].len(),
                });
            }
        }
        let Some(first) = columns.first() else {
            return Ok(Self { point: Vec::new(), draws: Vec::new() });
        };
        let n = first.len();
        let bootstrap = StationaryBootstrap::new(n, mean_block, seed)?;
        let columns: Vec<Column> = columns.iter().map(|returns| Column::new(returns)).collect();
        let in_order: Vec<u32> = (0..n as u32).collect();
        let mut work = Scratch::new(n, periods_per_year);
        let point = columns.iter().map(|column| work.metrics(column, &in_order)).collect();
        let tasks: Vec<Vec<Vec<Values>>> = (0..draws.div_ceil(DRAWS_PER_TASK))
            .into_par_iter()
            .map(|task| {
                let mut work = Scratch::new(n, periods_per_year);
                let mut positions = vec![0; n];
                let first = task * DRAWS_PER_TASK;
                (first..(first + DRAWS_PER_TASK).min(draws))
                    .map(|draw| {
                        bootstrap.fill(draw, &mut positions);
                        columns.iter().map(|column| work.metrics(column, &positions)).collect()
                    })
                    .collect()
            })
            .collect();
        Ok(Self { point, draws: tasks.into_iter().flatten().collect() })
    }

    /// The same draws of these rules only, by their positions; one that does not exist is left out.
    /// A part is what resampling its columns alone would give.
    #[must_use]
    pub fn of_rules(&self, rules: &[usize]) -> Self {
        let pick = |values: &Vec<Values>| {
            rules.iter().filter_map(|&rule| values.get(rule).copied()).collect()
        };
        Self { point: pick(&self.point), draws: self.draws.iter().map(pick).collect() }
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.point.len()
    }

    /// Value of a metric on the data; `None` where undefined.
    pub fn point(&self, rule: usize, metric: ComparisonMetric) -> Option<f64> {
        self.point.get(rule)?[metric as usize]
    }

    /// Values of a metric over the draws; `None` where undefined.
    pub fn draws(
        &self,
        rule: usize,
        metric: ComparisonMetric,
    ) -> impl Iterator<Item = Option<f64>> {
        self.draws
            .iter()
            .map(move |by_rule| by_rule.get(rule).and_then(|values| values[metric as usize]))
    }

    /// 95 % percentile interval of one metric of one rule.
    ///
    /// # Errors
    /// [`RiskError::TooManyUndefinedDraws`] where more than 5 % of the draws have no value.
    pub fn interval(&self, rule: usize, metric: ComparisonMetric) -> Result<(f64, f64)> {
        let values: Vec<f64> = self.draws(rule, metric).flatten().collect();
        self.enough(values.len(), metric)?;
        percentile_interval(&values, 0.95)
    }

    /// Differences of one metric between each rule and the baseline, in the order of the rules;
    /// that of the baseline with itself is zero with a p-value of 1 and takes no part in the
    /// adjustment.
    ///
    /// # Errors
    /// The outer error is a baseline that does not exist. Per rule: the metric undefined on the
    /// data, or in more than 5 % of the draws; such a rule takes no part in the adjustment.
    pub fn against_baseline(
        &self,
        baseline: usize,
        metric: ComparisonMetric,
    ) -> Result<Vec<Result<PairedDifference>>> {
        check::require(
            baseline < self.rules(),
            "baseline",
            baseline as f64,
            "the position of a rule",
        )?;
        let mut differences: Vec<Result<PairedDifference>> =
            (0..self.rules()).map(|rule| self.difference(rule, baseline, metric)).collect();
        let compared: Vec<usize> = (0..self.rules())
            .filter(|&rule| rule != baseline && differences[rule].is_ok())
            .collect();
        let p_values: Vec<f64> = compared
            .iter()
            .filter_map(|&rule| differences[rule].as_ref().ok())
            .map(|difference| difference.p_value)
            .collect();
        for (rule, adjusted) in compared.into_iter().zip(holm(&p_values)) {
            if let Ok(difference) = &mut differences[rule] {
                difference.p_value_adjusted = adjusted;
            }
        }
        Ok(differences)
    }

    /// Share of draws in which each rule has the highest mean log growth.
    pub fn probability_best(&self) -> ProbabilityBest {
        let growth = ComparisonMetric::MeanLogGrowth as usize;
        let mut wins = vec![0.0; self.rules()];
        let mut undefined_draws = 0;
        for by_rule in &self.draws {
            let best = by_rule.iter().filter_map(|values| values[growth]);
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            let leaders: Vec<usize> = (0..by_rule.len())
                .filter(|&rule| by_rule[rule][growth].is_some_and(|value| value >= best))
                .collect();
            if leaders.is_empty() {
                undefined_draws += 1;
            }
            for &rule in &leaders {
                wins[rule] += 1.0 / leaders.len() as f64;
            }
        }
        let counted = (self.draws.len() - undefined_draws).max(1) as f64;
        ProbabilityBest {
            probability: wins.into_iter().map(|share| share / counted).collect(),
            undefined_draws,
        }
    }

    fn difference(
        &self,
        rule: usize,
        baseline: usize,
        metric: ComparisonMetric,
    ) -> Result<PairedDifference> {
        let (Some(ours), Some(theirs)) = (self.point(rule, metric), self.point(baseline, metric))
        else {
            return Err(RiskError::Undefined {
                metric: metric.name(),
                reason: "undefined on the data for the rule or the baseline",
            });
        };
        let difference = ours - theirs;
        let draws: Vec<f64> = self
            .draws(rule, metric)
            .zip(self.draws(baseline, metric))
            .filter_map(|(ours, theirs)| Some(ours? - theirs?))
            .collect();
        self.enough(draws.len(), metric)?;
        let (low, high) = percentile_interval(&draws, 0.95)?;
        let as_far =
            draws.iter().filter(|draw| (*draw - difference).abs() >= difference.abs()).count();
        let p_value = (1 + as_far) as f64 / (draws.len() + 1) as f64;
        Ok(PairedDifference {
            difference,
            low,
            high,
            p_value,
            p_value_adjusted: p_value,
            undefined_draws: self.draws.len() - draws.len(),
        })
    }

    fn enough(&self, defined: usize, metric: ComparisonMetric) -> Result<()> {
        let undefined = self.draws.len() - defined;
        if defined == 0 || undefined as f64 > UNDEFINED_DRAWS_SHARE_MAX * self.draws.len() as f64 {
            return Err(RiskError::TooManyUndefinedDraws {
                metric: metric.name(),
                undefined,
                draws: self.draws.len(),
            });
        }
        Ok(())
    }
}

/// One rule's returns with their logarithms, minus infinity from -100 % down.
struct Column {
    returns: Vec<f64>,
    logs: Vec<f64>,
}

impl Column {
    fn new(returns: &[f64]) -> Self {
        Self {
            returns: returns.to_vec(),
            logs: returns.iter().map(|r| r.max(-1.0).ln_1p()).collect(),
        }
    }
}

/// Buffers of one task.
struct Scratch {
    periods_per_year: f64,
    returns: Vec<f64>,
    logs: Vec<f64>,
    /// Wealth over its peak, as bits: for numbers from 0 to 1 they sort as the numbers do, and
    /// faster.
    levels: Vec<u64>,
}

impl Scratch {
    fn new(n: usize, periods_per_year: f64) -> Self {
        Self { periods_per_year, returns: vec![0.0; n], logs: vec![0.0; n], levels: vec![0; n] }
    }

    fn metrics(&mut self, column: &Column, positions: &[u32]) -> Values {
        let n = positions.len() as f64;
        for (slot, &position) in self.returns.iter_mut().zip(positions) {
            *slot = column.returns[position as usize];
        }
        for (slot, &position) in self.logs.iter_mut().zip(positions) {
            *slot = column.logs[position as usize];
        }
        let log_wealth = partial_sums(&self.logs, |log| log);
        let growth = log_wealth.is_finite().then_some(log_wealth);
        let (mean, deviation) = mean_and_deviation(&self.returns);
        let root = self.periods_per_year.sqrt();
        let sharpe = (deviation > 0.0).then(|| mean / deviation * root);
        let (max_drawdown, cdar) = self.drawdowns();
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        [
            finite(growth.map(|sum| sum / n * self.periods_per_year)),
            finite(Some(deviation * root)),
            finite(sharpe),
            finite(Some(max_drawdown)),
            finite(Some(cdar)),
            growth,
        ]
    }

    /// Maximum and conditional drawdown of the returns in the buffer.
    fn drawdowns(&mut self) -> (f64, f64) {
        let mut level = 1.0_f64;
        let mut lowest = 1.0_f64;
        for (slot, r) in self.levels.iter_mut().zip(&self.returns) {
            let next = level * (1.0 + r);
            level = if next < 1.0 { next } else { 1.0 };
            // Ruin: wealth is absorbed at zero.
            level = if level > 0.0 { level } else { 0.0 };
            lowest = if level < lowest { level } else { lowest };
            *slot = level.to_bits();
        }
        let n = self.levels.len();
        let count = crate::quantile::tail_count(1.0 - CDAR_BETA, n);
        let whole = (count.floor() as usize).min(n - 1);
        let (worst, next, _) = self.levels.select_nth_unstable(whole);
        // In ascending order, so that the sum is the same however the selection left them.
        worst.sort_unstable();
        let mut total = (count - whole as f64) * (1.0 - f64::from_bits(*next));
        for bits in worst {
            total += 1.0 - f64::from_bits(*bits);
        }
        (1.0 - lowest, total / count)
    }
}

/// Mean and standard deviation (divisor n - 1; 0 for a constant series) in two passes. Four
/// partial sums in a fixed order: exact enough at this length, and quick.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let (mut low, mut high) = (values[0], values[0]);
    for &value in values {
        low = if value < low { value } else { low };
        high = if value > high { value } else { high };
    }
    let largest = high.abs().max(low.abs());
    if largest > 0.0
        && !(1e-60..1e60).contains(&largest)
        && let (Cow::Owned(scaled), unit) = in_unit(values)
    {
        // Squares would overflow or vanish.
        let (mean, deviation) = mean_and_deviation(&scaled);
        return (mean * unit, deviation * unit);
    }
    let mean = partial_sums(values, |value| value) / n;
    let squares = partial_sums(values, |value| (value - mean) * (value - mean));
    if high - low <= 1e-15 * largest {
        return (mean, 0.0);
    }
    (mean, (squares / (n - 1.0)).sqrt())
}

fn partial_sums(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|value| term(*value)).sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}
