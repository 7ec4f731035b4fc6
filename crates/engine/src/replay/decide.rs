//! The decision at a bar's close: every limit, the smallest of them, and the quantity that
//! follows.
//!
//! What is held is decided on before what is new, symbol by symbol in the order of the file, so
//! that an entry finds what the positions leave. Of several entries each takes its part of what is
//! shared (margin, heat, exposure) in that order, or pro rata. That holds for entries that the next
//! bar cancels as well: nobody knows it here.

use std::ops::Range;

use plimsoll_market::Side;
use plimsoll_sizing::formulas::{Behind, Limit, leverage_inside_liquidation};
use plimsoll_sizing::{AccountCaps, AccountState, PlannedSize, SizingError, decide};

use super::book::{Book, Room};
use super::{At, CancelledPlan, Order, Position, Replay, Resizing, SizePlans};
use crate::outcome::{Decision, DecisionKind, DecisionOutcome};
use crate::settings::{MarginMode, Simultaneous};

/// What a price is assumed to move before a market order fills, when the venue's limits are
/// reckoned: an order sized to the last cent would be refused on the smallest adverse tick.
const MARKET_ORDER_BUFFER: f64 = 0.0005;

/// Free margin that no order uses up: what an order would be if it had the account to itself.
const UNLIMITED: f64 = 1e100;

/// What is decided on.
#[derive(Clone, Copy)]
struct Question<'p> {
    /// The trade of the list; `None`: an entry that finds no fill.
    trade_idx: Option<usize>,
    symbol_idx: usize,
    side: Side,
    stop_price: Option<f64>,
    plan: &'p PlannedSize,
    /// Quantity held; 0 at an entry.
    held: f64,
    bar: usize,
    equity: f64,
}

impl<'a> Replay<'a> {
    /// Takes every decision of this close.
    pub(super) fn decide(&mut self, bar: usize, equity: f64) {
        let first = self.next_trade;
        while self.trades.get(self.next_trade).is_some_and(|trade| trade.decision_bar == bar) {
            self.next_trade += 1;
        }
        let entries = first..self.next_trade;
        let resizing = self.sizes.resizing.filter(|_| !self.positions.is_empty() && equity > 0.0);
        if (entries.is_empty() && resizing.is_none()) || self.outcome.ruined_at.is_some() {
            return;
        }
        let mut book = self.book(bar, equity);
        if let Some(resizing) = resizing {
            self.decide_resizes(resizing, bar, equity, &mut book);
        }
        let questions = self.entries_asked(entries, bar, equity);
        match self.settings.simultaneous {
            Simultaneous::FileOrder => {
                for question in &questions {
                    let decision = self.decision(question, &self.room(question, &book));
                    book.count(&decision, self.margin_of(&decision, bar), decision.price);
                    self.file_decision(question, decision);
                }
            }
            Simultaneous::ProRata => {
                for (question, room) in questions.iter().zip(self.shared_out(&questions, &book)) {
                    let decision = self.decision(question, &room);
                    self.file_decision(question, decision);
                }
            }
        }
    }

