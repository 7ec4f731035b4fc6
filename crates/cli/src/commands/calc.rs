//! `plimsoll calc`: one line in, one JSON line out, the formula in words on stderr.

use std::io::Read;
use std::process::ExitCode;

use clap::Parser;
use plimsoll_market::Side;
use plimsoll_sizing::formulas::{BinaryBet, leverage_from_risk};
use plimsoll_venue::{
    BracketAt, LiquidationInputs, VenueError, VenueRules, bankruptcy_price, liquidatable_at_entry,
    liquidation_price, liquidation_price_at_rate,
};
use serde_json::{Value, json};

use crate::args::{
    Arguments, BracketAtArgument, CalcArguments, CalcCommand, Command, KellyArguments,
    LiquidationArguments, ModeArgument, SideArgument,
};
use crate::error::CliError;
use crate::output::{self, Output};

pub(crate) fn run(arguments: &CalcArguments, output: Output) -> Result<ExitCode, CliError> {
    let answer = match &arguments.command {
        CalcCommand::Kelly(kelly) if kelly.stdin => return run(&from_stdin("kelly")?, output),
        CalcCommand::LiquidationPrice(inputs) if inputs.stdin => {
            return run(&from_stdin("liquidation-price")?, output);
        }
        CalcCommand::Kelly(kelly) => calc_kelly(kelly)?,
        CalcCommand::LiquidationPrice(inputs) => calc_liquidation(inputs)?,
    };
    if let Some(formula) = answer.get("formula").and_then(Value::as_str) {
        output.message(formula);
    }
    // Always JSON: an answer has parts, and a script is what asks most often.
    output::line(&answer.to_string());
    Ok(ExitCode::SUCCESS)
}

/// The calculator's flags from a JSON object on stdin.
fn from_stdin(command: &str) -> Result<CalcArguments, CliError> {
    let hint = match command {
        "kelly" => "write an object of flags, such as {\"win_rate\": 0.55, \"payoff\": 1.5}",
        _ => {
            "write an object of flags, such as {\"side\": \"long\", \"entry\": 100000, \
             \"quantity\": 1, \"wallet\": 5000, \"mmr\": 0.025}"
        }
    };
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("stdin: {error}"), hint))?;
    let object: serde_json::Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| CliError::usage(format!("stdin: {error}"), hint))?;
    let mut words = vec!["plimsoll".to_owned(), "calc".to_owned(), command.to_owned()];
    for (key, value) in object {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            other => {
                let message = format!("stdin: `{key}` is {other}, neither a number nor a text");
                return Err(CliError::usage(message, hint));
            }
        };
        words.push(format!("--{}={value}", key.replace('_', "-")));
    }
    let parsed = Arguments::try_parse_from(words).map_err(|error| {
        // The first paragraph says what is wrong, the others repeat how flags are written.
        let text = error.to_string();
        let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let message = lines.collect::<Vec<_>>().join(" ");
        CliError::usage(format!("stdin: {}", message.trim_start_matches("error: ")), hint)
    })?;
    match parsed.command {
        Command::Calc(arguments) => Ok(arguments),
        _ => Err(CliError::usage("stdin: not the flags of a calculator", hint)),
    }
}

fn calc_kelly(arguments: &KellyArguments) -> Result<Value, CliError> {
    let (Some(win_probability), Some(win)) = (arguments.win_rate, arguments.payoff) else {
        return Err(CliError::usage(
            "--win-rate or --payoff is missing",
            "give both, as in --win-rate 0.55 --payoff 1.5",
        ));
    };
    let bet = BinaryBet { win_probability, win, loss: arguments.loss };
    let refused = |error: plimsoll_sizing::SizingError| {
        CliError::usage(
            error.to_string(),
            "win rates lie between 0 and 1, payoff and loss are above 0",
        )
    };
    let raw = bet.kelly_fraction_raw().map_err(refused)?;
    let full = bet.kelly_fraction().map_err(refused)?;
    let fractional = arguments.fraction * full;
    let growth = |fraction: f64| bet.growth(fraction).ok();
    let mut answer = json!({
        "kelly_fraction": full,
        "fractional": fractional,
        "fraction": arguments.fraction,
        "kelly_fraction_raw": raw,
        "growth_full": growth(full),
        "growth_fractional": growth(fractional),
        "win_rate": win_probability,
        "payoff": win,
        "loss": arguments.loss,
        "formula": "f = p/a - (1-p)/b, a share of equity at risk at the stop, 0 where negative \
                    (p win rate, a mean loss, b mean gain per unit risked)",
    });
    if full <= 0.0 {
        answer["reason"] = json!("the bet has no edge: no trade");
    }
    if let Some(distance) = arguments.stop_distance {
        answer["leverage"] = json!(leverage_from_risk(fractional, distance).map_err(refused)?);
        answer["stop_distance"] = json!(distance);
    }
    Ok(answer)
}

