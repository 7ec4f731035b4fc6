//! The readable loop: one configuration, bar by bar, with a full ledger. It is the specification
//! of what happens in a bar; any faster loop has to agree with it bit for bit.

mod book;
mod decide;
mod fills;
mod liquidate;
mod plans;
mod resize;

use plimsoll_market::{Side, SizeFreeTrade};
use plimsoll_venue::{Ladder, LiquidationInputs, funding_payment};

use crate::account::{Wallet, adverse, unrealised_pnl};
use crate::ladders::{DatedLadders, LadderInForce};
use crate::outcome::{Cause, ExitReason, LedgerRow, Outcome};
use crate::prepared::Prepared;
use crate::settings::{MarginMode, Settings};

use liquidate::ForcedOrders;

pub use plans::{CancelledPlan, Resizing, SizePlans};

/// The bars that a replay covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First bar.
    pub from_bar: usize,
    /// One past the last bar; positions still open are closed at the last bar's close.
    pub to_bar: usize,
}

/// Replays one rule.
///
/// Where the rule resizes, the size of every position that is held and stays is decided again at
/// each close, by [`Resizing::plan_at`] and the account without that position. If the new quantity
/// differs by more than the band, an order for the difference fills at the next open: an increase
/// as an entry does, refused where an entry would be; a decrease as a partial close. A quantity of
/// 0, or under the venue's smallest order, closes the position
/// ([`ExitReason::ResizedToZero`]), and the rule stays flat until the list's next entry. What the
/// venue has taken of a position since the decision cancels the order, as it cancels all that are
/// open; an order that closes takes what is left.
///
/// Only trades decided inside the span are taken. [Cancelled entries](SizePlans::cancelled) are
/// decided with them, to use up what all share, but send no order and leave no [`Decision`]: they
/// are no rule's doing, and [`TradeList::cancelled`] names them once.
///
/// [`Decision`]: crate::Decision
/// [`TradeList::cancelled`]: crate::TradeList::cancelled
///
/// # Panics
/// If the plans and `trades` differ in length, the span reaches beyond the market, or portfolio
/// margin was not [prepared](Prepared::with_portfolio_margin): mistakes of the caller, not of any
/// data.
pub fn replay<'a>(
    prepared: &'a Prepared<'a>,
    trades: &'a [SizeFreeTrade],
    sizes: impl Into<SizePlans<'a>>,
    settings: &'a Settings,
    span: Span,
) -> Outcome {
    let sizes = sizes.into();
    assert_eq!(trades.len(), sizes.at_entry.len(), "one plan a trade");
    assert!(span.from_bar <= span.to_bar && span.to_bar <= prepared.market.n_bars, "{span:?}");
    let mut replay = Replay::new(prepared, trades, sizes, settings, span);
    replay.run();
    replay.outcome
}

/// A position of the account.
#[derive(Clone, Debug)]
struct Position {
    trade_idx: usize,
    symbol_idx: usize,
    side: Side,
    quantity: f64,
    entry_price: f64,
    entry_reference_price: f64,
    /// Margin set aside for it; 0 unless isolated.
    isolated_margin: f64,
    /// The bar at whose open the rule's longest holding time is over.
    holding_ends_bar: usize,
    forced_orders: ForcedOrders,
    record: EntryRecord,
}

impl Position {
    /// Unrealised profit at a price.
    fn pnl_at(&self, price: f64) -> f64 {
        unrealised_pnl(self.side, self.quantity, self.entry_price, price)
    }
}

/// What the trade's record needs from its entry, and what has accumulated since.
#[derive(Clone, Debug)]
struct EntryRecord {
    entry_bar: usize,
    entry_price: f64,
    quantity: f64,
    /// Sum of all that was ever opened, and the most that was held at once.
    opened_quantity: f64,
    quantity_max: f64,
    resizes: usize,
    notional: f64,
    leverage: f64,
    decision_idx: usize,
    liquidation_price: Option<f64>,
    /// Sum over closes of quantity times price, for the mean exit price.
    exit_value: f64,
    pnl: f64,
    funding: f64,
    fees: f64,
    slippage: f64,
}

/// An order decided at a close, to fill at the next open: for what `quantity` is more or less than
/// what was held then.
#[derive(Clone, Copy, Debug)]
struct Order {
    trade_idx: usize,
    decision_idx: usize,
    held: f64,
    quantity: f64,
}

/// The mark of a bar that positions are valued at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Its open.
    Open,
    /// Its low for a long, its high for a short: all positions at their worst at once.
    Adverse,
    /// Its close.
    Close,
}

