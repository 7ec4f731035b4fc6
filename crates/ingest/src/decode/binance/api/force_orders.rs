//! Forced orders: recorded messages of the liquidation order streams, and answers of
//! allForceOrders.
//!
//! `S` and `side` are the order's side: a sell closes a long. Price and quantity are those of the
//! fill (`ap`, `z`). A stream sends the latest order of each second and symbol at most, so sums are
//! a lower bound; the same message twice is a recorder that was connected twice.

use plimsoll_market::{Kind, Timestamp};
use serde_json::Value;

use super::super::{COINM, File, flag_lower_bound, unit};
use super::{by_symbol, field, first_record, has_fields, number, records, time, word};
use crate::archive::Archive;
use crate::csv::Values;
use crate::decode::{Checked, Clues, Format, Parts, liquidations};
use crate::error::{Problem, RowProblem};
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(in super::super) const FORMAT: Format =
    Format { name: "binance-api-force-orders/1", source: SourceFormat::Binance, recognise, decode };

/// A file that tells of no order for so long is taken to have a hole there.
const SILENCE_MAX_MS: i64 = 3_600_000;

const REST_FIELDS: [&str; 5] = ["symbol", "side", "averagePrice", "executedQty", "time"];

fn never(_: &Value) -> bool {
    false
}

fn is_message(record: &Value) -> bool {
    record.get("e").and_then(Value::as_str) == Some("forceOrder")
}

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let record = first_record(clues.json.as_ref()?, never)?;
    if is_message(record) {
        return Some(vec!["JSON messages of the event forceOrder".to_owned()]);
    }
    has_fields(record, &REST_FIELDS)
        .then(|| vec![format!("JSON objects of {}", REST_FIELDS.join(", "))])
}

/// The order of a message or an answer under the names that the two have.
fn order(record: &Value) -> Result<(&Value, [&'static str; 6]), Problem> {
    if !is_message(record) {
        let names = ["symbol", "side", "averagePrice", "price", "executedQty", "time"];
        return Ok((record, names));
    }
    Ok((field(record, "o")?, ["s", "S", "ap", "p", "z", "T"]))
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let mut time_unit = None;
    let (mut times, mut symbols, mut sides) = (Vec::new(), Vec::new(), Vec::new());
    let (mut prices, mut quantities) = (Vec::new(), Vec::new());
    let n_rows = records(archive, never, |_, record| {
        let (order, [symbol, side, average_price, price, quantity, stamp]) = order(record)?;
        times.push(time(field(order, stamp)?, stamp, &mut time_unit)?);
        symbols.push(word(order, symbol)?);
        sides.push(word(order, side)?);
        let filled_at = number(order, average_price)?;
        prices.push(if filled_at > 0.0 { filled_at } else { number(order, price)? });
        quantities.push(number(order, quantity)?);
        Ok(())
    })?;
    let covered = covered(&times);
    file.identity.assume(
        "the recorder is taken to have listened wherever two orders are at most an hour apart",
    );
    let columns = vec![
        ("time", Values::Times(times)),
        ("symbol", Values::Words(symbols)),
        ("side", Values::Words(sides)),
        ("price", Values::Numbers(prices)),
        ("quantity", Values::Numbers(quantities)),
    ];
    let raw = Raw::from_columns(n_rows, columns);
    by_symbol(&file, raw, Kind::Liquidations, FORMAT.name, |raw, venue, symbol| {
        let unit = unit(venue == COINM, symbol);
        let mut checked = liquidations::build(raw, unit, &options.policies)?;
        drop_repeated(&mut checked);
        checked.covered.extend(&covered);
        flag_lower_bound(&mut checked, &options.policies)?;
        Ok(checked)
    })
}

/// The runs of orders, of whatever symbol, that are at most [`SILENCE_MAX_MS`] apart.
fn covered(times: &[i64]) -> Vec<(Timestamp, Timestamp)> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let runs = times.chunk_by(|a, b| b - a <= SILENCE_MAX_MS);
    runs.map(|run| (Timestamp(run[0]), Timestamp(run[run.len() - 1] + 1))).collect()
}

fn drop_repeated(checked: &mut Checked) {
    let table = &checked.table;
    let mut keep: Vec<usize> = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let time = table.times()[row];
        let same_time = keep.iter().rev().take_while(|&&kept| table.times()[kept] == time);
        let is_known =
            same_time.into_iter().any(|&kept| table.first_difference(kept, table, row).is_none());
        if !is_known {
            keep.push(row);
        }
    }
    checked.duplicates += table.len() - keep.len();
    checked.keep(&keep);
}
