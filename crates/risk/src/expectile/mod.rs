//! Expectiles: of a sample, given regressors, and given the past.
//!
//! | question | modules |
//! |---|---|
//! | What is the expectile of these returns? | [`sample`] |
//! | How does it move with known regressors? | [`regression`]; with many fast ones [`midas_regression`], [`midas_weights`] |
//! | How does it move with past returns? | [`care`] at given coefficients, [`care_fit`] to estimate them |
//! | What value at risk and expected shortfall follow? | [`care_tail`] |
//! | Which of two models of one response is better? | [`asymmetric_normal`] |

pub mod asymmetric_normal;
pub mod care;
pub mod care_fit;
mod care_search;
pub mod care_tail;
pub mod midas_regression;
mod midas_search;
pub mod midas_weights;
pub mod regression;
pub mod sample;
