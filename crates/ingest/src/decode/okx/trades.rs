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
//! day before (UTC+8). A file of all instruments gives a series each; `--symbol` picks one.

use std::collections::BTreeMap;

use plimsoll_market::{DAY_MS, Interval, Kind, Timestamp};

use super::{ContractSize, Market, instrument};
use crate::archive::Archive;
use crate::csv::{self, Values, Want};
use crate::decode::checked_trades::CheckedTrades;
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

/// `…-trades-2024-01-02`: the day, as half-open period in UTC.
fn period(stem: &str) -> Option<(Timestamp, Timestamp)> {
    let (_, day) = stem.split_once("-trades-")?;
    let mut words = day.split('-').map(|word| word.parse::<u32>().ok());
    let (year, month, day) = (words.next()??, words.next()??, words.next()??);
    let start = Timestamp::from_date(year.try_into().ok()?, month, day)?.0 - DAY_AHEAD_MS;
    words.next().is_none().then_some((Timestamp(start), Timestamp(start + DAY_MS)))
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
    let by_row = position("instrument_name");
    if let Some(position) = by_row {
        columns[position].1 = Want::Word;
    }
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    let of_file = match by_row {
        Some(_) => None,
        None => Some(instrument(&Identity::new(archive, options), &archive.stem)?),
    };
    let period = period(&archive.stem);
    let mut found: BTreeMap<String, Instrument> = BTreeMap::new();
    archive.read_blocks(true, &columns, |before, rows| {
        let (
            Values::Times(times),
            Values::Words(sides),
            Values::Numbers(prices),
            Values::Numbers(sizes),
        ) = (&rows.columns[time], &rows.columns[side], &rows.columns[price], &rows.columns[size])
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
            instrument.push(before + row, times[row], prices[row], sizes[row], taker_buys);
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let complete = period.is_some() && is_packed(archive);
    let parts = found.into_iter().map(|(name, instrument)| {
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
    fn push(&mut self, row: usize, time_ms: i64, price: f64, size: f64, taker_buys: bool) {
        // Without a size of the contract there is no series, whatever its trades are.
        let Ok(contract) = &self.size else { return };
        let quantity = contract.to_base(size, price);
        let quote = match contract {
            ContractSize::Dollars(dollars) => Some(size * dollars),
            _ => None,
        };
        let trade = Trade { time_ms, price, quantity, taker_buys, trades: 1 };
        self.trades.push(row, trade, quote);
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
    fn a_day_begins_at_four_in_the_afternoon() {
        let day = period("BTC-USDT-SWAP-trades-2025-06-01");
        let day = day.map(|(from, to)| (from.to_string(), to.to_string()));
        let expected = ("2025-05-31T16:00:00Z".to_owned(), "2025-06-01T16:00:00Z".to_owned());
        assert_eq!(day, Some(expected));
        assert_eq!(period("BTC-USDT-SWAP-trades-2025-06"), None);
        assert_eq!(period("BTC-USDT-SWAP"), None);
    }
}
