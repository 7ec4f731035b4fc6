//! The gates on bars: what they read, what they say where data are missing, and that nothing
//! after the decision changes them.

use plimsoll_market::{
    FundingEvent, Interval, Market, PriceColumns, Side, SymbolColumns, Timestamp,
};
use plimsoll_sizing::rule::*;
use plimsoll_sizing::{
    DecisionFacts, History, LimitInputs, PlannedSize, SizingError, SizingRule, plan,
};
use proptest::prelude::*;

const N_BARS: usize = 24 * 8;

fn flat(price: f64) -> PriceColumns {
    let column = vec![price; N_BARS];
    PriceColumns { open: column.clone(), high: column.clone(), low: column.clone(), close: column }
}

/// Hourly bars at 100 with mark, index, liquidations of 1 an hour on each side, open interest of
/// 1,000 and funding of 0.01 % every eight hours.
fn market() -> Market {
    let start = Timestamp::from_date(2024, 1, 1).unwrap();
    let column = vec![100.0; N_BARS];
    let funding = (0..N_BARS as i64 / 8).map(|index| FundingEvent {
        settlement_time: Timestamp(start.0 + index * 8 * 3_600_000),
        rate: 0.0001,
        interval_minutes: 480,
        mark_price: None,
    });
    Market {
        venue: "binance-usdm".to_owned(),
        interval: Interval::HOUR,
        start,
        n_bars: N_BARS,
        symbols: vec![SymbolColumns {
            open: column.clone(),
            high: column.clone(),
            low: column.clone(),
            close: column,
            mark: Some(flat(100.0)),
            index: Some(flat(100.0)),
            funding: funding.collect(),
            funding_coverage: vec![(start, Timestamp(start.0 + N_BARS as i64 * 3_600_000))],
            liquidated_long_notional: vec![1.0; N_BARS],
            liquidated_short_notional: vec![1.0; N_BARS],
            open_interest_value: vec![1000.0; N_BARS],
            ..SymbolColumns::default()
        }],
    }
}

fn facts(bar: usize, side: Side) -> DecisionFacts {
    DecisionFacts {
        symbol_idx: 0,
        bar,
        side,
        price: 100.0,
        stop_price: None,
        round_trip_cost_fraction: 0.0,
        account_leverage: 10.0,
    }
}

fn plan_of(market: &Market, rule: &SizingRule, bar: usize, side: Side) -> PlannedSize {
    let returns = vec![vec![0.0; market.n_bars]];
    let inputs = LimitInputs::new(market, std::slice::from_ref(rule));
    plan(rule, &facts(bar, side), &inputs, &History::new(&[], &returns))
}

/// The factor of a rule's only gate.
fn factor(market: &Market, rule: &SizingRule, bar: usize, side: Side) -> Result<f64, SizingError> {
    let plan = plan_of(market, rule, bar, side);
    assert_eq!(plan.multipliers.len(), 1);
    plan.multipliers[0].value.clone()
}

fn cluster(side: LiquidatedSide, relative_to: LiquidationsRelativeTo, above: f64) -> SizingRule {
    let cluster = LiquidationCluster {
        above,
        hours: 4,
        side,
        relative_to,
        trailing_days: matches!(relative_to, LiquidationsRelativeTo::TrailingMean).then_some(2),
        multiply: 0.0,
        source: LiquidationSource::Recorded,
    };
    SizingRule { liquidation_cluster: Some(cluster), ..SizingRule::default() }
}

