//! What the venues do with a position they liquidate.

use plimsoll_market::Side;
use plimsoll_venue::{
    Ladder, LiquidationAction, LiquidationState, VenueRules, liquidation_step, settle_liquidation,
};
use proptest::prelude::*;

use crate::{assert_close, rules, time};

fn binance_btc() -> (VenueRules, Ladder) {
    let rules = rules("binance-usdm");
    let ladder = rules.ladder("BTCUSDT", time("2025-10-10")).unwrap().clone();
    (rules, ladder)
}

/// A long at a mark of 100,000.
fn long(quantity: f64, equity: f64) -> LiquidationState {
    LiquidationState {
        side: Side::Long,
        quantity,
        mark_price: 100_000.0,
        fill_price: 99_900.0,
        equity,
        other_maintenance_margin: 0.0,
        liquidation_fee_fraction: 0.0125,
        quantity_step: 0.001,
        seconds_since_partial: None,
    }
}

#[test]
fn binance_reduces_until_the_rest_is_compliant() {
    let (rules, ladder) = binance_btc();
    // 5,000 BTC are 500M: bracket 9 (12.5 %), maintenance 36.018M.
    let state = long(5000.0, 36.0e6);
    let step = liquidation_step(rules.liquidation_process(), &state, &ladder).unwrap();
    assert_eq!(step.action, LiquidationAction::Reduce);
    assert!(step.close_quantity > 0.0 && step.close_quantity < 10.0, "{step:?}");

    let settled = settle_liquidation(&state, &step).unwrap();
    let rest = state.quantity - step.close_quantity;
    assert!(settled.equity_after >= ladder.maintenance_margin(rest, 100_000.0));
    // One more lot kept would not have been compliant.
    let one_less =
        plimsoll_venue::LiquidationStep { close_quantity: step.close_quantity - 0.002, ..step };
    let poorer = settle_liquidation(&state, &one_less).unwrap();
    assert!(poorer.equity_after < ladder.maintenance_margin(rest + 0.002, 100_000.0));
    assert_close(settled.fee, 0.0125 * step.close_quantity * 99_900.0, 1e-12);
    assert_eq!((settled.bad_debt, settled.price), (0.0, 99_900.0));
}

#[test]
fn binance_closes_small_and_bankrupt_positions_whole() {
    let (rules, ladder) = binance_btc();
    let process = rules.liquidation_process();
    let all = |state: &LiquidationState| {
        let step = liquidation_step(process, state, &ladder).unwrap();
        assert_eq!(step.action, LiquidationAction::Takeover, "{state:?}");
        assert_eq!(step.close_quantity, state.quantity);
        settle_liquidation(state, &step).unwrap()
    };
    // Lowest bracket: 100k, maintenance 400. Loss 100, fee 1,248.75 of which 200 are there.
    let settled = all(&long(1.0, 300.0));
    assert_close(settled.fee, 200.0, 1e-12);
    assert_eq!((settled.equity_after, settled.bad_debt), (0.0, 0.0));

    // Equity below the loss: the fund pays 50, and the account gets its bankruptcy price.
    let settled = all(&long(1.0, 50.0));
    assert_close(settled.price, 99_950.0, 1e-12);
    assert_eq!((settled.fee, settled.bad_debt, settled.insurance_delta), (0.0, 50.0, -50.0));

    // Bankrupt at the mark already, in a high bracket.
    let settled = all(&long(5000.0, -1.0e6));
    assert_close(settled.bad_debt, 1.5e6, 1e-12);
    assert_eq!(settled.equity_after, 0.0);
}

#[test]
fn a_compliant_position_is_left_alone() {
    let (rules, ladder) = binance_btc();
    let step = liquidation_step(rules.liquidation_process(), &long(1.0, 400.0), &ladder).unwrap();
    assert_eq!((step.action, step.close_quantity), (LiquidationAction::None, 0.0));
    assert!(settle_liquidation(&long(1.0, 400.0), &step).is_err(), "nothing to settle");
}

