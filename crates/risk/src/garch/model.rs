//! The volatility recursion and its likelihood at given parameters.

use serde::Serialize;

use super::density::Density;
use super::innovation::Innovation;
use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::{mean, sum};

/// Observations that the backcast weighs.
const BACKCAST_OBSERVATIONS: usize = 75;
/// Decay of its weights.
const BACKCAST_DECAY: f64 = 0.94;

/// How yesterday's residual moves today's volatility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Volatility {
    /// GARCH(1,1) (Bollerslev 1986): `h = omega + alpha e^2 + beta h`.
    Symmetric,
    /// GJR-GARCH (Glosten, Jagannathan & Runkle 1993): `+ gamma e^2` where `e < 0`.
    Gjr,
    /// Threshold GARCH of power 1 (Zakoian 1994):
    /// `sigma = omega + alpha |e| + gamma |e| 1(e < 0) + beta sigma`.
    Threshold,
}

/// The distribution family of the innovations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum InnovationFamily {
    /// Standard normal.
    Normal,
    /// Student-t scaled to variance 1.
    StudentT,
    /// Skew-t of Hansen.
    SkewT,
    /// Normal inverse Gaussian.
    NormalInverseGaussian,
    /// Variance gamma.
    VarianceGamma,
}

/// Where the recursion starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum VarianceStart {
    /// As if the residual and the variance before the first were both an exponentially weighted
    /// mean of the first 75 squared deviations from the sample mean (of absolute deviations for
    /// [`Volatility::Threshold`]): `h_1 = omega + (alpha + gamma / 2 + beta) backcast`.
    #[default]
    Backcast,
    /// `h_1` is the mean of all squared residuals about the fitted mean.
    MeanSquaredResidual,
}

/// A model to be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GarchSpec {
    /// The recursion.
    pub volatility: Volatility,
    /// The innovations.
    pub innovation: InnovationFamily,
    /// Its start.
    pub start: VarianceStart,
}

impl GarchSpec {
    /// A model whose recursion starts from the backcast.
    #[must_use]
    pub fn new(volatility: Volatility, innovation: InnovationFamily) -> Self {
        Self { volatility, innovation, start: VarianceStart::Backcast }
    }
}

/// Parameters of a model with constant mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GarchParameters {
    /// Mean return, in units of the returns.
    pub mu: f64,
    /// Constant, in squared units of the returns (in units for [`Volatility::Threshold`]).
    pub omega: f64,
    /// Response to a residual of either sign.
    pub alpha: f64,
    /// Further response to a negative one; must be 0 for [`Volatility::Symmetric`].
    pub gamma: f64,
    /// Weight of the volatility before.
    pub beta: f64,
    /// The innovations.
    pub innovation: Innovation,
}

impl GarchParameters {
    /// Refuses parameters that may lead to a negative variance.
    ///
    /// Persistence is not restricted: a likelihood exists without stationarity.
    ///
    /// # Errors
    /// The first parameter that breaks its rule.
    pub fn check(&self, volatility: Volatility) -> Result<()> {
        check::finite_parameter("mu", self.mu)?;
        check::positive("omega", self.omega)?;
        let weight = |value: f64| value >= 0.0 && value.is_finite();
        check::require(weight(self.alpha), "alpha", self.alpha, "finite and at least 0")?;
        check::require(weight(self.beta), "beta", self.beta, "finite and at least 0")?;
        let rule = "finite and at least -alpha";
        check::require(weight(self.alpha + self.gamma), "gamma", self.gamma, rule)?;
        if volatility == Volatility::Symmetric {
            check::require(self.gamma.abs() <= 0.0, "gamma", self.gamma, "0 without asymmetry")?;
        }
        self.innovation.check()
    }

    /// Share of a shock to the variance that is left in the expectation a step later; below 1 for a
    /// covariance-stationary model.
    ///
    /// `alpha + gamma E[z^2 1(z<0)] + beta`, and for [`Volatility::Threshold`]
    /// `E[(alpha |z| + gamma |z| 1(z<0) + beta)^2]`.
    ///
    /// # Errors
    /// Parameters out of range.
    pub fn persistence(&self, volatility: Volatility) -> Result<f64> {
        self.check(volatility)?;
        Ok(Expectations::of(self, volatility, None)?.square)
    }

