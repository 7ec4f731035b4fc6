//! Answers of an interface, asked for window by window and kept a line each.
//!
//! They are kept as they came, but for bars that are not over yet. A file is finished when its
//! period is over and it lacks nothing; until then it is asked for again. What was told once is
//! only written over by the same rows and more.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use plimsoll_market::Timestamp;
use serde_json::Value;

use super::dialect::Dialect;
use super::fetch::{beside, disk};
use super::http::{Call, How};
use super::journal::Entry;
use super::part::Part;
use super::plan::{Item, Question};
use super::retry::{GivenUp, Trouble, with_retries};
use super::run::{Done, Job, Status};

/// No page of any venue is longer.
const PAGE_BYTES_MAX: u64 = 4 << 20;
/// All pages of a month of minutes take some 6 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// So much later than its time a row may be published.
const LATE_MS: i64 = 3_600_000;

impl Job<'_> {
    /// Asks all questions of a file and keeps the answers.
    pub(super) fn pages(
        &self,
        item: &Item,
        dialect: Dialect,
        step_ms: i64,
        questions: &[Question],
        stream: u64,
    ) -> Done {
        let target = self.root.join(&item.file);
        let known = self.journal.latest(&item.file).filter(|entry| !entry.missing);
        let on_disk = |known| self.on_disk(&item.file, &item.file, &target, known);
        let (there, is_ours) = match known {
            None => (on_disk(None), false),
            Some(entry) => match on_disk(Some(entry)) {
                Ok(None) => (on_disk(None), false),
                other => (other, true),
            },
        };
        let there = match there {
            Ok(there) => there,
            Err(reason) => return Done::failed(reason),
        };
        if let Some(entry) = there.as_ref().filter(|entry| is_ours && !entry.unfinished) {
            return Done::new(Status::There, entry.bytes, vec![entry.file.clone()]);
        }
        let mut part = match Part::open(&target) {
            Ok(part) => part,
            Err(error) => return Done::failed(disk(&target)(error)),
        };
        let asked = Asked { item, dialect, step_ms, questions };
        let rows = match self.ask_all(&asked, &mut part, stream) {
            Ok(rows) if !rows.0.is_empty() => rows,
            other => {
                part.discard();
                let given_up = other.err().unwrap_or(GivenUp::Missing);
                return self.kept_or(item, there, given_up);
            }
        };
        // Of a period that is not over later rows may follow.
        let is_over = self.settings.now.is_none_or(|now| now.0 >= item.to.0 + LATE_MS);
        let Some(there) = there else {
            return self.keep_pages(&asked, part, &rows, &target, Status::Fetched, is_over);
        };
        let old_file = self.root.join(&there.file);
        let old = asked.rows_of(&old_file);
        if let Some(old) = old.as_ref().filter(|old| rows.0.is_subset(&old.0)) {
            part.discard();
            let lack = old.lack(&asked);
            let note = if rows.0.len() < old.0.len() {
                Some(format!(
                    "the interface gives {} of its {} rows only; the file stays as it is",
                    rows.0.len(),
                    old.0.len()
                ))
            } else {
                lack.clone()
            };
            let entry = Entry { unfinished: lack.is_some() || !is_over, ..there };
            return match self.journal.note(entry.clone()) {
                Ok(()) => Done { note, ..Done::new(Status::There, entry.bytes, vec![entry.file]) },
                Err(reason) => Done::failed(reason),
            };
        }
        if is_ours && old.as_ref().is_some_and(|old| old.0.is_subset(&rows.0)) {
            return self.keep_pages(&asked, part, &rows, &old_file, Status::Fetched, is_over);
        }
        let file = match part.sha256() {
            Ok(sha256) => beside(&target, &sha256),
            Err(error) => return Done::failed(disk(part.path())(error)),
        };
        let mut done = self.keep_pages(&asked, part, &rows, &file, Status::Changed, is_over);
        if done.status == Status::Changed {
            let text = format!("not the rows as before; the old file stays as {}", there.file);
            done.note = Some(done.note.map_or(text.clone(), |note| format!("{note}; {text}")));
            // Rows that the interface lost are not contradicted by those that it has.
            if is_ours && old.is_some_and(|old| !old.is_contradicted_by(&rows)) {
                done.files.push(there.file);
            }
        }
        done
    }

    /// Names a whole file of answers and notes it.
    fn keep_pages(
        &self,
        asked: &Asked,
        part: Part,
        rows: &Rows,
        file: &Path,
        status: Status,
        is_over: bool,
    ) -> Done {
        let note = rows.lack(asked);
        let relative = file.strip_prefix(self.root).unwrap_or(file).to_string_lossy();
        let kept = part
            .sha256()
            .and_then(|sha256| {
                let entry = Entry {
                    path: asked.item.file.clone(),
                    file: relative.replace('\\', "/"),
                    sha256,
                    bytes: part.bytes,
                    unfinished: note.is_some() || !is_over,
                    ..Entry::default()
                };
                part.finish(file).map(|()| entry)
            })
            .map_err(disk(file));
        match kept.and_then(|entry| self.journal.note(entry.clone()).map(|()| entry)) {
            Ok(entry) => Done { note, ..Done::new(status, entry.bytes, vec![entry.file]) },
            Err(reason) => Done::failed(reason),
        }
    }

    /// What an earlier run was told, where the interface tells nothing now.
    fn kept_or(&self, item: &Item, there: Option<Entry>, given_up: GivenUp) -> Done {
        let Some(entry) = there else { return self.gave_up(&item.file, given_up) };
        match given_up {
            GivenUp::Missing => {
                let note = Some("the interface has no rows of it any more".to_owned());
                Done { note, ..Done::new(Status::There, entry.bytes, vec![entry.file]) }
            }
            GivenUp::Failed(reason) => Done { files: vec![entry.file], ..Done::failed(reason) },
        }
    }

    /// Writes all answers to a part; gives their rows.
    fn ask_all(&self, asked: &Asked, part: &mut Part, stream: u64) -> Result<Rows, GivenUp> {
        let mut out = part.begin(None).map_err(|e| GivenUp::Failed(disk(part.path())(e)))?;
        let mut rows = Rows::default();
        for question in asked.questions {
            let Some(page) = self.ask(asked, question, &mut rows, stream)? else { continue };
            part.bytes += page.len() as u64;
            if part.bytes > FILE_BYTES_MAX {
                let reason = format!("the answers are longer than {FILE_BYTES_MAX} bytes together");
                return Err(GivenUp::Failed(reason));
            }
            out.write_all(&page).map_err(|e| GivenUp::Failed(disk(part.path())(e)))?;
            self.progress.advance(page.len() as i64);
        }
        Ok(rows)
    }

    /// The line of one answer, if it has rows.
    fn ask(
        &self,
        asked: &Asked,
        question: &Question,
        rows: &mut Rows,
        stream: u64,
    ) -> Result<Option<Vec<u8>>, GivenUp> {
        let url = format!("{}/{}", self.hosts.api, question.path);
        let how = question.body.as_deref().map_or(How::Get, How::Post);
        let (mut value, mut page) = with_retries(self.settings, stream, || {
            self.take_turn();
            let answer = self.client.send(&Call { url: &url, how, with_key: false })?;
            let page = answer.bytes(PAGE_BYTES_MAX)?;
            let value: Value = serde_json::from_slice(&page)
                .map_err(|error| Trouble::again(format!("is no whole JSON: {error}")))?;
            asked.dialect.rows(&value)?;
            asked.dialect.refuse_other(question, &value)?;
            Ok((value, page))
        })?;
        if let Some(now) = self.settings.now.filter(|_| asked.dialect.is_bars())
            && asked.dialect.take_out_from(&mut value, now.0 - asked.step_ms + 1)
        {
            page = value.to_string().into_bytes();
        }
        if !asked.add_rows(&value, rows) {
            return Ok(None);
        }
        // JSON has no line ends but between its parts.
        page.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|b| *b = b' ');
        let mut line = page.trim_ascii().to_vec();
        line.push(b'\n');
        Ok(Some(line))
    }
}

