//! Signals made elsewhere.

use plimsoll_market::{Market, Timestamp};
use plimsoll_signal::{RowSignal, SignalRow, UnusedRowReason, signal_from_rows};

use crate::markets::{closes, spec};

const X: f64 = f64::NAN;

/// A row at so many minutes after the market's start.
fn row(minutes: i64, direction: i8, stop: f64) -> SignalRow {
    SignalRow {
        time: Timestamp(minutes * 60_000),
        symbol: "BTCUSDT".into(),
        direction,
        stop: (!stop.is_nan()).then_some(stop),
    }
}

fn signal(market: &Market, rows: &[SignalRow]) -> RowSignal {
    signal_from_rows(market, rows).unwrap()
}

fn truths(column: &[bool]) -> String {
    column.iter().map(|value| if *value { 't' } else { '.' }).collect()
}

#[test]
fn a_row_acts_at_the_first_open_at_or_after_its_time() {
    let market = closes(&[10.0; 8]);
    // Known at 61 min: the bar that opens at 120 min is the first, decided at the close of bar 1.
    // Known at 180 min: acts at that very open, decided at the close of bar 2.
    let rows = [row(61, 1, X), row(180, -1, X), row(241, 0, X)];
    let RowSignal { columns, unused_rows } = signal(&market, &rows);
    let columns = &columns[0];
    assert_eq!(columns.entry, [0, 1, -1, 0, 0, 0, 0, 0]);
    assert_eq!(truths(&columns.exit_long), "t.tttttt");
    assert_eq!(truths(&columns.exit_short), "tt..tttt");
    assert!(!columns.has_stop());
    assert!(unused_rows.is_empty());
}

#[test]
fn a_missing_bar_puts_the_decision_off() {
    let market = closes(&[10.0, X, X, 10.0, 10.0, X]);
    let rows = [row(70, 1, X), row(300, 0, X)];
    let RowSignal { columns, unused_rows } = signal(&market, &rows);
    assert_eq!(columns[0].entry, [0, 0, 0, 1, 0, 0]);
    assert_eq!(truths(&columns[0].exit_long), "t...t.");
    assert!(unused_rows.is_empty());
}

#[test]
fn rows_without_effect_are_reported() {
    let market = closes(&[10.0, 10.0, X, 10.0]);
    let other = SignalRow { symbol: "ETHUSDT".into(), ..row(61, 1, X) };
    // Long since before the market: no entry, and the next row that says long enters nothing.
    let rows = [
        row(-90, -1, X),
        row(0, 1, X),
        row(50, 1, X),
        other,
        row(130, -1, X),
        row(170, 1, X),
        row(241, 0, X),
    ];
    let RowSignal { columns, unused_rows } = signal(&market, &rows);
    assert_eq!(columns[0].entry, [0, 0, 0, 0]);
    let unused: Vec<_> = unused_rows.iter().map(|unused| (unused.row, unused.reason)).collect();
    assert_eq!(
        unused,
        [
            (0, UnusedRowReason::BeforeFirstClose),
            (1, UnusedRowReason::BeforeFirstClose),
            (3, UnusedRowReason::OtherSymbol),
            (4, UnusedRowReason::Superseded),
            (6, UnusedRowReason::AfterLastClose),
        ]
    );
}

#[test]
fn stops_of_rows() {
    let market = closes(&[10.0; 5]);
    let rows = [row(30, 1, 9.0), row(90, 1, 9.5), row(150, -1, 11.0), row(210, 0, X)];
    let columns = signal(&market, &rows).columns.remove(0);
    assert_eq!(columns.entry, [1, 0, -1, 0, 0]);
    let defined = |column: &[f64]| -> Vec<(usize, f64)> {
        column.iter().copied().enumerate().filter(|(_, price)| !price.is_nan()).collect()
    };
    assert_eq!(defined(&columns.stop_long), [(0, 9.0)]);
    assert_eq!(defined(&columns.trailing_stop_long), [(1, 9.5)]);
    assert_eq!(defined(&columns.stop_short), [(2, 11.0)]);
    assert_eq!(defined(&columns.trailing_stop_short), []);
}

#[test]
fn stops_of_the_strategy_stand_where_rows_have_none() {
    let text = "[signal]\nfile = 'signals.csv'\n[stop]\nfraction = 0.5\ntime_bars = 7";
    let spec = spec(text);
    assert_eq!(spec.validate(), []);
    let market = closes(&[10.0; 4]);
    let rows = [row(30, 1, X), row(90, 0, X), row(150, 1, 9.0)];
    let columns = spec.evaluate_rows(&market, &rows).unwrap().columns.remove(0);
    assert_eq!(columns.entry, [1, 0, 1, 0]);
    assert_eq!(columns.stop_long, [5.0, 5.0, 9.0, 5.0]);
    assert_eq!(columns.bars_max, Some(7));
    // The rules of a strategy with a file are none.
    assert_eq!(spec.evaluate(&market).unwrap()[0].entry, [0; 4]);
}

#[test]
fn bad_rows_are_named() {
    let market = closes(&[10.0; 5]);
    for (rows, expect) in [
        (
            vec![row(30, 1, X), row(90, 2, X)],
            "signal row 1 (BTCUSDT at 1970-01-01T01:30:00Z): `direction` is 2: a direction is -1, 0 or 1",
        ),
        (
            vec![row(30, 1, -9.0)],
            "signal row 0 (BTCUSDT at 1970-01-01T00:30:00Z): `stop` is -9: a stop is a price above \
             0, or empty",
        ),
        (
            vec![row(90, 1, X), row(30, 0, X)],
            "signal row 1 (BTCUSDT at 1970-01-01T00:30:00Z): `time` is 1970-01-01T00:30:00Z: rows \
             of a symbol must be in time order, each time once",
        ),
        (
            vec![row(30, 1, 9.0), row(90, -1, X)],
            "signal row 1 (BTCUSDT at 1970-01-01T01:30:00Z): `stop` is empty: other entries have a \
             stop: give this one a price too",
        ),
        (
            vec![SignalRow { symbol: "btc".into(), ..row(30, 1, X) }],
            "no signal row names a symbol of the study (BTCUSDT); the rows name btc",
        ),
        (vec![], "no signal row names a symbol of the study (BTCUSDT); the rows name none"),
    ] {
        assert_eq!(signal_from_rows(&market, &rows).unwrap_err().to_string(), expect);
    }
}

#[test]
fn rows_of_several_symbols() {
    let mut market = closes(&[10.0; 3]);
    let mut other = market.symbols[0].clone();
    other.symbol = "ETHUSDT".into();
    market.symbols.push(other);
    let ether = |row: SignalRow| SignalRow { symbol: "ETHUSDT".into(), ..row };
    // Sorted by symbol, then time.
    let rows = [row(30, 1, X), row(90, 0, X), ether(row(30, 0, X)), ether(row(90, -1, X))];
    let columns = signal(&market, &rows).columns;
    assert_eq!(columns[0].entry, [1, 0, 0]);
    assert_eq!(columns[1].entry, [0, -1, 0]);
}
