//! Hyperliquid: one interface, asked by JSON. Its archives lie in buckets whose readers pay.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::DownloadError;
use super::dialect::Dialect;
use super::plan::{
    DownloadKind, Hosts, Pages, Period, Plan, Question, Request, interval_word, not_offered, period,
};

const INTERVALS: [(&str, &str); 13] = [
    ("1m", "1m"),
    ("3m", "3m"),
    ("5m", "5m"),
    ("15m", "15m"),
    ("30m", "30m"),
    ("1h", "1h"),
    ("2h", "2h"),
    ("4h", "4h"),
    ("8h", "8h"),
    ("12h", "12h"),
    ("1d", "1d"),
    ("3d", "3d"),
    ("1w", "1w"),
];
const HOUR_MS: i64 = 3_600_000;

pub(super) fn plan(request: &Request) -> Result<Plan, DownloadError> {
    let mut items = Vec::new();
    let mut notes = Vec::new();
    for &kind in &request.kinds {
        let period = period(request);
        for symbol in &request.symbols {
            match kind {
                DownloadKind::Candles => {
                    let word = interval_word(request, &INTERVALS)?;
                    let step = request.interval.ms();
                    let pages = Pages {
                        kind,
                        symbol,
                        folder: format!("info/candleSnapshot/{symbol}/{word}"),
                        stem: format!("{symbol}-{word}"),
                        dialect: Dialect::HyperliquidCandles,
                        step_ms: step,
                        window_ms: 5000 * step,
                    };
                    items.extend(pages.items(period, |Period { from, to }| {
                        asked(&json!({"type": "candleSnapshot", "req": {
                            "coin": symbol, "interval": word,
                            "startTime": from.0, "endTime": to.0 - 1,
                        }}))
                    }));
                }
                DownloadKind::Funding => {
                    let pages = Pages {
                        kind,
                        symbol,
                        folder: format!("info/fundingHistory/{symbol}"),
                        stem: format!("{symbol}-funding"),
                        dialect: Dialect::HyperliquidFunding,
                        step_ms: HOUR_MS,
                        // Five hundred rows an answer, hourly, some of them late.
                        window_ms: 480 * HOUR_MS,
                    };
                    items.extend(pages.items(period, |Period { from, to }| {
                        asked(&json!({
                            "type": "fundingHistory", "coin": symbol,
                            "startTime": from.0, "endTime": to.0 - 1,
                        }))
                    }));
                }
                _ => {
                    let reason = "its archive lies in S3 buckets whose readers pay: copy asset_ctxs or node_fills_by_block from there and run `plimsoll ingest` on them";
                    return Err(not_offered(request, kind, reason));
                }
            }
        }
        if kind == DownloadKind::Candles {
            notes.push(
                "candles: the interface gives the latest 5,000 bars of an interval, nothing before"
                    .to_owned(),
            );
        }
    }
    Ok(Plan {
        items,
        notes,
        folder: PathBuf::from(&request.venue),
        hosts: Hosts {
            archive: "https://api.hyperliquid.xyz".to_owned(),
            listing: None,
            api: "https://api.hyperliquid.xyz".to_owned(),
            // A weight of 1,200 a minute, and a question of 20 or more.
            api_pause: Duration::from_millis(1_200),
        },
    })
}

fn asked(question: &serde_json::Value) -> Question {
    Question { path: "info".to_owned(), body: Some(question.to_string()) }
}
