//! What holds for every file, however broken: a repaired one obeys the rules, a flag changes no
//! row, and every row is accounted for.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use plimsoll_market::{Column, Interval, Kind, Table, Timestamp};
use proptest::prelude::*;

use super::liquidations::{Quantity, halve};
use super::rows::keep_period;
use super::{Checked, bars, funding, liquidations, open_interest};
use crate::csv::Values;
use crate::policy::{Policies, Policy, Rule};
use crate::raw::Raw;

const START: i64 = 1_733_443_200_000;
const HOUR: i64 = 3_600_000;

/// Rules whose repair drops rows.
const DROPS: [Rule; 13] = [
    Rule::RepeatedRow,
    Rule::RepeatedRowDiffers,
    Rule::PriceNotPositive,
    Rule::InvalidVolume,
    Rule::OffGrid,
    Rule::ClosesEarly,
    Rule::FormingBar,
    Rule::FillerBars,
    Rule::DoubledRows,
    Rule::UnfilledOrder,
    Rule::ZeroOpenInterest,
    Rule::FeedRestart,
    Rule::OutsidePeriod,
];

/// The first of these that makes sense, for every rule.
fn policies(wanted: [Policy; 2]) -> Policies {
    let mut policies = Policies::default();
    for &rule in Rule::ALL {
        let allowed = rule.about().allowed;
        let policy = wanted.into_iter().find(|policy| allowed.contains(policy));
        policies.set(rule, policy.unwrap_or(allowed[0])).unwrap();
    }
    policies
}

fn mended() -> Policies {
    policies([Policy::Repair, Policy::Flag])
}

fn flagged() -> Policies {
    policies([Policy::Flag, Policy::Repair])
}

fn strict() -> Policies {
    policies([Policy::Refuse, Policy::Flag])
}

fn dropped(checked: &Checked) -> usize {
    let of_dropping = |name: &str| DROPS.iter().any(|rule| rule.name() == name);
    let notes = checked.repairs.iter().filter(|note| of_dropping(&note.name));
    notes.map(|note| note.count).sum()
}

fn numbers<T>(rows: &[T], value: impl Fn(&T) -> f64) -> Values {
    Values::Numbers(rows.iter().map(value).collect())
}

fn times<T>(rows: &[T], time: impl Fn(&T) -> i64) -> Values {
    Values::Times(rows.iter().map(time).collect())
}

/// Mostly good values, now and then one of these.
fn mostly(good: impl Strategy<Value = f64>, bad: Vec<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![30 => good, 1 => prop::sample::select(bad)]
}

const BROKEN: [f64; 5] = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[derive(Clone, Debug)]
struct Bar {
    open_time: i64,
    prices: [f64; 4],
    volume: f64,
    close_time: i64,
}

fn bar() -> impl Strategy<Value = Bar> {
    let price = |range: std::ops::Range<i32>| {
        let mut bad = BROKEN.to_vec();
        bad.extend([80.0, 120.0]);
        mostly(range.prop_map(f64::from), bad)
    };
    let open_time = prop_oneof![
        20 => (0..60_i64).prop_map(|hour| START + hour * HOUR),
        1 => (0..60 * HOUR).prop_map(|offset| START + offset),
    ];
    let prices = [price(95..105), price(105..110), price(90..95), price(95..105)];
    let volume = mostly((0..9).prop_map(f64::from), BROKEN.to_vec());
    let length = prop_oneof![20 => Just(HOUR - 1), 1 => 0..HOUR];
    (open_time, prices, volume, length).prop_map(|(open_time, prices, volume, length)| Bar {
        open_time,
        prices,
        volume,
        close_time: open_time + length,
    })
}

/// Bars of any order, of which some hours come twice.
fn any_bars() -> impl Strategy<Value = Vec<Bar>> {
    let filler = |hour: i64| Bar {
        open_time: START + (60 + hour) * HOUR,
        prices: [100.0; 4],
        volume: 0.0,
        close_time: START + (61 + hour) * HOUR - 1,
    };
    (prop::collection::vec(bar(), 1..60), prop_oneof![Just(0), 1..40_i64], any::<bool>()).prop_map(
        move |(mut bars, n_filler, is_sorted)| {
            if is_sorted {
                bars.sort_by_key(|bar| bar.open_time);
            }
            bars.extend((0..n_filler).map(filler));
            bars
        },
    )
}

