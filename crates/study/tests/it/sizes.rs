//! What a study finds about the sizes themselves, over the simulated autumn.

use std::sync::OnceLock;

use plimsoll_engine::DecisionKind;
use plimsoll_market::Side;
use plimsoll_study::StudyResult;
use plimsoll_study::result::{ComparisonRow, SizeOn};

use crate::lakes::{AUTUMN, autumn, candles_only, try_run};
use crate::scene::message_of;

/// The composite and it without each of its limits, a rule that resizes, one with a gate of every
/// kind that the simulated data feed, and the sizes on the eve of the crash.
const OVERRIDES: [&str; 9] = [
    "sizing.all.preset=min_of_all",
    "sizing.all.kelly={ fraction = 0.25, estimator = \"trades\", trades = 20, min_trades = 6 }",
    "sizing.all.without=each",
    "sizing.steady.atr={ risk_fraction = 0.01, bars = 14, multiple = 4.0 }",
    "sizing.steady.leverage_cap=2",
    "sizing.steady.resize={ band = 0.1 }",
    "sizing.ruinous.notional_fraction=18",
    "compare.sizes_on=[2025-09-15, 2025-10-10]",
    "compare.forecasts.enabled=false",
];

fn result() -> &'static StudyResult {
    static RESULT: OnceLock<StudyResult> = OnceLock::new();
    RESULT.get_or_init(|| try_run(AUTUMN, &OVERRIDES, autumn()).unwrap())
}

/// The rows of one rule.
fn sizes<'a>(result: &'a StudyResult, date: &str, rule: &str) -> Vec<&'a SizeOn> {
    let date = date.parse().unwrap();
    result.sizes_on.iter().filter(|row| row.date == date && row.rule == rule).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| try_run(AUTUMN, &OVERRIDES, autumn()).unwrap());
        assert_eq!(format!("{other:?}"), format!("{:?}", result()), "{threads}");
    }
}

#[test]
fn sizes_stand_by_day_rule_symbol_and_side() {
    let result = result();
    let mut expected = Vec::new();
    for date in ["2025-09-15", "2025-10-10"] {
        for rule in &result.rules {
            for symbol in ["BTCUSDT", "ETHUSDT"] {
                for side in [Side::Long, Side::Short] {
                    expected.push((date.parse().unwrap(), rule.name.as_str(), symbol, side));
                }
            }
        }
    }
    let found: Vec<_> = result
        .sizes_on
        .iter()
        .map(|row| (row.date, row.rule.as_str(), row.symbol.as_str(), row.side))
        .collect();
    assert_eq!(found, expected);
    for row in &result.sizes_on {
        // The close at midnight is the last before the day.
        assert_eq!(row.time, row.date);
        assert!(row.price.unwrap() > 0.0);
        let decision = row.decision.as_ref().unwrap();
        let smallest = decision.limits.iter().map(|limit| limit.leverage);
        assert!(decision.leverage <= smallest.fold(f64::INFINITY, f64::min) + 1e-12, "{row:?}");
        assert_eq!(decision.leverage > 0.0, decision.reason.is_empty(), "{row:?}");
    }
}

#[test]
fn sizes_are_those_that_the_rules_say() {
    for row in sizes(result(), "2025-10-10", "fixed") {
        let decision = row.decision.as_ref().unwrap();
        assert!(close(decision.leverage, 1.0), "{row:?}");
        assert_eq!(decision.binding_limit, "notional_fraction");
        assert!(close(row.median_leverage.unwrap(), 1.0), "{row:?}");
        assert!(!row.moves && !row.is_ablation, "{row:?}");
    }
    assert!(sizes(result(), "2025-10-10", "steady").iter().all(|row| row.moves));
    assert!(sizes(result(), "2025-10-10", "all[without=atr]").iter().all(|row| row.is_ablation));
    for row in sizes(result(), "2025-10-10", "fixed_risk") {
        let price = row.price.unwrap();
        let stop = if row.side == Side::Long { 0.85 * price } else { 1.15 * price };
        assert!(close(row.stop_price.unwrap(), stop), "{row:?}");
        // 1 % of equity at a stop 15 % away; twice the fee of 5 and the half spread of 0.5 points.
        assert!(close(row.decision.as_ref().unwrap().leverage, 0.01 / 0.1511), "{row:?}");
    }
    // The exchange's ceiling of 20 holds for an account that is flat, as for any other.
    for row in sizes(result(), "2025-09-15", "ruinous") {
        let decision = row.decision.as_ref().unwrap();
        assert!(decision.leverage <= 18.0 && decision.leverage > 10.0, "{row:?}");
    }
}

