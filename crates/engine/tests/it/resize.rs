//! Sizes decided again while a position is held, and positions held as long as they may be.

use plimsoll_engine::{
    Cause, Decision, DecisionKind, DecisionOutcome, ExitReason, MarginMode, Outcome,
};
use plimsoll_market::Side;
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::rule::HeatCap;
use plimsoll_sizing::{
    DecisionFacts, History, LimitInputs, PlannedSize, SizingError, SizingRule, plan, plan_held,
};

use crate::scene::{Lot, Scene, close_to, fixed, rules};

/// A leverage that depends on the bar alone.
fn by_bar(scene: &Scene, band: f64, leverage: impl Fn(usize) -> f64 + Sync) -> Outcome {
    scene.replay_resizing(&scene.trades(), band, &|_, bar| fixed(leverage(bar)))
}

fn resizes(outcome: &Outcome) -> Vec<&Decision> {
    outcome.decisions.iter().filter(|decision| decision.kind == DecisionKind::Resize).collect()
}

/// 5 bp of fee and 1 bp of spread.
fn with_costs(mut scene: Scene, margin: MarginMode) -> Scene {
    scene.taker_fee = 0.0005;
    scene.settings.costs.half_spread_bps = 1.0;
    scene.settings.margin = margin;
    scene
}

#[test]
fn an_increase_is_a_costed_fill_at_the_next_open() {
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = with_costs(Scene::long_bitcoin(7), margin);
        scene.flat_from(0, 2, 110_000.0);
        let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 0.99 } else { 2.0 });
        // 0.99 bitcoin at 100,010 with 49.50495 of fee; worth 110,000 at the close of bar 2.
        let after_entry = 100_000.0 - 0.99 * 100_010.0 * 0.0005;
        let equity = after_entry + 0.99 * 9_990.0;
        let [decision] = resizes(&outcome)[..] else { panic!("{:?}", outcome.decisions) };
        assert_eq!((decision.bar, decision.outcome), (2, DecisionOutcome::Filled));
        close_to(decision.equity, equity);
        close_to(decision.held_quantity, 0.99);
        close_to(decision.quantity_raw, 2.0 * equity / 110_000.0);
        close_to(decision.quantity, 1.997);
        // 1.007 more at 110,011; the end is filled at 109,989.
        let added = 1.997 - 0.99;
        let fees = 0.0005 * (0.99 * 100_010.0 + added * 110_011.0 + 1.997 * 109_989.0);
        let earned = 1.997 * 109_989.0 - 0.99 * 100_010.0 - added * 110_011.0 - fees;
        close_to(*outcome.equity.last().unwrap(), 100_000.0 + earned);
        close_to(outcome.equity[3], equity - added * 11.0 - added * 110_011.0 * 0.0005);
        let [trade] = outcome.trades.as_slice() else { panic!() };
        assert_eq!((trade.resizes, trade.exit_reason), (1, ExitReason::End));
        close_to(trade.pnl, earned);
        close_to(trade.fees, fees);
        close_to(trade.slippage, 0.99 * 10.0 + added * 11.0 + 1.997 * 11.0);
        // The entry stays what it was.
        close_to(trade.entry_price, 100_010.0);
        close_to(trade.quantity, 0.99);
        close_to(trade.quantity_max, 1.997);
        close_to(trade.exit_price, 109_989.0);
        let traded = 0.99 * 100_010.0 + added * 110_011.0 + 1.997 * 109_989.0;
        close_to(outcome.traded_notional, traded);
    }
}

