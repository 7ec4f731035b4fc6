//! Maximum likelihood.

use serde::Serialize;

use super::coordinates::{Boundary, Coordinates};
use super::forecast::{GarchFilter, OneStepForecast};
use super::innovation::Innovation;
use super::model::{
    GarchParameters, GarchSpec, InnovationFamily, Recursion, VarianceStart, Volatility, backcast,
};
use super::objective::Objective;
use super::standard_errors::StandardErrors;
use crate::check::{self, defined, undefined};
use crate::error::Result;
use crate::moments::{Moments, sum};
use crate::numeric::search::{Minimum, bfgs, nelder_mead};

/// Fewest observations for a fit.
pub const GARCH_OBSERVATIONS_MIN: usize = 250;

/// Weights of the last response and of the last variance that a search starts from: from
/// near-integrated to almost none of either.
const STARTS: [(f64, f64); 6] =
    [(0.05, 0.94), (0.1, 0.86), (0.2, 0.7), (0.05, 0.75), (0.3, 0.3), (0.35, 0.02)];
/// Shares of the response that go to negative residuals.
const NEGATIVE_SHARES: [f64; 2] = [0.5, 0.85];
/// Starts that are followed besides the one with the least persistence.
const STARTS_FOLLOWED: usize = 4;
/// Largest component of the gradient of the mean log-likelihood, in the coordinates of the search.
const GRADIENT_TOLERANCE: f64 = 1e-7;
/// The same for the rough search from every start.
const GRADIENT_TOLERANCE_ROUGH: f64 = 2e-3;
const STEPS_MAX: usize = 500;
const STEPS_MAX_ROUGH: usize = 25;
/// Mean log-likelihood by which a start may fall behind the best and still be finished.
const BEHIND_MAX: f64 = 2e-3;
/// Rounds in which the share of the variance below zero is settled for a skewed law.
const SHARE_ROUNDS: usize = 5;

/// A fitted model.
///
/// The returns are centred and scaled to variance 1 before the search, so that any unit serves;
/// parameters and log-likelihood are reported in the unit of the returns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GarchFit {
    /// What was fitted.
    pub spec: GarchSpec,
    /// Log-likelihood at the optimum, for the returns as given.
    pub log_likelihood: f64,
    /// Number of returns.
    pub n: usize,
    /// Whether the search met its tolerance.
    pub converged: bool,
    /// Largest component of the gradient of the mean log-likelihood in the unbounded coordinates
    /// of the search.
    pub gradient_norm: f64,
    /// Starting points from which the likelihood was climbed.
    pub starts: usize,
    /// Evaluations of the likelihood, from all of them.
    pub evaluations: usize,
    /// Bounds that the optimum lies on.
    pub boundaries: Vec<Boundary>,
    pub(crate) centre: f64,
    pub(crate) unit: f64,
    pub(crate) scaled: GarchParameters,
    #[serde(skip)]
    pub(crate) standardised: Vec<f64>,
    #[serde(skip)]
    pub(crate) states: Vec<f64>,
}

impl GarchFit {
    /// Fits by maximum likelihood from several starting points.
    ///
    /// The weights of the recursion are held at or above 0 and the persistence at or below 1:
    /// `alpha + gamma E[z^2 1(z<0)] + beta`, and `alpha + gamma / 2 + beta` for
    /// [`Volatility::Threshold`]. Degrees of freedom are sought between 2.05 and 500, the `nu` of
    /// a variance gamma law below 1.9.
    ///
    /// A search that does not converge is no error: see [`GarchFit::converged`].
    ///
    /// # Errors
    /// Fewer than [`GARCH_OBSERVATIONS_MIN`] returns, one that is not finite, a constant series, or
    /// a likelihood without a finite value at any start.
    pub fn of(returns: &[f64], spec: GarchSpec) -> Result<Self> {
        let sample = Sample::of(returns, spec)?;
        let found = sample.search_from_grid();
        sample.fit(found)
    }

