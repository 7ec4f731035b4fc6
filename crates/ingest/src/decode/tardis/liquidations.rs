//! `liquidations`: forced orders as the exchanges' streams have them; `id` is mostly empty.
//!
//! `side` is that of the **order**: `buy` closes a short, `sell` a long. Bybit's streams have the
//! position's side; it is inverted there by the recorder (tardis-node, `BybitLiquidationsMapper`,
//! which quotes the exchange on it), so that one rule holds for all.
//!
//! The file of a day accounts for that day, if the recorder had no holes. Binance's stream has
//! had at most one order a symbol and second since 2021-04-27: its sums are lower bounds.

use plimsoll_market::{Kind, Timestamp};

use super::super::several::Several;
use super::super::{Clues, Parts};
use super::{Instrument, Instruments, day_of, layout, recognise_type, series, unit};
use crate::archive::Archive;
use crate::csv::{Values, Want};
use crate::error::RowProblem;
use crate::options::Options;
use crate::raw::Raw;

pub(super) const NAME: &str = "tardis-liquidations/1";

pub(super) fn recognise(clues: &Clues) -> Option<Vec<String>> {
    recognise_type(clues, "liquidations")
}

#[derive(Default)]
struct Gathered {
    times: Vec<i64>,
    sides: Vec<String>,
    prices: Vec<f64>,
    amounts: Vec<f64>,
    rows: Vec<usize>,
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
    let rows = layout.archive.read_rows(true, &layout.columns)?;
    let columns = &rows.columns;
    let mut instruments: Instruments<Gathered> = Instruments::default();
    if let (
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
    ) {
        for row in 0..rows.len {
            let gathered = instruments.of(&exchanges[row], &symbols[row]);
            gathered.times.push(times[row]);
            gathered.sides.push(sides[row].clone());
            gathered.prices.push(prices[row]);
            gathered.amounts.push(amounts[row]);
            gathered.rows.push(row);
        }
    }
    let day = day_of(archive);
    // A day without any is a file without rows, whose path has to tell the instrument.
    if rows.len == 0
        && day.is_some()
        && let Some(Instrument { exchange, symbol }) = by_path(&archive.folders(), &archive.stem)
    {
        instruments.of(&exchange, &symbol);
    }
    let mut several = Several::new(archive, options, NAME);
    several.assume(match day {
        Some((day, _)) => {
            format!("the recording of {} assumed to have no holes", day.date_string())
        }
        None => {
            "neither path nor name tell the day: only first to last row is accounted for".to_owned()
        }
    });
    for (instrument, gathered) in instruments.found {
        let series = series(Kind::Liquidations, &instrument, options)?;
        let span = gathered.times.iter().min().zip(gathered.times.iter().max());
        let span = span.map(|(&first, &last)| (Timestamp(first), Timestamp(last + 1)));
        let about = about(&series.venue);
        let file_rows = gathered.rows.clone();
        let built = match unit(&series.venue, &series.symbol, options) {
            Ok(unit) => {
                let raw = gathered.into_raw(unit.scale);
                super::super::liquidations::build(raw, unit.quantity, &options.policies)
            }
            Err(problem) => Err(problem.into()),
        };
        let built = built.map(|mut checked| {
            checked.covered.extend(day.or(span));
            checked
        });
        several.push(series, built, &file_rows, &about);
    }
    several.finish()
}

impl Gathered {
    fn into_raw(self, scale: f64) -> Raw {
        let quantities = self.amounts.iter().map(|amount| amount * scale).collect();
        Raw::from_columns(
            self.times.len(),
            vec![
                ("time", Values::Times(self.times)),
                ("side", Values::Words(self.sides)),
                ("price", Values::Numbers(self.prices)),
                ("quantity", Values::Numbers(quantities)),
            ],
        )
    }
}

/// What a reader should know of a venue's stream.
fn about(venue: &str) -> Vec<String> {
    let what = match venue {
        "binance-usdm" | "binance-coinm" => {
            "the exchange shows at most one liquidation a symbol and second: sums are lower bounds"
        }
        "bybit-linear" | "bybit-inverse" => "prices are those of bankruptcy, not of the fills",
        _ => return Vec::new(),
    };
    vec![what.to_owned()]
}

/// `<exchange>/liquidations/YYYY/MM/DD/<SYMBOL>`, or `<exchange>_liquidations_<day>_<SYMBOL>`.
fn by_path(folders: &[String], stem: &str) -> Option<Instrument> {
    let instrument = |exchange: &str, symbol: &str| Instrument {
        exchange: exchange.to_owned(),
        symbol: symbol.to_owned(),
    };
    if let Some((exchange, rest)) = stem.split_once("_liquidations_") {
        let (_, symbol) = rest.split_once('_')?;
        return Some(instrument(exchange, symbol));
    }
    match folders {
        [.., exchange, of_type, _, _, _] if of_type == "liquidations" => {
            Some(instrument(exchange, stem))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_rows_is_told_by_its_path() {
        let folders = ["v1", "bybit", "liquidations", "2025", "03", "01"].map(str::to_owned);
        let found = by_path(&folders, "BTCUSDT").map(|i| (i.exchange, i.symbol));
        assert_eq!(found, Some(("bybit".into(), "BTCUSDT".into())));
        let found = by_path(&[], "deribit_liquidations_2025-03-01_SOL_USDC-PERPETUAL");
        let found = found.map(|i| (i.exchange, i.symbol));
        assert_eq!(found, Some(("deribit".into(), "SOL_USDC-PERPETUAL".into())));
        assert!(by_path(&folders[1..2], "BTCUSDT").is_none());
    }
}
