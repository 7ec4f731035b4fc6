//! Real history, where it is at hand: what is known to be wrong in it is found, and nothing else.
//! Every disagreement listed here was counted once more with pandas.

use std::collections::BTreeSet;

use plimsoll_ingest::{Finding, IngestError, NoProgress, Options, Rule, Severity, check, ingest};
use plimsoll_market::{Kind, Series, Table, Timestamp};

use super::{as_mark, put, series, with_volume};
use crate::Bench;
use crate::real::real;

/// Errors as `rule symbol kind interval: times`, with each case's time.
fn errors(findings: &[Finding]) -> BTreeSet<String> {
    let found = findings.iter().filter(|finding| finding.severity == Severity::Error);
    found
        .map(|finding| {
            let Series { kind, symbol, interval, .. } = &finding.series;
            let interval = interval.map_or(String::new(), |interval| format!(" {interval}"));
            let times: Vec<String> = finding
                .spans
                .iter()
                .map(|span| span.from.to_string().replace(":00Z", ""))
                .collect();
            format!("{} {symbol} {kind}{interval}: {}", finding.rule, times.join(" "))
        })
        .collect()
}

#[test]
fn binance_contradicts_itself_where_it_is_known_to() {
    let Some(folder) = real("binance-usdm") else { return };
    let bench = Bench::new();
    bench.ingest(folder, &Options::default()).unwrap();
    let findings = check(&bench.lake).unwrap();
    let found = errors(&findings);
    let disagreement = |text: &str| format!("interval_disagreement {text}");
    let mut expected: BTreeSet<String> = [
        // The halt of 2024-10-28: five and fifteen minutes stand still where the hour trades;
        // four hours follow the minutes. The first bar after each halt opens differently, too.
        "BTCUSDT candles 1h: 2024-10-28T20:00",
        "BTCUSDT candles 15m: 2024-10-28T16:30 2024-10-28T21:00 2025-08-29T06:30",
        "BTCUSDT candles 1h: 2024-10-28T20:00 2025-01-14T15:00",
        "BTCUSDT candles 4h: 2024-10-28T20:00",
        "ETHUSDT candles 15m: 2025-08-29T06:30",
        "ETHUSDT candles 1h: 2024-10-28T20:00 2025-01-14T15:00",
        "ETHUSDT candles 4h: 2024-10-28T20:00",
        // Two marks of eight hours that do not open where those of an hour do.
        "BTCUSDT mark_candles 8h: 2023-07-31T00:00 2023-11-10T00:00",
        "ETHUSDT mark_candles 8h: 2023-07-31T00:00 2023-11-10T00:00",
    ]
    .map(disagreement)
    .into();
    // The last bars of one source were still forming when it was downloaded.
    for symbol in ["BTCUSDT", "ETHUSDT", "XRPUSDT"] {
        expected.insert(disagreement(&format!(
            "{symbol} candles 4h: 2024-10-28T20:00 2026-03-19T16:00"
        )));
        expected.insert(disagreement(&format!("{symbol} candles 1d: 2026-03-19T00:00")));
    }
    for bars in [
        "SOLUSDT candles 4h: 2024-10-28T20:00 2026-03-19T16:00",
        "SOLUSDT candles 4h: 2026-03-19T16:00",
        "SOLUSDT candles 1d: 2026-03-19T00:00",
        "HYPEUSDT candles 1d: 2026-03-19T00:00",
    ] {
        expected.insert(disagreement(bars));
    }
    // Months between the files at hand.
    for months in [
        "BTCUSDT candles 5m: 2025-01-01T00:00 2025-05-01T00:00",
        "ETHUSDT candles 5m: 2025-05-01T00:00",
        "SOLUSDT candles 5m: 2025-01-01T00:00",
        "XRPUSDT candles 5m: 2025-05-01T00:00",
    ] {
        expected.insert(format!("missing_month {months}"));
    }
    // The fortnight between two files, of marks and of settlements (counted with polars).
    for gap in ["funding", "mark_candles 8h"] {
        expected.insert(format!("long_gap SOLUSDT {gap}: 2025-01-18T16:00"));
    }
    assert_eq!(found, expected);

    let spans = |interval: &str| -> Vec<String> {
        let wanted = series(Kind::Candles, "BTCUSDT", Some(interval));
        let zero = findings.iter().find(|f| f.rule == Rule::ZeroVolume && f.series == wanted);
        let spans = zero.unwrap().spans.iter();
        spans.map(|span| format!("{} {}", span.from, span.to)).collect()
    };
    assert_eq!(
        spans("5m"),
        [
            "2024-10-28T16:25:00Z 2024-10-28T16:35:00Z",
            "2024-10-28T20:00:00Z 2024-10-28T21:10:00Z",
            "2025-08-29T06:20:00Z 2025-08-29T06:35:00Z"
        ]
    );
    let jumps: Vec<String> = findings
        .iter()
        .filter(|f| f.rule == Rule::Jump && f.first == f.last)
        .filter(|f| f.series.interval.is_some_and(|i| i.to_string() == "4h"))
        .map(|f| f.first.unwrap().to_string())
        .collect();
    assert!(jumps.len() >= 5 && jumps.iter().all(|time| time == "2025-10-10T20:00:00Z"));
}

