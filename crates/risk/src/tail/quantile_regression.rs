//! Quantile regression: the quantile of a response given regressors, a straight line of them.
//!
//! The coefficients minimise the check loss `sum of |tau - 1(u < 0)| |u|` of the residuals
//! `u = y - X b` (Koenker & Bassett 1978). The minimum is at a vertex, a line through as many
//! observations as there are coefficients, and is found exactly, by walking from vertex to vertex
//! (Barrodale & Roberts 1973). With a column of ones alone it is a sample quantile.
//!
//! ```
//! use plimsoll_risk::tail::quantile_regression::QuantileRegression;
//!
//! let x = [1.0, 2.0, 3.0, 4.0, 5.0];
//! let y = [1.5, 2.5, 40.0, 4.5, 5.5];
//! // The outlier does not move the median line.
//! let line = QuantileRegression::fit(&y, &[&[1.0; 5], &x], 0.5)?;
//! assert!((line.coefficients[0] - 0.5).abs() < 1e-12);
//! assert!((line.coefficients[1] - 1.0).abs() < 1e-12);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::moments::sum;
use crate::numeric::least_squares::{Design, dot, fitted_at};

/// Part of the largest response that ties are moved apart by.
const APART: f64 = 1e-11;
/// A slope of the scaled loss above minus this is not downhill.
const SLOPE_MIN: f64 = 1e-9;
/// Vertices after which the search is given up; it ends by itself after some tens.
const STEPS_MAX: usize = 20_000;
/// Part of a regressor outside the span of those before it, below which a search that has failed
/// is put down to it.
const NEARLY: f64 = 1e-6;
/// Distance from the line, in parts of the largest response, that is no more than rounding.
const ON_LINE_MAX: f64 = 1e-13;

/// A fitted quantile regression.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileRegression {
    /// The probability below the line, between 0 and 1.
    pub tau: f64,
    /// One coefficient a regressor, in their order. Where several vertices share the minimum, one
    /// of them.
    pub coefficients: Vec<f64>,
    /// Sum of the check loss at the coefficients, never negative.
    pub objective: f64,
    /// Number of observations.
    pub n: usize,
    /// Positions of the observations that the line runs through, ascending.
    pub basis: Vec<usize>,
    /// Observations below the line, those on it apart.
    pub n_below: usize,
    /// Vertices visited.
    pub steps: usize,
}

impl QuantileRegression {
    /// Fits `response` on `regressors`, each of them a column as long as the response. A constant
    /// is a column of ones.
    ///
    /// Tied responses, which can send a walk in circles, are moved apart by a part in `1e11` of
    /// the largest while the vertex is searched for; the coefficients are of the response as it
    /// was given.
    ///
    /// # Errors
    /// `tau` outside (0, 1), no regressor, columns of other lengths, fewer observations than
    /// regressors, a value that is not finite, or a regressor that is a linear combination of
    /// those before it, or so nearly one that rounding hides the minimum
    /// ([`SingularDesign`](crate::RiskError::SingularDesign)).
    pub fn fit(response: &[f64], regressors: &[&[f64]], tau: f64) -> Result<Self> {
        check::open_unit("tau", tau)?;
        check::finite(response)?;
        let design = Design::new(regressors, response.len())?;
        let largest = response.iter().fold(0.0_f64, |so_far, y| so_far.max(y.abs()));
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let scaled: Vec<f64> = response.iter().map(|y| y / unit).collect();
        let apart: Vec<f64> =
            scaled.iter().enumerate().map(|(i, y)| y + APART * scatter(i)).collect();

        let walk = Walk { rows: design.rows(), response: &apart, tau };
        let found = walk.first_basis(&design).and_then(|basis| walk.to_minimum(basis));
        let vertex = match found {
            // A column that is nearly dependent is the better reason, if there is one.
            Err(error) => return Err(design.check_independence(NEARLY).err().unwrap_or(error)),
            Ok(vertex) => vertex,
        };
        let mut basis = vertex.basis;
        basis.sort_unstable();
        let inverse = inverse(design.rows(), &basis)
            .ok_or(undefined("quantile_regression", "the regressors are nearly dependent"))?;
        let solution = inverse.times(&basis, &scaled);
        let mut on_line = vec![false; response.len()];
        for index in &basis {
            on_line[*index] = true;
        }
        let residuals: Vec<f64> = (design.rows().iter().zip(&scaled).zip(&on_line))
            .map(|((row, y), on_line)| if *on_line { 0.0 } else { y - dot(row, &solution) })
            .collect();
        let loss = sum(residuals.iter().map(|u| check_loss(tau, *u)));
        let coefficients = (0..solution.len())
            .map(|j| defined("quantile_regression", solution[j] * (unit / design.scale(j))))
            .collect::<Result<Vec<f64>>>()?;
        Ok(Self {
            tau,
            coefficients,
            objective: defined("quantile_regression", loss * unit)?,
            n: response.len(),
            basis,
            n_below: residuals.iter().filter(|u| **u < -ON_LINE_MAX).count(),
            steps: vertex.steps,
        })
    }

