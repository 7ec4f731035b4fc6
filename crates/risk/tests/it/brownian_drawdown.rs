//! The maximum drawdown of a Brownian motion against other computations of it.

use plimsoll_risk::RiskError;
use plimsoll_risk::ruin::brownian_drawdown::BrownianMotion;
use plimsoll_risk::ruin::closed_form::expected_max_drawdown_driftless;
use proptest::prelude::*;

use crate::assert_close;

fn unit(drift: f64) -> BrownianMotion {
    BrownianMotion { drift, volatility: 1.0, horizon: 1.0 }
}

/// `Q_p(x)` of Magdon-Ismail et al. (2004): `E[MDD] = (2 sigma^2 / mu) Q_p(mu^2 T / (2 sigma^2))`.
fn q_up(x: f64) -> f64 {
    let drift = (2.0 * x).sqrt();
    unit(drift).expected_max_drawdown().unwrap() * drift / 2.0
}

/// The table that PerformanceAnalytics carries, four values from a Crank-Nicolson solution of the
/// diffusion equation, and the limits of the paper.
#[test]
fn the_published_table() {
    let table = [
        (0.0005, 0.01969),
        (0.001, 0.027694),
        (0.01, 0.084693),
        (0.1, 0.24305),
        (0.2, 0.325071),
        (0.5, 0.463159),
        (1.5, 0.668992),
        (4.5, 0.905305),
        (10.0, 1.088998),
        (50.0, 1.476457),
        (150.0, 1.747485),
        (1000.0, 2.219765),
        (5000.0, 2.621743),
    ];
    for (x, printed) in table {
        let relative = q_up(x) / printed - 1.0;
        eprintln!("Qp({x}) = {:.6}, printed {printed}, {:+.3} %", q_up(x), 100.0 * relative);
        assert!((-0.0041..=0.0).contains(&relative), "{x}: {relative}");
    }
    for (x, solved) in [(0.1, 0.24284), (0.5, 0.46254), (1.5, 0.66784), (10.0, 1.08753)] {
        assert!((q_up(x) / solved - 1.0).abs() < 5e-5, "{x}");
    }
    // Limits: sqrt(pi / 8) sqrt(2 x), and (ln(4 x) + gamma) / 4.
    assert_close(q_up(1e-12) / (std::f64::consts::PI / 8.0 * 2e-12).sqrt(), 1.0, 2e-6);
    let large = |x: f64| 0.25 * ((4.0 * x).ln() + 0.577_215_664_901_532_9);
    assert_close(q_up(1e8), large(1e8), 1e-6);
    // As the paper prints it.
    assert_close(q_up(1e8), 0.25 * 1e8_f64.ln() + 0.49088, 1e-4);
    // On both sides of the change to the limit.
    assert_close(q_up(0.49e12), large(0.49e12), 1e-10);
    assert_close(q_up(0.51e12), large(0.51e12), 1e-10);
    // Downwards: Q_n(x) tends to x + 1/2.
    for drift in [-30.0_f64, -9_999.0, -10_001.0, -1e9] {
        let fall = unit(drift).expected_max_drawdown().unwrap();
        assert_close(fall / (drift.abs() - 1.0 / drift), 1.0, 1e-11);
    }
    // The integral meets the closed form of no drift.
    assert_close(unit(0.0).expected_max_drawdown().unwrap(), 1.253_314_137_315_500_3, 1e-15);
    assert_close(unit(1e-14).expected_max_drawdown().unwrap(), 1.253_314_137_315_500_3, 1e-13);
}

