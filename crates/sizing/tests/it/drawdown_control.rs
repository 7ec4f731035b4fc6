//! Exposure that shrinks with the cushion above a floor, through the chain of limits.

use plimsoll_sizing::formulas::Limit;
use plimsoll_sizing::rule::{DrawdownControl, FloorOf};
use plimsoll_sizing::{AccountCaps, AccountState, PlannedSize, SizeDecision, SizingError, decide};
use proptest::prelude::*;

fn decide_at(
    control: &DrawdownControl,
    wish: f64,
    [initial_equity, peak_equity, equity]: [f64; 3],
    exposure: f64,
) -> SizeDecision {
    let mut plan = PlannedSize::of_limits(vec![Limit { name: "leverage_cap", value: Ok(wish) }]);
    plan.caps = AccountCaps { drawdown_control: Some(control.clone()), ..AccountCaps::default() };
    let no_ladder = |_| Err(SizingError::NotGiven { name: "ladder" });
    decide(
        &plan,
        &AccountState {
            equity,
            initial_equity,
            peak_equity,
            heat: Ok(0.0),
            exposure,
            unstopped_distance: Err(SizingError::NoStop),
            leverage_inside_liquidation: &no_ladder,
            venue: Vec::new(),
        },
    )
}

#[test]
fn the_cushion_by_hand() {
    let insured = DrawdownControl { floor_of: FloorOf::Initial, floor: 0.8, multiplier: 4.0 };
    let trailing = DrawdownControl { floor_of: FloorOf::Peak, ..insured.clone() };
    for (control, equity, exposure, expected) in [
        // At the start the cushion is 20 %, four times that 0.8.
        (&insured, [100.0, 100.0, 100.0], 0.0, 0.8),
        // 160 over a floor of 80: half of it is cushion. Over 160 once more as the peak: 20 %.
        (&insured, [100.0, 160.0, 160.0], 0.0, 2.0),
        (&trailing, [100.0, 160.0, 160.0], 0.0, 0.8),
        // 144 is 12.5 % above the peak's floor of 128 by 16 of 144.
        (&trailing, [100.0, 160.0, 144.0], 0.0, 4.0 / 9.0),
        // What the other positions have taken is gone.
        (&insured, [100.0, 160.0, 160.0], 1.5, 0.5),
        // On the floor and under it.
        (&trailing, [100.0, 160.0, 128.0], 0.0, 0.0),
        (&insured, [100.0, 100.0, 60.0], 0.0, 0.0),
        // More than is wanted binds nothing.
        (&insured, [100.0, 1e6, 1e6], 0.0, 3.0),
    ] {
        let decision = decide_at(control, 3.0, equity, exposure);
        assert!((decision.leverage - expected).abs() < 1e-12, "{equity:?}: {decision:?}");
        let binding = if expected < 3.0 { "drawdown_control" } else { "leverage_cap" };
        assert_eq!(decision.binding_limit, binding);
        assert_eq!(decision.reason, if expected > 0.0 { "" } else { "zero_limit" });
    }
}

#[test]
fn without_equity_there_is_no_cushion() {
    let control = DrawdownControl { floor_of: FloorOf::Peak, floor: 0.8, multiplier: 4.0 };
    for (equity, reason) in
        [([100.0, 100.0, 0.0], "ruined"), ([100.0, f64::NAN, 90.0], "not_finite")]
    {
        let decision = decide_at(&control, 1.0, equity, 0.0);
        assert_eq!((decision.leverage, decision.reason), (0.0, reason));
    }
}

proptest! {
    /// Moves that are no larger than one over the multiplier never break the floor, whatever they
    /// are; a fixed floor under equity, a trailing one under its peak. So the drawdown stays under
    /// what the trailing floor leaves.
    #[test]
    fn the_floor_holds(
        floor in 0.05..0.95_f64,
        multiplier in 0.5..20.0_f64,
        is_trailing: bool,
        moves in proptest::collection::vec(-1.0..1.0_f64, 1..200),
    ) {
        let floor_of = if is_trailing { FloorOf::Peak } else { FloorOf::Initial };
        let control = DrawdownControl { floor_of, floor, multiplier };
        let (mut equity, mut peak) = (100.0_f64, 100.0_f64);
        for one in moves {
            let x = decide_at(&control, 5.0, [100.0, peak, equity], 0.0).leverage;
            prop_assert!(x <= 5.0);
            equity *= 1.0 + x * one / multiplier.max(1.0);
            peak = peak.max(equity);
            let held = floor * if is_trailing { peak } else { 100.0 };
            // Growth over a fixed floor only lifts equity; a trailing one moves up with it.
            prop_assert!(equity >= held * (1.0 - 1e-12), "{equity} under {held}");
        }
    }
}
