//! All of the shared real files by one call, held against the table of their origins.
//!
//! `SOURCES.md` beside the files says what each holds: rows, first and last. Where the run tells
//! something else, [`DEVIATIONS`] says why; nothing else may differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_ingest::{
    FileFailure, FileReport, Finding, IngestError, Options, Outcome, Policy, Problem, Rule,
    Summary, check,
};
use plimsoll_market::load::aggregate;
use plimsoll_market::{Column, Interval, Kind, Series, Table, Timestamp};

use crate::{Bench, time};

const CROSS_VENUE: &str = "cross-venue-2025-03_2026-03";
const HYPERLIQUID_FUNDING: &str = "hyperliquid/1h-2025-05_08/BTC_USDC_USDC-1h-funding_rate.feather";

/// Files that do not go in as they are listed, each with the fact that is behind it.
const DEVIATIONS: &[(&str, Deviation)] = &[
    // The lighter rates are percentages: five series of it, with as many rows as its open
    // interest of the same hours in the file beside it.
    ("cross-venue-2025-03_2026-03/funding_rates.parquet", Deviation::LighterRefused),
    // It contradicts the rates of the cross-venue file, which are in the lake by then.
    (HYPERLIQUID_FUNDING, Deviation::Contradicted),
    // Sums and counts without a time, and accounts without a coin or a price: nothing that a
    // series could be made of.
    ("liquidations/hyperliquid-2025-10-10/adl_net_volume_full_12min.csv", Deviation::LeftOut),
    ("liquidations/hyperliquid-2025-10-10/adl_by_coin_REALTIME.csv", Deviation::LeftOut),
    ("liquidations/hyperliquid-2025-10-10/cascade_timing_results.json", Deviation::LeftOut),
    ("liquidations/hyperliquid-2023/liquidations.csv", Deviation::LeftOut),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Deviation {
    LeftOut,
    LighterRefused,
    Contradicted,
}

/// A row of the tables of `SOURCES.md`.
struct Listed {
    rows: Option<usize>,
    first: Option<String>,
    last: Option<String>,
}

fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    if path.join("SOURCES.md").exists() {
        return Some(path);
    }
    eprintln!("skipped: the real files are not at hand");
    None
}

#[test]
fn all_real_files_go_in_as_their_origins_say() {
    let Some(folder) = folder() else { return };
    let bench = Bench::new();
    let mut options = Options::default();
    // Hyperliquid's liquidations of the cross-venue files say `S` for every side.
    options.policies.set(Rule::UnknownSide, Policy::Flag).unwrap();
    let Err(IngestError::BadFiles { failures, summary }) = bench.ingest(&folder, &options) else {
        panic!("the percentages are not refused");
    };
    files_are_as_listed(&folder, &summary);
    refusals_are_those_expected(&folder, &failures);
    bars_of_several_lengths_agree(&bench);
    forming_bars_are_completed(&summary);
    halts_are_bars_without_volume(&bench);
    crashes_are_as_low_as_they_were(&bench);
    funding_around_the_crash(&bench);
    sums_and_liquidations(&bench, &summary);
}

/// With three rules relaxed every file goes in, and the lake itself tells what is wrong with it.
#[test]
fn what_is_let_in_is_found_in_the_lake() {
    let Some(folder) = folder() else { return };
    let bench = Bench::new();
    let mut options = Options::default();
    for rule in [Rule::UnknownSide, Rule::PercentRate] {
        options.policies.set(rule, Policy::Flag).unwrap();
    }
    // Hyperliquid's own rates replace those that others gathered.
    options.policies.set(Rule::LakeConflict, Policy::Repair).unwrap();
    let summary = bench.ingest(&folder, &options).unwrap();
    let taken = |report: &&FileReport| report.outcome == Outcome::Taken;
    assert_eq!(summary.reports.iter().filter(taken).count(), summary.reports.len() - 4);
    let listed = listed(&folder.join("SOURCES.md"));
    for report in summary.reports.iter().filter(taken) {
        let rows: usize = report.parts.iter().map(|part| part.rows).sum();
        assert_eq!(Some(rows), listed[&report.file].rows, "{}", report.file);
    }

    let findings = check(&bench.lake).unwrap();
    let of = |rule: Rule, series: &str| {
        let found = findings.iter().filter(|finding| finding.rule == rule);
        found.filter(|finding| finding.series.to_string() == series).collect::<Vec<_>>()
    };
    let units: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| finding.rule == Rule::FundingUnit)
        .map(|finding| finding.series.venue.as_str())
        .collect();
    assert_eq!(units.into_iter().collect::<Vec<_>>(), ["lighter"]);
    let late = of(Rule::LateSettlement, "hyperliquid BTC funding");
    assert!(late[0].example.starts_with("2025-07-19T10:14:47.645Z"), "{late:?}");
    // The halt of 2024-10-28, and the hours that contradict it.
    let halts = of(Rule::ZeroVolume, "binance-usdm BTCUSDT candles 5m");
    let spans = || halts.iter().flat_map(|finding| &finding.spans);
    // The bars of 16:25 and 16:30, and those from 20:00 to that of 21:05.
    for (from, to) in [("16:25", "16:35"), ("20:00", "21:10")] {
        let at = |clock: &str| Timestamp(time(&format!("2024-10-28T{clock}:00Z")));
        assert!(spans().any(|span| (span.from, span.to) == (at(from), at(to))), "{from}");
    }
    let contradictions = of(Rule::IntervalDisagreement, "binance-usdm BTCUSDT candles 1h");
    let hour = Timestamp(time("2024-10-28T20:00:00Z"));
    let holds = |finding: &&Finding| finding.spans.iter().any(|s| s.from <= hour && hour < s.to);
    assert!(contradictions.iter().any(holds), "{contradictions:?}");
}

