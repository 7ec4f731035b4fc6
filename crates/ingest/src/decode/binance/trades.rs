//! aggTrades and trades of the archive, made into candles.
//!
//! Futures files have a header in newer years and none in older ones, spot files never; spot rows
//! end in one more field, which says whether the trade was the best match. COIN-M files count
//! contracts: bars then have their dollars exactly, and base units by the price of each trade.
//! Aggregates leave out trades of the insurance fund and of auto-deleveraging, so the two kinds of
//! file can differ where there were such.
//!
//! Ids count up by one a row, for each symbol: a repeated one is a repeated row, a missing one a
//! missing trade. By Binance's documentation single trades of futures are shown without those of
//! the insurance fund and of auto-deleveraging, which are counted: there, a few ids that are
//! missing within a minute are noted, and only a longer silence is a hole.
//!
//! Sources of the column names beside Binance's own README: headers of 2024 files as quoted in
//! public repositories (`id,price,qty,quote_qty,time,is_buyer_maker`; COIN-M has `base_qty`).

use plimsoll_market::{Interval, Kind};

use super::name::{self, What};
use super::{File, SPOT, contract_size, csv_evidence};
use crate::archive::Archive;
use crate::csv::{self, Rows, TimeUnit, Values, Want};
use crate::decode::checked_trades::{CheckedTrades, Id};
use crate::decode::trade_bars::Trade;
use crate::decode::{Clues, Format, Parts};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};

pub(super) const AGG_TRADES: Format = Format {
    name: "binance-agg-trades/1",
    source: SourceFormat::Binance,
    recognise: |clues| recognise(clues, &AGG_TRADE_COLUMNS, What::AggTrades),
    decode: |archive, options| decode(archive, options, &AGG_TRADE_COLUMNS, AGG_TRADES.name),
};

pub(super) const TRADES: Format = Format {
    name: "binance-trades/1",
    source: SourceFormat::Binance,
    recognise: |clues| recognise(clues, &TRADE_COLUMNS, What::Trades),
    decode: |archive, options| decode(archive, options, &TRADE_COLUMNS, TRADES.name),
};

/// A column by its names, the first of them ours, and what is read of it.
type Column = (&'static [&'static str], Want);

const AGG_TRADE_COLUMNS: [Column; 8] = [
    (&["agg_trade_id", "agg_tradeid"], Want::Number),
    (&["price"], Want::Number),
    (&["quantity", "qty"], Want::Number),
    (&["first_trade_id", "first_tradeid"], Want::Number),
    (&["last_trade_id", "last_tradeid"], Want::Number),
    (&["transact_time", "timestamp", "time"], Want::Time),
    (&["is_buyer_maker", "isbuyermaker"], Want::Word),
    (&["is_best_match", "isbestmatch"], Want::Skip),
];

const TRADE_COLUMNS: [Column; 7] = [
    (&["id", "trade_id"], Want::Number),
    (&["price"], Want::Number),
    (&["qty", "quantity"], Want::Number),
    (&["quote_qty", "base_qty", "quoteqty", "baseqty"], Want::Skip),
    (&["time", "timestamp"], Want::Time),
    (&["is_buyer_maker", "isbuyermaker"], Want::Word),
    (&["is_best_match", "isbestmatch"], Want::Skip),
];

/// Trades need the day or month that their file is named for: only then are the bars at its edges
/// known to be whole.
fn recognise(clues: &Clues, columns: &[Column], what: What) -> Option<Vec<String>> {
    let name = name::parse(&clues.stem).filter(|name| name.what == what)?;
    let widths = [columns.len() - 1, columns.len()];
    if clues.columns.is_empty() {
        let no_types = |found: &What| matches!(found, What::AggTrades | What::Trades);
        return csv_evidence(clues, no_types, &[], &widths);
    }
    let is_known = !clues.is_feather && layout(&clues.columns, columns).is_ok();
    is_known.then(|| {
        vec![
            format!("columns {}", clues.columns.join(", ")),
            format!("named as in Binance's archive: symbol {}", name.symbol),
        ]
    })
}

/// What is read of each column of a header.
fn layout(header: &[String], columns: &[Column]) -> Result<Vec<(String, Want)>, Problem> {
    let column_of =
        |name: &String| columns.iter().find(|(aliases, _)| aliases.contains(&name.as_str()));
    let layout: Vec<(String, Want)> = header
        .iter()
        .map(|name| match column_of(name) {
            Some((aliases, want)) => (aliases[0].to_owned(), *want),
            None => (name.clone(), Want::Skip),
        })
        .collect();
    let needed = columns.iter().filter(|(_, want)| *want != Want::Skip);
    for (aliases, _) in needed {
        if layout.iter().filter(|(name, _)| name == aliases[0]).count() != 1 {
            return Err(Problem::MissingColumn { column: aliases[0], have: header.join(", ") });
        }
    }
    Ok(layout)
}