    /// Fits from the optimum of an earlier fit, of overlapping data say: the walk-forward refit.
    ///
    /// Falls back to [`GarchFit::of`] where the models differ, where a point of the usual starting
    /// grid is better than the given one, or where the search does not converge.
    ///
    /// # Errors
    /// As [`GarchFit::of`].
    pub fn of_with_start(returns: &[f64], spec: GarchSpec, previous: &Self) -> Result<Self> {
        let sample = Sample::of(returns, spec)?;
        if previous.spec == spec
            && let Some(search) = sample.search_from(previous)
        {
            return sample.fit(search);
        }
        let found = sample.search_from_grid();
        sample.fit(found)
    }

    /// Parameters in the unit of the returns.
    ///
    /// # Errors
    /// `omega` beyond the range of a double, as with returns of 1e-300.
    pub fn parameters(&self) -> Result<GarchParameters> {
        let scaled = &self.scaled;
        let omega = match self.spec.volatility {
            Volatility::Symmetric | Volatility::Gjr => scaled.omega * self.unit * self.unit,
            Volatility::Threshold => scaled.omega * self.unit,
        };
        if omega < f64::MIN_POSITIVE {
            return Err(undefined("omega", "it is below the range of a double"));
        }
        let omega = defined("omega", omega)?;
        Ok(GarchParameters { mu: defined("mu", self.mu())?, omega, ..*scaled })
    }

    /// Mean return.
    pub fn mu(&self) -> f64 {
        self.centre + self.unit * self.scaled.mu
    }

    /// Fitted innovations.
    pub fn innovation(&self) -> Innovation {
        self.scaled.innovation
    }

    /// Number of parameters.
    pub fn n_parameters(&self) -> usize {
        let recursion = if self.spec.volatility == Volatility::Symmetric { 4 } else { 5 };
        recursion
            + match self.spec.innovation {
                InnovationFamily::Normal => 0,
                InnovationFamily::StudentT => 1,
                _ => 2,
            }
    }

    /// Akaike's information criterion, `2 k - 2 ln L`.
    pub fn aic(&self) -> f64 {
        2.0 * self.n_parameters() as f64 - 2.0 * self.log_likelihood
    }

    /// Schwarz's information criterion, `k ln n - 2 ln L`.
    pub fn bic(&self) -> f64 {
        (self.n as f64).ln() * self.n_parameters() as f64 - 2.0 * self.log_likelihood
    }

    /// Persistence with the exact share of the variance below zero, see
    /// [`GarchParameters::persistence`].
    ///
    /// # Errors
    /// None for a fit that was made.
    pub fn persistence(&self) -> Result<f64> {
        self.scaled.persistence(self.spec.volatility)
    }

    /// Conditional standard deviation of every return, in their unit.
    pub fn sigmas(&self) -> Vec<f64> {
        let recursion = self.recursion();
        self.states[..self.n].iter().map(|s| self.unit * recursion.sigma(*s)).collect()
    }

    /// Standardised residuals `(r - mu) / sigma`.
    pub fn residuals(&self) -> Vec<f64> {
        let recursion = self.recursion();
        let pairs = self.standardised.iter().zip(&self.states);
        pairs.map(|(r, s)| (r - self.scaled.mu) / recursion.sigma(*s)).collect()
    }

    /// Conditional standard deviation of the return after the last.
    pub fn sigma_next(&self) -> f64 {
        self.unit * self.recursion().sigma(self.states[self.n])
    }

    /// Distribution of the return after the last.
    pub fn forecast(&self) -> OneStepForecast {
        OneStepForecast {
            mean: self.mu(),
            sigma: self.sigma_next(),
            innovation: self.scaled.innovation,
        }
    }

    /// Expected variances one to `steps` steps ahead, in squared units of the returns; see
    /// [`GarchParameters::variance_forecasts`] for `negative_share`.
    ///
    /// # Errors
    /// A forecast beyond the range of a double.
    pub fn variance_forecasts(
        &self,
        steps: usize,
        negative_share: Option<f64>,
    ) -> Result<Vec<f64>> {
        let next = self.recursion().variance(self.states[self.n]);
        let scaled =
            self.scaled.variance_forecasts(self.spec.volatility, next, steps, negative_share)?;
        let unscale = |h: f64| defined("variance forecast", h * self.unit * self.unit);
        scaled.into_iter().map(unscale).collect()
    }