#[test]
fn a_decrease_realises_its_part() {
    // A short of 2 bitcoins, 20,000 of margin if isolated. At 95,000 the account has 110,000 and
    // wants half of it: 0.578 bitcoin, so that 1.422 are bought back at 95,009.5.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = with_costs(Scene::new(&[("BTCUSDT", 100_000.0)], 7), margin);
        scene.signals[0].entry[0] = -1;
        scene.flat_from(0, 2, 95_000.0);
        let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 2.0 } else { 0.5 });
        let entry_fee = 2.0 * 99_990.0 * 0.0005;
        let equity = 100_000.0 - entry_fee + 2.0 * 4_990.0;
        let [decision] = resizes(&outcome)[..] else { panic!("{:?}", outcome.decisions) };
        close_to(decision.equity, equity);
        close_to(decision.quantity, 0.578);
        let bought = 2.0 - 0.578;
        let rows: Vec<_> = outcome.ledger.iter().filter(|row| row.bar == 3).collect();
        let of = |cause| -> f64 {
            rows.iter().filter(|row| row.cause == cause).map(|row| row.amount).sum()
        };
        close_to(of(Cause::PricePnl), bought * 5_000.0);
        close_to(of(Cause::Slippage), -bought * 19.5);
        close_to(of(Cause::Fee), -bought * 95_009.5 * 0.0005);
        let [trade] = outcome.trades.as_slice() else { panic!() };
        assert_eq!((trade.side, trade.resizes), (Side::Short, 1));
        close_to(trade.exit_price, 95_009.5);
        close_to(trade.quantity_max, 2.0);
        close_to(trade.pnl, 2.0 * (99_990.0 - 95_009.5) - entry_fee - 2.0 * 95_009.5 * 0.0005);
    }
}

#[test]
fn isolated_margin_goes_with_the_part() {
    // 2 bitcoins with 20,000 of margin, one of them sold at the price it was bought at: the other
    // has 10,000 and the liquidation price that both had.
    let mut scene = Scene::long_bitcoin(7);
    scene.bar(0, 4, [100_000.0, 100_000.0, 90_000.0, 90_000.0]);
    let both = by_bar(&scene, 0.1, |_| 2.0);
    let one = by_bar(&scene, 0.1, |bar| if bar < 2 { 2.0 } else { 1.0 });
    close_to(one.liquidations[0].mark_price, both.liquidations[0].mark_price);
    close_to(one.liquidations[0].quantity, 1.0);
    close_to(both.trades[0].pnl, -20_000.0);
    close_to(one.trades[0].pnl, -10_000.0);
    // One bitcoin with 10,000 and another, bought 2,000 higher, with 10,200: they stand at 101,000
    // with 20,200 in all.
    let mut scene = Scene::long_bitcoin(7);
    scene.flat_from(0, 2, 102_000.0);
    scene.bar(0, 4, [102_000.0, 102_000.0, 80_000.0, 80_000.0]);
    let two = by_bar(&scene, 0.1, |bar| if bar < 2 { 1.0 } else { 2.0 });
    let [forced] = two.liquidations.as_slice() else { panic!("{two:?}") };
    close_to(forced.quantity, 2.0);
    // 20,200 + 2 (P - 101,000) = 0.004 * 2 P at Binance's first bracket.
    close_to(forced.mark_price, 181_800.0 / (2.0 * 0.996));
    close_to(two.trades[0].pnl, -20_200.0);
}

#[test]
fn inside_the_band_nothing_happens() {
    let mut scene = with_costs(Scene::long_bitcoin(9), MarginMode::Cross);
    scene.flat_from(0, 3, 104_000.0);
    let outcome = by_bar(&scene, 0.2, |bar| if bar < 2 { 1.0 } else { 1.15 });
    let fixed_size = scene.run_at_leverage(1.0);
    assert_eq!(outcome, fixed_size);
    // The band is a share of what is held: 0.2 of 1 bitcoin is not exceeded by 0.2.
    let scene = Scene::long_bitcoin(5);
    assert!(resizes(&by_bar(&scene, 0.2, |bar| if bar < 1 { 1.0 } else { 1.2 })).is_empty());
    let outcome = by_bar(&scene, 0.2, |bar| if bar < 1 { 1.0 } else { 1.201 });
    close_to(resizes(&outcome)[0].quantity, 1.201);
    // 0.09 - 0.072 is 0.2 of 0.09, and a little more in floating point.
    let outcome = by_bar(&scene, 0.2, |bar| if bar < 1 { 0.09 } else { 0.072 });
    assert!(resizes(&outcome).is_empty(), "{:?}", resizes(&outcome));
    let outcome = by_bar(&scene, 0.2, |bar| if bar < 1 { 0.09 } else { 0.071 });
    close_to(resizes(&outcome)[0].quantity, 0.071);
    // A difference too small for an order is none.
    let outcome = by_bar(&scene, 0.0, |bar| if bar < 1 { 0.002 } else { 0.0025 });
    assert!(resizes(&outcome).is_empty());
}

