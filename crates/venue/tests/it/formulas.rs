//! Formulas against published or hand-computed values.

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, BracketAt, ContractKind, CrossPosition, HedgeInputs, HedgeLeg, HyperliquidInputs,
    InverseLong, Ladder, LiquidationInputs, NoLiquidationPrice, PriceGrid, Rounding, VenueError,
    bankruptcy_price, contract_bankruptcy_price, contract_liquidation_price,
    cross_liquidation_moves, funding_payment, hedge_liquidation_price,
    hedge_liquidation_price_exact, hyperliquid_liquidation_price, initial_margin,
    linearised_liquidation_price, liquidatable_at_entry, liquidation_price,
    liquidation_price_at_rate, lots_down, maintenance_deductions, meets_min_notional,
    meets_min_quantity, okx_isolated_liquidation_price, rate_8h, rate_annual, round_quantity_down,
    round_to_step,
};

use crate::{assert_close, rules, time};

fn isolated(side: Side, quantity: f64, entry: f64, margin: f64) -> LiquidationInputs {
    LiquidationInputs::isolated(side, quantity, entry, margin)
}

/// Binance FAQ b3c689c1: the worked examples, with bracket rates as printed.
#[test]
fn binance_prints_these_prices() {
    let eth = isolated(Side::Long, 3683.979, 1456.84, 1_535_443.01);
    let btc = isolated(Side::Long, 109.488, 32_481.98, 1_535_443.01);
    let cross = |inputs, maintenance, pnl| LiquidationInputs {
        other_maintenance_margin: maintenance,
        other_unrealised_pnl: pnl,
        ..inputs
    };
    for (inputs, rate, deduction, printed) in [
        (eth, 0.1, 135_365.0, 1114.78),
        (btc, 0.025, 16_300.0, 18_778.73),
        (cross(eth, 71_200.811_44, -56_354.57), 0.1, 135_365.0, 1153.26),
        (cross(btc, 356_512.508, -448_192.89), 0.025, 16_300.0, 26_316.89),
        (cross(isolated(Side::Short, 0.005, 9451.53, 10.72), 1.3, 0.47), 0.004, 0.0, 11_383.99),
    ] {
        let price = liquidation_price_at_rate(&inputs, rate, deduction).unwrap();
        assert!((price - printed).abs() <= 0.006, "{price} is not {printed}");
    }
}

/// In hedge mode with one leg the formula is the one-way one; with two, equity equals the margin
/// of both at the price found.
#[test]
fn hedge_legs_share_their_margin() {
    let long = HedgeLeg {
        quantity: 2.0,
        entry_price: 30_000.0,
        maintenance_margin_rate: 0.01,
        maintenance_deduction: 50.0,
    };
    let short = HedgeLeg { quantity: 0.5, entry_price: 31_000.0, ..long };
    let one_way =
        liquidation_price_at_rate(&isolated(Side::Long, 2.0, 30_000.0, 5000.0), 0.01, 50.0)
            .unwrap();
    let alone = hedge_liquidation_price(5000.0, &long, &HedgeLeg::default()).unwrap().unwrap();
    assert_close(alone, one_way, 1e-12);

    let price = hedge_liquidation_price(5000.0, &long, &short).unwrap().unwrap();
    let equity = 5000.0 + 2.0 * (price - 30_000.0) - 0.5 * (price - 31_000.0);
    let maintenance = 2.5 * price * 0.01 - 100.0;
    assert_close(equity, maintenance, 1e-9);
    assert!(price < one_way, "the short leg helps the long");

    let cancelling = HedgeLeg { maintenance_margin_rate: 0.0, ..long };
    assert_eq!(hedge_liquidation_price(5000.0, &cancelling, &cancelling).unwrap(), None);
}

/// Both venues' formulas are one rational function: 97,435.90 at 2.5 %, while the linear form says
/// 97,500, and 102,500 for a short that is liquidated at 102,439.02.
#[test]
fn exact_and_linear_prices_differ() {
    for (side, exact, linear) in
        [(Side::Long, 97_435.897_436, 97_500.0), (Side::Short, 102_439.024_390, 102_500.0)]
    {
        let inputs = isolated(side, 1.0, 100_000.0, 5000.0);
        assert_close(liquidation_price_at_rate(&inputs, 0.025, 0.0).unwrap(), exact, 1e-11);
        assert_close(linearised_liquidation_price(&inputs, 0.025).unwrap(), linear, 1e-12);
        let hyperliquid = HyperliquidInputs {
            side,
            quantity: 1.0,
            price: 100_000.0,
            margin_available: 2500.0,
            leverage_max: 20.0,
        };
        assert_close(hyperliquid_liquidation_price(&hyperliquid).unwrap(), exact, 1e-11);
    }
    let short = isolated(Side::Short, 1.0, 10.0, 2.0);
    let okx = okx_isolated_liquidation_price(&short, 0.01, 0.0006).unwrap();
    assert_close(okx, 11.874_134_177_716, 1e-12);
}

