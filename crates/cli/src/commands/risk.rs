//! `plimsoll risk`: every statistic of a column of returns.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use comfy_table::{CellAlignment, Table, presets};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_risk::summary::ReturnStatistics;
use serde_json::{Map, Value, json};

use crate::args::RiskArguments;
use crate::error::CliError;
use crate::output::{Output, aligned, counted};

pub(crate) fn run(arguments: &RiskArguments, output: Output) -> Result<ExitCode, CliError> {
    let (column, returns) = read(&arguments.file, arguments.column.as_deref())?;
    let statistics =
        ReturnStatistics::compute(&returns, arguments.periods_per_year, &arguments.alpha).map_err(
            |error| {
                CliError::failed(
                    format!("{}: column `{column}`: {error}", arguments.file.display()),
                    "give simple returns per period, such as 0.01 for one per cent, each finite",
                )
            },
        )?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["statistic", "value", "note"]);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if idx == 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut values = Map::new();
    let mut reasons = Map::new();
    for statistic in &statistics.statistics {
        let value = statistic.value.as_ref().ok().copied();
        let note = match &statistic.value {
            Err(error) => Some(error.to_string()),
            Ok(_) => statistic.note.map(str::to_owned),
        };
        table.add_row([
            statistic.name.clone(),
            value.map_or("n/a".to_owned(), short),
            note.clone().unwrap_or_default(),
        ]);
        values.insert(statistic.name.clone(), json!(value));
        if let Some(note) = note {
            reasons.insert(statistic.name.clone(), json!(note));
        }
    }
    output.text(&format!(
        "{} of column `{column}`, {} periods a year; losses are positive",
        counted(statistics.n, "return"),
        arguments.periods_per_year
    ));
    output.text(&aligned(&table));
    output.document(&json!({
        "column": column,
        "n": statistics.n,
        "periods_per_year": arguments.periods_per_year,
        "ruined_at": statistics.ruined_at,
        "statistics": Value::Object(values),
        "reasons": Value::Object(reasons),
    }));
    Ok(ExitCode::SUCCESS)
}

/// Six significant digits: the table is for the eye, `--json` has all of them.
fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude > 0.0 && !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    let whole_digits = if magnitude >= 1.0 { magnitude.log10().floor() as usize + 1 } else { 0 };
    let text = format!("{value:.*}", 6_usize.saturating_sub(whole_digits));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// The column's name and values.
fn read(file: &Path, wanted: Option<&str>) -> Result<(String, Vec<f64>), CliError> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => read_parquet(file, wanted),
        Some("csv") => read_csv(file, wanted),
        _ => Err(CliError::usage(
            format!("{}: not a .csv or .parquet file", file.display()),
            "give a file of one of these kinds, with a header in a CSV file",
        )),
    }
}

fn read_csv(file: &Path, wanted: Option<&str>) -> Result<(String, Vec<f64>), CliError> {
    let broken = |error: csv::Error| csv_error(file, &error);
    let open = File::open(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let mut reader = csv::Reader::from_reader(open);
    let names: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(|name| name.trim().to_owned()).collect();
    let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(broken)?;
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(CliError::failed(
            format!("{}:1: the first line is numbers, not a heading", file.display()),
            "begin the file with a line of column names, such as r",
        ));
    }
    if records.is_empty() {
        return Err(CliError::failed(
            format!("{}: there is no row below the heading", file.display()),
            "give a return a row",
        ));
    }
    let is_number = |column: usize| {
        records
            .first()
            .and_then(|record| record.get(column))
            .is_some_and(|text| text.trim().parse::<f64>().is_ok())
    };
    let numbers: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(column, _)| is_number(*column))
        .map(|(_, name)| name.as_str())
        .collect();
    let name = choose(file, &names, &numbers, wanted)?;
    let column = names.iter().position(|other| *other == name).unwrap_or_default();
    let mut returns = Vec::with_capacity(records.len());
    for record in &records {
        let text = record.get(column).unwrap_or_default().trim();
        let line = record.position().map_or(0, csv::Position::line);
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        returns.push(value.ok_or_else(|| {
            CliError::failed(
                format!("{}:{line}: `{name}` is `{text}`, not a finite number", file.display()),
                "every row needs a return: mend the row or leave it out",
            )
        })?);
    }
    Ok((name, returns))
}

/// A row of another length or no text at all, with its line.
pub(super) fn csv_error(file: &Path, error: &csv::Error) -> CliError {
    let hint = "mend the file or fetch it again";
    let line = error.position().map_or(String::new(), |at| format!(":{}", at.line()));
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{} where {expected_len} are expected", counted(*len as usize, "field"))
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    CliError::failed(format!("{}{line}: {message}", file.display()), hint)
}

fn read_parquet(file: &Path, wanted: Option<&str>) -> Result<(String, Vec<f64>), CliError> {
    let broken = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("{}: {error}", file.display()), "mend the file or fetch it again")
    };
    let open = File::open(file).map_err(|source| CliError::Io { path: file.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| broken(&error))?;
    let schema = builder.schema().clone();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let numbers: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_numeric())
        .map(|field| field.name().as_str())
        .collect();
    let name = choose(file, &names, &numbers, wanted)?;
    let mut returns = Vec::new();
    for batch in builder.build().map_err(|error| broken(&error))? {
        let batch = batch.map_err(|error| broken(&error))?;
        let column = batch
            .column_by_name(&name)
            .ok_or_else(|| broken(&format!("column `{name}` is missing")))?;
        let column = cast(column, &DataType::Float64).map_err(|error| broken(&error))?;
        let column = column.as_primitive::<Float64Type>();
        for row in 0..column.len() {
            let value = column.is_valid(row).then(|| column.value(row));
            returns.push(value.filter(|value| value.is_finite()).ok_or_else(|| {
                CliError::failed(
                    format!(
                        "{}: row {}: `{name}` is not a finite number",
                        file.display(),
                        returns.len() + 1
                    ),
                    "every row needs a return: mend the row or leave it out",
                )
            })?);
        }
    }
    Ok((name, returns))
}

/// The column asked for, or the only one of numbers.
fn choose(
    file: &Path,
    names: &[String],
    numbers: &[&str],
    wanted: Option<&str>,
) -> Result<String, CliError> {
    match (wanted, numbers) {
        (Some(wanted), _) if names.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(CliError::usage(
            format!("{}: there is no column `{wanted}`", file.display()),
            format!("the columns are {}", names.join(", ")),
        )),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err(CliError::failed(
            format!("{}: no column holds numbers", file.display()),
            format!("the columns are {}", names.join(", ")),
        )),
        (None, several) => Err(CliError::usage(
            format!("{}: several columns hold numbers", file.display()),
            format!("name one with --column: {}", several.join(", ")),
        )),
    }
}
