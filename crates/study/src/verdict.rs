//! Which rule wins, and how sure that is, in words that the figures carry.

use std::collections::BTreeMap;

use plimsoll_risk::moments::Moments;
use plimsoll_risk::sharpe::SharpeMoments;

use crate::compare::Compared;
use crate::metrics::DAYS_PER_YEAR;
use crate::parse::Study;
use crate::result::{ComparisonRow, RuleResult, Verdict};

/// Level at which a difference counts as more than chance.
const SIGNIFICANCE: f64 = 0.05;

/// Weighs the whole account's results.
pub(crate) fn verdict(study: &Study, rules: &[RuleResult], compared: &Compared) -> Verdict {
    let mut verdict = Verdict {
        trials: rules.len(),
        probability_best: rules
            .iter()
            .map(|rule| rule.name.clone())
            .zip(compared.probability_best.iter().copied())
            .collect(),
        ..Verdict::default()
    };
    let winner = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| !rule.account().is_ruined())
        .filter(|(_, rule)| !rule.account().outcome.trades.is_empty())
        .filter_map(|(index, rule)| Some((index, log_growth(rule)?)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    match winner {
        None => verdict.sentences.push(no_winner(rules)),
        Some((index, growth)) => {
            let name = &rules[index].name;
            let probability = compared.probability_best.get(index).copied();
            verdict.winner = Some(name.clone());
            verdict.winner_probability_best = probability;
            verdict.deflated_sharpe = deflated_sharpe(rules, index);
            verdict.sentences = sentences(study, rules, compared, index, growth, probability);
            if let Some(deflated) = verdict.deflated_sharpe {
                verdict.sentences.push(format!(
                    "With {} rules tried, the probability that {name}'s Sharpe ratio is more than \
                     the luck of the best is {} (deflated Sharpe ratio).",
                    rules.len(),
                    percent(deflated)
                ));
            }
        }
    }
    verdict.sentences.extend(casualties(rules));
    verdict
}

/// Mean log growth a year of the whole account's daily returns.
fn log_growth(rule: &RuleResult) -> Option<f64> {
    let returns = &rule.account().daily.returns;
    let sum = rule
        .account()
        .value("log_return_sum")
        .or_else(|| plimsoll_risk::performance::log_return_sum(returns).ok())?;
    Some(sum / returns.len() as f64 * DAYS_PER_YEAR)
}

fn no_winner(rules: &[RuleResult]) -> String {
    if rules.iter().all(|rule| rule.account().outcome.trades.is_empty()) {
        let why = commonest_refusal(rules)
            .map_or(String::new(), |reason| format!(" The commonest reason: {reason}."));
        format!("No rule took a trade in this period, so there is nothing to compare.{why}")
    } else {
        "No rule survived: every one that traded was ruined.".to_owned()
    }
}

/// Why most entries were refused, if any was.
fn commonest_refusal(rules: &[RuleResult]) -> Option<&'static str> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for decision in rules.iter().flat_map(|rule| &rule.account().outcome.decisions) {
        *counts.entry(decision.reason).or_default() += 1;
    }
    let most = counts.into_iter().filter(|(reason, _)| !reason.is_empty());
    most.max_by_key(|(_, count)| *count).map(|(reason, _)| reason)
}

fn sentences(
    study: &Study,
    rules: &[RuleResult],
    compared: &Compared,
    winner: usize,
    growth: f64,
    probability: Option<f64>,
) -> Vec<String> {
    let name = &rules[winner].name;
    let mut sentences = Vec::new();
    let how_often = probability.map_or(String::new(), |probability| {
        format!("; it did best in {} of the resampled histories", percent(probability))
    });
    let how = if growth > 0.0 { "grew fastest" } else { "lost least" };
    sentences.push(format!(
        "{name} {how}: {} a year in log terms in this history{how_often}.",
        signed_percent(growth)
    ));
    let is_baseline = compared.rows.iter().any(|row| row.baseline == *name);
    if is_baseline {
        sentences.push(challengers(compared, name));
    } else if let Some(row) = row_of(compared, name, "as_set") {
        sentences.push(against_baseline(row));
        if let Some(matched) = row_of(compared, name, "matched_volatility") {
            sentences.push(at_equal_volatility(matched));
        }
    }
    let safest = rules
        .iter()
        .filter(|rule| !rule.account().outcome.trades.is_empty())
        .filter_map(|rule| Some((rule, rule.account().value("ruin_probability")?)))
        .reduce(|best, next| if next.1 < best.1 { next } else { best });
    if let (Some((safest, low)), Some(own)) =
        (safest, rules[winner].account().value("ruin_probability"))
    {
        let horizon = study.compare.ruin.horizon_days;
        let drawdown = percent(study.compare.ruin.drawdown);
        sentences.push(format!(
            "Its probability of losing {drawdown} from a peak within {horizon} days is {}; the \
             lowest among the rules that trade is {} ({}).",
            percent(own),
            percent(low),
            safest.name
        ));
    }
    sentences
}

