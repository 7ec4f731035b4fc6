//! A whole download: the listing read, files fetched in parallel, holes filled from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use plimsoll_market::Timestamp;

use super::fetch::Remote;
use super::http::{ApiKey, Call, Client, How};
use super::journal::Journal;
use super::listing;
use super::plan::{DownloadKind, Hosts, Item, Origin, Plan};
use super::retry::{GivenUp, with_retries};
use super::{DownloadError, DownloadProgress, Settings};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// To be fetched; in a dry run only.
    Wanted,
    /// Fetched whole and checked.
    Fetched,
    /// On disk from before, and as far as it can be told the server's still.
    There,
    /// Another one than before; kept beside the old one.
    Changed,
    /// The server does not have it: unknown, not quiet.
    Hole,
    /// Given up, with the reason.
    Failed,
}

impl Status {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Fetched => "fetched",
            Self::There => "there",
            Self::Changed => "changed",
            Self::Hole => "hole",
            Self::Failed => "failed",
        }
    }
}

/// What became of one file of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileResult {
    /// What it holds.
    pub kind: DownloadKind,
    /// Whose.
    pub symbol: String,
    /// Start of its period.
    pub from: Timestamp,
    /// End of its period, exclusive.
    pub to: Timestamp,
    /// Its path below [`Report::root`].
    pub file: String,
    /// What became of it.
    pub status: Status,
    /// Its size, if known.
    pub bytes: Option<u64>,
    /// The reason of a failure, or something worth knowing.
    pub note: Option<String>,
}

/// What a download did, or would do.
#[derive(Clone, Debug)]
pub struct Report {
    /// The folder of the venue's files.
    pub root: PathBuf,
    /// Every file of the plan, by kind, symbol and time; one that holds several kinds stands here
    /// once for each.
    pub files: Vec<FileResult>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// The files on disk, as paths below the root.
    pub on_disk: Vec<String>,
}

impl Report {
    /// The files of a status.
    pub fn with(&self, status: Status) -> impl Iterator<Item = &FileResult> {
        self.files.iter().filter(move |file| file.status == status)
    }
}

/// Fetches the files of a plan to `raw/<venue>` below the data folder; a dry run only looks.
///
/// # Errors
/// If the folder cannot be written or another download holds it. What happens to single files is
/// in the report.
pub fn download(
    plan: Plan,
    data: &Path,
    settings: &Settings,
    key: Option<ApiKey>,
    is_dry: bool,
    progress: &dyn DownloadProgress,
) -> Result<Report, DownloadError> {
    let Plan { items, mut notes, folder, hosts } = plan;
    let root = data.join("raw").join(folder);
    let client = Client::new(settings, key);
    let (items, bytes) = resolve(items, &client, settings, &hosts, &mut notes);
    progress.start(items.len(), bytes);
    let journal = if is_dry { Journal::read_only(&root)? } else { Journal::open(&root)? };
    let job = Job {
        client: &client,
        settings,
        hosts: &hosts,
        journal: &journal,
        root: &root,
        progress,
        turn: Mutex::new(()),
    };
    let mut files = Vec::new();
    let mut on_disk = Vec::new();
    let mut round = items;
    let mut n_before = 0;
    while !round.is_empty() {
        let done = in_parallel(settings.jobs, &round, |index, item| {
            let stream = (n_before + index) as u64;
            let done = if is_dry { job.look(item, stream) } else { job.get(item, stream) };
            let result = done.result(item);
            if result.status != Status::Hole || item.instead.is_empty() {
                progress.done(&result);
            }
            (result, done.files)
        });
        n_before += round.len();
        let mut next = Vec::new();
        for (item, (result, paths)) in round.into_iter().zip(done) {
            if result.status == Status::Hole && !item.instead.is_empty() {
                next.extend(item.instead);
            } else {
                files.extend(item.also.iter().map(|&kind| FileResult { kind, ..result.clone() }));
                files.push(result);
                on_disk.extend(paths);
            }
        }
        round = next;
    }
    files.sort_by(|a, b| {
        (a.kind, &a.symbol, a.from, &a.file).cmp(&(b.kind, &b.symbol, b.from, &b.file))
    });
    on_disk.sort();
    on_disk.dedup();
    Ok(Report { root, files, notes, on_disk })
}

