//! Log densities of the innovations with their derivatives, prepared for many evaluations at one
//! set of shape parameters: what a likelihood is made of.

use std::f64::consts::PI;
use std::sync::LazyLock;

use statrs::function::gamma::{digamma, ln_gamma};

use super::innovation::Innovation;
use crate::numeric::bessel::{BesselK, BesselKOfOrder, bessel_k};
use crate::numeric::distribution::ln_gamma_half_step;

/// Nearest that a derivative is taken to the cusp of the variance gamma density.
pub(crate) const CUSP: f64 = 1e-12;

/// A density of mean 0 and variance 1, its constants computed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Density {
    Normal,
    StudentT(StudentT),
    SkewT(SkewT),
    NormalInverseGaussian(NormalInverseGaussian),
    VarianceGamma(VarianceGamma),
}

/// Value of a log density, its derivative in `z` and those in the shape parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derivatives {
    pub(crate) log: f64,
    pub(crate) slope: f64,
    pub(crate) shape: [f64; 2],
}

impl Density {
    pub(crate) fn of(innovation: Innovation) -> Self {
        match innovation {
            Innovation::Normal => Self::Normal,
            Innovation::StudentT { nu } => Self::StudentT(StudentT::of(nu)),
            Innovation::SkewT { eta, lambda } => Self::SkewT(SkewT::of(eta, lambda)),
            Innovation::NormalInverseGaussian { alpha, beta } => {
                Self::NormalInverseGaussian(NormalInverseGaussian::of(alpha, beta))
            }
            Innovation::VarianceGamma { theta, nu } => {
                Self::VarianceGamma(VarianceGamma::of(theta, nu))
            }
        }
    }

    /// Log density at `z`; infinite at the pole of a variance gamma density with `nu >= 2`.
    pub(crate) fn log(&self, z: f64) -> f64 {
        match self {
            Self::Normal => -0.5 * (z * z + (2.0 * PI).ln()),
            Self::StudentT(law) => law.log(z),
            Self::SkewT(law) => law.log(z),
            Self::NormalInverseGaussian(law) => law.log_at_distance(z - law.mu),
            Self::VarianceGamma(law) => law.log_at_distance(z + law.theta),
        }
    }

    /// The same with its derivatives. At the cusp of a variance gamma density the derivative is
    /// the middle of those on either side.
    pub(crate) fn derivatives(&self, z: f64) -> Derivatives {
        match self {
            Self::Normal => Derivatives { log: self.log(z), slope: -z, shape: [0.0; 2] },
            Self::StudentT(law) => law.derivatives(z),
            Self::SkewT(law) => law.derivatives(z),
            Self::NormalInverseGaussian(law) => law.derivatives(z),
            Self::VarianceGamma(law) => law.derivatives(z),
        }
    }
}

/// Student-t scaled to variance 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StudentT {
    nu: f64,
    log_constant: f64,
    constant_derivative: f64,
}

impl StudentT {
    fn of(nu: f64) -> Self {
        let log_constant = ln_gamma_half_step(0.5 * nu) - 0.5 * (PI * (nu - 2.0)).ln();
        let constant_derivative =
            0.5 * (digamma(0.5 * (nu + 1.0)) - digamma(0.5 * nu) - 1.0 / (nu - 2.0));
        Self { nu, log_constant, constant_derivative }
    }

    fn log(&self, z: f64) -> f64 {
        self.log_constant - 0.5 * (self.nu + 1.0) * (z * z / (self.nu - 2.0)).ln_1p()
    }

    pub(crate) fn derivatives(&self, z: f64) -> Derivatives {
        let room = self.nu - 2.0;
        let square = z * z;
        let logarithm = (square / room).ln_1p();
        // (nu + 1) / (nu - 2 + z^2)
        let pull = (self.nu + 1.0) / (room + square);
        Derivatives {
            log: self.log_constant - 0.5 * (self.nu + 1.0) * logarithm,
            slope: -pull * z,
            shape: [self.constant_derivative - 0.5 * logarithm + 0.5 * pull * square / room, 0.0],
        }
    }
}

/// Hansen's skew-t: with `y = B z + A`, a standardised t stretched by `1 + lambda` above zero and
/// by `1 - lambda` below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SkewT {
    symmetric: StudentT,
    lambda: f64,
    /// `A` and `B` with their derivatives in `eta` and `lambda`.
    pub(crate) shift: f64,
    pub(crate) spread: f64,
    shift_derivative: [f64; 2],
    spread_derivative: [f64; 2],
    log_spread: f64,
}

impl SkewT {
    pub(crate) fn of(eta: f64, lambda: f64) -> Self {
        let symmetric = StudentT::of(eta);
        let c = symmetric.log_constant.exp();
        let share = (eta - 2.0) / (eta - 1.0);
        let shift = 4.0 * lambda * c * share;
        let spread = (1.0 + 3.0 * lambda * lambda - shift * shift).sqrt();
        let shift_derivative = [
            shift * symmetric.constant_derivative + 4.0 * lambda * c / ((eta - 1.0) * (eta - 1.0)),
            4.0 * c * share,
        ];
        let spread_derivative = [
            -shift * shift_derivative[0] / spread,
            (3.0 * lambda - shift * shift_derivative[1]) / spread,
        ];
        let log_spread = spread.ln();
        Self { symmetric, lambda, shift, spread, shift_derivative, spread_derivative, log_spread }
    }

