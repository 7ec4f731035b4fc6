//! The search for the weight parameters of a mixed-frequency expectile.

use crate::check::undefined;
use crate::error::Result;
use crate::expectile::care_fit::size;
use crate::expectile::midas_regression::{
    MidasDiagnostics, MidasExpectile, MidasLags, MidasSettings, MidasShape, MidasStandardErrors,
};
use crate::expectile::midas_weights::{grid_points, midas_beta_weights};
use crate::expectile::regression::{Problem, covariance};
use crate::expectile::sample::expectile;
use crate::moments::sum;
use crate::numeric::least_squares::Design;
use crate::numeric::search::{bfgs, nelder_mead};

/// Ranges of the weight parameters.
const THETA_MAX: f64 = 300.0;
const THETA_DECAY_MIN: f64 = 1.0;
const THETA_FREE_MIN: f64 = 0.1;
/// Points of the grid in each direction, for one parameter and for two.
const POINTS_OF_ONE: usize = 40;
const POINTS_OF_TWO: usize = 11;
/// The best points that are improved.
const STARTS: usize = 4;
/// A logarithm this near to a bound is at it.
const AT_BOUND: f64 = 1e-6;
const GRADIENT_TOLERANCE: f64 = 1e-9;
/// Largest gradient that counts as none.
const GRADIENT_MAX: f64 = 1e-6;

/// The loss as a function of the logarithms of the weight parameters, the linear coefficients
/// being the best for them. Response and fast column are brought to unit size.
pub(super) struct Profile<'a> {
    response: Vec<f64>,
    rows: Vec<Vec<f64>>,
    ones: Vec<f64>,
    tau: f64,
    settings: &'a MidasSettings,
    response_unit: f64,
    fast_unit: f64,
    level_loss: f64,
    /// Logarithms of the points that the beta density is read off at, and of one minus them.
    log_points: [Vec<f64>; 2],
}

/// Where the search ended.
pub(super) struct Ended {
    logs: Vec<f64>,
    /// Loss relative to that of the best constant.
    pub(super) value: f64,
    pub(super) diagnostics: MidasDiagnostics,
}

/// The best linear coefficients at given weights.
struct Linear {
    coefficients: Vec<f64>,
    /// Mean loss.
    loss: f64,
    weights: Vec<f64>,
    /// Weighted means of the lags.
    means: Vec<f64>,
}

impl<'a> Profile<'a> {
    pub(super) fn of(
        response: &[f64],
        lags: &MidasLags,
        tau: f64,
        settings: &'a MidasSettings,
    ) -> Result<Self> {
        let response_unit = size(response);
        let scaled: Vec<f64> = response.iter().map(|y| y / response_unit).collect();
        let fast: Vec<f64> = lags.rows().flatten().copied().collect();
        let fast_unit = size(&fast);
        let rows = lags.rows().map(|row| row.iter().map(|x| x / fast_unit).collect()).collect();
        let level = expectile(&scaled, tau)?;
        let level_loss = sum(scaled.iter().map(|y| super::care::asymmetric_square(tau, y - level)))
            / scaled.len() as f64;
        // What rounding leaves of a constant is nothing.
        if level_loss <= 1e-28 * level * level {
            return Err(undefined("midas_expectile", "the response is constant"));
        }
        let points = grid_points(lags.lags(), settings.grid);
        let log_points = [
            points.iter().map(|u| u.ln()).collect(),
            points.iter().map(|u| (-u).ln_1p()).collect(),
        ];
        let ones = vec![1.0; scaled.len()];
        let response = scaled;
        Ok(Self {
            response,
            rows,
            ones,
            tau,
            settings,
            response_unit,
            fast_unit,
            level_loss,
            log_points,
        })
    }

    /// How many weight parameters are estimated.
    pub(super) fn n_weight_parameters(&self) -> usize {
        match self.settings.shape {
            MidasShape::Decay => 1,
            MidasShape::Free => 2,
        }
    }