#[test]
fn marks_that_are_copies_and_stamps_that_are_late() {
    let (Some(hyperliquid), Some(bybit)) = (real("hyperliquid"), real("bybit-linear")) else {
        return;
    };
    let bench = Bench::new();
    ingest(&[hyperliquid, bybit], &Options::default(), &bench.lake, &NoProgress).unwrap();
    let findings = check(&bench.lake).unwrap();
    assert_eq!(errors(&findings), BTreeSet::new());
    let copied: Vec<&Finding> = findings.iter().filter(|f| f.rule == Rule::MarkCopied).collect();
    assert_eq!(copied.len(), 1);
    assert_eq!((copied[0].series.venue.as_str(), copied[0].count), ("hyperliquid", 229));
    let late: Vec<&Finding> = findings.iter().filter(|f| f.rule == Rule::LateSettlement).collect();
    assert_eq!(late.len(), 1);
    let examples: Vec<String> = late[0].spans.iter().map(|span| span.from.to_string()).collect();
    assert_eq!(late[0].series.venue, "hyperliquid");
    assert!(examples.contains(&"2025-07-19T10:00:00Z".to_owned()), "{examples:?}");
    assert_eq!(late[0].count, 2);
}

#[test]
fn rates_in_percent_stand_out_among_the_venues() {
    let Some(path) = real("cross-venue-2025-03_2026-03/funding_rates.parquet") else { return };
    let bench = Bench::new();
    match bench.ingest(path, &Options::default()) {
        Ok(_) | Err(IngestError::BadFiles { .. }) => {}
        Err(other) => panic!("{other}"),
    }
    let findings = check(&bench.lake).unwrap();
    let units: Vec<&Series> =
        findings.iter().filter(|f| f.rule == Rule::FundingUnit).map(|f| &f.series).collect();
    let all = bench.lake.series().unwrap();
    let lighter: Vec<&Series> = all.iter().filter(|series| series.venue == "lighter").collect();
    assert_eq!(units, lighter);
}

#[test]
fn every_month_of_exchanged_marks_is_seen_and_no_month_as_it_was() {
    let Some(folder) = real("binance-usdm/full-history-1h") else { return };
    let bench = Bench::new();
    bench.ingest(folder, &Options::default()).unwrap();
    let (start, end) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let candle = series(Kind::Candles, symbol, Some("1h"));
        let marks = series(Kind::MarkCandles, symbol, Some("1h"));
        let mark = bench.lake.read(&marks, start, end).unwrap();
        let rows = bench.lake.read(&candle, start, end).unwrap();
        let common: Vec<usize> = (0..rows.len())
            .filter(|&r| mark.times().binary_search(&rows.times()[r]).is_ok())
            .collect();
        let last = rows.gather(&common);
        assert_eq!(last.len(), mark.len());
        let swapped = |volume: &[f64], mark: &Table, last: &Table| {
            let bench = Bench::new();
            put(&bench.lake, &candle, with_volume(mark, volume));
            put(&bench.lake, &marks, as_mark(last));
            let findings = check(&bench.lake).unwrap();
            let swapped = findings.into_iter().filter(|f| f.rule == Rule::MarkSwapped);
            swapped.map(|f| (f.series.kind, f.spans)).collect::<Vec<_>>()
        };
        let volume = last.f64("volume").to_vec();
        assert_eq!(swapped(&volume, &as_mark(&last), &mark), [], "{symbol} as it was");

        let under_right_volumes = swapped(&volume, &mark, &last);
        let [(Kind::MarkCandles, spans)] = &under_right_volumes[..] else {
            panic!("{symbol}: {under_right_volumes:?}")
        };
        let [span] = &spans[..] else { panic!("not every month: {spans:?}") };
        assert_eq!(span.from.to_string(), "2019-12-01T00:00:00Z");
        assert_eq!(span.to.to_string(), "2026-06-01T00:00:00Z");

        let files_exchanged = swapped(&vec![0.0; volume.len()], &mark, &last);
        let kinds: Vec<Kind> = files_exchanged.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Candles, Kind::MarkCandles]);
        for (kind, found) in &files_exchanged {
            let ends: Vec<_> = found.iter().map(|span| (span.from, span.to)).collect();
            assert_eq!(ends, [(span.from, span.to)], "{kind}");
        }
    }
}
