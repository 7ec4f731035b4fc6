//! One archive: asked for, continued, checked, named, noted.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ureq::http::StatusCode;
use ureq::http::header;

use super::http::{Answer, Call, How, cut};
use super::journal::Entry;
use super::part::{Part, sha256, write_whole};
use super::plan::Item;
use super::retry::{GivenUp, Trouble, with_retries};
use super::run::{Done, Job, Status};

/// A checksum file is one line.
const CHECKSUM_BYTES_MAX: u64 = 4096;
/// A file that does not match its checksum is fetched so often, with its checksum.
const CHECKSUM_TRIES: usize = 3;
const PIECE: usize = 1 << 16;
/// So much of a long file, or a fiftieth of a short one, is worth going on for.
const ENOUGH_BYTES: u64 = 1 << 20;
/// A file may grow so much between the listing and the fetching, or to its double.
const GROWN_BYTES: u64 = 1 << 20;

/// An archive of a server.
#[derive(Clone, Copy)]
pub(super) struct Remote<'a> {
    pub(super) item: &'a Item,
    pub(super) path: &'a str,
    pub(super) url: &'a str,
    pub(super) has_checksum: bool,
    pub(super) with_key: bool,
}

impl Job<'_> {
    /// Fetches an archive, unless the one on disk is still the server's.
    pub(super) fn archive(&self, remote: Remote, stream: u64) -> Done {
        let file = self.root.join(&remote.item.file);
        let known = self.journal.latest(remote.path).filter(|entry| !entry.missing);
        let there = match self.on_disk(remote.path, &remote.item.file, &file, known) {
            Ok(there) => there,
            Err(reason) => return Done::failed(reason),
        };
        let Some(there) = there else {
            return match self.fetch(remote, &file, stream) {
                Ok(whole) => self.keep(remote, &file, whole, Status::Fetched),
                Err(given_up) => self.gave_up(remote.path, given_up),
            };
        };
        match self.is_current(remote, &there, stream) {
            Ok(Compared::Same(note)) => {
                let (bytes, file) = (there.bytes, there.file.clone());
                match self.journal.note(there) {
                    Ok(()) => Done { note, ..Done::new(Status::There, bytes, vec![file]) },
                    Err(reason) => Done::failed(reason),
                }
            }
            Ok(Compared::Changed) => {
                let whole = match self.fetch(remote, &file, stream) {
                    Ok(whole) => whole,
                    Err(given_up) => return self.gave_up(remote.path, given_up),
                };
                if whole.sha256 == there.sha256 {
                    let Whole { mut part, etag, .. } = whole;
                    part.discard();
                    let (bytes, file) = (there.bytes, there.file.clone());
                    return match self.journal.note(Entry { etag, ..there }) {
                        Ok(()) => Done::new(Status::There, bytes, vec![file]),
                        Err(reason) => Done::failed(reason),
                    };
                }
                let done = self.keep(remote, &file, whole, Status::Changed);
                let old = &there.file;
                let note = format!("has changed on the server; the old one stays as {old}");
                Done { note: done.note.or(Some(note)), ..done }
            }
            Err(given_up) => self.gave_up(remote.path, given_up),
        }
    }

    /// The file that an earlier run left, if any, held against the journal.
    pub(super) fn on_disk(
        &self,
        asked: &str,
        name: &str,
        file: &Path,
        known: Option<Entry>,
    ) -> Result<Option<Entry>, String> {
        let path = known.as_ref().map_or(file.to_owned(), |entry| self.root.join(&entry.file));
        let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
        let sha256 = sha256(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        match known {
            Some(entry) if entry.sha256 != sha256 => Err(format!(
                "{} is not the file that was downloaded: its SHA-256 is {sha256}, it was {}; move it away and download again",
                path.display(),
                entry.sha256
            )),
            Some(entry) => Ok(Some(entry)),
            None => Ok(Some(Entry {
                path: asked.to_owned(),
                file: name.to_owned(),
                sha256,
                bytes: metadata.len(),
                ..Entry::default()
            })),
        }
    }

    /// Whether the server still has the file that is on disk.
    fn is_current(&self, remote: Remote, there: &Entry, stream: u64) -> Result<Compared, GivenUp> {
        let path = self.root.join(&there.file);
        let not_compared = |why: &str| Ok(Compared::Same(Some(format!("not compared: {why}"))));
        if remote.has_checksum {
            let sum = with_retries(self.settings, stream, || self.checksum(remote));
            match sum {
                Ok(sum) if sum.sha256 == there.sha256 => {
                    let beside = checksum_path(&path);
                    if !beside.exists() {
                        write_whole(&beside, sum.text.as_bytes())
                            .map_err(|error| GivenUp::Failed(disk(&beside)(error)))?;
                    }
                    return Ok(Compared::Same(None));
                }
                Ok(_) => return Ok(Compared::Changed),
                // As for archives that never have one.
                Err(GivenUp::Missing) => {}
                Err(GivenUp::Failed(reason)) => return not_compared(&reason),
            }
        }
        let head = with_retries(self.settings, stream, || {
            let call = Call { url: remote.url, how: How::Head, with_key: remote.with_key };
            let answer = self.client.send(&call)?;
            Ok((answer.validator(), answer.length().filter(|_| !answer.is_gzipped())))
        });
        match head {
            Ok((Some(now), _)) if there.etag.is_some() => {
                Ok(if there.etag == Some(now) { Compared::Same(None) } else { Compared::Changed })
            }
            Ok((_, Some(bytes))) if bytes == there.bytes => Ok(Compared::Same(None)),
            Ok((_, Some(_))) => Ok(Compared::Changed),
            Ok((_, None)) => not_compared("the server tells neither version nor length"),
            Err(GivenUp::Missing) => not_compared("the server does not have it any more"),
            Err(GivenUp::Failed(reason)) => not_compared(&reason),
        }
    }

    /// Fetches a file into its part, whole and checked.
    fn fetch(&self, remote: Remote, file: &Path, stream: u64) -> Result<Whole, GivenUp> {
        let disk_trouble = |error| GivenUp::Failed(disk(file)(error));
        let mut part = Part::open(file).map_err(disk_trouble)?;
        let mut sum: Option<Checksum> = None;
        let mut etag = None;
        let mut wrong = 0;
        let mut has_checksum = remote.has_checksum;
        let sha256 = with_retries(self.settings, stream, || {
            if has_checksum && sum.is_none() {
                match with_retries(self.settings, stream, || self.checksum(remote)) {
                    Ok(found) => sum = Some(found),
                    // Its absence shows later, on the file itself or as a note.
                    Err(GivenUp::Missing) => has_checksum = false,
                    Err(GivenUp::Failed(reason)) => {
                        return Err(Trouble::Fatal(format!("its checksum file: {reason}")));
                    }
                }
            }
            etag = self.body(remote, &mut part)?;
            let actual = part.sha256().map_err(|e| Trouble::Fatal(disk(part.path())(e)))?;
            match &sum {
                Some(sum) if sum.sha256 != actual => {
                    let reason =
                        format!("its SHA-256 is {actual}, the checksum file says {}", sum.sha256);
                    part.discard();
                    // The file may have been replaced between the two.
                    has_checksum = remote.has_checksum;
                    wrong += 1;
                    if wrong == CHECKSUM_TRIES {
                        return Err(Trouble::Fatal(format!("{reason} (fetched {wrong} times)")));
                    }
                    Err(Trouble::again(reason))
                }
                Some(_) => Ok(actual),
                None => match whole(part.path(), &remote.item.file) {
                    Ok(()) => Ok(actual),
                    Err(reason) => {
                        part.discard();
                        Err(Trouble::again(reason))
                    }
                },
            }
            .inspect_err(|_| sum = None)
        });
        match sha256 {
            Ok(sha256) => Ok(Whole { part, sha256, etag, sum: sum.map(|sum| sum.text) }),
            Err(given_up) => {
                if part.validator().is_none() {
                    part.discard();
                }
                Err(given_up)
            }
        }
    }

    /// One try to get the body, or the rest of it. Gives the version that the server says it is.
    fn body(&self, remote: Remote, part: &mut Part) -> Result<Option<String>, Trouble> {
        let validator = part.validator().map(str::to_owned);
        let how = match &validator {
            Some(validator) => How::Rest { from: part.bytes, validator },
            None => How::Get,
        };
        let answer = self
            .client
            .send(&Call { url: remote.url, how, with_key: remote.with_key })
            .map_err(|trouble| about_key(trouble, remote))?;
        let is_rest = answer.status == StatusCode::PARTIAL_CONTENT;
        let promised = if is_rest {
            match rest(&answer, part.bytes) {
                Some(total) if validator.is_some() => Some(total),
                _ => {
                    self.begin_again(part);
                    return Err(Trouble::again("another part of the file came than was asked for"));
                }
            }
        } else if answer.status == StatusCode::OK {
            answer.length()
        } else {
            self.begin_again(part);
            return Err(Trouble::again("the file is not the one any more that a part is there of"));
        };
        let bytes_max = self.bytes_max(remote.item);
        if promised.is_some_and(|promised| promised > bytes_max) {
            return Err(Trouble::fatal(format!(
                "is {} bytes long, more than {bytes_max}",
                promised.unwrap_or_default()
            )));
        }
        // Some servers pack what is packed, and say so; the archive's own packing stays.
        let is_encoded = answer.is_gzipped() && !has_ending(&remote.item.file, "gz");
        let etag = answer.validator();
        let promised = promised.filter(|_| !is_encoded);
        let opened = if is_rest {
            part.go_on()
        } else {
            self.progress.advance(-i64::try_from(part.bytes).unwrap_or(0));
            part.begin(etag.clone().filter(|_| !is_encoded))
        };
        let mut out = opened.map_err(|error| Trouble::Fatal(disk(part.path())(error)))?;
        let before = part.bytes;
        let copied = if is_encoded {
            self.copy(&mut MultiGzDecoder::new(answer.reader()), &mut out, part, bytes_max)
        } else {
            self.copy(&mut answer.reader(), &mut out, part, bytes_max)
        };
        drop(out);
        let short = match copied {
            Ok(()) if promised.is_none_or(|promised| promised == part.bytes) => return Ok(etag),
            Ok(()) => Trouble::again(format!(
                "{} of {} bytes came",
                part.bytes,
                promised.unwrap_or_default()
            )),
            Err(trouble) => trouble,
        };
        // A trickle does not count.
        let enough = promised.map_or(ENOUGH_BYTES, |promised| (promised / 50).min(ENOUGH_BYTES));
        let came = part.bytes > before + enough && part.validator().is_some();
        if part.validator().is_none() || promised.is_some_and(|promised| part.bytes > promised) {
            self.begin_again(part);
        }
        Err(match short {
            Trouble::Again { reason, after, .. } => Trouble::Again { reason, after, came },
            other => {
                self.begin_again(part);
                other
            }
        })
    }

    /// How long a file may be: as the listing says, and some more where it has grown since.
    fn bytes_max(&self, item: &Item) -> u64 {
        let most = self.settings.file_bytes_max;
        item.bytes.map_or(most, |listed| most.min(listed.saturating_mul(2).max(GROWN_BYTES)))
    }

    fn copy(
        &self,
        from: &mut impl Read,
        to: &mut File,
        part: &mut Part,
        bytes_max: u64,
    ) -> Result<(), Trouble> {
        let mut piece = vec![0; PIECE];
        loop {
            let n = match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(cut(&error)),
            };
            to.write_all(&piece[..n]).map_err(|error| Trouble::Fatal(disk(part.path())(error)))?;
            part.bytes += n as u64;
            self.progress.advance(n as i64);
            if part.bytes > bytes_max {
                return Err(Trouble::fatal(format!("goes on after {bytes_max} bytes")));
            }
        }
    }

    fn begin_again(&self, part: &mut Part) {
        self.progress.advance(-i64::try_from(part.bytes).unwrap_or(0));
        part.discard();
    }

    fn checksum(&self, remote: Remote) -> Result<Checksum, Trouble> {
        let url = format!("{}.CHECKSUM", remote.url);
        let answer = self.client.send(&Call { url: &url, how: How::Get, with_key: false })?;
        let bytes = answer.bytes(CHECKSUM_BYTES_MAX)?;
        let name = remote.path.rsplit('/').next().unwrap_or_default();
        Checksum::parse(&bytes, name).map_err(Trouble::Fatal)
    }

    /// Names a whole file, its checksum file first, and notes it. No other file is overwritten.
    fn keep(&self, remote: Remote, file: &Path, whole: Whole, status: Status) -> Done {
        let beside = beside(file, &whole.sha256);
        let is_taken = sha256(file).is_ok_and(|there| there != whole.sha256);
        let file = if is_taken { beside.as_path() } else { file };
        let bytes = whole.part.bytes;
        let relative = file.strip_prefix(self.root).unwrap_or(file).to_string_lossy().into_owned();
        let entry = Entry {
            path: remote.path.to_owned(),
            file: relative.replace('\\', "/"),
            sha256: whole.sha256,
            bytes,
            etag: whole.etag,
            ..Entry::default()
        };
        let note = (remote.has_checksum && whole.sum.is_none())
            .then(|| "the server has no checksum file for it".to_owned());
        let kept = whole
            .sum
            .map_or(Ok(()), |text| write_whole(&checksum_path(file), text.as_bytes()))
            .and_then(|()| whole.part.finish(file))
            .map_err(disk(file));
        match kept.and_then(|()| self.journal.note(entry.clone())) {
            Ok(()) => Done { note, ..Done::new(status, bytes, vec![entry.file]) },
            Err(reason) => Done::failed(reason),
        }
    }

    /// What the listing does not hold: the file that an earlier run fetched, if it is as it was,
    /// else a hole.
    pub(super) fn absent(&self, item: &Item) -> Done {
        let file = self.root.join(&item.file);
        let known = self.journal.latest(&item.file).filter(|entry| !entry.missing);
        let Some(entry) = known else { return self.gave_up(&item.file, GivenUp::Missing) };
        match self.on_disk(&item.file, &item.file, &file, Some(entry)) {
            Ok(Some(there)) => {
                let note = "not compared: the server does not list it any more".to_owned();
                let done = Done::new(Status::There, there.bytes, vec![there.file]);
                Done { note: Some(note), ..done }
            }
            Ok(None) => self.gave_up(&item.file, GivenUp::Missing),
            Err(reason) => Done::failed(reason),
        }
    }

    /// A hole is noted, so that the journal tells what was asked for.
    pub(super) fn gave_up(&self, path: &str, given_up: GivenUp) -> Done {
        match given_up {
            GivenUp::Failed(reason) => Done::failed(reason),
            GivenUp::Missing => {
                // A file that the server had once is still known.
                let had = self.journal.latest(path).is_some_and(|entry| !entry.missing);
                let entry = Entry { path: path.to_owned(), missing: true, ..Entry::default() };
                match if had { Ok(()) } else { self.journal.note(entry) } {
                    Ok(()) => Done::new(Status::Hole, 0, Vec::new()),
                    Err(reason) => Done::failed(reason),
                }
            }
        }
    }
}

