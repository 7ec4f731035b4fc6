//! Binance: one order for the part that makes the rest compliant, else a takeover.

use super::{FeeRecipient, LiquidationAction, LiquidationState, LiquidationStep, whole_lots_below};
use crate::ladder::Ladder;

pub(super) fn step(state: &LiquidationState, ladder: &Ladder) -> LiquidationStep {
    let close_quantity = state.quantity - compliant_quantity(state, ladder);
    let action = if close_quantity < state.quantity {
        LiquidationAction::Reduce
    } else {
        LiquidationAction::Takeover
    };
    LiquidationStep {
        fee_fraction: state.liquidation_fee_fraction,
        fee_recipient: FeeRecipient::InsuranceFund,
        ..LiquidationStep::new(action, close_quantity)
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
            - ladder.required_margin(rest, mark)
            - state.other_maintenance_margin
    };
    for (idx, bracket) in ladder.brackets()[..=top].iter().enumerate().rev() {
        let floor = bracket.floor / ladder.size(1.0, mark);
        if excess(floor) < 0.0 {
            continue;
        }
        let slope = cost - mark * ladder.requirement_line(idx).0;
        let rest = if slope < 0.0 { floor + excess(floor) / -slope } else { floor };
        // A hair below the root, so that the account is compliant after rounding as well.
        let rest = whole_lots_below(rest.min(quantity) * (1.0 - 1e-10), state.quantity_step);
        // Rounding to lots can leave the stretch that is compliant: there smaller is worse.
        return if excess(rest) >= 0.0 { rest } else { 0.0 };
    }
    0.0
}