/// Survival from the series of the paper with 400 terms and roots by Brent's method (scipy), and
/// its integral over the depth by adaptive quadrature.
#[test]
fn an_independent_series() {
    for (drift, depth, expected) in [
        (-1.0, 0.5, 0.998_989_660_234_498_5),
        (-1.0, 1.5, 0.602_181_567_138_383_7),
        (-1.0, 3.0, 0.055_316_198_614_477),
        (0.0, 0.5, 0.990_843_009_710_239_2),
        (0.0, 1.0, 0.629_222_570_200_476_1),
        (0.0, 4.0, 1.266_849_673_326e-4),
        (0.5, 1.0, 0.475_559_704_289_285_5),
        (1.0, 0.9, 0.435_898_665_227_500_2),
        (1.0, 1.5, 0.071_985_020_643_433),
        (2.0, 0.7, 0.455_913_092_120_048_5),
        (2.0, 2.0, 0.001_070_186_056_842),
        (-5.0, 5.0, 0.579_766_688_430_520),
        (-5.0, 4.0, 0.892_211_173_564_001),
        (3.0, 1.0, 0.037_043_659_843_031),
        (20.0, 0.2, 0.235_047_590_147_717),
    ] {
        let got = unit(drift).max_drawdown_probability(depth).unwrap();
        // At -5 the alternating series itself loses five digits.
        let tolerance = if drift < -4.0 { 1e-10 } else { 2e-13 };
        assert!((got - expected).abs() < tolerance, "{drift} {depth}: {got} is not {expected}");
    }
    for (drift, expected) in [
        (-2.0, 2.484_662_130_571_759),
        (-0.5, 1.486_506_474_152_72),
        (0.3, 1.137_077_506_454_004_4),
        (1.0, 0.925_075_474_246_264_4),
        (4.0, 0.517_717_472_794_662),
    ] {
        assert_close(unit(drift).expected_max_drawdown().unwrap(), expected, 1e-8);
    }
}

/// Far in the tail the maximum drawdown without drift is the range of the path: by reflection
/// `4 P(Z > h)` but for paths that turn twice, and from far above `-drift` the probability behaves
/// like the rate of the slowest mode, `2 a^2 exp(-2 a) T / h^2`.
#[test]
fn tails_keep_their_digits() {
    // P(Z > 6), P(Z > 10), P(Z > 20).
    for (depth, normal) in [
        (6.0, 9.865_876_450_376_9e-10),
        (10.0, 7.619_853_024_160_5e-24),
        (20.0, 2.753_624_118_606_2e-89),
    ] {
        let got = unit(0.0).max_drawdown_probability(depth).unwrap();
        assert!((got / (4.0 * normal) - 1.0).abs() < 1e-12, "{depth}: {got}");
    }
    for (drift, depth) in [(20.0_f64, 1.0_f64), (40.0, 2.0), (100.0, 1.0), (30.0, 5.0)] {
        let got = unit(drift).max_drawdown_probability(depth).unwrap();
        let a = drift * depth;
        // The passage needs about 1 / drift times the depth of the horizon at the least.
        let rate = 2.0 * a * a * (-2.0 * a).exp() / (depth * depth);
        let ratio = got / rate;
        assert!(ratio < 1.0 && ratio > 1.0 - 2.5 * depth / drift, "{drift} {depth}: {ratio}");
    }
}

