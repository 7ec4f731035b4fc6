//! `plimsoll schema`

use std::process::ExitCode;

use crate::error::CliError;
use crate::output::Output;

pub(crate) fn run(output: &Output) -> Result<ExitCode, CliError> {
    let text = serde_json::to_string_pretty(&plimsoll_study::schema()).map_err(|error| {
        CliError::failed(error.to_string(), "this is a defect; please report it")
    })?;
    crate::output::line(&text);
    Ok(ExitCode::SUCCESS)
}
