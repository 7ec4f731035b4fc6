//! The maximum drawdown of a Brownian motion with drift.
//!
//! The drawdown of a Brownian motion is a Brownian motion of the opposite drift, reflected at 0,
//! so that "the maximum drawdown reaches `h` by time T" is a first passage to `h`. Its
//! distribution has two exact forms, and each is used where it is accurate:
//!
//! - a series of decaying modes (Magdon-Ismail, Atiya, Pratap & Abu-Mostafa 2004, eq. 3 to 5),
//!   for long times and for a drift upwards;
//! - the Laplace transform of the passage time (Taylor 1975), inverted along the path of steepest
//!   descent, which keeps its relative accuracy however small the probability is.
//!
//! The expectation is the integral of the tail over all depths, by quadrature; the published table
//! of it is off by up to 0.2 %.
//!
//! Everything is in units of the process: for the log of wealth a fraction `d` lost is a depth of
//! `-ln(1 - d)`. Monitoring is continuous: a path looked at now and then falls less deep.

use std::f64::consts::PI;

use crate::check::{self, defined};
use crate::error::Result;
use crate::numeric::distribution::{bisect, normal_cdf};
use crate::numeric::gauss_legendre::integrate;
use crate::ruin::closed_form::expected_max_drawdown_driftless;

/// Panels of the quadrature over depths.
const PANELS: usize = 24;
/// Drift, in units of the depth, from which the slowest mode has a form of its own.
const STRONG_DRIFT: f64 = 1.5;
/// Drift over volatility beyond which the limits of the expectation are exact to ten digits:
/// upwards `(ln(2 m^2) + gamma) / (2 m)`, downwards `|m| + 1 / |m|`.
const UPWARD_LIMIT: f64 = 1e6;
const DOWNWARD_LIMIT: f64 = 1e4;
/// Drift downwards over volatility beyond which the depth is normal to ten digits.
const NORMAL_LIMIT: f64 = 1e5;

/// A Brownian motion with drift over a horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrownianMotion {
    /// Drift per unit of time, of either sign.
    pub drift: f64,
    /// Volatility per root unit of time, at least 0.
    pub volatility: f64,
    /// Horizon in units of time, at least 0.
    pub horizon: f64,
}

impl BrownianMotion {
    /// Probability that the maximum drawdown within the horizon reaches `depth`, in units of the
    /// process, to ten digits or better.
    ///
    /// # Errors
    /// A negative or non-finite volatility, horizon or depth, or a drift that is not finite.
    pub fn max_drawdown_probability(&self, depth: f64) -> Result<f64> {
        self.check()?;
        check::require(depth >= 0.0 && depth.is_finite(), "depth", depth, "finite and at least 0")?;
        if depth <= 0.0 {
            return Ok(1.0);
        }
        let spread = self.spread();
        if spread <= 0.0 {
            let fall = -self.drift * self.horizon;
            return Ok(if fall >= depth { 1.0 } else { 0.0 });
        }
        let drift = self.drift_in_spreads();
        if drift < -NORMAL_LIMIT {
            // The depth is that of the end, but for what the turns at both ends add.
            let beyond = depth / spread + drift + 1.0 / drift;
            return defined("max_drawdown_probability", 1.0 - normal_cdf(beyond));
        }
        defined("max_drawdown_probability", Passage::to(depth / spread, drift).probability())
    }

    /// Expected maximum drawdown within the horizon, in units of the process.
    ///
    /// # Errors
    /// A negative or non-finite volatility or horizon, a drift that is not finite, or a result
    /// beyond the range of a double.
    pub fn expected_max_drawdown(&self) -> Result<f64> {
        const METRIC: &str = "expected_max_drawdown";
        self.check()?;
        let spread = self.spread();
        if spread <= 0.0 {
            return defined(METRIC, (-self.drift * self.horizon).max(0.0));
        }
        let drift = self.drift_in_spreads();
        if drift.abs() <= 0.0 {
            return expected_max_drawdown_driftless(self.volatility, self.horizon);
        }
        if drift > UPWARD_LIMIT {
            const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
            let log_drift = self.drift.ln() + 0.5 * self.horizon.ln() - self.volatility.ln();
            let depth = 0.5 * (2.0 * log_drift + std::f64::consts::LN_2 + EULER_GAMMA);
            return defined(METRIC, self.volatility / self.drift * self.volatility * depth);
        }
        if drift < -DOWNWARD_LIMIT {
            let fall = -self.drift * self.horizon;
            return defined(METRIC, fall + self.volatility / -self.drift * self.volatility);
        }
        defined(METRIC, spread * standard_expectation(drift))
    }

    /// Standard deviation over the horizon.
    fn spread(&self) -> f64 {
        self.volatility * self.horizon.sqrt()
    }

    /// Drift over the horizon in standard deviations over the horizon.
    fn drift_in_spreads(&self) -> f64 {
        self.drift / self.volatility * self.horizon.sqrt()
    }