enum Compared {
    /// With a remark, where it could not be compared.
    Same(Option<String>),
    Changed,
}

/// A part that has all its bytes, and the right ones.
struct Whole {
    part: Part,
    sha256: String,
    etag: Option<String>,
    /// The text of the checksum file.
    sum: Option<String>,
}

/// The line of a `.CHECKSUM` file.
struct Checksum {
    sha256: String,
    text: String,
}

impl Checksum {
    /// As `sha256sum` writes it: 64 digits, two spaces, the name of the file.
    fn parse(bytes: &[u8], name: &str) -> Result<Self, String> {
        let bad =
            || "the checksum file is not one line of 64 digits and the file's name".to_owned();
        let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
        let mut words = text.split_whitespace();
        let sha256 = words.next().unwrap_or_default().to_ascii_lowercase();
        let named = words.next().map(|word| word.trim_start_matches('*'));
        let is_sum = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_sum || words.next().is_some() {
            return Err(bad());
        }
        if named.is_some_and(|named| named != name) {
            let named = super::http::plain_text(named.unwrap_or_default());
            return Err(format!("the checksum file is of another file: `{named}`"));
        }
        Ok(Self { sha256, text: text.to_owned() })
    }
}

/// The total length that an answer with the rest from a byte on tells.
fn rest(answer: &Answer, from: u64) -> Option<u64> {
    let text = answer.header(header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end, total): (u64, u64, u64) =
        (start.parse().ok()?, end.parse().ok()?, total.parse().ok()?);
    (start == from && end.checked_add(1) == Some(total)).then_some(total)
}

