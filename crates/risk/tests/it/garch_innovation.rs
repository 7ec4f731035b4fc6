//! Laws of the innovations, against quadrature of their densities and against other packages.

use plimsoll_risk::RiskError;
use plimsoll_risk::expectile::sample::normal_expectile;
use plimsoll_risk::garch::Innovation;
use proptest::prelude::*;

use super::assert_close;

fn laws() -> Vec<Innovation> {
    vec![
        Innovation::Normal,
        Innovation::StudentT { nu: 5.0 },
        Innovation::StudentT { nu: 40.0 },
        Innovation::SkewT { eta: 6.0, lambda: -0.3 },
        Innovation::SkewT { eta: 9.0, lambda: 0.7 },
        Innovation::NormalInverseGaussian { alpha: 1.5, beta: -0.2 },
        Innovation::NormalInverseGaussian { alpha: 0.6, beta: 0.3 },
        Innovation::NormalInverseGaussian { alpha: 20.0, beta: -15.0 },
        Innovation::VarianceGamma { theta: -0.3, nu: 0.4 },
        Innovation::VarianceGamma { theta: 0.2, nu: 0.8 },
    ]
}

/// `int g(z) f(z) dz` from `low` to `high` by Simpson's rule in `asinh z`.
fn simpson(law: &Innovation, low: f64, high: f64, g: impl Fn(f64) -> f64) -> f64 {
    const CELLS: usize = 20_000;
    let (first, last) = (low.asinh(), high.asinh());
    let step = (last - first) / CELLS as f64;
    let at = |k: usize| {
        let t = first + step * k as f64;
        g(t.sinh()) * law.density(t.sinh()).unwrap() * t.cosh()
    };
    let inner: f64 = (1..CELLS).map(|k| if k % 2 == 1 { 4.0 } else { 2.0 } * at(k)).sum();
    (at(0) + inner + at(CELLS)) * step / 3.0
}

#[test]
fn moments_agree_with_quadrature() {
    for law in laws() {
        let whole = |g: fn(f64) -> f64| simpson(&law, -1e7, 1e7, g);
        for (got, expected) in [
            (whole(|_| 1.0), 1.0),
            (whole(|z| z), 0.0),
            (whole(|z| z * z), 1.0),
            (whole(|z| z * z * z), law.skewness().unwrap()),
        ] {
            assert!((got - expected).abs() < 2e-5, "{law:?}: {got}, not {expected}");
        }
        if !matches!(law, Innovation::StudentT { nu: 5.0 } | Innovation::SkewT { eta: 6.0, .. }) {
            let fourth = whole(|z| z.powi(4)) - 3.0;
            assert_close(law.excess_kurtosis().unwrap(), fourth, 1e-4);
        }
        for q in [-4.0, -1.0, -0.1, 0.6, 2.5] {
            let below = |g: fn(f64) -> f64| simpson(&law, -1e7, q, g);
            assert_close(law.cdf(q).unwrap(), below(|_| 1.0), 2e-6);
            assert_close(law.lower_partial_mean(q).unwrap(), below(|z| z), 2e-6);
            assert_close(law.lower_partial_square(q).unwrap(), below(|z| z * z), 2e-6);
        }
        let share = law.negative_share_of_variance().unwrap();
        assert_close(share, simpson(&law, -1e7, 0.0, |z| z * z), 2e-6);
    }
}

/// A variance gamma law sharper than Simpson's rule can follow: its pole, its symmetry, its mass.
#[test]
fn a_variance_gamma_law_with_a_pole() {
    let law = Innovation::VarianceGamma { theta: 0.0, nu: 4.0 };
    assert!(matches!(law.log_density(0.0), Err(RiskError::Undefined { .. })));
    assert_close(law.cdf(0.0).unwrap(), 0.5, 1e-13);
    assert_close(law.lower_partial_square(0.0).unwrap(), 0.5, 1e-13);
    assert_close(law.cdf(-1.3).unwrap() + law.cdf(1.3).unwrap(), 1.0, 1e-13);
    // For nu = 2 it is the law of the square root of an exponential time: K_0(|z|) / pi.
    let bessel = Innovation::VarianceGamma { theta: 0.0, nu: 2.0 };
    let k_zero_of_one = 0.421_024_438_240_708_34;
    assert_close(bessel.density(1.0).unwrap(), k_zero_of_one / std::f64::consts::PI, 1e-12);
    // For nu = 1 and no drift it is the Laplace law with rate sqrt(2).
    let laplace = Innovation::VarianceGamma { theta: 0.0, nu: 1.0 };
    let root = std::f64::consts::SQRT_2;
    for z in [0.0_f64, 1e-12, 0.3, -2.0, 9.0] {
        assert_close(laplace.log_density(z).unwrap(), (0.5 * root).ln() - root * z.abs(), 1e-12);
    }
    assert_close(laplace.cdf(-8.0).unwrap() * 1e4, 0.5e4 * (-8.0 * root).exp(), 1e-12);
    assert_close(laplace.quantile(1e-9).unwrap(), (2e-9_f64).ln() / root, 1e-10);
}

