//! Isolated and cross margin against hand-computed and published values.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::margin::{
    Account, AccountCurrency, Leg, LegKind, MarginRules, NoDistance, NoMarginRatio, cross_margin,
    isolated_margin,
};
use plimsoll_venue::{Bracket, ContractKind, Ladder, UserTable, VenueError};

use crate::{assert_close, reference, rules, time};

const TOLERANCE: f64 = 1e-12;

pub(crate) fn at() -> Timestamp {
    time("2025-10-10")
}

pub(crate) fn margin_rules(venue: &str) -> MarginRules {
    MarginRules::load(venue, &[]).unwrap()
}

pub(crate) fn account<'a>(wallet_balance: f64, legs: &'a [Leg<'a>]) -> Account<'a> {
    Account {
        currency: AccountCurrency::Quote,
        wallet_balance,
        legs,
        collateral_haircuts: &[],
        taker_fee_fraction: 0.0,
    }
}

pub(crate) fn linear<'a>(
    symbol: &'a str,
    side: Side,
    quantity: f64,
    entry: f64,
    leverage: f64,
    ladder: &'a Ladder,
) -> Leg<'a> {
    let coin = symbol.trim_end_matches("USDT");
    Leg::perpetual(ContractKind::Linear, coin, symbol, side, quantity, entry)
        .with_leverage(leverage, ladder)
}

/// Binance, brackets of 2025-10-10: 3 BTC long from 100,000, now 110,000, leverage 20.
#[test]
fn an_isolated_leg_stands_alone() {
    let venue = rules("binance-usdm");
    let ladder = venue.ladder("BTCUSDT", at()).unwrap();
    let long = linear("BTCUSDT", Side::Long, 3.0, 100_000.0, 20.0, ladder).at_mark(110_000.0);
    let short = linear("BTCUSDT", Side::Short, 1.0, 108_000.0, 10.0, ladder).at_mark(110_000.0);
    let short = Leg { isolated_margin: Some(12_000.0), ..short };
    let legs = [long, short];
    let result = isolated_margin(&account(40_000.0, &legs), &margin_rules("binance-usdm"), at());
    let result = result.unwrap();

    let long = &result.legs[0];
    // N = 330,000, in the bracket 300,000 to 800,000: 0.5 %, deduction 300, 100x.
    assert_close(long.notional, 330_000.0, TOLERANCE);
    assert_close(long.initial_margin, 16_500.0, TOLERANCE);
    assert_close(long.maintenance_margin, 330_000.0 * 0.005 - 300.0, TOLERANCE);
    assert_eq!((long.leverage_cap, long.leverage_is_allowed), (Some(100.0), true));
    // Own margin 300,000 / 20 = 15,000; profit 30,000.
    assert_close(long.equity.unwrap(), 45_000.0, TOLERANCE);
    assert_close(long.free_collateral.unwrap(), 28_500.0, TOLERANCE);
    assert_close(long.margin_ratio.unwrap(), 1_350.0 / 45_000.0, TOLERANCE);
    // Below 300,000 of notional the rate is 0.4 %: (15,000 - 300,000) / (3 (0.004 - 1)).
    let price = 285_000.0 / (3.0 * 0.996);
    assert_close(long.liquidation_price.unwrap(), price, TOLERANCE);
    assert_close(long.liquidation_distance_fraction.unwrap(), 1.0 - price / 110_000.0, TOLERANCE);

    let short = &result.legs[1];
    // 12,000 stated, loss 2,000; N = 110,000 at 0.4 %.
    assert_close(short.equity.unwrap(), 10_000.0, TOLERANCE);
    assert_close(short.maintenance_margin, 440.0, TOLERANCE);
    let price = 120_000.0 / 1.004;
    assert_close(short.liquidation_price.unwrap(), price, TOLERANCE);
    assert_close(short.liquidation_distance_fraction.unwrap(), price / 110_000.0 - 1.0, TOLERANCE);

    // Wallet 40,000 + 28,000; initial 16,500 + 11,000; unallocated 13,000.
    assert_close(result.equity, 68_000.0, TOLERANCE);
    assert_close(result.free_collateral, 40_500.0, TOLERANCE);
    let free: f64 = result.legs.iter().filter_map(|leg| leg.free_collateral).sum();
    assert_close(result.free_collateral, free + 13_000.0, TOLERANCE);
    assert_eq!(result.margin_ratio, Err(NoMarginRatio::EachLegAlone));
    assert!(!result.is_liquidatable && result.notes.is_empty());
}

