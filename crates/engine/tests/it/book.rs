//! Limits that see the whole book: heat, exposure, a venue's share, a floor under equity, depth.

use plimsoll_engine::{Decision, MarginMode, Simultaneous};
use plimsoll_market::Side;
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::rule::{DrawdownControl, FloorOf};
use plimsoll_sizing::{AccountCaps, PlannedSize, SizingError};

use crate::scene::{Scene, close_to, fixed};

const SYMBOLS: [(&str, f64); 3] =
    [("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0), ("SOLUSDT", 200.0)];

/// Three longs at one close, each with a stop a twentieth below.
fn three_longs() -> Scene {
    let mut scene = Scene::new(&SYMBOLS, 8);
    for (symbol, (_, price)) in SYMBOLS.into_iter().enumerate() {
        scene.signals[symbol].entry[0] = 1;
        scene.stop(symbol, Side::Long, 0.95 * price);
    }
    scene
}

fn capped(leverage: f64, caps: AccountCaps) -> PlannedSize {
    PlannedSize { caps, ..fixed(leverage) }
}

fn heat_of(limit: f64) -> AccountCaps {
    AccountCaps { heat: Some((limit, Ok(0.05))), ..AccountCaps::default() }
}

fn limit_of(decision: &Decision, name: &str) -> f64 {
    decision.limits.iter().find(|limit| limit.name == name).unwrap().leverage
}

fn leverages(scene: &Scene, plans: &[PlannedSize]) -> Vec<f64> {
    let outcome = scene.replay(&scene.trades(), plans);
    outcome.decisions.iter().map(|decision| decision.leverage).collect()
}

fn all_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{got:?}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() < 1e-3, "{got:?}, expected {expected:?}");
    }
}

#[test]
fn heat_is_used_up_in_the_order_of_the_file() {
    // Once the equity at a stop of 5 % takes 5 of 6 %: a fifth of the equity is left for the next.
    let scene = three_longs();
    let plans = vec![capped(1.0, heat_of(0.06)); 3];
    all_close(&leverages(&scene, &plans), &[1.0, 0.2, 0.0]);
    let outcome = scene.replay(&scene.trades(), &plans);
    close_to(limit_of(&outcome.decisions[1], "heat"), 0.2);
    assert_eq!(outcome.decisions[1].binding_limit, "heat");
    assert_eq!((outcome.decisions[2].binding_limit, outcome.decisions[2].quantity), ("heat", 0.0));
}

#[test]
fn heat_is_shared_out_by_what_each_wants() {
    // 2, 1 and 1 want 20 % of heat; there are 6: three tenths of each.
    let mut scene = three_longs();
    scene.settings.simultaneous = Simultaneous::ProRata;
    let plans = [2.0, 1.0, 1.0].map(|leverage| capped(leverage, heat_of(0.06)));
    all_close(&leverages(&scene, &plans), &[0.6, 0.3, 0.3]);
    // Where there is room for all, all get what they want.
    let plans = [2.0, 1.0, 0.9].map(|leverage| capped(leverage, heat_of(0.2)));
    all_close(&leverages(&scene, &plans), &[2.0, 1.0, 0.9]);
}

#[test]
fn exposure_and_a_venues_share_are_shared_as_well() {
    let caps = |exposure, venue_share| AccountCaps { exposure, venue_share, ..Default::default() };
    let mut scene = three_longs();
    for (caps, most, name) in
        [(caps(Some(3.0), None), 3.0, "exposure"), (caps(Some(3.0), Some(1.2)), 1.2, "venue_share")]
    {
        let plans = [2.0, 1.0, 1.0].map(|leverage| capped(leverage, caps.clone()));
        scene.settings.simultaneous = Simultaneous::FileOrder;
        let first = 2.0_f64.min(most);
        all_close(&leverages(&scene, &plans), &[first, (most - first).min(1.0), 0.0]);
        scene.settings.simultaneous = Simultaneous::ProRata;
        all_close(&leverages(&scene, &plans), &[0.5 * most, 0.25 * most, 0.25 * most]);
        let outcome = scene.replay(&scene.trades(), &plans);
        assert_eq!(outcome.decisions[2].binding_limit, name);
    }
}

