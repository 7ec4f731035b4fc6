//! `plimsoll adl`: who pays when the insurance fund is empty, policy by policy.

mod accounts;
mod policies;
mod table;
mod waves;

use std::path::Path;
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};

use crate::args::AdlArguments;
use crate::error::CliError;
use crate::output::{Output, aligned, grouped};
use table::DataTable;

pub(crate) fn run(arguments: &AdlArguments, output: Output) -> Result<ExitCode, CliError> {
    let out = &arguments.out;
    if out.exists() && !out.is_dir() {
        return Err(CliError::usage(
            format!("{} is a file, no folder for a report", out.display()),
            "name another folder with --out",
        ));
    }
    let table = DataTable::read(&arguments.file)?;
    if table.has(waves::NEEDED) {
        waves::run(arguments, &table, output)?;
    } else {
        accounts::run(arguments, &table, output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Name of a page: that of the file, without its folder and kind.
fn page_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    format!("Auto-deleveraging: {stem}")
}

/// A policy that was asked for and is not there.
fn unknown_policy<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> CliError {
    CliError::usage(
        format!("there is no policy `{name}`"),
        format!("the policies are {}", known.collect::<Vec<_>>().join(", ")),
    )
}

/// A table whose first column is of words and whose others are of numbers.
fn text_table(heading: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(heading);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if idx > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    aligned(&table)
}

/// Two decimals, thousands apart, without the sign of a rounded zero.
fn money(value: f64) -> String {
    let text = format!("{value:.2}");
    grouped(if text == "-0.00" { "0.00" } else { &text })
}

fn percent(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}

fn optional(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "n/a".to_owned(), write)
}
