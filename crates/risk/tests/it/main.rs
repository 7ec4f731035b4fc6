//! Integration tests of the statistics.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::doc_markdown,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    clippy::similar_names,
    clippy::unreadable_literal
)]

mod assessment;
mod assessment_ahead;
mod brownian_drawdown;
mod care;
mod degenerate;
mod expectile_sample;
mod extremes;
mod first_passage;
mod forecast;
mod forecast_tests;
mod games;
mod garch;
mod garch_innovation;
mod hand_computed;
mod laws;
mod midas;
mod model_comparison;
mod overfitting;
mod quantile_regression;
mod real_forecasts;
mod regression;
mod resampling;
mod sharpe_tests;
mod tail_uncertainty;
mod tails;
mod tilting;

/// Asserts that two numbers agree to a relative or absolute tolerance.
#[track_caller]
fn assert_close(got: f64, expected: f64, tolerance: f64) {
    assert!(
        (got - expected).abs() <= tolerance * expected.abs().max(1.0),
        "got {got}, expected {expected} within {tolerance}"
    );
}

/// Numbers from 0 to 1 without a pattern that a test of means could see: a linear congruential
/// generator, so that other programs can make the same.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        state as f64 / 2_147_483_648.0
    };
    (0..n).map(|_| next()).collect()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}
