//! The search for the maximum of a likelihood.

use super::coordinates::{Boundary, Coordinates};
use super::fit::{Convergence, GARCH_OBSERVATIONS_MIN, GarchFit};
use super::innovation::Innovation;
use super::model::{GarchParameters, GarchSpec, InnovationFamily, Recursion, Volatility, backcast};
use super::objective::Objective;
use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::moments::{Moments, sum};
use crate::numeric::search::{Minimum, bfgs};

/// Weights of the last response and of the last variance that a search starts from: from
/// near-integrated to almost none of either.
const STARTS: [(f64, f64); 5] = [(0.05, 0.94), (0.1, 0.86), (0.2, 0.7), (0.05, 0.75), (0.3, 0.3)];
/// The like that are followed whatever the likelihood is there, as each often has an optimum of
/// its own, far from the others: a variance without persistence, one that drifts on its own, and
/// one that is all but constant.
const STARTS_APART: [(f64, f64); 3] = [(0.35, 0.02), (0.005, 0.985), (0.01, 0.5)];
/// Shares of the response that go to negative residuals. Those of the mirrored returns are among
/// them, so that both sides of a market are searched alike.
const NEGATIVE_SHARES: [f64; 3] = [0.5, 0.15, 0.85];
/// Of [`STARTS`], how many are followed.
const STARTS_FOLLOWED: usize = 3;
/// Largest component of the gradient of the mean log-likelihood, in the coordinates of the search.
const GRADIENT_TOLERANCE: f64 = 1e-7;
/// The same where no step of any size raises the value that a double can hold.
const GRADIENT_TOLERANCE_STALLED: f64 = 1e-5;
/// The same for the rough search from every start.
const GRADIENT_TOLERANCE_ROUGH: f64 = 2e-3;
const STEPS_MAX: usize = 500;
const STEPS_MAX_ROUGH: usize = 25;
/// Distances in standard deviations over which the cusp of a density is rounded at first, one
/// search after the other, with the gradients that end them.
const ROUNDINGS_BEFORE: [(f64, f64); 2] = [(0.03, 1e-4), (3e-3, 1e-4)];
/// The last of them, and its gradient.
const ROUNDING: f64 = 3e-4;
const GRADIENT_TOLERANCE_ROUNDED: f64 = 1e-6;
/// Steps of a search by slopes next to a cusp.
const STEPS_MAX_SHARP: usize = 100;
/// Starts followed without a wide rounding that are finished.
const SHARP_STARTS_FINISHED: usize = 2;
/// Ridges beside the one that a search ended on: how many are looked at, how often the best of
/// them is climbed, and the mean log-likelihood that it must gain for a further one.
const RIDGES_COMPARED: usize = 8;
const RIDGES_TRIED: usize = 3;
const RIDGE_GAIN_MIN: f64 = 1e-7;
/// From this `nu` on a variance gamma density is rounded from the start; below, its likelihood is
/// smooth enough for slopes as a rule.
const CUSP_FROM_NU: f64 = 0.8;
/// Mean log-likelihood by which a start may fall behind the best and still be finished: after a
/// rough search that met its tolerance, and after one that ran out of steps.
const BEHIND_MAX: f64 = 2e-3;
const BEHIND_MAX_UNFINISHED: f64 = 0.3;
/// Rounds in which the share of the variance below zero is settled for a skewed law, and the
/// difference between two of them that is none; on a cusp, where a search ends on one of many
/// ridges, a wider one.
const SHARE_ROUNDS: usize = 12;
const SHARE_TOLERANCE: f64 = 1e-7;
const SHARE_TOLERANCE_CUSP: f64 = 1e-4;

/// The returns, standardised, and the likelihood of them.
pub(super) struct Sample {
    spec: GarchSpec,
    centre: f64,
    unit: f64,
    standardised: Vec<f64>,
    backcast: f64,
}

/// Where a search ended.
pub(super) struct Found {
    minimum: Minimum,
    convergence: Convergence,
    coordinates: Coordinates,
    starts: usize,
}

