//! `plimsoll calc margin`: the same legs in isolated, cross and portfolio margin.

mod legs;
mod prices;

use std::path::{Path, PathBuf};

use plimsoll_study::is_margin_table;
use plimsoll_venue::margin::{
    Account, AccountCurrency, AccountMargin, Leg, MarginRules, ModeComparison, ModeRequirement,
    PortfolioInputs, PortfolioMargin, compare_margin_modes, cross_margin, isolated_margin,
    portfolio_margin,
};
use plimsoll_venue::{ContractKind, UserTable, VenueError};
use serde_json::{Value, json};

use super::answer::{Answer, figure, percent};
use super::records::{self, Record};
use super::tables;
use crate::args::MarginArguments;
use crate::error::CliError;
pub(super) use legs::SHAPE;
use legs::{ListedLeg, Lookup, bracket_rules, listed_leg, taker_fee};

pub(super) fn answer(
    arguments: &MarginArguments,
    from_stdin: Vec<Record>,
) -> Result<Answer, CliError> {
    let (Some(venue), Some(at)) = (arguments.venue.as_deref(), arguments.at) else {
        return Err(CliError::usage(
            "--venue or --at is missing",
            "give both, as in --venue okx --at 2025-10-10",
        ));
    };
    let records = records::read(&SHAPE, &arguments.leg, arguments.file.as_deref(), from_stdin)?;
    let (own, files) = split_tables(&arguments.rules);
    let rules = margin_rules(venue, &own)?;
    let lookup = Lookup { venue, at, files };
    let mut answer = Answer::new(
        format!("margin of {} at {}", legs_text(records.len()), rules.title()),
        "capital = initial margin + spot that is no collateral; isolated: each leg alone; cross: the \
         sum of the legs with profits netted, liquidated when all legs of a coin moved together bring \
         the equity down to the requirement; portfolio: the largest joint loss over the venue's \
         price moves, with its charges",
    );
    let listed: Vec<ListedLeg> = records
        .into_iter()
        .map(|record| listed_leg(&mut answer, record, &lookup))
        .collect::<Result<_, _>>()?;
    let legs: Vec<Leg<'_>> = listed.iter().map(ListedLeg::lend).collect();
    let haircuts = haircuts(arguments, &legs)?;
    let currency = arguments.currency.as_deref().map(|coin| coin.trim().to_uppercase());
    let (taker_fee_fraction, fee_origin) = taker_fee(arguments, &lookup)?;
    let mut account = Account {
        currency: currency.as_deref().map_or(AccountCurrency::Quote, AccountCurrency::Coin),
        wallet_balance: arguments.wallet.unwrap_or(0.0),
        legs: &legs,
        collateral_haircuts: &haircuts,
        taker_fee_fraction,
    };
    let inputs = PortfolioInputs {
        spot_hedging: !arguments.no_spot_hedging,
        perpetual_contingency_fraction: arguments.contingency,
        initial_margin_factor: arguments.initial_margin_factor,
        basis_tenor_years: arguments.basis_tenor_years,
        minimum_charge_fraction: arguments.minimum_charge,
    };
    let refused = |error: VenueError| refused(&error, &listed);
    let modes = compare_margin_modes(&account, &rules, &inputs, at).map_err(refused)?;
    // What is required does not depend on the wallet, so that one just large enough can follow.
    account.wallet_balance = arguments.wallet.unwrap_or(modes.isolated.initial_margin);
    let isolated = isolated_margin(&account, &rules, at).map_err(refused)?;
    let cross = cross_margin(&account, &rules, at).map_err(refused)?;
    let portfolio = portfolio_margin(&account, &rules, &inputs, at);
    if let Err(error @ (VenueError::BadInput { .. } | VenueError::BadLeg { .. })) = portfolio {
        return Err(refused(error));
    }

    let currency = currency.as_deref().unwrap_or("quote currency");
    let origin = if arguments.wallet.is_some() { "" } else { " (assumed: the initial margin)" };
    answer.input("wallet", format!("{} in {currency}{origin}", figure(account.wallet_balance)));
    for (coin, share) in &arguments.haircut {
        answer.input(format!("haircut of {coin}"), percent(*share));
    }
    match fee_origin {
        Some(origin) if cross.liquidation_fee > 0.0 => {
            answer.table("taker fee", format!("{}, {origin}", percent(taker_fee_fraction)));
        }
        Some(_) => {}
        None => {
            answer.input("taker fee", "0 % (assumed)");
            answer.note(
                "no taker fee is known for the venue: where it counts as margin, as at OKX, give \
                 --taker-fee",
            );
        }
    }
    show_modes(&mut answer, &modes);
    show_accounts(&mut answer, &isolated, &cross, portfolio.as_ref().ok());
    show_transfer(&mut answer, &lookup, &cross)?;
    prices::show(&mut answer, &listed, &isolated, &cross);
    if let Ok(portfolio) = &portfolio {
        show_units(&mut answer, portfolio);
    }
    let of_portfolio = portfolio.iter().flat_map(|portfolio| &portfolio.notes);
    for note in isolated.notes.iter().chain(&cross.notes).chain(of_portfolio) {
        answer.note_once(note.clone());
    }
    Ok(answer)
}

