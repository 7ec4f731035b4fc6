//! Limits of Kelly's family from a market's past: by hand, and never from what comes later.

mod joint;

use plimsoll_market::{Interval, Market, Side, SizeFreeTrade, SymbolColumns, Timestamp, TradeExit};
use plimsoll_sizing::formulas::{BinaryBet, risk_aversion, risk_constrained_binary};
use plimsoll_sizing::{
    DecisionFacts, History, LimitInputs, PlannedSize, SizingError, SizingRule, plan,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Hourly bars, flat at 100.
fn market(n_bars: usize, n_symbols: usize) -> Market {
    let flat = vec![100.0; n_bars];
    let symbol = SymbolColumns {
        open: flat.clone(),
        high: flat.clone(),
        low: flat.clone(),
        close: flat,
        ..SymbolColumns::default()
    };
    Market {
        venue: "binance-usdm".to_owned(),
        interval: Interval::HOUR,
        start: Timestamp::from_date(2024, 1, 1).unwrap(),
        n_bars,
        symbols: vec![symbol; n_symbols],
    }
}

fn trade(symbol_idx: usize, bars: (usize, usize), unit_return: f64) -> SizeFreeTrade {
    SizeFreeTrade {
        symbol_idx,
        side: Side::Long,
        decision_bar: bars.0,
        entry_bar: bars.0 + 1,
        initial_stop_price: Some(95.0),
        exit_stop_price: Some(95.0),
        take_profit_price: None,
        exit_bar: bars.1,
        exit: TradeExit::Signal,
        exit_decision_bar: Some(bars.1 - 1),
        unit_return,
        r_multiple: Some(unit_return * 20.0),
        adverse_excursion: (-unit_return).max(0.02),
    }
}

/// A strategy's past, and what a rule makes of it at a bar of a symbol.
struct Scene {
    market: Market,
    trades: Vec<SizeFreeTrade>,
    returns: Vec<Vec<f64>>,
    cancelled: Vec<(usize, usize)>,
}

impl Scene {
    fn of_trades(trades: Vec<SizeFreeTrade>) -> Self {
        let market = market(200, 1);
        Self { market, trades, returns: vec![vec![0.0; 200]], cancelled: Vec::new() }
    }

    fn plan(&self, table: &Value, symbol_idx: usize, bar: usize) -> PlannedSize {
        let rule: SizingRule = serde_json::from_value(table.clone()).unwrap();
        assert_eq!(rule.problems(), []);
        let inputs = LimitInputs::new(&self.market, std::slice::from_ref(&rule));
        let history = History::new(&self.trades, &self.returns)
            .with_cancelled(self.cancelled.iter().copied())
            .with_delistings(&inputs);
        let facts = DecisionFacts {
            symbol_idx,
            side: Side::Long,
            bar,
            price: 100.0,
            stop_price: Some(95.0),
            round_trip_cost_fraction: 0.0,
            account_leverage: 10.0,
        };
        plan(&rule, &facts, &inputs, &history)
    }

    fn limit(&self, table: &Value, symbol_idx: usize, bar: usize) -> Result<f64, SizingError> {
        let plan = self.plan(table, symbol_idx, bar);
        assert_eq!(plan.limits.len(), 1);
        plan.limits[0].value.clone()
    }
}

fn near(got: Result<f64, SizingError>, expect: f64) {
    let got = got.unwrap();
    assert!((got - expect).abs() <= 1e-9 * expect.abs().max(1.0), "got {got}, not {expect}");
}

/// Ends in bars 10, 20, ... 100: 3 %, -2 %, 3 %, -2 % ... (0.6 R and -0.4 R).
fn alternating() -> Scene {
    let one = |i: usize| trade(0, (10 * i + 1, 10 * i + 10), [0.03, -0.02][i % 2]);
    Scene::of_trades((0..10).map(one).collect())
}

fn kelly(more: Value) -> Value {
    let mut table = json!({"fraction": 1.0, "estimator": "log_growth"});
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "kelly": table })
}

