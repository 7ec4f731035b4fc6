//! Fees, spread, impact and funding, worked out by hand.

use plimsoll_engine::{Cause, ExitReason};
use plimsoll_market::{PriceColumns, Side};

use crate::scene::{Scene, close_to, rules};

fn sum(outcome: &plimsoll_engine::Outcome, cause: Cause) -> f64 {
    outcome.ledger.iter().filter(|row| row.cause == cause).map(|row| row.amount).sum()
}

#[test]
fn fees_and_spread_of_a_round_trip() {
    // Half spread 1 bp, fee 5 bp, two bitcoins.
    // Long: in at 100,010, out at 101,000 * 0.9999 = 100,989.9.
    // Short: in at 99,990, out at 101,000 * 1.0001 = 101,010.1.
    for (side, entry, exit) in
        [(Side::Long, 100_010.0, 100_989.9), (Side::Short, 99_990.0, 101_010.1)]
    {
        let mut scene = Scene::long_bitcoin(6);
        scene.taker_fee = 0.0005;
        scene.settings.costs.half_spread_bps = 1.0;
        scene.signals[0].entry[0] = side.sign() as i8;
        scene.flat_from(0, 3, 101_000.0);
        scene.signals[0].exit_long[3] = true;
        scene.signals[0].exit_short[3] = true;
        let outcome = scene.run(&[200_000.0]);
        let trade = &outcome.trades[0];
        assert_eq!((trade.entry_bar, trade.exit_bar), (1, 4));
        close_to(trade.entry_price, entry);
        close_to(trade.exit_price, exit);
        close_to(trade.quantity, 2.0);
        close_to(sum(&outcome, Cause::PricePnl), side.sign() * 2_000.0);
        // 2 * 10 at the entry and 2 * 10.1 at the exit.
        close_to(sum(&outcome, Cause::Slippage), -40.2);
        close_to(sum(&outcome, Cause::Fee), -0.001 * (entry + exit));
        close_to(trade.pnl, side.sign() * 2.0 * (exit - entry) - 0.001 * (entry + exit));
        close_to(trade.slippage, 40.2);
        close_to(outcome.traded_notional, 2.0 * (entry + exit));
        // What the size-free trade says of one unit of notional, without a size.
        close_to(trade.pnl / trade.notional, scene.trades().trades[0].unit_return);
    }
}

#[test]
fn impact_comes_from_closed_bars_only() {
    // Closes alternate between 100,000 and 101,000: every squared log return is ln(1.01)^2, and
    // of n closed bars the first has none. One bar trades 1,000 coins a quote volume of 1e8, a day
    // 2.4e9. Two bitcoins at the open of bar 31 are 200,000: after 31 bars,
    //   sigma_D = ln(1.01) sqrt(24 * 30 / 31), impact = sigma_D sqrt(2e5 / 2.4e9).
    let mut scene = Scene::new(&[("BTCUSDT", 100_000.0)], 40);
    scene.settings.costs.impact_y = 1.0;
    for bar in 0..40 {
        let close = if bar % 2 == 0 { 100_000.0 } else { 101_000.0 };
        scene.bar(0, bar, [100_000.0, 101_000.0, 100_000.0, close]);
        scene.market.symbols[0].quote_volume[bar] = 1e8;
    }
    scene.signals[0].entry[30] = 1;
    scene.signals[0].exit_long[34] = true;
    let impact = 1.01_f64.ln() * (24.0 * 30.0 / 31.0_f64).sqrt() * (2e5 / 2.4e9_f64).sqrt();
    let outcome = scene.run(&[200_000.0]);
    close_to(outcome.trades[0].entry_price, 100_000.0 * (1.0 + impact));
    // What happens in the bar of the fill or later does not matter.
    for bar in 31..35 {
        scene.market.symbols[0].quote_volume[bar] = 1.0;
    }
    close_to(scene.run(&[200_000.0]).trades[0].entry_price, 100_000.0 * (1.0 + impact));
}

#[test]
fn without_a_day_of_history_impact_is_undefined_and_nothing_is_traded() {
    let mut scene = Scene::long_bitcoin(6);
    scene.settings.costs.impact_y = 1.0;
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.decisions[0].reason, "too_few_observations");
    assert!(outcome.trades.is_empty());
}

#[test]
fn an_impact_beyond_all_bounds_is_no_panic() {
    let mut scene = Scene::new(&[("BTCUSDT", 100_000.0)], 40);
    scene.settings.costs.impact_y = 1.0;
    for bar in 0..40 {
        let close = if bar % 2 == 0 { 100_000.0 } else { 90_000.0 };
        scene.bar(0, bar, [100_000.0, 100_000.0, 90_000.0, close]);
        scene.market.symbols[0].quote_volume[bar] = 1e-6;
    }
    scene.signals[0].entry[30] = 1;
    let outcome = scene.run(&[90_000.0]);
    assert!(outcome.equity.iter().all(|equity| equity.is_finite() && *equity >= 0.0));
}

