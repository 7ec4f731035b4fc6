//! Long-run variance of a mean: autocovariances with Bartlett weights (Newey & West 1987).

use crate::moments::sum;

/// Long-run covariance matrix of several series of one length, about their means:
/// `C_0 + sum over k of (1 - k / (lags + 1)) (C_k + C_k')`, autocovariances with divisor n. It is
/// positive semi-definite. Rows are series; lags beyond the sample add nothing.
pub(crate) fn long_run_covariance(series: &[&[f64]], lags: usize) -> Vec<Vec<f64>> {
    let centred: Vec<Vec<f64>> = series.iter().map(|values| centre(values)).collect();
    let size = centred.len();
    let mut matrix = vec![vec![0.0; size]; size];
    for i in 0..size {
        for j in 0..=i {
            let n = centred[i].len();
            let mut terms = vec![cross(&centred[i], &centred[j], 0)];
            for lag in 1..=lags.min(n.saturating_sub(1)) {
                let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
                let both =
                    cross(&centred[i], &centred[j], lag) + cross(&centred[j], &centred[i], lag);
                terms.push(weight * both);
            }
            matrix[i][j] = sum(terms);
            matrix[j][i] = matrix[i][j];
        }
    }
    matrix
}

/// The same for one series.
pub(crate) fn long_run_variance(values: &[f64], lags: usize) -> f64 {
    long_run_covariance(&[values], lags)[0][0]
}

/// Autocovariance `sum of a_t b_(t - lag) / n` of centred values.
fn cross(a: &[f64], b: &[f64], lag: usize) -> f64 {
    sum(a[lag..].iter().zip(b).map(|(a, b)| a * b)) / a.len() as f64
}

fn centre(values: &[f64]) -> Vec<f64> {
    let mean = sum(values.iter().copied()) / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}
