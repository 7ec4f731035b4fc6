//! Help, schema, completions.

use std::path::Path;

use crate::assert_text;
use crate::program::{plimsoll, refusal};

fn here() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn every_command_explains_itself() {
    for words in [
        "",
        "demo",
        "download",
        "ingest",
        "data",
        "data ls",
        "data check",
        "data show",
        "data export",
        "data why",
        "data rules",
        "study",
        "explain",
        "lookahead",
        "risk",
        "calc",
        "calc kelly",
        "calc liquidation-price",
        "calc size",
        "calc funding",
        "calc heat",
        "calc exposure",
        "calc margin",
        "adl",
        "worlds",
        "schema",
        "completions",
    ] {
        let mut line: Vec<&str> = words.split_whitespace().collect();
        line.push("--help");
        let ran = plimsoll(here(), &line).good();
        assert_eq!(ran.stderr, "");
        for global in ["--data <DIR>", "--json", "--quiet"] {
            assert!(ran.stdout.contains(global), "{words}: {global}");
        }
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
        let name = if words.is_empty() { "plimsoll".to_owned() } else { words.replace(' ', "_") };
        assert_text!(format!("help_{name}"), lines.join("\n"));
    }
}

#[test]
fn commands_that_do_work_show_examples() {
    for words in [
        "demo",
        "download",
        "ingest",
        "data",
        "study",
        "explain",
        "lookahead",
        "risk",
        "calc",
        "calc kelly",
        "calc liquidation-price",
        "calc size",
        "calc funding",
        "calc heat",
        "calc exposure",
        "calc margin",
        "adl",
        "worlds",
    ] {
        let mut line: Vec<&str> = words.split_whitespace().collect();
        line.push("--help");
        let ran = plimsoll(here(), &line).good();
        let call = format!("  plimsoll {words}");
        assert!(ran.stdout.contains("Example") && ran.stdout.contains(&call), "{words}");
    }
}

#[test]
fn version_is_a_line() {
    let ran = plimsoll(here(), &["--version"]).good();
    assert_eq!(ran.stdout, format!("plimsoll {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_describes_the_strategy_file() {
    for words in [&["schema"][..], &["schema", "--json", "--quiet"]] {
        let ran = plimsoll(here(), words).good();
        let schema = ran.json();
        assert_eq!(ran.stderr, "");
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"));
        for table in ["data", "signal", "account", "costs", "sizing"] {
            assert!(schema["properties"][table].is_object(), "{table}");
        }
    }
}

#[test]
fn shells_complete_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = plimsoll(here(), &["completions", shell]).good();
        for word in ["liquidation-price", "bracket-at", "periods-per-year"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
    let text = refusal(here(), &["completions", "tcsh"]);
    assert!(text.contains("bash") && text.ends_with("exit code 2"), "{text}");
}
