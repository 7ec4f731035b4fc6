//! `check` of lakes that something is wrong with.

mod damage;
mod real;
mod rules;

use plimsoll_ingest::{Finding, Rule, check};
use plimsoll_market::lake::Source;
use plimsoll_market::{
    Column, Incoming, Interval, Kind, Lake, MergeOptions, Series, Table, Timestamp,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::time;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn series(kind: Kind, symbol: &str, interval: Option<&str>) -> Series {
    let interval = interval.map(|text| text.parse().unwrap());
    Series { kind, venue: "binance-usdm".into(), symbol: symbol.into(), interval }
}

/// An archive of these rows in the lake.
fn put(lake: &Lake, series: &Series, table: Table) {
    // Other rows are other bytes.
    let mut source = source(&format!("{series}.csv"));
    source.sha256 = format!("{:064x}", table.times().first().copied().unwrap_or_default());
    put_as(lake, series, Incoming::new(source, table));
}

fn put_as(lake: &Lake, series: &Series, incoming: Incoming) {
    let writer = lake.writer().unwrap();
    writer.merge(series, vec![incoming], MergeOptions::default()).unwrap();
}

fn source(name: &str) -> Source {
    Source { name: name.into(), sha256: format!("{:064x}", name.len()), decoder: "test/1".into() }
}

/// Findings of one rule, as `series: count first .. last`.
fn of(findings: &[Finding], rule: Rule) -> Vec<String> {
    let found = findings.iter().filter(|finding| finding.rule == rule);
    found
        .map(|f| {
            let show = |time: Option<Timestamp>| time.map_or("-".into(), |t| t.to_string());
            format!("{}: {} {} .. {}", f.series, f.count, show(f.first), show(f.last))
        })
        .collect()
}

fn rules(lake: &Lake) -> Vec<&'static str> {
    check(lake).unwrap().iter().map(|finding| finding.rule.name()).collect()
}

/// A price and its mark, which follows it a quarter of the way each minute: bars of both.
struct Market {
    candles: Table,
    mark: Table,
}

/// Bars of a random walk of twelve steps each.
fn market(from: &str, interval: Interval, n_bars: usize, seed: u64) -> Market {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut last, mut mark) = (50_000.0_f64, 50_000.0_f64);
    let mut rows: [Vec<Vec<f64>>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..n_bars {
        let mut prices = [vec![last], vec![mark]];
        for _ in 0..12 {
            last *= 1.0 + 0.001 * (rng.random::<f64>() - 0.5);
            last = (last * 10.0).round() / 10.0;
            mark += 0.25 * (last - mark);
            prices[0].push(last);
            prices[1].push(mark);
        }
        for (rows, prices) in rows.iter_mut().zip(&prices) {
            let high = prices.iter().copied().fold(f64::MIN, f64::max);
            let low = prices.iter().copied().fold(f64::MAX, f64::min);
            rows.push(vec![prices[0], high, low, prices[12]]);
        }
    }
    let times: Vec<i64> = (0..n_bars as i64).map(|bar| time(from) + bar * interval.ms()).collect();
    let volume: Vec<f64> = (0..n_bars).map(|bar| 1.0 + (bar % 7) as f64 / 8.0).collect();
    let [candles, mark] = rows;
    let columns = |rows: &[Vec<f64>]| {
        let mut columns = vec![Column::Time(times.clone())];
        columns
            .extend((0..4).map(|column| Column::F64(rows.iter().map(|row| row[column]).collect())));
        columns
    };
    let mark = Table::new(Kind::MarkCandles, columns(&mark));
    let candles = with_volume(&Table::new(Kind::MarkCandles, columns(&candles)), &volume);
    Market { candles, mark }
}

/// Candles of these prices and volumes.
fn with_volume(prices: &Table, volume: &[f64]) -> Table {
    let mut columns = prices.columns()[..5].to_vec();
    let quote = volume.iter().zip(prices.f64("close")).map(|(v, c)| v * c).collect();
    columns.push(Column::F64(volume.to_vec()));
    columns.push(Column::F64(quote));
    columns.push(Column::I64OrNull(vec![None; volume.len()]));
    columns.push(Column::F64OrNull(vec![None; volume.len()]));
    Table::new(Kind::Candles, columns)
}

/// Mark candles of these bars.
fn as_mark(candles: &Table) -> Table {
    Table::new(Kind::MarkCandles, candles.columns()[..5].to_vec())
}

/// The same rate every eight hours from one time to before another.
fn funding(from: &str, to: &str, rate: f64, minutes: i32) -> Table {
    let step = i64::from(minutes) * 60_000;
    let times: Vec<i64> = (time(from)..time(to)).step_by(step as usize).collect();
    let n = times.len();
    Table::new(
        Kind::Funding,
        vec![
            Column::Time(times.clone()),
            Column::Time(times),
            Column::F64((0..n).map(|row| rate * (1.0 + (row % 3) as f64)).collect()),
            Column::I32(vec![minutes; n]),
            Column::F64OrNull(vec![None; n]),
        ],
    )
}

/// A lake of four sound months of hours with mark and funding.
fn sound(lake: &Lake) {
    let hours = 120 * 24;
    let Market { candles, mark } = market("2025-01-01", Interval::HOUR, hours, 7);
    put(lake, &series(Kind::Candles, "BTCUSDT", Some("1h")), candles);
    put(lake, &series(Kind::MarkCandles, "BTCUSDT", Some("1h")), mark);
    let funding = funding("2025-01-01", "2025-05-01", 0.0001, 480);
    put(lake, &series(Kind::Funding, "BTCUSDT", None), funding);
}