#[test]
fn windows_by_trades_by_bars_and_by_weight() {
    let scene = alternating();
    // Kelly of p, 3 % and 2 %: p / 0.02 - (1 - p) / 0.03.
    let of_share = |p: f64| p / 0.02 - (1.0 - p) / 0.03;
    let at = |more: Value| scene.limit(&kelly(more), 0, 100);
    near(at(json!({"trades": 10})), of_share(0.5));
    // The last three end in bars 80 (-2 %), 90 (3 %) and 100 (-2 %): 1 of 3 wins, no edge left
    // over than 1/3 / 0.02 - 2/3 / 0.03 < 0.
    near(at(json!({"trades": 3})), 0.0);
    // The last 31 bars are 70 to 100: four trades, two of which win.
    near(at(json!({"bars": 31, "min_trades": 2})), of_share(0.5));
    near(at(json!({"bars": 30, "min_trades": 2})), 0.0);
    near(at(json!({"bars": 31, "trades": 3, "min_trades": 2})), 0.0);
    // A weight that halves with each trade: 1/2 + 1/8 ... of all but 2^-10 is lost.
    let won: f64 = (0..10).filter(|i| i % 2 == 0).map(|i| (f64::from(i) - 9.0).exp2()).sum();
    let all: f64 = (0..10).map(|i| (f64::from(i) - 9.0).exp2()).sum();
    assert!(of_share(won / all) < 0.0);
    near(at(json!({"half_life": 1.0, "min_trades": 5})), 0.0);
    let by_nine: Vec<f64> = (0..9).map(|i| (f64::from(i) - 8.0).exp2()).collect();
    let won = by_nine.iter().step_by(2).sum::<f64>() / by_nine.iter().sum::<f64>();
    let at_90 = |more: Value| scene.limit(&kelly(more), 0, 90);
    near(at_90(json!({"half_life": 1.0, "min_trades": 5})), of_share(won));
    // Ten bars apart, a half-life of ten bars is the same; the age of the youngest is no matter.
    for bar in [90, 95, 99] {
        let table = kelly(json!({"half_life": 10.0, "bars": 150, "min_trades": 5}));
        near(scene.limit(&table, 0, bar), of_share(won));
    }
    // The binary formula takes the same weights: on notional, and in R over a stop of 5 %.
    let binary = |basis: &str| {
        let more =
            json!({"estimator": "trades", "basis": basis, "half_life": 1.0, "min_trades": 5});
        at_90(more)
    };
    near(binary("margin"), of_share(won));
    near(binary("risk"), (won / 0.4 - (1.0 - won) / 0.6) / 0.05);
}

#[test]
fn what_holds_before_there_is_enough() {
    let scene = alternating();
    let no_trade = kelly(json!({"trades": 10}));
    let plan = scene.plan(&no_trade, 0, 95);
    let too_few = SizingError::TooFewObservations { have: 9, need: 10 };
    assert_eq!(plan.limits[0].value, Err(too_few));
    assert!(plan.is_warming_up());
    // A leverage that stands in is a size like any other: nothing has to wait.
    let tables = [
        kelly(json!({"trades": 10, "before": {"leverage": 0.5}, "fraction": 0.25})),
        kelly(json!({"estimator": "trades", "trades": 10, "before": {"leverage": 0.5}})),
        json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 10,
            "before": {"leverage": 0.5}}}),
        json!({"optimal_f": {"trades": 10, "before": {"leverage": 0.5}}}),
        json!({"joint_kelly": {"fraction": 0.25, "days": 5, "leverage_max": 3,
            "before": {"leverage": 0.5}}}),
    ];
    for table in &tables {
        let plan = scene.plan(table, 0, 95);
        assert_eq!(plan.limits[0].value, Ok(0.5), "{table}");
        assert!(!plan.is_warming_up());
    }
    near(scene.limit(&tables[0], 0, 100), 0.25 * (25.0 - 50.0 / 3.0));
    let bars = kelly(json!({"estimator": "mean_variance", "bars": 50, "min_bars": 10}));
    let few = SizingError::TooFewObservations { have: 9, need: 10 };
    assert_eq!(scene.limit(&bars, 0, 8), Err(few));
    // From then on there is an estimate, here of no returns at all.
    let constant = scene.limit(&bars, 0, 9).unwrap_err();
    assert_eq!(constant.reason(), "zero_volatility");
}

