//! The search for the coefficients of a recursion of expectiles.
//!
//! Coefficients near a unit root pull on each other: a little more memory is undone by a smaller
//! constant. So the search moves in the long-run level `b0 / (1 - b1)`, the long-run slopes
//! `b_j / (1 - b1)` and `atanh b1`, which also keeps `b1` inside (-1, 1).
//!
//! At a given `b1` the expectile is linear in the other coefficients, so the best of them are an
//! expectile regression without local minima. Besides the random candidates the search starts from
//! the best of these over a grid of `b1`: random points seldom hit a narrow valley.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::expectile::care_fit::CareSettings;
use crate::expectile::regression::ExpectileRegression;
use crate::numeric::search::{Minimum, bfgs, nelder_mead};

/// Values of `b1` that the other coefficients are solved for, and the best of them that are improved.
const LAGS: [f64; 14] =
    [-0.97, -0.9, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.7, 0.82, 0.9, 0.945, 0.97, 0.99];
const LAGS_IMPROVED: usize = 3;
/// Accuracy and length of the two searches.
const SIMPLEX_TOLERANCE: f64 = 1e-6;
const SIMPLEX_STEPS_MAX: usize = 300;
const GRADIENT_TOLERANCE: f64 = 1e-8;
const BFGS_STEPS_MAX: usize = 200;

/// `e_t = b0 + b1 e_(t-1) + sum of b_j x_(j, t-1)` of `S` regressors over a series of unit size.
pub(crate) struct Recursion<'a, const S: usize> {
    pub(crate) values: &'a [f64],
    pub(crate) regressors: Vec<[f64; S]>,
    pub(crate) tau: f64,
    pub(crate) start: f64,
    /// The best constant expectile and its loss.
    pub(crate) level: f64,
    pub(crate) level_loss: f64,
}

/// Where one start ended.
pub(crate) struct Ended {
    /// `b0, b1, b2 ..`.
    pub(crate) coefficients: Vec<f64>,
    /// Loss relative to that of the constant.
    pub(crate) value: f64,
    pub(crate) gradient_norm: f64,
    evaluations: usize,
}

