//! Portfolio margin at OKX on 2025-10-10: bitcoin and ether must keep 12 % of their notional and
//! have 1.3 times as much to open, at whatever leverage the account is set to; 0.05 % more is
//! required for closing.

use plimsoll_engine::{Cause, DecisionOutcome, ExitReason, MarginMode, Prepared};
use plimsoll_venue::VenueError;
use plimsoll_venue::margin::MarginRules;

use crate::scene::{Scene, close_to, rules};

fn at_okx(symbols: &[(&str, f64)], n_bars: usize) -> Scene {
    let mut scene = Scene::new(symbols, n_bars);
    scene.rules = rules("okx-swap", &[]);
    scene.settings.margin = MarginMode::Portfolio;
    scene.settings.leverage = 50.0;
    for signal in &mut scene.signals {
        signal.entry[0] = 1;
    }
    scene
}

fn bitcoin(n_bars: usize) -> Scene {
    at_okx(&[("BTC-USDT-SWAP", 100_000.0)], n_bars)
}

#[test]
fn the_figures_decide_how_much_can_be_opened() {
    // 100,000 / 0.156 = 641,025.6, less the room of 5 bps for the fill: 640,705.2, in lots of 0.0001.
    let outcome = bitcoin(3).run_at_leverage(40.0);
    let decision = &outcome.decisions[0];
    assert_eq!(decision.binding_limit, "venue_margin");
    close_to(decision.leverage, 1.0 / 0.156 / 1.0005);
    close_to(decision.quantity, 6.407);
    assert_eq!(decision.outcome, DecisionOutcome::Filled);
    assert!(decision.limits.iter().all(|limit| limit.name != "venue_leverage"));
    // The set leverage changes nothing.
    let mut other = bitcoin(3);
    other.settings.leverage = 2.0;
    assert_eq!(other.run_at_leverage(40.0), outcome);
}

#[test]
fn the_account_is_liquidated_where_it_does_not_cover_the_units() {
    // 6 bitcoins: 100,000 + 6 (P - 100,000) = 0.1205 * 6 P, so P = 500,000 / (6 * 0.8795) =
    // 94,750.81; 68,504.8 are left, which the fund takes with the position.
    let mut scene = bitcoin(5);
    scene.bar(0, 2, [100_000.0, 100_000.0, 94_800.0, 95_000.0]);
    scene.bar(0, 3, [95_000.0, 95_000.0, 94_000.0, 94_000.0]);
    let outcome = scene.run(&[600_000.0]);
    let [forced] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    let mark = 500_000.0 / (6.0 * 0.8795);
    assert_eq!((forced.bar, forced.quantity_left), (3, 0.0));
    close_to(forced.mark_price, mark);
    close_to(forced.fee, 0.1205 * 6.0 * mark);
    close_to(forced.maintenance_margin_rate, 0.12);
    close_to(outcome.trades[0].liquidation_price.unwrap(), mark);
    close_to(outcome.trades[0].pnl, -100_000.0);
    assert_eq!(outcome.trades[0].exit_reason, ExitReason::Liquidation);
    assert!(outcome.equity[3].abs() < 1e-9 && outcome.ruined_at == Some(3));
    // Under cross margin 0.45 % are asked for, and the position survives.
    scene.settings.margin = MarginMode::Cross;
    assert!(scene.run(&[600_000.0]).liquidations.is_empty());
}

#[test]
fn units_are_added_up() {
    // 3 bitcoins and 75 ethers, 300,000 each: 93,600 of initial margin together. Bitcoin at 95,000 takes 15,000: 85,000 for 0.1205 * 585,000 = 70,492.5.
    // Ether at 3,800 takes 15,000 more: 70,000 for 0.1205 * 570,000 = 68,685.
    let symbols = [("BTC-USDT-SWAP", 100_000.0), ("ETH-USDT-SWAP", 4_000.0)];
    let mut scene = at_okx(&symbols, 6);
    scene.flat_from(0, 2, 95_000.0).flat_from(1, 3, 3_800.0);
    let outcome = scene.run(&[300_000.0]);
    assert_eq!(outcome.trades.len(), 2);
    assert!(outcome.liquidations.is_empty());
    close_to(outcome.equity[3], 70_000.0);
    // At 3,780 there are 68,500 for 0.1205 * (285,000 + 283,500) = 68,504.25: both go, bitcoin first
    // with its share of 285,000 in 568,500.
    scene.flat_from(1, 3, 3_780.0);
    let outcome = scene.run(&[300_000.0]);
    let [one, two] = outcome.liquidations.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((one.symbol_idx, two.symbol_idx), (0, 1));
    close_to(one.fee, 68_500.0 * 285_000.0 / 568_500.0);
    close_to(two.fee, 68_500.0 * 283_500.0 / 568_500.0);
    assert!(outcome.equity[5].abs() < 1e-9);
    let forfeited = outcome.ledger.iter().filter(|row| row.cause == Cause::BackstopForfeit);
    close_to(forfeited.map(|row| row.amount).sum(), -68_500.0);
}