#[test]
fn bars_by_weight() {
    let mut scene = Scene::of_trades(Vec::new());
    // Zeros but for the last four bars, which alternate.
    for (bar, r) in [(196, 0.03), (197, -0.01), (198, 0.03), (199, -0.01)] {
        scene.returns[0][bar] = r;
    }
    let table = |more: Value| {
        let mut all = json!({"estimator": "mean_variance"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        kelly(all)
    };
    // Weights 1/8, 1/4, 1/2, 1 over 15/8: mean (0.625 * 0.03 - 1.25 * 0.01) / 1.875 = 1/300; by
    // hand with numpy: variance over (1 - sum w^2) as reliability weights have it.
    let w = [0.125, 0.25, 0.5, 1.0].map(|w| w / 1.875);
    let r = [0.03, -0.01, 0.03, -0.01];
    let mean: f64 = w.iter().zip(&r).map(|(w, r)| w * r).sum();
    let spread: f64 = w.iter().zip(&r).map(|(w, r)| w * (r - mean) * (r - mean)).sum();
    let variance = spread / (1.0 - w.iter().map(|w| w * w).sum::<f64>());
    near(scene.limit(&table(json!({"bars": 4, "half_life": 1.0})), 0, 199), mean / variance);
    // Without a weight the sample's mean and variance.
    near(scene.limit(&table(json!({"bars": 4})), 0, 199), 0.01 / (4.0 * 0.0004 / 3.0));
    let capped = table(json!({"bars": 4, "leverage_max": 5.0}));
    assert_eq!(scene.limit(&capped, 0, 199), Ok(5.0));
    // A missing bar leaves its place: the one before it is two bars old.
    scene.returns[0][198] = f64::NAN;
    let missing = table(json!({"bars": 4, "half_life": 1.0, "min_bars": 3}));
    let w = [0.125, 0.25, 1.0].map(|w| w / 1.375);
    let r = [0.03, -0.01, -0.01];
    let mean: f64 = w.iter().zip(&r).map(|(w, r)| w * r).sum();
    assert!(mean < 0.0);
    assert_eq!(scene.limit(&missing, 0, 199), Ok(0.0));
}

#[test]
fn shrinkage_comes_before_the_fraction() {
    let scene = alternating();
    let of = |more: Value| {
        let mut all = json!({"estimator": "trades", "basis": "margin", "trades": 10});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.limit(&kelly(all), 0, 100)
    };
    let full = 25.0 - 50.0 / 3.0;
    near(of(json!({})), full);
    // Error of p: sqrt(0.25 / 10); of f: times (1 / 0.02 + 1 / 0.03).
    let error = 0.025_f64.sqrt() * (50.0 + 100.0 / 3.0);
    let k = full * full / (full * full + error * error);
    near(of(json!({"shrinkage": "baker_mchale"})), k * full);
    near(of(json!({"shrinkage": "baker_mchale", "fraction": 0.25})), 0.25 * k * full);
    // Mean 0.005, sample variance 10 * 0.025^2 / 9: t^2 = 10 * 0.000025 * 9 / 0.00625 = 0.36.
    near(of(json!({"shrinkage": "t_statistic"})), 0.36 / 1.36 * full);
    assert_eq!(of(json!({"shrinkage": "t_statistic_debiased"})), Ok(0.0));
    // Half of Beta(6, 6) lies below 0.5, so that its median is what was seen.
    let bayesian =
        |level: f64| of(json!({"shrinkage": "bayesian_lower_bound", "bayesian": {"level": level}}));
    near(bayesian(0.5), full);
    // scipy.stats.beta.ppf(0.4, 6, 6) = 0.462715935: f = p / 0.02 - (1 - p) / 0.03.
    near(bayesian(0.4), 5.226_327_933_478_938);
    assert_eq!(bayesian(0.05), Ok(0.0));
    // A bound above what was seen does not enlarge.
    near(bayesian(0.9), full);
    // The same seed gives the same size, and never more than the estimate.
    for estimator in ["trades", "log_growth"] {
        let table = json!({"estimator": estimator, "basis": null, "shrinkage": "bootstrap",
            "leverage_max": 30.0, "bootstrap": {"resamples": 50, "seed": 4}});
        let (first, again) = (of(table.clone()), of(table));
        assert_eq!(first, again);
        let whole = if estimator == "trades" { (1.25 - 5.0 / 6.0) / 0.05 } else { full };
        let first = first.unwrap();
        assert!(first > 0.0 && first < whole, "{estimator}: {first}");
    }
}

#[test]
fn samples_that_tell_nothing() {
    let one = Scene::of_trades(vec![trade(0, (1, 10), 0.03)]);
    let few = kelly(json!({"trades": 10, "min_trades": 2}));
    assert_eq!(one.limit(&few, 0, 50).unwrap_err().reason(), "too_few_observations");
    let same = |unit_return: f64| {
        Scene::of_trades((0..5).map(|i| trade(0, (10 * i + 1, 10 * i + 10), unit_return)).collect())
    };
    let tables = |more: Value| {
        let mut all = json!({"drawdown": 0.3, "chance": 0.1, "trades": 5});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let with = |mut table: Value| {
            table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            table
        };
        [
            kelly(with(json!({"trades": 5}))),
            kelly(with(json!({"estimator": "trades", "trades": 5}))),
            kelly(with(json!({"estimator": "trades", "basis": "margin", "trades": 5}))),
            json!({ "risk_constrained_kelly": all }),
            json!({ "risk_constrained_kelly": with(
                json!({"drawdown": 0.3, "chance": 0.1, "trades": 5, "basis": "risk"})) }),
            json!({ "optimal_f": with(json!({"trades": 5})) }),
        ]
    };
    for table in tables(json!({})) {
        assert_eq!(same(0.03).limit(&table, 0, 60), Err(SizingError::NoLossObserved), "{table}");
        assert_eq!(same(-0.03).limit(&table, 0, 60), Ok(0.0), "{table}");
    }
    for table in tables(json!({"leverage_max": 4.0})) {
        assert_eq!(same(0.03).limit(&table, 0, 60), Ok(4.0), "{table}");
    }
    // All alike has no spread to divide by.
    let shrunk = kelly(json!({"trades": 5, "shrinkage": "t_statistic"}));
    assert_eq!(same(-0.03).limit(&shrunk, 0, 60), Ok(0.0));
    // A number that is none is named, not passed on.
    for table in tables(json!({})) {
        let found = same(f64::NAN).limit(&table, 0, 60);
        assert_eq!(found.unwrap_err().reason(), "bad_element", "{table}");
    }
    for (size, table) in [1e-300, 1e300].into_iter().flat_map(|s| tables(json!({})).map(|t| (s, t)))
    {
        let wild = (0..5).map(|i| trade(0, (10 * i + 1, 10 * i + 10), size * [2.0, -1.0][i % 2]));
        let found = Scene::of_trades(wild.collect()).limit(&table, 0, 60);
        assert!(found.is_err() || found.unwrap().is_finite());
    }
}

/// `leverage_max` then stands for full Kelly, and is shrunk as full Kelly is.
#[test]
fn without_a_loss_the_leverage_named_is_shrunk_too() {
    let unit_returns = [0.03, 0.01, 0.03, 0.01];
    let one = |i: usize| trade(0, (10 * i + 1, 10 * i + 10), unit_returns[i]);
    let scene = Scene::of_trades((0..4).map(one).collect());
    // Mean 0.02, sample variance 0.0004 / 3: t^2 = 4 * 0.0004 * 3 / 0.0004 = 12.
    for estimator in ["trades", "log_growth"] {
        let table = json!({"estimator": estimator, "basis": null, "fraction": 0.5, "trades": 4,
            "leverage_max": 6.0, "shrinkage": "t_statistic"});
        near(scene.limit(&kelly(table), 0, 60), 0.5 * 12.0 / 13.0 * 6.0);
    }
    // The error of a win rate of 1 by the binary formula is not defined without a loss.
    let binary = json!({"estimator": "trades", "basis": "margin", "trades": 4,
        "leverage_max": 6.0, "shrinkage": "baker_mchale"});
    assert_eq!(scene.limit(&kelly(binary), 0, 60), Err(SizingError::NoLossObserved));
}

/// What a resample without a loss asks for counts: more than the sample can bear shrinks.
#[test]
fn resamples_without_a_loss_ask_for_the_leverage_named() {
    let one = |i: usize| trade(0, (10 * i + 1, 10 * i + 10), if i == 2 { -0.02 } else { 0.03 });
    let scene = Scene::of_trades((0..5).map(one).collect());
    let of = |basis: &str, leverage_max: Option<f64>| {
        let table = json!({"estimator": "trades", "basis": basis, "trades": 5,
            "leverage_max": leverage_max, "shrinkage": "bootstrap",
            "bootstrap": {"resamples": 200, "seed": 3}});
        scene.limit(&kelly(table), 0, 60).unwrap()
    };
    let (none, named) = (of("margin", None), of("margin", Some(49.0)));
    assert!(none > 0.0 && named > 0.0 && named < 0.98 * none, "{named} {none}");
    // A third of the resamples have no loss: at 490 all of them have to be scaled below a tenth.
    assert!(of("margin", Some(490.0)) < 0.11 * 100.0 / 3.0);
    // R multiples are the returns over a stop of 5 %, so that the same leverage means the same.
    near(Ok(of("risk", Some(49.0))), named);
}

/// Isolated margin carries what is posted times its leverage and no more.
#[test]
fn isolated_margin_caps_the_leverage() {
    let one = |i: usize| trade(0, (10 * i + 1, 10 * i + 10), [0.06, -0.02][i % 2]);
    let scene = Scene::of_trades((0..10).map(one).collect());
    let of = |more: Value| {
        let mut liquidation = json!({"maintenance_margin_rate": 0.01, "stress_trades": 0.0});
        liquidation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.limit(&kelly(json!({"trades": 10, "liquidation": liquidation})), 0, 100)
    };
    // Half of 1 / 0.02 - 1 / 0.06.
    near(of(json!({"margin": "cross"})), 25.0 - 25.0 / 3.0);
    // The account's leverage is 10; three tenths of equity posted at it carry 3.
    assert_eq!(of(json!({"margin": "isolated"})), Ok(10.0));
    near(of(json!({"margin": "isolated", "posted": 0.3})), 3.0);
}

#[test]
fn the_family_by_hand() {
    let scene = alternating();
    let bet = BinaryBet { win_probability: 0.5, win: 0.03, loss: 0.02 };
    let lambda = risk_aversion(0.7, 0.1).unwrap();
    let exact = json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 10}});
    near(scene.limit(&exact, 0, 100), risk_constrained_binary(&bet, lambda).unwrap());
    let risk = json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 10,
        "basis": "risk", "fraction": 0.5}});
    let of_risk = BinaryBet { win: 0.6, loss: 0.4, ..bet };
    let expect = 0.5 * risk_constrained_binary(&of_risk, lambda).unwrap() / 0.05;
    near(scene.limit(&risk, 0, 100), expect);
    // Mean 0.005, second moment (0.0009 + 0.0004) / 2: 2 mu / ((lambda + 1) S).
    let quadratic = json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 10,
        "form": "quadratic"}});
    near(scene.limit(&quadratic, 0, 100), 0.01 / ((lambda + 1.0) * 0.00065));
    // Vince on the same trades: f over the worst loss is what grows fastest.
    near(scene.limit(&json!({"optimal_f": {"trades": 10}}), 0, 100), 25.0 - 50.0 / 3.0);
    // Every trade was 2 % under water, so a move of 3 % has to be survived at 1 % maintenance:
    // 1 / (0.03 + 0.01 * 0.97); as a trade of its own it takes the edge away.
    let cross = |stress_trades: f64| {
        scene.limit(
            &kelly(json!({"trades": 10, "liquidation": {"margin": "cross",
                "maintenance_margin_rate": 0.01, "stress_trades": stress_trades}})),
            0,
            100,
        )
    };
    near(cross(0.0), 25.0 - 50.0 / 3.0);
    let with_stress = cross(1.0).unwrap();
    assert!(with_stress > 0.0 && with_stress < 5.0, "{with_stress}");
    // At the account's leverage of 10 no trade is liquidated (10 % is more than 3 %).
    let isolated = kelly(json!({"trades": 10, "liquidation": {"margin": "isolated",
        "maintenance_margin_rate": 0.01, "stress_trades": 0.0}}));
    near(scene.limit(&isolated, 0, 100), 25.0 - 50.0 / 3.0);
}

