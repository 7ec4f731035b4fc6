//! `plimsoll data`

mod calendar;
mod check;
mod export;
mod list;
mod rules;
mod show;
mod why;

use std::process::ExitCode;

use plimsoll_ingest::Selection;
use plimsoll_market::{Lake, Series, Timestamp};
use serde_json::{Value, json};

use crate::args::{DataArguments, DataCommand, Global};
use crate::error::CliError;
use crate::output::Output;

pub(crate) fn run(
    arguments: &DataArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let lake = Lake::new(&global.data);
    match &arguments.command {
        DataCommand::Ls(arguments) => list::run(arguments, &lake, output),
        DataCommand::Check(arguments) => check::run(arguments, global, &lake, output),
        DataCommand::Rules(settings) => rules::run(settings, global, output),
        DataCommand::Show(arguments) => show::run(arguments, &lake, output),
        DataCommand::Export(arguments) => export::run(arguments, &lake, output),
        DataCommand::Why(arguments) => why::run(arguments, global, output),
    }
}

/// What to do about an empty lake.
const INGEST_HINT: &str = "`plimsoll ingest PATH` takes archives in";

fn empty(lake: &Lake) -> String {
    format!("the lake at {} is empty", lake.root().display())
}

/// The series that a selection holds, of which there has to be one.
fn chosen(lake: &Lake, selection: &Selection) -> Result<Vec<Series>, CliError> {
    let all = lake.series()?;
    if all.is_empty() {
        return Err(CliError::failed(empty(lake), INGEST_HINT));
    }
    let found: Vec<Series> = all.into_iter().filter(|series| selection.holds(series)).collect();
    if found.is_empty() {
        let message = format!("no series of the lake at {} is as asked for", lake.root().display());
        return Err(CliError::failed(message, "`plimsoll data ls` lists what there is"));
    }
    Ok(found)
}

/// A series' name for programs.
fn named(series: &Series) -> serde_json::Map<String, Value> {
    let document = json!({
        "kind": series.kind.name(),
        "venue": series.venue,
        "symbol": series.symbol,
        "interval": series.interval,
    });
    match document {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    }
}

fn time_or_dash(time: Option<Timestamp>) -> String {
    time.map_or("-".to_owned(), |time| time.to_string())
}
