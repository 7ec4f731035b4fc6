//! Laws of every venue's liquidation: money is conserved, nobody loses more than stands behind a
//! position, and it ends.

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, Ladder, LiquidationAction, LiquidationProcess, LiquidationState, TierBasis,
    liquidation_step, maintenance_deductions, round_quantity_down, settle_liquidation,
};
use proptest::prelude::*;

use crate::{all_ladders, rules, time};

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

/// Every dated ladder of Binance, whose deductions are rounded, one of Hyperliquid, and ladders of 1 to 12 brackets by notional and by quantity, gentle and steep.
fn ladders() -> &'static [Ladder] {
    static LADDERS: std::sync::LazyLock<Vec<Ladder>> = std::sync::LazyLock::new(|| {
        let mut ladders: Vec<Ladder> =
            all_ladders("binance-usdm").into_iter().map(|(_, _, ladder)| ladder).collect();
        ladders.push(rules("hyperliquid").ladder("BTC", time("2025-10-10")).unwrap().clone());
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
            // By the flows, not by the equity that is reported: no more than there was, and the
            // fund pays nothing while an account with one position has something left.
            let flows = settled.flows;
            prop_assert!(-flows.account_delta <= state.equity.max(0.0), "{:?}", settled);
            if state.other_maintenance_margin <= 0.0 && flows.bad_debt > 0.0 {
                prop_assert!(settled.equity_after <= 0.0, "{:?}", settled);
            }
            parties = parties.plus(&flows);
            state.quantity = step.quantity_left(&state);
            state.equity = settled.equity_after;
            state.seconds_since_partial = Some(60.0);
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
    }

    /// Positions that share an account are liquidated one after the other, the one that needs most
    /// first: every step is balanced, the account pays what it had and no more, and it ends.
    #[test]
    fn positions_that_share_an_account_share_its_money(
        parts in prop::collection::vec(positions(), 2..5),
        share in -0.3..1.01_f64,
    ) {
        let process = parts[0].0;
        let mut book: Vec<(&Ladder, LiquidationState)> =
            parts.into_iter().map(|(_, ladder, state)| (ladder, state)).collect();
        let needs = |(ladder, state): &(&Ladder, LiquidationState)| match state.quantity {
            quantity if quantity > 0.0 => ladder.required_margin(quantity, state.mark_price),
            _ => 0.0,
        };
        let gross: f64 = book.iter().map(|(_, state)| state.quantity * state.mark_price).sum();
        let start = share * book.iter().map(needs).sum::<f64>();
        let mut equity = start;
        let mut total = plimsoll_venue::MoneyFlows::default();
        let mut steps_left: usize = book.iter().map(|(l, _)| l.brackets().len().max(3)).sum();
        while book.iter().any(|(_, state)| state.quantity > 0.0) {
            let open: Vec<usize> = (0..book.len()).filter(|&i| book[i].1.quantity > 0.0).collect();
            let idx = *open
                .iter()
                .max_by(|a, b| needs(&book[**a]).total_cmp(&needs(&book[**b])))
                .unwrap();
            let others: f64 = open.iter().filter(|i| **i != idx).map(|i| needs(&book[*i])).sum();
            let (ladder, state) = &mut book[idx];
            state.equity = equity;
            state.other_maintenance_margin = others;
            let step = liquidation_step(process, state, ladder).unwrap();
            if step.close_quantity <= 0.0 {
                prop_assert!(process.is_compliant(state, ladder), "{:?}", step);
                break;
            }
            let settled = settle_liquidation(state, &step).unwrap();
            let scale = gross + start.abs();
            prop_assert!(settled.flows.imbalance().abs() <= 1e-12 * scale, "{:?}", settled);
            prop_assert!(-settled.flows.account_delta <= equity.max(0.0), "{:?}", settled);
            // Only the last position may take all that there is, and the vault.
            let is_shared = matches!(step.action, LiquidationAction::BankruptcyTakeover)
                && others > 0.0
                && equity > 0.0;
            if is_shared {
                prop_assert!(settled.equity_after > 0.0, "{:?}", settled);
            }
            state.quantity = step.quantity_left(state);
            state.seconds_since_partial = Some(60.0);
            equity = settled.equity_after;
            total = total.plus(&settled.flows);
            prop_assert!(steps_left > 0, "it does not end");
            steps_left -= 1;
        }
        let found = equity + total.market_delta + total.fee + total.insurance_delta + total.vault_delta;
        prop_assert!((found - start).abs() <= 1e-10 * (gross + start.abs()), "{} of {}", found, start);
    }

    /// Binance closes no more than it has to: nothing larger than the rest is compliant, at either
    /// end of any bracket's stretch, between which excess margin is a straight line.
    #[test]
    fn binance_closes_the_least_that_suffices((_, ladder, state) in positions()) {
        let LiquidationState { quantity, mark_price: mark, equity, quantity_step: lot, .. } = state;
        let step = liquidation_step(&LiquidationProcess::Binance, &state, ladder).unwrap();
        let top = ladder.bracket_idx(ladder.size(quantity, mark));
        if step.action == LiquidationAction::None || top == 0 || equity <= 0.0 {
            return Ok(());
        }
        let cost = state.side.sign() * (mark - state.fill_price)
            + state.liquidation_fee_fraction * state.fill_price;
        let excess = |rest: f64| {
            equity
                - (quantity - rest) * cost
                - ladder.required_margin(rest, mark)
                - state.other_maintenance_margin
        };
        let rest = step.quantity_left(&state);
        let scale = quantity * mark + equity + state.other_maintenance_margin;
        if rest > 0.0 {
            prop_assert_eq!(step.action, LiquidationAction::Reduce);
            prop_assert!(excess(rest) >= -1e-13 * scale, "{} left", rest);
        } else {
            prop_assert_eq!(step.action, LiquidationAction::Takeover);
        }
        let mut larger = Vec::new();
        if lot > 0.0 {
            larger.extend([rest + lot, quantity - lot]);
        } else {
            larger.extend([rest * (1.0 + 1e-6), quantity * (1.0 - 1e-6)]);
        }
        for bracket in &ladder.brackets()[..=top] {
            for size in [bracket.floor, bracket.cap].into_iter().filter(|size| size.is_finite()) {
                let edge = size / ladder.size(1.0, mark);
                if lot > 0.0 {
                    let below = round_quantity_down(edge, lot);
                    larger.extend([below - lot, below, below + lot]);
                } else {
                    larger.extend([edge * (1.0 - 1e-12), edge * (1.0 + 1e-12)]);
                }
            }
        }
        let allowed = 1e-9 * scale;
        for kept in larger {
            if kept > rest * (1.0 + 1e-9) && kept < quantity * (1.0 - 1e-12) {
                prop_assert!(excess(kept) <= allowed, "{} could stay, {} does", kept, rest);
            }
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
