//! The result set: everything that a study found, ready to be written and shown.
//!
//! Money is in the venue's settlement currency, times are UTC, losses are positive, rates are
//! fractions. An undefined value is `None` with its reason beside it.

mod sizing;

use plimsoll_engine::{CancelledEntry, Outcome, Settings};
use plimsoll_market::{CoverageFlag, Interval, SizeFreeTrade, Timestamp};
pub use plimsoll_risk::RiskError;
pub use plimsoll_risk::forecast::{
    ComparedBy, ExcludedModel, ForecastEvaluation, ForecastSeries, RefitDiagnostics,
    RollingForecasts, Side as TailSide, TailModel,
};
use plimsoll_sizing::SizingRule;
use serde::Serialize;

pub use crate::strategy::Horizon;
pub use sizing::{GateCount, LimitWorth, SizeOn};

/// Everything that a study found.
#[derive(Clone, Debug)]
pub struct StudyResult {
    /// Name of the strategy, which is the name of the result's folder.
    pub name: String,
    /// The strategy file as it was run, overrides included.
    pub strategy_text: String,
    /// Set where the data are not an exchange's own record, with the words to show.
    pub data_label: Option<String>,
    /// Venue identifier.
    pub venue: String,
    /// The venue's settlement currency.
    pub currency: String,
    /// Symbols, in file order.
    pub symbols: Vec<String>,
    /// Bar length.
    pub interval: Interval,
    /// Period asked for.
    pub from: Timestamp,
    /// End of the period asked for, exclusive.
    pub to: Timestamp,
    /// Open time of bar 0 of every bar index in the result.
    pub grid_start: Timestamp,
    /// First bar of the replays: the close of this bar holds the first decision at which every
    /// rule is defined.
    pub compare_from_bar: usize,
    /// One past the last bar of the replays.
    pub to_bar: usize,
    /// Size-free trades of the period that lie before `compare_from_bar`.
    pub trades_excluded: usize,
    /// Account and assumptions, without the equity, which is each rule's own.
    pub settings: Settings,
    /// `venue`, or the fee that replaces the venue's.
    pub taker_fee: Option<f64>,
    /// Ruin as the study defines it.
    pub ruin: RuinDefinition,
    /// Bootstrap draws and seed.
    pub bootstrap: BootstrapSettings,
    /// Tail probabilities of the tail-risk metrics.
    pub alphas: Vec<f64>,
    /// The size-free trades, warm-up included.
    pub trades: Vec<SizeFreeTrade>,
    /// Entries of the compared period that the market did not allow.
    pub cancelled: Vec<CancelledEntry>,
    /// One entry a rule, lists expanded, in file order.
    pub rules: Vec<RuleResult>,
    /// Name of the rule that the others are compared with.
    pub baseline: String,
    /// Paired differences from the baseline.
    pub comparisons: Vec<ComparisonRow>,
    /// Which rule wins and how sure that is.
    pub verdict: Verdict,
    /// What other assumptions would have given.
    pub sensitivity: Vec<SensitivityRow>,
    /// How often each limit and gate of each rule acted, in rule order.
    pub gate_counts: Vec<GateCount>,
    /// Sizes on the eve of the days that the file names (`compare.sizes_on`): a day at a time, its
    /// rules in order, its symbols, long before short.
    pub sizes_on: Vec<SizeOn>,
    /// What each limit of a rule with `without = "each"` is worth.
    pub limit_worth: Vec<LimitWorth>,
    /// How risk was forecast; `None` where the file switched it off.
    pub forecast_plan: Option<ForecastPlan>,
    /// Risk forecasts of each rule's whole account, a rule at a time, its horizons in file order.
    pub forecasts: Vec<RuleForecasts>,
    /// What the reader has to know about the data, symbol by symbol.
    pub coverage: Vec<SymbolCoverage>,
    /// What the reader has to know about the venue's tables and about the study.
    pub notes: Vec<String>,
    /// How to reproduce the result.
    pub receipt: Receipt,
}

/// One rule's results.
#[derive(Clone, Debug)]
pub struct RuleResult {
    /// Name of the rule; of a sweep, with the values: `kelly[fraction=0.25]`.
    pub name: String,
    /// The rule with its values.
    pub rule: SizingRule,
    /// Equity at the start.
    pub equity: f64,
    /// The whole account first (`portfolio`, or the symbol where there is one only), then each
    /// symbol in an account of its own.
    pub accounts: Vec<AccountResult>,
}

impl RuleResult {
    /// The account that holds every symbol.
    pub fn account(&self) -> &AccountResult {
        &self.accounts[0]
    }
}

/// One account of one rule.
#[derive(Clone, Debug)]
pub struct AccountResult {
    /// `portfolio`, or a symbol.
    pub scope: String,
    /// The replay.
    pub outcome: Outcome,
    /// Daily equity and returns.
    pub daily: DailySeries,
    /// Metrics by name, in the order in which they are written.
    pub metrics: Vec<Metric>,
}

impl AccountResult {
    /// A metric's value, if it is defined.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.value)
    }

    /// Why a metric is undefined, if it is.
    pub fn reason(&self, name: &str) -> Option<&str> {
        self.metrics.iter().find(|metric| metric.name == name)?.reason.as_deref()
    }

    /// When the account could no longer carry any position.
    pub fn is_ruined(&self) -> bool {
        self.outcome.ruined_at.is_some()
    }
}

/// One figure of `summary.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Name, the same in every file.
    pub name: String,
    /// The value; `None` where undefined.
    pub value: Option<f64>,
    /// Why it is undefined, or what to bear in mind about it.
    pub reason: Option<String>,
}

