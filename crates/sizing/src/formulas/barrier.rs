//! A small interior-point method on the simplex: minimises a smooth convex function of weights
//! that are at least 0 and sum to 1, under at most one smooth convex constraint.
//!
//! Barrier method with Newton steps (Boyd & Vandenberghe 2004, chapter 11). The problems have
//! tens of variables, so dense linear algebra is enough.

use super::SizingError;

/// A function of the weights with its first two derivatives.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    pub(super) hessian: Vec<Vec<f64>>,
    /// A term `weight * direction direction'` of the second derivative that is kept apart: near
    /// the constraint it is so large that adding it would drown the rest.
    stiff: Option<(Vec<f64>, f64)>,
}

impl Evaluation {
    pub(super) fn zero(n: usize) -> Self {
        Self { value: 0.0, gradient: vec![0.0; n], hessian: vec![vec![0.0; n]; n], stiff: None }
    }

    pub(super) fn add_gradient(&mut self, direction: &[f64], weight: f64) {
        for (sum, value) in self.gradient.iter_mut().zip(direction) {
            *sum += weight * value;
        }
    }

    pub(super) fn add_outer(&mut self, direction: &[f64], weight: f64) {
        for (row, left) in self.hessian.iter_mut().zip(direction) {
            for (sum, right) in row.iter_mut().zip(direction) {
                *sum += weight * left * right;
            }
        }
    }

    /// Multiplies value and derivatives by `factor`.
    pub(super) fn multiply(&mut self, factor: f64) {
        self.value *= factor;
        for value in self.gradient.iter_mut().chain(self.hessian.iter_mut().flatten()) {
            *value *= factor;
        }
    }

    fn add(&mut self, other: &Evaluation, weight: f64) {
        self.value += weight * other.value;
        self.add_gradient(&other.gradient, weight);
        for (row, added) in self.hessian.iter_mut().zip(&other.hessian) {
            for (sum, value) in row.iter_mut().zip(added) {
                *sum += weight * value;
            }
        }
    }
}

/// What [`minimise`] solves.
pub(super) trait Program {
    /// The objective; `None` outside its domain.
    fn objective(&self, weights: &[f64]) -> Option<Evaluation>;
    /// The constraint, which must be at most 0; `None` where there is none and outside the domain
    /// of the objective.
    fn constraint(&self, weights: &[f64]) -> Option<Evaluation>;
}

/// The duality gap at which the search stops.
const GAP: f64 = 1e-10;
const NEWTON_STEPS: usize = 200;

/// The minimising weights. `fallback` is a feasible point, returned where no weights satisfy the
/// constraint strictly.
pub(super) fn minimise(
    program: &impl Program,
    fallback: Vec<f64>,
) -> Result<Vec<f64>, SizingError> {
    let n = fallback.len();
    if n == 1 {
        return Ok(fallback);
    }
    let mut weights = inside(program, &fallback)?;
    if program.constraint(&weights).is_some() {
        match strictly_feasible(program, weights)? {
            Some(start) => weights = start,
            None => return Ok(fallback),
        }
    }
    let mut sharpness = 1.0;
    while (n + 1) as f64 / sharpness > GAP {
        weights = centre(weights, |b| {
            let mut sum = program.objective(b)?;
            sum.multiply(sharpness);
            if let Some(constraint) = program.constraint(b) {
                add_log_barrier(&mut sum, &constraint)?;
            }
            add_positivity(&mut sum, b)?;
            Some(sum)
        })?;
        sharpness *= 8.0;
    }
    let total: f64 = weights.iter().sum();
    Ok(weights.into_iter().map(|weight| weight / total).collect())
}

/// Weights above 0 at which the objective is defined: equal ones, or as far from the fallback
/// towards them as wealth stays above 0.
fn inside(program: &impl Program, fallback: &[f64]) -> Result<Vec<f64>, SizingError> {
    const HALVINGS: usize = 60;
    let equal = 1.0 / fallback.len() as f64;
    let mut weights = vec![equal; fallback.len()];
    for _ in 0..HALVINGS {
        if program.objective(&weights).is_some() {
            return Ok(weights);
        }
        for (weight, cash) in weights.iter_mut().zip(fallback) {
            *weight = (*weight + cash) / 2.0;
        }
    }
    Err(SizingError::NotConverged { name: "risk_constrained", iterations: HALVINGS })
}

/// Weights at which the constraint is clearly below 0, or `None` where its minimum is not.
fn strictly_feasible(
    program: &impl Program,
    start: Vec<f64>,
) -> Result<Option<Vec<f64>>, SizingError> {
    let n = start.len() as f64;
    let mut weights = start;
    let mut sharpness = 1.0;
    while n / sharpness > GAP {
        if program.constraint(&weights).is_none_or(|constraint| constraint.value < -1e-9) {
            return Ok(Some(weights));
        }
        weights = centre(weights, |b| {
            let mut sum = program.constraint(b)?;
            sum.multiply(sharpness);
            add_positivity(&mut sum, b)?;
            Some(sum)
        })?;
        sharpness *= 8.0;
    }
    Ok(None)
}

