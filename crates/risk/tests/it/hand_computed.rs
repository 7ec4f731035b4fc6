//! Values worked out by hand or by closed forms, written beside their derivation.

use plimsoll_risk::RiskError;
use plimsoll_risk::drawdown::Drawdowns;
use plimsoll_risk::expectile::sample as ex;
use plimsoll_risk::proportion::{clopper_pearson_interval, wilson_interval};
use plimsoll_risk::quantile::{quantile, quantile_inverted_cdf};
use plimsoll_risk::resample::block_length::politis_white;
use plimsoll_risk::resample::bootstrap::holm;
use plimsoll_risk::ruin::closed_form::{
    BinaryBet, DiffusionBarriers, ever_below_fractional_kelly, gamblers_ruin,
};
use plimsoll_risk::sharpe::{
    SharpeMoments, expected_max_sharpe, sharpe_annualisation_factor, sharpe_variance_normal,
};
use plimsoll_risk::tail::extreme_value::{GpdFit, gpd_log_likelihood, hill_tail_index};
use plimsoll_risk::tail::student_t::{StudentTFit, student_t_log_likelihood};
use plimsoll_risk::tail::value_at_risk::{entropic_var, historical_es};

use crate::assert_close;

/// W = 1.1, 0.99, 0.891, 1.1583, 1.04247: peaks 1.1 and 1.1583.
#[test]
fn drawdown_episodes() {
    let drawdowns = Drawdowns::of_returns(&[0.1, -0.1, -0.1, 0.3, -0.1]).unwrap();
    let episodes = drawdowns.episodes();
    assert_eq!(episodes.len(), 2);
    assert_eq!((episodes[0].start, episodes[0].trough, episodes[0].length), (1, 2, 2));
    assert_eq!(episodes[0].recovered, Some(3));
    assert_close(episodes[0].depth, 0.19, 1e-15);
    assert_eq!((episodes[1].start, episodes[1].recovered), (4, None));
    assert_close(drawdowns.average(), (0.1 + 0.19 + 0.1) / 5.0, 1e-15);
    let squares: f64 = 0.01 + 0.0361 + 0.01;
    assert_close(drawdowns.ulcer_index(), (squares / 5.0).sqrt(), 1e-15);
    assert_close(drawdowns.share_under_water(), 0.6, 1e-15);
    assert_close(drawdowns.average_of_episodes().unwrap(), 0.145, 1e-15);
    // The worst 1.5 of 5: 0.19 and half of 0.1.
    assert_close(drawdowns.conditional(0.7).unwrap(), 0.24 / 1.5, 1e-12);
}

/// A first loss is a drawdown from the start; a peak inside the curve is not needed.
#[test]
fn the_start_is_a_peak() {
    let drawdowns = Drawdowns::of_returns(&[-0.2, 0.1]).unwrap();
    assert_close(drawdowns.series()[0], 0.2, 1e-15);
    assert_close(drawdowns.series()[1], 0.12, 1e-15);
    let from_curve = Drawdowns::of_wealth(100.0, &[80.0, 88.0]).unwrap();
    assert_close(from_curve.max(), 0.2, 1e-15);
}

#[test]
fn quantiles_of_four_values() {
    let values = [4.0, 1.0, 3.0, 2.0];
    assert_close(quantile(&values, 0.25).unwrap(), 1.75, 1e-15);
    assert_close(quantile_inverted_cdf(&values, 0.25).unwrap(), 1.0, 1e-15);
    assert_close(quantile_inverted_cdf(&values, 0.26).unwrap(), 2.0, 1e-15);
    // 0.07 * 100 is a little above 7 in floating point; the order statistic is still the 7th.
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_close(quantile_inverted_cdf(&hundred, 0.07).unwrap(), 7.0, 1e-15);
}

#[test]
fn expected_shortfall_with_a_fraction() {
    let returns = [-0.10, -0.06, -0.02, 0.01, 0.03];
    // alpha n = 1.5: all of -10 %, half of -6 %.
    assert_close(historical_es(&returns, 0.3).unwrap(), 0.13 / 1.5, 1e-15);
    // alpha n below 1: the largest loss.
    assert_close(historical_es(&returns, 0.01).unwrap(), 0.10, 1e-15);
}

