//! What is missing from a lake, and what looks wrong in it.
//!
//! Everything is read as it stands, so that a file that other hands wrote is looked through and
//! not only refused. A series is walked a month at a time, and what stands in one series is held
//! against what others say about the same market: shorter bars against longer ones, mark against
//! last price, one venue's funding against the others'.
//!
//! Every bound below was set on real history (six years of hours, one year of five minutes, a
//! month of minutes, three venues): it must find what is known to be wrong there, and nothing in
//! the rest.

mod bars;
mod cases;
mod copies;
mod files;
mod funding;
mod gaps;
mod intervals;
mod marks;
mod quiet;
mod resample;
mod values;
mod venues;

use std::fmt;
use std::path::PathBuf;

use plimsoll_market::lake::Month;
use plimsoll_market::{Kind, Lake, MarketError, Series, Timestamp};
use rayon::prelude::*;

use self::cases::Report;
use crate::policy::{Policies, Policy, Rule};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A study of the lake would be misled.
    Error,
    /// Results may have to leave something out.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How serious it is that a rule is broken, by what its policy makes of it: what would be refused
/// is an error; what is flagged is a warning where something is missing or doubtful, and a note
/// where markets themselves do such things.
pub fn severity(rule: Rule, policy: Policy) -> Severity {
    use Rule::{ArchiveFlag, ExtremeFunding, Jump, LateSettlement, StrayFile, ZeroVolume};
    match policy {
        Policy::Refuse => Severity::Error,
        _ => match rule {
            ArchiveFlag | ExtremeFunding | Jump | LateSettlement | StrayFile | ZeroVolume => {
                Severity::Note
            }
            _ => Severity::Warning,
        },
    }
}

/// A stretch of time with cases in it, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// Bars, rows or settlements in it.
    pub count: usize,
}

/// Something about a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// The series.
    pub series: Series,
    /// How many bars, rows or settlements.
    pub count: usize,
    /// Time of the first of them.
    pub first: Option<Timestamp>,
    /// Time of the last of them.
    pub last: Option<Timestamp>,
    /// The first case with its values, or the largest where [`Self::shows_largest`]; empty where
    /// there is nothing to show.
    pub example: String,
    /// One sentence.
    pub message: String,
    /// Every stretch of time that it is about, in order; neighbouring cases are joined.
    pub spans: Vec<Span>,
    /// What the settings make of the rule.
    pub policy: Policy,
    /// How serious it is.
    pub severity: Severity,
}

impl Finding {
    /// What can be done about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        hint(self.rule)
    }

    /// Whether the example is the largest case rather than the first.
    pub fn shows_largest(&self) -> bool {
        matches!(self.rule, Rule::Jump | Rule::MarkFar | Rule::MarkWrong)
    }
}

/// What can be done where a rule is broken, if anything.
pub fn hint(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Unreadable | Rule::BrokenBar | Rule::RepeatedTime | Rule::ReceiptMismatch => {
            "remove the month's file and ingest its archives again"
        }
        Rule::MissingMonth | Rule::Gap | Rule::LongGap => {
            "ingest archives of that time, if there are any; studies carry positions over missing bars, and know no funding where settlements are missing"
        }
        Rule::OpenInterestHole | Rule::LiquidationUnknown => {
            "ingest archives of that time, if there are any; to studies it is unknown"
        }
        Rule::MarkWrong => {
            "look at both prices of that time, and ingest the archives of the wrong one again with `--replace`; one of them is of another market or unit"
        }
        Rule::IntervalDisagreement | Rule::VolumeDisagreement => {
            "choose the bars that agree with another source, and study those"
        }
        Rule::MarkMissing => "ingest mark candles of the same length, or study without them",
        Rule::MarkSwapped => {
            "ingest the archives again, each with its own `--kind`, with `--replace`"
        }
        Rule::MarkCopied => "ingest the venue's own mark candles; these show no distance to last",
        Rule::FundingMissing => "ingest the funding of that time",
        Rule::FundingUnit => {
            "ingest the rates again as fractions per interval; `percent_rate = \"repair\"` divides percentages by 100"
        }
        Rule::StrayFile => "nothing reads it; move it away",
        _ => return None,
    })
}

/// Looks through a lake with the default policies; see [`check_with`].
///
/// # Errors
/// Only if the lake's folders cannot be listed.
pub fn check(lake: &Lake) -> Result<Vec<Finding>, MarketError> {
    check_with(lake, &Policies::default())
}

