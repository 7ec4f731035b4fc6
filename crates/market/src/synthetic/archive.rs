//! Writes a simulated market as files in the layout of Binance's public archive.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rand::RngExt;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::SimulatedMarket;
use super::config::Grids;
use super::grid::{push_decimal, push_integer};
use super::streams::stream;
use crate::error::MarketError;
use crate::market::{PriceColumns, SymbolColumns};
use crate::table::{Column, Kind};
use crate::time::{DAY_MS, Timestamp};

const BARS_HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
    taker_buy_volume,taker_buy_quote_volume,ignore\n";
const FUNDING_HEADER: &str = "calc_time,funding_interval_hours,last_funding_rate\n";
const METRICS_HEADER: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value,\
    count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,\
    sum_taker_long_short_vol_ratio\n";
const LIQUIDATIONS_HEADER: &str = "time,side,order_type,time_in_force,original_quantity,price,\
    average_price,order_status,last_fill_quantity,accumulated_fill_quantity\n";

/// From this instant (2024-03-04) on, a metrics row stamped T holds the snapshot of T + 5 min.
const METRICS_STAMP_CHANGE: Timestamp = Timestamp(1_709_510_400_000);
const METRICS_STAMP_SHIFT_MS: i64 = 300_000;

/// Average notional of a trade, from which the number of trades in a bar is made up.
const TRADE_NOTIONAL: f64 = 2_000.0;

/// Largest delay of a funding stamp behind its settlement, in milliseconds.
const FUNDING_STAMP_DELAY_MS: i64 = 12;

/// How the archive is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Whether bar files begin with a header line, as they do from about 2022 on. The other
    /// kinds always have one.
    pub header: bool,
    /// Whether each CSV file is packed into a zip file of its own, as in the archive.
    pub zipped: bool,
    /// Whether a `.CHECKSUM` file in the form of `sha256sum` stands beside each file.
    pub checksums: bool,
    /// The kinds to write. Open interest and liquidations take a file a day and symbol.
    pub kinds: Vec<Kind>,
}

impl Default for ArchiveOptions {
    /// All kinds, zipped, with header, without checksum files.
    fn default() -> Self {
        Self { header: true, zipped: true, checksums: false, kinds: Kind::ALL.to_vec() }
    }
}

/// Writes the market below a folder as the venue would have archived it, and returns the data
/// files in the order of symbol, kind and time. Equal markets give equal bytes.
///
/// Bars and funding are written by month (`futures/um/monthly/...`), open interest and
/// liquidations by day (`futures/um/daily/...`). As in the archive, liquidations stand twice,
/// funding stamps trail the settlement by some milliseconds, and open interest is stamped by the
/// convention of its date, which cannot express the snapshot of 2024-03-04 00:00. Mark prices at
/// funding and the simulated book have no place in it.
///
/// # Errors
/// [`MarketError::Io`] with the file that could not be written.
pub fn write_binance_archives(
    simulated: &SimulatedMarket,
    folder: &Path,
    options: &ArchiveOptions,
) -> Result<Vec<PathBuf>, MarketError> {
    let jobs: Vec<Job> = (0..simulated.market.symbols.len())
        .flat_map(|symbol_idx| {
            let kinds = Kind::ALL.into_iter().filter(|kind| options.kinds.contains(kind));
            kinds.map(move |kind| (symbol_idx, kind))
        })
        .flat_map(|(symbol_idx, kind)| jobs(simulated, symbol_idx, kind))
        .collect();
    jobs.into_par_iter()
        .map(|job| {
            let text = job.text(simulated, options.header);
            job.write(&text, folder, options)
        })
        .collect()
}

/// One file to be written: a symbol's records of one kind with times in `[from, to)`.
struct Job {
    symbol_idx: usize,
    kind: Kind,
    from: Timestamp,
    to: Timestamp,
    /// Folder below the archive's root.
    folder: String,
    /// File name without extension.
    stem: String,
}

