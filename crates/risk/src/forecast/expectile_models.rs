//! Models of the expectile itself: value at risk is the expectile at the level that a share
//! `alpha` of the window falls below, expected shortfall follows from it by Taylor's relation.
//!
//! Each side and tail probability has a model of its own, fitted to the gains of that side, and
//! beside it one at the level `tau = alpha` for the expectile forecast.

use crate::error::Result;
use crate::expectile::care::CareModel;
use crate::expectile::care_fit::{CareFit, CareSettings};
use crate::expectile::care_tail::CareTail;

use super::tail::{Asked, Tail};
use super::walk::{Forecaster, Refit};

pub(super) struct ExpectileModels {
    model: CareModel,
    asked: Vec<Asked>,
    seed: u64,
    /// One for each that is asked for, once fitted.
    fitted: Vec<Fitted>,
}

struct Fitted {
    tail: CareTail,
    level: CareFit,
    /// Of the next return: the expectile that is the quantile, and that at `tau = alpha`.
    quantile: f64,
    expectile: f64,
}

impl ExpectileModels {
    pub(super) fn new(model: CareModel, asked: &[Asked], seed: u64) -> Self {
        Self { model, asked: asked.to_vec(), seed, fitted: Vec::new() }
    }

    fn fit(&self, window: &[f64], column: usize, settings: &CareSettings) -> Result<Fitted> {
        let (side, alpha) = self.asked[column];
        let gains: Vec<f64> = window.iter().map(|r| side.sign() * r).collect();
        let (tail, level) = match self.fitted.get(column) {
            None => (
                CareTail::of(&gains, self.model, alpha, settings)?,
                CareFit::of(&gains, self.model, alpha, settings)?,
            ),
            Some(earlier) => (
                CareTail::from_earlier(&gains, &earlier.tail, settings)?,
                CareFit::from_earlier(&gains, &earlier.level.care, alpha, settings)?,
            ),
        };
        let (quantile, expectile) = (tail.fit.path.next, level.path.next);
        Ok(Fitted { tail, level, quantile, expectile })
    }
}

impl Forecaster for ExpectileModels {
    fn refit(&mut self, window: &[f64], index: usize) -> Result<Refit> {
        let seed = self.seed.wrapping_add(index as u64);
        let settings = CareSettings { seed, ..CareSettings::default() };
        self.fitted = (0..self.asked.len())
            .map(|column| self.fit(window, column, &settings))
            .collect::<Result<Vec<Fitted>>>()?;
        let mut diagnostics = (self.fitted.iter())
            .flat_map(|fitted| [fitted.tail.fit.diagnostics, fitted.level.diagnostics]);
        let converged = diagnostics.clone().all(|search| search.converged);
        Ok(Refit { converged, at_boundary: diagnostics.any(|search| search.at_boundary) })
    }

    fn observe(&mut self, window: &[f64]) -> Result<()> {
        let r = window[window.len() - 1];
        for ((side, _), fitted) in self.asked.iter().zip(&mut self.fitted) {
            let gain = side.sign() * r;
            fitted.quantile = fitted.tail.fit.care.step(fitted.quantile, gain)?;
            fitted.expectile = fitted.level.care.step(fitted.expectile, gain)?;
        }
        Ok(())
    }

    fn forecast(&self, _window: &[f64]) -> Result<Vec<Tail>> {
        (self.fitted.iter())
            .map(|fitted| {
                let tail = fitted.tail.at(fitted.quantile);
                Tail {
                    value_at_risk: tail.value_at_risk,
                    expected_shortfall: tail.expected_shortfall,
                    expectile: fitted.expectile,
                }
                .checked()
            })
            .collect()
    }
}
