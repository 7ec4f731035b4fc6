//! The legs of `plimsoll calc margin`: from a list's values to the account's.

use std::path::PathBuf;

use plimsoll_market::{Side, Timestamp};
use plimsoll_venue::margin::{Leg, LegKind};
use plimsoll_venue::{ContractKind, Ladder, Status, VenueRules, underlying_of};

use super::super::answer::{Answer, plain, times};
use super::super::records::{Record, Shape};
use super::super::tables;
use crate::args::MarginArguments;
use crate::error::CliError;

/// What a leg of a list may say.
pub(in super::super) const SHAPE: Shape = Shape {
    noun: "leg",
    list: "legs",
    leading: &["kind", "symbol", "side"],
    names: &[
        "kind",
        "symbol",
        "side",
        "underlying",
        "contract",
        "quantity",
        "price",
        "mark",
        "leverage",
        "margin",
        "mmr",
        "leverage_max",
        "years",
    ],
    required: &["kind", "symbol", "side", "quantity", "price"],
};

/// A leg as it is listed, before it is lent to an account.
pub(super) struct ListedLeg {
    pub(super) record: Record,
    pub(super) underlying: String,
    pub(super) kind: LegKind,
    pub(super) side: Side,
    pub(super) quantity: f64,
    pub(super) entry_price: f64,
    pub(super) mark_price: f64,
    pub(super) leverage: f64,
    pub(super) isolated_margin: Option<f64>,
    pub(super) ladder: Option<Ladder>,
}

/// Where brackets and fees are looked up.
pub(super) struct Lookup<'a> {
    pub(super) venue: &'a str,
    pub(super) at: Timestamp,
    /// The user's tables in CSV.
    pub(super) files: Vec<PathBuf>,
}

impl ListedLeg {
    /// The leg for the time of a computation.
    pub(super) fn lend(&self) -> Leg<'_> {
        Leg {
            underlying: &self.underlying,
            symbol: self.record.required("symbol"),
            kind: self.kind,
            side: self.side,
            quantity: self.quantity,
            entry_price: self.entry_price,
            mark_price: self.mark_price,
            leverage: self.leverage,
            isolated_margin: self.isolated_margin,
            ladder: self.ladder.as_ref(),
        }
    }
}

pub(super) fn listed_leg(
    answer: &mut Answer,
    record: Record,
    lookup: &Lookup<'_>,
) -> Result<ListedLeg, CliError> {
    let contract = match record.text("contract") {
        Some("linear") => ContractKind::Linear,
        Some("inverse") => ContractKind::Inverse,
        Some(_) => return Err(record.bad("contract", "linear or inverse")),
        None => tabled_contract(record.required("symbol"), lookup)?,
    };
    let years = record.number("years", "a number of at least 0", |years| years >= 0.0)?;
    let kind = match record.required("kind") {
        "spot" => LegKind::Spot,
        "perp" | "perpetual" => LegKind::Perpetual(contract),
        "future" => LegKind::Future {
            contract,
            expiry_years: years.ok_or_else(|| {
                record.refused("`years` is missing", "a future needs the years to its expiry")
            })?,
        },
        _ => return Err(record.bad("kind", "spot, perp or future")),
    };
    let symbol = record.required("symbol").to_owned();
    let side = record.side()?;
    // Both are needed, and their absence was refused.
    let quantity = record.above_zero("quantity")?.unwrap_or_default();
    let entry_price = record.above_zero("price")?.unwrap_or_default();
    let mark_price = record.above_zero("mark")?.unwrap_or(entry_price);
    let leverage =
        record.number("leverage", "a number of at least 1", |x| x >= 1.0)?.unwrap_or(1.0);
    let isolated_margin = record.number("margin", "a number", |_| true)?;
    let ladder = if kind.is_spot() { None } else { Some(ladder(answer, &record, kind, lookup)?) };
    let underlying = underlying_of(record.text("underlying").unwrap_or(&symbol));
    if underlying.is_empty() {
        return Err(record
            .refused("the symbol names no coin", "give it as underlying, as in underlying=BTC"));
    }
    let unit =
        if contract == ContractKind::Inverse && !kind.is_spot() { " US dollars" } else { "" };
    let told = if kind.is_spot() { String::new() } else { format!(", {}", times(leverage)) };
    answer.input(
        format!("{} {symbol} {side}", record.required("kind")),
        format!(
            "{}{unit} from {}, mark {}{told}",
            plain(quantity),
            plain(entry_price),
            plain(mark_price)
        ),
    );
    Ok(ListedLeg {
        record,
        underlying,
        kind,
        side,
        quantity,
        entry_price,
        mark_price,
        leverage,
        isolated_margin,
        ladder,
    })
}