fn three_symbols() -> Scene {
    let mut returns = vec![vec![0.0; 144]; 3];
    for day in 0..6 {
        let of_day = if day % 2 == 0 { 0.02 } else { -0.01 };
        returns[0][24 * day + 3] = of_day / 2.0;
        returns[0][24 * day + 20] = of_day / 2.0;
        returns[1][24 * day + 12] = (0.01 - of_day) / 2.0;
    }
    Scene { market: market(144, 3), trades: Vec::new(), returns, cancelled: Vec::new() }
}

/// Two symbols over six days. The first makes 2 %, -1 %, ... a day, the second the other way round
/// and half as much, in its bar at noon; the third never trades.
fn trades_of(n_bars: usize) -> impl Strategy<Value = Vec<SizeFreeTrade>> {
    let one = (0..2_usize, 0..n_bars - 10, 1..10_usize, -0.05..0.08_f64, 0..6_u8);
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let mut trades: Vec<SizeFreeTrade> = all
            .into_iter()
            .map(|(symbol, from, bars, unit_return, kind)| SizeFreeTrade {
                side: if kind < 3 { Side::Long } else { Side::Short },
                ..trade(symbol, (from, from + bars), unit_return)
            })
            .collect();
        trades.sort_by_key(|trade| (trade.decision_bar, trade.symbol_idx));
        trades
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// What had not ended is marked out at the end of shorter data, as a walk would have it.
    #[test]
    fn estimates_are_those_of_data_that_end_now(
        trades in trades_of(120),
        returns in prop::collection::vec(-0.03..0.04_f64, 240),
        bar in 20..119_usize,
    ) {
        let tables = [
            kelly(json!({"trades": 8, "min_trades": 3, "leverage_max": 9.0})),
            kelly(json!({"half_life": 5.0, "min_trades": 3, "leverage_max": 9.0,
                "shrinkage": "t_statistic"})),
            kelly(json!({"estimator": "trades", "bars": 60, "half_life": 20.0, "min_trades": 3,
                "leverage_max": 9.0, "shrinkage": "bootstrap", "bootstrap": {"resamples": 20}})),
            kelly(json!({"estimator": "mean_variance", "bars": 40, "half_life": 20.0,
                "min_bars": 10})),
            kelly(json!({"trades": 8, "min_trades": 3, "leverage_max": 9.0, "liquidation":
                {"margin": "isolated", "posted": 0.3, "maintenance_margin_rate": 0.01}})),
            json!({"risk_constrained_kelly": {"drawdown": 0.3, "chance": 0.1, "trades": 9,
                "min_trades": 3, "leverage_max": 9.0}}),
            json!({"joint_kelly": {"fraction": 0.5, "days": 4, "min_days": 2, "leverage_max": 6}}),
            json!({"optimal_f": {"trades": 8, "min_trades": 3, "leverage_max": 9.0}}),
        ];
        let whole = Scene {
            market: market(120, 2),
            trades,
            returns: returns.chunks(120).map(<[f64]>::to_vec).collect(),
            cancelled: Vec::new(),
        };
        let mut cut = Scene {
            market: market(bar + 1, 2),
            trades: whole.trades.iter().filter(|t| t.entry_bar <= bar).cloned().collect(),
            returns: whole.returns.iter().map(|r| r[..=bar].to_vec()).collect(),
            // Entries decided in the last bar have no open to fill at.
            cancelled: whole.trades.iter().filter(|t| t.decision_bar == bar)
                .map(|t| (bar, t.symbol_idx)).collect(),
        };
        for trade in &mut cut.trades {
            if trade.exit_bar > bar {
                trade.exit_bar = bar;
                trade.exit = TradeExit::End;
                trade.unit_return = -0.9;
                trade.r_multiple = Some(-9.0);
                trade.adverse_excursion = 0.9;
            }
        }
        for table in &tables {
            prop_assert_eq!(whole.plan(table, 0, bar), cut.plan(table, 0, bar), "{}", table);
        }
    }
}

