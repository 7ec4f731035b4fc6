//! What the venues do with a position they liquidate.

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, BracketAt, ContractKind, Ladder, LiquidationAction, LiquidationInputs,
    LiquidationProcess, LiquidationSettlement, LiquidationState, VenueRules, bankruptcy_price,
    contract_bankruptcy_price, contract_liquidation_price, liquidation_price, liquidation_step,
    settle_liquidation,
};

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

/// Published deductions are rounded: neighbouring lines miss each other by up to half a dollar.
#[test]
fn binance_reduces_where_deductions_are_rounded() {
    let rules = rules("binance-usdm");
    let mut n_reduced = 0;
    for (symbol, date) in [("XRPUSDT", "2023-02-20"), ("ARPAUSDT", "2025-05-30")] {
        let ladder = rules.ladder(symbol, time(date)).unwrap();
        for bracket in &ladder.brackets()[1..] {
            let quantity = (bracket.floor * 1.02).round();
            let state = LiquidationState {
                quantity,
                mark_price: 1.0,
                fill_price: 0.999,
                equity: ladder.maintenance_margin(quantity, 1.0) - 0.1,
                liquidation_fee_fraction: 0.001,
                quantity_step: 1.0,
                ..long(1.0, 0.0)
            };
            let step = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
            // Closing one costs 0.002 and frees the rate: 0.1 over the difference, rounded up.
            let expected = (0.1 / (bracket.maintenance_margin_rate - 0.001 - 0.000_999)).ceil();
            assert_eq!(step.action, LiquidationAction::Reduce, "{symbol} {bracket:?}");
            assert_eq!(step.close_quantity, expected, "{symbol} {bracket:?}");
            n_reduced += 1;
        }
    }
    assert!(n_reduced > 10);
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
    // Two thirds of what the whole account needs: 2,500 here and 2,500 elsewhere, 3,333.33.
    for (equity, action) in [
        (3333.0, LiquidationAction::Backstop),
        (3334.0, LiquidationAction::Reduce),
        (4999.0, LiquidationAction::Reduce),
        (5000.0, LiquidationAction::None),
    ] {
        let state = LiquidationState { equity, other_maintenance_margin: 2500.0, ..base };
        let step = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
        assert_eq!(step.action, action, "{equity}");
    }
    // The vault keeps the margin: 1,666 less the 200 that closing at the fill would lose.
    let state = LiquidationState { equity: 1666.0, ..base };
    let step = liquidation_step(rules.liquidation_process(), &state, ladder).unwrap();
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_eq!((settled.equity_after, settled.insurance_delta), (0.0, 1466.0));
    assert_close(settled.price, 99_167.0, 1e-12);
}

/// Steps until nothing is due or left, at marks and fills given for each step, with the flows.
fn walk(
    process: &LiquidationProcess,
    ladder: &Ladder,
    mut state: LiquidationState,
    prices: &[(f64, f64)],
) -> Vec<(LiquidationAction, f64, LiquidationSettlement)> {
    let mut steps = Vec::new();
    for &(mark_price, fill_price) in prices {
        state.equity += state.side.sign() * state.quantity * (mark_price - state.mark_price);
        state = LiquidationState { mark_price, fill_price, ..state };
        let step = liquidation_step(process, &state, ladder).unwrap();
        let settled = settle_liquidation(&state, &step).unwrap();
        assert_close(settled.flows.imbalance(), 0.0, 1e-7);
        steps.push((step.action, step.close_quantity, settled));
        state.quantity = step.quantity_left(&state);
        state.equity = settled.equity_after;
        if state.quantity <= 0.0 {
            return steps;
        }
    }
    assert!(process.is_compliant(&state, ladder), "the walk ends early: {state:?}");
    steps
}

fn bracket(tier: u32, floor: f64, cap: f64, rate: f64, deduction: f64) -> Bracket {
    Bracket {
        tier,
        floor,
        cap,
        maintenance_margin_rate: rate,
        leverage_max: 0.5 / rate,
        maintenance_deduction: deduction,
    }
}

