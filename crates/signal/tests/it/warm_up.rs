//! How much history a strategy needs before its first decision.

use plimsoll_market::Interval;
use plimsoll_signal::bar_column_names;

use crate::markets::{random, spec};

#[test]
fn warm_up_is_enough_and_no_more_than_needed() {
    for (features, expect, is_tight) in [
        ("", 1, true),
        ("f = { value = 'close' }", 1, true),
        ("f = { rolling_max = 'high', bars = 480, lag = 1 }", 481, true),
        ("f = { rolling_std = 'close', bars = 20 }", 20, true),
        ("f = { ema = 'close', bars = 50 }", 50, true),
        ("f = { atr = 'wilder', bars = 14 }", 15, true),
        ("f = { rsi = 'close', bars = 14 }", 15, true),
        ("f = { return = 'close', bars = 24, lag = 2 }", 27, true),
        ("f = { liquidated_notional = 'short' }", 1, true),
        ("f = { liquidated_notional = 'short', bars = 4 }", 4, true),
        ("f = { premium = 'mark_index', lag = 3 }", 4, true),
        // A chain adds up: 10 + 4 of lag 1, then 6 more.
        (
            "a = { rolling_max = 'high', bars = 10, lag = 1 }\n\
             b = { rolling_mean = 'a', bars = 5 }\nf = { ema = 'b', bars = 7 }",
            11 + 4 + 6,
            true,
        ),
        // The longest counts, not the last.
        (
            "a = { rolling_max = 'high', bars = 30 }\nb = { value = 'a' }\nf = { value = 'low' }",
            30,
            true,
        ),
        // Ten days and, in the worst case, all but an hour of the day that is open.
        ("f = { rolling_max = 'high', bars = 10, interval = '1d' }", 10 * 24 + 23, false),
        ("f = { atr = 'wilder', bars = 3, interval = '4h', lag = 1 }", 5 * 4 + 3, false),
        (
            "a = { rolling_mean = 'close', bars = 5 }\n\
             f = { rolling_mean = 'a', bars = 3, interval = '4h' }",
            4 + 3 * 4 + 3,
            false,
        ),
        ("f = { rolling_max = 'high', bars = 7, interval = '1h' }", 7, true),
        // Eight hours a settlement, though these come every four.
        ("f = { funding_rate_8h = 'last' }", 9, false),
        ("f = { funding_rate_8h = 'mean', periods = 3 }", 25, false),
    ] {
        let spec = spec(&format!("[features]\n{features}\n[signal]\nlong = 'close > 0'"));
        let warm_up = spec.warm_up_bars(Interval::HOUR).unwrap();
        assert_eq!(warm_up, expect, "{features}");
        for start_hour in 0..24 {
            let market = random(7, warm_up + 1, start_hour, 0);
            for column in spec.features(&market).unwrap() {
                // One bar earlier than promised for the first decision, as entries look back one.
                assert!(!column.values[warm_up - 1].is_nan(), "{features} from {start_hour} h");
                assert!(!column.values[warm_up].is_nan(), "{features} from {start_hour} h");
            }
        }
        let market = random(7, warm_up + 1, 0, 0);
        let columns = spec.features(&market).unwrap();
        if is_tight && warm_up > 1 {
            assert!(columns.iter().any(|column| column.values[warm_up - 2].is_nan()), "{features}");
        }
    }
}

#[test]
fn stops_count_too() {
    let text = "[signal]\nlong = 'close > 0'\n\
                [stop]\nfraction = 0.1\ntrailing = { atr = { bars = 20, multiple = 2 } }";
    assert_eq!(spec(text).warm_up_bars(Interval::HOUR).unwrap(), 21);
    let daily = text.replace("multiple = 2", "multiple = 2, interval = '1d'");
    assert_eq!(spec(&daily).warm_up_bars(Interval::HOUR).unwrap(), 21 * 24 + 23);
    assert_eq!(spec(&daily).warm_up_bars(Interval::DAY).unwrap(), 21);
}

#[test]
fn a_broken_strategy_has_no_warm_up() {
    let broken = spec("[signal]\nlong = 'closed > 0'");
    assert!(broken.warm_up_bars(Interval::HOUR).is_err());
    assert_eq!(bar_column_names().count(), 19);
}