/// How the venue's table of instruments says that a symbol is settled; linear if it has none.
fn tabled_contract(symbol: &str, lookup: &Lookup<'_>) -> Result<ContractKind, CliError> {
    for kind in [ContractKind::Linear, ContractKind::Inverse] {
        let rules = bracket_rules(lookup, kind)?;
        if let Some(Ok(instrument)) =
            rules.as_ref().map(|rules| rules.instrument_at(symbol, lookup.at))
        {
            return Ok(instrument.contract_kind);
        }
    }
    Ok(ContractKind::Linear)
}

/// The brackets of a contract: those given with the leg, or the venue's on the day.
fn ladder(
    answer: &mut Answer,
    record: &Record,
    kind: LegKind,
    lookup: &Lookup<'_>,
) -> Result<Ladder, CliError> {
    let symbol = record.required("symbol");
    let rate =
        record.number("mmr", "a rate of at least 0 and below 1", |x| (0.0..1.0).contains(&x))?;
    let most = record.number("leverage_max", "a number of at least 1", |x| x >= 1.0)?;
    if let (Some(rate), Some(most)) = (rate, most) {
        answer.table(format!("{symbol} brackets"), "given with the leg".to_owned());
        return Ladder::flat(rate, most)
            .map_err(|error| record.refused(&error.to_string(), "mend mmr and leverage_max"));
    }
    if rate.is_some() || most.is_some() {
        return Err(record.refused(
            "of mmr and leverage_max only one is given",
            "give both, or neither for the venue's brackets",
        ));
    }
    let hint = "give mmr and leverage_max with the leg, or brackets of your own with --rules";
    let Some(rules) = bracket_rules(lookup, kind.contract())? else {
        let message = format!("no brackets are known for {}", lookup.venue);
        return Err(record.refused(&message, hint));
    };
    let dated = rules
        .dated_ladder(symbol, lookup.at)
        .map_err(|error| record.refused(&error.to_string(), hint))?;
    answer.table(
        format!("{symbol} brackets"),
        tables::provenance(dated.from, dated.status, &dated.source),
    );
    if let Some(note) = rules.unseen_note(lookup.at) {
        answer.note_once(note);
    }
    let lag = rules.profile().bracket_lag_days;
    if lag > 0 && dated.status != Status::User {
        answer.set("table_lag_days", lag);
        answer.note_once(format!(
            "the brackets come from snapshots: a change took effect up to {lag} days before the date \
             at which the table shows it"
        ));
    }
    let next = rules
        .uncertain_successor(symbol, lookup.at)
        .map_err(|error| record.refused(&error.to_string(), hint))?;
    if let Some(next) = next {
        answer.warn(format!(
            "other brackets of {symbol}, shown from {}, may have held already",
            next.from.date_string()
        ));
    }
    Ok(dated.ladder.clone())
}

/// The bracket tables of the venue: by its own name, or by the kind of contract as in
/// `bybit-linear` and `okx-swap`.
pub(super) fn bracket_rules(
    lookup: &Lookup<'_>,
    contract: ContractKind,
) -> Result<Option<VenueRules>, CliError> {
    let venue = lookup.venue.trim().to_lowercase().replace('_', "-");
    let names = [venue.clone(), format!("{venue}-{}", contract.name()), format!("{venue}-swap")];
    let known = VenueRules::venues().map_err(|error| {
        CliError::usage(error.to_string(), "see the venues named in the message")
    })?;
    names
        .iter()
        .find(|name| known.contains(name))
        .map(|name| tables::load(name, &lookup.files))
        .transpose()
}

/// The taker fee that was given, or the venue's on the day, and where it is from; 0 from nowhere
/// if it is not known.
pub(super) fn taker_fee(
    arguments: &MarginArguments,
    lookup: &Lookup<'_>,
) -> Result<(f64, Option<String>), CliError> {
    if let Some(fee) = arguments.taker_fee {
        return Ok((fee, Some("as given".to_owned())));
    }
    let rules = bracket_rules(lookup, ContractKind::Linear)?;
    let fees = rules.as_ref().and_then(|rules| rules.fees(lookup.at).ok());
    Ok(fees.map_or((0.0, None), |fees| {
        let origin = tables::provenance(fees.from, fees.status, &fees.source);
        (fees.taker_fee_fraction, Some(origin))
    }))
}
