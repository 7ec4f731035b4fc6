//! Presets, and limits left out.

use plimsoll_study::{NamedRule, Preset, StudyError, parse_rule};

use crate::scene::{good_but, good_study, message_of};

fn names(rules: &[NamedRule]) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

/// The keys of one table, in the order of a decision.
fn limits(rule: &NamedRule) -> Vec<&'static str> {
    rule.rule.limit_keys()
}

fn read(text: &str) -> Vec<NamedRule> {
    match parse_rule("rule", text) {
        Ok(rules) => rules,
        Err(error) => panic!("{text}: {}", crate::scene::rendered(&error)),
    }
}

#[test]
fn a_preset_is_what_it_would_be_written_out() {
    for (name, preset) in [("min_of_all", Preset::MinOfAll), ("six_gates", Preset::SixGates)] {
        let by_name = read(&format!("preset = \"{name}\""));
        let by_hand = read(preset.text());
        assert_eq!(by_name, by_hand);
        assert_eq!(by_name[0].ablation, None);
    }
}

#[test]
fn own_keys_replace_those_of_the_preset_or_join_them() {
    let rules =
        read("preset = \"min_of_all\"\nrisk_cap = 0.03\nleverage_cap = 2\nresize.band = 0.1");
    let rule = &rules[0].rule;
    assert_eq!(rule.risk_cap, Some(0.03));
    assert_eq!(
        limits(&rules[0]),
        ["kelly", "atr", "risk_cap", "concentration", "leverage_cap", "funding_cut"]
    );
    assert!(rule.resize.is_some());
    // A table is replaced as a whole.
    let atr = "atr = { risk_fraction = 0.02, bars = 20, multiple = 1.0 }";
    let replaced = read(&format!("preset = \"min_of_all\"\n{atr}"));
    assert_eq!(replaced[0].rule.atr, read(atr)[0].rule.atr);
}

#[test]
fn limits_are_left_out_together() {
    let rules = read("preset = \"min_of_all\"\nwithout = [\"atr\", \"funding_cut\"]");
    assert_eq!(names(&rules), ["given"]);
    assert_eq!(limits(&rules[0]), ["kelly", "risk_cap", "concentration"]);
    // By gate: all limits of it that there are.
    let rules = read("preset = \"six_gates\"\nwithout = [\"size\"]");
    let left: Vec<&str> = limits(&rules[0]);
    assert!(left.contains(&"liquidation_distance") && left.contains(&"funding_cut"), "{left:?}");
    assert!(!left.iter().any(|key| ["kelly", "atr", "risk_cap", "concentration"].contains(key)));
    // One of the table's own, without a preset.
    let rules = read("risk_cap = 0.02\nleverage_cap = [1, 2]\nwithout = [\"leverage_cap\"]");
    assert_eq!(names(&rules), ["given"]);
    assert_eq!(limits(&rules[0]), ["risk_cap"]);
}

#[test]
fn each_limit_in_turn() {
    let rules = read("preset = \"min_of_all\"\nwithout = \"each\"");
    assert_eq!(
        names(&rules),
        [
            "given",
            "given[without=kelly]",
            "given[without=atr]",
            "given[without=risk_cap]",
            "given[without=concentration]",
            "given[without=funding_cut]",
        ]
    );
    assert_eq!(rules[0].ablation, None);
    for rule in &rules[1..] {
        let ablation = rule.ablation.as_ref().unwrap();
        assert_eq!(rule.name, format!("given[without={}]", ablation.limit));
        assert_eq!(ablation.of, ["given"]);
        let mut whole = rules[0].rule.clone();
        assert!(whole.leave_out(&ablation.limit));
        assert_eq!(rule.rule, whole);
    }
    // In a list, beside what is left out of all of them.
    let rules = read("preset = \"min_of_all\"\nwithout = [\"kelly\", \"funding_cut\", \"each\"]");
    assert_eq!(
        names(&rules),
        ["given", "given[without=atr]", "given[without=risk_cap]", "given[without=concentration]"]
    );
}

#[test]
fn each_gate_of_the_six_in_turn() {
    let rules = read("preset = \"six_gates\"\nleverage_cap = 5\nwithout = \"each\"");
    let left_out: Vec<&str> =
        rules[1..].iter().map(|rule| rule.ablation.as_ref().unwrap().limit.as_str()).collect();
    let gates: Vec<&str> = plimsoll_sizing::rule::GATES.iter().map(|gate| gate.name).collect();
    assert_eq!(left_out[..gates.len()], gates);
    assert_eq!(left_out[gates.len()..], ["leverage_cap"]);
}

#[test]
fn sweeps_stand_beside_what_is_left_out() {
    let rules =
        read("risk_cap = [0.01, 0.02]\nleverage_cap = 3\nnotional = 100\nwithout = \"each\"");
    assert_eq!(
        names(&rules),
        [
            "given[risk_cap=0.01]",
            "given[risk_cap=0.02]",
            "given[without=risk_cap]",
            "given[without=leverage_cap,risk_cap=0.01]",
            "given[without=leverage_cap,risk_cap=0.02]",
            "given[without=notional,risk_cap=0.01]",
            "given[without=notional,risk_cap=0.02]",
        ]
    );
    // A rule without the swept limit belongs to every value of it.
    let of = |index: usize| rules[index].ablation.as_ref().unwrap().of.clone();
    assert_eq!(of(2), ["given[risk_cap=0.01]", "given[risk_cap=0.02]"]);
    assert_eq!(of(4), ["given[risk_cap=0.02]"]);
}

