//! Forced closes at venues that go down their brackets and take the rest over at the bankruptcy
//! price: Bybit by notional, OKX by quantity with the closing fee in the requirement.
//!
//! Bybit, bitcoin: 0.5 % up to 2,000,000; 0.56 % less 1,200 up to 2,600,000; 0.63 % less 3,020 up to
//! 3,200,000; the taker fee is 0.055 %. OKX, bitcoin: 0.4 % up to 10 coins, 0.5 % up to 50, 0.75 %
//! up to 200, 1.25 % up to 400, each of the whole position; the taker fee is 0.05 %.

use plimsoll_engine::{Cause, ExitReason, LiquidationRecord, MarginMode, Outcome, Prepared};
use plimsoll_market::Side;
use plimsoll_venue::VenueError;

use crate::scene::{Scene, close_to, rules};

/// Bitcoin at 100,000 at Bybit, bought at the open of bar 1.
fn at_bybit(n_bars: usize, leverage: f64) -> Scene {
    let mut scene = Scene::long_bitcoin(n_bars);
    scene.rules = rules("bybit-linear", &[]);
    scene.settings.leverage = leverage;
    scene
}

/// The same at OKX.
fn at_okx(n_bars: usize, leverage: f64) -> Scene {
    let mut scene = Scene::new(&[("BTC-USDT-SWAP", 100_000.0)], n_bars);
    scene.signals[0].entry[0] = 1;
    scene.rules = rules("okx-swap", &[]);
    scene.settings.leverage = leverage;
    scene
}

fn booked(outcome: &Outcome, cause: Cause) -> f64 {
    outcome.ledger.iter().filter(|row| row.cause == cause).map(|row| row.amount).sum()
}

/// A record's mark, quantity, quantity left, fee and gain of the fund.
fn check(forced: &LiquidationRecord, expected: [f64; 5]) {
    let got = [
        forced.mark_price,
        forced.quantity,
        forced.quantity_left,
        forced.fee,
        forced.insurance_delta,
    ];
    got.iter().zip(expected).for_each(|(&got, expected)| close_to(got, expected));
}

#[test]
fn the_lowest_bracket_is_taken_over_with_all_of_the_margin() {
    // Two bitcoins on a margin of 20,000, side s: 20,000 + 2 s (P - 100,000) = rate * 2 P, so that
    // P = (100,000 - s 10,000) / (1 - s rate). What is left there, rate * 2 P, the fund keeps.
    for (mut scene, rate) in [(at_bybit(5, 10.0), 0.005), (at_okx(5, 10.0), 0.004 + 0.0005)] {
        for side in [Side::Long, Side::Short] {
            let sign = side.sign();
            scene.signals[0].entry[0] = sign as i8;
            let (worse, close) = (100_000.0 - sign * 9_900.0, 100_000.0 - sign * 5_000.0);
            scene.bar(0, 2, [100_000.0, worse.max(100_000.0), worse.min(100_000.0), close]);
            scene.flat_from(0, 3, close);
            let outcome = scene.run(&[200_000.0]);

            let mark = (100_000.0 - sign * 10_000.0) / (1.0 - sign * rate);
            let left = rate * 2.0 * mark;
            let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
            check(forced, [mark, 2.0, 0.0, left, left]);
            close_to(forced.fill_price, mark);
            close_to(forced.bankruptcy_price, 100_000.0 - sign * 10_000.0);
            close_to(forced.equity_after, 80_000.0);
            let trade = &outcome.trades[0];
            assert_eq!(trade.exit_reason, ExitReason::Liquidation);
            close_to(trade.liquidation_price.unwrap(), mark);
            close_to(trade.pnl, -20_000.0);
            close_to(trade.fees, left);
            close_to(trade.slippage, 0.0);
            close_to(booked(&outcome, Cause::BackstopForfeit), -left);
            close_to(outcome.equity[4], 80_000.0);
        }
    }
}

#[test]
fn what_closing_costs_is_the_funds_affair() {
    // A half spread of 10 bps: the entry is at 100,100, so that the margin is 20,020 and
    //   20,020 + 2 (P - 100,100) = 0.01 P, P = 180,180 / 1.99.
    // The fund sells at 0.999 P and keeps 0.01 P - 0.002 P; the account loses its margin as before.
    let mut scene = at_bybit(4, 10.0);
    scene.settings.costs.half_spread_bps = 10.0;
    scene.bar(0, 2, [100_000.0, 100_000.0, 90_000.0, 90_000.0]);
    let outcome = scene.run(&[200_000.0]);
    let mark = 180_180.0 / 1.99;
    check(&outcome.liquidations[0], [mark, 2.0, 0.0, 0.01 * mark, 0.008 * mark]);
    close_to(outcome.trades[0].pnl, -20_020.0);
}

