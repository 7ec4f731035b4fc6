//! Fits of the GARCH family: recovery, invariance, extremes, forecasts and simulation.

use std::sync::OnceLock;

use plimsoll_risk::RiskError;
use plimsoll_risk::garch::{
    Aggregation, Boundary, Convergence, Exposure, FilteredSimulation, GARCH_OBSERVATIONS_MIN,
    GarchFit, GarchLikelihood, GarchParameters, GarchSpec, Innovation, InnovationFamily,
    VarianceStart, Volatility, filtered_historical_tail, simulate,
};
use serde_json::Value;

use super::assert_close;

fn truth(innovation: Innovation) -> GarchParameters {
    GarchParameters { mu: 0.05, omega: 0.15, alpha: 0.05, gamma: 0.08, beta: 0.86, innovation }
}

const SKEW_T: Innovation = Innovation::SkewT { eta: 6.0, lambda: -0.15 };

fn gjr_skew_t() -> GarchSpec {
    GarchSpec::new(Volatility::Gjr, InnovationFamily::SkewT)
}

/// One simulated series and its fit, for all tests that need one.
fn sample() -> &'static (Vec<f64>, GarchFit) {
    static SAMPLE: OnceLock<(Vec<f64>, GarchFit)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let returns = simulate(Volatility::Gjr, &truth(SKEW_T), 1_500, 3).unwrap();
        let fit = GarchFit::of(&returns, gjr_skew_t()).unwrap();
        (returns, fit)
    })
}

/// Two steps by hand: h_1 from the backcast, h_2 after a fall, h_3 after a rise.
#[test]
fn likelihood_by_hand() {
    let parameters = GarchParameters {
        mu: 0.0,
        omega: 0.1,
        alpha: 0.1,
        gamma: 0.2,
        beta: 0.5,
        innovation: Innovation::Normal,
    };
    let at = |volatility| {
        GarchLikelihood::at(&[-1.0, 1.0], volatility, VarianceStart::Backcast, &parameters).unwrap()
    };
    let gjr = at(Volatility::Gjr);
    // Deviations from the mean of 0 are 1, whatever their weights.
    assert_close(gjr.backcast, 1.0, 1e-15);
    assert_close(gjr.variances[0], 0.1 + 0.7, 1e-15);
    assert_close(gjr.variances[1], 0.1 + 0.3 + 0.4, 1e-15);
    assert_close(gjr.next_variance, 0.1 + 0.1 + 0.4, 1e-15);
    let term = -0.5 * ((2.0 * std::f64::consts::PI).ln() + 0.8_f64.ln() + 1.0 / 0.8);
    assert_close(gjr.log_likelihood, 2.0 * term, 1e-15);
    // The threshold recursion has the same numbers as standard deviations.
    let threshold = at(Volatility::Threshold);
    assert_close(threshold.variances[1], 0.8 * 0.8, 1e-15);
    assert_close(threshold.next_variance, 0.6 * 0.6, 1e-15);
    let start = VarianceStart::MeanSquaredResidual;
    let of_residuals =
        GarchLikelihood::at(&[-1.0, 2.0], Volatility::Gjr, start, &parameters).unwrap();
    assert_close(of_residuals.variances[0], 2.5, 1e-15);
}

