//! Expectile regression: the expectile of a response given regressors, a straight line of them.
//!
//! The coefficients minimise the asymmetric squared loss `mean of w(u) u^2` of the residuals
//! `u = y - X b`, with `w(u) = 1 - tau` below zero and `tau` above (Newey & Powell 1987). With
//! `tau = 0.5` they are ordinary least squares; with a column of ones alone they are
//! [`crate::expectile::sample::expectile`]. As there, results are on the side of the response: of
//! returns, the fitted values at a small `tau` are negative.
//!
//! ```
//! use plimsoll_risk::expectile::regression::ExpectileRegression;
//!
//! // Does a large move yesterday make today's tail worse?
//! let returns = [0.1_f64, -0.4, 0.3, 1.2, -2.0, 1.5, -0.2, 0.4, -0.1, 0.2, 0.9, -1.1];
//! let today = &returns[1..];
//! let ones = vec![1.0; today.len()];
//! let size: Vec<f64> = returns[..today.len()].iter().map(|r| r.abs()).collect();
//! let fit = ExpectileRegression::fit(today, &[&ones, &size], 0.1)?;
//!
//! let (calm, stormy) = (fit.predict(&[1.0, 0.1])?, fit.predict(&[1.0, 2.0])?);
//! assert!(stormy < calm && calm < 0.0);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use crate::check::{self, defined, defined_square, undefined};
use crate::error::Result;
use crate::moments::sum;
use crate::numeric::least_squares::{Design, Factor, dot, fitted_at};

/// Steps after which the search is given up; it ends by itself after some ten.
const STEPS_MAX: usize = 500;
/// Relative fall of the loss that is no more than rounding.
const FALL_MIN: f64 = 1e-15;

/// A fitted expectile regression.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectileRegression {
    /// The expectile level, between 0 and 1.
    pub tau: f64,
    /// One coefficient a regressor, in their order.
    pub coefficients: Vec<f64>,
    /// Covariance of the coefficients, by rows, robust to changing variance:
    /// `A B A` with `A = (X'WX)^-1` and `B = X' W^2 diag(u^2) X` (Newey & Powell 1987, theorem 3).
    /// It does not allow for residuals that depend on each other.
    pub covariance: Vec<Vec<f64>>,
    /// Mean asymmetric squared loss at the coefficients, never negative.
    pub objective: f64,
    /// Number of observations.
    pub n: usize,
    /// Observations below the fitted expectile.
    pub n_below: usize,
    /// Weighted least-squares problems solved.
    pub steps: usize,
    /// Roots of the diagonal, which reach units in which the covariance itself does not.
    standard_errors: Vec<f64>,
}

impl ExpectileRegression {
    /// Fits `response` on `regressors`, each of them a column as long as the response. A constant
    /// is a column of ones.
    ///
    /// Newton's method on a loss that is convex and piecewise quadratic: weighted least squares
    /// with the weights of the present signs, and a shorter step where a full one would not
    /// lower the loss. Once the signs stay as they are the solution is exact.
    ///
    /// # Errors
    /// `tau` outside (0, 1), no regressor, columns of other lengths, fewer observations than
    /// regressors, a value that is not finite, or a regressor that is a linear combination of
    /// those before it ([`SingularDesign`](crate::RiskError::SingularDesign)).
    pub fn fit(response: &[f64], regressors: &[&[f64]], tau: f64) -> Result<Self> {
        let problem = Problem::of(response, regressors, tau)?;
        let solved = problem.solve(None)?;
        let weights: Vec<f64> = solved.residuals.iter().map(|u| problem.weight(*u)).collect();
        let scaled = covariance(&problem.design, &solved.residuals, &weights)?;
        let unit_of = |j: usize| problem.unit / problem.design.scale(j);
        let in_units = |(j, row): (usize, &Vec<f64>)| {
            let entries = row.iter().enumerate();
            entries.map(|(k, c)| defined("covariance", c * unit_of(j) * unit_of(k))).collect()
        };
        let standard_error = |(j, row): (usize, &Vec<f64>)| {
            defined("covariance", row[j].max(0.0).sqrt() * unit_of(j))
        };
        Ok(Self {
            tau,
            covariance: scaled.iter().enumerate().map(in_units).collect::<Result<_>>()?,
            standard_errors: scaled
                .iter()
                .enumerate()
                .map(standard_error)
                .collect::<Result<_>>()?,
            objective: defined_square(
                "expectile_regression",
                problem.objective(&solved),
                solved.objective <= 0.0,
            )?,
            n: response.len(),
            n_below: solved.residuals.iter().filter(|u| **u < 0.0).count(),
            steps: solved.steps,
            coefficients: solved.coefficients,
        })
    }

    /// The expectile at one row of regressors, in their order.
    ///
    /// # Errors
    /// A row of another length, or a value that is not finite.
    pub fn predict(&self, row: &[f64]) -> Result<f64> {
        fitted_at("expectile", &self.coefficients, row)
    }

    /// Standard errors of the coefficients: the roots of the diagonal of the covariance.
    pub fn standard_errors(&self) -> Vec<f64> {
        self.standard_errors.clone()
    }
}

