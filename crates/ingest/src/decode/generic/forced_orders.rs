//! Single liquidations of any origin: whose side they name, what they count in, what they cover.

use crate::csv::Values;
use crate::decode::Checked;
use crate::decode::identity::Identity;
use crate::decode::liquidations::{self, Quantity};
use crate::decode::recorded::{EVENT_SILENCE_MS, note_silences, runs};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policy, Rule};
use crate::raw::Raw;

/// Venues that count contracts.
const BY_CONTRACT: [&str; 6] =
    ["binance-coinm", "bybit-inverse", "okx-swap", "okx-futures", "bitmex", "deribit"];

/// A notional so close to price times quantity is of a quantity in base units.
const NOTIONAL_TOLERANCE: f64 = 1e-3;

pub(super) fn build(
    mut raw: Raw,
    (venue, symbol): (&str, &str),
    identity: &Identity,
) -> Result<Checked, RowProblem> {
    settle_side(&mut raw, venue, identity)?;
    if BY_CONTRACT.contains(&venue) && raw.n_rows > 0 {
        settle_quantity(&mut raw, is_inverse(venue, symbol), identity)?;
    }
    let mut checked = liquidations::build(raw, Quantity::Base, &identity.options.policies)?;
    let runs = runs(checked.table.times(), EVENT_SILENCE_MS);
    if !runs.covered.is_empty() {
        let minutes = EVENT_SILENCE_MS / 60_000;
        identity.assume(format!(
            "rows up to {minutes} minutes apart are taken for one unbroken record; other time is not covered"
        ));
    }
    checked.covered = runs.covered;
    note_silences(&mut checked.flags, &runs.silences);
    Ok(checked)
}

/// A bare `side` of buy or sell is the order's, by which a sell closes a long. Bybit has both
/// meanings: in its stream of all liquidations it is the position's, in other lists the order's.
fn settle_side(raw: &mut Raw, venue: &str, identity: &Identity) -> Result<(), RowProblem> {
    if raw.columns.contains_key("liquidated_side") {
        return Ok(());
    }
    let Some(Values::Words(words)) = raw.columns.get_mut("side") else { return Ok(()) };
    let is_order = |word: &String| ["buy", "sell"].iter().any(|w| word.eq_ignore_ascii_case(w));
    let Some(row) = words.iter().position(is_order) else { return Ok(()) };
    if !venue.starts_with("bybit-") {
        identity.assume(
            "`side` taken as the order's, so that a sell closes a long; name the column `liquidated_side` if it is the position's",
        );
        return Ok(());
    }
    if identity.options.policies.of(Rule::UnknownSide) == Policy::Flag {
        for word in words.iter_mut().filter(|word| is_order(word)) {
            // No word for a side, so that it is flagged as one that is unknown.
            word.insert_str(0, "order or position: ");
        }
        return Ok(());
    }
    let what = format!(
        "`side` is `{}`, which at Bybit is the position's in some lists and the order's in others",
        words[row]
    );
    Err(RowProblem::at(row, Problem::Broken { rule: Rule::UnknownSide, what }))
}

/// Whether contracts are counted in US dollars.
fn is_inverse(venue: &str, symbol: &str) -> bool {
    match venue {
        "okx-swap" | "okx-futures" => symbol.split('-').nth(1) == Some("USD"),
        "binance-coinm" | "bybit-inverse" => true,
        _ => !symbol.contains("USDT") && !symbol.contains("USDC"),
    }
}

/// Makes quantities base units, by the notional or else by the size of a contract.
fn settle_quantity(raw: &mut Raw, is_inverse: bool, identity: &Identity) -> Result<(), RowProblem> {
    let numbers = |name: &str| match raw.columns.get(name) {
        Some(Values::Numbers(numbers)) => Some(numbers),
        _ => None,
    };
    let Some(quantity) = numbers("quantity") else { return Ok(()) };
    if let (Some(notional), Some(price)) = (numbers("notional"), numbers("price")) {
        let is_base = quantity
            .iter()
            .zip(price)
            .zip(notional)
            .all(|((q, p), n)| (q * p - n).abs() <= NOTIONAL_TOLERANCE * n.abs());
        if !is_base {
            raw.columns.remove("quantity");
            identity.assume("quantities taken to be contracts; base units made of the notional");
        }
        return Ok(());
    }
    let Some(size) = identity.options.contract_size else {
        let reason = "its quantities are contracts, and nothing says what one is worth".to_owned();
        let mend = "add a column `notional`, or pass --contract-size: base units a contract, and for coin-margined contracts US dollars";
        return Err(Problem::NotAsItStands { reason, mend }.into());
    };
    if !(size.is_finite() && size > 0.0) {
        let (column, rule) = ("contract-size", "is not a positive number");
        return Err(Problem::BadValue { column, value: size, rule }.into());
    }
    let scaled = Values::Numbers(quantity.iter().map(|contracts| contracts * size).collect());
    if is_inverse {
        raw.columns.remove("quantity");
        raw.columns.insert("notional", scaled);
    } else {
        raw.columns.insert("quantity", scaled);
    }
    Ok(())
}