/// Looks through a lake. Findings come series by series, in the order of [`Lake::series`], and
/// are the same at any number of threads. With the default policies:
///
/// | rule | severity | what |
/// |---|---|---|
/// | `unreadable` | error | a file cannot be read |
/// | `receipt_mismatch` | error | rows are not those that the file's receipt tells of |
/// | `broken_bar` | error | a bar or value contradicts itself, is off its grid, or a copy of a day |
/// | `repeated_time` | error | rows stand more than once |
/// | `missing_month` | error | a month between others is missing |
/// | `long_gap` | error | bars or settlements of a week or more are missing, but no whole month |
/// | `interval_disagreement` | error | whole longer bars are not what shorter ones add up to |
/// | `mark_swapped` | error | mark and last price, or their files, look exchanged |
/// | `mark_wrong` | error | the mark is 1.5 times the last price, or 2 % away in half of a month |
/// | `funding_unit` | error | rates are more than 20 times those of other venues |
/// | `gap` | warning | bars or settlements are missing between others |
/// | `mark_missing`, `funding_missing` | warning | candles of a derivative without them |
/// | `volume_disagreement` | warning | the same, where the prices agree |
/// | `mark_far` | warning | the mark closes further from last than the month explains, or 10 % |
/// | `mark_copied` | warning | mark candles are copies of trade prices |
/// | `open_interest_hole` | warning | snapshots missing at the series' own rhythm |
/// | `liquidation_unknown` | warning | time between archives, unknown rather than quiet |
/// | `zero_open_interest` | warning | open interest of zero |
/// | `jump` | note | a move beyond 25 times the median move around it, and 2 % |
/// | `zero_volume` | note | bars without trades: halts, or filler after a delisting |
/// | `extreme_funding` | note | a rate above 1 % per interval |
/// | `late_settlement` | note | funding stamped a minute or more away from its settlement |
/// | `archive_flag` | note | what the decoders flagged |
///
/// # Errors
/// Only if the lake's folders cannot be listed.
pub fn check_with(lake: &Lake, policies: &Policies) -> Result<Vec<Finding>, MarketError> {
    let all = lake.series()?;
    let units = venues::funding_units(lake, &all)?;
    let parts: Result<Vec<Vec<Finding>>, MarketError> = all
        .par_iter()
        .zip(units)
        .map(|(series, unit)| {
            let mut report = Report::new(series, policies);
            check_series(lake, &all, series, &mut report)?;
            if let Some((cases, message)) = unit {
                report.add(Rule::FundingUnit, cases, message);
            }
            report.findings.sort_by_key(|finding| finding.rule);
            Ok(report.findings)
        })
        .collect();
    Ok(parts?.concat())
}

fn check_series(
    lake: &Lake,
    all: &[Series],
    series: &Series,
    report: &mut Report<'_>,
) -> Result<(), MarketError> {
    let mut gaps = gaps::Gaps::new(series);
    let mut bars = bars::Bars::new(series);
    let mut copies = copies::Copies::new(series);
    let mut values = values::Values::new(series);
    let mut funding = funding::Rates::default();
    let mut quiet = quiet::Quiet::new(series);
    let is_derivative = series.kind == Kind::Candles && !series.venue.ends_with("-spot");
    let mut unmarked = marks::Unmarked::new(lake, series);
    let mut unfunded = is_derivative.then(|| funding::Unfunded::new(lake, series)).transpose()?;
    let receipts = files::walk(lake, series, report, |month, table| {
        gaps.month(table);
        bars.month(month, table);
        copies.month(table);
        values.month(table);
        if series.kind == Kind::Funding {
            funding.month(table);
        }
        quiet.month(table);
        if let Some(unfunded) = &mut unfunded {
            unmarked.month(month, table)?;
            unfunded.month(table);
        }
        Ok(())
    })?;
    let files: Vec<Month> = lake.months(series)?.into_iter().map(|(month, _)| month).collect();
    gaps::missing_months(series, &files, report);
    gaps.finish(report);
    bars.finish(report);
    copies.finish(report);
    values.finish(report);
    funding.finish(report);
    quiet.finish(&receipts, report);
    unmarked.finish(all, report);
    if let Some(unfunded) = unfunded {
        unfunded.finish(report);
    }
    if series.kind == Kind::MarkCandles {
        marks::compare(lake, all, series, report)?;
    }
    intervals::compare(lake, all, series, report)?;
    files::flags(&receipts, report);
    Ok(())
}

/// Files in the lake's folder that are not the lake's, which nothing reads.
///
/// # Errors
/// Only if the lake's folders cannot be listed.
pub fn strays(lake: &Lake) -> Result<Vec<PathBuf>, MarketError> {
    lake.strays()
}