/// What is asked for in a file.
struct Asked<'a> {
    item: &'a Item,
    dialect: Dialect,
    step_ms: i64,
    questions: &'a [Question],
}

impl Asked<'_> {
    /// Adds the rows of an answer that are of the period; whether it has any rows.
    fn add_rows(&self, answer: &Value, rows: &mut Rows) -> bool {
        let found = self.dialect.rows(answer).unwrap_or_default();
        let period = self.item.from.0..self.item.to.0;
        for (time, row) in found.iter().filter(|(time, _)| period.contains(time)) {
            let mut hasher = DefaultHasher::new();
            row.to_string().hash(&mut hasher);
            rows.0.insert((*time, hasher.finish()));
        }
        !found.is_empty()
    }

    /// The rows of a file of answers; `None` if it is none.
    fn rows_of(&self, file: &Path) -> Option<Rows> {
        if fs::metadata(file).ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let mut rows = Rows::default();
        for line in BufReader::new(File::open(file).ok()?).split(b'\n') {
            let answer: Value = serde_json::from_slice(&line.ok()?).ok()?;
            self.dialect.rows(&answer).ok()?;
            self.add_rows(&answer, &mut rows);
        }
        Some(rows)
    }
}

/// Times and hashes of rows.
#[derive(Default)]
struct Rows(BTreeSet<(i64, u64)>);

