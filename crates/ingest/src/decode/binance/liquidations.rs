//! Daily liquidationSnapshot files of the archive.
//!
//! USD-M to 2024-03-31, COIN-M from 2023-06-25 to 2024-10-14. Every row stands there twice. The
//! file accounts for its whole day: a header alone is a quiet day. At most one forced order a
//! second is told, so that sums are a lower bound. Some USD-M files have a column `symbol`.

use plimsoll_market::{Kind, Table, Timestamp};

use super::name::What;
use super::{File, check_symbol, csv_evidence, flag_lower_bound, unit};
use crate::archive::Archive;
use crate::decode::liquidations::{build, halve};
use crate::decode::rows::keep_period;
use crate::decode::{Clues, Format, Parts};
use crate::error::RowProblem;
use crate::options::{Options, SourceFormat};
use crate::raw::Raw;

pub(super) const FORMAT: Format = Format {
    name: "binance-liquidation-snapshot/1",
    source: SourceFormat::Binance,
    recognise,
    decode,
};

const COLUMNS: [&str; 10] = [
    "time",
    "side",
    "order_type",
    "time_in_force",
    "original_quantity",
    "price",
    "average_price",
    "order_status",
    "last_fill_quantity",
    "accumulated_fill_quantity",
];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    csv_evidence(clues, |what| *what == What::LiquidationSnapshot, &COLUMNS, &[COLUMNS.len()])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let symbol = file.symbol()?;
    let venue = file.venue(&symbol);
    let raw = Raw::read(archive, Kind::Liquidations, &COLUMNS)?;
    check_symbol(&raw, &symbol)?;
    let unit = unit(file.is_coin_margined(&symbol), &symbol);
    let mut checked = build(raw, unit, &options.policies)?;
    halve(&mut checked, &options.policies)?;
    match file.period() {
        Some(period) => checked.covered.push(period),
        None => checked.covered.extend(between_rows(&checked.table)),
    }
    keep_period(&mut checked, file.period(), &options.policies)?;
    flag_lower_bound(&mut checked, &options.policies)?;
    Ok(file.one(checked, FORMAT.name, (Kind::Liquidations, venue, symbol), None))
}

/// From the first row to the last, which is all that a file without a period accounts for.
fn between_rows(table: &Table) -> Option<(Timestamp, Timestamp)> {
    let times = table.times();
    Some((Timestamp(*times.first()?), Timestamp(times.last()? + 1)))
}