#[test]
fn simulated_parameters_are_recovered() {
    let cases = [
        (Volatility::Gjr, InnovationFamily::SkewT, SKEW_T),
        (Volatility::Threshold, InnovationFamily::StudentT, Innovation::StudentT { nu: 7.0 }),
        (
            Volatility::Gjr,
            InnovationFamily::NormalInverseGaussian,
            Innovation::NormalInverseGaussian { alpha: 1.4, beta: -0.3 },
        ),
        (
            Volatility::Gjr,
            InnovationFamily::VarianceGamma,
            Innovation::VarianceGamma { theta: -0.15, nu: 0.5 },
        ),
    ];
    for (seed, (volatility, family, innovation)) in cases.into_iter().enumerate() {
        let truth = truth(innovation);
        let returns = simulate(volatility, &truth, 3_000, 20 + seed as u64).unwrap();
        let fit = GarchFit::of(&returns, GarchSpec::new(volatility, family)).unwrap();
        assert!(fit.converged && fit.boundaries.is_empty(), "{family:?} {}", fit.gradient_norm);
        let at_truth =
            GarchLikelihood::at(&returns, volatility, VarianceStart::Backcast, &truth).unwrap();
        // Twice the gain over the truth is a chi-squared with seven degrees of freedom.
        let gain = fit.log_likelihood - at_truth.log_likelihood;
        assert!((0.0..15.0).contains(&gain), "{family:?} gains {gain}");
        let errors = fit.standard_errors().unwrap();
        let expected = [
            ("mu", truth.mu),
            ("omega", truth.omega),
            ("alpha", truth.alpha),
            ("gamma", truth.gamma),
            ("beta", truth.beta),
        ];
        for (name, value) in expected {
            let entry = errors.get(name).unwrap();
            let (hessian, robust) = (entry.from_hessian.unwrap(), entry.robust.unwrap());
            assert!((entry.estimate - value).abs() < 4.0 * hessian, "{family:?} {entry:?}");
            // The model is right, so that both errors estimate the same.
            assert!((0.5..2.0).contains(&(robust / hessian)), "{family:?} {entry:?}");
        }
        let again = GarchLikelihood::at(
            &returns,
            volatility,
            VarianceStart::Backcast,
            &fit.parameters().unwrap(),
        );
        assert_close(again.unwrap().log_likelihood, fit.log_likelihood, 1e-10);
    }
}

/// `returns * c` has `omega * c^2`, `mu * c`, the same weights, and a log-likelihood lower by
/// `n ln c`; and a shift moves `mu` alone.
#[test]
fn units_and_origin_do_not_matter() {
    let (returns, fit) = sample();
    let base = fit.parameters().unwrap();
    for (factor, shift) in [(100.0, 0.0), (1.0 / 512.0, 0.0), (1.0, 0.7)] {
        let moved: Vec<f64> = returns.iter().map(|r| r * factor + shift).collect();
        let other = GarchFit::of(&moved, gjr_skew_t()).unwrap();
        let expected = fit.log_likelihood - returns.len() as f64 * f64::ln(factor);
        assert_close(other.log_likelihood, expected, 1e-10);
        let got = other.parameters().unwrap();
        assert_close(got.mu, base.mu * factor + shift, 1e-4 * factor.max(1.0));
        assert!((got.omega / (base.omega * factor * factor) - 1.0).abs() < 1e-3);
        assert_close(got.beta, base.beta, 1e-4);
        assert_close(other.sigma_next() / (fit.sigma_next() * factor), 1.0, 1e-4);
    }
}

#[test]
fn extreme_units_are_fitted() {
    let (returns, fit) = sample();
    for factor in [1e-300, 1e-160, 1e160, 1e298] {
        let moved: Vec<f64> = returns.iter().map(|r| r * factor).collect();
        let other = GarchFit::of(&moved, gjr_skew_t()).unwrap();
        assert!(other.converged);
        let expected = fit.log_likelihood - returns.len() as f64 * f64::ln(factor);
        assert_close(other.log_likelihood, expected, 1e-10);
        assert_close(other.sigma_next() / factor, fit.sigma_next(), 1e-4);
        let forecast = other.forecast();
        let var = forecast.value_at_risk(0.01, Exposure::Long).unwrap();
        assert!(var > 0.0 && var.is_finite());
        // The square of the unit is beyond a double: a reason, no number.
        assert!(matches!(other.parameters(), Err(RiskError::Undefined { .. })));
        assert!(other.standard_errors().is_err());
    }
}

