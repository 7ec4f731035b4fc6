//! What a recording of a stream accounts for.
//!
//! A recorder that writes nothing may have met a quiet market or a broken line. Time is counted
//! as covered between two lines that are no further apart than a recorder of its kind would be
//! if all went well; longer silences are named and stay unknown.

use plimsoll_market::Timestamp;
use plimsoll_market::lake::Note;

use super::Checked;
use super::findings::{Case, Findings};
use crate::archive::Archive;
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};

/// A recorder that writes a line every second is broken after this silence.
pub(super) const HEARTBEAT_SILENCE_MS: i64 = 60_000;

/// A stream that speaks only when something happens may be quiet for so long. Bybit's and OKX's
/// streams of all liquidations are silent for minutes on a calm night even for large coins.
pub(super) const EVENT_SILENCE_MS: i64 = 30 * 60_000;

/// What a recording of a stream covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// Half-open periods.
    pub(super) covered: Vec<(Timestamp, Timestamp)>,
    /// Longer silences between them: the last line before and the first after.
    pub(super) silences: Vec<(i64, i64)>,
}

/// Splits sorted times where nothing was recorded for longer than allowed.
pub(super) fn runs(times: &[i64], silence_max_ms: i64) -> Runs {
    let mut runs = Runs::default();
    for &time in times {
        match runs.covered.last_mut() {
            Some(run) if time - (run.1.0 - 1) <= silence_max_ms => {
                run.1 = Timestamp(time + 1);
                continue;
            }
            Some(run) => runs.silences.push((run.1.0 - 1, time)),
            None => {}
        }
        runs.covered.push((Timestamp(time), Timestamp(time + 1)));
    }
    runs
}

/// The parts of half-open periods that lie in one other.
pub(super) fn clip(
    periods: &[(Timestamp, Timestamp)],
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, Timestamp)> {
    let parts = periods.iter().map(|period| (period.0.max(from), period.1.min(to)));
    parts.filter(|part| part.0 < part.1).collect()
}

/// Half-open periods without one other.
pub(super) fn without(
    periods: &[(Timestamp, Timestamp)],
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, Timestamp)> {
    let mut left = Vec::new();
    for &period in periods {
        left.extend(clip(&[period], (Timestamp(i64::MIN), from)));
        left.extend(clip(&[period], (to, Timestamp(i64::MAX))));
    }
    left
}

/// Notes the silences that are not covered.
pub(super) fn note_silences(flags: &mut Vec<Note>, silences: &[(i64, i64)]) {
    let Some(&(from, to)) = silences.first() else { return };
    let about = Rule::RecorderSilence.about();
    flags.push(Note {
        name: about.name.to_owned(),
        count: silences.len(),
        first: Some(Timestamp(from)),
        message: about.what.to_owned(),
        example: format!("nothing from {} to {}", Timestamp(from), Timestamp(to)),
    });
}

/// Notes something that holds for every row, or refuses it.
pub(super) fn flag_all(
    checked: &mut Checked,
    rule: Rule,
    policies: &Policies,
) -> Result<(), RowProblem> {
    let Some(&first) = checked.table.times().first() else { return Ok(()) };
    let mut findings = Findings::new(policies);
    let case = Case { count: checked.table.len(), row: None, time: Some(first) };
    let what = rule.about().what.to_owned();
    findings.mends_case(rule, case, || Problem::Broken { rule, what });
    findings.finish(checked)
}

/// Says that so many events of a recording were there before, which have been left out.
pub(super) fn repeated(
    checked: &mut Checked,
    count: usize,
    policies: &Policies,
) -> Result<(), RowProblem> {
    if count == 0 {
        return Ok(());
    }
    let mut findings = Findings::new(policies);
    let rule = Rule::RepeatedRow;
    let time = checked.table.times().first().copied();
    let what = "liquidations stand in several answers or messages".to_owned();
    findings.mends_case(rule, Case { count, row: None, time }, || Problem::Broken { rule, what });
    checked.duplicates += count;
    findings.finish(checked)
}

/// Whether a file is packed, as archives are: one that was cut off since would not unpack.
pub(super) fn is_packed(archive: &Archive) -> bool {
    let name = archive.file_name().to_ascii_lowercase();
    [".zip", ".gz", ".zst", ".lz4"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: i64, to: i64) -> (Timestamp, Timestamp) {
        (Timestamp(from), Timestamp(to))
    }

    #[test]
    fn long_silences_are_not_covered() {
        let Runs { covered, silences } = runs(&[0, 1000, 2000, 70_000, 130_000, 130_000], 60_000);
        assert_eq!(covered, [period(0, 2001), period(70_000, 130_001)]);
        assert_eq!(silences, [(2000, 70_000)]);
        assert_eq!(runs(&[], 1), Runs::default());
    }

    #[test]
    fn periods_are_cut() {
        let periods = [period(0, 10), period(20, 30)];
        assert_eq!(clip(&periods, period(5, 25)), [period(5, 10), period(20, 25)]);
        assert_eq!(without(&periods, period(5, 25)), [period(0, 5), period(25, 30)]);
        assert_eq!(without(&periods, period(3, 4)), [period(0, 3), period(4, 10), period(20, 30)]);
        assert_eq!(without(&periods, period(10, 20)), periods);
    }
}
