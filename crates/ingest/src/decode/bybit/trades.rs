//! Trades of the public archive, made into bars.
//!
//! Contracts, `BTCUSDT2024-01-02.csv.gz`:
//!
//! ```csv
//! timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI
//! 1784851200.0547,BTCUSDT,Buy,0.038,65065.80,ZeroPlusTick,d6b9,2.4725004e+11,0.038,2472.5004,0
//! ```
//!
//! Times are seconds with up to four decimals (BTCUSD of 2022 and before: whole seconds), the
//! side is the taker's, `RPI` is missing before 2025. Files of 2020 are newest first, within one
//! stamp too. An inverse contract counts its size in US dollars; `foreignNotional` shows which:
//! it is size x price where size is in base units, size / price where it is in dollars.
//!
//! Spot, `BTCUSDT_2025-05-19.csv.gz` and, older, monthly `BTCUSDT-2022-11.csv.gz`:
//!
//! ```csv
//! id,timestamp,price,volume,side,rpi
//! 1,1747612800074,106453.8,0.003718,sell,0
//! ```

use plimsoll_market::{Interval, Kind, Timestamp};

use super::{Category, period};
use crate::archive::Archive;
use crate::csv::{self, Rows, Values, Want};
use crate::decode::checked_trades::{CheckedTrades, Id};
use crate::decode::identity::Identity;
use crate::decode::recorded::is_packed;
use crate::decode::trade_bars::Trade;
use crate::decode::{Clues, Format, Parts};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};

pub(super) const CONTRACTS: Format = Format {
    name: "bybit-trades/1",
    source: SourceFormat::Bybit,
    recognise: recognise_contracts,
    decode: decode_contracts,
};

pub(super) const SPOT: Format = Format {
    name: "bybit-spot-trades/1",
    source: SourceFormat::Bybit,
    recognise: recognise_spot,
    decode: decode_spot,
};

const CONTRACT_COLUMNS: [(&str, Want); 7] = [
    ("timestamp", Want::Number),
    ("symbol", Want::Word),
    ("side", Want::Word),
    ("size", Want::Number),
    ("price", Want::Number),
    ("foreignnotional", Want::Number),
    ("trdmatchid", Want::Word),
];
const SPOT_COLUMNS: [(&str, Want); 5] = [
    ("timestamp", Want::Time),
    ("price", Want::Number),
    ("volume", Want::Number),
    ("side", Want::Word),
    ("id", Want::Word),
];

fn recognise_contracts(clues: &Clues) -> Option<Vec<String>> {
    let columns = ["timestamp", "symbol", "side", "size", "price", "tickdirection", "trdmatchid"];
    // BitMEX writes the same columns into files that are named 20240102.
    let name = contract_name(&clues.stem).filter(|_| clues.has_columns(&columns))?;
    Some(vec![
        "columns of Bybit's trades: tickDirection, trdMatchID".to_owned(),
        format!("named as in Bybit's archive: {} and a day", name.symbol),
    ])
}

fn recognise_spot(clues: &Clues) -> Option<Vec<String>> {
    let name = spot_name(&clues.stem)?;
    let columns = clues.columns.iter().map(String::as_str);
    let is_spot = columns.eq(["id", "timestamp", "price", "volume", "side", "rpi"]
        .into_iter()
        .take(clues.columns.len()))
        && clues.columns.len() >= 5;
    is_spot.then(|| {
        vec![
            format!("columns of Bybit's spot trades: {}", clues.columns.join(", ")),
            format!("named as in Bybit's archive: {} and a day or month", name.symbol),
        ]
    })
}

struct Name<'a> {
    symbol: &'a str,
    period: (Timestamp, Timestamp),
}

/// `BTCUSDT2024-01-02`: nothing between symbol and day.
fn contract_name(stem: &str) -> Option<Name<'_>> {
    let (symbol, day) = stem.split_at_checked(stem.len().checked_sub(10)?)?;
    let is_symbol = !symbol.is_empty()
        && symbol.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    let period = period(day).filter(|_| is_symbol)?;
    Some(Name { symbol, period })
}

