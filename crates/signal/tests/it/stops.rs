//! Protective prices at each close.

use plimsoll_market::SignalColumns;

use crate::markets::{closes, spec};

fn stops(stop: &str, close: &[f64]) -> SignalColumns {
    let mut market = closes(close);
    // True range 4 wherever the closes move by less than 2.
    market.symbols[0].high = close.iter().map(|close| close + 2.0).collect();
    market.symbols[0].low = close.iter().map(|close| close - 2.0).collect();
    let text = format!("[signal]\nlong = 'close > 0'\n[stop]\n{stop}");
    spec(&text).evaluate(&market).unwrap().remove(0)
}

/// Comparable text of long and short columns, `-` for undefined.
fn text(columns: [&Vec<f64>; 2]) -> [String; 2] {
    columns.map(|column| {
        let texts = column.iter().map(|v| if v.is_nan() { "-".into() } else { format!("{v}") });
        texts.collect::<Vec<String>>().join(" ")
    })
}

#[test]
fn prices_hang_on_the_close_of_the_decision() {
    let close = [100.0, 100.0, f64::NAN, 104.0, 104.0, 104.0];
    for (stop, stops_, trailing, take_profit) in [
        ("fraction = 0.25", ["75 75 - 78 78 78", "125 125 - 130 130 130"], ["", ""], ["", ""]),
        (
            // Two true ranges: none before bar 2, and anew after the gap.
            "atr = { bars = 2, multiple = 1.5 }",
            ["- - - - - 98", "- - - - - 110"],
            ["", ""],
            ["", ""],
        ),
        (
            "trailing = { fraction = 0.25 }",
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["", ""],
        ),
        (
            // The initial stop stays what it is; the engine takes the tighter of both.
            "fraction = 0.5\ntrailing = { fraction = 0.25 }",
            ["50 50 - 52 52 52", "150 150 - 156 156 156"],
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["", ""],
        ),
        (
            "fraction = 0.25\ntake_profit = { fraction = 0.5 }",
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["", ""],
            ["150 150 - 156 156 156", "50 50 - 52 52 52"],
        ),
        (
            // Two times the risk of 25, then of 26.
            "fraction = 0.25\ntake_profit = { r_multiple = 2 }",
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["", ""],
            ["150 150 - 156 156 156", "50 50 - 52 52 52"],
        ),
        (
            // The risk is that of the tighter stop, the trailing one.
            "fraction = 0.5\ntrailing = { fraction = 0.25 }\ntake_profit = { r_multiple = 1 }",
            ["50 50 - 52 52 52", "150 150 - 156 156 156"],
            ["75 75 - 78 78 78", "125 125 - 130 130 130"],
            ["125 125 - 130 130 130", "75 75 - 78 78 78"],
        ),
        (
            "take_profit = { atr = { bars = 1, multiple = 2 } }",
            ["", ""],
            ["", ""],
            ["- 108 - - 112 112", "- 92 - - 96 96"],
        ),
        (
            // An undefined trailing stop makes the multiple of the risk undefined.
            "fraction = 0.5\ntrailing = { atr = { bars = 1, multiple = 2 } }\n\
             take_profit = { r_multiple = 1 }",
            ["50 50 - 52 52 52", "150 150 - 156 156 156"],
            ["- 92 - - 96 96", "- 108 - - 112 112"],
            ["- 108 - - 112 112", "- 92 - - 96 96"],
        ),
        (
            // Below zero there is no price.
            "atr = { bars = 1, multiple = 26 }",
            ["- - - - - -", "- 204 - - 208 208"],
            ["", ""],
            ["", ""],
        ),
        ("time_bars = 3", ["", ""], ["", ""], ["", ""]),
    ] {
        let columns = stops(stop, &close);
        assert_eq!(text([&columns.stop_long, &columns.stop_short]), stops_, "{stop}");
        let trailed = [&columns.trailing_stop_long, &columns.trailing_stop_short];
        assert_eq!(text(trailed), trailing, "{stop}");
        let taken = [&columns.take_profit_long, &columns.take_profit_short];
        assert_eq!(text(taken), take_profit, "{stop}");
        assert_eq!(columns.bars_max, stop.contains("time_bars").then_some(3));
    }
}

#[test]
fn a_true_range_of_zero_gives_no_stop() {
    let mut market = closes(&[10.0; 4]);
    market.symbols[0].high = vec![10.0; 4];
    market.symbols[0].low = vec![10.0; 4];
    let text = "[signal]\nlong = 'close > 0'\n[stop]\natr = { bars = 2, multiple = 3 }";
    let columns = spec(text).evaluate(&market).unwrap().remove(0);
    assert!(columns.has_stop());
    assert!(columns.stop_long.iter().chain(&columns.stop_short).all(|stop| stop.is_nan()));
}

#[test]
fn a_stop_from_longer_bars_waits_for_their_close() {
    let mut market = closes(&[100.0; 9]);
    market.symbols[0].high = vec![101.0, 103.0, 101.0, 101.0, 101.0, 101.0, 105.0, 101.0, 101.0];
    market.symbols[0].low = vec![99.0; 9];
    let text = "[signal]\nlong = 'close > 0'\n\
                [stop]\natr = { bars = 1, multiple = 1, interval = '2h' }";
    let columns = spec(text).evaluate(&market).unwrap().remove(0);
    // True ranges of the two-hour bars that close with bars 1, 3, 5, 7: none yet, 2, 2, 6.
    assert_eq!(text_of(&columns.stop_long), "- - - 98 98 98 98 94 94");
}

fn text_of(column: &Vec<f64>) -> String {
    let [text, _] = text([column, column]);
    text
}
