//! Charges, budgets and carry against values worked out by hand.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::{
    ChargeTiming, ContractKind, FundedPosition, FundingSettlement, HedgedPair, HeldPosition,
    HoldingLimit, UnlimitedHolding, VenueError, funding_charges, rate_8h, rate_annual,
};

use crate::{assert_close, time};

fn settlement(at: &str, rate: f64, price: f64) -> FundingSettlement {
    FundingSettlement { time: time(at), rate, price }
}

fn three_settlements() -> [FundingSettlement; 3] {
    [
        settlement("2025-01-01T00:00:00Z", 0.0001, 100.0),
        settlement("2025-01-01T08:00:00Z", -0.0002, 110.0),
        settlement("2025-01-01T16:00:00Z", 0.0003, 120.0),
    ]
}

fn held(side: Side, from: &str, to: &str) -> HeldPosition {
    HeldPosition {
        side,
        contract: ContractKind::Linear,
        quantity: 2.0,
        from: time(from),
        to: time(to),
    }
}

#[test]
fn only_what_is_held_at_the_stamp_pays() {
    let all = three_settlements();
    // -2 * 100 * 0.0001, +2 * 110 * 0.0002, -2 * 120 * 0.0003.
    let cash = [-0.02, 0.044, -0.072];
    for (from, to, counted) in [
        ("2024-12-31T23:59:59Z", "2025-01-01T16:00:00Z", &cash[..]),
        // Opened at the stamp does not pay, closed at the stamp does.
        ("2025-01-01T00:00:00Z", "2025-01-01T15:59:59Z", &cash[1..2]),
        ("2025-01-01T00:00:01Z", "2025-01-01T08:00:00Z", &cash[1..2]),
        ("2025-01-01T08:00:01Z", "2025-01-01T15:59:59Z", &[]),
        ("2025-01-01T08:00:00Z", "2025-01-01T08:00:00Z", &[]),
    ] {
        let long = funding_charges(&held(Side::Long, from, to), &all, 0).unwrap();
        let found: Vec<f64> = long.charges.iter().map(|charge| charge.cash).collect();
        assert_eq!(found.len(), counted.len(), "{from} {to}");
        for (found, expected) in found.iter().zip(counted) {
            assert_close(*found, *expected, 1e-15);
        }
        assert_close(long.total(), counted.iter().sum(), 1e-15);
        assert_eq!(long.range(), (long.total(), long.total()));
    }
    let charges =
        funding_charges(&held(Side::Short, "2024-12-31", "2025-01-02"), &all, 0).unwrap().charges;
    let payers: Vec<_> = charges.iter().map(|charge| charge.payer).collect();
    assert_eq!(payers, [Some(Side::Long), Some(Side::Short), Some(Side::Long)]);
    assert!(charges[0].cash > 0.0 && charges[1].cash < 0.0);
}

#[test]
fn settlements_within_the_slip_are_marked() {
    let all = three_settlements();
    // Opened 10 s after the first stamp, closed 5 s after the last.
    let position = held(Side::Long, "2025-01-01T00:00:10Z", "2025-01-01T16:00:05Z");
    let found = funding_charges(&position, &all, 15).unwrap();
    let timings: Vec<ChargeTiming> = found.charges.iter().map(|charge| charge.timing).collect();
    assert_eq!(
        timings,
        [ChargeTiming::OpenedWithinSlip, ChargeTiming::Held, ChargeTiming::ClosedWithinSlip]
    );
    assert_close(found.total(), 0.044 - 0.072, 1e-15);
    let (least, most) = found.range();
    assert_close(least, 0.044 - 0.072 - 0.02, 1e-15);
    assert_close(most, 0.044, 1e-15);
    let later = HeldPosition { from: time("2025-01-01T00:00:16Z"), ..position };
    assert_eq!(funding_charges(&later, &all, 15).unwrap().charges.len(), 2);
}

/// 10,000 dollars at 50,000 are 0.2 coins; 0.01 % of them.
#[test]
fn inverse_contracts_are_charged_in_coins() {
    let position = HeldPosition {
        contract: ContractKind::Inverse,
        quantity: 10_000.0,
        ..held(Side::Long, "2024-12-31", "2025-01-02")
    };
    let found =
        funding_charges(&position, &[settlement("2025-01-01", 0.0001, 50_000.0)], 0).unwrap();
    assert_close(found.total(), -0.000_02, 1e-15);
}

