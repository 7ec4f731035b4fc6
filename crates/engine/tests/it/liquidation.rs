//! Forced closes of one position, with the brackets of 2025-10-10: bitcoin up to 300,000 of
//! notional 0.4 %, above 3,000,000 1 % less 12,000.

use plimsoll_engine::{Cause, DecisionOutcome, ExitReason, Intrabar, MarginMode};
use plimsoll_market::Side;

use crate::scene::{Lot, Scene, close_to, rules};

fn with_fee(liquidation_fee: f64) -> &'static plimsoll_venue::VenueRules {
    rules("binance-usdm", &[Lot { liquidation_fee, ..Lot::default() }])
}

#[test]
fn isolated_positions_at_ten_times() {
    // Two bitcoins at 100,000 on a margin of 20,000.
    // Long: 20,000 + 2 (P - 100,000) = 0.004 * 2 P, so P = 180,000 / 1.992.
    // Short: 20,000 - 2 (P - 100,000) = 0.004 * 2 P, so P = 220,000 / 2.008.
    // At that price 0.4 % of the notional is left, and the fee takes what there is of it.
    for (side, liquidation_price, fee_rate) in [
        (Side::Long, 180_000.0 / 1.992, 0.0125),
        (Side::Long, 180_000.0 / 1.992, 0.001),
        (Side::Short, 220_000.0 / 2.008, 0.0125),
        (Side::Short, 220_000.0 / 2.008, 0.003),
    ] {
        let mut scene = Scene::long_bitcoin(5);
        scene.rules = with_fee(fee_rate);
        scene.signals[0].entry[0] = side.sign() as i8;
        let sign = side.sign();
        let (worse, close) = (100_000.0 - sign * 10_500.0, 100_000.0 - sign * 5_000.0);
        scene.bar(0, 2, [100_000.0, worse.max(100_000.0), worse.min(100_000.0), close]);
        scene.flat_from(0, 3, close);
        let outcome = scene.run(&[200_000.0]);

        let notional = 2.0 * liquidation_price;
        let left = 0.004 * notional;
        let fee = (fee_rate * notional).min(left);
        let forced = &outcome.liquidations[0];
        close_to(forced.mark_price, liquidation_price);
        close_to(forced.fill_price, liquidation_price);
        close_to(forced.bankruptcy_price, 100_000.0 - sign * 10_000.0);
        close_to(forced.mark_extreme, worse);
        close_to(forced.fee, fee);
        close_to(forced.insurance_delta, fee);
        assert_eq!((forced.bar, forced.quantity, forced.quantity_left), (2, 2.0, 0.0));
        assert_eq!((forced.bracket_tier, forced.maintenance_margin_rate), (1, 0.004));

        let trade = &outcome.trades[0];
        assert_eq!((trade.exit_reason, trade.exit_bar), (ExitReason::Liquidation, 2));
        close_to(trade.liquidation_price.unwrap(), liquidation_price);
        close_to(trade.pnl, -(20_000.0 - left + fee));
        close_to(outcome.equity[4], 80_000.0 + left - fee);
        close_to(outcome.equity_low[2], outcome.equity[2]);
        assert_eq!(outcome.ruined_at, None);
    }
}

#[test]
fn cross_margin_puts_the_whole_account_behind_the_position() {
    // A wallet of 30,000: P = (200,000 - 30,000) / 1.992; the fee of 1.25 % exceeds the 0.4 %
    // that is left, so nothing remains.
    let mut scene = Scene::long_bitcoin(5);
    scene.settings.margin = MarginMode::Cross;
    scene.settings.equity = 30_000.0;
    scene.bar(0, 2, [100_000.0, 100_000.0, 90_000.0, 90_000.0]);
    scene.bar(0, 3, [90_000.0, 90_000.0, 85_000.0, 88_000.0]);
    let outcome = scene.run(&[200_000.0]);
    close_to(outcome.equity[2], 10_000.0);
    close_to(outcome.liquidations[0].mark_price, 170_000.0 / 1.992);
    assert_eq!(outcome.liquidations[0].bar, 3);
    close_to(outcome.equity[3], 0.0);
    assert_eq!(outcome.ruined_at, Some(3));
}

