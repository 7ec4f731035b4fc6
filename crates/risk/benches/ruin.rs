//! Ruin: first passages of 10,000 bootstrap paths of 5,000 periods, a tilted probability near
//! 1e-9 and the expected maximum drawdown of a Brownian motion. A hash of each result stands beside
//! its figure, so that a faster routine is known to give the same answer.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::Criterion;
use plimsoll_risk::ruin::brownian_drawdown::BrownianMotion;
use plimsoll_risk::ruin::discrete_bet::DiscreteBet;
use plimsoll_risk::ruin::first_passage::{
    Barriers, FirstPassage, FirstPassageSettings, first_passage,
};
use plimsoll_risk::ruin::tilting::{Ruin, TiltSettings, TiltedEstimate, tilted_ruin};
use sha2::{Digest, Sha256};

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("ruin");

    let returns = returns();
    for (name, drawdown) in [("drawdown_20_percent", 0.2), ("drawdown_never_reached", 0.99)] {
        let passage = first_passages(&returns, drawdown);
        let times = passage.times.iter().flat_map(|time| time.to_le_bytes());
        report(name, passage.any.probability, &times.collect::<Vec<u8>>());
        group.bench_function(format!("first_passage/{name}"), |bencher| {
            bencher.iter(|| first_passages(black_box(&returns), drawdown));
        });
    }

    let tilted = gambler();
    report("tilted_gambler", tilted.probability, &tilted.probability.to_le_bytes());
    group.bench_function("tilted_gambler", |bencher| bencher.iter(|| black_box(gambler())));

    let mean = expected_max_drawdown(0.7);
    report("expected_max_drawdown", mean, &mean.to_le_bytes());
    group.bench_function("expected_max_drawdown", |bencher| {
        bencher.iter(|| expected_max_drawdown(black_box(0.7)));
    });
    group.finish();
    criterion.final_summary();
}

fn report(name: &str, value: f64, bytes: &[u8]) {
    let hash = Sha256::new().chain_update(value.to_le_bytes()).chain_update(bytes).finalize();
    let hash = hash.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    eprintln!("{name}: {value:.6e}, sha256 {hash}");
}

/// 10,000 paths of 5,000 periods in blocks of 20.
fn first_passages(returns: &[f64], drawdown: f64) -> FirstPassage {
    let barriers = Barriers { drawdown: Some(drawdown), ..Barriers::default() };
    let settings = FirstPassageSettings {
        barriers,
        horizon: 5_000,
        draws: 10_000,
        mean_block: Some(20.0),
        seed: 1,
        level: 0.95,
    };
    first_passage(returns, &settings).unwrap()
}

/// 51 units at even money with a chance of 0.6, within 300 games.
fn gambler() -> TiltedEstimate {
    let bet = DiscreteBet::new(vec![0.01_f64.exp_m1(), (-0.01_f64).exp_m1()], vec![0.6, 0.4]);
    let settings = TiltSettings {
        ruin: Ruin::WealthBelow((-0.51_f64).exp()),
        horizon: Some(300),
        theta: None,
        draws: 20_000,
        seed: 1,
        level: 0.95,
    };
    tilted_ruin(&bet.unwrap(), &settings).unwrap()
}

fn expected_max_drawdown(drift: f64) -> f64 {
    let motion = BrownianMotion { drift, volatility: 0.6, horizon: 1.5 };
    motion.expected_max_drawdown().unwrap()
}

/// 1,500 returns between -2.85 % and 3.15 %, the same in every run.
fn returns() -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..1_500).map(|_| 0.0015 + 0.06 * (uniform() - 0.5)).collect()
}
