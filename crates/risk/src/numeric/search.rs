//! Minima of smooth functions of a few variables: BFGS where a gradient is at hand, Nelder-Mead
//! where it is not.
//!
//! Both take `f = +inf` (or NaN) for "outside the domain" and walk around it, use no randomness
//! and allocate nothing within a step. They are our own because the likelihoods here give value
//! and gradient in one pass over the data: argmin asks for the two through separate traits, so
//! every pass is made twice, and its More-Thuente search ends with an error at the first value
//! that is not finite, where these only shorten the step.

/// Where a search ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Minimum {
    /// The best point seen.
    pub(crate) point: Vec<f64>,
    /// The value there; infinite only where the start lies outside the domain.
    pub(crate) value: f64,
    /// Largest component of the gradient at the point, in size; `None` for a search without one.
    pub(crate) gradient_norm: Option<f64>,
    /// Evaluations of the function.
    pub(crate) evaluations: usize,
    /// Whether the tolerance was reached.
    pub(crate) converged: bool,
    /// Whether no step down the gradient lowers the value: the end of a search without converging.
    pub(crate) stalled: bool,
}

/// Descent required of a step, as a share of what the slope promises.
const ARMIJO: f64 = 1e-4;
/// Share of the slope that a step may leave.
const CURVATURE: f64 = 0.9;
/// Trials of one line search.
const TRIALS_MAX: usize = 40;

/// Minimises by BFGS with a line search for the weak Wolfe conditions.
///
/// `f` returns the value and writes the gradient; it may return infinity outside its domain, where
/// the gradient is not read. Converged where the largest component of the gradient is at most
/// `tolerance`; scale the function so that this means something.
pub(crate) fn bfgs(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    tolerance: f64,
    steps_max: usize,
) -> Minimum {
    let n = start.len();
    let mut point = start.to_vec();
    let mut gradient = vec![0.0; n];
    let mut value = f(&point, &mut gradient);
    let mut evaluations = 1;
    if !usable(value, &gradient) {
        let value = f64::INFINITY;
        return Minimum {
            point,
            value,
            gradient_norm: None,
            evaluations,
            converged: false,
            stalled: false,
        };
    }
    let mut stalled = false;
    let mut inverse = InverseHessian::identity(n);
    let mut direction = vec![0.0; n];
    let mut trial = Trial { point: point.clone(), gradient: gradient.clone(), value };
    for _ in 0..steps_max {
        if largest(&gradient) <= tolerance {
            break;
        }
        inverse.descend(&gradient, &mut direction);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 || !slope.is_finite() {
            inverse.reset();
            inverse.descend(&gradient, &mut direction);
            slope = dot(&direction, &gradient);
        }
        // Without curvature yet, a step of length one at most.
        let first = if inverse.fresh { (1.0 / norm(&gradient)).min(1.0) } else { 1.0 };
        let line = Line { from: &point, direction: &direction, value, slope };
        let found = line.search(&mut f, first, &mut trial, &mut evaluations);
        if !found {
            if inverse.fresh {
                stalled = true;
                break;
            }
            inverse.reset();
            continue;
        }
        inverse.update(&point, &gradient, &trial);
        std::mem::swap(&mut point, &mut trial.point);
        std::mem::swap(&mut gradient, &mut trial.gradient);
        value = trial.value;
    }
    let gradient_norm = largest(&gradient);
    let converged = gradient_norm <= tolerance;
    Minimum { point, value, gradient_norm: Some(gradient_norm), evaluations, converged, stalled }
}

/// A point that the line search tries.
struct Trial {
    point: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

/// The half-line from a point along a direction of descent.
struct Line<'a> {
    from: &'a [f64],
    direction: &'a [f64],
    value: f64,
    slope: f64,
}

impl Line<'_> {
    /// Leaves a point with sufficient descent in `trial`; false where none was found.
    ///
    /// Bisection with interpolation after Lewis & Overton (2013): it needs no bound on the step
    /// and no smoothness to end.
    fn search(
        &self,
        f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
        first: f64,
        trial: &mut Trial,
        evaluations: &mut usize,
    ) -> bool {
        let (mut low, mut low_value, mut low_slope) = (0.0, self.value, self.slope);
        let mut high = f64::INFINITY;
        let mut step = first;
        let mut descended = false;
        for _ in 0..TRIALS_MAX {
            for ((to, from), along) in trial.point.iter_mut().zip(self.from).zip(self.direction) {
                *to = from + step * along;
            }
            trial.value = f(&trial.point, &mut trial.gradient);
            *evaluations += 1;
            let inside = usable(trial.value, &trial.gradient);
            let width = step - low;
            if !inside || trial.value > self.value + ARMIJO * step * self.slope {
                high = step;
                // The parabola through the lower end, its slope and this value.
                let drop = 2.0 * (trial.value - low_value - low_slope * width);
                let best = if inside { -low_slope * width / drop } else { 0.1 };
                let share = if best.is_finite() { best.clamp(0.1, 0.5) } else { 0.5 };
                step = low + share * width;
                descended = false;
            } else {
                let slope = dot(&trial.gradient, self.direction);
                descended = true;
                if slope >= CURVATURE * self.slope {
                    return true;
                }
                (low, low_value, low_slope) = (step, trial.value, slope);
                step = if high.is_finite() { 0.5 * (low + high) } else { 3.0 * step };
            }
            if (high - low) <= 1e-14 * high || step <= low {
                break;
            }
        }
        if !descended && low > 0.0 {
            // The last point that did descend.
            for ((to, from), along) in trial.point.iter_mut().zip(self.from).zip(self.direction) {
                *to = from + low * along;
            }
            trial.value = f(&trial.point, &mut trial.gradient);
            *evaluations += 1;
            descended = usable(trial.value, &trial.gradient);
        }
        descended && trial.value < self.value
    }
}