    fn check(&self) -> Result<()> {
        check::finite_parameter("drift", self.drift)?;
        for (name, value) in [("volatility", self.volatility), ("horizon", self.horizon)] {
            check::require(
                value >= 0.0 && value.is_finite(),
                name,
                value,
                "finite and at least 0",
            )?;
        }
        Ok(())
    }
}

/// Expected maximum drawdown of unit volatility over unit time.
fn standard_expectation(drift: f64) -> f64 {
    // Below the first depth the passage is certain, beyond the second it does not happen.
    let mut high = 1.0 + drift.min(0.0).abs();
    while Passage::to(high, drift).probability() > 1e-18 {
        high *= 2.0;
    }
    let edge = |beyond: &dyn Fn(Passage) -> bool| {
        let (mut inside, mut outside) = (0.0, high);
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            if beyond(Passage::to(middle, drift)) { outside = middle } else { inside = middle }
        }
        (inside, outside)
    };
    let (low, _) = edge(&|passage| passage.survival() > 1e-18);
    let (_, high) = edge(&|passage| passage.probability() <= 1e-18);
    low + integrate(low, high, PANELS, |depth| Passage::to(depth, drift).probability())
}

/// A first passage of the reflected motion from 0 to the depth, in the units of the depth: what
/// remains are two numbers.
#[derive(Debug, Clone, Copy)]
struct Passage {
    /// `drift depth / volatility^2`.
    drift: f64,
    /// `volatility^2 horizon / depth^2`.
    time: f64,
}

impl Passage {
    /// For unit volatility over unit time.
    fn to(depth: f64, drift: f64) -> Self {
        // Beyond these bounds the passage is certain or does not happen.
        let time = (1.0 / depth / depth).clamp(1e-280, 1e280);
        Self { drift: (drift * depth).min(1e100), time }
    }

    /// Probability of the passage.
    fn probability(self) -> f64 {
        match self.evaluate() {
            Side::Passed(probability) => probability,
            Side::Survived(probability) => 1.0 - probability,
        }
    }

    /// Probability that there is none.
    fn survival(self) -> f64 {
        match self.evaluate() {
            Side::Passed(probability) => 1.0 - probability,
            Side::Survived(probability) => probability,
        }
    }

    /// The probability of that side which is known to many digits.
    fn evaluate(self) -> Side {
        let saddle = 1.0 / self.time;
        let reach = 1.0 / self.time.sqrt();
        let pole = self.drift.abs();
        let side = if self.drift > STRONG_DRIFT {
            // A mode of its own for the drift upwards, whose weight is 1 but for a little.
            let mode = StrongMode::of(self.drift);
            if self.time < 1.0 && saddle >= mode.angle - reach {
                Side::Passed(self.contour(if saddle >= pole + reach {
                    saddle
                } else {
                    pole + reach
                }))
            } else {
                // The poles of the certain passage and of the mode lie to the right of the path.
                let rest =
                    if self.time < 1.0 { -self.contour(saddle) } else { self.faster_modes() };
                let exponent = mode.log_size - mode.rate * self.time;
                if exponent < -1.0 {
                    Side::Survived(exponent.exp() + rest)
                } else {
                    Side::Passed(-exponent.exp_m1() - rest)
                }
            }
        } else if self.time >= 1.0 || (self.drift > 0.0 && saddle < pole + reach) {
            Side::Survived(self.slowest_mode() + self.faster_modes())
        } else if saddle >= pole + reach {
            Side::Passed(self.contour(saddle))
        } else if saddle <= pole - reach {
            Side::Survived(-self.contour(saddle))
        } else {
            Side::Passed(self.contour(pole + reach))
        };
        match side {
            Side::Passed(probability) => Side::Passed(probability.clamp(0.0, 1.0)),
            Side::Survived(probability) => Side::Survived(probability.clamp(0.0, 1.0)),
        }
    }

    /// Survival as a sum of modes, each decaying at its rate; all but the slowest.
    fn faster_modes(self) -> f64 {
        let a = self.drift;
        let mut total = 0.0_f64;
        let mut sign = -1.0;
        for index in 1..10_000 {
            // tan(angle) = angle / a, between index pi and (index + 1) pi: close to a line.
            let base = f64::from(index) * PI;
            let mut angle = base + base.atan2(a);
            for _ in 0..6 {
                let excess = angle - base - angle.atan2(a);
                angle -= excess / (1.0 - a / (a * a + angle * angle));
            }
            let square = angle * angle + a * a;
            let size = 2.0 * angle * angle / (square.sqrt() * (square - a));
            let term = size * (-a - 0.5 * square * self.time).exp();
            total += sign * term;
            if term <= 1e-19 * total.abs() || term < 1e-300 {
                break;
            }
            sign = -sign;
        }
        total
    }