    /// Unconditional variance of a return.
    ///
    /// # Errors
    /// Parameters out of range, or persistence of 1 or more: it is infinite.
    pub fn unconditional_variance(&self, volatility: Volatility) -> Result<f64> {
        self.check(volatility)?;
        let moments = Expectations::of(self, volatility, None)?;
        if moments.square >= 1.0 {
            let reason = "the persistence is 1 or more, the variance has no finite mean";
            return Err(undefined("unconditional variance", reason));
        }
        let constant = match volatility {
            Volatility::Symmetric | Volatility::Gjr => self.omega,
            Volatility::Threshold => {
                let sigma = self.omega / (1.0 - moments.linear);
                self.omega * (self.omega + 2.0 * moments.linear * sigma)
            }
        };
        defined("unconditional variance", constant / (1.0 - moments.square))
    }

    /// Expected variances one to `steps` steps ahead, the first of which is known.
    ///
    /// `negative_share` is `E[z^2 1(z<0)]`; `None` takes that of the innovations, `Some(0.5)` treats
    /// them as symmetric, as most packages do. It is not used by [`Volatility::Threshold`], whose
    /// two moments follow a recursion of their own.
    ///
    /// # Errors
    /// Parameters out of range, `next_variance` not positive, or a forecast beyond the range of a
    /// double.
    pub fn variance_forecasts(
        &self,
        volatility: Volatility,
        next_variance: f64,
        steps: usize,
        negative_share: Option<f64>,
    ) -> Result<Vec<f64>> {
        self.check(volatility)?;
        check::positive("next_variance", next_variance)?;
        let moments = Expectations::of(self, volatility, negative_share)?;
        let mut sigma = next_variance.sqrt();
        let mut variance = next_variance;
        let mut forecasts = Vec::with_capacity(steps);
        for _ in 0..steps {
            forecasts.push(defined("variance forecast", variance)?);
            variance = match volatility {
                Volatility::Symmetric | Volatility::Gjr => self.omega + moments.square * variance,
                Volatility::Threshold => {
                    self.omega * (self.omega + 2.0 * moments.linear * sigma)
                        + moments.square * variance
                }
            };
            sigma = self.omega + moments.linear * sigma;
        }
        Ok(forecasts)
    }
}

/// Expectations of the factor that the state is multiplied by in a step.
struct Expectations {
    /// Of the factor of sigma; threshold models only.
    linear: f64,
    /// Of the factor of the variance.
    square: f64,
}

impl Expectations {
    fn of(
        parameters: &GarchParameters,
        volatility: Volatility,
        negative_share: Option<f64>,
    ) -> Result<Self> {
        let GarchParameters { alpha, gamma, beta, innovation, .. } = *parameters;
        let share = match negative_share {
            Some(share) => share,
            None if gamma.abs() <= 0.0 => 0.5,
            None => innovation.negative_share_of_variance()?,
        };
        if volatility != Volatility::Threshold {
            return Ok(Self { linear: 0.0, square: alpha + gamma * share + beta });
        }
        // E|z| on either side of zero is the same, as the mean is zero.
        let half = -innovation.lower_partial_mean(0.0)?;
        let linear = (2.0 * alpha + gamma) * half;
        let down = alpha + gamma;
        let squares = down * down * share + alpha * alpha * (1.0 - share);
        Ok(Self { linear: linear + beta, square: squares + 2.0 * beta * linear + beta * beta })
    }
}

/// One step of the recursion. Its state is the variance, or sigma for a threshold model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recursion {
    pub(crate) volatility: Volatility,
    pub(crate) parameters: GarchParameters,
}

impl Recursion {
    /// The state after a residual.
    pub(crate) fn step(&self, state: f64, residual: f64) -> f64 {
        let GarchParameters { omega, alpha, gamma, beta, .. } = self.parameters;
        let response = if residual < 0.0 { alpha + gamma } else { alpha };
        let size = match self.volatility {
            Volatility::Symmetric | Volatility::Gjr => residual * residual,
            Volatility::Threshold => residual.abs(),
        };
        omega + response * size + beta * state
    }