/// Profit of one leg carries the other; both legs of a hedge ask for margin.
#[test]
fn cross_nets_profit_and_adds_requirements() {
    let (btc, eth) = (Ladder::flat(0.004, 125.0).unwrap(), Ladder::flat(0.005, 100.0).unwrap());
    let legs = [
        linear("BTCUSDT", Side::Long, 1.0, 100_000.0, 10.0, &btc).at_mark(90_000.0),
        linear("BTCUSDT", Side::Short, 1.0, 95_000.0, 10.0, &btc).at_mark(90_000.0),
        linear("ETHUSDT", Side::Short, 20.0, 4_000.0, 5.0, &eth).at_mark(3_500.0),
    ];
    let rules = margin_rules("binance-usdm");
    let result = cross_margin(&account(20_000.0, &legs), &rules, at()).unwrap();
    // -10,000 + 5,000 + 10,000.
    assert_close(result.unrealised_pnl, 5_000.0, TOLERANCE);
    assert_close(result.equity, 25_000.0, TOLERANCE);
    // 9,000 + 9,000 + 14,000; 360 + 360 + 350.
    assert_close(result.initial_margin, 32_000.0, TOLERANCE);
    assert_close(result.maintenance_margin, 1_070.0, TOLERANCE);
    assert_close(result.free_collateral, -7_000.0, TOLERANCE);
    assert_close(result.margin_ratio.unwrap(), 1_070.0 / 25_000.0, TOLERANCE);
    // The ether leg alone: wallet 25,000 - 10,000 less 720 elsewhere, short 20 from 4,000:
    // (14,280 + 80,000) / (20 x 1.005).
    let price = 94_280.0 / 20.1;
    assert_close(result.legs[2].liquidation_price.unwrap(), price, TOLERANCE);
    let ratios: f64 = result.legs.iter().map(|leg| leg.margin_ratio.unwrap()).sum();
    assert_close(ratios, result.margin_ratio.unwrap(), TOLERANCE);

    // At that price the account is at its limit, and just beyond it is liquidated.
    for (nudge, is_due) in [(0.999_999, false), (1.000_001, true)] {
        let mut moved = legs;
        moved[2] = moved[2].at_mark(price * nudge);
        let result = cross_margin(&account(20_000.0, &moved), &rules, at()).unwrap();
        assert_eq!(result.is_liquidatable, is_due);
    }
}

#[test]
fn no_equity_is_no_ratio() {
    let ladder = Ladder::flat(0.005, 50.0).unwrap();
    let legs = [linear("BTCUSDT", Side::Long, 1.0, 100.0, 10.0, &ladder).at_mark(80.0)];
    let rules = margin_rules("hyperliquid");
    let cross = cross_margin(&account(20.0, &legs), &rules, at()).unwrap();
    assert_eq!(cross.margin_ratio, Err(NoMarginRatio::NoEquity));
    assert!(cross.is_liquidatable);
    // It is due at the present mark.
    assert_eq!(cross.legs[0].liquidation_price, Ok(80.0));
    assert_eq!(cross.legs[0].liquidation_distance_fraction, Ok(0.0));
    let isolated = isolated_margin(&account(20.0, &legs), &rules, at()).unwrap();
    assert_eq!(isolated.legs[0].margin_ratio, Err(NoMarginRatio::NoEquity));
    assert!(isolated.is_liquidatable);
}

/// Each venue's word on equity that equals the requirement: 8, a sixteenth of 128.
#[test]
fn equity_that_equals_the_requirement() {
    let ladder = Ladder::flat(0.0625, 10.0).unwrap();
    let legs = [linear("BTCUSDT", Side::Long, 1.0, 128.0, 10.0, &ladder)];
    let legs = [Leg { isolated_margin: Some(8.0), ..legs[0] }];
    for (venue, is_due) in
        [("binance-usdm", false), ("bybit", true), ("okx", true), ("hyperliquid", false)]
    {
        let rules = margin_rules(venue);
        let cross = cross_margin(&account(8.0, &legs), &rules, at()).unwrap();
        assert_eq!(cross.margin_ratio, Ok(1.0));
        assert_eq!(cross.is_liquidatable, is_due, "{venue}");
        let isolated = isolated_margin(&account(8.0, &legs), &rules, at()).unwrap();
        assert_eq!(isolated.is_liquidatable, is_due, "{venue}");
        for wallet in [7.999, 8.001] {
            let cross = cross_margin(&account(wallet, &legs), &rules, at()).unwrap();
            assert_eq!(cross.is_liquidatable, wallet < 8.0, "{venue}");
        }
    }
}

