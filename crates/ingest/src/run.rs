//! One run: files found, decoded in parallel, merged series by series.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use plimsoll_market::lake::{LakeWriter, Note};
use plimsoll_market::{Incoming, Lake, MarketError, MergeOptions, MergeOutcome, Series, Timestamp};
use rayon::prelude::*;

use crate::archive::{Found, Input, RawFile, find, shown};
use crate::decode::{Decoded, Recognised, decode, format_names};
use crate::error::{FileFailure, IngestError, Place, Problem};
use crate::options::Options;
use crate::policy::{Policy, Rule};
use crate::seen::{Entry, EntryPart, Seen};
use crate::summary::{FileNote, FileReport, Outcome, Summary, TakenPart};

/// Files are decoded and merged in groups of about so many bytes on disk, which bounds memory:
/// one group is merged while the next is decoded.
const GROUP_BYTES: u64 = 16 << 20;

/// Told what a run is doing. The library itself prints nothing. Calls come from any thread.
pub trait Progress: Sync {
    /// So many bytes in so many files are to be read.
    fn start(&self, total_bytes: u64, files: usize);
    /// A file of so many bytes has been read.
    fn advance(&self, bytes: u64, file: &str);
    /// Something to be shown to the user.
    fn message(&self, text: &str);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start(&self, _total_bytes: u64, _files: usize) {}
    fn advance(&self, _bytes: u64, _file: &str) {}
    fn message(&self, _text: &str) {}
}

/// Takes files, and folders of files, into the lake.
///
/// # Errors
/// [`IngestError::BadFiles`] if any file was refused, with every failure and the summary of what
/// went in; nothing of a refused file is in the lake. Other errors end the run at once, and what
/// was merged until then stays.
pub fn ingest(
    paths: &[PathBuf],
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let Found { inputs, left_out } = find(paths, Some(lake.root()))?;
    if inputs.is_empty() {
        return Err(IngestError::NoFiles { paths: paths.to_vec() });
    }
    ingest_inputs(&inputs, left_out, options, lake, progress)
}

/// [`ingest`] for some of the files of a folder, as if they were all that it holds: receipts name
/// them by their paths below it, with `/` between folders.
///
/// # Errors
/// As for [`ingest`].
pub fn ingest_below(
    folder: &Path,
    files: &[String],
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let mut inputs = Vec::new();
    for name in files {
        let path = folder.join(name);
        let metadata = std::fs::metadata(&path)
            .map_err(|source| IngestError::Io { path: path.clone(), source })?;
        inputs.push(Input { path, name: name.clone(), bytes: metadata.len(), is_named: false });
    }
    if inputs.is_empty() {
        return Err(IngestError::NoFiles { paths: vec![folder.to_owned()] });
    }
    ingest_inputs(&inputs, Vec::new(), options, lake, progress)
}

