#![allow(clippy::unwrap_used, clippy::float_cmp)]
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// 2024-12-01.
const START: i64 = 1_733_011_200_000;

/// A trade in tenths of quote currency and thousandths of base units.
#[derive(Clone, Copy, Debug)]
struct Whole {
    time_ms: i64,
    tenths: i64,
    thousandths: i64,
    taker_buys: bool,
    trades: i64,
}

impl Whole {
    fn trade(self) -> Trade {
        Trade {
            time_ms: self.time_ms,
            price: decimal(i128::from(self.tenths), 1),
            quantity: decimal(i128::from(self.thousandths), 3),
            taker_buys: self.taker_buys,
            trades: self.trades,
        }
    }
}

/// A decimal as text, read as a float.
fn decimal(digits: i128, places: u32) -> f64 {
    format!("{digits}e-{places}").parse().unwrap()
}

fn bars(trades: impl IntoIterator<Item = Trade>, interval: Interval, end: Option<i64>) -> Checked {
    let mut bars = TradeBars::new(interval);
    if let Some(end) = end {
        bars = bars.until(Timestamp(end));
    }
    trades.into_iter().for_each(|trade| bars.push(trade));
    bars.finish(&Policies::default())
}

/// Bars by grouping and whole numbers, row by row: open, high, low, close in tenths, volume,
/// quote volume, trades, taker volume.
fn naive(trades: &[Whole], interval: i64) -> BTreeMap<i64, [i128; 8]> {
    let mut groups: BTreeMap<i64, Vec<Whole>> = BTreeMap::new();
    for trade in trades {
        groups.entry(trade.time_ms - trade.time_ms % interval).or_default().push(*trade);
    }
    let mut bars = BTreeMap::new();
    let mut before: Option<(i64, i128)> = None;
    for (open_time, group) in groups {
        let mut quiet = before.map_or(open_time, |(last, _)| last + interval);
        while quiet < open_time {
            let price = before.unwrap().1;
            bars.insert(quiet, [price, price, price, price, 0, 0, 0, 0]);
            quiet += interval;
        }
        let price = |trade: &Whole| i128::from(trade.tenths);
        let quantity = |trade: &Whole| i128::from(trade.thousandths);
        let close = price(&group[group.len() - 1]);
        let taken = group.iter().filter(|trade| trade.taker_buys).map(quantity).sum();
        bars.insert(
            open_time,
            [
                price(&group[0]),
                group.iter().map(price).max().unwrap(),
                group.iter().map(price).min().unwrap(),
                close,
                group.iter().map(quantity).sum(),
                group.iter().map(|trade| price(trade) * quantity(trade)).sum(),
                group.iter().map(|trade| i128::from(trade.trades)).sum(),
                taken,
            ],
        );
        before = Some((open_time, close));
    }
    bars
}

