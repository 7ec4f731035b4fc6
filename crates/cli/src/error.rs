//! Errors as the command shows them, with their exit codes.

use std::path::PathBuf;
use std::process::ExitCode;

use plimsoll_ingest::IngestError;
use plimsoll_study::StudyError;

/// The work failed, or the data are not fit.
pub(crate) const FAILED: u8 = 1;
/// The command or a file was written wrongly.
pub(crate) const USAGE: u8 = 2;

/// Everything that can end a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Market(#[from] plimsoll_market::MarketError),
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

    pub(crate) fn exit_code(&self) -> ExitCode {
        let is_usage = match self {
            Self::Usage { .. } => true,
            Self::Study(error) => error.is_usage(),
            _ => false,
        };
        ExitCode::from(if is_usage { USAGE } else { FAILED })
    }

    /// How to mend it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Failed { hint, .. } => hint.clone(),
            Self::Study(error) => error.hint(),
            _ => None,
        }
    }
}
