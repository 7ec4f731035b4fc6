//! From a replay to its daily returns and its row of `summary.csv`.

use plimsoll_engine::Outcome;
use plimsoll_market::{DAY_MS, Market, YEAR_MS};
use plimsoll_risk::performance::first_ruin;
use plimsoll_risk::summary::ReturnStatistics;
use plimsoll_risk::trade_statistics::{
    expectancy, payoff_ratio, profit_factor, system_quality_number, win_rate,
};

use crate::result::{DailySeries, Metric};

/// Days in a year of a market that never closes.
pub(crate) const DAYS_PER_YEAR: f64 = 365.0;

/// Ratios of reward to risk, which an account that ended in ruin has none of: its returns stop in
/// the middle of the story.
const RATIOS: [&str; 4] = ["sharpe_annual", "sharpe_standard_error", "sortino_annual", "psr_0"];

/// Equity by UTC day: a bar belongs to the day in which it opens.
pub(crate) fn daily_series(market: &Market, outcome: &Outcome) -> DailySeries {
    let Periods { index, equity, returns, worst } = periods(market, outcome, DAY_MS);
    DailySeries { days: index, equity, returns, worst }
}

/// Equity by periods of one length, counted from 1970-01-01: those of a day are UTC days.
#[derive(Default)]
pub(crate) struct Periods {
    /// Whole periods since 1970-01-01.
    pub(crate) index: Vec<i64>,
    /// Equity at the end of the period.
    pub(crate) equity: Vec<f64>,
    /// Simple return of the period.
    pub(crate) returns: Vec<f64>,
    /// Lowest equity inside the period over the equity at its start.
    pub(crate) worst: Vec<f64>,
}

/// A bar belongs to the period in which it opens.
pub(crate) fn periods(market: &Market, outcome: &Outcome, period_ms: i64) -> Periods {
    let mut periods = Periods::default();
    let period_of = |bar: usize| market.open_time(bar).0.div_euclid(period_ms);
    let mut at_start = outcome.initial_equity;
    let mut lowest = f64::INFINITY;
    for (offset, (&equity, &low)) in outcome.equity.iter().zip(&outcome.equity_low).enumerate() {
        let bar = outcome.from_bar + offset;
        let period = period_of(bar);
        lowest = lowest.min(low);
        let is_last = offset + 1 == outcome.equity.len() || period_of(bar + 1) != period;
        if is_last {
            periods.index.push(period);
            periods.equity.push(equity);
            // What is left of a ruined account earns nothing.
            let is_alive = at_start > 0.0;
            periods.returns.push(if is_alive { equity / at_start - 1.0 } else { 0.0 });
            periods.worst.push(if is_alive { lowest / at_start } else { 1.0 });
            at_start = equity;
            lowest = f64::INFINITY;
        }
    }
    periods
}

/// Every metric that one account has by itself; ruin and comparison are added by the study.
pub(crate) fn account_metrics(
    market: &Market,
    outcome: &Outcome,
    daily: &DailySeries,
    alphas: &[f64],
) -> Vec<Metric> {
    let mut metrics = Metrics::default();
    metrics.add("trades", outcome.trades.len() as f64);
    match ReturnStatistics::compute(&daily.returns, DAYS_PER_YEAR, alphas) {
        Ok(statistics) => {
            for statistic in statistics.statistics {
                if outcome.ruined_at.is_some() && RATIOS.contains(&statistic.name.as_str()) {
                    metrics.undefined(&statistic.name, "ruined in the sample itself");
                    continue;
                }
                metrics.0.push(Metric {
                    name: statistic.name,
                    value: statistic.value.as_ref().ok().copied(),
                    reason: statistic
                        .value
                        .err()
                        .map(|error| error.to_string())
                        .or(statistic.note.map(str::to_owned)),
                });
            }
        }
        Err(error) => metrics.undefined("total_return", &error.to_string()),
    }
    metrics.add("max_drawdown_intrabar", intrabar_drawdown(outcome));
    metrics.add("liquidations", outcome.liquidated_positions().count() as f64);
    metrics.add("liquidation_steps", outcome.liquidations.len() as f64);
    let paid = |cost: fn(&plimsoll_engine::TradeRecord) -> f64| {
        outcome.trades.iter().map(cost).sum::<f64>()
    };
    metrics.add("funding_paid", paid(|trade| trade.funding));
    metrics.add("fees_paid", paid(|trade| trade.fees));
    metrics.add("slippage_paid", paid(|trade| trade.slippage));
    metrics.add("turnover", turnover(market, outcome));
    let n_bars = outcome.equity.len().max(1) as f64;
    metrics.add("average_leverage", outcome.leverage_sum / n_bars);
    metrics.add("max_leverage", outcome.leverage_max);
    let last = outcome.equity.last().copied().unwrap_or(outcome.initial_equity);
    metrics.add("final_equity", last);
    trade_metrics(&mut metrics, outcome);
    metrics.add("days", daily.days.len() as f64);
    if first_ruin(&daily.returns).is_some() || outcome.ruined_at.is_some() {
        metrics.add("is_ruined", 1.0);
    } else {
        metrics.add("is_ruined", 0.0);
    }
    metrics.0
}

fn trade_metrics(metrics: &mut Metrics, outcome: &Outcome) {
    let profits: Vec<f64> = outcome.trades.iter().map(|trade| trade.pnl).collect();
    let multiples: Vec<f64> = outcome.trades.iter().filter_map(|trade| trade.r_multiple).collect();
    metrics.result("win_rate", win_rate(&profits));
    metrics.result("payoff_ratio", payoff_ratio(&profits));
    metrics.result("trade_profit_factor", profit_factor(&profits));
    metrics.result("expectancy_r", expectancy(&multiples));
    metrics.result("sqn", system_quality_number(&multiples));
}

/// Largest fall from a peak of bar closes to the lowest equity inside a later bar.
fn intrabar_drawdown(outcome: &Outcome) -> f64 {
    let mut peak = outcome.initial_equity;
    let mut deepest = 0.0_f64;
    for (&equity, &low) in outcome.equity.iter().zip(&outcome.equity_low) {
        deepest = deepest.max(1.0 - low / peak);
        peak = peak.max(equity);
    }
    deepest
}

/// Traded notional over mean equity, a year.
fn turnover(market: &Market, outcome: &Outcome) -> f64 {
    let n_bars = outcome.equity.len();
    let years = (n_bars as i64 * market.interval.ms()) as f64 / YEAR_MS as f64;
    let mean = outcome.equity.iter().sum::<f64>() / n_bars.max(1) as f64;
    if mean > 0.0 && years > 0.0 { outcome.traded_notional / mean / years } else { 0.0 }
}

#[derive(Default)]
struct Metrics(Vec<Metric>);

impl Metrics {
    fn add(&mut self, name: &str, value: f64) {
        self.0.push(Metric { name: name.to_owned(), value: Some(value), reason: None });
    }

    fn undefined(&mut self, name: &str, reason: &str) {
        self.0.push(Metric { name: name.to_owned(), value: None, reason: Some(reason.to_owned()) });
    }

    fn result(&mut self, name: &str, value: Result<f64, plimsoll_risk::RiskError>) {
        match value {
            Ok(value) => self.add(name, value),
            Err(error) => self.undefined(name, &error.to_string()),
        }
    }
}
