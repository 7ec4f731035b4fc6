//! Expectiles by mixed frequencies (MIDAS): the tail of a slow return by a long run of fast
//! observations.
//!
//! `e_t = b0 + b1 sum over k of w_k(theta) x_(t - k/m)`, with the beta weights of
//! [`crate::expectile::midas_weights`] (Zhang & Ye 2020). For given `theta` the expectile is
//! linear, so `b0` and `b1` are an exact [`ExpectileRegression`] and only `theta` is searched for:
//! over a grid, the best points of it improved by Nelder-Mead and BFGS.
//!
//! The tail of a day by the absolute returns of its last 48 hours, say:
//!
//! ```
//! use plimsoll_risk::expectile::midas_regression::{MidasExpectileFit, MidasLags, MidasSettings};
//!
//! let hourly: Vec<f64> = (0..24 * 92)
//!     .map(|t| {
//!         let size = if (t / 240) % 2 == 0 { 0.002 } else { 0.006 };
//!         size * (f64::from(t * t % 97) / 48.5 - 1.0)
//!     })
//!     .collect();
//! let sizes: Vec<f64> = hourly.iter().map(|r| r.abs()).collect();
//! // Day d, from the third on, is forecast when 24 d hours are known.
//! let ends: Vec<usize> = (2..92).map(|day| 24 * day).collect();
//! let daily: Vec<f64> =
//!     ends.iter().map(|end| hourly[*end..end + 24].iter().sum()).collect();
//! let lags = MidasLags::of(&sizes, &ends, 48)?;
//! let fit = MidasExpectileFit::of(&daily, &lags, 0.05, &MidasSettings::default())?;
//!
//! assert!(fit.model.slope < 0.0, "the more it moved, the lower the expectile");
//! assert!(fit.model.predict(&sizes[24 * 90..])? < 0.0);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use crate::check::{self, defined, defined_square};
use crate::error::{Result, RiskError};
use crate::expectile::asymmetric_normal::AsymmetricNormal;
use crate::expectile::midas_search::Profile;
use crate::expectile::midas_weights::{LagGrid, midas_beta_weights};
#[cfg(doc)]
use crate::expectile::regression::ExpectileRegression;
use crate::forecast_test::expectile_moment::ExpectileMomentTest;
use crate::moments::sum;

/// Fewest periods that are fitted.
pub const N_MIN: usize = 50;

/// The fast observations that each slow period is forecast from.
#[derive(Debug, Clone, PartialEq)]
pub struct MidasLags {
    /// Rows of `lags` values, the latest first.
    values: Vec<f64>,
    lags: usize,
}

impl MidasLags {
    /// The last `lags` values of `fast` that are known when each period is forecast.
    ///
    /// `ends[t]` is the number of values known then: row `t` is `fast[ends[t] - 1]`,
    /// `fast[ends[t] - 2]` and so on. For a forecast, `ends[t]` counts no value of period `t`.
    ///
    /// # Errors
    /// No lag, an end before the first `lags` values or after the last, or a value that is not
    /// finite.
    pub fn of(fast: &[f64], ends: &[usize], lags: usize) -> Result<Self> {
        check::require(lags > 0, "lags", lags as f64, "at least 1")?;
        check::finite(fast)?;
        let mut values = Vec::with_capacity(ends.len() * lags);
        for end in ends {
            let rule = "from the number of lags to the number of fast observations";
            check::require((lags..=fast.len()).contains(end), "ends", *end as f64, rule)?;
            values.extend(fast[end - lags..*end].iter().rev());
        }
        Ok(Self { values, lags })
    }

    /// Number of slow periods.
    pub fn n(&self) -> usize {
        self.values.len() / self.lags
    }

    /// Number of lags.
    pub fn lags(&self) -> usize {
        self.lags
    }

    /// The lags of each period, the latest first.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.lags)
    }
}

/// Which parameters of the weights are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MidasShape {
    /// `theta_1 = 1`, `theta_2` from 1 to 300: weights that fall with the lag.
    Decay,
    /// Both from 0.1 to 300: weights that may rise before they fall.
    Free,
}

/// How the weights are read off and searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MidasSettings {
    /// Where the beta density is read off.
    pub grid: LagGrid,
    /// Which of its parameters are estimated.
    pub shape: MidasShape,
}

impl Default for MidasSettings {
    fn default() -> Self {
        Self { grid: LagGrid::Interior, shape: MidasShape::Decay }
    }
}

/// A model with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct MidasExpectile {
    /// The expectile level.
    pub tau: f64,
    /// `b0`, in units of the response.
    pub constant: f64,
    /// `b1`, in units of the response per unit of the fast column.
    pub slope: f64,
    /// First parameter of the weights.
    pub theta_1: f64,
    /// Second parameter of the weights.
    pub theta_2: f64,
    /// Where the beta density is read off.
    pub grid: LagGrid,
}

impl MidasExpectile {
    /// The expectile that follows the fast observations `recent`, in the order of time; all of them
    /// are lags.
    ///
    /// # Errors
    /// No observation, a value that is not finite, weights that are not defined, or a result
    /// beyond the range of a double.
    pub fn predict(&self, recent: &[f64]) -> Result<f64> {
        let lags = MidasLags::of(recent, &[recent.len()], recent.len())?;
        Ok(self.expectiles(&lags)?[0])
    }

