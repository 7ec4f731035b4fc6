//! `plimsoll data export`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use plimsoll_ingest::export::{file_name, write_csv};
use plimsoll_ingest::{ExportFormat, TimeFormat, export};
use plimsoll_market::{Lake, Series};
use serde_json::{Value, json};

use super::{chosen, named};
use crate::args::{ExportArguments, FormatArgument, TimeArgument};
use crate::error::CliError;
use crate::output::{Output, counted};

pub(super) fn run(
    arguments: &ExportArguments,
    lake: &Lake,
    output: Output,
) -> Result<ExitCode, CliError> {
    let selection = arguments.selection.selection();
    let series = chosen(lake, &selection)?;
    let times = match arguments.time {
        TimeArgument::Text => TimeFormat::Rfc3339,
        TimeArgument::Ms => TimeFormat::Milliseconds,
    };
    let format = format(arguments, times);
    if arguments.out == Path::new("-") {
        return to_stdout(lake, &series, arguments, format, output);
    }
    // A name with an ending is a file, and a file holds one series.
    let is_file = arguments.out.extension().is_some_and(|ending| {
        ["csv", "parquet"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    });
    if is_file && series.len() > 1 {
        return Err(several(&series, "or name a folder"));
    }
    let mut written: Vec<Value> = Vec::new();
    for one in &series {
        let path: PathBuf = if is_file {
            arguments.out.clone()
        } else {
            arguments.out.join(file_name(one, format))
        };
        let rows = export(lake, one, selection.period(), format, &path, arguments.force)?;
        output.text(&format!("{}: {} in {}", one, counted(rows, "row"), path.display()));
        let mut members = named(one);
        members.insert("rows".to_owned(), json!(rows));
        members.insert("file".to_owned(), json!(path.display().to_string()));
        written.push(Value::Object(members));
    }
    output.document(&written);
    Ok(ExitCode::SUCCESS)
}

fn format(arguments: &ExportArguments, times: TimeFormat) -> ExportFormat {
    let by_ending = || match arguments.out.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("parquet") => FormatArgument::Parquet,
        _ => FormatArgument::Csv,
    };
    match arguments.format.unwrap_or_else(by_ending) {
        FormatArgument::Csv => ExportFormat::Csv(times),
        FormatArgument::Parquet => ExportFormat::Parquet,
    }
}

fn to_stdout(
    lake: &Lake,
    series: &[Series],
    arguments: &ExportArguments,
    format: ExportFormat,
    output: Output,
) -> Result<ExitCode, CliError> {
    let ExportFormat::Csv(times) = format else {
        let message = "Parquet cannot be written to standard output".to_owned();
        return Err(CliError::usage(message, "name a file, or leave --format out for CSV"));
    };
    if output.json {
        let message = "--out - writes CSV to standard output, where --json wants one document";
        return Err(CliError::usage(message, "name a file, or leave --json out"));
    }
    let [one] = series else { return Err(several(series, "or name a folder instead of -")) };
    let period = arguments.selection.selection().period();
    match write_csv(lake, one, period, times, &mut std::io::stdout().lock()) {
        // A reader that has seen enough is no error.
        Err(plimsoll_ingest::ExportError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            Ok(ExitCode::SUCCESS)
        }
        done => {
            done?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn several(series: &[Series], otherwise: &str) -> CliError {
    let names: Vec<String> = series.iter().take(4).map(ToString::to_string).collect();
    let more = if series.len() > 4 { ", ..." } else { "" };
    CliError::usage(
        format!(
            "{} series are as asked for, and a file holds one: {}{more}",
            series.len(),
            names.join(", ")
        ),
        format!("choose one with --venue, --symbol, --kind and --interval, {otherwise}"),
    )
}
