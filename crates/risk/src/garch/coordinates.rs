//! Coordinates without bounds for parameters with bounds.
//!
//! Every bounded quantity is a sine or its square, so that a bound is reached at a finite
//! coordinate and a maximum on the bound is an ordinary maximum of a smooth function. The weights
//! of the recursion are the squared coordinates of a point on a sphere: negative weights and a
//! persistence above 1 cannot be expressed.

use serde::Serialize;

use super::innovation::Innovation;
use super::model::{GarchParameters, GarchSpec, InnovationFamily, Volatility};
use super::objective::Gradient;

/// Logarithms of the range of omega, returns having variance 1.
const LOG_OMEGA: Range = Range { low: -23.0, high: 2.3 };
/// Range of 1 / nu of the t laws: nu from 2.05 to 500.
const INVERSE_NU: Range = Range { low: 0.002, high: 1.0 / 2.05 };
const LAMBDA: Range = Range { low: -0.995, high: 0.995 };
/// Range of rho = beta / alpha.
const RHO: Range = Range { low: -0.99, high: 0.99 };
/// Logarithms of the range of zeta, 0.02 to 500.
const LOG_ZETA: Range = Range { low: -3.9, high: 6.2 };
/// Logarithms of the range of the nu of a variance gamma law, 0.01 to 1.9. From 2 on its density
/// has a pole and the likelihood no maximum.
const LOG_GAMMA_NU: Range = Range { low: -4.6, high: 0.641_853_886_172_394_8 };
/// Range of theta sqrt(nu).
const DRIFT: Range = Range { low: -0.98, high: 0.98 };
/// A start is kept this far from a bound, at which a derivative vanishes.
const START_MARGIN: f64 = 0.02;
/// Less than this is no response, next to that of a point moved inside its bounds.
const RESPONSE_NONE: f64 = 1e-3;
/// Nearer than this a bound counts as reached.
const BOUND_REACHED: f64 = 1e-6;

/// A bound of the parameter space that a fit ended on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Boundary {
    /// `omega` is at its smallest: the likelihood wants none.
    Omega,
    /// `alpha = 0`.
    Alpha,
    /// `alpha + gamma = 0`: no response to negative residuals.
    NegativeResponse,
    /// `beta = 0`.
    Beta,
    /// The persistence is 1.
    Persistence,
    /// The first shape parameter is at an end of its range.
    FirstShape,
    /// The second shape parameter is at an end of its range.
    SecondShape,
}

#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// The value at a coordinate and its derivative.
    fn at(self, x: f64) -> (f64, f64) {
        let half = 0.5 * (self.high - self.low);
        (self.low + half * (1.0 + x.sin()), half * x.cos())
    }

    /// A coordinate of a value, inside the bounds.
    fn coordinate(self, value: f64) -> f64 {
        let sine = 2.0 * (value - self.low) / (self.high - self.low) - 1.0;
        sine.clamp(START_MARGIN - 1.0, 1.0 - START_MARGIN).asin()
    }

    fn reached(x: f64) -> bool {
        1.0 - x.sin().abs() < BOUND_REACHED
    }
}

/// The map between coordinates and parameters, returns having variance 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coordinates {
    pub(crate) spec: GarchSpec,
    /// Weight of `alpha + gamma` in the persistence that is held to 1.
    pub(crate) negative_share: f64,
}

impl Coordinates {
    fn asymmetric(self) -> bool {
        self.spec.volatility != Volatility::Symmetric
    }

    /// Position of the first shape coordinate.
    fn shape_position(self) -> usize {
        if self.asymmetric() { 5 } else { 4 }
    }

    /// Position of the coordinate of the skew, of a law that has one; its negative is the skew to
    /// the other side.
    pub(crate) fn skew_position(self) -> Option<usize> {
        match self.spec.innovation {
            InnovationFamily::Normal | InnovationFamily::StudentT => None,
            InnovationFamily::SkewT
            | InnovationFamily::NormalInverseGaussian
            | InnovationFamily::VarianceGamma => Some(self.shape_position() + 1),
        }
    }

    /// The point itself; in place of one with next to no response two, the response being to
    /// residuals of one sign.
    pub(crate) fn to_either_sign(self, x: Vec<f64>) -> Vec<Vec<f64>> {
        let GarchParameters { alpha, gamma, .. } = self.parameters(&x);
        if !self.asymmetric() || alpha.max(alpha + gamma) > RESPONSE_NONE {
            return vec![x];
        }
        let tilted = |angle: f64| {
            let mut x = x.clone();
            x[4] = angle;
            x
        };
        vec![tilted(0.2), tilted(std::f64::consts::FRAC_PI_2 - 0.2)]
    }

    pub(crate) fn parameters(self, x: &[f64]) -> GarchParameters {
        let (log_omega, _) = LOG_OMEGA.at(x[1]);
        let persistence = x[2].sin().powi(2);
        let beta = persistence * x[3].cos().powi(2);
        let response = persistence * x[3].sin().powi(2);
        let (alpha, gamma) = if self.asymmetric() {
            let alpha = response * x[4].cos().powi(2) / (1.0 - self.negative_share);
            (alpha, response * x[4].sin().powi(2) / self.negative_share - alpha)
        } else {
            (response, 0.0)
        };
        let (innovation, _) = self.innovation(&x[self.shape_position()..]);
        GarchParameters { mu: x[0], omega: log_omega.exp(), alpha, gamma, beta, innovation }
    }