const BYBIT: LiquidationProcess =
    LiquidationProcess::Bybit { tiers_per_step: 1, takeover_tier_max: 1 };
const OKX: LiquidationProcess = LiquidationProcess::Okx { tiers_per_step: 2, takeover_tier_max: 2 };

/// The first two are Bybit's of 2021 for BTCUSDT; the third carries them on.
fn bybit_ladder() -> Ladder {
    Ladder::new(vec![
        bracket(1, 0.0, 2e6, 0.005, 0.0),
        bracket(2, 2e6, 4e6, 0.01, 10_000.0),
        bracket(3, 4e6, 6e6, 0.015, 30_000.0),
    ])
    .unwrap()
}

/// OKX's for ACE-USDT-SWAP from 2025-11-13, in contracts of one coin.
fn okx_ladder() -> Ladder {
    Ladder::by_quantity(vec![
        bracket(1, 0.0, 12_000.0, 0.02, 0.0),
        bracket(2, 12_000.0, 22_000.0, 0.03, 0.0),
        bracket(3, 22_000.0, 35_000.0, 0.04, 0.0),
        bracket(4, 35_000.0, 47_000.0, 0.045, 0.0),
    ])
    .and_then(|ladder| ladder.with_closing_fee(0.0005))
    .unwrap()
}

#[test]
fn binance_walk() {
    let (rules, ladder) = binance_btc();
    // 200 BTC, 20M: bracket 5, 2 % less 132,000: 268,000 needed. Closing one BTC costs 100 of
    // price and 1.25 % of 99,900 = 1,248.75; keeping it needs 2,000. With r left,
    //   267,000 - (200 - r) * 1,348.75 = 2,000 r - 132,000  =>  r = 129,250 / 651.25 = 198.4645.
    // 198.464 are kept and 1.536 closed: loss 153.60, fee 1,918.08, left 264,928.32 of which
    // 198.464 * 2,000 - 132,000 = 264,928.00 are needed.
    let steps = walk(
        rules.liquidation_process(),
        &ladder,
        long(200.0, 267_000.0),
        &[(100_000.0, 99_900.0)],
    );
    let (action, closed, settled) = steps[0];
    assert_eq!(action, LiquidationAction::Reduce);
    assert_close(closed, 1.536, 1e-10);
    assert_close(settled.equity_after, 264_928.32, 1e-10);
    assert_close(settled.flows.account_delta, -2_071.68, 1e-10);
    assert_close(settled.flows.market_delta, 153.60, 1e-10);
    assert_close(settled.flows.insurance_delta, 1_918.08, 1e-10);
    assert_eq!((settled.flows.fee, settled.flows.bad_debt), (0.0, 0.0));
    // 100,000 - 267,000 / 200.
    assert_close(settled.bankruptcy_price.unwrap(), 98_665.0, 1e-12);

    // 10 BTC, 1M: bracket 3, 5,000 needed. The fee of closing, 1.25 %, is more than the rate of
    // any bracket on the way down, so that nothing smaller is compliant: a takeover. Of 4,900 go
    // 1,000 to the market; the fee of 12,487.50 gets the 3,900 that are left.
    let steps =
        walk(rules.liquidation_process(), &ladder, long(10.0, 4_900.0), &[(100_000.0, 99_900.0)]);
    let (action, closed, settled) = steps[0];
    assert_eq!((action, closed), (LiquidationAction::Takeover, 10.0));
    assert_close(settled.flows.insurance_delta, 3_900.0, 1e-12);
    assert_eq!((settled.equity_after, settled.bad_debt), (0.0, 0.0));
}

