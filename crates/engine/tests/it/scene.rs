//! Small markets made by hand: hourly bars from 2025-10-10, flat until told otherwise.

use std::collections::BTreeMap;
use std::sync::Mutex;

use plimsoll_engine::{
    Cause, Costs, DecisionKind, DecisionOutcome, Intrabar, LedgerRow, MarginMode, Outcome,
    Prepared, Resizing, Settings, Simultaneous, SizePlans, Span, TradeList, replay,
    size_free_trades,
};
use plimsoll_market::{
    FundingEvent, Interval, Market, PriceColumns, Side, SignalColumns, SymbolColumns, Timestamp,
};
use plimsoll_sizing::PlannedSize;
use plimsoll_sizing::formulas::Limit;
use plimsoll_venue::margin::MarginRules;
use plimsoll_venue::{UserTable, VenueRules};

/// A market with a strategy's signal and an account.
pub(crate) struct Scene {
    pub(crate) market: Market,
    pub(crate) rules: &'static VenueRules,
    pub(crate) signals: Vec<SignalColumns>,
    pub(crate) settings: Settings,
    pub(crate) taker_fee: f64,
}

/// An instrument as a user's table states it.
pub(crate) struct Lot {
    pub(crate) symbol: &'static str,
    pub(crate) step: f64,
    pub(crate) minimum_notional: f64,
    pub(crate) liquidation_fee: f64,
}

impl Default for Lot {
    fn default() -> Self {
        Self { symbol: "BTCUSDT", step: 0.001, minimum_notional: 100.0, liquidation_fee: 0.0125 }
    }
}

type RulesRead = BTreeMap<(String, String), &'static VenueRules>;

/// A venue's rules with these instruments. They are read once and kept.
pub(crate) fn rules(venue: &str, lots: &[Lot]) -> &'static VenueRules {
    static READ: Mutex<RulesRead> = Mutex::new(RulesRead::new());
    let head = "venue,symbol,from,tick_size,price_significant_figures,price_decimals_max,\
        quantity_step,minimum_quantity,minimum_notional,liquidation_fee_fraction,\
        funding_interval_minutes,funding_cap_fraction,status,unverified,source";
    let row = |Lot { symbol, step, minimum_notional, liquidation_fee }: &Lot| {
        format!(
            "\n{venue},{symbol},2024-01-01,0.1,,,{step},{step},{minimum_notional},\
             {liquidation_fee},480,,user,,test"
        )
    };
    let table = head.to_owned() + &lots.iter().map(row).collect::<String>();
    READ.lock().unwrap().entry((venue.to_owned(), table.clone())).or_insert_with(|| {
        let own = UserTable { file: "lots.csv", text: &table };
        let own: &[UserTable<'_>] = if lots.is_empty() { &[] } else { &[own] };
        Box::leak(Box::new(VenueRules::load(venue, own).unwrap()))
    })
}

impl Scene {
    /// Flat at `price`: isolated margin at leverage 10, 100,000 of equity, no costs.
    pub(crate) fn new(symbols: &[(&str, f64)], n_bars: usize) -> Self {
        let symbols: Vec<SymbolColumns> = symbols
            .iter()
            .map(|&(symbol, price)| {
                let flat = vec![price; n_bars];
                SymbolColumns {
                    symbol: symbol.to_owned(),
                    open: flat.clone(),
                    high: flat.clone(),
                    low: flat.clone(),
                    close: flat.clone(),
                    volume: vec![1_000.0; n_bars],
                    quote_volume: vec![1_000.0 * price; n_bars],
                    mark: Some(PriceColumns {
                        open: flat.clone(),
                        high: flat.clone(),
                        low: flat.clone(),
                        close: flat,
                    }),
                    ..SymbolColumns::default()
                }
            })
            .collect();
        let signals = symbols
            .iter()
            .map(|_| SignalColumns {
                entry: vec![0; n_bars],
                exit_long: vec![false; n_bars],
                exit_short: vec![false; n_bars],
                ..SignalColumns::default()
            })
            .collect();
        Self {
            market: Market {
                venue: "binance-usdm".to_owned(),
                interval: Interval::HOUR,
                start: Timestamp::from_date(2025, 10, 10).unwrap(),
                n_bars,
                symbols,
            },
            rules: rules("binance-usdm", &[]),
            signals,
            settings: Settings {
                equity: 100_000.0,
                margin: MarginMode::Isolated,
                leverage: 10.0,
                costs: Costs { half_spread_bps: 0.0, impact_y: 0.0, stop_slippage: 0.25 },
                intrabar: Intrabar::Pessimistic,
                simultaneous: Simultaneous::FileOrder,
            },
            taker_fee: 0.0,
        }
    }