fn calc_liquidation(arguments: &LiquidationArguments) -> Result<Value, CliError> {
    let (Some(side), Some(entry_price), Some(quantity)) =
        (arguments.side, arguments.entry, arguments.quantity)
    else {
        return Err(CliError::usage(
            "--side, --entry or --quantity is missing",
            "give all three, as in --side long --entry 100000 --quantity 1",
        ));
    };
    let wallet_balance = match (arguments.leverage, arguments.wallet) {
        (Some(leverage), None) => entry_price * quantity / leverage,
        (None, Some(wallet)) => wallet,
        _ => {
            return Err(CliError::usage(
                "the margin is not given",
                "give either --leverage or --wallet",
            ));
        }
    };
    let is_cross = arguments.mode == ModeArgument::Cross;
    let inputs = LiquidationInputs {
        side: match side {
            SideArgument::Long => Side::Long,
            SideArgument::Short => Side::Short,
        },
        quantity,
        entry_price,
        wallet_balance,
        other_maintenance_margin: if is_cross { arguments.other_maintenance } else { 0.0 },
        other_unrealised_pnl: if is_cross { arguments.other_upnl } else { 0.0 },
    };
    let refused = |error: VenueError| {
        CliError::usage(error.to_string(), "prices and quantities are above 0, rates from 0 to 1")
    };
    let bankruptcy = bankruptcy_price(&inputs).map_err(refused)?;
    let found = match arguments.mmr {
        Some(rate) => {
            // A root at or below zero is no price: the margin outlasts a fall to nothing.
            let price = Some(
                liquidation_price_at_rate(&inputs, rate, arguments.deduction).map_err(refused)?,
            )
            .filter(|&price| price > 0.0);
            let is_beyond = |price: f64| inputs.side.sign() * (entry_price - price) <= 0.0;
            json!({ "liquidation_price": price, "bracket": null, "maintenance_margin_rate": rate,
                    "maintenance_deduction": arguments.deduction,
                    "liquidatable_at_entry": price.is_some_and(is_beyond) })
        }
        None => by_brackets(arguments, &inputs, refused)?,
    };
    let price = found["liquidation_price"].as_f64();
    let mut answer = json!({
        "liquidation_price": price,
        "bankruptcy_price": bankruptcy,
        "bracket": found["bracket"],
        "distance_fraction": price.map(|price| {
            inputs.side.sign() * (entry_price - price) / entry_price
        }),
        "wallet": wallet_balance,
        "formula": "the mark P with W + s Q (P - E) = Q P mmr - deduction, in the bracket that \
                    holds Q P (W wallet less what other positions need plus what they have earned)",
    });
    for (key, value) in found.as_object().into_iter().flatten() {
        answer[key] = value.clone();
    }
    if price.is_none() && answer.get("reason").is_none() {
        answer["reason"] = json!("no price above zero liquidates the position");
    }
    Ok(answer)
}

/// The exact price over the venue's brackets on the day, or null and why.
fn by_brackets(
    arguments: &LiquidationArguments,
    inputs: &LiquidationInputs,
    refused: impl Fn(VenueError) -> CliError,
) -> Result<Value, CliError> {
    let (Some(venue), Some(symbol), Some(at)) = (&arguments.venue, &arguments.symbol, arguments.at)
    else {
        return Err(CliError::usage(
            "without --mmr the brackets of a venue are needed",
            "give --venue, --symbol and --at, or --mmr with --deduction",
        ));
    };
    let rules = VenueRules::load(venue, &[]).map_err(|error| {
        CliError::usage(error.to_string(), "see the venues named in the message")
    })?;
    let dated = match rules.dated_ladder(symbol, at) {
        Ok(dated) => dated,
        Err(error) => {
            return Ok(json!({
                "liquidation_price": null, "bracket": null, "reason": error.to_string(),
            }));
        }
    };
    let bracket_at = match arguments.bracket_at {
        BracketAtArgument::Entry => BracketAt::Entry,
        BracketAtArgument::Liquidation => BracketAt::Liquidation,
    };
    let found = liquidation_price(inputs, &dated.ladder, bracket_at).map_err(refused)?;
    let bracket = dated.ladder.brackets()[found.bracket_idx];
    let mut answer = json!({
        "liquidation_price": found.price,
        "bracket": bracket.tier,
        "maintenance_margin_rate": bracket.maintenance_margin_rate,
        "maintenance_deduction": bracket.maintenance_deduction,
        "bracket_leverage_max": bracket.leverage_max,
        "exceeds_top_bracket": found.exceeds_top,
        "liquidatable_at_entry": liquidatable_at_entry(inputs, &dated.ladder),
        "table_from": dated.from,
        "table_status": dated.status.name(),
        "table_source": dated.source,
    });
    if let Some(reason) = found.reason {
        answer["reason"] = json!(reason.to_string());
    }
    Ok(answer)
}
