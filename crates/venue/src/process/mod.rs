//! What a venue does with a position that it liquidates, one step at a time.
//!
//! A replay of bars calls [`liquidation_step`] when the mark has reached the liquidation price,
//! settles the step with [`settle_liquidation`], and asks again until the step closes nothing or
//! nothing is left. Every venue cancels the account's open orders first: that is the caller's.
//!
//! From the venues' pages:
//! - Binance sends one immediate-or-cancel order large enough to bring the account back above its
//!   maintenance margin, after loss and fee; failing that the insurance fund takes the position
//!   over at the bankruptcy price. The fee is on the liquidated notional.
//! - Bybit takes a position of the lowest bracket over at the bankruptcy price, surplus to the
//!   insurance fund, deficit from it; a larger one is reduced to the cap of the bracket below by a
//!   fill-or-kill order with the taker fee, and tested again.
//! - OKX reduces by two brackets at a time from the third up; in the two lowest, or where the
//!   equity is below the lowest bracket's requirement, it takes everything over at the bankruptcy
//!   price. Its requirement includes the liquidation fee, of the taker class.
//! - Hyperliquid sends market orders to the book; above 100,000 USDC the first is for 20 % of the
//!   position and the others, after 30 s, for all of it; below two thirds of the maintenance
//!   margin the liquidator vault takes position and margin; there is no fee.
//!
//! Chosen here, because no page says it: an order's fill price is the caller's. Reductions are
//! rounded so that the remainder is whole lots, and a remainder of less than one lot is closed.
//! - Binance in the lowest bracket closes everything; the reduction is the smallest that makes
//!   the account compliant at the mark with the remainder's own bracket; a takeover is settled as
//!   if closed at the fill price, and the account keeps what loss and fee leave; its fee goes to
//!   the insurance fund.
//! - Bybit and OKX: a reduction that would fill beyond the bankruptcy price is not sent, and the
//!   position is taken over. In a cross account the share of the equity that stands behind one
//!   position is that of its maintenance margin, so that the last position takes all; an equity
//!   below zero goes with the first. A takeover has no fee beyond what stands behind the
//!   position. Fees of reductions stay with the venue.
//! - OKX holds equity equal to the lowest bracket's requirement for too little, as it does at a
//!   margin ratio of 100 %, and adds the liquidation fee to that requirement too.
//! - Hyperliquid's vault takes the equity of the whole account.

mod binance;
mod hyperliquid;
mod settle;
mod tiers;

use plimsoll_market::Side;

pub use self::settle::{LiquidationSettlement, MoneyFlows, settle_liquidation};
use crate::error::{VenueError, check, check_finite, check_not_negative, check_positive};
use crate::ladder::Ladder;
use crate::lot::{Rounding, quantity_of_lots, round_to_step};

/// How a venue liquidates.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LiquidationProcess {
    /// Reduce so far that the rest is compliant, else take over.
    Binance,
    /// Reduce to the cap of a lower bracket, take over at the bankruptcy price in the lowest.
    Bybit {
        /// Brackets that one order goes down, 1 or above.
        tiers_per_step: u32,
        /// Positions in this bracket, counted from 1, or a lower one are taken over whole.
        takeover_tier_max: u32,
    },
    /// As Bybit, with the liquidation fee as part of the requirement and a test against the
    /// lowest bracket's rate.
    Okx {
        /// Brackets that one order goes down, 1 or above.
        tiers_per_step: u32,
        /// Positions in this bracket, counted from 1, or a lower one are taken over whole.
        takeover_tier_max: u32,
    },
    /// Orders to the book, a part first where the position is large; a vault as backstop.
    Hyperliquid {
        /// Positions above this notional, in the settlement currency, are closed in part first.
        partial_threshold_notional: f64,
        /// Share of the position that the first order closes.
        partial_fraction: f64,
        /// Pause after the first order.
        cooldown_seconds: f64,
        /// Equity below this share of the maintenance margin goes to the backstop.
        backstop_equity_fraction: f64,
    },
}

impl LiquidationProcess {
    /// Whether an order of the venue takes the position down by whole brackets, after which it is
    /// tested again at once.
    pub fn goes_by_brackets(&self) -> bool {
        matches!(self, Self::Bybit { .. } | Self::Okx { .. })
    }

    /// Whether the equity suffices. Equity equal to the requirement does at Binance and
    /// Hyperliquid; Bybit and OKX liquidate at a margin ratio of exactly 100 %.
    pub fn is_compliant(&self, state: &LiquidationState, ladder: &Ladder) -> bool {
        let required = ladder.required_margin(state.quantity, state.mark_price)
            + state.other_maintenance_margin;
        match self {
            Self::Bybit { .. } | Self::Okx { .. } => state.equity > required,
            _ => state.equity >= required,
        }
    }
}