fn raw_bars(bars: &[Bar]) -> Raw {
    let mut columns = vec![
        ("time", times(bars, |bar| bar.open_time)),
        ("close_time", times(bars, |bar| bar.close_time)),
        ("volume", numbers(bars, |bar| bar.volume)),
    ];
    for (idx, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
        columns.push((name, numbers(bars, move |bar: &Bar| bar.prices[idx])));
    }
    Raw::from_columns(bars.len(), columns)
}

/// The rules of the lake for bars.
fn obeys(table: &Table) -> Result<(), TestCaseError> {
    let hour = Interval::from_ms(HOUR).unwrap();
    let times = table.times();
    prop_assert!(times.is_sorted_by(|a, b| a < b));
    prop_assert!(times.iter().all(|&time| hour.is_on_grid(Timestamp(time))));
    let [open, high, low, close] = ["open", "high", "low", "close"].map(|name| table.f64(name));
    for row in 0..table.len() {
        let (open, high, low, close) = (open[row], high[row], low[row], close[row]);
        prop_assert!(0.0 < low && low <= open.min(close) && open.max(close) <= high);
        prop_assert!(high.is_finite());
    }
    for name in ["volume", "quote_volume"] {
        prop_assert!(table.f64(name).iter().all(|&v| v.is_finite() && v >= 0.0));
    }
    Ok(())
}

