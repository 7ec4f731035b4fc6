//! Binance: one order for the part that makes the rest compliant, else a takeover.

use super::{FeeRecipient, LiquidationAction, LiquidationState, LiquidationStep, whole_lots_below};
use crate::ladder::Ladder;
use crate::lot::{Rounding, round_to_step};

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
/// Equity after closing less what the remainder requires is a straight line within a bracket.
/// Brackets are searched from the present one downwards, each by its own line: where deductions
/// are rounded, or the rate holds for the whole position, the lines of two do not meet.
fn compliant_quantity(state: &LiquidationState, ladder: &Ladder) -> f64 {
    let LiquidationState { quantity, mark_price: mark, equity, .. } = *state;
    let size_per_unit = ladder.size(1.0, mark);
    let top = ladder.bracket_idx(ladder.size(quantity, mark));
    if top == 0 || equity <= 0.0 {
        return 0.0;
    }
    // Money that closing one base unit costs: what the fill loses against the mark, and the fee.
    let cost = state.side.sign() * (mark - state.fill_price)
        + state.liquidation_fee_fraction * state.fill_price;
    let left_for = |rest: f64| equity - (quantity - rest) * cost - state.other_maintenance_margin;
    // The account has to be compliant after rounding as well.
    let rounding =
        8.0 * f64::EPSILON * (equity + quantity * cost.abs() + state.other_maintenance_margin);
    let is_compliant = |rest: f64| {
        rest < quantity && left_for(rest) - ladder.required_margin(rest, mark) >= rounding
    };
    for (idx, bracket) in ladder.brackets()[..=top].iter().enumerate().rev() {
        let (rate, deduction) = ladder.requirement_line(idx);
        let slope = cost - mark * rate;
        // The last bracket is continued above its cap.
        let largest = if idx == top { quantity } else { bracket.cap / size_per_unit };
        let excess = left_for(largest) - (mark * largest * rate - deduction);
        let rest = if excess >= 0.0 {
            largest
        } else if slope < 0.0 {
            largest - excess / slope
        } else {
            // A smaller rest is even poorer.
            continue;
        };
        if rest * size_per_unit < bracket.floor {
            continue;
        }
        if let Some(rest) = near(rest, state.quantity_step).into_iter().find(|&r| is_compliant(r)) {
            return rest.max(0.0);
        }
    }
    0.0
}

/// Quantities on the grid of lots at a root and around it, the largest first: the root is only
/// known up to rounding.
fn near(root: f64, quantity_step: f64) -> [f64; 5] {
    let lot = |lots: f64| whole_lots_below(root, quantity_step) + lots * quantity_step;
    let below = |share: f64| whole_lots_below(root * (1.0 - share), quantity_step);
    if quantity_step > 0.0 {
        let on_grid = |value: f64| round_to_step(value, quantity_step, Rounding::Nearest);
        [on_grid(lot(1.0)), on_grid(lot(0.0)), on_grid(lot(-1.0)), below(1e-10), below(1e-7)]
    } else {
        [root, below(1e-12), below(1e-10), below(1e-8), below(1e-6)]
    }
}