#[test]
fn touching_the_liquidation_price_is_enough() {
    for (offset, is_liquidated) in [(0.0, true), (0.01, false)] {
        let mut scene = Scene::long_bitcoin(4);
        let low = 180_000.0 / 1.992 + offset;
        scene.bar(0, 2, [100_000.0, 100_000.0, low, 99_000.0]);
        assert_eq!(scene.run(&[200_000.0]).liquidations.len(), usize::from(is_liquidated));
    }
}

#[test]
fn a_gap_beyond_bankruptcy_costs_the_margin_and_the_fund_the_rest() {
    // The mark opens at 85,000: 2 * 5,000 beyond the bankruptcy price of 90,000.
    let mut scene = Scene::long_bitcoin(4);
    scene.flat_from(0, 2, 85_000.0);
    let outcome = scene.run(&[200_000.0]);
    let forced = &outcome.liquidations[0];
    close_to(forced.mark_price, 85_000.0);
    close_to(forced.fill_price, 90_000.0);
    close_to(forced.insurance_delta, -10_000.0);
    close_to(forced.fee, 0.0);
    close_to(outcome.trades[0].pnl, -20_000.0);
    close_to(outcome.equity[3], 80_000.0);
}

#[test]
fn stop_or_liquidation() {
    // Liquidation price 90,361.45, bankruptcy 90,000. Open 99,000 in bar 2.
    struct Case {
        stop: f64,
        last_low: f64,
        mark_low: f64,
        reason: ExitReason,
        exit: f64,
    }
    let liquidation = 180_000.0 / 1.992;
    for case in [
        // Nearer than the liquidation price: 95,000 and a quarter of the way to 89,000.
        Case {
            stop: 95_000.0,
            last_low: 89_000.0,
            mark_low: 90_000.0,
            reason: ExitReason::Stop,
            exit: 93_500.0,
        },
        // Farther: the venue is first.
        Case {
            stop: 90_200.0,
            last_low: 89_000.0,
            mark_low: 90_000.0,
            reason: ExitReason::Liquidation,
            exit: liquidation,
        },
        // Nearer, but it would fill at 88,250, beyond a price that the mark has reached.
        Case {
            stop: 91_000.0,
            last_low: 80_000.0,
            mark_low: 90_000.0,
            reason: ExitReason::Liquidation,
            exit: liquidation,
        },
        // The same while the mark stayed above: 2 * 11,750 is more than the margin of 20,000.
        Case {
            stop: 91_000.0,
            last_low: 80_000.0,
            mark_low: 91_500.0,
            reason: ExitReason::Stop,
            exit: 90_000.0,
        },
        // The mark reaches it, the last price does not reach the stop.
        Case {
            stop: 91_000.0,
            last_low: 92_000.0,
            mark_low: 90_000.0,
            reason: ExitReason::Liquidation,
            exit: liquidation,
        },
        // A wick of the last price alone liquidates nobody.
        Case {
            stop: 50_000.0,
            last_low: 60_000.0,
            mark_low: 95_000.0,
            reason: ExitReason::End,
            exit: 99_000.0,
        },
    ] {
        let mut scene = Scene::long_bitcoin(4);
        scene.stop(0, Side::Long, case.stop);
        scene.last(0, 2, [99_000.0, 99_000.0, case.last_low, 99_000.0]);
        scene.mark(0, 2, [99_000.0, 99_000.0, case.mark_low, 99_000.0]);
        scene.flat_from(0, 3, 99_000.0);
        let outcome = scene.run(&[200_000.0]);
        let trade = &outcome.trades[0];
        assert_eq!(trade.exit_reason, case.reason, "stop {}", case.stop);
        close_to(trade.exit_price, case.exit);
        assert!(trade.pnl >= -20_000.0 - 1e-6);
        assert_eq!(outcome.capped_fills, usize::from(case.exit == 90_000.0));
    }
}

#[test]
fn a_gap_through_both_is_a_liquidation() {
    let mut scene = Scene::long_bitcoin(4);
    scene.stop(0, Side::Long, 95_000.0).flat_from(0, 2, 90_100.0);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    close_to(outcome.liquidations[0].mark_price, 90_100.0);
    // Between both, the stop fills at the open.
    scene.flat_from(0, 2, 92_000.0);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Stop);
    close_to(outcome.trades[0].exit_price, 92_000.0);
}

