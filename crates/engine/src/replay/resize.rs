//! Changes of a position's size at an open, and the end of its longest holding time.

use super::{At, Order, Replay};
use crate::account::{entry_fill_price, fee};
use crate::outcome::{Cause, ExitReason};
use crate::settings::MarginMode;

impl Replay<'_> {
    /// Positions held as long as their rule allows: closed with a taker order at the first open at
    /// which anything trades.
    pub(super) fn end_holdings_at_open(&mut self, bar: usize) {
        while let Some(index) = self.positions.iter().position(|position| {
            position.holding_ends_bar <= bar && self.check_trading(position.symbol_idx, bar).is_ok()
        }) {
            let open = self.prepared.market.symbols[self.positions[index].symbol_idx].open[bar];
            self.close(index, bar, At::Open, open, ExitReason::HoldingLimit);
        }
    }

    /// Takes off what is too much; all of it where nothing is allowed any more.
    pub(super) fn fill_decrease(&mut self, order: Order, bar: usize) -> Result<(), &'static str> {
        let index = self.index_of(order)?;
        let symbol_idx = self.positions[index].symbol_idx;
        self.check_trading(symbol_idx, bar)?;
        let open = self.prepared.market.symbols[symbol_idx].open[bar];
        if order.quantity <= 0.0 {
            self.close(index, bar, At::Open, open, ExitReason::ResizedToZero);
            return Ok(());
        }
        self.check_untouched(index, order)?;
        let quantity = order.held - order.quantity;
        self.close_part(index, bar, At::Open, open, quantity);
        let position = &mut self.positions[index];
        position.isolated_margin *= order.quantity / order.held;
        position.quantity = order.quantity;
        position.record.resizes += 1;
        Ok(())
    }

    /// Adds what is lacking, at the terms of an entry. The entry price becomes the mean of what is
    /// held, weighted by quantity.
    pub(super) fn fill_increase(&mut self, order: Order, bar: usize) -> Result<(), &'static str> {
        let index = self.index_of(order)?;
        self.check_untouched(index, order)?;
        let position = &self.positions[index];
        let (symbol_idx, side) = (position.symbol_idx, position.side);
        self.check_trading(symbol_idx, bar)?;
        let symbol = &self.prepared.symbols[symbol_idx];
        let open = self.prepared.market.symbols[symbol_idx].open[bar];
        let added = order.quantity - order.held;
        if !symbol.meets_minimum(added, open) {
            return Err("below_min_notional");
        }
        let slippage = self.slippage_fraction(symbol_idx, bar, added * open);
        let price = entry_fill_price(side, open, slippage);
        let ladder = self.ladder_at(symbol_idx, bar);
        self.check_brackets(ladder, order.quantity, price)?;
        let charge = fee(self.taker_fee(symbol_idx, bar), added, price);
        let in_force = self.in_force_at(symbol_idx, bar);
        let leverage = self.settings.leverage;
        let margin = match self.settings.margin {
            MarginMode::Cross | MarginMode::Isolated => {
                in_force.initial_margin(added, price, leverage)
            }
            MarginMode::Portfolio => {
                in_force.initial_margin(order.quantity, price, leverage)
                    - self.initial_margin_of(&self.positions[index], bar, At::Open)
            }
        };
        let equity = self.equity_at(bar, At::Open);
        if margin + charge > self.free_margin(equity, bar, At::Open) {
            return Err("insufficient_margin");
        }
        let position = &mut self.positions[index];
        let mean = |held: f64, new: f64| (order.held * held + added * new) / order.quantity;
        position.entry_price = mean(position.entry_price, price);
        position.entry_reference_price = mean(position.entry_reference_price, open);
        position.quantity = order.quantity;
        if self.settings.margin == MarginMode::Isolated {
            position.isolated_margin += margin;
        }
        let record = &mut position.record;
        record.opened_quantity += added;
        record.quantity_max = record.quantity_max.max(order.quantity);
        record.resizes += 1;
        self.book_charge(index, bar, Cause::Fee, charge, added, price);
        self.outcome.traded_notional += added * price;
        self.note_leverage(bar, equity);
        Ok(())
    }

    /// The position that an order is for, unless the venue has closed it at this open.
    fn index_of(&self, order: Order) -> Result<usize, &'static str> {
        let is_meant = |position: &super::Position| position.trade_idx == order.trade_idx;
        self.positions.iter().position(is_meant).ok_or("liquidated")
    }

    /// A venue that takes a part of a position cancels its open orders.
    fn check_untouched(&self, index: usize, order: Order) -> Result<(), &'static str> {
        if self.positions[index].quantity < order.held { Err("liquidated") } else { Ok(()) }
    }

    fn check_trading(&self, symbol_idx: usize, bar: usize) -> Result<(), &'static str> {
        let columns = &self.prepared.market.symbols[symbol_idx];
        if !columns.has_bar(bar) {
            Err("bar_missing")
        } else if columns.volume[bar] > 0.0 {
            Ok(())
        } else {
            Err("no_volume")
        }
    }
}
