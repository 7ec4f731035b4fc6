//! Published liquidation prices and brackets, read from the reference folder.

use std::collections::BTreeMap;

use plimsoll_market::Side;
use plimsoll_venue::{
    Bracket, BracketAt, ContractKind, HyperliquidInputs, InverseLong, Ladder, LiquidationInputs,
    PriceGrid, Rounding, bybit_isolated_liquidation_price, contract_bankruptcy_price,
    hyperliquid_liquidation_price, linearised_liquidation_price, liquidatable_at_entry,
    liquidation_price, liquidation_price_at_rate, maintenance_deduction, maintenance_deductions,
    okx_isolated_liquidation_price,
};

use crate::{assert_close, reference, rules, time};

fn number(case: &toml::Table, key: &str) -> f64 {
    match &case[key] {
        toml::Value::Float(x) => *x,
        toml::Value::Integer(x) => *x as f64,
        other => panic!("{key} is {other}"),
    }
}

fn side(case: &toml::Table) -> Side {
    if number(case, "side") > 0.0 { Side::Long } else { Side::Short }
}

/// A case's liquidation price by the formula it names.
fn price(case: &toml::Table) -> f64 {
    let get = |key| number(case, key);
    let isolated =
        |margin| LiquidationInputs::isolated(side(case), get("qty"), get("entry"), margin);
    match case["model"].as_str().unwrap() {
        "binance_cross" | "binance_isolated" => {
            let inputs = LiquidationInputs {
                other_maintenance_margin: get("tmm_other"),
                other_unrealised_pnl: get("upnl_other"),
                ..isolated(get("wb"))
            };
            liquidation_price_at_rate(&inputs, get("mmr"), get("cum")).unwrap()
        }
        "hyperliquid_isolated" => {
            let maintenance = get("qty") * get("entry") / (2.0 * get("max_lev"));
            hyperliquid_liquidation_price(&HyperliquidInputs {
                side: side(case),
                quantity: get("qty"),
                price: get("entry"),
                margin_available: get("margin") - maintenance,
                leverage_max: get("max_lev"),
            })
            .unwrap()
        }
        "bybit_isolated_linear" => {
            let notional = get("qty") * get("entry");
            let margin = notional / get("leverage") + get("extra_margin");
            bybit_isolated_liquidation_price(&isolated(margin), notional * get("mmr")).unwrap()
        }
        "bybit_inverse_cross" => {
            let long = InverseLong {
                contracts: get("contracts_usd"),
                entry_price: get("entry"),
                wallet_balance: get("balance_btc"),
                taker_fee_fraction: get("taker_fee"),
                maintenance_margin_rate: get("mmr"),
            };
            assert_close(long.bankruptcy_price().unwrap(), get("expect_bust"), 1e-9);
            let price = long.liquidation_price().unwrap().unwrap();
            let rounded = PriceGrid::Tick(0.5).round(price, Rounding::Up);
            assert_eq!(rounded, get("official_rounded_up_half_tick"));
            // Without the fee, and with the margin of the entry's worth taken off the balance, it
            // is the bankruptcy price of the same contract.
            let entry_value = get("contracts_usd") / get("entry");
            let held = get("balance_btc") - get("mmr") * entry_value;
            let feeless = InverseLong { taker_fee_fraction: 0.0, ..long };
            let inputs =
                LiquidationInputs::isolated(Side::Long, get("contracts_usd"), get("entry"), held);
            assert_close(
                contract_bankruptcy_price(ContractKind::Inverse, &inputs).unwrap().unwrap(),
                feeless.liquidation_price().unwrap().unwrap(),
                1e-12,
            );
            price
        }
        "okx_isolated_linear" => {
            let inputs = isolated(get("qty") * get("entry") / get("leverage"));
            let ladder = Ladder::flat(get("mmr"), 50.0).unwrap();
            let ladder = ladder.with_closing_fee(get("taker_fee")).unwrap();
            let found = liquidation_price(&inputs, &ladder, BracketAt::Liquidation).unwrap();
            let price =
                okx_isolated_liquidation_price(&inputs, get("mmr"), get("taker_fee")).unwrap();
            assert_close(found.price.unwrap(), price, 1e-12);
            price
        }
        other => panic!("no formula for {other}"),
    }
}

#[test]
fn liquidation_prices_agree_with_the_exchanges() {
    let Some(text) = reference("exchanges/liq_price_tests.toml") else { return };
    let cases: toml::Table = text.parse().unwrap();
    let (mut n_cases, mut n_margins) = (0, 0);
    for case in cases["case"].as_array().unwrap() {
        let case = case.as_table().unwrap();
        let (value, expected) = (price(case), number(case, "expect"));
        let difference = (value - expected).abs();
        assert!(difference <= number(case, "tol"), "{}: {value} not {expected}", case["id"]);
        n_cases += 1;
    }
    assert!(n_cases >= 21, "{n_cases} cases");

    for case in cases["mm_case"].as_array().unwrap() {
        let case = case.as_table().unwrap();
        let get = |key| number(case, key);
        let bracket = |rate, deduction| Bracket {
            tier: 1,
            floor: 0.0,
            cap: f64::INFINITY,
            maintenance_margin_rate: rate,
            leverage_max: 1.0,
            maintenance_deduction: deduction,
        };
        if case.contains_key("expect_cum") {
            let below = bracket(get("prev_mmr"), get("prev_cum"));
            let deduction = maintenance_deduction(&below, get("floor"), get("mmr"));
            assert_close(deduction, get("expect_cum"), 1e-12);
        } else {
            let margin = bracket(get("mmr"), get("deduction")).maintenance_margin(get("notional"));
            assert_close(margin, get("expect"), 1e-12);
        }
        n_margins += 1;
    }
    assert!(n_margins >= 3, "{n_margins} cases");
}