#[test]
fn valuations_that_no_page_states_are_noted() {
    let row = |status: &str| {
        format!(
            "[[valuation]]\nvenue = \"okx\"\nfrom = \"2025-01-01\"\nisolated_initial = \"entry\"\nisolated_maintenance = \"entry\"\ncross_initial = \"mark\"\ncross_maintenance = \"mark\"\nstatus = \"{status}\"\nsource = \"a guess\"\n"
        )
    };
    let text = row("unverified");
    let rules = MarginRules::load("okx", &[UserTable { file: "mine.toml", text: &text }]).unwrap();
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let legs = [linear("BTCUSDT", Side::Long, 1.0, 100.0, 10.0, &ladder)];
    for margin in [
        isolated_margin(&account(50.0, &legs), &rules, at()).unwrap(),
        cross_margin(&account(50.0, &legs), &rules, at()).unwrap(),
    ] {
        assert!(margin.notes[0].contains("the user's own: a guess"), "{:?}", margin.notes);
    }
    assert_eq!(margin_rules("bybit").valuation_note(at()), None);
    let wrong = row("sure");
    assert!(MarginRules::load("okx", &[UserTable { file: "mine.toml", text: &wrong }]).is_err());
}

#[test]
fn haircuts_name_a_coin_once() {
    for haircuts in [&[("BTC", 0.1), ("BTC", 0.2)][..], &[("", 0.1)]] {
        let account = Account { collateral_haircuts: haircuts, ..account(1.0, &[]) };
        let result = cross_margin(&account, &margin_rules("okx"), at());
        assert!(matches!(result, Err(VenueError::BadInput { name: "collateral_haircuts", .. })));
    }
}

