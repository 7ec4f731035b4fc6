//! Answers of an interface, asked for window by window and kept as they came, a line each.

use serde_json::Value;

use super::fetch::disk;
use super::http::{Call, How, plain_text};
use super::journal::Entry;
use super::part::{sha256, write_whole};
use super::plan::{Item, Question};
use super::retry::{GivenUp, Trouble, with_retries};
use super::run::{Done, Job, Status};
use crate::archive::hex;
use plimsoll_market::Timestamp;
use sha2::{Digest, Sha256};

/// No page of any venue is longer.
const PAGE_BYTES_MAX: u64 = 16 << 20;

/// Whose answers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    BinanceFunding,
    BybitKline,
    BybitFunding,
    BybitOpenInterest,
    OkxCandles,
    OkxFunding,
    HyperliquidCandles,
    HyperliquidFunding,
}

impl Dialect {
    /// The times of the rows of an answer, in milliseconds.
    fn times(self, answer: &Value) -> Result<Vec<i64>, Trouble> {
        let rows = match self {
            Self::BinanceFunding | Self::HyperliquidCandles | Self::HyperliquidFunding => answer,
            Self::BybitKline | Self::BybitFunding | Self::BybitOpenInterest => {
                refuse_unless_zero(answer, "retCode", "retMsg", &[10_006, 10_000, 10_016])?;
                &answer["result"]["list"]
            }
            Self::OkxCandles | Self::OkxFunding => {
                refuse_unless_zero(answer, "code", "msg", &[50_011, 50_013, 50_001])?;
                &answer["data"]
            }
        };
        let Some(rows) = rows.as_array() else {
            let text = plain_text(&answer.to_string());
            return Err(Trouble::fatal(format!("is no answer of the venue: {text}")));
        };
        let time = |row: &Value| {
            let field = match self {
                Self::BinanceFunding | Self::OkxFunding => &row["fundingTime"],
                Self::BybitFunding => &row["fundingRateTimestamp"],
                Self::BybitOpenInterest => &row["timestamp"],
                Self::BybitKline | Self::OkxCandles => &row[0],
                Self::HyperliquidCandles => &row["t"],
                Self::HyperliquidFunding => &row["time"],
            };
            let number = field.as_i64().or_else(|| field.as_str()?.parse().ok());
            let row = || plain_text(&row.to_string());
            number.ok_or_else(|| Trouble::fatal(format!("has a row without a time: {}", row())))
        };
        rows.iter().map(time).collect()
    }
}

/// The code that a venue puts into an answer of status 200.
fn refuse_unless_zero(
    answer: &Value,
    code: &str,
    message: &str,
    busy: &[i64],
) -> Result<(), Trouble> {
    let field = &answer[code];
    let number = field.as_i64().or_else(|| field.as_str()?.parse().ok());
    let words = plain_text(answer[message].as_str().unwrap_or_default());
    match number {
        Some(0) => Ok(()),
        Some(number) if busy.contains(&number) => {
            Err(Trouble::again(format!("the venue answers {number}: {words}")))
        }
        Some(number) => Err(Trouble::fatal(format!("the venue answers {number}: {words}"))),
        None => {
            let text = plain_text(&answer.to_string());
            Err(Trouble::fatal(format!("is no answer of the venue: {text}")))
        }
    }
}

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
        let file = self.root.join(&item.file);
        let known = self.journal.latest(&item.file).filter(|entry| !entry.missing);
        if let Some(entry) = known.filter(|entry| !entry.unfinished) {
            match sha256(&file) {
                Ok(now) if now == entry.sha256 => {
                    return Done::new(Status::There, entry.bytes, vec![entry.file]);
                }
                Ok(now) => {
                    return Done::failed(format!(
                        "{} is not the file that was downloaded: its SHA-256 is {now}, it was {}; move it away and download again",
                        file.display(),
                        entry.sha256
                    ));
                }
                Err(_) => {}
            }
        }
        let answers = match self.ask_all(item, dialect, questions, stream) {
            Ok(answers) => answers,
            Err(given_up) => return self.gave_up(&item.file, given_up),
        };
        let (Some(first), Some(last)) = (answers.first, answers.last) else {
            return self.gave_up(&item.file, GivenUp::Missing);
        };
        let ends_early = last < item.to.0 - step_ms;
        let note = match (first > item.from.0 + step_ms, ends_early) {
            (false, false) => None,
            (true, false) => Some(format!("has rows from {} only", Timestamp(first))),
            (false, true) => Some(format!("has rows to {} only", Timestamp(last))),
            (true, true) => {
                Some(format!("has rows from {} to {} only", Timestamp(first), Timestamp(last)))
            }
        };
        let entry = Entry {
            path: item.file.clone(),
            file: item.file.clone(),
            sha256: hex(&Sha256::digest(&answers.text)),
            bytes: answers.text.len() as u64,
            unfinished: ends_early,
            ..Entry::default()
        };
        let kept = write_whole(&file, &answers.text).map_err(disk(&file));
        match kept.and_then(|()| self.journal.note(entry.clone())) {
            Ok(()) => Done { note, ..Done::new(Status::Fetched, entry.bytes, vec![entry.file]) },
            Err(reason) => Done::failed(reason),
        }
    }

    fn ask_all(
        &self,
        item: &Item,
        dialect: Dialect,
        questions: &[Question],
        stream: u64,
    ) -> Result<Answers, GivenUp> {
        let mut answers = Answers::default();
        for question in questions {
            let url = format!("{}/{}", self.hosts.api, question.path);
            let how = question.body.as_deref().map_or(How::Get, How::Post);
            let page = with_retries(self.settings, stream, || {
                self.take_turn();
                let answer = self.client.send(&Call { url: &url, how, with_key: false })?;
                let page = answer.bytes(PAGE_BYTES_MAX)?;
                let value: Value = serde_json::from_slice(&page)
                    .map_err(|error| Trouble::again(format!("is no whole JSON: {error}")))?;
                Ok((dialect.times(&value)?, page))
            });
            let (times, mut page) = page?;
            if times.is_empty() {
                continue;
            }
            self.progress.advance(page.len() as i64);
            for time in times.into_iter().filter(|&time| time >= item.from.0 && time < item.to.0) {
                answers.first = Some(answers.first.map_or(time, |first| first.min(time)));
                answers.last = Some(answers.last.map_or(time, |last| last.max(time)));
            }
            // JSON has no line ends but between its parts.
            page.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|b| *b = b' ');
            answers.text.extend_from_slice(page.trim_ascii());
            answers.text.push(b'\n');
        }
        Ok(answers)
    }
}