/// `BTCUSDT_2025-05-19` or `BTCUSDT-2022-11`.
fn spot_name(stem: &str) -> Option<Name<'_>> {
    let (symbol, date) = stem.split_once(['_', '-'])?;
    let is_symbol =
        !symbol.is_empty() && symbol.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let period = period(date).filter(|_| is_symbol)?;
    Some(Name { symbol, period })
}

fn decode_contracts(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let mut trades = Trades::new(options, contract_name(&archive.stem))?;
    let mut symbol: Option<String> = None;
    let mut category = None;
    read(archive, &CONTRACT_COLUMNS, |before, rows| {
        let [times, symbols, sides, sizes, prices, foreign, ids] = seven(rows)?;
        let ids = words(&ids)?;
        let (times, symbols, sides) = (numbers(&times)?, words(&symbols)?, words(&sides)?);
        let (sizes, prices, foreign) = (numbers(&sizes)?, numbers(&prices)?, numbers(&foreign)?);
        for row in 0..times.len() {
            let at = |problem: Problem| RowProblem::at(before + row, problem);
            let of_file = symbol.get_or_insert_with(|| symbols[row].clone());
            if *of_file != symbols[row] {
                let problem = Problem::BadWord {
                    column: "symbol",
                    value: symbols[row].clone(),
                    expected: "one symbol a file, as in Bybit's archive",
                };
                return Err(at(problem));
            }
            let (size, price) = (sizes[row], prices[row]);
            let category = if let Some(category) = category {
                category
            } else {
                let found = category_of(of_file, size, price, foreign[row]).map_err(at)?;
                *category.insert(found)
            };
            let (quantity, quote) = match category {
                Category::Inverse => (size / price, Some(size)),
                _ => (size, None),
            };
            let time_ms = milliseconds(times[row]).map_err(at)?;
            let taker_buys = taker_buys(&sides[row]).map_err(at)?;
            let trade = Trade { time_ms, price, quantity, taker_buys, trades: 1 };
            trades.checked.push(before + row, trade, quote, Id::Name(&ids[row]));
        }
        Ok(())
    })?;
    let symbol = symbol.ok_or(Problem::Empty)?;
    let category = category.unwrap_or(Category::Linear);
    trades.into_parts(archive, options, CONTRACTS.name, &symbol, category)
}

fn decode_spot(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let mut trades = Trades::new(options, spot_name(&archive.stem))?;
    read(archive, &SPOT_COLUMNS, |before, rows| {
        let mut columns = rows.columns.into_iter();
        let mut next = || columns.next().ok_or(Problem::Empty);
        let Values::Times(times) = next()? else { return Err(Problem::Empty.into()) };
        let (prices, volumes, sides, ids) = (next()?, next()?, next()?, next()?);
        let ids = words(&ids)?;
        let (prices, volumes) = (numbers(&prices)?, numbers(&volumes)?);
        let sides = words(&sides)?;
        for (row, &time_ms) in times.iter().enumerate() {
            let taker_buys =
                taker_buys(&sides[row]).map_err(|problem| RowProblem::at(before + row, problem))?;
            let (price, quantity) = (prices[row], volumes[row]);
            let trade = Trade { time_ms, price, quantity, taker_buys, trades: 1 };
            trades.checked.push(before + row, trade, None, Id::Name(&ids[row]));
        }
        Ok(())
    })?;
    let symbol = match (&options.symbol, spot_name(&archive.stem)) {
        (Some(symbol), _) => symbol.clone(),
        (None, Some(name)) => name.symbol.to_owned(),
        (None, None) => return Err(Problem::Unknown { what: "symbol" }.into()),
    };
    trades.into_parts(archive, options, SPOT.name, &symbol, Category::Spot)
}

/// What a file's sizes count: by the symbol, held against the first row's values.
fn category_of(symbol: &str, size: f64, price: f64, foreign: f64) -> Result<Category, Problem> {
    let category = Category::of_contract(symbol);
    let close = |value: f64| (foreign - value).abs() <= 1e-6 * value;
    let contradicts = match category {
        Category::Inverse => close(size * price) && !close(size / price),
        _ => close(size / price) && !close(size * price),
    };
    if contradicts {
        let rule = match category {
            Category::Inverse => "is size x price, though the symbol is of an inverse contract",
            _ => "is size / price, though the symbol is of a linear contract",
        };
        return Err(Problem::BadValue { column: "foreignNotional", value: foreign, rule });
    }
    Ok(category)
}