#[test]
fn bad_settlements_are_named() {
    let position = held(Side::Long, "2024-12-31", "2025-01-02");
    let [first, second, third] = three_settlements();
    for (settlements, index, name) in [
        ([first, first, third], 1, "time"),
        ([first, FundingSettlement { rate: f64::NAN, ..second }, third], 1, "rate"),
        ([first, second, FundingSettlement { price: 0.0, ..third }], 2, "price"),
    ] {
        let error = funding_charges(&position, &settlements, 0).unwrap_err();
        let VenueError::BadElement { index: i, name: n, .. } = error else { panic!("{error}") };
        assert_eq!((i, n), (index, name));
    }
    let empty = HeldPosition { quantity: 0.0, ..position };
    assert!(funding_charges(&empty, &[], 0).is_err());
    let reversed = HeldPosition { to: position.from, from: position.to, ..position };
    assert!(funding_charges(&reversed, &[], 0).is_err());
}

#[test]
fn rates_are_compared_over_eight_hours_and_a_year() {
    for (rate, minutes, per_8h, annual) in [
        (0.0005, 480.0, 0.0005, 0.5475),
        (-0.000_182_6, 480.0, -0.000_182_6, -0.199_947),
        (-0.000_319_6, 480.0, -0.000_319_6, -0.349_962),
        (0.0001, 60.0, 0.0008, 0.876),
        (0.0001, 240.0, 0.0002, 0.219),
    ] {
        assert_close(rate_8h(rate, minutes), per_8h, 1e-15);
        assert_close(rate_annual(rate, minutes), annual, 1e-12);
    }
}

/// 100,000 at 0.03 % every eight hours: 90 a day; a tenth of 2,000 lasts 2.22 days.
#[test]
fn a_budget_lasts_so_long() {
    let position = FundedPosition {
        side: Side::Long,
        notional: 100_000.0,
        margin: Some(2000.0),
        rate: 0.0003,
        interval_minutes: 480,
    };
    let cost = position.cost().unwrap();
    assert_close(cost.per_settlement, 30.0, 1e-12);
    assert_close(cost.per_day, 90.0, 1e-12);
    assert_close(cost.margin_fraction_per_day.unwrap(), 0.045, 1e-12);
    let limit = position.holding_limit(200.0).unwrap();
    assert_close(limit.days().unwrap(), 200.0 / 90.0, 1e-12);
    let HoldingLimit::Days { settlements, .. } = limit else { panic!("{limit:?}") };
    assert_eq!(settlements, 6.0);
    // 90 is exactly three settlements, whatever the last bit says.
    let HoldingLimit::Days { settlements, .. } = position.holding_limit(90.0).unwrap() else {
        panic!("no limit")
    };
    assert_eq!(settlements, 3.0);
    assert_eq!(position.holding_limit(0.0).unwrap().days(), Some(0.0));
    // Ten days and 100 of fees: 1,000 of 100,000.
    assert_close(position.break_even_move(10.0, 100.0).unwrap(), 0.01, 1e-12);

    let hourly = FundedPosition { interval_minutes: 60, rate: 0.000_037_5, ..position };
    assert_close(hourly.cost().unwrap().per_day, 90.0, 1e-12);
    let short = FundedPosition { side: Side::Short, ..position };
    let in_favour = HoldingLimit::Unlimited(UnlimitedHolding::RateInFavour);
    assert_eq!(short.holding_limit(200.0).unwrap(), in_favour);
    assert_eq!(in_favour.days(), None);
    assert_close(short.break_even_move(10.0, 100.0).unwrap(), -0.008, 1e-12);
    let nothing = FundedPosition { rate: 0.0, ..position };
    let limit = nothing.holding_limit(200.0).unwrap();
    assert_eq!(limit, HoldingLimit::Unlimited(UnlimitedHolding::RateIsZero));
    assert!(position.holding_limit(-1.0).is_err());
    assert!(FundedPosition { margin: Some(0.0), ..position }.cost().is_err());
    assert!(FundedPosition { interval_minutes: 0, ..position }.cost().is_err());
}