#[test]
fn bracket_at_the_liquidation_price_counts() {
    let rules = rules("binance-usdm");
    let ladder = rules.ladder("BTCUSDT", time("2025-10-10")).unwrap();
    // 8 BTC at 105,000 is in the third bracket (above 800k), at the liquidation price in the
    // second: 0.5 %, deduction 300.
    let inputs = isolated(Side::Long, 8.0, 105_000.0, 84_000.0);
    let exact = liquidation_price(&inputs, ladder, BracketAt::Liquidation).unwrap();
    let entry = liquidation_price(&inputs, ladder, BracketAt::Entry).unwrap();
    assert_eq!((exact.bracket_idx, entry.bracket_idx), (1, 2));
    assert_close(exact.price.unwrap(), (840_000.0 - 84_000.0 - 300.0) / (8.0 * 0.995), 1e-12);
    assert_close(entry.price.unwrap(), (840_000.0 - 84_000.0 - 1500.0) / (8.0 * 0.9935), 1e-12);
    assert!(!exact.exceeds_top);
}

#[test]
fn no_price_or_every_price_liquidates() {
    let ladder = Ladder::flat(0.004, 125.0).unwrap();
    let find = |inputs| liquidation_price(&inputs, &ladder, BracketAt::Liquidation).unwrap();

    let covered = find(isolated(Side::Long, 1.0, 100.0, 100.0));
    assert_eq!(covered.price, None);
    assert_eq!(covered.reason, Some(NoLiquidationPrice::NoPriceLiquidates));
    assert_eq!(bankruptcy_price(&isolated(Side::Long, 1.0, 100.0, 100.0)).unwrap(), None);

    let lost = find(isolated(Side::Short, 1.0, 100.0, -100.0));
    assert_eq!(lost.reason, Some(NoLiquidationPrice::EveryPriceLiquidates));

    // A covered short still ends somewhere above.
    assert_close(
        find(isolated(Side::Short, 1.0, 100.0, 100.0)).price.unwrap(),
        200.0 / 1.004,
        1e-12,
    );
    // 2 % margin under 2.5 % maintenance: liquidatable at entry, the price above it.
    let ladder = Ladder::flat(0.025, 20.0).unwrap();
    let inputs = isolated(Side::Long, 0.1, 100_000.0, 200.0);
    assert!(liquidatable_at_entry(&inputs, &ladder));
    let price = liquidation_price(&inputs, &ladder, BracketAt::Liquidation).unwrap().price;
    assert_close(price.unwrap(), 100_512.820_512_820_5, 1e-12);
}

#[test]
fn bankruptcy_uses_up_the_margin() {
    let long = isolated(Side::Long, 2.0, 100.0, 20.0);
    assert_eq!(bankruptcy_price(&long).unwrap(), Some(90.0));
    assert_eq!(
        bankruptcy_price(&LiquidationInputs { side: Side::Short, ..long }).unwrap(),
        Some(110.0)
    );
    let cross = LiquidationInputs { other_unrealised_pnl: -10.0, ..long };
    assert_eq!(bankruptcy_price(&cross).unwrap(), Some(95.0));
}

/// Bybit help 360039261334: 10,000 contracts at 8,000 with 0.5 BTC.
#[test]
fn inverse_long_is_liquidated_above_its_bankruptcy_price() {
    let long = InverseLong {
        contracts: 10_000.0,
        entry_price: 8000.0,
        wallet_balance: 0.5,
        taker_fee_fraction: 0.00075,
        maintenance_margin_rate: 0.005,
    };
    assert!((long.bankruptcy_price().unwrap() - 5_718.571_429).abs() < 1e-6);
    assert!((long.liquidation_price().unwrap().unwrap() - 5739.084).abs() < 0.01);
}

