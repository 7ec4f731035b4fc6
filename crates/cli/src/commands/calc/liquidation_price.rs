//! `plimsoll calc liquidation-price`.
//!
//! Inverse contracts are solved as linear ones of one over the price with the side turned round,
//! as [`ContractKind`] says.

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::margin::{MarginPrice, MarginRules, isolated_liquidation_price};
use plimsoll_venue::{
    BracketAt, ContractKind, DatedLadder, Ladder, LiquidationInputs, LiquidationPrice, Status,
    TierBasis, VenueError, VenueRules, bankruptcy_price, bybit_isolated_liquidation_price,
    liquidatable_at_entry, liquidation_price_at_rate,
};
use serde_json::{Value, json};

use super::answer::{Answer, figure, percent, plain, times};
use super::tables;
use crate::args::{BracketAtArgument, ContractArgument, LiquidationArguments, ModeArgument};
use crate::error::CliError;

const FORMULA: &str = "the mark P with W + s Q (P - E) = Q P mmr - deduction, in the bracket that \
                       holds Q P (W wallet less what other positions need plus what they have \
                       earned)";
const INVERSE_FORMULA: &str = "the mark P with W + s n (1/E - 1/P) = n/P mmr - deduction, in the \
                               bracket that holds n/P (n US dollars; W, in the coin, wallet less \
                               what other positions need plus what they have earned)";

const ENTRY_FORMULA: &str = "the mark P with W + s Q (P - E) = Q E mmr - deduction, the maintenance \
                             margin at the entry as the venue took it then, in the bracket that \
                             holds Q E (W wallet less what other positions need plus what \
                             they have earned)";
const INVERSE_ENTRY_FORMULA: &str = "the mark P with W + s n (1/E - 1/P) = n/E mmr - deduction, the \
                                     maintenance margin at the entry as the venue took it then, in \
                                     the bracket that holds n/E (n US dollars; W, in the coin, wallet \
                                     less what other positions need plus what they have earned)";

/// The position as given, and as a linear contract of one unit's value.
struct Position {
    side: Side,
    entry_price: f64,
    contract: ContractKind,
    inputs: LiquidationInputs,
    maintenance_at: MarginPrice,
}

impl Position {
    /// The price of a unit value, if there is one above zero.
    fn price(&self, unit_value: Option<f64>) -> Option<f64> {
        unit_value.filter(|&value| value > 0.0).map(|value| self.contract.unit_value(value))
    }

    /// The unit value at which the position is liquidated under a ladder.
    fn solve(&self, ladder: &Ladder, bracket_at: BracketAt) -> Result<LiquidationPrice, CliError> {
        isolated_liquidation_price(&self.inputs, ladder, bracket_at, self.maintenance_at)
            .map_err(refused)
    }

    /// How far the price may move against the position, as a fraction of the entry.
    fn distance_fraction(&self, price: f64) -> f64 {
        self.side.sign() * (self.entry_price - price) / self.entry_price
    }

    /// Worth at entry in settlement currency.
    fn notional(&self) -> f64 {
        self.inputs.quantity * self.inputs.entry_price
    }
}

