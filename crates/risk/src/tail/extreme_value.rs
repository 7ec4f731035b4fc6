//! Peaks over threshold: the generalised Pareto distribution (GPD) of large losses, and Hill's
//! tail index.
//!
//! Losses are positive. The excess of a loss over a high threshold `u` follows a GPD with shape
//! `xi` (tail index `1 / xi`; negative for a tail with an end point) and scale `beta`
//! (Pickands 1975; McNeil & Frey 2000).

use serde::Serialize;

use crate::check::{self, defined, undefined};
use crate::error::{Result, RiskError};
use crate::moments::sum;
use crate::tail::student_t::golden_section;

/// Fewest exceedances for a fit.
pub const GPD_EXCEEDANCES_MIN: usize = 30;

/// Below this shape the likelihood estimator is not regular (Smith 1985); fits stop here.
const XI_MIN: f64 = -0.5;

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
    /// A value that is not finite, or fewer than [`GPD_EXCEEDANCES_MIN`] losses above the
    /// threshold.
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
        let (mut xi, mut scaled_beta) = profile.maximise();
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
            xi_standard_error: errors.map(|(xi_error, _)| xi_error),
            beta_standard_error: errors.map(|(_, beta_error)| beta_error * mean),
        })
    }

    /// Value at risk `u + beta / xi ((alpha n / n_exceed)^-xi - 1)`, a loss.
    ///
    /// # Errors
    /// `alpha` outside (0, 1) or above the share of exceedances, where the tail does not reach.
    pub fn value_at_risk(&self, alpha: f64) -> Result<f64> {
        check::open_unit("alpha", alpha)?;
        let reach = alpha * self.n as f64 / self.n_exceed as f64;
        check::require(
            reach <= 1.0 + 1e-12,
            "alpha",
            alpha,
            "at most the share of losses above the threshold",
        )?;
        let log_ratio = -reach.min(1.0).ln();
        let excess = if self.xi.abs() < XI_ZERO {
            log_ratio
        } else {
            (self.xi * log_ratio).exp_m1() / self.xi
        };
        defined("gpd_var", self.threshold + self.beta * excess)
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

/// Hill's estimate of the tail index: the inverse mean of `ln(L_(i) / L_(count + 1))` over the
/// `count` largest losses (Hill 1975). About 2 to 4 for daily crypto returns; small is heavy.
///
/// # Errors
/// A value that is not finite, `count` of 0 or not below the number of losses, a threshold not
/// above 0, or `count` losses all equal to it.
pub fn hill_tail_index(losses: &[f64], count: usize) -> Result<f64> {
    let threshold = threshold_of_largest(losses, count)?;
    check::require(count > 0, "count", count as f64, "at least 1")?;
    if threshold <= 0.0 {
        return Err(undefined(
            "hill_alpha",
            "the threshold is not a loss: fewer losses than asked for",
        ));
    }
    // Losses tied with the threshold add ln 1 = 0.
    let logs = losses.iter().filter(|loss| **loss > threshold).map(|loss| (loss / threshold).ln());
    check::ratio("hill_alpha", count as f64, sum(logs), "all losses in the tail are equal")
}

/// The `(count + 1)`-th largest loss.
///
/// # Errors
/// A value that is not finite, or not more than `count` losses.
pub fn threshold_of_largest(losses: &[f64], count: usize) -> Result<f64> {
    check::series(losses, count.saturating_add(1))?;
    let mut work = losses.to_vec();
    let (_, threshold, _) = work.select_nth_unstable_by(count, |a, b| b.total_cmp(a));
    Ok(*threshold)
}

/// `loss - threshold` of every loss strictly above the threshold, in the order of the sample.
pub fn excesses_above(losses: &[f64], threshold: f64) -> Vec<f64> {
    losses.iter().filter(|loss| **loss > threshold).map(|loss| loss - threshold).collect()
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
    fn maximise(&self) -> (f64, f64) {
        let largest = self.excesses.iter().copied().fold(0.0, f64::max);
        // xi(theta) rises from minus infinity at -1 / largest to 0 at 0.
        let lowest = crate::numeric::distribution::bisect(-1.0 / largest, 0.0, |theta| {
            self.xi(theta) < XI_MIN
        });
        // The profile may have more than one peak, so the whole range is looked at first:
        // evenly below zero, in equal ratios above.
        let mut grid: Vec<f64> = (0..40).map(|i| lowest * (1.0 - f64::from(i) / 40.0)).collect();
        grid.push(0.0);
        grid.extend((0..120).map(|i| 10.0_f64.powf(-3.0 + f64::from(i) * 0.15)));
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
        (self.xi(theta).max(XI_MIN), self.beta(theta))
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

/// Standard errors of (xi, beta) from the inverse of the observed information.
fn standard_errors(excesses: &[f64], xi: f64, beta: f64) -> Option<(f64, f64)> {
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
    positive.then(|| ((beta_beta / determinant).sqrt(), (xi_xi / determinant).sqrt()))
}