/// 200 M USDC at Hyperliquid's BTC tiers: 5,000,000 - 1,875,000; Deribit 25 BTC at 1.125 %.
#[test]
fn maintenance_agrees_with_the_exchanges() {
    let Some(text) = reference("exchanges/liq_price_tests.toml") else { return };
    let cases: toml::Table = text.parse().unwrap();
    let expected = |id: &str| {
        let case =
            cases["mm_case"].as_array().unwrap().iter().find(|c| c["id"].as_str() == Some(id));
        let case = case.unwrap();
        (case["notional"].as_float().unwrap(), case["expect"].as_float().unwrap())
    };
    let venue = rules("hyperliquid");
    let flat = Ladder::flat(0.01125, 50.0).unwrap();
    for (id, ladder) in [("M1", venue.ladder("BTC", at()).unwrap()), ("M2", &flat)] {
        let (notional, maintenance) = expected(id);
        let legs = [linear("BTC", Side::Long, notional / 100_000.0, 100_000.0, 10.0, ladder)];
        let result =
            cross_margin(&account(notional, &legs), &margin_rules("hyperliquid"), at()).unwrap();
        assert_close(result.maintenance_margin, maintenance, TOLERANCE);
    }
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn fraction(value: &serde_json::Value) -> f64 {
    match value.as_str() {
        None => value.as_f64().unwrap(),
        Some(text) => {
            let (over, under) = text.split_once('/').unwrap();
            over.parse::<f64>().unwrap() / under.parse::<f64>().unwrap()
        }
    }
}

/// arXiv 2512.01112, running example: five accounts of one position from 1, maintenance 10 %.
#[test]
fn the_running_example_of_autodeleveraging() {
    let Some(text) = reference("golden/published.json") else { return };
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let items = file["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["id"] == "adl_running_example").unwrap();
    let expected = &item["expected"];
    let marks = numbers(&item["inputs"]["mark"]);
    let tolerance = item["tolerance"].as_f64().unwrap();
    let near = |value: f64, printed: f64| {
        assert!((value - printed).abs() <= tolerance, "{value} is not {printed}");
    };
    // The maintenance rate has to be below one over the leverage.
    let ladder = Ladder::flat(0.1, 9.9).unwrap();
    let rules = margin_rules("hyperliquid");
    let mut insolvent = Vec::new();
    for (idx, name) in ["A", "B", "C", "D", "E"].into_iter().enumerate() {
        let position = &item["inputs"]["positions"][name];
        let side = if position["side"] == 1 { Side::Long } else { Side::Short };
        let (quantity, cash) = (position["q"].as_f64().unwrap(), fraction(&position["c"]));
        let leg = linear(name, side, quantity, 1.0, 9.0, &ladder);
        let mut wallet = cash;
        for (step, &mark) in marks.iter().enumerate() {
            if step > 0 {
                wallet += numbers(&expected[format!("funding_{step}")])[idx];
            }
            let legs = [leg.at_mark(mark)];
            let result = cross_margin(&account(wallet, &legs), &rules, at()).unwrap();
            if step == 0 {
                near(result.notional / result.equity, numbers(&expected["leverage_0"])[idx]);
                let printed = numbers(&expected["liquidation_price"])[idx];
                match result.legs[0].liquidation_price {
                    Ok(price) => near(price, printed),
                    // The paper's price of 0 is none.
                    Err(reason) => {
                        assert_eq!(printed, 0.0);
                        assert_eq!(reason, NoDistance::NoFall);
                    }
                }
            } else {
                near(result.equity, numbers(&expected[format!("equity_{step}")])[idx]);
            }
            if step == 1 && result.is_liquidatable {
                insolvent.push(name);
            }
        }
    }
    let printed: Vec<&str> = expected["maintenance_insolvent_at_1"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(insolvent, printed);
}

/// 100,000 dollars of an inverse perpetual, long from 50,000, in an account of 1 BTC.
#[test]
fn an_inverse_leg_is_reckoned_in_its_coin() {
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let leg =
        Leg::perpetual(ContractKind::Inverse, "BTC", "BTCUSD", Side::Long, 100_000.0, 50_000.0)
            .with_leverage(10.0, &ladder)
            .at_mark(40_000.0);
    let legs = [leg];
    let in_coin = Account { currency: AccountCurrency::Coin("BTC"), ..account(1.0, &legs) };
    // Bybit after 2025-09-02: maintenance at the mark.
    let result = cross_margin(&in_coin, &margin_rules("bybit"), at()).unwrap();
    // 100,000 / 40,000 = 2.5 BTC; 100,000 (1/50,000 - 1/40,000) = -0.5 BTC.
    assert_close(result.notional, 2.5, TOLERANCE);
    assert_close(result.unrealised_pnl, -0.5, TOLERANCE);
    assert_close(result.equity, 0.5, TOLERANCE);
    assert_close(result.initial_margin, 0.25, TOLERANCE);
    assert_close(result.maintenance_margin, 0.0125, TOLERANCE);
    assert_close(result.free_collateral, 0.25, TOLERANCE);
    // 1 + 2 - n/P = 0.005 n/P: n/P = 3 / 1.005.
    let price = 100_000.0 * 1.005 / 3.0;
    assert_close(result.legs[0].liquidation_price.unwrap(), price, TOLERANCE);
    assert_close(
        result.legs[0].liquidation_distance_fraction.unwrap(),
        1.0 - price / 40_000.0,
        TOLERANCE,
    );
    // A short of as much as the wallet holds cannot be liquidated by a rise.
    let short = Leg { side: Side::Short, quantity: 45_000.0, ..legs[0] }.at_mark(50_000.0);
    let legs = [short];
    let in_coin = Account { currency: AccountCurrency::Coin("BTC"), ..account(1.0, &legs) };
    let result = cross_margin(&in_coin, &margin_rules("bybit"), at()).unwrap();
    assert_eq!(result.legs[0].liquidation_price, Err(NoDistance::NoRise));

    // In an account kept in dollars the same leg is valued at its mark; its gain of
    // 45,000 (1/40,000 - 1/50,000) x 40,000 is 9,000, of which the haircut leaves 8,100.
    let legs = [short.at_mark(40_000.0)];
    let quote = Account { collateral_haircuts: &[("BTC", 0.1)], ..account(1_000.0, &legs) };
    let result = cross_margin(&quote, &margin_rules("bybit"), at()).unwrap();
    assert_close(result.unrealised_pnl, 9_000.0, TOLERANCE);
    assert_close(result.equity, 9_100.0, TOLERANCE);
    assert_close(result.maintenance_margin, 225.0, TOLERANCE);
    assert_eq!(result.legs[0].liquidation_price, Err(NoDistance::SettledInCoin));
    // Without a haircut the gain does not count; a loss does, in full.
    let bare = Account { collateral_haircuts: &[], ..quote };
    assert_close(cross_margin(&bare, &margin_rules("bybit"), at()).unwrap().equity, 1e3, TOLERANCE);
    let legs = [short.at_mark(60_000.0)];
    let loser = Account { legs: &legs, ..quote };
    // 45,000 (1/60,000 - 1/50,000) x 60,000 = -9,000.
    let result = cross_margin(&loser, &margin_rules("bybit"), at()).unwrap();
    assert_close(result.equity, -8_000.0, TOLERANCE);
}

/// Help page of 2025-09-18: before 2025-09-02 both margins at entry, afterwards cross at the mark,
/// isolated maintenance at the mark and initial at entry.
#[test]
fn bybit_changed_the_price_of_its_margins() {
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let legs = [linear("BTCUSDT", Side::Long, 1.0, 100.0, 10.0, &ladder).at_mark(120.0)];
    let rules = margin_rules("bybit-linear");
    for (date, isolated, cross) in
        [("2025-09-01", (10.0, 0.5), (10.0, 0.5)), ("2025-09-02", (10.0, 0.6), (12.0, 0.6))]
    {
        let of_isolated = isolated_margin(&account(50.0, &legs), &rules, time(date)).unwrap();
        assert_close(of_isolated.initial_margin, isolated.0, TOLERANCE);
        assert_close(of_isolated.maintenance_margin, isolated.1, TOLERANCE);
        let of_cross = cross_margin(&account(50.0, &legs), &rules, time(date)).unwrap();
        assert_close(of_cross.initial_margin, cross.0, TOLERANCE);
        assert_close(of_cross.maintenance_margin, cross.1, TOLERANCE);
        // 100 - (10 - 0.5), against (100 - 10) / 0.995.
        let price = if date < "2025-09-02" { 90.5 } else { 90.0 / 0.995 };
        assert_close(of_isolated.legs[0].liquidation_price.unwrap(), price, TOLERANCE);
    }
    let early = isolated_margin(&account(50.0, &legs), &rules, time("2023-12-31"));
    assert!(matches!(early, Err(VenueError::BeforeMarginRules { .. })));
}

/// OKX counts the fee: `(E - margin / Q) / (1 - (mmr + fee))`; the tier goes by contracts.
#[test]
fn okx_counts_the_fee_of_a_liquidation() {
    let tier = |tier, floor, cap, rate, leverage_max| Bracket {
        tier,
        floor,
        cap,
        maintenance_margin_rate: rate,
        leverage_max,
        maintenance_deduction: 0.0,
    };
    let ladder = Ladder::by_quantity(vec![
        tier(1, 0.0, 5.0, 0.004, 100.0),
        tier(2, 5.0, f64::INFINITY, 0.01, 50.0),
    ])
    .unwrap();
    let legs = [linear("BTC-USDT-SWAP", Side::Long, 10.0, 100.0, 60.0, &ladder)];
    let with_fee = Account { taker_fee_fraction: 0.0005, ..account(100.0, &legs) };
    let result = cross_margin(&with_fee, &margin_rules("okx-swap"), at()).unwrap();
    assert_close(result.maintenance_margin, 10.0, TOLERANCE);
    assert_close(result.liquidation_fee, 0.5, TOLERANCE);
    assert_close(result.margin_ratio.unwrap(), 0.105, TOLERANCE);
    let price = (100.0 - 10.0) / (1.0 - 0.0105);
    assert_close(result.legs[0].liquidation_price.unwrap(), price, TOLERANCE);
    // 60x is above the 50x of the second tier.
    assert_eq!(result.legs[0].leverage_cap, Some(50.0));
    assert!(!result.legs[0].leverage_is_allowed);
    assert!(result.notes.iter().any(|note| note.contains("above 50")), "{:?}", result.notes);
}

#[test]
fn spot_takes_its_value_or_counts_with_a_haircut() {
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let legs = [
        Leg::spot("BTC", 2.0, 90_000.0, 100_000.0),
        linear("BTCUSDT", Side::Short, 2.0, 100_000.0, 10.0, &ladder),
    ];
    let haircuts: &[(&str, f64)] = &[("BTC", 0.05)];
    let with = Account { collateral_haircuts: haircuts, ..account(30_000.0, &legs) };
    let bybit = margin_rules("bybit");
    let isolated = isolated_margin(&with, &bybit, at()).unwrap();
    // 200,000 of spot and 20,000.
    assert_close(isolated.initial_margin, 220_000.0, TOLERANCE);
    assert_close(isolated.equity, 230_000.0, TOLERANCE);
    assert_close(isolated.free_collateral, 10_000.0, TOLERANCE);
    assert_eq!(isolated.legs[0].liquidation_price, Err(NoDistance::Spot));
    let cross = cross_margin(&with, &bybit, at()).unwrap();
    assert_close(cross.coin_collateral, 190_000.0, TOLERANCE);
    assert_close(cross.equity, 220_000.0, TOLERANCE);
    assert_close(cross.free_collateral, 200_000.0, TOLERANCE);
    assert!(cross.notes.iter().any(|note| note.contains("given by the caller")));
    // No haircut given, and a venue without spot collateral.
    let without = Account { collateral_haircuts: &[], ..with };
    let cross = cross_margin(&without, &bybit, at()).unwrap();
    assert_close(cross.equity, 30_000.0, TOLERANCE);
    assert!(cross.notes.iter().any(|note| note.contains("no haircut is given")));
    let cross = cross_margin(&with, &margin_rules("binance_usdm"), at()).unwrap();
    assert_close(cross.equity, 30_000.0, TOLERANCE);
    assert_eq!(cross.notes, ["Spot is no collateral at Binance USD-M."]);
}

#[test]
fn what_cannot_be_held_is_refused_by_name() {
    let ladder = Ladder::flat(0.005, 100.0).unwrap();
    let good = linear("BTCUSDT", Side::Long, 1.0, 100.0, 10.0, &ladder);
    let inverse = Leg { kind: LegKind::Perpetual(ContractKind::Inverse), ..good };
    let short_spot = Leg { side: Side::Short, ..Leg::spot("BTC", 1.0, 100.0, 100.0) };
    let error = |venue: &str, currency, leg: Leg<'_>| {
        let legs = [good, leg];
        let account = Account { currency, ..account(100.0, &legs) };
        let error = cross_margin(&account, &margin_rules(venue), at()).unwrap_err();
        assert!(isolated_margin(&account, &margin_rules(venue), at()).is_err());
        error.to_string()
    };
    let quote = AccountCurrency::Quote;
    for (venue, currency, leg, message) in [
        (
            "binance-usdm",
            quote,
            inverse,
            "leg 2 (`BTCUSDT`): Binance USD-M has no inverse contracts",
        ),
        ("bybit", quote, short_spot, "leg 2 (`BTC`): spot is owned, so that its side is long"),
        (
            "bybit",
            AccountCurrency::Coin("BTC"),
            inverse,
            "leg 1 (`BTCUSDT`): an account kept in BTC holds inverse contracts of BTC only",
        ),
        (
            "bybit",
            quote,
            Leg { ladder: None, ..good },
            "leg 2 (`BTCUSDT`): a contract needs the brackets of its symbol",
        ),
        (
            "okx",
            quote,
            good.at_mark(f64::NAN),
            "leg 2 (`BTCUSDT`): `mark_price` is NaN, but it must be a finite number above 0",
        ),
        (
            "okx",
            quote,
            Leg { leverage: 0.5, ..good },
            "leg 2 (`BTCUSDT`): `leverage` is 0.5, but it must be 1 or above",
        ),
        (
            "okx",
            quote,
            Leg { quantity: 1e300, entry_price: 1e20, ..good },
            "leg 2 (`BTCUSDT`): `notional` is inf, but it must be a finite number above 0",
        ),
    ] {
        assert_eq!(error(venue, currency, leg), message);
    }
    let legs = [good];
    let haircut = Account { collateral_haircuts: &[("BTC", 1.5)], ..account(1.0, &legs) };
    assert!(matches!(
        cross_margin(&haircut, &margin_rules("okx"), at()),
        Err(VenueError::BadInput { name: "collateral_haircuts", .. })
    ));
    assert!(matches!(MarginRules::load("mtgox", &[]), Err(VenueError::UnknownVenue { .. })));
}