/// What all files of a download share.
pub(super) struct Job<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a Settings,
    pub(super) hosts: &'a Hosts,
    pub(super) journal: &'a Journal,
    pub(super) root: &'a Path,
    pub(super) progress: &'a dyn DownloadProgress,
    turn: Mutex<()>,
}

impl Job<'_> {
    /// Waits so that questions to the interface are not asked faster than the venue likes.
    pub(super) fn take_turn(&self) {
        let turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        thread::sleep(self.hosts.api_pause.mul_f64(self.settings.time_scale));
        drop(turn);
    }

    fn get(&self, item: &Item, stream: u64) -> Done {
        match &item.origin {
            Origin::Archive { path, has_checksum, with_key } => {
                let url = format!("{}/{path}", self.hosts.archive);
                let (has_checksum, with_key) = (*has_checksum, *with_key);
                self.archive(Remote { item, path, url: &url, has_checksum, with_key }, stream)
            }
            Origin::Pages { dialect, step_ms, questions } => {
                self.pages(item, *dialect, *step_ms, questions, stream)
            }
            Origin::Absent => self.absent(item),
        }
    }

    /// What [`get`](Self::get) would do, from the journal, the disk and the server's word.
    fn look(&self, item: &Item, stream: u64) -> Done {
        let name = match &item.origin {
            Origin::Archive { path, .. } => path,
            _ => &item.file,
        };
        let known = self.journal.latest(name).filter(|entry| !entry.missing);
        let file = known.as_ref().map_or(item.file.clone(), |entry| entry.file.clone());
        // A file of answers that is not in the journal is compared with new ones.
        let is_finished = match &item.origin {
            Origin::Pages { .. } => known.as_ref().is_some_and(|entry| !entry.unfinished),
            _ => true,
        };
        if let Ok(metadata) = self.root.join(&file).metadata()
            && known.is_none_or(|entry| entry.bytes == metadata.len())
            && is_finished
        {
            let bytes = metadata.len();
            return match item.bytes.filter(|&listed| listed != bytes) {
                None => Done::new(Status::There, bytes, vec![file]),
                Some(listed) => {
                    let note = Some(format!("has changed on the server: {bytes} bytes are there"));
                    Done { status: Status::Wanted, bytes: Some(listed), note, files: Vec::new() }
                }
            };
        }
        match &item.origin {
            Origin::Absent => Done::new(Status::Hole, 0, Vec::new()),
            Origin::Pages { questions, .. } => {
                let n = questions.len();
                let note = Some(format!("{n} question{}", if n == 1 { "" } else { "s" }));
                Done { status: Status::Wanted, bytes: None, note, files: Vec::new() }
            }
            Origin::Archive { .. } if item.bytes.is_some() => {
                Done { status: Status::Wanted, bytes: item.bytes, note: None, files: Vec::new() }
            }
            Origin::Archive { path, with_key, .. } => {
                let url = format!("{}/{path}", self.hosts.archive);
                let length = with_retries(self.settings, stream, || {
                    let call = Call { url: &url, how: How::Head, with_key: *with_key };
                    self.client.send(&call).map(|answer| answer.length())
                });
                match length {
                    Ok(bytes) => {
                        Done { status: Status::Wanted, bytes, note: None, files: Vec::new() }
                    }
                    Err(GivenUp::Missing) => Done::new(Status::Hole, 0, Vec::new()),
                    Err(GivenUp::Failed(reason)) => Done {
                        status: Status::Wanted,
                        bytes: None,
                        note: Some(format!("size not known: {reason}")),
                        files: Vec::new(),
                    },
                }
            }
        }
    }
}

