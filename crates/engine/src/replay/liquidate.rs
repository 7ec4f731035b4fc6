//! What the venue does to the account: forced closes at the open and inside the bar.
//!
//! Chosen here, because no page says it: of several positions of one wallet the one that needs the
//! most margin is the first. A bar does not tell the path of the mark inside it: it is taken to go
//! from the open straight to the adverse extreme. A venue that goes by brackets closes a part
//! where the margin gives out, tests what is left at the same mark and again where its margin
//! gives out; the others close more as the mark moves on in sub-steps. What a venue's fund keeps
//! of the margin when it takes a position over at the bankruptcy price is booked as forfeited, with
//! the loss up to the mark apart from it.

use plimsoll_market::TradeExit;
use plimsoll_venue::{
    BracketAt, LiquidationAction, LiquidationState, LiquidationStep, NoLiquidationPrice,
    bankruptcy_price, liquidation_price, liquidation_step, settle_liquidation,
};

use super::{At, Position, Replay};
use crate::account::{exit_fill_price, worse_exit};
use crate::outcome::{Cause, ExitReason, LedgerRow, LiquidationRecord};
use crate::settings::{Intrabar, MarginMode};

/// Touching a liquidation price is inclusive. Equity within this share of the maintenance margin
/// above it has touched it: the difference is rounding.
const TOUCH: f64 = 1e-12;

/// Equal sub-steps in which a position that the venue reduces follows the mark, from where its
/// margin gave out to where the bar tests it. Where it gave out, one lot less is compliant
/// already, so that the first order is reckoned one sub-step on.
///
/// A choice of this model: a bar does not tell the path of the mark inside it. Fewer sub-steps
/// close more at worse marks.
const REDUCTION_STEPS: u32 = 8;

/// Orders of the venue on one position in one bar after which it closes the rest: one a sub-step,
/// and as many again at the open and after what other positions lose in between; one a bracket
/// where there are more of them. A venue that goes by brackets has so many besides one a bracket.
const ORDERS_MAX: u32 = 2 * REDUCTION_STEPS;

