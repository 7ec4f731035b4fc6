//! Tails of a distribution given as outcomes with probabilities: scenarios, weighted history.

use crate::check::{self, defined};
use crate::error::{Result, RiskError};
use crate::moments::sum;

/// How far the probabilities may sum from 1, and a cumulative one lie from a level it is meant
/// to reach.
const ROUNDING: f64 = 1e-12;

/// Returns with their probabilities.
///
/// ```
/// use plimsoll_risk::tail::discrete::DiscreteReturns;
///
/// let coin = DiscreteReturns::new(&[0.10, -0.05], &[0.5, 0.5])?;
/// assert!((coin.value_at_risk(0.25)? - 0.05).abs() < 1e-15);
/// // The worst three quarters: two parts of the loss, one of the gain.
/// assert!((coin.expected_shortfall(0.75)? - 0.0).abs() < 1e-15);
/// # Ok::<(), plimsoll_risk::RiskError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DiscreteReturns {
    /// Return and probability, returns ascending, probabilities above 0.
    atoms: Vec<(f64, f64)>,
}

impl DiscreteReturns {
    /// The distribution of `returns`; those with probability 0 do not count.
    ///
    /// # Errors
    /// Slices of different length, a value that is not finite, a negative probability, or
    /// probabilities whose sum is not 1.
    pub fn new(returns: &[f64], probabilities: &[f64]) -> Result<Self> {
        check::series(returns, 1)?;
        check::finite(probabilities)?;
        if probabilities.len() != returns.len() {
            return Err(RiskError::LengthMismatch {
                name: "probabilities",
                index: 0,
                length: probabilities.len(),
                expected: returns.len(),
            });
        }
        for probability in probabilities {
            check::require(*probability >= 0.0, "probability", *probability, "at least 0")?;
        }
        let total = sum(probabilities.iter().copied());
        let whole = (total - 1.0).abs() <= ROUNDING * returns.len() as f64;
        check::require(whole, "sum of the probabilities", total, "1")?;
        let pairs = returns.iter().copied().zip(probabilities.iter().copied());
        let mut atoms: Vec<(f64, f64)> = pairs.filter(|(_, mass)| *mass > 0.0).collect();
        atoms.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self { atoms })
    }

    /// Value at risk, a positive loss: minus the largest `x` with `P(return < x) <= alpha`, the
    /// upper quantile. At `alpha = 0` it is the largest loss.
    ///
    /// # Errors
    /// `alpha` outside [0, 1).
    pub fn value_at_risk(&self, alpha: f64) -> Result<f64> {
        check::require((0.0..1.0).contains(&alpha), "alpha", alpha, "at least 0 and below 1")?;
        let mut below = 0.0;
        let mut quantile = self.atoms[0].0;
        for (value, mass) in &self.atoms {
            if below > alpha + ROUNDING {
                break;
            }
            quantile = *value;
            below += mass;
        }
        Ok(-quantile)
    }

    /// Expected shortfall, a positive loss: minus the mean of the worst `alpha` of the
    /// probability, the atom at the edge counted in part (Acerbi & Tasche 2002).
    ///
    /// # Errors
    /// `alpha` outside (0, 1].
    pub fn expected_shortfall(&self, alpha: f64) -> Result<f64> {
        check::require(alpha > 0.0 && alpha <= 1.0, "alpha", alpha, "above 0 and at most 1")?;
        let mut left = alpha;
        let parts = self.atoms.iter().map(|(value, mass)| {
            let part = mass.min(left);
            left -= part;
            value * part
        });
        defined("expected_shortfall", -sum(parts) / alpha)
    }
}