fn ingest_inputs(
    inputs: &[Input],
    left_out: Vec<(String, &'static str)>,
    options: &Options,
    lake: &Lake,
    progress: &dyn Progress,
) -> Result<Summary, IngestError> {
    let writer = lake.writer()?;
    let summary = Summary {
        files: inputs.len(),
        bytes: inputs.iter().map(|input| input.bytes).sum(),
        left_out: left_out.into_iter().map(left_out_note).collect(),
        ..Summary::default()
    };
    progress.start(summary.bytes, inputs.len());
    let mut seen = Seen::open(lake, options, inputs);
    let mut run = Run {
        writer: &writer,
        options,
        progress,
        summary,
        failures: Vec::new(),
        merges: BTreeMap::new(),
    };
    let groups = groups(inputs);
    let mut opened = groups.first().map(|group| open_group(group, options, &seen, progress));
    for (index, group) in groups.iter().enumerate() {
        // The next files are read and decoded while these are merged and written.
        let (taken, next) = rayon::join(
            || run.take_group(group, opened.take().unwrap_or_default(), &seen),
            || groups.get(index + 1).map(|next| open_group(next, options, &seen, progress)),
        );
        seen.add(taken?);
        opened = next;
    }
    seen.close();
    run.summary.merges = run.merges.into_values().collect();
    if run.failures.is_empty() {
        return Ok(run.summary);
    }
    Err(IngestError::BadFiles { failures: run.failures, summary: Box::new(run.summary) })
}

/// A file's format and series.
type FileParts = (Option<Recognised>, Vec<Result<Decoded, FileFailure>>);

/// A file that has been read.
enum Opened {
    /// The lake has all of it.
    Known(Entry),
    /// Decoded, with the hash of the file where it could be read.
    Decoded(String, FileParts),
}

fn open_group(
    group: &[Input],
    options: &Options,
    seen: &Seen,
    progress: &dyn Progress,
) -> Vec<Opened> {
    let open = |input: &Input| {
        let opened = open_and_decode(input, options, seen);
        progress.advance(input.bytes, &input.name);
        opened
    };
    group.par_iter().map(open).collect()
}

fn open_and_decode(input: &Input, options: &Options, seen: &Seen) -> Opened {
    let refused = |problem| (None, vec![Err(failure(input, problem))]);
    let mut sha256 = String::new();
    // Readers of foreign formats may panic on a file that lies about itself. That is this file's
    // failure and no reason to lose the others.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let raw = RawFile::read(input, &options.limits)?;
        sha256.clone_from(&raw.sha256);
        if let Some(entry) = seen.find(input, &raw.sha256) {
            return Ok(Err(entry.clone()));
        }
        Ok(Ok(decode(&raw.unpack(&options.limits)?, options)))
    }));
    match opened {
        Ok(Ok(Err(known))) => Opened::Known(known),
        Ok(Ok(Ok(parts))) => Opened::Decoded(sha256, parts),
        Ok(Err(problem)) => Opened::Decoded(sha256, refused(problem)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            let reason = format!("its reader gave up: {}", shown(text));
            Opened::Decoded(sha256, refused(Problem::Damaged { reason }))
        }
    }
}

fn left_out_note((file, reason): (String, &str)) -> FileNote {
    FileNote { file, rule: None, message: reason.to_owned() }
}

/// A run so far.
struct Run<'a> {
    writer: &'a LakeWriter,
    options: &'a Options,
    progress: &'a dyn Progress,
    summary: Summary,
    failures: Vec<FileFailure>,
    merges: BTreeMap<Series, MergeOutcome>,
}

