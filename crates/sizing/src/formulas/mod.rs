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
//! - [`kelly_liquidation`]: Kelly on trades that a larger position would not have survived
//! - [`kelly_bootstrap`]: how far to shrink Kelly by what resamples of its sample would have said
//! - [`risk_constrained`]: Kelly under a bound on the probability of a drawdown
//! - [`liquidation`]: the largest position that a move does not liquidate
//! - [`volatility`]: average true range, volatility and tail target, cushion
//! - [`caps`]: risk, margin and notional; stop distance, concentration, funding, heat, exposure
//! - [`book`]: levels of heat and exposure, shares of venues
//! - [`gates`]: funding, liquidations, the health of prices; margin that volatility shrinks
//! - [`composite`](mod@composite): the smallest limit

mod barrier;
pub mod book;
pub mod caps;
mod check;
pub mod composite;
pub mod empirical_kelly;
mod error;
pub mod gates;
pub mod kelly;
pub mod kelly_bootstrap;
pub mod kelly_liquidation;
pub mod liquidation;
pub mod risk_constrained;
pub mod volatility;

pub use book::{
    EXPOSURE_LEVELS, HEAT_LEVELS, Level, VenueTier, exposure_share, reduction_to_share,
};
pub use caps::{
    ConcentrationOf, OpenPosition, Stop, concentration_cap, exposure, exposure_room, heat,
    heat_room, leverage_from_margin, leverage_from_risk,
};
pub use composite::{Composite, Limit, composite, settle};
pub use empirical_kelly::{
    EmpiricalKelly, EmpiricalKellyOutcome, EmpiricalKellySettings, OptimalF, WeightedReturns,
    empirical_kelly, empirical_kelly_weighted, log_terminal_wealth,
    max_leverage_without_liquidation, optimal_f,
};
pub use error::SizingError;
pub use gates::{
    FundingCut, Liquidated, LiquidationCut, OracleCheck, OracleReading, funding_holding_days,
    funding_paid_8h, funding_sign_changed, funding_sign_multiplier, margin_allocation, whole_bars,
};
pub use kelly::{
    BinaryBet, Drift, Shrinkage, bayesian_lower_bound, fractional_growth_share, shrinkage,
    shrinkage_binary, shrinkage_of,
};
pub use kelly_bootstrap::{Resamples, bootstrap_shrinkage};
pub use kelly_liquidation::{Backing, LiquidationSample, LiquidationTerms, TradeOutcome};
pub use liquidation::{Behind, adverse_move, leverage_inside_liquidation};
pub use risk_constrained::{
    Allocation, Outcomes, risk_aversion, risk_constrained_binary, risk_constrained_quadratic,
    risk_constrained_quadratic_sample, risk_constrained_sample,
};
pub use volatility::{
    AtrSize, AverageTrueRange, atr_move, average_true_range, cushion_exposure, drawdown_floor,
    ewma_volatility, realised_volatility, tail_target, true_range, volatility_target,
};
