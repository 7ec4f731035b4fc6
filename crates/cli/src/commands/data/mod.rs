//! `plimsoll data`

mod check;
mod list;

use std::process::ExitCode;

use plimsoll_market::Lake;

use crate::args::{DataArguments, DataCommand, Global};
use crate::error::CliError;
use crate::output::Output;

pub(crate) fn run(
    arguments: &DataArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let lake = Lake::new(&global.data);
    match arguments.command {
        DataCommand::Ls => list::run(&lake, output),
        DataCommand::Check => check::run(&lake, output),
    }
}

/// What to do about an empty lake.
const INGEST_HINT: &str = "`plimsoll ingest PATH` takes archives in";

fn empty(lake: &Lake) -> String {
    format!("the lake at {} is empty", lake.root().display())
}
