//! The result is checked once, before anything is written, so that the writers need not doubt it.

use plimsoll_engine::Outcome;
use plimsoll_study::result::{RuleForecasts, StudyResult};

use crate::error::ReportError;

/// Refuses a result that contradicts itself or holds a number that is not finite.
pub(crate) fn check(result: &StudyResult) -> Result<(), ReportError> {
    let study = |field, position, value: String, must| ReportError::Inconsistent {
        rule: String::new(),
        scope: String::new(),
        field,
        position,
        value,
        must,
    };
    if result.rules.is_empty() {
        return Err(study("rules", 0, "absent".to_owned(), "a study has at least one rule"));
    }
    for (position, cancelled) in result.cancelled.iter().enumerate() {
        if cancelled.symbol_idx >= result.symbols.len() {
            let value = cancelled.symbol_idx.to_string();
            return Err(study("cancelled.symbol_idx", position, value, "it must name a symbol"));
        }
    }
    let found = check_comparisons(result);
    if let Some(Finding { field, position, value, must }) = found {
        return Err(study(field, position, value, must));
    }
    for of_rule in &result.forecasts {
        if let Some(Finding { field, position, value, must }) = check_forecasts(of_rule) {
            return Err(ReportError::Inconsistent {
                rule: of_rule.rule.clone(),
                scope: of_rule.horizon.name().to_owned(),
                field,
                position,
                value,
                must,
            });
        }
    }
    for rule in &result.rules {
        if rule.accounts.is_empty() {
            return Err(ReportError::Inconsistent {
                rule: rule.name.clone(),
                scope: String::new(),
                field: "accounts",
                position: 0,
                value: "absent".to_owned(),
                must: "a rule has at least the whole account",
            });
        }
        for account in &rule.accounts {
            let found = check_outcome(&account.outcome, result.symbols.len()).or_else(|| {
                account.metrics.iter().enumerate().find_map(|(position, metric)| {
                    not_finite("metrics", position, metric.value.unwrap_or_default())
                })
            });
            if let Some(Finding { field, position, value, must }) = found {
                return Err(ReportError::Inconsistent {
                    rule: rule.name.clone(),
                    scope: account.scope.clone(),
                    field,
                    position,
                    value,
                    must,
                });
            }
        }
    }
    Ok(())
}

struct Finding {
    field: &'static str,
    position: usize,
    value: String,
    must: &'static str,
}

fn check_comparisons(result: &StudyResult) -> Option<Finding> {
    let compared = result.comparisons.iter().enumerate().find_map(|(position, row)| {
        [row.difference, row.low, row.high, row.p_value, row.p_value_adjusted]
            .into_iter()
            .flatten()
            .find_map(|value| not_finite("comparisons", position, value))
    });
    let varied = || {
        result.sensitivity.iter().enumerate().find_map(|(position, row)| {
            [Some(row.final_equity), row.max_drawdown]
                .into_iter()
                .flatten()
                .find_map(|value| not_finite("sensitivity", position, value))
        })
    };
    let worth = || {
        result.limit_worth.iter().enumerate().find_map(|(position, row)| {
            [row.difference, row.low, row.high, row.p_value, row.p_value_adjusted]
                .into_iter()
                .flatten()
                .find_map(|value| not_finite("limit_worth", position, value))
        })
    };
    let sizes = || {
        result.sizes_on.iter().enumerate().find_map(|(position, row)| {
            let decided = row.decision.as_ref().ok();
            [row.price, row.stop_price, row.median_leverage, decided.map(|found| found.leverage)]
                .into_iter()
                .flatten()
                .find_map(|value| not_finite("sizes_on", position, value))
        })
    };
    let best = || {
        let shares = result.verdict.probability_best.iter().enumerate();
        shares
            .map(|(position, (_, share))| (position, *share))
            .find_map(|(position, share)| not_finite("verdict.probability_best", position, share))
    };
    compared.or_else(varied).or_else(worth).or_else(sizes).or_else(best)
}