#[test]
fn deductions_follow_from_floors_and_rates() {
    let floors = [0.0, 50e3, 250e3, 1e6, 10e6, 20e6, 50e6];
    let rates = [0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125];
    let published = [0.0, 50.0, 1300.0, 16_300.0, 266_300.0, 1_266_300.0, 2_516_300.0];
    let deductions = maintenance_deductions(&floors, &rates).unwrap();
    for (deduction, expected) in deductions.iter().zip(published) {
        assert_close(*deduction, expected, 1e-12);
    }
    assert!(maintenance_deductions(&floors, &rates[1..]).is_err());
}

#[test]
fn ladders_answer_by_notional() {
    let rules = rules("binance-usdm");
    let ladder = rules.ladder("BTCUSDT", time("2025-10-10")).unwrap();
    for (notional, tier, margin) in [
        (0.0, 1, 0.0),
        (300_000.0, 1, 1200.0),
        (300_001.0, 2, 1200.005),
        (1e6, 3, 5000.0),
        (1.8e9, 12, 1.8e9 * 0.5 - 421_482_000.0),
        (2e9, 12, 2e9 * 0.5 - 421_482_000.0),
    ] {
        assert_eq!(ladder.bracket_at(notional).tier, tier, "{notional}");
        assert_close(ladder.maintenance_margin(notional, 1.0), margin, 1e-12);
    }
    assert!(!ladder.exceeds_top(1.8e9) && ladder.exceeds_top(1.8e9 + 1.0));
    assert_eq!(ladder.leverage_max(300_000.0), 150.0);
    assert_eq!(ladder.leverage_max(1e6), 75.0);
    for (leverage, cap) in [(1.0, 1.8e9), (20.0, 100e6), (21.0, 70e6), (150.0, 300e3), (151.0, 0.0)]
    {
        assert_eq!(ladder.notional_cap_for_leverage(leverage, 1.0), cap, "{leverage}x");
    }
    assert_eq!(initial_margin(100_000.0, 20.0), 5000.0);
}

#[test]
fn odd_inputs_are_refused() {
    let ladder = Ladder::flat(0.01, 50.0).unwrap();
    let good = isolated(Side::Long, 1.0, 100.0, 5.0);
    for (inputs, name) in [
        (LiquidationInputs { quantity: 0.0, ..good }, "quantity"),
        (LiquidationInputs { quantity: -1.0, ..good }, "quantity"),
        (LiquidationInputs { entry_price: f64::NAN, ..good }, "entry_price"),
        (LiquidationInputs { wallet_balance: f64::INFINITY, ..good }, "wallet_balance"),
    ] {
        let error = liquidation_price(&inputs, &ladder, BracketAt::Liquidation).unwrap_err();
        assert!(matches!(error, VenueError::BadInput { name: n, .. } if n == name), "{error}");
    }
    let error = liquidation_price_at_rate(&good, 1.0, 0.0).unwrap_err();
    assert_eq!(error.to_string(), "`rate` is 1, but it must be 0 or above and below 1");
}

#[test]
fn funding_is_paid_by_the_side_the_rate_says() {
    assert_close(funding_payment(Side::Long, 2.0, 50_000.0, 0.0003), -30.0, 1e-15);
    assert_close(funding_payment(Side::Short, 2.0, 50_000.0, 0.0003), 30.0, 1e-15);
    assert_close(funding_payment(Side::Long, 2.0, 50_000.0, -0.0003), 30.0, 1e-15);
    assert_close(rate_8h(0.0001, 60.0), 0.0008, 1e-15);
    // 0.05 % per eight hours is 54.75 % a year.
    assert_close(rate_annual(0.0005, 480.0), 0.5475, 1e-12);
}

#[test]
fn premium_becomes_a_rate() {
    let hyperliquid = rules("hyperliquid");
    let rule = hyperliquid.funding_rule(time("2025-01-01")).unwrap();
    // Impact bid 10,100 over an oracle of 10,000: 1 % premium, 0.11875 % an hour.
    assert_close(rule.funding_rate_from_premium(0.01, 60).unwrap(), 0.001_187_5, 1e-12);
    assert_eq!(rule.funding_rate_from_premium(0.9, 60).unwrap(), 0.04);
    assert_eq!(rule.funding_rate_from_premium(-0.9, 60).unwrap(), -0.04);

    let binance = rules("binance-usdm");
    let before = binance.funding_rule(time("2025-09-17")).unwrap();
    let after = binance.funding_rule(time("2025-09-18")).unwrap();
    // Between -0.04 % and +0.06 % the rate is the interest rate.
    for premium in [-0.0004, 0.0, 0.0002, 0.0006] {
        for rule in [before, after] {
            let rate = rule.funding_rate_from_premium(premium, 480).unwrap();
            assert!((rate - 0.0001).abs() < 1e-18, "{premium}: {rate}");
        }
    }
    assert_close(before.funding_rate_from_premium(0.001, 240).unwrap(), 0.0005, 1e-15);
    assert_close(after.funding_rate_from_premium(0.001, 240).unwrap(), 0.000_25, 1e-15);
    assert_close(after.funding_rate_from_premium(-0.001, 480).unwrap(), -0.0005, 1e-15);
    assert!(after.funding_rate_from_premium(f64::NAN, 480).is_err());
    assert!(after.funding_rate_from_premium(0.0, 0).is_err());
}

