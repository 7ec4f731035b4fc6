//! Binance: a bucket with a listing and checksums; funding rates of the months that are not in
//! it yet from the interface.

use std::path::PathBuf;
use std::time::Duration;

use super::DownloadError;
use super::dialect::Dialect;
use super::plan::{
    DownloadKind, Hosts, Item, Pages, Period, Plan, Question, Request, archive, interval_word,
    monthly_or_daily, not_offered, period,
};

const INTERVALS: [(&str, &str); 14] = [
    ("1m", "1m"),
    ("3m", "3m"),
    ("5m", "5m"),
    ("15m", "15m"),
    ("30m", "30m"),
    ("1h", "1h"),
    ("2h", "2h"),
    ("4h", "4h"),
    ("6h", "6h"),
    ("8h", "8h"),
    ("12h", "12h"),
    ("1d", "1d"),
    ("3d", "3d"),
    ("1w", "1w"),
];
const SECOND: (&str, &str) = ("1s", "1s");
const HOUR_MS: i64 = 3_600_000;

pub(super) fn plan(request: &Request) -> Result<Plan, DownloadError> {
    let api = match request.venue.as_str() {
        "binance-usdm" => "https://fapi.binance.com",
        "binance-coinm" => "https://dapi.binance.com",
        _ => "https://api.binance.com",
    };
    let mut items = Vec::new();
    let mut notes = Vec::new();
    for &kind in &request.kinds {
        for symbol in &request.symbols {
            items.extend(of_kind(request, kind, symbol)?);
        }
        if kind == DownloadKind::Liquidations {
            notes.push(match request.venue.as_str() {
                "binance-usdm" => "liquidations: the venue has taken its files of USD-M out of the archive; those of the time after 2024-03-31 never were in it".to_owned(),
                _ => "liquidations: the archive of COIN-M ends in October 2024".to_owned(),
            });
        }
    }
    Ok(Plan {
        items,
        notes,
        folder: PathBuf::from(&request.venue),
        hosts: Hosts {
            archive: "https://data.binance.vision".to_owned(),
            listing: Some("https://s3-ap-northeast-1.amazonaws.com/data.binance.vision".to_owned()),
            api: api.to_owned(),
            // 500 questions in five minutes.
            api_pause: Duration::from_millis(650),
        },
    })
}

fn of_kind(
    request: &Request,
    kind: DownloadKind,
    symbol: &str,
) -> Result<Vec<Item>, DownloadError> {
    let (market, is_spot, is_coin) = match request.venue.as_str() {
        "binance-usdm" => ("futures/um", false, false),
        "binance-coinm" => ("futures/cm", false, true),
        _ => ("spot", true, false),
    };
    let period = period(request);
    if is_spot
        && !matches!(
            kind,
            DownloadKind::Candles | DownloadKind::Trades | DownloadKind::AggregateTrades
        )
    {
        return Err(not_offered(request, kind, "a spot market has none"));
    }
    match kind {
        DownloadKind::Candles
        | DownloadKind::MarkCandles
        | DownloadKind::IndexCandles
        | DownloadKind::PremiumIndexCandles => {
            let mut words = INTERVALS.to_vec();
            if is_spot {
                words.insert(0, SECOND);
            }
            let interval = interval_word(request, &words)?;
            let what = match kind {
                DownloadKind::MarkCandles => "markPriceKlines",
                DownloadKind::IndexCandles => "indexPriceKlines",
                DownloadKind::PremiumIndexCandles => "premiumIndexKlines",
                _ => "klines",
            };
            // An index belongs to the pair and not to the contract.
            let name = match kind {
                DownloadKind::IndexCandles if is_coin => symbol.split('_').next().unwrap_or(symbol),
                _ => symbol,
            };
            let file = |pace: &str, date: String| {
                format!(
                    "data/{market}/{pace}/{what}/{name}/{interval}/{name}-{interval}-{date}.zip"
                )
            };
            let monthly =
                |month: Period| archive(kind, symbol, month, file("monthly", month.month()), true);
            let daily = |day: Period| archive(kind, symbol, day, file("daily", day.day()), true);
            Ok(monthly_or_daily(period, monthly, daily))
        }
        DownloadKind::Trades | DownloadKind::AggregateTrades => {
            let what = if kind == DownloadKind::Trades { "trades" } else { "aggTrades" };
            let file = |pace: &str, date: String| {
                format!("data/{market}/{pace}/{what}/{symbol}/{symbol}-{what}-{date}.zip")
            };
            let monthly =
                |month: Period| archive(kind, symbol, month, file("monthly", month.month()), true);
            let daily = |day: Period| archive(kind, symbol, day, file("daily", day.day()), true);
            Ok(monthly_or_daily(period, monthly, daily))
        }
        DownloadKind::Funding => Ok(funding(symbol, period, is_coin)),
        DownloadKind::OpenInterest | DownloadKind::Liquidations => {
            let what = match kind {
                DownloadKind::OpenInterest => "metrics",
                _ => "liquidationSnapshot",
            };
            let daily = |day: Period| {
                let date = day.day();
                let path =
                    format!("data/{market}/daily/{what}/{symbol}/{symbol}-{what}-{date}.zip");
                archive(kind, symbol, day, path, true)
            };
            Ok(period.days().into_iter().map(daily).collect())
        }
    }
}

/// USD-M funding has monthly files only; the last month's is not there before the next begins.
fn funding(symbol: &str, period: Period, is_coin: bool) -> Vec<Item> {
    let kind = DownloadKind::Funding;
    let api = if is_coin { "dapi/v1/fundingRate" } else { "fapi/v1/fundingRate" };
    let pages = Pages {
        kind,
        symbol,
        folder: format!("{api}/{symbol}"),
        stem: format!("{symbol}-fundingRate"),
        dialect: Dialect::BinanceFunding,
        step_ms: 8 * HOUR_MS,
        // A thousand rows an answer, and no interval below an hour.
        window_ms: 1000 * HOUR_MS,
    };
    let question = |window: Period| Question {
        path: format!(
            "{api}?symbol={symbol}&startTime={}&endTime={}&limit=1000",
            window.from.0,
            window.to.0 - 1
        ),
        body: None,
    };
    if is_coin {
        return pages.items(period, question);
    }
    let months = period.months().into_iter().map(|month| {
        let name = month.month();
        let path =
            format!("data/futures/um/monthly/fundingRate/{symbol}/{symbol}-fundingRate-{name}.zip");
        let instead = pages.items(month.within(period), question);
        Item { instead, ..archive(kind, symbol, month, path, true) }
    });
    months.collect()
}