#[test]
fn unusable_series_have_typed_reasons() {
    let spec = GarchSpec::new(Volatility::Symmetric, InnovationFamily::Normal);
    let (returns, _) = sample();
    assert!(matches!(
        GarchFit::of(&returns[..GARCH_OBSERVATIONS_MIN - 1], spec),
        Err(RiskError::TooFewObservations { n: 249, n_min: 250 })
    ));
    assert!(matches!(GarchFit::of(&[0.01], spec), Err(RiskError::TooFewObservations { n: 1, .. })));
    for constant in [0.0, 0.01, -1e300] {
        let same = vec![constant; 400];
        assert!(matches!(GarchFit::of(&same, spec), Err(RiskError::Undefined { .. })));
    }
    for odd in [f64::NAN, f64::INFINITY] {
        let mut broken = returns[..300].to_vec();
        broken[17] = odd;
        assert!(matches!(GarchFit::of(&broken, spec), Err(RiskError::NonFinite { index: 17, .. })));
    }
    let start = VarianceStart::Backcast;
    let parameters = truth(Innovation::Normal);
    assert!(GarchLikelihood::at(&[], Volatility::Gjr, start, &parameters).is_err());
    assert!(GarchLikelihood::at(&[0.1], Volatility::Symmetric, start, &parameters).is_err());
    let negative = GarchParameters { gamma: -0.06, ..parameters };
    assert!(GarchLikelihood::at(&[0.1], Volatility::Gjr, start, &negative).is_err());
    assert!(GarchLikelihood::at(&[1e200], Volatility::Gjr, start, &parameters).is_err());
}

/// An outlier early in independent returns: the likelihood is highest where the variance falls on
/// its own, without any response. Log-likelihood found by arch 8.0 from several starts.
#[test]
fn an_optimum_without_a_response_is_found() {
    let innovation = Innovation::StudentT { nu: 3.0 };
    let truth =
        GarchParameters { mu: 0.0, omega: 1.0, alpha: 0.0, gamma: 0.0, beta: 0.0, innovation };
    let returns = simulate(Volatility::Symmetric, &truth, 600, 3).unwrap();
    for volatility in [Volatility::Symmetric, Volatility::Gjr] {
        let fit = GarchFit::of(&returns, GarchSpec::new(volatility, InnovationFamily::Normal));
        let fit = fit.unwrap();
        assert!(fit.converged, "{:?}", fit.convergence);
        assert!(fit.log_likelihood > -1_001.827, "{volatility:?} {}", fit.log_likelihood);
        assert!(fit.boundaries.contains(&Boundary::Alpha), "{:?}", fit.boundaries);
    }
}

/// Zeros of a third of the returns: only the normal likelihood is fitted.
#[test]
fn many_identical_returns_are_for_the_normal_law() {
    let mut returns = sample().0[..600].to_vec();
    for family in [
        InnovationFamily::Normal,
        InnovationFamily::StudentT,
        InnovationFamily::SkewT,
        InnovationFamily::NormalInverseGaussian,
        InnovationFamily::VarianceGamma,
    ] {
        for step in 0..200 {
            returns[step * 3] = 0.0;
        }
        let result = GarchFit::of(&returns, GarchSpec::new(Volatility::Gjr, family));
        if family == InnovationFamily::Normal {
            assert!(result.unwrap().converged);
        } else {
            let reason = result.unwrap_err().to_string();
            assert!(reason.contains("a third or more of the returns are identical"), "{reason}");
        }
    }
}