    /// Bitcoin at 100,000, bought at the open of bar 1.
    pub(crate) fn long_bitcoin(n_bars: usize) -> Self {
        let mut scene = Self::new(&[("BTCUSDT", 100_000.0)], n_bars);
        scene.signals[0].entry[0] = 1;
        scene
    }

    /// Open, high, low and close of the last price.
    pub(crate) fn last(&mut self, symbol: usize, bar: usize, prices: [f64; 4]) -> &mut Self {
        let columns = &mut self.market.symbols[symbol];
        let targets = [&mut columns.open, &mut columns.high, &mut columns.low, &mut columns.close];
        for (target, price) in targets.into_iter().zip(prices) {
            target[bar] = price;
        }
        self
    }

    /// Open, high, low and close of the mark.
    pub(crate) fn mark(&mut self, symbol: usize, bar: usize, prices: [f64; 4]) -> &mut Self {
        let mark = self.market.symbols[symbol].mark.as_mut().unwrap();
        let targets = [&mut mark.open, &mut mark.high, &mut mark.low, &mut mark.close];
        for (target, price) in targets.into_iter().zip(prices) {
            target[bar] = price;
        }
        self
    }

    /// Last price and mark alike.
    pub(crate) fn bar(&mut self, symbol: usize, bar: usize, prices: [f64; 4]) -> &mut Self {
        self.last(symbol, bar, prices).mark(symbol, bar, prices)
    }

    /// From this bar on flat at a price.
    pub(crate) fn flat_from(&mut self, symbol: usize, bar: usize, price: f64) -> &mut Self {
        for bar in bar..self.market.n_bars {
            self.bar(symbol, bar, [price; 4]);
        }
        self
    }

    pub(crate) fn remove(&mut self, symbol: usize, bar: usize) -> &mut Self {
        self.bar(symbol, bar, [f64::NAN; 4]);
        self.market.symbols[symbol].volume[bar] = f64::NAN;
        self
    }

    /// A constant stop for longs (below) or shorts (above).
    pub(crate) fn stop(&mut self, symbol: usize, side: Side, price: f64) -> &mut Self {
        let column = vec![price; self.market.n_bars];
        match side {
            Side::Long => self.signals[symbol].stop_long = column,
            Side::Short => self.signals[symbol].stop_short = column,
        }
        self
    }

    /// A settlement at the open of a bar.
    pub(crate) fn funding(
        &mut self,
        symbol: usize,
        bar: usize,
        rate: f64,
        mark_price: Option<f64>,
    ) -> &mut Self {
        let settlement_time = self.market.open_time(bar);
        self.market.symbols[symbol].funding.push(FundingEvent {
            settlement_time,
            rate,
            interval_minutes: 480,
            mark_price,
        });
        self
    }

    pub(crate) fn prepared(&self) -> Prepared<'_> {
        let prepared = Prepared::new(&self.market, self.rules, 0, Some(self.taker_fee)).unwrap();
        if self.settings.margin != MarginMode::Portfolio {
            return prepared;
        }
        let margin_rules = MarginRules::load(self.rules.venue(), &[]).unwrap();
        prepared.with_portfolio_margin(&margin_rules).unwrap()
    }

    pub(crate) fn trades(&self) -> TradeList {
        size_free_trades(&self.prepared(), &self.signals, &self.settings)
    }

    /// Replays with a fixed notional for each trade in turn, the last one for all that follow.
    pub(crate) fn run(&self, notionals: &[f64]) -> Outcome {
        let plan = |index: usize| {
            let notional = notionals[index.min(notionals.len() - 1)];
            PlannedSize { notional: Some(notional), ..PlannedSize::of_limits(Vec::new()) }
        };
        let list = self.trades();
        let plans: Vec<PlannedSize> = (0..list.trades.len()).map(plan).collect();
        self.replay(&list, &plans)
    }

    /// Replays with one leverage for all trades.
    pub(crate) fn run_at_leverage(&self, leverage: f64) -> Outcome {
        let list = self.trades();
        self.replay(&list, &vec![fixed(leverage); list.trades.len()])
    }

    pub(crate) fn replay(&self, list: &TradeList, plans: &[PlannedSize]) -> Outcome {
        self.replay_sizes(list, SizePlans::from(plans))
    }

    /// Replays a rule that decides at the entry and again at every close, each time by the plan
    /// of a trade at a bar.
    pub(crate) fn replay_resizing(
        &self,
        list: &TradeList,
        band: f64,
        plan_at: &(dyn Fn(usize, usize) -> PlannedSize + Sync),
    ) -> Outcome {
        let entries = list.trades.iter().enumerate();
        let plans: Vec<PlannedSize> =
            entries.map(|(trade_idx, trade)| plan_at(trade_idx, trade.decision_bar)).collect();
        let resizing = Some(Resizing { band, plan_at });
        self.replay_sizes(list, SizePlans { at_entry: &plans, cancelled: &[], resizing })
    }

    pub(crate) fn replay_sizes(&self, list: &TradeList, sizes: SizePlans<'_>) -> Outcome {
        let span = Span { from_bar: 0, to_bar: self.market.n_bars };
        let outcome = replay(&self.prepared(), &list.trades, sizes, &self.settings, span);
        check_books(&outcome, &self.settings);
        outcome
    }
}

