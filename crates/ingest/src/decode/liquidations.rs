//! The exchange's record of forced orders.

use plimsoll_market::{Column as TableColumn, Kind, Table};

use super::Checked;
use super::findings::{Case, Findings};
use super::rows::{Column, Kept, is_amount, is_positive, mends_columns, sorted_rows};
use crate::error::{Problem, RowProblem};
use crate::policy::{Policies, Rule};
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
/// position's. Orders that did not fill at all are dropped, and that is recorded.
pub(super) fn build(
    mut raw: Raw,
    unit: Quantity,
    policies: &Policies,
) -> Result<Checked, RowProblem> {
    let times = if raw.n_rows == 0 { Vec::new() } else { raw.take_times()? };
    if times.is_empty() {
        return Ok(Checked::new(Table::empty(Kind::Liquidations)));
    }
    let mut findings = Findings::new(policies);
    let mut kept = Kept::all(times.len());
    let sides = sides(&mut raw, &times, &mut findings)?;
    let price = raw.need_numbers("price")?;
    let recorded = raw.take_numbers("notional");
    let quantity = match (raw.take_numbers("quantity"), &recorded) {
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
    let rule = "is negative or no number";
    let column = |name, values| Column { name, values, rule, holds: is_amount };
    let amounts = [
        column("quantity", quantity.as_slice()),
        column("notional", recorded.as_deref().unwrap_or_default()),
    ];
    mends_columns(Rule::InvalidVolume, &amounts, &mut kept, &times, &mut findings);
    let unfilled = kept.breaking(|row| quantity[row].is_nan() || quantity[row].abs() > 0.0);
    let problem = |_| Problem::Broken {
        rule: Rule::UnfilledOrder,
        what: "the order's filled quantity is 0".to_owned(),
    };
    // An order that did not fill may well have no price.
    let mut priced = kept.clone();
    priced.drop(&unfilled);
    if findings.mends(Rule::UnfilledOrder, &unfilled, &times, problem) {
        kept.drop(&unfilled);
    }
    let rule = "is not a positive number";
    let bad_price = priced.breaking(|row| is_positive(price[row]));
    let problem = |row: usize| Problem::BadValue { column: "price", value: price[row], rule };
    if findings.mends(Rule::PriceNotPositive, &bad_price, &times, problem) {
        kept.drop(&bad_price);
    }
    findings.check()?;
    let notional: Vec<f64> = match (recorded, unit) {
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
    // Two numbers that may stand can have a product or quotient that may not.
    if let Some(&row) =
        kept.breaking(|row| is_amount(notional[row]) && is_amount(quantity[row])).first()
    {
        let rule = "follows from its price and quantity and is no number";
        let problem = Problem::BadValue { column: "notional", value: notional[row], rule };
        return Err(RowProblem::at(row, problem));
    }
    let columns = vec![
        TableColumn::Time(times),
        TableColumn::Text(sides),
        TableColumn::F64(price),
        TableColumn::F64(quantity),
        TableColumn::F64(notional),
        TableColumn::Text(kinds),
    ];
    let file_rows = kept.rows();
    let table = file_rows.apply(Table::new(Kind::Liquidations, columns));
    let order = sorted_rows(table.times(), &file_rows, &mut findings);
    let mut checked = Checked::new(table);
    checked.file_rows = file_rows;
    checked.keep(&order);
    findings.finish(&mut checked)?;
    Ok(checked)
}

/// Keeps one of every two equal rows, for archives that write each row twice. Two liquidations
/// can be equal, so the count is halved, not made one; an odd count is rounded up and flagged.
///
/// The rows are taken to be written twice if most of them are: an archive that was mended at its
/// source is left as it is, and every row of it is flagged as standing there once.
pub(super) fn halve(checked: &mut Checked, policies: &Policies) -> Result<(), RowProblem> {
    let mut findings = Findings::new(policies);
    let table = &checked.table;
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by_cached_key(|&row| {
        (table.times()[row], table.columns().iter().map(|c| c.text(row)).collect::<Vec<_>>())
    });
    let equal = |a: &usize, b: &usize| table.first_difference(*a, table, *b).is_none();
    let groups: Vec<&[usize]> = rows.chunk_by(equal).collect();
    let in_file = |row: usize| Some(checked.file_rows.of(row));
    let first_of = |count: usize, row: usize| Case {
        count,
        row: in_file(row),
        time: Some(table.times()[row]),
    };
    let odd: Vec<usize> =
        groups.iter().filter(|group| group.len() % 2 == 1).map(|group| group[0]).collect();
    if let Some(&row) = odd.first() {
        findings.mends_case(Rule::OddRowCount, first_of(odd.len(), row), || Problem::Broken {
            rule: Rule::OddRowCount,
            what: "this row stands there an odd number of times".to_owned(),
        });
    }
    let singles = groups.iter().filter(|group| group.len() == 1).count();
    let keep: Vec<usize> =
        groups.iter().flat_map(|group| &group[..group.len().div_ceil(2)]).copied().collect();
    let surplus = table.len() - keep.len();
    let mut mends = false;
    if 2 * singles < table.len() {
        let row = groups.iter().find(|group| group.len() > 1).map_or(0, |group| group[1]);
        mends =
            findings.mends_case(Rule::DoubledRows, first_of(surplus, row), || Problem::Broken {
                rule: Rule::DoubledRows,
                what: "this row stands there before, as nearly all rows do".to_owned(),
            });
    }
    if mends {
        checked.duplicates += surplus;
        checked.keep(&keep);
    }
    findings.finish(checked)
}

/// The side of the liquidated position.
fn sides(raw: &mut Raw, times: &[i64], findings: &mut Findings) -> Result<Vec<String>, RowProblem> {
    let (column, expected, words) = if let Some(words) = raw.take_words("liquidated_side") {
        ("liquidated_side", "long or short", words)
    } else {
        let words = raw.take_words("side").ok_or_else(|| raw.missing("side"))?;
        ("side", "BUY or SELL, the side of the order", words)
    };
    let side = |word: &String| match (column, word.to_ascii_lowercase().as_str()) {
        // No order has a side of long or short: it is the position's.
        (_, "long") | ("side", "sell") => "long",
        (_, "short") | ("side", "buy") => "short",
        _ => "unknown",
    };
    let sides: Vec<&str> = words.iter().map(side).collect();
    let unknown: Vec<usize> = (0..sides.len()).filter(|&row| sides[row] == "unknown").collect();
    findings.mends(Rule::UnknownSide, &unknown, times, |row| Problem::BadWord {
        column,
        value: words[row].clone(),
        expected,
    });
    Ok(sides.into_iter().map(str::to_owned).collect())
}