/// A fair coin of 0 and 1: mean exp(t r) = (1 + e^t) / 2; at alpha = 0.75 the dual optimum is the
/// tilted mean p with relative entropy ln(4 / 3), p = 0.8669.. solved by bisection here.
#[test]
fn entropic_var_of_a_coin() {
    let returns: Vec<f64> = (0..1000).map(|i| -f64::from(i % 2)).collect();
    let entropy = |p: f64| p * (2.0 * p).ln() + (1.0 - p) * (2.0 * (1.0 - p)).ln();
    let (mut low, mut high) = (0.5_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if entropy(middle) < (4.0_f64 / 3.0).ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert_close(entropic_var(&returns, 0.75).unwrap(), low, 1e-10);
    // Half the values are maximal: at alpha = 0.5 and below the bound is the maximum.
    assert_eq!(entropic_var(&returns, 0.5).unwrap(), 1.0);
}

#[test]
fn expectiles_of_three_values() {
    // tau (3 - e) = (1 - tau)((e - 0) + (e - 0)), e above two zeros: 0.2 (3 - e) = 1.6 e.
    assert_close(ex::expectile(&[0.0, 3.0, 0.0], 0.2).unwrap(), 0.6 / 1.8, 1e-15);
    assert_close(ex::expectile(&[1.0, 2.0, 6.0], 0.5).unwrap(), 3.0, 1e-15);
    // With a tau near zero the expectile approaches the minimum.
    assert_close(ex::expectile(&[-1.0, 2.0], 1e-15).unwrap(), -1.0, 1e-14);
}

/// Of the exponential distribution, tau e^-e = (1 - tau)(e - 1 + e^-e).
#[test]
fn theoretical_expectiles_balance() {
    for tau in [1e-9, 1e-4, 0.01, 0.3, 0.5, 0.9, 0.999] {
        let e = ex::exponential_expectile(tau).unwrap();
        let below = e + (-e).exp_m1();
        assert!((tau * (-e).exp() - (1.0 - tau) * below).abs() < 1e-12);
        let symmetric = ex::normal_expectile(tau).unwrap();
        let mirrored = ex::normal_expectile(1.0 - tau).unwrap();
        assert_close(symmetric, -mirrored, 1e-6);
    }
    assert_close(ex::exponential_expectile(0.5).unwrap(), 1.0, 1e-13);
    // By mpmath, to sixty digits.
    for (tau, expected) in [
        (1e-12, 1.414_212_895_707_567_6e-6),
        (1e-7, 4.471_469_648_489_836e-4),
        (2e-4, 0.019_869_850_278_692_02),
        (1e-3, 0.044_089_777_017_606_12),
        (0.01, 0.135_808_374_293_769_94),
    ] {
        assert_close(ex::exponential_expectile(tau).unwrap() / expected, 1.0, 2e-14);
    }
    assert_close(ex::uniform_expectile(0.2).unwrap(), 1.0 / 3.0, 1e-15);
    // t(2): e = (2 tau - 1) sqrt(2 / (1 - (2 tau - 1)^2)) is both quantile and expectile.
    let m: f64 = 2.0 * 0.05 - 1.0;
    let exact = m * (2.0 / (1.0 - m * m)).sqrt();
    assert_close(ex::student_t_expectile(0.05, 2.0).unwrap(), exact, 1e-10);
}

/// Quantiles of known distributions at the midpoints of equal probabilities.
fn gpd_sample(n: u32, xi: f64, beta: f64) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let survival: f64 = 1.0 - (f64::from(i) + 0.5) / f64::from(n);
            if xi.abs() < 1e-12 {
                -beta * survival.ln()
            } else {
                beta * (survival.powf(-xi) - 1.0) / xi
            }
        })
        .collect()
}

#[test]
fn gpd_fit_recovers_every_shape() {
    for xi in [-0.3, -0.1, 0.0, 1e-9, 0.1, 0.5, 1.2, 2.5] {
        let losses = gpd_sample(20_000, xi, 0.02);
        let fit = GpdFit::above(&losses, 0.0).unwrap();
        assert!((fit.xi - xi).abs() < 0.02, "xi {xi} gave {}", fit.xi);
        assert!((fit.beta / 0.02 - 1.0).abs() < 0.02);
        let truth = gpd_log_likelihood(&losses, xi, 0.02).unwrap();
        assert!(fit.log_likelihood >= truth - 1e-6);
        // Smith (1987): Var(xi) = (1 + xi)^2 / k, Var(beta) = 2 beta^2 (1 + xi) / k.
        let k = 20_000.0_f64;
        let ratio = fit.xi_standard_error.unwrap() / ((1.0 + xi) / k.sqrt());
        assert!((ratio - 1.0).abs() < 0.1, "xi {xi}: {ratio}");
        let expected = 0.02 * (2.0 * (1.0 + xi) / k).sqrt();
        let ratio = fit.beta_standard_error.unwrap() / expected;
        assert!((ratio - 1.0).abs() < 0.1, "xi {xi}: {ratio}");
        assert_eq!(fit.expected_shortfall(0.01).is_err(), fit.xi >= 1.0);
    }
}

