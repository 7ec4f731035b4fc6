#![allow(clippy::unwrap_used, clippy::float_cmp)]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::time::Interval;

const HOUR: i64 = 3_600_000;

fn hourly() -> Series {
    series(Kind::Candles, Some(Interval::HOUR))
}

fn series(kind: Kind, interval: Option<Interval>) -> Series {
    Series { kind, venue: "binance-usdm".into(), symbol: "BTCUSDT".into(), interval }
}

fn time(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().0
}

/// Bars of (open time, close); quote volume is close times volume.
fn candles(bars: &[(i64, f64)]) -> Table {
    let column = |f: &dyn Fn(f64) -> f64| Column::F64(bars.iter().map(|&(_, c)| f(c)).collect());
    Table::new(
        Kind::Candles,
        vec![
            Column::Time(bars.iter().map(|&(t, _)| t).collect()),
            column(&|_| 100.0),
            column(&|c| c + 100.0),
            column(&|_| 1.0),
            column(&|c| c),
            column(&|_| 2.0),
            column(&|c| 2.0 * c),
            Column::I64OrNull(vec![None; bars.len()]),
            Column::F64OrNull(vec![None; bars.len()]),
        ],
    )
}

fn source(name: &str) -> Source {
    Source { name: name.into(), sha256: format!("sha of {name}"), decoder: "test/1".into() }
}

fn incoming(name: &str, table: Table) -> Incoming {
    Incoming::new(source(name), table)
}

fn merge(lake: &Lake, series: &Series, from: Incoming) -> Result<MergeOutcome, MarketError> {
    lake.writer()?.merge(series, vec![from], MergeOptions::default())
}

fn all(lake: &Lake, series: &Series) -> Table {
    lake.read(series, Timestamp(i64::MIN), Timestamp(i64::MAX)).unwrap()
}

