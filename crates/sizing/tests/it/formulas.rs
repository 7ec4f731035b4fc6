//! Laws of the formulas, and values worked out by hand.

use plimsoll_sizing::formulas::*;
use proptest::prelude::*;

fn close(got: f64, expect: f64) {
    assert!((got - expect).abs() <= 1e-12 * expect.abs().max(1.0), "got {got}, expected {expect}");
}

#[test]
fn kelly_by_hand() {
    // 0.55 - 0.45 / 1.5 and 0.6 - 0.4 / 1.5
    for (p, b, expect) in [(0.55, 1.5, 0.25), (0.6, 1.5, 1.0 / 3.0), (0.4, 1.0, 0.0)] {
        close(BinaryBet::full_loss(p, b).kelly_fraction().unwrap(), expect);
    }
    // 0.55 / 0.8 - 0.45 / 1.2
    let partial = BinaryBet { win_probability: 0.55, win: 1.2, loss: 0.8 };
    close(partial.kelly_fraction().unwrap(), 0.3125);
    // A sure win: everything, and the growth of a sure win.
    let sure = BinaryBet::full_loss(1.0, 0.5);
    close(sure.kelly_fraction().unwrap(), 1.0);
    close(sure.growth(1.0).unwrap(), 1.5_f64.ln());
    assert!(BinaryBet::full_loss(0.5, 1.0).growth(1.0).is_err());
    // One win of 50 %, one loss of 25 %: the derivative vanishes at x = (0.5 - 0.25) / (2 * 0.125).
    let two = empirical_kelly(&[0.5, -0.25], EmpiricalKellySettings::default()).unwrap();
    close(two.leverage, 1.0);
    close(two.growth, (1.5_f64 * 0.75).ln() / 2.0);
    assert_eq!(two.leverage_bound, Some(4.0));
    assert_eq!(two.outcome, EmpiricalKellyOutcome::Interior);
}

#[test]
fn empirical_kelly_at_its_edges() {
    let capped = |cap| EmpiricalKellySettings { cost: 0.0, cap };
    let none = empirical_kelly(&[0.01, 0.02], capped(f64::INFINITY));
    assert_eq!(none, Err(SizingError::NoLossObserved));
    let winners = empirical_kelly(&[0.01, 0.0, 0.02], capped(5.0)).unwrap();
    assert_eq!((winners.leverage, winners.outcome), (5.0, EmpiricalKellyOutcome::NoLossObserved));
    let losers = empirical_kelly(&[0.01, -0.02], capped(5.0)).unwrap();
    assert_eq!((losers.leverage, losers.outcome), (0.0, EmpiricalKellyOutcome::NoEdge));
    let limited = empirical_kelly(&[0.5, -0.25], capped(0.5)).unwrap();
    assert_eq!((limited.leverage, limited.outcome), (0.5, EmpiricalKellyOutcome::Capped));
    // A cost above what the edge earns: no trade.
    let costly = EmpiricalKellySettings { cost: 0.2, cap: 10.0 };
    assert_eq!(empirical_kelly(&[0.5, -0.25], costly).unwrap().leverage, 0.0);
    let still = empirical_kelly(&[0.0; 3], capped(5.0)).unwrap();
    assert_eq!(still.outcome, EmpiricalKellyOutcome::NoEdge);
    assert_eq!(optimal_f(&[1.0, 2.0]), Err(SizingError::NoLossObserved));
    assert!(empirical_kelly(&[f64::NAN], capped(1.0)).is_err());
    assert!(empirical_kelly(&[], capped(1.0)).is_err());
}

#[test]
fn vinces_example() {
    // Vince, "Portfolio Mathematics", trades +100, -500, +1500, -600.
    let trades = [100.0, -500.0, 1500.0, -600.0];
    let at_one_percent = log_terminal_wealth(&trades, 0.01).unwrap().exp();
    assert!((at_one_percent - 1.007_970_906).abs() < 1e-9);
    let best = optimal_f(&trades).unwrap();
    assert!((best.fraction - 0.124_132).abs() < 1e-6);
    assert!((best.log_terminal_wealth.exp() - 1.050_244).abs() < 1e-6);
}

#[test]
fn liquidation_bounds_leverage() {
    // Long: 1 / (0.2 + 0.01 * 0.8). Short on a rise of 20 %: 1 / (0.2 + 0.01 * 1.2).
    close(max_leverage_without_liquidation(-0.2, 1.0, 0.01).unwrap().unwrap(), 1.0 / 0.208);
    close(max_leverage_without_liquidation(0.2, -1.0, 0.01).unwrap().unwrap(), 1.0 / 0.212);
    assert_eq!(max_leverage_without_liquidation(0.2, 1.0, 0.01).unwrap(), None);
    assert!(max_leverage_without_liquidation(-1.2, 1.0, 0.01).is_err());
    assert!(max_leverage_without_liquidation(-0.2, 0.5, 0.01).is_err());
}

