//! The bar columns that features and rules may name.

use plimsoll_market::{Market, SymbolColumns};

use crate::error::SignalError;

/// A named column of a symbol.
pub(crate) struct BarColumn {
    pub(crate) name: &'static str,
    /// How values of consecutive bars become the value of one longer bar.
    pub(crate) aggregate: Aggregate,
    values: fn(&SymbolColumns) -> Option<&Vec<f64>>,
}

/// How values of consecutive bars become the value of one longer bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    First,
    Max,
    Min,
    Last,
    Sum,
}

macro_rules! plain {
    ($name:ident, $aggregate:ident) => {
        BarColumn {
            name: stringify!($name),
            aggregate: Aggregate::$aggregate,
            values: |symbol| Some(&symbol.$name),
        }
    };
}

macro_rules! price {
    ($name:literal, $price:ident.$field:ident, $aggregate:ident) => {
        BarColumn {
            name: $name,
            aggregate: Aggregate::$aggregate,
            values: |symbol| symbol.$price.as_ref().map(|price| &price.$field),
        }
    };
}

static BAR_COLUMNS: [BarColumn; 19] = [
    plain!(open, First),
    plain!(high, Max),
    plain!(low, Min),
    plain!(close, Last),
    plain!(volume, Sum),
    plain!(quote_volume, Sum),
    plain!(taker_buy_volume, Sum),
    price!("mark_open", mark.open, First),
    price!("mark_high", mark.high, Max),
    price!("mark_low", mark.low, Min),
    price!("mark_close", mark.close, Last),
    price!("index_open", index.open, First),
    price!("index_high", index.high, Max),
    price!("index_low", index.low, Min),
    price!("index_close", index.close, Last),
    plain!(liquidated_long_notional, Sum),
    plain!(liquidated_short_notional, Sum),
    plain!(open_interest, Last),
    plain!(open_interest_value, Last),
];

/// The names of the bar columns that features and rules may use, in the order of messages.
pub fn bar_column_names<'a>() -> impl Iterator<Item = &'a str> {
    BAR_COLUMNS.iter().map(|column| column.name)
}

pub(crate) fn bar_column(name: &str) -> Option<&'static BarColumn> {
    BAR_COLUMNS.iter().find(|column| column.name == name)
}

impl BarColumn {
    /// The symbol's values, one a bar; `None` where the market has no such data at all.
    pub(crate) fn values<'a>(
        &self,
        market: &Market,
        symbol: &'a SymbolColumns,
    ) -> Result<Option<&'a [f64]>, SignalError> {
        match (self.values)(symbol) {
            None => Ok(None),
            Some(values) if values.len() == market.n_bars => Ok(Some(values)),
            Some(values) if values.is_empty() && self.name != "close" => Ok(None),
            Some(values) => Err(SignalError::ColumnLength {
                symbol: symbol.symbol.clone(),
                column: self.name,
                len: values.len(),
                n_bars: market.n_bars,
            }),
        }
    }
}

/// Names by their likeness to `wanted`, the nearest first; equally near ones keep their order.
pub(crate) fn nearest_first<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| edit_distance(&wanted.to_lowercase(), &name.to_lowercase()));
    names
}

/// Levenshtein distance: insertions, deletions and substitutions.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a_char) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b_char) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a_char != *b_char);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        for (a, b, expect) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("close", "clsoe", 2),
            ("high", "high", 0),
        ] {
            assert_eq!(edit_distance(a, b), expect, "{a} {b}");
            assert_eq!(edit_distance(b, a), expect, "{b} {a}");
        }
    }

    #[test]
    fn nearest_names_come_first() {
        assert_eq!(nearest_first("Clsoe", ["open", "low", "close"])[0], "close");
        assert_eq!(nearest_first("x", ["ab", "cd"]), ["ab", "cd"]);
    }
}
