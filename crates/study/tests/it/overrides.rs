//! `--set key=value`.

use plimsoll_engine::{Intrabar, MarginMode};

use crate::scene::{GOOD, good_study};

#[test]
fn values_replace_those_of_the_file() {
    let study = good_study(
        GOOD,
        &[
            "account.leverage=5",
            "account.margin=isolated",
            "account.equity = 5_000",
            "data.symbols=[\"SOLUSDT\"]",
            "data.from=2024-02-01T12:00:00Z",
            "name=other",
            "intrabar=optimistic",
            "sizing.fixed.notional_fraction=[1, 2]",
            "sizing.extra.leverage_cap=3",
            "compare.bootstrap.draws=300",
            "costs.slippage.half_spread_bps=2",
        ],
    );
    assert_eq!(study.name, "other");
    assert_eq!(study.settings.leverage, 5.0);
    assert_eq!(study.settings.margin, MarginMode::Isolated);
    assert_eq!(study.settings.equity, 5_000.0);
    assert_eq!(study.settings.intrabar, Intrabar::Optimistic);
    assert_eq!(study.settings.costs.half_spread_bps, 2.0);
    assert_eq!(study.data.symbols, ["SOLUSDT"]);
    assert_eq!(study.data.from.0.to_string(), "2024-02-01T12:00:00Z");
    assert_eq!(study.compare.bootstrap.draws, 300);
    assert_eq!(study.compare.bootstrap.seed, 7);
    let names: Vec<&str> = study.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "fixed[notional_fraction=1]",
            "fixed[notional_fraction=2]",
            "kelly[fraction=0.25]",
            "kelly[fraction=0.5]",
            "extra",
        ]
    );
}

#[test]
fn the_text_as_run_holds_them_and_keeps_the_comments() {
    let commented = GOOD.replace("leverage = 10", "leverage = 10 # the exchange's");
    let study = good_study(&commented, &["account.leverage=5", "account.margin=isolated"]);
    assert!(study.text.contains("leverage = 5"), "{}", study.text);
    assert!(study.text.contains("margin   = \"isolated\""), "{}", study.text);
    assert!(study.text.contains("# the exchange's"), "{}", study.text);
    let again = good_study(&study.text, &[]);
    assert_eq!(again.settings, study.settings);
    assert_eq!(again.rules, study.rules);
}

#[test]
fn later_ones_win_and_none_changes_nothing() {
    assert_eq!(good_study(GOOD, &[]).text, GOOD);
    let study = good_study(GOOD, &["account.leverage=5", "account.leverage=7"]);
    assert_eq!(study.settings.leverage, 7.0);
}