/// Every file of the lake with its bytes, in order of path.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes(&path));
        } else {
            found.push((path.to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn new_lake() -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(folder.path());
    (folder, lake)
}

#[test]
fn an_absent_lake_is_empty() {
    let (_folder, lake) = new_lake();
    assert!(lake.series().unwrap().is_empty());
    assert!(all(&lake, &hourly()).is_empty());
    assert!(lake.receipts(&hourly()).unwrap().is_empty());
    assert!(lake.coverage(&hourly()).unwrap().is_empty());
}

#[test]
fn rows_are_split_by_month_and_read_back() {
    let (_folder, lake) = new_lake();
    let start = time("2024-11-30T22:00:00Z");
    let bars: Vec<_> = (0..5).map(|i| (start + i * HOUR, 100.0 + i as f64)).collect();
    let backwards: Vec<_> = bars.iter().rev().copied().collect();
    let outcome = merge(&lake, &hourly(), incoming("a.csv", candles(&backwards))).unwrap();
    assert_eq!(outcome.rows_added, 5);
    let months: Vec<_> = outcome.months_written.iter().map(ToString::to_string).collect();
    assert_eq!(months, ["2024-11", "2024-12"]);
    let root = lake.root().join("candles/venue=binance-usdm/symbol=BTCUSDT/interval=1h/year=2024");
    assert!(root.join("month=11.parquet").exists() && root.join("month=12.parquet").exists());

    assert_eq!(all(&lake, &hourly()), candles(&bars));
    let part = lake.read(&hourly(), Timestamp(bars[1].0), Timestamp(bars[4].0)).unwrap();
    assert_eq!(part, candles(&bars[1..4]));
    assert_eq!(lake.series().unwrap(), [hourly()]);
    let to = Timestamp(start + 5 * HOUR);
    assert_eq!(lake.coverage(&hourly()).unwrap(), [(Timestamp(start), to)]);
}

#[test]
fn the_same_archive_changes_nothing() {
    let (_folder, lake) = new_lake();
    let table = candles(&[(0, 100.0), (HOUR, 101.0)]);
    merge(&lake, &hourly(), incoming("a", table.clone())).unwrap();
    let before = bytes(lake.root());
    let outcome = merge(&lake, &hourly(), incoming("a", table.clone())).unwrap();
    assert!(outcome.months_written.is_empty());
    assert_eq!((outcome.rows_added, outcome.rows_known), (0, 2));
    assert_eq!(bytes(lake.root()), before);

    // A second source of the same rows is entered in the receipt, the rows are kept once.
    merge(&lake, &hourly(), incoming("b", table.clone())).unwrap();
    assert_eq!(all(&lake, &hourly()), table);
    let names: Vec<_> =
        lake.receipts(&hourly()).unwrap()[0].sources.iter().map(|s| s.name.clone()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_conflict_writes_no_month() {
    let (_folder, lake) = new_lake();
    let (november, december) = (time("2024-11-01"), time("2024-12-01"));
    merge(&lake, &hourly(), incoming("a", candles(&[(december, 100.0)]))).unwrap();
    let before = bytes(lake.root());
    let other = candles(&[(november, 90.0), (december, 101.0)]);
    let error = merge(&lake, &hourly(), incoming("b", other.clone())).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with(
            "1 row(s) differ from what the lake holds, first at 2024-12-01T00:00:00Z: \
             `high` is 201 in b, 200 in the lake"
        ),
        "{text}"
    );
    assert_eq!(bytes(lake.root()), before);

    let writer = lake.writer().unwrap();
    let options = MergeOptions { replace: true, ..MergeOptions::default() };
    let outcome = writer.merge(&hourly(), vec![incoming("b", other.clone())], options).unwrap();
    assert_eq!((outcome.rows_added, outcome.rows_replaced), (1, 1));
    assert_eq!(all(&lake, &hourly()), other);
}

#[test]
fn a_changed_archive_is_named() {
    let (_folder, lake) = new_lake();
    merge(&lake, &hourly(), incoming("a", candles(&[(0, 100.0)]))).unwrap();
    let mut longer = incoming("a", candles(&[(0, 100.0), (HOUR, 101.0)]));
    longer.source.sha256 = "other".into();
    let outcome = merge(&lake, &hourly(), longer).unwrap();
    assert_eq!(outcome.changed.len(), 1);
    assert_eq!(outcome.changed[0].new_sha256, "other");
    let receipts = lake.receipts(&hourly()).unwrap();
    assert_eq!(receipts[0].sources.len(), 1);
    assert_eq!(receipts[0].sources[0].sha256, "other");

    // The shorter version again: still named, and nothing is lost.
    let outcome = merge(&lake, &hourly(), incoming("a", candles(&[(0, 100.0)]))).unwrap();
    assert_eq!(outcome.changed.len(), 1);
    assert!(outcome.months_written.is_empty());
    assert_eq!(lake.receipts(&hourly()).unwrap(), receipts);
}

#[test]
fn a_forming_bar_yields_to_the_complete_one_in_either_order() {
    let short = || Incoming {
        last_may_be_forming: true,
        ..incoming("short", candles(&[(0, 100.0), (HOUR, 101.0)]))
    };
    let long = || incoming("long", candles(&[(HOUR, 107.0), (2 * HOUR, 108.0)]));
    let complete = candles(&[(0, 100.0), (HOUR, 107.0), (2 * HOUR, 108.0)]);
    for order in [[short(), long()], [long(), short()]] {
        let (_folder, lake) = new_lake();
        for from in order {
            merge(&lake, &hourly(), from).unwrap();
        }
        assert_eq!(all(&lake, &hourly()), complete);
        let receipt = &lake.receipts(&hourly()).unwrap()[0];
        assert_eq!(receipt.completed_bars, [Timestamp(HOUR)]);
    }
    // A bar that no archive left forming is a conflict.
    let (_folder, lake) = new_lake();
    merge(&lake, &hourly(), long()).unwrap();
    let other = incoming("other", candles(&[(HOUR, 105.0), (2 * HOUR, 108.0)]));
    assert!(matches!(merge(&lake, &hourly(), other), Err(MarketError::Conflict { .. })));
}

#[test]
fn recorded_values_win_over_derived_and_absent_ones() {
    let derived = || {
        let mut columns = candles(&[(0, 100.0), (HOUR, 101.0)]).columns().to_vec();
        columns[6] = Column::F64(vec![7.0, 7.0]);
        let table = Table::new(Kind::Candles, columns);
        Incoming { derived: vec!["quote_volume".into()], ..incoming("derived", table) }
    };
    let recorded = || {
        let mut columns = candles(&[(0, 100.0)]).columns().to_vec();
        columns[7] = Column::I64OrNull(vec![Some(12)]);
        incoming("recorded", Table::new(Kind::Candles, columns))
    };
    for order in [[derived(), recorded()], [recorded(), derived()]] {
        let (_folder, lake) = new_lake();
        for from in order {
            merge(&lake, &hourly(), from).unwrap();
        }
        let table = all(&lake, &hourly());
        assert_eq!(table.f64("quote_volume"), [200.0, 7.0]);
        assert_eq!(table.column("trades"), Some(&Column::I64OrNull(vec![Some(12), None])));
        let receipt = &lake.receipts(&hourly()).unwrap()[0];
        assert_eq!(receipt.derived, [(Timestamp(HOUR), Timestamp(HOUR))]);
        assert!(receipt.is_derived(Timestamp(HOUR)) && !receipt.is_derived(Timestamp(0)));
    }
}

fn funding(rows: &[(i64, i64, f64)]) -> Table {
    Table::new(
        Kind::Funding,
        vec![
            Column::Time(rows.iter().map(|r| r.0).collect()),
            Column::Time(rows.iter().map(|r| r.1).collect()),
            Column::F64(rows.iter().map(|r| r.2).collect()),
            Column::I32(vec![480; rows.len()]),
            Column::F64OrNull(vec![None; rows.len()]),
        ],
    )
}

#[test]
fn funding_is_one_row_a_settlement_whatever_the_jitter() {
    let (_folder, lake) = new_lake();
    let series = series(Kind::Funding, None);
    let eight = 8 * HOUR;
    let rounded = funding(&[(0, 0, 0.1), (eight, eight, 0.2), (4 * eight, 4 * eight, 0.3)]);
    merge(&lake, &series, incoming("rounded", rounded)).unwrap();
    merge(&lake, &series, incoming("raw", funding(&[(eight + 8, eight, 0.2)]))).unwrap();
    let table = all(&lake, &series);
    assert_eq!(table.times(), [0, eight + 8, 4 * eight]);
    let runs = [(0, 2 * eight), (4 * eight, 5 * eight)];
    assert_eq!(lake.coverage(&series).unwrap(), runs.map(|(a, b)| (Timestamp(a), Timestamp(b))));
    let gaps = lake.gaps(&series).unwrap();
    assert_eq!((gaps.count, gaps.missing, gaps.first), (1, 2, Some(Timestamp(2 * eight))));
    let one = lake.read(&series, Timestamp(eight), Timestamp(eight + 1)).unwrap();
    assert_eq!(one.len(), 1, "chosen by settlement time");

    let other = incoming("other", funding(&[(eight, eight, 0.25)]));
    assert!(matches!(merge(&lake, &series, other), Err(MarketError::Conflict { .. })));
}

fn liquidations(rows: &[(i64, f64)]) -> Table {
    Table::new(
        Kind::Liquidations,
        vec![
            Column::Time(rows.iter().map(|r| r.0).collect()),
            Column::Text(vec!["long".into(); rows.len()]),
            Column::F64(rows.iter().map(|r| r.1).collect()),
            Column::F64(vec![1.0; rows.len()]),
            Column::F64(rows.iter().map(|r| r.1).collect()),
            Column::Text(vec!["liquidation".into(); rows.len()]),
        ],
    )
}

#[test]
fn liquidations_are_a_multiset_and_quiet_days_are_covered() {
    let (_folder, lake) = new_lake();
    let series = series(Kind::Liquidations, None);
    merge(&lake, &series, incoming("a", liquidations(&[(5, 2.0), (5, 1.0), (5, 2.0)]))).unwrap();
    merge(&lake, &series, incoming("b", liquidations(&[(5, 2.0), (6, 3.0)]))).unwrap();
    assert_eq!(all(&lake, &series), liquidations(&[(5, 1.0), (5, 2.0), (5, 2.0), (6, 3.0)]));

    let day = crate::time::DAY_MS;
    let period = |from, to| (Timestamp(from * day), Timestamp(to * day));
    for (name, covered) in [("q1", period(31, 32)), ("q2", period(32, 33)), ("q3", period(40, 41))]
    {
        let mut quiet =
            Incoming { covered: vec![covered], ..incoming(name, Table::empty(series.kind)) };
        quiet.source.sha256 = "of a header alone".into();
        merge(&lake, &series, quiet).unwrap();
    }
    assert_eq!(lake.coverage(&series).unwrap(), [period(31, 33), period(40, 41)]);
    assert_eq!(lake.months(&series).unwrap().len(), 2);
}

fn merge_with(lake: &Lake, from: Incoming, replace: bool, keep: bool) -> MergeOutcome {
    let series =
        series(from.table.kind(), from.table.kind().has_interval().then_some(Interval::HOUR));
    lake.writer().unwrap().merge(&series, vec![from], MergeOptions { replace, keep }).unwrap()
}

/// The archive's name under other bytes.
fn version(name: &str, sha256: &str, table: Table) -> Incoming {
    let mut from = incoming(name, table);
    from.source.sha256 = sha256.into();
    from
}

#[test]
fn a_changed_archive_of_liquidations_does_not_count_double() {
    let series = series(Kind::Liquidations, None);
    let first = || version("l", "1", liquidations(&[(5, 1.0), (6, 2.0), (7, 3.0)]));
    let second = || version("l", "2", liquidations(&[(5, 1.5), (6, 2.0), (7, 3.0), (8, 4.0)]));
    let (_folder, lake) = new_lake();
    merge(&lake, &series, first()).unwrap();
    let before = bytes(lake.root());
    let error = merge(&lake, &series, second()).unwrap_err().to_string();
    assert!(error.contains("1 row(s) differ") && error.contains("is in no row in l"), "{error}");
    assert_eq!(bytes(lake.root()), before);

    let outcome = merge_with(&lake, second(), false, true);
    assert_eq!((outcome.rows_added, outcome.rows_kept), (1, 1));
    assert_eq!(all(&lake, &series).f64("price"), [1.0, 2.0, 3.0, 4.0]);

    let outcome = merge_with(&lake, second(), true, false);
    assert_eq!((outcome.rows_added, outcome.rows_replaced), (1, 1));
    assert_eq!(all(&lake, &series).f64("price"), [1.5, 2.0, 3.0, 4.0]);

    // A version that only grew is no other one, and what another archive may have told stays.
    let (_folder, lake) = new_lake();
    merge(&lake, &series, first()).unwrap();
    let grown = [(5, 1.0), (6, 2.0), (6, 2.0), (7, 3.0), (9, 3.0)];
    merge(&lake, &series, version("l", "3", liquidations(&grown))).unwrap();
    assert_eq!(all(&lake, &series), liquidations(&grown));
    merge(&lake, &series, incoming("other", liquidations(&[(4, 1.0), (7, 3.0)]))).unwrap();
    merge_with(&lake, version("l", "4", liquidations(&[(5, 9.0), (9, 9.0)])), true, false);
    let prices = [1.0, 1.0, 9.0, 2.0, 2.0, 3.0, 9.0];
    assert_eq!(all(&lake, &series).f64("price"), prices, "4 to 7 may be the other's");
}

#[test]
fn the_same_bytes_read_otherwise_are_not_known() {
    let read = |closes: &[(i64, f64)]| version("a", "1", candles(closes));
    let flagged = [(0, 100.0), (HOUR, 101.0), (2 * HOUR, 101.0)];
    let (_folder, lake) = new_lake();
    merge(&lake, &hourly(), read(&flagged)).unwrap();
    let before = bytes(lake.root());
    // One row fewer, then other values: both differ from what the lake has of these bytes.
    for other in [&flagged[..2], &[(0, 100.0), (HOUR, 1.01), (2 * HOUR, 101.0)]] {
        let error = merge(&lake, &hourly(), read(other)).unwrap_err().to_string();
        assert!(error.contains("1 row(s) differ"), "{error}");
    }
    assert_eq!(bytes(lake.root()), before);
    assert_eq!(merge_with(&lake, read(&flagged[..2]), false, true).rows_kept, 1);
    assert_eq!(all(&lake, &hourly()), candles(&flagged));
    assert_eq!(merge_with(&lake, read(&flagged[..2]), true, false).rows_replaced, 1);
    assert_eq!(all(&lake, &hourly()), candles(&flagged[..2]));
    let receipts = lake.receipts(&hourly()).unwrap();
    assert_eq!((receipts[0].sources.len(), receipts[0].sources[0].rows), (1, 2));

    // A row that another archive spans as well is not taken out.
    merge(&lake, &hourly(), incoming("b", candles(&flagged))).unwrap();
    merge_with(&lake, read(&flagged[..1]), true, false);
    assert_eq!(all(&lake, &hourly()), candles(&flagged));

    // Other settings can move rows over the end of a month.
    let (_folder, lake) = new_lake();
    let month = time("1970-02-01");
    let (late, early) = ([(month - HOUR, 1.0), (month, 1.0)], [(month - HOUR, 1.0)]);
    merge(&lake, &hourly(), read(&late)).unwrap();
    assert!(matches!(merge(&lake, &hourly(), read(&early)), Err(MarketError::Conflict { .. })));
    merge_with(&lake, read(&early), true, false);
    assert_eq!(all(&lake, &hourly()), candles(&early));
    assert!(lake.receipts(&hourly()).unwrap()[1].sources.is_empty());
}

#[test]
fn a_receipt_names_the_source_of_every_row_that_stays() {
    let (_folder, lake) = new_lake();
    let long: Vec<_> = (0..4).map(|i| (i * HOUR, 100.0)).collect();
    merge(&lake, &hourly(), version("x", "1", candles(&long))).unwrap();
    let short = || version("x", "2", candles(&[(0, 90.0), (HOUR, 90.0)]));
    merge_with(&lake, short(), true, false);
    assert_eq!(all(&lake, &hourly()).f64("close"), [90.0, 90.0, 100.0, 100.0]);
    let receipt = lake.receipts(&hourly()).unwrap().remove(0);
    let sources: Vec<_> = receipt.sources.iter().map(|s| (s.sha256.as_str(), s.rows)).collect();
    assert_eq!(sources, [("1", 4), ("2", 2)]);

    // The long one again: it is known, and two of its rows are not what the lake has.
    let before = bytes(lake.root());
    let outcome = merge(&lake, &hourly(), version("x", "1", candles(&long))).unwrap();
    assert_eq!((outcome.rows_known, outcome.rows_kept), (4, 2));
    assert_eq!(bytes(lake.root()), before);
}

#[test]
fn a_receipt_without_a_digest_of_the_reading_is_read() {
    let source = r#"{"name":"a","sha256":"1","decoder":"test/1","rows":0,"first":null,"last":null,
        "covered":[],"maybe_forming":null,"derived":[],"duplicates":0,"repairs":[],"flags":[]}"#;
    let receipt: SourceReceipt = serde_json::from_str(source).unwrap();
    assert_eq!(receipt.reading, "");
    assert!(!serde_json::to_string(&receipt).unwrap().contains("reading"));
}

#[test]
fn two_writers_are_refused_and_stale_files_removed() {
    let (_folder, lake) = new_lake();
    let writer = lake.writer().unwrap();
    assert!(matches!(lake.writer(), Err(MarketError::Locked { .. })));
    drop(writer);
    merge(&lake, &hourly(), incoming("a", candles(&[(0, 100.0)]))).unwrap();
    let (_, path) = lake.months(&hourly()).unwrap().remove(0);
    let stale = path.with_file_name(".month=01.parquet.tmp");
    std::fs::write(&stale, b"half a file").unwrap();
    merge(&lake, &hourly(), incoming("b", candles(&[(HOUR, 100.0)]))).unwrap();
    assert!(!stale.exists());
    assert_eq!(all(&lake, &hourly()).len(), 2);
}

#[test]
fn files_and_names_that_cannot_be_are_refused() {
    let (_folder, lake) = new_lake();
    for symbol in ["", "..", "A/B", "A B", "a=b"] {
        let series = Series { symbol: symbol.into(), ..hourly() };
        assert!(matches!(lake.months(&series), Err(MarketError::BadName { .. })), "{symbol}");
    }
    assert!(series(Kind::Candles, None).folder().is_err());
    assert!(series(Kind::Funding, Some(Interval::HOUR)).folder().is_err());

    merge(&lake, &hourly(), incoming("a", candles(&[(0, 100.0)]))).unwrap();
    let (_, path) = lake.months(&hourly()).unwrap().remove(0);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = lake.read(&hourly(), Timestamp(0), Timestamp(HOUR)).unwrap_err();
    assert!(matches!(error, MarketError::BadLakeFile { .. }), "{error}");
}

#[test]
fn gaps_are_counted_within_and_between_months() {
    let (_folder, lake) = new_lake();
    let month = time("1970-02-01");
    let bars = [(0, 1.0), (3 * HOUR, 1.0), (month - 2 * HOUR, 1.0), (month + HOUR, 1.0)];
    merge(&lake, &hourly(), incoming("a", candles(&bars))).unwrap();
    let gaps = lake.gaps(&hourly()).unwrap();
    let missing = 2 + (31 * 24 - 2 - 4) + 2;
    assert_eq!((gaps.count, gaps.missing, gaps.first), (3, missing, Some(Timestamp(HOUR))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However a history is cut into archives and in whatever order they come, the rows are the
    /// history's.
    #[test]
    fn any_cut_and_order_gives_the_same_rows(
        hours in proptest::collection::btree_set(0_i64..3000, 1..60),
        cuts in proptest::collection::vec((0_usize..60, 0_usize..60), 1..5),
    ) {
        let bars: Vec<_> = hours.iter().map(|&h| (h * HOUR, 100.0 + h as f64)).collect();
        let (_folder, lake) = new_lake();
        let mut held = std::collections::BTreeSet::new();
        for (index, &(a, b)) in cuts.iter().enumerate() {
            let (a, b) = (a.min(b).min(bars.len()), a.max(b).min(bars.len()));
            held.extend(a..b);
            let part = incoming(&format!("cut {index}"), candles(&bars[a..b]));
            merge(&lake, &hourly(), part).unwrap();
        }
        let expected: Vec<_> = held.into_iter().map(|row| bars[row]).collect();
        prop_assert_eq!(all(&lake, &hourly()), candles(&expected));
    }
}
