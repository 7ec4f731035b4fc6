//! How much the symbol moves: annual volatility at a bar's close.

use plimsoll_market::DAY_MS;
use plimsoll_risk::moments::Moments;

use super::columns::LimitInputs;
use crate::formulas::{SizingError, ewma_volatility, realised_volatility};
use crate::rule::{VolatilityEstimator, VolatilityTarget};

/// Days in a year of a market that never closes.
const DAYS_PER_YEAR: f64 = 365.0;

impl LimitInputs<'_> {
    /// Annual volatility of the symbol at a bar's close. Days and bars count back to the last one
    /// that is missing.
    pub(super) fn annual_volatility(
        &self,
        symbol_idx: usize,
        target: &VolatilityTarget,
        bar: usize,
    ) -> Result<f64, SizingError> {
        let daily = match target.estimator {
            VolatilityEstimator::Ewma => {
                let returns = self.last_days(symbol_idx, bar, target.days, usize::MAX)?;
                ewma_volatility(&returns, target.lambda)?
            }
            VolatilityEstimator::Rolling => {
                let returns = self.last_days(symbol_idx, bar, target.days, target.days)?;
                let have = returns.len();
                Moments::of(&returns)
                    .and_then(|moments| moments.standard_deviation_sample())
                    .map_err(|_| SizingError::TooFewObservations { have, need: 2 })?
            }
            VolatilityEstimator::Realised => {
                let returns = self.last_bar_returns(symbol_idx, bar, target.days)?;
                let days = returns.len() as f64 * self.market.interval.ms() as f64 / DAY_MS as f64;
                realised_volatility(&returns, days)?
            }
            VolatilityEstimator::Garch => {
                self.forecast_volatility(symbol_idx, &target.garch.unwrap_or_default(), bar)?
            }
        };
        Ok(daily * DAYS_PER_YEAR.sqrt())
    }

    /// Log returns of the last `most` days, at least `need` of them.
    fn last_days(
        &self,
        symbol_idx: usize,
        bar: usize,
        need: usize,
        most: usize,
    ) -> Result<Vec<f64>, SizingError> {
        let known = self.unbroken_days(symbol_idx, bar);
        if known.len() < need {
            return Err(SizingError::TooFewObservations { have: known.len(), need });
        }
        Ok(known[known.len().saturating_sub(most)..].iter().map(|&(_, r)| r).collect())
    }

    /// Log returns of the bars of the last `days` times 24 hours, none of them missing.
    fn last_bar_returns(
        &self,
        symbol_idx: usize,
        bar: usize,
        days: usize,
    ) -> Result<Vec<f64>, SizingError> {
        let symbol = &self.market.symbols[symbol_idx];
        let span_ms = days as u64 * DAY_MS as u64;
        let need = span_ms.div_ceil(self.market.interval.ms() as u64) as usize;
        let earliest = (bar + 1).saturating_sub(need + 1);
        let present = (earliest..=bar).rev().take_while(|&at| symbol.has_bar(at)).count();
        if present <= need {
            return Err(SizingError::TooFewObservations { have: present.saturating_sub(1), need });
        }
        let closes = &symbol.close[earliest..=bar];
        Ok(closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect())
    }
}