fn files_are_as_listed(folder: &Path, summary: &Summary) {
    let listed = listed(&folder.join("SOURCES.md"));
    assert!(listed.len() > 120, "the tables of SOURCES.md are understood: {}", listed.len());
    let reports: BTreeMap<&str, &FileReport> =
        summary.reports.iter().map(|report| (report.file.as_str(), report)).collect();
    let names: BTreeSet<&str> = reports.keys().copied().collect();
    let expected: BTreeSet<&str> = listed.keys().map(String::as_str).collect();
    assert_eq!(names, expected, "every file that is listed is read, and no other");
    let mut others: Vec<_> = summary.left_out.iter().map(|note| note.file.as_str()).collect();
    others.retain(|file| !names.contains(file));
    assert_eq!(
        others,
        ["SOURCES.md", "liquidations/hyperliquid-2025-10-10/HyperReplay-LICENSE.txt"]
    );

    for (file, listed) in &listed {
        let report = reports[file.as_str()];
        let deviation = DEVIATIONS.iter().find(|(name, _)| name == file).map(|&(_, why)| why);
        let rows: usize = report.parts.iter().map(|part| part.rows).sum();
        let first = report.parts.iter().filter_map(|part| part.first).min();
        let last = report.parts.iter().filter_map(|part| part.last).max();
        let outcome = match deviation {
            None => Outcome::Taken,
            Some(Deviation::LeftOut) => Outcome::LeftOut,
            Some(Deviation::LighterRefused) => Outcome::Partly,
            Some(Deviation::Contradicted) => Outcome::Refused,
        };
        assert_eq!(report.outcome, outcome, "{file}");
        match deviation {
            Some(Deviation::LeftOut) => {
                let note = summary.left_out.iter().find(|note| note.file == *file);
                assert!(note.is_some_and(|note| note.message.len() > 10), "{file} has a reason");
                continue;
            }
            Some(Deviation::Contradicted) => {
                assert!(report.parts.is_empty(), "{file}");
                continue;
            }
            Some(Deviation::LighterRefused) => {
                let interest = reports[format!("{CROSS_VENUE}/open_interest.parquet").as_str()];
                let lighter = interest.parts.iter().filter(|part| part.series.venue == "lighter");
                let lighter: Vec<usize> = lighter.map(|part| part.rows).collect();
                assert_eq!(lighter.len(), 5);
                assert_eq!(Some(rows + lighter.iter().sum::<usize>()), listed.rows, "{file}");
            }
            None => assert_eq!(Some(rows), listed.rows, "{file}"),
        }
        assert_eq!(first.map(seconds), listed.first, "{file}");
        assert_eq!(last.map(seconds), listed.last, "{file}");
    }
}

fn refusals_are_those_expected(folder: &Path, failures: &[FileFailure]) {
    let mut refused: Vec<(&str, &str)> = failures
        .iter()
        .map(|failure| {
            let file = Path::new(&failure.file).strip_prefix(folder).unwrap();
            (file.to_str().unwrap(), failure.series.as_deref().unwrap_or_default())
        })
        .collect();
    refused.sort_unstable();
    let funding = format!("{CROSS_VENUE}/funding_rates.parquet");
    let mut expected: Vec<(&str, &str)> = [
        "lighter BTC funding",
        "lighter DOGE funding",
        "lighter ETH funding",
        "lighter HYPE funding",
        "lighter SOL funding",
    ]
    .map(|series| (funding.as_str(), series))
    .to_vec();
    expected.push((HYPERLIQUID_FUNDING, "hyperliquid BTC funding"));
    assert_eq!(refused, expected);
    for failure in failures.iter().filter(|failure| failure.file.ends_with("funding_rates.parquet"))
    {
        let message = failure.to_string();
        assert!(message.contains("binance, bybit") && message.contains("percentages"), "{message}");
        assert!(failure.hint().unwrap().starts_with("divide the rates by 100"));
    }
    rates_that_nobody_settled_contradict_the_venues(folder, failures);
}

