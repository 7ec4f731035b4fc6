//! From the limits of a decision to its size, step by step.

use plimsoll_report::limits::{Stage, meaning};

use super::folder::{Decision, Named};

/// A decision's size, retold.
pub(super) struct Chain<'a> {
    /// The limits whose smallest is the rule's wish.
    pub(super) wishes: Vec<&'a Named>,
    /// The smallest of them, the first among equals.
    pub(super) smallest: Option<&'a Named>,
    /// The smallest of the others.
    pub(super) next: Option<&'a Named>,
    /// Gates and then the limits of the account, in the order in which they act.
    pub(super) steps: Vec<Step<'a>>,
}

/// A gate or a limit that acts after the smallest is taken.
pub(super) struct Step<'a> {
    pub(super) named: &'a Named,
    /// Whether it is a factor.
    pub(super) is_multiplier: bool,
    /// Leverage before it; infinite where no limit has acted yet.
    pub(super) before: f64,
    /// Leverage after it.
    pub(super) after: f64,
}

impl<'a> Chain<'a> {
    pub(super) fn of(decision: &'a Decision) -> Self {
        let is_account = |limit: &&Named| {
            meaning(&limit.name).is_some_and(|meaning| meaning.stage == Stage::Account)
        };
        let (account, wishes): (Vec<&Named>, Vec<&Named>) =
            decision.limits.iter().partition(is_account);
        // The first of several equal ones stays in front.
        let mut order = wishes.clone();
        order.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (smallest, next) = (order.first().copied(), order.get(1).copied());
        let mut leverage = smallest.map_or(f64::INFINITY, |limit| limit.value);
        let mut steps = Vec::new();
        let gates = decision.multipliers.iter().map(|gate| (gate, true));
        for (named, is_multiplier) in gates.chain(account.into_iter().map(|limit| (limit, false))) {
            let before = leverage;
            leverage = match is_multiplier {
                // Nothing is left to cut, also where no limit had acted.
                true if named.value <= 0.0 => 0.0,
                true => leverage * named.value.min(1.0),
                false => leverage.min(named.value),
            };
            steps.push(Step { named, is_multiplier, before, after: leverage });
        }
        Self { wishes, smallest, next, steps }
    }

    /// The leverage that the steps end with.
    pub(super) fn leverage(&self) -> f64 {
        let wish = self.smallest.map_or(f64::INFINITY, |limit| limit.value);
        let last = self.steps.last().map_or(wish, |step| step.after);
        if last.is_finite() { last } else { 0.0 }
    }

    /// By how much the next limit is larger than the smallest, a fraction of the smallest.
    pub(super) fn room_to_next(&self) -> Option<f64> {
        let (smallest, next) = (self.smallest?.value, self.next?.value);
        (smallest > 0.0 && next.is_finite()).then(|| next / smallest - 1.0)
    }
}