/// Equity by UTC day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DailySeries {
    /// Whole days since 1970-01-01.
    pub days: Vec<i64>,
    /// Equity at the end of the day.
    pub equity: Vec<f64>,
    /// Simple return of the day.
    pub returns: Vec<f64>,
    /// Lowest equity inside the day over the equity at its start.
    pub worst: Vec<f64>,
}

/// Ruin as the study defines it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RuinDefinition {
    /// Drawdown from the running peak that counts as ruin, a fraction.
    pub drawdown: f64,
    /// Horizon in days.
    pub horizon_days: usize,
}

/// Draws and seed of every bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BootstrapSettings {
    /// Number of draws.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
    /// Mean block length in days, the largest over the rules for r and |r|; `None` if it could not
    /// be estimated.
    pub mean_block_days: Option<f64>,
}

/// One row of `comparison.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// `portfolio`, or a symbol.
    pub symbol: String,
    /// The rule.
    pub rule: String,
    /// The rule it is compared with.
    pub baseline: String,
    /// `as_set`, or `matched_volatility`: the rule's daily returns scaled to the baseline's
    /// volatility.
    pub basis: &'static str,
    /// What is compared.
    pub metric: String,
    /// Rule minus baseline.
    pub difference: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Two-sided bootstrap p-value.
    pub p_value: Option<f64>,
    /// The same after Holm's adjustment over the rules.
    pub p_value_adjusted: Option<f64>,
    /// Why something is undefined.
    pub reason: Option<String>,
}

/// Which rule wins and how sure that is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// The rule with the highest mean log growth that was neither liquidated out nor ruined;
    /// `None` if no rule survived or none traded.
    pub winner: Option<String>,
    /// Share of bootstrap draws in which it has the highest mean log growth.
    pub winner_probability_best: Option<f64>,
    /// Share of draws in which each rule has the highest mean log growth.
    pub probability_best: Vec<(String, f64)>,
    /// The answer in sentences, the first being the headline.
    pub sentences: Vec<String>,
    /// Number of rules tried.
    pub trials: usize,
    /// Probability that the winner's Sharpe ratio is not luck, given the number of trials.
    pub deflated_sharpe: Option<f64>,
}

/// What another assumption would have given a rule (the whole account).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensitivityRow {
    /// `as_set`, `intrabar=optimistic`, `margin=isolated`, `stop_slippage=0`, ...
    pub variant: String,
    /// The rule.
    pub rule: String,
    /// Equity at the end.
    pub final_equity: f64,
    /// Largest drawdown of daily closes, a fraction.
    pub max_drawdown: Option<f64>,
    /// Number of positions closed by force, wholly or in part.
    pub liquidations: usize,
    /// Whether the account ended ruined.
    pub is_ruined: bool,
}

/// How risk was forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastPlan {
    /// The models, in file order.
    pub models: Vec<TailModel>,
    /// Days of history behind each fit.
    pub window_days: usize,
    /// Days between fits.
    pub refit_days: usize,
    /// How far ahead.
    pub horizons: Vec<Horizon>,
    /// Tail probabilities.
    pub alphas: Vec<f64>,
    /// Most rules that forecasts are made for.
    pub rules_max: usize,
    /// Bootstrap draws of each model confidence set.
    pub draws: u64,
}

/// Risk forecasts of one rule's whole account at one horizon.
#[derive(Clone, Debug)]
pub struct RuleForecasts {
    /// The rule.
    pub rule: String,
    /// How far ahead.
    pub horizon: Horizon,
    /// End of each period.
    pub ends: Vec<Timestamp>,
    /// Simple return of each period; of a ruined account up to the period of its ruin.
    pub returns: Vec<f64>,
    /// The forecasts with their tests, or why there are none.
    pub made: Result<MadeForecasts, String>,
    /// What has to be borne in mind: a ruin that cut the series short.
    pub remark: Option<String>,
}

/// Forecasts and what became of them.
#[derive(Clone, Debug)]
pub struct MadeForecasts {
    /// The forecasts by model and tail probability. `first` is an index into
    /// [`RuleForecasts::returns`].
    pub rolling: RollingForecasts,
    /// The tests and scores of each series.
    pub evaluations: Vec<ForecastEvaluation>,
}

/// What is known of one symbol's data.
#[derive(Clone, Debug)]
pub struct SymbolCoverage {
    /// Symbol.
    pub symbol: String,
    /// Bars of the period that exist.
    pub bars: usize,
    /// First bar of the period that exists.
    pub first: Option<Timestamp>,
    /// Last bar of the period that exists.
    pub last: Option<Timestamp>,
    /// Bars of the period with a mark price.
    pub mark_bars: usize,
    /// Settlements of the period.
    pub funding_settlements: usize,
    /// Bars of the period for which the liquidation feed is known.
    pub liquidation_bars: usize,
    /// Bars of the period for which open interest is known.
    pub open_interest_bars: usize,
    /// Flags raised on loading.
    pub flags: Vec<CoverageFlag>,
}

/// How to reproduce the result: hashes, seed and version, without clock, host or path.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Receipt {
    /// Program version.
    pub version: String,
    /// SHA-256 of the columns that the study read.
    pub data_hash: String,
    /// SHA-256 of the strategy text as run.
    pub config_hash: String,
    /// SHA-256 of the venue's tables.
    pub tables_hash: String,
    /// SHA-256 of the results: equity paths, ledgers, metrics and risk forecasts of every rule.
    pub result_hash: String,
    /// Seed of every random draw.
    pub seed: u64,
}
