//! `candleSnapshot`: objects `{t, T, s, i, o, c, h, l, v, n}`, prices and volume as text.
//!
//! `T` is when the bar is due to close, also of the bar that is still forming, so that nothing in
//! the answer tells whether the last bar was over: it yields to a longer answer that differs.
//! Volume is in coins. The API gives the latest 5,000 bars and no others, whatever the start.

use std::collections::BTreeMap;

use plimsoll_market::{Interval, Kind};

use super::super::identity::interval_word;
use super::super::several::Several;
use super::super::{Clues, Parts, bars};
use super::{
    each_value, holds_objects, is_perpetual, note_other_markets, number, series, time, word,
};
use crate::archive::Archive;
use crate::csv::Values;
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::raw::Raw;

pub(super) const NAME: &str = "hyperliquid-candles/1";

const KEYS: [&str; 10] = ["t", "T", "s", "i", "o", "c", "h", "l", "v", "n"];

/// The most bars of an answer.
const BARS_MAX: usize = 5000;

#[derive(Default)]
struct Gathered {
    times: Vec<i64>,
    close_times: Vec<i64>,
    /// Open, high, low, close, volume, trades.
    numbers: [Vec<f64>; 6],
    file_rows: Vec<usize>,
}

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    // Binance's stream of bars has the same keys and more: `x`, `q`, `V`.
    holds_objects(clues, &KEYS, &["x", "q", "V"])
        .then(|| vec![format!("objects of {}, as candleSnapshot returns", KEYS.join(", "))])
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let mut coins: BTreeMap<(String, String), Gathered> = BTreeMap::new();
    each_value(archive, |row, value| {
        let key = (word(value, "s")?.to_owned(), word(value, "i")?.to_owned());
        let gathered = coins.entry(key).or_default();
        gathered.times.push(time(value, "t")?);
        gathered.close_times.push(time(value, "T")?);
        for (column, name) in gathered.numbers.iter_mut().zip(["o", "h", "l", "c", "v", "n"]) {
            column.push(number(value, name)?);
        }
        gathered.file_rows.push(row);
        Ok(())
    })?;
    let mut several = Several::new(archive, options, NAME);
    let n_other = coins.keys().filter(|(coin, _)| !is_perpetual(coin)).count();
    note_other_markets(&mut several, n_other);
    for ((coin, interval), gathered) in coins {
        if !is_perpetual(&coin) {
            continue;
        }
        let mut series = series(Kind::Candles, &coin, options);
        let Some(interval) = interval_word(&interval) else {
            let what = format!("bars of `{interval}`");
            let problem = Problem::Unsupported { what };
            several.push(series, Err(problem.into()), &gathered.file_rows, &[]);
            continue;
        };
        series.interval = Some(interval);
        let cut = (gathered.times.len() == BARS_MAX).then(|| {
            format!("{BARS_MAX} bars, the most that an answer has: older ones are not in it")
        });
        let assumptions: Vec<String> = cut.into_iter().collect();
        let file_rows = gathered.file_rows.clone();
        several.push(series, gathered.build(interval, options), &file_rows, &assumptions);
    }
    several.finish()
}

impl Gathered {
    fn build(
        self,
        interval: Interval,
        options: &Options,
    ) -> Result<super::super::Checked, RowProblem> {
        let [open, high, low, close, volume, trades] = self.numbers;
        let columns = vec![
            ("time", Values::Times(self.times)),
            ("close_time", Values::Times(self.close_times)),
            ("open", Values::Numbers(open)),
            ("high", Values::Numbers(high)),
            ("low", Values::Numbers(low)),
            ("close", Values::Numbers(close)),
            ("volume", Values::Numbers(volume)),
            ("trades", Values::Numbers(trades)),
        ];
        let raw = Raw::from_columns(self.file_rows.len(), columns);
        Ok(bars::build(raw, Kind::Candles, Some(interval), &options.policies)?.checked)
    }
}
