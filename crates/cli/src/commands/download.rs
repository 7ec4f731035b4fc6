//! `plimsoll download`

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comfy_table::{CellAlignment, Table, presets};
use indexmap::IndexMap;
use plimsoll_ingest::download::{
    ApiKey, DownloadKind, FileResult, Plan, Report, Request, Settings, Status, download,
};
use plimsoll_ingest::{IngestError, Options, Summary, ingest_below};
use plimsoll_market::{DAY_MS, Lake, Timestamp};
use serde_json::{Value, json};

use super::{ingest, settings};
use crate::args::{DownloadArguments, Global};
use crate::error::{CliError, FAILED};
use crate::output::{self, Output, aligned, counted, grouped};
use crate::progress::{DownloadBar, IngestBar};

/// The one place that a key is read from.
const KEY_VARIABLE: &str = "TARDIS_API_KEY";
/// Longer lists of holes are shortened on a terminal; JSON has them all.
const HOLES_SHOWN: usize = 12;

pub(crate) fn run(
    arguments: &DownloadArguments,
    global: &Global,
    output: Output,
) -> Result<ExitCode, CliError> {
    let key = key()?;
    let rules = settings::read(&arguments.settings, global, output)?;
    let now = now();
    if let Some(now) = now.filter(|now| arguments.to.0 > now.0 + DAY_MS) {
        return Err(CliError::usage(
            format!("the period ends at {}, more than a day from now", arguments.to),
            format!("pass a --to of at most {}", Timestamp(now.0 + DAY_MS).date_string()),
        ));
    }
    let plan = Plan::new(&Request {
        venue: arguments.venue.clone(),
        source: arguments.source,
        symbols: arguments.symbols.clone(),
        kinds: arguments.kinds.clone(),
        from: arguments.from,
        to: arguments.to,
        interval: arguments.interval,
        base_url: arguments.base_url.clone(),
        has_key: key.is_some(),
    })?;
    let settings = Settings {
        jobs: arguments.jobs,
        tries: arguments.tries,
        backoff: Duration::from_millis(arguments.backoff_ms),
        now,
        read_timeout: Duration::from_secs(arguments.timeout),
        ..Settings::default()
    };
    let bar = DownloadBar::new(output);
    let report = download(plan, &global.data, &settings, key, arguments.dry_run, &bar);
    bar.finish();
    let report = report?;
    for note in &report.notes {
        output.message(note);
    }
    if arguments.dry_run {
        show_plan(&report, output);
        output.document(&document(&report, None));
        return Ok(ExitCode::SUCCESS);
    }
    show(&report, output);
    let taken = if arguments.no_ingest || report.on_disk.is_empty() {
        None
    } else {
        Some(take(arguments, global, &report, rules, output))
    };
    let summary = match &taken {
        Some(Ok(summary)) => Some(summary),
        Some(Err(IngestError::BadFiles { summary, .. })) => Some(&**summary),
        _ => None,
    };
    if let Some(summary) = summary {
        // The one document is that of the download; under --json this shows messages only.
        if output.json {
            summary
                .notes
                .iter()
                .for_each(|n| output.message(&format!("{}: {}", n.file, n.message)));
        } else {
            ingest::show(summary, output);
        }
    }
    output.document(&document(&report, summary));
    for file in once(&report).into_iter().filter(|file| file.status == Status::Failed) {
        output::failure(&format!("{}: {}", file.file, note(file)));
    }
    match taken {
        Some(Err(error)) => Err(error.into()),
        _ if report.with(Status::Failed).next().is_some() => Ok(ExitCode::from(FAILED)),
        _ if !report.files.is_empty() && report.on_disk.is_empty() => {
            output::failure(
                "nothing of it is on the server; look at the symbols' spelling and the period",
            );
            Ok(ExitCode::from(FAILED))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The time by this machine's clock, as far as it can be told.
fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

fn key() -> Result<Option<ApiKey>, CliError> {
    match std::env::var(KEY_VARIABLE) {
        Err(std::env::VarError::NotPresent) => Ok(None),
        Ok(text) if text.is_empty() => Ok(None),
        other => {
            let key = other.ok().and_then(|text| ApiKey::new(&text));
            let refused = || {
                CliError::usage(
                    format!("{KEY_VARIABLE} holds no key: letters, digits and signs only"),
                    "set it to the key alone, or unset it",
                )
            };
            key.ok_or_else(refused).map(Some)
        }
    }
}

fn take(
    arguments: &DownloadArguments,
    global: &Global,
    report: &Report,
    rules: plimsoll_ingest::Settings,
    output: Output,
) -> Result<Summary, IngestError> {
    let of_trades = [DownloadKind::Trades, DownloadKind::AggregateTrades];
    let from_trades = report.root.ends_with("tardis")
        || arguments.kinds.iter().any(|kind| of_trades.contains(kind));
    let options = Options {
        interval: from_trades.then_some(arguments.interval),
        policies: rules.policies,
        limits: rules.limits,
        contract_size: arguments.contract_size,
        replace: arguments.replace,
        ..Options::default()
    };
    let bar = IngestBar::new(output);
    let lake = Lake::new(&global.data);
    let taken = ingest_below(&report.root, &report.on_disk, &options, &lake, &bar);
    bar.finish();
    taken
}

/// What a dry run found: every file, and the sum.
fn show_plan(report: &Report, output: Output) {
    let files = once(report);
    for file in &files {
        let size = file.bytes.map_or_else(|| "size unknown".to_owned(), bytes);
        let note = file.note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
        let text = match file.status {
            Status::Wanted => format!("{}: {size}{note}", file.file),
            Status::Hole => format!("{}: not on the server", file.file),
            status => format!("{}: {}{note}", file.file, status.name()),
        };
        output.text(&text);
    }
    let with = |status| files.iter().filter(move |file| file.status == status);
    let count = |status| with(status).count();
    let known: u64 = with(Status::Wanted).filter_map(|file| file.bytes).sum();
    let unknown = with(Status::Wanted).filter(|file| file.bytes.is_none()).count();
    let and_unknown = match unknown {
        0 => String::new(),
        n => format!(", and {} of unknown size", counted(n, "file")),
    };
    output.text(&format!(
        "{} to fetch, {}{and_unknown}; {} there, {} not on the server",
        counted(count(Status::Wanted), "file"),
        bytes(known),
        count(Status::There),
        count(Status::Hole),
    ));
}

/// Files that hold several kinds, once.
fn once(report: &Report) -> Vec<&FileResult> {
    let mut seen = BTreeSet::new();
    report.files.iter().filter(|file| seen.insert(file.file.as_str())).collect()
}

/// A row for each kind and symbol, then what is missing or odd.
fn show(report: &Report, output: Output) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["kind", "symbol", "fetched", "there", "changed", "holes", "failed", "size"]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut rows: Vec<(DownloadKind, &str)> =
        report.files.iter().map(|file| (file.kind, file.symbol.as_str())).collect();
    rows.dedup();
    for (kind, symbol) in rows {
        let files: Vec<&FileResult> =
            report.files.iter().filter(|f| f.kind == kind && f.symbol == symbol).collect();
        let count = |status| files.iter().filter(|file| file.status == status).count();
        let size: u64 = files.iter().filter_map(|file| file.bytes).sum();
        let counts =
            [Status::Fetched, Status::There, Status::Changed, Status::Hole, Status::Failed]
                .map(|status| grouped(&count(status).to_string()));
        let words = [kind.name().to_owned(), symbol.to_owned()];
        table.add_row(words.into_iter().chain(counts).chain([bytes(size)]));
    }
    output.text(&aligned(&table));
    let holes = holes(report);
    for (first, to, count) in holes.iter().take(HOLES_SHOWN) {
        let last = Timestamp(to.0 - 1);
        output.message(&format!(
            "{} {} of {} to {} is unknown: {} not on the server, first {}",
            first.symbol,
            first.kind,
            first.from.date_string(),
            last.date_string(),
            counted(*count, "file"),
            first.file
        ));
    }
    if holes.len() > HOLES_SHOWN {
        let more = holes.len() - HOLES_SHOWN;
        output.message(&format!("and {more} more such holes; --json lists all files"));
    }
    show_notes(report, output);
}

/// Stretches of time without files: the first file that is missing, the end, how many.
fn holes(report: &Report) -> Vec<(&FileResult, Timestamp, usize)> {
    let mut holes: Vec<(&FileResult, Timestamp, usize)> = Vec::new();
    for file in report.with(Status::Hole) {
        match holes.last_mut() {
            Some((first, to, count))
                if (first.kind, &first.symbol, *to) == (file.kind, &file.symbol, file.from) =>
            {
                *to = file.to;
                *count += 1;
            }
            _ => holes.push((file, file.to, 1)),
        }
    }
    holes
}

/// Remarks on files; where many have the same, the first and a count.
fn show_notes(report: &Report, output: Output) {
    let mut groups: IndexMap<&str, Vec<&FileResult>> = IndexMap::new();
    for file in once(report).into_iter().filter(|file| file.status != Status::Failed) {
        if let Some(note) = &file.note {
            groups.entry(note).or_default().push(file);
        }
    }
    for (note, files) in groups {
        output.message(&format!("{}: {note}", files[0].file));
        if files.len() > 1 {
            output.message(&format!("  and so {}", counted(files.len() - 1, "other file")));
        }
    }
}

fn note(file: &FileResult) -> &str {
    file.note.as_deref().unwrap_or_default()
}

/// 1,234,567 bytes are 1.2 MB.
fn bytes(count: u64) -> String {
    let (size, unit) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (count as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (count as f64 / 1e6, "MB"),
        _ => (count as f64 / 1e9, "GB"),
    };
    format!("{} {unit}", grouped(&format!("{size:.1}")))
}

fn document(report: &Report, summary: Option<&Summary>) -> Value {
    let files: Vec<Value> = report
        .files
        .iter()
        .map(|file| {
            json!({
                "kind": file.kind.name(),
                "symbol": file.symbol,
                "from": file.from,
                "to": file.to,
                "file": file.file,
                "status": file.status.name(),
                "bytes": file.bytes,
                "note": file.note,
            })
        })
        .collect();
    let mut document = json!({ "files": files, "notes": report.notes });
    if let Some(summary) = summary {
        document["ingest"] = json!({
            "files": summary.files,
            "rows": summary.rows,
            "series": summary.merges.iter().map(|merge| json!({
                "kind": merge.series.kind.name(),
                "venue": merge.series.venue,
                "symbol": merge.series.symbol,
                "interval": merge.series.interval,
                "rows_added": merge.rows_added,
                "rows_known": merge.rows_known,
            })).collect::<Vec<_>>(),
        });
    }
    document
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_234_567, "1.2 MB"),
            (12_345_678_901, "12.3 GB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }
}
