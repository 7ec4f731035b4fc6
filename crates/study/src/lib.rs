//! A study: one strategy file, its sizing rules laid over the same trades, and what came of it.
//!
//! [`parse`](fn@parse) reads a strategy file and reports all its mistakes together, each with its
//! place; lists expand into rules. [`run`](fn@run) loads the lake, evaluates the signal once, walks the size-free
//! trades once, and replays every rule over them, so that the comparison is paired. The
//! [`StudyResult`] holds everything that a report shows, and hashes to reproduce it.
//!
//! ```
//! let text = r#"
//!     name = "example"
//!     [data]
//!     venue = "binance-usdm"
//!     symbols = ["BTCUSDT"]
//!     bar = "1h"
//!     from = 2024-01-01
//!     to = 2025-01-01
//!     [signal]
//!     long = "close > open"
//!     exit_long = "close < open"
//!     [account]
//!     equity = 100_000
//!     margin = "cross"
//!     leverage = 5
//!     [costs]
//!     fees = "venue"
//!     slippage = { half_spread_bps = 0.5 }
//!     [sizing.fixed]
//!     notional_fraction = [0.5, 1.0]
//! "#;
//! let study = plimsoll_study::parse("example.toml", text, &[])?;
//! let names: Vec<&str> = study.rules.iter().map(|rule| rule.name.as_str()).collect();
//! assert_eq!(names, ["fixed[notional_fraction=0.5]", "fixed[notional_fraction=1.0]"]);
//! # Ok::<(), plimsoll_study::StudyError>(())
//! ```
//!
//! - [`strategy`]: the strategy file as it is written
//! - [`forecast_table`]: its table of risk forecasts
//! - [`presets`]: rules to start from
//! - [`mod@parse`]: from text to a checked study
//! - [`mod@run`]: from a study to its result
//! - [`result`]: the result set
//! - [`worlds`]: rules in many simulated worlds whose edge is known
//! - [`lookahead`]: whether anything reads later data than it may
//! - [`error`]: what can go wrong, with the place and the mend

mod compare;
mod coverage;
mod document;
pub mod error;
pub mod forecast_table;
mod forecasts;
mod gate_counts;
mod limit_worth;
pub mod lookahead;
mod metrics;
pub mod parse;
mod planner;
pub mod presets;
mod ranges;
mod receipt;
pub mod result;
mod rules;
pub mod run;
mod schema;
mod sensitivity;
mod sizes_on;
pub mod strategy;
mod tables;
mod verdict;
mod wording;
pub mod worlds;

pub use error::{Problem, StrategyProblems, StudyError};
pub use parse::{Ablation, NamedRule, Study, parse, parse_rule};
pub use presets::Preset;
pub use result::StudyResult;
pub use run::{Places, Progress, Unwatched, run};
pub use schema::schema;
pub use tables::is_margin_table;
pub use wording::keys_hint;
