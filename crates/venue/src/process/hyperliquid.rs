//! Hyperliquid: orders to the book, a part first where the position is large; a vault as backstop.

use super::{LiquidationAction, LiquidationState, LiquidationStep, whole_lots_below};
use crate::ladder::Ladder;

/// The figures of [`LiquidationProcess::Hyperliquid`](super::LiquidationProcess::Hyperliquid).
pub(super) struct Rule {
    pub(super) partial_threshold_notional: f64,
    pub(super) partial_fraction: f64,
    pub(super) cooldown_seconds: f64,
    pub(super) backstop_equity_fraction: f64,
}

impl Rule {
    pub(super) fn step(&self, state: &LiquidationState, ladder: &Ladder) -> LiquidationStep {
        let LiquidationState { quantity, mark_price: mark, .. } = *state;
        let maintenance_margin =
            ladder.required_margin(quantity, mark) + state.other_maintenance_margin;
        let step = LiquidationStep::new;
        if state.equity < self.backstop_equity_fraction * maintenance_margin {
            return step(LiquidationAction::Backstop, quantity);
        }
        let part = whole_lots_below(quantity * self.partial_fraction, state.quantity_step);
        let is_large = quantity * mark > self.partial_threshold_notional;
        match state.seconds_since_partial {
            Some(seconds) if seconds < self.cooldown_seconds => step(LiquidationAction::Wait, 0.0),
            None if is_large && part > 0.0 => step(LiquidationAction::Reduce, part),
            _ => step(LiquidationAction::Close, quantity),
        }
    }
}