    /// The entries of this close in the order of their symbols, those that find no fill among them.
    fn entries_asked(&self, entries: Range<usize>, bar: usize, equity: f64) -> Vec<Question<'a>> {
        let SizePlans { at_entry, cancelled, .. } = self.sizes;
        let mut questions: Vec<Question<'a>> = entries
            .map(|trade_idx| self.question(trade_idx, &at_entry[trade_idx], 0.0, bar, equity))
            .collect();
        if questions.is_empty() {
            return questions;
        }
        let first = cancelled.partition_point(|cancelled| cancelled.entry.decision_bar < bar);
        let decided = cancelled[first..].iter().take_while(|c| c.entry.decision_bar == bar);
        let ordered = decided.filter(|cancelled| cancelled.entry.was_ordered());
        questions.extend(ordered.map(|CancelledPlan { entry, plan }| Question {
            trade_idx: None,
            symbol_idx: entry.symbol_idx,
            side: entry.side,
            stop_price: entry.initial_stop_price,
            plan,
            held: 0.0,
            bar,
            equity,
        }));
        questions.sort_by_key(|question| question.symbol_idx);
        questions
    }

    fn question<'p>(
        &self,
        trade_idx: usize,
        plan: &'p PlannedSize,
        held: f64,
        bar: usize,
        equity: f64,
    ) -> Question<'p> {
        let trade = &self.trades[trade_idx];
        Question {
            trade_idx: Some(trade_idx),
            symbol_idx: trade.symbol_idx,
            side: trade.side,
            stop_price: trade.initial_stop_price,
            plan,
            held,
            bar,
            equity,
        }
    }

    /// Decides on every position that is neither leaving nor lacks a bar here. What
    /// comes to no order is not recorded.
    fn decide_resizes(&mut self, resizing: Resizing<'_>, bar: usize, equity: f64, book: &mut Book) {
        for index in 0..self.positions.len() {
            let position = &self.positions[index];
            let (trade_idx, held) = (position.trade_idx, position.quantity);
            let entry_price = position.entry_price;
            let has_bar = self.prepared.market.symbols[position.symbol_idx].has_bar(bar);
            if !has_bar || self.is_leaving(position, bar) {
                continue;
            }
            let plan = (resizing.plan_at)(trade_idx, bar);
            let question = self.question(trade_idx, &plan, held, bar, equity);
            let decision = self.decision(&question, &self.room(&question, book));
            if !self.is_worth_an_order(&decision, resizing.band) {
                continue;
            }
            let margin = if decision.quantity > held {
                self.margin_of(&decision, bar)
            } else {
                -self.released(&self.positions[index], bar, held - decision.quantity)
            };
            book.count(&decision, margin, entry_price);
            self.file_decision(&question, decision);
        }
    }

    /// Whether a new size differs by more than the band, and the difference can be ordered: adding
    /// is held to the venue's smallest order, taking off, which reduces only, to its quantity. Both
    /// quantities are sums of lots, so that a difference of just the band may come out above it.
    fn is_worth_an_order(&self, decision: &Decision, band: f64) -> bool {
        let (held, wanted) = (decision.held_quantity, decision.quantity);
        let symbol = &self.prepared.symbols[decision.symbol_idx];
        if wanted <= 0.0 {
            return true;
        }
        (wanted - held).abs() > band * held * (1.0 + ROUNDING)
            && if wanted > held {
                symbol.meets_minimum(wanted - held, decision.price)
            } else {
                held - wanted >= symbol.instrument.minimum_quantity * (1.0 - ROUNDING)
            }
    }

    fn room(&self, question: &Question<'_>, book: &Book) -> Room {
        let needs_heat = question.plan.caps.heat.is_some();
        self.room_beside(book, question.symbol_idx, question.bar, question.equity, needs_heat)
    }

    /// Each entry's part of every room that the entries share: where what they want alone does not
    /// fit, the same share of that. What an entry wants alone is its size without the shared limits.
    /// Of the requirements that stand before its liquidation, an entry finds those of the others at
    /// what they want alone, which is no less than what they get.
    fn shared_out(&self, questions: &[Question<'_>], book: &Book) -> Vec<Room> {
        let rooms: Vec<Room> = questions.iter().map(|question| self.room(question, book)).collect();
        let alone: Vec<Claim> = questions
            .iter()
            .zip(&rooms)
            .map(|(question, room)| self.claim_alone(question, room))
            .collect();
        let margin: f64 = alone.iter().map(|claim| claim.margin).sum();
        let maintenance: f64 = alone.iter().map(|claim| claim.maintenance).sum();
        let heat: f64 = alone.iter().map(|claim| claim.heat).sum();
        let exposure: f64 = alone.iter().map(|claim| claim.exposure).sum();
        // One rule has one limit; of several the smallest holds for all.
        let smallest =
            |limit: fn(&Claim) -> f64| alone.iter().map(limit).fold(f64::INFINITY, f64::min);
        let heat_limit = smallest(|claim| claim.heat_limit);
        let exposure_limit = smallest(|claim| claim.exposure_limit);
        let shared_out = |(claim, room): (&Claim, Room)| Room {
            free: part(room.free, claim.margin, margin),
            heat: room.heat.map(|used| used_beside(used, heat_limit, claim.heat, heat)),
            exposure: used_beside(room.exposure, exposure_limit, claim.exposure, exposure),
            maintenance: room.maintenance + (maintenance - claim.maintenance),
        };
        alone.iter().zip(rooms).map(shared_out).collect()
    }

    fn claim_alone(&self, question: &Question<'_>, room: &Room) -> Claim {
        let caps = &question.plan.caps;
        let state = |room: &Room| -> (Option<f64>, f64) {
            self.with_state(question, room, |state| {
                let distance = caps.heat_distance(state).and_then(Result::ok);
                let limits = caps.exposures_allowed(state).into_iter().filter_map(|(_, most)| most);
                (distance, limits.map(|most| most.unwrap_or(0.0)).fold(f64::INFINITY, f64::min))
            })
        };
        let (distance, exposure_limit) = state(room);
        let plan = PlannedSize {
            caps: AccountCaps { liquidity: caps.liquidity.clone(), ..AccountCaps::default() },
            ..question.plan.clone()
        };
        let decision = self.decision(
            &Question { plan: &plan, ..*question },
            &Room { free: UNLIMITED, ..room.clone() },
        );
        let exposure = decision.quantity * decision.price / question.equity;
        let ladder = &self.in_force_at(question.symbol_idx, question.bar).ladder;
        Claim {
            margin: self.margin_of(&decision, question.bar),
            maintenance: ladder.required_margin(decision.quantity, decision.price),
            exposure,
            exposure_limit,
            heat: distance.map_or(0.0, |distance| exposure * distance),
            heat_limit: caps.heat.as_ref().map_or(f64::INFINITY, |(limit, _)| *limit),
        }
    }

    /// Records a decision and its order: neither for an entry that finds no fill.
    fn file_decision(&mut self, question: &Question<'_>, decision: Decision) {
        if question.trade_idx.is_none() {
            return;
        }
        if decision.quantity > 0.0 || decision.kind == DecisionKind::Resize {
            self.orders.push(Order {
                trade_idx: decision.trade_idx,
                decision_idx: self.outcome.decisions.len(),
                held: decision.held_quantity,
                quantity: decision.quantity,
            });
        }
        self.outcome.decisions.push(decision);
    }

    /// Free margin that an order would use up: initial margin, fee, and the loss against the mark
    /// with which it opens.
    fn margin_of(&self, decision: &Decision, bar: usize) -> f64 {
        let notional = (decision.quantity - decision.held_quantity) * decision.price;
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

    /// Free margin at this close once the exits already decided have filled.
    pub(super) fn free_margin_after_exits(&self, bar: usize, equity: f64) -> f64 {
        let released: f64 = self
            .positions
            .iter()
            .filter(|position| self.is_leaving(position, bar))
            .map(|position| self.released(position, bar, position.quantity))
            .sum();
        self.free_margin(equity, bar, At::Close) + released
    }

    /// What closing so much of a position at about this close sets free, less what that costs.
    fn released(&self, position: &Position, bar: usize, quantity: f64) -> f64 {
        let price = self.mark(position, bar, At::Close);
        let notional = quantity * price;
        let symbol_idx = position.symbol_idx;
        let costs = notional
            * (self.slippage_fraction(symbol_idx, bar + 1, notional)
                + self.taker_fee(symbol_idx, bar));
        let share = quantity / position.quantity;
        let margin = match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => {
                let left = Position { quantity: position.quantity - quantity, ..position.clone() };
                let kept = if left.quantity > 0.0 {
                    self.initial_margin_of(&left, bar, At::Close)
                } else {
                    0.0
                };
                self.initial_margin_of(position, bar, At::Close) - kept
            }
            MarginMode::Isolated => {
                (share * (position.isolated_margin + position.pnl_at(price))).max(0.0)
            }
        };
        margin - costs
    }

    /// The account as the limits of one decision see it.
    fn with_state<T>(
        &self,
        question: &Question<'_>,
        room: &Room,
        read: impl FnOnce(&AccountState<'_>) -> T,
    ) -> T {
        let Question { symbol_idx, plan, held, bar, equity, .. } = *question;
        let price = self.prepared.market.symbols[symbol_idx].close[bar];
        let ladder = &self.in_force_at(symbol_idx, bar).ladder;
        let behind = match self.settings.margin {
            MarginMode::Isolated => Behind::Isolated { leverage: self.settings.leverage },
            MarginMode::Cross | MarginMode::Portfolio => {
                Behind::Cross { other_maintenance: room.maintenance }
            }
        };
        let side = question.side.sign();
        let unstopped_distance = match plan.caps.heat {
            Some(_) => self.unstopped_distance(symbol_idx, question.side, price, bar),
            None => Err(SizingError::NoStop),
        };
        read(&AccountState {
            equity,
            initial_equity: self.settings.equity,
            peak_equity: self.peak_equity,
            heat: room.heat.clone(),
            exposure: room.exposure,
            unstopped_distance,
            leverage_inside_liquidation: &|distance| {
                leverage_inside_liquidation(ladder, side, price, equity, behind, distance)
            },
            venue: self.venue_limits(symbol_idx, bar, equity, price, room.free, held),
        })
    }

    /// The decision on one question with so much room.
    fn decision(&self, question: &Question<'_>, room: &Room) -> Decision {
        let Question { symbol_idx, plan, held, bar, equity, .. } = *question;
        let symbol = &self.prepared.symbols[symbol_idx];
        let price = self.prepared.market.symbols[symbol_idx].close[bar];
        let sized = self.with_state(question, room, |state| decide(plan, state));
        let quantity_raw = sized.leverage * equity / price;
        let rounded = symbol.round_quantity_down(quantity_raw);
        let reason = match sized.reason {
            "" if !symbol.meets_minimum(rounded, price) => "below_min_notional",
            reason => reason,
        };
        let quantity = if reason.is_empty() { rounded } else { 0.0 };
        Decision {
            kind: if held > 0.0 { DecisionKind::Resize } else { DecisionKind::Entry },
            // One that finds no fill has no trade, and is not recorded.
            trade_idx: question.trade_idx.unwrap_or(self.trades.len()),
            symbol_idx,
            bar,
            side: question.side,
            equity,
            price,
            stop_price: question.stop_price,
            held_quantity: held,
            limits: sized.limits,
            binding_limit: sized.binding_limit,
            multipliers: sized.multipliers,
            multiplier: sized.multiplier,
            holding_bars_max: plan.holding_bars_max.filter(|_| held <= 0.0),
            leverage: sized.leverage,
            quantity_raw,
            quantity,
            outcome: DecisionOutcome::NoSize,
            reason,
        }
    }

    /// What the venue allows: the notional of its brackets at the account's leverage, and what the
    /// free margin can carry besides what is held. It takes nothing away of a position that it
    /// would not let be opened any more, so that what is held is never above these limits.
    fn venue_limits(
        &self,
        symbol_idx: usize,
        bar: usize,
        equity: f64,
        price: f64,
        free: f64,
        held: f64,
    ) -> Vec<Limit<'static>> {
        let mut limits = Vec::with_capacity(2);
        let held = held * price / equity;
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
            let most = (cap / (equity * room)).max(held);
            limits.push(Limit { name: "venue_leverage", value: Ok(most) });
        }
        let more = self.venue_margin(symbol_idx, bar, equity, free);
        let value = if held > 0.0 { Ok(held + more.unwrap_or(0.0)) } else { more };
        limits.push(Limit { name: "venue_margin", value });
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

/// What an entry would take of the rooms that entries share, if it had them to itself.
struct Claim {
    margin: f64,
    maintenance: f64,
    heat: f64,
    heat_limit: f64,
    exposure: f64,
    exposure_limit: f64,
}

/// One claim's part of a room in which all of them may not fit.
fn part(room: f64, alone: f64, wanted: f64) -> f64 {
    if wanted > room { room * alone / wanted } else { room }
}

/// How much of a limit the others have to be taken to use up, so that one claim's part is left.
fn used_beside(used: f64, limit: f64, alone: f64, wanted: f64) -> f64 {
    let room = (limit - used).max(0.0);
    if wanted > room { (limit - part(room, alone, wanted)).max(used) } else { used }
}

/// Relative error of a sum of lots.
const ROUNDING: f64 = 1e-9;
