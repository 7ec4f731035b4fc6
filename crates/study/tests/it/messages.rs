//! What a user reads who has written a strategy file wrongly. Every message has the place, the
//! value, the rule and the mend; `INSTA_UPDATE=always` rewrites the snapshots for review.

use plimsoll_study::StudyError;

use crate::scene::{good_but, good_study, message_of, parse_with};

#[test]
fn three_mistakes_at_once() {
    let text = good_but(&[
        ("margin   = ", "marign   = \"cross\"\nmargin   = "),
        ("equity   = 100_000", "equity   = \"much\""),
        ("half_spread_bps = 0.5", "half_spread_bps = -0.5"),
    ]);
    insta::assert_snapshot!(message_of(&text, &[]));
}

#[test]
fn missing_tables() {
    insta::assert_snapshot!("empty_file", message_of("", &[]));
    insta::assert_snapshot!("only_a_name", message_of("name = \"x\"\n", &[]));
    let text = good_but(&[("venue   = \"binance-usdm\"\n", ""), ("leverage = 10\n", "")]);
    insta::assert_snapshot!("missing_keys", message_of(&text, &[]));
}

#[test]
fn unknown_tables_and_names() {
    let text = good_but(&[("[costs]", "[cost]")]);
    insta::assert_snapshot!("unknown_table", message_of(&text, &[]));
    let text = good_but(&[("name = \"good\"", "name = \"../elsewhere\"")]);
    insta::assert_snapshot!("name_is_no_folder", message_of(&text, &[]));
    let text = good_but(&[("baseline = \"fixed\"", "baseline = \"fxied\"")]);
    insta::assert_snapshot!("unknown_baseline", message_of(&text, &[]));
}

#[test]
fn signals() {
    let text = good_but(&[("close > upper", "close > AND upper")]);
    insta::assert_snapshot!("bad_sql", message_of(&text, &[]));
    let text = good_but(&[("close > upper", "(close > upper")]);
    insta::assert_snapshot!("open_bracket_in_sql", message_of(&text, &[]));
    let text = good_but(&[("rolling_max = \"high\"", "rolling_max = \"hihg\"")]);
    insta::assert_snapshot!("unknown_feature_column", message_of(&text, &[]));
    let text = good_but(&[("close > upper", "close > uper")]);
    insta::assert_snapshot!("unknown_rule_column", message_of(&text, &[]));
    let text = good_but(&[("bars = 48, lag = 1", "lag = 1")]);
    insta::assert_snapshot!("feature_without_bars", message_of(&text, &[]));
    let text = good_but(&[("[signal]\nlong      =", "[signal]\nfile = \"rows.csv\"\nlong      =")]);
    insta::assert_snapshot!("rules_and_a_file", message_of(&text, &[]));
    let text = good_but(&[("fraction = 0.05", "fraction = 5")]);
    insta::assert_snapshot!("stop_out_of_range", message_of(&text, &[]));
}

#[test]
fn sizing_rules() {
    let text = good_but(&[("fraction = [0.25, 0.5]", "fraction = []")]);
    insta::assert_snapshot!("empty_list", message_of(&text, &[]));
    let text = good_but(&[("fraction = [0.25, 0.5]", "fraction = [0.25, 1.5]")]);
    insta::assert_snapshot!("one_value_of_a_list", message_of(&text, &[]));
    let text = good_but(&[("fraction = [0.25, 0.5]", "fraction = [0.25, \"half\"]")]);
    insta::assert_snapshot!("wrong_type_in_a_list", message_of(&text, &[]));
    let text = good_but(&[("estimator = \"trades\"", "estimator = \"luck\"")]);
    insta::assert_snapshot!("unknown_estimator", message_of(&text, &[]));
    let text = good_but(&[("[stop]\nfraction = 0.05\n", "")]);
    insta::assert_snapshot!("rule_needs_a_stop", message_of(&text, &[]));
    let text = good_but(&[("[sizing.fixed]\nnotional_fraction = 1.0", "[sizing.fixed]")]);
    insta::assert_snapshot!("rule_without_a_limit", message_of(&text, &[]));
    let text = good_but(&[("[sizing.fixed]\nnotional_fraction = 1.0", "[sizing]\nfixed = 1.0")]);
    insta::assert_snapshot!("rule_is_no_table", message_of(&text, &[]));
    let many: Vec<String> = (1..=150).map(|value| format!("{value}.0")).collect();
    let many = format!("notional_fraction = [{0}]\nleverage_cap = [{0}]", many.join(","));
    let text = good_but(&[("notional_fraction = 1.0", &many)]);
    let message = message_of(&text, &[]);
    assert!(message.contains("the lists of `fixed` expand to too many rules"), "{message}");
}

