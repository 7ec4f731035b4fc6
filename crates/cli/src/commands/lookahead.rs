//! `plimsoll lookahead`

use std::path::Path;
use std::process::ExitCode;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use plimsoll_study::lookahead::{
    Change, Later, Lookahead, LookaheadSettings, Subject, lookahead as look,
};
use plimsoll_study::{Places, Study, parse};
use serde_json::{Value, json};

use super::use_threads;
use crate::args::{Global, LookaheadArguments};
use crate::error::{CliError, FAILED};
use crate::output::{Output, aligned, counted, grouped, wrapped};
use crate::progress::StudyBar;

pub(crate) fn run(
    arguments: &LookaheadArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    let file = &arguments.file;
    let text = std::fs::read_to_string(file)
        .map_err(|source| CliError::Io { path: file.clone(), source })?;
    let name = file.display().to_string();
    let overrides = &arguments.overrides;
    let study = parse(&name, &text, overrides)
        .map_err(|error| CliError::study(&name, !overrides.is_empty(), error))?;
    let places = Places {
        data_dir: global.data.clone(),
        strategy_dir: file.parent().unwrap_or(Path::new("")).to_owned(),
    };
    let bar = StudyBar::new(output);
    let found = look(&study, &places, LookaheadSettings { cuts: arguments.cuts }, &bar);
    bar.finish();
    let found = found.map_err(|error| CliError::study(&name, false, error))?;
    output.text(&told(&study, &found));
    output.document(&document(&study, &found));
    Ok(if found.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// Columns of text on a terminal.
const WIDTH: usize = 110;

/// The result for people.
fn told(study: &Study, found: &Lookahead) -> String {
    let label = study.data.label.as_ref().map_or(String::new(), |label| format!(" [{label}]"));
    let mut parts = vec![
        format!(
            "{}{label}: {} {} at {}\n{} to {}, {}; behind each the data were removed, then changed",
            study.name,
            found.venue,
            found.symbols.join(" "),
            found.interval,
            found.from.date_string(),
            found.to.date_string(),
            counted(found.cuts.len(), "cut"),
        ),
        aligned(&counts(found)),
    ];
    if !found.is_clean() {
        parts.push(aligned(&changes(found)));
    }
    parts.push(wrapped(&verdict(found), WIDTH));
    parts.extend(found.notes.iter().map(|note| wrapped(note, WIDTH)));
    parts.join("\n\n")
}

fn verdict(found: &Lookahead) -> String {
    let seen = if found.is_clean() {
        "Nothing changed: as far as these cuts show, nothing reads later data than its own bar's."
            .to_owned()
    } else {
        let n = found.changes.len();
        format!(
            "{} later data than {} own bar's. Bars ahead: how far beyond it, at least.",
            if n == 1 { "One name reads".to_owned() } else { format!("{n} names read") },
            if n == 1 { "its" } else { "their" },
        )
    };
    format!(
        "{seen} This looks at what is computed from the data. How the numbers in the strategy file \
         were chosen, and what a rule was fitted to, it cannot see."
    )
}

fn counts(found: &Lookahead) -> Table {
    let mut table = plain(["", "compared", "changed"]);
    for subject in Subject::ALL {
        let number = |of: usize| grouped(&of.to_string());
        table.add_row([
            format!("{}s", subject.name()),
            number(found.compared.of(subject)),
            number(found.changed.of(subject)),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn changes(found: &Lookahead) -> Table {
    let mut table = plain(["what", "symbol", "bars\nahead", "values", "known by", "is", "becomes"]);
    for change in &found.changes {
        table.add_row([
            what(change),
            change.symbol.clone(),
            grouped(&change.bars_ahead.to_string()),
            grouped(&change.values.to_string()),
            change.time.to_string(),
            change.value.clone(),
            format!("{} ({})", change.other_value, later_word(change.later)),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// A table without lines, its columns two spaces apart.
fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH as u16)
        .set_header(header);
    for (idx, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if idx + 1 == N { 0 } else { 2 }));
    }
    table
}

fn what(change: &Change) -> String {
    let subject = change.subject.name();
    match &change.rule {
        Some(rule) => format!("{subject} {} of {rule}", change.name),
        None => format!("{subject} {}", change.name),
    }
}

fn later_word(later: Later) -> &'static str {
    match later {
        Later::Removed => "later data removed",
        Later::Changed => "later data changed",
        Later::Interrupted => "next bar interrupted",
    }
}

/// The result for programs.
fn document(study: &Study, found: &Lookahead) -> Value {
    json!({
        "name": study.name,
        "data_label": study.data.label,
        "clean": found.is_clean(),
        "venue": found.venue,
        "symbols": found.symbols,
        "interval": found.interval,
        "from": found.from,
        "to": found.to,
        "cuts": found.cuts,
        "compared": found.compared,
        "changed": found.changed,
        "changes": found.changes,
        "notes": found.notes,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_market::{Interval, Timestamp};
    use plimsoll_study::lookahead::{Compared, CutMade, CutPlace};

    use super::*;

    const STRATEGY: &str = include_str!("../../../../strategies/breakout.toml");

    fn found(changes: Vec<Change>) -> Lookahead {
        let (from, to) =
            (Timestamp::from_date(2024, 1, 1).unwrap(), Timestamp::from_date(2026, 1, 1).unwrap());
        Lookahead {
            venue: "binance-usdm".to_owned(),
            symbols: vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()],
            interval: Interval::HOUR,
            from,
            to,
            cuts: vec![CutMade { time: to, place: CutPlace::Spread }; 2],
            compared: Compared { features: 140_000, decisions: 1200, ..Compared::default() },
            changed: Compared {
                features: if changes.is_empty() { 0 } else { 4 },
                ..Compared::default()
            },
            changes,
            notes: vec!["The signal comes from signals.csv.".to_owned()],
        }
    }

    fn changed() -> Vec<Change> {
        let (time, cut) =
            (Timestamp::from_date(2024, 5, 1).unwrap(), Timestamp::from_date(2024, 5, 1).unwrap());
        let upper = Change {
            subject: Subject::Feature,
            rule: None,
            name: "upper".to_owned(),
            symbol: "BTCUSDT".to_owned(),
            values: 4,
            bars_ahead: 1,
            time,
            cut,
            later: Later::Removed,
            value: "64250.5".to_owned(),
            other_value: "undefined".to_owned(),
        };
        let kelly = Change {
            subject: Subject::Limit,
            rule: Some("kelly[fraction=0.25]".to_owned()),
            name: "kelly".to_owned(),
            symbol: "ETHUSDT".to_owned(),
            values: 1033,
            bars_ahead: 17_000,
            later: Later::Changed,
            value: "1.0416666666666667".to_owned(),
            other_value: "28 observations where at least 30 are needed".to_owned(),
            ..upper.clone()
        };
        vec![upper, kelly]
    }

    #[test]
    fn what_changed_is_told_in_words() {
        let study = parse("breakout.toml", STRATEGY, &[]).unwrap();
        let text = told(&study, &found(changed()));
        for words in [
            "feature upper",
            "limit kelly of",
            "kelly[fraction=0.25]",
            "17,000",
            "2 names read later data than their own bar's",
            "undefined (later",
            "signals.csv",
        ] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let one = told(&study, &found(changed()[..1].to_vec()));
        assert!(one.contains("One name reads later data than its own bar's"), "{one}");
        let clean = told(&study, &found(Vec::new()));
        assert!(clean.contains("Nothing changed") && !clean.contains("ahead"), "{clean}");
    }

    #[test]
    fn programs_get_everything() {
        let study = parse("breakout.toml", STRATEGY, &[]).unwrap();
        let document = document(&study, &found(changed()));
        assert_eq!((&document["name"], &document["clean"]), (&json!("breakout"), &json!(false)));
        assert_eq!(document["changes"][1]["rule"], "kelly[fraction=0.25]");
        assert_eq!(document["changes"][0]["later"], "removed");
        assert_eq!(document["changes"][0]["time"], "2024-05-01T00:00:00Z");
        assert_eq!(document["compared"]["features"], 140_000);
        assert_eq!(document["cuts"][0]["place"], "spread");
    }
}
