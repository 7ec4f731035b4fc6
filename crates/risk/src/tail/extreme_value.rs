//! Peaks over threshold: the generalised Pareto distribution (GPD) of large losses.
//!
//! Losses are positive. The excess of a loss over a high threshold `u` follows a GPD with shape
//! `xi` (tail index `1 / xi`; negative for a tail with an end point) and scale `beta`
//! (Pickands 1975; McNeil & Frey 2000). Where to put the threshold is the question of
//! [`super::threshold`], how sure the fit is that of [`super::profile_interval`].

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::tail::student_t::golden_section;

pub use super::threshold::{excesses_above, hill_tail_index, threshold_of_largest};

/// Fewest exceedances for a fit.
pub const GPD_EXCEEDANCES_MIN: usize = 30;

/// Below this shape the likelihood estimator is not regular (Smith 1985); fits stop here.
pub(super) const XI_MIN: f64 = -0.5;

/// Largest `xi / beta`, in units of the mean excess, that is searched: beyond it the smallest
/// excesses in these units come near the end of the range of a double.
const HIGHEST_THETA: f64 = 1e285;

/// Shapes closer to zero than this are computed as the exponential limit.
const XI_ZERO: f64 = 1e-8;

/// A fitted generalised Pareto tail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GpdFit {
    /// Threshold u, in units of the losses.
    pub threshold: f64,
    /// Size of the sample.
    pub n: usize,
    /// Losses strictly above the threshold.
    pub n_exceed: usize,
    /// Shape.
    pub xi: f64,
    /// Scale, in units of the losses.
    pub beta: f64,
    /// Log-likelihood of the exceedances at the optimum.
    pub log_likelihood: f64,
    /// Standard error of `xi` from the observed information; `None` where the fit stopped at
    /// `xi = -0.5` or the information is not positive definite.
    pub xi_standard_error: Option<f64>,
    /// Standard error of `beta`, likewise.
    pub beta_standard_error: Option<f64>,
    /// Covariance of both estimates, likewise; negative.
    pub xi_beta_covariance: Option<f64>,
}

impl GpdFit {
    /// Fits the tail of the largest tenth of the losses `-r`: the threshold is the
    /// `floor(n / 10) + 1`-th largest loss.
    ///
    /// # Errors
    /// As [`GpdFit::of_largest`].
    pub fn of_returns(returns: &[f64]) -> Result<Self> {
        let losses: Vec<f64> = returns.iter().map(|r| -r).collect();
        Self::of_largest(&losses, losses.len() / 10)
    }

    /// Fits the `count` largest losses over the `(count + 1)`-th largest. Where losses tie at
    /// the threshold, those strictly above it remain, which may be fewer.
    ///
    /// # Errors
    /// A value that is not finite, or fewer than [`GPD_EXCEEDANCES_MIN`] losses above the
    /// threshold.
    pub fn of_largest(losses: &[f64], count: usize) -> Result<Self> {
        Self::above(losses, threshold_of_largest(losses, count)?)
    }

