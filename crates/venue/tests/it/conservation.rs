//! Laws of every venue's liquidation: money is conserved, nobody loses more than stands behind a
//! position, and it ends.

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, Ladder, LiquidationAction, LiquidationProcess, LiquidationState, TierBasis,
    liquidation_step, maintenance_deductions, round_quantity_down, settle_liquidation,
};
use proptest::prelude::*;

use crate::{rules, time};

const PROCESSES: [LiquidationProcess; 4] = [
    LiquidationProcess::Binance,
    LiquidationProcess::Bybit { tiers_per_step: 1, takeover_tier_max: 1 },
    LiquidationProcess::Okx { tiers_per_step: 2, takeover_tier_max: 2 },
    LiquidationProcess::Hyperliquid {
        partial_threshold_notional: 100_000.0,
        partial_fraction: 0.2,
        cooldown_seconds: 30.0,
        backstop_equity_fraction: 2.0 / 3.0,
    },
];

/// Two of the tables, and ladders of 1 to 12 brackets by notional and by quantity, gentle and steep.
fn ladders() -> &'static [Ladder] {
    static LADDERS: std::sync::LazyLock<Vec<Ladder>> = std::sync::LazyLock::new(|| {
        let mut ladders: Vec<Ladder> = [("binance-usdm", "BTCUSDT"), ("hyperliquid", "BTC")]
            .map(|(venue, symbol)| rules(venue).ladder(symbol, time("2025-10-10")).unwrap().clone())
            .into();
        for n_brackets in [1, 2, 3, 5, 12] {
            for (first_cap, growth) in [(7_000.0, 2.0), (300.0, 6.3)] {
                for (first_rate, rate_step) in [(0.004, 0.0017), (0.02, 0.035)] {
                    for basis in [TierBasis::Notional, TierBasis::Quantity] {
                        ladders.push(ladder(
                            basis, n_brackets, first_cap, growth, first_rate, rate_step,
                        ));
                    }
                }
            }
        }
        ladders
    });
    &LADDERS
}

fn ladder(
    basis: TierBasis,
    n_brackets: u32,
    first_cap: f64,
    growth: f64,
    first_rate: f64,
    rate_step: f64,
) -> Ladder {
    let cap = |tier: u32| (first_cap * growth.powi(tier as i32)).round();
    let floors: Vec<f64> = (0..n_brackets).map(|k| if k == 0 { 0.0 } else { cap(k - 1) }).collect();
    let rates: Vec<f64> = (0..n_brackets).map(|k| first_rate + rate_step * f64::from(k)).collect();
    let deductions = maintenance_deductions(&floors, &rates).unwrap();
    let brackets = (0..n_brackets)
        .map(|k| Bracket {
            tier: k + 1,
            floor: floors[k as usize],
            cap: if k + 1 == n_brackets { f64::INFINITY } else { cap(k) },
            maintenance_margin_rate: rates[k as usize],
            leverage_max: 0.9 / rates[k as usize],
            maintenance_deduction: match basis {
                TierBasis::Notional => deductions[k as usize],
                TierBasis::Quantity => 0.0,
            },
        })
        .collect();
    match basis {
        TierBasis::Notional => Ladder::new(brackets).unwrap(),
        TierBasis::Quantity => Ladder::by_quantity(brackets)
            .and_then(|ladder| ladder.with_closing_fee(0.0005))
            .unwrap(),
    }
}

/// A position somewhere on a ladder, whole lots where there are lots, whose equity is from below
/// zero to what it needs.
fn positions()
-> impl Strategy<Value = (&'static LiquidationProcess, &'static Ladder, LiquidationState)> {
    let market = (any::<bool>(), -2.0..5.0_f64, -0.005..0.05_f64, 0.0..0.02_f64);
    let position = (1.0..9.3_f64, 0..3_usize, -0.5..1.01_f64, -1.0..2.0_f64);
    (0..PROCESSES.len(), 0..ladders().len(), market, position).prop_map(
        |(
            process_idx,
            ladder_idx,
            (is_long, log_price, slip, fee),
            (log_size, lot_idx, share, other),
        )| {
            let (process, ladder) = (&PROCESSES[process_idx], &ladders()[ladder_idx]);
            let side = if is_long { Side::Long } else { Side::Short };
            let mark_price = 10_f64.powf(log_price);
            let quantity = 10_f64.powf(log_size) / ladder.size(1.0, mark_price);
            let quantity_step = [0.0, 0.001, 1.0][lot_idx];
            let quantity = if quantity_step > 0.0 {
                round_quantity_down(quantity, quantity_step).max(quantity_step)
            } else {
                quantity
            };
            let own = ladder.required_margin(quantity, mark_price);
            let state = LiquidationState {
                side,
                quantity,
                mark_price,
                fill_price: mark_price * (1.0 - side.sign() * slip),
                equity: 0.0,
                other_maintenance_margin: own * other.max(0.0),
                liquidation_fee_fraction: fee,
                quantity_step,
                seconds_since_partial: None,
            };
            let equity = share * (own + state.other_maintenance_margin);
            (process, ladder, LiquidationState { equity, ..state })
        },
    )
}