#[test]
fn liquidations_against_open_interest_by_hand() {
    let mut market = market();
    // 40 more of longs at bar 100: over four hours 44 of longs, 4 of shorts.
    market.symbols[0].liquidated_long_notional[100] = 41.0;
    let of = |market: &Market, whose, above, bar, side| {
        let rule = cluster(whose, LiquidationsRelativeTo::OpenInterest, above);
        factor(market, &rule, bar, side)
    };
    let (both, same) = (LiquidatedSide::Both, LiquidatedSide::Same);
    for (whose, above, bar, side, expected) in [
        (both, 0.0479, 100, Side::Long, 0.0),
        (both, 0.048, 100, Side::Long, 1.0), // 48 of 1,000 exactly
        (both, 0.0479, 99, Side::Long, 1.0),
        (both, 0.0479, 103, Side::Short, 0.0),
        (both, 0.0479, 104, Side::Short, 1.0),
        (same, 0.0439, 100, Side::Long, 0.0),
        (same, 0.044, 100, Side::Long, 1.0),
        (same, 0.0041, 100, Side::Short, 1.0),
        (same, 0.0039, 100, Side::Short, 0.0),
    ] {
        let found = of(&market, whose, above, bar, side);
        assert_eq!(found, Ok(expected), "{whose:?} {above} bar {bar} {side}");
    }
    assert_eq!(
        of(&market, both, 0.01, 2, Side::Long),
        Err(SizingError::TooFewObservations { have: 3, need: 4 })
    );
    // Unknown is not none: the gate is undefined for as long as the hole is inside its hours.
    market.symbols[0].liquidated_short_notional[50] = f64::NAN;
    let unknown = Err(SizingError::NotRecorded { name: "what was liquidated" });
    assert_eq!(of(&market, both, 0.5, 49, Side::Long), Ok(1.0));
    assert_eq!(of(&market, both, 0.5, 50, Side::Long), unknown);
    assert_eq!(of(&market, both, 0.5, 53, Side::Long), unknown);
    assert_eq!(of(&market, both, 0.5, 54, Side::Long), Ok(1.0));
    assert_eq!(of(&market, same, 0.5, 50, Side::Long), Ok(1.0));
    market.symbols[0].open_interest_value[60] = f64::NAN;
    let unknown = SizingError::NotRecorded { name: "open interest" };
    assert_eq!(of(&market, both, 0.5, 60, Side::Long), Err(unknown));
    // A market without such columns knows nothing.
    market.symbols[0].liquidated_long_notional = Vec::new();
    assert!(of(&market, both, 0.5, 100, Side::Long).is_err());
}

#[test]
fn liquidations_against_their_mean_by_hand() {
    let mut market = market();
    market.symbols[0].liquidated_long_notional[100] = 41.0;
    let of = |market: &Market, above, bar| {
        let rule = cluster(LiquidatedSide::Both, LiquidationsRelativeTo::TrailingMean, above);
        factor(market, &rule, bar, Side::Long)
    };
    // 48 in four hours, 8 on average before them.
    assert_eq!((of(&market, 5.999, 100), of(&market, 6.0, 100)), (Ok(0.0), Ok(1.0)));
    // Once it is in the mean: 48 hours with 136 in all, so 8 against 11.33.
    assert_eq!((of(&market, 0.705, 110), of(&market, 0.707, 110)), (Ok(0.0), Ok(1.0)));
    // Four hours and two days before them.
    assert_eq!(of(&market, 2.0, 51), Ok(1.0));
    assert_eq!(of(&market, 2.0, 50), Err(SizingError::TooFewObservations { have: 47, need: 48 }));
    // Half of the days may be unknown.
    let longs = &mut market.symbols[0].liquidated_long_notional;
    longs[49..73].fill(f64::NAN);
    assert_eq!((of(&market, 5.999, 100), of(&market, 6.0, 100)), (Ok(0.0), Ok(1.0)));
    market.symbols[0].liquidated_long_notional[73] = f64::NAN;
    assert_eq!(of(&market, 2.0, 100), Err(SizingError::TooFewObservations { have: 23, need: 24 }));
}

fn health() -> SizingRule {
    SizingRule { oracle_health: Some(OracleHealth::default()), ..SizingRule::default() }
}

/// Sets the close of a price.
fn set(prices: &mut Option<PriceColumns>, bars: std::ops::RangeInclusive<usize>, price: f64) {
    prices.as_mut().unwrap().close[bars].fill(price);
}