struct Replay<'a> {
    prepared: &'a Prepared<'a>,
    trades: &'a [SizeFreeTrade],
    sizes: SizePlans<'a>,
    settings: &'a Settings,
    span: Span,
    wallet: Wallet,
    /// Running maximum of equity at closes, from the start on.
    peak_equity: f64,
    /// Open positions in order of symbol.
    positions: Vec<Position>,
    orders: Vec<Order>,
    /// The next trade of the list that has not been decided.
    next_trade: usize,
    /// Per symbol: the next settlement of what is held, and the ladder in force.
    next_funding: Vec<usize>,
    ladder_index: Vec<usize>,
    ladders: Vec<&'a DatedLadders>,
    outcome: Outcome,
}

impl<'a> Replay<'a> {
    fn new(
        prepared: &'a Prepared<'a>,
        trades: &'a [SizeFreeTrade],
        sizes: SizePlans<'a>,
        settings: &'a Settings,
        span: Span,
    ) -> Self {
        let n_symbols = prepared.symbols.len();
        let n_bars = span.to_bar - span.from_bar;
        Self {
            prepared,
            trades,
            sizes,
            settings,
            span,
            wallet: Wallet::new(settings.equity),
            peak_equity: settings.equity,
            positions: Vec::with_capacity(n_symbols),
            orders: Vec::with_capacity(n_symbols),
            next_trade: trades.partition_point(|trade| trade.decision_bar < span.from_bar),
            next_funding: vec![0; n_symbols],
            ladder_index: vec![0; n_symbols],
            ladders: prepared
                .symbols
                .iter()
                .map(|symbol| symbol.ladders(settings.margin).expect("margin was prepared"))
                .collect(),
            outcome: Outcome {
                from_bar: span.from_bar,
                initial_equity: settings.equity,
                equity: Vec::with_capacity(n_bars),
                equity_low: Vec::with_capacity(n_bars),
                ..Outcome::default()
            },
        }
    }

    fn run(&mut self) {
        let mut bar = self.span.from_bar;
        while bar < self.span.to_bar {
            if self.positions.is_empty() && self.orders.is_empty() {
                bar = self.rest_until_next_decision(bar);
                if bar == self.span.to_bar {
                    break;
                }
            }
            bar = self.hold(bar, self.quiet_until(bar));
            if bar < self.span.to_bar {
                self.step(bar);
                bar += 1;
            }
        }
    }

    /// Flat: equity stands still until the close at which the next entry is decided.
    fn rest_until_next_decision(&mut self, bar: usize) -> usize {
        let next = match self.outcome.ruined_at {
            Some(_) => self.span.to_bar,
            None => self
                .trades
                .get(self.next_trade)
                .map_or(self.span.to_bar, |trade| trade.decision_bar.min(self.span.to_bar)),
        };
        let equity = self.wallet.balance();
        let n_bars = next - self.span.from_bar;
        self.outcome.equity.resize(n_bars, equity);
        self.outcome.equity_low.resize(n_bars, equity);
        next.max(bar)
    }

    /// The next bar that needs [`Self::step`] whatever its prices: an order fills, a trade ends, an
    /// entry is decided, funding is charged, brackets change, or the period ends.
    fn quiet_until(&self, bar: usize) -> usize {
        let decides_at_each_close = self.sizes.resizing.is_some();
        if self.positions.is_empty() || !self.orders.is_empty() || decides_at_each_close {
            return bar;
        }
        let next_decision = self.trades.get(self.next_trade).map(|trade| trade.decision_bar);
        let mut until = next_decision.map_or(usize::MAX, |bar| bar).min(self.span.to_bar - 1);
        for position in &self.positions {
            let symbol_idx = position.symbol_idx;
            let symbol = &self.prepared.symbols[symbol_idx];
            let settlement = symbol.funding.get(self.next_funding[symbol_idx]);
            until = until
                .min(self.trades[position.trade_idx].exit_bar)
                .min(position.holding_ends_bar)
                .min(settlement.map_or(usize::MAX, |charge| charge.bar))
                .min(self.ladders[symbol_idx].end(self.ladder_index[symbol_idx]));
        }
        until.max(bar)
    }