#[test]
fn initial_margin_follows_the_mark() {
    // 3 bitcoins at 110,000 take up 0.156 * 330,000 = 51,480 of 130,000: 78,520 are free for ether.
    let symbols = [("BTC-USDT-SWAP", 100_000.0), ("ETH-USDT-SWAP", 4_000.0)];
    let mut scene = at_okx(&symbols, 5);
    scene.signals[1].entry[0] = 0;
    scene.signals[1].entry[2] = 1;
    scene.flat_from(0, 2, 110_000.0);
    let outcome = scene.run(&[300_000.0, 10_000_000.0]);
    let decision = &outcome.decisions[1];
    close_to(decision.leverage, 78_520.0 / 130_000.0 / 0.156 / 1.0005);
    assert_eq!(decision.outcome, DecisionOutcome::Filled);
}

#[test]
fn figures_change_within_the_period() {
    // From 2025-01-06 08:00 the shock is 12 % instead of 15 %: 5 bitcoins with 100,000 at 95,000
    // have 75,000 for 0.1505 * 475,000 = 71,487.5; at 94,000 70,000 for 70,735 before, for 56,635
    // afterwards.
    for (start, is_liquidated) in [("2025-01-05", true), ("2025-01-06T08:00:00Z", false)] {
        let mut scene = bitcoin(4);
        scene.market.start = start.parse().unwrap();
        scene.flat_from(0, 2, 94_000.0);
        let outcome = scene.run(&[500_000.0]);
        assert_eq!(outcome.liquidations.len(), usize::from(is_liquidated), "{start}");
    }
    let mut scene = bitcoin(12);
    // Bars 0 to 3 are before the change, at whose bar the mark falls.
    scene.market.start = "2025-01-06T04:00:00Z".parse().unwrap();
    scene.flat_from(0, 4, 94_000.0);
    assert!(scene.run(&[500_000.0]).liquidations.is_empty());
    scene.flat_from(0, 3, 94_000.0);
    assert_eq!(scene.run(&[500_000.0]).liquidations[0].bar, 3);
}

#[test]
fn what_portfolio_margin_cannot_do_is_refused() {
    let refused = |venue: &str, symbols: &[(&str, f64)], start: &str| -> VenueError {
        let mut scene = Scene::new(symbols, 3);
        scene.market.start = start.parse().unwrap();
        let margin_rules = MarginRules::load(venue, &[]).unwrap();
        let prepared = Prepared::new(&scene.market, rules(venue, &[]), 0, None).unwrap();
        prepared.with_portfolio_margin(&margin_rules).unwrap_err()
    };
    let bitcoin = [("BTCUSDT", 100_000.0)];
    let error = refused("binance-usdm", &bitcoin, "2025-10-10");
    assert!(matches!(error, VenueError::NoPortfolioMargin { .. }), "{error}");
    let error = refused("bybit-linear", &bitcoin, "2025-10-10");
    assert!(matches!(error, VenueError::MissingFigure { .. }), "{error}");
    let swap = ("BTC-USDT-SWAP", 100_000.0);
    let error = refused("okx-swap", &[swap], "2024-12-01");
    assert!(matches!(error, VenueError::BeforeMarginRules { .. }), "{error}");
    let error = refused("okx-swap", &[swap, swap], "2025-10-10");
    let VenueError::SharedUnderlying { underlying, .. } = &error else { panic!("{error}") };
    assert_eq!(underlying, "BTC");
}
