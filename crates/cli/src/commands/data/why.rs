//! `plimsoll data why`

use std::process::ExitCode;

use plimsoll_ingest::{Options, Settings, Why, WhyPart, why};
use serde_json::{Value, json};

use super::show::note_text;
use super::{named, time_or_dash};
use crate::args::{Global, WhyArguments};
use crate::commands::settings;
use crate::error::{CliError, FAILED};
use crate::output::{Output, counted};

pub(super) fn run(
    arguments: &WhyArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let Settings { policies, limits } = settings::read(&arguments.settings, global, output)?;
    let options = Options { policies, limits, ..arguments.decoding.options() };
    let mut documents = Vec::new();
    let mut is_good = true;
    for path in &arguments.files {
        for why in why(path, &options)? {
            if !documents.is_empty() {
                output.text("");
            }
            is_good &= why.failures.is_empty();
            output.text(&text(&why));
            documents.push(document(&why));
        }
    }
    output.document(&documents);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn text(why: &Why) -> String {
    let mut lines = vec![why.file.clone()];
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:<10} {value}"));
    if let Some(content) = &why.content {
        line("content", content);
    }
    match why.format {
        Some(format) => line("taken for", format),
        None => line("taken for", "nothing that is known"),
    }
    for clause in &why.evidence {
        line("because", clause);
    }
    for (format, evidence) in &why.others {
        line("or else", &format!("{format}: {}", evidence.join("; ")));
    }
    for part in &why.parts {
        line("series", &part.series.to_string());
        let rows = counted(part.rows, "row");
        let period = format!("{} to {}", time_or_dash(part.first), time_or_dash(part.last));
        line("", &if part.rows == 0 { rows } else { format!("{rows}, {period}") });
        for (what, value, origin) in &part.origins {
            line("", &format!("{what} {value} by {origin}"));
        }
        for words in part_notes(part) {
            line("", &words);
        }
    }
    for failure in &why.failures {
        line("refused", &failure.to_string());
        if let Some(hint) = failure.hint() {
            line("", &format!("hint: {hint}"));
        }
    }
    if let Some(sha256) = &why.sha256 {
        line("sha256", sha256);
    }
    lines.join("\n")
}

fn part_notes(part: &WhyPart) -> Vec<String> {
    let mut words: Vec<String> =
        part.assumptions.iter().map(|text| format!("assumed: {text}")).collect();
    if part.duplicates > 0 {
        words.push(format!("{} would be dropped", counted(part.duplicates, "repeated row")));
    }
    if !part.derived.is_empty() {
        words.push(format!("derived, not recorded: {}", part.derived.join(", ")));
    }
    words.extend(part.repairs.iter().map(|note| format!("to be mended: {}", note_text(note))));
    words.extend(part.flags.iter().map(|note| format!("flagged: {}", note_text(note))));
    words
}

fn document(why: &Why) -> Value {
    let parts: Vec<Value> = why
        .parts
        .iter()
        .map(|part| {
            let mut members = named(&part.series);
            let origins: serde_json::Map<String, Value> = part
                .origins
                .iter()
                .map(|(what, _, origin)| ((*what).to_owned(), json!(origin)))
                .collect();
            let more = json!({
                "origins": origins,
                "rows": part.rows,
                "first": part.first,
                "last": part.last,
                "derived": part.derived,
                "assumptions": part.assumptions,
                "duplicates": part.duplicates,
                "repairs": part.repairs,
                "flags": part.flags,
            });
            if let Value::Object(more) = more {
                members.extend(more);
            }
            Value::Object(members)
        })
        .collect();
    json!({
        "file": why.file,
        "sha256": why.sha256,
        "content": why.content,
        "format": why.format,
        "evidence": why.evidence,
        "others": why.others.iter().map(|(format, evidence)| json!({
            "format": format, "evidence": evidence,
        })).collect::<Vec<_>>(),
        "series": parts,
        "refused": why.failures.iter().map(|failure| json!({
            "message": failure.to_string(), "hint": failure.hint(),
        })).collect::<Vec<_>>(),
    })
}
