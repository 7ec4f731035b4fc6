//! The gates' formulas and the rules that state them.

use plimsoll_market::Side;
use plimsoll_sizing::formulas::*;
use plimsoll_sizing::rule::*;
use plimsoll_sizing::{AccountState, GivenMoment, PlannedSize, decide, plan_at};
use proptest::prelude::*;

#[test]
fn crowded_funding_cuts_the_crowded_side_only() {
    let cut = FundingCut { above_8h: 0.0005, below_8h: -0.0003, multiply: 0.5 };
    for (rate, both, long, short) in [
        (0.0005, 1.0, 1.0, 1.0), // at the threshold
        (0.000_500_1, 0.5, 0.5, 1.0),
        (0.0, 1.0, 1.0, 1.0),
        (-0.0003, 1.0, 1.0, 1.0),
        (-0.000_300_1, 0.5, 1.0, 0.5),
    ] {
        assert_eq!(cut.multiplier(rate).unwrap(), both, "{rate}");
        assert_eq!(cut.multiplier_crowded(1.0, &[rate], 1).unwrap(), long, "{rate}");
        assert_eq!(cut.multiplier_crowded(-1.0, &[rate], 1).unwrap(), short, "{rate}");
    }
    // Extreme in turn on both sides is extreme, but nobody's crowd.
    let rates = [0.0006, -0.0004, 0.0006];
    assert_eq!(cut.multiplier_sustained(&rates, 3).unwrap(), 0.5);
    assert_eq!(cut.multiplier_crowded(1.0, &rates, 3).unwrap(), 1.0);
    assert_eq!(cut.multiplier_crowded(1.0, &rates, 1).unwrap(), 0.5);
    let wrong = FundingCut { below_8h: 0.0003, ..cut };
    assert_eq!(wrong.multiplier(0.0).unwrap_err().reason(), "out_of_range");
    assert!(cut.multiplier_crowded(1.0, &[f64::NAN], 1).is_err());
}

#[test]
fn funding_changes_its_sign_between_settlements() {
    for (rates, periods, expected) in [
        (vec![0.0001, -0.0001], 1, Ok(true)),
        (vec![0.0001, -0.0001, -0.0001], 1, Ok(false)),
        (vec![0.0001, -0.0001, -0.0001], 2, Ok(true)),
        (vec![0.0001, 0.0, 0.0001], 2, Ok(false)),
        (vec![0.0001, 0.0, -0.0001], 2, Ok(true)),
        (vec![0.0, 0.0], 1, Ok(false)),
        (vec![0.0001], 1, Err(SizingError::TooFewObservations { have: 1, need: 2 })),
    ] {
        assert_eq!(funding_sign_changed(&rates, periods), expected, "{rates:?}");
    }
    assert!(funding_sign_changed(&[0.1], 0).is_err());
}

#[test]
fn a_funding_budget_is_a_time() {
    // 100,000 on a margin of 2,000 at 0.03 %: 90 a day, 10 % of the margin last 2.22 days.
    let days = funding_holding_days(0.10, 50.0, 0.0003).unwrap().unwrap();
    assert!((days - 200.0 / 90.0).abs() < 1e-12);
    assert_eq!(whole_bars(days, 24.0).unwrap(), Some(53));
    assert_eq!(whole_bars(days, 3.0).unwrap(), Some(6));
    assert_eq!(whole_bars(days, 1.0 / 3.0).unwrap(), Some(0));
    // 0.1 / (10 * 0.0001 * 3) is 100 / 3 days: 800 hours, short of them by rounding alone.
    let days = funding_holding_days(0.10, 10.0, 0.0001).unwrap().unwrap();
    assert_eq!(whole_bars(days, 24.0).unwrap(), Some(800));
    assert_eq!(funding_holding_days(0.10, 50.0, 0.0).unwrap(), None);
    assert_eq!(funding_holding_days(0.10, 50.0, -0.0003).unwrap(), None);
    assert_eq!(whole_bars(1e300, 24.0).unwrap(), None);
    assert!(funding_holding_days(0.10, 50.0, f64::NAN).is_err());
    assert!(funding_holding_days(0.10, 0.0, 0.0003).is_err());
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-18, "{found}");
    close(funding_paid_8h(1.0, &[9.0, 0.0001, 0.0003], 2).unwrap(), 0.0002);
    close(funding_paid_8h(-1.0, &[9.0, 0.0001, 0.0003], 2).unwrap(), -0.0002);
    assert!(funding_paid_8h(1.0, &[0.0001], 2).is_err());
}

