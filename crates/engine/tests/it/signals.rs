//! The size-free list: which trades follow from signals and bars.

use plimsoll_engine::Intrabar;
use plimsoll_market::{Side, TradeExit};

use crate::scene::{Scene, close_to};

#[test]
fn entries_fill_at_the_next_open_or_are_cancelled_with_a_reason() {
    type Change = fn(&mut Scene);
    for (change, reason) in [
        ((|_| {}) as Change, None),
        (
            |scene| {
                scene.remove(0, 1);
            },
            Some("bar_missing"),
        ),
        (|scene| scene.market.symbols[0].volume[1] = 0.0, Some("no_volume")),
        (
            |scene| {
                scene.stop(0, Side::Long, 100_000.0);
            },
            Some("open_past_stop"),
        ),
        (
            |scene| {
                scene.stop(0, Side::Long, f64::NAN);
            },
            Some("stop_undefined"),
        ),
        (
            |scene| scene.signals[0].take_profit_long = vec![f64::NAN; 4],
            Some("take_profit_undefined"),
        ),
    ] {
        let mut scene = Scene::long_bitcoin(4);
        change(&mut scene);
        let list = scene.trades();
        assert_eq!(list.cancelled.first().map(|entry| entry.reason), reason);
        assert_eq!(list.trades.len(), usize::from(reason.is_none()));
    }
    let mut scene = Scene::new(&[("BTCUSDT", 100_000.0)], 4);
    scene.signals[0].entry[3] = -1;
    let list = scene.trades();
    assert_eq!((list.cancelled[0].reason, list.cancelled[0].side), ("end_of_data", Side::Short));
}

#[test]
fn exits() {
    type Change = fn(&mut Scene);
    let cases: [(Change, usize, TradeExit); 7] = [
        (|_| {}, 7, TradeExit::End),
        (|scene| scene.signals[0].exit_long[3] = true, 4, TradeExit::Signal),
        // Held for two bars, closed at the open after them.
        (|scene| scene.signals[0].bars_max = Some(2), 3, TradeExit::Signal),
        // The open at which it was to fill had no volume, the next one was missing.
        (
            |scene| {
                scene.signals[0].exit_long[3] = true;
                scene.market.symbols[0].volume[4] = 0.0;
                scene.remove(0, 5);
            },
            6,
            TradeExit::Signal,
        ),
        (
            |scene| {
                scene.stop(0, Side::Long, 95_000.0);
                scene.bar(0, 5, [100_000.0, 100_000.0, 95_000.0, 99_000.0]);
            },
            5,
            TradeExit::Stop,
        ),
        // A trailing stop moves at closes only: the high of bar 3 counts from bar 4 on.
        (
            |scene| {
                scene.stop(0, Side::Long, 95_000.0);
                scene.signals[0].trailing_stop_long = vec![
                    90_000.0,
                    90_000.0,
                    90_000.0,
                    98_000.0,
                    80_000.0,
                    f64::NAN,
                    80_000.0,
                    80_000.0,
                ];
                scene.bar(0, 3, [100_000.0, 108_000.0, 97_000.0, 100_000.0]);
                scene.bar(0, 6, [100_000.0, 100_000.0, 97_500.0, 100_000.0]);
            },
            6,
            TradeExit::Stop,
        ),
        (
            |scene| {
                scene.signals[0].take_profit_long = vec![104_000.0; 8];
                scene.bar(0, 2, [100_000.0, 104_000.0, 99_000.0, 100_000.0]);
            },
            2,
            TradeExit::TakeProfit,
        ),
    ];
    for (change, exit_bar, exit) in cases {
        let mut scene = Scene::long_bitcoin(8);
        change(&mut scene);
        let trade = &scene.trades().trades[0];
        assert_eq!((trade.exit_bar, trade.exit), (exit_bar, exit));
        // The replay ends the trade in the same bar, at the return of one unit of notional.
        let outcome = scene.run(&[10_000.0]);
        assert_eq!(outcome.trades[0].exit_bar, exit_bar);
        close_to(outcome.trades[0].pnl / outcome.trades[0].notional, trade.unit_return);
    }
}

#[test]
fn stop_and_take_profit_in_one_bar() {
    for (intrabar, exit, unit_return) in [
        // 95,000 less a quarter of the way to 91,000.
        (Intrabar::Pessimistic, TradeExit::Stop, -0.06),
        (Intrabar::Optimistic, TradeExit::TakeProfit, 0.04),
    ] {
        let mut scene = Scene::long_bitcoin(5);
        scene.settings.intrabar = intrabar;
        scene.stop(0, Side::Long, 95_000.0);
        scene.signals[0].take_profit_long = vec![104_000.0; 5];
        scene.bar(0, 2, [100_000.0, 105_000.0, 91_000.0, 100_000.0]);
        let trade = &scene.trades().trades[0];
        assert_eq!(trade.exit, exit);
        close_to(trade.unit_return, unit_return);
        // R: the return over the 5 % between entry and stop.
        close_to(trade.r_multiple.unwrap(), unit_return / 0.05);
    }
}