/// The files of one kind of one symbol.
fn jobs(simulated: &SimulatedMarket, symbol_idx: usize, kind: Kind) -> Vec<Job> {
    let symbol = &simulated.config.symbols[symbol_idx].symbol;
    let interval = simulated.market.interval;
    let is_daily = matches!(kind, Kind::Liquidations | Kind::OpenInterest);
    let end = simulated.config.end();
    let mut from = simulated.config.start;
    let mut files = Vec::new();
    while from < end {
        let next =
            if is_daily { Timestamp((from.day() + 1) * DAY_MS) } else { from.next_month_start() };
        let to = next.min(end);
        let day = from.date_string();
        let month = &day[..7];
        let (folder, stem) = match kind {
            Kind::Candles => bars_path("klines", symbol, &interval.to_string(), month),
            Kind::MarkCandles => bars_path("markPriceKlines", symbol, &interval.to_string(), month),
            Kind::IndexCandles => {
                bars_path("indexPriceKlines", symbol, &interval.to_string(), month)
            }
            Kind::PremiumIndexCandles | Kind::LiquidationVolume => return Vec::new(),
            Kind::Funding => path("monthly", "fundingRate", symbol, month),
            Kind::Liquidations => path("daily", "liquidationSnapshot", symbol, &day),
            Kind::OpenInterest => path("daily", "metrics", symbol, &day),
        };
        files.push(Job { symbol_idx, kind, from, to, folder, stem });
        from = to;
    }
    files
}

/// Folder and stem of a file of bars. The stem does not say of which price.
fn bars_path(kind: &str, symbol: &str, interval: &str, date: &str) -> (String, String) {
    let folder = format!("futures/um/monthly/{kind}/{symbol}/{interval}");
    (folder, format!("{symbol}-{interval}-{date}"))
}

fn path(period: &str, kind: &str, symbol: &str, date: &str) -> (String, String) {
    (format!("futures/um/{period}/{kind}/{symbol}"), format!("{symbol}-{kind}-{date}"))
}

impl Job {
    fn text(&self, simulated: &SimulatedMarket, header: bool) -> Vec<u8> {
        let columns = &simulated.market.symbols[self.symbol_idx];
        let mut text = Vec::with_capacity(120 * self.bars(simulated).len());
        match self.kind {
            Kind::PremiumIndexCandles | Kind::LiquidationVolume => {}
            Kind::Candles | Kind::MarkCandles | Kind::IndexCandles => {
                if header {
                    text.extend_from_slice(BARS_HEADER.as_bytes());
                }
                match self.kind {
                    Kind::Candles => self.push_candles(&mut text, simulated, columns),
                    Kind::MarkCandles => {
                        self.push_prices(&mut text, simulated, columns.mark.as_ref());
                    }
                    _ => self.push_prices(&mut text, simulated, columns.index.as_ref()),
                }
            }
            Kind::Funding => self.push_funding(&mut text, simulated, columns),
            Kind::Liquidations => self.push_liquidations(&mut text, simulated),
            Kind::OpenInterest => self.push_open_interest(&mut text, simulated),
        }
        text
    }

    fn push_candles(
        &self,
        text: &mut Vec<u8>,
        simulated: &SimulatedMarket,
        columns: &SymbolColumns,
    ) {
        let Grids { price, quantity, value, .. } = self.grids(simulated);
        for bar in self.bars(simulated) {
            push_integer(text, simulated.market.open_time(bar).0);
            for prices in [&columns.open, &columns.high, &columns.low, &columns.close] {
                text.push(b',');
                push_decimal(text, prices[bar], price.decimals);
            }
            let (volume, quote_volume) = (columns.volume[bar], columns.quote_volume[bar]);
            let taker_buy = columns.taker_buy_volume[bar];
            text.push(b',');
            push_decimal(text, volume, quantity.decimals);
            text.push(b',');
            push_integer(text, simulated.market.close_time(bar).0 - 1);
            text.push(b',');
            push_decimal(text, quote_volume, value.decimals);
            text.push(b',');
            push_integer(text, (quote_volume / TRADE_NOTIONAL).ceil() as i64);
            text.push(b',');
            push_decimal(text, taker_buy, quantity.decimals);
            text.push(b',');
            push_decimal(text, quote_volume * taker_buy / volume, value.decimals);
            text.extend_from_slice(b",0\n");
        }
    }