/// Series on which a model has little to say are fitted all the same, and say so.
#[test]
fn odd_series_are_fitted_or_refused_without_a_panic() {
    let losses: Vec<f64> = sample().0[..300].iter().map(|r| -r.abs() - 0.01).collect();
    let coin: Vec<f64> = (0..300).map(|k| if k * k % 7 < 4 { 0.01 } else { -0.01 }).collect();
    let trend: Vec<f64> = (0..300).map(|k| f64::from(k) * 1e-3).collect();
    let mut spike = vec![0.0; 300];
    spike[150] = -0.5;
    let mut outlier = sample().0[..300].to_vec();
    outlier[299] = 1e9;
    let mut almost = vec![0.02; 300];
    almost[10] = 0.02 + 1e-9;
    for (name, series) in [
        ("losses", &losses),
        ("coin", &coin),
        ("trend", &trend),
        ("spike", &spike),
        ("outlier", &outlier),
        ("almost constant", &almost),
    ] {
        for family in [
            InnovationFamily::Normal,
            InnovationFamily::StudentT,
            InnovationFamily::SkewT,
            InnovationFamily::NormalInverseGaussian,
            InnovationFamily::VarianceGamma,
        ] {
            let every = [Volatility::Gjr, Volatility::Threshold, Volatility::Symmetric];
            let light = matches!(family, InnovationFamily::Normal | InnovationFamily::StudentT);
            for volatility in &every[..if light { 3 } else { 1 }] {
                let spec = GarchSpec::new(*volatility, family);
                match GarchFit::of(series, spec) {
                    Ok(fit) => {
                        assert!(fit.log_likelihood.is_finite(), "{name} {spec:?}");
                        assert!(fit.sigma_next() > 0.0, "{name} {spec:?}");
                        assert!(fit.sigmas().iter().all(|s| *s > 0.0 && s.is_finite()));
                        let var = fit.forecast().value_at_risk(0.01, Exposure::Short);
                        assert!(var.is_ok(), "{name} {spec:?} {var:?}");
                        // Errors exist or have a reason.
                        if let Ok(errors) = fit.standard_errors() {
                            let all = errors.parameters.iter().filter_map(|e| e.robust);
                            assert!(all.into_iter().all(f64::is_finite));
                        }
                    }
                    Err(error) => assert!(!error.to_string().is_empty(), "{name}"),
                }
            }
        }
    }
}

/// The likelihood of a peaked variance gamma law has its maximum on a cusp. The search says so and
/// does not fall behind the truth.
#[test]
fn a_cusp_does_not_stop_the_search() {
    let spec = GarchSpec::new(Volatility::Gjr, InnovationFamily::VarianceGamma);
    let truth = truth(Innovation::VarianceGamma { theta: 0.1, nu: 1.3 });
    let returns = simulate(Volatility::Gjr, &truth, 520, 6).unwrap();
    // Log-likelihoods that a search by slopes and then by a simplex of 400 steps ended at.
    for (from, at_least) in [(0, -862.811_912), (10, -852.007_468)] {
        let window = &returns[from..from + 500];
        let fit = GarchFit::of(window, spec).unwrap();
        assert!(fit.converged, "{from}: {:?}", fit.convergence);
        assert_eq!(fit.convergence, Convergence::RoundedCusp);
        assert!(fit.log_likelihood > at_least - 1e-6, "{from}: {}", fit.log_likelihood);
    }
}

#[test]
fn the_filter_continues_the_recursion() {
    let (_, fit) = sample();
    let p = fit.parameters().unwrap();
    let mut filter = fit.filter();
    assert_eq!(filter.sigma_next(), fit.sigma_next());
    let further = [-2.0, 0.4, 1.1];
    let sigmas = filter.observe_all(&further).unwrap();
    let mut h = fit.sigma_next().powi(2);
    for (r, sigma) in further.iter().zip(&sigmas) {
        assert_close(*sigma, h.sqrt(), 1e-12);
        let e = r - p.mu;
        h = p.omega + (p.alpha + if e < 0.0 { p.gamma } else { 0.0 }) * e * e + p.beta * h;
    }
    assert_close(filter.forecast().sigma, h.sqrt(), 1e-12);
    let before = filter.sigma_next();
    assert!(filter.observe(f64::NAN).is_err());
    assert!(filter.observe(1e200).is_err());
    assert_eq!(filter.sigma_next(), before);
}

/// Expected shortfall is the mean of the value at risk over the tail, on both sides; the expectile
/// lies between mean and tail.
#[test]
fn forecasts_of_the_tail_hang_together() {
    let forecast = sample().1.forecast();
    let alpha = 0.025;
    for exposure in [Exposure::Long, Exposure::Short] {
        const CELLS: u32 = 20_000;
        let mean: f64 = (0..CELLS)
            .map(|k| {
                // Midpoints of u^2, dense in the far tail.
                let u = (f64::from(k) + 0.5) / f64::from(CELLS);
                let var = forecast.value_at_risk(alpha * u * u, exposure).unwrap();
                2.0 * u * var / f64::from(CELLS)
            })
            .sum();
        let shortfall = forecast.expected_shortfall(alpha, exposure).unwrap();
        assert_close(shortfall, mean, 1e-5);
        assert!(shortfall > forecast.value_at_risk(alpha, exposure).unwrap());
        let expectile = forecast.expectile(0.01, exposure).unwrap();
        assert!(-expectile > 0.0 && -expectile < shortfall);
    }
    let var = forecast.value_at_risk(0.05, Exposure::Short).unwrap();
    assert_close(var, forecast.quantile(0.95).unwrap(), 1e-10);
    assert!(forecast.value_at_risk(0.0, Exposure::Long).is_err());
}