    /// The mode with the lowest rate, for a drift up to [`STRONG_DRIFT`].
    fn slowest_mode(self) -> f64 {
        let a = self.drift;
        // In the square of the angle, negative where the angle is imaginary, nothing is singular.
        let below = |square: f64| {
            let (sine, cosine) = if square < 0.0 {
                let eta = (-square).sqrt();
                (eta.sinh() / eta, eta.cosh())
            } else if square > 0.0 {
                let angle = square.sqrt();
                (angle.sin() / angle, angle.cos())
            } else {
                (1.0, 1.0)
            };
            a * sine < cosine
        };
        // `a sine - cosine` is below 0 at the lower end and above it at the upper end.
        let square = bisect(if a > 0.0 { -a * a } else { 0.0 }, PI * PI, below);
        let rate = square + a * a;
        let size = if square > 0.01 {
            2.0 * square / (rate.sqrt() * (rate - a))
        } else if square < -0.01 {
            let eta = (-square).sqrt();
            2.0 * eta * eta.sinh() / (a - rate)
        } else {
            3.0 * sine_ratio(square) / (rate * sine_ratio_excess(square))
        };
        size * (-a - 0.5 * rate * self.time).exp()
    }

    /// Inverse Laplace transform of the passage time over `s`, where `s = (b^2 - a^2) / 2`, along
    /// the line of `b` with real part `line`: by the trapezoidal rule, whose error falls
    /// exponentially with the step for an integrand that is analytic and decays like a Gaussian.
    fn contour(self, line: f64) -> f64 {
        let (a, time) = (self.drift, self.time);
        let exponent = (line + a) * (0.5 * time * (line - a) - 1.0);
        if exponent < -740.0 {
            return 0.0;
        }
        let reach = 1.0 / time.sqrt();
        let step = 0.17 * reach;
        let turn = line * time - 1.0;
        let total = (0..=52).fold(0.0, |total, index| {
            let y = step * f64::from(index);
            let (re, im) = kernel(line, y, a);
            let (sine, cosine) = (y * turn).sin_cos();
            let share = if index == 0 { 0.5 } else { 1.0 };
            total + share * (-0.5 * y * y * time).exp() * (re * cosine - im * sine)
        });
        exponent.exp() * step * total / PI
    }
}

/// The slowest mode under a strong drift upwards, where its angle is imaginary.
struct StrongMode {
    /// The angle without its imaginary unit.
    angle: f64,
    /// Decay per unit of time.
    rate: f64,
    /// Logarithm of its weight at time 0: close to 0.
    log_size: f64,
}

impl StrongMode {
    /// From `tanh(angle) = angle / drift`, written for the small distance of the angle from the
    /// drift, so that nothing is lost where the rate is tiny.
    fn of(drift: f64) -> Self {
        let a = drift;
        let gap = bisect(0.0, a, |gap| gap < 2.0 * a / (1.0 + (2.0 * (a - gap)).exp()));
        let angle = a - gap;
        let rate = 0.5 * gap * (2.0 * a - gap);
        let excess = gap * (2.0 * a - gap - 1.0) / (a - 2.0 * rate);
        let log_size = excess.ln_1p() + (-(-2.0 * angle).exp()).ln_1p() - gap;
        Self { angle, rate, log_size }
    }
}

/// One of two complementary probabilities.
enum Side {
    Passed(f64),
    Survived(f64),
}

/// `4 b^2 / ((b^2 - a^2) ((b - a) + (b + a) exp(-2 b)))` at `b = x + i y`, real and imaginary part.
fn kernel(x: f64, y: f64, a: f64) -> (f64, f64) {
    let product = |p: (f64, f64), q: (f64, f64)| (p.0 * q.0 - p.1 * q.1, p.0 * q.1 + p.1 * q.0);
    let (below, above) = ((x - a, y), (x + a, y));
    let decay = (-2.0 * x).exp();
    let echo = product(above, (decay * (2.0 * y).cos(), -decay * (2.0 * y).sin()));
    let bottom = product(product(below, above), (below.0 + echo.0, below.1 + echo.1));
    let top = product((x, y), (4.0 * x, 4.0 * y));
    let size = bottom.0 * bottom.0 + bottom.1 * bottom.1;
    let (re, im) = product(top, (bottom.0, -bottom.1));
    (re / size, im / size)
}

/// `sin(x) / x` as a series in `x^2`, for small arguments of either sign.
fn sine_ratio(square: f64) -> f64 {
    (1..=7)
        .rev()
        .map(f64::from)
        .fold(1.0, |rest, k| 1.0 - square / (2.0 * k * (2.0 * k + 1.0)) * rest)
}

/// `(1 - sin(2 x) / (2 x)) / (2 x^2 / 3)` as a series in `x^2`.
fn sine_ratio_excess(square: f64) -> f64 {
    let factor = |k: f64| 4.0 * square / (2.0 * k * (2.0 * k + 1.0));
    (2..=9).rev().map(f64::from).fold(1.0, |rest, k| 1.0 - factor(k) * rest)
}