#[test]
fn a_size_of_zero_closes_until_the_next_entry() {
    for (limit, reason) in [
        (Ok(0.0), "zero_limit"),
        (Ok(0.0005), "below_min_notional"),
        (Err(SizingError::TooFewObservations { have: 1, need: 2 }), "too_few_observations"),
    ] {
        let mut scene = with_costs(Scene::long_bitcoin(12), MarginMode::Isolated);
        scene.signals[0].exit_long[6] = true;
        scene.signals[0].entry[8] = 1;
        let list = scene.trades();
        let outcome = scene.replay_resizing(&list, 0.5, &|_, bar| {
            let value = if bar == 3 { limit.clone() } else { Ok(1.0) };
            PlannedSize::of_limits(vec![Limit { name: "atr", value }])
        });
        let [zero] = resizes(&outcome)[..] else { panic!("{:?}", outcome.decisions) };
        assert_eq!((zero.bar, zero.quantity, zero.reason), (3, 0.0, reason));
        assert_eq!((zero.outcome, zero.binding_limit), (DecisionOutcome::Filled, "atr"));
        let [first, second] = outcome.trades.as_slice() else { panic!("{:?}", outcome.trades) };
        assert_eq!((first.exit_bar, first.exit_reason), (4, ExitReason::ResizedToZero));
        assert_eq!((first.resizes, first.exit_reason.name()), (0, "resized_to_zero"));
        close_to(first.exit_price, 99_990.0);
        assert_eq!((second.entry_bar, second.exit_reason), (9, ExitReason::End));
        assert!(outcome.equity[4..9].iter().all(|equity| *equity == outcome.equity[4]));
        // The list knows nothing of it.
        assert_eq!(list.trades[0].exit_bar, 7);
    }
}

#[test]
fn an_order_needs_a_bar_in_which_something_trades() {
    let leverage = |bar| if bar < 2 { 1.0 } else { 2.0 };
    let mut scene = Scene::long_bitcoin(7);
    scene.market.symbols[0].volume[3] = 0.0;
    let outcome = by_bar(&scene, 0.1, leverage);
    let [first, second] = resizes(&outcome)[..] else { panic!("{:?}", outcome.decisions) };
    assert_eq!((first.outcome, first.reason), (DecisionOutcome::RefusedAtFill, "no_volume"));
    assert_eq!((second.bar, second.outcome), (3, DecisionOutcome::Filled));
    assert_eq!(outcome.trades[0].resizes, 1);
    // Nothing is decided in a bar that does not exist.
    let mut scene = Scene::long_bitcoin(7);
    scene.remove(0, 3);
    let outcome = by_bar(&scene, 0.1, leverage);
    let [first, second] = resizes(&outcome)[..] else { panic!("{:?}", outcome.decisions) };
    assert_eq!((first.bar, first.reason), (2, "bar_missing"));
    assert_eq!((second.bar, second.outcome), (4, DecisionOutcome::Filled));
}

#[test]
fn what_is_about_to_leave_is_left_alone() {
    let mut scene = Scene::long_bitcoin(8);
    scene.signals[0].exit_long[3] = true;
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 3 { 1.0 } else { 2.0 });
    assert!(resizes(&outcome).is_empty());
    // Nor can an order of the last close fill.
    let scene = Scene::long_bitcoin(4);
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 3 { 1.0 } else { 2.0 });
    assert!(resizes(&outcome).is_empty());
}

