//! Trades of the public archive, made into bars.
//!
//! ```csv
//! instrument_name,trade_id,side,price,size,created_time
//! BTC-USDT-SWAP,720073478,buy,42897.9,8.0,1705248000179
//! ```
//!
//! a seventh column `source` since 2026; before 2023 with the header
//! `trade_id/交易id,side/交易方向,size/数量,price/价格,created_time/成交时间` (in GBK, not UTF-8)
//! and the instrument only in the file's name. Times are milliseconds, the side is the taker's, the
//! size is in contracts for swaps and futures. A file is of a day that begins at 16:00 UTC of the
//! day before (UTC+8), by those who measured it; since nothing documents it, the rows decide
//! between that day and the one of UTC, and have to lie in one of them. A file of all instruments gives a series each; `--symbol` picks one.

use std::collections::BTreeMap;

use plimsoll_market::{DAY_MS, Interval, Kind, Timestamp};

use super::{ContractSize, Market, instrument};
use crate::archive::Archive;
use crate::csv::{self, Values, Want};
use crate::decode::checked_trades::{CheckedTrades, Id};
use crate::decode::identity::Identity;
use crate::decode::recorded::is_packed;
use crate::decode::trade_bars::Trade;
use crate::decode::{Clues, Decoded, Format, PartProblem, Parts};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};

pub(super) const TRADES: Format =
    Format { name: "okx-trades/1", source: SourceFormat::Okx, recognise, decode };

/// How long before UTC midnight the archive's day begins.
const DAY_AHEAD_MS: i64 = 8 * 3_600_000;

/// Column names up to the slash; what follows it is Chinese.
fn base(name: &str) -> &str {
    name.split('/').next().unwrap_or_default().trim()
}

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let has = |wanted: &str| clues.columns.iter().any(|name| base(name) == wanted);
    let all = ["trade_id", "side", "price", "size", "created_time"].into_iter().all(has);
    all.then(|| {
        vec!["columns of OKX's trades: trade_id, side, size, price, created_time".to_owned()]
    })
}

/// Of a file's rows at most this part may lie outside its day.
const STRAY_FRACTION_MAX: f64 = 0.01;

/// `…-trades-2024-01-02`: midnight UTC of the day.
fn midnight(stem: &str) -> Option<i64> {
    let (_, day) = stem.split_once("-trades-")?;
    let mut words = day.split('-').map(|word| word.parse::<u32>().ok());
    let (year, month, day) = (words.next()??, words.next()??, words.next()??);
    let start = Timestamp::from_date(year.try_into().ok()?, month, day)?.0;
    words.next().is_none().then_some(start)
}

/// The day that a file is of, as half-open period, and whether its rows show which it is.
///
/// # Errors
/// Where more than a few rows lie outside the day of UTC+8 and outside that of UTC.
fn day_of(
    archive: &Archive,
    midnight: i64,
    columns: &[(String, Want)],
    time: usize,
) -> Result<((Timestamp, Timestamp), bool), RowProblem> {
    let of_time = |position: usize| if position == time { Want::Time } else { Want::Skip };
    let named = columns.iter().enumerate();
    let columns: Vec<_> =
        named.map(|(position, (name, _))| (name.clone(), of_time(position))).collect();
    let days = [midnight - DAY_AHEAD_MS, midnight];
    let (mut n_rows, mut outside) = (0_usize, [0_usize; 2]);
    archive.read_blocks(true, &columns, |_, rows| {
        let Values::Times(times) = &rows.columns[time] else { return Ok(()) };
        n_rows += times.len();
        for (count, day) in outside.iter_mut().zip(days) {
            *count += times.iter().filter(|&&t| !(day..day + DAY_MS).contains(&t)).count();
        }
        Ok(())
    })?;
    // Where both hold the same, the one that was measured.
    let day = usize::from(outside[1] < outside[0]);
    if outside[day] as f64 > STRAY_FRACTION_MAX * n_rows as f64 {
        let what = format!(
            "{} of {n_rows} trades outside the day {} that the file is named for, in UTC and in UTC+8,",
            outside[day],
            Timestamp(midnight).date_string()
        );
        return Err(Problem::Unsupported { what }.into());
    }
    let start = Timestamp(days[day]);
    Ok(((start, Timestamp(start.0 + DAY_MS)), outside[0] != outside[1]))
}