/// The approximation of the inverse Hessian.
struct InverseHessian {
    n: usize,
    rows: Vec<f64>,
    /// Nothing learned since the last reset.
    fresh: bool,
    change: Vec<f64>,
    gradient_change: Vec<f64>,
    product: Vec<f64>,
}

impl InverseHessian {
    fn identity(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        let mut made = Self {
            n,
            rows: vec![0.0; n * n],
            fresh: true,
            change: zeros(),
            gradient_change: zeros(),
            product: zeros(),
        };
        made.reset();
        made
    }

    fn reset(&mut self) {
        for (index, entry) in self.rows.iter_mut().enumerate() {
            *entry = if index % (self.n + 1) == 0 { 1.0 } else { 0.0 };
        }
        self.fresh = true;
    }

    /// `direction = -H gradient`.
    fn descend(&self, gradient: &[f64], direction: &mut [f64]) {
        for (along, row) in direction.iter_mut().zip(self.rows.chunks_exact(self.n)) {
            *along = -dot(row, gradient);
        }
    }

    fn update(&mut self, point: &[f64], gradient: &[f64], to: &Trial) {
        for index in 0..self.n {
            self.change[index] = to.point[index] - point[index];
            self.gradient_change[index] = to.gradient[index] - gradient[index];
        }
        let curvature = dot(&self.change, &self.gradient_change);
        let square = dot(&self.gradient_change, &self.gradient_change);
        if curvature <= 1e-14 * norm(&self.change) * square.sqrt() || !curvature.is_finite() {
            return;
        }
        if self.fresh {
            // The size of the identity that fits the first step (Nocedal & Wright, 6.20).
            for entry in &mut self.rows {
                *entry *= curvature / square;
            }
            self.fresh = false;
        }
        for (entry, row) in self.product.iter_mut().zip(self.rows.chunks_exact(self.n)) {
            *entry = dot(row, &self.gradient_change);
        }
        let along = (1.0 + dot(&self.gradient_change, &self.product) / curvature) / curvature;
        for i in 0..self.n {
            for j in 0..self.n {
                self.rows[i * self.n + j] += along * self.change[i] * self.change[j]
                    - (self.product[i] * self.change[j] + self.change[i] * self.product[j])
                        / curvature;
            }
        }
    }
}

