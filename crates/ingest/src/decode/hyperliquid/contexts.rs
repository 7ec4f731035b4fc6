//! `asset_ctxs/YYYYMMDD.csv.lz4`: the state of every market once a minute, since 2023-05-20.
//!
//! - `mark_px`, `oracle_px` and `premium` are snapshots at full minutes. Two that are exactly a
//!   minute apart make a bar, from the first to the second; the last minute of a file has no
//!   second snapshot and no bar. Rows between minutes (about one in two hundred thousand) make
//!   none.
//! - `open_interest` is in coins and known at the stamp; its value is at the mark price.
//! - `funding` is the running estimate of the hour, no settlement, and is not taken:
//!   `fundingHistory` has those.
//! - `premium` may be empty or `null`.

use std::collections::BTreeMap;

use plimsoll_market::{Kind, Timestamp};

use super::super::sampled::{MINUTE_MS, Snapshots};
use super::super::several::Several;
use super::super::{Clues, Parts, open_interest};
use super::{is_perpetual, note_other_markets, series};
use crate::archive::Archive;
use crate::csv::{Rows, Values, Want};
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::raw::{self, Raw};

pub(super) const NAME: &str = "hyperliquid-asset-contexts/1";

const COLUMNS: [&str; 6] = ["time", "coin", "open_interest", "premium", "oracle_px", "mark_px"];

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    clues.has_columns(&COLUMNS).then(|| {
        let mut evidence = vec!["columns coin, oracle_px, mark_px of asset_ctxs".to_owned()];
        evidence.extend(clues.is_in("asset_ctxs").then(|| "in a folder asset_ctxs".to_owned()));
        evidence
    })
}

/// One coin's rows.
#[derive(Default)]
struct Coin {
    last_time: Option<i64>,
    mark: Snapshots,
    index: Snapshots,
    premium: Snapshots,
    times: Vec<i64>,
    open_interest: Vec<f64>,
    value: Vec<f64>,
    rows: Vec<usize>,
    off_minute: usize,
    first_off_minute: Option<i64>,
}

impl Coin {
    fn push(&mut self, time: i64, numbers: [f64; 4], row: usize) -> Result<(), Problem> {
        let [open_interest, premium, oracle, mark] = numbers;
        if let Some(last) = self.last_time.filter(|&last| time <= last) {
            // Days are written in order; anything else is not this archive.
            let what = format!("a row of {} behind one of {}", Timestamp(time), Timestamp(last));
            return Err(Problem::Unsupported { what });
        }
        self.last_time = Some(time);
        // A market that is closed is still listed, without a mark price.
        let is_open = mark > 0.0;
        let if_open = |value: f64| if is_open { value } else { f64::NAN };
        if time % MINUTE_MS == 0 {
            self.mark.push(time, if_open(mark), row);
            self.index.push(time, if_open(oracle), row);
            self.premium.push(time, if_open(premium), row);
        } else {
            self.off_minute += 1;
            self.first_off_minute.get_or_insert(time);
        }
        if is_open && open_interest.is_finite() {
            self.times.push(time);
            self.open_interest.push(open_interest);
            self.value.push(open_interest * mark);
            self.rows.push(row);
        }
        Ok(())
    }

    fn hand_over(self, coin: &str, several: &mut Several, options: &Options) {
        let mut assumptions = Vec::new();
        if let (1.., Some(first)) = (self.off_minute, self.first_off_minute) {
            assumptions.push(format!(
                "{} rows between two minutes are in no bar (first at {})",
                self.off_minute,
                Timestamp(first)
            ));
        }
        for (kind, snapshots) in [
            (Kind::MarkCandles, self.mark),
            (Kind::IndexCandles, self.index),
            (Kind::PremiumIndexCandles, self.premium),
        ] {
            let mut series = series(kind, coin, options);
            series.interval = Some(plimsoll_market::Interval::MINUTE);
            let bars = snapshots.finish();
            if bars.is_empty() || !several.wants(&series) {
                continue;
            }
            let rows = bars.file_rows.clone();
            several.push(series, bars.build(kind, &options.policies), &rows, &assumptions);
            assumptions.clear();
        }
        // The archive goes on listing markets that are closed.
        if self.open_interest.iter().all(|&coins| coins <= 0.0) {
            return;
        }
        let raw = Raw::from_columns(
            self.times.len(),
            vec![
                ("time", Values::Times(self.times)),
                ("open_interest", Values::Numbers(self.open_interest)),
                ("open_interest_value", Values::Numbers(self.value)),
            ],
        );
        let series = series(Kind::OpenInterest, coin, options);
        let built = open_interest::build(raw, &options.policies);
        several.push(series, built, &self.rows, &assumptions);
    }
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    if archive.head().is_none() {
        let reason = "asset_ctxs are CSV text".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    }
    let names = raw::names(archive)?;
    let position = |column: &'static str| {
        let found = names.iter().position(|name| name == column);
        found.ok_or_else(|| Problem::MissingColumn { column, have: names.join(", ") })
    };
    let (time, coin) = (position("time")?, position("coin")?);
    let numbers = [
        position("open_interest")?,
        position("premium")?,
        position("oracle_px")?,
        position("mark_px")?,
    ];
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    columns[time].1 = Want::Time;
    columns[coin].1 = Want::Word;
    for number in numbers {
        columns[number].1 = Want::NumberOrEmpty;
    }
    let mut coins: BTreeMap<String, Coin> = BTreeMap::new();
    archive.read_blocks(true, &columns, |before, rows| {
        let Rows { columns, .. } = rows;
        let (Values::Times(times), Values::Words(words)) = (&columns[time], &columns[coin]) else {
            return Ok(());
        };
        for (row, (&time, word)) in times.iter().zip(words).enumerate() {
            let of = |column: usize| match &columns[column] {
                Values::Numbers(numbers) => numbers[row],
                _ => f64::NAN,
            };
            let at = |problem| RowProblem::at(before + row, problem);
            if !coins.contains_key(word) {
                coins.insert(word.clone(), Coin::default());
            }
            if let Some(coin) = coins.get_mut(word) {
                coin.push(time, numbers.map(of), before + row).map_err(at)?;
            }
        }
        Ok(())
    })?;
    let mut several = Several::new(archive, options, NAME);
    several.assume(
        "the column funding is the running estimate of the hour and not taken; a day's last minute has no bar",
    );
    let n_other = coins.keys().filter(|coin| !is_perpetual(coin)).count();
    note_other_markets(&mut several, n_other);
    for (word, coin) in coins {
        if is_perpetual(&word) {
            coin.hand_over(&word, &mut several, options);
        }
    }
    several.finish()
}