    /// Fits the losses strictly above `threshold`, by the profile likelihood of `xi / beta`
    /// (Grimshaw 1993) over `xi >= -0.5`.
    ///
    /// # Errors
    /// A value that is not finite, fewer than [`GPD_EXCEEDANCES_MIN`] losses above the threshold,
    /// or excesses more than some 280 orders of magnitude apart.
    pub fn above(losses: &[f64], threshold: f64) -> Result<Self> {
        check::finite(losses)?;
        check::finite_parameter("threshold", threshold)?;
        let excesses = excesses_above(losses, threshold);
        if excesses.len() < GPD_EXCEEDANCES_MIN {
            return Err(RiskError::TooFewObservations {
                n: excesses.len(),
                n_min: GPD_EXCEEDANCES_MIN,
            });
        }
        let mean = defined("gpd_fit", sum(excesses.iter().copied()) / excesses.len() as f64)?;
        if mean < f64::MIN_POSITIVE {
            return Err(undefined("gpd_fit", "the exceedances are all zero"));
        }
        // In units of the mean excess the search is free of scale.
        let scaled: Vec<f64> = excesses.iter().map(|y| y / mean).collect();
        let profile = Profile { excesses: &scaled };
        let (mut xi, mut scaled_beta) = profile.maximise()?;
        let mut log_likelihood = gpd_log_likelihood(&excesses, xi, scaled_beta * mean)?;
        // Where the constraint binds, the scale is free once the shape is fixed.
        let boundary_beta = profile.beta_at_boundary();
        let at_boundary = match gpd_log_likelihood(&excesses, XI_MIN, boundary_beta * mean) {
            Ok(value) if value >= log_likelihood => {
                (xi, scaled_beta, log_likelihood) = (XI_MIN, boundary_beta, value);
                true
            }
            _ => false,
        };
        let beta = scaled_beta * mean;
        let errors = if at_boundary { None } else { standard_errors(&scaled, xi, scaled_beta) };
        Ok(Self {
            threshold,
            n: losses.len(),
            n_exceed: excesses.len(),
            xi,
            beta,
            log_likelihood,
            xi_standard_error: errors.map(|[xi_error, _, _]| xi_error),
            beta_standard_error: errors.map(|[_, beta_error, _]| beta_error * mean),
            xi_beta_covariance: errors.map(|[_, _, covariance]| covariance * mean),
        })
    }

    /// Value at risk `u + beta / xi ((alpha n / n_exceed)^-xi - 1)`, a loss.
    ///
    /// # Errors
    /// `alpha` outside (0, 1) or above the share of exceedances, where the tail does not reach.
    pub fn value_at_risk(&self, alpha: f64) -> Result<f64> {
        let growth = tail_growth(self.xi, self.log_reach(alpha)?);
        defined("gpd_var", self.threshold + self.beta * growth)
    }

    /// Standard error of [`GpdFit::value_at_risk`] by the delta method, given the threshold and
    /// the share of losses above it; `None` where the parameters have none. The interval of
    /// [`super::profile_interval`] is not symmetric and keeps its level better.
    ///
    /// # Errors
    /// As [`GpdFit::value_at_risk`].
    pub fn value_at_risk_standard_error(&self, alpha: f64) -> Result<Option<f64>> {
        let reach = self.log_reach(alpha)?;
        let by_xi = self.beta * tail_growth_slope(self.xi, reach);
        Ok(self.delta_method(by_xi, tail_growth(self.xi, reach)))
    }

    /// Standard error of [`GpdFit::expected_shortfall`], likewise.
    ///
    /// # Errors
    /// As [`GpdFit::expected_shortfall`].
    pub fn expected_shortfall_standard_error(&self, alpha: f64) -> Result<Option<f64>> {
        self.expected_shortfall(alpha)?;
        let reach = self.log_reach(alpha)?;
        let rest = 1.0 - self.xi;
        // ES = u + beta (growth + 1) / (1 - xi).
        let growth = (tail_growth(self.xi, reach) + 1.0) / rest;
        let by_xi = self.beta * (tail_growth_slope(self.xi, reach) + growth) / rest;
        Ok(self.delta_method(by_xi, growth))
    }

    /// `-ln(alpha n / n_exceed)`, at least 0: how far beyond the threshold `alpha` lies.
    pub(super) fn log_reach(&self, alpha: f64) -> Result<f64> {
        check::open_unit("alpha", alpha)?;
        let reach = alpha * self.n as f64 / self.n_exceed as f64;
        let rule = "at most the share of losses above the threshold";
        check::require(reach <= 1.0 + 1e-12, "alpha", alpha, rule)?;
        Ok(-reach.min(1.0).ln())
    }

