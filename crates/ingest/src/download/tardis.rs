//! tardis.dev: a file a day, symbol and type; without a key the first day of each month.

use std::path::PathBuf;
use std::time::Duration;

use super::DownloadError;
use super::plan::{
    DownloadKind, Hosts, Item, Origin, Plan, Request, archive, not_offered, period, unknown_venue,
};

/// Venues that only tardis.dev has files of.
pub(super) const ONLY: [&str; 2] = ["deribit", "bitmex"];

/// Our venues and its exchanges.
const EXCHANGES: [(&str, &str); 12] = [
    ("binance-usdm", "binance-futures"),
    ("binance-coinm", "binance-delivery"),
    ("binance-spot", "binance"),
    ("bybit-linear", "bybit"),
    ("bybit-inverse", "bybit"),
    ("bybit-spot", "bybit-spot"),
    ("okx-swap", "okex-swap"),
    ("okx-futures", "okex-futures"),
    ("okx-spot", "okex"),
    ("hyperliquid", "hyperliquid"),
    ("deribit", "deribit"),
    ("bitmex", "bitmex"),
];

pub(super) fn plan(request: &Request) -> Result<Plan, DownloadError> {
    let found = EXCHANGES.iter().find(|(venue, _)| *venue == request.venue);
    let (_, exchange) = found.ok_or_else(|| unknown_venue(&request.venue))?;
    let mut items: Vec<Item> = Vec::new();
    let mut days_without_key = 0;
    for &kind in &request.kinds {
        let what = match kind {
            DownloadKind::Candles | DownloadKind::Trades => "trades",
            DownloadKind::MarkCandles
            | DownloadKind::IndexCandles
            | DownloadKind::Funding
            | DownloadKind::OpenInterest => "derivative_ticker",
            DownloadKind::Liquidations => "liquidations",
            DownloadKind::PremiumIndexCandles | DownloadKind::AggregateTrades => {
                return Err(not_offered(request, kind, "tardis.dev has no such files"));
            }
        };
        for symbol in &request.symbols {
            let name = symbol.to_ascii_uppercase();
            for day in period(request).days() {
                if !request.has_key && day.from != day.from.month_start() {
                    days_without_key += 1;
                    continue;
                }
                let date = day.day().replace('-', "/");
                let path = format!("v1/{exchange}/{what}/{date}/{name}.csv.gz");
                let mut item = archive(kind, symbol, day, path.clone(), false);
                item.origin =
                    Origin::Archive { path, has_checksum: false, with_key: request.has_key };
                items.push(item);
            }
        }
    }
    let mut notes = Vec::new();
    if days_without_key > 0 {
        notes.push(format!(
            "without a key in TARDIS_API_KEY tardis.dev gives the first day of each month only: {days_without_key} files are not asked for"
        ));
    }
    Ok(Plan {
        items,
        notes,
        folder: PathBuf::from("tardis"),
        hosts: Hosts {
            archive: "https://datasets.tardis.dev".to_owned(),
            listing: None,
            api: "https://datasets.tardis.dev".to_owned(),
            api_pause: Duration::from_millis(100),
        },
    })
}