#[test]
fn mark_against_index_by_hand() {
    let mut market = market();
    let of = |market: &Market, bar| factor(market, &health(), bar, Side::Long);
    set(&mut market.symbols[0].mark, 10..=10, 101.0);
    set(&mut market.symbols[0].mark, 11..=11, 101.1);
    set(&mut market.symbols[0].index, 12..=12, 101.1);
    assert_eq!([9, 10, 11, 12, 13].map(|bar| of(&market, bar).unwrap()), [1.0, 1.0, 0.0, 0.0, 1.0]);
    // One missing bar is bridged with the last price, a second is not.
    set(&mut market.symbols[0].index, 20..=22, f64::NAN);
    set(&mut market.symbols[0].mark, 30..=31, f64::NAN);
    let bars = [19, 20, 21, 22, 23, 30, 31, 32];
    let expected = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0];
    assert_eq!(bars.map(|bar| of(&market, bar).unwrap()), expected);
    // An index that begins later is undefined until then, and none at all always.
    set(&mut market.symbols[0].index, 0..=5, f64::NAN);
    assert_eq!(of(&market, 5).unwrap_err().reason(), "not_recorded");
    assert_eq!(of(&market, 6), Ok(1.0));
    market.symbols[0].index = None;
    assert_eq!(of(&market, 50).unwrap_err().reason(), "not_recorded");
}

#[test]
fn the_venue_against_others_by_hand() {
    let mut market = market();
    let of = |market: &Market, bar| factor(market, &health(), bar, Side::Long);
    let reference = |name: &str, price: f64| (name.to_owned(), vec![price; N_BARS]);
    market.symbols[0].index = None;
    // Medians of 100, of 95 and 100, and of 94, 95 and 100.
    market.symbols[0].reference_close = vec![reference("okx", 100.0)];
    assert_eq!(of(&market, 50), Ok(1.0));
    market.symbols[0].reference_close.push(reference("bybit-linear", 90.0));
    assert_eq!(of(&market, 50), Ok(0.0)); // 100 against 95: 5.3 %
    market.symbols[0].reference_close.push(reference("hyperliquid", 96.0));
    assert_eq!(of(&market, 50), Ok(1.0)); // against 96: 4.2 %
    // A venue that is missing leaves the median; where all are, the prices are stale.
    market.symbols[0].reference_close[2].1[60..64].fill(f64::NAN);
    assert_eq!([60, 61, 63, 64].map(|bar| of(&market, bar).unwrap()), [1.0, 0.0, 0.0, 1.0]);
    for (_, column) in &mut market.symbols[0].reference_close {
        column[70..74].fill(f64::NAN);
        column[..5].fill(f64::NAN);
    }
    assert_eq!([70, 71, 74].map(|bar| of(&market, bar).unwrap()), [1.0, 0.0, 1.0]);
    // Before any of them begins there is nothing to compare with, although it was asked for.
    market.symbols[0].index = Some(flat(100.0));
    assert_eq!(of(&market, 4).unwrap_err().reason(), "not_recorded");
    assert_eq!(of(&market, 5), Ok(1.0));
    // With an index that is what is compared, not the mark.
    market.symbols[0].index = Some(flat(101.0));
    assert_eq!(of(&market, 50), Ok(0.0)); // 101 against 96: 5.2 %
    (market.symbols[0].index, market.symbols[0].mark) = (None, None);
    assert_eq!(of(&market, 50).unwrap_err().reason(), "not_recorded");
}

#[test]
fn funding_limits_the_time_by_the_last_published_rate() {
    let budget = FundingBudget { budget: 0.1, of: FundingBudgetOf::Margin, periods: 1 };
    let mut rule = SizingRule { funding_budget: Some(budget), ..SizingRule::default() };
    let mut market = market();
    market.symbols[0].funding[3].rate = 0.0006;
    market.symbols[0].funding[4].rate = -0.0006;
    let bars = |rule: &SizingRule, bar, side| plan_of(&market, rule, bar, side).holding_bars_max;
    // 0.1 / (10 * 0.0001 * 3) = 33 1/3 days; at 0.06 % 5.56 days; below 0 the short pays.
    for (bar, long, short) in [
        (22, Some(800), None),
        (23, Some(133), None), // closes at the settlement of 24:00
        (30, Some(133), None),
        (31, None, Some(133)),
        (39, Some(800), None),
    ] {
        assert_eq!(bars(&rule, bar, Side::Long), long, "bar {bar}");
        assert_eq!(bars(&rule, bar, Side::Short), short, "bar {bar}");
    }
    rule.funding_budget.as_mut().unwrap().periods = 2;
    assert_eq!(bars(&rule, 23, Side::Long), Some(228)); // the mean of 0.01 % and 0.06 %
    assert_eq!(bars(&rule, 31, Side::Long), None); // 0.06 % and its opposite
    // The rate of an hour is eight times as much per 8 hours.
    market.symbols[0].funding.iter_mut().for_each(|event| event.interval_minutes = 60);
    let found = plan_of(&market, &rule, 22, Side::Long);
    assert_eq!((found.holding_bars_max, found.multipliers[0].value.clone()), (Some(100), Ok(1.0)));
    market.symbols[0].funding_coverage = Vec::new();
    assert!(factor(&market, &rule, 22, Side::Long).is_err());
}