/// The observed information against second differences of the log-likelihood.
#[test]
fn gpd_standard_errors_are_second_derivatives() {
    for xi in [-0.2, 0.0, 0.3, 1.5] {
        let losses: Vec<f64> = gpd_sample(60, xi, 1.0);
        let fit = GpdFit::above(&losses, 0.0).unwrap();
        let at =
            |dx: f64, db: f64| gpd_log_likelihood(&losses, fit.xi + dx, fit.beta + db).unwrap();
        let h = 1e-4;
        let xx = (2.0 * at(0.0, 0.0) - at(h, 0.0) - at(-h, 0.0)) / (h * h);
        let bb = (2.0 * at(0.0, 0.0) - at(0.0, h) - at(0.0, -h)) / (h * h);
        let xb = (at(h, -h) + at(-h, h) - at(h, h) - at(-h, -h)) / (4.0 * h * h);
        let determinant = xx * bb - xb * xb;
        let xi_error = (bb / determinant).sqrt();
        assert!((fit.xi_standard_error.unwrap() / xi_error - 1.0).abs() < 1e-3);
        let beta_error = (xx / determinant).sqrt();
        assert!((fit.beta_standard_error.unwrap() / beta_error - 1.0).abs() < 1e-3);
    }
}

/// Uniform losses have xi = -1: outside the regular range, the fit stops at -0.5 and says so.
#[test]
fn gpd_fit_stops_at_the_boundary() {
    let losses = gpd_sample(500, -1.0, 1.0);
    let fit = GpdFit::above(&losses, 0.0).unwrap();
    assert_close(fit.xi, -0.5, 1e-12);
    assert_eq!(fit.xi_standard_error, None);
    assert!(fit.expected_shortfall(0.01).unwrap() >= fit.value_at_risk(0.01).unwrap());
}

#[test]
fn hill_of_an_exact_pareto() {
    // L_(i) / L_(3) = e^2, e: mean log 1.5.
    let e = std::f64::consts::E;
    let losses = [1.0, e, e * e, -4.0];
    assert_close(hill_tail_index(&losses, 2).unwrap(), 1.0 / 1.5, 1e-14);
}

/// Midpoint quantiles of t(4) (closed form of Shaw 2006), scaled and shifted.
#[test]
fn student_t_fit_recovers_its_parameters() {
    let returns: Vec<f64> = (0..4000)
        .map(|i| {
            let p = (f64::from(i) + 0.5) / 4000.0;
            let a = (4.0 * p * (1.0 - p)).sqrt();
            let q = 2.0 * ((a.acos() / 3.0).cos() / a - 1.0).max(0.0).sqrt();
            0.001 + 0.02 * if p < 0.5 { -q } else { q }
        })
        .collect();
    let fit = StudentTFit::of(&returns).unwrap();
    assert!((fit.nu.unwrap() - 4.0).abs() < 0.1, "{fit:?}");
    assert!((fit.scale / 0.02 - 1.0).abs() < 0.01);
    assert_close(fit.location, 0.001, 1e-6);
    let again =
        student_t_log_likelihood(&returns, fit.nu.unwrap(), fit.location, fit.scale).unwrap();
    assert_close(fit.log_likelihood, again, 1e-9);
    for factor in [0.99, 1.01] {
        let nu = fit.nu.unwrap() * factor;
        let beside = student_t_log_likelihood(&returns, nu, fit.location, fit.scale).unwrap();
        assert!(beside < fit.log_likelihood);
    }
}

/// Evenly spread values have thinner tails than a normal distribution.
#[test]
fn thin_tails_fall_back_to_the_normal() {
    let returns: Vec<f64> = (0..100).map(|i| (f64::from(i) - 49.5) / 1000.0).collect();
    let fit = StudentTFit::of(&returns).unwrap();
    assert_eq!(fit.nu, None);
    let gaussian = plimsoll_risk::tail::value_at_risk::gaussian_es(&returns, 0.01).unwrap();
    assert!((fit.expected_shortfall(0.01).unwrap() / gaussian - 1.0).abs() < 0.01);
}