/// Reads the columns asked for, wherever they stand, block by block.
fn read(
    archive: &Archive,
    wanted: &[(&'static str, Want)],
    mut each: impl FnMut(usize, Rows) -> Result<(), RowProblem>,
) -> Result<(), RowProblem> {
    let Some(text) = archive.head() else {
        let reason = "trades are CSV".to_owned();
        return Err(Problem::NotRecognised { reason }.into());
    };
    let names = csv::header(text).ok_or(Problem::Empty)?;
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), Want::Skip)).collect();
    let mut positions = Vec::with_capacity(wanted.len());
    for &(name, want) in wanted {
        let position = names.iter().position(|n| n == name);
        let missing = || Problem::MissingColumn { column: name, have: names.join(", ") };
        let position = position.ok_or_else(missing)?;
        columns[position].1 = want;
        positions.push(position);
    }
    archive.read_blocks(true, &columns, |before, mut rows| {
        let chosen = positions
            .iter()
            .map(|&position| std::mem::replace(&mut rows.columns[position], Values::Skipped));
        rows.columns = chosen.collect();
        each(before, rows)
    })
}

fn seven(rows: Rows) -> Result<[Values; 7], Problem> {
    rows.columns.try_into().map_err(|_| Problem::Empty)
}

fn numbers(values: &Values) -> Result<&[f64], Problem> {
    match values {
        Values::Numbers(numbers) => Ok(numbers),
        _ => Err(Problem::Empty),
    }
}

fn words(values: &Values) -> Result<&[String], Problem> {
    match values {
        Values::Words(words) => Ok(words),
        _ => Err(Problem::Empty),
    }
}

/// Milliseconds since 1970 of decimal seconds.
fn milliseconds(seconds: f64) -> Result<i64, Problem> {
    // 1672531200.123 falls short of the millisecond in binary.
    let time_ms = (seconds * 1000.0 + 1e-3).floor();
    if (1e11..7_258_118_400_000.0).contains(&time_ms) {
        return Ok(time_ms as i64);
    }
    let time_ms = if time_ms.abs() < 9e18 { time_ms as i64 } else { i64::MAX };
    Err(Problem::TimeOutOfRange { time_ms })
}

fn taker_buys(side: &str) -> Result<bool, Problem> {
    match side {
        "Buy" | "buy" => Ok(true),
        "Sell" | "sell" => Ok(false),
        _ => Err(Problem::BadWord {
            column: "side",
            value: side.to_owned(),
            expected: "Buy or Sell, the side of the taker",
        }),
    }
}

/// Trades on their way to the bars of one series.
struct Trades {
    checked: CheckedTrades,
    interval: Interval,
    /// Whether the file is named for a day or month.
    is_named: bool,
}

impl Trades {
    fn new(options: &Options, name: Option<Name>) -> Result<Self, Problem> {
        let interval = options.interval.unwrap_or(Interval::MINUTE);
        let is_named = name.is_some();
        let checked = CheckedTrades::new(interval, name.map(|name| name.period), "size")?;
        Ok(Self { checked, interval, is_named })
    }

    fn into_parts(
        self,
        archive: &Archive,
        options: &Options,
        decoder: &str,
        symbol: &str,
        category: Category,
    ) -> Result<Parts, RowProblem> {
        // An archive of a day is made when the day is over; a file that was unpacked may have been
        // cut off since.
        let complete = self.is_named && is_packed(archive);
        let checked = self.checked.finish(complete, &options.policies)?;
        let identity = Identity::new(archive, options);
        let venue = identity.venue().unwrap_or_else(|| category.venue().to_owned());
        let symbol = options.symbol.clone().unwrap_or_else(|| symbol.to_owned());
        let series = Identity::series(Kind::Candles, venue, symbol, Some(self.interval));
        Ok(vec![Ok(checked.into_decoded(archive, decoder, series, &identity))])
    }
}