fn check_forecasts(of_rule: &RuleForecasts) -> Option<Finding> {
    let n = of_rule.returns.len();
    let absent =
        |field, position, must| Some(Finding { field, position, value: "absent".to_owned(), must });
    if of_rule.ends.len() != n {
        return absent(
            "forecasts.ends",
            of_rule.ends.len(),
            "each return has the end of its period",
        );
    }
    let Ok(made) = &of_rule.made else { return None };
    let first = made.rolling.first;
    for series in &made.rolling.series {
        for (field, values) in [
            ("forecasts.value_at_risk", &series.value_at_risk),
            ("forecasts.expected_shortfall", &series.expected_shortfall),
            ("forecasts.expectile", &series.expectile),
        ] {
            if first + values.len() != n {
                return absent(field, values.len(), "each return after the window has a forecast");
            }
            let mut values = values.iter().enumerate();
            if let Some(found) = values.find_map(|(at, value)| not_finite(field, at, *value)) {
                return Some(found);
            }
        }
    }
    made.evaluations.iter().enumerate().find_map(|(position, row)| {
        let defined = [
            &row.kupiec_p,
            &row.christoffersen_p,
            &row.dynamic_quantile_p,
            &row.expectile_moment_p,
            &row.shortfall_p,
            &row.fz0_score,
            &row.mcs_p,
        ];
        defined
            .into_iter()
            .flatten()
            .chain([&row.quantile_score, &row.expectile_score, &row.expected_violations])
            .find_map(|value| not_finite("forecasts.evaluations", position, *value))
    })
}

fn check_outcome(outcome: &Outcome, symbols: usize) -> Option<Finding> {
    if outcome.equity.len() != outcome.equity_low.len() {
        return Some(Finding {
            field: "equity_low",
            position: outcome.equity_low.len().min(outcome.equity.len()),
            value: "absent".to_owned(),
            must: "it has one value for each value of `equity`",
        });
    }
    let columns: [(&'static str, Box<dyn Iterator<Item = f64> + '_>); 6] = [
        ("initial_equity", Box::new(std::iter::once(outcome.initial_equity))),
        ("equity", Box::new(outcome.equity.iter().copied())),
        ("equity_low", Box::new(outcome.equity_low.iter().copied())),
        ("ledger.amount", Box::new(outcome.ledger.iter().map(|row| row.amount))),
        ("ledger.wallet", Box::new(outcome.ledger.iter().map(|row| row.wallet))),
        ("trades.pnl", Box::new(outcome.trades.iter().map(|trade| trade.pnl))),
    ];
    for (field, values) in columns {
        let mut values = values.enumerate();
        if let Some(found) = values.find_map(|(position, value)| not_finite(field, position, value))
        {
            return Some(found);
        }
    }
    let indices: [(&'static str, Box<dyn Iterator<Item = usize> + '_>); 4] = [
        ("trades.symbol_idx", Box::new(outcome.trades.iter().map(|row| row.symbol_idx))),
        ("decisions.symbol_idx", Box::new(outcome.decisions.iter().map(|row| row.symbol_idx))),
        ("ledger.symbol_idx", Box::new(outcome.ledger.iter().map(|row| row.symbol_idx))),
        (
            "liquidations.symbol_idx",
            Box::new(outcome.liquidations.iter().map(|row| row.symbol_idx)),
        ),
    ];
    indices.into_iter().find_map(|(field, mut values)| {
        let position = values.position(|symbol_idx| symbol_idx >= symbols)?;
        Some(Finding {
            field,
            position,
            value: "out of range".to_owned(),
            must: "it must name a symbol of the study",
        })
    })
}

fn not_finite(field: &'static str, position: usize, value: f64) -> Option<Finding> {
    (!value.is_finite()).then(|| Finding {
        field,
        position,
        value: value.to_string(),
        must: "it must be a finite number",
    })
}