#[test]
fn lots_survive_binary_rounding() {
    for (quantity, step, rounded) in [
        (0.3, 0.1, 0.3),
        (0.299_999, 0.1, 0.2),
        (0.1 + 0.2, 0.1, 0.3),
        (1.234_567, 0.001, 1.234),
        (-0.3, 0.1, -0.3),
        (7.9, 1.0, 7.0),
        (0.000_9, 0.001, 0.0),
        (1234.0, 100.0, 1200.0),
        (0.0, 0.1, 0.0),
    ] {
        assert_eq!(round_quantity_down(quantity, step), rounded, "{quantity} by {step}");
    }
    assert_eq!(lots_down(0.3, 0.1), 3.0);
    // However many lots there are, a part of one is no lot.
    assert_eq!(round_quantity_down(1_234_567_890.7, 1.0), 1_234_567_890.0);
    assert_eq!(round_quantity_down(6_000.000_006, 1e-5), 6_000.0);
    assert_eq!(round_to_step(1_234_567_890.3, 1.0, Rounding::Up), 1_234_567_891.0);
    assert_eq!(lots_down(90_000_000_000.3, 0.1), 900_000_000_003.0);
    assert_eq!(round_to_step(100.149, 0.1, Rounding::Up), 100.2);
    assert_eq!(round_to_step(100.1, 0.1, Rounding::Up), 100.1);
    assert_eq!(round_to_step(100.151, 0.1, Rounding::Nearest), 100.2);
    assert!(meets_min_notional(0.001, 100_000.0, 100.0));
    assert!(!meets_min_notional(0.001, 99_999.0, 100.0));
    assert!(meets_min_quantity(0.1 + 0.2, 0.3) && !meets_min_quantity(0.29, 0.3));
}

#[test]
fn hyperliquid_prices_have_five_figures() {
    let eth = rules("hyperliquid").instrument("ETH").unwrap().price_grid;
    assert_eq!(eth, PriceGrid::SignificantFigures { figures: 5, decimals_max: 2 });
    for (price, rounded) in [
        (123_456.7, 123_456.0),
        (12_345.67, 12_345.0),
        (1234.567, 1234.5),
        (99.999, 99.99),
        (0.123, 0.12),
    ] {
        assert_eq!(eth.round(price, Rounding::Down), rounded, "{price}");
    }
}

/// Two tiers, 1 % up to 1,000 and 2 % above, on the whole position.
fn jumping() -> Ladder {
    let bracket = |tier, floor, cap, rate, leverage_max| Bracket {
        tier,
        floor,
        cap,
        maintenance_margin_rate: rate,
        leverage_max,
        maintenance_deduction: 0.0,
    };
    Ladder::whole_position(vec![
        bracket(1, 0.0, 1000.0, 0.01, 50.0),
        bracket(2, 1000.0, f64::INFINITY, 0.02, 25.0),
    ])
    .unwrap()
}

