//! A sample with the tail of its losses replaced by a generalised Pareto distribution.

use crate::check::{defined, undefined};
use crate::error::Result;
use crate::moments::sum;
use crate::numeric::distribution::bisect;
use crate::quantile::{quantile_sorted, sorted};
use crate::tail::extreme_value::{GPD_EXCEEDANCES_MIN, GpdFit};

use super::tail::Tail;

/// Losses up to a threshold as they were, beyond it by a generalised Pareto distribution: the
/// largest tenth of them, as in McNeil & Frey (2000), or [`GPD_EXCEEDANCES_MIN`] of a short sample.
pub(super) struct SplicedTail {
    gpd: GpdFit,
    /// All losses in ascending order.
    ascending: Vec<f64>,
    /// How many of them are up to the threshold.
    n_body: usize,
    /// Mean loss of the spliced distribution.
    mean: f64,
}

impl SplicedTail {
    /// # Errors
    /// What [`GpdFit::of_largest`] refuses, or a shape of 1 or more: the tail has no mean.
    pub(super) fn of(losses: &[f64]) -> Result<Self> {
        let gpd = GpdFit::of_largest(losses, (losses.len() / 10).max(GPD_EXCEEDANCES_MIN))?;
        if gpd.xi >= 1.0 {
            return Err(undefined("gpd_es", "with a shape of 1 or more the tail has no mean"));
        }
        let ascending = sorted(losses);
        let n_body = ascending.len() - gpd.n_exceed;
        let n = ascending.len() as f64;
        let body = sum(ascending[..n_body].iter().map(|loss| loss / n));
        let tail = gpd.n_exceed as f64 / n * (gpd.threshold + gpd.beta / (1.0 - gpd.xi));
        Ok(Self { gpd, n_body, mean: defined("gpd_es", body + tail)?, ascending })
    }

    /// Value at risk, expected shortfall and, at `tau = alpha`, expectile.
    pub(super) fn at(&self, alpha: f64) -> Result<Tail> {
        let share = self.gpd.n_exceed as f64 / self.ascending.len() as f64;
        let value_at_risk = if alpha <= share {
            self.gpd.value_at_risk(alpha)?
        } else {
            quantile_sorted(&self.ascending, 1.0 - alpha)
        };
        let expected_shortfall = value_at_risk + self.mean_beyond(value_at_risk) / alpha;
        // With m the mean gain, tau (m - e) = (1 - 2 tau) E(e - Z)+, the left side falling in e.
        let above_root =
            |loss: f64| alpha * (loss - self.mean) >= (1.0 - 2.0 * alpha) * self.mean_beyond(loss);
        let mut high = value_at_risk.max(self.mean).max(1.0);
        while !above_root(high) {
            high *= 2.0;
            if !high.is_finite() {
                return Err(undefined("expectile forecast", "`tau` is too small"));
            }
        }
        let expectile = -bisect(self.mean, high, |loss| !above_root(loss));
        Tail { value_at_risk, expected_shortfall, expectile }.checked()
    }

    /// `E(L - loss)+`.
    fn mean_beyond(&self, loss: f64) -> f64 {
        let GpdFit { threshold, xi, beta, n_exceed, .. } = self.gpd;
        let n = self.ascending.len() as f64;
        let share = n_exceed as f64 / n;
        let excess = (loss - threshold).max(0.0);
        // The part of the tail's excess that is beyond the loss.
        let log_survival = if xi.abs() < 1e-8 {
            -excess / beta
        } else if 1.0 + xi * excess / beta <= 0.0 {
            return 0.0;
        } else {
            (1.0 - 1.0 / xi) * (xi * excess / beta).ln_1p()
        };
        let tail = share * beta / (1.0 - xi) * log_survival.exp();
        if loss >= threshold {
            return tail;
        }
        let body = self.ascending[..self.n_body].iter().rev().take_while(|other| **other > loss);
        tail + share * (threshold - loss) + sum(body.map(|other| (other - loss) / n))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn losses() -> Vec<f64> {
        // Quantiles of a distribution with tail index 4 on both sides.
        (0..500_u32)
            .map(|i| {
                let u = (f64::from(i) + 0.5) / 500.0;
                if u > 0.5 {
                    (2.0 * (1.0 - u)).powf(-0.25) - 1.0
                } else {
                    1.0 - (2.0 * u).powf(-0.25)
                }
            })
            .collect()
    }

    /// Where the tail is Pareto, value at risk and expected shortfall are those of the fit.
    #[test]
    fn the_tail_is_that_of_the_fit() {
        let losses = losses();
        let spliced = SplicedTail::of(&losses).unwrap();
        let fit = GpdFit::of_largest(&losses, 50).unwrap();
        for alpha in [0.001, 0.005, 0.01, 0.05, 0.1] {
            let tail = spliced.at(alpha).unwrap();
            assert!((tail.value_at_risk - fit.value_at_risk(alpha).unwrap()).abs() < 1e-12);
            let shortfall = fit.expected_shortfall(alpha).unwrap();
            assert!((tail.expected_shortfall / shortfall - 1.0).abs() < 1e-12);
        }
        // Nearer the middle it is the sample that speaks.
        let tail = spliced.at(0.3).unwrap();
        assert!((tail.value_at_risk - quantile_sorted(&sorted(&losses), 0.7)).abs() < 1e-15);
        assert!(tail.expected_shortfall > spliced.at(0.31).unwrap().expected_shortfall);
    }

    /// The expectile balances the means on its two sides, by a sum over the quantiles of the
    /// spliced distribution.
    #[test]
    fn the_expectile_balances() {
        let losses = losses();
        let spliced = SplicedTail::of(&losses).unwrap();
        let ascending = sorted(&losses);
        for tau in [0.005, 0.01, 0.2] {
            let expectile = spliced.at(tau).unwrap().expectile;
            let (mut above, mut below) = (0.0, 0.0);
            // The body, 450 of the 500 losses, and a million quantiles of the tail.
            let cells = 1_000_000_u32;
            let tail = (0..cells).map(|i| {
                let alpha = 0.1 * (f64::from(i) + 0.5) / f64::from(cells);
                (-spliced.gpd.value_at_risk(alpha).unwrap(), 0.1 / f64::from(cells))
            });
            let body = ascending[..450].iter().map(|loss| (-loss, 1.0 / 500.0));
            for (gain, weight) in body.chain(tail) {
                above += weight * (gain - expectile).max(0.0);
                below += weight * (expectile - gain).max(0.0);
            }
            let (left, right) = (tau * above, (1.0 - tau) * below);
            assert!((left / right - 1.0).abs() < 2e-3, "{tau}: {left} {right}");
        }
    }
}
