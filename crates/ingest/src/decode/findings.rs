//! What is done about rows that break a rule, for all decoders in one place.

use plimsoll_market::Timestamp;
use plimsoll_market::lake::Note;

use super::Checked;
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};

/// Gathers what is found in the rows of one series, each rule under its policy.
///
/// A refusal does not end the work at once: [`Findings::check`] gives the one that stands first
/// in the file, whichever rule was looked at first.
pub(super) struct Findings<'a> {
    policies: &'a Policies,
    refusal: Option<RowProblem>,
    /// The first case of a rule whose mend drops rows, should nothing be left.
    dropped: Option<RowProblem>,
    repairs: Vec<Note>,
    flags: Vec<Note>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(policies: &'a Policies) -> Self {
        Self { policies, refusal: None, dropped: None, repairs: Vec::new(), flags: Vec::new() }
    }

    /// What is done where a rule is broken.
    pub(super) fn policy(&self, rule: Rule) -> Policy {
        self.policies.of(rule)
    }

    /// Applies a rule to the rows that break it, given with the times of all rows. Says whether
    /// they are to be mended now. `problem` describes a row: the refusal, or the note's example.
    pub(super) fn mends(
        &mut self,
        rule: Rule,
        broken: &[usize],
        times: &[i64],
        problem: impl Fn(usize) -> Problem,
    ) -> bool {
        let Some(&first) = broken.first() else { return false };
        let case = Case { count: broken.len(), row: Some(first), time: Some(times[first]) };
        self.mends_case(rule, case, || problem(first))
    }

    /// The same for what is not a list of rows.
    pub(super) fn mends_case(
        &mut self,
        rule: Rule,
        case: Case,
        problem: impl FnOnce() -> Problem,
    ) -> bool {
        let policy = self.policies.of(rule);
        if policy == Policy::Refuse {
            let refusal = RowProblem { row: case.row, problem: problem() };
            if self.refusal.as_ref().is_none_or(|first| refusal.row < first.row) {
                self.refusal = Some(refusal);
            }
            return false;
        }
        let mends = policy == Policy::Repair;
        let problem = problem();
        let note = rule_note(rule, mends, case, &problem);
        if mends {
            self.repairs.push(note);
        } else {
            self.flags.push(note);
        }
        if mends && self.dropped.is_none() && may_not_drop_all(rule) {
            self.dropped = Some(RowProblem { row: case.row, problem });
        }
        mends
    }

    /// The refusal that stands first in the file, if there was one.
    pub(super) fn check(&mut self) -> Result<(), RowProblem> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    /// Hands the notes on. A file of which the repairs leave nothing is refused.
    pub(super) fn finish(mut self, checked: &mut Checked) -> Result<(), RowProblem> {
        self.check()?;
        if checked.table.is_empty()
            && let Some(dropped) = self.dropped
        {
            return Err(dropped);
        }
        checked.repairs.append(&mut self.repairs);
        checked.flags.append(&mut self.flags);
        Ok(())
    }
}

/// How often a rule is broken, and where first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) count: usize,
    pub(super) row: Option<usize>,
    pub(super) time: Option<i64>,
}

/// What receipts say of a rule: its name, how many rows, the first of them, and that one's values.
pub(super) fn rule_note(rule: Rule, mended: bool, case: Case, example: &Problem) -> Note {
    let about = rule.about();
    let message =
        if mended { format!("{}; {}", about.what, about.repair) } else { about.what.to_owned() };
    Note {
        name: about.name.to_owned(),
        count: case.count,
        first: case.time.map(Timestamp),
        message,
        example: example.to_string(),
    }
}

/// Rules whose mend drops rows, unless it always does: a day on which a feed failed has no rows,
/// but nobody asks for a whole file of broken bars to be mended away.
fn may_not_drop_all(rule: Rule) -> bool {
    let about = rule.about();
    about.repair.contains("dropped") && about.default != Policy::Repair
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn problem(row: usize) -> Problem {
        Problem::Broken { rule: Rule::OhlcOrder, what: format!("row {row}") }
    }

    #[test]
    fn a_policy_decides_between_refusal_note_and_mend() {
        let mut policies = Policies::default();
        policies.set(Rule::FormingBar, Policy::Flag).unwrap();
        let mut findings = Findings::new(&policies);
        let times = [10, 20, 30];
        assert!(!findings.mends(Rule::OhlcOrder, &[], &times, problem));
        assert!(!findings.mends(Rule::FormingBar, &[2], &times, problem));
        assert!(findings.mends(Rule::Unsorted, &[1, 2], &times, problem));
        findings.check().unwrap();
        let note = &findings.repairs[0];
        assert_eq!((note.name.as_str(), note.count), ("unsorted", 2));
        assert_eq!((note.first, note.example.as_str()), (Some(Timestamp(20)), "row 1"));
        assert_eq!(note.message, "rows are not in order of time; sorted");
        assert_eq!(findings.flags[0].message, "the last bar was not over");
    }

    #[test]
    fn of_several_refusals_the_first_in_the_file_counts() {
        let policies = Policies::default();
        let mut findings = Findings::new(&policies);
        findings.mends(Rule::OhlcOrder, &[4, 5], &[0; 6], problem);
        findings.mends(Rule::PriceNotPositive, &[2], &[0; 6], problem);
        findings.mends(Rule::InvalidVolume, &[2], &[0; 6], |_| Problem::Empty);
        let refusal = findings.check().unwrap_err();
        assert_eq!((refusal.row, refusal.problem.to_string().as_str()), (Some(2), "row 2"));
    }
}
