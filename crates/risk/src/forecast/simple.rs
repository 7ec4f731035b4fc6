//! Models without a likelihood to climb, or with one in closed steps: the window itself, the
//! exponentially weighted normal, the Student-t.

use crate::check::undefined;
use crate::error::Result;
use crate::expectile::sample::{normal_expectile, student_t_expectile};
use crate::numeric::distribution::{normal_density, normal_quantile};
use crate::quantile::sorted;
use crate::tail::student_t::StudentTFit;

use super::tail::{Asked, Tail, tails_of_sorted};
use super::walk::{Forecaster, Refit};

/// Decay of the daily `RiskMetrics` variance.
const DECAY: f64 = 0.94;

/// The window as it was. It has no parameters: the sample moves with every step.
pub(super) struct Historical {
    asked: Vec<Asked>,
    ascending: Vec<f64>,
    /// The value that leaves the window next.
    oldest: f64,
}

impl Historical {
    pub(super) fn new(asked: &[Asked]) -> Self {
        Self { asked: asked.to_vec(), ascending: Vec::new(), oldest: 0.0 }
    }

    fn position(&self, value: f64) -> usize {
        self.ascending.partition_point(|other| other.total_cmp(&value).is_lt())
    }
}

impl Forecaster for Historical {
    fn refit(&mut self, window: &[f64], _index: usize) -> Result<Refit> {
        self.ascending = sorted(window);
        self.oldest = window[0];
        Ok(Refit::CLEAN)
    }

    fn observe(&mut self, window: &[f64]) -> Result<()> {
        let entering = window[window.len() - 1];
        let leaves = self.position(self.oldest);
        self.ascending.remove(leaves);
        let enters = self.position(entering);
        self.ascending.insert(enters, entering);
        self.oldest = window[0];
        Ok(())
    }

    fn forecast(&self, _window: &[f64]) -> Result<Vec<Tail>> {
        tails_of_sorted(&self.ascending, &self.asked)
    }
}

/// Normal with mean 0 and variance `sum of 0.94^i r^2` over the window, the weights summing to 1.
pub(super) struct EwmaNormal {
    asked: Vec<Asked>,
    tails: Vec<Tail>,
}

impl EwmaNormal {
    pub(super) fn new(asked: &[Asked]) -> Result<Self> {
        Ok(Self { asked: asked.to_vec(), tails: normal_tails(asked)? })
    }
}

impl Forecaster for EwmaNormal {
    fn refit(&mut self, _window: &[f64], _index: usize) -> Result<Refit> {
        Ok(Refit::CLEAN)
    }

    fn observe(&mut self, _window: &[f64]) -> Result<()> {
        Ok(())
    }

    fn forecast(&self, window: &[f64]) -> Result<Vec<Tail>> {
        let deviation = ewma_deviation(window);
        Ok((self.asked.iter().zip(&self.tails))
            .map(|((side, _), tail)| tail.moved(*side, 0.0, deviation))
            .collect())
    }
}

/// Square root of the exponentially weighted mean square, the last value weighing most. In units
/// of the largest value, so that no square leaves the range of a double.
fn ewma_deviation(window: &[f64]) -> f64 {
    let largest = window.iter().fold(0.0_f64, |so_far, r| so_far.max(r.abs()));
    if largest <= 0.0 {
        return 0.0;
    }
    let (mut squares, mut weights) = (0.0, 0.0);
    for r in window {
        let scaled = r / largest;
        squares = DECAY * squares + scaled * scaled;
        weights = DECAY * weights + 1.0;
    }
    (squares / weights).sqrt() * largest
}

/// One Student-t distribution for the window.
pub(super) struct StudentT {
    asked: Vec<Asked>,
    fitted: Vec<Tail>,
}

impl StudentT {
    pub(super) fn new(asked: &[Asked]) -> Self {
        Self { asked: asked.to_vec(), fitted: Vec::new() }
    }
}

impl Forecaster for StudentT {
    fn refit(&mut self, window: &[f64], _index: usize) -> Result<Refit> {
        let fit = StudentTFit::of(window)?;
        let standard = match fit.nu {
            Some(nu) if nu <= 1.0 => {
                return Err(undefined(
                    "t_es",
                    "with at most one degree of freedom the tail has no mean",
                ));
            }
            Some(nu) => self.asked.iter().map(|(_, alpha)| student_t_tail(*alpha, nu)).collect(),
            None => normal_tails(&self.asked),
        }?;
        self.fitted = (self.asked.iter().zip(standard))
            .map(|((side, _), tail)| tail.moved(*side, fit.location, fit.scale).checked())
            .collect::<Result<Vec<Tail>>>()?;
        Ok(Refit { converged: true, at_boundary: fit.nu.is_none() })
    }

    fn observe(&mut self, _window: &[f64]) -> Result<()> {
        Ok(())
    }

    fn forecast(&self, _window: &[f64]) -> Result<Vec<Tail>> {
        Ok(self.fitted.clone())
    }
}

/// Tails of the standard normal distribution.
fn normal_tails(asked: &[Asked]) -> Result<Vec<Tail>> {
    asked
        .iter()
        .map(|&(_, alpha)| {
            let z = normal_quantile(alpha);
            Ok(Tail {
                value_at_risk: -z,
                expected_shortfall: normal_density(z) / alpha,
                expectile: normal_expectile(alpha)?,
            })
        })
        .collect()
}

/// Tail of the Student-t distribution with `nu` above 1, not scaled to unit variance.
fn student_t_tail(alpha: f64, nu: f64) -> Result<Tail> {
    let standard = StudentTFit { nu: Some(nu), location: 0.0, scale: 1.0, log_likelihood: 0.0 };
    Ok(Tail {
        value_at_risk: standard.value_at_risk(alpha)?,
        expected_shortfall: standard.expected_shortfall(alpha)?,
        expectile: student_t_expectile(alpha, nu)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights 1, 0.94, 0.8836 from the latest back.
    #[test]
    fn the_last_value_weighs_most() {
        let expected = ((0.04_f64 + 0.94 * 0.01 + 0.8836 * 0.09) / (1.0 + 0.94 + 0.8836)).sqrt();
        assert!((ewma_deviation(&[0.3, -0.1, 0.2]) - expected).abs() < 1e-15);
        assert!(ewma_deviation(&[0.0; 5]) <= 0.0);
        let huge = ewma_deviation(&[1e300; 5]);
        assert!((huge / 1e300 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_flat_window_is_forecast_as_flat() {
        let mut model = Historical::new(&[(super::super::Side::Lower, 0.05)]);
        assert!(model.refit(&[0.0; 60], 0).is_ok());
        let tails = model.forecast(&[0.0; 60]).map(|tails| tails[0].value_at_risk);
        assert_eq!(tails.map(|var| var.abs() <= 0.0), Ok(true));
    }
}