    fn log(&self, z: f64) -> f64 {
        let y = self.spread * z + self.shift;
        let stretch = if y < 0.0 { 1.0 - self.lambda } else { 1.0 + self.lambda };
        self.log_spread + self.symmetric.log(y / stretch)
    }

    pub(crate) fn derivatives(&self, z: f64) -> Derivatives {
        let y = self.spread * z + self.shift;
        let side = if y < 0.0 { -1.0 } else { 1.0 };
        let stretch = 1.0 / (1.0 + side * self.lambda);
        let v = y * stretch;
        let inner = self.symmetric.derivatives(v);
        let by = |which: usize| {
            let moved = self.spread_derivative[which] * z + self.shift_derivative[which];
            self.spread_derivative[which] / self.spread + inner.slope * moved * stretch
        };
        Derivatives {
            log: self.log_spread + inner.log,
            slope: inner.slope * self.spread * stretch,
            shape: [by(0) + inner.shape[0], by(1) - inner.slope * side * v * stretch],
        }
    }
}

/// Normal inverse Gaussian law.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormalInverseGaussian {
    alpha: f64,
    beta: f64,
    gamma: f64,
    delta: f64,
    pub(crate) mu: f64,
    log_constant: f64,
}

impl NormalInverseGaussian {
    pub(crate) fn of(alpha: f64, beta: f64) -> Self {
        let gamma = ((alpha - beta) * (alpha + beta)).sqrt();
        let delta = gamma * (gamma / alpha) * (gamma / alpha);
        let mu = -(gamma / alpha) * (gamma / alpha) * beta;
        let log_constant = (alpha * delta / PI).ln() + delta * gamma;
        Self { alpha, beta, gamma, delta, mu, log_constant }
    }

    /// Log density at `mu + x`.
    pub(crate) fn log_at_distance(&self, x: f64) -> f64 {
        let q = self.delta.hypot(x);
        self.log_constant + bessel_k(1.0, self.alpha * q).log - q.ln() + self.beta * x
    }

    pub(crate) fn derivatives(&self, z: f64) -> Derivatives {
        self.derivatives_by(z, |x| bessel_k(1.0, x))
    }

    /// The function `K_1` prepared for many evaluations.
    pub(crate) fn bessel() -> &'static BesselKOfOrder {
        static FIRST: LazyLock<BesselKOfOrder> = LazyLock::new(|| BesselKOfOrder::new(1.0));
        &FIRST
    }

    /// [`Self::derivatives`] by a given `K_1`.
    pub(crate) fn derivatives_by(&self, z: f64, bessel: impl Fn(f64) -> BesselK) -> Derivatives {
        let Self { alpha, beta, gamma, delta, mu, log_constant } = *self;
        let x = z - mu;
        let q = delta.hypot(x);
        let bessel = bessel(alpha * q);
        let bessel_slope = -bessel.ratio_below - 1.0 / (alpha * q);
        let along = bessel_slope * alpha - 1.0 / q;
        let by = |gamma_by: f64, square_by: f64, mu_by: f64| {
            // delta = gamma^3 / alpha^2; `square_by` is the derivative of -2 ln alpha.
            let delta_by = delta * (3.0 * gamma_by / gamma + square_by);
            let q_by = (delta * delta_by - x * mu_by) / q;
            delta_by / delta + delta_by * gamma + delta * gamma_by + along * q_by - beta * mu_by
        };
        let tilt = beta / alpha;
        let by_alpha = by(alpha / gamma, -2.0 / alpha, -2.0 * tilt * tilt * tilt);
        let by_beta = by(-beta / gamma, 0.0, 3.0 * tilt * tilt - 1.0);
        Derivatives {
            log: log_constant + bessel.log - q.ln() + beta * x,
            slope: along * x / q + beta,
            shape: [by_alpha + 1.0 / alpha + bessel_slope * q, by_beta + x],
        }
    }
}

/// Variance gamma law.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VarianceGamma {
    pub(crate) theta: f64,
    nu: f64,
    /// Variance of the Brownian part.
    pub(crate) variance: f64,
    /// `sqrt(2 variance / nu + theta^2)`.
    pub(crate) root: f64,
    order: f64,
    log_constant: f64,
    digamma: f64,
}

impl VarianceGamma {
    pub(crate) fn of(theta: f64, nu: f64) -> Self {
        let variance = 1.0 - nu * theta * theta;
        let root = (2.0 * variance / nu + theta * theta).sqrt();
        let order = 1.0 / nu - 0.5;
        let log_constant = std::f64::consts::LN_2
            - nu.ln() / nu
            - 0.5 * (2.0 * PI * variance).ln()
            - ln_gamma(1.0 / nu)
            - order * root.ln();
        Self { theta, nu, variance, root, order, log_constant, digamma: digamma(1.0 / nu) }
    }

