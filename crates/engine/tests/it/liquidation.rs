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

/// What Binance leaves of a long entered at 100,000, one entry a sub-step: at each mark P the
/// largest quantity r of whole lots with
///   equity - fee P (q - r) >= rate P r - deduction.
/// No case here leaves the bracket.
fn left_by_reductions(
    [mut quantity, mut margin]: [f64; 2],
    [fee, rate, deduction]: [f64; 3],
    marks: &[f64],
) -> Vec<f64> {
    let reduce = |&mark: &f64| {
        let equity = margin + quantity * (mark - 100_000.0);
        let rest = (equity + deduction - fee * mark * quantity) / ((rate - fee) * mark);
        let rest = (rest * 1_000.0).floor() / 1_000.0;
        margin += (quantity - rest) * (mark - 100_000.0 - fee * mark);
        quantity = rest;
        rest
    };
    marks.iter().map(reduce).collect()
}

/// The eight marks at which a reduction is reckoned.
fn sub_steps(trigger: f64, reached: f64) -> Vec<f64> {
    (1..=8).map(|k| trigger + (reached - trigger) * f64::from(k) / 8.0).collect()
}

#[test]
fn a_large_position_is_reduced_and_the_rest_follows_the_trade() {
    // 100 bitcoins at 100,000, leverage 50, margin 200,000, fourth bracket: 1 % less 12,000.
    // 200,000 + 100 P - 10,000,000 = P - 12,000, so P = 9,788,000 / 99 = 98,868.687. The mark
    // falls to 98,800, an eighth of which is 8.586. The first order, at 98,860.101, with r left:
    //   equity 200,000 - 113,989.9, fee 0.1 % of (100 - r) P, need 1 % of r P less 12,000:
    //   86,010.1 - 98.8601 (100 - r) = 988.601 r - 12,000, so r = 88,124.09 / 889.7409 = 99.044.
    let mut scene = Scene::long_bitcoin(6);
    scene.rules = with_fee(0.001);
    scene.settings.leverage = 50.0;
    scene.settings.equity = 1_000_000.0;
    scene.bar(0, 2, [100_000.0, 100_000.0, 98_800.0, 99_500.0]);
    scene.flat_from(0, 3, 101_000.0);
    scene.signals[0].exit_long[3] = true;
    let outcome = scene.run(&[10_000_000.0]);

    let marks = sub_steps(9_788_000.0 / 99.0, 98_800.0);
    let left = left_by_reductions([100.0, 200_000.0], [0.001, 0.01, 12_000.0], &marks);
    assert_eq!(outcome.liquidations.len(), 8);
    close_to(outcome.liquidations[0].quantity_left, 99.044);
    let (mut held, mut pnl, mut value) = (100.0, 0.0, 0.0);
    for ((forced, &mark), &left) in outcome.liquidations.iter().zip(&marks).zip(&left) {
        close_to(forced.mark_price, mark);
        close_to(forced.fill_price, mark);
        close_to(forced.quantity_left, left);
        close_to(forced.fee, 0.001 * mark * (held - left));
        assert_eq!((forced.bar, forced.bracket_tier), (2, 4));
        pnl += (held - left) * (mark - 100_000.0) - forced.fee;
        value += (held - left) * mark;
        held = left;
    }
    assert_eq!(outcome.liquidated_positions().count(), 1);
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_reason, trade.exit_bar), (ExitReason::Signal, 4));
    close_to(trade.pnl, pnl + held * 1_000.0);
    close_to(trade.exit_price, (value + held * 101_000.0) / 100.0);
}

/// 300 bitcoins at 100,000, leverage 20, margin 1,500,000, fifth bracket: 2 % less 132,000; the
/// fee is 1.25 %. 1,500,000 + 300 P - 30,000,000 = 6 P - 132,000, so P = 28,368,000 / 294 =
/// 96,489.8; bankrupt at 95,000.
fn very_long_bitcoin(low: f64, close: f64) -> Scene {
    let mut scene = Scene::long_bitcoin(4);
    scene.settings.leverage = 20.0;
    scene.settings.equity = 2_000_000.0;
    scene.bar(0, 2, [100_000.0, 100_000.0, low, close]);
    scene.flat_from(0, 3, close);
    scene
}

#[test]
fn a_very_large_position_is_reduced_in_steps_and_keeps_something() {
    // The low of 96,000 is 489.8 beyond the liquidation price. First at 96,428.571:
    //   equity 428,571.4, of which 1.25 % of P would leave for each bitcoin closed:
    //   428,571.4 + 132,000 - 1,205.357 * 300 = (0.02 - 0.0125) P r, so r = 198,964.3 / 723.214
    //   = 275.111.
    let outcome = very_long_bitcoin(96_000.0, 96_000.0).run(&[30_000_000.0]);
    let marks = sub_steps(28_368_000.0 / 294.0, 96_000.0);
    let left = left_by_reductions([300.0, 1_500_000.0], [0.0125, 0.02, 132_000.0], &marks);
    close_to(left[0], 275.111);
    let got: Vec<f64> = outcome.liquidations.iter().map(|forced| forced.quantity_left).collect();
    assert_eq!(got.len(), 8);
    got.iter().zip(&left).for_each(|(&got, &left)| close_to(got, left));
    // What is left is compliant: beside 500,000 the account holds its maintenance margin.
    let held = left[7];
    let needed = 0.02 * held * 96_000.0 - 132_000.0;
    assert!(held > 125.0 && needed > 100_000.0, "{held}");
    let kept = outcome.equity[2] - 500_000.0;
    assert!((needed..needed + 2.0).contains(&kept), "{kept}, needed {needed}");
}