/// A pair that a key asks for is one value.
#[test]
fn a_list_that_is_a_value_is_no_sweep() {
    let kelly = |prior: &str| {
        format!(
            "kelly = {{ fraction = 0.25, estimator = \"trades\", trades = 50, \
             shrinkage = \"bayesian_lower_bound\", bayesian = {{ prior = {prior} }} }}"
        )
    };
    let one = read(&kelly("[2.0, 2.0]"));
    assert_eq!(names(&one), ["given"]);
    let two = read(&kelly("[[1.0, 1.0], [2.0, 2.0]]"));
    assert_eq!(names(&two), ["given[prior=1.0/1.0]", "given[prior=2.0/2.0]"]);
    assert_eq!(two[1].rule, one[0].rule);
}

#[test]
fn each_equity_has_its_own_full_rule() {
    let text = good_but(&[
        ("equity   = 100_000", "equity   = [10_000, 1_000_000]"),
        (
            "notional_fraction = 1.0",
            "preset = \"min_of_all\"\nwithout = [\"kelly\", \"atr\", \"each\"]",
        ),
    ]);
    let study = good_study(&text, &[]);
    let without: Vec<_> = study.rules.iter().filter(|rule| rule.ablation.is_some()).collect();
    assert_eq!(without[0].name, "fixed[without=risk_cap,equity=10000]");
    assert_eq!(without[1].name, "fixed[without=risk_cap,equity=1000000]");
    assert_eq!(without[1].ablation.as_ref().unwrap().of, ["fixed[equity=1000000]"]);
    assert_eq!(study.baseline, "fixed[equity=10000]");
}

#[test]
fn a_word_may_be_set() {
    let study = good_study(
        crate::scene::GOOD,
        &["sizing.all.preset=min_of_all", "sizing.all.without=each", "sizing.all.risk_cap=0.03"],
    );
    let names = names(&study.rules);
    assert_eq!(names[3..5], ["all", "all[without=kelly]"]);
    assert_eq!(study.rules[4].rule.risk_cap, Some(0.03));
}

/// What a user reads who has written it wrongly.
#[test]
fn mistakes() {
    let rule = |keys: &str| good_but(&[("notional_fraction = 1.0", keys)]);
    for (name, keys) in [
        ("unknown_preset", "preset = \"min_of_al\""),
        ("preset_is_no_word", "preset = 3"),
        ("unknown_key_of_a_rule", "wihtout = [\"atr\"]\nrisk_cap = 0.02"),
        ("without_unknown", "preset = \"min_of_all\"\nwithout = [\"atrr\", \"risk_cap\"]"),
        ("without_what_is_not_there", "risk_cap = 0.02\nleverage_cap = 2\nwithout = [\"kelly\"]"),
        ("without_a_gate_that_is_not_there", "leverage_cap = 2\nwithout = [\"funding\"]"),
        (
            "without_everything",
            "risk_cap = 0.02\nleverage_cap = 2\nwithout = [\"risk_cap\", \"leverage_cap\"]",
        ),
        ("without_the_last_limit", "preset = \"min_of_all\"\nwithout = [\"size\"]"),
        ("without_one_word", "preset = \"min_of_all\"\nwithout = \"atr\""),
        ("without_nothing", "preset = \"min_of_all\"\nwithout = []"),
        ("without_numbers", "preset = \"min_of_all\"\nwithout = [1, true]"),
        ("without_a_number", "preset = \"min_of_all\"\nwithout = 1"),
        ("without_twice", "preset = \"min_of_all\"\nwithout = [\"atr\", \"atr\"]"),
        ("without_each_of_one", "leverage_cap = 2\nwithout = \"each\""),
        (
            "without_each_leaves_a_gate_alone",
            "leverage_cap = 2\nfunding_cut = { above_8h = 0.0005, multiply = 0.5 }\nwithout = \"each\"",
        ),
        ("preset_with_a_wrong_value", "preset = \"min_of_all\"\nrisk_cap = 2\nwithout = \"each\""),
    ] {
        insta::assert_snapshot!(name, message_of(&rule(keys), &[]));
    }
}

/// The places of a rule of its own are those of its text.
#[test]
fn places_in_a_text_of_its_own() {
    for (text, line, column, words) in [
        ("preset = \"min\"", 1, 10, "\"min\" is not a word"),
        ("preset = \"min_of_all\"\nwithout = [\"atr\", \"heat\"]", 2, 19, "no limit `heat`"),
        ("without = \"each\"", 1, 11, "nothing is left"),
    ] {
        let Err(StudyError::Strategy(problems)) = parse_rule("rule", text) else {
            panic!("{text} was read");
        };
        let first = &problems.problems[0];
        assert!(first.message.contains(words), "{text}: {}", first.message);
        assert_eq!(problems.position(first), (line, column), "{text}: {}", first.message);
    }
}