#[test]
fn exact_rationals_agree() {
    let Some(text) = reference("golden/margin_seed_numbers.json") else { return };
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut n_checked = 0;
    for case in golden["cases"].as_array().unwrap() {
        let params = &case["params"];
        let expected = &case["expected"];
        let get = |key: &str| params[key].as_f64().unwrap();
        let side = |p: &serde_json::Value| if p["side"] == 1 { Side::Long } else { Side::Short };
        match case["metric"].as_str().unwrap() {
            "liquidation_price" => {
                let (entry, rate) = (get("entry"), get("mmr"));
                let inputs =
                    LiquidationInputs::isolated(side(params), get("qty"), entry, get("margin"));
                let exact = liquidation_price_at_rate(&inputs, rate, 0.0).unwrap();
                let linear = linearised_liquidation_price(&inputs, rate).unwrap();
                // The ladder's own search must find the same root.
                let flat = Ladder::flat(rate, 1.0).unwrap();
                let found = liquidation_price(&inputs, &flat, BracketAt::default()).unwrap();
                for (value, key) in [
                    (exact, "exact"),
                    (found.price.unwrap(), "exact"),
                    (linear, "seed_formula"),
                    (exact / entry - 1.0, "exact_move"),
                    (linear / entry - 1.0, "seed_move"),
                ] {
                    let expected = expected[key].as_f64().unwrap();
                    // Near-cancelling moves lose digits that the price itself has.
                    assert!((value - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{key}");
                }
                assert_eq!(
                    liquidatable_at_entry(&inputs, &flat),
                    expected["liquidatable_at_entry"].as_bool().unwrap()
                );
            }
            "liquidation_price_binance" => {
                let inputs = LiquidationInputs::isolated(
                    side(params),
                    get("qty"),
                    get("entry"),
                    get("wallet"),
                );
                let value = liquidation_price_at_rate(&inputs, get("mmr"), get("cum")).unwrap();
                assert_close(value, expected["exact"].as_f64().unwrap(), 1e-12);
            }
            "maintenance_amount" => {
                let list = |value: &serde_json::Value| -> Vec<f64> {
                    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
                };
                let deductions =
                    maintenance_deductions(&list(&params["floors"]), &list(&params["mmr"]))
                        .unwrap();
                for (value, expected) in deductions.iter().zip(list(&expected["cum"])) {
                    assert_close(*value, expected, 1e-9);
                }
            }
            "funding_cost" => {
                let notional = get("margin") * get("leverage");
                let paid =
                    plimsoll_venue::funding_payment(Side::Long, 1.0, notional, get("rate_8h"));
                assert_close(-3.0 * paid, expected["per_day"].as_f64().unwrap(), 1e-12);
            }
            _ => continue,
        }
        n_checked += 1;
    }
    assert!(n_checked >= 9, "{n_checked} cases");
}

#[test]
fn our_brackets_are_those_observed() {
    let Some(text) = reference("exchanges/binance_usdm_brackets_history.csv") else { return };
    let rules = rules("binance-usdm");
    let mut observed: BTreeMap<(String, String), Vec<Vec<f64>>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        let bracket = (3..9).map(|i| row[i].parse().unwrap()).collect();
        observed.entry((row[1].to_owned(), row[2].to_owned())).or_default().push(bracket);
    }
    assert!(observed.len() > 100);
    for ((symbol, date), brackets) in &observed {
        let ladder = rules.ladder(symbol, time(date)).unwrap();
        let ours: Vec<Vec<f64>> = ladder
            .brackets()
            .iter()
            .map(|b| {
                vec![
                    f64::from(b.tier),
                    b.floor,
                    b.cap,
                    b.maintenance_margin_rate,
                    b.leverage_max,
                    b.maintenance_deduction,
                ]
            })
            .collect();
        assert_eq!(&ours, brackets, "{symbol} {date}");
    }
}

/// The OKX and Bybit ladders that the reference folder has are in our tables.
#[test]
fn captured_ladders_are_in_the_tables() {
    for (file, venue, cap_key, size_of) in [
        ("exchanges/bybit_linear.toml", "bybit-linear", "cap", None),
        ("exchanges/okx_swap.toml", "okx-swap", "cap_ct", Some("contract_value")),
    ] {
        let Some(text) = reference(file) else { return };
        let table: toml::Table = text.parse().unwrap();
        let rules = rules(venue);
        let mut n_found = 0;
        for ladder in table["ladder"].as_array().unwrap() {
            let symbol = ladder["symbol"].as_str().unwrap();
            let scale = match size_of {
                Some(_) => rules.instrument(symbol).unwrap().contract_value,
                None => 1.0,
            };
            let tiers: Vec<(f64, f64)> = ladder["tiers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|tier| tier.as_table().unwrap())
                .map(|tier| (number(tier, cap_key) * scale, number(tier, "mmr")))
                .collect();
            let begins_so = |ours: &Ladder| {
                ours.brackets().len() >= tiers.len()
                    && ours.brackets().iter().zip(&tiers).all(|(bracket, tier)| {
                        (bracket.cap, bracket.maintenance_margin_rate) == *tier
                    })
            };
            let (first, last) = (time("2024-01-01"), time("2027-01-01"));
            let all = rules
                .ladders_between(symbol, first, last)
                .or_else(|_| rules.ladders_between(symbol, time("2026-10-01"), last))
                .unwrap();
            n_found += usize::from(all.iter().any(|(_, ours)| begins_so(ours)));
        }
        // Bybit's table of 2021 is older than ours begin.
        let n_missing = table["ladder"].as_array().unwrap().len() - n_found;
        assert_eq!(n_missing, usize::from(venue == "bybit-linear"), "{venue}");
    }
}
