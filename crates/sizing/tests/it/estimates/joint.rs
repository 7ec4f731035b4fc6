//! Kelly for positions that are held at once.

use plimsoll_market::{SizeFreeTrade, TradeExit};
use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{BinaryBet, Outcomes, risk_aversion, risk_constrained_binary};
use serde_json::{Value, json};

use super::{alternating, kelly, near, three_symbols, trade};

#[test]
fn joint_positions_are_those_open_or_entered_now() {
    let mut scene = three_symbols();
    let table = json!({"joint_kelly": {"fraction": 0.5, "days": 4, "leverage_max": 40}});
    // Alone: half of 0.5 / 0.01 - 0.5 / 0.02, from the last four complete days.
    near(scene.limit(&table, 0, 143), 12.5);
    near(scene.limit(&table, 0, 140), 12.5);
    // Without any return there is nothing to size by.
    assert_eq!(scene.limit(&table, 2, 143), Ok(0.0));
    // Three days at the end of the third.
    let few = SizingError::TooFewObservations { have: 3, need: 4 };
    assert_eq!(scene.limit(&table, 0, 94), Err(few));
    assert!(scene.limit(&table, 0, 95).is_ok());

    // A position of the second symbol from its decision in bar 100 to its end in bar 120.
    let both = |first: usize| {
        let days: Vec<Vec<f64>> =
            [0.02, -0.01, 0.02, -0.01].map(|r: f64| vec![r, (0.01 - r) / 2.0]).to_vec();
        let outcomes = Outcomes::levered(&[1.0; 4], &days, 40.0).unwrap();
        0.5 * 40.0 * outcomes.risk_constrained_kelly(0.0).unwrap().weights[first]
    };
    scene.trades = vec![trade(1, (100, 120), 0.01)];
    for (bar, is_joint) in [(99, false), (100, true), (119, true), (120, false)] {
        let expect = if is_joint { both(0) } else { 12.5 };
        let got = scene.limit(&table, 0, bar).unwrap();
        assert!((got - expect).abs() < 1e-6, "bar {bar}: {got}, not {expect}");
    }
    assert!((scene.limit(&table, 1, 110).unwrap() - both(0)).abs() > 1e-3);
    // Cut off by the end of the data it has not ended.
    scene.trades[0].exit = TradeExit::End;
    assert!((scene.limit(&table, 0, 120).unwrap() - both(0)).abs() < 1e-6);
    // Where the data of its symbol end there, it is in play until a whole day has no bar of it.
    let mut ended = three_symbols();
    ended.trades.clone_from(&scene.trades);
    ended.returns[1][96..].fill(f64::NAN);
    for (bar, is_joint) in [(118, true), (119, false), (143, false)] {
        let got = ended.limit(&table, 0, bar).unwrap();
        let expect = if is_joint { both(0) } else { 12.5 };
        assert!((got - expect).abs() < 1e-6, "bar {bar}: {got}, not {expect}");
    }
    // An entry that is cancelled at the next open was an entry at its decision, and only there.
    scene.trades.clear();
    scene.cancelled = vec![(100, 1)];
    assert!((scene.limit(&table, 0, 100).unwrap() - both(0)).abs() < 1e-6);
    near(scene.limit(&table, 0, 101), 12.5);

    // A day on which a symbol has no bar is no day of both.
    scene.returns[1][48..72].fill(f64::NAN);
    let few = SizingError::TooFewObservations { have: 3, need: 4 };
    assert_eq!(scene.limit(&table, 0, 100), Err(few));
    near(scene.limit(&table, 0, 101), 12.5);
    // Was that the last complete day, the symbol is not in play.
    scene.returns[1][72..96].fill(f64::NAN);
    near(scene.limit(&table, 0, 100), 12.5);
}

/// The exchange settles what is held of a symbol that it delists: the trade has then ended.
#[test]
fn a_trade_settled_by_a_delisting_has_ended() {
    let mut scene = alternating();
    let last = scene.trades.last_mut().unwrap();
    (last.exit, last.unit_return) = (TradeExit::End, -0.02);
    let table = kelly(json!({"trades": 10}));
    let too_few = Err(SizingError::TooFewObservations { have: 9, need: 10 });
    assert_eq!(scene.limit(&table, 0, 150), too_few);
    // Its last bar is 100, the delisting is known at the close of bar 110.
    scene.market.symbols[0].delisted_at = Some(scene.market.close_time(110));
    assert_eq!(scene.limit(&table, 0, 109), too_few);
    near(scene.limit(&table, 0, 110), 25.0 - 50.0 / 3.0);
    // After the end of the data nobody has seen it.
    scene.market.symbols[0].delisted_at = Some(scene.market.close_time(200));
    assert_eq!(scene.limit(&table, 0, 199), too_few);

    // It is no longer in play then either, whether or not the day before had bars.
    let mut joint = three_symbols();
    let alone = json!({"joint_kelly": {"fraction": 0.5, "days": 4, "leverage_max": 40}});
    joint.trades = vec![SizeFreeTrade { exit: TradeExit::End, ..trade(1, (100, 130), 0.01) }];
    assert!((joint.limit(&alone, 0, 140).unwrap() - 12.5).abs() > 1e-3);
    joint.market.symbols[1].delisted_at = Some(joint.market.close_time(135));
    assert!((joint.limit(&alone, 0, 134).unwrap() - 12.5).abs() > 1e-3);
    near(joint.limit(&alone, 0, 135), 12.5);
}

#[test]
fn a_bound_on_the_drawdown_makes_joint_positions_smaller() {
    let mut scene = three_symbols();
    scene.trades = vec![trade(1, (100, 140), 0.01)];
    let of = |more: Value| {
        let mut all = json!({"fraction": 1.0, "days": 4, "leverage_max": 40});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let table = json!({ "joint_kelly": all });
        (scene.limit(&table, 0, 110).unwrap(), scene.limit(&table, 0, 143).unwrap())
    };
    let free = of(json!({}));
    let bound = of(json!({"drawdown": 0.3, "chance": 0.1}));
    assert!(bound.0 < free.0 && bound.1 < free.1);
    let bet = BinaryBet { win_probability: 0.5, win: 0.02, loss: 0.01 };
    let lambda = risk_aversion(0.7, 0.1).unwrap();
    near(Ok(bound.1), risk_constrained_binary(&bet, lambda).unwrap());
    // Mean 0.005 and second moment 0.00025 of the days alone.
    let quadratic = of(json!({"drawdown": 0.3, "chance": 0.1, "form": "quadratic"}));
    near(Ok(quadratic.1), 0.01 / ((lambda + 1.0) * 0.00025));
}
