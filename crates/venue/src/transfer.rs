//! What must stay in an account when margin is taken out of it.
//!
//! Taking out is anything but trading: a withdrawal, a transfer to the spot wallet, margin out of
//! an isolated position. The initial margin of the open positions has to stay, and at Hyperliquid
//! since 2025-03-15 also a share of the value of all positions, whichever is more. (Hyperliquid
//! announcement of 2025-03-13; Hyperliquid docs, Margining.) Opening positions and losing money
//! are not restricted by it.

use plimsoll_market::Timestamp;

use crate::error::{VenueError, check_finite, check_not_negative};
use crate::tables::Status;

/// A venue's rule for taking margin out, from a date on.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRule {
    /// First instant at which it holds.
    pub from: Timestamp,
    /// Share of the value of all positions that must stay; 0 where only the initial margin must.
    pub position_value_fraction: f64,
    /// How well it is known.
    pub status: Status,
    /// Where it is from.
    pub source: String,
}

impl TransferRule {
    /// What must stay: `max(initial margin, fraction * total position value)`, in the settlement
    /// currency.
    ///
    /// # Errors
    /// [`VenueError::BadInput`] for a number that is negative or not finite.
    pub fn margin_to_leave(
        &self,
        initial_margin: f64,
        position_value: f64,
    ) -> Result<f64, VenueError> {
        check_not_negative("initial_margin", initial_margin)?;
        check_not_negative("position_value", position_value)?;
        Ok(initial_margin.max(self.position_value_fraction * position_value))
    }

    /// The most that may be taken out of an equity (of the account, or of an isolated position),
    /// 0 or above.
    ///
    /// # Errors
    /// As [`TransferRule::margin_to_leave`], and for an equity that is not finite.
    pub fn withdrawable(
        &self,
        equity: f64,
        initial_margin: f64,
        position_value: f64,
    ) -> Result<f64, VenueError> {
        check_finite("equity", equity)?;
        Ok((equity - self.margin_to_leave(initial_margin, position_value)?).max(0.0))
    }
}
