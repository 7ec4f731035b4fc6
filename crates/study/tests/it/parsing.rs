//! From a text to a checked study.

use plimsoll_engine::{Intrabar, MarginMode, Simultaneous};
use plimsoll_study::{NamedRule, StudyError, parse_rule};
use proptest::prelude::*;

use crate::scene::{GOOD, good_but, good_study, parse_with};

fn names(rules: &[NamedRule]) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

#[test]
fn what_is_not_said_has_the_documented_value() {
    let study = good_study(GOOD, &[]);
    assert_eq!(study.settings.intrabar, Intrabar::Pessimistic);
    assert_eq!(study.settings.margin, MarginMode::Cross);
    assert_eq!(study.settings.simultaneous, Simultaneous::FileOrder);
    assert_eq!(study.settings.costs.stop_slippage, 0.25);
    assert_eq!(study.settings.costs.impact_y, 1.0);
    assert_eq!(study.taker_fee, None);
    assert_eq!(study.compare.bootstrap.draws, 5_000);
    assert_eq!(study.compare.ruin.drawdown, 0.5);
    assert_eq!(study.compare.ruin.horizon_days, 365);
    assert_eq!(study.compare.alpha, [0.01, 0.05]);

    let without =
        good_but(&[("[compare]\nbaseline = \"fixed\"\n", ""), (", impact = { y = 1.0 }", "")]);
    let study = good_study(&without, &[]);
    assert_eq!(study.baseline, "fixed");
    assert_eq!(study.compare.alpha, [0.01, 0.05]);
    assert_eq!(study.settings.costs.impact_y, 0.0);
}

#[test]
fn lists_are_sweeps_in_file_order() {
    let study = good_study(GOOD, &[]);
    assert_eq!(names(&study.rules), ["fixed", "kelly[fraction=0.25]", "kelly[fraction=0.5]"]);
    let fractions: Vec<Option<f64>> =
        study.rules.iter().map(|rule| rule.rule.kelly.as_ref().map(|k| k.fraction)).collect();
    assert_eq!(fractions, [None, Some(0.25), Some(0.5)]);
}

#[test]
fn lists_in_two_keys_of_one_name_are_told_apart_by_their_tables() {
    let text = good_but(&[(
        "[sizing.fixed]\nnotional_fraction = 1.0",
        "[sizing.fixed]\nnotional_fraction = 1.0\n[sizing.two]\n\
         kelly = { fraction = 0.5, estimator = \"mean_variance\", bars = [100, 200] }\n\
         atr = { risk_fraction = 0.01, bars = [14, 28], multiple = 2.0 }",
    )]);
    let study = good_study(&text, &[]);
    assert_eq!(
        names(&study.rules)[1..5],
        [
            "two[kelly.bars=100,atr.bars=14]",
            "two[kelly.bars=100,atr.bars=28]",
            "two[kelly.bars=200,atr.bars=14]",
            "two[kelly.bars=200,atr.bars=28]",
        ]
    );
    let rule = &study.rules[2].rule;
    assert_eq!(rule.kelly.as_ref().and_then(|kelly| kelly.bars), Some(100));
    assert_eq!(rule.atr.as_ref().map(|atr| atr.bars), Some(28));
}

#[test]
fn a_list_of_equities_is_a_capacity_study() {
    let text = good_but(&[("equity   = 100_000", "equity   = [10_000, 1_000_000]")]);
    let study = good_study(&text, &[]);
    assert_eq!(
        names(&study.rules),
        [
            "fixed[equity=10000]",
            "fixed[equity=1000000]",
            "kelly[fraction=0.25,equity=10000]",
            "kelly[fraction=0.25,equity=1000000]",
            "kelly[fraction=0.5,equity=10000]",
            "kelly[fraction=0.5,equity=1000000]",
        ]
    );
    assert_eq!(study.rules[1].equity, 1_000_000.0);
    assert_eq!(study.baseline, "fixed[equity=10000]");
}

#[test]
fn the_baseline_may_be_a_variant_or_the_table_of_a_sweep() {
    for (wanted, found) in [
        ("kelly", "kelly[fraction=0.25]"),
        ("kelly[fraction=0.5]", "kelly[fraction=0.5]"),
        ("fixed", "fixed"),
    ] {
        let text = good_but(&[("baseline = \"fixed\"", &format!("baseline = \"{wanted}\""))]);
        assert_eq!(good_study(&text, &[]).baseline, found);
    }
}

#[test]
fn fees_are_the_venues_or_a_fraction() {
    for (written, taker_fee) in [("\"venue\"", None), ("0.0004", Some(0.0004)), ("0", Some(0.0))] {
        let text = good_but(&[("fees     = \"venue\"", &format!("fees = {written}"))]);
        assert_eq!(good_study(&text, &[]).taker_fee, taker_fee);
    }
}