    fn push_prices(
        &self,
        text: &mut Vec<u8>,
        simulated: &SimulatedMarket,
        prices: Option<&PriceColumns>,
    ) {
        let decimals = self.grids(simulated).index.decimals;
        let Some(prices) = prices else { return };
        // The archive's `count` of these files counts updates, about one a second.
        let updates = simulated.market.interval.ms() / 1000;
        for bar in self.bars(simulated) {
            push_integer(text, simulated.market.open_time(bar).0);
            for column in [&prices.open, &prices.high, &prices.low, &prices.close] {
                text.push(b',');
                push_decimal(text, column[bar], decimals);
            }
            text.extend_from_slice(b",0,");
            push_integer(text, simulated.market.close_time(bar).0 - 1);
            text.extend_from_slice(b",0,");
            push_integer(text, updates);
            text.extend_from_slice(b",0,0,0\n");
        }
    }

    fn push_funding(
        &self,
        text: &mut Vec<u8>,
        simulated: &SimulatedMarket,
        columns: &SymbolColumns,
    ) {
        text.extend_from_slice(FUNDING_HEADER.as_bytes());
        let mut delays = stream(simulated.config.seed, &columns.symbol, "funding stamps");
        for event in &columns.funding {
            // Every event draws, so that a month's stamps do not depend on what else is written.
            let delay = delays.random_range(0..=FUNDING_STAMP_DELAY_MS);
            if !self.holds(event.settlement_time) {
                continue;
            }
            push_integer(text, event.settlement_time.0 + delay);
            text.push(b',');
            push_integer(text, i64::from(event.interval_minutes / 60));
            text.push(b',');
            push_decimal(text, event.rate, 8);
            text.push(b'\n');
        }
    }

    fn push_liquidations(&self, text: &mut Vec<u8>, simulated: &SimulatedMarket) {
        text.extend_from_slice(LIQUIDATIONS_HEADER.as_bytes());
        let table = &simulated.liquidations[self.symbol_idx];
        let Grids { price: grid, quantity: quantity_grid, .. } = self.grids(simulated);
        let (prices, quantities) = (table.f64("price"), table.f64("quantity"));
        let sides = match table.column("liquidated_side") {
            Some(Column::Text(sides)) => sides.as_slice(),
            _ => &[],
        };
        let first = table.times().partition_point(|&time| time < self.from.0);
        let end = table.times().partition_point(|&time| time < self.to.0);
        for row in first..end {
            let is_long = sides[row] == "long";
            let limit_price = prices[row] * if is_long { 0.995 } else { 1.005 };
            let mut line = Vec::new();
            push_integer(&mut line, table.times()[row]);
            line.extend_from_slice(if is_long { b",SELL" } else { b",BUY" });
            line.extend_from_slice(b",LIMIT,IOC,");
            push_decimal(&mut line, quantities[row], quantity_grid.decimals);
            line.push(b',');
            push_decimal(&mut line, grid.snap_positive(limit_price), grid.decimals);
            line.push(b',');
            push_decimal(&mut line, prices[row], grid.decimals);
            line.extend_from_slice(b",FILLED,");
            push_decimal(&mut line, quantities[row], quantity_grid.decimals);
            line.push(b',');
            push_decimal(&mut line, quantities[row], quantity_grid.decimals);
            line.push(b'\n');
            text.extend_from_slice(&line);
            text.extend_from_slice(&line);
        }
    }