    /// The filter after the last return, to be fed with those that follow.
    pub fn filter(&self) -> GarchFilter {
        GarchFilter {
            recursion: self.recursion(),
            centre: self.centre,
            unit: self.unit,
            state: self.states[self.n],
        }
    }

    /// Standard errors from the inverse Hessian and the sandwich of Bollerslev & Wooldridge (1992).
    ///
    /// # Errors
    /// The Hessian is not negative definite, as with an optimum on the bound of the persistence.
    pub fn standard_errors(&self) -> Result<StandardErrors> {
        StandardErrors::of(self)
    }

    pub(crate) fn recursion(&self) -> Recursion {
        Recursion { volatility: self.spec.volatility, parameters: self.scaled }
    }
}

/// The returns, standardised, and the likelihood of them.
struct Sample {
    spec: GarchSpec,
    centre: f64,
    unit: f64,
    standardised: Vec<f64>,
    backcast: f64,
}

/// Where a search ended.
struct Found {
    minimum: Minimum,
    coordinates: Coordinates,
    starts: usize,
}

impl Sample {
    fn of(returns: &[f64], spec: GarchSpec) -> Result<Self> {
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

    fn objective(&self) -> Objective<'_> {
        Objective { returns: &self.standardised, spec: self.spec, backcast: self.backcast }
    }

    /// Negative mean log-likelihood at coordinates, with its gradient.
    fn value(&self, coordinates: Coordinates, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (value, by) = self.objective().evaluate(&coordinates.parameters(x));
        coordinates.pull_back(x, &by, gradient);
        for component in gradient.iter_mut() {
            *component = -*component;
        }
        -value
    }

    fn climb(
        &self,
        coordinates: Coordinates,
        from: &[f64],
        tolerance: f64,
        steps_max: usize,
    ) -> Minimum {
        bfgs(|x, gradient| self.value(coordinates, x, gradient), from, tolerance, steps_max)
    }