/// In which table a key is missing, and which words stand for a value of several shapes.
#[test]
fn tables_of_sizing_rules() {
    let rule = |keys: &str| good_but(&[("notional_fraction = 1.0", keys)]);
    for (keys, expected) in [
        (
            "concentration = { of = \"margin\" }",
            ["`share` is missing in [sizing.fixed.concentration]", "add `share = ...`"],
        ),
        (
            "[sizing.fixed.concentration]\nof = \"margin\"",
            ["`share` is missing in [sizing.fixed.concentration]", "add `share = ...`"],
        ),
        (
            "heat = \"modrate\"",
            ["\"modrate\" is not what may stand here", "did you mean \"moderate\"? write a share"],
        ),
        ("heat = true", ["true is not what may stand here", "\"conservative\" (0.06)"]),
        (
            "exposure = \"bold\"",
            ["\"bold\" is not what may stand here", "write a multiple of equity such as 3.0"],
        ),
        (
            "venue_share = { share = \"cex3\", exposure = 3 }",
            ["\"cex3\" is not what may stand here", "did you mean \"cex1\"? write a share such as"],
        ),
        (
            "optimal_f = { trades = 50, before = \"nothing\" }",
            ["\"nothing\" is not what may stand here", "{ leverage = 0.5 }"],
        ),
        ("funding_cut = { above_8h = 0.001, multiply = 0.5 }", ["no limit", "heat, exposure"]),
        (
            "preset = \"min_of_all\"\nwithout = [\"kelly\", \"atr\", \"risk_cap\", \
             \"concentration\", \"each\"]",
            ["`funding_cut` alone gives no size", "leave in one of kelly, atr"],
        ),
    ] {
        // As one line: long hints are wrapped.
        let message = message_of(&rule(keys), &[]);
        let words: Vec<&str> = message.split_whitespace().filter(|word| *word != "│").collect();
        let line = words.join(" ");
        for part in expected {
            assert!(line.contains(part), "{part} is not in\n{message}");
        }
    }
}

#[test]
fn periods_and_data() {
    let text = good_but(&[("to      = 2025-01-01", "to      = 2023-01-01")]);
    insta::assert_snapshot!("ends_before_it_begins", message_of(&text, &[]));
    let text = good_but(&[("to      = 2025-01-01", "to      = \"2025-01-01\"")]);
    insta::assert_snapshot!("date_in_quotes", message_of(&text, &[]));
    let text = good_but(&[("to      =", "warm_up_from = 2024-06-01\nto      =")]);
    insta::assert_snapshot!("warm_up_after_the_start", message_of(&text, &[]));
    let text = good_but(&[("bar     = \"1h\"", "bar     = \"2d\"")]);
    insta::assert_snapshot!("bar_too_long", message_of(&text, &[]));
    let text = good_but(&[("\"BTCUSDT\", \"ETHUSDT\"", "\"BTCUSDT\", \"BTCUSDT\"")]);
    insta::assert_snapshot!("symbol_twice", message_of(&text, &[]));
    let text = good_but(&[("[\"BTCUSDT\", \"ETHUSDT\"]", "[]")]);
    insta::assert_snapshot!("no_symbol", message_of(&text, &[]));
}

#[test]
fn account_costs_and_comparison() {
    let text = good_but(&[("leverage = 10", "leverage = 0.5")]);
    insta::assert_snapshot!("leverage_below_one", message_of(&text, &[]));
    let text = good_but(&[("leverage = 10", "leverage = [5, 10]")]);
    insta::assert_snapshot!("list_of_leverages", message_of(&text, &[]));
    let text = good_but(&[("equity   = 100_000", "equity   = [10_000, 0]")]);
    insta::assert_snapshot!("one_equity_of_a_list", message_of(&text, &[]));
    let text = good_but(&[("equity   = 100_000", "equity   = []")]);
    insta::assert_snapshot!("no_equity", message_of(&text, &[]));
    let text = good_but(&[("fees     = \"venue\"", "fees     = 5")]);
    insta::assert_snapshot!("fee_in_basis_points", message_of(&text, &[]));
    let text = good_but(&[("fees     = \"venue\"", "fees     = \"vneue\"")]);
    insta::assert_snapshot!("fee_misspelt", message_of(&text, &[]));
    let text = good_but(&[("margin   = \"cross\"", "margin   = \"crossed\"")]);
    insta::assert_snapshot!("margin_mode_unknown", message_of(&text, &[]));
    let text = good_but(&[(
        "baseline = \"fixed\"",
        "alpha = [0.99]\nbootstrap = { draws = 10 }\nruin = { drawdown = 50 }",
    )]);
    insta::assert_snapshot!("comparison_out_of_range", message_of(&text, &[]));
}

#[test]
fn toml_syntax() {
    let text = good_but(&[
        ("name = \"good\"", "name = \"good"),
        ("leverage = 10", "leverage = = 10"),
        ("half_spread_bps = 0.5,", "half_spread_bps = 0.5.1,"),
    ]);
    insta::assert_snapshot!("three_syntax_errors", message_of(&text, &[]));
    let text = good_but(&[("leverage = 10", "leverage = 10\nleverage = 20")]);
    insta::assert_snapshot!("key_twice", message_of(&text, &[]));
}

#[test]
fn overrides() {
    let text = good_study(crate::scene::GOOD, &[]).text;
    insta::assert_snapshot!("set_without_value", message_of(&text, &["account.leverage"]));
    insta::assert_snapshot!("set_without_key", message_of(&text, &["=5"]));
    insta::assert_snapshot!("set_empty_part", message_of(&text, &["account..leverage=5"]));
    insta::assert_snapshot!("set_below_a_value", message_of(&text, &["account.leverage.x=5"]));
    insta::assert_snapshot!("set_unknown_key", message_of(&text, &["account.levrage=5"]));
    insta::assert_snapshot!("set_unknown_table", message_of(&text, &["acount.leverage=5"]));
    insta::assert_snapshot!("set_wrong_value", message_of(&text, &["account.leverage=0"]));
}

#[test]
fn problems_know_their_line_and_column() {
    let text = good_but(&[("leverage = 10", "leverage = 0.5"), ("baseline = ", "basline = ")]);
    let Err(StudyError::Strategy(problems)) = parse_with(&text, &[]) else {
        panic!("mistakes of the file expected");
    };
    let positions: Vec<(usize, usize)> =
        problems.problems.iter().map(|problem| problems.position(problem)).collect();
    assert_eq!(positions, [(24, 12), (37, 1)]);
    assert_eq!(problems.to_string(), "strategy.toml: 2 mistakes");
    assert!(StudyError::Strategy(problems).is_usage());
}
