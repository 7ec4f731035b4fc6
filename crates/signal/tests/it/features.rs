//! The column engine against the naive loops.

use plimsoll_market::{Interval, Market, SymbolColumns};
use plimsoll_signal::{FeatureSpec, SignalSpec};
use proptest::prelude::*;

use crate::markets::{closes, market_of, random, spec};
use crate::naive;

/// Names of columns that random features read.
const COLUMNS: [&str; 10] = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "mark_open",
    "index_high",
    "index_low",
    "liquidated_short_notional",
    "open_interest",
];

/// The text of a feature from a few random numbers.
pub(crate) fn feature_text(
    idx: usize,
    kind: usize,
    column: usize,
    bars: usize,
    lag: usize,
    interval: usize,
) -> String {
    let choice = column % (COLUMNS.len() + idx);
    let column =
        COLUMNS.get(choice).map_or_else(|| format!("f{}", choice - COLUMNS.len()), |c| (*c).into());
    let windowed = [
        "rolling_max",
        "rolling_min",
        "rolling_mean",
        "rolling_std",
        "rolling_sum",
        "ema",
        "rsi",
        "return",
        "change",
        "zscore",
    ];
    let function = match kind {
        0..10 => format!("{} = \"{column}\", bars = {bars}", windowed[kind]),
        10 => format!("atr = \"wilder\", bars = {bars}"),
        11 => format!("liquidated_notional = \"long\", bars = {bars}"),
        12 => format!("funding_rate_8h = \"mean\", periods = {bars}"),
        13 => "funding_rate_8h = \"last\"".to_owned(),
        14 => "open_interest = \"value\"".to_owned(),
        15 => "premium = \"mark_index\"".to_owned(),
        16 => "premium = \"mark_last\"".to_owned(),
        _ => format!("value = \"{column}\""),
    };
    let lag = if lag == 0 { String::new() } else { format!(", lag = {lag}") };
    let interval = match interval {
        0 => ", interval = \"2h\"",
        1 => ", interval = \"4h\"",
        2 => ", interval = \"1d\"",
        3 => ", interval = \"1h\"",
        _ => "",
    };
    format!("f{idx} = {{ {function}{lag}{interval} }}\n")
}

/// One to five features, later ones built on earlier ones now and then.
pub(crate) fn features_text() -> impl Strategy<Value = String> {
    prop::collection::vec((0..18_usize, 0..1000_usize, 2..9_usize, 0..4_usize, 0..9_usize), 1..6)
        .prop_map(|features| {
            let texts = features.into_iter().enumerate().map(
                |(idx, (kind, column, bars, lag, interval))| {
                    feature_text(idx, kind, column, bars, lag % 3, interval)
                },
            );
            format!("[features]\n{}", texts.collect::<String>())
        })
}

