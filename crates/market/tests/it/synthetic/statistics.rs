//! The simulated market has the features that its documentation promises.

use plimsoll_market::Interval;
use plimsoll_market::synthetic::simulate;

use super::pair;

fn log_returns(close: &[f64]) -> Vec<f64> {
    close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |x: &[f64], mean_x: f64, y: &[f64], mean_y: f64| {
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>()
    };
    sum(a, mean_a, b, mean_b) / (sum(a, mean_a, a, mean_a) * sum(b, mean_b, b, mean_b)).sqrt()
}

#[test]
fn returns_cluster_have_fat_tails_and_the_volatility_asked_for() {
    for (step, n_days) in [("5m", 240), ("1h", 1460)] {
        let step: Interval = step.parse().unwrap();
        let simulated = simulate(&pair(21, n_days, step)).unwrap();
        for (symbol, setting) in simulated.market.symbols.iter().zip(&simulated.config.symbols) {
            let returns = log_returns(&symbol.close);
            let squares: Vec<f64> = returns.iter().map(|r| r * r).collect();
            let variance = mean(&squares);
            let fourth = mean(&squares.iter().map(|s| s * s).collect::<Vec<_>>());
            let excess_kurtosis = fourth / (variance * variance) - 3.0;
            assert!(excess_kurtosis > 1.0, "{step}: kurtosis {excess_kurtosis}");

            let volatility = (variance * step.per_year()).sqrt();
            let ratio = volatility / setting.volatility_annual;
            assert!((0.85..1.15).contains(&ratio), "{step}: volatility {volatility}");

            let (n, sizes) = (returns.len(), returns.iter().map(|r| r.abs()).collect::<Vec<f64>>());
            let clustering = correlation(&sizes[1..], &sizes[..n - 1]);
            assert!(clustering > 0.08, "{step}: |r| correlates by {clustering}");
            let direction = correlation(&returns[1..], &returns[..n - 1]);
            assert!(direction.abs() < 0.08, "{step}: r correlates by {direction}");
        }
    }
}

#[test]
fn symbols_correlate_by_the_product_of_their_loadings() {
    for loading in [0.88, 0.0, -0.5] {
        let mut config = pair(4, 365, "15m".parse().unwrap());
        config.symbols[1].factor_loading = loading;
        let simulated = simulate(&config).unwrap();
        let [a, b] = &simulated.market.symbols[..] else { panic!("two symbols") };
        let found = correlation(&log_returns(&a.close), &log_returns(&b.close));
        let expect = config.symbols[0].factor_loading * loading;
        assert!((found - expect).abs() < 0.06, "{loading}: {found}, not {expect}");
    }
}

#[test]
fn nights_and_weekends_are_quiet() {
    let simulated = simulate(&pair(8, 140, Interval::HOUR)).unwrap();
    let symbol = &simulated.market.symbols[0];
    let average = |days: std::ops::Range<usize>, hours: std::ops::Range<usize>| {
        // 2024-01-01 was a Monday.
        let bars = (0..simulated.market.n_bars)
            .filter(|bar| days.contains(&(bar / 24 % 7)) && hours.contains(&(bar % 24)));
        let (volume, range): (Vec<f64>, Vec<f64>) =
            bars.map(|i| (symbol.volume[i], (symbol.high[i] / symbol.low[i]).ln())).unzip();
        (mean(&volume), mean(&range))
    };
    let (night, busy) = (average(0..5, 3..6), average(0..5, 13..16));
    assert!(busy.0 > 1.8 * night.0 && busy.1 > 1.4 * night.1, "{busy:?} {night:?}");
    let weekend = average(5..7, 13..16);
    assert!(weekend.0 < 0.8 * busy.0 && weekend.1 < 0.85 * busy.1, "{busy:?} {weekend:?}");
}

#[test]
fn last_mark_and_index_are_three_prices_close_to_each_other() {
    let simulated = simulate(&pair(8, 30, "5m".parse().unwrap())).unwrap();
    let symbol = &simulated.market.symbols[0];
    let (mark, index) = (symbol.mark.as_ref().unwrap(), symbol.index.as_ref().unwrap());
    let n = symbol.close.len();
    let basis: Vec<f64> = (0..n).map(|i| (symbol.close[i] / index.close[i] - 1.0).abs()).collect();
    let average_bps = 1e4 * mean(&basis);
    assert!((1.0..10.0).contains(&average_bps), "{average_bps}");
    // The mark is a median of three prices of which last is one: never further from the index
    // than last, but for expected funding and rounding.
    for (i, basis) in basis.iter().enumerate() {
        let mark_basis = (mark.close[i] / index.close[i] - 1.0).abs();
        assert!(mark_basis <= basis + 0.003 + 1e-6, "bar {i}");
    }
}

#[test]
fn funding_follows_from_the_closes_by_the_published_formula() {
    let mut config = pair(13, 60, "5m".parse().unwrap());
    config.symbols[0].premium_bps = 12.0;
    config.symbols[1].funding_interval_hours = 1;
    let simulated = simulate(&config).unwrap();
    let market = &simulated.market;
    let mut n_beyond_interest = 0;
    for (s, symbol) in market.symbols.iter().enumerate() {
        let hours = config.symbols[s].funding_interval_hours;
        let index = symbol.index.as_ref().unwrap();
        let n_samples = hours as usize * 12;
        for event in &symbol.funding[1..] {
            let end = market.first_bar_from(event.settlement_time);
            let (mut sum, mut weights) = (0.0, 0.0);
            for (k, bar) in (end - n_samples..end).enumerate() {
                let half_spread = simulated.books[s].half_spread_bps[bar] / 10_000.0;
                let (last, fair) = (symbol.close[bar], index.close[bar]);
                let (bid, ask) = (last - last * half_spread, last + last * half_spread);
                let premium =
                    if bid > fair { bid / fair - 1.0 } else { (ask / fair - 1.0).min(0.0) };
                let weight = if hours == 1 { 1.0 } else { 1.0 + k as f64 };
                sum += weight * premium;
                weights += weight;
            }
            let average = sum / weights;
            let eight_hours = average + (0.0001 - average).clamp(-0.0005, 0.0005);
            let cap = config.symbols[s].funding_rate_cap;
            let expect = (eight_hours * f64::from(hours) / 8.0).clamp(-cap, cap);
            assert!((event.rate - expect).abs() <= 0.6e-8, "{}", event.settlement_time);
            let mark = symbol.mark.as_ref().unwrap().close[end - 1];
            assert_eq!(event.mark_price, Some(mark));
            n_beyond_interest += usize::from((eight_hours - 0.0001).abs() > 1e-6);
        }
    }
    assert!(n_beyond_interest > 20, "the formula was tried outside its dead zone");
}
