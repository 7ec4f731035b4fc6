//! Expectiles: of a sample, given regressors, and given the past.

pub mod care;
pub mod care_fit;
mod care_search;
pub mod care_tail;
pub mod midas_weights;
pub mod regression;
pub mod sample;