impl Sample {
    pub(super) fn of(returns: &[f64], spec: GarchSpec) -> Result<Self> {
        check::series(returns, GARCH_OBSERVATIONS_MIN)?;
        let constant = || undefined("garch", "all returns are equal");
        let largest = returns.iter().fold(0.0, |so_far, r| f64::max(so_far, r.abs()));
        if largest <= 0.0 {
            return Err(constant());
        }
        // First to size 1, where squares neither overflow nor vanish.
        let mut standardised: Vec<f64> = returns.iter().map(|r| r / largest).collect();
        let moments = Moments::of(&standardised)?;
        if moments.is_constant() {
            return Err(constant());
        }
        if spec.innovation != InnovationFamily::Normal {
            check::few_identical("garch", returns)?;
        }
        let deviation = moments.standard_deviation_population();
        for value in &mut standardised {
            *value = (*value - moments.mean) / deviation;
        }
        let unit = largest * deviation;
        let centre = largest * moments.mean;
        if unit < f64::MIN_POSITIVE {
            return Err(undefined("garch", "the returns are below the range of a double"));
        }
        let backcast = backcast(&standardised, spec.volatility)?;
        Ok(Self { spec, centre, unit, standardised, backcast })
    }

    /// Negative mean log-likelihood at coordinates, with its gradient; see [`Objective::rounding`].
    fn value(
        &self,
        coordinates: Coordinates,
        rounding: f64,
        x: &[f64],
        gradient: &mut [f64],
    ) -> f64 {
        let Self { spec, backcast, .. } = *self;
        let objective = Objective { returns: &self.standardised, spec, backcast, rounding };
        let (value, by) = objective.evaluate(&coordinates.parameters(x));
        coordinates.pull_back(x, &by, gradient);
        for component in gradient.iter_mut() {
            *component = -*component;
        }
        -value
    }

    fn climb(
        &self,
        coordinates: Coordinates,
        rounding: f64,
        from: &[f64],
        tolerance: f64,
        steps_max: usize,
    ) -> Minimum {
        let value =
            |x: &[f64], gradient: &mut [f64]| self.value(coordinates, rounding, x, gradient);
        bfgs(value, from, tolerance, steps_max)
    }

    /// The maximum that a point leads to.
    fn finish(&self, coordinates: Coordinates, from: &[f64]) -> (Minimum, Convergence) {
        let spent = if Self::cusp_at(coordinates, from) {
            0
        } else {
            let end = self.climb(coordinates, 0.0, from, GRADIENT_TOLERANCE, STEPS_MAX);
            if end.converged {
                return (end, Convergence::Gradient);
            }
            let flat = end.gradient_norm.is_some_and(|slope| slope <= GRADIENT_TOLERANCE_STALLED);
            if end.stalled && flat {
                return (Minimum { converged: true, ..end }, Convergence::Precision);
            }
            if self.spec.innovation != InnovationFamily::VarianceGamma {
                return (end, Convergence::Unmet);
            }
            end.evaluations
        };
        // Rounded widely there is one maximum where the ridges have many; it is followed as the
        // rounding is taken back.
        let mut point = from.to_vec();
        let mut evaluations = spent;
        for (rounding, tolerance) in ROUNDINGS_BEFORE {
            let end = self.climb(coordinates, rounding, &point, tolerance, STEPS_MAX);
            evaluations += end.evaluations;
            point = end.point;
        }
        let (mut best, mut convergence) = self.finish_sharp(coordinates, &point);
        evaluations += best.evaluations;
        for _ in 0..RIDGES_TRIED {
            let Some(beside) = self.nearest_better_ridge(coordinates, &best.point) else {
                break;
            };
            let (other, by) = self.finish_sharp(coordinates, &beside);
            evaluations += other.evaluations + RIDGES_COMPARED;
            let gain = best.value - other.value;
            if gain > 0.0 && by != Convergence::Unmet {
                (best, convergence) = (other, by);
            }
            if gain < RIDGE_GAIN_MIN {
                break;
            }
        }
        best.evaluations = evaluations;
        best.converged = convergence != Convergence::Unmet;
        (best, convergence)
    }