/// The two-step variance is the mean of the next step's variance over the law of the residual.
#[test]
fn variance_forecasts_are_expectations() {
    for volatility in [Volatility::Gjr, Volatility::Threshold] {
        let p = truth(Innovation::SkewT { eta: 8.0, lambda: -0.4 });
        let sigma = 1.7_f64;
        let got = p.variance_forecasts(volatility, sigma * sigma, 400, None).unwrap();
        let (mut mean, step) = (0.0, 1e-3);
        for k in -60_000..60_000 {
            let z = (f64::from(k) + 0.5) * step;
            let response = if z < 0.0 { p.alpha + p.gamma } else { p.alpha };
            let variance = match volatility {
                Volatility::Threshold => {
                    (p.omega + response * (sigma * z).abs() + p.beta * sigma).powi(2)
                }
                _ => p.omega + response * (sigma * z).powi(2) + p.beta * sigma * sigma,
            };
            mean += step * p.innovation.density(z).unwrap() * variance;
        }
        assert_close(got[0], sigma * sigma, 1e-15);
        assert_close(got[1], mean, 1e-5);
        let limit = p.unconditional_variance(volatility).unwrap();
        assert_close(*got.last().unwrap(), limit, 1e-3);
    }
    let explosive = GarchParameters { beta: 0.95, ..truth(Innovation::Normal) };
    assert!(explosive.unconditional_variance(Volatility::Gjr).is_err());
    let endless = explosive.variance_forecasts(Volatility::Gjr, 1.0, 100_000, None);
    assert!(matches!(endless, Err(RiskError::Undefined { .. })));
}

#[test]
fn historical_simulation_keeps_its_promises() {
    let (_, fit) = sample();
    for exposure in [Exposure::Long, Exposure::Short] {
        let exact = filtered_historical_tail(fit, 0.05, exposure).unwrap();
        assert!(exact.expected_shortfall > exact.value_at_risk && exact.value_at_risk > 0.0);
        let settings =
            FilteredSimulation { steps: 1, paths: 40_000, seed: 5, aggregation: Aggregation::Sum };
        // One step of the bootstrap resamples the very residuals of the exact tail.
        let drawn = settings.tail(fit, 0.05, exposure).unwrap();
        assert_close(drawn.value_at_risk / exact.value_at_risk, 1.0, 0.03);
        assert_close(drawn.expected_shortfall / exact.expected_shortfall, 1.0, 0.03);
    }
    let settings =
        FilteredSimulation { steps: 10, paths: 4_000, seed: 9, aggregation: Aggregation::Sum };
    let totals = settings.totals(fit).unwrap();
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for threads in [1, 3] {
        assert_eq!(pool(threads).install(|| settings.totals(fit)).unwrap(), totals);
    }
    // Variance of ten days: the sum of the forecasts, up to sampling error.
    let n = totals.len() as f64;
    let mean = totals.iter().sum::<f64>() / n;
    let variance = totals.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n;
    let expected: f64 = fit.variance_forecasts(10, None).unwrap().iter().sum();
    assert!((variance / expected - 1.0).abs() < 0.15, "{variance} {expected}");
    // In per cent read as fractions some path is ruined, and no total is below -1.
    let compound = FilteredSimulation { aggregation: Aggregation::Compound, ..settings };
    let least = compound.totals(fit).unwrap().into_iter().fold(f64::INFINITY, f64::min);
    assert_eq!(least, -1.0);
    assert!(FilteredSimulation { steps: 0, ..settings }.totals(fit).is_err());
    assert!(FilteredSimulation { paths: 99, ..settings }.totals(fit).is_err());
    assert!(settings.tail(fit, 1.0, Exposure::Long).is_err());
}

