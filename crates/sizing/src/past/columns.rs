//! What the limits read from the market: one column a symbol and window, computed once for all
//! rules, each value known at its bar's close.

use std::collections::BTreeMap;

use plimsoll_market::{DAY_MS, FundingEvent, Market, SymbolColumns, Timestamp};
use plimsoll_risk::moments::Moments;

use super::liquidity::TradedValue;
use crate::formulas::{average_true_range, ewma_volatility};
use crate::rule::{SizingRule, VolatilityEstimator, VolatilityTarget};

/// Days in a year of a market that never closes.
const DAYS_PER_YEAR: f64 = 365.0;

/// Columns that the rules of a study need.
#[derive(Debug)]
pub struct LimitInputs<'a> {
    market: &'a Market,
    /// Average true range by length in bars, then by symbol; `NaN` while it warms up.
    atr: BTreeMap<usize, Vec<Vec<f64>>>,
    /// Per symbol: close time of each complete UTC day and its log return.
    daily: Vec<Vec<(i64, f64)>>,
    /// Per symbol, where a rule asks for it: what has been traded so far.
    traded: Vec<TradedValue>,
}

impl<'a> LimitInputs<'a> {
    /// Computes every column that any of the rules reads.
    pub fn new(market: &'a Market, rules: &[SizingRule]) -> Self {
        let mut atr = BTreeMap::new();
        for bars in rules.iter().filter_map(|rule| rule.atr.as_ref().map(|atr| atr.bars)) {
            atr.entry(bars).or_insert_with(|| {
                market.symbols.iter().map(|symbol| atr_column(symbol, bars)).collect()
            });
        }
        let daily = market.symbols.iter().map(|symbol| daily_log_returns(market, symbol)).collect();
        let needs_value = rules.iter().any(|rule| rule.liquidity.is_some());
        let traded = market.symbols.iter().filter(|_| needs_value).map(TradedValue::new).collect();
        Self { market, atr, daily, traded }
    }

    /// Mean value traded in a day over the days up to a bar's close. `Err` holds how many days
    /// there are.
    pub(super) fn daily_traded_value(
        &self,
        symbol_idx: usize,
        bar: usize,
        days: usize,
    ) -> Result<f64, usize> {
        self.traded.get(symbol_idx).ok_or(0_usize)?.per_day(self.market.interval, bar, days)
    }

    /// Average true range at a bar's close, if it is defined there.
    pub(super) fn atr(&self, symbol_idx: usize, bars: usize, bar: usize) -> Option<f64> {
        self.atr.get(&bars).map(|columns| columns[symbol_idx][bar]).filter(|atr| !atr.is_nan())
    }

    /// Annual volatility of the symbol at a bar's close, from the UTC days closed by then, back
    /// to the last day that is missing. `Err` holds how many days there are and how many are
    /// needed.
    pub(super) fn annual_volatility(
        &self,
        symbol_idx: usize,
        target: &VolatilityTarget,
        bar: usize,
    ) -> Result<f64, (usize, usize)> {
        let now = self.market.close_time(bar).0;
        let days = &self.daily[symbol_idx];
        let known = &days[..days.partition_point(|&(close_time, _)| close_time <= now)];
        let mut next = now - now.rem_euclid(DAY_MS) + DAY_MS;
        let unbroken = known
            .iter()
            .rev()
            .take_while(|&&(close_time, _)| {
                next -= DAY_MS;
                close_time == next
            })
            .count();
        let known = &known[known.len() - unbroken..];
        if known.len() < target.days {
            return Err((known.len(), target.days));
        }
        let returns: Vec<f64> = match target.estimator {
            VolatilityEstimator::Ewma => known.iter().map(|&(_, r)| r).collect(),
            VolatilityEstimator::Rolling => {
                known[known.len() - target.days..].iter().map(|&(_, r)| r).collect()
            }
        };
        let daily = match target.estimator {
            VolatilityEstimator::Ewma => ewma_volatility(&returns, target.lambda).ok(),
            VolatilityEstimator::Rolling => {
                Moments::of(&returns).and_then(|moments| moments.standard_deviation_sample()).ok()
            }
        };
        daily.map(|sd| sd * DAYS_PER_YEAR.sqrt()).ok_or((known.len(), target.days))
    }

    /// The last `periods` funding rates per 8 hours published by a bar's close, oldest first;
    /// `None` where the data do not cover that instant.
    pub(super) fn last_funding_rates_8h(
        &self,
        symbol_idx: usize,
        bar: usize,
        periods: usize,
    ) -> Option<Vec<f64>> {
        let symbol = &self.market.symbols[symbol_idx];
        let now = self.market.close_time(bar);
        let covered = |from: Timestamp| {
            symbol.funding_coverage.iter().any(|&(start, end)| start <= from && now < end)
        };
        let count = symbol.funding.partition_point(|event| event.settlement_time <= now);
        let first = count.checked_sub(periods)?;
        covered(symbol.funding[first].settlement_time)
            .then(|| symbol.funding[first..count].iter().map(FundingEvent::rate_8h).collect())
    }
}

