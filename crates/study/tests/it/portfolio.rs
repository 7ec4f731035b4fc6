//! Studies under portfolio margin, with figures of the user's own where the venue's are not known.

use std::fs;

use plimsoll_study::{StudyError, StudyResult};
use plimsoll_venue::VenueError;

use crate::lakes::{AUTUMN, autumn, autumn_at_bybit, try_run};

/// What no table has of Bybit: 2 % of contingency, so that 12 % are to be kept and 15 % to be had.
const FIGURES: &str = r#"
[[figure]]
venue = "bybit"
figure = "perpetual_contingency_fraction"
underlyings = ["*"]
from = "2025-01-01"
values = [0.02]
status = "user"
source = "made up"

[[figure]]
venue = "bybit"
figure = "initial_margin_factor"
underlyings = ["*"]
from = "2025-01-01"
values = [1.25]
status = "user"
source = "made up"
"#;

const AT_BYBIT: [&str; 2] = ["data.venue=bybit-linear", "account.margin=portfolio"];

fn names(result: &StudyResult) -> Vec<&str> {
    let mut names: Vec<&str> = result.sensitivity.iter().map(|row| row.variant.as_str()).collect();
    names.dedup();
    names
}

#[test]
fn a_study_under_portfolio_margin() {
    let lake = autumn_at_bybit("portfolio");
    fs::write(lake.join("figures.toml"), FIGURES).unwrap();
    let set = [&AT_BYBIT[..], &["data.tables=[\"figures.toml\"]"]].concat();
    let result = try_run(AUTUMN, &set, &lake).unwrap();

    // Five times the equity leaves margin for 1 / 0.15 of it in all, whatever the leverage.
    let over = result.rules.iter().find(|rule| rule.name == "over_leveraged").unwrap();
    let outcome = &over.account().outcome;
    assert!(!outcome.trades.is_empty());
    let venue_margin = |limit: &&plimsoll_engine::LimitValue| limit.name == "venue_margin";
    let first = outcome.decisions[0].limits.iter().find(venue_margin).unwrap();
    assert!(first.leverage < 1.0 / 0.15 && first.leverage > 6.5, "{first:?}");
    for rule in &result.rules {
        for decision in &rule.account().outcome.decisions {
            assert!(decision.limits.iter().all(|limit| limit.name != "venue_leverage"));
        }
    }
    let other = try_run(AUTUMN, &[&set[..], &["account.leverage=2"]].concat(), &lake).unwrap();
    assert_eq!(other.rules[0].account().outcome, result.rules[0].account().outcome);

    assert!(names(&result).contains(&"margin=cross"), "{:?}", names(&result));
    for part in ["`leverage` are not used", "unwinds a portfolio account"] {
        assert!(result.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", result.notes);
    }

    // The figures are among the tables that the receipt vouches for.
    fs::write(lake.join("figures.toml"), FIGURES.replace("0.02", "0.03")).unwrap();
    let dearer = try_run(AUTUMN, &set, &lake).unwrap();
    assert_ne!(dearer.receipt.tables_hash, result.receipt.tables_hash);
    assert_ne!(dearer.receipt.result_hash, result.receipt.result_hash);

    // Under cross margin they have no effect, and the notes say so.
    let cross = [&set[..], &["account.margin=cross"]].concat();
    let result = try_run(AUTUMN, &cross, &lake).unwrap();
    let is_said = |note: &String| note.contains("`figures.toml`") && note.contains("not used");
    assert!(result.notes.iter().any(is_said), "{:?}", result.notes);
    let plain = try_run(AUTUMN, &["data.venue=bybit-linear"], &lake).unwrap();
    assert_eq!(plain.receipt.tables_hash, result.receipt.tables_hash);
    // Wrong ones are refused all the same.
    fs::write(lake.join("figures.toml"), FIGURES.replace("[1.25]", "[0.5]")).unwrap();
    let error = try_run(AUTUMN, &cross, &lake).unwrap_err();
    assert!(error.to_string().contains("figures.toml"), "{error}");
}

#[test]
fn what_is_missing_is_said_with_the_mend() {
    let error = try_run(AUTUMN, &["account.margin=portfolio"], autumn()).unwrap_err();
    assert!(matches!(error, StudyError::Venue(VenueError::NoPortfolioMargin { .. })), "{error}");
    assert!(error.hint().unwrap().contains("account.margin"), "{:?}", error.hint());

    let lake = autumn_at_bybit("portfolio-without-figures");
    let error = try_run(AUTUMN, &AT_BYBIT, &lake).unwrap_err();
    assert!(matches!(error, StudyError::Venue(VenueError::MissingFigure { .. })), "{error}");
    let hint = error.hint().unwrap();
    // The hint's rows are a table that can be read.
    let rows = hint.split_once("data.tables with\n").unwrap().1.replace("[...]", "[1.25]");
    let table = plimsoll_venue::UserTable { file: "own.toml", text: &rows };
    plimsoll_venue::margin::MarginRules::load("bybit-linear", &[table]).unwrap();
}
