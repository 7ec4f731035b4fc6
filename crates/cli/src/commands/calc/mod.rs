//! `plimsoll calc`: one line in, one answer out.
//!
//! The answer is one line of JSON on stdout, because an answer has parts and a script is what asks
//! most often. For people the formula, the figures that came from tables, with their date and
//! status, and the answer stand on stderr; `--json` and `--quiet` leave them out.

pub(super) mod answer;
mod book;
mod exposure;
mod funding;
mod heat;
mod kelly;
mod liquidation_price;
mod margin;
mod records;
mod size;
mod stdin;
mod tables;

use std::process::ExitCode;

use crate::args::{CalcArguments, CalcCommand};
use crate::error::CliError;
use crate::output::Output;
use answer::Answer;
use records::Record;

pub(crate) fn run(arguments: &CalcArguments, output: Output) -> Result<ExitCode, CliError> {
    let answer = if arguments.command.stdin() {
        let (arguments, records) = stdin::read(arguments.command.name())?;
        answer_to(&arguments.command, records)?
    } else {
        answer_to(&arguments.command, Vec::new())?
    };
    answer.print(output);
    Ok(ExitCode::SUCCESS)
}

/// The answer to a command; `records` are the items that stdin held.
fn answer_to(command: &CalcCommand, records: Vec<Record>) -> Result<Answer, CliError> {
    match command {
        CalcCommand::Kelly(arguments) => kelly::answer(arguments),
        CalcCommand::LiquidationPrice(arguments) => liquidation_price::answer(arguments),
        CalcCommand::Size(arguments) => size::answer(arguments),
        CalcCommand::Funding(arguments) => funding::answer(arguments),
        CalcCommand::Heat(arguments) => heat::answer(arguments, records),
        CalcCommand::Exposure(arguments) => exposure::answer(arguments, records),
        CalcCommand::Margin(arguments) => margin::answer(arguments, records),
    }
}
