//! The order in which limits act on a size, by hand and as laws.

use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::rule::{DrawdownControl, FloorOf, SizingBase};
use plimsoll_sizing::{
    AccountCaps, AccountState, Multiplier, PlannedSize, SizeDecision, SizingError, decide,
};
use proptest::prelude::*;

/// An account in which nothing but the plan and the numbers given here acts.
#[derive(Clone, Debug)]
struct Account {
    equity: f64,
    initial_equity: f64,
    peak_equity: f64,
    heat: f64,
    exposure: f64,
    venue: Vec<(&'static str, f64)>,
}

const NAMES: [&str; 6] =
    ["kelly", "atr", "risk_cap", "concentration", "volatility_target", "leverage_cap"];

impl Account {
    fn with(equity: f64) -> Self {
        let venue = Vec::new();
        Self {
            equity,
            initial_equity: equity,
            peak_equity: equity,
            heat: 0.0,
            exposure: 0.0,
            venue,
        }
    }

    fn decide(&self, plan: &PlannedSize) -> SizeDecision {
        let venue = self.venue.iter().map(|&(name, value)| Limit { name, value: Ok(value) });
        decide(
            plan,
            &AccountState {
                equity: self.equity,
                initial_equity: self.initial_equity,
                peak_equity: self.peak_equity,
                heat: Ok(self.heat),
                exposure: self.exposure,
                unstopped_distance: Ok(0.5),
                leverage_inside_liquidation: &|distance| Ok(1.0 / (distance + 0.004)),
                venue: venue.collect(),
            },
        )
    }
}

fn limits(values: &[f64]) -> PlannedSize {
    let named = NAMES.iter().zip(values).map(|(&name, &value)| Limit { name, value: Ok(value) });
    PlannedSize::of_limits(named.collect())
}

fn named<'d>(decision: &'d SizeDecision, name: &str) -> Option<&'d f64> {
    decision.limits.iter().find(|limit| limit.name == name).map(|limit| &limit.leverage)
}

#[test]
fn each_step_acts_on_what_the_one_before_has_left() {
    // 4 is the smallest wish, half of it 2; the cushion leaves 3 * (1 - 80 / 100) = 0.6 less what
    // is exposed already, heat (0.06 - 0.01) / 0.05 = 1, exposure 3 - 0.2, depth 0.3.
    let control = DrawdownControl { floor_of: FloorOf::Peak, floor: 0.8, multiplier: 3.0 };
    let mut plan = limits(&[4.0, 5.0]);
    plan.multipliers = vec![Multiplier { name: "funding_cut", value: Ok(0.5) }];
    let mut account = Account::with(100.0);
    (account.heat, account.exposure) = (0.01, 0.2);
    account.venue = vec![("venue_leverage", 20.0), ("venue_margin", 9.0)];
    let expect = |plan: &PlannedSize, leverage: f64, binding: &str| {
        let decision = account.decide(plan);
        assert!((decision.leverage - leverage).abs() < 1e-12, "{decision:?}");
        assert_eq!((decision.binding_limit, decision.reason), (binding, ""));
    };
    expect(&plan, 2.0, "kelly");
    plan.caps.exposure = Some(3.0);
    expect(&plan, 2.0, "kelly");
    plan.caps.heat = Some((0.06, Ok(0.05)));
    expect(&plan, 1.0, "heat");
    plan.caps.drawdown_control = Some(control);
    expect(&plan, 0.4, "drawdown_control");
    plan.caps.liquidity = Some(Ok(30.0));
    expect(&plan, 0.3, "liquidity");
    let names: Vec<&str> = account.decide(&plan).limits.iter().map(|limit| limit.name).collect();
    let order = [
        "kelly",
        "atr",
        "drawdown_control",
        "heat",
        "exposure",
        "venue_leverage",
        "venue_margin",
        "liquidity",
    ];
    assert_eq!(names, order);
}