#[test]
fn true_range_and_its_average() {
    // Bar 1 gaps up: high less previous close. Bar 2 gaps down: previous close less low.
    let (high, low, close_) = ([10.0, 15.0, 12.0], [9.0, 14.0, 11.0], [9.5, 14.5, 11.5]);
    assert_eq!(true_range(&high, &low, &close_).unwrap(), [5.5, 3.5]);
    let average = average_true_range(&high, &low, &close_, 1).unwrap();
    assert_eq!((average.first_bar, average.at(0), average.at(1)), (1, None, Some(5.5)));
    let two = average_true_range(&high, &low, &close_, 2).unwrap();
    assert_eq!((two.values.as_slice(), two.last()), ([4.5].as_slice(), Some(4.5)));
    assert!(average_true_range(&high, &low, &close_, 3).is_err());
    assert!(average_true_range(&high, &low, &close_, 0).is_err());
    assert!(true_range(&low, &high, &close_).is_err());
    let size =
        AtrSize { risk_fraction: 0.01, multiple: 2.0, average_true_range: 5.0, price: 100.0 };
    close(size.leverage().unwrap(), 0.1);
    close(size.quantity(10_000.0).unwrap(), 10.0);
    assert_eq!((size.stop_price(1.0).unwrap(), size.stop_price(-1.0).unwrap()), (90.0, 110.0));
    let flat = AtrSize { average_true_range: 0.0, ..size };
    assert_eq!(flat.leverage().unwrap_err().reason(), "zero_volatility");
}

#[test]
fn caps_by_hand() {
    let stop = Stop { entry_price: 100.0, stop_price: Some(98.0), round_trip_cost_fraction: 0.001 };
    close(stop.distance().unwrap(), 0.021);
    assert_eq!(Stop { stop_price: None, ..stop }.distance(), Err(SizingError::NoStop));
    assert!(Stop { stop_price: Some(100.0), ..stop }.distance().is_err());
    // Quarter Kelly of 6.25 % and a risk cap of 2 %, stop 0.625 % away.
    close(leverage_from_risk(0.0625, 0.00625).unwrap(), 10.0);
    close(leverage_from_risk(0.02, 0.00625).unwrap(), 3.2);
    let margin = ConcentrationOf::Margin { leverage: 10.0 };
    close(concentration_cap(0.25, margin).unwrap(), 2.5);
    close(concentration_cap(0.25, ConcentrationOf::Notional).unwrap(), 0.25);
    let position = |notional, entry_price, stop| OpenPosition {
        notional,
        entry_price,
        stop_price: Some(stop),
    };
    let book = [position(20_000.0, 50_000.0, 48_500.0), position(-8_000.0, 3_000.0, 3_150.0)];
    close(heat(&book, 10_000.0).unwrap(), 0.1);
    close(heat_room(0.15, 0.1, 0.02).unwrap(), 2.5);
    close(heat_room(0.06, 0.1, 0.02).unwrap(), 0.0);
    close(exposure(&[20_000.0, -8_000.0], 10_000.0).unwrap(), 2.8);
    close(exposure_room(3.0, 2.8).unwrap(), 0.2);
    assert_eq!(heat(&book, 0.0).unwrap_err().reason(), "ruined");
    assert_eq!(cushion_exposure(2.0, 80.0, 95.0).unwrap(), 2.0 * (1.0 - 80.0 / 95.0));
    assert_eq!(cushion_exposure(2.0, 80.0, 70.0).unwrap(), 0.0);
}

#[test]
fn funding_cuts_strictly_above_its_threshold() {
    let cut = FundingCut::default();
    for (rate, expect) in [(0.0005, 1.0), (0.000_500_1, 0.5), (-0.0006, 0.5), (0.0, 1.0)] {
        assert_eq!(cut.multiplier(rate).unwrap(), expect, "rate {rate}");
    }
    let rates = [0.0001, 0.0006, -0.0007, 0.0006];
    assert_eq!(cut.multiplier_sustained(&rates, 3).unwrap(), 0.5);
    assert_eq!(cut.multiplier_sustained(&rates, 4).unwrap(), 1.0);
    assert!(cut.multiplier_sustained(&rates, 5).is_err());
    assert!(cut.multiplier(f64::NAN).is_err());
}