#[test]
fn a_change_of_sign_is_seen_for_its_settlements() {
    let cut = FundingCutRule {
        sign_change_multiply: Some(0.5),
        sign_change_periods: Some(2),
        ..FundingCutRule::new(0.01, 0.0)
    };
    let rule = SizingRule { funding_cut: Some(cut), ..SizingRule::default() };
    let mut market = market();
    market.symbols[0].funding[9..].iter_mut().for_each(|event| event.rate = -0.0001);
    // The first negative rate is published at 72:00, the second at 80:00, the third at 88:00.
    let expected = [(70, 1.0), (71, 0.5), (79, 0.5), (86, 0.5), (87, 1.0)];
    for (bar, expected) in expected {
        assert_eq!(factor(&market, &rule, bar, Side::Long), Ok(expected), "bar {bar}");
    }
    // Three rates are needed, for the threshold and for the sign.
    assert!(factor(&market, &rule, 14, Side::Long).is_err());
    assert_eq!(factor(&market, &rule, 15, Side::Long), Ok(1.0));
}

#[test]
fn margin_follows_the_volatility_of_closed_days() {
    let mut market = market();
    let e = std::f64::consts::E;
    // Closes of the days 1, e, 1, e, 1, e^2, 1, e^2: log returns +-1 four times, then +-2.
    for (day, close) in [1.0, e, 1.0, e, 1.0, e * e, 1.0, e * e].into_iter().enumerate() {
        market.symbols[0].close[24 * day..24 * (day + 1)].fill(close);
    }
    let allocation = MarginAllocation { share: 0.2, days: 2, reference_days: 4 };
    let rule = SizingRule { margin_allocation: Some(allocation), ..SizingRule::default() };
    let of = |market: &Market, bar| plan_of(market, &rule, bar, Side::Long).limits[0].value.clone();
    // Standard deviations: of two days sqrt(2) or 2 sqrt(2); of four days sqrt(4/3) for +-1,
    // and of -1, 2, -2, 2 or 1, -1, 2, -2 more.
    let sd = |r: &[f64]| {
        let mean = r.iter().sum::<f64>() / r.len() as f64;
        (r.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (r.len() - 1) as f64).sqrt()
    };
    let close = |found: Result<f64, SizingError>, expected: f64| {
        assert!((found.clone().unwrap() - expected).abs() < 1e-12, "{found:?} {expected}");
    };
    close(of(&market, 119), 2.0 * sd(&[1.0, -1.0, 1.0, -1.0]) / 2.0_f64.sqrt());
    close(of(&market, 142), 2.0 * sd(&[1.0, -1.0, 1.0, -1.0]) / 2.0_f64.sqrt());
    close(of(&market, 167), 2.0 * sd(&[1.0, -1.0, 2.0, -2.0]) / 8.0_f64.sqrt());
    assert_eq!(of(&market, 118), Err(SizingError::TooFewObservations { have: 3, need: 4 }));
    market.symbols[0].close.fill(100.0);
    assert_eq!(of(&market, 167).unwrap_err().reason(), "zero_volatility");
}

