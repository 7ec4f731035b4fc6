//! Fits of 2,500 simulated observations on one core. A hash of the parameters and the
//! log-likelihood stands beside each figure.
//!
//! With `PLIMSOLL_BENCH=series` it prints the series of the first fit as JSON instead, with
//! `PLIMSOLL_BENCH=fit` its time and its result, for `against_arch.py`.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use criterion::Criterion;
use plimsoll_risk::garch::{
    GarchFit, GarchParameters, GarchSpec, Innovation, InnovationFamily, Volatility, simulate,
};
use serde_json::json;
use sha2::{Digest, Sha256};

const N: usize = 2_500;
const REPETITIONS: usize = 21;

fn main() {
    let returns = series();
    match std::env::var("PLIMSOLL_BENCH").as_deref() {
        Ok("series") => print(&json!(returns)),
        Ok("fit") => print(&timed(&returns)),
        _ => measure(&returns),
    }
}

fn measure(returns: &[f64]) {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    for (name, innovation) in [
        ("gjr_skew_t", InnovationFamily::SkewT),
        ("gjr_t", InnovationFamily::StudentT),
        ("gjr_normal", InnovationFamily::Normal),
        ("gjr_nig", InnovationFamily::NormalInverseGaussian),
    ] {
        let spec = GarchSpec::new(Volatility::Gjr, innovation);
        let fit = GarchFit::of(returns, spec).unwrap();
        eprintln!(
            "{name}: {N} observations, {} evaluations from {} starts, gradient {:.1e}, sha256 {}",
            fit.evaluations,
            fit.starts,
            fit.gradient_norm,
            hash(&fit)
        );
        criterion.bench_function(&format!("garch/fit/{name}"), |bencher| {
            bencher.iter(|| GarchFit::of(black_box(returns), spec).unwrap().log_likelihood);
        });
    }
    criterion.final_summary();
}

fn timed(returns: &[f64]) -> serde_json::Value {
    let spec = GarchSpec::new(Volatility::Gjr, InnovationFamily::SkewT);
    let mut seconds: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            black_box(GarchFit::of(black_box(returns), spec).unwrap());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let fit = GarchFit::of(returns, spec).unwrap();
    json!({
        "seconds": seconds[REPETITIONS / 2],
        "log_likelihood": fit.log_likelihood,
        "parameters": fit.parameters().unwrap(),
        "sha256": hash(&fit),
    })
}

fn hash(fit: &GarchFit) -> String {
    let text = json!([fit.parameters().unwrap(), fit.log_likelihood]).to_string();
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(String::new(), |t, b| t + &format!("{b:02x}"))
}

/// Daily returns in per cent, the same in every run.
fn series() -> Vec<f64> {
    let parameters = GarchParameters {
        mu: 0.05,
        omega: 0.15,
        alpha: 0.05,
        gamma: 0.06,
        beta: 0.88,
        innovation: Innovation::SkewT { eta: 5.5, lambda: -0.1 },
    };
    simulate(Volatility::Gjr, &parameters, N, 11).unwrap()
}

fn print(value: &serde_json::Value) {
    writeln!(std::io::stdout().lock(), "{value}").unwrap();
}