#[test]
fn sharpe_family() {
    let moments = SharpeMoments { sharpe: 0.1, skewness: 0.0, kurtosis: 3.0, n: 101 };
    assert_close(moments.variance().unwrap(), 1.005 / 100.0, 1e-15);
    assert_close(moments.probabilistic(0.1).unwrap(), 0.5, 1e-15);
    assert_close(sharpe_variance_normal(0.1, 100).unwrap(), 1.005 / 100.0, 1e-15);
    // 1 + 1.005 (1.6449 / 0.1)^2
    assert_close(moments.min_track_record_length(0.0, 0.95).unwrap(), 272.907_126, 1e-6);
    assert!(matches!(moments.min_track_record_length(0.1, 0.95), Err(RiskError::Undefined { .. })));
    assert_eq!(expected_max_sharpe(1.0, 0.5).unwrap(), 0.0);
    assert_eq!(moments.deflated(1.0, 0.5), moments.probabilistic(0.0));
    // Deviations 0.016 and -0.024 in turn: rho_1 = -0.001536 / 0.00192 = -0.8, and over two
    // periods 2 / sqrt(2 - 2 * 0.8).
    let returns = [0.03, -0.01, 0.03, -0.01, 0.03];
    let factor = sharpe_annualisation_factor(&returns, 2).unwrap();
    assert_close(factor, 2.0 / 0.4_f64.sqrt(), 1e-12);
    assert_close(sharpe_annualisation_factor(&returns, 1).unwrap(), 1.0, 1e-15);
}

#[test]
fn gamblers_and_their_limits() {
    // Fair game: 1 - 3 / 10. Two units of four at odds 2 : 1: (1/2)^2 (1 - (1/2)^2) / (1 - (1/2)^4).
    assert_close(gamblers_ruin(0.5, 3.0, Some(10.0)).unwrap(), 0.7, 1e-15);
    assert_close(gamblers_ruin(2.0 / 3.0, 2.0, Some(4.0)).unwrap(), 0.2, 1e-14);
    assert_close(gamblers_ruin(1.0 / 3.0, 2.0, Some(4.0)).unwrap(), 0.8, 1e-14);
    assert_eq!(gamblers_ruin(0.4, 5.0, None).unwrap(), 1.0);
    assert_eq!(gamblers_ruin(0.0, 5.0, Some(9.0)).unwrap(), 1.0);
    assert_eq!(gamblers_ruin(1.0, 5.0, Some(9.0)).unwrap(), 0.0);
    assert_eq!(gamblers_ruin(1.0, 5.0, None).unwrap(), 0.0);
    assert_eq!(gamblers_ruin(0.3, 0.0, None).unwrap(), 1.0);
    assert_eq!(gamblers_ruin(0.3, 9.0, Some(9.0)).unwrap(), 0.0);
    // Numbers at which powers of the odds would overflow.
    let near_certain = gamblers_ruin(0.4, 5_000.0, Some(10_000.0)).unwrap();
    assert_close(near_certain, 1.0, 1e-12);
    let tiny = gamblers_ruin(0.6, 1_000.0, Some(10_000.0)).unwrap();
    assert_close(tiny.ln(), 1_000.0 * (2.0_f64 / 3.0).ln(), 1e-12);
}

#[test]
fn diffusion_between_barriers() {
    let diffusion =
        |drift: f64, volatility: f64| DiffusionBarriers { drift, volatility, loss: 0.5, gain: 1.0 };
    // No log drift, symmetric barriers in logs.
    assert_close(diffusion(0.02, 0.2).hit_loss_before_gain().unwrap(), 0.5, 1e-9);
    // k = 2 nu / s^2 = 1: (1/2) (1 - 1/2) / (1 - 1/4) = 1/3.
    assert_close(diffusion(0.04, 0.2).hit_loss_before_gain().unwrap(), 1.0 / 3.0, 1e-12);
    assert_close(diffusion(0.04, 0.2).ever_hit_loss().unwrap(), 0.5, 1e-12);
    assert_eq!(diffusion(-1.0, 0.01).hit_loss_before_gain().unwrap(), 1.0);
    assert!(diffusion(0.1, 0.0).hit_loss_before_gain().is_err());
}

#[test]
fn drawdowns_of_a_few_bets() {
    let bet = BinaryBet::even_money(0.6, 0.1);
    // One loss is a 10 % drawdown: not reached in two bets only by winning both.
    assert_close(bet.max_drawdown_probability(0.1, 2).unwrap(), 0.64, 1e-15);
    // 19 % needs two losses in a row, or apart by a win that does not return to the peak.
    // In three bets: LL*, WLL, LWL (0.9 * 1.1 * 0.9 = 0.891: no).
    assert_close(bet.max_drawdown_probability(0.19, 3).unwrap(), 0.16 + 0.6 * 0.16, 1e-15);
    assert_eq!(bet.max_drawdown_probability(0.5, 0).unwrap(), 0.0);
    let all_in = BinaryBet::even_money(0.6, 1.0);
    assert_close(all_in.max_drawdown_probability(1.0, 3).unwrap(), 1.0 - 0.216, 1e-15);
    let never = BinaryBet { win_probability: 0.5, gain_fraction: 0.1, loss_fraction: 0.0 };
    assert_eq!(never.max_drawdown_probability(0.1, 10).unwrap(), 0.0);
    let only_down = BinaryBet { win_probability: 0.5, gain_fraction: 0.0, loss_fraction: 0.1 };
    assert_close(only_down.max_drawdown_probability(0.19, 2).unwrap(), 0.25, 1e-15);
}

