//! Exchange rules as dated data and pure functions.
//!
//! What a perpetual-futures venue does to an account is partly a table that changes over time
//! (brackets, fees, lots, funding rules) and partly arithmetic (margin, liquidation price, funding
//! payment). This crate keeps the two apart. The tables are CSV files in `tables/`, every row
//! with the date from which it holds, a status and a source; [`VenueRules`] checks them, adds
//! the user's own rows and answers by symbol and date. The arithmetic is small functions of plain
//! numbers, each formula once, for a replay and a calculator alike. Where a replay takes another
//! of the formulas than the venue of that day, the venue's notes say so.
//!
//! Figures that could not be verified are marked so in the tables, and [`VenueRules::notes`]
//! turns those that a replay uses into sentences for its report. A date before a table begins, or
//! a symbol without rows, is an error that says what to do, never a guess.
//!
//! Prices are in quote currency, money in the settlement currency, quantities in base units,
//! rates and fees are fractions. Cash to the account is positive.
//!
//! ```
//! use plimsoll_market::{Side, Timestamp};
//! use plimsoll_venue::{BracketAt, LiquidationInputs, VenueRules, liquidation_price};
//!
//! let rules = VenueRules::load("binance-usdm", &[])?;
//! let at = Timestamp::from_date(2025, 10, 10).expect("a date");
//! let ladder = rules.ladder("BTCUSDT", at)?;
//!
//! // One bitcoin long at 100,000 with 5,000 of isolated margin.
//! let position = LiquidationInputs::isolated(Side::Long, 1.0, 100_000.0, 5_000.0);
//! let liquidation = liquidation_price(&position, ladder, BracketAt::Liquidation)?;
//! assert_eq!(liquidation.price.map(f64::round), Some(95_382.0));
//! # Ok::<(), plimsoll_venue::VenueError>(())
//! ```
//!
//! - [`rules`]: a venue's tables, looked up by symbol and date
//! - [`contract`]: linear and inverse contracts
//! - [`ladder`]: brackets and maintenance margin
//! - [`liquidation`], [`joint`], [`closed_forms`]: liquidation and bankruptcy price, of one position
//!   and of several that move together
//! - [`margin`]: the margin of an account, isolated, cross and portfolio
//! - [`process`]: what the venue does once the price is reached
//! - [`insurance`]: the venue's fund and when it starts auto-deleveraging
//! - [`vault`]: a vault that takes liquidated positions over and unwinds them
//! - [`funding`]: rates, payments, budgets and the carry of a hedged pair
//! - [`book`]: what an order of some size pays
//! - [`transfer`]: what must stay when margin is taken out
//! - [`adl`]: who pays when the insurance fund is empty
//! - [`lot`]: lots, ticks and smallest orders
//! - [`tables`], [`profile`]: what a row and a venue hold
//! - [`error`]: what can go wrong

pub mod adl;
pub mod book;
pub mod closed_forms;
pub mod contract;
pub mod error;
pub mod funding;
pub mod insurance;
pub mod joint;
pub mod ladder;
pub mod liquidation;
pub mod lot;
pub mod margin;
pub mod process;
pub mod profile;
pub mod rules;
pub mod tables;
pub mod transfer;
pub mod vault;

pub use book::{BookFill, BookLevel, impact_price, walk_book};
pub use closed_forms::{
    HedgeLeg, HyperliquidInputs, InverseLong, bybit_isolated_liquidation_price,
    hedge_liquidation_price, hyperliquid_liquidation_price, linearised_liquidation_price,
    liquidation_price_at_rate, okx_isolated_liquidation_price,
};
pub use contract::{ContractKind, underlying_of};
pub use error::{TableKind, VenueError};
pub use funding::budget::{FundedPosition, FundingCost, HoldingLimit, UnlimitedHolding};
pub use funding::carry::{Carry, HedgedPair};
pub use funding::payment::{
    ChargeTiming, FundingCharge, FundingCharges, FundingSettlement, HeldPosition, funding_charges,
};
pub use funding::premium::{ImpactNotional, PremiumWeights, premium_index};
pub use funding::schedule::{
    FundingSchedule, IntervalRevert, IntervalSwitch, ObservedInterval, observed_intervals,
};
pub use funding::{
    FundingFormula, FundingPrice, FundingRule, MAJORS_CAP_SHARE, RateCap, funding_payment, rate_8h,
    rate_annual,
};
pub use insurance::{FundReason, FundSignal, FundTrigger, InsuranceFund, PoolHistory, PoolSample};
pub use joint::{
    CrossLiquidation, CrossMove, CrossPosition, HedgeInputs, HedgeLiquidation,
    cross_liquidation_moves, hedge_liquidation_price_exact,
};
pub use ladder::{
    Bracket, Ladder, TierBasis, initial_margin, maintenance_deduction, maintenance_deductions,
};
pub use liquidation::{
    BracketAt, LiquidationInputs, LiquidationPrice, NoLiquidationPrice, bankruptcy_price,
    contract_bankruptcy_price, contract_liquidation_price, liquidatable_at_entry,
    liquidation_price,
};
pub use lot::{
    PriceGrid, Rounding, lots_down, meets_min_notional, meets_min_quantity, quantity_of_lots,
    round_quantity_down, round_to_step,
};
pub use process::{
    FeeRecipient, LiquidationAction, LiquidationProcess, LiquidationSettlement, LiquidationState,
    LiquidationStep, MoneyFlows, liquidation_step, settle_liquidation,
};
pub use profile::{MarginMode, TriggerPrice, VenueProfile};
pub use rules::{UserTable, VenueRules};
pub use tables::{DatedLadder, Fees, Instrument, Status};
pub use transfer::TransferRule;
pub use vault::{BackstopVault, Inventory, VaultAlarm, VaultFill, VaultSettings};
