//! Bybit and OKX: down the ladder, so many brackets an order, and in the lowest ones a takeover
//! at the bankruptcy price.

use super::{FeeRecipient, LiquidationAction, LiquidationState, LiquidationStep};
use crate::error::{VenueError, check};
use crate::ladder::Ladder;
use crate::lot::{lots_down, quantity_of_lots};

/// How a venue goes down its ladder.
pub(super) struct Rule {
    /// Brackets that one order goes down.
    pub(super) tiers_per_step: u32,
    /// Positions in this bracket, counted from 1, or a lower one are taken over whole.
    pub(super) takeover_tier_max: u32,
    /// Whether the equity is also held against the lowest bracket's rate on the whole position.
    pub(super) is_first_tier_tested: bool,
}

impl Rule {
    pub(super) fn check(&self) -> Result<(), VenueError> {
        let tiers = self.tiers_per_step;
        check("tiers_per_step", f64::from(tiers), tiers >= 1, "1 or above")
    }

    pub(super) fn step(&self, state: &LiquidationState, ladder: &Ladder) -> LiquidationStep {
        let LiquidationState { quantity, mark_price: mark, fill_price, equity, .. } = *state;
        let equity_share = equity_share(state, ladder);
        let takeover = LiquidationStep {
            equity_share,
            ..LiquidationStep::new(LiquidationAction::BankruptcyTakeover, quantity)
        };
        let idx = ladder.bracket_idx(ladder.size(quantity, mark));
        let Some(target_idx) = idx.checked_sub(self.tiers_per_step as usize) else {
            return takeover;
        };
        // The order's limit is the bankruptcy price: a fill beyond it would use up what stands
        // behind the whole position.
        let behind = equity * equity_share;
        let is_fillable = quantity * state.side.sign() * (mark - fill_price) <= behind;
        if idx < self.takeover_tier_max as usize || behind <= 0.0 || !is_fillable {
            return takeover;
        }
        if self.is_first_tier_tested && equity <= first_tier_need(state, ladder) {
            return takeover;
        }
        let rest = largest_in_bracket(state, ladder, target_idx);
        if rest <= 0.0 {
            return takeover;
        }
        LiquidationStep {
            fee_fraction: state.liquidation_fee_fraction,
            fee_recipient: FeeRecipient::Venue,
            equity_share,
            ..LiquidationStep::new(LiquidationAction::Reduce, quantity - rest)
        }
    }
}

/// Share of the account's equity that stands behind the position: that of its maintenance margin.
/// Of an equity below zero the first position that is taken over takes all.
fn equity_share(state: &LiquidationState, ladder: &Ladder) -> f64 {
    if state.other_maintenance_margin <= 0.0 || state.equity <= 0.0 {
        return 1.0;
    }
    let own = ladder.required_margin(state.quantity, state.mark_price);
    own / (own + state.other_maintenance_margin)
}

/// What the account would need if the lowest bracket's rate held for the position.
fn first_tier_need(state: &LiquidationState, ladder: &Ladder) -> f64 {
    let notional = state.quantity * state.mark_price;
    ladder.brackets()[0].maintenance_margin(notional)
        + ladder.closing_fee_fraction() * notional
        + state.other_maintenance_margin
}

/// Largest quantity of whole lots that is still in a bracket.
fn largest_in_bracket(state: &LiquidationState, ladder: &Ladder, bracket_idx: usize) -> f64 {
    let cap = ladder.brackets()[bracket_idx].cap;
    let cap_quantity = cap / ladder.size(1.0, state.mark_price);
    let step = state.quantity_step;
    if step <= 0.0 {
        // A hair below, so that rounding does not leave it in the bracket above.
        return cap_quantity * (1.0 - 1e-10);
    }
    let lots = lots_down(cap_quantity, step);
    let rest = quantity_of_lots(lots, step);
    if ladder.size(rest, state.mark_price) > cap {
        quantity_of_lots((lots - 1.0).max(0.0), step)
    } else {
        rest
    }
}
