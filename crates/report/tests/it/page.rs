//! The page: what it says, in which order, and that nothing in a name can break it.

use plimsoll_engine::MarginMode;
use plimsoll_report::report_bytes;
use plimsoll_study::result::StudyResult;

use crate::fixture::{scaled, study};

fn page(result: &StudyResult) -> String {
    let files = report_bytes(result).unwrap();
    String::from_utf8(files.into_iter().find(|(name, _)| *name == "report.html").unwrap().1)
        .unwrap()
}

fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "missing: {part}");
    }
}

#[test]
fn sections_stand_in_the_order_of_a_traders_questions() {
    let page = page(&study());
    let headings = [
        "Simulated data: no exchange ever traded these prices.",
        "<h1>donchian-test</h1>",
        "Which rule wins, and how sure is that</h2>",
        "Growth against drawdown and ruin</h2>",
        "Equity and drawdown</h2>",
        "What was binding, and when</h2>",
        "Sizes before given days, and what each limit is worth</h2>",
        "Liquidations and tail risk</h2>",
        "Which tail model to trust</h2>",
        "Costs, funding, refusals and other assumptions</h2>",
        "Data coverage, flags and notes</h2>",
        "How to reproduce this</h2>",
    ];
    let places: Vec<usize> = headings
        .iter()
        .map(|heading| page.find(heading).unwrap_or_else(|| panic!("missing: {heading}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(page.matches("<section ").count(), 10);
}

#[test]
fn the_page_stands_alone() {
    let page = page(&study());
    for part in ["http", "src=", "@import", "<link", "url(\"", "//cdn"] {
        assert!(!page.contains(part), "found {part}");
    }
    assert!(!page.contains("NaN"));
}

#[test]
fn the_page_answers() {
    assert_has(
        &page(&study()),
        &[
            "fixed grew fastest, in 87.5 % of 5,000 resampled histories.",
            "1 of 2 rules was liquidated, 1 forced close in all.",
            "148.75*",
            "* The mark price was unknown in that bar",
            "the same 2 signal trades under each",
            "too few trades",
            "margin at fill",
            "open past stop",
            "60 days are too few for a tail fit, 100 are needed",
            "2 bars have no mark price",
            "The universe is of survivors",
            "plimsoll study donchian-test.toml",
            "close &#60; upper &#38; true",
            "which excludes 1 trade of the period before it",
        ],
    );
}

#[test]
fn under_portfolio_margin_there_is_no_leverage_to_tell() {
    let mut result = study();
    assert_has(&page(&result), &["cross margin at"]);
    result.settings.margin = MarginMode::Portfolio;
    let page = page(&result);
    assert_has(&page, &["portfolio margin"]);
    assert!(!page.contains("margin at 1"), "the leverage is shown");
}

#[test]
fn what_did_not_happen_is_said() {
    let mut result = study();
    result.data_label = None;
    result.comparisons.clear();
    result.sensitivity.clear();
    result.cancelled.clear();
    result.verdict = plimsoll_study::result::Verdict::default();
    result.settings.margin = MarginMode::Isolated;
    for coverage in &mut result.coverage {
        coverage.flags.clear();
    }
    for rule in &mut result.rules {
        for account in &mut rule.accounts {
            account.outcome.liquidations.clear();
            account.outcome.decisions.clear();
        }
    }
    let page = page(&result);
    assert!(!page.contains("class=\"banner\""));
    assert_has(
        &page,
        &[
            "No rule was liquidated.",
            "No rule took any decision",
            "There is nothing to compare",
            "No other assumption was tried.",
            "Every entry became a position under every rule.",
            "Loading the data raised no flag.",
            "No rule can be called the winner.",
            "all rules share one liquidation distance per bracket",
        ],
    );
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "<script>alert('x')</script>\"><img onerror=1>";
    let mut result = scaled(&["fixed", hostile], 180, "8h");
    result.name = hostile.to_owned();
    result.strategy_text = format!("# {hostile}</pre>");
    result.data_label = Some(hostile.to_owned());
    result.symbols[1] = hostile.to_owned();
    result.notes = vec![hostile.to_owned()];
    let page = page(&result);
    assert!(!page.contains("<script>alert"));
    assert!(!page.contains("<img"));
    assert_eq!(page.matches("</script>").count(), 2, "the page's own two");
}

#[test]
fn more_rules_than_styles_are_said_to_be_missing_from_charts() {
    let rules: Vec<String> = (0..30).map(|i| format!("rule_{i}")).collect();
    let names: Vec<&str> = rules.iter().map(String::as_str).collect();
    let mut result = scaled(&names, 180, "8h");
    result.baseline = "rule_1".to_owned();
    result.verdict.winner = Some("rule_7".to_owned());
    let page = page(&result);
    assert_has(&page, &["18 more are in the tables", "rule_29", ">AD</b>"]);
    let legend = &page[page.find("class=\"legend\"").unwrap()..page.find("<main>").unwrap()];
    assert_eq!(legend.matches("<li").count(), 12);
    for named in ["rule_1</li>", "rule_7</li>"] {
        assert!(legend.contains(named), "{named}");
    }
}

#[test]
fn a_path_down_to_nothing_is_drawn() {
    let mut result = study();
    let outcome = &mut result.rules[1].accounts[0].outcome;
    outcome.ruined_at = Some(120);
    for equity in &mut outcome.equity[108..] {
        *equity = 0.0;
    }
    outcome.equity_low.clone_from(&outcome.equity);
    let page = page(&result);
    assert!(!page.contains("NaN") && !page.contains("inf\""));
    assert!(page.contains("2024-02-20 08:00"), "the close of bar 120");
}

#[test]
fn a_study_without_a_single_bar_is_still_a_page() {
    let mut result = study();
    for account in result.rules.iter_mut().flat_map(|rule| &mut rule.accounts) {
        account.outcome.equity.clear();
        account.outcome.equity_low.clear();
        account.outcome.trades.clear();
        account.outcome.ledger.clear();
        account.metrics.clear();
    }
    let page = page(&result);
    assert!(!page.contains("NaN"));
    assert_has(&page, &["not measured by this study", "no trade"]);
}
