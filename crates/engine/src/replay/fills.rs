//! Orders of the strategy: entries and exits, their costs and their records.

use plimsoll_market::TradeExit;
use plimsoll_venue::{BracketAt, Ladder, liquidation_price};

use super::{At, EntryRecord, ForcedOrders, Order, Position, Replay};
use crate::account::{
    better_exit, entry_fill_price, exit_fill_price, fee, impact_fraction, stop_reference_price,
    stop_risk_fraction, take_profit_reference_price, unrealised_pnl,
};
use crate::outcome::{Cause, DecisionOutcome, ExitReason, LedgerRow, TradeRecord};
use crate::settings::MarginMode;

/// The square root knows no bounds, but no order moves a price to zero.
const SLIPPAGE_MAX: f64 = 0.99;

impl Replay<'_> {
    /// Half spread and impact of an order at a bar's open or inside it, from bars that had closed.
    pub(super) fn slippage_fraction(&self, symbol_idx: usize, bar: usize, notional: f64) -> f64 {
        let costs = &self.settings.costs;
        let symbol = &self.prepared.symbols[symbol_idx];
        let liquidity = bar.checked_sub(1).and_then(|closed| symbol.daily_liquidity(closed));
        let impact = liquidity.map_or(0.0, |(volatility, value)| {
            impact_fraction(costs.impact_y, volatility, notional, value)
        });
        (costs.half_spread() + impact).min(SLIPPAGE_MAX)
    }

    pub(super) fn taker_fee(&self, symbol_idx: usize, bar: usize) -> f64 {
        self.prepared.symbols[symbol_idx].taker_fee(bar)
    }

    /// Exits decided at the previous close.
    pub(super) fn fill_exits_at_open(&mut self, bar: usize) {
        while let Some(index) = self.position_ending(bar, TradeExit::Signal) {
            let symbol_idx = self.positions[index].symbol_idx;
            let open = self.prepared.market.symbols[symbol_idx].open[bar];
            self.close(index, bar, At::Open, open, ExitReason::Signal);
        }
    }

    /// Take-profit orders reached inside the bar by positions that neither a stop nor the venue
    /// has closed.
    pub(super) fn fill_take_profits(&mut self, bar: usize) {
        while let Some(index) = self.position_ending(bar, TradeExit::TakeProfit) {
            let position = &self.positions[index];
            let trade = &self.trades[position.trade_idx];
            let open = self.prepared.market.symbols[position.symbol_idx].open[bar];
            let target = trade.take_profit_price.unwrap_or(open);
            let reference = take_profit_reference_price(position.side, target, open);
            self.close(index, bar, At::Close, reference, ExitReason::TakeProfit);
        }
    }

    /// Positions that the end of the data or of the period cuts off, at the bar's close.
    pub(super) fn fill_ends(&mut self, bar: usize) {
        let is_last = bar + 1 == self.span.to_bar;
        while let Some(index) = if is_last && !self.positions.is_empty() {
            Some(0)
        } else {
            self.position_ending(bar, TradeExit::End)
        } {
            let position = &self.positions[index];
            let columns = &self.prepared.market.symbols[position.symbol_idx];
            let reference = self.prepared.symbols[position.symbol_idx].end_price(columns, bar);
            self.close(index, bar, At::Close, reference, ExitReason::End);
        }
    }

    /// Fills a position's stop inside the bar.
    pub(super) fn fill_stop(&mut self, index: usize, bar: usize, others_at: At) {
        let reference = self.stop_reference(index, bar);
        self.close(index, bar, others_at, reference, ExitReason::Stop);
    }

    /// The price from which a position's stop slips in this bar.
    pub(super) fn stop_reference(&self, index: usize, bar: usize) -> f64 {
        let position = &self.positions[index];
        let trade = &self.trades[position.trade_idx];
        let columns = &self.prepared.market.symbols[position.symbol_idx];
        let open = columns.open[bar];
        let extreme = crate::account::adverse(position.side, columns.low[bar], columns.high[bar]);
        let stop = trade.exit_stop_price.unwrap_or(open);
        stop_reference_price(position.side, stop, open, extreme, self.settings.stop_slippage())
    }

    /// The first position whose trade ends in this way in this bar.
    pub(super) fn position_ending(&self, bar: usize, exit: TradeExit) -> Option<usize> {
        self.positions.iter().position(|position| {
            let trade = &self.trades[position.trade_idx];
            trade.exit == exit && trade.exit_bar == bar
        })
    }

    /// Closes all of a position with a taker order.
    pub(super) fn close(
        &mut self,
        index: usize,
        bar: usize,
        others_at: At,
        reference: f64,
        reason: ExitReason,
    ) {
        let quantity = self.positions[index].quantity;
        self.close_part(index, bar, others_at, reference, quantity);
        self.positions[index].quantity = 0.0;
        self.finish(index, bar, reason);
    }

    /// Fills a taker order that closes so much of a position, whose quantity is left as it is.
    ///
    /// The last price may be far from the mark that the margin is tested at. What a fill would
    /// lose beyond the money behind the position is not the account's to pay, as in a liquidation.
    pub(super) fn close_part(
        &mut self,
        index: usize,
        bar: usize,
        others_at: At,
        reference: f64,
        quantity: f64,
    ) {
        let position = &self.positions[index];
        let Position { symbol_idx, side, entry_price, .. } = *position;
        let slippage = self.slippage_fraction(symbol_idx, bar, quantity * reference);
        let mut price = exit_fill_price(side, reference, slippage);
        let mut free = self.money_beside(index, bar, others_at);
        let mut behind = match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => free,
            MarginMode::Isolated => position.isolated_margin,
        };
        if quantity < position.quantity {
            let left = position.quantity - quantity;
            // What stays open keeps its margin, or its profit and loss, to itself.
            let kept = match self.settings.margin {
                MarginMode::Cross | MarginMode::Portfolio => {
                    let mark = self.mark(position, bar, others_at);
                    -unrealised_pnl(side, left, entry_price, mark)
                }
                MarginMode::Isolated => position.isolated_margin * (left / position.quantity),
            };
            behind -= kept;
            free -= kept;
        }
        let realised = unrealised_pnl(side, quantity, entry_price, price);
        if behind + realised < 0.0 {
            price = entry_price - side.sign() * behind / quantity;
            self.outcome.capped_fills += 1;
        }
        let left = free + unrealised_pnl(side, quantity, entry_price, price);
        let charge = fee(self.taker_fee(symbol_idx, bar), quantity, price).min(left.max(0.0));
        self.book_close(index, bar, quantity, reference, price);
        self.book_charge(index, bar, Cause::Fee, charge, quantity, price);
    }

    /// Money that a position can draw on, its own margin included: the wallet less what is set
    /// aside for the others (isolated), or with their unrealised profit (cross).
    fn money_beside(&self, index: usize, bar: usize, others_at: At) -> f64 {
        let wallet = self.wallet.balance();
        match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => {
                wallet + self.unrealised_beside(index, bar, others_at)
            }
            MarginMode::Isolated => {
                wallet - (self.isolated_margins() - self.positions[index].isolated_margin)
            }
        }
    }

    /// Books the realised profit of closing `quantity` at `price`, split into the move between
    /// reference prices and the slippage of entry and exit. A fill better than its reference,
    /// where a fund bears a loss, is its own reference.
    pub(super) fn book_close(
        &mut self,
        index: usize,
        bar: usize,
        quantity: f64,
        reference: f64,
        price: f64,
    ) {
        let position = &mut self.positions[index];
        let reference = better_exit(position.side, reference, price);
        let realised = unrealised_pnl(position.side, quantity, position.entry_price, price);
        let move_between =
            unrealised_pnl(position.side, quantity, position.entry_reference_price, reference);
        let slippage = move_between - realised;
        position.record.slippage += slippage;
        position.record.pnl += realised;
        position.record.exit_value += quantity * price;
        let row = LedgerRow {
            bar,
            symbol_idx: position.symbol_idx,
            trade_idx: position.trade_idx,
            cause: Cause::PricePnl,
            amount: move_between,
            quantity,
            price,
            wallet: 0.0,
        };
        self.enter(row);
        self.enter(LedgerRow { cause: Cause::Slippage, amount: -slippage, ..row });
        self.outcome.traded_notional += quantity * price;
    }

    /// Books a fee or another charge on a position; nothing if it is zero.
    pub(super) fn book_charge(
        &mut self,
        index: usize,
        bar: usize,
        cause: Cause,
        charge: f64,
        quantity: f64,
        price: f64,
    ) {
        if charge <= 0.0 {
            return;
        }
        let position = &mut self.positions[index];
        position.record.fees += charge;
        position.record.pnl -= charge;
        let row = LedgerRow {
            bar,
            symbol_idx: position.symbol_idx,
            trade_idx: position.trade_idx,
            cause,
            amount: -charge,
            quantity,
            price,
            wallet: 0.0,
        };
        self.enter(row);
    }

    /// Orders decided at the previous close: what sets margin free first, then increases and
    /// entries in the order of their decisions. A fill that breaks a rule of the venue is refused.
    pub(super) fn fill_orders_at_open(&mut self, bar: usize) {
        let mut orders = std::mem::take(&mut self.orders);
        let (reducing, opening): (Vec<Order>, Vec<Order>) =
            orders.drain(..).partition(|order| order.quantity < order.held);
        for order in reducing {
            let filled = self.fill_decrease(order, bar);
            self.note_fill(order, filled);
        }
        for order in opening {
            let filled = if order.held > 0.0 {
                self.fill_increase(order, bar)
            } else {
                self.fill_entry(order, bar)
            };
            self.note_fill(order, filled);
        }
        self.orders = orders;
    }

    fn note_fill(&mut self, order: Order, filled: Result<(), &'static str>) {
        let decision = &mut self.outcome.decisions[order.decision_idx];
        match filled {
            Ok(()) => decision.outcome = DecisionOutcome::Filled,
            Err(reason) => {
                decision.outcome = DecisionOutcome::RefusedAtFill;
                decision.reason = reason;
            }
        }
    }

    fn fill_entry(&mut self, order: Order, bar: usize) -> Result<(), &'static str> {
        let trade = &self.trades[order.trade_idx];
        let (symbol_idx, side, quantity) = (trade.symbol_idx, trade.side, order.quantity);
        let symbol = &self.prepared.symbols[symbol_idx];
        let open = self.prepared.market.symbols[symbol_idx].open[bar];
        if !symbol.meets_minimum(quantity, open) {
            return Err("below_min_notional");
        }
        let slippage = self.slippage_fraction(symbol_idx, bar, quantity * open);
        let price = entry_fill_price(side, open, slippage);
        let notional = quantity * price;
        let ladder = self.ladder_at(symbol_idx, bar);
        self.check_brackets(ladder, quantity, price)?;
        let charge = fee(self.taker_fee(symbol_idx, bar), quantity, price);
        let in_force = self.in_force_at(symbol_idx, bar);
        let margin = in_force.initial_margin(quantity, price, self.settings.leverage);
        let equity = self.equity_at(bar, At::Open);
        if margin + charge > self.free_margin(equity, bar, At::Open) {
            return Err("insufficient_margin");
        }
        let isolated_margin = match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => 0.0,
            MarginMode::Isolated => margin,
        };
        let position = Position {
            trade_idx: order.trade_idx,
            symbol_idx,
            side,
            quantity,
            entry_price: price,
            entry_reference_price: open,
            isolated_margin,
            holding_ends_bar: self.sizes.at_entry[order.trade_idx]
                .holding_bars_max
                .map_or(usize::MAX, |bars| bar.saturating_add(bars.max(1))),
            forced_orders: ForcedOrders::default(),
            record: EntryRecord {
                entry_bar: bar,
                entry_price: price,
                quantity,
                opened_quantity: quantity,
                quantity_max: quantity,
                resizes: 0,
                notional,
                leverage: notional / equity,
                decision_idx: order.decision_idx,
                liquidation_price: None,
                exit_value: 0.0,
                pnl: 0.0,
                funding: 0.0,
                fees: 0.0,
                slippage: 0.0,
            },
        };
        self.next_funding[symbol_idx] = symbol.first_funding_after(bar);
        let index = self.positions.partition_point(|other| other.symbol_idx < symbol_idx);
        self.positions.insert(index, position);
        self.book_charge(index, bar, Cause::Fee, charge, quantity, price);
        let position = &self.positions[index];
        let inputs = self.liquidation_inputs(position, bar, At::Open);
        self.positions[index].record.liquidation_price =
            liquidation_price(&inputs, ladder, BracketAt::Liquidation)
                .ok()
                .and_then(|found| found.price);
        self.outcome.traded_notional += notional;
        self.note_leverage(bar, equity);
        Ok(())
    }

    /// Whether the venue lets a position of this size be opened at the account's leverage.
    pub(super) fn check_brackets(
        &self,
        ladder: &Ladder,
        quantity: f64,
        price: f64,
    ) -> Result<(), &'static str> {
        let size = ladder.size(quantity, price);
        let is_told = self.settings.margin != MarginMode::Portfolio;
        let is_too_high = is_told && self.settings.leverage > ladder.leverage_max(size);
        if is_too_high || ladder.exceeds_top(size) { Err("venue_leverage") } else { Ok(()) }
    }

    /// Gross notional over equity after a fill at the open.
    pub(super) fn note_leverage(&mut self, bar: usize, equity: f64) {
        let gross: f64 = self
            .positions
            .iter()
            .map(|position| position.quantity * self.mark(position, bar, At::Open))
            .sum();
        self.outcome.leverage_max = self.outcome.leverage_max.max(gross / equity);
    }

    /// Money that may become initial margin, at an equity reckoned elsewhere.
    pub(super) fn free_margin(&self, equity: f64, bar: usize, at: At) -> f64 {
        match self.settings.margin {
            MarginMode::Isolated => self.wallet.balance() - self.isolated_margins(),
            MarginMode::Cross | MarginMode::Portfolio => {
                let margin = |position| self.initial_margin_of(position, bar, at);
                equity - self.positions.iter().map(margin).sum::<f64>()
            }
        }
    }

    /// Files the record of a position that has ended.
    pub(super) fn file_record(&mut self, position: &Position, bar: usize, reason: ExitReason) {
        let record = &position.record;
        let decision = &self.outcome.decisions[record.decision_idx];
        let round_trip = 2.0
            * (self.taker_fee(position.symbol_idx, record.entry_bar)
                + self.settings.costs.half_spread());
        let r_multiple = decision.stop_price.map(|stop| {
            let risk = stop_risk_fraction(record.entry_price, stop, round_trip);
            let notional_max = record.notional * (record.quantity_max / record.quantity);
            record.pnl / (notional_max * risk)
        });
        self.outcome.trades.push(TradeRecord {
            trade_idx: position.trade_idx,
            symbol_idx: position.symbol_idx,
            side: position.side,
            entry_bar: record.entry_bar,
            entry_price: record.entry_price,
            exit_bar: bar,
            exit_price: record.exit_value / record.opened_quantity,
            quantity: record.quantity,
            quantity_max: record.quantity_max,
            resizes: record.resizes,
            notional: record.notional,
            leverage: record.leverage,
            binding_limit: decision.binding_limit,
            stop_price: decision.stop_price,
            liquidation_price: record.liquidation_price,
            exit_reason: reason,
            pnl: record.pnl,
            funding: record.funding,
            fees: record.fees,
            slippage: record.slippage,
            equity_at_entry: decision.equity,
            r_multiple,
        });
    }
}