/// Wilder's average true range over each stretch of bars without a gap.
fn atr_column(symbol: &SymbolColumns, bars: usize) -> Vec<f64> {
    let n_bars = symbol.close.len();
    let mut column = vec![f64::NAN; n_bars];
    let mut start = 0;
    while start < n_bars {
        if !symbol.has_bar(start) {
            start += 1;
            continue;
        }
        let end = (start..n_bars).find(|&bar| !symbol.has_bar(bar)).unwrap_or(n_bars);
        // Too short a stretch has no average: its bars stay undefined.
        if let Ok(atr) = average_true_range(
            &symbol.high[start..end],
            &symbol.low[start..end],
            &symbol.close[start..end],
            bars,
        ) {
            column[start + atr.first_bar..end].copy_from_slice(&atr.values);
        }
        start = end;
    }
    column
}

/// Log returns between the closes of consecutive complete UTC days, with the days' close times.
fn daily_log_returns(market: &Market, symbol: &SymbolColumns) -> Vec<(i64, f64)> {
    let mut returns = Vec::new();
    let mut previous: Option<(i64, f64)> = None;
    for bar in 0..market.n_bars {
        let close_time = market.close_time(bar).0;
        if close_time % DAY_MS != 0 || !symbol.has_bar(bar) {
            continue;
        }
        let close = symbol.close[bar];
        if let Some((time, price)) = previous
            && close_time - time == DAY_MS
        {
            returns.push((close_time, (close / price).ln()));
        }
        previous = Some((close_time, close));
    }
    returns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use plimsoll_market::Interval;

    use super::*;

    /// Hourly bars; the close of day `d` is `closes[d]`.
    fn market(closes: &[f64]) -> Market {
        let close: Vec<f64> = closes.iter().flat_map(|&close| [close; 24]).collect();
        let symbol = SymbolColumns {
            high: close.iter().map(|price| price + 1.0).collect(),
            low: close.iter().map(|price| price - 1.0).collect(),
            open: close.clone(),
            close,
            ..SymbolColumns::default()
        };
        Market {
            venue: "binance-usdm".to_owned(),
            interval: Interval::HOUR,
            start: Timestamp::from_date(2024, 1, 1).unwrap(),
            n_bars: symbol.close.len(),
            symbols: vec![symbol],
        }
    }

    fn target(estimator: VolatilityEstimator, days: usize) -> VolatilityTarget {
        VolatilityTarget { annual: 0.4, estimator, days, lambda: 0.5 }
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
        assert_eq!(at(70), Err((1, 2))); // The third day closes with bar 71.
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
            assert_eq!(at(95), Err((0, 2)));
            assert_eq!(at(143), Err((1, 2)));
            assert!(at(167).is_ok());
        }
    }

    #[test]
    fn true_range_starts_anew_after_a_gap() {
        let mut market = market(&[100.0, 100.0]);
        market.symbols[0].close[20] = f64::NAN;
        let rule = SizingRule {
            atr: Some(crate::rule::Atr { risk_fraction: 0.01, bars: 5, multiple: 2.0 }),
            ..SizingRule::default()
        };
        let inputs = LimitInputs::new(&market, &[rule]);
        let defined: Vec<usize> = (0..48).filter(|&bar| inputs.atr(0, 5, bar).is_some()).collect();
        let first = defined[0];
        // As many bars of warm-up after the gap as at the start, none of them defined.
        let expected: Vec<usize> = (first..20).chain(21 + first..48).collect();
        assert_eq!(defined, expected);
        assert!((4..=5).contains(&first));
        assert_eq!(inputs.atr(0, 5, 19), Some(2.0));
    }

    #[test]
    fn funding_is_known_from_its_settlement_on() {
        let mut market = market(&[100.0, 100.0]);
        let times: Vec<Timestamp> = [0, 8, 16, 24].map(|bar| market.open_time(bar)).to_vec();
        market.symbols[0].funding = times
            .iter()
            .zip([0.0001, 0.0002, -0.0003, 0.0004])
            .map(|(&settlement_time, rate)| FundingEvent {
                settlement_time,
                rate,
                interval_minutes: 240,
                mark_price: None,
            })
            .collect();
        market.symbols[0].funding_coverage = vec![(times[0], market.open_time(30))];
        let inputs = LimitInputs::new(&market, &[]);
        // Rates of four hours count twice.
        for (bar, periods, expected) in [
            (14, 2, Some(vec![0.0002, 0.0004])),
            (15, 2, Some(vec![0.0004, -0.0006])), // Closes at the settlement.
            (6, 2, None),
            (28, 1, Some(vec![0.0008])),
            (29, 1, None), // Not covered any more.
        ] {
            assert_eq!(inputs.last_funding_rates_8h(0, bar, periods), expected, "bar {bar}");
        }
    }
}
