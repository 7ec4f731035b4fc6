//! Policies on the command line and in settings files.

use std::fs;
use std::path::Path;

use crate::assert_text;
use crate::program::{folder, plimsoll, refusal};

/// Four hours, of which the second has its high below its low.
const BARS: &str = "open_time,open,high,low,close,volume\n\
    1756684800000,100,101,99,100,5\n\
    1756688400000,100,98,99,100,5\n\
    1756692000000,100,101,99,100,5\n\
    1756695600000,100,101,99,100,5\n";

const INGEST: [&str; 6] = ["ingest", "bars.csv", "--venue", "binance-usdm", "--symbol", "BTCUSDT"];

fn place(name: &str) -> std::path::PathBuf {
    let place = folder(name);
    fs::write(place.join("bars.csv"), BARS).unwrap();
    place
}

fn ingest(place: &Path, more: &[&str]) -> crate::program::Ran {
    plimsoll(place, &[&INGEST, more].concat())
}

#[test]
fn a_policy_of_the_command_line_takes_a_file_in() {
    let place = place("policy-line");
    assert_eq!(ingest(&place, &[]).code, 1);
    let ran = ingest(&place, &["--policy", "ohlc_order=repair"]).good();
    assert!(ran.stdout.contains("4 rows added"), "{}", ran.stdout);
    let said = "bars.csv: open or close lies outside low and high; low and high are widened to hold them (1, first at 2025-09-01T01:00:00Z)";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("settings"), "{}", ran.stderr);
}

#[test]
fn settings_of_the_lake_count_and_the_command_line_goes_before_them() {
    let place = place("policy-file");
    fs::create_dir(place.join("data")).unwrap();
    fs::write(place.join("data/settings.toml"), "[policy]\nohlc_order = 'repair'\n").unwrap();
    fs::write(place.join("strict.toml"), "[limits]\nratio = 100\n").unwrap();
    for more in [&["--policy", "ohlc_order=refuse"][..], &["--settings", "strict.toml"]] {
        let ran = ingest(&place, more);
        assert_eq!(ran.code, 1, "{more:?}");
    }
    let ran = ingest(&place, &[]).good();
    let path = Path::new("data").join("settings.toml");
    assert!(ran.stderr.contains(&format!("settings of {}", path.display())), "{}", ran.stderr);
}

#[test]
fn mistakes_of_settings_are_told_all_at_once() {
    let place = place("policy-mistakes");
    let text = "speed = 3\n[policy]\nohlc_ordr = 'repair'\nunsorted = 'flag'\n[limits]\nrows = 0\n";
    fs::write(place.join("wrong.toml"), text).unwrap();
    assert_text!(
        "settings_mistakes",
        refusal(&place, &[&INGEST[..], &["--settings", "wrong.toml"]].concat())
    );
    assert_text!(
        "settings_missing",
        refusal(&place, &["data", "rules", "--settings", "none.toml"])
    );
    for (name, policy) in [
        ("settings_rule", "ohlc_ordr=repair"),
        ("settings_policy", "ohlc_order=mend"),
        ("settings_not_allowed", "ohlc_order=flag"),
        ("settings_no_policy", "ohlc_order"),
    ] {
        assert_text!(name, refusal(&place, &["data", "rules", "--policy", policy]));
    }
}

#[test]
fn rules_are_listed_with_the_policy_in_force() {
    let place = folder("rules");
    let words = ["data", "rules", "--policy", "ohlc_order=repair"];
    assert_text!("data_rules", plimsoll(&place, &words).good().stdout);
    let json =
        plimsoll(&place, &["data", "rules", "--policy", "ohlc_order=repair", "--json"]).good();
    let rules = json.json();
    let rule = rules.as_array().unwrap().iter().find(|rule| rule["rule"] == "ohlc_order").unwrap();
    assert_eq!(
        (rule["policy"].as_str(), rule["default"].as_str()),
        (Some("repair"), Some("refuse"))
    );
    assert_eq!(rule["of"], "archive");
    assert_eq!(rule["allowed"], serde_json::json!(["refuse", "repair"]));
}

#[test]
fn the_sample_of_the_readme_can_be_read() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/README.md");
    let text = fs::read_to_string(readme).unwrap();
    let sample = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let place = folder("readme-sample");
    fs::write(place.join("sample.toml"), sample).unwrap();
    let ran = plimsoll(&place, &["data", "rules", "--settings", "sample.toml"]).good();
    assert!(ran.stdout.contains("(set)"), "{}", ran.stdout);
}
