//! What holds for every seed and every setting.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use plimsoll_market::synthetic::{
    Cascade, PriceAnchor, SimulatedMarket, SimulatedSymbol, SimulatorConfig, TrendModel,
    VolatilityModel, simulate,
};
use plimsoll_market::{Column, Interval, MarketError, SymbolColumns, Timestamp};

use super::{columns, hex, pair, time};

fn interval(text: &str) -> Interval {
    text.parse().expect("an interval")
}

fn hash(simulated: &SimulatedMarket) -> String {
    let mut sha = Sha256::new();
    for symbol in &simulated.market.symbols {
        for (_, column) in columns(symbol) {
            for value in column {
                sha.update(value.to_bits().to_le_bytes());
            }
        }
        for event in &symbol.funding {
            sha.update(event.settlement_time.0.to_le_bytes());
            sha.update(event.rate.to_bits().to_le_bytes());
        }
    }
    for table in simulated.liquidations.iter().chain(&simulated.open_interest) {
        for column in table.columns() {
            for row in 0..column.len() {
                sha.update(column.text(row));
            }
        }
    }
    hex(&sha.finalize())
}

#[test]
fn equal_seeds_give_equal_markets_at_any_number_of_threads() {
    let config = SimulatorConfig {
        start: time("2025-10-09"),
        n_days: 3,
        interval: Interval::MINUTE,
        ..SimulatorConfig::demo(11)
    };
    let hash_with = |config: &SimulatorConfig, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        hash(&pool.install(|| simulate(config).unwrap()))
    };
    let expect = hash_with(&config, 1);
    for threads in [1, 2, 7] {
        assert_eq!(hash_with(&config, threads), expect, "{threads} threads");
    }
    let other = SimulatorConfig { seed: 12, ..config };
    assert_ne!(hash_with(&other, 1), expect);
}

/// Asserts that the first bars of two symbols are the same bits.
fn assert_same_bars(a: &SymbolColumns, b: &SymbolColumns, n_bars: usize) {
    assert!(n_bars > 0);
    for ((name, a), (_, b)) in columns(a).into_iter().zip(columns(b)) {
        assert!(a[..n_bars] == b[..n_bars], "{name} differs");
    }
}

#[test]
fn a_longer_period_leaves_the_earlier_bars_alone() {
    for cascade in [None, Some(Cascade { at: time("2024-01-03"), ..Cascade::october_2025() })] {
        let anchor = Some(PriceAnchor { at: time("2024-01-04"), price: 50_000.0 });
        let symbols = vec![SimulatedSymbol { anchor, ..SimulatedSymbol::bitcoin() }];
        let short = SimulatorConfig { n_days: 2, cascade, symbols, ..SimulatorConfig::calm(5) };
        let long = SimulatorConfig { n_days: 6, ..short.clone() };
        let (short, long) = (simulate(&short).unwrap(), simulate(&long).unwrap());
        let (a, b) = (&short.market.symbols[0], &long.market.symbols[0]);
        assert_same_bars(a, b, short.market.n_bars);
        assert_eq!(a.funding[..], b.funding[..a.funding.len()]);
        let n_events = short.liquidations[0].len();
        assert_eq!(short.liquidations[0], long.liquidations[0].slice(0, n_events));
    }
}

#[test]
fn other_symbols_do_not_matter() {
    let alone = simulate(&SimulatorConfig { n_days: 2, ..SimulatorConfig::calm(5) }).unwrap();
    let mut config = pair(5, 2, Interval::MINUTE);
    config.symbols.insert(0, SimulatedSymbol::solana());
    let three = simulate(&config).unwrap();
    assert_eq!(three.market.symbols[1].symbol, "BTCUSDT");
    let n_bars = alone.market.n_bars;
    assert_same_bars(&alone.market.symbols[0], &three.market.symbols[1], n_bars);
    assert_eq!(alone.liquidations[0], three.liquidations[1]);
}

#[test]
fn hourly_bars_are_the_minutes_seen_hourly() {
    let minutes = SimulatorConfig { n_days: 2, ..SimulatorConfig::calm(9) };
    let hours = SimulatorConfig { interval: Interval::HOUR, ..minutes.clone() };
    let (minutes, hours) = (simulate(&minutes).unwrap(), simulate(&hours).unwrap());
    let (m, h) = (&minutes.market.symbols[0], &hours.market.symbols[0]);
    assert_eq!(h.close.len(), 48);
    for i in 0..48 {
        let bar = 60 * i..60 * (i + 1);
        let highest = m.high[bar.clone()].iter().copied().fold(f64::MIN, f64::max);
        let lowest = m.low[bar.clone()].iter().copied().fold(f64::MAX, f64::min);
        assert_eq!(h.open[i], m.open[bar.start]);
        assert_eq!((h.high[i], h.low[i]), (highest, lowest));
        assert_eq!(h.close[i], m.close[bar.end - 1]);
        assert_eq!(h.open_interest[i], m.open_interest[bar.end - 1]);
        let volume: f64 = m.volume[bar.clone()].iter().sum();
        assert!((h.volume[i] - volume).abs() < 1e-6);
        let liquidated: f64 = m.liquidated_long_notional[bar].iter().sum();
        assert!((h.liquidated_long_notional[i] - liquidated).abs() < 1e-3);
    }
    assert_eq!(m.funding, h.funding);
}