#[test]
fn one_asset_constrained_by_risk() {
    let lambda = risk_aversion(0.7, 0.1).unwrap();
    close(lambda, 0.1_f64.ln() / 0.7_f64.ln());
    close(risk_constrained_quadratic(0.01, 0.02, 0.0).unwrap(), 0.5);
    close(risk_constrained_quadratic(0.01, 0.02, 3.0).unwrap(), 0.25);
    assert_eq!(risk_constrained_quadratic(-0.01, 0.02, 3.0).unwrap(), 0.0);
    assert!(risk_aversion(1.0, 0.1).is_err());
}

#[test]
fn allocation_agrees_with_the_one_asset_solution() {
    // One asset and cash: the bet of the binary formula, solved by the other method.
    let bet = BinaryBet::full_loss(0.55, 1.5);
    let outcomes = Outcomes::new(vec![0.55, 0.45], vec![vec![2.5, 1.0], vec![0.0, 1.0]]).unwrap();
    for lambda in [0.0, 2.0, 6.5] {
        let expect = risk_constrained_binary(&bet, lambda).unwrap();
        let got = outcomes.risk_constrained_kelly(lambda).unwrap();
        assert!((got.weights[0] - expect).abs() < 1e-6, "lambda {lambda}: {got:?}, {expect}");
        assert!(got.risk <= 1.0 + 1e-9);
        let quadratic = outcomes.risk_constrained_quadratic(lambda).unwrap().weights[0];
        // mu = 0.55 * 1.5 - 0.45, S = 0.55 * 2.25 + 0.45
        let expect = risk_constrained_quadratic(0.375, 1.6875, lambda).unwrap();
        assert!((quadratic - expect).abs() < 1e-6, "lambda {lambda}: {quadratic}, {expect}");
    }
    // No edge: cash, whatever the aversion.
    let losing = Outcomes::new(vec![0.4, 0.6], vec![vec![1.5, 1.0], vec![0.5, 1.0]]).unwrap();
    for lambda in [0.0, 5.0] {
        assert!(losing.risk_constrained_kelly(lambda).unwrap().weights[1] > 1.0 - 1e-6);
    }
    let no_cash = Outcomes::new(vec![1.0], vec![vec![1.1, 1.2]]);
    assert_eq!(no_cash.unwrap_err().reason(), "bad_element");
}

#[test]
fn undefined_limits_stop_the_trade() {
    let limit = |name, value| Limit { name, value };
    let fine = limit("fine", Ok(2.0));
    let cases = [
        (Err(SizingError::NoStop), "no_stop"),
        (Ok(f64::NAN), "not_finite"),
        (Ok(f64::INFINITY), "not_finite"),
        (Ok(-1.0), "negative_limit"),
        (Ok(-0.0), "negative_zero"),
    ];
    for (value, reason) in cases {
        for limits in [
            [fine.clone(), limit("odd", value.clone())],
            [limit("odd", value.clone()), fine.clone()],
        ] {
            let chosen = composite(&limits);
            assert_eq!(chosen.leverage.to_bits(), 0.0_f64.to_bits());
            assert_eq!(chosen.reason, Some(reason));
            assert_eq!(limits[chosen.binding.unwrap()].name, "odd");
        }
    }
    let tie = composite(&[limit("first", Ok(2.0)), limit("second", Ok(2.0))]);
    assert_eq!(tie, Composite { leverage: 2.0, binding: Some(0), reason: None });
    assert_eq!(composite(&[]).reason, Some("no_limits"));
}

fn any_limit() -> impl Strategy<Value = Result<f64, SizingError>> {
    prop_oneof![
        6 => (0.0..20.0).prop_map(Ok),
        1 => any::<f64>().prop_map(Ok),
        1 => Just(Err(SizingError::NoStop)),
    ]
}

