//! Every rule of the lake that needs no damaged file.

use plimsoll_ingest::{Finding, Rule, Severity, check};
use plimsoll_market::lake::Note;
use plimsoll_market::{Column, Incoming, Interval, Kind, Series, Table, Timestamp};

use super::with_volume;
use super::{DAY, HOUR, Market, as_mark, funding, market, of, put, put_as, series, source};
use crate::{Bench, time};

fn only(findings: &[Finding], rule: Rule) -> &Finding {
    let found: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == rule).collect();
    assert_eq!(found.len(), 1, "{rule}: {findings:#?}");
    found[0]
}

/// A table with some values of a column replaced.
fn with(table: &Table, column: &str, values: &[(usize, f64)]) -> Table {
    let columns = table.columns().iter().zip(table.kind().columns());
    let columns = columns.map(|(old, (name, _))| match old {
        Column::F64(old) if *name == column => {
            let mut new = old.clone();
            for &(row, value) in values {
                new[row] = value;
            }
            Column::F64(new)
        }
        _ => old.clone(),
    });
    Table::new(table.kind(), columns.collect())
}

/// Rows of five minutes as bars of a longer interval.
fn longer(table: &Table, parts: usize) -> Table {
    let n = table.len() / parts;
    let fold = |name: &str, join: fn(f64, f64) -> f64| -> Vec<f64> {
        let chunks = table.f64(name).chunks_exact(parts);
        chunks.map(|chunk| chunk.iter().copied().reduce(join).unwrap()).collect()
    };
    let times = (0..n).map(|bar| table.times()[bar * parts]).collect();
    let prices = Table::new(
        Kind::MarkCandles,
        vec![
            Column::Time(times),
            Column::F64(fold("open", |first, _| first)),
            Column::F64(fold("high", f64::max)),
            Column::F64(fold("low", f64::min)),
            Column::F64(fold("close", |_, last| last)),
        ],
    );
    with_volume(&prices, &fold("volume", |a, b| a + b))
}

#[test]
fn bars_of_two_intervals_must_agree() {
    let five: Interval = "5m".parse().unwrap();
    let Market { candles, .. } = market("2025-01-27", five, 14 * 288, 11);
    let (hours, weeks) = (longer(&candles, 12), longer(&candles, 7 * 288));
    assert_eq!(weeks.len(), 2, "the first week reaches into February");
    let bench = Bench::new();
    let [short, hour, week] =
        ["5m", "1h", "1w"].map(|interval| series(Kind::Candles, "BTCUSDT", Some(interval)));
    put(&bench.lake, &short, candles.clone());
    put(&bench.lake, &hour, hours.clone());
    put(&bench.lake, &week, weeks.clone());
    assert_eq!(of(&check(&bench.lake).unwrap(), Rule::IntervalDisagreement), [""; 0]);

    let middle = 0.5 * (hours.f64("low")[40] + hours.f64("high")[40]);
    // A halted hour: nothing traded in five minutes, all of it in the bar of an hour.
    let bench = Bench::new();
    let halted: Vec<(usize, f64)> = (120..132).map(|row| (row, 0.0)).collect();
    put(&bench.lake, &short, with(&candles, "volume", &halted));
    put(&bench.lake, &hour, with(&hours, "close", &[(40, middle)]));
    put(&bench.lake, &week, weeks);
    let findings = check(&bench.lake).unwrap();
    assert_eq!(
        of(&findings, Rule::IntervalDisagreement),
        ["binance-usdm BTCUSDT candles 1h: 1 2025-01-28T16:00:00Z .. 2025-01-28T16:00:00Z",]
    );
    assert_eq!(
        of(&findings, Rule::VolumeDisagreement),
        [
            "binance-usdm BTCUSDT candles 1h: 1 2025-01-27T10:00:00Z .. 2025-01-27T10:00:00Z",
            "binance-usdm BTCUSDT candles 1w: 1 2025-01-27T00:00:00Z .. 2025-01-27T00:00:00Z",
        ]
    );
    let hourly = findings.iter().find(|f| f.rule == Rule::VolumeDisagreement).unwrap();
    let volume = hours.f64("volume")[10];
    assert_eq!(
        hourly.example,
        format!("2025-01-27T10:00:00Z: volume {volume}, but 0 by those of 5m")
    );
    assert_eq!(
        hourly.message,
        "volumes of bars with the right prices are not what those of 5m add up to, of 336 bars compared"
    );
}