#[test]
fn anchored_index_goes_through_its_anchor() {
    let at = time("2024-01-08T12:00:00Z");
    for (step, seed) in [(Interval::MINUTE, 1), (Interval::HOUR, 2)] {
        let mut config = pair(seed, 10, step);
        config.symbols[0].anchor = Some(PriceAnchor { at, price: 50_000.0 });
        let simulated = simulate(&config).unwrap();
        let index = simulated.market.symbols[0].index.as_ref().unwrap();
        let bar = simulated.market.first_bar_from(at);
        assert!((index.open[bar] - 50_000.0).abs() < 1e-3, "{}", index.open[bar]);
    }
}

#[test]
fn bars_hold_the_sum_of_the_liquidations() {
    let simulated = super::cascade_days(3);
    let market = &simulated.market;
    for (symbol, table) in market.symbols.iter().zip(&simulated.liquidations) {
        let mut longs = vec![0.0; market.n_bars];
        let mut shorts = vec![0.0; market.n_bars];
        let Some(Column::Text(sides)) = table.column("liquidated_side") else { panic!("no side") };
        let (price, quantity) = (table.f64("price"), table.f64("quantity"));
        assert!(table.len() > 100);
        for (row, &event) in table.times().iter().enumerate() {
            let bar = ((event - market.start.0) / market.interval.ms()) as usize;
            let notional = table.f64("notional")[row];
            assert!((notional - price[row] * quantity[row]).abs() <= 1e-4);
            assert!((symbol.low[bar]..=symbol.high[bar]).contains(&price[row]));
            (if sides[row] == "long" { &mut longs } else { &mut shorts })[bar] += notional;
        }
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2);
        assert!(close(&longs, &symbol.liquidated_long_notional));
        assert!(close(&shorts, &symbol.liquidated_short_notional));
        let seconds = table.times().windows(2).all(|w| w[0] / 1000 < w[1] / 1000);
        assert!(seconds, "more than one event in a second");
    }
}

type Change = Box<dyn Fn(&mut SimulatorConfig)>;