#[test]
fn liquidations_cut_above_their_multiple() {
    let cut = LiquidationCut { above: 0.01, multiply: 0.25 };
    let of = |notional, against| cut.multiplier(Liquidated { notional, against });
    assert_eq!(of(1.0, 100.0), Ok(1.0));
    assert_eq!(of(1.000_001, 100.0), Ok(0.25));
    // After days without any, the first is a cluster and none is not.
    assert_eq!((of(0.0, 0.0), of(1.0, 0.0)), (Ok(1.0), Ok(0.25)));
    assert!(of(f64::NAN, 1.0).is_err() && of(1.0, f64::NAN).is_err() && of(-1.0, 1.0).is_err());
}

#[test]
fn prices_are_healthy_within_their_bounds() {
    let check = OracleCheck { premium_max: 0.01, venue_gap_max: 0.05, multiply: 0.0 };
    let of = |mark_and_index, venue_and_reference, is_stale| {
        check.multiplier(&OracleReading { mark_and_index, venue_and_reference, is_stale })
    };
    assert_eq!(of(Some((101.0, 100.0)), None, false), Ok(1.0)); // 1 % exactly
    assert_eq!(of(Some((101.01, 100.0)), None, false), Ok(0.0));
    assert_eq!(of(Some((98.9, 100.0)), None, false), Ok(0.0));
    assert_eq!(of(None, Some((105.0, 100.0)), false), Ok(1.0));
    assert_eq!(of(None, Some((94.9, 100.0)), false), Ok(0.0));
    assert_eq!(of(Some((100.0, 100.0)), Some((94.9, 100.0)), false), Ok(0.0));
    assert_eq!(of(Some((100.0, 100.0)), Some((100.0, 100.0)), true), Ok(0.0));
    assert_eq!(of(None, None, false).unwrap_err().reason(), "not_recorded");
    assert!(of(Some((100.0, 0.0)), None, false).is_err());
}

#[test]
fn margin_shrinks_with_volatility_and_never_grows() {
    let of = |volatility, reference| margin_allocation(0.2, 5.0, volatility, reference);
    assert_eq!(of(0.4, 0.4), Ok(1.0));
    assert_eq!(of(0.8, 0.4), Ok(0.5));
    assert_eq!(of(0.2, 0.4), Ok(1.0));
    assert_eq!(of(0.0, 0.4).unwrap_err().reason(), "zero_volatility");
    assert!(of(f64::NAN, 0.4).is_err() && margin_allocation(0.0, 5.0, 0.4, 0.4).is_err());
}

fn all_gates() -> SizingRule {
    SizingRule {
        leverage_cap: Some(3.0),
        margin_allocation: Some(MarginAllocation { share: 0.2, days: 20, reference_days: 180 }),
        funding_cut: Some(FundingCutRule {
            below_8h: Some(-0.0003),
            side: FundingSide::Crowded,
            sign_change_multiply: Some(0.7),
            sign_change_periods: Some(1),
            ..FundingCutRule::new(0.0005, 0.5)
        }),
        liquidation_cluster: Some(LiquidationCluster {
            above: 0.01,
            hours: 24,
            side: LiquidatedSide::Both,
            relative_to: LiquidationsRelativeTo::OpenInterest,
            trailing_days: None,
            multiply: 0.0,
            source: LiquidationSource::Recorded,
        }),
        oracle_health: Some(OracleHealth::default()),
        funding_budget: Some(FundingBudget {
            budget: 0.1,
            of: FundingBudgetOf::Margin,
            periods: 1,
        }),
        ..SizingRule::default()
    }
}

fn numbers() -> GivenMoment {
    GivenMoment {
        price: Some(100.0),
        side: Some(Side::Long),
        account_leverage: Some(10.0),
        volatility: Some(0.8),
        reference_volatility: Some(0.4),
        funding_rates_8h: Some(vec![0.0006]),
        bars_per_day: Some(24.0),
        liquidation_ratio: Some(0.002),
        mark_price: Some(100.1),
        index_price: Some(100.0),
        ..GivenMoment::default()
    }
}