pub(super) fn answer(arguments: &LiquidationArguments) -> Result<Answer, CliError> {
    let position = position(arguments)?;
    let bankruptcy = bankruptcy_price(&position.inputs).map_err(refused)?;
    let is_cross = arguments.mode == ModeArgument::Cross;
    let mut answer = Answer::new(
        format!(
            "liquidation price of a {} of {}{}, {} margin",
            position.side,
            plain(position.inputs.quantity),
            match (position.contract, &arguments.tables.symbol) {
                (ContractKind::Linear, None) => String::new(),
                (ContractKind::Linear, Some(symbol)) => format!(" {symbol}"),
                (ContractKind::Inverse, None) => " US dollars, inverse".to_owned(),
                (ContractKind::Inverse, Some(symbol)) =>
                    format!(" US dollars of {symbol}, inverse"),
            },
            if is_cross { "cross" } else { "isolated" },
        ),
        match (position.contract, position.maintenance_at) {
            (ContractKind::Linear, MarginPrice::Mark) => FORMULA,
            (ContractKind::Inverse, MarginPrice::Mark) => INVERSE_FORMULA,
            (ContractKind::Linear, MarginPrice::Entry) => ENTRY_FORMULA,
            (ContractKind::Inverse, MarginPrice::Entry) => INVERSE_ENTRY_FORMULA,
        },
    );
    inputs(&mut answer, arguments, &position);
    // Contract keys first, so that a reader meets them first; the rest follows.
    for key in ["liquidation_price", "bankruptcy_price", "bracket", "distance_fraction"] {
        answer.set(key, Value::Null);
    }
    answer.set("bankruptcy_price", position.price(bankruptcy));
    answer.set("wallet", position.inputs.wallet_balance);
    let (price, reason) = match arguments.mmr {
        Some(rate) => at_rate(&mut answer, arguments, &position, rate)?,
        None => by_brackets(&mut answer, arguments, &position)?,
    };
    answer.set("contract", position.contract.name());
    answer.set("notional", position.notional());
    answer.set("liquidation_price", price);
    answer.set("distance_fraction", price.map(|price| position.distance_fraction(price)));
    if let Some(price) = price {
        let distance = percent(position.distance_fraction(price));
        answer.result("liquidation", format!("{}, {distance} from the entry", figure(price)));
    } else {
        let reason =
            reason.unwrap_or_else(|| "no price above zero liquidates the position".to_owned());
        answer.result("liquidation", format!("none: {reason}"));
        answer.set("reason", reason);
    }
    let bankruptcy = position.price(bankruptcy);
    answer.result(
        "bankruptcy",
        bankruptcy.map_or_else(|| "none: the margin covers every price".to_owned(), figure),
    );
    Ok(answer)
}

fn position(arguments: &LiquidationArguments) -> Result<Position, CliError> {
    let (Some(side), Some(entry_price), Some(quantity)) =
        (arguments.side, arguments.entry, arguments.quantity)
    else {
        return Err(CliError::usage(
            "--side, --entry or --quantity is missing",
            "give all three, as in --side long --entry 100000 --quantity 1",
        ));
    };
    let contract = contract(arguments)?;
    let wallet_balance = match (arguments.leverage, arguments.wallet) {
        (Some(leverage), None) => contract.value(quantity, entry_price) / leverage,
        (None, Some(wallet)) => wallet,
        _ => {
            return Err(CliError::usage(
                "the margin is not given",
                "give either --leverage or --wallet",
            ));
        }
    };
    let side = Side::from(side);
    let is_cross = arguments.mode == ModeArgument::Cross;
    let inputs = LiquidationInputs {
        side: contract.unit_side(side),
        quantity,
        entry_price: contract.unit_value(entry_price),
        wallet_balance,
        other_maintenance_margin: if is_cross { arguments.other_maintenance } else { 0.0 },
        other_unrealised_pnl: if is_cross { arguments.other_upnl } else { 0.0 },
    };
    let maintenance_at = maintenance_at(arguments);
    Ok(Position { side, entry_price, contract, inputs, maintenance_at })
}

/// The price that the venue took maintenance margin at on the day in the mode; the mark where no rules
/// say.
fn maintenance_at(arguments: &LiquidationArguments) -> MarginPrice {
    let flags = &arguments.tables;
    let (Some(venue), Some(at)) = (&flags.venue, flags.at) else {
        return MarginPrice::Mark;
    };
    MarginRules::load(venue, &[]).and_then(|rules| rules.valuation(at)).map_or(
        MarginPrice::Mark,
        |valuation| match arguments.mode {
            ModeArgument::Isolated => valuation.isolated_maintenance,
            ModeArgument::Cross => valuation.cross_maintenance,
        },
    )
}

/// What the flag says, else the venue's table of instruments; linear where neither does.
fn contract(arguments: &LiquidationArguments) -> Result<ContractKind, CliError> {
    if let Some(contract) = arguments.contract {
        return Ok(match contract {
            ContractArgument::Inverse => ContractKind::Inverse,
            ContractArgument::Linear => ContractKind::Linear,
        });
    }
    let flags = &arguments.tables;
    let (Some(venue), Some(symbol), Some(at)) = (&flags.venue, &flags.symbol, flags.at) else {
        return Ok(ContractKind::Linear);
    };
    let rules = tables::load_for(venue, symbol, &flags.rules)?;
    let instrument = rules.instrument_at(symbol, at);
    Ok(instrument.map_or(ContractKind::Linear, |instrument| instrument.contract_kind))
}