fn assert_like_naive(market: &Market, spec: &SignalSpec) {
    let columns = spec.features(market).unwrap();
    let expected = naive::features(market, &spec.features);
    assert_eq!(columns.len(), expected.len());
    for (column, (name, expect)) in columns.iter().zip(expected) {
        assert_eq!((column.symbol_idx, &column.name), (0, &name));
        assert_eq!(column.values.len(), market.n_bars);
        for (bar, (value, expect)) in column.values.iter().zip(expect).enumerate() {
            assert!(
                (value.is_nan() && expect.is_nan())
                    || (value - expect).abs() <= 1e-7 * (1.0 + expect.abs()),
                "{name} {:?} at bar {bar} of {}: {value}, naive {expect}",
                spec.features[&name],
                market.n_bars
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_feature_is_its_definition(
        features in features_text(),
        seed: u64,
        n_bars in 0..150_usize,
        start_hour in -30..30_i64,
        gap_every in prop::sample::select(vec![0_u64, 5, 40]),
    ) {
        let spec = spec(&format!("{features}[signal]\nlong = \"f0 > 0\""));
        assert_like_naive(&random(seed, n_bars, start_hour, gap_every), &spec);
    }
}

#[test]
fn each_function_alone() {
    for kind in 0..18 {
        for interval in [1, 9] {
            for bars in [2, 7] {
                let feature = feature_text(0, kind, 3, bars, 1, interval);
                let text = format!("[features]\n{feature}[signal]\nlong = \"f0 > 0\"");
                assert_like_naive(&random(kind as u64, 130, 5, 30), &spec(&text));
            }
        }
    }
}

#[test]
fn each_bar_column_alone_and_on_longer_bars() {
    for column in plimsoll_signal::bar_column_names() {
        let text = format!(
            "[features]\nf = {{ value = \"{column}\" }}\ng = {{ value = \"{column}\", interval = \
             \"4h\" }}\n[signal]\nlong = \"f > 0\""
        );
        assert_like_naive(&random(3, 60, 2, 25), &spec(&text));
    }
}

fn values(feature: &str, market: &Market) -> Vec<f64> {
    let spec = spec(&format!("[features]\n{feature}\n[signal]\nlong = \"TRUE\""));
    spec.features(market).unwrap().pop().unwrap().values
}

/// Comparable text, `-` for undefined.
fn text(values: &[f64]) -> String {
    let texts = values.iter().map(|v| if v.is_nan() { "-".into() } else { format!("{v:.4}") });
    texts.map(|t: String| t.trim_end_matches('0').trim_end_matches('.').to_owned() + " ").collect()
}

#[test]
fn values_computed_by_hand() {
    let market = closes(&[1.0, 2.0, 4.0, 3.0, f64::NAN, 5.0, 5.0, 8.0]);
    for (feature, expect) in [
        ("f = { rolling_max = 'close', bars = 2 }", "- 2 4 4 - - 5 8 "),
        ("f = { rolling_max = 'close', bars = 2, lag = 1 }", "- - 2 4 4 - - 5 "),
        ("f = { rolling_mean = 'close', bars = 2 }", "- 1.5 3 3.5 - - 5 6.5 "),
        ("f = { rolling_std = 'close', bars = 2 }", "- 0.7071 1.4142 0.7071 - - 0 2.1213 "),
        ("f = { rolling_sum = 'close', bars = 3 }", "- - 7 9 - - - 18 "),
        // Seed 1.5, then 2/3 of the way to each close; anew after the gap.
        ("f = { ema = 'close', bars = 2 }", "- 1.5 3.1667 3.0556 - - 5 7 "),
        ("f = { return = 'close', bars = 1 }", "- 1 1 -0.25 - - 0 0.6 "),
        ("f = { change = 'close', bars = 2 }", "- - 3 1 - - - 3 "),
        // (2 - 1.5) / 0.7071; the flat window has no z-score.
        ("f = { zscore = 'close', bars = 2 }", "- 0.7071 0.7071 -0.7071 - - - 0.7071 "),
        // Gains 1, 2, 0 and losses 0, 0, 1: means 1.5 and 0, then 0.75 and 0.5.
        ("f = { rsi = 'close', bars = 2 }", "- - 100 60 - - - 100 "),
        // Two-hour bars close after bars 1, 3, 5, 7; the third has a hole.
        ("f = { value = 'close', interval = '2h' }", "- 2 2 3 3 - - 8 "),
        ("f = { value = 'close', interval = '2h', lag = 1 }", "- - - 2 2 3 3 - "),
        ("f = { change = 'close', bars = 1, interval = '2h' }", "- - - 1 1 - - - "),
    ] {
        assert_eq!(text(&values(feature, &market)), expect, "{feature}");
    }
}

#[test]
fn rests_of_large_values_do_not_stay_in_sums() {
    let mut long = vec![3.7e11, 1e-3, 0.1, 9.99e10];
    long.extend([0.0; 6]);
    long.extend([0.1; 6]);
    let symbol = SymbolColumns {
        symbol: "BTCUSDT".into(),
        close: vec![1.0; long.len()],
        liquidated_long_notional: long.clone(),
        ..Default::default()
    };
    let market = market_of(vec![symbol], long.len());
    let sums = values("f = { liquidated_notional = 'long', bars = 3 }", &market);
    assert_eq!(&sums[6..10], [0.0; 4]);
    let means = values("f = { rolling_mean = 'liquidated_long_notional', bars = 3 }", &market);
    assert_eq!(&means[6..10], [0.0; 4]);
    assert_eq!(&means[12..], [0.1; 4]);
}

#[test]
fn a_small_spread_on_a_high_price_keeps_its_deviation() {
    let close: Vec<f64> = (0..500).map(|bar| 1e6 + f64::from([0, 1, 3, 0, 2][bar % 5])).collect();
    let std = values("f = { rolling_std = 'close', bars = 5 }", &closes(&close));
    let expect = 1.7_f64.sqrt();
    assert!(std[4..].iter().all(|std| (std - expect).abs() < 1e-9));
}

#[test]
fn weeks_begin_on_monday() {
    // 1970-01-01 was a Thursday: the first week that closes inside ends on Monday the 5th, with
    // days missing before; the second ends on the 12th.
    let mut market = closes(&(1..=14).map(f64::from).collect::<Vec<_>>());
    market.interval = Interval::DAY;
    let weekly = values("f = { rolling_max = 'close', bars = 1, interval = '1w' }", &market);
    assert_eq!(text(&weekly), "- - - - - - - - - - 11 11 11 11 ");
}

#[test]
fn features_of_several_symbols_come_in_order() {
    let mut market = closes(&[1.0, 2.0]);
    let mut other = market.symbols[0].clone();
    other.symbol = "ETHUSDT".into();
    other.close = vec![3.0, 4.0];
    market.symbols.push(other);
    let spec = spec(
        "[features]\nb = { value = 'close' }\na = { value = 'b', lag = 1 }\n[signal]\nlong = 'a > b'",
    );
    let columns = spec.features(&market).unwrap();
    let order: Vec<(usize, &str, String)> =
        columns.iter().map(|c| (c.symbol_idx, c.name.as_str(), text(&c.values))).collect();
    let expect = [(0, "b", "1 2 "), (0, "a", "- 1 "), (1, "b", "3 4 "), (1, "a", "- 3 ")];
    assert_eq!(order, expect.map(|(idx, name, values)| (idx, name, values.to_owned())));
}

#[test]
fn inputs_that_the_market_does_not_have_are_named() {
    let spec = spec(
        "[features]\nf = { open_interest = 'value' }\ng = { rolling_max = 'close', bars = 2 }\n\
         [signal]\nlong = 'f > 0 AND mark_close > 0 AND g > 0'",
    );
    let market = closes(&[1.0, 2.0, 3.0]);
    let undefined = spec.undefined_inputs(&market).unwrap();
    let names: Vec<&str> = undefined.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["open_interest_value", "mark_close", "f"]);
    assert_eq!(spec.evaluate(&market).unwrap()[0].entry, [0, 0, 0]);
}

#[test]
fn an_unused_key_is_not_read_as_another() {
    let unknown = toml::from_str::<FeatureSpec>("rolling_mx = 'close'").unwrap_err().to_string();
    assert!(unknown.contains("unknown field `rolling_mx`"), "{unknown}");
}