#[test]
fn an_increase_is_refused_where_an_entry_would_be() {
    // 9.9 times a tenth of the equity is posted in the end, of which a gap takes too much.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::long_bitcoin(5);
        scene.settings.margin = margin;
        scene.bar(0, 2, [130_000.0; 4]);
        scene.flat_from(0, 3, 100_000.0);
        let outcome = by_bar(&scene, 0.1, |bar| if bar < 1 { 1.0 } else { 9.9 });
        let first = resizes(&outcome)[0];
        let expected = match margin {
            // What the gap earns stands behind the position as well.
            MarginMode::Cross => (DecisionOutcome::Filled, ""),
            _ => (DecisionOutcome::RefusedAtFill, "insufficient_margin"),
        };
        assert_eq!((first.outcome, first.reason), expected);
    }
    // The bracket: 800,000 at leverage 100.
    let mut scene = Scene::long_bitcoin(4);
    scene.settings.leverage = 100.0;
    scene.flat_from(0, 2, 101_000.0);
    let outcome = by_bar(&scene, 0.1, |bar| if bar == 1 { 7.99 } else { 1.0 });
    assert_eq!(resizes(&outcome)[0].reason, "venue_leverage");
    assert_eq!(outcome.trades[0].resizes, 0);
    assert_eq!(outcome.trades[0].quantity_max, 1.0);
}

#[test]
fn the_venue_takes_nothing_away_of_what_is_held() {
    // All of the free margin is used and then some of the equity lost: no more can be bought, and
    // what is held stays as far as the rule is concerned.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::long_bitcoin(6);
        scene.settings.margin = margin;
        scene.flat_from(0, 2, 97_000.0);
        let outcome = by_bar(&scene, 0.01, |_| 50.0);
        assert!(resizes(&outcome).is_empty(), "{:?}", resizes(&outcome));
        assert_eq!(outcome.decisions[0].binding_limit, "venue_margin");
        assert_eq!(outcome.trades[0].exit_reason, ExitReason::End);
    }
}

#[test]
fn a_liquidation_at_the_open_comes_before_the_order() {
    for leverage in [3.0, 1.0, 0.0] {
        let mut scene = Scene::long_bitcoin(6);
        scene.flat_from(0, 3, 85_000.0);
        let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 2.0 } else { leverage });
        let decision = resizes(&outcome)[0];
        assert_eq!(decision.outcome, DecisionOutcome::RefusedAtFill);
        assert_eq!((decision.bar, decision.reason), (2, "liquidated"));
        assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    }
}

#[test]
fn r_multiples_are_on_the_most_that_was_held() {
    // One bitcoin with a stop 5,000 away, sold 10,000 higher; a second one earns nothing more, but
    // 5,000 each were at risk.
    let mut scene = Scene::long_bitcoin(8);
    scene.stop(0, Side::Long, 95_000.0);
    scene.flat_from(0, 3, 110_000.0);
    scene.signals[0].exit_long[5] = true;
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 1.0 } else { 2.0 });
    assert_eq!(outcome.trades[0].resizes, 1);
    close_to(outcome.trades[0].r_multiple.unwrap(), 1.0);
    // Half of what was entered, taken off at once, was at risk all the same.
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 1 { 1.0 } else { 0.5 });
    assert_eq!((outcome.trades[0].resizes, outcome.trades[0].quantity_max), (1, 1.0));
    close_to(outcome.trades[0].pnl, 5_000.0);
    close_to(outcome.trades[0].r_multiple.unwrap(), 1.0);
}