/// The cross-venue file has other rates of Hyperliquid than the venue settled, in about half of
/// the hours (those that it has of Binance are the same as another repository's). By then the
/// lake holds the former; which are right is not for the run to say, so that it names both.
fn rates_that_nobody_settled_contradict_the_venues(folder: &Path, failures: &[FileFailure]) {
    let failure =
        failures.iter().find(|failure| failure.file.ends_with(HYPERLIQUID_FUNDING)).unwrap();
    assert!(matches!(failure.problem, Problem::Lake(_)), "{failure}");
    assert!(failure.to_string().contains("`rate` is"), "{failure}");
    let rates = |file: &str, venue: &str, symbol: &str| {
        let bench = Bench::new();
        bench.ingest(folder.join(file), &Options::default()).ok();
        let table = bench.all(&plain(venue, symbol, Kind::Funding));
        let Some(Column::Time(settled)) = table.column("settlement_time") else { panic!() };
        let rates = settled.iter().copied().zip(table.f64("rate").iter().copied());
        rates.collect::<BTreeMap<i64, f64>>()
    };
    let file = format!("{CROSS_VENUE}/funding_rates.parquet");
    let differing = |venue: &BTreeMap<i64, f64>, other: &BTreeMap<i64, f64>| {
        let common: Vec<f64> =
            venue.iter().filter_map(|(time, rate)| Some(rate - other.get(time)?)).collect();
        (common.iter().filter(|difference| difference.abs() > 1e-15).count(), common.len())
    };
    let venue = rates(HYPERLIQUID_FUNDING, "hyperliquid", "BTC");
    assert_eq!(differing(&venue, &rates(&file, "hyperliquid", "BTC")), (947, 1_832));
    let history = "binance-usdm/full-history-1h/BTC_USDT_USDT-1h-funding_rate.feather";
    let history = rates(history, "binance-usdm", "BTCUSDT");
    assert_eq!(differing(&history, &rates(&file, "binance", "BTC")), (0, 1_092));
}

fn bars_of_several_lengths_agree(bench: &Bench) {
    // The hours of the halt: while the five-minute bars have no volume, the hours have. Five more
    // have another volume at the same prices (polars' sums of the same bars give the same seven).
    let halt = ["2024-10-28T20:00:00Z", "2024-10-28T21:00:00Z"].map(time);
    let volumes = [
        "2023-11-14T11:00:00Z",
        "2024-03-27T12:00:00Z",
        "2024-03-28T10:00:00Z",
        "2024-03-28T11:00:00Z",
        "2024-03-28T12:00:00Z",
    ];
    let volumes = [volumes.map(time).to_vec(), halt.to_vec()].concat();
    // Length, period, hours in it, hours whose prices differ, and whose volumes do.
    for (length, from, to, hours, prices_differ, volumes_differ) in [
        ("5m", "2023-11-01", "2024-12-31", 10_224, halt.as_slice(), volumes.as_slice()),
        ("5m", "2025-03-06T11:00:00Z", "2025-04-13T07:00:00Z", 908, &[], &[]),
        ("5m", "2025-07-04T12:00:00Z", "2025-12-31T11:00:00Z", 4_319, &[], &[]),
        ("1m", "2025-05-04T16:00:00Z", "2025-06-24T10:00:00Z", 1_218, &[], &[]),
    ] {
        let length: Interval = length.parse().unwrap();
        let fine = read(bench, &binance("BTCUSDT", Kind::Candles, length), from, to);
        let resampled = aggregate(&fine, length, Interval::HOUR);
        let long = read(bench, &binance("BTCUSDT", Kind::Candles, Interval::HOUR), from, to);
        assert_eq!(resampled.times().len(), hours, "{length} {from}");
        assert_eq!(resampled.times(), long.times(), "{length} {from}");
        let differing = |names: &[&str], tolerance: f64| {
            let same = |name: &str, row: usize| {
                let (a, b) = (resampled.f64(name)[row], long.f64(name)[row]);
                (a - b).abs() <= tolerance * b.abs()
            };
            let rows = (0..hours).filter(|&row| !names.iter().all(|name| same(name, row)));
            rows.map(|row| long.times()[row]).collect::<Vec<i64>>()
        };
        let prices = differing(&["open", "high", "low", "close"], 0.0);
        assert_eq!(prices, prices_differ, "{length} {from}");
        assert_eq!(differing(&["volume"], 1e-9), volumes_differ, "{length} {from}");
    }
    let hour = binance("BTCUSDT", Kind::Candles, Interval::HOUR);
    let table = read(bench, &hour, "2024-10-28T20:00:00Z", "2024-10-28T22:00:00Z");
    assert_eq!((table.f64("volume")[0], table.f64("close")[0]), (5_536.706, 69_500.0));
    assert_eq!(table.f64("low")[1], 69_603.1);
}