    /// The gradient in the coordinates from that in the parameters.
    pub(crate) fn pull_back(self, x: &[f64], by: &Gradient, into: &mut [f64]) {
        let (log_omega, omega_slope) = LOG_OMEGA.at(x[1]);
        into[0] = by[0];
        into[1] = by[1] * log_omega.exp() * omega_slope;
        let [by_alpha, by_gamma, by_beta] = [by[2], by[3], by[4]];
        let (by_positive, by_negative, aside) = if self.asymmetric() {
            let positive = (by_alpha - by_gamma) / (1.0 - self.negative_share);
            (positive, by_gamma / self.negative_share, x[4])
        } else {
            (by_alpha, 0.0, 0.0)
        };
        let persistence = x[2].sin().powi(2);
        let by_response = aside.cos().powi(2) * by_positive + aside.sin().powi(2) * by_negative;
        let (sine, cosine) = x[3].sin_cos();
        into[2] = (2.0 * x[2]).sin() * (cosine * cosine * by_beta + sine * sine * by_response);
        into[3] = persistence * (2.0 * x[3]).sin() * (by_response - by_beta);
        if self.asymmetric() {
            let slope = (2.0 * aside).sin() * (by_negative - by_positive);
            into[4] = persistence * sine * sine * slope;
        }
        let first = self.shape_position();
        let (_, jacobian) = self.innovation(&x[first..]);
        for (k, row) in jacobian.iter().enumerate().take(x.len() - first) {
            into[first + k] = row[0] * by[5] + row[1] * by[6];
        }
    }

    /// The law and, for each shape coordinate, the derivatives of its two parameters.
    fn innovation(self, x: &[f64]) -> (Innovation, [[f64; 2]; 2]) {
        match self.spec.innovation {
            InnovationFamily::Normal => (Innovation::Normal, [[0.0; 2]; 2]),
            InnovationFamily::StudentT => {
                let (inverse, slope) = INVERSE_NU.at(x[0]);
                let nu = 1.0 / inverse;
                (Innovation::StudentT { nu }, [[-nu * nu * slope, 0.0], [0.0; 2]])
            }
            InnovationFamily::SkewT => {
                let (inverse, slope) = INVERSE_NU.at(x[0]);
                let (lambda, lambda_slope) = LAMBDA.at(x[1]);
                let eta = 1.0 / inverse;
                (
                    Innovation::SkewT { eta, lambda },
                    [[-eta * eta * slope, 0.0], [0.0, lambda_slope]],
                )
            }
            InnovationFamily::NormalInverseGaussian => {
                let (log_zeta, zeta_slope) = LOG_ZETA.at(x[0]);
                let (rho, rho_slope) = RHO.at(x[1]);
                let room = 1.0 - rho * rho;
                let alpha = (0.5 * log_zeta).exp() / room;
                let by_zeta = 0.5 * alpha * zeta_slope;
                let by_rho = 2.0 * rho * alpha / room * rho_slope;
                (
                    Innovation::NormalInverseGaussian { alpha, beta: rho * alpha },
                    [[by_zeta, rho * by_zeta], [by_rho, rho * by_rho + alpha * rho_slope]],
                )
            }
            InnovationFamily::VarianceGamma => {
                let (log_nu, nu_slope) = LOG_GAMMA_NU.at(x[0]);
                let (drift, drift_slope) = DRIFT.at(x[1]);
                let nu = log_nu.exp();
                let theta = drift / nu.sqrt();
                (
                    Innovation::VarianceGamma { theta, nu },
                    [[-0.5 * theta * nu_slope, nu * nu_slope], [drift_slope / nu.sqrt(), 0.0]],
                )
            }
        }
    }

    /// Coordinates of parameters, a little inside every bound.
    pub(crate) fn of(self, parameters: &GarchParameters) -> Vec<f64> {
        let GarchParameters { mu, omega, alpha, gamma, beta, innovation } = *parameters;
        let (positive, negative) = if self.asymmetric() {
            ((1.0 - self.negative_share) * alpha, self.negative_share * (alpha + gamma))
        } else {
            (alpha, 0.0)
        };
        let angle = |part: f64, rest: f64| {
            let inside = part.max(1e-4 * (part + rest)).max(1e-6);
            let outside = rest.max(1e-4 * (part + rest)).max(1e-6);
            (inside / outside).sqrt().atan()
        };
        let response = positive + negative;
        let persistence = response + beta;
        let mut x = vec![
            mu,
            LOG_OMEGA.coordinate(omega.ln()),
            angle(persistence, 1.0 - persistence),
            angle(response, beta),
        ];
        if self.asymmetric() {
            x.push(angle(negative, positive));
        }
        match innovation {
            Innovation::Normal => {}
            Innovation::StudentT { nu } => x.push(INVERSE_NU.coordinate(1.0 / nu)),
            Innovation::SkewT { eta, lambda } => {
                x.extend([INVERSE_NU.coordinate(1.0 / eta), LAMBDA.coordinate(lambda)]);
            }
            Innovation::NormalInverseGaussian { alpha, beta } => {
                let rho = beta / alpha;
                let log_zeta = 2.0 * (alpha * (1.0 - rho * rho)).ln();
                x.extend([LOG_ZETA.coordinate(log_zeta), RHO.coordinate(rho)]);
            }
            Innovation::VarianceGamma { theta, nu } => {
                x.extend([LOG_GAMMA_NU.coordinate(nu.ln()), DRIFT.coordinate(theta * nu.sqrt())]);
            }
        }
        x
    }

