//! The long-run variance of a series by the Parzen kernel, and how far that reaches.

use crate::moments::sum;

/// Largest first autocorrelation that a bandwidth is taken from (Andrews & Monahan 1992).
const AUTOCORRELATION_MAX: f64 = 0.97;

/// Bandwidth of the Parzen kernel by the rule of Andrews (1991, equations 6.2 and 6.4):
/// `2.6614 (alpha n)^(1/5)`, where
/// `alpha = sum(4 rho^2 s^4 / (1 - rho)^8) / sum(s^4 / (1 - rho)^4)` over the series, each with
/// the first autocorrelation `rho` and the innovation variance `s^2`. The second of each pair is
/// the logarithm to base 2 of the fourth power of the unit that the series is given in.
pub(crate) fn parzen_bandwidth(series: &[(&[f64], f64)]) -> f64 {
    let fits: Vec<(f64, f64)> = series
        .iter()
        .filter_map(|(values, log2_fourth_power_of_unit)| {
            let (rho, variance) = first_order_autoregression(values);
            let weight = 2.0 * variance.log2() + log2_fourth_power_of_unit;
            weight.is_finite().then_some((rho, weight))
        })
        .collect();
    // Only the ratios of the weights count: the largest becomes 1.
    let largest = fits.iter().map(|(_, weight)| *weight).fold(f64::NEG_INFINITY, f64::max);
    let (mut above, mut below) = (0.0, 0.0);
    for (rho, weight) in fits {
        let weight = (weight - largest).exp2();
        let fourth = (1.0 - rho).powi(4);
        above += weight * 4.0 * rho * rho / (fourth * fourth);
        below += weight / fourth;
    }
    let n = series.first().map_or(0, |(values, _)| values.len()) as f64;
    if below > 0.0 { 2.6614 * (above / below * n).powf(0.2) } else { 0.0 }
}

/// Slope on the value before, by least squares with an intercept, and the mean squared residual;
/// both zero for a constant series.
fn first_order_autoregression(values: &[f64]) -> (f64, f64) {
    let (before, after) = (&values[..values.len() - 1], &values[1..]);
    let n = before.len() as f64;
    let mean = |values: &[f64]| sum(values.iter().copied()) / n;
    let (mean_before, mean_after) = (mean(before), mean(after));
    let pairs = || before.iter().zip(after).map(|(x, y)| (x - mean_before, y - mean_after));
    let square = sum(pairs().map(|(x, _)| x * x));
    if square <= 0.0 {
        return (0.0, 0.0);
    }
    let slope = sum(pairs().map(|(x, y)| x * y)) / square;
    let variance = sum(pairs().map(|(x, y)| (y - slope * x).powi(2))) / n;
    (slope.clamp(-AUTOCORRELATION_MAX, AUTOCORRELATION_MAX), variance)
}

/// Sum of the autocovariances (divisor n) with the weights of the Parzen kernel, which makes it
/// at least zero.
pub(crate) fn parzen_long_run_variance(values: &[f64], bandwidth_periods: f64) -> f64 {
    let n = values.len();
    let covariance = |lag: usize| {
        sum(values[lag..].iter().zip(values).map(|(late, early)| late * early)) / n as f64
    };
    let mut terms = vec![covariance(0)];
    for lag in 1..n {
        let share = lag as f64 / bandwidth_periods;
        if share >= 1.0 {
            break;
        }
        let weight = if share <= 0.5 {
            1.0 - 6.0 * share * share * (1.0 - share)
        } else {
            2.0 * (1.0 - share).powi(3)
        };
        terms.push(2.0 * weight * covariance(lag));
    }
    sum(terms)
}
