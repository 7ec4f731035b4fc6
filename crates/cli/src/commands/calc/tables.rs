//! Figures from the dated tables, the program's and the user's, with what to say about them.

use std::path::{Path, PathBuf};

use plimsoll_market::{DAY_MS, Timestamp};
use plimsoll_venue::{DatedLadder, Status, UserTable, VenueError, VenueRules};

use crate::error::CliError;

/// Loads a venue's rules with the user's tables on top.
pub(super) fn load(venue: &str, files: &[PathBuf]) -> Result<VenueRules, CliError> {
    let texts: Vec<(String, String)> =
        files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let tables: Vec<UserTable<'_>> =
        texts.iter().map(|(file, text)| UserTable { file, text }).collect();
    VenueRules::load(venue, &tables).map_err(|error| {
        let hint = match &error {
            VenueError::UnknownVenue { .. } => "see the venues named in the message",
            _ => "mend the table given with --rules",
        };
        CliError::usage(error.to_string(), hint)
    })
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

/// The brackets that the table shows next, where they differ and may have held already: snapshots
/// show a change up to so many days late.
pub(super) fn uncertain_successor<'a>(
    rules: &'a VenueRules,
    symbol: &str,
    at: Timestamp,
) -> Option<&'a DatedLadder> {
    let current = rules.dated_ladder(symbol, at).ok()?;
    let lag = i64::from(rules.profile().bracket_lag_days) * DAY_MS;
    // The end is exclusive, and a change so many whole days ahead may have happened just now.
    let seen = rules.ladders_between(symbol, at, Timestamp(at.0.saturating_add(lag + 1))).ok()?;
    seen.iter()
        .skip(1)
        .filter(|(_, ladder)| **ladder != current.ladder)
        .filter_map(|(from, _)| rules.dated_ladder(symbol, *from).ok())
        .find(|dated| dated.status != Status::User)
}