/// Minimises without a gradient by the Nelder-Mead simplex, its coefficients by dimension after
/// Gao & Han (2012).
///
/// `scale` is the first step in each coordinate, none of them zero. Converged where values and
/// points of the simplex agree to `tolerance`: the values relative to the best, the points relative
/// to `scale`.
pub(crate) fn nelder_mead(
    mut f: impl FnMut(&[f64]) -> f64,
    start: &[f64],
    scale: &[f64],
    tolerance: f64,
    steps_max: usize,
) -> Minimum {
    let n = start.len();
    let dimension = n.max(2) as f64;
    let expand = 1.0 + 2.0 / dimension;
    let contract = 0.75 - 0.5 / dimension;
    let shrink = 1.0 - 1.0 / dimension;
    let mut evaluations = 0;
    let mut value_at = |point: &[f64]| {
        evaluations += 1;
        let value = f(point);
        if value.is_nan() { f64::INFINITY } else { value }
    };
    let mut simplex: Vec<(f64, Vec<f64>)> = Vec::with_capacity(n + 1);
    simplex.push((value_at(start), start.to_vec()));
    for coordinate in 0..n {
        let mut corner = start.to_vec();
        corner[coordinate] += scale[coordinate];
        simplex.push((value_at(&corner), corner));
    }
    let mut centre = vec![0.0; n];
    let mut candidates = [vec![0.0; n], vec![0.0; n]];
    let mut converged = false;
    for _ in 0..steps_max {
        // Stable, so that ties keep their order.
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, worst) = (simplex[0].0, simplex[n].0);
        if worst - best <= tolerance * (best.abs() + tolerance) && small(&simplex, scale, tolerance)
        {
            converged = true;
            break;
        }
        for (coordinate, middle) in centre.iter_mut().enumerate() {
            *middle = simplex[..n].iter().map(|(_, p)| p[coordinate]).sum::<f64>() / n as f64;
        }
        let [reflected, other] = &mut candidates;
        let reflected_value = value_at(toward(&centre, &simplex[n].1, -1.0, reflected));
        if reflected_value < best {
            let value = value_at(toward(&centre, &simplex[n].1, -expand, other));
            if value < reflected_value {
                replace(&mut simplex[n], value, other);
            } else {
                replace(&mut simplex[n], reflected_value, reflected);
            }
        } else if reflected_value < simplex[n - 1].0 {
            replace(&mut simplex[n], reflected_value, reflected);
        } else {
            let side = if reflected_value < worst { -contract } else { contract };
            let value = value_at(toward(&centre, &simplex[n].1, side, other));
            if value < worst.min(reflected_value) {
                replace(&mut simplex[n], value, other);
            } else {
                let (kept, rest) = simplex.split_at_mut(1);
                for (value, corner) in rest {
                    for (coordinate, best) in corner.iter_mut().zip(&kept[0].1) {
                        *coordinate = best + shrink * (*coordinate - best);
                    }
                    *value = value_at(corner);
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (value, point) = simplex.swap_remove(0);
    let converged = converged && value.is_finite();
    Minimum { point, value, gradient_norm: None, evaluations, converged, stalled: false }
}

/// Whether every corner lies within `tolerance` steps of the best.
fn small(simplex: &[(f64, Vec<f64>)], scale: &[f64], tolerance: f64) -> bool {
    let best = &simplex[0].1;
    simplex[1..].iter().all(|(_, corner)| {
        corner
            .iter()
            .zip(best)
            .zip(scale)
            .all(|((a, b), step)| (a - b).abs() <= tolerance.sqrt() * step.abs())
    })
}

/// `centre + share (corner - centre)`, written to `into`.
fn toward<'a>(centre: &[f64], corner: &[f64], share: f64, into: &'a mut [f64]) -> &'a [f64] {
    for ((to, middle), end) in into.iter_mut().zip(centre).zip(corner) {
        *to = middle + share * (end - middle);
    }
    into
}

fn replace(corner: &mut (f64, Vec<f64>), value: f64, point: &[f64]) {
    corner.0 = value;
    corner.1.copy_from_slice(point);
}

fn usable(value: f64, gradient: &[f64]) -> bool {
    value.is_finite() && gradient.iter().all(|component| component.is_finite())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |so_far, value| f64::max(so_far, value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient[0] = -2.0 * a - 400.0 * x[0] * b;
        gradient[1] = 200.0 * b;
        a * a + 100.0 * b * b
    }

    #[test]
    fn both_find_the_end_of_the_curved_valley() {
        let found = bfgs(rosenbrock, &[-1.2, 1.0], 1e-9, 200);
        assert!(found.converged && found.evaluations < 100, "{found:?}");
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-8), "{found:?}");
        let value = |x: &[f64]| rosenbrock(x, &mut [0.0; 2]);
        let found = nelder_mead(value, &[-1.2, 1.0], &[0.5, 0.5], 1e-12, 1000);
        assert!(found.converged, "{found:?}");
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-5), "{found:?}");
    }

    /// -ln x + x has its minimum at 1 and no value for x <= 0, next to which the search starts.
    #[test]
    fn the_edge_of_the_domain_stops_neither() {
        let value = |x: f64| if x > 0.0 { x - x.ln() } else { f64::INFINITY };
        let found = bfgs(
            |x, gradient| {
                gradient[0] = 1.0 - 1.0 / x[0];
                value(x[0])
            },
            &[1e-3],
            1e-10,
            200,
        );
        assert!(found.converged && (found.point[0] - 1.0).abs() < 1e-9, "{found:?}");
        let found = nelder_mead(|x| value(x[0]), &[1e-3], &[-1.0], 1e-12, 500);
        assert!(found.converged && (found.point[0] - 1.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn a_start_outside_the_domain_is_reported() {
        let found = bfgs(|_, _| f64::NAN, &[0.0, 1.0], 1e-8, 50);
        assert!(!found.converged && found.value.is_infinite() && found.gradient_norm.is_none());
        let found = nelder_mead(|_| f64::NAN, &[0.0], &[1.0], 1e-8, 50);
        assert!(!found.converged && found.value.is_infinite());
    }

    /// A bowl with curvatures 1 to 1e6 in five dimensions.
    #[test]
    fn badly_scaled_bowls_are_solved() {
        let found = bfgs(
            |x, gradient| {
                let mut total = 0.0;
                for (k, value) in x.iter().enumerate() {
                    let weight = 10_f64.powf(1.5 * k as f64);
                    gradient[k] = weight * (value - k as f64);
                    total += 0.5 * weight * (value - k as f64).powi(2);
                }
                total
            },
            &[10.0; 5],
            1e-6,
            200,
        );
        assert!(found.converged, "{found:?}");
        for (k, x) in found.point.iter().enumerate() {
            assert!((x - k as f64).abs() < 1e-5, "{found:?}");
        }
    }
}
