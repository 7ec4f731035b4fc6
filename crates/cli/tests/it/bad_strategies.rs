//! Strategy files written wrongly: all mistakes at once, with file, line, value, rule and mend.

use std::fs;

use crate::assert_text;
use crate::program::{folder, refusal};
use crate::scene::{edited, lake, strategy_in};

#[test]
fn three_mistakes_are_shown_together() {
    let place = strategy_in(
        "three-mistakes",
        &[
            ("margin   =", "marign   ="),
            ("bars = 48, lag = 1 }\nlower", "bars = 0, lag = 1 }\nlower"),
            ("leverage = 20", "leverage = \"much\""),
        ],
    );
    let text = refusal(&place, &["study", "autumn.toml"]);
    assert_eq!(text.matches("error: autumn.toml:").count(), 3, "{text}");
    assert!(text.ends_with("exit code 2"));
    assert_text!("three_mistakes", text);
    assert!(!place.join("reports").exists());
}

#[test]
fn syntax_and_overrides_have_places_too() {
    let place = strategy_in("syntax", &[]);
    let text = edited(&[("bar     = \"1h\"", "bar     = \"1h")]);
    fs::write(place.join("syntax.toml"), text).unwrap();
    fs::write(place.join("tabs.toml"), edited(&[("equity   = 100_000", "\tequity\t= -5")]))
        .unwrap();
    fs::write(place.join("latin.toml"), b"name = \"caf\xe9\"").unwrap();
    for (name, words) in [
        ("syntax", &["study", "syntax.toml"][..]),
        ("tabs", &["study", "tabs.toml"]),
        ("set_without_value", &["study", "autumn.toml", "--set", "account.margin"]),
        ("set_wrong_value", &["study", "autumn.toml", "--set", "account.margin=crosss"]),
        ("set_unknown_key", &["study", "autumn.toml", "--set", "account.nope=1"]),
    ] {
        let text = refusal(&place, words);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(name, text);
    }
    let text = refusal(&place, &["study", "latin.toml"]);
    assert!(text.contains("latin.toml") && text.contains("UTF-8"), "{text}");
}

#[test]
fn a_mistake_in_the_last_file_stops_the_first() {
    let place = strategy_in("last-file", &[]);
    fs::write(place.join("other.toml"), edited(&[("equity   = 100_000", "equity   = 0")])).unwrap();
    let text = refusal(&place, &["study", "autumn.toml", "other.toml", "--data", lake()]);
    assert!(text.contains("error: other.toml:"), "{text}");
    assert!(!place.join("reports").exists());
}

#[test]
fn reports_may_not_share_a_folder() {
    let place = strategy_in("same-name", &[]);
    fs::copy(place.join("autumn.toml"), place.join("copy.toml")).unwrap();
    assert_text!("same_name", refusal(&place, &["study", "autumn.toml", "copy.toml"]));
}

#[test]
fn a_report_needs_a_folder() {
    let place = strategy_in("out-is-a-file", &[]);
    fs::write(place.join("taken"), "text").unwrap();
    assert_text!("out_is_a_file", refusal(&place, &["study", "autumn.toml", "--out", "taken"]));
    assert_eq!(fs::read_to_string(place.join("taken")).unwrap(), "text");
}

#[test]
fn an_unknown_venue_is_a_mistake_of_the_file() {
    let place = strategy_in("venue", &[("\"binance-usdm\"", "\"mtgox\"")]);
    let text = refusal(&place, &["study", "autumn.toml"]);
    assert!(text.ends_with("exit code 2"), "{text}");
    assert_text!("unknown_venue", text);
    let missing = folder("venue-missing-lake");
    assert!(!missing.join("data").exists());
}
