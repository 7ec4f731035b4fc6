//! The run: from a checked strategy to its result set.

use std::path::{Path, PathBuf};

use plimsoll_engine::{MarginMode, Outcome, Prepared, Span, size_free_trades};
use plimsoll_market::{Lake, LoadRequest, Market, SignalColumns, SizeFreeTrade, load_market};
use plimsoll_sizing::{LimitInputs, PlannedSize, SizingRule};
use plimsoll_venue::VenueRules;
use rayon::prelude::*;

use crate::compare::{Compared, compare_scope};
use crate::coverage::{coverage_of, notes_of};
use crate::error::StudyError;
use crate::forecasts::forecast;
use crate::gate_counts::{gate_counts, notes_of_idle};
use crate::metrics::{account_metrics, daily_series};
use crate::parse::Study;
use crate::planner::Planner;
use crate::receipt::{config_hash, data_hash, result_hash, tables_hash};
use crate::result::{
    AccountResult, BootstrapSettings, Receipt, RuinDefinition, RuleResult, StudyResult,
};
use crate::sensitivity::sensitivity;
use crate::sizes_on::sizes_on;
use crate::tables::Tables;
use crate::verdict::verdict;

/// Where a study reads from.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that holds the lake.
    pub data_dir: PathBuf,
    /// The folder that files named in the strategy are relative to.
    pub strategy_dir: PathBuf,
}

/// Told how far a run has come.
pub trait Progress: Sync {
    /// A stage of so many steps begins.
    fn begin(&self, stage: &'static str, steps: usize);
    /// One step of the stage is done.
    fn step(&self);
}

/// A progress that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _: &'static str, _: usize) {}
    fn step(&self) {}
}

/// The name of the account that holds every symbol.
pub const PORTFOLIO: &str = "portfolio";

