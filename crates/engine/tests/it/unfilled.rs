//! Orders that the next bar does not fill: at the close before, nobody knows.

use plimsoll_engine::{
    CancelledPlan, Decision, DecisionKind, DecisionOutcome, Outcome, Simultaneous, SizePlans,
};
use plimsoll_market::{Side, TradeExit};
use plimsoll_sizing::{AccountCaps, PlannedSize};

use crate::scene::{Scene, close_to, fixed};

const SYMBOLS: [(&str, f64); 3] =
    [("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0), ("SOLUSDT", 200.0)];

fn capped(leverage: f64, caps: AccountCaps) -> PlannedSize {
    PlannedSize { caps, ..fixed(leverage) }
}

/// Replays one plan for all entries, those that find no fill included.
fn replay(scene: &Scene, plan: &PlannedSize) -> Outcome {
    let list = scene.trades();
    let at_entry = vec![plan.clone(); list.trades.len()];
    let planned = |&entry| CancelledPlan { entry, plan: plan.clone() };
    let cancelled: Vec<CancelledPlan> = list.cancelled.iter().map(planned).collect();
    let sizes = SizePlans { at_entry: &at_entry, cancelled: &cancelled, resizing: None };
    scene.replay_sizes(&list, sizes)
}

fn of_symbol(outcome: &Outcome, symbol_idx: usize) -> &Decision {
    outcome.decisions.iter().find(|decision| decision.symbol_idx == symbol_idx).unwrap()
}

/// Longs of the first two symbols at the close of bar 0, with stops a twentieth below.
fn two_longs() -> Scene {
    let mut scene = Scene::new(&SYMBOLS[..2], 6);
    for (symbol, (_, price)) in SYMBOLS[..2].iter().enumerate() {
        scene.signals[symbol].entry[0] = 1;
        scene.stop(symbol, Side::Long, 0.95 * price);
    }
    scene
}

type Change = fn(&mut Scene);

/// What can become of bitcoin's order in bar 1, and the reason that is told.
const NO_FILL: [(Change, &str); 3] = [
    (|scene| _ = scene.remove(0, 1), "bar_missing"),
    (|scene| scene.market.symbols[0].volume[1] = 0.0, "no_volume"),
    (|scene| _ = scene.bar(0, 1, [94_000.0; 4]), "open_past_stop"),
];

#[test]
fn an_entry_that_finds_no_fill_has_had_its_part() {
    let heat = AccountCaps { heat: Some((0.06, Ok(0.05))), ..AccountCaps::default() };
    let exposure = AccountCaps { exposure: Some(1.5), ..AccountCaps::default() };
    // Bitcoin comes first and takes 1 of 1.5, 5 of 6 % of heat, 80 of 100 % of the margin; or both
    // take equal parts.
    let cases = [
        (capped(1.0, exposure), "exposure", 0.5, 0.75),
        (capped(1.0, heat), "heat", 0.2, 0.6),
        (fixed(8.0), "venue_margin", 1.995, 4.9975),
    ];
    for (plan, name, in_order, in_part) in cases {
        let shares = [(Simultaneous::FileOrder, in_order), (Simultaneous::ProRata, in_part)];
        for (simultaneous, expected) in shares {
            let mut scene = two_longs();
            scene.settings.simultaneous = simultaneous;
            let filled = replay(&scene, &plan);
            assert_eq!(filled.decisions.len(), 2);
            let ether = of_symbol(&filled, 1);
            assert_eq!(ether.binding_limit, name);
            assert!((ether.leverage - expected).abs() < 2e-3, "{ether:?}");
            for (change, reason) in NO_FILL {
                let mut scene = two_longs();
                scene.settings.simultaneous = simultaneous;
                change(&mut scene);
                assert_eq!(scene.trades().cancelled[0].reason, reason);
                let outcome = replay(&scene, &plan);
                // It sends no order and leaves no decision.
                assert_eq!((outcome.decisions.len(), outcome.trades.len()), (1, 1), "{reason}");
                let same = Decision { trade_idx: 0, ..ether.clone() };
                assert_eq!(outcome.decisions[0], same, "{reason}");
            }
        }
    }
}

#[test]
fn an_entry_that_is_ruled_out_at_its_decision_takes_nothing() {
    let exposure = AccountCaps { exposure: Some(1.5), ..AccountCaps::default() };
    let undefined: [(Change, &str); 2] = [
        (|scene| _ = scene.stop(0, Side::Long, f64::NAN), "stop_undefined"),
        (|scene| scene.signals[0].take_profit_long = vec![f64::NAN; 6], "take_profit_undefined"),
    ];
    for (change, reason) in undefined {
        for next_bar in [|_: &mut Scene| (), NO_FILL[0].0, NO_FILL[1].0, NO_FILL[2].0] {
            let mut scene = two_longs();
            change(&mut scene);
            next_bar(&mut scene);
            // The same whatever the next bar is.
            assert_eq!(scene.trades().cancelled[0].reason, reason);
            let outcome = replay(&scene, &capped(1.0, exposure.clone()));
            assert_eq!(of_symbol(&outcome, 1).leverage, 1.0);
        }
    }
}

/// Bitcoin is held and its exit decided at the close of bar 3, at which ether is entered, and
/// solana at the next.
fn leaving() -> Scene {
    let mut scene = Scene::new(&SYMBOLS, 9);
    scene.signals[0].entry[0] = 1;
    scene.signals[0].exit_long[3] = true;
    scene.signals[1].entry[3] = 1;
    scene.signals[2].entry[4] = 1;
    scene
}

/// What can keep bitcoin's exit from its fill, and the bar and kind of it in the end.
const WAITING: [(Change, usize, TradeExit); 3] = [
    (|scene| _ = scene.remove(0, 4).remove(0, 5), 6, TradeExit::Signal),
    (|scene| scene.market.symbols[0].volume[4..6].fill(0.0), 6, TradeExit::Signal),
    // It never fills: what is held is marked out where the data end.
    (|scene| scene.market.symbols[0].volume[4..].fill(0.0), 8, TradeExit::End),
];

#[test]
fn an_exit_that_waits_for_its_fill_counts_as_made() {
    // Bitcoin takes 1 of an exposure of 1.5 and leaves; ether takes 1 and solana what it leaves.
    let exposure = AccountCaps { exposure: Some(1.5), ..AccountCaps::default() };
    // At 8 of 10, what the exit sets free is what carries ether.
    for (plan, ether, solana) in [(capped(1.0, exposure), 1.0, 0.5), (fixed(8.0), 8.0, 1.999)] {
        let filled = replay(&leaving(), &plan);
        let trade = &leaving().trades().trades[0];
        assert_eq!((trade.exit_decision_bar, trade.exit_bar), (Some(3), 4));
        assert!((of_symbol(&filled, 1).leverage - ether).abs() < 2e-3, "{filled:?}");
        assert!((of_symbol(&filled, 2).leverage - solana).abs() < 2e-3, "{filled:?}");
        for (change, exit_bar, exit) in WAITING {
            let mut scene = leaving();
            change(&mut scene);
            let trade = &scene.trades().trades[0];
            assert_eq!((trade.exit_bar, trade.exit), (exit_bar, exit));
            assert_eq!(trade.exit_decision_bar, Some(3));
            let outcome = replay(&scene, &plan);
            let (one, two) = (of_symbol(&filled, 1), of_symbol(&outcome, 1));
            assert_eq!((&one.limits, one.quantity), (&two.limits, two.quantity));
            // A close later bitcoin is still held, and still counts as gone. Its margin does not
            // carry ether's order any more, so that there the accounts have parted.
            if two.outcome == DecisionOutcome::Filled {
                let (one, two) = (of_symbol(&filled, 2), of_symbol(&outcome, 2));
                assert_eq!((&one.limits, one.quantity), (&two.limits, two.quantity));
            } else {
                assert_eq!((two.reason, ether), ("insufficient_margin", 8.0));
            }
        }
    }
}

#[test]
fn what_is_leaving_is_not_resized() {
    for (change, exit_bar, _) in WAITING {
        let mut scene = leaving();
        change(&mut scene);
        // From bar 3 on the rule would have half of what it had.
        let wish = |bar| if bar < 3 { 1.0 } else { 0.5 };
        let list = scene.trades();
        let outcome = scene.replay_resizing(&list, 0.1, &|_, bar| fixed(wish(bar)));
        let is_resized = |decision: &&Decision| {
            decision.kind == DecisionKind::Resize && decision.symbol_idx == 0
        };
        assert_eq!(outcome.decisions.iter().find(is_resized), None);
        let bitcoin = outcome.trades.iter().find(|trade| trade.symbol_idx == 0).unwrap();
        assert_eq!((bitcoin.exit_bar, bitcoin.resizes), (exit_bar, 0));
        close_to(bitcoin.pnl, 0.0);
    }
}

#[test]
fn a_stop_ends_what_nobody_decided_to_leave() {
    let mut scene = Scene::long_bitcoin(6);
    scene.stop(0, Side::Long, 95_000.0);
    assert_eq!(scene.trades().trades[0].exit_decision_bar, None);
    scene.bar(0, 3, [100_000.0, 100_000.0, 94_000.0, 100_000.0]);
    let trade = &scene.trades().trades[0];
    assert_eq!((trade.exit, trade.exit_decision_bar), (TradeExit::Stop, None));
    // The time limit decides at the close of the last bar that it allows, a reversal at its own.
    let mut scene = Scene::long_bitcoin(6);
    scene.signals[0].bars_max = Some(2);
    assert_eq!(scene.trades().trades[0].exit_decision_bar, Some(2));
    scene.signals[0].bars_max = None;
    scene.signals[0].entry[3] = -1;
    assert_eq!(scene.trades().trades[0].exit_decision_bar, Some(3));
}
