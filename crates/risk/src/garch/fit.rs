//! Maximum likelihood.

use serde::Serialize;

use super::coordinates::Boundary;
use super::forecast::{GarchFilter, OneStepForecast};
use super::innovation::Innovation;
use super::model::{GarchParameters, GarchSpec, InnovationFamily, Recursion, Volatility};
use super::sample::Sample;
use super::standard_errors::StandardErrors;
use crate::check::{defined, undefined};
use crate::error::Result;

/// Fewest observations for a fit.
pub const GARCH_OBSERVATIONS_MIN: usize = 250;

/// How a search is known to have ended at a maximum.
///
/// A variance gamma density with `nu` above 2/3 or so is not smooth at its mode, and from 1 on it
/// has a cusp there. Its likelihood then has ridges, one where each residual sits on the cusp,
/// and as a rule its maximum is on one, where the slope does not vanish but jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Convergence {
    /// The gradient vanishes: no component of it is above 1e-7.
    Gradient,
    /// No component of the gradient is above 1e-5, and no step along it, however short, raises the
    /// likelihood in the digits of a double.
    Precision,
    /// The gradient vanishes, to 1e-6, of the likelihood whose cusp is rounded over 0.0003
    /// standard deviations; a search from there on the likelihood itself, as far as it descends,
    /// has given the parameters, which are at least as likely.
    RoundedCusp,
    /// None of these, or the bound of the persistence did not settle: see [`GarchFit::of`].
    Unmet,
}

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
    /// Whether the search met its tolerance, by one of the tests of [`GarchFit::convergence`].
    pub converged: bool,
    /// The test by which it ended.
    pub convergence: Convergence,
    /// Largest component of the gradient of the mean log-likelihood in the unbounded coordinates
    /// of the search; says nothing at a cusp, see [`Convergence::RoundedCusp`].
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
    /// The share `E[z^2 1(z<0)]` of a skewed law is held while the parameters are sought, and the
    /// search repeated with that of the fitted innovations until the two agree to 1e-7 (1e-4 on a cusp). The bound
    /// is kept to that precision; a point on it is the maximum at its own share, not over all
    /// shares at once. Where the two do not come to agree the fit has not converged.
    ///
    /// A search that does not converge is no error: see [`GarchFit::converged`].
    ///
    /// # Errors
    /// Fewer than [`GARCH_OBSERVATIONS_MIN`] returns, one that is not finite, a constant series, a
    /// third or more of the returns identical with innovations other than normal (their likelihood
    /// has its maximum at those), or a likelihood without a finite value at any start.
    pub fn of(returns: &[f64], spec: GarchSpec) -> Result<Self> {
        let sample = Sample::of(returns, spec)?;
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