/// 30 bitcoins at Bybit on a margin of 60,000, in the third bracket.
fn thirty_at_bybit(low: f64) -> Scene {
    let mut scene = at_bybit(6, 50.0);
    scene.bar(0, 2, [100_000.0, 100_000.0, low, 99_000.0]);
    scene.flat_from(0, 3, 99_000.0);
    scene.signals[0].exit_long[3] = true;
    scene
}

/// Where a long of `quantity` from 100,000 with `margin` meets `rate` less `deduction`.
fn trigger(quantity: f64, margin: f64, rate: f64, deduction: f64) -> f64 {
    (quantity * 100_000.0 - margin - deduction) / (quantity * (1.0 - rate))
}

#[test]
fn bybit_goes_down_a_bracket_and_the_rest_follows_the_trade() {
    // 60,000 + 30 (P - 100,000) = 0.0063 * 30 P - 3,020, so P = 2,936,980 / 29.811 = 98,520.01.
    // 2,600,000 / P = 26.3906: 26.390 are kept, 3.610 closed at a loss of 1,479.99 each and a fee of
    // 0.00055 * 3.61 P = 195.61. 15,404.1 are left for 0.0056 * 26.39 P - 1,200 = 13,359.6.
    let first = 2_936_980.0 / 29.811;
    close_to(first, trigger(30.0, 60_000.0, 0.0063, 3_020.0));
    let fee = 0.00055 * 3.61 * first;
    let outcome = thirty_at_bybit(98_460.0).run(&[3_000_000.0]);
    let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(forced, [first, 3.61, 26.39, fee, 0.0]);
    close_to(forced.fill_price, first);
    assert_eq!((forced.bracket_tier, forced.bracket_leverage_max), (3, 80.0));
    let realised = 3.61 * (first - 100_000.0) - fee;
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_reason, trade.exit_bar), (ExitReason::Signal, 4));
    close_to(trade.pnl, realised - 26.39 * 1_000.0);
    close_to(booked(&outcome, Cause::LiquidationFee), -fee);
    close_to(booked(&outcome, Cause::BackstopForfeit), 0.0);
}

#[test]
fn bybit_tests_again_and_takes_the_lowest_bracket_over() {
    // As before; then 26.39 on 60,000 + realised give out at the next price, and 2,000,000 of it are
    // kept; then those, in the lowest bracket.
    let first = trigger(30.0, 60_000.0, 0.0063, 3_020.0);
    let margin = 60_000.0 + 3.61 * (first - 100_000.0) - 0.00055 * 3.61 * first;
    let second = trigger(26.39, margin, 0.0056, 1_200.0);
    let kept = (2e6 / second * 1_000.0).floor() / 1_000.0;
    assert!(second < first && second > 98_400.0 && kept > 20.3, "{second} {kept}");
    let closed = 26.39 - kept;
    let fee = 0.00055 * closed * second;
    let margin = margin + closed * (second - 100_000.0) - fee;
    let third = trigger(kept, margin, 0.005, 0.0);
    // The margin left at the second step suffices until 0.5 % is reached.
    assert!(third < second && third > 97_000.0, "{third}");

    let outcome = thirty_at_bybit(97_000.0).run(&[3_000_000.0]);
    let [_, two, three] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(two, [second, closed, kept, fee, 0.0]);
    let left = 0.005 * kept * third;
    check(three, [third, kept, 0.0, left, left]);
    close_to(three.bankruptcy_price, third - left / kept);
    close_to(outcome.trades[0].pnl, -60_000.0);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    assert_eq!(outcome.liquidated_positions().count(), 1);

    // Between the last two prices the rest survives.
    let outcome = thirty_at_bybit(f64::midpoint(second, third)).run(&[3_000_000.0]);
    assert_eq!(outcome.liquidations.len(), 2);
    close_to(outcome.liquidations[1].quantity_left, kept);
}