fn decode(
    archive: &Archive,
    options: &Options,
    columns: &[Column],
    decoder: &'static str,
) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let (Some(text), Some(period)) = (archive.head(), file.period()) else {
        let reason = "no CSV file named as in Binance's archive".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let symbol = file.symbol()?;
    let interval = options.interval.unwrap_or(Interval::MINUTE);
    let header = csv::header(text);
    let layout = if let Some(header) = &header {
        layout(header, columns)?
    } else {
        let all = columns.iter().map(|(aliases, want)| (aliases[0].to_owned(), *want));
        all.take(csv::width(text)).collect()
    };
    let contract_size = file.is_coin_margined(&symbol).then(|| contract_size(&symbol));
    let mut trades = CheckedTrades::new(interval, Some(period), "quantity")?;
    let is_single = columns.len() == TRADE_COLUMNS.len();
    if is_single && file.told_venue(&symbol).is_none_or(|venue| venue != SPOT) {
        trades = trades.leaves_out();
    }
    let mut gathering = Gathering { trades, contract_size, time_unit: None };
    archive.read_blocks(header.is_some(), &layout, |before, rows| {
        gathering.take(before, rows, &layout)
    })?;
    let microseconds = gathering.time_unit == Some(TimeUnit::Microseconds);
    let complete = archive.zipped;
    let checked = gathering.trades.finish(complete, &options.policies)?;
    let venue = match file.told_venue(&symbol) {
        Some(venue) => venue,
        // The archive writes only spot files in microseconds.
        None if microseconds => file.identity.venue_or(SPOT),
        None => file.venue(&symbol),
    };
    Ok(file.one(checked, decoder, (Kind::Candles, venue, symbol), Some(interval)))
}

/// The trades of a file, block by block.
struct Gathering {
    trades: CheckedTrades,
    contract_size: Option<f64>,
    time_unit: Option<TimeUnit>,
}

impl Gathering {
    /// Adds the trades of one block of rows, before which there are others.
    fn take(
        &mut self,
        before: usize,
        mut rows: Rows,
        layout: &[(String, Want)],
    ) -> Result<(), RowProblem> {
        self.time_unit = self.time_unit.or(rows.time_unit);
        let at = |name: &str| layout.iter().position(|(column, _)| column == name);
        let mut column = |names: &[&str]| {
            let position = names.iter().find_map(|name| at(name));
            position.map(|position| std::mem::replace(&mut rows.columns[position], Values::Skipped))
        };
        let ids = numbers(column(&["agg_trade_id", "id"]));
        let prices = numbers(column(&["price"]));
        let quantities = numbers(column(&["quantity", "qty"]));
        let first_ids = numbers(column(&["first_trade_id"]));
        let last_ids = numbers(column(&["last_trade_id"]));
        let Some(Values::Times(times)) = column(&["transact_time", "time"]) else {
            return Ok(());
        };
        let Some(Values::Words(makers)) = column(&["is_buyer_maker"]) else { return Ok(()) };
        for (row, &time_ms) in times.iter().enumerate() {
            let (price, quantity) = (prices[row], quantities[row]);
            // What is no count is 0 trades, which no row can be.
            let trades = match first_ids.get(row).zip(last_ids.get(row)) {
                Some((first, last)) => whole(last - first + 1.0),
                None => 1,
            };
            let taker_buys = !is_maker(&makers[row], before + row)?;
            let dollars = self.contract_size.map(|size| quantity * size);
            let base = match dollars {
                // Without a price there is no quantity either, and the row is not to be a void one.
                Some(dollars) if price > 0.0 => dollars / price,
                _ => quantity,
            };
            let trade = Trade { time_ms, price, quantity: base, taker_buys, trades };
            let id = id(ids.get(row).copied().unwrap_or(f64::NAN))
                .map_err(|problem| RowProblem::at(before + row, problem))?;
            self.trades.push(before + row, trade, dollars, Id::Count(id));
        }
        Ok(())
    }
}

/// A count of trades, or 0 for what is none.
fn whole(count: f64) -> i64 {
    if count >= 1.0 && count.fract().abs() <= 0.0 { count as i64 } else { 0 }
}

fn id(value: f64) -> Result<i64, Problem> {
    // Up to here a float has every whole number.
    if (0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract().abs() <= 0.0 {
        return Ok(value as i64);
    }
    Err(Problem::BadValue { column: "id", value, rule: "is no count" })
}

fn numbers(values: Option<Values>) -> Vec<f64> {
    match values {
        Some(Values::Numbers(numbers)) => numbers,
        _ => Vec::new(),
    }
}

/// Whether the buyer was the maker, so that the taker sold. Spot files write `True`, others `true`.
fn is_maker(word: &str, row: usize) -> Result<bool, RowProblem> {
    match word {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => {
            let expected = "true or false";
            let value = word.to_owned();
            let problem = Problem::BadWord { column: "is_buyer_maker", value, expected };
            Err(RowProblem::at(row, problem))
        }
    }
}
