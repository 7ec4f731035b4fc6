//! Weighted least squares by Householder reflections, for a handful of regressors.

use crate::check;
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// Part of a column that lies outside the span of those before it, relative to the column,
/// below which it counts as lying within.
const INDEPENDENT_MIN: f64 = 1e-11;

/// A matrix of regressors of full rank, its columns scaled to a length of about one.
#[derive(Debug, Clone)]
pub(crate) struct Design {
    rows: Vec<Vec<f64>>,
    scales: Vec<f64>,
}

impl Design {
    /// The matrix with `columns` of `n` values each.
    pub(crate) fn new(columns: &[&[f64]], n: usize) -> Result<Self> {
        let p = columns.len();
        check::require(p > 0, "regressors", p as f64, "at least one column")?;
        for (column, values) in columns.iter().enumerate() {
            if values.len() != n {
                let (name, length) = ("regressor", values.len());
                return Err(RiskError::LengthMismatch { name, index: column, length, expected: n });
            }
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                let value = values[index];
                return Err(RiskError::NonFiniteRegressor { column, index, value });
            }
        }
        if n < p {
            return Err(RiskError::TooFewObservations { n, n_min: p });
        }
        let scales = columns
            .iter()
            .enumerate()
            .map(|(column, values)| {
                let largest = values.iter().fold(0.0_f64, |so_far, x| so_far.max(x.abs()));
                if largest > 0.0 { Ok(largest) } else { Err(RiskError::SingularDesign { column }) }
            })
            .collect::<Result<Vec<f64>>>()?;
        let row = |i: usize| columns.iter().zip(&scales).map(|(x, scale)| x[i] / scale).collect();
        let design = Self { rows: (0..n).map(row).collect(), scales };
        design.check_rank()?;
        Ok(design)
    }

    /// Rows of the scaled matrix.
    pub(crate) fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// What a column was divided by; a coefficient is to be divided by it too.
    pub(crate) fn scale(&self, column: usize) -> f64 {
        self.scales[column]
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.scales.len()
    }

    /// The triangle of the matrix with rows weighted by the roots of `weights`, all above zero.
    pub(crate) fn factor(&self, weights: &[f64]) -> Result<Factor> {
        let roots: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
        let mut columns: Vec<Vec<f64>> = (0..self.n_columns())
            .map(|j| self.rows.iter().zip(&roots).map(|(row, root)| row[j] * root).collect())
            .collect();
        let mut reflections: Vec<Vec<f64>> = Vec::new();
        for j in 0..columns.len() {
            let (done, rest) = columns.split_at_mut(j + 1);
            let column = &mut done[j];
            let length = norm(&column[j..]);
            if length <= 0.0 {
                return Err(RiskError::SingularDesign { column: j });
            }
            // Away from the first entry, so that nothing cancels.
            let diagonal = if column[j] > 0.0 { -length } else { length };
            let mut direction = column[j..].to_vec();
            direction[0] -= diagonal;
            let size = norm(&direction);
            for v in &mut direction {
                *v /= size;
            }
            column[j] = diagonal;
            for other in rest {
                reflect(&direction, &mut other[j..]);
            }
            reflections.push(direction);
        }
        Ok(Factor { columns, reflections, roots })
    }

    fn check_rank(&self) -> Result<()> {
        self.check_independence(INDEPENDENT_MIN)
    }

    /// Whether more than `least` of the length of every column lies outside the span of those
    /// before it.
    pub(crate) fn check_independence(&self, least: f64) -> Result<()> {
        let factor = self.factor(&vec![1.0; self.rows.len()])?;
        for column in 0..self.n_columns() {
            let length = norm(&factor.columns[column][..=column]);
            if factor.columns[column][column].abs() <= least * length {
                return Err(RiskError::SingularDesign { column });
            }
        }
        Ok(())
    }
}

/// The factors Q and R of a weighted matrix.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    /// R by columns, in the entries up to the diagonal.
    columns: Vec<Vec<f64>>,
    reflections: Vec<Vec<f64>>,
    roots: Vec<f64>,
}

impl Factor {
    /// The coefficients of weighted least squares.
    pub(crate) fn solve(&self, response: &[f64]) -> Vec<f64> {
        let mut target: Vec<f64> = response.iter().zip(&self.roots).map(|(y, w)| y * w).collect();
        for (j, direction) in self.reflections.iter().enumerate() {
            reflect(direction, &mut target[j..]);
        }
        target.truncate(self.columns.len());
        self.back_substitute(target)
    }

    /// `(X'WX)^-1 x`.
    pub(crate) fn inverse_gram_times(&self, x: &[f64]) -> Vec<f64> {
        let mut z = x.to_vec();
        for j in 0..z.len() {
            let known = dot(&self.columns[j][..j], &z[..j]);
            z[j] = (z[j] - known) / self.columns[j][j];
        }
        self.back_substitute(z)
    }

    fn back_substitute(&self, mut target: Vec<f64>) -> Vec<f64> {
        for j in (0..target.len()).rev() {
            target[j] /= self.columns[j][j];
            let value = target[j];
            for (entry, r) in target[..j].iter_mut().zip(&self.columns[j]) {
                *entry -= r * value;
            }
        }
        target
    }
}

/// The value of a fitted line at one row of regressors.
pub(crate) fn fitted_at(metric: &'static str, coefficients: &[f64], row: &[f64]) -> Result<f64> {
    let expected = coefficients.len();
    if row.len() != expected {
        let (name, length) = ("row", row.len());
        return Err(RiskError::LengthMismatch { name, index: 0, length, expected });
    }
    check::finite(row)?;
    check::defined(metric, dot(row, coefficients))
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a.iter().zip(b).map(|(a, b)| a * b))
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

/// Mirrors `values` at the plane normal to the unit vector `direction`.
fn reflect(direction: &[f64], values: &mut [f64]) {
    let twice = 2.0 * dot(direction, values);
    for (value, v) in values.iter_mut().zip(direction) {
        *value -= twice * v;
    }
}
