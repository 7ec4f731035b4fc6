//! What the market did: records, the lake that keeps them, and columns ready to be walked.
//!
//! Archives become [`Table`]s of one [`Kind`], the [`Lake`] keeps them as checked Parquet with a
//! receipt in every file, and [`load_market`] brings a venue's symbols onto one grid of bars as
//! [`Market`] columns. In a column `NaN` means *unknown*; unknown is never zero. The crate also
//! holds what signals hand to the engine ([`SignalColumns`], [`SizeFreeTrade`]) and a seeded
//! simulator of perpetual futures ([`synthetic`]).
//!
//! ```
//! use plimsoll_market::{Interval, Timestamp};
//!
//! let time: Timestamp = "2025-10-10T21:15:03Z".parse()?;
//! let hour: Interval = "1h".parse()?;
//! assert_eq!(hour.floor(time).to_string(), "2025-10-10T21:00:00Z");
//! # Ok::<(), plimsoll_market::MarketError>(())
//! ```
//!
//! - [`time`]: instants and bar lengths
//! - [`table`]: kinds of record, their schemas, tables of rows
//! - [`lake`]: the Hive-partitioned Parquet lake
//! - [`load`]: from the lake to columns
//! - [`market`]: the columns
//! - [`signal_columns`], [`trade`]: what a strategy's signal leaves behind
//! - [`synthetic`]: the seeded market simulator

pub mod error;
pub mod lake;
pub mod load;
pub mod market;
pub mod signal_columns;
pub mod synthetic;
pub mod table;
pub mod time;
pub mod trade;

pub use error::MarketError;
pub use lake::{Incoming, Lake, LakeWriter, MergeOptions, MergeOutcome, Receipt, Series};
pub use load::{LoadRequest, ReferenceVenue, load_market};
pub use market::{CoverageFlag, FundingEvent, Market, PriceBar, PriceColumns, SymbolColumns};
pub use signal_columns::SignalColumns;
pub use table::{Column, ColumnType, Kind, Table};
pub use time::{DAY_MS, Interval, Timestamp, YEAR_MS};
pub use trade::{Side, SizeFreeTrade, TradeExit};
