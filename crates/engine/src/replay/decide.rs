//! The decision at a bar's close: every limit, the smallest of them, and the quantity that
//! follows.

use plimsoll_market::TradeExit;
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::{AccountState, SizingError, decide};

use super::{At, Order, Position, Replay};
use crate::outcome::{Decision, DecisionKind, DecisionOutcome};
use crate::settings::{MarginMode, Simultaneous};

/// What a price is assumed to move before a market order fills, when the venue's limits are
/// reckoned: an order sized to the last cent would be refused on the smallest adverse tick.
const MARKET_ORDER_BUFFER: f64 = 0.0005;

/// Free margin that no order uses up: what an order would be if it had the account to itself.
const UNLIMITED: f64 = 1e100;

impl Replay<'_> {
    /// Takes every decision of this close.
    pub(super) fn decide(&mut self, bar: usize, equity: f64) {
        let first = self.next_trade;
        while self.trades.get(self.next_trade).is_some_and(|trade| trade.decision_bar == bar) {
            self.next_trade += 1;
        }
        let batch = first..self.next_trade;
        if batch.is_empty() || self.outcome.ruined_at.is_some() {
            return;
        }
        let free = self.free_margin_after_exits(bar, equity);
        match self.settings.simultaneous {
            Simultaneous::FileOrder => {
                let mut free = free;
                for trade_idx in batch {
                    let decision = self.decision(trade_idx, bar, equity, free);
                    free -= self.margin_of(&decision, bar);
                    self.file_decision(decision);
                }
            }
            Simultaneous::ProRata => {
                let wanted: f64 = batch
                    .clone()
                    .map(|trade_idx| {
                        self.margin_of(&self.decision(trade_idx, bar, equity, UNLIMITED), bar)
                    })
                    .sum();
                for trade_idx in batch {
                    let alone =
                        self.margin_of(&self.decision(trade_idx, bar, equity, UNLIMITED), bar);
                    let share = if wanted > free { free * alone / wanted } else { free };
                    let decision = self.decision(trade_idx, bar, equity, share);
                    self.file_decision(decision);
                }
            }
        }
    }

    fn file_decision(&mut self, decision: Decision) {
        if decision.quantity > 0.0 {
            self.orders.push(Order {
                trade_idx: decision.trade_idx,
                decision_idx: self.outcome.decisions.len(),
                quantity: decision.quantity,
            });
        }
        self.outcome.decisions.push(decision);
    }

    /// Free margin that an order would use up: initial margin, fee, and the loss against the mark
    /// with which it opens.
    fn margin_of(&self, decision: &Decision, bar: usize) -> f64 {
        let notional = decision.quantity * decision.price;
        let slippage = self.slippage_fraction(decision.symbol_idx, bar + 1, notional);
        let symbol_idx = decision.symbol_idx;
        let in_force = self.in_force_at(symbol_idx, bar);
        let leverage = match self.settings.margin {
            MarginMode::Portfolio if notional > 0.0 => {
                notional / in_force.initial_margin(notional, 1.0, self.settings.leverage)
            }
            _ => in_force.leverage(self.settings.leverage),
        };
        notional * (self.margin_per_notional(symbol_idx, bar, slippage, leverage) + slippage)
    }

    /// Initial margin and fee of one unit of notional at this close, filled at the next open.
    fn margin_per_notional(
        &self,
        symbol_idx: usize,
        bar: usize,
        slippage: f64,
        leverage: f64,
    ) -> f64 {
        (1.0 / leverage + self.taker_fee(symbol_idx, bar))
            * (1.0 + slippage)
            * (1.0 + MARKET_ORDER_BUFFER)
    }

    /// Free margin at this close once the exits already decided for the next open have filled.
    fn free_margin_after_exits(&self, bar: usize, equity: f64) -> f64 {
        let released: f64 = self
            .positions
            .iter()
            .filter(|position| {
                let trade = &self.trades[position.trade_idx];
                trade.exit == TradeExit::Signal && trade.exit_bar == bar + 1
            })
            .map(|position| self.released_by_exit(position, bar))
            .sum();
        self.free_margin(equity, bar, At::Close) + released
    }

    /// What closing a position at about this close sets free, less what that costs.
    fn released_by_exit(&self, position: &Position, bar: usize) -> f64 {
        let price = self.mark(position, bar, At::Close);
        let notional = position.quantity * price;
        let symbol_idx = position.symbol_idx;
        let costs = notional
            * (self.slippage_fraction(symbol_idx, bar + 1, notional)
                + self.taker_fee(symbol_idx, bar));
        let margin = match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => {
                self.initial_margin_of(position, bar, At::Close)
            }
            MarginMode::Isolated => (position.isolated_margin + position.pnl_at(price)).max(0.0),
        };
        margin - costs
    }

    /// The decision on one trade with so much free margin.
    fn decision(&self, trade_idx: usize, bar: usize, equity: f64, free: f64) -> Decision {
        let trade = &self.trades[trade_idx];
        let symbol_idx = trade.symbol_idx;
        let symbol = &self.prepared.symbols[symbol_idx];
        let price = self.prepared.market.symbols[symbol_idx].close[bar];
        let plan = &self.sizes.at_entry[trade_idx];
        let sized = decide(
            plan,
            &AccountState {
                equity,
                initial_equity: self.settings.equity,
                peak_equity: equity,
                heat: Ok(0.0),
                exposure: 0.0,
                unstopped_distance: Err(SizingError::NoStop),
                leverage_inside_liquidation: &|_| Err(SizingError::NotGiven { name: "ladder" }),
                venue: self.venue_limits(symbol_idx, bar, equity, price, free),
            },
        );
        let quantity_raw = sized.leverage * equity / price;
        let rounded = symbol.round_quantity_down(quantity_raw);
        let reason = match sized.reason {
            "" if !symbol.meets_minimum(rounded, price) => "below_min_notional",
            reason => reason,
        };
        let quantity = if reason.is_empty() { rounded } else { 0.0 };
        Decision {
            kind: DecisionKind::Entry,
            trade_idx,
            symbol_idx,
            bar,
            side: trade.side,
            equity,
            price,
            stop_price: trade.initial_stop_price,
            held_quantity: 0.0,
            limits: sized.limits,
            binding_limit: sized.binding_limit,
            multipliers: sized.multipliers,
            multiplier: sized.multiplier,
            leverage: sized.leverage,
            quantity_raw,
            quantity,
            outcome: DecisionOutcome::NoSize,
            reason,
        }
    }

    /// What the venue allows: the notional of its brackets at the account's leverage, and what the
    /// free margin can carry.
    fn venue_limits(
        &self,
        symbol_idx: usize,
        bar: usize,
        equity: f64,
        price: f64,
        free: f64,
    ) -> Vec<Limit<'static>> {
        let mut limits = Vec::with_capacity(2);
        let in_force = self.in_force_at(symbol_idx, bar);
        let cap = match self.settings.margin {
            // A larger position only needs more margin.
            MarginMode::Portfolio => f64::INFINITY,
            MarginMode::Cross | MarginMode::Isolated => {
                in_force.ladder.notional_cap_for_leverage(self.settings.leverage, price)
            }
        };
        // A top bracket without a cap is no limit, and no limit is left out.
        if cap.is_finite() {
            let slippage = self.slippage_fraction(symbol_idx, bar + 1, cap);
            let room = (1.0 + slippage) * (1.0 + MARKET_ORDER_BUFFER);
            limits.push(Limit { name: "venue_leverage", value: Ok(cap / (equity * room)) });
        }
        limits.push(Limit {
            name: "venue_margin",
            value: self.venue_margin(symbol_idx, bar, equity, free),
        });
        limits
    }

    /// The leverage that the free margin can carry: initial margin, entry fee, and room for the
    /// fill to be worse than this close.
    fn venue_margin(
        &self,
        symbol_idx: usize,
        bar: usize,
        equity: f64,
        free: f64,
    ) -> Result<f64, SizingError> {
        let symbol = &self.prepared.symbols[symbol_idx];
        if self.settings.costs.impact_y > 0.0 && symbol.daily_liquidity(bar).is_none() {
            return Err(SizingError::TooFewObservations { have: 0, need: 1 });
        }
        let free = free.max(0.0);
        let in_force = self.in_force_at(symbol_idx, bar);
        let leverage = in_force.leverage(self.settings.leverage);
        let most = free.min(equity) * leverage;
        let slippage = self.slippage_fraction(symbol_idx, bar + 1, most);
        let per_notional = |leverage| self.margin_per_notional(symbol_idx, bar, slippage, leverage);
        let Some(factor) = in_force.initial_margin_factor else {
            return Ok(free / equity / per_notional(leverage));
        };
        // The margin is the greatest of the brackets' lines, so that the room is their smallest.
        let room = in_force.ladder.brackets().iter().map(|bracket| {
            let spared = factor * bracket.maintenance_deduction;
            (free + spared) / equity / per_notional(bracket.leverage_max)
        });
        Ok(room.fold(f64::INFINITY, f64::min))
    }

    /// The equity below which no symbol's smallest order can be carried.
    pub(super) fn smallest_tradable_equity(&self, bar: usize) -> f64 {
        self.prepared
            .symbols
            .iter()
            .zip(&self.prepared.market.symbols)
            .enumerate()
            .filter(|(_, (_, columns))| columns.has_bar(bar))
            .map(|(symbol_idx, (symbol, columns))| {
                let in_force = self.in_force_at(symbol_idx, bar);
                let leverage = in_force.leverage(self.settings.leverage);
                symbol.minimum_order_notional(columns.close[bar]) / leverage
            })
            .reduce(f64::min)
            .unwrap_or(0.0)
    }
}
