//! The command line.

mod adl;
mod calc;
mod data;
mod download;
mod explain;
mod risk;
mod settings;
mod size;
mod worlds;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use plimsoll_market::{Interval, Kind, Timestamp};
use plimsoll_study::lookahead::DEFAULT_CUTS;

pub(crate) use adl::AdlArguments;
pub(crate) use calc::{
    BookArguments, BracketAtArgument, CalcArguments, CalcCommand, ContractArgument,
    ExposureArguments, FundingArguments, HeatArguments, KellyArguments, LiquidationArguments,
    MarginArguments, ModeArgument, SizeArguments,
};
pub(crate) use data::{
    CheckArguments, DataArguments, DataCommand, DecodingArguments, ExportArguments, FormatArgument,
    ListArguments, ShowArguments, TimeArgument, WhyArguments,
};
pub(crate) use download::DownloadArguments;
pub(crate) use explain::ExplainArguments;
pub(crate) use risk::{Models, RiskArguments};
pub(crate) use settings::SettingsArguments;
pub(crate) use worlds::WorldsArguments;

const EVERYWHERE: &str = "Options of every command";

/// How much leverage may this strategy carry before the next cascade sinks it?
///
/// Plimsoll replays the history of perpetual futures against a strategy, sizes the same trades by
/// many rules side by side, and reports growth, drawdown, ruin and tail risk with their
/// uncertainty.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  plimsoll demo
  plimsoll ingest ~/archives
  plimsoll study strategies/breakout.toml
  plimsoll study strategies/breakout.toml --set account.margin=isolated --out reports/isolated")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command accepts.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Folder that holds the lake.
    #[arg(long, global = true, value_name = "DIR", default_value = "data", help_heading = EVERYWHERE)]
    pub(crate) data: PathBuf,
    /// One JSON document on stdout and nothing else there.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// No progress and no messages except errors.
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole path on a simulated market: archives, lake, study, report.
    ///
    /// Simulates two years of archives in a venue's own file format, ingests them, runs the bundled
    /// study over them and writes its report.
    Demo(DemoArguments),
    /// Fetches public archives of a venue, checks them and takes them into the lake.
    ///
    /// Files keep the paths that they have on the server, below raw/VENUE in the data folder, and
    /// get their names only when their length and checksum are right.
    Download(Box<DownloadArguments>),
    /// Takes local archives into the lake.
    Ingest(IngestArguments),
    /// What the lake holds and what is wrong with it.
    Data(DataArguments),
    /// Runs all sizing rules of a strategy file over the same trades: report and tables.
    Study(StudyArguments),
    /// How a trade's size came about, from a report's folder: every limit, the order, the end.
    Explain(ExplainArguments),
    /// Whether anything in a strategy reads later data than it may; exit code 1 if so.
    ///
    /// Runs the strategy on all data and again on data whose later part is removed or changed, at
    /// cuts spread over the period and right behind decisions, and names every feature, signal,
    /// trade, limit, multiplier and decision known by the cut that is not the same.
    Lookahead(LookaheadArguments),
    /// Every risk statistic of a column of returns or prices, with forecasts tested day by day.
    Risk(Box<RiskArguments>),
    /// The calculators: one line in, one answer out, with the formula named.
    Calc(Box<CalcArguments>),
    /// Who pays when the insurance fund is empty: auto-deleveraging policies side by side.
    Adl(AdlArguments),
    /// Sizing rules in many simulated worlds whose edge is known: closed forms, ruin, comparison.
    Worlds(WorldsArguments),
    /// JSON Schema of the strategy file.
    Schema,
    /// Shell completions.
    Completions {
        /// The shell to complete in.
        shell: clap_complete::Shell,
    },
}

#[derive(Args, Debug)]
#[command(
    after_help = "Needs no network and no input. The data are labelled as simulated wherever they show.