fn factors(plan: &PlannedSize) -> Vec<(&'static str, Result<f64, SizingError>)> {
    plan.multipliers.iter().map(|found| (found.name, found.value.clone())).collect()
}

#[test]
fn gates_act_in_order_and_by_name() {
    let (rule, mut moment) = (all_gates(), numbers());
    assert_eq!((rule.problems(), moment.missing(&rule)), (vec![], vec![]));
    let plan = plan_at(&rule, &moment);
    // 0.2 of equity at 10x, halved because volatility has doubled.
    assert_eq!(plan.limits[0].name, "margin_allocation");
    assert_eq!((plan.limits[0].value.clone(), plan.limits.len()), (Ok(1.0), 2));
    let expected = [
        ("funding_cut", Ok(0.5)),
        ("liquidation_cluster", Ok(1.0)),
        ("oracle_health", Ok(1.0)),
        ("funding_budget", Ok(1.0)),
    ];
    assert_eq!(factors(&plan), expected);
    // 0.1 / (10 * 0.0006 * 3) = 5.56 days.
    assert_eq!(plan.holding_bars_max, Some(133));
    // A short receives what the crowded longs pay.
    moment.side = Some(Side::Short);
    let short = plan_at(&rule, &moment);
    assert_eq!((factors(&short)[0].1.clone(), short.holding_bars_max), (Ok(1.0), None));
    // A change of sign cuts either side; the smaller factor counts.
    moment.funding_rates_8h = Some(vec![0.0001, 0.0001, 0.0001, -0.0001]);
    assert_eq!(factors(&plan_at(&rule, &moment))[0].1, Ok(0.7));
    // At 3 % per 8 hours a margin at 10x is gone in less than an hour and a half.
    moment.side = Some(Side::Long);
    for (rate, bars, factor) in [(0.03, Some(2), 1.0), (0.09, Some(0), 0.0)] {
        moment.funding_rates_8h = Some(vec![rate]);
        let plan = plan_at(&rule, &moment);
        assert_eq!((plan.holding_bars_max, factors(&plan)[3].1.clone()), (bars, Ok(factor)));
    }
}

fn account() -> AccountState<'static> {
    AccountState {
        equity: 1e4,
        initial_equity: 1e4,
        peak_equity: 1e4,
        heat: Ok(0.0),
        exposure: 0.0,
        unstopped_distance: Ok(1.0),
        leverage_inside_liquidation: &|_| Ok(100.0),
        venue: Vec::new(),
    }
}

#[test]
fn a_gate_that_is_shut_or_undefined_refuses_by_name() {
    let rule = all_gates();
    let reason = |moment: &GivenMoment| decide(&plan_at(&rule, moment), &account()).reason;
    let open = decide(&plan_at(&rule, &numbers()), &account());
    assert_eq!((open.leverage, open.reason), (0.5, ""));
    for (moment, expected) in [
        (GivenMoment { liquidation_ratio: Some(0.02), ..numbers() }, "liquidation_cluster"),
        (GivenMoment { mark_price: Some(102.0), ..numbers() }, "oracle_health"),
        (GivenMoment { reference_price: Some(106.0), ..numbers() }, "oracle_health"),
        (GivenMoment { funding_rates_8h: Some(vec![0.09]), ..numbers() }, "funding_budget"),
        (GivenMoment { liquidation_ratio: None, ..numbers() }, "not_given"),
        (GivenMoment { index_price: None, ..numbers() }, "not_given"),
        (GivenMoment { mark_price: None, ..numbers() }, "not_given"),
        (GivenMoment { bars_per_day: None, ..numbers() }, "not_given"),
        (GivenMoment { side: None, ..numbers() }, "not_given"),
        (GivenMoment { funding_rates_8h: None, ..numbers() }, "not_given"),
        (GivenMoment { reference_volatility: None, ..numbers() }, "not_given"),
        (GivenMoment { mark_price: Some(f64::NAN), ..numbers() }, "not_finite"),
    ] {
        assert_eq!(reason(&moment), expected, "{moment:?}");
    }
    let none = GivenMoment::default();
    let names: Vec<(&str, &str)> = none.missing(&rule).iter().map(|m| (m.limit, m.name)).collect();
    let expected = [
        ("margin_allocation", "account_leverage"),
        ("margin_allocation", "volatility"),
        ("margin_allocation", "reference_volatility"),
        ("funding_cut", "funding_rates_8h"),
        ("funding_cut", "side"),
        ("liquidation_cluster", "liquidation_ratio"),
        ("oracle_health", "mark_price"),
        ("oracle_health", "index_price"),
        ("funding_budget", "funding_rates_8h"),
        ("funding_budget", "side"),
        ("funding_budget", "account_leverage"),
        ("funding_budget", "bars_per_day"),
    ];
    assert_eq!(names, expected);
}