    pub(super) fn search(&self) -> Result<Ended> {
        let (low, high) = self.bounds();
        // An error that every point would have, such as fast observations that do not vary.
        self.linear(&vec![0.5 * (low + high); self.n_weight_parameters()])?;
        let grid = self.grid();
        let mut evaluations = grid.len() + 1;
        let mut tried: Vec<(f64, Vec<f64>)> =
            grid.into_iter().map(|point| (self.value(&point), point)).collect();
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        tried.truncate(STARTS);
        let mut ended: Vec<(f64, Vec<f64>)> = Vec::new();
        for (value, start) in tried {
            let scale: Vec<f64> = start.iter().map(|x| if *x > 1.0 { -0.2 } else { 0.2 }).collect();
            let inside = |point: &[f64]| self.value(&clamped(point, low, high));
            let simplex = nelder_mead(inside, &start, &scale, 1e-9, 120);
            let from = clamped(&simplex.point, low, high);
            let value_and_gradient = |point: &[f64], gradient: &mut [f64]| {
                if point.iter().any(|x| *x < low || *x > high) {
                    return f64::INFINITY;
                }
                self.value_and_gradient(point, gradient)
            };
            let polished = bfgs(value_and_gradient, &from, GRADIENT_TOLERANCE, 50);
            evaluations += simplex.evaluations + polished.evaluations;
            let mut best = (value, start);
            for (value, point) in [(simplex.value, from), (polished.value, polished.point)] {
                if value < best.0 {
                    best = (value, point);
                }
            }
            ended.push(best);
        }
        let starts = ended.len();
        let (value, logs) = (ended.iter().min_by(|a, b| a.0.total_cmp(&b.0)))
            .filter(|best| best.0.is_finite())
            .cloned()
            .ok_or(undefined("midas_expectile", "no weights have a finite loss"))?;
        let agreeing = ended.iter().filter(|end| end.0 <= value * (1.0 + 1e-6)).count();
        let mut gradient = vec![0.0; logs.len()];
        self.value_and_gradient(&logs, &mut gradient);
        // At a bound only a pull inwards counts.
        let free = |(x, g): (&f64, &f64)| {
            let outwards =
                (*x <= low + AT_BOUND && *g > 0.0) || (*x >= high - AT_BOUND && *g < 0.0);
            if outwards { 0.0 } else { g.abs() }
        };
        let gradient_norm = logs.iter().zip(&gradient).map(free).fold(0.0, f64::max);
        let at_boundary = logs.iter().any(|x| *x <= low + AT_BOUND || *x >= high - AT_BOUND);
        let diagnostics = MidasDiagnostics {
            converged: gradient_norm <= GRADIENT_MAX,
            gradient_norm,
            at_boundary,
            starts,
            starts_agreeing: agreeing,
            evaluations,
            n: self.response.len(),
            n_below: 0,
        };
        Ok(Ended { logs, value, diagnostics })
    }

    /// The model at the end of a search, in units of the data.
    pub(super) fn model(&self, ended: &Ended) -> Result<MidasExpectile> {
        let linear = self.linear(&ended.logs)?;
        let (theta_1, theta_2) = thetas(&ended.logs);
        let slope = linear.coefficients[1] * (self.response_unit / self.fast_unit);
        Ok(MidasExpectile {
            tau: self.tau,
            constant: linear.coefficients[0] * self.response_unit,
            slope: crate::check::defined("midas_expectile", slope)?,
            theta_1,
            theta_2,
            grid: self.settings.grid,
        })
    }

    pub(super) fn standard_errors(&self, ended: &Ended) -> Result<MidasStandardErrors> {
        if ended.diagnostics.at_boundary {
            let reason = "a weight parameter is at a bound, where estimates are not normal";
            return Err(undefined("standard_errors", reason));
        }
        let linear = self.linear(&ended.logs)?;
        let slope = linear.coefficients[1];
        let (theta_1, theta_2) = thetas(&ended.logs);
        let mut columns = vec![self.ones.clone(), linear.means.clone()];
        for (parameter, theta) in [theta_1, theta_2].into_iter().enumerate() {
            if self.is_estimated(parameter) {
                let by_log = self.derivative(&linear, parameter, theta);
                columns.push(by_log.iter().map(|d| slope * d / theta).collect());
            }
        }
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let design = Design::new(&columns, self.response.len()).map_err(|_| {
            undefined("standard_errors", "the loss does not depend on the weight parameters")
        })?;
        let residuals = self.residuals(&linear);
        let weights: Vec<f64> = residuals.iter().map(|u| self.weight(*u)).collect();
        let covariance = covariance(&design, &residuals, &weights, 1.0)?;
        let error = |j: usize, unit: f64| {
            crate::check::defined("standard_errors", covariance[j][j].max(0.0).sqrt() * unit)
        };
        let last = covariance.len() - 1;
        Ok(MidasStandardErrors {
            constant: error(0, self.response_unit)?,
            slope: error(1, self.response_unit / self.fast_unit)?,
            theta_1: if last == 3 { Some(error(2, 1.0)?) } else { None },
            theta_2: error(last, 1.0)?,
        })
    }