    /// Standard error of a function of (xi, beta) with the given slopes.
    pub(super) fn delta_method(&self, by_xi: f64, by_beta: f64) -> Option<f64> {
        let (xi_error, beta_error) = (self.xi_standard_error?, self.beta_standard_error?);
        // In units of the standard errors no square leaves the range of a double.
        let correlation = self.xi_beta_covariance? / xi_error / beta_error;
        let (x, y) = (by_xi * xi_error, by_beta * beta_error);
        let unit = x.abs().max(y.abs());
        if unit <= 0.0 {
            return Some(0.0);
        }
        let (x, y) = (x / unit, y / unit);
        let error = unit * (x * x + 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
        error.is_finite().then_some(error)
    }

    /// Expected shortfall `(VaR + beta - xi u) / (1 - xi)`, a loss.
    ///
    /// # Errors
    /// As [`GpdFit::value_at_risk`], or a shape of at least 1: the tail has no mean.
    pub fn expected_shortfall(&self, alpha: f64) -> Result<f64> {
        let value_at_risk = self.value_at_risk(alpha)?;
        if self.xi >= 1.0 {
            return Err(undefined("gpd_es", "with a shape of 1 or more the tail has no mean"));
        }
        let numerator = value_at_risk + self.beta - self.xi * self.threshold;
        defined("gpd_es", numerator / (1.0 - self.xi))
    }
}

/// Log-likelihood of excesses (at least 0) under a GPD:
/// `-k ln beta - (1 + 1 / xi) sum ln(1 + xi y / beta)`.
///
/// # Errors
/// A negative or non-finite excess, an empty slice, `beta` not above 0, or an excess beyond the
/// end point of a negative shape.
pub fn gpd_log_likelihood(excesses: &[f64], xi: f64, beta: f64) -> Result<f64> {
    check::series(excesses, 1)?;
    check::finite_parameter("xi", xi)?;
    check::positive("beta", beta)?;
    if let Some(&excess) = excesses.iter().find(|excess| **excess < 0.0) {
        check::require(false, "excess", excess, "at least 0")?;
    }
    let k = excesses.len() as f64;
    if xi.abs() < XI_ZERO {
        let scaled = sum(excesses.iter().map(|y| y / beta));
        return defined("gpd_loglik", -k * beta.ln() - scaled);
    }
    let largest = excesses.iter().copied().fold(0.0, f64::max);
    if 1.0 + xi * largest / beta <= 0.0 {
        return Err(undefined(
            "gpd_loglik",
            "an excess lies beyond the end point of the distribution",
        ));
    }
    let logs = sum(excesses.iter().map(|y| (xi * y / beta).ln_1p()));
    defined("gpd_loglik", -k * beta.ln() - (1.0 + 1.0 / xi) * logs)
}

/// `(exp(xi log_reach) - 1) / xi`: the quantile beyond the threshold in units of the scale.
pub(super) fn tail_growth(xi: f64, log_reach: f64) -> f64 {
    if xi.abs() < XI_ZERO { log_reach } else { (xi * log_reach).exp_m1() / xi }
}

/// Slope of [`tail_growth`] in `xi`.
fn tail_growth_slope(xi: f64, log_reach: f64) -> f64 {
    let x = xi * log_reach;
    if x.abs() < 1e-4 {
        return log_reach * log_reach * (0.5 + x / 3.0 + x * x / 8.0);
    }
    (log_reach * x.exp() - tail_growth(xi, log_reach)) / xi
}

/// Profile likelihood in `theta = xi / beta` of excesses with mean 1.
struct Profile<'a> {
    excesses: &'a [f64],
}

