//! `plimsoll demo`: the whole path on simulated archives.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use plimsoll_ingest::{Options, ingest};
use plimsoll_market::synthetic::{
    ArchiveOptions, SimulatorConfig, simulate, write_binance_archives,
};
use plimsoll_market::{DAY_MS, Lake, Timestamp};

use super::study::{Job, document, show};
use super::use_threads;
use crate::args::DemoArguments;
use crate::error::CliError;
use crate::output::{Output, counted};
use crate::progress::{IngestBar, spinner};

/// Days simulated before the study's period, so that trailing estimates exist on its first day.
const WARM_UP_DAYS: u32 = 184;

/// The bundled study.
const STRATEGY_FILE: &str = "strategies/breakout.toml";
const STRATEGY: &str = include_str!("../../../../strategies/breakout.toml");
/// Says in the folder itself that it holds no market data.
const LABEL: &str = "SIMULATED.txt";

pub(crate) fn run(arguments: &DemoArguments, output: Output) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    // Another seed is another market: it must not meet this one's lake.
    let simulated = arguments.out.join(format!("simulated-{}", arguments.seed));
    let (archives, data_dir) = (simulated.join("archives"), simulated.join("data"));
    make_room(&simulated, arguments.seed)?;

    output.message(
        "simulating two years of BTCUSDT and ETHUSDT, and half a year before them to warm up \
         estimates, as an exchange's archive files",
    );
    let waiting = spinner(output, "simulating");
    let market = simulate(&with_warm_up(SimulatorConfig::demo(arguments.seed)))?;
    write_binance_archives(&market, &archives, &ArchiveOptions::default())?;
    waiting.finish_and_clear();

    output.message(&format!("ingesting {}", archives.display()));
    let bar = IngestBar::new(output);
    let summary =
        ingest(std::slice::from_ref(&archives), &Options::default(), &Lake::new(&data_dir), &bar);
    bar.finish();
    let summary = summary?;
    output.message(&format!(
        "{}, {}; now the study, {STRATEGY_FILE}",
        counted(summary.files, "file"),
        counted(summary.rows, "row")
    ));

    let overrides =
        ["name=demo".to_owned(), format!("data.label=\"simulated data, seed {}\"", arguments.seed)];
    let job = Job::new(STRATEGY_FILE, STRATEGY, &overrides, Path::new("strategies"), &data_dir)?;
    let (result, page) = job.run(&arguments.out, output)?;
    show(&result, &page, output);
    output.document(&document(&result, &page));
    Ok(ExitCode::SUCCESS)
}

fn with_warm_up(config: SimulatorConfig) -> SimulatorConfig {
    SimulatorConfig {
        start: Timestamp(config.start.0 - i64::from(WARM_UP_DAYS) * DAY_MS),
        n_days: config.n_days + WARM_UP_DAYS,
        ..config
    }
}

/// An empty folder with a label, in place of what an earlier demonstration left there. A folder
/// without the label is somebody's own and stays.
fn make_room(folder: &Path, seed: u64) -> Result<(), CliError> {
    let label = folder.join(LABEL);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::Io { path, source }
    };
    if folder.exists() && !label.exists() {
        return Err(CliError::usage(
            format!("{} is there already and no demonstration made it", folder.display()),
            "name another folder with --out",
        ));
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io(folder))?;
    }
    fs::create_dir_all(folder).map_err(io(folder))?;
    let text = format!(
        "Everything in this folder is simulated: plimsoll demo --seed {seed}\n\
         The archives have the form of a venue's files; no number in them comes from a market.\n"
    );
    fs::write(&label, text).map_err(io(&label))
}
