//! The exchange's record of forced orders.

use plimsoll_market::lake::Note;
use plimsoll_market::{Column, Kind, Table};

use super::rows::{check, first_failure};
use super::{Checked, note};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Policy, Rule};
use crate::raw::Raw;

/// How quantities are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// Base units.
    Base,
    /// Contracts of so much quote currency each.
    Contracts(f64),
}

/// Checks liquidations. `side` is the order's: a sell closes a long. `liquidated_side` is the
/// position's. Orders that did not fill at all are dropped and flagged.
pub(super) fn build(
    mut raw: Raw,
    unit: Quantity,
    policies: &Policies,
) -> Result<Checked, RowProblem> {
    let times = if raw.n_rows == 0 { Vec::new() } else { raw.take_times()? };
    if times.is_empty() {
        return Ok(Checked::new(Table::empty(Kind::Liquidations)));
    }
    let sides = sides(&mut raw, policies)?;
    let unknown_side = unknown_side(&sides, &times);
    let price = raw.need_numbers("price")?;
    let recorded_notional = raw.take_numbers("notional");
    let quantity = match (raw.take_numbers("quantity"), &recorded_notional) {
        (Some(quantity), _) => quantity,
        (None, Some(notional)) => notional.iter().zip(&price).map(|(n, p)| n / p).collect(),
        (None, None) => return Err(raw.missing("quantity").into()),
    };
    let kinds = raw.take_words("kind").unwrap_or_else(|| vec!["liquidation".into(); times.len()]);
    for (row, kind) in kinds.iter().enumerate() {
        if kind != "liquidation" && kind != "adl" {
            let expected = "liquidation or adl";
            let problem = Problem::BadWord { column: "kind", value: kind.clone(), expected };
            return Err(RowProblem::at(row, problem));
        }
    }
    let filled: Vec<usize> = (0..times.len()).filter(|&row| quantity[row].abs() > 0.0).collect();
    let is_filled = |row: usize| quantity[row].abs() > 0.0;
    let price_rule = price
        .iter()
        .enumerate()
        .find(|&(row, &price)| is_filled(row) && !(price.is_finite() && price > 0.0));
    first_failure([
        price_rule.map_or(Ok(()), |(row, &value)| {
            let rule = "is not a positive number";
            Err(RowProblem::at(row, Problem::BadValue { column: "price", value, rule }))
        }),
        check("quantity", &quantity, "is negative or no number", |q| q.is_finite() && q >= 0.0),
        check(
            "notional",
            recorded_notional.as_deref().unwrap_or_default(),
            "is negative or no number",
            |notional| notional.is_finite() && notional >= 0.0,
        ),
    ])?;
    let unfilled = (0..times.len()).find(|&row| !is_filled(row)).map(|row| times[row]);
    let n_unfilled = times.len() - filled.len();
    let notional: Vec<f64> = match (recorded_notional, unit) {
        (Some(notional), _) => notional,
        (None, Quantity::Base) => price.iter().zip(&quantity).map(|(p, q)| p * q).collect(),
        (None, Quantity::Contracts(size)) => {
            quantity.iter().map(|contracts| contracts * size).collect()
        }
    };
    let quantity = match unit {
        Quantity::Base => quantity,
        Quantity::Contracts(_) => notional.iter().zip(&price).map(|(n, p)| n / p).collect(),
    };
    let columns = vec![
        Column::Time(times),
        Column::Text(sides),
        Column::F64(price),
        Column::F64(quantity),
        Column::F64(notional),
        Column::Text(kinds),
    ];
    let table = Table::new(Kind::Liquidations, columns).gather(&filled).sorted_by_time();
    let mut checked = Checked::new(table);
    checked.flags.extend(unknown_side);
    if let Some(first) = unfilled {
        let message = "orders without any fill dropped";
        checked.flags.push(note("unfilled_order", n_unfilled, first, message));
    }
    Ok(checked)
}

/// Keeps one of every two equal rows, for archives that write each row twice. Two liquidations
/// can be equal, so the count is halved, not made one; an odd count is rounded up and flagged.
pub(super) fn halve(checked: &mut Checked) {
    let table = &checked.table;
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by_cached_key(|&row| {
        (table.times()[row], table.columns().iter().map(|c| c.text(row)).collect::<Vec<_>>())
    });
    let mut keep = Vec::with_capacity(rows.len() / 2);
    let mut odd = Vec::new();
    let equal = |a: &usize, b: &usize| table.first_difference(*a, table, *b).is_none();
    for group in rows.chunk_by(equal) {
        keep.extend(&group[..group.len().div_ceil(2)]);
        if group.len() % 2 == 1 {
            odd.push(table.times()[group[0]]);
        }
    }
    checked.duplicates += table.len() - keep.len();
    let table = table.gather(&keep);
    if let Some(&first) = odd.first() {
        let message = "rows that are not written twice as all others are";
        checked.flags.push(note("odd_row_count", odd.len(), first, message));
    }
    checked.table = table;
}

/// The word for a side that the source does not tell.
pub(super) const UNKNOWN_SIDE: &str = "unknown";

/// The side of the liquidated position.
fn sides(raw: &mut Raw, policies: &Policies) -> Result<Vec<String>, RowProblem> {
    let (column, expected, words) = if let Some(words) = raw.take_words("liquidated_side") {
        ("liquidated_side", "long or short", words)
    } else {
        let words = raw.take_words("side").ok_or_else(|| raw.missing("side"))?;
        ("side", "BUY or SELL, the side of the order", words)
    };
    let keeps_unknown = policies.of(Rule::UnknownSide) == Policy::Flag;
    let side = |(row, word): (usize, String)| match (column, word.to_ascii_lowercase().as_str()) {
        ("side", "sell") => Ok("long".to_owned()),
        ("side", "buy") => Ok("short".to_owned()),
        // No order has such a side: it is the position's.
        (_, "long") => Ok("long".to_owned()),
        (_, "short") => Ok("short".to_owned()),
        _ if keeps_unknown => Ok(UNKNOWN_SIDE.to_owned()),
        _ => {
            let problem = Problem::BadWord { column, value: word.clone(), expected };
            Err(RowProblem::at(row, problem))
        }
    };
    words.into_iter().enumerate().map(side).collect()
}

/// What is said of sides that are kept as unknown.
fn unknown_side(sides: &[String], times: &[i64]) -> Option<Note> {
    let unknown = |side: &&String| side.as_str() == UNKNOWN_SIDE;
    let first = sides.iter().position(|side| unknown(&side))?;
    let about = Rule::UnknownSide.about();
    let count = sides.iter().filter(unknown).count();
    Some(note(about.name, count, times[first], about.what))
}
