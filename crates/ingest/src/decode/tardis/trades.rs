//! `trades`: every trade, `side` being the taker's. They are made into bars.
//!
//! A trade that arrived after midnight is in the next day's file: rows of the exchange's day
//! before are left out there, and the last bar of a day may lack them, so that it yields to a
//! version from elsewhere. A file of which path and name tell no day may begin inside a bar; its
//! first is left out.

use plimsoll_market::lake::Note;
use plimsoll_market::{Column, Interval, Kind, Table, Timestamp};

use super::super::liquidations::Quantity;
use super::super::several::Several;
use super::super::trade_bars::{Trade, TradeBars};
use super::super::{Checked, Clues, Parts};
use super::{Instruments, day_of, layout, recognise_type, series, unit};
use crate::archive::Archive;
use crate::csv::{Values, Want};
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::policy::{Policies, Policy, Rule};

pub(super) const NAME: &str = "tardis-trades/1";

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    recognise_type(clues, "trades")
}

#[derive(Default)]
struct Gathered {
    bars: Option<TradeBars>,
    counted: Option<Quantity>,
    /// Why none of it can be taken.
    refused: Option<Problem>,
    /// Rows outside the file's day: how many, and the first with its row.
    outside: usize,
    first_outside: Option<(i64, usize)>,
    unknown_sides: usize,
}

pub(super) fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let wanted = [
        ("exchange", Want::Word),
        ("symbol", Want::Word),
        ("timestamp", Want::Time),
        ("side", Want::Word),
        ("price", Want::Number),
        ("amount", Want::Number),
    ];
    let layout = layout(archive, wanted)?;
    let [exchange, symbol, time, side, price, amount] = layout.positions;
    let day = day_of(archive);
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    let mut instruments: Instruments<Gathered> = Instruments::default();
    layout.archive.read_blocks(true, &layout.columns, |before, rows| {
        let columns = &rows.columns;
        let (
            Values::Words(exchanges),
            Values::Words(symbols),
            Values::Times(times),
            Values::Words(sides),
            Values::Numbers(prices),
            Values::Numbers(amounts),
        ) = (
            &columns[exchange],
            &columns[symbol],
            &columns[time],
            &columns[side],
            &columns[price],
            &columns[amount],
        )
        else {
            return Ok(());
        };
        let mut row = 0;
        while row < rows.len {
            // Rows of one instrument follow each other, in most files all of them.
            let (exchange, symbol) = (&exchanges[row], &symbols[row]);
            let same = |other: usize| exchanges[other] == *exchange && symbols[other] == *symbol;
            let end = (row..rows.len).find(|&other| !same(other)).unwrap_or(rows.len);
            let gathered = instruments.of(exchange, symbol);
            for row in row..end {
                let trade = Row {
                    time_ms: times[row],
                    side: &sides[row],
                    price: prices[row],
                    amount: amounts[row],
                };
                let at = |problem| RowProblem::at(before + row, problem);
                trade.check().map_err(at)?;
                gathered.push(&trade, before + row, day, interval, || {
                    let venue = super::venue(
                        &super::Instrument { exchange: exchange.clone(), symbol: symbol.clone() },
                        options,
                    )?;
                    unit(&venue, symbol)
                });
            }
            row = end;
        }
        Ok(())
    })?;
    let mut several = Several::new(archive, options, NAME);
    for (instrument, gathered) in instruments.found {
        let mut series = series(Kind::Candles, &instrument, options)?;
        series.interval = Some(interval);
        let mut assumptions = Vec::new();
        if gathered.unknown_sides > 0 {
            assumptions.push(format!(
                "{} trades without the taker's side: no taker_buy_volume",
                gathered.unknown_sides
            ));
        }
        let built = gathered.finish(day, &options.policies);
        several.push(series, built, &[], &assumptions);
    }
    several.finish()
}

struct Row<'a> {
    time_ms: i64,
    side: &'a str,
    price: f64,
    amount: f64,
}

