//! Maintenance margins per second on one core, over the BTCUSDT brackets of 2025-10-10 and other
//! ladders of the tables, with positions and prices drawn at random. A hash of all margins stands
//! beside each figure, so that a faster search is known to find the same brackets.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use plimsoll_market::Timestamp;
use plimsoll_venue::{BracketAt, Ladder, LiquidationInputs, VenueRules, liquidation_price};
use sha2::{Digest, Sha256};

/// Positions of one measurement: enough to defeat a branch predictor, few enough to stay in the
/// nearest cache.
const N_POSITIONS: usize = 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(50);
    for (name, venue, symbol) in [
        ("binance_btc_12_brackets", "binance-usdm", "BTCUSDT"),
        ("hyperliquid_btc_2_tiers", "hyperliquid", "BTC"),
        ("bybit_btc_35_limits", "bybit-linear", "BTCUSDT"),
        ("okx_btc_99_tiers", "okx-swap", "BTC-USDT-SWAP"),
    ] {
        let rules = VenueRules::load(venue, &[]).unwrap();
        let at = Timestamp::from_date(2025, 10, 10).unwrap();
        measure(&mut criterion, name, rules.ladder(symbol, at).unwrap());
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, name: &str, ladder: &Ladder) {
    let positions = positions();
    let mut sha = Sha256::new();
    for &(quantity, price) in &positions {
        sha.update(ladder.maintenance_margin(quantity, price).to_le_bytes());
    }
    let hash = sha.finalize().iter().take(8).fold(String::new(), |t, b| t + &format!("{b:02x}"));
    eprintln!("{name}: {} brackets, sha256 {hash}", ladder.brackets().len());

    let mut group = criterion.benchmark_group("margin");
    group.throughput(Throughput::Elements(N_POSITIONS as u64));
    group.bench_function(format!("maintenance/{name}"), |bencher| {
        bencher.iter(|| {
            let margin =
                |&(quantity, price): &(f64, f64)| ladder.maintenance_margin(quantity, price);
            black_box(&positions).iter().map(margin).sum::<f64>()
        });
    });
    group.bench_function(format!("liquidation_price/{name}"), |bencher| {
        bencher.iter(|| {
            let price = |&(quantity, price): &(f64, f64)| {
                let margin = 0.1 * quantity * price;
                let side = plimsoll_market::Side::Long;
                let inputs = LiquidationInputs::isolated(side, quantity, price, margin);
                liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap().price
            };
            black_box(&positions).iter().filter_map(price).sum::<f64>()
        });
    });
    group.finish();
}

/// Quantities whose notionals are spread evenly in the logarithm from 1,000 to 1 billion, at prices
/// from 50,000 to 150,000: the same in every run.
fn positions() -> Vec<(f64, f64)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..N_POSITIONS)
        .map(|_| {
            let notional = 10_f64.powf(3.0 + 6.0 * uniform());
            let price = 50_000.0 + 100_000.0 * uniform();
            (notional / price, price)
        })
        .collect()
}