#[test]
fn a_bar_that_was_still_forming_is_told_apart() {
    let five: Interval = "5m".parse().unwrap();
    let Market { candles, .. } = market("2025-01-27", five, 288, 11);
    let hours = longer(&candles, 12);
    let last = hours.len() - 1;
    let middle = 0.5 * (hours.f64("low")[last] + hours.f64("high")[last]);
    let hours = with(&hours, "close", &[(last, middle)]);
    let bench = Bench::new();
    put(&bench.lake, &series(Kind::Candles, "BTCUSDT", Some("5m")), candles);
    let mut incoming = Incoming::new(source("hours"), hours);
    incoming.last_may_be_forming = true;
    put_as(&bench.lake, &series(Kind::Candles, "BTCUSDT", Some("1h")), incoming);
    let findings = check(&bench.lake).unwrap();
    let finding = only(&findings, Rule::IntervalDisagreement);
    let end = "; 1 of them the last of an archive, perhaps still forming";
    assert!(finding.message.ends_with(end), "{}", finding.message);
}

#[test]
fn moves_beyond_what_the_market_does_are_flagged() {
    let five: Interval = "5m".parse().unwrap();
    let Market { candles, .. } = market("2025-01-01", five, 31 * 288, 5);
    let closes = candles.f64("close");
    // Two slips of the feed, and one move that the bound of 2 % lets pass.
    let low =
        [(1000, closes[999] * 0.95), (3000, closes[2999] * 0.9), (5000, closes[4999] * 0.985)];
    let bench = Bench::new();
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("5m")) };
    put(&bench.lake, &spot, with(&candles, "low", &low));
    let findings = check(&bench.lake).unwrap();
    assert_eq!(findings.len(), 1);
    let jump = only(&findings, Rule::Jump);
    assert_eq!((jump.count, jump.severity), (2, Severity::Note));
    assert_eq!(jump.first.unwrap().0, candles.times()[1000]);
    assert!(jump.example.contains(", 10.0 % where 0."), "{}", jump.example);
    assert!(jump.shows_largest());
}

#[test]
fn halts_and_filler_are_told_apart() {
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 10 * 24, 5);
    let price = candles.f64("close")[99];
    let mut rows = candles;
    let still: Vec<usize> = (100..103).chain(200..240).collect();
    for column in ["open", "high", "low", "close"] {
        rows = with(&rows, column, &still.iter().map(|&row| (row, price)).collect::<Vec<_>>());
    }
    rows = with(&rows, "volume", &still.iter().map(|&row| (row, 0.0)).collect::<Vec<_>>());
    let bench = Bench::new();
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("1h")) };
    put(&bench.lake, &spot, rows);
    let findings = check(&bench.lake).unwrap();
    assert_eq!(
        of(&findings, Rule::ZeroVolume),
        [
            "binance-spot BTCUSDT candles 1h: 40 2025-01-09T08:00:00Z .. 2025-01-10T23:00:00Z",
            "binance-spot BTCUSDT candles 1h: 3 2025-01-05T04:00:00Z .. 2025-01-05T06:00:00Z",
        ]
    );
}

#[test]
fn marks_far_away_and_marks_that_are_copies() {
    let Market { candles, mark } = market("2025-01-01", Interval::HOUR, 59 * 24, 5);
    let (candle, marks) = (
        series(Kind::Candles, "BTCUSDT", Some("1h")),
        series(Kind::MarkCandles, "BTCUSDT", Some("1h")),
    );
    let bench = Bench::new();
    let far = candles.f64("close")[700] * 1.03;
    put(&bench.lake, &candle, candles.clone());
    let mut mark = with(&mark, "close", &[(700, far)]);
    mark = with(&mark, "high", &[(700, far)]);
    put(&bench.lake, &marks, mark);
    let findings = check(&bench.lake).unwrap();
    let finding = only(&findings, Rule::MarkFar);
    assert_eq!((finding.count, finding.series.kind), (1, Kind::MarkCandles));
    assert!(finding.example.ends_with("3.0 %"), "{}", finding.example);

    let bench = Bench::new();
    put(&bench.lake, &candle, candles.clone());
    put(&bench.lake, &marks, as_mark(&candles));
    let findings = check(&bench.lake).unwrap();
    let finding = only(&findings, Rule::MarkCopied);
    assert_eq!((finding.spans.len(), finding.severity), (1, Severity::Warning));
    assert_eq!(finding.example, "2025-01: 744 of 744 bars are equal");
}