/// Newton's method from `weights` along the plane on which their sum stays 1.
fn centre(
    mut weights: Vec<f64>,
    function: impl Fn(&[f64]) -> Option<Evaluation>,
) -> Result<Vec<f64>, SizingError> {
    let failed = SizingError::NotConverged { name: "risk_constrained", iterations: NEWTON_STEPS };
    for _ in 0..NEWTON_STEPS {
        let here = function(&weights).ok_or_else(|| failed.clone())?;
        let (step, decrement) = newton_step(&here, &weights).ok_or_else(|| failed.clone())?;
        // Far inside the duality gap, which is what counts; or rounding hides the rest.
        if decrement <= 1e-2 + 64.0 * f64::EPSILON * here.value.abs() {
            return Ok(weights);
        }
        let mut length = 1.0;
        loop {
            let trial: Vec<f64> =
                weights.iter().zip(&step).map(|(weight, move_)| weight + length * move_).collect();
            let value = function(&trial).map(|trial| trial.value);
            if value.is_some_and(|value| value <= here.value - 0.1 * length * decrement) {
                weights = trial;
                break;
            }
            length /= 2.0;
            if length < 1e-14 {
                return Ok(weights);
            }
        }
    }
    Err(failed)
}

/// The Newton step that keeps the sum, and the squared decrement. Solved in the variables
/// `step / weight`, in which the barrier makes the Hessian well conditioned.
fn newton_step(here: &Evaluation, weights: &[f64]) -> Option<(Vec<f64>, f64)> {
    let n = weights.len();
    let mut matrix = here.hessian.clone();
    for i in 0..n {
        for j in 0..n {
            matrix[i][j] *= weights[i] * weights[j];
        }
    }
    // A gradient common to all weights does not count while their sum stays, so that of the largest
    // is taken off: at a corner it would leave nothing of the others but rounding.
    let largest = (0..n).max_by(|i, j| weights[*i].total_cmp(&weights[*j]))?;
    let common = here.gradient[largest];
    let gradient: Vec<f64> =
        here.gradient.iter().zip(weights).map(|(g, w)| (g - common) * w).collect();
    let factor = cholesky(matrix)?;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    // The stiff term enters by the formula of Sherman and Morrison.
    let stiff = here.stiff.as_ref().map(|(direction, weight)| {
        let direction: Vec<f64> = direction.iter().zip(weights).map(|(d, w)| d * w).collect();
        let solved = solve(&factor, &direction);
        let share = 1.0 / (1.0 / weight + dot(&direction, &solved));
        (direction, solved, share)
    });
    let solve_whole = |right: &[f64]| {
        let mut x = solve(&factor, right);
        if let Some((direction, solved, share)) = &stiff {
            let along = share * dot(direction, &x);
            for (value, part) in x.iter_mut().zip(solved) {
                *value -= along * part;
            }
        }
        x
    };
    let by_gradient = solve_whole(&gradient);
    let by_weights = solve_whole(weights);
    let multiplier = dot(weights, &by_gradient) / dot(weights, &by_weights);
    let scaled: Vec<f64> =
        by_gradient.iter().zip(&by_weights).map(|(g, w)| multiplier * w - g).collect();
    let decrement = -dot(&gradient, &scaled);
    let mut step: Vec<f64> = scaled.iter().zip(weights).map(|(s, w)| s * w).collect();
    step[largest] -= step.iter().sum::<f64>();
    decrement.is_finite().then_some((step, decrement))
}

/// `-sum ln(b)`.
fn add_positivity(sum: &mut Evaluation, weights: &[f64]) -> Option<()> {
    if weights.iter().any(|weight| *weight <= 0.0 || weight.is_nan()) {
        return None;
    }
    for (i, weight) in weights.iter().enumerate() {
        sum.value -= weight.ln();
        sum.gradient[i] -= 1.0 / weight;
        sum.hessian[i][i] += 1.0 / (weight * weight);
    }
    Some(())
}

/// `-ln(-constraint)`.
fn add_log_barrier(sum: &mut Evaluation, constraint: &Evaluation) -> Option<()> {
    let slack = -constraint.value;
    if slack <= 0.0 || slack.is_nan() {
        return None;
    }
    let mut barrier = constraint.clone();
    barrier.value = 0.0;
    sum.value -= slack.ln();
    sum.add(&barrier, 1.0 / slack);
    sum.stiff = Some((constraint.gradient.clone(), 1.0 / (slack * slack)));
    Some(())
}

/// Lower triangular factor of a positive definite matrix.
fn cholesky(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    for j in 0..n {
        for k in 0..j {
            let pivot = matrix[j][k];
            for row in matrix.iter_mut().skip(j) {
                row[j] -= row[k] * pivot;
            }
        }
        let diagonal = matrix[j][j];
        if diagonal <= 0.0 || !diagonal.is_finite() {
            return None;
        }
        let root = diagonal.sqrt();
        for row in matrix.iter_mut().skip(j) {
            row[j] /= root;
        }
    }
    Some(matrix)
}

fn solve(factor: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let n = right.len();
    let mut x = right.to_vec();
    for i in 0..n {
        for k in 0..i {
            x[i] -= factor[i][k] * x[k];
        }
        x[i] /= factor[i][i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            x[i] -= factor[k][i] * x[k];
        }
        x[i] /= factor[i][i];
    }
    x
}
