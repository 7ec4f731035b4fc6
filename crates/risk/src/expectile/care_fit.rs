//! Estimates of the conditional autoregressive expectile models.
//!
//! With a lagged expectile the loss has local minima and flat valleys, so the search is wide:
//! ten thousand seeded random candidates, the best ten improved by Nelder-Mead and then by BFGS
//! with the exact gradient, and three more starts from a grid of `b1`. Without one ([`CareModel::KuanYehHsu`]) it is a regression, solved
//! exactly. Returns are brought to unit size by a power of two before, which loses nothing.
//!
//! ```
//! use plimsoll_risk::expectile::care::CareModel;
//! use plimsoll_risk::expectile::care_fit::{CareFit, CareSettings};
//!
//! // Quiet and stormy stretches of 40 days.
//! let returns: Vec<f64> = (0..400)
//!     .map(|t| {
//!         let size = if (t / 40) % 2 == 0 { 0.01 } else { 0.04 };
//!         size * (f64::from(t * t % 97) / 48.5 - 1.0)
//!     })
//!     .collect();
//! let model = CareModel::SymmetricAbsoluteValue;
//! let fit = CareFit::of(&returns, model, 0.05, &CareSettings::default())?;
//!
//! assert!(fit.diagnostics.converged);
//! // A larger return yesterday makes a lower expectile today.
//! assert!(fit.care.coefficients()[2] < 0.0);
//! assert!(fit.loss_ratio < 1.0);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::check::{self, undefined};
use crate::error::Result;
use crate::expectile::care::{Care, CareModel, CarePath};
use crate::expectile::care_search::{Ended, Recursion};
use crate::expectile::regression::ExpectileRegression;
use crate::expectile::sample::expectile;
use crate::numeric::least_squares::Design;

/// Fewest returns that are fitted.
pub const N_MIN: usize = 50;
/// A coefficient of the lagged expectile above this is at the edge of the domain.
const LAG_MAX: f64 = 0.9999;
/// Largest gradient, in units of the scaled problem, that counts as none.
const GRADIENT_MAX: f64 = 1e-6;
/// Returns whose expectile starts a recursion: a tenth of them, at most this many.
const START_MAX: usize = 300;

/// How widely a recursion is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CareSettings {
    /// Seed of the candidates.
    pub seed: u64,
    /// Random candidates of a fit from nothing.
    pub candidates: usize,
    /// The best of them that are improved; at least one.
    pub polished: usize,
    /// Random candidates beside the start in a fit from earlier coefficients; the best of them is
    /// improved as well.
    pub candidates_beside_start: usize,
}

impl Default for CareSettings {
    fn default() -> Self {
        Self { seed: 0, candidates: 10_000, polished: 10, candidates_beside_start: 40 }
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct CareFit {
    /// The model at its estimates.
    pub care: Care,
    /// Expectiles of the returns that were fitted, and the next one.
    pub path: CarePath,
    /// Share of the returns below their expectile, of those that have a forecast.
    pub coverage_fraction: f64,
    /// The loss divided by that of the best constant expectile: 1 where the past says nothing.
    pub loss_ratio: f64,
    /// How the search went.
    pub diagnostics: CareDiagnostics,
}

/// How far the estimates can be trusted to be those of the least loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CareDiagnostics {
    /// Whether the gradient of the loss vanishes at the estimates.
    pub converged: bool,
    /// Largest component of the gradient of the relative loss, by long-run level, `atanh b1` and
    /// long-run slopes, of returns of unit size.
    pub gradient_norm: f64,
    /// Whether `b1` ended at the edge of (-1, 1): the expectile is a constant or a random walk.
    pub at_boundary: bool,
    /// Starts that were improved.
    pub starts: usize,
    /// How many of them ended at the same loss as the best, to 1e-6.
    pub starts_agreeing: usize,
    /// Evaluations of the loss over the whole series.
    pub evaluations: usize,
    /// Number of returns.
    pub n: usize,
    /// Returns below their expectile, of those that have a forecast.
    pub n_below: usize,
}

impl CareFit {
    /// Fits `model` at level `tau` to `returns`, in the order of time.
    ///
    /// A recursion starts from the expectile of the first tenth of the returns, of 300 at most.
    ///
    /// # Errors
    /// `tau` outside (0, 1), fewer than [`N_MIN`] returns, a value that is not finite, returns that
    /// are all equal, regressors that do not differ ([`crate::RiskError::SingularDesign`]: 0 the constant,
    /// then those of the model, as where no return is negative), or a result beyond the range of a
    /// double.
    pub fn of(
        returns: &[f64],
        model: CareModel,
        tau: f64,
        settings: &CareSettings,
    ) -> Result<Self> {
        let scaled = Scaled::of(returns, model, tau)?;
        match model {
            CareModel::SymmetricAbsoluteValue => scaled.search(None, settings, symmetric),
            CareModel::AsymmetricSlope => scaled.search(None, settings, asymmetric),
            CareModel::KuanYehHsu => scaled.regress(),
        }
    }