#[test]
fn bybit_walk() {
    let state = LiquidationState { liquidation_fee_fraction: 0.00055, ..long(50.0, 10_000.0) };
    let at = (100_000.0, 99_950.0);
    let steps = walk(&BYBIT, &bybit_ladder(), state, &[at, at, at]);
    // 5M, bracket 3: 5M * 1.5 % - 30,000 = 45,000 needed. Down to 4M = 40 BTC: 10 lose 500 and pay
    // 0.055 % of 999,500 = 549.725; 8,950.275 are left.
    let (action, closed, first) = steps[0];
    assert_eq!((action, closed), (LiquidationAction::Reduce, 10.0));
    assert_close(first.equity_after, 8_950.275, 1e-12);
    assert_close(first.flows.fee, 549.725, 1e-12);
    assert_eq!((first.flows.market_delta, first.insurance_delta), (500.0, 0.0));
    // 4M, bracket 2: 30,000 needed. Down to 2M: 20 lose 1,000 and pay 1,099.45; 6,850.825 are left.
    let (action, closed, second) = steps[1];
    assert_eq!((action, closed), (LiquidationAction::Reduce, 20.0));
    assert_close(second.equity_after, 6_850.825, 1e-12);
    // 2M, bracket 1: 10,000 needed. Taken over at 100,000 - 6,850.825 / 20 = 99,657.45875; the fund
    // closes at 99,950, 1,000 below the mark, and keeps 5,850.825.
    let (action, closed, third) = steps[2];
    assert_eq!((action, closed), (LiquidationAction::BankruptcyTakeover, 20.0));
    assert_close(third.price, 99_657.458_75, 1e-12);
    assert_close(third.bankruptcy_price.unwrap(), third.price, 1e-15);
    assert_eq!((third.equity_after, third.fee, third.bad_debt), (0.0, 0.0, 0.0));
    assert_close(third.insurance_delta, 5_850.825, 1e-12);
    // All that the account had is with the market, the venue and the fund:
    // 500 + 1,000 + 1,000, 549.725 + 1,099.45, 5,850.825.
    let total = first.flows.plus(&second.flows).plus(&third.flows);
    assert_close(total.account_delta, -10_000.0, 1e-12);
    assert_close(total.market_delta, 2_500.0, 1e-12);
    assert_close(total.fee, 1_649.175, 1e-12);
    assert_close(total.insurance_delta, 5_850.825, 1e-12);

    // With 20,000 the second reduction is enough: 16,850.825 against 10,000.
    let richer = LiquidationState { equity: 20_000.0, ..state };
    let steps = walk(&BYBIT, &bybit_ladder(), richer, &[at, at]);
    assert_close(steps[1].2.equity_after, 16_850.825, 1e-12);

    // A fill beyond the bankruptcy price, 100,000 - 10,000 / 50 = 99,800, is not sought: the fund
    // takes all 50 and bears 50 * 300 - 10,000 = 5,000.
    let steps = walk(&BYBIT, &bybit_ladder(), state, &[(100_000.0, 99_700.0)]);
    let (action, closed, settled) = steps[0];
    assert_eq!((action, closed), (LiquidationAction::BankruptcyTakeover, 50.0));
    assert_close(settled.price, 99_800.0, 1e-12);
    assert_close(settled.bad_debt, 5_000.0, 1e-12);
    assert_close(settled.insurance_delta, -5_000.0, 1e-12);
}

#[test]
fn bybit_liquidates_at_a_ratio_of_exactly_one() {
    let state = long(20.0, 10_000.0);
    let step = liquidation_step(&BYBIT, &state, &bybit_ladder()).unwrap();
    assert_eq!(step.action, LiquidationAction::BankruptcyTakeover);
    let step =
        liquidation_step(&BYBIT, &LiquidationState { equity: 10_000.01, ..state }, &bybit_ladder())
            .unwrap();
    assert_eq!(step.action, LiquidationAction::None);
}