#[test]
fn values_that_cannot_hold_are_named() {
    let with = |change: &dyn Fn(&mut SizingRule)| {
        let mut rule = all_gates();
        change(&mut rule);
        rule.problems().into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    let funding =
        |change: fn(&mut FundingCutRule)| with(&|rule| change(rule.funding_cut.as_mut().unwrap()));
    assert_eq!(funding(|cut| cut.below_8h = Some(0.0003)), ["funding_cut.below_8h"]);
    assert_eq!(funding(|cut| cut.above_8h = f64::NAN), ["funding_cut.above_8h"]);
    assert_eq!(
        funding(|cut| cut.sign_change_multiply = Some(1.5)),
        ["funding_cut.sign_change_multiply"]
    );
    assert_eq!(funding(|cut| cut.sign_change_multiply = None), ["funding_cut.sign_change_periods"]);
    let cluster = |change: fn(&mut LiquidationCluster)| {
        with(&|rule| change(rule.liquidation_cluster.as_mut().unwrap()))
    };
    assert_eq!(cluster(|c| c.above = 0.0), ["liquidation_cluster.above"]);
    assert_eq!(cluster(|c| c.above = 5.0), ["liquidation_cluster.above"]);
    assert_eq!(
        cluster(|c| c.trailing_days = Some(30)),
        ["liquidation_cluster.trailing_days"],
        "open interest has no mean"
    );
    assert_eq!(cluster(|c| c.hours = 0), ["liquidation_cluster.hours"]);
    assert_eq!(cluster(|c| c.source = LiquidationSource::Modelled), ["liquidation_cluster.source"]);
    let mean = |c: &mut LiquidationCluster| {
        (c.above, c.relative_to) = (5.0, LiquidationsRelativeTo::TrailingMean);
    };
    assert_eq!(with(&|rule| mean(rule.liquidation_cluster.as_mut().unwrap())), [""; 0]);
    assert_eq!(
        cluster(|c| {
            (c.above, c.relative_to) = (5.0, LiquidationsRelativeTo::TrailingMean);
            (c.hours, c.trailing_days) = (49, Some(2));
        }),
        ["liquidation_cluster.trailing_days"]
    );
    let budget = |change: fn(&mut FundingBudget)| {
        with(&|rule| change(rule.funding_budget.as_mut().unwrap()))
    };
    assert_eq!(budget(|b| b.of = FundingBudgetOf::Equity), ["funding_budget.of"]);
    assert_eq!(budget(|b| b.budget = 0.0), ["funding_budget.budget"]);
    assert_eq!(budget(|b| b.periods = 0), ["funding_budget.periods"]);
    let health =
        |change: fn(&mut OracleHealth)| with(&|rule| change(rule.oracle_health.as_mut().unwrap()));
    assert_eq!(health(|h| h.premium_max = 0.0), ["oracle_health.premium_max"]);
    assert_eq!(health(|h| h.multiply = -0.1), ["oracle_health.multiply"]);
    assert_eq!(
        with(&|rule| rule.margin_allocation.as_mut().unwrap().reference_days = 20),
        ["margin_allocation.reference_days"]
    );
    // Gates alone are no size.
    let alone = SizingRule { leverage_cap: None, margin_allocation: None, ..all_gates() };
    assert_eq!(alone.problems()[0].message, "the rule has no limit");
    assert!(!all_gates().needs_stop());
}

#[test]
fn the_six_gates_are_keys_of_a_rule() {
    let table = serde_json::to_value(all_gates()).unwrap();
    let declared = |key: &str| {
        table.get(key).is_some()
            || ["liquidation_distance", "kelly", "atr", "risk_cap", "concentration"].contains(&key)
    };
    for (index, gate) in GATES.iter().enumerate() {
        assert_eq!(gate.number, index + 1);
        assert_eq!(Gate::named(gate.name), Some(gate));
        for key in gate.keys {
            assert!(declared(key), "{key}");
            assert_eq!(Gate::of_key(key), Some(gate));
        }
    }
    assert_eq!((Gate::named("heat"), Gate::of_key("heat")), (None, None));
}

/// Numbers as they may come: common, extreme, and not numbers.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        5 => -1.0..1.0,
        2 => 1e-300..1e-290,
        2 => 1e290..1e300,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ]
}