    /// Fits the model of `earlier` at level `tau` to other returns, as a window that moved on:
    /// from its coefficients and a few random candidates instead of many.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn from_earlier(
        returns: &[f64],
        earlier: &Care,
        tau: f64,
        settings: &CareSettings,
    ) -> Result<Self> {
        let scaled = Scaled::of(returns, earlier.model(), tau)?;
        let mut start = earlier.coefficients().to_vec();
        start[0] /= scaled.unit;
        match earlier.model() {
            CareModel::SymmetricAbsoluteValue => scaled.search(Some(&start), settings, symmetric),
            CareModel::AsymmetricSlope => scaled.search(Some(&start), settings, asymmetric),
            CareModel::KuanYehHsu => scaled.regress(),
        }
    }
}

fn symmetric(r: f64) -> [f64; 1] {
    [r.abs()]
}

fn asymmetric(r: f64) -> [f64; 2] {
    [r.max(0.0), (-r).max(0.0)]
}

/// The returns at unit size.
struct Scaled<'a> {
    returns: &'a [f64],
    model: CareModel,
    tau: f64,
    /// A power of two near the root mean square.
    unit: f64,
    values: Vec<f64>,
    /// The best constant expectile and its mean loss, of the scaled values.
    level: f64,
    level_loss: f64,
}

impl<'a> Scaled<'a> {
    fn of(returns: &'a [f64], model: CareModel, tau: f64) -> Result<Self> {
        check::open_unit("tau", tau)?;
        check::series(returns, N_MIN)?;
        let unit = size(returns);
        let values: Vec<f64> = returns.iter().map(|r| r / unit).collect();
        if values.iter().all(|x| *x <= values[0]) && values.iter().all(|x| *x >= values[0]) {
            return Err(undefined("care", "all returns are equal"));
        }
        let forecast = &values[model.n_without_forecast()..];
        let level = expectile(forecast, tau)?;
        let constant =
            Care::new(CareModel::AsymmetricSlope, tau, vec![level, 0.0, 0.0, 0.0], level)?;
        let level_loss = constant.loss(forecast)?;
        if level_loss <= 0.0 {
            return Err(undefined("care", "all returns but the first are equal"));
        }
        Ok(Self { returns, model, tau, unit, values, level, level_loss })
    }

    fn first_expectile(&self) -> Result<f64> {
        let n = self.values.len().div_ceil(10).min(START_MAX);
        expectile(&self.values[..n], self.tau)
    }