/// One rule with every gate on.
fn rules() -> Vec<SizingRule> {
    let cut = FundingCutRule {
        below_8h: Some(-0.0003),
        side: FundingSide::Crowded,
        sign_change_multiply: Some(0.7),
        ..FundingCutRule::new(0.0003, 0.5)
    };
    let budget = FundingBudget { budget: 0.1, of: FundingBudgetOf::Margin, periods: 2 };
    let allocation = MarginAllocation { share: 0.2, days: 2, reference_days: 4 };
    let of = |rule: SizingRule| SizingRule {
        funding_cut: Some(cut.clone()),
        funding_budget: Some(budget.clone()),
        oracle_health: Some(OracleHealth { multiply: 0.3, ..OracleHealth::default() }),
        margin_allocation: Some(allocation.clone()),
        ..rule
    };
    vec![
        of(cluster(LiquidatedSide::Same, LiquidationsRelativeTo::OpenInterest, 0.01)),
        of(cluster(LiquidatedSide::Both, LiquidationsRelativeTo::TrailingMean, 1.5)),
    ]
}

/// A market of random columns with holes.
fn random_market(seed: &[f64]) -> Market {
    let mut market = market();
    // Two draws stretched over all columns by multiplicative steps: cheap and without structure.
    let mut state = seed[0];
    let mut next = |from: f64, to: f64| {
        state = (state * 997.0 + seed[1]).fract();
        from + state * (to - from)
    };
    let symbol = &mut market.symbols[0];
    for bar in 0..N_BARS {
        symbol.close[bar] = next(95.0, 105.0);
        let mark = next(98.0, 102.0);
        symbol.mark.as_mut().unwrap().close[bar] = if mark < 98.2 { f64::NAN } else { mark };
        let index = next(98.0, 102.0);
        symbol.index.as_mut().unwrap().close[bar] = if index < 98.2 { f64::NAN } else { index };
        let liquidated = next(-0.2, 5.0);
        symbol.liquidated_long_notional[bar] = if liquidated < 0.0 { f64::NAN } else { liquidated };
        symbol.liquidated_short_notional[bar] = next(0.0, 5.0);
        symbol.open_interest_value[bar] = next(500.0, 1500.0);
    }
    for event in &mut symbol.funding {
        event.rate = next(-0.001, 0.001);
    }
    let other = (0..N_BARS).map(|_| next(90.0, 110.0)).collect();
    symbol.reference_close = vec![("okx".to_owned(), other)];
    market
}

proptest! {
    #[test]
    fn nothing_after_the_close_changes_a_gate(
        seed in prop::collection::vec(0.001..0.999_f64, 2),
        bar in 0..N_BARS - 1,
        is_long: bool,
        later in prop::sample::select(vec![f64::NAN, 0.0, 1e9]),
    ) {
        let side = if is_long { Side::Long } else { Side::Short };
        let market = random_market(&seed);
        // The same market, everything after the close of `bar` overwritten.
        let mut other = market.clone();
        let now = other.close_time(bar);
        let symbol = &mut other.symbols[0];
        for column in [
            &mut symbol.open,
            &mut symbol.high,
            &mut symbol.low,
            &mut symbol.close,
            &mut symbol.liquidated_long_notional,
            &mut symbol.liquidated_short_notional,
            &mut symbol.open_interest_value,
            &mut symbol.reference_close[0].1,
            &mut symbol.mark.as_mut().unwrap().close,
            &mut symbol.index.as_mut().unwrap().close,
        ] {
            column[bar + 1..].fill(later);
        }
        let funding = symbol.funding.iter_mut().filter(|event| event.settlement_time > now);
        funding.for_each(|event| event.rate = later);
        // And cut off there.
        let mut cut = market.clone();
        cut.n_bars = bar + 1;
        let symbol = &mut cut.symbols[0];
        for column in [
            &mut symbol.close,
            &mut symbol.liquidated_long_notional,
            &mut symbol.liquidated_short_notional,
            &mut symbol.open_interest_value,
            &mut symbol.reference_close[0].1,
            &mut symbol.mark.as_mut().unwrap().close,
            &mut symbol.index.as_mut().unwrap().close,
        ] {
            column.truncate(bar + 1);
        }
        symbol.funding.retain(|event| event.settlement_time <= now);
        for rule in rules() {
            let known = plan_of(&market, &rule, bar, side);
            prop_assert_eq!(&plan_of(&other, &rule, bar, side), &known);
            prop_assert_eq!(&plan_of(&cut, &rule, bar, side), &known);
            prop_assert_eq!(known.multipliers.len(), 4);
        }
    }
}
