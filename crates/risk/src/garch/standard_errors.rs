//! Uncertainty of fitted parameters.

use serde::Serialize;

use super::coordinates::Boundary;
use super::fit::GarchFit;
use super::innovation::Innovation;
use super::model::{GarchParameters, Volatility, backcast};
use super::objective::{Gradient, Objective};
use crate::check::{defined, undefined};
use crate::error::Result;

/// Relative step of the differences of the gradient.
const STEP: f64 = 1e-4;
/// Smallest parameter that the step is relative to.
const SIZE_MIN: f64 = 0.01;

/// Standard error of one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParameterError {
    /// Name of the parameter, as in [`GarchParameters`] and [`Innovation`].
    pub name: &'static str,
    /// Its estimate, in the unit of the returns.
    pub estimate: f64,
    /// Standard error from the inverse of the observed information; `None` for a parameter on a
    /// bound, where neither holds. On a bound that holds a sum (`alpha + gamma = 0`, a persistence
    /// of 1) both are those of the model in which the sum is fixed.
    pub from_hessian: Option<f64>,
    /// Standard error that holds where the law of the innovations is not the assumed one:
    /// `H^-1 (sum s s') H^-1` (Bollerslev & Wooldridge 1992).
    pub robust: Option<f64>,
}

/// Standard errors of all parameters, in the order mean, recursion, shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StandardErrors {
    /// One entry a parameter.
    pub parameters: Vec<ParameterError>,
}

impl StandardErrors {
    /// The entry of a parameter, by its name.
    pub fn get(&self, name: &str) -> Option<&ParameterError> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    pub(crate) fn of(fit: &GarchFit) -> Result<Self> {
        let estimates = fit.parameters()?;
        let all = names(fit);
        let fixed = |position: usize| on_bound(fit, position);
        let free: Vec<usize> = all.iter().map(|named| named.0).filter(|p| !fixed(*p)).collect();
        let objective = Objective {
            returns: &fit.standardised,
            spec: fit.spec,
            backcast: backcast(&fit.standardised, fit.spec.volatility)?,
            rounding: 0.0,
        };
        let information = information(&objective, &fit.scaled, &free)?;
        let singular = || {
            let reason = "the information matrix is not positive definite: a parameter is not determined by the data";
            undefined("garch standard errors", reason)
        };
        let moves = moves(fit, &free)?;
        let within = multiply(&multiply(&moves, &information), &transposed(&moves));
        let inverse = inverse_of_positive(&within).ok_or_else(singular)?;
        let inverse = multiply(&multiply(&transposed(&moves), &inverse), &moves);
        let scores = objective.scores(&fit.scaled);
        let n = scores.len() as f64;
        let mut products = vec![vec![0.0; free.len()]; free.len()];
        for score in &scores {
            for (i, row) in free.iter().zip(&mut products) {
                for (j, entry) in free.iter().zip(row) {
                    *entry += score[*i] * score[*j] / n;
                }
            }
        }
        let sandwich = multiply(&multiply(&inverse, &products), &inverse);
        let mut parameters = Vec::with_capacity(all.len());
        for (position, name) in all {
            let unit = match (position, fit.spec.volatility) {
                (0, _) | (1, Volatility::Threshold) => fit.unit,
                (1, _) => fit.unit * fit.unit,
                _ => 1.0,
            };
            let error = |matrix: &[Vec<f64>]| match free.iter().position(|p| *p == position) {
                Some(row) => {
                    defined("garch standard errors", unit * (matrix[row][row] / n).sqrt()).map(Some)
                }
                None => Ok(None),
            };
            parameters.push(ParameterError {
                name,
                estimate: component(&estimates, position),
                from_hessian: error(&inverse)?,
                robust: error(&sandwich)?,
            });
        }
        Ok(Self { parameters })
    }
}

/// Position in a gradient and name of every parameter of a model.
fn names(fit: &GarchFit) -> Vec<(usize, &'static str)> {
    let mut names = vec![(0, "mu"), (1, "omega"), (2, "alpha")];
    if fit.spec.volatility != Volatility::Symmetric {
        names.push((3, "gamma"));
    }
    names.push((4, "beta"));
    match fit.scaled.innovation {
        Innovation::Normal => {}
        Innovation::StudentT { .. } => names.push((5, "nu")),
        Innovation::SkewT { .. } => names.extend([(5, "eta"), (6, "lambda")]),
        Innovation::NormalInverseGaussian { .. } => {
            names.extend([(5, "shape_alpha"), (6, "shape_beta")]);
        }
        Innovation::VarianceGamma { .. } => names.extend([(5, "theta"), (6, "shape_nu")]),
    }
    names
}

/// Whether a parameter is held by a bound of its own. A bound on the shape holds every shape
/// parameter; bounds on a sum are for [`moves`].
fn on_bound(fit: &GarchFit, position: usize) -> bool {
    fit.boundaries.iter().any(|boundary| match boundary {
        Boundary::Omega => position == 1,
        Boundary::Alpha => position == 2,
        Boundary::Beta => position == 4,
        Boundary::NegativeResponse | Boundary::Persistence => false,
        Boundary::FirstShape | Boundary::SecondShape => position >= 5,
    })
}