impl Profile<'_> {
    fn xi(&self, theta: f64) -> f64 {
        sum(self.excesses.iter().map(|y| (theta * y).ln_1p())) / self.excesses.len() as f64
    }

    /// `xi / theta`, by its limit near zero.
    fn beta(&self, theta: f64) -> f64 {
        if theta.abs() < 1e-9 {
            let squares = sum(self.excesses.iter().map(|y| y * y)) / self.excesses.len() as f64;
            return 1.0 - 0.5 * theta * squares;
        }
        self.xi(theta) / theta
    }

    /// Log-likelihood per excess, less a constant.
    fn value(&self, theta: f64) -> f64 {
        -self.beta(theta).ln() - self.xi(theta)
    }

    /// The best (xi, beta) on the profile, over `xi >= -0.5`.
    fn maximise(&self) -> Result<(f64, f64)> {
        let largest = self.excesses.iter().copied().fold(0.0, f64::max);
        let smallest = self.excesses.iter().copied().fold(f64::INFINITY, f64::min);
        // xi(theta) rises from minus infinity at -1 / largest to 0 at 0.
        let lowest = crate::numeric::distribution::bisect(-1.0 / largest, 0.0, |theta| {
            self.xi(theta) < XI_MIN
        });
        // The profile may have more than one peak, so the whole range is looked at first:
        // evenly below zero, in equal ratios above.
        let mut grid: Vec<f64> = (0..40).map(|i| lowest * (1.0 - f64::from(i) / 40.0)).collect();
        grid.push(0.0);
        // Where theta times every excess is large the profile falls for good: its slope by
        // ln theta is 1 - s (1 + 1 / xi), s the mean of theta y / (1 + theta y).
        let highest = 1e15_f64.max(1e3 / smallest);
        if highest > HIGHEST_THETA {
            return Err(undefined("gpd_fit", "the exceedances are too many magnitudes apart"));
        }
        let above_zero = (0..).map(|i| 10.0_f64.powf(-3.0 + f64::from(i) * 0.15));
        grid.extend(above_zero.take_while(|theta| *theta <= highest));
        let mut best = (0, f64::NEG_INFINITY);
        for (index, &theta) in grid.iter().enumerate() {
            let value = self.value(theta);
            if value > best.1 {
                best = (index, value);
            }
        }
        let low = grid[best.0.saturating_sub(1)];
        let high = grid[(best.0 + 1).min(grid.len() - 1)];
        let theta = if low > 0.0 {
            golden_section(low.ln(), high.ln(), |x| self.value(x.exp())).exp()
        } else {
            golden_section(low, high, |x| self.value(x))
        };
        Ok((self.xi(theta).max(XI_MIN), self.beta(theta)))
    }

    /// The best scale at a shape of exactly -0.5, where the score is
    /// `sum a / (1 - a) - k` with `a = y / (2 beta)`, falling in beta.
    fn beta_at_boundary(&self) -> f64 {
        let largest = self.excesses.iter().copied().fold(0.0, f64::max);
        let k = self.excesses.len() as f64;
        let rising = |beta: f64| {
            let terms = self.excesses.iter().map(|y| {
                let a = 0.5 * y / beta;
                a / (1.0 - a)
            });
            0.5 * largest >= beta || sum(terms) > k
        };
        // At twice the largest excess every term is at most one third.
        crate::numeric::distribution::bisect(0.5 * largest, 2.0 * largest, rising)
    }
}

/// Standard errors of xi and beta and their covariance, from the inverse of the observed
/// information.
fn standard_errors(excesses: &[f64], xi: f64, beta: f64) -> Option<[f64; 3]> {
    let mut information = [0.0; 3];
    for y in excesses {
        let w = y / beta;
        let v = w / (1.0 + xi * w);
        // Second derivative of the log density in xi; a series where the terms cancel.
        let xi_xi = if (xi * w).abs() < 1e-3 && xi.abs() < 1e-3 {
            w * w - w.powi(3) * 2.0 / 3.0 + xi * (1.5 * w.powi(4) - 2.0 * w.powi(3))
        } else {
            let log = (xi * w).ln_1p();
            -2.0 * log / xi.powi(3) + 2.0 * v / (xi * xi) + (1.0 + 1.0 / xi) * v * v
        };
        information[0] -= xi_xi;
        information[1] -= (v - (1.0 + xi) * v * v) / beta;
        information[2] -= (1.0 - (1.0 + xi) * v * (2.0 - xi * v)) / (beta * beta);
    }
    let [xi_xi, xi_beta, beta_beta] = information;
    let determinant = xi_xi * beta_beta - xi_beta * xi_beta;
    let positive = determinant > 0.0 && xi_xi > 0.0 && determinant.is_finite();
    positive.then(|| {
        let covariance = -xi_beta / determinant;
        [(beta_beta / determinant).sqrt(), (xi_xi / determinant).sqrt(), covariance]
    })
}
