//! `plimsoll completions`

use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::Arguments;
use crate::error::CliError;
use crate::output::Output;

pub(crate) fn run(shell: clap_complete::Shell, output: &Output) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "plimsoll", &mut script);
    crate::output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}