#[test]
fn units_and_edges() {
    // Space and time in other units, from tiny to huge.
    for (drift, depth) in [(-2.0, 3.0), (0.0, 1.0), (0.7, 1.3), (12.0, 0.4)] {
        let plain = unit(drift);
        for (space, time) in [(1e-150, 1e-100), (1e150, 1e100), (3.0, 7.0), (1e-300, 1.0)] {
            let other = BrownianMotion {
                drift: drift * space / time,
                volatility: space / f64::sqrt(time),
                horizon: time,
            };
            let mean = plain.expected_max_drawdown().unwrap();
            assert_close(other.expected_max_drawdown().unwrap() / space / mean, 1.0, 1e-12);
            let probability = plain.max_drawdown_probability(depth).unwrap();
            let got = other.max_drawdown_probability(depth * space).unwrap();
            assert_close(got, probability, 1e-12);
        }
    }
    let still = BrownianMotion { drift: -2.0, volatility: 0.0, horizon: 3.0 };
    assert_eq!(still.expected_max_drawdown().unwrap(), 6.0);
    assert_eq!(still.max_drawdown_probability(6.0).unwrap(), 1.0);
    assert_eq!(still.max_drawdown_probability(6.1).unwrap(), 0.0);
    assert_eq!(BrownianMotion { drift: 2.0, ..still }.expected_max_drawdown().unwrap(), 0.0);
    let over = BrownianMotion { horizon: 0.0, ..unit(1.0) };
    assert_eq!(over.expected_max_drawdown().unwrap(), 0.0);
    assert_eq!(unit(1.0).max_drawdown_probability(0.0).unwrap(), 1.0);
    assert_eq!(unit(0.0).max_drawdown_probability(1e-200).unwrap(), 1.0);
    assert_eq!(unit(0.0).max_drawdown_probability(1e200).unwrap(), 0.0);
    for drift in [-1e300, -1e5, 1e5, 1e300] {
        for depth in [1e-300, 1e-5, 1.0, 1e300] {
            let probability = unit(drift).max_drawdown_probability(depth).unwrap();
            assert!((0.0..=1.0).contains(&probability), "{drift} {depth}");
        }
        let mean = unit(drift).expected_max_drawdown().unwrap();
        assert!(mean > 0.0 && mean.is_finite(), "{drift}");
    }
    // On both sides of the change to the normal distribution.
    let at = |drift: f64| unit(drift).max_drawdown_probability(0.7 - drift).unwrap();
    assert_close(at(-1.000_01e5), at(-0.999_99e5), 1e-9);
    for bad in [
        BrownianMotion { drift: f64::NAN, ..unit(0.0) },
        BrownianMotion { volatility: -1.0, ..unit(0.0) },
        BrownianMotion { horizon: f64::INFINITY, ..unit(0.0) },
    ] {
        assert!(matches!(bad.expected_max_drawdown(), Err(RiskError::OutOfRange { .. })));
        assert!(matches!(bad.max_drawdown_probability(1.0), Err(RiskError::OutOfRange { .. })));
    }
    assert!(unit(0.0).max_drawdown_probability(f64::NAN).is_err());
    let driftless = expected_max_drawdown_driftless(0.3, 2.0).unwrap();
    let same = BrownianMotion { drift: 0.0, volatility: 0.3, horizon: 2.0 };
    assert_close(same.expected_max_drawdown().unwrap(), driftless, 1e-13);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Deeper is rarer, and a stronger drift upwards makes it rarer still.
    #[test]
    fn deeper_is_rarer(drift in -60.0..60.0_f64, depth in 0.01..30.0_f64) {
        let at = |drift: f64, depth: f64| unit(drift).max_drawdown_probability(depth).unwrap();
        let here = at(drift, depth);
        prop_assert!((0.0..=1.0).contains(&here));
        let slack = 1e-13 + 1e-9 * here;
        prop_assert!(at(drift, depth * 1.001) <= here + slack);
        prop_assert!(at(drift + 0.01, depth) <= here + slack);
        // The fall from the start alone, and the fall between start and end.
        prop_assert!(here >= -1e-12);
    }

    /// The three forms of the distribution agree where one hands over to another.
    #[test]
    fn no_jump_between_forms(drift in -60.0..60.0_f64, depth in 0.05..20.0_f64) {
        let at = |depth: f64| unit(drift).max_drawdown_probability(depth).unwrap();
        let step = 1e-4 * depth;
        let curve = [at(depth - step), at(depth), at(depth + step), at(depth + 2.0 * step)];
        // The third difference of a smooth curve is tiny.
        let third = curve[3] - 3.0 * curve[2] + 3.0 * curve[1] - curve[0];
        prop_assert!(third.abs() < 1e-7, "{third} at {drift} {depth}");
    }
}