/// Runs a study.
///
/// # Errors
/// Data that are missing or not fit, tables that do not reach, a signal that contradicts itself.
pub fn run(
    study: &Study,
    places: &Places,
    progress: &dyn Progress,
) -> Result<StudyResult, StudyError> {
    progress.begin("loading", 1);
    let tables = Tables::read(study, &places.strategy_dir)?;
    let venue = VenueRules::load(&study.data.venue, &tables.csv())?;
    let margin_rules = tables.margin_rules(study)?;
    let market = load(study, &places.data_dir)?;
    let from_bar = market.first_bar_from(study.data.from.0);
    if from_bar >= market.n_bars {
        return Err(StudyError::EmptyPeriod {
            from: study.data.from.0,
            to: study.data.to.0,
            interval: market.interval,
        });
    }
    let mut prepared = Prepared::new(&market, &venue, from_bar, study.taker_fee)?;
    if let Some(margin_rules) = &margin_rules
        && study.settings.margin == MarginMode::Portfolio
    {
        prepared = prepared.with_portfolio_margin(margin_rules)?;
    }
    progress.step();

    progress.begin("signals", 1);
    let (signals, unused_rows) = signals(study, &market, &places.strategy_dir)?;
    let list = size_free_trades(&prepared, &signals, &study.settings);
    progress.step();

    let rules: Vec<SizingRule> = study.rules.iter().map(|named| named.rule.clone()).collect();
    let inputs = LimitInputs::new(&market, &rules);
    let planner = Planner::new(&prepared, &inputs, &study.settings, &list);
    let plans = plan_all(&planner, &rules, from_bar, progress);
    let start = compared_from(study, &list.trades, &plans, from_bar);

    let span = Span { from_bar: start.bar, to_bar: market.n_bars };
    let scopes = scopes(&market);
    let outcomes = replay_all(study, &planner, &plans, span, &scopes, progress);
    drop(plans);

    progress.begin("statistics", scopes.len());
    let mut rules = rule_results(study, &market, &scopes, outcomes);
    let compared = compare_all(study, &mut rules, &scopes, progress);
    let sensitivity = sensitivity(study, &planner, &signals, &list, &rules, span, progress);
    let sizes_on = sizes_on(study, &planner, &signals, span);
    let gate_counts = gate_counts(&rules);
    let verdict = verdict(study, &rules, &compared[0]);
    let forecast = forecast(study, &market, &rules, verdict.winner.as_deref(), progress);
    let mut notes = start.notes;
    notes.extend(notes_of_idle(&start.asleep, &gate_counts));
    notes.extend(forecast.note);
    notes.extend(notes_of(study, &prepared, &rules, unused_rows, span)?);
    Ok(StudyResult {
        name: study.name.clone(),
        strategy_text: study.text.clone(),
        data_label: study.data.label.clone(),
        venue: study.data.venue.clone(),
        currency: venue.profile().settlement_currency.clone(),
        symbols: study.data.symbols.clone(),
        interval: market.interval,
        from: study.data.from.0,
        to: study.data.to.0,
        grid_start: market.start,
        compare_from_bar: start.bar,
        to_bar: market.n_bars,
        trades_excluded: start.trades_excluded,
        settings: study.settings,
        taker_fee: study.taker_fee,
        ruin: RuinDefinition {
            drawdown: study.compare.ruin.drawdown,
            horizon_days: study.compare.ruin.horizon_days,
        },
        bootstrap: BootstrapSettings {
            draws: study.compare.bootstrap.draws,
            seed: study.compare.bootstrap.seed,
            mean_block_days: compared[0].mean_block_days,
        },
        alphas: study.compare.alpha.clone(),
        cancelled: list
            .cancelled
            .iter()
            .filter(|entry| entry.decision_bar >= start.bar)
            .copied()
            .collect(),
        trades: list.trades,
        baseline: study.baseline.clone(),
        verdict,
        sensitivity,
        coverage: coverage_of(&market, from_bar),
        notes,
        receipt: Receipt {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_hash: data_hash(&market),
            config_hash: config_hash(&study.text),
            tables_hash: tables_hash(&venue, margin_rules.as_ref()),
            result_hash: result_hash(&rules, &compared, &forecast.of_rules),
            seed: study.compare.bootstrap.seed,
        },
        gate_counts,
        sizes_on,
        limit_worth: compared.iter().flat_map(|compared| compared.limit_worth.clone()).collect(),
        forecast_plan: forecast.plan,
        forecasts: forecast.of_rules,
        comparisons: compared.into_iter().flat_map(|compared| compared.rows).collect(),
        rules,
    })
}

/// Compares the rules scope by scope, the whole account first.
fn compare_all(
    study: &Study,
    rules: &mut [RuleResult],
    scopes: &[Scope],
    progress: &dyn Progress,
) -> Vec<Compared> {
    scopes
        .iter()
        .enumerate()
        .map(|(index, scope)| {
            let compared = compare_scope(study, rules, index, &scope.name);
            progress.step();
            compared
        })
        .collect()
}

/// Every rule's plans.
fn plan_all(
    planner: &Planner<'_>,
    rules: &[SizingRule],
    from_bar: usize,
    progress: &dyn Progress,
) -> Vec<Vec<PlannedSize>> {
    progress.begin("sizing", rules.len());
    rules
        .par_iter()
        .map(|rule| {
            let plans = planner.plans(rule, from_bar);
            progress.step();
            plans
        })
        .collect()
}

/// Replays every rule in every account.
fn replay_all(
    study: &Study,
    planner: &Planner<'_>,
    plans: &[Vec<PlannedSize>],
    span: Span,
    scopes: &[Scope],
    progress: &dyn Progress,
) -> Vec<Vec<Outcome>> {
    progress.begin("replaying", study.rules.len() * scopes.len());
    study
        .rules
        .par_iter()
        .zip(plans)
        .map(|(named, plans)| {
            let replayed = |scope: &Scope| {
                let outcome =
                    planner.replay(&named.rule, plans, named.equity, span, scope.symbol_idx);
                progress.step();
                outcome
            };
            scopes.iter().map(replayed).collect()
        })
        .collect()
}

