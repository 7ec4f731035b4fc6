//! The market simulator, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod archive;
mod cascade;
mod laws;
mod statistics;

use plimsoll_market::synthetic::{SimulatedMarket, SimulatedSymbol, SimulatorConfig, simulate};
use plimsoll_market::{Interval, SymbolColumns, Timestamp};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Every column of numbers of a symbol, by name.
fn columns(symbol: &SymbolColumns) -> Vec<(&'static str, &[f64])> {
    let mark = symbol.mark.as_ref().expect("simulated markets have marks");
    let index = symbol.index.as_ref().expect("simulated markets have indices");
    vec![
        ("open", &symbol.open),
        ("high", &symbol.high),
        ("low", &symbol.low),
        ("close", &symbol.close),
        ("volume", &symbol.volume),
        ("quote_volume", &symbol.quote_volume),
        ("taker_buy_volume", &symbol.taker_buy_volume),
        ("mark.open", &mark.open),
        ("mark.high", &mark.high),
        ("mark.low", &mark.low),
        ("mark.close", &mark.close),
        ("index.open", &index.open),
        ("index.high", &index.high),
        ("index.low", &index.low),
        ("index.close", &index.close),
        ("liquidated_long_notional", &symbol.liquidated_long_notional),
        ("liquidated_short_notional", &symbol.liquidated_short_notional),
        ("open_interest", &symbol.open_interest),
        ("open_interest_value", &symbol.open_interest_value),
    ]
}

/// Two instruments for some days, without a cascade.
fn pair(seed: u64, n_days: u32, step: Interval) -> SimulatorConfig {
    SimulatorConfig {
        n_days,
        step,
        interval: step,
        symbols: vec![SimulatedSymbol::bitcoin(), SimulatedSymbol::ether()],
        ..SimulatorConfig::calm(seed)
    }
}

/// Ten days around the scripted cascade, in minutes.
fn cascade_days(seed: u64) -> SimulatedMarket {
    let config = SimulatorConfig {
        start: time("2025-10-03"),
        n_days: 10,
        interval: Interval::MINUTE,
        ..SimulatorConfig::demo(seed)
    };
    simulate(&config).expect("a valid configuration")
}