/// The size on a day's eve is made of what came before it.
#[test]
fn sizes_do_not_look_ahead() {
    let whole = result();
    let overrides: Vec<&str> = OVERRIDES.into_iter().chain(["data.to=2025-10-11"]).collect();
    let cut = try_run(AUTUMN, &overrides, autumn()).unwrap();
    assert_eq!(cut.sizes_on.len(), whole.sizes_on.len());
    for (cut, whole) in cut.sizes_on.iter().zip(&whole.sizes_on) {
        assert_eq!(cut.decision, whole.decision);
        assert_eq!((cut.price, cut.stop_price), (whole.price, whole.stop_price));
    }
    let decided = |result: &StudyResult| {
        result.rules.iter().map(|rule| rule.account().outcome.decisions.len()).sum::<usize>()
    };
    assert!(decided(&cut) < decided(whole));
}

#[test]
fn a_limit_is_worth_the_rule_with_it_less_the_rule_without_it() {
    let result = result();
    let limits = ["kelly", "atr", "risk_cap", "concentration", "funding_cut"];
    let found: Vec<_> = result
        .limit_worth
        .iter()
        .map(|row| (row.symbol.as_str(), row.rule.as_str(), row.metric, row.limit.as_str()))
        .collect();
    let mut expected = Vec::new();
    for symbol in ["portfolio", "BTCUSDT", "ETHUSDT"] {
        for metric in ["mean_log_growth", "max_drawdown"] {
            expected.extend(limits.map(|limit| (symbol, "all", metric, limit)));
        }
    }
    assert_eq!(found, expected);
    let against_baseline = |symbol: &str, metric: &str, rule: &str| -> &ComparisonRow {
        let is_it = |row: &&ComparisonRow| {
            (row.symbol.as_str(), row.metric.as_str(), row.rule.as_str()) == (symbol, metric, rule)
                && row.basis == "as_set"
        };
        result.comparisons.iter().find(is_it).unwrap()
    };
    for row in &result.limit_worth {
        assert_eq!(row.rule_without, format!("all[without={}]", row.limit));
        let difference = row.difference.unwrap();
        let full = against_baseline(&row.symbol, row.metric, "all").difference.unwrap();
        let without = against_baseline(&row.symbol, row.metric, &row.rule_without);
        assert!((difference - (full - without.difference.unwrap())).abs() < 1e-12, "{row:?}");
        assert!(row.low <= row.high && row.p_value <= row.p_value_adjusted, "{row:?}");
        assert!(row.low.unwrap() <= difference && difference <= row.high.unwrap(), "{row:?}");
        assert_eq!(row.reason, None);
    }
    // A limit that never acts is worth nothing.
    let idle: Vec<&str> = limits
        .into_iter()
        .filter(|limit| {
            let counts = result.gate_counts.iter().find(|c| c.rule == "all" && c.name == *limit);
            counts.is_some_and(|c| c.acted() == 0)
        })
        .collect();
    assert!(idle.contains(&"concentration"), "{idle:?}");
    for row in result.limit_worth.iter().filter(|row| idle.contains(&row.limit.as_str())) {
        assert_eq!((row.difference, row.low, row.high), (Some(0.0), Some(0.0), Some(0.0)));
    }
}

#[test]
fn gates_are_counted_over_the_entries() {
    let result = result();
    for rule in &result.rules {
        let entries: Vec<_> = rule
            .account()
            .outcome
            .decisions
            .iter()
            .filter(|decision| decision.kind == DecisionKind::Entry)
            .collect();
        let counts: Vec<_> =
            result.gate_counts.iter().filter(|count| count.rule == rule.name).collect();
        assert!(!counts.is_empty(), "{}", rule.name);
        for count in &counts {
            assert!(count.acted() <= count.decisions, "{count:?}");
            assert!(count.decisions <= entries.len(), "{count:?}");
            let of_the_other = if count.is_multiplier { count.set_the_size } else { count.cut };
            assert_eq!(of_the_other, 0, "{count:?}");
        }
        // Every entry that got a size has one limit that set it; one that a gate refused has none.
        let binding: usize = counts.iter().map(|count| count.set_the_size).sum();
        let sized = entries.iter().filter(|decision| decision.leverage > 0.0).count();
        assert_eq!(binding, sized, "{}", rule.name);
    }
    let of = |rule: &str, name: &str| {
        result.gate_counts.iter().find(|c| c.rule == rule && c.name == name).unwrap()
    };
    assert_eq!(of("all", "atr").gate, "size");
    assert_eq!(of("all", "funding_cut").gate, "funding");
    assert!(of("all", "funding_cut").is_multiplier);
    assert_eq!(of("fixed", "notional_fraction").gate, "");
    let fixed = of("fixed", "notional_fraction");
    assert!(fixed.set_the_size > 0 && fixed.undefined == 0, "{fixed:?}");
}