#[test]
fn positions_that_are_held_count_at_their_initial_stop() {
    // Bitcoin is bought at 100,000 with a stop at 95,000, trailed up to 104,000 later. It takes 5 %
    // of 100,000, which has become 104,000 when ether is decided on.
    let mut scene = Scene::new(&SYMBOLS[..2], 10);
    scene.settings.margin = MarginMode::Cross;
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[3] = 1;
    scene.stop(0, Side::Long, 95_000.0).stop(1, Side::Long, 3_800.0);
    scene.flat_from(0, 2, 104_000.0);
    scene.signals[0].trailing_stop_long = vec![f64::NAN; 10];
    scene.signals[0].trailing_stop_long[2..].fill(103_000.0);
    let plans = [fixed(1.0), capped(5.0, heat_of(0.10))];
    let trades = scene.trades();
    assert_eq!(trades.trades[0].initial_stop_price, Some(95_000.0));
    let outcome = scene.replay(&trades, &plans);
    let ether = &outcome.decisions[1];
    close_to(ether.equity, 104_000.0);
    close_to(limit_of(ether, "heat"), (0.10 - 5_000.0 / 104_000.0) / 0.05);
    // What leaves at the next open does not count.
    scene.signals[0].exit_long[3] = true;
    let outcome = scene.replay(&scene.trades(), &plans);
    close_to(limit_of(&outcome.decisions[1], "heat"), 2.0);
}

#[test]
fn without_a_stop_heat_goes_to_the_liquidation() {
    let caps =
        AccountCaps { heat: Some((0.06, Err(SizingError::NoStop))), ..AccountCaps::default() };
    let decide = |margin, side: i8| -> Decision {
        let mut scene = Scene::long_bitcoin(4);
        scene.settings.margin = margin;
        scene.signals[0].entry[0] = side;
        let outcome = scene.replay(&scene.trades(), &[capped(5.0, caps.clone())]);
        outcome.decisions[0].clone()
    };
    // Isolated at leverage 10 with 0.4 % of maintenance: 90,000 / 0.996, so 9.64 % away; a short
    // 110,000 / 1.004, 9.56 %.
    let way = 1.0 - 0.9 / 0.996;
    close_to(limit_of(&decide(MarginMode::Isolated, 1), "heat"), 0.06 / way);
    close_to(limit_of(&decide(MarginMode::Isolated, -1), "heat"), 0.06 / (1.1 / 1.004 - 1.0));
    // A long with the whole account behind it can lose all of its notional.
    close_to(limit_of(&decide(MarginMode::Cross, 1), "heat"), 0.06);
    // A short ends with the account, whatever its size.
    let short = decide(MarginMode::Cross, -1);
    assert_eq!((short.quantity, short.binding_limit, short.reason), (0.0, "heat", "no_stop"));
}

#[test]
fn a_held_position_without_a_stop_counts_to_its_liquidation() {
    // One bitcoin with 10,000 of its own, liquidated at 90,000 / 0.996. Ether finds the rest.
    let mut scene = Scene::new(&SYMBOLS[..2], 6);
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[2] = 1;
    let plans = [fixed(1.0), capped(5.0, heat_of(0.20))];
    let outcome = scene.replay(&scene.trades(), &plans);
    let used = 1.0 - 0.9 / 0.996;
    close_to(limit_of(&outcome.decisions[1], "heat"), (0.20 - used) / 0.05);
    // Cross: nothing liquidates one bitcoin that 100,000 stand behind.
    scene.settings.margin = MarginMode::Cross;
    let outcome = scene.replay(&scene.trades(), &plans);
    assert_eq!(limit_of(&outcome.decisions[1], "heat"), 0.0);
}

#[test]
fn a_floor_under_the_peak_carries_all_positions() {
    // The peak is 120,000, the equity 110,000 when ether is decided on: a floor of 0.8 of the peak
    // leaves 4 * (1 - 96 / 110), of which bitcoin takes 110 / 110.
    let mut scene = Scene::new(&SYMBOLS[..2], 9);
    scene.settings.margin = MarginMode::Cross;
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[4] = 1;
    scene.flat_from(0, 2, 120_000.0).flat_from(0, 3, 110_000.0);
    let control = |floor_of| {
        let control = DrawdownControl { floor_of, floor: 0.8, multiplier: 12.0 };
        AccountCaps { drawdown_control: Some(control), ..AccountCaps::default() }
    };
    for (floor_of, floor) in [(FloorOf::Peak, 96.0), (FloorOf::Initial, 80.0)] {
        let plans = [fixed(1.0), capped(9.0, control(floor_of))];
        let outcome = scene.replay(&scene.trades(), &plans);
        let ether = &outcome.decisions[1];
        close_to(limit_of(ether, "drawdown_control"), 12.0 * (1.0 - floor / 110.0) - 1.0);
    }
}