#[test]
fn weights_and_fractions_of_the_whole_family() {
    let scene = alternating();
    let whole = 25.0 - 50.0 / 3.0;
    near(scene.limit(&json!({"optimal_f": {"trades": 10, "fraction": 0.3}}), 0, 100), 0.3 * whole);

    // Days of 2 %, -1 %, 2 %, -1 % that count 2^-1.5, 2^-1, 2^-0.5 and 1.
    let joint = json!({"joint_kelly": {"fraction": 1.0, "days": 4, "half_life": 2.0,
        "leverage_max": 40}});
    let won = 0.5_f64.powf(1.5) + 0.5_f64.sqrt();
    let p = won / (won + 0.5 + 1.0);
    near(three_symbols().limit(&joint, 0, 143), p / 0.01 - (1.0 - p) / 0.02);

    // A trade that brings nothing has not won: 2 of 4 win 6 %, the others lose 1 % on average.
    let payoffs = [0.06, -0.02, 0.06, 0.0];
    let one = |(i, payoff): (usize, &f64)| trade(0, (10 * i + 1, 10 * i + 10), *payoff);
    let scene = Scene::of_trades(payoffs.iter().enumerate().map(one).collect());
    let binary = kelly(json!({"estimator": "trades", "basis": "margin", "trades": 4}));
    near(scene.limit(&binary, 0, 100), 0.5 / 0.01 - 0.5 / 0.06);
}

