//! `plimsoll data`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use plimsoll_ingest::{LiquidationUnit, Options, Selection, SourceFormat};
use plimsoll_market::{Interval, Kind, Timestamp};

use super::{SettingsArguments, above_zero, parse_interval, parse_kind, parse_time};

/// What a file's decoder may have to be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct DecodingArguments {
    /// Where the files come from: auto, binance, bybit, okx, hyperliquid, tardis, coinalyze,
    /// coinglass, freqtrade, ccxt or generic.
    #[arg(long, default_value = "auto", hide_default_value = true)]
    pub(crate) source: SourceFormat,
    /// Venue, such as binance-usdm, where the files do not say.
    #[arg(long)]
    pub(crate) venue: Option<String>,
    /// Symbol in the venue's spelling, where the files do not say.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Kind of record, such as candles, where the files do not say.
    ///
    /// One of candles, mark_candles, index_candles, premium_index_candles, funding, liquidations,
    /// liquidation_volume, open_interest.
    #[arg(long, value_parser = parse_kind)]
    pub(crate) kind: Option<Kind>,
    /// Bar length, such as 1h; of bars made from trades, 1m unless it is given.
    #[arg(long, value_parser = parse_interval)]
    pub(crate) interval: Option<Interval>,
    /// What sums of liquidations are in, where the files do not say: base or usd.
    #[arg(long, value_name = "UNIT")]
    pub(crate) liquidation_unit: Option<LiquidationUnit>,
    /// What one contract is worth, where sizes are in contracts and the files do not say: in base
    /// units, for coin-margined contracts in US dollars.
    #[arg(long, value_name = "SIZE", value_parser = above_zero)]
    pub(crate) contract_size: Option<f64>,
}

impl DecodingArguments {
    pub(crate) fn options(&self) -> Options {
        Options {
            source: self.source,
            venue: self.venue.clone(),
            symbol: self.symbol.clone(),
            kind: self.kind,
            interval: self.interval,
            liquidation_unit: self.liquidation_unit,
            contract_size: self.contract_size,
            ..Options::default()
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll data ls
  plimsoll data check --json
  plimsoll data rules --policy ohlc_order=repair
  plimsoll data show --symbol BTCUSDT --kind funding
  plimsoll data export --symbol BTCUSDT --kind candles --interval 1h --out btc.csv
  plimsoll data why ~/archives/BTCUSDT-1h-2024-12.zip")]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// A calendar of what the lake holds: every series, every month.
    Ls(ListArguments),
    /// Everything missing or odd; exit code 1 where a study would be misled.
    Check(CheckArguments),
    /// The rules that archives and the lake are held to, and what is done where one is broken.
    Rules(SettingsArguments),
    /// Rows of a series, and the receipts that say where they come from.
    Show(ShowArguments),
    /// Series as CSV or Parquet files for other programs.
    Export(ExportArguments),
    /// What a file would be taken for, and why; takes nothing in.
    Why(WhyArguments),
}

/// Which series, and which part of them.
#[derive(Args, Clone, Debug)]
pub(crate) struct SelectionArguments {
    /// Only this venue.
    #[arg(long)]
    pub(crate) venue: Option<String>,
    /// Only this symbol.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Only this kind of record, such as candles or funding.
    #[arg(long, value_parser = parse_kind)]
    pub(crate) kind: Option<Kind>,
    /// Only bars of this length.
    #[arg(long, value_parser = parse_interval)]
    pub(crate) interval: Option<Interval>,
    /// Start of the period, as 2025-10-10 or 2025-10-10T21:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// End of the period, itself not in it.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) to: Option<Timestamp>,
}

impl SelectionArguments {
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            venue: self.venue.clone(),
            symbol: self.symbol.clone(),
            kind: self.kind,
            interval: self.interval,
            from: self.from,
            to: self.to,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// Only this venue.
    #[arg(long)]
    pub(crate) venue: Option<String>,
    /// Only this symbol.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Only this kind of record, such as candles or funding.
    #[arg(long, value_parser = parse_kind)]
    pub(crate) kind: Option<Kind>,
    /// Only bars of this length.
    #[arg(long, value_parser = parse_interval)]
    pub(crate) interval: Option<Interval>,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

impl CheckArguments {
    /// The series asked for; `None` where that is all of them.
    pub(crate) fn selection(&self) -> Option<Selection> {
        let is_asked = self.venue.is_some()
            || self.symbol.is_some()
            || self.kind.is_some()
            || self.interval.is_some();
        is_asked.then(|| Selection {
            venue: self.venue.clone(),
            symbol: self.symbol.clone(),
            kind: self.kind,
            interval: self.interval,
            ..Selection::default()
        })
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll data ls
  plimsoll data ls --symbol BTCUSDT --from 2025-01-01
  plimsoll data ls --csv > coverage.csv")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// A line a series with period, rows, holes, size and sources, and no calendar.
    #[arg(long, conflicts_with = "csv")]
    pub(crate) long: bool,
    /// A row a series and month as CSV.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll data show --symbol BTCUSDT --kind candles --interval 1h --from 2025-10-10T20:00:00Z
  plimsoll data show --symbol BTCUSDT --kind funding --tail
  plimsoll data show --venue hyperliquid --receipts --rows 0")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// So many rows of each series.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) rows: usize,
    /// The last rows instead of the first.
    #[arg(long)]
    pub(crate) tail: bool,
    /// The receipts too: archives with their hashes, what was mended, what was flagged.
    #[arg(long)]
    pub(crate) receipts: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll data export --symbol BTCUSDT --kind candles --interval 1h --out btc.csv
  plimsoll data export --kind funding --from 2025-01-01 --to 2026-01-01 --out funding --format parquet
  plimsoll data export --symbol BTCUSDT --kind funding --out - | head")]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// File to write, or the folder where several series are chosen; - is standard output.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Form of the files; without it the ending of PATH tells, else CSV.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArgument>,
    /// How times are written in CSV.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) time: TimeArgument,
    /// Write over files that are there already.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArgument {
    Csv,
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeArgument {
    /// As 2025-10-10T21:00:00Z.
    Text,
    /// Milliseconds since 1970, UTC.
    Ms,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  plimsoll data why ~/archives/BTCUSDT-1h-2024-12.zip
  plimsoll data why bars.csv --venue binance-usdm --policy ohlc_order=repair --json")]
pub(crate) struct WhyArguments {
    /// Files, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) decoding: DecodingArguments,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}