proptest! {
    #[test]
    fn no_gate_panics_or_raises_a_size(
        rates in prop::collection::vec(any_number(), 0..6),
        n in prop::collection::vec(any_number(), 9),
        periods in 0_usize..5,
        is_long: bool,
        is_crowded: bool,
    ) {
        let mut rule = all_gates();
        let cut = rule.funding_cut.as_mut().unwrap();
        (cut.above_8h, cut.below_8h, cut.multiply) = (n[0], Some(n[1]), n[2]);
        (cut.periods, cut.sign_change_multiply) = (periods, Some(n[3]));
        cut.side = if is_crowded { FundingSide::Crowded } else { FundingSide::Both };
        rule.funding_budget.as_mut().unwrap().periods = periods;
        let moment = GivenMoment {
            side: Some(if is_long { Side::Long } else { Side::Short }),
            account_leverage: Some(n[4]),
            volatility: Some(n[5]),
            reference_volatility: Some(n[6]),
            funding_rates_8h: Some(rates),
            liquidation_ratio: Some(n[7]),
            mark_price: Some(n[8]),
            index_price: Some(n[0]),
            reference_price: Some(n[1]),
            ..numbers()
        };
        let plan = plan_at(&rule, &moment);
        for limit in &plan.limits {
            prop_assert!(limit.value.as_ref().is_ok_and(|x| *x >= 0.0) || limit.value.is_err());
        }
        for found in &plan.multipliers {
            let is_factor = found.value.as_ref().is_ok_and(|f| (0.0..=1.0).contains(f));
            prop_assert!(is_factor || found.value.is_err(), "{found:?}");
        }
        let gated = decide(&plan, &account());
        let free = decide(&PlannedSize { multipliers: Vec::new(), ..plan }, &account());
        prop_assert!(gated.leverage <= free.leverage);
        prop_assert!(gated.leverage > 0.0 || !gated.reason.is_empty());
    }

    #[test]
    fn a_budget_is_kept_and_one_bar_more_breaks_it(
        budget in 0.001..1.0_f64,
        leverage in 1.0..125.0_f64,
        rate in 1e-6..0.02_f64,
        bars_per_day in prop::sample::select(vec![1.0, 6.0, 24.0, 96.0, 1440.0]),
    ) {
        let days = funding_holding_days(budget, leverage, rate).unwrap().unwrap();
        let bars = whole_bars(days, bars_per_day).unwrap().unwrap() as f64;
        let cost = |bars: f64| leverage * rate * 3.0 * bars / bars_per_day;
        prop_assert!(cost(bars) <= budget * (1.0 + 1e-9));
        prop_assert!(cost(bars + 1.0) > budget);
    }

    #[test]
    fn crowded_cuts_are_cuts_of_both(
        rates in prop::collection::vec(-0.002..0.002_f64, 3),
        side in prop::sample::select(vec![1.0, -1.0]),
    ) {
        let cut = FundingCut { above_8h: 0.0005, below_8h: -0.0003, multiply: 0.5 };
        let both = cut.multiplier_sustained(&rates, 3).unwrap();
        let crowded = cut.multiplier_crowded(side, &rates, 3).unwrap();
        prop_assert!(both <= crowded);
        // The mirror image of the market has the mirror image's crowd.
        let mirrored: Vec<f64> = rates.iter().map(|rate| -rate).collect();
        let mirror = FundingCut { above_8h: 0.0003, below_8h: -0.0005, multiply: 0.5 };
        prop_assert_eq!(crowded, mirror.multiplier_crowded(-side, &mirrored, 3).unwrap());
    }
}
