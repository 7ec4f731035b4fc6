//! `plimsoll calc heat`.

use plimsoll_market::Side;
use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{HEAT_LEVELS, OpenPosition, heat};
use plimsoll_venue::{
    BracketAt, LiquidationInputs, VenueError, liquidation_price, liquidation_price_at_rate,
};
use serde_json::{Value, json};

use super::answer::{Answer, figure, percent, plain};
use super::book::{self, Position};
use super::records::Record;
use super::tables;
use crate::args::HeatArguments;
use crate::error::CliError;

/// Where a position's loss ends, and what says so.
struct End {
    price: f64,
    is: &'static str,
    /// Provenance of the brackets that it was computed with.
    table: Option<String>,
}

pub(super) fn answer(
    arguments: &HeatArguments,
    from_stdin: Vec<Record>,
) -> Result<Answer, CliError> {
    let equity = arguments.equity.ok_or_else(|| {
        CliError::usage("--equity is missing", "give the equity of the account, as 10000")
    })?;
    let positions = book::positions(&arguments.book, from_stdin, arguments.size_is_margin)?;
    let mut answer = Answer::new(
        "heat of a book",
        "heat = sum |notional| |entry - stop| / entry / equity; the notional carries the leverage, \
         which is not multiplied in again",
    );
    answer.input("equity", plain(equity));
    let refused = |error: SizingError| CliError::usage(error.to_string(), "mend the positions");
    let mut open = Vec::with_capacity(positions.len());
    let mut rows: Vec<Value> = Vec::with_capacity(positions.len());
    for position in &positions {
        let entry = entry_price(position)?;
        let end = end_of_loss(arguments, position, entry)?;
        let at_entry = OpenPosition {
            notional: position.notional,
            entry_price: entry,
            stop_price: Some(end.price),
        };
        let share = heat(&[at_entry], equity).map_err(refused)?;
        let distance = (entry - end.price).abs() / entry;
        answer.input(
            format!("{} {}", position.symbol, position.side),
            format!(
                "{} from {}, {} {} ({} away): {} of equity",
                figure(position.notional),
                plain(entry),
                end.is,
                figure(end.price),
                percent(distance),
                percent(share)
            ),
        );
        if end.is != "stop" {
            answer.note(format!(
                "{} has no stop: its loss is taken up to the {} price",
                position.symbol, end.is
            ));
        } else if position.side.sign() * (end.price - entry) > 0.0 {
            answer.warn(format!(
                "the stop of {} lies beyond its entry on the winning side; the formula counts the \
                 distance all the same",
                position.symbol
            ));
        }
        if let Some(table) = end.table {
            answer.table(format!("{} brackets", position.symbol), table);
        }
        rows.push(json!({
            "symbol": position.symbol,
            "side": position.side.name(),
            "notional": position.notional,
            "entry": entry,
            "stop": end.price,
            "stop_is": end.is,
            "distance_fraction": distance,
            "at_risk": share * equity,
            "heat": share,
        }));
        open.push(at_entry);
    }
    let total = heat(&open, equity).map_err(refused)?;
    answer.set("heat", total);
    answer.set("at_risk", total * equity);
    answer.set("equity", equity);
    answer.result(
        "heat",
        format!("{} of equity, {} at risk", percent(total), figure(total * equity)),
    );
    book::levels(&mut answer, &HEAT_LEVELS, total, percent);
    answer.set("positions", rows);
    Ok(answer)
}

fn entry_price(position: &Position) -> Result<f64, CliError> {
    position.record.above_zero("entry")?.ok_or_else(|| {
        position.record.refused("`entry` is missing", "a position of heat needs entry and stop")
    })
}

/// The stop, else the liquidation price, given or computed.
fn end_of_loss(
    arguments: &HeatArguments,
    position: &Position,
    entry: f64,
) -> Result<End, CliError> {
    let record = &position.record;
    if let Some(price) = record.above_zero("stop")? {
        return Ok(End { price, is: "stop", table: None });
    }
    let end = |price, table| Ok(End { price, is: "liquidation", table });
    if let Some(price) = record.above_zero("liquidation")? {
        return end(price, None);
    }
    let rate = record
        .number("mmr", "a rate of at least 0 and below 1", |rate| (0.0..1.0).contains(&rate))?;
    let leverage = record.above_zero("leverage")?;
    let inputs = leverage.map(|leverage| {
        let margin = position.notional / leverage;
        LiquidationInputs::isolated(position.side, position.notional / entry, entry, margin)
    });
    let refused = |error: VenueError| record.refused(&error.to_string(), "mend the position");
    // A long that no price liquidates can still lose all of its notional.
    let price_or_nothing =
        |price: Option<f64>| match (price.filter(|&price| price > 0.0), position.side) {
            (Some(price), _) => Ok(price),
            (None, Side::Long) => Ok(0.0),
            (None, Side::Short) => Err(record.refused(
                "every price liquidates the position",
                "give a stop, or a leverage at which the margin holds",
            )),
        };
    match (inputs, rate, record.text("venue"), arguments.at) {
        (Some(inputs), Some(rate), ..) => {
            let price = liquidation_price_at_rate(&inputs, rate, 0.0).map_err(refused)?;
            end(price_or_nothing(Some(price))?, None)
        }
        (Some(inputs), None, Some(venue), Some(at)) => {
            let rules = tables::load(venue, &arguments.rules)?;
            let dated = rules.dated_ladder(&position.symbol, at).map_err(refused)?;
            let found = liquidation_price(&inputs, &dated.ladder, BracketAt::Liquidation)
                .map_err(refused)?;
            let table = tables::provenance(dated.from, dated.status, &dated.source);
            end(price_or_nothing(found.price)?, Some(table))
        }
        _ => Err(record.refused(
            "there is no stop, and the liquidation price cannot be computed",
            "give stop, or liquidation, or leverage with mmr, or leverage and venue with --at",
        )),
    }
}