impl Run<'_> {
    /// Merges a group of files and gives the entries of those that went in whole.
    fn take_group(
        &mut self,
        group: &[Input],
        opened: Vec<Opened>,
        seen: &Seen,
    ) -> Result<Vec<Entry>, IngestError> {
        let n_files = group.len();
        let mut entries = Vec::new();
        let mut files = Vec::new();
        for (input, opened) in group.iter().zip(opened) {
            let (sha256, decoded) = match opened {
                Opened::Known(entry) => {
                    self.report_known(input, &entry);
                    continue;
                }
                Opened::Decoded(sha256, decoded) => (sha256, decoded),
            };
            let format = decoded.0.as_ref().map(|recognised| recognised.format.name);
            let whole = decoded.1.iter().all(Result::is_ok);
            let (summary, failures) = (&mut self.summary, &mut self.failures);
            let good = sort_out(input, decoded, summary, failures, self.progress);
            let notes = notes_of(input, &good);
            self.note(good.iter().map(|part| part.incoming.table.len()).sum(), &notes);
            if let Some(format) = format.filter(|_| whole) {
                let path = input.path.display().to_string();
                entries.push((path, seen.entry(input, &sha256, format, &good, &notes)));
            }
            files.push((input, good));
        }
        let n_failures = self.failures.len();
        let outcomes =
            merge_group(self.writer, files, self.options, &mut self.failures, self.progress)?;
        for outcome in outcomes {
            self.add_merge(outcome);
        }
        let n_reports = self.summary.reports.len() - n_files;
        for failure in &self.failures[n_failures..] {
            let shown = |input: &Input| input.path.display().to_string() == failure.file;
            let index = group.iter().position(shown).map(|index| n_reports + index);
            if let Some(report) = index.and_then(|index| self.summary.reports.get_mut(index)) {
                take_back(report, failure.series.as_deref());
            }
        }
        let refused: BTreeSet<&str> =
            self.failures[n_failures..].iter().map(|failure| failure.file.as_str()).collect();
        let whole = entries.into_iter().filter(|(path, _)| !refused.contains(path.as_str()));
        Ok(whole.map(|(_, entry)| entry).collect())
    }

    /// Reports an archive that the lake has as if it had been decoded and merged again.
    fn report_known(&mut self, input: &Input, entry: &Entry) {
        for part in &entry.parts {
            let mut outcome = MergeOutcome::nothing(part.series.clone());
            outcome.rows_known = part.rows;
            self.add_merge(outcome);
        }
        let notes = entry.notes.iter().map(|(rule, message)| FileNote {
            file: input.name.clone(),
            rule: rule.clone(),
            message: message.clone(),
        });
        self.note(entry.parts.iter().map(|part| part.rows).sum(), &notes.collect::<Vec<_>>());
        self.summary.reports.push(FileReport {
            file: input.name.clone(),
            format: format_names().into_iter().find(|name| *name == entry.format),
            outcome: Outcome::Taken,
            parts: entry.parts.iter().map(EntryPart::taken).collect(),
        });
    }

    fn add_merge(&mut self, outcome: MergeOutcome) {
        match self.merges.get_mut(&outcome.series) {
            Some(sum) => add(sum, outcome),
            None => {
                self.merges.insert(outcome.series.clone(), outcome);
            }
        }
    }

    fn note(&mut self, rows: usize, notes: &[FileNote]) {
        self.summary.rows += rows;
        self.summary.notes.extend_from_slice(notes);
    }
}

/// Enters a file in the summary and gives what goes on to the lake.
fn sort_out(
    input: &Input,
    (recognised, parts): FileParts,
    summary: &mut Summary,
    failures: &mut Vec<FileFailure>,
    progress: &dyn Progress,
) -> Vec<Decoded> {
    let mut good = Vec::new();
    let mut n_refused = 0;
    let mut left_out = false;
    for part in parts {
        match part {
            Ok(decoded) => good.push(decoded),
            // A folder may hold other things than market data; a file that was named may not.
            Err(FileFailure { problem: Problem::NothingForTheLake { reason }, .. })
                if !input.is_named =>
            {
                left_out = true;
                let file = input.name.clone();
                summary.left_out.push(FileNote { file, rule: None, message: reason });
            }
            Err(failure) => {
                n_refused += 1;
                progress.message(&failure.to_string());
                failures.push(failure);
            }
        }
    }
    let outcome = match (good.is_empty(), n_refused > 0, left_out) {
        (false, true, _) => Outcome::Partly,
        (true, true, _) => Outcome::Refused,
        (true, false, true) => Outcome::LeftOut,
        (false, false, _) | (true, false, false) => Outcome::Taken,
    };
    let parts = good.iter().map(|part| {
        let times = part.incoming.table.times();
        TakenPart {
            series: part.series.clone(),
            rows: times.len(),
            first: times.first().copied().map(Timestamp),
            last: times.last().copied().map(Timestamp),
        }
    });
    summary.reports.push(FileReport {
        file: input.name.clone(),
        format: recognised.map(|recognised| recognised.format.name),
        outcome,
        parts: parts.collect(),
    });
    good
}

