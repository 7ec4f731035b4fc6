//! Figures from the dated tables, the program's and the user's, with what to say about them.

use std::path::{Path, PathBuf};

use plimsoll_market::Timestamp;
use plimsoll_venue::{Status, UserTable, VenueError, VenueRules};

use super::answer::{Answer, percent};
use crate::error::CliError;

/// Loads a venue's rules with the user's tables on top. `okx` and `bybit` are their linear
/// contracts.
pub(super) fn load(venue: &str, files: &[PathBuf]) -> Result<VenueRules, CliError> {
    let texts: Vec<(String, String)> =
        files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let tables: Vec<UserTable<'_>> =
        texts.iter().map(|(file, text)| UserTable { file, text }).collect();
    VenueRules::load(table_name(venue), &tables).map_err(|error| {
        let hint = match &error {
            VenueError::UnknownVenue { .. } => "see the venues named in the message",
            _ => "mend the table given with --rules",
        };
        CliError::usage(error.to_string(), hint)
    })
}

/// [`load`] for a symbol: `bybit` is its inverse contracts where the symbol is among them only.
pub(super) fn load_for(
    venue: &str,
    symbol: &str,
    files: &[PathBuf],
) -> Result<VenueRules, CliError> {
    let rules = load(venue, files)?;
    let has =
        |rules: &VenueRules| rules.symbols().contains(&symbol) || rules.instrument(symbol).is_ok();
    if is_called(venue, "bybit") && !has(&rules) {
        let inverse = load("bybit-inverse", files)?;
        if has(&inverse) {
            return Ok(inverse);
        }
    }
    Ok(rules)
}

/// The name that the tables have for a venue.
fn table_name(venue: &str) -> &str {
    let names = [("okx", "okx-swap"), ("bybit", "bybit-linear")];
    names.iter().find(|(name, _)| is_called(venue, name)).map_or(venue, |(_, table)| table)
}

fn is_called(venue: &str, name: &str) -> bool {
    venue.trim().eq_ignore_ascii_case(name)
}

/// Whether a name is that of a venue with tables, not a word of the user's own.
pub(super) fn is_known(venue: &str) -> bool {
    !matches!(VenueRules::load(table_name(venue), &[]), Err(VenueError::UnknownVenue { .. }))
}

/// Says from when and where brackets are, and how far their date may be off.
pub(super) fn show_brackets(
    answer: &mut Answer,
    label: &str,
    rules: &VenueRules,
    symbol: &str,
    at: Timestamp,
) -> Result<(), VenueError> {
    let dated = rules.dated_ladder(symbol, at)?;
    answer.table(label, provenance(dated.from, dated.status, &dated.source));
    let lag = rules.profile().bracket_lag_days;
    if lag > 0 && dated.status != Status::User {
        answer.note(format!(
            "the brackets come from snapshots: a change took effect up to {lag} days before the \
             date at which the table shows it"
        ));
    }
    if let Some(note) = rules.unseen_note(at) {
        answer.note(note);
    }
    if let Some(next) = rules.uncertain_successor(symbol, at)? {
        answer.warn(format!(
            "other {label}, shown from {}, may have held already",
            next.from.date_string()
        ));
    }
    Ok(())
}

/// Asks where a funding rate is so large that it may be a percentage.
pub(super) fn warn_of_rate(answer: &mut Answer, rate: f64) {
    if rate.abs() > 0.05 {
        answer.warn(format!(
            "a rate of {} is far from any that venues charge: is it a fraction, not per cent?",
            percent(rate)
        ));
    }
}

/// A file's name and text.
pub(super) fn read(path: &Path) -> Result<(String, String), CliError> {
    std::fs::read_to_string(path)
        .map(|text| (path.display().to_string(), text))
        .map_err(|source| CliError::Io { path: path.to_owned(), source })
}

/// `from 2025-08-21 (capture): source`, the mark of what is not certain in words.
pub(super) fn provenance(from: Timestamp, status: Status, source: &str) -> String {
    let status = match status {
        Status::Official => "official",
        Status::Capture => "captured from the venue's interface",
        Status::ThirdParty => "third party",
        Status::User => "your own table",
        _ => "unverified",
    };
    let source = if source.is_empty() { String::new() } else { format!(": {source}") };
    format!("from {} ({status}){source}", from.date_string())
}
