//! The formulas of sizing, each in one place: numbers in, a number or a typed reason out.
//!
//! Every sizing rule answers one question, *at this bar, how much leverage at most?*, with
//! `x = notional / equity`. The formulas here give that number for each rule; [`composite`](fn@composite)
//! takes the smallest and says which one it was. None of them knows a market, a bar or a
//! clock, and none returns NaN: what is undefined is a [`SizingError`], which the composite turns
//! into "no trade" with its reason.
//!
//! ```
//! use plimsoll_sizing::formulas::{BinaryBet, Limit, composite, leverage_from_risk};
//!
//! // 55 % winners that make 1.5 times what losers lose; the stop is 2 % away.
//! let kelly = BinaryBet::full_loss(0.55, 1.5).kelly_fraction()?;
//! let limits = [
//!     Limit { name: "kelly", value: leverage_from_risk(0.25 * kelly, 0.02) },
//!     Limit { name: "risk_cap", value: leverage_from_risk(0.02, 0.02) },
//! ];
//! let chosen = composite(&limits);
//! assert_eq!(chosen.binding, Some(1)); // quarter Kelly allows 3.125x, the risk cap 1x
//! assert!((chosen.leverage - 1.0).abs() < 1e-12);
//! # Ok::<(), plimsoll_sizing::formulas::SizingError>(())
//! ```
//!
//! - [`kelly`]: closed forms, fractions of Kelly, shrinkage
//! - [`empirical_kelly`](mod@empirical_kelly): Kelly and optimal f on a sample, the leverage no move in it liquidates
//! - [`risk_constrained`]: Kelly under a bound on the probability of a drawdown
//! - [`liquidation`]: the largest position that a move does not liquidate
//! - [`volatility`]: average true range, volatility and tail target, cushion
//! - [`caps`]: risk, margin and notional; stop distance, concentration, funding, heat, exposure
//! - [`book`]: levels of heat and exposure, shares of venues
//! - [`composite`](mod@composite): the smallest limit

mod barrier;
pub mod book;
pub mod caps;
mod check;
pub mod composite;
pub mod empirical_kelly;
mod error;
pub mod kelly;
pub mod liquidation;
pub mod risk_constrained;
pub mod volatility;

pub use book::{
    EXPOSURE_LEVELS, HEAT_LEVELS, Level, VenueTier, exposure_share, reduction_to_share,
};
pub use caps::{
    ConcentrationOf, FundingCut, OpenPosition, Stop, concentration_cap, exposure, exposure_room,
    heat, heat_room, leverage_from_margin, leverage_from_risk,
};
pub use composite::{Composite, Limit, composite, settle};
pub use empirical_kelly::{
    EmpiricalKelly, EmpiricalKellyOutcome, EmpiricalKellySettings, OptimalF, empirical_kelly,
    log_terminal_wealth, max_leverage_without_liquidation, optimal_f,
};
pub use error::SizingError;
pub use kelly::{
    BinaryBet, Drift, Shrinkage, fractional_growth_share, shrinkage, shrinkage_binary,
};
pub use liquidation::{Behind, adverse_move, leverage_inside_liquidation};
pub use risk_constrained::{
    Allocation, Outcomes, risk_aversion, risk_constrained_binary, risk_constrained_quadratic,
};
pub use volatility::{
    AtrSize, AverageTrueRange, atr_move, average_true_range, cushion_exposure, drawdown_floor,
    ewma_volatility, realised_volatility, tail_target, true_range, volatility_target,
};