/// The margin of 10 at a notional of 1,000 becomes 20 above it.
#[test]
fn a_jump_of_the_margin_may_be_the_liquidation_price() {
    let ladder = jumping();
    let find = |inputs: &LiquidationInputs| {
        liquidation_price(inputs, &ladder, BracketAt::Liquidation).unwrap().price.unwrap()
    };
    // A short of 9 at 100 with 115: at 111.1 equity is 15, which covers 10 but not 20.
    let short = isolated(Side::Short, 9.0, 100.0, 115.0);
    assert_eq!(find(&short), 1000.0 / 9.0);
    assert!(short.excess_margin(1000.0 / 9.0, &ladder) > 0.0);
    assert!(short.excess_margin(1000.0 / 9.0 + 1e-9, &ladder) < 0.0);
    // With 125 there is enough at the jump: the root of the second tier, (125 + 900) / 9.18.
    assert_close(find(&isolated(Side::Short, 9.0, 100.0, 125.0)), 1025.0 / 9.18, 1e-12);
    // A long of 11 at 100 with 105: the second tier would end it at 92.2, where its notional of
    // 1,015 still is of that tier; with 130, at 90.0, it is not: the root of the first.
    assert_close(find(&isolated(Side::Long, 11.0, 100.0, 105.0)), 995.0 / (11.0 * 0.98), 1e-12);
    assert_close(find(&isolated(Side::Long, 11.0, 100.0, 130.0)), 970.0 / (11.0 * 0.99), 1e-12);

    // Due at entry, as 15 do not cover the 22 of a short of 11 at 100: the price is below, where
    // they do. A short of 10.001 has to reach the edge only.
    let due = isolated(Side::Short, 11.0, 100.0, 15.0);
    assert!(liquidatable_at_entry(&due, &ladder));
    assert_close(find(&due), 1115.0 / (11.0 * 1.02), 1e-12);
    let barely = isolated(Side::Short, 10.001, 100.0, 15.0);
    assert!(liquidatable_at_entry(&barely, &ladder));
    assert_eq!(find(&barely), 1000.0 / 10.001);

    assert!(
        Ladder::whole_position(vec![Bracket {
            maintenance_deduction: 5.0,
            ..ladder.brackets()[0]
        }])
        .is_err()
    );
    assert!(ladder.clone().with_closing_fee(0.98).is_err());
    assert!(ladder.with_closing_fee(-0.1).is_err());
}

/// An inverse long in a cross account: `n / P = W + n / E` for bankruptcy without fees, and with a
/// flat rate `n (1 + mmr) / P = W + n / E` for liquidation.
#[test]
fn inverse_contracts_are_linear_in_one_over_the_price() {
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let kind = ContractKind::Inverse;
    let long = isolated(Side::Long, 10_000.0, 8000.0, 0.5);
    let find = |inputs| {
        contract_liquidation_price(kind, &inputs, &ladder, BracketAt::Liquidation).unwrap()
    };
    assert_close(find(long).price.unwrap(), 10_050.0 / 1.75, 1e-12);
    assert_close(contract_bankruptcy_price(kind, &long).unwrap().unwrap(), 10_000.0 / 1.75, 1e-12);
    // A short gains coins as the price falls and needs fewer as it rises: with 1.25 coins behind
    // it, its own worth at entry, no price ends it.
    let short = LiquidationInputs { side: Side::Short, ..long };
    assert_close(find(short).price.unwrap(), 10_000.0 * (1.0 - 0.005) / 0.75, 1e-12);
    let covered = find(LiquidationInputs { wallet_balance: 1.25, ..short });
    assert_eq!(covered.reason, Some(NoLiquidationPrice::NoPriceLiquidates));
    assert_eq!(
        contract_bankruptcy_price(kind, &LiquidationInputs { wallet_balance: 1.25, ..short })
            .unwrap(),
        None
    );

    // Bybit, older text: E L / (L + 1) for a long at 50x from 7,890.08, rounded up to half a dollar.
    let at_50x = isolated(Side::Long, 1000.0, 7890.08, 1000.0 / 7890.08 / 50.0);
    let bust = contract_bankruptcy_price(kind, &at_50x).unwrap().unwrap();
    assert_close(bust, 7890.08 * 50.0 / 51.0, 1e-12);
    assert_eq!(PriceGrid::Tick(0.5).round(bust, Rounding::Up), 7735.5);
}

