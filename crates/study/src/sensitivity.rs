//! What other assumptions would have given: the same rules over the same period.

use plimsoll_engine::{Intrabar, MarginMode, Outcome, Settings, Span, TradeList, size_free_trades};
use plimsoll_market::SignalColumns;
use plimsoll_risk::drawdown::Drawdowns;
use rayon::prelude::*;

use crate::metrics::daily_series;
use crate::parse::Study;
use crate::planner::Planner;
use crate::result::{RuleResult, SensitivityRow};
use crate::run::Progress;

/// One other assumption.
struct Variant {
    name: String,
    settings: Settings,
}

/// Replays every rule under each other assumption; the first rows repeat the study's own.
pub(crate) fn sensitivity(
    study: &Study,
    planner: &Planner<'_>,
    signals: &[SignalColumns],
    list: &TradeList,
    rules: &[RuleResult],
    span: Span,
    progress: &dyn Progress,
) -> Vec<SensitivityRow> {
    let own = rules.iter().map(|rule| row(planner, "as_set", &rule.name, &rule.account().outcome));
    let mut rows: Vec<SensitivityRow> = own.collect();
    let has_stop =
        signals.iter().any(|signal| signal.has_stop() || !signal.trailing_stop_long.is_empty());
    let variants = variants(study, has_stop);
    progress.begin("sensitivity", variants.len());
    for variant in variants {
        let is_same_walk = variant.settings.intrabar == study.settings.intrabar
            && variant.settings.costs == study.settings.costs;
        let walked;
        let list = if is_same_walk {
            list
        } else {
            walked = size_free_trades(planner.prepared, signals, &variant.settings);
            &walked
        };
        let planner = Planner::new(planner.prepared, planner.inputs, &variant.settings, list);
        let found: Vec<SensitivityRow> = study
            .rules
            .par_iter()
            .map(|named| {
                let plans = planner.plans(&named.rule, span.from_bar);
                let outcome = planner.replay(&named.rule, &plans, named.equity, span, None);
                row(&planner, &variant.name, &named.name, &outcome)
            })
            .collect();
        rows.extend(found);
        progress.step();
    }
    rows
}

fn variants(study: &Study, has_stop: bool) -> Vec<Variant> {
    let settings = study.settings;
    let mut variants = Vec::new();
    let mut add = |name: String, settings: Settings| variants.push(Variant { name, settings });
    let intrabar = match settings.intrabar {
        Intrabar::Pessimistic => Intrabar::Optimistic,
        Intrabar::Optimistic => Intrabar::Pessimistic,
    };
    add(format!("intrabar={}", intrabar.name()), Settings { intrabar, ..settings });
    let margin = match settings.margin {
        MarginMode::Cross => MarginMode::Isolated,
        MarginMode::Isolated | MarginMode::Portfolio => MarginMode::Cross,
    };
    add(format!("margin={}", margin.name()), Settings { margin, ..settings });
    if has_stop && settings.intrabar == Intrabar::Pessimistic {
        for stop_slippage in [0.0, 0.5, 1.0] {
            let mut costs = settings.costs;
            costs.stop_slippage = stop_slippage;
            add(format!("stop_slippage={stop_slippage}"), Settings { costs, ..settings });
        }
    }
    variants
}

fn row(planner: &Planner<'_>, variant: &str, rule: &str, outcome: &Outcome) -> SensitivityRow {
    let daily = daily_series(planner.prepared.market, outcome);
    SensitivityRow {
        variant: variant.to_owned(),
        rule: rule.to_owned(),
        final_equity: outcome.equity.last().copied().unwrap_or(outcome.initial_equity),
        max_drawdown: Drawdowns::of_returns(&daily.returns).ok().map(|drawdowns| drawdowns.max()),
        liquidations: outcome.liquidated_positions().count(),
        is_ruined: outcome.ruined_at.is_some(),
    }
}
