//! Decisions and fills: sizes, refusals, reversals, the end of the period.

use plimsoll_engine::{DecisionOutcome, ExitReason, MarginMode, Span, replay};
use plimsoll_market::{Side, Timestamp};
use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::{Multiplier, PlannedSize, SizingError};

use crate::scene::{Scene, close_to, fixed};

#[test]
fn quantities_are_rounded_down_to_lots() {
    // 1.23456 times 100,000 at 99,900 is 1.235795..., in lots of 0.001.
    let mut scene = Scene::new(&[("BTCUSDT", 99_900.0)], 4);
    scene.signals[0].entry[0] = 1;
    let outcome = scene.run_at_leverage(1.23456);
    let decision = &outcome.decisions[0];
    close_to(decision.quantity_raw, 123_456.0 / 99_900.0);
    close_to(decision.quantity, 1.235);
    close_to(outcome.trades[0].leverage, 1.235 * 0.999);
    assert_eq!(decision.outcome, DecisionOutcome::Filled);
}

#[test]
fn why_nothing_was_traded() {
    let limit = |name, value| Limit { name, value };
    let ok = Ok(1.0);
    for (plan, leverage, reason, binding) in [
        (vec![limit("kelly", Ok(0.0)), limit("atr", Ok(2.0))], ok.clone(), "no_edge", "kelly"),
        (vec![limit("risk_cap", Err(SizingError::NoStop))], ok.clone(), "no_stop", "risk_cap"),
        (vec![limit("atr", Ok(0.0009))], ok.clone(), "below_min_notional", "atr"),
        (vec![limit("atr", Ok(f64::NAN))], ok.clone(), "not_finite", "atr"),
        (vec![limit("atr", Ok(2.0))], Ok(0.0), "funding_cut", "funding_cut"),
        (
            vec![limit("atr", Ok(2.0))],
            Err(SizingError::TooFewObservations { have: 1, need: 3 }),
            "too_few_observations",
            "funding_cut",
        ),
    ] {
        let scene = Scene::long_bitcoin(4);
        let plan = PlannedSize {
            multipliers: vec![Multiplier { name: "funding_cut", value: leverage }],
            ..PlannedSize::of_limits(plan)
        };
        let outcome = scene.replay(&scene.trades(), &[plan]);
        let decision = &outcome.decisions[0];
        assert_eq!((decision.reason, decision.binding_limit), (reason, binding));
        assert_eq!((decision.outcome, decision.quantity), (DecisionOutcome::NoSize, 0.0));
        assert!(outcome.trades.is_empty() && outcome.ledger.is_empty());
    }
}

#[test]
fn the_venue_has_limits_of_its_own() {
    // At leverage 100 bitcoin may be held up to 800,000 on that date; the order leaves room for
    // the price to move 5 bp before it fills.
    let mut scene = Scene::long_bitcoin(4);
    scene.settings.leverage = 100.0;
    let outcome = scene.run_at_leverage(50.0);
    let decision = &outcome.decisions[0];
    assert_eq!(
        (decision.binding_limit, decision.outcome),
        ("venue_leverage", DecisionOutcome::Filled)
    );
    close_to(decision.leverage, 8.0 / 1.0005);
    // A leverage that is offered for no size.
    scene.settings.leverage = 151.0;
    assert_eq!(scene.run_at_leverage(1.0).decisions[0].reason, "leverage_not_offered");
    // Free margin: 1 / (1 / 10 + 0.0005) less the same room.
    scene.settings.leverage = 10.0;
    scene.taker_fee = 0.0005;
    let outcome = scene.run_at_leverage(50.0);
    let decision = &outcome.decisions[0];
    assert_eq!(
        (decision.binding_limit, decision.outcome),
        ("venue_margin", DecisionOutcome::Filled)
    );
    close_to(decision.leverage, 1.0 / (0.1005 * 1.0005));
}

#[test]
fn a_fill_that_breaks_a_rule_is_refused() {
    // Sized at 100,000, filled at 101,000: ten times the equity no longer fits.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::long_bitcoin(4);
        scene.settings.margin = margin;
        scene.flat_from(0, 1, 101_000.0);
        let outcome = scene.run_at_leverage(9.95);
        let decision = &outcome.decisions[0];
        assert_eq!(decision.outcome, DecisionOutcome::RefusedAtFill);
        assert_eq!(decision.reason, "insufficient_margin");
        assert!(outcome.ledger.is_empty());
    }
    // A bracket is left on the way: 300,000 at leverage 150.
    let mut scene = Scene::long_bitcoin(4);
    scene.settings.leverage = 150.0;
    scene.flat_from(0, 1, 101_000.0);
    assert_eq!(scene.run(&[299_000.0]).decisions[0].reason, "venue_leverage");
    // The smallest order is 100, 0.001 bitcoin at 100,000.
    let mut scene = Scene::long_bitcoin(4);
    scene.flat_from(0, 1, 99_000.0);
    assert_eq!(scene.run(&[100.0]).decisions[0].reason, "below_min_notional");
}