#[test]
fn among_equals_the_first_in_order_is_named() {
    // Half of 4 is 2; everything after it leaves 2 as well.
    let mut plan = limits(&[4.0, 4.0]);
    plan.multipliers = vec![Multiplier { name: "funding_cut", value: Ok(0.5) }];
    plan.caps.heat = Some((0.1, Ok(0.05)));
    plan.caps.exposure = Some(2.0);
    plan.caps.venue_share = Some(2.0);
    plan.caps.liquidity = Some(Ok(200.0));
    let mut account = Account::with(100.0);
    account.venue = vec![("venue_leverage", 2.0), ("venue_margin", 2.0)];
    let binding = |plan: &PlannedSize| {
        let decision = account.decide(plan);
        assert!((decision.leverage - 2.0).abs() < 1e-12, "{decision:?}");
        decision.binding_limit
    };
    assert_eq!(binding(&plan), "kelly");
    plan.multipliers.clear();
    assert_eq!(binding(&plan), "heat");
    plan.caps.heat = None;
    assert_eq!(binding(&plan), "exposure");
    plan.caps.exposure = None;
    assert_eq!(binding(&plan), "venue_share");
    plan.caps.venue_share = None;
    assert_eq!(binding(&plan), "venue_leverage");
}

#[test]
fn no_multiplier_raises_a_size() {
    let mut plan = limits(&[4.0]);
    plan.multipliers = vec![Multiplier { name: "funding_cut", value: Ok(1.5) }];
    let decision = Account::with(100.0).decide(&plan);
    assert_eq!((decision.leverage, decision.multiplier), (4.0, 1.0));
}

#[test]
fn what_is_undefined_stops_the_trade() {
    let account = Account::with(100.0);
    let missing = SizingError::NotGiven { name: "daily_traded_value" };
    let mut plan = limits(&[1.0]);
    plan.caps.liquidity = Some(Err(missing));
    let decision = account.decide(&plan);
    assert_eq!((decision.leverage, decision.binding_limit), (0.0, "liquidity"));
    assert_eq!(decision.reason, "not_given");
    // Without a stop the account says how much is at stake.
    let mut plan = limits(&[1.0]);
    plan.caps.heat = Some((0.06, Err(SizingError::NoStop)));
    assert_eq!(account.decide(&plan).leverage, 0.12);
    plan.caps.heat = Some((0.06, Err(SizingError::NotGiven { name: "price" })));
    assert_eq!(account.decide(&plan).reason, "not_given");
    // A venue's share of an exposure that nobody gave.
    let mut plan = limits(&[1.0]);
    plan.caps.venue_share = Some(0.0);
    assert_eq!(account.decide(&plan).reason, "out_of_range");
    // Nothing is left of the room.
    let mut full = Account::with(100.0);
    full.exposure = 3.5;
    let mut plan = limits(&[1.0]);
    plan.caps.exposure = Some(3.0);
    let decision = full.decide(&plan);
    assert_eq!((decision.binding_limit, decision.reason), ("exposure", "zero_limit"));
}

/// What first leaves nothing is named: an earlier limit of zero, then the first gate that shuts, and
/// no later limit, were it zero as well.
#[test]
fn a_gate_that_shuts_is_what_bound() {
    let gate = |name, value| Multiplier { name, value };
    let undefined = || Err(SizingError::TooFewObservations { have: 1, need: 3 });
    let decided = |wishes: &[f64], multipliers: Vec<Multiplier>| {
        let mut plan = limits(wishes);
        plan.multipliers = multipliers;
        plan.caps.exposure = Some(1.0);
        let account = Account { exposure: 2.0, ..Account::with(100.0) };
        let decision = account.decide(&plan);
        assert_eq!(decision.leverage, 0.0);
        (decision.binding_limit, decision.reason)
    };
    let shut = || gate("funding_cut", Ok(0.0));
    let half = || gate("liquidation_cluster", Ok(0.5));
    let blind = || gate("oracle_health", undefined());
    assert_eq!(decided(&[4.0, 5.0], vec![half()]), ("exposure", "zero_limit"));
    assert_eq!(decided(&[4.0, 5.0], vec![half(), shut()]), ("funding_cut", "funding_cut"));
    assert_eq!(decided(&[4.0], vec![half(), blind()]), ("oracle_health", "too_few_observations"));
    assert_eq!(decided(&[4.0], vec![shut(), blind()]), ("funding_cut", "funding_cut"));
    assert_eq!(decided(&[4.0], vec![blind(), shut()]), ("oracle_health", "too_few_observations"));
    // A wish of zero leaves the gate nothing to shut.
    assert_eq!(decided(&[0.0, 5.0], vec![shut()]), ("kelly", "no_edge"));
    // A rule that has gates alone.
    assert_eq!(decided(&[], vec![shut()]), ("funding_cut", "funding_cut"));
}

