//! How much leverage may this trade carry? Every sizing rule answers with one number.
//!
//! A rule is a limit on `x = notional / equity`; the composite is the smallest of the limits
//! present, and a single rule is the composite with one limit. Which limit was binding, or which
//! gate refused what the limits had allowed, is part of the answer. What a limit cannot answer
//! (warm-up, no stop, an average true range of zero) is a typed reason, and the decision is then no
//! trade: an undefined limit is never dropped.
//!
//! Estimates are made at unit leverage from trades and bars that had closed by the decision, so
//! that the size of one trade never feeds the estimate behind the next.
//!
//! ```
//! use plimsoll_sizing::formulas::{BinaryBet, Limit, composite, leverage_from_risk};
//!
//! // 55 % winners at 1.5 to 1: Kelly risks a quarter of equity, a quarter of that is 6.25 %.
//! let kelly = BinaryBet::full_loss(0.55, 1.5).kelly_fraction()?;
//! let stop_distance = 0.00625;
//! let chosen = composite(&[
//!     Limit { name: "kelly", value: leverage_from_risk(0.25 * kelly, stop_distance) },
//!     Limit { name: "risk_cap", value: leverage_from_risk(0.02, stop_distance) },
//! ]);
//! assert!((chosen.leverage - 3.2).abs() < 1e-12); // the hard cap binds, not Kelly's 10
//! assert_eq!(chosen.binding, Some(1));
//! # Ok::<(), plimsoll_sizing::formulas::SizingError>(())
//! ```
//!
//! - [`formulas`]: the pure formulas
//! - [`rule`]: a rule as a strategy file states it
//! - [`past`]: what is known at a bar's close, the one source of every estimate
//! - [`estimate`]: edges estimated from that past, and the Kelly stakes that follow
//! - [`mod@plan`]: a rule's limits at one decision of a replay
//! - [`limits`]: the limits themselves, wherever their numbers come from
//! - [`chain`]: from the limits to a size, in the order in which they act
//! - [`given`]: numbers given by hand

pub mod chain;
pub mod estimate;
pub mod formulas;
mod gates;
pub mod given;
pub mod limits;
pub mod past;
pub mod plan;
pub mod rule;

pub use chain::{
    AccountCaps, AccountState, LimitValue, Multiplier, MultiplierValue, PlannedSize, SizeDecision,
    decide,
};
pub use estimate::{Edge, JointReturns, Payoff, Sample};
pub use formulas::{Behind, SizingError, leverage_inside_liquidation};
pub use given::GivenMoment;
pub use limits::{Moment, plan_at};
pub use past::{History, LimitInputs, Past};
pub use plan::{DecisionFacts, plan, plan_held};
pub use rule::SizingRule;
