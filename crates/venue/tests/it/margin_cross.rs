//! What liquidates a cross account, against hand-computed values.

use plimsoll_market::Side;
use plimsoll_venue::margin::{Account, Leg, NoDistance, cross_margin, isolated_margin};
use plimsoll_venue::{Bracket, ContractKind, Ladder, NoLiquidationPrice};

use crate::margin::{account, at, linear, margin_rules};
use crate::{assert_close, time};

const TOLERANCE: f64 = 1e-12;

/// All legs of an underlying move together: a hedge is liquidated far from where each leg alone
/// would be.
#[test]
fn legs_of_one_underlying_move_together() {
    let flat = Ladder::flat(0.004, 125.0).unwrap();
    let pair = |short: f64, entry: f64| {
        [
            linear("BTCUSDT", Side::Long, 1.0, 100_000.0, 20.0, &flat),
            linear("BTCUSDT", Side::Short, short, entry, 20.0, &flat).at_mark(100_000.0),
        ]
    };
    let rules = margin_rules("binance-usdm");
    // 10,000 = 0.004 x 2 P; equity does not move.
    let even = pair(1.0, 100_000.0);
    let result = cross_margin(&account(10_000.0, &even), &rules, at()).unwrap();
    let found = &result.underlyings[0];
    assert_eq!((found.net_exposure, found.fall), (0.0, Err(NoDistance::NoFall)));
    assert_close(found.above(100_000.0).unwrap(), 1_250_000.0, TOLERANCE);
    for leg in &result.legs {
        assert_close(leg.liquidation_price.unwrap(), 1_250_000.0, TOLERANCE);
        assert_close(leg.liquidation_distance_fraction.unwrap(), 11.5, TOLERANCE);
    }
    // Equity 14,000 + 0.1 P against 0.0076 P: never, one way or the other.
    let uneven = pair(0.9, 110_000.0);
    let result = cross_margin(&account(15_000.0, &uneven), &rules, at()).unwrap();
    assert_close(result.equity, 24_000.0, TOLERANCE);
    assert_eq!(result.underlyings[0].rise, Err(NoDistance::NoRise));
    for leg in &result.legs {
        assert_eq!(leg.liquidation_price, Err(NoDistance::NoFall));
    }
    // Ether beside it stands still: 24,000 + 20 (4,000 - P) - 760 = 0.1 P.
    let ether = linear("ETHUSDT", Side::Short, 20.0, 4_000.0, 5.0, &flat);
    let three = [uneven[0], uneven[1], ether];
    let result = cross_margin(&account(15_000.0, &three), &rules, at()).unwrap();
    let price = (24_000.0 + 80_000.0 - 760.0) / 20.08;
    assert_close(result.legs[2].liquidation_price.unwrap(), price, TOLERANCE);
    // Without a fall that takes bitcoin there: at 0 still 14,000 less the 320 of ether.
    assert_eq!(result.legs[0].liquidation_price, Err(NoDistance::NoFall));
    let names: Vec<&str> = result.underlyings.iter().map(|u| u.underlying.as_str()).collect();
    assert_eq!(names, ["BTC", "ETH"]);
}

/// Spot rises with the perpetual that it hedges, as far as its haircut leaves it.
#[test]
fn spot_collateral_moves_with_its_perpetual() {
    let ladder = Ladder::flat(0.004, 100.0).unwrap();
    let short = linear("BTCUSDT", Side::Short, 1.0, 100_000.0, 10.0, &ladder);
    let legs = [Leg::spot("BTC", 1.0, 100_000.0, 100_000.0), short];
    let with = Account {
        collateral_haircuts: &[("BTC", 0.05)],
        taker_fee_fraction: 0.0005,
        ..account(10_000.0, &legs)
    };
    let result = cross_margin(&with, &margin_rules("okx"), at()).unwrap();
    // 10,000 + 100,000 - 0.05 P = 0.0045 P.
    assert_close(result.underlyings[0].net_exposure, -5_000.0, 1e-9);
    assert_close(result.legs[1].liquidation_price.unwrap(), 110_000.0 / 0.0545, 1e-9);
    assert_eq!(result.underlyings[0].fall, Err(NoDistance::NoFall));
    assert_eq!(result.legs[0].liquidation_price, Err(NoDistance::Spot));
    // Where it is no collateral: 10,000 + 100,000 - P = 0.004 P.
    let result = cross_margin(&with, &margin_rules("binance-usdm"), at()).unwrap();
    assert_close(result.legs[1].liquidation_price.unwrap(), 110_000.0 / 1.004, 1e-9);
    // Bybit before 2025-09-02, at the entry: 110,000 - 0.05 P = 400.
    let early = time("2025-01-10");
    let result = cross_margin(&with, &margin_rules("bybit"), early).unwrap();
    assert_close(result.legs[1].liquidation_price.unwrap(), 109_600.0 / 0.05, 1e-9);
    let free = Account { collateral_haircuts: &[("BTC", 0.0)], ..with };
    let result = cross_margin(&free, &margin_rules("bybit"), early).unwrap();
    assert_eq!(result.legs[1].liquidation_price, Err(NoDistance::NoRise));
    // An inverse leg of the same coin beside them is more than the search can do.
    let inverse = Leg::perpetual(ContractKind::Inverse, "BTC", "BTCUSD", Side::Long, 1e4, 1e5)
        .with_leverage(10.0, &ladder);
    let legs = [legs[0], legs[1], inverse];
    let result = cross_margin(&Account { legs: &legs, ..with }, &margin_rules("okx"), at());
    for leg in &result.unwrap().legs[1..] {
        assert_eq!(leg.liquidation_price, Err(NoDistance::SettledInCoin));
    }
}

/// What lies above brackets that are known is not guessed, and only then is the size to blame.
#[test]
fn sizes_above_the_brackets_are_told_apart() {
    let bracket = Bracket {
        tier: 1,
        floor: 0.0,
        cap: 150_000.0,
        maintenance_margin_rate: 0.004,
        leverage_max: 100.0,
        maintenance_deduction: 0.0,
    };
    let complete = Ladder::new(vec![bracket]).unwrap();
    let incomplete = complete.clone().incomplete();
    let unknown = Err(NoDistance::Price(NoLiquidationPrice::BeyondKnownBrackets));
    for (venue, date) in [("bybit", "2025-01-10"), ("bybit", "2025-10-10"), ("okx", "2025-10-10")] {
        for (ladder, part) in
            [(&complete, "refused at any leverage"), (&incomplete, "brackets that are known")]
        {
            let legs = [linear("BTCUSDT", Side::Long, 2.0, 100_000.0, 5.0, ladder)];
            let (account, rules) = (account(50_000.0, &legs), margin_rules(venue));
            for margin in [
                isolated_margin(&account, &rules, time(date)).unwrap(),
                cross_margin(&account, &rules, time(date)).unwrap(),
            ] {
                assert!(margin.legs[0].exceeds_top && !margin.legs[0].leverage_is_allowed);
                assert!(margin.notes.iter().any(|n| n.contains(part)), "{:?}", margin.notes);
                assert!(margin.notes.iter().all(|n| !n.contains("is above 100")));
                let price = margin.legs[0].liquidation_price;
                assert_eq!(price == unknown, part.contains("known"), "{price:?}");
            }
        }
    }
    // A rise of a short runs into brackets that are not known.
    let legs = [linear("BTCUSDT", Side::Short, 1.0, 100_000.0, 5.0, &incomplete)];
    let margin = cross_margin(&account(90_000.0, &legs), &margin_rules("okx"), at()).unwrap();
    assert_eq!(margin.legs[0].liquidation_price, unknown);
}