#[derive(Default)]
struct Answers {
    text: Vec<u8>,
    /// Time of the earliest row of the period.
    first: Option<i64>,
    /// Time of the latest one.
    last: Option<i64>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_found_in_the_answers_of_every_venue() {
        for (dialect, text, expected) in [
            (
                Dialect::BinanceFunding,
                r#"[{"symbol":"BTCUSDT","fundingTime":1733011200000,"fundingRate":"0.0001","markPrice":"96441.1"}]"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::BybitKline,
                r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[["1733011260000","1","2","1","2","3","4"],["1733011200000","1","2","1","2","3","4"]]},"retExtInfo":{},"time":1}"#,
                vec![1_733_011_260_000, 1_733_011_200_000],
            ),
            (
                Dialect::BybitFunding,
                r#"{"retCode":0,"result":{"category":"linear","list":[{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingRateTimestamp":"1733011200000"}]}}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::BybitOpenInterest,
                r#"{"retCode":0,"result":{"symbol":"BTCUSDT","list":[{"openInterest":"5.5","timestamp":"1733011200000"}]}}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::OkxCandles,
                r#"{"code":"0","msg":"","data":[["1733011200000","1","2","1","2","3","4","5","1"]]}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::OkxFunding,
                r#"{"code":"0","data":[{"instId":"BTC-USDT-SWAP","fundingRate":"0.0001","realizedRate":"0.0001","fundingTime":"1733011200000"}]}"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::HyperliquidCandles,
                r#"[{"t":1733011200000,"T":1733011259999,"s":"BTC","i":"1m","o":"1","c":"2","h":"2","l":"1","v":"3","n":4}]"#,
                vec![1_733_011_200_000],
            ),
            (
                Dialect::HyperliquidFunding,
                r#"[{"coin":"BTC","fundingRate":"0.0000125","premium":"0.0001","time":1733011200064}]"#,
                vec![1_733_011_200_064],
            ),
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(dialect.times(&value), Ok(expected), "{dialect:?}");
        }
    }

    #[test]
    fn refusals_inside_an_answer_are_told_from_being_busy() {
        let again = |dialect: Dialect, text: &str| {
            let value = serde_json::from_str(text).unwrap();
            matches!(dialect.times(&value), Err(Trouble::Again { .. }))
        };
        assert!(again(Dialect::BybitKline, r#"{"retCode":10006,"retMsg":"Too many visits!"}"#));
        assert!(again(
            Dialect::OkxCandles,
            r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#
        ));
        for (dialect, text) in [
            (Dialect::BybitKline, r#"{"retCode":10001,"retMsg":"params error: Symbol Invalid"}"#),
            (
                Dialect::OkxCandles,
                r#"{"code":"51001","msg":"Instrument ID does not exist","data":[]}"#,
            ),
            (Dialect::BinanceFunding, r#"{"code":-1121,"msg":"Invalid symbol."}"#),
            (Dialect::HyperliquidCandles, "null"),
            (Dialect::HyperliquidCandles, r#"[{"T":5}]"#),
            (Dialect::BybitFunding, r#"{"result":{"list":[]}}"#),
            (Dialect::BybitFunding, r#"{"retCode":0,"result":{}}"#),
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert!(matches!(dialect.times(&value), Err(Trouble::Fatal(_))), "{text}");
        }
    }
}