#[test]
fn a_reversal_leaves_and_enters_at_the_same_open() {
    // Nearly all margin is used; what the exit sets free serves the entry. Long from 100,000 to
    // 102,000, then short to 101,000.
    for margin in [MarginMode::Cross, MarginMode::Isolated] {
        let mut scene = Scene::long_bitcoin(8);
        scene.settings.margin = margin;
        scene.taker_fee = 0.0005;
        scene.settings.costs.half_spread_bps = 1.0;
        scene.signals[0].entry[3] = -1;
        scene.flat_from(0, 3, 102_000.0).flat_from(0, 6, 101_000.0);
        let outcome = scene.run_at_leverage(9.9);
        assert_eq!(outcome.decisions[1].outcome, DecisionOutcome::Filled);
        let [long, short] = outcome.trades.as_slice() else { panic!() };
        assert_eq!(
            (long.side, long.exit_bar, long.exit_reason),
            (Side::Long, 4, ExitReason::Signal)
        );
        assert_eq!((short.side, short.entry_bar), (Side::Short, 4));
        assert!(long.pnl > 0.0 && short.pnl > 0.0);
    }
    // The same with the whole free margin wanted: the second order is sized after the costs of
    // leaving, and fills.
    let mut scene = Scene::long_bitcoin(8);
    scene.settings.margin = MarginMode::Cross;
    scene.taker_fee = 0.0005;
    scene.settings.costs.half_spread_bps = 1.0;
    scene.signals[0].entry[3] = -1;
    let outcome = scene.run_at_leverage(50.0);
    assert_eq!(outcome.decisions[1].binding_limit, "venue_margin");
    assert_eq!(outcome.decisions[1].outcome, DecisionOutcome::Filled, "{:?}", outcome.decisions[1]);
}

#[test]
fn a_liquidated_rule_waits_for_the_next_entry() {
    let mut scene = Scene::long_bitcoin(10);
    scene.bar(0, 2, [100_000.0, 100_000.0, 89_000.0, 100_000.0]);
    scene.signals[0].exit_long[5] = true;
    scene.signals[0].entry[7] = 1;
    let list = scene.trades();
    let outcome = scene.run_at_leverage(2.0);
    assert_eq!(list.trades.len(), 2);
    assert_eq!((list.trades[0].exit_bar, outcome.trades[0].exit_bar), (6, 2));
    assert!(outcome.equity[2..8].iter().all(|equity| *equity == outcome.equity[2]));
    assert_eq!(outcome.trades[1].entry_bar, 8);
}

#[test]
fn a_span_takes_its_own_decisions_and_ends_with_its_last_bar() {
    let mut scene = Scene::long_bitcoin(12);
    scene.signals[0].exit_long[2] = true;
    scene.signals[0].entry[4] = 1;
    scene.flat_from(0, 6, 101_000.0);
    let list = scene.trades();
    let plans = vec![fixed(1.0); 2];
    let span = |from_bar, to_bar| {
        replay(&scene.prepared(), &list.trades, &plans, &scene.settings, Span { from_bar, to_bar })
    };
    // The first trade was decided before bar 1; the second is marked out in bar 7.
    let outcome = span(1, 8);
    assert_eq!((outcome.from_bar, outcome.equity.len(), outcome.trades.len()), (1, 7, 1));
    let trade = &outcome.trades[0];
    assert_eq!(
        (trade.exit_reason, trade.exit_bar, trade.exit_price),
        (ExitReason::End, 7, 101_000.0)
    );
    // A decision at the last close could not fill any more.
    assert!(span(1, 5).decisions.is_empty());
    assert!(span(3, 3).equity.is_empty());
}

#[test]
fn missing_bars_are_waited_out() {
    let mut scene = Scene::long_bitcoin(8);
    scene.bar(0, 2, [100_000.0, 100_000.0, 100_000.0, 99_000.0]);
    scene.remove(0, 3).remove(0, 4);
    scene.flat_from(0, 5, 85_000.0);
    let outcome = scene.run(&[200_000.0]);
    close_to(outcome.equity[3], 98_000.0);
    close_to(outcome.equity_low[4], 98_000.0);
    assert_eq!(outcome.liquidations[0].bar, 5);
    close_to(outcome.liquidations[0].mark_price, 85_000.0);
    assert_eq!(outcome.mark_fallback_bars, 2);
}

#[test]
fn a_delisted_contract_settles_at_its_last_mark() {
    let mut scene = Scene::long_bitcoin(8);
    scene.last(0, 4, [100_000.0, 100_000.0, 99_000.0, 99_500.0]);
    for bar in 5..8 {
        scene.remove(0, bar);
    }
    scene.market.symbols[0].delisted_at = Some(scene.market.open_time(5));
    let outcome = scene.run(&[100_000.0]);
    let trade = &outcome.trades[0];
    assert_eq!((trade.exit_bar, trade.exit_price), (4, 100_000.0));
    assert_eq!(scene.trades().trades[0].unit_return, 0.0);
    // A delisting after the period is none of its business.
    scene.market.symbols[0].delisted_at = Some(Timestamp::from_date(2026, 1, 1).unwrap());
    assert_eq!(scene.run(&[100_000.0]).trades[0].exit_price, 99_500.0);
}