/// Robust standard errors of arch for S&P 500 returns, to five per cent as the case asks.
#[test]
fn standard_errors_agree_with_arch() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden");
    let (Ok(cases), Ok(series)) = (
        std::fs::read_to_string(format!("{folder}/garch.json")),
        std::fs::read_to_string(format!("{folder}/series/index_pct.csv")),
    ) else {
        eprintln!("skipped: the golden folder is absent");
        return;
    };
    let mut rows = series.lines();
    let header = rows.next().unwrap();
    let column = header.split(',').position(|name| name.trim() == "r").unwrap();
    let returns: Vec<f64> =
        rows.map(|row| row.split(',').nth(column).unwrap().trim().parse().unwrap()).collect();
    let document: Value = serde_json::from_str(&cases).unwrap();
    let case = document["cases"].as_array().unwrap();
    let case = case.iter().find(|case| case["id"] == "index/garch_normal").unwrap();
    let spec = GarchSpec::new(Volatility::Symmetric, InnovationFamily::Normal);
    let errors = GarchFit::of(&returns, spec).unwrap().standard_errors().unwrap();
    for (name, key) in
        [("mu", "mu"), ("omega", "omega"), ("alpha", "alpha[1]"), ("beta", "beta[1]")]
    {
        let expected = case["expected"]["std_err"][key].as_f64().unwrap();
        let got = errors.get(name).unwrap().robust.unwrap();
        assert!((got / expected - 1.0).abs() < 0.05, "{name}: {got}, not {expected}");
    }
}

/// On a bound that holds a sum the errors are those of the model with one parameter less. Checked
/// against second differences of that model's own log-likelihood, programmed apart in numpy: in
/// the order mu, omega, alpha, from the Hessian and robust.
#[test]
fn standard_errors_on_a_bound_are_those_of_the_smaller_model() {
    let heavy = |nu| Innovation::StudentT { nu };
    let innovation = heavy(4.0);
    let integrated =
        GarchParameters { mu: 0.0, omega: 0.02, alpha: 0.12, gamma: 0.0, beta: 0.88, innovation };
    let innovation = heavy(5.0);
    let one_sided =
        GarchParameters { mu: 0.0, omega: 0.05, alpha: 0.12, gamma: -0.12, beta: 0.85, innovation };
    let cases = [
        (
            Volatility::Symmetric,
            integrated,
            5,
            Boundary::Persistence,
            [[0.025_324, 0.025_889], [0.002_897_3, 0.003_596_5], [0.016_193, 0.018_442]],
            ["alpha", "beta"],
        ),
        (
            Volatility::Gjr,
            one_sided,
            4,
            Boundary::NegativeResponse,
            [[0.026_363, 0.026_669], [0.091_377, 0.179_310], [0.091_593, 0.176_242]],
            ["alpha", "gamma"],
        ),
    ];
    for (volatility, truth, seed, bound, expected, tied) in cases {
        let returns = simulate(volatility, &truth, 800, seed).unwrap();
        let spec = GarchSpec::new(volatility, InnovationFamily::Normal);
        let fit = GarchFit::of(&returns, spec).unwrap();
        assert_eq!(fit.boundaries, [bound]);
        let errors = fit.standard_errors().unwrap();
        for (name, [hessian, robust]) in ["mu", "omega", "alpha"].into_iter().zip(expected) {
            let got = errors.get(name).unwrap();
            assert!((got.from_hessian.unwrap() / hessian - 1.0).abs() < 0.01, "{got:?}");
            assert!((got.robust.unwrap() / robust - 1.0).abs() < 0.01, "{got:?}");
        }
        let [one, other] = tied.map(|name| errors.get(name).unwrap().from_hessian.unwrap());
        assert!((one / other - 1.0).abs() < 1e-6, "{one} is not {other}");
    }
}
