//! Signals made elsewhere: rows of time, symbol, direction and stop.

use plimsoll_market::{Market, SignalColumns, Timestamp};

use crate::error::SignalError;
use crate::evaluate::empty_columns;

/// A direction that becomes known at an instant and holds until the symbol's next row.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRow {
    /// When the signal is known.
    pub time: Timestamp,
    /// Symbol in the venue's spelling.
    pub symbol: String,
    /// 1 long, -1 short, 0 flat.
    pub direction: i8,
    /// Stop price in quote currency, if the row has one.
    pub stop: Option<f64>,
}

/// The columns that rows make, and the rows that made nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSignal {
    /// One a symbol, in the market's order.
    pub columns: Vec<SignalColumns>,
    /// Rows without effect, in row order.
    pub unused_rows: Vec<UnusedRow>,
}

/// A row without effect on the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusedRow {
    /// Index of the row, from 0.
    pub row: usize,
    /// Why it has none.
    pub reason: UnusedRowReason,
}

/// Why a row has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusedRowReason {
    /// The market holds no such symbol.
    OtherSymbol,
    /// It would act at the market's first open or before: there is no close to decide at. The
    /// direction counts as held, so that the next row that keeps it enters nothing.
    BeforeFirstClose,
    /// It is known only after the market's last close.
    AfterLastClose,
    /// The symbol's next row is known before the first bar closes at which this one could act.
    Superseded,
}

/// Makes signal columns of rows.
///
/// A row is decided at the close of the first bar that exists and closes at or after its `time`,
/// and so acts at the next open. A change of direction to 1 or -1 is an entry; `exit_long` is true
/// wherever the direction is not 1, `exit_short` wherever it is not -1. The stop of an entry's row
/// is the initial stop. A stop on a row that keeps the direction is a trailing stop: it may only
/// tighten. Rows of one symbol are in time order, each time once.
///
/// # Errors
/// [`SignalError::BadRow`] for rows out of order, a direction other than -1, 0 and 1, a stop that
/// is not a positive number, an entry without a stop where other entries have one;
/// [`SignalError::NoRow`].
pub fn signal_from_rows(market: &Market, rows: &[SignalRow]) -> Result<RowSignal, SignalError> {
    let columns = market.symbols.iter().map(|_| empty_columns(market.n_bars)).collect();
    signal_from_rows_with(market, rows, columns)
}

/// As [`signal_from_rows`], into columns that may hold stops already: a row's stop goes before.
pub(crate) fn signal_from_rows_with(
    market: &Market,
    rows: &[SignalRow],
    mut columns: Vec<SignalColumns>,
) -> Result<RowSignal, SignalError> {
    check_values(rows)?;
    check_symbols(market, rows)?;
    let has_other_stop = columns.iter().any(SignalColumns::has_stop);
    let needs_stop = rows.iter().any(|row| row.stop.is_some()) && !has_other_stop;
    let mut used = vec![Some(UnusedRowReason::OtherSymbol); rows.len()];
    for (symbol_idx, columns) in columns.iter_mut().enumerate() {
        let walk = Walk { market, symbol_idx, rows, needs_stop };
        walk.fill(columns, &mut used)?;
    }
    let unused_rows = used
        .into_iter()
        .enumerate()
        .filter_map(|(row, reason)| Some(UnusedRow { row, reason: reason? }))
        .collect();
    Ok(RowSignal { columns, unused_rows })
}

/// One symbol's rows against its bars.
struct Walk<'a> {
    market: &'a Market,
    symbol_idx: usize,
    rows: &'a [SignalRow],
    needs_stop: bool,
}