    /// What [`Self::step`] comes to in bars without an event: the marking, up to a bar in which
    /// something is liquidated. Returns the first bar not yet done.
    fn hold(&mut self, from: usize, until: usize) -> usize {
        let at = self.tested_at();
        for bar in from..until {
            // No open is worse than the adverse extreme.
            let is_due_at_open = at != At::Adverse && self.due(bar, At::Open).is_some();
            if is_due_at_open || self.due(bar, at).is_some() {
                return bar;
            }
            self.note_fallback(bar);
            let lowest = self.worst_equity(bar);
            self.mark_to_market(bar, lowest);
        }
        until
    }

    /// One bar, in the order in which things happen.
    fn step(&mut self, bar: usize) {
        self.charge_funding(bar);
        self.liquidate_at_open(bar);
        self.fill_exits_at_open(bar);
        self.end_holdings_at_open(bar);
        self.fill_orders_at_open(bar);
        self.note_fallback(bar);
        self.fill_stops_and_liquidate_inside(bar);
        let lowest = self.worst_equity(bar);
        self.fill_take_profits(bar);
        self.fill_ends(bar);
        let equity = self.mark_to_market(bar, lowest);
        self.note_ruin(bar, equity);
        if bar + 1 < self.span.to_bar {
            self.decide(bar, equity);
        }
    }

    /// Equity at the close, recorded with the lowest of the bar.
    fn mark_to_market(&mut self, bar: usize, lowest: f64) -> f64 {
        let equity = self.equity_at(bar, At::Close);
        self.peak_equity = self.peak_equity.max(equity);
        self.outcome.equity.push(equity);
        self.outcome.equity_low.push(lowest.max(0.0).min(equity));
        self.measure_exposure(bar, equity);
        equity
    }

    /// Settlements in (previous open, this open], on what was held before this open. All of them
    /// are booked before any margin is touched: what one position receives pays for another.
    fn charge_funding(&mut self, bar: usize) {
        let mut paid = vec![0.0; self.positions.len()];
        for (index, paid) in paid.iter_mut().enumerate() {
            let symbol_idx = self.positions[index].symbol_idx;
            let funding = &self.prepared.symbols[symbol_idx].funding;
            while let Some(charge) = funding.get(self.next_funding[symbol_idx])
                && charge.bar <= bar
            {
                self.next_funding[symbol_idx] += 1;
                let position = &mut self.positions[index];
                let cash =
                    funding_payment(position.side, position.quantity, charge.price, charge.rate);
                position.record.funding -= cash;
                position.record.pnl += cash;
                self.outcome.funding_price_estimated += usize::from(!charge.price_is_recorded);
                let row = LedgerRow {
                    bar,
                    symbol_idx,
                    trade_idx: position.trade_idx,
                    cause: Cause::Funding,
                    amount: cash,
                    quantity: position.quantity,
                    price: charge.price,
                    wallet: 0.0,
                };
                *paid -= cash;
                self.enter(row);
            }
        }
        self.cover_from_isolated_margins(&paid);
    }

    /// What the free balance cannot pay comes out of the margins of the positions that paid, in
    /// proportion to what each of them paid.
    fn cover_from_isolated_margins(&mut self, paid: &[f64]) {
        if self.settings.margin != MarginMode::Isolated {
            return;
        }
        let total: f64 = paid.iter().map(|paid| paid.max(0.0)).sum();
        let free = self.wallet.balance() - self.isolated_margins();
        if free < 0.0 && total > 0.0 {
            for (position, paid) in self.positions.iter_mut().zip(paid) {
                position.isolated_margin += free * (paid.max(0.0) / total);
            }
        }
    }

    /// Books a change of money.
    fn enter(&mut self, mut row: LedgerRow) {
        self.wallet.add(row.amount);
        row.wallet = self.wallet.balance();
        self.outcome.ledger.push(row);
    }

    fn isolated_margins(&self) -> f64 {
        self.positions.iter().map(|position| position.isolated_margin).sum()
    }

    /// Equity with every position at its mark.
    fn equity_at(&self, bar: usize, at: At) -> f64 {
        let unrealised: f64 =
            self.positions.iter().map(|position| self.unrealised(position, bar, at)).sum();
        self.wallet.balance() + unrealised
    }

    fn unrealised(&self, position: &Position, bar: usize, at: At) -> f64 {
        position.pnl_at(self.mark(position, bar, at))
    }

    /// Unrealised profit as far as it is the account's: an isolated position cannot lose more
    /// than its margin.
    fn unrealised_of_account(&self, position: &Position, bar: usize, at: At) -> f64 {
        let pnl = self.unrealised(position, bar, at);
        match self.settings.margin {
            MarginMode::Cross | MarginMode::Portfolio => pnl,
            MarginMode::Isolated => pnl.max(-position.isolated_margin),
        }
    }

