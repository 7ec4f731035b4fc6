//! `plimsoll`: how much leverage may this strategy carry before the next cascade sinks it?

mod args;
mod commands;
mod error;
mod json;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(&arguments.global);
    let done = match &arguments.command {
        Command::Demo(demo) => commands::demo::run(demo, output),
        Command::Download(download) => commands::download::run(download, &arguments.global, output),
        Command::Ingest(ingest) => commands::ingest::run(ingest, &arguments.global, output),
        Command::Data(data) => commands::data::run(data, &arguments.global, output),
        Command::Study(study) => commands::study::run(study, &arguments.global, output),
        Command::Explain(explain) => commands::explain::run(explain, output),
        Command::Lookahead(lookahead) => {
            commands::lookahead::run(lookahead, &arguments.global, output)
        }
        Command::Risk(risk) => commands::risk::run(risk, output),
        Command::Calc(calc) => commands::calc::run(calc, output),
        Command::Adl(adl) => commands::adl::run(adl, output),
        Command::Worlds(worlds) => commands::worlds::run(worlds, output),
        Command::Schema => commands::schema::run(),
        Command::Completions { shell } => {
            commands::completions::run(*shell);
            Ok(ExitCode::SUCCESS)
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}