fn trades() -> impl Strategy<Value = Vec<Whole>> {
    let step = prop_oneof![4 => Just(0_i64), 6 => 1..900_i64, 1 => 30_000..400_000_i64];
    let trade = (step, 1..2_000_000_i64, 1..5_000_000_i64, any::<bool>(), 1..5_i64);
    (0..120_000_i64, proptest::collection::vec(trade, 1..120)).prop_map(|(offset, rows)| {
        let mut time_ms = START + offset;
        let row = |(step, tenths, thousandths, taker_buys, trades)| {
            time_ms += step;
            Whole { time_ms, tenths, thousandths, taker_buys, trades }
        };
        rows.into_iter().map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Bars equal those of a count in whole numbers, and a file written backwards gives the same.
    #[test]
    fn bars_are_exact(trades in trades(), seconds in prop_oneof![Just(1_i64), Just(60), Just(300)]) {
        let interval = Interval::from_ms(seconds * 1000).unwrap();
        let checked = bars(trades.iter().map(|t| t.trade()), interval, None);
        let table = &checked.table;
        let expected = naive(&trades, interval.ms());
        prop_assert_eq!(table.times(), expected.keys().copied().collect::<Vec<_>>());
        let columns =
            [("open", 0, 1), ("high", 1, 1), ("low", 2, 1), ("close", 3, 1), ("volume", 4, 3), ("quote_volume", 5, 4)];
        for (name, index, places) in columns {
            let expected: Vec<f64> = expected.values().map(|bar| decimal(bar[index], places)).collect();
            prop_assert_eq!(table.f64(name), expected, "{}", name);
        }
        let counts = expected.values().map(|bar| i64::try_from(bar[6]).ok()).collect();
        prop_assert_eq!(table.column("trades"), Some(&Column::I64OrNull(counts)));
        let taken = expected.values().map(|bar| Some(decimal(bar[7], 3))).collect();
        prop_assert_eq!(table.column("taker_buy_volume"), Some(&Column::F64OrNull(taken)));
        let quiet = expected.values().filter(|bar| bar[6] == 0).count();
        prop_assert_eq!(checked.repairs.iter().map(|note| note.count).sum::<usize>(), quiet);

        let backwards = bars(trades.iter().rev().map(|t| t.trade()), interval, None);
        let instants: std::collections::BTreeSet<i64> = trades.iter().map(|t| t.time_ms).collect();
        // Trades of a single millisecond do not say which way the file goes.
        if instants.len() > 1 {
            prop_assert_eq!(&backwards.table, table);
        }
    }
}

fn at(seconds: i64, price: f64) -> Trade {
    Trade { time_ms: START + seconds * 1000, price, quantity: 1.0, taker_buys: false, trades: 1 }
}

#[test]
fn a_named_period_is_quiet_to_its_end_and_not_before_its_first_trade() {
    let checked = bars([at(65, 2.0), at(130, 3.0)], Interval::MINUTE, Some(START + 5 * 60_000));
    let table = &checked.table;
    let minutes: Vec<i64> = table.times().iter().map(|time| (time - START) / 60_000).collect();
    assert_eq!(minutes, [1, 2, 3, 4]);
    assert_eq!(table.f64("close"), [2.0, 3.0, 3.0, 3.0]);
    assert_eq!(table.f64("volume"), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!((checked.repairs[0].name.as_str(), checked.repairs[0].count), ("quiet_bars", 2));
}

#[test]
fn a_long_silence_is_quiet_only_where_ids_show_that_nothing_is_missing() {
    for (is_proven, seconds, n_bars) in [
        (true, 86_400, 1 + 1439 + 1),
        (true, 86_460, 1 + 1440 + 1),
        (true, 86_520, 2),
        (false, 660, 1 + 10 + 1),
        (false, 720, 2),
    ] {
        let mut bars = TradeBars::new(Interval::MINUTE);
        if is_proven {
            bars = bars.missing(&[]);
        }
        bars.push(at(0, 2.0));
        bars.push(at(seconds, 3.0));
        let checked = bars.finish(&Policies::default());
        assert_eq!(checked.table.len(), n_bars, "{seconds}");
        let silences = checked.flags.iter().filter(|n| Rule::TradeSilence == n.name.as_str());
        let count: usize = silences.map(|note| note.count).sum();
        assert_eq!(count as i64, if n_bars == 2 { seconds / 60 - 1 } else { 0 }, "{seconds}");
    }
}

#[test]
fn bars_that_missing_trades_may_belong_to_are_not_made() {
    let hole = |from: i64, to: i64| Hole {
        from_ms: START + from * 1000,
        to_ms: START + to * 1000,
        first_id: 2,
        count: 1,
    };
    for (holes, minutes) in [
        (&[][..], &[0_i64, 1, 2, 3, 4, 5, 6][..]),
        (&[hole(65, 310)], &[0, 6]),
        (&[hole(62, 65)], &[0, 5, 6]),
        (&[hole(310, 312), hole(0, 0)], &[1, 2, 3, 4, 6]),
    ] {
        let mut bars = TradeBars::new(Interval::MINUTE);
        for second in [0, 62, 65, 310, 312, 360] {
            bars.push(at(second, 1.0));
        }
        let table = bars.missing(holes).finish(&Policies::default()).table;
        let found: Vec<i64> = table.times().iter().map(|time| (time - START) / 60_000).collect();
        assert_eq!(found, minutes, "{holes:?}");
    }
}

#[test]
fn days_end_at_midnight() {
    let checked = bars([at(86_399, 2.0), at(86_400, 3.0)], Interval::DAY, None);
    assert_eq!(checked.table.times(), [START, START + DAY_MS]);
    assert_eq!(checked.table.f64("close"), [2.0, 3.0]);
}

#[test]
fn trades_out_of_order_find_their_bar_and_are_counted() {
    let checked = bars([at(0, 1.0), at(61, 5.0), at(59, 2.0), at(62, 4.0)], Interval::MINUTE, None);
    assert_eq!(checked.table.f64("open"), [1.0, 5.0]);
    assert_eq!(checked.table.f64("close"), [2.0, 4.0]);
    let note = &checked.repairs[0];
    assert_eq!((note.name.as_str(), note.count), ("unsorted", 1));
    assert_eq!(note.first, Some(Timestamp(START + 59_000)));
}

#[test]
fn quiet_bars_are_not_written_where_that_is_not_wanted() {
    let mut policies = Policies::default();
    policies.set(Rule::QuietBars, Policy::Flag).unwrap();
    let mut bars = TradeBars::new(Interval::MINUTE);
    bars.push(at(0, 1.0));
    bars.push(at(180, 1.0));
    let checked = bars.finish(&policies);
    assert_eq!(checked.table.len(), 2);
    assert_eq!(checked.flags[0].count, 2);
}

#[test]
fn a_told_amount_of_quote_currency_is_kept() {
    // Three contracts of 100 US dollars are no decimal of a coin.
    let mut bars = TradeBars::new(Interval::MINUTE);
    for price in [30_000.0, 30_001.0, 29_999.0] {
        bars.push_with_quote(Trade { quantity: 100.0 / price, ..at(0, price) }, 100.0);
    }
    let table = bars.finish(&Policies::default()).table;
    assert_eq!(table.f64("quote_volume"), [300.0]);
    let expected = 100.0 / 30_000.0 + 100.0 / 30_001.0 + 100.0 / 29_999.0;
    assert!((table.f64("volume")[0] / expected - 1.0).abs() < 1e-15);
}