    /// The lowest equity inside the bar.
    fn worst_equity(&self, bar: usize) -> f64 {
        let worst = |position| self.unrealised_of_account(position, bar, At::Adverse);
        self.wallet.balance() + self.positions.iter().map(worst).sum::<f64>()
    }

    /// A position's mark; the last known close where the bar is missing.
    fn mark(&self, position: &Position, bar: usize, at: At) -> f64 {
        let mark = &self.prepared.symbols[position.symbol_idx].mark[bar];
        match at {
            At::Open => mark.open,
            At::Adverse => adverse(position.side, mark.low, mark.high),
            At::Close => mark.close,
        }
    }

    fn note_fallback(&mut self, bar: usize) {
        let is_last =
            |position: &Position| self.prepared.symbols[position.symbol_idx].mark_is_last[bar];
        self.outcome.mark_fallback_bars += usize::from(self.positions.iter().any(is_last));
    }

    /// Flat and too poor for the smallest order of any symbol: that is final.
    fn note_ruin(&mut self, bar: usize, equity: f64) {
        if self.positions.is_empty()
            && self.outcome.ruined_at.is_none()
            && equity < self.smallest_tradable_equity(bar)
        {
            self.outcome.ruined_at = Some(bar);
        }
    }

    fn measure_exposure(&mut self, bar: usize, equity: f64) {
        if self.positions.is_empty() || equity <= 0.0 {
            return;
        }
        let mut gross = 0.0;
        let mut exceeds_top = false;
        for position in &self.positions {
            let mark = self.mark(position, bar, At::Close);
            gross += position.quantity * mark;
            let symbol_idx = position.symbol_idx;
            let ladder = self.ladders[symbol_idx].ladder(self.ladder_index[symbol_idx]);
            exceeds_top |= ladder.exceeds_top(ladder.size(position.quantity, mark));
        }
        self.outcome.above_top_bracket_bars += usize::from(exceeds_top);
        self.outcome.leverage_sum += gross / equity;
        self.outcome.leverage_max = self.outcome.leverage_max.max(gross / equity);
    }

    fn ladder_at(&mut self, symbol_idx: usize, bar: usize) -> &'a Ladder {
        let ladders = self.ladders[symbol_idx];
        let index = ladders.index(bar, self.ladder_index[symbol_idx]);
        self.ladder_index[symbol_idx] = index;
        ladders.ladder(index)
    }

    /// As [`Self::ladder_at`], with what initial margin goes by, leaving the index where it is.
    fn in_force_at(&self, symbol_idx: usize, bar: usize) -> &'a LadderInForce {
        self.ladders[symbol_idx].at(bar, self.ladder_index[symbol_idx])
    }

    /// Initial margin that a position takes up: of its entry value, or at its mark under portfolio
    /// margin.
    fn initial_margin_of(&self, position: &Position, bar: usize, at: At) -> f64 {
        let price = match self.settings.margin {
            MarginMode::Portfolio => self.mark(position, bar, at),
            MarginMode::Cross | MarginMode::Isolated => position.entry_price,
        };
        let in_force = self.in_force_at(position.symbol_idx, bar);
        in_force.initial_margin(position.quantity, price, self.settings.leverage)
    }

    /// What a position's liquidation price depends on, with the others at their marks.
    fn liquidation_inputs(&self, position: &Position, bar: usize, at: At) -> LiquidationInputs {
        let inputs = LiquidationInputs::isolated(
            position.side,
            position.quantity,
            position.entry_price,
            position.isolated_margin,
        );
        if self.settings.margin == MarginMode::Isolated {
            return inputs;
        }
        let mut inputs = LiquidationInputs { wallet_balance: self.wallet.balance(), ..inputs };
        for other in self.positions.iter().filter(|p| p.symbol_idx != position.symbol_idx) {
            let price = self.mark(other, bar, at);
            let ladder = &self.in_force_at(other.symbol_idx, bar).ladder;
            inputs.other_maintenance_margin += ladder.required_margin(other.quantity, price);
            inputs.other_unrealised_pnl += other.pnl_at(price);
        }
        inputs
    }

    /// Ends a position whose quantity is gone and files its record.
    fn finish(&mut self, index: usize, bar: usize, exit_reason: ExitReason) {
        let position = self.positions.remove(index);
        self.file_record(&position, bar, exit_reason);
    }
}