/// The directions in which the free parameters can move, one a row: each by itself, but along the
/// bounds that hold a sum of parameters.
fn moves(fit: &GarchFit, free: &[usize]) -> Result<Vec<Vec<f64>>> {
    let n = free.len();
    let mut rows: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    // Weights of alpha, gamma and beta in the sum that stays.
    let mut sums = Vec::new();
    if fit.boundaries.contains(&Boundary::NegativeResponse) {
        sums.push([1.0, 1.0, 0.0]);
    }
    if fit.boundaries.contains(&Boundary::Persistence) {
        let share = match fit.spec.volatility {
            Volatility::Symmetric | Volatility::Threshold => 0.5,
            Volatility::Gjr => fit.scaled.innovation.negative_share_of_variance()?,
        };
        sums.push([1.0, share, 1.0]);
    }
    for weights in sums {
        let change = |row: &Vec<f64>| -> f64 {
            let weight = |p: &usize| if (2..5).contains(p) { weights[p - 2] } else { 0.0 };
            row.iter().zip(free).map(|(step, position)| step * weight(position)).sum()
        };
        let changes: Vec<f64> = rows.iter().map(change).collect();
        let largest =
            (0..rows.len()).max_by(|i, j| changes[*i].abs().total_cmp(&changes[*j].abs()));
        let Some(gives) = largest.filter(|i| changes[*i].abs() > 1e-9) else { continue };
        let giving = rows.remove(gives);
        let mut others = changes.clone();
        others.remove(gives);
        for (row, change) in rows.iter_mut().zip(others) {
            for (step, other) in row.iter_mut().zip(&giving) {
                *step -= change / changes[gives] * other;
            }
        }
    }
    Ok(rows)
}

fn transposed(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = a.first().map_or(0, Vec::len);
    (0..width).map(|j| a.iter().map(|row| row[j]).collect()).collect()
}

/// Minus the second derivatives of the mean log-likelihood, by central differences of its gradient.
fn information(
    objective: &Objective<'_>,
    at: &GarchParameters,
    free: &[usize],
) -> Result<Vec<Vec<f64>>> {
    let mut matrix = Vec::with_capacity(free.len());
    for position in free {
        let size = component(at, *position).abs();
        let step = STEP * if *position == 1 { size } else { size.max(SIZE_MIN) };
        let gradient = |signed: f64| -> Result<Gradient> {
            let (value, gradient) = objective.evaluate(&moved(at, *position, signed));
            defined("garch standard errors", value)?;
            Ok(gradient)
        };
        let (up, down) = (gradient(step)?, gradient(-step)?);
        let row = free.iter().map(|j| (down[*j] - up[*j]) / (2.0 * step));
        matrix
            .push(row.map(|entry| defined("garch standard errors", entry)).collect::<Result<_>>()?);
    }
    // Symmetric but for the error of the differences.
    let symmetric = |i: usize, j: usize| -> f64 {
        let rows: &Vec<Vec<f64>> = &matrix;
        0.5 * (rows[i][j] + rows[j][i])
    };
    let n = free.len();
    Ok((0..n).map(|i| (0..n).map(|j| symmetric(i, j)).collect()).collect())
}

fn component(of: &GarchParameters, position: usize) -> f64 {
    let shape = match of.innovation {
        Innovation::Normal => [0.0; 2],
        Innovation::StudentT { nu } => [nu, 0.0],
        Innovation::SkewT { eta, lambda } => [eta, lambda],
        Innovation::NormalInverseGaussian { alpha, beta } => [alpha, beta],
        Innovation::VarianceGamma { theta, nu } => [theta, nu],
    };
    [of.mu, of.omega, of.alpha, of.gamma, of.beta, shape[0], shape[1]][position]
}

fn moved(from: &GarchParameters, position: usize, step: f64) -> GarchParameters {
    let mut to = *from;
    match position {
        0 => to.mu += step,
        1 => to.omega += step,
        2 => to.alpha += step,
        3 => to.gamma += step,
        4 => to.beta += step,
        _ => match &mut to.innovation {
            Innovation::Normal => {}
            Innovation::StudentT { nu } => *nu += step,
            Innovation::SkewT { eta: first, lambda: second }
            | Innovation::NormalInverseGaussian { alpha: first, beta: second }
            | Innovation::VarianceGamma { theta: first, nu: second } => {
                *(if position == 5 { first } else { second }) += step;
            }
        },
    }
    to
}

/// The inverse of a symmetric positive definite matrix by Cholesky, its rows scaled to a diagonal
/// of ones first; `None` where it is not positive definite.
fn inverse_of_positive(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    let scales: Vec<f64> = (0..n).map(|i| matrix[i][i].sqrt()).collect();
    if scales.iter().any(|scale| !(*scale > 0.0 && scale.is_finite())) {
        return None;
    }
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] / (scales[i] * scales[j]) - known;
            if i > j {
                lower[i][j] = rest / lower[j][j];
            } else if rest > 1e-10 {
                lower[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut inverse = vec![vec![0.0; n]; n];
    for column in 0..n {
        let mut x = vec![0.0; n];
        for i in 0..n {
            let unit = if i == column { 1.0 } else { 0.0 };
            let known: f64 = (0..i).map(|k| lower[i][k] * x[k]).sum();
            x[i] = (unit - known) / lower[i][i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| lower[k][i] * x[k]).sum();
            x[i] = (x[i] - known) / lower[i][i];
        }
        for i in 0..n {
            inverse[i][column] = x[i] / (scales[i] * scales[column]);
        }
    }
    Some(inverse)
}

fn multiply(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let cell = |row: &[f64], j: usize| row.iter().zip(b).map(|(x, other)| x * other[j]).sum();
    let width = b.first().map_or(0, Vec::len);
    a.iter().map(|row| (0..width).map(|j| cell(row, j)).collect()).collect()
}