#[test]
fn marks_of_another_scale_are_errors() {
    let Market { candles, mark } = market("2025-01-01", Interval::HOUR, 59 * 24, 5);
    let candle = series(Kind::Candles, "BTCUSDT", Some("1h"));
    let marks = series(Kind::MarkCandles, "BTCUSDT", Some("1h"));
    let scaled = |rows: std::ops::Range<usize>, factor: f64| {
        let mut table = mark.clone();
        for column in ["open", "high", "low", "close"] {
            let old = mark.f64(column);
            let new: Vec<(usize, f64)> = rows.clone().map(|row| (row, old[row] * factor)).collect();
            table = with(&table, column, &new);
        }
        table
    };
    // A month of all sizes, and a day that half of the month's bars do not show.
    for (rows, factor, count) in
        [(0..744, 100.0, 744), (0..744, 1.05, 744), (0..744, 0.01, 744), (100..124, 100.0, 24)]
    {
        let bench = Bench::new();
        put(&bench.lake, &candle, candles.clone());
        put(&bench.lake, &marks, scaled(rows, factor));
        let findings = check(&bench.lake).unwrap();
        let finding = only(&findings, Rule::MarkWrong);
        assert_eq!((finding.count, finding.severity), (count, Severity::Error), "{factor}");
    }
    // A fifth off for a day is told, as a crash can be that far from its mark.
    let bench = Bench::new();
    put(&bench.lake, &candle, candles.clone());
    put(&bench.lake, &marks, scaled(100..124, 1.2));
    let findings = check(&bench.lake).unwrap();
    assert_eq!(only(&findings, Rule::MarkFar).count, 24);
}

#[test]
fn a_week_without_bars_is_an_error_and_a_day_a_warning() {
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 59 * 24, 5);
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("1h")) };
    for (hours, rule) in [(24, Rule::Gap), (167, Rule::Gap), (168, Rule::LongGap)] {
        let rows: Vec<usize> =
            (0..candles.len()).filter(|row| !(100..100 + hours).contains(row)).collect();
        let bench = Bench::new();
        put(&bench.lake, &spot, candles.gather(&rows));
        let findings = check(&bench.lake).unwrap();
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!((findings[0].rule, findings[0].count), (rule, hours));
    }
}

#[test]
fn a_day_copied_over_the_next_is_named() {
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 10 * 24, 5);
    let mut copied = candles.clone();
    for column in ["open", "high", "low", "close", "volume"] {
        let old = candles.f64(column);
        let rows: Vec<(usize, f64)> = (48..72).map(|row| (row, old[row - 24])).collect();
        copied = with(&copied, column, &rows);
    }
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("1h")) };
    let bench = Bench::new();
    put(&bench.lake, &spot, copied);
    let findings = check(&bench.lake).unwrap();
    let finding = only(&findings, Rule::BrokenBar);
    assert_eq!(finding.count, 24);
    assert_eq!(
        finding.example,
        "24 bars from 2025-01-03T00:00:00Z are those from 2025-01-02T00:00:00Z"
    );
}

#[test]
fn prices_that_move_are_no_filler() {
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 31 * 24, 5);
    let quiet: Vec<(usize, f64)> = (700..744).map(|row| (row, 0.0)).collect();
    let spot =
        Series { venue: "binance-spot".into(), ..series(Kind::Candles, "BTCUSDT", Some("1h")) };
    let bench = Bench::new();
    put(&bench.lake, &spot, with(&candles, "volume", &quiet));
    let findings = check(&bench.lake).unwrap();
    assert_eq!(only(&findings, Rule::ZeroVolume).message, "bars without trades, in 1 halt(s)");
}

