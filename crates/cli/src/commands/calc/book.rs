//! Positions as `heat` and `exposure` read them.

use plimsoll_market::Side;
use serde_json::{Value, json};

use super::answer::{Answer, times};
use super::records::{self, Record, Shape};
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
    /// Notional in quote currency, above 0.
    pub(super) notional: f64,
}

/// The positions of a list, at least one, with their notionals.
pub(super) fn positions(
    book: &BookArguments,
    from_stdin: Vec<Record>,
    size_is_margin: bool,
) -> Result<Vec<Position>, CliError> {
    let records = records::read(&SHAPE, &book.position, book.file.as_deref(), from_stdin)?;
    records
        .into_iter()
        .map(|record| {
            Ok(Position {
                symbol: record.required("symbol").to_owned(),
                side: record.side()?,
                notional: notional(&record, size_is_margin)?,
                record,
            })
        })
        .collect()
}

/// The notional from whichever of the four sizes is given.
fn notional(record: &Record, size_is_margin: bool) -> Result<f64, CliError> {
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
    let price = record.above_zero("price")?.or(record.above_zero("entry")?);
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
        "size" if size_is_margin => by_leverage(leverage)?,
        "notional" if size_is_margin => {
            return Err(record.refused(
                "a `notional` carries its leverage already, and --size-is-margin would multiply \
                 it in again",
                "write `margin` or `size` in its place, or leave --size-is-margin out",
            ));
        }
        "quantity" => {
            let entry = record.above_zero("entry")?.or(price).ok_or_else(|| {
                record.refused("a quantity is no notional without a price", "add entry or price")
            })?;
            value * record.above_zero("price")?.unwrap_or(entry)
        }
        _ => value,
    };
    if notional.is_finite() {
        return Ok(notional);
    }
    Err(record.bad(name, "a size of which the notional is a finite number"))
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