#[test]
fn a_half_life_without_a_window_forgets_nothing_that_counts() {
    let mut scene = Scene::of_trades(Vec::new());
    // Two bars of 10 % five half-lives ago, and small ones since.
    let of_bar = |bar: usize| if bar == 149 || bar == 150 { 0.1 } else { [0.002, -0.001][bar % 2] };
    scene.returns[0] = (0..200).map(of_bar).collect();
    let weight = |bar: usize| (-((199 - bar) as f64) / 10.0).exp2();
    let mean_of = |of: &dyn Fn(f64) -> f64| {
        let total: f64 = (0..200).map(weight).sum();
        (0..200).map(|bar| weight(bar) * of(scene.returns[0][bar])).sum::<f64>() / total
    };
    let mean = mean_of(&|r| r);
    let (total, squares) =
        (0..200).map(weight).fold((0.0, 0.0), |(sum, square), w| (sum + w, square + w * w));
    let unbiased = 1.0 - squares / (total * total);
    let expect = mean / (mean_of(&|r| (r - mean) * (r - mean)) / unbiased);
    let table = kelly(json!({"estimator": "mean_variance", "half_life": 10.0, "min_bars": 20}));
    near(scene.limit(&table, 0, 199), expect);
}

#[test]
fn the_quadratic_form_without_a_loss_has_no_answer_either() {
    let one = |i: usize| trade(0, (10 * i + 1, 10 * i + 10), [0.03, 0.02][i % 2]);
    let scene = Scene::of_trades((0..10).map(one).collect());
    for basis in ["growth", "risk"] {
        for form in ["exact", "quadratic"] {
            let mut rule = json!({"drawdown": 0.3, "chance": 0.1, "trades": 10, "fraction": 0.5,
                "basis": basis, "form": form});
            let limit =
                |rule: &Value| scene.limit(&json!({"risk_constrained_kelly": rule}), 0, 100);
            assert_eq!(limit(&rule), Err(SizingError::NoLossObserved), "{basis} {form}");
            rule["leverage_max"] = json!(1.5);
            near(limit(&rule), 0.75);
        }
    }
}
