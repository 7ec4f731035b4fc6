//! `plimsoll demo`: the whole path on simulated archives.

use std::path::Path;
use std::process::ExitCode;

use plimsoll_ingest::{Options, ingest};
use plimsoll_market::Lake;
use plimsoll_market::synthetic::{
    ArchiveOptions, SimulatorConfig, simulate, write_binance_archives,
};

use super::study::{Job, document, show};
use super::use_threads;
use crate::args::{DemoArguments, Global};
use crate::error::CliError;
use crate::output::Output;
use crate::progress::{IngestBar, spinner};

/// The bundled study.
const STRATEGY: &str = include_str!("../../../../strategies/breakout.toml");

pub(crate) fn run(
    arguments: &DemoArguments,
    _global: &Global,
    output: &Output,
) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    let archives = arguments.out.join("archives");
    let data_dir = arguments.out.join("data");

    output.message("simulating two years of BTCUSDT and ETHUSDT and writing them as archives");
    let waiting = spinner(*output, "simulating");
    let market = simulate(&SimulatorConfig::demo(arguments.seed))?;
    write_binance_archives(&market, &archives, &ArchiveOptions::default())?;
    waiting.finish_and_clear();

    output.message(&format!("ingesting {}", archives.display()));
    let bar = IngestBar::new(*output);
    let summary =
        ingest(std::slice::from_ref(&archives), &Options::default(), &Lake::new(&data_dir), &bar);
    bar.finish();
    let summary = summary?;
    output.message(&format!("{} files, {} rows", summary.files, summary.rows));

    let overrides =
        ["name=demo".to_owned(), format!("data.label=\"simulated data, seed {}\"", arguments.seed)];
    let job = Job {
        file: "strategies/breakout.toml",
        text: STRATEGY,
        overrides: &overrides,
        strategy_dir: Path::new("strategies"),
        data_dir: &data_dir,
    };
    let (result, page) = job.run(|_| arguments.out.clone(), output)?;
    show(&result, &page, output);
    output.document(&document(&result, &page));
    Ok(ExitCode::SUCCESS)
}
