//! Several positions behind one wallet.

use plimsoll_engine::{DecisionOutcome, ExitReason, Intrabar, MarginMode, Simultaneous};

use crate::scene::{Lot, Scene, close_to, rules};

const BITCOIN: usize = 0;
const ETHER: usize = 1;

/// Two bitcoins at 100,000 and fifty ethers at 4,000 on a wallet of 30,000, leverage 20. A
/// liquidation costs 0.05 %.
fn two_longs(n_bars: usize) -> Scene {
    let mut scene = Scene::new(&[("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0)], n_bars);
    let lot = |symbol| Lot { symbol, liquidation_fee: 0.0005, ..Lot::default() };
    scene.rules = rules("binance-usdm", &[lot("BTCUSDT"), lot("ETHUSDT")]);
    scene.settings.margin = MarginMode::Cross;
    scene.settings.leverage = 20.0;
    scene.settings.equity = 30_000.0;
    scene.signals[BITCOIN].entry[0] = 1;
    scene.signals[ETHER].entry[0] = 1;
    scene
}

#[test]
fn the_position_that_needs_most_goes_first_and_the_account_is_tested_again() {
    // At the joint low: 30,000 - 2 * 7,000 - 50 * 300 = 1,000, needed 744 + 740.
    // Bitcoin needs more. With ether at its low it gives out where
    //   30,000 - 15,000 - 740 + 2 (P - 100,000) = 0.008 P, so P = 185,740 / 1.992 = 93,242.97;
    // 0.05 % of 186,486 is the fee; what is left exceeds the 740 of ether, which stays.
    let mut scene = two_longs(5);
    scene.bar(BITCOIN, 2, [100_000.0, 100_000.0, 93_000.0, 97_000.0]);
    scene.bar(ETHER, 2, [4_000.0, 4_000.0, 3_700.0, 3_900.0]);
    let outcome = scene.run(&[200_000.0]);
    let price = 185_740.0 / 1.992;
    assert_eq!(outcome.liquidations.len(), 1);
    let forced = &outcome.liquidations[0];
    assert_eq!(forced.symbol_idx, BITCOIN);
    close_to(forced.mark_price, price);
    close_to(forced.fee, 0.0005 * 2.0 * price);
    let wallet = 30_000.0 + 2.0 * (price - 100_000.0) - 0.001 * price;
    close_to(forced.equity_after, wallet - 15_000.0);
    close_to(outcome.equity_low[2], wallet - 15_000.0);
    close_to(outcome.equity[2], wallet - 50.0 * 100.0);
    // At the closes, 30,000 - 6,000 - 5,000, nobody would have been liquidated.
    assert_eq!(outcome.joint_extreme_bars, 1);
    scene.settings.intrabar = Intrabar::Optimistic;
    let outcome = scene.run(&[200_000.0]);
    assert_eq!((outcome.liquidations.len(), outcome.joint_extreme_bars), (0, 0));
}

#[test]
fn all_is_lost_and_no_more() {
    let mut scene = two_longs(5);
    scene.flat_from(BITCOIN, 2, 85_000.0).flat_from(ETHER, 2, 3_400.0);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations.len(), 2);
    close_to(outcome.equity[2], 0.0);
    let borne: f64 = outcome.liquidations.iter().map(|forced| forced.insurance_delta).sum();
    // 2 * 15,000 + 50 * 600 lost, 30,000 there.
    close_to(borne, -30_000.0);
    assert_eq!(outcome.ruined_at, Some(2));
}

#[test]
fn isolated_positions_fall_alone() {
    // 10,000 of margin each, out of 100,000.
    let mut scene = two_longs(5);
    scene.settings.margin = MarginMode::Isolated;
    scene.settings.equity = 100_000.0;
    scene.flat_from(BITCOIN, 2, 80_000.0).flat_from(ETHER, 2, 4_100.0);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations.len(), 1);
    close_to(outcome.equity[4], 100_000.0 - 10_000.0 + 5_000.0);
}

#[test]
fn funding_of_isolated_positions_is_settled_at_once() {
    // Four bitcoins and a hundred ethers with 40,000 each, 20,000 beside them. Whatever their order
    // in the file, bitcoin then loses all that its margin has left at 80,000.
    let symbols = [("BTCUSDT", 100_000.0), ("ETHUSDT", 4_000.0)];
    for bitcoin in [0, 1] {
        let ether = 1 - bitcoin;
        let run = |ether_side: i8, ether_rate: f64| {
            let in_order = if bitcoin == 0 { symbols } else { [symbols[1], symbols[0]] };
            let mut scene = Scene::new(&in_order, 7);
            scene.signals[bitcoin].entry[0] = 1;
            scene.signals[ether].entry[0] = ether_side;
            scene.funding(bitcoin, 3, 0.06, None).funding(ether, 3, ether_rate, None);
            scene.flat_from(bitcoin, 5, 80_000.0);
            let outcome = scene.run(&[400_000.0]);
            let lost = outcome.trades.iter().find(|trade| trade.symbol_idx == bitcoin).unwrap();
            assert_eq!(lost.exit_reason, ExitReason::Liquidation);
            close_to(lost.funding, 24_000.0);
            lost.pnl
        };
        // What ether, short, receives pays for bitcoin: 20,000 - 24,000 + 24,000.
        close_to(run(-1, 0.06), -24_000.0 - 40_000.0);
        // Both pay, 24,000 and 12,000; of the 16,000 that are lacking bitcoin's margin pays 2 / 3.
        close_to(run(1, 0.03), -24_000.0 - (40_000.0 - 16_000.0 * 2.0 / 3.0));
    }
}

#[test]
fn a_hedge_is_tested_at_its_joint_extreme() {
    // Long bitcoin, short ether: lows and highs of the same bar at once are pessimistic.
    let mut scene = two_longs(5);
    scene.signals[ETHER].entry[0] = -1;
    scene.bar(BITCOIN, 2, [100_000.0, 101_000.0, 93_000.0, 100_000.0]);
    scene.bar(ETHER, 2, [4_000.0, 4_320.0, 3_990.0, 4_000.0]);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.joint_extreme_bars, 1);
    assert_eq!(outcome.liquidations[0].symbol_idx, ETHER);
}

