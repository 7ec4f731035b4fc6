//! The past that estimates read does not hold the future: whatever happens behind a bar, no rule's
//! plan at that bar changes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use plimsoll_engine::{CancelledEntry, Prepared, TradeList, size_free_trades};
use plimsoll_market::synthetic::{SimulatorConfig, simulate};
use plimsoll_market::{
    FundingEvent, Interval, Market, SizeFreeTrade, SymbolColumns, Timestamp, TradeExit,
};
use plimsoll_sizing::{DecisionFacts, History, LimitInputs, SizingRule, plan};
use plimsoll_study::parse_rule;
use plimsoll_venue::VenueRules;

use crate::scene::{good_but, good_study};

/// Rules whose numbers come from the past, by the text of their tables: another past, another
/// number. What they read is in the data of [`Scene`].
const ESTIMATES: &[&str] = &[
    "kelly = { fraction = 0.5, estimator = 'trades', trades = 20, min_trades = 5 }",
    "kelly = { fraction = 0.5, estimator = 'trades', basis = 'margin', trades = 20, min_trades = 5 }",
    "kelly = { fraction = 0.5, estimator = 'trades', bars = 9000, min_trades = 5, before = { leverage = 0.5 } }",
    "kelly = { fraction = 0.5, estimator = 'trades', half_life = 20, min_trades = 5, shrinkage = 'baker_mchale' }",
    "kelly = { fraction = 0.5, estimator = 'trades', trades = 40, min_trades = 5, shrinkage = 'bayesian_lower_bound' }",
    "kelly = { fraction = 0.5, estimator = 'mean_variance', bars = 400 }",
    "kelly = { fraction = 0.5, estimator = 'mean_variance', half_life = 400, min_bars = 100, shrinkage = 't_statistic' }",
    "kelly = { fraction = 0.5, estimator = 'log_growth', trades = 20, min_trades = 5, leverage_max = 900 }",
    "kelly = { fraction = 0.5, estimator = 'log_growth', trades = 40, min_trades = 5, leverage_max = 900, shrinkage = 'bootstrap' }",
    "kelly = { fraction = 0.5, estimator = 'log_growth', trades = 40, min_trades = 5, leverage_max = 900, \
     liquidation = { margin = 'cross', maintenance_margin_rate = 0.005 } }",
    "risk_constrained_kelly = { drawdown = 0.3, chance = 0.1, trades = 40, min_trades = 5, leverage_max = 900 }",
    "risk_constrained_kelly = { drawdown = 0.3, chance = 0.1, trades = 40, min_trades = 5, leverage_max = 900, form = 'quadratic' }",
    "joint_kelly = { fraction = 0.5, days = 60, leverage_max = 900 }",
    "optimal_f = { trades = 40, min_trades = 5, leverage_max = 900 }",
    "atr = { risk_fraction = 0.01, bars = 14, multiple = 2 }",
    "volatility_target = { annual = 0.4 }",
    "volatility_target = { annual = 0.4, estimator = 'rolling', days = 10 }",
    "volatility_target = { annual = 0.4, estimator = 'realised', days = 10 }",
    "volatility_target = { annual = 0.4, estimator = 'garch', garch = { window_days = 250 } }",
    "tail_target = { measure = 'expected_shortfall', alpha = 0.05, budget = 0.02, \
     forecast = { model = 'historical', window_days = 60 } }",
    "tail_target = { measure = 'expectile', alpha = 0.05, budget = 0.02, \
     forecast = { model = 'filtered_historical', window_days = 250 } }",
    "liquidation_distance = { atr = { bars = 14, multiple = 3 }, stop = true }",
    "liquidation_distance = { tail = { measure = 'value_at_risk', alpha = 0.05, \
     forecast = { model = 'historical', window_days = 60 } } }",
    "margin_allocation = { share = 0.1, days = 10, reference_days = 30 }",
    "leverage_cap = 9\nfunding_cut = { above_8h = 0.00005, multiply = 0.5, periods = 1 }",
    "leverage_cap = 9\nfunding_budget = { budget = 0.1 }",
    "leverage_cap = 9\nliquidity = { share_of_daily_value = 0.001, days = 5 }",
];

/// Gates that are open or shut: another past may leave them as they are.
const GATES: &[&str] = &[
    "leverage_cap = 9\nfunding_cut = { above_8h = 0.0005, below_8h = -0.0003, multiply = 0.5, \
     side = 'crowded', sign_change_multiply = 0.7, sign_change_periods = 3 }",
    "leverage_cap = 9\nliquidation_cluster = { above = 0.001 }",
    "leverage_cap = 9\nliquidation_cluster = { above = 2, relative_to = 'trailing_mean', side = 'same' }",
    "leverage_cap = 9\noracle_health = { premium_max = 0.0001 }",
];