fn inputs(answer: &mut Answer, arguments: &LiquidationArguments, position: &Position) {
    let unit = match position.contract {
        ContractKind::Linear => "in quote currency",
        ContractKind::Inverse => "in the coin",
    };
    answer.input("entry E", plain(position.entry_price));
    answer.input(
        if position.contract == ContractKind::Linear { "quantity Q" } else { "quantity n" },
        plain(position.inputs.quantity),
    );
    answer.input("notional", format!("{} {unit}", figure(position.notional())));
    let wallet = figure(position.inputs.wallet_balance);
    answer.input(
        "wallet W",
        match arguments.leverage {
            Some(leverage) => format!("{wallet} {unit}, from {}", times(leverage)),
            None => format!("{wallet} {unit}"),
        },
    );
    if arguments.mode == ModeArgument::Cross {
        answer.input("other positions need", plain(arguments.other_maintenance));
        answer.input("and have earned", plain(arguments.other_upnl));
        if arguments.leverage.is_some() {
            answer.note(
                "cross margin stands on the whole wallet; here it is taken to hold the position's \
                 initial margin and no more: --wallet says what it holds",
            );
        }
    }
    if let Some(rate) = arguments.mmr {
        answer.input("maintenance rate", percent(rate));
        answer.input("deduction", plain(arguments.deduction));
    }
}

/// The price at a rate given in place of brackets.
fn at_rate(
    answer: &mut Answer,
    arguments: &LiquidationArguments,
    position: &Position,
    rate: f64,
) -> Result<(Option<f64>, Option<String>), CliError> {
    let inputs = &position.inputs;
    // A root at or below zero is no price: the margin outlasts a fall to nothing.
    let root = match position.maintenance_at {
        MarginPrice::Mark => liquidation_price_at_rate(inputs, rate, arguments.deduction),
        MarginPrice::Entry => {
            let fixed = position.notional() * rate - arguments.deduction;
            bybit_isolated_liquidation_price(inputs, fixed)
        }
    };
    let root = root.map_err(refused)?;
    let price = position.price(Some(root));
    answer.set("maintenance_margin_rate", rate);
    answer.set("maintenance_deduction", arguments.deduction);
    let is_beyond = price.is_some_and(|price| position.distance_fraction(price) <= 0.0);
    answer.set("liquidatable_at_entry", is_beyond);
    if is_beyond {
        answer.warn(liquidatable_text());
    }
    Ok((price, None))
}

/// The exact price over the venue's brackets on the day, or none and why.
fn by_brackets(
    answer: &mut Answer,
    arguments: &LiquidationArguments,
    position: &Position,
) -> Result<(Option<f64>, Option<String>), CliError> {
    let flags = &arguments.tables;
    let (Some(venue), Some(symbol), Some(at)) = (&flags.venue, &flags.symbol, flags.at) else {
        return Err(CliError::usage(
            "without --mmr the brackets of a venue are needed",
            "give --venue, --symbol and --at, or --mmr with --deduction",
        ));
    };
    let rules = tables::load_for(venue, symbol, &flags.rules)?;
    let dated = match rules.dated_ladder(symbol, at) {
        Ok(dated) => dated,
        Err(error) => return Ok((None, Some(error.to_string()))),
    };
    let bracket_at = match arguments.bracket_at {
        BracketAtArgument::Entry => BracketAt::Entry,
        BracketAtArgument::Liquidation => BracketAt::Liquidation,
    };
    let inputs = &position.inputs;
    let found = position.solve(&dated.ladder, bracket_at)?;
    let brackets = dated.ladder.brackets();
    let bracket = brackets[found.bracket_idx];
    answer.set("bracket", bracket.tier);
    answer.set("maintenance_margin_rate", bracket.maintenance_margin_rate);
    answer.set("maintenance_deduction", bracket.maintenance_deduction);
    answer.set("bracket_leverage_max", bracket.leverage_max);
    answer.set("exceeds_top_bracket", found.exceeds_top);
    let is_liquidatable = liquidatable_at_entry(inputs, &dated.ladder);
    answer.set("liquidatable_at_entry", is_liquidatable);
    answer.set("table_from", json!(dated.from));
    answer.set("table_status", dated.status.name());
    answer.set("table_source", dated.source.clone());
    answer.table(
        "brackets",
        format!(
            "{symbol} at {}, {}",
            rules.venue(),
            tables::provenance(dated.from, dated.status, &dated.source)
        ),
    );
    answer.table(
        "bracket",
        format!(
            "{} of {}: rate {}, deduction {}, leverage up to {}",
            bracket.tier,
            brackets.len(),
            percent(bracket.maintenance_margin_rate),
            plain(bracket.maintenance_deduction),
            times(bracket.leverage_max)
        ),
    );
    let fee = dated.ladder.closing_fee_fraction();
    if dated.ladder.basis() == TierBasis::Quantity {
        answer.extend_formula("; brackets go by the quantity");
    }
    if fee > 0.0 {
        answer.extend_formula("; mmr here is the rate and the closing fee together");
        answer.set("closing_fee_fraction", fee);
        answer.table(
            "closing fee",
            format!("{} of the notional, required on top of mmr", percent(fee)),
        );
    }
    if is_liquidatable {
        answer.warn(liquidatable_text());
    }
    if found.exceeds_top {
        answer.warn("the position is larger than the top bracket: its rate is continued");
    }
    leverage(answer, arguments, position, &dated.ladder);
    successor(answer, position, &rules, dated, bracket_at, symbol, at)?;
    Ok((position.price(found.price), found.reason.map(|reason| reason.to_string())))
}