/// The last hour of a downloaded file was not over: the full history has it whole.
fn forming_bars_are_completed(summary: &Summary) {
    for (symbol, last) in [
        ("BTCUSDT", "2026-03-19T18:00:00Z"),
        ("ETHUSDT", "2026-03-19T19:00:00Z"),
        ("XRPUSDT", "2026-03-19T19:00:00Z"),
    ] {
        let series = binance(symbol, Kind::Candles, Interval::HOUR);
        let merge = summary.merges.iter().find(|merge| merge.series == series).unwrap();
        assert_eq!(merge.completed_bars, [Timestamp(time(last))], "{symbol}");
    }
}

fn halts_are_bars_without_volume(bench: &Bench) {
    let series = binance("BTCUSDT", Kind::Candles, "5m".parse().unwrap());
    for (from, to, halts) in [
        (
            "2023-11-01",
            "2024-12-31",
            &[
                ("2024-10-28T16:25:00Z", "2024-10-28T16:30:00Z"),
                ("2024-10-28T20:00:00Z", "2024-10-28T21:05:00Z"),
            ][..],
        ),
        ("2025-07-04", "2026-01-01", &[("2025-08-29T06:20:00Z", "2025-08-29T06:30:00Z")]),
    ] {
        let table = read(bench, &series, from, to);
        let rows = table.times().iter().zip(table.f64("volume"));
        let still: Vec<i64> =
            rows.filter(|&(_, &volume)| volume <= 0.0).map(|(&time, _)| time).collect();
        let expected =
            halts.iter().flat_map(|&(first, last)| (time(first)..=time(last)).step_by(300_000));
        assert_eq!(still, expected.collect::<Vec<_>>());
    }
}

fn crashes_are_as_low_as_they_were(bench: &Bench) {
    let five: Interval = "5m".parse().unwrap();
    let one: Interval = "1m".parse().unwrap();
    let lowest = |table: &Table| table.f64("low").iter().copied().fold(f64::MAX, f64::min);
    let highest = |table: &Table| table.f64("high").iter().copied().fold(f64::MIN, f64::max);

    let (from, to) = ("2024-12-05T22:25:00Z", "2024-12-05T22:30:00Z");
    let bar = read(bench, &binance("BTCUSDT", Kind::Candles, five), from, to);
    let values = ["open", "low", "close"].map(|name| bar.f64(name)[0]);
    assert_eq!(values, [98_166.4, 90_200.0, 94_101.9]);
    let spot = Series { venue: "binance-spot".into(), ..binance("BTCUSDT", Kind::Candles, five) };
    assert_eq!(read(bench, &spot, from, to).f64("low"), [90_500.0]);
    let day = read(bench, &binance("BTCUSDT", Kind::Candles, five), "2024-12-05", "2024-12-06");
    assert_eq!(highest(&day), 104_630.4);

    let (from, to) = ("2025-10-10T21:00:00Z", "2025-10-10T22:00:00Z");
    let hour = |kind| read(bench, &binance("BTCUSDT", kind, Interval::HOUR), from, to);
    assert_eq!(hour(Kind::Candles).f64("low"), [101_516.5]);
    assert_eq!(format!("{:.2}", hour(Kind::MarkCandles).f64("low")[0]), "101877.69");
    let bybit = Series { venue: "bybit-linear".into(), ..binance("BTCUSDT", Kind::Candles, five) };
    assert_eq!(lowest(&read(bench, &bybit, from, to)), 101_045.9);
    let lighter = bench.lake.series().unwrap().into_iter().find(|series| {
        series.venue == "lighter" && series.symbol == "BTC" && series.kind == Kind::Candles
    });
    assert_eq!(lowest(&read(bench, &lighter.unwrap(), from, to)), 103_555.0);

    let hours = binance("BTCUSDT", Kind::Candles, Interval::HOUR);
    let day = read(bench, &hours, "2025-10-10", "2025-10-11");
    assert_eq!(highest(&day), 122_497.0);
    let day = read(bench, &hours, "2025-03-03", "2025-03-04");
    assert_eq!((highest(&day).floor(), lowest(&day).floor()), (94_373.0, 85_029.0));

    let day = read(bench, &binance("AVAXUSDT", Kind::Candles, one), "2025-02-03", "2025-02-04");
    let at = |name: &str, value: f64| {
        let row = day.f64(name).iter().position(|&v| v == value);
        day.times()[row.unwrap_or_else(|| panic!("{name} is never {value}"))]
    };
    let fall = at("low", 21.219) - at("high", 26.998);
    assert!((0..=2 * 3_600_000).contains(&fall), "{fall}");
}