fn legs_text(count: usize) -> String {
    crate::output::counted(count, "leg")
}

/// The haircuts, each for one coin that a leg has.
fn haircuts<'a>(
    arguments: &'a MarginArguments,
    legs: &[Leg<'_>],
) -> Result<Vec<(&'a str, f64)>, CliError> {
    let mut haircuts: Vec<(&str, f64)> = Vec::with_capacity(arguments.haircut.len());
    for (coin, share) in &arguments.haircut {
        if haircuts.iter().any(|(other, _)| other == coin) {
            let message = format!("--haircut of {coin} is given twice");
            return Err(CliError::usage(message, "give one for each coin"));
        }
        if legs.iter().all(|leg| leg.underlying != coin) {
            let message = format!("--haircut is given for {coin}, but no leg is of that coin");
            return Err(CliError::usage(message, "name the coin of a leg, or leave it out"));
        }
        haircuts.push((coin, *share));
    }
    Ok(haircuts)
}

/// What is missing from portfolio margin, with the flag that gives it.
fn no_portfolio(error: &VenueError) -> String {
    let flag = match error {
        VenueError::MissingFigure { figure, .. } => FLAGS.iter().find(|(name, _)| name == figure),
        _ => None,
    };
    match flag {
        Some((_, flag)) => format!("{error} (the flag is {flag})"),
        None => error.to_string(),
    }
}

/// Figures that can be given, with their flags.
const FLAGS: [(&str, &str); 4] = [
    ("perpetual_contingency_fraction", "--contingency"),
    ("initial_margin_factor", "--initial-margin-factor"),
    ("basis_tenor_years", "--basis-tenor-years"),
    ("minimum_charge_fraction", "--minimum-charge"),
];

/// Rows of portfolio margin are TOML, all others CSV.
fn split_tables(files: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    files.iter().cloned().partition(|path| is_margin_table(path))
}

fn margin_rules(venue: &str, files: &[PathBuf]) -> Result<MarginRules, CliError> {
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|path: &PathBuf| tables::read(Path::new(path)))
        .collect::<Result<_, _>>()?;
    let own: Vec<UserTable<'_>> =
        texts.iter().map(|(file, text)| UserTable { file, text }).collect();
    MarginRules::load(venue, &own).map_err(|error| {
        let hint = match &error {
            VenueError::UnknownVenue { .. } => "see the venues named in the message",
            _ => "mend the table given with --rules",
        };
        CliError::usage(error.to_string(), hint)
    })
}

/// An error of the account, with the place of the leg that it is about.
fn refused(error: &VenueError, listed: &[ListedLeg]) -> CliError {
    let hint = "mend the leg, or leave it out";
    match error {
        VenueError::BadLeg { leg_idx, name, value, rule, .. } => {
            let message = format!("`{name}` is {value}, but it must be {rule}");
            listed[*leg_idx].record.refused(&message, hint)
        }
        VenueError::UnsupportedLeg { leg_idx, rule, .. } => {
            listed[*leg_idx].record.refused(rule, hint)
        }
        VenueError::BadInput { .. } => {
            CliError::usage(error.to_string(), "mend the flag, or leave it out")
        }
        _ => CliError::usage(error.to_string(), "give another date, or rows of your own"),
    }
}

fn show_modes(answer: &mut Answer, modes: &ModeComparison) {
    answer.set("gross_notional", modes.gross_notional);
    answer.result("gross notional", figure(modes.gross_notional));
    let mut show = |name: &str, mode: &ModeRequirement| {
        let of_notional = mode
            .of_gross_notional
            .map_or(String::new(), |share| format!(", {} of the notional", percent(share)));
        let of_isolated = mode
            .of_isolated
            .filter(|_| name != "isolated")
            .map_or(String::new(), |share| format!(", {} of isolated", percent(share)));
        answer.result(
            name,
            format!(
                "{} of capital{of_notional}{of_isolated}: initial margin {}, spot not counted {}; \
                 maintenance margin {}",
                figure(mode.capital_required),
                figure(mode.initial_margin),
                figure(mode.spot_not_counted),
                figure(mode.maintenance_margin)
            ),
        );
        answer.set(
            name,
            json!({
                "capital_required": mode.capital_required,
                "initial_margin": mode.initial_margin,
                "maintenance_margin": mode.maintenance_margin,
                "spot_not_counted": mode.spot_not_counted,
                "of_gross_notional": mode.of_gross_notional,
                "of_isolated": mode.of_isolated,
            }),
        );
    };
    show("isolated", &modes.isolated);
    show("cross", &modes.cross);
    match &modes.portfolio {
        Ok(portfolio) => show("portfolio", portfolio),
        Err(error) => {
            answer.set("portfolio", Value::Null);
            let reason = no_portfolio(error);
            answer.result("portfolio", format!("none: {reason}"));
            answer.set("reason", reason);
        }
    }
}

