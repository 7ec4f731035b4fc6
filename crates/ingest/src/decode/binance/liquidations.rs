//! Daily liquidationSnapshot files of the archive.
//!
//! USD-M to 2024-03-31, COIN-M from 2023-06-25 to 2024-10-14. Every row stands there twice. The
//! file accounts for its whole day: a header alone is a quiet day. Under another name it accounts
//! for the time between rows that are no further apart than a quiet market leaves them. At most one forced order a
//! second is told, so that sums are a lower bound. Some USD-M files have a column `symbol`.

use plimsoll_market::Kind;

use super::name::What;
use super::{File, check_symbol, csv_evidence, first_symbol, flag_lower_bound, unit};
use crate::archive::Archive;
use crate::decode::liquidations::{build, halve};
use crate::decode::recorded::{EVENT_SILENCE_MS, note_silences, runs};
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

/// Without any of these it is another file, or not the archive's any more.
const NEEDED: [&str; 4] = ["time", "side", "average_price", "accumulated_fill_quantity"];

fn recognise(clues: &Clues) -> Option<Vec<String>> {
    let is_snapshot = |what: &What| *what == What::LiquidationSnapshot;
    csv_evidence(clues, is_snapshot, &NEEDED, &[COLUMNS.len()])
}

fn decode(archive: &Archive, options: &Options) -> Result<Parts, RowProblem> {
    let file = File::new(archive, options);
    let raw = Raw::read(archive, Kind::Liquidations, &COLUMNS)?;
    let symbol = file.symbol_or(first_symbol(&raw))?;
    let venue = file.venue(&symbol);
    check_symbol(&raw, &symbol)?;
    let unit = unit(file.is_coin_margined(&symbol), &symbol);
    let mut checked = build(raw, unit, &options.policies)?;
    halve(&mut checked, &options.policies)?;
    if let Some(period) = file.period() {
        checked.covered.push(period);
    } else {
        // Several days may stand together here, and any of them be missing.
        let runs = runs(checked.table.times(), EVENT_SILENCE_MS);
        checked.covered = runs.covered;
        note_silences(&mut checked.flags, &runs.silences);
    }
    keep_period(&mut checked, file.period(), &options.policies)?;
    flag_lower_bound(&mut checked, &options.policies)?;
    Ok(file.one(checked, FORMAT.name, (Kind::Liquidations, venue, symbol), None))
}