/// Log densities and quantiles of scipy's `norminvgauss(alpha delta, beta delta, mu, delta)`, and
/// its density integrated by Simpson's rule over 400,001 points: scipy's own distribution function
/// has only two to six digits in the far tails.
#[test]
fn normal_inverse_gaussian_agrees_with_scipy() {
    for (alpha, beta, z, log_density, cdf) in [
        (1.5, -0.2, -30.0, -42.580_397_382_640_32, 2.388_941_471_014_132_5e-19),
        (1.5, -0.2, -4.0, -6.177_046_459_643_741_5, 0.001_358_491_431_089_396_5),
        (1.5, -0.2, 0.5, -0.924_454_386_972_824_6, 0.705_895_775_441_791_7),
        (0.3, 0.1, -30.0, -19.852_960_400_603_67, 5.330_177_200_164_579e-9),
        (0.3, 0.1, 3.0, -4.866_584_028_819_018, 0.986_248_169_789_312_2),
        (20.0, -5.0, -30.0, -260.045_802_136_843_3, 9.070_175_744_171_303e-115),
        (20.0, -5.0, -12.0, -59.507_563_238_035_87, 1.661_043_415_894_127_3e-27),
        (20.0, -5.0, 3.0, -5.533_333_287_334_227, 0.998_850_107_224_433_9),
    ] {
        let law = Innovation::NormalInverseGaussian { alpha, beta };
        assert_close(law.log_density(z).unwrap(), log_density, 1e-12);
        assert_close(law.cdf(z).unwrap() / cdf, 1.0, 1e-9);
    }
    let law = Innovation::NormalInverseGaussian { alpha: 1.5, beta: -0.2 };
    for (p, expected) in [
        (1e-3, -4.200_781_743_527_467),
        (0.5, 0.034_289_028_003_109_18),
        (0.99, 2.392_523_502_395_784),
    ] {
        assert_close(law.quantile(p).unwrap(), expected, 1e-9);
    }
    for (q, mean, square) in [
        (-2.0, -0.079_882_834_673_352_76, 0.223_757_718_237_963_28),
        (0.7, -0.282_148_067_927_228_8, 0.575_586_105_193_505_1),
    ] {
        assert_close(law.lower_partial_mean(q).unwrap(), mean, 1e-10);
        assert_close(law.lower_partial_square(q).unwrap(), square, 1e-10);
    }
}

/// arch 8.0: `SkewStudent` at eta 4.5, lambda -0.25.
#[test]
fn skew_t_agrees_with_arch() {
    let law = Innovation::SkewT { eta: 4.5, lambda: -0.25 };
    for (z, cdf) in [
        (-3.0, 0.010_584_148_631_776_282),
        (-0.3, 0.317_216_258_842_379_25),
        (0.0, 0.447_157_564_379_466_3),
        (2.0, 0.987_518_161_564_951_3),
    ] {
        assert_close(law.cdf(z).unwrap(), cdf, 1e-12);
    }
    for (p, z) in [
        (0.001, -5.790_400_976_935_664),
        (0.3, -0.345_507_820_620_624_4),
        (0.45, 0.005_968_202_806_920_841),
        (0.9, 1.041_191_883_453_829_6),
    ] {
        assert_close(law.quantile(p).unwrap(), z, 1e-10);
    }
    for (z, mean, square) in [
        (-1.2, -0.194_706_535_564_020_9, 0.490_017_388_224_708_86),
        (0.0, law.lower_partial_mean(0.0).unwrap(), 0.607_020_129_410_964_4),
        (1.2, -0.117_525_072_556_039, 0.778_393_967_094_909_3),
    ] {
        assert_close(law.lower_partial_mean(z).unwrap(), mean, 1e-7);
        assert_close(law.lower_partial_square(z).unwrap(), square, 1e-7);
    }
}

/// The first-order condition by quadrature, the known normal value, and reflection.
#[test]
fn expectiles_balance_gains_and_losses() {
    for law in laws() {
        for tau in [0.001, 0.05, 0.5, 0.9] {
            let e = law.expectile(tau).unwrap();
            let loss = simpson(&law, -1e7, e, |z| e - z);
            let gain = simpson(&law, e, 1e7, |z| z - e);
            let balance = tau * gain - (1.0 - tau) * loss;
            assert!(balance.abs() < 1e-5, "{law:?} {tau}: {e}, {balance}");
            assert_close(law.mirrored().expectile(1.0 - tau).unwrap(), -e, 1e-12);
        }
    }
    let known = normal_expectile(0.01).unwrap();
    assert_close(Innovation::Normal.expectile(0.01).unwrap(), known, 1e-12);
}