/// How it went with one file.
pub(super) struct Done {
    pub(super) status: Status,
    pub(super) bytes: Option<u64>,
    pub(super) note: Option<String>,
    /// Files on disk now, below the root.
    pub(super) files: Vec<String>,
}

impl Done {
    pub(super) fn new(status: Status, bytes: u64, files: Vec<String>) -> Self {
        let bytes = (status != Status::Hole).then_some(bytes);
        Self { status, bytes, note: None, files }
    }

    pub(super) fn failed(reason: String) -> Self {
        Self { status: Status::Failed, bytes: None, note: Some(reason), files: Vec::new() }
    }

    fn result(&self, item: &Item) -> FileResult {
        FileResult {
            kind: item.kind,
            symbol: item.symbol.clone(),
            from: item.from,
            to: item.to,
            file: self.files.first().unwrap_or(&item.file).clone(),
            status: self.status,
            bytes: self.bytes.or(item.bytes.filter(|_| self.status == Status::Wanted)),
            note: self.note.clone(),
        }
    }
}

/// Holds a plan against the listing of the bucket, if there is one: sizes are noted, and what is
/// not listed is replaced or marked as absent. Gives the sum of the sizes if all are known.
fn resolve(
    items: Vec<Item>,
    client: &Client,
    settings: &Settings,
    hosts: &Hosts,
    notes: &mut Vec<String>,
) -> (Vec<Item>, Option<u64>) {
    let Some(base) = &hosts.listing else { return (items, None) };
    let mut resolved = Vec::new();
    let mut round = items;
    while !round.is_empty() {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for item in &round {
            if let Some((prefix, path)) = listed_below(item) {
                wanted.entry(prefix).or_default().insert(path);
            }
        }
        let prefixes: Vec<(&str, BTreeSet<&str>)> = wanted.into_iter().collect();
        let listings = in_parallel(settings.jobs, &prefixes, |_, (prefix, paths)| {
            listing::list(client, settings, base, prefix, paths)
        });
        let mut known: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((prefix, _), listing) in prefixes.iter().zip(listings) {
            match listing {
                Ok(listing) => {
                    known.insert((*prefix).to_owned(), listing);
                }
                Err(given_up) => {
                    let reason = match given_up {
                        GivenUp::Missing => "the server lists nothing".to_owned(),
                        GivenUp::Failed(reason) => reason,
                    };
                    notes.push(format!(
                        "{prefix} could not be listed ({reason}): every file of the period is asked for by name"
                    ));
                }
            }
        }
        let mut next = Vec::new();
        for mut item in round {
            let listed = listed_below(&item)
                .and_then(|(prefix, path)| known.get(prefix).map(|found| found.get(path).copied()));
            match listed {
                None => resolved.push(item),
                Some(Some(bytes)) => {
                    item.bytes = Some(bytes);
                    resolved.push(item);
                }
                Some(None) if item.instead.is_empty() => {
                    item.origin = Origin::Absent;
                    resolved.push(item);
                }
                Some(None) => next.extend(item.instead),
            }
        }
        round = next;
    }
    let sizes: Option<Vec<u64>> = resolved
        .iter()
        .filter(|item| item.origin != Origin::Absent)
        .map(|item| item.bytes)
        .collect();
    (resolved, sizes.map(|sizes| sizes.iter().sum()))
}

/// The folder of the bucket that an archive is in, and its key.
fn listed_below(item: &Item) -> Option<(&str, &str)> {
    match &item.origin {
        Origin::Archive { path, .. } => path.rfind('/').map(|end| (&path[..=end], path.as_str())),
        _ => None,
    }
}

/// The results of a function for all items, in their order, by so many threads.
fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(index, item);
                    let mut results =
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    results[index] = Some(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.into_iter().flatten().collect()
}
