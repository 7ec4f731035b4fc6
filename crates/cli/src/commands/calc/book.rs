//! Positions as `heat` and `exposure` read them.

use std::path::PathBuf;

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::ContractKind;
use serde_json::{Value, json};

use super::answer::{Answer, in_range, times};
use super::records::{self, Record, Shape};
use super::tables;
use crate::args::BookArguments;
use crate::error::CliError;
use plimsoll_sizing::formulas::Level;

/// Everything that a position of a list may say; each calculator reads its part.
pub(super) const SHAPE: Shape = Shape {
    noun: "position",
    list: "positions",
    leading: &["symbol", "side"],
    names: &[
        "symbol",
        "side",
        "quantity",
        "notional",
        "margin",
        "size",
        "leverage",
        "contract",
        "entry",
        "price",
        "stop",
        "liquidation",
        "mmr",
        "venue",
        "tier",
    ],
    required: &["symbol", "side"],
};

/// One position and its size.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub(super) record: Record,
    pub(super) symbol: String,
    pub(super) side: Side,
    pub(super) contract: ContractKind,
    /// Notional in quote currency, above 0.
    pub(super) notional: f64,
}

/// How the sizes of a list become notionals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes<'a> {
    /// `size` is margin.
    pub(super) is_margin: bool,
    /// The price that a quantity is first worth its notional at: a loss counts from the entry, an
    /// exposure is that of today.
    pub(super) prices: [&'static str; 2],
    /// The user's tables, which may say what is an inverse contract.
    pub(super) rules: &'a [PathBuf],
    pub(super) at: Option<Timestamp>,
}

/// The positions of a list, at least one, with their notionals.
pub(super) fn positions(
    book: &BookArguments,
    from_stdin: Vec<Record>,
    sizes: Sizes<'_>,
) -> Result<Vec<Position>, CliError> {
    let records = records::read(&SHAPE, &book.position, book.file.as_deref(), from_stdin)?;
    records
        .into_iter()
        .map(|record| {
            let contract = contract(&record, sizes)?;
            Ok(Position {
                symbol: record.required("symbol").to_owned(),
                side: record.side()?,
                contract,
                notional: notional(&record, sizes, contract)?,
                record,
            })
        })
        .collect()
}

/// What the position says, else the venue's table of instruments; linear where neither does.
fn contract(record: &Record, sizes: Sizes<'_>) -> Result<ContractKind, CliError> {
    match record.text("contract") {
        Some("linear") => return Ok(ContractKind::Linear),
        Some("inverse") => return Ok(ContractKind::Inverse),
        Some(_) => return Err(record.bad("contract", "linear or inverse")),
        None => {}
    }
    // The venue may be a word of the user's own, whose contracts are not known here.
    let Some(venue) = record.text("venue").filter(|venue| tables::is_known(venue)) else {
        return Ok(ContractKind::Linear);
    };
    let symbol = record.required("symbol");
    let rules = tables::load_for(venue, symbol, sizes.rules)?;
    let instrument = match sizes.at {
        Some(at) => rules.instrument_at(symbol, at).or_else(|_| rules.instrument(symbol)),
        None => rules.instrument(symbol),
    };
    Ok(instrument.map_or(ContractKind::Linear, |instrument| instrument.contract_kind))
}

/// The notional from whichever of the four sizes is given.
fn notional(record: &Record, sizes: Sizes<'_>, contract: ContractKind) -> Result<f64, CliError> {
    const HINT: &str = "give one of quantity, notional, margin and size";
    let names = ["quantity", "notional", "margin", "size"];
    let given: Vec<&str> = names.into_iter().filter(|name| record.text(name).is_some()).collect();
    let &[name] = given.as_slice() else {
        let message = if given.is_empty() {
            "the size is missing".to_owned()
        } else {
            format!("the size is given as {}", given.join(" and as "))
        };
        return Err(record.refused(&message, HINT));
    };
    let value = record.above_zero(name)?.unwrap_or_default();
    let leverage = record.above_zero("leverage")?;
    let by_leverage = |leverage: Option<f64>| {
        leverage.map(|leverage| value * leverage).ok_or_else(|| {
            record.refused(
                "a margin is no notional without its leverage",
                "add leverage, or give quantity or notional",
            )
        })
    };
    let notional = match name {
        "margin" => by_leverage(leverage)?,
        "size" if sizes.is_margin => by_leverage(leverage)?,
        "notional" if sizes.is_margin => {
            return Err(record.refused(
                "a `notional` carries its leverage already, and --size-is-margin would multiply \
                 it in again",
                "write `margin` or `size` in its place, or leave --size-is-margin out",
            ));
        }
        // US dollars already.
        "quantity" if contract == ContractKind::Inverse => value,
        "quantity" => {
            let [first, second] = sizes.prices;
            let price = record.above_zero(first)?.or(record.above_zero(second)?);
            value
                * price.ok_or_else(|| {
                    record
                        .refused("a quantity is no notional without a price", "add entry or price")
                })?
        }
        _ => value,
    };
    in_range("notional", notional)
        .map_err(|_| record.bad(name, "a size of which the notional is at most 1e300"))
}

/// Each level with whether it is exceeded and how much is left, for programs and for people.
pub(super) fn levels(
    answer: &mut Answer,
    levels: &[Level],
    value: f64,
    show: impl Fn(f64) -> String,
) {
    let rows: Vec<Value> = levels
        .iter()
        .map(|level| {
            json!({
                "name": level.name,
                "limit": level.limit,
                "used_fraction": value / level.limit,
                "exceeded": level.is_exceeded_by(value),
                "room": (level.limit - value).max(0.0),
            })
        })
        .collect();
    for level in levels {
        let text = if level.is_exceeded_by(value) {
            format!("above {}: {} of it", show(level.limit), times(value / level.limit))
        } else {
            let room = (level.limit - value).max(0.0);
            format!("within {}: {} left", show(level.limit), show(room))
        };
        answer.result(level.name, text);
    }
    answer.set("levels", rows);
}