#[test]
fn a_reversal_needs_an_open_that_trades() {
    let mut scene = Scene::long_bitcoin(8);
    scene.signals[0].entry[3] = -1;
    scene.market.symbols[0].volume[4] = 0.0;
    let list = scene.trades();
    assert_eq!((list.trades.len(), list.trades[0].exit_bar), (1, 5));
    assert_eq!((list.cancelled[0].decision_bar, list.cancelled[0].reason), (3, "no_volume"));
}

#[test]
fn bar_returns_add_up_to_the_trade() {
    // Fees of 5 bp at both ends, half a basis point of spread, funding inside a gap.
    let mut scene = Scene::long_bitcoin(8);
    scene.taker_fee = 0.0005;
    scene.settings.costs.half_spread_bps = 0.5;
    scene.flat_from(0, 3, 103_000.0);
    scene.remove(0, 4);
    scene.funding(0, 4, 0.001, Some(103_000.0));
    scene.signals[0].exit_long[5] = true;
    let list = scene.trades();
    let returns = &list.unit_returns[0];
    assert!(returns[4].is_nan());
    assert_eq!((returns[0], returns[2], returns[7]), (0.0, 0.0, 0.0));
    close_to(returns[1], 100_000.0 / 100_005.0 - 1.0 - 0.0005);
    close_to(returns[3], 0.03);
    close_to(returns[5], -0.001);
    close_to(returns[6], -0.00005 - 0.0005);
}

#[test]
fn the_adverse_excursion_follows_the_mark_to_where_the_trade_ends() {
    type Change = fn(&mut Scene);
    let p = 100_000.0;
    let cases: [(Change, f64); 8] = [
        (|_| {}, 0.0),
        // A dip of the mark that the last price never saw, while the trade was held.
        (
            |scene| {
                scene.mark(0, 3, [100_000.0, 100_000.0, 92_000.0, 100_000.0]);
            },
            8_000.0 / p,
        ),
        // The other way round it does not count, and neither does one before the entry.
        (
            |scene| {
                scene.last(0, 3, [100_000.0, 100_000.0, 92_000.0, 100_000.0]);
                scene.mark(0, 0, [100_000.0, 100_000.0, 50_000.0, 100_000.0]);
            },
            0.0,
        ),
        // Out at the open of bar 4: its low is of no concern, its open is.
        (
            |scene| {
                scene.signals[0].exit_long[3] = true;
                scene.bar(0, 4, [99_000.0, 99_000.0, 60_000.0, 90_000.0]);
            },
            1_000.0 / p,
        ),
        // A stop is passed on the way down: no further than it fills (a quarter of the way on).
        (
            |scene| {
                scene.stop(0, Side::Long, 95_000.0);
                scene.bar(0, 4, [100_000.0, 100_000.0, 91_000.0, 99_000.0]);
            },
            6_000.0 / p,
        ),
        // The mark did not follow the last price to the stop.
        (
            |scene| {
                scene.stop(0, Side::Long, 95_000.0);
                scene.last(0, 4, [100_000.0, 100_000.0, 91_000.0, 99_000.0]);
                scene.mark(0, 4, [100_000.0, 100_000.0, 97_000.0, 99_000.0]);
            },
            3_000.0 / p,
        ),
        // Before a profit is taken the adverse extreme is reached.
        (
            |scene| {
                scene.signals[0].take_profit_long = vec![104_000.0; 8];
                scene.bar(0, 2, [100_000.0, 104_000.0, 99_000.0, 100_000.0]);
            },
            1_000.0 / p,
        ),
        // A short suffers from the high; its entry fills half a basis point lower.
        (
            |scene| {
                scene.signals[0].entry[0] = -1;
                scene.settings.costs.half_spread_bps = 0.5;
                scene.bar(0, 5, [100_000.0, 103_000.0, 99_000.0, 100_000.0]);
            },
            (103_000.0 - 99_995.0) / 99_995.0,
        ),
    ];
    for (change, expected) in cases {
        let mut scene = Scene::long_bitcoin(8);
        change(&mut scene);
        close_to(scene.trades().trades[0].adverse_excursion, expected);
    }
}