#[test]
fn liquidation_comes_before_take_profit() {
    let mut scene = Scene::long_bitcoin(4);
    scene.signals[0].take_profit_long = vec![105_000.0; 4];
    scene.bar(0, 2, [100_000.0, 106_000.0, 90_000.0, 100_000.0]);
    for intrabar in [Intrabar::Pessimistic, Intrabar::Optimistic] {
        scene.settings.intrabar = intrabar;
        let outcome = scene.run(&[200_000.0]);
        assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    }
    // Short of the liquidation price, the low is seen before the profit is taken.
    scene.bar(0, 2, [100_000.0, 106_000.0, 92_000.0, 100_000.0]);
    scene.settings.intrabar = Intrabar::Pessimistic;
    let outcome = scene.run(&[20_000.0]);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::TakeProfit);
    close_to(outcome.equity_low[2], 100_000.0 - 0.2 * 8_000.0);
    close_to(outcome.equity[2], 100_000.0 + 0.2 * 5_000.0);
}

#[test]
fn a_large_position_is_reduced_and_the_rest_follows_the_trade() {
    // 100 bitcoins at 100,000, leverage 50, margin 200,000, fourth bracket: 1 % less 12,000.
    // 200,000 + 100 P - 10,000,000 = P - 12,000, so P = 9,788,000 / 99 = 98,868.69, where one lot
    // of 0.001 is closed. Then the mark stands at 98,800: with q left,
    //   equity 200,000 - 120,000, fee 0.1 % of (100 - q) 98,800, need 988 q - 12,000:
    //   80,000 - 98.8 (100 - q) = 988 q - 12,000, so q = 82,120 / 889.2 = 92.353...
    // (the first lot shifts the fourth digit).
    let mut scene = Scene::long_bitcoin(6);
    scene.rules = with_fee(0.001);
    scene.settings.leverage = 50.0;
    scene.settings.equity = 1_000_000.0;
    scene.bar(0, 2, [100_000.0, 100_000.0, 98_800.0, 99_500.0]);
    scene.flat_from(0, 3, 101_000.0);
    scene.signals[0].exit_long[3] = true;
    let outcome = scene.run(&[10_000_000.0]);

    let [first, second] = outcome.liquidations.as_slice() else {
        panic!("{:?}", outcome.liquidations)
    };
    close_to(first.mark_price, 9_788_000.0 / 99.0);
    close_to(first.quantity_left, 99.999);
    assert_eq!(first.bracket_tier, 4);
    close_to(second.mark_price, 98_800.0);
    assert!((second.quantity_left - 82_120.0 / 889.2).abs() < 0.002, "{second:?}");
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_reason, trade.exit_bar), (ExitReason::Signal, 4));
    let q = second.quantity_left;
    let closed = second.quantity;
    let pnl = first.quantity * (first.mark_price - 100_000.0) - closed * 1_200.0 + q * 1_000.0
        - 0.001 * (first.quantity * first.mark_price + closed * 98_800.0);
    close_to(trade.pnl, pnl);
    close_to(
        trade.exit_price,
        (first.quantity * first.mark_price + closed * 98_800.0 + q * 101_000.0) / 100.0,
    );
}

fn on_hyperliquid() -> Scene {
    // Two bitcoins at 100,000, leverage 20, margin 10,000; 1.25 %:
    // 10,000 + 2 P - 200,000 = 0.025 P, so P = 190,000 / 1.975 = 96,202.53.
    let mut scene = Scene::new(&[("BTC", 100_000.0)], 6);
    scene.rules = rules("hyperliquid", &[]);
    scene.settings.leverage = 20.0;
    scene.signals[0].entry[0] = 1;
    scene.signals[0].exit_long[4] = true;
    scene
}

#[test]
fn hyperliquid_sells_a_fifth_first() {
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 96_000.0, 97_000.0]);
    scene.flat_from(0, 3, 98_000.0);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations.len(), 1);
    let forced = &outcome.liquidations[0];
    close_to(forced.mark_price, 190_000.0 / 1.975);
    close_to(forced.quantity, 0.4);
    close_to(forced.quantity_left, 1.6);
    close_to(forced.fee, 0.0);
    // The rest is worth 10,000 - 1,518.99 - 1.6 * 4,000 = 2,081 at 96,000 and needs 1,920.
    let realised = 0.4 * (190_000.0 / 1.975 - 100_000.0);
    close_to(outcome.equity[2], 100_000.0 + realised - 1.6 * 3_000.0);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Signal);
    close_to(outcome.equity[5], 100_000.0 + realised - 1.6 * 2_000.0);
}