    /// The expectile of each period.
    ///
    /// # Errors
    /// Weights that are not defined, or a result beyond the range of a double.
    pub fn expectiles(&self, lags: &MidasLags) -> Result<Vec<f64>> {
        let weights = midas_beta_weights(self.theta_1, self.theta_2, lags.lags, self.grid)?;
        lags.rows()
            .map(|row| {
                let mean = sum(row.iter().zip(&weights).map(|(x, w)| x * w));
                defined("midas_expectile", self.constant + self.slope * mean)
            })
            .collect()
    }

    /// Mean asymmetric squared loss of a response about the expectiles, in its squared units.
    ///
    /// # Errors
    /// As [`Self::expectiles`]; `tau` outside (0, 1), a response that is empty, of another length
    /// than the lags or not finite, or a loss beyond the range of a double.
    pub fn loss(&self, response: &[f64], lags: &MidasLags) -> Result<f64> {
        check::open_unit("tau", self.tau)?;
        check_lengths(response, lags)?;
        check::series(response, 1)?;
        let expectiles = self.expectiles(lags)?;
        let pairs = response.iter().zip(&expectiles);
        let exact = pairs.clone().all(|(y, e)| (y - e).abs() <= 0.0);
        let total = sum(pairs.map(|(y, e)| super::care::asymmetric_square(self.tau, y - e)));
        defined_square("midas_expectile", total / response.len() as f64, exact)
    }

    /// Does the expectile lie where it should? The moment test over periods that were not fitted,
    /// with the autocovariances of `lags_of_test` lags. Over those that were it says nothing: the
    /// constant makes the moment zero.
    ///
    /// # Errors
    /// As [`Self::loss`] and [`ExpectileMomentTest::of`].
    pub fn coverage_test(
        &self,
        response: &[f64],
        lags: &MidasLags,
        lags_of_test: usize,
    ) -> Result<ExpectileMomentTest> {
        check_lengths(response, lags)?;
        ExpectileMomentTest::of(response, &self.expectiles(lags)?, self.tau, lags_of_test)
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct MidasExpectileFit {
    /// The model at its estimates.
    pub model: MidasExpectile,
    /// Standard errors, or why there are none: at a bound of a weight parameter, or with a slope of
    /// zero, estimates are not normal however long the series.
    pub standard_errors: Result<MidasStandardErrors>,
    /// Asymmetric normal likelihood and information criteria; an error where no residual is left.
    pub likelihood: Result<AsymmetricNormal>,
    /// The loss divided by that of the best constant expectile.
    pub loss_ratio: f64,
    /// How the search went.
    pub diagnostics: MidasDiagnostics,
}

/// Standard errors by the sandwich of Newey & Powell (1987) with the derivatives of the expectile
/// by the parameters as regressors. They allow for changing variance, not for residuals that
/// depend on each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MidasStandardErrors {
    /// Of `b0`.
    pub constant: f64,
    /// Of `b1`.
    pub slope: f64,
    /// Of the first weight parameter, where it is estimated.
    pub theta_1: Option<f64>,
    /// Of the second.
    pub theta_2: f64,
}

/// How far the estimates can be trusted to be those of the least loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MidasDiagnostics {
    /// Whether the gradient by the weight parameters vanishes, or points out of their range.
    pub converged: bool,
    /// Largest component of the gradient of the relative loss by the logarithms of the weight
    /// parameters, those apart that are at a bound.
    pub gradient_norm: f64,
    /// Whether a weight parameter ended at a bound of its range.
    pub at_boundary: bool,
    /// Starts that were improved.
    pub starts: usize,
    /// How many of them ended at the same loss as the best, to 1e-6.
    pub starts_agreeing: usize,
    /// Expectile regressions solved.
    pub evaluations: usize,
    /// Number of periods.
    pub n: usize,
    /// Periods with a response below their expectile.
    pub n_below: usize,
}

impl MidasExpectileFit {
    /// Fits `response`, a value for each period of `lags`.
    ///
    /// # Errors
    /// `tau` outside (0, 1), fewer than [`N_MIN`] periods, another number of periods than `lags`
    /// has, a value that is not finite, a response that is constant, or fast observations whose
    /// weighted mean is ([`RiskError::SingularDesign`] of column 1).
    pub fn of(
        response: &[f64],
        lags: &MidasLags,
        tau: f64,
        settings: &MidasSettings,
    ) -> Result<Self> {
        check::open_unit("tau", tau)?;
        check::series(response, N_MIN)?;
        check_lengths(response, lags)?;
        let profile = Profile::of(response, lags, tau, settings)?;
        let ended = profile.search()?;
        let model = profile.model(&ended)?;
        let expectiles = model.expectiles(lags)?;
        let n_below = response.iter().zip(&expectiles).filter(|(y, e)| y < e).count();
        let n_coefficients = 2 + profile.n_weight_parameters();
        Ok(Self {
            standard_errors: profile.standard_errors(&ended),
            likelihood: AsymmetricNormal::of(response, &expectiles, tau, n_coefficients),
            loss_ratio: ended.value,
            diagnostics: MidasDiagnostics { n_below, ..ended.diagnostics },
            model,
        })
    }
}

fn check_lengths(response: &[f64], lags: &MidasLags) -> Result<()> {
    let (length, expected) = (response.len(), lags.n());
    if length == expected {
        return Ok(());
    }
    Err(RiskError::LengthMismatch { name: "response", index: 0, length, expected })
}
