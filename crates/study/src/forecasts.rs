//! Risk forecasts of each rule's equity: made walk-forward by several models, tested and ranked.

use plimsoll_market::{Market, Timestamp};
use plimsoll_risk::forecast::{ForecastSettings, Side, evaluate, rolling_forecasts};
use rayon::prelude::*;

use crate::metrics::periods;
use crate::parse::Study;
use crate::result::{ForecastPlan, MadeForecasts, RuleForecasts, RuleResult};
use crate::run::Progress;
use crate::strategy::Horizon;

/// More bootstrap draws than this change no model confidence set that a reader would act on: its
/// p-values are then known to half a percentage point near 0.05.
const CONFIDENCE_SET_DRAWS_MAX: u64 = 1_000;

/// What was forecast, and how.
pub(crate) struct Forecast {
    pub(crate) plan: Option<ForecastPlan>,
    pub(crate) of_rules: Vec<RuleForecasts>,
    /// Says which rules were left out.
    pub(crate) note: Option<String>,
}

/// Forecasts of the whole account of the rules that matter most, each at every horizon.
pub(crate) fn forecast(
    study: &Study,
    market: &Market,
    rules: &[RuleResult],
    winner: Option<&str>,
    progress: &dyn Progress,
) -> Forecast {
    let table = &study.compare.forecasts;
    if !table.enabled {
        return Forecast { plan: None, of_rules: Vec::new(), note: None };
    }
    let plan = ForecastPlan {
        models: table.models.iter().map(|model| model.0).collect(),
        window_days: table.window_days,
        refit_days: table.refit_days,
        horizons: table.horizons.clone(),
        alphas: distinct(table.alpha.as_ref().unwrap_or(&study.compare.alpha)),
        rules_max: table.rules_max,
        draws: (study.compare.bootstrap.draws as u64).min(CONFIDENCE_SET_DRAWS_MAX),
    };
    let chosen = chosen(study, rules, winner, plan.rules_max);
    let jobs: Vec<(usize, Horizon)> = chosen
        .iter()
        .flat_map(|&rule| plan.horizons.iter().map(move |&horizon| (rule, horizon)))
        .collect();
    progress.begin("forecasting", jobs.len());
    let seed = study.compare.bootstrap.seed;
    let of_rules = jobs
        .par_iter()
        .map(|&(rule, horizon)| {
            let made = of_rule(market, &rules[rule], horizon, &plan, seed);
            progress.step();
            made
        })
        .collect();
    let left_out = rules.len() - chosen.len();
    let note = (left_out > 0).then(|| {
        format!(
            "Risk forecasts are made for {} of {} rules: the baseline, the winner and those that \
             ended with most (compare.forecasts.rules_max).",
            chosen.len(),
            rules.len()
        )
    });
    Forecast { plan: Some(plan), of_rules, note }
}

/// `compare.alpha` may repeat itself; a row of a table stands once.
fn distinct(alphas: &[f64]) -> Vec<f64> {
    let mut once: Vec<f64> = Vec::with_capacity(alphas.len());
    for alpha in alphas {
        if !once.iter().any(|other| other.to_bits() == alpha.to_bits()) {
            once.push(*alpha);
        }
    }
    once
}

/// The rules to forecast, in file order.
fn chosen(
    study: &Study,
    rules: &[RuleResult],
    winner: Option<&str>,
    rules_max: usize,
) -> Vec<usize> {
    let is_named = |rule: usize| {
        rules[rule].name == study.baseline || Some(rules[rule].name.as_str()) == winner
    };
    let final_equity = |rule: usize| {
        let outcome = &rules[rule].account().outcome;
        outcome.equity.last().copied().unwrap_or(outcome.initial_equity)
    };
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by(|&a, &b| {
        is_named(b)
            .cmp(&is_named(a))
            .then(final_equity(b).total_cmp(&final_equity(a)))
            .then(a.cmp(&b))
    });
    order.truncate(rules_max);
    order.sort_unstable();
    order
}

fn of_rule(
    market: &Market,
    rule: &RuleResult,
    horizon: Horizon,
    plan: &ForecastPlan,
    seed: u64,
) -> RuleForecasts {
    let mut of_rule = RuleForecasts {
        rule: rule.name.clone(),
        horizon,
        ends: Vec::new(),
        returns: Vec::new(),
        made: Err(String::new()),
        remark: None,
    };
    if horizon.ms() % market.interval.ms() != 0 {
        of_rule.made = Err(format!(
            "bars of {} do not add up to periods of {}",
            market.interval,
            horizon.name()
        ));
        return of_rule;
    }
    let outcome = &rule.account().outcome;
    let periods = periods(market, outcome, horizon.ms());
    // The loss that ruins is a loss to be forecast; what is left afterwards does not move.
    let kept = outcome.ruined_at.map_or(periods.index.len(), |bar| {
        let ruin = market.open_time(bar).0.div_euclid(horizon.ms());
        periods.index.partition_point(|&period| period <= ruin)
    });
    of_rule.ends =
        periods.index[..kept].iter().map(|period| Timestamp((period + 1) * horizon.ms())).collect();
    of_rule.returns = periods.returns[..kept].to_vec();
    of_rule.remark = outcome
        .ruined_at
        .map(|bar| format!("ruined in the bar of {}: forecasts end there", market.open_time(bar)));
    of_rule.made = made(&of_rule.returns, horizon, plan, seed);
    of_rule
}

/// Forecasts with their tests, or the reason why there are none.
fn made(
    returns: &[f64],
    horizon: Horizon,
    plan: &ForecastPlan,
    seed: u64,
) -> Result<MadeForecasts, String> {
    let per_day = horizon.periods_per_day();
    let settings = ForecastSettings {
        models: plan.models.clone(),
        window: plan.window_days * per_day,
        refit_every: plan.refit_days * per_day,
        alphas: plan.alphas.clone(),
        // An account has one owner, who loses when it falls.
        sides: vec![Side::Lower],
        seed,
        draws: plan.draws,
    };
    if returns.len() <= settings.window {
        return Err(format!(
            "{} periods of {} are not more than the {} of the window \
             (compare.forecasts.window_days)",
            returns.len(),
            horizon.name(),
            settings.window
        ));
    }
    if returns.iter().all(|r| r.abs() <= 0.0) {
        return Err("the equity never moved, so there is no risk to forecast".to_owned());
    }
    let rolling = rolling_forecasts(returns, &settings).map_err(|error| error.to_string())?;
    let evaluations = evaluate(returns, &rolling, &settings).map_err(|error| error.to_string())?;
    Ok(MadeForecasts { rolling, evaluations })
}
