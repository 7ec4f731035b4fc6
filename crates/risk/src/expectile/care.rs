//! Conditional autoregressive expectiles (CARE): the tail of the next return given those before.
//!
//! An expectile that moves with the size of past returns (Taylor 2008; Kuan, Yeh & Hsu 2009). No
//! distribution is assumed: the coefficients minimise the asymmetric squared loss
//! `mean of |tau - 1(r < e)| (r - e)^2`, as those of
//! [`ExpectileRegression`](crate::expectile::regression::ExpectileRegression) do. Expectiles are
//! signed, on the side of the returns; `-e` is the loss.
//!
//! Here are the models at given coefficients: filter, next expectile and exact loss.
//! [`crate::expectile::care_fit`] estimates them, [`crate::expectile::care_tail`] turns them into
//! value at risk and expected shortfall.
//!
//! ```
//! use plimsoll_risk::expectile::care::{Care, CareModel};
//!
//! // e_t = -0.1 + 0.5 e_(t-1) - 0.4 |r_(t-1)|, from e_1 = -1.
//! let model = CareModel::SymmetricAbsoluteValue;
//! let care = Care::new(model, 0.05, vec![-0.1, 0.5, -0.4], -1.0)?;
//! let path = care.filter(&[0.5, -2.0])?;
//!
//! assert_eq!(path.expectiles.len(), 2);
//! assert!((path.expectiles[1] - -0.8).abs() < 1e-15);
//! assert!((path.next - -1.3).abs() < 1e-15);
//! # Ok::<(), plimsoll_risk::RiskError>(())
//! ```

use crate::check::{self, defined, defined_square};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// How the expectile follows the past. `r+ = max(r, 0)` and `r- = max(-r, 0)`, both of them sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CareModel {
    /// `e_t = b0 + b1 e_(t-1) + b2 |r_(t-1)|`, `|b1| < 1` (Taylor 2008).
    SymmetricAbsoluteValue,
    /// `e_t = b0 + b1 e_(t-1) + b2 r+_(t-1) + b3 r-_(t-1)`, `|b1| < 1` (Taylor 2008).
    AsymmetricSlope,
    /// `e_t = a0 + a1 r_(t-1) + b1 (r+_(t-1))^2 + g1 (r-_(t-1))^2` (Kuan, Yeh & Hsu 2009): no
    /// memory beyond the last return, in exchange for a loss without local minima.
    KuanYehHsu,
}

impl CareModel {
    /// Names of the coefficients, in their order.
    pub fn coefficient_names(self) -> &'static [&'static str] {
        match self {
            Self::SymmetricAbsoluteValue => &["b0", "b1", "b2"],
            Self::AsymmetricSlope => &["b0", "b1", "b2", "b3"],
            Self::KuanYehHsu => &["a0", "a1", "b1", "g1"],
        }
    }

    /// Observations without a forecast of the model: the first of `KuanYehHsu`, none of those
    /// that start from a given expectile.
    pub fn n_without_forecast(self) -> usize {
        usize::from(!self.is_recursive())
    }

    pub(crate) fn is_recursive(self) -> bool {
        self != Self::KuanYehHsu
    }
}

/// A model with its coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Care {
    model: CareModel,
    tau: f64,
    coefficients: Vec<f64>,
    start: f64,
}

/// Expectiles along a series.
#[derive(Debug, Clone, PartialEq)]
pub struct CarePath {
    /// The expectile of each return, given those before it. The first is the start.
    pub expectiles: Vec<f64>,
    /// The expectile of the return that follows the last.
    pub next: f64,
}

