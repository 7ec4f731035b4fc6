//! The size-free list: the signal columns walked once at unit leverage.
//!
//! Entries, exits and stops depend on the market alone, so this list is the same for every sizing
//! rule. Returns are net of fees, half spread and funding, without impact, reckoned by the same
//! formulas as the replay's.

use plimsoll_market::{Side, SignalColumns, SizeFreeTrade, SymbolColumns, TradeExit};
use plimsoll_venue::funding_payment;

use crate::account::{
    adverse, better_exit, entry_fill_price, exit_fill_price, stop_reference_price,
    stop_risk_fraction, take_profit_reference_price, worse_exit,
};
use crate::outcome::CancelledEntry;
use crate::prepared::{Prepared, PreparedSymbol};
use crate::settings::{Intrabar, Settings};

/// The size-free trades of a market and what the walk saw beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradeList {
    /// Trades in order of decision bar, then of symbol.
    pub trades: Vec<SizeFreeTrade>,
    /// Entries that the market did not allow, in the same order.
    pub cancelled: Vec<CancelledEntry>,
    /// Per symbol and bar, the return of one unit of notional held by these trades from close to
    /// close, costs included; 0 while flat, `NaN` where the bar is missing.
    pub unit_returns: Vec<Vec<f64>>,
}

/// Walks every symbol's signal and returns the trades that follow from it.
pub fn size_free_trades(
    prepared: &Prepared<'_>,
    signals: &[SignalColumns],
    settings: &Settings,
) -> TradeList {
    let mut list = TradeList::default();
    for (symbol_idx, signal) in signals.iter().enumerate() {
        let walk = Walk {
            symbol_idx,
            columns: &prepared.market.symbols[symbol_idx],
            prepared: &prepared.symbols[symbol_idx],
            signal,
            settings,
        };
        let (trades, cancelled) = walk.run();
        let mut returns = walk.flat_returns();
        for trade in &trades {
            walk.write_unit_returns(trade, &mut returns);
        }
        list.trades.extend(trades);
        list.cancelled.extend(cancelled);
        list.unit_returns.push(returns);
    }
    list.trades.sort_by_key(|trade| (trade.decision_bar, trade.symbol_idx));
    list.cancelled.sort_by_key(|entry| (entry.decision_bar, entry.symbol_idx));
    list
}

struct Walk<'a> {
    symbol_idx: usize,
    columns: &'a SymbolColumns,
    prepared: &'a PreparedSymbol<'a>,
    signal: &'a SignalColumns,
    settings: &'a Settings,
}

/// A position of the walk.
struct Held {
    side: Side,
    decision_bar: usize,
    entry_bar: usize,
    initial_stop: Option<f64>,
    stop: Option<f64>,
    take_profit: Option<f64>,
    /// Where the exit was decided; it fills at the next open at which anything trades.
    exit_decision_bar: Option<usize>,
}

/// An entry with all that is known of it at its decision.
#[derive(Clone, Copy)]
struct Entry {
    decision_bar: usize,
    side: Side,
    stop: Option<f64>,
    take_profit: Option<f64>,
}