#[test]
fn dates_may_have_a_time_and_an_offset() {
    for (written, read) in [
        ("2024-02-01", "2024-02-01T00:00:00Z"),
        ("2024-02-01T06:00:00", "2024-02-01T06:00:00Z"),
        ("2024-02-01T06:00:00Z", "2024-02-01T06:00:00Z"),
        ("2024-02-01T06:00:00+02:00", "2024-02-01T04:00:00Z"),
        ("2024-02-01 06:00:00", "2024-02-01T06:00:00Z"),
    ] {
        let text = good_but(&[("from    = 2024-01-01", &format!("from = {written}"))]);
        assert_eq!(good_study(&text, &[]).data.from.0.to_string(), read, "{written}");
    }
}

#[test]
fn features_keep_the_order_of_the_file() {
    let text = good_but(&[(
        "[features]\n",
        "[features]\nzeta = { ema = \"close\", bars = 5 }\nalpha = { value = \"zeta\", lag = 1 }\n",
    )]);
    let study = good_study(&text, &[]);
    let order: Vec<&String> = study.signal.features.keys().collect();
    assert_eq!(order, ["zeta", "alpha", "upper", "lower"]);
}

#[test]
fn a_signal_file_may_bring_its_own_stops() {
    let text = good_but(&[
        (
            "[features]\nupper = { rolling_max = \"high\", bars = 48, lag = 1 }\n\
             lower = { rolling_min = \"low\", bars = 24, lag = 1 }\n",
            "",
        ),
        ("long      = \"close > upper\"\nexit_long = \"close < lower\"", "file = \"rows.csv\""),
        ("[stop]\nfraction = 0.05\n", ""),
    ]);
    assert_eq!(good_study(&text, &[]).signal.signal.file.as_deref(), Some("rows.csv"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is cut out or put in, there is a study or mistakes with places, never a panic.
    #[test]
    fn any_text_is_answered(
        at in 0..GOOD.len(),
        length in 0..40_usize,
        put in "[a-z0-9=\\[\\]{}\". \n,]{0,12}",
    ) {
        let at = GOOD.floor_char_boundary(at);
        let end = GOOD.floor_char_boundary((at + length).min(GOOD.len()));
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = parse_with(&text, &[]) {
            prop_assert!(error.is_usage());
            let shown = crate::scene::rendered(&error);
            prop_assert!(!shown.is_empty());
            let plimsoll_study::StudyError::Strategy(problems) = &error else {
                return Err(TestCaseError::fail(shown));
            };
            prop_assert!(!problems.problems.is_empty());
            for problem in &problems.problems {
                prop_assert!(problem.span.end <= text.len(), "{problem:?}");
                prop_assert!(!problem.message.is_empty());
            }
        }
    }

    /// Overrides of any shape are answered too.
    #[test]
    fn any_override_is_answered(key in "[a-z._ ]{0,20}", value in "[a-z0-9=\\[\\]{}\"., -]{0,12}") {
        let given = format!("{key}={value}");
        if let Err(error) = parse_with(GOOD, &[&given]) {
            prop_assert!(error.is_usage(), "{error}");
        }
    }
}

#[test]
fn a_rule_of_its_own_reads_as_in_a_file() {
    let rules = parse_rule("rule", "risk_cap = 0.02\nleverage_cap = [1, 2]").unwrap();
    assert_eq!(names(&rules), ["given[leverage_cap=1]", "given[leverage_cap=2]"]);
    assert_eq!(rules[1].rule.risk_cap, Some(0.02));
    // Places are those of the text, not of a file around it.
    for (text, line, column, words) in [
        ("risk_cap = 0.02\nrisk_cup = 1", 2, 1, "unknown key `risk_cup`"),
        ("risk_cap = 2", 1, 12, "`risk_cap` is 2"),
        ("\nkelly = {}", 2, 9, "`fraction` is missing"),
        ("leverage_cap = []", 1, 16, "empty list"),
        ("risk_cap = ", 1, 12, "quoted"),
        ("risk_cap = 0.1\n[data]", 2, 2, "`data` is a table"),
        ("[sizing.other]\nrisk_cap = 0.1", 1, 9, "`other` is a table"),
        ("", 1, 1, "no limit"),
    ] {
        let Err(StudyError::Strategy(problems)) = parse_rule("rule", text) else {
            panic!("{text} was read");
        };
        let first = &problems.problems[0];
        assert!(first.message.contains(words), "{text}: {}", first.message);
        assert_eq!(problems.position(first), (line, column), "{text}: {}", first.message);
    }
}