#[test]
fn bybit_cross_positions_take_their_share_and_the_last_one_all() {
    // 20 BTC need 10,000, the other position 5,000, and there are 12,000: 8,000 stand behind this
    // one. Bankruptcy price 100,000 - 8,000 / 20 = 99,600.
    let ladder = bybit_ladder();
    let state = LiquidationState { other_maintenance_margin: 5_000.0, ..long(20.0, 12_000.0) };
    let step = liquidation_step(&BYBIT, &state, &ladder).unwrap();
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_close(settled.price, 99_600.0, 1e-12);
    assert_close(settled.equity_after, 4_000.0, 1e-12);
    // The fund closes at 99,900: 8,000 - 2,000.
    assert_close(settled.insurance_delta, 6_000.0, 1e-12);
    // The other one, 10 BTC, now stands alone with 4,000 and needs 5,000.
    let last = long(10.0, settled.equity_after);
    let step = liquidation_step(&BYBIT, &last, &ladder).unwrap();
    let settled = settle_liquidation(&last, &step).unwrap();
    assert_eq!((step.equity_share, settled.equity_after), (1.0, 0.0));
    // An account below zero is made good by the fund at the first takeover.
    let state = LiquidationState { equity: -3_000.0, ..state };
    let step = liquidation_step(&BYBIT, &state, &ladder).unwrap();
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_eq!((settled.equity_after, settled.bad_debt), (0.0, 5_000.0));
    assert_eq!(settled.flows.account_delta, 3_000.0);
}

#[test]
fn bybit_inverse_is_the_linear_walk_in_unit_values() {
    // 3M USD long of an inverse contract at 100,000: 30 coins, bracket 2 of a ladder in coins.
    let ladder =
        Ladder::new(vec![bracket(1, 0.0, 20.0, 0.005, 0.0), bracket(2, 20.0, 40.0, 0.01, 0.1)])
            .unwrap();
    let kind = ContractKind::Inverse;
    let state = LiquidationState {
        side: kind.unit_side(Side::Long),
        quantity: 3e6,
        mark_price: kind.unit_value(100_000.0),
        fill_price: kind.unit_value(99_950.0),
        equity: 0.15,
        other_maintenance_margin: 0.0,
        liquidation_fee_fraction: 0.00055,
        quantity_step: 1.0,
        seconds_since_partial: None,
    };
    // 30 * 1 % - 0.1 = 0.2 needed. Down to 20 coins, 2M USD: one million at 99,950 instead of
    // 100,000 loses 1e6 (1/99,950 - 1/100,000) = 0.0050025 coins, the fee is 0.00055 * 10.0050025.
    let step = liquidation_step(&BYBIT, &state, &ladder).unwrap();
    assert_eq!((step.action, step.close_quantity), (LiquidationAction::Reduce, 1e6));
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_close(settled.flows.market_delta, 0.005_002_501, 1e-8);
    assert_close(settled.fee, 0.005_502_751, 1e-8);
    assert_close(settled.equity_after, 0.139_494_748, 1e-8);
    // Bankrupt where 3e6 (1/B - 1/100,000) = 0.15: B = 100,000 / 1.005.
    assert_close(1.0 / settled.bankruptcy_price.unwrap(), 100_000.0 / 1.005, 1e-12);
}

