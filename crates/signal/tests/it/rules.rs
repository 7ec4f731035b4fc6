//! When entries fire and exits hold.

use plimsoll_market::SignalColumns;
use plimsoll_signal::SignalError;

use crate::markets::{closes, market_of, random, spec};

const X: f64 = f64::NAN;

fn signal(rules: &str, close: &[f64]) -> SignalColumns {
    spec(&format!("[signal]\n{rules}")).evaluate(&closes(close)).unwrap().remove(0)
}

#[test]
fn an_entry_fires_where_its_rule_turns_true() {
    for (rule, close, expect) in [
        ("long = 'close > 2'", vec![1., 3., 3., 1., 3.], vec![0, 1, 0, 0, 1]),
        ("short = 'close > 2'", vec![1., 3., 3., 1., 3.], vec![0, -1, 0, 0, -1]),
        // Before the first bar a rule counts as false.
        ("long = 'close > 2'", vec![3., 3.], vec![1, 0]),
        // A missing bar decides nothing and is not between: the rule stays true across it.
        (
            "long = 'close > 2'",
            vec![1., X, 3., X, X, 3., 1., X, 3.],
            vec![0, 0, 1, 0, 0, 0, 0, 0, 1],
        ),
        ("long = 'TRUE'", vec![X, X, 1., 1.], vec![0, 0, 1, 0]),
        ("long = 'close > 2'\nshort = 'close < 2'", vec![1., 3., 2., 1.], vec![-1, 1, 0, -1]),
        ("long = 'FALSE'", vec![1., 2.], vec![0, 0]),
        ("long = 'NULL OR close > 1'", vec![1., 2.], vec![0, 1]),
    ] {
        assert_eq!(signal(rule, &close).entry, expect, "{rule} {close:?}");
    }
}

#[test]
fn exits_hold_as_long_as_their_rule_on_bars_that_exist() {
    let columns = signal("long = 'close > 2'\nexit_long = 'close < 2 OR TRUE'", &[3., X, 1.]);
    assert_eq!(columns.exit_long, [true, false, true]);
    assert_eq!(columns.exit_short, [false; 3]);
    assert!(!columns.has_stop());
    assert_eq!(columns.len(), 3);
}

#[test]
fn undefined_is_false_whatever_the_comparison() {
    // A three-bar window: undefined at bars 0, 1 and, after the gap, at 4, 5.
    let close = [5., 5., 5., X, 5., 5., 5.];
    for (rule, expect) in [
        ("mean > 1", [0, 0, 1, 0, 0, 0, 1]),
        ("mean < 9", [0, 0, 1, 0, 0, 0, 1]),
        ("mean != 4", [0, 0, 1, 0, 0, 0, 1]),
        ("NOT mean > 9", [0, 0, 1, 0, 0, 0, 1]),
        ("mean > 1 OR close = 5", [1, 0, 0, 0, 0, 0, 0]),
        ("mean IS NULL", [1, 0, 0, 0, 1, 0, 0]),
        ("0 / (close - 5) > 1 OR 0 / (close - 5) <= 1", [0; 7]),
        ("1 / (close - 5) > 1", [0; 7]),
        ("CASE WHEN mean > 9 THEN TRUE ELSE FALSE END", [0; 7]),
    ] {
        let text = format!(
            "[features]\nmean = {{ rolling_mean = 'close', bars = 3 }}\n[signal]\nlong = '{rule}'"
        );
        let columns = spec(&text).evaluate(&closes(&close)).unwrap();
        assert_eq!(columns[0].entry, expect, "{rule}");
    }
}

#[test]
fn a_longer_bar_counts_from_its_close() {
    let close = [1., 9., 9., 9., 1., 1., 1., 1., 1., 9., 9., 9.];
    let text = "[features]\npeak = { rolling_max = 'high', bars = 1, interval = '4h' }\n\
                [signal]\nlong = 'peak > 5'";
    let mut market = closes(&close);
    market.symbols[0].high = close.to_vec();
    // The first four-hour bar closes with bar 3, the second (all ones) with 7, the third with 11.
    let entry = &spec(text).evaluate(&market).unwrap()[0].entry;
    assert_eq!(*entry, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    // With a hole in the third there is no third.
    market.symbols[0].high[9] = X;
    market.symbols[0].close[9] = X;
    let entry = &spec(text).evaluate(&market).unwrap()[0].entry;
    assert_eq!(*entry, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn both_directions_at_once_are_an_error() {
    let text = "[signal]\nlong = 'close > 2'\nshort = 'close > 4'";
    let both = spec(text).evaluate(&closes(&[1., 3., 5., 6.])).unwrap_err();
    assert_eq!(
        both.to_string(),
        "BTCUSDT at the close of 1970-01-01T03:00:00Z: `long` (close > 2) and `short` (close > 4) \
         are both true; add to one rule what excludes the other"
    );
    // The first symbol's error, though a later symbol's lies earlier.
    let mut market = closes(&[1., 3., 3., 5.]);
    let mut other = market.symbols[0].clone();
    other.symbol = "ETHUSDT".into();
    other.close = vec![5.; 4];
    market.symbols.push(other);
    match spec(text).evaluate(&market).unwrap_err() {
        SignalError::BothSides { symbol, time, .. } => {
            assert_eq!((symbol.as_str(), time), ("BTCUSDT", market.close_time(3)));
        }
        other => panic!("{other}"),
    }
    // Missing bars are no error.
    assert_eq!(signal("long = 'TRUE'\nshort = 'FALSE'", &[X]).entry, [0]);
}

#[test]
fn markets_of_no_bar_and_of_no_symbol() {
    let spec = spec(
        "[features]\nf = { ema = 'close', bars = 3, interval = '4h' }\n\
         g = { zscore = 'f', bars = 2, lag = 1 }\n\
         [signal]\nlong = 'g > 0'\n[stop]\natr = { bars = 2, multiple = 1, interval = '1d' }",
    );
    for n_bars in 0..4 {
        let columns = spec.evaluate(&random(1, n_bars, 2, 0)).unwrap();
        assert_eq!(columns[0].entry, vec![0; n_bars]);
        assert_eq!(columns[0].stop_long.len(), n_bars);
    }
    assert!(spec.evaluate(&market_of(Vec::new(), 5)).unwrap().is_empty());
}

#[test]
fn a_column_of_another_length_is_named() {
    let mut market = random(1, 20, 0, 0);
    market.symbols[0].volume.pop();
    let error = spec("[signal]\nlong = 'volume > 5'").evaluate(&market).unwrap_err();
    assert_eq!(
        error.to_string(),
        "BTCUSDT: column `volume` has 19 values where the market has 20 bars"
    );
    market.symbols[0].close.clear();
    let error = spec("[signal]\nlong = 'TRUE'").evaluate(&market).unwrap_err();
    assert!(error.to_string().contains("column `close` has 0 values"), "{error}");
}

#[test]
fn rules_over_every_bar_column() {
    let market = random(5, 30, 0, 0);
    for column in plimsoll_signal::bar_column_names() {
        let text = format!("[signal]\nlong = '{column} IS NOT NULL'");
        let columns = spec(&text).evaluate(&market.truncated(20)).unwrap();
        assert_eq!(columns[0].entry[..3], [1, 0, 0], "{column}");
    }
}
