//! How bad is a bad period? Value at risk and expected shortfall of one sample, taken as a whole.
//!
//! Nothing here knows of time: for tails that move with the market see [`crate::expectile`], and
//! [`quantile_regression`] for one that moves with given regressors.

pub mod discrete;
pub mod extreme_value;
pub mod liquidity;
pub mod profile_interval;
pub mod quantile_regression;
pub mod student_t;
pub mod threshold;
pub mod value_at_risk;
