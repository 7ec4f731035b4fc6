//! `plimsoll schema`

use std::process::ExitCode;

use crate::error::CliError;
use crate::output;

pub(crate) fn run() -> Result<ExitCode, CliError> {
    let text = serde_json::to_string_pretty(&plimsoll_study::schema()).map_err(|error| {
        CliError::failed(error.to_string(), "this is a defect; please report it")
    })?;
    output::line(&text);
    Ok(ExitCode::SUCCESS)
}