#[test]
fn a_stop_that_saves_the_account_fills_first() {
    // Bitcoin's stop at 97,000 fills at 97,000 - 0.25 * 4,000 = 96,000 with 8,000 lost; then
    // 30,000 - 8,000 - 15,000 carries ether's 740.
    let mut scene = two_longs(5);
    scene.stop(BITCOIN, plimsoll_market::Side::Long, 97_000.0);
    scene.bar(BITCOIN, 2, [100_000.0, 100_000.0, 93_000.0, 97_000.0]);
    scene.bar(ETHER, 2, [4_000.0, 4_000.0, 3_700.0, 3_900.0]);
    let outcome = scene.run(&[200_000.0]);
    assert!(outcome.liquidations.is_empty());
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Stop);
    close_to(outcome.equity_low[2], 7_000.0);
    close_to(outcome.equity[2], 17_000.0);
}

#[test]
fn entries_at_the_same_close_share_the_margin() {
    // Leverage 10, both want eight times the equity, together more than ten.
    for simultaneous in [Simultaneous::FileOrder, Simultaneous::ProRata] {
        for margin in [MarginMode::Cross, MarginMode::Isolated] {
            let mut scene = two_longs(5);
            scene.settings.leverage = 10.0;
            scene.settings.equity = 100_000.0;
            scene.settings.margin = margin;
            scene.settings.simultaneous = simultaneous;
            scene.settings.costs.half_spread_bps = 0.5;
            scene.taker_fee = 0.0005;
            let outcome = scene.run_at_leverage(8.0);
            let [bitcoin, ether] = outcome.decisions.as_slice() else { panic!() };
            assert_eq!(bitcoin.outcome, DecisionOutcome::Filled, "{bitcoin:?}");
            assert_eq!(ether.outcome, DecisionOutcome::Filled, "{ether:?}");
            let leverages = (bitcoin.leverage, ether.leverage);
            match simultaneous {
                Simultaneous::FileOrder => {
                    assert_eq!(
                        (bitcoin.leverage, bitcoin.binding_limit),
                        (8.0, "notional_fraction")
                    );
                    assert_eq!(ether.binding_limit, "venue_margin");
                    assert!((1.85..2.0).contains(&ether.leverage), "{leverages:?}");
                }
                Simultaneous::ProRata => {
                    assert!((bitcoin.leverage - ether.leverage).abs() < 0.01, "{leverages:?}");
                    assert!((4.9..5.0).contains(&bitcoin.leverage), "{leverages:?}");
                }
            }
        }
    }
}

#[test]
fn sharing_leaves_alone_what_fits() {
    let mut scene = two_longs(5);
    scene.settings.equity = 50.0; // A small account wants something too.
    scene.rules = rules(
        "binance-usdm",
        &["BTCUSDT", "ETHUSDT"].map(|symbol| Lot {
            symbol,
            step: 1e-6,
            minimum_notional: 1.0,
            liquidation_fee: 0.0,
        }),
    );
    for simultaneous in [Simultaneous::FileOrder, Simultaneous::ProRata] {
        scene.settings.simultaneous = simultaneous;
        let outcome = scene.run_at_leverage(3.0);
        for decision in &outcome.decisions {
            assert_eq!(decision.binding_limit, "notional_fraction", "{decision:?}");
        }
        assert!((outcome.leverage_max - 6.0).abs() < 0.01);
    }
}
