//! Bybit: daily files of trades, everything else from the interface (version 5).

use std::path::PathBuf;
use std::time::Duration;

use super::DownloadError;
use super::dialect::Dialect;
use super::plan::{
    DownloadKind, Hosts, Item, Pages, Period, Plan, Question, Request, archive, interval_word,
    monthly_or_daily, not_offered, period,
};

const INTERVALS: [(&str, &str); 12] = [
    ("1m", "1"),
    ("3m", "3"),
    ("5m", "5"),
    ("15m", "15"),
    ("30m", "30"),
    ("1h", "60"),
    ("2h", "120"),
    ("4h", "240"),
    ("6h", "360"),
    ("12h", "720"),
    ("1d", "D"),
    ("1w", "W"),
];
const HOUR_MS: i64 = 3_600_000;
const FIVE_MINUTES_MS: i64 = 300_000;

pub(super) fn plan(request: &Request) -> Result<Plan, DownloadError> {
    let category = request.venue.strip_prefix("bybit-").unwrap_or("linear");
    let mut items = Vec::new();
    for &kind in &request.kinds {
        for symbol in &request.symbols {
            items.extend(of_kind(request, category, kind, symbol)?);
        }
    }
    Ok(Plan {
        items,
        notes: Vec::new(),
        folder: PathBuf::from(&request.venue),
        hosts: Hosts {
            archive: "https://public.bybit.com".to_owned(),
            listing: None,
            api: "https://api.bybit.com".to_owned(),
            // 600 questions in five seconds.
            api_pause: Duration::from_millis(20),
        },
    })
}

fn of_kind(
    request: &Request,
    category: &str,
    kind: DownloadKind,
    symbol: &str,
) -> Result<Vec<Item>, DownloadError> {
    let period = period(request);
    let is_spot = category == "spot";
    let endpoint = match kind {
        DownloadKind::Trades => return Ok(trades(is_spot, symbol, period)),
        DownloadKind::Candles => "kline",
        DownloadKind::Liquidations => {
            let reason =
                "the venue keeps no history of them; record its stream, or ask --source tardis";
            return Err(not_offered(request, kind, reason));
        }
        DownloadKind::AggregateTrades => {
            return Err(not_offered(request, kind, "its files hold single trades: --kinds trades"));
        }
        _ if is_spot => return Err(not_offered(request, kind, "a spot market has none")),
        DownloadKind::MarkCandles => "mark-price-kline",
        DownloadKind::IndexCandles => "index-price-kline",
        DownloadKind::PremiumIndexCandles => "premium-index-price-kline",
        DownloadKind::Funding => "funding/history",
        DownloadKind::OpenInterest => "open-interest",
    };
    let api = format!("v5/market/{endpoint}");
    let asked = format!("{api}?category={category}&symbol={symbol}");
    let pages = |what: &str, dialect, step_ms, window_ms| Pages {
        kind,
        symbol,
        folder: format!("{api}/{symbol}"),
        stem: format!("{symbol}-{what}"),
        dialect,
        step_ms,
        window_ms,
    };
    let question = |path: String| Question { path, body: None };
    match kind {
        DownloadKind::Funding => {
            // Two hundred rows an answer, and no interval below an hour.
            let pages = pages("funding", Dialect::BybitFunding, 8 * HOUR_MS, 200 * HOUR_MS);
            Ok(pages.items(period, |Period { from, to }| {
                question(format!("{asked}&startTime={}&endTime={}&limit=200", from.0, to.0 - 1))
            }))
        }
        DownloadKind::OpenInterest => {
            let step = FIVE_MINUTES_MS;
            let pages = pages("open-interest-5min", Dialect::BybitOpenInterest, step, 200 * step);
            Ok(pages.items(period, |Period { from, to }| {
                question(format!(
                    "{asked}&intervalTime=5min&startTime={}&endTime={}&limit=200",
                    from.0,
                    to.0 - 1
                ))
            }))
        }
        _ => {
            let word = interval_word(request, &INTERVALS)?;
            let (interval, step) = (request.interval.to_string(), request.interval.ms());
            let pages = Pages {
                folder: format!("{api}/{symbol}/{interval}"),
                ..pages(&interval, Dialect::BybitKline, step, 1000 * step)
            };
            Ok(pages.items(period, |Period { from, to }| {
                question(format!(
                    "{asked}&interval={word}&start={}&end={}&limit=1000",
                    from.0,
                    to.0 - 1
                ))
            }))
        }
    }
}

/// Derivatives have daily files; spot has monthly ones and, later, daily ones.
fn trades(is_spot: bool, symbol: &str, period: Period) -> Vec<Item> {
    let kind = DownloadKind::Trades;
    if is_spot {
        let file = |date: String| format!("spot/{symbol}/{symbol}{date}.csv.gz");
        return monthly_or_daily(
            period,
            |month| archive(kind, symbol, month, file(format!("-{}", month.month())), false),
            |day| archive(kind, symbol, day, file(format!("_{}", day.day())), false),
        );
    }
    let daily = |day: Period| {
        let path = format!("trading/{symbol}/{symbol}{}.csv.gz", day.day());
        archive(kind, symbol, day, path, false)
    };
    period.days().into_iter().map(daily).collect()
}
