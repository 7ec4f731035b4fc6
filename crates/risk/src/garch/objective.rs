//! The mean log-likelihood with its gradient: one pass over the returns gives both.

use super::density::{CUSP, Density, Derivatives, NormalInverseGaussian};
use super::model::{GarchParameters, GarchSpec, VarianceStart, Volatility};

/// `mu, omega, alpha, gamma, beta` and two shape parameters.
pub(crate) type Gradient = [f64; 7];

/// Products of sigmas are taken this long before their logarithm.
const SIGMAS_PER_LOGARITHM: u32 = 8;

/// The returns of a likelihood and how its recursion starts.
pub(crate) struct Objective<'a> {
    pub(crate) returns: &'a [f64],
    pub(crate) spec: GarchSpec,
    pub(crate) backcast: f64,
    /// Distance in standard deviations over which the cusp of a variance gamma density is rounded;
    /// 0 for the likelihood itself.
    pub(crate) rounding: f64,
}

impl Objective<'_> {
    /// Mean log-likelihood of a return and its gradient; not finite where a variance is not
    /// positive.
    pub(crate) fn evaluate(&self, at: &GarchParameters) -> (f64, Gradient) {
        let mut total = [0.0; 7];
        let value = self.walk(at, |score| {
            for (sum, term) in total.iter_mut().zip(score) {
                *sum += term;
            }
        });
        let n = self.returns.len() as f64;
        (value / n, total.map(|sum| sum / n))
    }

    /// The gradient of every return's own log-likelihood.
    pub(crate) fn scores(&self, at: &GarchParameters) -> Vec<Gradient> {
        let mut scores = Vec::with_capacity(self.returns.len());
        self.walk(at, |score| scores.push(*score));
        scores
    }

    /// The log-likelihood of all returns. One loop for each law, so that the law is not asked for
    /// at every return.
    fn walk(&self, at: &GarchParameters, collect: impl FnMut(&Gradient)) -> f64 {
        match Density::of(at.innovation) {
            Density::Normal => {
                let normal = Density::Normal;
                self.pass(at, |z| normal.derivatives(z), collect)
            }
            Density::StudentT(law) => self.pass(at, |z| law.derivatives(z), collect),
            Density::SkewT(law) => self.pass(at, |z| law.derivatives(z), collect),
            Density::NormalInverseGaussian(law) => {
                let bessel = NormalInverseGaussian::bessel();
                self.pass(at, |z| law.derivatives_by(z, |x| bessel.at(x)), collect)
            }
            Density::VarianceGamma(law) => {
                let bessel = law.bessel();
                let rounding = self.rounding.max(CUSP);
                self.pass(at, |z| law.derivatives_by(z, rounding, |y| bessel.at(y)), collect)
            }
        }
    }

    fn pass(
        &self,
        at: &GarchParameters,
        density: impl Fn(f64) -> Derivatives,
        mut collect: impl FnMut(&Gradient),
    ) -> f64 {
        let GarchParameters { mu, omega, alpha, gamma, beta, .. } = *at;
        let threshold = self.spec.volatility == Volatility::Threshold;
        // d ln sigma / d ln state
        let share = if threshold { 1.0 } else { 0.5 };
        let (mut state, mut by) = self.start(at);
        let mut total = 0.0;
        let (mut product, mut factors) = (1.0, 0);
        for r in self.returns {
            if !(state > 0.0 && state.is_finite()) {
                return f64::NEG_INFINITY;
            }
            let residual = r - mu;
            let sigma = if threshold { state } else { state.sqrt() };
            let inverse = 1.0 / sigma;
            let z = residual * inverse;
            let Derivatives { log, slope, shape } = density(z);
            total += log;
            product *= sigma;
            factors += 1;
            if factors == SIGMAS_PER_LOGARITHM {
                total -= f64::ln(product);
                (product, factors) = (1.0, 0);
            }
            let pull = -(1.0 + slope * z) * share / state;
            collect(&[
                pull * by[0] - slope * inverse,
                pull * by[1],
                pull * by[2],
                pull * by[3],
                pull * by[4],
                shape[0],
                shape[1],
            ]);
            let negative = if residual < 0.0 { 1.0 } else { 0.0 };
            let response = alpha + gamma * negative;
            let (size, size_by_mu) = if threshold {
                (residual.abs(), 2.0 * negative - 1.0)
            } else {
                (residual * residual, -2.0 * residual)
            };
            by = [
                response * size_by_mu + beta * by[0],
                1.0 + beta * by[1],
                size + beta * by[2],
                negative * size + beta * by[3],
                state + beta * by[4],
            ];
            state = omega + response * size + beta * state;
        }
        total - f64::ln(product)
    }

    /// The first state and its derivatives.
    fn start(&self, at: &GarchParameters) -> (f64, [f64; 5]) {
        match self.spec.start {
            VarianceStart::Backcast => {
                let backcast = self.backcast;
                let state = at.omega + (at.alpha + 0.5 * at.gamma + at.beta) * backcast;
                (state, [0.0, 1.0, backcast, 0.5 * backcast, backcast])
            }
            VarianceStart::MeanSquaredResidual => {
                let n = self.returns.len() as f64;
                let (mut first, mut second) = (0.0, 0.0);
                for r in self.returns {
                    let residual = r - at.mu;
                    first += residual;
                    second += residual * residual;
                }
                let (mean, square) = (first / n, second / n);
                if self.spec.volatility == Volatility::Threshold {
                    let sigma = square.sqrt();
                    (sigma, [-mean / sigma, 0.0, 0.0, 0.0, 0.0])
                } else {
                    (square, [-2.0 * mean, 0.0, 0.0, 0.0, 0.0])
                }
            }
        }
    }
}
