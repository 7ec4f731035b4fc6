//! Errors as the command shows them, with their exit codes.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use plimsoll_ingest::download::DownloadError;
use plimsoll_ingest::{ExportError, IngestError, SettingsError};
use plimsoll_market::MarketError;
use plimsoll_study::{StrategyProblems, StudyError};
use plimsoll_venue::VenueError;

/// The work failed, or the data are not fit.
pub(crate) const FAILED: u8 = 1;
/// The command or a file was written wrongly.
pub(crate) const USAGE: u8 = 2;

/// Everything that can end a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{problems}")]
    Strategy { problems: Box<StrategyProblems>, has_overrides: bool },
    #[error("{source}")]
    Override { source: StudyError },
    #[error("{file}: {source}")]
    Study { file: String, source: Box<StudyError> },
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error(transparent)]
    Market(#[from] MarketError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Report(#[from] plimsoll_report::ReportError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    #[error("{message}")]
    Failed { message: String, hint: Option<String> },
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    pub(crate) fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), hint: Some(hint.into()) }
    }

    /// An error of a study, with the strategy file that it is about.
    pub(crate) fn study(file: &str, has_overrides: bool, error: StudyError) -> Self {
        match error {
            StudyError::Strategy(problems) => Self::Strategy { problems, has_overrides },
            source @ StudyError::BadOverride { .. } => Self::Override { source },
            source => Self::Study { file: file.to_owned(), source: Box::new(source) },
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        let is_usage = match self {
            Self::Usage { .. }
            | Self::Strategy { .. }
            | Self::Override { .. }
            | Self::Settings(_)
            | Self::Ingest(IngestError::NoFiles { .. }) => true,
            Self::Download(error) => {
                !matches!(error, DownloadError::Io { .. } | DownloadError::Locked { .. })
            }
            Self::Study { source, .. } => {
                source.is_usage()
                    || matches!(**source, StudyError::Venue(VenueError::UnknownVenue { .. }))
            }
            // A path on the command line that leads nowhere.
            Self::Io { source, .. } | Self::Ingest(IngestError::Io { source, .. }) => {
                source.kind() == ErrorKind::NotFound
            }
            _ => false,
        };
        ExitCode::from(if is_usage { USAGE } else { FAILED })
    }

    /// How to mend it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Failed { hint, .. } => hint.clone(),
            Self::Override { .. } => Some(
                "write a dotted key and a TOML value, such as --set account.leverage=5".to_owned(),
            ),
            Self::Study { source, .. } => study_hint(source),
            Self::Io { source, .. }
            | Self::Ingest(IngestError::Io { source, .. })
            | Self::Settings(SettingsError::Io { source, .. })
                if source.kind() == ErrorKind::NotFound =>
            {
                Some("check the spelling and the folder that you are in".to_owned())
            }
            Self::Export(ExportError::NotFinite { .. }) => {
                Some("`plimsoll data check` names what is broken; remove the month's file and ingest its archives again".to_owned())
            }
            Self::Export(ExportError::Exists { .. }) => {
                Some("pass --force to write over it, or another --out".to_owned())
            }
            Self::Settings(SettingsError::Mistakes { .. }) => {
                Some(crate::commands::settings::RULES_HINT.to_owned())
            }
            Self::Download(error) => error.hint(),
            Self::Ingest(IngestError::NoFiles { .. }) => {
                Some("name the archives, or a folder that holds them at any depth".to_owned())
            }
            _ => None,
        }
    }
}

fn study_hint(error: &StudyError) -> Option<String> {
    match error {
        StudyError::Venue(VenueError::UnknownVenue { .. }) => {
            Some("set data.venue to one of these".to_owned())
        }
        StudyError::Venue(VenueError::UnknownSymbol { .. }) => Some(
            "take the symbol out of data.symbols, or name a table with its rows in data.tables"
                .to_owned(),
        ),
        StudyError::Venue(VenueError::BeforeTable { first, .. }) => Some(format!(
            "set data.from to {} or later, or name a table with older rows in data.tables",
            first.date_string()
        )),
        StudyError::Venue(VenueError::BeforeMarginRules { first, .. }) => Some(format!(
            "set data.from to {} or later, or name a TOML file with older margin rules in data.tables",
            first.date_string()
        )),
        _ => error.hint(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_market::Timestamp;

    use super::*;

    #[test]
    fn margin_rules_that_begin_later_name_the_keys_to_change() {
        let error = VenueError::BeforeMarginRules {
            venue: "okx".to_owned(),
            underlying: None,
            at: Timestamp::from_date(2020, 1, 1).unwrap(),
            first: Timestamp::from_date(2024, 1, 1).unwrap(),
        };
        let hint = study_hint(&StudyError::Venue(error)).unwrap();
        assert!(hint.starts_with("set data.from to 2024-01-01 or later"), "{hint}");
        assert!(hint.contains("data.tables"), "{hint}");
    }
}