/// Spot bought and the perpetual sold for 73 days, a fifth of a year.
fn pair(contract: ContractKind, quantity: f64) -> HedgedPair {
    HedgedPair {
        perp_side: Side::Short,
        contract,
        quantity,
        from: time("2025-01-01"),
        to: Timestamp(time("2025-01-01").0 + 73 * plimsoll_market::DAY_MS),
        spot_entry_price: 100.0,
        spot_exit_price: 200.0,
        perp_entry_price: 101.0,
        perp_exit_price: 200.5,
        spot_fee_fraction: 0.001,
        perp_fee_fraction: 0.0005,
        borrow_rate_annual: 0.05,
        spot_margin_fraction: 1.0,
        perp_margin_fraction: 0.2,
    }
}

#[test]
fn linear_carry_is_funding_and_basis_less_costs() {
    let settlements = [
        settlement("2025-01-02", 0.001, 100.0),
        settlement("2025-02-01", -0.0005, 150.0),
        settlement("2025-03-01", 0.002, 190.0),
    ];
    let carry = pair(ContractKind::Linear, 10.0).carry(&settlements).unwrap();
    // 10 * (0.1 - 0.075 + 0.38)
    assert_close(carry.funding, 4.05, 1e-12);
    // The basis falls from 1 to 0.5 on ten coins.
    assert_close(carry.basis_change, 5.0, 1e-12);
    for (fee, expected) in carry.fees.iter().zip([1.0, 0.505, 1.0025, 2.0]) {
        assert_close(*fee, expected, 1e-12);
    }
    assert_close(carry.borrow_cost, 10.0, 1e-12);
    assert_close(carry.net, 4.05 + 5.0 - 4.5075 - 10.0, 1e-12);
    assert_close(carry.capital, 1000.0 + 202.0, 1e-12);
    assert_close(carry.return_annual, 5.0 * carry.net / 1202.0, 1e-12);

    let reverse = HedgedPair { perp_side: Side::Long, ..pair(ContractKind::Linear, 10.0) };
    let reverse = reverse.carry(&settlements).unwrap();
    assert_close(reverse.funding, -4.05, 1e-12);
    assert_close(reverse.basis_change, -5.0, 1e-12);
    assert_eq!(reverse.fees, carry.fees);
}

/// The price doubles, and the funding of an inverse contract does not: it is `n r` dollars.
#[test]
fn inverse_funding_goes_by_the_notional_at_entry() {
    let pair = HedgedPair {
        perp_entry_price: 100.0,
        perp_exit_price: 200.0,
        perp_margin_fraction: 0.0,
        borrow_rate_annual: 0.0,
        ..pair(ContractKind::Inverse, 1000.0)
    };
    let settlements =
        [settlement("2025-01-02", 0.001, 100.0), settlement("2025-03-01", 0.001, 200.0)];
    let carry = pair.carry(&settlements).unwrap();
    // One dollar each, sold for the spot fee: 0.01 and 0.005 coins.
    assert_close(carry.funding, 2.0 * (1.0 - 0.001), 1e-12);
    assert_close(carry.charges.charges[1].cash, 0.005, 1e-15);
    assert_close(carry.basis_change, 0.0, 1e-9);
    // Ten coins bought for 1,000; five, worth 1,000, are left to be sold.
    for (fee, expected) in carry.fees.iter().zip([1.0, 0.5, 0.5, 1.0]) {
        assert_close(*fee, expected, 1e-12);
    }
    assert_close(carry.capital, 1000.0, 1e-12);
    assert_close(carry.net, 1.998 - 3.0, 1e-12);
    // Paid in coins that have to be bought.
    let reverse = HedgedPair { perp_side: Side::Long, ..pair }.carry(&settlements).unwrap();
    assert_close(reverse.funding, -2.0 * (1.0 + 0.001), 1e-12);
}

#[test]
fn pairs_that_cannot_be_are_refused() {
    let good = pair(ContractKind::Linear, 10.0);
    for (bad, name) in [
        (HedgedPair { quantity: 0.0, ..good }, "quantity"),
        (HedgedPair { spot_exit_price: f64::NAN, ..good }, "spot_exit_price"),
        (HedgedPair { to: good.from, ..good }, "to"),
        (HedgedPair { perp_margin_fraction: -0.1, ..good }, "perp_margin_fraction"),
        (HedgedPair { perp_margin_fraction: 0.0, spot_margin_fraction: 0.0, ..good }, "capital"),
    ] {
        let error = bad.carry(&[]).unwrap_err();
        assert!(matches!(error, VenueError::BadInput { name: n, .. } if n == name), "{error}");
    }
}