/// Trades of one instrument.
struct Instrument<'a> {
    trades: CheckedTrades,
    size: Result<ContractSize, Problem>,
    identity: Identity<'a>,
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Some(text) = archive.head() else {
        let reason = "trades are CSV".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let names = csv::header(text).ok_or(Problem::Empty)?;
    let position = |wanted: &str| names.iter().position(|name| base(name) == wanted);
    let need = |wanted: &'static str| {
        let missing = || Problem::MissingColumn { column: wanted, have: names.join(", ") };
        position(wanted).ok_or_else(missing)
    };
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    let (time, side) = (need("created_time")?, need("side")?);
    let (price, size) = (need("price")?, need("size")?);
    columns[time].1 = Want::Time;
    columns[side].1 = Want::Word;
    columns[price].1 = Want::Number;
    columns[size].1 = Want::Number;
    let id = need("trade_id")?;
    columns[id].1 = Want::Word;
    let by_row = position("instrument_name");
    if let Some(position) = by_row {
        columns[position].1 = Want::Word;
    }
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    let of_file = match by_row {
        Some(_) => None,
        None => Some(instrument(&Identity::new(archive, options), &archive.stem)?),
    };
    let day = match midnight(&archive.stem) {
        Some(midnight) => Some(day_of(archive, midnight, &columns, time)?),
        None => None,
    };
    let period = day.map(|(period, _)| period);
    let mut found: BTreeMap<String, Instrument> = BTreeMap::new();
    archive.read_blocks(true, &columns, |before, rows| {
        let (
            Values::Times(times),
            Values::Words(sides),
            Values::Numbers(prices),
            Values::Numbers(sizes),
            Values::Words(ids),
        ) = (
            &rows.columns[time],
            &rows.columns[side],
            &rows.columns[price],
            &rows.columns[size],
            &rows.columns[id],
        )
        else {
            return Err(Problem::Empty.into());
        };
        for row in 0..rows.len {
            let at = |problem: Problem| RowProblem::at(before + row, problem);
            let name = match (by_row.map(|column| &rows.columns[column]), &of_file) {
                (Some(Values::Words(words)), _) => words[row].as_str(),
                (_, Some(name)) => name.as_str(),
                _ => return Err(at(Problem::Unknown { what: "symbol" })),
            };
            if by_row.is_some() && options.symbol.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            if !found.contains_key(name) {
                let identity = Identity::new(archive, options);
                let size = ContractSize::of(name, &identity);
                let trades = CheckedTrades::new(interval, period, "size")?;
                found.insert(name.to_owned(), Instrument { trades, size, identity });
            }
            let Some(instrument) = found.get_mut(name) else { continue };
            let taker_buys = taker_buys(&sides[row]).map_err(at)?;
            let numbers = (prices[row], sizes[row]);
            instrument.push(before + row, times[row], numbers, taker_buys, &ids[row]);
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let complete = period.is_some() && is_packed(archive);
    let parts = found.into_iter().map(|(name, instrument)| {
        if day.is_some_and(|(_, is_told)| !is_told) {
            instrument.identity.assume(
                "the rows do not show whether the day is one of UTC or of UTC+8; UTC+8 is assumed",
            );
        }
        let series = many.then(|| format!("okx {name} candles"));
        let part = instrument.into_part(archive, &name, interval, complete);
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

fn taker_buys(side: &str) -> Result<bool, Problem> {
    match side {
        "buy" => Ok(true),
        "sell" => Ok(false),
        _ => Err(Problem::BadWord {
            column: "side",
            value: side.to_owned(),
            expected: "buy or sell, the side of the taker",
        }),
    }
}

impl Instrument<'_> {
    fn push(
        &mut self,
        row: usize,
        time_ms: i64,
        (price, size): (f64, f64),
        taker_buys: bool,
        id: &str,
    ) {
        // Without a size of the contract there is no series, whatever its trades are.
        let Ok(contract) = &self.size else { return };
        let quantity = contract.to_base(size, price);
        let quote = match contract {
            ContractSize::Dollars(dollars) => Some(size * dollars),
            _ => None,
        };
        let trade = Trade { time_ms, price, quantity, taker_buys, trades: 1 };
        self.trades.push(row, trade, quote, Id::Name(id));
    }

    fn into_part(
        self,
        archive: &Archive,
        name: &str,
        interval: Interval,
        complete: bool,
    ) -> Result<Decoded, RowProblem> {
        self.size?;
        let options = self.identity.options;
        let checked = self.trades.finish(complete, &options.policies)?;
        let venue = match &options.venue {
            Some(venue) => venue.clone(),
            None => Market::need(name)?.venue().to_owned(),
        };
        let series = Identity::series(Kind::Candles, venue, name.to_owned(), Some(interval));
        Ok(checked.into_decoded(archive, TRADES.name, series, &self.identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_told_by_the_name() {
        let day = midnight("BTC-USDT-SWAP-trades-2025-06-01").map(|day| Timestamp(day).to_string());
        assert_eq!(day.as_deref(), Some("2025-06-01T00:00:00Z"));
        assert_eq!(midnight("BTC-USDT-SWAP-trades-2025-06"), None);
        assert_eq!(midnight("BTC-USDT-SWAP"), None);
    }
}