impl Replay<'_> {
    /// A mark that opens beyond a liquidation price closes the position before any order fills.
    pub(super) fn liquidate_at_open(&mut self, bar: usize) {
        while let Some(index) = self.due(bar, At::Open) {
            let trigger = self.mark(&self.positions[index], bar, At::Open);
            self.liquidate(index, bar, trigger, At::Open);
        }
    }

    /// The adverse extreme comes first: stops where they are nearer than the liquidation price,
    /// then liquidations, then the stops of what a partial liquidation has left.
    pub(super) fn fill_stops_and_liquidate_inside(&mut self, bar: usize) {
        let at = self.tested_at();
        while let Some(index) = self.stop_that_fills_first(bar, at) {
            self.fill_stop(index, bar, at);
        }
        self.liquidate_inside(bar, at);
        while let Some(index) = self.position_ending(bar, TradeExit::Stop) {
            self.fill_stop(index, bar, at);
            // A stop can fill worse than the mark, which the others then have to bear.
            self.liquidate_inside(bar, at);
        }
    }

    /// The marks of the bar at which margin is tested: several positions of one wallet reach their
    /// worst together only under the pessimistic assumption.
    pub(super) fn tested_at(&self) -> At {
        let is_joint = self.settings.margin != MarginMode::Isolated && self.positions.len() > 1;
        match self.settings.intrabar {
            Intrabar::Optimistic if is_joint => At::Close,
            _ => At::Adverse,
        }
    }

    fn liquidate_inside(&mut self, bar: usize, at: At) {
        let mut is_flagged = false;
        while let Some(index) = self.due(bar, at) {
            if !is_flagged
                && self.settings.margin != MarginMode::Isolated
                && self.positions.len() > 1
                && self.due(bar, At::Close).is_none()
            {
                self.outcome.joint_extreme_bars += 1;
                is_flagged = true;
            }
            let mark = self.next_forced_mark(index, bar, at);
            self.liquidate(index, bar, mark, at);
        }
    }

    /// The first position whose stop is reached in this bar before its liquidation price.
    fn stop_that_fills_first(&mut self, bar: usize, at: At) -> Option<usize> {
        self.position_ending(bar, TradeExit::Stop)?;
        let is_liquidation_reached = self.due(bar, at).is_some();
        (0..self.positions.len()).find(|&index| {
            let position = &self.positions[index];
            let trade = &self.trades[position.trade_idx];
            if trade.exit != TradeExit::Stop || trade.exit_bar != bar {
                return false;
            }
            if !is_liquidation_reached {
                return true;
            }
            let liquidation = match self.liquidation_price_of(index, bar, at) {
                Ok(price) => price,
                Err(reason) => return reason == NoLiquidationPrice::NoPriceLiquidates,
            };
            let sign = position.side.sign();
            let reference = self.stop_reference(index, bar);
            let slippage =
                self.slippage_fraction(position.symbol_idx, bar, position.quantity * reference);
            let fill = exit_fill_price(position.side, reference, slippage);
            let stop = trade.exit_stop_price.unwrap_or(reference);
            let is_safe = |price: f64| sign * (price - liquidation) > 0.0;
            is_safe(stop) && is_safe(self.mark(position, bar, At::Open)) && is_safe(fill)
        })
    }

    /// The position to be liquidated, if the account (cross) or a position (isolated) no longer
    /// covers its maintenance margin: under cross margin the one that needs the most.
    pub(super) fn due(&mut self, bar: usize, at: At) -> Option<usize> {
        let mut equity = self.wallet.balance();
        let mut maintenance = 0.0;
        let mut largest: Option<(usize, f64)> = None;
        for index in 0..self.positions.len() {
            let ladder = self.ladder_at(self.positions[index].symbol_idx, bar);
            let position = &self.positions[index];
            let price = self.mark(position, bar, at);
            let needed = ladder.required_margin(position.quantity, price);
            let unrealised = position.pnl_at(price);
            match self.settings.margin {
                MarginMode::Isolated => {
                    if is_touched(position.isolated_margin + unrealised, needed) {
                        return Some(index);
                    }
                }
                MarginMode::Cross | MarginMode::Portfolio => {
                    equity += unrealised;
                    maintenance += needed;
                    if largest.is_none_or(|(_, most)| needed > most) {
                        largest = Some((index, needed));
                    }
                }
            }
        }
        let (index, _) = largest?;
        is_touched(equity, maintenance).then_some(index)
    }

    /// The mark of the venue's next order on a position whose margin gives out before the mark of
    /// `at`: where it gave out if the venue closes all of it there or goes by brackets, else the
    /// next sub-step of the way on from there at which the margin does not suffice.
    fn next_forced_mark(&mut self, index: usize, bar: usize, at: At) -> f64 {
        let mut orders = self.positions[index].forced_orders_in(bar);
        if self.prepared.rules.liquidation_process().goes_by_brackets() {
            // Each order is due where the margin gives out, and never before the one before it.
            let trigger = self.trigger_price(index, bar, at);
            let side = self.positions[index].side;
            let mark = orders.walk.map_or(trigger, |walk| worse_exit(side, walk.trigger, trigger));
            orders.walk = Some(Walk { trigger: mark, steps: 0 });
            self.positions[index].forced_orders = orders;
            return mark;
        }
        let mut walk = if let Some(walk) = orders.walk {
            walk
        } else {
            let trigger = self.trigger_price(index, bar, at);
            let margin = self.margin_at(index, bar, trigger, at);
            let step = self.venue_step(index, bar, &margin.touched());
            if step.action != LiquidationAction::Reduce {
                return trigger;
            }
            Walk { trigger, steps: 0 }
        };
        let reached = self.mark(&self.positions[index], bar, at);
        let mut mark = reached;
        while walk.steps < REDUCTION_STEPS {
            walk.steps += 1;
            mark = walk.mark(reached);
            if self.margin_at(index, bar, mark, at).is_touched() {
                break;
            }
        }
        orders.walk = Some(walk);
        self.positions[index].forced_orders = orders;
        mark
    }

    /// The mark at which the margin gave out on the way from the open: the liquidation price, or
    /// the open where that was already beyond it. Beyond the brackets that are known there is no
    /// liquidation price: the worst mark stands for it.
    fn trigger_price(&self, index: usize, bar: usize, at: At) -> f64 {
        let position = &self.positions[index];
        let open = self.mark(position, bar, At::Open);
        match self.liquidation_price_of(index, bar, at) {
            Ok(price) if position.side.sign() * (open - price) > 0.0 => price,
            Err(NoLiquidationPrice::BeyondKnownBrackets) => self.mark(position, bar, at),
            _ => open,
        }
    }

    fn liquidation_price_of(
        &self,
        index: usize,
        bar: usize,
        at: At,
    ) -> Result<f64, NoLiquidationPrice> {
        let position = &self.positions[index];
        let symbol_idx = position.symbol_idx;
        let ladder = self.ladders[symbol_idx].ladder(self.ladder_index[symbol_idx]);
        let inputs = self.liquidation_inputs(position, bar, at);
        let found = liquidation_price(&inputs, ladder, BracketAt::Liquidation)
            .expect("quantity and price of an open position are positive and finite");
        found.price.ok_or(found.reason.unwrap_or(NoLiquidationPrice::NoPriceLiquidates))
    }

    /// A position at a mark price and the money behind it, with the other positions at theirs.
    fn margin_at(&mut self, index: usize, bar: usize, mark_price: f64, at: At) -> Margin {
        let symbol_idx = self.positions[index].symbol_idx;
        let ladder = self.ladder_at(symbol_idx, bar);
        let position = &self.positions[index];
        let instrument = &self.prepared.symbols[symbol_idx].instrument;
        let inputs = self.liquidation_inputs(position, bar, at);
        let notional = position.quantity * mark_price;
        let slippage = self.slippage_fraction(symbol_idx, bar, notional);
        let needed =
            ladder.required_margin(position.quantity, mark_price) + inputs.other_maintenance_margin;
        let state = LiquidationState {
            side: position.side,
            quantity: position.quantity,
            mark_price,
            fill_price: exit_fill_price(position.side, mark_price, slippage),
            equity: inputs.wallet_balance
                + inputs.other_unrealised_pnl
                + position.pnl_at(mark_price),
            other_maintenance_margin: inputs.other_maintenance_margin,
            liquidation_fee_fraction: instrument.liquidation_fee_fraction,
            quantity_step: instrument.quantity_step,
            // The venue's pause between two orders is shorter than any bar; a forced reduction in
            // an earlier bar ended compliant and was another liquidation.
            seconds_since_partial: (position.forced_orders_in(bar).count > 0)
                .then_some(f64::INFINITY),
        };
        Margin { state, needed }
    }

    /// What the venue does with a position whose margin does not suffice.
    fn venue_step(
        &mut self,
        index: usize,
        bar: usize,
        state: &LiquidationState,
    ) -> LiquidationStep {
        let position = &self.positions[index];
        let orders = position.forced_orders_in(bar).count;
        let ladder = self.ladder_at(position.symbol_idx, bar);
        let process = self.prepared.rules.liquidation_process();
        let mut step = liquidation_step(process, state, ladder)
            .expect("prices and quantities of an open position are positive and finite");
        let n_brackets = ladder.brackets().len() as u32;
        let (most, last) = if process.goes_by_brackets() {
            (ORDERS_MAX + n_brackets, LiquidationAction::BankruptcyTakeover)
        } else {
            (ORDERS_MAX.max(n_brackets), LiquidationAction::Close)
        };
        if step.action == LiquidationAction::Reduce && orders >= most {
            step.action = last;
            step.close_quantity = state.quantity;
        }
        step
    }

    /// One step of the venue's process at a mark price, with the other positions at theirs.
    fn liquidate(&mut self, index: usize, bar: usize, mark_price: f64, at: At) {
        let margin = self.margin_at(index, bar, mark_price, at);
        let step = self.venue_step(index, bar, &margin.touched());
        let is_takeover = step.action == LiquidationAction::BankruptcyTakeover;
        // A takeover leaves the other positions their shares of the very equity: what rounding has
        // put it above the requirement would otherwise save the last of them.
        let state = if is_takeover { margin.state } else { margin.touched() };
        let behind = margin.state.equity * step.equity_share;
        let position = self.positions[index].clone();
        let symbol_idx = position.symbol_idx;
        let symbol = &self.prepared.symbols[symbol_idx];
        let ladder = self.ladder_at(symbol_idx, bar);
        let inputs = self.liquidation_inputs(&position, bar, at);
        let notional = position.quantity * mark_price;
        let settlement = settle_liquidation(&state, &step)
            .expect("a touched liquidation price always closes something");
        let quantity = step.close_quantity;
        let left = symbol.round_quantity_down((position.quantity - quantity).max(0.0));
        // A vault or a fund takes the position at the mark and then what margin is left, which
        // comes to the bankruptcy price; where none is left, at that price, as settled.
        let takes_margin = (step.is_backstop() || is_takeover) && behind > 0.0;
        let price = if takes_margin { mark_price } else { settlement.price };
        let forfeit = if takes_margin { behind } else { 0.0 };
        let wallet_before = self.wallet.balance();
        self.book_close(index, bar, quantity, mark_price, price);
        self.book_charge(index, bar, Cause::LiquidationFee, settlement.fee, quantity, price);
        self.book_charge(index, bar, Cause::BackstopForfeit, forfeit, quantity, price);
        if left <= 0.0 {
            self.clear_dust(index, bar, notional);
        }
        // Where a fund takes the position over, what stood behind it was its share of the account.
        let bankrupt_at = if is_takeover {
            settlement.bankruptcy_price
        } else {
            bankruptcy_price(&inputs).ok().flatten()
        };
        let bracket = ladder.bracket_at(ladder.size(position.quantity, mark_price));
        let record = LiquidationRecord {
            bar,
            symbol_idx,
            side: position.side,
            trade_idx: position.trade_idx,
            mark_price,
            mark_extreme: self.mark(&position, bar, at),
            mark_is_last: symbol.mark_is_last[bar],
            fill_price: price,
            bankruptcy_price: bankrupt_at.unwrap_or(0.0),
            quantity,
            quantity_left: left,
            bracket_tier: bracket.tier,
            maintenance_margin_rate: bracket.maintenance_margin_rate,
            bracket_leverage_max: bracket.leverage_max,
            fee: settlement.fee + forfeit,
            insurance_delta: settlement.insurance_delta,
            equity_after: 0.0,
        };
        let mut equity_after = self.wallet.balance() + self.unrealised_beside(index, bar, at);
        if left > 0.0 {
            let realised = self.wallet.balance() - wallet_before;
            let position = &mut self.positions[index];
            position.quantity = left;
            if self.settings.margin == MarginMode::Isolated {
                position.isolated_margin += realised;
            }
            let mut orders = position.forced_orders_in(bar);
            orders.count += 1;
            position.forced_orders = orders;
            equity_after += position.pnl_at(mark_price);
        } else {
            self.finish(index, bar, ExitReason::Liquidation);
        }
        self.outcome.liquidations.push(LiquidationRecord { equity_after, ..record });
    }

    /// An account whose last position has used it up holds nothing: what rounding has left, of
    /// either sign, goes with the liquidation fee.
    fn clear_dust(&mut self, index: usize, bar: usize, notional: f64) {
        let dust = self.wallet.balance();
        if self.positions.len() > 1 || dust.abs() > DUST * notional {
            return;
        }
        let position = &mut self.positions[index];
        position.record.fees += dust;
        position.record.pnl -= dust;
        let row = LedgerRow {
            bar,
            symbol_idx: position.symbol_idx,
            trade_idx: position.trade_idx,
            cause: Cause::LiquidationFee,
            amount: -dust,
            quantity: position.quantity,
            price: position.entry_price,
            wallet: 0.0,
        };
        self.enter(row);
    }

    /// Unrealised profit of all positions but one.
    pub(super) fn unrealised_beside(&self, index: usize, bar: usize, at: At) -> f64 {
        let others = self.positions.iter().enumerate().filter(|&(other, _)| other != index);
        others.map(|(_, other)| self.unrealised_of_account(other, bar, at)).sum()
    }
}

