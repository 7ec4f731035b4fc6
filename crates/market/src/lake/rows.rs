//! Comparing rows of one kind, and what may differ between two versions of a row.

use std::cmp::Ordering;

use crate::table::{Column, Kind, Table};

/// A total order of rows over all columns, in schema order.
pub(super) fn compare_rows(a: &Table, i: usize, b: &Table, j: usize) -> Ordering {
    let orders = a.columns().iter().zip(b.columns()).map(|(a, b)| compare_values(a, i, b, j));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// A total order of the values of one column.
fn compare_values(a: &Column, i: usize, b: &Column, j: usize) -> Ordering {
    match (a, b) {
        (Column::Time(a), Column::Time(b)) => a[i].cmp(&b[j]),
        (Column::F64(a), Column::F64(b)) => a[i].total_cmp(&b[j]),
        (Column::F64OrNull(a), Column::F64OrNull(b)) => match (a[i], b[j]) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        },
        (Column::I32(a), Column::I32(b)) => a[i].cmp(&b[j]),
        (Column::I64OrNull(a), Column::I64OrNull(b)) => a[i].cmp(&b[j]),
        (Column::Text(a), Column::Text(b)) => a[i].cmp(&b[j]),
        _ => unreachable!("tables of one kind have columns of the same types"),
    }
}

/// The first column outside `soft` in which two rows differ. A value that only one of them has
/// is no difference.
pub(super) fn first_difference(
    a: &Table,
    i: usize,
    b: &Table,
    j: usize,
    soft: &[&str],
) -> Option<usize> {
    let columns = a.columns().iter().zip(b.columns()).zip(a.kind().columns());
    columns
        .enumerate()
        .find(|(_, ((a, b), (name, _)))| {
            compare_values(a, i, b, j).is_ne()
                && !is_null(a, i)
                && !is_null(b, j)
                && !soft.contains(name)
        })
        .map(|(column, _)| column)
}

/// The column that a decoder may have to derive, with its position.
pub(super) fn derivable_column(kind: Kind) -> Option<(usize, &'static str)> {
    let name = match kind {
        Kind::Candles => "quote_volume",
        Kind::Funding => "interval_minutes",
        _ => return None,
    };
    kind.columns().iter().position(|&(column, _)| column == name).map(|position| (position, name))
}

/// Columns in which two versions of a row may differ: the raw funding time, what a source may
/// not have, and what it derived.
pub(super) fn soft_columns(kind: Kind, recorded: bool) -> &'static [&'static str] {
    match (kind, recorded) {
        (Kind::Candles, true) => &["trades", "taker_buy_volume"],
        (Kind::Candles, false) => &["trades", "taker_buy_volume", "quote_volume"],
        (Kind::Funding, true) => &["time", "mark_price"],
        (Kind::Funding, false) => &["time", "mark_price", "interval_minutes"],
        _ => &[],
    }
}

/// Whether bar `a[i]` can be what became of the still-forming bar `b[j]`.
pub(super) fn continues(a: &Table, i: usize, b: &Table, j: usize) -> bool {
    let grown = |name: &str| a.f64(name)[i] >= b.f64(name)[j];
    let volume = a.kind() != Kind::Candles || grown("volume");
    volume
        && grown("high")
        && a.f64("low")[i] <= b.f64("low")[j]
        && a.f64("open")[i].total_cmp(&b.f64("open")[j]).is_eq()
}

/// Whether a value is absent.
pub(super) fn is_null(column: &Column, row: usize) -> bool {
    match column {
        Column::F64OrNull(values) => values[row].is_none(),
        Column::I64OrNull(values) => values[row].is_none(),
        _ => false,
    }
}

/// Copies one value between columns of the same place.
pub(super) fn set(column: &mut Column, row: usize, from: &Column, from_row: usize) {
    match (column, from) {
        (Column::Time(a), Column::Time(b)) => a[row] = b[from_row],
        (Column::F64(a), Column::F64(b)) => a[row] = b[from_row],
        (Column::F64OrNull(a), Column::F64OrNull(b)) => a[row] = b[from_row],
        (Column::I32(a), Column::I32(b)) => a[row] = b[from_row],
        (Column::I64OrNull(a), Column::I64OrNull(b)) => a[row] = b[from_row],
        (Column::Text(a), Column::Text(b)) => a[row].clone_from(&b[from_row]),
        _ => unreachable!("columns of one place have the same type"),
    }
}