/// A rule of one limit.
pub(crate) fn fixed(leverage: f64) -> PlannedSize {
    PlannedSize::of_limits(vec![Limit { name: "notional_fraction", value: Ok(leverage) }])
}

pub(crate) fn close_to(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "got {got}, expected {expected}"
    );
}

/// The largest lot of any scene.
const LOT_MAX: f64 = 0.07;

/// What holds for every outcome: nothing is lost between the ledger, the trades and the equity.
pub(crate) fn check_books(outcome: &Outcome, settings: &Settings) {
    let tolerance = 1e-9 * settings.equity.max(1.0);
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance;
    let booked: f64 = outcome.ledger.iter().map(|row| row.amount).sum();
    let last = outcome.equity.last().copied().unwrap_or(settings.equity);
    assert!(
        near(last - outcome.initial_equity, booked),
        "equity {} -> {last}, booked {booked}",
        outcome.initial_equity
    );
    let mut wallet = settings.equity;
    for row in &outcome.ledger {
        wallet += row.amount;
        assert!(row.amount.is_finite() && near(row.wallet, wallet), "{row:?}, wallet {wallet}");
    }
    for trade in &outcome.trades {
        let rows = |row: &&LedgerRow| row.trade_idx == trade.trade_idx;
        let sum: f64 = outcome.ledger.iter().filter(rows).map(|row| row.amount).sum();
        assert!(near(trade.pnl, sum), "{trade:?}: ledger {sum}");
        assert!(trade.quantity > 0.0 && trade.exit_price > 0.0 && trade.entry_price > 0.0);
        // What is opened is closed, up to the part of a lot that a forced close cannot leave.
        let added = outcome.decisions.iter().filter(|decision| {
            decision.trade_idx == trade.trade_idx
                && decision.kind == DecisionKind::Resize
                && decision.outcome == DecisionOutcome::Filled
        });
        let opened: f64 = trade.quantity
            + added.clone().map(|d| (d.quantity - d.held_quantity).max(0.0)).sum::<f64>();
        let is_close = |row: &&LedgerRow| row.cause == Cause::PricePnl;
        let closed: f64 =
            outcome.ledger.iter().filter(rows).filter(is_close).map(|row| row.quantity).sum();
        let steps = outcome.liquidations.iter().filter(|l| l.trade_idx == trade.trade_idx).count();
        let dust = LOT_MAX * steps as f64;
        assert!((opened - closed).abs() <= dust + 1e-9 * opened, "{trade:?}: {opened} {closed}");
        if settings.margin == MarginMode::Isolated {
            // Ordinary fees and funding are paid beside the margin while there is money beside it.
            let beside = |row: &&LedgerRow| matches!(row.cause, Cause::Fee | Cause::Funding);
            let of_margin: f64 = outcome
                .ledger
                .iter()
                .filter(rows)
                .filter(|row| !beside(row))
                .map(|row| row.amount)
                .sum();
            // What was added later posted margin as well; a fill may lie off the price decided at by
            // the move to the open and all the slippage there is.
            let added = outcome.decisions.iter().filter(|decision| {
                decision.trade_idx == trade.trade_idx
                    && decision.kind == DecisionKind::Resize
                    && decision.outcome == DecisionOutcome::Filled
            });
            let added: f64 =
                added.map(|d| (d.quantity - d.held_quantity).max(0.0) * d.price * 3.0).sum();
            let margin = (trade.notional + added) / settings.leverage;
            assert!(of_margin >= -margin - tolerance, "{trade:?}: {of_margin}");
        }
    }
    for (bar, (&equity, &low)) in outcome.equity.iter().zip(&outcome.equity_low).enumerate() {
        assert!(equity >= -tolerance && low <= equity, "bar {bar}: {low} {equity}");
        assert!(low >= -tolerance, "bar {bar}: lowest {low}");
    }
    for forced in &outcome.liquidations {
        assert!(forced.equity_after >= -tolerance, "{forced:?}");
    }
}