/// The position and the money behind it at one mark price.
///
/// For an inverse contract the prices are [`unit_value`](crate::ContractKind::unit_value)s and the
/// side is the [`unit_side`](crate::ContractKind::unit_side).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationState {
    /// Direction of the position.
    pub side: Side,
    /// Size in base units, above 0.
    pub quantity: f64,
    /// Mark price.
    pub mark_price: f64,
    /// The price that a liquidation order would get.
    pub fill_price: f64,
    /// Isolated margin, or the wallet and all unrealised profit of a cross account, at the mark.
    pub equity: f64,
    /// [Required margin](Ladder::required_margin) of the other cross positions; 0 if isolated.
    pub other_maintenance_margin: f64,
    /// The instrument's liquidation fee, a fraction of the liquidated notional; the taker fee at
    /// Bybit and OKX.
    pub liquidation_fee_fraction: f64,
    /// The instrument's lot; 0 if quantities are not rounded.
    pub quantity_step: f64,
    /// Time since a partial order of the same liquidation; `None` if there was none.
    pub seconds_since_partial: Option<f64>,
}

/// What the venue does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiquidationAction {
    /// The margin suffices: nothing.
    None,
    /// Part of the position is closed in the market.
    Reduce,
    /// All of it is closed in the market.
    Close,
    /// All of it is closed by the insurance fund, which bears what the account cannot; the
    /// account keeps the rest.
    Takeover,
    /// All of it goes to the insurance fund at the bankruptcy price, with all that stands behind
    /// it.
    BankruptcyTakeover,
    /// All of it is taken over by a vault with the margin that is left.
    Backstop,
    /// The venue waits between two orders.
    Wait,
}

/// Who gets the fee of a liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeRecipient {
    /// The insurance fund.
    InsuranceFund,
    /// The venue, as any trading fee.
    Venue,
}

/// One step of a liquidation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationStep {
    /// What happens.
    pub action: LiquidationAction,
    /// Base units that leave the position; 0 for none.
    pub close_quantity: f64,
    /// Fee on them, a fraction of their notional.
    pub fee_fraction: f64,
    /// Who gets it.
    pub fee_recipient: FeeRecipient,
    /// Share of the account's equity that stands behind the position: 1 if isolated.
    pub equity_share: f64,
}

impl LiquidationStep {
    /// Whether a vault takes position and margin.
    pub fn is_backstop(&self) -> bool {
        self.action == LiquidationAction::Backstop
    }

    /// What is left of the position after the step, on the grid of lots.
    pub fn quantity_left(&self, state: &LiquidationState) -> f64 {
        let left = (state.quantity - self.close_quantity).max(0.0);
        if state.quantity_step > 0.0 && self.close_quantity > 0.0 {
            round_to_step(left, state.quantity_step, Rounding::Nearest)
        } else {
            left
        }
    }

    /// A step without a fee, all equity behind the position.
    fn new(action: LiquidationAction, close_quantity: f64) -> Self {
        Self {
            action,
            close_quantity,
            fee_fraction: 0.0,
            fee_recipient: FeeRecipient::InsuranceFund,
            equity_share: 1.0,
        }
    }
}

/// The venue's next step for a position.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range.
pub fn liquidation_step(
    process: &LiquidationProcess,
    state: &LiquidationState,
    ladder: &Ladder,
) -> Result<LiquidationStep, VenueError> {
    state.check()?;
    if process.is_compliant(state, ladder) {
        return Ok(LiquidationStep::new(LiquidationAction::None, 0.0));
    }
    Ok(match *process {
        LiquidationProcess::Binance => binance::step(state, ladder),
        LiquidationProcess::Bybit { tiers_per_step, takeover_tier_max } => {
            let rule =
                tiers::Rule { tiers_per_step, takeover_tier_max, is_first_tier_tested: false };
            rule.check()?;
            rule.step(state, ladder)
        }
        LiquidationProcess::Okx { tiers_per_step, takeover_tier_max } => {
            let rule =
                tiers::Rule { tiers_per_step, takeover_tier_max, is_first_tier_tested: true };
            rule.check()?;
            rule.step(state, ladder)
        }
        LiquidationProcess::Hyperliquid {
            partial_threshold_notional,
            partial_fraction,
            cooldown_seconds,
            backstop_equity_fraction,
        } => hyperliquid::Rule {
            partial_threshold_notional,
            partial_fraction,
            cooldown_seconds,
            backstop_equity_fraction,
        }
        .step(state, ladder),
    })
}

impl LiquidationState {
    fn check(&self) -> Result<(), VenueError> {
        check_positive("quantity", self.quantity)?;
        check_positive("mark_price", self.mark_price)?;
        check_positive("fill_price", self.fill_price)?;
        check_finite("equity", self.equity)?;
        check_not_negative("other_maintenance_margin", self.other_maintenance_margin)?;
        check_not_negative("liquidation_fee_fraction", self.liquidation_fee_fraction)?;
        check_not_negative("quantity_step", self.quantity_step)?;
        let seconds = self.seconds_since_partial.unwrap_or(0.0);
        // Infinity is "long ago".
        check("seconds_since_partial", seconds, seconds >= 0.0, "0 or above")?;
        check_finite("quantity * mark_price", self.quantity * self.mark_price)?;
        check_finite("quantity * fill_price", self.quantity * self.fill_price)?;
        check_finite("equity and other margin", self.equity.abs() + self.other_maintenance_margin)
    }
}

/// Whole lots at or below a quantity, without tolerance: never above it.
fn whole_lots_below(quantity: f64, quantity_step: f64) -> f64 {
    if quantity_step > 0.0 {
        quantity_of_lots((quantity / quantity_step).floor(), quantity_step)
    } else {
        quantity
    }
}
