//! `plimsoll ingest`

use std::process::ExitCode;

use plimsoll_ingest::{FileNote, IngestError, Options, Outcome, Settings, Summary, ingest};
use plimsoll_market::Lake;
use serde_json::json;

use super::{settings, use_threads};
use crate::args::{Global, IngestArguments};
use crate::error::CliError;
use crate::output::{Output, counted, grouped};
use crate::progress::IngestBar;

pub(crate) fn run(
    arguments: &IngestArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    use_threads(arguments.threads)?;
    let Settings { policies, limits } = settings::read(&arguments.settings, global, output)?;
    let options =
        Options { policies, limits, replace: arguments.replace, ..arguments.decoding.options() };
    let bar = IngestBar::new(output);
    let done = ingest(&arguments.paths, &options, &Lake::new(&global.data), &bar);
    bar.finish();
    match done {
        Ok(summary) => {
            show(&summary, output);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            if let IngestError::BadFiles { summary, .. } = &error {
                show(summary, output);
            }
            Err(error.into())
        }
    }
}

/// What went in, a line a series.
pub(crate) fn show(summary: &Summary, output: Output) {
    show_notes(&summary.notes, output);
    for file in &summary.left_out {
        output.message(&format!("{}: left out, {}", file.file, file.message));
    }
    for merge in &summary.merges {
        for changed in &merge.changed {
            output.message(&format!(
                "{}: {} has changed since it was taken in",
                merge.series, changed.name
            ));
        }
        let replaced = match merge.rows_replaced {
            0 => String::new(),
            rows => format!(", {} replaced", grouped(&rows.to_string())),
        };
        let kept = match merge.rows_kept {
            0 => String::new(),
            rows => format!(", {} of them different in the archive", grouped(&rows.to_string())),
        };
        output.text(&format!(
            "{}: {} added, {} known already{kept}{replaced}",
            merge.series,
            counted(merge.rows_added, "row"),
            grouped(&merge.rows_known.to_string()),
        ));
    }
    output.text(&format!(
        "{}, {}{}",
        counted(summary.files, "file"),
        counted(summary.rows, "row"),
        outcomes(summary)
    ));
    output.document(&json!({
        "files": summary.files,
        "bytes": summary.bytes,
        "rows": summary.rows,
        "series": summary.merges.iter().map(|merge| json!({
            "kind": merge.series.kind.name(),
            "venue": merge.series.venue,
            "symbol": merge.series.symbol,
            "interval": merge.series.interval,
            "rows_added": merge.rows_added,
            "rows_known": merge.rows_known,
            "rows_replaced": merge.rows_replaced,
            "rows_kept": merge.rows_kept,
            "changed": merge.changed.iter().map(|changed| &changed.name).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "left_out": summary.left_out.iter().map(|file| json!({
            "file": file.file, "reason": file.message,
        })).collect::<Vec<_>>(),
        "notes": summary.notes.iter().map(|note| json!({
            "file": note.file, "rule": note.rule, "message": note.message,
        })).collect::<Vec<_>>(),
        "reports": summary.reports.iter().map(|report| json!({
            "file": report.file,
            "format": report.format,
            "outcome": report.outcome.name(),
            "series": report.parts.iter().map(|part| json!({
                "kind": part.series.kind.name(),
                "venue": part.series.venue,
                "symbol": part.series.symbol,
                "interval": part.series.interval,
                "rows": part.rows,
                "first": part.first,
                "last": part.last,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    }));
}

/// What was assumed, mended or flagged; where many files have the same, the first and a count.
fn show_notes(notes: &[FileNote], output: Output) {
    const EACH_UP_TO: usize = 3;
    let mut groups: Vec<(&str, Vec<&FileNote>)> = Vec::new();
    for note in notes {
        let key = note.rule.as_deref().unwrap_or(&note.message);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(note),
            None => groups.push((key, vec![note])),
        }
    }
    for (_, group) in groups {
        let shown = if group.len() > EACH_UP_TO { 1 } else { group.len() };
        for note in &group[..shown] {
            output.message(&format!("{}: {}", note.file, note.message));
        }
        if shown < group.len() {
            let others = grouped(&(group.len() - shown).to_string());
            output.message(&format!("  and the same of {others} more series"));
        }
    }
}

/// How many files did not go in wholly, where there are any.
fn outcomes(summary: &Summary) -> String {
    let n = |outcome| summary.reports.iter().filter(|report| report.outcome == outcome).count();
    let counts = [
        (n(Outcome::Partly), "in part"),
        (n(Outcome::Refused), "refused"),
        (n(Outcome::LeftOut), "left out"),
    ];
    let words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("; {} {word}", grouped(&count.to_string())))
        .collect();
    words.concat()
}