    /// The maximum of the likelihood with its cusp rounded narrowly, then as far up as the
    /// likelihood itself lets a search by slopes go.
    fn finish_sharp(&self, coordinates: Coordinates, from: &[f64]) -> (Minimum, Convergence) {
        let tolerance = GRADIENT_TOLERANCE_ROUNDED;
        let rounded = self.climb(coordinates, ROUNDING, from, tolerance, STEPS_MAX);
        let mut end =
            self.climb(coordinates, 0.0, &rounded.point, GRADIENT_TOLERANCE, STEPS_MAX_SHARP);
        end.evaluations += rounded.evaluations;
        let convergence = match (end.converged, rounded.converged && end.value.is_finite()) {
            (true, _) => Convergence::Gradient,
            (false, true) => Convergence::RoundedCusp,
            (false, false) => Convergence::Unmet,
        };
        (end, convergence)
    }

    /// The point with another mean that puts another of the residuals nearest to the cusp on it,
    /// the likeliest of those.
    fn nearest_better_ridge(&self, coordinates: Coordinates, x: &[f64]) -> Option<Vec<f64>> {
        let parameters = coordinates.parameters(x);
        let Innovation::VarianceGamma { theta, .. } = parameters.innovation else {
            return None;
        };
        let recursion = Recursion { volatility: self.spec.volatility, parameters };
        let first = recursion.first(self.spec.start, &self.standardised, self.backcast);
        let states = recursion.states(&self.standardised, first);
        let mut moves: Vec<f64> = (self.standardised.iter().zip(&states))
            .map(|(r, state)| r - parameters.mu + theta * recursion.sigma(*state))
            .collect();
        moves.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let mut gradient = vec![0.0; x.len()];
        let beside = moves.iter().filter(|step| step.abs() > 3.0 * ROUNDING).take(RIDGES_COMPARED);
        beside
            .map(|step| {
                let mut point = x.to_vec();
                point[0] += step;
                (self.value(coordinates, ROUNDING, &point, &mut gradient), point)
            })
            .filter(|(value, _)| value.is_finite())
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, point)| point)
    }

    /// Whether the density at a point is so peaked that a search by slopes would stop early.
    fn cusp_at(coordinates: Coordinates, x: &[f64]) -> bool {
        let innovation = coordinates.parameters(x).innovation;
        matches!(innovation, Innovation::VarianceGamma { nu, .. } if nu > CUSP_FROM_NU)
    }

    /// The rounding under which starts are compared.
    fn rough_rounding(&self) -> f64 {
        if self.spec.innovation == InnovationFamily::VarianceGamma {
            ROUNDINGS_BEFORE[0].0
        } else {
            0.0
        }
    }

    /// The points that a search may start from with the value at each, every pair of weights with
    /// its best share of the response: of [`STARTS`] best first, then of [`STARTS_APART`].
    fn grid(&self, coordinates: Coordinates) -> Vec<(f64, Vec<f64>)> {
        let by_value = |a: &(f64, Vec<f64>), b: &(f64, Vec<f64>)| a.0.total_cmp(&b.0);
        let best = |(response, beta): &(f64, f64)| {
            let points = self.negative_shares().iter().map(|share| {
                let x = coordinates.of(&self.start(*response, *beta, *share));
                let mut gradient = vec![0.0; x.len()];
                (self.value(coordinates, self.rough_rounding(), &x, &mut gradient), x)
            });
            points.min_by(by_value)
        };
        let mut points: Vec<(f64, Vec<f64>)> = STARTS.iter().filter_map(best).collect();
        points.sort_by(by_value);
        points.extend(STARTS_APART.iter().filter_map(best));
        points
    }

    /// Evaluations that make a grid.
    fn grid_evaluations(&self) -> usize {
        (STARTS.len() + STARTS_APART.len()) * self.negative_shares().len()
    }

    fn negative_shares(&self) -> &'static [f64] {
        match self.spec.volatility {
            Volatility::Symmetric => &NEGATIVE_SHARES[..1],
            _ => &NEGATIVE_SHARES,
        }
    }

    fn start(&self, response: f64, beta: f64, negative: f64) -> GarchParameters {
        // E|z| of a normal variable, half of it on either side of zero.
        const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;
        let (alpha, gamma) = match self.spec.volatility {
            Volatility::Symmetric => (response, 0.0),
            _ => (2.0 * response * (1.0 - negative), 2.0 * response * (2.0 * negative - 1.0)),
        };
        let omega = match self.spec.volatility {
            Volatility::Symmetric | Volatility::Gjr => 1.0 - response - beta,
            Volatility::Threshold => 1.0 - MEAN_SIZE * response - beta,
        };
        let innovation = match self.spec.innovation {
            InnovationFamily::Normal => Innovation::Normal,
            InnovationFamily::StudentT => Innovation::StudentT { nu: 6.0 },
            InnovationFamily::SkewT => Innovation::SkewT { eta: 6.0, lambda: 0.0 },
            InnovationFamily::NormalInverseGaussian => {
                Innovation::NormalInverseGaussian { alpha: 1.3, beta: 0.0 }
            }
            InnovationFamily::VarianceGamma => Innovation::VarianceGamma { theta: 0.0, nu: 0.6 },
        };
        GarchParameters { mu: 0.0, omega, alpha, gamma, beta, innovation }
    }

    pub(super) fn search_from_grid(&self) -> Found {
        let coordinates = Coordinates { spec: self.spec, negative_share: 0.5 };
        let mut points = self.grid(coordinates);
        let apart = points.split_off(STARTS.len());
        points.truncate(STARTS_FOLLOWED);
        points.extend(apart);
        let rough = |x: &[f64]| {
            let rounding = self.rough_rounding();
            self.climb(coordinates, rounding, x, GRADIENT_TOLERANCE_ROUGH, STEPS_MAX_ROUGH)
        };
        let mut ends: Vec<Minimum> = points.iter().map(|(_, x)| rough(x)).collect();
        ends.sort_by(|a, b| a.value.total_cmp(&b.value));
        // Skewed to the other side.
        if let Some(skew) = coordinates.skew_position() {
            let mut mirrored = ends[0].point.clone();
            mirrored[skew] = -mirrored[skew];
            ends.push(rough(&mirrored));
            ends.sort_by(|a, b| a.value.total_cmp(&b.value));
        }
        let starts = ends.len();
        let evaluations =
            self.grid_evaluations() + ends.iter().map(|end| end.evaluations).sum::<usize>();
        let best_rough = ends[0].value;
        let (mut best, mut convergence) = self.finish(coordinates, &ends[0].point);
        best.evaluations += evaluations;
        for end in &ends[1..] {
            // Those that still lead to the same optimum are told by their place.
            let apart = end.point.iter().zip(&best.point).any(|(a, b)| (a - b).abs() > 0.3);
            let behind = if end.converged { BEHIND_MAX } else { BEHIND_MAX_UNFINISHED };
            if apart && end.value <= best_rough.max(best.value) + behind {
                let (other, by) = self.finish(coordinates, &end.point);
                let spent = best.evaluations + other.evaluations;
                if other.value < best.value {
                    (best, convergence) = (other, by);
                }
                best.evaluations = spent;
            }
        }
        // The slope along a coordinate vanishes on a bound whether the likelihood falls from there
        // or rises: once more from a little inside.
        if !coordinates.boundaries(&best.point).is_empty() {
            let inside = coordinates.of(&coordinates.parameters(&best.point));
            for inside in coordinates.to_either_sign(inside) {
                let (other, by) = self.finish(coordinates, &inside);
                let spent = best.evaluations + other.evaluations;
                if other.value < best.value {
                    (best, convergence) = (other, by);
                }
                best.evaluations = spent;
            }
        }
        if Self::cusp_at(coordinates, &best.point) {
            // The ridges that the starts lead to without the rounding.
            let sharp = points.iter().map(|(_, x)| {
                self.climb(coordinates, 0.0, x, GRADIENT_TOLERANCE_ROUGH, STEPS_MAX_ROUGH)
            });
            let mut ends: Vec<Minimum> = sharp.collect();
            ends.sort_by(|a, b| a.value.total_cmp(&b.value));
            best.evaluations += ends.iter().map(|end| end.evaluations).sum::<usize>();
            for end in &ends[..SHARP_STARTS_FINISHED] {
                let (other, by) = self.finish_sharp(coordinates, &end.point);
                let spent = best.evaluations + other.evaluations;
                if other.value < best.value && by != Convergence::Unmet {
                    (best, convergence) = (other, by);
                    best.converged = true;
                }
                best.evaluations = spent;
            }
        }
        Found { minimum: best, convergence, coordinates, starts }
    }

    /// Makes a fit of the end of a search.
    pub(super) fn fit(self, mut found: Found) -> Result<GarchFit> {
        self.settle_share(&mut found)?;
        let Found { minimum, convergence, coordinates, starts } = found;
        if !minimum.value.is_finite() {
            let reason = "the likelihood is not finite at any starting point";
            return Err(undefined("garch", reason));
        }
        let scaled = coordinates.parameters(&minimum.point);
        let n = self.standardised.len();
        let mean = sum([-minimum.value, -self.unit.ln()]);
        let recursion = Recursion { volatility: self.spec.volatility, parameters: scaled };
        let first = recursion.first(self.spec.start, &self.standardised, self.backcast);
        Ok(GarchFit {
            spec: self.spec,
            log_likelihood: defined("garch", n as f64 * mean)?,
            n,
            converged: convergence != Convergence::Unmet,
            convergence,
            gradient_norm: defined("garch", minimum.gradient_norm.unwrap_or(f64::INFINITY))?,
            starts,
            evaluations: minimum.evaluations,
            boundaries: coordinates.boundaries(&minimum.point),
            centre: self.centre,
            unit: self.unit,
            scaled,
            states: recursion.states(&self.standardised, first),
            standardised: self.standardised,
        })
    }

    /// For a skewed law with a leverage term the share of the variance below zero is not one half.
    /// It matters only where the bound of the persistence does, and is then settled by rounds:
    /// each holds it at what the innovations of the one before have. A share that does not settle
    /// is no convergence.
    fn settle_share(&self, found: &mut Found) -> Result<()> {
        if self.spec.volatility != Volatility::Gjr {
            return Ok(());
        }
        for round in 0..=SHARE_ROUNDS {
            let fitted = found.coordinates.parameters(&found.minimum.point);
            let share = fitted.innovation.negative_share_of_variance()?;
            let on_bound = found.coordinates.boundaries(&found.minimum.point);
            let bound = on_bound.contains(&Boundary::Persistence);
            let beyond = fitted.alpha + fitted.gamma * share + fitted.beta > 1.0;
            let cusp = Self::cusp_at(found.coordinates, &found.minimum.point);
            let tolerance = if cusp { SHARE_TOLERANCE_CUSP } else { SHARE_TOLERANCE };
            let settled = (share - found.coordinates.negative_share).abs() < tolerance;
            if settled || !(bound || beyond) {
                break;
            }
            if round == SHARE_ROUNDS {
                found.convergence = Convergence::Unmet;
                break;
            }
            let coordinates = Coordinates { negative_share: share, ..found.coordinates };
            let from = coordinates.of(&fitted);
            let (mut minimum, convergence) = self.finish(coordinates, &from);
            minimum.evaluations += found.minimum.evaluations;
            (found.minimum, found.convergence) = (minimum, convergence);
            found.coordinates = coordinates;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::model::VarianceStart;
    use super::*;

    /// A start that may be far from the sample's own is still inside every bound.
    #[test]
    fn every_start_is_inside_the_domain() {
        let returns: Vec<f64> = (0..250).map(|k| (f64::from(k) * 12.9898).sin()).collect();
        for volatility in [Volatility::Symmetric, Volatility::Gjr, Volatility::Threshold] {
            let spec = GarchSpec {
                volatility,
                innovation: InnovationFamily::Normal,
                start: VarianceStart::Backcast,
            };
            let sample = Sample::of(&returns, spec).unwrap();
            let coordinates = Coordinates { spec, negative_share: 0.5 };
            assert!(sample.grid(coordinates).iter().all(|(value, _)| value.is_finite()));
        }
    }
}