proptest! {
    #[test]
    fn composite_never_exceeds_a_limit(values in prop::collection::vec(any_limit(), 1..7)) {
        let limits: Vec<Limit<'_>> =
            values.iter().map(|value| Limit { name: "x", value: value.clone() }).collect();
        let chosen = composite(&limits);
        prop_assert!(chosen.leverage.is_finite() && chosen.leverage.is_sign_positive());
        for value in &values {
            match value {
                Ok(limit) if *limit > 0.0 && limit.is_finite() => {
                    prop_assert!(chosen.leverage <= *limit);
                }
                Ok(limit) if *limit == 0.0 => prop_assert_eq!(chosen.leverage, 0.0),
                _ => prop_assert_eq!(chosen.leverage, 0.0),
            }
        }
        // One more limit never raises it, wherever it stands.
        for without in 0..limits.len() {
            let mut fewer = limits.clone();
            fewer.remove(without);
            if !fewer.is_empty() {
                prop_assert!(chosen.leverage <= composite(&fewer).leverage);
            }
        }
    }

    #[test]
    fn kelly_is_where_growth_is_largest(p in 0.01..0.99_f64, win in 0.1..5.0_f64, loss in 0.1..2.0_f64) {
        let bet = BinaryBet { win_probability: p, win, loss };
        let best = bet.kelly_fraction().unwrap();
        let growth = bet.growth(best).unwrap();
        for share in [0.5, 0.9, 1.1] {
            if let Ok(other) = bet.growth(best * share) {
                prop_assert!(other <= growth + 1e-12);
            }
        }
    }

    #[test]
    fn empirical_kelly_is_where_growth_is_largest(
        returns in prop::collection::vec(-0.9..1.5_f64, 2..40),
        cost in 0.0..0.01_f64,
    ) {
        let settings = EmpiricalKellySettings { cost, cap: 50.0 };
        let found = empirical_kelly(&returns, settings).unwrap();
        let growth = |x: f64| {
            returns.iter().map(|r| (1.0 + x * r - cost).ln()).sum::<f64>() / returns.len() as f64
        };
        let top = if found.leverage > 0.0 { growth(found.leverage) } else { 0.0 };
        prop_assert!((top - found.growth).abs() < 1e-9);
        for step in 1..100 {
            let x = f64::from(step) / 100.0 * found.leverage_bound.unwrap_or(50.0).min(50.0);
            let other = growth(x);
            prop_assert!(!other.is_finite() || other <= found.growth + 1e-9, "x {}", x);
        }
    }

    #[test]
    fn more_aversion_never_bets_more(p in 0.05..0.95_f64, b in 0.2..4.0_f64, l in 0.0..20.0_f64) {
        let bet = BinaryBet::full_loss(p, b);
        let kelly = bet.kelly_fraction().unwrap();
        let low = risk_constrained_binary(&bet, l).unwrap();
        let high = risk_constrained_binary(&bet, l + 1.0).unwrap();
        prop_assert!(high <= low && low <= kelly);
        // The bound holds at what is returned.
        let q = 1.0 - p;
        let risk = p * (1.0 + b * low).powf(-l) + q * (1.0 - low).powf(-l);
        prop_assert!(risk <= 1.0 + 1e-9, "risk {}", risk);
    }

    #[test]
    fn allocation_beats_its_neighbours(
        rows in prop::collection::vec((0.3..2.5_f64, 0.3..2.5_f64, 0.1..1.0_f64), 3..8),
        lambda in prop_oneof![Just(0.0), 0.5..8.0_f64],
    ) {
        let total: f64 = rows.iter().map(|row| row.2).sum();
        let probabilities = rows.iter().map(|row| row.2 / total).collect();
        let growth = rows.iter().map(|row| vec![row.0, row.1, 1.0]).collect();
        let outcomes = Outcomes::new(probabilities, growth).unwrap();
        let best = outcomes.risk_constrained_kelly(lambda).unwrap();
        prop_assert!((best.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(best.weights.iter().all(|w| *w >= 0.0) && best.risk <= 1.0 + 1e-7);
        for i in 0..=20_i32 {
            for j in 0..=(20 - i) {
                let (x, y) = (f64::from(i) / 20.0, f64::from(j) / 20.0);
                let other = outcomes.allocation(vec![x, y, 1.0 - x - y], lambda).unwrap();
                prop_assert!(other.risk > 1.0 || other.growth <= best.growth + 1e-6);
            }
        }
    }

    /// Small and large returns, mild and extreme aversion, more assets than outcomes, corners.
    #[test]
    fn allocation_is_found_at_any_scale(
        rows in prop::collection::vec(prop::collection::vec(-0.45..0.55_f64, 6), 1..20),
        assets in 1..6_usize,
        exponent in -4.0..0.3_f64,
        lambda in prop_oneof![Just(0.0), 0.01..300.0_f64],
    ) {
        let scale = 10_f64.powf(exponent);
        let row = |row: &Vec<f64>| -> Vec<f64> {
            row[..assets].iter().map(|r| 1.0 + scale * r).chain([1.0]).collect()
        };
        let share = 1.0 / rows.len() as f64;
        let outcomes =
            Outcomes::new(vec![share; rows.len()], rows.iter().map(row).collect()).unwrap();
        let best = outcomes.risk_constrained_kelly(lambda).unwrap();
        prop_assert!(best.risk <= 1.0 + 1e-7 && best.growth > -1e-8, "{:?}", best);
        prop_assert!(outcomes.risk_constrained_quadratic(lambda).is_ok());
        for from in 0..=assets {
            for to in 0..=assets {
                let mut weights = best.weights.clone();
                let moved = weights[from].min(1e-3);
                weights[from] -= moved;
                weights[to] += moved;
                let other = outcomes.allocation(weights, lambda).unwrap();
                prop_assert!(other.risk > 1.0 || other.growth <= best.growth + 1e-6);
            }
        }
    }
}
