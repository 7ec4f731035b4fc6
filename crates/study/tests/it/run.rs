//! A whole study over a simulated autumn with a crash in it.

use std::sync::OnceLock;

use plimsoll_engine::{Decision, ExitReason};
use plimsoll_study::StudyResult;
use plimsoll_study::result::AccountResult;

use crate::lakes::{AUTUMN, autumn, try_run};

/// The study as it stands, run once.
fn result() -> &'static StudyResult {
    static RESULT: OnceLock<StudyResult> = OnceLock::new();
    RESULT.get_or_init(|| try_run(AUTUMN, &[], autumn()).unwrap())
}

fn accounts(result: &StudyResult) -> impl Iterator<Item = (&str, &AccountResult)> {
    result
        .rules
        .iter()
        .flat_map(|rule| rule.accounts.iter().map(move |account| (rule.name.as_str(), account)))
}

#[test]
fn the_study_trades() {
    let result = result();
    assert_eq!(result.symbols, ["BTCUSDT", "ETHUSDT"]);
    assert_eq!(result.baseline, "fixed");
    assert_eq!(result.rules.len(), 10);
    assert!(result.trades.len() > 20, "{}", result.trades.len());
    for rule in &result.rules {
        let scopes: Vec<&str> = rule.accounts.iter().map(|a| a.scope.as_str()).collect();
        assert_eq!(scopes, ["portfolio", "BTCUSDT", "ETHUSDT"]);
        assert!(!rule.account().outcome.trades.is_empty(), "{}", rule.name);
        assert_eq!(rule.account().daily.days.len(), 61, "{}", rule.name);
    }
    assert!(result.verdict.winner.is_some());
    assert!(!result.verdict.sentences.is_empty());
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let runs: Vec<StudyResult> = [1, 2, 7]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| try_run(AUTUMN, &[], autumn()).unwrap())
        })
        .collect();
    for other in &runs {
        assert_eq!(other.receipt, result().receipt);
        assert_eq!(format!("{other:?}"), format!("{:?}", result()));
    }
}

#[test]
fn another_seed_changes_the_draws_and_nothing_else() {
    let other = try_run(AUTUMN, &["compare.bootstrap.seed=8"], autumn()).unwrap();
    let own = result();
    assert_eq!(other.receipt.data_hash, own.receipt.data_hash);
    assert_ne!(other.receipt.config_hash, own.receipt.config_hash);
    assert_ne!(other.receipt.result_hash, own.receipt.result_hash);
    for (other, own) in other.rules.iter().zip(&own.rules) {
        assert_eq!(other.account().outcome, own.account().outcome);
    }
    assert_ne!(other.comparisons, own.comparisons);
}

#[test]
fn every_ledger_adds_up_to_the_change_of_equity() {
    for (rule, account) in accounts(result()) {
        let outcome = &account.outcome;
        let change = outcome.equity.last().unwrap() - outcome.initial_equity;
        let scale = outcome.initial_equity + outcome.traded_notional;
        let ledger: f64 = outcome.ledger.iter().map(|row| row.amount).sum();
        assert!(
            (ledger - change).abs() <= 1e-9 * scale,
            "{rule} {}: {ledger} {change}",
            account.scope
        );
        let trades: f64 = outcome.trades.iter().map(|trade| trade.pnl).sum();
        assert!(
            (trades - change).abs() <= 1e-9 * scale,
            "{rule} {}: {trades} {change}",
            account.scope
        );
        let wallet = outcome.ledger.last().unwrap().wallet;
        assert!((wallet - outcome.equity.last().unwrap()).abs() <= 1e-9 * scale, "{rule}");
    }
}