#[test]
fn the_liquidation_distance_is_reckoned_from_the_account() {
    // A move of 10 % that must not liquidate: x = 1 / (0.1 + 0.9 * 0.004) in Binance's first
    // bracket, so that 10 % below the price equity and requirement meet.
    let mut scene = Scene::long_bitcoin(4);
    scene.settings.margin = MarginMode::Cross;
    scene.settings.leverage = 20.0;
    scene.settings.equity = 20_000.0;
    let plan = PlannedSize { liquidation_distance: Some(Ok(0.1)), ..fixed(50.0) };
    let outcome = scene.replay(&scene.trades(), &[plan]);
    let decision = &outcome.decisions[0];
    close_to(limit_of(decision, "liquidation_distance"), 1.0 / (0.1 + 0.9 * 0.004));
    let liquidation = outcome.trades[0].liquidation_price.unwrap();
    assert!((90_000.0 - 60.0..=90_000.0).contains(&liquidation), "{liquidation}");
    // Isolated, the leverage says it: 9.64 % away at 10, so that 10 % is too much at any size.
    let mut scene = Scene::long_bitcoin(4);
    let plan = |distance| PlannedSize { liquidation_distance: Some(Ok(distance)), ..fixed(2.0) };
    let outcome = scene.replay(&scene.trades(), &[plan(0.1)]);
    assert_eq!(outcome.decisions[0].binding_limit, "liquidation_distance");
    assert_eq!(outcome.decisions[0].quantity, 0.0);
    scene.settings.equity = 50_000.0;
    assert_eq!(scene.replay(&scene.trades(), &[plan(0.095)]).decisions[0].leverage, 2.0);
}

#[test]
fn what_others_are_required_to_keep_is_not_behind_a_new_position() {
    // One bitcoin keeps 0.4 % of 100,000, so that 99.6 % of the equity stand behind ether.
    let mut scene = Scene::new(&SYMBOLS[..2], 6);
    scene.settings.margin = MarginMode::Cross;
    scene.settings.leverage = 20.0;
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[2] = 1;
    let far = |distance| PlannedSize { liquidation_distance: Some(Ok(distance)), ..fixed(50.0) };
    let outcome = scene.replay(&scene.trades(), &[fixed(1.0), far(0.9)]);
    let ether = limit_of(&outcome.decisions[1], "liquidation_distance");
    scene.signals[0].entry[0] = 0;
    let outcome = scene.replay(&scene.trades(), &[far(0.9)]);
    let alone = limit_of(&outcome.decisions[0], "liquidation_distance");
    close_to(ether, 0.996 * alone);
}

#[test]
fn the_liquidation_distance_of_one_entry_counts_the_others_that_share() {
    // Alone each wants 1 / (0.9 + 0.1 * 0.004) of the equity. Of two at once each finds 0.4 % of
    // what the other wants alone gone, whichever comes first in the file.
    for symbols in [[SYMBOLS[0], SYMBOLS[1]], [SYMBOLS[1], SYMBOLS[0]]] {
        let mut scene = Scene::new(&symbols, 4);
        scene.settings.margin = MarginMode::Cross;
        scene.settings.simultaneous = Simultaneous::ProRata;
        let plan = PlannedSize { liquidation_distance: Some(Ok(0.9)), ..fixed(50.0) };
        let alone = [0, 1].map(|symbol| {
            scene.signals[symbol].entry[0] = 1;
            let outcome = scene.replay(&scene.trades(), std::slice::from_ref(&plan));
            scene.signals[symbol].entry[0] = 0;
            let decision = &outcome.decisions[0];
            close_to(limit_of(decision, "liquidation_distance"), 1.0 / (0.9 + 0.1 * 0.004));
            decision.quantity * decision.price
        });
        scene.signals.iter_mut().for_each(|signal| signal.entry[0] = 1);
        let outcome = scene.replay(&scene.trades(), &[plan.clone(), plan]);
        for (decision, other) in outcome.decisions.iter().zip([alone[1], alone[0]]) {
            let behind = 1.0 - 0.004 * other / 100_000.0;
            let got = limit_of(decision, "liquidation_distance");
            close_to(got, behind / (0.9 + 0.1 * 0.004));
            assert_eq!(decision.binding_limit, "liquidation_distance");
        }
    }
}

#[test]
fn margin_is_shared_by_wishes_that_do_not_fit_alone() {
    // Bitcoin holds half of the margin, 5 times the equity are left. Ether and solana want 8 and 6
    // times, each more than there is: 40 / 14 and 30 / 14, not half each.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::new(&SYMBOLS, 6);
        scene.settings.margin = margin;
        scene.settings.simultaneous = Simultaneous::ProRata;
        scene.signals[0].entry[0] = 1;
        scene.signals[1].entry[2] = 1;
        scene.signals[2].entry[2] = 1;
        let got = leverages(&scene, &[fixed(5.0), fixed(8.0), fixed(6.0)]);
        let room = 5.0 / 1.0005;
        all_close(&got, &[5.0, room * 8.0 / 14.0, room * 6.0 / 14.0]);
    }
}