fn is_whole_lots(quantity: f64, quantity_step: f64) -> bool {
    if quantity_step <= 0.0 {
        return true;
    }
    let lots = quantity / quantity_step;
    (lots - lots.round()).abs() <= 1e-9 + 4.0 * f64::EPSILON * lots
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// At one mark: each step's flows add up to nothing, the account loses no more than its
    /// equity, and it ends with compliance or nothing left after at most an order a bracket.
    #[test]
    fn money_is_conserved_and_it_ends((process, ladder, start) in positions()) {
        let mut state = start;
        let scale = start.quantity * start.mark_price + start.equity.abs();
        let sign = start.side.sign();
        let mut n_steps = 0;
        let mut lost = 0.0;
        while state.quantity > 0.0 {
            let step = liquidation_step(process, &state, ladder).unwrap();
            prop_assert!(step.close_quantity >= 0.0 && step.close_quantity <= state.quantity);
            if step.close_quantity <= 0.0 {
                prop_assert_eq!(step.action, LiquidationAction::None);
                prop_assert!(process.is_compliant(&state, ladder));
                break;
            }
            let settled = settle_liquidation(&state, &step).unwrap();
            let flows = settled.flows;
            prop_assert!(flows.imbalance().abs() <= 1e-12 * scale, "{:?}", settled);
            let fill_loss = step.close_quantity * sign * (state.mark_price - state.fill_price);
            prop_assert!((flows.market_delta - fill_loss).abs() <= 1e-12 * scale);
            let account_delta = settled.equity_after - state.equity;
            prop_assert!((flows.account_delta - account_delta).abs() <= 1e-12 * scale);
            // The price and the fee that the account gets explain what it loses.
            let paid = step.close_quantity * sign * (state.mark_price - settled.price) + settled.fee;
            prop_assert!((paid + account_delta).abs() <= 1e-12 * scale, "{:?}", settled);
            let fund = flows.insurance_delta + flows.vault_delta;
            prop_assert!((fund - settled.insurance_delta).abs() <= 1e-12 * scale);
            prop_assert!(settled.equity_after >= 0.0 && settled.bad_debt >= 0.0);
            prop_assert!(settled.fee >= 0.0 && settled.price.is_finite());
            let is_positive = settled.bankruptcy_price.is_none_or(|price| price > 0.0);
            prop_assert!(is_positive, "{:?}", settled);
            lost -= account_delta;

            let left = step.quantity_left(&state);
            prop_assert!(left >= 0.0 && left < state.quantity);
            prop_assert!(is_whole_lots(left, state.quantity_step), "{} left", left);
            let removed = state.quantity - left;
            prop_assert!((removed - step.close_quantity).abs() <= 1e-9 * state.quantity);
            state.quantity = left;
            state.equity = settled.equity_after;
            state.seconds_since_partial = Some(60.0);
            n_steps += 1;
            prop_assert!(n_steps <= ladder.brackets().len().max(3), "it does not end: {:?}", state);
        }
        prop_assert!(lost <= start.equity.max(0.0) * (1.0 + 1e-12));
    }

    /// While the mark moves between the steps: the margin that was paid in is found again with
    /// the market, the venue, the fund, the vault and the account, and no more than it is lost.
    #[test]
    fn no_loss_exceeds_the_margin(
        (process, ladder, start) in positions(),
        moves in prop::array::uniform8(-0.01..0.03_f64),
    ) {
        let sign = start.side.sign();
        let mut state = start;
        let mut parties = plimsoll_venue::MoneyFlows::default();
        // What the other side of the market has gained by the moves of the mark.
        let mut moved = 0.0;
        for adverse in moves {
            let mark_price = state.mark_price * (1.0 - sign * adverse);
            let gain = sign * state.quantity * (mark_price - state.mark_price);
            moved -= gain;
            state.equity += gain;
            state.fill_price *= mark_price / state.mark_price;
            state.mark_price = mark_price;
            let step = liquidation_step(process, &state, ladder).unwrap();
            if step.close_quantity <= 0.0 {
                prop_assert!(matches!(
                    step.action, LiquidationAction::None | LiquidationAction::Wait
                ));
                continue;
            }
            let settled = settle_liquidation(&state, &step).unwrap();
            parties = parties.plus(&settled.flows);
            state.quantity = step.quantity_left(&state);
            state.equity = settled.equity_after;
            state.seconds_since_partial = Some(60.0);
            prop_assert!(state.equity >= 0.0);
            if state.quantity <= 0.0 {
                break;
            }
        }
        let others = moved
            + parties.market_delta
            + parties.fee
            + parties.insurance_delta
            + parties.vault_delta;
        let scale = start.quantity * start.mark_price + start.equity.abs();
        prop_assert!((state.equity + others - start.equity).abs() <= 1e-10 * scale);
        // Once closed, the account is never below zero: margin lost is at most margin paid in.
        if state.quantity <= 0.0 {
            prop_assert!(start.equity - state.equity <= start.equity);
        }
    }
}

/// The generator reaches every action, on both kinds of ladder.
#[test]
fn every_action_is_met() {
    let mut seen = std::collections::BTreeSet::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..3_000 {
        let tree = positions().new_tree(&mut runner).unwrap();
        let (process, ladder, state) = proptest::strategy::ValueTree::current(&tree);
        let step = liquidation_step(process, &state, ladder).unwrap();
        seen.insert(format!("{:?} {:?}", ladder.basis(), step.action));
    }
    for basis in ["Notional", "Quantity"] {
        for action in ["None", "Reduce", "Close", "Takeover", "BankruptcyTakeover", "Backstop"] {
            assert!(seen.contains(&format!("{basis} {action}")), "{basis} {action} in {seen:?}");
        }
    }
}