impl Rows {
    /// Which rows of the period are not there, in words.
    fn lack(&self, asked: &Asked) -> Option<String> {
        let times: Vec<i64> = self.0.iter().map(|row| row.0).collect();
        let (first, last) = (*times.first()?, *times.last()?);
        let steps: Vec<i64> =
            times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0).collect();
        // Funding is paid as often as the venue likes, and stamps jitter.
        let is_funding = asked.dialect.is_funding();
        let end_step = match steps.last() {
            Some(&step) if is_funding => asked.step_ms.min(step + step / 2),
            _ => asked.step_ms,
        };
        let begins_late = first - asked.item.from.0 >= asked.step_ms;
        let ends_early = last < asked.item.to.0 - end_step;
        let edges = match (begins_late, ends_early) {
            (false, false) => None,
            (true, false) => Some(format!("has rows from {} only", Timestamp(first))),
            (false, true) => Some(format!("has rows to {} only", Timestamp(last))),
            (true, true) => {
                Some(format!("has rows from {} to {} only", Timestamp(first), Timestamp(last)))
            }
        };
        let is_gap = |n: usize, step: i64| {
            let around = n.checked_sub(1).and_then(|n| steps.get(n)).zip(steps.get(n + 1));
            2 * step > 3 * asked.step_ms
                || is_funding && around.is_some_and(|(a, b)| 2 * step > 3 * *a.max(b))
        };
        let gaps: Vec<usize> = (0..steps.len()).filter(|&n| is_gap(n, steps[n])).collect();
        let Some(&gap) = gaps.first() else { return edges };
        let after = Timestamp(first + steps[..gap].iter().sum::<i64>());
        let places =
            if gaps.len() == 1 { "one place".to_owned() } else { format!("{} places", gaps.len()) };
        let inside = format!("lacks rows in {places}, first after {after}");
        Some(edges.map_or(inside.clone(), |edges| format!("{edges}; {inside}")))
    }

    /// Whether there is a time at which others have another row.
    fn is_contradicted_by(&self, others: &Self) -> bool {
        let differs = |&(time, hash): &(i64, u64)| {
            let mut theirs = others.0.range((time, 0)..=(time, u64::MAX)).peekable();
            theirs.peek().is_some() && theirs.all(|other| other.1 != hash)
        };
        self.0.iter().any(differs)
    }
}