fn row_of<'a>(compared: &'a Compared, rule: &str, basis: &str) -> Option<&'a ComparisonRow> {
    compared
        .rows
        .iter()
        .find(|row| row.rule == rule && row.basis == basis && row.metric == "mean_log_growth")
}

fn against_baseline(row: &ComparisonRow) -> String {
    let (Some(difference), Some(low), Some(high), Some(p)) =
        (row.difference, row.low, row.high, row.p_value_adjusted)
    else {
        let reason = row.reason.as_deref().unwrap_or("undefined");
        return format!("Its difference from {} cannot be stated: {reason}.", row.baseline);
    };
    let judgement = if p < SIGNIFICANCE {
        "more than chance would give"
    } else {
        "not distinguishable from chance"
    };
    format!(
        "Against {} that is {} a year (95 % interval {} to {}, p {:.3} after adjustment for the \
         number of rules): {judgement}.",
        row.baseline,
        signed_percent(difference),
        signed_percent(low),
        signed_percent(high),
        p
    )
}

fn at_equal_volatility(row: &ComparisonRow) -> String {
    match (row.difference, row.low, row.high) {
        (Some(difference), Some(low), Some(high)) => format!(
            "Scaled to the volatility of {} the difference is {} a year ({} to {}).",
            row.baseline,
            signed_percent(difference),
            signed_percent(low),
            signed_percent(high)
        ),
        _ => format!(
            "Scaled to the volatility of {} the difference cannot be stated: {}.",
            row.baseline,
            row.reason.as_deref().unwrap_or("undefined")
        ),
    }
}

/// Where the baseline itself leads: whether any rule is distinguishable from it.
fn challengers(compared: &Compared, name: &str) -> String {
    let close = compared
        .rows
        .iter()
        .filter(|row| row.basis == "as_set" && row.metric == "mean_log_growth")
        .filter(|row| row.baseline == name)
        .filter(|row| row.p_value_adjusted.is_some_and(|p| p >= SIGNIFICANCE))
        .count();
    match close {
        0 => format!("{name} is the baseline, and every other rule grew distinguishably slower."),
        1 => format!("{name} is the baseline; one other rule is not distinguishable from it."),
        many => {
            format!("{name} is the baseline; {many} other rules are not distinguishable from it.")
        }
    }
}

/// Rules that the venue closed out.
fn casualties(rules: &[RuleResult]) -> Vec<String> {
    let liquidated: Vec<String> = rules
        .iter()
        .filter(|rule| !rule.account().outcome.liquidations.is_empty())
        .map(|rule| {
            let account = rule.account();
            let count = account.outcome.liquidated_positions().count();
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let ruined = if account.is_ruined() { " and ruined" } else { "" };
            format!("{} ({times}{ruined})", rule.name)
        })
        .collect();
    if liquidated.is_empty() {
        vec!["No rule was liquidated.".to_owned()]
    } else {
        vec![format!("Liquidated: {}.", liquidated.join(", "))]
    }
}

/// Deflated Sharpe ratio of the winner, with the variance of the rules' Sharpe ratios.
fn deflated_sharpe(rules: &[RuleResult], winner: usize) -> Option<f64> {
    let ratios: Vec<f64> = rules
        .iter()
        .filter(|rule| !rule.account().is_ruined())
        .filter_map(|rule| SharpeMoments::of(&rule.account().daily.returns).ok())
        .map(|moments| moments.sharpe)
        .collect();
    let variance =
        if ratios.len() > 1 { Moments::of(&ratios).ok()?.variance_sample().ok()? } else { 0.0 };
    SharpeMoments::of(&rules[winner].account().daily.returns)
        .ok()?
        .deflated(rules.len() as f64, variance)
        .ok()
}

fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

fn signed_percent(value: f64) -> String {
    format!("{:+.1} %", 100.0 * value)
}
