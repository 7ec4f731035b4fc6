//! Archives in, checked history out.
//!
//! Exchanges and tools leave market history in many shapes: Binance's monthly zip files,
//! freqtrade's feather folders, CSV dumps from somebody's script. This crate turns them into the
//! lake of [`plimsoll_market::lake`], and it is strict on the way: a backtest cannot be better
//! than its bars, and a bad bar found here costs a minute, found in a result it costs a month.
//!
//! - Every row is checked: finite, positive, low <= open, close <= high, on the grid of its
//!   interval. What can be mended without guessing (order, equal repetitions, a last bar that
//!   was still forming) is mended and recorded in the receipt; everything else refuses the file
//!   with its name, line, value and rule, unless the user's [`Settings`] say otherwise.
//! - A refused file leaves nothing behind; the others of the run go in.
//! - Uncovered time is not filled: it stays unknown, which is not the same as quiet. Only where
//!   bars are made of trades does an interval without any get a flat bar of no volume, as venues
//!   write it themselves: where the trades' ids show that none is missing, or the silence is of
//!   ten minutes at most. Receipts count these bars.
//! - The same archives give the same bytes, and giving them again changes nothing.
//!
//! Traps that are known and handled: spot archives in microseconds, funding stamps some
//! milliseconds late, open-interest rows stamped before they were known, liquidations written
//! twice, rates in percent, bars that were still forming.
//!
//! ```
//! use plimsoll_ingest::{Options, NoProgress, ingest};
//! use plimsoll_market::{Lake, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("BTCUSDT_1h.csv");
//! std::fs::write(&file, "\
//! timestamp,open,high,low,close,volume
//! 1733436000000,98166.4,98900.0,97800.1,98400.0,1250.5
//! 1733439600000,98400.0,98410.0,90200.0,94101.9,9871.25
//! ")?;
//!
//! let lake = Lake::new(folder.path().join("data"));
//! let options = Options { venue: Some("binance-usdm".into()), ..Options::default() };
//! let summary = ingest(&[file], &options, &lake, &NoProgress)?;
//! assert_eq!(summary.merges[0].rows_added, 2);
//!
//! let series = &lake.series()?[0];
//! let table = lake.read(series, "2024-12-05".parse()?, "2024-12-06".parse()?)?;
//! assert_eq!(table.f64("low"), [97800.1, 90200.0]);
//! # Ok(())
//! # }
//! ```
//!
//! | module | |
//! |---|---|
//! | [`run`] | [`ingest`] itself |
//! | [`options`] | what a run is told |
//! | [`summary`] | what it did |
//! | [`export`](mod@export) | [`export()`]: series as CSV or Parquet files |
//! | [`download`](mod@download) | archives from the venues to disk, whole or not at all |
//! | [`inventory`] | [`ls`]: what a lake holds |
//! | [`why`](mod@why) | [`why()`]: what a file is taken for, and why |
//! | [`check`](mod@check) | [`check()`]: what is missing or looks wrong in it |
//! | [`coins`] | which coin a symbol is about |
//! | [`policy`] | the rules that archives and lakes are held to, and what is done where one is broken |
//! | [`limits`] | how large a file and its parts may be |
//! | [`settings`] | both, as a user's file sets them |
//! | [`decimal`] | decimal text to `f64` in one pass |
//! | [`error`] | every way in which a file can be refused |

mod archive;
pub mod check;
pub mod coins;
mod csv;
pub mod decimal;
mod decode;
pub mod download;
pub mod error;
pub mod export;
#[doc(hidden)]
pub mod fuzzing;
pub mod inventory;
mod json;
pub mod limits;
pub mod options;
pub mod policy;
mod raw;
pub mod run;
mod seen;
pub mod settings;
pub mod summary;
pub mod why;

pub use check::{Finding, Severity, Span, check, check_with};
pub use error::{FileFailure, IngestError, Place, Problem};
pub use export::{ExportError, ExportFormat, TimeFormat, export};
pub use inventory::{Coverage, MonthCoverage, Selection, Unreadable, ls, ls_readable};
pub use limits::Limits;
pub use options::{LiquidationUnit, Options, SourceFormat};
pub use policy::{Policies, Policy, PolicyError, Rule};
pub use run::{NoProgress, Progress, ingest, ingest_below};
pub use settings::{Mistake, Mistakes, Settings, SettingsError};
pub use summary::{FileNote, FileReport, Outcome, Summary, TakenPart};
pub use why::{Why, WhyPart, why};