#[test]
fn okx_walk() {
    let ladder = okx_ladder();
    let state = LiquidationState {
        side: Side::Long,
        quantity: 40_000.0,
        mark_price: 1.0,
        fill_price: 0.999,
        equity: 1_810.0,
        other_maintenance_margin: 0.0,
        liquidation_fee_fraction: 0.0005,
        quantity_step: 1.0,
        seconds_since_partial: None,
    };
    // 40,000 contracts, tier 4: 4.5 % = 1,800, and 20 of fee: 1,810 do not suffice.
    assert_close(ladder.required_margin(40_000.0, 1.0), 1_820.0, 1e-12);
    // Two tiers down, to 22,000: 18,000 lose 18 and pay 0.05 % of 17,982 = 8.991. Tier 2 needs
    // 3.05 % of 22,000 = 671. Then the price falls to 0.97: 830 - 26.991 - 660 = 143.009 against
    // 3.05 % of 21,340 = 650.87, tier 2: taken over at 0.97 - 143.009 / 22,000 = 0.96349959; the
    // fund closes at 0.96 and bears 220 - 143.009 = 76.991.
    let steps = walk(
        &OKX,
        &ladder,
        LiquidationState { equity: 830.0, ..state },
        &[(1.0, 0.999), (0.97, 0.96)],
    );
    let (action, closed, first) = steps[0];
    assert_eq!((action, closed), (LiquidationAction::Reduce, 18_000.0));
    assert_close(first.equity_after, 803.009, 1e-12);
    assert_close(first.flows.fee, 8.991, 1e-12);
    let (action, closed, second) = steps[1];
    assert_eq!((action, closed), (LiquidationAction::BankruptcyTakeover, 22_000.0));
    assert_close(second.price, 0.963_499_590_909, 1e-12);
    assert_close(second.insurance_delta, -76.991, 1e-10);
    assert_close(second.bad_debt, 76.991, 1e-10);
    assert_eq!(second.equity_after, 0.0);

    // Below tier 1's requirement, 2.05 % of 40,000 = 820, all goes at once: at 1 - 815 / 40,000;
    // the fund keeps 815 - 40.
    let steps = walk(&OKX, &ladder, LiquidationState { equity: 815.0, ..state }, &[(1.0, 0.999)]);
    let (action, closed, settled) = steps[0];
    assert_eq!((action, closed), (LiquidationAction::BankruptcyTakeover, 40_000.0));
    assert_close(settled.price, 0.979_625, 1e-12);
    assert_close(settled.insurance_delta, 775.0, 1e-12);

    // Exactly that is too little as well, a cent more is not.
    for (equity, action) in
        [(820.0, LiquidationAction::BankruptcyTakeover), (820.01, LiquidationAction::Reduce)]
    {
        let state = LiquidationState { equity, ..state };
        let step = liquidation_step(&OKX, &state, &ladder).unwrap();
        assert_eq!(step.action, action, "{equity}");
    }

    // Tier 3 goes down to tier 1: 30,000 need 4.05 % = 1,215.
    let tier_3 = LiquidationState { quantity: 30_000.0, equity: 1_200.0, ..state };
    let step = liquidation_step(&OKX, &tier_3, &ladder).unwrap();
    assert_eq!((step.action, step.close_quantity), (LiquidationAction::Reduce, 18_000.0));
}

#[test]
fn hyperliquid_walk() {
    let rules = rules("hyperliquid");
    let ladder = rules.ladder("BTC", time("2025-10-10")).unwrap();
    let process = rules.liquidation_process();
    let state = LiquidationState { liquidation_fee_fraction: 0.0, ..long(2.0, 1_700.0) };
    // 200k need 2,500, two thirds 1,666.67. A fifth, 0.4, loses 40: 1,660 against 2,000.
    let step = liquidation_step(process, &state, ladder).unwrap();
    let settled = settle_liquidation(&state, &step).unwrap();
    assert_eq!((step.close_quantity, settled.equity_after), (0.4, 1_660.0));
    let rest = LiquidationState {
        quantity: step.quantity_left(&state),
        equity: settled.equity_after,
        seconds_since_partial: Some(29.0),
        ..state
    };
    let step = liquidation_step(process, &rest, ladder).unwrap();
    assert_eq!(step.action, LiquidationAction::Wait);
    // After 30 s at 99,800: 1,660 - 320 = 1,340 against 1,996, two thirds 1,330.67. All of it, at
    // 99,700, loses 160.
    let later = LiquidationState { seconds_since_partial: Some(30.0), ..rest };
    let steps = walk(process, ladder, later, &[(99_800.0, 99_700.0)]);
    assert_eq!((steps[0].0, steps[0].1), (LiquidationAction::Close, 1.6));
    assert_close(steps[0].2.equity_after, 1_180.0, 1e-12);
    assert_close(steps[0].2.flows.market_delta, 160.0, 1e-12);
    // At 99,700 there are 1,180 against 1,994, two thirds 1,329.33: the vault takes position and
    // margin, and closing at 99,600 leaves it 1,020.
    let steps = walk(process, ladder, later, &[(99_700.0, 99_600.0)]);
    let settled = steps[0].2;
    assert_eq!(steps[0].0, LiquidationAction::Backstop);
    assert_close(settled.flows.vault_delta, 1_020.0, 1e-12);
    assert_close(settled.flows.account_delta, -1_180.0, 1e-12);
    assert_eq!((settled.flows.insurance_delta, settled.equity_after), (0.0, 0.0));
}

