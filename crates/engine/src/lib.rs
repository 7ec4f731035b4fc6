//! The replay: trades laid over history with the venue's real rules.
//!
//! Signals decide *when*, sizing decides *how much*. [`size_free_trades`] walks the signal columns
//! once and gives a list of trades without sizes; [`replay`](replay()) lays one sizing rule's plans
//! over that list, bar by bar, with fills, costs, funding, margin and liquidation on the mark price,
//! and keeps a ledger of every change of money. The formulas stand in [`account`] and in
//! `plimsoll-venue`, each once.
//!
//! Orders decided at a close fill at the next open with spread, impact and fee. Inside a bar the
//! adverse extreme comes first: stops trigger on the last price, liquidations on the mark, and the
//! venue's own process decides what a liquidation leaves. Margin is isolated, cross, or the venue's
//! portfolio margin with each symbol a risk unit of its own. What the bars do not say is assumed
//! against the account, and counted in the [`Outcome`].
//!
//! A size is decided at the entry from the account as it stands at that close: its equity and the
//! peak of it, the heat and exposure of the other positions, what the venue allows. What the next
//! open brings is not known there: an entry that finds no fill has had its part of what all share,
//! and an exit that waits for a fill counts as made. A rule may
//! decide again at every close ([`Resizing`]), each change a costed fill, and may end a position
//! that has been held long enough.
//!
//! ```
//! use plimsoll_engine::{
//!     Costs, ExitReason, Intrabar, MarginMode, Prepared, Settings, Simultaneous, Span, replay,
//!     size_free_trades,
//! };
//! use plimsoll_market::{Interval, Market, SignalColumns, SymbolColumns, Timestamp};
//! use plimsoll_sizing::{PlannedSize, formulas::Limit};
//! use plimsoll_venue::VenueRules;
//!
//! // Four hourly bars of bitcoin; the third falls to 90,000 and recovers.
//! let market = Market {
//!     venue: "binance-usdm".into(),
//!     interval: Interval::HOUR,
//!     start: Timestamp::from_date(2025, 10, 10).expect("a date"),
//!     n_bars: 4,
//!     symbols: vec![SymbolColumns {
//!         symbol: "BTCUSDT".into(),
//!         open: vec![100_000.0; 4],
//!         high: vec![100_000.0; 4],
//!         low: vec![100_000.0, 100_000.0, 90_000.0, 100_000.0],
//!         close: vec![100_000.0; 4],
//!         volume: vec![500.0; 4],
//!         quote_volume: vec![5e7; 4],
//!         ..SymbolColumns::default()
//!     }],
//! };
//! let rules = VenueRules::load("binance-usdm", &[])?;
//! let settings = Settings {
//!     equity: 100_000.0,
//!     margin: MarginMode::Isolated,
//!     leverage: 10.0,
//!     costs: Costs { half_spread_bps: 0.5, impact_y: 0.0, stop_slippage: 0.25 },
//!     intrabar: Intrabar::Pessimistic,
//!     simultaneous: Simultaneous::FileOrder,
//! };
//!
//! // The signal: long at the first close. Its size-free trade ends with the data, unharmed.
//! let signal = SignalColumns { entry: vec![1, 0, 0, 0], ..SignalColumns::default() };
//! let prepared = Prepared::new(&market, &rules, 0, None)?;
//! let list = size_free_trades(&prepared, &[signal], &settings);
//! assert!(list.trades[0].unit_return > -0.002);
//!
//! // The same trade at twice the equity on ten times leverage: liquidated at 90,366.
//! let twice = PlannedSize::of_limits(vec![Limit { name: "notional_fraction", value: Ok(2.0) }]);
//! let span = Span { from_bar: 0, to_bar: market.n_bars };
//! let outcome = replay(&prepared, &list.trades, &[twice], &settings, span);
//! assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
//! assert_eq!(outcome.liquidations[0].mark_price.round(), 90_366.0);
//! # Ok::<(), plimsoll_venue::VenueError>(())
//! ```
//!
//! - [`account`]: the account's formulas
//! - [`prepared`]: the market and the venue's rules made ready for walking
//! - [`trades`]: the size-free list
//! - [`mod@replay`]: the readable loop
//! - [`outcome`]: what a replay leaves behind
//! - [`settings`]: what a replay is told

pub mod account;
pub mod ladders;
pub mod outcome;
pub mod prepared;
pub mod replay;
pub mod settings;
pub mod trades;

pub use ladders::{DatedLadders, LadderInForce};
pub use outcome::{
    CancelledEntry, Cause, Decision, DecisionKind, DecisionOutcome, ExitReason, LedgerRow,
    LiquidationRecord, Outcome, TradeRecord,
};
pub use plimsoll_sizing::{LimitValue, MultiplierValue};
pub use prepared::Prepared;
pub use replay::{CancelledPlan, Resizing, SizePlans, Span, replay};
pub use settings::{Costs, Intrabar, MarginMode, Settings, Simultaneous};
pub use trades::{TradeList, size_free_trades};
