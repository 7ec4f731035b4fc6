//! How often each limit and gate of a rule acted.

use plimsoll_engine::{Decision, DecisionKind};
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
    let decisions = &rule.account().outcome.decisions;
    for decision in decisions.iter().filter(|decision| decision.kind == DecisionKind::Entry) {
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
            count.cut += usize::from(limit.leverage > 0.0 && is_binding);
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
            cut: 0,
            refused: 0,
            undefined: 0,
        });
        counts.len() - 1
    });
    &mut counts[index]
}

/// Gates that take every trade of a rule away because their data are missing, with those rules.
pub(crate) fn shut_gates(counts: &[GateCount]) -> Vec<(&'static str, Vec<String>)> {
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

/// The same in a sentence each.
pub(crate) fn notes_of(shut: &[(&'static str, Vec<String>)]) -> Vec<String> {
    shut.iter()
        .map(|(name, rules)| {
            let (noun, verb) = if rules.len() == 1 { ("Rule", "takes") } else { ("Rules", "take") };
            format!(
                "{noun} {} {verb} no trade: the gate `{name}` is undefined at every decision, and \
                 what is undefined refuses. Add the data that it reads, or leave it out: without = \
                 [\"{name}\"].",
                rules.join(", ")
            )
        })
        .collect()
}