impl Walk<'_> {
    /// Fills the columns and, for this symbol's rows, why each is unused (`None`: it is used).
    fn fill(
        &self,
        columns: &mut SignalColumns,
        unused: &mut [Option<UnusedRowReason>],
    ) -> Result<(), SignalError> {
        let market = self.market;
        let symbol = &market.symbols[self.symbol_idx];
        let mine = self.row_indices()?;
        if self.rows.iter().any(|row| row.stop.is_some()) {
            add_stop_columns(columns, market.n_bars);
        }
        let mut direction = 0;
        let mut next = 0;
        while let Some(&row) = mine.get(next)
            && self.rows[row].time <= market.start
        {
            direction = self.rows[row].direction;
            unused[row] = Some(UnusedRowReason::BeforeFirstClose);
            next += 1;
        }
        for bar in 0..market.n_bars {
            if !symbol.has_bar(bar) {
                continue;
            }
            let known_before = next;
            while mine.get(next).is_some_and(|&row| self.rows[row].time <= market.close_time(bar)) {
                unused[mine[next]] = Some(UnusedRowReason::Superseded);
                next += 1;
            }
            if next > known_before {
                let row = mine[next - 1];
                unused[row] = None;
                self.decide(row, bar, direction, columns)?;
                direction = self.rows[row].direction;
            }
            columns.exit_long[bar] = direction != 1;
            columns.exit_short[bar] = direction != -1;
        }
        for &row in &mine[next..] {
            unused[row] = Some(UnusedRowReason::AfterLastClose);
        }
        Ok(())
    }

    /// Indices of this symbol's rows, checked to be in time order.
    fn row_indices(&self) -> Result<Vec<usize>, SignalError> {
        let symbol = &self.market.symbols[self.symbol_idx].symbol;
        let indices: Vec<usize> =
            (0..self.rows.len()).filter(|&row| self.rows[row].symbol == *symbol).collect();
        for pair in indices.windows(2) {
            let (earlier, later) = (&self.rows[pair[0]], &self.rows[pair[1]]);
            if later.time <= earlier.time {
                let rule = "rows of a symbol must be in time order, each time once";
                return Err(bad_row(pair[1], later, "time", later.time.to_string(), rule));
            }
        }
        Ok(indices)
    }

    /// What a row does at the close of a bar.
    fn decide(
        &self,
        row: usize,
        bar: usize,
        held: i8,
        columns: &mut SignalColumns,
    ) -> Result<(), SignalError> {
        let SignalRow { direction, stop, .. } = self.rows[row];
        let is_entry = direction != 0 && direction != held;
        if is_entry {
            columns.entry[bar] = direction;
        }
        let (initial, trailing) = match direction {
            1 => (&mut columns.stop_long, &mut columns.trailing_stop_long),
            -1 => (&mut columns.stop_short, &mut columns.trailing_stop_short),
            _ => return Ok(()),
        };
        match stop {
            Some(stop) if is_entry => initial[bar] = stop,
            Some(stop) => trailing[bar] = stop,
            None if is_entry && self.needs_stop => {
                let rule = "other entries have a stop: give this one a price too";
                return Err(bad_row(row, &self.rows[row], "stop", "empty".to_owned(), rule));
            }
            None => {}
        }
        Ok(())
    }
}

/// Stop columns of undefined prices, where there are none yet.
fn add_stop_columns(columns: &mut SignalColumns, n_bars: usize) {
    for column in [
        &mut columns.stop_long,
        &mut columns.stop_short,
        &mut columns.trailing_stop_long,
        &mut columns.trailing_stop_short,
    ] {
        if column.is_empty() {
            *column = vec![f64::NAN; n_bars];
        }
    }
}

fn check_values(rows: &[SignalRow]) -> Result<(), SignalError> {
    for (idx, row) in rows.iter().enumerate() {
        if !(-1..=1).contains(&row.direction) {
            let rule = "a direction is -1, 0 or 1";
            return Err(bad_row(idx, row, "direction", row.direction.to_string(), rule));
        }
        if let Some(stop) = row.stop
            && !(stop > 0.0 && stop.is_finite())
        {
            let rule = "a stop is a price above 0, or empty";
            return Err(bad_row(idx, row, "stop", stop.to_string(), rule));
        }
    }
    Ok(())
}

fn check_symbols(market: &Market, rows: &[SignalRow]) -> Result<(), SignalError> {
    let is_ours = |row: &SignalRow| market.symbols.iter().any(|s| s.symbol == row.symbol);
    if rows.iter().any(is_ours) || market.symbols.is_empty() {
        return Ok(());
    }
    let mut found: Vec<String> = Vec::new();
    for row in rows {
        if found.len() < 10 && !found.contains(&row.symbol) {
            found.push(row.symbol.clone());
        }
    }
    if found.is_empty() {
        found.push("none".to_owned());
    }
    let symbols = market.symbols.iter().map(|symbol| symbol.symbol.clone()).collect();
    Err(SignalError::NoRow { symbols, found })
}

fn bad_row(
    row: usize,
    values: &SignalRow,
    column: &'static str,
    value: String,
    rule: &'static str,
) -> SignalError {
    SignalError::BadRow {
        row,
        symbol: values.symbol.clone(),
        time: values.time,
        column,
        value,
        rule,
    }
}