#[test]
fn bad_rules_and_steps_are_refused() {
    let process = LiquidationProcess::Bybit { tiers_per_step: 0, takeover_tier_max: 1 };
    let state = long(50.0, 10_000.0);
    let error = liquidation_step(&process, &state, &bybit_ladder()).unwrap_err();
    assert_eq!(error.to_string(), "`tiers_per_step` is 0, but it must be 1 or above");
    let step = liquidation_step(&BYBIT, &state, &bybit_ladder()).unwrap();
    for equity_share in [-0.1, 1.1, f64::NAN] {
        let step = plimsoll_venue::LiquidationStep { equity_share, ..step };
        assert!(settle_liquidation(&state, &step).is_err());
    }
    for seconds in [f64::NAN, -1.0] {
        let state = LiquidationState { seconds_since_partial: Some(seconds), ..state };
        let error = liquidation_step(&BYBIT, &state, &bybit_ladder()).unwrap_err();
        assert!(error.to_string().starts_with("`seconds_since_partial` is "), "{error}");
    }
    let state = LiquidationState { seconds_since_partial: Some(f64::INFINITY), ..state };
    assert!(liquidation_step(&BYBIT, &state, &bybit_ladder()).is_ok());
}

#[test]
fn numbers_too_large_are_refused() {
    let ladder = bybit_ladder();
    let state = LiquidationState { quantity: 1e300, mark_price: 1e300, ..long(1.0, 1.0) };
    assert!(liquidation_step(&BYBIT, &state, &ladder).is_err());
    let step = liquidation_step(&BYBIT, &long(50.0, 10_000.0), &ladder).unwrap();
    assert!(settle_liquidation(&state, &step).is_err());
    // Each number is finite and the price is not.
    let state =
        LiquidationState { side: Side::Short, quantity: 1e-300, equity: 1e300, ..long(1.0, 1.0) };
    let step = plimsoll_venue::LiquidationStep { close_quantity: 1e-300, ..step };
    assert!(settle_liquidation(&state, &step).is_err());

    for side in [Side::Long, Side::Short] {
        for (quantity, entry_price, margin) in
            [(1e300, 1e300, 1.0), (1e-300, 1.0, 1e300), (1e-300, 1e-300, 1.0), (1.0, 1.0, f64::MAX)]
        {
            let inputs = LiquidationInputs::isolated(side, quantity, entry_price, margin);
            for kind in [ContractKind::Linear, ContractKind::Inverse] {
                for at in [BracketAt::Liquidation, BracketAt::Entry] {
                    if let Ok(found) = contract_liquidation_price(kind, &inputs, &ladder, at) {
                        assert!(found.price.is_none_or(f64::is_finite), "{inputs:?}");
                        assert_eq!(found.price.is_none(), found.reason.is_some());
                    }
                }
                if let Ok(price) = contract_bankruptcy_price(kind, &inputs) {
                    assert!(price.is_none_or(f64::is_finite), "{inputs:?}");
                }
            }
        }
    }
    let huge = LiquidationInputs::isolated(Side::Short, 1e300, 1e300, 1.0);
    assert!(liquidation_price(&huge, &ladder, BracketAt::Liquidation).is_err());
    let thin = LiquidationInputs::isolated(Side::Short, 1e-300, 1.0, 1e300);
    assert!(bankruptcy_price(&thin).is_err());
    assert!(liquidation_price(&thin, &ladder, BracketAt::Liquidation).is_err());
}
