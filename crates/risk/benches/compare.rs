//! Comparisons of many rules at the size of a study: twelve models of 700 losses. A hash of each
//! result stands beside its time, so that a faster one is known to compute the same.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::Criterion;
use plimsoll_risk::compare::Resampling;
use plimsoll_risk::compare::model_confidence_set::{McsStatistic, ModelConfidenceSet};
use plimsoll_risk::compare::overfitting::{BacktestOverfitting, Performance};
use plimsoll_risk::compare::sharpe_bootstrap::{SharpeBootstrap, sharpe_difference_bootstrap};
use plimsoll_risk::compare::superior_predictive_ability::{
    SpaStatistic, SuperiorPredictiveAbility,
};
use sha2::{Digest, Sha256};

const MODELS: usize = 12;
const PERIODS: usize = 700;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let losses = losses();
    let columns: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
    let resampling = Resampling { mean_block: 10.0, draws: 1_000, seed: 1 };

    for (name, statistic) in [("mcs_range", McsStatistic::Range), ("mcs_max", McsStatistic::Max)] {
        let run = || ModelConfidenceSet::of(black_box(&columns), statistic, &resampling).unwrap();
        measure(&mut criterion, name, || run().p_values);
    }
    measure(&mut criterion, "spa", || {
        let (benchmark, models) = black_box(&columns).split_first().unwrap();
        let statistic = SpaStatistic::Studentised;
        let test = SuperiorPredictiveAbility::of(benchmark, models, statistic, &resampling);
        let test = test.unwrap();
        vec![test.p_lower, test.p_consistent, test.p_upper]
    });
    for (name, performance) in [
        ("overfitting_16_blocks_sharpe", Performance::Sharpe),
        ("overfitting_16_blocks_growth", Performance::MeanLogGrowth),
    ] {
        let run = || BacktestOverfitting::of(black_box(&columns), 16, performance).unwrap();
        measure(&mut criterion, name, || run().splits.iter().map(|split| split.logit).collect());
    }
    measure(&mut criterion, "sharpe_bootstrap_4999", || {
        let settings = SharpeBootstrap { block: 10, ..SharpeBootstrap::default() };
        let test = sharpe_difference_bootstrap(&losses[0], black_box(&losses[1]), &settings);
        let test = test.unwrap();
        vec![test.low, test.high, test.p_value]
    });
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, name: &str, run: impl Fn() -> Vec<f64>) {
    let mut sha = Sha256::new();
    for value in run() {
        sha.update(value.to_le_bytes());
    }
    let hash = sha.finalize().iter().take(8).fold(String::new(), |t, b| t + &format!("{b:02x}"));
    eprintln!("{name}: sha256 {hash}");
    criterion.bench_function(&format!("compare/{name}"), |bencher| bencher.iter(&run));
}

/// Losses with a part common to all models, a little worse from model to model: the same in every
/// run.
fn losses() -> Vec<Vec<f64>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let common: Vec<f64> = (0..PERIODS).map(|_| uniform()).collect();
    (0..MODELS)
        .map(|model| common.iter().map(|x| x + uniform() + 0.02 * model as f64).collect())
        .collect()
}
