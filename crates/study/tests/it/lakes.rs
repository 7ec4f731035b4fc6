//! Small simulated lakes, made once a test run by the real ingestion from files in the venue's
//! own format.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plimsoll_ingest::{NoProgress, Options, ingest};
use plimsoll_market::synthetic::{
    ArchiveOptions, PriceAnchor, SimulatedSymbol, SimulatorConfig, simulate, write_binance_archives,
};
use plimsoll_market::{Interval, Kind, Lake};
use plimsoll_study::{Places, Study, StudyError, StudyResult, Unwatched, run};

use crate::scene::good_study;

/// Breakouts in autumn 2025, which a crash ends on 10 October.
pub(crate) const AUTUMN: &str = r#"name = "autumn"

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

[sizing.fixed_risk]
risk_fraction = 0.01

[sizing.kelly]
kelly = { fraction = [0.25, 1.0], estimator = "trades", trades = 20, min_trades = 6 }

[sizing.kelly_continuous]
kelly = { fraction = 0.25, estimator = "mean_variance", bars = 480 }

[sizing.kelly_empirical]
kelly = { fraction = 0.25, estimator = "log_growth", trades = 20, min_trades = 6, leverage_max = 4.0 }

[sizing.atr]
atr = { risk_fraction = 0.01, bars = 14, multiple = 4.0 }

[sizing.volatility_target]
volatility_target = { annual = 0.4 }

[sizing.min_of_all]
kelly         = { fraction = 0.25, estimator = "trades", trades = 20, min_trades = 6 }
atr           = { risk_fraction = 0.01, bars = 14, multiple = 4.0 }
risk_cap      = 0.02
concentration = { share = 0.25 }
leverage_cap  = 3.0
funding_cut   = { above_8h = 0.0005, multiply = 0.5 }

[sizing.over_leveraged]
notional_fraction = 5.0

[compare]
bootstrap = { draws = 200, seed = 7 }
ruin      = { drawdown = 0.3, horizon_days = 90 }
"#;

/// The prices and the funding of August to October 2025, simulated.
pub(crate) fn autumn() -> &'static Path {
    static LAKE: OnceLock<PathBuf> = OnceLock::new();
    LAKE.get_or_init(|| {
        let kinds = vec![Kind::Candles, Kind::MarkCandles, Kind::IndexCandles, Kind::Funding];
        make_lake("autumn", &autumn_config(), kinds)
    })
}

/// The same candles and nothing else.
pub(crate) fn candles_only() -> &'static Path {
    static LAKE: OnceLock<PathBuf> = OnceLock::new();
    LAKE.get_or_init(|| make_lake("candles", &autumn_config(), vec![Kind::Candles]))
}

/// A week of a symbol before the venue's table of its brackets begins, and one of a symbol that the
/// venue has no brackets of.
pub(crate) fn outside_the_tables(symbol: &str, start: &str) -> PathBuf {
    let config = SimulatorConfig {
        start: start.parse().unwrap(),
        n_days: 7,
        interval: Interval::HOUR,
        step: Interval::HOUR,
        symbols: vec![SimulatedSymbol { symbol: symbol.into(), ..SimulatedSymbol::bitcoin() }],
        ..SimulatorConfig::calm(3)
    };
    make_lake(symbol, &config, vec![Kind::Candles])
}

/// The autumn as if Bybit had recorded it.
pub(crate) fn autumn_at_bybit(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("study").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    copy_renamed(autumn(), &folder);
    folder
}

fn copy_renamed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let target = to.join(name.replace("venue=binance-usdm", "venue=bybit-linear"));
        if entry.file_type().unwrap().is_dir() {
            copy_renamed(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn autumn_config() -> SimulatorConfig {
    let demo = SimulatorConfig::demo(SEED);
    let before_the_crash = demo.cascade.unwrap().begin();
    let anchored = |symbol: SimulatedSymbol, from: f64, to: f64| SimulatedSymbol {
        initial_price: from,
        anchor: Some(PriceAnchor { at: before_the_crash, price: to }),
        ..symbol
    };
    SimulatorConfig {
        start: "2025-08-01".parse().unwrap(),
        n_days: 92,
        step: "15m".parse().unwrap(),
        symbols: vec![
            anchored(SimulatedSymbol::bitcoin(), 108_000.0, 122_000.0),
            anchored(SimulatedSymbol::ether(), 3_700.0, 4_400.0),
        ],
        ..demo
    }
}

/// A history in which the breakouts are long when the crash comes.
const SEED: u64 = 2;

/// A fresh lake below the build's folder for temporary files.
fn make_lake(name: &str, config: &SimulatorConfig, kinds: Vec<Kind>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("study").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let (archives, lake) = (folder.join("archives"), folder.join("data"));
    let options = ArchiveOptions { zipped: false, kinds, ..ArchiveOptions::default() };
    write_binance_archives(&simulate(config).unwrap(), &archives, &options).unwrap();
    let summary = ingest(&[archives], &Options::default(), &Lake::new(&lake), &NoProgress).unwrap();
    assert!(summary.rows > 0);
    lake
}

/// Runs a text over a lake.
pub(crate) fn try_run(
    text: &str,
    overrides: &[&str],
    lake: &Path,
) -> Result<StudyResult, StudyError> {
    run_study(&good_study(text, overrides), lake)
}

/// Runs a study over a lake; files that it names are looked for in the lake's folder.
pub(crate) fn run_study(study: &Study, lake: &Path) -> Result<StudyResult, StudyError> {
    let places = Places { data_dir: lake.to_owned(), strategy_dir: lake.to_owned() };
    run(study, &places, &Unwatched)
}
