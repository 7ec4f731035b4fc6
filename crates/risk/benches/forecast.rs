//! Walk-forward forecasts: two years of daily ones by the six default models with daily refits,
//! and each model on a shorter stretch. A hash of all forecasts stands beside the figures, so that
//! a faster search is known to end at the same parameters.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use plimsoll_risk::forecast::{ForecastSettings, RollingForecasts, TailModel, rolling_forecasts};
use sha2::{Digest, Sha256};

const WINDOW: usize = 500;
const FORECASTS: usize = 730;
/// Forecasts of a model measured on its own.
const FORECASTS_OF_ONE: usize = 64;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let returns = returns(WINDOW + FORECASTS);

    let defaults = settings(&TailModel::DEFAULT);
    let forecasts = rolling_forecasts(&returns, &defaults).unwrap();
    eprintln!("six_models: {} series, sha256 {}", forecasts.series.len(), hash(&forecasts));
    let mut group = criterion.benchmark_group("forecast");
    group.throughput(Throughput::Elements((TailModel::DEFAULT.len() * FORECASTS) as u64));
    group.bench_function("six_models_730_days", |bencher| {
        bencher.iter(|| rolling_forecasts(black_box(&returns), &defaults).unwrap());
    });

    let short = &returns[..WINDOW + FORECASTS_OF_ONE];
    group.throughput(Throughput::Elements(FORECASTS_OF_ONE as u64));
    for model in TailModel::ALL {
        let one = settings(&[model]);
        let forecasts = rolling_forecasts(short, &one).unwrap();
        eprintln!("{model}: sha256 {}", hash(&forecasts));
        group.bench_function(format!("64_days/{model}"), |bencher| {
            bencher.iter(|| rolling_forecasts(black_box(short), &one).unwrap());
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Both sides at 1 % and 5 %, a refit every day.
fn settings(models: &[TailModel]) -> ForecastSettings {
    ForecastSettings {
        models: models.to_vec(),
        window: WINDOW,
        refit_every: 1,
        ..ForecastSettings::default()
    }
}

fn hash(forecasts: &RollingForecasts) -> String {
    let mut sha = Sha256::new();
    for series in &forecasts.series {
        for values in [&series.value_at_risk, &series.expected_shortfall, &series.expectile] {
            values.iter().for_each(|value| sha.update(value.to_le_bytes()));
        }
    }
    sha.finalize().iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns with clusters of volatility and tails heavier than normal, the same in every run.
fn returns(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut variance = 4e-4_f64;
    (0..n)
        .map(|_| {
            let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            let r = variance.sqrt() * normal * if uniform() < 0.1 { 1.8 } else { 0.9 };
            let slope = if r < 0.0 { 0.10 } else { 0.05 };
            variance = 1e-5 + slope * r * r + 0.88 * variance;
            r
        })
        .collect()
}