/// Rules that read the decision and the account alone.
const FIXED: &[&str] = &[
    "risk_cap = 0.02",
    "risk_fraction = 0.02",
    "concentration = { share = 0.25 }",
    "notional_fraction = 1",
    "notional = 10_000",
    "notional_fraction = 1\ndrawdown_control = { floor_of = 'peak', floor = 0.8, multiplier = 2 }",
    "notional_fraction = 1\nheat = 0.06",
    "notional_fraction = 1\nexposure = 3",
    "notional_fraction = 1\nvenue_share = { share = 0.4, exposure = 3 }",
    "notional_fraction = 1\nsizing_base = 'initial'\nresize = { band = 0.1 }",
];

/// A market, and the trades of breakouts in it.
struct Scene {
    market: Market,
    list: TradeList,
}

impl Scene {
    fn new() -> Self {
        let config =
            SimulatorConfig { n_days: 400, step: Interval::HOUR, ..SimulatorConfig::demo(9) };
        let market = simulate(&config).unwrap().market;
        let study = good_study(&good_but(&[]), &[]);
        let venue = VenueRules::load("binance-usdm", &[]).unwrap();
        let prepared = Prepared::new(&market, &venue, 0, None).unwrap();
        let signals = study.signal.evaluate(&market).unwrap();
        let mut list = size_free_trades(&prepared, &signals, &study.settings);
        assert!(list.trades.len() > 60, "{}", list.trades.len());
        // An edge, so that Kelly has something to say.
        for trade in &mut list.trades {
            trade.unit_return += 0.01;
            trade.r_multiple = trade.r_multiple.map(|r| r + 0.2);
        }
        for r in list.unit_returns.iter_mut().flatten() {
            *r += 0.0002;
        }
        Self { market, list }
    }

    /// What each rule plans for one of its trades, in words: equal numbers, equal words.
    fn plans(&self, rules: &[SizingRule], trade: &SizeFreeTrade) -> Vec<String> {
        let inputs = LimitInputs::new(&self.market, rules);
        let cancelled = self.list.cancelled.iter();
        let cancelled = cancelled.map(|entry| (entry.decision_bar, entry.symbol_idx));
        let TradeList { trades, unit_returns, .. } = &self.list;
        let history =
            History::new(trades, unit_returns).with_cancelled(cancelled).with_delistings(&inputs);
        let facts = DecisionFacts {
            symbol_idx: trade.symbol_idx,
            side: trade.side,
            bar: trade.decision_bar,
            price: 100.0,
            stop_price: Some(100.0 - 5.0 * trade.side.sign()),
            round_trip_cost_fraction: 0.001,
            account_leverage: 10.0,
        };
        rules.iter().map(|rule| format!("{:?}", plan(rule, &facts, &inputs, &history))).collect()
    }

    /// The scene with everything behind a bar's close made absurd.
    fn with_absurd_future(&self, bar: usize) -> Self {
        let mut market = self.market.clone();
        let now = market.close_time(bar);
        for symbol in &mut market.symbols {
            change_bars(symbol, bar + 1..self.market.n_bars, |index, value| match index % 3 {
                0 => f64::NAN,
                1 => 7.0 * value,
                _ => 0.1 * value,
            });
            change_funding(&mut symbol.funding, |event| {
                if event.settlement_time > now {
                    event.rate = 9.0;
                }
            });
            symbol.funding_coverage = vec![(market.start, Timestamp(now.0 + 1))];
            symbol.delisted_at = Some(Timestamp(now.0 + 1));
        }
        let mut list = self.list.clone();
        for trade in &mut list.trades {
            if trade.exit_bar > bar {
                trade.exit = TradeExit::Stop;
                trade.exit_bar = bar + 1;
                trade.unit_return = -0.9;
                trade.r_multiple = Some(-9.0);
                trade.adverse_excursion = 0.9;
            }
        }
        list.cancelled.retain(|entry| entry.decision_bar <= bar);
        for returns in &mut list.unit_returns {
            returns[bar + 1..].fill(0.5);
        }
        Self { market, list }
    }

    /// The scene cut off at a bar's close, its open trades marked out there.
    fn cut(&self, bar: usize) -> Self {
        let mut list = self.list.clone();
        // An entry decided at the last close finds no bar to fill in.
        list.cancelled.retain(|entry| entry.decision_bar <= bar);
        let unfilled = list.trades.iter().filter(|trade| trade.decision_bar == bar);
        list.cancelled.extend(unfilled.map(|trade| CancelledEntry {
            symbol_idx: trade.symbol_idx,
            decision_bar: bar,
            side: trade.side,
            initial_stop_price: trade.initial_stop_price,
            reason: "end_of_data",
        }));
        list.trades.retain(|trade| trade.entry_bar <= bar);
        for trade in list.trades.iter_mut().filter(|trade| trade.exit_bar > bar) {
            (trade.exit, trade.exit_bar) = (TradeExit::End, bar);
        }
        for returns in &mut list.unit_returns {
            returns.truncate(bar + 1);
        }
        Self { market: self.market.truncated(bar + 1), list }
    }

