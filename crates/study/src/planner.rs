//! From rules to plans, and from plans to replays.

use plimsoll_engine::{
    CancelledEntry, CancelledPlan, Outcome, Prepared, Resizing, Settings, SizePlans, Span,
    TradeList, replay,
};
use plimsoll_market::{Side, SizeFreeTrade};
use plimsoll_sizing::{
    DecisionFacts, History, LimitInputs, PlannedSize, SizingRule, plan, plan_held,
};

/// Turns rules into plans for a list of trades.
pub(crate) struct Planner<'a> {
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) inputs: &'a LimitInputs<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) trades: &'a [SizeFreeTrade],
    cancelled: &'a [CancelledEntry],
    history: History<'a>,
}

/// An entry whose size is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) symbol_idx: usize,
    pub(crate) side: Side,
    /// The bar at whose close it is decided.
    pub(crate) bar: usize,
    pub(crate) stop_price: Option<f64>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(
        prepared: &'a Prepared<'a>,
        inputs: &'a LimitInputs<'a>,
        settings: &'a Settings,
        list: &'a TradeList,
    ) -> Self {
        let cancelled = list.cancelled.iter().map(|entry| (entry.decision_bar, entry.symbol_idx));
        let history = History::new(&list.trades, &list.unit_returns)
            .with_cancelled(cancelled)
            .with_delistings(inputs);
        let TradeList { trades, cancelled, .. } = list;
        Self { prepared, inputs, settings, trades, cancelled, history }
    }

    /// One plan a trade. Trades before `from_bar` only feed estimates: theirs are empty.
    pub(crate) fn plans(&self, rule: &SizingRule, from_bar: usize) -> Vec<PlannedSize> {
        let planned = |(trade_idx, trade): (usize, &SizeFreeTrade)| {
            if trade.decision_bar < from_bar {
                return PlannedSize::of_limits(Vec::new());
            }
            self.plan_at(rule, trade_idx, trade.decision_bar)
        };
        self.trades.iter().enumerate().map(planned).collect()
    }

    /// The plan for a trade at the close of one of its bars: the price is that close, the stop the
    /// trade's initial one. From its entry on, what a unit risks is measured from the open it was
    /// entered at, which is the same for every rule.
    pub(crate) fn plan_at(&self, rule: &SizingRule, trade_idx: usize, bar: usize) -> PlannedSize {
        let trade = &self.trades[trade_idx];
        let (symbol_idx, side) = (trade.symbol_idx, trade.side);
        let stop_price = trade.initial_stop_price;
        let entry = Entry { symbol_idx, side, bar, stop_price };
        if bar < trade.entry_bar {
            return self.plan(rule, &entry);
        }
        let entry_price = self.prepared.market.symbols[symbol_idx].open[trade.entry_bar];
        plan_held(rule, &self.facts(&entry), entry_price, self.inputs, &self.history)
    }

    /// The plan for an entry, whether the list has it or not.
    pub(crate) fn plan(&self, rule: &SizingRule, entry: &Entry) -> PlannedSize {
        plan(rule, &self.facts(entry), self.inputs, &self.history)
    }

    /// Replays a rule over all trades, or over those of one symbol only.
    pub(crate) fn replay(
        &self,
        rule: &SizingRule,
        plans: &[PlannedSize],
        equity: f64,
        span: Span,
        symbol_idx: Option<usize>,
    ) -> Outcome {
        let settings = Settings { equity, ..*self.settings };
        let cancelled = self.cancelled_plans(rule, span, symbol_idx);
        let Some(symbol_idx) = symbol_idx else {
            let plan_at = |trade_idx, bar| self.plan_at(rule, trade_idx, bar);
            let sizes = sizes(rule, plans, &cancelled, &plan_at);
            return replay(self.prepared, self.trades, sizes, &settings, span);
        };
        let own: Vec<usize> = (0..self.trades.len())
            .filter(|&trade_idx| self.trades[trade_idx].symbol_idx == symbol_idx)
            .collect();
        let trades: Vec<_> = own.iter().map(|&trade_idx| self.trades[trade_idx].clone()).collect();
        let plans: Vec<_> = own.iter().map(|&trade_idx| plans[trade_idx].clone()).collect();
        let plan_at = |trade_idx: usize, bar| self.plan_at(rule, own[trade_idx], bar);
        let sizes = sizes(rule, &plans, &cancelled, &plan_at);
        replay(self.prepared, &trades, sizes, &settings, span)
    }

    /// The plans of the entries of a span that the market cancels: of all symbols, or of one.
    fn cancelled_plans(
        &self,
        rule: &SizingRule,
        span: Span,
        only_symbol: Option<usize>,
    ) -> Vec<CancelledPlan> {
        let is_asked = |cancelled: &&CancelledEntry| {
            cancelled.decision_bar >= span.from_bar
                && only_symbol.is_none_or(|symbol_idx| cancelled.symbol_idx == symbol_idx)
        };
        let planned = |cancelled: &CancelledEntry| {
            let entry = Entry {
                symbol_idx: cancelled.symbol_idx,
                side: cancelled.side,
                bar: cancelled.decision_bar,
                stop_price: cancelled.initial_stop_price,
            };
            CancelledPlan { entry: *cancelled, plan: self.plan(rule, &entry) }
        };
        self.cancelled.iter().filter(is_asked).map(planned).collect()
    }

    fn facts(&self, entry: &Entry) -> DecisionFacts {
        let symbol = &self.prepared.symbols[entry.symbol_idx];
        let fee = symbol.taker_fee(entry.bar);
        DecisionFacts {
            symbol_idx: entry.symbol_idx,
            bar: entry.bar,
            side: entry.side,
            price: self.prepared.market.symbols[entry.symbol_idx].close[entry.bar],
            stop_price: entry.stop_price,
            round_trip_cost_fraction: 2.0 * (fee + self.settings.costs.half_spread()),
            account_leverage: symbol.account_leverage(self.settings, entry.bar),
        }
    }
}

/// A rule's plans, and how it decides again where it does.
fn sizes<'a>(
    rule: &SizingRule,
    at_entry: &'a [PlannedSize],
    cancelled: &'a [CancelledPlan],
    plan_at: &'a (dyn Fn(usize, usize) -> PlannedSize + Sync),
) -> SizePlans<'a> {
    let resizing = rule.resize.as_ref().map(|resize| Resizing { band: resize.band, plan_at });
    SizePlans { at_entry, cancelled, resizing }
}
