//! Laws of funding for any premium, position and interval.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::{
    ContractKind, FundedPosition, FundingRule, FundingSchedule, FundingSettlement, HedgedPair,
    HeldPosition, HoldingLimit, PremiumWeights, RateCap, VenueError, VenueRules, funding_charges,
    funding_payment, rate_8h, rate_annual,
};
use proptest::prelude::*;

use crate::{rules, time};

fn all_rules() -> &'static [FundingRule] {
    static RULES: std::sync::LazyLock<Vec<FundingRule>> = std::sync::LazyLock::new(|| {
        let dates = ["2024-01-01", "2025-06-01", "2025-09-10", "2025-10-01", "2026-06-01"];
        VenueRules::venues()
            .unwrap()
            .iter()
            .flat_map(|venue| {
                let rules = rules(venue);
                dates.map(|date| match rules.funding_rule(time(date)) {
                    Ok(rule) => Some(rule.clone()),
                    Err(VenueError::EmptyTable { .. }) => None,
                    Err(error) => panic!("{venue}: {error}"),
                })
            })
            .flatten()
            .collect()
    });
    &RULES
}

fn intervals() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![60_u32, 120, 240, 480])
}

fn settlements() -> impl Strategy<Value = Vec<FundingSettlement>> {
    prop::collection::vec((-0.02..0.02_f64, 1.0..1e5_f64), 0..30).prop_map(|rows| {
        let at = |row: usize| Timestamp((row as i64 + 1) * 3_600_000);
        let settle = |(row, (rate, price))| FundingSettlement { time: at(row), rate, price };
        rows.into_iter().enumerate().map(settle).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rates_lie_within_clamp_and_cap(
        idx in 0..all_rules().len(),
        premium in -0.1..0.1_f64,
        minutes in intervals(),
        bound in 1e-4..0.03_f64,
    ) {
        let rule = &all_rules()[idx];
        let rate = rule.funding_rate_from_premium(premium, minutes).unwrap();
        if let Some(cap) = rule.rate_cap_fraction {
            prop_assert!(rate.abs() <= cap);
        } else {
            // The clamp lets the rate of eight hours leave the premium by so much and no more.
            let scale = match rule.formula {
                plimsoll_venue::FundingFormula::PerInterval => f64::from(minutes) / 480.0,
                _ => 1.0,
            };
            prop_assert!((rate / scale - premium).abs() <= rule.clamp_fraction * (1.0 + 1e-9) + 1e-15);
        }
        let cap = RateCap::symmetric(bound).unwrap();
        prop_assert!(rule.capped_funding_rate(premium, minutes, cap).unwrap().abs() <= bound);
        // A higher premium never makes a lower rate.
        let higher = rule.funding_rate_from_premium(premium + 0.001, minutes).unwrap();
        prop_assert!(higher >= rate);
    }

    #[test]
    fn averages_lie_between_their_samples(
        samples in prop::collection::vec(-0.01..0.01_f64, 1..200),
        minutes in intervals(),
    ) {
        let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
        let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for weights in
            [PremiumWeights::Linear, PremiumWeights::LinearHourlyEqual, PremiumWeights::Equal]
        {
            let average = weights.average(&samples, minutes).unwrap();
            prop_assert!(average >= least - 1e-15 && average <= most + 1e-15);
        }
    }

    #[test]
    fn what_longs_pay_shorts_receive(
        settlements in settlements(),
        quantity in 1e-3..1e4_f64,
        is_inverse in any::<bool>(),
        from in 0..30_i64,
        hours in 0..30_i64,
        slip_seconds in 0..60_u32,
    ) {
        let contract = if is_inverse { ContractKind::Inverse } else { ContractKind::Linear };
        let from = Timestamp(from * 3_600_000);
        let to = Timestamp(from.0 + hours * 3_600_000);
        let long = HeldPosition { side: Side::Long, contract, quantity, from, to };
        let short = HeldPosition { side: Side::Short, ..long };
        let paid = funding_charges(&long, &settlements, slip_seconds).unwrap();
        let received = funding_charges(&short, &settlements, slip_seconds).unwrap();
        prop_assert_eq!(paid.charges.len(), received.charges.len());
        for (a, b) in paid.charges.iter().zip(&received.charges) {
            prop_assert_eq!(a.cash, -b.cash);
            prop_assert_eq!(a.payer, b.payer);
        }
        let (least, most) = paid.range();
        let total = paid.total();
        let room = 1e-12 * paid.charges.iter().map(|c| c.cash.abs()).sum::<f64>();
        prop_assert!(least <= total + room && total <= most + room);
        // Held one part after the other it pays as held throughout.
        let middle = Timestamp(i64::midpoint(from.0, to.0));
        let parts = [HeldPosition { to: middle, ..long }, HeldPosition { from: middle, ..long }];
        let sum: f64 =
            parts.iter().map(|part| funding_charges(part, &settlements, 0).unwrap().total()).sum();
        prop_assert!((sum - funding_charges(&long, &settlements, 0).unwrap().total()).abs() <= room);
    }

    #[test]
    fn eight_hours_are_eight_hours(rate in -0.03..0.03_f64, minutes in intervals()) {
        // The same rate told per interval or per eight hours.
        let own = rate_8h(rate, 480.0) * f64::from(minutes) / 480.0;
        prop_assert!((rate_8h(own, f64::from(minutes)) - rate).abs() <= 1e-15);
        prop_assert!((rate_annual(own, f64::from(minutes)) - rate * 1095.0).abs() <= 1e-12);
    }

    #[test]
    fn the_budget_is_used_up_at_the_limit(
        is_long in any::<bool>(),
        notional in 1.0..1e7_f64,
        rate in -0.01..0.01_f64,
        minutes in 1..=1440_u32,
        budget in 0.0..1e6_f64,
    ) {
        let side = if is_long { Side::Long } else { Side::Short };
        let margin = notional / 10.0;
        let position = FundedPosition { side, notional, margin: Some(margin), rate, interval_minutes: minutes };
        let cost = position.cost().unwrap();
        match position.holding_limit(budget).unwrap() {
            HoldingLimit::Days { days, settlements } => {
                prop_assert!((days * cost.per_day - budget).abs() <= 1e-9 * budget);
                let paid = settlements * cost.per_settlement;
                prop_assert!(paid <= budget * (1.0 + 1e-9));
                prop_assert!(paid + cost.per_settlement >= budget * (1.0 - 1e-9));
                // The move that pays for the limit is the budget over the notional.
                let even = position.break_even_move(days, 0.0).unwrap();
                prop_assert!((even - budget / notional).abs() <= 1e-9 * (budget / notional));
            }
            HoldingLimit::Unlimited(_) => prop_assert!(cost.per_day <= 0.0),
        }
        let paid = funding_payment(side, notional, 1.0, rate);
        prop_assert_eq!(paid, -cost.per_settlement);
    }

    #[test]
    fn intervals_stay_among_those_of_the_rule(
        rates in prop::collection::vec(prop::sample::select(vec![0.0, 0.0002, 0.001, -0.02, 0.02]), 1..200),
        minutes in intervals(),
        idx in 0..all_rules().len(),
    ) {
        let switch = all_rules()[idx].interval_switch.as_ref();
        let cap = RateCap::symmetric(0.02).unwrap();
        let mut schedule = FundingSchedule::new(minutes).unwrap();
        for rate in rates {
            let next = schedule.next_interval(switch, rate, cap).unwrap();
            if switch.is_none() {
                prop_assert_eq!(next, schedule);
            } else if cap.is_reached(rate) {
                prop_assert_eq!(next.interval_minutes, 60);
                prop_assert_eq!(next.calm_cycles, 0);
            }
            prop_assert!([minutes, 60, 240].contains(&next.interval_minutes));
            let now = Timestamp(1_760_000_000_123);
            let step = next.next_settlement(now).0 - now.0;
            prop_assert!(step > 0 && step <= i64::from(next.interval_minutes) * 60_000);
            schedule = next;
        }
    }

    #[test]
    fn a_hedged_pair_does_not_feel_the_price(
        settlements in settlements(),
        quantity in 1.0..1e3_f64,
        entry in 10.0..1e4_f64,
        exit in 10.0..1e4_f64,
        is_inverse in any::<bool>(),
        is_short in any::<bool>(),
    ) {
        let contract = if is_inverse { ContractKind::Inverse } else { ContractKind::Linear };
        let pair = HedgedPair {
            perp_side: if is_short { Side::Short } else { Side::Long },
            contract,
            quantity,
            from: Timestamp(0),
            to: Timestamp(40 * 3_600_000),
            spot_entry_price: entry,
            spot_exit_price: exit,
            perp_entry_price: entry,
            perp_exit_price: exit,
            spot_fee_fraction: 0.0,
            perp_fee_fraction: 0.0,
            borrow_rate_annual: 0.0,
            spot_margin_fraction: 1.0,
            perp_margin_fraction: 0.1,
        };
        let carry = pair.carry(&settlements).unwrap();
        let scale = pair.coins() * entry.max(exit) * (1.0 + exit / entry);
        prop_assert!(carry.basis_change.abs() <= 1e-12 * scale);
        prop_assert!((carry.net - carry.funding - carry.basis_change).abs() <= 1e-12 * scale);
        if is_inverse {
            // `n r`, whatever the prices.
            let sum: f64 = settlements.iter().map(|s| s.rate).sum();
            let expected = -pair.perp_side.sign() * quantity * sum;
            prop_assert!((carry.funding - expected).abs() <= 1e-12 * quantity);
        }
    }
}
