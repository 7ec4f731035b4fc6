//! Files of Binance's public archive.
//!
//! `BTCUSDT-1h-2024-12.zip`, `BTCUSDT-fundingRate-2024-12.zip`, `BTCUSDT-metrics-2024-12-05.zip`,
//! `BTCUSD_PERP-liquidationSnapshot-2024-10-01.zip`, zipped or not, with or without a header,
//! times in milliseconds or (spot, from 2025 on) microseconds. Trade, mark and index bars have
//! files of the same name; only the folder tells them apart.

use plimsoll_market::{DAY_MS, Interval, Kind, Timestamp};

use super::identity::{Identity, interval_word};
use super::liquidations::{Quantity, halve};
use super::rows::keep_period;
use super::{Clues, Format, Parts, bars, funding, liquidations, open_interest};
use crate::archive::Archive;
use crate::csv::{TimeUnit, Values};
use crate::error::{Problem, RowProblem};
use crate::raw::Raw;
use crate::run::{Options, SourceFormat};

const KLINES: [&str; 12] = [
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
];
const FUNDING_RATE: [&str; 3] = ["calc_time", "funding_interval_hours", "last_funding_rate"];
const METRICS: [&str; 8] = [
    "create_time",
    "symbol",
    "sum_open_interest",
    "sum_open_interest_value",
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
];
const LIQUIDATION_SNAPSHOT: [&str; 10] = [
    "time",
    "side",
    "order_type",
    "time_in_force",
    "original_quantity",
    "price",
    "average_price",
    "order_status",
    "last_fill_quantity",
    "accumulated_fill_quantity",
];

/// From this stamp on, a row of the metrics stamped T describes T + 5 minutes. 2024-03-04.
const METRICS_SHIFT_FROM: i64 = 1_709_510_400_000;
const METRICS_SHIFT_MS: i64 = 5 * 60_000;

/// What a file name says.
struct Name<'a> {
    symbol: &'a str,
    what: What,
    /// The day or month of the file.
    period: Option<(Timestamp, Timestamp)>,
}

enum What {
    Klines(Interval),
    FundingRate,
    Metrics,
    LiquidationSnapshot,
}

pub(super) const FORMATS: &[Format] =
    &[Format { name: "binance/1", source: SourceFormat::Binance, recognise, decode }];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let is_text = !clues.columns.is_empty() || !clues.first_row.is_empty();
    let name = parse_name(&clues.stem).filter(|_| is_text && !clues.is_feather)?;
    Some(vec![format!("named as in Binance's archive: symbol {}", name.symbol)])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let identity = Identity::new(archive, options);
    let Some(name) = parse_name(&archive.stem) else {
        let reason = format!(
            "`{}` is no file name of the Binance archive, as BTCUSDT-1h-2024-12 is",
            archive.stem
        );
        return Err(Problem::NotRecognised { reason }.into());
    };
    let symbol = options.symbol.clone().unwrap_or_else(|| name.symbol.to_owned());
    let is_in = |folder: &str| identity.folders.iter().any(|f| f == folder);
    let coin_margined = is_in("cm") || identity.venue().as_deref() == Some("binance-coinm");
    let venue = |microseconds: bool| match identity.venue() {
        Some(venue) => venue,
        None if coin_margined => "binance-coinm".to_owned(),
        None if is_in("um") => "binance-usdm".to_owned(),
        None if is_in("spot") => "binance-spot".to_owned(),
        // The archive writes only spot files in microseconds.
        None if microseconds => identity.venue_or("binance-spot"),
        None => identity.venue_or("binance-usdm"),
    };
    let contract_size = if name.symbol.starts_with("BTC") { 100.0 } else { 10.0 };
    let (checked, decoder, kind, venue, interval) = match name.what {
        What::Klines(interval) => {
            let folder_kind = kline_kind(&identity)?;
            let mut raw = Raw::read(archive, folder_kind.unwrap_or(Kind::Candles), &KLINES)?;
            let kind = match folder_kind {
                Some(kind) => kind,
                None if has_volume(&raw) => Kind::Candles,
                None => return Err(Problem::Unknown { what: "kind" }.into()),
            };
            if coin_margined && kind == Kind::Candles {
                contracts_to_base(&mut raw, contract_size);
            }
            let microseconds = raw.time_unit == Some(TimeUnit::Microseconds);
            let interval = options.interval.unwrap_or(interval);
            let bars = bars::build(raw, kind, Some(interval), &options.policies)?;
            let mut checked = bars.checked;
            // The archive is published after its period is over.
            checked.last_may_be_forming &= !archive.zipped;
            (checked, "binance-klines/1", kind, venue(microseconds), Some(interval))
        }
        What::FundingRate => {
            let raw = Raw::read(archive, Kind::Funding, &FUNDING_RATE)?;
            let venue = venue(false);
            (
                funding::build(raw, &venue, &options.policies)?,
                "binance-funding-rate/1",
                Kind::Funding,
                venue,
                None,
            )
        }
        What::Metrics => {
            let mut raw = Raw::read(archive, Kind::OpenInterest, &METRICS)?;
            shift_metrics(&mut raw);
            if coin_margined {
                contract_open_interest(&mut raw, contract_size);
            }
            let checked = open_interest::build(raw, &options.policies)?;
            (checked, "binance-metrics/1", Kind::OpenInterest, venue(false), None)
        }
        What::LiquidationSnapshot => {
            let raw = Raw::read(archive, Kind::Liquidations, &LIQUIDATION_SNAPSHOT)?;
            let unit =
                if coin_margined { Quantity::Contracts(contract_size) } else { Quantity::Base };
            let mut checked = liquidations::build(raw, unit, &options.policies)?;
            halve(&mut checked, &options.policies)?;
            checked.covered.extend(name.period);
            keep_period(&mut checked, name.period, &options.policies)?;
            let kind = Kind::Liquidations;
            (checked, "binance-liquidation-snapshot/1", kind, venue(false), None)
        }
    };
    let series = Identity::series(kind, venue, symbol, interval);
    Ok(vec![Ok(checked.into_decoded(archive, decoder, series, &identity))])
}