#[test]
fn settings_out_of_bounds_are_named() {
    let nan = f64::NAN;
    let cases: Vec<(&str, Change)> = vec![
        ("n_days", Box::new(|c| c.n_days = 0)),
        ("step", Box::new(|c| c.step = interval("2m"))),
        ("interval_minutes", Box::new(|c| c.step = Interval::HOUR)),
        ("interval_minutes", Box::new(|c| c.interval = interval("1w"))),
        ("start", Box::new(|c| c.start = Timestamp(c.start.0 + 1000))),
        ("season_strength", Box::new(move |c| c.season_strength = nan)),
        ("symbols", Box::new(|c| c.symbols.clear())),
        ("symbols", Box::new(|c| c.symbols.push(c.symbols[0].clone()))),
        ("symbol", Box::new(|c| c.symbols[0].symbol = "../BTC".into())),
        ("initial_price", Box::new(move |c| c.symbols[0].initial_price = nan)),
        ("tick", Box::new(|c| c.symbols[0].tick = 1.0 / 3.0)),
        ("tick", Box::new(|c| c.symbols[0].tick = 1000.0)),
        ("quantity_step", Box::new(|c| c.symbols[0].quantity_step = 0.0)),
        ("volatility_annual", Box::new(|c| c.symbols[0].volatility_annual = -0.5)),
        ("drift_annual", Box::new(|c| c.symbols[0].drift_annual = f64::INFINITY)),
        ("factor_loading", Box::new(|c| c.symbols[0].factor_loading = 1.1)),
        ("funding_interval_hours", Box::new(|c| c.symbols[0].funding_interval_hours = 3)),
        (
            "anchor.price",
            Box::new(|c| {
                c.symbols[0].anchor = Some(PriceAnchor { at: time("2024-02-01"), price: 0.0 });
            }),
        ),
        (
            "anchor.at",
            Box::new(|c| {
                c.symbols[0].anchor = Some(PriceAnchor { at: c.start, price: 1.0 });
            }),
        ),
        ("degrees_of_freedom", Box::new(|c| c.volatility.degrees_of_freedom = 4.0)),
        ("garch", Box::new(|c| c.volatility.arch_per_minute = 1.0)),
        ("mean_duration_days", Box::new(|c| c.trend.mean_duration_days = -1.0)),
        (
            "drop_fraction",
            Box::new(|c| {
                c.cascade = Some(Cascade { drop_fraction: 1.0, ..Cascade::october_2025() });
            }),
        ),
    ];
    for (name, change) in cases {
        let mut config = SimulatorConfig::calm(1);
        config.n_days = 3;
        change(&mut config);
        match simulate(&config) {
            Err(MarketError::BrokenRule { column, .. }) => assert_eq!(column, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

prop_compose! {
    fn any_config()(
        seed in any::<u64>(),
        (price, tick_exponent) in (0.5..200_000.0_f64, 3..7_i32),
        volatility in 0.05..4.0_f64,
        beta in 0.0..3.0_f64,
        loading in -1.0..=1.0_f64,
        minutes in prop::sample::select(vec!["1m", "5m", "15m", "30m", "1h"]),
        bars in prop::sample::select(vec![1_i64, 3, 4]),
        with_cascade in any::<bool>(),
        hours in prop::sample::select(vec![1, 2, 4, 8]),
        season_strength in 0.0..=1.0_f64,
    ) -> SimulatorConfig {
        let step = interval(minutes);
        let tick = 10_f64.powi((price.log10().floor() as i32) - tick_exponent);
        SimulatorConfig {
            seed,
            start: time("2025-10-10"),
            n_days: 2,
            interval: Interval::from_ms(step.ms() * bars).unwrap(),
            step,
            season_strength,
            volatility: VolatilityModel::default(),
            trend: TrendModel::default(),
            cascade: with_cascade.then(Cascade::october_2025),
            symbols: vec![SimulatedSymbol {
                initial_price: price,
                tick,
                quantity_step: 0.01,
                volatility_annual: volatility,
                factor_loading: loading,
                cascade_beta: beta,
                funding_interval_hours: hours,
                ..SimulatedSymbol::bitcoin()
            }],
        }
    }
}

/// Whether a value is a multiple of a decimal step.
fn on_grid(value: f64, step: f64) -> bool {
    let multiple = value / step;
    (multiple - multiple.round()).abs() <= 1e-6_f64.max(multiple * 1e-12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn bars_are_well_formed(config in any_config()) {
        let simulated = simulate(&config).unwrap();
        let market = &simulated.market;
        let (symbol, setting) = (&market.symbols[0], &config.symbols[0]);
        prop_assert_eq!(market.n_bars as i64, 2 * 86_400_000 / config.interval.ms());
        for (name, column) in columns(symbol) {
            prop_assert_eq!(column.len(), market.n_bars, "{}", name);
            prop_assert!(column.iter().all(|v| v.is_finite() && *v >= 0.0), "{}", name);
        }
        let mark = symbol.mark.as_ref().unwrap();
        let index = symbol.index.as_ref().unwrap();
        for (open, high, low, close) in [
            (&symbol.open, &symbol.high, &symbol.low, &symbol.close),
            (&mark.open, &mark.high, &mark.low, &mark.close),
            (&index.open, &index.high, &index.low, &index.close),
        ] {
            for i in 0..market.n_bars {
                prop_assert!(0.0 < low[i] && low[i] <= open[i].min(close[i]));
                prop_assert!(open[i].max(close[i]) <= high[i]);
            }
        }
        for i in 0..market.n_bars {
            for price in [symbol.open[i], symbol.high[i], symbol.low[i], symbol.close[i]] {
                prop_assert!(on_grid(price, setting.tick), "{price} on {}", setting.tick);
            }
            prop_assert!(on_grid(symbol.volume[i], setting.quantity_step));
            prop_assert!(symbol.taker_buy_volume[i] <= symbol.volume[i]);
            prop_assert!(symbol.volume[i] > 0.0 && symbol.open_interest[i] > 0.0);
            let average_price = symbol.quote_volume[i] / symbol.volume[i];
            let slack = 1e-4 / symbol.volume[i] + 1e-9 * average_price;
            prop_assert!(average_price >= symbol.low[i] - slack);
            prop_assert!(average_price <= symbol.high[i] + slack);
        }
        let begin = config.cascade.map_or(config.end(), |cascade| cascade.begin());
        for i in 1..market.n_bars {
            if market.close_time(i) <= begin {
                prop_assert_eq!(symbol.open[i], symbol.close[i - 1]);
            }
            prop_assert_eq!(mark.open[i], mark.close[i - 1]);
            prop_assert_eq!(index.open[i], index.close[i - 1]);
        }
        let per_day = 24 / setting.funding_interval_hours as usize;
        prop_assert_eq!(symbol.funding.len(), 2 * per_day);
        for event in &symbol.funding {
            prop_assert!(event.rate.abs() <= setting.funding_rate_cap);
        }
    }
}