/// Equity and ratio of the account in each mode.
fn show_accounts(
    answer: &mut Answer,
    isolated: &AccountMargin,
    cross: &AccountMargin,
    portfolio: Option<&PortfolioMargin>,
) {
    let mut accounts = serde_json::Map::new();
    let mut add = |name: &str, equity: f64, free: f64, ratio: Option<f64>, is_due: bool| {
        accounts.insert(
            name.to_owned(),
            json!({
                "equity": equity,
                "free_collateral": free,
                "margin_ratio": ratio,
                "is_liquidatable": is_due,
            }),
        );
        if is_due {
            answer.warn(format!("in {name} margin the venue liquidates at these marks"));
        }
        if free < 0.0 {
            answer.warn(format!(
                "in {name} margin the wallet does not carry these legs: {} are lacking",
                figure(-free)
            ));
        }
        if let Some(ratio) = ratio {
            answer.result(
                format!("{name} ratio"),
                format!("{}, liquidated at 100 %", percent(ratio)),
            );
        }
    };
    let of =
        |m: &AccountMargin| (m.equity, m.free_collateral, m.margin_ratio.ok(), m.is_liquidatable);
    let (equity, free, ratio, is_due) = of(isolated);
    add("isolated", equity, free, ratio, is_due);
    let (equity, free, ratio, is_due) = of(cross);
    add("cross", equity, free, ratio, is_due);
    if let Some(p) = portfolio {
        add("portfolio", p.equity, p.free_collateral, p.margin_ratio.ok(), p.is_liquidatable);
    }
    answer.set("accounts", Value::Object(accounts));
}

/// What the venue lets out of the cross account on the day.
fn show_transfer(
    answer: &mut Answer,
    lookup: &Lookup<'_>,
    cross: &AccountMargin,
) -> Result<(), CliError> {
    let Some(rules) = bracket_rules(lookup, ContractKind::Linear)? else {
        return Ok(());
    };
    let Ok(rule) = rules.transfer_rule(lookup.at) else {
        return Ok(());
    };
    let value = cross.legs.iter().filter_map(|leg| leg.leverage_cap.and(Some(leg.notional))).sum();
    let withdrawable = rule
        .withdrawable(cross.equity, cross.initial_margin, value)
        .map_err(|error| CliError::usage(error.to_string(), "mend the legs or the wallet"))?;
    let share = rule.position_value_fraction;
    let rest = if share > 0.0 {
        format!("initial margin or {} of all positions stays", percent(share))
    } else {
        "initial margin stays".to_owned()
    };
    answer.table(
        "transfer rule",
        format!("{rest}, {}", tables::provenance(rule.from, rule.status, &rule.source)),
    );
    answer.set("withdrawable", withdrawable);
    answer.result("may be taken out", format!("{} in cross margin", figure(withdrawable)));
    Ok(())
}

/// The joint stress of each underlying with its whole grid.
fn show_units(answer: &mut Answer, portfolio: &PortfolioMargin) {
    let mut rows: Vec<Value> = Vec::with_capacity(portfolio.units.len());
    for unit in &portfolio.units {
        let worst = &unit.scenarios[unit.binding_scenario_idx];
        answer.result(
            format!("{} stress", unit.underlying),
            format!("worst at {worst}, a loss of {}; {} decides", figure(worst.loss), unit.binding),
        );
        let scenarios: Vec<Value> = unit
            .scenarios
            .iter()
            .map(|scenario| {
                json!({
                    "scenario": scenario.to_string(),
                    "price_move_fraction": scenario.price_move_fraction,
                    "weight": scenario.weight,
                    "loss": scenario.loss,
                })
            })
            .collect();
        let charges: Vec<Value> = unit
            .charges
            .iter()
            .map(
                |charge| json!({ "charge": charge.component.to_string(), "amount": charge.amount }),
            )
            .collect();
        rows.push(json!({
            "underlying": unit.underlying,
            "maintenance_margin": unit.maintenance_margin,
            "initial_margin": unit.initial_margin,
            "binding": unit.binding.to_string(),
            "binding_scenario": worst.to_string(),
            "charges": charges,
            "scenarios": scenarios,
        }));
    }
    answer.set("units", rows);
}