#[test]
fn bybit_goes_all_the_way_down_at_an_open() {
    // At 98,300 the 60,000 are worth 9,000. 26.449 are kept, 3.551 closed with a fee of 191.98:
    // 8,808.02 for 13,359.6. 20.345 are kept, 6.104 closed with 330.01: 8,478.01 for 9,999.6. The
    // rest is taken over with them.
    let mut scene = thirty_at_bybit(98_300.0);
    scene.flat_from(0, 2, 98_300.0);
    let outcome = scene.run(&[3_000_000.0]);
    let [one, two, three] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    let fees = [0.00055 * 3.551 * 98_300.0, 0.00055 * 6.104 * 98_300.0];
    check(one, [98_300.0, 3.551, 26.449, fees[0], 0.0]);
    check(two, [98_300.0, 6.104, 20.345, fees[1], 0.0]);
    let left = 9_000.0 - fees[0] - fees[1];
    check(three, [98_300.0, 20.345, 0.0, left, left]);
    close_to(three.bankruptcy_price, 98_300.0 - left / 20.345);
    close_to(outcome.trades[0].pnl, -60_000.0);
    close_to(outcome.equity[2], 40_000.0);
}

#[test]
fn a_gap_beyond_bankruptcy_is_taken_over_whole() {
    // Bybit: bankrupt at 98,000, opens at 97,000: 30 * 1,000 are the fund's loss. OKX: 300 on
    // 1,500,000, bankrupt at 95,000, opens at 94,000.
    let okx = Scene { settings: rich(20.0), ..at_okx(4, 20.0) };
    for (mut scene, notional, open, bankrupt, own) in [
        (at_bybit(4, 50.0), 3e6, 97_000.0, 98_000.0, 60_000.0),
        (okx, 3e7, 94_000.0, 95_000.0, 1_500_000.0),
    ] {
        scene.flat_from(0, 2, open);
        let outcome = scene.run(&[notional]);
        let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
        let quantity = notional / 100_000.0;
        check(forced, [open, quantity, 0.0, 0.0, -1_000.0 * quantity]);
        close_to(forced.fill_price, bankrupt);
        close_to(forced.bankruptcy_price, bankrupt);
        close_to(outcome.trades[0].pnl, -own);
        close_to(booked(&outcome, Cause::BackstopForfeit), 0.0);
    }
}

/// An isolated account of 2,000,000.
fn rich(leverage: f64) -> plimsoll_engine::Settings {
    let settings = Scene::long_bitcoin(1).settings;
    plimsoll_engine::Settings { equity: 2e6, leverage, ..settings }
}

#[test]
fn okx_goes_two_tiers_down_and_then_takes_over() {
    // 300 bitcoins on 1,500,000, fourth tier: 1,500,000 + 300 (P - 100,000) = 0.013 * 300 P, so
    // P = 28,500,000 / 296.1 = 96,251.27. Two tiers down are 50; 250 closed lose 3,748.73 each, and
    // 0.0005 * 250 P = 12,031.4 of fee.
    let mut scene = Scene { settings: rich(20.0), ..at_okx(5, 20.0) };
    scene.bar(0, 2, [100_000.0, 100_000.0, 90_000.0, 92_000.0]);
    scene.flat_from(0, 3, 92_000.0);
    let outcome = scene.run(&[3e7]);
    let first = 28_500_000.0 / 296.1;
    let fee = 0.0005 * 250.0 * first;
    let [one] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(one, [first, 250.0, 50.0, fee, 0.0]);
    assert_eq!((one.bracket_tier, one.maintenance_margin_rate), (4, 0.0125));
    let realised = 250.0 * (first - 100_000.0) - fee;
    close_to(outcome.equity[4], 2e6 + realised - 50.0 * 8_000.0);

    // 50 on what is left give out at 0.55 %, in the second tier: taken over.
    let margin = 1.5e6 + realised;
    let second = (5e6 - margin) / (50.0 * (1.0 - 0.0055));
    assert!(second > 89_000.0 && second < 90_000.0, "{second}");
    scene.bar(0, 2, [100_000.0, 100_000.0, 89_000.0, 92_000.0]);
    let outcome = scene.run(&[3e7]);
    let [_, two] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    let left = 0.0055 * 50.0 * second;
    check(two, [second, 50.0, 0.0, left, left]);
    close_to(outcome.trades[0].pnl, -1.5e6);
    close_to(outcome.equity[4], 5e5);
}

