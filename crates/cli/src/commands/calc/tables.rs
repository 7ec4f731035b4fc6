//! Figures from the dated tables, the program's and the user's, with what to say about them.

use std::path::{Path, PathBuf};

use plimsoll_market::Timestamp;
use plimsoll_venue::{Status, UserTable, VenueError, VenueRules};

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
