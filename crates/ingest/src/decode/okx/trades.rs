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
use crate::archive::{Archive, Content};
use crate::csv::{self, Values, Want};
use crate::decode::bybit::check_amounts;
use crate::decode::identity::Identity;
use crate::decode::trade_bars::{Trade, TradeBars};
use crate::decode::{Checked, Clues, Decoded, Format, PartProblem, Parts, note};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policy, Rule};
use crate::run::{Options, SourceFormat};

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
struct Instrument {
    bars: TradeBars,
    size: Result<ContractSize, Problem>,
    problem: Option<RowProblem>,
    n_outside: usize,
    first_outside: i64,
    assumptions: Vec<String>,
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let Content::Text(text) = &archive.content else {
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
    let outside = options.policies.of(Rule::OutsidePeriod);
    let mut found: BTreeMap<String, Instrument> = BTreeMap::new();
    csv::read_blocks(text, true, &columns, |before, rows| {
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
                let instrument = Instrument {
                    bars: TradeBars::new(interval),
                    size,
                    problem: None,
                    n_outside: 0,
                    first_outside: 0,
                    assumptions: identity.assumptions(),
                };
                found.insert(name.to_owned(), instrument);
            }
            let Some(instrument) = found.get_mut(name) else { continue };
            if instrument.problem.is_some() {
                continue;
            }
            let trade = Row {
                time_ms: times[row],
                side: &sides[row],
                price: prices[row],
                size: sizes[row],
            };
            if let Err(problem) = instrument.push(&trade, period, outside) {
                instrument.problem = Some(at(problem));
            }
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Err(Problem::Empty.into());
    }
    let many = found.len() > 1;
    let parts = found.into_iter().map(|(name, instrument)| {
        let series = many.then(|| format!("okx {name} candles"));
        let part = instrument.into_part(archive, options, &name, interval, period.is_some());
        part.map_err(|row| PartProblem { series, row })
    });
    Ok(parts.collect())
}

struct Row<'a> {
    time_ms: i64,
    side: &'a str,
    price: f64,
    size: f64,
}

impl Instrument {
    fn push(
        &mut self,
        row: &Row,
        period: Option<(Timestamp, Timestamp)>,
        outside: Policy,
    ) -> Result<(), Problem> {
        let Ok(size) = &self.size else { return Ok(()) };
        let &Row { time_ms, price, .. } = row;
        check_amounts(row.size, price)?;
        let taker_buys = match row.side {
            "buy" => true,
            "sell" => false,
            _ => {
                return Err(Problem::BadWord {
                    column: "side",
                    value: row.side.to_owned(),
                    expected: "buy or sell, the side of the taker",
                });
            }
        };
        if period.is_some_and(|(from, to)| time_ms < from.0 || time_ms >= to.0) {
            if self.n_outside == 0 {
                self.first_outside = time_ms;
            }
            self.n_outside += 1;
            match outside {
                Policy::Refuse => return Err(Problem::TimeOutOfRange { time_ms }),
                Policy::Repair => return Ok(()),
                Policy::Flag => {}
            }
        }
        let quantity = size.to_base(row.size, price);
        self.bars.push(Trade { time_ms, price, quantity, taker_buys, trades: 1 });
        Ok(())
    }

    fn into_part(
        self,
        archive: &Archive,
        options: &Options,
        name: &str,
        interval: Interval,
        is_whole_day: bool,
    ) -> Result<Decoded, RowProblem> {
        self.size?;
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut checked: Checked = self.bars.finish(&options.policies);
        if checked.table.is_empty() {
            return Err(Problem::Empty.into());
        }
        if self.n_outside > 0 {
            let about = Rule::OutsidePeriod.about();
            let note = note(about.name, self.n_outside, self.first_outside, about.what);
            match options.policies.of(Rule::OutsidePeriod) {
                Policy::Repair => checked.repairs.push(note),
                _ => checked.flags.push(note),
            }
        }
        checked.last_may_be_forming = !is_whole_day;
        let identity = Identity::new(archive, options);
        for assumption in self.assumptions {
            identity.assume(assumption);
        }
        let venue = options.venue.clone();
        let venue = match venue {
            Some(venue) => venue,
            None => Market::need(name)?.venue().to_owned(),
        };
        let series = Identity::series(Kind::Candles, venue, name.to_owned(), Some(interval));
        Ok(checked.into_decoded(archive, TRADES.name, series, &identity))
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