#[test]
fn depth_is_each_orders_own() {
    let mut scene = three_longs();
    let caps = AccountCaps { liquidity: Some(Ok(50_000.0)), ..AccountCaps::default() };
    let plans = vec![capped(1.0, caps); 3];
    for order in [Simultaneous::FileOrder, Simultaneous::ProRata] {
        scene.settings.simultaneous = order;
        all_close(&leverages(&scene, &plans), &[0.5, 0.5, 0.5]);
    }
}

#[test]
fn a_rule_of_nothing_but_shared_limits_shares_them_equally() {
    let mut scene = three_longs();
    scene.settings.simultaneous = Simultaneous::ProRata;
    let caps = AccountCaps { exposure: Some(3.0), ..AccountCaps::default() };
    let plan = PlannedSize { caps, ..PlannedSize::of_limits(Vec::new()) };
    let got = leverages(&scene, &vec![plan; 3]);
    // Each wants all that its brackets let it have, which is not the same for all.
    assert!((got.iter().sum::<f64>() - 3.0).abs() < 1e-2, "{got:?}");
    assert!(got.iter().all(|leverage| *leverage > 0.0));
}

#[test]
fn a_resize_sees_the_others_and_not_itself() {
    // Two positions of the same rule under an exposure of 3. Bitcoin, decided first, finds the 1
    // of ether beside it and takes 2; ether then finds 2.
    let mut scene = Scene::new(&SYMBOLS[..2], 6);
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[0] = 1;
    let caps = AccountCaps { exposure: Some(3.0), ..AccountCaps::default() };
    let outcome = scene.replay_resizing(&scene.trades(), 0.1, &|_, bar| {
        capped(if bar == 0 { 1.0 } else { 2.5 }, caps.clone())
    });
    let resized: Vec<(usize, f64)> = outcome.decisions[2..]
        .iter()
        .map(|decision| (decision.symbol_idx, limit_of(decision, "exposure")))
        .collect();
    let [(0, room)] = resized[..] else { panic!("{resized:?}") };
    close_to(room, 2.0);
    assert!(outcome.decisions[2].bar == 1 && outcome.trades.len() == 2);
}

#[test]
fn what_a_resize_keeps_counts_at_its_entry_and_what_it_adds_at_this_close() {
    // 1 bitcoin bought at 100,000 stands at 104,000 when it becomes 2 times the equity of 104,000:
    // 2 bitcoins, one of which would lose 5,000 at the stop of 95,000, the other 9,000. Ether,
    // entered at the same close, finds that much of the heat used up.
    let mut scene = Scene::new(&SYMBOLS[..2], 8);
    scene.settings.margin = MarginMode::Cross;
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[3] = 1;
    scene.stop(0, Side::Long, 95_000.0).stop(1, Side::Long, 3_800.0);
    scene.flat_from(0, 2, 104_000.0);
    let outcome = scene.replay_resizing(&scene.trades(), 0.1, &|trade, bar| match (trade, bar) {
        (0, 3..) => fixed(2.0),
        (0, _) => fixed(1.0),
        _ => capped(5.0, heat_of(0.18)),
    });
    let [bitcoin, ether] = &outcome.decisions[1..3] else { panic!("{:?}", outcome.decisions) };
    assert_eq!((bitcoin.bar, ether.bar), (3, 3));
    close_to(bitcoin.quantity, 2.0);
    close_to(limit_of(ether, "heat"), (0.18 - 14_000.0 / 104_000.0) / 0.05);
}

#[test]
fn initial_equity_can_be_the_base() {
    let mut scene = Scene::long_bitcoin(12);
    scene.settings.margin = MarginMode::Cross;
    scene.flat_from(0, 2, 150_000.0);
    scene.signals[0].exit_long[4] = true;
    scene.signals[0].entry[7] = 1;
    let plan = PlannedSize {
        sizing_base: plimsoll_sizing::rule::SizingBase::Initial,
        ..PlannedSize::of_limits(vec![Limit { name: "notional_fraction", value: Ok(1.0) }])
    };
    let outcome = scene.replay(&scene.trades(), &[plan.clone(), plan]);
    let second = &outcome.decisions[1];
    close_to(second.equity, 150_000.0);
    close_to(second.quantity_raw * second.price, 100_000.0);
}