/// The properties say nothing of files that are refused, so most must not be.
#[test]
fn most_broken_bars_can_be_mended() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut n_taken, mut n_mended) = (0, 0);
    for _ in 0..200 {
        let bars = any_bars().new_tree(&mut runner).unwrap().current();
        let hour = Interval::from_ms(HOUR);
        if let Ok(built) = bars::build(raw_bars(&bars), Kind::Candles, hour, &mended()) {
            n_taken += 1;
            n_mended += usize::from(dropped(&built.checked) > 0);
        }
    }
    assert!(n_taken > 150 && n_mended > 100, "{n_taken} taken, {n_mended} mended");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn repaired_bars_obey_the_rules_and_every_row_is_accounted_for(bars in any_bars()) {
        let hour = Interval::from_ms(HOUR);
        let build = |policies: &Policies| {
            bars::build(raw_bars(&bars), Kind::Candles, hour, policies).map(|bars| bars.checked)
        };
        for policies in [mended(), flagged()] {
            // A file of which nothing is left is refused.
            let Ok(checked) = build(&policies) else { continue };
            obeys(&checked.table)?;
            prop_assert_eq!(bars.len(), checked.table.len() + dropped(&checked));
            for row in 0..checked.table.len() {
                let bar = &bars[checked.file_rows.of(row)];
                prop_assert_eq!(bar.open_time, checked.table.times()[row]);
                prop_assert_eq!(bar.volume, checked.table.f64("volume")[row]);
            }
        }
        // What passes without any mend is the same under every policy.
        if let Ok(checked) = build(&strict()) {
            prop_assert_eq!(checked.table.len(), bars.len());
            let mended = build(&mended()).unwrap();
            prop_assert!(mended.repairs.is_empty());
            prop_assert_eq!(&checked.table, &mended.table);
        }
    }

    #[test]
    fn funding_is_accounted_for_and_in_order(
        rows in prop::collection::vec(
            (0..40_i64, prop_oneof![
                8 => 0..900_i64, 1 => 900..30_000_i64, 1 => 0..1_800_000_i64,
            ], mostly((-30..30).prop_map(|r| f64::from(r) * 1e-5), vec![0.06, 3.0])),
            1..40,
        ),
        venue in prop::sample::select(vec!["binance-usdm", "hyperliquid"]),
    ) {
        let raw = || Raw::from_columns(rows.len(), vec![
            ("time", times(&rows, |row| START + row.0 * HOUR + row.1)),
            ("rate", numbers(&rows, |row| row.2)),
        ]);
        for policies in [mended(), flagged()] {
            let Ok(checked) = funding::build(raw(), venue, &policies) else { continue };
            let table = &checked.table;
            prop_assert_eq!(rows.len(), table.len() + dropped(&checked));
            let Some(Column::Time(settlements)) = table.column("settlement_time") else {
                return Err(TestCaseError::fail("no settlements"));
            };
            prop_assert!(settlements.is_sorted_by(|a, b| a < b));
            prop_assert!(table.times().iter().zip(settlements).all(|(time, at)| (time - at).abs() <= 900_000));
            let Some(Column::I32(minutes)) = table.column("interval_minutes") else {
                return Err(TestCaseError::fail("no intervals"));
            };
            prop_assert!(minutes.iter().all(|minutes| (60..=1440).contains(minutes)));
            let unit = if checked.repairs.iter().any(|note| note.name == "percent_rate") { 0.01 } else { 1.0 };
            for (row, &rate) in table.f64("rate").iter().enumerate() {
                let recorded = rows[checked.file_rows.of(row)].2;
                prop_assert!((rate - recorded * unit).abs() <= 1e-12);
            }
        }
    }

    #[test]
    fn open_interest_is_accounted_for_and_a_flag_changes_no_row(
        values in prop::collection::vec(
            (mostly((500..600).prop_map(f64::from), vec![0.0, 3.0, 40.0]), any::<bool>()),
            1..80,
        ),
        repeated in prop::collection::vec(any::<bool>(), 80),
    ) {
        let mut rows: Vec<(i64, f64, f64)> = Vec::new();
        for (at, &(value, has_value)) in values.iter().enumerate() {
            let row = (START + at as i64 * 300_000, value, if has_value { value } else { f64::NAN });
            rows.push(row);
            if repeated[at] {
                rows.push(row);
            }
        }
        let build = |rows: &[(i64, f64, f64)], policies: &Policies| {
            let columns = vec![
                ("time", times(rows, |row| row.0)),
                ("open_interest", numbers(rows, |row| row.1)),
                ("open_interest_value", numbers(rows, |row| row.2)),
            ];
            open_interest::build(Raw::from_columns(rows.len(), columns), policies)
        };
        if let Ok(checked) = build(&rows, &mended()) {
            prop_assert_eq!(rows.len(), checked.table.len() + dropped(&checked));
            prop_assert!(checked.table.f64_or_nan("open_interest").iter().all(|&v| v > 0.0));
        }
        rows.dedup_by_key(|row| row.0);
        let checked = build(&rows, &flagged()).unwrap();
        prop_assert!(checked.repairs.is_empty());
        let recorded: Vec<f64> = rows.iter().map(|row| row.1).collect();
        prop_assert_eq!(checked.table.f64_or_nan("open_interest"), recorded);
    }

    #[test]
    fn liquidations_are_accounted_for_and_a_flag_changes_no_row(
        rows in prop::collection::vec(
            (
                0..40_i64,
                prop::sample::select(vec!["BUY", "SELL", "HOLD", ""]),
                mostly((90..110).prop_map(f64::from), BROKEN.to_vec()),
                mostly((1..5).prop_map(f64::from), vec![0.0, -1.0, f64::NAN]),
            ),
            1..30,
        ),
        is_doubled in any::<bool>(),
    ) {
        let rows: Vec<_> = rows.iter().flat_map(|row| vec![*row; 1 + usize::from(is_doubled)]).collect();
        let build = |rows: &[(i64, &str, f64, f64)], policies: &Policies| {
            let columns = vec![
                ("time", times(rows, |row| START + row.0 * HOUR)),
                ("side", Values::Words(rows.iter().map(|row| row.1.to_owned()).collect())),
                ("price", numbers(rows, |row| row.2)),
                ("quantity", numbers(rows, |row| row.3)),
            ];
            let raw = Raw::from_columns(rows.len(), columns);
            let mut checked = liquidations::build(raw, Quantity::Base, policies)?;
            let day = (Timestamp(START), Timestamp(START + 24 * HOUR));
            halve(&mut checked, policies)?;
            keep_period(&mut checked, Some(day), policies)?;
            Ok::<Checked, crate::error::RowProblem>(checked)
        };
        if let Ok(checked) = build(&rows, &mended()) {
            let table = &checked.table;
            prop_assert_eq!(rows.len(), table.len() + dropped(&checked));
            prop_assert!(table.times().iter().all(|&time| time < START + 24 * HOUR));
            for name in ["price", "quantity", "notional"] {
                prop_assert!(table.f64(name).iter().all(|&v| v.is_finite() && v > 0.0));
            }
            for row in 0..table.len() {
                prop_assert_eq!(table.f64("price")[row], rows[checked.file_rows.of(row)].2);
            }
        }
        // Of what can be flagged all, everything stays.
        let good: Vec<_> =
            rows.iter().filter(|row| row.2 > 0.0 && row.2.is_finite() && row.3 > 0.0).copied().collect();
        let checked = build(&good, &flagged()).unwrap();
        prop_assert_eq!(checked.table.len(), good.len());
        let mut prices: Vec<f64> = checked.table.f64("price").to_vec();
        let mut recorded: Vec<f64> = good.iter().map(|row| row.2).collect();
        prices.sort_by(f64::total_cmp);
        recorded.sort_by(f64::total_cmp);
        prop_assert_eq!(prices, recorded);
    }
}