/// Says so where the leverage is more than the bracket of the position at entry grants.
fn leverage(
    answer: &mut Answer,
    arguments: &LiquidationArguments,
    position: &Position,
    ladder: &Ladder,
) {
    let inputs = &position.inputs;
    let size = ladder.size(inputs.quantity, inputs.entry_price);
    let bracket = ladder.bracket_at(size);
    let leverage = match arguments.leverage {
        Some(leverage) => leverage,
        None if arguments.mode == ModeArgument::Isolated && inputs.wallet_balance > 0.0 => {
            position.notional() / inputs.wallet_balance
        }
        None => return,
    };
    answer.set("leverage_max", bracket.leverage_max);
    let exceeds = leverage > bracket.leverage_max * (1.0 + 1e-9);
    answer.set("exceeds_leverage_max", exceeds);
    if !exceeds {
        return;
    }
    let granting = ladder.brackets().iter().take_while(|b| b.leverage_max >= leverage).last();
    let mend = if let Some(granting) = granting {
        let what = match ladder.basis() {
            TierBasis::Notional => "notional",
            TierBasis::Quantity => "quantity",
        };
        let (tier, cap) = (granting.tier, plain(granting.cap));
        format!("{} is granted up to bracket {tier}, a {what} of {cap}", times(leverage))
    } else {
        let most = times(ladder.brackets()[0].leverage_max);
        format!("no bracket grants {}, the most is {most}", times(leverage))
    };
    answer.warn(format!(
        "the venue would refuse this position: in bracket {} it grants at most {}; {mend}",
        bracket.tier,
        times(bracket.leverage_max),
    ));
}

/// Says so where the next brackets may have held already, with the price that they give.
fn successor(
    answer: &mut Answer,
    position: &Position,
    rules: &VenueRules,
    dated: &DatedLadder,
    bracket_at: BracketAt,
    symbol: &str,
    at: Timestamp,
) -> Result<(), CliError> {
    let lag = rules.profile().bracket_lag_days;
    if lag > 0 && dated.status != Status::User {
        answer.set("table_lag_days", lag);
        answer.note(format!(
            "the brackets come from snapshots: a change took effect up to {lag} days before the \
             date at which the table shows it"
        ));
    }
    let Some(next) = rules.uncertain_successor(symbol, at).map_err(refused)? else {
        return Ok(());
    };
    let found = position.solve(&next.ladder, bracket_at)?;
    let price = position.price(found.price);
    answer.set("next_table_from", json!(next.from));
    answer.set("next_table_liquidation_price", price);
    let now = position.solve(&dated.ladder, bracket_at)?;
    let shown = format!(
        "other brackets, shown from {}, may have held already; with them the price is",
        next.from.date_string()
    );
    if found.price == now.price {
        answer.note(format!("{shown} the same"));
    } else {
        answer.warn(format!("{shown} {}", price.map_or_else(|| "none".to_owned(), figure)));
    }
    Ok(())
}

fn liquidatable_text() -> &'static str {
    "the margin is below the maintenance margin at entry: the position is liquidated at once"
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn refused(error: VenueError) -> CliError {
    CliError::usage(error.to_string(), "prices and quantities are above 0, rates from 0 to 1")
}