/// The asymmetric squared loss with the response brought to unit size.
pub(crate) struct Problem {
    design: Design,
    response: Vec<f64>,
    tau: f64,
    unit: f64,
}

/// The coefficients of the least loss, without their covariance.
pub(crate) struct Solved {
    pub(crate) coefficients: Vec<f64>,
    /// Residuals and their mean loss, of the response at unit size.
    residuals: Vec<f64>,
    objective: f64,
    pub(crate) steps: usize,
}

impl Problem {
    pub(crate) fn of(response: &[f64], regressors: &[&[f64]], tau: f64) -> Result<Self> {
        check::open_unit("tau", tau)?;
        check::finite(response)?;
        let design = Design::new(regressors, response.len())?;
        let largest = response.iter().fold(0.0_f64, |so_far, y| so_far.max(y.abs()));
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let response = response.iter().map(|y| y / unit).collect();
        Ok(Self { design, response, tau, unit })
    }

    /// From coefficients that are thought to be near, or from least squares.
    pub(crate) fn solve(&self, near: Option<&[f64]>) -> Result<Solved> {
        let start = near.map(|near| {
            let scaled = near.iter().enumerate();
            scaled.map(|(j, b)| b / self.unit * self.design.scale(j)).collect()
        });
        let (solution, steps) = self.minimise(start)?;
        let (residuals, _) = self.residuals_and_weights(&solution);
        let objective = self.loss(&residuals) / self.response.len() as f64;
        let coefficients = (0..solution.len())
            .map(|j| {
                let coefficient = solution[j] * (self.unit / self.design.scale(j));
                defined("expectile_regression", coefficient)
            })
            .collect::<Result<Vec<f64>>>()?;
        Ok(Solved { coefficients, residuals, objective, steps })
    }

    /// Mean loss of a solution in squared units of the response.
    pub(crate) fn objective(&self, solved: &Solved) -> f64 {
        solved.objective * self.unit * self.unit
    }

    fn minimise(&self, start: Option<Vec<f64>>) -> Result<(Vec<f64>, usize)> {
        let mut solution = match start {
            Some(start) if start.iter().all(|b| b.is_finite()) => start,
            _ => {
                let equal = vec![1.0; self.response.len()];
                self.design.factor(&equal)?.solve(&self.response)
            }
        };
        for steps in 1..=STEPS_MAX {
            let (residuals, weights) = self.residuals_and_weights(&solution);
            let target = self.design.factor(&weights)?.solve(&self.response);
            let (target_residuals, target_weights) = self.residuals_and_weights(&target);
            if signs_agree(&weights, &target_weights) {
                return Ok((target, steps));
            }
            let before = self.loss(&residuals);
            // The step solves the quadratic of the present weights, so the loss falls along it
            // at first; halving finds where it still does.
            let least = before * (1.0 - FALL_MIN);
            let mut share = 1.0;
            let mut next = target.clone();
            let mut after = self.loss(&target_residuals);
            while after >= least && share > FALL_MIN {
                share *= 0.5;
                let between = |(from, to): (&f64, &f64)| from + share * (to - from);
                next = solution.iter().zip(&target).map(between).collect();
                after = self.loss(&self.residuals_and_weights(&next).0);
            }
            if after >= least {
                // Residuals of zero change sign by rounding alone: nothing is left to gain.
                return Ok((solution, steps));
            }
            solution = next;
        }
        Err(undefined("expectile_regression", "the search did not settle"))
    }

    fn residuals_and_weights(&self, solution: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let residuals: Vec<f64> = (self.design.rows().iter().zip(&self.response))
            .map(|(row, y)| y - dot(row, solution))
            .collect();
        let weights = residuals.iter().map(|u| self.weight(*u)).collect();
        (residuals, weights)
    }

    fn weight(&self, residual: f64) -> f64 {
        if residual < 0.0 { 1.0 - self.tau } else { self.tau }
    }

    fn loss(&self, residuals: &[f64]) -> f64 {
        sum(residuals.iter().map(|u| self.weight(*u) * u * u))
    }
}

/// The same weight on every observation. At 0.5 both weights are one.
fn signs_agree(before: &[f64], after: &[f64]) -> bool {
    before.iter().zip(after).all(|(a, b)| (a - b).abs() <= 0.0)
}

/// The sandwich, as the sum of outer products of `(X'WX)^-1 x_i w_i u_i`, in units of the scaled problem.
pub(crate) fn covariance(
    design: &Design,
    residuals: &[f64],
    weights: &[f64],
) -> Result<Vec<Vec<f64>>> {
    let factor: Factor = design.factor(weights)?;
    let influences: Vec<Vec<f64>> = (design.rows().iter().zip(residuals.iter().zip(weights)))
        .map(|(row, (u, w))| factor.inverse_gram_times(row).iter().map(|v| v * w * u).collect())
        .collect();
    let entry = |j: usize, k: usize| {
        let total = sum(influences.iter().map(|influence| influence[j] * influence[k]));
        defined("covariance", total)
    };
    let order = 0..design.n_columns();
    order.clone().map(|j| order.clone().map(|k| entry(j, k)).collect()).collect()
}
