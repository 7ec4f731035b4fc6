//! Recorded funding of real markets, where the reference folder lies beside the repository.

use std::io::Read as _;
use std::path::PathBuf;

use plimsoll_market::Timestamp;
use plimsoll_venue::{RateCap, observed_intervals};

use crate::{reference, rules, time};

/// Times and rates of one symbol of `data/real/binance-usdm`.
fn binance(symbol: &str) -> Option<(Vec<Timestamp>, Vec<f64>)> {
    let path = format!(
        "../../../shared/data/real/binance-usdm/csv-klines-2024_2026/funding/{symbol}.csv.gz"
    );
    let Ok(bytes) = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)) else {
        eprintln!("skipped: there is no recorded funding of {symbol}");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        (Timestamp(row[0].parse().unwrap()), row[2].parse::<f64>().unwrap())
    });
    Some(rows.unzip())
}

/// The recorded spacing gives the interval, and the commonest rate is the interest rate that the
/// rule of that date makes of a book at its index: 0.01 % of eight hours, 0.005 % of four.
#[test]
fn binance_of_2026() {
    let rules = rules("binance-usdm");
    for (symbol, minutes) in
        [("XRPUSDT", 480), ("HYPEUSDT", 240), ("XPLUSDT", 240), ("TONUSDT", 240)]
    {
        let Some((stamps, rates)) = binance(symbol) else { return };
        let intervals = observed_intervals(&stamps).unwrap();
        assert!(intervals.iter().all(|i| i.interval_minutes == minutes && !i.is_after_gap));
        let rule = rules.funding_rule(stamps[0]).unwrap();
        let interest = rule.funding_rate_from_premium(0.0, minutes).unwrap();
        let n_at = |rate: f64| rates.iter().filter(|r| (**r - rate).abs() < 1e-9).count();
        let most = rates.iter().map(|rate| n_at(*rate)).max().unwrap();
        assert!(n_at(interest) > 5 && n_at(interest) == most, "{symbol}: {interest}");
    }
}

/// Nearly six years of BTCUSDT: the interval is eight hours, the commonest rate the interest rate,
/// and the extremes lie on the cap of their time, which recorded rates are not clipped to.
#[test]
fn bitcoin_since_2019() {
    let Some(text) = reference("golden/data/btcusdt_funding_8h_2019_2025.csv") else { return };
    let (mut stamps, mut rates) = (Vec::new(), Vec::new());
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        stamps.push(time(&format!("{}Z", row[0].replace(' ', "T"))));
        rates.push(row[1].parse::<f64>().unwrap() / 100.0);
    }
    assert_eq!(stamps.len(), 6325);
    let intervals = observed_intervals(&stamps).unwrap();
    assert!(intervals.iter().all(|i| i.interval_minutes == 480));
    let rules = rules("binance-usdm");
    let rule = rules.funding_rule(stamps[0]).unwrap();
    let interest = rule.funding_rate_from_premium(0.0, 480).unwrap();
    let at_interest = rates.iter().filter(|rate| (**rate - interest).abs() < 1e-9).count();
    assert!(at_interest > 2000, "{at_interest}");
    let cap = RateCap::symmetric(0.003).unwrap();
    let most = rates.iter().copied().fold(0.0, f64::max);
    let least = rates.iter().copied().fold(0.0, f64::min);
    assert!(cap.is_reached(most) && cap.is_reached(least), "{least} {most}");
}
