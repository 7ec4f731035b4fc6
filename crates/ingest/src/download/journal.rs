//! What was downloaded: a line a file, appended when the file is whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::DownloadError;

/// Hidden, since folders of archives are searched for files that end in `jsonl`.
const NAME: &str = ".downloads.jsonl";
const LOCK: &str = ".downloads.lock";

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What was asked for: the path of an archive on its server, the file name of API pages.
    pub(super) path: String,
    /// The file it is in, below the folder of the journal; empty for a hole.
    pub(super) file: String,
    /// SHA-256 of the file; empty for a hole.
    pub(super) sha256: String,
    /// Its size.
    pub(super) bytes: u64,
    /// The version that the server said it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// The server has no such file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) missing: bool,
    /// The period was not over, or the answers did not reach its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unfinished: bool,
}

/// The journal of a folder, held by one process at a time.
pub(super) struct Journal {
    latest: Mutex<(Option<File>, BTreeMap<String, Entry>)>,
    path: PathBuf,
    _lock: Option<File>,
}

impl Journal {
    /// Opens the journal of a folder, which is made if need be.
    pub(super) fn open(folder: &Path) -> Result<Self, DownloadError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DownloadError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let lock_path = folder.join(LOCK);
        let lock = File::create(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DownloadError::Locked { folder: folder.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(&lock_path)(source)),
        }
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io(&path))?;
        let (latest, whole) = read(&mut file).map_err(io(&path))?;
        file.set_len(whole).map_err(io(&path))?;
        Ok(Self { latest: Mutex::new((Some(file), latest)), path, _lock: Some(lock) })
    }

    /// The journal of a folder as it is, for looking only: nothing is made and nothing is held.
    pub(super) fn read_only(folder: &Path) -> Result<Self, DownloadError> {
        let path = folder.join(NAME);
        let latest = match File::open(&path).and_then(|mut file| read(&mut file)) {
            Ok((latest, _)) => latest,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(DownloadError::Io { path, source }),
        };
        Ok(Self { latest: Mutex::new((None, latest)), path, _lock: None })
    }

    /// What was last noted of a path.
    pub(super) fn latest(&self, path: &str) -> Option<Entry> {
        let guard = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        guard.1.get(path).cloned()
    }

    /// Adds a line, unless it says what the last one of its path says.
    pub(super) fn note(&self, entry: Entry) -> Result<(), String> {
        let mut guard = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if guard.1.get(&entry.path) == Some(&entry) {
            return Ok(());
        }
        let line = serde_json::to_string(&entry).map_err(|error| error.to_string())? + "\n";
        if let Some(file) = &mut guard.0 {
            // One write, so that a line is there as a whole or cut off at the end of the file.
            let written = file.write_all(line.as_bytes());
            written.map_err(|error| format!("{}: {error}", self.path.display()))?;
        }
        guard.1.insert(entry.path.clone(), entry);
        Ok(())
    }
}

/// The last entry of every path, and the length of the whole lines: a sudden end may have cut
/// the last one off.
fn read(file: &mut File) -> io::Result<(BTreeMap<String, Entry>, u64)> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    text.truncate(whole);
    let mut latest = BTreeMap::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let entry: Entry = serde_json::from_slice(line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", index + 1))
        })?;
        latest.insert(entry.path.clone(), entry);
    }
    Ok((latest, whole as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(path: &str, sha256: &str) -> Entry {
        Entry { path: path.to_owned(), sha256: sha256.to_owned(), bytes: 3, ..Entry::default() }
    }

    #[test]
    fn the_last_line_of_a_path_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        for (path, sha256) in [("a", "1"), ("b", "2"), ("a", "3"), ("a", "3")] {
            journal.note(entry(path, sha256)).unwrap();
        }
        assert!(matches!(Journal::open(folder.path()), Err(DownloadError::Locked { .. })));
        drop(journal);
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text.lines().count(), 3);
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.latest("a"), Some(entry("a", "3")));
        assert_eq!(journal.latest("b"), Some(entry("b", "2")));
        assert_eq!(journal.latest("c"), None);
    }

    #[test]
    fn a_line_cut_off_is_taken_out_wherever_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let whole = "{\"path\":\"a\",\"file\":\"a.zip\",\"sha256\":\"1\",\"bytes\":3}\n";
        let next = "{\"path\":\"b\",\"file\":\"b.zip\",\"sha256\":\"2\",\"bytes\":3}";
        for cut in 0..=next.len() {
            fs::write(&path, format!("{whole}{}", &next[..cut])).unwrap();
            let journal = Journal::open(folder.path()).unwrap();
            assert!(journal.latest("a").is_some() && journal.latest("b").is_none());
            journal.note(entry("c", "4")).unwrap();
            drop(journal);
            assert!(Journal::open(folder.path()).unwrap().latest("c").is_some());
        }
        fs::write(&path, "no json\n").unwrap();
        let error = Journal::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
