//! `trades`: every trade, `side` being the taker's. They are made into bars.
//!
//! A trade that arrived after midnight is in the next day's file: rows of the exchange's day
//! before are left out there, and the last bar of a day may lack them, so that it yields to a
//! version from elsewhere. A file of which path and name tell no day may begin inside a bar; its
//! first is left out.

use plimsoll_market::lake::Note;
use plimsoll_market::{Column, Interval, Kind, Table, Timestamp};

use super::super::checked_trades::{CheckedTrades, Id};
use super::super::liquidations::Quantity;
use super::super::several::Several;
use super::super::trade_bars::Trade;
use super::super::{Checked, Clues, Parts};
use super::{Instruments, Unit, day_of, layout, recognise_type, series, unit};
use crate::archive::Archive;
use crate::csv::{Values, Want};
use crate::error::{Problem, RowProblem};
use crate::options::Options;
use crate::policy::{Policies, Rule};

pub(super) const NAME: &str = "tardis-trades/1";

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    recognise_type(clues, "trades")
}

#[derive(Default)]
struct Gathered {
    /// From the first row on; or why none of it can be taken.
    trades: Option<Result<(CheckedTrades, Unit), Problem>>,
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
        ("id", Want::Word),
    ];
    let layout = layout(archive, wanted)?;
    let [exchange, symbol, time, side, price, amount, id] = layout.positions;
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
            Values::Words(ids),
        ) = (
            &columns[exchange],
            &columns[symbol],
            &columns[time],
            &columns[side],
            &columns[price],
            &columns[amount],
            &columns[id],
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
                    id: &ids[row],
                };
                let new = || {
                    let venue = super::venue(
                        &super::Instrument { exchange: exchange.clone(), symbol: symbol.clone() },
                        options,
                    )?;
                    let trades = CheckedTrades::new(interval, day, "amount")?;
                    Ok((trades, unit(&venue, symbol, options)?))
                };
                let pushed = gathered.push(&trade, before + row, new);
                pushed.map_err(|problem| RowProblem::at(before + row, problem))?;
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
        let built = gathered.finish(day.is_some(), &options.policies);
        several.push(series, built, &[], &assumptions);
    }
    several.finish()
}

struct Row<'a> {
    time_ms: i64,
    side: &'a str,
    price: f64,
    amount: f64,
    id: &'a str,
}

impl Gathered {
    fn push(
        &mut self,
        row: &Row,
        file_row: usize,
        new: impl Fn() -> Result<(CheckedTrades, Unit), Problem>,
    ) -> Result<(), Problem> {
        if !["buy", "sell", "unknown", ""].contains(&row.side) {
            let expected = "buy, sell or unknown";
            let value = row.side.to_owned();
            return Err(Problem::BadWord { column: "side", value, expected });
        }
        let state = self.trades.get_or_insert_with(new);
        // Of contracts of unknown size there is no series, whatever the trades are.
        let Ok((trades, unit)) = state else { return Ok(()) };
        self.unknown_sides += usize::from(!matches!(row.side, "buy" | "sell"));
        let amount = row.amount * unit.scale;
        let (quantity, quote) = match unit.quantity {
            // Without a price there is no quantity either, and the row is not to be a void one.
            Quantity::Contracts(size) if row.price > 0.0 => {
                (amount * size / row.price, Some(amount * size))
            }
            Quantity::Base | Quantity::Contracts(_) => (amount, None),
        };
        let trade = Trade {
            time_ms: row.time_ms,
            price: row.price,
            quantity,
            taker_buys: row.side == "buy",
            trades: 1,
        };
        trades.push(file_row, trade, quote, Id::Name(row.id));
        Ok(())
    }

    fn finish(self, is_of_day: bool, policies: &Policies) -> Result<Checked, RowProblem> {
        let (trades, _) = self.trades.unwrap_or(Err(Problem::Empty))?;
        // Trades that arrived after midnight are in the next day's file.
        let mut checked = trades.finish(false, policies)?;
        if self.unknown_sides > 0 {
            let rows = checked.table.len();
            let mut columns = checked.table.columns().to_vec();
            if let Some(last) = columns.last_mut() {
                *last = Column::F64OrNull(vec![None; rows]);
            }
            checked.table = Table::new(Kind::Candles, columns);
        }
        if !is_of_day {
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
