//! `plimsoll calc heat`.

use plimsoll_market::Side;
use plimsoll_sizing::SizingError;
use plimsoll_sizing::formulas::{HEAT_LEVELS, OpenPosition, heat};
use plimsoll_venue::{
    BracketAt, ContractKind, LiquidationInputs, NoLiquidationPrice, VenueError,
    contract_liquidation_price, liquidatable_at_entry, liquidation_price_at_rate,
};
use serde_json::{Value, json};

use super::answer::{Answer, figure, in_range, percent, plain};
use super::book::{self, Position, Sizes};
use super::records::Record;
use super::tables;
use crate::args::HeatArguments;
use crate::error::CliError;

/// Where a position's loss ends, and what says so.
struct End {
    price: f64,
    is: &'static str,
}

pub(super) fn answer(
    arguments: &HeatArguments,
    from_stdin: Vec<Record>,
) -> Result<Answer, CliError> {
    let equity = arguments.equity.ok_or_else(|| {
        CliError::usage("--equity is missing", "give the equity of the account, as 10000")
    })?;
    let sizes = Sizes {
        is_margin: arguments.size_is_margin,
        prices: ["entry", "price"],
        rules: &arguments.rules,
        at: arguments.at,
    };
    let positions = book::positions(&arguments.book, from_stdin, sizes)?;
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
        let end = end_of_loss(&mut answer, arguments, position, entry)?;
        let at_entry = OpenPosition {
            notional: position.notional,
            entry_price: entry,
            stop_price: Some(end.price),
        };
        let share = heat(&[at_entry], equity).map_err(refused)?;
        in_range("heat", share)?;
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
        if position.contract == ContractKind::Inverse {
            answer.note(format!(
                "{} is an inverse contract: its loss is in the coin, worth the amount shown in US \
                 dollars at the stop or liquidation price",
                position.symbol
            ));
        }
        rows.push(json!({
            "symbol": position.symbol,
            "side": position.side.name(),
            "contract": position.contract.name(),
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
    in_range("heat", total)?;
    in_range("money at risk", total * equity)?;
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
    answer: &mut Answer,
    arguments: &HeatArguments,
    position: &Position,
    entry: f64,
) -> Result<End, CliError> {
    let record = &position.record;
    if let Some(price) = record.above_zero("stop")? {
        return Ok(End { price, is: "stop" });
    }
    let price = match record.above_zero("liquidation")? {
        Some(price) => price,
        None => computed(answer, arguments, position, entry)?,
    };
    // A position that is liquidated at once has its liquidation price on the winning side: the
    // distance to it is no measure of what it may lose.
    if position.side.sign() * (entry - price) > 0.0 {
        return Ok(End { price, is: "liquidation" });
    }
    let rule = if position.side == Side::Long { "below" } else { "above" };
    let message = format!(
        "the position is liquidated at once: its liquidation price is {} at an entry of {}",
        figure(price),
        plain(entry)
    );
    let hint = format!(
        "the liquidation price of a {} lies {rule} the entry: lower the leverage, or give a stop",
        position.side
    );
    Err(record.refused(&message, hint))
}

/// The liquidation price at the rate given or by the venue's brackets; 0 for a long that no price
/// liquidates and that can lose all of its notional still.
fn computed(
    answer: &mut Answer,
    arguments: &HeatArguments,
    position: &Position,
    entry: f64,
) -> Result<f64, CliError> {
    let (record, contract) = (&position.record, position.contract);
    let rate = record
        .number("mmr", "a rate of at least 0 and below 1", |rate| (0.0..1.0).contains(&rate))?;
    let inputs = record.above_zero("leverage")?.map(|leverage| {
        let quantity = match contract {
            ContractKind::Linear => position.notional / entry,
            ContractKind::Inverse => position.notional,
        };
        let margin = contract.value(quantity, entry) / leverage;
        LiquidationInputs::isolated(position.side, quantity, entry, margin)
    });
    let refused = |error: VenueError| record.refused(&error.to_string(), "mend the position");
    let none = |reason: NoLiquidationPrice| match (reason, position.side) {
        (NoLiquidationPrice::NoPriceLiquidates, Side::Long) => Ok(0.0),
        _ => Err(record.refused(
            &reason.to_string(),
            "give a stop, or a leverage at which there is a liquidation price",
        )),
    };
    match (inputs, rate, record.text("venue"), arguments.at) {
        (Some(inputs), Some(rate), ..) => {
            let units = inputs.in_units_of(contract);
            let root = liquidation_price_at_rate(&units, rate, 0.0).map_err(refused)?;
            // A root at or below zero is no price.
            if root > 0.0 {
                return Ok(contract.unit_value(root));
            }
            none(NoLiquidationPrice::NoPriceLiquidates)
        }
        (Some(inputs), None, Some(venue), Some(at)) => {
            let rules = tables::load_for(venue, &position.symbol, &arguments.rules)?;
            let ladder = rules.ladder(&position.symbol, at).map_err(refused)?;
            if liquidatable_at_entry(&inputs.in_units_of(contract), ladder) {
                return Err(record.refused(
                    "the position is liquidated at once: its margin is below the maintenance \
                     margin at entry",
                    "lower the leverage, or give a stop",
                ));
            }
            let label = format!("{} brackets", position.symbol);
            tables::show_brackets(answer, &label, &rules, &position.symbol, at).map_err(refused)?;
            let found =
                contract_liquidation_price(contract, &inputs, ladder, BracketAt::Liquidation)
                    .map_err(refused)?;
            match (found.price, found.reason) {
                (Some(price), _) => Ok(price),
                (None, reason) => none(reason.unwrap_or(NoLiquidationPrice::NoPriceLiquidates)),
            }
        }
        _ => Err(record.refused(
            "there is no stop, and the liquidation price cannot be computed",
            "give stop, or liquidation, or leverage with mmr, or leverage and venue with --at",
        )),
    }
}