    /// The state before the first residual.
    pub(crate) fn first(&self, start: VarianceStart, returns: &[f64], backcast: f64) -> f64 {
        let GarchParameters { mu, omega, alpha, gamma, beta, .. } = self.parameters;
        match start {
            VarianceStart::Backcast => omega + (alpha + 0.5 * gamma + beta) * backcast,
            VarianceStart::MeanSquaredResidual => {
                let squares = sum(returns.iter().map(|r| (r - mu) * (r - mu)));
                self.of_variance(squares / returns.len() as f64)
            }
        }
    }

    pub(crate) fn sigma(&self, state: f64) -> f64 {
        if self.volatility == Volatility::Threshold { state } else { state.sqrt() }
    }

    pub(crate) fn variance(&self, state: f64) -> f64 {
        if self.volatility == Volatility::Threshold { state * state } else { state }
    }

    fn of_variance(&self, variance: f64) -> f64 {
        if self.volatility == Volatility::Threshold { variance.sqrt() } else { variance }
    }

    /// The state before every residual and the one after the last.
    pub(crate) fn states(&self, returns: &[f64], first: f64) -> Vec<f64> {
        let mut states = Vec::with_capacity(returns.len() + 1);
        let mut state = first;
        states.push(state);
        for r in returns {
            state = self.step(state, r - self.parameters.mu);
            states.push(state);
        }
        states
    }
}

/// A likelihood at given parameters with the variances that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GarchLikelihood {
    /// Log-likelihood of all returns.
    pub log_likelihood: f64,
    /// Conditional variance of every return, in squared units of the returns.
    pub variances: Vec<f64>,
    /// Variance of the return after the last.
    pub next_variance: f64,
    /// What the recursion was started from under [`VarianceStart::Backcast`]: a mean of squared
    /// deviations, of absolute ones for [`Volatility::Threshold`].
    pub backcast: f64,
}

impl GarchLikelihood {
    /// Runs the recursion over the returns at the given parameters; nothing is fitted or scaled.
    ///
    /// # Errors
    /// No returns, one that is not finite, parameters out of range, or a variance beyond the range
    /// of a double.
    pub fn at(
        returns: &[f64],
        volatility: Volatility,
        start: VarianceStart,
        parameters: &GarchParameters,
    ) -> Result<Self> {
        check::series(returns, 1)?;
        parameters.check(volatility)?;
        let backcast = backcast(returns, volatility)?;
        let recursion = Recursion { volatility, parameters: *parameters };
        let states = recursion.states(returns, recursion.first(start, returns, backcast));
        let mut variances: Vec<f64> = states.iter().map(|s| recursion.variance(*s)).collect();
        if variances.iter().any(|h| !(*h > 0.0 && h.is_finite())) {
            let reason =
                "a conditional variance is beyond the range of a double; rescale the returns";
            return Err(undefined("garch log-likelihood", reason));
        }
        let density = Density::of(parameters.innovation);
        let terms = returns
            .iter()
            .zip(&variances)
            .map(|(r, h)| density.log((r - parameters.mu) / h.sqrt()) - 0.5 * h.ln());
        let log_likelihood = defined("garch log-likelihood", sum(terms))?;
        let next_variance =
            variances.pop().ok_or(RiskError::TooFewObservations { n: 0, n_min: 1 })?;
        Ok(Self { log_likelihood, variances, next_variance, backcast })
    }
}

/// The weighted mean that the recursion starts from.
pub(crate) fn backcast(returns: &[f64], volatility: Volatility) -> Result<f64> {
    let centre = mean(returns)?;
    let (mut weight, mut weights, mut total) = (1.0, 0.0, 0.0);
    for r in &returns[..returns.len().min(BACKCAST_OBSERVATIONS)] {
        let deviation = (r - centre).abs();
        let size = match volatility {
            Volatility::Symmetric | Volatility::Gjr => deviation * deviation,
            Volatility::Threshold => deviation,
        };
        total += weight * size;
        weights += weight;
        weight *= BACKCAST_DECAY;
    }
    defined("garch backcast", total / weights)
}
