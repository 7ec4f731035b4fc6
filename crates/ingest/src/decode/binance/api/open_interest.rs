//! Answers of openInterestHist.
//!
//! A row stamped T is the snapshot of T: in recorded answers (BTCUSDT, 4 h and 1 d, 2026), value
//! over open interest is the mark price at which the bar of T opens, to 0.02 basis points in the
//! median, and 30 or more basis points off at any other hour tried. So nothing is shifted.

use plimsoll_market::Kind;
use serde_json::Value;

use super::super::{File, contract_size};
use super::{by_symbol, field, first_record, has_fields, number, records, time, word};
use crate::archive::Archive;
use crate::csv::Values;
use crate::decode::{Clues, Format, Parts, open_interest};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(in super::super) const FORMAT: Format = Format {
    name: "binance-api-open-interest/1",
    source: SourceFormat::Binance,
    recognise,
    decode,
};

const FIELDS: [&str; 3] = ["sumOpenInterest", "sumOpenInterestValue", "timestamp"];

fn never(_: &Value) -> bool {
    false
}

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let record = first_record(clues.json.as_ref()?, never)?;
    has_fields(record, &FIELDS).then(|| vec![format!("JSON objects of {}", FIELDS.join(", "))])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let mut unit = None;
    let (mut times, mut symbols) = (Vec::new(), Vec::new());
    let (mut amounts, mut values) = (Vec::new(), Vec::new());
    let n_rows = records(archive, never, |_, record| {
        times.push(time(field(record, "timestamp")?, "timestamp", &mut unit)?);
        let symbol = symbol_of(record)?;
        let amount = number(record, "sumOpenInterest")?;
        let value = number(record, "sumOpenInterestValue")?;
        // COIN-M counts contracts, and their value in base units.
        let (amount, value) = if file.is_coin_margined(&symbol) {
            (value, amount * contract_size(&symbol))
        } else {
            (amount, value)
        };
        symbols.push(symbol);
        amounts.push(amount);
        values.push(value);
        Ok(())
    })?;
    let columns = vec![
        ("time", Values::Times(times)),
        ("symbol", Values::Words(symbols)),
        ("open_interest", Values::Numbers(amounts)),
        ("open_interest_value", Values::Numbers(values)),
    ];
    let raw = Raw::from_columns(n_rows, columns);
    by_symbol(&file, raw, Kind::OpenInterest, FORMAT.name, |raw, _, _| {
        open_interest::build(raw, &options.policies)
    })
}

/// USD-M rows have a symbol, COIN-M rows a pair and a type of contract.
fn symbol_of(record: &Value) -> Result<String, Problem> {
    if record.get("pair").is_none() {
        return word(record, "symbol");
    }
    match (word(record, "pair")?, word(record, "contractType")?.as_str()) {
        (pair, "PERPETUAL") => Ok(format!("{pair}_PERP")),
        (_, other) => {
            let expected = "PERPETUAL, as other types name no contract";
            Err(Problem::BadWord { column: "contractType", value: other.to_owned(), expected })
        }
    }
}
