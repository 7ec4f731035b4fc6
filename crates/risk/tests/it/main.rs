//! Integration tests of the statistics.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::doc_markdown,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::many_single_char_names,
    clippy::similar_names
)]

mod assessment;
mod care;
mod degenerate;
mod forecast;
mod forecast_tests;
mod games;
mod golden;
mod hand_computed;
mod laws;
mod model_comparison;
mod quantile_regression;
mod real_forecasts;
mod regression;
mod resampling;
mod tail_uncertainty;
mod tails;

/// Asserts that two numbers agree to a relative or absolute tolerance.
#[track_caller]
fn assert_close(got: f64, expected: f64, tolerance: f64) {
    assert!(
        (got - expected).abs() <= tolerance * expected.abs().max(1.0),
        "got {got}, expected {expected} within {tolerance}"
    );
}