    fn push_open_interest(&self, text: &mut Vec<u8>, simulated: &SimulatedMarket) {
        text.extend_from_slice(METRICS_HEADER.as_bytes());
        let table = &simulated.open_interest[self.symbol_idx];
        let quantities = table.f64_or_nan("open_interest");
        let values = table.f64_or_nan("open_interest_value");
        let Grids { quantity, value, .. } = self.grids(simulated);
        let symbol = &simulated.config.symbols[self.symbol_idx].symbol;
        let times = table.times();
        let first = times.partition_point(|&time| time < self.from.0);
        let end = times.partition_point(|&time| time <= self.to.0 + METRICS_STAMP_SHIFT_MS);
        for row in first..end {
            let stamp = metrics_stamp(Timestamp(times[row])).filter(|&s| self.holds(s));
            let Some(stamp) = stamp else { continue };
            let stamp = DateTime::<Utc>::from_timestamp_millis(stamp.0).unwrap_or_default();
            text.extend_from_slice(stamp.format("%Y-%m-%d %H:%M:%S").to_string().as_bytes());
            text.push(b',');
            text.extend_from_slice(symbol.as_bytes());
            text.push(b',');
            push_decimal(text, quantities[row], quantity.decimals);
            text.push(b',');
            push_decimal(text, values[row], value.decimals);
            text.extend_from_slice(b",\"\",\"\",\"\",\"\"\n");
        }
    }

    fn write(
        &self,
        text: &[u8],
        folder: &Path,
        options: &ArchiveOptions,
    ) -> Result<PathBuf, MarketError> {
        let folder = folder.join(&self.folder);
        fs::create_dir_all(&folder).map_err(MarketError::io(&folder))?;
        let csv_name = format!("{}.csv", self.stem);
        let name = if options.zipped { format!("{}.zip", self.stem) } else { csv_name.clone() };
        let path = folder.join(&name);
        let packed;
        let bytes = if options.zipped {
            packed = zip_file(&csv_name, text).map_err(MarketError::io(&path))?;
            packed.as_slice()
        } else {
            text
        };
        fs::write(&path, bytes).map_err(MarketError::io(&path))?;
        if options.checksums {
            let checksum_path = folder.join(format!("{name}.CHECKSUM"));
            fs::write(&checksum_path, format!("{}  {name}\n", sha256_hex(bytes)))
                .map_err(MarketError::io(&checksum_path))?;
        }
        Ok(path)
    }

    fn grids(&self, simulated: &SimulatedMarket) -> Grids {
        simulated.config.symbols[self.symbol_idx].grids()
    }

    fn bars(&self, simulated: &SimulatedMarket) -> std::ops::Range<usize> {
        let market = &simulated.market;
        market.first_bar_from(self.from)..market.first_bar_from(self.to)
    }

    fn holds(&self, time: Timestamp) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// The time that a snapshot is stamped with, by the convention of the stamp's date; `None` for
/// the one snapshot that the change of convention leaves without a stamp.
fn metrics_stamp(snapshot: Timestamp) -> Option<Timestamp> {
    if snapshot < METRICS_STAMP_CHANGE {
        return Some(snapshot);
    }
    let stamp = Timestamp(snapshot.0 - METRICS_STAMP_SHIFT_MS);
    (stamp >= METRICS_STAMP_CHANGE).then_some(stamp)
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A zip file of one entry, with the format's earliest time so that equal text gives equal bytes.
fn zip_file(name: &str, text: &[u8]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .last_modified_time(zip::DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, options)?;
    writer.write_all(text)?;
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stamps_follow_their_date() {
        for (snapshot, expect) in [
            ("2024-03-03T23:55:00Z", Some("2024-03-03T23:55:00Z")),
            ("2024-03-04T00:00:00Z", None),
            ("2024-03-04T00:05:00Z", Some("2024-03-04T00:00:00Z")),
            ("2025-06-05T00:10:00Z", Some("2025-06-05T00:05:00Z")),
        ] {
            let stamp = metrics_stamp(snapshot.parse().expect("a time"));
            assert_eq!(stamp.map(|s| s.to_string()).as_deref(), expect, "{snapshot}");
        }
    }
}