#[test]
fn parameters_out_of_range_are_named() {
    let refused = |law: Innovation, expected: &str| match law.quantile(0.01) {
        Err(RiskError::OutOfRange { name, .. }) => assert_eq!(name, expected, "{law:?}"),
        other => panic!("{law:?}: {other:?}"),
    };
    refused(Innovation::StudentT { nu: 2.0 }, "nu");
    refused(Innovation::StudentT { nu: f64::NAN }, "nu");
    refused(Innovation::SkewT { eta: f64::INFINITY, lambda: 0.0 }, "eta");
    refused(Innovation::SkewT { eta: 5.0, lambda: -1.0 }, "lambda");
    refused(Innovation::NormalInverseGaussian { alpha: 0.0, beta: 0.0 }, "alpha");
    refused(Innovation::NormalInverseGaussian { alpha: 1.0, beta: -1.0 }, "beta");
    refused(Innovation::VarianceGamma { theta: 0.0, nu: 21.0 }, "nu");
    refused(Innovation::VarianceGamma { theta: 2.0, nu: 0.5 }, "theta");
    // Where the density would be the difference of two huge numbers, or take for ever.
    refused(Innovation::NormalInverseGaussian { alpha: 1e6, beta: 10.0 }, "alpha");
    refused(Innovation::NormalInverseGaussian { alpha: 1e300, beta: -1.0 }, "alpha");
    refused(Innovation::VarianceGamma { theta: 0.0, nu: 1e-300 }, "nu");
    for probability in [0.0, 1.0, f64::NAN, -0.1] {
        assert!(Innovation::Normal.quantile(probability).is_err());
        assert!(Innovation::Normal.expectile(probability).is_err());
    }
    assert!(Innovation::Normal.cdf(f64::NAN).is_err());
    assert!(Innovation::StudentT { nu: 2.9 }.skewness().is_err());
    assert!(Innovation::SkewT { eta: 3.9, lambda: 0.1 }.excess_kurtosis().is_err());
}

/// A t with so many degrees of freedom is normal in every respect.
#[test]
fn a_student_t_of_any_degrees_of_freedom_keeps_its_digits() {
    for (nu, tolerance) in [(1e8, 3e-8), (1e12, 1e-11), (1e300, 1e-11)] {
        let law = Innovation::StudentT { nu };
        for z in [-3.0, 0.0, 0.7] {
            let log = Innovation::Normal.log_density(z).unwrap();
            assert_close(law.log_density(z).unwrap(), log, tolerance);
            let mean = Innovation::Normal.lower_partial_mean(z).unwrap();
            assert_close(law.lower_partial_mean(z).unwrap(), mean, tolerance);
        }
        let expectile = Innovation::Normal.expectile(0.01).unwrap();
        assert_close(law.expectile(0.01).unwrap(), expectile, tolerance);
    }
}

/// Tails so long that the far quantiles lie beyond a million: P(Z < z) decays like exp(alpha z).
#[test]
fn far_quantiles_are_found_or_refused() {
    let law = Innovation::NormalInverseGaussian { alpha: 1e-8, beta: 0.0 };
    let z = law.quantile(1e-300).unwrap();
    assert!(z < -1e10, "{z}");
    assert_close(law.cdf(z).unwrap() / 1e-300, 1.0, 1e-8);
    assert!(
        Innovation::NormalInverseGaussian { alpha: 1e-15, beta: 0.0 }.quantile(1e-300).is_err()
    );
}

fn any_law() -> impl Strategy<Value = Innovation> {
    let tilt = -0.9..0.9_f64;
    prop_oneof![
        Just(Innovation::Normal),
        (2.05..200.0_f64).prop_map(|nu| Innovation::StudentT { nu }),
        (2.05..200.0_f64, tilt.clone()).prop_map(|(eta, lambda)| Innovation::SkewT { eta, lambda }),
        (0.2..30.0_f64, tilt.clone()).prop_map(|(alpha, rho)| {
            Innovation::NormalInverseGaussian { alpha, beta: rho * alpha }
        }),
        (0.02..1.9_f64, tilt)
            .prop_map(|(nu, share)| Innovation::VarianceGamma { theta: share / nu.sqrt(), nu }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn quantile_inverts_cdf(law in any_law(), log_p in -12.0..-0.31_f64, upper: bool) {
        let tail = 10_f64.powf(log_p);
        let z = law.quantile(tail).unwrap();
        prop_assert!((law.cdf(z).unwrap() / tail - 1.0).abs() < 1e-8, "{z}");
        if upper {
            let mirrored = law.mirrored().quantile(tail).unwrap();
            let p = law.cdf(-mirrored).unwrap();
            prop_assert!((p - (1.0 - tail)).abs() < 1e-9, "{p}");
        }
    }

    #[test]
    fn distribution_functions_rise(law in any_law(), z in -20.0..20.0_f64, d in 0.0..5.0_f64) {
        let (low, high) = (law.cdf(z).unwrap(), law.cdf(z + d).unwrap());
        prop_assert!((0.0..=1.0).contains(&low) && low <= high + 1e-13);
        prop_assert!(law.lower_partial_mean(z).unwrap() <= 1e-13);
        let square = law.lower_partial_square(z).unwrap();
        prop_assert!((-1e-12..=1.0 + 1e-12).contains(&square), "{square}");
    }
}
