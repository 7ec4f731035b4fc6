//! `fundingHistory`: objects `{coin, fundingRate, premium, time}`, at most 500 an answer.
//!
//! Funding settles every hour, on the hour. Stamps are some milliseconds late, sometimes minutes
//! (2025-07-19T10:14:47.645Z for 10:00), and belong to the hour that has begun.

use std::collections::BTreeMap;

use plimsoll_market::Kind;

use super::super::several::Several;
use super::super::{Clues, Parts, funding};
use super::{
    each_value, holds_objects, is_perpetual, note_other_markets, number, series, time, word,
};
use crate::archive::Archive;
use crate::csv::Values;
use crate::error::RowProblem;
use crate::options::Options;
use crate::raw::Raw;

pub(super) const NAME: &str = "hyperliquid-funding/1";

/// The most settlements of an answer.
const ROWS_MAX: usize = 500;

#[derive(Default)]
struct Coin {
    times: Vec<i64>,
    rates: Vec<f64>,
    file_rows: Vec<usize>,
}

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    // What an account paid has the same keys and its size and payment.
    holds_objects(clues, &["coin", "fundingRate", "premium", "time"], &["usdc", "szi"]).then(|| {
        vec!["objects of coin, fundingRate, premium, time, as fundingHistory returns".to_owned()]
    })
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let mut coins: BTreeMap<String, Coin> = BTreeMap::new();
    each_value(archive, |row, value| {
        let coin = coins.entry(word(value, "coin")?.to_owned()).or_default();
        coin.times.push(time(value, "time")?);
        coin.rates.push(number(value, "fundingRate")?);
        coin.file_rows.push(row);
        Ok(())
    })?;
    let mut several = Several::new(archive, options, NAME);
    let n_other = coins.keys().filter(|coin| !is_perpetual(coin)).count();
    note_other_markets(&mut several, n_other);
    for (coin, Coin { times, rates, file_rows }) in coins {
        if !is_perpetual(&coin) {
            continue;
        }
        let series = series(Kind::Funding, &coin, options);
        let n = times.len();
        let cut = (n == ROWS_MAX).then(|| {
            format!("{ROWS_MAX} settlements, the most that an answer has: there may be more")
        });
        let columns = vec![
            ("time", Values::Times(times)),
            ("rate", Values::Numbers(rates)),
            ("interval_minutes", Values::Numbers(vec![60.0; n])),
        ];
        let raw = Raw::from_columns(n, columns);
        let built = funding::build(raw, &series.venue, &options.policies);
        let assumptions: Vec<String> = cut.into_iter().collect();
        several.push(series, built, &file_rows, &assumptions);
    }
    several.finish()
}
