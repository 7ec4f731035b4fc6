//! The strategies that come with the program.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_study::{Study, parse};

/// Every strategy file, in the order of its name.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let entries = fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn study(file: &Path) -> Study {
    let text = fs::read_to_string(file).unwrap();
    match parse(&file.to_string_lossy(), &text, &[]) {
        Ok(study) => study,
        Err(error) => panic!("{:?}", miette::Report::new(error)),
    }
}

#[test]
fn every_file_is_a_strategy_named_after_its_file() {
    let files = files();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(file.extension().and_then(|e| e.to_str()), Some("toml"), "{}", file.display());
        assert_eq!(file.file_stem().and_then(|s| s.to_str()), Some(study(&file).name.as_str()));
    }
}

#[test]
fn every_strategy_compares_every_kind_of_rule() {
    for file in files() {
        let study = study(&file);
        let of = |name: &str| {
            let found = study.rules.iter().find(|rule| rule.name == name);
            found.unwrap_or_else(|| panic!("{}: no rule {name}", study.name)).rule.clone()
        };
        assert!(study.rules.len() >= 8, "{}", study.name);
        assert_eq!(study.baseline, "fixed");
        assert_eq!(of("fixed").notional_fraction, Some(1.0));
        assert!(of("fixed_risk").risk_fraction.is_some());
        assert!(of("kelly[fraction=0.25]").kelly.is_some());
        assert!(of("kelly_continuous").kelly.is_some());
        assert!(of("kelly_empirical").kelly.is_some());
        assert!(of("atr").atr.is_some());
        assert!(of("hard_caps").risk_cap.is_some());
        assert!(of("leverage_cap").leverage_cap.is_some());
        let all = of("min_of_all");
        assert!(all.kelly.is_some() && all.atr.is_some() && all.funding_cut.is_some());
        let heavy = of("over_leveraged").notional_fraction.unwrap();
        assert!(heavy > 5.0 && heavy < study.settings.leverage, "{}", study.name);
        assert_eq!(study.data.from.0.to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(study.data.to.0.to_string(), "2026-01-01T00:00:00Z");
    }
}

#[test]
fn every_strategy_fits_a_page() {
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        // The catalogue of rules is long because it is whole.
        let most = if file.ends_with("sizing-rules.toml") { 200 } else { 110 };
        assert!(text.lines().count() <= most, "{}", file.display());
        assert!(text.lines().all(|line| line.len() <= 110), "{}", file.display());
    }
}
