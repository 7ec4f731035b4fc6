//! What a user reads who has written a gate or a reference venue wrongly.

use plimsoll_market::ReferenceVenue;

use crate::scene::{good_but, message_of, parse_with};

/// The good file with these keys added to its first rule.
fn with(keys: &str) -> String {
    good_but(&[("notional_fraction = 1.0", &format!("notional_fraction = 1.0\n{keys}"))])
}

#[test]
fn gates() {
    for (name, keys) in [
        (
            "funding_cut",
            "funding_cut = { above_8h = 0.0005, below_8h = 0.0003, multiply = 1.5, side = \"long\", sign_change_periods = 2 }",
        ),
        ("funding_budget", "funding_budget = { budget = 10, of = \"equity\", periods = 0 }"),
        ("liquidation_cluster", "liquidation_cluster = { above = 5, source = \"modelled\" }"),
        (
            "liquidation_mean",
            "liquidation_cluster = { above = 5, relative_to = \"trailing_mean\", hours = 72, trailing_days = 2 }",
        ),
        ("oracle_health", "oracle_health = { premium_max = 0, multiply = -1, venue_gap = 0.05 }"),
        ("margin_allocation", "margin_allocation = { share = 20, days = 1, reference_days = 1 }"),
    ] {
        insta::assert_snapshot!(format!("gate_{name}"), message_of(&with(keys), &[]));
    }
}

#[test]
fn gates_are_read_and_swept() {
    let study = parse_with(
        &with(
            "funding_cut = { above_8h = 0.0005, below_8h = -0.0003, multiply = [0.5, 0.7], side = \"crowded\", sign_change_multiply = 0.5 }\n\
             funding_budget = {}\nliquidation_cluster = { above = 0.01, side = \"same\" }\n\
             oracle_health = {}\nmargin_allocation = { share = 0.2 }",
        ),
        &[],
    )
    .unwrap();
    let rules: Vec<_> = study.rules.iter().filter(|rule| rule.name.starts_with("fixed[")).collect();
    assert_eq!(rules.len(), 2);
    let rule = &rules[1].rule;
    assert_eq!(rule.funding_cut.as_ref().unwrap().multiply, 0.7);
    assert_eq!(rule.funding_cut.as_ref().unwrap().rates_needed(), 4);
    assert_eq!(rule.funding_budget.as_ref().unwrap().budget, 0.1);
    assert_eq!(rule.liquidation_cluster.as_ref().unwrap().hours, 24);
    assert_eq!(rule.oracle_health.as_ref().unwrap().premium_max, 0.01);
    assert_eq!(rule.margin_allocation.as_ref().unwrap().reference_days, 180);
}

#[test]
fn reference_venues() {
    let with = |venues: &str| {
        good_but(&[("to      =", &format!("reference_venues = {venues}\nto      ="))])
    };
    let study = parse_with(
        &with("{ \"bybit-linear\" = [], okx = [\"BTC-USDT-SWAP\", \"ETH-USDT-SWAP\"] }"),
        &[],
    )
    .unwrap();
    let of = |venue: &str, symbols: [&str; 2]| ReferenceVenue {
        venue: venue.to_owned(),
        symbols: symbols.map(str::to_owned).to_vec(),
    };
    assert_eq!(
        study.data.references(),
        [of("bybit-linear", ["BTCUSDT", "ETHUSDT"]), of("okx", ["BTC-USDT-SWAP", "ETH-USDT-SWAP"])]
    );
    let text = with("{ \"binance-usdm\" = [], okx = [\"BTC-USDT-SWAP\"] }");
    insta::assert_snapshot!("reference_venues_wrong", message_of(&text, &[]));
    let text = with("[\"okx\"]");
    insta::assert_snapshot!("reference_venues_no_table", message_of(&text, &[]));
}