Examples:
  plimsoll demo
  plimsoll demo --out my-demo --seed 11"
)]
pub(crate) struct DemoArguments {
    /// Folder for the report; the simulated archives and their lake lie below it.
    #[arg(long, value_name = "DIR", default_value = "reports/demo")]
    pub(crate) out: PathBuf,
    /// Seed of the simulated market.
    #[arg(long, default_value_t = 12)]
    pub(crate) seed: u64,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll ingest BTC_USDT_USDT-1h-futures.feather BTC_USDT_USDT-1h-mark.feather
  plimsoll ingest data/raw/futures/um
  plimsoll ingest recorded/ --policy unknown_side=flag --policy repeated_row_differs=repair
  plimsoll ingest bars.csv --source generic --venue binance-usdm --symbol BTCUSDT --kind candles --interval 1h")]
pub(crate) struct IngestArguments {
    /// Files, and folders that are searched for files: csv, json, jsonl, feather, parquet, packed
    /// as zip, gz, zst or lz4 or not.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) decoding: DecodingArguments,
    /// Rows that differ from the lake's replace them, where they would otherwise be refused.
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll study strategies/breakout.toml
  plimsoll study strategies/*.toml --out reports/all
  plimsoll study strategies/breakout.toml --set account.margin=isolated --set intrabar=optimistic")]
pub(crate) struct StudyArguments {
    /// Strategy files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Folder of the report, with several files of a folder for each [default: reports/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A value in place of the file's: a dotted key and a TOML value.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "A signal made elsewhere is taken as given: whether its rows look ahead is not seen here.

Examples:
  plimsoll lookahead strategies/breakout.toml
  plimsoll lookahead strategies/breakout.toml --cuts 50 --json"
)]
pub(crate) struct LookaheadArguments {
    /// Strategy file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Cuts spread over the period, and as many right behind decisions; each costs two runs.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CUTS, value_parser = whole_number)]
    pub(crate) cuts: usize,
    /// A value in place of the file's: a dotted key and a TOML value.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Number of threads; the result does not depend on it.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    pub(crate) threads: Option<usize>,
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|error: plimsoll_market::MarketError| error.to_string())
}

fn parse_interval(text: &str) -> Result<Interval, String> {
    text.parse().map_err(|error: plimsoll_market::MarketError| error.to_string())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: plimsoll_market::MarketError| error.to_string())
}

fn whole_number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "write a whole number of at least 1".to_owned())
}

fn parse_minutes(text: &str) -> Result<u32, String> {
    let minutes = text.parse().ok().filter(|&minutes| minutes > 0);
    minutes.ok_or_else(|| "write a whole number of at least 1".to_owned())
}

fn finite(text: &str) -> Result<f64, String> {
    number(text, "write a number", |_| true)
}

fn above_zero(text: &str) -> Result<f64, String> {
    number(text, "write a number above 0", |value| value > 0.0)
}

fn zero_or_above(text: &str) -> Result<f64, String> {
    number(text, "write a number of at least 0", |value| value >= 0.0)
}

fn zero_to_one(text: &str) -> Result<f64, String> {
    number(text, "write a number from 0 to 1", |value| (0.0..=1.0).contains(&value))
}

fn zero_to_below_one(text: &str) -> Result<f64, String> {
    number(text, "write a rate of at least 0 and below 1", |value| (0.0..1.0).contains(&value))
}

fn share(text: &str) -> Result<f64, String> {
    number(text, "write a share above 0 and at most 1", |value| value > 0.0 && value <= 1.0)
}

fn tail_probability(text: &str) -> Result<f64, String> {
    let rule = "write a probability above 0 and below 1, such as 0.01";
    number(text, rule, |value| value > 0.0 && value < 1.0)
}

fn number(text: &str, rule: &str, holds: impl Fn(f64) -> bool) -> Result<f64, String> {
    let value = text.parse().ok().filter(|&value: &f64| value.is_finite() && holds(value));
    value.ok_or_else(|| rule.to_owned())
}