#[test]
fn no_figure_is_nan_and_every_undefined_one_says_why() {
    let result = result();
    for (rule, account) in accounts(result) {
        assert!(account.metrics.len() > 30, "{rule}");
        for metric in &account.metrics {
            match metric.value {
                Some(value) => assert!(value.is_finite(), "{rule} {}: {value}", metric.name),
                None => assert!(metric.reason.is_some(), "{rule} {}", metric.name),
            }
        }
        assert!(account.outcome.equity.iter().all(|equity| equity.is_finite()), "{rule}");
        assert!(account.outcome.equity_low.iter().all(|equity| equity.is_finite()), "{rule}");
        assert!(account.daily.returns.iter().all(|r| r.is_finite()), "{rule}");
    }
    for row in &result.comparisons {
        let figures = [row.difference, row.low, row.high, row.p_value, row.p_value_adjusted];
        assert!(figures.iter().flatten().all(|figure| figure.is_finite()), "{row:?}");
        assert!(figures.iter().all(Option::is_some) || row.reason.is_some(), "{row:?}");
    }
    for row in &result.sensitivity {
        assert!(row.final_equity.is_finite(), "{row:?}");
    }
}

#[test]
fn names_of_metrics_are_the_same_in_every_account_and_stand_once() {
    let names = |account: &AccountResult| -> Vec<String> {
        account.metrics.iter().map(|metric| metric.name.clone()).collect()
    };
    let expected = names(result().rules[0].account());
    let mut once = expected.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), expected.len(), "{expected:?}");
    for (rule, account) in accounts(result()) {
        assert_eq!(names(account), expected, "{rule} {}", account.scope);
    }
}

#[test]
fn every_rule_is_compared_with_the_baseline_in_every_scope() {
    let result = result();
    let others: Vec<&str> = result
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .filter(|name| *name != "fixed")
        .collect();
    for (symbol, basis) in [
        ("portfolio", "as_set"),
        ("portfolio", "matched_volatility"),
        ("BTCUSDT", "as_set"),
        ("ETHUSDT", "as_set"),
    ] {
        let rows: Vec<_> = result
            .comparisons
            .iter()
            .filter(|row| row.symbol == symbol && row.basis == basis)
            .collect();
        let metrics: Vec<&str> = rows
            .iter()
            .filter(|row| row.rule == others[0])
            .map(|row| row.metric.as_str())
            .collect();
        assert!(metrics.len() >= 3, "{symbol} {basis}: {metrics:?}");
        for metric in metrics {
            let compared: Vec<&str> = rows
                .iter()
                .filter(|row| row.metric == metric)
                .map(|row| row.rule.as_str())
                .collect();
            assert_eq!(compared, others, "{symbol} {basis} {metric}");
        }
    }
    for row in result.comparisons.iter().filter(|row| row.difference.is_some()) {
        assert!(row.low <= row.high, "{row:?}");
        assert!(row.p_value <= row.p_value_adjusted, "{row:?}");
        assert_eq!(row.baseline, "fixed");
    }
}

#[test]
fn the_crash_liquidates_the_over_leveraged_rule_and_spares_the_baseline() {
    let result = result();
    let rule = |name: &str| result.rules.iter().find(|rule| rule.name == name).unwrap();
    let ms = result.interval.ms();
    let time = |bar: usize| result.grid_start.0 + bar as i64 * ms;
    let crash = plimsoll_market::synthetic::Cascade::october_2025();

    let heavy = &rule("over_leveraged").account().outcome;
    let in_the_crash = heavy.liquidations.iter().any(|liquidation| {
        let opens = time(liquidation.bar);
        opens <= crash.at.0 + ms && opens + ms > crash.begin().0
    });
    assert!(in_the_crash, "{:?}", heavy.liquidations);
    assert!(heavy.trades.iter().any(|trade| trade.exit_reason == ExitReason::Liquidation));
    assert_eq!(rule("fixed").account().outcome.liquidations, []);
    let sentence =
        result.verdict.sentences.iter().find(|s| s.contains("over_leveraged (")).unwrap();
    assert!(sentence.starts_with("Liquidated: "), "{sentence}");
}

#[test]
fn every_filled_decision_obeys_its_smallest_limit() {
    for (rule, account) in accounts(result()) {
        for decision in &account.outcome.decisions {
            let smallest =
                decision.limits.iter().map(|limit| limit.leverage).fold(f64::INFINITY, f64::min);
            assert!(decision.leverage <= smallest * (1.0 + 1e-12), "{rule}: {decision:?}");
            let size = decision.quantity * decision.price;
            assert!(size <= smallest * decision.equity * (1.0 + 1e-9), "{rule}: {decision:?}");
            let shut = decision.multipliers.iter().filter(|gate| gate.factor <= 0.0);
            let mut named = decision.limits.iter().map(|limit| limit.name);
            assert!(
                named.any(|name| name == decision.binding_limit)
                    || shut.map(|gate| gate.name).next() == Some(decision.binding_limit),
                "{rule}: {decision:?}"
            );
            assert_eq!(decision.quantity > 0.0, decision.reason.is_empty(), "{rule}: {decision:?}");
        }
    }
}