    /// The bounds that a point lies on.
    pub(crate) fn boundaries(self, x: &[f64]) -> Vec<Boundary> {
        let zero = |angle_part: f64| angle_part.powi(2) < BOUND_REACHED;
        let mut found = Vec::new();
        let mut note = |reached: bool, boundary: Boundary| {
            if reached {
                found.push(boundary);
            }
        };
        note(LOG_OMEGA.at(x[1]).0 < LOG_OMEGA.low + 1.0, Boundary::Omega);
        note(zero(x[2].cos()), Boundary::Persistence);
        let GarchParameters { alpha, gamma, beta, .. } = self.parameters(x);
        note(beta < BOUND_REACHED, Boundary::Beta);
        note(alpha < BOUND_REACHED, Boundary::Alpha);
        note(self.asymmetric() && alpha + gamma < BOUND_REACHED, Boundary::NegativeResponse);
        let shape = &x[self.shape_position()..];
        note(shape.first().is_some_and(|x| Range::reached(*x)), Boundary::FirstShape);
        note(shape.get(1).is_some_and(|x| Range::reached(*x)), Boundary::SecondShape);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::VarianceStart;
    use super::super::objective::Objective;
    use super::*;

    /// No response at all is no response to either sign, wherever its split between them is.
    #[test]
    fn every_weight_at_zero_is_a_bound() {
        let innovation = InnovationFamily::Normal;
        let spec =
            GarchSpec { volatility: Volatility::Gjr, innovation, start: VarianceStart::Backcast };
        let coordinates = Coordinates { spec, negative_share: 0.5 };
        let none = coordinates.boundaries(&[0.0, 0.4, 1.2, 1e-4, 0.7]);
        assert_eq!(none, [Boundary::Alpha, Boundary::NegativeResponse]);
        let nothing = coordinates.boundaries(&[0.0, 0.4, 1e-4, 0.6, 0.7]);
        assert_eq!(nothing, [Boundary::Beta, Boundary::Alpha, Boundary::NegativeResponse]);
        assert_eq!(coordinates.boundaries(&[0.0, 0.4, 1.2, 0.6, 0.7]), []);
    }

    /// The whole chain: gradient of the likelihood in the coordinates against differences, for
    /// every recursion, law and start.
    #[test]
    fn gradients_agree_with_differences() {
        let returns: Vec<f64> = (0..40)
            .map(|k| (f64::from(k) * 1.7).sin() + 0.4 * (f64::from(k) * 0.31).cos())
            .collect();
        let volatilities = [Volatility::Symmetric, Volatility::Gjr, Volatility::Threshold];
        let families = [
            InnovationFamily::Normal,
            InnovationFamily::StudentT,
            InnovationFamily::SkewT,
            InnovationFamily::NormalInverseGaussian,
            InnovationFamily::VarianceGamma,
        ];
        for volatility in volatilities {
            for innovation in families {
                for start in [VarianceStart::Backcast, VarianceStart::MeanSquaredResidual] {
                    let spec = GarchSpec { volatility, innovation, start };
                    let coordinates = Coordinates { spec, negative_share: 0.45 };
                    let objective =
                        Objective { returns: &returns, spec, backcast: 0.6, rounding: 0.0 };
                    let x = [0.05, 0.4, 1.2, 0.6, 0.7, 0.3, 0.2];
                    let n = coordinates.shape_position()
                        + match innovation {
                            InnovationFamily::Normal => 0,
                            InnovationFamily::StudentT => 1,
                            _ => 2,
                        };
                    let value = |x: &[f64]| objective.evaluate(&coordinates.parameters(x)).0;
                    let (_, by) = objective.evaluate(&coordinates.parameters(&x[..n]));
                    let mut got = vec![0.0; n];
                    coordinates.pull_back(&x[..n], &by, &mut got);
                    for k in 0..n {
                        let moved = |step: f64| {
                            let mut x = x[..n].to_vec();
                            x[k] += step;
                            value(&x)
                        };
                        let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                        let error = (got[k] - expected).abs();
                        assert!(error < 1e-7, "{spec:?} {k}: {} is not {expected}", got[k]);
                    }
                    let back = coordinates.of(&coordinates.parameters(&x[..n]));
                    for (k, (back, x)) in back.iter().zip(&x).enumerate() {
                        assert!((back - x).abs() < 1e-9, "{spec:?} {k}: {back} is not {x}");
                    }
                }
            }
        }
    }
}