    /// The quantile at one row of regressors, in their order.
    ///
    /// # Errors
    /// A row of another length, or a value that is not finite.
    pub fn predict(&self, row: &[f64]) -> Result<f64> {
        fitted_at("quantile", &self.coefficients, row)
    }
}

fn check_loss(tau: f64, u: f64) -> f64 {
    if u < 0.0 { (tau - 1.0) * u } else { tau * u }
}

/// A number of [0, 1) that looks random: of no pattern that would leave three observations on a
/// line (the mixing function of Steele, Lea & Flood 2014).
fn scatter(index: usize) -> f64 {
    let mut z = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The walk over the vertices.
struct Walk<'a> {
    rows: &'a [Vec<f64>],
    response: &'a [f64],
    tau: f64,
}

/// A vertex: the observations with a residual of zero.
struct Vertex {
    basis: Vec<usize>,
    steps: usize,
}

/// A direction away from a vertex, along which one observation of the basis is given up.
struct Edge {
    position: usize,
    sign: f64,
    slope: f64,
}

impl Walk<'_> {
    /// Independent observations as near to the line of least squares as can be.
    fn first_basis(&self, design: &Design) -> Result<Vec<usize>> {
        let n = self.rows.len();
        let line = design.factor(&vec![1.0; n])?.solve(self.response);
        let distance: Vec<f64> = (self.rows.iter().zip(self.response))
            .map(|(row, y)| (y - dot(row, &line)).abs())
            .collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| distance[*a].total_cmp(&distance[*b]));
        // A threshold that falls: rows that are well apart first, any that are independent at last.
        for least in [0.1, 1e-3, 1e-6, 1e-9, 1e-12] {
            let basis = independent(self.rows, &order, least);
            if basis.len() == design.n_columns() {
                return Ok(basis);
            }
        }
        Err(undefined("quantile_regression", "the regressors are nearly dependent"))
    }

    fn to_minimum(&self, mut basis: Vec<usize>) -> Result<Vertex> {
        let n = self.rows.len();
        let mut on_line = vec![false; n];
        for index in &basis {
            on_line[*index] = true;
        }
        let mut crossings: Vec<(f64, f64, usize)> = Vec::with_capacity(n);
        for steps in 1..=STEPS_MAX {
            let inverse = inverse(self.rows, &basis)
                .ok_or(undefined("quantile_regression", "the regressors are nearly dependent"))?;
            let solution = inverse.times(&basis, self.response);
            let residuals: Vec<f64> = (self.rows.iter().zip(self.response))
                .map(|(row, y)| y - dot(row, &solution))
                .collect();
            let Some(edge) = self.steepest(&basis, &on_line, &inverse, &residuals) else {
                return Ok(Vertex { basis, steps });
            };
            // Along the edge b + t d the loss is convex with a kink wherever a residual changes
            // sign; it is least at the first kink from which it does not fall.
            let direction: Vec<f64> =
                inverse.column(edge.position).iter().map(|v| v * edge.sign).collect();
            crossings.clear();
            for index in (0..n).filter(|index| !on_line[*index]) {
                let rate = dot(&self.rows[index], &direction);
                let at = residuals[index] / rate;
                if rate.abs() > 1e-13 && at > 0.0 && at.is_finite() {
                    crossings.push((at, rate.abs(), index));
                }
            }
            crossings.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
            let mut slope = edge.slope;
            let entering = crossings.iter().find(|(_, rate, _)| {
                slope += rate;
                slope >= 0.0
            });
            let Some((_, _, entering)) = entering else {
                return Err(undefined("quantile_regression", "the loss does not end falling"));
            };
            on_line[basis[edge.position]] = false;
            on_line[*entering] = true;
            basis[edge.position] = *entering;
        }
        Err(undefined("quantile_regression", "the search did not settle"))
    }

    /// The edge along which the loss falls fastest, if it falls along any.
    fn steepest(
        &self,
        basis: &[usize],
        on_line: &[bool],
        inverse: &Inverse,
        residuals: &[f64],
    ) -> Option<Edge> {
        // Slope of the loss of the other observations by the coefficients.
        let mut pull = vec![0.0; basis.len()];
        for (index, row) in self.rows.iter().enumerate().filter(|(index, _)| !on_line[*index]) {
            let weight = if residuals[index] < 0.0 { 1.0 - self.tau } else { -self.tau };
            for (total, x) in pull.iter_mut().zip(row) {
                *total += weight * x;
            }
        }
        let mut best: Option<Edge> = None;
        for position in 0..basis.len() {
            let along = dot(&pull, inverse.column(position));
            // Going up the line leaves the given-up observation below it, and the other way round.
            for (sign, own) in [(1.0, 1.0 - self.tau), (-1.0, self.tau)] {
                let slope = sign * along + own;
                if slope < -SLOPE_MIN && best.as_ref().is_none_or(|best| slope < best.slope) {
                    best = Some(Edge { position, sign, slope });
                }
            }
        }
        best
    }
}