/// The plan of a rule for bitcoin at a bar's close; after bar 0 it is held, from 100,000.
fn plan_with_stop(scene: &Scene, rule: &SizingRule, bar: usize, stop: f64) -> PlannedSize {
    let facts = DecisionFacts {
        symbol_idx: 0,
        bar,
        side: Side::Long,
        price: scene.market.symbols[0].close[bar],
        stop_price: Some(stop),
        round_trip_cost_fraction: 0.0,
        account_leverage: 10.0,
    };
    let inputs = LimitInputs::new(&scene.market, std::slice::from_ref(rule));
    let returns = [vec![0.0; scene.market.n_bars]];
    let history = History::new(&[], &returns);
    match bar {
        0 => plan(rule, &facts, &inputs, &history),
        _ => plan_held(rule, &facts, 100_000.0, &inputs, &history),
    }
}

#[test]
fn a_price_near_the_stop_makes_nothing_larger() {
    // 1 % of 100,000 over 5,000 for each: 0.2 bitcoin. At 95,100 it has lost 980 of 100,000, and
    // 1 % of the rest over 5,000 is 0.198 in whole lots.
    let mut scene = Scene::long_bitcoin(8);
    scene.stop(0, Side::Long, 95_000.0);
    for (bar, price) in [(2, 98_000.0), (3, 96_000.0), (4, 95_100.0), (5, 103_000.0)] {
        scene.flat_from(0, bar, price);
    }
    let risk = SizingRule { risk_fraction: Some(0.01), ..SizingRule::default() };
    let cap = SizingRule { risk_cap: Some(0.01), ..SizingRule::default() };
    let heat = SizingRule {
        heat: Some(HeatCap::Share(0.01)),
        leverage_cap: Some(5.0),
        ..SizingRule::default()
    };
    for rule in [risk, cap, heat] {
        let outcome = scene.replay_resizing(&scene.trades(), 0.0, &|_, bar| {
            plan_with_stop(&scene, &rule, bar, 95_000.0)
        });
        close_to(outcome.decisions[0].quantity, 0.2);
        let until_low: Vec<f64> =
            outcome.decisions.iter().filter(|d| d.bar <= 4).map(|d| d.quantity).collect();
        assert!(until_low.is_sorted_by(|a, b| a >= b), "{until_low:?}");
        close_to(*until_low.last().unwrap(), 0.198);
        for decision in &outcome.decisions {
            close_to(decision.quantity_raw, 0.01 * decision.equity / 5_000.0);
        }
    }
}

#[test]
fn a_position_is_held_no_longer_than_it_may_be() {
    for (bars, exit_bar) in [(0, 2), (1, 2), (3, 4), (5, 6)] {
        let mut scene = with_costs(Scene::long_bitcoin(12), MarginMode::Isolated);
        scene.signals[0].exit_long[6] = true;
        scene.signals[0].entry[8] = 1;
        let list = scene.trades();
        let plan = PlannedSize { holding_bars_max: Some(bars), ..fixed(1.0) };
        let outcome = scene.replay(&list, &[plan, fixed(1.0)]);
        let [first, second] = outcome.trades.as_slice() else { panic!("{:?}", outcome.trades) };
        assert_eq!((first.exit_bar, first.exit_reason), (exit_bar, ExitReason::HoldingLimit));
        assert_eq!(first.exit_reason.name(), "holding_limit");
        close_to(first.exit_price, 99_990.0);
        close_to(first.fees, 0.0005 * (100_010.0 + 99_990.0));
        assert_eq!((second.entry_bar, second.exit_reason), (9, ExitReason::End));
        assert_eq!((list.trades.len(), list.trades[0].exit_bar), (2, 7));
        let planned: Vec<_> = outcome.decisions.iter().map(|d| d.holding_bars_max).collect();
        assert_eq!(planned, [Some(bars), None]);
    }
    // The trade's own exit comes first.
    let mut scene = Scene::long_bitcoin(8);
    scene.signals[0].exit_long[2] = true;
    let plan = PlannedSize { holding_bars_max: Some(2), ..fixed(1.0) };
    let outcome = scene.replay(&scene.trades(), &[plan]);
    assert_eq!(
        (outcome.trades[0].exit_bar, outcome.trades[0].exit_reason),
        (3, ExitReason::Signal)
    );
    // A bar in which nothing trades is waited out.
    let mut scene = Scene::long_bitcoin(8);
    scene.market.symbols[0].volume[3] = 0.0;
    let plan = PlannedSize { holding_bars_max: Some(2), ..fixed(1.0) };
    let outcome = scene.replay(&scene.trades(), &[plan]);
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_bar, trade.exit_reason), (4, ExitReason::HoldingLimit));
}

