//! The likelihood that belongs to expectiles: the asymmetric normal distribution.
//!
//! Its density is proportional to `exp(-|tau - 1(u < 0)| u^2 / s^2)`, so that the coefficients of
//! least asymmetric squared loss are those of the greatest likelihood. It turns losses into
//! information criteria, which may be compared between models of one response and one `tau`. It
//! is a quasi-likelihood: returns are not asymmetric normal.

use std::f64::consts::PI;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// The greatest likelihood of residuals, over the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AsymmetricNormal {
    /// The scale `s`, in units of the response.
    pub scale: f64,
    /// Logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Coefficients and the scale.
    pub n_parameters: usize,
    /// Akaike's criterion, `2 p - 2 log-likelihood`.
    pub aic: f64,
    /// Schwarz's criterion, `p ln n - 2 log-likelihood`.
    pub bic: f64,
}

impl AsymmetricNormal {
    /// Of a response about its fitted expectiles, by a model of `n_coefficients`. The scale is
    /// `sqrt(2 mean loss)`.
    ///
    /// # Errors
    /// `tau` outside (0, 1), slices of different length or empty, a value that is not finite, or a
    /// response that is fitted without a residual.
    pub fn of(
        response: &[f64],
        expectiles: &[f64],
        tau: f64,
        n_coefficients: usize,
    ) -> Result<Self> {
        check::open_unit("tau", tau)?;
        check::series(response, 1)?;
        check::finite(expectiles)?;
        if response.len() != expectiles.len() {
            let (name, length, expected) = ("expectiles", expectiles.len(), response.len());
            return Err(RiskError::LengthMismatch { name, index: 0, length, expected });
        }
        let residuals: Vec<f64> = response.iter().zip(expectiles).map(|(y, e)| y - e).collect();
        let unit = residuals.iter().fold(0.0_f64, |so_far, u| so_far.max(u.abs()));
        if unit <= 0.0 {
            return Err(undefined(
                "asymmetric_normal",
                "the response is fitted without a residual",
            ));
        }
        let n = residuals.len() as f64;
        let mean_loss = sum(residuals.iter().map(|u| exponent(u / unit, tau))) / n;
        let relative = (2.0 * mean_loss).sqrt();
        let log_scale = relative.ln() + unit.ln();
        let log_likelihood = n * (log_normaliser(tau) - log_scale - 0.5);
        let n_parameters = n_coefficients + 1;
        let p = n_parameters as f64;
        Ok(Self {
            scale: defined("asymmetric_normal", relative * unit)?,
            log_likelihood: defined("asymmetric_normal", log_likelihood)?,
            n_parameters,
            aic: 2.0 * p - 2.0 * log_likelihood,
            bic: p * n.ln() - 2.0 * log_likelihood,
        })
    }
}

/// Log-likelihood of residuals at a given scale.
///
/// # Errors
/// `tau` outside (0, 1), a scale that is not finite and above 0, no residual, one that is not
/// finite, or a result beyond the range of a double.
pub fn asymmetric_normal_log_likelihood(residuals: &[f64], tau: f64, scale: f64) -> Result<f64> {
    check::open_unit("tau", tau)?;
    check::positive("scale", scale)?;
    check::series(residuals, 1)?;
    let each = log_normaliser(tau) - scale.ln();
    let total = sum(residuals.iter().map(|u| each - exponent(u / scale, tau)));
    defined("asymmetric_normal_log_likelihood", total)
}

fn exponent(u: f64, tau: f64) -> f64 {
    let weight = if u < 0.0 { 1.0 - tau } else { tau };
    weight * u * u
}

/// Logarithm of `2 sqrt(tau (1 - tau)) / (sqrt(pi) (sqrt(tau) + sqrt(1 - tau)))`.
fn log_normaliser(tau: f64) -> f64 {
    let (low, high) = (tau.sqrt(), (1.0 - tau).sqrt());
    (2.0 * low * high / (PI.sqrt() * (low + high))).ln()
}
