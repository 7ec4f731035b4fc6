//! What a venue does with a position that it liquidates, one step at a time.
//!
//! A replay of bars calls [`liquidation_step`] when the mark has reached the liquidation price,
//! settles the step with [`settle_liquidation`], and asks again until the step closes nothing or
//! nothing is left.
//!
//! From the venues' pages: Binance sends one immediate-or-cancel order large enough to bring the
//! account back above its maintenance margin, after loss and fee; failing that the insurance
//! fund takes the position over at the bankruptcy price. The fee is on the liquidated notional.
//! Hyperliquid sends market orders to the book; above 100,000 USDC the first is for 20 % of the
//! position and the others, after 30 s, for all of it; below two thirds of the maintenance margin
//! the liquidator vault takes position and margin; there is no fee.
//!
//! Chosen here, because no page says it: the order's fill price is the caller's; Binance in the
//! lowest bracket closes everything; the reduction is the smallest that makes the account
//! compliant at the mark with the remainder's own bracket; it is rounded so that the remainder
//! is whole lots; a remainder of less than one lot is closed.

use plimsoll_market::Side;

use crate::error::{VenueError, check_finite, check_not_negative, check_positive};
use crate::ladder::Ladder;
use crate::lot::quantity_of_lots;

/// How a venue liquidates.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LiquidationProcess {
    /// Reduce so far that the rest is compliant, else take over at the bankruptcy price.
    Binance,
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

/// The position and the money behind it at one mark price.
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
    /// Maintenance margin of the other cross positions; 0 if isolated.
    pub other_maintenance_margin: f64,
    /// The instrument's liquidation fee, a fraction of the liquidated notional.
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
    /// All of it is closed by the insurance fund, which bears what the account cannot.
    Takeover,
    /// All of it is taken over with the margin that is left.
    Backstop,
    /// The venue waits between two orders.
    Wait,
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
}

impl LiquidationStep {
    /// Whether a vault takes position and margin.
    pub fn is_backstop(&self) -> bool {
        self.action == LiquidationAction::Backstop
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
    let maintenance_margin = ladder.maintenance_margin(state.quantity, state.mark_price)
        + state.other_maintenance_margin;
    let step = |action, close_quantity, fee_fraction| LiquidationStep {
        action,
        close_quantity,
        fee_fraction,
    };
    if state.equity >= maintenance_margin {
        return Ok(step(LiquidationAction::None, 0.0, 0.0));
    }
    Ok(match *process {
        LiquidationProcess::Binance => {
            let close_quantity = state.quantity - compliant_quantity(state, ladder);
            let action = if close_quantity < state.quantity {
                LiquidationAction::Reduce
            } else {
                LiquidationAction::Takeover
            };
            step(action, close_quantity, state.liquidation_fee_fraction)
        }
        LiquidationProcess::Hyperliquid {
            partial_threshold_notional,
            partial_fraction,
            cooldown_seconds,
            backstop_equity_fraction,
        } => {
            let part = whole_lots(state.quantity * partial_fraction, state.quantity_step);
            let is_large = state.quantity * state.mark_price > partial_threshold_notional;
            if state.equity < backstop_equity_fraction * maintenance_margin {
                step(LiquidationAction::Backstop, state.quantity, 0.0)
            } else {
                match state.seconds_since_partial {
                    Some(seconds) if seconds < cooldown_seconds => {
                        step(LiquidationAction::Wait, 0.0, 0.0)
                    }
                    None if is_large && part > 0.0 => step(LiquidationAction::Reduce, part, 0.0),
                    _ => step(LiquidationAction::Close, state.quantity, 0.0),
                }
            }
        }
    })
}

/// What a step moves between the account, the market and the venue's fund.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiquidationSettlement {
    /// The price that the account gets: never worse than the one that uses up its equity.
    pub price: f64,
    /// Fee taken from the account, at most what it has left.
    pub fee: f64,
    /// Equity of the account after the step, the remainder still at the mark; never below 0.
    pub equity_after: f64,
    /// Change of the insurance fund or backstop vault: fees and margin taken, less bad debt.
    pub insurance_delta: f64,
    /// Loss beyond the account's equity, 0 or above.
    pub bad_debt: f64,
}

/// Settles a step that closes something: the account pays the loss to `fill_price` and the fee as
/// far as its equity goes; the fund pays the rest and, at a backstop, keeps what is left.
///
/// A takeover is settled as if the fund closed the position at `fill_price` at once: the account
/// keeps what that price and the fee leave of its equity, if anything.
///
/// # Errors
/// [`VenueError::BadInput`] for inputs out of range or a step that closes nothing.
pub fn settle_liquidation(
    state: &LiquidationState,
    step: &LiquidationStep,
) -> Result<LiquidationSettlement, VenueError> {
    state.check()?;
    check_positive("close_quantity", step.close_quantity)?;
    check_not_negative("fee_fraction", step.fee_fraction)?;
    let sign = state.side.sign();
    let loss = step.close_quantity * sign * (state.mark_price - state.fill_price);
    let bad_debt = (loss - state.equity).max(0.0);
    let left = (state.equity - loss).max(0.0);
    if step.is_backstop() {
        return Ok(LiquidationSettlement {
            price: state.mark_price - sign * state.equity / step.close_quantity,
            fee: 0.0,
            equity_after: 0.0,
            insurance_delta: left - bad_debt,
            bad_debt,
        });
    }
    let fee = (step.fee_fraction * step.close_quantity * state.fill_price).min(left);
    Ok(LiquidationSettlement {
        price: state.fill_price + sign * bad_debt / step.close_quantity,
        fee,
        equity_after: left - fee,
        insurance_delta: fee - bad_debt,
        bad_debt,
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
        check_not_negative("quantity_step", self.quantity_step)
    }
}

/// Largest quantity below the present one that is compliant once the rest is closed, in whole
/// lots; 0 if there is none or the position is in the lowest bracket.
///
/// Equity after closing less the maintenance margin of the remainder is concave and piecewise
/// linear in the remainder, so that its brackets are searched from the present one downwards.
fn compliant_quantity(state: &LiquidationState, ladder: &Ladder) -> f64 {
    let LiquidationState { quantity, mark_price: mark, .. } = *state;
    let top = ladder.bracket_idx(ladder.size(quantity, mark));
    if top == 0 || state.equity <= 0.0 {
        return 0.0;
    }
    // Money that closing one base unit costs: what the fill loses against the mark, and the fee.
    let cost = state.side.sign() * (mark - state.fill_price)
        + state.liquidation_fee_fraction * state.fill_price;
    let excess = |rest: f64| {
        state.equity
            - (quantity - rest) * cost
            - ladder.maintenance_margin(rest, mark)
            - state.other_maintenance_margin
    };
    for bracket in ladder.brackets()[..=top].iter().rev() {
        let floor = bracket.floor / mark;
        if excess(floor) < 0.0 {
            continue;
        }
        let slope = cost - mark * bracket.maintenance_margin_rate;
        let rest = if slope < 0.0 { floor + excess(floor) / -slope } else { floor };
        // A hair below the root, so that the account is compliant after rounding as well.
        let rest = whole_lots(rest.min(quantity) * (1.0 - 1e-10), state.quantity_step);
        // Rounding to lots can leave the stretch that is compliant: there smaller is worse.
        return if excess(rest) >= 0.0 { rest } else { 0.0 };
    }
    0.0
}

fn whole_lots(quantity: f64, quantity_step: f64) -> f64 {
    if quantity_step > 0.0 {
        quantity_of_lots((quantity / quantity_step).floor(), quantity_step)
    } else {
        quantity
    }
}