fn funding_around_the_crash(bench: &Bench) {
    let series = plain("binance-usdm", "BTCUSDT", Kind::Funding);
    let table = read(bench, &series, "2025-10-10T08:00:00Z", "2025-10-12T17:00:00Z");
    let rates: BTreeMap<i64, String> = table
        .times()
        .iter()
        .zip(table.f64("rate"))
        .map(|(time, rate)| (time / 1000 * 1000, format!("{rate:.6}")))
        .collect();
    for (at, rate) in [
        ("2025-10-10T08:00:00Z", "0.000039"),
        ("2025-10-10T16:00:00Z", "0.000010"),
        ("2025-10-11T00:00:00Z", "0.000100"),
        ("2025-10-12T16:00:00Z", "-0.000109"),
    ] {
        assert_eq!(rates[&time(at)], rate, "{at}");
    }
}

fn sums_and_liquidations(bench: &Bench, summary: &Summary) {
    // No venue is named, and none could be: they are of several.
    let sums: Vec<_> = bench
        .lake
        .series()
        .unwrap()
        .into_iter()
        .filter(|series| series.kind == Kind::LiquidationVolume)
        .collect();
    assert_eq!(sums.len(), 5);
    assert!(sums.iter().all(|s| s.venue == "aggregate" && s.interval == Some(Interval::DAY)));
    // The total is not the sum of its parts on most days: flagged, and said so.
    let flagged = |file: &str, message: &str| {
        let notes =
            summary.notes.iter().filter(|note| note.file == format!("{CROSS_VENUE}/{file}"));
        notes.filter(|note| note.message.contains(message)).count()
    };
    assert_eq!(flagged("liquidation_volume.parquet", "not the sum of its parts"), 4);
    assert_eq!(flagged("liquidations.parquet", "side cannot be told"), 5);
    let table = bench.all(&plain("hyperliquid", "HYPE", Kind::Liquidations));
    let notional = table.f64("notional");
    let sums = table.f64("quantity").iter().zip(table.f64("price")).map(|(q, p)| q * p);
    assert!(sums.zip(notional).all(|(sum, notional)| (sum - notional).abs() <= 1e-9 * notional));
    assert_eq!(format!("{:.5}", notional[0]), "101.25763");
}

fn binance(symbol: &str, kind: Kind, interval: Interval) -> Series {
    Series { interval: Some(interval), ..plain("binance-usdm", symbol, kind) }
}

fn plain(venue: &str, symbol: &str, kind: Kind) -> Series {
    Series { kind, venue: venue.into(), symbol: symbol.into(), interval: None }
}

fn read(bench: &Bench, series: &Series, from: &str, to: &str) -> Table {
    bench.lake.read(series, Timestamp(time(from)), Timestamp(time(to))).unwrap()
}

/// A time as the tables write it, in whole seconds.
fn seconds(time: Timestamp) -> String {
    let whole = Timestamp(time.0.div_euclid(1000) * 1000);
    whole.to_string().replace('T', " ").replace('Z', "")
}

/// The tables of `SOURCES.md`: a heading names the folder, a row a file of it.
fn listed(path: &Path) -> BTreeMap<String, Listed> {
    let text = fs::read_to_string(path).unwrap();
    let mut folder = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            name.trim().clone_into(&mut folder);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        // | file | kind | step | first | last | rows | notes | git blob | sha256 |
        if cells.len() != 11 || folder.is_empty() || ["file", "---"].contains(&cells[1]) {
            continue;
        }
        let text = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        let rows = text(cells[6]).map(|rows| rows.parse().unwrap());
        let listed = Listed { rows, first: text(cells[4]), last: text(cells[5]) };
        found.insert(format!("{folder}/{}", cells[1]), listed);
    }
    found
}