pub(crate) fn load(study: &Study, data_dir: &Path) -> Result<Market, StudyError> {
    let request = LoadRequest {
        venue: study.data.venue.clone(),
        symbols: study.data.symbols.clone(),
        interval: study.data.bar,
        from: study.data.from.0,
        to: study.data.to.0,
        warm_up_from: study.data.warm_up_from.map(|time| time.0),
        references: study.data.references(),
    };
    Ok(load_market(&Lake::new(data_dir), &request)?)
}

/// The signal columns and how many rows of a signal file had no effect.
fn signals(
    study: &Study,
    market: &Market,
    strategy_dir: &Path,
) -> Result<(Vec<SignalColumns>, usize), StudyError> {
    match &study.signal.signal.file {
        None => Ok((study.signal.evaluate(market)?, 0)),
        Some(file) => {
            let rows = plimsoll_signal::read_signal_file(&strategy_dir.join(file))?;
            let signal = study.signal.evaluate_rows(market, &rows)?;
            Ok((signal.columns, signal.unused_rows.len()))
        }
    }
}

/// Where the comparison of the rules begins.
struct Start {
    bar: usize,
    trades_excluded: usize,
    /// Rules without a single defined decision.
    asleep: Vec<String>,
    notes: Vec<String>,
}

/// The first decision at which every rule is defined. A rule that never is does not hold the
/// others up.
fn compared_from(
    study: &Study,
    trades: &[SizeFreeTrade],
    plans: &[Vec<PlannedSize>],
    from_bar: usize,
) -> Start {
    let first = trades.partition_point(|trade| trade.decision_bar < from_bar);
    let in_period = first..trades.len();
    let mut notes = Vec::new();
    let mut asleep = Vec::new();
    let mut awake = Vec::new();
    for (named, plans) in study.rules.iter().zip(plans) {
        if in_period.clone().all(|trade| plans[trade].is_warming_up()) {
            if !in_period.is_empty() {
                asleep.push(named.name.clone());
            }
        } else {
            awake.push(plans);
        }
    }
    let start = in_period
        .clone()
        .find(|&trade| awake.iter().all(|plans| !plans[trade].is_warming_up()))
        .filter(|_| !awake.is_empty());
    let Some(start) = start else {
        return Start { bar: from_bar, trades_excluded: 0, asleep, notes };
    };
    let bar = if start == first { from_bar } else { trades[start].decision_bar };
    let trades_excluded = trades[in_period].iter().filter(|t| t.decision_bar < bar).count();
    if trades_excluded > 0 {
        notes.push(format!(
            "The first {trades_excluded} trades of the period are left out: until then an \
             estimate of some rule lacked history. More history before the period would keep them."
        ));
    }
    Start { bar, trades_excluded, asleep, notes }
}

/// One account of a rule: all symbols, or one.
struct Scope {
    name: String,
    symbol_idx: Option<usize>,
}

fn scopes(market: &Market) -> Vec<Scope> {
    if let [only] = market.symbols.as_slice() {
        return vec![Scope { name: only.symbol.clone(), symbol_idx: None }];
    }
    let whole = Scope { name: PORTFOLIO.to_owned(), symbol_idx: None };
    let each = market
        .symbols
        .iter()
        .enumerate()
        .map(|(index, symbol)| Scope { name: symbol.symbol.clone(), symbol_idx: Some(index) });
    std::iter::once(whole).chain(each).collect()
}

fn rule_results(
    study: &Study,
    market: &Market,
    scopes: &[Scope],
    outcomes: Vec<Vec<Outcome>>,
) -> Vec<RuleResult> {
    study
        .rules
        .par_iter()
        .zip(outcomes)
        .map(|(named, outcomes)| RuleResult {
            name: named.name.clone(),
            rule: named.rule.clone(),
            equity: named.equity,
            accounts: scopes
                .iter()
                .zip(outcomes)
                .map(|(scope, outcome)| {
                    let daily = daily_series(market, &outcome);
                    let metrics = account_metrics(market, &outcome, &daily, &study.compare.alpha);
                    AccountResult { scope: scope.name.clone(), outcome, daily, metrics }
                })
                .collect(),
        })
        .collect()
}