/// A funding budget lets a position in whole and ends it later, which is acting too.
#[test]
fn what_a_funding_budget_closes_is_counted() {
    let overrides = [
        "sizing.budgeted.notional_fraction=1",
        "sizing.budgeted.funding_budget={ budget = 0.0005 }",
        "compare.forecasts.enabled=false",
    ];
    let result = try_run(AUTUMN, &overrides, autumn()).unwrap();
    let rule = result.rules.iter().find(|rule| rule.name == "budgeted").unwrap();
    let outcome = &rule.account().outcome;
    let ended = |exit| outcome.trades.iter().filter(|trade| trade.exit_reason == exit).count();
    let closed = ended(plimsoll_engine::ExitReason::HoldingLimit);
    let is_it = |count: &&plimsoll_study::result::GateCount| {
        count.rule == "budgeted" && count.name == "funding_budget"
    };
    let count = result.gate_counts.iter().find(is_it).unwrap();
    assert!(closed > 0 && count.closed == closed && count.acted() >= closed, "{count:?}");
    for decision in outcome.decisions.iter().filter(|decision| decision.quantity <= 0.0) {
        assert_eq!(decision.binding_limit, "funding_budget", "{decision:?}");
    }
    for trade in outcome.trades.iter().filter(|t| t.exit_reason.name() == "holding_limit") {
        let of_trade = |d: &&plimsoll_engine::Decision| d.trade_idx == trade.trade_idx;
        let decision = outcome.decisions.iter().find(of_trade).unwrap();
        assert_eq!(decision.holding_bars_max, Some(trade.exit_bar - trade.entry_bar));
    }
}

/// A rule that resizes decides again from the bar's own close, and sends what lies beyond its band.
#[test]
fn a_held_position_is_resized_by_the_same_plan() {
    let steady = result().rules.iter().find(|rule| rule.name == "steady").unwrap();
    for account in &steady.accounts {
        let decisions = &account.outcome.decisions;
        let resized: Vec<_> = decisions.iter().filter(|d| d.kind == DecisionKind::Resize).collect();
        assert!(!resized.is_empty(), "{}", account.scope);
        for decision in resized {
            let (new, held) = (decision.quantity, decision.held_quantity);
            assert!(held > 0.0 && (new - held).abs() > 0.1 * held * (1.0 - 1e-9), "{decision:?}");
            let names: Vec<&str> = decision.limits.iter().map(|limit| limit.name).collect();
            assert!(names.contains(&"atr") && names.contains(&"leverage_cap"));
        }
    }
}

#[test]
fn what_is_not_asked_for_is_not_there() {
    let plain = try_run(AUTUMN, &["compare.forecasts.enabled=false"], autumn()).unwrap();
    assert_eq!(plain.sizes_on, []);
    assert_eq!(plain.limit_worth, []);
}

/// A gate whose data are missing refuses every trade, and the reader is told which.
#[test]
fn a_gate_without_data_is_named() {
    let result = try_run(AUTUMN, &["compare.forecasts.enabled=false"], candles_only()).unwrap();
    let note = result.notes.iter().find(|note| note.contains("`funding_cut`")).unwrap();
    assert!(note.starts_with("Rule min_of_all takes no trade: the gate"), "{note}");
    assert!(!result.notes.iter().any(|note| note.contains("min_of_all never had")));
    let is_it =
        |c: &&plimsoll_study::result::GateCount| c.rule == "min_of_all" && c.name == "funding_cut";
    let count = result.gate_counts.iter().find(is_it).unwrap();
    assert!(count.decisions > 0);
    assert_eq!(count.undefined, count.decisions);
}

#[test]
fn days_that_cannot_be_asked_for() {
    let with = |days: &str| message_of(AUTUMN, &[&format!("compare.sizes_on={days}")]);
    insta::assert_snapshot!(
        "sizes_on_wrong_days",
        with("[2025-09-01, 2025-11-01, 2025-10-10, 2025-10-10, 2025-10-10T12:00:00Z]")
    );
    insta::assert_snapshot!("sizes_on_no_days", with("[\"soon\"]"));
    insta::assert_snapshot!("sizes_on_one_day", with("2025-10-10"));
}