/// The first observations in `order` whose rows keep at least `least` of their length outside the
/// span of those before.
fn independent(rows: &[Vec<f64>], order: &[usize], least: f64) -> Vec<usize> {
    let mut chosen = Vec::new();
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for index in order {
        let row = &rows[*index];
        let mut rest = row.clone();
        // Twice: what rounding left of the axes goes too.
        for axis in axes.iter().chain(&axes) {
            let along = dot(&rest, axis);
            for (entry, v) in rest.iter_mut().zip(axis) {
                *entry -= along * v;
            }
        }
        let length = dot(&rest, &rest).sqrt();
        if length > 0.0 && length >= least * dot(row, row).sqrt() {
            axes.push(rest.iter().map(|v| v / length).collect());
            chosen.push(*index);
            if chosen.len() == row.len() {
                break;
            }
        }
    }
    chosen
}

/// The inverse of the rows of a basis, by columns.
struct Inverse {
    columns: Vec<Vec<f64>>,
}

impl Inverse {
    fn column(&self, position: usize) -> &[f64] {
        &self.columns[position]
    }

    /// The coefficients whose line runs through the observations of the basis.
    fn times(&self, basis: &[usize], response: &[f64]) -> Vec<f64> {
        let entry = |j: usize| {
            sum(basis.iter().zip(&self.columns).map(|(index, column)| response[*index] * column[j]))
        };
        (0..basis.len()).map(entry).collect()
    }
}

/// Gauss-Jordan elimination with pivots by column; `None` for dependent rows.
fn inverse(rows: &[Vec<f64>], basis: &[usize]) -> Option<Inverse> {
    let p = basis.len();
    let mut left: Vec<Vec<f64>> = basis.iter().map(|index| rows[*index].clone()).collect();
    let unit = |i: usize| (0..p).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
    let mut right: Vec<Vec<f64>> = (0..p).map(unit).collect();
    for k in 0..p {
        let pivot = (k..p).max_by(|a, b| left[*a][k].abs().total_cmp(&left[*b][k].abs()))?;
        left.swap(k, pivot);
        right.swap(k, pivot);
        let scale = left[k][k];
        if scale.abs() <= 0.0 || !scale.is_finite() {
            return None;
        }
        for value in left[k].iter_mut().chain(&mut right[k]) {
            *value /= scale;
        }
        for i in (0..p).filter(|i| *i != k) {
            let factor = left[i][k];
            for j in 0..p {
                left[i][j] -= factor * left[k][j];
                right[i][j] -= factor * right[k][j];
            }
        }
    }
    let columns = (0..p).map(|j| right.iter().map(|row| row[j]).collect()).collect();
    Some(Inverse { columns })
}
