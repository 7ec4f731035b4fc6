//! When to trade: features and rules of a strategy file, evaluated on closed bars.
//!
//! A strategy says when to enter, when to leave and where its stop stands; it never says how much.
//! This crate turns those words into columns, one value a bar, each known at that bar's close:
//! where an entry fires, where an exit rule holds, where the protective prices lie. Whatever size
//! is laid over them later, they stay the same, and so sizing rules can be compared on the same
//! trades.
//!
//! Three things are kept everywhere:
//! - **No look-ahead.** A value at bar `t` depends on bars up to `t`. A value of a longer interval
//!   exists once that longer bar has closed. SQL forms that see other bars are refused.
//! - **Undefined is not a number and not true.** A window with a missing bar, a funding rate or a
//!   liquidation outside the feed's coverage, `0 / 0`: all are undefined, and a rule that hangs on
//!   one is false. An undefined stop stays undefined, so that the entry can be refused.
//! - **Once.** An entry fires where its rule turns from false to true between one bar that exists
//!   and the next that does; before the first bar it counts as false. After a gap a rule can turn
//!   true anew once its features are defined again. Both directions at one close are an error.
//!
//! ```
//! use plimsoll_market::{Interval, Market, SymbolColumns, Timestamp};
//! use plimsoll_signal::SignalSpec;
//!
//! let spec: SignalSpec = toml::from_str(r#"
//!     [features]
//!     upper = { rolling_max = "close", bars = 3, lag = 1 }
//!
//!     [signal]
//!     long      = "close > upper"
//!     exit_long = "close < upper"
//!
//!     [stop]
//!     fraction = 0.05
//! "#)?;
//! assert_eq!(spec.validate(), []);
//! assert_eq!(spec.warm_up_bars(Interval::HOUR)?, 4);
//!
//! let close = vec![10.0, 11.0, 10.0, 12.0, 13.0, 9.0];
//! let market = Market {
//!     venue: "example".into(),
//!     interval: Interval::HOUR,
//!     start: Timestamp(0),
//!     n_bars: close.len(),
//!     symbols: vec![SymbolColumns { symbol: "BTCUSDT".into(), close, ..Default::default() }],
//! };
//! let signal = &spec.evaluate(&market)?[0];
//! assert_eq!(signal.entry, [0, 0, 0, 1, 0, 0]);
//! assert_eq!(signal.exit_long, [false, false, false, false, false, true]);
//! assert_eq!(signal.stop_long[3], 12.0 - 0.05 * 12.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//! Main types: [`SignalSpec`] (the tables as written), [`SignalRow`] (signals made elsewhere),
//! [`SignalError`]. Inside: `spec` the tables, `plan` their checks, `feature` a feature,
//! `rule` and `form` a rule, `expression` and `values` the column engine, `grid` longer intervals, `funding`
//! the funding column, `stop` protective prices, `stack` room for
//! recursion, `evaluate` the columns, `rows` and `file` signals
//! made elsewhere.

mod column;
mod error;
mod evaluate;
mod expression;
mod feature;
mod file;
mod form;
mod funding;
mod grid;
mod plan;
mod rows;
mod rule;
mod spec;
mod stack;
mod stop;
mod values;

pub use column::bar_column_names;
pub use error::{SignalError, SpecProblem};
pub use evaluate::{FeatureColumn, UndefinedInput};
pub use file::read_signal_file;
pub use rows::{RowSignal, SignalRow, UnusedRow, UnusedRowReason, signal_from_rows};
pub use spec::{
    AtrDistance, AtrSmoothing, FeatureSpec, FundingValue, LiquidatedSide, OpenInterestUnit,
    PremiumOver, RuleSpec, SignalSpec, StopSpec, TakeProfitSpec, TrailingSpec,
};