#[test]
fn three_settlements() {
    // Two bitcoins from the open of bar 1 to the open of bar 6. The settlement at the open of the
    // entry bar came before the position, that at the open of the exit bar is still its own.
    //   bar 2: 1 bp of 2 * 99,000 at the recorded mark, paid
    //   bar 4: -2 bp of 2 * 101,000, received
    //   bar 6: 3 bp of 2 * 100,000, the mark close of the bar that ended there, paid
    for (side, sign) in [(Side::Long, 1.0), (Side::Short, -1.0)] {
        let mut scene = Scene::long_bitcoin(9);
        scene.signals[0].entry[0] = side.sign() as i8;
        scene.signals[0].exit_long[5] = true;
        scene.signals[0].exit_short[5] = true;
        scene.funding(0, 1, 0.5, Some(100_000.0));
        scene.funding(0, 2, 0.0001, Some(99_000.0)).funding(0, 4, -0.0002, Some(101_000.0));
        scene.funding(0, 6, 0.0003, None).funding(0, 7, 0.5, Some(100_000.0));
        let outcome = scene.run(&[200_000.0]);
        let rows: Vec<_> =
            outcome.ledger.iter().filter(|row| row.cause == Cause::Funding).collect();
        let expected = [(2, -19.8), (4, 40.4), (6, -60.0)];
        assert_eq!(rows.len(), expected.len());
        for (row, (bar, amount)) in rows.iter().zip(expected) {
            assert_eq!(row.bar, bar);
            close_to(row.amount, sign * amount);
        }
        close_to(outcome.trades[0].pnl, -sign * 39.4);
        close_to(outcome.trades[0].funding, sign * 39.4);
        assert_eq!(outcome.funding_price_estimated, 1);
    }
}

#[test]
fn a_stamp_inside_a_bar_is_charged_at_the_next_open() {
    let mut scene = Scene::long_bitcoin(6);
    scene.funding(0, 2, 0.001, Some(100_000.0));
    scene.market.symbols[0].funding[0].settlement_time.0 += 1;
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.ledger[0].bar, 3);
}

#[test]
fn funding_on_hyperliquid_is_reckoned_at_the_oracle() {
    let mut scene = Scene::new(&[("BTC", 100_000.0)], 6);
    scene.rules = rules("hyperliquid", &[]);
    scene.signals[0].entry[0] = 1;
    scene.market.symbols[0].index = Some(PriceColumns {
        close: vec![100_000.0, 100_000.0, 99_500.0, 100_000.0, 100_000.0, 100_000.0],
        ..PriceColumns::default()
    });
    scene.funding(0, 3, 0.001, Some(123_456.0));
    close_to(scene.run(&[200_000.0]).ledger[0].amount, -199.0);
}

#[test]
fn funding_that_the_free_balance_cannot_pay_comes_out_of_the_margin() {
    // All but 100 of 20,100 is margin. 300 of funding moves the margin to 19,800 and the
    // liquidation price from 90,361.4 to (200,000 - 19,800) / 1.992 = 90,461.8.
    let mut scene = Scene::long_bitcoin(6);
    scene.settings.equity = 20_100.0;
    scene.funding(0, 2, 0.0015, Some(100_000.0));
    scene.bar(0, 3, [100_000.0, 100_000.0, 90_400.0, 99_000.0]);
    let outcome = scene.run(&[200_000.0]);
    close_to(outcome.liquidations[0].mark_price, 180_200.0 / 1.992);
    // Five per cent at once takes the margin below what is needed, and all of it.
    scene.market.symbols[0].funding[0].rate = 0.2;
    let outcome = scene.run(&[200_000.0]);
    assert_eq!(outcome.liquidations[0].bar, 2);
    close_to(outcome.equity[2], 0.0);
}

#[test]
fn the_ledger_says_it_all() {
    let mut scene = Scene::long_bitcoin(9);
    scene.taker_fee = 0.0005;
    scene.settings.costs.half_spread_bps = 0.5;
    scene.funding(0, 3, 0.0001, Some(100_000.0));
    scene.bar(0, 4, [100_000.0, 100_000.0, 90_000.0, 95_000.0]);
    let outcome = scene.run(&[200_000.0]);
    let causes: Vec<_> = outcome.ledger.iter().map(|row| (row.bar, row.cause.name())).collect();
    assert_eq!(
        causes,
        [(1, "fee"), (3, "funding"), (4, "price_pnl"), (4, "slippage"), (4, "liquidation_fee"),]
    );
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
}
