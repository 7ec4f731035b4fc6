//! What a fitted model says about the next return, and filtering of further returns.

use serde::Serialize;

use super::innovation::Innovation;
use super::model::Recursion;
use crate::check::{self, defined};
use crate::error::Result;

/// Distribution of one return: `mean + sigma Z`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OneStepForecast {
    /// Expected return.
    pub mean: f64,
    /// Standard deviation, in units of the returns.
    pub sigma: f64,
    /// Distribution of `Z`.
    pub innovation: Innovation,
}

/// Which position loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Exposure {
    /// Falling returns are losses.
    Long,
    /// Rising returns are losses.
    Short,
}

impl OneStepForecast {
    /// The return with probability `probability` of a lower one (signed).
    ///
    /// # Errors
    /// A probability outside (0, 1).
    pub fn quantile(&self, probability: f64) -> Result<f64> {
        let q = self.innovation.quantile(probability)?;
        defined("return quantile", self.mean + self.sigma * q)
    }

    /// Value at risk at tail probability `alpha`, a positive loss.
    ///
    /// # Errors
    /// `alpha` outside (0, 1).
    pub fn value_at_risk(&self, alpha: f64, exposure: Exposure) -> Result<f64> {
        let loss = self.losses(exposure);
        let q = loss.innovation.quantile(alpha)?;
        defined("value at risk", -(loss.mean + loss.sigma * q))
    }

    /// Expected shortfall at tail probability `alpha`, a positive loss.
    ///
    /// # Errors
    /// `alpha` outside (0, 1).
    pub fn expected_shortfall(&self, alpha: f64, exposure: Exposure) -> Result<f64> {
        let loss = self.losses(exposure);
        let tail = loss.innovation.lower_partial_mean(loss.innovation.quantile(alpha)?)?;
        defined("expected shortfall", -(loss.mean + loss.sigma * tail / alpha))
    }

    /// Expectile at `tau`, signed, on the side of the returns; under [`Exposure::Short`] that of
    /// the negated return.
    ///
    /// # Errors
    /// `tau` outside (0, 1).
    pub fn expectile(&self, tau: f64, exposure: Exposure) -> Result<f64> {
        let loss = self.losses(exposure);
        defined("expectile", loss.mean + loss.sigma * loss.innovation.expectile(tau)?)
    }

    /// The distribution whose low values are losses.
    fn losses(&self, exposure: Exposure) -> Self {
        match exposure {
            Exposure::Long => *self,
            Exposure::Short => {
                Self { mean: -self.mean, innovation: self.innovation.mirrored(), ..*self }
            }
        }
    }
}

/// A fitted recursion that takes further returns without a refit.
#[derive(Debug, Clone, Copy)]
pub struct GarchFilter {
    pub(crate) recursion: Recursion,
    pub(crate) centre: f64,
    pub(crate) unit: f64,
    pub(crate) state: f64,
}

impl GarchFilter {
    /// Distribution of the next return.
    pub fn forecast(&self) -> OneStepForecast {
        OneStepForecast {
            mean: self.centre + self.unit * self.recursion.parameters.mu,
            sigma: self.sigma_next(),
            innovation: self.recursion.parameters.innovation,
        }
    }

    /// Standard deviation of the next return.
    pub fn sigma_next(&self) -> f64 {
        self.unit * self.recursion.sigma(self.state)
    }

    /// Takes the next return and gives its standardised residual.
    ///
    /// # Errors
    /// A return that is not finite, or so large that the next variance is not; the filter then
    /// stays as it is.
    pub fn observe(&mut self, value: f64) -> Result<f64> {
        check::finite_parameter("return", value)?;
        let residual = (value - self.centre) / self.unit - self.recursion.parameters.mu;
        let z = defined("standardised residual", residual / self.recursion.sigma(self.state))?;
        self.state = defined("conditional variance", self.recursion.step(self.state, residual))?;
        Ok(z)
    }

    /// Takes a row of returns and gives the standard deviation that was forecast for each.
    ///
    /// # Errors
    /// As [`GarchFilter::observe`], at the first such return; those before it have been taken.
    pub fn observe_all(&mut self, returns: &[f64]) -> Result<Vec<f64>> {
        check::finite(returns)?;
        let mut sigmas = Vec::with_capacity(returns.len());
        for value in returns {
            sigmas.push(self.sigma_next());
            self.observe(*value)?;
        }
        Ok(sigmas)
    }
}
