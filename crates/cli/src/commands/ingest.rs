//! `plimsoll ingest`

use std::process::ExitCode;

use plimsoll_ingest::{IngestError, Options, Settings, Summary, ingest};
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
    let options = Options {
        source: arguments.source,
        venue: arguments.venue.clone(),
        symbol: arguments.symbol.clone(),
        kind: arguments.kind,
        interval: arguments.interval,
        policies,
        limits,
        replace: arguments.replace,
    };
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
    for note in &summary.notes {
        output.message(&format!("{}: {}", note.file, note.message));
    }
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
    output.text(&format!("{}, {}", counted(summary.files, "file"), counted(summary.rows, "row")));
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
            "file": note.file, "message": note.message,
        })).collect::<Vec<_>>(),
    }));
}