#[test]
fn values_of_every_kind_are_looked_at() {
    let at = time("2025-01-01");
    let order = |price: f64, quantity: f64| {
        let columns = vec![
            Column::Time(vec![at]),
            Column::Text(vec!["long".into()]),
            Column::F64(vec![price]),
            Column::F64(vec![quantity]),
            Column::F64(vec![1.0]),
            Column::Text(vec!["liquidation".into()]),
        ];
        Table::new(Kind::Liquidations, columns)
    };
    let snapshot = |value: f64| {
        let columns = vec![
            Column::Time(vec![at]),
            Column::F64OrNull(vec![Some(value)]),
            Column::F64OrNull(vec![None]),
        ];
        Table::new(Kind::OpenInterest, columns)
    };
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 24, 5);
    for (table, rule, example) in [
        (order(-1.0, 1.0), Rule::BrokenBar, "price -1"),
        (order(1.0, f64::NAN), Rule::BrokenBar, "quantity NaN"),
        (snapshot(f64::NAN), Rule::BrokenBar, "open_interest NaN"),
        (snapshot(-1.0), Rule::BrokenBar, "open_interest -1"),
        (snapshot(0.0), Rule::ZeroOpenInterest, "open_interest 0"),
        (with(&candles, "quote_volume", &[(0, -5.0)]), Rule::BrokenBar, "quote_volume -5"),
    ] {
        let bench = Bench::new();
        let interval = table.kind().has_interval().then_some("1h");
        let wanted = series(table.kind(), "BTCUSDT", interval);
        put(&bench.lake, &Series { venue: "binance-spot".into(), ..wanted }, table);
        let findings = check(&bench.lake).unwrap();
        assert_eq!(only(&findings, rule).example, format!("2025-01-01T00:00:00Z: {example}"));
    }
}

#[test]
fn funding_is_held_against_that_of_other_venues() {
    let bench = Bench::new();
    let of_venue = |venue: &str, symbol: &str| Series {
        venue: venue.into(),
        ..series(Kind::Funding, symbol, None)
    };
    let (from, to) = ("2025-01-01", "2025-01-15");
    put(&bench.lake, &of_venue("binance-usdm", "BTCUSDT"), funding(from, to, 1e-4, 480));
    put(&bench.lake, &of_venue("hyperliquid", "BTC"), funding(from, to, 1.3e-5, 60));
    put(&bench.lake, &of_venue("okx-swap", "BTC-USDT-SWAP"), funding(from, to, 2e-4, 480));
    // A coin of its own, and one that is much dearer to hold: no word about either.
    put(&bench.lake, &of_venue("binance-usdm", "1000PEPEUSDT"), funding(from, to, 1e-4, 480));
    put(&bench.lake, &of_venue("hyperliquid", "kPEPE"), funding(from, to, 1e-4, 60));
    assert_eq!(of(&check(&bench.lake).unwrap(), Rule::FundingUnit), [""; 0]);
    put(&bench.lake, &of_venue("lighter", "BTC"), funding(from, to, 1.2e-3, 60));
    let findings = check(&bench.lake).unwrap();
    let unit = only(&findings, Rule::FundingUnit);
    assert_eq!((unit.series.venue.as_str(), unit.count), ("lighter", 14 * 24));
    assert_eq!(
        unit.message,
        "rates are 92 times those of 3 other venue(s) for BTC at the same hours: percent where fractions are expected?"
    );
}

