//! The expectile of a million returns beside sorting them, and the fits of a conditional expectile
//! to a window of a thousand. A hash of the results stands beside the figures, so that a faster way
//! is known to find the same.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use plimsoll_risk::expectile::care::CareModel;
use plimsoll_risk::expectile::care_fit::{CareFit, CareSettings};
use plimsoll_risk::expectile::sample::expectile;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

const N: usize = 1_000_000;
const TAUS: [f64; 3] = [0.001, 0.01, 0.1];
const WINDOW: usize = 1000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let returns = returns(N);
    let settings = CareSettings::default();
    let window = &returns[..WINDOW];
    let fit = |model| CareFit::of(window, model, 0.01, &settings).unwrap();
    let models =
        [CareModel::SymmetricAbsoluteValue, CareModel::AsymmetricSlope, CareModel::KuanYehHsu];

    let mut sha = Sha256::new();
    for tau in TAUS {
        sha.update(expectile(&returns, tau).unwrap().to_le_bytes());
    }
    for model in models {
        sha.update(fit(model).path.next.to_le_bytes());
    }
    let hash = sha.finalize().iter().take(8).fold(String::new(), |t, b| t + &format!("{b:02x}"));
    eprintln!("expectiles of {N} returns, three fits to {WINDOW}: sha256 {hash}");

    let mut group = criterion.benchmark_group("expectile_of_a_million");
    group.throughput(Throughput::Elements(N as u64));
    group.bench_function("sort_unstable_by_total_cmp", |bencher| {
        let sort = |mut values: Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        bencher.iter_batched(|| returns.clone(), sort, BatchSize::LargeInput);
    });
    for tau in TAUS {
        group.bench_function(format!("expectile_{tau}"), |bencher| {
            bencher.iter(|| expectile(black_box(&returns), tau).unwrap());
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("care_of_a_thousand");
    for model in models {
        let earlier = fit(model);
        group.bench_function(format!("from_nothing/{model:?}"), |bencher| {
            bencher.iter(|| fit(black_box(model)));
        });
        group.bench_function(format!("window_moved_on/{model:?}"), |bencher| {
            let moved = &returns[1..=WINDOW];
            bencher.iter(|| {
                CareFit::from_earlier(black_box(moved), &earlier.care, 0.01, &settings).unwrap()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Returns of a random size about 2 %: the same in every run.
fn returns(n: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..n)
        .map(|_| {
            let mut uniform = || rng.random::<f64>() - 0.5;
            let (a, b, c) = (uniform(), uniform(), uniform());
            0.03 * (a + b + c) / (0.3 + c.abs())
        })
        .collect()
}