#[test]
fn okx_takes_over_where_the_first_tier_is_not_covered() {
    // The open at 95,100 leaves 30,000, and 0.45 % of 28,530,000 are 128,385.
    let mut scene = Scene { settings: rich(20.0), ..at_okx(4, 20.0) };
    scene.flat_from(0, 2, 95_100.0);
    let outcome = scene.run(&[3e7]);
    let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(forced, [95_100.0, 300.0, 0.0, 30_000.0, 30_000.0]);
    close_to(forced.bankruptcy_price, 95_000.0);
    // At 95,500 it leaves 150,000 for 128,925: 250 go to the market.
    scene.flat_from(0, 2, 95_500.0);
    let outcome = scene.run(&[3e7]);
    let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(forced, [95_500.0, 250.0, 50.0, 0.0005 * 250.0 * 95_500.0, 0.0]);
}

/// 5 bitcoins from 100,000 and 100 ethers from 4,000 in one wallet of 100,000 at OKX.
fn two_at_okx() -> Scene {
    let symbols = [("BTC-USDT-SWAP", 100_000.0), ("ETH-USDT-SWAP", 4_000.0)];
    let mut scene = Scene::new(&symbols, 4);
    scene.rules = rules("okx-swap", &[]);
    scene.settings.margin = MarginMode::Cross;
    scene.signals[0].entry[0] = 1;
    scene.signals[1].entry[0] = 1;
    scene
}

#[test]
fn a_cross_account_goes_by_shares_of_the_requirement() {
    // Both in the lowest tier: 0.45 %. With ether at its low of 3,500 there are 50,000, of which it
    // needs 1,575: 48,425 + 5 (P - 100,000) = 0.0225 P, so P = 451,575 / 4.9775 = 90,723.25, where
    // bitcoin needs 2,041.27. Each is taken over with what it needs, ether at its low.
    let mut scene = two_at_okx();
    scene.bar(0, 2, [100_000.0, 100_000.0, 90_000.0, 95_000.0]);
    scene.bar(1, 2, [4_000.0, 4_000.0, 3_500.0, 3_800.0]);
    let outcome = scene.run(&[500_000.0, 400_000.0]);
    let mark = 451_575.0 / 4.9775;
    let own = 0.0225 * mark;
    let [one, two] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(one, [mark, 5.0, 0.0, own, own]);
    close_to(one.bankruptcy_price, mark - own / 5.0);
    close_to(one.equity_after, 1_575.0);
    check(two, [3_500.0, 100.0, 0.0, 1_575.0, 1_575.0]);
    close_to(two.bankruptcy_price, 3_484.25);
    assert_eq!((one.symbol_idx, two.symbol_idx), (0, 1));
    assert!(outcome.equity[2].abs() < 1e-9 && outcome.ruined_at == Some(2));
    close_to(outcome.trades.iter().map(|trade| trade.pnl).sum(), -100_000.0);
}

#[test]
fn a_cross_account_below_zero_is_the_funds_with_the_first_position() {
    // 75,000 lost on bitcoin and 50,000 on ether: the fund bears 25,000, all of it with bitcoin.
    let mut scene = two_at_okx();
    scene.flat_from(0, 2, 85_000.0).flat_from(1, 2, 3_500.0);
    let outcome = scene.run(&[500_000.0, 400_000.0]);
    let [one, two] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    check(one, [85_000.0, 5.0, 0.0, 0.0, -25_000.0]);
    close_to(one.fill_price, 90_000.0);
    check(two, [3_500.0, 100.0, 0.0, 0.0, 0.0]);
    assert!(outcome.equity[2].abs() < 1e-9 && outcome.ruined_at == Some(2));
}

#[test]
fn a_lower_low_never_leaves_more() {
    let mut before = f64::INFINITY;
    for step in 0..300 {
        let low = 98_800.0 - 10.0 * f64::from(step);
        let outcome = thirty_at_bybit(low).run(&[3_000_000.0]);
        let equity = outcome.equity[5];
        assert!(equity <= before, "low {low}: {equity} after {before}");
        before = equity;
    }
    close_to(before, 40_000.0);
}

#[test]
fn an_inverse_contract_is_refused() {
    let scene = Scene::new(&[("BTC-USD-SWAP", 100_000.0)], 2);
    let refused = Prepared::new(&scene.market, rules("okx-swap", &[]), 0, None);
    assert!(matches!(refused, Err(VenueError::InverseContract { .. })), "{refused:?}");
}