#[test]
fn hyperliquid_closes_a_fifth_then_all_then_hands_over() {
    let rules = rules("hyperliquid");
    let ladder = rules.ladder("BTC", time("2025-10-10")).unwrap();
    let base = LiquidationState { liquidation_fee_fraction: 0.0, ..long(2.0, 2400.0) };
    // 200k need 2,500; two thirds of that are 1,666.67.
    for (quantity, equity, waited, action, closed) in [
        (2.0, 2400.0, None, LiquidationAction::Reduce, 0.4),
        (2.0, 2400.0, Some(29.0), LiquidationAction::Wait, 0.0),
        (2.0, 2400.0, Some(30.0), LiquidationAction::Close, 2.0),
        (2.0, 1667.0, None, LiquidationAction::Reduce, 0.4),
        (2.0, 1666.0, None, LiquidationAction::Backstop, 2.0),
        (2.0, 1666.0, Some(1.0), LiquidationAction::Backstop, 2.0),
        (1.0, 1200.0, None, LiquidationAction::Close, 1.0),
        (1.0, 1250.0, None, LiquidationAction::None, 0.0),
    ] {
        let state = LiquidationState { quantity, equity, seconds_since_partial: waited, ..base };
        let step = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
        assert_eq!((step.action, step.close_quantity), (action, closed), "{state:?}");
        assert_eq!(step.fee_fraction, 0.0);
        assert_eq!(step.is_backstop(), action == LiquidationAction::Backstop);
    }
    // The vault keeps the margin: 1,666 less the 200 that closing at the fill would lose.
    let state = LiquidationState { equity: 1666.0, ..base };
    let step = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_eq!((settled.equity_after, settled.insurance_delta), (0.0, 1466.0));
    assert_close(settled.price, 99_167.0, 1e-12);
}

fn venues() -> &'static [VenueRules; 2] {
    static VENUES: std::sync::LazyLock<[VenueRules; 2]> =
        std::sync::LazyLock::new(|| ["binance-usdm", "hyperliquid"].map(rules));
    &VENUES
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Liquidations end, conserve money and leave nobody below zero.
    #[test]
    fn liquidations_end_and_conserve_money(
        is_hyperliquid in any::<bool>(),
        is_long in any::<bool>(),
        log_notional in 2.0..9.4_f64,
        margin_share in -0.5..0.999_f64,
        slip in -0.001..0.02_f64,
        step in prop::sample::select(vec![0.0, 0.001]),
    ) {
        let rules = &venues()[usize::from(is_hyperliquid)];
        let symbol = if is_hyperliquid { "BTC" } else { "BTCUSDT" };
        let ladder = rules.ladder(symbol, time("2025-10-10")).unwrap();
        let side = if is_long { Side::Long } else { Side::Short };
        let mark = 100_000.0;
        let quantity = 10_f64.powf(log_notional) / mark;
        let mut state = LiquidationState {
            side,
            quantity,
            mark_price: mark,
            fill_price: mark * (1.0 - side.sign() * slip),
            equity: margin_share * ladder.maintenance_margin(quantity, mark),
            other_maintenance_margin: 0.0,
            liquidation_fee_fraction: rules.instrument(symbol).unwrap().liquidation_fee_fraction,
            quantity_step: step,
            seconds_since_partial: None,
        };
        let mut n_steps = 0;
        loop {
            let next = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
            prop_assert!(next.close_quantity >= 0.0 && next.close_quantity <= state.quantity);
            if next.close_quantity <= 0.0 {
                prop_assert_eq!(next.action, LiquidationAction::None);
                break;
            }
            let settled = settle_liquidation(&state, &next).unwrap();
            let loss = next.close_quantity * side.sign() * (mark - state.fill_price);
            let before = state.equity - loss;
            let after = settled.equity_after + settled.insurance_delta;
            prop_assert!((before - after).abs() <= 1e-9 * quantity * mark);
            prop_assert!(settled.equity_after >= 0.0 && settled.bad_debt >= 0.0);
            state.quantity -= next.close_quantity;
            state.equity = settled.equity_after;
            state.seconds_since_partial = Some(60.0);
            n_steps += 1;
            prop_assert!(n_steps <= 3, "it does not end: {:?}", state);
            if state.quantity <= 0.0 {
                break;
            }
        }
        prop_assert!(n_steps >= 1);
    }
}
