//! Commands written wrongly: exit code 2, the word or path, the rule and the mend.

use std::fs;

use crate::assert_text;
use crate::program::{folder, plimsoll, refusal};

#[test]
fn the_message_names_the_word_and_the_mend() {
    let place = folder("bad-commands");
    fs::create_dir(place.join("empty")).unwrap();
    for (name, words) in [
        ("unknown_command", &["stud"][..]),
        ("unknown_flag", &["study", "a.toml", "--thread", "2"]),
        ("no_file", &["study"]),
        ("missing_strategy", &["study", "nowhere.toml"]),
        ("missing_archive", &["ingest", "nowhere.zip"]),
        ("missing_returns", &["risk", "nowhere.csv"]),
        ("nothing_to_ingest", &["ingest", "empty"]),
        ("threads_zero", &["study", "a.toml", "--threads", "0"]),
        ("threads_word", &["demo", "--threads", "many"]),
        ("source_unknown", &["ingest", "empty", "--source", "mtgox"]),
        ("kind_unknown", &["ingest", "empty", "--kind", "candle"]),
        ("interval_unknown", &["ingest", "empty", "--interval", "7x"]),
        ("alpha_out_of_range", &["risk", "nowhere.csv", "--alpha", "0.01,1"]),
        ("periods_out_of_range", &["risk", "nowhere.csv", "--periods-per-year", "0"]),
    ] {
        let text = refusal(&place, words);
        assert!(text.ends_with("exit code 2"), "{text}");
        assert_text!(name, text);
    }
    let left: Vec<_> = fs::read_dir(&place).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["empty"], "nothing was made");
}

#[test]
fn no_command_shows_the_help_and_is_an_error() {
    let place = folder("no-command");
    for words in [&[][..], &["data"], &["calc"]] {
        let ran = plimsoll(&place, words);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words:?}");
        assert!(ran.stderr.contains("Usage: plimsoll"), "{}", ran.stderr);
    }
}

#[test]
fn errors_are_shown_in_spite_of_quiet_and_json() {
    let place = folder("quiet-errors");
    let plain = refusal(&place, &["study", "nowhere.toml"]);
    let quiet = refusal(&place, &["study", "nowhere.toml", "--quiet", "--json"]);
    let after_the_call = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(after_the_call(&plain), after_the_call(&quiet));
}

#[test]
fn a_demonstration_leaves_folders_of_others_alone() {
    let place = folder("demo-folders");
    let own = place.join("mine/simulated-3/data");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("precious.txt"), "mine").unwrap();
    let text = refusal(&place, &["demo", "--out", "mine", "--seed", "3"]);
    assert_text!("demo_in_a_used_folder", text);
    assert_eq!(fs::read_to_string(own.join("precious.txt")).unwrap(), "mine");
}