/// A plan of any limits, multipliers and caps.
fn plans() -> impl Strategy<Value = PlannedSize> {
    let undefined = || Err(SizingError::NoStop);
    let value = move || prop_oneof![9 => (0.0..20.0_f64).prop_map(Ok), 1 => Just(undefined())];
    let some = |inner: BoxedStrategy<f64>| proptest::option::of(inner);
    let control =
        (any::<bool>(), 0.05..0.95_f64, 0.1..20.0_f64).prop_map(|(of, floor, multiplier)| {
            let floor_of = if of { FloorOf::Initial } else { FloorOf::Peak };
            DrawdownControl { floor_of, floor, multiplier }
        });
    let caps = (
        proptest::option::of(control),
        proptest::option::of((
            0.01..0.2_f64,
            prop_oneof![(0.001..0.5_f64).prop_map(Ok), Just(undefined())],
        )),
        some((0.1..8.0_f64).boxed()),
        some((0.1..8.0_f64).boxed()),
        some((1.0..1e6_f64).boxed()),
    );
    (
        proptest::collection::vec(value(), 1..6),
        proptest::collection::vec(prop_oneof![9 => 0.0..=1.0_f64, 1 => Just(0.0)], 0..3),
        proptest::option::of(1.0..1e6_f64),
        proptest::option::of(0.01..0.9_f64),
        caps,
        any::<bool>(),
    )
        .prop_map(|(values, factors, notional, distance, caps, is_initial)| {
            let limits = NAMES.iter().zip(values).map(|(&name, value)| Limit { name, value });
            let (drawdown_control, heat, exposure, venue_share, liquidity) = caps;
            PlannedSize {
                notional,
                liquidation_distance: distance.map(Ok),
                multipliers: factors
                    .into_iter()
                    .map(|factor| Multiplier { name: "funding_cut", value: Ok(factor) })
                    .collect(),
                caps: AccountCaps {
                    drawdown_control,
                    heat,
                    exposure,
                    venue_share,
                    liquidity: liquidity.map(Ok),
                },
                sizing_base: if is_initial { SizingBase::Initial } else { SizingBase::Current },
                ..PlannedSize::of_limits(limits.collect())
            }
        })
}

fn accounts() -> impl Strategy<Value = Account> {
    (1.0..1e6_f64, 0.1..3.0_f64, 1.0..3.0_f64, 0.0..0.3_f64, 0.0..9.0_f64, 0.0..30.0_f64).prop_map(
        |(equity, initial, peak, heat, exposure, margin)| Account {
            equity,
            initial_equity: equity * initial,
            peak_equity: equity * peak,
            heat,
            exposure,
            venue: vec![("venue_leverage", 15.0), ("venue_margin", margin)],
        },
    )
}