#[test]
fn what_the_holding_time_ends_makes_room_for_an_entry() {
    // Bitcoin, nine times the equity, leaves at the open at which ether is to be bought.
    let symbols = [("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0)];
    let mut scene = Scene::new(&symbols, 8);
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[3] = 1;
    let list = scene.trades();
    let bitcoin = PlannedSize { holding_bars_max: Some(3), ..fixed(9.0) };
    let outcome = scene.replay(&list, &[bitcoin, fixed(9.0)]);
    assert_eq!(outcome.decisions[1].outcome, DecisionOutcome::Filled);
    close_to(outcome.decisions[1].leverage, 9.0);
}

#[test]
fn portfolio_margin_lets_add_what_its_figures_leave() {
    // OKX asks 15.6 % to open: 2 bitcoins take 31,200 of 100,000, and 6.4 is the most.
    let mut scene = Scene::new(&[("BTC-USDT-SWAP", 100_000.0)], 6);
    scene.rules = rules("okx-swap", &[]);
    scene.settings.margin = MarginMode::Portfolio;
    scene.signals[0].entry[0] = 1;
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 2.0 } else { 40.0 });
    let decision = resizes(&outcome)[0];
    assert_eq!(decision.binding_limit, "venue_margin");
    close_to(decision.leverage, 2.0 + 0.688 / 0.156 / 1.0005);
    assert_eq!(decision.outcome, DecisionOutcome::Filled);
    close_to(outcome.trades[0].quantity_max, 6.408);
    assert_eq!(outcome.trades[0].resizes, 1);
}

/// At leverage 50, with a liquidation fee small enough for the venue to go step by step.
fn hundred_bitcoins() -> Scene {
    let mut scene = Scene::long_bitcoin(6);
    scene.rules = rules("binance-usdm", &[Lot { liquidation_fee: 0.001, ..Lot::default() }]);
    scene.settings.leverage = 50.0;
    scene.settings.equity = 1_000_000.0;
    scene
}

#[test]
fn what_the_venue_has_taken_a_part_of_is_not_resized_by_an_old_order() {
    // A hundred bitcoins at leverage 50 open beyond 98,868.69, where their margin gives out: the
    // venue takes off what it needs, and with it the open orders.
    for leverage in [5.0, 10.4] {
        let mut scene = hundred_bitcoins();
        scene.bar(0, 3, [98_850.0, 98_850.0, 98_850.0, 99_500.0]);
        scene.flat_from(0, 4, 101_000.0);
        let outcome = by_bar(&scene, 0.02, |bar| if bar == 2 { leverage } else { 10.0 });
        let decision = resizes(&outcome)[0];
        assert_eq!((decision.bar, decision.held_quantity), (2, 100.0));
        assert_eq!(
            (decision.outcome, decision.reason),
            (DecisionOutcome::RefusedAtFill, "liquidated")
        );
        let forced = &outcome.liquidations[0];
        assert!(forced.bar == 3 && forced.quantity_left > 90.0, "{forced:?}");
    }
    // An order that closes takes what is left.
    let mut scene = hundred_bitcoins();
    scene.bar(0, 3, [98_850.0, 98_850.0, 98_850.0, 99_500.0]);
    let outcome = by_bar(&scene, 0.02, |bar| if bar == 2 { 0.0 } else { 10.0 });
    assert_eq!(resizes(&outcome)[0].outcome, DecisionOutcome::Filled);
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_bar, trade.exit_reason), (3, ExitReason::ResizedToZero));
    close_to(trade.exit_price, 98_850.0);
}