#[test]
fn missing_settlements_are_counted_at_their_own_interval() {
    let bench = Bench::new();
    let rates = funding("2025-01-01", "2025-01-15", 1e-4, 240);
    let rows: Vec<usize> = (0..rates.len()).filter(|row| ![10, 11, 40].contains(row)).collect();
    let rates = with(&rates.gather(&rows), "rate", &[(5, 0.02)]);
    put(&bench.lake, &series(Kind::Funding, "HYPEUSDT", None), rates);
    let Market { candles, .. } = market("2024-12-30", Interval::HOUR, 3 * 24, 5);
    put(&bench.lake, &series(Kind::Candles, "HYPEUSDT", Some("1h")), candles);
    let findings = check(&bench.lake).unwrap();
    let gap = only(&findings, Rule::Gap);
    let spans: Vec<String> =
        gap.spans.iter().map(|span| format!("{} {} {}", span.from, span.to, span.count)).collect();
    assert_eq!(
        spans,
        [
            "2025-01-02T16:00:00Z 2025-01-03T00:00:00Z 2",
            "2025-01-07T16:00:00Z 2025-01-07T20:00:00Z 1"
        ]
    );
    let funding = series(Kind::Funding, "HYPEUSDT", None);
    let listed = bench.lake.gap_list(&funding).unwrap();
    assert_eq!(listed.iter().map(|gap| gap.missing).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(bench.lake.gaps(&funding).unwrap().missing, 3);
    assert_eq!(only(&findings, Rule::ExtremeFunding).example, "2025-01-01T20:00:00Z: 0.02");
    assert_eq!(only(&findings, Rule::FundingMissing).count, 2 * 24);
}

#[test]
fn holes_in_open_interest_and_unknown_liquidations() {
    let bench = Bench::new();
    let times: Vec<i64> = (0..200)
        .filter(|row| !(50..60).contains(row))
        .map(|row| time("2025-01-01") + row * 300_000 + row % 3 * 1000)
        .collect();
    let n = times.len();
    let snapshots = Table::new(
        Kind::OpenInterest,
        vec![
            Column::Time(times),
            Column::F64OrNull(vec![Some(5.0); n]),
            Column::F64OrNull(vec![None; n]),
        ],
    );
    put(&bench.lake, &series(Kind::OpenInterest, "BTCUSDT", None), snapshots);
    let event = |day: &str| {
        Table::new(
            Kind::Liquidations,
            vec![
                Column::Time(vec![time(day)]),
                Column::Text(vec!["long".into()]),
                Column::F64(vec![5.0]),
                Column::F64(vec![5.0]),
                Column::F64(vec![25.0]),
                Column::Text(vec!["liquidation".into()]),
            ],
        )
    };
    let orders = series(Kind::Liquidations, "BTCUSDT", None);
    for (name, day, days) in [("a", "2025-01-01", 3), ("bb", "2025-01-10", 2)] {
        let mut incoming = Incoming::new(source(name), event(day));
        incoming.covered = vec![(Timestamp(time(day)), Timestamp(time(day) + days * DAY))];
        put_as(&bench.lake, &orders, incoming);
    }
    let findings = check(&bench.lake).unwrap();
    let hole = only(&findings, Rule::OpenInterestHole);
    assert_eq!((hole.count, hole.spans.len()), (10, 1));
    assert_eq!(hole.message, "snapshots that come every 5m are missing");
    let unknown = only(&findings, Rule::LiquidationUnknown);
    assert_eq!(unknown.example, "from 2025-01-04T00:00:00Z to 2025-01-10T00:00:00Z");
    assert!(unknown.message.ends_with("of about 5 known day(s), 2 had an event"));
}

#[test]
fn what_decoders_flagged_is_repeated_once() {
    let bench = Bench::new();
    let rates = funding("2025-01-15", "2025-02-15", 1e-4, 60);
    let mut incoming = Incoming::new(source("late.json"), rates);
    incoming.flags = vec![Note {
        name: "late_settlement".into(),
        count: 4,
        first: Some(Timestamp(time("2025-01-20") + HOUR)),
        message: "settlements are stamped late".into(),
        example: "2025-01-20T01:14:47.645Z".into(),
    }];
    let funding = Series { venue: "hyperliquid".into(), ..series(Kind::Funding, "BTC", None) };
    put_as(&bench.lake, &funding, incoming);
    let findings = check(&bench.lake).unwrap();
    let flag = only(&findings, Rule::ArchiveFlag);
    assert_eq!((flag.count, flag.severity), (4, Severity::Note));
    assert_eq!(flag.example, "2025-01-20T01:14:47.645Z");
    assert_eq!(flag.message, "late.json: settlements are stamped late (late_settlement)");
}

#[test]
fn numbers_that_are_none_break_a_bar_and_intervals_that_are_no_time_a_settlement() {
    let Market { candles, .. } = market("2025-01-01", Interval::HOUR, 31 * 24, 5);
    let candle = series(Kind::Candles, "BTCUSDT", Some("1h"));
    for (column, value) in [
        ("open", f64::NAN),
        ("high", f64::NAN),
        ("low", f64::NAN),
        ("close", f64::NAN),
        ("high", f64::INFINITY),
        ("volume", f64::NAN),
        ("volume", f64::INFINITY),
    ] {
        let bench = Bench::new();
        put(&bench.lake, &candle, with(&candles, column, &[(700, value)]));
        let findings = check(&bench.lake).unwrap();
        let finding = only(&findings, Rule::BrokenBar);
        assert_eq!((finding.count, finding.severity), (1, Severity::Error), "{column} {value}");
    }
    for minutes in [0, -480] {
        let rates = funding("2025-01-01", "2025-01-15", 1e-4, 480);
        let mut columns = rates.columns().to_vec();
        columns[3] = Column::I32((0..42).map(|row| if row == 7 { minutes } else { 480 }).collect());
        let bench = Bench::new();
        let rates = Table::new(Kind::Funding, columns);
        put(&bench.lake, &series(Kind::Funding, "BTCUSDT", None), rates);
        let findings = check(&bench.lake).unwrap();
        let finding = only(&findings, Rule::BrokenBar);
        assert_eq!(finding.example, format!("2025-01-03T08:00:00Z: {minutes} minutes"));
    }
}