/// Whether a file that nothing else vouches for ends as its kind must.
fn whole(path: &Path, name: &str) -> Result<(), String> {
    let bad = |error: &dyn std::fmt::Display| format!("damaged or cut off: {error}");
    let file = File::open(path).map_err(disk(path))?;
    if has_ending(name, "gz") {
        let mut reader = MultiGzDecoder::new(std::io::BufReader::new(file));
        std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| bad(&error))?;
    } else if has_ending(name, "zip") {
        // Read to their ends, members are held against their check sums.
        let mut archive =
            zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(|error| bad(&error))?;
        for index in 0..archive.len() {
            let mut member = archive.by_index(index).map_err(|error| bad(&error))?;
            std::io::copy(&mut member, &mut std::io::sink()).map_err(|error| bad(&error))?;
        }
    }
    Ok(())
}

/// `BTCUSDT-1m-2024-12.9f86d081884c.zip`: the start of the hash before the endings.
pub(super) fn beside(file: &Path, sha256: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (stem, endings) = name.split_once('.').unwrap_or((&name, ""));
    file.with_file_name(format!("{stem}.{}.{endings}", &sha256[..12]))
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

fn checksum_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".CHECKSUM");
    PathBuf::from(path)
}

/// Where a disk was full, or a folder not to be written.
pub(super) fn disk(path: &Path) -> impl FnOnce(std::io::Error) -> String + use<> {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

/// A refusal in words that tell whether a key would help.
fn about_key(trouble: Trouble, remote: Remote) -> Trouble {
    match trouble {
        Trouble::Refused { status } if remote.with_key => {
            Trouble::Fatal(format!("status {status}: the key in TARDIS_API_KEY does not open it"))
        }
        Trouble::Refused { status } if remote.path.starts_with("v1/") => {
            Trouble::Fatal(format!("status {status}: it needs a key in TARDIS_API_KEY"))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_lines_are_read_strictly() {
        let sum = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08";
        for good in [format!("{sum}  a.zip\n"), format!("{sum} *a.zip"), sum.to_owned()] {
            let parsed = Checksum::parse(good.as_bytes(), "a.zip");
            assert_eq!(parsed.map(|c| c.sha256), Ok(sum.to_lowercase()));
        }
        for bad in [
            String::new(),
            "<html>".to_owned(),
            format!("{}  a.zip", &sum[1..]),
            format!("{sum}  b.zip"),
            format!("{sum}  a.zip\n{sum}  b.zip\n"),
        ] {
            assert!(Checksum::parse(bad.as_bytes(), "a.zip").is_err(), "{bad}");
        }
        assert!(Checksum::parse(b"\xff\xff", "a.zip").is_err());
    }

    #[test]
    fn a_changed_file_has_its_hash_before_the_endings() {
        let sum = "9f86d081884c7d659a2f";
        for (name, expected) in [
            ("x/BTCUSDT-1m-2024-12.zip", "x/BTCUSDT-1m-2024-12.9f86d081884c.zip"),
            ("BTCUSDT2024-12-05.csv.gz", "BTCUSDT2024-12-05.9f86d081884c.csv.gz"),
        ] {
            assert_eq!(beside(Path::new(name), sum), Path::new(expected));
        }
    }
}