#[test]
fn a_part_loses_no_more_than_stands_behind_it() {
    // The last price falls alone. Isolated: one of two bitcoins has 10,000 of its own.
    let mut scene = Scene::long_bitcoin(6);
    scene.last(0, 3, [85_000.0, 100_000.0, 85_000.0, 100_000.0]);
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 2.0 } else { 1.0 });
    assert_eq!((outcome.capped_fills, outcome.trades[0].resizes), (1, 1));
    close_to(outcome.equity[3], 90_000.0);
    // Cross: with the mark at 95,000 the five that stay have lost 25,000 of 100,000, so that the
    // five sold at 80,000 take the other 75,000 and pay no fee.
    let mut scene = with_costs(Scene::long_bitcoin(6), MarginMode::Cross);
    (scene.settings.costs.half_spread_bps, scene.settings.leverage) = (0.0, 50.0);
    scene.flat_from(0, 2, 95_000.0);
    scene.last(0, 2, [100_000.0; 4]).mark(0, 2, [100_000.0; 4]);
    scene.last(0, 3, [80_000.0, 95_000.0, 80_000.0, 95_000.0]);
    let outcome = by_bar(&scene, 0.1, |bar| if bar < 2 { 10.0 } else { 5.0 });
    let entry_fee = 500.0;
    assert_eq!(outcome.capped_fills, 1);
    let in_bar: Vec<_> = outcome.ledger.iter().filter(|row| row.bar == 3).collect();
    let [price, slippage, ..] = in_bar[..] else { panic!("{in_bar:?}") };
    let decided = resizes(&outcome)[0];
    let part = decided.held_quantity - decided.quantity;
    assert_eq!((price.cause, slippage.cause), (Cause::PricePnl, Cause::Slippage));
    close_to(price.quantity, part);
    close_to(price.amount + slippage.amount, -(100_000.0 - entry_fee - decided.quantity * 5_000.0));
    assert!(in_bar[2..].iter().all(|row| row.cause != Cause::Fee), "{in_bar:?}");
}

#[test]
fn a_bracket_outgrown_by_the_price_takes_nothing_away() {
    // 7.9 bitcoins at leverage 100, where 800,000 may be opened, have become 869,000.
    let mut scene = Scene::long_bitcoin(6);
    scene.settings.leverage = 100.0;
    scene.settings.margin = MarginMode::Cross;
    scene.flat_from(0, 2, 110_000.0);
    let outcome = by_bar(&scene, 0.05, |bar| if bar == 0 { 7.9 } else { 50.0 });
    assert!(resizes(&outcome).iter().all(|decision| decision.bar == 1), "{:?}", resizes(&outcome));
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::End);
    close_to(outcome.trades[0].quantity_max, 7.9);
}

#[test]
fn what_a_decrease_sets_free_serves_an_entry_of_the_same_close() {
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::new(&[("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0)], 6);
        scene.settings.margin = margin;
        scene.signals[0].entry[0] = 1;
        scene.signals[1].entry[2] = 1;
        let outcome = scene.replay_resizing(&scene.trades(), 0.1, &|trade_idx, bar| {
            fixed(if trade_idx == 0 && bar < 2 {
                9.0
            } else if trade_idx == 0 {
                1.0
            } else {
                8.0
            })
        });
        let [_, less, entry] = outcome.decisions.as_slice() else { panic!("{outcome:?}") };
        assert_eq!((less.kind, entry.kind), (DecisionKind::Resize, DecisionKind::Entry));
        assert_eq!((less.bar, entry.bar), (2, 2));
        close_to(entry.leverage, 8.0);
        assert_eq!(entry.outcome, DecisionOutcome::Filled);
    }
}