impl<const S: usize> Recursion<'_, S> {
    /// The best `polished` of `candidates` random points and the best over the grid, improved.
    pub(crate) fn search(
        &self,
        rng: &mut ChaCha8Rng,
        candidates: usize,
        polished: usize,
    ) -> Vec<Ended> {
        let mut tried = self.candidates(rng, candidates.max(1));
        // Stable, so that ties keep the order of their draws.
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        tried.truncate(polished.max(1));
        let mut solved: Vec<(f64, Vec<f64>)> = LAGS
            .iter()
            .filter_map(|lag| self.solve_at(*lag))
            .map(|point| (self.loss(&point), point))
            .collect();
        solved.sort_by(|a, b| a.0.total_cmp(&b.0));
        solved.truncate(LAGS_IMPROVED);
        let random = tried.iter().map(|(_, point)| self.improve(point));
        random.chain(solved.iter().map(|(_, point)| self.descend(point))).collect()
    }

    /// The best point with this `b1`; `None` where it makes the regressors dependent.
    fn solve_at(&self, lag: f64) -> Option<Vec<f64>> {
        let n = self.values.len();
        let mut response = Vec::with_capacity(n);
        let mut columns = vec![Vec::with_capacity(n); S + 1];
        let (mut from_start, mut by_constant, mut by_slope) = (self.start, 0.0, [0.0; S]);
        for (x, row) in self.values.iter().zip(&self.regressors) {
            response.push(x - from_start);
            columns[0].push(by_constant);
            from_start *= lag;
            by_constant = 1.0 + lag * by_constant;
            for j in 0..S {
                columns[j + 1].push(by_slope[j]);
                by_slope[j] = row[j] + lag * by_slope[j];
            }
        }
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let fit = ExpectileRegression::fit(&response, &columns, self.tau).ok()?;
        let mut b = fit.coefficients;
        b.insert(1, lag);
        Some(long_run(&b))
    }

    /// From earlier coefficients, and from the best of a few random points.
    pub(crate) fn search_from(
        &self,
        earlier: &[f64],
        rng: &mut ChaCha8Rng,
        candidates: usize,
    ) -> Vec<Ended> {
        let mut ended = vec![self.descend(&long_run(earlier))];
        let tried = self.candidates(rng, candidates);
        if let Some((_, point)) = tried.iter().min_by(|a, b| a.0.total_cmp(&b.0)) {
            ended.push(self.descend(point));
        }
        ended
    }

    pub(crate) fn evaluations(
        &self,
        ended: &[Ended],
        settings: &CareSettings,
        from_earlier: bool,
    ) -> usize {
        let tried = if from_earlier {
            settings.candidates_beside_start
        } else {
            settings.candidates.max(1)
        };
        tried + ended.iter().map(|end| end.evaluations).sum::<usize>()
    }

    /// Random points about the constant expectile, with their losses: a memory of one to some five
    /// hundred periods, and a share of the level that is due to the size of returns.
    fn candidates(&self, rng: &mut ChaCha8Rng, count: usize) -> Vec<(f64, Vec<f64>)> {
        let n = self.values.len() as f64;
        let mean_size = self.values.iter().map(|x| x.abs()).sum::<f64>() / n;
        let mut uniform = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
        let mut draw = || {
            let lag = 1.0 - 10_f64.powf(uniform(-2.7, 0.29));
            let share = uniform(-0.25, 1.25);
            let level = self.level * uniform(0.5, 1.5);
            let mut point = vec![(1.0 - share) * level + uniform(-0.25, 0.25), lag.atanh()];
            let slope = share * level / mean_size;
            // Of two slopes, one takes what the other leaves.
            let part = uniform(-0.25, 1.25);
            for j in 0..S {
                let weight = match (S, j) {
                    (1, _) => 1.0,
                    (_, 0) => 2.0 * part,
                    _ => 2.0 * (1.0 - part),
                };
                point.push(slope * weight + uniform(-0.15, 0.15));
            }
            point
        };
        let points: Vec<Vec<f64>> = (0..count).map(|_| draw()).collect();
        points.into_iter().map(|point| (self.loss(&point), point)).collect()
    }

    fn improve(&self, point: &[f64]) -> Ended {
        let mut scale = vec![0.1; S + 2];
        scale[0] = 0.1 * self.level.abs().max(0.5);
        let (tolerance, steps) = (SIMPLEX_TOLERANCE, SIMPLEX_STEPS_MAX);
        let found = nelder_mead(|point| self.loss(point), point, &scale, tolerance, steps);
        let mut ended = self.descend(&found.point);
        ended.evaluations += found.evaluations;
        ended
    }

    fn descend(&self, point: &[f64]) -> Ended {
        let value_and_gradient =
            |point: &[f64], gradient: &mut [f64]| self.loss_and_gradient(point, gradient);
        let found: Minimum = bfgs(value_and_gradient, point, GRADIENT_TOLERANCE, BFGS_STEPS_MAX);
        Ended {
            coefficients: coefficients(&found.point),
            value: found.value,
            gradient_norm: found.gradient_norm.unwrap_or(f64::MAX),
            evaluations: found.evaluations,
        }
    }

    /// Mean loss relative to that of the constant.
    fn loss(&self, point: &[f64]) -> f64 {
        let b = coefficients(point);
        if b[1].abs() >= 1.0 {
            return f64::INFINITY;
        }
        let slopes: [f64; S] = std::array::from_fn(|j| b[j + 2]);
        let mut e = self.start;
        let mut total = 0.0;
        for (x, row) in self.values.iter().zip(&self.regressors) {
            let u = x - e;
            let weight = if u < 0.0 { 1.0 - self.tau } else { self.tau };
            total += weight * u * u;
            let mut known = b[0];
            for (slope, regressor) in slopes.iter().zip(row) {
                known += slope * regressor;
            }
            e = known + b[1] * e;
        }
        total / (self.values.len() as f64 * self.level_loss)
    }

    fn loss_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let b = coefficients(point);
        let lag = b[1];
        if lag.abs() >= 1.0 {
            return f64::INFINITY;
        }
        let slopes: [f64; S] = std::array::from_fn(|j| b[j + 2]);
        let mut e = self.start;
        let mut total = 0.0;
        // Derivatives of e by b0, b1 and the slopes, and of half the loss.
        let (mut by_constant, mut by_lag, mut by_slope) = (0.0, 0.0, [0.0; S]);
        let (mut to_constant, mut to_lag, mut to_slope) = (0.0, 0.0, [0.0; S]);
        for (x, row) in self.values.iter().zip(&self.regressors) {
            let u = x - e;
            let weight = if u < 0.0 { 1.0 - self.tau } else { self.tau };
            let pull = weight * u;
            total += pull * u;
            to_constant -= pull * by_constant;
            to_lag -= pull * by_lag;
            by_constant = 1.0 + lag * by_constant;
            by_lag = e + lag * by_lag;
            let mut known = b[0];
            for j in 0..S {
                to_slope[j] -= pull * by_slope[j];
                by_slope[j] = row[j] + lag * by_slope[j];
                known += slopes[j] * row[j];
            }
            e = known + lag * e;
        }
        let unit = self.values.len() as f64 * self.level_loss;
        // From b to the long-run form that the search moves in.
        let rest = 1.0 - lag;
        gradient[0] = 2.0 * rest * to_constant / unit;
        let mut through_lag = to_lag - point[0] * to_constant;
        for j in 0..S {
            gradient[j + 2] = 2.0 * rest * to_slope[j] / unit;
            through_lag -= point[j + 2] * to_slope[j];
        }
        gradient[1] = 2.0 * (1.0 - lag * lag) * through_lag / unit;
        total / unit
    }
}

/// Long-run level, `atanh b1` and long-run slopes to `b0, b1, b2 ..`.
fn coefficients(point: &[f64]) -> Vec<f64> {
    let lag = point[1].tanh();
    let mut b: Vec<f64> = point.iter().map(|value| (1.0 - lag) * value).collect();
    b[1] = lag;
    b
}

/// The inverse of [`coefficients`].
fn long_run(b: &[f64]) -> Vec<f64> {
    let lag = b[1];
    let mut point: Vec<f64> = b.iter().map(|value| value / (1.0 - lag)).collect();
    point[1] = lag.atanh();
    point
}
