//! Models with a volatility that moves: a GARCH filter, and three ways to the tail of what is left
//! when its volatility is divided out.

use crate::error::Result;
use crate::garch::{GarchFilter, GarchFit, GarchSpec, Innovation, InnovationFamily, Volatility};
use crate::quantile::sorted;

use super::model::Side;
use super::spliced::SplicedTail;
use super::tail::{Asked, Tail, tails_of_sorted};
use super::walk::{Forecaster, Refit};

/// How the tail of the standardised residuals is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Residuals {
    /// Off the distribution that was fitted with the volatility.
    Fitted,
    /// Off their order statistics.
    Historical,
    /// Off generalised Pareto distributions, one for each side.
    ExtremeValue,
}

/// A GARCH model, its filter at the present return.
pub(super) struct Conditional {
    asked: Vec<Asked>,
    spec: GarchSpec,
    residuals: Residuals,
    fitted: Option<Fitted>,
}

struct Fitted {
    /// After the last return.
    filter: GarchFilter,
    /// Of the standardised residuals.
    tails: Vec<Tail>,
}

impl Conditional {
    /// The tail by the fitted innovations.
    pub(super) fn parametric(
        volatility: Volatility,
        innovation: InnovationFamily,
        asked: &[Asked],
    ) -> Self {
        Self::new(GarchSpec::new(volatility, innovation), Residuals::Fitted, asked)
    }

    /// The tail by the residuals as they were, of a GJR filter fitted as if they were normal.
    pub(super) fn filtered_historical(asked: &[Asked]) -> Self {
        Self::new(filter(), Residuals::Historical, asked)
    }

    /// The tail by the generalised Pareto distribution, of the same filter.
    pub(super) fn extreme_value(asked: &[Asked]) -> Self {
        Self::new(filter(), Residuals::ExtremeValue, asked)
    }

    fn new(spec: GarchSpec, residuals: Residuals, asked: &[Asked]) -> Self {
        Self { asked: asked.to_vec(), spec, residuals, fitted: None }
    }

    fn tails(&self, fit: &GarchFit) -> Result<Vec<Tail>> {
        match self.residuals {
            Residuals::Fitted => {
                let innovation = fit.innovation();
                self.asked.iter().map(|asked| innovation_tail(&innovation, *asked)).collect()
            }
            Residuals::Historical => tails_of_sorted(&sorted(&fit.residuals()), &self.asked),
            Residuals::ExtremeValue => extreme_value_tails(&fit.residuals(), &self.asked),
        }
    }
}

/// What the residuals of the two hybrids are filtered by: a volatility by quasi maximum likelihood,
/// as in both papers. It asks nothing of the law of the residuals, and the normal likelihood stays
/// in bounds where many returns are exactly zero, those of a strategy that stands aside.
fn filter() -> GarchSpec {
    GarchSpec::new(Volatility::Gjr, InnovationFamily::Normal)
}

impl Forecaster for Conditional {
    fn refit(&mut self, window: &[f64], _index: usize) -> Result<Refit> {
        // From the optimum before, a search can stay on what has become a lesser hill.
        let fit = GarchFit::of(window, self.spec)?;
        let tails = self.tails(&fit)?;
        let refit = Refit { converged: fit.converged, at_boundary: !fit.boundaries.is_empty() };
        self.fitted = Some(Fitted { filter: fit.filter(), tails });
        Ok(refit)
    }

    fn observe(&mut self, window: &[f64]) -> Result<()> {
        if let Some(fitted) = &mut self.fitted {
            fitted.filter.observe(window[window.len() - 1])?;
        }
        Ok(())
    }

    fn forecast(&self, _window: &[f64]) -> Result<Vec<Tail>> {
        let Some(fitted) = &self.fitted else {
            return Err(crate::check::undefined("forecast", "the model has not been fitted"));
        };
        let next = fitted.filter.forecast();
        (self.asked.iter().zip(&fitted.tails))
            .map(|((side, _), tail)| tail.moved(*side, next.mean, next.sigma).checked())
            .collect()
    }
}

fn innovation_tail(innovation: &Innovation, (side, alpha): Asked) -> Result<Tail> {
    let law = match side {
        Side::Lower => *innovation,
        Side::Upper => innovation.mirrored(),
    };
    let quantile = law.quantile(alpha)?;
    Ok(Tail {
        value_at_risk: -quantile,
        expected_shortfall: -law.lower_partial_mean(quantile)? / alpha,
        expectile: law.expectile(alpha)?,
    })
}

fn extreme_value_tails(residuals: &[f64], asked: &[Asked]) -> Result<Vec<Tail>> {
    let mut sides: Vec<(Side, SplicedTail)> = Vec::with_capacity(2);
    let mut tails = Vec::with_capacity(asked.len());
    for &(side, alpha) in asked {
        if !sides.iter().any(|(known, _)| *known == side) {
            let losses: Vec<f64> = residuals.iter().map(|z| -side.sign() * z).collect();
            sides.push((side, SplicedTail::of(&losses)?));
        }
        for (known, tail) in &sides {
            if *known == side {
                tails.push(tail.at(alpha)?);
            }
        }
    }
    Ok(tails)
}