    fn is_estimated(&self, parameter: usize) -> bool {
        parameter == 1 || self.settings.shape == MidasShape::Free
    }

    fn bounds(&self) -> (f64, f64) {
        match self.settings.shape {
            MidasShape::Decay => (THETA_DECAY_MIN.ln(), THETA_MAX.ln()),
            MidasShape::Free => (THETA_FREE_MIN.ln(), THETA_MAX.ln()),
        }
    }

    fn grid(&self) -> Vec<Vec<f64>> {
        let (low, high) = self.bounds();
        let line = |points: usize| {
            (0..points).map(move |i| low + (high - low) * i as f64 / (points - 1) as f64)
        };
        match self.settings.shape {
            MidasShape::Decay => line(POINTS_OF_ONE).map(|x| vec![x]).collect(),
            MidasShape::Free => line(POINTS_OF_TWO)
                .flat_map(|x| line(POINTS_OF_TWO).map(move |y| vec![x, y]))
                .collect(),
        }
    }

    fn linear(&self, logs: &[f64]) -> Result<Linear> {
        let (theta_1, theta_2) = thetas(logs);
        let lags = self.log_points[0].len();
        let weights = midas_beta_weights(theta_1, theta_2, lags, self.settings.grid)?;
        let mean = |row: &Vec<f64>| sum(row.iter().zip(&weights).map(|(x, w)| x * w));
        let means: Vec<f64> = self.rows.iter().map(mean).collect();
        let problem = Problem::of(&self.response, &[&self.ones, &means], self.tau)?;
        let solved = problem.solve(None)?;
        let loss = problem.objective(&solved);
        Ok(Linear { coefficients: solved.coefficients, loss, weights, means })
    }

    fn value(&self, logs: &[f64]) -> f64 {
        self.linear(logs).map_or(f64::INFINITY, |linear| linear.loss / self.level_loss)
    }

    /// By the envelope theorem the linear coefficients may be held while the gradient is taken.
    fn value_and_gradient(&self, logs: &[f64], gradient: &mut [f64]) -> f64 {
        let Ok(linear) = self.linear(logs) else { return f64::INFINITY };
        let slope = linear.coefficients[1];
        let residuals = self.residuals(&linear);
        let (theta_1, theta_2) = thetas(logs);
        let mut written = 0;
        for (parameter, theta) in [theta_1, theta_2].into_iter().enumerate() {
            if self.is_estimated(parameter) {
                let derivative = self.derivative(&linear, parameter, theta);
                let pulls = residuals.iter().zip(&derivative);
                let total = sum(pulls.map(|(u, d)| -2.0 * self.weight(*u) * u * slope * d));
                gradient[written] = total / (residuals.len() as f64 * self.level_loss);
                written += 1;
            }
        }
        linear.loss / self.level_loss
    }

    /// Derivative of the weighted means by the logarithm of a weight parameter.
    fn derivative(&self, linear: &Linear, parameter: usize, theta: f64) -> Vec<f64> {
        let logs = &self.log_points[parameter];
        let centre = sum(logs.iter().zip(&linear.weights).map(|(log, w)| log * w));
        let by_weight: Vec<f64> =
            (logs.iter().zip(&linear.weights)).map(|(log, w)| theta * w * (log - centre)).collect();
        (self.rows.iter()).map(|row| sum(row.iter().zip(&by_weight).map(|(x, d)| x * d))).collect()
    }

    fn residuals(&self, linear: &Linear) -> Vec<f64> {
        let (constant, slope) = (linear.coefficients[0], linear.coefficients[1]);
        let pairs = self.response.iter().zip(&linear.means);
        pairs.map(|(y, mean)| y - (constant + slope * mean)).collect()
    }

    fn weight(&self, residual: f64) -> f64 {
        if residual < 0.0 { 1.0 - self.tau } else { self.tau }
    }
}

/// The weight parameters of their logarithms; one alone is the second, the first being 1.
fn thetas(logs: &[f64]) -> (f64, f64) {
    match logs {
        [first, second] => (first.exp(), second.exp()),
        _ => (1.0, logs[0].exp()),
    }
}

fn clamped(point: &[f64], low: f64, high: f64) -> Vec<f64> {
    point.iter().map(|x| x.clamp(low, high)).collect()
}
