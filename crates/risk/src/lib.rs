//! Statistics of plain slices: what a column of returns earned, what it risked, and how sure one
//! can be of either.
//!
//! The crate knows no market, no account and no file. Its inputs are `&[f64]` of simple
//! per-period returns (or losses, or trade profits) and its results are numbers with their
//! uncertainty, so that a backtest, a spreadsheet and a live account are measured alike.
//!
//! Conventions that hold everywhere:
//!
//! - Losses, drawdowns, value at risk and expected shortfall are **positive** numbers. Expectiles
//!   are signed, on the side of the returns.
//! - `alpha` is the **tail probability**: 0.01 for what is often called "99 % VaR".
//! - Annualising takes an explicit `periods_per_year`: 365 for daily data of a market that never
//!   closes.
//! - No result is NaN. What is undefined is a typed [`RiskError`]: too few observations, a
//!   constant series, ruin, a ratio without losses. A value that is not finite is refused with its
//!   position, never skipped.
//! - Same input and seed, same bits, at any number of threads: each random draw has a stream of
//!   its own and floats are never summed in parallel.
//!
//! ```
//! use plimsoll_risk::drawdown::Drawdowns;
//! use plimsoll_risk::performance::cagr;
//! use plimsoll_risk::tail::value_at_risk::historical_es;
//!
//! let returns = [0.02, -0.01, 0.03, -0.04, -0.02, 0.05, 0.01, -0.03];
//! let growth = cagr(&returns, 365.0)?;
//! let drawdowns = Drawdowns::of_returns(&returns)?;
//! // The worst quarter of the days: -4 % and -3 %.
//! let shortfall = historical_es(&returns, 0.25)?;
//!
//! assert!(growth > 0.0);
//! assert!((drawdowns.max() - 0.0592).abs() < 1e-12);
//! assert!((shortfall - 0.035).abs() < 1e-12);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```
//!
//! | question | modules |
//! |---|---|
//! | What did it earn, and was that luck? | [`performance`], [`sharpe`], [`trade_statistics`], [`moments`] |
//! | How deep and how long did it fall? | [`drawdown`] |
//! | How bad is a bad day? | [`tail`], [`expectile`], [`quantile`] |
//! | How bad may tomorrow be, given how wild today was? | [`garch`] |
//! | Which model of tomorrow's tail is to be trusted here? | [`forecast`] |
//! | Were the forecasts of risk any good? | [`forecast_test`] |
//! | Will it survive? | [`ruin`] |
//! | Is one rule better than another? | [`compare`] |
//! | How is resampling done? | [`resample`], [`proportion`] |
//! | All of it for one column | [`assessment`], in short [`summary`] |

mod check;
mod error;
mod numeric;

pub mod assessment;
pub mod compare;
pub mod drawdown;
pub mod expectile;
pub mod forecast;
pub mod forecast_test;
pub mod garch;
pub mod moments;
pub mod performance;
pub mod proportion;
pub mod quantile;
pub mod resample;
pub mod ruin;
pub mod sharpe;
pub mod summary;
pub mod tail;
pub mod trade_statistics;

pub use error::{Result, RiskError};