    /// The scene with another past up to a bar.
    fn with_another_past(&self, bar: usize) -> Self {
        let mut market = self.market.clone();
        for symbol in &mut market.symbols {
            change_bars(symbol, 0..bar + 1, |index, value| {
                value * if index % 48 < 24 { 1.0 } else { 1.2 }
            });
            change_funding(&mut symbol.funding, |event| event.rate = 0.0);
        }
        let mut list = self.list.clone();
        for trade in &mut list.trades {
            trade.unit_return = 0.5 * trade.unit_return + 0.001;
            trade.r_multiple = trade.r_multiple.map(|r| 0.5 * r + 0.02);
        }
        for r in list.unit_returns.iter_mut().flatten() {
            *r = 0.5 * *r + 0.0001;
        }
        Self { market, list }
    }
}

fn change_bars(
    symbol: &mut SymbolColumns,
    bars: std::ops::Range<usize>,
    change: impl Fn(usize, f64) -> f64,
) {
    let SymbolColumns { mark, index, .. } = symbol;
    let marks = [mark, index].into_iter().flatten();
    let marks = marks.flat_map(|p| [&mut p.open, &mut p.high, &mut p.low, &mut p.close]);
    let columns = [
        &mut symbol.open,
        &mut symbol.high,
        &mut symbol.low,
        &mut symbol.close,
        &mut symbol.volume,
        &mut symbol.quote_volume,
        &mut symbol.taker_buy_volume,
        &mut symbol.liquidated_long_notional,
        &mut symbol.liquidated_short_notional,
        &mut symbol.open_interest,
        &mut symbol.open_interest_value,
    ];
    for column in columns.into_iter().chain(marks) {
        for bar in bars.clone() {
            column[bar] = change(bar, column[bar]);
        }
    }
}

fn change_funding(funding: &mut [FundingEvent], change: impl Fn(&mut FundingEvent)) {
    funding.iter_mut().for_each(change);
}

/// The rules of tables; a text that is no rule is named with what is wrong.
fn rules(texts: &[&str]) -> Vec<SizingRule> {
    let mut wrong = String::new();
    let mut rules = Vec::new();
    for text in texts {
        match parse_rule("rule", text) {
            Ok(found) => rules.extend(found.into_iter().map(|named| named.rule)),
            Err(error) => writeln!(wrong, "{text}: {error:?}").unwrap(),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    rules
}

fn every_rule() -> Vec<SizingRule> {
    rules(&[ESTIMATES, GATES, FIXED].concat())
}

/// The rules of the strategies that come with the program, those of whatever kind they are.
fn rules_of_the_strategies() -> Vec<SizingRule> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut rules = Vec::new();
    for file in files {
        let study = good_study(&fs::read_to_string(&file).unwrap(), &[]);
        rules.extend(study.rules.into_iter().map(|named| named.rule));
    }
    rules
}

#[test]
fn every_limit_has_an_example() {
    let rules = every_rule();
    let mut missing = String::new();
    for key in SizingRule::LIMITS {
        if !rules.iter().any(|rule| rule.limit_keys().contains(key)) {
            write!(missing, "{key} ").unwrap();
        }
    }
    assert_eq!(missing, "", "limits without an example");
}

#[test]
fn no_rule_plans_with_what_lies_behind_its_bar() {
    let scene = Scene::new();
    let mut rules = every_rule();
    rules.extend(rules_of_the_strategies());
    let decided = |share: usize| scene.list.trades.len() * share / 10;
    for index in [3, 6, 8].map(decided) {
        let trade = &scene.list.trades[index];
        let planned = scene.plans(&rules, trade);
        for (other, what) in [
            (scene.with_absurd_future(trade.decision_bar), "another future"),
            (scene.cut(trade.decision_bar), "no future"),
        ] {
            for (rule, (one, two)) in
                rules.iter().zip(planned.iter().zip(other.plans(&rules, trade)))
            {
                assert_eq!(*one, two, "{what} at bar {}: {rule:?}", trade.decision_bar);
            }
        }
    }
}

#[test]
fn every_estimate_is_made_and_reads_its_past() {
    let scene = Scene::new();
    let trade = &scene.list.trades[scene.list.trades.len() * 9 / 10];
    let other = scene.with_another_past(trade.decision_bar);
    let both = |texts| (scene.plans(&rules(texts), trade), other.plans(&rules(texts), trade));
    let (planned, other_planned) = both(ESTIMATES);
    let mut idle = String::new();
    for (text, (planned, other)) in ESTIMATES.iter().zip(planned.iter().zip(&other_planned)) {
        if planned.contains("Err") || planned == other {
            writeln!(idle, "{text}: {planned}").unwrap();
        }
    }
    assert!(idle.is_empty(), "undefined, or the same after another past:\n{idle}");
    let (planned, _) = both(GATES);
    for (text, planned) in GATES.iter().zip(&planned) {
        assert!(!planned.contains("Err"), "{text}: {planned}");
    }
    let (planned, other_planned) = both(FIXED);
    assert_eq!(planned, other_planned);
}
