//! What the market has traded, as running sums: the mean over any window at the cost of one
//! subtraction.

use plimsoll_market::{DAY_MS, Interval, SymbolColumns};

/// Value traded up to each bar.
#[derive(Debug)]
pub(super) struct TradedValue {
    /// Quote currency traded before each bar, and after the last.
    sums: Vec<f64>,
    /// The first bar that exists.
    first_bar: usize,
}

impl TradedValue {
    pub(super) fn new(symbol: &SymbolColumns) -> Self {
        let n_bars = symbol.close.len();
        let mut sums = Vec::with_capacity(n_bars + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for bar in 0..n_bars {
            let value = symbol.quote_volume.get(bar).copied().unwrap_or(0.0);
            if symbol.has_bar(bar) && value > 0.0 {
                sum += value;
            }
            sums.push(sum);
        }
        let first_bar = (0..n_bars).find(|&bar| symbol.has_bar(bar)).unwrap_or(n_bars);
        Self { sums, first_bar }
    }

    /// Mean value a day over so many days up to a bar's close; `Err` holds the days there are.
    pub(super) fn per_day(
        &self,
        interval: Interval,
        bar: usize,
        days: usize,
    ) -> Result<f64, usize> {
        let window_ms = days as i64 * DAY_MS;
        let n_bars = (window_ms as u64).div_ceil(interval.ms() as u64) as usize;
        let known = (bar + 1).saturating_sub(self.first_bar);
        if days == 0 || known < n_bars {
            return Err((known as i64 * interval.ms() / DAY_MS) as usize);
        }
        let traded = self.sums[bar + 1] - self.sums[bar + 1 - n_bars];
        Ok(traded * DAY_MS as f64 / (n_bars as f64 * interval.ms() as f64))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn the_mean_day_by_hand() {
        // Hourly: nothing exists in the first two bars, then 10 a bar, none of it in bar 30.
        let mut symbol = SymbolColumns {
            close: vec![1.0; 80],
            quote_volume: vec![10.0; 80],
            ..SymbolColumns::default()
        };
        for bar in [0, 1, 30] {
            symbol.close[bar] = f64::NAN;
            symbol.quote_volume[bar] = f64::NAN;
        }
        let traded = TradedValue::new(&symbol);
        let at = |bar, days| traded.per_day(Interval::HOUR, bar, days);
        assert_eq!(at(24, 1), Err(0));
        assert_eq!(at(25, 1), Ok(240.0));
        assert_eq!(at(30, 1), Ok(230.0));
        assert_eq!(at(54, 1), Ok(240.0));
        assert_eq!(at(48, 2), Err(1));
        assert_eq!(at(49, 2), Ok(235.0));
        assert_eq!(at(79, 0), Err(3));
    }
}