/// The recursion against every one of the 2^12 sequences.
#[test]
fn drawdown_recursion_equals_enumeration() {
    for (p, gain, loss, drawdown) in
        [(0.55, 0.1, 0.1, 0.3), (0.4, 0.25, 0.1, 0.2), (0.7, 0.02, 0.3, 0.5), (0.5, 0.5, 0.5, 0.75)]
    {
        let bet = BinaryBet { win_probability: p, gain_fraction: gain, loss_fraction: loss };
        let mut expected = 0.0;
        for sequence in 0_u32..4096 {
            let (mut wealth, mut peak, mut probability, mut hit) = (1.0_f64, 1.0_f64, 1.0, false);
            for bit in 0..12 {
                let won = sequence >> bit & 1 == 1;
                wealth *= if won { 1.0 + gain } else { 1.0 - loss };
                probability *= if won { p } else { 1.0 - p };
                peak = peak.max(wealth);
                hit |= wealth <= (1.0 - drawdown) * peak * (1.0 + 1e-12);
            }
            expected += if hit { probability } else { 0.0 };
        }
        let got = bet.max_drawdown_probability(drawdown, 12).unwrap();
        assert_close(got, expected, 1e-12);
    }
}

#[test]
fn intervals_of_a_proportion() {
    let (low, high) = wilson_interval(0, 50, 0.95).unwrap();
    // z^2 / (n + z^2)
    let square = 1.959_963_984_540_054_f64.powi(2);
    assert_eq!(low, 0.0);
    assert_close(high, square / (50.0 + square), 1e-14);
    let (low, high) = clopper_pearson_interval(0, 50, 0.95).unwrap();
    assert_eq!(low, 0.0);
    assert_close(high, 1.0 - 0.025_f64.powf(1.0 / 50.0), 1e-13);
    let (low, high) = clopper_pearson_interval(50, 50, 0.95).unwrap();
    assert_close(low, 0.025_f64.powf(1.0 / 50.0), 1e-13);
    assert_eq!(high, 1.0);
    // Large counts approach the normal interval.
    let (low, high) = clopper_pearson_interval(500_000_000, 1_000_000_000, 0.95).unwrap();
    assert_close((high - low) / 2.0, 1.96 * 0.5 / 1e9_f64.sqrt(), 1e-7);
    assert_close(f64::midpoint(low, high), 0.5, 1e-8);
    assert!(wilson_interval(3, 2, 0.95).is_err());
    assert!(wilson_interval(0, 0, 0.95).is_err());
    assert_close(ever_below_fractional_kelly(0.5, 1.0).unwrap(), 0.5, 1e-15);
    assert_close(ever_below_fractional_kelly(0.5, 0.5).unwrap(), 0.125, 1e-15);
    assert_eq!(ever_below_fractional_kelly(0.5, 3.0).unwrap(), 1.0);
}

/// Holm's worked example: 0.01, 0.04, 0.03, 0.005 -> 0.03, 0.06, 0.06, 0.02.
#[test]
fn holm_adjustment() {
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (got, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert_close(*got, expected, 1e-15);
    }
    assert_eq!(holm(&[0.9, 0.8]), vec![1.0, 1.0]);
    assert!(holm(&[]).is_empty());
}

/// Independent noise needs next to no block, a slow wave a long one.
#[test]
fn block_length_follows_memory() {
    let wave: Vec<f64> = (0..1000).map(|i| (f64::from(i) / 40.0).sin()).collect();
    let mut state = 1_u64;
    let noise: Vec<f64> = (0..1000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / 16_777_216.0 - 0.5
        })
        .collect();
    assert!(politis_white(&wave).unwrap().stationary > 30.0);
    assert!(politis_white(&noise).unwrap().stationary < 5.0);
    let scaled: Vec<f64> = noise.iter().map(|x| x * 1e-160).collect();
    assert_close(
        politis_white(&scaled).unwrap().stationary,
        politis_white(&noise).unwrap().stationary,
        1e-9,
    );
}
