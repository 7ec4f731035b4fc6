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
                let returns = self.last_days(symbol_idx, bar, target.days(), usize::MAX)?;
                ewma_volatility(&returns, target.lambda())?
            }
            VolatilityEstimator::Rolling => {
                let returns = self.last_days(symbol_idx, bar, target.days(), target.days())?;
                let have = returns.len();
                Moments::of(&returns)
                    .and_then(|moments| moments.standard_deviation_sample())
                    .map_err(|_| SizingError::TooFewObservations { have, need: 2 })?
            }
            VolatilityEstimator::Realised => {
                let returns = self.last_bar_returns(symbol_idx, bar, target.days())?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plimsoll_market::{Interval, Market, SymbolColumns, Timestamp};

    use super::*;

    /// Hourly bars; the close of day `d` is `closes[d]`.
    fn market(closes: &[f64]) -> Market {
        let close: Vec<f64> = closes.iter().flat_map(|&close| [close; 24]).collect();
        Market {
            venue: "binance-usdm".to_owned(),
            interval: Interval::HOUR,
            start: Timestamp::from_date(2024, 1, 1).unwrap(),
            n_bars: close.len(),
            symbols: vec![SymbolColumns { close, ..SymbolColumns::default() }],
        }
    }

    fn target(estimator: VolatilityEstimator, days: usize) -> VolatilityTarget {
        VolatilityTarget {
            annual: 0.4,
            estimator,
            days: Some(days),
            lambda: Some(0.5),
            garch: None,
        }
    }

    fn too_few(have: usize, need: usize) -> Result<f64, SizingError> {
        Err(SizingError::TooFewObservations { have, need })
    }

    #[test]
    fn daily_volatility_uses_closed_days_only() {
        let e = std::f64::consts::E;
        // Daily log returns 1, -1, 1: their sample standard deviation over the last two is
        // sqrt(2), over all three sqrt(4/3).
        let market = market(&[1.0, e, 1.0, e]);
        let inputs = LimitInputs::new(&market, &[]);
        let rolling = target(VolatilityEstimator::Rolling, 2);
        let at = |bar| inputs.annual_volatility(0, &rolling, bar);
        assert_eq!(at(70), too_few(1, 2)); // The third day closes with bar 71.
        for (bar, daily) in [(71, 2.0_f64.sqrt()), (94, 2.0_f64.sqrt()), (95, 2.0_f64.sqrt())] {
            assert!((at(bar).unwrap() - daily * 365.0_f64.sqrt()).abs() < 1e-9, "bar {bar}");
        }
        let three = target(VolatilityEstimator::Rolling, 3);
        let expected = (4.0 / 3.0 * 365.0_f64).sqrt();
        assert!((inputs.annual_volatility(0, &three, 95).unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn a_missing_day_starts_the_volatility_anew() {
        let mut market = market(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        for bar in 72..96 {
            market.symbols[0].close[bar] = f64::NAN; // The fourth day.
        }
        let inputs = LimitInputs::new(&market, &[]);
        for estimator in [VolatilityEstimator::Rolling, VolatilityEstimator::Ewma] {
            let at = |bar| inputs.annual_volatility(0, &target(estimator, 2), bar);
            assert!(at(71).is_ok());
            assert_eq!(at(95), too_few(0, 2));
            assert_eq!(at(143), too_few(1, 2));
            assert!(at(167).is_ok());
        }
    }
}