    /// A recursion, from earlier coefficients where they are given.
    fn search<const S: usize>(
        &self,
        earlier: Option<&[f64]>,
        settings: &CareSettings,
        regressors: fn(f64) -> [f64; S],
    ) -> Result<CareFit> {
        let start = self.first_expectile()?;
        self.check_rank(regressors)?;
        let recursion = Recursion {
            values: &self.values,
            regressors: self.values.iter().map(|x| regressors(*x)).collect(),
            tau: self.tau,
            start,
            level: self.level,
            level_loss: self.level_loss,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let ended = match earlier {
            None => recursion.search(&mut rng, settings.candidates, settings.polished),
            Some(earlier) => {
                recursion.search_from(earlier, &mut rng, settings.candidates_beside_start)
            }
        };
        let best = ended
            .iter()
            .min_by(|a, b| a.value.total_cmp(&b.value))
            .filter(|best| best.value.is_finite())
            .ok_or(undefined("care", "no candidate has a finite loss"))?;
        let agreeing = ended.iter().filter(|end| end.value <= best.value * (1.0 + 1e-6)).count();
        let evaluations = recursion.evaluations(&ended, settings, earlier.is_some());
        self.finish(best, start, ended.len(), agreeing, evaluations)
    }

    /// Coefficients of regressors that are multiples of each other cannot be told apart.
    fn check_rank<const S: usize>(&self, regressors: fn(f64) -> [f64; S]) -> Result<()> {
        let past = &self.values[..self.values.len() - 1];
        let mut columns = vec![vec![1.0; past.len()]];
        for j in 0..S {
            columns.push(past.iter().map(|x| regressors(*x)[j]).collect());
        }
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        Design::new(&columns, past.len()).map(|_| ())
    }

    fn finish(
        &self,
        best: &Ended,
        start: f64,
        starts: usize,
        starts_agreeing: usize,
        evaluations: usize,
    ) -> Result<CareFit> {
        let mut coefficients = best.coefficients.clone();
        let lag = coefficients[1];
        coefficients[0] *= self.unit;
        let care = Care::new(self.model, self.tau, coefficients, start * self.unit)?;
        let gradient_norm = best.gradient_norm;
        let (n, n_below) = (self.values.len(), 0);
        self.fit_at(
            care,
            CareDiagnostics {
                converged: gradient_norm <= GRADIENT_MAX,
                gradient_norm,
                at_boundary: lag.abs() > LAG_MAX,
                starts,
                starts_agreeing,
                evaluations,
                n,
                n_below,
            },
            best.value,
        )
    }

    /// The linear model: one exact regression.
    fn regress(&self) -> Result<CareFit> {
        let (past, response) = (&self.values[..self.values.len() - 1], &self.values[1..]);
        let ones = vec![1.0; past.len()];
        let up: Vec<f64> = past.iter().map(|x| x.max(0.0).powi(2)).collect();
        let down: Vec<f64> = past.iter().map(|x| x.min(0.0).powi(2)).collect();
        let columns = [&ones, past, &up, &down];
        let regression = ExpectileRegression::fit(response, &columns, self.tau)?;
        let gradient_norm = self.gradient_of(&regression, &columns, response);
        let mut coefficients = regression.coefficients;
        coefficients[0] *= self.unit;
        coefficients[2] /= self.unit;
        coefficients[3] /= self.unit;
        let start = self.first_expectile()? * self.unit;
        if !coefficients.iter().all(|b| b.is_finite()) {
            return Err(undefined("care", "the result is beyond the range of a double"));
        }
        let care = Care::new(self.model, self.tau, coefficients, start)?;
        let diagnostics = CareDiagnostics {
            converged: gradient_norm <= GRADIENT_MAX,
            gradient_norm,
            at_boundary: false,
            starts: 1,
            starts_agreeing: 1,
            evaluations: regression.steps,
            n: self.values.len(),
            n_below: 0,
        };
        self.fit_at(care, diagnostics, regression.objective / self.level_loss)
    }

    fn gradient_of(
        &self,
        regression: &ExpectileRegression,
        columns: &[&[f64]],
        response: &[f64],
    ) -> f64 {
        let n = response.len() as f64;
        let residual = |t: usize| {
            let fitted: f64 =
                columns.iter().zip(&regression.coefficients).map(|(x, b)| x[t] * b).sum();
            response[t] - fitted
        };
        let pull = |t: usize| {
            let u = residual(t);
            if u < 0.0 { (1.0 - self.tau) * u } else { self.tau * u }
        };
        let component = |x: &&[f64]| {
            let total: f64 = (0..response.len()).map(|t| -2.0 * pull(t) * x[t]).sum();
            total / (n * self.level_loss)
        };
        columns.iter().map(component).fold(0.0, |so_far, g| f64::max(so_far, g.abs()))
    }

    fn fit_at(&self, care: Care, diagnostics: CareDiagnostics, loss_ratio: f64) -> Result<CareFit> {
        let path = care.filter(self.returns)?;
        let skipped = self.model.n_without_forecast();
        let pairs = self.returns.iter().zip(&path.expectiles).skip(skipped);
        let n_below = pairs.filter(|(r, e)| r < e).count();
        let coverage_fraction = n_below as f64 / (self.returns.len() - skipped) as f64;
        let diagnostics = CareDiagnostics { n_below, ..diagnostics };
        Ok(CareFit { care, path, coverage_fraction, loss_ratio, diagnostics })
    }
}

/// The power of two at or below the root mean square; 1 for a series of zeros.
pub(crate) fn size(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |so_far, x| so_far.max(x.abs()));
    if largest <= 0.0 {
        return 1.0;
    }
    let square = values.iter().map(|x| (x / largest).powi(2)).sum::<f64>() / values.len() as f64;
    let exponent = (largest.log2() + 0.5 * square.log2()).floor();
    // Within the normal numbers, so that a division by it is exact.
    2.0_f64.powi(exponent.clamp(-1021.0, 1022.0) as i32)
}