    /// The starting grid with the value at each point, best first.
    fn grid(&self, coordinates: Coordinates) -> Vec<(f64, Vec<f64>)> {
        let shares: &[f64] = match self.spec.volatility {
            Volatility::Symmetric => &NEGATIVE_SHARES[..1],
            _ => &NEGATIVE_SHARES,
        };
        let mut points = Vec::with_capacity(STARTS.len() * shares.len());
        for (response, beta) in STARTS {
            for share in shares {
                let x = coordinates.of(&self.start(response, beta, *share));
                let mut gradient = vec![0.0; x.len()];
                points.push((self.value(coordinates, &x, &mut gradient), x));
            }
        }
        points
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

    fn search_from_grid(&self) -> Found {
        let coordinates = Coordinates { spec: self.spec, negative_share: 0.5 };
        let mut points = self.grid(coordinates);
        let evaluated = points.len();
        // Without persistence there is often an optimum of its own, far from the others.
        let last = points.pop();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.truncate(STARTS_FOLLOWED);
        points.extend(last);
        let starts = points.len();
        let rough = |(_, x): &(f64, Vec<f64>)| {
            self.climb(coordinates, x, GRADIENT_TOLERANCE_ROUGH, STEPS_MAX_ROUGH)
        };
        let mut ends: Vec<Minimum> = points.iter().map(rough).collect();
        ends.sort_by(|a, b| a.value.total_cmp(&b.value));
        let evaluations = evaluated + ends.iter().map(|end| end.evaluations).sum::<usize>();
        let mut best = self.climb(coordinates, &ends[0].point, GRADIENT_TOLERANCE, STEPS_MAX);
        best.evaluations += evaluations;
        for end in &ends[1..] {
            // Those that still lead to the same optimum are told by their place.
            let apart = end.point.iter().zip(&best.point).any(|(a, b)| (a - b).abs() > 0.3);
            if apart && end.value <= best.value + BEHIND_MAX {
                let other = self.climb(coordinates, &end.point, GRADIENT_TOLERANCE, STEPS_MAX);
                let spent = best.evaluations + other.evaluations;
                if other.value < best.value {
                    best = other;
                }
                best.evaluations = spent;
            }
        }
        Found { minimum: best, coordinates, starts }
    }

    fn search_from(&self, previous: &GarchFit) -> Option<Found> {
        let ratio = previous.unit / self.unit;
        let omega = match self.spec.volatility {
            Volatility::Symmetric | Volatility::Gjr => previous.scaled.omega * ratio * ratio,
            Volatility::Threshold => previous.scaled.omega * ratio,
        };
        let mu = (previous.mu() - self.centre) / self.unit;
        if !(omega.is_finite() && omega > 0.0 && mu.is_finite()) {
            return None;
        }
        let coordinates = Coordinates { spec: self.spec, negative_share: 0.5 };
        let x = coordinates.of(&GarchParameters { mu, omega, ..previous.scaled });
        let mut gradient = vec![0.0; x.len()];
        let value = self.value(coordinates, &x, &mut gradient);
        let grid = self.grid(coordinates);
        if !value.is_finite() || grid.iter().any(|(other, _)| *other < value) {
            return None;
        }
        let mut minimum = self.climb(coordinates, &x, GRADIENT_TOLERANCE, STEPS_MAX);
        minimum.evaluations += grid.len() + 1;
        minimum.converged.then_some(Found { minimum, coordinates, starts: 1 })
    }

    /// Makes a fit of the end of a search.
    fn fit(self, mut found: Found) -> Result<GarchFit> {
        self.settle_share(&mut found)?;
        self.finish_without_gradient(&mut found);
        let Found { minimum, coordinates, starts } = found;
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
            converged: minimum.converged,
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
    /// It matters only where the bound of the persistence does, and is then settled by rounds.
    fn settle_share(&self, found: &mut Found) -> Result<()> {
        if self.spec.volatility != Volatility::Gjr {
            return Ok(());
        }
        for _ in 0..SHARE_ROUNDS {
            let fitted = found.coordinates.parameters(&found.minimum.point);
            let share = fitted.innovation.negative_share_of_variance()?;
            let on_bound = found.coordinates.boundaries(&found.minimum.point);
            let bound = on_bound.contains(&Boundary::Persistence);
            let beyond = fitted.alpha + fitted.gamma * share + fitted.beta > 1.0;
            let settled = (share - found.coordinates.negative_share).abs() < 1e-9;
            if settled || !(bound || beyond) {
                break;
            }
            let coordinates = Coordinates { negative_share: share, ..found.coordinates };
            let from = coordinates.of(&fitted);
            let mut minimum = self.climb(coordinates, &from, GRADIENT_TOLERANCE, STEPS_MAX);
            minimum.evaluations += found.minimum.evaluations;
            found.minimum = minimum;
            found.coordinates = coordinates;
        }
        Ok(())
    }

    /// The cusp of a variance gamma density can stop a search by slopes; the simplex walks on.
    fn finish_without_gradient(&self, found: &mut Found) {
        let minimum = &mut found.minimum;
        if minimum.converged || !minimum.value.is_finite() {
            return;
        }
        let mut gradient = vec![0.0; minimum.point.len()];
        let scale = vec![0.02; minimum.point.len()];
        let coordinates = found.coordinates;
        let other = nelder_mead(
            |x| self.value(coordinates, x, &mut gradient),
            &minimum.point,
            &scale,
            1e-12,
            400,
        );
        minimum.evaluations += other.evaluations;
        if other.value <= minimum.value {
            minimum.value = self.value(coordinates, &other.point, &mut gradient);
            minimum.gradient_norm =
                Some(gradient.iter().fold(0.0, |most, slope| f64::max(most, slope.abs())));
            minimum.point = other.point;
        }
        minimum.converged = other.converged;
    }
}

#[cfg(test)]
mod tests {
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