/// A position's margin at a mark price.
struct Margin {
    state: LiquidationState,
    /// Maintenance margin of all that the equity has to cover.
    needed: f64,
}

impl Margin {
    fn is_touched(&self) -> bool {
        is_touched(self.state.equity, self.needed)
    }

    /// The state with an equity that the venue, which knows no rounding, finds too small.
    fn touched(&self) -> LiquidationState {
        let equity = self.state.equity.min(self.needed * (1.0 - TOUCH));
        LiquidationState { equity, ..self.state }
    }
}

/// What the venue has done to a position in the last bar in which it did anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ForcedOrders {
    bar: usize,
    count: u32,
    walk: Option<Walk>,
}

/// The way of the mark while the venue reduces a position.
#[derive(Clone, Copy, Debug)]
struct Walk {
    /// Where it began; where the last order was, if the venue goes by brackets.
    trigger: f64,
    /// Sub-steps done.
    steps: u32,
}

impl Walk {
    /// The mark of the present sub-step on the way to the one that the bar reached.
    fn mark(&self, reached: f64) -> f64 {
        if self.steps == REDUCTION_STEPS {
            return reached;
        }
        let share = f64::from(self.steps) / f64::from(REDUCTION_STEPS);
        self.trigger + (reached - self.trigger) * share
    }
}

impl Position {
    fn forced_orders_in(&self, bar: usize) -> ForcedOrders {
        if self.forced_orders.bar == bar {
            self.forced_orders
        } else {
            ForcedOrders { bar, ..ForcedOrders::default() }
        }
    }
}

/// Share of the notional below which what is left of an account is rounding.
const DUST: f64 = 1e-12;

/// Whether equity has fallen to the maintenance margin.
fn is_touched(equity: f64, maintenance_margin: f64) -> bool {
    equity <= maintenance_margin * (1.0 + TOUCH)
}
