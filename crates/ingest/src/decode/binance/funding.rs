//! Monthly fundingRate files of the archive: `calc_time,funding_interval_hours,last_funding_rate`.
//!
//! Stamps jitter by some milliseconds; the interval stands in every row, and differs by symbol.

use plimsoll_market::{Kind, Timestamp};

use super::name::What;
use super::{File, csv_evidence};
use crate::archive::Archive;
use crate::decode::rows::keep_period;
use crate::decode::{Clues, Format, Parts, funding};
use crate::error::RowProblem;
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(super) const FORMAT: Format =
    Format { name: "binance-funding-rate/1", source: SourceFormat::Binance, recognise, decode };

const COLUMNS: [&str; 3] = ["calc_time", "funding_interval_hours", "last_funding_rate"];

/// A stamp may be so far before or after the month that it belongs to.
const JITTER_MS: i64 = 60_000;

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    csv_evidence(clues, |what| *what == What::FundingRate, &COLUMNS, &[COLUMNS.len()])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let symbol = file.symbol()?;
    let venue = file.venue(&symbol);
    let raw = Raw::read(archive, Kind::Funding, &COLUMNS)?;
    let mut checked = funding::build(raw, &venue, &options.policies)?;
    let wide = |(from, to): (Timestamp, Timestamp)| {
        (Timestamp(from.0 - JITTER_MS), Timestamp(to.0 + JITTER_MS))
    };
    keep_period(&mut checked, file.period().map(wide), &options.policies)?;
    Ok(file.one(checked, FORMAT.name, (Kind::Funding, venue, symbol), None))
}
