//! OKX: monthly files of funding rates, daily files of trades, bars from the interface.

use std::path::PathBuf;
use std::time::Duration;

use super::DownloadError;
use super::dialect::Dialect;
use super::plan::{
    DownloadKind, Hosts, Item, Pages, Period, Plan, Question, Request, archive, interval_word,
    not_offered, period,
};

/// Bars of six hours and more are counted from midnight in Hong Kong unless `utc` is asked for.
const INTERVALS: [(&str, &str); 12] = [
    ("1m", "1m"),
    ("3m", "3m"),
    ("5m", "5m"),
    ("15m", "15m"),
    ("30m", "30m"),
    ("1h", "1H"),
    ("2h", "2H"),
    ("4h", "4H"),
    ("6h", "6Hutc"),
    ("12h", "12Hutc"),
    ("1d", "1Dutc"),
    ("1w", "1Wutc"),
];
const HOUR_MS: i64 = 3_600_000;
/// A day of the archive of trades begins at midnight in Hong Kong.
const DAY_STARTS_EARLIER_MS: i64 = 8 * HOUR_MS;
const ARCHIVE: &str = "cdn/okex/traderecords";

pub(super) fn plan(request: &Request) -> Result<Plan, DownloadError> {
    let mut items = Vec::new();
    let mut notes = Vec::new();
    for &kind in &request.kinds {
        for symbol in &request.symbols {
            items.extend(of_kind(request, kind, symbol)?);
        }
        if kind == DownloadKind::Funding {
            notes.push("funding: where the archive has no file of a month, the interface is asked, which reaches back about three months".to_owned());
        }
    }
    Ok(Plan {
        items,
        notes,
        folder: PathBuf::from(&request.venue),
        hosts: Hosts {
            archive: "https://static.okx.com".to_owned(),
            listing: None,
            api: "https://www.okx.com".to_owned(),
            // 20 questions in two seconds, for funding rates 10.
            api_pause: Duration::from_millis(220),
        },
    })
}

fn of_kind(
    request: &Request,
    kind: DownloadKind,
    symbol: &str,
) -> Result<Vec<Item>, DownloadError> {
    let period = period(request);
    let is_swap = request.venue == "okx-swap";
    let is_spot = request.venue == "okx-spot";
    match kind {
        DownloadKind::Trades => {
            let daily = |day: Period| {
                let date = day.day();
                let folder = Period::digits(&date);
                let path = format!("{ARCHIVE}/trades/daily/{folder}/{symbol}-trades-{date}.zip");
                archive(kind, symbol, day.later(-DAY_STARTS_EARLIER_MS), path, false)
            };
            Ok(period.later(DAY_STARTS_EARLIER_MS).days().into_iter().map(daily).collect())
        }
        DownloadKind::Funding if is_swap => Ok(funding(symbol, period)),
        DownloadKind::Funding => Err(not_offered(request, kind, "only perpetual swaps have it")),
        DownloadKind::Candles => bars(request, kind, symbol, symbol, "history-candles", period),
        DownloadKind::MarkCandles if !is_spot => {
            bars(request, kind, symbol, symbol, "history-mark-price-candles", period)
        }
        DownloadKind::IndexCandles if !is_spot => {
            // An index belongs to the pair and not to the contract.
            let pair: Vec<&str> = symbol.split('-').take(2).collect();
            bars(request, kind, symbol, &pair.join("-"), "history-index-candles", period)
        }
        DownloadKind::MarkCandles | DownloadKind::IndexCandles => {
            Err(not_offered(request, kind, "a spot market has none"))
        }
        DownloadKind::AggregateTrades => {
            Err(not_offered(request, kind, "single trades are there: --kinds trades"))
        }
        DownloadKind::Liquidations => {
            let reason = "the venue shows the last days only; record them, or ask --source tardis";
            Err(not_offered(request, kind, reason))
        }
        DownloadKind::OpenInterest | DownloadKind::PremiumIndexCandles => {
            let reason = if kind == DownloadKind::OpenInterest {
                "no archive of it is known; --source tardis has it, in contracts: pass --contract-size as well"
            } else {
                "no archive of it is known"
            };
            Err(not_offered(request, kind, reason))
        }
    }
}

fn bars(
    request: &Request,
    kind: DownloadKind,
    symbol: &str,
    instrument: &str,
    endpoint: &str,
    period: Period,
) -> Result<Vec<Item>, DownloadError> {
    let word = interval_word(request, &INTERVALS)?;
    let (interval, step) = (request.interval.to_string(), request.interval.ms());
    let api = format!("api/v5/market/{endpoint}");
    let pages = Pages {
        kind,
        symbol,
        folder: format!("{api}/{symbol}/{interval}"),
        stem: format!("{symbol}-{interval}"),
        dialect: Dialect::OkxCandles,
        step_ms: step,
        window_ms: 100 * step,
    };
    // Both bounds are exclusive, and `after` means earlier than.
    Ok(pages.items(period, |Period { from, to }| Question {
        path: format!(
            "{api}?instId={instrument}&bar={word}&after={}&before={}&limit=100",
            to.0,
            from.0 - 1
        ),
        body: None,
    }))
}

fn funding(symbol: &str, period: Period) -> Vec<Item> {
    let kind = DownloadKind::Funding;
    let api = "api/v5/public/funding-rate-history";
    let pages = Pages {
        kind,
        symbol,
        folder: format!("{api}/{symbol}"),
        stem: format!("{symbol}-funding"),
        dialect: Dialect::OkxFunding,
        step_ms: 8 * HOUR_MS,
        // A hundred rows an answer, and no interval below an hour.
        window_ms: 100 * HOUR_MS,
    };
    let question = |Period { from, to }| Question {
        path: format!("{api}?instId={symbol}&after={}&before={}&limit=100", to.0, from.0 - 1),
        body: None,
    };
    let months = period.months().into_iter().map(|month| {
        let name = month.month();
        let folder = Period::digits(&name);
        let path = format!("{ARCHIVE}/swaprates/monthly/{folder}/{symbol}-fundingrates-{name}.zip");
        let instead = pages.items(month.within(period), question);
        Item { instead, ..archive(kind, symbol, month, path, false) }
    });
    months.collect()
}