/// Consecutive files up to [`GROUP_BYTES`], at least one each.
fn groups(inputs: &[Input]) -> Vec<&[Input]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, input) in inputs.iter().enumerate() {
        if index > start && bytes + input.bytes > GROUP_BYTES {
            groups.push(&inputs[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += input.bytes;
    }
    groups.push(&inputs[start..]);
    groups
}

/// Merges the files of a group, all of a series at once. Where the lake refuses that, they are
/// merged one by one, so that only the file that is at fault stays out.
fn merge_group(
    writer: &LakeWriter,
    files: Vec<(&Input, Vec<Decoded>)>,
    options: &Options,
    failures: &mut Vec<FileFailure>,
    progress: &dyn Progress,
) -> Result<Vec<MergeOutcome>, IngestError> {
    let mut by_series: BTreeMap<Series, Vec<(&Input, Incoming)>> = BTreeMap::new();
    for (input, decoded) in files {
        for part in decoded {
            by_series.entry(part.series).or_default().push((input, part.incoming));
        }
    }
    let merge_options = merge_options(options);
    let mut outcomes = Vec::new();
    for (series, parts) in by_series {
        let alone = parts.len() == 1;
        let together = parts.iter().map(|(_, incoming)| incoming.clone()).collect();
        match writer.merge(&series, together, merge_options) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) if !is_refusal(&error) => return Err(error.into()),
            Err(error) if alone => {
                let failure = lake_failure(parts[0].0, &series, error);
                progress.message(&failure.to_string());
                failures.push(failure);
            }
            Err(_) => {
                for (input, incoming) in parts {
                    match writer.merge(&series, vec![incoming], merge_options) {
                        Ok(outcome) => outcomes.push(outcome),
                        Err(error) if is_refusal(&error) => {
                            let failure = lake_failure(input, &series, error);
                            progress.message(&failure.to_string());
                            failures.push(failure);
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }
    Ok(outcomes)
}

/// What becomes of rows that differ from the lake's.
pub(crate) fn merge_options(options: &Options) -> MergeOptions {
    let on_conflict = options.policies.of(Rule::LakeConflict);
    let replace = options.replace || on_conflict == Policy::Repair;
    MergeOptions { replace, keep: !replace && on_conflict == Policy::Flag }
}

/// What the lake said about one series of a file.
fn lake_failure(input: &Input, series: &Series, error: MarketError) -> FileFailure {
    let problem = Problem::Lake(Box::new(error));
    FileFailure { series: Some(series.to_string()), ..failure(input, problem) }
}

/// Enters in a file's report that the lake has refused one of its series.
fn take_back(report: &mut FileReport, series: Option<&str>) {
    report.parts.retain(|part| Some(part.series.to_string().as_str()) != series);
    report.outcome = if report.parts.is_empty() { Outcome::Refused } else { Outcome::Partly };
}

/// Whether the lake objects to the rows, and not to the disk.
fn is_refusal(error: &MarketError) -> bool {
    matches!(error, MarketError::Conflict { .. } | MarketError::BadName { .. })
}

fn notes_of(input: &Input, decoded: &[Decoded]) -> Vec<FileNote> {
    let mut found = Vec::new();
    for part in decoded {
        let incoming = &part.incoming;
        let about = |rule: Option<String>, message: String| FileNote {
            file: input.name.clone(),
            rule,
            message,
        };
        found.extend(part.assumptions.iter().map(|text| about(None, text.clone())));
        let notes = incoming.repairs.iter().chain(&incoming.flags);
        found.extend(notes.map(|note| about(Some(note.name.clone()), sentence(note))));
    }
    found
}

/// A note as users see it: `a row stands there more than once; kept once (2, first at ...)`.
fn sentence(note: &Note) -> String {
    let first = note.first.map(|time| format!(", first at {time}"));
    format!("{} ({}{})", note.message, note.count, first.unwrap_or_default())
}

fn add(sum: &mut MergeOutcome, more: MergeOutcome) {
    sum.rows_added += more.rows_added;
    sum.rows_known += more.rows_known;
    sum.rows_replaced += more.rows_replaced;
    sum.rows_kept += more.rows_kept;
    sum.months_written.extend(more.months_written);
    sum.months_written.sort();
    sum.months_written.dedup();
    sum.changed.extend(more.changed);
    sum.changed.sort();
    sum.changed.dedup();
    sum.completed_bars.extend(more.completed_bars);
}

fn failure(input: &Input, problem: Problem) -> FileFailure {
    FileFailure {
        file: input.path.display().to_string(),
        place: Place::File,
        series: None,
        problem,
    }
}
