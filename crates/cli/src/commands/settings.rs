//! The settings in force: the user's file, then the command line.

use plimsoll_ingest::Settings;

use crate::args::{Global, SettingsArguments};
use crate::error::CliError;
use crate::output::Output;

/// Name of the file in the lake's folder that counts where none is named.
const FILE_NAME: &str = "settings.toml";

/// Reads them. A file that was not named on the command line is said to be used.
pub(crate) fn read(
    arguments: &SettingsArguments,
    global: &Global,
    output: Output,
) -> Result<Settings, CliError> {
    let beside = global.data.join(FILE_NAME);
    let mut settings = match &arguments.settings {
        Some(path) => Settings::read(path)?,
        None if beside.exists() => {
            output.message(&format!("settings of {}", beside.display()));
            Settings::read(&beside)?
        }
        None => Settings::default(),
    };
    for &(rule, policy) in &arguments.policies {
        settings
            .policies
            .set(rule, policy)
            .map_err(|error| CliError::usage(error.to_string(), RULES_HINT))?;
    }
    Ok(settings)
}

/// Where the rules can be looked up.
pub(crate) const RULES_HINT: &str = "`plimsoll data rules` lists the rules and what each may be";