impl Care {
    /// A model at level `tau` that starts from the expectile `start`.
    ///
    /// The coefficients are in units of the returns: `b0` and `a0` like a return, `b1`, `b2`, `b3`
    /// of the recursions and `a1` without a unit, `b1` and `g1` of `KuanYehHsu` per return.
    ///
    /// # Errors
    /// `tau` outside (0, 1), another number of coefficients than the model has, one of them or the
    /// start not finite, or a coefficient of the lagged expectile outside (-1, 1).
    pub fn new(model: CareModel, tau: f64, coefficients: Vec<f64>, start: f64) -> Result<Self> {
        check::open_unit("tau", tau)?;
        let (length, expected) = (coefficients.len(), model.coefficient_names().len());
        if length != expected {
            let name = "coefficients";
            return Err(RiskError::LengthMismatch { name, index: 0, length, expected });
        }
        check::finite(&coefficients)?;
        check::finite_parameter("start", start)?;
        if model.is_recursive() {
            let lag = coefficients[1];
            check::require(lag.abs() < 1.0, "b1", lag, "above -1 and below 1")?;
        }
        Ok(Self { model, tau, coefficients, start })
    }

    /// How the expectile follows the past.
    pub fn model(&self) -> CareModel {
        self.model
    }

    /// The expectile level.
    pub fn tau(&self) -> f64 {
        self.tau
    }

    /// The coefficients, in the order of [`CareModel::coefficient_names`].
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The expectile of the first return.
    pub fn start(&self) -> f64 {
        self.start
    }

    /// The expectile that follows one of `expectile` and the return `observed`: the filter, a step
    /// at a time.
    ///
    /// # Errors
    /// An argument that is not finite, or a result beyond the range of a double.
    pub fn step(&self, expectile: f64, observed: f64) -> Result<f64> {
        check::finite_parameter("expectile", expectile)?;
        check::finite_parameter("observed", observed)?;
        defined("care", self.after(expectile, observed))
    }

    /// The expectile of each return and of the one to come. What follows a return never changes
    /// its expectile.
    ///
    /// # Errors
    /// An empty series, a value that is not finite, or a result beyond the range of a double.
    pub fn filter(&self, returns: &[f64]) -> Result<CarePath> {
        check::series(returns, 1)?;
        let mut expectiles = Vec::with_capacity(returns.len());
        let mut next = self.start;
        for observed in returns {
            expectiles.push(next);
            next = defined("care", self.after(next, *observed))?;
        }
        Ok(CarePath { expectiles, next })
    }

    /// Mean asymmetric squared loss `|tau - 1(r < e)| (r - e)^2` of all returns; without the first
    /// for `KuanYehHsu`, which has no forecast of it. In squared units of the returns.
    ///
    /// # Errors
    /// As [`Self::filter`]; no return with a forecast; a loss beyond the range of a double,
    /// as the squares of returns below about 1e-154 are.
    pub fn loss(&self, returns: &[f64]) -> Result<f64> {
        let skipped = self.model.n_without_forecast();
        check::series(returns, skipped + 1)?;
        let path = self.filter(returns)?;
        let pairs = returns.iter().zip(&path.expectiles).skip(skipped);
        let exact = pairs.clone().all(|(r, e)| (r - e).abs() <= 0.0);
        let total = sum(pairs.map(|(r, e)| asymmetric_square(self.tau, r - e)));
        defined_square("care_loss", total / (returns.len() - skipped) as f64, exact)
    }

    fn after(&self, expectile: f64, observed: f64) -> f64 {
        let b = &self.coefficients;
        let (up, down) = (observed.max(0.0), (-observed).max(0.0));
        match self.model {
            CareModel::SymmetricAbsoluteValue => b[0] + b[1] * expectile + b[2] * observed.abs(),
            CareModel::AsymmetricSlope => b[0] + b[1] * expectile + (b[2] * up + b[3] * down),
            // Not the square first: it would leave the range of a double long before the product.
            CareModel::KuanYehHsu => {
                b[0] + b[1] * observed + ((b[2] * up) * up + (b[3] * down) * down)
            }
        }
    }
}

/// `|tau - 1(u < 0)| u^2`.
pub(crate) fn asymmetric_square(tau: f64, u: f64) -> f64 {
    let weight = if u < 0.0 { 1.0 - tau } else { tau };
    weight * u * u
}
