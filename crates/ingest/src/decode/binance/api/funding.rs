//! Answers of fundingRate: objects of `symbol`, `fundingTime`, `fundingRate` and, since the end of
//! 2023, `markPrice`, which is empty where it is not known.

use plimsoll_market::Kind;
use serde_json::Value;

use super::super::File;
use super::{
    by_symbol, field, first_record, has_fields, number, number_or_nan, records, time, word,
};
use crate::archive::Archive;
use crate::csv::Values;
use crate::decode::{Clues, Format, Parts, funding};
use crate::error::RowProblem;
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(in super::super) const FORMAT: Format =
    Format { name: "binance-api-funding-rate/1", source: SourceFormat::Binance, recognise, decode };

const FIELDS: [&str; 3] = ["symbol", "fundingTime", "fundingRate"];

fn never(_: &Value) -> bool {
    false
}

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let record = first_record(clues.json.as_ref()?, never)?;
    // OKX has `instId`, and unified dumps of other programs have `info`.
    let is_ours = has_fields(record, &FIELDS)
        && record.get("instId").is_none()
        && record.get("info").is_none();
    is_ours.then(|| vec![format!("JSON objects of {}", FIELDS.join(", "))])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let mut unit = None;
    let (mut times, mut symbols) = (Vec::new(), Vec::new());
    let (mut rates, mut marks) = (Vec::new(), Vec::new());
    let n_rows = records(archive, never, |_, record| {
        times.push(time(field(record, "fundingTime")?, "fundingTime", &mut unit)?);
        symbols.push(word(record, "symbol")?);
        rates.push(number(record, "fundingRate")?);
        marks.push(number_or_nan(record, "markPrice")?);
        Ok(())
    })?;
    let columns = vec![
        ("time", Values::Times(times)),
        ("symbol", Values::Words(symbols)),
        ("rate", Values::Numbers(rates)),
        ("mark_price", Values::Numbers(marks)),
    ];
    let raw = Raw::from_columns(n_rows, columns);
    by_symbol(&file, raw, Kind::Funding, FORMAT.name, |raw, venue, _| {
        funding::build(raw, venue, &options.policies)
    })
}
