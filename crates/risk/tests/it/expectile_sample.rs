//! The sample expectile: the balance that defines it, whatever the order, ties and size of returns.

use plimsoll_risk::expectile::sample::expectile;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::assert_close;
use crate::care::clustered;

/// Iterated weighted means on the sorted values, as textbooks have it.
fn by_weighted_means(values: &[f64], tau: f64) -> f64 {
    let mut e = values.iter().sum::<f64>() / values.len() as f64;
    for _ in 0..200 {
        let weight = |r: f64| if r < e { 1.0 - tau } else { tau };
        let total: f64 = values.iter().map(|r| weight(*r)).sum();
        e = values.iter().map(|r| weight(*r) * r).sum::<f64>() / total;
    }
    e
}

#[test]
fn many_returns_agree_with_weighted_means() {
    let returns = clustered(20_000);
    for tau in [1e-5, 0.01, 0.3, 0.5, 0.9, 0.9999] {
        let got = expectile(&returns, tau).unwrap();
        assert_close(got, by_weighted_means(&returns, tau), 1e-12);
        let mut turned: Vec<f64> = returns.iter().map(|r| -r).collect();
        turned.reverse();
        // 1 - tau is rounded, which a small tau feels.
        assert_close(expectile(&turned, 1.0 - tau).unwrap(), -got, 1e-11);
    }
}

/// At one tenth of {0, 1} three to one, 0.1 (1 - e) = 0.9 3 e.
#[test]
fn any_size_of_returns_will_do() {
    for unit in [5e-324, 1e-300, 1.0, 1e300, f64::MAX] {
        for sign in [1.0, -1.0] {
            let values = [0.0, sign * unit, 0.0, 0.0];
            let tau = if sign > 0.0 { 0.1 } else { 0.9 };
            let got = expectile(&values, tau).unwrap();
            assert!((got / unit - sign / 28.0).abs() < 1e-15 || unit < 1e-320, "{got}");
        }
        assert_eq!(expectile(&[unit; 3], 0.01).unwrap(), unit);
    }
    let opposite = [f64::MAX, -f64::MAX];
    assert_close(expectile(&opposite, 0.5).unwrap() / f64::MAX, 0.0, 1e-15);
    assert_close(expectile(&opposite, 0.25).unwrap() / f64::MAX, -0.5, 1e-15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// `tau` times what lies above is `1 - tau` times what lies below; whole numbers make ties.
    #[test]
    fn the_balance_holds(
        values in vec(prop_oneof![-9.0..9.0_f64, (-3..=3_i32).prop_map(f64::from), -1e9..1e9_f64], 1..60),
        tau in prop_oneof![0.001..0.999_f64, Just(0.5), Just(1e-9)],
    ) {
        let e = expectile(&values, tau).unwrap();
        let above: f64 = values.iter().map(|r| tau * (r - e).max(0.0)).sum();
        let below: f64 = values.iter().map(|r| (1.0 - tau) * (e - r).max(0.0)).sum();
        let largest = values.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
        let rounding = 1e-14 * values.len() as f64 * largest;
        prop_assert!((above - below).abs() <= rounding, "{above} {below} at {e}");
        let (low, high) = (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        prop_assert!(low <= e && e <= high);
    }
}