#[test]
fn a_lower_low_never_leaves_more() {
    // From above the liquidation price to beyond the bankruptcy price; all closes at or above
    // the lows. A lot of 0.001 more or less is worth a few units of money.
    for close in [96_000.0, 99_500.0] {
        let mut before = f64::INFINITY;
        for step in 0..400 {
            let low = 97_000.0 - 10.0 * f64::from(step);
            let outcome = very_long_bitcoin(low, low.max(close)).run(&[30_000_000.0]);
            let equity = outcome.equity[2];
            assert!(equity <= before + 5.0, "low {low}: {equity} after {before}");
            assert!(equity >= 500_000.0 - 1e-6, "low {low}: {equity}");
            before = equity;
        }
        close_to(before, 500_000.0);
    }
}

#[test]
fn touching_costs_a_large_position_next_to_nothing() {
    // At the liquidation price itself one lot less is compliant.
    let trigger = 28_368_000.0 / 294.0;
    let outcome = very_long_bitcoin(trigger, 97_000.0).run(&[30_000_000.0]);
    assert_eq!(outcome.liquidations.len(), 1);
    close_to(outcome.liquidations[0].quantity, 0.001);
}

#[test]
fn a_gap_is_reduced_once_at_the_open() {
    // The open at 96,400 is the only mark: equity 420,000, so
    // r = (420,000 + 132,000 - 1,205 * 300) / 723 = 263.485.
    let mut scene = very_long_bitcoin(96_400.0, 96_400.0);
    scene.flat_from(0, 2, 96_400.0);
    let outcome = scene.run(&[30_000_000.0]);
    assert_eq!(outcome.liquidations.len(), 1);
    close_to(outcome.liquidations[0].mark_price, 96_400.0);
    close_to(outcome.liquidations[0].quantity_left, 263.485);
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
    // The first of eight sub-steps from 96,202.53 to 96,000: 96,177.22.
    let first = sub_steps(190_000.0 / 1.975, 96_000.0)[0];
    close_to(forced.mark_price, first);
    close_to(forced.quantity, 0.4);
    close_to(forced.quantity_left, 1.6);
    close_to(forced.fee, 0.0);
    // The rest is worth 10,000 - 1,529.11 - 1.6 * 4,000 = 2,071 at 96,000 and needs 1,920.
    let realised = 0.4 * (first - 100_000.0);
    close_to(outcome.equity[2], 100_000.0 + realised - 1.6 * 3_000.0);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Signal);
    close_to(outcome.equity[5], 100_000.0 + realised - 1.6 * 2_000.0);
}

#[test]
fn hyperliquid_sells_a_fifth_again_in_a_later_bar() {
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 96_000.0, 97_000.0]);
    // 1.6 left on 10,000 - 1,529.11: P = (160,000 - 8,470.89) / (1.6 * 0.9875) = 95,904.5.
    scene.bar(0, 3, [97_000.0, 97_000.0, 95_890.0, 97_000.0]);
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations.len(), 2);
    close_to(outcome.liquidations[1].quantity, 0.32);
    let first = sub_steps(190_000.0 / 1.975, 96_000.0)[0];
    let margin = 10_000.0 + 0.4 * (first - 100_000.0);
    let trigger = (160_000.0 - margin) / (1.6 * 0.9875);
    close_to(outcome.liquidations[1].mark_price, sub_steps(trigger, 95_890.0)[0]);
}

#[test]
fn hyperliquid_sells_the_rest_where_a_fifth_was_not_enough() {
    // Sub-steps of 150.32 to 95,000. After a fifth at 96,052.22 the margin is 8,420.89; at
    // 95,901.90 the rest is worth 8,420.89 - 1.6 * 4,098.10 = 1,863.9 and needs 1,918.0.
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 95_000.0, 97_000.0]);
    let outcome = scene.run(&[200_000.0]);
    let marks = sub_steps(190_000.0 / 1.975, 95_000.0);
    let [_, rest] = outcome.liquidations.as_slice() else { panic!() };
    close_to(rest.mark_price, marks[1]);
    close_to(rest.quantity, 1.6);
    close_to(rest.fee, 0.0);
    let trade = &outcome.trades[0];
    assert_eq!(trade.exit_reason, ExitReason::Liquidation);
    close_to(trade.pnl, 0.4 * (marks[0] - 100_000.0) + 1.6 * (marks[1] - 100_000.0));
}

#[test]
fn hyperliquids_vault_keeps_the_margin_of_what_it_takes() {
    // Sub-steps of 400.32 to 93,000. At 95,802.22 there are 1,604.4 for 2,395.1, just above two
    // thirds: a fifth is sold. At 95,401.90 the rest is worth 8,320.89 - 1.6 * 4,598.10 = 963.9,
    // below two thirds of 1,908.
    let mut scene = on_hyperliquid();
    scene.bar(0, 2, [100_000.0, 100_000.0, 93_000.0, 97_000.0]);
    let outcome = scene.run(&[200_000.0]);
    let marks = sub_steps(190_000.0 / 1.975, 93_000.0);
    let [_, vault] = outcome.liquidations.as_slice() else { panic!() };
    close_to(vault.mark_price, marks[1]);
    close_to(vault.quantity, 1.6);
    close_to(vault.fee, 10_000.0 - 0.4 * (100_000.0 - marks[0]) - 1.6 * (100_000.0 - marks[1]));
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
