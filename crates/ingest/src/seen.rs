//! Archives that the lake has entirely, told by their hash alone.
//!
//! Decoding an archive again only to find that every row is known costs minutes over years of
//! files. So a run keeps, in `.archives.jsonl` beside the lake's lock, what became of each archive
//! that went in whole. An entry counts only while the receipts still name the archive in each of
//! its months; the file is a shortcut, never a source, and a lake without it is as good.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use plimsoll_market::lake::{Month, SourceReceipt};
use plimsoll_market::{Lake, Series, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::archive::{Input, hex};
use crate::decode::{Decoded, format_names};
use crate::options::Options;
use crate::policy::Rule;
use crate::run::merge_options;
use crate::summary::{FileNote, TakenPart};

const FILE_NAME: &str = ".archives.jsonl";

/// What became of one archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    key: String,
    sha256: String,
    name: String,
    pub(crate) format: String,
    pub(crate) parts: Vec<EntryPart>,
    /// What was noted of it: rule and sentence.
    pub(crate) notes: Vec<(Option<String>, String)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryPart {
    pub(crate) series: Series,
    pub(crate) rows: usize,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    months: Vec<String>,
}

impl EntryPart {
    /// For reports.
    pub(crate) fn taken(&self) -> TakenPart {
        let Self { series, rows, first, last, .. } = self;
        TakenPart { series: series.clone(), rows: *rows, first: *first, last: *last }
    }
}

/// Name and hash of the archives of one month file.
type Sources = BTreeSet<(String, String)>;

/// The entries of a lake.
pub(crate) struct Seen {
    lake: Lake,
    /// What steers decoding beside the archive itself.
    settings: String,
    entries: BTreeMap<String, Entry>,
    /// Whether an archive wins over what the lake has: then one that is known may still win over
    /// others.
    replaces: bool,
    /// Names that several archives of the run have; one may take the other's place in a receipt.
    ambiguous: BTreeSet<String>,
    sources: Mutex<BTreeMap<(Series, String), Sources>>,
}

impl Seen {
    /// Reads the entries of a lake. What cannot be read, as the last line that a killed run was
    /// writing, is as if it were not there.
    pub(crate) fn open(lake: &Lake, options: &Options, inputs: &[Input]) -> Self {
        let mut seen = Self {
            lake: lake.clone(),
            settings: format!(
                "{} {options:?} {}",
                env!("CARGO_PKG_VERSION"),
                format_names().join(" ")
            ),
            entries: BTreeMap::new(),
            replaces: merge_options(options).replace,
            ambiguous: BTreeSet::new(),
            sources: Mutex::default(),
        };
        let mut names = BTreeSet::new();
        for input in inputs {
            if !names.insert(&input.name) {
                seen.ambiguous.insert(input.name.clone());
            }
        }
        if !seen.replaces {
            let text = fs::read(seen.path()).unwrap_or_default();
            let lines = text.split(|&byte| byte == b'\n');
            let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
            seen.entries = entries.map(|entry| (entry.key.clone(), entry)).collect();
        }
        seen
    }

    /// What became of an archive, if the lake still has all of it.
    pub(crate) fn find(&self, input: &Input, sha256: &str) -> Option<&Entry> {
        let entry = self.entries.get(&self.key(input, sha256))?;
        let is_named =
            |source: &Sources| source.contains(&(entry.name.clone(), entry.sha256.clone()));
        let holds = |part: &EntryPart| {
            !part.months.is_empty()
                && part.months.iter().all(|month| self.sources_of(&part.series, month, is_named))
        };
        let is_whole = !entry.parts.is_empty()
            && !self.ambiguous.contains(&input.name)
            && entry.parts.iter().all(holds);
        is_whole.then_some(entry)
    }

    fn sources_of(
        &self,
        series: &Series,
        month: &str,
        is_named: impl Fn(&Sources) -> bool,
    ) -> bool {
        let mut known = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = known.entry((series.clone(), month.to_owned())).or_insert_with(|| {
            let receipt = month.parse().ok().and_then(|month: Month| {
                // A month that cannot be read is merged again, which tells what is wrong with it.
                self.lake.receipt(series, month).ok().flatten()
            });
            let mut sources = receipt.map(|receipt| receipt.sources).unwrap_or_default();
            // Where archives disagreed, whose rows are not in the lake is found out by merging.
            if sources.iter().any(disagreed) {
                sources.clear();
            }
            sources.into_iter().map(|SourceReceipt { name, sha256, .. }| (name, sha256)).collect()
        });
        is_named(sources)
    }

    /// The entry of an archive that is about to go in whole.
    pub(crate) fn entry(
        &self,
        input: &Input,
        sha256: &str,
        format: &str,
        decoded: &[Decoded],
        notes: &[FileNote],
    ) -> Entry {
        let parts = decoded.iter().map(|part| {
            let times = part.incoming.table.times();
            EntryPart {
                series: part.series.clone(),
                rows: times.len(),
                first: times.first().copied().map(Timestamp),
                last: times.last().copied().map(Timestamp),
                months: part.incoming.months().iter().map(Month::to_string).collect(),
            }
        });
        Entry {
            key: self.key(input, sha256),
            sha256: sha256.to_owned(),
            name: input.name.clone(),
            format: format.to_owned(),
            parts: parts.collect(),
            notes: notes.iter().map(|note| (note.rule.clone(), note.message.clone())).collect(),
        }
    }

    /// Enters archives that went in. It costs time but no data if this fails.
    pub(crate) fn add(&mut self, entries: Vec<Entry>) {
        if self.replaces {
            return;
        }
        // A line that a killed run did not finish ends here.
        let mut text = vec![b'\n'];
        for entry in entries {
            if self.entries.contains_key(&entry.key) {
                continue;
            }
            if serde_json::to_writer(&mut text, &entry).is_ok() {
                text.push(b'\n');
                self.entries.insert(entry.key.clone(), entry);
            }
        }
        if text.len() > 1
            && let Ok(mut file) = File::options().create(true).append(true).open(self.path())
        {
            let _ = file.write_all(&text);
        }
    }

    /// Puts the file in order, so that its bytes do not depend on how runs were interrupted.
    pub(crate) fn close(self) {
        if self.replaces || self.entries.is_empty() {
            return;
        }
        let mut text = Vec::new();
        for entry in self.entries.values() {
            if serde_json::to_writer(&mut text, entry).is_ok() {
                text.push(b'\n');
            }
        }
        if fs::read(self.path()).is_ok_and(|old| old == text) {
            return;
        }
        let temporary = self.path().with_extension("tmp");
        let written =
            fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, self.path()));
        let _ = written;
    }

    fn path(&self) -> PathBuf {
        self.lake.root().join(FILE_NAME)
    }

    /// Everything that decoding depends on: the bytes, the names of the file and of all folders
    /// above it as the user gave them, and the settings.
    fn key(&self, input: &Input, sha256: &str) -> String {
        let mut hasher = Sha256::new();
        for part in [sha256, &input.path.to_string_lossy(), &input.name, &self.settings] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hex(&hasher.finalize()[..16])
    }
}

/// Whether rows of an archive differed from the lake's, whoever won.
fn disagreed(source: &SourceReceipt) -> bool {
    let mut notes = source.repairs.iter().chain(&source.flags);
    notes.any(|note| note.name == Rule::LakeConflict.name())
}
