//! How often each limit and gate of a rule acted.

use plimsoll_engine::{Decision, DecisionKind, ExitReason};
use plimsoll_sizing::rule::Gate;

use crate::result::{GateCount, RuleResult};

/// Counts over the entries that each rule decided in the whole account.
pub(crate) fn gate_counts(rules: &[RuleResult]) -> Vec<GateCount> {
    rules.iter().flat_map(counts_of).collect()
}

/// Limits in the order in which they act, the multipliers after those that come before them.
fn counts_of(rule: &RuleResult) -> Vec<GateCount> {
    let mut limits: Vec<GateCount> = Vec::new();
    let mut multipliers: Vec<GateCount> = Vec::new();
    let outcome = &rule.account().outcome;
    for decision in outcome.decisions.iter().filter(|decision| decision.kind == DecisionKind::Entry)
    {
        count_limits(&mut limits, &rule.name, decision);
        for multiplier in &decision.multipliers {
            let count = count_named(&mut multipliers, &rule.name, multiplier.name, true);
            count.decisions += 1;
            count.undefined += usize::from(!multiplier.reason.is_empty());
            if multiplier.reason.is_empty() {
                count.refused += usize::from(multiplier.factor <= 0.0);
                count.cut += usize::from(multiplier.factor > 0.0 && multiplier.factor < 1.0);
            }
        }
    }
    // The only gate that sets a longest holding time.
    if let Some(budget) = multipliers.iter_mut().find(|count| count.name == "funding_budget") {
        let is_ended = |exit: ExitReason| exit == ExitReason::HoldingLimit;
        budget.closed = outcome.trades.iter().filter(|trade| is_ended(trade.exit_reason)).count();
    }
    limits.extend(multipliers);
    limits
}

fn count_limits(limits: &mut Vec<GateCount>, rule: &str, decision: &Decision) {
    for limit in &decision.limits {
        let count = count_named(limits, rule, limit.name, false);
        count.decisions += 1;
        count.undefined += usize::from(!limit.reason.is_empty());
        if limit.reason.is_empty() {
            let is_binding = limit.name == decision.binding_limit;
            count.refused += usize::from(limit.leverage <= 0.0);
            count.set_the_size += usize::from(limit.leverage > 0.0 && is_binding);
        }
    }
}

/// The count of a name, begun where there is none yet.
fn count_named<'a>(
    counts: &'a mut Vec<GateCount>,
    rule: &str,
    name: &'static str,
    is_multiplier: bool,
) -> &'a mut GateCount {
    let index = counts.iter().position(|count| count.name == name).unwrap_or_else(|| {
        counts.push(GateCount {
            rule: rule.to_owned(),
            name,
            gate: Gate::of_key(name).map_or("", |gate| gate.name),
            is_multiplier,
            decisions: 0,
            set_the_size: 0,
            cut: 0,
            refused: 0,
            undefined: 0,
            closed: 0,
        });
        counts.len() - 1
    });
    &mut counts[index]
}

/// Rules that take no trade at all, and why: a gate without data, or an estimate without history,
/// which is not named where a gate explains it.
pub(crate) fn notes_of_idle(asleep: &[String], counts: &[GateCount]) -> Vec<String> {
    let shut = shut_gates(counts);
    let is_shut = |rule: &String| shut.iter().any(|(_, rules)| rules.contains(rule));
    let of_history = asleep.iter().filter(|rule| !is_shut(rule)).map(|rule| {
        format!("Rule {rule} never had enough history for its estimate: it takes no trade.")
    });
    of_history.chain(notes_of(&shut)).collect()
}

/// Gates that take every trade of a rule away because their data are missing, with those rules.
fn shut_gates(counts: &[GateCount]) -> Vec<(&'static str, Vec<String>)> {
    let mut shut: Vec<(&'static str, Vec<String>)> = Vec::new();
    for count in counts.iter().filter(|count| count.is_multiplier) {
        if count.undefined < count.decisions {
            continue;
        }
        match shut.iter_mut().find(|(name, _)| *name == count.name) {
            Some((_, rules)) => rules.push(count.rule.clone()),
            None => shut.push((count.name, vec![count.rule.clone()])),
        }
    }
    shut
}

/// The same in sentences, one for the gates of the same rules.
fn notes_of(shut: &[(&'static str, Vec<String>)]) -> Vec<String> {
    let mut groups: Vec<(&[String], Vec<String>)> = Vec::new();
    for (name, rules) in shut {
        match groups.iter_mut().find(|(of, _)| of == rules) {
            Some((_, names)) => names.push(format!("`{name}`")),
            None => groups.push((rules, vec![format!("`{name}`")])),
        }
    }
    groups
        .into_iter()
        .map(|(rules, names)| {
            let (noun, verb) = if rules.len() == 1 { ("Rule", "takes") } else { ("Rules", "take") };
            let (gates, are) = if names.len() == 1 { ("gate", "is") } else { ("gates", "are") };
            format!(
                "{noun} {} {verb} no trade: the {gates} {} {are} undefined at every decision, and \
                 what is undefined refuses. Add the data that are missing, or leave the gate out with \
                 `without`.",
                rules.join(", "),
                names.join(" and "),
            )
        })
        .collect()
}
