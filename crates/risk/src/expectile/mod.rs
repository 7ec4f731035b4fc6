//! Expectiles: of a sample, given regressors, and given the past.

pub mod midas_weights;
pub mod regression;
pub mod sample;