impl Row<'_> {
    fn check(&self) -> Result<(), Problem> {
        // No market is older than 1970, and a time after 2200 is a mistaken unit.
        const END_MS: i64 = 7_258_118_400_000;
        if !(0..END_MS).contains(&self.time_ms) {
            return Err(Problem::TimeOutOfRange { time_ms: self.time_ms });
        }
        let bad = |column, value, rule| Err(Problem::BadValue { column, value, rule });
        if !(self.price.is_finite() && self.price > 0.0) {
            return bad("price", self.price, "is not a positive number");
        }
        if !(self.amount.is_finite() && self.amount >= 0.0) {
            return bad("amount", self.amount, "is negative or no number");
        }
        if !["buy", "sell", "unknown", ""].contains(&self.side) {
            let expected = "buy, sell or unknown";
            let value = self.side.to_owned();
            return Err(Problem::BadWord { column: "side", value, expected });
        }
        Ok(())
    }
}

impl Gathered {
    fn push(
        &mut self,
        row: &Row,
        file_row: usize,
        day: Option<(Timestamp, Timestamp)>,
        interval: Interval,
        unit: impl Fn() -> Result<Quantity, Problem>,
    ) {
        if self.counted.is_none() && self.refused.is_none() {
            match unit() {
                Ok(unit) => self.counted = Some(unit),
                Err(problem) => self.refused = Some(problem),
            }
        }
        let Some(unit) = self.counted else { return };
        if day.is_some_and(|(from, to)| row.time_ms < from.0 || row.time_ms >= to.0) {
            self.outside += 1;
            self.first_outside.get_or_insert((row.time_ms, file_row));
            return;
        }
        self.unknown_sides += usize::from(!matches!(row.side, "buy" | "sell"));
        let quantity = match unit {
            Quantity::Base => row.amount,
            Quantity::Contracts(size) => row.amount * size / row.price,
        };
        let bars = self.bars.get_or_insert_with(|| TradeBars::new(interval));
        bars.push(Trade {
            time_ms: row.time_ms,
            price: row.price,
            quantity,
            taker_buys: row.side == "buy",
            trades: 1,
        });
    }

    fn finish(
        self,
        day: Option<(Timestamp, Timestamp)>,
        policies: &Policies,
    ) -> Result<Checked, RowProblem> {
        if let Some(problem) = self.refused {
            return Err(problem.into());
        }
        if let Some((_, row)) = self.first_outside
            && policies.of(Rule::OutsidePeriod) == Policy::Refuse
        {
            let what = "a trade outside the day that the file is named for".to_owned();
            return Err(RowProblem::at(row, Problem::Unsupported { what }));
        }
        let Some(bars) = self.bars else { return Err(Problem::Empty.into()) };
        let mut checked = bars.finish(policies);
        checked.last_may_be_forming = true;
        if self.unknown_sides > 0 {
            let rows = checked.table.len();
            let mut columns = checked.table.columns().to_vec();
            if let Some(last) = columns.last_mut() {
                *last = Column::F64OrNull(vec![None; rows]);
            }
            checked.table = Table::new(Kind::Candles, columns);
        }
        if let Some((time, _)) = self.first_outside {
            checked.repairs.push(Note {
                name: Rule::OutsidePeriod.name().to_owned(),
                count: self.outside,
                first: Some(Timestamp(time)),
                message: "trades outside the day that the file is named for are in no bar"
                    .to_owned(),
                example: String::new(),
            });
        }
        if day.is_none() {
            let rows: Vec<usize> = (1..checked.table.len()).collect();
            checked.repairs.push(Note {
                name: Rule::FormingBar.name().to_owned(),
                count: 1,
                first: checked.table.times().first().copied().map(Timestamp),
                message: "the first bar, inside which the file may begin, is left out".to_owned(),
                example: String::new(),
            });
            checked.table = checked.table.gather(&rows);
        }
        Ok(checked)
    }
}
