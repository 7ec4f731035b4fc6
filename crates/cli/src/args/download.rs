//! The words of `plimsoll download`.

use clap::Args;
use plimsoll_ingest::download::{DownloadKind, DownloadSource};
use plimsoll_market::{Interval, Timestamp};

use super::{SettingsArguments, above_zero, parse_interval, parse_time, whole_number};

#[derive(Args, Debug)]
#[command(after_help = "\
Archives are of whole days and months: every one that the period touches goes into the lake whole.
What the server does not have is a hole: unknown, and not the same as quiet; where there is nothing
else the exit code is 1. A file that has changed since it was downloaded is kept beside the old one.
What is not over or lacks rows is asked for again. Stopped at any time, the same command goes on
where it was. A proxy is taken from HTTPS_PROXY, certificates are those of the system.

Venues: binance-usdm, binance-coinm, binance-spot, bybit-linear, bybit-inverse, bybit-spot,
okx-swap, okx-futures, okx-spot, hyperliquid; deribit and bitmex by tardis.dev, whose key is read
from TARDIS_API_KEY and from nowhere else.

Examples:
  plimsoll download --venue binance-usdm --symbols BTCUSDT,ETHUSDT --kinds candles,mark,funding --from 2024-01-01 --to 2025-01-01 --interval 1h
  plimsoll download --venue bybit-linear --symbols BTCUSDT --kinds candles,funding --from 2024-12-01 --to 2025-01-01 --dry-run
  plimsoll download --venue okx-swap --source tardis --symbols BTC-USDT-SWAP --kinds liquidations --from 2024-12-01 --to 2024-12-02 --contract-size 0.01")]
pub(crate) struct DownloadArguments {
    /// Venue, such as binance-usdm.
    #[arg(long, value_name = "VENUE")]
    pub(crate) venue: String,
    /// Symbols in the venue's own spelling.
    #[arg(long, required = true, value_delimiter = ',', value_name = "SYMBOL,...")]
    pub(crate) symbols: Vec<String>,
    /// candles, mark, index, premium, funding, open_interest, liquidations, trades, agg_trades.
    #[arg(long, required = true, value_delimiter = ',', value_name = "KIND,...")]
    pub(crate) kinds: Vec<DownloadKind>,
    /// First day, or instant, in UTC.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Timestamp,
    /// End, exclusive.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) to: Timestamp,
    /// Bar length of candles; trades become bars of it.
    #[arg(long, default_value = "1m", value_parser = parse_interval)]
    pub(crate) interval: Interval,
    /// Who is asked: auto (the venue, where it can be) or tardis.
    #[arg(long, default_value = "auto", value_parser = parse_source)]
    pub(crate) source: DownloadSource,
    /// A mirror to ask for everything, instead of the venue's own servers.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Files fetched at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = whole_number)]
    pub(crate) jobs: usize,
    /// Tries in a row that may bring nothing before a file is given up.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = whole_number)]
    pub(crate) tries: usize,
    /// Longest wait before the second try in milliseconds; it doubles from try to try.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) backoff_ms: u64,
    /// Seconds without a byte after which a connection is given up.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Only list what would be fetched, how large it is and what is there.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave the files where they are, without taking them into the lake.
    #[arg(long)]
    pub(crate) no_ingest: bool,
    /// What one contract is worth, where sizes are in contracts and the files do not say: in base
    /// units, for coin-margined contracts in US dollars.
    #[arg(long, value_name = "SIZE", value_parser = above_zero)]
    pub(crate) contract_size: Option<f64>,
    /// Rows that differ from the lake's replace them, where they would otherwise be refused.
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

fn parse_source(text: &str) -> Result<DownloadSource, String> {
    match text {
        "auto" => Ok(DownloadSource::Auto),
        "tardis" => Ok(DownloadSource::Tardis),
        _ => Err("write auto or tardis".to_owned()),
    }
}
