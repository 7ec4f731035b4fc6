//! Laws that hold for every market, strategy and account.

use plimsoll_engine::DecisionOutcome::RefusedAtFill;
use plimsoll_engine::prepared::PreparedSymbol;
use plimsoll_engine::{
    Cause, ExitReason, LiquidationRecord, MarginMode, Outcome, Simultaneous, TradeList,
};
use plimsoll_market::TradeExit;
use plimsoll_sizing::PlannedSize;
use plimsoll_sizing::formulas::Limit;
use proptest::prelude::*;

use crate::random::{Random, STEP, lots, scaled, truncated};
use crate::scene::{Scene, fixed};

/// A random scene with its trades and a rule's plans.
fn draw(seed: u64) -> (Scene, TradeList, Vec<PlannedSize>) {
    let mut random = Random::new(seed);
    let scene = random.scene();
    with_plans(scene, random)
}

fn with_plans(scene: Scene, mut random: Random) -> (Scene, TradeList, Vec<PlannedSize>) {
    let list = scene.trades();
    let plans = random.plans(list.trades.len());
    (scene, list, plans)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Ledger, trades and equity agree, nobody loses more than is behind a position, and the same
    /// replay gives the same outcome (`replay` checks the books of whatever it returns).
    #[test]
    fn the_books_balance(seed: u64) {
        let (scene, list, plans) = draw(seed);
        let outcome = scene.replay(&list, &plans);
        prop_assert_eq!(outcome.equity.len(), scene.market.n_bars);
        prop_assert_eq!(outcome.equity_low.len(), scene.market.n_bars);
        prop_assert!(outcome.decisions.is_sorted_by_key(|decision| decision.bar));
        prop_assert!(outcome.ledger.is_sorted_by_key(|row| row.bar));
        prop_assert!(outcome.trades.is_sorted_by_key(|trade| trade.exit_bar));
        prop_assert!(outcome.leverage_max >= 0.0 && outcome.leverage_sum.is_finite());
        prop_assert_eq!(&outcome, &scene.replay(&list, &plans));
    }

    /// A trade of the account is the list's trade: same entry, same exit or an earlier forced one.
    #[test]
    fn sizes_change_no_trade(seed: u64) {
        let (scene, list, plans) = draw(seed);
        for trade in &scene.replay(&list, &plans).trades {
            let free = &list.trades[trade.trade_idx];
            prop_assert_eq!((trade.side, trade.entry_bar), (free.side, free.entry_bar));
            if trade.exit_reason == ExitReason::Liquidation {
                prop_assert!(trade.exit_bar <= free.exit_bar);
            } else {
                let reason = match free.exit {
                    TradeExit::Signal => ExitReason::Signal,
                    TradeExit::Stop => ExitReason::Stop,
                    TradeExit::TakeProfit => ExitReason::TakeProfit,
                    TradeExit::End => ExitReason::End,
                };
                prop_assert_eq!((trade.exit_bar, trade.exit_reason), (free.exit_bar, reason));
            }
        }
    }

    /// Prices times a power of two with lots divided by it: the same money, digit for digit. Only
    /// where brackets go by the notional, which OKX's do not.
    #[test]
    fn units_do_not_matter(seed: u64, exponent in -6_i32..8, is_bybit: bool) {
        let venue = if is_bybit { "bybit-linear" } else { "binance-usdm" };
        let mut random = Random::new(seed);
        let scene = random.scene_at(venue);
        let (mut scene, list, plans) = with_plans(scene, random);
        let factor = 2_f64.powi(exponent);
        let mut other = scaled(&scene, factor);
        scene.rules = lots(venue, STEP, 0.0125);
        other.rules = lots(venue, STEP / factor, 0.0125);
        let a = scene.replay(&list, &plans);
        let b = other.replay(&other.trades(), &plans);
        prop_assert_eq!(&a.equity, &b.equity);
        prop_assert_eq!(&a.equity_low, &b.equity_low);
        let amounts = |outcome: &Outcome| -> Vec<f64> {
            outcome.ledger.iter().map(|row| row.amount).collect()
        };
        prop_assert_eq!(amounts(&a), amounts(&b));
        prop_assert_eq!(list.unit_returns.concat().iter().map(|r| r.to_bits()).collect::<Vec<_>>(),
            other.trades().unit_returns.concat().iter().map(|r| r.to_bits()).collect::<Vec<_>>());
    }

    /// Nothing before a bar depends on what comes after it.
    #[test]
    fn the_future_does_not_matter(seed: u64, share in 0.1_f64..1.0) {
        let (scene, list, plans) = draw(seed);
        let n_bars = ((scene.market.n_bars as f64 * share) as usize).max(2);
        let past = truncated(&scene, n_bars);
        let past_list = past.trades();
        // Where the past ends, open trades are marked out and the last decisions cannot fill.
        let last_bar = |symbol: &PreparedSymbol<'_>| symbol.end_bar.saturating_sub(1);
        let known = past.prepared().symbols.iter().map(last_bar).min().unwrap();
        let closed = |list: &TradeList| -> Vec<_> {
            list.trades.iter().filter(|trade| trade.exit_bar < known).cloned().collect()
        };
        prop_assert_eq!(closed(&list), closed(&past_list));
        let entered = |list: &TradeList| -> Vec<_> {
            list.trades.iter().map(|t| (t.decision_bar, t.symbol_idx, t.side)).take_while(|t| t.0 < known).collect()
        };
        prop_assert_eq!(entered(&list), entered(&past_list));

        let now = scene.replay(&list, &plans);
        let then = past.replay(&past_list, &plans[..past_list.trades.len()]);
        prop_assert_eq!(&now.equity[..known], &then.equity[..known]);
        prop_assert_eq!(&now.equity_low[..known], &then.equity_low[..known]);
        let ledger = |outcome: &Outcome| -> Vec<_> {
            outcome.ledger.iter().filter(|row| row.bar < known).copied().collect()
        };
        prop_assert_eq!(ledger(&now), ledger(&then));
        let decided = |outcome: &Outcome| -> Vec<_> {
            outcome.decisions.iter().filter(|row| row.bar < known).cloned().collect()
        };
        prop_assert_eq!(decided(&now), decided(&then));
        let ended = |outcome: &Outcome| -> Vec<_> {
            outcome.trades.iter().filter(|row| row.exit_bar < known).cloned().collect()
        };
        prop_assert_eq!(ended(&now), ended(&then));
    }

    /// Bars without an event are passed over quickly, to the same result: a settlement of nothing
    /// at every open makes an event of each.
    #[test]
    fn quiet_bars_are_marked_like_others(seed: u64) {
        let (mut scene, list, plans) = draw(seed);
        scene.settings.margin = MarginMode::Cross;
        let quick = scene.replay(&list, &plans);
        for bar in 0..scene.market.n_bars {
            for symbol in 0..scene.market.symbols.len() {
                scene.funding(symbol, bar, 0.0, Some(1.0));
            }
        }
        for columns in &mut scene.market.symbols {
            columns.funding.sort_by_key(|event| event.settlement_time);
        }
        let mut slow = scene.replay(&list, &plans);
        slow.ledger.retain(|row| row.cause != Cause::Funding || row.amount.abs() > 0.0);
        prop_assert_eq!(quick, slow);
    }

    /// A symbol that never trades changes nothing for the others.
    #[test]
    fn an_idle_symbol_does_not_matter(seed: u64) {
        let (mut scene, ..) = draw(seed);
        for signal in &mut scene.signals[1..] {
            signal.entry.fill(0);
        }
        let list = scene.trades();
        let plans = Random::new(seed).plans(list.trades.len());
        let with = scene.replay(&list, &plans);
        scene.market.symbols.truncate(1);
        scene.signals.truncate(1);
        let alone = scene.replay(&scene.trades(), &plans);
        // The cheapest symbol decides when an account is ruined, which ends nothing but its trades.
        if with.ruined_at == alone.ruined_at {
            prop_assert_eq!(&with, &alone);
        }
    }

    /// At a leverage too small to be liquidated or to move anything, the account earns what the
    /// size-free trade says, on its notional.
    #[test]
    fn a_small_size_earns_the_unit_return(seed: u64) {
        let (mut scene, ..) = draw(seed);
        scene.settings.costs.impact_y = 0.0;
        scene.settings.margin = MarginMode::Cross;
        scene.settings.equity = 1e9;
        scene.settings.leverage = 3.0;
        let list = scene.trades();
        let outcome = scene.replay(&list, &vec![fixed(1e-4); list.trades.len()]);
        prop_assert_eq!(outcome.trades.len(), list.trades.len());
        for trade in &outcome.trades {
            let free = &list.trades[trade.trade_idx];
            let earned = trade.pnl / trade.notional;
            prop_assert!((earned - free.unit_return).abs() < 1e-9, "{} {:?}", earned, free);
            match (trade.r_multiple, free.r_multiple) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() <= 1e-7 * b.abs().max(1.0)),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    /// A further limit never makes a decision larger, and no decision exceeds any of its limits.
    #[test]
    fn a_limit_only_ever_limits(seed: u64, more in 0.0_f64..20.0) {
        let (mut scene, list, mut plans) = draw(seed);
        // Shared out, the margin that one entry does not want goes to the others.
        scene.settings.simultaneous = Simultaneous::FileOrder;
        let before = scene.replay(&list, &plans);
        for decision in &before.decisions {
            for limit in &decision.limits {
                prop_assert!(decision.leverage <= limit.leverage, "{:?}", decision);
            }
            prop_assert!(decision.quantity <= decision.quantity_raw * (1.0 + 1e-9));
        }
        for plan in &mut plans {
            plan.limits.push(Limit { name: "risk_cap", value: Ok(more) });
        }
        let after = scene.replay(&list, &plans);
        // Until the accounts part: the first decision of each is taken with the same equity.
        if let (Some(a), Some(b)) = (before.decisions.first(), after.decisions.first()) {
            prop_assert!(b.quantity <= a.quantity && b.leverage <= a.leverage);
        }
    }

    /// Isolated, alone and without fees beside the margin, more leverage on the exchange means a
    /// smaller margin, so that a trade can never lose more by it.
    #[test]
    fn more_isolated_leverage_never_loses_more_on_a_trade(seed: u64) {
        let (mut scene, ..) = draw(seed);
        scene.market.symbols.truncate(1);
        scene.signals.truncate(1);
        scene.market.symbols[0].funding.clear();
        scene.settings.margin = MarginMode::Isolated;
        scene.settings.equity = 1e6;
        scene.taker_fee = 0.0;
        let list = scene.trades();
        for leverage in [5.0, 10.0, 20.0, 40.0] {
            scene.settings.leverage = leverage;
            let outcome = scene.replay(&list, &vec![fixed(0.01); list.trades.len()]);
            for trade in &outcome.trades {
                prop_assert!(trade.pnl >= -trade.notional / leverage * (1.0 + 1e-9));
            }
        }
    }
}

/// The laws are worth something only where their markets reach the rare events.
#[test]
fn random_markets_reach_the_rare_events() {
    for venue in ["binance-usdm", "bybit-linear", "okx-swap"] {
        rare_events_at(venue);
    }
}

fn rare_events_at(venue: &str) {
    let mut seen = [0; 8];
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let scene = random.scene_at(venue);
        let (scene, list, plans) = with_plans(scene, random);
        let outcome = scene.replay(&list, &plans);
        let is_partial = |forced: &&LiquidationRecord| forced.quantity_left > 0.0;
        let refused = outcome.decisions.iter().filter(|d| d.outcome == RefusedAtFill);
        let stopped = outcome.trades.iter().filter(|t| t.exit_reason == ExitReason::Stop);
        let counts = [
            outcome.trades.len(),
            stopped.count(),
            outcome.liquidations.len(),
            outcome.liquidations.iter().filter(is_partial).count(),
            refused.count(),
            outcome.joint_extreme_bars,
            outcome.capped_fills,
            usize::from(outcome.ruined_at.is_some()),
        ];
        seen.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    eprintln!(
        "{venue}: trades, stops, liquidations, partial, refused, joint, capped, ruined: {seen:?}"
    );
    assert!(seen.iter().all(|&count| count > 0), "{venue}: {seen:?}");
}
