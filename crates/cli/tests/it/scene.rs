//! Small simulated archives, and the lakes that the binary makes of them, once a test run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plimsoll_market::synthetic::{
    ArchiveOptions, PriceAnchor, SimulatedSymbol, SimulatorConfig, simulate, write_binance_archives,
};
use plimsoll_market::{Interval, Kind};

use crate::program::{folder, plimsoll};

/// Breakouts in autumn 2025, until after the crash of 10 October.
pub(crate) const STRATEGY: &str = r#"name = "autumn"

[data]
venue   = "binance-usdm"
symbols = ["BTCUSDT", "ETHUSDT"]
bar     = "1h"
from    = 2025-09-01
to      = 2025-11-01

[features]
upper = { rolling_max = "high", bars = 48, lag = 1 }
lower = { rolling_min = "low", bars = 48, lag = 1 }
above = { rolling_max = "high", bars = 24, lag = 1 }
below = { rolling_min = "low", bars = 24, lag = 1 }

[signal]
long       = "close > upper"
exit_long  = "close < below"
short      = "close < lower"
exit_short = "close > above"

[stop]
fraction = 0.15

[account]
equity   = 100_000
margin   = "cross"
leverage = 20

[costs]
fees     = "venue"
slippage = { half_spread_bps = 0.5, impact = { y = 1.0 } }

[sizing.fixed]
notional_fraction = 1.0

[sizing.kelly]
kelly = { fraction = [0.25, 1.0], estimator = "trades", trades = 20, min_trades = 5 }

[sizing.min_of_all]
kelly        = { fraction = 0.25, estimator = "trades", trades = 20, min_trades = 5 }
atr          = { risk_fraction = 0.01, bars = 14, multiple = 4.0 }
risk_cap     = 0.02
leverage_cap = 3.0
funding_cut  = { above_8h = 0.0005, multiply = 0.5 }

[sizing.over_leveraged]
notional_fraction = 8.0

[compare]
baseline  = "fixed"
bootstrap = { draws = 200, seed = 7 }
ruin      = { drawdown = 0.3, horizon_days = 90 }
"#;

/// Archives of August to October 2025 as the venue would have zipped them: the folder above
/// `futures`.
pub(crate) fn archives() -> &'static Path {
    static ARCHIVES: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let demo = SimulatorConfig::demo(2);
        let before_the_crash = demo.cascade.unwrap().begin();
        let anchored = |symbol: SimulatedSymbol, from: f64, to: f64| SimulatedSymbol {
            initial_price: from,
            anchor: Some(PriceAnchor { at: before_the_crash, price: to }),
            ..symbol
        };
        let config = SimulatorConfig {
            start: "2025-08-01".parse().unwrap(),
            n_days: 92,
            step: "15m".parse().unwrap(),
            symbols: vec![
                anchored(SimulatedSymbol::bitcoin(), 108_000.0, 122_000.0),
                anchored(SimulatedSymbol::ether(), 3_700.0, 4_400.0),
            ],
            ..demo
        };
        let kinds = vec![Kind::Candles, Kind::MarkCandles, Kind::IndexCandles, Kind::Funding];
        write("archives", &config, kinds, true)
    })
}

/// A month's archive of BTCUSDT: kind of klines or `fundingRate`, and `yyyy-mm`.
pub(crate) fn archive(kind: &str, month: &str) -> PathBuf {
    let folder = archives().join("futures/um/monthly").join(kind).join("BTCUSDT");
    let file = match kind {
        "fundingRate" => folder.join(format!("BTCUSDT-fundingRate-{month}.zip")),
        _ => folder.join(format!("1h/BTCUSDT-1h-{month}.zip")),
    };
    assert!(file.exists(), "{}", file.display());
    file
}

/// The lake of [`archives`], as the argument of `--data`.
pub(crate) fn lake() -> &'static str {
    static LAKE: OnceLock<String> = OnceLock::new();
    LAKE.get_or_init(|| ingested("lake", archives()))
}

/// A week of candles of a symbol without brackets, and one of BTCUSDT before its brackets begin.
pub(crate) fn outside_the_tables() -> &'static str {
    static LAKE: OnceLock<String> = OnceLock::new();
    LAKE.get_or_init(|| {
        let week = |symbol: &str, start: &str| SimulatorConfig {
            start: start.parse().unwrap(),
            n_days: 7,
            interval: Interval::HOUR,
            step: Interval::HOUR,
            symbols: vec![SimulatedSymbol { symbol: symbol.into(), ..SimulatedSymbol::bitcoin() }],
            ..SimulatorConfig::calm(3)
        };
        let files = write("outside", &week("NOSUCHUSDT", "2025-09-01"), vec![Kind::Candles], false);
        let early = SimulatorConfig { ..week("BTCUSDT", "2023-01-02") };
        let options = ArchiveOptions { kinds: vec![Kind::Candles], ..ArchiveOptions::default() };
        write_binance_archives(&simulate(&early).unwrap(), &files, &options).unwrap();
        ingested("outside-lake", &files)
    })
}

/// A folder with the strategy in `autumn.toml`, edited by `(old, new)`.
pub(crate) fn strategy_in(name: &str, edits: &[(&str, &str)]) -> PathBuf {
    let folder = folder(name);
    fs::write(folder.join("autumn.toml"), edited(edits)).unwrap();
    folder
}

/// The strategy with texts replaced, each of which has to be there.
pub(crate) fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(STRATEGY.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "`{old}` is not in the text");
        text.replacen(old, new, 1)
    })
}

fn write(name: &str, config: &SimulatorConfig, kinds: Vec<Kind>, zipped: bool) -> PathBuf {
    let folder = folder(name);
    let options = ArchiveOptions { zipped, kinds, ..ArchiveOptions::default() };
    write_binance_archives(&simulate(config).unwrap(), &folder, &options).unwrap();
    folder
}

fn ingested(name: &str, archives: &Path) -> String {
    let data = folder(name);
    let data = data.to_str().unwrap().to_owned();
    let ran = plimsoll(archives, &["ingest", ".", "--data", &data]).good();
    assert!(ran.stdout.contains("rows"), "{}", ran.stdout);
    data
}