/// One more limit of any kind.
fn with_another(plan: &PlannedSize, kind: usize, value: f64) -> PlannedSize {
    let mut plan = plan.clone();
    let caps = &mut plan.caps;
    match kind {
        0 => plan.limits.push(Limit { name: "optimal_f", value: Ok(value) }),
        1 => {
            plan.limits.insert(0, Limit { name: "kelly", value: Err(SizingError::NoLossObserved) });
        }
        2 => plan.multipliers.push(Multiplier { name: "oracle_health", value: Ok(value / 10.0) }),
        3 if caps.heat.is_none() => caps.heat = Some((0.02 * value, Ok(0.03))),
        4 if caps.exposure.is_none() => caps.exposure = Some(value),
        5 if caps.venue_share.is_none() => caps.venue_share = Some(value),
        6 if caps.liquidity.is_none() => caps.liquidity = Some(Ok(1e4 * value)),
        7 if plan.notional.is_none() => plan.notional = Some(1e4 * value),
        8 if plan.liquidation_distance.is_none() => {
            plan.liquidation_distance = Some(Ok(0.1 * value));
        }
        9 if caps.drawdown_control.is_none() => {
            let multiplier = value;
            let floor_of = FloorOf::Peak;
            caps.drawdown_control = Some(DrawdownControl { floor_of, floor: 0.5, multiplier });
        }
        _ => {}
    }
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// No size exceeds a limit, and the size is what the binding one and the multipliers make it.
    #[test]
    fn a_size_never_exceeds_a_limit(plan in plans(), account in accounts()) {
        let decision = account.decide(&plan);
        for limit in &decision.limits {
            prop_assert!(decision.leverage <= limit.leverage, "{:?}", decision);
        }
        prop_assert!(decision.leverage >= 0.0 && decision.leverage.is_finite());
        prop_assert_eq!(decision.leverage > 0.0, decision.reason.is_empty());
        let binding = named(&decision, decision.binding_limit);
        // A gate is named where it shuts, and nowhere else.
        let of_gate = |gate: &&plimsoll_sizing::MultiplierValue| gate.name == decision.binding_limit;
        let gate = decision.multipliers.iter().find(of_gate);
        prop_assert!(binding.is_some() != gate.is_some(), "{:?}", decision);
        prop_assert!(gate.is_none() || decision.leverage <= 0.0, "{:?}", decision);
        let product: f64 = decision.multipliers.iter().map(|multiplier| multiplier.factor).product();
        prop_assert!((product - decision.multiplier).abs() < 1e-12);
        let most = binding.copied().unwrap_or(0.0);
        let is_it = |value: f64| (decision.leverage - value).abs() <= 1e-12 * value.abs();
        prop_assert!(is_it(most) || is_it(most * decision.multiplier), "{:?}", decision);
    }

    /// A further limit, gate or cap never raises a size.
    #[test]
    fn a_further_limit_never_raises_a_size(
        plan in plans(), account in accounts(), kind in 0_usize..10, value in 0.01..10.0_f64,
    ) {
        let before = account.decide(&plan);
        let after = account.decide(&with_another(&plan, kind, value));
        prop_assert!(after.leverage <= before.leverage, "{:?} {:?}", before, after);
    }

    /// An account of the same shape and another size has the same limits, but for those that are
    /// amounts of money: `notional` and `liquidity`.
    #[test]
    fn equity_scales_out(plan in plans(), account in accounts(), factor in 1e-3..1e3_f64) {
        let scaled = Account {
            equity: account.equity * factor,
            initial_equity: account.initial_equity * factor,
            peak_equity: account.peak_equity * factor,
            ..account.clone()
        };
        let (a, b) = (account.decide(&plan), scaled.decide(&plan));
        for (one, two) in a.limits.iter().zip(&b.limits) {
            prop_assert_eq!((one.name, one.reason), (two.name, two.reason));
            let in_money = ["notional", "liquidity"].contains(&one.name);
            let expected = if in_money { one.leverage / factor } else { one.leverage };
            let scale = expected.abs().max(1e-6);
            prop_assert!((two.leverage - expected).abs() <= 1e-9 * scale, "{:?} {:?}", one, two);
        }
    }
}