    /// Log density at `mu + x`, the mode being near `x = 0`.
    pub(crate) fn log_at_distance(&self, x: f64) -> f64 {
        let size = x.abs();
        let y = size * self.root / self.variance;
        if y < 1e-290 {
            // K_v(y) is 1/2 Gamma(v) (2 / y)^v there.
            return if self.order > 0.0 {
                let scale = (2.0 * self.variance / self.root).ln();
                self.log_constant + ln_gamma(self.order) - std::f64::consts::LN_2
                    + self.order * scale
            } else {
                f64::INFINITY
            };
        }
        self.log_constant
            + self.theta * x / self.variance
            + self.order * size.ln()
            + bessel_k(self.order, y).log
    }

    pub(crate) fn derivatives(&self, z: f64) -> Derivatives {
        self.derivatives_by(z, CUSP, |y| bessel_k(self.order, y))
    }

    /// The Bessel function of the law prepared for many evaluations.
    pub(crate) fn bessel(&self) -> BesselKOfOrder {
        BesselKOfOrder::new(self.order)
    }

    /// [`Self::derivatives`] by a given Bessel function, the distance `|x|` from the cusp replaced
    /// by `sqrt(x^2 + rounding^2)`: a smooth function, no density but near the law's own.
    pub(crate) fn derivatives_by(
        &self,
        z: f64,
        rounding: f64,
        bessel: impl Fn(f64) -> BesselK,
    ) -> Derivatives {
        let Self { theta, nu, variance, root, order, .. } = *self;
        let x = z + theta;
        let size = (x * x + rounding * rounding).sqrt();
        let y = size * root / variance;
        let bessel = bessel(y);
        // Derivatives of ln(variance) and ln(root).
        let square = root * root;
        let variance_by = [-2.0 * nu * theta / variance, -theta * theta / variance];
        let root_by = [-theta / square, (-theta * theta / nu - variance / (nu * nu)) / square];
        // y K'/K + order, free of cancellation.
        let below = -y * bessel.ratio_below;
        let tilt = theta * x / variance;
        let by = |which: usize| {
            (below - order) * (root_by[which] - variance_by[which])
                - tilt * variance_by[which]
                - 0.5 * variance_by[which]
                - order * root_by[which]
        };
        let order_by = -1.0 / (nu * nu);
        let log_size = size.ln();
        let cusp_slope = below * x / (size * size);
        Derivatives {
            log: self.log_constant + tilt + order * log_size + bessel.log,
            slope: theta / variance + cusp_slope,
            shape: [
                by(0) + (x + theta) / variance + cusp_slope,
                by(1)
                    + (nu.ln() - 1.0) / (nu * nu)
                    + self.digamma / (nu * nu)
                    + order_by * (log_size - root.ln() + bessel.order_derivative),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every derivative against central differences of the log density.
    #[test]
    fn derivatives_agree_with_differences() {
        const STEP: f64 = 1e-6;
        type Law = fn(f64, f64) -> Innovation;
        let laws: [(Law, [f64; 2]); 7] = [
            (|_, _| Innovation::Normal, [0.0, 0.0]),
            (|nu, _| Innovation::StudentT { nu }, [4.5, 0.0]),
            (|eta, lambda| Innovation::SkewT { eta, lambda }, [5.0, -0.3]),
            (|alpha, beta| Innovation::NormalInverseGaussian { alpha, beta }, [1.3, 0.4]),
            (|alpha, beta| Innovation::NormalInverseGaussian { alpha, beta }, [9.0, -4.0]),
            (|theta, nu| Innovation::VarianceGamma { theta, nu }, [-0.3, 0.4]),
            (|theta, nu| Innovation::VarianceGamma { theta, nu }, [0.25, 1.3]),
        ];
        for (law, [a, b]) in laws {
            for z in [-7.0, -1.3, -0.2, 0.05, 0.9, 3.0] {
                let log = |a: f64, b: f64, z: f64| Density::of(law(a, b)).log(z);
                let got = Density::of(law(a, b)).derivatives(z);
                let slope = (log(a, b, z + STEP) - log(a, b, z - STEP)) / (2.0 * STEP);
                let by_a = (log(a + STEP, b, z) - log(a - STEP, b, z)) / (2.0 * STEP);
                let by_b = (log(a, b + STEP, z) - log(a, b - STEP, z)) / (2.0 * STEP);
                let pairs = [
                    (got.log, log(a, b, z)),
                    (got.slope, slope),
                    (got.shape[0], by_a),
                    (got.shape[1], by_b),
                ];
                for (k, (got, expected)) in pairs.into_iter().enumerate() {
                    assert!(
                        (got - expected).abs() < 1e-7 * (1.0 + expected.abs()),
                        "{:?} at {z}, {k}: {got} is not {expected}",
                        law(a, b)
                    );
                }
            }
        }
    }
}