impl Walk<'_> {
    fn run(&self) -> (Vec<SizeFreeTrade>, Vec<CancelledEntry>) {
        let mut trades = Vec::new();
        let mut cancelled = Vec::new();
        let mut held: Option<Held> = None;
        let mut pending: Option<Entry> = None;
        let signalled = self.prepared.end_bar.min(self.signal.len());
        let end = (0..signalled).rev().find(|&bar| self.columns.has_bar(bar)).map_or(0, |b| b + 1);
        for bar in 0..end {
            if self.trades_at(bar)
                && let Some(position) =
                    held.take_if(|position| position.exit_decision_bar.is_some())
            {
                trades.push(self.closed(&position, bar, TradeExit::Signal));
            }
            if let Some(entry) = pending.take() {
                match self.open_position(entry, bar) {
                    Ok(position) => held = Some(position),
                    Err(reason) => cancelled.push(self.cancelled(entry, reason)),
                }
            }
            if !self.columns.has_bar(bar) {
                continue;
            }
            if self.trades_at(bar)
                && let Some(exit) =
                    held.as_ref().and_then(|position| self.exit_inside(position, bar))
                && let Some(position) = held.take()
            {
                trades.push(self.closed(&position, bar, exit));
            }
            if let Some(side) = self.decide(held.as_mut(), bar) {
                match self.entry(bar, side) {
                    Ok(entry) => pending = Some(entry),
                    Err((entry, reason)) => cancelled.push(self.cancelled(entry, reason)),
                }
            }
        }
        if let Some(position) = held {
            trades.push(self.closed(&position, end - 1, TradeExit::End));
        }
        if let Some(entry) = pending {
            cancelled.push(self.cancelled(entry, "end_of_data"));
        }
        (trades, cancelled)
    }

    fn cancelled(&self, entry: Entry, reason: &'static str) -> CancelledEntry {
        CancelledEntry {
            symbol_idx: self.symbol_idx,
            decision_bar: entry.decision_bar,
            side: entry.side,
            initial_stop_price: entry.stop,
            reason,
        }
    }

    /// Whether an order can fill at this bar's open.
    fn trades_at(&self, bar: usize) -> bool {
        self.columns.has_bar(bar) && self.columns.volume[bar] > 0.0
    }

    /// The entry as it is decided, or why its decision already rules it out.
    fn entry(&self, decision_bar: usize, side: Side) -> Result<Entry, (Entry, &'static str)> {
        let pick = |long: &[f64], short: &[f64]| {
            let column = if side == Side::Long { long } else { short };
            (!column.is_empty()).then(|| column[decision_bar])
        };
        let initial = pick(&self.signal.stop_long, &self.signal.stop_short);
        let trailing = pick(&self.signal.trailing_stop_long, &self.signal.trailing_stop_short);
        let known = |stop: Option<f64>| stop.filter(|price| !price.is_nan());
        let stop = match (known(initial), known(trailing)) {
            (Some(a), Some(b)) => Some(nearer_stop(side, a, b)),
            (a, b) => a.or(b),
        };
        let take_profit = pick(&self.signal.take_profit_long, &self.signal.take_profit_short);
        let entry = Entry { decision_bar, side, stop, take_profit };
        // One of the two protects; a strategy with stops never enters without any.
        if stop.is_none() && (initial.is_some() || trailing.is_some()) {
            return Err((entry, "stop_undefined"));
        }
        if take_profit.is_some_and(f64::is_nan) {
            return Err((entry, "take_profit_undefined"));
        }
        Ok(entry)
    }

    fn open_position(&self, entry: Entry, bar: usize) -> Result<Held, &'static str> {
        if !self.columns.has_bar(bar) {
            return Err("bar_missing");
        }
        if !self.trades_at(bar) {
            return Err("no_volume");
        }
        let Entry { decision_bar, side, stop, take_profit } = entry;
        let open = self.columns.open[bar];
        if stop.is_some_and(|stop| side.sign() * (open - stop) <= 0.0) {
            return Err("open_past_stop");
        }
        Ok(Held {
            side,
            decision_bar,
            entry_bar: bar,
            initial_stop: stop,
            stop,
            take_profit,
            exit_decision_bar: None,
        })
    }

    /// Stop or take-profit inside the bar. Which comes first where the bar reaches both is the
    /// intrabar assumption.
    fn exit_inside(&self, position: &Held, bar: usize) -> Option<TradeExit> {
        let (low, high) = (self.columns.low[bar], self.columns.high[bar]);
        let (stop_hit, profit_hit) = match position.side {
            Side::Long => (
                position.stop.is_some_and(|stop| low <= stop),
                position.take_profit.is_some_and(|price| high >= price),
            ),
            Side::Short => (
                position.stop.is_some_and(|stop| high >= stop),
                position.take_profit.is_some_and(|price| low <= price),
            ),
        };
        match (stop_hit, profit_hit, self.settings.intrabar) {
            (true, false, _) | (true, true, Intrabar::Pessimistic) => Some(TradeExit::Stop),
            (false, true, _) | (true, true, Intrabar::Optimistic) => Some(TradeExit::TakeProfit),
            (false, false, _) => None,
        }
    }

    /// What is decided at the close: leaving, trailing the stop, or a new entry. An entry against
    /// a held position closes it and opens the other way at the same open.
    fn decide(&self, held: Option<&mut Held>, bar: usize) -> Option<Side> {
        let entry = match self.signal.entry[bar] {
            1 => Some(Side::Long),
            -1 => Some(Side::Short),
            _ => None,
        };
        let Some(position) = held else {
            return entry;
        };
        let exit_rule = match position.side {
            Side::Long => &self.signal.exit_long,
            Side::Short => &self.signal.exit_short,
        };
        let too_long =
            self.signal.bars_max.is_some_and(|bars| bar + 1 >= position.entry_bar + bars);
        let reversal = entry.filter(|&side| side != position.side);
        if exit_rule.get(bar).copied().unwrap_or(false) || too_long || reversal.is_some() {
            position.exit_decision_bar.get_or_insert(bar);
        }
        let trailing = match position.side {
            Side::Long => &self.signal.trailing_stop_long,
            Side::Short => &self.signal.trailing_stop_short,
        };
        if let (Some(&price), Some(stop)) = (trailing.get(bar), position.stop)
            && !price.is_nan()
        {
            position.stop = Some(nearer_stop(position.side, stop, price));
        }
        reversal
    }

    fn closed(&self, position: &Held, exit_bar: usize, exit: TradeExit) -> SizeFreeTrade {
        let mut trade = SizeFreeTrade {
            symbol_idx: self.symbol_idx,
            side: position.side,
            decision_bar: position.decision_bar,
            entry_bar: position.entry_bar,
            initial_stop_price: position.initial_stop,
            exit_stop_price: position.stop,
            take_profit_price: position.take_profit,
            exit_bar,
            exit,
            exit_decision_bar: position.exit_decision_bar,
            unit_return: 0.0,
            r_multiple: None,
            adverse_excursion: 0.0,
        };
        let (entry_price, exit_price) = self.unit_fills(&trade);
        let sign = trade.side.sign();
        let funding: f64 = self
            .prepared
            .funding_between(trade.entry_bar, trade.exit_bar)
            .map(|event| funding_payment(trade.side, 1.0 / entry_price, event.price, event.rate))
            .sum();
        let fees = self.taker_fee(trade.entry_bar)
            + self.taker_fee(trade.exit_bar) * exit_price / entry_price;
        trade.unit_return = sign * (exit_price / entry_price - 1.0) - fees + funding;
        trade.r_multiple = trade.initial_stop_price.map(|stop| {
            let round_trip = 2.0 * (self.taker_fee(trade.entry_bar) + self.half_spread());
            trade.unit_return / stop_risk_fraction(entry_price, stop, round_trip)
        });
        trade.adverse_excursion = self.adverse_excursion(&trade);
        trade
    }

    /// Largest adverse move of the mark from the entry fill, as a fraction of the entry price.
    ///
    /// In the exit bar the order of events is the replay's: the mark's open comes first, then the
    /// adverse extreme, unless an exit at the open or a stop that is nearer ended the trade before.
    fn adverse_excursion(&self, trade: &SizeFreeTrade) -> f64 {
        let (entry_price, exit_price) = self.unit_fills(trade);
        let (sign, mark) = (trade.side.sign(), &self.prepared.mark);
        let extreme = |bar: usize| adverse(trade.side, mark[bar].low, mark[bar].high);
        let last = trade.exit_bar;
        let at_exit = match (trade.exit, trade.exit_stop_price) {
            (TradeExit::Signal, _) => mark[last].open,
            (TradeExit::Stop, Some(stop)) => {
                let stopped = worse_exit(trade.side, stop, exit_price);
                let reached = worse_exit(trade.side, stopped, mark[last].open);
                better_exit(trade.side, reached, extreme(last))
            }
            _ => extreme(last),
        };
        // A bar before anything is known has no mark: `NaN`, which a maximum passes over.
        (trade.entry_bar..last)
            .map(extreme)
            .chain([at_exit])
            .map(|price| sign * (entry_price - price) / entry_price)
            .fold(0.0, f64::max)
    }

    /// Fill prices of entry and exit, half spread included, no impact.
    fn unit_fills(&self, trade: &SizeFreeTrade) -> (f64, f64) {
        let entry =
            entry_fill_price(trade.side, self.columns.open[trade.entry_bar], self.half_spread());
        let reference = self.exit_reference_price(trade);
        (entry, exit_fill_price(trade.side, reference, self.half_spread()))
    }

    fn taker_fee(&self, bar: usize) -> f64 {
        self.prepared.taker_fee(bar)
    }

    fn half_spread(&self) -> f64 {
        self.settings.costs.half_spread()
    }

    fn flat_returns(&self) -> Vec<f64> {
        self.columns.close.iter().map(|close| if close.is_nan() { f64::NAN } else { 0.0 }).collect()
    }

    /// Writes the bar returns of one unit of notional over the trade's life.
    fn write_unit_returns(&self, trade: &SizeFreeTrade, returns: &mut [f64]) {
        let sign = trade.side.sign();
        let (entry_price, exit_price) = self.unit_fills(trade);
        let mut previous = entry_price;
        let life = returns.iter_mut().enumerate().take(trade.exit_bar + 1).skip(trade.entry_bar);
        for (bar, bar_return) in life {
            if !self.columns.has_bar(bar) {
                continue;
            }
            let price = if bar == trade.exit_bar { exit_price } else { self.columns.close[bar] };
            let fee = if bar == trade.entry_bar { self.taker_fee(bar) } else { 0.0 }
                + if bar == trade.exit_bar { self.taker_fee(bar) } else { 0.0 };
            // A bar can hold the end of one trade and the beginning of the next.
            *bar_return += sign * (price / previous - 1.0) - fee;
            previous = price;
        }
        for event in self.prepared.funding_between(trade.entry_bar, trade.exit_bar) {
            let cash = funding_payment(trade.side, 1.0 / event.price, event.price, event.rate);
            // A settlement inside a gap shows in the first bar after it; the exit bar exists.
            let shown = (event.bar..=trade.exit_bar).find(|&bar| self.columns.has_bar(bar));
            returns[shown.unwrap_or(trade.exit_bar)] += cash;
        }
    }

    /// Price from which the exit slips: the open, the triggered stop, the take-profit price, or
    /// the close where the data end.
    fn exit_reference_price(&self, trade: &SizeFreeTrade) -> f64 {
        let (columns, bar) = (self.columns, trade.exit_bar);
        let open = columns.open[bar];
        match (trade.exit, trade.exit_stop_price, trade.take_profit_price) {
            (TradeExit::Stop, Some(stop), _) => {
                let extreme = adverse(trade.side, columns.low[bar], columns.high[bar]);
                let slippage = self.settings.stop_slippage();
                stop_reference_price(trade.side, stop, open, extreme, slippage)
            }
            (TradeExit::TakeProfit, _, Some(price)) => {
                take_profit_reference_price(trade.side, price, open)
            }
            (TradeExit::End, ..) => self.prepared.end_price(columns, bar),
            _ => open,
        }
    }
}

/// The stop that is reached first.
fn nearer_stop(side: Side, a: f64, b: f64) -> f64 {
    match side {
        Side::Long => a.max(b),
        Side::Short => a.min(b),
    }
}