#[test]
fn sensitivity_begins_with_the_study_itself_and_covers_every_assumption() {
    let result = result();
    for (row, rule) in result.sensitivity.iter().zip(&result.rules) {
        assert_eq!((row.variant.as_str(), &row.rule), ("as_set", &rule.name));
        assert_eq!(Some(&row.final_equity), rule.account().outcome.equity.last());
    }
    let mut variants: Vec<&str> = result.sensitivity.iter().map(|r| r.variant.as_str()).collect();
    variants.dedup();
    assert_eq!(
        variants,
        [
            "as_set",
            "intrabar=optimistic",
            "margin=isolated",
            "stop_slippage=0",
            "stop_slippage=0.5",
            "stop_slippage=1"
        ]
    );
}

/// What is decided until a bar does not depend on what comes after it.
#[test]
fn a_shorter_period_makes_the_same_decisions() {
    let whole = result();
    for to in ["2025-10-05", "2025-10-10T21:00:00Z", "2025-10-12T07:00:00Z"] {
        let cut = try_run(AUTUMN, &[&format!("data.to={to}")], autumn()).unwrap();
        assert_eq!(cut.grid_start, whole.grid_start);
        assert_eq!(cut.compare_from_bar, whole.compare_from_bar);
        // At the last close nothing can be decided any more: there is no bar to fill in.
        let last_bar = cut.to_bar - 1;
        let before = |decisions: &[Decision]| -> Vec<Decision> {
            decisions.iter().filter(|d| d.bar < last_bar).cloned().collect()
        };
        for (cut, whole) in cut.rules.iter().zip(&whole.rules) {
            for (cut, whole) in cut.accounts.iter().zip(&whole.accounts) {
                let (cut, whole) = (&cut.outcome, &whole.outcome);
                assert!(!cut.decisions.is_empty());
                assert_eq!(before(&cut.decisions), before(&whole.decisions), "{to}");
                // In the last bar positions are closed because the data end.
                let n_bars = cut.equity.len() - 1;
                assert_eq!(cut.equity[..n_bars], whole.equity[..n_bars], "{to}");
                assert_eq!(cut.equity_low[..n_bars], whole.equity_low[..n_bars], "{to}");
            }
        }
    }
}

/// More history before the period changes estimates only through trades that have closed.
#[test]
fn without_history_the_comparison_begins_later_and_says_so() {
    let late = try_run(AUTUMN, &["data.warm_up_from=2025-09-01"], autumn()).unwrap();
    assert!(late.trades_excluded > 0);
    assert!(late.grid_start > result().grid_start);
    let excluded = late.notes.iter().find(|note| note.contains("are left out")).unwrap();
    assert!(excluded.starts_with(&format!("The first {} trades", late.trades_excluded)));
    assert_eq!(result().trades_excluded, 0);
}

#[test]
fn an_estimate_that_never_wakes_is_named_and_holds_nobody_up() {
    let rule = "sizing.sleeper.kelly={ fraction = 0.25, estimator = \"trades\", trades = 5000 }";
    let with_sleeper = try_run(AUTUMN, &[rule], autumn()).unwrap();
    assert_eq!(with_sleeper.compare_from_bar, result().compare_from_bar);
    let sleeper = with_sleeper.rules.last().unwrap();
    assert_eq!(sleeper.name, "sleeper");
    assert_eq!(sleeper.account().outcome.trades, []);
    assert!(with_sleeper.notes.iter().any(|note| note.contains("Rule sleeper never had enough")));
    for (with, without) in with_sleeper.rules.iter().zip(&result().rules) {
        assert_eq!(with.account().outcome, without.account().outcome);
    }
}
