//! The insurance fund and what starts deleveraging.

use plimsoll_market::Timestamp;
use plimsoll_venue::{FundReason, FundSignal, FundTrigger, InsuranceFund, PoolHistory, PoolSample};

use crate::{assert_close, reference};

const HOUR_MS: i64 = 3_600_000;
const WINDOW_MS: i64 = 8 * HOUR_MS;

fn bybit(balance_threshold: f64) -> FundTrigger {
    FundTrigger::SymbolDrawdown {
        pnl_ratio: -0.3,
        stop_ratio: -0.25,
        balance_threshold,
        window_ms: WINDOW_MS,
    }
}

const OKX: FundTrigger = FundTrigger::PoolDrawdown { drawdown_fraction: 0.3, window_ms: WINDOW_MS };

/// Signals of samples (hour, balance, symbol's result), each with the reason before it.
fn signals(trigger: &FundTrigger, samples: &[(i64, f64, f64)]) -> Vec<FundSignal> {
    let mut history = PoolHistory::default();
    let mut previous = None;
    samples
        .iter()
        .map(|&(hour, balance, symbol_pnl)| {
            let sample = PoolSample { at: Timestamp(hour * HOUR_MS), balance, symbol_pnl };
            history.push(sample, trigger.window_ms()).unwrap();
            let signal = trigger.test(&history, previous).unwrap();
            previous = signal.reason;
            signal
        })
        .collect()
}

#[test]
fn a_fund_pays_as_far_as_it_goes() {
    let mut fund = InsuranceFund::new(100.0).unwrap();
    assert_eq!(fund.apply(50.0).unwrap(), 0.0);
    assert_eq!(fund.apply(-120.0).unwrap(), 0.0);
    assert_eq!(fund.balance(), 30.0);
    // 30 are paid, 45 are left to the winners.
    assert_eq!(fund.apply(-75.0).unwrap(), 45.0);
    assert_eq!((fund.balance(), fund.paid_in(), fund.paid_out()), (0.0, 50.0, 150.0));
    assert!(fund.apply(f64::NAN).is_err());
    assert!(InsuranceFund::new(-1.0).is_err());
}

#[test]
fn bybit_starts_below_30_and_stops_above_25_percent() {
    let pool = 1_000_000.0;
    let got = signals(
        &bybit(1.0),
        &[
            (0, pool, 0.0),
            (1, pool, -300_000.0), // exactly 30 %: not below
            (2, pool, -350_000.0),
            (3, pool, -280_000.0), // between: goes on, nothing to transfer
            (4, pool, -250_000.0), // exactly 25 %: not above
            (5, pool, -249_000.0),
            (6, pool, -280_000.0), // between: does not start
        ],
    );
    let is_on: Vec<bool> = got.iter().map(|signal| signal.reason.is_some()).collect();
    assert_eq!(is_on, [false, false, true, true, true, false, false]);
    assert_close(got[2].ratio.unwrap(), -0.35, 1e-12);
    assert_close(got[2].transfer, 50_000.0, 1e-9);
    assert_eq!(got[3].transfer, 0.0);
}

#[test]
fn bybit_peaks_are_those_of_the_window() {
    // The peak result of hour 0 is 9 hours old at hour 9: from then on -200,000 is the peak.
    let got = signals(
        &bybit(1.0),
        &[(0, 1e6, 150_000.0), (4, 1e6, -200_000.0), (8, 1e6, -200_000.0), (9, 1e6, -200_000.0)],
    );
    let ratios: Vec<f64> = got.iter().map(|signal| signal.ratio.unwrap()).collect();
    assert_eq!(ratios, [0.0, -0.35, -0.35, 0.0]);
}

#[test]
fn an_empty_pool_starts_deleveraging_everywhere() {
    for trigger in [bybit(1.0), OKX, FundTrigger::Depleted] {
        let got =
            signals(&trigger, &[(0, 1_000.0, 0.0), (1, 0.0, 0.0), (2, -40.0, 0.0), (3, 1.0, 0.0)]);
        assert_eq!(got[0].reason, None, "{trigger:?}");
        assert_eq!((got[1].reason, got[1].transfer), (Some(FundReason::Depleted), 0.0));
        assert_eq!((got[2].reason, got[2].transfer), (Some(FundReason::Depleted), 40.0));
        // Bybit stops above zero; OKX still stands far below its peak.
        let last = (trigger == OKX).then_some(FundReason::Drawdown);
        assert_eq!(got[3].reason, last, "{trigger:?}");
    }
    // Below the threshold a drawdown alone starts nothing.
    let got = signals(&bybit(10_000.0), &[(0, 9_000.0, 0.0), (1, 9_000.0, -4_000.0)]);
    assert_eq!(got[1].reason, None);
    assert!(got[1].ratio.unwrap() < -0.3);
}

#[test]
fn okx_goes_by_the_pools_peak() {
    let samples =
        [(0, 1_000.0, 0.0), (1, 701.0, 0.0), (2, 700.0, 0.0), (8, 700.0, 0.0), (9, 700.0, 0.0)];
    let got = signals(&OKX, &samples);
    let is_on: Vec<bool> = got.iter().map(|signal| signal.reason.is_some()).collect();
    // At hour 9 the peak of the window is 701.
    assert_eq!(is_on, [false, false, true, true, false]);
    assert!(got.iter().all(|signal| signal.transfer <= 0.0));
}

#[test]
fn histories_are_ordered_and_finite() {
    let mut history = PoolHistory::default();
    assert_eq!(bybit(1.0).test(&history, None), None);
    let sample = PoolSample { at: Timestamp(10), balance: 1.0, symbol_pnl: 0.0 };
    history.push(sample, WINDOW_MS).unwrap();
    assert!(history.push(PoolSample { at: Timestamp(9), ..sample }, WINDOW_MS).is_err());
    assert!(history.push(PoolSample { balance: f64::NAN, ..sample }, WINDOW_MS).is_err());
}

#[derive(serde::Deserialize)]
struct Reference {
    trigger: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    id: String,
    pool_max_balance_8h: f64,
    pool_balance: f64,
    symbol_pnl_now: f64,
    symbol_pnl_max_8h: f64,
    insurance_pnl_ratio: f64,
    adl_trigger_threshold: f64,
    expect_pnl_ratio: f64,
    expect_adl: bool,
    expect_transferred_to_winners: f64,
}

#[test]
fn the_venues_own_example_is_met() {
    let Some(text) = reference("exchanges/adl_tests.toml") else { return };
    let cases = toml::from_str::<Reference>(&text).unwrap().trigger;
    assert!(!cases.is_empty());
    for case in cases {
        let trigger = FundTrigger::SymbolDrawdown {
            pnl_ratio: case.insurance_pnl_ratio,
            stop_ratio: -0.25,
            balance_threshold: case.adl_trigger_threshold,
            window_ms: WINDOW_MS,
        };
        let got = signals(
            &trigger,
            &[
                (0, case.pool_max_balance_8h, case.symbol_pnl_max_8h),
                (1, case.pool_balance, case.symbol_pnl_now),
            ],
        )[1];
        assert_close(got.ratio.unwrap(), case.expect_pnl_ratio, 1e-12);
        assert_eq!(got.reason.is_some(), case.expect_adl, "{}", case.id);
        assert_close(got.transfer, case.expect_transferred_to_winners, 1e-9);
    }
}
