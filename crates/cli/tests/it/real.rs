//! Real history, where it lies beside the repository: the cascade of 10 October 2025, and what it
//! does to an account that carries too much.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{folder, plimsoll};
use crate::report::{CsvTable, numbers, parquet, times};

const HISTORY: &str = "../../../shared/data/real/binance-usdm/full-history-1h";

/// 2025-10-10 21:00 UTC.
const CASCADE_MS: i64 = 1_760_130_000_000;

const STRATEGY: &str = r#"name = "afloat"

[data]
venue   = "binance-usdm"
symbols = ["BTCUSDT", "ETHUSDT"]
bar     = "1h"
from    = 2024-01-01
to      = 2026-01-01

[features]
fast = { ema = "close", bars = 50 }
slow = { ema = "close", bars = 200 }

[signal]
long      = "fast > slow"
exit_long = "fast < slow"

[account]
equity   = 100_000
margin   = "cross"
leverage = 10

[costs]
fees     = "venue"
slippage = { half_spread_bps = 0.5, impact = { y = 1.0 } }

[sizing.half]
notional_fraction = 0.5

[sizing.nine_times]
notional_fraction = 9.0

[compare]
baseline  = "half"
bootstrap = { draws = 200, seed = 7 }
ruin      = { drawdown = 0.5, horizon_days = 365 }
"#;

fn history() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(HISTORY);
    if folder.join("BTC_USDT_USDT-1h-futures.feather").exists() {
        return Some(folder);
    }
    eprintln!("skipped: there is no real history at {HISTORY}");
    None
}

#[test]
fn an_over_leveraged_account_does_not_survive_real_history() {
    let Some(history) = history() else {
        return;
    };
    let place = folder("real");
    let mut words = vec!["ingest".to_owned()];
    for coin in ["BTC", "ETH"] {
        for kind in ["futures", "mark", "funding_rate"] {
            let file = history.join(format!("{coin}_USDT_USDT-1h-{kind}.feather"));
            words.push(file.to_str().unwrap().to_owned());
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    plimsoll(&place, &words).good();

    let low_at_the_cascade = |kind: &str| {
        let file = format!(
            "data/lake/{kind}/venue=binance-usdm/symbol=BTCUSDT/interval=1h/year=2025/month=10.parquet"
        );
        let batch = parquet(&place.join(file));
        let row = times(&batch, "open_time").iter().position(|&time| time == CASCADE_MS).unwrap();
        numbers(&batch, "low")[row]
    };
    assert_eq!(low_at_the_cascade("candles"), 101_516.5);
    let mark_low = low_at_the_cascade("mark_candles");
    assert!((mark_low - 101_877.69).abs() < 0.005, "{mark_low}");

    fs::write(place.join("afloat.toml"), STRATEGY).unwrap();
    let ran = plimsoll(&place, &["study", "afloat.toml", "--threads", "2"]).good();
    assert!(ran.stdout.contains("Liquidated: nine_times"), "{}", ran.stdout);
    let report = place.join("reports/afloat");
    let summary = CsvTable::read(&report.join("summary.csv"));
    assert_eq!(summary.portfolio("half", "liquidations"), 0.0);
    assert!(summary.portfolio("nine_times", "liquidations") >= 1.0);
    assert!(summary.portfolio("nine_times", "final_equity") < 100_000.0);

    let liquidations = CsvTable::read(&report.join("liquidations.csv"));
    let of = |column: &str| liquidations.where_is("rule", "nine_times", column);
    let number = |text: &&str| text.parse::<f64>().unwrap();
    assert!(!of("time").is_empty() && of("time").iter().all(|time| time.ends_with('Z')));
    assert!(of("side").iter().all(|side| *side == "long"));
    for (mark, bankruptcy) in of("mark_price").iter().zip(of("bankruptcy_price")) {
        assert!(number(mark) > 0.0 && number(&bankruptcy) > 0.0);
    }
    assert!(of("bracket_tier").iter().all(|tier| number(tier) >= 1.0));
    assert!(of("maintenance_margin_rate").iter().all(|rate| number(rate) >= 0.004));
    assert!(of("mark_is_last").iter().all(|flag| *flag == "false"));
}
