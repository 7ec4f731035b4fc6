//! Tests of the rule tables and formulas from outside.
#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_possible_truncation)]

mod adl;
mod adl_laws;
mod adl_waves;
mod conservation;
mod formulas;
mod funding;
mod insurance;
mod margin;
mod margin_cross;
mod margin_portfolio;
mod margin_properties;
mod portfolio_ladder;
mod process;
mod properties;
mod tables;
mod vault;
mod vectors;

use std::path::PathBuf;

use plimsoll_market::Timestamp;
use plimsoll_venue::VenueRules;

fn rules(venue: &str) -> VenueRules {
    VenueRules::load(venue, &[]).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Every dated ladder of a venue, with symbol and date.
fn all_ladders(venue: &str) -> Vec<(String, Timestamp, plimsoll_venue::Ladder)> {
    let rules = rules(venue);
    let mut ladders = Vec::new();
    for symbol in rules.symbols() {
        // The first date is in the error for a time before it.
        let Err(plimsoll_venue::VenueError::BeforeTable { first, .. }) =
            rules.ladder(symbol, Timestamp(0))
        else {
            panic!("{symbol} has a ladder in 1970");
        };
        for (from, ladder) in rules.ladders_between(symbol, first, time("2100-01-01")).unwrap() {
            ladders.push((symbol.to_owned(), from, ladder.clone()));
        }
    }
    assert!(!ladders.is_empty());
    ladders
}

#[track_caller]
fn assert_close(value: f64, expected: f64, relative: f64) {
    let allowed = relative * expected.abs().max(1.0);
    assert!((value - expected).abs() <= allowed, "{value} is not {expected} within {allowed}");
}

/// The text of a file of the reference folder beside the repository, or `None` with a line that
/// says the test was skipped.
fn reference(path: &str) -> Option<String> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    let text = std::fs::read_to_string(full).ok();
    if text.is_none() {
        eprintln!("skipped: there is no reference folder with {path}");
    }
    text
}