#[test]
fn hyperliquid_sells_a_fifth_again_in_a_later_bar() {
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 96_000.0, 97_000.0]);
    // 1.6 left on 10,000 - 1,518.99: P = (160,000 - 8,481.01) / (1.6 * 0.9875) = 95,897.9.
    scene.bar(0, 3, [97_000.0, 97_000.0, 95_890.0, 97_000.0]);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations.len(), 2);
    close_to(outcome.liquidations[1].quantity, 0.32);
    let margin = 10_000.0 + 0.4 * (190_000.0 / 1.975 - 100_000.0);
    close_to(outcome.liquidations[1].mark_price, (160_000.0 - margin) / (1.6 * 0.9875));
}

#[test]
fn hyperliquids_vault_keeps_the_margin_of_what_it_takes() {
    // At 95,000 the rest is worth 10,000 - 1,518.99 - 8,000 = 481, below two thirds of 1,900.
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 95_000.0, 97_000.0]);
    let outcome = scene.run(&[200_000.0]);
    let [_, vault] = outcome.liquidations.as_slice() else { panic!() };
    close_to(vault.mark_price, 95_000.0);
    close_to(vault.quantity, 1.6);
    close_to(vault.fee, 2_000.0 - 0.4 * (100_000.0 - 190_000.0 / 1.975));
    close_to(outcome.trades[0].pnl, -10_000.0);
    assert!(outcome.ledger.iter().any(|row| row.cause == Cause::BackstopForfeit));
    // A gap beyond bankruptcy: the vault bears what the margin does not.
    let mut scene = on_hyperliquid();
    scene.flat_from(0, 2, 94_000.0);
    let outcome = scene.run(&[200_000.0]);
    close_to(outcome.trades[0].pnl, -10_000.0);
    close_to(outcome.liquidations[0].fill_price, 95_000.0);
    close_to(outcome.liquidations[0].insurance_delta, -2_000.0);
}

#[test]
fn an_endless_top_bracket_is_no_limit() {
    let outcome = on_hyperliquid().run(&[200_000.0]);
    let decision = &outcome.decisions[0];
    assert_eq!(decision.outcome, DecisionOutcome::Filled);
    assert!(decision.limits.iter().all(|limit| limit.name != "venue_leverage"));
}

#[test]
fn ruin_is_final() {
    let mut scene = Scene::long_bitcoin(8);
    scene.settings.margin = MarginMode::Cross;
    scene.flat_from(0, 2, 80_000.0);
    scene.signals[0].entry[3] = 1;
    scene.signals[0].entry[5] = -1;
    let outcome = scene.run(&[900_000.0]);
    assert_eq!(outcome.ruined_at, Some(2));
    assert_eq!((outcome.trades.len(), outcome.decisions.len()), (1, 1));
    assert!(outcome.equity[2..].iter().all(|&equity| equity.abs() < 1e-6));
    // In the last bar of the period as well.
    let mut scene = Scene::long_bitcoin(3);
    scene.settings.margin = MarginMode::Cross;
    scene.flat_from(0, 2, 80_000.0);
    assert_eq!(scene.run(&[900_000.0]).ruined_at, Some(2));
}

#[test]
fn a_missing_mark_is_flagged() {
    let mut scene = Scene::long_bitcoin(5);
    scene.mark(0, 2, [f64::NAN; 4]);
    scene.last(0, 2, [100_000.0, 100_000.0, 90_000.0, 95_000.0]);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.mark_fallback_bars, 1);
    assert!(outcome.liquidations[0].mark_is_last);
}

#[test]
fn a_bar_without_volume_fills_nothing_but_can_liquidate() {
    let mut scene = Scene::long_bitcoin(5);
    scene.stop(0, Side::Long, 95_000.0);
    scene.bar(0, 2, [100_000.0, 100_000.0, 89_000.0, 99_000.0]);
    scene.market.symbols[0].volume[2] = 0.0;
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    // Where the mark stands still, nothing happens: the stop finds nobody to trade with.
    scene.mark(0, 2, [100_000.0; 4]);
    assert_eq!(scene.run(&[50_000.0]).trades[0].exit_reason, ExitReason::End);
}