/// `SYMBOL-<interval or type>-YYYY-MM[-DD]`.
fn parse_name(stem: &str) -> Option<Name<'_>> {
    let mut words = stem.split('-');
    let symbol = words.next().filter(|word| !word.is_empty())?;
    let what = match words.next()? {
        "fundingRate" => What::FundingRate,
        "metrics" => What::Metrics,
        "liquidationSnapshot" => What::LiquidationSnapshot,
        word => What::Klines(interval_word(word)?),
    };
    let year: i32 = words.next()?.parse().ok()?;
    let month: u32 = words.next()?.parse().ok()?;
    let day = words.next().map(str::parse::<u32>).transpose().ok()?;
    if words.next().is_some() {
        return None;
    }
    let start = Timestamp::from_date(year, month, day.unwrap_or(1))?;
    let end = if day.is_some() { Timestamp(start.0 + DAY_MS) } else { start.next_month_start() };
    Some(Name { symbol, what, period: Some((start, end)) })
}

/// Which price the bars are of, by option or folder.
fn kline_kind(identity: &Identity) -> Result<Option<Kind>, Problem> {
    if identity.options.kind.is_some() {
        return Ok(identity.options.kind);
    }
    for folder in &identity.folders {
        match folder.as_str() {
            "klines" => return Ok(Some(Kind::Candles)),
            "markPriceKlines" => return Ok(Some(Kind::MarkCandles)),
            "indexPriceKlines" => return Ok(Some(Kind::IndexCandles)),
            "premiumIndexKlines" => {
                return Ok(Some(Kind::PremiumIndexCandles));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Bars of a mark or index price have no volume at all.
fn has_volume(raw: &Raw) -> bool {
    matches!(raw.columns.get("volume"), Some(Values::Numbers(v)) if v.iter().any(|&v| v > 0.0))
}

/// Coin-margined bars count contracts in `volume` and base units in `quote_volume`.
fn contracts_to_base(raw: &mut Raw, contract_size: f64) {
    let contracts = raw.take_numbers("volume");
    let base = raw.take_numbers("quote_volume");
    // Counted in contracts too, and not convertible without a price for each trade.
    raw.columns.remove("taker_buy_volume");
    if let (Some(contracts), Some(base)) = (contracts, base) {
        let quote = contracts.iter().map(|contracts| contracts * contract_size).collect();
        raw.columns.insert("volume", Values::Numbers(base));
        raw.columns.insert("quote_volume", Values::Numbers(quote));
    }
}

/// Coin-margined open interest is in contracts, its value in base units.
fn contract_open_interest(raw: &mut Raw, contract_size: f64) {
    let contracts = raw.take_numbers("open_interest");
    let base = raw.take_numbers("open_interest_value");
    if let (Some(contracts), Some(base)) = (contracts, base) {
        let quote = contracts.iter().map(|contracts| contracts * contract_size).collect();
        raw.columns.insert("open_interest", Values::Numbers(base));
        raw.columns.insert("open_interest_value", Values::Numbers(quote));
    }
}

/// Moves rows to the time at which they became known.
fn shift_metrics(raw: &mut Raw) {
    if let Some(Values::Times(times)) = raw.columns.get_mut("time") {
        for time in times.iter_mut().filter(|time| **time >= METRICS_SHIFT_FROM) {
            *time += METRICS_SHIFT_MS;
        }
    }
}