/// Two legs with rates given are the venue's formula; with a ladder, both directions.
#[test]
fn hedged_legs_may_end_on_both_sides() {
    let flat = Ladder::flat(0.01, 50.0).unwrap();
    let inputs = HedgeInputs {
        margin_balance: 5000.0,
        mark_price: 30_000.0,
        long_quantity: 2.0,
        long_entry_price: 30_000.0,
        short_quantity: 0.5,
        short_entry_price: 31_000.0,
    };
    let leg = |quantity, entry_price| HedgeLeg {
        quantity,
        entry_price,
        maintenance_margin_rate: 0.01,
        maintenance_deduction: 0.0,
    };
    let formula = hedge_liquidation_price(5000.0, &leg(2.0, 30_000.0), &leg(0.5, 31_000.0));
    let found = hedge_liquidation_price_exact(&inputs, &flat).unwrap();
    assert_close(found.below.unwrap(), formula.unwrap().unwrap(), 1e-12);
    assert_eq!(found.above, None);

    // Equal legs earn and lose nothing; 2 % of a rising notional outgrows the balance: 5,500 are
    // due at 0.04 P.
    let equal = HedgeInputs { short_quantity: 2.0, ..inputs };
    let found = hedge_liquidation_price_exact(&equal, &flat).unwrap();
    assert_eq!(found.below, None);
    assert_close(found.above.unwrap(), (5000.0 + 2.0 * 1000.0) / 0.04, 1e-12);

    // With brackets, both: gains of the long are eaten by margin rates that rise to 50 %.
    let rules = rules("binance-usdm");
    let ladder = rules.ladder("BTCUSDT", time("2025-10-10")).unwrap();
    let large = HedgeInputs {
        margin_balance: 9e6,
        mark_price: 100_000.0,
        long_quantity: 1000.0,
        long_entry_price: 100_000.0,
        short_quantity: 900.0,
        short_entry_price: 100_000.0,
    };
    let found = hedge_liquidation_price_exact(&large, ladder).unwrap();
    assert!(found.is_known && !found.is_liquidatable_now);
    let (below, above) = (found.below.unwrap(), found.above.unwrap());
    for price in [below, above] {
        let equity = 9e6 + 100.0 * (price - 100_000.0);
        let needed =
            ladder.maintenance_margin(1000.0, price) + ladder.maintenance_margin(900.0, price);
        assert_close(equity, needed, 1e-9);
    }
    assert!(below < 100_000.0 && above > 100_000.0);
    let none = HedgeInputs { long_quantity: 0.0, short_quantity: 0.0, ..large };
    let found = hedge_liquidation_price_exact(&none, ladder).unwrap();
    assert_eq!((found.below, found.above), (None, None));
    assert!(
        hedge_liquidation_price_exact(&HedgeInputs { mark_price: 0.0, ..none }, ladder).is_err()
    );
}

/// Long 1 at 100 and long 10 at 20 with a wallet of 60 and a flat 2 %: 300 (1 + t) * 0.98 = 240.
#[test]
fn all_marks_may_fall_together() {
    let ladder = Ladder::flat(0.02, 25.0).unwrap();
    let position = |side, quantity, price, beta| CrossPosition {
        side,
        quantity,
        entry_price: price,
        mark_price: price,
        beta,
        ladder: &ladder,
    };
    let both = [position(Side::Long, 1.0, 100.0, 1.0), position(Side::Long, 10.0, 20.0, 1.0)];
    let found = cross_liquidation_moves(60.0, &both).unwrap();
    assert_close(found.down.unwrap().move_fraction, 240.0 / 294.0 - 1.0, 1e-12);
    assert_eq!(found.up, None);
    // One alone is the liquidation price of its own.
    let alone = cross_liquidation_moves(60.0, &both[..1]).unwrap();
    let price =
        liquidation_price(&isolated(Side::Long, 1.0, 100.0, 60.0), &ladder, BracketAt::Liquidation);
    assert_close(
        100.0 * (1.0 + alone.down.unwrap().move_fraction),
        price.unwrap().price.unwrap(),
        1e-12,
    );
    // The second rises by half of what the first falls: 100 t + (-100) t - 2 % (300 + 100 t - 100 t).
    let opposed = [both[0], position(Side::Long, 10.0, 20.0, -0.5)];
    let found = cross_liquidation_moves(60.0, &opposed).unwrap();
    assert_eq!((found.down, found.up), (None, None));
    // A long and a short of other coins that stand still or move twice as far.
    let mixed = [position(Side::Short, 1.0, 100.0, 2.0), position(Side::Long, 10.0, 20.0, 0.0)];
    let found = cross_liquidation_moves(60.0, &mixed).unwrap();
    // 60 - 200 t = 2 + 4 t + 4.
    assert_close(found.up.unwrap().move_fraction, 54.0 / 204.0, 1e-12);
    assert_eq!(found.down, None);

    let due = cross_liquidation_moves(6.0, &both).unwrap();
    assert!(due.is_liquidatable_now);
    assert_eq!((due.down.unwrap().move_fraction, due.up.unwrap().move_fraction), (0.0, 0.0));
    assert_eq!(cross_liquidation_moves(60.0, &[]).unwrap().down, None);
    assert!(cross_liquidation_moves(f64::NAN, &both).is_err());
}
