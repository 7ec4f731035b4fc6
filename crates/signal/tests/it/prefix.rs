//! No look-ahead: with the market cut off at a bar, every column up to it is unchanged, bit for bit.

use plimsoll_market::SignalColumns;
use plimsoll_signal::SignalRow;
use proptest::prelude::*;

use crate::features::features_text;
use crate::markets::{Random, closes, random, spec};

const RULES: [&str; 6] = [
    "close > f0",
    "f0 > lag(close)",
    "ABS(f0) / close > 0.5",
    "f0 IS NOT NULL AND close > open",
    "CASE WHEN f0 > close THEN close > open ELSE volume > 5 END",
    "COALESCE(f0, close) >= close OR mark_close > index_close",
];

const STOPS: [&str; 4] = [
    "fraction = 0.05\ntime_bars = 9\ntake_profit = { r_multiple = 2 }",
    "atr = { bars = 4, multiple = 2.5 }\ntrailing = { fraction = 0.1 }",
    "trailing = { atr = { bars = 2, multiple = 3, interval = '4h' } }",
    "atr = { bars = 1, multiple = 1 }\ntake_profit = { atr = { bars = 3, multiple = 4 } }",
];

/// The bits of every column, each cut to so many bars; every NaN is the same.
fn bits(columns: &SignalColumns, n_bars: usize) -> Vec<Vec<u64>> {
    let numbers = |column: &[f64]| -> Vec<u64> {
        let of = |value: &f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
        column.iter().take(n_bars).map(of).collect()
    };
    let truths = |column: &[bool]| -> Vec<u64> {
        column.iter().take(n_bars).map(|value| u64::from(*value)).collect()
    };
    vec![
        columns.entry.iter().take(n_bars).map(|entry| (i64::from(*entry) + 1) as u64).collect(),
        truths(&columns.exit_long),
        truths(&columns.exit_short),
        numbers(&columns.stop_long),
        numbers(&columns.stop_short),
        numbers(&columns.trailing_stop_long),
        numbers(&columns.trailing_stop_short),
        numbers(&columns.take_profit_long),
        numbers(&columns.take_profit_short),
        vec![columns.bars_max.unwrap_or(0) as u64],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_features_and_stops(
        features in features_text(),
        rule in prop::sample::select(RULES.to_vec()),
        stop in prop::sample::select(STOPS.to_vec()),
        seed: u64,
        n_bars in 1..120_usize,
        cut in 0.0..1.0_f64,
        start_hour in -30..30_i64,
        gap_every in prop::sample::select(vec![0_u64, 5, 40]),
    ) {
        let rule = rule.replace("lag(close)", "open");
        let spec = spec(&format!(
            "{features}\n[signal]\nlong = '{rule}'\nshort = 'NOT ({rule})'\n\
             exit_long = 'close < f0'\nexit_short = 'f0 < close'\n[stop]\n{stop}"
        ));
        let market = random(seed, n_bars, start_hour, gap_every);
        let cut = (cut * n_bars as f64) as usize;
        let past = market.truncated(cut);

        let whole = spec.evaluate(&market).unwrap();
        let known = spec.evaluate(&past).unwrap();
        prop_assert_eq!(bits(&whole[0], cut), bits(&known[0], cut));
        prop_assert_eq!(known[0].len(), cut);

        let whole = spec.features(&market).unwrap();
        let known = spec.features(&past).unwrap();
        for (whole, known) in whole.iter().zip(&known) {
            for bar in 0..cut {
                let (a, b) = (whole.values[bar], known.values[bar]);
                let is_same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                prop_assert!(is_same, "{} at {}: {} then {}", whole.name, bar, b, a);
            }
        }
    }

    #[test]
    fn rows(seed: u64, n_bars in 1..60_usize, cut in 0.0..1.0_f64, n_rows in 1..30_usize) {
        let mut random = Random(seed);
        let close: Vec<f64> = (0..n_bars)
            .map(|_| if random.one_in(5) { f64::NAN } else { 1.0 + random.unit() })
            .collect();
        let market = closes(&close);
        let mut time = -1_000_000;
        let rows: Vec<SignalRow> = (0..n_rows)
            .map(|_| {
                time += 1 + (random.unit() * 1.5e7) as i64;
                SignalRow {
                    time: plimsoll_market::Timestamp(time),
                    symbol: "BTCUSDT".into(),
                    direction: (random.unit() * 3.0) as i8 - 1,
                    stop: Some(random.unit() + 0.1),
                }
            })
            .collect();
        let cut = (cut * n_bars as f64) as usize;
        let whole = plimsoll_signal::signal_from_rows(&market, &rows).unwrap();
        let known = plimsoll_signal::signal_from_rows(&market.truncated(cut), &rows).unwrap();
        prop_assert_eq!(bits(&whole.columns[0], cut), bits(&known.columns[0], cut));
        for (entry, price) in whole.columns[0].entry.iter().zip(&close) {
            prop_assert!(*entry == 0 || !price.is_nan());
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let spec = spec(
        "[features]\nmean = { rolling_mean = 'close', bars = 9 }\n\
         z = { zscore = 'mean', bars = 5, interval = '4h' }\n\
         [signal]\nlong = 'z > 0.5'\nshort = 'z < -0.5'\n\
         [stop]\natr = { bars = 14, multiple = 2 }",
    );
    let mut market = random(1, 300, 0, 30);
    for seed in 2..9 {
        market.symbols.push(random(seed, 300, 0, 30).symbols.remove(0));
    }
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let columns = pool.install(|| spec.evaluate(&market)).unwrap();
        columns.iter().map(|columns| bits(columns, 300)).collect::<Vec<_>>()
    };
    let one = with_threads(1);
    assert!(one.iter().any(|columns| columns[0].iter().any(|entry| *entry != 1)), "no entry");
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(7));
}
